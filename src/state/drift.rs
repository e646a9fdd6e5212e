//! The series: their recent values, baselines and states; which of them to show large.

use std::collections::HashMap;
use std::sync::Arc;

use crate::history::Row;
use crate::record::Seq;
use crate::stats::ring::Ring;
use crate::verdict::{DriftReport, DriftState};

/// Values that are kept of a series.
pub const VALUES: usize = 240;

/// Series that are kept; past it a quarter goes, the calm ones that were not seen for longest first.
const MOST: usize = 1_024;

/// How fast the weight of a series follows its alarms: over about ten rows.
const WEIGHT_RATE: f64 = 0.1;

/// Weight below which a series counts as calm again.
const CALM: f64 = 0.01;

/// Another series is shown large when its weight is higher by this: the eye needs rest.
const MARGIN: f64 = 0.15;

/// A series of a key.
#[derive(Debug, Clone)]
pub struct Series {
    /// Whose.
    pub key: Arc<str>,
    /// Which.
    pub name: Arc<str>,
    /// Recent values, in the series' unit.
    pub values: Ring<f64>,
    /// The newest report.
    pub report: DriftReport,
    /// Where among `values` the present drift began, counted from the newest.
    pub onset_age: Option<usize>,
    weight: f64,
    last: Seq,
}

/// Rows below which a series is too young to claim the large place: its first deviations are those of a handful of rows.
const YOUNG: usize = 20;

impl Series {
    fn claim(&self) -> f64 {
        if self.values.len() < YOUNG { 0.0 } else { self.weight }
    }
}

/// All series.
#[derive(Debug, Clone, Default)]
pub struct DriftBoard {
    by_name: HashMap<(Arc<str>, Arc<str>), Series>,
    /// In the order of the screen: what drifts most first.
    pub order: Vec<(Arc<str>, Arc<str>)>,
    shown: Option<(Arc<str>, Arc<str>)>,
}

impl DriftBoard {
    /// Takes a record's reports in. The series of this record that is in drift, if one is.
    pub fn add<'a>(&mut self, row: &'a Row) -> Option<&'a DriftReport> {
        let key = &row.verdict.key;
        for report in &row.verdict.drift {
            self.report(key, row.verdict.seq, report);
        }
        let drifting = row.verdict.drift.iter().filter(|report| report.state == DriftState::Drift);
        drifting.max_by(|a, b| a.score.total_cmp(&b.score))
    }

    fn report(&mut self, key: &Arc<str>, seq: Seq, report: &DriftReport) {
        let id = (Arc::clone(key), Arc::clone(&report.series));
        if self.by_name.len() >= MOST && !self.by_name.contains_key(&id) {
            self.evict();
        }
        let series = self.by_name.entry(id).or_insert_with(|| Series {
            key: Arc::clone(key),
            name: Arc::clone(&report.series),
            values: Ring::new(VALUES),
            report: report.clone(),
            onset_age: None,
            weight: 0.0,
            last: seq,
        });
        series.values.push(report.value);
        series.last = seq;
        let alarm = report.state == DriftState::Drift;
        series.weight += WEIGHT_RATE * (f64::from(u8::from(alarm)) - series.weight);
        series.onset_age = match (series.onset_age, alarm) {
            (Some(age), _) if age + 1 < VALUES => Some(age + 1),
            (None, true) => Some(0),
            _ => None,
        };
        if series.weight < CALM {
            series.onset_age = None;
        }
        series.report = report.clone();
    }

    /// Makes room by a quarter at once, so that a flood of series costs each of them a constant.
    fn evict(&mut self) {
        let rank = |series: &Series| (series.weight >= CALM, series.last);
        let mut ranks: Vec<(bool, Seq)> = self.by_name.values().map(rank).collect();
        let (_, limit, _) = ranks.select_nth_unstable(MOST / 4);
        let limit = *limit;
        self.by_name.retain(|_, series| rank(series) > limit);
    }

    /// Puts the series in order and decides which to show large.
    pub fn refresh(&mut self) {
        let mut order: Vec<&Series> = self.by_name.values().collect();
        order.sort_by(|a, b| {
            b.claim()
                .total_cmp(&a.claim())
                .then_with(|| rank(&a.name).cmp(&rank(&b.name)))
                .then_with(|| (&a.key, &a.name).cmp(&(&b.key, &b.name)))
        });
        let weight = |id: &(Arc<str>, Arc<str>)| self.by_name.get(id).map(Series::claim);
        let first = order.first().map(|s| (Arc::clone(&s.key), Arc::clone(&s.name)));
        let held = self.shown.as_ref().and_then(weight);
        let best = first.as_ref().and_then(weight);
        self.order = order.into_iter().map(|s| (Arc::clone(&s.key), Arc::clone(&s.name))).collect();
        if held.is_none_or(|held| best.is_some_and(|best| best > held + MARGIN)) {
            self.shown = first;
        }
    }

    /// The series to show large.
    pub fn shown(&self) -> Option<&Series> {
        self.by_name.get(self.shown.as_ref()?)
    }

    /// In the order of the screen.
    pub fn iter(&self) -> impl Iterator<Item = &Series> {
        self.order.iter().filter_map(|id| self.by_name.get(id))
    }

    /// Number of series.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether no series was seen.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}

/// What an operator asks for first, among series that are equally calm.
fn rank(series: &str) -> u8 {
    match series {
        "divergence.risk" => 0,
        "latency_ms" => 1,
        "divergence.semantic" => 3,
        _ => 2,
    }
}
