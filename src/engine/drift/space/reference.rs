//! What a stream's embeddings are without drift.

use serde::{Deserialize, Serialize};

use super::limit::{LAGS, Serial, Shape};
use super::mmd;
use super::moments::Moments;
use super::ring::Ring;
use super::scores::{Novelty, Repeats};

/// Weights a of the newest row in the averages: windows of about 2/a = 17, 50 and 170 rows, for changes of nearly all
/// texts, of a third of them, and of a tenth.
pub const RATES: [f64; 3] = [0.12, 0.04, 0.012];

/// Probability, over that of one alarm in the budget's rows, that a statistic is beyond its limit. A tail known from
/// 100 rows is known to about this factor, and beyond one row in ten of it alarms come one at a time.
const MARGIN: f64 = 0.1;

/// Squared distance from the centre, in total variances, at which a row is held: rows of a topic lie at 1 ± 0.3, and
/// with 2.5 two odd answers in a row don't move an average past its limit.
const HELD: f64 = 2.5;

/// Standard errors by which correlations between rows are taken to be larger than they look.
const CORRELATED: f64 = 2.0;

/// Rows after which what doesn't grow row by row is measured again.
const RENEW: usize = 100;

/// An exponentially weighted average of rows, and the weight of the centre that it began with.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Average {
    row: Vec<f32>,
    start: f64,
}

/// Centre and spread of a regime's embeddings, and the statistics that compare new ones with them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Reference {
    moments: Moments,
    /// Mean row, [dimension].
    pub centroid: Vec<f32>,
    /// Total variance v.
    trace: f64,
    /// Squared length of the true mean: that of the mean row less its variance.
    centre: f64,
    /// By what the variance of the averages, and of the mean row, exceeds that of independent rows.
    factors: [f64; RATES.len()],
    factor: f64,
    shape: Shape,
    serial: Serial,
    averages: [Average; RATES.len()],
    repeats: Repeats,
    novelty: Novelty,
    /// Rows that single texts are compared with, and rows that joined.
    pub known: usize,
    joined: usize,
}

/// Statistics of a row by their limits: 1 is an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Ratios {
    /// Averages from the centre.
    pub centroid: f64,
    /// Texts that repeat others.
    pub repeats: f64,
    /// Texts unlike all of the reference.
    pub novelty: f64,
    /// How much of the way from the centroid statistic's expectation to its limit is gone.
    pub way: f64,
}

impl Reference {
    /// Of the newest `rows` rows of a ring.
    pub fn new(ring: &Ring, rows: usize) -> Self {
        let n = ring.len();
        let from = n.saturating_sub(rows);
        let mut own = Self { known: n - from, ..Self::default() };
        let mut row = Vec::new();
        for i in from..n {
            ring.embedding(i, &mut row);
            own.moments.push(&row);
            (1..=LAGS.min(i - from)).for_each(|lag| own.serial.push(lag, ring.cosine(i, i - lag)));
            // The first rows have few before them that they could repeat.
            if i >= from + rows / 2 {
                own.repeats.learn(ring.row(i).repeat);
            }
        }
        // Before the shape is known all positive correlations count, which at most holds fewer rows back.
        own.rescale();
        let raw = std::mem::take(&mut own.moments);
        let clips: Vec<f32> = (from..n)
            .map(|i| {
                ring.embedding(i, &mut row);
                let clip = own.hold(&mut row, raw.trace());
                own.moments.push(&row);
                clip
            })
            .collect();
        own.survey(ring, from, &clips);
        own.rescale();
        own.averages = std::array::from_fn(|_| Average { row: own.centroid.clone(), start: 1.0 });
        own
    }

    /// Takes the oldest row of a ring.
    pub fn join(&mut self, ring: &Ring) {
        let mut row = Vec::new();
        ring.embedding(0, &mut row);
        self.hold(&mut row, self.trace);
        self.moments.push(&row);
        (1..=LAGS.min(ring.len() - 1)).for_each(|lag| self.serial.push(lag, ring.cosine(0, lag)));
        self.repeats.learn(ring.row(0).repeat);
        if self.joined.is_multiple_of(RENEW) && ring.len() >= RENEW {
            let clips: Vec<f32> = (0..RENEW)
                .map(|i| {
                    ring.embedding(i, &mut row);
                    self.hold(&mut row, self.trace)
                })
                .collect();
            self.known = RENEW;
            self.survey(ring, 0, &clips);
        }
        self.joined += 1;
        self.rescale();
    }

    /// Takes a row of the stream: its embedding, its largest cosine to the known rows, and whether it is a repeat.
    pub fn observe(&mut self, embedding: &[f32], nearest: f32, repeat: bool, rows_per_alarm: f64) -> Ratios {
        let mut row = embedding.to_vec();
        self.hold(&mut row, self.trace);
        let limit = self.limit(MARGIN / (rows_per_alarm * RATES.len() as f64));
        let most = (0..RATES.len()).fold(0f64, |most, k| most.max(self.average(k, &row)));
        Ratios {
            centroid: most / limit,
            repeats: self.repeats.observe(repeat, self.factor, rows_per_alarm),
            novelty: self.novelty.observe(nearest, self.factor, rows_per_alarm),
            way: (most - 1.0) / (limit - 1.0),
        }
    }

    /// Begins the sums anew.
    pub fn clear(&mut self) {
        self.repeats.clear();
        self.novelty.clear();
    }

    /// Cosine of a row of length 1 to the centre, freed of the mean row's own variance.
    pub fn cosine(&self, embedding: &[f32]) -> f32 {
        cosine(self.centroid.iter().zip(embedding).map(|(m, x)| f64::from(m * x)).sum(), self.centre)
    }

    /// How much the newest rows of a ring differ from the ones before by a permutation test, by the limit.
    pub fn sample(&self, ring: &Ring, rows_per_alarm: f64) -> f64 {
        let n = ring.len();
        let block = self.serial.length(self.centre, self.trace, self.shape.second);
        let p = mmd::test(&ring.gram(0, n), n, self.trace as f32, block);
        p.max(1e-300).ln() / (MARGIN / rows_per_alarm).ln()
    }

    /// Whether the newest `rows` rows of a ring don't go on moving: its halves' means differ by no more than chance does
    /// in a third of cases; on a ramp a laxer look takes a reference that is soon left again.
    pub fn settled(&self, ring: &Ring, rows: usize) -> bool {
        let n = ring.len();
        let mut halves = [Moments::default(), Moments::default()];
        let mut row = Vec::new();
        for i in n.saturating_sub(rows)..n {
            ring.embedding(i, &mut row);
            halves[usize::from(i >= n - rows / 2)].push(&row);
        }
        let apart: f64 = halves[0].mean().iter().zip(halves[1].mean()).map(|(a, b)| (a - b) * (a - b)).sum();
        let expected: f64 = halves.iter().map(|half| half.trace() / half.rows().max(1.0)).sum();
        apart <= expected * self.factor * self.limit(0.3)
    }

    /// Rows as a factor.
    pub fn rows(&self) -> f64 {
        self.moments.rows()
    }

    fn limit(&self, p: f64) -> f64 {
        self.shape.limit(p, self.rows() / self.factor)
    }

    /// Draws a row in to the distance of [`HELD`], and returns the part of its way that is left.
    fn hold(&self, row: &mut [f32], trace: f64) -> f32 {
        let distance: f32 = row.iter().zip(&self.centroid).map(|(x, m)| (x - m) * (x - m)).sum();
        let clip = (HELD * trace / f64::from(distance).max(1e-12)).sqrt().min(1.0) as f32;
        row.iter_mut().zip(&self.centroid).for_each(|(x, m)| *x = m + clip * (*x - m));
        clip
    }

    /// Takes a row into an average f, and returns |f − m|² by its expectation.
    ///
    /// f = s·m + Σ a(1−a)ᵏ xₜ₋ₖ with s = (1−a)ᵗ, as it began at m; so for independent rows of total variance v
    /// E|f − m|² = v·(a/(2−a)·(1 − s²) + (1 − s)²/n), with n the reference's rows.
    fn average(&mut self, k: usize, row: &[f32]) -> f64 {
        let a = RATES[k];
        let weight = a as f32;
        let average = &mut self.averages[k];
        average.start *= 1.0 - a;
        let mut square = 0f32;
        for ((f, x), m) in average.row.iter_mut().zip(row).zip(&self.centroid) {
            *f += weight * (x - *f);
            square += (*f - m) * (*f - m);
        }
        let s = average.start;
        let own = a / (2.0 - a) * (1.0 - s * s) * self.factors[k];
        let of_centre = (1.0 - s).powi(2) * self.factor / self.moments.rows();
        f64::from(square) / (self.trace * (own + of_centre)).max(1e-12)
    }

    /// Measures the shape and the distances of rows `from`… of a ring.
    fn survey(&mut self, ring: &Ring, from: usize, clips: &[f32]) {
        let gram = ring.gram(from, from + clips.len());
        self.shape.push(&gram, clips, self.moments.trace());
        let length = self.serial.length(self.centre, self.trace, self.shape.second);
        self.novelty.learn(nearest(&gram, clips.len(), length));
    }

    /// Follows the moments.
    fn rescale(&mut self) {
        let n = self.moments.rows();
        let mean = self.moments.mean();
        let square: f64 = mean.iter().map(|m| m * m).sum();
        self.centroid.clear();
        // Means of unit rows fit into f32.
        self.centroid.extend(mean.iter().map(|m| *m as f32));
        self.factor = 1.0;
        // The mean row of correlated rows takes part of their variance; what is left of it shows in the second round.
        for _ in 0..2 {
            self.trace = (self.moments.trace() / (1.0 - (self.factor - 1.0) / n).max(0.5)).max(1e-6);
            self.centre = square - self.factor * self.trace / n;
            let factor = |keep| self.serial.factor(keep, self.centre, self.trace, self.shape.second);
            self.factor = factor(1.0);
            let error = 1.0 + CORRELATED * (self.factor / n).sqrt();
            self.factors = RATES.map(|a| 1.0 + (factor(1.0 - a) - 1.0) * error);
        }
    }
}

/// Cosine from a dot product and the centre's squared length.
pub fn cosine(dot: f64, centre: f64) -> f32 {
    (dot / centre.max(1e-4).sqrt()) as f32
}

/// Largest cosine of each row to one that is at least `apart` rows from it; `gram` [n, n].
fn nearest(gram: &[f32], n: usize, apart: usize) -> Vec<f32> {
    let most = |(i, row): (usize, &[f32])| {
        let others = row.iter().enumerate().filter(|(j, _)| i.abs_diff(*j) >= apart.max(1));
        others.fold(-1f32, |most, (_, cosine)| most.max(*cosine))
    };
    gram.chunks(n.max(1)).enumerate().map(most).collect()
}
