//! The capture: one file, `.wcap`, that keeps an incident with all that is needed to look at it again.
//!
//! ```text
//! ┌ skippable frame ─────────────────────────────────────────────┐
//! │ 57 2A 4D 18 │ length, u32 LE │ watcher capture 1\n           │  told apart from other files by this
//! ├ zstd frame, with checksum ───────────────────────────────────┤
//! │ {"t":"head","version":1,"watcher":…,"config":…,"rules":…}\n  │  always the first line
//! ├ zstd frame ──────────────────────────────────────────────────┤
//! │ {"t":"state","state":…}\n  or  {"t":"state","empty":true}\n  │  if it is known
//! ├ zstd frames, each of whole lines: some 256 KiB, or a flush ──┤
//! │ {"t":"record","seq":…,…,"verdict":{…},"more":{…}}\n          │  `seq` rises
//! │ {"t":"rules","at":…,"revision":…,"rules":[…]}\n              │
//! │ {"t":"event","at":…,"kind":…,"text":…}\n                     │
//! │ {"t":"end","records":N,"why":…}\n                            │  if it was closed
//! └──────────────────────────────────────────────────────────────┘
//! ```
//!
//! `zstd -dc` shows it as NDJSON. Every line ends with `"sum"`, the FNV-1a hash (64 bits) of what stands before it: a
//! frame that is cut off has no checksum, and its lines count only if their own sum is right. What is written is handed
//! to the operating system frame by frame, so that the file of a process that was killed opens up to its last frame.
//!
//! ```text
//! writer ─► privacy ─► encode ─► frames in the file ─► frames ─► reader ─► decode
//! ```

mod decode;
mod encode;
mod frames;
mod privacy;
mod reader;
mod writer;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::record::Record;
use crate::verdict::Verdict;

pub use privacy::Privacy;
pub use reader::Reader;
pub use writer::Writer;

/// Version of the form. One that is not this is not read.
pub const VERSION: u32 = 1;

/// How the skippable frame begins, as a number in little-endian order.
const MAGIC: u32 = 0x184D_2A57;

/// What stands in the skippable frame before the version.
const NAME: &[u8] = b"watcher capture ";

/// Bytes of lines after which a frame is ended.
const FRAME_BYTES: usize = 256 << 10;

/// Longest line of head or state, bytes.
const HEAD_BYTES: usize = 64 << 20;

/// What the engines know at the first record.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// Nothing, exactly: a fresh start.
    Empty,
    /// This. It is written as it is, so it must hold no text of a record when the capture is to hold none.
    Known(serde_json::Value),
    /// It could not be told.
    Unknown,
}

/// A file of rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleText {
    /// Its path, as the user named it.
    pub name: String,
    /// What stands in it.
    pub text: String,
}

/// What holds for the whole capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Version of the program that made it.
    pub watcher: String,
    /// When it was begun.
    pub made: Timestamp,
    /// What it was begun for: `operator`, `command line`, `rule max-loss`.
    pub why: String,
    /// `LIVE`, `DEMO` or `REPLAY`.
    pub mode: String,
    /// Whether it holds the texts of the records. The writer never claims more than it keeps.
    pub text: bool,
    /// Whether something may have been redacted. The writer never claims less than it does.
    pub redacted: bool,
    /// The configuration in force, as YAML.
    pub config: String,
    /// Labels that the group key is taken from.
    pub key: Vec<String>,
    /// The rules in force at the first record.
    pub rules: Vec<RuleText>,
    /// Their revision, `sha256:…`.
    pub revision: String,
    /// What the action was advised by.
    pub policy: String,
    /// The embedding backend in force.
    pub backend: String,
    /// Backend and model that computed the divergence that the state of the engines is of.
    pub scores: String,
    /// What was read, as the user named it.
    pub sources: Vec<String>,
}

/// Other rules came into force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesChange {
    /// When.
    pub at: Timestamp,
    /// Their revision, `sha256:…`.
    pub revision: String,
    /// The rules.
    pub rules: Vec<RuleText>,
}

/// Something on the operator's timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// The record that it is about, or that was the last one.
    pub seq: Option<u64>,
    /// What it is.
    pub kind: EventKind,
    /// The rule or the series that it is about; empty without one.
    pub cause: String,
    /// Group key; empty without one.
    pub key: String,
    /// In words.
    pub text: String,
    /// Who did it; empty when nobody did.
    pub by: String,
}

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "&'static str")]
pub enum EventKind {
    /// An alert began.
    AlertBegan,
    /// An alert ended.
    AlertEnded,
    /// The operator has seen an alert.
    Acknowledged,
    /// The operator wants to hear no more of it.
    Silenced,
    /// It is heard again.
    SilenceEnded,
    /// Other rules came into force.
    RulesChanged,
    /// What counts as usual was set anew.
    Baseline,
    /// The operator marked this moment.
    Mark,
    /// The capture was begun by this.
    Trigger,
    /// A line was refused.
    Rejected,
    /// Records that were not captured.
    Missed,
    /// Something that a later version writes.
    Other,
}

impl EventKind {
    /// All.
    pub const ALL: [Self; 12] = [
        Self::AlertBegan,
        Self::AlertEnded,
        Self::Acknowledged,
        Self::Silenced,
        Self::SilenceEnded,
        Self::RulesChanged,
        Self::Baseline,
        Self::Mark,
        Self::Trigger,
        Self::Rejected,
        Self::Missed,
        Self::Other,
    ];

    /// The word in the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::AlertBegan => "alert_began",
            Self::AlertEnded => "alert_ended",
            Self::Acknowledged => "acknowledged",
            Self::Silenced => "silenced",
            Self::SilenceEnded => "silence_ended",
            Self::RulesChanged => "rules_changed",
            Self::Baseline => "baseline",
            Self::Mark => "mark",
            Self::Trigger => "trigger",
            Self::Rejected => "rejected",
            Self::Missed => "missed",
            Self::Other => "other",
        }
    }
}

impl From<String> for EventKind {
    /// An unknown word is [`EventKind::Other`].
    fn from(word: String) -> Self {
        Self::ALL.into_iter().find(|kind| kind.word() == word).unwrap_or(Self::Other)
    }
}

impl From<EventKind> for &'static str {
    fn from(kind: EventKind) -> Self {
        kind.word()
    }
}

/// A record and what was found on it.
#[derive(Debug, Clone)]
pub struct Captured {
    /// The record.
    pub record: Record,
    /// The verdict as it was given.
    pub verdict: Verdict,
}

/// What a capture holds behind its head.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A record.
    Record(Box<Captured>),
    /// Other rules.
    Rules(RulesChange),
    /// Something on the timeline.
    Event(Event),
}

/// How much a capture may take to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes that all lines may unpack to.
    pub bytes: u64,
    /// Longest line of a log, bytes. A line of the capture holds one several times over, and may be longer.
    pub line_bytes: usize,
}

impl Bounds {
    /// Longest line, bytes, that is neither head nor state.
    fn line(self) -> usize {
        self.line_bytes.saturating_mul(4).saturating_add(1 << 20).min(HEAD_BYTES)
    }
}

/// Why a file is not opened as a capture.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It is something else.
    #[error("not a capture: it does not begin as a file that watcher has made (.wcap)")]
    Foreign,
    /// It is of another version.
    #[error("version {0}: made by a newer watcher; this one reads {VERSION}")]
    Version(String),
    /// Not even its head can be read.
    #[error("damaged, nothing of it can be read: {0}; take another copy of it")]
    Damaged(String),
    /// It cannot be read.
    #[error("can't be read: {0}")]
    Io(#[from] io::Error),
}

/// Makes a file for a capture, which only its owner may read.
///
/// # Errors
/// When it exists already, or cannot be made.
pub fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Whether a file that begins with these bytes, at least 24, is a capture of whatever version.
pub fn is_capture(first: &[u8]) -> bool {
    first.starts_with(&MAGIC.to_le_bytes()) && first.get(8..).is_some_and(|name| name.starts_with(NAME))
}

/// FNV-1a, 64 bits: tells a line that was damaged, not one that was forged.
fn sum(line: &[u8]) -> u64 {
    line.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests;
