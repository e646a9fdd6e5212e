//! The same for records that are put together from several lines, for groups, and for outputs that hold only findings.

use serde_json::Value;

use super::{Log, Random, spawn, terminate, wait_for, written};
use crate::support::{Home, json_lines};

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
fn a_group_that_nobody_goes_on_with_is_closed_while_watching() {
    let home = Home::new();
    home.write("config.yaml", "group: {by: trace, gap: 500ms}\n");
    let line =
        |n: usize| format!("{{\"id\":\"g-{n}\",\"ts\":{},\"trace\":\"t\",\"samples\":[\"yes\"]}}\n", 1_772_000_000 + n);
    home.write("a.ndjson", line(0) + &line(0).replace("g-0", "g-1"));
    // The rules that are built in have windows: for them too time is told to go on.
    let run = "watch a.ndjson --headless --backend lexical --config config.yaml --output v.ndjson";
    let verdicts = json_lines(super::watch_until(&home, run, "v.ndjson", 1).as_bytes());
    assert_eq!((verdicts.len(), &verdicts[0]["id"]), (1, &"g-0".into()));
    assert_eq!(verdicts[0]["divergence"]["state"], "scored");
}
