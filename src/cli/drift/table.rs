//! A column of a CSV file.

use std::cell::{Cell, RefCell};
use std::io::{BufRead, BufReader, Read};
use std::rc::Rc;

use super::{End, Input, Output, TIMES, Told, Writer, missing};
use crate::cli::Failure;
use crate::cli::args::Drift;
use crate::engine::drift::auto::{Auto, Setting};
use crate::engine::drift::budget::Thresholds;
use crate::engine::drift::zscore::ZScore;
use crate::engine::drift::{Detector, Row, Which};
use crate::record::{Seq, time};
use crate::sanitize;

/// Ways to write that there is no value.
const MISSING: [&str; 9] = ["", "nan", "na", "n/a", "null", "none", "-", "inf", "-inf"];

/// Rows between two moves of the progress bar.
const TICK: u64 = 4_096;

/// Which columns are read.
struct Columns {
    value: usize,
    time: Option<usize>,
}

impl Columns {
    fn find(args: &Drift, header: &csv::ByteRecord, name: &str) -> Result<Self, Failure> {
        let names: Vec<String> = header.iter().map(|field| String::from_utf8_lossy(field).trim().to_owned()).collect();
        let has = || format!("{name} has the columns {}", sanitize::line(&names.join(", ")));
        let find = |wanted: &str| {
            let exact = names.iter().position(|column| column == wanted);
            exact.or_else(|| names.iter().position(|column| column.eq_ignore_ascii_case(wanted)))
        };
        let named = |wanted: &str| {
            find(wanted).ok_or_else(|| Failure::Usage(format!("no column `{}`; {}", sanitize::line(wanted), has())))
        };
        let value = args.value.as_deref().map(named).transpose()?;
        let time = match &args.time {
            Some(wanted) => Some(named(wanted)?),
            None => TIMES.iter().find_map(|known| find(known)).filter(|column| Some(*column) != value),
        };
        let value = match value {
            Some(value) => value,
            None => {
                let mut others = (0..names.len()).filter(|column| Some(*column) != time);
                match (others.next(), others.next()) {
                    (Some(only), None) => only,
                    _ => return Err(Failure::Usage(format!("--value COLUMN says which values to watch; {}", has()))),
                }
            }
        };
        Ok(Self { value, time })
    }
}

/// Rows whose value could not be read.
#[derive(Default)]
struct Unread {
    count: u64,
    first: Option<String>,
}

impl Unread {
    /// The value of a field; `None` where there is none.
    fn value(&mut self, field: &[u8], row: u64) -> Option<f64> {
        let text = String::from_utf8_lossy(field);
        let text = text.trim();
        match text.parse::<f64>() {
            Ok(value) => value.is_finite().then_some(value),
            Err(_) => {
                if !MISSING.iter().any(|known| known.eq_ignore_ascii_case(text)) {
                    self.count += 1;
                    let place = || format!("row {row}: `{}`", sanitize::line(crate::record::prefix(text, 60)));
                    self.first.get_or_insert_with(place);
                }
                None
            }
        }
    }
}

/// Watches the column; what the user should know at the end.
pub(super) fn run(args: &Drift, mut input: Input, out: &mut Output, limits: &Thresholds) -> Result<Vec<String>, End> {
    let mut reader =
        BufReader::with_capacity(1 << 16, std::mem::replace(&mut input.reader, Box::new(std::io::empty())));
    let (delimiter, header) = sniff(&mut reader).map_err(|error| input.failed(&error))?;
    let columns = Columns::find(args, &header, &input.name)?;
    if args.value.is_none() && header.iter().all(|field| String::from_utf8_lossy(field).trim().parse::<f64>().is_ok()) {
        let why = format!("{}: its first row is numbers; a header with the names of the columns is needed", input.name);
        return Err(Failure::Usage(why).into());
    }
    let taken = Rc::new(Cell::new(0));
    let writer = Rc::clone(&out.writer);
    let filled = Filled { inner: reader, alone: header.len() == 1, at_start: true, taken: Rc::clone(&taken), writer };
    let mut rows = csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(filled);
    let mut detector: Box<dyn Detector> = match args.detector {
        Which::Auto => Box::new(Auto::new(Setting::default())),
        Which::Zscore => Box::new(ZScore::default()),
    };
    out.header()?;
    let mut unread = Unread::default();
    let mut record = csv::ByteRecord::new();
    let mut row = 0u64;
    while rows.read_byte_record(&mut record).map_err(|error| input.failed(&super::plain(error)))? {
        taken.set(0);
        let field = record.get(columns.value).unwrap_or_default();
        let counted = row.to_string();
        let stamp = columns.time.map_or(counted.as_bytes(), |column| record.get(column).unwrap_or_default());
        let reading = match unread.value(field, row) {
            Some(value) => {
                let at = columns.time.and_then(|_| time::parse(String::from_utf8_lossy(stamp).trim()));
                let at = at.map(|at| at.as_millisecond());
                detector.observe(Row { seq: Seq(row), at, value }, limits)
            }
            None => missing(),
        };
        out.row(&Told { timestamp: stamp, value: field }, &reading)?;
        row += 1;
        if row.is_multiple_of(TICK) {
            out.bar.set_position(rows.position().byte());
        }
    }
    let many = |count: u64| if count == 1 { "1 row has".to_owned() } else { format!("{count} rows have") };
    let note =
        unread.first.map(|first| format!("{} no number and count as missing, first {first}", many(unread.count)));
    Ok(note.into_iter().collect())
}

/// The header, and what separates its columns.
fn sniff(reader: &mut impl BufRead) -> std::io::Result<(u8, csv::ByteRecord)> {
    let mut line = Vec::new();
    let most = 1 << 20;
    reader.by_ref().take(most).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Err(std::io::Error::other("is empty: a header with the names of the columns is needed"));
    }
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line);
    let has = |byte: u8| line.contains(&byte);
    let delimiter = [b',', b';', b'\t'].into_iter().find(|byte| has(*byte)).unwrap_or(b',');
    let mut rows = csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(line);
    let mut header = csv::ByteRecord::new();
    rows.read_byte_record(&mut header)?;
    Ok((delimiter, header))
}

/// Longest row, bytes: more is a quote that was left open.
const ROW: u64 = 4 << 20;

/// What a reader of CSV does not do: it passes over an empty line, which is a row without a value where there is one
/// column, holds a row of any length, and waits for more while what it found is not written.
struct Filled<R> {
    inner: BufReader<R>,
    alone: bool,
    at_start: bool,
    /// Bytes since the last row.
    taken: Rc<Cell<u64>>,
    writer: Rc<RefCell<Writer>>,
}

impl<R: Read> Read for Filled<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.inner.buffer().is_empty() {
            // A fault of the output is told by the next row.
            let _ = self.writer.borrow_mut().flush();
        }
        self.taken.set(self.taken.get() + out.len() as u64);
        if self.taken.get() > ROW {
            return Err(std::io::Error::other("a row of more than 4 MiB: is a quote left open?"));
        }
        if !self.alone || out.len() < 3 {
            return self.inner.read(out);
        }
        let bytes = self.inner.fill_buf()?;
        let (mut taken, mut made) = (0, 0);
        while taken < bytes.len() && made + 3 <= out.len() {
            let byte = bytes[taken];
            if byte == b'\n' && self.at_start {
                out[made..made + 2].copy_from_slice(b"\"\"");
                made += 2;
            }
            // The end of a line of another system is no content.
            if byte != b'\r' {
                self.at_start = byte == b'\n';
            }
            out[made] = byte;
            (made, taken) = (made + 1, taken + 1);
        }
        self.inner.consume(taken);
        Ok(made)
    }
}
