//! What holds for every input, however hostile. The fuzz targets call this, and `tests/it/fuzz_seeds.rs` on every seed.
//!
//! Each check says whether the input was sound, and panics when something does not hold.

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use watcher::engine::Engine;
use watcher::engine::constraints::testing::evidence;
use watcher::engine::constraints::{Constraints, check};
use watcher::record::native::Parser;
use watcher::record::{Limits, Origin, Record, Seq};
use watcher::rules::condition::Condition;
use watcher::rules::schema::Source;
use watcher::rules::{RuleSet, Stage};
use watcher::yaml::Diagnostic;

const NAME: &str = "rules.yaml";

/// How the faults begin that brackets around a sound expression may bring about: it was as large as is allowed.
const TOO_LARGE: [&str; 2] = ["the expression is nested deeper than", "with its macros put in the expression"];

/// A usual record, one at the edges of what numbers and texts can be, and one with nothing in it.
const RECORDS: [&str; 3] = [
    r#"{"ts": 60, "id": "r1", "agent_id": "a", "model": "gpt-4o", "tenant_id": "t", "intent": "trade", "prompt": "?",
        "samples": ["yes", "No, 1,200 €", ""], "latency_ms": 812, "env": "prod", "desk": "hedge", "error": true,
        "physics": {"energy_in": 10, "energy_out": 9.5}, "financial": {"proposed_loss": -120},
        "metrics": {"pressure": 1, "temp": 280, "fee": 0.5, "v": 30, "value at risk": 3, "code": 200},
        "items": [{"price": 1}, {"price": 2}], "x": 5, "a": 1, "b": true, "s": "é",
        "divergence": {"risk": 0.9, "semantic": 0.2, "answer": 0.3, "lexical": 0.4, "facts": 0.5, "entropy": 0.6, "outlier": 2},
        "confidence": {"score": 0.4}, "drift": {"latency_ms": {"score": 0.9, "state": "drift"}}}"#,
    r#"{"ts": "9999-12-30T22:00:00.999999999Z", "agent_id": "a", "model": "G\u0130\u0301\ud83d\ude00\u202e", "samples": ["\u0000"],
        "latency_ms": 1.7976931348623157e308, "env": "", "desk": "\ufeff", "error": "perhaps",
        "physics": {"energy_in": -1.7976931348623157e308, "energy_out": 5e-324}, "financial": {"proposed_loss": -0.0},
        "metrics": {"pressure": 0, "v": -1.7976931348623157e308, "code": 9007199254740993, " TEMP ": 1e300, "temp": -1e300},
        "x": 1.7976931348623157e308, "a": -5e-324, "b": false, "s": 0,
        "divergence": {"risk": -1e300, "outlier": -1}, "confidence": {"score": 1e300}, "drift": {"x": {"state": "?"}}}"#,
    "{}",
];

static PARSED: LazyLock<Vec<Record>> = LazyLock::new(|| {
    let records = RECORDS.iter().map(|text| record(text.as_bytes()));
    records.collect::<Option<_>>().unwrap()
});

/// Any text as a rule file: it is sound, or every fault has its place.
pub fn rule_file(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    let faults = match check(&[Source { name: NAME.into(), text: text.clone().into_owned() }]) {
        Ok(checked) => {
            let mut told = checked.report.faults(&checked.rules);
            told.extend(checked.rules.notes.iter().cloned());
            told.iter().for_each(|note| diagnostic(note, &text));
            run(checked.rules);
            return true;
        }
        Err(faults) => faults,
    };
    assert!(!faults.is_empty(), "refused without a reason");
    // A byte order mark is no part of the text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    faults.iter().for_each(|fault| diagnostic(fault, text));
    false
}

fn diagnostic(fault: &Diagnostic, text: &str) {
    assert_eq!(*fault.text, *text, "it is about another text");
    place(&fault.span, text, &fault.message);
    let told = fault.to_string();
    let (line, column) = fault.position();
    assert!(told.starts_with(&format!("{NAME}:{line}:{column}: ")) && line > 0 && column > 0, "{told}");
}

/// A place lies in the text, and begins and ends between characters.
fn place(span: &Range<usize>, text: &str, message: &str) {
    assert!(text.get(span.clone()).is_some(), "{span:?} is no part of {} bytes of text: {message}", text.len());
}

fn run(rules: RuleSet) {
    let rules = Arc::new(rules);
    let mut engine = Constraints::new(Arc::clone(&rules));
    for record in PARSED.iter() {
        let mut evidence = evidence(record);
        for stage in Stage::ALL {
            assert_eq!(engine.run(stage, &mut evidence), Ok(()));
        }
        for (_, violation) in &evidence.violations {
            assert!(rules.rules.iter().any(|rule| rule.id == violation.rule), "no rule is called {}", violation.rule);
        }
    }
    assert_eq!(engine.counts().len(), rules.rules.len());
}

/// Any text as an expression: it is sound, or its fault has a place.
pub fn expression(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    match Condition::parse(&text) {
        Ok(mut condition) => {
            for record in PARSED.iter() {
                condition.truth(record);
            }
            true
        }
        Err(fault) => {
            place(&fault.span, &text, &fault.message);
            false
        }
    }
}

/// An expression, a NUL byte, a record: the answer does not depend on what was asked before, nor on brackets, nor on
/// being denied twice.
pub fn evaluator(data: &[u8]) -> bool {
    let Some(at) = data.iter().position(|byte| *byte == 0) else { return false };
    let Ok(text) = std::str::from_utf8(&data[..at]) else { return false };
    let (Ok(mut condition), Some(record)) = (Condition::parse(text), record(&data[at + 1..])) else { return false };
    let truth = condition.truth(&record);
    assert_eq!(condition.truth(&record), truth, "{text}: another answer the second time");
    for other in PARSED.iter() {
        condition.truth(other);
        assert_eq!(condition.truth(&record), truth, "{text}: another answer after another record");
    }
    for wrapped in [format!("({text})"), format!("!(!({text}))")] {
        match Condition::parse(&wrapped) {
            Ok(mut condition) => assert_eq!(condition.truth(&record), truth, "{wrapped}: another answer"),
            Err(fault) => {
                let message = &fault.message;
                assert!(TOO_LARGE.iter().any(|beginning| message.starts_with(beginning)), "{wrapped}: {message}");
            }
        }
    }
    true
}

fn record(json: &[u8]) -> Option<Record> {
    let origin = Origin { source: "fuzz".into(), file: "0".into(), offset: 0, line: None, part: 0 };
    Parser::new(Limits::default(), &[]).parse(Seq(0), origin, Bytes::copy_from_slice(json)).ok()
}
