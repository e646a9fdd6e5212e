//! From a record to numbered slots, once for all rules.

use std::sync::Arc;

use crate::engine::Evidence;
use crate::record::{Name, Record};
use crate::rules::{RuleSet, Stage};

/// A number that a rule reads, and where it comes from.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub slot: usize,
    /// Index of the field among the record's numbers; `usize::MAX` for what was found.
    pub order: usize,
    /// Its path.
    pub field: Arc<str>,
    pub value: f64,
}

/// One record as slots. Names of fields carry dense numbers, so that a known field finds its slots by an index.
pub(super) struct Projection {
    number_targets: Targets,
    text_targets: Targets,
    /// First value of each slot; NaN where there is none.
    pub numbers: Vec<f64>,
    /// Index of the field that filled each slot first.
    order: Vec<usize>,
    /// Every number that a rule reads: those of the record in its order, then what was found.
    pub pairs: Vec<Pair>,
    /// Index of the label that filled each slot first.
    pub texts: Vec<Option<usize>>,
    found: Stage,
}

#[derive(Default)]
struct Targets {
    by_id: Vec<Option<Box<[usize]>>>,
}

impl Targets {
    fn of<'a>(&'a mut self, name: &Name, look_up: impl FnOnce(&Name) -> &'a [usize]) -> &'a [usize] {
        let Some(id) = name.id() else { return look_up(name) };
        if self.by_id.len() <= id {
            self.by_id.resize(id + 1, None);
        }
        self.by_id[id].get_or_insert_with(|| look_up(name).into())
    }
}

impl Projection {
    pub fn new(rules: &RuleSet) -> Self {
        Self {
            number_targets: Targets::default(),
            text_targets: Targets::default(),
            numbers: vec![f64::NAN; rules.numbers.len()],
            order: vec![usize::MAX; rules.numbers.len()],
            pairs: Vec::new(),
            texts: vec![None; rules.texts.len()],
            found: Stage::Record,
        }
    }

    pub fn project(&mut self, rules: &RuleSet, record: &Record) {
        self.numbers.fill(f64::NAN);
        self.order.fill(usize::MAX);
        self.texts.fill(None);
        self.pairs.clear();
        for (field, (name, value)) in record.numbers.iter().enumerate() {
            for slot in self.number_targets.of(name, |name| rules.number_slots(name)) {
                self.pairs.push(Pair { slot: *slot, order: field, field: Arc::clone(name.shared()), value: *value });
                if self.numbers[*slot].is_nan() {
                    self.numbers[*slot] = *value;
                    self.order[*slot] = field;
                }
            }
        }
        for (field, (name, _)) in record.labels.iter().enumerate() {
            for slot in self.text_targets.of(name, |name| rules.texts.of(name.as_str())) {
                self.texts[*slot].get_or_insert(field);
            }
        }
        self.found = Stage::Record;
        self.add(rules, "samples.n", Some(record.samples.len() as f64));
    }

    /// Adds what was found at `path`. Of several spellings the first that is there counts, as with fields of the record.
    fn add(&mut self, rules: &RuleSet, path: &str, value: Option<f64>) {
        let (Some((path, slots)), Some(value)) = (rules.numbers.entry(path), value) else { return };
        for slot in slots {
            self.pairs.push(Pair { slot: *slot, order: usize::MAX, field: Arc::clone(path), value });
            if self.numbers[*slot].is_nan() {
                self.numbers[*slot] = value;
            }
        }
    }

    /// Adds what the engines have found by `stage`, each finding once.
    pub fn add_found(&mut self, rules: &RuleSet, stage: Stage, evidence: &Evidence<'_>) {
        if rules.numbers.is_empty() {
            return;
        }
        let due = |at: Stage, before: Stage| at <= stage && at > before;
        let before = std::mem::replace(&mut self.found, stage);
        if due(Stage::Divergence, before) {
            let d = &evidence.divergence;
            self.add(rules, "divergence.risk", d.risk);
            self.add(rules, "divergence.semantic", d.semantic);
            self.add(rules, "divergence.answer", d.answer);
            self.add(rules, "divergence.lexical", d.lexical);
            self.add(rules, "divergence.facts", d.facts);
            self.add(rules, "divergence.entropy", d.entropy);
            self.add(rules, "divergence.outlier", d.outlier.map(|index| index as f64));
        }
        if due(Stage::Drift, before) {
            for path in rules.numbers.paths() {
                let series = path.strip_prefix("drift.").and_then(|rest| rest.strip_suffix(".score"));
                let report = series.and_then(|series| evidence.drift.iter().find(|r| &*r.series == series));
                self.add(rules, path, report.map(|report| report.score));
            }
        }
        if due(Stage::Confidence, before) {
            self.add(rules, "confidence.score", evidence.confidence.and_then(|c| c.score));
        }
    }

    pub fn order_of(&self, slot: usize) -> usize {
        self.order[slot]
    }

    pub fn labels<'a>(&self, record: &'a Record) -> Vec<Option<&'a str>> {
        self.texts.iter().map(|label| label.map(|index| &*record.labels[index].1)).collect()
    }
}
