//! Two-sample test of the newest rows against the ones before them.

/// Newest rows that are compared with the older ones.
pub const NEWEST: [usize; 3] = [15, 30, 50];

/// Permutations of a test.
pub const PERMUTATIONS: usize = 199;

/// Generator of permutations (Steele, Lea & Flood's SplitMix64, 2014): the same for the same rows, without state to keep.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let a = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let b = (a ^ (a >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        b ^ (b >> 31)
    }

    /// Number below `n`.
    fn below(&mut self, n: usize) -> usize {
        // The upper half of a 128-bit product is below n, hence fits.
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }
}

/// Squared distances of kernel means (Gretton et al. 2012, the biased form) of the last `NEWEST` of `order`, and the rest.
fn distances(kernel: &[f32], sums: &[f32], n: usize, order: &[usize], out: &mut [f64; NEWEST.len()]) {
    let total: f64 = sums.iter().map(|s| f64::from(*s)).sum();
    let (mut inner, mut outer) = (0.0, 0.0);
    let mut done = 0;
    for (out, k) in out.iter_mut().zip(NEWEST) {
        while done < k.min(n) {
            let i = order[n - 1 - done];
            let row = &kernel[i * n..(i + 1) * n];
            let with: f32 = order[n - done..].iter().map(|j| row[*j]).sum();
            inner += 2.0 * f64::from(with) + f64::from(row[i]);
            outer += f64::from(sums[i]);
            done += 1;
        }
        let (a, b) = (k as f64, n.saturating_sub(k) as f64);
        *out = inner / (a * a) - 2.0 * (outer - inner) / (a * b) + (total - 2.0 * outer + inner) / (b * b);
    }
}

/// Probability that rows in any order have their newest as far from the others as these have.
///
/// `gram` are cosines of n rows, oldest first, [n, n]; `trace` their total variance, as the scale of the kernel
/// exp(−(1 − cosine) / trace); rows are permuted in blocks of `block`, as rows of one conversation aren't exchangeable
/// singly. Each size of [`NEWEST`] is brought to its own mean and deviation over the permutations, and the largest
/// counts. Too few rows to compare give 1.
pub fn test(gram: &[f32], n: usize, trace: f32, block: usize) -> f64 {
    if n <= NEWEST[NEWEST.len() - 1] {
        return 1.0;
    }
    let kernel: Vec<f32> = gram.iter().map(|c| ((c - 1.0) / trace.max(1e-3)).exp()).collect();
    let sums: Vec<f32> = kernel.chunks(n).map(|row| row.iter().sum()).collect();
    let mut generator = SplitMix(0);
    let mut order: Vec<usize> = (0..n).collect();
    let mut all = vec![[0.0; NEWEST.len()]; PERMUTATIONS + 1];
    let mut blocks: Vec<usize> = (0..n.div_ceil(block)).collect();
    for (i, out) in all.iter_mut().enumerate() {
        // The first order is the one that happened.
        if i > 0 {
            for i in (1..blocks.len()).rev() {
                blocks.swap(i, generator.below(i + 1));
            }
            order.clear();
            order.extend(blocks.iter().flat_map(|b| b * block..((b + 1) * block).min(n)));
        }
        distances(&kernel, &sums, n, &order, out);
    }
    let mut scores = vec![f64::MIN; all.len()];
    for k in 0..NEWEST.len() {
        let rows = all.len() as f64;
        let mean = all.iter().map(|d| d[k]).sum::<f64>() / rows;
        let spread = (all.iter().map(|d| (d[k] - mean).powi(2)).sum::<f64>() / rows).sqrt().max(1e-12);
        scores.iter_mut().zip(&all).for_each(|(s, d)| *s = s.max((d[k] - mean) / spread));
    }
    let (happened, permuted) = scores.split_at_mut(1);
    tail(happened[0], permuted)
}

/// Share of scores beyond one; past the highest tenth an exponential with this tenth's mean goes on, as 199 scores can't
/// show a probability of 1 in 10,000 (Knijnenburg et al. 2009). One standard error is added to both.
fn tail(score: f64, scores: &mut [f64]) -> f64 {
    scores.sort_by(|a, b| b.total_cmp(a));
    let k = scores.len() / 10;
    let error = 1.0 + 1.0 / (k as f64).sqrt();
    let above = scores.iter().filter(|s| **s >= score).count();
    if above > k {
        return above as f64 / scores.len() as f64;
    }
    let edge = scores[k];
    let mean = scores[..k].iter().map(|s| s - edge).sum::<f64>() / k as f64 * error;
    (0.1 * error * ((edge - score) / mean.max(1e-12)).exp()).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cosines of 100 rows with some likeness within two groups, of which the second has the rows `new` says.
    fn gram(new: impl Fn(usize) -> bool) -> Vec<f32> {
        let mut generator = SplitMix(1);
        let mut gram = vec![1.0; 100 * 100];
        for i in 0..100 {
            for j in 0..i {
                let noise = generator.below(1000) as f32 / 5000.0;
                let cosine = if new(i) == new(j) { 0.4 } else { 0.2 } + noise;
                gram[i * 100 + j] = cosine;
                gram[j * 100 + i] = cosine;
            }
        }
        gram
    }

    #[test]
    fn a_change_is_far_less_likely_than_chance() {
        assert!(test(&gram(|i| i >= 75), 100, 0.6, 1) < 1e-5);
        assert!(test(&gram(|i| i % 3 == 0), 100, 0.6, 1) > 0.05);
    }

    #[test]
    fn blocks_are_permuted_whole() {
        // Two of ten conversations of ten are of another kind: not rare for conversations, but for single answers.
        let cosines = gram(|i| i >= 90 || (30..40).contains(&i));
        assert!(test(&cosines, 100, 0.6, 10) > 10.0 * test(&cosines, 100, 0.6, 1));
    }

    #[test]
    fn the_same_rows_give_the_same_answer() {
        let cosines = gram(|i| i % 4 == 0);
        assert!((test(&cosines, 100, 0.6, 3) - test(&cosines, 100, 0.6, 3)).abs() < 1e-15);
    }
}
