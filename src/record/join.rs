//! Records whose parts come one after the other: the chunks of a stream, the events of a span, the single answers that
//! `--group-by` puts together.
//!
//! A record is closed by what its parts say (all answers finished and the usage there), by their number, or by event
//! time going on without it. The wall clock has no say, so that a replay closes where the first run did.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::draft::{Answer, Draft, Entry, Maker, Part};
use super::{Origin, prefix};

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
    raw: Vec<u8>,
    /// Event time of the source at its last part.
    touched: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Said {
    text: Option<String>,
    done: bool,
}

impl Open {
    fn is_finished(&self) -> bool {
        !self.answers.is_empty() && self.answers.values().all(|said| said.done)
    }

    fn bytes(&self) -> usize {
        let said: usize = self.answers.values().filter_map(|said| said.text.as_ref()).map(String::len).sum();
        self.raw.len() + said + self.parts.len() * size_of::<Origin>()
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
    /// Latest event time.
    now: Option<Timestamp>,
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
            now: None,
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

    /// Event time has come to `at`.
    pub fn come_to(&mut self, maker: &mut Maker, at: Option<Timestamp>, out: &mut dyn FnMut(Closed)) {
        self.now = self.now.max(at);
        self.close_due(maker, out);
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
            None => {
                let parts = vec![origin.clone()];
                self.whole(maker, Closed { draft, origin, parts, raw: raw.clone() }, out);
            }
            Some(part) => self.part(maker, draft, part, (origin, raw), out),
        }
        while self.open.len() > self.options.open || self.bytes > self.options.bytes {
            let Some(oldest) = self.open.keys().next().copied() else { return };
            self.close(maker, oldest, out);
        }
    }

    /// Event time goes on by so much without any part.
    pub fn advance(&mut self, maker: &mut Maker, by: SignedDuration, out: &mut dyn FnMut(Closed)) {
        let now = self.now;
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

    fn part(
        &mut self,
        maker: &mut Maker,
        draft: Draft,
        part: Part,
        (origin, raw): (Origin, &Bytes),
        out: &mut dyn FnMut(Closed),
    ) {
        let known = self.by_key.get(&part.key).copied();
        if part.alone {
            self.alone = None;
        }
        self.events |= part.key.starts_with("span ") && !part.alone;
        if part.alone && known.is_none() && !self.events {
            let parts = vec![origin.clone()];
            return self.whole(maker, Closed { draft, origin, parts, raw: raw.clone() }, out);
        }
        let serial = known.unwrap_or_else(|| self.begin(Arc::clone(&part.key), false));
        let (now, limits) = (self.now, maker.limits);
        let Some(open) = self.open.get_mut(&serial) else { return };
        let before = open.bytes();
        open.touched = now;
        open.last |= part.last;
        open.whole |= part.alone;
        for Answer { index, text, done } in part.answers {
            if open.answers.len() >= limits.samples && !open.answers.contains_key(&index) {
                open.draft.truncated = true;
                continue;
            }
            let said = open.answers.entry(index).or_default();
            said.done |= done;
            if let Some(text) = text {
                let held = said.text.get_or_insert_default();
                let kept = prefix(&text, limits.sample_bytes.saturating_sub(held.len()));
                open.draft.truncated |= kept.len() < text.len();
                held.push_str(kept);
            }
        }
        merge(&mut open.draft, draft, maker);
        hold(open, origin, raw, limits.line_bytes);
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
        let serial = self.by_key.get(&key).copied().unwrap_or_else(|| self.begin(key, true));
        let (now, limits) = (self.now, maker.limits);
        let Some(open) = self.open.get_mut(&serial) else { return };
        let before = open.bytes();
        open.touched = now;
        let Closed { draft, parts, raw, .. } = closed;
        merge(&mut open.draft, draft, maker);
        for origin in parts {
            hold(open, origin, &Bytes::new(), limits.line_bytes);
        }
        hold_raw(open, &raw, limits.line_bytes);
        let full = open.draft.samples.len() >= count.min(limits.samples);
        self.bytes += open.bytes() - before;
        if full { self.close(maker, serial, out) } else { self.plan(serial) }
    }

    fn begin(&mut self, key: Arc<str>, group: bool) -> u64 {
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
            raw: Vec::new(),
            touched: None,
        };
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
        if let (Some(alone), false, false) = (&mut self.alone, open.whole, open.group) {
            *alone = alone.saturating_add(1);
        }
        let Open { group, draft, answers, parts, raw, .. } = open;
        let Some(origin) = parts.first().cloned() else { return };
        let mut entry = Entry::resume(maker, draft);
        answers.into_values().filter_map(|said| said.text).for_each(|text| entry.sample(&text));
        let closed = Closed { draft: entry.done(), origin, parts, raw: raw.into() };
        if group { out(closed) } else { self.whole(maker, closed, out) }
    }
}

fn hold(open: &mut Open, origin: Origin, raw: &Bytes, limit: usize) {
    open.parts.push(origin);
    hold_raw(open, raw, limit);
}

fn hold_raw(open: &mut Open, raw: &Bytes, limit: usize) {
    // Past the bound of a line the rest is not kept: the places say where it stands.
    if raw.is_empty() || open.raw.len() + raw.len() >= limit {
        return;
    }
    if !open.raw.is_empty() {
        open.raw.push(b'\n');
    }
    open.raw.extend_from_slice(raw);
}

/// Puts what a part says to what the parts before it have said. What was said first stays; numbers that differ are all
/// kept, and so each is checked by the rules.
fn merge(into: &mut Draft, from: Draft, maker: &Maker) {
    let limits = &maker.limits;
    into.id = into.id.take().or(from.id);
    into.prompt = into.prompt.take().or(from.prompt);
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
            into.samples.push(sample);
        } else {
            into.truncated = true;
        }
    }
    for (name, value) in from.numbers {
        let known = |(held, other): &(super::Name, f64)| *held == name && other.to_bits() == value.to_bits();
        if into.numbers.iter().any(known) {
            continue;
        }
        if into.numbers.len() < limits.numbers {
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
            into.labels.push((name, value));
        } else {
            into.truncated = true;
        }
    }
}
