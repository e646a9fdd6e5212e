//! Verdicts, one a line; refused lines in a file beside them.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::file::{Existing, FileMark, Lines};
use super::tally::{Tally, is_finding};
use crate::record::Rejected;
use crate::redact::Redact;
use crate::verdict::Verdict;
use crate::verdict::json::{self, Options};

/// Bytes gathered before they are written, unless the pipeline is idle.
const BUFFER: usize = 256 << 10;

/// An output.
pub struct NdjsonSink {
    out: Lines,
    rejected: Option<Lines>,
    options: Options,
    /// Reports of refused lines that a former run has written, of lines that will be read again.
    past: HashMap<Vec<u8>, u32>,
    line: Vec<u8>,
    /// What is taken out of every line.
    redact: Redact,
    /// The counts of the verdicts, where not all of them are written.
    tally: Tally,
    /// Up to this event time a former run has written the counts.
    summed: Option<Timestamp>,
}

/// How a file is opened.
#[derive(Debug, Clone, Copy)]
pub struct Opening {
    /// What becomes of one that is there.
    pub existing: Existing,
    /// Size past which it rotates.
    pub max_bytes: Option<u64>,
    /// Form of the lines.
    pub options: Options,
}

impl NdjsonSink {
    /// Writes to standard output.
    pub fn stdout(options: Options) -> Self {
        Self::new(Box::new(io::stdout()), options)
    }

    /// Writes to anything.
    pub fn new(out: Box<dyn Write + Send>, options: Options) -> Self {
        Self::of(Lines::stream(out), None, options)
    }

    /// Writes to a file, and to one beside it for refused lines.
    ///
    /// # Errors
    /// When a file can't be opened, or another process is writing it (`WouldBlock`).
    pub fn open(path: &Path, opening: Opening) -> io::Result<Self> {
        let out = Lines::open(path, opening.existing, opening.max_bytes)?;
        if out.mark().is_none() {
            return Ok(Self::of(out, None, opening.options));
        }
        let beside = rejected_path(path);
        // A replaced output leaves no report of the lines that the old one refused.
        if opening.existing == Existing::Replace && beside.exists() {
            std::fs::remove_file(&beside)?;
        }
        let rejected = match beside.exists() {
            true => Lines::open(&beside, opening.existing, opening.max_bytes)?,
            false => Lines::later(&beside, opening.max_bytes),
        };
        Ok(Self::of(out, Some(rejected), opening.options))
    }

    fn of(out: Lines, rejected: Option<Lines>, options: Options) -> Self {
        Self {
            out,
            rejected,
            options,
            past: HashMap::new(),
            line: Vec::new(),
            redact: Redact::default(),
            tally: Tally::default(),
            summed: None,
        }
    }

    /// The same, with what the patterns find taken out of every line.
    pub fn redacting(self, redact: Redact) -> Self {
        Self { redact, ..self }
    }

    /// Lines that a former run has refused after its checkpoint: their reports are there when they are read again.
    pub fn remember(&mut self, rejected: HashMap<Vec<u8>, u32>) {
        self.past = rejected;
    }

    /// Those of them whose lines were not read again yet.
    pub fn remembered(&self) -> impl Iterator<Item = (&[u8], u32)> {
        self.past.iter().map(|(report, count)| (&report[..], *count))
    }

    /// Everything that was there at the start has been read: what comes now is new.
    pub fn forget_past(&mut self) {
        self.past = HashMap::new();
    }

    /// Takes a verdict. It is written with others, by [`NdjsonSink::flush`] at the latest.
    pub fn verdict(&mut self, verdict: &Verdict) {
        self.count(verdict);
        if self.options.findings && !is_finding(verdict) {
            return;
        }
        if self.redact.is_empty() {
            return json::write(self.out.pending(), verdict, self.options);
        }
        self.line.clear();
        json::write(&mut self.line, verdict, self.options);
        self.out.push(&self.redact.json(&self.line));
    }

    /// Counts a verdict that is not to be written: it is there from a former run, or no finding.
    pub fn count(&mut self, verdict: &Verdict) {
        if let (true, Some(line)) = (self.options.findings, self.tally.add(verdict, self.summed)) {
            self.out.push(line.as_bytes());
        }
    }

    /// Goes on with what a former run has counted; up to `summed` its counts are written.
    pub fn go_on_counting(&mut self, tally: Tally, summed: Option<Timestamp>) {
        (self.tally, self.summed) = (tally, summed);
    }

    /// What was counted and not written yet.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Whether verdicts without a finding are not written.
    pub fn is_selective(&self) -> bool {
        self.options.findings
    }

    /// The input has ended: the last counts are written.
    pub fn finish(&mut self) {
        if let (true, Some(line)) = (self.options.findings, self.tally.line(self.summed)) {
            self.out.push(line.as_bytes());
        }
    }

    /// Takes the report of a refused line, if there is a place for it.
    pub fn rejected(&mut self, rejected: &Rejected) {
        if self.options.findings {
            self.tally.rejected();
        }
        let Some(out) = &mut self.rejected else { return };
        self.line.clear();
        json::write_rejected(&mut self.line, rejected);
        if !self.redact.is_empty() {
            self.line = self.redact.json(&self.line);
        }
        match self.past.get_mut(&self.line) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) => drop(self.past.remove(&self.line)),
            None => out.push(&self.line),
        }
    }

    /// Whether so much waits that it should be written.
    pub fn is_due(&self) -> bool {
        self.out.waiting() >= BUFFER || self.rejected.as_ref().is_some_and(|out| out.waiting() >= BUFFER)
    }

    /// Hands everything to the system: refused lines first, so that whoever finds a verdict finds the reports of all
    /// lines before it.
    ///
    /// # Errors
    /// When an output does not take it; the rest still waits then.
    pub fn flush(&mut self) -> io::Result<()> {
        self.rejected.as_mut().map_or(Ok(()), Lines::flush)?;
        self.out.flush()
    }

    /// Goes on in new files where those that are written have another name by now.
    ///
    /// # Errors
    /// When that can't be; the old ones are written on then.
    pub fn reopen(&mut self) -> io::Result<()> {
        self.rejected.as_mut().map_or(Ok(()), Lines::reopen)?;
        self.out.reopen()
    }

    /// Gives up what waits; a line that was written in part is taken back.
    pub fn abandon(&mut self) {
        self.out.abandon();
        if let Some(rejected) = &mut self.rejected {
            rejected.abandon();
        }
    }

    /// Makes sure that what was flushed outlives a loss of power.
    ///
    /// # Errors
    /// When the system can't.
    pub fn sync(&self) -> io::Result<()> {
        self.rejected.as_ref().map_or(Ok(()), Lines::sync)?;
        self.out.sync()
    }

    /// Size past which the output rotates.
    pub fn max_bytes(&self) -> Option<u64> {
        self.out.max_bytes()
    }

    /// Lengths of the output and of the file of refused lines, where they are files.
    pub fn marks(&self) -> (Option<FileMark>, Option<FileMark>) {
        (self.out.mark(), self.rejected.as_ref().and_then(Lines::mark))
    }
}

/// `FILE.rejected.ndjson`
pub fn rejected_path(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".rejected.ndjson");
    name.into()
}
