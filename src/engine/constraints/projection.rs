//! From a record to numbered slots, once for all rules.

use std::sync::Arc;

use crate::engine::Evidence;
use crate::record::{Name, Record};
use crate::rules::expr::Machine;
use crate::rules::slots::{Finding, SlotMap};
use crate::rules::{RuleSet, Stage};

/// From here on a place is no field of the record but a finding of an engine.
const FOUND: usize = 1 << 40;

/// The place of the number of samples.
const SAMPLES: usize = FOUND - 1;

/// The place of a slot that is empty.
const NOWHERE: usize = usize::MAX;

/// A further number of a slot that is filled already.
#[derive(Debug, Clone, Copy)]
pub(super) struct Further {
    pub slot: usize,
    pub place: usize,
    pub value: f64,
}

/// One record as slots. Names of fields carry dense numbers, so that a known field finds its slots by an index.
pub(super) struct Projection {
    number_targets: Targets,
    text_targets: Targets,
    /// The registers; the first value of each slot counts.
    pub machine: Machine,
    /// Where the first value of each slot is from: the index of a field of the record, or a finding.
    place: Vec<usize>,
    /// Numbers beyond the first of a slot, in the order of the record.
    pub further: Vec<Further>,
    /// The same of labels: the slot, and the index of the label.
    pub further_labels: Vec<(usize, usize)>,
    found: Stage,
}

/// By the number of a name: which slots it fills.
#[derive(Default)]
struct Targets {
    /// Start and length in `slots`; a length of `UNKNOWN` was not looked up yet.
    by_id: Vec<(u32, u32)>,
    slots: Vec<usize>,
    /// Names that were seen, to find what a rule may have meant.
    names: Vec<Arc<str>>,
}

const UNKNOWN: u32 = u32::MAX;

/// Names of fields that are kept for that.
const MOST_NAMES: usize = 2_000;

impl Targets {
    #[inline]
    fn of<'a>(&'a mut self, name: &Name, map: &'a SlotMap) -> &'a [usize] {
        let Some(id) = name.id() else { return map.of_record(name.as_str()) };
        match self.by_id.get(id) {
            Some((_, 0)) => &[],
            Some((start, length)) if *length != UNKNOWN => &self.slots[*start as usize..(*start + *length) as usize],
            _ => self.look_up(id, name, map),
        }
    }

    #[cold]
    fn look_up<'a>(&'a mut self, id: usize, name: &Name, map: &'a SlotMap) -> &'a [usize] {
        if self.by_id.len() <= id {
            self.by_id.resize(id + 1, (0, UNKNOWN));
        }
        if self.names.len() < MOST_NAMES {
            self.names.push(Arc::clone(name.shared()));
        }
        let slots = map.of_record(name.as_str());
        let start = self.slots.len();
        self.slots.extend_from_slice(slots);
        self.by_id[id] = (start as u32, slots.len() as u32);
        &self.slots[start..]
    }
}

impl Projection {
    pub fn new(rules: &RuleSet) -> Self {
        Self {
            number_targets: Targets::default(),
            text_targets: Targets::default(),
            machine: rules.machine(),
            place: vec![NOWHERE; rules.numbers.len()],
            further: Vec::new(),
            further_labels: Vec::new(),
            found: Stage::Record,
        }
    }

    /// Takes in a record; `labels` says whether any rule reads one.
    pub fn project(&mut self, rules: &RuleSet, record: &Record) {
        self.machine.clear();
        self.further.clear();
        self.further_labels.clear();
        for (field, (name, value)) in record.numbers.iter().enumerate() {
            for slot in self.number_targets.of(name, &rules.numbers) {
                if self.machine.offer_number(*slot, *value) {
                    self.place[*slot] = field;
                } else {
                    self.further.push(Further { slot: *slot, place: field, value: *value });
                }
            }
        }
        if !rules.texts.is_empty() {
            for (field, (name, _)) in record.labels.iter().enumerate() {
                for slot in self.text_targets.of(name, &rules.texts) {
                    if self.machine.has_text(*slot) {
                        self.further_labels.push((*slot, field));
                    } else {
                        self.machine.set_label(*slot, field);
                    }
                }
            }
            rules.findings.key.iter().for_each(|slot| self.machine.set_key(*slot));
        }
        self.found = Stage::Record;
        for slot in &rules.findings.samples {
            self.machine.numbers[*slot] = record.samples.len() as f64;
            self.place[*slot] = SAMPLES;
        }
    }

    /// Adds what was found. Of several spellings the first that is there counts, as with fields of the record.
    fn add(&mut self, slots: &[usize], place: usize, value: Option<f64>) {
        let Some(value) = value.filter(|value| !value.is_nan()) else { return };
        for slot in slots {
            if self.machine.offer_number(*slot, value) {
                self.place[*slot] = place;
            } else {
                self.further.push(Further { slot: *slot, place, value });
            }
        }
    }

    /// Adds what the engines have found by `stage`, each finding once.
    pub fn add_found(&mut self, rules: &RuleSet, stage: Stage, evidence: &Evidence<'_>) {
        let before = std::mem::replace(&mut self.found, stage);
        let due = |at: Stage| at <= stage && at > before;
        for (index, (finding, _, slots)) in rules.findings.numbers.iter().enumerate() {
            let of_confidence = *finding == Finding::Confidence;
            if !due(if of_confidence { Stage::Confidence } else { Stage::Divergence }) {
                continue;
            }
            let value = finding.of(&evidence.divergence, evidence.confidence);
            self.add(slots, FOUND + index, value);
        }
        if due(Stage::Drift) {
            for (index, (series, scores, states)) in rules.findings.drift.iter().enumerate() {
                let Some(report) = evidence.drift.iter().find(|report| report.series == *series) else { continue };
                self.add(scores, FOUND + rules.findings.numbers.len() + index, Some(report.score));
                states.iter().for_each(|slot| self.machine.set_word(*slot, report.state.word()));
            }
        }
    }

    /// Where the first value of a slot is from.
    pub fn place_of(&self, slot: usize) -> usize {
        if self.machine.numbers[slot].is_nan() { NOWHERE } else { self.place[slot] }
    }

    /// The same for any number, the value of a window among them.
    pub fn place_at(&self, number: usize) -> usize {
        if number < self.place.len() { self.place_of(number) } else { NOWHERE }
    }

    /// What stands at a place is called, as the record spells it.
    pub fn name_at(&self, place: usize, slot: usize, rules: &RuleSet, record: &Record) -> Arc<str> {
        if place >= FOUND && place != NOWHERE {
            let index = place - FOUND;
            let number = rules.findings.numbers.get(index).map(|(_, path, _)| path);
            let drift = || rules.findings.drift.get(index - rules.findings.numbers.len()).map(|(series, ..)| series);
            if let Some(path) = number {
                return Arc::clone(path);
            }
            if let Some(series) = drift() {
                return format!("drift.{series}.score").into();
            }
        }
        let field = record.numbers.get(place).map(|(name, _)| name.shared());
        Arc::clone(field.unwrap_or_else(|| rules.numbers.first_path(slot)))
    }

    /// All names of fields that were seen.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.number_targets.names.iter().chain(&self.text_targets.names)
    }
}
