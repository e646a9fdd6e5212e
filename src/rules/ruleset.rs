//! The compiled rules: immutable, shared, swapped as a whole.

use std::sync::Arc;

use foldhash::HashMap;

use super::expr::Expr;
use super::message::Template;
use crate::record::Name;
use crate::verdict::Severity;

/// When a rule is evaluated: it follows from the fields it reads (contract, order of judgement).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Reads only the record.
    Record,
    /// Reads `divergence.*`.
    Divergence,
    /// Reads `drift.*`.
    Drift,
    /// Reads `confidence.score`.
    Confidence,
}

impl Stage {
    /// All, in order.
    pub const ALL: [Self; 4] = [Self::Record, Self::Divergence, Self::Drift, Self::Confidence];

    /// The stage from which on a field can be read.
    pub fn of(path: &str) -> Self {
        match path.split('.').next() {
            Some("divergence") if path.contains('.') => Self::Divergence,
            Some("drift") if path.contains('.') => Self::Drift,
            Some("confidence") if path.contains('.') => Self::Confidence,
            _ => Self::Record,
        }
    }
}

/// What a rule says when a field it needs is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Nothing.
    Skip,
    /// A warning.
    Warn,
    /// A breach.
    Violate,
}

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Unique, kebab-case.
    pub id: Arc<str>,
    /// For people.
    pub desc: String,
    /// Severity of a breach.
    pub severity: Severity,
    /// For people and filters.
    pub tags: Vec<String>,
    /// The text of a violation, if the rule has its own.
    pub message: Option<Template>,
    /// What happens without data.
    pub missing: Missing,
    /// When it is evaluated.
    pub stage: Stage,
    /// Unit of its bounds, for people.
    pub unit: String,
    /// Slots of the numbers it reads.
    pub numbers: Vec<usize>,
    /// Slots of the labels it reads.
    pub texts: Vec<usize>,
    /// What it checks.
    pub check: Check,
}

/// What a rule checks.
#[derive(Debug, Clone, PartialEq)]
pub enum Check {
    /// A number against bounds: the work is in [`RuleSet::limits`].
    Limit,
    /// A number against its predecessor, in [`RuleSet::steps`]; the rule may have bounds too.
    Words(Words),
    /// An expression that must hold.
    Require(Box<Requirement>),
}

/// A label against a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Words {
    /// Slot of the label.
    pub slot: usize,
    /// The words.
    pub words: Vec<Box<str>>,
    /// Whether the label must be among them (`one_of`) or must not (`not_in`).
    pub allowed: bool,
}

/// An expression that must hold, and what of it to report.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirement {
    /// The expression.
    pub expr: Expr,
    /// Its text.
    pub text: String,
    /// The field to report: the one that is compared, else the first named.
    pub field: Arc<str>,
    /// Its slot.
    pub slot: Option<usize>,
    /// What it is compared with.
    pub limit: Option<Expr>,
    /// How a breach reads: the opposite of the comparison, from the field's side.
    pub breached: &'static str,
    /// The text of what it is compared with, unless that is a plain number.
    pub other: Option<String>,
}

/// The bounds of one number: a row of the flat table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// Slot of the number.
    pub slot: usize,
    /// Index of the rule.
    pub rule: usize,
    /// Smallest allowed value.
    pub low: f64,
    /// Largest allowed value.
    pub high: f64,
    /// Smallest value without a warning.
    pub warn_low: f64,
    /// Largest value without a warning.
    pub warn_high: f64,
    /// The bounds themselves are not allowed.
    pub exclusive: bool,
}

/// A breached bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Breach {
    /// The bound.
    pub limit: f64,
    /// Below the lower bound, not above the upper.
    pub below: bool,
    /// Only the `warn_*` bound.
    pub warning: bool,
}

impl Limit {
    /// The bound that `value` breaches, the hard ones first.
    pub fn breach(&self, value: f64) -> Option<Breach> {
        let out = |low: f64, high: f64, warning: bool| {
            let (below, above) =
                if self.exclusive { (value <= low, value >= high) } else { (value < low, value > high) };
            match (below, above) {
                (true, _) => Some(Breach { limit: low, below: true, warning }),
                (_, true) => Some(Breach { limit: high, below: false, warning }),
                _ => None,
            }
        };
        out(self.low, self.high, false).or_else(|| out(self.warn_low, self.warn_high, true))
    }
}

/// The largest allowed change of a number against the key's previous record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Slot of the number.
    pub slot: usize,
    /// Index of the rule.
    pub rule: usize,
    /// Largest allowed |change|.
    pub max: f64,
}

/// Slots and the paths that fill them. A path may fill several (its own, and those of aliases), and a slot may be
/// filled from several paths (an alias).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SlotMap {
    by_path: HashMap<Arc<str>, Vec<usize>>,
    names: Vec<Arc<str>>,
    first_paths: Vec<Arc<str>>,
}

impl SlotMap {
    /// The slot called `name`, filled from `paths`; made if there is none.
    pub fn slot(&mut self, name: &str, paths: &[String]) -> usize {
        if let Some(slot) = self.names.iter().position(|held| &**held == name) {
            return slot;
        }
        let slot = self.names.len();
        self.names.push(name.into());
        self.first_paths.push(paths.first().map_or(name, String::as_str).into());
        for path in paths {
            self.by_path.entry(path.as_str().into()).or_default().push(slot);
        }
        slot
    }

    /// The slots that a path fills.
    pub fn of(&self, path: &str) -> &[usize] {
        self.by_path.get(path).map_or(&[], Vec::as_slice)
    }

    /// The same, with the path as the map keeps it.
    pub fn entry(&self, path: &str) -> Option<(&Arc<str>, &[usize])> {
        self.by_path.get_key_value(path).map(|(path, slots)| (path, slots.as_slice()))
    }

    /// The first of the paths that fill a slot: what to call it when none of them is there.
    pub fn first_path(&self, slot: usize) -> &Arc<str> {
        &self.first_paths[slot]
    }

    /// All paths that any slot is filled from.
    pub fn paths(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_path.keys()
    }

    /// The name of a slot.
    pub fn name(&self, slot: usize) -> &Arc<str> {
        &self.names[slot]
    }

    /// Number of slots.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether no rule reads anything.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// All rules in force.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSet {
    /// `sha256:` and the hash of the files' names and texts.
    pub revision: Arc<str>,
    /// The rules, in the order of the files.
    pub rules: Vec<Rule>,
    /// Bounds, sorted by slot.
    pub limits: Vec<Limit>,
    /// Per number slot: its rows of `limits`.
    pub limits_of: Vec<std::ops::Range<usize>>,
    /// Largest steps.
    pub steps: Vec<Step>,
    /// Numbers.
    pub numbers: SlotMap,
    /// Labels.
    pub texts: SlotMap,
}

impl RuleSet {
    /// A rule set without rules.
    pub fn empty() -> Self {
        Self {
            revision: "none".into(),
            rules: Vec::new(),
            limits: Vec::new(),
            limits_of: Vec::new(),
            steps: Vec::new(),
            numbers: SlotMap::default(),
            texts: SlotMap::default(),
        }
    }

    /// The first seven digits of the revision, for the screen.
    pub fn short_revision(&self) -> &str {
        let hash = self.revision.strip_prefix("sha256:").unwrap_or(&self.revision);
        &hash[..hash.len().min(7)]
    }

    /// The slots that a number of a record fills. What the engines find (`divergence.*`, …) cannot be forged by a record.
    pub fn number_slots(&self, name: &Name) -> &[usize] {
        if Stage::of(name.as_str()) == Stage::Record { self.numbers.of(name.as_str()) } else { &[] }
    }
}
