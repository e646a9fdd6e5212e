//! `watch` and `replay` without a screen: verdicts to a file, progress and summary for people or programs.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::{SignedDuration, Timestamp};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::args::{Replay, Run, SummaryForm, Watch};
use super::dashboard::{inputs, need_file};
use super::fail_on::Condition;
use super::setup::{Mode, Output, Rules, Setup};
use super::watchman::Watchman;
use super::{Failure, note_line, say};
use super::{alert, captures};
use crate::clock::SystemClock;
use crate::humanize;
use crate::message::channel::Receiver;
use crate::message::{Command, EngineState, RulesReport, SourceReport, SourceState, Update};
use crate::pipeline::{Handle, Pipeline};
use crate::sanitize;
use crate::source::From;
use crate::state::status::Status;
use crate::stats::backlog::Backlog;
use crate::stats::summary::{Percentiles, RuleTally, Summary};
use crate::verdict::Action;

/// `watcher watch SOURCE... --headless`
pub(super) fn watch(setup: &Setup, watch: &Watch) -> Result<(), Failure> {
    let mode = Mode {
        inputs: inputs(&watch.sources)?,
        from: watch.from.unwrap_or(From::Checkpoint),
        follow: true,
        live: true,
        screen: false,
        checkpoints: true,
        fresh: watch.fresh,
        output: Output::of(&watch.run, false),
        risk_limits: risk_limits(&watch.run),
        engines: None,
        capture: captures::options(setup, &watch.capture, "LIVE", &watch.sources)?,
        tells: !setup.config.notify.targets.is_empty(),
    };
    captures::refuse(&mode.inputs)?;
    run(setup, &watch.run, setup.rules()?, mode, None, watch.listen.as_deref())
}

/// `watcher replay FILE --headless`
pub(super) fn replay(setup: &Setup, replay: &Replay) -> Result<(), Failure> {
    let stdin = replay.file.as_os_str() == "-";
    if !stdin {
        need_file(&replay.file)?;
    }
    let inputs = inputs(std::slice::from_ref(&replay.file))?;
    let opened = captures::open(setup, &replay.file)?;
    let rules = opened.rules(setup)?;
    let (output, risk_limits) = (Output::of(&replay.run, true), risk_limits(&replay.run));
    // A replay tells nobody of what is long over, unless it is asked to.
    let tells = replay.alerts && !setup.config.notify.targets.is_empty();
    let mode = Mode { output, risk_limits, engines: opened.engines(), tells, ..Mode::once(inputs) };
    run(setup, &replay.run, rules, mode, (!stdin).then_some(&replay.file), None)
}

fn risk_limits(run: &Run) -> Vec<f64> {
    run.fail_on.iter().filter_map(Condition::risk_limit).collect()
}

/// A program that was asked to end has a second; this much of it may go into writing what was judged.
pub(super) const LAST_WORDS: Duration = Duration::from_millis(400);

/// Alerts are over, and told again, without news.
const TICK: Duration = Duration::from_secs(1);

/// How the wait for the end came out.
enum Outcome {
    /// The end of the input, unless a part of it could not be read, and why.
    Finished(Box<Summary>, Option<String>),
    /// A signal: what was judged by then.
    Stopped(Option<Box<Summary>>),
    /// Whoever read the output has gone.
    ClosedPipe,
    OutputFailed(String),
    Lost,
}

fn run(
    setup: &Setup,
    run: &Run,
    rules: Rules,
    mode: Mode,
    file: Option<&PathBuf>,
    listen: Option<&str>,
) -> Result<(), Failure> {
    let unknown = alert::unknown_targets(setup, &rules.set);
    for note in rules.notes.iter().chain(unknown.iter().filter(|_| mode.tells || mode.live)) {
        note_line(&format!("watcher: {}", sanitize::line(note)));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting")?;
    // From here on a signal is an orderly end.
    let signals = runtime.block_on(async { Signals::new() })?;
    let clock = SystemClock::shared();
    let mut watchman = Watchman::new(setup, mode.live, mode.tells, listen, Arc::clone(&clock))?;
    let ready = setup.options(rules, mode)?;
    for notice in &ready.notices {
        note_line(&format!("watcher: {}", sanitize::line(notice)));
    }
    let pipeline = Pipeline::start(ready.options, clock).context("starting the engines")?;
    let bar = progress(file);
    let (updates, handle) = pipeline.split();
    let outcome = runtime.block_on(wait(updates, &handle, &bar, signals, &mut watchman));
    bar.finish_and_clear();
    watchman.finish(&handle.orders());
    handle.finish(LAST_WORDS);
    runtime.shutdown_background();
    match outcome? {
        Outcome::Finished(summary, unread) => {
            print_summary(run, &summary)?;
            if let Some(why) = unread {
                return Err(Failure::Input(why));
            }
            let findings: Vec<String> = run.fail_on.iter().filter_map(|c| c.finding(&summary)).collect();
            for finding in &findings {
                note_line(&format!("watcher: {}", sanitize::line(finding)));
            }
            if findings.is_empty() { Ok(()) } else { Err(Failure::Findings) }
        }
        Outcome::Stopped(summary) => summary.map_or(Ok(()), |summary| print_summary(run, &summary)),
        Outcome::ClosedPipe => Ok(()),
        Outcome::OutputFailed(why) => Err(Failure::Input(format!("the output can't be written: {why}"))),
        Outcome::Lost => Err(Failure::Internal(anyhow::anyhow!("the engines ended without being asked: a bug"))),
    }
}

fn print_summary(run: &Run, summary: &Summary) -> Result<(), Failure> {
    let to_stdout = run.output.as_ref().is_none_or(|path| path.as_os_str() != "-");
    match run.summary {
        SummaryForm::Text => note_line(text(summary).trim_end()),
        SummaryForm::Json if to_stdout => return say(&format!("{}\n", sanitize::json(&json(summary).to_string()))),
        SummaryForm::Json => note_line(&sanitize::json(&json(summary).to_string())),
    }
    Ok(())
}

/// A bar over the bytes of the file, on a terminal.
pub(super) fn progress(file: Option<&PathBuf>) -> ProgressBar {
    let size = file.and_then(|file| std::fs::metadata(file).ok()).map(|meta| meta.len());
    let (Some(size), true) = (size, std::io::stderr().is_terminal()) else { return ProgressBar::hidden() };
    let bar = ProgressBar::new(size);
    let template = "{bar:30} {percent:>3}%  {bytes} of {total_bytes}  {binary_bytes_per_sec}  {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(300));
    bar
}

/// A backlog is told of this often.
const TELL: Duration = Duration::from_secs(10);

/// What is said of a backlog at the start: how much, and how long it will take.
#[derive(Default)]
struct CatchingUp {
    backlog: Backlog,
    /// Event time of the newest record.
    event: Option<Timestamp>,
    told: Option<Timestamp>,
    began: Option<Timestamp>,
    done: bool,
}

impl CatchingUp {
    fn source(&mut self, report: &SourceReport) -> Option<String> {
        self.backlog.add(&report.name, report.read, report.behind, report.at);
        let since = self.told.or(self.began).unwrap_or_else(|| *self.began.insert(report.at));
        let left = self.backlog.left()?;
        if self.done || report.at.duration_since(since).unsigned_abs() < TELL {
            return None;
        }
        self.told = Some(report.at);
        let behind = self.event.map(|event| report.at.duration_since(event).max(SignedDuration::ZERO).unsigned_abs());
        Some(format!("catching up: {}", humanize::backlog(self.backlog.behind(), behind, left)))
    }

    fn end(&mut self) -> Option<String> {
        self.done = true;
        self.told.map(|_| "caught up: from here on live".to_owned())
    }
}

/// Waits until a pipeline that was asked to end has summed up.
async fn last_words(updates: &mut Receiver<Update>, handle: &Handle) -> Outcome {
    handle.stop();
    let summary = async {
        loop {
            match updates.recv_async().await {
                Some(Update::Finished(summary)) => return Some(summary),
                Some(_) => {}
                None => return None,
            }
        }
    };
    Outcome::Stopped(tokio::time::timeout(LAST_WORDS, summary).await.ok().flatten())
}

/// The signals that ask for the end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("listening for SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("listening for SIGINT")?,
            hangup: signal(SignalKind::hangup()).context("listening for SIGHUP")?,
        })
    }
}

async fn wait(
    mut updates: Receiver<Update>,
    handle: &Handle,
    bar: &ProgressBar,
    mut signals: Signals,
    watchman: &mut Watchman,
) -> anyhow::Result<Outcome> {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let orders = handle.orders();
    let mut teller = Teller::new(bar);
    loop {
        let update = tokio::select! {
            biased;
            _ = signals.terminate.recv() => return Ok(last_words(&mut updates, handle).await),
            _ = signals.interrupt.recv() => return Ok(last_words(&mut updates, handle).await),
            _ = signals.hangup.recv() => {
                // Whoever rotates logs has renamed them.
                orders.give(Command::Reopen);
                watchman.reopen_log();
                continue;
            }
            _ = tick.tick(), if !watchman.is_idle() => {
                watchman.tick(&orders);
                continue;
            }
            update = updates.recv_async() => update,
        };
        update.iter().for_each(|update| watchman.take(update));
        let Some(update) = update else { return Ok(Outcome::Lost) };
        if let Some(outcome) = teller.take(update) {
            return Ok(outcome);
        }
    }
}

/// Says on the standard error what a person has to know.
struct Teller<'a> {
    bar: &'a ProgressBar,
    /// A source that could not be read to its end, and why.
    unread: Option<String>,
    catching_up: CatchingUp,
    formats: Status,
    captured: captures::Heard,
}

impl<'a> Teller<'a> {
    fn new(bar: &'a ProgressBar) -> Self {
        let (catching_up, formats, captured) = Default::default();
        Self { bar, unread: None, catching_up, formats, captured }
    }

    fn say(&self, text: &str) {
        self.bar.suspend(|| note_line(&format!("watcher: {}", sanitize::line(text))));
    }

    /// Takes an update in; how the run ended, if it did.
    fn take(&mut self, update: Update) -> Option<Outcome> {
        let said = match update {
            Update::Finished(summary) => return Some(Outcome::Finished(summary, self.unread.take())),
            Update::OutputFailed { closed: true, .. } => return Some(Outcome::ClosedPipe),
            Update::OutputFailed { why, .. } => return Some(Outcome::OutputFailed(why)),
            Update::Format(report) => self.formats.format(report),
            Update::Source(report) => {
                self.source(&report);
                None
            }
            Update::Engine(report) => {
                match &report.state {
                    EngineState::Running { warnings, .. } => warnings.iter().for_each(|warning| self.say(warning)),
                    EngineState::Failed(why) => self.say(&format!("{} failed: {why}", report.kind.name())),
                    EngineState::Loading => {}
                }
                None
            }
            Update::Health(report) => {
                self.catching_up.event = report.event;
                None
            }
            Update::CaughtUp => self.catching_up.end(),
            Update::Rules(report) => Some(rules_change(&report)),
            Update::Notice(text) => Some(text),
            Update::OutputWaits(Some(why)) => Some(format!("the output can't take more: {why}; waiting for room")),
            Update::OutputWaits(None) => Some("there is room again, going on".to_owned()),
            Update::Capture(report) => self.captured.stopped(&report),
            Update::Judged { .. }
            | Update::Rejected { .. }
            | Update::Shown(_)
            | Update::Replay(_)
            | Update::Found(_)
            | Update::Silences(_) => None,
        };
        said.iter().for_each(|text| self.say(text));
        None
    }

    fn source(&mut self, report: &SourceReport) {
        self.bar.set_position(report.read);
        if let Some(text) = self.catching_up.source(report) {
            self.say(&text);
        }
        match &report.state {
            SourceState::Waiting(why) => self.say(&format!("waiting for {}: {why}", report.name)),
            SourceState::Failed(why) => self.unread = Some(format!("{}: {why}", report.name)),
            _ => {}
        }
    }
}

/// What is told of rules that have changed, or should have.
fn rules_change(report: &RulesReport) -> String {
    let revision = report.rules.short_revision();
    match (&report.fault, &report.change) {
        (Some(fault), _) => format!("the rules have changed and do not hold, {revision} stays in force: {fault}"),
        (None, Some(change)) => format!("rules {revision} are in force: {change}"),
        (None, None) => format!("the rule files hold again: {revision} is in force"),
    }
}

fn text(summary: &Summary) -> String {
    let number = |n: u64| humanize::number(n as f64);
    let actions: Vec<String> =
        Action::ALL.iter().rev().map(|action| format!("{} {action}", number(summary.with_action(*action)))).collect();
    let mut out = format!(
        "records    {} judged, {} rejected\nadvice     {}\nchecked    {} of {} had their answers compared, by {}\n",
        number(summary.records),
        number(summary.rejected),
        actions.join("  "),
        number(summary.records - summary.unscored),
        number(summary.records),
        summary.backend
    );
    if let Some(skipped) = summary.skipped.in_words() {
        out.push_str(&format!("skipped    {skipped}\n"));
    }
    if summary.given > 0 {
        out.push_str(&format!("given      {} verdicts of other instances, not judged again\n", number(summary.given)));
    }
    if summary.partial > 0 {
        out.push_str(&format!("partial    {} by words only: there was no time for more\n", number(summary.partial)));
    }
    if summary.violations.is_empty() {
        out.push_str("violations none\n");
    }
    for (index, (rule, count)) in summary.violations.iter().enumerate() {
        let head = if index == 0 { "violations" } else { "" };
        out.push_str(&format!("{head:<10} {} {}\n", number(*count), sanitize::line(rule)));
    }
    out.push_str(&rules_text(&summary.fared));
    let watched = &summary.watched;
    out.push_str(&format!(
        "drift      {} reported, {} series of {} keys watched\n",
        number(summary.drifts),
        number(watched.series),
        number(watched.keys)
    ));
    for (name, why) in &watched.skipped {
        out.push_str(&format!("           {} is not watched: {why}\n", sanitize::line(name)));
    }
    let percentiles = |found: Option<Percentiles>, unit: &str| {
        found.map_or("none".to_owned(), |p| {
            let show = humanize::short;
            format!("p50 {}  p95 {}  p99 {} {unit} (n = {})", show(p.p50), show(p.p95), show(p.p99), number(p.n))
        })
    };
    out.push_str(&format!("latency    {} (the agents')\n", percentiles(summary.latency_ms(), "ms")));
    out.push_str(&format!("own cost   {} a record\n", percentiles(summary.own_us(), "µs")));
    out.push_str(&format!(
        "speed      {} records/s ({})\n",
        humanize::number(summary.rate().round()),
        humanize::span(summary.elapsed)
    ));
    out
}

/// How every rule fared, a line each.
fn rules_text(fared: &[RuleTally]) -> String {
    let number = |n: u64| humanize::number(n as f64);
    let width = fared.iter().map(|rule| rule.rule.chars().count()).max().unwrap_or(0).min(40);
    let mut out = String::new();
    for (index, rule) in fared.iter().enumerate() {
        let head = if index == 0 { "rules" } else { "" };
        let name = sanitize::line(&rule.rule);
        let count = &rule.count;
        let mut line = match &rule.no_data {
            Some(why) => format!("no data: {}", sanitize::line(why)),
            None => format!(
                "evaluated on {} of {}, {} hits",
                number(count.evaluated),
                number(count.records),
                number(count.hits)
            ),
        };
        let mut also = |number_of: u64, what: &str| {
            if number_of > 0 {
                line.push_str(&format!(", {} {what}", number(number_of)));
            }
        };
        also(if count.present < count.evaluated { count.present } else { 0 }, "with all its fields");
        also(count.pending, "pending");
        also(count.excepted, "excepted");
        also(count.errors, "without a value");
        also(count.evicted, "keys forgotten for want of room");
        also(count.cut, "values forgotten for want of room");
        let shadow = if rule.shadow { " (shadow)" } else { "" };
        out.push_str(&format!("{head:<10} {name:<width$} {line}{shadow}\n"));
    }
    out
}

fn rule_json(rule: &RuleTally) -> serde_json::Value {
    let count = &rule.count;
    serde_json::json!({
        "records": count.records,
        "evaluated": count.evaluated,
        "present": count.present,
        "hits": count.hits,
        "pending": count.pending,
        "excepted": count.excepted,
        "errors": count.errors,
        "evicted": count.evicted,
        "cut": count.cut,
        "shadow": rule.shadow,
        "no_data": rule.no_data,
    })
}

/// What drifted, and what was watched for it.
fn drift_json(summary: &Summary) -> serde_json::Value {
    let watched = &summary.watched;
    let skipped: serde_json::Map<String, serde_json::Value> =
        watched.skipped.iter().map(|(name, why)| (name.to_string(), (*why).into())).collect();
    serde_json::json!({
        "reported": summary.drifts,
        "keys": watched.keys,
        "series": watched.series,
        "keys_evicted": watched.evicted,
        "rows_refused": watched.refused,
        "rows_per_false_alarm": watched.rows_per_alarm.round(),
        "skipped": skipped,
    })
}

fn json(summary: &Summary) -> serde_json::Value {
    let percentiles = |found: Option<Percentiles>| {
        found.map(|p| serde_json::json!({ "p50": p.p50, "p95": p.p95, "p99": p.p99, "n": p.n }))
    };
    let actions: serde_json::Map<String, serde_json::Value> =
        Action::ALL.iter().map(|action| (action.word().to_owned(), summary.with_action(*action).into())).collect();
    let violations: serde_json::Map<String, serde_json::Value> =
        summary.violations.iter().map(|(rule, count)| (rule.to_string(), (*count).into())).collect();
    let no_data: Vec<&str> =
        summary.fared.iter().filter(|rule| rule.no_data.is_some()).map(|rule| &*rule.rule).collect();
    let fared: serde_json::Map<String, serde_json::Value> =
        summary.fared.iter().map(|rule| (rule.rule.to_string(), rule_json(rule))).collect();
    serde_json::json!({
        "records": summary.records,
        "rejected": summary.rejected,
        "skipped": { "lines": summary.skipped.lines, "others": summary.skipped.others },
        "given": summary.given,
        "actions": actions,
        "unscored": summary.unscored,
        "partial": summary.partial,
        "violations": violations,
        "no_data": no_data,
        "rule_counts": fared,
        "drift": drift_json(summary),
        "latency_ms": percentiles(summary.latency_ms()),
        "own_us": percentiles(summary.own_us()),
        "elapsed_s": summary.elapsed.as_secs_f64(),
        "records_per_s": summary.rate(),
        "backend": &*summary.backend,
        "rules": &*summary.rules,
    })
}
