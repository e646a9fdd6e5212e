//! From findings to confidence and advice: the table "Policy" of the contract, in numbers.

use super::{Action, Advice, Confidence, Divergence, Level, Outcome, Severity, Timing, Violation};

/// Which score speaks for disagreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Score {
    /// `divergence.semantic`.
    Semantic,
    /// `divergence.risk`.
    Risk,
}

/// How findings become confidence and advice.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The preset's name.
    pub name: &'static str,
    /// Which score counts.
    pub score: Score,
    /// Confidence lost per violation.
    pub violation_penalty: f64,
    /// Confidence from which the level is GREEN.
    pub green: f64,
    /// Confidence from which the level is YELLOW.
    pub yellow: f64,
    /// Whether a violation keeps the level from GREEN.
    pub violation_not_green: bool,
    /// Whether a `warning` rule blocks as a `critical` one does.
    pub warning_blocks: bool,
    /// Advice when an engine failed or was shed.
    pub on_unscored: Action,
    /// Score above which a person should look.
    pub review_score: f64,
    /// Engine time, ms, above which a live validation counts as slow; `None` = not used.
    pub latency_guard_ms: Option<f64>,
}

impl Policy {
    /// What the Watcher Protocol's Python engines do.
    pub fn protocol() -> Self {
        Self {
            name: "protocol",
            score: Score::Semantic,
            violation_penalty: 0.15,
            green: 0.8,
            yellow: 0.5,
            violation_not_green: false,
            warning_blocks: true,
            on_unscored: Action::Review,
            review_score: 0.4,
            latency_guard_ms: Some(200.0),
        }
    }

    /// The default: by the calibrated risk, and never GREEN with a violation.
    pub fn calibrated() -> Self {
        Self {
            name: "calibrated",
            score: Score::Risk,
            violation_not_green: true,
            warning_blocks: false,
            review_score: 0.5,
            latency_guard_ms: None,
            ..Self::protocol()
        }
    }

    /// The score that counts, if it was computed.
    pub fn score(&self, divergence: &Divergence) -> Option<f64> {
        match self.score {
            Score::Semantic => divergence.semantic.or(divergence.risk),
            Score::Risk => divergence.risk,
        }
    }

    /// Whether the samples disagree so much that a person should look.
    pub fn disagrees(&self, divergence: &Divergence) -> bool {
        self.score(divergence).is_some_and(|score| score > self.review_score)
    }

    /// Confidence, from the divergence and the number of violations that count.
    pub fn confidence(&self, divergence: &Divergence, violations: usize) -> Confidence {
        let compared = matches!(divergence.outcome, Outcome::Scored | Outcome::Partial(_));
        let (Some(score), true) = (self.score(divergence), compared) else {
            return Confidence { score: None, level: Level::Unscored };
        };
        let score = (1.0 - score - self.violation_penalty * violations as f64).max(0.0);
        let level = match score {
            s if s >= self.green && !(self.violation_not_green && violations > 0) => Level::Green,
            s if s >= self.yellow => Level::Yellow,
            _ => Level::Red,
        };
        Confidence { score: Some(score), level }
    }

    /// Advice: the first line of the table that holds. `engine_failed` is any engine, `live` the mode of reading.
    pub fn advice(
        &self,
        divergence: &Divergence,
        violations: &[Violation],
        engine_failed: bool,
        timing: Option<&Timing>,
    ) -> Advice {
        let worst = violations.iter().filter(|v| v.counts()).map(|v| v.severity).max();
        let slow = |t: &Timing| self.latency_guard_ms.is_some_and(|guard| engine_ms(t) > guard);
        let unscored = engine_failed || matches!(divergence.outcome, Outcome::Failed(_) | Outcome::Partial(_));
        let (action, status_code) = match worst {
            Some(Severity::Critical) => (Action::Block, 424),
            Some(Severity::Warning) if self.warning_blocks => (Action::Block, 424),
            Some(Severity::Warning) => (Action::Review, 400),
            _ if unscored => (self.on_unscored, self.unscored_code()),
            _ if self.disagrees(divergence) => (Action::Review, 400),
            _ if timing.is_some_and(slow) => (Action::Caution, 202),
            _ => (Action::Allow, 200),
        };
        Advice { action, status_code }
    }

    fn unscored_code(&self) -> u16 {
        match self.on_unscored {
            Action::Allow => 200,
            Action::Caution => 202,
            Action::Review => 409,
            Action::Block => 424,
        }
    }
}

/// Time spent in the engines, ms.
fn engine_ms(timing: &Timing) -> f64 {
    (timing.embedding + timing.constraints + timing.drift) as f64 / 1e3
}

/// Mean weight of the violations that count; 0 without any.
pub fn overall_severity(violations: &[Violation]) -> f64 {
    let weights: Vec<f64> = violations.iter().filter(|v| v.counts()).map(|v| f64::from(v.weight())).collect();
    if weights.is_empty() { 0.0 } else { weights.iter().sum::<f64>() / weights.len() as f64 }
}

#[cfg(test)]
mod tests {
    use super::super::{Observed, ViolationState};
    use super::*;

    fn scored(risk: f64) -> Divergence {
        Divergence { semantic: Some(risk), risk: Some(risk), ..Divergence::none(Outcome::Scored, "portable".into()) }
    }

    fn breach(severity: Severity) -> Violation {
        Violation {
            rule: "r".into(),
            severity,
            field: "f".into(),
            message: String::new(),
            observed: Observed::Number(2.0),
            limit: Some(1.0),
            state: ViolationState::Firing,
            silenced_by: None,
        }
    }

    fn codes(policy: &Policy, divergence: &Divergence, violations: &[Violation], failed: bool) -> u16 {
        let slow = Timing { embedding: 300_000, ..Timing::default() };
        policy.advice(divergence, violations, failed, Some(&slow)).status_code
    }

    #[test]
    fn the_table_of_the_contract() {
        let (protocol, calibrated) = (Policy::protocol(), Policy::calibrated());
        let calm = scored(0.1);
        for policy in [&protocol, &calibrated] {
            assert_eq!(codes(policy, &calm, &[breach(Severity::Critical)], true), 424);
            assert_eq!(codes(policy, &calm, &[breach(Severity::Info)], true), 409);
            assert_eq!(codes(policy, &scored(0.6), &[], false), 400);
        }
        assert_eq!(codes(&protocol, &calm, &[breach(Severity::Warning)], false), 424);
        assert_eq!(codes(&calibrated, &calm, &[breach(Severity::Warning)], false), 400);
        assert_eq!(codes(&protocol, &scored(0.45), &[], false), 400);
        assert_eq!(codes(&protocol, &calm, &[], false), 202);
        assert_eq!(codes(&calibrated, &calm, &[], false), 200);
        let failed = Divergence::none(Outcome::Failed("timeout".into()), "portable".into());
        assert_eq!(codes(&calibrated, &failed, &[], false), 409);
    }

    #[test]
    fn levels_and_what_is_unscored() {
        let (protocol, calibrated) = (Policy::protocol(), Policy::calibrated());
        assert_eq!(protocol.confidence(&scored(0.0), 1).level, Level::Green);
        assert_eq!(calibrated.confidence(&scored(0.0), 1).level, Level::Yellow);
        assert_eq!(calibrated.confidence(&scored(0.9), 1).score, Some(0.0));
        let skipped = Divergence::none(Outcome::Skipped("one_sample".into()), "portable".into());
        assert_eq!(calibrated.confidence(&skipped, 0), Confidence { score: None, level: Level::Unscored });
    }
}
