//! Captures on the command line: what `--capture` asks for, and what a capture that is opened brings along.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Failure;
use super::args::Capture;
use super::setup::{Rules, Setup, compile};
use crate::capture::{Bounds, Head, Reader, State};
use crate::config::keeping::Content;
use crate::message::CaptureReport;
use crate::pipeline::Input;
use crate::pipeline::recording::Options;
use crate::rules::schema::Source;

/// How records are captured in this run.
pub(super) fn options(
    setup: &Setup,
    wanted: &Capture,
    mode: &'static str,
    sources: &[PathBuf],
) -> Result<Option<Options>, Failure> {
    let keeping = &setup.config.keeping;
    if let Some(path) = &wanted.capture
        && path.exists()
    {
        let shown = path.display();
        return Err(Failure::Usage(format!(
            "{shown} exists already and would be lost; name another file, or remove it"
        )));
    }
    if let Some(path) = &wanted.capture {
        // Found now, not when the first record comes.
        let tried = crate::capture::create(path).and_then(|_| std::fs::remove_file(path));
        tried.map_err(|error| Failure::Usage(format!("--capture {}: {error}", path.display())))?;
    }
    let shows = keeping.content == Content::Show;
    let policy = crate::config::Preset::WORDS.iter().find(|(_, preset)| *preset == setup.config.preset);
    Ok(Some(Options {
        file: wanted.capture.clone(),
        text: (!wanted.no_text && keeping.content != Content::Off, shows && !wanted.no_text),
        never_text: keeping.content == Content::Off,
        redact: Arc::new(keeping.redact()),
        folder: folder(setup),
        bytes: keeping.capture_bytes,
        before: keeping.capture_before,
        mode,
        config: setup.config.to_yaml(),
        policy: policy.map_or("", |(word, _)| word).to_owned(),
        key: setup.config.key.clone(),
        sources: sources.iter().map(|source| source.to_string_lossy().into_owned()).collect(),
    }))
}

/// Where captures go that were not named.
pub(super) fn folder(setup: &Setup) -> Option<PathBuf> {
    let own = setup.paths.as_ref().map(|paths| paths.state.join("captures"));
    setup.config.keeping.folder.clone().or(own)
}

/// Whether a file is a capture, by its first bytes: its name says nothing.
pub(super) fn is_capture(path: &Path) -> bool {
    let mut first = Vec::new();
    let read = File::open(path).and_then(|file| file.take(64).read_to_end(&mut first));
    read.is_ok() && crate::capture::is_capture(&first)
}

/// A capture has ended: nobody can watch it.
pub(super) fn refuse(inputs: &[Input]) -> Result<(), Failure> {
    let found = inputs.iter().find_map(|input| match input {
        Input::Capture(path) => Some(path.display()),
        _ => None,
    });
    let why = |shown| format!("{shown} is a capture, which has ended: watcher replay {shown}");
    found.map_or(Ok(()), |shown| Err(Failure::Usage(why(shown))))
}

/// What is to be replayed.
pub(super) enum Opened {
    /// A log.
    Log,
    /// A capture.
    Capture(Box<Reader<File>>),
}

/// Looks whether a file is a capture, and opens it.
pub(super) fn open(setup: &Setup, path: &Path) -> Result<Opened, Failure> {
    if path.as_os_str() == "-" || !path.is_file() {
        return Ok(Opened::Log);
    }
    let named = path.extension().is_some_and(|extension| extension == "wcap");
    if !named && !is_capture(path) {
        return Ok(Opened::Log);
    }
    let shown = path.display();
    let file = File::open(path).map_err(|error| Failure::Input(format!("{shown}: {error}")))?;
    let bounds = Bounds { bytes: setup.config.unpacked_bytes, line_bytes: setup.config.limits.line_bytes };
    let reader = Reader::open(file, bounds).map_err(|refused| Failure::Input(format!("{shown}: {refused}")))?;
    Ok(Opened::Capture(Box::new(reader)))
}

impl Opened {
    /// What the capture says of itself.
    pub fn head(&self) -> Option<&Head> {
        match self {
            Self::Log => None,
            Self::Capture(reader) => Some(reader.head()),
        }
    }

    /// What the engines knew at its first record.
    pub fn engines(&self) -> Option<serde_json::Value> {
        match self {
            Self::Capture(reader) => match reader.state() {
                State::Known(state) => Some(state.clone()),
                State::Empty | State::Unknown => None,
            },
            Self::Log => None,
        }
    }

    /// The rules to judge by: the user's own, else those of the capture.
    pub fn rules(&self, setup: &Setup) -> Result<Rules, Failure> {
        let Some(head) = self.head().filter(|head| setup.rules_path().is_none() && !head.rules.is_empty()) else {
            return setup.rules();
        };
        let sources = head.rules.iter().map(|rule| Source { name: rule.name.clone(), text: rule.text.clone() });
        let sources: Vec<Source> = sources.collect();
        let set = compile(&sources).map_err(|fault| match fault {
            Failure::Usage(why) => {
                Failure::Input(format!("the rules in the capture do not hold, name others with --rules\n{why}"))
            }
            other => other,
        })?;
        let mut rules = Rules::built_in(set);
        rules.notes.push("judged by the capture's own rules: you have none, and --rules names others".to_owned());
        Ok(rules)
    }
}

/// What was told of captures without a screen.
#[derive(Default)]
pub(super) struct Heard {
    stopped: Option<String>,
}

impl Heard {
    /// That nothing more is captured, once.
    pub fn stopped(&mut self, report: &CaptureReport) -> Option<String> {
        let news = report.stopped != self.stopped;
        self.stopped.clone_from(&report.stopped);
        report.stopped.as_ref().filter(|_| news).map(|why| format!("stopped capturing: {why}"))
    }
}
