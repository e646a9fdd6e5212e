//! A record in the making: what a format fills in, and what turns it into a [`Record`].

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::json::Json;
use super::names::{Name, Names, Place};
use super::{DEFAULT_KEY, DEFAULT_KEY_PATHS, LABEL_BYTES, Limits, Origin, Record, Seq, prefix};

/// What all records of a run are made with: one table of names, the bounds, and the labels that make the key.
#[derive(Debug)]
pub struct Maker {
    pub(super) names: Names,
    pub(super) limits: Limits,
    key_paths: Vec<String>,
    /// Numbers and labels of the last record: the next one has about as many.
    usual: (usize, usize),
}

impl Maker {
    /// Records are grouped by the first of `key_paths` that they have; by the default labels if there are none.
    pub fn new(limits: Limits, key_paths: &[String]) -> Self {
        let key_paths = if key_paths.is_empty() {
            DEFAULT_KEY_PATHS.iter().map(ToString::to_string).collect()
        } else {
            key_paths.to_vec()
        };
        Self { names: Names::default(), limits, key_paths, usual: (0, 0) }
    }

    /// An empty draft, with room for what the last one held.
    pub fn draft(&self) -> Draft {
        let (numbers, labels) = self.usual;
        Draft { numbers: Vec::with_capacity(numbers), labels: Vec::with_capacity(labels), ..Draft::default() }
    }

    /// The finished record; it gets its number when it gets its turn.
    pub fn record(&mut self, draft: Draft, origin: Origin, raw: Bytes) -> Record {
        self.usual = (draft.numbers.len(), draft.labels.len());
        let key = self.key_paths.iter().find_map(|path| draft.value(path)).unwrap_or_else(|| DEFAULT_KEY.into());
        let place = || match origin.part {
            0 => format!("{}#{}", origin.source, origin.offset).into(),
            part => format!("{}#{}.{part}", origin.source, origin.offset).into(),
        };
        Record {
            seq: Seq(0),
            id: draft.id.map_or_else(place, |(_, id)| id),
            ts: draft.ts.map(|(_, ts)| ts),
            key,
            prompt: draft.prompt.map(|(_, prompt)| prompt),
            samples: draft.samples,
            latency_ms: draft.latency_ms,
            numbers: draft.numbers,
            labels: draft.labels,
            truncated: draft.truncated,
            lossy: draft.lossy,
            origin,
            raw,
        }
    }
}

/// What has been found of a record so far. The rank beside a value is its place among the names that mean the same.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// Identity.
    pub id: Option<(u8, Arc<str>)>,
    /// Event time.
    pub ts: Option<(u8, Timestamp)>,
    /// The question.
    pub prompt: Option<(u8, Arc<str>)>,
    /// The answers.
    pub samples: Vec<Arc<str>>,
    /// What the agent's answer took, ms.
    pub latency_ms: Option<f64>,
    /// Numeric leaves.
    pub numbers: Vec<(Name, f64)>,
    /// Text leaves.
    pub labels: Vec<(Name, Arc<str>)>,
    /// Something exceeded a bound and was cut.
    pub truncated: bool,
    /// What it was read from was not valid UTF-8.
    pub lossy: bool,
}

impl Draft {
    /// The label or number at a path, as a text.
    pub fn value(&self, path: &str) -> Option<Arc<str>> {
        let label = self.labels.iter().find(|(name, _)| name.as_str() == path);
        let number = || self.numbers.iter().find(|(name, _)| name.as_str() == path);
        label.map(|(_, value)| Arc::clone(value)).or_else(|| number().map(|(_, value)| value.to_string().into()))
    }
}

/// Puts a value into a slot, unless one stands there that has a better name.
pub(super) fn keep<T>(slot: &mut Option<(u8, T)>, rank: u8, value: T) {
    if slot.as_ref().is_none_or(|(held, _)| *held > rank) {
        *slot = Some((rank, value));
    }
}

/// A draft that a format fills in.
#[derive(Debug)]
pub struct Entry<'a> {
    maker: &'a mut Maker,
    draft: Draft,
}

impl<'a> Entry<'a> {
    /// An empty one.
    pub fn new(maker: &'a mut Maker) -> Self {
        let draft = maker.draft();
        Self { maker, draft }
    }

    /// One that was begun before.
    pub fn resume(maker: &'a mut Maker, draft: Draft) -> Self {
        Self { maker, draft }
    }

    /// The draft, filled in.
    pub fn done(self) -> Draft {
        self.draft
    }

    /// Identity; the first one given stays. Blank ones are none.
    pub fn id(&mut self, id: &str) {
        if !id.trim().is_empty() {
            keep(&mut self.draft.id, 0, prefix(id, LABEL_BYTES).into());
        }
    }

    /// Event time; the first one given stays.
    pub fn time(&mut self, ts: Option<Timestamp>) {
        if let Some(ts) = ts {
            keep(&mut self.draft.ts, 0, ts);
        }
    }

    /// The question; the first one given stays.
    pub fn prompt(&mut self, text: &str) {
        let kept = prefix(text, self.maker.limits.sample_bytes);
        self.draft.truncated |= kept.len() < text.len();
        keep(&mut self.draft.prompt, 0, kept.into());
    }

    /// One more answer.
    pub fn sample(&mut self, text: &str) {
        if self.draft.samples.len() >= self.maker.limits.samples {
            self.draft.truncated = true;
            return;
        }
        let kept = prefix(text, self.maker.limits.sample_bytes);
        self.draft.truncated |= kept.len() < text.len();
        self.draft.samples.push(kept.into());
    }

    /// What the answer took, ms; the first one given stays. It is the number `latency_ms` too, as in the native format.
    pub fn latency_ms(&mut self, latency: f64) {
        if latency.is_finite() && self.draft.latency_ms.is_none() {
            self.draft.latency_ms = Some(latency);
            self.number(&["latency_ms"], latency);
        }
    }

    /// A number at a path of keys, unless one stands there already; what is not finite is none.
    pub fn number(&mut self, path: &[&str], value: f64) {
        let place = self.place(path);
        let name = self.maker.names.name(&place);
        if !self.draft.numbers.iter().any(|(held, _)| *held == name) {
            self.number_at(&place, value);
        }
    }

    /// A label at a path of keys, unless one stands there already. What is longer than [`LABEL_BYTES`] is text, and none.
    pub fn label(&mut self, path: &[&str], value: &str) {
        let place = self.place(path);
        let name = self.maker.names.name(&place);
        if !self.draft.labels.iter().any(|(held, _)| *held == name) {
            self.label_at(&place, value);
        }
    }

    /// Takes the numbers and labels at a path of keys away: what the user tells stands there instead.
    pub fn forget(&mut self, path: &[&str]) {
        let place = self.place(path);
        let name = self.maker.names.name(&place);
        self.draft.numbers.retain(|(held, _)| *held != name);
        self.draft.labels.retain(|(held, _)| *held != name);
    }

    /// Every number and label at or below `json`, which stands at a path of keys. To be put in before single ones, which
    /// look whether they are there already. `skip` says which keys are left out,
    /// at any depth: texts that are the samples, and lists of thousands of numbers that nobody asks for.
    pub fn leaves(&mut self, path: &[&str], json: &Json<'_>, skip: &[&str]) {
        let place = self.place(path);
        self.leaves_at(&place, json, skip, path.len() + 1);
    }

    fn place(&mut self, path: &[&str]) -> Place {
        path.iter().fold(Place::ROOT, |place, key| self.maker.names.child(&place, key))
    }

    fn number_at(&mut self, place: &Place, value: f64) {
        if !value.is_finite() || matches!(place, Place::Nowhere) {
            return;
        }
        let name = self.maker.names.name(place);
        if self.draft.numbers.len() < self.maker.limits.numbers {
            self.draft.numbers.push((name, value));
        } else {
            self.draft.truncated = true;
        }
    }

    fn label_at(&mut self, place: &Place, value: &str) {
        if value.len() > LABEL_BYTES || matches!(place, Place::Nowhere) {
            return;
        }
        let name = self.maker.names.name(place);
        if self.draft.labels.len() < self.maker.limits.numbers {
            self.draft.labels.push((name, value.into()));
        } else {
            self.draft.truncated = true;
        }
    }

    fn leaves_at(&mut self, place: &Place, json: &Json<'_>, skip: &[&str], depth: usize) {
        if depth > self.maker.limits.depth || matches!(place, Place::Nowhere) {
            self.draft.truncated = true;
            return;
        }
        match json {
            Json::Null => {}
            Json::Bool(value) => self.label_at(place, if *value { "true" } else { "false" }),
            Json::Whole(value) => self.number_at(place, *value as f64),
            Json::Number(value) => self.number_at(place, *value),
            Json::Text(text) => self.label_at(place, text),
            Json::List(items) => {
                for (index, item) in items.iter().enumerate().take(self.maker.limits.numbers) {
                    let place = self.maker.names.element(place, index);
                    self.leaves_at(&place, item, skip, depth + 1);
                }
                self.draft.truncated |= items.len() > self.maker.limits.numbers;
            }
            Json::Object(entries) => {
                for (key, value) in entries.iter().filter(|(key, _)| !skip.contains(&&**key)) {
                    let place = self.maker.names.child(place, key);
                    self.leaves_at(&place, value, skip, depth + 1);
                }
            }
        }
    }
}

/// What a format found in one value: a whole record, or a part of one.
#[derive(Debug, Clone)]
pub struct Piece {
    /// What it says of the record.
    pub draft: Draft,
    /// `None` when it is a record by itself.
    pub part: Option<Part>,
}

/// How a part belongs to its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Parts with the same key make one record.
    pub key: Arc<str>,
    /// Answers, or pieces of them, beside those of the draft.
    pub answers: Vec<Answer>,
    /// Nothing more comes once all answers that have begun are finished.
    pub last: bool,
    /// It is a record by itself where no other parts of records are about.
    pub alone: bool,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Which of the record's answers.
    pub index: u32,
    /// Text, put behind what there is of this answer; `None` when the piece says nothing, as the call of a tool does.
    pub text: Option<String>,
    /// The answer is finished.
    pub done: bool,
    /// A tool is called: if nothing is said beside it, it is no answer.
    pub called: bool,
}

/// Takes what a format finds in one value.
#[derive(Debug)]
pub struct Pieces<'a> {
    maker: &'a mut Maker,
    /// What was found, in the order of the value.
    pub found: Vec<Piece>,
    /// Things in it that are sound and are no answers of a model: spans of a database, steps of a tool.
    pub skipped: u64,
}

impl<'a> Pieces<'a> {
    /// Nothing yet.
    pub fn new(maker: &'a mut Maker) -> Self {
        Self { maker, found: Vec::new(), skipped: 0 }
    }

    /// A draft to be filled in, and handed to [`Pieces::whole`] or [`Pieces::part`].
    pub fn entry(&mut self) -> Entry<'_> {
        Entry::new(self.maker)
    }

    /// A whole record.
    pub fn whole(&mut self, draft: Draft) {
        self.found.push(Piece { draft, part: None });
    }

    /// A part of one.
    pub fn part(&mut self, draft: Draft, part: Part) {
        self.found.push(Piece { draft, part: Some(part) });
    }
}
