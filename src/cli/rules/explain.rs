//! `watcher rules explain RULE RECORD`: every part of a rule with its value.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::over_log::rows;
use super::{accepted_set, sources};
use crate::cli::args::RulesExplain;
use crate::cli::setup::{Rules, Setup};
use crate::cli::{Failure, say};
use crate::engine::Evidence;
use crate::engine::constraints::explain::Explanation;
use crate::engine::constraints::{Constraints, backtest, testing};
use crate::history::Row;
use crate::record::Record;
use crate::rules::Stage;
use crate::yaml::did_you_mean;

/// Longest record that is read from standard input, bytes.
const MOST_BYTES: u64 = 64 << 20;

pub(super) fn run(setup: &Setup, what: &RulesExplain) -> Result<(), Failure> {
    let rules = accepted_set(&sources(setup, &[])?)?;
    let Some((_, rule)) = rules.find(&what.rule) else {
        let near = did_you_mean(&what.rule, rules.rules.iter().map(|rule| &*rule.id));
        let help = near.unwrap_or_else(|| "name the file with --rules".into());
        return Err(Failure::Usage(format!("there is no rule `{}` in these rules: {help}", what.rule)));
    };
    let late = rule.stage > Stage::Record;
    let place = Place::of(&what.record)?;
    // Everything before the record goes through the rule too: windows and steps know of it.
    let mut engine = Constraints::new(Arc::clone(&rules));
    let mut last: Option<Row> = None;
    let mut explained: Option<Explanation> = None;
    let explain = |engine: &mut Constraints, row: &Row| engine.explain(&what.rule, evidence(row));
    let each = |row: &Row| {
        if let Some(before) = last.take() {
            explain(&mut engine, &before);
        }
        let here = place.line.is_some() && row.record.origin.line == place.line;
        if here {
            explained = explain(&mut engine, row);
        } else {
            last = Some(row.clone());
        }
        !here
    };
    let log = &place.path;
    let seen = rows(setup, Rules::built_in(Arc::clone(&rules)), log, late, each)?;
    if let (None, Some(row), None) = (&explained, &last, place.line) {
        explained = explain(&mut engine, row);
    }
    let Some(explained) = explained else {
        return Err(Failure::Input(match place.line {
            Some(line) if seen.records > 0 => format!("line {line} of {} is no record", log.display()),
            _ if seen.rejected > 0 => {
                "that is no record: it must be a JSON object (see `watcher replay` for why)".into()
            }
            _ => format!("there is no record in {}", what.record),
        }));
    };
    if what.json { say(&format!("{}\n", json(&explained))) } else { say(&shown(&explained)) }
}

/// Where the record is.
struct Place {
    path: PathBuf,
    line: Option<u64>,
    /// Keeps what was given by itself for as long as it is read.
    _written: Option<tempfile::NamedTempFile>,
}

impl Place {
    fn of(text: &str) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::Input(format!("standard input: {error}"));
        let mut given = Vec::new();
        if text.trim_start().starts_with('{') {
            // A record that was typed may be on several lines; a log has it on one.
            given = text.replace(['\n', '\r'], " ").into_bytes();
        } else if text == "-" {
            std::io::stdin().lock().take(MOST_BYTES).read_to_end(&mut given).map_err(failed)?;
        } else {
            let with_line = text.rsplit_once(':').and_then(|(path, line)| Some((path, line.parse().ok()?)));
            return Ok(match with_line.filter(|_| !Path::new(text).exists()) {
                Some((path, line)) => Self { path: path.into(), line: Some(line), _written: None },
                None => Self { path: text.into(), line: None, _written: None },
            });
        }
        let wrong = |error: std::io::Error| Failure::Input(format!("a temporary file for the record: {error}"));
        let mut written = tempfile::Builder::new().suffix(".ndjson").tempfile().map_err(wrong)?;
        written.write_all(&given).map_err(wrong)?;
        Ok(Self { path: written.path().to_owned(), line: None, _written: Some(written) })
    }
}

/// What was found of a row; what stands in the record, as in the tests of rule files, is believed if it has no answers
/// of its own that could be compared.
fn evidence(row: &Row) -> Evidence<'_> {
    let found = |record: &Record| record.numbers.iter().any(|(name, _)| Stage::of(name.as_str()) > Stage::Record);
    if row.record.samples.is_empty() && found(&row.record) {
        let mut given = testing::evidence(&row.record);
        given.at = row.verdict.at;
        return given;
    }
    backtest::evidence(row)
}

fn shown(explained: &Explanation) -> String {
    explained.text().lines().map(|line| format!("{}\n", crate::sanitize::line(line))).collect()
}

fn json(explained: &Explanation) -> serde_json::Value {
    let lines: Vec<_> = explained
        .lines
        .iter()
        .map(|line| serde_json::json!({"level": line.level, "text": line.text, "value": line.value, "holds": line.holds}))
        .collect();
    let violations: Vec<_> = explained
        .violations
        .iter()
        .map(|found| {
            serde_json::json!({
                "severity": found.severity.word(), "state": found.state.word(), "field": &*found.field,
                "message": found.message, "limit": found.limit, "over_pct": found.over_pct(),
            })
        })
        .collect();
    serde_json::json!({
        "rule": &*explained.rule, "outcome": explained.outcome.to_string(), "violations": violations, "parts": lines,
    })
}
