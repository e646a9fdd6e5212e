//! Drift of an agent's answers in embedding space.

pub mod limit;
pub mod mmd;
pub mod moments;
pub mod reference;
pub mod report;
pub mod ring;
pub mod scores;

use serde::{Deserialize, Serialize};

use moments::Moments;
use reference::{Ratios, Reference, cosine};
use report::{onset, samples};
use ring::{ROWS, Ring};

/// Rows of a first reference: with them a centre's own variance is half of that of an average of 50 rows.
const WARM_UP: usize = 100;

/// Rows of a reference after an alarm.
const ANEW: usize = 60;

/// Rows of it where the change took long: the last ones, as the ones before were still moving.
const SETTLED: usize = 40;

/// Rows within which alarms are one incident.
const INCIDENT: usize = 50;

/// Rows after an alarm at which a new reference is taken although the stream still moves.
const PATIENCE: usize = 200;

/// Rows of a blind phase from one look to the next.
const LOOK: usize = 5;

/// Cosine from which on a text repeats another: fillers differ, the sentences don't.
const NEAR: f32 = 0.97;

/// Rows in which a text can be repeated, and which aren't known yet: where a change is new for that long.
const RECENT: usize = 50;

/// Rows below which a running centre is too rough for a cosine.
const ROUGH: u64 = 30;

/// Part of the way to the limit from which on samples are compared, and rows between two comparisons.
const SUSPECT: f64 = 0.5;
const EVERY: u32 = 5;

/// Which statistic made an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// The texts' centre moved from the reference's.
    Centroid,
    /// The newest texts differ from the ones before them.
    Sample,
    /// Texts repeat each other more often than in the reference.
    Repeats,
    /// Texts resemble none of the reference.
    Novelty,
}

/// What a text says.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Reading {
    /// Whether texts are compared with a reference: not in the first 100, and not in about 50 after an alarm.
    pub warm: bool,
    /// An alarm, at the row where it is raised only.
    pub alarm: Option<Kind>,
    /// The largest statistic by its limit: 1 is an alarm.
    pub ratio: f32,
    /// Cosine to the reference's centre, for a detector of scalars; that one must begin anew after an alarm, as the
    /// centre is a new one then. None in the first 30 texts, and from an alarm to the new reference.
    pub cosine: Option<f32>,
    /// Of an alarm, the number of the text where the change most likely began.
    pub onset: Option<u64>,
}

/// What moved at an alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moved {
    /// Which statistic made the alarm.
    pub kind: Kind,
    /// By how much it was over its limit.
    pub ratio: f32,
    /// Number of the text where the change most likely began.
    pub onset: u64,
    /// Up to 3 texts before it: farthest back along the way from the old centre to the new one.
    pub before: Vec<u64>,
    /// Up to 3 texts since: farthest ahead on it.
    pub after: Vec<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
enum Phase {
    /// Collecting a first reference.
    #[default]
    Warming,
    Watching,
    /// So many rows after an alarm; whether the stream was seen moving on.
    Blind {
        since: usize,
        moving: bool,
    },
    /// After an alarm with a pinned reference, until the stream is back.
    Away,
}

/// A causal detector of one stream: about 70 KB with 384 dimensions (150 · 384 bytes of ring, 3 averages, sum and
/// mean), most of it the ring of the last 150 texts.
///
/// Four statistics share a budget of false alarms. Averages of the newest texts against the reference's centre, by the
/// expectation that the reference's own variance and correlations give them (so that one limit serves narrow and broad
/// agents, single answers and conversations); a permutation test of the newest texts against the ones before when the
/// averages are half way to their limit; the share of near-repeats; and the texts unlike all of the reference, which
/// show that a new kind of answer creeps in before it moves the centre.
///
/// Limits from `rows_per_alarm` = N: an average exceeds its limit in a row with probability 0.1 / (3 N), a permutation
/// test with 0.1 / N, the sums of repeats and novelty after more than N rows on average.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Space {
    phase: Phase,
    pinned: bool,
    ring: Ring,
    /// Rows of the ring in the present regime, and rows since the reference was taken.
    regime: usize,
    fresh: usize,
    warming: Moments,
    reference: Reference,
    suspect: u32,
    moved: Option<Moved>,
}

impl Space {
    /// Before the first text.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Keeps the reference as it is, or the next one if there is none: it doesn't grow, and outlives alarms. After one
    /// the next comes when the stream has been back. Single texts are still compared with the ring's.
    pub fn pin(&mut self) {
        self.pinned = true;
    }

    /// What moved at the last alarm.
    pub fn moved(&self) -> Option<Moved> {
        self.moved.clone()
    }

    /// Takes a text: the caller's number of it, and its embedding of length 1, [dimension]. One of another dimension
    /// begins anew, one that isn't finite is left out.
    ///
    /// `rows_per_alarm`: rows in which one false alarm is acceptable, e.g. 10,000; at least 100.
    pub fn observe(&mut self, seq: u64, embedding: &[f32], rows_per_alarm: f64) -> Reading {
        let mut reading = Reading { warm: self.warm(), ..Reading::default() };
        if embedding.is_empty() || embedding.iter().any(|x| !x.is_finite()) {
            return reading;
        }
        if embedding.len() != self.ring.dimension() {
            *self = Self { ring: Ring::new(embedding.len()), pinned: self.pinned, ..Self::default() };
            reading.warm = false;
        }
        reading.cosine = self.cosine(embedding);
        // A row that leaves the ring is old enough for the reference.
        if self.phase == Phase::Watching && !self.pinned && self.fresh >= ROWS && self.ring.is_full() {
            self.reference.join(&self.ring);
        }
        let n = self.ring.len();
        let known = n - self.fresh.min(RECENT).min(n);
        let among = [known.saturating_sub(self.reference.known)..known, n.saturating_sub(RECENT)..n];
        let [nearest, repeated] = self.ring.push(seq, embedding, among);
        self.ring.mark(repeated > NEAR);
        self.regime = (self.regime + 1).min(ROWS);
        self.fresh = (self.fresh + 1).min(ROWS);
        match self.phase {
            Phase::Warming => self.warm_up(embedding),
            Phase::Blind { since, moving } => self.wait(since + 1, moving),
            Phase::Watching | Phase::Away => {
                let budget = rows_per_alarm.max(100.0);
                let ratios = self.reference.observe(embedding, nearest, repeated > NEAR, budget);
                self.judge(ratios, budget, &mut reading);
            }
        }
        reading
    }

    fn warm(&self) -> bool {
        matches!(self.phase, Phase::Watching | Phase::Away)
    }

    fn cosine(&self, embedding: &[f32]) -> Option<f32> {
        if self.warm() {
            return Some(self.reference.cosine(embedding));
        }
        if self.phase != Phase::Warming || self.warming.n < ROUGH {
            return None;
        }
        let mean = self.warming.mean();
        let dot = mean.iter().zip(embedding).map(|(m, x)| m * f64::from(*x)).sum();
        let centre = mean.iter().map(|m| m * m).sum::<f64>() - self.warming.trace() / self.warming.rows();
        Some(cosine(dot, centre))
    }

    fn warm_up(&mut self, embedding: &[f32]) {
        self.warming.push(embedding);
        if self.regime >= WARM_UP {
            self.begin(WARM_UP);
        }
    }

    fn wait(&mut self, since: usize, moving: bool) {
        self.phase = Phase::Blind { since, moving };
        if since < INCIDENT {
            return;
        }
        if self.pinned {
            self.phase = Phase::Away;
        } else if self.regime >= ANEW && since.is_multiple_of(LOOK) {
            if since >= PATIENCE || self.reference.settled(&self.ring, ANEW) {
                self.begin(if moving { SETTLED } else { self.regime });
            } else {
                self.phase = Phase::Blind { since, moving: true };
            }
        }
    }

    fn begin(&mut self, rows: usize) {
        self.reference = Reference::new(&self.ring, rows);
        self.warming = Moments::default();
        self.fresh = 0;
        self.phase = Phase::Watching;
    }

    fn judge(&mut self, ratios: Ratios, rows_per_alarm: f64, reading: &mut Reading) {
        if self.phase == Phase::Away {
            self.reference.clear();
            reading.ratio = ratios.centroid as f32;
            if ratios.way < SUSPECT {
                self.phase = Phase::Watching;
            }
            return;
        }
        let mut found = (Kind::Centroid, ratios.centroid);
        for other in [(Kind::Repeats, ratios.repeats), (Kind::Novelty, ratios.novelty)] {
            if other.1 > found.1 {
                found = other;
            }
        }
        if found.1 < 1.0 && ratios.way >= SUSPECT {
            self.suspect += 1;
            if self.suspect.is_multiple_of(EVERY) {
                let sample = self.reference.sample(&self.ring, rows_per_alarm);
                if sample > found.1 {
                    found = (Kind::Sample, sample);
                }
            }
        } else {
            self.suspect = 0;
        }
        // A ratio is a reading, and far within f32.
        reading.ratio = found.1 as f32;
        if found.1 >= 1.0 {
            reading.alarm = Some(found.0);
            reading.onset = Some(self.alarm(found.0, reading.ratio));
        }
    }

    /// Writes down what moved, and returns the onset.
    fn alarm(&mut self, kind: Kind, ratio: f32) -> u64 {
        let n = self.ring.len();
        let since = onset(&self.ring, &self.reference.centroid, self.reference.rows(), self.fresh.min(n));
        let onset = self.ring.row(n - since).seq;
        let [before, after] = samples(&self.ring, &self.reference.centroid, since, NEAR);
        self.moved = Some(Moved { kind, ratio, onset, before, after });
        self.regime = since;
        self.suspect = 0;
        self.reference.clear();
        self.phase = Phase::Blind { since: 0, moving: false };
        onset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIMENSION: usize = 48;

    /// Texts around centres, from a multiply-with-carry generator.
    struct Texts(u64);

    impl Texts {
        fn uniform(&mut self) -> f32 {
            self.0 = (self.0 & 0xFFFF_FFFF) * 4_294_957_665 + (self.0 >> 32);
            ((self.0 & 0xFFFF) as f32) / 65_536.0
        }

        /// A row near the axis of a topic; `width` is about the part of it that is noise.
        fn text(&mut self, topic: usize, width: f32) -> Vec<f32> {
            let noise = width / (DIMENSION as f32).sqrt() * 1.73;
            let mut row: Vec<f32> = (0..DIMENSION).map(|_| (2.0 * self.uniform() - 1.0) * noise).collect();
            row[topic] += 1.0 - width;
            let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
            row.iter().map(|x| x / length).collect()
        }
    }

    /// Alarms of a stream whose text `t` is of the topic and width that `at` says.
    fn alarms(space: &mut Space, seed: u64, rows: u64, at: impl Fn(u64) -> (usize, f32)) -> Vec<(u64, Kind)> {
        let mut texts = Texts(seed);
        let mut found = Vec::new();
        for t in 0..rows {
            let (topic, width) = at(t);
            found.extend(space.observe(t, &texts.text(topic, width), 10_000.0).alarm.map(|kind| (t, kind)));
        }
        found
    }

    #[test]
    fn nothing_moves_in_narrow_and_broad_streams() {
        let alarmed =
            (1..21).filter(|s| !alarms(&mut Space::new(), *s, 500, |_| (0, 0.2 + 0.03 * *s as f32)).is_empty());
        assert!(alarmed.count() <= 1);
    }

    #[test]
    fn changes_are_found_once_each() {
        let mut space = Space::new();
        let at = alarms(&mut space, 3, 600, |t| ((t / 200) as usize, 0.5));
        assert_eq!(at.len(), 2, "{at:?}");
        assert!((200..215).contains(&at[0].0) && (400..415).contains(&at[1].0));
        let moved = space.moved().unwrap();
        assert!(moved.onset.abs_diff(400) <= 3);
        assert!(moved.before.len() == 3 && moved.before.iter().all(|seq| (200..400).contains(seq)));
        assert!(!moved.after.is_empty() && moved.after.iter().all(|seq| *seq >= moved.onset));
    }

    #[test]
    fn a_topic_that_creeps_in_is_found() {
        let at = alarms(&mut Space::new(), 5, 400, |t| (usize::from(t >= 150 && t * 7 % 100 < t - 150), 0.5));
        assert!(at.first().is_some_and(|(t, _)| (150..215).contains(t)), "{at:?}");
    }

    #[test]
    fn one_text_over_and_over_is_an_alarm_and_always_the_same_text_is_none() {
        let at = alarms(&mut Space::new(), 7, 300, |t| (0, if t < 200 { 0.6 } else { 0.0 }));
        assert!(at.first().is_some_and(|(t, _)| (200..220).contains(t)), "{at:?}");
        assert!(alarms(&mut Space::new(), 7, 500, |_| (0, 0.0)).is_empty());
    }

    #[test]
    fn a_restored_detector_goes_on_identically() {
        for stop in [40, 100, 207, 240, 380] {
            let mut space = Space::new();
            let mut texts = Texts(11);
            let mut restored = space.clone();
            for t in 0..420u64 {
                let row = texts.text(usize::from(t >= 200), 0.5);
                let reading = space.observe(t, &row, 10_000.0);
                if t < stop {
                    continue;
                }
                if t == stop {
                    restored = serde_json::from_str(&serde_json::to_string(&space).unwrap()).unwrap();
                    assert_eq!(restored, space);
                } else {
                    assert_eq!(restored.observe(t, &row, 10_000.0), reading);
                }
            }
            assert_eq!(restored, space);
        }
    }

    #[test]
    fn a_pinned_reference_outlives_alarms() {
        let mut space = Space::new();
        space.pin();
        let at = alarms(&mut space, 13, 1_000, |t| (usize::from((200..400).contains(&t) || t >= 800), 0.5));
        assert_eq!(at.len(), 2, "{at:?}");
        assert!((200..215).contains(&at[0].0) && (800..815).contains(&at[1].0));
    }

    #[test]
    fn odd_rows_do_no_harm() {
        let mut space = Space::new();
        alarms(&mut space, 17, 150, |_| (0, 0.5));
        let before = space.clone();
        space.observe(150, &[f32::NAN; DIMENSION], 10_000.0);
        space.observe(151, &[], 10_000.0);
        assert_eq!(space, before);
        assert!(!space.observe(152, &[1.0, 0.0], 10_000.0).warm);
        let zeros = |space: &mut Space| (0..300).all(|t| space.observe(t, &[0.0, 0.0], 10_000.0).alarm.is_none());
        assert!(zeros(&mut space));
        space.reset();
        assert_eq!(space, Space::new());
    }
}
