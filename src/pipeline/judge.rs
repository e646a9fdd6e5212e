//! The order of judgement of one record (contract):
//!
//! (A) rules on the record · (B) divergence · (C) rules on it · (D) drift · (E) rules on it · (F) confidence ·
//! (G) rules on it · (H) severity and action. Records come in Seq order; drift alone never changes the action.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::SharedClock;
use serde::{Deserialize, Serialize};

use crate::engine::constraints::{self, Constraints, RuleCount};
use crate::engine::embedding::earlier::Earlier;
use crate::engine::embedding::pool::panic_text;
use crate::engine::embedding::{Embedding, Mode, TextResult, earlier};
use crate::engine::{Engine, Evidence, drift};
use crate::message::{BaselineOrder, BaselineWish};
use crate::record::Record;
use crate::rules::{RuleSet, Stage};
use crate::stats::summary::Watched;
use crate::verdict::policy::{Policy, overall_severity};
use crate::verdict::{Confidence, Divergence, EngineKind, Timing, Verdict};

/// Sources whose last time is kept.
const MOST_SOURCES: usize = 4_096;

/// What a record went through before it is judged.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// When it was read, by the steady clock.
    pub read_at: Duration,
    /// What its texts took in the pool, µs.
    pub embedding_us: u64,
    /// Event time for a record that has none; `None` in a replay.
    pub otherwise: Option<Timestamp>,
    /// There was no time for its vectors.
    pub shed: bool,
}

/// What the judge looks at beside the record.
#[derive(Debug, Clone, Copy, Default)]
pub struct Texts<'a> {
    /// What was derived from each text that is compared.
    pub features: &'a [TextResult],
    /// Earlier answers to the same prompt, when the record's one answer is compared with them.
    pub earlier: &'a [Arc<str>],
    /// What was found of them already: then nothing is compared again.
    pub known: Option<&'a Divergence>,
}

/// What the judge is made of.
pub struct Setup {
    /// Rules in force.
    pub rules: Arc<RuleSet>,
    /// From findings to advice.
    pub policy: Policy,
    /// Bounds of the drift engine.
    pub drift: drift::Options,
    /// Bounds of what a checkpoint keeps of earlier answers; `None` without checkpoints.
    pub earlier: Option<earlier::Options>,
    /// What the pool computes, and the name of its backend.
    pub embedding: (Mode, Arc<str>),
    /// Slow validation counts.
    pub live: bool,
}

/// Judges records one after the other.
pub struct Judge {
    policy: Policy,
    live: bool,
    /// There are rules that read more than the record.
    late_rules: bool,
    /// The last known time of each source, while there are rules that ask for the time.
    times: Option<HashMap<Arc<str>, Timestamp>>,
    constraints: Constraints,
    embedding: Embedding,
    drift: drift::Drift,
    /// What the parser knew when it came to this record, for checkpoints.
    earlier: Option<Earlier>,
    clock: SharedClock,
}

/// What the engines know, across the end of the process.
#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    /// The backend that computed the divergence, with its model.
    scores: String,
    constraints: constraints::Saved,
    drift: drift::Saved,
    #[serde(default)]
    earlier: earlier::Saved,
}

/// The earlier answers that a judge would go on from.
pub fn earlier_answers(saved: &serde_json::Value) -> Option<earlier::Saved> {
    Saved::deserialize(saved).ok().map(|saved| saved.earlier)
}

/// The verdict, and the engines that failed on the way.
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Engines that failed on this record, and why.
    pub failures: Vec<(EngineKind, Arc<str>)>,
}

/// Runs an engine; a panic is a failure like any other.
fn run(engine: &mut dyn Engine, stage: Stage, evidence: &mut Evidence<'_>, failures: &mut Vec<(EngineKind, Arc<str>)>) {
    let kind = engine.kind();
    let result = catch_unwind(AssertUnwindSafe(|| engine.run(stage, evidence)));
    let result = result.unwrap_or_else(|panic| Err(format!("panicked: {}", panic_text(&*panic)).into()));
    if let Err(why) = result {
        failures.push((kind, why));
    }
}

impl Judge {
    /// A judge without history.
    pub fn new(setup: Setup, clock: SharedClock) -> Self {
        let rules = setup.rules;
        let mut judge = Self {
            policy: setup.policy,
            live: setup.live,
            late_rules: false,
            times: None,
            constraints: Constraints::new(Arc::new(RuleSet::empty())),
            embedding: Embedding::new(setup.embedding.0, setup.embedding.1),
            drift: drift::Drift::new(setup.drift),
            earlier: setup.earlier.map(Earlier::new),
            clock,
        };
        judge.set_rules(rules);
        judge
    }

    /// Puts other rules in force. Those that have not changed go on with what they know.
    pub fn set_rules(&mut self, rules: Arc<RuleSet>) {
        self.times = rules.needs_time().then(|| self.times.take().unwrap_or_default());
        self.constraints.replace(rules);
        self.late_rules = self.constraints.is_late();
    }

    /// The rules in force.
    pub fn rules(&self) -> &Arc<RuleSet> {
        self.constraints.rules()
    }

    /// How each of them has fared.
    pub fn counts(&self) -> Vec<RuleCount> {
        self.constraints.counts()
    }

    /// How many fields of different names were seen.
    pub fn fields_seen(&self) -> usize {
        self.constraints.fields_seen()
    }

    /// Whether any of the fields that a name of a rule stands for was seen.
    pub fn has_seen(&self, field: &str) -> bool {
        self.constraints.has_seen(field)
    }

    /// What a field that never came may have meant.
    pub fn did_you_mean(&self, field: &str) -> Option<String> {
        self.constraints.did_you_mean(field)
    }

    /// Time has gone on without records; whether a window has run empty over it.
    pub fn advance(&mut self, now: Timestamp) -> bool {
        self.constraints.advance(now)
    }

    /// Event time of a record: its own, or that of its reading, or the last that its source had.
    fn time_of(&mut self, record: &Record, arrival: &Arrival) -> Option<Timestamp> {
        let own = record.ts.or(arrival.otherwise);
        let Some(times) = &mut self.times else { return own };
        let Some(at) = own else { return times.get(&record.origin.source).copied() };
        if let Some(known) = times.get_mut(&record.origin.source) {
            *known = at;
        } else if times.len() < MOST_SOURCES {
            times.insert(Arc::clone(&record.origin.source), at);
        }
        Some(at)
    }

    /// Does what the operator wants with a baseline; what came of it, in words.
    pub fn baseline(&mut self, order: &BaselineOrder) -> String {
        let BaselineOrder { key, series, wish } = order;
        let (count, done) = match wish {
            BaselineWish::Pin => {
                (self.drift.pin(key, Some(series)), "is pinned: what is normal now stays its baseline")
            }
            BaselineWish::Reset => (self.drift.reset(key, Some(series)), "learns its baseline anew"),
        };
        if count == 0 { format!("{series} of {key} is not watched") } else { format!("{series} of {key} {done}") }
    }

    /// What the drift engine watches and does not.
    pub fn watched(&self) -> Watched {
        self.drift.watched()
    }

    /// What the engines know; `scores` is what computes the divergence.
    pub fn save(&self, scores: &str) -> serde_json::Value {
        serde_json::to_value(self.saved(scores)).unwrap_or_default()
    }

    /// The same, written as JSON: what many keys have taught the engines need not stand in memory twice.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn save_to(&self, scores: &str, out: impl std::io::Write) -> std::io::Result<()> {
        Ok(serde_json::to_writer(out, &self.saved(scores))?)
    }

    fn saved(&self, scores: &str) -> Saved {
        let scores = scores.to_owned();
        let earlier = self.earlier.as_ref().map(Earlier::save).unwrap_or_default();
        Saved { scores, constraints: self.constraints.save(), drift: self.drift.save(), earlier }
    }

    /// Goes on from what was saved.
    ///
    /// # Errors
    /// When it has another form; nothing of it is believed then.
    pub fn restore(&mut self, saved: &serde_json::Value, scores: &str) -> Result<(), String> {
        let saved = Saved::deserialize(saved).map_err(|error| error.to_string())?;
        self.constraints.restore(saved.constraints);
        if let Some(earlier) = &mut self.earlier {
            earlier.restore(saved.earlier);
        }
        self.drift.restore(saved.drift, saved.scores == scores)
    }

    /// From now on another backend computes the divergence: what was learned of it so far is of another kind.
    pub fn set_embedding(&mut self, mode: Mode, backend: Arc<str>) {
        self.embedding = Embedding::new(mode, backend);
        self.drift.forget_divergence();
    }

    /// Judges the next record.
    pub fn judge(&mut self, record: &Record, texts: Texts<'_>, arrival: Arrival) -> Judgement {
        let mut failures = Vec::new();
        let mut evidence = Evidence::new(record, texts.features, self.embedding.pending());
        evidence.earlier = texts.earlier;
        evidence.shed = arrival.shed;
        evidence.at = self.time_of(record, &arrival);
        // Asking the time takes about as long as checking a rule: it is asked where something may have taken time.
        let clock = Arc::clone(&self.clock);
        let unless = |idle: bool, before: Duration| if idle { before } else { clock.elapsed() };
        let start = clock.elapsed();
        run(&mut self.constraints, Stage::Record, &mut evidence, &mut failures);
        let after_record = clock.elapsed();
        match texts.known {
            Some(known) => evidence.divergence = known.clone(),
            None => run(&mut self.embedding, Stage::Divergence, &mut evidence, &mut failures),
        }
        let after_divergence = unless(texts.features.is_empty(), after_record);
        run(&mut self.constraints, Stage::Divergence, &mut evidence, &mut failures);
        let before_drift = unless(!self.late_rules, after_divergence);
        run(&mut self.drift, Stage::Drift, &mut evidence, &mut failures);
        let after_drift = clock.elapsed();
        run(&mut self.constraints, Stage::Drift, &mut evidence, &mut failures);
        // What breaks a rule on the confidence does not lower it once more.
        let confidence = self.confidence(&evidence);
        evidence.confidence = Some(confidence);
        run(&mut self.constraints, Stage::Confidence, &mut evidence, &mut failures);
        let end = unless(!self.late_rules, after_drift);

        let micros = |span: Duration| span.as_micros() as u64;
        let constraints = (after_record - start) + (before_drift - after_divergence) + (end - after_drift);
        let embedding = arrival.embedding_us + micros(after_divergence - after_record);
        let mut timing = Timing {
            queue: 0,
            embedding,
            constraints: micros(constraints),
            drift: micros(after_drift - before_drift),
            total: micros(end.saturating_sub(arrival.read_at)),
        };
        timing.queue = timing.total.saturating_sub(timing.embedding + timing.constraints + timing.drift);
        let verdict = self.verdict(evidence, confidence, arrival, timing, !failures.is_empty());
        if let Some(earlier) = &mut self.earlier {
            earlier.remember(record, verdict.ts);
        }
        Judgement { verdict, failures }
    }

    fn confidence(&self, evidence: &Evidence<'_>) -> Confidence {
        let counting = evidence.violations.iter().filter(|(_, violation)| violation.counts()).count();
        self.policy.confidence(&evidence.divergence, counting)
    }

    fn verdict(
        &self,
        evidence: Evidence<'_>,
        confidence: Confidence,
        arrival: Arrival,
        timing: Timing,
        failed: bool,
    ) -> Verdict {
        let record = evidence.record;
        let violations: Vec<_> = evidence.violations.into_iter().map(|(_, violation)| violation).collect();
        let guard = self.live.then_some(&timing);
        let advice = self.policy.advice(&evidence.divergence, &violations, failed, guard);
        Verdict {
            seq: record.seq,
            id: Arc::clone(&record.id),
            ts: record.ts.or(arrival.otherwise),
            at: evidence.at,
            origin: record.origin.clone(),
            key: Arc::clone(&record.key),
            advice,
            confidence,
            severity: overall_severity(&violations),
            divergence: evidence.divergence,
            violations,
            drift: evidence.drift,
            timing,
            rules: Arc::clone(&self.constraints.rules().revision),
        }
    }
}
