//! The only words that the two halves share: commands go from the screen to the pipeline, updates come back.

pub mod channel;
pub mod command;
pub mod desk;
pub mod inquiry;
pub mod notice;
pub mod replay;
pub mod rules;
pub mod silences;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

pub use crate::engine::constraints::RuleCount;
pub use crate::engine::embedding::pool::PoolCounts;
use crate::history::{Row, View};
use crate::record::Rejected;
pub use crate::record::reader::Choice;
pub use crate::rules::{Rule, RuleSet};
use crate::stats::summary::{Skipped, Summary, Watched};
use crate::verdict::EngineKind;

pub use command::{
    BaselineOrder, BaselineWish, CaptureOrder, Command, Happening, HappeningKind, Orders, ReplayOrder, SilenceOrder,
};
use replay::{ReplayReport, Shown};

/// From the pipeline to the screen.
#[derive(Debug, Clone)]
pub enum Update {
    /// Records that were judged, in Seq order, and what is kept by now.
    Judged {
        /// The new rows.
        rows: Vec<Row>,
        /// All that is kept.
        history: View,
        /// When the newest of them was read, by the wall clock.
        read_ts: Timestamp,
    },
    /// Lines that were refused.
    Rejected {
        /// How many.
        count: u64,
        /// The first of them.
        shown: Vec<Rejected>,
    },
    /// How an engine is.
    Engine(EngineReport),
    /// How a source is.
    Source(SourceReport),
    /// What the lines of a source were found to be.
    Format(FormatReport),
    /// How the stages and the rules fare.
    Health(HealthReport),
    /// Which rules are in force.
    Rules(RulesReport),
    /// Everything that was there at the start has been read and judged.
    CaughtUp,
    /// Something to tell the operator once.
    Notice(String),
    /// The output can't take more for now, and why; `None` when it does again.
    OutputWaits(Option<String>),
    /// What was asked of what is kept.
    Found(Box<inquiry::Finding>),
    /// How the captures stand.
    Capture(CaptureReport),
    /// What is silenced, and who has taken on what.
    Silences(Arc<silences::Silences>),
    /// A replay shows something else.
    Shown(Box<Shown>),
    /// How the player of a replay stands.
    Replay(Box<ReplayReport>),
    /// The input has ended and everything is judged; what it amounts to.
    Finished(Box<Summary>),
    /// The output can't be written; judging has stopped.
    OutputFailed {
        /// Why.
        why: String,
        /// Whoever read the output has gone: no fault.
        closed: bool,
    },
}

/// How an engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineReport {
    /// Which.
    pub kind: EngineKind,
    /// How.
    pub state: EngineState,
}

/// How an engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineState {
    /// The model is being loaded.
    Loading,
    /// It runs. The label names backend and model; the warnings say why it is not the one that was asked for.
    Running {
        /// For the header.
        label: String,
        /// One line each.
        warnings: Vec<String>,
    },
    /// It failed on a record.
    Failed(Arc<str>),
}

/// How a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceReport {
    /// As the user named it.
    pub name: Arc<str>,
    /// What it does.
    pub state: SourceState,
    /// Bytes read.
    pub read: u64,
    /// Bytes that are there and not read yet.
    pub behind: u64,
    /// When this was taken, by the wall clock.
    pub at: Timestamp,
}

/// What the lines of a source were found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatReport {
    /// The source, as the user named it.
    pub source: Arc<str>,
    /// What was chosen, and why.
    pub choice: Arc<Choice>,
}

/// What a source does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceState {
    /// It is not there, or can't be read, and is tried again; and why.
    Waiting(String),
    /// There is more to read.
    Reading,
    /// Everything that is there was read; more may come.
    Following,
    /// It has ended.
    Ended,
    /// It can't be read and is not tried again; and why.
    Failed(String),
}

/// How the stages and the rules fare.
#[derive(Debug, Clone)]
pub struct HealthReport {
    /// One a stage, in the order of the way.
    pub stages: Vec<StageReport>,
    /// The embedding pool.
    pub pool: PoolCounts,
    /// The rules in force.
    pub rules: Arc<RuleSet>,
    /// How each has fared.
    pub counts: Vec<RuleCount>,
    /// Those that nothing can be said of.
    pub no_data: Vec<NoData>,
    /// What the drift engine watches.
    pub watched: Box<Watched>,
    /// Memory and disk.
    pub bounds: Vec<Bound>,
    /// Records judged.
    pub judged: u64,
    /// Those of them whose verdicts another instance has given.
    pub given: u64,
    /// What was sound and no record.
    pub skipped: Skipped,
    /// Event time of the newest record judged.
    pub event: Option<Timestamp>,
    /// When the last checkpoint was made; `None` without checkpoints.
    pub checkpoint: Option<Timestamp>,
    /// When this was taken.
    pub at: Timestamp,
}

/// A rule of which nothing can be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoData {
    /// Index of the rule.
    pub rule: usize,
    /// Why, in words: "latncy_ms never seen, did you mean `latency_ms`?".
    pub why: String,
}

/// Which rules are in force.
#[derive(Debug, Clone)]
pub struct RulesReport {
    /// They.
    pub rules: Arc<RuleSet>,
    /// What is wrong with the newer version that is not in force.
    pub fault: Option<String>,
    /// What has changed, if that has just happened.
    pub change: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// A queue between two stages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageReport {
    /// What waits for.
    pub name: &'static str,
    /// Batches waiting.
    pub depth: usize,
    /// Batches that may wait.
    pub capacity: usize,
    /// Batches that went through.
    pub passed: u64,
    /// Batches that were dropped.
    pub dropped: u64,
    /// Time that those that went through have waited, µs, all together.
    pub waited_us: u64,
    /// Senders that wait for room.
    pub blocked: usize,
}

/// Something that is bounded, and how much of it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// What.
    pub name: &'static str,
    /// How much of it.
    pub used: u64,
    /// How much at most; `None` where nothing bounds it.
    pub most: Option<u64>,
    /// It is counted in bytes.
    pub bytes: bool,
}

/// How the captures stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CaptureReport {
    /// The capture that the operator, or the command line, has begun.
    pub own: Option<Capturing>,
    /// The one that a rule has begun.
    pub of_rule: Option<Capturing>,
    /// Captures that have ended.
    pub ended: u64,
    /// Why nothing more is captured.
    pub stopped: Option<String>,
}

/// A capture that is being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capturing {
    /// Where.
    pub path: PathBuf,
    /// Bytes so far.
    pub bytes: u64,
    /// Records so far.
    pub records: u64,
    /// With prompts and answers.
    pub text: bool,
}
