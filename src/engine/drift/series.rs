//! Which series are watched, and a detector for each, bounded in number.

use std::collections::HashMap;
use std::sync::Arc;

use super::zscore::ZScore;
use super::{Detector, Reading};
use crate::engine::{Engine, Evidence};
use crate::record::{Record, Seq};
use crate::rules::Stage;
use crate::verdict::{Divergence, DriftReport, EngineKind};

/// Bounds of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Keys that are watched; past it the least recently seen make room.
    pub keys: usize,
    /// Series that are watched of one key; further ones are not.
    pub series: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { keys: 4_096, series: 64 }
    }
}

struct Series {
    name: Arc<str>,
    detector: Box<dyn Detector>,
    last: Option<Seq>,
}

#[derive(Default)]
struct Key {
    series: Vec<Series>,
    last: Seq,
}

/// The engine.
pub struct Drift {
    options: Options,
    keys: HashMap<Arc<str>, Key>,
    evicted: u64,
    /// Names of the series that every record can have, made once.
    common: [Arc<str>; 3],
}

impl Drift {
    /// An engine without history.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            keys: HashMap::new(),
            evicted: 0,
            common: ["divergence.risk".into(), "divergence.semantic".into(), "latency_ms".into()],
        }
    }

    /// Keys that made room for others.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Makes room by a quarter, so that a flood of new keys costs each of them a constant.
    fn evict(&mut self) {
        let mut seen: Vec<Seq> = self.keys.values().map(|key| key.last).collect();
        let quarter = seen.len() / 4;
        let (_, limit, _) = seen.select_nth_unstable(quarter);
        let limit = *limit;
        let before = self.keys.len();
        self.keys.retain(|_, key| key.last > limit);
        self.evicted += (before - self.keys.len()) as u64;
    }
}

/// The values of a record that are watched, with the names of their series.
fn watched<'a>(
    common: &'a [Arc<str>; 3],
    record: &'a Record,
    divergence: &Divergence,
) -> impl Iterator<Item = (&'a Arc<str>, f64)> {
    let [risk, semantic, latency] = common;
    let found = [(risk, divergence.risk), (semantic, divergence.semantic), (latency, record.latency_ms)];
    let is_metric = |name: &str| name.strip_prefix("metrics").is_some_and(|rest| rest.starts_with(['.', '[']));
    let metrics = record.numbers.iter().filter(move |(name, _)| is_metric(name.as_str()));
    let metrics = metrics.map(|(name, value)| (name.shared(), *value));
    found.into_iter().filter_map(|(name, value)| Some((name, value?))).chain(metrics)
}

impl Key {
    fn observe(&mut self, seq: Seq, name: &Arc<str>, value: f64, most: usize) -> Option<Reading> {
        let position = self.series.iter().position(|s| Arc::ptr_eq(&s.name, name) || s.name == *name);
        let index = match position {
            Some(index) => index,
            None if self.series.len() < most => {
                let detector = Box::new(ZScore::default());
                self.series.push(Series { name: Arc::clone(name), detector, last: None });
                self.series.len() - 1
            }
            None => return None,
        };
        let series = &mut self.series[index];
        // A record may spell one metric several ways; a series moves by one row a record.
        if !value.is_finite() || series.last == Some(seq) {
            return None;
        }
        series.last = Some(seq);
        Some(series.detector.observe(seq, value))
    }
}

impl Engine for Drift {
    fn kind(&self) -> EngineKind {
        EngineKind::Drift
    }

    fn run(&mut self, stage: Stage, evidence: &mut Evidence<'_>) -> Result<(), Arc<str>> {
        if stage != Stage::Drift {
            return Ok(());
        }
        let record = evidence.record;
        if self.keys.len() >= self.options.keys && !self.keys.contains_key(&record.key) {
            self.evict();
        }
        let key = self.keys.entry(Arc::clone(&record.key)).or_default();
        key.last = record.seq;
        for (name, value) in watched(&self.common, record, &evidence.divergence) {
            let Some(reading) = key.observe(record.seq, name, value, self.options.series) else { continue };
            evidence.drift.push(DriftReport {
                series: Arc::clone(name),
                state: reading.state,
                score: reading.score,
                z: reading.z,
                value,
                baseline: reading.baseline,
                spread: reading.spread,
                onset: reading.onset,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::record::native::Parser;
    use crate::record::{Limits, Origin};
    use crate::verdict::Outcome;

    fn run(engine: &mut Drift, seq: u64, line: &str) -> Vec<String> {
        let origin = Origin { source: "s".into(), file: "f".into(), offset: 0, line: None, part: 0 };
        let mut parser = Parser::new(Limits::default(), &[]);
        let record = parser.parse(Seq(seq), origin, Bytes::copy_from_slice(line.as_bytes())).unwrap();
        let divergence = Divergence { risk: Some(0.1), ..Divergence::none(Outcome::Scored, "t".into()) };
        let mut evidence = Evidence::new(&record, &[], divergence);
        engine.run(Stage::Drift, &mut evidence).unwrap();
        evidence.drift.iter().map(|report| format!("{} {}", report.series, report.state.word())).collect()
    }

    #[test]
    fn watches_risk_latency_and_metrics_once_a_record() {
        let mut engine = Drift::new(Options::default());
        let seen = run(&mut engine, 0, r#"{"latency_ms":5,"metrics":{"Pa":1," pa ":2,"temp":3},"other":4}"#);
        assert_eq!(
            seen,
            ["divergence.risk warm_up", "latency_ms warm_up", "metrics.pa warm_up", "metrics.temp warm_up"]
        );
    }

    #[test]
    fn keys_and_series_are_bounded() {
        let mut engine = Drift::new(Options { keys: 8, series: 2 });
        for seq in 0..100 {
            let line = format!(r#"{{"agent_id":"a{seq}","metrics":{{"m1":1,"m2":2,"m3":3}}}}"#);
            assert!(run(&mut engine, seq, &line).len() <= 2);
        }
        assert!(engine.keys.len() <= 8);
        assert!(engine.evicted() >= 92);
    }

    #[test]
    fn each_key_has_its_own_past() {
        let mut engine = Drift::new(Options::default());
        for seq in 0..20 {
            run(&mut engine, seq, &format!(r#"{{"agent_id":"calm","latency_ms":{}}}"#, 10 + seq % 2));
        }
        assert!(run(&mut engine, 20, r#"{"agent_id":"new","latency_ms":9000}"#)[1].contains("warm_up"));
        assert!(run(&mut engine, 21, r#"{"agent_id":"calm","latency_ms":9000}"#)[1].contains("drift"));
    }
}
