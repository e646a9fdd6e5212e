//! `watcher inspect FILE`: what is in a log, and how it can be watched.

mod report;
mod sample;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::args::Inspect;
use super::setup::Setup;
use super::{Failure, note_line, say};
use crate::record::draft::Maker;
use crate::record::format::Format;
use crate::record::json::Json;
use crate::record::profile::{Findings, Profile, starter_config, starter_rules};
use crate::record::reader::{Choice, Found, Line, Reader, Sniffer};
use crate::record::{Origin, Rejected};
use crate::sanitize;
use crate::stats::summary::Skipped;
use sample::Sample;

/// Refused lines that are shown.
const REJECTED: usize = 3;

/// Values whose fields are looked at one by one.
const OBJECTS: u64 = 20_000;

/// What was found in a log.
struct Inspected {
    /// As the user named it.
    pub name: String,
    pub sample: Sample,
    pub choice: Choice,
    pub findings: Findings,
    /// Lines that were read, without blank ones.
    pub lines: u64,
    pub rejected: u64,
    /// The first of them.
    pub refused: Vec<Rejected>,
    pub skipped: Skipped,
    /// Verdicts of other instances.
    pub verdicts: u64,
    /// Records that were put together from several lines.
    pub joined: u64,
}

/// Looks at a log and tells what is in it.
pub(super) fn run(setup: &Setup, inspect: &Inspect) -> Result<(), Failure> {
    let sample = Sample::take(&inspect.file)?;
    let found = look(setup, inspect.file.to_string_lossy().into_owned(), sample);
    if let Some(path) = &inspect.starter_config {
        return write_new(path, &starter_config(&found.findings), "configuration", "--config");
    }
    if let Some(path) = &inspect.starter_rules {
        return write_new(path, &starter_rules(&found.findings, &found.name), "rules", "--rules");
    }
    if inspect.json {
        return say(&format!("{}\n", sanitize::json(&report::json(&found).to_string())));
    }
    say(&report::text(&found))
}

/// Reads what was taken of a log as the pipeline would.
fn look(setup: &Setup, name: String, sample: Sample) -> Inspected {
    let config = &setup.config;
    let options = Arc::new(config.formats.options());
    let mut sniffer = Sniffer::new(&options, config.limits.line_bytes);
    let choice = sample.lines().find_map(|(_, line)| sniffer.line(line)).unwrap_or_else(|| sniffer.settle());
    let mut reader = Reader::new(Arc::clone(&options), Arc::new(choice.clone()), config.limits.line_bytes);
    let mut maker = Maker::new(config.limits, &config.key);
    let mut profile = Profile::new();
    let (source, file): (Arc<str>, Arc<str>) = (name.as_str().into(), "".into());
    let mut found = Inspected {
        name,
        choice,
        findings: Findings::default(),
        lines: 0,
        rejected: 0,
        refused: Vec::new(),
        skipped: Skipped::default(),
        verdicts: 0,
        joined: 0,
        sample: Sample::default(),
    };
    for (number, (offset, line)) in (1..).zip(sample.lines()) {
        found.lines += 1;
        let number = (offset < sample.head).then_some(number);
        let origin = Origin { source: Arc::clone(&source), file: Arc::clone(&file), offset, line: number, part: 0 };
        let line = Line { raw: Bytes::copy_from_slice(line), origin, read_ts: None };
        reader.line(&mut maker, line, &mut |what| found.take(what, &mut profile));
    }
    reader.finish(&mut maker, &mut |what| found.take(what, &mut profile));
    found.findings = profile.finish();
    found.sample = sample;
    found
}

impl Inspected {
    fn take(&mut self, found: Found, profile: &mut Profile) {
        match found {
            Found::Record(record, parts) => {
                self.joined += u64::from(parts.is_some_and(|parts| parts.len() > 1));
                if self.lines <= OBJECTS && !matches!(self.choice.format, Format::Otel) {
                    let first = record.raw.split(|byte| *byte == b'\n').next().unwrap_or_default();
                    let whole = if self.choice.joins() { first } else { &record.raw };
                    let json = Json::parse(&String::from_utf8_lossy(whole)).map(|json| profile.object(&json));
                    drop(json);
                }
                profile.record(&record);
            }
            Found::Verdict(..) => self.verdicts += 1,
            Found::Rejected(rejected) => {
                self.rejected += 1;
                if self.refused.len() < REJECTED {
                    self.refused.push(rejected);
                }
            }
            Found::NotARecord => self.skipped.lines += 1,
            Found::Skipped(count) => self.skipped.others += count,
        }
    }
}

/// Writes a file that is not there yet, for its owner alone; `-` is standard output.
fn write_new(path: &Path, text: &str, what: &str, option: &str) -> Result<(), Failure> {
    if path.as_os_str() == "-" {
        return say(text);
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Ok(()) => {
            note_line(&format!("watcher: {} written: try it with {option} {}", what, path.display()));
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(Failure::Usage(format!("{} exists already: name another file, or remove it", path.display())))
        }
        Err(error) => Err(Failure::Usage(format!("{}: {error}", path.display()))),
    }
}
