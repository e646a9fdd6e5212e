//! Findings on hand-made logs.

use bytes::Bytes;
use proptest::prelude::*;

use super::super::draft::{Maker, Pieces};
use super::super::{Limits, Origin, generic, native};
use super::*;

fn profile(lines: &[String]) -> Findings {
    let mut profile = Profile::new();
    let mut maker = Maker::new(Limits::default(), &[]);
    for line in lines {
        let json = Json::parse(line).unwrap();
        profile.object(&json);
        if json.get("samples").is_some() {
            let draft = native::read(&mut maker, line.as_bytes()).unwrap();
            profile.record(&maker.record(draft, Origin::nowhere(), Bytes::new()));
            continue;
        }
        let mut into = Pieces::new(&mut maker);
        generic::read(&json, &mut into);
        for piece in into.found {
            profile.record(&maker.record(piece.draft, Origin::nowhere(), Bytes::new()));
        }
    }
    profile.finish()
}

fn native_line(n: u32) -> String {
    let agent = if n.is_multiple_of(3) { "support-eu" } else { "sql-1" };
    format!(
        r#"{{"id":"r{n}","ts":"2026-03-04T09:{:02}:{:02}Z","agent_id":"{agent}","model":"m{}","level":"info","prompt":"What is {n} plus one?",
        "samples":["It is {n} and one more.","That makes {n} plus one."],"latency_ms":{},"metrics":{{"cost_usd":{}}},"total":{n}}}"#,
        n / 60 % 60,
        n % 60,
        n % 2,
        300 + n * 37 % 500,
        0.001 * f64::from(n * 7 % 11 + 1)
    )
}

#[test]
fn a_native_log() {
    let lines: Vec<String> = (0..200).map(native_line).collect();
    let findings = profile(&lines);
    assert_eq!(
        (findings.objects, findings.records, findings.with_answers, findings.with_several),
        (200, 200, 200, 200)
    );
    assert_eq!(findings.first.unwrap().to_string(), "2026-03-04T09:00:00Z");
    assert_eq!(findings.last.unwrap().to_string(), "2026-03-04T09:03:19Z");
    assert_eq!(
        (findings.keys.as_slice(), findings.groups.len()),
        (&["agent_id".to_owned(), "model".to_owned()][..], 0)
    );
    let names: Vec<&str> = findings.numbers.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["latency_ms", "metrics.cost_usd", "total"]);
    let latency = findings.latency.as_ref().unwrap();
    assert_eq!((latency.min, latency.count, latency.integral, latency.grows), (300.0, 200, true, false));
    assert!(latency.p1 <= latency.p50 && latency.p50 <= latency.p99 && latency.p99 <= latency.max);
    assert!(findings.numbers[2].grows);
    let agents = findings.labels.iter().find(|label| label.name == "agent_id").unwrap();
    assert_eq!((agents.distinct, &agents.most[0]), (2, &("sql-1".to_owned(), 133)));
    assert_eq!((findings.texts[0].path.as_str(), findings.texts[1].path.as_str()), ("$.samples[*]", "$.prompt"));
    assert_eq!((findings.previews.len(), findings.previews[0].samples, findings.previews[0].answers.len()), (5, 2, 2));
    assert_eq!(findings.previews[0].numbers, ["latency_ms=300", "metrics.cost_usd=0.001", "total=0"]);
    let rules = starter_rules(&findings, "log");
    assert!(rules.contains("- id: cost-usd\n") && !rules.contains("total"), "{rules}");
}

#[test]
fn single_answers_that_belong_together() {
    let line = |n: u32| {
        format!(
            r#"{{"time":{},"trace":"t{}","session":"s{}","bot":"b{}","question":"Where is parcel {}?","answer":"Parcel {} is on its way, try {n}."}}"#,
            1_772_614_800 + n,
            n / 3,
            n / 6,
            n % 5,
            n / 3,
            n / 3
        )
    };
    let findings = profile(&(0..90).map(line).collect::<Vec<_>>());
    assert_eq!(findings.groups, ["trace", "prompt"]);
    assert_eq!(findings.keys, ["agent_id", "bot"]);
    let config = starter_config(&findings);
    assert!(config.contains("#   --group-by trace\n") && config.contains("\nkey: [agent_id]\n"), "{config}");
}

#[test]
fn a_log_of_other_names_gets_a_map() {
    let line = |n: u32| {
        format!(
            r#"{{"when":{n},"call":{{"user_question":"How many are left of {n}?","llm_reply":"There are {n} left, I think."}},"kind":"x"}}"#
        )
    };
    let findings = profile(&(0..30).map(line).collect::<Vec<_>>());
    assert_eq!((findings.with_answers, findings.without_time), (0, 30));
    let config = starter_config(&findings);
    assert!(
        config.contains("#   --map samples=$.call.llm_reply,prompt=$.call.user_question\n")
            || config.contains("'samples=$.call.llm_reply,prompt=$.call.user_question'"),
        "{config}"
    );
    assert!(config.contains("key: [agent_id, model, tenant_id]\n"));
    assert!(config.contains("  # it only grows: a counter\n  when: {watch: false}\n"));
}

#[test]
fn a_config_is_sound_yaml_whatever_the_names() {
    let label = |name: &str| LabelField {
        name: name.to_owned(),
        count: 100,
        distinct: 3,
        most: vec![("a\n  b: \u{1b}".into(), 50), ("#".into(), 9)],
    };
    for (name, written) in [
        ("agent_id", Some("agent_id")),
        ("[\"it's\"]", Some("$[\"it's\"]")),
        ("metadata[\"a b\"]", Some("metadata[\"a b\"]")),
        ("true", Some("$.true")),
        ("日本", Some("日本")),
        ("[\"x\\\"y\"]", None),
        ("a\u{202e}b", None),
    ] {
        let findings =
            Findings { records: 100, keys: vec![name.into()], labels: vec![label(name)], ..Findings::default() };
        let config = starter_config(&findings);
        let doc = crate::yaml::Doc::parse("config.yaml", &config).unwrap();
        let key = doc.root().get("key").unwrap().list().unwrap();
        assert_eq!(key.first().and_then(|node| node.string()), written.or(Some("agent_id")), "{config}");
    }
    assert!(crate::yaml::Doc::parse("config.yaml", &starter_config(&Findings::default())).is_ok());
    let field = |name: &str, distinct, grows| NumberField {
        name: name.to_owned(),
        count: 100,
        min: 1.0,
        p1: 1.0,
        p50: 50.0,
        p99: 99.0,
        max: 100.0,
        distinct,
        integral: true,
        grows,
    };
    let numbers = vec![field("request_id", 100, false), field("row count", 100, true), field("x", 50, false)];
    let config =
        starter_config(&Findings { numbers, latency: Some(field("latency_ms", 9, false)), ..Findings::default() });
    assert!(config.ends_with(
        "series:\n  # its name is that of an id, a time or a place in a list\n  request_id: {watch: false}\n  # it only grows: a counter\n  \
         'row count': {watch: false}\n  # Answers that become faster are no news.\n  latency_ms: {direction: up}\n"
    ));
}

#[test]
fn many_paths_are_bounded() {
    let lines: Vec<String> = (0..60)
        .map(|n| {
            let fields: Vec<String> = (0..100).map(|k| format!("\"n{n}_{k}\":{k},\"l{n}_{k}\":\"v\"")).collect();
            format!("{{{}}}", fields.join(","))
        })
        .collect();
    let findings = profile(&lines);
    assert_eq!((findings.numbers.len(), findings.labels.len()), (MOST, MOST));
}

proptest! {
    #[test]
    fn any_log_has_findings_and_sound_files(lines in proptest::collection::vec(
        proptest::collection::btree_map("[a-c.\"\\[ :é\\\\]{0,4}", prop_oneof![
            "[ -~é日]{0,30}".prop_map(serde_json::Value::from),
            proptest::num::f64::NORMAL.prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            Just(serde_json::json!({"answers": ["a b c", {"text": "d e f"}], "[": [1, 2]})),
        ], 0..5), 0..40))
    {
        let lines: Vec<String> = lines.iter().map(|line| serde_json::to_string(line).unwrap()).collect();
        let mut findings = profile(&lines);
        for text in [starter_rules(&findings, "l\nog"), starter_config(&findings)] {
            prop_assert!(crate::yaml::Doc::parse("f.yaml", &text).is_ok(), "{}", text);
        }
        findings.numbers.iter_mut().for_each(|field| (field.count, field.distinct) = (100, 50));
        let text = starter_rules(&findings, "log");
        prop_assert!(crate::yaml::Doc::parse("f.yaml", &text).is_ok(), "{}", text);
    }
}
