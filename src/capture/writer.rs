//! The file being written: lines gathered into frames.

use std::io::{self, Write};

use bytes::Bytes;
use serde::Serialize;
use zstd::bulk::Compressor;
use zstd::stream::raw::CParameter;

use super::decode;
use super::encode::{self, Raw};
use super::{Event, FRAME_BYTES, HEAD_BYTES, Head, MAGIC, NAME, Privacy, RulesChange, State, VERSION, sum};
use crate::record::{Record, Seq};
use crate::sanitize;
use crate::verdict::Verdict;

/// Compression level: more costs time that the records need, and gains little on lines.
const LEVEL: i32 = 3;

/// Writes a capture.
pub struct Writer<W: Write> {
    out: W,
    packer: Compressor<'static>,
    privacy: Privacy,
    /// Lines of the frame that is not ended yet.
    lines: Vec<u8>,
    /// Bytes written, and what they unpack to.
    written: u64,
    unpacked: u64,
    records: u64,
    last: Option<Seq>,
    /// The last line of a log that was written.
    raw: Bytes,
    /// A frame could not be written whole: nothing that follows it could be read.
    broken: bool,
}

impl<W: Write> std::fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("written", &self.written).field("records", &self.records).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct HeadLine<'a> {
    t: &'static str,
    version: u32,
    #[serde(flatten)]
    head: &'a Head,
}

#[derive(Serialize)]
struct Line<'a, T> {
    t: &'static str,
    #[serde(flatten)]
    rest: &'a T,
}

impl<W: Write> Writer<W> {
    /// Begins a capture: head and state are written at once.
    ///
    /// # Errors
    /// What writing to `out` comes to; a head or state that is too large to be read again.
    pub fn new(out: W, head: &Head, state: &State, privacy: Privacy) -> io::Result<Self> {
        let mut packer = Compressor::new(LEVEL)?;
        packer.set_parameter(CParameter::ChecksumFlag(true))?;
        let mut writer = Self {
            out,
            packer,
            privacy,
            lines: Vec::new(),
            written: 0,
            unpacked: 0,
            records: 0,
            last: None,
            raw: Bytes::new(),
            broken: false,
        };
        let name = [NAME, format!("{VERSION}\n").as_bytes()].concat();
        let first = [&MAGIC.to_le_bytes()[..], &(name.len() as u32).to_le_bytes(), &name].concat();
        writer.hand_over(&first)?;
        let head = writer.privacy.head(head);
        writer.json(&HeadLine { t: "head", version: VERSION, head: &head }, HEAD_BYTES)?;
        writer.flush()?;
        match writer.privacy.state(state) {
            State::Empty => writer.json(&serde_json::json!({"t": "state", "empty": true}), HEAD_BYTES)?,
            State::Known(state) => {
                #[derive(Serialize)]
                struct StateLine<'a> {
                    t: &'static str,
                    state: &'a serde_json::Value,
                }
                writer.json(&StateLine { t: "state", state }, HEAD_BYTES)?;
                if !decode::bounded(&writer.lines, decode::STATE_VALUES) {
                    return Err(io::Error::new(io::ErrorKind::InvalidInput, "a state of too many values"));
                }
            }
            State::Unknown => {}
        }
        writer.flush()?;
        Ok(writer)
    }

    /// Adds a record and what was found on it. Records come in the order of their numbers.
    ///
    /// # Errors
    /// What writing comes to; a number that is not above that of the record before.
    pub fn record(&mut self, record: &Record, verdict: &Verdict) -> io::Result<()> {
        if self.last.is_some_and(|last| record.seq <= last) || verdict.seq != record.seq {
            let fault = format!("record {} is out of order", record.seq);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, fault));
        }
        let raw = match self.privacy.text {
            false => Raw::Sizes,
            true if !record.raw.is_empty() && record.raw == self.raw => Raw::Before,
            true => Raw::Whole,
        };
        let (kept, found) = self.privacy.record(record, verdict, raw);
        let from = self.lines.len();
        encode::record(&mut self.lines, &kept, &found, raw);
        self.seal(from, HEAD_BYTES)?;
        self.last = Some(record.seq);
        self.records += 1;
        if raw == Raw::Whole && !record.raw.is_empty() {
            self.raw = record.raw.clone();
        }
        self.full()
    }

    /// Adds a change of the rules.
    ///
    /// # Errors
    /// What writing comes to.
    pub fn rules(&mut self, change: &RulesChange) -> io::Result<()> {
        let rest = self.privacy.rules(change);
        self.json(&Line { t: "rules", rest: &rest }, HEAD_BYTES)?;
        self.full()
    }

    /// Adds something to the timeline.
    ///
    /// # Errors
    /// What writing comes to.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        let rest = self.privacy.event(event);
        self.json(&Line { t: "event", rest: &rest }, HEAD_BYTES)?;
        self.full()
    }

    /// Ends the frame: all that was added is handed to the operating system.
    ///
    /// # Errors
    /// What writing comes to. After that the capture takes nothing more.
    pub fn flush(&mut self) -> io::Result<()> {
        if !self.lines.is_empty() {
            let frame = self.packer.compress(&self.lines)?;
            self.unpacked += self.lines.len() as u64;
            self.lines.clear();
            // One long line must not hold its memory for good.
            self.lines.shrink_to(2 * FRAME_BYTES);
            self.hand_over(&frame)?;
        }
        Ok(())
    }

    /// Closes the capture, and says how many bytes it has.
    ///
    /// # Errors
    /// What writing comes to.
    pub fn finish(mut self, why: &str) -> io::Result<u64> {
        let why = self.privacy.redact.text(why);
        let end = serde_json::json!({"t": "end", "records": self.records, "why": why});
        self.json(&end, HEAD_BYTES)?;
        self.flush()?;
        Ok(self.written)
    }

    /// Bytes written, and what the lines that wait will take, by what the others took.
    pub fn bytes(&self) -> u64 {
        let waiting = self.lines.len() as u128 * u128::from(self.written) / u128::from(self.unpacked.max(1));
        self.written + waiting as u64
    }

    /// Records added.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Bytes written.
    #[cfg(test)]
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    fn full(&mut self) -> io::Result<()> {
        if self.lines.len() >= FRAME_BYTES { self.flush() } else { Ok(()) }
    }

    fn json(&mut self, line: &impl Serialize, most: usize) -> io::Result<()> {
        let text = serde_json::to_string(line)?;
        let text = sanitize::json(&text);
        let from = self.lines.len();
        self.lines.extend_from_slice(text.strip_suffix('}').unwrap_or(&text).as_bytes());
        self.seal(from, most)
    }

    /// Ends the line that begins at `from`. One that could not be read again is taken back.
    fn seal(&mut self, from: usize, most: usize) -> io::Result<()> {
        let sum = sum(&self.lines[from..]);
        self.lines.extend_from_slice(format!(",\"sum\":\"{sum:016x}\"}}\n").as_bytes());
        let length = self.lines.len() - from;
        if length <= most {
            return Ok(());
        }
        self.lines.truncate(from);
        Err(io::Error::new(io::ErrorKind::InvalidInput, format!("a line of {length} bytes: {most} are the most")))
    }

    fn hand_over(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("an earlier part could not be written"));
        }
        self.broken = true;
        self.out.write_all(bytes)?;
        self.out.flush()?;
        self.written += bytes.len() as u64;
        self.broken = false;
        Ok(())
    }
}
