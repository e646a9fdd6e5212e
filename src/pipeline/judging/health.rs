//! The counters that the screen shows: queues, engines, memory and disk against their bounds.

use std::collections::HashMap;
use std::sync::Arc;

use super::{End, Stage};
use crate::engine::constraints::no_data;
use crate::message::{Bound, HealthReport, NoData, Update};
use crate::pipeline::Options;
use crate::pipeline::judge::Judge;
use crate::pipeline::saving::Saver;
use crate::rules::ruleset::Stage as RuleStage;
use crate::sink::ndjson::NdjsonSink;

/// What the fields of rules that never came may have meant. Looking for it takes time, so it is looked for again only
/// when fields of other names have come.
#[derive(Default)]
pub(super) struct Hints {
    names: usize,
    near: HashMap<Arc<str>, Option<String>>,
}

impl Hints {
    /// The rules of which nothing can be said, and why.
    pub fn no_data(&mut self, judge: &Judge) -> Vec<NoData> {
        let names = judge.fields_seen();
        if std::mem::replace(&mut self.names, names) != names {
            self.near.clear();
        }
        let rules = judge.rules();
        let mut found = Vec::new();
        for (index, (rule, count)) in rules.rules.iter().zip(judge.counts()).enumerate() {
            if count.records == 0 || !no_data(rule, &count) {
                continue;
            }
            let fields = rules.fields_of(rule);
            let unseen: Vec<&Arc<str>> = fields.iter().copied().filter(|field| !judge.has_seen(field)).collect();
            let near = unseen.iter().find_map(|field| {
                let near = self.near.entry(Arc::clone(field)).or_insert_with(|| judge.did_you_mean(field));
                near.clone()
            });
            let list = |fields: &[&Arc<str>]| fields.iter().map(|field| &***field).collect::<Vec<_>>().join(", ");
            let why = match (&unseen[..], count.evaluated) {
                ([], 0) if rule.stage > RuleStage::Record => format!("the engines found no {}", list(&fields)),
                ([], 0) if rule.window.is_some() => "not enough in its windows yet".to_owned(),
                ([], 0) if fields.len() > 1 => format!("{} never came together", list(&fields)),
                ([], 0) => "its field has no value that it could judge".to_owned(),
                ([], _) => "its windows have run empty".to_owned(),
                (unseen, _) => format!("{} never seen", list(unseen)),
            };
            let near = near.map(|near| format!(", {near}")).unwrap_or_default();
            found.push(NoData { rule: index, why: format!("{why}{near}") });
        }
        found
    }
}

/// Bounds that were configured.
pub(super) struct Bounds {
    history: Option<u64>,
    cache: u64,
    drift_keys: u64,
    drift_series: u64,
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
            drift_series: options.drift.total_series as u64,
            output: options.sink.as_ref().and_then(NdjsonSink::max_bytes),
            output_folder: folder,
            rejected: 0,
        }
    }
}

impl Stage {
    pub(super) fn health(&mut self, judge: &Judge) -> Result<(), End> {
        self.health_at = self.shared.clock.elapsed();
        // Where all verdicts are given, the rules here have nothing to look at.
        let only_given = self.summary.given > 0 && self.summary.given == self.summary.records;
        let no_data = if only_given { Vec::new() } else { self.hints.no_data(judge) };
        let report = HealthReport {
            stages: self.stages.iter().map(|stage| stage.report()).collect(),
            pool: self.shared.pool.counts(),
            rules: Arc::clone(judge.rules()),
            counts: judge.counts(),
            no_data,
            watched: Box::new(judge.watched()),
            bounds: self.bounds(judge),
            judged: self.summary.records,
            given: self.summary.given,
            skipped: self.summary.skipped,
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
        let watched = judge.watched();
        let count = |name, used, most| Bound { name, used, most: Some(most), bytes: false };
        found.push(count("drift keys", watched.keys, self.bounds.drift_keys));
        found.push(count("series", watched.series, self.bounds.drift_series));
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
