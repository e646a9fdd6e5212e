//! Second stage: lines to records. Texts go to the embedding pool as soon as they are known.
//!
//! `sources` holds what each source was found to be; `given` reads the verdicts of other instances.

mod captured;
mod given;
mod sources;

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
use crate::record::draft::Maker;
use crate::record::reader::{Found, Line};
use crate::record::{Limits, Origin, Record, Reject, Rejected, Seq};
use crate::rules::RuleSet;
use crate::sink::ndjson::NdjsonSink;
use crate::source::identity::Identity;
use crate::source::{From, LineBatch, Place, Span};
use crate::stats::summary::Skipped;
use crate::verdict::{Divergence, Verdict};

use given::Given;
pub(super) use sources::Carry;
use sources::{Sources, Spot, Stand};

/// What became of a line.
pub(super) enum Item {
    /// A record, what was asked of the pool for it, and how it came to be.
    Record(Arc<Record>, Request, How),
    /// A record with the verdict that another instance has given on it, and where that stands.
    Given(Arc<Record>, Arc<Verdict>, Origin),
    /// It was refused.
    Rejected(Rejected),
}

/// How a record came to be.
#[derive(Debug, Default)]
pub(super) struct How {
    /// Its verdict is written already: it is judged for what the engines learn from it.
    pub muted: bool,
    /// Where all its parts stand, if it was put together.
    pub parts: Option<Vec<Origin>>,
    /// What is known of its answers, when they themselves are not.
    pub known: Option<Box<Divergence>>,
}

impl Item {
    pub fn origin(&self) -> &Origin {
        match self {
            Self::Record(record, ..) => &record.origin,
            Self::Given(_, _, origin) => origin,
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
    /// The place behind them; `None` where it is no place to go on from.
    pub end: Option<Place>,
    /// Their order is not that of the lines: a line does not say what of it was judged.
    pub joined: bool,
    /// What a new process needs of the sources, behind these lines; `None` if that has not changed.
    pub carry: Option<Arc<Carry>>,
    /// What was sound and no record.
    pub skipped: Skipped,
    /// Their verdicts are written already.
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
    /// The engines know again what they knew, and all files that are there at the start are known; what a new process
    /// needs of the sources.
    Rebuilt(Option<Arc<Carry>>),
    /// All that was there at the start lies before this.
    CaughtUp,
    /// Nothing has come for a while, and it is so late by the wall clock.
    Idle(Timestamp),
}

pub(super) struct Stage {
    maker: Maker,
    limits: Limits,
    sources: Sources,
    given: Given,
    /// Earlier answers; `None` when nothing is compared.
    earlier: Option<Earlier>,
    live: bool,
    /// The output does not name every record that was judged: what is read again is judged again.
    selective: bool,
    /// Records are kept for the screen.
    kept: bool,
    /// Number of the next record.
    seq: Seq,
    /// By file, line and part of the last record that has its verdict from a former run.
    judged: HashMap<Arc<str>, (u64, u32)>,
    /// Records that were put together and have their verdicts, with their numbers.
    known: HashMap<Spot, u64>,
    /// Records before this time are left out, in files where none of this time or later was seen.
    since: Option<Timestamp>,
    entered: HashSet<Arc<str>>,
    /// Readers that have not reached the end yet.
    behind: usize,
    shared: Shared,
}

/// What a line has given, with its number.
enum Made {
    Record(Arc<Record>, How),
    Given(Arc<Record>, Arc<Verdict>, Origin),
    Rejected(Rejected),
}

impl Stage {
    pub fn new(options: &Options, readers: usize, shared: Shared) -> Self {
        let resume = &options.resume;
        let known = resume.checkpoint.as_ref();
        Self {
            maker: Maker::new(options.limits, &options.key_paths),
            limits: options.limits,
            sources: Sources::new(options),
            given: Given::new(options),
            earlier: (options.embedding.backend != Choice::None).then(|| recalled(options)),
            live: options.live,
            selective: options.sink.as_ref().is_some_and(NdjsonSink::is_selective),
            kept: options.retention.is_some(),
            seq: Seq(resume.past.seq.unwrap_or(0).max(known.map_or(0, |found| found.seq))),
            judged: judged(options),
            known: Carry::of(known.map(|found| &**found)).known,
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
        loop {
            let patience = if self.live { self.sources.patience() } else { None };
            let read = match patience {
                Some(most) => lines.recv_within(most),
                None => lines.recv().map(Some).ok_or(crate::message::channel::Closed),
            };
            let parsed = match read {
                Ok(Some(read)) => {
                    // One source may be quiet while others are loud.
                    let mut parsed = if self.live && self.sources.is_due(self.shared.clock.elapsed()) {
                        self.quiet()
                    } else {
                        Vec::new()
                    };
                    parsed.extend(self.take(read));
                    parsed
                }
                Ok(None) => self.quiet(),
                Err(_) => break,
            };
            if self.shared.stopped() || !parsed.into_iter().all(|parsed| records.send(parsed).is_ok()) {
                return;
            }
        }
        // Who was asked to end leaves what is unfinished to the next run.
        if !self.shared.stopped() {
            let names = self.sources.names();
            let last: Vec<Parsed> = names.iter().flat_map(|name| self.ended(name)).collect();
            last.into_iter().all(|parsed| records.send(parsed).is_ok());
        }
    }

    fn take(&mut self, read: Read) -> Vec<Parsed> {
        match read {
            Read::Lines(batch) => self.lines(batch),
            Read::Known(batch, seq, part) => self.known(&batch, Seq(seq), part).into_iter().collect(),
            Read::Rebuilt => vec![Parsed::Rebuilt(self.rebuilt())],
            Read::Records(records) => vec![Parsed::Batch(self.records(records))],
            Read::Ended(name) => self.ended(&name),
            Read::Idle(now) => vec![Parsed::Idle(now)],
            Read::CaughtUp => {
                self.behind = self.behind.saturating_sub(1);
                if self.behind > 0 {
                    return Vec::new();
                }
                let mut parsed = if self.live { self.settle(|_| true) } else { Vec::new() };
                self.since = None;
                if self.live {
                    self.shared.pool.go_live();
                }
                parsed.push(Parsed::CaughtUp);
                parsed
            }
        }
    }

    /// New lines: read as what their source is, or kept until that is clear.
    fn lines(&mut self, batch: LineBatch) -> Vec<Parsed> {
        let now = self.shared.clock.elapsed();
        let ready = match self.sources.add(batch, now) {
            Stand::Ready(batches) => batches,
            Stand::Decided(batches, report) => {
                self.report(report);
                batches
            }
            Stand::Waiting => Vec::new(),
        };
        let batches = ready.iter().map(|batch| Parsed::Batch(self.parse(batch)));
        batches.collect()
    }

    /// The lines of a former run's verdicts have come.
    fn rebuilt(&mut self) -> Option<Arc<Carry>> {
        let (now, at) = (self.shared.clock.elapsed(), self.shared.clock.now());
        self.sources.carry(&LineBatch::empty(&"".into(), now, at), &self.known).1
    }

    fn report(&self, report: crate::message::FormatReport) {
        let _ = self.shared.updates.send(crate::message::Update::Format(report));
    }

    /// Nothing has come for a while: sources are what they seem, and event time goes on.
    fn quiet(&mut self) -> Vec<Parsed> {
        let mut parsed = self.settle(|since| since >= sources::QUIET);
        let now = self.shared.clock.elapsed();
        for (name, by) in self.sources.idle(now) {
            let mut found = Vec::new();
            self.sources.advance(&name, by, &mut self.maker, &mut found);
            parsed.extend(self.closed(&name, found));
        }
        parsed
    }

    /// Decides on the sources that have waited long enough.
    fn settle(&mut self, enough: impl Fn(Duration) -> bool) -> Vec<Parsed> {
        let mut parsed = Vec::new();
        for (batches, report) in self.sources.settle(self.shared.clock.elapsed(), enough) {
            self.report(report);
            parsed.extend(batches.iter().map(|batch| Parsed::Batch(self.parse(batch))));
        }
        parsed
    }

    /// A source has come to its end: what is unfinished of it is closed.
    fn ended(&mut self, name: &Arc<str>) -> Vec<Parsed> {
        let mut parsed = Vec::new();
        if let Some((batches, report)) = self.sources.decide(name) {
            self.report(report);
            parsed.extend(batches.iter().map(|batch| Parsed::Batch(self.parse(batch))));
        }
        let mut found = Vec::new();
        self.sources.finish(name, &mut self.maker, &mut found);
        parsed.extend(self.closed(name, found));
        parsed
    }

    /// What was closed without a line.
    fn closed(&mut self, name: &Arc<str>, found: Vec<Found>) -> Option<Parsed> {
        if found.is_empty() {
            return None;
        }
        let (read_at, read_ts) = (self.shared.clock.elapsed(), self.shared.clock.now());
        let mut batch = LineBatch::empty(name, read_at, read_ts);
        if let Some((file, end)) = self.sources.withheld(name) {
            (batch.file, batch.end) = (file, end);
        }
        Some(Parsed::Batch(self.batch(&batch, found, true)))
    }

    fn parse(&mut self, batch: &LineBatch) -> ParsedBatch {
        let mut found = Vec::with_capacity(batch.lines.len());
        for span in &batch.lines {
            match self.line(batch, span) {
                Ok(line) => self.sources.read(&mut self.maker, line, &mut found),
                Err(rejected) => found.push(Found::Rejected(rejected)),
            }
        }
        self.sources.came(batch);
        let joined = self.selective || self.sources.joins(&batch.source);
        self.batch(batch, found, joined)
    }

    fn batch(&mut self, batch: &LineBatch, found: Vec<Found>, joined: bool) -> ParsedBatch {
        let mut skipped = Skipped::default();
        let judged = self.judged.get(&batch.file).copied();
        let mut made = Vec::with_capacity(found.len());
        for found in found {
            match found {
                Found::Record(record, parts) => made.extend(self.record(record, parts, joined, judged)),
                Found::Verdict(verdict, raw, origin) => made.extend(self.verdict(*verdict, raw, origin, judged)),
                Found::Rejected(rejected) => made.push(Made::Rejected(rejected)),
                Found::NotARecord => skipped.lines += 1,
                Found::Skipped(count) => skipped.others += count,
            }
        }
        if judged.is_some_and(|(last, _)| last < batch.end.offset) {
            self.judged.remove(&batch.file);
        }
        let (end, carry) = self.sources.carry(batch, &self.known);
        ParsedBatch {
            items: self.with_requests(made, batch.read_ts),
            file: Arc::clone(&batch.file),
            end,
            joined,
            carry,
            skipped,
            muted: false,
            read_at: batch.read_at,
            read_ts: batch.read_ts,
            rules: self.shared.rules.get(),
        }
    }

    /// Gives a record its number, unless it has one: then it is judged for what the engines learn from it, or not again.
    fn record(
        &mut self,
        mut record: Record,
        parts: Option<Vec<Origin>>,
        joined: bool,
        judged: Option<(u64, u32)>,
    ) -> Option<Made> {
        let origin = &record.origin;
        if joined || parts.is_some() {
            let spot = (Arc::clone(&origin.file), origin.offset, origin.part);
            if let Some(seq) = self.known.remove(&spot) {
                record.seq = Seq(seq);
                return Some(Made::Record(Arc::new(record), How { muted: true, parts, known: None }));
            }
        } else if judged.is_some_and(|last| (origin.offset, origin.part) <= last) {
            return None;
        }
        if self.is_too_early(&record) {
            return None;
        }
        record.seq = self.next_seq();
        Some(Made::Record(Arc::new(record), How { muted: false, parts, known: None }))
    }

    fn next_seq(&mut self) -> Seq {
        let seq = self.seq;
        self.seq.0 += 1;
        seq
    }

    fn verdict(
        &mut self,
        mut verdict: Verdict,
        raw: Bytes,
        origin: Origin,
        judged: Option<(u64, u32)>,
    ) -> Option<Made> {
        if judged.is_some_and(|last| (origin.offset, origin.part) <= last) {
            return None;
        }
        let record = self.given.record(&mut self.maker, &verdict, raw, &origin.source);
        if self.is_too_early(&record) {
            return None;
        }
        let record = Record { seq: self.next_seq(), ..record };
        (verdict.seq, verdict.key) = (record.seq, Arc::clone(&record.key));
        Some(Made::Given(Arc::new(record), Arc::new(verdict), origin))
    }

    /// A line whose verdict is written. What was put together from several is known again when they are read.
    fn known(&mut self, batch: &LineBatch, seq: Seq, part: u32) -> Option<Parsed> {
        let span = batch.lines.first()?;
        let line = self.line(batch, span).ok()?;
        let found = if self.selective { Vec::new() } else { self.sources.alone(&mut self.maker, line) };
        let Some(record) = found.into_iter().find(|record| record.origin.part == part) else {
            self.known.insert((Arc::clone(&batch.file), span.offset, part), seq.0);
            return None;
        };
        let record = Record { seq, ..record };
        let how = How { muted: true, ..How::default() };
        let items = self.with_requests(vec![Made::Record(Arc::new(record), how)], batch.read_ts);
        Some(Parsed::Batch(ParsedBatch {
            items,
            file: Arc::clone(&batch.file),
            end: None,
            joined: false,
            carry: None,
            skipped: Skipped::default(),
            muted: true,
            read_at: batch.read_at,
            read_ts: batch.read_ts,
            rules: self.shared.rules.get(),
        }))
    }

    fn line(&mut self, batch: &LineBatch, span: &Span) -> Result<Line, Rejected> {
        let origin = Origin {
            source: Arc::clone(&batch.source),
            file: Arc::clone(&batch.file),
            offset: span.offset,
            line: span.line,
            part: 0,
        };
        if let Some(bytes) = span.too_long {
            let held = &batch.data[span.start..span.end];
            let array = held.trim_ascii_start().starts_with(b"[");
            let hint = if array { ": write an array as one object a line (jq -c '.[]')" } else { "" };
            let reason = format!("the line has {bytes} bytes, at most {} are read{hint}", self.limits.line_bytes);
            return Err(Rejected::of(origin, Reject::at_start(&reason), held));
        }
        // A slice would keep the whole buffer it was read into, refused neighbours and all, as long as the record.
        let line = span.start..span.end;
        let raw = if self.kept { Bytes::copy_from_slice(&batch.data[line]) } else { batch.data.slice(line) };
        Ok(Line { raw, origin, read_ts: self.live.then_some(batch.read_ts) })
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
    fn with_requests(&mut self, made: Vec<Made>, read_ts: Timestamp) -> Vec<Item> {
        let otherwise = self.live.then_some(read_ts);
        let records = made.iter().filter_map(|made| match made {
            Made::Record(record, how) => how.known.is_none().then_some(&**record),
            Made::Given(..) | Made::Rejected(_) => None,
        });
        let mut requests = match &mut self.earlier {
            Some(earlier) => {
                let ask = |record| ask(earlier, record, otherwise);
                self.shared.pool.submit(records.map(ask)).into_iter()
            }
            None => Vec::new().into_iter(),
        };
        let item = |made| match made {
            Made::Record(record, how) if how.known.is_some() => Item::Record(record, Request::default(), how),
            Made::Record(record, how) => Item::Record(record, requests.next().unwrap_or_default(), how),
            Made::Given(record, verdict, origin) => Item::Given(record, verdict, origin),
            Made::Rejected(rejected) => Item::Rejected(rejected),
        };
        made.into_iter().map(item).collect()
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
    let engines = options.resume.checkpoint.as_ref().map(|found| &found.engines).or(options.engines.as_ref());
    let saved = engines.and_then(earlier_answers);
    saved.into_iter().for_each(|saved| known.restore(saved));
    known
}

/// By file, the last record with a verdict: of the checkpoint, and of what was written after it.
pub(super) fn judged(options: &Options) -> HashMap<Arc<str>, (u64, u32)> {
    let mut judged = options.resume.past.judged.clone();
    for (file, last) in options.resume.checkpoint.iter().flat_map(|found| &found.judged) {
        let held = judged.entry(file.as_str().into()).or_default();
        *held = (*held).max(*last);
    }
    // What comes through a pipe is new each time.
    judged.retain(|file, _| Identity::is_hash(file));
    judged
}
