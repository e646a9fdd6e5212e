//! The compiled rules: immutable, shared, swapped as a whole.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::expr::program::{Bit, Num, TextList};
use super::expr::{Layout, Machine, Program};
use super::message::Template;
use super::slots::{Findings, SlotMap};
use super::unit_test::Test;
use crate::humanize;
use crate::verdict::Severity;
use crate::yaml::Diagnostic;

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
        match path.split(['.', '[']).next() {
            Some("divergence") if path.len() > 10 => Self::Divergence,
            Some("drift") if path.len() > 5 => Self::Drift,
            Some("confidence") if path.len() > 10 => Self::Confidence,
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
    /// Paths that it only asks for with `has()`: that they never come is nothing to wonder about.
    pub optional: Vec<String>,
    /// What it checks.
    pub check: Check,
    /// The window whose value it checks.
    pub window: Option<WindowSpec>,
    /// How long a breach must last before it counts (`for`).
    pub hold: Duration,
    /// How long it is shown as firing after its last breach.
    pub keep_firing: Duration,
    /// How long it keeps quiet after it fired: notifications and the pane only.
    pub cooldown: Duration,
    /// It is counted and charted, and never acts.
    pub shadow: bool,
    /// Who is exempt, and until when.
    pub exceptions: Vec<Exception>,
    /// Names of targets.
    pub notify: Vec<String>,
    /// Records to keep before and after a breach.
    pub capture: Option<(u64, u64)>,
    /// What it says, without the layout of its file: equal for equal rules, whatever else the file says.
    pub fingerprint: u64,
    /// The file it is from: an index of [`RuleSet::files`].
    pub file: usize,
}

/// What a rule checks.
#[derive(Debug, Clone, PartialEq)]
pub enum Check {
    /// Numbers against the bounds in [`RuleSet::limits`] and the steps in [`RuleSet::steps`].
    Limit,
    /// A label against a list.
    Words(Words),
    /// A number against a list.
    Values(Values),
    /// An expression.
    Condition(Box<Condition>),
}

/// A label against a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Words {
    /// Slot of the label.
    pub slot: usize,
    /// The words.
    pub words: TextList,
    /// Whether the label must be among them (`one_of`) or must not (`not_in`).
    pub allowed: bool,
}

/// A number against a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    /// Slot of the number.
    pub slot: usize,
    /// The numbers, in the order of the file.
    pub values: Vec<f64>,
    /// Whether the number must be among them (`one_of`) or must not (`not_in`).
    pub allowed: bool,
}

/// An expression that must hold (`require`), or must not (`alert_if`).
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The expression.
    pub program: Program,
    /// Its text.
    pub text: String,
    /// Whether it must hold.
    pub must_hold: bool,
    /// The comparisons that can be what breaches it, in the order of the text.
    pub about: Vec<About>,
    /// The first field it names, to report when no comparison is at fault.
    pub field: Arc<str>,
    /// Its slot.
    pub slot: Option<usize>,
}

/// A field that is compared with something.
#[derive(Debug, Clone, PartialEq)]
pub struct About {
    /// The field.
    pub field: Arc<str>,
    /// Its slot.
    pub slot: usize,
    /// The comparison's truth.
    pub bit: Bit,
    /// What that truth is when the comparison is at fault.
    pub at_fault: bool,
    /// How the fault reads, from the field's side.
    pub sign: &'static str,
    /// What it is compared with.
    pub other: Num,
    /// The text of what it is compared with, unless that is a plain number.
    pub other_text: Option<String>,
}

/// Who is exempt from a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Exception {
    /// On which records.
    pub when: Program,
    /// The condition as it is written.
    pub text: String,
    /// The first moment at which it is over.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: String,
}

/// What a window says of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Agg {
    Count,
    Rate,
    Mean,
    Min,
    Max,
    P50,
    P95,
    P99,
    Stddev,
    Ratio,
    Distinct,
}

impl Agg {
    /// All, with their names.
    pub const ALL: [(&str, Self); 11] = [
        ("count", Self::Count),
        ("rate", Self::Rate),
        ("mean", Self::Mean),
        ("min", Self::Min),
        ("max", Self::Max),
        ("p50", Self::P50),
        ("p95", Self::P95),
        ("p99", Self::P99),
        ("stddev", Self::Stddev),
        ("ratio", Self::Ratio),
        ("distinct", Self::Distinct),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, agg)| *agg == self).map_or("", |(name, _)| name)
    }
}

/// How far a window reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// So long, by event time.
    Over(Duration),
    /// So many records.
    Last(usize),
}

/// A window.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowSpec {
    /// What it says of its values.
    pub agg: Agg,
    /// Slots of the field whose values it holds, as a number and as a label.
    pub field: Option<(usize, usize)>,
    /// The field as it is written.
    pub path: String,
    /// Which records go into it; for a ratio, which are counted.
    pub when: Option<Box<Program>>,
    /// How far it reaches.
    pub reach: Reach,
    /// One window for each combination of these: slots of the number, of the label, and the name.
    pub by: Vec<(usize, usize, String)>,
    /// Values before it has a value.
    pub min_count: usize,
    /// Slot of its value.
    pub value: usize,
}

impl WindowSpec {
    /// What its value is: "p95 of latency_ms over 1m".
    pub fn in_words(&self) -> String {
        let of = if self.path.is_empty() { String::new() } else { format!(" of {}", self.path) };
        let reach = match self.reach {
            Reach::Over(span) => format!("over {}", humanize::span(span).replace(" 00s", "")),
            Reach::Last(records) => format!("of the last {records}"),
        };
        format!("{}{of} {reach}", self.agg.name())
    }
}

/// The bounds of one number.
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
            // A bound that was not given is infinite: it excludes nothing, infinities included.
            match (below && low > f64::NEG_INFINITY, above && high < f64::INFINITY) {
                (true, _) => Some(Breach { limit: low, below: true, warning }),
                (_, true) => Some(Breach { limit: high, below: false, warning }),
                _ => None,
            }
        };
        out(self.low, self.high, false).or_else(|| out(self.warn_low, self.warn_high, true))
    }

    /// The values that breach nothing, bounds included: a closed interval, whatever the bounds are.
    pub fn sound(&self) -> (f64, f64) {
        let (low, high) = (self.low.max(self.warn_low), self.high.min(self.warn_high));
        if !self.exclusive {
            return (low, high);
        }
        (if low.is_finite() { low.next_up() } else { low }, if high.is_finite() { high.next_down() } else { high })
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

/// A rule file that the rules are from.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleFile {
    /// As it was named.
    pub name: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
}

/// All rules in force.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSet {
    /// `sha256:` and the hash of the files' texts.
    pub revision: Arc<str>,
    /// The files.
    pub files: Vec<RuleFile>,
    /// The rules, in the order of the files.
    pub rules: Vec<Rule>,
    /// Ids of rules that are switched off.
    pub disabled: Vec<String>,
    /// Bounds, those of one rule together.
    pub limits: Vec<Limit>,
    /// Largest steps.
    pub steps: Vec<Step>,
    /// Numbers.
    pub numbers: SlotMap,
    /// Labels.
    pub texts: SlotMap,
    /// What the engines find.
    pub findings: Findings,
    /// Registers of all programs.
    pub layout: Layout,
    /// The files' own tests.
    pub tests: Vec<Test>,
    /// What is no fault and should be known: keys that do not act yet, fields that are probably misspelt.
    pub notes: Vec<Diagnostic>,
}

impl RuleSet {
    /// Whether what a rule says of a record depends on those before it.
    pub fn remembers(&self, rule: &Rule) -> bool {
        let steps = || self.steps.iter().any(|step| self.rules[step.rule].id == rule.id);
        rule.window.is_some() || !rule.hold.is_zero() || steps()
    }

    /// A rule set without rules.
    pub fn empty() -> Self {
        Self {
            revision: "none".into(),
            files: Vec::new(),
            rules: Vec::new(),
            disabled: Vec::new(),
            limits: Vec::new(),
            steps: Vec::new(),
            numbers: SlotMap::default(),
            texts: SlotMap::default(),
            findings: Findings::default(),
            layout: Layout::default(),
            tests: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The first seven digits of the revision, for the screen.
    pub fn short_revision(&self) -> &str {
        let hash = self.revision.strip_prefix("sha256:").unwrap_or(&self.revision);
        &hash[..hash.len().min(7)]
    }

    /// The rule with this id, and its index.
    pub fn find(&self, id: &str) -> Option<(usize, &Rule)> {
        self.rules.iter().enumerate().find(|(_, rule)| &*rule.id == id)
    }

    /// All programs.
    pub fn programs(&self) -> impl Iterator<Item = &Program> {
        self.rules.iter().flat_map(|rule| {
            let condition = match &rule.check {
                Check::Condition(condition) => Some(&condition.program),
                _ => None,
            };
            let when = rule.window.as_ref().and_then(|window| window.when.as_deref());
            condition.into_iter().chain(when).chain(rule.exceptions.iter().map(|exception| &exception.when))
        })
    }

    /// Registers for all its programs.
    pub fn machine(&self) -> Machine {
        Machine::new(self.numbers.len(), self.texts.len(), self.layout, self.programs())
    }

    /// Whether any rule looks at more than one record's time.
    pub fn has_windows(&self) -> bool {
        self.rules.iter().any(|rule| rule.window.is_some())
    }

    /// Whether any rule asks what time it is.
    pub fn needs_time(&self) -> bool {
        self.rules.iter().any(|rule| rule.window.is_some() || !rule.hold.is_zero() || !rule.exceptions.is_empty())
    }

    /// The fields that a rule reads, by name, without those it only asks for with `has()`.
    pub fn fields_of<'a>(&'a self, rule: &'a Rule) -> Vec<&'a Arc<str>> {
        let numbers = rule.numbers.iter().map(|slot| self.numbers.name(*slot));
        let texts = rule.texts.iter().map(|slot| self.texts.name(*slot));
        let mut names: Vec<&Arc<str>> = Vec::new();
        for name in numbers.chain(texts) {
            if !names.contains(&name) && !rule.optional.iter().any(|path| **path == **name) && &**name != "key" {
                names.push(name);
            }
        }
        names
    }

    /// The same rules without those that `keep` refuses; what they read keeps its slots.
    pub fn subset(&self, keep: impl Fn(usize, &Rule) -> bool) -> Self {
        let mut index_of = vec![usize::MAX; self.rules.len()];
        let mut set = Self { rules: Vec::new(), ..self.clone() };
        for (index, rule) in self.rules.iter().enumerate().filter(|(index, rule)| keep(*index, rule)) {
            index_of[index] = set.rules.len();
            set.rules.push(rule.clone());
        }
        let kept = |rule: usize| index_of[rule] != usize::MAX;
        set.limits.retain(|limit| kept(limit.rule));
        set.limits.iter_mut().for_each(|limit| limit.rule = index_of[limit.rule]);
        set.steps.retain(|step| kept(step.rule));
        set.steps.iter_mut().for_each(|step| step.rule = index_of[step.rule]);
        set
    }
}
