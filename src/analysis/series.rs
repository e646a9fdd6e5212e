//! What became of a series: its values before a drift against those since, and the records that show it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;

use super::{Cancelled, go_on};
use crate::history::View;
use crate::record::Seq;
use crate::stats::ring::quantile;
use crate::stats::welford::Welford;
use crate::verdict::{Direction, DriftReport, DriftState, Moved};

/// The newest values that are held against the others while nothing has drifted; at most half of all.
const NOW: usize = 200;

/// Most bins of the histograms.
const BINS: usize = 20;

/// Share of the values at either end that do not stretch the histograms: they are counted in the outermost bins.
const TAIL: f64 = 0.005;

/// Whole numbers beyond this are taken as any others: halves between them would be lost.
const WHOLE: f64 = 1e15;

/// Records shown of what is gone, and of what came.
const MOVED: usize = 8;

/// What became of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesReport {
    /// Whose it is.
    pub key: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its values before the onset; without a drift, all but the newest.
    pub before: Part,
    /// Those since.
    pub now: Part,
    /// Bounds of the bins of both parts: one more than there are bins; none without values.
    pub edges: Vec<f64>,
    /// First record of the present drift, and its time if it is still kept.
    pub onset: Option<(Seq, Option<Timestamp>)>,
    /// Records at which it was known to have changed.
    pub alarms: Vec<(Seq, Option<Timestamp>)>,
    /// Records that show the drift.
    pub moved: Option<Arc<Moved>>,
}

/// Some values of a series, in its unit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Part {
    /// How many.
    pub n: u64,
    /// Their mean.
    pub mean: Option<f64>,
    /// Their deviation (n − 1); `None` below two.
    pub sd: Option<f64>,
    /// Their median.
    pub p50: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// Event time of the earliest and of the latest.
    pub span: Option<(Timestamp, Timestamp)>,
    /// How many in each bin.
    pub bins: Vec<u64>,
}

/// One value.
struct Value {
    seq: Seq,
    at: Option<Timestamp>,
    value: f64,
}

/// What became of a series.
///
/// # Errors
/// When `cancel` is set meanwhile.
pub fn series(view: &View, key: &str, name: &str, cancel: &AtomicBool) -> Result<SeriesReport, Cancelled> {
    let (mut values, mut alarms) = (Vec::new(), Vec::new());
    let (mut newest, mut told) = (None, None);
    for (index, row) in view.rows().enumerate() {
        go_on(index, cancel)?;
        if *row.verdict.key != *key {
            continue;
        }
        let Some(report) = row.verdict.drift.iter().find(|report| *report.series == *name) else { continue };
        let (seq, at) = (row.verdict.seq, row.verdict.ts);
        if report.alarm {
            alarms.push((seq, at));
        }
        if let Some(moved) = &report.moved {
            told = Some((seq, moved));
        }
        // A record without the series says nothing of the drift it may be in.
        if !matches!(report.state, DriftState::Missing | DriftState::NoData) {
            newest = Some(report);
        }
        if report.value.is_finite() {
            values.push(Value { seq, at, value: report.value });
        }
    }
    let onset = newest.and_then(|report| report.onset);
    let (before, now) = values.split_at(match onset {
        Some(onset) => values.partition_point(|value| value.seq < onset),
        None => values.len() - NOW.min(values.len() / 2),
    });
    let told = told.filter(|(seq, _)| onset.is_some_and(|onset| *seq >= onset)).map(|(_, moved)| Arc::clone(moved));
    let made = || moved(onset.and(newest)?, before, now);
    let edges = edges(&values.iter().map(|value| value.value).collect::<Vec<_>>());
    Ok(SeriesReport {
        key: key.into(),
        name: name.into(),
        before: part(before, &edges),
        now: part(now, &edges),
        edges,
        onset: onset.map(|onset| (onset, time_of(view, onset))),
        alarms,
        moved: told.or_else(made),
    })
}

fn time_of(view: &View, seq: Seq) -> Option<Timestamp> {
    view.get(view.position(seq)).filter(|row| row.verdict.seq == seq)?.verdict.ts
}

fn part(values: &[Value], edges: &[f64]) -> Part {
    let mut moments = Welford::default();
    values.iter().for_each(|value| moments.push(value.value));
    let at = |q| quantile(values.iter().map(|value| value.value), q);
    let times = || values.iter().filter_map(|value| value.at);
    let mut bins = Vec::new();
    if let [_, inner @ .., _] = edges {
        bins.resize(inner.len() + 1, 0);
        for value in values {
            // What lies outside is in the outermost.
            bins[inner.partition_point(|edge| *edge <= value.value)] += 1;
        }
    }
    Part {
        n: values.len() as u64,
        mean: (moments.count() > 0).then(|| moments.mean()),
        sd: (moments.count() > 1).then(|| moments.deviation()),
        p50: at(0.5),
        p95: at(0.95),
        span: times().min().zip(times().max()),
        bins,
    }
}

/// Bounds of bins for these values.
fn edges(values: &[f64]) -> Vec<f64> {
    let at = |q| quantile(values.iter().copied(), q);
    let Some((mut low, mut high)) = at(TAIL).zip(at(1.0 - TAIL)) else { return Vec::new() };
    if low == high {
        // Nearly all are the same: the few others are worth a look.
        (low, high) = (at(0.0).unwrap_or(low), at(1.0).unwrap_or(high));
    }
    if values.iter().all(|value| value.fract() == 0.0 && value.abs() <= WHOLE) {
        // As many whole numbers in each bin, or some would look rare that are not.
        let count = high - low + 1.0;
        let width = (count / BINS as f64).ceil();
        let bins = (count / width).ceil() as usize;
        return (0..=bins).map(|at| low - 0.5 + at as f64 * width).collect();
    }
    if low == high {
        let half = low.abs() / 2.0;
        return vec![(low - half).max(f64::MIN), (low + half).min(f64::MAX)];
    }
    let share = |at: usize| at as f64 / BINS as f64;
    (0..=BINS).map(|at| low * (1.0 - share(at)) + high * share(at)).collect()
}

/// Records that show a drift: those since its onset that went farthest, and those before that were the most usual.
fn moved(report: &DriftReport, before: &[Value], since: &[Value]) -> Option<Arc<Moved>> {
    // What was before may not be kept any more.
    let centre = quantile(before.iter().map(|value| value.value), 0.5).or(report.baseline)?;
    let from_centre = |value: &Value| (value.value - centre).abs();
    let far = |value: &Value| match report.direction {
        Some(Direction::Up) => value.value - centre,
        Some(Direction::Down) => centre - value.value,
        Some(Direction::Narrower) => -from_centre(value),
        Some(Direction::Wider | Direction::Shape) | None => from_centre(value),
    };
    Some(Arc::new(Moved { before: most(before, |value| -from_centre(value)), after: most(since, far) }))
}

/// The few values with the most of something, in order; of equal ones the newest.
fn most(values: &[Value], of: impl Fn(&Value) -> f64) -> Vec<Seq> {
    let mut found: Vec<&Value> = values.iter().collect();
    if found.len() > MOVED {
        found.select_nth_unstable_by(MOVED, |a, b| of(b).total_cmp(&of(a)).then(b.seq.cmp(&a.seq)));
        found.truncate(MOVED);
    }
    let mut seqs: Vec<Seq> = found.into_iter().map(|value| value.seq).collect();
    seqs.sort_unstable();
    seqs
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, report, row};
    use super::*;

    /// Ten values around 0, then as many that rise from 5; the alarm three records after the onset.
    fn drifted(moved: Option<Moved>) -> View {
        let moved = moved.map(Arc::new);
        let rows = (0..20u64).map(|n| {
            row(n, r#"{"model":"m"}"#, |verdict| {
                let value = if n < 10 { n as f64 / 10.0 - 0.5 } else { n as f64 - 5.0 };
                let mut said = report("x", value);
                if n >= 13 {
                    (said.state, said.onset, said.direction) = (DriftState::Drift, Some(Seq(10)), Some(Direction::Up));
                }
                if n == 13 {
                    (said.alarm, said.moved) = (true, moved.clone());
                }
                verdict.drift.push(said);
            })
        });
        let absent = row(20, r#"{"model":"m"}"#, |verdict| {
            verdict.drift.push(DriftReport::absent("x".into(), DriftState::Missing));
        });
        View::default().with(rows.chain([absent]).collect())
    }

    fn found(view: &View) -> SeriesReport {
        series(view, "m", "x", &AtomicBool::new(false)).unwrap()
    }

    #[test]
    fn the_onset_parts_what_was_from_what_is() {
        let found = found(&drifted(None));
        assert_eq!((found.before.n, found.now.n), (10, 10));
        assert_eq!(found.onset, Some((Seq(10), Some(at(10)))));
        assert_eq!(found.alarms, [(Seq(13), Some(at(13)))]);
        assert_eq!(found.now.mean, Some(9.5));
        assert_eq!(found.before.span, Some((at(0), at(9))));
        assert_eq!(found.edges.len(), BINS + 1);
        assert_eq!([&found.before, &found.now].map(|part| part.bins.iter().sum::<u64>()), [10, 10]);
        let moved = found.moved.unwrap();
        assert_eq!(moved.after, (12..20).map(Seq).collect::<Vec<_>>());
        assert_eq!(moved.before, (2..10).map(Seq).collect::<Vec<_>>());
    }

    #[test]
    fn what_the_engine_tells_of_the_records_is_taken() {
        let told = Moved { before: vec![Seq(1)], after: vec![Seq(11)] };
        assert_eq!(found(&drifted(Some(told.clone()))).moved.as_deref(), Some(&told));
    }

    #[test]
    fn without_a_drift_the_newest_are_held_against_the_others() {
        let of = |rows: u64| {
            let rows = (0..rows).map(|n| row(n, r#"{"model":"m"}"#, |verdict| verdict.drift.push(report("x", 1.0))));
            found(&View::default().with(rows.collect()))
        };
        assert_eq!([of(9).before.n, of(9).now.n], [5, 4]);
        let many = of(1_000);
        assert_eq!((many.before.n, many.now.n, many.moved), (800, 200, None));
        assert_eq!((many.edges, many.now.bins, many.now.sd), (vec![0.5, 1.5], vec![200], Some(0.0)));
        assert_eq!(of(0).before, Part::default());
    }

    #[test]
    fn bins_do_not_lie() {
        let whole: Vec<f64> = (0..300).map(|n| f64::from(n % 3)).collect();
        assert_eq!(edges(&whole), [-0.5, 0.5, 1.5, 2.5]);
        // 41 numbers: three to a bin.
        let wide: Vec<f64> = (0..41).map(f64::from).collect();
        assert!(edges(&wide).windows(2).all(|pair| pair[1] - pair[0] == 3.0));
        assert_eq!(edges(&[0.25; 9]), [0.125, 0.375]);
        // An outlier does not stretch the others together.
        let mut skewed: Vec<f64> = (0..999).map(|n| f64::from(n) / 1e3).collect();
        skewed.push(1e9);
        assert!(edges(&skewed).last().is_some_and(|edge| *edge < 1.0));
        assert!(edges(&[]).is_empty());
    }

    #[test]
    fn it_stops_when_nobody_waits() {
        assert_eq!(series(&drifted(None), "m", "x", &AtomicBool::new(true)), Err(Cancelled));
    }
}
