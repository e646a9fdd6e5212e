//! Who is next: texts that wait for a worker, in one lane a key, so that a loud key costs a quiet one nothing.
//!
//! Pure: the pool holds it behind its lock.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// The texts of one record that nobody has begun on.
#[derive(Debug)]
struct Job<T> {
    /// The record's number in the order of asking.
    id: u64,
    texts: VecDeque<T>,
    /// A record waits for it; what was asked for by others too stays when the record is given up.
    counts: bool,
    /// It came as it happened; what was there before is never given up.
    live: bool,
}

/// The lanes.
#[derive(Debug)]
pub struct Lanes<T> {
    keys: HashMap<Arc<str>, VecDeque<Job<T>>>,
    /// Keys with texts, in the order of their turns.
    turns: VecDeque<Arc<str>>,
    waiting: usize,
    /// Those of them that are not live.
    backlog: usize,
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self { keys: HashMap::new(), turns: VecDeque::new(), waiting: 0, backlog: 0 }
    }
}

impl<T> Lanes<T> {
    /// Records with a text that nobody has begun on.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Those of them that were there before the traffic was live.
    pub fn backlog(&self) -> usize {
        self.backlog
    }

    /// Puts a record's texts at the end of a key's lane. Ids grow.
    pub fn push(&mut self, key: &Arc<str>, id: u64, texts: VecDeque<T>, live: bool) {
        let lane = self.keys.entry(Arc::clone(key)).or_default();
        if lane.is_empty() {
            self.turns.push_back(Arc::clone(key));
        }
        lane.push_back(Job { id, texts, counts: true, live });
        self.waiting += 1;
        self.backlog += usize::from(!live);
    }

    /// The next text: keys take turns, a record at a time.
    pub fn next(&mut self) -> Option<T> {
        let key = self.turns.front().cloned()?;
        let lane = self.keys.get_mut(&key)?;
        let job = lane.front_mut()?;
        let text = job.texts.pop_front();
        if job.texts.is_empty() {
            self.waiting -= usize::from(job.counts);
            self.backlog -= usize::from(job.counts && !job.live);
            lane.pop_front();
            self.turns.pop_front();
            if lane.is_empty() {
                self.keys.remove(&key);
            } else {
                self.turns.push_back(key);
            }
        }
        text
    }

    /// The record to be given up when there is no room: of the key with most of them the oldest; among equals the
    /// oldest of all. None of those that are not live.
    pub fn victim(&self) -> Option<(Arc<str>, u64)> {
        let oldest = |lane: &VecDeque<Job<T>>| lane.iter().find(|job| job.counts && job.live).map(|job| job.id);
        let count = |lane: &VecDeque<Job<T>>| lane.iter().filter(|job| job.counts && job.live).count();
        let lanes = self.keys.iter().filter_map(|(key, lane)| Some((count(lane), oldest(lane)?, key)));
        let loudest = lanes.max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        loudest.map(|(_, id, key)| (Arc::clone(key), id))
    }

    /// Gives a record up: its texts go, but those that `keep` says others want.
    pub fn give_up(&mut self, key: &Arc<str>, id: u64, keep: impl Fn(&T) -> bool) {
        let Some(lane) = self.keys.get_mut(key) else { return };
        let Some(index) = lane.iter().position(|job| job.id == id) else { return };
        let job = &mut lane[index];
        let counted = std::mem::take(&mut job.counts);
        self.waiting -= usize::from(counted);
        self.backlog -= usize::from(counted && !job.live);
        job.texts.retain(keep);
        if job.texts.is_empty() {
            lane.remove(index);
        }
        if lane.is_empty() {
            self.keys.remove(key);
            self.turns.retain(|held| held != key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes(records: &[(&str, u64)]) -> Lanes<u64> {
        let mut lanes = Lanes::default();
        for (key, id) in records {
            lanes.push(&Arc::from(*key), *id, [*id, *id].into(), true);
        }
        lanes
    }

    fn drain(lanes: &mut Lanes<u64>) -> Vec<u64> {
        std::iter::from_fn(|| lanes.next()).collect()
    }

    #[test]
    fn keys_take_turns() {
        let mut lanes = lanes(&[("loud", 1), ("loud", 2), ("loud", 3), ("quiet", 4)]);
        assert_eq!(lanes.waiting(), 4);
        assert_eq!(drain(&mut lanes), [1, 1, 4, 4, 2, 2, 3, 3]);
        assert_eq!((lanes.waiting(), lanes.keys.len()), (0, 0));
    }

    #[test]
    fn the_loudest_gives_way() {
        let mut lanes = lanes(&[("quiet", 1), ("loud", 2), ("loud", 3), ("loud", 4), ("other", 5)]);
        let mut given_up = Vec::new();
        while let Some((key, id)) = lanes.victim() {
            given_up.push(id);
            lanes.give_up(&key, id, |_| false);
        }
        assert_eq!(given_up, [2, 3, 1, 4, 5], "of equals the oldest");
        assert_eq!((lanes.waiting(), lanes.next()), (0, None));
    }

    #[test]
    fn what_was_there_before_is_never_given_up() {
        let mut lanes = Lanes::default();
        lanes.push(&"a".into(), 1, [1].into(), false);
        lanes.push(&"a".into(), 2, [2].into(), true);
        assert_eq!((lanes.backlog(), lanes.victim()), (1, Some(("a".into(), 2))));
        lanes.give_up(&"a".into(), 2, |_| false);
        assert_eq!((lanes.victim(), lanes.waiting()), (None, 1));
        assert_eq!((lanes.next(), lanes.backlog()), (Some(1), 0));
    }

    #[test]
    fn what_others_want_stays() {
        let mut lanes = lanes(&[("a", 1), ("a", 2)]);
        assert_eq!(lanes.next(), Some(1));
        lanes.give_up(&"a".into(), 1, |_| true);
        assert_eq!((lanes.waiting(), lanes.victim()), (1, Some(("a".into(), 2))));
        assert_eq!(drain(&mut lanes), [1, 2, 2]);
        lanes.give_up(&"a".into(), 2, |_| true);
        assert_eq!(lanes.waiting(), 0);
    }
}
