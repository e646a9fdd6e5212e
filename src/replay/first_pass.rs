//! The first pass: the log is judged once, from its first record to its last, in the background. What comes out is
//! written to the store with what else judged the same records, and with the screen as it was before every chunk.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::differences;
use super::index::{ChunkMark, Happened, Open, Shared};
use super::store::{Judged, Writer};
use crate::capture::{self, Entry, Event};
use crate::engine::constraints::RuleCount;
use crate::history::Row;
use crate::message::channel::{Receiver, Sender};
use crate::message::replay::{Pass, marks};
use crate::message::{EngineState, HealthReport, NoData, Orders, SourceState, Update};
use crate::pipeline::judge::{Arrival, Judge, Texts};
use crate::record::Seq;
use crate::rules::RuleSet;
use crate::state::board::{Board, Seen};
use crate::stats::summary::{Skipped, Watched};
use crate::verdict::{Severity, Verdict, ViolationState};

/// Rows of a chunk at most.
pub const CHUNK_ROWS: usize = 2_048;

/// Memory that the rows of a chunk take at most, bytes by estimate, but for the last of them.
pub const CHUNK_BYTES: usize = 8 << 20;

/// Marks on the operator's timeline that are kept.
const TIMELINE: usize = 10_000;

/// What judges a record beside the first pass itself.
pub enum Other {
    /// Nothing.
    None,
    /// The verdicts that were given when it was captured.
    Seen(Box<capture::Reader<File>>),
}

/// What the screen is told of a pass that an earlier opening has made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Told {
    /// The backend, for the header.
    pub label: String,
    /// How each rule fared.
    pub counts: Vec<RuleCount>,
    /// Rules of which nothing can be said, and why.
    pub no_data: Vec<(usize, String)>,
    /// Records.
    pub judged: u64,
    /// Those of them that another instance has judged.
    pub given: u64,
    /// What was sound and no record.
    pub skipped: (u64, u64),
    /// Lines refused.
    pub rejected: u64,
}

impl Told {
    /// As a report, as if it had just been made.
    pub fn health(&self, rules: &Arc<RuleSet>, at: Timestamp) -> HealthReport {
        HealthReport {
            stages: Vec::new(),
            pool: Default::default(),
            rules: Arc::clone(rules),
            counts: self.counts.clone(),
            no_data: self.no_data.iter().map(|(rule, why)| NoData { rule: *rule, why: why.clone() }).collect(),
            watched: Box::new(Watched::default()),
            bounds: Vec::new(),
            judged: self.judged,
            given: self.given,
            skipped: Skipped { lines: self.skipped.0, others: self.skipped.1 },
            event: None,
            checkpoint: None,
            at,
        }
    }
}

/// A pass that goes on.
pub struct FirstPass {
    shared: Shared,
    orders: Orders,
    writer: Option<Writer>,
    lasting: bool,
    seen: Other,
    compare: Option<Judge>,
    boards: Vec<Board>,
    review_score: f64,
    /// Event time of the newest record.
    at: Option<Timestamp>,
    open_bytes: usize,
    label: String,
    health: Option<HealthReport>,
    rejected: u64,
    /// What came out is no more to be relied on than what went in: another opening tries again.
    unsound: bool,
    /// Why the input has ended before its end.
    broken: Option<String>,
    /// Why nothing more is taken in.
    full: Option<String>,
}

/// What a pass is made of.
pub struct Setup {
    /// Where it writes.
    pub writer: Writer,
    /// It is of use for another opening.
    pub lasting: bool,
    /// As seen, where there is that.
    pub seen: Other,
    /// The same by other rules.
    pub compare: Option<Judge>,
    /// Score above which the answers disagree.
    pub review_score: f64,
    /// The rules in force.
    pub rules: Arc<RuleSet>,
}

impl FirstPass {
    /// A pass that has seen nothing.
    pub fn new(setup: Setup, shared: Shared, orders: Orders) -> Self {
        let mut boards = vec![Board::default()];
        boards[0].set_pauses(&setup.rules);
        if let Some(judge) = &setup.compare {
            boards.push(Board::default());
            boards[1].set_pauses(judge.rules());
        }
        if matches!(setup.seen, Other::Seen(_)) {
            let mut board = Board::default();
            board.set_pauses(&setup.rules);
            boards.push(board);
        }
        let mut pass = Self {
            shared,
            orders,
            writer: Some(setup.writer),
            lasting: setup.lasting,
            seen: setup.seen,
            compare: setup.compare,
            boards,
            review_score: setup.review_score,
            at: None,
            open_bytes: 0,
            label: String::new(),
            health: None,
            rejected: 0,
            unsound: false,
            broken: None,
            full: None,
        };
        pass.begin_chunk();
        pass
    }

    /// Takes all that the pipeline says, and hands on what the screen should know; until the end.
    pub fn run(mut self, updates: &Receiver<Update>, out: &Sender<Update>) {
        while let Some(update) = updates.recv() {
            let handed_on = match update {
                Update::Judged { rows, .. } => {
                    self.rows(rows);
                    continue;
                }
                Update::Finished(_) => {
                    self.finish();
                    return;
                }
                other => other,
            };
            self.notice(&handed_on);
            if out.send(handed_on).is_err() {
                return;
            }
            // The rest is judged all the same: there may be an output that wants it whole.
            if let Some(why) = &self.full {
                let why = why.clone();
                self.stop(&why);
            }
        }
        self.stop("the engines have ended");
    }

    fn notice(&mut self, update: &Update) {
        match update {
            Update::Engine(report) => match &report.state {
                EngineState::Running { label, warnings } => {
                    self.label.clone_from(label);
                    self.unsound |= !warnings.is_empty();
                }
                EngineState::Failed(_) => self.unsound = true,
                EngineState::Loading => {}
            },
            Update::Health(report) => self.health = Some(report.clone()),
            Update::Rejected { count, .. } => self.rejected += count,
            Update::Source(report) => {
                if let SourceState::Failed(why) = &report.state {
                    self.unsound = true;
                    self.broken = Some(format!("{why}: this is all that could be read"));
                }
                let all = report.read + report.behind;
                // All rows of what was read are not judged yet: it is never said to be whole before the end.
                let share = (all > 0).then(|| (report.read as f64 / all as f64).min(0.999));
                let mut progress = self.shared.lock();
                if let Pass::Running(known) = &mut progress.pass {
                    *known = share.or(*known);
                }
            }
            Update::OutputFailed { .. } => self.unsound = true,
            _ => {}
        }
    }

    fn rows(&mut self, rows: Vec<Row>) {
        for row in rows {
            if self.full.is_some() {
                break;
            }
            let judged = self.judged(row);
            self.add(judged);
        }
        self.orders.wake();
    }

    /// The record with all judgements of it.
    fn judged(&mut self, row: Row) -> Judged {
        let mut verdicts = vec![Arc::clone(&row.verdict)];
        if let Some(judge) = &mut self.compare {
            let arrival = Arrival { read_at: Duration::ZERO, embedding_us: 0, otherwise: None, shed: false };
            // Only the rules are judged again: what the answers are like does not depend on them.
            let texts = Texts { known: Some(&row.verdict.divergence), ..Texts::default() };
            verdicts.push(Arc::new(judge.judge(&row.record, texts, arrival).verdict));
        }
        if let Some(seen) = self.as_seen(&row) {
            verdicts.push(seen);
        }
        Judged { record: row.record, verdicts }
    }

    /// The verdict that was given on the record then. Both read the same file: as far as one comes, the other does.
    fn as_seen(&mut self, row: &Row) -> Option<Arc<Verdict>> {
        let seen = matches!(self.seen, Other::Seen(_));
        seen.then(|| self.next_seen(Some(row.record.seq)).unwrap_or_else(|| Arc::clone(&row.verdict)))
    }

    /// Reads on to a record, or to the end; what happened before goes to the timeline.
    fn next_seen(&mut self, seq: Option<Seq>) -> Option<Arc<Verdict>> {
        let Other::Seen(reader) = &mut self.seen else { return None };
        let mut progress = self.shared.lock();
        // What happened behind the last record stands with it.
        let row = if seq.is_some() { progress.rows() } else { progress.rows().checked_sub(1)? };
        loop {
            let (at, kind, text) = match reader.next()? {
                Entry::Record(captured) if seq.is_some_and(|seq| captured.record.seq >= seq) => {
                    return Some(Arc::new(captured.verdict));
                }
                Entry::Record(_) => continue,
                Entry::Event(event) => (event.at, event.kind.word(), in_words(&event)),
                Entry::Rules(change) => {
                    (change.at, "rules_changed", format!("rules {} came into force", change.revision))
                }
            };
            if progress.index.timeline.len() < TIMELINE {
                progress.index.timeline.push(Happened { row, at, kind: kind.to_owned(), text });
                if let Some(mark) = progress.index.marks.get_mut(row as usize) {
                    *mark |= marks::OWN;
                }
            }
        }
    }

    fn add(&mut self, judged: Judged) {
        let seen = Seen { now: Timestamp::MAX, review_score: self.review_score, live: false, read_ts: None };
        for (board, verdict) in self.boards.iter_mut().zip(&judged.verdicts) {
            let row = Row { record: Arc::clone(&judged.record), verdict: Arc::clone(verdict), other: None };
            board.add(&row, &seen);
            // Nobody asks what changed: the screen's own board says so.
            board.take_changes();
        }
        self.at = self.at.max(judged.verdicts[0].ts);
        self.open_bytes += judged.record.footprint() + judged.verdicts.iter().map(|v| v.footprint()).sum::<usize>();
        let mut progress = self.shared.lock();
        let row = progress.rows();
        let mut mark = marks_of(&judged.verdicts[0]);
        if let Some(other) = judged.verdicts.get(1) {
            let there = marks_of(other);
            mark |= if there & marks::VIOLATION != 0 { marks::OTHER_VIOLATION } else { 0 };
            mark |= if there & marks::DRIFT != 0 { marks::OTHER_DRIFT } else { 0 };
            // As seen comes first: what differs is told from there.
            let why = differences::reasons(other, &judged.verdicts[0]);
            progress.index.of += 1;
            if why != 0 {
                mark |= marks::DIFFERENT;
                progress.index.differing += 1;
                progress.index.reasons.resize(differences::REASONS.len(), 0);
                let counted = progress.index.reasons.iter_mut().enumerate();
                counted.filter(|(reason, _)| why >> reason & 1 == 1).for_each(|(_, count)| *count += 1);
            }
        }
        if progress.index.timeline.iter().rev().take_while(|found| found.row == row).next().is_some() {
            mark |= marks::OWN;
        }
        progress.index.marks.push(mark);
        if progress.index.began.is_none() {
            progress.index.began = judged.verdicts[0].ts;
        }
        progress.open.rows.push(judged);
        progress.revision += 1;
        let full = progress.open.rows.len() >= CHUNK_ROWS || self.open_bytes >= CHUNK_BYTES;
        drop(progress);
        if full {
            self.end_chunk();
            self.begin_chunk();
        }
    }

    /// Writes the chunk that is open. Its rows can be shown meanwhile: they stay until the store has them.
    fn end_chunk(&mut self) {
        let open = self.shared.lock().open.clone();
        let Some(writer) = self.writer.as_mut().filter(|_| !open.rows.is_empty()) else { return };
        let keyframes: Vec<Vec<u8>> = open.keyframes.iter().map(|keyframe| keyframe.to_vec()).collect();
        let written = writer.chunk(&keyframes, &open.rows);
        let mut progress = self.shared.lock();
        match written {
            Ok(place) => {
                let first = progress.index.stored();
                let rows = open.rows.len() as u32;
                progress.index.chunks.push(ChunkMark { place, first, rows, times: (open.before, self.at) });
                progress.open = Open::default();
            }
            // What is open stays: it is the last that can be shown.
            Err(full) => self.full = Some(format!("{full}: the rest of the log is not shown")),
        }
    }

    fn begin_chunk(&mut self) {
        if self.full.is_some() {
            return;
        }
        let mut progress = self.shared.lock();
        if progress.open.rows.is_empty() {
            progress.open.keyframes = self.boards.iter().map(|board| board.save().into()).collect();
            progress.open.before = self.at;
            self.open_bytes = 0;
        }
    }

    fn finish(mut self) {
        self.next_seen(None);
        if let Some(why) = self.full.take() {
            return self.stop(&why);
        }
        self.end_chunk();
        if let Some(why) = self.full.take() {
            return self.stop(&why);
        }
        let told = self.told();
        let mut progress = self.shared.lock();
        progress.pass = match &self.broken {
            Some(why) => Pass::Stopped(why.clone()),
            None => Pass::Done { reused: false },
        };
        progress.revision += 1;
        let index = progress.index.clone();
        drop(progress);
        self.orders.wake();
        if let Some(writer) = self.writer.take().filter(|_| self.lasting && !self.unsound)
            && let Err(error) = writer.finish(&(index, told))
        {
            tracing::warn!("the next opening judges again: {error}");
        }
    }

    fn told(&self) -> Told {
        let health = self.health.as_ref();
        Told {
            label: self.label.clone(),
            counts: health.map(|health| health.counts.clone()).unwrap_or_default(),
            no_data: health
                .map(|health| health.no_data.iter().map(|found| (found.rule, found.why.clone())).collect())
                .unwrap_or_default(),
            judged: health.map_or(0, |health| health.judged),
            given: health.map_or(0, |health| health.given),
            skipped: health.map_or((0, 0), |health| (health.skipped.lines, health.skipped.others)),
            rejected: self.rejected,
        }
    }

    fn stop(&mut self, why: &str) {
        let mut progress = self.shared.lock();
        if matches!(progress.pass, Pass::Running(_)) {
            progress.pass = Pass::Stopped(why.to_owned());
            progress.revision += 1;
        }
        drop(progress);
        self.orders.wake();
    }
}

/// What happened, in words.
fn in_words(event: &Event) -> String {
    let parts = [&event.cause, &event.key, &event.text, &event.by];
    parts.into_iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" · ")
}

/// What the bar marks of a verdict.
fn marks_of(verdict: &Verdict) -> u8 {
    let firing = verdict.violations.iter().filter(|violation| violation.state == ViolationState::Firing);
    let worst = firing.map(|violation| violation.severity).max();
    let mut mark = if worst.is_some() { marks::VIOLATION } else { 0 };
    mark |= if worst == Some(Severity::Critical) { marks::CRITICAL } else { 0 };
    mark | if verdict.drift.iter().any(|report| report.alarm) { marks::DRIFT } else { 0 }
}
