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

/// A log in which records are put together from lines that are mixed with those of others: three streams at once, and
/// single answers with a common trace, out of step. Each line, and how many records are whole with it.
fn mixed_lines(records: usize) -> Vec<(String, usize)> {
    let chunk = |n: usize, rest: &str| {
        let id =
            format!("\"id\":\"stream-{n}\",\"object\":\"chat.completion.chunk\",\"created\":{}", 1_772_000_000 + n);
        format!("{{{id},\"model\":\"m{}\",{rest}}}\n", n % 3)
    };
    let parts = |n: usize| {
        let word = |index: usize, word: &str, done: &str| {
            let delta = format!("{{\"index\":{index},\"delta\":{{\"content\":\"{word} \"}},\"finish_reason\":{done}}}");
            chunk(n, &format!("\"choices\":[{delta}],\"usage\":null"))
        };
        let count = ["one", "two", "three"][n % 3];
        vec![
            (word(0, "there are", "null"), 0),
            (word(1, "I count", "null"), 0),
            (word(0, count, "null"), 0),
            (word(1, ["one", "two", "four"][n % 3], "\"stop\""), 0),
            (word(0, "of them", "\"stop\""), 0),
            (chunk(n, "\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":9}"), 1),
        ]
    };
    let mut lines = Vec::new();
    for first in (0..records).step_by(3) {
        let mut open: Vec<Vec<(String, usize)>> = (first..(first + 3).min(records)).map(parts).collect();
        // Out of step: each stream goes on with its own number of lines at a time.
        let mut turn = first;
        while open.iter().any(|stream| !stream.is_empty()) {
            let which = turn % open.len();
            let take = (1 + turn % 2).min(open[which].len());
            lines.extend(open[which].drain(..take));
            turn += 1;
        }
    }
    lines
}

/// Writes lines while a command is killed again and again; at the end every record has its one verdict, and the same as
/// without all that.
fn survives(lines: &[(String, usize)], options: &str, seed: u64) {
    let home = Home::new();
    let mut random = Random(seed | 1 << 40);
    let log = Log::new(&home, "a.ndjson");
    let (mut at, mut whole) = (0, 0);
    let (lines, last) = lines.split_at(lines.len() - 18);
    let mut more = |random: &mut Random| {
        for (line, done) in lines.iter().skip(at).take(1 + random.below(40) as usize) {
            log.append(line.as_bytes());
            at += 1;
            whole += done;
        }
        (whole, at == lines.len())
    };
    let run = |more: &str| {
        let run = format!(
            "watch a.ndjson b.ndjson --headless --from checkpoint --backend lexical {options} {more} --output v.ndjson"
        );
        spawn(&home, run.split_whitespace())
    };
    let mut seen = more(&mut random).0;
    loop {
        let mut child = run("--no-timing");
        for _ in 0..random.below(3) {
            wait_for(&home, seen.saturating_sub(random.below(5) as usize), 0);
            seen = more(&mut random).0;
        }
        wait_for(&home, random.below(seen as u64 + 1) as usize, 0);
        // In order, or not.
        if random.below(3) == 0 {
            let pid = rustix::process::Pid::from_child(&child);
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        } else {
            child.kill().unwrap();
        }
        child.wait().unwrap();
        let (now, end) = more(&mut random);
        seen = now;
        if end {
            break;
        }
    }
    // The last ones come while the last process looks, so that it has come to the end of all before them.
    let child = run("--no-timing");
    last.iter().for_each(|(line, _)| log.append(line.as_bytes()));
    seen += last.iter().map(|(_, whole)| whole).sum::<usize>();
    wait_for(&home, seen, 0);
    terminate(child);
    let crashed = json_lines(&written(&home, "v.ndjson"));
    let run = format!("replay a.ndjson --headless --backend lexical --no-timing --output w.ndjson {options}");
    home.run(run.trim(), 0);
    let whole = json_lines(&written(&home, "w.ndjson"));
    let all = |verdicts: &[Value]| {
        verdicts
            .iter()
            .map(|v| (v["id"].clone(), v["seq"].clone(), v["divergence"].clone(), v["offset"].clone()))
            .collect::<Vec<_>>()
    };
    let (crashed, whole) = (all(&crashed), all(&whole));
    let differs = crashed.iter().zip(&whole).find(|(a, b)| a != b);
    assert_eq!(differs, None);
    assert_eq!((crashed.len(), whole.len()), (seen, seen));
}

#[test]
fn records_in_pieces_have_one_verdict_whatever_happens() {
    let seed = std::env::var("WATCHER_SEED").map_or(5, |seed| seed.parse().unwrap());
    survives(&mixed_lines(180), "", seed);
}

#[test]
fn groups_have_one_verdict_whatever_happens() {
    let seed = std::env::var("WATCHER_SEED").map_or(6, |seed| seed.parse().unwrap());
    let order = [0usize, 3, 1, 6, 4, 2, 7, 5, 8];
    let line = |n: usize| {
        let (block, place) = (n / 9, order[n % 9]);
        let trace = block * 3 + place / 3;
        let answer = if place % 3 == 2 && trace % 2 == 0 { "no" } else { "yes, it is" };
        let ts = 1_772_000_000 + n;
        let text = format!(
            "{{\"id\":\"g-{n}\",\"ts\":{ts},\"trace\":\"t{trace}\",\"samples\":[\"{answer}\"],\"latency_ms\":{}}}\n",
            n % 70
        );
        (text, trace, place % 3)
    };
    let mut count = std::collections::HashMap::new();
    let lines: Vec<(String, usize)> = (0..540)
        .map(|n| {
            let (text, trace, _) = line(n);
            let held = count.entry(trace).or_insert(0);
            *held += 1;
            (text, usize::from(*held == 3))
        })
        .collect();
    survives(&lines, "--group-by trace --group-count 3", seed);
}

#[test]
fn outputs_of_findings_have_each_finding_once() {
    let home = Home::new();
    home.write("config.yaml", "output: {only: findings}\nrules: rules.yaml\n");
    home.write("rules.yaml", "version: 1\nrules:\n  - {id: slow, limit: {field: latency_ms, max: 9000}}\n");
    let log = Log::new(&home, "a.ndjson");
    let line = |n: usize| {
        let latency = if n.is_multiple_of(7) { 99_999 } else { 5 };
        format!(
            "{{\"id\":\"r-{n}\",\"ts\":{},\"latency_ms\":{latency},\"samples\":[\"a\",\"a\"]}}\n",
            1_772_000_000 + n
        )
    };
    let run = "watch a.ndjson --headless --from checkpoint --backend lexical --no-timing --config config.yaml --output v.ndjson";
    for round in 0..6 {
        (round * 140..(round + 1) * 140).for_each(|n| log.append(line(n).as_bytes()));
        let mut child = spawn(&home, run.split(' '));
        wait_for(&home, (round + 1) * 20, 0);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let child = spawn(&home, run.split(' '));
    log.append(line(840).as_bytes());
    // A line of counts stands for each minute that is over.
    wait_for(&home, 121 + 14, 0);
    terminate(child);
    let lines = json_lines(&written(&home, "v.ndjson"));
    let ids: Vec<&str> = lines.iter().filter_map(|line| line["id"].as_str()).collect();
    let wanted: Vec<String> = (0..841).step_by(7).map(|n| format!("r-{n}")).collect();
    assert_eq!(ids, wanted);
    let mut minutes: Vec<&str> = lines.iter().filter_map(|line| line["summary"]["since"].as_str()).collect();
    let all = minutes.len();
    minutes.dedup();
    assert_eq!(minutes.len(), all, "no minute is counted twice");
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
