//! The chunks near the place that is shown, unpacked: from the store, or those that are still open.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;

use super::index::Shared;
use super::store::Judged;
use crate::history::Row;

/// Chunks that are held unpacked: the one in front, the one before it, and one that was looked through.
const HELD: usize = 3;

/// An unpacked chunk.
#[derive(Debug)]
pub struct Chunk {
    /// Its number; that of the chunk that is open is behind all others.
    pub number: usize,
    /// Rows before it.
    pub first: u64,
    /// Its rows.
    pub rows: Vec<Judged>,
    /// Event time before it.
    pub before: Option<Timestamp>,
    /// More rows may come.
    pub open: bool,
    keyframes: Vec<Arc<[u8]>>,
}

impl Chunk {
    /// The number of the first row behind it.
    pub fn end(&self) -> u64 {
        self.first + self.rows.len() as u64
    }

    /// The screen before it, by one judgement.
    pub fn keyframe(&self, track: usize) -> Arc<[u8]> {
        self.keyframes.get(track).cloned().unwrap_or_default()
    }

    /// The event time up to each row: time does not go back.
    pub fn times(&self) -> impl Iterator<Item = Option<Timestamp>> + '_ {
        let mut at = self.before;
        self.rows.iter().map(move |judged| {
            at = at.max(judged.verdicts.first().and_then(|verdict| verdict.ts));
            at
        })
    }

    /// A row as one judgement has it, beside the other one.
    pub fn row(&self, index: usize, (track, other): (usize, usize)) -> Option<Row> {
        let judged = self.rows.get(index)?;
        let verdict = Arc::clone(judged.verdicts.get(track)?);
        let other = judged.verdicts.get(other).filter(|_| other != track).cloned();
        Some(Row { record: Arc::clone(&judged.record), verdict, other })
    }
}

/// Finds chunks.
#[derive(Debug)]
pub struct Chunks {
    shared: Shared,
    held: VecDeque<Arc<Chunk>>,
}

impl Chunks {
    /// Of what a first pass writes.
    pub fn new(shared: Shared) -> Self {
        Self { shared, held: VecDeque::new() }
    }

    /// The number of the chunk with a row, and its first row; `None` where there is none yet.
    pub fn number_of(&self, row: u64) -> Option<usize> {
        let progress = self.shared.lock();
        let stored = progress.index.chunks.len();
        progress.index.chunk_of(row).or((row < progress.rows()).then_some(stored))
    }

    /// The chunk with a row.
    ///
    /// # Errors
    /// When it can't be read; the text says what that means.
    pub fn with(&mut self, row: u64) -> Result<Option<Arc<Chunk>>, String> {
        match self.number_of(row) {
            Some(number) => self.get(number),
            None => Ok(None),
        }
    }

    /// A chunk by its number.
    ///
    /// # Errors
    /// When it can't be read; the text says what that means.
    pub fn get(&mut self, number: usize) -> Result<Option<Arc<Chunk>>, String> {
        if let Some(at) = self.held.iter().position(|chunk| chunk.number == number) {
            let found = self.held.remove(at);
            found.iter().for_each(|chunk| self.held.push_back(Arc::clone(chunk)));
            return Ok(found);
        }
        let progress = self.shared.lock();
        let Some(mark) = progress.index.chunks.get(number).cloned() else {
            // What is open changes: it is not held.
            let first = progress.index.stored();
            let open = &progress.open;
            let chunk = Chunk {
                number,
                first,
                rows: open.rows.clone(),
                before: open.before,
                open: true,
                keyframes: open.keyframes.clone(),
            };
            let there = number == progress.index.chunks.len() && !chunk.rows.is_empty();
            return Ok(there.then(|| Arc::new(chunk)));
        };
        let Some(reader) = progress.reader.clone() else { return Ok(None) };
        drop(progress);
        let read = || -> std::io::Result<Chunk> {
            let rows = reader.rows(mark.place)?;
            let keyframes = reader.keyframes(mark.place)?.into_iter().map(Arc::from).collect();
            Ok(Chunk { number, first: mark.first, rows, before: mark.times.0, open: false, keyframes })
        };
        let chunk = Arc::new(read().map_err(|error| {
            reader.discard();
            format!("the verdict store is damaged: {error}; open the log again to have it judged anew")
        })?);
        if self.held.len() >= HELD {
            self.held.pop_front();
        }
        self.held.push_back(Arc::clone(&chunk));
        Ok(Some(chunk))
    }
}
