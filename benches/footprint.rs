//! Memory with the model loaded and the history full, what an idle screen costs, and memory over a log of 2 GB.
//!
//! `cargo bench --bench footprint`. Bounds: 200 MiB; 2 % of a core; flat. Linux only: it reads `/proc`.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use watcher::pipeline::demo;

/// CPU seconds that a process has used.
fn cpu(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks as f64 / 100.0
}

/// A line of `/proc/PID/status`, MiB.
fn status(pid: u32, name: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

/// Share of a core that a process uses over a while, per cent.
#[allow(clippy::disallowed_methods)]
fn load(pid: u32, over: Duration) -> f64 {
    let (start, before) = (Instant::now(), cpu(pid));
    std::thread::sleep(over);
    100.0 * (cpu(pid) - before) / start.elapsed().as_secs_f64()
}

/// Memory of a headless run over a log of 2 GB, at tenths of it.
#[allow(clippy::disallowed_methods)]
fn volume(dir: &Path) {
    const BYTES: u64 = 2 << 30;
    let log = dir.join("2gb.ndjson");
    let mut file = fs::File::create(&log).unwrap();
    while file.metadata().unwrap().len() < BYTES {
        file.write_all(demo::TRAFFIC.repeat(8).as_bytes()).unwrap();
    }
    let output = dir.join("verdicts.ndjson");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_watcher"))
        .args(["watch", log.to_str().unwrap(), "--headless", "--from", "checkpoint", "--backend", "lexical"])
        .args(["--output", output.to_str().unwrap()])
        .env("HOME", dir)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    let pid = child.id();
    let mut seen = Vec::new();
    // A verdict is about as long as its record here: how far it is can be told from the output.
    while seen.len() < 10 {
        std::thread::sleep(Duration::from_millis(100));
        let written = fs::metadata(&output).map_or(0, |meta| meta.len());
        if written >= (seen.len() as u64 + 1) * BYTES / 12 || load(pid, Duration::from_millis(200)) < 5.0 {
            seen.push(format!("{:.0}", status(pid, "VmRSS")));
        }
    }
    println!(
        "2 GB, headless, lexical, with checkpoints: {} MiB on the way, {:.0} at most; {:.0} s",
        seen.join(" "),
        status(pid, "VmHWM"),
        start.elapsed().as_secs_f64()
    );
    child.kill().unwrap();
    child.wait().unwrap();
}

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("x50.ndjson");
    // Few enough texts for the cache: each is embedded once.
    let traffic: String = demo::TRAFFIC.lines().take(600).map(|line| format!("{line}\n")).collect();
    fs::write(&log, traffic.repeat(200)).unwrap();
    let size = PtySize { rows: 45, cols: 160, pixel_width: 0, pixel_height: 0 };
    let pty = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_watcher"));
    command.args([log.to_str().unwrap(), "--from", "start", "--backend", "portable"]);
    command.env("HOME", dir.path());
    command.env("TERM", "xterm-256color");
    let mut child = pty.slave.spawn_command(command).unwrap();
    let mut reader = pty.master.try_clone_reader().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0u8; 65_536];
        while reader.read(&mut buffer).is_ok_and(|read| read > 0) {}
    });
    let pid = child.process_id().unwrap();
    while load(pid, Duration::from_secs(5)) > 10.0 {}
    println!(
        "memory, model loaded and history full: {:.0} MiB, {:.0} at most",
        status(pid, "VmRSS"),
        status(pid, "VmHWM")
    );
    println!("idle, a screen of 160x45 following a log: {:.2} % of a core", load(pid, Duration::from_secs(20)));
    child.kill().unwrap();
    volume(dir.path());
}
