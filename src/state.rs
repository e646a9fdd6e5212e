//! What the screen shows, and nothing about how. Updates come in, numbers are made ready here; `ui` only reads.
//!
//! A [`Board`] is everything that traffic changes; freezing the view keeps a copy of it while reading goes on.

pub mod agents;
pub mod alerts;
pub mod board;
pub mod charts;
pub mod completing;
pub mod coverage;
pub mod drift;
pub mod editing;
pub mod inquiries;
pub mod latency;
pub mod log;
pub mod marks;
pub mod moving;
pub mod notices;
pub mod pace;
pub mod rates;
pub mod records;
pub mod replay;
pub mod rules;
pub mod session;
pub mod sift;
pub mod sources;
pub mod status;
pub mod telling;
pub mod view;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::message::inquiry::Inquiry;
use crate::message::replay::ReplayReport;
use crate::message::{RuleSet, SourceState, Update};
use crate::verdict::Severity;

pub use board::{Board, Seen, Share};

use charts::Charts;
use editing::Editing;
use inquiries::Found;
use log::Log;
use marks::Marks;
use sift::Sift;
use status::Status;
use telling::Telling;
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
    /// Nothing is written to the rules.
    pub read_only: bool,
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
    /// How the player of a replay stands.
    replay: Option<ReplayReport>,
    /// Rules of the judgement that a replay shows.
    replayed_by: Option<Arc<RuleSet>>,
    /// What the operator has marked.
    pub marks: Marks,
    /// What the list is narrowed to.
    pub sift: Sift,
    /// The time that the charts show.
    pub charts: Charts,
    /// The rules that are being written.
    pub editing: Option<Box<Editing>>,
    /// Letters go into the text of the rule.
    pub writing: bool,
    /// What was found of what is in front.
    pub found: Found,
    /// What the program says of itself.
    pub log: Log,
    /// Questions that an action has raised.
    asks: Vec<Inquiry>,
    /// A capture has begun that does not know what fires.
    announce: bool,
    /// What became of the alerts, for the captures.
    changes: Vec<alerts::AlertChange>,
    /// Whom alerts are told, and what is silenced.
    pub telling: Telling,
    /// Marks of the last session whose records have not come in yet.
    waiting: session::Waiting,
}

impl AppState {
    /// A state that has seen nothing.
    pub fn new(options: Options, now: Timestamp) -> Self {
        let (live, status, view) = (Board::new(), Status::default(), View::default());
        Self {
            options,
            live,
            frozen: None,
            status,
            view,
            now,
            arrived: None,
            replay: None,
            replayed_by: None,
            marks: Marks::default(),
            sift: Sift::default(),
            charts: Charts::default(),
            editing: None,
            writing: false,
            found: Found::default(),
            log: Log::default(),
            asks: Vec::new(),
            announce: false,
            changes: Vec::new(),
            telling: Telling::default(),
            waiting: session::Waiting::default(),
        }
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

    /// Asks something before the next drawing.
    pub fn ask(&mut self, inquiry: Inquiry) {
        self.asks.push(inquiry);
    }

    /// Takes in what the pipeline says.
    pub fn apply(&mut self, update: Update) {
        match update {
            Update::Judged { rows, history, read_ts } => {
                let seen = self.seen(read_ts);
                rows.iter().for_each(|row| self.live.add(row, &seen));
                self.recognise(&rows);
                self.arrived = Some(self.now);
                self.live.records.set_history(history);
            }
            Update::Rejected { count, shown } => {
                // A replay is at another place than what judges it: its alerts are those of its place.
                if !self.is_replay() {
                    let at = self.event_time();
                    self.live.alerts.raise("@rejected", "", Severity::Warning, at, count, || {
                        shown.first().map(|r| format!("{}: {}", status::place(r), r.reject.reason)).unwrap_or_default()
                    });
                }
                self.status.rejected(count, shown);
            }
            Update::Engine(report) => {
                if let crate::message::EngineState::Failed(why) = &report.state
                    && !self.is_replay()
                {
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
                if report.state == SourceState::Ended && !self.is_replay() {
                    self.live.sources.end(&report.name);
                }
                self.status.source(report);
            }
            Update::Health(report) => {
                self.live.alerts.set_rules(&report);
                self.status.health(report);
            }
            Update::Rules(report) => {
                self.rules_changed(&report);
                self.status.rules(report);
            }
            Update::Found(finding) => self.found(*finding),
            Update::CaughtUp => self.status.caught_up = true,
            Update::Notice(text) => self.view.note = Some(text),
            Update::Capture(report) => self.capture(report),
            Update::Silences(silences) => self.telling.set(silences),
            Update::Shown(shown) => self.show(*shown),
            Update::Replay(report) => self.replay = Some(*report),
            Update::OutputWaits(why) => self.status.output_waits = why,
            Update::Finished(summary) => self.status.finished = Some(summary),
            Update::OutputFailed { why, .. } => self.status.output_failed = Some(why),
        }
    }

    fn seen(&self, read_ts: Timestamp) -> Seen {
        let Options { review_score, live, .. } = self.options;
        if !live {
            return Seen::replayed(review_score);
        }
        // While catching up, a record says nothing of its source's clock.
        let read_ts = self.status.caught_up.then_some(read_ts);
        Seen { now: self.now, review_score, live, read_ts }
    }

    /// How long ago the newest record was, by the wall clock; never negative.
    pub fn age(&self) -> Option<Duration> {
        let event = self.live.event_now?;
        Some(self.now.duration_since(event).max(jiff::SignedDuration::ZERO).unsigned_abs())
    }

    /// Event time as it would be now: the newest record's, moved on by what has passed since it came.
    pub fn event_time(&self) -> Timestamp {
        let Some(event) = self.live.event_now else {
            // The records of a replay without any time count as of the epoch.
            let untimed = !self.options.live && self.live.total > 0;
            return if untimed { Timestamp::UNIX_EPOCH } else { self.now };
        };
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
        // A replay settles by itself, as event time goes on: how often it is drawn must not matter.
        if self.options.live {
            // While a backlog is worked off, what was not read yet looks like silence; and at the end all are silent.
            let listens = self.status.caught_up && self.status.finished.is_none();
            self.live.settle(at, listens);
        }
        self.live.arrange(at);
        let changes = self.live.take_changes();
        // What is read back at the start is no news; what still fires then is.
        if self.options.live && self.status.caught_up {
            self.notify(&changes);
        }
        let capture = &self.status.capture;
        if capture.own.is_some() || capture.of_rule.is_some() {
            self.changes.extend(changes);
        }
    }
}
