//! Rules that change while records flow, in the real program.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use serde_json::Value;

use crate::support::Home;

const LIMIT: &str = "version: 1\nrules:\n  - id: slow\n    limit: {field: latency_ms, max: 100}\n";

/// A headless watch, what it says, and the verdicts that it writes.
struct Watch {
    child: Child,
    said: Receiver<String>,
    verdicts: Receiver<Value>,
    log: fs::File,
}

/// Longest wait for something that must come.
const PATIENCE: Duration = Duration::from_secs(60);

impl Watch {
    fn start(home: &Home, rules: &Path) -> Self {
        let log = home.write("log.ndjson", "");
        let mut child = Command::new(assert_cmd::cargo::cargo_bin("watcher"))
            .args([
                "watch",
                "log.ndjson",
                "--headless",
                "--backend",
                "none",
                "--output",
                "-",
                "--from",
                "start",
                "--rules",
            ])
            .arg(rules)
            .current_dir(home.0.path())
            .env_clear()
            .env("HOME", home.0.path())
            .env("USER", "kim")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = |reader: Box<dyn std::io::Read + Send>| {
            let (send, receive) = sync_channel(1_000);
            std::thread::spawn(move || {
                for line in BufReader::new(reader).lines().map_while(Result::ok) {
                    let _ = send.send(line);
                }
            });
            receive
        };
        let said = lines(Box::new(child.stderr.take().unwrap()));
        let written = lines(Box::new(child.stdout.take().unwrap()));
        let (send, verdicts) = sync_channel(1_000);
        std::thread::spawn(move || {
            for line in written {
                let _ = send.send(serde_json::from_str(&line).unwrap());
            }
        });
        Self { child, said, verdicts, log: fs::OpenOptions::new().append(true).open(log).unwrap() }
    }

    /// Waits until it says something with these words in it.
    fn until(&self, words: &str) -> String {
        loop {
            let line = self.said.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("it never said: {words}"));
            if line.contains(words) {
                return line;
            }
        }
    }

    /// The rules that a new record breaks.
    fn judge(&mut self, record: &str) -> Vec<String> {
        writeln!(self.log, "{record}").unwrap();
        let verdict = self.verdicts.recv_timeout(PATIENCE).unwrap();
        let name = |violation: &Value| violation["rule"].as_str().unwrap().to_owned();
        verdict["violations"].as_array().unwrap().iter().map(name).collect()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// As editors do it: a new file takes the place of the old one.
fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("tmp");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, path).unwrap();
}

#[test]
fn a_changed_file_comes_into_force_or_is_refused_with_its_fault() {
    let home = Home::new();
    let rules = home.write("rules.yaml", LIMIT);
    let mut watch = Watch::start(&home, &rules);
    assert_eq!(watch.judge(r#"{"latency_ms":150}"#), ["slow"]);
    replace(&rules, &LIMIT.replace("max: 100", "max: 200"));
    assert!(watch.until("are in force").contains("slow changed"));
    assert_eq!(watch.judge(r#"{"latency_ms":150}"#), [""; 0]);
    // Whatever is wrong with it, the rules of before go on.
    replace(&rules, &LIMIT.replace("max: 100", "mx: 1"));
    let said = watch.until("do not hold");
    assert!(said.contains("rules.yaml:4:32: unknown key `mx` (did you mean `max`?)"), "{said}");
    assert_eq!(watch.judge(r#"{"latency_ms":250}"#), ["slow"]);
    let test = "tests:\n  - {name: fails, given: {latency_ms: 5}, expect: {slow: warning}}\n";
    replace(&rules, &format!("{LIMIT}{test}"));
    assert!(watch.until("do not hold").contains("the test \"fails\" fails: expected slow to be warning, found ok"));
    fs::remove_file(&rules).unwrap();
    watch.until("do not hold");
    assert_eq!(watch.judge(r#"{"latency_ms":150}"#), [""; 0]);
    replace(&rules, &LIMIT.replace("max: 100", "max: 200"));
    watch.until("hold again");
    // What was moved away and comes back as it was holds again too.
    fs::rename(&rules, home.path("aside")).unwrap();
    watch.until("do not hold");
    fs::rename(home.path("aside"), &rules).unwrap();
    watch.until("hold again");
    let audit = fs::read_to_string(home.path(".local/state/watcher/audit.ndjson")).unwrap();
    let lines: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1, "{audit}");
    assert!(lines[0]["who"].as_str().unwrap().starts_with("kim@"), "{audit}");
    let change = &lines[0]["rules"][0];
    assert!(
        change["old"].as_str().unwrap().ends_with("max: 100}")
            && change["new"].as_str().unwrap().ends_with("max: 200}")
    );
}

#[test]
fn a_folder_changes_as_a_whole_and_unchanged_rules_go_on() {
    let home = Home::new();
    let step = "version: 1\nrules:\n  - id: jump\n    limit: {field: x, max_step: 5}\n";
    home.write("rules/a.yaml", step);
    let b = home.write("rules/b.yaml", LIMIT);
    let mut watch = Watch::start(&home, &home.path("rules"));
    assert_eq!(watch.judge(r#"{"x":1,"latency_ms":150}"#), ["slow"]);
    // One file at fault keeps the good one out too.
    home.write("rules/c.yaml", "version: 1\nrules:\n  - id: high\n    limit: {field: x, max: 0}\n");
    home.write("rules/d.yaml", "version: 1\nrules: 3\n");
    assert!(watch.until("do not hold").contains("d.yaml:2:8: expected a list, found the number 3"));
    assert_eq!(watch.judge(r#"{"x":2}"#), [""; 0]);
    fs::remove_file(home.path("rules/d.yaml")).unwrap();
    replace(&b, &LIMIT.replace("slow", "late"));
    let said = watch.until("are in force");
    assert!(said.contains("removed") || said.contains("late"), "{said}");
    if !said.contains("late") {
        watch.until("late");
    }
    // The step knows the value from before the change.
    let mut broken = watch.judge(r#"{"x":8,"latency_ms":150}"#);
    broken.sort();
    assert_eq!(broken, ["high", "jump", "late"]);
}
