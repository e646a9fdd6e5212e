//! From an operator's budget of false alarms to thresholds.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Rows of one series per false alarm → thresholds of level, spread, rates and shape. Level, spread and shape take a
/// sixth of the budget each, rates a third; the other half is left for rows that are less well-behaved. Found by
/// simulation (`cargo bench --bench drift -- thresholds` makes it anew and compares): levels and spreads on independent
/// Gaussian rows, rates on 0/1 rows with 5 % of ones, series of 5,000 rows from their warm-up on.
const TABLE: [(f64, [f32; 4]); 4] = [
    (1e3, [15.4, 13.7, 12.0, 2.2]),
    (1e4, [20.4, 18.8, 18.2, 4.5]),
    (1e5, [25.3, 23.9, 24.3, 6.7]),
    (1e6, [30.3, 29.0, 30.5, 8.9]),
];

/// Thresholds of the layers for one series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Rows of the series per false alarm.
    pub rows: f64,
    /// Of the likelihood ratio of a change of level.
    pub level: f32,
    /// Of the likelihood ratio of a change of spread.
    pub spread: f32,
    /// Of the likelihood ratio of a change of a rate.
    pub rates: f32,
    /// Of the shape: see [`super::shape::Shape::ratio`].
    pub shape: f32,
}

impl Thresholds {
    /// For a number of rows per false alarm; between the lines of the table, and past them, straight in its logarithm.
    pub fn new(rows: f64) -> Self {
        let rows = if rows.is_finite() { rows.clamp(100.0, 1e15) } else { 1e4 };
        let above = TABLE.iter().position(|(known, _)| *known >= rows).unwrap_or(TABLE.len() - 1).max(1);
        let ((low, a), (high, b)) = (TABLE[above - 1], TABLE[above]);
        let part = ((rows / low).ln() / (high / low).ln()) as f32;
        let at = |k: usize| (a[k] + (b[k] - a[k]) * part).max(1.0);
        Self { rows, level: at(0), spread: at(1), rates: at(2), shape: at(3) }
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self::new(1e4)
    }
}

/// How many false alarms are put up with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FalseAlarms {
    /// One in so many rows of a series.
    Rows(f64),
    /// So many in a span of time, over all series together.
    Time {
        /// How many.
        count: f64,
        /// In how long, ms.
        period: f64,
        /// Its name.
        unit: &'static str,
    },
}

/// Spans of time that a budget can be given for, ms.
const UNITS: [(&str, f64); 4] = [("hour", 3.6e6), ("day", 8.64e7), ("week", 6.048e8), ("month", 2.592e9)];

impl FalseAlarms {
    /// One a week, over all series.
    pub const DEFAULT: Self = Self::Time { count: 1.0, period: 6.048e8, unit: "week" };
}

impl FromStr for FalseAlarms {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("expected `1/week` (hour, day, week, month) or `1/10000` (rows of a series), found `{text}`");
        let (count, per) = text.split_once('/').ok_or_else(wrong)?;
        let count: f64 = count.trim().parse().map_err(|_| wrong())?;
        if !(count.is_finite() && count > 0.0) {
            return Err(wrong());
        }
        let per = per.trim();
        if let Some((unit, period)) = UNITS.into_iter().find(|(unit, _)| *unit == per) {
            return Ok(Self::Time { count, period, unit });
        }
        let rows: f64 = per.trim_end_matches("rows").trim().parse().map_err(|_| wrong())?;
        let rows = rows / count;
        if (100.0..=1e15).contains(&rows) {
            Ok(Self::Rows(rows))
        } else {
            Err(format!("`{text}`: at most one false alarm in 100 rows, and at least one in 1e15"))
        }
    }
}

impl fmt::Display for FalseAlarms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(rows) => write!(f, "1/{rows}"),
            Self::Time { count, unit, .. } => write!(f, "{count}/{unit}"),
        }
    }
}

/// Longest time without a row that counts as time in which rows might have come, ms.
const GAP: f64 = 600_000.0;

/// Time after which a rate is believed, ms.
const KNOWN: f64 = 60_000.0;

/// Records in a row that must be behind before the clock is believed to have gone back.
const BEHIND: u32 = 100;

/// Rows per false alarm while the rate is not known.
const UNKNOWN: f64 = 1e5;

/// How many rows all series together get in a time, by event time.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Rate {
    rows: f64,
    elapsed: f64,
    latest: Option<i64>,
    /// Records in a row that came from long before the latest.
    behind: u32,
}

impl Rate {
    /// Takes the rows of one record. `at`: Unix ms.
    pub fn observe(&mut self, at: Option<i64>, rows: usize) {
        let Some(at) = at else { return };
        let latest = *self.latest.get_or_insert(at);
        let ahead = at as f64 - latest as f64;
        self.behind = if ahead < -GAP { self.behind + 1 } else { 0 };
        if self.behind >= BEHIND {
            (self.latest, self.behind) = (Some(at), 0);
        } else if ahead > 0.0 {
            self.elapsed += ahead.min(GAP);
            self.latest = Some(at);
        }
        self.rows += rows as f64;
        // Of about the last day.
        if self.elapsed > 2.0 * 8.64e7 {
            (self.rows, self.elapsed) = (self.rows / 2.0, self.elapsed / 2.0);
        }
    }

    /// Rows of one series per false alarm, so that all series together keep to a budget: every row has the same share.
    pub fn rows_per_alarm(&self, budget: FalseAlarms) -> f64 {
        match budget {
            FalseAlarms::Rows(rows) => rows,
            FalseAlarms::Time { .. } if self.elapsed < KNOWN => UNKNOWN,
            FalseAlarms::Time { count, period, .. } => (self.rows / self.elapsed * period / count).clamp(1e3, 1e12),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_read_and_written() {
        for text in ["1/week", "2/day", "1/10000"] {
            assert_eq!(text.parse::<FalseAlarms>().unwrap().to_string(), text);
        }
        assert_eq!("1/week".parse(), Ok(FalseAlarms::DEFAULT));
        assert_eq!("2 / 10000 rows".parse(), Ok(FalseAlarms::Rows(5_000.0)));
        for wrong in ["", "1", "0/week", "1/fortnight", "1/5", "-1/1000", "1/inf", "nan/day"] {
            assert!(wrong.parse::<FalseAlarms>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_tighter_budget_has_higher_thresholds() {
        let known: Vec<Thresholds> = (3..12).map(|power| Thresholds::new(10f64.powi(power))).collect();
        for pair in known.windows(2) {
            assert!(pair[0].level < pair[1].level && pair[0].spread < pair[1].spread);
            assert!(pair[0].rates < pair[1].rates && pair[0].shape < pair[1].shape);
        }
        assert_eq!(Thresholds::new(f64::NAN), Thresholds::default());
    }

    #[test]
    fn the_rate_divides_the_budget() {
        let mut rate = Rate::default();
        assert_eq!(rate.rows_per_alarm(FalseAlarms::DEFAULT), UNKNOWN);
        for second in 0..3_600 {
            rate.observe(Some(second * 1_000), 2);
        }
        // 604,800 seconds a week, two rows each.
        let rows = rate.rows_per_alarm(FalseAlarms::DEFAULT);
        assert!((rows / 1_209_600.0 - 1.0).abs() < 0.01, "{rows}");
        // A clock that goes back, or leaps a year, changes little.
        rate.observe(Some(0), 2);
        rate.observe(Some(31_536_000_000), 2);
        assert!(rate.rows_per_alarm(FalseAlarms::DEFAULT) > 1_000_000.0);
        assert_eq!(rate.rows_per_alarm(FalseAlarms::Rows(7e3)), 7e3);
    }
}
