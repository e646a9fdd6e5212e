//! What is wrong: one row a cause and key, with since, last, count and state.
//!
//! Causes are the rules, and what the engines found by themselves, whose names begin with `@`.

mod changes;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::message::{HealthReport, Rule, RuleSet};
use crate::record::Seq;
use crate::stats::timeline::{Bucket, Count, Timeline};
use crate::verdict::{Severity, Violation, ViolationState};

pub use changes::AlertChange;
use changes::Changes;

/// Rows that are kept; past it the one that fired last the longest ago goes.
const MOST: usize = 512;

/// A cause that has not fired for this long of event time is resolved, s.
const RESOLVED_AFTER_S: i64 = 60;

/// A resolved row stays in sight for this long, s.
const FORGOTTEN_AFTER_S: i64 = 1_800;

/// Bars of a row's sparkline, and seconds a bar.
const BARS: usize = 8;
const BAR_S: i64 = 5;

/// How an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AlertState {
    /// It was, and is no more.
    Resolved,
    /// It may become one.
    Pending,
    /// It is.
    Firing,
}

/// A cause and a key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Alert {
    /// A rule's id, or `@…`.
    pub cause: Arc<str>,
    /// Whose behaviour it is; empty for what belongs to nobody.
    pub key: Arc<str>,
    /// The worst so far.
    pub severity: Severity,
    /// How it stands.
    pub state: AlertState,
    /// Since when, by event time.
    pub since: Timestamp,
    /// Last time, by event time.
    pub last: Timestamp,
    /// How often since then.
    pub count: u64,
    /// The newest case, in words.
    pub text: String,
    /// Its record; `None` of what is no record's.
    pub seq: Option<Seq>,
    bars: Timeline<Count>,
    heard: Timestamp,
}

impl Alert {
    /// How often, over the last minute, oldest first.
    pub fn bars(&self, now: Timestamp) -> Vec<u64> {
        let mut bars: Vec<u64> = self.bars.iter().map(Bucket::count).collect();
        // Quiet time since the last case is part of the picture.
        let end = self.bars.start().map_or(0, |start| start.as_second()) + self.bars.span_s();
        let idle = ((now.as_second() - end).max(0) / self.bars.width_s()).min(BARS as i64) as usize;
        bars.extend(std::iter::repeat_n(0, idle));
        let surplus = bars.len().saturating_sub(BARS);
        bars.drain(..surplus);
        let missing = BARS - bars.len();
        bars.splice(0..0, std::iter::repeat_n(0, missing));
        bars
    }
}

/// A rule whose fields never came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoData {
    /// The rule.
    pub rule: Arc<str>,
    /// Its severity.
    pub severity: Severity,
    /// Why, and what may have been meant.
    pub why: String,
}

/// All alerts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Alerts {
    by_cause: BTreeMap<(Arc<str>, Arc<str>), Alert>,
    /// In the order of the screen: firing first, the worst first, the newest first.
    #[serde(skip)]
    pub order: Vec<(Arc<str>, Arc<str>)>,
    /// Rules that have seen no data.
    pub no_data: Vec<NoData>,
    /// Event time of the newest record of all.
    heard: Option<Timestamp>,
    /// The record that is being taken in.
    #[serde(skip)]
    seq: Option<Seq>,
    /// What the rules say of their alerts, and which rules.
    pauses: BTreeMap<Arc<str>, Pauses>,
    #[serde(skip)]
    pauses_of: Option<Arc<RuleSet>>,
    #[serde(skip)]
    changes: Changes,
}

/// What a rule says of its alerts.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Pauses {
    keep_firing_s: Option<i64>,
    cooldown_s: i64,
}

impl Alerts {
    /// How far event time is. An alert is over when nothing of it was heard for long, whatever its own clock says: the
    /// clock of its agent may be behind that of the others.
    pub fn hear(&mut self, at: Timestamp) {
        (self.heard, self.seq) = (Some(at), None);
    }

    /// What is raised from here on is of no record.
    pub fn hear_no_record(&mut self) {
        self.seq = None;
    }

    /// The same of a record, which is taken in next.
    pub fn hear_of(&mut self, seq: Seq, at: Timestamp) {
        (self.heard, self.seq) = (Some(at), Some(seq));
    }

    /// Takes a violation in.
    pub fn violation(&mut self, key: &Arc<str>, at: Timestamp, violation: &Violation) {
        // A shadow is counted, in the list of rules, and never rings.
        if violation.state == ViolationState::Shadow {
            return;
        }
        let pending = violation.state == ViolationState::Pending;
        let text = || violation.message.clone();
        self.count(&violation.rule, key, violation.severity, at, 1, text, pending);
    }

    /// Counts cases of something that an engine found.
    pub fn raise(
        &mut self,
        cause: &str,
        key: &str,
        severity: Severity,
        at: Timestamp,
        cases: u64,
        text: impl FnOnce() -> String,
    ) {
        self.count(&cause.into(), &key.into(), severity, at, cases, text, false);
    }

    /// What was raised lasts: it is not counted again, and its words stay. Where nobody heard of it, it begins.
    pub fn go_on(
        &mut self,
        cause: &str,
        key: &Arc<str>,
        severity: Severity,
        at: Timestamp,
        text: impl FnOnce() -> String,
    ) {
        if self.firing_still(cause, key, at).is_none() {
            self.count(&cause.into(), key, severity, at, 1, text, false);
        }
    }

    /// Something that lasts: it begins once and is not counted again while it does.
    pub fn raise_once(
        &mut self,
        cause: &str,
        key: &Arc<str>,
        severity: Severity,
        at: Timestamp,
        text: impl FnOnce() -> String,
    ) {
        match self.firing_still(cause, key, at) {
            Some(alert) => (alert.severity, alert.text) = (severity, text()),
            None => self.count(&cause.into(), key, severity, at, 1, text, false),
        }
    }

    /// An alert that fires, which is heard of once more.
    fn firing_still(&mut self, cause: &str, key: &Arc<str>, at: Timestamp) -> Option<&mut Alert> {
        let alert = self.by_cause.get_mut(&(cause.into(), Arc::clone(key)))?;
        let firing = alert.state == AlertState::Firing;
        if firing {
            (alert.last, alert.heard) = (alert.last.max(at), at);
        }
        firing.then_some(alert)
    }

    /// The cause is gone: a pending alert goes with it, one that fired resolves when its time is over.
    pub fn calm(&mut self, cause: &str, key: &str) {
        let id = (cause.into(), key.into());
        let Some(alert) = self.by_cause.get_mut(&id) else { return };
        let pending = alert.state == AlertState::Pending;
        if pending || (alert.state == AlertState::Firing && (cause == "@quiet" || cause == "@unscored")) {
            alert.state = AlertState::Resolved;
            self.changes.tell(self.heard.unwrap_or(alert.last), alert);
        }
        if pending {
            self.by_cause.remove(&id);
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn count(
        &mut self,
        cause: &Arc<str>,
        key: &Arc<str>,
        severity: Severity,
        at: Timestamp,
        cases: u64,
        text: impl FnOnce() -> String,
        pending: bool,
    ) {
        let id = (Arc::clone(cause), Arc::clone(key));
        if self.by_cause.len() >= MOST
            && !self.by_cause.contains_key(&id)
            && let Some(oldest) = self.by_cause.iter().min_by_key(|(_, alert)| alert.last).map(|(id, _)| id.clone())
        {
            self.by_cause.remove(&oldest);
        }
        let alert = self.by_cause.entry(id).or_insert_with(|| Alert {
            cause: Arc::clone(cause),
            key: Arc::clone(key),
            severity,
            state: AlertState::Resolved,
            since: at,
            last: at,
            count: 0,
            text: String::new(),
            seq: None,
            bars: Timeline::with_width(BARS, BAR_S),
            heard: at,
        });
        alert.heard = self.heard.unwrap_or(at);
        let calm = self.pauses.get(cause).map_or(0, |pauses| pauses.cooldown_s);
        // Within the cooldown it is the same alert once more.
        let renewed = alert.count > 0 && at.duration_since(alert.last).as_secs() < calm;
        if alert.state == AlertState::Resolved && !renewed {
            (alert.since, alert.count, alert.severity) = (at, 0, severity);
        }
        let before = alert.state;
        alert.state = if pending { AlertState::Pending } else { AlertState::Firing };
        alert.severity = alert.severity.max(severity);
        alert.last = alert.last.max(at);
        alert.count += cases;
        alert.text = text();
        alert.seq = self.seq;
        alert.bars.at(at).0 += cases;
        if alert.state != before {
            self.changes.tell(self.heard.unwrap_or(at), alert);
        }
    }

    /// What became of the alerts since this was last asked, in the order in which it happened.
    pub fn take_changes(&mut self) -> Vec<AlertChange> {
        self.changes.take()
    }

    /// Whether no more are held than can be: what is read of a store may be anything.
    pub fn is_sound(&self) -> bool {
        self.by_cause.len() <= MOST
    }

    /// Takes in how long the rules want their alerts to last and to rest.
    pub fn set_pauses(&mut self, rules: &Arc<RuleSet>) {
        if self.pauses_of.as_ref().is_some_and(|known| Arc::ptr_eq(known, rules)) {
            return;
        }
        let pauses = |rule: &Rule| {
            let keep = (!rule.keep_firing.is_zero()).then_some(rule.keep_firing.as_secs() as i64);
            let pauses = Pauses { keep_firing_s: keep, cooldown_s: rule.cooldown.as_secs() as i64 };
            // Most rules ask for nothing.
            (keep.is_some() || pauses.cooldown_s > 0).then(|| (Arc::clone(&rule.id), pauses))
        };
        self.pauses = rules.rules.iter().filter_map(pauses).collect();
        self.pauses_of = Some(Arc::clone(rules));
    }

    /// Takes in how the rules fare: which of them never had data.
    pub fn set_rules(&mut self, report: &HealthReport) {
        self.set_pauses(&report.rules);
        let found = report.no_data.iter().filter_map(|found| Some((report.rules.rules.get(found.rule)?, &found.why)));
        self.no_data = found
            .map(|(rule, why)| NoData { rule: Arc::clone(&rule.id), severity: rule.severity, why: why.clone() })
            .collect();
    }

    /// Resolves what has not fired for long, and puts the rows in order.
    pub fn refresh(&mut self, at: Timestamp) {
        self.settle(at);
        self.arrange();
    }

    /// Resolves what has not fired for long, and forgets what is long resolved.
    pub fn settle(&mut self, at: Timestamp) {
        let Self { by_cause, pauses, changes, .. } = self;
        by_cause.retain(|_, alert| {
            let age = at.duration_since(alert.heard);
            let older = |seconds: i64| age > SignedDuration::from_secs(seconds);
            if alert.state == AlertState::Resolved {
                return age < SignedDuration::from_secs(FORGOTTEN_AFTER_S);
            }
            // What was pending and did not come to anything leaves nothing behind.
            let gone = alert.state == AlertState::Pending && older(RESOLVED_AFTER_S);
            let keep = pauses.get(&alert.cause).and_then(|pauses| pauses.keep_firing_s);
            if gone || older(keep.unwrap_or(RESOLVED_AFTER_S)) {
                alert.state = AlertState::Resolved;
                changes.tell(at, alert);
            }
            !gone
        });
    }

    /// Puts the rows in order.
    pub fn arrange(&mut self) {
        let mut order: Vec<&Alert> = self.by_cause.values().collect();
        order.sort_by(|a, b| {
            let rank = |alert: &Alert| (alert.state, alert.severity, alert.since);
            rank(b).cmp(&rank(a)).then_with(|| (&a.cause, &a.key).cmp(&(&b.cause, &b.key)))
        });
        self.order = order.into_iter().map(|a| (Arc::clone(&a.cause), Arc::clone(&a.key))).collect();
    }

    /// In the order of the screen.
    pub fn iter(&self) -> impl Iterator<Item = &Alert> {
        self.order.iter().filter_map(|id| self.by_cause.get(id))
    }

    /// The alerts that fire, worst first.
    pub fn firing(&self) -> impl Iterator<Item = &Alert> {
        self.iter().filter(|alert| alert.state == AlertState::Firing)
    }
}

#[cfg(test)]
impl Alerts {
    /// As [`Alerts::set_pauses`], of one rule.
    pub(super) fn set_pause(&mut self, rule: &str, keep_firing_s: Option<i64>, cooldown_s: i64) {
        self.pauses.insert(rule.into(), Pauses { keep_firing_s, cooldown_s });
    }
}
