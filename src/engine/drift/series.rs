//! Which series there are: a detector for each key and series, bounded in number.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::HashMap;

use super::auto::{Auto, Setting};
use super::budget::{FalseAlarms, Rate, Thresholds};
use super::meaning::{self, Meaning};
use super::watched::{Common, Sanity, by_name};
use super::zscore::ZScore;
use super::{Baseline, Detector, Reading, Row, Which};
use crate::engine::{Engine, Evidence};
use crate::record::{Seq, trim};
use crate::rules::Stage;
use crate::stats::summary::Watched;
use crate::verdict::{DriftReport, DriftState, EngineKind};

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
    /// Which of its key's records had it last.
    pub seen: u64,
    /// A budget of its own.
    pub limits: Option<Thresholds>,
}

#[derive(Default)]
pub(super) struct Key {
    pub series: Vec<Series>,
    pub last: Seq,
    /// Records so far.
    pub records: u64,
    /// What the answers mean, for the keys that are watched for it.
    pub meaning: Option<Box<Meaning>>,
}

/// What is said of a series that is named and never came.
const NEVER: &str = "the configuration names it, and no record has it";

/// Fields of a record that are no numbers to watch.
const OWN: [&str; 5] = ["ts", "timestamp", "created_at", "id", "request_id"];

/// Reasons for not watching that are listed.
const MOST_SKIPPED: usize = 64;

/// Records of a key without a series after which it makes room for another.
const GONE: u64 = 100;

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
    /// Which of the named series came.
    came: Vec<Cell<bool>>,
    limits: Thresholds,
}

impl Admission {
    fn make(&self, name: &Arc<str>, is_common: bool) -> Series {
        let place = self.options.named.iter().position(|named| *named.name == **name);
        let named = place.map(|place| &self.options.named[place]);
        if let Some(came) = place.and_then(|place| self.came.get(place)) {
            came.set(true);
        }
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
        Series { name: Arc::clone(name), watch, last: None, seen: 0, limits }
    }

    /// A series that was watched before; what is asked of it now counts.
    pub fn again(&self, name: Arc<str>, watch: Watch, last: Option<Seq>, common: &Common) -> Series {
        let fresh = self.make(&name, common.has(&name));
        let named = self.options.named.iter().find(|named| *named.name == *name);
        let watch = match (watch, fresh.watch) {
            (_, Watch::No(why)) => Watch::No(why),
            (Watch::No(why), Watch::Yes(..)) if named.is_none() => Watch::No(why),
            (Watch::Yes(mut detector, sanity), Watch::Yes(..)) if detector.which() == self.options.detector => {
                detector.ask(named.map(|named| named.setting).unwrap_or_default());
                Watch::Yes(detector, sanity.filter(|_| named.is_none()))
            }
            (_, fresh) => fresh,
        };
        Series { name, watch, last, seen: 0, limits: fresh.limits }
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
        let is_named = admission.options.named.iter().any(|named| *named.name == **name);
        let full = self.series.len() >= admission.options.series || admission.total >= admission.options.total_series;
        if full && !self.make_room(admission) && !is_named {
            admission.refused += 1;
            return None;
        }
        let series = admission.make(name, is_common);
        // That a record's own time and identity are not watched is no news.
        if let (Watch::No(why), false) = (&series.watch, OWN.contains(&&**name)) {
            admission.skip(name, why);
        }
        self.series.push(series);
        admission.total += 1;
        Some(self.series.len() - 1)
    }

    /// Lets the series go that was not seen for longest, if that is long enough.
    fn make_room(&mut self, admission: &mut Admission) -> bool {
        let oldest = (0..self.series.len()).min_by_key(|index| self.series[*index].seen);
        let gone = oldest.filter(|index| self.series[*index].seen + GONE < self.records);
        if let Some(index) = gone {
            self.series.swap_remove(index);
            admission.total -= 1;
            admission.refused += 1;
        }
        gone.is_some()
    }

    /// One row of one series.
    fn observe(&mut self, index: usize, row: Row, admission: &mut Admission) -> Option<Reading> {
        let series = self.series.get_mut(index)?;
        // A record may spell one metric several ways; a series moves by one row a record.
        if !row.value.is_finite() || series.last == Some(row.seq) {
            return None;
        }
        series.last = Some(row.seq);
        series.seen = self.records;
        let Watch::Yes(detector, sanity) = &mut series.watch else { return None };
        let reading = detector.observe(row, series.limits.as_ref().unwrap_or(&admission.limits));
        // What may be no behaviour is not told of before it is known.
        let Some(judged) = sanity.as_mut().map(|sanity| sanity.observe(row.value)) else { return Some(reading) };
        match judged? {
            Ok(()) => *sanity = None,
            Err(why) => {
                series.watch = Watch::No(why);
                admission.skip(&series.name, why);
            }
        }
        None
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
    pub(super) common: Common,
}

impl Drift {
    /// An engine without history.
    pub fn new(options: Options) -> Self {
        let limits = Thresholds::new(Rate::default().rows_per_alarm(options.false_alarms));
        let came = vec![Cell::new(false); options.named.len()];
        let admission = Admission { options, total: 0, refused: 0, skipped: BTreeMap::new(), came, limits };
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

    /// What is watched, and what is not.
    pub fn watched(&self) -> Watched {
        Watched {
            keys: self.keys.len() as u64,
            series: self.admission.total as u64,
            meanings: self.meanings as u64,
            evicted: self.evicted,
            refused: self.admission.refused,
            rows_per_alarm: self.rows_per_alarm(),
            skipped: self.skipped().map(|(name, why)| (Arc::clone(name), why)).chain(self.never_came()).collect(),
        }
    }

    /// Series that the configuration names, and that no record had.
    fn never_came(&self) -> impl Iterator<Item = (Arc<str>, &'static str)> {
        let named = self.admission.options.named.iter().zip(&self.admission.came);
        named.filter(|(_, came)| !came.get()).map(|(named, _)| (named.name.as_str().into(), NEVER))
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
        if !keys.contains_key(&record.key) {
            keys.insert(Arc::clone(&record.key), Key::default());
        }
        let Some(key) = keys.get_mut(&record.key) else { return Ok(()) };
        key.last = record.seq;
        key.records += 1;
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
mod tests;
