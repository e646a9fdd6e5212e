//! Running mean and deviation in one pass.
//!
//! B. P. Welford, "Note on a method for calculating corrected sums of squares and products", Technometrics 4(3), 1962.

use serde::{Deserialize, Serialize};

/// Count, mean and sum of squared distances from the mean.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Welford {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Welford {
    /// Adds a value. Values that are not finite would poison every later result, so they are not added.
    pub fn push(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        let distance = value - self.mean;
        let mean = self.mean + distance / (self.count + 1) as f64;
        let squares = self.squares + distance * (value - mean);
        // Squares overflow from about 1e154 on: one such value would blind the series for good.
        if !(mean.is_finite() && squares.is_finite()) {
            return;
        }
        (self.count, self.mean, self.squares) = (self.count + 1, mean, squares);
    }

    /// Adds all that another has seen: as if its values had been pushed here (Chan, Golub and LeVeque, 1983).
    pub fn merge(&mut self, other: &Self) {
        let count = self.count + other.count;
        if other.count == 0 || count == 0 {
            return;
        }
        let (own, theirs) = (self.count as f64, other.count as f64);
        let distance = other.mean - self.mean;
        let mean = self.mean + distance * theirs / count as f64;
        let squares = self.squares + other.squares + distance * distance * own * theirs / count as f64;
        if mean.is_finite() && squares.is_finite() {
            *self = Self { count, mean, squares };
        }
    }

    /// Number of values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Mean, in the values' unit; 0 before the first.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Sample standard deviation (n − 1), in the values' unit; 0 before the second value.
    pub fn deviation(&self) -> f64 {
        if self.count < 2 { 0.0 } else { (self.squares / (self.count - 1) as f64).sqrt() }
    }

    /// Distance of `value` from the mean in deviations; 0 where there is no spread to measure with.
    pub fn z(&self, value: f64) -> f64 {
        let z = (value - self.mean) / self.deviation();
        if z.is_finite() { z } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_two_pass_formula() {
        let values: Vec<f64> = (0..1000).map(|i| 1e9 + f64::from(i % 17)).collect();
        let mut running = Welford::default();
        values.iter().for_each(|v| running.push(*v));
        let mean = values.iter().sum::<f64>() / 1000.0;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 999.0;
        assert!((running.mean() - mean).abs() < 1e-5);
        assert!((running.deviation() - variance.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn merging_is_running_over_both() {
        let values: Vec<f64> = (0..300u64).map(|i| 1e6 + (i * i % 97) as f64).collect();
        let run = |values: &[f64]| {
            let mut running = Welford::default();
            values.iter().for_each(|value| running.push(*value));
            running
        };
        let whole = run(&values);
        for cut in [0, 1, 120, 299, 300] {
            let mut merged = run(&values[..cut]);
            merged.merge(&run(&values[cut..]));
            assert_eq!(merged.count(), whole.count());
            assert!(
                (merged.mean() / whole.mean() - 1.0).abs() < 1e-9
                    && (merged.deviation() / whole.deviation() - 1.0).abs() < 1e-9
            );
        }
    }

    #[test]
    fn non_finite_values_leave_no_trace() {
        let mut running = Welford::default();
        [1.0, f64::NAN, 3.0, f64::INFINITY].iter().for_each(|v| running.push(*v));
        assert_eq!((running.count(), running.mean()), (2, 2.0));
    }

    #[test]
    fn values_too_large_to_square_blind_nobody() {
        let mut running = Welford::default();
        (0..30).for_each(|i| running.push(10.0 + f64::from(i % 3)));
        [1e308, -1e308, f64::MAX].iter().for_each(|v| running.push(*v));
        assert!(running.z(1e6) > 1e4);
    }

    #[test]
    fn no_spread_gives_no_z() {
        let mut running = Welford::default();
        [2.0, 2.0, 2.0].iter().for_each(|v| running.push(*v));
        assert_eq!((running.z(2.0), running.z(9.0)), (0.0, 0.0));
    }
}
