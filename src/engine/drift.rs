//! The third engine: how each key behaves against its own past, series by series.
//!
//! `series` decides what is watched and keeps a detector per key and series, bounded. `auto` is the detector: layer
//! after layer, each in a file. `zscore` is what it began with, for comparison. `budget` turns an operator's budget of
//! false alarms into thresholds.
//!
//! `measured.md` has what it was measured to do.

pub mod auto;
pub mod budget;
pub mod incident;
pub mod long_run;
pub mod meaning;
#[cfg(test)]
mod noise;
pub mod recent;
pub mod reference;
pub mod regime;
mod saved;
pub mod scan;
pub mod season;
pub mod series;
pub mod shape;
pub mod space;
pub mod spike;
pub mod stuck;
pub mod watched;
pub mod zscore;

pub use saved::Saved;
pub use series::{Drift, Named, Options};

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::record::Seq;
use crate::verdict::{Direction, DriftReport, DriftState};

use budget::Thresholds;

/// A row of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Of the record.
    pub seq: Seq,
    /// Event time, Unix ms, where any is known.
    pub at: Option<i64>,
    /// The value, finite.
    pub value: f64,
}

/// What a detector says after one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// State after the value.
    pub state: DriftState,
    /// Whether this row is the first of a newly reported drift, or of a stuck value.
    pub alarm: bool,
    /// Strength in [0, 1]; 0.5 is the alarm level.
    pub score: f64,
    /// Deviations from the baseline.
    pub z: f64,
    /// Location of the baseline, in the series' unit; `None` before there is one. During a drift, of that before it.
    pub baseline: Option<f64>,
    /// Deviation of the baseline, in the series' unit.
    pub spread: Option<f64>,
    /// What moved where, in a drift.
    pub direction: Option<Direction>,
    /// By how much, in the series' unit, in a drift.
    pub size: Option<f64>,
    /// First record of the present drift.
    pub onset: Option<Seq>,
}

impl Reading {
    /// As a verdict tells it.
    fn report(self, series: Arc<str>, value: f64) -> DriftReport {
        DriftReport {
            series,
            state: self.state,
            alarm: self.alarm,
            score: self.score,
            z: self.z,
            value,
            baseline: self.baseline,
            spread: self.spread,
            direction: self.direction,
            size: self.size,
            onset: self.onset,
            moved: None,
        }
    }
}

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

/// What has a baseline that the operator can speak about.
pub trait Baseline {
    /// What is normal now is to stay the baseline until it is reset or pinned anew.
    fn pin(&mut self);

    /// Forgets the baseline.
    fn reset(&mut self);
}

impl Baseline for Box<dyn Detector> {
    fn pin(&mut self) {
        self.as_mut().pin();
    }

    fn reset(&mut self) {
        self.as_mut().reset();
    }
}

/// Watches one series of one key. Causal: a value is scored against what came before it, and only then learned from.
pub trait Detector: Baseline + Send {
    /// Takes a row with a finite value.
    fn observe(&mut self, row: Row, limits: &Thresholds) -> Reading;

    /// What it knows.
    fn save(&self) -> DetectorState;

    /// Which one it is.
    fn which(&self) -> Which;

    /// What is asked of the series from now on.
    fn ask(&mut self, _: auto::Setting) {}
}

/// What a detector knows, across the end of the process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DetectorState {
    /// Of an [`auto::Auto`].
    Auto(Box<auto::Auto>),
    /// Of a [`zscore::ZScore`].
    Zscore(zscore::ZScore),
}

impl DetectorState {
    /// The detector that goes on from here.
    pub fn restore(self) -> Box<dyn Detector> {
        match self {
            Self::Auto(detector) => detector,
            Self::Zscore(detector) => Box::new(detector),
        }
    }
}
