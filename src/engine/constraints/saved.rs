//! What the engine knows, across the end of the process: how the rules fared, and the last values of `max_step`.
//!
//! Both are kept by the rule's id, so that a change of other rules leaves them alone.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::executor::{Constraints, Last, RuleCount};

/// The last value of a field for a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SavedLast {
    rule: Arc<str>,
    /// The field as the rule names it.
    of: Arc<str>,
    /// The field as the record spelt it.
    field: Arc<str>,
    value: f64,
}

/// The state of the engine.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Saved {
    counts: HashMap<Arc<str>, (u64, u64, u64)>,
    last: HashMap<Arc<str>, Vec<SavedLast>>,
}

impl Constraints {
    /// What it knows.
    pub fn save(&self) -> Saved {
        let rules = self.rules();
        let counts = rules.rules.iter().zip(self.counts());
        let last = |held: &Last| {
            let step = &rules.steps[held.step];
            SavedLast {
                rule: Arc::clone(&rules.rules[step.rule].id),
                of: Arc::clone(rules.numbers.name(step.slot)),
                field: Arc::clone(&held.field),
                value: held.value,
            }
        };
        Saved {
            counts: counts.map(|(rule, c)| (Arc::clone(&rule.id), (c.evaluated, c.hits, c.errors))).collect(),
            last: self.last.iter().map(|(key, held)| (Arc::clone(key), held.iter().map(last).collect())).collect(),
        }
    }

    /// Goes on from what another engine knew, as far as the rules are the same.
    pub fn restore(&mut self, saved: Saved) {
        let rules = Arc::clone(self.rules());
        for (rule, count) in rules.rules.iter().zip(&mut self.counts) {
            if let Some((evaluated, hits, errors)) = saved.counts.get(&rule.id) {
                *count = RuleCount { evaluated: *evaluated, hits: *hits, errors: *errors };
            }
        }
        let step_of = |held: &SavedLast| {
            rules
                .steps
                .iter()
                .position(|step| rules.rules[step.rule].id == held.rule && *rules.numbers.name(step.slot) == held.of)
        };
        for (key, held) in saved.last {
            let known = held.into_iter().filter_map(|held| {
                let step = step_of(&held)?;
                Some(Last { step, field: held.field, value: held.value })
            });
            self.last.insert(key, known.collect());
        }
    }
}
