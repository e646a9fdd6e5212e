//! What happens when something is slower than what comes in: who waits, for what, and what is lost (nothing).

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use watcher::clock::{Clock, SystemClock};
use watcher::engine::embedding::select::Choice;
use watcher::engine::embedding::{Mode, TextFeatures};
use watcher::message::Update;
use watcher::pipeline::judge::{Arrival, Judge, Setup, Texts};
use watcher::pipeline::{Options, Pipeline};
use watcher::sink::ndjson::NdjsonSink;
use watcher::verdict::json;
use watcher::verdict::policy::Policy;

use crate::support::{Home, json_lines, parse_all, protocol_rules};

/// Longest wait for anything: a bound for a test that fails, not a pause.
const PATIENCE: Duration = Duration::from_secs(60);

/// Lines of a batch, and batches that may wait between two stages.
const BATCH: usize = 256;
const QUEUE: u64 = 4;

pub(crate) fn options(home: &Home, out: Box<dyn Write + Send>) -> Options {
    Options {
        sink: Some(NdjsonSink::new(out, json::Options { timing: false, ..Default::default() })),
        ..Options::of_log(home.path("log"), protocol_rules(), Choice::None)
    }
}

/// An output that takes nothing until it is told to.
struct Stalled {
    asked: SyncSender<usize>,
    go: Receiver<()>,
    taken: Arc<Mutex<Vec<u8>>>,
    open: bool,
}

impl Write for Stalled {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.open {
            let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
            let _ = self.asked.send(lines);
            self.open = self.go.recv().is_ok();
        }
        self.taken.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn behind_a_stalled_output_reading_stops_at_an_exact_number_of_records() {
    let home = Home::new();
    // Lines of 64 bytes: a look of 256 KiB makes whole batches of them.
    let line = |n: usize| format!("{:<63}\n", format!("{{\"id\":\"{n:06}\",\"latency_ms\":1}}"));
    let count = 40 * BATCH;
    home.write("log", (0..count).map(line).collect::<String>());
    let ((asked, has_asked), (let_go, go)) = (sync_channel(1), sync_channel(1));
    let taken = Arc::new(Mutex::new(Vec::new()));
    let out = Stalled { asked, go, taken: Arc::clone(&taken), open: false };
    let pipeline = Pipeline::start(options(&home, Box::new(out)), SystemClock::shared()).unwrap();
    let stages = pipeline.stages();
    let (updates, _handle) = pipeline.split();
    // The judge stands in the batch whose verdicts did not fit any more.
    let judged = has_asked.recv_timeout(PATIENCE).unwrap().div_ceil(BATCH) as u64;
    let clock = SystemClock::new();
    let report = loop {
        // In this order: who waits for a judge that stands still waits for good, and then whoever waits for that one.
        let records = stages[1].report();
        let lines = stages[0].report();
        // A place that has come free counts as waited for until the sender has noticed: what lies there tells.
        let full = |report: &watcher::message::StageReport| (report.blocked, report.depth as u64) == (1, QUEUE + 1);
        if full(&lines) && full(&records) {
            break (lines, records);
        }
        assert!(clock.elapsed() < PATIENCE, "{lines:?} {records:?}");
        std::thread::yield_now();
    };
    // Besides batches, one word goes through each queue: that the files are known.
    let (lines, records) = report;
    assert_eq!(records.passed, 1 + judged + QUEUE, "judged, and waiting for the judge");
    assert_eq!(lines.passed, 1 + judged + QUEUE + 1 + QUEUE, "one in the parser's hand, and waiting for it");
    let_go.send(()).unwrap();
    while !matches!(updates.recv().unwrap(), Update::Finished(_)) {}
    let verdicts = json_lines(&taken.lock().unwrap());
    assert_eq!(verdicts.len(), count, "nothing is lost");
    assert!(verdicts.iter().enumerate().all(|(n, verdict)| verdict["id"] == format!("{n:06}")));
}

#[test]
fn a_record_that_there_is_no_time_for_is_compared_by_words_and_goes_to_a_person() {
    let lines = [r#"{"id":"r","samples":["sell all of it","sell all 50 of it now","do not sell all of it"]}"#];
    let records = parse_all(lines.into_iter());
    let embedding = (Mode::Neural, Arc::from("portable"));
    let drift = watcher::engine::drift::Options::default();
    let setup =
        Setup { rules: protocol_rules(), policy: Policy::calibrated(), drift, embedding, live: true, earlier: None };
    let mut judge = Judge::new(setup, SystemClock::shared());
    let words: Vec<_> = records[0].samples.iter().map(|text| Ok(Arc::new(TextFeatures::of_words(text)))).collect();
    let arrival = Arrival { read_at: Duration::ZERO, embedding_us: 0, otherwise: None, shed: true };
    let mut line = Vec::new();
    json::write(
        &mut line,
        &judge.judge(&records[0], Texts { features: &words, earlier: &[], known: None }, arrival).verdict,
        json::Options::default(),
    );
    let verdict = &json_lines(&line)[0];
    let divergence = &verdict["divergence"];
    assert_eq!((&divergence["state"], &divergence["why"]), (&"partial".into(), &"overload".into()));
    assert_eq!((&divergence["semantic"], &divergence["backend"]), (&serde_json::Value::Null, &"portable".into()));
    for score in ["lexical", "answer", "facts", "entropy", "risk"] {
        assert!(divergence[score].as_f64().unwrap() > 0.0, "{score}: {divergence}");
    }
    assert_eq!((&verdict["action"], &verdict["status_code"]), (&"REVIEW".into(), &409.into()));
    assert!(verdict["confidence"]["score"].as_f64().is_some());
}

/// A disk with so much room.
#[derive(Clone)]
struct Disk(Arc<Mutex<(usize, Vec<u8>)>>);

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut disk = self.0.lock().unwrap();
        let taken = bytes.len().min(disk.0);
        if taken == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        disk.0 -= taken;
        disk.1.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_said_and_waited_for() {
    let home = Home::new();
    home.write("log", (0..3_000).map(|n| format!("{{\"id\":\"{n}\"}}\n")).collect::<String>());
    let disk = Disk(Arc::new(Mutex::new((100_000, Vec::new()))));
    let pipeline = Pipeline::start(options(&home, Box::new(disk.clone())), SystemClock::shared()).unwrap();
    let (updates, _handle) = pipeline.split();
    let mut said = Vec::new();
    loop {
        match updates.recv().unwrap() {
            Update::OutputWaits(Some(why)) => {
                said.push(why);
                assert_eq!(disk.0.lock().unwrap().1.len(), 100_000, "every byte that had room is there");
                disk.0.lock().unwrap().0 = usize::MAX;
            }
            Update::OutputWaits(None) => said.push("room".into()),
            Update::Finished(summary) => break assert_eq!(summary.records, 3_000),
            _ => {}
        }
    }
    assert_eq!(said.len(), 2, "{said:?}");
    let verdicts = json_lines(&disk.0.lock().unwrap().1);
    assert!(verdicts.iter().enumerate().all(|(n, verdict)| verdict["id"] == *format!("{n}")));
    assert_eq!(verdicts.len(), 3_000);
}

#[test]
fn who_stops_while_the_disk_is_full_ends_at_once() {
    let home = Home::new();
    home.write("log", (0..3_000).map(|n| format!("{{\"id\":\"{n}\"}}\n")).collect::<String>());
    let disk = Disk(Arc::new(Mutex::new((50_000, Vec::new()))));
    let pipeline = Pipeline::start(options(&home, Box::new(disk)), SystemClock::shared()).unwrap();
    let (updates, handle) = pipeline.split();
    while !matches!(updates.recv().unwrap(), Update::OutputWaits(Some(_))) {}
    handle.stop();
    while let Some(update) = updates.recv() {
        assert!(!matches!(update, Update::OutputFailed { .. }));
    }
}

#[test]
fn since_a_time_only_what_is_newer_is_judged() {
    let home = Home::new();
    let line = |n: i64| format!("{{\"id\":\"{n}\",\"ts\":\"{}\"}}\n", jiff(n));
    fn jiff(n: i64) -> String {
        format!("2026-02-17T12:{:02}:{:02}Z", n / 60, n % 60)
    }
    // One comes late: after the first that counts, all that follows is wanted.
    let log: String = (0..600).map(line).chain([line(17)]).collect();
    home.write("log", &log);
    home.write("packed.gz", {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(log.as_bytes()).unwrap();
        gz.finish().unwrap()
    });
    for source in ["log", "packed.gz"] {
        let arguments =
            format!("watch {source} --headless --backend none --from since:{} --output {source}.v", jiff(500));
        let text = crate::crash::watch_until(&home, &arguments, &format!("{source}.v"), 101);
        let ids: Vec<String> =
            json_lines(text.as_bytes()).iter().map(|v| v["id"].as_str().unwrap().to_owned()).collect();
        let want: Vec<String> = (500..600).chain([17]).map(|n: i64| n.to_string()).collect();
        assert_eq!(ids, want, "{source}");
    }
}

#[test]
fn packed_logs_are_judged_like_others() {
    let home = Home::new();
    let text: String = (0..500).map(|n| format!("{{\"id\":\"{n}\",\"samples\":[\"a\",\"b {n}\"]}}\n")).collect();
    home.write("log.zst", zstd::encode_all(text.as_bytes(), 3).unwrap());
    let packed = zstd::encode_all(text.as_bytes(), 3).unwrap();
    home.write("half.zst", &packed[..packed.len() / 2]);
    home.run("replay log.zst --headless --backend lexical --no-timing --output v.ndjson", 0);
    assert_eq!(json_lines(&std::fs::read(home.path("v.ndjson")).unwrap()).len(), 500);
    let output = home.run("replay half.zst --headless --backend lexical --output h.ndjson", 3);
    assert!(crate::support::stderr(&output).contains("can't be unpacked"));
}
