//! From a record to numbered slots, once for all rules.

use crate::engine::Evidence;
use crate::record::{Name, Record};
use crate::rules::RuleSet;

/// One record as slots. Names of fields carry dense numbers, so that a known field finds its slots by an index.
pub(super) struct Projection {
    /// Per name id: its range in `targets`, once looked up.
    number_targets: Targets,
    text_targets: Targets,
    /// First value of each slot; NaN where there is none.
    pub numbers: Vec<f64>,
    /// Index of the field that filled each slot first.
    order: Vec<usize>,
    /// Every (slot, index of the field), in the record's order.
    pub pairs: Vec<(usize, usize)>,
    /// Index of the label that filled each slot first.
    pub texts: Vec<Option<usize>>,
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
        }
    }

    pub fn project(&mut self, rules: &RuleSet, record: &Record) {
        self.numbers.fill(f64::NAN);
        self.order.fill(usize::MAX);
        self.texts.fill(None);
        self.pairs.clear();
        for (field, (name, value)) in record.numbers.iter().enumerate() {
            for slot in self.number_targets.of(name, |name| rules.number_slots(name)) {
                self.pairs.push((*slot, field));
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
        self.set(rules, "samples.n", Some(record.samples.len() as f64));
    }

    fn set(&mut self, rules: &RuleSet, path: &str, value: Option<f64>) {
        for slot in rules.numbers.of(path) {
            self.numbers[*slot] = value.unwrap_or(f64::NAN);
        }
    }

    /// Fills in what the engines have found by now.
    pub fn add_found(&mut self, rules: &RuleSet, evidence: &Evidence<'_>) {
        if rules.numbers.is_empty() {
            return;
        }
        let d = &evidence.divergence;
        self.set(rules, "divergence.risk", d.risk);
        self.set(rules, "divergence.semantic", d.semantic);
        self.set(rules, "divergence.answer", d.answer);
        self.set(rules, "divergence.lexical", d.lexical);
        self.set(rules, "divergence.facts", d.facts);
        self.set(rules, "divergence.entropy", d.entropy);
        self.set(rules, "divergence.outlier", d.outlier.map(|index| index as f64));
        self.set(rules, "confidence.score", evidence.confidence.and_then(|c| c.score));
        for slot in 0..rules.numbers.len() {
            let name = rules.numbers.name(slot);
            if let Some(series) = name.strip_prefix("drift.").and_then(|rest| rest.strip_suffix(".score")) {
                let report = evidence.drift.iter().find(|report| &*report.series == series);
                self.numbers[slot] = report.map_or(f64::NAN, |report| report.score);
            }
        }
    }

    pub fn order_of(&self, slot: usize) -> usize {
        self.order[slot]
    }

    pub fn labels<'a>(&self, record: &'a Record) -> Vec<Option<&'a str>> {
        self.texts.iter().map(|label| label.map(|index| &*record.labels[index].1)).collect()
    }
}
