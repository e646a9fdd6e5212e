//! Why the rules say of a record what they say.

use std::sync::Arc;

use crate::analysis::words;
use crate::engine::Engine;
use crate::engine::constraints::Constraints;
use crate::engine::constraints::backtest::evidence;
use crate::engine::constraints::explain::Explanation;
use crate::history::{Row, View};
use crate::message::inquiry::Explained;
use crate::rules::{Rule, RuleSet, Stage};

/// Records before the one in front that rules which remember are shown first.
const BEFORE: usize = 5_000;

/// Rules that are explained; those that fire come first.
const MOST: usize = 500;

/// What each rule says of the record, and the words in which its answers differ. Without what came before the record,
/// rules that depend on it are left out.
pub(super) fn explain(row: &Row, rules: &Arc<RuleSet>, view: Option<&View>) -> Explained {
    let fires = |rule: &Rule| row.verdict.violations.iter().any(|violation| violation.rule == rule.id);
    let mut order: Vec<&Rule> = rules.rules.iter().collect();
    order.sort_by_key(|rule| !fires(rule));
    let mut engine = Constraints::new(Arc::clone(rules));
    let explained = order.into_iter().take(MOST).filter_map(|rule| match rules.remembers(rule) {
        true => with_past(rules, rule, row, view?),
        false => engine.explain(&rule.id, evidence(row)),
    });
    let texts = row.verdict.divergence.texts(&row.record.samples);
    Explained {
        seq: row.verdict.seq,
        revision: Arc::clone(&rules.revision),
        rules: explained.collect(),
        words: words::differing(&texts),
    }
}

fn with_past(rules: &RuleSet, rule: &Rule, row: &Row, view: &View) -> Option<Explanation> {
    let mut engine = Constraints::new(Arc::new(rules.subset(|_, other| other.id == rule.id)));
    let here = view.position(row.verdict.seq);
    for before in view.rows().skip(here.saturating_sub(BEFORE)).take(here.min(BEFORE)) {
        let mut evidence = evidence(before);
        // The engine of rules refuses nothing.
        Stage::ALL.iter().for_each(|stage| drop(engine.run(*stage, &mut evidence)));
    }
    engine.explain(&rule.id, evidence(row))
}
