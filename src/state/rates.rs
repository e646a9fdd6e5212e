//! How fast the stages work, from counters that only grow.

use std::collections::VecDeque;

use crate::message::{HealthReport, PoolCounts, StageReport};

/// Reports that rates are taken over: two seconds of them.
const REPORTS: usize = 9;

/// A queue between two stages, over the last seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct StageRate {
    /// How it is now.
    pub now: StageReport,
    /// Batches a second; `None` before there are two reports.
    pub rate: Option<f64>,
    /// Mean time in the queue, ms; `None` where nothing went through.
    pub wait_ms: Option<f64>,
}

/// Rates over the last seconds.
#[derive(Debug, Clone, Default)]
pub struct Rates {
    reports: VecDeque<(f64, Vec<StageReport>, PoolCounts)>,
    /// One a stage.
    pub stages: Vec<StageRate>,
    /// Texts a second.
    pub texts: Option<f64>,
    /// Records a second that went without their vectors.
    pub shed: Option<f64>,
}

impl Rates {
    /// Nothing moves: the queues stay as they are, the rates are gone.
    pub fn pause(&mut self) {
        self.reports.clear();
        (self.texts, self.shed) = (None, None);
        self.stages.iter_mut().for_each(|stage| (stage.rate, stage.wait_ms) = (None, None));
    }

    /// Takes counters in.
    pub fn add(&mut self, report: &HealthReport) {
        let at = report.at.as_millisecond() as f64 / 1e3;
        self.reports.push_back((at, report.stages.clone(), report.pool));
        if self.reports.len() > REPORTS {
            self.reports.pop_front();
        }
        let Some((start, first, pool)) = self.reports.front() else { return };
        let seconds = at - start;
        let rate = |now: u64, then: u64| (seconds > 0.0).then(|| now.saturating_sub(then) as f64 / seconds);
        let stage = |now: &StageReport| {
            let then = first.iter().find(|stage| stage.name == now.name);
            let since = |count: fn(&StageReport) -> u64| count(now).saturating_sub(then.map_or(0, count));
            let passed = since(|stage| stage.passed);
            StageRate {
                rate: rate(now.passed, then.map_or(0, |then| then.passed)),
                wait_ms: (passed > 0).then(|| since(|stage| stage.waited_us) as f64 / passed as f64 / 1e3),
                now: now.clone(),
            }
        };
        self.stages = report.stages.iter().map(stage).collect();
        self.texts = rate(report.pool.done, pool.done);
        self.shed = rate(report.pool.shed, pool.shed);
    }
}
