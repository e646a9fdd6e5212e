//! What a rule knows from record to record.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::keyed::Keyed;
use super::windows::Windows;
use crate::rules::Rule;
use crate::rules::ruleset::Reach;
use crate::stats::rule_count::RuleCount;

/// Keys of one rule; past it those that were seen the longest ago go.
pub const MOST_KEYS: usize = 4_096;

/// Whether nothing can be said of a rule: the fields that it needs never came, or its windows have run empty.
pub fn no_data(rule: &Rule, count: &RuleCount) -> bool {
    let in_time = rule.window.as_ref().is_some_and(|window| matches!(window.reach, Reach::Over(_)));
    (count.evaluated == 0 && count.errors == 0) || (in_time && count.groups == 0)
}

/// The last value of a field, as the record spells it.
pub(super) type Last = Vec<(Arc<str>, f64)>;

/// What a rule knows from record to record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct State {
    /// Of what the rule must be for this to be its state.
    pub fingerprint: u64,
    /// Everything but `records`, and `evaluated` of rules in the flat table.
    pub count: RuleCount,
    /// Records that the engine had seen when the rule came.
    pub since: u64,
    /// By key: since when it is breached without a break.
    pub breached: Keyed<Timestamp>,
    /// By key: the last values, for `max_step`.
    pub last: Keyed<Last>,
    /// Its windows.
    pub windows: Option<Windows>,
}

impl State {
    /// Nothing known, after so many records.
    pub fn new(rule: &Rule, since: u64) -> Self {
        Self {
            fingerprint: rule.fingerprint,
            count: RuleCount::default(),
            since,
            breached: Keyed::new(MOST_KEYS),
            last: Keyed::new(MOST_KEYS),
            windows: rule.window.as_ref().map(|_| Windows::new()),
        }
    }

    /// How it has fared, `records` after the start, as it is at `now` by event time.
    pub fn count(&self, records: u64, now: Option<Timestamp>) -> RuleCount {
        let windows = self.windows.as_ref();
        RuleCount {
            records: records.saturating_sub(self.since),
            groups: windows.map_or(0, |windows| windows.alive(now) as u64),
            evicted: self.breached.evicted + self.last.evicted + windows.map_or(0, Windows::evicted),
            cut: windows.map_or(0, Windows::cut),
            ..self.count
        }
    }
}
