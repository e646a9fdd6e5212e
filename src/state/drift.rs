//! The series: their recent values, baselines and states; which of them to show large.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::history::Row;
use crate::humanize;
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
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Series {
    /// Whose.
    pub key: Arc<str>,
    /// Which.
    pub name: Arc<str>,
    /// Recent values, in the series' unit, with the records they are of.
    pub values: Ring<(Seq, f64)>,
    /// The newest report.
    pub report: DriftReport,
    weight: f64,
    last: Seq,
}

/// Rows below which a series is too young to claim the large place: its first deviations are those of a handful of rows.
const YOUNG: usize = 20;

impl Series {
    /// Where among the values the present drift began; before all of them, the first.
    pub fn onset(&self) -> Option<usize> {
        let onset = self.report.onset?;
        Some(self.values.iter().position(|(seq, _)| *seq >= onset).unwrap_or(self.values.len().saturating_sub(1)))
    }

    fn id(&self) -> (Arc<str>, Arc<str>) {
        (Arc::clone(&self.key), Arc::clone(&self.name))
    }

    /// Which comes first on the screen.
    fn before(&self, other: &Self) -> Ordering {
        let claims = other.claim().total_cmp(&self.claim());
        claims
            .then_with(|| rank(&self.name).cmp(&rank(&other.name)))
            .then_with(|| (&self.key, &self.name).cmp(&(&other.key, &other.name)))
    }

    fn claim(&self) -> f64 {
        if self.values.len() < YOUNG { 0.0 } else { self.weight }
    }
}

/// Series by key and name.
type ByName = HashMap<(Arc<str>, Arc<str>), Series>;

/// All series.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct DriftBoard {
    #[serde(serialize_with = "in_order", deserialize_with = "by_name")]
    by_name: ByName,
    /// In the order of the screen: what drifts most first.
    #[serde(skip)]
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
        let drifting = row.verdict.drift.iter().filter(|report| is_news(report.state));
        drifting
            .max_by(|a, b| (a.alarm, in_spreads(a)).partial_cmp(&(b.alarm, in_spreads(b))).unwrap_or(Ordering::Equal))
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
            weight: 0.0,
            last: seq,
        });
        if report.value.is_finite() {
            series.values.push((seq, report.value));
        }
        series.last = seq;
        let alarm = is_news(report.state);
        series.weight += WEIGHT_RATE * (f64::from(u8::from(alarm)) - series.weight);
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

    /// Decides which series to show large. It depends on which was shown before, so on how often this is asked.
    pub fn settle(&mut self) {
        let best = self.by_name.values().min_by(|a, b| a.before(b));
        let held = self.shown.as_ref().and_then(|id| self.by_name.get(id)).map(Series::claim);
        if held.is_none_or(|held| best.is_some_and(|best| best.claim() > held + MARGIN)) {
            self.shown = best.map(Series::id);
        }
    }

    /// Puts the series in order.
    pub fn arrange(&mut self) {
        let mut order: Vec<&Series> = self.by_name.values().collect();
        order.sort_by(|a, b| a.before(b));
        self.order = order.into_iter().map(Series::id).collect();
    }

    /// The series to show large; before it was decided for the first time, the first.
    pub fn shown(&self) -> Option<&Series> {
        self.shown.as_ref().and_then(|id| self.by_name.get(id)).or_else(|| self.iter().next())
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

/// Writes the series by their names: equal boards are equal bytes.
fn in_order<S: Serializer>(series: &ByName, to: S) -> Result<S::Ok, S::Error> {
    let mut series: Vec<&Series> = series.values().collect();
    series.sort_by(|a, b| (&a.key, &a.name).cmp(&(&b.key, &b.name)));
    to.collect_seq(series)
}

fn by_name<'de, D: Deserializer<'de>>(from: D) -> Result<ByName, D::Error> {
    let series = Vec::<Series>::deserialize(from)?;
    if series.len() > MOST {
        return Err(de::Error::invalid_length(series.len(), &"fewer series"));
    }
    Ok(series.into_iter().map(|series| (series.id(), series)).collect())
}

/// Whether a state is one that an operator is told of.
pub fn is_news(state: DriftState) -> bool {
    matches!(state, DriftState::Drift | DriftState::Stuck)
}

/// Deviations beyond which a number says no more.
pub const MOST_SIGMA: f64 = 999.0;

/// Size of a drift in deviations of what was before it.
pub fn in_spreads(report: &DriftReport) -> f64 {
    match (report.size, report.spread) {
        (Some(size), Some(spread)) if spread > 0.0 => (size / spread).abs(),
        _ => 0.0,
    }
}

/// A drift as an alert tells it: `latency_ms up 310 (2.4 σ)`.
pub fn in_words(report: &DriftReport) -> String {
    if report.state == DriftState::Stuck {
        return format!("{} is stuck at {}", report.series, humanize::short(report.value));
    }
    let Some(size) = report.size else { return format!("{}: {}", report.series, changed(report.direction())) };
    let sigma = in_spreads(report);
    let sigma = match sigma {
        none if none <= 0.0 => String::new(),
        // What was all but constant moves by any number of deviations.
        many if many > MOST_SIGMA => format!(" (over {MOST_SIGMA:.0} σ)"),
        sigma => format!(" ({sigma:.1} σ)"),
    };
    format!("{} {} by {}{sigma}", report.series, report.direction(), humanize::short(size.abs()))
}

fn changed(direction: &str) -> &str {
    if direction == "shape" { "its distribution has another shape" } else { direction }
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
