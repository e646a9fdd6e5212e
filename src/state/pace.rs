//! How often something comes, and whether it has stopped.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::humanize;
use crate::stats::ring::{Ring, quantile};

/// Gaps that are remembered.
const RECENT: usize = 64;

/// It is quiet when it is silent for so many times its usual gap …
const QUIET_FACTOR: f64 = 5.0;

/// … where the usual gap is known from so many, and is this percentile of them: five times the mean gap is exceeded
/// once in 150 records by traffic that merely comes at random.
const QUIET_MIN_GAPS: usize = 16;
const USUAL_GAP: f64 = 0.95;

/// Silence of this many times the longest of the recent gaps may still be the pause between two bursts.
const BURST_FACTOR: f64 = 2.0;

/// After so long it is not quiet but gone, s.
const GONE_S: f64 = 86_400.0;

/// The pace of something.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pace {
    /// Time of the newest, by its own clock.
    pub seen: Timestamp,
    /// Usual gap, s; `None` before there are enough.
    #[serde(skip)]
    pub usual_gap_s: Option<f64>,
    /// The longest of the recent gaps, s.
    #[serde(skip)]
    longest_s: f64,
    /// Silent for much longer than usual.
    pub quiet: bool,
    /// Event time of everybody when the newest came.
    heard: Timestamp,
    gaps: Ring<f64>,
    begun: bool,
    /// The gaps have changed since the two above were found of them.
    #[serde(skip, default = "stale")]
    dirty: bool,
}

fn stale() -> bool {
    true
}

impl Pace {
    /// Of something that was not seen yet.
    pub fn new(at: Timestamp) -> Self {
        Self {
            seen: at,
            usual_gap_s: None,
            longest_s: 0.0,
            quiet: false,
            heard: at,
            gaps: Ring::new(RECENT),
            begun: false,
            dirty: false,
        }
    }

    /// Another one, at `at` by its own clock, when event time had come to `heard`. Whether it was quiet before.
    pub fn add(&mut self, at: Timestamp, heard: Timestamp) -> bool {
        if std::mem::replace(&mut self.begun, true) {
            self.gaps.push(at.duration_since(self.seen).as_secs_f64().max(0.0));
        }
        self.seen = self.seen.max(at);
        self.heard = heard;
        self.dirty = true;
        std::mem::take(&mut self.quiet)
    }

    /// Finds the usual gap. It follows from the gaps alone, whenever it is asked for.
    pub fn measure(&mut self) {
        if std::mem::take(&mut self.dirty) {
            let known = self.gaps.len() >= QUIET_MIN_GAPS;
            self.longest_s = self.gaps.iter().copied().fold(0.0, f64::max);
            self.usual_gap_s = known.then(|| quantile(self.gaps.iter().copied(), USUAL_GAP)).flatten();
        }
    }

    /// Brings it up to event time `at`: whether it is quiet by now, which is remembered until it speaks again.
    pub fn refresh(&mut self, at: Timestamp) {
        self.measure();
        let silent = self.silent_s(at);
        // A second is the finest that event times can be trusted to. What comes in bursts is silent between them. What
        // has been silent for a day is no news any more.
        let long = |gap: f64| silent > (QUIET_FACTOR * gap).max(BURST_FACTOR * self.longest_s).max(1.0);
        self.quiet = silent < GONE_S && self.usual_gap_s.is_some_and(long);
    }

    /// Seconds since the newest; never negative.
    pub fn silent_s(&self, at: Timestamp) -> f64 {
        at.duration_since(self.heard).max(SignedDuration::ZERO).as_secs_f64()
    }

    /// "quiet 4m 10s (usually 2.0s)"
    pub fn text(&self, at: Timestamp) -> String {
        let span = |seconds: f64| humanize::span(Duration::from_secs_f64(seconds.clamp(0.0, 1e9)));
        let usual = self.usual_gap_s.map(|gap| format!(" (usually {})", span(gap))).unwrap_or_default();
        format!("quiet {}{usual}", span(self.silent_s(at)))
    }
}
