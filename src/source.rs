//! Where records come from: files that are tailed or read to their end, and standard input.
//!
//! Sources hand over batches of whole lines with their places. They know nothing of JSON.

pub mod identity;
pub mod lines;
pub mod stdin;
pub mod tail;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

/// Where a dashboard or a replay starts in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// At its first byte.
    Start,
    /// Behind its last.
    End,
    /// So many lines before its end.
    Last(u64),
    /// At this byte: where reading under another name has ended.
    At(u64),
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
    /// When it was read, by the steady clock.
    pub read_at: Duration,
    /// When it was read, by the wall clock.
    pub read_ts: Timestamp,
}
