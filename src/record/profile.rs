//! What a log holds: which texts are its answers, how its numbers lie, which labels tell agents apart.
//!
//! One pass in bounded memory, and the same log gives the same findings. `sketch` counts, `texts` looks at the objects as
//! they stand in the log, `fields` at the records that came of them; `config` and `rules` write files for a start.

mod config;
mod fields;
mod rules;
mod sketch;
mod texts;
mod words;

use jiff::Timestamp;

use super::Record;
use super::json::Json;
use fields::{Labels, Numbers};
use sketch::{Sample, Tally, hash};
use texts::Texts;

pub use config::starter_config;
pub use fields::{LabelField, NumberField};
pub use rules::starter_rules;
pub use texts::{Guess, TextField};

/// Paths that are looked at, of texts, of numbers and of labels each.
const MOST: usize = 512;

/// Records that are shown.
const PREVIEWS: usize = 5;

/// Characters of a text that are shown of a record.
const SHOWN: usize = 100;

/// Numbers that are shown of a record.
const SHOWN_NUMBERS: usize = 6;

/// What is being found out about a log.
#[derive(Debug, Default)]
pub struct Profile {
    objects: u64,
    records: u64,
    with_answers: u64,
    with_one: u64,
    with_several: u64,
    truncated: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    without_time: u64,
    texts: Texts,
    numbers: Numbers,
    labels: Labels,
    prompts: Tally,
    latency: Sample,
    previews: Vec<Preview>,
}

/// What was found out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Findings {
    /// Objects of the log.
    pub objects: u64,
    /// Records that came of them.
    pub records: u64,
    /// Records with an answer or more.
    pub with_answers: u64,
    /// Records with two answers and more.
    pub with_several: u64,
    /// Records of which something was cut by the bounds.
    pub truncated: u64,
    /// Earliest time of a record.
    pub first: Option<Timestamp>,
    /// Latest time of a record.
    pub last: Option<Timestamp>,
    /// Records without a time.
    pub without_time: u64,
    /// Candidates for answers and question, best first.
    pub texts: Vec<TextField>,
    /// Numbers of the records, the most frequent first.
    pub numbers: Vec<NumberField>,
    /// Labels of the records, the most frequent first.
    pub labels: Vec<LabelField>,
    /// Labels that can be the group key, best first.
    pub keys: Vec<String>,
    /// Labels that `--group-by` can join records with one answer by, best first; `prompt` if prompts repeat so.
    pub groups: Vec<String>,
    /// What the answers took, ms.
    pub latency: Option<NumberField>,
    /// The first records.
    pub previews: Vec<Preview>,
}

/// A record, short. Its texts are foreign and stand as they were.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Preview {
    /// Identity.
    pub id: String,
    /// Time.
    pub ts: Option<String>,
    /// Group key.
    pub key: String,
    /// The question, cut.
    pub prompt: Option<String>,
    /// How many answers there are.
    pub samples: usize,
    /// The first two, cut.
    pub answers: Vec<String>,
    /// The first numbers, `name=value`.
    pub numbers: Vec<String>,
}

impl Profile {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an object as it stands in the log, before it becomes a record: for the candidates.
    pub fn object(&mut self, json: &Json<'_>) {
        self.objects += 1;
        self.texts.object(json);
    }

    /// Takes a record that came of the log.
    pub fn record(&mut self, record: &Record) {
        self.records += 1;
        self.with_answers += u64::from(!record.samples.is_empty());
        self.with_one += u64::from(record.samples.len() == 1);
        self.with_several += u64::from(record.samples.len() > 1);
        self.truncated += u64::from(record.truncated);
        match record.ts {
            Some(ts) => {
                self.first = Some(self.first.map_or(ts, |first| first.min(ts)));
                self.last = self.last.max(Some(ts));
            }
            None => self.without_time += 1,
        }
        let prompt = record.prompt.as_deref().map(hash);
        if let (Some(text), Some(_)) = (&record.prompt, prompt) {
            self.prompts.add(text, prompt);
        }
        self.numbers.record(record);
        self.labels.record(record, prompt);
        if let Some(latency) = record.latency_ms {
            self.latency.add(latency);
        }
        if self.previews.len() < PREVIEWS {
            self.previews.push(preview(record));
        }
    }

    /// What was found out.
    pub fn finish(self) -> Findings {
        let single = self.with_one * 2 > self.records;
        let mut groups = if single { self.labels.groups(self.records) } else { Vec::new() };
        if single && self.prompts.count * 2 >= self.records && self.prompts.groups() {
            groups.push("prompt".to_owned());
        }
        let latency = (self.latency.count > 0).then(|| NumberField::of("latency_ms", &self.latency));
        Findings {
            objects: self.objects,
            records: self.records,
            with_answers: self.with_answers,
            with_several: self.with_several,
            truncated: self.truncated,
            first: self.first,
            last: self.last,
            without_time: self.without_time,
            texts: self.texts.finish(),
            numbers: self.numbers.finish(),
            keys: self.labels.keys(self.records),
            labels: self.labels.finish(),
            groups,
            latency,
            previews: self.previews,
        }
    }
}

fn preview(record: &Record) -> Preview {
    let numbers = record.numbers.iter().take(SHOWN_NUMBERS);
    Preview {
        id: cut(&record.id, SHOWN),
        ts: record.ts.map(|ts| ts.to_string()),
        key: cut(&record.key, SHOWN),
        prompt: record.prompt.as_deref().map(|prompt| cut(prompt, SHOWN)),
        samples: record.samples.len(),
        answers: record.samples.iter().take(2).map(|answer| cut(answer, SHOWN)).collect(),
        numbers: numbers.map(|(name, value)| format!("{}={value}", cut(name.as_str(), SHOWN))).collect(),
    }
}

/// At most so many characters of a text, the last one `…` where there were more.
fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        None => text.to_owned(),
        Some(_) => {
            let mut kept: String = text.chars().take(chars.saturating_sub(1)).collect();
            kept.push('…');
            kept
        }
    }
}

#[cfg(test)]
mod tests;
