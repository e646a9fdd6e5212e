//! Distance from the all-time mean in all-time deviations: what the Python engine does, less its fault of counting
//! the point under test into its own history.

use serde::{Deserialize, Serialize};

use super::budget::Thresholds;
use super::{Baseline, Detector, DetectorState, Reading, Row, Which};
use crate::record::Seq;
use crate::stats::welford::Welford;
use crate::verdict::{Direction, DriftState};

/// |z| above which a value is an alarm.
pub const ALARM: f64 = 2.5;

/// Rows of history before the first score.
pub const WARM_UP: u64 = 5;

/// The detector.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ZScore {
    history: Welford,
    onset: Option<Seq>,
    #[serde(default)]
    pinned: bool,
}

impl Detector for ZScore {
    fn observe(&mut self, Row { seq, value, .. }: Row, _: &Thresholds) -> Reading {
        let known = self.history.count() >= WARM_UP;
        let z = if known { self.history.z(value) } else { 0.0 };
        let (baseline, spread) = (self.history.mean(), self.history.deviation());
        let alarm = z.abs() > ALARM;
        let state = match (known, alarm, self.onset) {
            (false, ..) => DriftState::WarmUp,
            (_, true, _) => DriftState::Drift,
            (_, false, Some(_)) => DriftState::Recovered,
            (_, false, None) => DriftState::Stable,
        };
        let first = alarm && self.onset.is_none();
        let onset = if alarm { Some(*self.onset.get_or_insert(seq)) } else { self.onset.take() };
        if !self.pinned {
            self.history.push(value);
        }
        Reading {
            state,
            alarm: first,
            score: (z.abs() / (2.0 * ALARM)).min(1.0),
            z,
            baseline: known.then_some(baseline),
            spread: known.then_some(spread),
            direction: alarm.then_some(if z < 0.0 { Direction::Down } else { Direction::Up }),
            size: alarm.then_some(value - baseline),
            onset,
        }
    }

    fn save(&self) -> DetectorState {
        DetectorState::Zscore(self.clone())
    }

    fn which(&self) -> Which {
        Which::Zscore
    }
}

impl Baseline for ZScore {
    fn pin(&mut self) {
        self.pinned = self.history.count() >= WARM_UP;
    }

    fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(seq: u64, value: f64) -> Row {
        Row { seq: Seq(seq), at: None, value }
    }

    fn states(values: &[f64]) -> Vec<(DriftState, f64)> {
        let mut detector = ZScore::default();
        values
            .iter()
            .zip(0..)
            .map(|(v, i)| detector.observe(row(i, *v), &Thresholds::default()))
            .map(|r| (r.state, r.score))
            .collect()
    }

    #[test]
    fn a_jump_is_an_alarm_on_its_own_row() {
        let seen = states(&[1.0, 2.0, 1.0, 2.0, 1.0, 9.0, 1.5, 1.5]);
        assert!(seen[..5].iter().all(|(state, score)| *state == DriftState::WarmUp && *score == 0.0));
        assert_eq!(seen[5], (DriftState::Drift, 1.0));
        assert_eq!((seen[6].0, seen[7].0), (DriftState::Recovered, DriftState::Stable));
    }

    #[test]
    fn a_constant_series_has_no_z() {
        assert!(states(&[3.0; 20]).iter().all(|(state, _)| *state != DriftState::Drift));
    }

    #[test]
    fn the_onset_is_the_first_row_of_the_drift() {
        let mut detector = ZScore::default();
        let values = [1.0, 2.0, 1.0, 2.0, 1.0, 50.0, 500.0, 1.0];
        let onsets: Vec<_> =
            values.iter().zip(0..).map(|(v, i)| detector.observe(row(i, *v), &Thresholds::default()).onset).collect();
        assert_eq!(onsets[5..], [Some(Seq(5)), Some(Seq(5)), Some(Seq(5))]);
    }
}
