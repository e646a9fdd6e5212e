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

/// Errors enter up to so many times the usual one: an outlier is not what an hour is like.
const CLIP: f64 = 8.0;

/// Rows from which the usual error is known.
const KNOWN: f64 = 10.0;

/// Rows in a row that must be days behind before the clock is believed to have gone back.
const BEHIND: u32 = 20;

/// Rows that are kept without the course of the day, to go on with when it comes into force.
const RESTS: usize = 64;

/// What is known of the day.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Season {
    /// Start of the first day, Unix ms.
    start: Option<i64>,
    /// Time of the newest row.
    latest: Option<i64>,
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
    /// Usual size of what comes unexpected.
    usual: f64,
    seen: f64,
    /// Rows in a row that came from before the present day.
    behind: u32,
}

impl Season {
    /// Whether the course of the day is subtracted.
    pub fn in_force(&self) -> bool {
        self.skilled >= CYCLES
    }

    /// Time of the newest row, Unix ms.
    pub fn latest(&self) -> Option<i64> {
        self.latest
    }

    /// What is left of the newest rows, oldest first.
    pub fn rests(&self) -> &[f64] {
        &self.rests
    }

    /// What is left of a value without the course of the day, and learns from it. `at`: Unix ms.
    pub fn rest(&mut self, at: i64, value: f64) -> f64 {
        self.latest = Some(at);
        if self.start.is_none() {
            (self.start, self.origin) = (Some(at), value);
        }
        if self.in_force() {
            self.rests.clear();
        }
        self.turn(at);
        let hours = at.rem_euclid(DAY) as f64 / HOUR;
        let bin = (hours as usize).min(HOURS - 1);
        let expected = self.offset_at(bin, hours);
        let x = expected + self.clipped(value - self.origin - expected);
        self.day_rows += 1.0;
        self.rows[bin] += 1.0;
        if self.days == 0 {
            self.offsets[bin] += (x - self.offsets[bin]) / self.rows[bin];
            self.level += (x - self.level) / self.day_rows;
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
        let first = start.saturating_add(DAY.saturating_mul(i64::from(self.days)));
        self.behind = if at < first.saturating_sub(DAY) { self.behind + 1 } else { 0 };
        if self.behind >= BEHIND {
            // One row had a time that was far ahead, or the clock was set back: this is the day.
            (self.start, self.behind) = (Some(at.saturating_sub(DAY.saturating_mul(i64::from(self.days)))), 0);
            return;
        }
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
            *self = Self { origin: self.origin, usual: self.usual, seen: self.seen, ..Self::default() };
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

    /// Where a value is expected, relative to the origin; on the first day, that is what the hour has had so far.
    fn offset_at(&self, bin: usize, hours: f64) -> f64 {
        match (self.days, self.rows[bin] > 0.0) {
            (0, true) => self.offsets[bin],
            (0, false) => self.level,
            _ => self.level + self.offset(hours),
        }
    }

    /// An error, no larger than what is usual allows.
    fn clipped(&mut self, error: f64) -> f64 {
        self.seen += 1.0;
        let known = self.seen > KNOWN && self.usual > 0.0;
        let size = error.abs().min(if known { CLIP * self.usual } else { f64::INFINITY }).min(f64::MAX / 1e9);
        self.usual += (size - self.usual) / self.seen.min(200.0);
        size.copysign(error)
    }

    /// What an hour adds.
    fn offset(&self, hours: f64) -> f64 {
        let before = (hours - 0.5).floor();
        let part = hours - 0.5 - before;
        let bin = |hour: f64| self.offsets[(hour as i64).rem_euclid(HOURS as i64) as usize];
        bin(before) * (1.0 - part) + bin(before + 1.0) * part
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::drift::noise::noise;

    const TEN_MINUTES: i64 = 600_000;

    fn course(at: i64) -> f64 {
        5.0 * (at as f64 * std::f64::consts::TAU / DAY as f64).sin()
    }

    fn variance(rows: &[f64]) -> f64 {
        let mean = rows.iter().sum::<f64>() / rows.len() as f64;
        rows.iter().map(|row| (row - mean).powi(2)).sum::<f64>() / rows.len() as f64
    }

    /// Days of a daily course with noise of deviation 1.
    fn days(season: &mut Season, first: i64, days: i64, seed: u64) -> Vec<f64> {
        let mut normal = noise(seed);
        (0..days * 144).map(|k| first + k * TEN_MINUTES).map(|at| season.rest(at, course(at) + normal())).collect()
    }

    #[test]
    fn a_daily_course_is_in_force_after_four_days_and_taken_out() {
        for first in [0, 1_700_000_000_000, -40_000_000] {
            let mut season = Season::default();
            days(&mut season, first, 4, 1);
            season.rest(first + 4 * DAY, 0.0);
            assert!(season.in_force(), "{season:?}");
            assert_eq!(season.rests().len(), RESTS);
            let rests = days(&mut season, first + 4 * DAY, 6, 2);
            assert!(variance(&rests) < 2.0, "of 13.5: {}", variance(&rests));
            assert!(season.in_force());
        }
    }

    #[test]
    fn three_days_are_not_enough() {
        let mut season = Season::default();
        let rests = days(&mut season, 0, 4, 1);
        assert!(!season.in_force());
        // Nothing is taken out of the first day.
        let mut normal = noise(1);
        assert!((0..144).all(|k| rests[k as usize] == course(k * TEN_MINUTES) + normal()));
    }

    #[test]
    fn rows_without_a_course_never_get_one() {
        for seed in 0..10 {
            let (mut season, mut normal) = (Season::default(), noise(seed));
            for k in 0..144 * 60 {
                season.rest(k * TEN_MINUTES, normal());
                assert!(!season.in_force(), "day {}", k / 144);
            }
        }
    }

    #[test]
    fn a_change_of_level_stays_in_what_is_left() {
        let mut season = Season::default();
        let before = days(&mut season, 0, 12, 3);
        let mut normal = noise(4);
        let at = (12 * 144..12 * 144 + 72).map(|k| k * TEN_MINUTES);
        let after: Vec<f64> = at.map(|at| season.rest(at, course(at) + 4.0 + normal())).collect();
        let mean = |rows: &[f64]| rows.iter().sum::<f64>() / rows.len() as f64;
        let moved = mean(&after) - mean(&before[144 * 6..]);
        assert!((3.0..5.0).contains(&moved), "{moved}");
    }

    #[test]
    fn a_level_that_is_known_to_have_moved_is_not_learned_as_the_hours_own() {
        let mut learned = [0.0; 2];
        for (told, learned) in learned.iter_mut().enumerate() {
            let mut season = Season::default();
            days(&mut season, 0, 6, 5);
            let before = season.offsets;
            if told == 1 {
                season.moved(20.0);
            }
            for at in (6 * 144..6 * 144 + 60).map(|k| k * TEN_MINUTES) {
                season.rest(at, course(at) + 20.0);
            }
            *learned = season.offsets.iter().zip(before).map(|(now, was)| (now - was).abs()).fold(0.0, f64::max);
        }
        assert!(learned[1] < 1.0 && learned[0] > 2.0 * learned[1], "{learned:?}");
    }

    #[test]
    fn a_first_day_with_holes_begins_again() {
        let mut season = Season::default();
        for k in (0..144).filter(|k| !(30..42).contains(k)) {
            season.rest(k * TEN_MINUTES, course(k * TEN_MINUTES));
        }
        season.rest(DAY, 0.0);
        assert_eq!((season.days, season.start), (0, Some(DAY)));
        days(&mut season, DAY + TEN_MINUTES, 5, 6);
        assert!(season.in_force());
    }

    #[test]
    fn clocks_that_jump_stand_still_or_are_absurd_do_no_harm() {
        let mut season = Season::default();
        days(&mut season, 0, 6, 7);
        for at in [3 * DAY, 3 * DAY, 6 * DAY, 6 * DAY, 5 * DAY, 6 * DAY + 1, 9 * DAY, 9 * DAY, 0] {
            season.rest(at, course(at));
        }
        let rests = days(&mut season, 9 * DAY, 4, 8);
        assert!(season.in_force() && variance(&rests) < 3.0, "{}", variance(&rests));
        for at in [i64::MIN, -1, i64::MAX, i64::MAX, 0, i64::MIN, i64::MIN + 1] {
            assert!(season.rest(at, 1.0).is_finite());
        }
        assert!(days(&mut Season::default(), i64::MIN, 2, 9).iter().all(|rest| rest.is_finite()));
    }
}
