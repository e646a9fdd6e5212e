//! State by key, bounded: when there is no room for one more, those that were seen the longest ago go, and are counted.

use std::sync::Arc;

use foldhash::HashMap;
use serde::{Deserialize, Serialize};

/// What is kept by key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Keyed<V> {
    by_key: HashMap<Arc<str>, Held<V>>,
    /// Grows by one with every look.
    clock: u64,
    most: usize,
    /// Keys that had to go.
    pub evicted: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Held<V> {
    seen: u64,
    value: V,
}

impl<V> Keyed<V> {
    /// Room for so many keys.
    pub fn new(most: usize) -> Self {
        Self { by_key: HashMap::default(), clock: 0, most, evicted: 0 }
    }

    /// What is kept of a key, made if there is nothing.
    pub fn of(&mut self, key: &str, make: impl FnOnce() -> V) -> &mut V {
        self.clock += 1;
        if !self.by_key.contains_key(key) && self.by_key.len() >= self.most {
            self.evict();
        }
        let seen = self.clock;
        if !self.by_key.contains_key(key) {
            self.by_key.insert(key.into(), Held { seen, value: make() });
        }
        // It is there now; a map can't be asked for the reference that an insertion by a borrowed key would give.
        #[allow(clippy::expect_used)]
        let held = self.by_key.get_mut(key).expect("inserted above if it was not there");
        held.seen = seen;
        &mut held.value
    }

    /// What is kept of a key, if anything is. It does not count as a look.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut V> {
        self.by_key.get_mut(key).map(|held| &mut held.value)
    }

    /// Forgets a key.
    pub fn remove(&mut self, key: &str) {
        self.by_key.remove(key);
    }

    /// Forgets an eighth of the keys: one by one, each new key of a flood would have to look through all.
    pub fn evict(&mut self) {
        let mut seen: Vec<u64> = self.by_key.values().map(|held| held.seen).collect();
        seen.sort_unstable();
        let Some(newest_to_go) = seen.get(seen.len() / 8) else { return };
        let before = self.by_key.len();
        self.by_key.retain(|_, held| held.seen > *newest_to_go);
        self.evicted += (before - self.by_key.len()) as u64;
    }

    /// All values.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.by_key.values().map(|held| &held.value)
    }

    /// Keeps the keys whose value `keep` wants to.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut V) -> bool) {
        self.by_key.retain(|_, held| keep(&mut held.value));
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_not_seen_for_longest_goes_and_is_counted() {
        let mut keyed = Keyed::new(16);
        for n in 0..16 {
            keyed.of(&n.to_string(), || n);
        }
        keyed.of("0", || 99);
        keyed.of("16", || 16);
        assert_eq!((keyed.len(), keyed.evicted), (14, 3));
        let kept: Vec<bool> = ["0", "1", "3", "4"].iter().map(|key| keyed.get_mut(key).is_some()).collect();
        assert_eq!(kept, [true, false, false, true]);
        for n in 100..10_000 {
            keyed.of(&n.to_string(), || n);
        }
        assert!(keyed.len() <= 16 && keyed.evicted > 9_800);
    }
}
