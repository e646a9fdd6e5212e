//! Verdicts, one a line; refused lines in a file beside them.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::create_private;
use crate::record::Rejected;
use crate::verdict::Verdict;
use crate::verdict::json::{self, Options};

/// Bytes gathered before they are written, unless the pipeline is idle.
const BUFFER: usize = 256 << 10;

/// An output.
pub struct NdjsonSink {
    out: BufWriter<Box<dyn Write + Send>>,
    rejected_path: Option<PathBuf>,
    rejected: Option<BufWriter<File>>,
    options: Options,
    line: Vec<u8>,
}

impl NdjsonSink {
    /// Writes to standard output.
    pub fn stdout(options: Options) -> Self {
        Self::new(Box::new(io::stdout()), None, options)
    }

    /// Writes to a file, replacing it and the file of refused lines beside it.
    ///
    /// # Errors
    /// When the file can't be created.
    pub fn create(path: &Path, options: Options) -> io::Result<Self> {
        let out = create_private(path)?;
        let rejected = rejected_path(path);
        match std::fs::remove_file(&rejected) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        Ok(Self::new(Box::new(out), Some(rejected), options))
    }

    /// Writes to anything.
    pub fn new(out: Box<dyn Write + Send>, rejected_path: Option<PathBuf>, options: Options) -> Self {
        let out = BufWriter::with_capacity(BUFFER, out);
        Self { out, rejected_path, rejected: None, options, line: Vec::new() }
    }

    /// Writes a verdict.
    ///
    /// # Errors
    /// When the output does not take it.
    pub fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
        self.line.clear();
        json::write(&mut self.line, verdict, self.options);
        self.out.write_all(&self.line)
    }

    /// Writes the report of a refused line, if there is a place for it.
    ///
    /// # Errors
    /// When the file can't be created or written.
    pub fn rejected(&mut self, rejected: &Rejected) -> io::Result<()> {
        let Some(path) = &self.rejected_path else { return Ok(()) };
        let out = match &mut self.rejected {
            Some(out) => out,
            none => none.insert(BufWriter::new(create_private(path)?)),
        };
        self.line.clear();
        json::write_rejected(&mut self.line, rejected);
        out.write_all(&self.line)
    }

    /// Hands everything to the system.
    ///
    /// # Errors
    /// When an output does not take it.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.rejected.as_mut().map_or(Ok(()), Write::flush)
    }
}

/// `FILE.rejected.ndjson`
pub fn rejected_path(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".rejected.ndjson");
    name.into()
}
