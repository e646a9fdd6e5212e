//! What rules that are being written are worth: whether they hold, and what they would have found in what is kept.
//!
//! The past is laid out in columns once, and what a rule found in it is remembered by the rule's fingerprint: at a
//! keystroke only what was changed runs again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use foldhash::HashMap;

use crate::analysis::suggest::{self, Suggestion};
use crate::clock::Clock;
use crate::engine::constraints::backtest::{Change, Fired, Past, compare};
use crate::engine::constraints::check;
use crate::history::View;
use crate::message::inquiry::{Fault, FrontTrial, Marked, RuleTrial, Suggest, Trial, TrialReport};
use crate::record::Seq;
use crate::rules::schema::load;
use crate::rules::{Rule, RuleSet};
use crate::stats::bitmap::Bitmap;
use crate::yaml::Diagnostic;

/// Records that differ which are listed.
const FIRST: usize = 200;

/// Faults that are told.
const FAULTS: usize = 100;

/// The past, as far as it was laid out.
#[derive(Default)]
pub(super) struct Trying {
    past: Option<Laid>,
}

struct Laid {
    /// First and last record, and how many: what is kept has changed when these have.
    ends: (Option<Seq>, Option<Seq>, usize),
    past: Past,
    view: View,
    /// By id and fingerprint.
    found: HashMap<(Arc<str>, u64), Fired>,
}

impl Trying {
    /// Lets go of the past.
    pub fn forget(&mut self) {
        self.past = None;
    }

    fn past(&mut self, view: View) -> &mut Laid {
        let ends = ends(&view);
        if self.past.as_ref().is_none_or(|laid| laid.ends != ends) {
            self.past = None;
        }
        self.past.get_or_insert_with(|| Laid { ends, past: Past::new(view.clone()), view, found: HashMap::default() })
    }

    /// Tries the rules; `None` if nobody waits for it any more.
    pub fn run(&mut self, trial: Trial, cancel: &AtomicBool, clock: &dyn Clock) -> Option<TrialReport> {
        let start = clock.elapsed();
        let Trial { revision, sources, base, rule, view, labels, bars } = trial;
        let span = span(&view);
        let mut report = TrialReport {
            revision,
            faults: Vec::new(),
            counted: false,
            tests: (0, 0),
            rows: view.len() as u64,
            span,
            changes: Vec::new(),
            front: None,
            took_us: 0,
        };
        let rules = match check(&sources) {
            Ok(checked) => {
                let failed = checked.report.faults(&checked.rules);
                let of = checked.rules.tests.len();
                report.tests = (of.saturating_sub(failed.len()), of);
                report.faults = failed.iter().take(FAULTS).map(fault).collect();
                checked.rules
            }
            Err(faults) => {
                report.faults = faults.iter().take(FAULTS).map(fault).collect();
                report.took_us = (clock.elapsed() - start).as_micros() as u64;
                return Some(report);
            }
        };
        report.counted = true;
        let laid = self.past(view);
        let before = laid.run(&base, cancel)?;
        let now = laid.run(&rules, cancel)?;
        for change in compare(&before, &now) {
            let trial = in_numbers(&change);
            if rule.as_ref().is_some_and(|rule| *rule == change.rule) {
                report.front = Some(laid.front(&change, trial.clone(), (&before, &now), &labels, bars));
            }
            let known = base.find(&change.rule).is_some() && rules.find(&change.rule).is_some();
            if trial.new + trial.gone > 0 || !known {
                report.changes.push(trial);
            }
        }
        report.took_us = (clock.elapsed() - start).as_micros() as u64;
        Some(report)
    }

    /// The bound that would have fired at the wanted rate.
    pub fn suggest(&mut self, wanted: &Suggest, cancel: &AtomicBool) -> Option<Option<Suggestion>> {
        let Ok(rules) = load(&wanted.sources) else { return Some(None) };
        let laid = self.past(wanted.view.clone());
        let values = laid.past.values(&rules, &wanted.rule, cancel).ok()?;
        // A record that has several of the values fires if the worst of them does.
        let mut worst: BTreeMap<usize, f64> = BTreeMap::new();
        for (row, value) in values {
            let held = worst.entry(row).or_insert(value);
            *held = match wanted.bound {
                suggest::Bound::Max => held.max(value),
                suggest::Bound::Min => held.min(value),
            };
        }
        let values: Vec<f64> = worst.into_values().collect();
        Some(suggest::suggest(&values, wanted.bound, wanted.rate))
    }
}

impl Laid {
    /// What each rule found, remembered where it is known.
    fn run(&mut self, rules: &RuleSet, cancel: &AtomicBool) -> Option<Vec<Fired>> {
        let known = |rule: &Rule| self.found.contains_key(&id(rule));
        let missing: Vec<bool> = rules.rules.iter().map(|rule| !known(rule)).collect();
        let ids: HashMap<&str, usize> = rules.rules.iter().enumerate().map(|(at, rule)| (&*rule.id, at)).collect();
        if missing.iter().any(|missing| *missing) {
            let found = self.past.run(rules, |rule| missing[ids[&*rule.id]], cancel).ok()?;
            for fired in found {
                let rule = &rules.rules[ids[&*fired.rule]];
                self.found.insert(id(rule), fired);
            }
        }
        Some(rules.rules.iter().filter_map(|rule| self.found.get(&id(rule)).cloned()).collect())
    }

    fn front(
        &self,
        change: &Change,
        trial: RuleTrial,
        (before, now): (&[Fired], &[Fired]),
        labels: &BTreeMap<Seq, bool>,
        bars: usize,
    ) -> FrontTrial {
        let of = |side: &[Fired]| side.iter().find(|fired| fired.rule == change.rule).cloned();
        let (before, now) = (of(before), of(now));
        let none = Bitmap::new(self.past.len());
        let bits = |fired: &Option<Fired>| fired.as_ref().map_or_else(|| none.clone(), |fired| fired.fired.clone());
        let (was, is) = (bits(&before), bits(&now));
        let seq = |row: usize| self.past.row(row).map(|row| row.verdict.seq);
        let list = |bits: &Bitmap, new: bool| {
            bits.rows().take(FIRST).filter_map(|row| Some((seq(row)?, new))).collect::<Vec<_>>()
        };
        let mut first = list(&change.new, true);
        first.extend(list(&change.gone, false));
        first.sort_unstable();
        first.truncate(FIRST);
        let found = now.as_ref().or(before.as_ref());
        FrontTrial {
            trial,
            evaluated: found.map_or(0, |fired| fired.evaluated),
            errors: found.map_or(0, |fired| fired.errors),
            bars_before: self.bars(&was, bars),
            bars_now: self.bars(&is, bars),
            first,
            marked_before: self.marked(&was, labels),
            marked_now: self.marked(&is, labels),
        }
    }

    /// Firing records in as many bars, over the records in their order.
    fn bars(&self, fired: &Bitmap, bars: usize) -> Vec<u64> {
        let mut counts = vec![0; bars.max(1)];
        let rows = self.past.len().max(1);
        for row in fired.rows() {
            counts[row * bars.max(1) / rows] += 1;
        }
        counts
    }

    fn marked(&self, fired: &Bitmap, labels: &BTreeMap<Seq, bool>) -> Marked {
        let mut marked = Marked::default();
        for (seq, right) in labels {
            let at = self.view.position(*seq);
            if self.past.row(at).is_none_or(|row| row.verdict.seq != *seq) {
                continue;
            }
            marked.wrong += u64::from(!right);
            match (fired.has(at), right) {
                (true, true) => marked.false_alarms += 1,
                (true, false) => marked.hits += 1,
                (false, _) => {}
            }
        }
        marked
    }
}

fn id(rule: &Rule) -> (Arc<str>, u64) {
    (Arc::clone(&rule.id), rule.fingerprint)
}

fn ends(view: &View) -> (Option<Seq>, Option<Seq>, usize) {
    let seq = |at: usize| view.get(at).map(|row| row.verdict.seq);
    (seq(0), view.len().checked_sub(1).and_then(seq), view.len())
}

fn span(view: &View) -> Option<(jiff::Timestamp, jiff::Timestamp)> {
    let first = view.rows().find_map(|row| row.verdict.ts)?;
    Some((first, view.rows().rev().find_map(|row| row.verdict.ts)?))
}

fn in_numbers(change: &Change) -> RuleTrial {
    RuleTrial {
        rule: Arc::clone(&change.rule),
        before: change.before,
        now: change.now,
        new: change.new.count(),
        gone: change.gone.count(),
    }
}

fn fault(found: &Diagnostic) -> Fault {
    let (line, column) = found.position();
    let width = found.text.get(found.span.clone()).and_then(|text| text.lines().next());
    Fault {
        file: found.file.to_string(),
        line,
        column,
        width: width.map_or(1, |text| text.chars().count().max(1)),
        message: found.message.clone(),
        help: found.help.clone(),
    }
}
