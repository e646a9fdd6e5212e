//! What was derived from a text is kept, bounded in bytes: agents repeat themselves, and so do replays.
//!
//! A slot enters the cache when its text is queued, so that a text that is asked for again while it waits is embedded
//! once. Features are a pure function of the text, so the state of the cache changes no verdict.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::pool::Slot;

/// Bytes that a vector and the bookkeeping around a text take.
const FIXED: u64 = 2_048;

#[derive(Clone)]
struct ByBytes;

impl Weighter<Arc<str>, Arc<Slot>> for ByBytes {
    fn weight(&self, text: &Arc<str>, _: &Arc<Slot>) -> u64 {
        // The text, and its words at 16 bytes for about eight letters each.
        FIXED + 3 * text.len() as u64
    }
}

/// Texts and their slots.
pub struct TextCache {
    inner: Cache<Arc<str>, Arc<Slot>, ByBytes>,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl TextCache {
    /// A cache of about `bytes` bytes.
    pub fn new(bytes: u64) -> Self {
        let items = (bytes / FIXED).clamp(16, 1 << 20) as usize;
        Self { inner: Cache::with_weighter(items, bytes, ByBytes), hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    /// The slot of a text, if it is there. Counts.
    pub fn get(&self, text: &str) -> Option<Arc<Slot>> {
        let found = self.inner.get(text);
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// Keeps a slot.
    pub fn insert(&self, text: Arc<str>, slot: Arc<Slot>) {
        self.inner.insert(text, slot);
    }

    /// Forgets a text, so that it is tried again when it comes again.
    pub fn remove(&self, text: &str) {
        self.inner.remove(text);
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
