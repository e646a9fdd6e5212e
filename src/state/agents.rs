//! The keys: who is there, how busy, how slow, how far its answers agree, and who has gone quiet.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Share;
use super::pace::Pace;
use crate::history::Row;
use crate::stats::ring::{Ring, quantile};
use crate::verdict::{Action, Outcome, Severity};

/// Keys that are shown; past it the one that was not seen for longest goes.
const MOST: usize = 512;

/// Gaps and latencies that are remembered of a key.
const RECENT: usize = 64;

/// Seconds over which the rate is taken.
const RATE_S: i64 = 10;

/// Risks that one bar of the sparkline stands for.
const RISKS_A_BAR: u32 = 8;

/// A key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Agent {
    /// Its name.
    pub key: Arc<str>,
    /// How often it speaks, and whether it has stopped.
    pub pace: Pace,
    /// Records.
    pub total: u64,
    /// Records whose answers were compared, of those that had any.
    pub checked: Share,
    /// Mean risk a bar, in [0, 1]; `None` where nothing was compared.
    pub risks: Ring,
    /// Records a second.
    #[serde(skip)]
    pub rate: f64,
    /// 95th percentile of the recent latencies, ms.
    #[serde(skip)]
    pub p95_ms: Option<f64>,
    /// Mean of the recent risks.
    #[serde(skip)]
    pub risk: Option<f64>,
    /// The worst of the recent advice.
    #[serde(skip, default = "mildest")]
    pub worst: Action,
    /// The worst severity of the recent violations.
    #[serde(skip)]
    pub severity: Option<Severity>,
    /// Records of the last seconds, by second of event time.
    arrivals: VecDeque<(i64, u64)>,
    latencies: Ring<f64>,
    recent: Ring<(Option<f64>, Action, Option<Severity>)>,
    bar: (f64, u32, u32),
    /// What is not saved has to be found anew.
    #[serde(skip, default = "stale")]
    dirty: bool,
}

fn mildest() -> Action {
    Action::Allow
}

fn stale() -> bool {
    true
}

impl Agent {
    fn new(key: Arc<str>, at: Timestamp) -> Self {
        Self {
            key,
            pace: Pace::new(at),
            total: 0,
            checked: Share::default(),
            risks: Ring::new(24),
            rate: 0.0,
            p95_ms: None,
            risk: None,
            worst: Action::Allow,
            severity: None,
            arrivals: VecDeque::new(),
            latencies: Ring::new(RECENT),
            recent: Ring::new(RECENT / 2),
            bar: (0.0, 0, 0),
            dirty: true,
        }
    }

    fn add(&mut self, at: Timestamp, row: &Row) {
        let risk = row.verdict.divergence.risk;
        self.total += 1;
        match self.arrivals.back_mut() {
            // A record that comes late counts with the newest second.
            Some((second, count)) if *second >= at.as_second() => *count += 1,
            _ => self.arrivals.push_back((at.as_second(), 1)),
        }
        if self.arrivals.len() > RATE_S as usize + 1 {
            self.arrivals.pop_front();
        }
        if !row.record.samples.is_empty() {
            self.checked.add(row.verdict.divergence.outcome == Outcome::Scored);
        }
        self.latencies.push(row.record.latency_ms.unwrap_or(f64::NAN));
        self.recent.push((risk, row.verdict.advice.action, row.verdict.worst()));
        let (sum, scored, count) = &mut self.bar;
        *sum += risk.unwrap_or(0.0);
        *scored += u32::from(risk.is_some());
        *count += 1;
        if *count == RISKS_A_BAR {
            self.risks.push((*scored > 0).then(|| *sum / f64::from(*scored)));
            self.bar = (0.0, 0, 0);
        }
        self.dirty = true;
    }

    /// Makes ready what is shown and follows from the rest.
    fn measure(&mut self, at: Timestamp) {
        // By its own clock, moved on by the silence since.
        let own_now = self.pace.seen.as_second() + self.pace.silent_s(at) as i64;
        let since = own_now - RATE_S;
        let recent: u64 = self.arrivals.iter().filter(|(second, _)| *second > since).map(|(_, count)| count).sum();
        self.rate = recent as f64 / RATE_S as f64;
        if self.dirty {
            self.dirty = false;
            self.p95_ms = quantile(self.latencies.iter().copied(), 0.95);
            let risks: Vec<f64> = self.recent.iter().filter_map(|(risk, ..)| *risk).collect();
            self.risk = (!risks.is_empty()).then(|| risks.iter().sum::<f64>() / risks.len() as f64);
            self.worst = self.recent.iter().map(|(_, action, _)| *action).max().unwrap_or(Action::Allow);
            self.severity = self.recent.iter().filter_map(|(.., severity)| *severity).max();
        }
        self.pace.measure();
    }
}

/// All keys.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Agents {
    by_key: BTreeMap<Arc<str>, Agent>,
    /// In the order of the screen: what is worst first, then by name.
    #[serde(skip)]
    pub order: Vec<Arc<str>>,
    returned: Vec<Arc<str>>,
    heard: Option<Timestamp>,
}

impl Agents {
    /// How far event time is: silence is measured by it, whatever the clock of an agent says.
    pub fn hear(&mut self, at: Timestamp) {
        self.heard = Some(at);
    }

    /// Takes a record in.
    pub fn add(&mut self, at: Timestamp, row: &Row) {
        let key = &row.verdict.key;
        if self.by_key.len() >= MOST
            && !self.by_key.contains_key(key)
            && let Some(oldest) = self.by_key.values().min_by_key(|agent| agent.pace.seen).map(|a| Arc::clone(&a.key))
        {
            self.by_key.remove(&oldest);
        }
        let agent = self.by_key.entry(Arc::clone(key)).or_insert_with(|| Agent::new(Arc::clone(key), at));
        if agent.pace.add(at, self.heard.unwrap_or(at)) {
            self.returned.push(Arc::clone(key));
        }
        agent.add(at, row);
    }

    /// Brings silences up to event time `at`.
    pub fn settle(&mut self, at: Timestamp) {
        self.by_key.values_mut().for_each(|agent| agent.pace.refresh(at));
    }

    /// Makes ready what is shown and follows from the rest, and puts the keys in order.
    pub fn arrange(&mut self, at: Timestamp) {
        self.by_key.values_mut().for_each(|agent| agent.measure(at));
        let mut order: Vec<&Agent> = self.by_key.values().collect();
        order.sort_by(|a, b| {
            (b.severity, b.pace.quiet).cmp(&(a.severity, a.pace.quiet)).then_with(|| a.key.cmp(&b.key))
        });
        self.order = order.into_iter().map(|agent| Arc::clone(&agent.key)).collect();
    }

    /// In the order of the screen.
    pub fn iter(&self) -> impl Iterator<Item = &Agent> {
        self.order.iter().filter_map(|key| self.by_key.get(key))
    }

    /// Whether no more are held than can be: what is read of a store may be anything.
    pub fn is_sound(&self) -> bool {
        self.by_key.len() <= MOST
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether none was seen.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// The keys that are quiet, and how.
    pub fn quiet(&self, at: Timestamp) -> impl Iterator<Item = (&Arc<str>, String)> {
        self.by_key.values().filter(|agent| agent.pace.quiet).map(move |agent| (&agent.key, agent.pace.text(at)))
    }

    /// The keys that were quiet and have spoken since this was last asked.
    pub fn returned(&mut self) -> impl Iterator<Item = Arc<str>> + use<> {
        std::mem::take(&mut self.returned).into_iter()
    }
}
