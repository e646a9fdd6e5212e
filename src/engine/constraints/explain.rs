//! Why a rule says what it says: the rule at work on one record, part by part.

use std::fmt::Write;
use std::sync::Arc;

use jiff::Timestamp;

use super::executor::Constraints;
use crate::engine::{Engine, Evidence};
use crate::humanize;
use crate::record::Record;
use crate::rules::expr::program::Part;
use crate::rules::expr::{Program, Truth, Value};
use crate::rules::ruleset::{Check, WindowSpec};
use crate::rules::unit_test::Outcome;
use crate::rules::{Rule, RuleSet, Stage};
use crate::verdict::Violation;

/// A line of the explanation.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// How deep it stands in the tree.
    pub level: usize,
    /// What is looked at, as it is written.
    pub text: String,
    /// What it comes to.
    pub value: String,
    /// Whether it is as it should be; `None` where that is no question.
    pub holds: Option<bool>,
}

/// A rule at work on a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The rule.
    pub rule: Arc<str>,
    /// What it says.
    pub outcome: Outcome,
    /// What stands in the verdict.
    pub violations: Vec<Violation>,
    /// The parts.
    pub lines: Vec<Line>,
}

impl Constraints {
    /// Explains one rule on a record, which is thereby seen: windows and steps go on with it.
    pub fn explain(&mut self, id: &str, mut evidence: Evidence<'_>) -> Option<Explanation> {
        let rules = Arc::clone(self.rules());
        let (index, rule) = rules.find(id)?;
        let before = self.counts()[index];
        for stage in Stage::ALL {
            // The engine of rules refuses nothing.
            let _ = self.run(stage, &mut evidence);
        }
        let after = self.counts()[index];
        let own: Vec<Violation> = evidence
            .violations
            .iter()
            .map(|(_, violation)| violation)
            .filter(|violation| violation.rule == rule.id)
            .cloned()
            .collect();
        let outcome = super::testing::outcome(&before, &after, &own);
        let mut lines = Vec::new();
        if let Some(window) = &rule.window {
            self.explain_window(window, evidence.record, &mut lines);
        }
        match &rule.check {
            Check::Limit => self.explain_limits(&rules, index, rule, evidence.record, &mut lines),
            Check::Words(words) => {
                let found = self.projection.machine.text(words.slot, evidence.record);
                let field = rules.texts.first_path(words.slot);
                let list = words.words.items.join(", ");
                lines.push(member(field, found.map(str::to_owned), words.allowed, &list, |text| words.words.has(text)));
            }
            Check::Values(values) => {
                let found = Some(self.projection.machine.numbers[values.slot]).filter(|value| !value.is_nan());
                let list: Vec<String> = values.values.iter().map(|value| humanize::number(*value)).collect();
                let has = |text: &str| list.iter().any(|item| item == text);
                let field = rules.numbers.first_path(values.slot);
                lines.push(member(field, found.map(humanize::number), values.allowed, &list.join(", "), has));
            }
            Check::Condition(condition) => {
                let want = condition.must_hold;
                self.explain_program(&condition.program, evidence.record, 0, Some(want), &mut lines);
            }
        }
        for exception in &rule.exceptions {
            let until = exception.until.map(|until| format!(", until {}", last_day(until))).unwrap_or_default();
            let text = format!("exception: {} ({}{until})", exception.text, exception.reason);
            lines.push(Line { level: 0, text, value: String::new(), holds: None });
            self.explain_program(&exception.when, evidence.record, 1, None, &mut lines);
        }
        Some(Explanation { rule: Arc::clone(&rule.id), outcome, violations: own, lines })
    }

    fn explain_limits(&self, rules: &RuleSet, index: usize, rule: &Rule, record: &Record, lines: &mut Vec<Line>) {
        let places = self.places[index];
        let machine = &self.projection.machine;
        let Some(limit) = places.limit.map(|at| &rules.limits[at]) else {
            if let Some(step) = places.step.map(|at| &rules.steps[at]) {
                let value = number_or_missing(machine.numbers[step.slot]);
                let text = format!(
                    "{} changes by at most {}",
                    rules.numbers.first_path(step.slot),
                    humanize::number(step.max)
                );
                lines.push(Line { level: 0, text, value, holds: None });
            }
            return;
        };
        let first = (self.projection.place_at(limit.slot), machine.numbers[limit.slot]);
        let further = self.projection.further.iter().filter(|further| further.slot == limit.slot);
        let values = std::iter::once(first).chain(further.map(|further| (further.place, further.value)));
        for (place, value) in values {
            let name = match &rule.window {
                Some(_) => "window.value".into(),
                None => self.projection.name_at(place, limit.slot, rules, record),
            };
            let bounds = [
                ("min", limit.low, true, true),
                ("max", limit.high, false, true),
                ("warn_min", limit.warn_low, true, false),
                ("warn_max", limit.warn_high, false, false),
            ];
            for (word, bound, below, hard) in bounds.into_iter().filter(|(_, bound, ..)| bound.is_finite()) {
                let sign = match (below, limit.exclusive) {
                    (true, false) => "≥",
                    (true, true) => ">",
                    (false, false) => "≤",
                    (false, true) => "<",
                };
                let holds = match (below, limit.exclusive) {
                    (true, false) => value >= bound,
                    (true, true) => value > bound,
                    (false, false) => value <= bound,
                    (false, true) => value < bound,
                };
                let unit = if rule.unit.is_empty() { String::new() } else { format!(" {}", rule.unit) };
                let severity = if hard { rule.severity } else { rule.severity.below() };
                let text = format!("{name} {sign} {}{unit} ({word}, {})", humanize::number(bound), severity.word());
                let there = !value.is_nan();
                lines.push(Line { level: 0, text, value: number_or_missing(value), holds: there.then_some(holds) });
            }
        }
    }

    fn explain_window(&self, window: &WindowSpec, record: &Record, lines: &mut Vec<Line>) {
        let machine = &self.projection.machine;
        let group = |(number, text, path): &(usize, usize, String)| {
            let value = machine.text(*text, record).map(str::to_owned);
            let number = machine.numbers.get(*number).copied().filter(|number| !number.is_nan());
            format!(", {path}={}", value.or(number.map(humanize::number)).unwrap_or_else(|| "–".into()))
        };
        let groups: String = window.by.iter().map(group).collect();
        let text = format!("window.value: {}{groups}", window.in_words());
        let value = match machine.numbers[window.value] {
            value if value.is_nan() && window.min_count > 1 => format!("no value (fewer than {})", window.min_count),
            value => number_or_missing(value),
        };
        lines.push(Line { level: 0, text, value, holds: None });
    }

    /// The parts of an expression with their values. `want` is what the whole should be.
    fn explain_program(
        &mut self,
        program: &Program,
        record: &Record,
        level: usize,
        want: Option<bool>,
        lines: &mut Vec<Line>,
    ) {
        self.projection.machine.run_whole(program, record);
        for (at, part) in program.parts.iter().enumerate().filter(|(_, part)| !part.constant) {
            let value = self.projection.machine.value(part.register, program, record);
            let holds = match (&value, at) {
                (Value::Truth(Truth::True), 0) => want,
                (Value::Truth(Truth::False), 0) => want.map(|want| !want),
                _ => None,
            };
            let text = self.with_values(program, at, part, record);
            lines.push(Line { level: level + part.level, text, value: shown(&value, part.repeated), holds });
        }
    }

    /// The text of a part, each field in it followed by its value: `energy_in 100 * 1.05`.
    fn with_values(&self, program: &Program, at: usize, part: &Part, record: &Record) -> String {
        let mut text = part.text.to_string();
        let inner = program.parts[at + 1..].iter().take_while(|inner| inner.level > part.level);
        let is_field =
            |inner: &&Part| !inner.constant && !inner.text.contains([' ', '(']) && !inner.text.starts_with(['!', '-']);
        let mut done: Vec<&str> = Vec::new();
        for field in inner.filter(is_field) {
            if done.contains(&&*field.text) || matches!(field.register, crate::rules::expr::program::Register::Truth(_))
            {
                continue;
            }
            done.push(&field.text);
            let value = shown(&self.projection.machine.value(field.register, program, record), false);
            if let Some(found) = word_in(&text, &field.text) {
                text.insert_str(found + field.text.len(), &format!(" {value}"));
            }
        }
        text
    }
}

/// Where a name stands in a text by itself, not as a part of another one.
fn word_in(text: &str, name: &str) -> Option<usize> {
    let inside = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    text.match_indices(name).map(|(at, _)| at).find(|at| {
        let before = text[..*at].chars().next_back().is_some_and(inside);
        let after = text[at + name.len()..].chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_');
        !before && !after
    })
}

fn member(field: &str, found: Option<String>, allowed: bool, list: &str, has: impl Fn(&str) -> bool) -> Line {
    let word = if allowed { "is one of" } else { "is none of" };
    let holds = found.as_ref().map(|text| has(text) == allowed);
    Line { level: 0, text: format!("{field} {word} {list}"), value: found.unwrap_or_else(|| "missing".into()), holds }
}

fn number_or_missing(value: f64) -> String {
    if value.is_nan() { "missing".into() } else { humanize::number(value) }
}

fn shown(value: &Value, repeated: bool) -> String {
    let text = match value {
        Value::Number(value) if value.abs() > 1e-3 => humanize::number((value * 1e6).round() / 1e6),
        Value::Number(value) => humanize::number(*value),
        Value::Text(text) => format!("\"{}\"", crate::record::prefix(text, 200)),
        Value::Truth(Truth::True) => "true".to_owned(),
        Value::Truth(Truth::False) => "false".to_owned(),
        Value::Truth(Truth::Missing) => "missing".to_owned(),
        Value::Truth(Truth::Error(why)) => format!("error: {why}"),
    };
    if repeated { format!("{text} (of the last answer looked at)") } else { text }
}

/// The last day on which an exception holds.
fn last_day(over: Timestamp) -> String {
    let last = over.checked_sub(jiff::SignedDuration::from_secs(1)).unwrap_or(over);
    last.strftime("%Y-%m-%d").to_string()
}

impl Explanation {
    /// The explanation as text: a line a part, the value behind it.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "{}: {}", self.rule, self.outcome);
        for line in &self.lines {
            let mark = match line.holds {
                Some(true) => "  ✓",
                Some(false) => "  ✗",
                None => "",
            };
            let value = if line.value.is_empty() { String::new() } else { format!(" = {}", line.value) };
            let _ = writeln!(out, "{}{}{value}{mark}", "  ".repeat(line.level + 1), line.text);
        }
        for violation in &self.violations {
            let _ =
                writeln!(out, "  → {} {}: {}", violation.severity.word(), violation.state.word(), violation.message);
        }
        out
    }
}
