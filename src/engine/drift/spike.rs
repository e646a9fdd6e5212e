//! Point anomalies of one series: a causal score per value, free of the series' unit.
//!
//! The score asks "has this series ever done that?" rather than "how unlikely is that under a Gaussian?": four
//! features of the series (the value, its last step, a short trend and the short roughness) each have an envelope
//! that widens when it is left and relaxes slowly. How far a feature is outside, in units of the envelope, is the
//! novelty. What counts as far is learned from the series: heavy tails leave their envelope often and by much, so
//! each envelope remembers how large its recent surprises were and asks for more than that.

use serde::{Deserialize, Serialize};

/// All values are scaled by this power of two (exact) so that no difference or sum of finite values overflows.
const DOWNSCALE: f64 = 1.0 / 1024.0;
/// Added to divisors that may be zero; far below any scale that survives `DOWNSCALE`.
const TINY: f64 = 1e-300;
/// Rounding noise of a value, in units of its own magnitude; differences below it are no news.
const GRAIN: f64 = 8.0 * f64::EPSILON;

/// Rows before the first score: fewer say nothing about a range.
const FIRST_SCORED: u32 = 20;
/// Rows after which the alarm level has about its final height; below, `1 + (YOUNG / rows)^2` times more is asked.
const YOUNG: f64 = 45.0;
/// Rows during which the envelopes may double at once: early range is learned by being exceeded.
const GROWING: u32 = 200;
/// Per row: share of a surprise that counts as evidence of a heavy tail; early records are large in every series.
const MATURE: f64 = 1.0 / 400.0;

/// Share of the way towards the current value that an envelope relaxes per row: about a week of five-minute rows, so
/// weekly seasons stay known.
const RELAX: f64 = 1.0 / 2000.0;
/// Widening of an envelope by one value outside, in units of its width: small, so one outlier hides no other.
const REACH: f64 = 0.09;
/// Factor on `REACH` for features that move slowly: they would widen ahead of their own excursion otherwise.
const SLOW_REACH: f64 = 0.1;
/// Further widening while an alarm lasts (`REACH * (1 + HURRY)` at most): a lasting change is adopted in a few rows.
const HURRY: f64 = 4.0;
/// Share of the memory of an excess kept per row (half after 2,000 rows): what recurs within that is adopted at once.
const CONFIRM_KEEP: f32 = 1.0 - 0.000_35;
/// Least unit of novelty of a side, in units of the whole envelope: a side that was never used is not infinitely tight.
const SIDE_FLOOR: f64 = 0.03;
/// The centre of a value is kept this far (in widths) inside its envelope.
const CENTRE_INSET: f64 = 0.25;
/// Largest novelty; beyond it size says nothing more.
const NOVELTY_MAX: f64 = 1000.0;

/// Gain of the short mean and the short roughness (a memory of about six rows).
const FAST: f64 = 0.17;
/// Gain of the mean that the short mean is compared with (some seventy rows).
const SLOW: f64 = 0.012;
/// Final gain of the location and scale of the whole series.
const LONG: f64 = 0.0002;
/// Deviations enter the long scale and location up to this multiple of the scale.
const CLIP: f64 = 6.0;
/// Steps enter the roughness up to this multiple of the typical step: one jump is no rough stretch.
const STEP_CLIP: f64 = 5.0;
/// Floor of the roughness in typical steps: gives a flat stretch a finite logarithm.
const ROUGH_FLOOR: f64 = 0.02;
/// Rounding guard of the roughness feature (a logarithm, so without unit).
const ROUGH_GRAIN: f64 = 0.5;

/// Added to the unit of the trend's novelty, in widths of the value's envelope.
const TREND_FLOOR: f64 = 0.02;

/// Weights of the features' excess: value, step, trend, roughness.
const WEIGHTS: [f64; FEATURES] = [0.72, 1.09, 0.66, 1.2];
/// Number of features with an envelope.
const FEATURES: usize = 4;
/// Excess (logarithm of the novelty) that alarms in a series which never surprises.
const BAR: f64 = 0.31;
/// Share of the remembered surprise that is asked for on top of `BAR`.
const BAR_SURPRISE: f64 = 1.6;
/// Asked for on top per recent alarm: a series that alarms often is like that.
const BAR_ALARMS: f64 = 0.14;
/// Share of the count of recent alarms lost per row.
const ALARMS_FADE: f32 = 1.0 / 3500.0;
/// Asked for on top, per logarithm of the side of the envelope over the typical deviation: heavy tails.
const BAR_TAIL: f64 = 0.52;
/// Side of an envelope in typical deviations from which a tail counts as heavy (a Gaussian reaches about 4.5).
const TAIL_FROM: f64 = 3.0;
/// Largest factor over `TAIL_FROM` that counts, so that quiet series with rare bursts are not silenced.
const TAIL_MAX: f64 = 2.4;
/// Highest bar (as a logarithm).
const BAR_MAX: f64 = 5.0;

/// Surprise remembered before anything was seen.
const SURPRISE_START: f32 = 0.3;
/// Gain of the remembered surprise.
const SURPRISE_GAIN: f64 = 0.37;
/// Factor on `SURPRISE_GAIN` for the slow features, which stay outside for several rows.
const SURPRISE_SLOW: f64 = 0.5;
/// Largest single surprise (logarithm): a blatant outlier does not teach that outliers are usual.
const SURPRISE_MAX: f64 = 0.35;
/// Share of the remembered surprise lost per row.
const SURPRISE_FADE: f32 = 0.0005;

/// Deviation in typical deviations from which a value is a departure, whatever the envelope says.
const DEPARTURE: f64 = 8.0;
/// Share of the count of departures lost per row.
const DEPARTURES_FADE: f32 = 1.0 / 2000.0;
/// Share of the hush after an alarm that is left after one more row (0.95: gone after about 50 rows).
const HUSH_KEEP: f32 = 0.95;
/// Hush below which an excess belongs to a new episode.
const HUSH_OVER: f32 = 0.1;
/// A row within the hush alarms only if it exceeds the bar by this factor (at full hush) on top.
const HUSH_BAR: f64 = 1.25;
/// One over the distance from the usual, in typical deviations, where the ranking part is half its height.
const REMOTE: f64 = 1.0 / 6.0;
/// Height of the ranking part, as odds; below 1 so that it never alarms.
const REMOTE_MAX: f64 = 0.4;
/// Weight of the step beside the value in the ranking part.
const REMOTE_STEP: f64 = 0.5;
/// Highest score of a row that does not alarm.
const QUIET_MAX: f64 = 0.499;

/// The usual range of one feature. `low` and `high` in the feature's unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Envelope {
    low: f64,
    high: f64,
    /// Largest recent excess in widths, fading.
    seen: f32,
    /// Usual size of a surprise: logarithm of the novelty, >= 0.
    surprise: f32,
}

impl Default for Envelope {
    fn default() -> Self {
        Self { low: 0.0, high: 0.0, seen: 0.0, surprise: SURPRISE_START }
    }
}

impl Envelope {
    fn width(&self) -> f64 {
        self.high - self.low
    }

    /// Distance from `centre` to the bound on the side of `feature`.
    fn side(&self, feature: f64, centre: f64) -> f64 {
        // Without a branch on the sign, which would be a coin toss for the processor.
        let half = 0.5 * self.width();
        half + (self.low + half - centre) * 1.0_f64.copysign(feature - centre)
    }

    /// `centre` moved inside the envelope.
    fn inner(&self, centre: f64) -> f64 {
        let inset = CENTRE_INSET * self.width();
        larger(smaller(centre, self.high - inset), self.low + inset)
    }

    /// 0 at the centre, 1 at the bound, beyond it 1 + excess in units of the side.
    fn novelty(&self, feature: f64, centre: f64, grain: f64) -> f64 {
        let side = self.side(feature, centre);
        let excess = larger(feature - self.high, self.low - feature);
        if excess > 0.0 {
            1.0 + (excess / (side.max(SIDE_FLOOR * self.width()) + grain + TINY)).min(NOVELTY_MAX)
        } else {
            smaller((feature - centre).abs() / (side + grain + TINY), 1.0)
        }
    }

    /// Widens towards `feature` by at most `reach` widths (at once from zero width), else relaxes towards it. With
    /// `confirm`, an excess as large as one seen lately is adopted in full: jumps that recur are usual.
    fn learn(&mut self, feature: f64, reach: f64, confirm: bool) {
        let excess = larger(feature - self.high, self.low - feature);
        let before = self.width();
        let seen = f64::from(self.seen) * before;
        let mut grant = if before > 0.0 { reach * before } else { excess };
        self.seen = fade(self.seen, CONFIRM_KEEP);
        if confirm && excess > 0.0 {
            grant = larger(grant, seen);
        }
        let target = larger(smaller(feature, self.high + grant), self.low - grant);
        self.high = larger(target, self.high - (self.high - target) * RELAX);
        self.low = smaller(target, self.low + (target - self.low) * RELAX);
        if confirm && excess > 0.0 {
            self.seen = narrow(smaller(larger(seen, excess) / (self.width() + TINY), 1e30));
        }
    }

    /// Remembers a novelty outside the envelope; the memory fades with every row.
    fn remember(&mut self, novelty: f64, gain: f64) {
        if novelty > 1.0 && gain > 0.0 {
            let more = novelty.ln().min(SURPRISE_MAX) - f64::from(self.surprise);
            self.surprise += narrow(gain * more.max(0.0));
        }
        self.surprise = fade(self.surprise, 1.0 - SURPRISE_FADE);
    }
}

/// What one value says, relative to the state before it.
struct Row {
    /// One over the number of rows seen before this one.
    youth: f64,
    /// Value relative to the origin, scaled.
    value: f64,
    step: f64,
    fast: f64,
    slow: f64,
    jitter: f64,
    /// Logarithm of the short roughness over the usual one.
    rough: f64,
    /// Distance to the long location.
    deviation: f64,
    /// Size of a step as far as it counts for the roughness.
    stride: f64,
    /// Rounding noise of the value.
    grain: f64,
    /// Centre of the envelope of values.
    centre: f64,
}

/// Scores single values of one series by their novelty; see the head of this file for how.
///
/// The state is a fixed handful of numbers (no heap), an update costs constant time. Scores do not change when the
/// series is multiplied by a number other than zero or shifted, apart from rounding.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Spike {
    /// Values seen, saturating.
    rows: u32,
    /// Fading count of values far from the location.
    departures: f32,
    /// Fading count of alarms (episodes).
    alarms: f32,
    /// 1 at an alarm, then fading: the time in which more of the same is no news.
    hush: f32,
    /// First value, scaled; everything below is relative to it, so large offsets cost no precision.
    origin: f64,
    location: f64,
    /// Typical distance from the location.
    spread: f64,
    last: f64,
    fast: f64,
    slow: f64,
    /// Short mean of the step sizes.
    jitter: f64,
    /// Long mean of the step sizes.
    stride: f64,
    value_range: Envelope,
    step_range: Envelope,
    trend_range: Envelope,
    rough_range: Envelope,
}

impl Spike {
    /// Scores `value` (finite) by the values before it, then learns it. Returns a score in [0, 1]; 0.5 is the alarm
    /// level, below it the score still ranks. The first rows score 0.
    pub fn observe(&mut self, value: f64) -> f64 {
        let scaled = value * DOWNSCALE;
        if self.rows == 0 {
            self.origin = scaled;
            self.rows = 1;
            return 0.0;
        }
        let row = self.measure(scaled);
        let novelty = self.novelty(&row);
        let ratio = self.ratio(&row, &novelty);
        let odds = ratio.powi(8);
        let young = self.rows < FIRST_SCORED;
        let alarming = odds >= 1.0 && !young;
        let score = match (young, alarming) {
            (true, _) => 0.0,
            (_, true) if ratio >= 1.0 + HUSH_BAR * f64::from(self.hush) => odds / (1.0 + odds),
            (_, true) => QUIET_MAX * odds / (1.0 + odds),
            _ => rank(odds + self.remoteness(&row)),
        };
        self.learn(&row, &novelty, alarming);
        score
    }

    fn measure(&self, scaled: f64) -> Row {
        let youth = 1.0 / f64::from(self.rows);
        let value = scaled - self.origin;
        // The smaller of two values, so that one huge value does not count as rounding noise.
        let grain = GRAIN * larger(self.origin.abs(), smaller(value.abs(), self.last.abs()));
        let step = value - self.last;
        let tame = larger(smaller(value, self.value_range.high), self.value_range.low);
        let fast = self.fast + larger(FAST, youth) * (tame - self.fast);
        let slow = self.slow + larger(SLOW, youth) * (tame - self.slow);
        let stride = if self.rows < FIRST_SCORED {
            step.abs()
        } else {
            smaller(step.abs(), STEP_CLIP * larger(self.stride, grain))
        };
        let jitter = self.jitter + larger(FAST, youth) * (stride - self.jitter);
        let floor = ROUGH_FLOOR * self.stride + grain + TINY;
        let rough = ((jitter + floor) / (self.stride + floor)).ln();
        let (centre, deviation) = (self.value_range.inner(self.location), value - self.location);
        Row { youth, value, step, fast, slow, jitter, rough, deviation, stride, grain, centre }
    }

    /// Novelty of the four features, weighted beyond the bound.
    fn novelty(&self, row: &Row) -> [f64; FEATURES] {
        let mut novelty = [
            self.value_range.novelty(row.value, row.centre, row.grain),
            self.step_range.novelty(row.step, 0.0, row.grain),
            self.trend_range.novelty(row.fast - row.slow, 0.0, row.grain + TREND_FLOOR * self.value_range.width()),
            self.rough_range.novelty(row.rough, 0.0, ROUGH_GRAIN),
        ];
        if self.trend_range.width() <= 0.0 {
            novelty[2] = 0.0; // The first move of a constant series is news of its value, not of its trend.
        }
        for (one, weight) in novelty.iter_mut().zip(WEIGHTS) {
            if *one > 1.0 {
                *one = 1.0 + (*one - 1.0) * weight;
            }
        }
        novelty
    }

    /// Largest novelty in units of what its feature needs to alarm: 1 is the alarm level.
    fn ratio(&self, row: &Row, novelty: &[f64; FEATURES]) -> f64 {
        let young = 1.0 + (YOUNG * row.youth).powi(2);
        let base = BAR + BAR_ALARMS * f64::from(self.alarms);
        let value_tail = heavy(self.value_range.side(row.value, row.centre), self.spread + row.grain);
        let step_tail = heavy(self.step_range.side(row.step, 0.0), self.stride + row.grain);
        let extra = [value_tail, step_tail, value_tail, 0.0];
        let ranges = [&self.value_range, &self.step_range, &self.trend_range, &self.rough_range];
        let mut best: f64 = 0.0;
        for ((range, one), tail) in ranges.into_iter().zip(novelty).zip(extra) {
            let bar = base + tail + BAR_SURPRISE * f64::from(range.surprise);
            best = larger(best, one / height(bar * young));
        }
        let rare = self.rareness(row);
        if rare > 1.0 {
            let bar = base + BAR_SURPRISE * f64::from(SURPRISE_START);
            best = larger(best, rare / height(bar * young));
        }
        best
    }

    /// Novelty of a departure from the usual as such; finds a second outlier in the shadow of a much larger one.
    fn rareness(&self, row: &Row) -> f64 {
        let far = row.deviation.abs() / (DEPARTURE * (self.spread + row.grain) + TINY);
        let known = 1.0 + f64::from(self.departures);
        if far > 1.0 { 1.0 + (far.min(8.0) - 1.0) / (known * known) } else { 0.0 }
    }

    /// Odds in [0, `REMOTE_MAX`] by the plain distance from the long location: ranks rows of a stretch whose novelty is
    /// used up. It never alarms.
    fn remoteness(&self, row: &Row) -> f64 {
        let value = row.deviation.abs() / (self.spread + row.grain + TINY);
        let step = REMOTE_STEP * row.step.abs() / (self.stride + row.grain + TINY);
        let far = (smaller(larger(value, step), 1e6) * REMOTE).powi(4);
        REMOTE_MAX * far / (1.0 + far)
    }

    fn learn(&mut self, row: &Row, novelty: &[f64; FEATURES], alarming: bool) {
        let fresh = self.hush < HUSH_OVER;
        self.learn_ranges(row, novelty, alarming && fresh, fresh);
        self.alarms = fade(self.alarms, 1.0 - ALARMS_FADE);
        self.hush = fade(self.hush, HUSH_KEEP);
        if alarming {
            self.alarm(fresh);
        }
        self.departures = fade(self.departures, 1.0 - DEPARTURES_FADE);
        if row.deviation.abs() > DEPARTURE * (self.spread + row.grain) + TINY {
            self.departures += 1.0;
        }
        let long = larger(LONG, row.youth);
        let most = CLIP * larger(self.spread, row.grain);
        let most = if self.rows < FIRST_SCORED { most.max(row.deviation.abs()) } else { most };
        self.spread += long * (smaller(row.deviation.abs(), most) - self.spread);
        self.location += long * larger(smaller(row.deviation, most), -most);
        let most = if self.rows < FIRST_SCORED { row.stride } else { CLIP * larger(self.stride, row.grain) };
        self.stride += long * (smaller(row.stride, most) - self.stride);
        (self.fast, self.slow, self.jitter, self.last) = (row.fast, row.slow, row.jitter, row.value);
        self.rows = self.rows.saturating_add(1);
    }

    /// Cold, so that rows without an alarm need not wait for the score of the row before them.
    #[cold]
    #[inline(never)]
    fn alarm(&mut self, fresh: bool) {
        if fresh {
            self.alarms += 1.0;
        }
        self.hush = 1.0;
    }

    /// `starts`: an alarm begins here; `fresh`: no alarm was lately.
    fn learn_ranges(&mut self, row: &Row, novelty: &[f64; FEATURES], starts: bool, fresh: bool) {
        let growing = self.rows < GROWING;
        let hush = f64::from(self.hush);
        let reach = if growing { 1.0 } else { (REACH * (1.0 + HURRY * hush)).min(1.0) };
        let slow_reach = if growing || !fresh { reach } else { reach * SLOW_REACH };
        if self.rows > FIRST_SCORED {
            let gain = SURPRISE_GAIN * (1.0 - hush) * (f64::from(self.rows) * MATURE).min(1.0);
            self.value_range.remember(novelty[0], gain);
            self.step_range.remember(novelty[1], gain);
            self.trend_range.remember(novelty[2], gain * SURPRISE_SLOW);
            self.rough_range.remember(novelty[3], gain * SURPRISE_SLOW);
            self.rough_range.learn(row.rough, slow_reach, starts);
        }
        self.value_range.learn(row.value, reach, fresh);
        self.step_range.learn(row.step, reach, fresh);
        self.trend_range.learn(row.fast - row.slow, slow_reach, starts);
    }
}

/// Novelty that a bar asks for: `e^bar` for small bars, a little less for high ones, without the cost of `exp`.
fn height(bar: f64) -> f64 {
    (1.0 + smaller(bar, BAR_MAX) / 16.0).powi(16)
}

/// What a heavy tail adds to the bar, from the reach of an envelope and the typical deviation.
fn heavy(side: f64, typical: f64) -> f64 {
    // With t = side / from in [1, `TAIL_MAX`], 2 (t - 1) / (t + 1) is ln t within 6 %.
    let from = TAIL_FROM * typical + TINY;
    let side = larger(smaller(side, TAIL_MAX * from), from);
    2.0 * BAR_TAIL * (side - from) / (side + from)
}

/// Score of a row that does not alarm.
fn rank(odds: f64) -> f64 {
    smaller(odds / (1.0 + odds), QUIET_MAX)
}

/// `share` of a fading memory; ends at 0, for subnormal numbers are slow.
fn fade(memory: f32, share: f32) -> f32 {
    if memory > 1e-6 { memory * share } else { 0.0 }
}

/// Rounds a memory of small range to 24 bits, which is enough for it and saves space.
#[allow(clippy::cast_possible_truncation)]
fn narrow(memory: f64) -> f32 {
    memory as f32
}

/// The smaller one; unlike `f64::min` a single instruction, as no NaN occurs here.
fn smaller(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// The larger one; see [`smaller`].
fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

#[cfg(test)]
mod tests;
