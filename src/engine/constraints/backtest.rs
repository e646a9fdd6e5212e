//! What rules would have found in the past: the retained history judged again, without its embeddings.
//!
//! Bounds and numeric expressions run over columns, one a slot, made once and kept while the rules are edited; rules that
//! remember (steps, windows, `for`), that read texts, or that have exceptions are run record by record. What the engines
//! found then is taken from the verdicts: it does not depend on the rules, but for the confidence, which is taken as it
//! was.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use foldhash::HashMap;
use ndarray::Array1;

use super::executor::Constraints;
use crate::engine::{Engine, Evidence};
use crate::history::{Row, View};
use crate::record::Name;
use crate::rules::expr::arithmetic::{ABSENT, FALSE, MISSING, TRUE};
use crate::rules::expr::columns::{BLOCK, Blocks, Slots};
use crate::rules::ruleset::{Check, Limit, Missing, Rule};
use crate::rules::{RuleSet, Stage};
use crate::stats::bitmap::Bitmap;
use crate::verdict::{Verdict, ViolationState};

/// Records between two looks at whether the result is still wanted.
const PATIENCE: usize = 256;

/// The result is not wanted any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

/// What a rule found in the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// The rule.
    pub rule: Arc<str>,
    /// Rows on which it fired.
    pub fired: Bitmap,
    /// Rows on which it was evaluated.
    pub evaluated: u64,
    /// Rows on which it had no value.
    pub errors: u64,
}

/// How a rule would have fared otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The rule.
    pub rule: Arc<str>,
    /// Rows on which it fired before.
    pub before: u64,
    /// Rows on which it fires now.
    pub now: u64,
    /// Rows on which it fires only now.
    pub new: Bitmap,
    /// Rows on which it fired only before.
    pub gone: Bitmap,
}

/// A slot over all rows.
#[derive(Debug)]
struct Column {
    /// The first number of each row; NaN where there is none.
    first: Array1<f64>,
    /// Further ones, by row.
    further: Vec<(u32, f64)>,
}

/// The past, as columns.
#[derive(Debug, Default)]
pub struct Past {
    view: View,
    rows: usize,
    /// By the name of the slot.
    columns: HashMap<Arc<str>, Column>,
}

/// The columns of one rule set, by slot.
struct OfRules<'a> {
    columns: Vec<Option<&'a Column>>,
}

impl Slots for OfRules<'_> {
    fn slot(&self, slot: usize, from: usize, n: usize) -> Option<&[f64]> {
        let column = self.columns.get(slot).copied().flatten()?;
        column.first.as_slice()?.get(from..from + n)
    }
}

impl Past {
    /// The past as it is now.
    pub fn new(view: View) -> Self {
        Self { rows: view.len(), view, columns: HashMap::default() }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no past.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The row at an index.
    pub fn row(&self, index: usize) -> Option<&Row> {
        self.view.get(index)
    }

    /// What the rules that `wanted` picks would have found.
    ///
    /// # Errors
    /// When `cancel` is set meanwhile.
    pub fn run(
        &mut self,
        rules: &RuleSet,
        wanted: impl Fn(&Rule) -> bool,
        cancel: &AtomicBool,
    ) -> Result<Vec<Fired>, Cancelled> {
        let fast = |rule: &Rule| wanted(rule) && is_columnar(rules, rule);
        self.fill(rules, &fast, cancel)?;
        let columns = (0..rules.numbers.len()).map(|slot| self.columns.get(rules.numbers.name(slot))).collect();
        let columns = OfRules { columns };
        let mut found = Vec::new();
        for (index, rule) in rules.rules.iter().enumerate().filter(|(_, rule)| fast(rule)) {
            found.push((index, self.by_columns(rules, index, rule, &columns, cancel)?));
        }
        let slow = rules.subset(|_, rule| wanted(rule) && !is_columnar(rules, rule));
        if !slow.rules.is_empty() {
            let indices = rules.rules.iter().enumerate().filter(|(_, rule)| wanted(rule) && !is_columnar(rules, rule));
            let indices: Vec<usize> = indices.map(|(index, _)| index).collect();
            found.extend(indices.into_iter().zip(self.by_records(slow, cancel)?));
        }
        found.sort_by_key(|(index, _)| *index);
        Ok(found.into_iter().map(|(_, fired)| fired).collect())
    }

    /// The values that the bounds of a limit are held against, with their rows; none if the rule has no bounds.
    ///
    /// # Errors
    /// When `cancel` is set meanwhile.
    pub fn values(&mut self, rules: &RuleSet, id: &str, cancel: &AtomicBool) -> Result<Vec<(usize, f64)>, Cancelled> {
        let Some(slot) = rules.find(id).and_then(|(index, _)| rules.limits.iter().find(|limit| limit.rule == index))
        else {
            return Ok(Vec::new());
        };
        let slot = slot.slot;
        let windowed = rules.find(id).is_some_and(|(_, rule)| rule.window.is_some());
        if windowed {
            return self.window_values(Arc::new(rules.subset(|_, rule| *rule.id == *id)), slot, cancel);
        }
        self.fill(rules, &|rule: &Rule| *rule.id == *id, cancel)?;
        let Some(column) = self.columns.get(rules.numbers.name(slot)) else { return Ok(Vec::new()) };
        let first =
            column.first.iter().enumerate().filter(|(_, value)| !value.is_nan()).map(|(row, value)| (row, *value));
        let further = column.further.iter().map(|(row, value)| (*row as usize, *value));
        Ok(first.chain(further).collect())
    }

    /// What a window comes to on each record: it has to be run over them.
    fn window_values(
        &self,
        rules: Arc<RuleSet>,
        slot: usize,
        cancel: &AtomicBool,
    ) -> Result<Vec<(usize, f64)>, Cancelled> {
        let mut engine = Constraints::new(rules);
        let mut values = Vec::new();
        for (index, row) in self.view.rows().enumerate() {
            if index % PATIENCE == 0 && cancel.load(Ordering::Relaxed) {
                return Err(Cancelled);
            }
            let mut evidence = evidence(row);
            // The engine of rules refuses nothing.
            Stage::ALL.iter().for_each(|stage| drop(engine.run(*stage, &mut evidence)));
            let value = engine.projection.machine.numbers[slot];
            values.extend((!value.is_nan()).then_some((index, value)));
        }
        Ok(values)
    }

    /// Makes the columns that are wanted and not there yet, all in one pass over the rows.
    fn fill(&mut self, rules: &RuleSet, wanted: &dyn Fn(&Rule) -> bool, cancel: &AtomicBool) -> Result<(), Cancelled> {
        let mut missing: Vec<usize> =
            rules.rules.iter().filter(|rule| wanted(rule)).flat_map(|rule| rule.numbers.iter().copied()).collect();
        missing.sort_unstable();
        missing.dedup();
        missing.retain(|slot| !self.columns.contains_key(rules.numbers.name(*slot)));
        if missing.is_empty() {
            return Ok(());
        }
        let mut place = vec![usize::MAX; rules.numbers.len()];
        missing.iter().enumerate().for_each(|(at, slot)| place[*slot] = at);
        let columns = vec![vec![ABSENT; self.rows]; missing.len()];
        let mut making = Making { row: 0, columns, further: vec![Vec::new(); missing.len()] };
        // A verdict that nobody asks need not be fetched from memory.
        let findings = rules.findings.number_slots().any(|slot| place[slot] != usize::MAX);
        let mut targets = Targets::default();
        for (index, row) in self.view.rows().enumerate() {
            if index % PATIENCE == 0 && cancel.load(Ordering::Relaxed) {
                return Err(Cancelled);
            }
            making.row = index;
            for (field, (name, value)) in row.record.numbers.iter().enumerate() {
                for at in targets.of(field, name, rules, &place) {
                    making.offer(*at, *value);
                }
            }
            if findings {
                making.found(rules, &place, row);
            }
        }
        for (slot, (first, further)) in missing.iter().zip(making.columns.into_iter().zip(making.further)) {
            let column = Column { first: Array1::from_vec(first), further };
            self.columns.insert(Arc::clone(rules.numbers.name(*slot)), column);
        }
        Ok(())
    }

    fn by_columns(
        &self,
        rules: &RuleSet,
        index: usize,
        rule: &Rule,
        columns: &OfRules<'_>,
        cancel: &AtomicBool,
    ) -> Result<Fired, Cancelled> {
        let mut found = Fired { rule: Arc::clone(&rule.id), fired: Bitmap::new(self.rows), evaluated: 0, errors: 0 };
        let says = rule.missing != Missing::Skip;
        let limit = rules.limits.iter().find(|limit| limit.rule == index);
        let mut blocks = match &rule.check {
            Check::Condition(condition) => Some(Blocks::new(&condition.program, rules.numbers.len())),
            _ => None,
        };
        for from in (0..self.rows).step_by(BLOCK) {
            if cancel.load(Ordering::Relaxed) {
                return Err(Cancelled);
            }
            let n = BLOCK.min(self.rows - from);
            match (&rule.check, limit, &mut blocks) {
                (Check::Condition(condition), _, Some(blocks)) => {
                    let breach = if condition.must_hold { FALSE } else { TRUE };
                    let truths = blocks.run(&condition.program, columns, from, n);
                    found.evaluated += truths.iter().map(|truth| u64::from(*truth <= TRUE)).sum::<u64>();
                    found.errors += truths.iter().map(|truth| u64::from(*truth > MISSING)).sum::<u64>();
                    found.fired.extend(from, truths, |truth| (*truth == breach) | (says & (*truth == MISSING)));
                }
                (Check::Limit, Some(limit), _) => bounded(limit, says, columns, from, n, &mut found),
                (Check::Values(values), ..) => {
                    let Some(column) = columns.slot(values.slot, from, n) else { continue };
                    found.evaluated += column.iter().map(|value| u64::from(!value.is_nan())).sum::<u64>();
                    let fires = |value: &f64| match value.is_nan() {
                        true => says,
                        false => values.values.contains(value) != values.allowed,
                    };
                    found.fired.extend(from, column, fires);
                }
                _ => {}
            }
        }
        let further = |slot: usize| columns.columns.get(slot).copied().flatten().map_or(&[][..], |c| &c.further);
        let outside: Vec<u32> = match (limit, &rule.check) {
            (Some(limit), _) => further(limit.slot)
                .iter()
                .filter(|(_, value)| limit.breach(*value).is_some())
                .map(|(row, _)| *row)
                .collect(),
            (None, Check::Values(values)) => {
                let breached = |value: &f64| values.values.contains(value) != values.allowed;
                further(values.slot).iter().filter(|(_, value)| breached(value)).map(|(row, _)| *row).collect()
            }
            _ => Vec::new(),
        };
        outside.into_iter().for_each(|row| found.fired.set(row as usize));
        Ok(found)
    }

    /// The rest, as the engine does it.
    fn by_records(&self, rules: RuleSet, cancel: &AtomicBool) -> Result<Vec<Fired>, Cancelled> {
        let rules = Arc::new(rules);
        let blank =
            |rule: &Rule| Fired { rule: Arc::clone(&rule.id), fired: Bitmap::new(self.rows), evaluated: 0, errors: 0 };
        let mut found: Vec<Fired> = rules.rules.iter().map(blank).collect();
        let mut engine = Constraints::new(Arc::clone(&rules));
        let index_of: HashMap<&str, usize> = rules.rules.iter().enumerate().map(|(at, rule)| (&*rule.id, at)).collect();
        for (index, row) in self.view.rows().enumerate() {
            if index % PATIENCE == 0 && cancel.load(Ordering::Relaxed) {
                return Err(Cancelled);
            }
            let mut evidence = evidence(row);
            for stage in Stage::ALL {
                // The engine of rules refuses nothing.
                let _ = engine.run(stage, &mut evidence);
            }
            for (_, violation) in &evidence.violations {
                let fires = matches!(violation.state, ViolationState::Firing | ViolationState::Shadow);
                if let Some(at) = index_of.get(&*violation.rule).filter(|_| fires) {
                    found[*at].fired.set(index);
                }
            }
        }
        for (found, count) in found.iter_mut().zip(engine.counts()) {
            (found.evaluated, found.errors) = (count.evaluated, count.errors);
        }
        Ok(found)
    }
}

/// A record again, with what was found of it then.
pub fn evidence(row: &Row) -> Evidence<'_> {
    let verdict: &Verdict = &row.verdict;
    let mut evidence = Evidence::new(&row.record, &[], verdict.divergence.clone());
    evidence.at = verdict.at;
    evidence.drift.clone_from(&verdict.drift);
    evidence.confidence = Some(verdict.confidence);
    evidence
}

/// Whether a rule can be run over columns.
fn is_columnar(rules: &RuleSet, rule: &Rule) -> bool {
    let plain = rule.window.is_none() && rule.hold.is_zero() && rule.exceptions.is_empty();
    let check = match &rule.check {
        Check::Limit => rules.steps.iter().all(|step| rules.rules[step.rule].id != rule.id),
        Check::Values(_) => true,
        Check::Condition(condition) => condition.program.is_numeric(),
        Check::Words(_) => false,
    };
    plain && check
}

fn bounded(limit: &Limit, says: bool, columns: &OfRules<'_>, from: usize, n: usize, found: &mut Fired) {
    let Some(column) = columns.slot(limit.slot, from, n) else { return };
    let (low, high) = limit.sound();
    found.evaluated += column.iter().map(|value| u64::from(!value.is_nan())).sum::<u64>();
    found.fired.extend(from, column, |value| (*value < low) | (*value > high) | (says & value.is_nan()));
}

/// Columns that are being made.
struct Making {
    row: usize,
    columns: Vec<Vec<f64>>,
    further: Vec<Vec<(u32, f64)>>,
}

impl Making {
    fn offer(&mut self, at: usize, value: f64) {
        let held = &mut self.columns[at][self.row];
        if held.is_nan() {
            *held = value;
        } else {
            self.further[at].push((self.row as u32, value));
        }
    }

    /// What the engines found, behind what the record says.
    fn found(&mut self, rules: &RuleSet, place: &[usize], row: &Row) {
        let verdict = &row.verdict;
        let mut add = |slots: &[usize], value: Option<f64>| {
            let Some(value) = value.filter(|value| !value.is_nan()) else { return };
            slots.iter().map(|slot| place[*slot]).filter(|at| *at != usize::MAX).for_each(|at| self.offer(at, value));
        };
        add(&rules.findings.samples, Some(row.record.samples.len() as f64));
        for (finding, _, slots) in &rules.findings.numbers {
            add(slots, finding.of(&verdict.divergence, Some(verdict.confidence)));
        }
        for (series, scores, _) in &rules.findings.drift {
            let report = verdict.drift.iter().find(|report| report.series == *series);
            add(scores, report.map(|report| report.score));
        }
    }
}

/// By name: which of the columns that are being made it fills. Most records have the same names at the same places, so
/// a name is looked for where it was found in the record before.
#[derive(Default)]
struct Targets {
    by_field: Vec<(*const u8, Vec<usize>)>,
    by_name: HashMap<*const u8, Vec<usize>>,
    foreign: Vec<usize>,
}

impl Targets {
    fn of(&mut self, field: usize, name: &Name, rules: &RuleSet, place: &[usize]) -> &[usize] {
        let look_up = || {
            let slots = rules.numbers.of_record(name.as_str()).iter();
            slots.map(|slot| place[*slot]).filter(|at| *at != usize::MAX).collect::<Vec<_>>()
        };
        if name.id().is_none() {
            // A name of its own may be gone by the next row, and its place in memory be another's.
            self.foreign = look_up();
            return &self.foreign;
        }
        let known = Arc::as_ptr(name.shared()).cast::<u8>();
        if self.by_field.len() <= field {
            self.by_field.resize(field + 1, (std::ptr::null(), Vec::new()));
        }
        let held = &mut self.by_field[field];
        if held.0 != known {
            *held = (known, self.by_name.entry(known).or_insert_with(look_up).clone());
        }
        &held.1
    }
}

/// How each rule would have fared, by its id; a rule that is only on one side fired never on the other.
pub fn compare(before: &[Fired], now: &[Fired]) -> Vec<Change> {
    let rows = before.iter().chain(now).map(|fired| fired.fired.len()).max().unwrap_or(0);
    let none = Bitmap::new(rows);
    let of =
        |side: &[Fired], rule: &str| side.iter().find(|fired| *fired.rule == *rule).map(|fired| fired.fired.clone());
    let gone = before.iter().filter(|fired| now.iter().all(|other| other.rule != fired.rule));
    let change = |fired: &Fired| {
        let old = of(before, &fired.rule).unwrap_or_else(|| none.clone());
        let new = of(now, &fired.rule).unwrap_or_else(|| none.clone());
        Change {
            rule: Arc::clone(&fired.rule),
            before: old.count(),
            now: new.count(),
            new: new.without(&old),
            gone: old.without(&new),
        }
    };
    now.iter().chain(gone).map(change).collect()
}

#[cfg(test)]
mod tests;
