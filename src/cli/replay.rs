//! `watcher replay FILE` with a screen: a log, or a capture, that is played, scrubbed and judged again.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use rustix::fs::{Access, access};
use tempfile::TempDir;

use super::Failure;
use super::args::Replay;
use super::captures::{self, Opened};
use super::dashboard::{Look, Running, app, inputs, need_file, need_terminal, output, run as show};
use super::rules::accepted;
use super::setup::{Mode, Rules, Setup};
use crate::clock::{SharedClock, SystemClock};
use crate::config::Config;
use crate::engine::constraints::filter::Filter;
use crate::message::replay::Speed;
use crate::pipeline::{Input, Reasons, desk, reading};
use crate::replay::first_pass::Other;
use crate::replay::player::{Start, Track};
use crate::replay::{self, Kept, store};
use crate::rules::RuleSet;

/// `watcher replay FILE`
pub(super) fn run(setup: Setup, wanted: &Replay) -> Result<(), Failure> {
    need_terminal()?;
    if wanted.file.as_os_str() != "-" {
        need_file(&wanted.file)?;
    }
    if let Some(text) = &wanted.filter {
        // Before an output is replaced.
        Filter::parse(text).map_err(|why| Failure::Usage(format!("--filter: {why}")))?;
    }
    let opened = captures::open(&setup, &wanted.file)?;
    let rules = opened.rules(&setup)?;
    let compare = wanted.compare.as_ref().map(|path| accepted(path)).transpose()?;
    let inputs = inputs(std::slice::from_ref(&wanted.file))?;
    let (notes, set) = (rules.notes.clone(), Arc::clone(&rules.set));
    let output = output(&wanted.run, true)?;
    let written = output.is_some();
    let (kept, _temporary) = kept(&setup, &inputs, (&set, compare.as_ref()), written)?;
    let tracks = tracks(&setup, &rules, compare.as_ref().zip(wanted.compare.as_deref()), &opened);
    let mode = Mode { screen: true, output, engines: opened.engines(), ..Mode::once(inputs) };
    let ready = setup.options(rules, mode)?;
    let clock: SharedClock = SystemClock::shared();
    let mut app = app(&setup, Look { word: "REPLAY", live: false, screen: wanted.screen }, &clock)?;
    app.reports.file = Some(wanted.file.clone());
    if let Some(compare) = &wanted.compare {
        app.reports.words.extend(["--compare".to_owned(), compare.to_string_lossy().into_owned()]);
    }
    let notes: Vec<String> = notes.into_iter().chain(ready.notices).collect();
    app.state.view.note = (!notes.is_empty()).then(|| notes.join("; "));
    let start = Start {
        speed: wanted.speed.unwrap_or(Speed::MAX),
        at: wanted.at,
        filter: wanted.filter.clone(),
        skip_gaps: wanted.skip_gaps,
    };
    let options = replay::Options {
        input: ready.options,
        kept,
        seen: match opened {
            Opened::Capture(reader) if compare.is_none() => Other::Seen(reader),
            _ => Other::None,
        },
        compare: compare.as_ref().map(|rules| super::compare::judge(&setup, rules)),
        tracks,
        review_score: setup.config.policy().review_score,
        start,
    };
    let replay = replay::start(options, Arc::clone(&clock)).map_err(Failure::Usage)?;
    // No file of a replay's rules is followed: nobody asks why it was changed.
    let answers = desk::start(&app.desk, &Reasons::default(), &clock).context("answering the screen")?;
    show(app, move || Ok(Running { answers, updates: replay.updates, orders: replay.orders, handle: replay.handle }))
}

/// The judgements that can be shown, in the order of the first pass.
fn tracks(setup: &Setup, rules: &Rules, compare: Option<(&Arc<RuleSet>, &Path)>, opened: &Opened) -> Vec<Track> {
    let name = |path: &Path| {
        path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy()).into_owned()
    };
    let own = match (compare, setup.rules_path()) {
        (None, _) => "judged today".to_owned(),
        (Some(_), Some(path)) => name(&path),
        (Some(_), None) => "rules in force".to_owned(),
    };
    let mut tracks = vec![Track { name: own.into(), rules: Arc::clone(&rules.set) }];
    if let Some((other, path)) = compare {
        tracks.push(Track { name: name(path).into(), rules: Arc::clone(other) });
    }
    // Two judgements can be held against each other: those of two sets of rules, if that is what is asked for.
    if let (Opened::Capture(_), None) = (opened, compare) {
        tracks.push(Track { name: "as seen".into(), rules: Arc::clone(&rules.set) });
    }
    tracks
}

/// Where what is judged is kept, under a name that says what it was judged from and by; and the folder, if it goes with
/// the process.
fn kept(
    setup: &Setup,
    inputs: &[Input],
    (rules, compare): (&RuleSet, Option<&Arc<RuleSet>>),
    written: bool,
) -> Result<(Kept, Option<TempDir>), Failure> {
    let mut parts = vec![env!("CARGO_PKG_VERSION").to_owned(), rules.revision.to_string()];
    parts.push(compare.map_or(String::new(), |rules| rules.revision.to_string()));
    parts.push(deciding(&setup.config).to_yaml());
    let mut lasting = true;
    for input in inputs {
        match input {
            Input::Files(path) | Input::Capture(path) => {
                let files = reading::expand(path);
                parts.extend(files.iter().map(|file| identity(file)));
            }
            Input::Stream(_) | Input::Stdin => lasting = false,
        }
    }
    let bytes = setup.config.keeping.store_bytes;
    let own = setup.paths.as_ref().map(|paths| paths.state.join("replays"));
    let made = |folder: &std::path::PathBuf| DirBuilder::new().recursive(true).mode(0o700).create(folder).is_ok();
    let writable = |folder: &std::path::PathBuf| made(folder) && access(folder, Access::WRITE_OK).is_ok();
    // What is not to leave the process is not kept beyond it.
    let (folder, temporary) = match own.filter(|_| setup.config.keeping.is_open()).filter(writable) {
        Some(folder) => (folder, None),
        // Without a home to write to it is judged each time.
        None => {
            lasting = false;
            let made = tempfile::Builder::new().prefix("watcher-").tempdir();
            let made = made.context("a folder for what is judged")?;
            (made.path().to_owned(), Some(made))
        }
    };
    if !lasting {
        // What comes through a pipe can't be known again.
        parts.push(std::process::id().to_string());
    }
    let name = store::name(parts.iter().map(String::as_str));
    Ok((Kept { folder, name, bytes, reuse: lasting && !written, lasting }, temporary))
}

/// A file as it is now.
fn identity(path: &Path) -> String {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match std::fs::metadata(path) {
        Ok(m) => format!("{} {} {} {} {} {}", whole.display(), m.dev(), m.ino(), m.len(), m.mtime(), m.mtime_nsec()),
        Err(_) => whole.display().to_string(),
    }
}

/// The configuration without what no verdict depends on.
fn deciding(config: &Config) -> Config {
    let Ok(plain) = Config::built_in() else { return config.clone() };
    Config {
        theme: plain.theme,
        symbols: plain.symbols,
        mouse: plain.mouse,
        local_time: plain.local_time,
        reduced_motion: plain.reduced_motion,
        notify: plain.notify,
        keys: plain.keys,
        keeping: plain.keeping,
        read_back: plain.read_back,
        threads: plain.threads,
        retention: plain.retention,
        rules: None,
        ..config.clone()
    }
}
