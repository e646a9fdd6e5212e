//! Where a change began, and which texts show it.

use super::ring::Ring;

/// Least rows after a change.
const LEAST: usize = 3;

/// Texts on each side.
const SAMPLES: usize = 3;

/// The most likely number of rows since a change, of at most `most`.
///
/// With Gaussian rows of one variance before and after it the likelihood of a change k rows ago grows with
/// |Σ (x − m)|² / (k·(1 + k/n)), the sum over the newest k rows and n the `rows` of the mean m (Hinkley 1970).
pub fn onset(ring: &Ring, centroid: &[f32], rows: f64, most: usize) -> usize {
    let n = ring.len();
    let mut sum = vec![0f32; centroid.len()];
    let mut row = Vec::new();
    let mut best = (f64::MIN, 1);
    for since in 1..=most {
        ring.embedding(n - since, &mut row);
        let mut square = 0f32;
        for ((s, x), m) in sum.iter_mut().zip(&row).zip(centroid) {
            *s += x - m;
            square += *s * *s;
        }
        let k = since as f64;
        let score = f64::from(square) / (k * (1.0 + k / rows));
        if since >= LEAST.min(most) && score > best.0 {
            best = (score, since);
        }
    }
    best.1.min(n)
}

/// Numbers of the texts before and since a change that lie farthest along the way from the old centre to the new one,
/// outermost first; of texts nearer to each other than `near` only one.
pub fn samples(ring: &Ring, centroid: &[f32], since: usize, near: f32) -> [Vec<u64>; 2] {
    let n = ring.len();
    let mut way: Vec<f32> = centroid.iter().map(|m| -m).collect();
    let mut row = Vec::new();
    for i in n - since..n {
        ring.embedding(i, &mut row);
        way.iter_mut().zip(&row).for_each(|(way, x)| *way += x / since as f32);
    }
    [farthest(ring, &way, 0..n - since, -1.0, near), farthest(ring, &way, n - since..n, 1.0, near)]
}

fn farthest(ring: &Ring, way: &[f32], rows: std::ops::Range<usize>, sign: f32, near: f32) -> Vec<u64> {
    let mut order: Vec<(f32, usize)> = rows.map(|i| (sign * ring.project(i, way), i)).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut kept: Vec<usize> = Vec::new();
    for (_, i) in order {
        if kept.len() < SAMPLES && kept.iter().all(|j| ring.cosine(i, *j) < near) {
            kept.push(i);
        }
    }
    kept.iter().map(|i| ring.row(*i).seq).collect()
}
