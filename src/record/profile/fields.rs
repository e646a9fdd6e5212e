//! Numbers and labels of the records.

use std::sync::Arc;

use foldhash::HashMap;

use super::super::Record;
use super::sketch::{Sample, Tally};
use super::{MOST, words};

/// Share of the records that a group key has to stand in, of 100.
const KEY_SHARE: u64 = 90;

/// Keys that are told, and groups.
const TOLD: usize = 8;

/// A number of the records.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberField {
    /// Its path.
    pub name: String,
    /// How many there are.
    pub count: u64,
    /// The smallest.
    pub min: f64,
    /// 1 in 100 is not above it. Quantiles are of a sample where there are many.
    pub p1: f64,
    /// Half of them are not above it.
    pub p50: f64,
    /// 99 in 100 are not above it.
    pub p99: f64,
    /// The largest.
    pub max: f64,
    /// How many different ones there are, about.
    pub distinct: u64,
    /// All are whole.
    pub integral: bool,
    /// Hardly any is below the one before it: a counter, or a clock.
    pub grows: bool,
}

impl NumberField {
    pub(super) fn of(name: &str, sample: &Sample) -> Self {
        let [p1, p50, p99] = sample.quantiles([0.01, 0.5, 0.99]);
        let (min, max) = if sample.count > 0 { (sample.min, sample.max) } else { (0.0, 0.0) };
        Self {
            name: name.to_owned(),
            count: sample.count,
            min,
            p1,
            p50,
            p99,
            max,
            distinct: sample.distinct.count().min(sample.count),
            integral: sample.integral,
            grows: sample.grows(),
        }
    }
}

/// A label of the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelField {
    /// Its path.
    pub name: String,
    /// How many records have it.
    pub count: u64,
    /// How many different values there are, about.
    pub distinct: u64,
    /// The most frequent values (of the first 256 different ones), cut, and how often each is there. Foreign.
    pub most: Vec<(String, u64)>,
}

/// What is known of all numbers.
#[derive(Debug, Default)]
pub(super) struct Numbers(HashMap<Arc<str>, Sample>);

impl Numbers {
    pub fn record(&mut self, record: &Record) {
        for (name, value) in &record.numbers {
            let full = self.0.len() >= MOST;
            match self.0.get_mut(name.as_str()) {
                Some(sample) => sample.add(*value),
                None if full => {}
                None => self.0.entry(Arc::clone(name.shared())).or_default().add(*value),
            }
        }
    }

    pub fn finish(&self) -> Vec<NumberField> {
        let mut found: Vec<NumberField> = self.0.iter().map(|(name, sample)| NumberField::of(name, sample)).collect();
        found.retain(|field| field.count > 0);
        found.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
        found
    }
}

#[derive(Debug, Default)]
struct Label {
    tally: Tally,
    /// Records of which it is the prompt.
    asked: u64,
}

/// What is known of all labels.
#[derive(Debug, Default)]
pub(super) struct Labels(HashMap<Arc<str>, Label>);

impl Labels {
    /// `prompt` is the hash of the record's.
    pub fn record(&mut self, record: &Record, prompt: Option<u64>) {
        for (name, value) in &record.labels {
            let full = self.0.len() >= MOST;
            let label = match self.0.get_mut(name.as_str()) {
                Some(label) => label,
                None if full => continue,
                None => self.0.entry(Arc::clone(name.shared())).or_default(),
            };
            label.tally.add(value, prompt);
            label.asked += u64::from(record.prompt.as_deref() == Some(&**value));
        }
    }

    pub fn finish(&self) -> Vec<LabelField> {
        let field = |(name, label): (&Arc<str>, &Label)| LabelField {
            name: name.to_string(),
            count: label.tally.count,
            distinct: label.tally.distinct().min(label.tally.count),
            most: label.tally.most(3),
        };
        let mut found: Vec<LabelField> = self.0.iter().map(field).collect();
        found.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
        found
    }

    /// Labels that stand in nearly all records and have a few values, each of them often.
    pub fn keys(&self, records: u64) -> Vec<String> {
        let fit = |label: &Label| {
            let (count, distinct) = (label.tally.count, label.tally.distinct());
            let common = u128::from(count) * 100 >= u128::from(records) * u128::from(KEY_SHARE);
            common
                && (2..=200).contains(&distinct)
                && count >= distinct * 5
                && label.asked * 2 < count
                && !label.tally.is_boolean()
        };
        self.best(fit, words::key_rank)
    }

    /// Labels of which each value stands for a few records that ask the same.
    pub fn groups(&self, records: u64) -> Vec<String> {
        let fit = |label: &Label| {
            label.tally.count * 2 >= records && label.asked * 2 < label.tally.count && label.tally.groups()
        };
        self.best(fit, words::group_rank)
    }

    fn best(&self, fit: impl Fn(&Label) -> bool, rank: impl Fn(&str) -> Option<u8>) -> Vec<String> {
        let fit = self.0.iter().filter(|(_, label)| fit(label));
        let mut found: Vec<(u8, u64, &Arc<str>)> =
            fit.filter_map(|(name, label)| Some((rank(name)?, label.tally.count, name))).collect();
        found.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)).then_with(|| a.2.cmp(b.2)));
        found.into_iter().take(TOLD).map(|(_, _, name)| name.to_string()).collect()
    }
}
