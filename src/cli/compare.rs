//! `watcher replay LOG --rules A --compare B --headless`: what B would change, as a table, and record by record as NDJSON.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::args::Replay;
use super::comparison::{Comparison, firing, json, text};
use super::outputs::refuse_read;
use super::rules::{accepted, rows};
use super::setup::Setup;
use super::{Failure, captures, note_line, say};
use crate::history::Row;
use crate::pipeline::judge::{Arrival, Texts};
use crate::replay::differences;
use crate::sanitize;
use crate::sink::file::{Existing, Lines};
use crate::verdict::Verdict;

pub(super) use super::comparison::judge;

/// Records that the table shows of each rule that changes.
const EXAMPLES: usize = 3;

/// Bytes that wait before they are written.
const BUFFER: usize = 256 << 10;

/// A record that the two rule sets differ on.
#[derive(Serialize)]
struct Changed<'a> {
    kind: &'static str,
    seq: u64,
    id: &'a str,
    ts: Option<String>,
    source: &'a str,
    file: &'a str,
    offset: u64,
    part: u32,
    key: &'a str,
    before: Side<'a>,
    now: Side<'a>,
    new: Vec<&'a str>,
    gone: Vec<&'a str>,
    why: Vec<&'static str>,
}

/// What one of them says of it.
#[derive(Serialize)]
struct Side<'a> {
    action: &'static str,
    status_code: u16,
    confidence: Option<f64>,
    rules: Vec<&'a str>,
}

impl<'a> Side<'a> {
    fn of(verdict: &'a Verdict) -> Self {
        Self {
            action: verdict.advice.action.word(),
            status_code: verdict.advice.status_code,
            confidence: verdict.confidence.score.map(|score| (score * 1e3).round() / 1e3),
            rules: firing(verdict).into_keys().map(|rule| &**rule).collect(),
        }
    }
}

/// Runs it.
pub(super) fn run(setup: &Setup, wanted: &Replay, other: &Path) -> Result<(), Failure> {
    if !wanted.run.fail_on.is_empty() {
        return Err(Failure::Usage("--fail-on judges by one set of rules: leave --compare out".into()));
    }
    let opened = captures::open(setup, &wanted.file)?;
    let (old, new) = (opened.rules(setup)?, accepted(other)?);
    old.notes.iter().for_each(|note| note_line(&format!("watcher: {}", sanitize::line(note))));
    let set = Arc::clone(&old.set);
    // What is advised depends on the answers too, whatever the rules read.
    let engines = true;
    let mut judge = judge(setup, &new);
    let mut found = Comparison::of(&set, &new);
    let rules = setup.rules_path();
    let mut reads = vec![wanted.file.as_path(), other];
    reads.extend(rules.as_deref());
    let mut out = wanted.run.output.as_ref().map(|path| output(path, &reads)).transpose()?;
    let mut failed = None;
    let each = |row: &Row| {
        let arrival = Arrival { read_at: Duration::ZERO, embedding_us: 0, otherwise: None, shed: false };
        let texts = Texts { known: Some(&row.verdict.divergence), ..Texts::default() };
        let now = judge.judge(&row.record, texts, arrival).verdict;
        found.add(row, &now, EXAMPLES);
        if let Some(out) = &mut out {
            changed(out.pending(), row, &now);
            if out.waiting() >= BUFFER {
                failed = out.flush().err();
            }
        }
        failed.is_none()
    };
    let seen = rows(setup, old, &wanted.file, engines, each);
    let wrong = |error: std::io::Error| Failure::Input(format!("the output can't be written: {error}"));
    if let Some(error) = failed {
        // Whoever read it has gone: no fault.
        return if error.kind() == std::io::ErrorKind::BrokenPipe { Ok(()) } else { Err(wrong(error)) };
    }
    let seen = seen?;
    let table = match wanted.run.summary {
        super::args::SummaryForm::Json => format!("{}\n", sanitize::json(&json(&found, &seen).to_string())),
        super::args::SummaryForm::Text => text(&found, &seen, (&set, &new), engines),
    };
    let Some(mut out) = out else { return say(&table) };
    for line in found.lines() {
        let _ = writeln!(out.pending(), "{line}");
    }
    out.flush().map_err(wrong)?;
    match wanted.run.output.as_ref().is_some_and(|path| path.as_os_str() == "-") {
        true => {
            note_line(table.trim_end());
            Ok(())
        }
        false => say(&table),
    }
}

/// Opens the output, unless it is one of the files that are read.
fn output(path: &Path, reads: &[&Path]) -> Result<Lines, Failure> {
    if path.as_os_str() == "-" {
        return Ok(Lines::stream(Box::new(std::io::stdout())));
    }
    refuse_read(path, reads)?;
    let wrong = |error: std::io::Error| Failure::Usage(format!("output {}: {error}", path.display()));
    Lines::open(path, Existing::Replace, None).map_err(wrong)
}

/// Writes a line, if the two differ: in whatever the bar of a replay counts.
fn changed(out: &mut Vec<u8>, row: &Row, now: &Verdict) {
    let before = &row.verdict;
    let why = differences::reasons(before, now);
    if why == 0 {
        return;
    }
    let (old, new) = (firing(before), firing(now));
    let only = |these: &std::collections::BTreeMap<_, _>, those: &std::collections::BTreeMap<&Arc<str>, _>| {
        these.keys().filter(|rule: &&&Arc<str>| !those.contains_key(**rule)).map(|rule| &***rule).collect()
    };
    let origin = &before.origin;
    let line = Changed {
        kind: "record",
        seq: before.seq.0,
        id: &before.id,
        ts: before.ts.map(|ts| ts.to_string()),
        source: &origin.source,
        file: &origin.file,
        offset: origin.offset,
        part: origin.part,
        key: &before.key,
        before: Side::of(before),
        now: Side::of(now),
        new: only(&new, &old),
        gone: only(&old, &new),
        why: differences::words(why).collect(),
    };
    let text = serde_json::to_string(&line).unwrap_or_default();
    out.extend_from_slice(sanitize::json(&text).as_bytes());
    out.push(b'\n');
}
