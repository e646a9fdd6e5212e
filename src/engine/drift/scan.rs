//! Change points: a generalised-likelihood-ratio scan over an exponential histogram.
//!
//! Rows are kept in buckets of 1, 2, 4 … rows, at most five of a size, so that every boundary between buckets is a
//! candidate for the row of a change: exact for the newest rows, a quarter of its age off for older ones. For a split of
//! n rows into n₀ before and n₁ after,
//!
//! G = n′·ln(1 + B / (κ·W·n′)),  B = (Σ₁ − n₁·mean)²·n / (n₀·n₁),  W = (Σ(u − mean)² − B) / (n − 2),
//!
//! is twice the logarithm of the likelihood ratio of two Gaussians with different means and one unknown variance,
//! which the long-run factor κ (see [`super::long_run`]) corrects for rows that depend on each other; n′ = n / κ is
//! what they are worth. Two statistics are scanned side by side: of level and of spread.

use serde::{Deserialize, Serialize};

use super::long_run::LongRun;

/// Buckets of one size.
const BUCKETS: usize = 5;

/// Sizes of buckets: 1 to 256 rows.
const LEVELS: usize = 9;

/// Rows older than all buckets count as at most so many: what was long ago is forgotten.
const MEMORY: f64 = 8_192.0;

/// Rows before a change without which nothing can be said.
const LEAST_BEFORE: f32 = 20.0;

/// Rows after a change without which nothing can be said, of level and of spread: three outliers in a row make the
/// level, and a short excursion of dependent rows must not make the spread.
const LEAST_AFTER: [f32; 2] = [3.0, 6.0];

/// Rows above, or below, the mode after a change without which a rate is not said to have risen.
const LEAST_EVENTS: f32 = 3.0;

/// Sums over some rows of both statistics.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Bucket {
    sums: [f32; 2],
    /// The lower half of the first row's Seq.
    first: u32,
}

/// Buckets of one size, oldest first; unused ones are empty.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Level {
    buckets: [Bucket; BUCKETS],
    len: u8,
}

impl Level {
    fn newest_first(&self) -> impl Iterator<Item = &Bucket> {
        self.buckets[..usize::from(self.len)].iter().rev()
    }
}

/// The clearest change of one statistic.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Change {
    /// Twice the logarithm of the likelihood ratio; 0 where nothing is near the floor that was asked for.
    pub g: f32,
    /// Rows since.
    pub rows: f32,
    /// Change of the mean, in units of the statistic.
    pub shift: f32,
    /// The lower half of the Seq of the first row after it.
    pub onset: u32,
}

/// The rows of one regime.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Histogram {
    levels: [Level; LEVELS],
    /// Rows older than all buckets.
    base_rows: f64,
    base: [f64; 2],
    /// All rows.
    rows: f64,
    sums: [f64; 2],
    squares: [f64; 2],
    /// Rows ever taken.
    taken: u32,
}

impl Histogram {
    /// Rows, as far as they are remembered.
    pub fn rows(&self) -> f64 {
        self.rows
    }

    /// Mean of a statistic; 0 without rows.
    pub fn mean(&self, statistic: usize) -> f64 {
        if self.rows > 0.0 { self.sums[statistic] / self.rows } else { 0.0 }
    }

    /// Takes a row.
    pub fn push(&mut self, seq: u64, row: [f32; 2]) {
        self.rows += 1.0;
        self.taken = self.taken.wrapping_add(1);
        for (s, value) in row.into_iter().enumerate() {
            self.sums[s] += f64::from(value);
            self.squares[s] += f64::from(value * value);
        }
        let mut carry = Bucket { sums: row, first: low(seq) };
        for level in &mut self.levels {
            if usize::from(level.len) < BUCKETS {
                level.buckets[usize::from(level.len)] = carry;
                level.len += 1;
                return;
            }
            // The two oldest become one of the next size.
            let [a, b, ..] = level.buckets;
            level.buckets.copy_within(2.., 0);
            (level.buckets[BUCKETS - 2], level.buckets[BUCKETS - 1]) = (carry, Bucket::default());
            level.len -= 1;
            carry = Bucket { sums: [a.sums[0] + b.sums[0], a.sums[1] + b.sums[1]], first: a.first };
        }
        self.retire(carry);
    }

    fn retire(&mut self, bucket: Bucket) {
        self.base_rows += f64::from(1u32 << LEVELS);
        for (sum, value) in self.base.iter_mut().zip(bucket.sums) {
            *sum += f64::from(value);
        }
        if self.base_rows <= MEMORY {
            return;
        }
        let kept = MEMORY / self.base_rows;
        let gone = self.base_rows * (1.0 - kept);
        for s in 0..2 {
            self.sums[s] -= self.base[s] * (1.0 - kept);
            self.base[s] *= kept;
            self.squares[s] *= 1.0 - gone / self.rows;
        }
        self.rows -= gone;
        self.base_rows *= kept;
    }

    /// Forgets the newest rows, back to a boundary.
    pub fn forget(&mut self, rows: f64) {
        let (before_rows, before) = (self.rows, self.sums);
        self.drop_newest(rows);
        let (left, gone) = (self.rows, before_rows - self.rows);
        if left <= 0.0 || gone <= 0.0 {
            return;
        }
        // What the buckets do not keep: rows on both sides varied alike around their means.
        for (s, before) in before.into_iter().enumerate() {
            let gone_sum = before - self.sums[s];
            let own = self.sums[s] * self.sums[s] / left;
            let within = (self.squares[s] - gone_sum * gone_sum / gone - own).max(0.0);
            self.squares[s] = own + within * left / before_rows;
        }
    }

    fn drop_newest(&mut self, rows: f64) {
        let mut left = rows;
        for (k, level) in self.levels.iter_mut().enumerate() {
            let size = f64::from(1u32 << k);
            while level.len > 0 && left >= size {
                level.len -= 1;
                left -= size;
                let gone = std::mem::take(&mut level.buckets[usize::from(level.len)]).sums;
                for (sum, gone) in self.sums.iter_mut().zip(gone) {
                    *sum -= f64::from(gone);
                }
                self.rows -= size;
            }
            if level.len > 0 {
                return;
            }
        }
    }

    /// The newest boundary with at least so many rows after it: how many there are, and the Seq of the first.
    pub fn boundary(&self, rows: f32) -> (f32, u32) {
        let (mut after, mut onset) = (0.0, 0);
        for (k, level) in self.levels.iter().enumerate() {
            for bucket in level.newest_first() {
                (after, onset) = (after + size(k), bucket.first);
                if after >= rows {
                    return (after, onset);
                }
            }
        }
        (after, onset)
    }

    /// Boundaries between large buckets move seldom: those of 2ᵏ rows are looked at every 2ᵏ rows.
    fn due(&self) -> impl Iterator<Item = (f32, &Level)> {
        let levels = self.taken.trailing_zeros() as usize + 1;
        self.levels.iter().take(levels).enumerate().map(|(k, level)| (size(k), level))
    }

    /// Whether it is time to look: every second row, which costs half a row of delay and saves half the work.
    pub fn is_due(&self) -> bool {
        self.taken.is_multiple_of(2)
    }

    /// The next look is at all boundaries.
    pub fn all_due(&mut self) {
        self.taken = 0;
    }

    /// The clearest change of the mean of a statistic, where it may be above `floor`.
    pub fn scan(&self, s: usize, long_run: &LongRun, floor: f32) -> Change {
        let (n, sum) = (self.rows as f32, self.sums[s] as f32);
        let around = (self.squares[s] - self.sums[s] * self.sums[s] / self.rows) as f32;
        let mut found = Change { g: floor, ..Change::default() };
        let (mut after, mut n1) = (0f32, 0f32);
        for (size, level) in self.due() {
            if n1 + size * f32::from(level.len) < LEAST_AFTER[s] {
                n1 += size * f32::from(level.len);
                after += level.newest_first().map(|bucket| bucket.sums[s]).sum::<f32>();
                continue;
            }
            // Without branches, for nearly all of it is in vain: unused buckets repeat the boundary before them.
            let mut splits = [(0f32, 0f32, 0f32); BUCKETS];
            let mut most = 0f32;
            for (k, split) in splits.iter_mut().enumerate().rev() {
                n1 += if k < usize::from(level.len) { size } else { 0.0 };
                after += level.buckets[k].sums[s];
                let d = after * n - sum * n1;
                let valid = (n1 >= LEAST_AFTER[s]) & (n - n1 >= LEAST_BEFORE);
                let between = if valid { d * d / ((n - n1) * n * n1) } else { 0.0 };
                *split = (between, n1, d);
                most = most.max(between);
            }
            let within = ((around - most) / (n - 2.0)).max(1e-3);
            // G never exceeds B / W.
            if most <= found.g * within {
                continue;
            }
            let Some(best) = splits.iter().rposition(|split| split.0 == most) else { continue };
            let (between, rows, d) = splits[best];
            let onset = level.buckets[best].first;
            let best = Change { g: between, rows, shift: d, onset };
            let factor = long_run.factor(s, within, best.g / n);
            let worth = n / factor;
            let g = worth * (best.g / (within * factor * worth)).ln_1p();
            if g > found.g {
                found = Change { g, shift: best.shift / ((n - best.rows) * best.rows), ..best };
            }
        }
        if found.rows > 0.0 { found } else { Change::default() }
    }

    /// The clearest change of how often rows are above, or below, the value that most of them have: the binomial
    /// likelihood ratio, which also holds where the rate is small. The statistics are 0 or 1 here.
    pub fn scan_rates(&self, s: usize, long_run: &LongRun, floor: f32) -> Change {
        let (n, sum) = (self.rows as f32, self.sums[s] as f32);
        let rate = sum / n;
        if sum < LEAST_EVENTS {
            return Change::default();
        }
        let mut found = Change { g: floor, ..Change::default() };
        let (mut after, mut n1) = (0f32, 0f32);
        for (size, level) in self.due() {
            for bucket in level.newest_first() {
                n1 += size;
                after += bucket.sums[s];
                let d = after * n - sum * n1;
                let n0 = n - n1;
                if n1 < LEAST_AFTER[0] || n0 < LEAST_BEFORE || (d > 0.0 && after < LEAST_EVENTS) {
                    continue;
                }
                let between = d * d / (n0 * n * n1);
                let within = (rate * (1.0 - rate) - between / n).max(1e-3);
                // The ratio of squares is a rough likeness of the ratio of likelihoods, and much cheaper.
                if between < 0.3 * found.g * within {
                    continue;
                }
                let before = sum - after;
                let ratio = 2.0 * (likelihood(after, n1) + likelihood(before, n0) - likelihood(sum, n));
                if ratio <= found.g {
                    continue;
                }
                let g = ratio / long_run.factor(s, within, between / n);
                if g > found.g {
                    found = Change { g, rows: n1, shift: d / (n0 * n1), onset: bucket.first };
                }
            }
        }
        if found.rows > 0.0 { found } else { Change::default() }
    }
}

/// Rows in a bucket of a level.
fn size(level: usize) -> f32 {
    (1u32 << level) as f32
}

/// The lower half of a Seq.
pub fn low(seq: u64) -> u32 {
    (seq & u64::from(u32::MAX)) as u32
}

/// Logarithm of the likelihood of `k` of `n` at their own rate.
fn likelihood(k: f32, n: f32) -> f32 {
    let part = |x: f32| if x > 0.0 { x * (x / n).ln() } else { 0.0 };
    part(k) + part(n - k)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::drift::noise::noise;

    /// Rows that are a histogram's, with the Seq of the first.
    fn filled(first: u64, rows: impl IntoIterator<Item = [f32; 2]>) -> (Histogram, LongRun) {
        let (mut histogram, mut long_run) = (Histogram::default(), LongRun::default());
        for (seq, row) in (first..).zip(rows) {
            histogram.push(seq, row);
            long_run.push(row);
        }
        (histogram, long_run)
    }

    /// The clearest change ever found while rows come.
    fn clearest(first: u64, rows: impl IntoIterator<Item = [f32; 2]>, s: usize, rates: bool) -> Change {
        let (mut histogram, mut long_run, mut most) = (Histogram::default(), LongRun::default(), Change::default());
        for (seq, row) in (first..).zip(rows) {
            histogram.push(seq, row);
            long_run.push(row);
            let scan = if rates { Histogram::scan_rates } else { Histogram::scan };
            let found = scan(&histogram, s, &long_run, 5.0);
            most = if found.g > most.g { found } else { most };
        }
        most
    }

    fn gaussian(seed: u64) -> impl FnMut() -> [f32; 2] {
        let mut normal = noise(seed);
        move || [normal() as f32, normal() as f32].map(|z| z.clamp(-3.0, 3.0))
    }

    fn ones(seed: u64, rate: f64) -> impl FnMut() -> [f32; 2] {
        let (mut normal, bound) = (noise(seed), if rate < 0.2 { 1.6449 } else { 0.5244 });
        move || [f32::from(normal() > bound), 0.0]
    }

    #[test]
    fn sums_are_those_of_the_rows() {
        let mut draw = gaussian(1);
        let rows: Vec<[f32; 2]> = (0..5_000).map(|_| draw()).collect();
        let (histogram, _) = filled(0, rows.iter().copied());
        assert_eq!(histogram.rows(), 5_000.0);
        for s in 0..2 {
            let sum: f64 = rows.iter().map(|row| f64::from(row[s])).sum();
            assert!((histogram.mean(s) - sum / 5_000.0).abs() < 1e-9);
            let kept: f64 = histogram.levels.iter().flat_map(Level::newest_first).map(|b| f64::from(b.sums[s])).sum();
            assert!((kept + histogram.base[s] - sum).abs() < 1e-2, "{kept}");
        }
        assert_eq!(histogram.boundary(1.0), (1.0, 4_999));
        let (after, onset) = histogram.boundary(50.0);
        assert!((50.0..70.0).contains(&after) && onset == 5_000 - after as u32, "{after} {onset}");
    }

    #[test]
    fn a_million_rows_are_held_in_a_bounded_number_of_buckets() {
        let (histogram, _) = filled(0, (0..1_000_000u32).map(|k| [(k % 7) as f32 - 3.0, 1.0]));
        let held: u32 = histogram.levels.iter().map(|level| u32::from(level.len)).sum();
        assert!(held <= (BUCKETS * LEVELS) as u32);
        assert!((MEMORY..MEMORY + 2_600.0).contains(&histogram.rows()), "{}", histogram.rows());
        assert!(histogram.mean(0).abs() < 0.01 && (histogram.mean(1) - 1.0).abs() < 1e-6);
        let variance = histogram.squares[0] / histogram.rows();
        assert!((variance - 4.0).abs() < 0.05, "{variance}");
    }

    #[test]
    fn a_shift_is_found_where_it_began_also_past_the_32nd_bit() {
        for first in [0, (1 << 32) - 310, 7 << 40] {
            for (s, shift) in [(0, 2.0), (0, -2.0), (1, 1.5)] {
                let mut draw = gaussian(3);
                let rows = (0..320).map(|k| {
                    let mut row = draw();
                    row[s] += if k < 300 { 0.0 } else { shift };
                    row
                });
                let found = clearest(first, rows, s, false);
                let late = found.onset.wrapping_sub(low(first + 300)).cast_signed();
                assert!(found.g > 25.0 && late.abs() <= 6, "{first} {s}: {found:?}");
                assert!((found.shift - shift).abs() < 0.8 && (found.rows - 20.0).abs() <= 6.0, "{found:?}");
            }
        }
    }

    #[test]
    fn independent_rows_show_no_change() {
        for seed in 0..3 {
            let mut draw = gaussian(seed);
            for s in 0..2 {
                let found = clearest(0, (0..20_000).map(|_| draw()), s, false);
                assert!(found.g < 30.0, "{found:?}");
            }
        }
    }

    #[test]
    fn a_rate_that_rises_is_found_and_one_that_holds_is_not() {
        let (mut few, mut many) = (ones(5, 0.05), ones(6, 0.3));
        let found = clearest(0, (0..360).map(|k| if k < 300 { few() } else { many() }), 0, true);
        assert!(found.g > 20.0 && found.onset.abs_diff(300) < 20 && (found.shift - 0.25).abs() < 0.1, "{found:?}");
        let found = clearest(0, (0..10_000).map(|_| few()), 0, true);
        assert!(found.g < 25.0, "{found:?}");
    }

    #[test]
    fn three_events_of_what_never_was_are_a_change_and_two_more_of_what_was_are_not() {
        let event =
            |k: usize, last: usize| [f32::from(u8::from((200..last).contains(&k) || k == 20 && last == 202)), 0.0];
        let found = clearest(0, (0..203).map(|k| event(k, 203)), 0, true);
        assert!(found.g > 20.0 && found.onset == 200 && (found.shift - 1.0).abs() < 0.01, "{found:?}");
        assert_eq!(clearest(0, (0..240).map(|k| event(k, 202)), 0, true), Change::default());
    }

    #[test]
    fn what_is_forgotten_leaves_the_older_rows() {
        let mut draw = gaussian(8);
        let rows: Vec<[f32; 2]> = (0..700).map(|_| draw()).chain((0..60).map(|_| [2.5, 2.0])).collect();
        let (mut histogram, _) = filled(0, rows.iter().copied());
        let (after, onset) = histogram.boundary(60.0);
        histogram.forget(f64::from(after));
        assert_eq!(histogram.rows(), f64::from(onset));
        let older: f64 = rows[..onset as usize].iter().map(|row| f64::from(row[0])).sum::<f64>() / f64::from(onset);
        assert!((histogram.mean(0) - older).abs() < 1e-6);
        histogram.push(760, [0.0; 2]);
        assert_eq!(histogram.boundary(1.0), (1.0, 760));
        assert!(histogram.boundary(2.0).1 < onset);
    }
}
