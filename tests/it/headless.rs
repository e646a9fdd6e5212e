//! Runs without a screen: what comes out, and that it is the same whatever the machine does.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::support::{Home, json_lines, repo, stderr};

fn live() -> String {
    std::fs::read_to_string(repo("sample-data/live.ndjson")).unwrap()
}

fn protocol() -> String {
    repo("sample-data/rules/watcher-protocol.yaml").display().to_string()
}

#[test]
fn a_replay_writes_a_verdict_a_record_in_order_and_sums_up() {
    let home = Home::new();
    home.write("live.ndjson", live());
    let rules = protocol();
    let arguments =
        format!("replay live.ndjson --headless --backend lexical --rules {rules} --output v.ndjson --summary json");
    let output = home.run(&arguments, 0);
    let verdicts = json_lines(&std::fs::read(home.path("v.ndjson")).unwrap());
    let records = json_lines(live().as_bytes());
    assert_eq!(verdicts.len(), records.len());
    let mut answered = HashSet::new();
    for (seq, (verdict, record)) in verdicts.iter().zip(&records).enumerate() {
        assert_eq!((&verdict["seq"], &verdict["id"]), (&seq.into(), &record["id"]));
        assert_eq!(verdict["key"], record["agent_id"]);
        let samples = record["samples"].as_array().unwrap().len();
        let prompt =
            (record["agent_id"].as_str().unwrap(), record["prompt"].as_str().unwrap_or_default().to_lowercase());
        let asked_before = samples > 0 && !answered.insert(prompt);
        let (state, basis) = match samples {
            0 => (("skipped", "no_samples"), None),
            1 if asked_before => (("scored", ""), Some("history")),
            1 => (("skipped", "one_sample"), None),
            _ => (("scored", ""), None),
        };
        assert_eq!(verdict["divergence"].get("basis").and_then(Value::as_str), basis, "{record}");
        assert_eq!(verdict["divergence"]["state"], state.0);
        assert_eq!(verdict["divergence"].get("why").and_then(Value::as_str).unwrap_or(""), state.1);
        if state.0 == "skipped" {
            assert_eq!(
                (&verdict["confidence"]["level"], &verdict["confidence"]["score"]),
                (&"UNSCORED".into(), &Value::Null)
            );
        }
    }
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let count = |action: &str| verdicts.iter().filter(|v| v["action"] == action).count();
    for action in ["ALLOW", "CAUTION", "REVIEW", "BLOCK"] {
        assert_eq!(summary["actions"][action], count(action));
    }
    assert!(count("BLOCK") > 40 && count("REVIEW") > 0, "{summary}");
    assert_eq!(summary["records"], records.len());
    assert!(summary["latency_ms"]["p50"].as_f64().unwrap() > 100.0, "{summary}");
    assert!(verdicts.iter().any(|v| !v["drift"].as_array().unwrap().is_empty()));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let home = Home::new();
    home.write("log", live().lines().take(300).map(|line| format!("{line}\n")).collect::<String>());
    home.write("small.yaml", "embedding: {cache_bytes: 1048576}\n");
    let run = |name: &str, more: &str| {
        home.run(&format!("replay log --headless --no-timing --full --output {name} {more}"), 0);
        std::fs::read(home.path(name)).unwrap()
    };
    let lexical = run("a", "--backend lexical --threads 1");
    assert!(!lexical.is_empty());
    assert_eq!(lexical, run("b", "--backend lexical --threads 7"));
    assert_eq!(lexical, run("c", "--backend lexical --config small.yaml"));
    let neural = run("d", "--backend portable --threads 1");
    assert_eq!(neural, run("e", "--backend portable --threads 3 --config small.yaml"));
    assert_ne!(neural, lexical);
    assert!(!String::from_utf8(neural).unwrap().contains("timing_us"));
}

#[test]
fn every_bad_line_is_counted_and_listed_with_its_place() {
    let home = Home::new();
    let bad = std::fs::read_to_string(repo("sample-data/bad.ndjson")).unwrap();
    home.write("bad.ndjson", &bad);
    let output = home.run("replay bad.ndjson --headless --backend none --output v.ndjson --summary json", 0);
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let lines: Vec<(usize, &str)> = bad.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).collect();
    let good = lines.iter().filter(|(_, line)| line.contains("\"good-")).count();
    assert_eq!((&summary["records"], &summary["rejected"]), (&good.into(), &(lines.len() - good).into()));
    let rejected = json_lines(&std::fs::read(home.path("v.ndjson.rejected.ndjson")).unwrap());
    let expected: Vec<_> = lines.iter().filter(|(_, line)| !line.contains("\"good-")).collect();
    assert_eq!(rejected.len(), expected.len());
    for (row, (index, line)) in rejected.iter().zip(expected) {
        assert_eq!(row["line"], index + 1);
        assert_eq!(row["excerpt"].as_str().unwrap(), *line);
        assert!(row["column"].as_u64().unwrap() >= 1 && !row["reason"].as_str().unwrap().is_empty());
    }
    let reason = |id: &str| {
        let row = rejected.iter().find(|row| row["excerpt"].as_str().unwrap().contains(id)).unwrap();
        row["reason"].as_str().unwrap().to_owned()
    };
    assert!(reason("twice below").contains("\"temp\" stands twice"));
    assert!(reason("samples-1").contains("samples must be a list of strings, found a string"));
    assert!(reason("metrics-3").starts_with("not JSON"));
    assert!(reason("financial-1").contains("financial.proposed_loss must be a finite number or null, found a list"));
}

#[test]
fn lines_that_are_too_long_or_not_utf8_are_told_apart() {
    let home = Home::new();
    let mut log = b"{\"id\":\"a\xff\"}\n".to_vec();
    log.extend(format!("{{\"id\":\"{}\"}}\n", "x".repeat(5 << 20)).into_bytes());
    log.extend(b"\xef\xbb\xbf\n{\"id\":\"last\"}");
    home.write("log", log);
    home.run("replay log --headless --backend none --output v", 0);
    let verdicts = json_lines(&std::fs::read(home.path("v")).unwrap());
    assert_eq!(verdicts.iter().map(|v| v["id"].as_str().unwrap()).collect::<Vec<_>>(), ["a\u{fffd}", "last"]);
    let rejected = json_lines(&std::fs::read(home.path("v.rejected.ndjson")).unwrap());
    assert!(rejected[0]["reason"].as_str().unwrap().contains("bytes, at most 4194304 are read"));
    assert!(rejected[0]["excerpt"].as_str().unwrap().len() < 1000);
}

#[test]
fn standard_input_and_output_make_a_filter() {
    let home = Home::new();
    let output = home
        .watcher()
        .args(["replay", "-", "--headless", "--backend", "lexical", "--output", "-", "--no-timing"])
        .write_stdin("{\"id\":\"1\",\"samples\":[\"yes\",\"yes\"]}\n{\"id\":\"2\",\"samples\":[\"yes\",\"no\"]}")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let verdicts = json_lines(&output.stdout);
    let risk = |n: usize| verdicts[n]["divergence"]["risk"].as_f64().unwrap();
    assert!(risk(0) < 0.05 && risk(1) > 0.9, "{} {}", risk(0), risk(1));
    assert_eq!((&verdicts[0]["action"], &verdicts[1]["action"]), (&"ALLOW".into(), &"REVIEW".into()));
    assert_eq!((&verdicts[0]["ts"], &verdicts[0]["source"]), (&Value::Null, &"-".into()));
    assert!(stderr(&output).contains("2 judged, 0 rejected"));
}

/// An agent is asked the same again and again and gives one answer each time.
#[test]
fn one_answer_is_compared_with_the_earlier_ones_to_the_same_prompt() {
    let home = Home::new();
    let line = |n: usize, key: &str, prompt: &str, answer: &str| {
        let ts = format!("2026-02-17T12:00:{:02}Z", n % 60);
        json!({ "id": n.to_string(), "ts": ts, "agent_id": key, "prompt": prompt, "samples": [answer] }).to_string()
            + "\n"
    };
    let price = "The price is 20 EUR a month.";
    let lines = [
        line(0, "a", "What does it cost?", price),
        line(1, "a", "what  does it COST?", "It costs 20 euros a month."),
        line(2, "b", "What does it cost?", "It costs 35 EUR a month."),
        line(3, "a", "Something else", price),
        line(4, "a", "What does it cost?", "It costs 200 euros a month."),
        line(5, "a", "What does it cost?", "  "),
        line(6, "a", "What does it cost?", price),
    ];
    home.write("log", lines.concat());
    home.run("replay log --headless --backend lexical --output v.ndjson --no-timing", 0);
    let whole = std::fs::read(home.path("v.ndjson")).unwrap();
    let verdicts = json_lines(&whole);
    let said: Vec<_> = verdicts.iter().map(|v| v["divergence"]["basis"].as_str().unwrap_or("none")).collect();
    assert_eq!(said, ["none", "history", "none", "none", "history", "history", "history"]);
    assert_eq!(verdicts[0]["divergence"]["why"], "one_sample");
    assert_eq!((&verdicts[0]["confidence"]["score"], &verdicts[0]["divergence"]["risk"]), (&Value::Null, &Value::Null));
    let risk = |n: usize| verdicts[n]["divergence"]["risk"].as_f64().unwrap();
    assert!(risk(1) < risk(4) && risk(4) > 0.5, "{} {}", risk(1), risk(4));
    assert_eq!(verdicts[5]["divergence"]["risk"], 1, "an empty answer is supported by none");
    assert_eq!(verdicts[4]["divergence"]["outlier"], 0);

    home.write("off.yaml", "embedding: {history_answers: 0}\n");
    home.run("replay log --headless --config off.yaml --backend lexical --output v.ndjson --no-timing", 0);
    let off = json_lines(&std::fs::read(home.path("v.ndjson")).unwrap());
    assert!(off.iter().all(|v| v["divergence"]["why"] == "one_sample"));
}

#[test]
fn both_policies_advise_as_the_contract_says() {
    let home = Home::new();
    home.write("r.yaml", "version: 1\nrules:\n  - id: soft\n    limit: {field: x, max: 1}\n  - id: note\n    severity: info\n    limit: {field: y, max: 1}\n");
    home.write("log", "{\"x\":2,\"samples\":[\"a\",\"a\"]}\n{\"y\":2,\"samples\":[\"a\",\"a\"]}\n");
    let run = |policy: &str| {
        home.run(&format!("replay log --headless --backend lexical --rules r.yaml --policy {policy} --output v"), 0);
        let verdicts = json_lines(&std::fs::read(home.path("v")).unwrap());
        let short =
            |v: &Value| format!("{} {} {}", v["action"], v["status_code"], v["confidence"]["level"]).replace('"', "");
        verdicts.iter().map(short).collect::<Vec<_>>()
    };
    assert_eq!(run("protocol"), ["BLOCK 424 GREEN", "ALLOW 200 GREEN"]);
    assert_eq!(run("calibrated"), ["REVIEW 400 YELLOW", "ALLOW 200 GREEN"]);
}

#[test]
fn findings_make_the_exit_code_one() {
    let home = Home::new();
    home.write("log", "{\"samples\":[\"yes\",\"no\"]}\nbroken\n");
    let run = |condition: &str, code| {
        home.run(&format!("replay log --headless --backend lexical --fail-on {condition}"), code)
    };
    let output = run("risk>0.5,rejected>0", 1);
    assert!(stderr(&output).contains("risk>0.5: 1 of 1") && stderr(&output).contains("rejected>0: 1 of 1"));
    run("critical,risk>0.5:100%,unscored>5%,rejected>1", 0);
    run("no-data", 1);
}

#[test]
fn files_that_hold_content_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    home.write("log", "{}\nbroken\n");
    home.run("replay log --headless --backend none --output v", 0);
    for name in ["v", "v.rejected.ndjson", ".local/state/watcher/watcher.log"] {
        assert_eq!(std::fs::metadata(home.path(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    let dir = std::fs::metadata(home.path(".local/state/watcher")).unwrap();
    assert_eq!(dir.permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_model_that_can_t_be_read_is_a_mistake_and_a_library_gives_way() {
    let home = Home::new();
    home.write("log", "{\"samples\":[\"yes\",\"no\"]}\n");
    home.write("empty/model.onnx", "");
    home.write("empty/tokenizer.json", "{}");
    home.write("broken/model.onnx", "not a model");
    home.write(
        "broken/tokenizer.json",
        std::fs::read(repo("sample-data/models/all-MiniLM-L6-v2-int8/tokenizer.json")).unwrap(),
    );
    for (model, why) in [("empty", "the file is empty"), ("broken", "model.onnx"), ("absent", "model.onnx")] {
        let output = home.run(&format!("replay log --headless --model {model} --output -"), 2);
        let text = stderr(&output);
        assert!(text.contains(&format!("--model {model}")) && text.contains(why), "{model}: {text}");
        assert!(text.contains("tokenizer.json is needed") && output.stdout.is_empty(), "{text}");
    }
    let output = home.run("replay log --headless --onnxruntime nowhere.so --output -", 0);
    assert!(stderr(&output).contains("using the embedded backend"));
    assert_eq!(json_lines(&output.stdout)[0]["divergence"]["backend"], "portable");
}

/// Runs where `ORT_DYLIB_PATH` names a library, as in `.ci/run`.
#[test]
fn onnxruntime_runs_when_it_was_chosen() {
    let Some(library) = std::env::var_os("ORT_DYLIB_PATH") else {
        eprintln!("ORT_DYLIB_PATH is not set: not tested");
        return;
    };
    let home = Home::new();
    home.write("log", "{\"samples\":[\"Sell all shares.\",\"Keep all shares.\"]}\n");
    let run = |arguments: &[&str]| {
        let mut command = home.watcher();
        command.args(["replay", "log", "--headless", "--no-timing", "--output", "-"]).args(arguments);
        let output = command.env("ORT_DYLIB_PATH", &library).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        json_lines(&output.stdout).remove(0)
    };
    assert_eq!(run(&[])["divergence"]["backend"], "onnxruntime");
    assert_eq!(run(&["--backend", "onnxruntime", "--threads", "3"]), run(&[]));
    assert_eq!(run(&["--backend", "portable"])["divergence"]["backend"], "portable");
}

#[test]
fn sigterm_ends_with_0_a_summary_and_whole_lines() {
    use std::io::{BufRead, BufReader};
    let home = Home::new();
    home.write("log", "{\"samples\":[\"a\",\"b\"]}\n".repeat(1_000));
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("watcher"))
        .args(["watch", "log", "--headless", "--backend", "lexical", "--output", "v"])
        .current_dir(home.0.path())
        .env_clear()
        .env("HOME", home.0.path())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // The output grows to its thousand lines; until then there is nothing to ask for.
    let lines = |path| std::fs::read(path).map_or(0, |bytes| bytes.iter().filter(|b| **b == b'\n').count());
    let mut patience = 0;
    while lines(home.path("v")) < 1_000 && patience < 1_000_000 {
        std::thread::yield_now();
        patience += 1;
    }
    std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    let said: Vec<String> = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(said.iter().any(|line| line.contains("1,000 judged")), "{said:?}");
    assert_eq!(json_lines(&std::fs::read(home.path("v")).unwrap()).len(), 1_000);
}

#[test]
fn an_output_never_overwrites_what_is_read() {
    let home = Home::new();
    home.write("log", "{}\n");
    std::os::unix::fs::symlink(home.path("log"), home.path("link")).unwrap();
    home.write("x.rejected.ndjson", "{}\n");
    for arguments in ["replay log --headless --output log", "replay log --headless --output link"] {
        assert!(stderr(&home.run(arguments, 2)).contains("would be overwritten"), "{arguments}");
    }
    home.run("replay x.rejected.ndjson --headless --output x", 2);
    assert_eq!(std::fs::read_to_string(home.path("log")).unwrap(), "{}\n");
    assert_eq!(std::fs::read_to_string(home.path("x.rejected.ndjson")).unwrap(), "{}\n");
}

#[test]
fn an_output_that_was_there_becomes_private() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    home.write("log", "{}\n");
    let old = home.write("old", "x\n");
    std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o644)).unwrap();
    home.run("replay log --headless --backend none --output old", 0);
    assert_eq!(std::fs::metadata(old).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_group_key_is_found_however_it_is_written() {
    let home = Home::new();
    home.write("log", "{\"agent-id\":\"a\",\"metrics\":{\"Foo\":7},\"id\":\"i\",\"agent_id\":\"d\"}\n");
    for (by, key) in [("agent-id", "a"), ("metrics.Foo", "7"), ("id", "i"), ("agent_id", "d"), ("none", "default")] {
        let output = home.run(&format!("replay log --headless --backend none --key {by} --output -"), 0);
        assert_eq!(json_lines(&output.stdout)[0]["key"], key, "{by}");
    }
}

#[test]
fn pipes_are_read_and_what_can_t_be_read_ends_with_3() {
    let home = Home::new();
    home.write("log", "{\"id\":\"through a pipe\"}\n");
    let shell = |script: &str| {
        let mut command = std::process::Command::new("bash");
        command.args(["-c", script]).current_dir(home.0.path()).env("HOME", home.0.path());
        command.env("WATCHER", assert_cmd::cargo::cargo_bin("watcher")).output().unwrap()
    };
    let output = shell("\"$WATCHER\" replay <(cat log) --headless --backend none --output -");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(json_lines(&output.stdout)[0]["id"], "through a pipe");
    let output = shell("\"$WATCHER\" replay - --headless --backend none < /tmp");
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
}

#[test]
fn nobody_reading_is_no_fault() {
    let home = Home::new();
    home.write("log", "{\"samples\":[\"a\",\"b\"]}\n".repeat(20_000));
    let watcher = assert_cmd::cargo::cargo_bin("watcher");
    for arguments in ["config show", "man", "replay log --headless --backend none --output -"] {
        let script = format!("\"$WATCHER\" {arguments} | true; exit ${{PIPESTATUS[0]}}");
        let mut command = std::process::Command::new("bash");
        command.args(["-c", &script]).current_dir(home.0.path()).env("HOME", home.0.path()).env("WATCHER", &watcher);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments}: {}", stderr(&output));
    }
}

#[test]
fn what_is_printed_is_safe_to_look_at() {
    let home = Home::new();
    let evil = "\u{1b}[31m\u{9b}2J\u{202e}";
    home.write("log", serde_json::json!({ "id": evil, "agent_id": evil, "samples": [evil, "b"] }).to_string() + "\n");
    home.write(
        "r.yaml",
        format!("version: 1\nrules:\n  - id: a\n    desc: \"{}\"\n    limit: {{field: x}}\n", "\u{202e}\u{9b}"),
    );
    let safe = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{text:?}");
    };
    let output = home.run("replay log --headless --backend lexical --output -", 0);
    assert_eq!(json_lines(&output.stdout)[0]["id"], evil);
    safe(&output.stdout);
    safe(&home.run("replay log --headless --rules r.yaml", 2).stderr);
    let output = home.watcher().args(["replay", &format!("{evil}.ndjson"), "--headless"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    safe(&output.stderr);
}

/// Runs `watch --headless` until its output has `count` lines, or patience ends; then its ids.
fn watch_until(home: &Home, sources: &[&str], count: usize, meanwhile: impl FnOnce()) -> Vec<String> {
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("watcher"))
        .arg("watch")
        .args(sources)
        .args(["--headless", "--backend", "none", "--output", "v"])
        .current_dir(home.0.path())
        .env_clear()
        .env("HOME", home.0.path())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let lines = || std::fs::read(home.path("v")).map_or(0, |bytes| bytes.iter().filter(|b| **b == b'\n').count());
    let wait = |wanted: usize| {
        (0..20_000_000).find(|_| {
            std::thread::yield_now();
            lines() >= wanted
        })
    };
    wait(2);
    meanwhile();
    wait(count);
    std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let verdicts = json_lines(&std::fs::read(home.path("v")).unwrap());
    verdicts.iter().map(|v| v["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_rotation_within_a_pattern_is_judged_once() {
    let home = Home::new();
    home.write("x.ndjson", "{\"id\":\"1\"}\n{\"id\":\"2\"}\n");
    let ids = watch_until(&home, &["*.ndjson"], 3, || {
        std::fs::rename(home.path("x.ndjson"), home.path("x.1.ndjson")).unwrap();
        home.write("x.ndjson", "{\"id\":\"3\"}\n");
    });
    assert_eq!(ids, ["1", "2", "3"]);
}

#[test]
fn one_file_under_two_names_is_read_once() {
    let home = Home::new();
    home.write("log", "{\"id\":\"1\"}\n{\"id\":\"2\"}\n");
    let ids = watch_until(&home, &["log", "./log"], 3, || {
        use std::io::Write;
        let mut log = std::fs::OpenOptions::new().append(true).open(home.path("log")).unwrap();
        log.write_all(b"{\"id\":\"3\"}\n").unwrap();
    });
    assert_eq!(ids, ["1", "2", "3"]);
}
