//! What the screen wants to know of what is kept, and what is found. It is found out beside the screen, which never
//! waits for it; of each kind only the latest counts.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::analysis::chart::{Chart, Window};
use crate::analysis::contrast::Contrast;
use crate::analysis::series::SeriesReport;
pub use crate::engine::constraints::explain::{Explanation, Line};
use crate::history::{Row, View};
use crate::record::Seq;
use crate::rules::RuleSet;
use crate::rules::schema::Source;
pub use crate::rules::unit_test::Outcome as Says;

pub use crate::analysis::{chart, contrast, series, suggest};

/// A question about what is kept.
#[derive(Debug, Clone)]
pub enum Inquiry {
    /// Which records fit.
    Sift {
        /// Of which change of the filter.
        number: u64,
        /// The filter, as it was written.
        filter: Option<String>,
        /// Only of this key.
        key: Option<Arc<str>>,
        /// From this record on.
        from: Seq,
        /// Among these.
        view: View,
    },
    /// Latency, violations and a series over time.
    Chart {
        /// Of which change of the window.
        number: u64,
        /// When.
        window: Window,
        /// Points.
        columns: usize,
        /// Only of this key.
        key: Option<Arc<str>>,
        /// Key and name of the series.
        series: Option<(Arc<str>, Arc<str>)>,
        /// Of these.
        view: View,
    },
    /// What became of a series.
    Series {
        /// Whose.
        key: Arc<str>,
        /// Which.
        name: Arc<str>,
        /// In these.
        view: View,
    },
    /// Why the rules say of a record what they say.
    Explain {
        /// The record.
        row: Row,
        /// The rules.
        rules: Arc<RuleSet>,
        /// What came before it.
        view: View,
        /// That is all of it; if it is not, rules that remember are not explained.
        whole: bool,
    },
    /// What some records have that others have not.
    Differs {
        /// Which.
        which: Which,
        /// Among these.
        view: View,
    },
    /// What each rule costs.
    Costs {
        /// The rules.
        rules: Arc<RuleSet>,
        /// Records to measure with.
        view: View,
    },
    /// What rules that are being written are worth.
    Trial(Box<Trial>),
    /// Which bound would have fired at a rate.
    Suggest(Box<Suggest>),
    /// The rules that were written are to be put on the disk.
    Save(Box<Save>),
}

/// The records in question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// From this one on, against those before.
    Since(Seq, String),
    /// These, in order, against the others before them.
    Among(Vec<Seq>, String),
}

impl Which {
    /// What they are, in words.
    pub fn in_words(&self) -> &str {
        match self {
            Self::Since(_, words) | Self::Among(_, words) => words,
        }
    }
}

/// Rules that are being written, to be tried on what is kept.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Revision of the draft.
    pub revision: u64,
    /// The files as they would be.
    pub sources: Vec<Source>,
    /// The rules in force.
    pub base: Arc<RuleSet>,
    /// The rule in front.
    pub rule: Option<Arc<str>>,
    /// What is kept.
    pub view: View,
    /// Records that the operator has called right or wrong.
    pub labels: Arc<BTreeMap<Seq, bool>>,
    /// Bars of the sparklines.
    pub bars: usize,
}

/// What a bound is to be.
#[derive(Debug, Clone)]
pub struct Suggest {
    /// The files as they are being written.
    pub sources: Vec<Source>,
    /// The rule.
    pub rule: Arc<str>,
    /// Which of its bounds.
    pub bound: suggest::Bound,
    /// On what share of the records it should fire, in [0, 1].
    pub rate: f64,
    /// What is kept.
    pub view: View,
}

/// Files that are to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Save {
    /// Revision of the draft.
    pub revision: u64,
    /// Path, what it held when it was read, what it is to hold.
    pub files: Vec<(PathBuf, String, String)>,
    /// Why.
    pub reason: Option<String>,
}

/// What was found.
#[derive(Debug, Clone)]
pub enum Finding {
    /// Which records fit.
    Sifted(Sifted),
    /// Everything that has a time.
    Chart(u64, Arc<Chart>),
    /// A series.
    Series(Arc<SeriesReport>),
    /// A record.
    Explained(Arc<Explained>),
    /// What differs.
    Differs(Which, Arc<Contrast>),
    /// What rules cost.
    Costs(Arc<Costs>),
    /// What rules are worth.
    Trial(Arc<TrialReport>),
    /// A bound; `None` if nothing is known of the field.
    Suggested(Arc<str>, suggest::Bound, f64, Option<suggest::Suggestion>),
    /// What became of the files.
    Saved(u64, Result<(), NotSaved>),
}

/// What each rule costs a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Costs {
    /// Revision of the rules.
    pub revision: Arc<str>,
    /// Nanoseconds a record, one a rule.
    pub rules_ns: Vec<f64>,
    /// What all of them share: to take the record's numbers out, ns.
    pub shared_ns: f64,
    /// Records that were measured with.
    pub records: usize,
}

/// Which records fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sifted {
    /// Of which change of the filter.
    pub number: u64,
    /// Those that do, in order.
    pub fits: Vec<Seq>,
    /// The first that was not looked at.
    pub next: Seq,
    /// How many were looked at.
    pub looked: u64,
    /// What is wrong with the filter.
    pub fault: Option<String>,
}

/// What the rules say of a record, and where its answers differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// The record.
    pub seq: Seq,
    /// Revision of the rules.
    pub revision: Arc<str>,
    /// One a rule: those that fire first.
    pub rules: Vec<Explanation>,
    /// Bytes of each text that the others do not have, by words.
    pub words: Vec<Vec<std::ops::Range<usize>>>,
}

/// Why nothing was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotSaved {
    /// A file is not any more what was read: which, and what is different.
    Changed {
        /// The file.
        path: PathBuf,
        /// What it holds now; `None` if it is gone.
        now: Option<String>,
        /// The difference, as `diff -u` writes it.
        difference: String,
    },
    /// It can't be written, in words.
    Failed(String),
}

/// What rules that are being written are worth.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialReport {
    /// Revision of the draft.
    pub revision: u64,
    /// What is wrong with them; they can't be applied while anything is.
    pub faults: Vec<Fault>,
    /// They can be read as rules, so what they find was counted, whatever their own tests say.
    pub counted: bool,
    /// Tests in the files that hold, and how many there are.
    pub tests: (usize, usize),
    /// Records that were judged again.
    pub rows: u64,
    /// Event time of the first of them and of the last.
    pub span: Option<(Timestamp, Timestamp)>,
    /// One a rule that fires otherwise than before, or is new or gone.
    pub changes: Vec<RuleTrial>,
    /// The rule in front.
    pub front: Option<FrontTrial>,
    /// How long it took, µs.
    pub took_us: u64,
}

/// Something that is wrong in a rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Characters that are meant.
    pub width: usize,
    /// What.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

/// How a rule fares before and now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleTrial {
    /// The rule.
    pub rule: Arc<str>,
    /// Records on which it fired.
    pub before: u64,
    /// Records on which it fires.
    pub now: u64,
    /// Only now.
    pub new: u64,
    /// Only before.
    pub gone: u64,
}

/// The rule in front, in full.
#[derive(Debug, Clone, PartialEq)]
pub struct FrontTrial {
    /// How it fares.
    pub trial: RuleTrial,
    /// Records on which it is evaluated, and on which it has no value.
    pub evaluated: u64,
    /// Records on which it has no value.
    pub errors: u64,
    /// Firing records over time before, a bar each.
    pub bars_before: Vec<u64>,
    /// The same now.
    pub bars_now: Vec<u64>,
    /// The first records that differ: which, and whether it is new.
    pub first: Vec<(Seq, bool)>,
    /// Against what the operator called right or wrong, before.
    pub marked_before: Marked,
    /// The same now.
    pub marked_now: Marked,
}

/// How a rule agrees with the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marked {
    /// Records that it fires on and that were called wrong.
    pub hits: u64,
    /// Records that it fires on and that were called right.
    pub false_alarms: u64,
    /// Records that were called wrong.
    pub wrong: u64,
}

impl Marked {
    /// Share of the marked records that it fires on which were called wrong; `None` if it fires on no marked one.
    pub fn precision(self) -> Option<f64> {
        let of = self.hits + self.false_alarms;
        (of > 0).then(|| self.hits as f64 / of as f64)
    }
}
