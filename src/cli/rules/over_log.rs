//! A log judged by rules, row by row: the pipeline as it is in a replay, without any output.

use std::path::Path;

use anyhow::Context;

use crate::cli::Failure;
use crate::cli::headless::{LAST_WORDS, progress};
use crate::cli::setup::{Mode, Rules, Setup};
use crate::clock::SystemClock;
use crate::history::{Retention, Row};
use crate::message::{SourceState, Update};
use crate::pipeline::Pipeline;
use crate::rules::{RuleSet, Stage};

/// Whether any rule reads what the engines find.
pub(super) fn needs_engines(rules: &RuleSet) -> bool {
    rules.rules.iter().any(|rule| rule.stage > Stage::Record)
}

/// What was seen of a log.
#[derive(Debug, Default)]
pub(in crate::cli) struct Seen {
    pub records: u64,
    pub rejected: u64,
}

/// Judges a log from its start, and hands every row to `each` until that wants no more. Answers are compared only if
/// `engines` says so: that is what takes time.
pub(in crate::cli) fn rows(
    setup: &Setup,
    rules: Rules,
    log: &Path,
    engines: bool,
    mut each: impl FnMut(&Row) -> bool,
) -> Result<Seen, Failure> {
    crate::cli::dashboard::need_file(&log.to_owned())?;
    let inputs = crate::cli::dashboard::inputs(&[log.to_owned()])?;
    let engines_known = crate::cli::captures::open(setup, log)?.engines();
    let mut ready = setup.options(rules, Mode { engines: engines_known, ..Mode::once(inputs) })?;
    // Rows are looked at as they come: next to nothing is kept.
    ready.options.retention = Some(Retention { bytes: 1 << 20, rows: 1 });
    if !engines {
        ready.options.embedding.backend = crate::engine::embedding::select::Choice::None;
    }
    let pipeline = Pipeline::start(ready.options, SystemClock::shared()).context("starting the engines")?;
    let (updates, handle) = pipeline.split();
    let bar = progress(Some(&log.to_owned()));
    let mut seen = Seen::default();
    let mut unread = None;
    while let Some(update) = updates.recv() {
        match update {
            Update::Judged { rows, .. } => {
                let wanted = rows.iter().all(|row| {
                    seen.records += 1;
                    each(row)
                });
                if !wanted {
                    break;
                }
            }
            Update::Rejected { count, .. } => seen.rejected += count,
            Update::Source(report) => {
                bar.set_position(report.read);
                if let SourceState::Failed(why) = &report.state {
                    unread = Some(format!("{}: {why}", report.name));
                }
            }
            Update::Finished(_) => break,
            _ => {}
        }
    }
    bar.finish_and_clear();
    handle.finish(LAST_WORDS);
    match unread {
        Some(why) => Err(Failure::Input(why)),
        None => Ok(seen),
    }
}
