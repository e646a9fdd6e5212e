//! Logs of all formats and envelopes, as others write them: what becomes of their lines, without a word of configuration.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use watcher::record::draft::Maker;
use watcher::record::reader::{Found, Line, Options, Reader, Sniffer};
use watcher::record::{Limits, Origin, Record};

use crate::support::{Home, json_lines, repo, stderr};

/// All sample files, by name.
fn samples() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        repo("sample-data/formats").read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20);
    files
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn short(text: &str) -> String {
    let kept: String = text.chars().take(36).collect();
    let dots = if kept.len() < text.len() { "…" } else { "" };
    format!("{kept}{dots}").replace('\n', "⏎")
}

/// A record in one line.
fn shown(record: &Record) -> String {
    let ts = record.ts.map_or("no time".into(), |ts| ts.to_string());
    let latency = record.latency_ms.map_or("–".to_owned(), |ms| format!("{ms:.1}"));
    let metrics: Vec<String> = record
        .numbers
        .iter()
        .filter_map(|(name, value)| Some(format!("{}={value}", name.as_str().strip_prefix("metrics.")?)))
        .collect();
    let model = record.label("model").map_or("–", |model| model);
    let prompt = record.prompt.as_deref().map_or("–".into(), short);
    let first = record.samples.first().map_or("–".into(), |text| short(text));
    format!(
        "{} | {ts} | {} | {model} | {latency} ms | {} | {prompt} | {} × {first}",
        record.id,
        record.key,
        metrics.join(" "),
        record.samples.len()
    )
}

/// What becomes of a file, in text.
fn read(path: &Path, options: Options) -> String {
    let text = std::fs::read(path).unwrap();
    let limits = Limits::default();
    let mut lines = Vec::new();
    let mut offset = 0;
    for line in text.split(|byte| *byte == b'\n') {
        if !line.trim_ascii().is_empty() {
            lines.push((offset, line));
        }
        offset += line.len() as u64 + 1;
    }
    let mut sniffer = Sniffer::new(&options, limits.line_bytes);
    let choice = lines.iter().find_map(|(_, line)| sniffer.line(line)).unwrap_or_else(|| sniffer.settle());
    let mut out = format!("{}: {}\n", choice.title(), choice.why);
    let mut reader = Reader::new(Arc::new(options), Arc::new(choice), limits.line_bytes);
    let mut maker = Maker::new(limits, &[]);
    let (mut texts, mut others) = (0, 0);
    let mut take = |found: Found| match found {
        Found::Record(record, parts) => {
            let parts = parts.map_or(String::new(), |parts| format!(" | {} parts", parts.len()));
            writeln!(out, "{}{parts}", shown(&record)).unwrap();
        }
        Found::Rejected(rejected) => writeln!(out, "rejected: {}", rejected.reject.reason).unwrap(),
        Found::Verdict(verdict, ..) => writeln!(out, "verdict on {}", verdict.id).unwrap(),
        Found::NotARecord => texts += 1,
        Found::Skipped(count) => others += count,
    };
    for (offset, line) in lines {
        let origin = Origin { source: "log".into(), file: "f".into(), offset, line: None, part: 0 };
        let line = Line { raw: Bytes::copy_from_slice(line), origin, read_ts: None };
        reader.line(&mut maker, line, &mut take);
    }
    reader.finish(&mut maker, &mut take);
    writeln!(out, "{texts} lines no record, {others} entries no answer").unwrap();
    out
}

#[test]
fn each_sample_becomes_these_records() {
    for file in samples() {
        insta::assert_snapshot!(format!("format_{}", name(&file)), read(&file, Options::default()));
    }
}

#[test]
fn every_sample_is_judged_without_any_configuration() {
    let home = Home::new();
    for file in samples() {
        let output = home.run(
            &format!("replay {} --headless --backend lexical --summary json --fail-on rejected>0", file.display()),
            0,
        );
        let summary = &json_lines(&output.stdout)[0];
        assert!(summary["records"].as_u64().unwrap() >= 12, "{}: {summary}", file.display());
        let drifts = summary["drift"]["series"].as_u64().unwrap();
        assert!(drifts > 0, "{}: nothing is watched", file.display());
    }
}

#[test]
fn inspect_tells_what_each_sample_is_and_how_to_watch_it() {
    let home = Home::new();
    for file in samples() {
        let output = home.run(&format!("inspect {} --json", file.display()), 0);
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&found["rejected"], &found["recognised"]), (&0.into(), &true.into()), "{}", file.display());
        let previews = found["records_preview"].as_array().unwrap();
        assert_eq!(previews.len(), 5, "{}", file.display());
        let text = home.run(&format!("inspect {}", file.display()), 0);
        let text = String::from_utf8(text.stdout).unwrap();
        assert!(text.contains("next       watcher"), "{text}");
        for (option, check) in [("--starter-rules", "rules check"), ("--starter-config", "config show --config")] {
            let written = home.path(&format!("{option}-{}.yaml", name(&file)));
            home.run(&format!("inspect {} {option} {}", file.display(), written.display()), 0);
            home.run(&format!("{check} {}", written.display()), 0);
        }
    }
}

#[test]
fn inspect_is_not_afraid_of_anything() {
    let home = Home::new();
    home.write("empty", "");
    home.write("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\n\xff\xfe\n");
    home.write("noise", (0..50_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<_>>());
    home.write("words", "some text\nof a letter\n");
    for (file, want) in [
        ("empty", "nothing in it yet"),
        ("picture.png", "a PNG picture"),
        ("noise", "binary data"),
        ("words", "watcher reads JSON"),
    ] {
        let text = String::from_utf8(home.run(&format!("inspect {file}"), 0).stdout).unwrap();
        assert!(text.contains(want), "{file}: {text}");
    }
    assert!(stderr(&home.run("inspect nowhere", 3)).contains("nowhere"));
    assert!(stderr(&home.run("inspect .", 3)).contains("is a folder"));
    home.write("there", "{\"samples\":[\"a\"]}\n");
    home.run("inspect there --starter-rules words", 2);
}

#[test]
fn inspect_reads_a_bounded_part() {
    let home = Home::new();
    let line = "{\"samples\":[\"a\",\"b\"],\"agent_id\":\"x\",\"latency_ms\":12,\"ts\":\"2026-03-04T09:00:00Z\"}\n";
    let last = line.replace("09:00", "11:30");
    home.write("log", line.repeat((24 << 20) / line.len()) + &last);
    let found: Value = serde_json::from_slice(&home.run("inspect log --json", 0).stdout).unwrap();
    assert!(found["bytes_read"].as_u64().unwrap() < 21 << 20);
    assert_eq!(found["last"], "2026-03-04T11:30:00Z", "the end is looked at too");
}

#[test]
fn single_answers_are_joined_by_what_they_share() {
    let home = Home::new();
    let log = repo("sample-data/formats/grouped.ndjson");
    let replay = |more: &str| {
        let run = format!("replay {} --headless --backend lexical --no-timing --output - {more}", log.display());
        let output = home.run(run.trim(), 0);
        json_lines(&output.stdout)
    };
    let scored = |verdicts: &[Value]| {
        verdicts
            .iter()
            .filter(|v| v["divergence"]["basis"] != "history" && v["divergence"]["state"] == "scored")
            .count()
    };
    let alone = replay("");
    assert_eq!((alone.len(), scored(&alone)), (150, 0));
    let joined = replay("--group-by trace_id");
    assert_eq!((joined.len(), scored(&joined)), (54, 48));
    assert_eq!(replay("--group-by trace_id --group-count 3").len(), 54);
    assert_eq!(replay("--group-by trace_id"), joined, "the same log gives the same groups");
}

#[test]
fn fields_of_any_shape_are_mapped() {
    let home = Home::new();
    home.write(
        "log",
        "{\"when\":\"2026-03-04 09:00:00\",\"out\":{\"texts\":[{\"t\":\"5 EUR\"},{\"t\":\"7 EUR\"}]},\"took\":1.5,\"who\":\"w\"}\n",
    );
    let map = "samples=$.out.texts[*].t,ts=$.when,latency_ms=$.took*1000,agent_id=$.who";
    let output = home.run(&format!("replay log --headless --backend lexical --output - --map {map}"), 0);
    let verdict = &json_lines(&output.stdout)[0];
    assert_eq!((&verdict["ts"], &verdict["key"]), (&"2026-03-04T09:00:00Z".into(), &"w".into()));
    assert_eq!(verdict["divergence"]["state"], "scored");
    home.write("config.yaml", "map: {samples: '$.out.texts[*].t', agent_id: $.who}\n");
    let output = home.run("replay log --headless --backend lexical --output - --config config.yaml", 0);
    assert_eq!(json_lines(&output.stdout)[0]["key"], "w");
    assert!(stderr(&home.run("replay log --headless --map sample=$.x", 2)).contains("did you mean `samples`"));
    assert!(stderr(&home.run("replay log --headless --format opnai", 2)).contains("did you mean `openai`"));
}

#[test]
fn a_format_that_is_told_is_kept_to() {
    let home = Home::new();
    let native = "{\"id\":\"n\",\"samples\":[\"a\"]}\n";
    let openai = "{\"id\":\"o\",\"choices\":[{\"message\":{\"content\":\"a\"}}]}\n";
    home.write("log", [native, openai, "INFO started\n", "{\"level\":\"info\"}\n"].concat());
    let counts = |more: &str| {
        let output = home.run(format!("replay log --headless --backend none --summary json {more}").trim(), 0);
        let summary = json_lines(&output.stdout).remove(0);
        ["records", "rejected"].map(|what| summary[what].as_u64().unwrap()).to_vec()
    };
    assert_eq!(counts(""), [3, 0], "what bears a mark is read; any object of a native log is a record");
    assert_eq!(counts("--format native"), [3, 1]);
    assert_eq!(counts("--format openai"), [1, 3]);
    let bad = repo("sample-data/bad.ndjson");
    let output = home.run(&format!("replay {} --headless --backend none --summary json", bad.display()), 0);
    assert_eq!(json_lines(&output.stdout)[0]["rejected"], 27, "broken lines are not read as something looser");
}

#[test]
fn verdicts_of_several_hosts_are_one_source() {
    let home = Home::new();
    let log = std::fs::read(repo("sample-data/formats/generic.ndjson")).unwrap();
    for host in ["eu-1", "us-2"] {
        home.write(&format!("{host}/log.ndjson"), &log);
        let mut command = home.watcher();
        command.current_dir(home.path(host));
        command.args("replay log.ndjson --headless --backend lexical --output verdicts.ndjson".split(' '));
        command.assert().success();
    }
    let output = home.run("replay eu-1/verdicts.ndjson --headless --summary json --fail-on warning", 1);
    let summary = &json_lines(&output.stdout)[0];
    assert_eq!((&summary["records"], &summary["given"]), (&60.into(), &60.into()));
    assert_eq!(summary["no_data"], Value::Array(Vec::new()), "no rule waits for what it is not shown");
    let found: Value = serde_json::from_slice(&home.run("inspect us-2/verdicts.ndjson --json", 0).stdout).unwrap();
    assert_eq!((&found["format"], &found["verdicts"]), (&"verdict".into(), &60.into()));
}

#[test]
fn only_findings_are_written_and_the_rest_is_counted() {
    let home = Home::new();
    home.write("config.yaml", "output: {only: findings}\n");
    let log = repo("sample-data/formats/generic.ndjson");
    let run = "--headless --backend lexical --no-timing --config config.yaml --output";
    home.run(&format!("replay {} {run} v.ndjson", log.display()), 0);
    let lines = json_lines(&std::fs::read(home.path("v.ndjson")).unwrap());
    let (counts, verdicts): (Vec<&Value>, Vec<&Value>) = lines.iter().partition(|line| line["summary"].is_object());
    assert!(!verdicts.is_empty() && verdicts.len() < 60);
    assert!(verdicts.iter().all(|v| v["action"] != "ALLOW" || v["violations"] != Value::Array(Vec::new())));
    let counted: u64 = counts.iter().map(|line| line["summary"]["records"].as_u64().unwrap()).sum();
    assert_eq!(counted, 60, "a line a minute stands for all of them");
    assert!((10..=14).contains(&counts.len()), "{}", counts.len());
    let reviews: u64 = counts.iter().map(|line| line["summary"]["actions"]["REVIEW"].as_u64().unwrap()).sum();
    assert_eq!(reviews as usize, verdicts.iter().filter(|v| v["action"] == "REVIEW").count());
    // Such an output can be watched like any other.
    let summary = home.run("replay v.ndjson --headless --summary json", 0);
    assert_eq!(json_lines(&summary.stdout)[0]["given"], verdicts.len());
}
