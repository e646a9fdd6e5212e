//! The windows of one rule, one a group.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::hash::{BuildHasher, Hasher};

use super::keyed::Keyed;
use crate::humanize;
use crate::record::Record;
use crate::rules::expr::{Machine, Truth};
use crate::rules::ruleset::{Agg, Reach, WindowSpec};
use crate::stats::window::{Aggregate, Span, Window};

/// Groups of one rule; past it those that were seen the longest ago go.
pub const MOST_GROUPS: usize = 1_024;

/// Values that one window holds; past it the oldest go early.
pub const MOST_VALUES: usize = 16_384;

/// Values that all windows of one rule hold together; past it groups go.
pub const MOST_HELD: usize = 4 * MOST_VALUES;

/// The windows of a rule.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Windows {
    groups: Keyed<Window>,
    /// Values in all of them.
    held: usize,
    /// Values that went early for want of room.
    cut: u64,
    /// The group of the last record.
    #[serde(skip)]
    key: String,
    /// Its window had run empty before that record.
    #[serde(skip)]
    was_empty: bool,
}

/// What a window says after a record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Reading {
    /// Its value, and of how many.
    Value(f64, usize),
    /// A field that it needs is not there.
    Missing,
    /// It has not enough values yet.
    Few,
    /// Whether the record goes into it can't be said, and why.
    Error(&'static str),
}

/// What goes into a window.
enum Entry {
    Number(f64),
    Hash(u64),
}

impl Windows {
    pub fn new() -> Self {
        Self { groups: Keyed::new(MOST_GROUPS), held: 0, cut: 0, key: String::new(), was_empty: false }
    }

    /// Takes in a record of this time.
    pub fn read(
        &mut self,
        spec: &WindowSpec,
        machine: &mut Machine,
        record: &Record,
        at: Option<Timestamp>,
    ) -> Reading {
        let counted = match spec.when.as_ref().map(|when| machine.truth(when, record)) {
            Some(Truth::Missing) => return self.pass(spec, machine, record, at, Reading::Missing),
            Some(Truth::Error(why)) => return Reading::Error(why),
            Some(Truth::False) if spec.agg != Agg::Ratio => return self.pass(spec, machine, record, at, Reading::Few),
            Some(truth) => Some(truth == Truth::True),
            None => None,
        };
        let Some(entry) = entry(spec, machine, record, counted) else {
            return self.pass(spec, machine, record, at, Reading::Missing);
        };
        let at = match (spec.reach, at) {
            // Without any time nothing can be said of the last minutes.
            (Reach::Over(_), None) => return Reading::Missing,
            (_, at) => at.map(nanoseconds),
        };
        self.set_key(spec, machine, record);
        if self.held > MOST_HELD {
            self.groups.evict();
            self.held = self.groups.values().map(Window::len).sum();
        }
        let key = std::mem::take(&mut self.key);
        let window = self.groups.of(&key, || Window::new(aggregate(spec.agg), span(spec.reach), MOST_VALUES));
        let before = window.len();
        let cut = window.cut();
        if let (Some(at), Reach::Over(_)) = (at, spec.reach) {
            window.advance(at);
        }
        self.was_empty = window.is_empty();
        // A value that comes too late is not taken; the record is judged by the window as it is.
        match entry {
            Entry::Number(value) => window.push(at, value),
            Entry::Hash(hash) => window.push_hash(at, hash),
        };
        let reading = reading(window, spec).unwrap_or(Reading::Few);
        self.cut += window.cut().saturating_sub(cut);
        self.held = (self.held + window.len()).saturating_sub(before);
        self.key = key;
        reading
    }

    /// Whether the window of the last record had run empty before it.
    pub fn was_empty(&self) -> bool {
        self.was_empty
    }

    /// A record of the group that does not go into its window: it is judged by the window as it is. `otherwise` is what
    /// is to be said when there is none, or not enough in it.
    fn pass(
        &mut self,
        spec: &WindowSpec,
        machine: &Machine,
        record: &Record,
        at: Option<Timestamp>,
        otherwise: Reading,
    ) -> Reading {
        self.set_key(spec, machine, record);
        let Some(window) = self.groups.get_mut(&self.key) else {
            return if is_count(spec.agg) && spec.min_count == 0 { Reading::Value(0.0, 0) } else { otherwise };
        };
        let before = window.len();
        if let (Some(at), Reach::Over(_)) = (at, spec.reach) {
            window.advance(nanoseconds(at));
        }
        self.was_empty = window.is_empty();
        let reading = reading(window, spec).unwrap_or(otherwise);
        self.held = (self.held + window.len()).saturating_sub(before);
        reading
    }

    /// The group of the last record that was taken in.
    pub fn group(&self) -> &str {
        &self.key
    }

    /// Lets go what is too old by now, and the groups that are empty; whether there was one.
    pub fn advance(&mut self, now: Timestamp) -> bool {
        let before = self.groups.len();
        let now = nanoseconds(now);
        self.groups.retain(|window| {
            window.advance(now);
            !window.is_empty()
        });
        self.held = self.groups.values().map(Window::len).sum();
        self.groups.len() < before
    }

    /// Groups whose window is not empty at `now`, by event time.
    pub fn alive(&self, now: Option<Timestamp>) -> usize {
        self.groups.values().filter(|window| window.holds_at(now.map(nanoseconds))).count()
    }

    /// Groups that had to go for want of room.
    pub fn evicted(&self) -> u64 {
        self.groups.evicted
    }

    /// Values that went early for want of room.
    pub fn cut(&self) -> u64 {
        self.cut
    }

    /// Which group a record belongs to: its labels, each with its length before it, so that no label can pass for two.
    fn set_key(&mut self, spec: &WindowSpec, machine: &Machine, record: &Record) {
        self.key.clear();
        for (number, text, _) in &spec.by {
            // A text that is written to a string can't fail.
            let _ = match (machine.text(*text, record), machine.numbers.get(*number)) {
                (Some(text), _) => write!(self.key, "{}:{text}", text.len()),
                (None, Some(number)) if !number.is_nan() => write!(self.key, "#{number};"),
                _ => write!(self.key, "-"),
            };
        }
    }

    /// The group of a record as people read it: "model = a, desk = b, ".
    pub fn in_words(spec: &WindowSpec, machine: &Machine, record: &Record) -> String {
        let one = |(number, text, path): &(usize, usize, String)| {
            let number = machine.numbers.get(*number).copied().filter(|number| !number.is_nan());
            let value = machine.text(*text, record).map(str::to_owned).or(number.map(humanize::number));
            format!("{path} = {}, ", value.unwrap_or_else(|| "–".to_owned()))
        };
        spec.by.iter().map(one).collect()
    }
}

/// Time as windows count it, from the year 1677 to 2262; what lies outside counts as the end it lies beyond.
fn nanoseconds(at: Timestamp) -> i64 {
    at.as_nanosecond().clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

/// Of nothing there is a number, but no mean.
fn is_count(agg: Agg) -> bool {
    matches!(agg, Agg::Count | Agg::Rate | Agg::Distinct)
}

/// What a window says now, if it has enough values.
fn reading(window: &Window, spec: &WindowSpec) -> Option<Reading> {
    let count = window.len();
    let value = window.value().or_else(|| (count == 0 && is_count(spec.agg)).then_some(0.0));
    value.filter(|_| count >= spec.min_count).map(|value| Reading::Value(value, count))
}

fn entry(spec: &WindowSpec, machine: &Machine, record: &Record, counted: Option<bool>) -> Option<Entry> {
    let bit = |yes: bool| Entry::Number(f64::from(u8::from(yes)));
    let Some((number, text)) = spec.field else { return Some(counted.map_or(Entry::Number(1.0), bit)) };
    let number = machine.numbers.get(number).copied().filter(|number| !number.is_nan());
    let text = machine.text(text, record);
    match spec.agg {
        Agg::Distinct => match (number, text) {
            (Some(number), _) => Some(Entry::Hash(hash(0, &(number + 0.0).to_bits().to_le_bytes()))),
            (None, Some(text)) => Some(Entry::Hash(hash(1, text.as_bytes()))),
            (None, None) => None,
        },
        Agg::Ratio => match (number, text) {
            (Some(number), _) => Some(bit(number != 0.0)),
            (None, Some(text)) => ["true", "false"].contains(&text).then(|| bit(text == "true")),
            (None, None) => None,
        },
        Agg::Count | Agg::Rate => (number.is_some() || text.is_some()).then_some(Entry::Number(1.0)),
        _ => number.map(Entry::Number),
    }
}

fn hash(kind: u8, bytes: &[u8]) -> u64 {
    // Not seeded by chance: a window goes on in another process.
    let mut hasher = foldhash::fast::FixedState::default().build_hasher();
    hasher.write_u8(kind);
    hasher.write(bytes);
    hasher.finish()
}

fn aggregate(agg: Agg) -> Aggregate {
    match agg {
        Agg::Count => Aggregate::Count,
        Agg::Rate => Aggregate::Rate,
        Agg::Mean => Aggregate::Mean,
        Agg::Min => Aggregate::Min,
        Agg::Max => Aggregate::Max,
        Agg::P50 => Aggregate::Quantile(0.5),
        Agg::P95 => Aggregate::Quantile(0.95),
        Agg::P99 => Aggregate::Quantile(0.99),
        Agg::Stddev => Aggregate::Stddev,
        Agg::Ratio => Aggregate::Ratio,
        Agg::Distinct => Aggregate::Distinct,
    }
}

fn span(reach: Reach) -> Span {
    match reach {
        Reach::Over(span) => Span::Over(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)),
        Reach::Last(records) => Span::Last(records),
    }
}
