//! Moments of embeddings that can be merged: of parts of a stream, or of the agents of a fleet.

use serde::{Deserialize, Serialize};

/// Number, sum and sum of squared lengths of embeddings: all that their mean and total variance need.
///
/// Plain sums, as embeddings have length 1 and a mean of about that order: in f64 the difference of two numbers of this
/// size loses no digits that matter (Chan, Golub & LeVeque 1983 treat the case where it does), and sums merge exactly.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Moments {
    /// Rows.
    pub n: u64,
    /// Sum of the rows, [dimension]; empty before the first one.
    pub sum: Vec<f64>,
    /// Sum of the rows' squared lengths.
    pub squares: f64,
}

impl Moments {
    /// Takes a row, [dimension]; one of another dimension than the rows before is left out.
    pub fn push(&mut self, row: &[f32]) {
        if self.n == 0 {
            self.sum = vec![0.0; row.len()];
        }
        if row.len() != self.sum.len() {
            return;
        }
        self.n += 1;
        for (sum, x) in self.sum.iter_mut().zip(row) {
            *sum += f64::from(*x);
            self.squares += f64::from(*x) * f64::from(*x);
        }
    }

    /// Takes the rows of another one, as if they had been pushed; those of another dimension are left out.
    pub fn merge(&mut self, other: &Self) {
        if self.n == 0 {
            *self = other.clone();
        } else if other.n > 0 && other.sum.len() == self.sum.len() {
            self.n += other.n;
            self.squares += other.squares;
            self.sum.iter_mut().zip(&other.sum).for_each(|(a, b)| *a += b);
        }
    }

    /// Number of rows as a factor.
    pub fn rows(&self) -> f64 {
        self.n as f64
    }

    /// Mean row, [dimension].
    pub fn mean(&self) -> Vec<f64> {
        self.sum.iter().map(|sum| sum / self.rows().max(1.0)).collect()
    }

    /// Total variance: the trace of the rows' sample covariance; 0 below two rows.
    pub fn trace(&self) -> f64 {
        if self.n < 2 {
            return 0.0;
        }
        let length: f64 = self.sum.iter().map(|sum| sum * sum).sum();
        ((self.squares - length / self.rows()) / (self.rows() - 1.0)).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<[f32; 3]> {
        (0..40u8).map(|i| [f32::from(i).sin(), f32::from(i).cos(), f32::from(i % 7) / 7.0]).collect()
    }

    fn of(rows: &[[f32; 3]]) -> Moments {
        let mut moments = Moments::default();
        rows.iter().for_each(|row| moments.push(row));
        moments
    }

    #[test]
    fn merged_parts_are_the_whole() {
        let all = of(&rows());
        for split in [0, 1, 17, 40] {
            let mut a = of(&rows()[..split]);
            a.merge(&of(&rows()[split..]));
            assert_eq!(a.n, all.n);
            assert!((a.trace() - all.trace()).abs() < 1e-9);
            assert!(a.mean().iter().zip(all.mean()).all(|(a, b)| (a - b).abs() < 1e-9));
        }
    }

    #[test]
    fn trace_is_the_sum_of_sample_variances() {
        let variance = |k: usize| {
            let mean = rows().iter().map(|row| f64::from(row[k])).sum::<f64>() / 40.0;
            rows().iter().map(|row| (f64::from(row[k]) - mean).powi(2)).sum::<f64>() / 39.0
        };
        assert!((of(&rows()).trace() - (variance(0) + variance(1) + variance(2))).abs() < 1e-9);
    }

    #[test]
    fn other_dimensions_are_left_out() {
        let mut moments = of(&rows());
        moments.push(&[1.0]);
        moments.merge(&Moments { n: 1, sum: vec![1.0], squares: 1.0 });
        assert_eq!(moments, of(&rows()));
        assert_eq!(Moments::default().mean(), Vec::<f64>::new());
        assert!(Moments::default().trace().abs() < 1e-12);
    }
}
