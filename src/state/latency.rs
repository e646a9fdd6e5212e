//! The agents' latency over event time, and watcher's own cost below it.

use hdrhistogram::Histogram;
use jiff::Timestamp;

use crate::stats::summary::Percentiles;
use crate::stats::timeline::{Bucket, Timeline};
use crate::verdict::Timing;

/// Buckets of the chart.
const BUCKETS: usize = 240;

/// Latencies are counted up to a day: a histogram's memory grows with its largest value.
const LONGEST_MS: f64 = 86_400_000.0;

/// One bucket of time.
#[derive(Debug, Clone)]
pub struct Slice {
    /// Tenths of a ms.
    agents: Histogram<u32>,
    /// µs.
    own: Histogram<u32>,
    count: u64,
    dirty: bool,
    /// The agents' latency, ms; `None` is a gap.
    pub latency_ms: Option<Percentiles>,
    /// watcher's own cost a record, µs.
    pub own_us: Option<Percentiles>,
}

#[allow(clippy::expect_used)]
fn histogram() -> Histogram<u32> {
    Histogram::new(2).expect("two digits are within the library's one to five")
}

impl Default for Slice {
    fn default() -> Self {
        Self { agents: histogram(), own: histogram(), count: 0, dirty: false, latency_ms: None, own_us: None }
    }
}

impl Bucket for Slice {
    fn merge(&mut self, later: &Self) {
        // Both grow by themselves: adding cannot fail.
        let _ = self.agents.add(&later.agents);
        let _ = self.own.add(&later.own);
        self.count += later.count;
        self.dirty = true;
    }

    fn count(&self) -> u64 {
        self.count
    }
}

/// Latency over time.
#[derive(Debug, Clone)]
pub struct Latency {
    slices: Timeline<Slice>,
    /// Over all that is shown.
    pub total_ms: Option<Percentiles>,
    /// Over all that is shown.
    pub own_us: Option<Percentiles>,
}

impl Default for Latency {
    fn default() -> Self {
        Self { slices: Timeline::new(BUCKETS), total_ms: None, own_us: None }
    }
}

impl Latency {
    /// Takes a record in.
    pub fn add(&mut self, at: Timestamp, latency_ms: Option<f64>, timing: &Timing) {
        let slice = self.slices.at(at);
        slice.count += 1;
        slice.dirty = true;
        if let Some(ms) = latency_ms.filter(|ms| *ms >= 0.0) {
            slice.agents.saturating_record((ms.min(LONGEST_MS) * 10.0) as u64);
        }
        let own = timing.embedding + timing.constraints + timing.drift;
        slice.own.saturating_record(own.min(3_600_000_000));
    }

    /// Computes the percentiles of the slices that have changed.
    pub fn refresh(&mut self) {
        let mut changed = false;
        for slice in self.slices.iter_mut().filter(|slice| slice.dirty) {
            slice.latency_ms = Percentiles::of(&slice.agents, 10.0);
            slice.own_us = Percentiles::of(&slice.own, 1.0);
            slice.dirty = false;
            changed = true;
        }
        if changed {
            let (mut agents, mut own) = (histogram(), histogram());
            for slice in self.slices.iter() {
                let _ = agents.add(&slice.agents);
                let _ = own.add(&slice.own);
            }
            self.total_ms = Percentiles::of(&agents, 10.0);
            self.own_us = Percentiles::of(&own, 1.0);
        }
    }

    /// The slices, oldest first.
    pub fn slices(&self) -> &Timeline<Slice> {
        &self.slices
    }
}
