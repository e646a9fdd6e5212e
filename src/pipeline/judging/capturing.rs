//! Where the judge hands rows, and what happens, to the captures.

use std::sync::Arc;

use jiff::Timestamp;

use super::{End, Stage};
use crate::history::{History, Row, View};
use crate::message::{Command, Update};
use crate::pipeline::Shared;
use crate::pipeline::judge::Judge;
use crate::pipeline::recording::Here;
use crate::record::Record;
use crate::rules::RuleSet;
use crate::sink::ndjson::NdjsonSink;
use crate::verdict::Verdict;

/// Everything that was judged before now.
fn kept(history: Option<&History>, pending: &[Row]) -> View {
    history.map(History::view).unwrap_or_default().with(pending.to_vec())
}

impl Stage {
    /// Does what the operator wants, between two batches.
    pub(super) fn obey(&mut self, judge: &mut Judge) -> Result<(), End> {
        for order in self.shared.orders.take() {
            match order {
                Command::Baseline(order) => {
                    let done = judge.baseline(&order);
                    let at = self.event_or_now();
                    self.recorder.iter_mut().for_each(|recorder| recorder.baseline(&order, &done, at));
                    self.shared.updates.send(Update::Notice(done))?;
                }
                Command::Capture(order) => {
                    let (history, rows) = (self.history.as_ref(), &self.rows);
                    let here = here(&self.shared, judge, (&self.summary.backend, &self.scores), self.event);
                    if let Some(recorder) = &mut self.recorder {
                        recorder.start(&order, &|| kept(history, rows), here);
                    }
                }
                Command::EndCapture => self.recorder.iter_mut().for_each(super::Recorder::end_own),
                Command::Happened(found) => {
                    self.recorder.iter_mut().for_each(|recorder| recorder.happening(&found));
                }
                Command::Reopen => {
                    if let Some(Err(error)) = self.sink.as_mut().map(NdjsonSink::reopen) {
                        self.shared.updates.send(Update::Notice(format!("the output goes on as it was: {error}")))?;
                    }
                }
                Command::Silence(order) => self.shared.silencing.order(order),
                Command::Replay(_) => {}
            }
        }
        self.tell_of_captures()
    }

    fn event_or_now(&self) -> Timestamp {
        self.event.unwrap_or_else(|| self.shared.clock.now())
    }

    /// The capture that the command line asks for begins.
    pub(super) fn begin_capture(&mut self, judge: &Judge) -> Result<(), End> {
        let here = here(&self.shared, judge, (&self.summary.backend, &self.scores), self.event);
        self.recorder.iter_mut().for_each(|recorder| recorder.begin_at_start(here));
        self.tell_of_captures()
    }

    /// Keeps what was judged, for the screen and for captures.
    pub(super) fn keep(&mut self, judge: &Judge, record: Arc<Record>, verdict: Arc<Verdict>) {
        self.next_seq = verdict.seq.0 + 1;
        if self.history.is_none() && self.recorder.is_none() {
            return;
        }
        let row = Row { record, verdict, other: None };
        if let Some(recorder) = &mut self.recorder {
            let here = here(&self.shared, judge, (&self.summary.backend, &self.scores), self.event);
            let (history, rows) = (self.history.as_ref(), &self.rows);
            recorder.row(&row, &|| kept(history, rows), here);
        }
        if self.history.is_some() {
            self.rows.push(row);
        }
    }

    /// Other rules came into force.
    pub(super) fn captures_rules(&mut self, rules: &Arc<RuleSet>) {
        let at = self.event_or_now();
        self.recorder.iter_mut().for_each(|recorder| recorder.rules(rules, at));
    }

    /// Looks after the captures, between two batches.
    pub(super) fn tend_captures(&mut self, judge: &Judge) -> Result<(), End> {
        let here = here(&self.shared, judge, (&self.summary.backend, &self.scores), self.event);
        let next = self.next_seq;
        self.recorder.iter_mut().for_each(|recorder| recorder.tend(here, next));
        self.tell_of_captures()
    }

    fn tell_of_captures(&mut self) -> Result<(), End> {
        let Some(recorder) = &mut self.recorder else { return Ok(()) };
        self.shared.orders.set_busy(recorder.is_active());
        let (report, notices) = recorder.news();
        for text in notices {
            self.shared.updates.send(Update::Notice(text))?;
        }
        report.map_or(Ok(()), |report| Ok(self.shared.updates.send(Update::Capture(report))?))
    }
}

fn here<'a>(
    shared: &'a Shared,
    judge: &'a Judge,
    (backend, scores): (&'a str, &'a str),
    event: Option<Timestamp>,
) -> Here<'a> {
    let now = shared.clock.now();
    Here {
        judge,
        backend,
        scores,
        at: event.unwrap_or(now),
        now,
        elapsed: shared.clock.elapsed(),
        clock: &shared.clock,
    }
}
