//! First stage: files and standard input to batches of lines. One thread looks at all files in turn, so that a loud
//! one does not starve a quiet one; standard input has a thread of its own, since reading it can't be interrupted.

mod captured;
mod rebuild;
mod streams;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver as WakeReceiver, SyncSender, sync_channel};
use std::time::Duration;

use jiff::Timestamp;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::{Input, Options, Shared, spawn};
use crate::message::channel::Sender;
use crate::message::{SourceReport, SourceState, Update};
use crate::record::Record;
use crate::sink::past::Judged;
use crate::source::ledger::{Known, absolute};
use crate::source::lines::batch;
use crate::source::tail::{self, Look, Tail};
use crate::source::{From, LineBatch};
use crate::verdict::Divergence;

/// Files are looked at this often, notified or not.
const POLL: Duration = Duration::from_millis(100);

/// Patterns are looked at this often for new files, and reports are renewed.
const RESCAN: Duration = Duration::from_millis(500);

/// What is read.
pub(super) enum Read {
    /// Lines that are new.
    Lines(LineBatch),
    /// A line whose verdict, with this number and of this part, is written: read again for what the engines learn of it.
    Known(LineBatch, u64, u32),
    /// Records that were read before.
    Records(Records),
    /// This source has come to its end.
    Ended(Arc<str>),
    /// There are no more of those, and all files that are there at the start are known.
    Rebuilt,
    /// This reader has reached the end once.
    CaughtUp,
    /// Nothing has come for a while, and it is so late by the wall clock.
    Idle(Timestamp),
}

/// Records of a capture.
pub(super) struct Records {
    /// They, with what is known of their answers where these were not captured.
    pub records: Vec<(Record, Option<Divergence>)>,
    /// The source, as the user named it.
    pub source: Arc<str>,
    /// When they were read, by the steady clock.
    pub read_at: Duration,
    /// The same by the wall clock.
    pub read_ts: Timestamp,
}

pub(super) struct Stage {
    inputs: Vec<Input>,
    options: tail::Options,
    rebuild: VecDeque<Judged>,
    shared: Shared,
}

impl Stage {
    pub fn new(options: &mut Options, shared: Shared) -> Self {
        Self {
            inputs: options.inputs.clone(),
            options: tail::Options {
                from: options.from,
                follow: options.follow,
                line_bytes: options.limits.line_bytes,
                unpacked_bytes: options.unpacked_bytes,
            },
            rebuild: std::mem::take(&mut options.resume.past.verdicts),
            shared,
        }
    }

    /// Readers, each of which says when it has reached the end: all files have one together.
    pub fn readers(inputs: &[Input]) -> usize {
        // A pipe that nobody writes to must not hold the files back: beside them it is not asked.
        let files = inputs.iter().any(|input| matches!(input, Input::Files(_)));
        if files { 1 } else { inputs.len() }
    }

    /// Starts the threads; they end when the input does, when nobody wants more, or when they are stopped.
    pub fn start(self, lines: Sender<Read>) -> std::io::Result<()> {
        let mut patterns: Vec<PathBuf> = Vec::new();
        let asked = !self.inputs.iter().any(|input| matches!(input, Input::Files(_)));
        for input in self.inputs {
            match input {
                Input::Files(pattern) => patterns.push(pattern),
                Input::Capture(path) => captured::start(path, self.shared.clone(), &self.options, lines.clone())?,
                stream => streams::start(stream, self.shared.clone(), self.options.line_bytes, lines.clone(), asked)?,
            }
        }
        if !patterns.is_empty() {
            let files = Files {
                patterns,
                options: self.options,
                tails: Vec::new(),
                states: RefCell::default(),
                shared: self.shared,
            };
            spawn("source", move || files.run(self.rebuild, &lines))?;
        }
        Ok(())
    }
}

struct Files {
    patterns: Vec<PathBuf>,
    options: tail::Options,
    tails: Vec<Tail>,
    states: RefCell<HashMap<Arc<str>, SourceState>>,
    shared: Shared,
}

impl Files {
    fn run(mut self, rebuild: VecDeque<Judged>, lines: &Sender<Read>) {
        let (wake_in, wake) = sync_channel(1);
        let mut watcher = watcher(wake_in);
        // What is there at the start is entered where the user said; what comes later is new from its first byte.
        self.take_left_behind();
        self.scan(self.options.from, &mut watcher);
        if self.rebuild(rebuild, lines).is_none() {
            return;
        }
        let mut scanned = self.shared.clock.elapsed();
        let mut caught_up = false;
        while !self.shared.stopped() {
            let now = self.shared.clock.elapsed();
            let due = now - scanned >= RESCAN;
            if due && self.options.follow {
                self.scan(From::Start, &mut watcher);
                scanned = now;
            }
            let Some(busy) = self.look(lines, due) else { return };
            if !caught_up && self.tails.iter().all(Tail::is_caught_up) {
                caught_up = true;
                if lines.send(Read::CaughtUp).is_err() {
                    return;
                }
            }
            match busy {
                true => {}
                // Time goes on for windows too that nothing comes for, and whoever wants something is heard.
                false if due && caught_up && self.options.follow && self.wants_idle() => {
                    if lines.send(Read::Idle(self.shared.clock.now())).is_err() {
                        return;
                    }
                    wait(&wake);
                }
                false if self.tails.is_empty() && !self.options.follow => return,
                false => wait(&wake),
            }
        }
    }

    fn wants_idle(&self) -> bool {
        self.shared.orders.want_a_turn() || self.shared.rules.get().has_windows()
    }

    /// Adds the files that a pattern has matched in a former run, and that were renamed out of it since.
    fn take_left_behind(&mut self) {
        let left = if self.options.follow { self.shared.ledger().left_behind() } else { Vec::new() };
        let named = |path: &PathBuf| self.patterns.iter().any(|pattern| absolute(pattern) == *path);
        for path in left.into_iter().filter(|path| !named(path)) {
            let name: Arc<str> = path.to_string_lossy().into();
            self.tails.push(Tail::new(path, name, self.options));
        }
    }

    /// Adds the files that patterns have come to match. A plain path is added even if it is not there: it is waited for.
    fn scan(&mut self, from: From, watcher: &mut Option<RecommendedWatcher>) {
        let mut entered = HashSet::new();
        for pattern in &self.patterns {
            let files = expand(pattern);
            self.report_pattern(pattern, files.is_empty());
            for path in oldest_first(files) {
                let known = self.tails.iter().any(|tail| absolute(tail.path()) == absolute(&path));
                if known || !self.is_new(&path, pattern) {
                    continue;
                }
                // One file under two names (`log` and `./log`, a link beside it) is read once.
                if std::fs::metadata(&path).is_ok_and(|meta| !entered.insert((meta.dev(), meta.ino()))) {
                    continue;
                }
                let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
                if let Some(watcher) = watcher
                    && let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive)
                {
                    tracing::debug!("not notified of {}: {error}", folder.display());
                }
                let name: Arc<str> = path.to_string_lossy().into();
                self.tails.push(Tail::new(path, name, tail::Options { from, ..self.options }));
            }
        }
    }

    /// Whether a file is to be read under this name: not while it is read under another one (a pattern also matches
    /// what was rotated away), and not if it is written here.
    fn is_new(&self, path: &Path, pattern: &Path) -> bool {
        let ledger = self.shared.ledger();
        if ledger.is_own(path) {
            return false;
        }
        match tail::known(path, !self.options.follow, &ledger) {
            Known::Held => false,
            Known::Copy | Known::Unclear => path == pattern,
            Known::New | Known::To(_) => true,
        }
    }

    /// A pattern that matches nothing yet is waited for like a file that is not there, and said.
    fn report_pattern(&self, pattern: &Path, empty: bool) {
        if !empty && self.tails.iter().any(|tail| tail.path() == pattern) {
            return;
        }
        let name: Arc<str> = pattern.to_string_lossy().into();
        let waited = matches!(self.states.borrow().get(&name), Some(SourceState::Waiting(_)));
        if waited == empty || (!empty && !waited) {
            return;
        }
        let state = if empty { SourceState::Waiting("no file matches yet".into()) } else { SourceState::Following };
        self.report(&name, state, 0, 0);
    }

    /// Says how a source is; whether anybody listens.
    fn report(&self, name: &Arc<str>, state: SourceState, read: u64, behind: u64) -> Option<()> {
        let at = self.shared.clock.now();
        let report = SourceReport { name: Arc::clone(name), state: state.clone(), read, behind, at };
        self.states.borrow_mut().insert(Arc::clone(name), state);
        self.shared.updates.send(Update::Source(report)).ok()
    }

    /// Looks at every file once. `Some(true)` if anything was read, `None` when nobody wants more.
    fn look(&mut self, lines: &Sender<Read>, renew: bool) -> Option<bool> {
        let mut busy = false;
        let mut ended = Vec::new();
        for index in 0..self.tails.len() {
            let tail = &mut self.tails[index];
            let name = Arc::clone(tail.name());
            let mut found = Vec::new();
            let clock = &self.shared.clock;
            let take = |file: &Arc<str>, cut| found.push((Arc::clone(file), cut));
            let look = tail.look(clock.elapsed(), &mut self.shared.ledger(), take);
            for (file, cut) in found {
                lines.send(Read::Lines(batch(&name, &file, cut, clock.elapsed(), clock.now()))).ok()?;
            }
            for notice in tail.notices() {
                self.shared.updates.send(Update::Notice(notice)).ok()?;
            }
            busy |= look == Look::More;
            let (read, behind, gone) = (tail.read_bytes(), tail.behind(), tail.is_gone());
            let named = self.patterns.iter().any(|pattern| pattern == tail.path());
            let state = match look {
                Look::More => SourceState::Reading,
                Look::Idle => SourceState::Following,
                // What a pattern has matched and is no more is forgotten; what was named is waited for.
                Look::Waiting(_) if gone && !named => SourceState::Ended,
                Look::Waiting(why) if self.options.follow => SourceState::Waiting(why),
                Look::Waiting(why) => SourceState::Failed(why),
                Look::Ended => SourceState::Ended,
            };
            if matches!(state, SourceState::Ended | SourceState::Failed(_)) {
                ended.push(index);
            }
            let changed = self.states.borrow().get(&name) != Some(&state);
            if changed || (renew && state == SourceState::Reading) {
                self.report(&name, state, read, behind)?;
            }
        }
        for index in ended.into_iter().rev() {
            let tail = self.tails.remove(index);
            lines.send(Read::Ended(Arc::clone(tail.name()))).ok()?;
        }
        Some(busy)
    }
}

fn wait(wake: &WakeReceiver<()>) {
    // A notification or the time to look anyway: both end the wait.
    let _ = wake.recv_timeout(POLL);
}

/// Without notifications (no room for another watch, an unusual file system) looking alone does it.
fn watcher(wake: SyncSender<()>) -> Option<RecommendedWatcher> {
    let notified = move |event: notify::Result<notify::Event>| {
        // To look is to open and to read: that is no news. A full channel means that a look is due already.
        if !event.is_ok_and(|event| event.kind.is_access()) {
            let _ = wake.try_send(());
        }
    };
    notify::recommended_watcher(notified).map_err(|error| tracing::warn!("no notifications: {error}")).ok()
}

/// The files that a pattern names: itself, unless it has wildcards and no file is called so.
pub fn expand(pattern: &Path) -> Vec<PathBuf> {
    let text = pattern.to_string_lossy();
    if pattern.exists() || !text.contains(['*', '?', '[']) {
        return vec![pattern.to_owned()];
    }
    glob::glob(&text).map(|found| found.filter_map(Result::ok).collect()).unwrap_or_default()
}

/// What was rotated away is read before what took its place.
fn oldest_first(mut files: Vec<PathBuf>) -> Vec<PathBuf> {
    let changed = |path: &PathBuf| std::fs::metadata(path).map_or((i64::MAX, 0), |m| (m.mtime(), m.mtime_nsec()));
    files.sort_by_cached_key(|path| (changed(path), path.clone()));
    files
}
