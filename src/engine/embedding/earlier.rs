//! Earlier answers of a key to the same prompt: what a record with one answer is compared with.
//!
//! Most traffic has one answer a record. Where an agent is asked the same thing again, its earlier answers serve as the
//! samples that are missing. Bounded in time, count and bytes; what was not asked for longest goes first. A pure
//! function of the records in Seq order, so that a replay comes to the same verdicts.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::record::{Record, trim};

/// Bytes of bookkeeping around a prompt and around an answer.
const FIXED: usize = 96;

/// Bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// How long an answer counts, by the time of the records.
    pub window: Duration,
    /// Answers to one prompt that are kept; 0 turns the comparison off.
    pub answers: usize,
    /// Bytes of all that is kept.
    pub bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { window: Duration::from_secs(24 * 3600), answers: 4, bytes: 1 << 20 }
    }
}

/// An answer and when it was given.
type Answer<Text> = (Option<Timestamp>, Text);

/// Key and prompt, hashed.
type PromptId = [u8; 16];

#[derive(Debug, Default)]
struct Prompt {
    /// The newest last.
    answers: VecDeque<Answer<Arc<str>>>,
    /// Its place in the order of use.
    used: u64,
}

/// Earlier answers.
#[derive(Debug)]
pub struct Earlier {
    options: Options,
    prompts: HashMap<PromptId, Prompt>,
    /// By place in the order of use.
    order: BTreeMap<u64, PromptId>,
    next: u64,
    bytes: usize,
    /// The newest time that was seen: a record without one comes after it.
    latest: Option<Timestamp>,
}

/// What is known, across the end of the process: the prompts in the order of use.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Saved(Vec<(PromptId, Vec<Answer<String>>)>);

impl Earlier {
    /// Nothing known.
    pub fn new(options: Options) -> Self {
        Self { options, prompts: HashMap::new(), order: BTreeMap::new(), next: 0, bytes: 0, latest: None }
    }

    /// The earlier answers that the record's one answer is to be compared with, the newest first; none for a record with
    /// several. `now` is the time of the record.
    pub fn recall(&self, record: &Record, now: Option<Timestamp>) -> Vec<Arc<str>> {
        if record.samples.len() != 1 || self.options.answers == 0 {
            return Vec::new();
        }
        let found = prompt_id(record).and_then(|id| self.prompts.get(&id));
        let now = now.or(self.latest);
        let counts = |then: &Option<Timestamp>| match (now, then) {
            (Some(now), Some(then)) => now.duration_since(*then).unsigned_abs() <= self.options.window,
            _ => true,
        };
        let answers = found.iter().flat_map(|prompt| prompt.answers.iter().rev());
        answers.filter(|(then, _)| counts(then)).map(|(_, answer)| Arc::clone(answer)).collect()
    }

    /// Keeps the answer that a record used.
    pub fn remember(&mut self, record: &Record, now: Option<Timestamp>) {
        let said = record.samples.first().filter(|answer| !trim(answer).is_empty());
        if let (Some(answer), Some(id), true) = (said, prompt_id(record), self.options.answers > 0) {
            self.keep(id, now, Arc::clone(answer));
        }
    }

    fn keep(&mut self, id: PromptId, now: Option<Timestamp>, answer: Arc<str>) {
        self.latest = self.latest.max(now);
        let is_new = !self.prompts.contains_key(&id);
        let prompt = self.prompts.entry(id).or_default();
        self.bytes += FIXED * usize::from(is_new) + FIXED + answer.len();
        prompt.answers.push_back((now, answer));
        while prompt.answers.len() > self.options.answers {
            self.bytes -= prompt.answers.pop_front().map_or(0, |(_, answer)| FIXED + answer.len());
        }
        if !is_new {
            self.order.remove(&prompt.used);
        }
        prompt.used = self.next;
        self.order.insert(self.next, id);
        self.next += 1;
        while self.bytes > self.options.bytes
            && let Some((_, oldest)) = self.order.pop_first()
        {
            let answers = self.prompts.remove(&oldest).unwrap_or_default().answers;
            self.bytes -= FIXED + answers.iter().map(|(_, answer)| FIXED + answer.len()).sum::<usize>();
        }
    }

    /// What is known.
    pub fn save(&self) -> Saved {
        let answers = |id: &PromptId| {
            let held = self.prompts.get(id).into_iter().flat_map(|prompt| &prompt.answers);
            held.map(|(then, answer)| (*then, answer.to_string())).collect()
        };
        Saved(self.order.values().map(|id| (*id, answers(id))).collect())
    }

    /// Goes on from what was known.
    pub fn restore(&mut self, saved: Saved) {
        for (id, answers) in saved.0 {
            answers.into_iter().for_each(|(then, answer)| self.keep(id, then, answer.into()));
        }
    }
}

/// Key and prompt of a record, if it has one. Case and spacing of a prompt do not count.
fn prompt_id(record: &Record) -> Option<PromptId> {
    let prompt = record.prompt.as_deref()?;
    let mut words = prompt.split_whitespace().peekable();
    words.peek()?;
    let mut hash = Sha256::new();
    hash.update(record.key.as_bytes());
    for word in words {
        hash.update([0]);
        if word.bytes().any(|b| b.is_ascii_uppercase() || !b.is_ascii()) {
            hash.update(word.to_lowercase());
        } else {
            hash.update(word);
        }
    }
    let mut id = PromptId::default();
    id.copy_from_slice(&hash.finalize()[..16]);
    Some(id)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::record::native::Parser;
    use crate::record::{Limits, Origin, Seq};

    fn record(key: &str, prompt: &str, samples: &[&str]) -> Record {
        let line = serde_json::json!({ "agent_id": key, "prompt": prompt, "samples": samples }).to_string();
        let origin = Origin { source: "s".into(), file: "f".into(), offset: 0, line: None, part: 0 };
        Parser::new(Limits::default(), &[]).parse(Seq(0), origin, Bytes::from(line)).unwrap()
    }

    fn at(second: i64) -> Option<Timestamp> {
        Timestamp::from_second(second).ok()
    }

    fn recalled(earlier: &Earlier, key: &str, prompt: &str, now: Option<Timestamp>) -> Vec<String> {
        earlier.recall(&record(key, prompt, &["now"]), now).iter().map(|answer| answer.to_string()).collect()
    }

    #[test]
    fn the_same_prompt_of_the_same_key() {
        let mut earlier = Earlier::new(Options::default());
        earlier.remember(&record("a", "What is  the Price?", &["five"]), at(0));
        earlier.remember(&record("a", "what is the price? ", &["six", "seven"]), at(1));
        earlier.remember(&record("b", "what is the price?", &["eight"]), at(1));
        earlier.remember(&record("a", "another", &["nine"]), at(1));
        earlier.remember(&record("a", "", &["ten"]), at(1));
        assert_eq!(recalled(&earlier, "a", "WHAT is the price?", at(2)), ["six", "five"]);
        assert_eq!(recalled(&earlier, "a", "", at(2)), [""; 0]);
        assert!(earlier.recall(&record("a", "what is the price?", &["x", "y"]), at(2)).is_empty());
    }

    #[test]
    fn bounded_in_time_count_and_bytes() {
        let options = Options { window: Duration::from_secs(10), answers: 2, bytes: 4 * (2 * FIXED + 1) };
        let mut earlier = Earlier::new(options);
        for (second, answer) in [(0, "a"), (5, "b"), (9, "c")] {
            earlier.remember(&record("k", "p", &[answer]), at(second));
        }
        assert_eq!(recalled(&earlier, "k", "p", at(12)), ["c", "b"]);
        assert_eq!(recalled(&earlier, "k", "p", at(16)), ["c"]);
        assert_eq!(recalled(&earlier, "k", "p", None), ["c", "b"], "without a time it is the newest that was seen");
        earlier.remember(&record("k", "other", &["x"]), at(16));
        assert_eq!(recalled(&earlier, "k", "p", None), ["c"]);
        for prompt in ["q", "r", "s", "t", "u"] {
            earlier.remember(&record("k", prompt, &["x"]), at(9));
        }
        assert_eq!(recalled(&earlier, "k", "p", at(9)), [""; 0], "what was not asked for longest goes first");
        assert_eq!(recalled(&earlier, "k", "u", at(9)), ["x"]);
        assert!(earlier.bytes <= options.bytes);
    }

    #[test]
    fn what_is_saved_goes_on_alike() {
        let mut whole = Earlier::new(Options::default());
        (0..50).for_each(|n| whole.remember(&record("k", &format!("p{}", n % 7), &[&n.to_string()]), at(n)));
        let mut second = Earlier::new(Options::default());
        let text = serde_json::to_string(&whole.save()).unwrap();
        second.restore(serde_json::from_str(&text).unwrap());
        assert_eq!((second.bytes, second.prompts.len()), (whole.bytes, whole.prompts.len()));
        assert_eq!(recalled(&second, "k", "p3", at(50)), recalled(&whole, "k", "p3", at(50)));
        assert_eq!(serde_json::to_string(&second.save()).unwrap(), text);
    }
}
