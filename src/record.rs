//! The record: what every input format becomes, and what the engines, the rules and the screen read.
//!
//! ```text
//! reader    a source's lines to records: what they are is found out (`sniff`), and each goes its way
//!   envelope   what log shippers put around a line
//!   values     JSON that does not keep to lines
//!   format     which format a value is of: native, or by way of a `json` value generic (`mapping`), openai, otel,
//!              langfuse; `messages`, `latency` and `time` read what these have in common
//!   draft      what a format fills in, and what makes a record of it
//!   join       records whose parts come one after the other
//! profile   what a log holds, for `inspect`
//! ```

pub mod draft;
pub mod envelope;
pub mod format;
pub mod generic;
pub mod join;
pub mod json;
pub mod langfuse;
pub mod latency;
pub mod mapping;
pub mod messages;
pub mod names;
pub mod native;
pub mod openai;
pub mod otel;
pub mod profile;
pub mod quotes;
pub mod reader;
mod stored;
pub mod time;
pub mod values;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use names::{Name, Names};

/// Position of a record in the order of judgement; counts from 0 over all sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Seq(pub u64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a record stands in the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The source as the user named it: a path, or `-`.
    pub source: Arc<str>,
    /// Identity of the file (device, inode and first bytes, hashed).
    pub file: Arc<str>,
    /// Byte offset of the line's first byte.
    pub offset: u64,
    /// Line number, from 1; `None` when the file was entered too far from its start to count.
    pub line: Option<u64>,
    /// Index within a line that holds several records.
    pub part: u32,
}

impl Origin {
    /// Of a record that stands in no log.
    pub fn nowhere() -> Self {
        Self { source: "".into(), file: "".into(), offset: 0, line: None, part: 0 }
    }
}

/// Bounds on one record. What exceeds the last four is cut, and the record marked [`Record::truncated`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest line, bytes; a longer one is rejected without being held.
    pub line_bytes: usize,
    /// Samples read of one record.
    pub samples: usize,
    /// Bytes read of one sample.
    pub sample_bytes: usize,
    /// Numeric leaves read of one record.
    pub numbers: usize,
    /// Nesting depth that is looked into.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { line_bytes: 4 << 20, samples: 16, sample_bytes: 64 << 10, numbers: 512, depth: 32 }
    }
}

/// String leaves longer than this, bytes, are text and not labels.
pub const LABEL_BYTES: usize = 256;

/// One validation record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// Place in the order of judgement.
    pub seq: Seq,
    /// Identity given by the input, else `<source>#<offset>`.
    pub id: Arc<str>,
    /// Event time, if the record has one.
    pub ts: Option<Timestamp>,
    /// Group key: whose behaviour this record belongs to.
    pub key: Arc<str>,
    /// The question; shown, never judged by itself.
    pub prompt: Option<Arc<str>>,
    /// The model's answers; the first is the one that will be used.
    pub samples: Vec<Arc<str>>,
    /// What the agent's answer took, ms.
    pub latency_ms: Option<f64>,
    /// Every numeric leaf, in the record's order.
    pub numbers: Vec<(Name, f64)>,
    /// Every string leaf up to [`LABEL_BYTES`], in the record's order.
    pub labels: Vec<(Name, Arc<str>)>,
    /// Something exceeded [`Limits`] and was cut.
    pub truncated: bool,
    /// The line was not valid UTF-8; what was not is replaced by U+FFFD.
    pub lossy: bool,
    /// Where it stood.
    pub origin: Origin,
    /// The line itself.
    #[serde(with = "stored")]
    pub raw: Bytes,
}

impl Record {
    /// A record of nothing, for tests to fill in.
    #[cfg(test)]
    pub(crate) fn blank() -> Self {
        Self {
            seq: Seq(0),
            id: "id".into(),
            ts: None,
            key: "key".into(),
            prompt: None,
            samples: Vec::new(),
            latency_ms: None,
            numbers: Vec::new(),
            labels: Vec::new(),
            truncated: false,
            lossy: false,
            origin: Origin::nowhere(),
            raw: Bytes::new(),
        }
    }

    /// The first number at this path.
    pub fn number(&self, path: &str) -> Option<f64> {
        self.numbers.iter().find(|(name, _)| name.as_str() == path).map(|(_, value)| *value)
    }

    /// The first label at this path.
    pub fn label(&self, path: &str) -> Option<&Arc<str>> {
        self.labels.iter().find(|(name, _)| name.as_str() == path).map(|(_, value)| value)
    }

    /// Bytes of memory this record holds on to, roughly.
    pub fn footprint(&self) -> usize {
        let texts: usize = self.samples.iter().map(shared_bytes).sum();
        let prompt = self.prompt.as_ref().map_or(0, shared_bytes);
        let labels: usize = self.labels.iter().map(|(_, value)| shared_bytes(value)).sum();
        let lists = self.samples.capacity() * size_of::<Arc<str>>()
            + self.labels.capacity() * size_of::<(Name, Arc<str>)>()
            + self.numbers.capacity() * size_of::<(Name, f64)>();
        let names = shared_bytes(&self.id)
            + shared_bytes(&self.key)
            + self.numbers.iter().map(|(name, _)| name.footprint()).sum::<usize>()
            + self.labels.iter().map(|(name, _)| name.footprint()).sum::<usize>();
        // The records of one line share its bytes: the first of them holds most of it.
        let raw = if self.origin.part == 0 { self.raw.len() } else { self.raw.len().min(SHARED_RAW) };
        size_of::<Self>() + names + texts + prompt + labels + lists + raw
    }
}

/// Bytes counted of a line that a record shares with others of it, at most.
const SHARED_RAW: usize = 8 << 10;

/// Bytes that a shared text takes: itself, its counters, and what the allocator adds and rounds up to.
pub fn shared_bytes(text: &Arc<str>) -> usize {
    text.len() + 40
}

/// Labels that the group key is taken from when the configuration names none: the first that is present.
pub const DEFAULT_KEY_PATHS: [&str; 3] = ["agent_id", "model", "tenant_id"];

/// The key of a record that has none of the labels.
pub const DEFAULT_KEY: &str = "default";

/// Whether a character is white space to Python's `str.strip`, which the engines' baseline uses: Unicode white space
/// and the four separators U+001C..U+001F. U+200B, U+FEFF and U+0000 are not.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// `text` without leading and trailing white space, in the sense of [`is_space`].
pub fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// The longest prefix of `text` of at most `bytes` bytes that ends on a character boundary.
pub fn prefix(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// Why a line did not become a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Column of the fault in the line, in bytes, from 1.
    pub column: usize,
    /// What is wrong, and what was expected.
    pub reason: String,
}

impl Reject {
    /// A fault of the whole line.
    pub fn at_start(reason: &str) -> Self {
        Self { column: 1, reason: reason.to_owned() }
    }
}

/// Bytes of a refused line that are shown.
const EXCERPT: usize = 200;

/// A line that was refused, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Where the line stands.
    pub origin: Origin,
    /// What is wrong with it.
    pub reject: Reject,
    /// The line's first bytes.
    pub excerpt: String,
}

impl Rejected {
    /// A refused line, of which the beginning is kept.
    pub fn of(origin: Origin, reject: Reject, line: &[u8]) -> Self {
        let text = String::from_utf8_lossy(&line[..line.len().min(4 * EXCERPT)]);
        Self { origin, reject, excerpt: prefix(&text, EXCERPT).to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trims_what_python_strips() {
        assert_eq!(trim("\u{1c} a\u{a0}\u{3000}"), "a");
        assert_eq!(trim("\u{200b}\u{feff}\0"), "\u{200b}\u{feff}\0");
    }

    #[test]
    fn prefix_keeps_characters_whole() {
        assert_eq!(prefix("aé", 2), "a");
        assert_eq!(prefix("aé", 9), "aé");
    }
}
