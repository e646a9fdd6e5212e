//! The records of a capture: they were read once already, and go on from there.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Read, Records};
use crate::capture::{Bounds, Captured, Entry, Reader};
use crate::message::channel::Sender;
use crate::message::{SourceReport, SourceState, Update};
use crate::pipeline::{Shared, spawn};
use crate::record::Record;
use crate::source::tail;
use crate::verdict::Divergence;

/// Records that go on at once.
const BATCH: usize = 256;

/// A file, with a count of what was read of it.
struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl io::Read for Counted {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(bytes)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Starts the thread that reads it.
pub(super) fn start(path: PathBuf, shared: Shared, options: &tail::Options, lines: Sender<Read>) -> io::Result<()> {
    let bounds = Bounds { bytes: options.unpacked_bytes, line_bytes: options.line_bytes };
    spawn("capture", move || {
        // Whoever does not want more has ended already.
        let _ = run(&path, &shared, bounds, &lines);
    })
    .map(drop)
}

fn run(path: &Path, shared: &Shared, bounds: Bounds, lines: &Sender<Read>) -> Option<()> {
    let source: Arc<str> = path.to_string_lossy().into();
    let read = Arc::new(AtomicU64::new(0));
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
    let report = |state: SourceState, size: u64| {
        let read = read.load(Ordering::Relaxed);
        let at = shared.clock.now();
        let name = Arc::clone(&source);
        shared
            .updates
            .send(Update::Source(SourceReport { name, state, read, behind: size.saturating_sub(read), at }))
            .ok()
    };
    let (size, file) = match opened {
        Ok(found) => found,
        Err(error) => return report(SourceState::Failed(error.to_string()), 0),
    };
    let mut reader = match Reader::open(Counted { file, read: Arc::clone(&read) }, bounds) {
        Ok(reader) => reader,
        Err(refused) => return report(SourceState::Failed(refused.to_string()), size),
    };
    let with_text = reader.head().text;
    let mut records = Vec::new();
    loop {
        let entry = reader.next();
        let ended = entry.is_none();
        if let Some(Entry::Record(captured)) = entry {
            records.push(to_judge(*captured, with_text));
        }
        if records.len() >= BATCH || (ended && !records.is_empty()) {
            let (read_at, read_ts) = (shared.clock.elapsed(), shared.clock.now());
            let records = std::mem::take(&mut records);
            let source = Arc::clone(&source);
            lines.send(Read::Records(Records { records, source, read_at, read_ts })).ok()?;
            report(SourceState::Reading, size)?;
        }
        if ended || shared.stopped() {
            break;
        }
    }
    // What could be saved was handed on; what the rest was stays unknown.
    let state = match reader.damage() {
        Some(why) => SourceState::Failed(format!("the capture is damaged: {why}")),
        None => SourceState::Ended,
    };
    report(state, size)?;
    lines.send(Read::Ended(source)).ok()?;
    lines.send(Read::CaughtUp).ok()
}

/// The record as it was judged: at the time of its reading, if it has none, and without its texts by what was found of
/// them then.
fn to_judge(captured: Captured, with_text: bool) -> (Record, Option<Divergence>) {
    let Captured { mut record, verdict } = captured;
    record.ts = record.ts.or(verdict.ts);
    (record, (!with_text).then_some(verdict.divergence))
}
