//! How the rules stand, for their list: those in force, and those that are only in the draft.

use std::sync::Arc;

use super::AppState;
use super::alerts::{AlertState, Alerts};
use super::editing::Drafted;
use super::view::RuleOrder;
use crate::message::{Rule, RuleCount, RuleSet};

/// How a rule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is breached now, somewhere.
    Firing,
    /// It is breached, and not for long enough.
    Pending,
    /// It is evaluated and holds.
    Quiet,
    /// Nothing can be said of it.
    NoData,
}

/// How a rule stands, by its counters and its alerts.
pub fn standing(id: &Arc<str>, count: &RuleCount, no_data: bool, alerts: &Alerts) -> Standing {
    let worst = alerts.iter().filter(|alert| alert.cause == *id).map(|alert| alert.state).max();
    match worst {
        Some(AlertState::Firing) => Standing::Firing,
        Some(AlertState::Pending) => Standing::Pending,
        _ if no_data || count.records == 0 || count.evaluated == 0 => Standing::NoData,
        _ => Standing::Quiet,
    }
}

/// A rule of the list.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// Its id.
    pub id: Arc<str>,
    /// The rule in force, and its index.
    pub in_force: Option<(usize, &'a Rule)>,
    /// What the draft says of it.
    pub drafted: Option<&'a Drafted>,
}

impl AppState {
    /// The rules in force, once they are known.
    pub fn rule_set(&self) -> Option<&Arc<RuleSet>> {
        self.status.health.as_ref().map(|health| &health.rules)
    }

    /// The rules of the list: those in force, and behind them those that are off, or only in the draft.
    pub fn rule_entries(&self) -> Vec<Entry<'_>> {
        let drafted = self.editing.as_ref().map_or(&[][..], |editing| &editing.rules);
        let of = |id: &str| drafted.iter().find(|rule| &*rule.id == id);
        let rules = self.rule_set().map_or(&[][..], |set| &set.rules);
        let entry = |(index, rule)| {
            let rule: &Rule = rule;
            Entry { id: Arc::clone(&rule.id), in_force: Some((index, rule)), drafted: of(&rule.id) }
        };
        let others = drafted.iter().filter(|drafted| !rules.iter().any(|rule| rule.id == drafted.id));
        let other = |drafted| {
            let drafted: &Drafted = drafted;
            Entry { id: Arc::clone(&drafted.id), in_force: None, drafted: Some(drafted) }
        };
        let mut entries: Vec<Entry<'_>> = rules.iter().enumerate().map(entry).chain(others.map(other)).collect();
        let hits = |entry: &Entry<'_>| {
            let counts = self.status.health.as_ref().map_or(&[][..], |health| &health.counts);
            entry.in_force.and_then(|(index, _)| counts.get(index)).map_or(0, |count| count.hits)
        };
        let cost = |entry: &Entry<'_>| entry.in_force.and_then(|(index, _)| self.rule_cost(index)).unwrap_or(-1.0);
        match self.view.rule_order {
            RuleOrder::File => {}
            RuleOrder::Hits => entries.sort_by_key(|entry| std::cmp::Reverse(hits(entry))),
            RuleOrder::Cost => entries.sort_by(|a, b| cost(b).total_cmp(&cost(a))),
            RuleOrder::Name => entries.sort_by(|a, b| a.id.cmp(&b.id)),
        }
        entries
    }

    /// Index of the chosen rule in the list.
    pub fn rule_index(&self) -> usize {
        let chosen = self.view.chosen.rule.as_ref();
        chosen.and_then(|id| self.rule_entries().iter().position(|entry| entry.id == *id)).unwrap_or(0)
    }

    /// The chosen rule.
    pub fn rule_entry(&self) -> Option<Entry<'_>> {
        let index = self.rule_index();
        self.rule_entries().into_iter().nth(index)
    }

    /// Whether the rules in force are the program's own, which are in no file.
    pub fn embedded_rules(&self) -> bool {
        self.rule_set()
            .is_some_and(|set| !set.files.is_empty() && set.files.iter().all(|file| file.name.ends_with(EMBEDDED)))
    }

    /// How often a rule's alerts rang, over the last minute, oldest first; empty if none did.
    pub fn rule_bars(&self, id: &str) -> Vec<u64> {
        let now = self.event_time();
        let mut sum: Vec<u64> = Vec::new();
        for alert in self.board().alerts.iter().filter(|alert| &*alert.cause == id) {
            let bars = alert.bars(now);
            sum.resize(bars.len(), 0);
            sum.iter_mut().zip(bars).for_each(|(sum, more)| *sum += more);
        }
        sum
    }

    /// What the rule at this index costs a record, ns, once that was measured.
    pub fn rule_cost(&self, index: usize) -> Option<f64> {
        let costs = self.found.costs.as_ref()?;
        let current = self.rule_set().is_some_and(|set| set.revision == costs.revision);
        costs.rules_ns.get(index).copied().filter(|_| current)
    }
}

/// How the names of files end that are compiled in.
pub const EMBEDDED: &str = "(embedded)";
