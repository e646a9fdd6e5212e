//! What holds for every capture, however hostile. The check says whether it was read to its end.

use std::io;
use std::sync::Arc;

use watcher::capture::{Bounds, Captured, Entry, Privacy, Reader, State, Writer};
use watcher::redact::Redact;
use watcher::verdict::{DriftReport, Verdict, json};

/// Small, so that few bytes exceed them.
const BOUNDS: Bounds = Bounds { bytes: 16 << 20, line_bytes: 64 << 10 };

/// What is read is never written as more than this.
const AMPLE: Bounds = Bounds { bytes: 1 << 30, line_bytes: 16 << 20 };

/// What a capture begins with.
const FIRST: &[u8] = b"\x57\x2a\x4d\x18\x12\0\0\0watcher capture 1\n";

/// A capture, or the lines of one: frames hide from the fuzzer what stands in them. What is read is written again, and
/// read again the same.
pub fn capture(data: &[u8]) -> bool {
    let packed = if data.starts_with(&FIRST[..4]) { data.to_vec() } else { packed(data) };
    let Ok(mut reader) = Reader::open(&packed[..], BOUNDS) else { return false };
    let state = reader.state().clone();
    let entries: Vec<Entry> = reader.by_ref().collect();
    assert!(reader.next().is_none(), "it goes on behind its end");
    assert!(reader.damage().is_some() || reader.ended(), "it was not read to its end, and says not why");
    let again = written(&reader, &state, &entries);
    let mut second = Reader::open(&again[..], AMPLE).unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!((second.head(), second.state()), (reader.head(), &state));
    let back: Vec<Entry> = second.by_ref().collect();
    assert_eq!((second.damage(), second.ended()), (None, true));
    assert_eq!(back.iter().map(told).collect::<Vec<_>>(), entries.iter().map(told).collect::<Vec<_>>());
    reader.damage().is_none()
}

/// Lines as a capture, in one frame.
fn packed(lines: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(FIRST.to_vec(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    io::copy(&mut &lines[..], &mut encoder).unwrap();
    encoder.finish().unwrap()
}

fn written<R: io::Read>(reader: &Reader<R>, state: &State, entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    let privacy = Privacy { text: true, redact: Arc::<Redact>::default() };
    let mut writer = Writer::new(&mut out, reader.head(), state, privacy).unwrap();
    for entry in entries {
        match entry {
            Entry::Record(captured) => writer.record(&captured.record, &captured.verdict).unwrap(),
            Entry::Rules(change) => writer.rules(change).unwrap(),
            Entry::Event(event) => writer.event(event).unwrap(),
        }
    }
    assert_eq!(writer.records(), entries.iter().filter(|entry| matches!(entry, Entry::Record(_))).count() as u64);
    writer.finish("again").unwrap();
    out
}

/// An entry in words that can be compared: of the verdict, its line in the contract's form and what that does not hold.
fn told(entry: &Entry) -> String {
    let Entry::Record(captured) = entry else { return format!("{entry:?}") };
    let Captured { record, verdict } = &**captured;
    let mut line = Vec::new();
    json::write(&mut line, verdict, json::Options { timing: true, full: true, findings: false });
    let Verdict { at, origin, divergence, .. } = verdict;
    let mut seen = std::collections::HashSet::new();
    // Of reports with the same name, only the first one has more than its line.
    let firsts = verdict.drift.iter().filter(|report| seen.insert(&report.series));
    let more: Vec<_> =
        firsts.map(|DriftReport { alarm, value, spread, moved, .. }| (alarm, value, spread, moved)).collect();
    let line = String::from_utf8(line).unwrap();
    format!("{record:?} {line} {at:?} {origin:?} {:?} {:?} {more:?}", divergence.basis, divergence.contradictions)
}
