//! Captures while they are made: of the operator, of the command line, of rules that break.
//!
//! The judge hands every row over. A capture begins with what the engines know, so that the records can be judged again
//! to the same verdicts; `snapshots` keeps that from time to time, for captures that begin in the past.

mod files;
mod snapshots;

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::judge::Judge;
use crate::capture::{self, Event, EventKind, Head, Privacy, RuleText, RulesChange, State, Writer};
use crate::clock::SharedClock;
use crate::history::{History, Retention, Row, View};
use crate::message::{BaselineOrder, CaptureOrder, CaptureReport, Capturing, Happening, HappeningKind};
use crate::record::Rejected;
use crate::redact::Redact;
use crate::rules::RuleSet;
use crate::verdict::{Verdict, ViolationState};

use files::Folder;
use snapshots::Snapshots;

/// What is kept for the captures of rules where there is no screen.
const RING: Retention = Retention { bytes: 8 << 20, rows: 16_384 };

/// What was written is handed to the system this often.
const FLUSH: Duration = Duration::from_secs(1);

/// Refused lines that one capture mentions.
const REJECTED: u64 = 1_000;

/// How records are captured.
#[derive(Debug, Clone)]
pub struct Options {
    /// A file that is written from the start.
    pub file: Option<PathBuf>,
    /// With prompts and answers: in that file, and in those that rules begin.
    pub text: (bool, bool),
    /// Texts never leave the process, whoever asks.
    pub never_text: bool,
    /// Patterns whose matches do not.
    pub redact: Arc<Redact>,
    /// Where captures go that were not named; `None` where there is no place.
    pub folder: Option<PathBuf>,
    /// Bytes of all captures together.
    pub bytes: u64,
    /// Records before it that the operator's capture begins with.
    pub before: usize,
    /// What the program does: `LIVE`, `DEMO`.
    pub mode: &'static str,
    /// The configuration in force.
    pub config: String,
    /// The policy's name.
    pub policy: String,
    /// Labels that make the key.
    pub key: Vec<String>,
    /// What is read.
    pub sources: Vec<String>,
}

/// What a capture begins at.
#[derive(Clone, Copy)]
pub(super) struct Here<'a> {
    pub judge: &'a Judge,
    /// What computes the divergence: its name, and with its model.
    pub backend: &'a str,
    pub scores: &'a str,
    /// Event time.
    pub at: Timestamp,
    /// The wall clock.
    pub now: Timestamp,
    pub elapsed: Duration,
    pub clock: &'a SharedClock,
}

/// What a capture begins with: the rows from one on, and what the engines knew there.
struct Past {
    rows: View,
    from: usize,
    state: State,
}

/// A rule that breaks, and how many records before and after it wants.
type Hit = (Arc<str>, (u64, u64));

/// A capture that is being written.
struct Active {
    writer: Writer<File>,
    path: PathBuf,
    text: bool,
    /// Of a rule: records that are still to come.
    left: Option<u64>,
    rejected: u64,
}

/// Makes captures.
pub(super) struct Recorder {
    options: Options,
    folder: Option<Folder>,
    own: Option<Active>,
    of_rule: Option<Active>,
    /// The rows before now, where there is no screen that keeps them.
    ring: Option<History>,
    snapshots: Snapshots,
    /// By rule, how many records before and after its breach are kept.
    of_rules: HashMap<Arc<str>, (u64, u64)>,
    /// The first record of this run, if the engines knew nothing before it.
    fresh: Option<u64>,
    seen: bool,
    /// What a screen reads back is past: rules that broke then begin no captures now.
    caught_up: bool,
    flushed_at: Duration,
    report: CaptureReport,
    told: CaptureReport,
    /// What the operator should know at once.
    notices: Vec<String>,
}

impl Recorder {
    /// `screen`: rows are kept for a screen; `fresh`: the engines know nothing yet.
    pub fn new(options: Options, rules: &Arc<RuleSet>, screen: bool, fresh: bool) -> Self {
        let folder = options.folder.clone().map(|path| Folder::new(path, options.bytes));
        let mut recorder = Self {
            options,
            folder,
            own: None,
            of_rule: None,
            ring: (!screen).then(|| History::new(RING)),
            snapshots: Snapshots::default(),
            of_rules: HashMap::new(),
            fresh: fresh.then_some(u64::MAX),
            seen: false,
            caught_up: !screen,
            flushed_at: Duration::ZERO,
            report: CaptureReport::default(),
            told: CaptureReport::default(),
            notices: Vec::new(),
        };
        recorder.set_rules(rules);
        recorder
    }

    /// Begins the capture that the command line asks for.
    pub fn begin_at_start(&mut self, here: Here<'_>) {
        let Some(path) = self.options.file.clone() else { return };
        let state = if self.fresh.is_some() { State::Empty } else { State::Known(here.judge.save(here.scores)) };
        let text = self.options.text.0;
        match self.open(&path, "command line", text, &state, here) {
            Ok(active) => self.own = Some(active),
            Err(why) => self.stop(why),
        }
    }

    fn set_rules(&mut self, rules: &Arc<RuleSet>) {
        let captures = rules.rules.iter().filter_map(|rule| Some((Arc::clone(&rule.id), rule.capture?)));
        self.of_rules = captures.collect();
    }

    /// Other rules came into force.
    pub fn rules(&mut self, rules: &Arc<RuleSet>, at: Timestamp) {
        self.set_rules(rules);
        let change = RulesChange { at, revision: rules.revision.to_string(), rules: texts(rules) };
        self.each(|active| active.writer.rules(&change));
    }

    /// Takes in a row that was judged; `kept` are those before it.
    pub fn row(&mut self, row: &Row, kept: &dyn Fn() -> View, here: Here<'_>) {
        let seq = row.verdict.seq.0;
        if !std::mem::replace(&mut self.seen, true) && self.fresh.is_some() {
            self.fresh = Some(seq);
        }
        let hits = if self.of_rules.is_empty() || !self.caught_up { Vec::new() } else { self.hits(&row.verdict) };
        if let Some(first) = hits.first() {
            self.hit(&first.0, &hits, kept, here);
        }
        if self.own.is_some() || self.of_rule.is_some() {
            self.each(|active| active.writer.record(&row.record, &row.verdict));
            for (rule, _) in &hits {
                self.happened(EventKind::Trigger, here.at, Some(seq), (rule, &row.verdict.key), "", "");
            }
            self.count_down();
            self.keep_budget();
        }
        // Without a rule that may want them, nobody asks for the rows before now.
        if let Some(ring) = self.ring.as_mut().filter(|_| !self.of_rules.is_empty()) {
            ring.append(vec![row.clone()]);
        }
    }

    /// The rules that ask for a capture and break on this record.
    fn hits(&self, verdict: &Verdict) -> Vec<Hit> {
        let firing = verdict.violations.iter().filter(|violation| violation.state == ViolationState::Firing);
        let mut hits: Vec<_> = firing
            .filter_map(|violation| Some((Arc::clone(&violation.rule), *self.of_rules.get(&violation.rule)?)))
            .collect();
        hits.dedup_by(|a, b| a.0 == b.0);
        hits
    }

    /// A rule that asks for it breaks: a capture begins, or the one that is being made goes on for longer.
    fn hit(&mut self, rule: &str, hits: &[Hit], kept: &dyn Fn() -> View, here: Here<'_>) {
        // This record, and those after it.
        let after = hits.iter().map(|(_, (_, after))| after + 1).max().unwrap_or(1);
        if let Some(active) = &mut self.of_rule {
            active.left = active.left.map(|left| left.max(after));
            return;
        }
        if self.report.stopped.is_some() {
            return;
        }
        let before = hits.iter().map(|(_, (before, _))| *before).max().unwrap_or(0);
        let text = self.options.text.1;
        let rows = self.before(kept);
        let (state, from) = self.snapshots.before(&rows, rows.len().saturating_sub(before as usize), self.fresh);
        let past = Past { rows, from, state };
        if let Some(mut active) = self.begin((&format!("rule {rule}"), rule), text, past, here) {
            active.left = Some(after);
            self.of_rule = Some(active);
        }
    }

    /// The operator wants a capture.
    pub fn start(&mut self, order: &CaptureOrder, kept: &dyn Fn() -> View, here: Here<'_>) {
        if let Some(active) = &self.own {
            self.notices.push(format!("{} is being written already", active.path.display()));
            return;
        }
        self.report.stopped = None;
        // The operator may have made room meanwhile.
        self.folder = self.options.folder.clone().map(|path| Folder::new(path, self.options.bytes));
        let text = order.text && !self.options.never_text;
        if order.text && !text {
            self.notices.push("captured without text: `content: off` in the configuration".to_owned());
        }
        let rows = self.before(kept);
        let (state, from) = self.snapshots.before(&rows, rows.len().saturating_sub(self.options.before), self.fresh);
        // Between two records what the engines know is that of the next one.
        let state = if from >= rows.len() { State::Known(here.judge.save(here.scores)) } else { state };
        if let Some(active) = self.begin(("operator", "capture"), text, Past { rows, from, state }, here) {
            self.notices.push(format!("capturing to {}", active.path.display()));
            self.own = Some(active);
        }
    }

    /// The rows before now.
    fn before(&self, kept: &dyn Fn() -> View) -> View {
        self.ring.as_ref().map_or_else(kept, History::view)
    }

    /// Opens a file in the folder, and writes the past to it.
    fn begin(&mut self, (why, name): (&str, &str), text: bool, past: Past, here: Here<'_>) -> Option<Active> {
        let Some(folder) = &self.folder else {
            self.stop("there is no home folder to put captures into: name one as `capture.folder`".to_owned());
            return None;
        };
        let path = match folder.room().and_then(|()| folder.name(name, here.now)) {
            Ok(path) => path,
            Err(why) => {
                self.stop(why);
                return None;
            }
        };
        let mut active = match self.open(&path, why, text, &past.state, here) {
            Ok(active) => active,
            Err(why) => {
                self.stop(why);
                return None;
            }
        };
        for row in past.rows.rows().skip(past.from) {
            if let Err(error) = active.writer.record(&row.record, &row.verdict) {
                self.stop(format!("{}: {error}", path.display()));
                return None;
            }
        }
        Some(active)
    }

    fn open(&self, path: &Path, why: &str, text: bool, state: &State, here: Here<'_>) -> Result<Active, String> {
        let text = text && !self.options.never_text;
        let rules = here.judge.rules();
        let head = Head {
            watcher: env!("CARGO_PKG_VERSION").to_owned(),
            made: here.now,
            why: why.to_owned(),
            mode: self.options.mode.to_owned(),
            text,
            redacted: !self.options.redact.is_empty(),
            config: self.options.config.clone(),
            key: self.options.key.clone(),
            rules: texts(rules),
            revision: rules.revision.to_string(),
            policy: self.options.policy.clone(),
            backend: here.backend.to_owned(),
            scores: here.scores.to_owned(),
            sources: self.options.sources.clone(),
        };
        let privacy = Privacy { text, redact: Arc::clone(&self.options.redact) };
        let shown = path.display();
        let file = capture::create(path).map_err(|error| format!("{shown}: {error}"))?;
        let writer = Writer::new(file, &head, state, privacy).map_err(|error| format!("{shown}: {error}"))?;
        Ok(Active { writer, path: path.to_owned(), text, left: None, rejected: 0 })
    }

    /// Does something to each capture; one that can't be written ends.
    fn each(&mut self, mut what: impl FnMut(&mut Active) -> std::io::Result<()>) {
        let mut failed = None;
        for slot in [&mut self.own, &mut self.of_rule] {
            let Some(active) = slot else { continue };
            if let Err(error) = what(active) {
                failed = Some(format!("{}: {error}", active.path.display()));
                *slot = None;
            }
        }
        if let Some(why) = failed {
            self.stop(why);
        }
    }

    fn happened(
        &mut self,
        kind: EventKind,
        at: Timestamp,
        seq: Option<u64>,
        (cause, key): (&str, &str),
        text: &str,
        by: &str,
    ) {
        let (cause, key, text, by) = (cause.to_owned(), key.to_owned(), text.to_owned(), by.to_owned());
        let event = Event { at, seq, kind, cause, key, text, by };
        self.each(|active| active.writer.event(&event));
    }

    /// Something on the operator's timeline.
    pub fn happening(&mut self, found: &Happening) {
        let kind = match found.kind {
            HappeningKind::AlertBegan => EventKind::AlertBegan,
            HappeningKind::AlertEnded => EventKind::AlertEnded,
            HappeningKind::Mark => EventKind::Mark,
        };
        let by = if kind == EventKind::Mark { "operator" } else { "" };
        self.happened(kind, found.at, found.seq, (&found.cause, &found.key), &found.text, by);
    }

    /// The operator has done something with a baseline.
    pub fn baseline(&mut self, order: &BaselineOrder, done: &str, at: Timestamp) {
        self.happened(EventKind::Baseline, at, None, (&order.series, &order.key), done, "operator");
    }

    /// A line was refused.
    pub fn rejected(&mut self, rejected: &Rejected, at: Timestamp) {
        let (place, reason) = (&rejected.origin, &rejected.reject.reason);
        let text = format!("{}#{}: {reason}", place.source, place.offset);
        let event = Event {
            at,
            seq: None,
            kind: EventKind::Rejected,
            cause: "@rejected".to_owned(),
            key: String::new(),
            text,
            by: String::new(),
        };
        self.each(|active| {
            active.rejected += 1;
            if active.rejected > REJECTED { Ok(()) } else { active.writer.event(&event) }
        });
    }

    /// Ends the operator's capture.
    pub fn end_own(&mut self) {
        match self.own.take() {
            Some(active) => {
                let path = active.path.clone();
                self.end(active, "the operator has ended it");
                self.notices.push(format!("captured: watcher replay {}", path.display()));
            }
            None => self.notices.push("nothing is being captured".to_owned()),
        }
    }

    fn end(&mut self, active: Active, why: &str) {
        let (path, records) = (active.path.clone(), active.writer.records());
        match active.writer.finish(why) {
            Ok(bytes) => {
                self.folder.iter_mut().for_each(|folder| folder.add(bytes));
                self.report.ended += 1;
                tracing::info!(records, bytes, "captured {}: {why}", path.display());
            }
            Err(error) => self.stop(format!("{}: {error}", path.display())),
        }
    }

    /// A capture of a rule that has all it wanted ends.
    fn count_down(&mut self) {
        let Some(active) = &mut self.of_rule else { return };
        let left = active.left.unwrap_or(1).saturating_sub(1);
        active.left = Some(left);
        if left == 0
            && let Some(active) = self.of_rule.take()
        {
            self.end(active, "all that the rule asked for");
        }
    }

    /// Nothing more is captured, and why.
    fn stop(&mut self, why: String) {
        tracing::warn!("stopped capturing: {why}");
        self.report.stopped = Some(why);
    }

    /// All captures together keep to their budget.
    fn keep_budget(&mut self) {
        let open = [&self.own, &self.of_rule].into_iter().flatten();
        let used = self.folder.as_ref().map_or(0, Folder::used) + open.map(|active| active.writer.bytes()).sum::<u64>();
        if used > self.options.bytes {
            let why = files::used_up(self.options.bytes);
            self.finish(&why);
            self.stop(why);
        }
    }

    /// Hands what was written to the system, and keeps what the engines know, when it is time.
    pub fn tend(&mut self, here: Here<'_>, next: u64) {
        if here.elapsed.saturating_sub(self.flushed_at) < FLUSH {
            return;
        }
        self.flushed_at = here.elapsed;
        self.each(|active| active.writer.flush());
        if self.ring.is_none() || !self.of_rules.is_empty() {
            self.snapshots.take(here, next);
        }
    }

    /// Whether something is being captured.
    pub fn is_active(&self) -> bool {
        self.own.is_some() || self.of_rule.is_some()
    }

    /// All that was there at the start is judged: from here on rules break now.
    pub fn catch_up(&mut self) {
        self.caught_up = true;
    }

    /// The program ends.
    pub fn finish(&mut self, why: &str) {
        let open = [self.own.take(), self.of_rule.take()];
        open.into_iter().flatten().for_each(|active| self.end(active, why));
    }

    /// How it stands, if the screen has not heard of that.
    pub fn news(&mut self) -> (Option<CaptureReport>, Vec<String>) {
        let capturing = |active: &Active| Capturing {
            path: active.path.clone(),
            bytes: active.writer.bytes(),
            records: active.writer.records(),
            text: active.text,
        };
        self.report.own = self.own.as_ref().map(capturing);
        self.report.of_rule = self.of_rule.as_ref().map(capturing);
        let news = self.report != self.told;
        if news {
            self.told = self.report.clone();
        }
        (news.then(|| self.report.clone()), std::mem::take(&mut self.notices))
    }
}

fn texts(rules: &RuleSet) -> Vec<RuleText> {
    rules.files.iter().map(|file| RuleText { name: file.name.to_string(), text: file.text.to_string() }).collect()
}
