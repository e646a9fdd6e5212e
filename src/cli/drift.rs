//! `watcher drift`: the drift engine on any series. One row in, one row out, in constant memory.

mod table;
mod text;

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, IsTerminal, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::rc::Rc;

use indicatif::ProgressBar;

use super::args::Drift;
use super::headless::progress;
use super::setup::Setup;
use super::{Failure, note_line};
use crate::engine::drift::Reading;
use crate::engine::drift::budget::{FalseAlarms, Thresholds};
use crate::sanitize;
use crate::verdict::DriftState;

/// Names that a time has, in the order in which they are looked for (contract).
const TIMES: [&str; 5] = ["timestamp", "time", "ts", "date", "t"];

/// Columns of the output (contract).
const COLUMNS: [&str; 8] = ["timestamp", "value", "anomaly_score", "alarm", "state", "z", "direction", "onset"];

/// Runs the command.
pub(super) fn run(setup: &Setup, args: &Drift) -> Result<(), Failure> {
    let FalseAlarms::Rows(rows) = args.false_alarms else {
        return Err(Failure::Usage("--false-alarms is in rows here, such as 1/10000: a file has no clock".into()));
    };
    let limits = Thresholds::new(rows);
    let input = Input::open(&args.file)?;
    let mut out = Output::create(args)?;
    let outcome = match &args.text {
        Some(field) => text::run(setup, args, field, input, &mut out, &limits),
        None => table::run(args, input, &mut out, &limits),
    };
    out.bar.finish_and_clear();
    match outcome.and_then(|notes| out.finish().map(|()| notes)) {
        Ok(notes) => {
            for note in notes {
                note_line(&format!("watcher: {}", sanitize::line(&note)));
            }
            Ok(())
        }
        Err(End::ClosedPipe) => Ok(()),
        Err(End::Failed(failure)) => Err(failure),
    }
}

/// Why a run ended early.
enum End {
    /// Nobody reads the output any more: no fault.
    ClosedPipe,
    Failed(Failure),
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// What is read, unpacked if need be.
struct Input {
    reader: Box<dyn Read>,
    name: String,
}

impl Input {
    fn open(path: &Path) -> Result<Self, Failure> {
        let name = sanitize::line(&path.to_string_lossy()).into_owned();
        if path.as_os_str() == "-" {
            return Ok(Self { reader: Box::new(io::stdin().lock()), name: "standard input".into() });
        }
        let failed = |error: io::Error| Failure::Input(format!("{name}: {error}"));
        let file = File::open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.is_dir() {
            return Err(Failure::Input(format!("{name}: is a folder; give one file")));
        }
        let reader: Box<dyn Read> = match path.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => Box::new(flate2::read::MultiGzDecoder::new(BufReader::new(file))),
            Some("zst") => Box::new(zstd::Decoder::new(file).map_err(failed)?),
            _ => Box::new(file),
        };
        Ok(Self { reader, name })
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> End {
        End::Failed(Failure::Input(format!("{}: {error}", self.name)))
    }
}

/// Where the rows go.
struct Output {
    writer: Rc<RefCell<Writer>>,
    name: String,
    bar: ProgressBar,
    /// What a terminal would obey must not reach it.
    terminal: bool,
}

type Writer = csv::Writer<Box<dyn Write>>;

/// What of a row is told beside its reading.
struct Told<'a> {
    timestamp: &'a [u8],
    value: &'a [u8],
}

impl Output {
    fn create(args: &Drift) -> Result<Self, Failure> {
        let path = args.output.as_deref().filter(|path| path.as_os_str() != "-");
        let (writer, name): (Box<dyn Write>, _) = match path {
            None => (Box::new(BufWriter::new(io::stdout().lock())), "standard output".to_owned()),
            Some(path) => {
                let name = sanitize::line(&path.to_string_lossy()).into_owned();
                let failed = |error: io::Error| Failure::Input(format!("{name}: {error}"));
                if is_same(path, &args.file) {
                    return Err(Failure::Usage(format!("{name}: is the input itself; it would be lost")));
                }
                let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
                (Box::new(BufWriter::new(file.map_err(failed)?)), name)
            }
        };
        // A bar and the rows on one terminal would write over each other.
        let shown = path.is_some() || !io::stdout().is_terminal();
        let file = (shown && args.file.as_os_str() != "-").then_some(&args.file);
        let bar = file.map_or_else(ProgressBar::hidden, |file| progress(Some(file)));
        let writer = Rc::new(RefCell::new(csv::WriterBuilder::new().has_headers(false).from_writer(writer)));
        Ok(Self { writer, name, bar, terminal: path.is_none() && io::stdout().is_terminal() })
    }

    fn header(&mut self) -> Result<(), End> {
        let written = self.writer.borrow_mut().write_record(COLUMNS);
        written.map_err(|error| self.failed(plain(error)))
    }

    fn row(&mut self, told: &Told<'_>, reading: &Reading) -> Result<(), End> {
        let clean = |bytes: &[u8]| sanitize::line(&String::from_utf8_lossy(bytes)).into_owned().into_bytes();
        let cleaned = self.terminal.then(|| (clean(told.timestamp), clean(told.value)));
        let (timestamp, value) = cleaned.as_ref().map_or((told.timestamp, told.value), |(a, b)| (&**a, &**b));
        let score = rounded(reading.score);
        let z = rounded(reading.z);
        let direction = reading.direction.map_or("", |direction| direction.word());
        let onset = reading.onset.map(|onset| onset.0.to_string()).unwrap_or_default();
        let alarm: &[u8] = if reading.alarm { b"1" } else { b"0" };
        let fields: [&[u8]; COLUMNS.len()] = [
            timestamp,
            value,
            score.as_bytes(),
            alarm,
            reading.state.word().as_bytes(),
            z.as_bytes(),
            direction.as_bytes(),
            onset.as_bytes(),
        ];
        let written = self.writer.borrow_mut().write_record(fields);
        written.map_err(|error| self.failed(plain(error)))
    }

    fn finish(&mut self) -> Result<(), End> {
        let flushed = self.writer.borrow_mut().flush();
        flushed.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: io::Error) -> End {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return End::ClosedPipe;
        }
        End::Failed(Failure::Input(format!("{}: {error}", self.name)))
    }
}

/// The fault of the file behind a fault of the table.
fn plain(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// Whether two paths lead to one file.
fn is_same(a: &Path, b: &Path) -> bool {
    let identity = |path: &Path| std::fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
    identity(a).is_some_and(|file| identity(b) == Some(file))
}

/// At most six decimals, as in verdicts.
fn rounded(value: f64) -> String {
    let rounded = (value * 1e6).round() / 1e6;
    // No "-0".
    format!("{}", if rounded == 0.0 { 0.0 } else { rounded })
}

/// A row without a value.
fn missing() -> Reading {
    Reading {
        state: DriftState::Missing,
        alarm: false,
        score: 0.0,
        z: 0.0,
        baseline: None,
        spread: None,
        direction: None,
        size: None,
        onset: None,
    }
}
