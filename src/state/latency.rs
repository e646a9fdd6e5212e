//! The agents' latency over event time, and watcher's own cost below it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::stats::summary::{Percentiles, Spans};
use crate::stats::timeline::{Bucket, Timeline};
use crate::verdict::Timing;

/// Buckets of the chart.
const BUCKETS: usize = 240;

/// One bucket of time.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Slice {
    /// Tenths of a ms.
    agents: Spans<u32>,
    /// µs.
    own: Spans<u32>,
    count: u64,
    /// Its percentiles are not those of what was counted.
    #[serde(skip, default = "stale")]
    dirty: bool,
    /// The agents' latency, ms; `None` is a gap.
    #[serde(skip)]
    pub latency_ms: Option<Percentiles>,
    /// watcher's own cost a record, µs.
    #[serde(skip)]
    pub own_us: Option<Percentiles>,
}

fn stale() -> bool {
    true
}

impl Bucket for Slice {
    fn merge(&mut self, later: &Self) {
        self.agents.merge(&later.agents);
        self.own.merge(&later.own);
        self.count += later.count;
        self.dirty = true;
    }

    fn count(&self) -> u64 {
        self.count
    }
}

/// Latency over time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Latency {
    slices: Timeline<Slice>,
    /// Over all that is shown.
    #[serde(skip)]
    pub total_ms: Option<Percentiles>,
    /// Over all that is shown.
    #[serde(skip)]
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
            slice.agents.add((ms * 10.0) as u64);
        }
        let own = timing.embedding + timing.constraints + timing.drift;
        slice.own.add(own);
    }

    /// Computes the percentiles of the slices that have changed.
    pub fn refresh(&mut self) {
        let mut changed = false;
        for slice in self.slices.iter_mut().filter(|slice| slice.dirty) {
            slice.latency_ms = slice.agents.percentiles(10.0);
            slice.own_us = slice.own.percentiles(1.0);
            slice.dirty = false;
            changed = true;
        }
        if changed {
            let mut all = Slice::default();
            self.slices.iter().for_each(|slice| all.merge(slice));
            self.total_ms = all.agents.percentiles(10.0);
            self.own_us = all.own.percentiles(1.0);
        }
    }

    /// The slices, oldest first.
    pub fn slices(&self) -> &Timeline<Slice> {
        &self.slices
    }
}
