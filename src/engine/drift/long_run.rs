//! How much more the mean of some rows varies than it would if they were independent.
//!
//! Rows of real series depend on each other: a slow minute is followed by a slow minute, and a day has a course. Taken
//! for independent they look as if they changed all the time. The factor is that of a first-order autoregression,
//! (1 + ρ) / (1 − ρ), fitted to single rows and to means of 8, 32 and 128 rows, the largest of them. ρ comes from
//! squared differences of neighbours (von Neumann's ratio), which a single change of level hardly touches.

use serde::{Deserialize, Serialize};

/// Sizes of blocks: 1, 8, 32, 128 rows; each is so many of the one before.
const STEPS: [u8; 4] = [1, 8, 4, 4];

/// Rows of memory at each size.
const MEMORY: f32 = 8_192.0;

/// Blocks below which a size says nothing.
const LEAST: f32 = 10.0;

/// Largest autocorrelation that is told from a wandering series.
const MOST: f32 = 0.98;

/// Standard errors below the estimate that is believed, where few blocks make it.
const SURE: f32 = 0.5;

/// Variance that is none: a statistic that does not vary, or only between the two sides, says nothing of dependence.
const NONE: f32 = 1e-6;

/// Rows that what earlier regimes have shown counts for.
const CARRIED: f32 = 200.0;

/// Blocks of one size.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Blocks {
    part: [f32; 2],
    last: [f32; 2],
    sum: [f32; 2],
    squares: [f32; 2],
    steps: [f32; 2],
    count: f32,
    parts: u8,
}

impl Blocks {
    /// Adds a mean of the size before; this size's mean when a block is complete.
    fn push(&mut self, row: [f32; 2], step: u8) -> Option<[f32; 2]> {
        self.part = [self.part[0] + row[0], self.part[1] + row[1]];
        self.parts += 1;
        if self.parts < step {
            return None;
        }
        let mean = self.part.map(|part| part / f32::from(step));
        for (s, mean) in mean.into_iter().enumerate() {
            if self.count > 0.0 {
                let d = mean - self.last[s];
                self.steps[s] += d * d;
            }
            self.sum[s] += mean;
            self.squares[s] += mean * mean;
        }
        (self.part, self.last, self.parts) = ([0.0; 2], mean, 0);
        self.count += 1.0;
        if self.count > MEMORY {
            self.count /= 2.0;
            for sums in [&mut self.sum, &mut self.squares, &mut self.steps] {
                *sums = sums.map(|sum| sum / 2.0);
            }
        }
        Some(mean)
    }

    /// Autocorrelation of neighbours and variance of the means, less the variance `between` the two sides of a split.
    fn fit(&self, s: usize, between: f32) -> (f32, f32) {
        let n = self.count;
        let variance = ((self.squares[s] - self.sum[s] * self.sum[s] / n) / (n - 1.0) - between).max(NONE);
        let rho = 1.0 - self.steps[s] / (n - 1.0) / (2.0 * variance);
        // Small samples estimate it too low (Kendall, 1954).
        (rho + (1.0 + 3.0 * rho.max(0.0)) / n, variance)
    }
}

/// Dependence among the rows of one regime, of two statistics.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LongRun {
    blocks: [Blocks; STEPS.len()],
    /// Factors of the regime before.
    carried: Option<[f32; 2]>,
}

impl LongRun {
    /// For the regime that follows: how its rows depend on each other is likely to stay, and slow changes that were
    /// taken for a change of regime are counted as dependence from now on.
    pub fn next(&self) -> Self {
        Self { carried: Some([self.factor(0, 0.0, 0.0), self.factor(1, 0.0, 0.0)]), ..Self::default() }
    }

    /// Takes a row.
    pub fn push(&mut self, row: [f32; 2]) {
        let mut mean = row;
        for (blocks, step) in self.blocks.iter_mut().zip(STEPS) {
            match blocks.push(mean, step) {
                Some(block) => mean = block,
                None => return,
            }
        }
    }

    /// By what the variance of a mean exceeds that of independent rows, at least 1. `within` is the variance of rows
    /// on either side of a split, or 0 where it is not known; `between` that of the two sides' means.
    pub fn factor(&self, s: usize, within: f32, between: f32) -> f32 {
        let own = self.of(STEPS.len(), s, within, between);
        if s == 0 {
            return own;
        }
        // Spread clusters where level does, and its sums have heavier tails than a Gaussian's.
        own.max((own * self.of(STEPS.len(), 0, 0.0, 0.0)).sqrt())
    }

    /// The same, of the dependence over a few rows only.
    pub fn short(&self) -> f32 {
        self.of(2, 0, 0.0, 0.0).max(self.of(2, 1, 0.0, 0.0))
    }

    fn of(&self, sizes: usize, s: usize, within: f32, between: f32) -> f32 {
        let (mut factor, mut unit, mut size) = (1f32, within, 1f32);
        for (k, blocks) in self.blocks.iter().enumerate().take(sizes) {
            size *= f32::from(STEPS[k]);
            let n = blocks.count;
            if n < LEAST {
                break;
            }
            let (rho, variance) = blocks.fit(s, between);
            if variance <= NONE {
                unit = unit.max(NONE);
                continue;
            }
            if k == 0 {
                unit = if within > 0.0 { within } else { variance };
                factor = multiple(rho);
                continue;
            }
            // Few blocks: a little less than the estimate is believed.
            let sure = (1.0 - SURE * (2.0 / n).sqrt()).max(0.0);
            factor = factor.max(size * variance / unit * sure * multiple(rho - SURE / n.sqrt()));
        }
        let Some(carried) = self.carried else { return factor };
        let weight = CARRIED / (CARRIED + self.blocks[0].count);
        factor * (carried[s] / factor).powf(weight)
    }
}

/// Long-run variance of an autoregression, as a multiple of its variance.
fn multiple(rho: f32) -> f32 {
    let rho = rho.clamp(0.0, MOST);
    (1.0 + rho) / (1.0 - rho)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::drift::noise::noise;

    fn factor(rows: impl IntoIterator<Item = f64>) -> f32 {
        let mut long_run = LongRun::default();
        rows.into_iter().for_each(|row| long_run.push([row as f32, 0.0]));
        long_run.factor(0, 0.0, 0.0)
    }

    fn autoregression(seed: u64, phi: f64) -> impl FnMut() -> f64 {
        let (mut normal, mut last) = (noise(seed), 0.0);
        move || {
            last = phi * last + (1.0 - phi * phi).sqrt() * normal();
            last
        }
    }

    /// The least, the middle one and the most of 21.
    fn of_seeds(factor: impl Fn(u64) -> f32) -> [f32; 3] {
        let mut factors: Vec<f32> = (0..21).map(factor).collect();
        factors.sort_by(f32::total_cmp);
        [factors[0], factors[10], factors[20]]
    }

    #[test]
    fn independent_rows_are_worth_what_they_count() {
        for rows in [100, 500, 2_000] {
            let [least, middle, most] = of_seeds(|seed| {
                let mut normal = noise(seed);
                factor((0..rows).map(|_| normal()))
            });
            assert!(least >= 1.0 && middle < 1.4 && most < 5.0, "{rows}: {middle} {most}");
        }
    }

    #[test]
    fn dependent_rows_are_worth_as_much_less_as_theory_says() {
        for phi in [0.3, 0.7, 0.9] {
            let theory = ((1.0 + phi) / (1.0 - phi)) as f32;
            let [least, middle, most] = of_seeds(|seed| {
                let mut row = autoregression(seed, phi);
                factor((0..2_000).map(|_| row())) / theory
            });
            assert!(least > 0.6 && (0.8..1.8).contains(&middle) && most < 4.0, "{phi}: {least} {middle} {most}");
        }
    }

    #[test]
    fn one_change_of_level_is_not_taken_for_dependence() {
        for seed in 0..10 {
            let mut normal = noise(seed);
            let mut long_run = LongRun::default();
            (0..300).for_each(|k| long_run.push([normal() as f32 + if k < 285 { 0.0 } else { 2.0 }, 0.0]));
            // As a scan asks that has found the change.
            let factor = long_run.factor(0, 1.0, 0.05 * 0.95 * 4.0);
            assert!(factor < 2.5, "{factor}");
        }
    }

    #[test]
    fn the_variance_between_two_sides_is_left_out() {
        let (mut normal, mut long_run) = (noise(3), LongRun::default());
        for k in 0..400 {
            long_run.push([normal() as f32 + if k < 200 { 0.0 } else { 2.0 }, 0.0]);
        }
        let (with, without) = (long_run.factor(0, 0.0, 0.0), long_run.factor(0, 1.0, 1.0));
        assert!(with > 5.0 && without < 2.5, "{with} {without}");
    }

    #[test]
    fn a_slow_course_makes_the_factor_large() {
        let mut normal = noise(1);
        let course = |k: i32| 1.5 * (f64::from(k) * std::f64::consts::TAU / 300.0).sin();
        let factor = factor((0..2_000).map(|k| course(k) + normal()));
        assert!(factor > 20.0, "{factor}");
    }

    #[test]
    fn spread_is_worth_no_more_than_what_level_shares_with_it() {
        let (mut row, mut normal, mut long_run) = (autoregression(4, 0.9), noise(5), LongRun::default());
        for _ in 0..2_000 {
            long_run.push([row() as f32, normal() as f32]);
        }
        let (level, spread) = (long_run.factor(0, 0.0, 0.0), long_run.factor(1, 0.0, 0.0));
        assert!(spread >= level.sqrt() * 0.99 && spread < level, "{level} {spread}");
    }

    #[test]
    fn the_next_regime_begins_with_what_this_one_has_shown_and_unlearns_it() {
        let (mut row, mut long_run) = (autoregression(6, 0.9), LongRun::default());
        (0..2_000).for_each(|_| long_run.push([row() as f32, 0.0]));
        let (known, mut next) = (long_run.factor(0, 0.0, 0.0), long_run.next());
        assert!((next.factor(0, 0.0, 0.0) / known - 1.0).abs() < 1e-3);
        let mut normal = noise(7);
        (0..4_000).for_each(|_| next.push([normal() as f32, 0.0]));
        assert!(next.factor(0, 0.0, 0.0) < known / 5.0);
    }

    #[test]
    fn constant_rows_and_a_million_rows_keep_it_finite() {
        assert!(factor((0..10_000).map(|_| 0.0)).is_finite());
        assert!((1.0..100.0).contains(&factor((0..1_000).map(|k| f64::from(k % 2)))));
        let mut normal = noise(9);
        assert!(factor((0..1_000_000).map(|_| normal())) < 1.3);
    }
}
