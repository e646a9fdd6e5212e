//! Rules that change while records flow: read again when their files do, put in force as a whole or not at all.
//!
//! A notification is a hint to look at once; what holds is what a look at the files shows, four times a second. After a
//! change the files have to be left alone for a moment, since an editor may write several times. All files of a folder
//! are one revision: one at fault keeps all of the new ones out, and the old stay in force until everything holds.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::audit::{Audit, Change};
use super::rule_files::{self, Traces};
use super::{Shared, spawn};
use crate::engine::constraints::accept;
use crate::message::{RulesReport, Update};
use crate::rules::RuleSet;
use crate::rules::schema::Source;

/// How often the files are looked at, notified or not.
const LOOK: Duration = Duration::from_millis(250);

/// How long they must have been left alone.
const QUIET: Duration = Duration::from_millis(150);

/// Hints are followed no more often than this: the folder may be that of a log that grows.
const CALM: Duration = Duration::from_millis(50);

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// A rule file, or a folder of them.
    pub path: PathBuf,
    /// Where changes are written down.
    pub audit: Option<PathBuf>,
}

/// The rules in force, for whoever gives records their number.
#[derive(Debug, Clone)]
pub(super) struct InForce(Arc<Mutex<Arc<RuleSet>>>);

impl InForce {
    pub fn new(rules: &Arc<RuleSet>) -> Self {
        Self(Arc::new(Mutex::new(Arc::clone(rules))))
    }

    pub fn get(&self) -> Arc<RuleSet> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, rules: &Arc<RuleSet>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(rules);
    }
}

/// Watches from now on.
pub(super) fn start(shared: &Shared, options: Options) -> std::io::Result<()> {
    let shared = shared.clone();
    spawn("rules", move || Watching::new(shared, options).run()).map(drop)
}

struct Watching {
    shared: Shared,
    options: Options,
    audit: Option<Audit>,
    /// The files as they were when they were last read.
    traces: Traces,
    /// What was read then.
    tried: Option<Vec<Source>>,
    /// What is told to be wrong with the files, so that it is told once.
    told: Option<String>,
}

impl Watching {
    fn new(shared: Shared, options: Options) -> Self {
        let audit = options.audit.clone().map(Audit::new);
        Self { shared, options, audit, traces: Traces::default(), tried: None, told: None }
    }

    fn run(mut self) {
        let (hints, _watcher) = hints(&self.options.path);
        // What changed between the start of the program and now is a change too: the first look always reads.
        loop {
            let seen = rule_files::traces(&self.options.path);
            if seen != self.traces {
                if self.settle(seen).is_none() || self.read().is_err() {
                    return;
                }
                continue;
            }
            match hints.recv_timeout(LOOK) {
                Err(RecvTimeoutError::Disconnected) if self.shared.stop.wait(LOOK) => return,
                _ if self.shared.stop.wait(CALM) => return,
                _ => {}
            }
        }
    }

    /// Waits until the files are left alone; `None` when all is to end.
    fn settle(&mut self, mut seen: Traces) -> Option<()> {
        loop {
            if self.shared.stop.wait(QUIET) {
                return None;
            }
            let now = rule_files::traces(&self.options.path);
            if now == seen {
                self.traces = now;
                return Some(());
            }
            seen = now;
        }
    }

    /// Reads the files, and puts them in force if they hold.
    fn read(&mut self) -> Result<(), crate::message::channel::Closed> {
        let sources = match rule_files::read(&self.options.path) {
            Ok(sources) => sources,
            Err(why) => {
                // Whatever comes back then is new.
                self.tried = None;
                return self.refused(1, &why);
            }
        };
        if self.tried.as_ref() == Some(&sources) {
            return Ok(());
        }
        let result = accept(&sources);
        self.tried = Some(sources);
        match result {
            Ok(rules) => self.in_force(rules),
            Err(faults) => {
                let first = faults.first().map(ToString::to_string).unwrap_or_default();
                self.refused(faults.len(), &first)
            }
        }
    }

    fn in_force(&mut self, rules: RuleSet) -> Result<(), crate::message::channel::Closed> {
        let old = self.shared.rules.get();
        let was_refused = self.told.take().is_some();
        if rules.revision == old.revision {
            // The files hold again what is in force.
            return if was_refused { self.report(None, None) } else { Ok(()) };
        }
        let rules = Arc::new(rules);
        let change = Change::between(&old, &rules);
        self.shared.rules.set(&rules);
        tracing::info!(revision = %rules.revision, "rules: {change}");
        self.report(None, Some(change.to_string()))?;
        let reason = self.shared.reasons.take(&rules);
        if let Some(audit) = &self.audit
            && let Err(error) =
                audit.write((&old, &rules), &change, &self.options.path, reason.as_deref(), self.shared.clock.now())
        {
            tracing::error!("audit: {error}");
        }
        Ok(())
    }

    fn refused(&mut self, faults: usize, first: &str) -> Result<(), crate::message::channel::Closed> {
        let more = if faults > 1 { format!(" (and {} more)", faults - 1) } else { String::new() };
        let text = format!("{first}{more}");
        if self.told.as_ref() == Some(&text) {
            return Ok(());
        }
        tracing::warn!("rules: the files do not hold, the old rules stay in force: {text}");
        self.told = Some(text.clone());
        self.report(Some(text), None)
    }

    fn report(&self, fault: Option<String>, change: Option<String>) -> Result<(), crate::message::channel::Closed> {
        let rules = self.shared.rules.get();
        self.shared.updates.send(Update::Rules(RulesReport { rules, fault, change, at: self.shared.clock.now() }))
    }
}

/// Hints that something has changed where the files are, for as long as the watcher lives.
fn hints(path: &Path) -> (Receiver<()>, Option<RecommendedWatcher>) {
    let (send, receive) = sync_channel(1);
    let folder = if path.is_dir() {
        path
    } else {
        path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
    };
    // A hint that finds another one waiting has nothing to add.
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // To look is to open and to read: that is no news.
        if !event.is_ok_and(|event| event.kind.is_access()) {
            let _ = send.try_send(());
        }
    });
    let watcher = watcher.and_then(|mut watcher| {
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    if let Err(error) = &watcher {
        tracing::warn!("rules: no notifications of changes, they are looked for instead: {error}");
    }
    (receive, watcher.ok())
}
