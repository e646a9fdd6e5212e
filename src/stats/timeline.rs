//! Values over event time, in buckets of equal width that adapt to how dense the traffic is.

mod saved;

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a bucket gathers.
pub trait Bucket: Default + Clone {
    /// Takes in the bucket that follows in time.
    fn merge(&mut self, later: &Self);
    /// How many records it has seen.
    fn count(&self) -> u64;
}

/// Buckets of `width` seconds. When the ring is full and its buckets are mostly empty (a sparse log), the width
/// doubles and neighbours merge; when they are well filled, the oldest goes. Either way memory is bounded.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "saved::Saved<B>", bound(deserialize = "B: Deserialize<'de>"))]
pub struct Timeline<B> {
    capacity: usize,
    width_s: i64,
    /// Number of the first bucket: its start is `first * width_s` seconds of the epoch.
    first: i64,
    buckets: VecDeque<B>,
}

/// Mean records a bucket below which a full ring widens instead of forgetting.
const SPARSE: u64 = 4;

/// Spans of the whole ring that a bucket may be ahead by before it counts as a leap.
const LEAP: i64 = 64;

impl<B: Bucket> Timeline<B> {
    /// An empty timeline of at most `capacity` buckets, one second each at first.
    pub fn new(capacity: usize) -> Self {
        Self::with_width(capacity, 1)
    }

    /// An empty timeline whose buckets are `width_s` seconds wide at first.
    pub fn with_width(capacity: usize, width_s: i64) -> Self {
        Self { capacity: capacity.max(2), width_s: width_s.max(1), first: 0, buckets: VecDeque::new() }
    }

    /// The bucket that `at` falls into; the oldest held when `at` is older than all, so that nothing is lost.
    pub fn at(&mut self, at: Timestamp) -> &mut B {
        let mut number = at.as_second().div_euclid(self.width_s);
        if self.buckets.is_empty() {
            self.first = number;
        }
        // A leap of many times the span is a hole, not thin traffic: widening over it would lose all detail.
        let near = |number: i64, first: i64, capacity: usize| number - first < LEAP * capacity as i64;
        while number - self.first >= self.capacity as i64 && near(number, self.first, self.capacity) && self.is_sparse()
        {
            self.widen();
            number = at.as_second().div_euclid(self.width_s);
        }
        // A jump past everything held (a clock that was wrong, a log with a hole of years) starts anew.
        if number - self.first >= 2 * self.capacity as i64 {
            self.buckets.clear();
            self.first = number;
        }
        let index = usize::try_from(number - self.first).unwrap_or(0);
        while self.buckets.len() <= index {
            self.buckets.push_back(B::default());
        }
        let surplus = self.buckets.len().saturating_sub(self.capacity);
        self.buckets.drain(..surplus);
        self.first += surplus as i64;
        &mut self.buckets[index - surplus]
    }

    fn is_sparse(&self) -> bool {
        let total: u64 = self.buckets.iter().map(B::count).sum();
        total < SPARSE * self.capacity as u64
    }

    fn widen(&mut self) {
        let odd = self.first.rem_euclid(2) == 1;
        let mut merged: VecDeque<B> = VecDeque::with_capacity(self.buckets.len() / 2 + 1);
        for (index, bucket) in self.buckets.drain(..).enumerate() {
            match merged.back_mut() {
                Some(last) if (index % 2 == 1) != odd => last.merge(&bucket),
                _ => merged.push_back(bucket),
            }
        }
        self.buckets = merged;
        self.first = self.first.div_euclid(2);
        self.width_s *= 2;
    }

    /// The buckets, to be changed in place.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut B> {
        self.buckets.iter_mut()
    }

    /// Oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &B> + ExactSizeIterator {
        self.buckets.iter()
    }

    /// Seconds a bucket covers.
    pub fn width_s(&self) -> i64 {
        self.width_s
    }

    /// Start of the first bucket.
    pub fn start(&self) -> Option<Timestamp> {
        if self.buckets.is_empty() {
            return None;
        }
        Timestamp::from_second(self.first.saturating_mul(self.width_s)).ok()
    }

    /// Seconds from the start of the first bucket to the end of the last.
    pub fn span_s(&self) -> i64 {
        self.width_s * self.buckets.len() as i64
    }
}

/// A bucket that only counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count(pub u64);

impl Bucket for Count {
    fn merge(&mut self, later: &Self) {
        self.0 += later.0;
    }

    fn count(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn dense_traffic_slides() {
        let mut line = Timeline::<Count>::new(10);
        (0..1000).for_each(|s| line.at(at(s)).0 += 50);
        assert_eq!((line.width_s(), line.iter().len()), (1, 10));
        assert!(line.iter().all(|b| b.0 == 50));
        assert_eq!(line.start(), Some(at(990)));
    }

    #[test]
    fn sparse_traffic_widens_and_loses_nothing() {
        let mut line = Timeline::<Count>::new(10);
        (1..20).for_each(|s| line.at(at(s * 60)).0 += 1);
        assert!(line.width_s() >= 60);
        assert_eq!(line.iter().map(|b| b.0).sum::<u64>(), 19);
    }

    #[test]
    fn a_timeline_that_none_could_be_is_refused() {
        let mut line = Timeline::<Count>::new(10);
        (1..20).for_each(|s| line.at(at(s * 60)).0 += 1);
        let read = |line: &Timeline<Count>| {
            postcard::from_bytes::<Timeline<Count>>(&postcard::to_allocvec(line).unwrap())
                .map(|line| format!("{line:?}"))
        };
        assert_eq!(read(&line), Ok(format!("{line:?}")));
        let wrong: [fn(&mut Timeline<Count>); 4] =
            [|l| l.capacity = 9, |l| l.width_s = 0, |l| l.first = i64::MIN, |l| l.capacity = 1 << 40];
        for change in wrong {
            let mut line = line.clone();
            change(&mut line);
            line.buckets.resize(10, Count(0));
            assert!(read(&line).is_err(), "{line:?}");
        }
    }

    #[test]
    fn time_that_goes_back_or_leaps_does_not_break_it() {
        let mut line = Timeline::<Count>::new(10);
        line.at(at(1_000)).0 += 100;
        line.at(at(1)).0 += 1;
        line.at(at(4_000_000_000)).0 += 1;
        line.at(at(-5)).0 += 1;
        assert!(line.iter().len() <= 10);
    }
}
