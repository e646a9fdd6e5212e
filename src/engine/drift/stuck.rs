//! Values that stopped varying: a run of one value that is too long for how often this series repeats itself.

use serde::{Deserialize, Serialize};

/// Rows before a series is known well enough.
const WARM_UP: u32 = 100;

/// Repeats that a run needs at least, where the series never repeated itself.
const LEAST: u32 = 9;

/// A run must be longer than so many times the longest before.
const LONGER: f64 = 2.5;

/// Least probability of a repeat that is reckoned with.
const RARE: f64 = 0.01;

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
        self.run + 1
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
        let varied = self.run + 1 < self.rows;
        let long = self.run >= LEAST + self.longest.min(11) && f64::from(self.run) > LONGER * f64::from(self.longest);
        let first =
            varied && long && !self.stuck && self.rows >= WARM_UP && self.surprise() > rows_per_alarm.ln() + 5.0;
        self.stuck |= first;
        first
    }

    /// Whether the present run is so unusual that other changes are likely to be nothing but it.
    pub fn is_suspect(&self) -> bool {
        self.stuck || (self.run >= 3 && self.run > self.longest && self.run + 1 < self.rows && self.surprise() > 5.0)
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

    /// −ln of the probability of a run as long as the present one, from what went before it.
    fn surprise(&self) -> f64 {
        let (repeats, chances) =
            if self.last == self.usual { (self.again, self.came) } else { (self.repeats, self.rows) };
        let before = |count: u32| f64::from(count.saturating_sub(self.run));
        let probability = ((before(repeats) + 1.0) / (before(chances) + 2.0)).clamp(RARE, 1.0);
        -f64::from(self.run) * probability.ln()
    }
}
