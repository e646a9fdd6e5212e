//! A replay of 1,000,000 records: the first pass, seeks in what it has judged, a second opening, and what is kept of it.
//!
//! `cargo bench --bench replay`. Bound: a seek takes 200 ms at most. Beside the first pass stands a headless replay of the
//! same log in the same run, which writes verdicts and keeps nothing else.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use watcher::clock::{Clock, SystemClock};
use watcher::engine::embedding::pool;
use watcher::engine::embedding::select::Choice;
use watcher::message::replay::{Pass, Speed, Target};
use watcher::message::{Command, ReplayOrder, Update};
use watcher::pipeline::{self, Pipeline, demo};
use watcher::replay::first_pass::Other;
use watcher::replay::player::{Start, Track};
use watcher::replay::{self, Kept, Replay};
use watcher::rules::RuleSet;
use watcher::rules::schema::{Source, load};
use watcher::sink::file::Existing;
use watcher::sink::ndjson::{NdjsonSink, Opening};
use watcher::state::{AppState, Options as StateOptions};
use watcher::verdict::json;

const RECORDS: usize = 1_000_000;

const SEEKS: usize = 400;

fn input(log: &Path, backend: Choice, rules: &Arc<RuleSet>) -> pipeline::Options {
    pipeline::Options {
        pool: pool::Options { cache_bytes: 32 << 20, ..pool::Options::default() },
        threads: 2,
        retention: Some(watcher::history::Retention { bytes: 1 << 20, rows: 1_000 }),
        ..pipeline::Options::of_log(log.to_owned(), Arc::clone(rules), backend)
    }
}

/// Starts a replay that plays as fast as it goes.
fn start(log: &Path, folder: &Path, backend: Choice, rules: &Arc<RuleSet>) -> Replay {
    let kept = Kept { folder: folder.to_owned(), name: "bench".into(), bytes: 1 << 40, reuse: true, lasting: true };
    let start = Start { speed: Speed::MAX, at: None, filter: None, skip_gaps: false };
    let options = replay::Options {
        input: input(log, backend, rules),
        kept,
        seen: Other::None,
        compare: None,
        tracks: vec![Track { name: "bench".into(), rules: Arc::clone(rules) }],
        review_score: 0.5,
        start,
    };
    replay::start(options, SystemClock::shared()).unwrap()
}

/// Takes updates in until the screen shows what is wanted.
fn until(replay: &Replay, state: &mut AppState, wanted: impl Fn(&AppState) -> bool) {
    while !wanted(state) {
        state.apply(replay.updates.recv().unwrap());
    }
}

fn headless(log: &Path, output: &Path, backend: Choice, rules: &Arc<RuleSet>) -> Duration {
    let opening = Opening { existing: Existing::Replace, max_bytes: None, options: json::Options::default() };
    let sink = Some(NdjsonSink::open(output, opening).unwrap());
    let options = pipeline::Options { sink, retention: None, ..input(log, backend, rules) };
    let clock = SystemClock::new();
    let (updates, handle) = Pipeline::start(options, SystemClock::shared()).unwrap().split();
    while !matches!(updates.recv().unwrap(), Update::Finished(_)) {}
    handle.finish(Duration::from_secs(1));
    clock.elapsed()
}

fn measure(log: &Path, dir: &Path, name: &str, backend: Choice, rules: &Arc<RuleSet>) {
    let folder = dir.join(name);
    let baseline = headless(log, &dir.join("verdicts.ndjson"), backend, rules);
    let options = StateOptions { review_score: 0.5, mode: "REPLAY", live: false, read_only: true };
    let clock = SystemClock::new();
    let mut state = AppState::new(options.clone(), clock.now());
    let replay = start(log, &folder, backend, rules);
    let is_whole = |state: &AppState| {
        state
            .replay()
            .is_some_and(|report| matches!(report.pass, Pass::Done { .. }) && report.position == RECORDS as u64)
    };
    until(&replay, &mut state, is_whole);
    let first = clock.elapsed();
    let rate = |took: Duration| RECORDS as f64 / took.as_secs_f64();
    println!(
        "{name}: first pass {:.0} records/s, shown while it goes; headless with verdicts written {:.0} ({:.2} of it)",
        rate(first),
        rate(baseline),
        baseline.as_secs_f64() / first.as_secs_f64()
    );
    let mut took: Vec<Duration> = Vec::new();
    let mut random = 88_172_645_463_325_252_u64;
    for _ in 0..SEEKS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let to = random % RECORDS as u64 + 1;
        let before = clock.elapsed();
        replay.orders.give(Command::Replay(ReplayOrder::Seek(Target::Record(to))));
        until(&replay, &mut state, |state| state.replay().is_some_and(|report| report.position == to));
        state.tick(clock.now());
        took.push(clock.elapsed() - before);
    }
    took.sort();
    let at = |q: f64| took[((took.len() - 1) as f64 * q) as usize].as_secs_f64() * 1e3;
    println!("{name}: seek p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms (n = {SEEKS})", at(0.5), at(0.99), at(1.0));
    drop(replay);
    let store =
        std::fs::read_dir(&folder).unwrap().flatten().find(|e| e.path().extension().is_some_and(|e| e == "store"));
    let (store, log_bytes) = (store.unwrap().metadata().unwrap().len(), std::fs::metadata(log).unwrap().len());
    println!(
        "{name}: store {:.0} bytes a record, of a log with {:.0} a record",
        store as f64 / RECORDS as f64,
        log_bytes as f64 / RECORDS as f64
    );
    let before = clock.elapsed();
    let mut state = AppState::new(options, clock.now());
    let replay = start(log, &folder, backend, rules);
    until(&replay, &mut state, is_whole);
    println!("{name}: second opening {:.0} ms to its last record", (clock.elapsed() - before).as_secs_f64() * 1e3);
}

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log.ndjson");
    let lines: Vec<&str> = demo::TRAFFIC.lines().filter(|line| line.len() < 900).collect();
    let mut out = std::io::BufWriter::new(std::fs::File::create(&log).unwrap());
    for (index, line) in lines.iter().cycle().take(RECORDS).enumerate() {
        // Ten a second, so that there is something to seek by.
        let ts = format!("{}.{}", 1_771_293_600 + index / 10, index % 10);
        let (head, tail) = line.split_once("\"ts\":\"").unwrap();
        let (_, tail) = tail.split_once('"').unwrap();
        writeln!(out, "{head}\"ts\":{ts}{tail}").unwrap();
    }
    out.flush().unwrap();
    let text = demo::RULES.to_owned();
    let rules = Arc::new(load(&[Source { name: "demo".into(), text }]).unwrap());
    measure(&log, dir.path(), "none", Choice::None, &rules);
    measure(&log, dir.path(), "lexical", Choice::Lexical, &rules);
}
