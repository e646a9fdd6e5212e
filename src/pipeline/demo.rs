//! The sample traffic, written to a log as agents would write it: each record at its time, over and over.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

use super::spawn;
use crate::clock::SharedClock;
use crate::record::time;

/// The traffic.
pub const TRAFFIC: &str = include_str!("../../sample-data/live.ndjson");

/// The rules that the traffic is checked against.
pub const RULES: &str = include_str!("../../sample-data/rules/watcher-protocol.yaml");

/// Bounds of the pause between two records: between 20 and 29 records a second, whatever the rhythm of the sample.
const SHORTEST: Duration = Duration::from_millis(35);
const LONGEST: Duration = Duration::from_millis(48);

/// A log that is being written to. It goes when this does.
pub struct Demo {
    dir: TempDir,
    stop: Arc<AtomicBool>,
    writer: Option<thread::JoinHandle<()>>,
}

impl Demo {
    /// Starts writing.
    ///
    /// # Errors
    /// When there is no room for the log.
    pub fn start(clock: SharedClock) -> io::Result<Self> {
        let dir = tempfile::Builder::new().prefix("watcher-demo-").tempdir()?;
        // The folder is for its owner alone.
        let file = File::create(dir.path().join("live.ndjson"))?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let writer = spawn("demo", move || {
            if let Err(error) = write(file, &clock, &stopped) {
                tracing::error!("demo: {error}");
            }
        })?;
        Ok(Self { dir, stop, writer: Some(writer) })
    }

    /// The log.
    pub fn log(&self) -> PathBuf {
        self.dir.path().join("live.ndjson")
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(writer) = self.writer.take() {
            writer.thread().unpark();
            let _ = writer.join();
        }
    }
}

fn write(mut file: File, clock: &SharedClock, stop: &AtomicBool) -> io::Result<()> {
    for round in 1u64.. {
        let mut before: Option<Timestamp> = None;
        for line in TRAFFIC.lines() {
            let at = stamp(line).and_then(|span| time::parse(&line[span]));
            if let (Some(before), Some(at)) = (before, at) {
                let pause = at.duration_since(before).max(SignedDuration::ZERO).unsigned_abs().clamp(SHORTEST, LONGEST);
                // Parked, not asleep: leaving wakes it.
                thread::park_timeout(pause);
            }
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            before = at;
            file.write_all(renewed(line, clock.now(), round).as_bytes())?;
        }
    }
    Ok(())
}

/// Where the value of `ts` stands in a line of the sample.
fn stamp(line: &str) -> Option<std::ops::Range<usize>> {
    let start = line.find("\"ts\":\"")? + 6;
    Some(start..start + line[start..].find('"')?)
}

/// The line as if it had been written now.
fn renewed(line: &str, now: Timestamp, round: u64) -> String {
    let line = match stamp(line) {
        Some(span) => format!("{}{now:.3}{}\n", &line[..span.start], &line[span.end..]),
        None => format!("{line}\n"),
    };
    line.replacen("{\"id\":\"req-", &format!("{{\"id\":\"req-{round}-"), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_renewed() {
        let now = "2030-01-02T03:04:05.678901Z".parse().unwrap();
        let line = renewed("{\"id\":\"req-000001\",\"ts\":\"2026-02-17T12:30:00.000Z\",\"samples\":[]}", now, 2);
        assert_eq!(line, "{\"id\":\"req-2-000001\",\"ts\":\"2030-01-02T03:04:05.678Z\",\"samples\":[]}\n");
    }

    #[test]
    fn every_line_of_the_sample_has_a_time() {
        assert!(TRAFFIC.lines().all(|line| stamp(line).is_some_and(|span| time::parse(&line[span]).is_some())));
    }
}
