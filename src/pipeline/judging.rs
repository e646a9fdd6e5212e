//! Last stage: judges in Seq order, writes verdicts, keeps the history and tells the screen.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::judge::{Arrival, Judge, Setup};
use super::parse::ParsedBatch;
use super::{Options, Shared};
use crate::engine::embedding::TextResult;
use crate::engine::embedding::pool::Ticket;
use crate::history::{History, Row};
use crate::message::channel::{Closed, Receiver, Stats};
use crate::message::{EngineReport, EngineState, HealthReport, Update};
use crate::record::{Record, Rejected};
use crate::sink::ndjson::NdjsonSink;
use crate::stats::summary::Summary;

/// Rows are handed to the screen at least this often while there is work: one frame at 30 a second.
const FLUSH: Duration = Duration::from_millis(33);

/// How often the counters are sent.
const HEALTH: Duration = Duration::from_millis(250);

/// Refused lines sent to the screen in one update; all are counted and written.
const REJECTED_SHOWN: usize = 256;

pub(super) struct Stage {
    setup: Option<Setup>,
    history: Option<History>,
    sink: Option<NdjsonSink>,
    shared: Shared,
    stages: Vec<Arc<Stats>>,
    summary: Summary,
    rows: Vec<Row>,
    rejected: Vec<Rejected>,
    flushed_at: Duration,
    health_at: Duration,
    live: bool,
    failed: Option<(Arc<str>, Duration)>,
}

/// Why judging ended early.
enum End {
    /// Nobody listens any more, or the user has asked.
    Stopped,
    /// The output takes nothing more.
    Output(io::Error),
}

impl From<Closed> for End {
    fn from(_: Closed) -> Self {
        Self::Stopped
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl Stage {
    pub fn new(options: Options, shared: Shared, stages: Vec<Arc<Stats>>) -> Self {
        let setup = Setup {
            rules: options.rules,
            policy: options.policy,
            drift: options.drift,
            // The backend is known once it is loaded: it is filled in before the first record.
            embedding: (crate::engine::embedding::Mode::None, "".into()),
            live: options.live,
        };
        Self {
            setup: Some(setup),
            history: options.retention.map(History::new),
            sink: options.sink,
            shared,
            stages,
            summary: Summary::with_risks(&options.risk_limits),
            rows: Vec::new(),
            rejected: Vec::new(),
            flushed_at: Duration::ZERO,
            health_at: Duration::ZERO,
            live: options.live,
            failed: None,
        }
    }

    pub fn run(mut self, records: &Receiver<ParsedBatch>) {
        let start = self.shared.clock.elapsed();
        let end = self.judge_all(records);
        self.summary.elapsed = self.shared.clock.elapsed() - start;
        match end {
            Ok(()) => {}
            Err(End::Stopped) => {
                if let Some(Err(error)) = self.sink.as_mut().map(NdjsonSink::flush) {
                    tracing::error!("output: {error}");
                }
                let summary = Box::new(std::mem::take(&mut self.summary));
                let _ = self.shared.updates.send(Update::Finished(summary));
            }
            Err(End::Output(error)) => {
                tracing::error!("output: {error}");
                let why = error.to_string();
                let _ = self.shared.updates.send(Update::OutputFailed { why, closed: is_closed_pipe(&error) });
            }
        }
    }

    fn judge_all(&mut self, records: &Receiver<ParsedBatch>) -> Result<(), End> {
        let Some(ready) = self.shared.pool.wait_ready() else { return Err(End::Stopped) };
        let Some(mut setup) = self.setup.take() else { return Err(End::Stopped) };
        self.summary.backend = Arc::clone(&ready.name);
        self.summary.rules = Arc::clone(&setup.rules.revision);
        setup.embedding = (ready.mode, ready.name);
        let mut judge = Judge::new(setup, Arc::clone(&self.shared.clock));
        let start = self.shared.clock.elapsed();
        loop {
            let batch = match records.try_recv() {
                Ok(Some(batch)) => batch,
                Ok(None) => {
                    // Nothing waits: what is done is shown and written now.
                    self.flush(&judge)?;
                    match records.recv() {
                        Some(batch) => batch,
                        None => break,
                    }
                }
                Err(Closed) => break,
            };
            self.batch(&mut judge, batch)?;
        }
        self.flush(&judge)?;
        if self.shared.stopped() {
            return Err(End::Stopped);
        }
        self.summary.elapsed = self.shared.clock.elapsed() - start;
        let (rules, counts) = judge.rules();
        let idle = rules.rules.iter().zip(counts).filter(|(_, count)| count.evaluated == 0 && count.errors == 0);
        self.summary.no_data = idle.map(|(rule, _)| Arc::clone(&rule.id)).collect();
        self.health(&judge)?;
        let summary = Box::new(std::mem::take(&mut self.summary));
        self.shared.updates.send(Update::Finished(summary))?;
        Ok(())
    }

    fn batch(&mut self, judge: &mut Judge, batch: ParsedBatch) -> Result<(), End> {
        for rejected in batch.rejected {
            self.summary.rejected += 1;
            if let Some(sink) = &mut self.sink {
                sink.rejected(&rejected)?;
            }
            self.rejected.push(rejected);
        }
        for (record, tickets) in batch.records {
            if self.shared.stopped() {
                return Err(End::Stopped);
            }
            let (texts, embedding_us) = self.features(judge, &tickets)?;
            let otherwise = self.live.then_some(batch.read_ts);
            let arrival = Arrival { read_at: batch.read_at, embedding_us, otherwise };
            self.record(judge, record, &texts, arrival)?;
        }
        if self.shared.clock.elapsed() - self.flushed_at >= FLUSH {
            self.flush(judge)?;
        }
        Ok(())
    }

    /// Waits for the features of a record's texts; what was judged before is shown meanwhile.
    fn features(&mut self, judge: &Judge, tickets: &[Ticket]) -> Result<(Vec<TextResult>, u64), End> {
        let mut texts = Vec::with_capacity(tickets.len());
        let mut cost = 0;
        for ticket in tickets {
            if !ticket.is_done() {
                self.flush(judge)?;
            }
            let text = self.shared.pool.wait(ticket).ok_or(End::Stopped)?;
            if let (Ok(features), true) = (&text, ticket.fresh) {
                cost += features.cost_us;
            }
            texts.push(text);
        }
        Ok((texts, cost))
    }

    fn record(
        &mut self,
        judge: &mut Judge,
        record: Arc<Record>,
        texts: &[TextResult],
        arrival: Arrival,
    ) -> Result<(), End> {
        let judgement = judge.judge(&record, texts, arrival);
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
        let verdict = judgement.verdict;
        self.summary.add(&verdict, record.latency_ms);
        if let Some(sink) = &mut self.sink {
            sink.verdict(&verdict)?;
        }
        if self.history.is_some() {
            self.rows.push(Row { record, verdict: Arc::new(verdict) });
        }
        Ok(())
    }

    fn flush(&mut self, judge: &Judge) -> Result<(), End> {
        if let Some(sink) = &mut self.sink {
            sink.flush()?;
        }
        if !self.rejected.is_empty() {
            let mut rejected = std::mem::take(&mut self.rejected);
            let count = rejected.len() as u64;
            rejected.truncate(REJECTED_SHOWN);
            self.shared.updates.send(Update::Rejected { count, shown: rejected })?;
        }
        if let Some(history) = &mut self.history
            && !self.rows.is_empty()
        {
            let rows = std::mem::take(&mut self.rows);
            history.append(rows.clone());
            self.shared.updates.send(Update::Judged { rows, history: history.view() })?;
        }
        self.flushed_at = self.shared.clock.elapsed();
        if self.history.is_some() && self.flushed_at - self.health_at >= HEALTH {
            self.health(judge)?;
        }
        Ok(())
    }

    fn health(&mut self, judge: &Judge) -> Result<(), End> {
        self.health_at = self.shared.clock.elapsed();
        let (rules, counts) = judge.rules();
        let report = HealthReport {
            stages: self.stages.iter().map(|stage| stage.report()).collect(),
            pool: self.shared.pool.counts(),
            rules: Arc::clone(rules),
            counts: counts.to_vec(),
            at: self.shared.clock.now(),
        };
        Ok(self.shared.updates.send(Update::Health(report))?)
    }
}

fn is_closed_pipe(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}
