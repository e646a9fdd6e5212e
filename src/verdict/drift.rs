//! What the drift engine says of a series.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::record::Seq;

/// State of one series of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DriftState {
    /// Too few rows to judge.
    WarmUp,
    /// As it was.
    Stable,
    /// Perhaps changing.
    Suspect,
    /// Changed.
    Drift,
    /// Back, after a drift.
    Recovered,
    /// Constant, after it was not.
    Stuck,
    /// This record did not have it.
    Missing,
    /// Never seen.
    NoData,
}

impl DriftState {
    /// All.
    pub const ALL: [Self; 8] = [
        Self::WarmUp,
        Self::Stable,
        Self::Suspect,
        Self::Drift,
        Self::Recovered,
        Self::Stuck,
        Self::Missing,
        Self::NoData,
    ];

    /// The contract's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::WarmUp => "warm_up",
            Self::Stable => "stable",
            Self::Suspect => "suspect",
            Self::Drift => "drift",
            Self::Recovered => "recovered",
            Self::Stuck => "stuck",
            Self::Missing => "missing",
            Self::NoData => "no_data",
        }
    }

    /// Whether a verdict lists the series without being asked for all.
    pub fn is_notable(self) -> bool {
        matches!(self, Self::Suspect | Self::Drift | Self::Recovered | Self::Stuck)
    }
}

/// What of a series moved where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Its level, up.
    Up,
    /// Its level, down.
    Down,
    /// Its spread, up.
    Wider,
    /// Its spread, down.
    Narrower,
    /// How its values are distributed, level and spread apart.
    Shape,
}

impl Direction {
    /// All.
    pub const ALL: [Self; 5] = [Self::Up, Self::Down, Self::Wider, Self::Narrower, Self::Shape];

    /// The contract's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Wider => "wider",
            Self::Narrower => "narrower",
            Self::Shape => "shape",
        }
    }
}

/// What the drift engine says of one series after one record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriftReport {
    /// The series: `divergence.risk`, `latency_ms`, `metrics.pressure`, …
    pub series: Arc<str>,
    /// State after this record.
    pub state: DriftState,
    /// Whether this record is the first by which a drift, or a stuck value, is known.
    pub alarm: bool,
    /// Strength in [0, 1]; 0.5 is the alarm level.
    pub score: f64,
    /// Deviations from the baseline.
    pub z: f64,
    /// The value that was fed, in the series' unit.
    pub value: f64,
    /// Location of the baseline, in the series' unit; during a drift, of that before it.
    pub baseline: Option<f64>,
    /// Deviation of the baseline, in the series' unit.
    pub spread: Option<f64>,
    /// What moved where; in a drift.
    pub direction: Option<Direction>,
    /// By how much, in the series' unit; in a drift.
    pub size: Option<f64>,
    /// First record of the present drift.
    pub onset: Option<Seq>,
    /// Records whose answers moved most, before the onset and after it; at the alarm of a drift in meaning.
    pub moved: Option<Arc<Moved>>,
}

/// Records whose answers moved most in a drift in meaning.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Moved {
    /// Most typical of what is gone.
    pub before: Vec<Seq>,
    /// Most typical of what came.
    pub after: Vec<Seq>,
}

impl DriftReport {
    /// A series that a record does not have.
    pub fn absent(series: Arc<str>, state: DriftState) -> Self {
        Self {
            series,
            state,
            alarm: false,
            score: 0.0,
            z: 0.0,
            value: f64::NAN,
            baseline: None,
            spread: None,
            direction: None,
            size: None,
            onset: None,
            moved: None,
        }
    }

    /// The contract's word for where it moved: of the drift, else of this value against the baseline.
    pub fn direction(&self) -> &'static str {
        match self.direction {
            Some(direction) => direction.word(),
            None if self.z < 0.0 => Direction::Down.word(),
            None => Direction::Up.word(),
        }
    }

    /// By how much it moved, in the series' unit: of the drift, else the distance of this value from the baseline.
    pub fn size(&self) -> Option<f64> {
        let distance = self.baseline.map(|baseline| self.value - baseline);
        self.size.or(distance).filter(|size| size.is_finite())
    }
}
