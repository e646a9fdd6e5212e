//! The way of a record, in threads. The only module that spawns.
//!
//! ```text
//! source ── lines ──► parse ── records ──► judge ──► sink, history ── updates ──► screen
//!                       └─► texts ─► embedding pool ─► features ─┘
//! ```
//!
//! Every stage is an OS thread that blocks on a bounded channel; a full channel holds back the stage before it, down
//! to the file, which is its own buffer. Nothing here runs on the screen's thread.

pub mod demo;
pub mod judge;
mod judging;
mod parse;
pub mod reading;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::clock::SharedClock;
use crate::engine::drift;
use crate::engine::embedding::pool::Pool;
use crate::engine::embedding::select;
use crate::history::Retention;
use crate::message::channel::{Receiver, Sender, WhenFull, channel};
use crate::message::{EngineReport, EngineState, Update};
use crate::record::Limits;
use crate::rules::RuleSet;
use crate::sink::ndjson::NdjsonSink;
use crate::source::From;
use crate::verdict::EngineKind;
use crate::verdict::policy::Policy;

/// Batches that may wait between two stages.
const BATCHES: usize = 4;

/// Updates that may wait for the screen.
const UPDATES: usize = 64;

/// One thing to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A file or a pattern such as `logs/*.ndjson`.
    Files(PathBuf),
    /// A named pipe, read to its end.
    Stream(PathBuf),
    /// Standard input.
    Stdin,
}

/// What is to be done.
pub struct Options {
    /// What is read.
    pub inputs: Vec<Input>,
    /// Where reading starts.
    pub from: From,
    /// Go on when the end is reached.
    pub follow: bool,
    /// A record without a time gets the time of reading, and slow validation counts.
    pub live: bool,
    /// Bounds on a record.
    pub limits: Limits,
    /// Labels that make the group key; empty for the default.
    pub key_paths: Vec<String>,
    /// Rules in force.
    pub rules: Arc<RuleSet>,
    /// From findings to advice.
    pub policy: Policy,
    /// Backend and model.
    pub embedding: select::Options,
    /// Bytes of the cache of texts.
    pub cache_bytes: u64,
    /// Embedding workers.
    pub threads: usize,
    /// Bounds of the drift engine.
    pub drift: drift::Options,
    /// What is kept for the screen; `None` when there is none, and then no rows are sent.
    pub retention: Option<Retention>,
    /// Limits of risk that the summary counts by.
    pub risk_limits: Vec<f64>,
    /// Where verdicts are written.
    pub sink: Option<NdjsonSink>,
}

/// What all threads share.
#[derive(Clone)]
struct Shared {
    stop: Arc<AtomicBool>,
    clock: SharedClock,
    pool: Arc<Pool>,
    updates: Sender<Update>,
}

impl Shared {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// A running pipeline.
pub struct Pipeline {
    updates: Receiver<Update>,
    handle: Handle,
}

/// Ends a pipeline.
#[derive(Clone)]
pub struct Handle {
    stop: Arc<AtomicBool>,
    pool: Arc<Pool>,
    judge: Arc<Ended>,
}

/// Whether a thread has come to its end.
#[derive(Default)]
struct Ended {
    ended: Mutex<bool>,
    news: Condvar,
}

impl Ended {
    fn set(&self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.news.notify_all();
    }

    fn wait(&self, most: Duration) {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.news.wait_timeout_while(ended, most, |ended| !*ended);
    }
}

impl Pipeline {
    /// Starts all threads.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub fn start(options: Options, clock: SharedClock) -> std::io::Result<Self> {
        let (updates_in, updates) = channel("updates", UPDATES, WhenFull::Block);
        let pool = Pool::new(options.cache_bytes, options.embedding.backend.is_cheap(), Arc::clone(&clock));
        let shared = Shared { stop: Arc::default(), clock, pool: Arc::new(pool), updates: updates_in };
        let (lines_in, lines) = channel("lines", BATCHES, WhenFull::Block);
        let (records_in, records) = channel("records", BATCHES, WhenFull::Block);
        let handle = Handle { stop: Arc::clone(&shared.stop), pool: Arc::clone(&shared.pool), judge: Arc::default() };
        let ended = Arc::clone(&handle.judge);

        embedding_threads(&shared, &options)?;
        let stages = vec![lines_in.stats(), records_in.stats(), shared.updates.stats()];
        let parser = parse::Stage::new(&options, shared.clone());
        let reader = reading::Stage::new(&options, shared.clone());
        let judge = judging::Stage::new(options, shared.clone(), stages);
        spawn("judge", move || {
            judge.run(&records);
            ended.set();
        })?;
        spawn("parse", move || parser.run(&lines, &records_in))?;
        reader.start(lines_in)?;
        Ok(Self { updates, handle })
    }

    /// What happens, and the means to end it.
    pub fn split(self) -> (Receiver<Update>, Handle) {
        (self.updates, self.handle)
    }
}

impl Handle {
    /// Asks all threads to end; what is in flight is dropped. Threads that wait for the outside (a stalled pipe, an
    /// idle standard input) end with the process.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.pool.close();
    }

    /// The same, and waits until what was judged is written: no line of the output is torn. Not for longer than `most`,
    /// since the output may be a pipe that nobody reads.
    pub fn finish(&self, most: Duration) {
        self.stop();
        self.judge.wait(most);
    }
}

/// One thread that loads the backend, and the workers that wait for it.
fn embedding_threads(shared: &Shared, options: &Options) -> std::io::Result<()> {
    let loader = shared.clone();
    let select = options.embedding.clone();
    let report = |state| Update::Engine(EngineReport { kind: EngineKind::Embedding, state });
    spawn("load", move || {
        if !select.backend.is_cheap() {
            let _ = loader.updates.send(report(EngineState::Loading));
        }
        let selected = select::select(&select);
        for warning in &selected.warnings {
            tracing::warn!("{warning}");
        }
        tracing::info!(backend = %selected.ready.name, "{}", selected.label);
        let state = EngineState::Running { label: selected.label, warnings: selected.warnings };
        let _ = loader.updates.send(report(state));
        loader.pool.set_ready(selected.ready);
    })?;
    for number in 0..options.threads.max(1) {
        let shared = shared.clone();
        spawn(&format!("embed-{number}"), move || {
            shared.pool.work(&|why| {
                tracing::error!("embedding: {why}");
            });
        })?;
    }
    Ok(())
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(work)
}
