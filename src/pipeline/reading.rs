//! First stage: files and standard input to batches of lines. One thread looks at all files in turn, so that a loud
//! one does not starve a quiet one; standard input has a thread of its own, since reading it can't be interrupted.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver as WakeReceiver, SyncSender, sync_channel};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::{Input, Options, Shared, spawn};
use crate::message::channel::Sender;
use crate::message::{SourceReport, SourceState, Update};
use crate::source::identity::Identity;
use crate::source::lines::batch;
use crate::source::tail::{Look, Tail};
use crate::source::{From, LineBatch, stdin};

/// Files are looked at this often, notified or not.
const POLL: Duration = Duration::from_millis(100);

/// Patterns are looked at this often for new files, and reports are renewed.
const RESCAN: Duration = Duration::from_millis(500);

/// Files whose positions are remembered; past it they are forgotten.
const KNOWN: usize = 65_536;

pub(super) struct Stage {
    inputs: Vec<Input>,
    from: From,
    follow: bool,
    limit: usize,
    shared: Shared,
}

impl Stage {
    pub fn new(options: &Options, shared: Shared) -> Self {
        Self {
            inputs: options.inputs.clone(),
            from: options.from,
            follow: options.follow,
            limit: options.limits.line_bytes,
            shared,
        }
    }

    /// Starts the threads; they end when the input does, when nobody wants more, or when they are stopped.
    pub fn start(self, lines: Sender<LineBatch>) -> std::io::Result<()> {
        let mut patterns: Vec<PathBuf> = Vec::new();
        for input in &self.inputs {
            let (shared, limit, lines) = (self.shared.clone(), self.limit, lines.clone());
            match input {
                Input::Files(pattern) => patterns.push(pattern.clone()),
                Input::Stdin => {
                    let read = move || read_stream("-", || Ok(std::io::stdin().lock()), &shared, limit, &lines);
                    spawn("stdin", read).map(drop)?;
                }
                Input::Stream(path) => {
                    let path = path.clone();
                    let name = path.to_string_lossy().into_owned();
                    // Opened in its own thread: that waits until somebody writes.
                    let read = move || read_stream(&name, || File::open(&path), &shared, limit, &lines);
                    spawn("stream", read).map(drop)?;
                }
            }
        }
        if !patterns.is_empty() {
            let files = Files {
                patterns,
                from: self.from,
                follow: self.follow,
                limit: self.limit,
                tails: Vec::new(),
                known: HashMap::new(),
                states: RefCell::default(),
                shared: self.shared,
            };
            spawn("source", move || files.run(&lines))?;
        }
        Ok(())
    }
}

fn read_stream<R: Read>(
    name: &str,
    open: impl FnOnce() -> std::io::Result<R>,
    shared: &Shared,
    limit: usize,
    lines: &Sender<LineBatch>,
) {
    let mut total = 0;
    let result = open().and_then(|input| {
        stdin::read(name, input, limit, &*shared.clock, |batch, read| {
            total = read;
            !shared.stopped() && lines.send(batch).is_ok()
        })
    });
    let state = match result {
        Ok(()) => SourceState::Ended,
        Err(error) => SourceState::Failed(error.to_string()),
    };
    let _ = shared.updates.send(Update::Source(SourceReport { name: name.into(), state, read: total, behind: 0 }));
}

struct Files {
    patterns: Vec<PathBuf>,
    from: From,
    follow: bool,
    limit: usize,
    tails: Vec<Tail>,
    /// How far files were read, by identity.
    known: HashMap<Arc<str>, u64>,
    states: RefCell<HashMap<Arc<str>, SourceState>>,
    shared: Shared,
}

impl Files {
    fn run(mut self, lines: &Sender<LineBatch>) {
        let (wake_in, wake) = sync_channel(1);
        let mut watcher = watcher(wake_in);
        let mut scanned = None;
        let mut first = true;
        while !self.shared.stopped() {
            let now = self.shared.clock.elapsed();
            let due = scanned.is_none_or(|at| now - at >= RESCAN);
            if due && (self.follow || first) {
                // What is there at the start is entered where the user said; what comes later is new from its first byte.
                self.scan(if first { self.from } else { From::Start }, &mut watcher);
                scanned = Some(now);
                first = false;
            }
            match self.look(lines, due) {
                None => return,
                Some(true) => {}
                Some(false) if self.tails.is_empty() && !self.follow => return,
                Some(false) => wait(&wake),
            }
        }
    }

    /// Adds the files that patterns have come to match. A plain path is added even if it is not there: it is waited for.
    fn scan(&mut self, from: From, watcher: &mut Option<RecommendedWatcher>) {
        self.remember();
        let mut entered = HashSet::new();
        for pattern in &self.patterns {
            let files = expand(pattern);
            self.report_pattern(pattern, files.is_empty());
            for path in files {
                if self.tails.iter().any(|tail| tail.path() == path) {
                    continue;
                }
                let Some(from) = self.entry(&path, from) else { continue };
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
                self.tails.push(Tail::new(path, name, from, self.follow, self.limit));
            }
        }
    }

    /// Where to enter a file: where reading it under another name has ended (a pattern also matches what was rotated
    /// away), or not at all while it is still read there.
    fn entry(&self, path: &Path, from: From) -> Option<From> {
        let identity = File::open(path).and_then(|file| Identity::of(&file, !self.follow)).ok().flatten();
        let Some(identity) = identity else { return Some(from) };
        if self.tails.iter().flat_map(Tail::positions).any(|(held, _)| *held == identity.hash) {
            return None;
        }
        match self.known.get(&identity.hash) {
            Some(read) => Some(From::At(*read)),
            None => Some(from),
        }
    }

    /// Remembers how far each file was read.
    fn remember(&mut self) {
        if self.known.len() > KNOWN {
            self.known.clear();
        }
        let positions = self.tails.iter().flat_map(Tail::positions);
        self.known.extend(positions.map(|(file, read)| (Arc::clone(file), read)));
    }

    /// A pattern that matches nothing yet is waited for like a file that is not there, and said.
    fn report_pattern(&self, pattern: &Path, empty: bool) {
        let name: Arc<str> = pattern.to_string_lossy().into();
        let waited = matches!(self.states.borrow().get(&name), Some(SourceState::Waiting(_)));
        if waited == empty || (!empty && !waited) {
            return;
        }
        let state = if empty { SourceState::Waiting("no file matches yet".into()) } else { SourceState::Following };
        let report = SourceReport { name: Arc::clone(&name), state: state.clone(), read: 0, behind: 0 };
        let _ = self.shared.updates.send(Update::Source(report));
        self.states.borrow_mut().insert(name, state);
    }

    /// Looks at every file once. `Some(true)` if anything was read, `None` when nobody wants more.
    fn look(&mut self, lines: &Sender<LineBatch>, renew: bool) -> Option<bool> {
        let mut busy = false;
        let mut ended = Vec::new();
        for (index, tail) in self.tails.iter_mut().enumerate() {
            let name = Arc::clone(tail.name());
            let mut found = Vec::new();
            let look = tail.look(|file, data, spans| found.push((Arc::clone(file), data, spans)));
            let clock = &self.shared.clock;
            for (file, data, spans) in found {
                lines.send(batch(&name, &file, (data, spans), clock.elapsed(), clock.now())).ok()?;
            }
            let state = match look {
                Look::More => {
                    busy = true;
                    SourceState::Reading
                }
                Look::Idle => SourceState::Following,
                // What a pattern has matched and is no more is forgotten; what was named is waited for.
                Look::Waiting(_) if tail.is_gone() && !self.patterns.iter().any(|named| named == tail.path()) => {
                    ended.push(index);
                    SourceState::Ended
                }
                Look::Waiting(why) if self.follow => SourceState::Waiting(why),
                Look::Waiting(why) => {
                    ended.push(index);
                    SourceState::Failed(why)
                }
                Look::Ended => {
                    ended.push(index);
                    SourceState::Ended
                }
            };
            let changed = self.states.borrow().get(&name) != Some(&state);
            if changed || (renew && state == SourceState::Reading) {
                let report = SourceReport {
                    name: Arc::clone(&name),
                    state: state.clone(),
                    read: tail.read_bytes(),
                    behind: tail.behind(),
                };
                self.shared.updates.send(Update::Source(report)).ok()?;
                self.states.borrow_mut().insert(name, state);
            }
        }
        for index in ended.into_iter().rev() {
            self.tails.remove(index);
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
    let notified = move |_| {
        // A full channel means that a look is due already.
        let _ = wake.try_send(());
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
