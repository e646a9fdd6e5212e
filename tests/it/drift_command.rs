//! `watcher drift`, and drift in a headless run.

use std::io::Read;
use std::process::Stdio;

use serde_json::Value;

use crate::streams::Random;
use crate::support::{Home, json_lines, stderr};

/// A column of values around a level that rises by half at row 700, one a minute.
fn latencies(rows: usize) -> String {
    let mut random = Random(5);
    let mut text = "time,agent,latency_ms\n".to_owned();
    for row in 0..rows {
        let level = if row < 700 { 400.0 } else { 600.0 };
        let spread = (0..6).map(|_| random.uniform()).sum::<f64>() - 3.0;
        let (day, hour, minute) = (1 + row / 1_440, row / 60 % 24, row % 60);
        text += &format!("2026-03-{day:02}T{hour:02}:{minute:02}:00Z,a,{:.3}\n", level + 80.0 * spread);
    }
    text
}

/// Rows of the answer, each as its fields.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    rows.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn ask(home: &Home, arguments: &str, code: i32) -> (Vec<Vec<String>>, String) {
    let output = home.run(arguments, code);
    (rows(&String::from_utf8(output.stdout.clone()).unwrap()), stderr(&output))
}

#[test]
fn one_row_in_is_one_row_out_with_the_change_found_where_it_is() {
    let home = Home::new();
    home.write("in.csv", latencies(1_000));
    let (found, _) = ask(&home, "drift in.csv --value latency_ms", 0);
    let header = ["timestamp", "value", "anomaly_score", "alarm", "state", "z", "direction", "onset"];
    assert_eq!(found[0], header);
    assert_eq!(found.len(), 1_001);
    assert_eq!((&*found[1][0], &*found[1][4]), ("2026-03-01T00:00:00Z", "warm_up"));
    let alarms: Vec<usize> = (0..1_000).filter(|row| found[row + 1][3] == "1").collect();
    let [alarm] = alarms[..] else { panic!("{alarms:?}") };
    assert!((700..712).contains(&alarm), "{alarm}");
    let row = &found[alarm + 1];
    assert_eq!((&*row[4], &*row[6]), ("drift", "up"));
    assert!((697..=703).contains(&row[7].parse::<usize>().unwrap()), "{row:?}");
    assert!(found[1..].iter().all(|row| (0.0..=1.0).contains(&row[2].parse::<f64>().unwrap())));

    // What comes later changes nothing of what was said before; the z-score says something else.
    home.write("cut.csv", latencies(720));
    let (cut, _) = ask(&home, "drift cut.csv --value latency_ms", 0);
    assert_eq!(cut[..], found[..721]);
    let (other, _) = ask(&home, "drift in.csv --value latency_ms --detector zscore", 0);
    assert!(other.len() == 1_001 && other != found);
    // A tighter budget takes longer.
    let (strict, _) = ask(&home, "drift in.csv --value latency_ms --false-alarms 1/1000000000", 0);
    let later = (0..1_000).find(|row| strict[row + 1][3] == "1").unwrap();
    assert!(later > alarm, "{later} {alarm}");
    ask(&home, "drift in.csv --value latency_ms --output out.csv", 0);
    assert_eq!(rows(&std::fs::read_to_string(home.path("out.csv")).unwrap()), found);
}

#[test]
fn rows_without_a_value_keep_their_place() {
    let home = Home::new();
    let tables = [
        ("one.csv", "v\r\n1\r\n\r\nNaN\r\ninf\r\nfour\r\n1e400\r\n2", "drift one.csv"),
        (
            "semicolon.csv",
            "\u{feff}ts;v;note\n5;1;\n6;;\n7\n8;NA;\n9;four;\n10;-inf;\n11;2;\"a;b\"\n",
            "drift semicolon.csv --value v",
        ),
    ];
    for (name, text, arguments) in tables {
        home.write(name, text);
        let (found, said) = ask(&home, arguments, 0);
        let states: Vec<&str> = found[1..].iter().map(|row| row[4].as_str()).collect();
        assert_eq!(states, ["warm_up", "missing", "missing", "missing", "missing", "missing", "warm_up"], "{name}");
        assert!(found[2..7].iter().all(|row| row[2] == "0" && row[3] == "0"));
        assert!(said.contains("1 row has no number and count as missing, first row 4: `four`"), "{said}");
    }
    let (found, _) = ask(&home, "drift semicolon.csv --value v --time note", 0);
    assert_eq!(found[7][0], "a;b");
    let output = home.watcher().args(["drift", "-"]).write_stdin("x\n3\n4\n").output().unwrap();
    assert_eq!(rows(&String::from_utf8(output.stdout).unwrap())[2][..2], ["1", "4"]);
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let home = Home::new();
    home.write("in.csv", "time,a,b\n1,2,3\n");
    home.write("empty.csv", "");
    home.write("numbers.csv", "1\n2\n");
    home.write("open.csv", format!("a,b\n1,\"2\n{}", "1,2\n".repeat(2_000_000)));
    for (arguments, code, part) in [
        ("drift in.csv", 2, "--value COLUMN says which values to watch; in.csv has the columns time, a, b"),
        ("drift in.csv --value c", 2, "no column `c`; in.csv has the columns time, a, b"),
        ("drift in.csv --value a --time when", 2, "no column `when`"),
        ("drift in.csv --value a --false-alarms 1/week", 2, "in rows"),
        ("drift in.csv --value a --output in.csv", 2, "is the input itself"),
        ("drift nothing.csv --value a", 3, "nothing.csv: No such file"),
        ("drift . --value a", 3, "is a folder"),
        ("drift numbers.csv", 2, "its first row is numbers; a header"),
        ("drift open.csv --value b", 3, "a row of more than 4 MiB: is a quote left open?"),
        ("drift empty.csv --value a", 3, "a header with the names of the columns is needed"),
        ("drift in.csv --text a..b", 2, "expected a field such as"),
        ("drift in.csv --text a --backend none", 2, "needs a model"),
    ] {
        let said = stderr(&home.run(arguments, code));
        assert!(said.contains(part), "{arguments}: {said}");
    }
}

#[test]
fn nobody_reading_any_more_is_no_fault() {
    let home = Home::new();
    home.write("in.csv", latencies(20_000));
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("watcher"))
        .args(["drift", "in.csv", "--value", "latency_ms"])
        .current_dir(home.0.path())
        .env_clear()
        .env("HOME", home.0.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut few = [0; 64];
    child.stdout.take().unwrap().read_exact(&mut few).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}

#[test]
fn texts_are_watched_whatever_the_file_is_called() {
    let home = Home::new();
    home.write(
        "log.csv",
        "{\"ts\":\"2026-01-01T00:00:00Z\",\"a\":{\"b\":[\"Paid.\",\"Not yet.\"]}}\n{\"a\":1}\nno json\n\n{\"a\":{\"b\":[\" \"]}}\n",
    );
    let (found, said) = ask(&home, "drift log.csv --text a.b[0]", 0);
    let told: Vec<[&str; 3]> = found[1..].iter().map(|row| [&*row[0], &*row[1], &*row[4]]).collect();
    assert_eq!(told[0], ["2026-01-01T00:00:00Z", "0", "warm_up"]);
    assert_eq!(told[1..], [["1", "", "missing"], ["2", "", "missing"], ["3", "", "missing"]]);
    assert!(said.contains("count as missing: 3, first row 1: no such field"), "{said}");
}

/// What a headless run says of drift: onset, direction and size in the verdict, what is watched in the summary.
#[test]
fn a_headless_run_tells_of_drift_and_of_what_is_watched() {
    let home = Home::new();
    let mut random = Random(9);
    let mut lines = Vec::new();
    for seq in 0..600 {
        let level = if seq >= 400 && seq % 2 == 0 { 900.0 } else { 500.0 };
        let latency = level + 200.0 * (random.uniform() + random.uniform() - 1.0);
        lines.push(format!(
            "{{\"ts\":{},\"agent_id\":\"a{}\",\"latency_ms\":{latency:.1},\"request_no\":{seq},\"metrics\":{{\"build\":7}}}}\n",
            1_700_000_000 + seq,
            seq % 2
        ));
    }
    home.write("log", lines.concat());
    home.write("c.yaml", "drift: {false_alarms: 1/10000}\nseries: {metrics.build: {watch: false}, missing_one: {}}\n");
    let run = "--headless --backend none --config c.yaml --no-timing --full";
    let output = home.run(&format!("replay log {run} --output - --summary json"), 0);
    let found = json_lines(&output.stdout);
    let series = |line: &Value, name: &str| {
        line["drift"].as_array().unwrap().iter().find(|report| report["series"] == name).cloned()
    };
    let alarm = found.iter().find(|line| series(line, "latency_ms").unwrap()["state"] == "drift").unwrap();
    let report = series(alarm, "latency_ms").unwrap();
    assert_eq!((&report["key"], &report["direction"]), (&"a0".into(), &"up".into()));
    assert!((396..=404).contains(&report["onset_seq"].as_u64().unwrap()), "{report}");
    assert!((300.0..500.0).contains(&report["size"].as_f64().unwrap()), "{report}");
    assert!((450.0..550.0).contains(&report["baseline"].as_f64().unwrap()), "{report}");
    assert_eq!(series(&found[0], "missing_one").unwrap()["state"], "no_data");
    let told: Value = serde_json::from_str(stderr(&output).trim().lines().last().unwrap()).unwrap();
    assert_eq!((&told["drift"]["reported"], &told["drift"]["keys"]), (&1.into(), &2.into()));
    let skipped: Vec<&String> = told["drift"]["skipped"].as_object().unwrap().keys().collect();
    assert_eq!(skipped, ["metrics.build", "missing_one", "request_no"]);
}

#[test]
fn what_is_found_is_written_while_more_is_waited_for() {
    let home = Home::new();
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("watcher"))
        .args(["drift", "-", "--value", "v"])
        .current_dir(home.0.path())
        .env_clear()
        .env("HOME", home.0.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"v\n1\n2\n").unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    assert!(lines.next().unwrap().unwrap().starts_with("timestamp,"));
    assert_eq!(lines.next().unwrap().unwrap(), "0,1,0,0,warm_up,0,,");
    assert_eq!(lines.next().unwrap().unwrap(), "1,2,0,0,warm_up,0,,");
    drop(stdin);
    assert!(child.wait().unwrap().success());
}
