//! What stands for the verdicts that are not written one by one (`output.only: findings`): a line a minute with their counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::record::Seq;
use crate::verdict::{Action, Outcome, Verdict, ViolationState};

/// Event time that one line stands for.
const SPAN: SignedDuration = SignedDuration::from_secs(60);

/// Rules that one line tells of; more are counted together.
const RULES: usize = 64;

/// The counts of a minute.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Tally {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    /// Number of the last verdict counted.
    seq: u64,
    records: u64,
    rejected: u64,
    unscored: u64,
    drifts: u64,
    actions: [u64; 4],
    violations: BTreeMap<Arc<str>, u64>,
}

/// Whether a verdict is written by itself.
pub fn is_finding(verdict: &Verdict) -> bool {
    let missed = matches!(verdict.divergence.outcome, Outcome::Partial(_) | Outcome::Failed(_));
    let breached = verdict.violations.iter().any(|violation| violation.state == ViolationState::Firing);
    verdict.advice.action != Action::Allow || breached || missed || verdict.drift.iter().any(|report| report.alarm)
}

impl Tally {
    /// Counts a refused line.
    pub fn rejected(&mut self) {
        self.rejected += 1;
    }

    /// Counts a verdict; the line of the minute before it, if that is over and lies after `summed`.
    pub fn add(&mut self, verdict: &Verdict, summed: Option<Timestamp>) -> Option<String> {
        let at = verdict.ts.or(verdict.at);
        let over = matches!((self.since, at), (Some(since), Some(at)) if at.duration_since(since) >= SPAN);
        let line = if over { self.line(summed) } else { None };
        self.since = self.since.or(at);
        self.until = self.until.max(at);
        self.seq = verdict.seq.0;
        self.records += 1;
        self.unscored += u64::from(!matches!(verdict.divergence.outcome, Outcome::Scored));
        self.drifts += verdict.drift.iter().filter(|report| report.alarm).count() as u64;
        let index = Action::ALL.iter().position(|action| *action == verdict.advice.action).unwrap_or(0);
        self.actions[index] += 1;
        for violation in verdict.violations.iter().filter(|violation| violation.state == ViolationState::Firing) {
            let known = self.violations.contains_key(&violation.rule) || self.violations.len() < RULES;
            let rule = if known { Arc::clone(&violation.rule) } else { "…".into() };
            *self.violations.entry(rule).or_default() += 1;
        }
        line
    }

    /// The line of what was counted, and a new beginning; `None` if nothing was, or a former run has written the line.
    pub fn line(&mut self, summed: Option<Timestamp>) -> Option<String> {
        let counted = std::mem::take(self);
        let written = summed.is_some_and(|summed| counted.until.is_some_and(|until| until <= summed));
        if written || (counted.records == 0 && counted.rejected == 0) {
            return None;
        }
        let actions: serde_json::Map<String, serde_json::Value> =
            Action::ALL.iter().zip(counted.actions).map(|(action, n)| (action.word().to_owned(), n.into())).collect();
        let violations: serde_json::Map<String, serde_json::Value> =
            counted.violations.iter().map(|(rule, n)| (rule.to_string(), (*n).into())).collect();
        let time = |ts: Option<Timestamp>| ts.map(|ts| ts.to_string());
        let line = serde_json::json!({ "v": 1, "summary": {
            "since": time(counted.since), "until": time(counted.until), "seq": Seq(counted.seq).0,
            "records": counted.records, "rejected": counted.rejected, "unscored": counted.unscored,
            "drifts": counted.drifts, "actions": actions, "violations": violations,
        }});
        Some(format!("{line}\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::draft::Maker;
    use crate::record::{Limits, Origin};

    fn verdict(seq: u64, second: i64) -> Verdict {
        let mut maker = Maker::new(Limits::default(), &[]);
        let draft = maker.draft();
        let mut verdict = Verdict::unjudged(&maker.record(draft, Origin::nowhere(), "".into()));
        (verdict.seq, verdict.ts) = (Seq(seq), Timestamp::from_second(second).ok());
        verdict
    }

    #[test]
    fn a_minute_ends_with_the_first_record_after_it() {
        let mut tally = Tally::default();
        for (seq, second) in [(0, 1_000), (1, 1_030), (2, 1_059)] {
            assert_eq!(tally.add(&verdict(seq, second), None), None);
        }
        tally.rejected();
        let line = tally.add(&verdict(3, 1_060), None).unwrap();
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&line["summary"]["records"], &line["summary"]["seq"]), (&3.into(), &2.into()));
        assert_eq!((&line["summary"]["rejected"], &line["summary"]["actions"]["ALLOW"]), (&1.into(), &3.into()));
        let rest: serde_json::Value = serde_json::from_str(&tally.line(None).unwrap()).unwrap();
        assert_eq!(rest["summary"]["records"], 1);
        assert_eq!(tally.line(None), None);
        tally.add(&verdict(4, 1_070), None);
        assert_eq!(tally.line(Timestamp::from_second(1_070).ok()), None);
    }

    #[test]
    fn an_unremarkable_verdict_is_no_finding() {
        let mut calm = verdict(0, 0);
        assert!(!is_finding(&calm));
        calm.advice.action = Action::Review;
        assert!(is_finding(&calm));
        calm.advice.action = Action::Allow;
        calm.divergence.outcome = Outcome::Failed("timeout".into());
        assert!(is_finding(&calm));
    }
}
