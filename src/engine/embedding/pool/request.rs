//! What is asked of the pool, and what comes of it.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::{InUse, Text};
use crate::engine::embedding::TextResult;
use crate::record::Record;

/// Where the features of a text will stand.
#[derive(Debug, Default)]
pub struct Slot {
    pub(super) result: OnceLock<TextResult>,
    /// A worker is at it, or was. Changed under the queue's lock.
    pub(super) begun: AtomicBool,
    /// Records that wait for it. Changed under the queue's lock; a text that nobody wants any more is passed over.
    pub(super) wanted: AtomicUsize,
    /// Workers that have tried it.
    pub(super) tries: AtomicUsize,
}

/// A text that was asked for.
#[derive(Debug, Clone)]
pub(super) struct Ticket {
    pub(super) text: Arc<str>,
    pub(super) slot: Arc<Slot>,
    /// This call queued it: its cost belongs to this record.
    pub(super) fresh: bool,
}

impl Ticket {
    pub(super) fn to_do(&self) -> Text {
        (Arc::clone(&self.text), Arc::clone(&self.slot))
    }
}

/// What is asked for: texts that are to be compared.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    /// Whose they are.
    pub key: &'a Arc<str>,
    /// The texts; fewer than two are not compared.
    pub texts: Cow<'a, [Arc<str>]>,
}

impl<'a> From<&'a Record> for Ask<'a> {
    fn from(record: &'a Record) -> Self {
        Self { key: &record.key, texts: Cow::Borrowed(&record.samples) }
    }
}

/// The texts of a record that were asked for.
#[derive(Debug, Default)]
pub struct Request {
    pub(super) id: u64,
    pub(super) key: Option<Arc<str>>,
    pub(super) tickets: Vec<Ticket>,
    pub(super) shed: Arc<AtomicBool>,
    /// It came as it happened; what was there before is never shed.
    pub(super) live: bool,
}

impl Request {
    /// The texts, in the order of asking.
    pub fn texts(&self) -> impl ExactSizeIterator<Item = &Arc<str>> {
        self.tickets.iter().map(|ticket| &ticket.text)
    }

    /// Whether there is nothing left to wait for.
    pub fn is_done(&self) -> bool {
        self.shed.load(Ordering::Acquire) || self.tickets.iter().all(|ticket| ticket.slot.result.get().is_some())
    }
}

/// What became of a request.
#[derive(Debug)]
pub enum Answer {
    /// The features of the texts, what those took that were computed for this record, µs, and what computed them.
    Texts(Vec<TextResult>, u64, InUse),
    /// There was no time for the record.
    Shed,
}
