//! Counts of what has no bound, in bounded memory and without chance: the same log gives the same figures.
//!
//! Where there is too much to keep, one in 2^k is kept. Which one is told by a hash and not by its place: a log that
//! takes turns between two agents would else be known by one of them.

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::quality::FixedState;

use super::cut;

/// Values that are kept of one path.
const VALUES: usize = 2_048;

/// Hashes by which different values are counted; up to so many the count is exact.
const HASHES: usize = 512;

/// Different labels that are counted one by one.
const LABELS: usize = 1_024;

/// The first different labels keep their text and are counted exactly, however many others come.
const NAMED: usize = 256;

/// Characters of a label that are kept.
const LABEL_CHARS: usize = 80;

/// Not seeded by chance, and never 2^64 − 1 for all.
pub(super) fn hash<T: std::hash::Hash>(value: T) -> u64 {
    FixedState::default().hash_one(value)
}

fn is_kept(hash: u64, k: u32) -> bool {
    hash.trailing_zeros() >= k
}

/// Numbers: their range, and a sample of them.
#[derive(Debug)]
pub(super) struct Sample {
    pub count: u64,
    pub min: f64,
    pub max: f64,
    /// All are whole numbers.
    pub integral: bool,
    pub distinct: Distinct,
    last: f64,
    rises: u64,
    falls: u64,
    kept: Vec<(u64, f64)>,
    k: u32,
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            count: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            integral: true,
            distinct: Distinct::default(),
            last: f64::NAN,
            rises: 0,
            falls: 0,
            kept: Vec::new(),
            k: 0,
        }
    }
}

impl Sample {
    /// What is not finite is none.
    pub fn add(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        self.rises += u64::from(value > self.last);
        self.falls += u64::from(value < self.last);
        self.last = value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.integral &= value.fract() == 0.0;
        // Both zeros are one value.
        self.distinct.add(hash((value + 0.0).to_bits()));
        let hash = hash(self.count);
        self.count += 1;
        if !is_kept(hash, self.k) {
            return;
        }
        self.kept.push((hash, value));
        while self.kept.len() > VALUES {
            self.k += 1;
            let k = self.k;
            self.kept.retain(|(hash, _)| is_kept(*hash, k));
        }
    }

    /// Whether hardly any value lies below the one before it: a counter, or a clock.
    pub fn grows(&self) -> bool {
        self.rises >= 8 && self.falls * 20 <= self.rises && (self.rises + self.falls) * 2 >= self.count
    }

    /// The values below which these shares of all lie, in order; the ends are exact.
    pub fn quantiles<const N: usize>(&self, shares: [f64; N]) -> [f64; N] {
        let mut sorted: Vec<f64> = self.kept.iter().map(|(_, value)| *value).collect();
        sorted.sort_by(f64::total_cmp);
        shares.map(|share| {
            let rank = (share * sorted.len() as f64).ceil() as usize;
            let value = sorted.get(rank.saturating_sub(1)).or(sorted.last());
            // Nothing kept is nothing seen, or one value that the hash has left out.
            value.copied().unwrap_or(if self.count > 0 { self.last } else { 0.0 })
        })
    }
}

/// How many different values there are, about.
#[derive(Debug, Default)]
pub(super) struct Distinct {
    hashes: foldhash::HashSet<u64>,
    k: u32,
}

impl Distinct {
    pub fn add(&mut self, hash: u64) {
        if !is_kept(hash, self.k) || !self.hashes.insert(hash) {
            return;
        }
        while self.hashes.len() > HASHES {
            self.k += 1;
            let k = self.k;
            self.hashes.retain(|hash| is_kept(*hash, k));
        }
    }

    pub fn count(&self) -> u64 {
        scaled(self.hashes.len() as u64, self.k)
    }
}

fn scaled(count: u64, k: u32) -> u64 {
    count.checked_shl(k).unwrap_or(u64::MAX)
}

/// A label's value.
#[derive(Debug)]
struct Value {
    count: u64,
    text: Option<Box<str>>,
    /// Of the first record that had it.
    prompt: Option<u64>,
    /// Later records with the same prompt.
    alike: u64,
}

/// How often each value of a label stands in the log.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub count: u64,
    values: HashMap<u64, Value, FixedState>,
    named: usize,
    k: u32,
}

impl Tally {
    /// Counts a value, and whether records with it ask the same.
    pub fn add(&mut self, text: &str, prompt: Option<u64>) {
        self.count += 1;
        let hash = hash(text);
        if let Some(value) = self.values.get_mut(&hash) {
            value.count += 1;
            value.alike += u64::from(value.prompt == prompt);
            return;
        }
        let name = self.named < NAMED;
        if !name && !is_kept(hash, self.k) {
            return;
        }
        self.named += usize::from(name);
        let text = name.then(|| cut(text, LABEL_CHARS).into());
        self.values.insert(hash, Value { count: 1, text, prompt, alike: 0 });
        while self.values.len() > LABELS {
            self.k += 1;
            let k = self.k;
            self.values.retain(|hash, value| value.text.is_some() || is_kept(*hash, k));
        }
    }

    /// One in 2^k of all values, whatever their number: a fair sample of them.
    fn fair(&self) -> impl Iterator<Item = &Value> {
        self.values.iter().filter(|(hash, _)| is_kept(**hash, self.k)).map(|(_, value)| value)
    }

    pub fn distinct(&self) -> u64 {
        // What has a name is there for certain, whatever the sample says.
        scaled(self.fair().count() as u64, self.k).max(self.named as u64)
    }

    /// The most frequent values among those that came first.
    pub fn most(&self, count: usize) -> Vec<(String, u64)> {
        let named = self.values.values().filter_map(|value| Some((value.text.as_deref()?, value.count)));
        let mut named: Vec<(String, u64)> = named.map(|(text, count)| (text.to_owned(), count)).collect();
        named.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        named.truncate(count);
        named
    }

    /// Whether at least half of the values stand for a few records each that ask the same.
    pub fn groups(&self) -> bool {
        let (mut all, mut few, mut later, mut alike) = (0u64, 0u64, 0u64, 0u64);
        for value in self.fair() {
            all += 1;
            few += u64::from((2..=16).contains(&value.count));
            later += value.count - 1;
            alike += value.alike;
        }
        all >= 2 && few * 2 >= all && alike * 10 >= later * 8
    }

    /// Whether all values are `true` or `false`.
    pub fn is_boolean(&self) -> bool {
        self.values.values().all(|value| matches!(value.text.as_deref(), Some("true" | "false")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_values_are_exact() {
        let mut sample = Sample::default();
        (1..=100).for_each(|n| sample.add(f64::from(n)));
        sample.add(f64::NAN);
        assert_eq!((sample.count, sample.min, sample.max, sample.distinct.count()), (100, 1.0, 100.0, 100));
        assert_eq!(sample.quantiles([0.01, 0.5, 0.99]), [1.0, 50.0, 99.0]);
        assert!(sample.grows() && sample.integral);
        assert_eq!(Sample::default().quantiles([0.5]), [0.0]);
        let mut one = Sample::default();
        one.add(-2.5);
        assert_eq!((one.quantiles([0.01, 0.99]), one.integral, one.grows()), ([-2.5, -2.5], false, false));
    }

    #[test]
    fn many_values_are_sampled_and_turns_do_no_harm() {
        let (mut sample, mut again) = (Sample::default(), Sample::default());
        for n in 0..200_000u32 {
            // Two agents take turns: every 2^k-th value by place would be of one of them.
            let value = if n.is_multiple_of(2) { 100.0 } else { 900.0 } + f64::from(n % 97);
            sample.add(value);
            again.add(value);
        }
        assert!(sample.kept.len() <= VALUES && sample.kept.len() > VALUES / 4);
        let [low, high] = sample.quantiles([0.25, 0.75]);
        assert!(low < 200.0 && high > 900.0, "{low} {high}");
        assert_eq!(sample.kept, again.kept);
        assert!(sample.distinct.count().abs_diff(194) < 3 && !sample.grows());
    }

    #[test]
    fn labels_are_counted_exactly_or_by_a_fair_sample() {
        let mut tally = Tally::default();
        for n in 0..60_000u32 {
            tally.add(&format!("trace-{}", n / 3), Some(u64::from(n / 3)));
            tally.add("always", Some(u64::from(n)));
        }
        assert!(tally.values.len() <= LABELS + NAMED);
        let distinct = tally.distinct();
        assert!((15_000..25_000).contains(&distinct), "{distinct}");
        assert_eq!(tally.most(2)[0], ("always".into(), 60_000));
    }

    #[test]
    fn groups_ask_the_same() {
        let (mut trace, mut session, mut agent) = (Tally::default(), Tally::default(), Tally::default());
        for n in 0..9_000u64 {
            trace.add(&format!("t{}", n / 3), Some(n / 3));
            session.add(&format!("s{}", n / 3), Some(n));
            agent.add(&format!("a{}", n % 7), Some(n / 3));
        }
        assert_eq!((trace.groups(), session.groups(), agent.groups()), (true, false, false));
    }
}
