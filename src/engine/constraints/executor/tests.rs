//! The engine at work on records.

use bytes::Bytes;

use super::*;
use crate::engine::constraints::no_data;
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

fn at(second: u64, rest: &str) -> String {
    format!("{{\"ts\":{},{rest}}}", 1_700_000_000 + second)
}

const REMEMBERING: &str = "rules:
  - {id: step, limit: {field: x, max_step: 5}}
  - {id: held, limit: {field: x, max: 50}, for: 10s}
  - {id: mean, window: {agg: mean, field: x, over: 30s, by: [model]}, limit: {max: 40}}
  - {id: kinds, window: {agg: distinct, field: model, last: 20}, limit: {max: 2}}
  - {id: share, window: {agg: ratio, when: 'x > 30', over: 1m}, limit: {max: 0.5}}
";

/// What an engine knows goes through a checkpoint: whoever goes on from there says the same.
#[test]
fn state_goes_on_across_the_end_of_the_process() {
    let line = |n: u64| at(n * 2, &format!("\"x\":{},\"model\":\"m{}\"", (n * 37) % 90, n % 4));
    let mut whole = Bench::new(REMEMBERING);
    let said: Vec<Vec<String>> = (0..120).map(|n| whole.ids(&line(n))).collect();
    assert!(said.iter().flatten().collect::<std::collections::HashSet<_>>().len() == 5, "every rule has its turn");
    for end in [1, 40, 77] {
        let mut first = Bench::new(REMEMBERING);
        (0..end).for_each(|n| drop(first.ids(&line(n))));
        let saved = serde_json::to_string(&first.engine.save()).unwrap();
        let mut second = Bench::new(REMEMBERING);
        second.engine.restore(serde_json::from_str(&saved).unwrap());
        let rest: Vec<Vec<String>> = (end..120).map(|n| second.ids(&line(n))).collect();
        assert_eq!(rest, said[end as usize..]);
        assert_eq!(second.engine.counts(), whole.engine.counts());
    }
}

/// Rules that did not change go on with what they know; one that did begins anew, wherever it stands in the file.
#[test]
fn a_reload_keeps_the_state_of_what_did_not_change() {
    let rules =
        |text: &str| Arc::new(load(&[Source { name: "r".into(), text: format!("version: 1\n{text}") }]).unwrap());
    let mut bench = Bench::new(
        "lists: {l: [1, 2]}\nrules:\n  - {id: a, limit: {field: x, max_step: 5}}\n  - {id: b, limit: {field: x, max_step: 5}}\n  - {id: c, limit: {field: x, one_of: l}}\n",
    );
    assert_eq!(bench.ids(r#"{"x":1}"#), [""; 0]);
    // The layout, the order, other rules: nothing of it matters to a rule that says the same.
    let changed = "# new\nlists: {l: [1, 2, 30]}\nrules:\n  - id: b\n    limit: {field: x, max_step: 6}\n  - {id: c, limit: {field: x, one_of: l}}\n  - id: a\n    limit: {max_step: 5, field: x}\n";
    let same_words = rules(&changed.replace("{max_step: 5, field: x}", "{field: x, max_step: 5}"));
    bench.engine.replace(same_words);
    let counts = bench.engine.counts();
    assert_eq!((counts[0].evaluated, counts[1].evaluated, counts[2].evaluated), (0, 0, 1));
    assert_eq!((counts[0].records, counts[1].records, counts[2].records), (0, 0, 1));
    assert_eq!(bench.ids(r#"{"x":30}"#), ["a"]);
}

/// A flood of groups costs no memory without end, and what had to go is counted.
#[test]
fn groups_and_keys_are_bounded_and_counted() {
    let mut bench = Bench::new(
        "rules:\n  - {id: w, window: {agg: count, over: 1h, by: [user]}, limit: {max: 1}}\n  - {id: s, limit: {field: x, max_step: 1}}\n  - {id: h, limit: {field: x, min: 1}, for: 1h}\n",
    );
    for n in 0..6_000 {
        bench.ids(&at(0, &format!("\"user\":\"u{n}\",\"agent_id\":\"a{n}\",\"x\":0")));
    }
    let counts = bench.engine.counts();
    assert!((800..=1_024).contains(&counts[0].groups), "{:?}", counts[0]);
    assert_eq!(counts[0].groups + counts[0].evicted, 6_000);
    assert!(counts[1].evicted > 1_500 && counts[2].evicted > 1_500, "{counts:?}");
    // Whoever came last is still known.
    assert_eq!(bench.ids(&at(1, "\"user\":\"u5999\"")), ["w"]);
}

/// In live mode time goes on by the clock: a window that nothing comes for has no data.
#[test]
fn windows_run_empty_by_the_clock() {
    let mut bench = Bench::new("rules:\n  - {id: w, window: {agg: mean, field: x, over: 1m}, limit: {max: 1}}\n");
    assert_eq!(bench.ids(&at(0, "\"x\":5")), ["w"]);
    let rule = Arc::clone(bench.engine.rules());
    assert!(!no_data(&rule.rules[0], &bench.engine.counts()[0]));
    let later = |second: i64| jiff::Timestamp::from_second(1_700_000_000 + second).unwrap();
    assert!(!bench.engine.advance(later(59)) && bench.engine.advance(later(60)));
    assert!(no_data(&rule.rules[0], &bench.engine.counts()[0]));
}

/// Comparisons that were left out as decided say nothing of this record, whatever they said of the one before.
#[test]
fn what_is_at_fault_is_of_this_record() {
    let mut bench =
        Bench::new("rules:\n  - {id: a, require: 'has(model) && (latency_ms < 100 && matches(model, \"^gpt\"))'}\n");
    assert_eq!(bench.run(r#"{"model":"gpt-4","latency_ms":500}"#)[0].1, "latency_ms 500 ≥ 100");
    let said = &bench.run(r#"{"latency_ms":50}"#)[0].1;
    assert!(said.starts_with("requires has(model)"), "{said}");
}

#[test]
fn a_breach_does_not_last_across_a_time_without_data() {
    let mut bench = Bench::new(
        "rules:\n  - {id: w, window: {agg: mean, field: x, over: 60s}, limit: {max: 1}, for: 2m}\n  - {id: p, limit: {field: y, max: 1}, for: 10s}\n",
    );
    let state = |bench: &mut Bench, second: u64, rest: &str| {
        let before = bench.engine.counts();
        bench.run(&at(second, rest));
        let after = bench.engine.counts();
        (0..2).map(|i| (after[i].hits - before[i].hits, after[i].pending - before[i].pending)).collect::<Vec<_>>()
    };
    assert_eq!(state(&mut bench, 0, "\"x\":5")[0], (0, 1));
    // Three hours later it is another breach.
    assert_eq!(state(&mut bench, 10_800, "\"x\":5")[0], (0, 1));
    assert_eq!(state(&mut bench, 10_830, "\"x\":5")[0], (0, 1));
    (1..4).for_each(|n| drop(state(&mut bench, 10_830 + n * 30, "\"x\":5")));
    assert_eq!(state(&mut bench, 10_930, "\"x\":5")[0], (1, 0));
    // A clock that was ahead once does not keep a rule quiet until then.
    assert_eq!(state(&mut bench, 900_000_000, "\"y\":5")[1], (0, 1));
    assert_eq!(state(&mut bench, 20_000, "\"y\":5")[1], (0, 1));
    assert_eq!(state(&mut bench, 20_010, "\"y\":5")[1], (1, 0));
}

#[test]
fn only_what_is_about_the_window_is_called_by_its_name() {
    let mut bench = Bench::new(concat!(
        "rules:\n  - {id: both, window: {agg: mean, field: q, over: 1m}, alert_if: 'latency_ms > 400 && window.value > 10'}\n",
        "  - {id: mean, window: {agg: mean, field: q, over: 1m, by: [model]}, limit: {max: 30, unit: ms}}\n",
    ));
    assert_eq!(bench.run(&at(0, "\"q\":20,\"latency_ms\":500"))[0].1, "latency_ms 500 > 400");
    let said = bench.run(&at(1, "\"q\":40.00001,\"model\":\"a, b\""));
    assert_eq!(said[0].1, "mean of q over 1m: 40 > 30 ms (model = a, b, n = 1)");
}

#[test]
fn exceptions_are_nothing_that_a_rule_needs() {
    let mut bench = Bench::new(
        "rules:\n  - {id: m, alert_if: '!(model in [\"a\"])', missing: warn, exceptions: [{when: 'tier > 3', reason: r}]}\n",
    );
    assert_eq!(bench.run("{\"z\":1}")[0].1, "model is missing");
    assert_eq!(bench.ids(r#"{"model":"b"}"#), ["m"]);
    assert_eq!(bench.ids(r#"{"model":"b","tier":4}"#), [""; 0]);
    let count = bench.engine.counts()[0];
    assert_eq!((count.evaluated, count.present, count.excepted), (2, 2, 1));
}

#[test]
fn a_record_that_lacks_one_of_the_fields_does_not_have_all() {
    let mut bench = Bench::new("rules:\n  - {id: a, alert_if: 'model == \"a\" && latency_ms > 5'}\n");
    bench.ids(r#"{"model":"b"}"#);
    bench.ids(r#"{"model":"a"}"#);
    bench.ids(r#"{"model":"a","latency_ms":1}"#);
    let count = bench.engine.counts()[0];
    assert_eq!((count.evaluated, count.present), (2, 1));
}

#[test]
fn labels_cannot_pass_for_other_groups() {
    let mut bench = Bench::new("rules:\n  - {id: w, window: {agg: count, over: 1h, by: [p, q]}, limit: {max: 1}}\n");
    for record in [
        r#""p":"a, b","q":"c""#,
        r#""p":"a","q":"b, c""#,
        r#""p":"–""#,
        r#""q":"-""#,
        r#""p":"1:a""#,
        r#""p":"1","q":1"#,
        r#""p":1"#,
    ] {
        assert_eq!(bench.ids(&at(0, record)), [""; 0], "{record}");
    }
    assert_eq!(bench.engine.counts()[0].groups, 7);
}

/// Nothing can be said any more of a rule whose field no longer comes, though records do.
#[test]
fn a_field_that_stops_coming_is_no_data_by_event_time() {
    let mut bench =
        Bench::new("rules:\n  - {id: w, window: {agg: mean, field: x, over: 10s, by: [model]}, limit: {max: 100}}\n");
    let rules = Arc::clone(bench.engine.rules());
    bench.ids(&at(0, "\"x\":1,\"model\":\"a\""));
    bench.ids(&at(5, "\"model\":\"b\""));
    assert!(!no_data(&rules.rules[0], &bench.engine.counts()[0]));
    bench.ids(&at(30, "\"model\":\"b\""));
    assert!(no_data(&rules.rules[0], &bench.engine.counts()[0]));
}

/// A list is held against every spelling that the record has, as bounds are.
#[test]
fn lists_check_every_spelling() {
    let mut bench = Bench::new(concat!(
        "fields: {llm: [model, llm_name], code: [code, status]}\nrules:\n",
        "  - {id: word, limit: {field: llm, one_of: [a]}}\n  - {id: value, limit: {field: code, not_in: [500]}}\n",
    ));
    assert_eq!(bench.ids(r#"{"model":"a","llm_name":"a","code":200,"status":200}"#), [""; 0]);
    let said = bench.run(r#"{"model":"a","llm_name":"b","code":200,"status":500}"#);
    let said: Vec<&str> = said.iter().map(|(_, text, _)| text.as_str()).collect();
    assert_eq!(said, ["status 500 is not allowed", "llm_name \"b\" is none of a"]);
}

#[test]
fn what_never_came_may_have_been_meant_otherwise() {
    let mut bench = Bench::new("rules:\n  - {id: a, limit: {field: latncy_ms, max: 1}}\n");
    bench.ids(r#"{"latency_ms":1,"metrics":{"sites":1,"pressure":2},"model":"m"}"#);
    let near = |path: &str| bench.engine.did_you_mean(path);
    assert_eq!(near("latncy_ms").as_deref(), Some("did you mean `latency_ms`?"));
    assert_eq!(near("metrics.presure").as_deref(), Some("did you mean `metrics.pressure`?"));
    assert_eq!(near("metric.pressure").as_deref(), Some("did you mean `metrics.pressure`?"));
    assert_eq!((near("metrics.position"), near("cost")), (None, None));
}
