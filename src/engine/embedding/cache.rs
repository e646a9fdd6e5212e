//! What was derived from a text is kept, bounded in bytes: agents repeat themselves, and so do replays.
//!
//! A slot enters the cache when its text is queued, so that a text that is asked for again while it waits is embedded
//! once. Features are a pure function of the text, so the state of the cache changes no verdict.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::pool::Slot;
use crate::record::trim;

/// Bytes that a vector and the bookkeeping around a text take.
const FIXED: u64 = 2_560;

/// Bytes that a text's words, claims, letters and facts take, for each of its bytes.
const DERIVED: u64 = 20;

/// A text by two hashes and its length. The hashes are keyed anew in every process, so that nobody can make two texts
/// that are taken for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    hashes: [u64; 2],
    bytes: u64,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Arc<Slot>> for ByBytes {
    fn weight(&self, text: &Key, _: &Arc<Slot>) -> u64 {
        FIXED + DERIVED * text.bytes
    }
}

/// Texts and their slots.
pub struct TextCache {
    inner: Cache<Key, Arc<Slot>, ByBytes>,
    keyed: [foldhash::quality::RandomState; 2],
    hits: AtomicU64,
    misses: AtomicU64,
}

impl TextCache {
    /// A cache of about `bytes` bytes.
    pub fn new(bytes: u64) -> Self {
        let items = (bytes / FIXED).clamp(16, 1 << 20) as usize;
        Self {
            inner: Cache::with_weighter(items, bytes, ByBytes),
            keyed: std::array::from_fn(|_| foldhash::quality::RandomState::default()),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// What surrounds a text does not count.
    fn key(&self, text: &str) -> Key {
        let text = trim(text);
        Key { hashes: [0, 1].map(|i: usize| self.keyed[i].hash_one(text)), bytes: text.len() as u64 }
    }

    /// The slot of a text, if it is there. Counts.
    pub fn get(&self, text: &str) -> Option<Arc<Slot>> {
        let found = self.inner.get(&self.key(text));
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// Keeps a slot.
    pub fn insert(&self, text: &str, slot: Arc<Slot>) {
        self.inner.insert(self.key(text), slot);
    }

    /// Forgets a text, so that it is tried again when it comes again.
    pub fn remove(&self, text: &str) {
        self.inner.remove(&self.key(text));
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.inner.clear();
    }

    /// (found, not found) so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }

    /// Bytes held, roughly.
    pub fn bytes(&self) -> u64 {
        self.inner.weight()
    }
}
