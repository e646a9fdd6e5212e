//! What the tests in a rule file say. They are run by `engine::constraints::testing`.

use std::fmt;
use std::sync::Arc;

use crate::record::Record;
use crate::verdict::Severity;
use crate::yaml::Place;

/// A test: records in order, and what is expected after some of them.
#[derive(Debug, Clone)]
pub struct Test {
    /// For people.
    pub name: String,
    /// The records. What the engines would have found stands in them as fields (`divergence.risk`, …).
    pub given: Vec<Arc<Record>>,
    /// By record: what is expected of which rules.
    pub expect: Vec<Vec<Expectation>>,
    /// The file: an index of [`super::RuleSet::files`].
    pub file: usize,
}

impl PartialEq for Test {
    fn eq(&self, other: &Self) -> bool {
        let raw = |test: &Self| test.given.iter().map(|record| record.raw.clone()).collect::<Vec<_>>();
        self.name == other.name && self.expect == other.expect && raw(self) == raw(other)
    }
}

/// What is expected of one rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// Index of the rule.
    pub rule: usize,
    /// What.
    pub outcome: Outcome,
    /// Where it stands in the file.
    pub place: Place,
}

/// What a rule says of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is violated, and the worst violation is this severe.
    Violated(Severity),
    /// It holds.
    Ok,
    /// A field that it needs is not there, or its window has not enough.
    Missing,
    /// It has no value.
    Error,
    /// It would be violated, but for an exception.
    Excepted,
    /// It is violated, and has not been for long enough.
    Pending,
}

impl Outcome {
    /// All, with their words.
    pub const ALL: [(&str, Self); 8] = [
        ("info", Self::Violated(Severity::Info)),
        ("warning", Self::Violated(Severity::Warning)),
        ("critical", Self::Violated(Severity::Critical)),
        ("ok", Self::Ok),
        ("missing", Self::Missing),
        ("error", Self::Error),
        ("excepted", Self::Excepted),
        ("pending", Self::Pending),
    ];
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::ALL.iter().find(|(_, outcome)| outcome == self).map_or("", |(word, _)| word);
        f.pad(word)
    }
}
