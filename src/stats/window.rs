//! A sliding window over numbers: what the last minutes, or the last records, say of a value.
//!
//! # What is in the window
//! - [`Span::Over`] `d`: let T be the newest event time heard, by a value or by [`Window::advance`]. The window holds the
//!   values with T − d < at <= T, so a value exactly `d` old is gone. A value out of order is put at its place in time;
//!   values of equal time are all kept, in order of arrival. A value with at <= T − d is late and is not taken.
//! - A clock that jumped: the [`LATE_IN_A_ROW`]th late value in a row shows that T was wrong. The window is cleared and
//!   begins anew with that value. Any value within the span ends the row.
//! - [`Span::Last`] `n`: the last `n` values in order of arrival, whatever their times.
//! - Above `most` values the oldest goes, and [`Window::cut`] counts it. It may be the very value that came, if that is
//!   older than all in a full window.
//! - Numbers that are not finite are not taken, nor is their time heard. -0.0 counts as 0.0.
//!
//! # What it costs
//! Taking a value costs about the square root of the number held at worst, far less when values come in order; so does
//! a quantile. Mean, deviation, least and greatest are put together from blocks and never from running differences, so
//! they are as good as if computed afresh. Only what the aggregate needs is kept.

mod blocks;
mod moments;
mod saved;
mod sorted;

use blocks::{Blocks, Keep};
use serde::{Deserialize, Serialize};
use sorted::Sorted;
use std::collections::HashMap;

/// So many late values in a row show that the clock of the window was wrong: this one begins it anew.
pub const LATE_IN_A_ROW: u32 = 8;

/// What a window says of its values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Aggregate {
    /// How many values.
    Count,
    /// Values per second of the span. None over [`Span::Last`], which has no length in time.
    Rate,
    /// The mean, in the unit of the values.
    Mean,
    /// The least value.
    Min,
    /// The greatest value.
    Max,
    /// The quantile q of 0..=1 (0.5 is the median) by the nearest rank: the value of rank ⌈q·n⌉, counted from 1, of the
    /// sorted values (Hyndman and Fan 1996, definition 1). q is held to 0..=1; None when it is not a number.
    Quantile(f64),
    /// The sample standard deviation √(Σ(x − mean)² / (n − 1)), in the unit of the values.
    Stddev,
    /// The share of ones (0..=1): the mean of values that are each 0 or 1.
    Ratio,
    /// How many different values, or different hashes given to [`Window::push_hash`].
    Distinct,
}

/// How far a window reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Span {
    /// Over so many nanoseconds of event time; at least 1.
    Over(i64),
    /// Over the last so many values; at least 1.
    Last(usize),
}

/// A sliding window and what it says. See the [module](self).
///
/// Two are equal when they are set alike, hold the same values in the same order, and heard the same times. A saved
/// window gives exactly the values it would have given.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "saved::Saved")]
pub struct Window {
    aggregate: Aggregate,
    span: Span,
    /// Most values held; at least 1.
    most: usize,
    /// The newest event time heard (ns).
    newest: Option<i64>,
    /// Late values in a row.
    late: u32,
    /// Values let go for want of room.
    cut: u64,
    held: Blocks,
    /// The values in ascending order, for a quantile.
    sorted: Sorted,
    /// How often each value is held, for the distinct ones.
    counts: HashMap<u64, u32>,
}

impl Window {
    /// An empty window that holds at most `most` values. `most` and the span count as 1 when they are below 1.
    pub fn new(aggregate: Aggregate, span: Span, most: usize) -> Self {
        let span = match span {
            Span::Over(length) => Span::Over(length.max(1)),
            Span::Last(records) => Span::Last(records.max(1)),
        };
        let keep = Keep {
            times: matches!(span, Span::Over(_)),
            bits: !matches!(aggregate, Aggregate::Count | Aggregate::Rate),
            moments: matches!(
                aggregate,
                Aggregate::Mean | Aggregate::Min | Aggregate::Max | Aggregate::Stddev | Aggregate::Ratio
            ),
        };
        Self {
            aggregate,
            span,
            // No more than a count of equal values can tell.
            most: most.clamp(1, u32::MAX as usize),
            newest: None,
            late: 0,
            cut: 0,
            held: Blocks::new(keep),
            sorted: Sorted::default(),
            counts: HashMap::new(),
        }
    }

    /// Takes in a value at event time `at` (ns since an epoch of the caller's). Without a time it is taken by
    /// [`Span::Last`] only. Returns whether it is in the window.
    pub fn push(&mut self, at: Option<i64>, value: f64) -> bool {
        // Adding 0.0 makes -0.0 to 0.0 and leaves all else as it is.
        value.is_finite() && self.take(at, (value + 0.0).to_bits())
    }

    /// Takes in the hash of something that is not a number, as [`Window::push`] does; for [`Aggregate::Distinct`] only,
    /// others take nothing and return false. Do not mix it with `push` in one window: a number is held by its bits.
    pub fn push_hash(&mut self, at: Option<i64>, hash: u64) -> bool {
        self.aggregate == Aggregate::Distinct && self.take(at, hash)
    }

    /// Lets go what is older than the span at `now` (ns), without a value. A time before the newest changes nothing.
    pub fn advance(&mut self, now: i64) {
        self.newest = Some(self.newest.map_or(now, |newest| newest.max(now)));
        while let (Some(oldest), Some(floor)) = (self.held.oldest_time(), self.floor())
            && oldest <= floor
        {
            self.drop_oldest();
        }
    }

    /// How many values it holds.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether it holds no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The aggregate. None when there is none: always when the window is empty, for the deviation also of one value.
    pub fn value(&self) -> Option<f64> {
        if self.is_empty() {
            return None;
        }
        let count = self.len() as f64;
        match self.aggregate {
            Aggregate::Count => Some(count),
            Aggregate::Rate => match self.span {
                Span::Over(length) => Some(count * 1e9 / length as f64),
                Span::Last(_) => None,
            },
            Aggregate::Mean | Aggregate::Ratio => moments::mean(self.held.moments()),
            Aggregate::Min => moments::min(self.held.moments()),
            Aggregate::Max => moments::max(self.held.moments()),
            Aggregate::Stddev => moments::stddev(self.held.moments()),
            Aggregate::Quantile(q) => self.sorted.quantile(q),
            Aggregate::Distinct => Some(self.counts.len() as f64),
        }
    }

    /// Whether it would hold any value at `now`, ns; at no time that is known, whether it holds any.
    pub fn holds_at(&self, now: Option<i64>) -> bool {
        let reach = match self.span {
            Span::Over(span) => span,
            Span::Last(_) => i64::MAX,
        };
        let in_reach = self.newest().zip(now).is_none_or(|(newest, now)| now.saturating_sub(newest) < reach);
        !self.is_empty() && in_reach
    }

    /// How many values were let go early because more than `most` came within the span. Clearing does not reset it.
    pub fn cut(&self) -> u64 {
        self.cut
    }

    /// The newest event time heard (ns), by a value or by [`Window::advance`].
    pub fn newest(&self) -> Option<i64> {
        self.newest
    }

    fn take(&mut self, at: Option<i64>, bits: u64) -> bool {
        match (self.span, at) {
            (Span::Last(records), at) => {
                self.newest = self.newest.max(at);
                self.put(0, bits);
                if self.len() > records {
                    self.drop_oldest();
                }
                self.cut_to_most();
                true
            }
            (Span::Over(_), Some(at)) => self.take_at(at, bits),
            (Span::Over(_), None) => false,
        }
    }

    fn take_at(&mut self, at: i64, bits: u64) -> bool {
        if self.floor().is_some_and(|floor| at <= floor) {
            self.late += 1;
            if self.late < LATE_IN_A_ROW {
                return false;
            }
            self.clear();
        }
        self.late = 0;
        self.advance(at);
        if self.len() >= self.most && self.held.oldest_time().is_some_and(|oldest| at < oldest) {
            // It is itself the oldest of one too many.
            self.cut = self.cut.saturating_add(1);
            return false;
        }
        self.put(at, bits);
        self.cut_to_most();
        true
    }

    /// The time (ns) at and before which a value is too old. None when nothing is: no time was heard, or the span
    /// reaches back beyond all times.
    fn floor(&self) -> Option<i64> {
        match self.span {
            Span::Over(length) => self.newest?.checked_sub(length),
            Span::Last(_) => None,
        }
    }

    fn clear(&mut self) {
        self.newest = None;
        self.held.clear();
        self.sorted.clear();
        self.counts.clear();
    }

    fn put(&mut self, at: i64, bits: u64) {
        self.held.insert(at, bits);
        self.index(bits);
    }

    /// Notes a value in what the aggregate needs beside the blocks.
    fn index(&mut self, bits: u64) {
        match self.aggregate {
            Aggregate::Quantile(_) => self.sorted.insert(f64::from_bits(bits)),
            Aggregate::Distinct => *self.counts.entry(bits).or_insert(0) += 1,
            _ => {}
        }
    }

    fn cut_to_most(&mut self) {
        if self.len() > self.most {
            self.drop_oldest();
            self.cut = self.cut.saturating_add(1);
        }
    }

    fn drop_oldest(&mut self) {
        let Some(bits) = self.held.pop_front() else { return };
        match self.aggregate {
            Aggregate::Quantile(_) => {
                self.sorted.remove(f64::from_bits(bits));
            }
            Aggregate::Distinct => {
                if let Some(count) = self.counts.get_mut(&bits) {
                    *count -= 1;
                    if *count == 0 {
                        self.counts.remove(&bits);
                    }
                }
            }
            _ => {}
        }
    }
}

impl PartialEq for Window {
    fn eq(&self, other: &Self) -> bool {
        let set = |window: &Self| (window.aggregate, window.span, window.most);
        let heard = |window: &Self| (window.newest, window.late, window.cut, window.len());
        set(self) == set(other)
            && heard(self) == heard(other)
            && self.held.times().eq(other.held.times())
            && self.held.bits().eq(other.held.bits())
    }
}

#[cfg(test)]
mod model;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn over(aggregate: Aggregate, values: &[f64]) -> Window {
        let mut window = Window::new(aggregate, Span::Over(10 * SECOND), 1000);
        for (value, at) in values.iter().zip(0..) {
            assert!(window.push(Some(at), *value));
        }
        window
    }

    #[test]
    fn every_aggregate() {
        let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        let wanted = [
            (Aggregate::Count, 8.0),
            (Aggregate::Rate, 0.8),
            (Aggregate::Mean, 5.0),
            (Aggregate::Min, 2.0),
            (Aggregate::Max, 9.0),
            (Aggregate::Quantile(0.5), 4.0),
            (Aggregate::Quantile(0.9), 9.0),
            (Aggregate::Stddev, (32.0_f64 / 7.0).sqrt()),
            (Aggregate::Distinct, 5.0),
        ];
        for (aggregate, value) in wanted {
            assert_eq!(over(aggregate, &values).value(), Some(value), "{aggregate:?}");
            assert_eq!(over(aggregate, &[]).value(), None, "{aggregate:?}");
        }
        assert_eq!(over(Aggregate::Ratio, &[1.0, 0.0, 1.0, 1.0]).value(), Some(0.75));
        assert_eq!(over(Aggregate::Stddev, &[3.0]).value(), None);
        assert_eq!(over(Aggregate::Distinct, &[0.0, -0.0]).value(), Some(1.0));
        assert_eq!(over(Aggregate::Min, &[-0.0]).value().map(f64::to_bits), Some(0));
        let mut last = Window::new(Aggregate::Rate, Span::Last(3), 10);
        assert!(last.push(None, 1.0));
        assert_eq!((last.value(), last.len()), (None, 1));
    }

    #[test]
    fn half_open_and_out_of_order() {
        let mut window = Window::new(Aggregate::Max, Span::Over(10), 100);
        assert!(window.push(Some(0), 9.0) && window.push(Some(9), 1.0));
        assert_eq!((window.len(), window.value()), (2, Some(9.0)));
        assert!(window.push(Some(10), 2.0), "0 is exactly a span old now");
        assert_eq!((window.len(), window.value()), (2, Some(2.0)));
        assert!(!window.push(Some(0), 5.0));
        assert!(window.push(Some(1), 5.0));
        assert_eq!((window.value(), window.newest()), (Some(5.0), Some(10)));
        window.advance(11);
        window.advance(3);
        assert_eq!((window.value(), window.len(), window.newest()), (Some(2.0), 2, Some(11)));
        assert!(!window.push(None, 1.0) && !window.push(Some(11), f64::NAN) && !window.push(Some(99), f64::INFINITY));
        assert!(!window.push_hash(Some(11), 1));
        window.advance(i64::MAX);
        assert!(window.is_empty() && window.cut() == 0);
    }

    #[test]
    fn a_clock_that_jumped() {
        let mut window = over(Aggregate::Count, &[1.0; 5]);
        assert!(window.push(Some(i64::MAX), 1.0));
        assert_eq!(window.len(), 1);
        for i in 1..8 {
            assert!(!window.push(Some(i), 1.0));
            window.advance(i);
        }
        assert!(window.push(Some(8), 1.0));
        assert_eq!((window.len(), window.newest(), window.cut()), (1, Some(8), 0));
        // A value in between begins the row anew.
        window.advance(100 * SECOND);
        for i in 0..20 {
            assert_eq!(window.push(Some(if i % 8 == 7 { 99 * SECOND } else { 0 }), 1.0), i % 8 == 7);
        }
    }

    #[test]
    fn ends_of_time() {
        let mut window = Window::new(Aggregate::Count, Span::Over(i64::MAX), 10);
        assert!(window.push(Some(i64::MIN), 0.0) && window.push(Some(-2), 0.0));
        assert_eq!(window.len(), 2);
        assert!(window.push(Some(-1), 0.0), "now the first is a span old");
        assert_eq!(window.len(), 2);
        let mut odd = Window::new(Aggregate::Quantile(f64::NAN), Span::Over(-5), 0);
        assert!(odd.push(Some(0), 1.0) && odd.push(Some(0), 2.0));
        assert_eq!((odd.len(), odd.cut(), odd.value()), (1, 1, None));
    }

    #[test]
    fn at_most_so_many() {
        let mut window = Window::new(Aggregate::Mean, Span::Over(100), 2);
        assert!(window.push(Some(10), 1.0) && window.push(Some(20), 3.0) && window.push(Some(30), 5.0));
        assert_eq!((window.value(), window.cut()), (Some(4.0), 1));
        assert!(!window.push(Some(15), 9.0), "older than all in a full window");
        assert_eq!((window.value(), window.cut()), (Some(4.0), 2));
        let mut last = Window::new(Aggregate::Mean, Span::Last(5), 2);
        assert!((0..4).all(|i| last.push(Some(-i), i as f64)));
        assert_eq!((last.value(), last.cut(), last.newest()), (Some(2.5), 2, Some(0)));
    }
}
