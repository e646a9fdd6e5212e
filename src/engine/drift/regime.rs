//! One regime: the rows since the last change, and everything that is known of them.

use serde::{Deserialize, Serialize};

use super::budget::Thresholds;
use super::long_run::LongRun;
use super::recent::Recent;
use super::reference::{self, Reference};
use super::scan::{Change, Histogram};
use super::shape::{AGE, Shape};
use crate::record::Seq;

/// Rows between two looks at the location, and at the spread.
const EVERY: u32 = 16;

/// What of a regime has changed most, if anything has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding {
    /// Which layer found it.
    pub what: What,
    /// Part of the threshold.
    pub ratio: f32,
    /// Where, and by how much.
    pub change: Change,
}

/// Layers that compare with a regime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// Mean of the normal scores.
    Level,
    /// Mean of the folded normal scores.
    Spread,
    /// Tenths.
    Shape,
    /// Rows above the most frequent value.
    Above,
    /// Rows below the most frequent value.
    Below,
}

/// A regime.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Regime {
    reference: Reference,
    histogram: Histogram,
    long_run: LongRun,
    shape: Shape,
    taken: u32,
    /// Rows it began with.
    begun: u32,
    baseline: f64,
    /// How far values other than the most frequent one are from it, where one is most frequent.
    step: f64,
}

impl Regime {
    /// The regime of some rows. `earlier`: what is known of how rows depend on each other.
    pub fn new(rows: &Recent, earlier: LongRun) -> Self {
        let mut values: Vec<f64> = rows.iter().collect();
        let mut regime = Self {
            reference: Reference::new(&mut values),
            histogram: Histogram::default(),
            long_run: earlier,
            shape: Shape::default(),
            taken: 0,
            begun: u32::try_from(rows.len()).unwrap_or(u32::MAX),
            baseline: 0.0,
            step: 0.0,
        };
        regime.learn_step(rows);
        for (seq, value) in rows.with_seqs() {
            regime.feed(seq, value);
        }
        regime.locate();
        regime
    }

    /// Takes a row.
    pub fn feed(&mut self, seq: Seq, value: f64) {
        let row = self.reference.statistics(value);
        self.histogram.push(seq.0, row);
        self.long_run.push(row);
        if !self.reference.tied {
            self.shape.push(row[0]);
        }
        self.taken = self.taken.wrapping_add(1);
        if self.taken.is_multiple_of(EVERY) {
            self.locate();
        }
    }

    /// Rows that are remembered.
    pub fn rows(&self) -> f64 {
        self.histogram.rows()
    }

    /// Whether a change lies within the rows that the regime began with.
    pub fn began_before(&self, change: &Change) -> bool {
        change.rows > self.taken.saturating_sub(self.begun) as f32
    }

    /// Location, in the series' unit.
    pub fn baseline(&self) -> f64 {
        self.baseline
    }

    /// Deviation, in the series' unit.
    pub fn spread(&self) -> f64 {
        self.reference.spread
    }

    /// Normal score of a value; `None` where rows are tied.
    pub fn score(&self, value: f64) -> Option<f32> {
        (!self.reference.tied).then(|| self.reference.score(value))
    }

    /// What the next regime is to know of how rows depend on each other.
    pub fn dependence(&self) -> LongRun {
        self.long_run.next()
    }

    fn locate(&mut self) {
        self.baseline = if self.reference.tied {
            self.reference.centre + self.step * (self.histogram.mean(0) - self.histogram.mean(1))
        } else {
            self.reference.value(self.histogram.mean(0))
        };
        self.baseline = self.baseline.clamp(f64::MIN, f64::MAX);
    }

    fn learn_step(&mut self, rows: &Recent) {
        if self.reference.tied {
            let others = rows.iter().filter(|value| self.reference.side(*value) != 0);
            let mut distances: Vec<f64> =
                others.map(|value| (value - self.reference.centre).abs().min(f64::MAX)).collect();
            self.step = reference::median(&mut distances);
        }
    }

    /// Whether it is time to look for a change.
    pub fn is_due(&self) -> bool {
        self.histogram.is_due()
    }

    /// The clearest change, if any is above half its threshold; `patience` multiplies the thresholds.
    pub fn look(&self, limits: &Thresholds, patience: f32) -> Option<Finding> {
        let finding = |what, change: Change, threshold: f32| Finding { what, ratio: change.g / threshold, change };
        let most = |a: Finding, b: Finding| if b.ratio > a.ratio { b } else { a };
        let found = if self.reference.tied {
            let threshold = limits.rates * patience;
            let rate = |s| self.histogram.scan_rates(s, &self.long_run, 0.5 * threshold);
            most(finding(What::Above, rate(0), threshold), finding(What::Below, rate(1), threshold))
        } else {
            let (level, spread) = (limits.level * patience, limits.spread * patience);
            let scan = |s, threshold| self.histogram.scan(s, &self.long_run, 0.5 * threshold);
            let shape = self.shape.ratio(limits.shape, || self.long_run.short()) / patience;
            let found =
                most(finding(What::Level, scan(0, level), level), finding(What::Spread, scan(1, spread), spread));
            if shape <= found.ratio {
                found
            } else {
                let (rows, onset) = self.histogram.boundary(AGE);
                Finding { what: What::Shape, ratio: shape, change: Change { g: 0.0, rows, shift: 0.0, onset } }
            }
        };
        (found.ratio > 0.0).then_some(found)
    }

    /// The next look is at all rows at which a change may have begun.
    pub fn look_at_all(&mut self) {
        self.histogram.all_due();
    }

    /// How far a row is from the mean, in the statistic that found a change.
    pub fn distance(&self, what: What, value: f64) -> f32 {
        let s = usize::from(matches!(what, What::Spread | What::Below));
        self.reference.statistics(value)[s] - self.histogram.mean(s) as f32
    }

    /// Follows a row while away from the shape of the regime. Whether it looks like it.
    pub fn is_shaped(&mut self, value: f64, limits: &Thresholds) -> bool {
        self.shape.follow(self.reference.score(value));
        self.shape.ratio(limits.shape, || self.long_run.short()) == 0.0
    }

    /// Whether one value makes up most of it.
    pub fn is_tied(&self) -> bool {
        self.reference.tied
    }

    /// Whether the rows so far are of two kinds, in their level or their spread.
    pub fn is_uneven(&mut self, limits: &Thresholds, part: f32) -> bool {
        self.look_at_all();
        let over = |s, threshold| self.histogram.scan(s, &self.long_run, 0.5 * threshold).g > part * threshold;
        !self.reference.tied && (over(0, limits.level) || over(1, limits.spread))
    }

    /// The rows after a change were not of this regime.
    pub fn without(&mut self, change: &Change, rows: &Recent) {
        self.learn_step(rows);
        self.histogram.forget(f64::from(change.rows));
        self.locate();
    }

    /// By how much a change moved the values, in the series' unit: their location, or their deviation. `rows`: the
    /// newest.
    pub fn size(&self, finding: &Finding, rows: &Recent) -> Option<f64> {
        let mut after: Vec<f64> = rows.newest(finding.change.rows as usize).collect();
        let location = reference::median(&mut after);
        match finding.what {
            What::Level => Some((location - self.baseline).clamp(f64::MIN, f64::MAX)),
            What::Spread => Some(reference::spread(&after, location) - self.reference.spread),
            What::Shape => None,
            What::Above => Some(f64::from(finding.change.shift) * self.step),
            What::Below => Some(f64::from(-finding.change.shift) * self.step),
        }
    }
}
