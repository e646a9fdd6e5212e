//! How long reading will take to reach the end: bytes that are left, over bytes read a second.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The rate is taken over so much time.
const WINDOW: Duration = Duration::from_secs(10);

/// Less than this is no backlog, bytes.
const LITTLE: u64 = 256 << 10;

/// Bytes read and left, over all sources.
#[derive(Debug, Clone, Default)]
pub struct Backlog {
    sources: BTreeMap<Arc<str>, (u64, u64)>,
    /// Bytes read by a time, oldest first.
    read: VecDeque<(Timestamp, u64)>,
}

impl Backlog {
    /// Takes in how a source is: bytes read, and bytes that are there and not read.
    pub fn add(&mut self, source: &Arc<str>, read: u64, behind: u64, at: Timestamp) {
        self.sources.insert(Arc::clone(source), (read, behind));
        let total = self.sources.values().map(|(read, _)| read).sum();
        self.read.push_back((at, total));
        while self.read.len() > 2 && at.duration_since(self.read[1].0).unsigned_abs() >= WINDOW {
            self.read.pop_front();
        }
    }

    /// Bytes that are there and not read.
    pub fn behind(&self) -> u64 {
        self.sources.values().map(|(_, behind)| behind).sum()
    }

    /// Bytes a second; `None` before there is anything to tell it from.
    pub fn rate(&self) -> Option<f64> {
        let ((start, from), (end, to)) = (self.read.front()?, self.read.back()?);
        let seconds = end.duration_since(*start).as_secs_f64();
        (seconds > 0.2 && to > from).then(|| (to - from) as f64 / seconds)
    }

    /// The same, if it is of now.
    pub fn rate_at(&self, now: Timestamp) -> Option<f64> {
        let (newest, _) = self.read.back()?;
        self.rate().filter(|_| now.duration_since(*newest) < SignedDuration::from_secs(3))
    }

    /// Time until the end is reached at this rate; `None` where there is no backlog, or no rate.
    pub fn left(&self) -> Option<Duration> {
        let behind = self.behind();
        let rate = self.rate().filter(|_| behind > LITTLE)?;
        Some(Duration::from_secs_f64((behind as f64 / rate).min(1e9)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_takes_what_it_takes_at_the_present_rate() {
        let mut backlog = Backlog::default();
        let at = |s: i64| Timestamp::from_second(s).unwrap();
        let log: Arc<str> = "log".into();
        backlog.add(&log, 0, 100 << 20, at(0));
        assert_eq!((backlog.left(), backlog.behind()), (None, 100 << 20));
        for s in 1..=30 {
            backlog.add(&log, s << 20, (100 - s) << 20, at(s as i64));
        }
        assert_eq!(backlog.left(), Some(Duration::from_secs(70)));
        backlog.add(&log, 100 << 20, 0, at(31));
        assert_eq!(backlog.left(), None);
    }
}
