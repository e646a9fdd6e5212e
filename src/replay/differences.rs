//! What two judgements of the same record differ in, and why.

use std::collections::BTreeSet;

use crate::verdict::{Outcome, Verdict};

/// Why they may differ.
pub const REASONS: [&str; 6] = ["rules", "backend", "shedding", "engine failed", "policy", "engine state"];

/// Index of a reason in [`REASONS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Rules,
    Backend,
    Shedding,
    Failed,
    Policy,
    State,
}

/// Decimals to which scores are compared: those that a verdict is written with.
const DECIMALS: f64 = 1e6;

/// The reasons of such bits, in words.
pub fn words(bits: u8) -> impl Iterator<Item = &'static str> {
    REASONS.iter().enumerate().filter(move |(at, _)| bits & 1 << at != 0).map(|(_, word)| *word)
}

/// The reasons why two judgements of a record differ, one bit each in the order of [`REASONS`]; 0 where they agree in
/// everything that a verdict says but for what it cost and the revision of the rules.
pub fn reasons(seen: &Verdict, now: &Verdict) -> u8 {
    let mut found = Vec::new();
    let scores = |v: &Verdict| {
        let d = &v.divergence;
        [d.semantic, d.answer, d.lexical, d.facts, d.entropy, d.risk].map(|s| s.map(|s| (s * DECIMALS).round() as i64))
    };
    let divergence = scores(seen) != scores(now) || seen.divergence.outcome.word() != now.divergence.outcome.word();
    if divergence {
        found.push(match (&seen.divergence.outcome, &now.divergence.outcome) {
            (Outcome::Partial(_), _) | (_, Outcome::Partial(_)) => Reason::Shedding,
            (Outcome::Failed(_), _) | (_, Outcome::Failed(_)) => Reason::Failed,
            _ if seen.divergence.backend != now.divergence.backend => Reason::Backend,
            // The same backend on the same texts: only earlier answers, which the engine remembers, can differ.
            _ => Reason::State,
        });
    }
    let broken = |v: &Verdict| -> BTreeSet<(String, String, &'static str, &'static str)> {
        let violations = v.violations.iter();
        violations.map(|v| (v.rule.to_string(), v.field.to_string(), v.severity.word(), v.state.word())).collect()
    };
    let violations = broken(seen) != broken(now);
    if violations {
        found.push(if seen.rules == now.rules { Reason::State } else { Reason::Rules });
    }
    let moved = |v: &Verdict| -> BTreeSet<(String, &'static str)> {
        let notable = v.drift.iter().filter(|report| report.state.is_notable());
        notable.map(|report| (report.series.to_string(), report.state.word())).collect()
    };
    if moved(seen) != moved(now) && !divergence && !violations {
        found.push(if seen.rules == now.rules { Reason::State } else { Reason::Rules });
    }
    if seen.advice != now.advice && found.is_empty() {
        found.push(Reason::Policy);
    }
    found.into_iter().fold(0, |bits, reason| bits | 1 << reason as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;
    use crate::verdict::{Action, Advice, Observed, Severity, Violation, ViolationState};

    fn verdict() -> Verdict {
        let mut verdict = Verdict::unjudged(&Record::blank());
        verdict.divergence.outcome = Outcome::Scored;
        verdict.divergence.risk = Some(0.25);
        verdict
    }

    fn why(seen: &Verdict, now: &Verdict) -> Vec<&'static str> {
        let bits = reasons(seen, now);
        REASONS.into_iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, name)| name).collect()
    }

    #[test]
    fn each_reason_is_told_from_the_others() {
        let seen = verdict();
        assert!(why(&seen, &seen).is_empty());
        let mut now = verdict();
        now.divergence.risk = Some(0.250_000_04);
        assert!(why(&seen, &now).is_empty(), "what a verdict is not written with is no difference");
        (now.divergence.risk, now.divergence.backend) = (Some(0.5), "other".into());
        assert_eq!(why(&seen, &now), ["backend"]);
        now.divergence.outcome = Outcome::Partial("overload".into());
        assert_eq!(why(&seen, &now), ["shedding"]);
        now.divergence.outcome = Outcome::Failed("timeout".into());
        assert_eq!(why(&seen, &now), ["engine failed"]);
        let mut now = verdict();
        now.advice = Advice { action: Action::Review, status_code: 400 };
        assert_eq!(why(&seen, &now), ["policy"]);
        let mut now = verdict();
        now.violations.push(Violation {
            rule: "slow".into(),
            severity: Severity::Critical,
            field: "latency_ms".into(),
            message: String::new(),
            observed: Observed::Missing,
            limit: None,
            state: ViolationState::Firing,
            silenced_by: None,
        });
        assert_eq!(why(&seen, &now), ["engine state"]);
        now.rules = "sha256:other".into();
        assert_eq!(why(&seen, &now), ["rules"]);
    }
}
