//! How far a mean of embeddings strays from their centre without drift.

use serde::{Deserialize, Serialize};

/// Rows that a conversation can hold together; correlations over more of them are left out.
pub const LAGS: usize = 16;

/// Normal quantile, for an upper tail of `p`.
///
/// Abramowitz & Stegun 26.2.23, error below 4.5e-4: far below what is known of a tail.
fn normal_tail(p: f64) -> f64 {
    let t = (-2.0 * p.clamp(1e-300, 0.5).ln()).sqrt();
    let up = 2.515517 + t * (0.802853 + t * 0.010328);
    let down = 1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308));
    t - up / down
}

/// By how much, over the number of independent rows, the concentration of a covariance may be underestimated: pairs of
/// near-equal rows make most of tr C², and few rows show few of them. Chosen so that conversations of 5 to 10 answers on
/// one subject (20 independent rows in a reference, hence + 75 %) keep the limit.
const DOUBT: f64 = 15.0;

/// Shape of the rows' covariance C, from the rows' pairs and triples: all that the tail of |mean − centre|² depends on.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Shape {
    /// tr C² / (tr C)²: one over the effective number of dimensions.
    pub second: f64,
    /// tr C³ / (tr C)³.
    pub third: f64,
    rows: f64,
}

impl Shape {
    /// Takes the shape of n rows from their dot products `gram` [n, n], and the rows' trace; `clips` [n] are the parts of
    /// their way from the centre that count.
    ///
    /// tr C² = E⟨x,y⟩² and tr C³ = E⟨x,y⟩⟨y,z⟩⟨z,x⟩ for independent centred rows, so means over pairs and triples of
    /// different rows estimate them without bias. Pairs within [`LAGS`] may belong to one conversation: left out.
    pub fn push(&mut self, gram: &[f32], clips: &[f32], trace: f64) {
        let n = clips.len();
        let mut centred = centred(gram, n);
        for (row, a) in centred.chunks_mut(n).zip(clips) {
            row.iter_mut().zip(clips).for_each(|(x, b)| *x *= a * b);
        }
        let (mut pairs, mut second) = (0.0, 0.0);
        let (mut triples, mut third) = (0.0, 0.0);
        for i in LAGS..n {
            for j in 0..=i - LAGS {
                let ij = f64::from(centred[i * n + j]);
                pairs += 1.0;
                second += ij * ij;
                if j >= LAGS {
                    let ends = j + 1 - LAGS;
                    let (a, b) = (&centred[i * n..i * n + ends], &centred[j * n..j * n + ends]);
                    third += ij * f64::from(a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>());
                    triples += ends as f64;
                }
            }
        }
        if triples == 0.0 || trace <= 0.0 {
            return;
        }
        let n = n as f64;
        let part = n / (self.rows + n);
        self.rows += n;
        self.second += (second / pairs / trace.powi(2) - self.second) * part;
        self.third += (third / triples / trace.powi(3) - self.third) * part;
    }

    /// The value that |mean − centre|² / its expectation exceeds with probability `p`, as known from `rows` independent
    /// rows.
    ///
    /// It is a weighted sum of χ² with the eigenvalues of C as weights. A shifted and scaled χ² of the same mean,
    /// variance and skewness stands for it (Hall 1983, Buckley & Eagleson 1988), and Wilson & Hilferty's (1931) cube
    /// for that one's quantile. Narrow topics have few effective dimensions, hence a larger limit than broad ones.
    pub fn limit(&self, p: f64, rows: f64) -> f64 {
        let doubt = 1.0 + DOUBT / rows;
        let second = (self.second * doubt).clamp(1e-3, 1.0);
        let third = self.third * doubt.powf(1.5);
        // c₂² ≤ c₁·c₃ (Cauchy-Schwarz) and c₃ ≤ c₂^1.5 bound the freedom: 1 ≤ c₂³/c₃² ≤ 1/c₂.
        let freedom = (second.powi(3) / third.powi(2).max(1e-18)).clamp(1.0, 1.0 / second);
        let w = 2.0 / (9.0 * freedom);
        let chi = freedom * (1.0 - w + normal_tail(p) * w.sqrt()).powi(3);
        1.0 + (second / freedom).sqrt() * (chi - freedom)
    }
}

/// Cosines of rows about their own mean: HGH with H = I − 1/n, the diagonal as well.
fn centred(gram: &[f32], n: usize) -> Vec<f32> {
    let means: Vec<f32> = gram.chunks(n).map(|row| row.iter().sum::<f32>() / n as f32).collect();
    let all = means.iter().sum::<f32>() / n as f32;
    let mut out = gram.to_vec();
    for (row, a) in out.chunks_mut(n).zip(&means) {
        row.iter_mut().zip(&means).for_each(|(x, b)| *x += all - a - b);
    }
    out
}

/// Correlation of rows with the ones before them: answers of one conversation resemble each other.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Serial {
    /// Sum of dot products of rows k + 1 apart, and their number.
    sums: [f64; LAGS],
    rows: [f64; LAGS],
}

impl Serial {
    /// Takes the dot product of a row and the one `lag` (1…) before it.
    pub fn push(&mut self, lag: usize, dot: f32) {
        let k = lag.wrapping_sub(1);
        if let (Some(sum), Some(rows)) = (self.sums.get_mut(k), self.rows.get_mut(k)) {
            *sum += f64::from(dot);
            *rows += 1.0;
        }
    }

    /// Autocorrelations of lag 1…, as far as they are beyond chance: r = (mean cosine − |centre|²) / trace.
    ///
    /// Of independent rows r has deviation √(second / rows); the first one below two of these ends the list (Geyer's 1992
    /// initial positive sequence), so that independent rows keep their narrow limit.
    fn correlations(&self, centre: f64, trace: f64, second: f64) -> impl Iterator<Item = f64> {
        let all = self.sums.into_iter().zip(self.rows);
        all.map_while(move |(sum, rows)| {
            let r = (sum / rows.max(1.0) - centre) / trace;
            (rows > 0.0 && r > SURE * (second / rows).sqrt()).then_some(r)
        })
    }

    /// By what the variance of weighted means exceeds that of independent rows, where the weights fall by `keep` a
    /// row: 1 + 2 Σ keepᵏ rₖ. `centre` is the squared length of the rows' mean, `trace` their total variance.
    pub fn factor(&self, keep: f64, centre: f64, trace: f64, second: f64) -> f64 {
        let mut weight = 1.0;
        let sum: f64 = self
            .correlations(centre, trace, second)
            .map(|r| {
                weight *= keep;
                weight * r
            })
            .sum();
        1.0 + 2.0 * sum
    }

    /// Rows that hang together, 1 for independent ones.
    pub fn length(&self, centre: f64, trace: f64, second: f64) -> usize {
        1 + self.correlations(centre, trace, second).count()
    }
}

/// Deviations from which on a correlation is beyond chance.
const SURE: f64 = 2.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_quantiles() {
        // One dimension: χ² with one degree of freedom, 3.841 at 5 %, 10.83 at 0.1 %.
        let one = Shape { second: 1.0, third: 1.0, rows: 1.0 };
        assert!((one.limit(0.05, f64::INFINITY) - 3.841).abs() < 0.15);
        assert!((one.limit(0.001, f64::INFINITY) - 10.83).abs() < 0.6);
        // 25 equal dimensions: χ²(25) / 25, 52.62 / 25 at 0.1 %.
        let many = Shape { second: 0.04, third: 0.0016, rows: 1.0 };
        assert!((many.limit(0.001, f64::INFINITY) - 52.62 / 25.0).abs() < 0.02);
        assert!(many.limit(0.001, 20.0) > many.limit(0.001, 100.0));
    }

    #[test]
    fn shape_counts_dimensions() {
        // Rows ± one of 10 axes: 10 equal dimensions.
        let n = 200;
        let sign = |i: usize| if (i / 10).is_multiple_of(2) { 1.0 } else { -1.0 };
        let axis = |i: usize| (i * 7 + i / 20) % 10;
        let dot = |i: usize, j: usize| if axis(i) == axis(j) { sign(i) * sign(j) } else { 0.0 };
        let gram: Vec<f32> = (0..n * n).map(|k| dot(k / n, k % n)).collect();
        let mut shape = Shape::default();
        shape.push(&gram, &vec![1.0; n], 1.0);
        assert!((shape.second - 0.1).abs() < 0.02, "{shape:?}");
    }

    #[test]
    fn conversations_correlate_and_single_answers_do_not() {
        let mut serial = Serial::default();
        for (lag, dot) in [(1, 0.8), (2, 0.6), (3, 0.4), (4, 0.0), (5, 0.4)] {
            (0..100).for_each(|_| serial.push(lag, dot));
        }
        assert!((serial.factor(1.0, 0.0, 1.0, 0.04) - 4.6).abs() < 1e-6);
        assert_eq!(serial.length(0.0, 1.0, 0.04), 4);
        assert!((Serial::default().factor(1.0, 0.0, 1.0, 0.04) - 1.0).abs() < 1e-12);
    }
}
