//! The last embeddings of a stream, in 8 bits a number.

use serde::{Deserialize, Serialize};

/// Rows kept: enough for a change of the last 50 to stand against the 100 before them.
pub const ROWS: usize = 150;

/// The last [`ROWS`] embeddings, each with its own scale: row = scale · [i8; dimension].
///
/// A scale of its own (largest number / 127) instead of a common one leaves an error of about 0.2 % of a row's length,
/// and of 0.001 in a dot product of unit rows: a tenth of what one changed word does.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Ring {
    dimension: usize,
    next: usize,
    numbers: Vec<i8>,
    rows: Vec<Row>,
}

/// What is known of a row besides its embedding.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Row {
    /// The caller's number of the row.
    pub seq: u64,
    /// Whether it nearly repeated one of the rows shortly before.
    pub repeat: bool,
    scale: f32,
}

/// Dot product of rows in 8 bits; exact, as 127² · dimension fits far into 32 bits.
fn dot(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
}

/// A row in 8 bits, and its scale.
fn quantised(row: &[f32]) -> (Vec<i8>, f32) {
    let largest = row.iter().fold(f32::MIN_POSITIVE, |most, x| most.max(x.abs()));
    // Within ±127 by construction, and a cast from f32 saturates.
    (row.iter().map(|x| (x / largest * 127.0).round() as i8).collect(), largest / 127.0)
}

impl Ring {
    /// Empty, for rows of a dimension.
    pub fn new(dimension: usize) -> Self {
        Self { dimension, ..Self::default() }
    }

    /// Rows in it.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row in it.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Numbers in a row.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Whether the next row drives the oldest one out.
    pub fn is_full(&self) -> bool {
        self.rows.len() == ROWS
    }

    /// Takes a row of length 1 in place of the oldest one, and its largest cosines to the rows by age in each of `among`;
    /// −1 to none.
    pub fn push(&mut self, seq: u64, row: &[f32], among: [std::ops::Range<usize>; 2]) -> [f32; 2] {
        let (numbers, scale) = quantised(row);
        let most = among.map(|range| {
            range.fold(-1f32, |most, i| {
                let at = self.slot(i);
                most.max(dot(&numbers, self.numbers(at)) as f32 * self.rows[at].scale * scale)
            })
        });
        let entry = Row { seq, repeat: false, scale };
        if self.is_full() {
            let from = self.next * self.dimension;
            self.numbers[from..from + self.dimension].copy_from_slice(&numbers);
            self.rows[self.next] = entry;
            self.next = (self.next + 1) % ROWS;
        } else {
            if self.numbers.is_empty() {
                self.numbers.reserve_exact(ROWS * numbers.len());
                self.rows.reserve_exact(ROWS);
            }
            self.numbers.extend_from_slice(&numbers);
            self.rows.push(entry);
        }
        most
    }

    /// Says whether the newest row is a repeat.
    pub fn mark(&mut self, repeat: bool) {
        let newest = if self.is_full() { (self.next + ROWS - 1) % ROWS } else { self.rows.len().saturating_sub(1) };
        if let Some(row) = self.rows.get_mut(newest) {
            row.repeat = repeat;
        }
    }

    /// Row by age, 0 for the oldest.
    pub fn row(&self, i: usize) -> &Row {
        &self.rows[self.slot(i)]
    }

    /// Embedding by age, 0 for the oldest, as [dimension] of `out`.
    pub fn embedding(&self, i: usize, out: &mut Vec<f32>) {
        let at = self.slot(i);
        out.clear();
        out.extend(self.numbers(at).iter().map(|x| f32::from(*x) * self.rows[at].scale));
    }

    /// Cosine of two rows by age.
    pub fn cosine(&self, i: usize, j: usize) -> f32 {
        let (a, b) = (self.slot(i), self.slot(j));
        dot(self.numbers(a), self.numbers(b)) as f32 * self.rows[a].scale * self.rows[b].scale
    }

    /// Dot product of a row by age with a vector of [dimension].
    pub fn project(&self, i: usize, along: &[f32]) -> f32 {
        let at = self.slot(i);
        self.numbers(at).iter().zip(along).map(|(x, u)| f32::from(*x) * u).sum::<f32>() * self.rows[at].scale
    }

    /// Cosines of all pairs of rows `from..to`, [rows, rows].
    pub fn gram(&self, from: usize, to: usize) -> Vec<f32> {
        let n = to - from;
        let mut gram = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let cosine = self.cosine(from + i, from + j);
                gram[i * n + j] = cosine;
                gram[j * n + i] = cosine;
            }
        }
        gram
    }

    fn slot(&self, i: usize) -> usize {
        (self.next + i) % ROWS
    }

    fn numbers(&self, slot: usize) -> &[i8] {
        &self.numbers[slot * self.dimension..(slot + 1) * self.dimension]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(i: u64) -> Vec<f32> {
        let raw: Vec<f32> = (0..8u64).map(|k| ((i * 8 + k) as f32).sin()).collect();
        let length = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
        raw.iter().map(|x| x / length).collect()
    }

    #[test]
    fn it_keeps_the_last_rows_in_order_and_nearly_exactly() {
        let mut ring = Ring::new(8);
        for i in 0..400 {
            ring.push(i, &row(i), [0..0, 0..0]);
        }
        assert_eq!((ring.len(), ring.row(0).seq, ring.row(ROWS - 1).seq), (ROWS, 250, 399));
        let mut out = Vec::new();
        ring.embedding(7, &mut out);
        assert!(out.iter().zip(row(257)).all(|(a, b)| (a - b).abs() < 0.005));
        let exact: f32 = row(257).iter().zip(row(300)).map(|(a, b)| a * b).sum();
        assert!((ring.cosine(7, 50) - exact).abs() < 0.01);
        assert!((ring.project(7, &row(300)) - exact).abs() < 0.01);
    }

    #[test]
    fn a_row_is_nearest_to_itself() {
        let mut ring = Ring::new(8);
        for i in 0..20 {
            ring.push(i, &row(i), [0..0, 0..0]);
        }
        let [old, new] = ring.push(20, &row(3), [0..10, 4..10]);
        assert!(old > 0.99 && new < old, "{old} {new}");
        ring.mark(true);
        assert!(ring.row(20).repeat && !ring.row(19).repeat);
    }
}
