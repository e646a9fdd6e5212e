//! What expressions mean: the compiled program against a slow evaluator that walks the tree, against the same program run
//! over columns, and against the `cel` crate on the part of the language that both have.

mod slow;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Map, Value};
use watcher::engine::constraints::backtest::Past;
use watcher::history::{History, Retention, Row};
use watcher::record::native::Parser;
use watcher::record::{Limits, Origin, Record, Seq};
use watcher::rules::condition::Condition;
use watcher::rules::expr::{self, Truth};
use watcher::rules::schema::{Source, load};
use watcher::verdict::Verdict;

use crate::support::parse_all;
use slow::{Outcome, Slow, Want};

fn record(slow: &Slow) -> Record {
    parse(&line(slow))
}

/// The record as a log would have it.
fn line(slow: &Slow) -> String {
    let mut object = Map::new();
    let mut metrics = Map::new();
    for (path, value) in &slow.numbers {
        match path.strip_prefix("metrics.") {
            Some(name) => metrics.insert(name.into(), (*value).into()),
            None => object.insert(path.clone(), (*value).into()),
        };
    }
    for (path, text) in &slow.texts {
        let value = match text.as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            text => text.into(),
        };
        object.insert(path.clone(), value);
    }
    if !metrics.is_empty() {
        object.insert("metrics".into(), metrics.into());
    }
    object.insert("samples".into(), slow.samples.clone().into());
    Value::from(object).to_string()
}

fn parse(line: &str) -> Record {
    let origin = Origin { source: "s".into(), file: "f".into(), offset: 0, line: None, part: 0 };
    Parser::new(Limits::default(), &[]).parse(Seq(0), origin, Bytes::copy_from_slice(line.as_bytes())).unwrap()
}

/// The records as the history keeps them.
fn past(records: Vec<Record>) -> Past {
    let row = |record: Record| {
        let verdict = Verdict::unjudged(&record);
        Row { record: Arc::new(record), verdict: Arc::new(verdict), other: None }
    };
    let mut history = History::new(Retention { bytes: usize::MAX, rows: usize::MAX });
    history.append(records.into_iter().map(row).collect());
    Past::new(history.view())
}

fn truth(text: &str, record: &Record) -> Truth {
    Condition::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}")).truth(record)
}

fn outcome(truth: Truth) -> Outcome {
    match truth {
        Truth::True => Outcome::Bool(Some(true)),
        Truth::False => Outcome::Bool(Some(false)),
        Truth::Missing => Outcome::Bool(None),
        Truth::Error(_) => Outcome::Error,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn programs_agree_with_a_walk_over_the_tree(text in slow::expression(), given in slow::record()) {
        let ast = expr::parse(&text).map_err(|fault| TestCaseError::fail(format!("{text}: {fault:?}")))?;
        let walked = slow::eval(&ast, &given, Want::Bool);
        prop_assert_eq!(outcome(truth(&text, &record(&given))), walked, "{}", text);
    }

    #[test]
    fn programs_agree_with_cel(text in slow::cel_expression(), given in slow::cel_record()) {
        let Some(by_cel) = slow::in_cel(&text, &given) else { return Ok(()) };
        prop_assert_eq!(outcome(truth(&text, &record(&given))), Outcome::Bool(Some(by_cel)), "{}", text);
    }

    /// A backtest runs numeric conditions over columns and the others record by record: either way they mean the same.
    #[test]
    fn backtests_agree_with_programs(text in slow::expression(), given in prop::collection::vec(slow::record(), 1..9)) {
        // Names are numbered by the parser: all records of a history come from one.
        let lines: Vec<String> = given.iter().map(line).collect();
        let records = parse_all(lines.iter().map(String::as_str));
        let by_record: Vec<bool> = records.iter().map(|record| truth(&text, record) == Truth::True).collect();
        let quoted = Value::from(text.as_str());
        let source = Source {
            name: "r".into(),
            text: format!("version: 1\nrules: [{{id: a, alert_if: {quoted}}}]\n"),
        };
        // A condition that reads no field is refused as a rule.
        let Ok(rules) = load(&[source]) else { return Ok(()) };
        let found = past(records).run(&rules, |_| true, &AtomicBool::new(false)).unwrap();
        let fired: Vec<bool> = (0..by_record.len()).map(|row| found[0].fired.has(row)).collect();
        prop_assert_eq!(fired, by_record, "{}", text);
    }

    #[test]
    fn any_text_is_refused_or_compiled(text in "[a-c0-9 .()!&|<>=+*/%?:'\"\\[\\],$-]{0,60}") {
        if let Err(fault) = Condition::parse(&text) {
            prop_assert!(fault.span.start <= fault.span.end && fault.span.end <= text.len(), "{:?}", fault);
        }
    }
}

#[test]
fn expressions_mean_what_they_say() {
    use Truth::{Error, False, Missing, True};
    let zero = Error("division by zero");
    let record = parse(
        r#"{"a":1,"b":2,"s":"x","ok":true,"odd name":7,"agent-id":"w1","latency_ms":1500,"items":[{"p":3}],
        "metrics":{"Value at Risk":9},"model":"GPT-4o","samples":["yes","YES!"]}"#,
    );
    let cases = [
        ("a <= b * 1.05", True),
        ("a + 2 * b - 1 == 4 && (a + 2) * b == 6 && !(a > b)", True),
        ("-a < 0 || false", True),
        ("1 < 2 ? a == 1 : a == 2", True),
        ("10 / 4 == 2.5 && 7 % 4 == 3 && -7 % 4 == -3 && 1e3 == 1000 && .5 < 1", True),
        ("min(a, b, 0.5) == 0.5 && max(a, b) == 2 && abs(-a) == round(1.2) && round(-2.5) == -3", True),
        ("s == \"x\" && s in ['y', 'x'] && !(s in []) && s != 'y'", True),
        ("has(a) && !has(c) && has(s) && !has(t) && has(samples)", True),
        ("ok && ok == true && !(ok == false)", True),
        ("s", Missing),
        ("a == b - 1 && a == a && s == s && a == s", False),
        ("c == a", Missing),
        ("$[\"odd name\"] == 7 && $[\"agent-id\"] == 'w1' && $.a == 1 && items[0].p == 3", True),
        ("metrics[\"value at RISK\"] == 9", True),
        ("latency_ms > 1s && latency_ms == 1500ms && latency_ms < 2s && duration('2s') == 2000", True),
        ("lower(model) == 'gpt-4o' && model.startsWith('GPT') && model.endsWith('4o') && contains(model, '-')", True),
        ("lower(model).contains('gpt') && model.matches(r'^GPT-\\d') && !matches(model, 'gpt')", True),
        ("size(model) == 6 && size(samples) == 2 && samples.n == 2 && size([1, 2]) == 2", True),
        ("samples.all(s, lower(s).startsWith('yes')) && samples.exists(x, x.endsWith('!'))", True),
        ("samples.all(s, samples.exists(t, size(t) > size(s)))", False),
        ("(a > 0 ? model : s).startsWith('GPT')", True),
        ("a in [0, b - 1] && a in [1, 2, 3] && !(a in [2])", True),
        ("c > 1", Missing),
        ("c > 1 && a > 5", False),
        ("a > 5 && c > 1", False),
        ("c > 1 || a == 1", True),
        ("!(c > 1)", Missing),
        ("a / 0 > 1", zero),
        ("a / 0 > 1 || a == 1", True),
        ("a / 0 > 1 || c > 1", zero),
        ("a % 0 == 1", zero),
        ("1e308 * 10 - 1e308 * 10 > 0", Error("the sum is not a number")),
        ("1e308 * 10 > 1e308", True),
        ("a == 1 ? true : a / 0 > 1", True),
        ("divergence.risk > 0.5", Missing),
    ];
    for (text, want) in cases {
        assert_eq!(truth(text, &record), want, "{text}");
    }
    assert_eq!(truth("samples.all(s, size(s) > 0)", &parse("{}")), Missing);
}

#[test]
fn depth_and_size_are_bounded() {
    let refused = |text: String| Condition::parse(&text).is_err();
    for depth in [500, 10_000, 200_000] {
        assert!(refused(format!("{}a{} < 1", "(".repeat(depth), ")".repeat(depth))));
        assert!(refused(format!("{}true", "!".repeat(depth))));
        assert!(refused(format!("{}1 < 2", "-".repeat(depth))));
        assert!(refused(format!("a{} < 1", " + 1".repeat(depth))));
        assert!(refused(format!("{}1", "a ? 1 : ".repeat(depth))));
        assert!(refused(format!("a{}", ".abs()".repeat(depth))));
        assert!(refused(format!("a in {}", "[".repeat(depth))));
    }
    // As deep as is allowed, in chains and brackets at once, and still compiled at once.
    assert!(!refused(format!("a == 1{}", " == true".repeat(60))));
    assert!(refused(format!("{}a{} < 1", "(1 + ".repeat(60), ")".repeat(60)).replace('a', &"a + ".repeat(60))));
    // Patterns run in linear time, however they are written, and do not take all memory.
    let record = parse(&format!("{{\"s\":\"{}\"}}", "a".repeat(250)));
    assert_eq!(truth("matches(s, r'^(a+)+$') && !matches(s, r'^(a|a)*b$')", &record), Truth::True);
    assert!(refused("matches(s, r'((a{1000}){1000}){1000}')".into()));
}
