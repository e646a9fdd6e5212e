//! Two cumulative sums of single texts: repeats of one another, and texts unlike any before.
//!
//! Page's (1954) CUSUM of log-likelihood ratios, S ← max(0, S + ln q(x) / p(x)), alarms less often than once in eʰ rows
//! when its limit is h (Lorden 1971), whatever p and q: so h = ln(rows per alarm). Rows that hang together say the same
//! thing several times, so a step is divided by the rows' variance factor.

use serde::{Deserialize, Serialize};

/// Sum beyond the limit of [`Repeats`], as its p comes from few rows and repeats come in clusters.
const REPEATS_MARGIN: f64 = 1.5;

/// Share of repeats from which on more of them say nothing: an agent that always repeats itself.
const ALWAYS: f64 = 0.8;

/// Texts that nearly equal one shortly before them.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Repeats {
    rows: f64,
    repeats: f64,
    sum: f64,
}

impl Repeats {
    /// Takes a text of the reference.
    pub fn learn(&mut self, repeat: bool) {
        self.rows += 1.0;
        self.repeats += f64::from(u8::from(repeat));
    }

    /// Begins the sum anew.
    pub fn clear(&mut self) {
        self.sum = 0.0;
    }

    /// Takes a text, and returns the sum by its limit.
    ///
    /// p is the reference's share with two deviations on top (Agresti & Coull 1998), q half way from it to all texts.
    pub fn observe(&mut self, repeat: bool, factor: f64, rows_per_alarm: f64) -> f64 {
        let n = self.rows + 4.0;
        let p = (self.repeats + 2.0) / n;
        let p = p + 2.0 * (p * (1.0 - p) / n).sqrt();
        if p > ALWAYS {
            return 0.0;
        }
        let more = 0.5 + 0.5 * p;
        let step = if repeat { (more / p).ln() } else { ((1.0 - more) / (1.0 - p)).ln() };
        self.sum = (self.sum + step / factor).max(0.0);
        self.sum / (rows_per_alarm.ln() * REPEATS_MARGIN)
    }
}

/// Part of the reference whose distances are kept as the tail.
const TAIL: f64 = 0.2;

/// Share of unlike texts that is looked for: half, as with fewer the centre's statistics are as quick.
const SHARE: f64 = 0.5;

/// Exponent κ of the unlike texts' density κ·uᵏ⁻¹ (Sellke, Bayarri & Berger 2001): heavy at u near 0, as refusals are.
const POWER: f64 = 0.4;

/// Least u, so that it takes three texts to make an alarm once in 10,000 rows.
const LEAST: f64 = 1e-4;

/// Least scale of the tail, in cosines; below it is the rounding to 8 bits.
const LEAST_DECAY: f64 = 0.01;

/// Texts that resemble none of the reference.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Novelty {
    /// The reference's lowest cosines to their nearest rows, ascending.
    tail: Vec<f32>,
    /// Mean distance from the tail's upper end, in cosines, with its error.
    decay: f64,
    /// Probability of the tail, with its error.
    share: f64,
    rows: f64,
    sum: f64,
}

impl Novelty {
    /// Takes the reference's cosines of each row to its nearest one, in any order; the sum goes on.
    pub fn learn(&mut self, mut nearest: Vec<f32>) {
        nearest.sort_by(f32::total_cmp);
        self.rows = nearest.len() as f64;
        // Not negative and not above the number of rows.
        let k = ((self.rows * TAIL) as usize).max(1);
        nearest.truncate(k + 1);
        let edge = nearest.last().copied().unwrap_or(-1.0);
        let error = 1.0 + 1.0 / (k as f64).sqrt();
        let mean = nearest.iter().map(|c| f64::from(edge - c)).sum::<f64>() / k as f64;
        self.decay = (mean * error).max(LEAST_DECAY);
        self.share = TAIL * error;
        self.tail = nearest;
    }

    /// Begins the sum anew.
    pub fn clear(&mut self) {
        self.sum = 0.0;
    }

    /// Takes a text's cosine to the nearest row of the reference, and returns the sum by its limit.
    ///
    /// u is the probability of a cosine as low: an exponential fitted to the tail or the share of the reference that is
    /// as low, whichever is larger, so that rare odd texts of the reference don't count as new. The ratio of densities is
    /// 1 − ε + ε·κ·uᵏ⁻¹, whose mean is 1 for uniform u.
    pub fn observe(&mut self, nearest: f32, factor: f64, rows_per_alarm: f64) -> f64 {
        let (Some(lowest), Some(edge)) = (self.tail.first(), self.tail.last()) else {
            return 0.0;
        };
        let u = if nearest >= *edge {
            (1.0 + TAIL) / 2.0
        } else {
            let fall = |from: f32| (f64::from((from - nearest).max(0.0)) / -self.decay).exp();
            let below = self.tail.iter().filter(|c| **c < nearest).count() as f64;
            (self.share * fall(*edge)).max((below + 1.0) / self.rows * fall(*lowest))
        };
        let step = (1.0 - SHARE + SHARE * POWER * u.max(LEAST).powf(POWER - 1.0)).ln();
        self.sum = (self.sum + step / factor).max(0.0);
        self.sum / rows_per_alarm.ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_count_only_where_they_are_new() {
        let alarm = |share: u32| {
            let mut repeats = Repeats::default();
            (0..100).for_each(|i| repeats.learn(i % 10 < share));
            (0..40).any(|_| repeats.observe(true, 1.0, 10_000.0) >= 1.0)
        };
        assert!(alarm(0) && alarm(3));
        assert!(!alarm(9));
    }

    #[test]
    fn three_texts_unlike_all_others_are_an_alarm() {
        let mut novelty = Novelty::default();
        assert!(novelty.observe(0.0, 1.0, 10_000.0).abs() < 1e-12);
        novelty.learn((0..100u8).map(|i| 0.7 + f32::from(i) / 1000.0).collect());
        for _ in 0..100 {
            assert!(novelty.observe(0.75, 1.0, 10_000.0) < 0.1);
        }
        assert!(novelty.observe(0.2, 1.0, 10_000.0) < 1.0);
        assert!(novelty.observe(0.2, 1.0, 10_000.0) < 1.0);
        assert!(novelty.observe(0.2, 1.0, 10_000.0) >= 1.0);
    }

    #[test]
    fn odd_texts_of_the_reference_are_not_new() {
        let mut novelty = Novelty::default();
        novelty.learn((0..100u8).map(|i| if i % 20 == 0 { 0.2 } else { 0.7 + f32::from(i) / 1000.0 }).collect());
        let most =
            (0..400).map(|i| novelty.observe(if i % 20 == 0 { 0.21 } else { 0.75 }, 1.0, 10_000.0)).fold(0.0, f64::max);
        assert!(most < 0.6, "{most}");
    }
}
