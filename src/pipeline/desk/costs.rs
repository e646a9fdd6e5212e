//! What each rule costs a record, measured on records that are kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::clock::Clock;
use crate::engine::Engine;
use crate::engine::constraints::Constraints;
use crate::engine::constraints::backtest::evidence;
use crate::history::{Row, View};
use crate::message::inquiry::Costs;
use crate::rules::{RuleSet, Stage};

/// Records that are measured with: enough that the clock's own steps do not matter.
const RECORDS: usize = 1_000;

/// Rounds that are measured of each.
const ROUNDS: usize = 3;

/// Rules above which fewer records must do.
const MANY: usize = 100;

/// What each rule costs beyond what all share; `None` if nobody waits for it any more.
pub(super) fn costs(rules: &Arc<RuleSet>, view: &View, cancel: &AtomicBool, clock: &dyn Clock) -> Option<Costs> {
    let wanted = if rules.rules.len() > MANY { RECORDS / 10 } else { RECORDS };
    let rows: Vec<&Row> = view.rows().rev().take(wanted).collect();
    let measure = |keep: &str| {
        let mut engine = Constraints::new(Arc::new(rules.subset(|_, rule| *rule.id == *keep)));
        let mut spent = std::time::Duration::ZERO;
        for row in &rows {
            let mut evidence = evidence(row);
            let start = clock.elapsed();
            // The engine of rules refuses nothing.
            Stage::ALL.iter().for_each(|stage| drop(engine.run(*stage, &mut evidence)));
            spent += clock.elapsed().saturating_sub(start);
        }
        spent.as_nanos() as f64 / rows.len().max(1) as f64
    };
    // Whatever else the machine does makes it slower, never faster: the quickest of a few rounds is nearest to the cost.
    let measure = |keep: &str| (0..ROUNDS).map(|_| measure(keep)).fold(f64::INFINITY, f64::min);
    let shared_ns = measure("");
    let mut rules_ns = Vec::with_capacity(rules.rules.len());
    for rule in &rules.rules {
        if cancel.load(Ordering::Relaxed) {
            return None;
        }
        rules_ns.push((measure(&rule.id) - shared_ns).max(0.0));
    }
    Some(Costs { revision: Arc::clone(&rules.revision), rules_ns, shared_ns, records: rows.len() })
}
