//! A time in columns: latency, records, violations and the values of a series.

use std::sync::atomic::AtomicBool;

use jiff::Timestamp;

use super::{Cancelled, go_on};
use crate::history::{Row, View};
use crate::stats::summary::{Percentiles, Spans};
use crate::stats::welford::Welford;

/// Counted ones in a ms: latencies are counted in tenths, as the latency that is kept ready is.
const PER_MS: f64 = 10.0;

/// A time, its end not among it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its start.
    pub from: Timestamp,
    /// The first moment after it.
    pub to: Timestamp,
}

impl Window {
    /// The column of so many that a time falls into; `None` outside.
    fn column(self, at: Timestamp, columns: usize) -> Option<usize> {
        let (from, to, at) = (self.from.as_nanosecond(), self.to.as_nanosecond(), at.as_nanosecond());
        (from..to).contains(&at).then(|| ((at - from) * columns as i128 / (to - from)) as usize)
    }
}

/// What was in a time, by columns of equal width.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// The time.
    pub window: Window,
    /// The agents' latency, ms, one a column; `None` is a gap.
    pub latency: Vec<Option<Percentiles>>,
    /// The same over all of it.
    pub total_ms: Option<Percentiles>,
    /// Records, one a column.
    pub records: Vec<u64>,
    /// Records with a violation that fires, one a column.
    pub violations: Vec<u64>,
    /// Mean of the series' values, one a column; `None` is a gap.
    pub series: Vec<Option<f64>>,
    /// Records in all of it.
    pub n: u64,
}

/// What one column gathers.
#[derive(Clone, Default)]
struct Column {
    latency: Spans<u32>,
    records: u64,
    violations: u64,
    series: Welford,
}

/// What was in a time, of all records or of those of one key. The series, by key and name, is of its own key whatever
/// the records are narrowed to.
///
/// A record without a time has that of the one before it. There is at least one column.
///
/// # Errors
/// When `cancel` is set meanwhile.
pub fn chart(
    view: &View,
    window: Window,
    columns: usize,
    key: Option<&str>,
    series: Option<(&str, &str)>,
    cancel: &AtomicBool,
) -> Result<Chart, Cancelled> {
    let mut made = vec![Column::default(); columns.max(1)];
    let mut time = None;
    // Late records stand among newer ones: no row can be left out by where it stands.
    for (index, row) in view.rows().enumerate() {
        go_on(index, cancel)?;
        time = row.verdict.ts.or(time);
        let place = time.and_then(|at| window.column(at, made.len()));
        let Some(column) = place.and_then(|place| made.get_mut(place)) else { continue };
        if key.is_none_or(|key| *row.verdict.key == *key) {
            column.add(row);
        }
        if let Some(value) = series.and_then(|series| value(row, series)) {
            column.series.push(value);
        }
    }
    let mut all = Spans::<u32>::default();
    made.iter().for_each(|column| all.merge(&column.latency));
    Ok(Chart {
        window,
        latency: made.iter().map(|column| column.latency.percentiles(PER_MS)).collect(),
        total_ms: all.percentiles(PER_MS),
        records: made.iter().map(|column| column.records).collect(),
        violations: made.iter().map(|column| column.violations).collect(),
        series: made.iter().map(|column| (column.series.count() > 0).then(|| column.series.mean())).collect(),
        n: made.iter().map(|column| column.records).sum(),
    })
}

impl Column {
    fn add(&mut self, row: &Row) {
        self.records += 1;
        self.violations += u64::from(row.verdict.worst().is_some());
        if let Some(ms) = row.record.latency_ms.filter(|ms| *ms >= 0.0) {
            self.latency.add((ms * PER_MS) as u64);
        }
    }
}

/// What a row says of the series with this key and name.
fn value(row: &Row, (key, name): (&str, &str)) -> Option<f64> {
    if *row.verdict.key != *key {
        return None;
    }
    row.verdict.drift.iter().find(|report| *report.series == *name).map(|report| report.value)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, breach, report, row};
    use super::*;
    use crate::verdict::ViolationState;

    fn view() -> View {
        let rows = (0..10).map(|n| {
            let line = format!(r#"{{"model":"m{}","latency_ms":{}}}"#, n % 2, 10 * n);
            row(n, &line, |verdict| {
                let state = if n == 5 { ViolationState::Firing } else { ViolationState::Shadow };
                verdict.violations.push(breach("r", state));
                verdict.drift.push(report("x", if n == 3 { f64::NAN } else { n as f64 }));
                if n == 9 {
                    verdict.ts = None;
                }
            })
        });
        View::default().with(rows.collect())
    }

    #[test]
    fn every_record_of_the_window_is_in_one_column() {
        let window = Window { from: at(2), to: at(9) };
        let found = chart(&view(), window, 7, None, None, &AtomicBool::new(false)).unwrap();
        // The last has no time: it counts at that of the one before.
        assert_eq!((found.n, &*found.records), (8, &[1, 1, 1, 1, 1, 1, 2][..]));
        assert_eq!(found.violations, [0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(found.latency[0].map(|p| (p.p50, p.n)), Some((20.0, 1)));
        assert_eq!(found.total_ms.map(|p| p.n), Some(8));
        assert!(found.series.iter().all(Option::is_none));
    }

    #[test]
    fn the_series_is_of_its_own_key_and_missing_is_a_gap() {
        let window = Window { from: at(0), to: at(8) };
        let go = AtomicBool::new(false);
        let found = chart(&view(), window, 4, Some("m0"), Some(("m1", "x")), &go).unwrap();
        assert_eq!(found.records, [1, 1, 1, 1]);
        assert_eq!(found.series, [Some(1.0), None, Some(5.0), Some(7.0)]);
    }

    #[test]
    fn no_time_and_no_patience() {
        let none = Window { from: at(5), to: at(5) };
        let found = chart(&view(), none, 0, None, None, &AtomicBool::new(false)).unwrap();
        assert_eq!((found.n, found.records.len()), (0, 1));
        assert_eq!(chart(&view(), none, 1, None, None, &AtomicBool::new(true)), Err(Cancelled));
    }
}
