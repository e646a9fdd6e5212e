//! What is done at which stage: plain bounds in one flat table, everything else rule by rule.

use crate::rules::ruleset::{Check, Missing};
use crate::rules::{Rule, RuleSet, Stage};

/// The work of one stage.
#[derive(Debug, Default)]
pub(super) struct StagePlan {
    /// Bounds that ask for nothing but two comparisons, by slot.
    pub table: Table,
    /// Indices of the other rules.
    pub rest: Vec<usize>,
}

/// The flat table: columns, so that a row is three reads in a line.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub slots: Vec<u32>,
    /// The values between these, both included, breach nothing.
    pub low: Vec<f64>,
    pub high: Vec<f64>,
    /// Indices of `RuleSet::limits`.
    pub limits: Vec<u32>,
    /// Records on which the field was there.
    pub evaluated: Vec<u64>,
}

impl StagePlan {
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty() && self.table.slots.is_empty()
    }
}

/// Where a rule's own bounds and step stand.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Places {
    pub limit: Option<usize>,
    pub step: Option<usize>,
}

/// The work of all stages, and the places of each rule.
pub(super) fn plan(rules: &RuleSet) -> ([StagePlan; 4], Vec<Places>) {
    let mut places = vec![Places::default(); rules.rules.len()];
    rules.limits.iter().enumerate().for_each(|(index, limit)| places[limit.rule].limit = Some(index));
    rules.steps.iter().enumerate().for_each(|(index, step)| places[step.rule].step = Some(index));
    let mut stages: [StagePlan; 4] = Default::default();
    for (index, rule) in rules.rules.iter().enumerate().filter(|(index, rule)| !is_plain(rule, places[*index])) {
        stages[rule.stage as usize].rest.push(index);
    }
    let mut plain: Vec<usize> = (0..rules.limits.len())
        .filter(|at| is_plain(&rules.rules[rules.limits[*at].rule], places[rules.limits[*at].rule]))
        .collect();
    // By slot, so that neighbours read neighbours; rules of one field stay in their order.
    plain.sort_by_key(|at| rules.limits[*at].slot);
    for at in plain {
        let limit = &rules.limits[at];
        let table = &mut stages[rules.rules[limit.rule].stage as usize].table;
        let (low, high) = limit.sound();
        table.slots.push(limit.slot as u32);
        table.low.push(low);
        table.high.push(high);
        table.limits.push(at as u32);
        table.evaluated.push(0);
    }
    (stages, places)
}

/// Whether a record that breaches nothing needs nothing of the rule but to be counted.
fn is_plain(rule: &Rule, places: Places) -> bool {
    rule.check == Check::Limit
        && places.limit.is_some()
        && places.step.is_none()
        && rule.window.is_none()
        && rule.hold.is_zero()
        && rule.missing == Missing::Skip
}

/// Whether any rule has its turn after the record itself.
pub(super) fn is_late(rules: &RuleSet) -> bool {
    rules.rules.iter().any(|rule| rule.stage > Stage::Record)
}
