//! The newest values of a series.

use serde::{Deserialize, Serialize};

use crate::record::Seq;

/// A ring of values with the Seqs they came with; grows to its capacity once and never again.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Recent {
    values: Vec<f64>,
    /// Seqs between a value and the one before it.
    gaps: Vec<u16>,
    newest: Seq,
    /// Where the next one goes, once full.
    next: usize,
    capacity: usize,
}

impl Recent {
    /// An empty one.
    pub fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), ..Self::default() }
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Adds one; the oldest goes when full.
    pub fn push(&mut self, seq: Seq, value: f64) {
        let gap = u16::try_from(seq.0.saturating_sub(self.newest.0)).unwrap_or(u16::MAX);
        self.newest = seq;
        if self.values.len() < self.capacity.max(1) {
            self.reserve();
            self.values.push(value);
            self.gaps.push(gap);
            return;
        }
        let at = if self.next < self.values.len() { self.next } else { 0 };
        if let (Some(held), Some(before)) = (self.values.get_mut(at), self.gaps.get_mut(at)) {
            (*held, *before) = (value, gap);
        }
        self.next = if at + 1 < self.values.len() { at + 1 } else { 0 };
    }

    fn reserve(&mut self) {
        let more = self.capacity.saturating_sub(self.values.len());
        if self.values.capacity() < self.capacity {
            self.values.reserve_exact(more);
            self.gaps.reserve_exact(more);
        }
    }

    /// Oldest first.
    pub fn iter(&self) -> impl Iterator<Item = f64> {
        let (newer, older) = self.values.split_at(self.next.min(self.values.len()));
        older.iter().chain(newer).copied()
    }

    /// The newest ones, oldest first.
    pub fn newest(&self, count: usize) -> impl Iterator<Item = f64> {
        self.iter().skip(self.len().saturating_sub(count))
    }

    /// Oldest first, with their Seqs; those of values more than 65,535 apart are too late.
    pub fn with_seqs(&self) -> Vec<(Seq, f64)> {
        let (newer, older) = self.gaps.split_at(self.next.min(self.gaps.len()));
        let mut seq = self.newest.0;
        let mut seqs = Vec::with_capacity(self.len());
        for gap in newer.iter().rev().chain(older.iter().rev()) {
            seqs.push(Seq(seq));
            seq = seq.saturating_sub(u64::from(*gap));
        }
        seqs.into_iter().rev().zip(self.iter()).collect()
    }

    /// Keeps the newest ones, and room for no more than `capacity`.
    pub fn keep(&mut self, count: usize, capacity: usize) {
        let mut kept = Self { newest: Seq(0), ..Self::new(capacity) };
        let rows = self.with_seqs();
        for (seq, value) in &rows[rows.len().saturating_sub(count.min(kept.capacity))..] {
            kept.push(*seq, *value);
        }
        *self = Self { newest: self.newest, ..kept };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(capacity: usize, seqs: impl IntoIterator<Item = u64>) -> Recent {
        let mut recent = Recent::new(capacity);
        seqs.into_iter().for_each(|seq| recent.push(Seq(seq), seq as f64));
        recent
    }

    fn values(recent: &Recent) -> Vec<f64> {
        recent.iter().collect()
    }

    #[test]
    fn values_come_oldest_first_and_the_oldest_go() {
        for count in 0..20 {
            let recent = filled(5, 0..count);
            let expected: Vec<f64> = (count.saturating_sub(5)..count).map(|seq| seq as f64).collect();
            assert_eq!(values(&recent), expected);
            assert_eq!((recent.len(), recent.is_empty()), (expected.len(), count == 0));
            assert_eq!(recent.newest(3).collect::<Vec<_>>(), expected[expected.len().saturating_sub(3)..]);
            assert_eq!(recent.newest(0).count(), 0);
        }
    }

    #[test]
    fn every_value_has_the_seq_it_came_with() {
        for count in 0..40 {
            // Of a key among others, from anywhere on.
            let seqs: Vec<u64> = (0..count).map(|k| (1 << 33) + k * k * 7).collect();
            let pairs: Vec<(Seq, f64)> = seqs.iter().map(|seq| (Seq(*seq), *seq as f64)).collect();
            assert_eq!(filled(7, seqs).with_seqs(), pairs[pairs.len().saturating_sub(7)..]);
        }
    }

    #[test]
    fn seqs_far_apart_are_at_least_in_order() {
        let seqs: Vec<u64> =
            filled(4, [5, 1_000_000, 1_000_001, 5_000_000]).with_seqs().iter().map(|row| row.0.0).collect();
        assert_eq!(seqs[3], 5_000_000);
        assert!(seqs.is_sorted() && seqs[2] == 5_000_000 - 65_535);
        // A Seq that goes back is no reason to stop.
        assert_eq!(filled(4, [9, 3, 4]).with_seqs().len(), 3);
    }

    #[test]
    fn the_newest_are_kept_with_their_seqs_and_more_come_after_them() {
        for before in [3, 8, 9, 13] {
            for count in 0..10 {
                let mut recent = filled(8, 100..100 + before);
                let all = recent.with_seqs();
                recent.keep(count, 4);
                let kept = count.min(4).min(all.len());
                assert_eq!(recent.with_seqs(), all[all.len() - kept..]);
                let next = 100 + before + 3;
                (next..next + 3).for_each(|seq| recent.push(Seq(seq), seq as f64));
                let mut expected = all[all.len() - kept..].to_vec();
                expected.extend((next..next + 3).map(|seq| (Seq(seq), seq as f64)));
                assert_eq!(recent.with_seqs(), expected[expected.len().saturating_sub(4)..], "{before} {count}");
            }
        }
    }

    #[test]
    fn room_is_made_once() {
        let mut recent = filled(64, 0..1);
        let room = recent.values.capacity();
        (1..1_000).for_each(|seq| recent.push(Seq(seq), 0.0));
        assert_eq!((recent.values.capacity(), room, recent.len()), (64, 64, 64));
        recent.keep(64, 10);
        assert_eq!((recent.len(), recent.values.capacity()), (10, 10));
    }
}
