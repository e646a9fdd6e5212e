//! Which series are watched, and a detector for each, bounded in number.

use std::sync::Arc;

use foldhash::HashMap;

use serde::{Deserialize, Serialize};

use super::zscore::ZScore;
use super::{Detector, DetectorState, Reading};
use crate::engine::{Engine, Evidence};
use crate::record::{Record, Seq};
use crate::rules::Stage;
use crate::verdict::{Divergence, DriftReport, EngineKind, Outcome};

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
            keys: HashMap::default(),
            evicted: 0,
            common: ["divergence.risk".into(), "divergence.semantic".into(), "latency_ms".into()],
        }
    }

    /// Keys that are watched.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no key was seen yet.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
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

/// The state of the engine, across the end of the process.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Saved {
    /// Version of this form.
    version: u32,
    evicted: u64,
    keys: Vec<SavedKey>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SavedKey {
    key: Arc<str>,
    last: Seq,
    series: Vec<(Arc<str>, Option<Seq>, DetectorState)>,
}

/// Version of [`Saved`].
const SAVED: u32 = 1;

impl Drift {
    /// What it knows.
    pub fn save(&self) -> Saved {
        let series = |series: &Series| (Arc::clone(&series.name), series.last, series.detector.save());
        let key = |(key, state): (&Arc<str>, &Key)| SavedKey {
            key: Arc::clone(key),
            last: state.last,
            series: state.series.iter().map(series).collect(),
        };
        Saved { version: SAVED, evicted: self.evicted, keys: self.keys.iter().map(key).collect() }
    }

    /// Forgets what is known of divergence: from now on another backend computes it.
    pub fn forget_divergence(&mut self) {
        for key in self.keys.values_mut() {
            key.series.retain(|series| !series.name.starts_with("divergence."));
        }
    }

    /// Goes on from what another engine knew. `same_scores`: the same backend and model computes the divergence; its
    /// series start anew otherwise.
    ///
    /// # Errors
    /// When it has another version; the engine begins anew then.
    pub fn restore(&mut self, saved: Saved, same_scores: bool) -> Result<(), String> {
        if saved.version != SAVED {
            return Err(format!("the drift engine's state has version {}, this program knows {SAVED}", saved.version));
        }
        self.evicted = saved.evicted;
        let kept = |name: &str| same_scores || !name.starts_with("divergence.");
        for SavedKey { key, last, series } in saved.keys.into_iter().take(self.options.keys) {
            let series = series.into_iter().filter(|(name, ..)| kept(name)).take(self.options.series);
            let series = series.map(|(name, last, state)| Series { name, detector: state.restore(), last });
            self.keys.insert(key, Key { series: series.collect(), last });
        }
        Ok(())
    }
}

/// The values of a record that are watched, with the names of their series.
fn watched<'a>(
    common: &'a [Arc<str>; 3],
    record: &'a Record,
    divergence: &Divergence,
) -> impl Iterator<Item = (&'a Arc<str>, f64)> {
    let [risk, semantic, latency] = common;
    // The risk of a record that there was no time for is of words alone, and on another scale.
    let scored = divergence.risk.filter(|_| divergence.outcome == Outcome::Scored);
    let found = [(risk, scored), (semantic, divergence.semantic), (latency, record.latency_ms)];
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
    fn what_is_saved_goes_on_as_if_nothing_had_been() {
        let line = |seq: u64| format!(r#"{{"agent_id":"a{}","latency_ms":{}}}"#, seq % 2, 10 + seq % 5);
        let mut whole = Drift::new(Options::default());
        let mut first = Drift::new(Options::default());
        for seq in 0..40 {
            assert_eq!(run(&mut whole, seq, &line(seq)), run(&mut first, seq, &line(seq)));
        }
        let text = serde_json::to_string(&first.save()).unwrap();
        let mut second = Drift::new(Options::default());
        second.restore(serde_json::from_str(&text).unwrap(), true).unwrap();
        assert_eq!(second.save().keys.len(), first.save().keys.len());
        for seq in 40..80 {
            let line = line(if seq == 60 { 5_000_000 } else { seq });
            assert_eq!(run(&mut whole, seq, &line), run(&mut second, seq, &line));
        }
        let mut other = Drift::new(Options::default());
        other.restore(first.save(), false).unwrap();
        assert_eq!(run(&mut other, 80, &line(80)), ["divergence.risk warm_up", "latency_ms stable"]);
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
