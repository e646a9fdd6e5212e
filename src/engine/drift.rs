//! The third engine: how each key behaves against its own past, series by series.
//!
//! `series` decides what is watched and keeps a detector per key and series, bounded; `zscore` is the detector of
//! today. Another one only has to be a [`Detector`].

pub mod series;
pub mod zscore;

pub use series::{Drift, Options, Saved};

use serde::{Deserialize, Serialize};

use crate::record::Seq;
use crate::verdict::DriftState;

/// What a detector says after one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// State after the value.
    pub state: DriftState,
    /// Strength in [0, 1]; 0.5 is the alarm level.
    pub score: f64,
    /// Standard deviations from the baseline.
    pub z: f64,
    /// Mean of the baseline, in the series' unit; `None` before there is one.
    pub baseline: Option<f64>,
    /// Standard deviation of the baseline, in the series' unit.
    pub spread: Option<f64>,
    /// First record of the present drift.
    pub onset: Option<Seq>,
}

/// Watches one series of one key. Causal: a value is scored against what came before it, and only then learned from.
pub trait Detector: Send {
    /// Takes a finite value.
    fn observe(&mut self, seq: Seq, value: f64) -> Reading;

    /// What it knows.
    fn save(&self) -> DetectorState;
}

/// What a detector knows, across the end of the process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DetectorState {
    /// Of a [`zscore::ZScore`].
    Zscore(zscore::ZScore),
}

impl DetectorState {
    /// The detector that goes on from here.
    pub fn restore(self) -> Box<dyn Detector> {
        match self {
            Self::Zscore(detector) => Box::new(detector),
        }
    }
}
