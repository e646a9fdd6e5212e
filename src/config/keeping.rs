//! What is kept of the traffic beyond the screen, and what of it may leave the process: `content`, `redact`, `capture`
//! and `replay`.

use std::path::PathBuf;

use super::set;
use crate::redact::Redact;
use crate::yaml::Node;

/// Whether prompts and answers may leave the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// They may.
    Show,
    /// Only if that is asked for.
    Mask,
    /// Never.
    Off,
}

/// The words of `content`.
const CONTENTS: [(&str, Content); 3] = [("show", Content::Show), ("mask", Content::Mask), ("off", Content::Off)];

/// What a configuration says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeping {
    /// Whether texts may leave the process.
    pub content: Content,
    /// Patterns whose matches do not.
    pub redact: Vec<String>,
    /// Where captures go that were not named; `None` for the folder of the program's own state.
    pub folder: Option<PathBuf>,
    /// Bytes of all captures in it together.
    pub capture_bytes: u64,
    /// Records before the key was pressed that a capture begins with.
    pub capture_before: usize,
    /// Bytes of all verdict stores of replays together.
    pub store_bytes: u64,
}

impl Default for Keeping {
    fn default() -> Self {
        Self {
            content: Content::Show,
            redact: Vec::new(),
            folder: None,
            capture_bytes: 256 << 20,
            capture_before: 10_000,
            store_bytes: 4 << 30,
        }
    }
}

impl Keeping {
    /// The patterns, compiled. They were tried when they were read.
    pub fn redact(&self) -> Redact {
        Redact::new(&self.redact).unwrap_or_default()
    }

    pub(super) fn read(&mut self, root: &Node<'_>) {
        set(&mut self.content, root.get("content").and_then(|n| n.word(&CONTENTS)));
        if let Some(patterns) = root.get("redact").and_then(|n| n.list()) {
            self.redact = Vec::new();
            for node in &patterns {
                let Some(pattern) = node.string().map(str::to_owned) else { continue };
                match Redact::new(std::slice::from_ref(&pattern)) {
                    Ok(_) => self.redact.push(pattern),
                    Err((_, why)) => node.fault(format!("not a regular expression: {why}"), None),
                }
            }
        }
        if let Some(capture) = root.get("capture") {
            capture.only(&["folder", "bytes", "before"]);
            self.folder = capture.get("folder").and_then(|n| n.string()).map(PathBuf::from).or(self.folder.take());
            set(&mut self.capture_bytes, capture.get("bytes").and_then(|n| n.whole(1 << 16..=1 << 50)));
            let before = capture.get("before").and_then(|n| n.whole(0..=10_000_000));
            set(&mut self.capture_before, before.map(|n| n as usize));
        }
        if let Some(replay) = root.get("replay") {
            replay.only(&["store_bytes"]);
            set(&mut self.store_bytes, replay.get("store_bytes").and_then(|n| n.whole(1 << 20..=1 << 50)));
        }
    }

    /// Whether texts may be kept as they are, wherever that is of use.
    pub fn is_open(&self) -> bool {
        self.content != Content::Off && self.redact.is_empty()
    }

    pub(super) fn to_yaml(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let patterns: Vec<String> = self.redact.iter().map(|pattern| quoted(pattern)).collect();
        let content = CONTENTS.iter().find(|(_, content)| *content == self.content).map_or("", |(word, _)| word);
        format!(
            "content: {content}\nredact: [{}]\ncapture:\n  folder: {}\n  bytes: {}\n  before: {}\nreplay:\n  store_bytes: {}\n",
            patterns.join(", "),
            self.folder.as_ref().map_or("null".to_owned(), |folder| quoted(&folder.to_string_lossy())),
            self.capture_bytes,
            self.capture_before,
            self.store_bytes,
        )
    }
}
