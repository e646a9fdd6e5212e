//! What the engine knows, across the end of the process: how the rules fared, and what they remember.
//!
//! It is kept by the rule's id and its fingerprint, so that a change of other rules leaves it alone.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::executor::Constraints;
use super::state::State;

/// The state of the engine.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Saved {
    #[serde(default)]
    records: u64,
    #[serde(default)]
    states: HashMap<Arc<str>, State>,
}

impl Constraints {
    /// What it knows.
    pub fn save(&self) -> Saved {
        let counts = self.counts();
        let rules = self.rules().rules.iter().zip(&self.states).zip(counts);
        let states =
            rules.map(|((rule, state), count)| (Arc::clone(&rule.id), State { count, ..state.clone() })).collect();
        Saved { records: self.records, states }
    }

    /// Goes on from what another engine knew, as far as the rules are the same.
    pub fn restore(&mut self, mut saved: Saved) {
        let rules = Arc::clone(self.rules());
        self.records = saved.records;
        for (rule, state) in rules.rules.iter().zip(&mut self.states) {
            match saved.states.remove(&rule.id).filter(|held| held.fingerprint == rule.fingerprint) {
                Some(held) => *state = held,
                None => state.since = saved.records,
            }
        }
    }
}
