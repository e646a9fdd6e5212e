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
        for s in 0..2 {
            if self.count > 0.0 {
                let d = mean[s] - self.last[s];
                self.steps[s] += d * d;
            }
            self.sum[s] += mean[s];
            self.squares[s] += mean[s] * mean[s];
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
        let variance = ((self.squares[s] - self.sum[s] * self.sum[s] / n) / (n - 1.0) - between).max(1e-6);
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
            if k == 0 {
                unit = if within > 0.0 { within } else { variance };
                factor = multiple(rho);
                continue;
            }
            // Few blocks: what is one standard error below the estimate is believed.
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
