//! A verdict from a line of an output: the inverse of `json`. What a line does not hold gets a neutral value.

pub(crate) mod fields;

use std::sync::Arc;

use jiff::Timestamp;

use super::policy::overall_severity;
use super::{
    Action, Advice, Basis, Confidence, Direction, Divergence, DriftReport, DriftState, Level, Observed, Outcome,
    Severity, Timing, Verdict, Violation, ViolationState,
};
use crate::record::json::Json;
use crate::record::{LABEL_BYTES, Origin, Seq, names, prefix};
use fields::{Fields, Within};

/// What is kept of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Most {
    /// Violations, and series.
    pub items: usize,
    /// Bytes of a message or a reason.
    pub text: usize,
    /// Bytes of an id, a key, a word.
    pub label: usize,
    /// Bytes of the path of a field or a series.
    pub path: usize,
}

impl Most {
    /// Of a line out of a log, which anybody may have written.
    pub const LOG: Self = Self { items: 256, text: 4 << 10, label: LABEL_BYTES, path: names::MAX_PATH };

    /// Everything: the line itself is bounded.
    pub const ALL: Self = Self { items: usize::MAX, text: usize::MAX, label: usize::MAX, path: usize::MAX };
}

/// Reads one line of an output. Unknown keys are passed over: a later version may write more.
///
/// # Errors
/// The key and what was expected there, when something that every verdict has is missing or of another kind.
pub fn read(json: &Json<'_>) -> Result<Verdict, String> {
    read_most(json, Most::LOG)
}

/// Reads one line of an output, and keeps as much of it as is said.
///
/// # Errors
/// As [`read`].
pub fn read_most(json: &Json<'_>, most: Most) -> Result<Verdict, String> {
    let line = Fields::of(json)?;
    match line.get("v") {
        Some(Json::Whole(1)) => {}
        _ => return Err(line.fault("v", "1, the version that is known here")),
    }
    let ts = time(&line)?;
    let origin = Origin {
        source: line.text("source", most.text)?,
        file: line.text("file", most.label)?,
        offset: line.whole("offset")?,
        line: None,
        part: line.whole("part")?,
    };
    let violations =
        line.list("violations")?.iter().take(most.items).enumerate().map(|(index, json)| violation(json, index, most));
    let violations = violations.collect::<Result<Vec<_>, _>>()?;
    let drift = line.list("drift")?.iter().take(most.items).enumerate().map(|(index, json)| report(json, index, most));
    Ok(Verdict {
        seq: Seq(line.whole("seq")?),
        id: line.text("id", most.label)?,
        ts,
        at: ts,
        origin,
        key: line.text("key", most.label)?,
        advice: Advice {
            action: line.word("action", &Action::ALL, Action::word)?,
            status_code: line.whole("status_code")?,
        },
        confidence: confidence(&line)?,
        divergence: divergence(&line, most)?,
        severity: severity(&line, &violations)?,
        violations,
        drift: drift.collect::<Result<_, _>>()?,
        timing: timing(&line)?,
        rules: line.text("rules", most.label)?,
    })
}

fn time(line: &Fields<'_, '_>) -> Result<Option<Timestamp>, String> {
    let Some(found) = line.get("ts") else { return Ok(None) };
    let ts = found.text().and_then(|text| text.parse().ok());
    ts.map(Some).ok_or_else(|| line.fault("ts", "a time such as 2026-02-17T12:34:56Z"))
}

fn confidence(line: &Fields<'_, '_>) -> Result<Confidence, String> {
    let found = line.object("confidence")?;
    Ok(Confidence { score: found.number("score")?, level: found.word("level", &Level::ALL, Level::word)? })
}

fn divergence(line: &Fields<'_, '_>, most: Most) -> Result<Divergence, String> {
    const STATES: [&str; 4] = ["scored", "partial", "skipped", "failed"];
    let found = line.object("divergence")?;
    let why = || found.text_or("why", most.text, "");
    let outcome = match found.word("state", &STATES, |word| word)? {
        "partial" => Outcome::Partial(why()?),
        "skipped" => Outcome::Skipped(why()?),
        "failed" => Outcome::Failed(why()?),
        _ => Outcome::Scored,
    };
    // The earlier answers themselves are not in the line, only that they were what the answer was held against.
    let basis = match found.get("basis") {
        Some(_) => found.word("basis", &["history"], |word| word).map(|_| Basis::History(Arc::new([])))?,
        None => Basis::Samples,
    };
    Ok(Divergence {
        semantic: found.number("semantic")?,
        answer: found.number("answer")?,
        lexical: found.number("lexical")?,
        facts: found.number("facts")?,
        entropy: found.number("entropy")?,
        risk: found.number("risk")?,
        outlier: found.maybe_whole("outlier")?,
        basis,
        ..Divergence::none(outcome, found.text_or("backend", most.label, "none")?)
    })
}

/// `severity.overall`; of a line without it, what its violations come to.
fn severity(line: &Fields<'_, '_>, violations: &[Violation]) -> Result<f64, String> {
    let overall = match line.get("severity") {
        Some(_) => line.object("severity")?.number("overall")?,
        None => None,
    };
    Ok(overall.unwrap_or_else(|| overall_severity(violations)))
}

fn timing(line: &Fields<'_, '_>) -> Result<Timing, String> {
    if line.get("timing_us").is_none() {
        return Ok(Timing::default());
    }
    let found = line.object("timing_us")?;
    let micros = |key| found.maybe_whole(key).map(Option::unwrap_or_default);
    Ok(Timing {
        queue: micros("queue")?,
        embedding: micros("embedding")?,
        constraints: micros("constraints")?,
        drift: micros("drift")?,
        total: micros("total")?,
    })
}

fn violation(json: &Json<'_>, index: usize, most: Most) -> Result<Violation, String> {
    let found = Fields::within(json, Within::Item("violations", index))?;
    let observed = match found.get("observed") {
        None => Observed::Missing,
        Some(Json::Text(text)) => Observed::Text(prefix(text, most.text).into()),
        Some(other) => {
            Observed::Number(other.number().ok_or_else(|| found.fault("observed", "a number, a text or null"))?)
        }
    };
    Ok(Violation {
        rule: found.text("rule", most.label)?,
        severity: found.word("severity", &Severity::ALL, Severity::word)?,
        field: found.text_or("field", most.path, "")?,
        message: found.text_or("message", most.text, "")?.to_string(),
        observed,
        limit: found.number("limit")?,
        state: found.word("state", &ViolationState::ALL, ViolationState::word)?,
        silenced_by: found.get("silenced_by").map(|_| found.text("silenced_by", most.label)).transpose()?,
    })
}

fn report(json: &Json<'_>, index: usize, most: Most) -> Result<DriftReport, String> {
    let found = Fields::within(json, Within::Item("drift", index))?;
    let state = found.word("state", &DriftState::ALL, DriftState::word)?;
    let onset = found.maybe_whole("onset_seq")?.map(Seq);
    let (z, baseline, size) = (found.figure("z")?, found.number("baseline")?, found.number("size")?);
    let direction = match found.get("direction") {
        Some(_) => Some(found.word("direction", &Direction::ALL, Direction::word)?),
        None => None,
    };
    let mut report = DriftReport {
        score: found.figure("score")?,
        z,
        baseline,
        direction,
        size,
        onset,
        ..DriftReport::absent(found.text("series", most.path)?, state)
    };
    if state != DriftState::Drift && onset.is_none() {
        undrifted(&mut report);
    }
    Ok(report)
}

/// Outside a drift a line tells the distance of the value from the baseline as the size, and the sign of z as the
/// direction: the report itself has the value, and neither of them.
fn undrifted(report: &mut DriftReport) {
    let of_z = if report.z < 0.0 { Direction::Down } else { Direction::Up };
    report.direction = report.direction.filter(|direction| *direction != of_z);
    let (Some(baseline), Some(size)) = (report.baseline, report.size) else { return };
    let value = baseline + size;
    let off = (value - baseline - size).abs();
    // Only if the same size comes of it again, to the six decimals that are written.
    if off == 0.0 || (off < 4e-7 && size.abs() < 1e9) {
        (report.value, report.size) = (value, None);
    }
}

#[cfg(test)]
mod tests;
