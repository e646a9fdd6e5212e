//! What is kept of the traffic: judged records in chunks that are never changed, bounded in bytes and count.
//!
//! The pipeline appends; everyone else holds a [`View`], which is a list of shared chunks and costs nothing to keep.
//! Small batches become small chunks; neighbours are merged as they pile up, up to [`CHUNK_ROWS`].

use std::collections::VecDeque;
use std::sync::Arc;

use crate::record::{Record, Seq};
use crate::verdict::Verdict;

/// Rows of a full chunk.
pub const CHUNK_ROWS: usize = 4_096;

/// A judged record.
#[derive(Debug, Clone)]
pub struct Row {
    /// What came in.
    pub record: Arc<Record>,
    /// What came out.
    pub verdict: Arc<Verdict>,
    /// What another judgement of the same record came to: as it was seen then, or by other rules.
    pub other: Option<Arc<Verdict>>,
}

impl Row {
    fn footprint(&self) -> usize {
        // A quarter on top: what the allocator rounds up to and leaves between, as measured by `benches/footprint.rs`.
        let held = size_of::<Self>() + self.record.footprint() + self.verdict.footprint();
        held + held / 4
    }
}

/// Rows in Seq order.
#[derive(Debug, Default)]
pub struct Chunk {
    rows: Vec<Row>,
    bytes: usize,
}

impl Chunk {
    /// A chunk of rows in Seq order.
    pub fn new(rows: Vec<Row>) -> Self {
        let bytes = rows.iter().map(Row::footprint).sum();
        Self { rows, bytes }
    }

    /// The rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
}

/// Bounds of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Bytes, by estimate.
    pub bytes: usize,
    /// Rows.
    pub rows: usize,
}

/// The history, as its owner sees it.
#[derive(Debug)]
pub struct History {
    retention: Retention,
    chunks: VecDeque<Arc<Chunk>>,
    bytes: usize,
    rows: usize,
}

impl History {
    /// Bytes that are kept, by estimate.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// An empty history.
    pub fn new(retention: Retention) -> Self {
        Self { retention, chunks: VecDeque::new(), bytes: 0, rows: 0 }
    }

    /// Appends rows and drops whole chunks from the old end until the bounds hold; the newest chunk always stays.
    pub fn append(&mut self, rows: Vec<Row>) {
        if rows.is_empty() {
            return;
        }
        let chunk = Chunk::new(rows);
        self.bytes += chunk.bytes;
        self.rows += chunk.rows.len();
        self.chunks.push_back(Arc::new(chunk));
        self.merge();
        while self.chunks.len() > 1 && (self.bytes > self.retention.bytes || self.rows > self.retention.rows) {
            if let Some(oldest) = self.chunks.pop_front() {
                self.bytes -= oldest.bytes;
                self.rows -= oldest.rows.len();
            }
        }
    }

    /// Merges the newest chunks while they are of like size, so that each row is copied a logarithmic number of times.
    fn merge(&mut self) {
        while let [.., before, last] = self.chunks.make_contiguous() {
            let total = before.rows.len() + last.rows.len();
            if before.rows.len() > 2 * last.rows.len() || total > CHUNK_ROWS {
                return;
            }
            let rows = before.rows.iter().chain(&last.rows).cloned().collect();
            let merged = Arc::new(Chunk { rows, bytes: before.bytes + last.bytes });
            self.chunks.truncate(self.chunks.len() - 2);
            self.chunks.push_back(merged);
        }
    }

    /// What is kept now.
    pub fn view(&self) -> View {
        View { chunks: self.chunks.iter().cloned().collect(), bytes: self.bytes }
    }
}

/// The history at one moment.
#[derive(Debug, Clone, Default)]
pub struct View {
    chunks: Arc<[Arc<Chunk>]>,
    bytes: usize,
}

impl View {
    /// The rows of these chunks.
    pub fn of(chunks: Vec<Arc<Chunk>>) -> Self {
        Self { bytes: chunks.iter().map(|chunk| chunk.bytes).sum(), chunks: chunks.into() }
    }

    /// These rows, and behind them those.
    pub fn with(&self, rows: Vec<Row>) -> Self {
        if rows.is_empty() {
            return self.clone();
        }
        Self::of(self.chunks.iter().cloned().chain([Arc::new(Chunk::new(rows))]).collect())
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.rows.len()).sum()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.chunks.iter().all(|chunk| chunk.rows.is_empty())
    }

    /// Bytes held, by estimate.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The row at `index`, oldest first.
    pub fn get(&self, mut index: usize) -> Option<&Row> {
        for chunk in self.chunks.iter() {
            match chunk.rows.get(index) {
                Some(row) => return Some(row),
                None => index -= chunk.rows.len(),
            }
        }
        None
    }

    /// Index of the first row whose Seq is not below `seq`.
    pub fn position(&self, seq: Seq) -> usize {
        let mut before = 0;
        for chunk in self.chunks.iter() {
            if chunk.rows.last().is_some_and(|row| row.verdict.seq >= seq) {
                return before + chunk.rows.partition_point(|row| row.verdict.seq < seq);
            }
            before += chunk.rows.len();
        }
        before
    }

    /// The rows from `seq` on, oldest first.
    pub fn rows_from(&self, seq: Seq) -> impl Iterator<Item = &Row> {
        let first = self.chunks.partition_point(|chunk| chunk.rows.last().is_none_or(|row| row.verdict.seq < seq));
        let from = move |chunk: &'_ Arc<Chunk>| chunk.rows.partition_point(|row| row.verdict.seq < seq);
        self.chunks[first..].iter().flat_map(move |chunk| chunk.rows[from(chunk)..].iter())
    }

    /// All rows, oldest first.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = &Row> {
        self.chunks.iter().flat_map(|chunk| chunk.rows.iter())
    }
}
