//! The report for whoever takes over: what was wrong in a range of time, on which records, by which rules, and the
//! command that opens the same place again. Markdown, escaped, for its reader alone until it is handed on.

mod markdown;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::history::Row;
use crate::redact::Redact;
use crate::state::AppState;

/// How reports are written.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where; `None` where there is no home.
    pub folder: Option<PathBuf>,
    /// Texts never leave the process, whoever asks.
    pub never_text: bool,
    /// Patterns whose matches do not.
    pub redact: Arc<Redact>,
    /// What is replayed.
    pub file: Option<PathBuf>,
    /// What was said on the command line beside it, and decides over the verdicts.
    pub words: Vec<String>,
}

/// A report that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Index of the range.
    pub range: usize,
    /// With prompts and answers.
    pub text: bool,
}

/// A range of time up to now, or to the place that is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Range {
    /// In words.
    pub name: String,
    /// From here on; `None` for all that is kept.
    pub from: Option<Timestamp>,
}

/// What the last range but one covers, minutes.
const MINUTES: i64 = 15;

/// Reports that one second may have.
const SAME: u32 = 100;

/// Bytes of a log that are hashed at most.
const HASHED: u64 = 4 << 30;

/// The ranges that can be reported on, the likeliest first.
pub fn ranges(state: &AppState) -> Vec<Range> {
    let mut found = Vec::new();
    let at = |at: Timestamp| crate::humanize::clock(at);
    let mark = match state.replay() {
        Some(report) => report.timeline.iter().rev().find(|entry| entry.kind == "mark").map(|entry| entry.at),
        None => state.marks.own.last().map(|mark| mark.at),
    };
    if let Some(from) = mark {
        found.push(Range { name: format!("since the last mark, {}", at(from)), from: Some(from) });
    }
    if let Some(from) = state.board().alerts.firing().map(|alert| alert.since).min() {
        let name = format!("since the oldest alert that fires, {}", at(from));
        found.push(Range { name, from: Some(from) });
    }
    let now = state.event_time();
    let from = now.checked_sub(SignedDuration::from_mins(MINUTES)).unwrap_or(now);
    found.push(Range { name: format!("the last {MINUTES} minutes"), from: Some(from) });
    found.push(Range { name: "all that is kept".to_owned(), from: None });
    found
}

/// A part of a log that the records are from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    source: String,
    file: String,
    from: u64,
    to: u64,
    /// It was named by the user. What a record or a capture names is not opened.
    own: bool,
}

/// A report that is to be written.
#[derive(Debug)]
pub struct Handover {
    path: PathBuf,
    /// The text before the hashes, and behind them.
    text: (String, String),
    parts: Vec<Part>,
    opened: Option<PathBuf>,
}

impl Handover {
    /// Gathers what is to be told.
    ///
    /// # Errors
    /// When there is nothing to tell, or no place for it; in words.
    pub fn of(state: &AppState, options: &Options, wanted: Wanted, now: Timestamp) -> Result<Self, String> {
        let folder = options.folder.as_ref().ok_or("there is no home folder to put it into: set HOME")?;
        let range = ranges(state).into_iter().nth(wanted.range).ok_or("there is no such range")?;
        let inside =
            |row: &&Row| range.from.is_none_or(|from| row.verdict.ts.or(row.verdict.at).is_none_or(|at| at >= from));
        let rows: Vec<&Row> = state.board().records.history().rows().filter(inside).collect();
        if rows.is_empty() {
            return Err("there is no record in this range".to_owned());
        }
        let text = wanted.text && !options.never_text;
        let told = markdown::Told { state, rows: &rows, range: &range, text, options, now };
        let name = format!("handover-{}.md", now.strftime("%Y%m%dT%H%M%SZ"));
        let own = |source: &str| {
            let opened = options.file.as_ref().is_some_and(|file| file.to_string_lossy() == source);
            opened || state.status.sources.contains_key(source)
        };
        let (path, parts, opened) = (folder.join(name), parts(&rows, &own), options.file.clone());
        Ok(Self { path, text: told.text(), parts, opened })
    }

    /// Hashes the logs and writes the report; where it is then.
    ///
    /// # Errors
    /// When it can't be written; in words.
    pub fn write(self) -> Result<PathBuf, String> {
        let wrong = |error: io::Error| format!("{}: {error}", self.path.display());
        let folder = self.path.parent().unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(wrong)?;
        let mut hashes = String::new();
        if let Some(path) = &self.opened {
            let hash = hash(path, 0, u64::MAX).unwrap_or_else(|why| why);
            hashes.push_str(&markdown::file_line(&path.to_string_lossy(), &hash));
        }
        for part in &self.parts {
            let hash = match part.own {
                true => hash(Path::new(&part.source), part.from, part.to).unwrap_or_else(|why| why),
                false => "not hashed: it is not here".to_owned(),
            };
            hashes.push_str(&markdown::part_line(&part.source, &part.file, (part.from, part.to), &hash));
        }
        let (mut file, path) = create(&self.path).map_err(wrong)?;
        let (head, tail) = &self.text;
        file.write_all(format!("{head}{hashes}{tail}").as_bytes()).map_err(wrong)?;
        Ok(path)
    }
}

/// A file of this name, or of the first one like it that is free.
fn create(path: &Path) -> io::Result<(File, PathBuf)> {
    let mut number = 1;
    loop {
        let path = match number {
            1 => path.to_owned(),
            _ => path.with_extension(format!("{number}.md")),
        };
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < SAME => number += 1,
            opened => return opened.map(|file| (file, path)),
        }
    }
}

/// Where in which logs the records stand.
fn parts(rows: &[&Row], own: &dyn Fn(&str) -> bool) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for row in rows {
        let origin = &row.record.origin;
        let end = origin.offset + row.record.raw.len() as u64;
        match parts.iter_mut().find(|part| *part.file == *origin.file && *part.source == *origin.source) {
            Some(part) => (part.from, part.to) = (part.from.min(origin.offset), part.to.max(end)),
            None => {
                let (source, file) = (origin.source.to_string(), origin.file.to_string());
                let own = own(&source);
                parts.push(Part { source, file, from: origin.offset, to: end, own });
            }
        }
    }
    parts
}

/// The SHA-256 of a part of a file; why there is none.
fn hash(path: &Path, from: u64, to: u64) -> Result<String, String> {
    let none = |why: &dyn std::fmt::Display| format!("not hashed: {why}");
    if !path.is_file() {
        return Err(none(&"it is no file here"));
    }
    let mut file = File::open(path).map_err(|error| none(&error))?;
    let to = to.min(file.metadata().map_err(|error| none(&error))?.len());
    if to.saturating_sub(from) > HASHED {
        return Err(none(&"it is too long"));
    }
    file.seek(SeekFrom::Start(from)).map_err(|error| none(&error))?;
    let (mut left, mut hash, mut buffer) = (file.take(to.saturating_sub(from)), Sha256::new(), vec![0; 1 << 16]);
    loop {
        match left.read(&mut buffer).map_err(|error| none(&error))? {
            0 => break,
            read => hash.update(&buffer[..read]),
        }
    }
    let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("sha256:{digest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_capture_names_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        std::fs::write(&log, "0123456789").unwrap();
        let part = |own| Part { source: log.to_string_lossy().into(), file: "f".into(), from: 2, to: 5, own };
        let report = |parts| {
            let path = folder.path().join("report.md");
            let written = Handover { path, text: ("head".into(), "tail".into()), parts, opened: None }.write().unwrap();
            (std::fs::read_to_string(&written).unwrap(), written)
        };
        let (mine, first) = report(vec![part(true)]);
        // The hash of "234".
        assert!(mine.contains("sha256:114bd151f8fb0c58642d2170da4ae7d7c57977260ac2cc8905306cab6b2acabc"), "{mine}");
        let (foreign, second) = report(vec![part(false)]);
        assert!(foreign.contains("not hashed") && !foreign.contains("sha256"), "{foreign}");
        assert_ne!(first, second, "a report is never written over");
    }
}
