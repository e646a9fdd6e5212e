//! Which series there are: a detector for each key and series, bounded in number.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::HashMap;

use super::auto::{Auto, Setting};
use super::budget::{FalseAlarms, Rate, Thresholds};
use super::meaning::{self, Meaning};
use super::watched::{Common, Sanity, by_name};
use super::zscore::ZScore;
use super::{Baseline, Detector, Reading, Row};
use crate::engine::{Engine, Evidence};
use crate::record::{Seq, trim};
use crate::rules::Stage;
use crate::verdict::{DriftReport, DriftState, EngineKind};

/// Which detector watches a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Which {
    /// All layers.
    #[default]
    Auto,
    /// The all-time z-score.
    Zscore,
}

impl Which {
    /// The contract's words.
    pub const WORDS: [(&str, Self); 2] = [("auto", Self::Auto), ("zscore", Self::Zscore)];
}

/// What is asked of a series by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// The series.
    pub name: String,
    /// Whether it is watched.
    pub watch: bool,
    /// Direction and season.
    pub setting: Setting,
    /// Rows of it per false alarm, where it has a budget of its own.
    pub rows: Option<f64>,
}

/// Bounds of the engine, and what is asked of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Keys that are watched; past it the least recently seen make room.
    pub keys: usize,
    /// Series that are watched of one key; further ones are not.
    pub series: usize,
    /// Series that are watched of all keys together.
    pub total_series: usize,
    /// Keys whose answers' meaning is watched; past it the least recently seen make room.
    pub embedding_keys: usize,
    /// Detector.
    pub detector: Which,
    /// Budget of all series together.
    pub false_alarms: FalseAlarms,
    /// Series that something is asked of by name.
    pub named: Vec<Named>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            keys: 4_096,
            series: 64,
            total_series: 8_192,
            embedding_keys: 64,
            detector: Which::Auto,
            false_alarms: FalseAlarms::DEFAULT,
            named: Vec::new(),
        }
    }
}

/// What is done with a series.
pub(super) enum Watch {
    /// It is watched; `Sanity` while it is not certain that it is behaviour.
    Yes(Box<dyn Detector>, Option<Sanity>),
    /// It is not, and why.
    No(&'static str),
}

pub(super) struct Series {
    pub name: Arc<str>,
    pub watch: Watch,
    pub last: Option<Seq>,
    /// A budget of its own.
    pub limits: Option<Thresholds>,
}

#[derive(Default)]
pub(super) struct Key {
    pub series: Vec<Series>,
    pub last: Seq,
    /// What the answers mean, for the keys that are watched for it.
    pub meaning: Option<Box<Meaning>>,
}

/// Reasons for not watching that are listed.
const MOST_SKIPPED: usize = 64;

/// Records between two looks at the rate that the budget is divided by.
const RATE_EVERY: u64 = 256;

/// What may be watched, and with which thresholds.
pub(super) struct Admission {
    pub options: Options,
    /// Series that are watched, of all keys.
    pub total: usize,
    /// Rows of series for which there was no room.
    pub refused: u64,
    pub skipped: BTreeMap<Arc<str>, &'static str>,
    limits: Thresholds,
}

impl Admission {
    fn make(&self, name: &Arc<str>, is_common: bool) -> Series {
        let named = self.options.named.iter().find(|named| *named.name == **name);
        let detector = || -> Box<dyn Detector> {
            match self.options.detector {
                Which::Auto => Box::new(Auto::new(named.map(|named| named.setting).unwrap_or_default())),
                Which::Zscore => Box::new(ZScore::default()),
            }
        };
        let watch = match named {
            Some(named) if !named.watch => Watch::No("the configuration says so"),
            Some(_) => Watch::Yes(detector(), None),
            None if is_common => Watch::Yes(detector(), None),
            None => match by_name(name) {
                Some(why) => Watch::No(why),
                None => Watch::Yes(detector(), Some(Sanity::default())),
            },
        };
        let limits = named.and_then(|named| named.rows).map(Thresholds::new);
        Series { name: Arc::clone(name), watch, last: None, limits }
    }

    /// A series that was watched before; what is asked of it now counts.
    pub fn again(&self, name: Arc<str>, watch: Watch, last: Option<Seq>) -> Series {
        let named = self.options.named.iter().find(|named| *named.name == *name);
        let limits = named.and_then(|named| named.rows).map(Thresholds::new);
        Series { name, watch, last, limits }
    }

    /// The thresholds that were in force; a budget that is given in rows has its own.
    pub fn go_on_with(&mut self, rows: f64) {
        let rows = if let FalseAlarms::Rows(own) = self.options.false_alarms { own } else { rows };
        self.limits = Thresholds::new(rows);
    }

    fn skip(&mut self, name: &Arc<str>, why: &'static str) {
        if self.skipped.len() < MOST_SKIPPED {
            self.skipped.insert(Arc::clone(name), why);
        }
    }
}

impl Key {
    /// Where a series stands, which is made if there is room; `hint`: where it is likely to stand.
    fn find(&mut self, name: &Arc<str>, hint: usize, is_common: bool, admission: &mut Admission) -> Option<usize> {
        let is = |series: &Series| Arc::ptr_eq(&series.name, name) || series.name == *name;
        if self.series.get(hint).is_some_and(is) {
            return Some(hint);
        }
        if let Some(index) = self.series.iter().position(is) {
            return Some(index);
        }
        if self.series.len() >= admission.options.series || admission.total >= admission.options.total_series {
            admission.refused += 1;
            return None;
        }
        let series = admission.make(name, is_common);
        if let Watch::No(why) = &series.watch {
            admission.skip(name, why);
        }
        self.series.push(series);
        admission.total += 1;
        Some(self.series.len() - 1)
    }

    /// One row of one series.
    fn observe(&mut self, index: usize, row: Row, admission: &mut Admission) -> Option<Reading> {
        let series = self.series.get_mut(index)?;
        // A record may spell one metric several ways; a series moves by one row a record.
        if !row.value.is_finite() || series.last == Some(row.seq) {
            return None;
        }
        series.last = Some(row.seq);
        let Watch::Yes(detector, sanity) = &mut series.watch else { return None };
        match sanity.as_mut().and_then(|sanity| sanity.observe(row.value)) {
            Some(Ok(())) => *sanity = None,
            Some(Err(why)) => {
                series.watch = Watch::No(why);
                admission.skip(&series.name, why);
                return None;
            }
            None => {}
        }
        Some(detector.observe(row, series.limits.as_ref().unwrap_or(&admission.limits)))
    }
}

/// The engine.
pub struct Drift {
    pub(super) keys: HashMap<Arc<str>, Key>,
    pub(super) admission: Admission,
    pub(super) evicted: u64,
    pub(super) rate: Rate,
    /// Keys whose meaning is watched.
    pub(super) meanings: usize,
    pub(super) records: u64,
    common: Common,
}

impl Drift {
    /// An engine without history.
    pub fn new(options: Options) -> Self {
        let limits = Thresholds::new(Rate::default().rows_per_alarm(options.false_alarms));
        let admission = Admission { options, total: 0, refused: 0, skipped: BTreeMap::new(), limits };
        let (keys, common) = (HashMap::default(), Common::default());
        Self { keys, admission, evicted: 0, rate: Rate::default(), meanings: 0, records: 0, common }
    }

    /// Keys that are watched.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no key was seen yet.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Series that are watched, of all keys.
    pub fn series(&self) -> usize {
        self.admission.total
    }

    /// Keys whose answers' meaning is watched.
    pub fn meanings(&self) -> usize {
        self.meanings
    }

    /// Keys that made room for others.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Rows of series that are not watched for want of room.
    pub fn refused(&self) -> u64 {
        self.admission.refused
    }

    /// Series that are not watched, and why, in the order of their names.
    pub fn skipped(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &'static str)> {
        self.admission.skipped.iter().map(|(name, why)| (name, *why))
    }

    /// Rows of one series per false alarm, by the budget and the rows that came so far.
    pub fn rows_per_alarm(&self) -> f64 {
        self.admission.limits.rows
    }

    /// What is normal now stays the baseline of a series of a key, or of all of them without one. How many there are.
    pub fn pin(&mut self, key: &str, series: Option<&str>) -> usize {
        self.each(key, series, |detector| detector.pin())
    }

    /// A series of a key, or all of them without one, begins anew. How many there are.
    pub fn reset(&mut self, key: &str, series: Option<&str>) -> usize {
        self.each(key, series, |detector| detector.reset())
    }

    fn each(&mut self, key: &str, series: Option<&str>, mut act: impl FnMut(&mut dyn Baseline)) -> usize {
        let Some(key) = self.keys.get_mut(key) else { return 0 };
        let mut count = 0;
        if let Some(meaning) = key.meaning.as_deref_mut().filter(|_| series.is_none_or(|name| name == meaning::NAME)) {
            act(meaning);
            count += 1;
        }
        for held in key.series.iter_mut().filter(|held| series.is_none_or(|name| *held.name == *name)) {
            if let Watch::Yes(detector, _) = &mut held.watch {
                act(detector);
                count += 1;
            }
        }
        count
    }

    /// Forgets what is known of divergence: from now on another backend computes it.
    pub fn forget_divergence(&mut self) {
        for key in self.keys.values_mut() {
            let before = key.series.len();
            key.series.retain(|series| !series.name.starts_with("divergence."));
            self.admission.total -= before - key.series.len();
            key.meaning = None;
        }
        self.meanings = 0;
    }

    /// Makes room by a quarter, so that a flood of new keys costs each of them a constant.
    fn evict(&mut self) {
        let mut seen: Vec<Seq> = self.keys.values().map(|key| key.last).collect();
        let quarter = seen.len() / 4;
        let (_, limit, _) = seen.select_nth_unstable(quarter);
        let limit = *limit;
        let (before, mut gone) = (self.keys.len(), 0);
        self.keys.retain(|_, key| {
            let stays = key.last > limit;
            if !stays {
                gone += key.series.len();
                self.meanings -= usize::from(key.meaning.is_some());
            }
            stays
        });
        self.admission.total -= gone;
        self.evicted += (before - self.keys.len()) as u64;
    }

    /// What the first answer means, against the key's answers before.
    fn meaning(&mut self, evidence: &mut Evidence<'_>) {
        let record = evidence.record;
        let Some(Ok(features)) = evidence.texts.first() else { return };
        let (Some(vector), Some(answer)) = (&features.vector, record.samples.first()) else { return };
        let most = self.admission.options.embedding_keys;
        if most == 0 || trim(answer).is_empty() {
            return;
        }
        let is_new = self.keys.get(&record.key).is_some_and(|key| key.meaning.is_none());
        if is_new && self.meanings >= most {
            // The one that was not seen for longest makes room.
            let held = self.keys.values_mut().filter(|key| key.meaning.is_some());
            if let Some(oldest) = held.min_by_key(|key| key.last) {
                oldest.meaning = None;
                self.meanings -= 1;
            }
        }
        let Some(key) = self.keys.get_mut(&record.key) else { return };
        self.meanings += usize::from(key.meaning.is_none());
        // The answers' length is a series of its own.
        let meaning = key.meaning.get_or_insert_with(|| Box::new(Meaning::new(false)));
        let reading = meaning.observe(record.seq, vector, 0, &self.admission.limits);
        let moved = if reading.alarm { meaning.moved() } else { None };
        let report = reading.report(Arc::clone(&self.common.meaning), f64::from(meaning.ratio()));
        evidence.drift.push(DriftReport { moved, ..report });
    }

    fn set_limits(&mut self) {
        self.admission.limits = Thresholds::new(self.rate.rows_per_alarm(self.admission.options.false_alarms));
    }

    /// Series that are asked for by name and that a record does not have.
    fn missing(&self, evidence: &mut Evidence<'_>) {
        for named in self.admission.options.named.iter().filter(|named| named.watch) {
            if evidence.drift.iter().any(|report| *report.series == *named.name) {
                continue;
            }
            let held = self.keys.get(&evidence.record.key);
            let known = held.and_then(|key| key.series.iter().find(|series| *series.name == *named.name));
            let state = if known.is_some() { DriftState::Missing } else { DriftState::NoData };
            let name = known.map_or_else(|| named.name.as_str().into(), |series| Arc::clone(&series.name));
            evidence.drift.push(DriftReport::absent(name, state));
        }
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
        let full = self.keys.len() >= self.admission.options.keys
            || self.admission.total >= self.admission.options.total_series;
        if full && self.keys.len() > 1 && !self.keys.contains_key(&record.key) {
            self.evict();
        }
        let Self { keys, admission, common, .. } = self;
        let key = keys.entry(Arc::clone(&record.key)).or_default();
        key.last = record.seq;
        let at = evidence.at.map(|at| at.as_millisecond());
        let mut found = std::mem::take(&mut evidence.drift);
        found.reserve(key.series.len() + 1);
        let mut hint = 0;
        for (index, (name, value)) in common.values(evidence).enumerate() {
            let is_common = index < Common::COUNT && common.has(name);
            let Some(index) = key.find(name, hint, is_common, admission) else { continue };
            hint = index + 1;
            let Some(reading) = key.observe(index, Row { seq: record.seq, at, value }, admission) else { continue };
            found.push(reading.report(Arc::clone(name), value));
        }
        evidence.drift = found;
        self.meaning(evidence);
        self.rate.observe(at, evidence.drift.len());
        self.missing(evidence);
        self.records += 1;
        if self.records.is_multiple_of(RATE_EVERY) {
            self.set_limits();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::Saved;
    use super::*;
    use crate::record::native::Parser;
    use crate::record::{Limits, Origin};
    use crate::verdict::{Divergence, Outcome};

    fn engine() -> Drift {
        Drift::new(Options::default())
    }

    fn run(engine: &mut Drift, seq: u64, line: &str) -> Vec<DriftReport> {
        let origin = Origin { source: "s".into(), file: "f".into(), offset: 0, line: None, part: 0 };
        let mut parser = Parser::new(Limits::default(), &[]);
        let record = parser.parse(Seq(seq), origin, Bytes::copy_from_slice(line.as_bytes())).unwrap();
        let divergence = Divergence { risk: Some(0.1), ..Divergence::none(Outcome::Scored, "t".into()) };
        let mut evidence = Evidence::new(&record, &[], divergence);
        engine.run(Stage::Drift, &mut evidence).unwrap();
        evidence.drift
    }

    fn states(engine: &mut Drift, seq: u64, line: &str) -> Vec<String> {
        run(engine, seq, line).iter().map(|report| format!("{} {}", report.series, report.state.word())).collect()
    }

    #[test]
    fn every_number_is_watched_once_a_record_unless_it_is_no_behaviour() {
        let mut engine = engine();
        let line = r#"{"samples":["abc"],"latency_ms":5,"metrics":{"Pa":1," pa ":2,"temp":3},"other":4,"order_id":9}"#;
        assert_eq!(
            states(&mut engine, 0, line),
            [
                "divergence.risk warm_up",
                "violation_rate warm_up",
                "latency_ms warm_up",
                "answer_length warm_up",
                "metrics.pa warm_up",
                "metrics.temp warm_up",
                "other warm_up"
            ]
        );
        assert_eq!(run(&mut engine, 1, line)[3].value, 3.0);
        for seq in 2..60 {
            run(&mut engine, seq, &format!(r#"{{"other":{seq}}}"#));
        }
        let skipped: Vec<&str> = engine.skipped().map(|(name, _)| &**name).collect();
        assert_eq!(skipped, ["order_id", "other"]);
        assert!(states(&mut engine, 60, r#"{"other":61}"#).iter().all(|state| !state.starts_with("other")));
    }

    #[test]
    fn what_is_asked_of_a_series_by_name_is_done() {
        let named = |name: &str, watch, rows| Named { name: name.into(), watch, setting: Setting::default(), rows };
        let named =
            vec![named("order_id", true, Some(5e3)), named("latency_ms", false, None), named("never", true, None)];
        let mut engine = Drift::new(Options { named, ..Options::default() });
        let seen = states(&mut engine, 0, r#"{"latency_ms":5,"order_id":9}"#);
        assert_eq!(seen, ["divergence.risk warm_up", "violation_rate warm_up", "order_id warm_up", "never no_data"]);
        let seen = states(&mut engine, 1, "{}");
        assert_eq!(seen[2..], ["order_id missing", "never no_data"]);
        assert_eq!(engine.skipped().map(|(name, _)| &**name).collect::<Vec<_>>(), ["latency_ms"]);
    }

    #[test]
    fn keys_and_series_are_bounded() {
        let mut engine = Drift::new(Options { keys: 8, series: 2, ..Options::default() });
        for seq in 0..100 {
            let line = format!(r#"{{"agent_id":"a{seq}","metrics":{{"m1":1,"m2":2,"m3":3}}}}"#);
            assert!(run(&mut engine, seq, &line).len() <= 2);
        }
        assert!(engine.len() <= 8 && engine.series() <= 16);
        assert!(engine.evicted() >= 92 && engine.refused() > 0);
        let mut engine = Drift::new(Options { total_series: 10, ..Options::default() });
        for seq in 0..100 {
            run(&mut engine, seq, &format!(r#"{{"agent_id":"a{seq}","metrics":{{"m1":1,"m2":2,"m3":3}}}}"#));
            assert!(engine.series() <= 10);
        }
        assert!(run(&mut engine, 100, r#"{"agent_id":"a100"}"#).len() == 2, "a new key finds room");
    }

    fn noisy(seq: u64, shift: f64) -> String {
        let noise = ((seq.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) % 1_000) as f64 / 100.0;
        let at = 1_700_000_000 + seq;
        format!(r#"{{"agent_id":"a{}","ts":{at},"latency_ms":{}}}"#, seq % 2, 100.0 + noise + shift)
    }

    #[test]
    fn what_is_saved_goes_on_as_if_nothing_had_been() {
        let mut whole = engine();
        for seq in 0..400 {
            run(&mut whole, seq, &noisy(seq, 0.0));
        }
        let text = serde_json::to_string(&whole.save()).unwrap();
        let saved: Saved = serde_json::from_str(&text).unwrap();
        let mut again = engine();
        again.restore(saved.clone(), true).unwrap();
        assert_eq!(again.series(), whole.series());
        for seq in 400..800 {
            let line = noisy(seq, if seq > 500 { 30.0 } else { 0.0 });
            assert_eq!(run(&mut whole, seq, &line), run(&mut again, seq, &line), "{seq}");
        }
        let mut other = engine();
        other.restore(saved, false).unwrap();
        let seen = states(&mut other, 400, &noisy(400, 0.0));
        assert_eq!(seen, ["divergence.risk warm_up", "violation_rate stable", "latency_ms stable"]);
    }

    #[test]
    fn a_state_of_another_version_or_a_damaged_one_is_refused() {
        let mut engine = engine();
        run(&mut engine, 0, "{}");
        let text = serde_json::to_string(&engine.save()).unwrap();
        for (from, to) in [("\"version\":2", "\"version\":1"), (",\"AA", ",\"!!")] {
            let broken = text.replacen(from, to, 1);
            assert_ne!(broken, text, "{text}");
            assert!(super::tests::engine().restore(serde_json::from_str(&broken).unwrap(), true).is_err());
        }
    }

    #[test]
    fn each_key_has_its_own_past_and_a_drift_of_one_is_told_with_onset_and_size() {
        let mut engine = engine();
        let mut found = Vec::new();
        for seq in 0..700 {
            let shift = if seq >= 600 && seq % 2 == 0 { 40.0 } else { 0.0 };
            for report in run(&mut engine, seq, &noisy(seq, shift)) {
                if report.alarm {
                    found.push((seq, report));
                }
            }
        }
        let [(seq, report)] = &found[..] else { panic!("{found:?}") };
        assert!(seq % 2 == 0 && *seq < 615, "{seq}");
        assert_eq!((&*report.series, report.state), ("latency_ms", DriftState::Drift));
        assert!((598..=604).contains(&report.onset.unwrap().0), "{:?}", report.onset);
        assert!((report.size.unwrap() - 40.0).abs() < 6.0, "{:?}", report.size);
    }

    #[test]
    fn a_baseline_can_be_pinned_and_reset() {
        let mut engine = engine();
        for seq in 0..300 {
            run(&mut engine, seq, &noisy(seq, 0.0));
        }
        assert_eq!(
            (engine.pin("a0", Some("latency_ms")), engine.pin("a0", Some("x")), engine.pin("b", None)),
            (1, 0, 0)
        );
        let state = |engine: &mut Drift, seq, shift| {
            let reports = run(engine, seq, &noisy(seq, shift));
            reports.iter().find(|report| &*report.series == "latency_ms").unwrap().state
        };
        let mut last = DriftState::NoData;
        for seq in 300..6_000 {
            last = state(&mut engine, seq, 40.0);
        }
        assert_eq!(last, DriftState::Stable, "the odd key has another normal by now");
        assert_eq!(state(&mut engine, 6_000, 40.0), DriftState::Drift, "the pinned one has not");
        assert_eq!(engine.reset("a0", None), 3);
        assert_eq!(state(&mut engine, 6_002, 40.0), DriftState::WarmUp);
    }

    #[test]
    fn thresholds_follow_the_rate_of_rows() {
        let mut engine = engine();
        let before = engine.rows_per_alarm();
        for seq in 0..1_024 {
            run(&mut engine, seq, &noisy(seq, 0.0));
        }
        // Three series a second: 1.8 million rows a week.
        assert!(before < 1e6 && (1.7e6..2.0e6).contains(&engine.rows_per_alarm()), "{}", engine.rows_per_alarm());
    }
}
