//! The way of a record, in threads. The only module that spawns.
//!
//! ```text
//! source ── lines ──► parse ── records ──► judge ──► sink, history ── updates ──► screen
//!                       └─► texts ─► embedding pool ─► features ─┘
//! ```
//!
//! Every stage is an OS thread that blocks on a bounded channel; a full channel holds back the stage before it, down
//! to the file, which is its own buffer. Nothing here runs on the screen's thread.

mod audit;
pub mod demo;
pub mod desk;
pub mod judge;
mod judging;
mod parse;
pub mod reading;
pub mod recording;
pub mod rule_files;
mod rule_saving;
pub mod rules_watch;
mod saving;
pub mod silencing;
mod supervise;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::clock::SharedClock;
use crate::engine::drift;
use crate::engine::embedding::earlier;
use crate::engine::embedding::pool::{self, Event, Pool};
use crate::engine::embedding::select;
use crate::history::Retention;
use crate::message::channel::{Receiver, Sender, Stats, WhenFull, channel};
use crate::message::{EngineReport, EngineState, Orders, Update};
use crate::record::{Limits, reader};
use crate::redact::Redact;
use crate::rules::RuleSet;
use crate::sink::ndjson::NdjsonSink;
use crate::sink::past::Past;
use crate::source::From;
use crate::source::checkpoint::{Checkpoint, Store};
use crate::source::ledger::{Ledger, Marks};
use crate::verdict::EngineKind;
use crate::verdict::policy::Policy;

pub use audit::{Reasons, who};
use rules_watch::InForce;
pub use saving::Written as SavedWritten;
use silencing::Silencing;

/// Batches that may wait between two stages.
const BATCHES: usize = 4;

/// Updates that may wait for the screen: each may hold hundreds of records.
const UPDATES: usize = 4;

/// One thing to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A file or a pattern such as `logs/*.ndjson`.
    Files(PathBuf),
    /// A named pipe, read to its end.
    Stream(PathBuf),
    /// Standard input.
    Stdin,
    /// A capture, whose records were read before.
    Capture(PathBuf),
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
    /// What the sources are to be read as.
    pub formats: Arc<reader::Options>,
    /// Labels that make the group key; empty for the default.
    pub key_paths: Vec<String>,
    /// Rules in force at the start.
    pub rules: Arc<RuleSet>,
    /// Where they come from, if they are to follow it.
    pub rules_watch: Option<rules_watch::Options>,
    /// From findings to advice.
    pub policy: Policy,
    /// Backend and model.
    pub embedding: select::Options,
    /// Bounds of the embedding pool.
    pub pool: pool::Options,
    /// Bounds of what is remembered of earlier answers.
    pub earlier: earlier::Options,
    /// Embedding workers.
    pub threads: usize,
    /// Each worker keeps to one core.
    pub pinned: bool,
    /// Bounds of the drift engine.
    pub drift: drift::Options,
    /// What is kept for the screen; `None` when there is none, and then no rows are sent.
    pub retention: Option<Retention>,
    /// Limits of risk that the summary counts by.
    pub risk_limits: Vec<f64>,
    /// Where verdicts are written.
    pub sink: Option<NdjsonSink>,
    /// Files that are written here, and never read.
    pub own: Vec<PathBuf>,
    /// Most that a packed file may unpack to, bytes.
    pub unpacked_bytes: u64,
    /// Where checkpoints are kept; `None` for no checkpoints.
    pub store: Option<Store>,
    /// What a former run has left.
    pub resume: Resume,
    /// What the engines know at the start, when no former run has left it.
    pub engines: Option<serde_json::Value>,
    /// How records are captured; `None` where nothing is.
    pub capture: Option<recording::Options>,
    /// Answers may be kept in checkpoints, to go on from.
    pub keep_texts: bool,
    /// What is to be in no checkpoint.
    pub redact: Arc<Redact>,
    /// Where silences are kept; `None` where nothing is told.
    pub silences: Option<silencing::Options>,
}

impl Options {
    /// A log judged from its first record to its last, with nothing written, kept or told, and the bounds as they are built
    /// in.
    pub fn of_log(log: PathBuf, rules: Arc<RuleSet>, backend: select::Choice) -> Self {
        Self {
            inputs: vec![Input::Files(log)],
            from: From::Start,
            follow: false,
            live: false,
            limits: Limits::default(),
            formats: Arc::default(),
            key_paths: Vec::new(),
            rules,
            rules_watch: None,
            policy: Policy::calibrated(),
            embedding: select::Options { backend, onnxruntime: None, model: None },
            pool: pool::Options::default(),
            earlier: earlier::Options::default(),
            threads: 1,
            pinned: false,
            drift: drift::Options::default(),
            retention: None,
            risk_limits: Vec::new(),
            sink: None,
            own: Vec::new(),
            unpacked_bytes: u64::MAX,
            store: None,
            resume: Resume::default(),
            engines: None,
            capture: None,
            keep_texts: true,
            redact: Arc::default(),
            silences: None,
        }
    }
}

/// What a former run has left.
#[derive(Debug, Default)]
pub struct Resume {
    /// Its checkpoint.
    pub checkpoint: Option<Box<Checkpoint>>,
    /// What it wrote after that.
    pub past: Past,
}

/// What all threads share.
#[derive(Clone)]
struct Shared {
    stop: Arc<Stop>,
    clock: SharedClock,
    pool: Arc<Pool>,
    ledger: Arc<Mutex<Ledger>>,
    updates: Sender<Update>,
    rules: InForce,
    /// Why rules were changed, for whoever writes the change down.
    reasons: Reasons,
    silencing: Silencing,
    orders: Orders,
}

impl Shared {
    fn stopped(&self) -> bool {
        self.stop.is_set()
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The wish that all ends.
#[derive(Default)]
struct Stop {
    set: AtomicBool,
    sleep: Mutex<()>,
    news: Condvar,
}

impl Stop {
    fn set(&self) {
        self.set.store(true, Ordering::Relaxed);
        drop(self.sleep.lock().unwrap_or_else(PoisonError::into_inner));
        self.news.notify_all();
    }

    fn is_set(&self) -> bool {
        self.set.load(Ordering::Relaxed)
    }

    /// Waits, but not beyond the end; whether it has come.
    fn wait(&self, most: Duration) -> bool {
        let sleep = self.sleep.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.news.wait_timeout_while(sleep, most, |()| !self.is_set()));
        self.is_set()
    }
}

/// A running pipeline.
pub struct Pipeline {
    updates: Receiver<Update>,
    handle: Handle,
    stages: Vec<Arc<Stats>>,
    reasons: Reasons,
}

/// Ends a pipeline.
#[derive(Clone)]
pub struct Handle {
    stop: Arc<Stop>,
    pool: Arc<Pool>,
    judge: Arc<Ended>,
    orders: Orders,
    silencing: Silencing,
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
    pub fn start(mut options: Options, clock: SharedClock) -> std::io::Result<Self> {
        let (updates_in, updates) = channel("updates", UPDATES, WhenFull::Block, &clock);
        let (lines_in, lines) = channel("lines", BATCHES, WhenFull::Block, &clock);
        let (records_in, records) = channel("records", BATCHES, WhenFull::Block, &clock);
        let pool = Pool::new(options.pool, options.embedding.backend.is_cheap(), Arc::clone(&clock));
        let ledger = Arc::new(Mutex::new(ledger(&options)));
        let rules = InForce::new(&options.rules);
        let pool = Arc::new(pool);
        let orders = Orders::default();
        let (stop, reasons) = (Arc::default(), Reasons::default());
        let silencing = Silencing::default();
        let shared = Shared { stop, clock, pool, ledger, updates: updates_in, rules, reasons, silencing, orders };
        let handle = Handle {
            stop: Arc::clone(&shared.stop),
            pool: Arc::clone(&shared.pool),
            judge: Arc::default(),
            orders: shared.orders.clone(),
            silencing: shared.silencing.clone(),
        };
        let ended = Arc::clone(&handle.judge);
        let reasons = shared.reasons.clone();

        embedding_threads(&shared, &options)?;
        supervise::start(&shared, &options)?;
        if let Some(silences) = options.silences.take() {
            silencing::start(&shared, silences)?;
        }
        if let Some(watch) = options.rules_watch.take() {
            rules_watch::start(&shared, watch)?;
        }
        let stages = vec![lines_in.stats(), records_in.stats(), shared.updates.stats()];
        let parser = parse::Stage::new(&options, reading::Stage::readers(&options.inputs), shared.clone());
        let reader = reading::Stage::new(&mut options, shared.clone());
        let judge = judging::Stage::new(options, shared.clone(), stages.clone());
        spawn("judge", move || {
            judge.run(&records);
            ended.set();
        })?;
        spawn("parse", move || parser.run(&lines, &records_in))?;
        reader.start(lines_in)?;
        Ok(Self { updates, handle, stages, reasons })
    }

    /// The counters of the queues: of lines, of records, of updates.
    pub fn stages(&self) -> Vec<Arc<Stats>> {
        self.stages.clone()
    }

    /// Where it is said why rules are changed, for whoever writes the change down.
    pub fn reasons(&self) -> Reasons {
        self.reasons.clone()
    }

    /// What happens, and the means to end it.
    pub fn split(self) -> (Receiver<Update>, Handle) {
        (self.updates, self.handle)
    }
}

impl Handle {
    /// Where the operator's wishes go.
    pub fn orders(&self) -> Orders {
        self.orders.clone()
    }

    /// Asks all threads to end; what is in flight is dropped. Threads that wait for the outside (a stalled pipe, an
    /// idle standard input) end with the process.
    pub fn stop(&self) {
        self.stop.set();
        self.silencing.wake();
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
    (0..options.threads.max(1)).try_for_each(|index| worker(shared, options.pinned.then_some(index)))
}

/// One worker; `pinned` says to which of the cores that the process may use.
fn worker(shared: &Shared, pinned: Option<usize>) -> std::io::Result<()> {
    let shared = shared.clone();
    let work = move || {
        if let Some(index) = pinned {
            keep_to_core(index);
        }
        shared.pool.work(&|event| match event {
            Event::Failed(why) => tracing::error!("embedding: {why}"),
            Event::Replaced { why, label } => {
                tracing::error!("embedding: the backend died, {label} takes over: {why}");
                let warnings = vec![format!("the backend died ({why}); {label} has taken over")];
                let state = EngineState::Running { label: label.to_owned(), warnings };
                let report = EngineReport { kind: EngineKind::Embedding, state };
                let _ = shared.updates.send(Update::Engine(report));
            }
        });
    };
    spawn("embed", work).map(drop)
}

/// Keeps the calling thread, and those it starts, to one of the cores that the process may use.
pub fn keep_to_core(index: usize) {
    let pin = || -> rustix::io::Result<()> {
        let allowed = rustix::thread::sched_getaffinity(None)?;
        let cores: Vec<usize> = (0..rustix::thread::CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect();
        let mut one = rustix::thread::CpuSet::new();
        one.set(cores[index % cores.len().max(1)]);
        rustix::thread::sched_setaffinity(None, &one)
    };
    if let Err(error) = pin() {
        tracing::warn!("embedding: a worker can't be kept to a core: {error}");
    }
}

fn ledger(options: &Options) -> Ledger {
    let marks = options.resume.checkpoint.as_ref().map_or_else(Marks::default, |found| found.marks.clone());
    let patterns = options.inputs.iter().filter_map(|input| match input {
        Input::Files(pattern) => Some(pattern.clone()),
        _ => None,
    });
    Ledger::new(marks, &options.own, &patterns.collect::<Vec<_>>())
}

/// Starts a thread: all of the program's begin here.
pub(crate) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(work)
}
