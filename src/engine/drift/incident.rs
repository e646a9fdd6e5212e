//! A change that was reported, and the way back from it.

use serde::{Deserialize, Serialize};

use super::budget::Thresholds;
use super::regime::{Regime, What};
use crate::record::Seq;
use crate::verdict::Direction;

/// Weight of the newest row where the way back to the old level is followed.
const BACK: f32 = 0.15;

/// Rows that must be back before a drift is over.
const BACK_ROWS: u8 = 10;

/// A change that was reported.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// What moved where.
    pub direction: Direction,
    /// By how much, in the series' unit.
    pub size: Option<f64>,
    /// First row of it.
    pub onset: Seq,
    /// Location before it.
    pub baseline: f64,
    /// Deviation before it.
    pub spread: f64,
    /// Rows since it was reported.
    pub rows: u32,
    /// Rows after which it is the normal.
    pub settled: u32,
    /// Which layer found it.
    pub what: What,
    /// Change of the mean of the statistic that found it.
    pub moved: f32,
    /// Change of the mean normal score; 0 where it was not one of level.
    pub shift: f32,
    /// Mean normal score of the newest rows, as the regime before sees them.
    pub back: f32,
    /// Rows in a row that looked like the regime before.
    pub back_rows: u8,
    /// It is over, and still told of.
    pub over: bool,
    /// Away from a pinned regime, but not in the direction that is to be reported.
    pub quiet: bool,
}

/// Change of the mean normal score below which a drift that goes on in its direction is the same one.
const CREEPING: f32 = 1.0;

impl Incident {
    /// Takes over where another drift left off, if it only creeps on: that is one incident, and its size is that of both.
    pub fn continues(&mut self, before: &Self) -> bool {
        let scored = matches!(self.what, What::Level | What::Spread) && self.moved.abs() < CREEPING;
        if !scored || self.direction != before.direction {
            return false;
        }
        (self.onset, self.baseline, self.spread) = (before.onset, before.baseline, before.spread);
        self.size = self.size.zip(before.size).map(|(more, size)| size + more);
        true
    }

    /// Follows the way back by the normal score of a row, as the regime before the change sees it. Whether it is over.
    pub fn follow(&mut self, score: f32) -> bool {
        self.back += BACK * (score - self.back);
        let near = self.shift.abs() > 1.0 && self.back.abs() < self.shift.abs() / 3.0;
        self.count(near, BACK_ROWS)
    }

    /// The same for a pinned regime, from whatever it was.
    pub fn follow_pinned(&mut self, regime: &mut Regime, value: f64, limits: &Thresholds) -> bool {
        if self.what == What::Shape {
            return self.count(regime.is_shaped(value, limits), 4 * BACK_ROWS);
        }
        // The smaller the change, the more rows it takes to see that it is over.
        let weight = (self.moved * self.moved / if regime.is_tied() { 10.0 } else { 40.0 }).clamp(0.002, 0.03);
        self.back += weight * (regime.distance(self.what, value) - self.back);
        self.count(self.back * self.moved.signum() < self.moved.abs() / 3.0, BACK_ROWS)
    }

    /// Whether the way back has led past the regime, to its other side.
    pub fn is_beyond(&self) -> bool {
        self.back * self.moved.signum() < -self.moved.abs() / 3.0
    }

    fn count(&mut self, near: bool, needed: u8) -> bool {
        self.back_rows = if near { self.back_rows.saturating_add(1) } else { 0 };
        let over = self.back_rows >= needed;
        if over {
            (self.over, self.rows) = (true, 0);
        }
        over
    }
}
