//! Second stage: lines to records. Texts go to the embedding pool as soon as they are known.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::judge::earlier_answers;
use super::reading::Read;
use super::{Options, Shared};
use crate::engine::embedding::earlier::Earlier;
use crate::engine::embedding::pool::{Ask, Request};
use crate::engine::embedding::select::Choice;
use crate::message::channel::{Receiver, Sender};
use crate::record::native::Parser;
use crate::record::{Limits, Origin, Record, Reject, Rejected, Seq, prefix};
use crate::rules::RuleSet;
use crate::source::identity::Identity;
use crate::source::{From, LineBatch, Place, Span};

/// Bytes of a refused line that are shown.
const EXCERPT: usize = 200;

/// What became of a line.
pub(super) enum Item {
    /// A record, and what was asked of the pool for it.
    Record(Arc<Record>, Request),
    /// It was refused.
    Rejected(Rejected),
}

impl Item {
    pub fn origin(&self) -> &Origin {
        match self {
            Self::Record(record, _) => &record.origin,
            Self::Rejected(rejected) => &rejected.origin,
        }
    }
}

/// What became of a batch of lines.
pub(super) struct ParsedBatch {
    /// In the order of the lines.
    pub items: Vec<Item>,
    /// The file they stand in.
    pub file: Arc<str>,
    /// The place behind them.
    pub end: Place,
    /// Their verdicts are written already: they are judged for what the engines learn from them.
    pub muted: bool,
    /// When the batch was read.
    pub read_at: Duration,
    /// The same by the wall clock.
    pub read_ts: Timestamp,
    /// The rules that were in force when the records got their numbers.
    pub rules: Arc<RuleSet>,
}

/// What the judge gets.
pub(super) enum Parsed {
    Batch(ParsedBatch),
    /// The engines know again what they knew, and all files that are there at the start are known.
    Rebuilt,
    /// All that was there at the start lies before this.
    CaughtUp,
    /// Nothing has come for a while, and it is so late by the wall clock.
    Idle(Timestamp),
}

pub(super) struct Stage {
    parser: Parser,
    limits: Limits,
    /// Earlier answers; `None` when nothing is compared.
    earlier: Option<Earlier>,
    live: bool,
    /// Records are kept for the screen.
    kept: bool,
    /// Number of the next record.
    seq: Seq,
    /// By file, the offset of the last record that has its verdict from a former run.
    judged: HashMap<Arc<str>, u64>,
    /// Records before this time are left out, in files where none of this time or later was seen.
    since: Option<Timestamp>,
    entered: HashSet<Arc<str>>,
    /// Readers that have not reached the end yet.
    behind: usize,
    shared: Shared,
}

impl Stage {
    pub fn new(options: &Options, readers: usize, shared: Shared) -> Self {
        let resume = &options.resume;
        let known = resume.checkpoint.as_ref();
        Self {
            parser: Parser::new(options.limits, &options.key_paths),
            limits: options.limits,
            earlier: (options.embedding.backend != Choice::None).then(|| recalled(options)),
            live: options.live,
            kept: options.retention.is_some(),
            seq: Seq(resume.past.seq.unwrap_or(0).max(known.map_or(0, |found| found.seq))),
            judged: judged(options),
            since: match options.from {
                From::Since(time) => Some(time),
                _ => None,
            },
            entered: HashSet::new(),
            behind: readers,
            shared,
        }
    }

    pub fn run(mut self, lines: &Receiver<Read>, records: &Sender<Parsed>) {
        while let Some(read) = lines.recv() {
            let parsed = match read {
                Read::Lines(batch) => Parsed::Batch(self.parse(&batch, None)),
                Read::Known(batch, seq) => Parsed::Batch(self.parse(&batch, Some(Seq(seq)))),
                Read::Rebuilt => Parsed::Rebuilt,
                Read::Idle(now) => Parsed::Idle(now),
                Read::CaughtUp => {
                    self.behind = self.behind.saturating_sub(1);
                    if self.behind > 0 {
                        continue;
                    }
                    self.since = None;
                    if self.live {
                        self.shared.pool.go_live();
                    }
                    Parsed::CaughtUp
                }
            };
            if self.shared.stopped() || records.send(parsed).is_err() {
                return;
            }
        }
    }

    fn parse(&mut self, batch: &LineBatch, known: Option<Seq>) -> ParsedBatch {
        let mut lines = Vec::with_capacity(batch.lines.len());
        let judged = if known.is_some() { None } else { self.judged.get(&batch.file).copied() };
        let mut seq = known.unwrap_or(self.seq);
        for span in &batch.lines {
            match self.line(batch, span, seq) {
                Ok(record) if judged.is_some_and(|last| record.origin.offset <= last) => {}
                Ok(record) if known.is_none() && self.is_too_early(&record) => {}
                Ok(record) => {
                    seq.0 += 1;
                    lines.push(Ok(Arc::new(record)));
                }
                Err(rejected) => lines.push(Err(rejected)),
            }
        }
        if known.is_none() {
            self.seq = seq;
        }
        if judged.is_some_and(|last| last < batch.end.offset) {
            self.judged.remove(&batch.file);
        }
        ParsedBatch {
            items: self.with_requests(lines, batch.read_ts),
            file: Arc::clone(&batch.file),
            end: batch.end.clone(),
            muted: known.is_some(),
            read_at: batch.read_at,
            read_ts: batch.read_ts,
            rules: self.shared.rules.get(),
        }
    }

    fn line(&mut self, batch: &LineBatch, span: &Span, seq: Seq) -> Result<Record, Rejected> {
        let origin = || Origin {
            source: Arc::clone(&batch.source),
            file: Arc::clone(&batch.file),
            offset: span.offset,
            line: span.line,
            part: 0,
        };
        // A slice would keep the whole buffer it was read into, refused neighbours and all, as long as the record.
        let line = span.start..span.end;
        let raw = if self.kept { Bytes::copy_from_slice(&batch.data[line]) } else { batch.data.slice(line) };
        let refused = |reject| {
            let raw = &batch.data[span.start..span.end];
            let text = String::from_utf8_lossy(&raw[..raw.len().min(4 * EXCERPT)]);
            Rejected { origin: origin(), reject, excerpt: prefix(&text, EXCERPT).to_owned() }
        };
        if let Some(bytes) = span.too_long {
            let reason = format!("the line has {bytes} bytes, at most {} are read", self.limits.line_bytes);
            return Err(refused(Reject { column: 1, reason }));
        }
        self.parser.parse(seq, origin(), raw).map_err(refused)
    }

    /// Whether a record lies before the time from which on the user wanted them.
    fn is_too_early(&mut self, record: &Record) -> bool {
        let Some(since) = self.since else { return false };
        let file = &record.origin.file;
        let early = record.ts.is_some_and(|ts| ts < since) && !self.entered.contains(file);
        if !early && !self.entered.contains(file) {
            self.entered.insert(Arc::clone(file));
        }
        early
    }

    /// Asks for the features of all texts that are to be compared.
    fn with_requests(&mut self, lines: Vec<Result<Arc<Record>, Rejected>>, read_ts: Timestamp) -> Vec<Item> {
        let otherwise = self.live.then_some(read_ts);
        let mut requests = match &mut self.earlier {
            Some(earlier) => {
                let ask = |record| ask(earlier, record, otherwise);
                self.shared.pool.submit(lines.iter().flatten().map(|record| &**record).map(ask)).into_iter()
            }
            None => Vec::new().into_iter(),
        };
        let item = |line| match line {
            Ok(record) => Item::Record(record, requests.next().unwrap_or_default()),
            Err(rejected) => Item::Rejected(rejected),
        };
        lines.into_iter().map(item).collect()
    }
}

/// The texts of a record that are to be compared: its samples, or its one answer with the earlier ones.
fn ask<'a>(earlier: &mut Earlier, record: &'a Record, otherwise: Option<Timestamp>) -> Ask<'a> {
    let now = record.ts.or(otherwise);
    let before = earlier.recall(record, now);
    earlier.remember(record, now);
    let mut ask = Ask::from(record);
    if !before.is_empty() {
        ask.texts.to_mut().extend(before);
    }
    ask
}

/// The earlier answers that the checkpoint knows.
fn recalled(options: &Options) -> Earlier {
    let mut known = Earlier::new(options.earlier);
    let saved = options.resume.checkpoint.as_ref().and_then(|found| earlier_answers(&found.engines));
    saved.into_iter().for_each(|saved| known.restore(saved));
    known
}

/// By file, the last record with a verdict: of the checkpoint, and of what was written after it.
pub(super) fn judged(options: &Options) -> HashMap<Arc<str>, u64> {
    let mut judged = options.resume.past.judged.clone();
    for (file, offset) in options.resume.checkpoint.iter().flat_map(|found| &found.judged) {
        let last = judged.entry(file.as_str().into()).or_default();
        *last = (*last).max(*offset);
    }
    // What comes through a pipe is new each time.
    judged.retain(|file, _| Identity::is_hash(file));
    judged
}
