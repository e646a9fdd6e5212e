//! The folder of captures: names that are free, and a budget for all of them together.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use jiff::Timestamp;

use crate::humanize;

/// Captures that one second may have of one name.
const SAME: usize = 1_000;

/// The folder.
pub(super) struct Folder {
    path: PathBuf,
    most: u64,
    used: u64,
}

impl Folder {
    /// A folder, with what is in it already.
    pub fn new(path: PathBuf, most: u64) -> Self {
        let entries = fs::read_dir(&path).into_iter().flatten().flatten();
        let captures = entries.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "wcap"));
        let used = captures.filter_map(|entry| entry.metadata().ok()).map(|meta| meta.len()).sum();
        Self { path, most, used }
    }

    /// Bytes of the captures that have ended.
    pub fn used(&self) -> u64 {
        self.used
    }

    /// Another one has ended.
    pub fn add(&mut self, bytes: u64) {
        self.used += bytes;
    }

    /// Whether another capture may begin.
    pub fn room(&self) -> Result<(), String> {
        if self.used < self.most { Ok(()) } else { Err(used_up(self.most)) }
    }

    /// A name that is free.
    pub fn name(&self, what: &str, now: Timestamp) -> Result<PathBuf, String> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.path);
        made.map_err(|error| format!("{}: {error}", self.path.display()))?;
        // The name of a rule is foreign: nothing of it may lead elsewhere.
        let plain: String = what.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
        let what: String = plain.chars().take(64).collect();
        let at = now.strftime("%Y%m%dT%H%M%SZ");
        let mut names = (1..SAME).map(|number| match number {
            1 => self.path.join(format!("{what}-{at}.wcap")),
            _ => self.path.join(format!("{what}-{at}-{number}.wcap")),
        });
        names.find(|path| !path.exists()).ok_or_else(|| format!("too many captures named {what}-{at}"))
    }
}

/// The budget is used up, in words.
pub(super) fn used_up(most: u64) -> String {
    format!("all captures together have reached `capture.bytes` ({})", humanize::bytes(most))
}
