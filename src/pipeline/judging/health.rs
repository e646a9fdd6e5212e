//! The counters that the screen shows: queues, engines, memory and disk against their bounds.

use super::{End, Stage};
use crate::message::{Bound, HealthReport, Update};
use crate::pipeline::Options;
use crate::pipeline::judge::Judge;
use crate::pipeline::saving::Saver;
use crate::sink::ndjson::NdjsonSink;

/// Bounds that were configured.
pub(super) struct Bounds {
    history: Option<u64>,
    cache: u64,
    drift_keys: u64,
    output: Option<u64>,
    output_folder: Option<std::path::PathBuf>,
    /// Refused lines that the screen has not heard of.
    pub rejected: u64,
}

impl Bounds {
    pub fn new(options: &Options) -> Self {
        let output = options.own.first();
        let folder = output.and_then(|path| path.parent()).map(|folder| match folder.as_os_str().is_empty() {
            true => ".".into(),
            false => folder.to_owned(),
        });
        Self {
            history: options.retention.map(|retention| retention.bytes as u64),
            cache: options.pool.cache_bytes,
            drift_keys: options.drift.keys as u64,
            output: options.sink.as_ref().and_then(NdjsonSink::max_bytes),
            output_folder: folder,
            rejected: 0,
        }
    }
}

impl Stage {
    pub(super) fn health(&mut self, judge: &Judge) -> Result<(), End> {
        self.health_at = self.shared.clock.elapsed();
        let (rules, counts) = judge.rules();
        let report = HealthReport {
            stages: self.stages.iter().map(|stage| stage.report()).collect(),
            pool: self.shared.pool.counts(),
            rules: std::sync::Arc::clone(rules),
            counts: counts.to_vec(),
            bounds: self.bounds(judge),
            judged: self.summary.records,
            event: self.event,
            checkpoint: self.saver.as_ref().and_then(|saver: &Saver| saver.at),
            at: self.shared.clock.now(),
        };
        Ok(self.shared.updates.send(Update::Health(report))?)
    }

    fn bounds(&self, judge: &Judge) -> Vec<Bound> {
        let bytes = |name, used, most| Bound { name, used, most, bytes: true };
        let mut found = Vec::new();
        if let (Some(history), Some(most)) = (&self.history, self.bounds.history) {
            found.push(bytes("history", history.bytes() as u64, Some(most)));
        }
        found.push(bytes("text cache", self.shared.pool.counts().cache_bytes, Some(self.bounds.cache)));
        let keys = judge.drift_keys() as u64;
        found.push(Bound { name: "drift keys", used: keys, most: Some(self.bounds.drift_keys), bytes: false });
        found.extend(resident().map(|used| bytes("process", used, None)));
        if let Some((Some(mark), _)) = self.sink.as_ref().map(NdjsonSink::marks) {
            found.push(bytes("output", mark.bytes, self.bounds.output));
        }
        if let Some(disk) = self.bounds.output_folder.as_deref().and_then(|folder| rustix::fs::statvfs(folder).ok()) {
            let (size, free) = (disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize);
            found.push(bytes("its disk", size.saturating_sub(free), Some(size)));
        }
        found
    }
}

/// Bytes of memory that the process holds; `None` where the system does not say.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}
