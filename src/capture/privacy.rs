//! What of a record and its verdict may be kept: without its texts, and without what the user's patterns find.

use std::borrow::Cow;
use std::sync::Arc;

use super::encode::Raw;
use super::{Event, EventKind, Head, RuleText, RulesChange, State};
use crate::record::quotes::quotes_any;
use crate::record::{Name, Origin, Record, trim};
use crate::redact::Redact;
use crate::verdict::{Basis, DriftReport, Observed, Outcome, Verdict, Violation, json};

/// What a capture leaves out.
#[derive(Debug, Clone, Default)]
pub struct Privacy {
    /// Whether samples, prompts and lines are kept, and what quotes them.
    pub text: bool,
    /// What is taken out of everything that is kept.
    pub redact: Arc<Redact>,
}

/// What stands for a text that was left out.
pub(super) fn placeholder(bytes: u64) -> String {
    format!("‹not captured: {bytes} bytes›")
}

impl Privacy {
    /// The record and the verdict as they may be kept. Samples, prompt, line and earlier answers are still there: without
    /// text only their sizes are written.
    pub(super) fn record<'a>(
        &self,
        record: &'a Record,
        verdict: &'a Verdict,
        raw: Raw,
    ) -> (Cow<'a, Record>, Cow<'a, Verdict>) {
        let (mut record, mut verdict) = (Cow::Borrowed(record), Cow::Borrowed(verdict));
        if !self.text {
            unquoted(record.to_mut(), verdict.to_mut());
        }
        if !self.redact.is_empty() {
            let whole = record_texts(&self.redact, record.to_mut(), raw);
            verdict_texts(&self.redact, verdict.to_mut(), whole);
        }
        (record, verdict)
    }

    /// The head as it may be kept. It says what is done.
    pub(super) fn head(&self, head: &Head) -> Head {
        let mut head = head.clone();
        head.text &= self.text;
        head.redacted |= !self.redact.is_empty();
        let own = [&mut head.why, &mut head.config, &mut head.policy, &mut head.backend, &mut head.scores];
        own.into_iter().chain(&mut head.key).chain(&mut head.sources).for_each(|text| self.owned(text));
        self.rule_texts(&mut head.rules);
        head
    }

    /// Engines cannot go on from a state of which something was taken out: then it is unknown.
    pub(super) fn state<'a>(&self, state: &'a State) -> &'a State {
        match state {
            State::Known(value) if !self.redact.is_empty() && self.redact.finds_in(value) => &State::Unknown,
            state => state,
        }
    }

    /// The rules as they may be kept.
    pub(super) fn rules(&self, change: &RulesChange) -> RulesChange {
        let mut change = change.clone();
        self.rule_texts(&mut change.rules);
        change
    }

    /// The event as it may be kept. Without text, what was said of a record or a line is left out: it may quote it.
    pub(super) fn event(&self, event: &Event) -> Event {
        use EventKind::{AlertBegan, AlertEnded, Other, Rejected, Trigger};
        let mut event = event.clone();
        let of_record = matches!(event.kind, AlertBegan | AlertEnded | Trigger | Rejected | Other);
        if !self.text && of_record && !event.text.is_empty() {
            event.text = placeholder(event.text.len() as u64);
        }
        let own = [&mut event.cause, &mut event.key, &mut event.text, &mut event.by];
        own.into_iter().for_each(|text| self.owned(text));
        event
    }

    fn rule_texts(&self, rules: &mut [RuleText]) {
        rules.iter_mut().flat_map(|rule| [&mut rule.name, &mut rule.text]).for_each(|text| self.owned(text));
    }

    fn owned(&self, text: &mut String) {
        if let Cow::Owned(done) = self.redact.text(text) {
            *text = done;
        }
    }
}

/// Takes away what quotes the texts of the record, or is quoted in them: labels, then messages and what was observed.
fn unquoted(record: &mut Record, verdict: &mut Verdict) {
    let earlier = if let Basis::History(earlier) = &verdict.divergence.basis { &earlier[..] } else { &[] };
    let all = record.samples.iter().chain(&record.prompt).chain(earlier);
    let mut texts: Vec<Arc<str>> = all.filter(|text| !trim(text).is_empty()).map(Arc::clone).collect();
    let (kept, left_out): (Vec<_>, Vec<_>) =
        std::mem::take(&mut record.labels).into_iter().partition(|(_, value)| !quotes_any(value, &texts));
    record.labels = kept;
    texts.extend(left_out.into_iter().map(|(_, value)| value));
    for violation in &mut verdict.violations {
        if quotes_any(&violation.message, &texts) {
            violation.message = placeholder(violation.message.len() as u64);
        }
        if let Observed::Text(text) = &violation.observed
            && quotes_any(text, &texts)
        {
            violation.observed = Observed::Text(placeholder(text.len() as u64).into());
        }
    }
}

/// Whether the text was changed.
fn shared(redact: &Redact, text: &mut Arc<str>) -> bool {
    let done = redact.text(text);
    let changed = matches!(done, Cow::Owned(_));
    if let Cow::Owned(done) = done {
        *text = done.into();
    }
    changed
}

fn number_found(redact: &Redact, value: f64) -> bool {
    let mut text = Vec::with_capacity(24);
    json::number(&mut text, value);
    redact.finds(&String::from_utf8_lossy(&text))
}

/// Goes through all texts of a record. Says whether its samples were left as they are.
fn record_texts(redact: &Redact, record: &mut Record, raw: Raw) -> bool {
    shared(redact, &mut record.id);
    shared(redact, &mut record.key);
    origin(redact, &mut record.origin);
    record.numbers.retain(|(_, value)| !number_found(redact, *value));
    record.latency_ms = record.latency_ms.filter(|latency| !number_found(redact, *latency));
    let names = record.numbers.iter_mut().map(|(name, _)| name).chain(record.labels.iter_mut().map(|(name, _)| name));
    for name in names {
        if let Cow::Owned(done) = redact.text(name.as_str()) {
            *name = Name::foreign(done);
        }
    }
    for (_, value) in &mut record.labels {
        shared(redact, value);
    }
    if raw == Raw::Sizes {
        return true;
    }
    if let Some(prompt) = &mut record.prompt {
        shared(redact, prompt);
    }
    if raw == Raw::Whole {
        record.raw = redact.json(&record.raw).into();
    }
    record.samples.iter_mut().map(|sample| shared(redact, sample)).filter(|changed| *changed).count() == 0
}

/// Goes through all texts of a verdict. `whole` says that the places in the samples are still right.
fn verdict_texts(redact: &Redact, verdict: &mut Verdict, mut whole: bool) {
    shared(redact, &mut verdict.id);
    shared(redact, &mut verdict.key);
    origin(redact, &mut verdict.origin);
    verdict.violations.iter_mut().for_each(|violation| violation_texts(redact, violation));
    verdict.drift.iter_mut().for_each(|report| report_texts(redact, report));
    let divergence = &mut verdict.divergence;
    if let Outcome::Partial(why) | Outcome::Skipped(why) | Outcome::Failed(why) = &mut divergence.outcome {
        shared(redact, why);
    }
    if let Basis::History(earlier) = &mut divergence.basis {
        let mut texts = earlier.to_vec();
        whole &= texts.iter_mut().map(|text| shared(redact, text)).filter(|changed| *changed).count() == 0;
        *earlier = texts.into();
    }
    if !whole {
        divergence.contradictions.iter_mut().flat_map(|found| &mut found.sides).for_each(|(_, span)| *span = None);
    }
}

fn origin(redact: &Redact, origin: &mut Origin) {
    shared(redact, &mut origin.source);
}

fn violation_texts(redact: &Redact, violation: &mut Violation) {
    shared(redact, &mut violation.rule);
    shared(redact, &mut violation.field);
    if let Cow::Owned(done) = redact.text(&violation.message) {
        violation.message = done;
    }
    match &mut violation.observed {
        Observed::Text(text) => {
            shared(redact, text);
        }
        Observed::Number(value) if number_found(redact, *value) => violation.observed = Observed::Missing,
        Observed::Number(_) | Observed::Missing => {}
    }
}

fn report_texts(redact: &Redact, report: &mut DriftReport) {
    shared(redact, &mut report.series);
    if number_found(redact, report.value) {
        report.value = f64::NAN;
    }
}
