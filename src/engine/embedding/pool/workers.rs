//! What the threads of the pool do: take a text, derive its features, and be replaced when they hang.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::{Busy, HANGING, Pool, Ready, Slot, Text, lock, panic_text};
use crate::engine::embedding::TextFeatures;
use crate::engine::embedding::lexical::Words;
use crate::engine::embedding::model::{Embedder, Vector};

/// How a worker's time with a text ended.
enum Ended {
    /// As it should.
    InTime,
    /// Too late: the text has failed, and there is another worker.
    Replaced,
    /// Too late, but so many hang that there was no other one.
    Spared,
}

impl Pool {
    /// One worker: takes texts until the pool closes, or until it was replaced. `on_failure` hears of every text that
    /// failed.
    pub fn work(&self, on_failure: &dyn Fn(&str)) {
        let Some(ready) = self.wait_ready() else { return };
        let me = self.workers.fetch_add(1, Ordering::Relaxed);
        let mut session: Option<Box<dyn Embedder>> = None;
        while let Some(job) = self.next() {
            for (text, slot) in job {
                self.begin(me, &text, &slot);
                let start = self.clock.elapsed();
                let result = catch_unwind(AssertUnwindSafe(|| features(&ready, &mut session, &text)));
                let result = result.unwrap_or_else(|panic| {
                    // What a session is like after a panic, nobody knows: the next text gets a new one.
                    session = None;
                    Err(format!("panicked: {}", panic_text(&*panic)))
                });
                match self.end(me) {
                    Ended::InTime => {}
                    Ended::Spared => continue,
                    Ended::Replaced => return,
                }
                let cost_us = (self.clock.elapsed() - start).as_micros() as u64;
                let result = result.map(|(vector, words)| Arc::new(TextFeatures { vector, words, cost_us }));
                self.fill(&text, &slot, result, on_failure);
            }
            self.wake_waiters();
        }
    }

    fn fill(&self, text: &Arc<str>, slot: &Slot, result: Result<Arc<TextFeatures>, String>, on_failure: &dyn Fn(&str)) {
        if let Err(why) = &result {
            self.cache.remove(text);
            self.failed.fetch_add(1, Ordering::Relaxed);
            on_failure(why);
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
    pub fn supervise(&self, ran: Duration, patient: bool, on_failure: &dyn Fn(&str)) -> usize {
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
                self.fill(&text, &slot, Err("timeout".to_owned()), on_failure);
            }
        }
        if self.hanging.load(Ordering::Relaxed) > HANGING {
            self.fail_all(on_failure);
        }
        self.wake_waiters();
        replace
    }

    /// No worker is left: nobody waits for one.
    fn fail_all(&self, on_failure: &dyn Fn(&str)) {
        let mut queue = lock(&self.queue);
        let mut texts: Vec<Text> = queue.cheap.drain(..).flatten().collect();
        let wanted = |(_, slot): &Text| slot.wanted.load(Ordering::Relaxed) > 0;
        texts.extend(std::iter::from_fn(|| queue.lanes.next()).filter(wanted));
        texts.iter().for_each(|(_, slot)| slot.begun.store(true, Ordering::Relaxed));
        drop(queue);
        for (text, slot) in texts {
            self.fill(&text, &slot, Err("timeout: no worker is left".to_owned()), on_failure);
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

type Features = (Option<Vector>, Words);

fn features(ready: &Ready, session: &mut Option<Box<dyn Embedder>>, text: &str) -> Result<Features, String> {
    let words = Words::of(text);
    let Some((backend, tokenizer)) = &ready.model else { return Ok((None, words)) };
    let ids = tokenizer.ids(text).map_err(|e| e.to_string())?;
    let session = match session {
        Some(session) => session,
        none => none.insert(backend.session().map_err(|e| e.to_string())?),
    };
    let vector = session.embed(&ids).map_err(|e| e.to_string())?;
    Ok((Some(vector), words))
}
