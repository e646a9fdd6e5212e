//! Mean, spread and bounds of a block of numbers, and of several blocks together.
//!
//! Each block keeps the sum and the squared deviations of its values taken from an *origin*, which is one of its own
//! values: so 1e9 ± 1e-3 loses nothing. Nothing is ever subtracted from a sum: a block that lost a value is summed anew.
//!
//! Sources: the update is that of Youngs and Cramer (1971), the merge that of Chan, Golub and LeVeque, "Algorithms for
//! Computing the Sample Variance" (1983), here for many parts at once: M2 = Σ M2ᵢ + Σ nᵢ (meanᵢ − mean)².

/// 2^600 and 2^-600: numbers beyond `LARGE` or below `SMALL` are scaled by these, so that their squares stay in range.
const UP: f64 = f64::from_bits((1023 + 600) << 52);
const DOWN: f64 = f64::from_bits((1023 - 600) << 52);
const LARGE: f64 = 1e100;
const SMALL: f64 = 1e-100;

/// The factor that brings numbers up to `largest` (an absolute value) into the range where squares are safe. It is a
/// power of two, so it rounds nothing away.
fn factor_for(largest: f64) -> f64 {
    if largest > LARGE {
        DOWN
    } else if largest > 0.0 && largest < SMALL {
        UP
    } else {
        1.0
    }
}

/// What is known of a block of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moments {
    /// How many (a whole number).
    count: f64,
    /// Least and greatest, in the unit of the values.
    min: f64,
    max: f64,
    /// What the values are multiplied by before they are summed.
    factor: f64,
    /// The value from which deviations are taken, not scaled.
    origin: f64,
    /// Σ (x − origin) · factor.
    sum: f64,
    /// Σ (x − mean)² · factor².
    squares: f64,
}

impl Moments {
    /// Of no values.
    pub(super) const EMPTY: Self = Self {
        count: 0.0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        factor: 1.0,
        origin: 0.0,
        sum: 0.0,
        squares: 0.0,
    };

    /// Of these values, in this order.
    pub(super) fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let mut all = Self::EMPTY;
        let mut largest = 0.0;
        for value in values.clone() {
            largest = if value.abs() > largest { value.abs() } else { largest };
        }
        all.factor = factor_for(largest);
        for value in values {
            all.include(value);
        }
        all
    }

    /// Adds a value after the others. False when nothing was added, because the scale must change: then the block must
    /// be summed anew by [`Moments::of`], which also gives the same bits as adding one by one.
    pub(super) fn add(&mut self, value: f64) -> bool {
        let fits = factor_for(self.largest().max(value.abs())) == self.factor;
        if fits {
            self.include(value);
        }
        fits
    }

    fn largest(&self) -> f64 {
        if self.count > 0.0 { self.min.abs().max(self.max.abs()) } else { 0.0 }
    }

    fn include(&mut self, value: f64) {
        if self.count == 0.0 {
            self.origin = value;
        }
        // Scaled before subtracting, for the difference of two huge numbers may be out of range.
        let off = value * self.factor - self.origin * self.factor;
        self.count += 1.0;
        self.sum += off;
        if self.count > 1.0 {
            let apart = self.count * off - self.sum;
            self.squares += apart * apart / (self.count * (self.count - 1.0));
        }
        self.min = if value < self.min { value } else { self.min };
        self.max = if value > self.max { value } else { self.max };
    }
}

/// The least of all values; None when there are none.
pub(super) fn min(parts: impl Iterator<Item = Moments>) -> Option<f64> {
    parts.map(|part| part.min).reduce(|a, b| if b < a { b } else { a }).filter(|min| min.is_finite())
}

/// The greatest of all values; None when there are none.
pub(super) fn max(parts: impl Iterator<Item = Moments>) -> Option<f64> {
    parts.map(|part| part.max).reduce(|a, b| if b > a { b } else { a }).filter(|max| max.is_finite())
}

/// Several parts brought to one factor and one origin.
struct Whole {
    count: f64,
    min: f64,
    max: f64,
    factor: f64,
    /// Scaled by `factor`, as is the sum of the deviations from it.
    origin: f64,
    sum: f64,
}

impl Whole {
    fn of(parts: impl Iterator<Item = Moments> + Clone) -> Option<Self> {
        let mut whole = Self { count: 0.0, min: min(parts.clone())?, max: max(parts.clone())?, ..Self::NONE };
        whole.factor = factor_for(whole.min.abs().max(whole.max.abs()));
        // The origin is a value of the window. If it lies far off the others, the spread is as large.
        whole.origin = parts.clone().find(|part| part.count > 0.0)?.origin * whole.factor;
        for part in parts {
            whole.count += part.count;
            whole.sum += part.count * (part.origin * whole.factor - whole.origin) + part.sum * whole.ratio(&part);
        }
        Some(whole)
    }

    const NONE: Self = Self { count: 0.0, min: 0.0, max: 0.0, factor: 1.0, origin: 0.0, sum: 0.0 };

    /// From the scale of a part to that of the whole, at most 1. (DOWN · DOWN is 2^-1200, which is 0: right too.)
    fn ratio(&self, part: &Moments) -> f64 {
        if part.factor == self.factor { 1.0 } else { self.factor / part.factor }
    }
}

/// The mean of all values; None when there are none. Sums of whole numbers below 2^53 are exact.
pub(super) fn mean(parts: impl Iterator<Item = Moments> + Clone) -> Option<f64> {
    let whole = Whole::of(parts)?;
    let mean = (whole.origin * whole.count + whole.sum) / whole.count / whole.factor;
    // Rounding must not take the mean out of the bounds.
    Some(mean.max(whole.min).min(whole.max))
}

/// The sample deviation √(M2 / (n − 1)), in the unit of the values; None for fewer than 2. Should it be greater than
/// the greatest number, it is that.
pub(super) fn stddev(parts: impl Iterator<Item = Moments> + Clone) -> Option<f64> {
    let whole = Whole::of(parts.clone())?;
    if whole.count < 2.0 {
        return None;
    }
    let mean = whole.sum / whole.count;
    let mut squares = 0.0;
    for part in parts.filter(|part| part.count > 0.0) {
        let ratio = whole.ratio(&part);
        let off = part.origin * whole.factor - whole.origin + part.sum * ratio / part.count - mean;
        squares += part.squares * ratio * ratio + part.count * off * off;
    }
    Some(((squares / (whole.count - 1.0)).sqrt() / whole.factor).min(f64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Mean and sample deviation by two passes with correction, scaled by the greatest value.
    fn two_pass(values: &[f64]) -> (f64, f64) {
        let scale = values.iter().fold(0.0_f64, |a, v| a.max(v.abs())).max(f64::MIN_POSITIVE);
        let n = values.len() as f64;
        let first = values[0] / scale;
        let off: Vec<f64> = values
            .iter()
            .map(|v| if (SMALL..=LARGE).contains(&scale) { (v - values[0]) / scale } else { v / scale - first })
            .collect();
        let mean = off.iter().sum::<f64>() / n;
        let (mut squares, mut rest) = (0.0, 0.0);
        for o in &off {
            squares += (o - mean) * (o - mean);
            rest += o - mean;
        }
        ((first + mean) * scale, ((squares - rest * rest / n) / (n - 1.0)).sqrt() * scale)
    }

    fn parts(values: &[f64], size: usize) -> Vec<Moments> {
        values.chunks(size).map(|chunk| Moments::of(chunk.iter().copied())).collect()
    }

    #[track_caller]
    fn check(values: &[f64], size: usize) {
        let blocks = parts(values, size);
        let (wanted_mean, wanted_dev) = two_pass(values);
        let largest = values.iter().fold(0.0_f64, |a, v| a.max(v.abs()));
        let (mean, dev) = (mean(blocks.iter().copied()).unwrap(), stddev(blocks.iter().copied()).unwrap());
        // A mean near 0 is measured by the size of the values.
        assert!((mean / 2.0 - wanted_mean / 2.0).abs() <= 1e-9 * largest, "mean {mean} wanted {wanted_mean}");
        assert!((dev - wanted_dev).abs() <= 1e-9 * wanted_dev, "stddev {dev} wanted {wanted_dev}");
    }

    #[test]
    fn hard_numbers() {
        let near: Vec<f64> = (0..1000).map(|i| 1e9 + f64::from(i * 37 % 100 - 50) * 2e-5).collect();
        check(&near, 64);
        check(&near, 1000);
        let mut far = near.clone();
        far[500] = 1e300;
        check(&far, 64);
        far[500] = -1e-300;
        check(&far, 64);
        check(&[1e-200, 3e-200, 2e-200], 2);
        check(&[5e-324, 15e-324, 10e-324], 1);
        check(&[1e308, 1.2e308, 1.1e308, 1e308], 2);
        check(&[1.1e100, 0.9e100, 1.0, 0.8e100, 0.7e100], 2);
        let ends = parts(&[f64::MAX, -f64::MAX], 1);
        assert_eq!(stddev(ends.iter().copied()), Some(f64::MAX));
        assert_eq!(mean(ends.iter().copied()), Some(0.0));
    }

    #[test]
    fn whole_numbers_are_exact() {
        let values: Vec<f64> = (0..999).map(|i| f64::from(i * 7919 % 1009)).collect();
        let blocks = parts(&values, 100);
        assert_eq!(mean(blocks.iter().copied()), Some(values.iter().sum::<f64>() / 999.0));
        let flags = parts(&[1.0, 0.0, 1.0], 2);
        assert_eq!(mean(flags.iter().copied()), Some(2.0 / 3.0));
        assert_eq!(stddev(parts(&[0.1; 50], 7).into_iter()), Some(0.0));
        assert_eq!(mean(parts(&[0.1; 50], 7).into_iter()), Some(0.1));
    }

    #[test]
    fn of_nothing() {
        let none = [Moments::EMPTY];
        assert_eq!(
            (
                min(none.iter().copied()),
                max(none.iter().copied()),
                mean(none.iter().copied()),
                stddev(none.iter().copied())
            ),
            (None, None, None, None)
        );
        assert_eq!(stddev(parts(&[3.0], 1).into_iter()), None);
    }

    proptest! {
        #[test]
        fn as_two_passes(
            values in prop::collection::vec(prop_oneof![-1e3..1e3, -1e-3..1e-3, -1e12..1e12, (-1.0..1.0).prop_map(|v| v * 1e307)], 2..60),
            base in prop_oneof![Just(0.0), Just(1e9), Just(-1e15)], size in 1_usize..20,
        ) {
            let values: Vec<f64> = values.iter().map(|v| v + base).collect();
            let mut one = Moments::EMPTY;
            for (i, value) in values.iter().enumerate() {
                if !one.add(*value) {
                    one = Moments::of(values[..=i].iter().copied());
                }
            }
            prop_assert_eq!(one, Moments::of(values.iter().copied()));
            check(&values, size);
        }
    }
}
