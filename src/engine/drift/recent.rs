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
        if self.values.len() < self.capacity {
            self.reserve();
            self.values.push(value);
            self.gaps.push(gap);
            return;
        }
        (self.values[self.next], self.gaps[self.next]) = (value, gap);
        self.next = (self.next + 1) % self.capacity;
    }

    fn reserve(&mut self) {
        let more = self.capacity - self.values.len();
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
