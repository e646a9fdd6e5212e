//! Columns and records say the same.

use bytes::Bytes;

use super::*;
use crate::history::{History, Retention};
use crate::record::native::Parser;
use crate::record::{Limits, Origin, Record, Seq};
use crate::rules::schema::{Source, load};
use crate::verdict::{Divergence, Outcome};

fn rules(text: &str) -> RuleSet {
    load(&[Source { name: "r".into(), text: format!("version: 1\n{text}") }]).unwrap()
}

fn row(parser: &mut Parser, seq: u64, line: &str) -> Row {
    let origin = Origin { source: "s".into(), file: "f".into(), offset: seq, line: None, part: 0 };
    let record: Record = parser.parse(Seq(seq), origin.clone(), Bytes::copy_from_slice(line.as_bytes())).unwrap();
    let mut divergence = Divergence::none(Outcome::Scored, "lexical".into());
    divergence.risk = Some((seq % 10) as f64 / 10.0);
    let mut verdict = Verdict::unjudged(&record);
    verdict.divergence = divergence;
    verdict.confidence.score = Some(0.5);
    Row { record: Arc::new(record), verdict: Arc::new(verdict), other: None }
}

fn past() -> Past {
    let mut parser = Parser::new(Limits::default(), &[]);
    let mut history = History::new(Retention { bytes: usize::MAX, rows: usize::MAX });
    let line = |n: u64| match n % 7 {
        0 => format!("{{\"ts\":{n},\"a\":{n},\"b\":{},\"model\":\"m{}\"}}", n % 5, n % 3),
        1 => format!("{{\"ts\":{n},\"metrics\":{{\"temp\":{},\"kelvin\":-{n}}}}}", n % 3),
        2 => format!("{{\"ts\":{n},\"b\":0,\"a\":1}}"),
        _ => format!("{{\"ts\":{n},\"a\":-{n}.5,\"samples\":[\"x\",\"y\"]}}"),
    };
    history.append((0..1_500).map(|n| row(&mut parser, n, &line(n))).collect());
    Past::new(history.view())
}

const RULES: &str = "fields: {temperature: [metrics.temperature, metrics.temp, metrics.kelvin]}
rules:
  - {id: bounds, limit: {field: a, min: -100, max: 900, warn_max: 800}}
  - {id: open, limit: {field: b, min: 0, exclusive: true}}
  - {id: alias, limit: {field: temperature, min: 0}}
  - {id: must, limit: {field: b, max: 3}, missing: violate}
  - {id: sum, require: 'a / b < 100 || a > 50', missing: warn}
  - {id: alert, alert_if: 'divergence.risk > 0.7 && samples.n == 2'}
  - {id: codes, limit: {field: b, one_of: [0, 1, 2]}}
  - {id: kinds, limit: {field: temperature, one_of: [0, 1, 2]}}
  - {id: member, alert_if: 'b in [3, 4] && !(a < 10)'}
  - {id: choice, alert_if: '(b > 2 ? a : -a) > 100 && abs(a) % 2 == 0'}
  - {id: model, limit: {field: model, one_of: [m0, m1]}}
  - {id: step, limit: {field: a, max_step: 500}}
  - {id: rate, window: {agg: count, over: 10s, field: b}, limit: {max: 3}}
  - {id: held, limit: {field: b, max: 0}, for: 5s}
  - {id: exempt, limit: {field: a, max: 10}, exceptions: [{when: 'a > 1000', reason: r}]}
";

#[test]
fn columns_say_what_the_engine_says() {
    let set = rules(RULES);
    let mut past = past();
    let go = AtomicBool::new(false);
    let found = past.run(&set, |_| true, &go).unwrap();
    let slow = past.by_records(set.clone(), &go).unwrap();
    assert_eq!(found.len(), set.rules.len());
    for (columns, records) in found.iter().zip(&slow) {
        assert_eq!(columns, records, "{}", columns.rule);
    }
    let columnar = set.rules.iter().filter(|rule| is_columnar(&set, rule)).count();
    assert_eq!(columnar, 10);
    assert!(found.iter().all(|fired| fired.fired.count() > 0), "{found:?}");
}

#[test]
fn an_edit_is_compared_with_what_was() {
    let mut past = past();
    let go = AtomicBool::new(false);
    let before = past.run(
        &rules("rules: [{id: a, limit: {field: a, max: 900}}, {id: old, limit: {field: b, max: 3}}]"),
        |_| true,
        &go,
    );
    let now = past.run(
        &rules("rules: [{id: a, limit: {field: a, max: 800}}, {id: new, limit: {field: b, max: 3}}]"),
        |_| true,
        &go,
    );
    let changes = compare(&before.unwrap(), &now.unwrap());
    let a = &changes[0];
    assert_eq!((a.now - a.before, a.new.count(), a.gone.count()), (14, 14, 0));
    assert_eq!(past.row(a.new.rows().next().unwrap()).unwrap().record.number("a"), Some(805.0));
    let names: Vec<(&str, u64, u64)> = changes[1..].iter().map(|c| (&*c.rule, c.before, c.now)).collect();
    assert_eq!((names[0].0, names[1].0), ("new", "old"));
    assert!(names[0].1 == 0 && names[0].2 == names[1].1 && names[1].2 == 0);
}

#[test]
fn a_run_that_nobody_waits_for_ends() {
    let mut past = past();
    let stop = AtomicBool::new(true);
    assert_eq!(past.run(&rules(RULES), |_| true, &stop), Err(Cancelled));
    assert!(past.run(&rules(RULES), |_| true, &AtomicBool::new(false)).is_ok());
}
