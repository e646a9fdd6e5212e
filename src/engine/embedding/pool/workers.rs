//! What the threads of the pool do: take a text, derive its features, and be replaced when they hang.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::{Busy, Event, Generation, HANGING, Pool, Ready, Slot, Text, lock, panic_text};
use crate::engine::embedding::model::{Embedder, ModelError, Vector};
use crate::engine::embedding::{Mode, TextFeatures};
use crate::record::trim;

/// Texts in a row that a backend fails on, each twice and none done between them, until it is taken for dead although it
/// can still do the trial.
const DEAD_AFTER: usize = 32;

/// A text that every backend can do: whoever fails on it is dead.
pub const TRIAL: &str = "ready?";

/// How a worker's time with a text ended.
enum Ended {
    /// As it should.
    InTime,
    /// Too late: the text has failed, and there is another worker.
    Replaced,
    /// Too late, but so many hang that there was no other one.
    Spared,
}

/// Why a text has no features.
struct Failure {
    why: String,
    /// It is the backend's end.
    dead: bool,
}

/// What a worker computes with.
struct Bench {
    ready: Arc<Ready>,
    generation: Generation,
    /// The worker's own session, once it was needed.
    session: Option<Box<dyn Embedder>>,
}

impl Pool {
    /// One worker: takes texts until the pool closes, or until it was replaced. `on_event` hears of every text that
    /// failed, and of every backend that was replaced.
    pub fn work(&self, on_event: &dyn Fn(Event<'_>)) {
        let Some((ready, generation)) = self.wait_ready() else { return };
        let me = self.workers.fetch_add(1, Ordering::Relaxed);
        let mut bench = Bench { ready, generation, session: None };
        while let Some(job) = self.next() {
            for (text, slot) in job {
                if !self.work_on(me, &mut bench, &text, &slot, on_event) {
                    return;
                }
            }
            self.wake_waiters();
        }
    }

    /// Does one text, with the next backend if this one dies over it. Whether the worker is still wanted.
    fn work_on(
        &self,
        me: u64,
        bench: &mut Bench,
        text: &Arc<str>,
        slot: &Arc<Slot>,
        on_event: &dyn Fn(Event<'_>),
    ) -> bool {
        loop {
            self.begin(me, text, slot);
            let start = self.clock.elapsed();
            let result = self.derive(bench, text);
            match self.end(me) {
                Ended::InTime => {}
                Ended::Spared => return true,
                Ended::Replaced => return false,
            }
            let cost_us = (self.clock.elapsed() - start).as_micros() as u64;
            let result = match result {
                // Loading the next backend is not the text's time.
                Err(Failure { why, dead: true }) if self.replace(bench, &why, on_event) => continue,
                Err(Failure { why, .. }) => Err(why),
                Ok(features) => Ok(Arc::new(TextFeatures { cost_us, ..features })),
            };
            self.fill(text, slot, result, on_event);
            return true;
        }
    }

    /// The features of a text, by the backend in use. What fails is tried again in a new session; a backend that can't do
    /// any more what it could do before is dead.
    fn derive(&self, bench: &mut Bench, text: &str) -> Result<TextFeatures, Failure> {
        let text = trim(text);
        let words = TextFeatures::derive(text).map_err(|why| Failure { why, dead: false })?;
        if let Some((ready, generation)) = self.in_use()
            && generation != bench.generation
        {
            *bench = Bench { ready, generation, session: None };
        }
        match bench.vector(text).or_else(|_| bench.vector(text)) {
            Ok(vector) => {
                self.in_a_row.store(0, Ordering::Relaxed);
                Ok(TextFeatures { vector, generation: bench.generation, ..words })
            }
            Err(why) => {
                let failures = self.in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
                Err(Failure { why, dead: failures >= DEAD_AFTER || bench.vector(TRIAL).is_err() })
            }
        }
    }

    /// Puts the next backend in the place of the one that a worker has found dead. Whether there is another one.
    fn replace(&self, bench: &Bench, why: &str, on_event: &dyn Fn(Event<'_>)) -> bool {
        let Some(fallback) = &bench.ready.fallback else { return false };
        let _one_at_a_time = lock(&self.replacing);
        if self.in_use().is_some_and(|(_, generation)| generation != bench.generation) {
            return true;
        }
        let loaded = catch_unwind(AssertUnwindSafe(|| fallback()));
        let (ready, label) = loaded.unwrap_or_else(|_| (Ready::without_model(Mode::Lexical), "words only".to_owned()));
        let next = (Arc::new(ready), bench.generation + 1);
        *self.ready.write().unwrap_or_else(PoisonError::into_inner) = Some(next);
        self.in_a_row.store(0, Ordering::Relaxed);
        self.cache.clear();
        on_event(Event::Replaced { why, label: &label });
        true
    }

    fn fill(
        &self,
        text: &Arc<str>,
        slot: &Slot,
        result: Result<Arc<TextFeatures>, String>,
        on_event: &dyn Fn(Event<'_>),
    ) {
        if let Err(why) = &result {
            self.cache.remove(text);
            self.failed.fetch_add(1, Ordering::Relaxed);
            on_event(Event::Failed(why));
        }
        if slot.result.set(result.map_err(Into::into)).is_ok() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.finished.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes what a worker is at; with words alone nobody can hang.
    fn begin(&self, worker: u64, text: &Arc<str>, slot: &Arc<Slot>) {
        if !self.cheap {
            let again = slot.tries.fetch_add(1, Ordering::Relaxed) > 0;
            let busy = Busy { text: Arc::clone(text), slot: Arc::clone(slot), ran: Duration::ZERO, again };
            lock(&self.busy).insert(worker, busy);
        }
    }

    fn end(&self, worker: u64) -> Ended {
        if self.cheap || lock(&self.busy).remove(&worker).is_some() {
            return Ended::InTime;
        }
        let hanging = self.hanging.fetch_sub(1, Ordering::Relaxed);
        if hanging > HANGING { Ended::Spared } else { Ended::Replaced }
    }

    /// Counts `ran` more to every text that a worker is at, and gives up those that take too long. Returns how many
    /// workers have to be replaced. In a replay (`patient`) a text is tried once more before it fails: the machine may
    /// have been busy with other things, and a verdict must not depend on that.
    pub fn supervise(&self, ran: Duration, patient: bool, on_event: &dyn Fn(Event<'_>)) -> usize {
        let mut late = Vec::new();
        let mut busy = lock(&self.busy);
        busy.retain(|_, job| {
            job.ran += ran;
            let over = job.ran > self.options.deadline;
            if over {
                late.push((Arc::clone(&job.text), Arc::clone(&job.slot), job.again));
            }
            !over
        });
        drop(busy);
        let mut replace = 0;
        for (text, slot, again) in late {
            let hanging = self.hanging.fetch_add(1, Ordering::Relaxed) + 1;
            if hanging <= HANGING {
                self.replaced.fetch_add(1, Ordering::Relaxed);
                replace += 1;
            }
            if patient && !again && hanging <= HANGING {
                lock(&self.queue).cheap.push_front(vec![(text, slot)]);
                self.work.notify_all();
            } else {
                self.fill(&text, &slot, Err("timeout".to_owned()), on_event);
            }
        }
        if self.hanging.load(Ordering::Relaxed) > HANGING {
            self.fail_all(on_event);
        }
        self.wake_waiters();
        replace
    }

    /// No worker is left: nobody waits for one.
    fn fail_all(&self, on_event: &dyn Fn(Event<'_>)) {
        let mut queue = lock(&self.queue);
        let mut texts: Vec<Text> = queue.cheap.drain(..).flatten().collect();
        let wanted = |(_, slot): &Text| slot.wanted.load(Ordering::Relaxed) > 0;
        texts.extend(std::iter::from_fn(|| queue.lanes.next()).filter(wanted));
        texts.iter().for_each(|(_, slot)| slot.begun.store(true, Ordering::Relaxed));
        drop(queue);
        for (text, slot) in texts {
            self.fill(&text, &slot, Err("timeout: no worker is left".to_owned()), on_event);
        }
        self.room.notify_all();
    }

    fn next(&self) -> Option<Vec<Text>> {
        let mut queue = lock(&self.queue);
        loop {
            if queue.closed {
                return None;
            }
            if let Some(job) = queue.cheap.pop_front() {
                return Some(job);
            }
            if let Some((text, slot)) = queue.lanes.next() {
                if queue.lanes.waiting() < self.options.queue {
                    self.room.notify_all();
                }
                if slot.wanted.load(Ordering::Relaxed) == 0 {
                    continue;
                }
                slot.begun.store(true, Ordering::Relaxed);
                return Some(vec![(text, slot)]);
            }
            queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Bench {
    /// The vector of a text; none where words are enough. After a failure the next text gets a new session: what one is
    /// like after a panic, nobody knows.
    fn vector(&mut self, text: &str) -> Result<Option<Vector>, String> {
        let result = catch_unwind(AssertUnwindSafe(|| self.embed(text)));
        let result = match result {
            Ok(result) => result.map_err(|error| error.to_string()),
            Err(panic) => Err(format!("panicked: {}", panic_text(&*panic))),
        };
        if result.is_err() {
            self.session = None;
        }
        result
    }

    fn embed(&mut self, text: &str) -> Result<Option<Vector>, ModelError> {
        let Some((backend, tokenizer)) = &self.ready.model else { return Ok(None) };
        let ids = tokenizer.ids(text)?;
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(backend.session()?),
        };
        session.embed(&ids).map(Some)
    }
}
