//! What the screen shows, and nothing about how. Updates come in, numbers are made ready here; `ui` only reads.
//!
//! A [`Board`] is everything that traffic changes; freezing the view keeps a copy of it while reading goes on.

pub mod agents;
pub mod alerts;
pub mod coverage;
pub mod drift;
pub mod latency;
pub mod pace;
pub mod rates;
pub mod records;
pub mod rules;
pub mod sources;
pub mod status;
pub mod view;

use std::time::Duration;

use jiff::Timestamp;

use crate::history::Row;
use crate::message::{SourceState, Update};
use crate::verdict::{Outcome, Severity};

use agents::Agents;
use alerts::Alerts;
use coverage::Coverage;
use drift::DriftBoard;
use latency::Latency;
use records::Records;
use sources::Sources;
use status::Status;
use view::View;

/// What the state has to know of the configuration.
#[derive(Debug, Clone)]
pub struct Options {
    /// Score above which the answers disagree.
    pub review_score: f64,
    /// What the header says the program does: `LIVE`, `DEMO`, `REPLAY`.
    pub mode: &'static str,
    /// Time goes on when nothing comes (a replay stands still).
    pub live: bool,
}

/// Everything that traffic changes.
#[derive(Debug, Clone)]
pub struct Board {
    /// Violations and alerts.
    pub alerts: Alerts,
    /// The keys.
    pub agents: Agents,
    /// Latency over time.
    pub latency: Latency,
    /// Series.
    pub drift: DriftBoard,
    /// The records themselves.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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

/// All that the screen shows.
#[derive(Debug)]
pub struct AppState {
    /// What was configured.
    pub options: Options,
    /// The traffic as it is.
    live: Board,
    /// The traffic as it was when the view was frozen.
    frozen: Option<Box<Board>>,
    /// Engines, sources, queues.
    pub status: Status,
    /// Screen, focus, overlays.
    pub view: View,
    /// Wall-clock time of the last tick.
    pub now: Timestamp,
    /// When the last record came, by the wall clock.
    arrived: Option<Timestamp>,
}

impl AppState {
    /// A state that has seen nothing.
    pub fn new(options: Options, now: Timestamp) -> Self {
        let live = Board {
            alerts: Alerts::default(),
            agents: Agents::default(),
            latency: Latency::default(),
            drift: DriftBoard::default(),
            records: Records::default(),
            sources: Sources::default(),
            coverage: Coverage::default(),
            total: 0,
            checked: Share::default(),
            event_now: None,
        };
        Self { options, live, frozen: None, status: Status::default(), view: View::default(), now, arrived: None }
    }

    /// The board to be shown.
    pub fn board(&self) -> &Board {
        self.frozen.as_deref().unwrap_or(&self.live)
    }

    /// The board to be shown, for moving in it.
    pub fn board_mut(&mut self) -> &mut Board {
        self.frozen.as_deref_mut().unwrap_or(&mut self.live)
    }

    /// Records that came since the view was frozen; `None` when it is not.
    pub fn frozen_since(&self) -> Option<u64> {
        self.frozen.as_ref().map(|board| self.live.total - board.total)
    }

    /// Freezes the view, or lets it go on.
    pub fn toggle_freeze(&mut self) {
        match self.frozen {
            Some(_) => self.thaw(),
            None => self.frozen = Some(Box::new(self.live.clone())),
        }
    }

    /// Lets a frozen view go on. The selection sticks to its record.
    pub fn thaw(&mut self) {
        if let Some(frozen) = self.frozen.take() {
            self.live.records.select_as(&frozen.records);
        }
    }

    /// Takes in what the pipeline says.
    pub fn apply(&mut self, update: Update) {
        match update {
            Update::Judged { rows, history, read_ts } => {
                for row in &rows {
                    self.judged(row, read_ts);
                }
                self.arrived = Some(self.now);
                self.live.records.set_history(history);
            }
            Update::Rejected { count, shown } => {
                let at = self.event_time();
                self.live.alerts.raise("@rejected", "", Severity::Warning, at, count, || {
                    shown.first().map(|r| format!("{}: {}", status::place(r), r.reject.reason)).unwrap_or_default()
                });
                self.status.rejected(count, shown);
            }
            Update::Engine(report) => {
                if let crate::message::EngineState::Failed(why) = &report.state {
                    let at = self.event_time();
                    let name = report.kind.name();
                    self.live.alerts.raise("@engine", name, Severity::Critical, at, 1, || format!("{name}: {why}"));
                }
                self.status.engine(report, self.now);
            }
            Update::Format(report) => {
                if let Some(news) = self.status.format(report) {
                    self.view.note = Some(news);
                }
            }
            Update::Source(report) => {
                if report.state == SourceState::Ended {
                    self.live.sources.end(&report.name);
                }
                self.status.source(report);
            }
            Update::Health(report) => {
                self.live.alerts.set_rules(&report);
                self.status.health(report);
            }
            Update::Rules(report) => self.status.rules(report),
            Update::CaughtUp => self.status.caught_up = true,
            Update::Notice(text) => self.view.note = Some(text),
            Update::OutputWaits(why) => self.status.output_waits = why,
            Update::Finished(summary) => self.status.finished = Some(summary),
            Update::OutputFailed { why, .. } => self.status.output_failed = Some(why),
        }
    }

    fn judged(&mut self, row: &Row, read_ts: Timestamp) {
        let (record, verdict) = (&row.record, &row.verdict);
        let board = &mut self.live;
        // A record from the future (a clock that is wrong) must not make all others look old.
        // A replay knows no wall clock: a record without a time counts as coming with the one before it.
        let at = verdict.ts.map(|ts| ts.min(self.now)).or(board.event_now).unwrap_or(self.now);
        if verdict.ts.is_some() || self.options.live {
            board.event_now = Some(board.event_now.map_or(at, |known| known.max(at)));
        }
        let heard = board.event_now.unwrap_or(at);
        board.alerts.hear(heard);
        board.agents.hear(heard);
        board.total += 1;
        if !record.samples.is_empty() {
            board.checked.add(verdict.divergence.outcome == Outcome::Scored);
        }
        board.coverage.add(heard, &verdict.divergence.outcome);
        // While catching up, a record says nothing of its source's clock.
        let ahead = record.ts.filter(|_| self.status.caught_up && self.options.live);
        let ahead = ahead.map(|ts| ts.duration_since(read_ts).as_secs_f64());
        board.sources.add(&record.origin.source, at, heard, ahead);
        board.latency.add(at, record.latency_ms, &verdict.timing);
        board.agents.add(at, row);
        let drifting = board.drift.add(row);
        for violation in &verdict.violations {
            board.alerts.violation(&verdict.key, at, violation);
        }
        // Words alone measure on another scale.
        let scored = verdict.divergence.risk.filter(|_| verdict.divergence.outcome == Outcome::Scored);
        if let Some(risk) = scored.filter(|risk| *risk > self.options.review_score) {
            board.alerts.raise("@disagree", &verdict.key, Severity::Critical, at, 1, || {
                let texts = verdict.divergence.texts(&row.record.samples);
                let found = verdict.divergence.contradictions.first().map(|found| found.in_words(&texts));
                let found = found.map(|found| format!(", {found}")).unwrap_or_default();
                format!("the answers disagree: risk {}{found}", crate::humanize::score(risk))
            });
        }
        match drifting {
            Some(report) if report.alarm => {
                board.alerts.raise("@drift", &verdict.key, Severity::Warning, at, 1, || drift::in_words(report));
            }
            // It lasts; what an alert tells stays what was found when it began.
            Some(report) => {
                board.alerts.go_on("@drift", &verdict.key, Severity::Warning, at, || drift::in_words(report))
            }
            None => board.alerts.calm("@drift", &verdict.key),
        }
    }

    /// How long ago the newest record was, by the wall clock; never negative.
    pub fn age(&self) -> Option<Duration> {
        let event = self.live.event_now?;
        Some(self.now.duration_since(event).max(jiff::SignedDuration::ZERO).unsigned_abs())
    }

    /// Event time as it would be now: the newest record's, moved on by what has passed since it came.
    pub fn event_time(&self) -> Timestamp {
        let Some(event) = self.live.event_now else { return self.now };
        let idle = self.arrived.map_or(Duration::ZERO, |arrived| self.now.duration_since(arrived).unsigned_abs());
        if !self.options.live {
            return event;
        }
        event.checked_add(idle).unwrap_or(event)
    }

    /// Makes the numbers ready that depend on time; called once before each drawing, and at least once a second.
    pub fn tick(&mut self, now: Timestamp) {
        self.now = now;
        let at = self.event_time();
        self.status.refresh(now);
        let live = &mut self.live;
        live.latency.refresh();
        live.agents.refresh(at);
        live.drift.refresh();
        live.sources.refresh(at);
        // While a backlog is worked off, what was not read yet looks like silence; and at the end all are silent.
        if (self.status.caught_up || !self.options.live) && self.status.finished.is_none() {
            let agents = live.agents.quiet();
            for (name, why) in agents.chain(live.sources.quiet(at)) {
                live.alerts.raise_once("@quiet", name, Severity::Warning, at, || why);
            }
        }
        let returned: Vec<_> = live.agents.returned().collect();
        for key in returned {
            live.alerts.calm("@quiet", &key);
        }
        for name in live.sources.returned() {
            live.alerts.calm("@quiet", &name);
        }
        match live.coverage.alert(at) {
            Some((severity, text)) => live.alerts.raise_once("@unscored", &"".into(), severity, at, || text),
            None => live.alerts.calm("@unscored", ""),
        }
        live.alerts.refresh(at);
    }
}
