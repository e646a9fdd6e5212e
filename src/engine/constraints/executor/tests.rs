//! The engine at work on records.

use bytes::Bytes;

use super::*;
use crate::record::native::Parser;
use crate::record::{Limits, Origin, Seq};
use crate::rules::schema::{Source, load};
use crate::verdict::Violation;
use crate::verdict::{Divergence, Outcome};

struct Bench {
    parser: Parser,
    engine: Constraints,
}

impl Bench {
    fn new(rules: &str) -> Self {
        let text = format!("version: 1\n{rules}");
        let rules = load(&[Source { name: "r".into(), text }]).unwrap();
        Self { parser: Parser::new(Limits::default(), &[]), engine: Constraints::new(Arc::new(rules)) }
    }

    fn run(&mut self, line: &str) -> Vec<(String, String, &'static str)> {
        let origin = Origin { source: "s".into(), file: "f".into(), offset: 0, line: None, part: 0 };
        let record = self.parser.parse(Seq(0), origin, Bytes::copy_from_slice(line.as_bytes())).unwrap();
        let mut divergence = Divergence::none(Outcome::Scored, "lexical".into());
        divergence.risk = record.number("test_risk");
        let mut evidence = Evidence::new(&record, &[], divergence);
        for stage in Stage::ALL {
            self.engine.run(stage, &mut evidence).unwrap();
        }
        let short = |(_, v): (usize, Violation)| (v.rule.to_string(), v.message, v.severity.word());
        evidence.violations.into_iter().map(short).collect()
    }

    fn ids(&mut self, line: &str) -> Vec<String> {
        self.run(line).into_iter().map(|(id, ..)| id).collect()
    }
}

#[test]
fn aliases_check_every_spelling_in_the_record_s_order() {
    let mut bench = Bench::new(
        include_str!("../../../../sample-data/rules/watcher-protocol.yaml").split_once("version: 1").unwrap().1,
    );
    let ids = bench.ids(
        r#"{"physics":{"energy_in":1,"energy_out":2},"financial":{"proposed_loss":-5},
        "metrics":{"pressure":-1,"leverage_ratio":11," Pa ":-2,"VAR":-10001}}"#,
    );
    assert_eq!(ids, ["energy-balance", "pressure", "leverage", "pressure", "max-loss"]);
    assert!(bench.ids(r#"{"metrics":{"pressure":0,"leverage":10,"température":-1,"var":-10000}}"#).is_empty());
}

#[test]
fn bounds_have_two_severities_and_may_be_open() {
    let mut bench = Bench::new(
        "rules:\n  - id: a\n    severity: critical\n    limit: {field: x, max: 10, warn_max: 8, unit: V}\n  - id: b\n    limit: {field: y, min: 0, exclusive: true}\n",
    );
    assert_eq!(bench.run(r#"{"x":1200.5}"#), [("a".into(), "x 1,200.5 > 10 V".into(), "critical")]);
    assert_eq!(bench.run(r#"{"x":9}"#), [("a".into(), "x 9 > 8 V".into(), "warning")]);
    assert!(bench.ids(r#"{"x":8}"#).is_empty());
    assert_eq!(bench.run(r#"{"y":0}"#), [("b".into(), "y 0 ≤ 0".into(), "warning")]);
}

#[test]
fn words_steps_and_missing_fields() {
    let mut bench = Bench::new(concat!(
        "rules:\n  - id: model\n    limit: {field: model, one_of: [m1, m2]}\n",
        "  - id: step\n    limit: {field: x, max_step: 5}\n",
        "  - id: need\n    missing: violate\n    severity: critical\n    limit: {field: must, max: 1}\n",
        "  - id: div\n    require: 'a / b < 2'\n    message: 'ratio of {a:.1} and {b}, {model}'\n",
    ));
    let ids = bench.ids(r#"{"model":"m3","x":1,"must":0}"#);
    assert_eq!(ids, ["model"]);
    assert_eq!(bench.ids(r#"{"model":"m1","x":7,"must":0}"#), ["need"; 0]);
    assert_eq!(bench.ids(r#"{"agent_id":"z","x":70,"must":0}"#), ["step"; 0]);
    assert_eq!(bench.ids(r#"{"model":"m1","x":12.5,"must":0}"#), ["step"]);
    assert_eq!(bench.run(r#"{"model":"m1"}"#), [("need".into(), "must is missing".into(), "critical")]);
    let error = bench.run(r#"{"must":0,"a":1,"b":0}"#);
    assert_eq!(error[0].2, "info");
    assert_eq!(bench.run(r#"{"must":0,"a":4,"b":2,"agent_id":"q"}"#)[0].1, "ratio of 4.0 and 2, –");
    assert_eq!(
        bench.engine.counts()[3],
        RuleCount { records: 7, evaluated: 1, present: 2, hits: 1, errors: 1, ..RuleCount::default() }
    );
}

#[test]
fn rules_on_findings_run_after_them_and_cannot_be_forged() {
    let mut bench = Bench::new(
        "rules:\n  - id: d\n    require: 'divergence.risk <= 0.5'\n  - id: e\n    limit: {field: divergence.risk, max: 0.7}\n",
    );
    assert_eq!(bench.ids(r#"{"test_risk":0.9}"#), ["d", "e"]);
    assert_eq!(bench.ids(r#"{"test_risk":0.6}"#), ["d"]);
    assert!(bench.ids(r#"{"test_risk":0.1,"divergence":{"risk":0.9}}"#).is_empty());
    let mut bench = Bench::new("rules:\n  - id: a\n    require: 'x <= y * 2'\n  - id: b\n    require: '5 > z'\n");
    let said: Vec<String> = bench.run(r#"{"x":9,"y":4,"z":5000}"#).into_iter().map(|(_, text, _)| text).collect();
    assert_eq!(said, ["x 9 > 8 (y * 2)", "z 5,000 ≥ 5"]);
}

#[test]
fn aliases_and_steps_of_findings_are_checked_where_they_are_known() {
    let mut bench = Bench::new(concat!(
        "fields: {myrisk: [divergence.risk], both: [test_risk, divergence.risk], two: [a, b]}\n",
        "rules:\n  - id: alias\n    require: 'myrisk <= 0.5'\n",
        "  - id: alias-limit\n    limit: {field: myrisk, max: 0.7}\n    missing: violate\n",
        "  - id: mixed\n    limit: {field: both, max: 0.8}\n",
        "  - id: answers\n    limit: {field: samples.n, min: 2}\n",
        "  - id: jump\n    limit: {field: divergence.risk, max_step: 0.6}\n",
        "  - id: steps\n    limit: {field: two, max_step: 5}\n",
    ));
    let two = r#""samples":["x","y"]"#;
    assert_eq!(bench.ids(&format!("{{\"test_risk\":0.2,{two}}}")), [""; 0]);
    assert_eq!(bench.ids(&format!("{{\"test_risk\":0.9,{two}}}")), ["mixed", "alias", "alias-limit", "mixed", "jump"]);
    assert_eq!(bench.ids(r#"{"test_risk":0.4,"samples":["x"]}"#), ["answers"]);
    assert_eq!(bench.ids(&format!("{{\"test_risk\":0.4,\"a\":1,\"b\":100,{two}}}")), [""; 0]);
    let jump = bench.run(&format!("{{\"test_risk\":0.4,\"a\":2,\"b\":107,{two}}}"));
    assert_eq!(jump, [("steps".into(), "b changed by 7, more than 5".into(), "warning")]);
    assert!(bench.engine.counts().iter().all(|count| count.evaluated > 0));
}
