//! Shape: do the rows fall into the tenths of the regime as they did, level and spread apart?
//!
//! χ² of the exponentially weighted shares of the newest rows against the shares of all, less its components along
//! level and spread, which have detectors of their own and which dependent rows move most.

use serde::{Deserialize, Serialize};

/// Tenths.
const BINS: usize = 10;

/// Their borders: normal scores.
const BORDERS: [f32; BINS - 1] =
    [-1.281_552, -0.841_621, -0.524_401, -0.253_347, 0.0, 0.253_347, 0.524_401, 0.841_621, 1.281_552];

/// Mean normal score of a tenth.
const LEVEL: [f32; BINS] = [-1.755, -1.0446, -0.6773, -0.3865, -0.126, 0.126, 0.3865, 0.6773, 1.0446, 1.755];

/// Mean folded normal score (see [`super::reference::folded`]) of a tenth.
const SPREAD: [f32; BINS] = [1.3998, 0.5319, 0.0, -0.5319, -1.3898, -1.3898, -0.5319, 0.0, 0.5319, 1.3998];

/// Weight of the newest row: about a hundred count.
const RATE: f32 = 0.02;

/// Rows that weights of [`RATE`] are worth.
const WORTH: f32 = (2.0 - RATE) / RATE;

/// Rows before the shares of all are known well enough.
const LEAST: f32 = 100.0;

/// Rows of memory.
const MEMORY: f32 = 8_192.0;

/// Share below which a tenth is no tenth: ties have taken its rows.
const EMPTY: f32 = 0.01;

/// A row in so many is looked at: the weighted shares change slowly.
const EVERY: u32 = 4;

/// Rows that a change is about old when it is found.
pub const AGE: f32 = 50.0;

/// Shares of the tenths.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    newest: [f32; BINS],
    all: [f32; BINS],
    rows: f32,
    taken: u32,
}

impl Default for Shape {
    fn default() -> Self {
        Self { newest: [0.1; BINS], all: [0.0; BINS], rows: 0.0, taken: 0 }
    }
}

impl Shape {
    /// Takes the normal score of a row that is compared only, not learned.
    pub fn follow(&mut self, score: f32) -> usize {
        let bin = BORDERS.iter().map(|border| usize::from(*border < score)).sum::<usize>();
        for share in &mut self.newest {
            *share *= 1.0 - RATE;
        }
        self.newest[bin] += RATE;
        self.taken = self.taken.wrapping_add(1);
        bin
    }

    /// Takes the normal score of a row.
    pub fn push(&mut self, score: f32) {
        let bin = self.follow(score);
        self.all[bin] += 1.0;
        self.rows += 1.0;
        if self.rows > MEMORY {
            self.rows /= 2.0;
            self.all = self.all.map(|rows| rows / 2.0);
        }
    }

    /// Adds the rows of another series whose tenths have the same borders; the newest rows stay this one's.
    pub fn merge(&mut self, other: &Self) {
        for (rows, more) in self.all.iter_mut().zip(other.all) {
            *rows += more;
        }
        self.rows += other.rows;
    }

    /// χ² as a part of what it exceeds once in eᵗʰʳᵉˢʰᵒˡᵈ independent looks at most (Laurent and Massart, 2000);
    /// `factor`: by what the rows' dependence exceeds independence.
    pub fn ratio(&self, threshold: f32, factor: impl Fn() -> f32) -> f32 {
        if self.rows < LEAST || !self.taken.is_multiple_of(EVERY) {
            return 0.0;
        }
        let share = self.all.map(|rows| rows / self.rows);
        let (mut chi, mut freedom) = (0f32, -3f32);
        for (newest, share) in self.newest.iter().zip(&share) {
            if *share > EMPTY {
                chi += (newest - share) * (newest - share) / share;
                freedom += 1.0;
            }
        }
        if freedom < 2.0 {
            return 0.0;
        }
        let scale = 1.0 / (1.0 / WORTH + 1.0 / self.rows);
        let bound = freedom + 2.0 * (freedom * threshold).sqrt() + 2.0 * threshold;
        if chi * scale < 0.5 * bound {
            return 0.0;
        }
        let along = self.along(&share, &LEVEL) + self.along(&share, &SPREAD);
        (chi - along).max(0.0) * scale / factor() / bound
    }

    /// The component of χ² along a score.
    fn along(&self, share: &[f32; BINS], score: &[f32; BINS]) -> f32 {
        let sum = |term: &dyn Fn(usize) -> f32| (0..BINS).map(term).sum::<f32>();
        let mean = sum(&|k| share[k] * score[k]);
        let moved = sum(&|k| (self.newest[k] - share[k]) * score[k]);
        let size = sum(&|k| share[k] * (score[k] - mean) * (score[k] - mean));
        moved * moved / size.max(0.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenths_are_merged_by_adding_their_rows() {
        let scores: Vec<f32> = (0..200).map(|k| (k % 41) as f32 / 10.0 - 2.0).collect();
        let run = |scores: &[f32]| {
            let mut shape = Shape::default();
            scores.iter().for_each(|score| shape.push(*score));
            shape
        };
        let (whole, mut merged) = (run(&scores), run(&scores[..70]));
        merged.merge(&run(&scores[70..]));
        assert_eq!((merged.all, merged.rows), (whole.all, whole.rows));
    }
    use crate::engine::drift::noise::noise;

    const THRESHOLD: f32 = 4.3;

    /// Largest ratio while rows come; `factor` as the dependence that is given.
    fn most(rows: impl IntoIterator<Item = f64>, threshold: f32, factor: f32) -> f32 {
        let (mut shape, mut most) = (Shape::default(), 0f32);
        for row in rows {
            shape.push((row as f32).clamp(-3.0, 3.0));
            most = most.max(shape.ratio(threshold, || factor));
        }
        most
    }

    #[test]
    fn two_humps_of_the_same_mean_and_spread_are_another_shape() {
        for seed in 0..5 {
            let mut normal = noise(seed);
            let humps = |z: f64, side: f64| 0.95f64.copysign(side) + 0.312 * z;
            let rows = (0..1_000).map(|k| if k < 600 { normal() } else { humps(normal(), normal()) });
            let ratio = most(rows, THRESHOLD, 1.0);
            assert!(ratio > 1.0, "{ratio}");
        }
    }

    #[test]
    fn independent_rows_keep_their_shape() {
        for seed in 0..10 {
            let mut normal = noise(seed);
            let ratio = most((0..3_000).map(|_| normal()), THRESHOLD, 1.0);
            assert!(ratio < 1.0, "{ratio}");
        }
    }

    #[test]
    fn level_and_spread_are_left_to_others() {
        let mut normal = noise(3);
        let shifted: Vec<f64> = (0..600).map(|k| normal() + if k < 500 { 0.0 } else { 0.8 }).collect();
        let wider: Vec<f64> = (0..600).map(|k| normal() * if k < 500 { 1.0 } else { 1.7 }).collect();
        for rows in [shifted, wider] {
            let ratio = most(rows, THRESHOLD, 1.0);
            assert!(ratio < 1.0, "{ratio}");
        }
    }

    #[test]
    fn dependent_rows_keep_theirs_where_their_dependence_is_known() {
        let mut known_exceeds = 0;
        for seed in 0..10 {
            let (mut normal, mut last) = (noise(seed), 0.0);
            let rows: Vec<f64> = (0..3_000)
                .map(|_| {
                    last = 0.8 * last + 0.6 * normal();
                    last
                })
                .collect();
            assert!(most(rows.iter().copied(), THRESHOLD, 9.0) < 1.0);
            known_exceeds += u32::from(most(rows, THRESHOLD, 1.0) >= 1.0);
        }
        assert!(known_exceeds > 0, "the factor matters");
    }

    #[test]
    fn a_tenth_that_ties_have_emptied_is_no_tenth() {
        let mut normal = noise(5);
        // Rounded to whole deviations: five of ten bins are never used.
        let mut rows: Vec<f64> = (0..2_000).map(|_| normal().round()).collect();
        assert!(most(rows.iter().copied(), THRESHOLD, 1.0) < 1.0);
        // One single value says nothing at all, and what has one bin more than that no more.
        rows.fill(0.3);
        assert_eq!(most(rows.iter().copied(), THRESHOLD, 1.0), 0.0);
        assert_eq!(most((0..500).map(|k| f64::from(k % 2)), THRESHOLD, 1.0), 0.0);
    }

    #[test]
    fn a_short_regime_and_a_very_long_one_say_something_finite() {
        let mut normal = noise(6);
        assert_eq!(most((0..99).map(|k| f64::from(k % 10) - 4.5), 1.0, 1.0), 0.0);
        let mut shape = Shape::default();
        for _ in 0..200_000 {
            shape.push(normal() as f32);
        }
        assert!(shape.rows <= MEMORY && (shape.newest.iter().sum::<f32>() - 1.0).abs() < 1e-3);
        assert!((shape.all.iter().sum::<f32>() / shape.rows - 1.0).abs() < 1e-3);
    }
}
