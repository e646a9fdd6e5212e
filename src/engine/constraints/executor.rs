//! Runs a [`RuleSet`] over records: a record becomes slots once, then every rule looks at them.

use std::sync::Arc;

use jiff::Timestamp;

use super::plan::{Places, StagePlan, is_late, plan};
use super::projection::Projection;
use super::state::State;
use crate::engine::{Engine, Evidence};
use crate::rules::ruleset::Reach;
use crate::rules::{Rule, RuleSet, Stage};
use crate::stats::rule_count::RuleCount;
use crate::verdict::EngineKind;

/// The engine.
pub struct Constraints {
    rules: Arc<RuleSet>,
    stages: [StagePlan; 4],
    pub(super) places: Vec<Places>,
    /// By rule: the fields it names, each with its slots as a number and as a label.
    pub(super) fields: Vec<Vec<(Option<usize>, Option<usize>)>>,
    /// Event time of the record that was looked at last.
    at: Option<Timestamp>,
    pub(super) projection: Projection,
    /// By rule.
    pub(super) states: Vec<State>,
    /// Records seen.
    pub(super) records: u64,
    /// Per rule: it was breached on the record under judgement, and counted.
    pub(super) breached: Vec<bool>,
    pub(super) any_breached: bool,
}

impl Constraints {
    /// An engine for these rules, with no history.
    pub fn new(rules: Arc<RuleSet>) -> Self {
        let (stages, places) = plan(&rules);
        Self {
            stages,
            places,
            fields: rules.rules.iter().map(|rule| fields(&rules, rule)).collect(),
            at: None,
            projection: Projection::new(&rules),
            states: rules.rules.iter().map(|rule| State::new(rule, 0)).collect(),
            records: 0,
            breached: vec![false; rules.rules.len()],
            any_breached: false,
            rules,
        }
    }

    /// Puts other rules in force. Those that have not changed go on with what they know.
    pub fn replace(&mut self, rules: Arc<RuleSet>) {
        let saved = self.save();
        *self = Self::new(rules);
        self.restore(saved);
    }

    /// The rules in force.
    pub fn rules(&self) -> &Arc<RuleSet> {
        &self.rules
    }

    /// Whether any rule reads more than the record.
    pub fn is_late(&self) -> bool {
        is_late(&self.rules)
    }

    /// How each rule has fared so far, in the order of the rule set.
    pub fn counts(&self) -> Vec<RuleCount> {
        let mut counts: Vec<RuleCount> = self.states.iter().map(|state| state.count(self.records, self.at)).collect();
        for table in self.stages.iter().map(|stage| &stage.table) {
            for (at, evaluated) in table.limits.iter().zip(&table.evaluated) {
                let count = &mut counts[self.rules.limits[*at as usize].rule];
                count.evaluated += evaluated;
                count.present += evaluated;
            }
        }
        counts
    }

    /// How many fields of different names were seen.
    pub fn fields_seen(&self) -> usize {
        self.projection.names().count()
    }

    /// Whether any of the paths was seen that a name of a rule stands for; what engines find is seen always.
    pub fn has_seen(&self, field: &str) -> bool {
        let paths: Vec<&str> = field.split(" | ").collect();
        let found = |path: &&str| Stage::of(path) == Stage::Record && **path != *"samples.n";
        paths.iter().any(|path| !found(path)) || self.projection.names().any(|name| paths.contains(&&**name))
    }

    /// What a rule may have meant whose field never came: a field that did, of the same group and a name that is near,
    /// or of the same name in a group that is.
    pub fn did_you_mean(&self, field: &str) -> Option<String> {
        let path = field.split(" | ").next().unwrap_or(field);
        let split = |path: &str| match path.rsplit_once('.') {
            Some((group, last)) => (group.to_owned(), last.to_owned()),
            None => (String::new(), path.to_owned()),
        };
        let (group, last) = split(path);
        let near = |a: &str, b: &str| crate::yaml::did_you_mean(a, std::iter::once(b)).is_some();
        let names = self.projection.names().map(|name| &**name).filter(|name| *name != path);
        let mut found: Vec<&str> = names
            .filter(|name| {
                let (its_group, its_last) = split(name);
                (its_group == group && near(&last, &its_last)) || (its_last == last && near(&group, &its_group))
            })
            .collect();
        found.sort_by_key(|name| (strsim::damerau_levenshtein(path, name), *name));
        found.first().map(|name| format!("did you mean `{name}`?"))
    }

    /// Time has gone on without records: windows let go what is too old. Whether one has run empty over it.
    pub fn advance(&mut self, now: Timestamp) -> bool {
        self.at = Some(now);
        let mut emptied = false;
        for (rule, state) in self.rules.rules.iter().zip(&mut self.states) {
            if let (Some(Reach::Over(_)), Some(windows)) = (rule.window.as_ref().map(|w| w.reach), &mut state.windows) {
                emptied |= windows.advance(now);
            }
        }
        emptied
    }

    fn evaluate(&mut self, stage: Stage, evidence: &mut Evidence<'_>) {
        if stage == Stage::Record {
            self.records += 1;
            self.at = evidence.at.or(self.at);
            self.projection.project(&self.rules, evidence.record);
            if std::mem::take(&mut self.any_breached) {
                self.breached.fill(false);
            }
        } else if self.stages[stage as usize].is_empty() {
            return;
        } else {
            self.projection.add_found(&self.rules, stage, evidence);
        }
        self.check_projected(stage, evidence);
    }

    /// The rules of a stage, over a record that was projected before: what a bench measures by itself.
    pub fn check_projected(&mut self, stage: Stage, evidence: &mut Evidence<'_>) {
        let before = evidence.violations.len();
        self.table(stage, evidence);
        for index in 0..self.stages[stage as usize].rest.len() {
            let rule = self.stages[stage as usize].rest[index];
            self.check(rule, evidence);
        }
        if evidence.violations.len() > before + 1 {
            evidence.violations[before..].sort_by_key(|(order, _)| *order);
        }
    }

    /// The flat table: two comparisons a row. What is absent is a NaN, which is neither below nor above anything.
    fn table(&mut self, stage: Stage, evidence: &mut Evidence<'_>) {
        let table = &mut self.stages[stage as usize].table;
        let numbers = &self.projection.machine.numbers;
        let mut breached = false;
        let rows = table.slots.iter().zip(&table.low).zip(&table.high).zip(&mut table.evaluated);
        for (((slot, low), high), evaluated) in rows {
            let value = numbers[*slot as usize];
            *evaluated += u64::from(!value.is_nan());
            breached |= (value < *low) | (value > *high);
        }
        if breached || !self.projection.further.is_empty() {
            self.table_breached(stage, evidence);
        }
    }

    /// The same once more, slowly: some row is breached, or some field is there several times.
    #[cold]
    fn table_breached(&mut self, stage: Stage, evidence: &mut Evidence<'_>) {
        let rules = Arc::clone(&self.rules);
        for row in 0..self.stages[stage as usize].table.limits.len() {
            let at = self.stages[stage as usize].table.limits[row] as usize;
            self.check_bounds(&rules, &rules.limits[at], evidence);
        }
    }
}

/// The fields that a rule names, each with the slots it may be in.
fn fields(rules: &RuleSet, rule: &Rule) -> Vec<(Option<usize>, Option<usize>)> {
    let number = |name: &Arc<str>| rule.numbers.iter().copied().find(|slot| rules.numbers.name(*slot) == name);
    let text = |name: &Arc<str>| rule.texts.iter().copied().find(|slot| rules.texts.name(*slot) == name);
    rules.fields_of(rule).into_iter().map(|name| (number(name), text(name))).collect()
}

impl Engine for Constraints {
    fn kind(&self) -> EngineKind {
        EngineKind::Constraints
    }

    fn run(&mut self, stage: Stage, evidence: &mut Evidence<'_>) -> Result<(), Arc<str>> {
        self.evaluate(stage, evidence);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
