//! The course of the day: what the hour is expected to add to a value, once that has shown to predict.
//!
//! A mean for each hour of the day (UTC), with a straight line between the middles of two hours. It is learned for a
//! day, then each row is first predicted from it, causally, and only after it has done better than the level alone on
//! three days is it subtracted.

use serde::{Deserialize, Serialize};

const HOURS: usize = 24;
const HOUR: f64 = 3_600_000.0;
const DAY: i64 = 86_400_000;

/// Days on which the prediction must have been better.
const CYCLES: u8 = 3;

/// Mean absolute error with the course, as a part of that without it, below which a day counts as predicted.
const SKILL: f64 = 0.9;

/// Days of memory.
const MEMORY: f64 = 10.0;

/// Rows that are kept without the course of the day, to go on with when it comes into force.
const RESTS: usize = 64;

/// What is known of the day.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Season {
    /// Start of the first day, Unix ms.
    start: Option<i64>,
    /// Complete days.
    days: u32,
    /// Value that the sums are kept around.
    origin: f64,
    offsets: [f64; HOURS],
    rows: [f64; HOURS],
    level: f64,
    day_rows: f64,
    last_day_rows: f64,
    error: f64,
    error_without: f64,
    skilled: u8,
    rests: Vec<f64>,
}

impl Season {
    /// Whether the course of the day is subtracted.
    pub fn in_force(&self) -> bool {
        self.skilled >= CYCLES
    }

    /// What is left of the newest rows, oldest first.
    pub fn rests(&self) -> &[f64] {
        &self.rests
    }

    /// What is left of a value without the course of the day, and learns from it. `at`: Unix ms.
    pub fn rest(&mut self, at: i64, value: f64) -> f64 {
        if self.start.is_none() {
            (self.start, self.origin) = (Some(at), value);
        }
        self.turn(at);
        let hours = at.rem_euclid(DAY) as f64 / HOUR;
        let bin = (hours as usize).min(HOURS - 1);
        let x = value - self.origin;
        self.day_rows += 1.0;
        self.rows[bin] += 1.0;
        if self.days == 0 {
            self.offsets[bin] += (x - self.offsets[bin]) / self.rows[bin];
            return value;
        }
        let offset = self.offset(hours);
        self.error += (x - offset - self.level).abs();
        self.error_without += (x - self.level).abs();
        let memory = (self.rows[bin] / f64::from(self.days + 1)).max(1.0) * MEMORY;
        self.offsets[bin] += (x - self.level - self.offsets[bin]) / self.rows[bin].min(memory);
        self.level += (x - offset - self.level) / self.last_day_rows.max(10.0);
        let rest = value - offset;
        if !self.in_force() {
            if self.rests.len() == RESTS {
                self.rests.remove(0);
            }
            self.rests.push(rest);
        }
        rest
    }

    /// The level moved: the hours that come are not to learn it as theirs.
    pub fn moved(&mut self, size: f64) {
        self.level += size;
    }

    /// Ends the days that are over. A clock that jumps ahead ends one; one that goes back, none.
    fn turn(&mut self, at: i64) {
        let Some(start) = self.start else { return };
        let end = |days: u32| start.saturating_add(DAY.saturating_mul(i64::from(days) + 1));
        if at < end(self.days) {
            return;
        }
        self.close();
        if self.start.is_some() {
            self.days += 1;
            if at >= end(self.days) {
                self.start = Some(at.saturating_sub(DAY.saturating_mul(i64::from(self.days))));
            }
        } else {
            self.start = Some(at);
        }
    }

    fn close(&mut self) {
        if self.days == 0 && self.rows.contains(&0.0) {
            // Not a whole day: begin again.
            *self = Self { origin: self.origin, ..Self::default() };
            return;
        }
        if self.days > 0 {
            let better = self.error < SKILL * self.error_without;
            self.skilled = if better { (self.skilled + 1).min(2 * CYCLES) } else { self.skilled.saturating_sub(1) };
        }
        let mean = self.offsets.iter().sum::<f64>() / HOURS as f64;
        self.offsets = self.offsets.map(|offset| offset - mean);
        if self.days == 0 {
            self.level = mean;
        }
        (self.error, self.error_without) = (0.0, 0.0);
        (self.last_day_rows, self.day_rows) = (self.day_rows, 0.0);
    }

    /// What an hour adds.
    fn offset(&self, hours: f64) -> f64 {
        let before = (hours - 0.5).floor();
        let part = hours - 0.5 - before;
        let bin = |hour: f64| self.offsets[(hour as i64).rem_euclid(HOURS as i64) as usize];
        bin(before) * (1.0 - part) + bin(before + 1.0) * part
    }
}
