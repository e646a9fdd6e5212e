//! The real program, killed at any moment while logs grow and rotate: one verdict a record, none lost, none twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use notify::Watcher as _;
use serde_json::Value;
use watcher::clock::{Clock, SystemClock};

use crate::support::{Home, json_lines};

mod pieces;

/// Longest wait for anything: a bound for a test that fails, not a pause.
const PATIENCE: Duration = Duration::from_secs(60);

/// A generator that needs no seed from outside: the runs differ, and each can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        // Marsaglia's xorshift64.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// A log with its writer.
struct Log {
    path: PathBuf,
    name: String,
    next: usize,
    rejected: usize,
}

impl Log {
    fn new(home: &Home, name: &str) -> Self {
        Self { path: home.path(name), name: name.to_owned(), next: 0, rejected: 0 }
    }

    fn append(&self, bytes: &[u8]) {
        OpenOptions::new().append(true).create(true).open(&self.path).unwrap().write_all(bytes).unwrap();
    }

    fn write(&mut self, count: u64, random: &mut Random) {
        let mut text = Vec::new();
        for _ in 0..count {
            match random.below(40) {
                0 => {
                    text.extend_from_slice(b"this is no record\n");
                    self.rejected += 1;
                }
                1 => text.extend_from_slice(b"\n"),
                _ => {
                    let (name, next) = (&self.name, self.next);
                    // One answer in three records: it is compared with the earlier ones to the same prompt.
                    let more = if next % 3 == 0 { String::new() } else { format!(",\"answer {}\"", next % 7) };
                    let line = format!(
                        "{{\"id\":\"{name}-{next}\",\"agent_id\":\"a{}\",\"latency_ms\":{},\"prompt\":\"p{}\",\"samples\":[\"answer {next}\"{more}]}}\n",
                        next % 5,
                        next % 90,
                        next % 11,
                    );
                    text.extend_from_slice(line.as_bytes());
                    self.next += 1;
                }
            }
        }
        // Lines come in pieces, as a buffered writer hands them over.
        let cut = random.below(text.len() as u64 + 1) as usize;
        self.append(&text[..cut]);
        self.append(&text[cut..]);
    }

    fn long_line(&mut self) {
        self.append(&vec![b'x'; 5 << 20]);
        self.append(b"\n");
        self.rejected += 1;
    }

    fn shift(&self) {
        let number = |n: u32| PathBuf::from(format!("{}.{n}", self.path.display()));
        let last = (1..).find(|n| !number(*n).exists()).unwrap();
        for n in (1..last).rev() {
            fs::rename(number(n), number(n + 1)).unwrap();
        }
    }

    fn rotate(&self) {
        if self.path.exists() {
            self.shift();
            fs::rename(&self.path, format!("{}.1", self.path.display())).unwrap();
        }
    }

    fn copy_truncate(&self) {
        if self.path.exists() {
            self.shift();
            fs::copy(&self.path, format!("{}.1", self.path.display())).unwrap();
            OpenOptions::new().write(true).truncate(true).open(&self.path).unwrap();
        }
    }
}

fn spawn<'a>(home: &Home, arguments: impl Iterator<Item = &'a str>) -> Child {
    Command::new(assert_cmd::cargo::cargo_bin("watcher"))
        .current_dir(home.0.path())
        .env_clear()
        .env("HOME", home.0.path())
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(OpenOptions::new().append(true).create(true).open(home.path("errors.log")).unwrap())
        .spawn()
        .unwrap()
}

fn start(home: &Home, more: &[&str]) -> Child {
    let run = "watch a.ndjson b.ndjson --headless --from checkpoint --backend lexical --output v.ndjson";
    spawn(home, run.split(' ').chain(more.iter().copied()))
}

/// Says whenever something in the folder changes.
fn changes(folder: &Path) -> (Receiver<()>, notify::RecommendedWatcher) {
    let (sender, receiver) = sync_channel(1);
    let mut watcher = notify::recommended_watcher(move |_| {
        let _ = sender.try_send(());
    })
    .unwrap();
    watcher.watch(folder, notify::RecursiveMode::NonRecursive).unwrap();
    (receiver, watcher)
}

/// The files of an output with their inodes, oldest first.
fn files(home: &Home, name: &str) -> BTreeMap<u64, (PathBuf, u64)> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(home.0.path()).unwrap() {
        let entry = entry.unwrap();
        let file = entry.file_name().to_str().unwrap().to_owned();
        let number = file.strip_prefix(&format!("{name}.")).and_then(|n| n.parse().ok());
        if let Some(number) = if file == name { Some(u64::MAX) } else { number } {
            files.insert(number, (entry.path(), entry.ino()));
        }
    }
    files
}

/// What the outputs hold, oldest first.
fn written(home: &Home, name: &str) -> Vec<u8> {
    loop {
        let before = files(home, name);
        let text = before.values().flat_map(|(path, _)| fs::read(path).unwrap_or_default()).collect();
        // Rotated meanwhile, a file would be missing or come twice.
        if files(home, name) == before {
            return text;
        }
    }
}

fn lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

fn wait_for(home: &Home, verdicts: usize, rejected: usize) {
    let (changed, _watcher) = changes(home.0.path());
    let clock = SystemClock::new();
    loop {
        let found = (lines(&written(home, "v.ndjson")), lines(&written(home, "v.ndjson.rejected.ndjson")));
        if found.0 >= verdicts && found.1 >= rejected {
            return;
        }
        let said = || fs::read_to_string(home.path("errors.log")).unwrap_or_default();
        let wanted = (verdicts, rejected);
        assert!(clock.elapsed() < PATIENCE, "{found:?} of {wanted:?} verdicts and reports came\n{}", said());
        let _ = changed.recv_timeout(Duration::from_secs(1));
    }
}

/// Runs a command until it has written so many verdicts, and ends it; what it wrote.
pub fn watch_until(home: &Home, arguments: &str, output: &str, verdicts: usize) -> String {
    let (changed, _watcher) = changes(home.0.path());
    let child = spawn(home, arguments.split(' '));
    let clock = SystemClock::new();
    while lines(&written(home, output)) < verdicts {
        assert!(clock.elapsed() < PATIENCE, "{arguments}: {}", lines(&written(home, output)));
        let _ = changed.recv_timeout(Duration::from_secs(1));
    }
    terminate(child);
    String::from_utf8(written(home, output)).unwrap()
}

fn terminate(mut child: Child) {
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

fn check(home: &Home, logs: &[Log]) {
    let verdicts = json_lines(&written(home, "v.ndjson"));
    let ids: Vec<&str> = verdicts.iter().map(|v| v["id"].as_str().unwrap()).collect();
    let wanted: BTreeSet<String> =
        logs.iter().flat_map(|log| (0..log.next).map(move |n| format!("{}-{n}", log.name))).collect();
    let found: BTreeSet<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    assert_eq!(wanted.difference(&found).collect::<Vec<_>>(), Vec::<&String>::new(), "lost");
    assert_eq!(found.difference(&wanted).collect::<Vec<_>>(), Vec::<&String>::new(), "from nowhere");
    assert_eq!(ids.len(), found.len(), "none comes twice");
    let numbers: Vec<u64> = verdicts.iter().map(|v| v["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..verdicts.len() as u64).collect::<Vec<_>>());
    let refused = json_lines(&written(home, "v.ndjson.rejected.ndjson"));
    assert_eq!(refused.len(), logs.iter().map(|log| log.rejected).sum::<usize>());
}

#[test]
fn one_verdict_a_record_whatever_happens() {
    // Another run of events: WATCHER_SEED=17 cargo test --test it -- crash
    let seed = std::env::var("WATCHER_SEED").map_or(1, |seed| seed.parse().unwrap());
    let mut random = Random(seed | 1 << 40);
    let home = Home::new();
    home.write("config.yaml", "output: {max_bytes: 300000}\n");
    let mut logs = [Log::new(&home, "a.ndjson"), Log::new(&home, "b.ndjson")];
    let total = |logs: &[Log]| logs.iter().map(|log| log.next).sum::<usize>();
    logs[0].write(5, &mut random);
    for round in 0..25 {
        let mut child = start(&home, &["--config", "config.yaml"]);
        // The first one has to have begun: from then on the logs are its own.
        let mut seen = if round == 0 { logs[0].next } else { lines(&written(&home, "v.ndjson")) };
        for _ in 0..random.below(8) {
            wait_for(&home, seen, 0);
            let which = random.below(2) as usize;
            logs[which].write(random.below(150), &mut random);
            match random.below(7) {
                0 => logs[which].rotate(),
                1 => logs[which].copy_truncate(),
                2 if round % 5 == 0 => logs[which].long_line(),
                _ => {}
            }
            // It is at some place between what it has and what there is when the next thing happens to it.
            seen += random.below((total(&logs) - seen) as u64 + 1) as usize;
        }
        wait_for(&home, seen, 0);
        child.kill().unwrap();
        child.wait().unwrap();
        // And while it is down.
        for log in &mut logs {
            log.write(random.below(60), &mut random);
            match random.below(5) {
                0 => log.rotate(),
                1 => log.copy_truncate(),
                2 => {
                    log.rotate();
                    log.write(30, &mut random);
                    log.rotate();
                }
                _ => {}
            }
        }
    }
    let child = start(&home, &["--config", "config.yaml"]);
    let (verdicts, rejected) = (total(&logs), logs.iter().map(|log| log.rejected).sum::<usize>());
    assert!(verdicts > 5_000, "{verdicts}");
    wait_for(&home, verdicts, rejected);
    terminate(child);
    check(&home, &logs);
}

#[test]
fn the_engines_know_after_a_crash_what_they_knew() {
    let home = Home::new();
    let mut random = Random(7);
    let mut logs = [Log::new(&home, "a.ndjson"), Log::new(&home, "b.ndjson")];
    logs[0].write(300, &mut random);
    for _ in 0..2 {
        let mut child = start(&home, &["--full", "--no-timing"]);
        wait_for(&home, logs[0].next, logs[0].rejected);
        child.kill().unwrap();
        child.wait().unwrap();
        logs[0].write(50, &mut random);
    }
    let child = start(&home, &["--full", "--no-timing"]);
    wait_for(&home, logs[0].next, logs[0].rejected);
    terminate(child);
    check(&home, &logs);
    let crashed = json_lines(&written(&home, "v.ndjson"));
    home.run("replay a.ndjson --headless --backend lexical --full --no-timing --output w.ndjson", 0);
    let whole = json_lines(&written(&home, "w.ndjson"));
    let all = |verdicts: &[Value], what: &str| verdicts.iter().map(|v| v[what].clone()).collect::<Vec<_>>();
    assert_eq!(all(&crashed, "drift"), all(&whole, "drift"), "the baselines are those of a run without a crash");
    let divergence = all(&whole, "divergence");
    assert!(divergence.iter().any(|d| d["basis"] == "history"));
    assert_eq!(all(&crashed, "divergence"), divergence, "and so are the earlier answers");
}

#[test]
fn a_checkpoint_that_does_not_fit_is_set_aside_and_the_output_still_counts() {
    let home = Home::new();
    let mut random = Random(11);
    let mut logs = [Log::new(&home, "a.ndjson"), Log::new(&home, "b.ndjson")];
    logs[0].write(200, &mut random);
    let child = start(&home, &[]);
    wait_for(&home, logs[0].next, logs[0].rejected);
    terminate(child);
    let folder = home.path(".local/state/watcher/checkpoints");
    let mut checkpoint = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let checkpoint = checkpoint.find(|path| path.extension().is_some_and(|e| e == "json")).unwrap();
    fs::write(&checkpoint, "{\"half\": true").unwrap();
    logs[0].write(100, &mut random);
    let child = start(&home, &[]);
    wait_for(&home, logs[0].next, logs[0].rejected);
    terminate(child);
    check(&home, &logs);
    assert!(fs::read_dir(&folder).unwrap().any(|e| e.unwrap().path().to_string_lossy().contains("set-aside")));
}

#[test]
fn output_and_checkpoint_have_one_writer() {
    let home = Home::new();
    let mut random = Random(13);
    let mut logs = [Log::new(&home, "a.ndjson"), Log::new(&home, "b.ndjson")];
    logs[0].write(20, &mut random);
    let child = start(&home, &[]);
    wait_for(&home, logs[0].next, logs[0].rejected);
    let pid = child.id().to_string();
    for other in [
        "watch a.ndjson b.ndjson --headless --backend none --output v.ndjson",
        "watch b.ndjson --headless --backend none --output v.ndjson",
        "replay a.ndjson --headless --backend none --output v.ndjson",
    ] {
        let text = crate::support::stderr(&home.run(other, 2));
        assert!(text.contains("in use by") && text.contains(&pid), "{text}");
    }
    terminate(child);
    check(&home, &logs);
}

#[test]
fn a_fresh_start_forgets_the_checkpoint_but_overwrites_nothing() {
    let home = Home::new();
    let mut random = Random(17);
    let mut logs = [Log::new(&home, "a.ndjson"), Log::new(&home, "b.ndjson")];
    logs[0].write(50, &mut random);
    let child = start(&home, &[]);
    wait_for(&home, logs[0].next, logs[0].rejected);
    terminate(child);
    let again = "watch a.ndjson b.ndjson --headless --backend lexical --fresh --output v.ndjson";
    assert!(crate::support::stderr(&home.run(again, 2)).contains("exists already"));
    fs::remove_file(home.path("v.ndjson")).unwrap();
    fs::remove_file(home.path("v.ndjson.rejected.ndjson")).unwrap_or_default();
    let child = start(&home, &["--fresh"]);
    wait_for(&home, logs[0].next, logs[0].rejected);
    terminate(child);
    check(&home, &logs);
}

/// A command, how many verdicts it is to come to, and what happens after it was ended.
type Step<'a> = (&'a str, usize, &'a dyn Fn(&Home));

/// Starts a command, waits for so many verdicts, ends it, and so on: what came in the end.
fn runs(home: &Home, steps: &[Step<'_>]) -> Vec<String> {
    for (arguments, verdicts, then) in steps {
        watch_until(home, arguments, "v.ndjson", *verdicts);
        then(home);
    }
    json_lines(&written(home, "v.ndjson")).iter().map(|v| v["id"].as_str().unwrap().to_owned()).collect()
}

fn append(home: &Home, name: &str, ids: std::ops::Range<usize>) {
    let text: String = ids.map(|n| format!("{{\"id\":\"{n}\"}}\n")).collect();
    OpenOptions::new().append(true).create(true).open(home.path(name)).unwrap().write_all(text.as_bytes()).unwrap();
}

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|n| n.to_string()).collect()
}

#[test]
fn an_output_inside_the_pattern_is_no_input_and_no_obstacle() {
    let home = Home::new();
    append(&home, "a.ndjson", 0..5);
    let run = "watch *.ndjson --headless --backend none --output v.ndjson";
    let more = |home: &Home| append(home, "a.ndjson", 5..9);
    assert_eq!(runs(&home, &[(run, 5, &more), (run, 9, &|_| ())]), ids(9));
}

#[test]
fn a_file_that_left_the_pattern_is_read_to_its_end() {
    let home = Home::new();
    append(&home, "a.ndjson", 0..5);
    let run = "watch *.ndjson --headless --backend none --output v.ndjson";
    let leave = |home: &Home| {
        append(home, "a.ndjson", 5..9);
        fs::rename(home.path("a.ndjson"), home.path("a.ndjson.1")).unwrap();
    };
    assert_eq!(runs(&home, &[(run, 5, &leave), (run, 9, &|_| ())]), ids(9));
}

#[test]
fn a_path_is_the_same_however_it_is_written() {
    let home = Home::new();
    append(&home, "a.log", 0..5);
    let rotate_twice = |home: &Home| {
        append(home, "a.log", 5..7);
        fs::rename(home.path("a.log"), home.path("a.log.2")).unwrap();
        append(home, "a.log", 7..9);
        fs::rename(home.path("a.log"), home.path("a.log.1")).unwrap();
        append(home, "a.log", 9..12);
    };
    let first = "watch a.log --headless --backend none --output v.ndjson";
    let then = format!("watch {} --headless --backend none --output v.ndjson", home.path("a.log").display());
    assert_eq!(runs(&home, &[(first, 5, &rotate_twice), (&then, 12, &|_| ())]), ids(12));
}

#[test]
fn what_comes_through_a_pipe_is_new_each_time() {
    let home = Home::new();
    for round in 0..3 {
        let text: String = (0..20).map(|n| format!("{{\"id\":\"{round}-{n}\"}}\n")).collect();
        let arguments = ["-", "--headless", "--backend", "none", "--output", "v.ndjson"];
        let output = home.watcher().args(arguments).write_stdin(text).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", crate::support::stderr(&output));
        // As a crash would leave it: the checkpoint of the first run, and a longer output.
        let folder = home.path(".local/state/watcher/checkpoints");
        for entry in fs::read_dir(folder).unwrap().flatten() {
            if entry.path().extension().is_some_and(|e| e == "json") {
                fs::remove_file(entry.path()).unwrap();
            }
        }
    }
    let verdicts = json_lines(&written(&home, "v.ndjson"));
    let numbers: Vec<u64> = verdicts.iter().map(|v| v["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..60).collect::<Vec<_>>());
}
