//! Runs a [`RuleSet`] over records: projects a record into slots once, then compares.

use std::sync::Arc;

use foldhash::HashMap;

use super::projection::{Pair, Projection};
use crate::engine::{Engine, Evidence};
use crate::humanize;
use crate::rules::expr::{Slots, Truth, Value};
use crate::rules::ruleset::{Breach, Check, Limit, Missing, Requirement, Rule, Words};
use crate::rules::{RuleSet, Stage};
use crate::verdict::{EngineKind, Observed, Severity, Violation, ViolationState};

/// Keys whose last values are kept for `max_step`; past it the table starts anew.
const MAX_STEP_KEYS: usize = 4_096;

/// How a rule has fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RuleCount {
    /// Records on which it had all the fields it needs.
    pub evaluated: u64,
    /// Breaches.
    pub hits: u64,
    /// Records on which it had no value (a division by zero).
    pub errors: u64,
}

/// The engine.
pub struct Constraints {
    rules: Arc<RuleSet>,
    projection: Projection,
    pub(super) last: HashMap<Arc<str>, Vec<Last>>,
    pub(super) counts: Vec<RuleCount>,
    /// Per rule: breaches on the record under judgement.
    breached: Vec<bool>,
}

impl Constraints {
    /// An engine for these rules, with no history.
    pub fn new(rules: Arc<RuleSet>) -> Self {
        let count = rules.rules.len();
        Self {
            projection: Projection::new(&rules),
            last: HashMap::default(),
            counts: vec![RuleCount::default(); count],
            breached: vec![false; count],
            rules,
        }
    }

    /// The rules in force.
    pub fn rules(&self) -> &Arc<RuleSet> {
        &self.rules
    }

    /// How each rule has fared so far, in the order of the rule set.
    pub fn counts(&self) -> &[RuleCount] {
        &self.counts
    }

    fn evaluate(&mut self, stage: Stage, evidence: &mut Evidence<'_>) {
        let rules = Arc::clone(&self.rules);
        if stage == Stage::Record {
            self.projection.project(&rules, evidence.record);
            self.breached.fill(false);
        } else if rules.rules.iter().all(|rule| rule.stage < stage) {
            return;
        } else {
            self.projection.add_found(&rules, stage, evidence);
        }
        for pair in 0..self.projection.pairs.len() {
            self.check_pair(&rules, stage, pair, evidence);
        }
        self.check_steps(&rules, stage, evidence);
        for (index, rule) in rules.rules.iter().enumerate().filter(|(_, rule)| rule.stage == stage) {
            match &rule.check {
                Check::Limit => self.limit_done(index, rule, evidence),
                Check::Words(words) => self.check_words(index, rule, words, evidence),
                Check::Require(requirement) => self.check_requirement(index, rule, requirement, evidence),
            }
        }
    }

    /// One number against the bounds on it whose rules have their turn.
    fn check_pair(&mut self, rules: &RuleSet, stage: Stage, pair: usize, evidence: &mut Evidence<'_>) {
        let Pair { slot, value, .. } = self.projection.pairs[pair];
        for limit in &rules.limits[rules.limits_of[slot].clone()] {
            if rules.rules[limit.rule].stage == stage
                && let Some(breach) = limit.breach(value)
            {
                let found = self.projection.pairs[pair].clone();
                self.limit_breached(rules, limit, breach, &found, evidence);
            }
        }
    }

    fn limit_breached(
        &mut self,
        rules: &RuleSet,
        limit: &Limit,
        breach: Breach,
        found: &Pair,
        evidence: &mut Evidence<'_>,
    ) {
        let rule = &rules.rules[limit.rule];
        let severity = if breach.warning { rule.severity.below() } else { rule.severity };
        let sign = match (breach.below, limit.exclusive) {
            (true, false) => "<",
            (true, true) => "≤",
            (false, false) => ">",
            (false, true) => "≥",
        };
        let text = || {
            let (observed, bound) = (humanize::number(found.value), humanize::number(breach.limit));
            format!("{} {observed} {sign} {bound} {}", found.field, rule.unit).trim_end().to_owned()
        };
        self.add(limit.rule, rule, severity, found, Some(breach.limit), text, evidence);
    }

    /// Every number with a largest step against its predecessor in this key, each spelling for itself.
    fn check_steps(&mut self, rules: &RuleSet, stage: Stage, evidence: &mut Evidence<'_>) {
        if rules.steps.iter().all(|step| rules.rules[step.rule].stage != stage) {
            return;
        }
        let key = &evidence.record.key;
        if self.last.len() >= MAX_STEP_KEYS && !self.last.contains_key(key) {
            self.last.clear();
        }
        let mut last = self.last.remove(key).unwrap_or_default();
        for (index, step) in rules.steps.iter().enumerate().filter(|(_, step)| rules.rules[step.rule].stage == stage) {
            for pair in 0..self.projection.pairs.len() {
                if self.projection.pairs[pair].slot != step.slot {
                    continue;
                }
                let Pair { value, order, field, .. } = self.projection.pairs[pair].clone();
                let Some(held) = last.iter_mut().find(|held| held.step == index && held.field == field) else {
                    last.push(Last { step: index, field, value });
                    continue;
                };
                let change = value - std::mem::replace(&mut held.value, value);
                if change.abs() > step.max {
                    let rule = &rules.rules[step.rule];
                    let text = || {
                        let (by, max) = (humanize::number(change), humanize::number(step.max));
                        format!("{field} changed by {by}, more than {max} {}", rule.unit).trim_end().to_owned()
                    };
                    let found = Pair { slot: step.slot, order, field: Arc::clone(&field), value: change };
                    self.add(step.rule, rule, rule.severity, &found, Some(step.max), text, evidence);
                }
            }
        }
        self.last.insert(Arc::clone(key), last);
    }

    fn limit_done(&mut self, index: usize, rule: &Rule, evidence: &mut Evidence<'_>) {
        let seen = rule.numbers.iter().any(|slot| !self.projection.numbers[*slot].is_nan());
        if seen {
            self.counts[index].evaluated += 1;
        } else {
            self.no_data(index, rule, "", evidence);
        }
    }

    fn check_words(&mut self, index: usize, rule: &Rule, words: &Words, evidence: &mut Evidence<'_>) {
        let Some(label) = self.projection.texts[words.slot] else {
            let field = Arc::clone(self.rules.texts.first_path(words.slot));
            return self.no_data(index, rule, &field, evidence);
        };
        self.counts[index].evaluated += 1;
        let (name, value) = &evidence.record.labels[label];
        let (field, value) = (Arc::clone(name.shared()), Arc::clone(value));
        if words.words.iter().any(|word| **word == *value) == words.allowed {
            return;
        }
        let list = words.words.join(", ");
        let text = if words.allowed {
            format!("{field} \"{value}\" is none of {list}")
        } else {
            format!("{field} \"{value}\" is not allowed")
        };
        self.push(
            index,
            Violation {
                rule: Arc::clone(&rule.id),
                severity: rule.severity,
                field,
                message: self.text(rule, evidence).unwrap_or(text),
                observed: Observed::Text(value),
                limit: None,
                state: ViolationState::Firing,
            },
            // Labels come behind the numbers: their place among them is not known.
            usize::MAX,
            evidence,
        );
    }

    fn check_requirement(&mut self, index: usize, rule: &Rule, check: &Requirement, evidence: &mut Evidence<'_>) {
        let texts = self.projection.labels(evidence.record);
        let slots = Slots { numbers: &self.projection.numbers, texts: &texts };
        match check.expr.truth(slots) {
            Truth::True => self.counts[index].evaluated += 1,
            Truth::Missing => self.no_data(index, rule, &check.field, evidence),
            Truth::Error(why) => {
                self.counts[index].errors += 1;
                let message = format!("could not be evaluated: {why} in `{}`", check.text);
                let violation = Violation {
                    rule: Arc::clone(&rule.id),
                    severity: Severity::Info,
                    field: Arc::clone(&check.field),
                    message,
                    observed: Observed::Missing,
                    limit: None,
                    state: ViolationState::Firing,
                };
                evidence.violations.push((usize::MAX, violation));
            }
            Truth::False => {
                self.counts[index].evaluated += 1;
                let observed = check.slot.map(|slot| self.projection.numbers[slot]).filter(|v| !v.is_nan());
                let limit = match check.limit.as_ref().map(|limit| limit.eval(slots)) {
                    Some(Value::Number(limit)) => Some(limit),
                    _ => None,
                };
                let order = check.slot.map_or(usize::MAX, |slot| self.projection.order_of(slot));
                // With several spellings the one that the record has.
                let field = evidence.record.numbers.get(order).map_or(&check.field, |(name, _)| name.shared());
                let field = Arc::clone(field);
                let text = match (observed, limit) {
                    (Some(observed), Some(limit)) => {
                        let other = check.other.as_ref().map(|other| format!(" ({other})")).unwrap_or_default();
                        let (observed, limit) = (humanize::number(observed), humanize::number(limit));
                        format!("{field} {observed} {} {limit}{other}", check.breached)
                    }
                    _ => format!("requires {}", check.text),
                };
                let violation = Violation {
                    rule: Arc::clone(&rule.id),
                    severity: rule.severity,
                    message: self.text(rule, evidence).unwrap_or(text),
                    field,
                    observed: observed.map_or(Observed::Missing, Observed::Number),
                    limit,
                    state: ViolationState::Firing,
                };
                self.push(index, violation, order, evidence);
            }
        }
    }

    /// A field that the rule needs is not there.
    fn no_data(&mut self, index: usize, rule: &Rule, field: &str, evidence: &mut Evidence<'_>) {
        let severity = match rule.missing {
            Missing::Skip => return,
            Missing::Warn => rule.severity.min(Severity::Warning),
            Missing::Violate => rule.severity,
        };
        let names = rule.numbers.iter().map(|slot| self.rules.numbers.first_path(*slot));
        let field: Arc<str> =
            if field.is_empty() { names.into_iter().next().cloned().unwrap_or_default() } else { field.into() };
        let violation = Violation {
            rule: Arc::clone(&rule.id),
            severity,
            message: format!("{field} is missing"),
            field,
            observed: Observed::Missing,
            limit: None,
            state: ViolationState::Firing,
        };
        self.push(index, violation, usize::MAX, evidence);
    }

    #[allow(clippy::too_many_arguments)]
    fn add(
        &mut self,
        index: usize,
        rule: &Rule,
        severity: Severity,
        found: &Pair,
        limit: Option<f64>,
        text: impl FnOnce() -> String,
        evidence: &mut Evidence<'_>,
    ) {
        let violation = Violation {
            rule: Arc::clone(&rule.id),
            severity,
            field: Arc::clone(&found.field),
            message: self.text(rule, evidence).unwrap_or_else(text),
            observed: Observed::Number(found.value),
            limit,
            state: ViolationState::Firing,
        };
        self.push(index, violation, found.order, evidence);
    }

    fn text(&self, rule: &Rule, evidence: &Evidence<'_>) -> Option<String> {
        let template = rule.message.as_ref()?;
        let texts = self.projection.labels(evidence.record);
        Some(template.fill(Slots { numbers: &self.projection.numbers, texts: &texts }))
    }

    fn push(&mut self, index: usize, violation: Violation, order: usize, evidence: &mut Evidence<'_>) {
        if !self.breached[index] {
            self.breached[index] = true;
            self.counts[index].hits += 1;
        }
        evidence.violations.push((order, violation));
    }
}

impl Engine for Constraints {
    fn kind(&self) -> EngineKind {
        EngineKind::Constraints
    }

    fn run(&mut self, stage: Stage, evidence: &mut Evidence<'_>) -> Result<(), Arc<str>> {
        let before = evidence.violations.len();
        self.evaluate(stage, evidence);
        if evidence.violations.len() > before + 1 {
            // Stable: breaches of one field stay in the order of the rules.
            evidence.violations[before..].sort_by_key(|(order, _)| *order);
        }
        Ok(())
    }
}

/// The last value of a field in one key, for one step.
pub(super) struct Last {
    pub step: usize,
    pub field: Arc<str>,
    pub value: f64,
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::record::native::Parser;
    use crate::record::{Limits, Origin, Seq};
    use crate::rules::schema::{Source, load};
    use crate::verdict::{Divergence, Outcome};

    struct Bench {
        parser: Parser,
        engine: Constraints,
    }

    impl Bench {
        fn new(rules: &str) -> Self {
            let text = format!("version: 1\n{rules}");
            let rules = load(&[Source { name: "r".into(), text }]).unwrap();
            Self { parser: Parser::new(Limits::default(), &[]), engine: Constraints::new(Arc::new(rules)) }
        }

        fn run(&mut self, line: &str) -> Vec<(String, String, &'static str)> {
            let origin = Origin { source: "s".into(), file: "f".into(), offset: 0, line: None, part: 0 };
            let record = self.parser.parse(Seq(0), origin, Bytes::copy_from_slice(line.as_bytes())).unwrap();
            let mut divergence = Divergence::none(Outcome::Scored, "lexical".into());
            divergence.risk = record.number("test_risk");
            let mut evidence = Evidence::new(&record, &[], divergence);
            for stage in Stage::ALL {
                self.engine.run(stage, &mut evidence).unwrap();
            }
            let short = |(_, v): (usize, Violation)| (v.rule.to_string(), v.message, v.severity.word());
            evidence.violations.into_iter().map(short).collect()
        }

        fn ids(&mut self, line: &str) -> Vec<String> {
            self.run(line).into_iter().map(|(id, ..)| id).collect()
        }
    }

    #[test]
    fn aliases_check_every_spelling_in_the_record_s_order() {
        let mut bench = Bench::new(
            include_str!("../../../sample-data/rules/watcher-protocol.yaml").split_once("version: 1").unwrap().1,
        );
        let ids = bench.ids(
            r#"{"physics":{"energy_in":1,"energy_out":2},"financial":{"proposed_loss":-5},
            "metrics":{"pressure":-1,"leverage_ratio":11," Pa ":-2,"VAR":-10001}}"#,
        );
        assert_eq!(ids, ["energy-balance", "pressure", "leverage", "pressure", "max-loss"]);
        assert!(bench.ids(r#"{"metrics":{"pressure":0,"leverage":10,"température":-1,"var":-10000}}"#).is_empty());
    }

    #[test]
    fn bounds_have_two_severities_and_may_be_open() {
        let mut bench = Bench::new(
            "rules:\n  - id: a\n    severity: critical\n    limit: {field: x, max: 10, warn_max: 8, unit: V}\n  - id: b\n    limit: {field: y, min: 0, exclusive: true}\n",
        );
        assert_eq!(bench.run(r#"{"x":1200.5}"#), [("a".into(), "x 1,200.5 > 10 V".into(), "critical")]);
        assert_eq!(bench.run(r#"{"x":9}"#), [("a".into(), "x 9 > 8 V".into(), "warning")]);
        assert!(bench.ids(r#"{"x":8}"#).is_empty());
        assert_eq!(bench.run(r#"{"y":0}"#), [("b".into(), "y 0 ≤ 0".into(), "warning")]);
    }

    #[test]
    fn words_steps_and_missing_fields() {
        let mut bench = Bench::new(concat!(
            "rules:\n  - id: model\n    limit: {field: model, one_of: [m1, m2]}\n",
            "  - id: step\n    limit: {field: x, max_step: 5}\n",
            "  - id: need\n    missing: violate\n    severity: critical\n    limit: {field: must, max: 1}\n",
            "  - id: div\n    require: 'a / b < 2'\n    message: 'ratio of {a:.1} and {b}, {model}'\n",
        ));
        let ids = bench.ids(r#"{"model":"m3","x":1,"must":0}"#);
        assert_eq!(ids, ["model"]);
        assert_eq!(bench.ids(r#"{"model":"m1","x":7,"must":0}"#), ["need"; 0]);
        assert_eq!(bench.ids(r#"{"agent_id":"z","x":70,"must":0}"#), ["step"; 0]);
        assert_eq!(bench.ids(r#"{"model":"m1","x":12.5,"must":0}"#), ["step"]);
        assert_eq!(bench.run(r#"{"model":"m1"}"#), [("need".into(), "must is missing".into(), "critical")]);
        let error = bench.run(r#"{"must":0,"a":1,"b":0}"#);
        assert_eq!(error[0].2, "info");
        assert_eq!(bench.run(r#"{"must":0,"a":4,"b":2,"agent_id":"q"}"#)[0].1, "ratio of 4.0 and 2, –");
        assert_eq!(bench.engine.counts()[3], RuleCount { evaluated: 1, hits: 1, errors: 1 });
    }

    #[test]
    fn rules_on_findings_run_after_them_and_cannot_be_forged() {
        let mut bench = Bench::new(
            "rules:\n  - id: d\n    require: 'divergence.risk <= 0.5'\n  - id: e\n    limit: {field: divergence.risk, max: 0.7}\n",
        );
        assert_eq!(bench.ids(r#"{"test_risk":0.9}"#), ["e", "d"]);
        assert_eq!(bench.ids(r#"{"test_risk":0.6}"#), ["d"]);
        assert!(bench.ids(r#"{"test_risk":0.1,"divergence":{"risk":0.9}}"#).is_empty());
        let mut bench = Bench::new("rules:\n  - id: a\n    require: 'x <= y * 2'\n  - id: b\n    require: '5 > z'\n");
        let said: Vec<String> = bench.run(r#"{"x":9,"y":4,"z":5000}"#).into_iter().map(|(_, text, _)| text).collect();
        assert_eq!(said, ["x 9 > 8 (y * 2)", "z 5,000 ≥ 5"]);
    }

    #[test]
    fn aliases_and_steps_of_findings_are_checked_where_they_are_known() {
        let mut bench = Bench::new(concat!(
            "fields: {myrisk: [divergence.risk], both: [test_risk, divergence.risk], two: [a, b]}\n",
            "rules:\n  - id: alias\n    require: 'myrisk <= 0.5'\n",
            "  - id: alias-limit\n    limit: {field: myrisk, max: 0.7}\n    missing: violate\n",
            "  - id: mixed\n    limit: {field: both, max: 0.8}\n",
            "  - id: answers\n    limit: {field: samples.n, min: 2}\n",
            "  - id: jump\n    limit: {field: divergence.risk, max_step: 0.6}\n",
            "  - id: steps\n    limit: {field: two, max_step: 5}\n",
        ));
        let two = r#""samples":["x","y"]"#;
        assert_eq!(bench.ids(&format!("{{\"test_risk\":0.2,{two}}}")), [""; 0]);
        assert_eq!(
            bench.ids(&format!("{{\"test_risk\":0.9,{two}}}")),
            ["mixed", "alias-limit", "mixed", "jump", "alias"]
        );
        assert_eq!(bench.ids(r#"{"test_risk":0.4,"samples":["x"]}"#), ["answers"]);
        assert_eq!(bench.ids(&format!("{{\"test_risk\":0.4,\"a\":1,\"b\":100,{two}}}")), [""; 0]);
        let jump = bench.run(&format!("{{\"test_risk\":0.4,\"a\":2,\"b\":107,{two}}}"));
        assert_eq!(jump, [("steps".into(), "b changed by 7, more than 5".into(), "warning")]);
        assert!(bench.engine.counts().iter().all(|count| count.evaluated > 0));
    }
}
