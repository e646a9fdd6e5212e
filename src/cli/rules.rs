//! `watcher rules …`: the life of a rule, on the command line.

mod backtest;
mod explain;
mod over_log;
mod test;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) use over_log::{Seen, rows};

use super::args::{Common, RulesCheck, RulesWhat};
use super::setup::{DEFAULT_RULES, Setup};
use super::{Failure, note_line, report, say};
use crate::engine::constraints::{Checked, check};
use crate::pipeline::rule_files;
use crate::rules::RuleSet;
use crate::rules::schema::{JSON_SCHEMA, Source};
use crate::yaml::Diagnostic;

/// Runs one of them.
pub(super) fn run(common: &Common, what: &RulesWhat) -> Result<(), Failure> {
    match what {
        RulesWhat::Schema => say(JSON_SCHEMA),
        RulesWhat::Check(what) => check_rules(&Setup::read(common)?, what),
        RulesWhat::Test(what) => test::run(&Setup::read(common)?, what),
        RulesWhat::Explain(what) => explain::run(&Setup::read(common)?, what),
        RulesWhat::Backtest(what) => backtest::run(&Setup::read(common)?, what),
    }
}

/// The files that are meant: those named, else the rules in force.
fn sources(setup: &Setup, paths: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    let own: Vec<PathBuf> = if paths.is_empty() { setup.rules_path().into_iter().collect() } else { paths.to_vec() };
    if own.is_empty() {
        let (name, text) = DEFAULT_RULES;
        note_line(&format!("watcher: no rules of your own were found: these are {name}"));
        return Ok(vec![Source { name: name.into(), text: text.into() }]);
    }
    let mut all = Vec::new();
    for path in &own {
        all.extend(read(path)?);
    }
    Ok(all)
}

fn read(path: &Path) -> Result<Vec<Source>, Failure> {
    rule_files::read(path).map_err(|why| Failure::Usage(format!("rules: {why}")))
}

/// Sound rules, or a report of all that is wrong with them.
fn checked(sources: &[Source], json: bool) -> Result<Checked, Failure> {
    check(sources).map_err(|faults| refused(&faults, json))
}

fn refused(faults: &[Diagnostic], json: bool) -> Failure {
    if json {
        let told = serde_json::json!({ "ok": false, "faults": report::json(faults) });
        if let Err(failure) = say(&format!("{told}\n")) {
            return failure;
        }
    }
    let count = faults.len();
    Failure::Usage(report::all(faults) + &format!("{count} fault{}", if count == 1 { "" } else { "s" }))
}

/// Rules whose tests pass too.
pub(super) fn accepted(path: &Path) -> Result<Arc<RuleSet>, Failure> {
    accepted_set(&read(path)?)
}

fn accepted_set(sources: &[Source]) -> Result<Arc<RuleSet>, Failure> {
    super::setup::compile(sources)
}

fn check_rules(setup: &Setup, what: &RulesCheck) -> Result<(), Failure> {
    let checked = checked(&sources(setup, &what.paths)?, what.json)?;
    let failed = checked.report.faults(&checked.rules);
    let (rules, tests) = (&checked.rules, checked.report.tests.len());
    if what.json {
        let told = serde_json::json!({
            "ok": failed.is_empty(),
            "revision": &*rules.revision,
            "rules": rules.rules.len(),
            "disabled": rules.disabled,
            "tests": tests,
            "faults": report::json(&failed),
            "notes": report::json(&rules.notes),
        });
        say(&format!("{told}\n"))?;
    } else {
        note_line(report::all(&failed).trim_end());
        rules.notes.iter().for_each(|note| note_line(&format!("note: {}", crate::sanitize::line(&note.to_string()))));
        let off =
            if rules.disabled.is_empty() { String::new() } else { format!(" ({} disabled)", rules.disabled.len()) };
        let tests = match (tests, checked.report.failed()) {
            (0, _) => "no tests".to_owned(),
            (n, 0) => format!("{n} tests pass"),
            (n, failed) => format!("{failed} of {n} tests fail"),
        };
        say(&format!("{} rules{off}, {tests}, revision {}\n", rules.rules.len(), rules.short_revision()))?;
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::Findings) }
}
