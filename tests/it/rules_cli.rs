//! `watcher rules …`: what it prints, and its exit codes.

use serde_json::Value;

use crate::support::{Home, repo};

const RULES: &str = "version: 1
rules:
  - {id: slow, limit: {field: latency_ms, max: 100, warn_max: 50}, severity: critical}
  - {id: ratio, require: 'a <= b * 2'}
  - {id: burst, window: {agg: count, over: 1m}, limit: {max: 2}}
  - {id: risky, alert_if: 'divergence.risk > 0.5'}
tests:
  - {name: slow is critical, given: {latency_ms: 200}, expect: {slow: critical}}
";

fn home() -> Home {
    let home = Home::new();
    home.write("r.yaml", RULES);
    home
}

fn out(home: &Home, arguments: &[&str], code: i32) -> String {
    let output = home.watcher().args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{said}");
    String::from_utf8(output.stdout).unwrap() + &said
}

fn json(home: &Home, arguments: &[&str], code: i32) -> Value {
    let output = home.watcher().args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn check_says_what_is_there_and_all_that_is_wrong() {
    let home = home();
    assert!(out(&home, &["rules", "check", "r.yaml"], 0).starts_with("4 rules, 1 tests pass, revision "));
    let sound = json(&home, &["rules", "check", "r.yaml", "--json"], 0);
    assert_eq!((&sound["ok"], &sound["rules"], &sound["tests"]), (&true.into(), &4.into(), &1.into()));
    home.write("bad.yaml", RULES.replace("max: 100", "max: x").replace("b * 2", "b * \"c\""));
    let said = out(&home, &["rules", "check", "bad.yaml"], 2);
    assert!(
        said.contains("bad.yaml:3:48: expected a number")
            && said.contains("bad.yaml:4:36: expected number, found string"),
        "{said}"
    );
    assert!(said.contains("2 faults"), "{said}");
    let faults = json(&home, &["rules", "check", "bad.yaml", "--json"], 2);
    assert_eq!(
        (&faults["ok"], &faults["faults"][0]["line"], &faults["faults"][0]["column"]),
        (&false.into(), &3.into(), &48.into())
    );
    home.write("fails.yaml", RULES.replace("slow: critical", "slow: ok"));
    assert!(out(&home, &["rules", "check", "fails.yaml"], 1).contains("1 of 1 tests fail"));
    // Nothing starts with rules whose own tests fail.
    home.write("log", "{}\n");
    let said = out(&home, &["replay", "log", "--headless", "--backend", "none", "--rules", "fails.yaml"], 2);
    assert!(said.contains("expected slow to be ok, found critical"), "{said}");
    assert!(out(&home, &["rules", "check", "none.yaml"], 2).contains("none.yaml"));
    assert!(out(&home, &["rules", "check"], 0).contains("llm-service.yaml (embedded)"));
    home.write(
        "notes.yaml",
        RULES
            .replace("{id: ratio,", "{id: ratio, capture: {before: 5}, notify: [desk],")
            .replace("latency_ms", "latncy_ms"),
    );
    let said = out(&home, &["rules", "check", "notes.yaml"], 0);
    assert!(!said.contains("`notify`") && !said.contains("`capture`"), "{said}");
    assert!(said.contains("records hardly have a field `latncy_ms` (did you mean `latency_ms`?)"), "{said}");
}

#[test]
fn test_tells_failures_and_what_no_test_touched() {
    let home = home();
    let said = out(&home, &["rules", "test", "r.yaml"], 0);
    assert!(said.contains("ok    slow is critical"), "{said}");
    assert!(said.contains("1 of 4 rules and 1 of 9 branches tested"), "{said}");
    assert!(said.contains("not tested: slow: ok, warn_max breached"), "{said}");
    home.write(
        "fails.yaml",
        RULES.replace("slow is critical", "a < b & \"c\"").replace("slow: critical", "slow: ok, ratio: missing"),
    );
    let said = out(&home, &["rules", "test", "fails.yaml", "--junit", "out.xml"], 1);
    assert!(said.contains("FAIL  a < b & \"c\"") && said.contains("found critical: latency_ms 200 > 100"), "{said}");
    let xml = std::fs::read_to_string(home.path("out.xml")).unwrap();
    assert!(xml.contains("tests=\"1\"") && xml.contains("failures=\"1\"") && xml.contains("a &lt; b &amp; "), "{xml}");
    let told = json(&home, &["rules", "test", "fails.yaml", "--json"], 1);
    assert_eq!(
        (&told["ok"], &told["failed"], &told["coverage"][1]["tested"]),
        (&false.into(), &1.into(), &true.into())
    );
}

#[test]
fn explain_shows_every_part_with_its_value() {
    let home = home();
    let rules = ["--rules", "r.yaml", "--backend", "lexical"];
    let explain = |rest: &[&str], code: i32| out(&home, &[&rules[..], &["rules", "explain"], rest].concat(), code);
    let said = explain(
        &[
            "ratio",
            r#"{"a": 5,
        "b": 2}"#,
        ],
        0,
    );
    assert!(said.starts_with("ratio: warning\n  a 5 <= b 2 * 2 = false  ✗\n    a = 5\n    b 2 * 2 = 4\n"), "{said}");
    assert!(said.contains("→ warning firing: a 5 > 4 (b * 2)"), "{said}");
    assert!(explain(&["slow", r#"{"latency_ms": 60}"#], 0).contains("latency_ms ≤ 50 (warn_max, warning) = 60  ✗"));
    assert!(explain(&["slow", "{}"], 0).starts_with("slow: missing"));
    // With what came before it.
    home.write("log", "{\"ts\":1700000000}\n{\"ts\":1700000001}\n{\"ts\":1700000002}\n");
    assert!(explain(&["burst", "log:2"], 0).starts_with("burst: ok\n  window.value: count over 1m = 2"));
    assert!(explain(&["burst", "log"], 0).starts_with("burst: warning"));
    // What the engines find is found, or given as in tests.
    assert!(explain(&["risky", r#"{"divergence": {"risk": 0.9}}"#], 0).contains("divergence.risk 0.9 > 0.5 = true  ✗"));
    assert!(explain(&["risky", r#"{"samples": ["Yes.", "Yes."]}"#], 0).starts_with("risky: ok"));
    assert!(explain(&["slwo", "{}"], 2).contains("did you mean `slow`?"));
    assert!(explain(&["slow", "log:9"], 3).contains("line 9 of log is no record"));
    assert!(explain(&["slow", "{\"a\":1,\"a\":2}"], 3).contains("that is no record"));
    let told = json(&home, &["--rules", "r.yaml", "rules", "explain", "ratio", "{\"a\":5,\"b\":2}", "--json"], 0);
    assert_eq!((&told["outcome"], &told["parts"][0]["holds"]), (&"warning".into(), &false.into()));
}

#[test]
fn backtest_tells_what_would_have_been_different() {
    let home = home();
    home.write(
        "new.yaml",
        RULES
            .replace("max: 100, warn_max: 50", "max: 150, warn_max: 120")
            .replace("slow: critical", "slow: critical, ratio: missing")
            .replace("id: burst", "id: rush"),
    );
    let lines: Vec<String> = (0..40)
        .map(|n| {
            format!(
                "{{\"id\":\"q{n}\",\"ts\":{},\"latency_ms\":{},\"a\":1,\"b\":{}}}\n",
                1_700_000_000 + n * 100,
                n * 5,
                n % 2
            )
        })
        .collect();
    home.write("log", lines.concat() + "broken\n");
    let command = ["--backend", "lexical", "rules", "backtest", "r.yaml", "new.yaml", "log"];
    let said = out(&home, &command, 0);
    let row = |rule: &str| {
        said.lines()
            .find(|line| line.starts_with(rule))
            .unwrap()
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(row("slow"), ["slow", "29", "15", "–", "−14"]);
    assert_eq!(row("ratio"), ["ratio", "20", "20", "–", "–"]);
    assert_eq!(row("rush")[5..], ["(added)"]);
    assert!(said.contains("− q11 (log:12): latency_ms 55 > 50"), "{said}");
    assert!(said.contains("1 lines are no records") && said.contains("40 records"), "{said}");
    let told = json(&home, &[&command[..], &["--json", "--examples", "1"]].concat(), 0);
    let slow = told["rules"].as_array().unwrap().iter().find(|rule| rule["rule"] == "slow").unwrap();
    assert_eq!((&slow["gone"], slow["records"].as_array().unwrap().len()), (&14.into(), 1));
    assert!(out(&home, &["rules", "backtest", "r.yaml", "r.yaml", "nolog"], 3).contains("nolog"));
}

/// The summary says of every rule on how many records it was evaluated, and why there is no data.
#[test]
fn the_summary_counts_every_rule() {
    let home = home();
    home.write("log", "{\"latency_ms\":70}\n{\"latency_ms\":7}\n{\"other\":1}\n");
    let said = out(&home, &["replay", "log", "--headless", "--backend", "none", "--rules", "r.yaml"], 0);
    assert!(said.contains("rules      slow  evaluated on 2 of 3, 1 hits"), "{said}");
    assert!(said.contains("ratio no data: a, b never seen"), "{said}");
    assert!(said.contains("risky no data: the engines found no divergence.risk"), "{said}");
    let log = repo("sample-data/live.ndjson");
    let told = json(
        &home,
        &["replay", log.to_str().unwrap(), "--headless", "--backend", "none", "--rules", "r.yaml", "--summary", "json"],
        0,
    );
    let counts = &told["rule_counts"]["slow"];
    assert_eq!((&counts["records"], &counts["evaluated"]), (&2400.into(), &2400.into()));
}

/// Rules on what the engines found come after it, in the order of judgement: drift, then confidence.
#[test]
fn rules_on_findings_are_judged_after_them() {
    let home = Home::new();
    home.write("r.yaml", "version: 1\nrules:\n  - {id: moved, alert_if: 'drift.latency_ms.state == \"drift\" && drift.latency_ms.score > 0.5'}\n  - {id: moved-limit, limit: {field: drift.latency_ms.score, max: 0.5}}\n  - {id: unsure, alert_if: 'confidence.score < 0.75'}\n  - {id: apart, alert_if: 'divergence.lexical > 0.5', severity: info}\n");
    let line = |n: u64, latency: u64, samples: &str| {
        format!(
            "{{\"ts\":{},\"agent_id\":\"a\",\"latency_ms\":{latency},\"samples\":[{samples}]}}\n",
            1_700_000_000 + n
        )
    };
    let same = "\"Yes, do it.\",\"Yes, do it.\"";
    let mut log: String = (0..140).map(|n| line(n, 100 + n * n % 7, same)).collect();
    log.extend((140..150).map(|n| line(n, 5_000 + n, same)));
    log.push_str(&line(150, 100, "\"Yes, do it.\",\"Cats sleep all day\""));
    home.write("log", log);
    let output = home.run("replay log --headless --backend lexical --rules r.yaml --output - --full", 0);
    let lines: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids = |line: &Value| -> Vec<String> {
        line["violations"].as_array().unwrap().iter().map(|v| v["rule"].as_str().unwrap().to_owned()).collect()
    };
    assert!(lines[..140].iter().all(|line| ids(line).is_empty()));
    let moved = lines.iter().find(|line| ids(line).contains(&"moved".to_owned())).unwrap();
    assert!(moved["seq"].as_u64().unwrap() < 146, "{moved}");
    // Two violations of the drift cost 0.15 of confidence each, and only then is it looked at.
    assert_eq!(ids(moved), ["moved", "moved-limit", "unsure"]);
    assert_eq!(moved["action"], "REVIEW");
    assert!(ids(&lines[150]).contains(&"apart".to_owned()));
}

/// A shadow and an exception are in their counters, and change no advice.
#[test]
fn shadows_and_exceptions_change_no_advice() {
    let home = Home::new();
    home.write("r.yaml", "version: 1\nrules:\n  - {id: shadow, severity: critical, mode: shadow, limit: {field: x, max: 1}}\n  - {id: exempt, severity: critical, limit: {field: x, max: 1}, exceptions: [{when: 'desk == \"hedge\"', until: 2026-06-30, reason: memo}]}\n  - {id: held, severity: critical, limit: {field: x, max: 1}, for: 1m, exceptions: [{when: 'desk == \"hedge\"', reason: memo}]}\n  - {id: broken, alert_if: 'x / zero > 1'}\n");
    let log = "{\"ts\":\"2026-06-30T23:59:59Z\",\"x\":5,\"desk\":\"hedge\",\"zero\":0}\n{\"ts\":\"2026-07-01T00:00:00Z\",\"x\":5,\"desk\":\"hedge\"}\n";
    home.write("log", log);
    let output = home.run("replay log --headless --backend none --rules r.yaml --output -", 0);
    let lines: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let states = |line: &Value| -> Vec<String> {
        let found = line["violations"].as_array().unwrap().iter();
        found
            .map(|v| {
                format!(
                    "{} {} {}",
                    v["rule"].as_str().unwrap(),
                    v["severity"].as_str().unwrap(),
                    v["state"].as_str().unwrap()
                )
            })
            .collect()
    };
    assert_eq!(states(&lines[0]), ["shadow critical shadow", "broken info error"]);
    assert_eq!(lines[0]["action"], "ALLOW");
    assert_eq!(states(&lines[1]), ["shadow critical shadow", "exempt critical firing"]);
    assert_eq!(lines[1]["action"], "BLOCK");
}
