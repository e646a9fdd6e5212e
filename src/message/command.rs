//! What the operator wants of the pipeline, or of the player of a replay.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::replay::{MarkKind, Speed, Target};
use super::silences::{Acknowledged, Silence};

/// From the screen to the pipeline or the player.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Something is to be done with a baseline.
    Baseline(BaselineOrder),
    /// A capture is to begin.
    Capture(CaptureOrder),
    /// The operator's capture is to end.
    EndCapture,
    /// Something has happened that a capture keeps.
    Happened(Happening),
    /// Files that are written are opened anew: somebody has given them other names.
    Reopen,
    /// Something is to be silenced, or to be told again, or is taken on.
    Silence(SilenceOrder),
    /// The replay is to move.
    Replay(ReplayOrder),
}

/// What the operator wants of the baseline of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaselineOrder {
    /// Whose.
    pub key: Arc<str>,
    /// Which.
    pub series: Arc<str>,
    /// What.
    pub wish: BaselineWish,
}

/// What the operator wants of the silences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SilenceOrder {
    /// One more.
    Add(Silence),
    /// The one with this id is over.
    End(u64),
    /// An alert is taken on.
    Acknowledge(Acknowledged),
}

/// What is to be done with a baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaselineWish {
    /// What is normal now stays the baseline.
    Pin,
    /// It is learned anew.
    Reset,
}

/// What the operator wants captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureOrder {
    /// With prompts and answers.
    pub text: bool,
}

/// Something on the operator's timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// When, by event time.
    pub at: Timestamp,
    /// The record in question.
    pub seq: Option<u64>,
    /// What.
    pub kind: HappeningKind,
    /// The cause of an alert, the series of a baseline.
    pub cause: String,
    /// Whose behaviour it is about.
    pub key: String,
    /// In words.
    pub text: String,
}

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HappeningKind {
    /// An alert fires.
    AlertBegan,
    /// It is over.
    AlertEnded,
    /// The operator marked a record.
    Mark,
}

/// What the operator wants of the player.
#[derive(Debug, Clone, PartialEq)]
pub enum ReplayOrder {
    /// Play, or pause.
    Toggle,
    /// So many records forward, or back.
    Step(i64),
    /// To a place.
    Seek(Target),
    /// To the next mark of this kind, or to the one before.
    Jump(MarkKind, bool),
    /// At this speed.
    Speed(Speed),
    /// A step faster.
    Faster,
    /// A step slower.
    Slower,
    /// Long gaps are skipped, or not any more.
    Gaps,
    /// The verdicts of the next judgement are shown.
    Track,
    /// Only what fits is listed and stepped through; all, without one.
    Filter(Option<String>),
    /// Only what the judgements differ in, or all.
    Differing,
    /// The record in front is marked, or is not any more.
    Mark(String),
}

/// What the operator wants, until the other side comes to it.
#[derive(Clone, Default)]
pub struct Orders(Arc<Waiting>);

#[derive(Default)]
struct Waiting {
    orders: Mutex<Vec<Command>>,
    news: Condvar,
    /// The other side has something to look after while nothing comes.
    busy: AtomicBool,
}

impl Orders {
    /// Adds one.
    pub fn give(&self, order: Command) {
        self.0.orders.lock().unwrap_or_else(PoisonError::into_inner).push(order);
        self.0.news.notify_all();
    }

    /// Takes all.
    pub fn take(&self) -> Vec<Command> {
        std::mem::take(&mut *self.0.orders.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whoever waits looks about.
    pub fn wake(&self) {
        self.0.news.notify_all();
    }

    /// Says whether there is something to look after while nothing comes.
    pub fn set_busy(&self, busy: bool) {
        self.0.busy.store(busy, Ordering::Relaxed);
    }

    /// Whether the other side should have a turn though nothing has come.
    pub fn want_a_turn(&self) -> bool {
        self.0.busy.load(Ordering::Relaxed) || !self.0.orders.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Waits until there is one, or somebody calls, but not for longer than `most`.
    pub fn wait(&self, most: Duration) {
        let orders = self.0.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if orders.is_empty() {
            drop(self.0.news.wait_timeout(orders, most));
        }
    }
}
