//! What is known of the places of a log: where its chunks are, when they are, what is marked. The first pass writes it,
//! the player reads it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::store::{Judged, Place, Reader};
use crate::message::replay::{COLUMNS, Differences, Pass, TimelineEntry, marks};

/// A chunk.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ChunkMark {
    /// Where it is.
    pub place: Place,
    /// Rows before it.
    pub first: u64,
    /// Rows in it.
    pub rows: u32,
    /// The latest event time up to its beginning, and up to its end.
    pub times: (Option<Timestamp>, Option<Timestamp>),
}

/// Everything that is known of the places of a log.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Index {
    /// The chunks, in order.
    pub chunks: Vec<ChunkMark>,
    /// Marks of every row.
    pub marks: Vec<u8>,
    /// Event time of the first row that has one.
    pub began: Option<Timestamp>,
    /// What two judgements differ in.
    pub of: u64,
    /// The same: how many records.
    pub differing: u64,
    /// The same: by reason, in the order of [`super::differences::REASONS`].
    pub reasons: Vec<u64>,
    /// What happened on the operator's timeline, in the order of the rows.
    pub timeline: Vec<Happened>,
}

/// Something on the operator's timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Happened {
    /// Index of the row.
    pub row: u64,
    /// When, by event time.
    pub at: Timestamp,
    /// What, in the words of the capture.
    pub kind: String,
    /// In words.
    pub text: String,
}

impl Happened {
    /// For the screen.
    pub fn entry(&self) -> TimelineEntry {
        TimelineEntry { row: self.row, at: self.at, kind: self.kind.clone(), text: self.text.clone() }
    }
}

impl Index {
    /// Rows in whole chunks.
    pub fn stored(&self) -> u64 {
        self.chunks.last().map_or(0, |chunk| chunk.first + u64::from(chunk.rows))
    }

    /// The chunk that a row is in, if it is in one.
    pub fn chunk_of(&self, row: u64) -> Option<usize> {
        let at = self.chunks.partition_point(|chunk| chunk.first + u64::from(chunk.rows) <= row);
        (at < self.chunks.len()).then_some(at)
    }

    /// What the judgements differ in.
    pub fn differences(&self) -> Differences {
        let reasons = super::differences::REASONS.iter().zip(&self.reasons);
        let mut reasons: Vec<_> =
            reasons.filter(|(_, count)| **count > 0).map(|(name, count)| (*name, *count)).collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        Differences { of: self.of, count: self.differing, reasons }
    }

    /// The next row behind `row` with one of these marks, or the last before it.
    pub fn find(&self, row: Option<u64>, wanted: u8, forward: bool) -> Option<u64> {
        let at = row.map_or(0, |row| usize::try_from(row).unwrap_or(usize::MAX));
        let has = |mark: &u8| mark & wanted != 0;
        if forward {
            let from = if row.is_some() { at.saturating_add(1) } else { 0 };
            let found = self.marks.get(from..)?.iter().position(has)?;
            return Some((from + found) as u64);
        }
        self.marks.get(..at.min(self.marks.len()))?.iter().rposition(has).map(|found| found as u64)
    }

    /// The marks over the length of a log of so many rows, a column for each part of it.
    pub fn columns(&self, expected: u64) -> Arc<[u8]> {
        let mut columns = [0; COLUMNS];
        let expected = expected.max(self.marks.len() as u64).max(1);
        for (row, mark) in self.marks.iter().enumerate().filter(|(_, mark)| **mark != 0) {
            // In 128 bits: a log may have more rows than 64 bits have room for with 256 columns.
            let column = u128::from(row as u64) * COLUMNS as u128 / u128::from(expected);
            columns[(column as usize).min(COLUMNS - 1)] |= mark;
        }
        columns.into()
    }

    /// Marks a row as the operator's, or takes that back; whether it is marked now. What else happened there stays.
    pub fn toggle(&mut self, row: u64) -> bool {
        let Some(mark) = usize::try_from(row).ok().and_then(|row| self.marks.get_mut(row)) else { return false };
        let own = |found: &Happened| found.row == row && found.kind == "mark";
        let marked = !self.timeline.iter().any(own);
        self.timeline.retain(|found| !own(found));
        let bears = marked || self.timeline.iter().any(|found| found.row == row);
        *mark = if bears { *mark | marks::OWN } else { *mark & !marks::OWN };
        marked
    }
}

/// The rows that are in no chunk yet.
#[derive(Debug, Clone, Default)]
pub struct Open {
    /// The screen before the first of them, by judgement.
    pub keyframes: Vec<Arc<[u8]>>,
    /// They.
    pub rows: Vec<Judged>,
    /// Event time before the first of them.
    pub before: Option<Timestamp>,
}

/// What the first pass has done so far.
#[derive(Debug)]
pub struct Progress {
    /// The places.
    pub index: Index,
    /// What is in no chunk yet.
    pub open: Open,
    /// Where chunks are read.
    pub reader: Option<Reader>,
    /// How far it is.
    pub pass: Pass,
    /// Counts up whenever marks or rows come.
    pub revision: u64,
}

impl Progress {
    /// Rows that can be shown.
    pub fn rows(&self) -> u64 {
        self.index.stored() + self.open.rows.len() as u64
    }

    /// Rows that there will be at the end, as far as can be told.
    pub fn expected(&self) -> u64 {
        match self.pass {
            Pass::Running(Some(share)) if share > 0.0 => (self.rows() as f64 / share.min(1.0)) as u64,
            _ => self.rows(),
        }
    }
}

/// The same, shared between the first pass and the player.
#[derive(Debug, Clone)]
pub struct Shared(Arc<Mutex<Progress>>);

impl Shared {
    /// Nothing is known yet.
    pub fn new(reader: Option<Reader>) -> Self {
        let progress =
            Progress { index: Index::default(), open: Open::default(), reader, pass: Pass::Running(None), revision: 0 };
        Self(Arc::new(Mutex::new(progress)))
    }

    /// Everything was known before.
    pub fn whole(index: Index, reader: Reader) -> Self {
        let shared = Self::new(Some(reader));
        shared.lock().index = index;
        shared.lock().pass = Pass::Done { reused: true };
        shared
    }

    /// Looks at it.
    pub fn lock(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(marks: &[u8]) -> Index {
        Index { marks: marks.to_vec(), ..Index::default() }
    }

    #[test]
    fn marks_are_found_in_both_directions() {
        let index = index(&[0, 1, 0, 4, 1]);
        assert_eq!(index.find(None, 1, true), Some(1));
        assert_eq!(index.find(Some(1), 1, true), Some(4));
        assert_eq!(index.find(Some(1), 5, true), Some(3));
        assert_eq!((index.find(Some(4), 1, true), index.find(Some(1), 1, false)), (None, None));
        assert_eq!((index.find(Some(4), 5, false), index.find(Some(99), 4, false)), (Some(3), Some(3)));
        assert_eq!((index.find(Some(u64::MAX), 1, true), Index::default().find(None, 1, true)), (None, None));
    }

    #[test]
    fn columns_cover_the_expected_length() {
        let index = index(&[1, 0, 0, 4]);
        let columns = index.columns(8);
        assert_eq!((columns[0], columns[96]), (1, 4));
        assert_eq!(columns.iter().filter(|mark| **mark != 0).count(), 2);
        assert_eq!(index.columns(0)[192], 4, "never less than there is");
        assert!(Index::default().columns(0).iter().all(|mark| *mark == 0));
    }

    #[test]
    fn rows_are_found_in_their_chunks() {
        let chunk = |first, rows| ChunkMark { first, rows, ..ChunkMark::default() };
        let index = Index { chunks: vec![chunk(0, 10), chunk(10, 5)], ..Index::default() };
        assert_eq!((index.chunk_of(0), index.chunk_of(9), index.chunk_of(10)), (Some(0), Some(0), Some(1)));
        assert_eq!((index.chunk_of(14), index.chunk_of(15), index.stored()), (Some(1), None, 15));
    }
}
