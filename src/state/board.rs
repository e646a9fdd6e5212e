//! Everything on the screen that traffic changes, and how a record changes it.
//!
//! A board of a replay follows from its rows alone: whoever comes to a row, by playing, by stepping or from a board
//! that was saved on the way, sees the same. What lasts is therefore settled in [`Board::add`], whenever event time
//! reaches another second; [`Board::arrange`], which is called for each frame, only makes ready what is shown. Live,
//! time goes on without records, and [`Board::settle`] is called for each frame too.

mod saved;

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::agents::Agents;
use super::alerts::{AlertChange, Alerts};
use super::coverage::Coverage;
use super::drift::{self, DriftBoard};
use super::latency::Latency;
use super::records::Records;
use super::sources::Sources;
use crate::history::Row;
use crate::message::RuleSet;
use crate::verdict::{DriftReport, Outcome, Severity, Verdict};

/// Rows of a replay without any time after which it is settled, for no second ever ends in it.
const UNTIMED: u64 = 256;

/// Everything that traffic changes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Board {
    /// Violations and alerts.
    pub alerts: Alerts,
    /// The keys.
    pub agents: Agents,
    /// Latency over time.
    pub latency: Latency,
    /// Series.
    pub drift: DriftBoard,
    /// The records themselves. Not saved: they are kept elsewhere.
    #[serde(skip)]
    pub records: Records,
    /// The sources, as their records show them.
    pub sources: Sources,
    /// How much of the last minute was compared.
    pub coverage: Coverage,
    /// Records seen.
    pub total: u64,
    /// Of those with answers, how many had them compared.
    pub checked: Share,
    /// Event time of the newest record.
    pub event_now: Option<Timestamp>,
}

/// A share of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Share {
    /// Of these …
    pub of: u64,
    /// … so many.
    pub part: u64,
}

impl Share {
    /// Counts one more.
    pub fn add(&mut self, yes: bool) {
        self.of += 1;
        self.part += u64::from(yes);
    }

    /// In per cent; `None` of nothing.
    pub fn percent(&self) -> Option<f64> {
        (self.of > 0).then(|| 100.0 * self.part as f64 / self.of as f64)
    }
}

/// What a board has to know beside the row.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// Wall-clock time: a record from the future counts as of now. In a replay the wall clock must not matter:
    /// `Timestamp::MAX`.
    pub now: Timestamp,
    /// Score above which the answers disagree.
    pub review_score: f64,
    /// Time goes on when nothing comes (a replay stands still).
    pub live: bool,
    /// When the row was read, if the clock of its source can be judged by it.
    pub read_ts: Option<Timestamp>,
}

impl Seen {
    /// For the rows of a replay.
    pub fn replayed(review_score: f64) -> Self {
        Self { now: Timestamp::MAX, review_score, live: false, read_ts: None }
    }

    /// A record from the future (a clock that is wrong) must not make all others look old. A record without a time
    /// counts as coming with the one before it; in a replay, which knows no wall clock, the first as of the epoch.
    fn time(&self, verdict: &Verdict, event_now: Option<Timestamp>) -> Timestamp {
        let unknown = if self.live { self.now } else { Timestamp::UNIX_EPOCH };
        verdict.ts.map(|ts| ts.min(self.now)).or(event_now).unwrap_or(unknown)
    }
}

impl Board {
    /// A board that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a judged record in.
    pub fn add(&mut self, row: &Row, seen: &Seen) {
        let (record, verdict) = (&row.record, &row.verdict);
        let at = seen.time(verdict, self.event_now);
        let known = verdict.ts.is_some() || seen.live;
        let event_now = if known { Some(self.event_now.map_or(at, |now| now.max(at))) } else { self.event_now };
        if !seen.live {
            self.settle_until(event_now);
        }
        self.event_now = event_now;
        let heard = event_now.unwrap_or(at);
        self.alerts.hear_of(verdict.seq, heard);
        self.agents.hear(heard);
        self.total += 1;
        if !record.samples.is_empty() {
            self.checked.add(verdict.divergence.outcome == Outcome::Scored);
        }
        self.coverage.add(heard, &verdict.divergence.outcome);
        let ahead = record.ts.zip(seen.read_ts).map(|(ts, read)| ts.duration_since(read).as_secs_f64());
        self.sources.add(&record.origin.source, at, heard, ahead);
        self.latency.add(at, record.latency_ms, &verdict.timing);
        self.agents.add(at, row);
        let drifting = self.drift.add(row);
        self.alert(at, row, drifting, seen.review_score);
        if !seen.live {
            self.calm_returned();
        }
    }

    /// Raises what a record is worth.
    fn alert(&mut self, at: Timestamp, row: &Row, drifting: Option<&DriftReport>, review_score: f64) {
        let verdict = &row.verdict;
        for violation in &verdict.violations {
            self.alerts.violation(&verdict.key, at, violation);
        }
        // Words alone measure on another scale.
        let scored = verdict.divergence.risk.filter(|_| verdict.divergence.outcome == Outcome::Scored);
        if let Some(risk) = scored.filter(|risk| *risk > review_score) {
            self.alerts.raise("@disagree", &verdict.key, Severity::Critical, at, 1, || {
                let texts = verdict.divergence.texts(&row.record.samples);
                let found = verdict.divergence.contradictions.first().map(|found| found.in_words(&texts));
                let found = found.map(|found| format!(", {found}")).unwrap_or_default();
                format!("the answers disagree: risk {}{found}", crate::humanize::score(risk))
            });
        }
        match drifting {
            Some(report) if report.alarm => {
                self.alerts.raise("@drift", &verdict.key, Severity::Warning, at, 1, || drift::in_words(report));
            }
            // It lasts; what an alert tells stays what was found when it began.
            Some(report) => {
                self.alerts.go_on("@drift", &verdict.key, Severity::Warning, at, || drift::in_words(report));
            }
            None => self.alerts.calm("@drift", &verdict.key),
        }
    }

    /// Settles a replay before event time goes on to `next`: at the end of the second that is over, and after a gap
    /// once more where it ends.
    fn settle_until(&mut self, next: Option<Timestamp>) {
        let Some((now, next)) = self.event_now.zip(next) else {
            if self.total > 0 && self.total.is_multiple_of(UNTIMED) {
                self.settle(Timestamp::UNIX_EPOCH, true);
            }
            return;
        };
        let second = |ts: Timestamp| ts.as_millisecond().div_euclid(1_000);
        let (over, reached) = (second(now) + 1, second(next));
        for at in [over, reached].iter().take((reached - over + 1).clamp(0, 2) as usize) {
            if let Ok(at) = Timestamp::from_second(*at) {
                // Silence is measured from the last record, and an alert that begins now was heard of now.
                self.alerts.hear(at);
                self.settle(at, true);
            }
        }
    }

    /// Brings up to event time `at` what time alone changes and what later rows build on: who is quiet, which alerts
    /// are over, which series is shown large. `listens` is whether silence means anything by now.
    pub fn settle(&mut self, at: Timestamp, listens: bool) {
        self.alerts.hear_no_record();
        self.agents.settle(at);
        self.drift.settle();
        self.sources.refresh(at);
        if listens {
            for (name, why) in self.agents.quiet(at).chain(self.sources.quiet(at)) {
                self.alerts.raise_once("@quiet", name, Severity::Warning, at, || why);
            }
        }
        self.calm_returned();
        match self.coverage.alert(at) {
            Some((severity, text)) => self.alerts.raise_once("@unscored", &"".into(), severity, at, || text),
            None => self.alerts.calm("@unscored", ""),
        }
        self.alerts.settle(at);
    }

    /// Who was quiet and has spoken is no longer.
    fn calm_returned(&mut self) {
        for key in self.agents.returned() {
            self.alerts.calm("@quiet", &key);
        }
        for name in self.sources.returned() {
            self.alerts.calm("@quiet", &name);
        }
    }

    /// Makes ready what is shown: orders, rates, percentiles. It follows from the rest and leads to nothing.
    pub fn arrange(&mut self, at: Timestamp) {
        self.latency.refresh();
        self.agents.arrange(at);
        self.drift.arrange();
        self.sources.measure();
        self.alerts.arrange();
    }

    /// Takes in how long the rules want their alerts to last and to rest. It is saved with the rest.
    pub fn set_pauses(&mut self, rules: &Arc<RuleSet>) {
        self.alerts.set_pauses(rules);
    }

    /// What became of the alerts since this was last asked, in the order in which it happened. It is bounded: who wants
    /// all of it asks after each row.
    pub fn take_changes(&mut self) -> Vec<AlertChange> {
        self.alerts.take_changes()
    }
}

#[cfg(test)]
mod tests;
