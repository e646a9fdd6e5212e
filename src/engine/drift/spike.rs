//! Point anomalies of one series: a causal score per value, free of the series' unit.
//!
//! The score asks "has this series ever done that?" rather than "how unlikely is that under a Gaussian?": four
//! features of the series (the value, its last step, a short trend and the short roughness) each have an envelope
//! that widens when it is left and relaxes slowly. How far a feature is outside, in units of the envelope, is the
//! novelty. What counts as far is learned from the series: heavy tails leave their envelope often and by much, so
//! each envelope remembers how large its recent surprises were and asks for more than that.
//!
//! For nearly all rows a few comparisons settle that they cannot alarm; only the others pay for the whole reckoning.

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

/// Share of the way to the value that an envelope relaxes per row: slow enough for weekly seasons to stay known.
const RELAX: f64 = 1.0 / 2000.0;
/// Widening of an envelope by one value outside, in units of its width: small, so one outlier hides no other.
const REACH: f64 = 0.09;
/// Factor on `REACH` for features that move slowly: they would widen ahead of their own excursion otherwise.
const SLOW_REACH: f64 = 0.1;
/// Further widening while an alarm lasts (`REACH * (1 + HURRY)` at most): a lasting change is adopted in a few rows.
const HURRY: f64 = 4.0;
/// Rows between two fadings of what is forgotten slowly.
const FADE_ROWS: u32 = 16;
/// Share of the memory of an excess kept per `FADE_ROWS` (half after 2,000 rows): what recurs by then is adopted at once.
const SEEN_KEEP: f32 = 1.0 - 16.0 * 0.000_35;
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
const WEIGHTS: [f64; FEATURES] = [0.72, 1.09, 0.66, 1.18];
/// Number of features with an envelope.
const FEATURES: usize = 4;
/// Places of the features.
const VALUE: usize = 0;
const STEP: usize = 1;
const TREND: usize = 2;
const ROUGH: usize = 3;
/// Excess (logarithm of the novelty) that alarms in a series which never surprises.
const BAR: f64 = 0.313;
/// Share of the remembered surprise that is asked for on top of `BAR`.
const BAR_SURPRISE: f64 = 1.6;
/// Asked for on top per recent alarm: a series that alarms often is like that.
const BAR_ALARMS: f64 = 0.14;
/// Share of the count of recent alarms kept per `FADE_ROWS`.
const ALARMS_KEEP: f32 = 1.0 - 16.0 / 3500.0;
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
/// Share of the remembered surprise, and of the count of departures, kept per `FADE_ROWS`.
const SURPRISE_KEEP: f32 = 1.0 - 16.0 * 0.0005;

/// Deviation in typical deviations from which a value is a departure, whatever the envelope says.
const DEPARTURE: f64 = 8.0;
/// Count of departures from which one more cannot alarm.
const MANY_DEPARTURES: f32 = 8.0;
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

/// What one value says, relative to the state before it.
struct Row {
    /// One over the number of rows seen before this one.
    youth: f64,
    fast: f64,
    slow: f64,
    jitter: f64,
    /// Distance to the long location.
    deviation: f64,
    /// Added to every clip: no limit during the first rows, else 0.
    slack: f64,
    /// Size of a step as far as it counts for the roughness.
    stride: f64,
    /// Rounding noise of the value.
    grain: f64,
    /// Value relative to the origin, step, trend (short mean over the slower one) and logarithm of the short roughness
    /// over the usual one.
    features: [f64; FEATURES],
}

/// Scores single values of one series by their novelty; see the head of this file for how.
///
/// The state is a fixed handful of numbers (no heap), an update costs constant time. Scores do not change when the
/// series is multiplied by a number other than zero or shifted, apart from rounding.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Spike {
    /// Values seen, as far as it can count.
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
    /// Envelope of each feature: its usual range, in the feature's unit. By bound, so that one instruction serves two.
    low: [f64; FEATURES],
    high: [f64; FEATURES],
    /// Largest recent excess of each feature in widths of its envelope, fading.
    seen: [f32; FEATURES],
    /// Usual size of a surprise of each feature: logarithm of the novelty, >= 0.
    surprise: [f32; FEATURES],
}

impl Spike {
    /// Scores `value` (finite) by the values before it, then learns it. Returns a score in [0, 1]; 0.5 is the alarm
    /// level, below it the score still ranks. The first rows score 0.
    pub fn observe(&mut self, value: f64) -> f64 {
        let scaled = value * DOWNSCALE;
        if self.rows < GROWING || self.hush >= HUSH_OVER {
            return self.judge(scaled);
        }
        let row = self.measure(scaled);
        if !self.is_usual(&row) {
            return self.judge(scaled);
        }
        self.adapt(&row);
        let far = self.remoteness(&row);
        self.follow(&row);
        REMOTE_MAX * far / (1.0 + (1.0 + REMOTE_MAX) * far)
    }

    #[inline]
    fn measure(&self, scaled: f64) -> Row {
        let youth = 1.0 / f64::from(self.rows);
        let value = scaled - self.origin;
        // The smaller of two values, so that one huge value does not count as rounding noise.
        let grain = GRAIN * larger(self.origin.abs(), smaller(value.abs(), self.last.abs()));
        let step = value - self.last;
        let tame = larger(smaller(value, self.high[VALUE]), self.low[VALUE]);
        let fast = self.fast + larger(FAST, youth) * (tame - self.fast);
        let slow = self.slow + larger(SLOW, youth) * (tame - self.slow);
        let slack = if self.rows < FIRST_SCORED { f64::MAX } else { 0.0 };
        let stride = smaller(step.abs(), STEP_CLIP * larger(self.stride, grain) + slack);
        let jitter = self.jitter + larger(FAST, youth) * (stride - self.jitter);
        let floor = ROUGH_FLOOR * self.stride + grain + TINY;
        let rough = log((jitter + floor) / (self.stride + floor));
        Row {
            youth,
            fast,
            slow,
            jitter,
            deviation: value - self.location,
            slack,
            stride,
            grain,
            features: [value, step, fast - slow, rough],
        }
    }

    /// Whether the row is so little outside its envelopes that it can neither alarm nor teach a larger surprise, which
    /// holds for nearly all: such a row is spared the whole reckoning of novelty.
    fn is_usual(&self, row: &Row) -> bool {
        let (centre, grain) = (self.centre(), row.grain);
        let above = [grain - centre, grain, grain, ROUGH_GRAIN];
        let below = [grain + centre, grain, grain, ROUGH_GRAIN];
        let mut usual = !self.departs(row) || self.departures > MANY_DEPARTURES;
        // Without short circuits: one branch that is nearly always the same instead of nine.
        for at in 0..FEATURES {
            let (feature, low, high) = (row.features[at], self.low[at], self.high[at]);
            // The logarithm of 1 + x is below x, and the bar is above the surprise.
            let share = f64::from(self.surprise[at]) * (1.0 / WEIGHTS[at]);
            usual &= feature - high <= share * (high + above[at]);
            usual &= low - feature <= share * (below[at] - low);
        }
        usual
    }

    /// Whether the value is far from the location, whatever its envelope says.
    fn departs(&self, row: &Row) -> bool {
        row.deviation.abs() > DEPARTURE * (self.spread + row.grain) + TINY
    }

    /// Learns from a row that is usual.
    fn adapt(&mut self, row: &Row) {
        let [value, step, ..] = row.features;
        if self.excess(VALUE, value) > 0.0 || self.excess(STEP, step) > 0.0 {
            self.learn(VALUE, value, REACH, true);
            self.learn(STEP, step, REACH, true);
        } else {
            for at in [VALUE, STEP] {
                self.high[at] -= (self.high[at] - row.features[at]) * RELAX;
                self.low[at] += (row.features[at] - self.low[at]) * RELAX;
            }
        }
        for at in [TREND, ROUGH] {
            let (low, high) = (self.low[at], self.high[at]);
            let grant = REACH * SLOW_REACH * (high - low);
            let target = larger(smaller(row.features[at], high + grant), low - grant);
            self.high[at] = larger(target, high - (high - target) * RELAX);
            self.low[at] = smaller(target, low + (target - low) * RELAX);
        }
        self.hush = fade(self.hush, HUSH_KEEP);
    }

    /// Lets `FADE_ROWS` rows pass for what is forgotten slowly.
    fn fade(&mut self) {
        for (seen, surprise) in self.seen.iter_mut().zip(&mut self.surprise) {
            *seen = fade(*seen, SEEN_KEEP);
            *surprise = fade(*surprise, SURPRISE_KEEP);
        }
        self.alarms = fade(self.alarms, ALARMS_KEEP);
        self.departures = fade(self.departures, SURPRISE_KEEP);
    }

    /// How remote the row is from the long location: ranks rows of a stretch whose novelty is used up. It never alarms.
    fn remoteness(&self, row: &Row) -> f64 {
        let value = row.deviation.abs() / (self.spread + row.grain + TINY);
        let step = REMOTE_STEP * row.features[STEP].abs() / (self.stride + row.grain + TINY);
        (smaller(larger(value, step), 1e6) * REMOTE).powi(4)
    }

    /// Moves the means on by one row.
    #[inline]
    fn follow(&mut self, row: &Row) {
        self.departures += f32::from(u8::from(self.departs(row)));
        let long = larger(LONG, row.youth);
        let most = CLIP * larger(self.spread, row.grain) + row.slack;
        self.spread += long * (smaller(row.deviation.abs(), most) - self.spread);
        self.location += long * larger(smaller(row.deviation, most), -most);
        self.stride += long * (smaller(row.stride, CLIP * larger(self.stride, row.grain) + row.slack) - self.stride);
        (self.fast, self.slow, self.jitter, self.last) = (row.fast, row.slow, row.jitter, row.features[VALUE]);
        self.rows = self.rows.checked_add(1).unwrap_or(u32::MAX - FADE_ROWS + 1); // So that fading goes on.
        if self.rows.is_multiple_of(FADE_ROWS) {
            self.fade();
        }
    }

    /// Scores and learns any row; for those that are not obviously usual.
    #[cold]
    #[inline(never)]
    fn judge(&mut self, scaled: f64) -> f64 {
        if self.rows == 0 {
            (self.rows, self.origin) = (1, scaled);
            self.surprise = [SURPRISE_START; FEATURES];
            return 0.0;
        }
        let (row, centre) = (&self.measure(scaled), self.centre());
        let novelty = self.novelty(row, centre);
        let ratio = self.ratio(row, centre, &novelty);
        let (odds, far) = (ratio.powi(8), self.remoteness(row));
        let alarming = odds >= 1.0 && self.rows >= FIRST_SCORED;
        let remote = odds + REMOTE_MAX * far / (1.0 + far);
        let score = match (self.rows < FIRST_SCORED, alarming) {
            (true, _) => 0.0,
            (_, true) if ratio >= 1.0 + HUSH_BAR * f64::from(self.hush) => odds / (1.0 + odds),
            (_, true) => QUIET_MAX * odds / (1.0 + odds),
            _ => smaller(remote / (1.0 + remote), QUIET_MAX),
        };
        let fresh = self.hush < HUSH_OVER;
        self.learn_ranges(row, &novelty, alarming && fresh, fresh);
        self.alarms += f32::from(u8::from(alarming && fresh));
        self.hush = if alarming { 1.0 } else { fade(self.hush, HUSH_KEEP) };
        self.follow(row);
        score
    }

    fn width(&self, at: usize) -> f64 {
        self.high[at] - self.low[at]
    }

    /// The location, moved inside the envelope of the values.
    fn centre(&self) -> f64 {
        let inset = CENTRE_INSET * self.width(VALUE);
        let (low, high) = (self.low[VALUE] + inset, self.high[VALUE] - inset);
        larger(smaller(self.location, high), low)
    }

    /// How far feature `at` is outside its envelope; negative inside.
    fn excess(&self, at: usize, feature: f64) -> f64 {
        larger(feature - self.high[at], self.low[at] - feature)
    }

    /// Distance from `centre` to the bound on the side of `feature`.
    fn side(&self, at: usize, feature: f64, centre: f64) -> f64 {
        // Without a branch on the sign, which would be a coin toss for the processor.
        let half = 0.5 * self.width(at);
        half + (self.low[at] + half - centre) * 1.0_f64.copysign(feature - centre)
    }

    /// Novelty of the four features: 0 inside the envelope, beyond it 1 + weighted excess in units of the side.
    fn novelty(&self, row: &Row, centre: f64) -> [f64; FEATURES] {
        let trend_grain = row.grain + TREND_FLOOR * self.width(VALUE);
        let grains = [row.grain, row.grain, trend_grain, ROUGH_GRAIN];
        let centres = [centre, 0.0, 0.0, 0.0];
        std::array::from_fn(|at| {
            let (excess, width) = (self.excess(at, row.features[at]), self.width(at));
            // The first move of a constant series is news of its value, not of its trend.
            if excess <= 0.0 || (at == TREND && width <= 0.0) {
                return 0.0;
            }
            let side = self.side(at, row.features[at], centres[at]);
            let unit = larger(side, SIDE_FLOOR * width) + grains[at] + TINY;
            1.0 + WEIGHTS[at] * smaller(excess / unit, NOVELTY_MAX)
        })
    }

    /// Largest novelty in units of what its feature needs to alarm: 1 is the alarm level.
    fn ratio(&self, row: &Row, centre: f64, novelty: &[f64; FEATURES]) -> f64 {
        let young = 1.0 + (YOUNG * row.youth).powi(2);
        let base = BAR + BAR_ALARMS * f64::from(self.alarms);
        let value_tail = heavy(self.side(VALUE, row.features[VALUE], centre), self.spread + row.grain);
        let step_tail = heavy(self.side(STEP, row.features[STEP], 0.0), self.stride + row.grain);
        let tails = [value_tail, step_tail, value_tail, 0.0];
        let mut best: f64 = 0.0;
        for ((surprise, one), tail) in self.surprise.iter().zip(novelty).zip(tails) {
            let bar = base + tail + BAR_SURPRISE * f64::from(*surprise);
            best = larger(best, one / height(bar * young));
        }
        if self.departs(row) {
            // A departure is news as such: finds a second outlier in the shadow of a much larger one.
            let far = row.deviation.abs() / (DEPARTURE * (self.spread + row.grain) + TINY);
            let known = 1.0 + f64::from(self.departures);
            let rare = 1.0 + (smaller(far, 8.0) - 1.0) / (known * known);
            let bar = base + BAR_SURPRISE * f64::from(SURPRISE_START);
            best = larger(best, rare / height(bar * young));
        }
        best
    }

    /// `starts`: an alarm begins here; `fresh`: no alarm was lately.
    fn learn_ranges(&mut self, row: &Row, novelty: &[f64; FEATURES], starts: bool, fresh: bool) {
        let hush = f64::from(self.hush);
        let (reach, slow_reach) = match (self.rows < GROWING, fresh) {
            (true, _) => (1.0, 1.0),
            (_, true) => (REACH, REACH * SLOW_REACH),
            _ => (REACH * (1.0 + HURRY * hush), REACH * (1.0 + HURRY * hush)),
        };
        if self.rows > FIRST_SCORED {
            let gain = SURPRISE_GAIN * (1.0 - hush) * smaller(f64::from(self.rows) * MATURE, 1.0);
            let gains = [gain, gain, gain * SURPRISE_SLOW, gain * SURPRISE_SLOW];
            for ((surprise, one), gain) in self.surprise.iter_mut().zip(novelty).zip(gains) {
                if *one > 1.0 {
                    let more = smaller(one.ln(), SURPRISE_MAX) - f64::from(*surprise);
                    *surprise += narrow(gain * larger(more, 0.0));
                }
            }
            self.learn(ROUGH, row.features[ROUGH], slow_reach, starts);
        }
        self.learn(VALUE, row.features[VALUE], reach, fresh);
        self.learn(STEP, row.features[STEP], reach, fresh);
        self.learn(TREND, row.features[TREND], slow_reach, starts);
    }

    /// Widens envelope `at` towards `feature` by at most `reach` widths (at once from zero width), else relaxes towards
    /// it. With `confirm`, an excess as large as one seen lately is adopted in full: jumps that recur are usual.
    #[inline(never)]
    fn learn(&mut self, at: usize, feature: f64, reach: f64, confirm: bool) {
        let (excess, before) = (self.excess(at, feature), self.width(at));
        let seen = f64::from(self.seen[at]) * before;
        let grant = if before > 0.0 { reach * before } else { excess };
        let confirm = confirm && excess > 0.0;
        let grant = if confirm { larger(grant, seen) } else { grant };
        let (low, high) = (self.low[at], self.high[at]);
        let target = larger(smaller(feature, high + grant), low - grant);
        self.high[at] = larger(target, high - (high - target) * RELAX);
        self.low[at] = smaller(target, low + (target - low) * RELAX);
        if confirm {
            self.seen[at] = narrow(smaller(larger(seen, excess) / (self.width(at) + TINY), 1e30));
        }
    }
}

/// Natural logarithm of a positive number within 0.006, far cheaper than the exact one: the upper half of the bits, read
/// as an integer, is the logarithm but for a bend between powers of two.
fn log(number: f64) -> f64 {
    use std::f64::consts::LN_2;
    let bits = number.to_bits();
    let part = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000) - 1.0;
    let straight = f64::from((bits >> 32) as u32) * (LN_2 / 1_048_576.0) - 1023.0 * LN_2;
    straight + 0.24 * part * (1.0 - part)
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
