//! Captures: what they keep, what they must not, and that nothing in one is believed.

use std::fs::{metadata, read, read_dir, write};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use serde_json::Value;
use watcher::capture::{Bounds, Entry, Reader, State};

use crate::support::{Home, json_lines, stderr};

/// How often a test looks for something before it gives up.
const PATIENCE: usize = 20_000_000;

const RULES: &str =
    "version: 1\nrules:\n  - id: dear\n    severity: critical\n    limit: {field: metrics.cost, max: 3}\n";

/// A rule that has what is around its breach captured.
const CAPTURING: &str =
    "version: 1\nrules:\n  - id: dear\n    limit: {field: metrics.cost, max: 3}\n    capture: {before: 5, after: 3}\n";

const SECRET: &str = "ZEBRA-77-QUARTZ";

fn line(n: usize) -> String {
    let cost = if n % 40 == 17 { 9.5 } else { 1.0 };
    let latency = 100 + n * 7 % 13 + if n > 400 { 900 } else { 0 };
    format!(
        "{{\"id\":\"r{n}\",\"ts\":\"2026-02-17T02:{:02}:{:02}Z\",\"agent_id\":\"{}\",\"latency_ms\":{latency},\"metrics\":{{\"cost\":{cost}}},\"prompt\":\"is it {SECRET} {n}?\",\"samples\":[\"yes, {SECRET}\",\"no {n}\"]}}\n",
        n / 60 % 60,
        n % 60,
        ["a", "b"][n % 2]
    )
}

fn lines(range: std::ops::Range<usize>) -> String {
    range.map(line).collect()
}

fn count(path: &Path) -> usize {
    read(path).map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count())
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let came = (0..PATIENCE).any(|_| {
        std::thread::yield_now();
        done()
    });
    assert!(came, "{what} did not come");
}

/// Starts `watch log --headless` with an output `v`, and with what else was asked for.
fn watch(home: &Home, more: &str) -> Child {
    let arguments = format!("watch log --headless --backend lexical --output v {more}");
    std::process::Command::new(assert_cmd::cargo::cargo_bin("watcher"))
        .args(arguments.split_whitespace())
        .current_dir(home.0.path())
        .env_clear()
        .env("HOME", home.0.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Ends it; what it said.
fn end(mut child: Child) -> String {
    std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{said}");
    said
}

/// Watches until there are so many verdicts.
fn watched(home: &Home, records: usize, more: &str) -> String {
    let child = watch(home, more);
    wait_until("the last verdict", || count(&home.path("v")) >= records);
    end(child)
}

/// A home whose log was watched and captured as `x.wcap`.
fn captured(records: usize) -> Home {
    let home = Home::new();
    home.write("log", lines(0..records));
    home.write("rules.yaml", RULES);
    watched(&home, records, "--rules rules.yaml --capture x.wcap");
    home
}

fn reader(path: &Path) -> Reader<std::fs::File> {
    let bounds = Bounds { bytes: 1 << 30, line_bytes: 1 << 20 };
    Reader::open(std::fs::File::open(path).unwrap(), bounds).unwrap()
}

/// The ids of the records of a capture that is whole.
fn ids(path: &Path) -> Vec<String> {
    let mut reader = reader(path);
    let mut found = Vec::new();
    for entry in reader.by_ref() {
        if let Entry::Record(captured) = entry {
            found.push(captured.record.id.to_string());
        }
    }
    assert_eq!(reader.damage(), None);
    assert!(reader.ended());
    found
}

fn in_folder(home: &Home) -> Vec<PathBuf> {
    let entries = read_dir(home.path(".local/state/watcher/captures")).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    found.sort();
    found
}

/// All frames of a capture, unpacked.
fn unpacked(path: &Path) -> String {
    let bytes = read(path).unwrap();
    let skip = 8 + u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    String::from_utf8(zstd::stream::decode_all(&bytes[skip..]).unwrap()).unwrap()
}

/// What must be equal however the records came in.
fn verdicts(path: &Path) -> Vec<Vec<Value>> {
    let fields = ["seq", "id", "ts", "key", "action", "status_code", "confidence", "divergence", "violations", "drift"];
    let of = |verdict: &Value| fields.iter().map(|field| verdict[*field].clone()).collect();
    json_lines(&read(path).unwrap()).iter().map(of).collect()
}

fn replayed(home: &Home, what: &str) -> Vec<Vec<Value>> {
    let arguments = format!("replay {what} --headless --backend lexical --rules rules.yaml --output r --no-timing");
    home.run(&arguments, 0);
    verdicts(&home.path("r"))
}

#[test]
fn a_capture_is_judged_to_the_verdicts_of_its_log() {
    let home = captured(800);
    assert_eq!(ids(&home.path("x.wcap")).len(), 800);
    assert_eq!(*reader(&home.path("x.wcap")).state(), State::Empty);
    let (log, capture) = (replayed(&home, "log"), replayed(&home, "x.wcap"));
    assert_eq!(log.len(), 800);
    for (log, capture) in log.iter().zip(&capture) {
        assert_eq!(log, capture);
    }
    assert_eq!(capture.len(), log.len());
    assert!(capture.iter().any(|fields| fields[9] != Value::Array(Vec::new())), "there is a drift");
    assert_eq!(metadata(home.path("x.wcap")).unwrap().permissions().mode() & 0o777, 0o600);
    let said = stderr(&home.run("watch log --headless --capture x.wcap", 2));
    assert!(said.contains("exists already"), "{said}");
    let said = stderr(&home.run("watch x.wcap --headless", 2));
    assert!(said.contains("watcher replay x.wcap"), "{said}");
}

#[test]
fn a_capture_after_a_resumed_run_knows_what_was_known() {
    let home = Home::new();
    home.write("log", lines(0..380));
    home.write("rules.yaml", RULES);
    watched(&home, 380, "--rules rules.yaml");
    home.write("log", lines(0..800));
    watched(&home, 800, "--rules rules.yaml --capture x.wcap");
    let first = reader(&home.path("x.wcap"));
    assert!(matches!(first.state(), State::Known(_)), "it was begun by what the first run has left");
    let (whole, capture) = (replayed(&home, "log"), replayed(&home, "x.wcap"));
    assert_eq!(capture.len(), 420);
    for (whole, capture) in whole[380..].iter().zip(&capture) {
        // Without what was learned of the first records there would be no drift.
        assert_eq!(whole[1..], capture[1..]);
    }
}

#[test]
fn a_rule_has_the_records_around_its_breach_captured() {
    let home = Home::new();
    home.write("log", lines(0..30));
    home.write("rules.yaml", CAPTURING);
    let said = watched(&home, 30, "--rules rules.yaml");
    assert!(!said.contains("stopped capturing"), "{said}");
    let found = in_folder(&home);
    assert_eq!(found.len(), 1, "{found:?}");
    let ids = ids(&found[0]);
    let last: Vec<&str> = ids.iter().rev().take(9).rev().map(String::as_str).collect();
    assert_eq!(last, ["r12", "r13", "r14", "r15", "r16", "r17", "r18", "r19", "r20"], "5 before, the breach, 3 after");
    assert!(ids.len() == 9 || *reader(&found[0]).state() != State::Unknown, "more only to know where it begins");
    assert!(unpacked(&found[0]).contains(SECRET), "with texts");
    let mode = |path: &Path| metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&found[0]), mode(found[0].parent().unwrap())), (0o600, 0o700));
}

#[test]
fn texts_stay_out_where_that_is_wanted() {
    for (config, option) in [("content: mask\n", ""), ("content: off\n", ""), ("content: off\n", "--capture x.wcap")] {
        let home = Home::new();
        home.write("log", lines(0..30));
        home.write("rules.yaml", CAPTURING);
        home.write("c.yaml", config);
        watched(&home, 30, &format!("--rules rules.yaml --config c.yaml {option}"));
        let found: Vec<PathBuf> = in_folder(&home).into_iter().chain(Some(home.path("x.wcap"))).collect();
        let found = found.into_iter().filter(|path| path.exists());
        let texts: Vec<String> = found.map(|path| unpacked(&path)).collect();
        assert!(!texts.is_empty() && texts.iter().all(|text| !text.contains(SECRET)), "{config} {option}");
    }
    let home = Home::new();
    home.write("log", lines(0..30));
    home.write("rules.yaml", RULES);
    watched(&home, 30, "--rules rules.yaml --capture x.wcap --no-text");
    assert!(!unpacked(&home.path("x.wcap")).contains(SECRET));
    assert_eq!(replayed(&home, "x.wcap"), replayed(&home, "log"), "its divergence is what was found then");
}

#[test]
fn what_is_to_be_redacted_is_in_no_capture() {
    let home = Home::new();
    home.write("log", lines(0..100));
    home.write("rules.yaml", CAPTURING);
    home.write("c.yaml", "redact: ['ZEBRA-[0-9]+-[A-Z]+']\n");
    watched(&home, 100, "--rules rules.yaml --config c.yaml --capture x.wcap");
    let found = in_folder(&home);
    assert_eq!(found.len(), 3, "{found:?}");
    for path in found.iter().chain([&home.path("x.wcap")]) {
        let text = unpacked(path);
        assert!(text.contains("[redacted]") && !text.contains(SECRET), "{}", path.display());
    }
}

#[test]
fn past_the_bytes_that_captures_may_take_nothing_more_is_captured() {
    let home = Home::new();
    // Nothing that packs well.
    let noise = |n: usize| {
        (0..40).map(|k| format!("{:016x}", (n * 64 + k + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))).collect::<String>()
    };
    let long = |n: usize| line(n).replace("is it", &noise(n));
    home.write("log", (0..600).map(long).collect::<String>());
    home.write("rules.yaml", CAPTURING);
    home.write("c.yaml", "capture: {bytes: 65536}\n");
    let mut child = watch(&home, "--rules rules.yaml --config c.yaml --capture x.wcap");
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let (mut text, mut stopped) = (String::new(), false);
    while !stopped && said.read_line(&mut text).unwrap() > 0 {
        stopped = text.contains("stopped capturing") && text.contains("`capture.bytes`");
    }
    assert!(stopped, "{text}");
    wait_until("the last verdict", || count(&home.path("v")) >= 600);
    std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    said.read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{text}");
    assert!(text.contains("600 judged"), "nothing else breaks: {text}");
    // What was begun was ended in order.
    in_folder(&home).iter().chain([&home.path("x.wcap")]).for_each(|path| drop(ids(path)));
}

/// What is in a folder and below, but for the program's own state.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| !path.ends_with(".local") && !path.ends_with("r"));
    found.sort();
    found
}

#[test]
fn what_is_no_capture_is_refused_in_words() {
    let home = captured(50);
    let whole = read(home.path("x.wcap")).unwrap();
    let mut newer = whole.clone();
    let version = newer.windows(9).position(|bytes| bytes == b"capture 1").unwrap() + 8;
    newer[version] = b'2';
    let cases: [(&str, &[u8], &str); 6] = [
        ("png", b"\x89PNG\r\n\x1a\n0123456789", "not a capture"),
        ("empty", b"", "not a capture"),
        ("text", b"this is a text\nand no capture\n", "not a capture"),
        ("newer", &newer, "version 2"),
        ("short", &whole[..20], "cut off"),
        ("headless", &whole[..40], "damaged"),
    ];
    for (name, bytes, why) in cases {
        let path = home.path(&format!("{name}.wcap"));
        write(&path, bytes).unwrap();
        let before = files(home.0.path());
        let said = stderr(&home.run(&format!("replay {name}.wcap --headless --backend lexical --output r"), 3));
        assert!(said.contains(why) && said.contains(&format!("{name}.wcap")), "{name}: {said}");
        assert_eq!(files(home.0.path()), before, "{name}");
    }
}

#[test]
fn of_a_capture_that_is_damaged_what_can_be_read_is_judged() {
    let home = captured(800);
    let whole = read(home.path("x.wcap")).unwrap();
    let all = replayed(&home, "x.wcap");
    let mut flipped = whole.clone();
    let at = whole.len() - 200;
    flipped[at] ^= 4;
    for (name, bytes) in
        [("cut", &whole[..whole.len() - 100]), ("half", &whole[..whole.len() / 2]), ("flipped", &flipped)]
    {
        write(home.path(&format!("{name}.wcap")), bytes).unwrap();
        let before = files(home.0.path());
        let arguments = format!("replay {name}.wcap --headless --backend lexical --rules rules.yaml --output r");
        let said = stderr(&home.run(&arguments, 3));
        assert!(said.contains("damaged"), "{name}: {said}");
        let saved = verdicts(&home.path("r"));
        assert!(saved.len() <= 800 && saved[..] == all[..saved.len()], "{name}: {} records", saved.len());
        assert_eq!(files(home.0.path()), before, "{name}");
    }
}

#[test]
fn a_bomb_is_not_unpacked() {
    let home = captured(50);
    let mut bomb = read(home.path("x.wcap")).unwrap();
    let mut packer = zstd::bulk::Compressor::new(1).unwrap();
    packer.include_checksum(true).unwrap();
    let lines = b"{\"t\":\"later\",\"x\":1}\n".repeat(2 << 20);
    bomb.extend(packer.compress(&lines).unwrap());
    write(home.path("bomb.wcap"), bomb).unwrap();
    home.write("c.yaml", "limits: {unpacked_bytes: 1048576}\n");
    let said = stderr(&home.run("replay bomb.wcap --headless --backend lexical --output r", 3));
    assert!(said.contains("damaged"), "{said}");
    assert_eq!(count(&home.path("r")), 50, "what came before it is judged");
}

#[test]
fn two_sets_of_rules_are_compared_record_by_record() {
    let home = captured(400);
    home.write("b.yaml", RULES.replace("max: 3", "max: 10").replace("dear", "dearer"));
    home.write("c.yaml", RULES.replace("max: 3", "max: 0.5"));
    home.write("d.yaml", RULES.replace("severity: critical", "severity: info"));
    let dear = (0..400).filter(|n| n % 40 == 17).count();
    for what in ["log", "x.wcap"] {
        let run = |other: &str, more: &str| {
            let arguments =
                format!("replay {what} --headless --backend lexical --rules rules.yaml --compare {other} {more}");
            String::from_utf8(home.run(arguments.trim(), 0).stdout).unwrap()
        };
        let table = run("b.yaml", "");
        assert!(table.contains("dear") && table.contains("dearer"), "{table}");
        run("b.yaml", "--output d");
        let lines = json_lines(&read(home.path("d")).unwrap());
        let of = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).collect::<Vec<_>>();
        assert_eq!((of("record").len(), of("record").len() + of("rule").len()), (dear, lines.len()), "{what}");
        assert!(!of("rule").is_empty());
        for line in of("record") {
            assert_eq!((&line["gone"][0], line["new"].as_array().unwrap().len()), (&"dear".into(), 0), "{line}");
            assert!(line["now"]["confidence"].as_f64() >= line["before"]["confidence"].as_f64(), "{line}");
            assert!(line["now"]["confidence"].is_number(), "the answers were compared, once: {line}");
        }
        run("c.yaml", "--output d");
        let lines = json_lines(&read(home.path("d")).unwrap());
        assert_eq!(lines.iter().filter(|line| line["kind"] == "record").count(), 400 - dear, "{what}");
        // The same rule fires on the same records, and says something else of them.
        run("d.yaml", "--output d");
        let lines = json_lines(&read(home.path("d")).unwrap());
        let changed: Vec<_> = lines.iter().filter(|line| line["kind"] == "record").collect();
        assert_eq!(changed.len(), dear, "{what}");
        let rules = serde_json::json!(["rules"]);
        assert!(changed.iter().all(|line| line["why"] == rules && line["gone"].as_array().unwrap().is_empty()));
        run("rules.yaml", "--output d");
        let lines = json_lines(&read(home.path("d")).unwrap());
        assert!(lines.iter().all(|line| line["kind"] == "rule"), "the same rules differ in nothing");
    }
}

#[test]
fn nothing_that_is_read_is_written_over() {
    let home = captured(20);
    home.write("b.yaml", RULES.replace("max: 3", "max: 10"));
    for (what, output) in [("log", "log"), ("x.wcap", "x.wcap"), ("log", "b.yaml"), ("log", "rules.yaml")] {
        let before = read(home.path(output)).unwrap();
        for compare in ["--compare b.yaml", ""] {
            // Without it, the other rules are no concern of the run.
            if compare.is_empty() && output == "b.yaml" {
                continue;
            }
            let run =
                format!("replay {what} --headless --backend lexical --rules rules.yaml {compare} --output {output}")
                    .replace("  ", " ");
            let said = stderr(&home.run(&run, 2));
            assert!(said.contains("is read and would be overwritten"), "{run}: {said}");
            assert!(read(home.path(output)).unwrap() == before, "{run}");
        }
    }
}
