//! How the machinery is: engines, sources, queues, refused lines.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::message::{
    CaptureReport, Choice, EngineReport, EngineState, FormatReport, HealthReport, RuleCount, RulesReport, SourceReport,
    SourceState,
};
use crate::record::Rejected;
use crate::stats::backlog::Backlog;
use crate::stats::summary::{Skipped, Summary};
use crate::verdict::EngineKind;

use super::rates::Rates;

/// Refused lines that can be read on the screen.
const REJECTED: usize = 1_000;

/// Counters that are older than this are those of another time, s.
const STALE_S: i64 = 3;

/// An engine that has not failed for this long counts as well again, s.
const FORGIVEN_AFTER_S: i64 = 60;

/// How the machinery is.
#[derive(Debug, Default)]
pub struct Status {
    /// The embedding engine, before anything is known of it `None`.
    pub embedding: Option<EngineState>,
    /// Engines that failed lately, why, and when by the wall clock.
    pub failed: BTreeMap<EngineKind, (Arc<str>, Timestamp)>,
    /// Why the backend is not the one that was asked for.
    pub warnings: Vec<String>,
    /// The sources.
    pub sources: BTreeMap<Arc<str>, SourceReport>,
    /// What their lines were found to be.
    pub formats: BTreeMap<Arc<str>, Arc<Choice>>,
    /// What is left to read, and how fast it goes.
    pub backlog: Backlog,
    /// Queues, pool and rules.
    pub health: Option<HealthReport>,
    /// What became of rules that have changed since the start.
    pub rules: Option<RulesReport>,
    /// The same over the last seconds.
    pub rates: Rates,
    /// Lines that were refused.
    pub rejected_total: u64,
    /// The newest of them, oldest first.
    pub rejected: VecDeque<Rejected>,
    /// The input has ended: what it amounts to.
    pub finished: Option<Box<Summary>>,
    /// Everything that was there at the start has been judged.
    pub caught_up: bool,
    /// The output takes nothing for now, and why.
    pub output_waits: Option<String>,
    /// The output can't be written.
    pub output_failed: Option<String>,
    /// The captures.
    pub capture: CaptureReport,
}

impl Status {
    /// Takes an engine's report in.
    pub fn engine(&mut self, report: EngineReport, now: Timestamp) {
        match report.state {
            EngineState::Failed(why) => drop(self.failed.insert(report.kind, (why, now))),
            EngineState::Running { ref label, ref warnings } => {
                self.warnings = warnings.clone();
                self.embedding = Some(EngineState::Running { label: label.clone(), warnings: Vec::new() });
            }
            EngineState::Loading => self.embedding = Some(EngineState::Loading),
        }
    }

    /// Forgives the engines that have not failed for a while.
    pub fn refresh(&mut self, now: Timestamp) {
        // Nothing is judged any more: the last rates say nothing of now.
        if self.health.as_ref().is_some_and(|health| now.duration_since(health.at).as_secs() >= STALE_S) {
            self.rates.pause();
        }
        self.failed.retain(|_, (_, at)| now.duration_since(*at).as_secs() < FORGIVEN_AFTER_S);
    }

    /// Takes a source's report in.
    pub fn source(&mut self, report: SourceReport) {
        self.backlog.add(&report.name, report.read, report.behind, report.at);
        self.sources.insert(Arc::clone(&report.name), report);
    }

    /// Takes in what a source was found to be; what is news to the operator, in words.
    pub fn format(&mut self, report: FormatReport) -> Option<String> {
        let FormatReport { source, choice } = report;
        let known = self.formats.values().any(|known| known.title() == choice.title());
        // Without a folder: the note is one line, and what was recognised is what it is about.
        let name = source.rsplit('/').next().unwrap_or_default();
        let how = if choice.sure { "" } else { "read as " };
        let news = (!known && !choice.is_plain()).then(|| format!("{name}: {how}{} ({})", choice.title(), choice.why));
        self.formats.insert(source, choice);
        news
    }

    /// Takes counters in.
    pub fn health(&mut self, report: HealthReport) {
        self.rates.add(&report);
        self.health = Some(report);
    }

    /// Takes in which rules are in force.
    pub fn rules(&mut self, report: RulesReport) {
        if let Some(health) = &mut self.health {
            // The next counters bring the rest.
            if !Arc::ptr_eq(&health.rules, &report.rules) {
                health.counts = vec![RuleCount::default(); report.rules.rules.len()];
                health.no_data.clear();
                health.rules = Arc::clone(&report.rules);
            }
        }
        self.rules = Some(report);
    }

    /// Takes refused lines in.
    pub fn rejected(&mut self, count: u64, shown: Vec<Rejected>) {
        self.rejected_total += count;
        self.rejected.extend(shown);
        let surplus = self.rejected.len().saturating_sub(REJECTED);
        self.rejected.drain(..surplus);
    }

    /// What was sound and no record.
    pub fn skipped(&self) -> Skipped {
        self.health.as_ref().map_or(Skipped::default(), |health| health.skipped)
    }

    /// Whether all that is shown are verdicts of other instances.
    pub fn only_given(&self) -> bool {
        self.health.as_ref().is_some_and(|health| health.given > 0 && health.given == health.judged)
    }

    /// The sources in which nothing was recognised.
    pub fn strange(&self) -> impl Iterator<Item = (&Arc<str>, &Choice)> {
        self.formats.iter().filter(|(_, choice)| !choice.sure).map(|(name, choice)| (name, &**choice))
    }

    /// Batches that were dropped between stages.
    pub fn dropped(&self) -> u64 {
        self.health.as_ref().map_or(0, |health| health.stages.iter().map(|stage| stage.dropped).sum())
    }

    /// Bytes that are there and not read yet, over all sources.
    pub fn behind(&self) -> u64 {
        self.backlog.behind()
    }

    /// Time until the end is reached, while a backlog is worked off.
    pub fn left(&self) -> Option<Duration> {
        self.backlog.left().filter(|_| !self.caught_up)
    }

    /// The sources that are waited for, and why.
    pub fn waiting(&self) -> impl Iterator<Item = (&Arc<str>, &str)> {
        self.sources.values().filter_map(|source| match &source.state {
            SourceState::Waiting(why) | SourceState::Failed(why) => Some((&source.name, why.as_str())),
            _ => None,
        })
    }
}

/// "live.ndjson:17:3", or the offset where the line's number is not known.
pub fn place(rejected: &Rejected) -> String {
    let origin = &rejected.origin;
    match origin.line {
        Some(line) => format!("{}:{line}:{}", origin.source, rejected.reject.column),
        None => format!("{}#{}", origin.source, origin.offset),
    }
}
