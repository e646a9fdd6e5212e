//! Records whose parts come one after the other: the chunks of a stream, the events of a span, the single answers that
//! `--group-by` puts together.
//!
//! A record is closed by what its parts say (all answers finished and the usage there), by their number, or by event
//! time going on without it. The wall clock has no say, so that a replay closes where the first run did.

mod raw;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::draft::{Answer, Draft, Entry, Maker, Part};
use super::{Origin, prefix, shared_bytes};
use raw::{Held, Shared};

/// A record of which all answers are finished is closed so long after its last part, event time: its usage may not come.
const GRACE: SignedDuration = SignedDuration::from_secs(2);

/// After so many contents of spans without a span, none is waited for.
const ALONE: u32 = 8;

/// Bounds of what is open.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// An unfinished record is closed so long after its last part, event time.
    pub gap: SignedDuration,
    /// Records that may be open at once; past it the oldest is closed.
    pub open: usize,
    /// Bytes of them.
    pub bytes: usize,
    /// Records with one answer each that are joined.
    pub group: Option<Group>,
}

impl Default for Options {
    fn default() -> Self {
        Self { gap: SignedDuration::from_secs(30), open: 4_096, bytes: 16 << 20, group: None }
    }
}

/// Which records with one answer each are joined.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Those with the same value here: a label, a number, or `prompt`.
    pub by: String,
    /// A group is closed with so many answers.
    pub count: usize,
    /// Or so long after its last one, event time.
    pub gap: SignedDuration,
}

/// A record that is closed, with the places of all its parts.
#[derive(Debug)]
pub struct Closed {
    /// What its parts have said.
    pub draft: Draft,
    /// Where its first part stands.
    pub origin: Origin,
    /// Where all of them stand.
    pub parts: Vec<Origin>,
    /// The values they were read from, a line each.
    pub raw: Bytes,
    /// Event time of the source before the first of them.
    since: Option<Timestamp>,
}

/// What is known of times, so that parts which are read again are joined as they were.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Memory {
    /// Event time before the first part that is read again.
    since: Option<Timestamp>,
    /// Event time when reading stopped.
    now: Option<Timestamp>,
    /// Event time at the last part of each record that was open, in the order in which they were begun.
    touched: Vec<Option<Timestamp>>,
    events: bool,
    alone: Option<u32>,
}

#[derive(Debug)]
struct Open {
    key: Arc<str>,
    group: bool,
    draft: Draft,
    answers: BTreeMap<u32, Said>,
    /// Nothing more comes once all answers are finished.
    last: bool,
    /// Something that could have been a record by itself is part of it.
    whole: bool,
    parts: Vec<Origin>,
    raw: Held,
    /// Bytes of the draft.
    merged: usize,
    /// Event time of the source before its first part.
    since: Option<Timestamp>,
    /// Event time of the source at its last part.
    touched: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Said {
    text: Option<String>,
    done: bool,
    called: bool,
}

impl Said {
    /// The answer; a call of a tool that says nothing is none.
    fn answer(self) -> Option<String> {
        self.text.filter(|text| !self.called || !text.trim().is_empty())
    }
}

impl Open {
    fn is_finished(&self) -> bool {
        !self.answers.is_empty() && self.answers.values().all(|said| said.done)
    }

    fn bytes(&self) -> usize {
        let said: usize = self.answers.values().filter_map(|said| said.text.as_ref()).map(String::len).sum();
        said + self.merged + self.key.len() + self.parts.len() * size_of::<Origin>()
    }

    /// Whether a part says more of an answer that has ended: its key is used again.
    fn is_over_for(&self, part: &Part) -> bool {
        let says_more = |answer: &Answer| answer.text.as_ref().is_some_and(|text| !text.is_empty());
        part.answers.iter().any(|answer| says_more(answer) && self.answers.get(&answer.index).is_some_and(|s| s.done))
    }
}

/// What is open of one source.
#[derive(Debug)]
pub struct Joining {
    options: Options,
    /// In the order in which they were begun.
    open: BTreeMap<u64, Open>,
    by_key: HashMap<Arc<str>, u64>,
    begun: u64,
    bytes: usize,
    shared: Shared,
    /// Latest event time, and what it was before the last value.
    now: Option<Timestamp>,
    before: Option<Timestamp>,
    /// The same, where a former run has stopped; `again` while its parts are read again, and time closes nothing.
    former: Option<Timestamp>,
    touched: Vec<Option<Timestamp>>,
    again: bool,
    /// Nothing is due before.
    due: Option<Timestamp>,
    /// The content of spans comes in parts of its own.
    events: bool,
    /// Contents whose spans have not come; `None` once one has.
    alone: Option<u32>,
}

impl Joining {
    /// Nothing is open.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            open: BTreeMap::new(),
            by_key: HashMap::new(),
            begun: 0,
            bytes: 0,
            shared: Shared::default(),
            now: None,
            before: None,
            former: None,
            touched: Vec::new(),
            again: false,
            due: None,
            events: false,
            alone: Some(0),
        }
    }

    /// Whether nothing is open.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Where all parts stand that belong to no closed record yet.
    pub fn parts(&self) -> impl Iterator<Item = &Origin> {
        self.open.values().flat_map(|open| &open.parts)
    }

    /// What a new process needs beside the parts themselves.
    pub fn save(&self) -> Memory {
        let now = self.now.max(self.former);
        let since = self.open.values().map(|open| open.since).min().unwrap_or(now);
        let touched = self.open.values().map(|open| open.touched).collect();
        Memory { since, now, touched, events: self.events, alone: self.alone }
    }

    /// Goes on from what was saved.
    pub fn restore(&mut self, saved: Memory) {
        (self.now, self.former, self.events, self.alone) = (saved.since, saved.now, saved.events, saved.alone);
        self.touched = saved.touched;
    }

    /// Whether parts are read that a former run has read: what it left open was not closed among them.
    pub fn read_again(&mut self, again: bool) {
        self.again = again;
        if again {
            return;
        }
        self.now = self.now.max(self.former.take());
        let touched = std::mem::take(&mut self.touched);
        if !touched.is_empty() && touched.len() == self.open.len() {
            // Exactly as it was: of lines in between, some are not whole any more, and have told no time.
            self.open.values_mut().zip(touched).for_each(|(open, touched)| open.touched = touched);
            self.due = self.open.values().filter_map(|open| self.deadline(open)).min();
        }
    }

    /// Event time has come to `at`.
    pub fn come_to(&mut self, maker: &mut Maker, at: Option<Timestamp>, out: &mut dyn FnMut(Closed)) {
        self.before = self.now;
        self.now = self.now.max(at);
        if !self.again {
            self.close_due(maker, out);
        }
    }

    /// Takes what a format has found, and hands over what is closed by it.
    pub fn add(
        &mut self,
        maker: &mut Maker,
        (draft, part): (Draft, Option<Part>),
        (origin, raw): (Origin, &Bytes),
        out: &mut dyn FnMut(Closed),
    ) {
        match part {
            None => self.single(maker, draft, (origin, raw), out),
            Some(part) => self.part(maker, (draft, part), (origin, raw), out),
        }
        while self.open.len() > self.options.open || self.bytes + self.shared.bytes > self.options.bytes {
            let Some(oldest) = self.open.keys().next().copied() else { return };
            self.close(maker, oldest, out);
        }
    }

    /// Event time goes on by so much without any part.
    pub fn advance(&mut self, maker: &mut Maker, by: SignedDuration, out: &mut dyn FnMut(Closed)) {
        let now = self.now.max(self.former);
        self.now = now.and_then(|now| now.checked_add(by).ok());
        self.close_due(maker, out);
        self.now = now;
    }

    /// Nothing more comes: all that is open is closed, in the order in which it was begun.
    pub fn finish(&mut self, maker: &mut Maker, out: &mut dyn FnMut(Closed)) {
        while let Some(oldest) = self.open.keys().next().copied() {
            self.close(maker, oldest, out);
        }
    }

    fn single(
        &mut self,
        maker: &mut Maker,
        draft: Draft,
        (origin, raw): (Origin, &Bytes),
        out: &mut dyn FnMut(Closed),
    ) {
        let parts = vec![origin.clone()];
        self.whole(maker, Closed { draft, origin, parts, raw: raw.clone(), since: self.before }, out);
    }

    fn part(
        &mut self,
        maker: &mut Maker,
        (draft, part): (Draft, Part),
        (origin, raw): (Origin, &Bytes),
        out: &mut dyn FnMut(Closed),
    ) {
        let mut known = self.by_key.get(&part.key).copied();
        if let Some(over) = known.take_if(|serial| self.open.get(serial).is_some_and(|open| open.is_over_for(&part))) {
            self.close(maker, over, out);
        }
        if part.alone {
            self.alone = None;
        }
        self.events |= part.key.starts_with("span ") && !part.alone;
        if part.alone && known.is_none() && !self.events {
            return self.single(maker, draft, (origin, raw), out);
        }
        let serial = known.unwrap_or_else(|| self.begin(Arc::clone(&part.key), false, self.before));
        let (now, limits) = (self.now, maker.limits);
        let Some(open) = self.open.get_mut(&serial) else { return };
        let before = open.bytes();
        open.touched = now;
        open.last |= part.last;
        open.whole |= part.alone;
        for Answer { index, text, done, called } in part.answers {
            if open.answers.len() >= limits.samples && !open.answers.contains_key(&index) {
                open.draft.truncated = true;
                continue;
            }
            let said = open.answers.entry(index).or_default();
            said.done |= done;
            said.called |= called;
            if let Some(text) = text {
                let held = said.text.get_or_insert_default();
                let kept = prefix(&text, limits.sample_bytes.saturating_sub(held.len()));
                open.draft.truncated |= kept.len() < text.len();
                held.push_str(kept);
            }
        }
        open.merged += merge(&mut open.draft, draft, maker);
        open.parts.push(origin);
        self.shared.hold(&mut open.raw, raw, limits.line_bytes);
        self.bytes += open.bytes() - before;
        if open.last && open.is_finished() {
            return self.close(maker, serial, out);
        }
        self.plan(serial);
    }

    /// A whole record: it goes on, or into its group.
    fn whole(&mut self, maker: &mut Maker, closed: Closed, out: &mut dyn FnMut(Closed)) {
        let Some(group) = self.options.group.as_ref().filter(|_| closed.draft.samples.len() <= 1) else {
            return out(closed);
        };
        let value = match (&*group.by, &closed.draft.prompt) {
            ("prompt", Some((_, prompt))) => Some(Arc::clone(prompt)),
            (path, _) => closed.draft.value(path),
        };
        let Some(value) = value else { return out(closed) };
        let (key, count): (Arc<str>, usize) = (format!("group {value}").into(), group.count);
        let serial = self.by_key.get(&key).copied().unwrap_or_else(|| self.begin(key, true, closed.since));
        let (now, limits) = (self.now, maker.limits);
        let Some(open) = self.open.get_mut(&serial) else { return };
        let before = open.bytes();
        open.touched = now;
        open.since = open.since.min(closed.since);
        let Closed { draft, parts, raw, .. } = closed;
        open.merged += merge(&mut open.draft, draft, maker);
        open.parts.extend(parts);
        self.shared.hold(&mut open.raw, &raw, limits.line_bytes);
        let full = open.draft.samples.len() >= count.min(limits.samples);
        self.bytes += open.bytes() - before;
        if full { self.close(maker, serial, out) } else { self.plan(serial) }
    }

    fn begin(&mut self, key: Arc<str>, group: bool, since: Option<Timestamp>) -> u64 {
        let serial = self.begun;
        self.begun += 1;
        self.by_key.insert(Arc::clone(&key), serial);
        let open = Open {
            key,
            group,
            draft: Draft::default(),
            answers: BTreeMap::new(),
            last: false,
            whole: false,
            parts: Vec::new(),
            raw: Held::default(),
            merged: 0,
            since,
            touched: None,
        };
        self.bytes += open.bytes();
        self.open.insert(serial, open);
        serial
    }

    /// When a record is closed if no more parts come; `None` without event times.
    fn deadline(&self, open: &Open) -> Option<Timestamp> {
        let gap = match (&self.options.group, open.group) {
            (Some(group), true) => group.gap,
            // The content of a span waits for the span, unless none ever comes.
            _ if open.is_finished()
                && (open.whole || !open.key.starts_with("span ") || self.alone.is_some_and(|n| n >= ALONE)) =>
            {
                GRACE
            }
            _ => self.options.gap,
        };
        open.touched?.checked_add(gap).ok()
    }

    fn plan(&mut self, serial: u64) {
        let deadline = self.open.get(&serial).and_then(|open| self.deadline(open));
        self.due = match (self.due, deadline) {
            (Some(due), Some(deadline)) => Some(due.min(deadline)),
            (due, deadline) => due.or(deadline),
        };
    }

    fn close_due(&mut self, maker: &mut Maker, out: &mut dyn FnMut(Closed)) {
        let (Some(now), Some(due)) = (self.now, self.due) else { return };
        if now <= due {
            return;
        }
        let is_due = |open: &Open| self.deadline(open).is_some_and(|deadline| now > deadline);
        let over: Vec<u64> = self.open.iter().filter(|(_, open)| is_due(open)).map(|(serial, _)| *serial).collect();
        over.into_iter().for_each(|serial| self.close(maker, serial, out));
        self.due = self.open.values().filter_map(|open| self.deadline(open)).min();
    }

    fn close(&mut self, maker: &mut Maker, serial: u64, out: &mut dyn FnMut(Closed)) {
        let Some(open) = self.open.remove(&serial) else { return };
        self.by_key.remove(&open.key);
        self.bytes = self.bytes.saturating_sub(open.bytes());
        if let (Some(alone), false, true) = (self.alone, open.whole, open.key.starts_with("span ")) {
            self.alone = Some(alone.saturating_add(1));
            if self.alone == Some(ALONE) {
                // The others are due sooner from now on.
                self.due = self.open.values().filter_map(|open| self.deadline(open)).min();
            }
        }
        let Open { group, draft, answers, parts, raw, since, .. } = open;
        let Some(origin) = parts.first().cloned() else { return };
        let mut entry = Entry::resume(maker, draft);
        answers.into_values().filter_map(Said::answer).for_each(|text| entry.sample(&text));
        let closed = Closed { draft: entry.done(), origin, parts, raw: self.shared.join(raw), since };
        if group { out(closed) } else { self.whole(maker, closed, out) }
    }
}

/// Puts what a part says to what the parts before it have said, and gives the bytes that it adds. What was said first
/// stays; numbers that differ are all kept, and so each is checked by the rules. Of one name there are no more than a
/// record has answers: a clock in each of a thousand chunks leaves room for the usage in the last.
fn merge(into: &mut Draft, from: Draft, maker: &Maker) -> usize {
    let limits = &maker.limits;
    let mut added = 0;
    for (slot, text) in [(&mut into.id, from.id), (&mut into.prompt, from.prompt)] {
        if let (None, Some(text)) = (&slot, text) {
            added += shared_bytes(&text.1);
            *slot = Some(text);
        }
    }
    into.latency_ms = into.latency_ms.or(from.latency_ms);
    into.truncated |= from.truncated;
    into.lossy |= from.lossy;
    // The record is known when its last part is.
    into.ts = match (into.ts.take(), from.ts) {
        (Some(a), Some(b)) => Some(if b.1 > a.1 { b } else { a }),
        (a, b) => a.or(b),
    };
    for sample in from.samples {
        if into.samples.len() < limits.samples {
            added += shared_bytes(&sample);
            into.samples.push(sample);
        } else {
            into.truncated = true;
        }
    }
    for (name, value) in from.numbers {
        let (mut known, mut alike) = (false, 0);
        for (_, other) in into.numbers.iter().filter(|(held, _)| *held == name) {
            known |= other.to_bits() == value.to_bits();
            alike += 1;
        }
        if known {
            continue;
        }
        if into.numbers.len() < limits.numbers && alike < limits.samples {
            added += size_of::<(super::Name, f64)>() + name.footprint();
            into.numbers.push((name, value));
        } else {
            into.truncated = true;
        }
    }
    for (name, value) in from.labels {
        if into.labels.iter().any(|(held, _)| *held == name) {
            continue;
        }
        if into.labels.len() < limits.numbers {
            added += size_of::<(super::Name, Arc<str>)>() + name.footprint() + shared_bytes(&value);
            into.labels.push((name, value));
        } else {
            into.truncated = true;
        }
    }
    added
}

#[cfg(test)]
mod tests;
