//! The regime that values are compared with: robust location and scale, and a map to normal scores.
//!
//! A fixed monotone map leaves independent rows independent, so thresholds that hold for Gaussian rows hold for skewed
//! ones as well, and a shift of a lognormal latency is found as quickly as one of a Gaussian score.

use serde::{Deserialize, Serialize};

/// Quantiles that the map remembers.
const KNOTS: usize = 16;

/// Normal scores of the knots: Φ⁻¹((k + ½) / 16).
const NORMAL: [f32; KNOTS] = [
    -1.862732, -1.318011, -1.00999, -0.776422, -0.579132, -0.40225, -0.237202, -0.078412, 0.078412, 0.237202, 0.40225,
    0.579132, 0.776422, 1.00999, 1.318011, 1.862732,
];

/// Largest normal score, so that one outlier can't make an alarm.
pub const CLIP: f32 = 3.0;

/// Folded normal scores in steps of 1/16 of a normal score: Φ⁻¹(2Φ(x) − 1), not below −2.5.
const FOLDED: [f32; 49] = [
    -2.5, -1.6465, -1.2845, -1.0419, -0.8509, -0.6892, -0.5466, -0.4172, -0.2978, -0.186, -0.0802, 0.0206, 0.1174,
    0.2108, 0.3013, 0.3894, 0.4752, 0.5592, 0.6415, 0.7224, 0.8019, 0.8803, 0.9576, 1.034, 1.1095, 1.1842, 1.2582,
    1.3315, 1.4043, 1.4765, 1.5482, 1.6194, 1.6901, 1.7605, 1.8305, 1.9002, 1.9695, 2.0385, 2.1072, 2.1757, 2.2439,
    2.3119, 2.3796, 2.4472, 2.5145, 2.5817, 2.6487, 2.7155, 2.7822,
];

/// Share of one single value from which on a series is judged by how often it has this value.
const TIED: f64 = 0.5;

/// MAD of a Gaussian to its standard deviation.
const MAD_TO_DEVIATION: f64 = 1.4826;

/// Differences below this part of the values' size are rounding.
const ROUNDING: f64 = 1e-14;

/// A regime.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// Median, in the series' unit.
    pub centre: f64,
    /// Robust standard deviation in the series' unit, above 0.
    pub spread: f64,
    /// Whether one value makes up most of the rows.
    pub tied: bool,
    knots: [f32; KNOTS],
}

impl Reference {
    /// From the rows of a regime, in any order; they are sorted. Without rows, a regime around 0.
    pub fn new(rows: &mut [f64]) -> Self {
        rows.sort_unstable_by(f64::total_cmp);
        let (mode, share) = mode(rows);
        let tied = share >= TIED;
        let centre = if tied { mode } else { quantile(rows, 0.5) };
        let spread = spread(rows, centre).max(centre.abs() * ROUNDING).max(f64::MIN_POSITIVE);
        let knot = |k: usize| scaled(quantile(rows, (k as f64 + 0.5) / KNOTS as f64), centre, spread);
        let knots = std::array::from_fn(knot);
        Self { centre, spread, tied, knots }
    }

    /// Normal score of a value, in ±[`CLIP`].
    pub fn score(&self, value: f64) -> f32 {
        let r = scaled(value, self.centre, self.spread);
        let below = self.knots.iter().map(|knot| usize::from(*knot < r)).sum::<usize>();
        let score = if self.knots.get(below) == Some(&r) {
            // Ties have the score of their middle.
            let upto = below + self.knots[below..].iter().take_while(|knot| **knot == r).count();
            (NORMAL[below] + NORMAL[upto - 1]) / 2.0
        } else if below == 0 {
            NORMAL[0] + (r - self.knots[0]) * slope(self.knots[0], NORMAL[0])
        } else if below == KNOTS {
            NORMAL[KNOTS - 1] + (r - self.knots[KNOTS - 1]) * slope(self.knots[KNOTS - 1], NORMAL[KNOTS - 1])
        } else {
            let (a, b) = (self.knots[below - 1], self.knots[below]);
            NORMAL[below - 1] + (NORMAL[below] - NORMAL[below - 1]) * (r - a) / (b - a)
        };
        score.clamp(-CLIP, CLIP)
    }

    /// The value with a normal score, in the series' unit.
    pub fn value(&self, score: f64) -> f64 {
        let z = score as f32;
        let below = NORMAL.iter().filter(|normal| **normal < z).count().clamp(1, KNOTS - 1);
        let (a, b) = (self.knots[below - 1], self.knots[below]);
        let r = a + (b - a) * (z - NORMAL[below - 1]) / (NORMAL[below] - NORMAL[below - 1]);
        self.centre + f64::from(r) * self.spread
    }

    /// −1, 0 or 1: below the most frequent value, it, above.
    pub fn side(&self, value: f64) -> i8 {
        let d = value - self.centre;
        if d.abs() <= self.centre.abs() * ROUNDING {
            0
        } else if d > 0.0 {
            1
        } else {
            -1
        }
    }

    /// The two statistics of a row that are watched for a change of their mean: its normal score and the folded one;
    /// where rows are tied, whether it is above and whether it is below the most frequent value.
    pub fn statistics(&self, value: f64) -> [f32; 2] {
        if self.tied {
            let side = self.side(value);
            return [f32::from(side.max(0)), f32::from((-side).max(0))];
        }
        let score = self.score(value);
        [score, folded(score)]
    }
}

/// Normal score of how far a normal score is from the centre, so that spread is a level as well.
pub fn folded(score: f32) -> f32 {
    let at = score.abs() * 16.0;
    let low = (at as usize).min(FOLDED.len() - 2);
    FOLDED[low] + (FOLDED[low + 1] - FOLDED[low]) * (at - low as f32)
}

/// Past the outermost quantile the map goes on as straight as from the centre to it.
fn slope(knot: f32, score: f32) -> f32 {
    if knot * score > 0.0 { (score / knot).min(4.0) } else { 1.0 }
}

/// Of sorted rows, between its neighbours; 0 without rows.
fn quantile(rows: &[f64], p: f64) -> f64 {
    let Some(last) = rows.len().checked_sub(1) else { return 0.0 };
    let at = (p * rows.len() as f64 - 0.5).clamp(0.0, last as f64);
    let low = at as usize;
    let (a, b) = (rows[low], rows[(low + 1).min(last)]);
    let part = at - low as f64;
    if a == b {
        a
    } else if (b - a).is_finite() {
        a + (b - a) * part
    } else {
        a * (1.0 - part) + b * part
    }
}

/// In units of the spread around the centre.
fn scaled(value: f64, centre: f64, spread: f64) -> f32 {
    ((value - centre) / spread).clamp(-1e6, 1e6) as f32
}

/// The most frequent value of sorted rows, and its share.
fn mode(rows: &[f64]) -> (f64, f64) {
    let longest = rows.chunk_by(|a, b| a == b).max_by_key(|run| run.len());
    longest.map_or((0.0, 0.0), |run| (run[0], run.len() as f64 / rows.len() as f64))
}

/// Robust standard deviation about a centre: from the median absolute deviation, or from the mean absolute deviation
/// where most rows are equal.
pub fn spread(rows: &[f64], centre: f64) -> f64 {
    let mut distances: Vec<f64> = rows.iter().map(|row| (row - centre).abs().min(f64::MAX / 1e6)).collect();
    distances.sort_unstable_by(f64::total_cmp);
    let median = quantile(&distances, 0.5) * MAD_TO_DEVIATION;
    if median > 0.0 { median } else { distances.iter().map(|d| d / distances.len() as f64).sum() }
}

/// Median, in any order; 0 without rows.
pub fn median(rows: &mut [f64]) -> f64 {
    rows.sort_unstable_by(f64::total_cmp);
    quantile(rows, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::drift::noise::noise;

    fn draw(seed: u64, rows: usize, of: impl Fn(f64) -> f64) -> Vec<f64> {
        let mut normal = noise(seed);
        (0..rows).map(|_| of(normal())).collect()
    }

    fn moments(scores: &[f32]) -> (f32, f32) {
        let n = scores.len() as f32;
        let mean = scores.iter().sum::<f32>() / n;
        (mean, scores.iter().map(|score| (score - mean).powi(2)).sum::<f32>() / n)
    }

    #[test]
    fn normal_scores_of_skewed_rows_are_those_of_a_gaussian() {
        for of in [f64::exp, |z: f64| z, |z: f64| -(1.5 * z).exp(), |z: f64| z.powi(3)] {
            let reference = Reference::new(&mut draw(1, 400, of));
            let rows: Vec<f32> = draw(2, 4_000, of).into_iter().map(|row| reference.score(row)).collect();
            let (mean, variance) = moments(&rows);
            assert!(!reference.tied && mean.abs() < 0.12 && (0.8..1.2).contains(&variance), "{mean} {variance}");
            let folds: Vec<f32> = rows.into_iter().map(folded).collect();
            let (mean, variance) = moments(&folds);
            assert!(mean.abs() < 0.15 && (0.75..1.25).contains(&variance), "folded: {mean} {variance}");
        }
    }

    #[test]
    fn scale_and_offset_do_not_change_a_score() {
        let rows = draw(3, 100, |z| z);
        let one = Reference::new(&mut rows.clone());
        for (a, b) in [(1.0, 1e6), (1e-9, 0.0), (2e5, -7.0), (1e-3, 1e9)] {
            let other = Reference::new(&mut rows.iter().map(|row| a * row + b).collect::<Vec<_>>());
            for row in draw(4, 200, |z| 1.5 * z) {
                let (is, was) = (other.score(a * row + b), one.score(row));
                assert!((is - was).abs() < 0.01, "{a} {b}: {is} {was}");
            }
            assert!((other.spread / a / one.spread - 1.0).abs() < 1e-3);
        }
    }

    #[test]
    fn scores_keep_the_order_and_are_clipped() {
        let reference = Reference::new(&mut draw(5, 100, f64::exp));
        let wide = [-1e308, -1e9, -3.0, 0.0, 0.1, 0.5, 1.0, 2.0, 5.0, 20.0, 1e4, 1e308];
        let scores = wide.map(|value| reference.score(value));
        assert!(scores.is_sorted() && scores[0] == -CLIP && scores[11] == CLIP, "{scores:?}");
        assert!(scores[4] < scores[5] && scores[7] < scores[8], "{scores:?}");
    }

    #[test]
    fn ties_have_the_score_of_their_middle() {
        // 40 % zeros below everything else.
        let mut rows: Vec<f64> = (0..100).map(|k| f64::from(u8::from(k >= 40)) * f64::from(k)).collect();
        let reference = Reference::new(&mut rows);
        assert!(!reference.tied);
        // Φ⁻¹(0.2) is −0.84, their mean normal score −0.97.
        assert!((-1.2..-0.7).contains(&reference.score(0.0)), "{}", reference.score(0.0));
        assert!(reference.score(-1.0) < reference.score(0.0) && reference.score(0.0) < reference.score(41.0));
    }

    #[test]
    fn a_value_has_the_score_that_it_was_made_from() {
        for of in [f64::exp, |z| 1e9 + 1e-3 * z] {
            let reference = Reference::new(&mut draw(6, 200, of));
            for score in [-1.8, -1.0, -0.3, 0.0, 0.02, 0.7, 1.8] {
                let back = f64::from(reference.score(reference.value(score)));
                assert!((back - score).abs() < 1e-3, "{score} {back}");
            }
        }
    }

    #[test]
    fn outliers_move_neither_centre_nor_spread() {
        let mut rows = draw(7, 100, |z| z);
        rows.extend([1e300, -1e300, 1e308]);
        let reference = Reference::new(&mut rows);
        assert!(reference.centre.abs() < 0.4 && (0.6..1.5).contains(&reference.spread), "{reference:?}");
        assert!((reference.score(1.0) - 1.0).abs() < 0.5 && reference.score(1e300) == CLIP);
    }

    #[test]
    fn constant_rows_are_tied_and_every_other_value_is_beside_them() {
        for value in [0.0, 5.0, -1e300, 1e-300] {
            let reference = Reference::new(&mut [value; 100]);
            assert!(reference.tied && reference.centre == value && reference.spread > 0.0);
            let more = value.abs() * 1e-9 + 1e-305;
            assert_eq!([value - more, value, value + more].map(|other| reference.side(other)), [-1, 0, 1], "{value}");
            assert_eq!(reference.statistics(value), [0.0, 0.0]);
            assert_eq!(reference.statistics(value + more), [1.0, 0.0]);
            assert_eq!(reference.statistics(value - more), [0.0, 1.0]);
        }
        let almost = Reference::new(&mut [0.1 + 0.2, 0.3, 0.3]);
        assert_eq!(almost.side(0.1 + 0.2), 0);
    }

    #[test]
    fn few_rows_and_none_have_finite_scores() {
        for mut rows in [vec![], vec![3.0], vec![1.0, 2.0]] {
            let reference = Reference::new(&mut rows);
            assert!(reference.centre.is_finite() && reference.spread > 0.0);
            for value in [-1e308, -1.0, 0.0, 1.5, 3.0, 1e308] {
                assert!(reference.score(value).is_finite() && reference.statistics(value)[1].is_finite());
            }
            assert!(reference.value(0.5).is_finite());
        }
        assert_eq!(median(&mut []), 0.0);
        assert_eq!(spread(&[], 0.0), 0.0);
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
    }
}
