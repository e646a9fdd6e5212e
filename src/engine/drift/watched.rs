//! Which numbers of a record are watched, and which are no behaviour.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::engine::Evidence;
use crate::record::names::NO_BEHAVIOUR;
use crate::verdict::Outcome;

/// Names of the series that every record can have, made once.
#[derive(Debug)]
pub struct Common {
    risk: Arc<str>,
    semantic: Arc<str>,
    violations: Arc<str>,
    latency: Arc<str>,
    length: Arc<str>,
    /// Of what the answers mean.
    pub meaning: Arc<str>,
}

impl Default for Common {
    fn default() -> Self {
        Self {
            risk: "divergence.risk".into(),
            semantic: "divergence.semantic".into(),
            violations: "violation_rate".into(),
            latency: "latency_ms".into(),
            length: "answer_length".into(),
            meaning: super::meaning::NAME.into(),
        }
    }
}

impl Common {
    /// How many series every record can have.
    pub const COUNT: usize = 5;

    /// The values of a record that may be watched (an answer's length in bytes of UTF-8), with the names of their series, in a fixed order.
    pub fn values<'a>(&'a self, evidence: &Evidence<'a>) -> impl Iterator<Item = (&'a Arc<str>, f64)> {
        let record = evidence.record;
        let divergence = &evidence.divergence;
        // The risk of a record that there was no time for is of words alone, and on another scale.
        let risk = divergence.risk.filter(|_| divergence.outcome == Outcome::Scored);
        let breached = evidence.violations.iter().any(|(_, violation)| violation.counts());
        let found = [
            (&self.risk, risk),
            (&self.semantic, divergence.semantic),
            (&self.violations, Some(f64::from(u8::from(breached)))),
            (&self.latency, record.latency_ms),
            (&self.length, record.samples.first().map(|answer| answer.len() as f64)),
        ];
        let numbers = record.numbers.iter().map(|(name, value)| (name.shared(), *value));
        found.into_iter().filter_map(|(name, value)| Some((name, value?))).chain(numbers)
    }

    /// Whether a series is one of those that every record can have.
    pub fn has(&self, name: &str) -> bool {
        [&self.risk, &self.semantic, &self.violations, &self.latency, &self.length].iter().any(|own| ***own == *name)
    }
}

/// Why a name is no behaviour, if its last word says so.
pub fn by_name(name: &str) -> Option<&'static str> {
    let last = name.rsplit(['.', '_', '-', ' ', '/', '"', '[', ']']).find(|word| !word.is_empty())?;
    let camel = last.rfind(char::is_uppercase).map_or(last, |at| &last[at..]);
    let is = |word: &str| NO_BEHAVIOUR.iter().any(|known| known.eq_ignore_ascii_case(word));
    (is(last) || is(camel) || camel == "D" && last.ends_with("ID")).then_some("its name is that of an id or a time")
}

/// Rows by which a series has shown whether it is behaviour.
const ROWS: u32 = 50;

/// Looks at the first rows of a series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sanity {
    rows: u32,
    last: f64,
    up: u32,
    down: u32,
    whole: bool,
    low: f64,
    high: f64,
}

impl Default for Sanity {
    fn default() -> Self {
        Self { rows: 0, last: 0.0, up: 0, down: 0, whole: true, low: f64::INFINITY, high: f64::NEG_INFINITY }
    }
}

impl Sanity {
    /// Takes a row; `Some` once it is known whether the series is to be watched, with the reason if it is not.
    pub fn observe(&mut self, value: f64) -> Option<Result<(), &'static str>> {
        if self.rows > 0 {
            self.up += u32::from(value > self.last);
            self.down += u32::from(value < self.last);
        }
        self.last = value;
        self.whole &= value.fract() == 0.0;
        (self.low, self.high) = (self.low.min(value), self.high.max(value));
        self.rows += 1;
        (self.rows >= ROWS).then(|| self.judge())
    }

    fn judge(&self) -> Result<(), &'static str> {
        let steps = self.rows - 1;
        let nearly_all = |count: u32| count * 20 >= steps * 19;
        if nearly_all(self.up) || nearly_all(self.down) {
            return Err("it only ever grows, or only ever falls: a counter");
        }
        let spread_out = self.high - self.low > f64::from(self.rows) * 1_000.0;
        if self.whole && self.up + self.down == steps && spread_out && self.low.abs() >= 1_000.0 {
            return Err("whole numbers far apart, each another one: an id");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(values: impl IntoIterator<Item = f64>) -> Option<Result<(), &'static str>> {
        let mut sanity = Sanity::default();
        values.into_iter().find_map(|value| sanity.observe(value))
    }

    #[test]
    fn names_of_ids_and_times_are_known() {
        for name in
            ["request_id", "user.id", "port", "dst-port", "orderId", "orderID", "meta.timestamp", "a[\"build id\"]"]
        {
            assert!(by_name(name).is_some(), "{name}");
        }
        for name in ["metrics.paid", "humidity", "grid", "latency_ms", "report", "metrics.lifetime", "valid", "price"] {
            assert!(by_name(name).is_none(), "{name}");
        }
    }

    #[test]
    fn counters_and_ids_are_no_behaviour() {
        let noise = |k: u64| (k.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64;
        assert!(verdict((0..60).map(f64::from)).unwrap().is_err());
        assert!(verdict((0..60).map(|k| f64::from(k % 30))).unwrap().is_err(), "resets now and then");
        assert!(verdict((0..60).map(|k| 1e6 + noise(k))).unwrap().is_err());
        assert_eq!(verdict((0..60).map(|k| noise(k) / 1e3)), Some(Ok(())));
        assert_eq!(verdict(std::iter::repeat_n(512.0, 60)), Some(Ok(())));
        assert_eq!(verdict((0..60).map(|k| (noise(k) % 7.0).floor())), Some(Ok(())));
        assert_eq!(verdict([1.0; 10]), None);
    }
}
