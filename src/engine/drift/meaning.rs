//! The meaning of a key's answers: drift in embedding space, as a series like any other.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::auto::{Auto, MERGE, SUSPECT, Setting};
use super::budget::Thresholds;
use super::space::Space;
use super::{Baseline, Detector, Reading, Row};
use crate::record::Seq;
use crate::verdict::{DriftState, Moved};

/// The series' name.
pub const NAME: &str = "embedding";

/// Rows for which a drift is told: by then the new answers are the usual ones.
const SETTLED: u32 = 200;

/// How much rarer alarms of the scalar detectors are than those in the space: they repeat what it finds, and conversations
/// make their rows depend on each other.
const RARER: f64 = 100.0;

/// The detectors of one key: of the space, and of how far each answer is from its centre.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Meaning {
    space: Space,
    cosine: Auto,
    /// Of the texts' length, where nothing else watches it.
    length: Option<Auto>,
    /// The largest statistic after the last answer, as a part of its limit.
    ratio: f32,
    /// Rows since the last alarm, and where that drift began.
    incident: Option<(u32, Seq)>,
}

/// A scalar detector's thresholds: only its level counts.
fn scalar(rows: f64) -> Thresholds {
    Thresholds { spread: f32::INFINITY, shape: f32::INFINITY, ..Thresholds::new(rows * RARER) }
}

fn detector() -> Auto {
    Auto::new(Setting { only: None, season: false })
}

impl Meaning {
    /// Without history. `length`: whether the texts' length is watched here as well.
    pub fn new(length: bool) -> Self {
        Self { space: Space::new(), cosine: detector(), length: length.then(detector), ratio: 0.0, incident: None }
    }

    /// Takes an answer: its embedding, L2-normalised, and its length in words.
    pub fn observe(&mut self, seq: Seq, vector: &[f32], words: usize, limits: &Thresholds) -> Reading {
        let found = self.space.observe(seq.0, vector, limits.rows);
        self.ratio = found.ratio;
        let rare = scalar(limits.rows);
        let row = |value: f64| Row { seq, at: None, value };
        let cosine = found.cosine.map(|cosine| self.cosine.observe(row(f64::from(cosine)), &rare));
        let length = self.length.as_mut().map(|length| length.observe(row(words as f64), &rare));
        let scalar =
            [cosine, length].into_iter().flatten().find(|reading| reading.alarm && reading.direction.is_some());
        if found.alarm.is_some() {
            // The centre that cosines are taken to is another one from now on.
            self.cosine.reset();
        }
        self.incident = self.incident.map(|(rows, onset)| (rows.saturating_add(1), onset));
        let onset = match (found.alarm, scalar) {
            (Some(_), _) => found.onset.map(Seq),
            (None, Some(reading)) => reading.onset,
            (None, None) => None,
        };
        let alarm = onset.filter(|_| self.incident.is_none_or(|(rows, _)| rows > MERGE));
        if let Some(onset) = alarm {
            self.incident = Some((0, onset));
        }
        self.incident = self.incident.filter(|(rows, _)| *rows <= SETTLED);
        self.reading(found.warm, alarm.is_some())
    }

    fn reading(&self, warm: bool, alarm: bool) -> Reading {
        let ratio = self.ratio;
        let state = match self.incident {
            Some(_) => DriftState::Drift,
            None if !warm => DriftState::WarmUp,
            None if ratio >= SUSPECT => DriftState::Suspect,
            None => DriftState::Stable,
        };
        let score = if alarm { f64::from(ratio / 2.0).max(0.5) } else { f64::from(0.5 * ratio * ratio) };
        Reading {
            state,
            alarm,
            score: score.clamp(0.0, 1.0),
            z: 0.0,
            baseline: None,
            spread: None,
            direction: None,
            size: None,
            onset: self.incident.map(|(_, onset)| onset),
        }
    }

    /// The largest statistic after the last answer, as a part of its limit: 1 is an alarm.
    pub fn ratio(&self) -> f32 {
        self.ratio
    }

    /// The answers that moved most in the last drift.
    pub fn moved(&self) -> Option<Arc<Moved>> {
        let moved = self.space.moved()?;
        let seqs = |seqs: Vec<u64>| seqs.into_iter().map(Seq).collect();
        Some(Arc::new(Moved { before: seqs(moved.before), after: seqs(moved.after) }))
    }
}

impl Baseline for Meaning {
    fn pin(&mut self) {
        self.space.pin();
        self.incident = None;
    }

    fn reset(&mut self) {
        *self = Self::new(self.length.is_some());
    }
}
