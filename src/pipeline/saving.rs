//! Checkpoints: how far every file is judged, taken at a moment when the outputs hold exactly that.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Shared;
use super::judge::Judge;
use super::parse::Carry;
use crate::record::Origin;
use crate::redact::Redact;
use crate::sink::file::FileMark;
use crate::sink::ndjson::NdjsonSink;
use crate::sink::tally::Tally;
use crate::source::Place;
use crate::source::checkpoint::{Checkpoint, Store};

/// Time between two checkpoints at least.
const EVERY: Duration = Duration::from_secs(1);

/// They take at most one part in so many of the time.
const SHARE: u32 = 20;

/// How far the outputs were written, where they are files.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Written {
    /// The output.
    pub output: Option<FileMark>,
    /// The file of refused lines.
    pub rejected: Option<FileMark>,
    /// What was counted and not written yet.
    #[serde(default)]
    pub tally: Tally,
    /// Reports that stand in it of lines that will be read again, and how often each.
    pub reported: Vec<(String, u32)>,
}

impl Written {
    fn by(sink: Option<&NdjsonSink>) -> Self {
        let Some(sink) = sink else { return Self::default() };
        let (output, rejected) = sink.marks();
        let text = |report: &[u8]| String::from_utf8_lossy(report).into_owned();
        let tally = sink.tally().clone();
        Self {
            output,
            rejected,
            tally,
            reported: sink.remembered().map(|(report, count)| (text(report), count)).collect(),
        }
    }

    /// From a checkpoint.
    pub fn of(saved: &serde_json::Value) -> Self {
        Self::deserialize(saved).unwrap_or_default()
    }
}

/// Makes checkpoints.
pub(super) struct Saver {
    store: Store,
    /// By file, the place before which everything is judged.
    done: HashMap<Arc<str>, Place>,
    /// The file being judged, and the next line of it.
    current: Option<(Arc<str>, Place)>,
    /// By file, line and part of the last verdict that lies beyond the places above.
    judged: HashMap<Arc<str>, (u64, u32)>,
    /// What is begun of the sources, at the places above.
    carry: Arc<Carry>,
    /// What is to be in no checkpoint.
    redact: Arc<Redact>,
    /// By file, what was judged beyond them where lines do not say it.
    beyond: HashMap<Arc<str>, Vec<(u64, u32)>>,
    seq: u64,
    /// Files are being looked for, and what the engines know is being gathered again: until then the last checkpoint is
    /// the better one.
    rebuilding: bool,
    /// Files that the last checkpoint knows.
    known: HashSet<Arc<str>>,
    dirty: bool,
    saved_at: Duration,
    took: Duration,
    pub at: Option<Timestamp>,
    /// What computes the divergence.
    pub scores: String,
}

impl Saver {
    pub fn new(
        store: Store,
        judged: HashMap<Arc<str>, (u64, u32)>,
        (carry, redact): (Arc<Carry>, Arc<Redact>),
        seq: u64,
        rebuilding: bool,
    ) -> Self {
        Self {
            store,
            done: HashMap::new(),
            current: None,
            judged,
            carry,
            redact,
            beyond: HashMap::new(),
            seq,
            rebuilding,
            known: HashSet::new(),
            dirty: false,
            saved_at: Duration::ZERO,
            took: Duration::ZERO,
            at: None,
            scores: String::new(),
        }
    }

    /// The engines know again what they knew.
    pub fn rebuilt(&mut self, carry: Option<Arc<Carry>>) {
        self.rebuilding = false;
        // What the sources were found to be is known from the last checkpoint, not from lines yet.
        if let Some(carry) = carry {
            self.carry = Arc::new(self.carry.with_known(&carry));
        }
    }

    /// Whether a checkpoint has to be made before the first verdict on a file is written: else a crash and a rotation
    /// would leave a file behind that nobody looks for.
    pub fn is_new(&self, file: &Arc<str>) -> bool {
        !self.known.contains(file)
    }

    /// A line is about to be judged: all before it in its file are.
    pub fn before(&mut self, file: &Arc<str>, offset: u64, line: Option<u64>) {
        let place = Place { offset, line, before: None };
        match &mut self.current {
            Some((held, at)) if Arc::ptr_eq(held, file) => *at = place,
            other => *other = Some((Arc::clone(file), place)),
        }
        self.dirty = true;
    }

    /// A record got its verdict.
    pub fn counted(&mut self, seq: u64) {
        self.seq = seq + 1;
    }

    /// What stands here is judged. `joined`: the lines do not say so, and it was put together of these parts.
    pub fn after(&mut self, joined: bool, place: &Origin, parts: Option<&[Origin]>) {
        if !joined && parts.is_none() {
            let last = self.judged.entry(Arc::clone(&place.file)).or_default();
            *last = (*last).max((place.offset, place.part));
            return;
        }
        for part in parts.unwrap_or(std::slice::from_ref(place)) {
            self.beyond.entry(Arc::clone(&part.file)).or_default().push((part.offset, part.part));
        }
        self.dirty = true;
    }

    /// All lines of a file before a place are judged, but those that are begun. Without a place, this is none to go on
    /// from; without a `carry`, nothing has changed in what is begun.
    pub fn through(&mut self, file: &Arc<str>, end: Option<Place>, carry: Option<Arc<Carry>>) {
        self.current = None;
        self.dirty = true;
        if end.is_some() || carry.is_some() {
            self.beyond.clear();
        }
        if let Some(carry) = carry {
            self.carry = carry;
        }
        let Some(end) = end else { return };
        if self.judged.get(file).is_some_and(|last| last.0 < end.offset) {
            self.judged.remove(file);
        }
        self.done.insert(Arc::clone(file), end);
    }

    /// Makes a checkpoint if one is due. The sink must have handed everything over.
    pub fn save_if_due(&mut self, judge: &Judge, sink: Option<&NdjsonSink>, shared: &Shared) {
        let since = shared.clock.elapsed().saturating_sub(self.saved_at);
        if self.dirty && since >= EVERY.max(self.took * SHARE) {
            if let Some(Err(error)) = sink.map(NdjsonSink::sync) {
                tracing::warn!("the output can't be synced: {error}");
            }
            self.save(judge, sink, shared, true);
        }
    }

    /// Makes a checkpoint.
    pub fn save(&mut self, judge: &Judge, sink: Option<&NdjsonSink>, shared: &Shared, durable: bool) {
        if self.rebuilding {
            return;
        }
        let start = shared.clock.elapsed();
        let mut done = self.done.clone();
        let read: Vec<(&Arc<str>, u64)> = self.done.iter().map(|(file, place)| (file, place.offset)).collect();
        let reading = self.carry.saved(&read, &self.beyond);
        for (file, place) in &mut done {
            if let Some(begun) = self.carry.begin(file) {
                *place = begun;
            }
        }
        done.extend(self.current.clone());
        let marks = shared.ledger().marks(&done);
        let known: HashSet<Arc<str>> = marks.files.iter().map(|mark| Arc::clone(&mark.identity.hash)).collect();
        self.done.retain(|file, _| known.contains(file));
        let checkpoint = Checkpoint {
            key: self.store.key().clone(),
            seq: self.seq,
            marks,
            judged: self.judged.iter().map(|(file, last)| (file.to_string(), *last)).collect(),
            reading: serde_json::to_value(reading).unwrap_or_default(),
            written: serde_json::to_value(Written::by(sink)).unwrap_or_default(),
            // What holds something that is to be written nowhere is not kept: the engines begin anew after a restart.
            engines: Some(judge.save(&self.scores))
                .filter(|engines| !self.redact.finds_in(engines))
                .unwrap_or_default(),
        };
        match self.store.save(&checkpoint, durable) {
            Ok(()) => {
                self.dirty = false;
                self.known = known;
                self.at = Some(shared.clock.now());
            }
            // The last one is still there, and the output says what came after it.
            Err(error) => tracing::warn!("no checkpoint: {}: {error}", self.store.path().display()),
        }
        self.saved_at = shared.clock.elapsed();
        self.took = self.saved_at - start;
    }
}
