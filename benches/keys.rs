//! How long a key takes until the screen shows it, while 10,000 records come in each second: the real program in a real
//! terminal.
//!
//! `cargo bench --bench keys`. Bound: 33 ms for 99 of 100 keys (`--backend none`).
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use watcher::clock::{Clock, SystemClock};

/// Records a second.
const RATE: u64 = 10_000;

/// Keys that are measured.
const KEYS: usize = 300;

/// Writes records at the rate until it is told to stop.
fn traffic(mut log: File, stop: Arc<AtomicBool>, written: Arc<AtomicU64>) {
    let clock = SystemClock::new();
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        let due = (clock.elapsed().as_secs_f64() * RATE as f64) as u64;
        let mut batch = String::new();
        while count < due {
            let agent = count % 20;
            batch += &format!(
                "{{\"id\":\"r{count}\",\"agent_id\":\"agent-{agent}\",\"latency_ms\":{},\"metrics\":{{\"leverage_ratio\":{}}},\"samples\":[\"yes {agent}\",\"yes {agent}\"]}}\n",
                100 + count % 700,
                count % 12
            );
            count += 1;
        }
        log.write_all(batch.as_bytes()).unwrap();
        written.store(count, Ordering::Relaxed);
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

struct Screen {
    parser: vt100::Parser,
    bytes: Receiver<Vec<u8>>,
}

impl Screen {
    fn until(&mut self, wanted: impl Fn(&str) -> bool) {
        while !wanted(&self.parser.screen().contents()) {
            let bytes = self.bytes.recv_timeout(Duration::from_secs(30)).unwrap();
            self.parser.process(&bytes);
        }
    }
}

fn main() {
    let home = tempfile::tempdir().unwrap();
    let log = home.path().join("log");
    let file = File::create(&log).unwrap();
    let pty = native_pty_system().openpty(PtySize { rows: 45, cols: 160, pixel_width: 0, pixel_height: 0 }).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_watcher"));
    command.args(["watch", "log", "--backend", "none"]);
    command.cwd(home.path());
    command.env_clear();
    for (name, value) in [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")] {
        command.env(name, value);
    }
    command.env("HOME", home.path());
    let mut child = pty.slave.spawn_command(command).unwrap();
    drop(pty.slave);
    let mut reader = pty.master.try_clone_reader().unwrap();
    let mut writer = pty.master.take_writer().unwrap();
    let (sender, bytes) = sync_channel(4_096);
    std::thread::spawn(move || {
        let mut buffer = [0u8; 65_536];
        while let Ok(read @ 1..) = reader.read(&mut buffer) {
            if sender.send(buffer[..read].to_vec()).is_err() {
                return;
            }
        }
    });
    let size = |cells| NonZeroU16::new(cells).unwrap();
    let mut screen = Screen { parser: vt100::Parser::new(size(45), size(160), 0), bytes };
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (own_stop, own_written) = (Arc::clone(&stop), Arc::clone(&written));
    let writing = std::thread::spawn(move || traffic(file, own_stop, own_written));
    screen.until(|text| text.contains("ALLOW"));
    let clock = SystemClock::new();
    let mut took: Vec<Duration> = Vec::with_capacity(KEYS);
    let (begun, before) = (clock.elapsed(), written.load(Ordering::Relaxed));
    for n in 0..KEYS {
        // The command line opens and closes; both are seen at once.
        let (key, open): (&[u8], bool) = if n % 2 == 0 { (b":", true) } else { (b"\x1b", false) };
        let start = clock.elapsed();
        writer.write_all(key).unwrap();
        writer.flush().unwrap();
        screen.until(|text| text.contains("Command") == open);
        took.push(clock.elapsed() - start);
    }
    let rate = (written.load(Ordering::Relaxed) - before) as f64 / (clock.elapsed() - begun).as_secs_f64();
    let (opening, closing): (Vec<_>, Vec<_>) = took.into_iter().enumerate().partition(|(n, _)| n % 2 == 0);
    for (name, found) in [("key to screen (:)", opening), ("key to screen (Esc)", closing)] {
        let mut found: Vec<Duration> = found.into_iter().map(|(_, took)| took).collect();
        found.sort();
        let at = |share: f64| found[((found.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        println!(
            "{name:<20} p50 {:.1} ms  p95 {:.1}  p99 {:.1} ms  at {rate:.0} records/s",
            at(0.5),
            at(0.95),
            at(0.99)
        );
    }
    writer.write_all(b"\x03").unwrap();
    stop.store(true, Ordering::Relaxed);
    writing.join().unwrap();
    child.wait().unwrap();
}
