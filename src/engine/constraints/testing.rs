//! Runs the tests of rule files, and finds out what none of them touched.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::executor::Constraints;
use crate::engine::{Engine, Evidence};
use crate::record::Record;
use crate::rules::expr::Truth;
use crate::rules::expr::program::Register;
use crate::rules::ruleset::{Check, Missing, RuleFile};
use crate::rules::slots::drift_path;
use crate::rules::unit_test::{Expectation, Outcome, Test};
use crate::rules::{Rule, RuleSet, Stage};
use crate::stats::rule_count::RuleCount;
use crate::verdict::{
    Confidence, Divergence, DriftReport, DriftState, Level, Outcome as Computed, Severity, Violation,
};
use crate::yaml::{Diagnostic, Doc};

/// How all tests came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// In the order of the files.
    pub tests: Vec<TestReport>,
    /// In the order of the rules.
    pub coverage: Vec<Coverage>,
}

/// How one test came out.
#[derive(Debug, Clone, PartialEq)]
pub struct TestReport {
    /// Its name.
    pub name: String,
    /// Its file: an index of [`RuleSet::files`].
    pub file: usize,
    /// What was not as expected.
    pub failures: Vec<Failed>,
}

/// What was not as expected.
#[derive(Debug, Clone, PartialEq)]
pub struct Failed {
    /// The expectation.
    pub expected: Expectation,
    /// Index of the record.
    pub record: usize,
    /// What the rule said.
    pub found: Outcome,
    /// The same in words.
    pub detail: Option<String>,
}

/// What the tests touched of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The rule.
    pub rule: Arc<str>,
    /// Whether any test expects something of it.
    pub tested: bool,
    /// Ways that it can go.
    pub branches: usize,
    /// Those that no test went.
    pub untouched: Vec<String>,
}

impl Report {
    /// Tests that failed.
    pub fn failed(&self) -> usize {
        self.tests.iter().filter(|test| !test.failures.is_empty()).count()
    }

    /// Every failure as a fault of the file.
    pub fn faults(&self, rules: &RuleSet) -> Vec<Diagnostic> {
        let failed = |file: usize| self.tests.iter().any(|test| test.file == file && !test.failures.is_empty());
        let doc = |(index, file): (usize, &RuleFile)| {
            failed(index).then(|| Doc::parse(&file.name, &file.text).ok()).flatten()
        };
        let docs: Vec<Option<Doc>> = rules.files.iter().enumerate().map(doc).collect();
        let faults = self.tests.iter().flat_map(|test| {
            let docs = &docs;
            test.failures.iter().map(move |failed| {
                let file = &rules.files[test.file];
                let rule = &rules.rules[failed.expected.rule].id;
                let detail = failed.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
                let of = if test.failures.len() > 1 || failed.record > 0 {
                    format!(" on record {}", failed.record + 1)
                } else {
                    String::new()
                };
                Diagnostic {
                    file: Arc::clone(&file.name),
                    text: Arc::clone(&file.text),
                    span: docs[test.file].as_ref().map_or(0..0, |doc| doc.range_of(&failed.expected.place)),
                    message: format!(
                        "the test \"{}\" fails: expected {rule} to be {}{of}, found {}{detail}",
                        test.name, failed.expected.outcome, failed.found
                    ),
                    help: None,
                }
            })
        });
        faults.collect()
    }
}

/// Runs all tests of a rule set.
pub fn run(rules: &RuleSet) -> Report {
    let shared = Arc::new(RuleSet { tests: Vec::new(), notes: Vec::new(), ..rules.clone() });
    let mut touched = Touched::new(&shared);
    let tests = rules.tests.iter().map(|test| one(test, &shared, &mut touched)).collect();
    Report { tests, coverage: touched.report(&shared) }
}

fn one(test: &Test, rules: &Arc<RuleSet>, touched: &mut Touched) -> TestReport {
    let named: BTreeSet<usize> = test.expect.iter().flatten().map(|expected| expected.rule).collect();
    let mut engine = Constraints::new(Arc::clone(rules));
    let mut failures = Vec::new();
    let mut before = engine.counts();
    for (index, (record, expected)) in test.given.iter().zip(&test.expect).enumerate() {
        let violations = judge(&mut engine, record);
        let after = engine.counts();
        for rule in &named {
            let found = outcome(&before[*rule], &after[*rule], &of_rule(&violations, rules, *rule));
            touched.add(*rule, &mut engine, record, found, &violations);
        }
        for expectation in expected {
            let rule = expectation.rule;
            let found = outcome(&before[rule], &after[rule], &of_rule(&violations, rules, rule));
            // A rule that says something of a missing field is expected either way.
            let missing = expectation.outcome == Outcome::Missing && is_missing(&before[rule], &after[rule]);
            if found != expectation.outcome && !missing {
                let detail = violations.iter().find(|violation| violation.rule == rules.rules[rule].id);
                let detail = detail.map(|violation| violation.message.clone());
                failures.push(Failed { expected: expectation.clone(), record: index, found, detail });
            }
        }
        before = after;
    }
    TestReport { name: test.name.clone(), file: test.file, failures }
}

/// All stages, on a record in whose fields stands what the engines found.
fn judge(engine: &mut Constraints, record: &Record) -> Vec<Violation> {
    let mut evidence = evidence(record);
    for stage in Stage::ALL {
        // The engine of rules refuses nothing.
        let _ = engine.run(stage, &mut evidence);
    }
    evidence.violations.into_iter().map(|(_, violation)| violation).collect()
}

/// What is known of a record in whose fields stands what the engines found, as in the tests of rule files.
pub fn evidence(record: &Record) -> Evidence<'_> {
    let mut divergence = Divergence::none(Computed::Scored, "given".into());
    let of = |name: &str| record.number(name);
    (divergence.risk, divergence.semantic) = (of("divergence.risk"), of("divergence.semantic"));
    (divergence.answer, divergence.lexical) = (of("divergence.answer"), of("divergence.lexical"));
    (divergence.facts, divergence.entropy) = (of("divergence.facts"), of("divergence.entropy"));
    divergence.outlier = of("divergence.outlier").map(|index| index as usize);
    let mut evidence = Evidence::new(record, &[], divergence);
    evidence.confidence = of("confidence.score").map(|score| Confidence { score: Some(score), level: Level::Unscored });
    let scores =
        record.numbers.iter().filter_map(|(name, score)| Some((drift_path(name.as_str())?, Some(*score), None)));
    let states = record.labels.iter().filter_map(|(name, state)| Some((drift_path(name.as_str())?, None, Some(state))));
    for ((series, what), score, state) in scores.chain(states) {
        if (what == "score") != score.is_some() {
            continue;
        }
        let at = evidence.drift.iter().position(|report| *report.series == *series).unwrap_or_else(|| {
            evidence.drift.push(stable(series));
            evidence.drift.len() - 1
        });
        let report = &mut evidence.drift[at];
        report.score = score.unwrap_or(report.score);
        let known = state.and_then(|state| DriftState::ALL.into_iter().find(|known| known.word() == &**state));
        report.state = known.unwrap_or(report.state);
    }
    evidence
}

fn stable(series: &str) -> DriftReport {
    DriftReport { score: f64::NAN, ..DriftReport::absent(series.into(), DriftState::Stable) }
}

fn is_missing(before: &RuleCount, after: &RuleCount) -> bool {
    after.evaluated == before.evaluated && after.errors == before.errors
}

/// What a rule said of a record, by how its counters moved and what is violated.
pub(super) fn outcome(before: &RuleCount, after: &RuleCount, own: &[Violation]) -> Outcome {
    if after.errors > before.errors {
        Outcome::Error
    } else if after.pending > before.pending {
        Outcome::Pending
    } else if after.hits > before.hits {
        Outcome::Violated(own.iter().map(|violation| violation.severity).max().unwrap_or(Severity::Info))
    } else if after.excepted > before.excepted {
        Outcome::Excepted
    } else if after.evaluated > before.evaluated {
        Outcome::Ok
    } else {
        Outcome::Missing
    }
}

/// The violations of one rule.
fn of_rule(violations: &[Violation], rules: &RuleSet, rule: usize) -> Vec<Violation> {
    violations.iter().filter(|violation| violation.rule == rules.rules[rule].id).cloned().collect()
}

/// The ways that each rule went.
struct Touched {
    by_rule: Vec<BTreeSet<String>>,
    tested: Vec<bool>,
}

impl Touched {
    fn new(rules: &RuleSet) -> Self {
        Self { by_rule: vec![BTreeSet::new(); rules.rules.len()], tested: vec![false; rules.rules.len()] }
    }

    fn add(
        &mut self,
        index: usize,
        engine: &mut Constraints,
        record: &Record,
        found: Outcome,
        violations: &[Violation],
    ) {
        self.tested[index] = true;
        let rules = Arc::clone(engine.rules());
        let rule = &rules.rules[index];
        let went = &mut self.by_rule[index];
        let names = match found {
            Outcome::Ok => vec!["ok".to_owned()],
            Outcome::Missing => vec!["a missing field".to_owned()],
            Outcome::Error => vec!["an error".to_owned()],
            Outcome::Excepted => vec!["an exception".to_owned()],
            Outcome::Pending => vec!["pending".to_owned(), "breached".to_owned()],
            Outcome::Violated(_) => vec!["breached".to_owned()],
        };
        went.extend(names);
        let own = violations.iter().filter(|violation| violation.rule == rule.id);
        for limit in own.filter_map(|violation| violation.limit) {
            let bounds = bounds(&rules, index);
            went.extend(
                bounds.into_iter().filter(|(_, bound)| *bound == limit).map(|(name, _)| format!("{name} breached")),
            );
        }
        if let Check::Condition(condition) = &rule.check {
            let machine = &mut engine.projection.machine;
            machine.run_whole(&condition.program, record);
            for part in condition.program.parts.iter().filter(|part| part.leaf && !part.repeated) {
                let Register::Truth(bit) = part.register else { continue };
                match machine.truth_in(bit) {
                    Truth::True => drop(went.insert(format!("`{}` true", part.text))),
                    Truth::False => drop(went.insert(format!("`{}` false", part.text))),
                    _ => {}
                }
            }
        }
    }

    fn report(&self, rules: &RuleSet) -> Vec<Coverage> {
        let one = |index: usize, rule: &Rule| {
            let ways = ways(rules, index, rule);
            let went = &self.by_rule[index];
            let untouched: Vec<String> = ways.iter().filter(|way| !went.contains(*way)).cloned().collect();
            Coverage { rule: Arc::clone(&rule.id), tested: self.tested[index], branches: ways.len(), untouched }
        };
        rules.rules.iter().enumerate().map(|(index, rule)| one(index, rule)).collect()
    }
}

/// The bounds of a rule, by name.
fn bounds(rules: &RuleSet, index: usize) -> Vec<(&'static str, f64)> {
    let limits = rules.limits.iter().filter(|limit| limit.rule == index).flat_map(|limit| {
        [("min", limit.low), ("max", limit.high), ("warn_min", limit.warn_low), ("warn_max", limit.warn_high)]
    });
    let steps = rules.steps.iter().filter(|step| step.rule == index).map(|step| ("max_step", step.max));
    limits.chain(steps).filter(|(_, bound)| bound.is_finite()).collect()
}

/// The ways that a rule can go.
fn ways(rules: &RuleSet, index: usize, rule: &Rule) -> Vec<String> {
    let mut ways = vec!["ok".to_owned()];
    let bounds = bounds(rules, index);
    if bounds.is_empty() {
        ways.push("breached".to_owned());
    }
    ways.extend(bounds.iter().map(|(name, _)| format!("{name} breached")));
    if let Check::Condition(condition) = &rule.check {
        let leaves: Vec<_> = condition.program.parts.iter().filter(|part| part.leaf && !part.repeated).collect();
        // A condition of one part has no ways but its own two.
        for part in leaves.iter().filter(|_| leaves.len() > 1) {
            for way in [format!("`{}` true", part.text), format!("`{}` false", part.text)] {
                if !ways.contains(&way) {
                    ways.push(way);
                }
            }
        }
    }
    if rule.missing != Missing::Skip {
        ways.push("a missing field".to_owned());
    }
    if !rule.exceptions.is_empty() {
        ways.push("an exception".to_owned());
    }
    if !rule.hold.is_zero() {
        ways.push("pending".to_owned());
    }
    ways
}
