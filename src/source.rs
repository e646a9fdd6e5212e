//! Where records come from: files that are tailed or read to their end, and standard input.
//!
//! Sources hand over batches of whole lines with their places. They know nothing of JSON.
//!
//! `tail` follows one path through everything that happens to it: `content` is what an open file holds, `identity`
//! which file it is, `siblings` where it went, `ledger` how far every file was read, `entry` where to begin.
//! `checkpoint` keeps all that across the end of the process.

pub mod checkpoint;
pub mod content;
pub mod entry;
pub mod identity;
pub mod ledger;
pub mod lines;
pub mod siblings;
pub mod stdin;
pub mod tail;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use identity::Fingerprint;

/// Where a dashboard or a replay starts in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// Where the last run has ended; at its first byte if there was none.
    Checkpoint,
    /// At the first record of this time or later.
    Since(Timestamp),
    /// At its first byte.
    Start,
    /// Behind its last.
    End,
    /// So many lines before its end.
    Last(u64),
}

/// A place between two lines.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Place {
    /// Bytes before it.
    pub offset: u64,
    /// Number of the line that begins here, from 1, if it is known.
    pub line: Option<u64>,
    /// The last bytes before it, if they were looked at.
    pub before: Option<Fingerprint>,
}

/// A line's place in its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First byte in the batch's data.
    pub start: usize,
    /// Byte behind the last.
    pub end: usize,
    /// Offset of the line in the file.
    pub offset: u64,
    /// Number of the line, from 1, if it is known.
    pub line: Option<u64>,
    /// Bytes of the line in the file when it was too long to be held; only its beginning is there.
    pub too_long: Option<u64>,
}

/// Whole lines of one file.
#[derive(Debug, Clone)]
pub struct LineBatch {
    /// The source as the user named it.
    pub source: Arc<str>,
    /// Identity of the file.
    pub file: Arc<str>,
    /// The lines' bytes.
    pub data: Bytes,
    /// The lines; blank ones are left out.
    pub lines: Vec<Span>,
    /// The place behind the last of them.
    pub end: Place,
    /// When it was read, by the steady clock.
    pub read_at: Duration,
    /// When it was read, by the wall clock.
    pub read_ts: Timestamp,
}

impl LineBatch {
    /// No lines, and of no file.
    pub fn empty(source: &Arc<str>, read_at: Duration, read_ts: Timestamp) -> Self {
        Self {
            source: Arc::clone(source),
            file: "".into(),
            data: Bytes::new(),
            lines: Vec::new(),
            end: Place::default(),
            read_at,
            read_ts,
        }
    }
}
