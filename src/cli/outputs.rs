//! Opens what is written: output, checkpoint, and the locks that keep a second process away from both.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::Failure;
use super::setup::{Mode, Output};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::config::paths::Paths;
use crate::pipeline::{Input, Resume, SavedWritten};
use crate::sink::file::{Existing, FileMark};
use crate::sink::lock::{Lock, Locked};
use crate::sink::ndjson::{NdjsonSink, Opening, rejected_path};
use crate::sink::past::Past;
use crate::source::From;
use crate::source::checkpoint::{Checkpoint, Found, Key, Store};
use crate::verdict::json;

/// Everything that is written by a run.
#[derive(Default)]
pub(super) struct Outputs {
    pub sink: Option<NdjsonSink>,
    /// Files that are written, and must not be read.
    pub own: Vec<PathBuf>,
    pub store: Option<Store>,
    pub resume: Resume,
    /// Held as long as the run lasts.
    pub locks: Vec<Lock>,
    /// What the operator should know.
    pub notices: Vec<String>,
    /// Only findings are written.
    findings: bool,
}

impl Outputs {
    /// Opens them. Nothing is changed on disk before all of it is known to be right.
    pub fn open(mode: &Mode, config: &Config, paths: Option<&Paths>, rules: Option<&Path>) -> Result<Self, Failure> {
        let mut outputs = Self { findings: config.only_findings, ..Self::default() };
        let file = mode.output.as_ref().filter(|output| output.path.as_os_str() != "-");
        if let Some(output) = file {
            refuse_inputs(&output.path, &mode.inputs)?;
            refuse_read(&output.path, rules.as_slice())?;
            outputs.own = vec![output.path.clone(), rejected_path(&output.path)];
            if let Some(paths) = paths {
                let name = Key { sources: Vec::new(), output: Some(absolute(&output.path)) }.name();
                outputs
                    .lock(&folder(paths, "locks")?.join(format!("{name}.lock")), &output.path.display().to_string())?;
            }
        }
        let checkpoint = if mode.checkpoints { outputs.checkpoint(mode, file, paths)? } else { None };
        match (&mode.output, file) {
            (Some(output), None) => {
                outputs.sink = Some(NdjsonSink::stdout(outputs.form(output)).redacting(config.keeping.redact()));
            }
            (_, Some(output)) => outputs.file(mode, output, checkpoint.as_deref(), config)?,
            (None, None) => {}
        }
        outputs.resume.checkpoint = checkpoint;
        Ok(outputs)
    }

    /// Finds the last run's checkpoint, if this one goes on from it.
    fn checkpoint(
        &mut self,
        mode: &Mode,
        file: Option<&Output>,
        paths: Option<&Paths>,
    ) -> Result<Option<Box<Checkpoint>>, Failure> {
        let Some(paths) = paths else {
            self.notices.push("there is no home folder: no checkpoints are made".into());
            return Ok(None);
        };
        let key = Key { sources: sources(&mode.inputs), output: file.map(|output| absolute(&output.path)) };
        let store = Store::new(&folder(paths, "checkpoints")?, key);
        self.lock(&store.path().with_extension("lock"), "the checkpoint of these sources")?;
        let wrong = |error: io::Error| Failure::Usage(format!("checkpoint {}: {error}", store.path().display()));
        let found = match mode.from {
            From::Checkpoint if !mode.fresh => store.load().map_err(wrong)?,
            _ => {
                // What was refused below would otherwise be continued by the next run.
                if let Some(output) = file {
                    refuse_existing(output, "; --from checkpoint goes on with it")?;
                }
                store.remove().map_err(wrong)?;
                Found::Nothing
            }
        };
        self.store = Some(store);
        Ok(match found {
            Found::Nothing => None,
            Found::Checkpoint(checkpoint) => Some(checkpoint),
            Found::SetAside { why, path } => {
                let text = format!("the checkpoint was set aside as {}: {why}", path.display());
                self.notices.push(text);
                None
            }
        })
    }

    /// Opens a file for verdicts, to be continued, replaced or begun.
    fn file(
        &mut self,
        mode: &Mode,
        output: &Output,
        checkpoint: Option<&Checkpoint>,
        config: &Config,
    ) -> Result<(), Failure> {
        let shown = output.path.display();
        let wrong = |error: io::Error| match error.kind() {
            io::ErrorKind::WouldBlock => Failure::Usage(format!("{shown} is being written by another process")),
            io::ErrorKind::InvalidData => Failure::Usage(format!(
                "{shown} exists already and can't be continued: {error}; name another file, or remove it"
            )),
            _ => Failure::Usage(format!("output {shown}: {error}")),
        };
        let continues = self.store.is_some() && mode.from == From::Checkpoint && !mode.fresh;
        if !continues && !output.replace {
            refuse_existing(output, "")?;
        }
        let existing = if continues { Existing::Continue } else { Existing::Replace };
        let mut past = Past::default();
        if continues {
            let written = checkpoint.map(|found| SavedWritten::of(&found.written)).unwrap_or_default();
            // Without a checkpoint the outputs themselves say what is done.
            let start = |mark: Option<FileMark>| checkpoint.is_some().then(|| mark.unwrap_or_default());
            let beside = rejected_path(&output.path);
            past =
                Past::read((&output.path, start(written.output)), (&beside, start(written.rejected))).map_err(wrong)?;
            for (report, count) in written.reported {
                *past.rejected.entry(report.into_bytes()).or_default() += count;
            }
        }
        let opening = Opening { existing, max_bytes: config.output_max_bytes, options: self.form(output) };
        let mut sink = NdjsonSink::open(&output.path, opening).map_err(wrong)?.redacting(config.keeping.redact());
        sink.remember(std::mem::take(&mut past.rejected));
        let tally = checkpoint.map(|found| SavedWritten::of(&found.written)).unwrap_or_default().tally;
        sink.go_on_counting(tally, past.summed);
        self.notices.append(&mut past.notices);
        self.resume.past = past;
        self.sink = Some(sink);
        Ok(())
    }

    /// The form of the lines.
    fn form(&self, output: &Output) -> json::Options {
        json::Options { findings: self.findings, ..output.options }
    }

    fn lock(&mut self, path: &Path, what: &str) -> Result<(), Failure> {
        let command: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        let (pid, now) = (std::process::id(), SystemClock::new().now());
        let who = format!("process {pid} since {now:.0} ({})\n", command.join(" "));
        match Lock::take(path, &who) {
            Ok(lock) => {
                self.locks.push(lock);
                Ok(())
            }
            Err(Locked::By(who)) => Err(Failure::Usage(format!("{what} is in use by {who}"))),
            Err(Locked::Failed(error)) => Err(Failure::Usage(format!("{}: {error}", path.display()))),
        }
    }
}

/// Watching never overwrites what is there.
fn refuse_existing(output: &Output, more: &str) -> Result<(), Failure> {
    let holds = |path: &PathBuf| fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() > 0);
    let Some(path) = [output.path.clone(), rejected_path(&output.path)].into_iter().find(holds) else { return Ok(()) };
    let shown = path.display();
    Err(Failure::Usage(format!("{shown} exists already and would be lost; name another file, or remove it{more}")))
}

/// Nobody writes over an input.
fn refuse_inputs(path: &Path, inputs: &[Input]) -> Result<(), Failure> {
    // A pattern that matches an output leaves it out; who names it means it.
    let named = |input: &Input| match input {
        Input::Files(path) | Input::Stream(path) | Input::Capture(path) => Some(path.clone()),
        Input::Stdin => None,
    };
    let found: Vec<PathBuf> = inputs.iter().filter_map(named).collect();
    let found: Vec<&Path> = found.iter().map(PathBuf::as_path).collect();
    [path.to_owned(), rejected_path(path)].iter().try_for_each(|target| refuse_read(target, &found))
}

/// Refuses an output that is one of the files that are read, by whatever name or link, or a rule file in a folder of
/// them.
pub(super) fn refuse_read(target: &Path, reads: &[&Path]) -> Result<(), Failure> {
    let is = |one: &Path, other: &Path| match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => absolute(one) == absolute(other),
    };
    let rules = target.extension().is_some_and(|end| end == "yaml" || end == "yml");
    let folder = target.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let same = |read: &&Path| is(read, target) || (rules && read.is_dir() && folder.is_some_and(|at| is(read, at)));
    if reads.iter().any(same) {
        let shown = target.display();
        return Err(Failure::Usage(format!("{shown} is read and would be overwritten: name another output")));
    }
    Ok(())
}

/// A folder of the program's own state, for its owner alone.
fn folder(paths: &Paths, name: &str) -> Result<PathBuf, Failure> {
    let folder = paths.state.join(name);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.map_err(|error| Failure::Usage(format!("{}: {error}", folder.display())))?;
    Ok(folder)
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned()
}

fn sources(inputs: &[Input]) -> Vec<String> {
    let name = |input: &Input| match input {
        Input::Files(path) | Input::Stream(path) | Input::Capture(path) => absolute(path),
        Input::Stdin => "-".to_owned(),
    };
    let mut sources: Vec<String> = inputs.iter().map(name).collect();
    sources.sort();
    sources
}
