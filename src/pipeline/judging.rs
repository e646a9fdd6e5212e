//! Last stage: judges in Seq order, writes verdicts, keeps the history and tells the screen.

mod capturing;
mod health;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::judge::{Arrival, Judge, Setup, Texts};
use super::parse::{Carry, Item, Parsed, ParsedBatch, judged};
use super::recording::Recorder;
use super::saving::Saver;
use super::silencing;
use super::{Input, Options, Shared};
use crate::engine::constraints::RuleCount;
use crate::engine::embedding::pool::{Answer, Generation, Ready, Request};
use crate::engine::embedding::select::Choice;
use crate::engine::embedding::{TextFeatures, TextResult};
use crate::history::{History, Row};
use crate::message::channel::{Closed, Receiver, Stats};
use crate::message::{EngineReport, EngineState, Update};
use crate::record::{Record, Rejected, trim};
use crate::rules::Rule;
use crate::sink::file::is_full;
use crate::sink::ndjson::NdjsonSink;
use crate::stats::summary::{RuleTally, Summary};
use crate::verdict::Verdict;

/// Rows are handed to the screen at least this often while there is work: one frame at 30 a second.
const FLUSH: Duration = Duration::from_millis(33);

/// Rows that are handed over at once: what waits for the screen is memory that nobody can see.
const ROWS: usize = 512;

/// How often the counters are sent.
const HEALTH: Duration = Duration::from_millis(250);

/// A full disk is tried again this often.
const FULL: Duration = Duration::from_secs(1);

/// Refused lines sent to the screen in one update; all are counted and written.
const REJECTED_SHOWN: usize = 256;

pub(super) struct Stage {
    setup: Option<Setup>,
    history: Option<History>,
    sink: Option<NdjsonSink>,
    saver: Option<Saver>,
    recorder: Option<Recorder>,
    /// What the engines knew when the last run made its checkpoint.
    engines: Option<serde_json::Value>,
    /// How many backends have died.
    generation: Generation,
    shared: Shared,
    stages: Vec<Arc<Stats>>,
    summary: Summary,
    rows: Vec<Row>,
    rejected: Vec<Rejected>,
    flushed_at: Duration,
    health_at: Duration,
    live: bool,
    failed: Option<(Arc<str>, Duration)>,
    bounds: health::Bounds,
    /// Event time of the newest record.
    event: Option<Timestamp>,
    /// When it was read.
    read_ts: Timestamp,
    /// What computes the divergence, with its model.
    scores: String,
    /// The number that the next record will have at least.
    next_seq: u64,
    /// Something was judged since the counters were sent.
    unreported: bool,
    hints: health::Hints,
}

/// Why judging ended early.
enum End {
    /// Nobody listens any more, or the user has asked.
    Stopped,
    /// The user has asked while the output took nothing: what waits is dropped, the last checkpoint covers it.
    Full,
    /// The output takes nothing more.
    Output(io::Error),
}

impl From<Closed> for End {
    fn from(_: Closed) -> Self {
        Self::Stopped
    }
}

impl Stage {
    pub fn new(mut options: Options, shared: Shared, stages: Vec<Arc<Stats>>) -> Self {
        let past = judged(&options);
        let seq = options.resume.past.seq.unwrap_or(0);
        let rebuilding = options.inputs.iter().any(|input| matches!(input, Input::Files(_)));
        let bounds = health::Bounds::new(&options);
        let checkpoint = options.resume.checkpoint.take();
        let carry = Arc::new(Carry::of(checkpoint.as_deref()));
        let seq = seq.max(checkpoint.as_ref().map_or(0, |found| found.seq));
        // What the engines know may be asked for: by a checkpoint, or by a capture.
        let redact = Arc::clone(&options.redact);
        let saves = options.store.is_some() || options.capture.is_some();
        let engines = checkpoint.map(|found| found.engines).filter(|engines| !engines.is_null()).or(options.engines);
        let recorder = options
            .capture
            .map(|capture| Recorder::new(capture, &options.rules, options.retention.is_some(), engines.is_none()));
        let setup = Setup {
            rules: options.rules,
            policy: options.policy,
            drift: options.drift,
            earlier: (saves && options.keep_texts && options.embedding.backend != Choice::None)
                .then_some(options.earlier),
            // The backend is known once it is loaded: it is filled in before the first record.
            embedding: (crate::engine::embedding::Mode::None, "".into()),
            live: options.live,
        };
        Self {
            setup: Some(setup),
            history: options.retention.map(History::new),
            sink: options.sink,
            saver: options.store.map(|store| Saver::new(store, past, (carry, redact), seq, rebuilding)),
            recorder,
            engines,
            generation: 0,
            shared,
            stages,
            summary: Summary::with_risks(&options.risk_limits),
            rows: Vec::new(),
            rejected: Vec::new(),
            flushed_at: Duration::ZERO,
            health_at: Duration::ZERO,
            live: options.live,
            failed: None,
            bounds,
            event: None,
            read_ts: Timestamp::UNIX_EPOCH,
            scores: String::new(),
            next_seq: 0,
            unreported: true,
            hints: health::Hints::default(),
        }
    }

    pub fn run(mut self, parsed: &Receiver<Parsed>) {
        let start = self.shared.clock.elapsed();
        let mut judge = None;
        let end = self.judge_all(parsed, &mut judge);
        self.summary.elapsed = self.shared.clock.elapsed() - start;
        self.recorder.iter_mut().for_each(|recorder| recorder.finish("the program has ended"));
        match end {
            Ok(()) => {}
            Err(End::Stopped) => {
                judge.iter().for_each(|judge| self.tally(judge));
                let flushed = self.sink.as_mut().map_or(Ok(()), NdjsonSink::flush);
                if let Err(error) = &flushed {
                    tracing::error!("output: {error}");
                    self.sink.iter_mut().for_each(NdjsonSink::abandon);
                }
                if let (Some(saver), Some(judge), Ok(())) = (&mut self.saver, &judge, &flushed) {
                    saver.save(judge, self.sink.as_ref(), &self.shared, false);
                }
                let summary = Box::new(std::mem::take(&mut self.summary));
                let _ = self.shared.updates.send(Update::Finished(summary));
            }
            Err(End::Full) => {
                self.sink.iter_mut().for_each(NdjsonSink::abandon);
                let summary = Box::new(std::mem::take(&mut self.summary));
                let _ = self.shared.updates.send(Update::Finished(summary));
            }
            Err(End::Output(error)) => {
                tracing::error!("output: {error}");
                let why = error.to_string();
                let _ = self
                    .shared
                    .updates
                    .send(Update::OutputFailed { why, closed: error.kind() == io::ErrorKind::BrokenPipe });
            }
        }
    }

    /// How the rules fared, for the summary.
    fn tally(&mut self, judge: &Judge) {
        let rules = judge.rules();
        let only_given = self.summary.given > 0 && self.summary.given == self.summary.records;
        let no_data = if only_given { Vec::new() } else { self.hints.no_data(judge) };
        let tally = |(index, (rule, count)): (usize, (&Rule, RuleCount))| RuleTally {
            rule: Arc::clone(&rule.id),
            shadow: rule.shadow,
            count,
            no_data: no_data.iter().find(|found| found.rule == index).map(|found| found.why.clone()),
        };
        self.summary.watched = judge.watched();
        if only_given {
            return;
        }
        self.summary.fared = rules.rules.iter().zip(judge.counts()).enumerate().map(tally).collect();
    }

    /// The judge, once the backend is there, with what it knew.
    fn judge(&mut self) -> Result<Judge, End> {
        let Some((ready, generation)) = self.shared.pool.wait_ready() else { return Err(End::Stopped) };
        self.generation = generation;
        let Some(mut setup) = self.setup.take() else { return Err(End::Stopped) };
        self.summary.backend = Arc::clone(&ready.name);
        self.summary.rules = Arc::clone(&setup.rules.revision);
        let scores = ready.scores();
        setup.embedding = (ready.mode, Arc::clone(&ready.name));
        let mut judge = Judge::new(setup, Arc::clone(&self.shared.clock));
        if let Some(Err(why)) = self.engines.take().map(|engines| judge.restore(&engines, &scores)) {
            let text = format!("what the engines knew can't be read, they begin anew: {why}");
            self.shared.updates.send(Update::Notice(text))?;
        }
        self.saver.iter_mut().for_each(|saver| saver.scores.clone_from(&scores));
        self.scores = scores;
        self.begin_capture(&judge)?;
        Ok(judge)
    }

    fn judge_all(&mut self, parsed: &Receiver<Parsed>, kept: &mut Option<Judge>) -> Result<(), End> {
        let start = self.shared.clock.elapsed();
        let judge = kept.insert(self.judge()?);
        loop {
            let next = match parsed.try_recv() {
                Ok(Some(next)) => next,
                Ok(None) => {
                    // Nothing waits: what is done is shown and written now.
                    self.flush(judge)?;
                    if std::mem::take(&mut self.unreported) {
                        self.health(judge)?;
                    }
                    match parsed.recv() {
                        Some(next) => next,
                        None => break,
                    }
                }
                Err(Closed) => break,
            };
            match next {
                Parsed::Batch(batch) => self.batch(judge, batch)?,
                Parsed::Rebuilt(carry) => {
                    self.saver.iter_mut().for_each(|saver| saver.rebuilt(carry.clone()));
                    self.save(judge)?;
                }
                Parsed::Idle(now) => {
                    self.obey(judge)?;
                    self.idle(judge, now);
                    self.tend_captures(judge)?;
                }
                Parsed::CaughtUp => {
                    self.recorder.iter_mut().for_each(Recorder::catch_up);
                    self.sink.iter_mut().for_each(NdjsonSink::forget_past);
                    self.flush(judge)?;
                    self.shared.updates.send(Update::CaughtUp)?;
                }
            }
        }
        self.flush(judge)?;
        if self.shared.stopped() {
            return Err(End::Stopped);
        }
        self.sink.iter_mut().for_each(NdjsonSink::finish);
        self.save(judge)?;
        self.summary.elapsed = self.shared.clock.elapsed() - start;
        self.tally(judge);
        self.health(judge)?;
        let summary = Box::new(std::mem::take(&mut self.summary));
        self.shared.updates.send(Update::Finished(summary))?;
        Ok(())
    }

    /// Time has gone on without records: event time goes on by as much.
    fn idle(&mut self, judge: &mut Judge, now: Timestamp) {
        let idle = now.duration_since(self.read_ts);
        if let Some(now) =
            self.event.filter(|_| self.live && idle.is_positive()).and_then(|event| event.checked_add(idle).ok())
        {
            self.unreported |= judge.advance(now);
        }
    }

    /// Makes a checkpoint now.
    fn save(&mut self, judge: &Judge) -> Result<(), End> {
        self.write()?;
        if let Some(saver) = &mut self.saver {
            saver.save(judge, self.sink.as_ref(), &self.shared, true);
        }
        Ok(())
    }

    fn batch(&mut self, judge: &mut Judge, batch: ParsedBatch) -> Result<(), End> {
        self.unreported = true;
        self.obey(judge)?;
        let ParsedBatch { items, file, end, joined, carry, skipped, muted, read_at, read_ts, rules } = batch;
        self.summary.skipped.add(skipped);
        if !Arc::ptr_eq(judge.rules(), &rules) {
            self.summary.rules = Arc::clone(&rules.revision);
            self.captures_rules(&rules);
            judge.set_rules(rules);
        }
        self.read_ts = read_ts;
        let new = !muted && self.saver.as_ref().is_some_and(|saver| saver.is_new(&file));
        if new && self.shared.ledger().knows(&file) {
            self.save(judge)?;
        }
        for item in items {
            if self.shared.stopped() {
                return Err(End::Stopped);
            }
            let place = item.origin().clone();
            if let (Some(saver), false, false) = (&mut self.saver, muted, joined) {
                saver.before(&file, place.offset, place.line);
            }
            let parts = match item {
                Item::Rejected(_) if muted => None,
                Item::Rejected(rejected) => {
                    self.rejected(rejected)?;
                    None
                }
                Item::Given(record, verdict, _) => {
                    self.given(judge, record, verdict)?;
                    None
                }
                Item::Record(record, request, how) => {
                    let (features, arrival) = self.features(judge, &request, read_at)?;
                    let otherwise = self.live.then_some(read_ts);
                    let earlier: Vec<Arc<str>> = request.texts().skip(record.samples.len()).cloned().collect();
                    let texts = Texts { features: &features, earlier: &earlier, known: how.known.as_deref() };
                    self.record(judge, record, texts, Arrival { otherwise, ..arrival }, muted || how.muted)?;
                    how.parts
                }
            };
            if let (Some(saver), false) = (&mut self.saver, muted) {
                saver.after(joined, &place, parts.as_deref());
            }
        }
        if let (Some(saver), false) = (&mut self.saver, muted) {
            saver.through(&file, end, carry);
        }
        if self.rows.len() >= ROWS || self.shared.clock.elapsed() - self.flushed_at >= FLUSH {
            self.flush(judge)?;
        }
        Ok(())
    }

    fn rejected(&mut self, rejected: Rejected) -> Result<(), End> {
        self.summary.rejected += 1;
        let at = self.event.unwrap_or(self.read_ts);
        self.recorder.iter_mut().for_each(|recorder| recorder.rejected(&rejected, at));
        if let Some(sink) = &mut self.sink {
            sink.rejected(&rejected);
        }
        if self.rejected.len() < REJECTED_SHOWN {
            self.rejected.push(rejected);
        }
        self.bounds.rejected += 1;
        self.write_if_due()
    }

    /// Waits for the features of a record's texts; what was judged before is shown meanwhile.
    fn features(
        &mut self,
        judge: &mut Judge,
        request: &Request,
        read_at: Duration,
    ) -> Result<(Vec<TextResult>, Arrival), End> {
        if !request.is_done() {
            self.flush(judge)?;
        }
        let arrival = Arrival { read_at, embedding_us: 0, otherwise: None, shed: false };
        match self.shared.pool.wait(request, read_at).ok_or(End::Stopped)? {
            Answer::Texts(texts, embedding_us, (ready, generation)) => {
                if generation != self.generation {
                    self.backend_changed(judge, &ready, generation);
                }
                Ok((texts, Arrival { embedding_us, ..arrival }))
            }
            Answer::Shed => {
                let words =
                    request.texts().map(|text| TextFeatures::derive(trim(text)).map(Arc::new).map_err(Into::into));
                Ok((words.collect(), Arrival { shed: true, ..arrival }))
            }
        }
    }

    /// From this record on another backend computes the divergence.
    fn backend_changed(&mut self, judge: &mut Judge, ready: &Ready, generation: Generation) {
        self.generation = generation;
        self.summary.backend = Arc::clone(&ready.name);
        self.scores = ready.scores();
        self.saver.iter_mut().for_each(|saver| saver.scores.clone_from(&self.scores));
        judge.set_embedding(ready.mode, Arc::clone(&ready.name));
    }

    fn record(
        &mut self,
        judge: &mut Judge,
        record: Arc<Record>,
        texts: Texts<'_>,
        arrival: Arrival,
        muted: bool,
    ) -> Result<(), End> {
        let judgement = judge.judge(&record, texts, arrival);
        if muted {
            self.sink.iter_mut().for_each(|sink| sink.count(&judgement.verdict));
            return Ok(());
        }
        for (kind, why) in judgement.failures {
            // The same failure on every record is one piece of news a second.
            let now = self.shared.clock.elapsed();
            let known = |(held, at): &(Arc<str>, Duration)| *held == why && now - *at < Duration::from_secs(1);
            if !self.failed.as_ref().is_some_and(known) {
                tracing::error!("{}: {why}", kind.name());
                self.failed = Some((Arc::clone(&why), now));
                self.shared.updates.send(Update::Engine(EngineReport { kind, state: EngineState::Failed(why) }))?;
            }
        }
        let mut verdict = judgement.verdict;
        if self.live {
            silencing::mark(&self.shared.silencing.now(), &record, &mut verdict, self.shared.clock.now());
        }
        self.event = verdict.ts.or(self.event);
        self.summary.add(&verdict, record.latency_ms);
        self.saver.iter_mut().for_each(|saver| saver.counted(verdict.seq.0));
        if let Some(sink) = &mut self.sink {
            sink.verdict(&verdict);
        }
        self.keep(judge, record, Arc::new(verdict));
        self.write_if_due()
    }

    /// Takes a verdict that another instance has given: it is shown and counted, and not written again.
    fn given(&mut self, judge: &Judge, record: Arc<Record>, verdict: Arc<Verdict>) -> Result<(), End> {
        self.event = verdict.ts.or(self.event);
        self.summary.add(&verdict, record.latency_ms);
        // What computed the scores, there and then.
        self.summary.backend = Arc::clone(&verdict.divergence.backend);
        self.summary.given += 1;
        if self.summary.given == 1 && self.sink.is_some() {
            let text = "verdicts of other instances are shown and counted, not written to the output again";
            self.shared.updates.send(Update::Notice(text.to_owned()))?;
        }
        self.keep(judge, record, verdict);
        self.write_if_due()
    }

    fn write_if_due(&mut self) -> Result<(), End> {
        if self.sink.as_ref().is_some_and(NdjsonSink::is_due) { self.write() } else { Ok(()) }
    }

    /// Hands all verdicts to the system. While the disk is full nothing else happens: the files are their own buffer.
    fn write(&mut self) -> Result<(), End> {
        let mut waits = false;
        loop {
            match self.sink.as_mut().map_or(Ok(()), NdjsonSink::flush) {
                Ok(()) => break,
                Err(error) if is_full(&error) => {
                    if !std::mem::replace(&mut waits, true) {
                        tracing::error!("output: {error}; waiting for room");
                        self.shared.updates.send(Update::OutputWaits(Some(error.to_string())))?;
                    }
                    if self.shared.stop.wait(FULL) {
                        return Err(End::Full);
                    }
                }
                Err(error) => return Err(End::Output(error)),
            }
        }
        if waits {
            self.shared.updates.send(Update::OutputWaits(None))?;
        }
        Ok(())
    }

    fn flush(&mut self, judge: &Judge) -> Result<(), End> {
        self.write()?;
        if let Some(saver) = &mut self.saver {
            saver.save_if_due(judge, self.sink.as_ref(), &self.shared);
        }
        if self.bounds.rejected > 0 {
            let shown = std::mem::take(&mut self.rejected);
            let count = std::mem::take(&mut self.bounds.rejected);
            self.shared.updates.send(Update::Rejected { count, shown })?;
        }
        if let Some(history) = &mut self.history
            && !self.rows.is_empty()
        {
            let rows = std::mem::take(&mut self.rows);
            history.append(rows.clone());
            self.shared.updates.send(Update::Judged { rows, history: history.view(), read_ts: self.read_ts })?;
        }
        self.tend_captures(judge)?;
        self.flushed_at = self.shared.clock.elapsed();
        if self.flushed_at - self.health_at >= HEALTH {
            self.health(judge)?;
        }
        Ok(())
    }
}
