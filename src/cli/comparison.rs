//! Two rule sets on the same records: how every rule fares under both, and on which records they differ.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cli::rules::Seen;
use crate::cli::setup::Setup;
use crate::clock::SystemClock;
use crate::engine::embedding::Mode;
use crate::history::Row;
use crate::humanize;
use crate::pipeline::judge::{Judge, Setup as JudgeSetup};
use crate::rules::RuleSet;
use crate::sanitize;
use crate::verdict::{Action, Verdict, Violation, ViolationState};

/// How a rule fares under both.
#[derive(Debug, Default)]
struct Tally {
    before: u64,
    now: u64,
    new: u64,
    gone: u64,
    examples: Vec<Example>,
}

/// A record that a rule fires on under one of them only.
#[derive(Debug)]
struct Example {
    is_new: bool,
    id: Arc<str>,
    place: String,
    text: String,
}

/// Everything that is different.
#[derive(Default)]
pub(super) struct Comparison {
    rules: BTreeMap<Arc<str>, Tally>,
    /// Records by their advice: before, now.
    advice: BTreeMap<(Action, Action), u64>,
}

/// A judge of other rules, for records whose answers were compared already.
pub(super) fn judge(setup: &Setup, rules: &Arc<RuleSet>) -> Judge {
    let setup = JudgeSetup {
        rules: Arc::clone(rules),
        policy: setup.config.policy(),
        drift: setup.config.drift.clone(),
        earlier: None,
        embedding: (Mode::None, "known".into()),
        live: false,
    };
    Judge::new(setup, SystemClock::shared())
}

/// The violations that count or would, one a rule.
pub(super) fn firing(verdict: &Verdict) -> BTreeMap<&Arc<str>, &Violation> {
    let mut found = BTreeMap::new();
    for violation in
        verdict.violations.iter().filter(|v| matches!(v.state, ViolationState::Firing | ViolationState::Shadow))
    {
        found.entry(&violation.rule).or_insert(violation);
    }
    found
}

impl Comparison {
    /// Nothing was compared yet.
    pub fn of(old: &RuleSet, new: &RuleSet) -> Self {
        let mut found = Self::default();
        for rule in old.rules.iter().chain(&new.rules) {
            found.rules.entry(Arc::clone(&rule.id)).or_default();
        }
        found
    }

    /// Takes in a record with its verdict by the old rules, and that by the new ones.
    pub fn add(&mut self, row: &Row, now: &Verdict, examples: usize) {
        let (old, new) = (firing(&row.verdict), firing(now));
        *self.advice.entry((row.verdict.advice.action, now.advice.action)).or_default() += 1;
        for (rule, violation) in old.iter().chain(new.iter().filter(|(rule, _)| !old.contains_key(*rule))) {
            let tally = self.rules.entry(Arc::clone(rule)).or_default();
            let (before, after) = (old.contains_key(rule), new.contains_key(rule));
            (tally.before, tally.now) = (tally.before + u64::from(before), tally.now + u64::from(after));
            if before == after {
                continue;
            }
            *if after { &mut tally.new } else { &mut tally.gone } += 1;
            if tally.examples.len() < examples {
                let origin = &row.record.origin;
                let place = match origin.line {
                    Some(line) => format!("{}:{line}", origin.source),
                    None => format!("{}#{}", origin.source, origin.offset),
                };
                let (id, text) = (Arc::clone(&row.record.id), violation.message.clone());
                tally.examples.push(Example { is_new: after, id, place, text });
            }
        }
    }

    /// One line a rule: how it fares under both.
    pub fn lines(&self) -> impl Iterator<Item = serde_json::Value> {
        self.rules.iter().map(|(rule, tally)| {
            serde_json::json!({
                "kind": "rule", "rule": &**rule, "before": tally.before, "now": tally.now, "new": tally.new,
                "gone": tally.gone,
            })
        })
    }

    /// How many records would be advised otherwise.
    fn advised_otherwise(&self) -> u64 {
        self.advice.iter().filter(|((before, now), _)| before != now).map(|(_, count)| count).sum()
    }
}

/// As a table.
pub(super) fn text(found: &Comparison, seen: &Seen, rules: (&RuleSet, &RuleSet), engines: bool) -> String {
    let number = |n: u64| humanize::number(n as f64);
    let width = found.rules.keys().map(|rule| rule.chars().count()).max().unwrap_or(4).max(4);
    let (old, new) = (rules.0.short_revision(), rules.1.short_revision());
    let mut out = format!("{} records, rules {old} → {new}\n\n", number(seen.records));
    out.push_str(&format!("{:<width$} {:>10} {:>10} {:>10} {:>10}\n", "rule", "before", "now", "new", "gone"));
    for (rule, tally) in &found.rules {
        let sign =
            |count: u64, sign: &str| if count > 0 { format!("{sign}{}", number(count)) } else { "–".to_owned() };
        let only = match (rules.0.find(rule).is_some(), rules.1.find(rule).is_some()) {
            (false, true) => "  (added)",
            (true, false) => "  (removed)",
            _ => "",
        };
        out.push_str(&format!(
            "{:<width$} {:>10} {:>10} {:>10} {:>10}{only}\n",
            sanitize::line(rule),
            number(tally.before),
            number(tally.now),
            sign(tally.new, "+"),
            sign(tally.gone, "−"),
        ));
        for example in &tally.examples {
            let sign = if example.is_new { "+" } else { "−" };
            let line = format!("  {sign} {} ({}): {}", example.id, example.place, example.text);
            out.push_str(&format!("{}\n", sanitize::line(&line)));
        }
    }
    let otherwise = found.advised_otherwise();
    out.push_str(&format!("\nadvice: {} of {} records otherwise", number(otherwise), number(seen.records)));
    let moves = found.advice.iter().filter(|((before, now), _)| before != now);
    let moves: Vec<String> =
        moves.map(|((before, now), count)| format!("{} {before} → {now}", number(*count))).collect();
    out.push_str(&if moves.is_empty() { "\n".to_owned() } else { format!(": {}\n", moves.join(", ")) });
    if !engines {
        out.push_str("no rule reads what the engines find: the answers were not compared\n");
    }
    if seen.rejected > 0 {
        out.push_str(&format!("{} lines are no records\n", number(seen.rejected)));
    }
    out
}

/// For programs.
pub(super) fn json(found: &Comparison, seen: &Seen) -> serde_json::Value {
    let rules: Vec<_> = found
        .rules
        .iter()
        .map(|(rule, tally)| {
            let examples: Vec<_> = tally
                .examples
                .iter()
                .map(|example| {
                    serde_json::json!({
                        "change": if example.is_new { "new" } else { "gone" },
                        "id": &*example.id, "place": example.place, "message": example.text,
                    })
                })
                .collect();
            serde_json::json!({
                "rule": &**rule, "before": tally.before, "now": tally.now, "new": tally.new, "gone": tally.gone,
                "records": examples,
            })
        })
        .collect();
    let advice: Vec<_> = found
        .advice
        .iter()
        .filter(|((before, now), _)| before != now)
        .map(|((before, now), count)| serde_json::json!({"before": before.word(), "now": now.word(), "records": count}))
        .collect();
    serde_json::json!({
        "records": seen.records, "rejected": seen.rejected, "rules": rules, "advice": advice,
    })
}
