//! The pool: texts in, features out, in any order, on as many threads as call [`Pool::work`].
//!
//! The pool spawns nothing. The pipeline gives it threads, and a [`Ready`] backend once one is loaded; until then
//! texts wait in the queue. How many can wait is bounded by the records that the pipeline holds.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use super::cache::TextCache;
use super::lexical::Words;
use super::model::{Backend, Embedder};
use super::tokenize::TextTokenizer;
use super::{Mode, TextFeatures, TextResult};
use crate::clock::SharedClock;
use crate::record::Record;

/// Texts that one job takes when there is no model to run: words cost microseconds, a queue entry should not.
const CHEAP_CHUNK: usize = 64;

/// Where the features of a text will stand.
#[derive(Debug, Default)]
pub struct Slot(OnceLock<TextResult>);

/// A text that was asked for.
#[derive(Debug, Clone)]
pub struct Ticket {
    slot: Arc<Slot>,
    /// This call queued it: its cost belongs to this record.
    pub fresh: bool,
}

impl Ticket {
    /// Whether the features are there.
    pub fn is_done(&self) -> bool {
        self.slot.0.get().is_some()
    }
}

/// A backend that can be worked with.
#[derive(Clone)]
pub struct Ready {
    /// What is computed.
    pub mode: Mode,
    /// The contract's word for it.
    pub name: Arc<str>,
    /// Model and tokenizer; `None` when words are enough.
    pub model: Option<(Arc<dyn Backend>, Arc<TextTokenizer>)>,
}

struct Queue {
    jobs: VecDeque<Vec<(Arc<str>, Arc<Slot>)>>,
    closed: bool,
}

/// What the pool has done, for the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolCounts {
    /// Texts waiting.
    pub waiting: u64,
    /// Texts computed.
    pub done: u64,
    /// Texts that failed.
    pub failed: u64,
    /// Texts found in the cache.
    pub hits: u64,
    /// Texts not found in it.
    pub misses: u64,
    /// Bytes in the cache.
    pub cache_bytes: u64,
}

/// The pool.
pub struct Pool {
    queue: Mutex<Queue>,
    /// A job was queued, or the pool closed.
    work: Condvar,
    /// A slot was filled, a backend became ready, or the pool closed.
    done: Condvar,
    /// Guards nothing but the sleep of those who wait for `done`.
    sleep: Mutex<()>,
    ready: OnceLock<Ready>,
    cheap: bool,
    cache: TextCache,
    waiting: AtomicU64,
    finished: AtomicU64,
    failed: AtomicU64,
    clock: SharedClock,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A worker that panics holds no lock while it computes; what is behind the lock is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    /// An empty pool. `cheap` says that no model is expected, so that texts are queued in larger pieces.
    pub fn new(cache_bytes: u64, cheap: bool, clock: SharedClock) -> Self {
        Self {
            queue: Mutex::new(Queue { jobs: VecDeque::new(), closed: false }),
            work: Condvar::new(),
            done: Condvar::new(),
            sleep: Mutex::new(()),
            ready: OnceLock::new(),
            cheap,
            cache: TextCache::new(cache_bytes),
            waiting: AtomicU64::new(0),
            finished: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            clock,
        }
    }

    /// Says which backend the workers use. The first call counts.
    pub fn set_ready(&self, ready: Ready) {
        let _ = self.ready.set(ready);
        self.wake_waiters();
    }

    /// The backend, once it is known; `None` when the pool was closed before.
    pub fn wait_ready(&self) -> Option<Ready> {
        self.wait_for(|| self.ready.get().cloned())
    }

    /// Asks for the features of every sample of the records that have several.
    pub fn submit<'a>(&self, records: impl IntoIterator<Item = &'a Record>) -> Vec<Vec<Ticket>> {
        let mut jobs: Vec<(Arc<str>, Arc<Slot>)> = Vec::new();
        let tickets = records
            .into_iter()
            .map(|record| {
                let samples = if record.samples.len() < 2 { &[][..] } else { &record.samples[..] };
                samples.iter().map(|text| self.ticket(text, &mut jobs)).collect()
            })
            .collect();
        if !jobs.is_empty() {
            self.waiting.fetch_add(jobs.len() as u64, Ordering::Relaxed);
            let chunk = if self.cheap { CHEAP_CHUNK } else { 1 };
            let mut queue = lock(&self.queue);
            let mut jobs = jobs.into_iter().peekable();
            while jobs.peek().is_some() {
                queue.jobs.push_back(jobs.by_ref().take(chunk).collect());
            }
            drop(queue);
            self.work.notify_all();
        }
        tickets
    }

    fn ticket(&self, text: &Arc<str>, jobs: &mut Vec<(Arc<str>, Arc<Slot>)>) -> Ticket {
        if let Some(slot) = self.cache.get(text) {
            return Ticket { slot, fresh: false };
        }
        let slot = Arc::new(Slot::default());
        self.cache.insert(Arc::clone(text), Arc::clone(&slot));
        jobs.push((Arc::clone(text), Arc::clone(&slot)));
        Ticket { slot, fresh: true }
    }

    /// The features, once they are there; `None` when the pool was closed before.
    pub fn wait(&self, ticket: &Ticket) -> Option<TextResult> {
        self.wait_for(|| ticket.slot.0.get().cloned())
    }

    fn wait_for<T>(&self, ask: impl Fn() -> Option<T>) -> Option<T> {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        let mut sleep = lock(&self.sleep);
        loop {
            if let Some(answer) = ask() {
                return Some(answer);
            }
            if lock(&self.queue).closed {
                return None;
            }
            sleep = self.done.wait(sleep).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn wake_waiters(&self) {
        // Taking the lock makes sure that nobody is between asking and going to sleep.
        drop(lock(&self.sleep));
        self.done.notify_all();
    }

    /// Ends all waiting: workers return, who waits for a text gets `None`.
    pub fn close(&self) {
        lock(&self.queue).closed = true;
        self.work.notify_all();
        self.wake_waiters();
    }

    /// What the pool has done.
    pub fn counts(&self) -> PoolCounts {
        let (hits, misses) = self.cache.counts();
        PoolCounts {
            waiting: self.waiting.load(Ordering::Relaxed),
            done: self.finished.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            hits,
            misses,
            cache_bytes: self.cache.bytes(),
        }
    }

    /// One worker: takes texts until the pool closes. `on_failure` hears of every text that failed.
    pub fn work(&self, on_failure: &dyn Fn(&str)) {
        let Some(ready) = self.wait_ready() else { return };
        let mut session: Option<Box<dyn Embedder>> = None;
        while let Some(job) = self.next() {
            for (text, slot) in job {
                let start = self.clock.elapsed();
                let result = catch_unwind(AssertUnwindSafe(|| features(&ready, &mut session, &text)));
                let result = result.unwrap_or_else(|panic| {
                    // What a session is like after a panic, nobody knows: the next text gets a new one.
                    session = None;
                    Err(format!("panicked: {}", panic_text(&*panic)))
                });
                let cost_us = (self.clock.elapsed() - start).as_micros() as u64;
                let result = match result {
                    Ok((vector, words)) => Ok(Arc::new(TextFeatures { vector, words, cost_us })),
                    Err(why) => {
                        self.cache.remove(&text);
                        self.failed.fetch_add(1, Ordering::Relaxed);
                        on_failure(&why);
                        Err(why.into())
                    }
                };
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                self.finished.fetch_add(1, Ordering::Relaxed);
                let _ = slot.0.set(result);
            }
            self.wake_waiters();
        }
    }

    fn next(&self) -> Option<Vec<(Arc<str>, Arc<Slot>)>> {
        let mut queue = lock(&self.queue);
        loop {
            if queue.closed {
                return None;
            }
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

type Features = (Option<super::model::Vector>, Words);

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

/// The words of a panic, if it has any.
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use bytes::Bytes;

    use super::super::model::{ModelError, Vector};
    use super::*;
    use crate::clock::SystemClock;
    use crate::record::native::Parser;
    use crate::record::{Limits, Origin, Seq};

    /// Embeds a text as its number of tokens; panics on one word, fails on another.
    struct Fake(Arc<AtomicUsize>);
    struct FakeSession(Arc<AtomicUsize>);

    impl Backend for Fake {
        fn name(&self) -> &'static str {
            "fake"
        }
        fn session(&self) -> Result<Box<dyn Embedder>, ModelError> {
            Ok(Box::new(FakeSession(Arc::clone(&self.0))))
        }
    }

    impl Embedder for FakeSession {
        fn embed(&mut self, ids: &[u32]) -> Result<Vector, ModelError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            match ids.len() {
                3 => panic!("three tokens"),
                4 => Err(ModelError::Run("four tokens".into())),
                n => Ok(vec![n as f32].into()),
            }
        }
    }

    const TOKENIZER: &str = r###"{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":null,
        "pre_tokenizer":{"type":"Whitespace"},"post_processor":null,"decoder":null,
        "model":{"type":"WordLevel","vocab":{"[UNK]":0},"unk_token":"[UNK]"}}"###;

    fn record(samples: &[&str]) -> Record {
        let line = serde_json::json!({ "samples": samples }).to_string();
        let origin = Origin { source: "s".into(), file: "f".into(), offset: 0, line: None, part: 0 };
        Parser::new(Limits::default(), &[]).parse(Seq(0), origin, Bytes::from(line)).unwrap()
    }

    fn run(samples: &[&str]) -> (Vec<Result<f32, String>>, usize, Vec<String>) {
        let pool = Pool::new(1 << 20, false, SystemClock::shared());
        let calls = Arc::new(AtomicUsize::new(0));
        let failures = Mutex::new(Vec::new());
        let tokenizer = TextTokenizer::from_bytes(TOKENIZER.as_bytes()).unwrap();
        let results = std::thread::scope(|scope| {
            let worker = || pool.work(&|why| lock(&failures).push(why.to_owned()));
            scope.spawn(worker);
            scope.spawn(worker);
            let tickets = pool.submit([&record(samples)]);
            pool.set_ready(Ready {
                mode: Mode::Neural,
                name: "fake".into(),
                model: Some((Arc::new(Fake(Arc::clone(&calls))), Arc::new(tokenizer))),
            });
            let read = |t| pool.wait(t).unwrap().map(|f| f.vector.as_ref().unwrap()[0]).map_err(|e| e.to_string());
            let results = tickets[0].iter().map(read).collect();
            pool.close();
            results
        });
        (results, calls.load(Ordering::Relaxed), failures.into_inner().unwrap())
    }

    #[test]
    fn a_text_is_embedded_once_however_often_it_is_asked_for() {
        let (results, calls, _) = run(&["a b", "a", "a b", "a b"]);
        assert_eq!(results, [Ok(2.0), Ok(1.0), Ok(2.0), Ok(2.0)]);
        assert_eq!(calls, 2);
    }

    #[test]
    fn failures_and_panics_are_named_and_the_rest_goes_on() {
        let (results, _, failures) = run(&["a b c", "a b c d", "a", "b"]);
        assert_eq!(results[0], Err("panicked: three tokens".to_owned()));
        assert_eq!(results[1], Err("inference failed: four tokens".to_owned()));
        assert_eq!(results[2..], [Ok(1.0), Ok(1.0)]);
        assert_eq!(failures.len(), 2);
    }

    #[test]
    fn closing_ends_all_waiting() {
        let pool = Pool::new(1 << 20, false, SystemClock::shared());
        let tickets = pool.submit([&record(&["a", "b"])]);
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| pool.wait(&tickets[0][0]).is_none());
            pool.close();
            assert!(waiter.join().unwrap());
        });
        assert!(pool.wait_ready().is_none());
    }
}
