//! What a run amounts to: the closing report of headless mode, and what `--fail-on` is decided by.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::{Counter, Histogram};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::rule_count::RuleCount;
use crate::verdict::{Action, Level, Outcome, Severity, Verdict};

/// Totals over all records.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Records judged.
    pub records: u64,
    /// Those of them whose verdicts another instance has given: nothing was judged here.
    pub given: u64,
    /// Lines refused.
    pub rejected: u64,
    /// What was sound and no record.
    pub skipped: Skipped,
    /// Records by action, in the order of [`Action::ALL`].
    pub actions: [u64; 4],
    /// Records whose answers were not compared, or by words only.
    pub unscored: u64,
    /// Those of them that there was no time for: compared by words only.
    pub partial: u64,
    /// Violations by rule.
    pub violations: BTreeMap<Arc<str>, u64>,
    /// Records with a firing violation of at least this severity, in the order of [`Severity::ALL`].
    pub severities: [u64; 3],
    /// Limits of risk that somebody asked about, and the records above each.
    risks: Vec<(f64, u64)>,
    /// The agents' `latency_ms`, in tenths of a ms.
    latency: Spans<u64>,
    /// Time of the engines a record, µs.
    own: Spans<u64>,
    /// How long the run took.
    pub elapsed: Duration,
    /// The backend that computed the divergence.
    pub backend: Arc<str>,
    /// Revision of the rules.
    pub rules: Arc<str>,
    /// How the rules fared that are in force at the end.
    pub fared: Vec<RuleTally>,
    /// Drifts, and values that stopped varying, that were reported.
    pub drifts: u64,
    /// What the drift engine watches at the end.
    pub watched: Watched,
}

/// What was sound and no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Skipped {
    /// Lines that a program writes about itself, between its records.
    pub lines: u64,
    /// Spans and steps that are no answers of a model.
    pub others: u64,
}

impl Skipped {
    /// Adds more of it.
    pub fn add(&mut self, more: Self) {
        self.lines += more.lines;
        self.others += more.others;
    }

    /// In words; `None` if there is nothing.
    pub fn in_words(self) -> Option<String> {
        let number = |count: u64| crate::humanize::number(count as f64);
        let lines = (self.lines > 0).then(|| format!("{} not a record", number(self.lines)));
        let others = (self.others > 0).then(|| format!("{} not an answer of a model", number(self.others)));
        let parts: Vec<String> = lines.into_iter().chain(others).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// What the drift engine watches.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Watched {
    /// Keys.
    pub keys: u64,
    /// Series of all keys.
    pub series: u64,
    /// Keys whose answers' meaning is watched.
    pub meanings: u64,
    /// Keys that made room for others.
    pub evicted: u64,
    /// Rows of series for which there was no room.
    pub refused: u64,
    /// Rows of one series per false alarm.
    pub rows_per_alarm: f64,
    /// Series that are not watched, and why.
    pub skipped: Vec<(Arc<str>, &'static str)>,
}

/// How a rule fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleTally {
    /// Its id.
    pub rule: Arc<str>,
    /// It is counted and never acts.
    pub shadow: bool,
    /// The counters.
    pub count: RuleCount,
    /// Why nothing can be said of it.
    pub no_data: Option<String>,
}

/// Three percentiles of something, and of how many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Percentiles {
    /// Median.
    pub p50: f64,
    /// 95th.
    pub p95: f64,
    /// 99th.
    pub p99: f64,
    /// Values.
    pub n: u64,
}

/// A histogram of spans that grows with its values, two significant digits.
#[derive(Debug, Clone)]
pub struct Spans<C: Counter>(Histogram<C>);

/// A histogram's memory grows with its largest value, so values are counted up to here: a day in µs.
const LONGEST: u64 = 86_400_000_000;

impl<C: Counter> Default for Spans<C> {
    #[allow(clippy::expect_used)]
    fn default() -> Self {
        Self(Histogram::new(2).expect("two digits are within the library's one to five"))
    }
}

impl<C: Counter> Spans<C> {
    /// Counts a span.
    pub fn add(&mut self, value: u64) {
        // It resizes itself and refuses nothing below the bound; `saturating_record` would cut at its present size.
        let _ = self.0.record(value.min(LONGEST));
    }

    /// Counts all that another has.
    pub fn merge(&mut self, other: &Self) {
        let _ = self.0.add(&other.0);
    }

    /// Three percentiles, where `per_unit` counted ones make one of the result's; `None` when nothing was counted.
    pub fn percentiles(&self, per_unit: f64) -> Option<Percentiles> {
        let at = |q: f64| self.0.value_at_quantile(q) as f64 / per_unit;
        let n = self.0.len();
        (n > 0).then(|| Percentiles { p50: at(0.5), p95: at(0.95), p99: at(0.99), n })
    }
}

/// As the spans that were counted, each with how often: the percentiles of what is read are the same.
impl<C: Counter> Serialize for Spans<C> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let counted = self.0.iter_recorded().map(|found| (found.value_iterated_to(), found.count_at_value().as_u64()));
        to.collect_seq(counted.collect::<Vec<_>>())
    }
}

impl<'de, C: Counter> Deserialize<'de> for Spans<C> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut spans = Self::default();
        for (value, count) in Vec::<(u64, u64)>::deserialize(from)? {
            let count = C::from_u64(count).ok_or_else(|| serde::de::Error::custom("more spans than can be counted"))?;
            // The end of the last bucket is beyond the bound; as in `add`, nothing below it is refused.
            let _ = spans.0.record_n(value.min(LONGEST), count);
        }
        Ok(spans)
    }
}

impl Default for Summary {
    fn default() -> Self {
        Self {
            records: 0,
            given: 0,
            rejected: 0,
            skipped: Skipped::default(),
            actions: [0; 4],
            unscored: 0,
            partial: 0,
            violations: BTreeMap::new(),
            severities: [0; 3],
            risks: Vec::new(),
            latency: Spans::default(),
            own: Spans::default(),
            elapsed: Duration::ZERO,
            backend: "".into(),
            rules: "".into(),
            fared: Vec::new(),
            drifts: 0,
            watched: Watched::default(),
        }
    }
}

impl Summary {
    /// Takes in a verdict and the record's latency, ms.
    pub fn add(&mut self, verdict: &Verdict, latency_ms: Option<f64>) {
        self.records += 1;
        self.actions[verdict.advice.action as usize] += 1;
        let partial = matches!(verdict.divergence.outcome, Outcome::Partial(_));
        self.partial += u64::from(partial);
        self.unscored += u64::from(partial || verdict.confidence.level == Level::Unscored);
        for violation in &verdict.violations {
            match self.violations.get_mut(&violation.rule) {
                Some(count) => *count += 1,
                None => drop(self.violations.insert(Arc::clone(&violation.rule), 1)),
            }
        }
        if let Some(worst) = verdict.worst() {
            for severity in Severity::ALL.iter().filter(|severity| **severity <= worst) {
                self.severities[*severity as usize] += 1;
            }
        }
        if let Some(risk) = verdict.divergence.risk {
            self.risks.iter_mut().filter(|(limit, _)| risk > *limit).for_each(|(_, count)| *count += 1);
        }
        if let Some(ms) = latency_ms.filter(|ms| *ms >= 0.0) {
            self.latency.add((ms * 10.0) as u64);
        }
        self.drifts += verdict.drift.iter().filter(|report| report.alarm).count() as u64;
        let t = &verdict.timing;
        self.own.add(t.embedding + t.constraints + t.drift);
    }

    /// A summary that counts the records above these limits of risk.
    pub fn with_risks(limits: &[f64]) -> Self {
        Self { risks: limits.iter().map(|limit| (*limit, 0)).collect(), ..Self::default() }
    }

    /// Records whose risk is above `limit`, if it was asked about from the start.
    pub fn risk_above(&self, limit: f64) -> u64 {
        self.risks.iter().find(|(held, _)| *held == limit).map_or(0, |(_, count)| *count)
    }

    /// The agents' latency, ms.
    pub fn latency_ms(&self) -> Option<Percentiles> {
        self.latency.percentiles(10.0)
    }

    /// Time of the engines a record, µs.
    pub fn own_us(&self) -> Option<Percentiles> {
        self.own.percentiles(1.0)
    }

    /// Records a second.
    pub fn rate(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { self.records as f64 / seconds } else { 0.0 }
    }

    /// Records with this action.
    pub fn with_action(&self, action: Action) -> u64 {
        self.actions[action as usize]
    }
}
