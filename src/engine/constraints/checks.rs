//! One rule on one record: is it breached, does that count, and what is to be said of it.

use std::sync::Arc;

use jiff::Timestamp;

use super::executor::Constraints;
use super::state::State;
use super::windows::{Reading, Windows};
use crate::engine::Evidence;
use crate::humanize;
use crate::record::{Record, prefix};
use crate::rules::expr::Truth;
use crate::rules::ruleset::{Check, Condition, Limit, Missing, Rule, RuleSet, Step, Values, WindowSpec, Words};
use crate::verdict::{Observed, Severity, Violation, ViolationState};

/// A breach, before it is known whether it counts.
struct Found {
    severity: Severity,
    field: Arc<str>,
    text: String,
    observed: Observed,
    limit: Option<f64>,
    /// Where the field stands in the record.
    place: usize,
    /// A field is not there: no value was looked at.
    is_missing: bool,
}

/// Bytes of a list that a violation names.
const LIST_BYTES: usize = 200;

/// Behind all fields of the record.
const LAST: usize = usize::MAX;

impl Constraints {
    /// A rule that is not in the flat table.
    pub(super) fn check(&mut self, index: usize, evidence: &mut Evidence<'_>) {
        let rules = Arc::clone(self.rules());
        let rule = &rules.rules[index];
        let before = evidence.violations.len();
        let excepted = self.states[index].count.excepted;
        let evaluated = match &rule.window {
            Some(spec) => self.check_window(&rules, index, spec, evidence),
            None => self.check_fields(&rules, index, evidence),
        };
        if evaluated {
            self.states[index].count.evaluated += 1;
            let sound = evidence.violations.len() == before && self.states[index].count.excepted == excepted;
            if sound && !rule.hold.is_zero() {
                let State { windows, breached, .. } = &mut self.states[index];
                breached.remove(hold_key(windows, &evidence.record.key));
            }
        }
        self.states[index].count.present += u64::from(self.all_present(index));
    }

    /// Whether every field that the rule names is there, as a number or as a label.
    fn all_present(&self, index: usize) -> bool {
        let machine = &self.projection.machine;
        let there = |(number, text): &(Option<usize>, Option<usize>)| {
            number.is_some_and(|slot| !machine.numbers[slot].is_nan())
                || text.is_some_and(|slot| machine.has_text(slot))
        };
        self.fields[index].iter().all(there)
    }

    /// Whether the rule could be evaluated.
    fn check_fields(&mut self, rules: &RuleSet, index: usize, evidence: &mut Evidence<'_>) -> bool {
        let rule = &rules.rules[index];
        match &rule.check {
            Check::Limit => {
                let places = self.places[index];
                let slot = places.limit.map(|at| rules.limits[at].slot).or(places.step.map(|at| rules.steps[at].slot));
                let Some(slot) = slot else { return false };
                if self.projection.machine.numbers[slot].is_nan() {
                    let field = Arc::clone(rules.numbers.first_path(slot));
                    self.missing(rules, index, field, evidence);
                    return false;
                }
                if let Some(at) = places.limit {
                    self.check_bounds(rules, &rules.limits[at], evidence);
                }
                if let Some(at) = places.step {
                    self.check_step(rules, rules.steps[at], evidence);
                }
                true
            }
            Check::Words(_) | Check::Values(_) => self.check_members(rules, index, evidence),
            Check::Condition(condition) => self.check_condition(rules, index, condition, evidence),
        }
    }

    /// Every number of the limit's slot against its bounds.
    pub(super) fn check_bounds(&mut self, rules: &RuleSet, limit: &Limit, evidence: &mut Evidence<'_>) {
        let first = (self.projection.place_of(limit.slot), self.projection.machine.numbers[limit.slot]);
        self.check_bound(rules, limit, first.0, first.1, evidence);
        for at in 0..self.projection.further.len() {
            let further = self.projection.further[at];
            if further.slot == limit.slot {
                self.check_bound(rules, limit, further.place, further.value, evidence);
            }
        }
    }

    fn check_bound(&mut self, rules: &RuleSet, limit: &Limit, place: usize, value: f64, evidence: &mut Evidence<'_>) {
        let Some(breach) = limit.breach(value) else { return };
        let rule = &rules.rules[limit.rule];
        let severity = if breach.warning { rule.severity.below() } else { rule.severity };
        let sign = match (breach.below, limit.exclusive) {
            (true, false) => "<",
            (true, true) => "≤",
            (false, false) => ">",
            (false, true) => "≥",
        };
        let field = self.projection.name_at(place, limit.slot, rules, evidence.record);
        let (observed, bound) = (shown(value), humanize::number(breach.limit));
        let text = format!("{field} {observed} {sign} {bound} {}", rule.unit).trim_end().to_owned();
        let limit_value = Some(breach.limit);
        let found = Found {
            severity,
            field,
            text,
            observed: Observed::Number(value),
            limit: limit_value,
            place,
            is_missing: false,
        };
        self.breach(rules, limit.rule, found, evidence);
    }

    /// Every number of the step's slot against its predecessor in this key, each spelling for itself.
    fn check_step(&mut self, rules: &RuleSet, step: Step, evidence: &mut Evidence<'_>) {
        // The first value of the slot, then the further ones.
        for at in 0..=self.projection.further.len() {
            let (place, value) = match at.checked_sub(1).map(|at| self.projection.further[at]) {
                None => (self.projection.place_of(step.slot), self.projection.machine.numbers[step.slot]),
                Some(further) if further.slot == step.slot => (further.place, further.value),
                Some(_) => continue,
            };
            let field = self.projection.name_at(place, step.slot, rules, evidence.record);
            let last = self.states[step.rule].last.of(&evidence.record.key, Vec::new);
            let Some((_, held)) = last.iter_mut().find(|(held, _)| *held == field) else {
                last.push((field, value));
                continue;
            };
            let change = value - std::mem::replace(held, value);
            if change.abs() > step.max {
                let rule = &rules.rules[step.rule];
                let (by, max) = (humanize::number(change), humanize::number(step.max));
                let text = format!("{field} changed by {by}, more than {max} {}", rule.unit).trim_end().to_owned();
                let observed = Observed::Number(change);
                let found = Found {
                    severity: rule.severity,
                    field,
                    text,
                    observed,
                    limit: Some(step.max),
                    place,
                    is_missing: false,
                };
                self.breach(rules, step.rule, found, evidence);
            }
        }
    }

    /// Labels or numbers against a list, every spelling that the record has.
    fn check_members(&mut self, rules: &RuleSet, index: usize, evidence: &mut Evidence<'_>) -> bool {
        match &rules.rules[index].check {
            Check::Words(words) => self.check_words(rules, index, words, evidence),
            Check::Values(values) => self.check_values(rules, index, values, evidence),
            _ => false,
        }
    }

    fn check_words(&mut self, rules: &RuleSet, index: usize, words: &Words, evidence: &mut Evidence<'_>) -> bool {
        let record = evidence.record;
        let Some(text) = self.projection.machine.text(words.slot, record) else {
            self.missing(rules, index, Arc::clone(rules.texts.first_path(words.slot)), evidence);
            return false;
        };
        if words.words.has(text) != words.allowed {
            let label = self.projection.machine.label_of(words.slot).and_then(|at| record.labels.get(at));
            let field = label.map_or_else(|| rules.texts.first_path(words.slot), |(name, _)| name.shared());
            let (field, text) = (Arc::clone(field), text.into());
            self.not_among(rules, index, (field, LAST, Observed::Text(text)), evidence);
        }
        for at in 0..self.projection.further_labels.len() {
            let (slot, label) = self.projection.further_labels[at];
            if let Some((name, text)) = record.labels.get(label).filter(|_| slot == words.slot)
                && words.words.has(text) != words.allowed
            {
                let found = (Arc::clone(name.shared()), LAST, Observed::Text(Arc::clone(text)));
                self.not_among(rules, index, found, evidence);
            }
        }
        true
    }

    fn check_values(&mut self, rules: &RuleSet, index: usize, values: &Values, evidence: &mut Evidence<'_>) -> bool {
        let first = self.projection.machine.numbers[values.slot];
        if first.is_nan() {
            self.missing(rules, index, Arc::clone(rules.numbers.first_path(values.slot)), evidence);
            return false;
        }
        for at in 0..=self.projection.further.len() {
            let (place, value) = match at.checked_sub(1).map(|at| self.projection.further[at]) {
                None => (self.projection.place_of(values.slot), first),
                Some(further) if further.slot == values.slot => (further.place, further.value),
                Some(_) => continue,
            };
            if values.values.contains(&value) != values.allowed {
                let field = self.projection.name_at(place, values.slot, rules, evidence.record);
                self.not_among(rules, index, (field, place, Observed::Number(value)), evidence);
            }
        }
        true
    }

    /// A value that a list forbids. The words are put together only now.
    fn not_among(
        &mut self,
        rules: &RuleSet,
        index: usize,
        (field, place, observed): (Arc<str>, usize, Observed),
        evidence: &mut Evidence<'_>,
    ) {
        let rule = &rules.rules[index];
        let (allowed, list) = match &rule.check {
            Check::Words(words) => (words.allowed, words.words.items.join(", ")),
            Check::Values(values) => {
                let list: Vec<String> = values.values.iter().map(|value| humanize::number(*value)).collect();
                (values.allowed, list.join(", "))
            }
            _ => return,
        };
        let shown = match &observed {
            Observed::Text(text) => format!("\"{text}\""),
            Observed::Number(value) => humanize::number(*value),
            Observed::Missing => String::new(),
        };
        // A long list would hide what was found.
        let list = if list.len() > LIST_BYTES { format!("{}…", prefix(&list, LIST_BYTES)) } else { list };
        let text = match allowed {
            true => format!("{field} {shown} is none of {list}"),
            false => format!("{field} {shown} is not allowed"),
        };
        let found = Found { severity: rule.severity, field, text, observed, limit: None, place, is_missing: false };
        self.breach(rules, index, found, evidence);
    }

    fn check_condition(
        &mut self,
        rules: &RuleSet,
        index: usize,
        condition: &Condition,
        evidence: &mut Evidence<'_>,
    ) -> bool {
        match self.projection.machine.truth(&condition.program, evidence.record) {
            Truth::Missing => {
                let field = self.first_missing(rules, index).unwrap_or_else(|| Arc::clone(&condition.field));
                self.missing(rules, index, field, evidence);
                false
            }
            Truth::Error(why) => {
                self.error(rules, index, why, &condition.text, Arc::clone(&condition.field), evidence);
                false
            }
            truth => {
                if (truth == Truth::True) != condition.must_hold {
                    // What was left out as decided still says what it said of another record.
                    self.projection.machine.run_whole(&condition.program, evidence.record);
                    let found = self.at_fault(rules, index, condition, evidence);
                    self.breach(rules, index, found, evidence);
                }
                true
            }
        }
    }

    /// The first field of a rule that is not there.
    fn first_missing(&self, rules: &RuleSet, index: usize) -> Option<Arc<str>> {
        let rule = &rules.rules[index];
        let machine = &self.projection.machine;
        let number = rule.numbers.iter().find(|slot| machine.numbers[**slot].is_nan());
        let text = rule.texts.iter().find(|slot| !machine.has_text(**slot));
        let number = number.map(|slot| rules.numbers.first_path(*slot));
        number.or_else(|| text.map(|slot| rules.texts.first_path(*slot))).cloned()
    }

    /// The comparison that is at fault for a condition's breach; else the condition as a whole.
    fn at_fault(&self, rules: &RuleSet, index: usize, condition: &Condition, evidence: &Evidence<'_>) -> Found {
        let rule = &rules.rules[index];
        let machine = &self.projection.machine;
        let is_at_fault = |truth: Truth, at_fault: bool| truth == if at_fault { Truth::True } else { Truth::False };
        let about = condition.about.iter().find(|about| is_at_fault(machine.truth_in(about.bit), about.at_fault));
        if let Some(about) = about
            && let (observed, limit) = (machine.numbers[about.slot], machine.numbers[about.other.0 as usize])
            && !observed.is_nan()
            && !limit.is_nan()
        {
            let place = self.projection.place_at(about.slot);
            // With several spellings the one that the record has.
            let named = self.projection.name_at(place, about.slot, rules, evidence.record);
            let of_window = rule.window.as_ref().is_some_and(|window| window.value == about.slot);
            let field = if of_window { Arc::clone(&about.field) } else { named };
            let other = about.other_text.as_ref().map(|other| format!(" ({other})")).unwrap_or_default();
            let text = format!("{field} {} {} {}{other}", shown(observed), about.sign, shown(limit));
            let (observed, limit) = (Observed::Number(observed), Some(limit));
            return Found { severity: rule.severity, field, text, observed, limit, place, is_missing: false };
        }
        let place = condition.slot.map_or(LAST, |slot| self.projection.place_at(slot));
        let observed = condition.slot.map(|slot| machine.numbers[slot]).filter(|value| !value.is_nan());
        let field = match condition.slot {
            Some(slot) if observed.is_some() => self.projection.name_at(place, slot, rules, evidence.record),
            _ => Arc::clone(&condition.field),
        };
        let text = if condition.must_hold { format!("requires {}", condition.text) } else { condition.text.clone() };
        let observed = observed.map_or(Observed::Missing, Observed::Number);
        Found { severity: rule.severity, field, text, observed, limit: None, place, is_missing: false }
    }

    fn check_window(&mut self, rules: &RuleSet, index: usize, spec: &WindowSpec, evidence: &mut Evidence<'_>) -> bool {
        let record = evidence.record;
        let Some(mut windows) = self.states[index].windows.take() else { return false };
        let reading = windows.read(spec, &mut self.projection.machine, record, evidence.at);
        // A breach does not last across a time in which there was nothing.
        if !matches!(reading, Reading::Value(..)) || windows.was_empty() {
            self.states[index].breached.remove(windows.group());
        }
        self.states[index].windows = Some(windows);
        match reading {
            Reading::Few => false,
            Reading::Missing => {
                let field = self.first_missing(rules, index).unwrap_or_else(|| "ts".into());
                self.missing(rules, index, field, evidence);
                false
            }
            Reading::Error(why) => {
                self.error(rules, index, why, "window.when", spec.path.as_str().into(), evidence);
                false
            }
            Reading::Value(value, count) => {
                self.projection.machine.numbers[spec.value] = value;
                let before = evidence.violations.len();
                let evaluated = match &rules.rules[index].check {
                    Check::Limit => {
                        let limit = self.places[index].limit.map(|at| &rules.limits[at]);
                        limit.into_iter().for_each(|limit| self.check_bound(rules, limit, LAST, value, evidence));
                        true
                    }
                    _ => self.check_fields(rules, index, evidence),
                };
                if evidence.violations.len() > before {
                    self.name_window(spec, count, rules, index, record, &mut evidence.violations[before..]);
                }
                evaluated
            }
        }
    }

    /// Names what is about the value of a window: "p95 of latency_ms over 1m: 1,340 > 1,200 ms (model = a, n = 40)".
    fn name_window(
        &self,
        spec: &WindowSpec,
        count: usize,
        rules: &RuleSet,
        index: usize,
        record: &Record,
        found: &mut [(usize, Violation)],
    ) {
        let value = rules.numbers.name(spec.value);
        let own_text = rules.rules[index].message.is_some();
        let group = Windows::in_words(spec, &self.projection.machine, record);
        for (_, violation) in found {
            if violation.field != *value && *violation.field != *"window.value" {
                continue;
            }
            if !own_text {
                let rest = violation.message.strip_prefix(&*violation.field).unwrap_or(&violation.message);
                violation.message = format!("{}:{rest} ({group}n = {count})", spec.in_words());
            }
            violation.field = if spec.path.is_empty() { spec.agg.name().into() } else { spec.path.as_str().into() };
        }
    }

    fn error(
        &mut self,
        rules: &RuleSet,
        index: usize,
        why: &str,
        text: &str,
        field: Arc<str>,
        evidence: &mut Evidence<'_>,
    ) {
        self.states[index].count.errors += 1;
        let rule = &rules.rules[index];
        let violation = Violation {
            rule: Arc::clone(&rule.id),
            severity: Severity::Info,
            field,
            message: format!("could not be evaluated: {why} in `{text}`"),
            observed: Observed::Missing,
            limit: None,
            state: if rule.shadow { ViolationState::Shadow } else { ViolationState::Error },
            silenced_by: None,
        };
        evidence.violations.push((order(LAST, index), violation));
    }

    /// A field that the rule needs is not there.
    fn missing(&mut self, rules: &RuleSet, index: usize, field: Arc<str>, evidence: &mut Evidence<'_>) {
        let rule = &rules.rules[index];
        let severity = match rule.missing {
            Missing::Skip => return,
            Missing::Warn => rule.severity.min(Severity::Warning),
            Missing::Violate => rule.severity,
        };
        let text = format!("{field} is missing");
        let found =
            Found { severity, field, text, observed: Observed::Missing, limit: None, place: LAST, is_missing: true };
        self.breach(rules, index, found, evidence);
    }

    /// A breach: it counts unless an exception, `for` or the shadow says otherwise.
    fn breach(&mut self, rules: &RuleSet, index: usize, found: Found, evidence: &mut Evidence<'_>) {
        let rule = &rules.rules[index];
        self.any_breached = true;
        if self.is_excepted(rule, evidence) {
            if !std::mem::replace(&mut self.breached[index], true) {
                self.states[index].count.excepted += 1;
            }
            return;
        }
        let pending = self.is_pending(rule, index, evidence.at, &evidence.record.key);
        let state = match (pending, rule.shadow) {
            (_, true) => ViolationState::Shadow,
            (true, false) => ViolationState::Pending,
            (false, false) => ViolationState::Firing,
        };
        if !std::mem::replace(&mut self.breached[index], true) {
            let count = &mut self.states[index].count;
            *if pending { &mut count.pending } else { &mut count.hits } += 1;
        }
        // What a rule says of a breach is not what is to be said of a field that is not there.
        let own = rule.message.as_ref().filter(|_| !found.is_missing);
        let violation = Violation {
            rule: Arc::clone(&rule.id),
            severity: found.severity,
            field: found.field,
            message: own.map_or(found.text, |template| template.fill(&self.projection.machine, evidence.record)),
            observed: found.observed,
            limit: found.limit,
            state,
            silenced_by: None,
        };
        evidence.violations.push((order(found.place, index), violation));
    }

    fn is_excepted(&mut self, rule: &Rule, evidence: &Evidence<'_>) -> bool {
        rule.exceptions.iter().any(|exception| {
            let over = exception.until.zip(evidence.at).is_some_and(|(until, at)| at >= until);
            !over && self.projection.machine.truth(&exception.when, evidence.record) == Truth::True
        })
    }

    /// Whether the breach has not lasted as long as the rule asks. Without any time that can't be known, and it counts.
    fn is_pending(&mut self, rule: &Rule, index: usize, at: Option<Timestamp>, key: &str) -> bool {
        let (false, Some(at)) = (rule.hold.is_zero(), at) else { return false };
        let state = &mut self.states[index];
        let key = hold_key(&state.windows, key);
        let since = state.breached.of(key, || at);
        // A clock that was ahead once must not keep the rule quiet until then.
        *since = at.min(*since);
        at.duration_since(*since).unsigned_abs() < rule.hold
    }
}

/// A value in words: as it is if it is short, else to four decimals.
fn shown(value: f64) -> String {
    let rounded = (value * 1e4).round() / 1e4;
    humanize::number(if value.abs() >= 1e-2 && value.abs() < 1e9 { rounded } else { value })
}

/// Whose breach lasts: the window's group, or the record's key.
fn hold_key<'a>(windows: &'a Option<Windows>, key: &'a str) -> &'a str {
    windows.as_ref().map_or(key, |windows| windows.group())
}

/// The order of violations: by the place of their field in the record, then by the order of the rules.
fn order(place: usize, rule: usize) -> usize {
    (place.min(1 << 42) << 20) | rule
}
