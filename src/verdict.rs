//! The verdict: what was found on one record, and what is advised.

pub mod divergence;
mod drift;
pub mod json;
pub mod policy;
pub mod read;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::record::{Origin, Record, Seq};

pub use divergence::{Basis, Contradiction, Divergence};
pub use drift::{Direction, DriftReport, DriftState, Moved};

/// The three engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EngineKind {
    /// Divergence of the samples.
    Embedding,
    /// Rules.
    Constraints,
    /// Change of behaviour.
    Drift,
}

impl EngineKind {
    /// The engine's name on the screen and in errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::Embedding => "embedding",
            Self::Constraints => "constraints",
            Self::Drift => "drift",
        }
    }
}

/// How far an engine got with a record. A score that was not computed is never zero: it is one of the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Everything was computed.
    Scored,
    /// Only what is cheap was computed, and why.
    Partial(Arc<str>),
    /// There was nothing to compute, and why.
    Skipped(Arc<str>),
    /// It should have been computed and was not, and why.
    Failed(Arc<str>),
}

impl Outcome {
    /// The contract's word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Scored => "scored",
            Self::Partial(_) => "partial",
            Self::Skipped(_) => "skipped",
            Self::Failed(_) => "failed",
        }
    }

    /// Why it is not `Scored`.
    pub fn why(&self) -> Option<&Arc<str>> {
        match self {
            Self::Scored => None,
            Self::Partial(why) | Self::Skipped(why) | Self::Failed(why) => Some(why),
        }
    }
}

/// How bad the breach of a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Worth a note; counts for nothing.
    Info,
    /// Worth a look.
    Warning,
    /// Must not pass.
    Critical,
}

impl Severity {
    /// All, mildest first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];

    /// The contract's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// One step milder: what a `warn_*` bound of a rule has.
    pub fn below(self) -> Self {
        if self == Self::Critical { Self::Warning } else { Self::Info }
    }
}

/// A value that was found in a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Observed {
    /// A number.
    Number(f64),
    /// A label.
    Text(Arc<str>),
    /// Nothing stood there.
    Missing,
}

/// Whether a violation counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ViolationState {
    /// In force.
    Firing,
    /// Inside the rule's `for`.
    Pending,
    /// The rule has no value on this record.
    Error,
    /// Of a rule in shadow mode: counted and charted, and never more.
    Shadow,
}

impl ViolationState {
    /// All.
    pub const ALL: [Self; 4] = [Self::Firing, Self::Pending, Self::Error, Self::Shadow];

    /// The contract's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Pending => "pending",
            Self::Error => "error",
            Self::Shadow => "shadow",
        }
    }
}

/// A rule and the field that breached it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    /// The rule's id.
    pub rule: Arc<str>,
    /// Severity of this breach.
    pub severity: Severity,
    /// The breached field; empty for a rule without one.
    pub field: Arc<str>,
    /// What happened, in words.
    pub message: String,
    /// What was found.
    pub observed: Observed,
    /// The bound, if the rule has one.
    pub limit: Option<f64>,
    /// Whether it counts.
    pub state: ViolationState,
    /// Whose silence mutes it (`who#id`): nobody is told of it, and it counts all the same.
    pub silenced_by: Option<Arc<str>>,
}

impl Violation {
    /// 100·|observed − limit| / |limit|; `None` without a limit, without a number, or with limit 0.
    pub fn over_pct(&self) -> Option<f64> {
        match (&self.observed, self.limit) {
            (Observed::Number(observed), Some(limit)) if limit != 0.0 => {
                let pct = 100.0 * (observed - limit).abs() / limit.abs();
                pct.is_finite().then_some(pct)
            }
            _ => None,
        }
    }

    /// 1 below 25 % over, 2 below 100 %, else 4; by severity where there is no percentage.
    pub fn weight(&self) -> u8 {
        match (self.over_pct(), self.severity) {
            (Some(pct), _) if pct < 25.0 => 1,
            (Some(pct), _) if pct < 100.0 => 2,
            (Some(_), _) => 4,
            (None, Severity::Info) => 1,
            (None, Severity::Warning) => 2,
            (None, Severity::Critical) => 4,
        }
    }

    /// Whether confidence, severity and action count it.
    pub fn counts(&self) -> bool {
        self.severity > Severity::Info && self.state == ViolationState::Firing
    }
}

/// How much the answer can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// Nothing speaks against it.
    Green,
    /// Something does.
    Yellow,
    /// Much does.
    Red,
    /// Nothing was compared.
    Unscored,
}

impl Level {
    /// All, best first.
    pub const ALL: [Self; 4] = [Self::Green, Self::Yellow, Self::Red, Self::Unscored];

    /// The contract's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Green => "GREEN",
            Self::Yellow => "YELLOW",
            Self::Red => "RED",
            Self::Unscored => "UNSCORED",
        }
    }
}

/// Confidence in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Confidence {
    /// In [0, 1]; `None` when nothing was compared.
    pub score: Option<f64>,
    /// The band that the score falls into.
    pub level: Level,
}

/// What is advised. watcher stops nothing by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Action {
    /// Let it run.
    Allow,
    /// Let it run, but the validation was slow.
    Caution,
    /// A person should look first.
    Review,
    /// It must not run.
    Block,
}

impl Action {
    /// All, mildest first.
    pub const ALL: [Self; 4] = [Self::Allow, Self::Caution, Self::Review, Self::Block];

    /// The contract's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Allow => "ALLOW",
            Self::Caution => "CAUTION",
            Self::Review => "REVIEW",
            Self::Block => "BLOCK",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// The action and the status code that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// What is advised.
    pub action: Action,
    /// In the manner of HTTP.
    pub status_code: u16,
}

/// What the record cost watcher itself, µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Timing {
    /// From reading the line to the start of its judgement, less the embedding.
    pub queue: u64,
    /// Time of its texts in the embedder.
    pub embedding: u64,
    /// Rules.
    pub constraints: u64,
    /// Drift.
    pub drift: u64,
    /// From reading the line to the verdict.
    pub total: u64,
}

/// The verdict on one record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Verdict {
    /// Place in the order of judgement.
    pub seq: Seq,
    /// The record's identity.
    pub id: Arc<str>,
    /// Event time; in live mode the time of reading where the record has none.
    pub ts: Option<Timestamp>,
    /// The time that it was judged at: that, or the last that is known of its source. Not written.
    pub at: Option<Timestamp>,
    /// Where the record stood.
    pub origin: Origin,
    /// Group key.
    pub key: Arc<str>,
    /// What is advised.
    pub advice: Advice,
    /// How far the answer can be relied on.
    pub confidence: Confidence,
    /// Disagreement of the samples.
    pub divergence: Divergence,
    /// Breached rules, in the order of the record's fields.
    pub violations: Vec<Violation>,
    /// Mean weight of the counting violations; 0 without any.
    pub severity: f64,
    /// Every watched series of this key.
    pub drift: Vec<DriftReport>,
    /// Cost.
    pub timing: Timing,
    /// Revision of the rule set, `sha256:…`.
    pub rules: Arc<str>,
}

impl Verdict {
    /// A verdict on a record that nothing was found on: no engine has looked at it.
    pub fn unjudged(record: &Record) -> Self {
        Self {
            seq: record.seq,
            id: Arc::clone(&record.id),
            ts: record.ts,
            at: record.ts,
            origin: record.origin.clone(),
            key: Arc::clone(&record.key),
            advice: Advice { action: Action::Allow, status_code: 200 },
            confidence: Confidence { score: None, level: Level::Unscored },
            divergence: Divergence::none(Outcome::Skipped("disabled".into()), "none".into()),
            violations: Vec::new(),
            severity: 0.0,
            drift: Vec::new(),
            timing: Timing::default(),
            rules: "none".into(),
        }
    }

    /// The worst severity among the violations that fire.
    pub fn worst(&self) -> Option<Severity> {
        self.violations.iter().filter(|v| v.state == ViolationState::Firing).map(|v| v.severity).max()
    }

    /// Bytes of memory this verdict holds on to, roughly.
    pub fn footprint(&self) -> usize {
        let messages: usize = self.violations.iter().map(|v| v.message.capacity() + 16).sum();
        let lists =
            self.violations.capacity() * size_of::<Violation>() + self.drift.capacity() * size_of::<DriftReport>();
        // The two lists and the verdict itself are allocations of their own.
        size_of::<Self>() + messages + lists + self.divergence.cosines.capacity() * size_of::<f32>() + 64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(observed: f64, limit: Option<f64>) -> Violation {
        Violation {
            rule: "r".into(),
            severity: Severity::Critical,
            field: "f".into(),
            message: String::new(),
            observed: Observed::Number(observed),
            limit,
            state: ViolationState::Firing,
            silenced_by: None,
        }
    }

    #[test]
    fn weight_follows_the_distance_from_the_limit() {
        assert_eq!((violation(124.0, Some(100.0)).over_pct(), violation(124.0, Some(100.0)).weight()), (Some(24.0), 1));
        assert_eq!(violation(125.0, Some(100.0)).weight(), 2);
        assert_eq!(violation(200.0, Some(100.0)).weight(), 4);
        assert_eq!((violation(-1.0, Some(0.0)).over_pct(), violation(-1.0, Some(0.0)).weight()), (None, 4));
        assert_eq!(violation(-1.0, None).weight(), 4);
    }
}
