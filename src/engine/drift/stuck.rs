//! Values that stopped varying: a run of one value that is too long for how often this series repeats itself.

use serde::{Deserialize, Serialize};

/// Rows before a series is known well enough.
const WARM_UP: u32 = 100;

/// Repeats that a run needs at least, where the series never repeated itself.
const LEAST: u32 = 9;

/// Changes of the value without which it never varied, and can't have stopped.
const VARIED: u32 = 10;

/// A run must be longer than so many times the longest before.
const LONGER: f64 = 2.5;

/// Rows of the most frequent value from which on it is judged by its own repeats.
const KNOWN: u32 = 20;

/// Runs of equal values, and how usual they are.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Stuck {
    rows: u32,
    last: f64,
    /// Equal neighbours in the present run.
    run: u32,
    longest: u32,
    repeats: u32,
    /// The most frequent value (Boyer and Moore's majority vote), how often it came, and came again.
    usual: f64,
    votes: u32,
    came: u32,
    again: u32,
    stuck: bool,
}

impl Stuck {
    /// Whether the value has stopped varying.
    pub fn is_stuck(&self) -> bool {
        self.stuck
    }

    /// Rows of the present run.
    pub fn run(&self) -> u32 {
        self.run.saturating_add(1)
    }

    /// Whether this row is the first by which the value is known to be stuck. `rows_per_alarm` bounds how often that
    /// happens by chance.
    pub fn observe(&mut self, value: f64, rows_per_alarm: f64) -> bool {
        let repeat = self.rows > 0 && value == self.last;
        self.vote(value, repeat);
        self.rows = self.rows.saturating_add(1);
        if repeat {
            self.repeats = self.repeats.saturating_add(1);
            self.run = self.run.saturating_add(1);
        } else {
            if !self.stuck {
                self.longest = self.longest.max(self.run);
            }
            (self.run, self.stuck) = (0, false);
        }
        self.last = value;
        let varied = self.rows - self.repeats > VARIED;
        let long = self.run >= LEAST + self.longest.min(11) && f64::from(self.run) > LONGER * f64::from(self.longest);
        let first =
            varied && long && !self.stuck && self.rows >= WARM_UP && self.surprise() > rows_per_alarm.ln() + 5.0;
        self.stuck |= first;
        first
    }

    /// Whether the present run is so unusual that other changes are likely to be nothing but it.
    pub fn is_suspect(&self) -> bool {
        self.stuck || (self.run >= 3 && self.run > self.longest && self.run() < self.rows && self.surprise() > 5.0)
    }

    fn vote(&mut self, value: f64, repeat: bool) {
        if self.votes == 0 {
            (self.usual, self.votes, self.came, self.again) = (value, 1, 0, 0);
        } else if value == self.usual {
            self.votes = self.votes.saturating_add(1);
        } else {
            self.votes -= 1;
        }
        if self.rows > 0 && self.last == self.usual {
            self.came = self.came.saturating_add(1);
            self.again = self.again.saturating_add(u32::from(repeat));
        }
    }

    /// −ln of the probability of a run as long as the present one, from what went before it: that of so many repeats
    /// in a row where the chance of one is as uncertain as the repeats and changes before leave it (beta-binomial).
    fn surprise(&self) -> f64 {
        let is_known = self.last == self.usual && self.came.saturating_sub(self.run) >= KNOWN;
        let (repeats, chances) = if is_known { (self.again, self.came) } else { (self.repeats, self.rows) };
        let before = |count: u32| f64::from(count.saturating_sub(self.run));
        let (run, a) = (f64::from(self.run), before(repeats) + 1.0);
        let all = before(chances).max(before(repeats)) + 2.0;
        // Stirling's formula for Γ(a)·Γ(all + run) / (Γ(a + run)·Γ(all)).
        let part = |x: f64| x * x.ln();
        part(all + run) - part(all) - part(a + run) + part(a)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::drift::noise::noise;

    /// Rows at which it was found.
    fn found(rows: impl IntoIterator<Item = f64>) -> Vec<usize> {
        let mut stuck = Stuck::default();
        rows.into_iter().enumerate().filter(|(_, value)| stuck.observe(*value, 1e4)).map(|(k, _)| k).collect()
    }

    #[test]
    fn a_noisy_value_that_freezes_is_found_soon_and_once() {
        for seed in 0..20 {
            let mut normal = noise(seed);
            let rows: Vec<f64> = (0..300).map(|_| normal()).collect();
            let held = rows[299];
            let at = found(rows.into_iter().chain([held; 500]));
            assert!(at.len() == 1 && (308..325).contains(&at[0]), "{at:?}");
        }
    }

    #[test]
    fn it_is_stuck_until_another_value_comes_and_its_run_is_counted() {
        let (mut normal, mut stuck) = (noise(1), Stuck::default());
        (0..200).for_each(|_| assert!(!stuck.observe(normal(), 1e4) && !stuck.is_stuck()));
        for _ in 0..40 {
            stuck.observe(7.0, 1e4);
        }
        assert!(stuck.is_stuck() && stuck.is_suspect() && stuck.run() == 40);
        stuck.observe(7.5, 1e4);
        assert!(!stuck.is_stuck() && !stuck.is_suspect() && stuck.run() == 1);
    }

    #[test]
    fn it_is_suspected_before_it_is_certain() {
        let (mut normal, mut stuck) = (noise(2), Stuck::default());
        (0..200).for_each(|_| assert!(!stuck.observe(normal(), 1e4)));
        for _ in 0..9 {
            stuck.observe(7.0, 1e4);
        }
        assert!(stuck.is_suspect() && !stuck.is_stuck());
    }

    #[test]
    fn a_value_that_freezes_again_is_found_again() {
        for seed in 0..10 {
            let mut normal = noise(seed);
            let mut rows = Vec::new();
            for _ in 0..3 {
                rows.extend((0..200).map(|_| normal()));
                rows.extend([0.5; 60]);
            }
            let at = found(rows);
            assert!(at.len() == 3 && at.iter().zip([200, 460, 720]).all(|(at, from)| *at < from + 25), "{at:?}");
        }
    }

    #[test]
    fn seldom_events_and_constants_are_not_stuck() {
        for seed in 0..20 {
            let mut normal = noise(seed);
            assert!(found((0..5_000).map(|_| f64::from(normal() > 1.645))).is_empty(), "5 %");
            assert!(found((0..5_000).map(|_| f64::from(normal() > 0.0))).is_empty(), "half");
        }
        assert!(found([3.0; 5_000]).is_empty());
        assert!(found([0.0, -0.0].repeat(1_000)).is_empty());
    }

    #[test]
    fn rounded_values_repeat_themselves_and_are_not_stuck() {
        for seed in 0..20 {
            let (mut normal, mut last) = (noise(seed), 0.0);
            assert!(found((0..5_000).map(|_| normal().round())).is_empty());
            assert!(found((0..5_000).map(|_| (normal() * 0.6).round().max(0.0))).is_empty());
            let slow = (0..5_000).map(|_| {
                last = 0.9 * last + 0.5 * normal();
                f64::round(last)
            });
            assert!(found(slow).is_empty());
        }
    }

    #[test]
    fn a_small_budget_asks_for_a_longer_run() {
        let rows_until = |rows_per_alarm: f64| {
            let (mut normal, mut stuck) = (noise(3), Stuck::default());
            (0..300).for_each(|_| assert!(!stuck.observe((0.8 * normal()).round(), rows_per_alarm)));
            (0..).find(|_| stuck.observe(0.0, rows_per_alarm)).unwrap()
        };
        let rows = [1e3, 1e9, 1e15].map(rows_until);
        assert!(rows[0] < rows[1] && rows[1] < rows[2] && rows[2] < 120, "{rows:?}");
    }
}
