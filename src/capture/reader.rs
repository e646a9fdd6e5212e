//! The file being read: frames taken apart into lines, and each line believed only so far.

use std::io::Read;

use bytes::{Buf, Bytes};

use super::decode::{self, Records};
use super::frames::Frames;
use super::{Bounds, Entry, FRAME_BYTES, HEAD_BYTES, Head, Refused, State, sum};

/// How a line's own sum is written, and how long that is with the sum and what closes it.
const SUM: &[u8] = b",\"sum\":\"";
const SUM_BYTES: usize = SUM.len() + 16 + 2;

/// Reads a capture: the entries one after the other, as far as it is sound.
///
/// Nothing in the file is trusted: not its sizes, not its order, and no path in it is ever opened.
pub struct Reader<R: Read> {
    frames: Frames<R>,
    bounds: Bounds,
    /// What is left of the present frame.
    lines: Bytes,
    /// Where the present frame begins in the file.
    at: u64,
    /// Why the present frame is not whole.
    cut: Option<String>,
    /// A line that was looked at already.
    next: Option<Bytes>,
    head: Head,
    state: State,
    /// Head and state are behind.
    begun: bool,
    records: Records,
    passed_over: u64,
    ended: bool,
    damage: Option<String>,
    done: bool,
}

impl<R: Read> std::fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("head", &self.head).field("damage", &self.damage).finish_non_exhaustive()
    }
}

impl<R: Read> Reader<R> {
    /// Opens a capture, and reads its head and state.
    ///
    /// # Errors
    /// When it is no capture, one of another version, or its head cannot be read.
    pub fn open(input: R, bounds: Bounds) -> Result<Self, Refused> {
        let mut frames = Frames::open(input, bounds.bytes)?;
        let damaged = Refused::Damaged;
        let most = HEAD_BYTES + FRAME_BYTES;
        let first = frames.next(most).map_err(damaged)?.ok_or_else(|| damaged("it has no head".into()))?;
        let mut lines = Bytes::from(first.lines);
        let line = match split(&mut lines) {
            Some(line) => line,
            None => return Err(damaged(first.cut.unwrap_or_else(|| "its head is no line".into()))),
        };
        summed(&line, first.cut.is_some()).map_err(damaged)?;
        let head = decode::head(&line)?;
        let mut reader = Self {
            frames,
            bounds,
            lines,
            at: first.at,
            cut: first.cut,
            next: None,
            head,
            state: State::Unknown,
            begun: false,
            records: Records::default(),
            passed_over: 0,
            ended: false,
            damage: None,
            done: false,
        };
        if let Err(fault) = reader.read_state() {
            reader.stop(fault);
        }
        Ok(reader)
    }

    /// What holds for the whole capture.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// What the engines knew at the first record.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The same, to keep; it is unknown here from then on.
    pub fn take_state(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Unknown)
    }

    /// Once there are no more entries: why it could be read only so far. `None` if it was read to its end.
    pub fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// Whether it was closed, as its last line says.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Lines of a kind that is not known here: a later version may write more.
    pub fn passed_over(&self) -> u64 {
        self.passed_over
    }

    fn read_state(&mut self) -> Result<(), String> {
        if let Some(line) = self.line()? {
            match decode::kind(&line)?.as_str() {
                "state" => self.state = decode::state(&line)?,
                _ => self.next = Some(line),
            }
        }
        self.begun = true;
        Ok(())
    }

    fn stop(&mut self, fault: String) {
        let place = format!(" (frame at byte {} of the file)", self.at);
        self.damage = Some(if fault.contains("at byte") { fault } else { fault + &place });
        self.done = true;
        self.lines = Bytes::new();
    }

    /// The next line, with its newline; none at the end of the file.
    fn line(&mut self) -> Result<Option<Bytes>, String> {
        loop {
            if let Some(line) = split(&mut self.lines) {
                let most = if self.begun { self.bounds.line() } else { HEAD_BYTES };
                if line.len() > most {
                    return Err(format!("a line of {} bytes: {most} are the most", line.len()));
                }
                let checked = summed(&line, self.cut.is_some());
                return checked.map(|()| Some(line)).map_err(|fault| self.cut.take().unwrap_or(fault));
            }
            if let Some(cut) = self.cut.take() {
                return Err(cut);
            }
            if !self.lines.is_empty() {
                return Err("its last line has no end".into());
            }
            let most = if self.begun { self.bounds.line() } else { HEAD_BYTES };
            let Some(frame) = self.frames.next(most + FRAME_BYTES)? else { return Ok(None) };
            (self.lines, self.at, self.cut) = (frame.lines.into(), frame.at, frame.cut);
        }
    }

    /// The next entry; none at the end of the file.
    fn entry(&mut self) -> Result<Option<Entry>, String> {
        loop {
            let next = self.next.take();
            let line = if next.is_some() { next } else { self.line()? };
            let Some(line) = line else {
                let at = self.frames.offset();
                let open = || format!("it was not closed: it ends at byte {at}, cut off or still being written");
                return if self.ended { Ok(None) } else { Err(open()) };
            };
            if self.ended {
                return Err("something stands behind its end".into());
            }
            match decode::kind(&line)?.as_str() {
                "record" => return self.records.read(&line).map(|read| Some(Entry::Record(Box::new(read)))),
                "rules" => return decode::rules(&line).map(|read| Some(Entry::Rules(read))),
                "event" => return decode::event(&line).map(|read| Some(Entry::Event(read))),
                "end" => {
                    decode::end(&line, self.records.count())?;
                    self.ended = true;
                }
                twice @ ("head" | "state") => return Err(format!("its {twice} stands where it must not")),
                _ => self.passed_over += 1,
            }
        }
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Entry;

    /// The next entry. After the last one, [`Reader::damage`] says whether that was all.
    fn next(&mut self) -> Option<Entry> {
        if self.done {
            return None;
        }
        match self.entry() {
            Ok(entry) => {
                self.done = entry.is_none();
                entry
            }
            Err(fault) => {
                self.stop(fault);
                None
            }
        }
    }
}

/// Takes the first line off.
fn split(lines: &mut Bytes) -> Option<Bytes> {
    let end = memchr::memchr(b'\n', lines)?;
    let line = lines.split_to(end);
    lines.advance(1);
    Some(line)
}

/// Checks the line's own sum. Only a line of a frame that was checked itself may be without one.
fn summed(line: &[u8], needed: bool) -> Result<(), String> {
    let (rest, end) = line.split_at(line.len().saturating_sub(SUM_BYTES));
    let told = end.strip_prefix(SUM).and_then(|end| end.strip_suffix(b"\"}"));
    let told = told.and_then(|told| u64::from_str_radix(std::str::from_utf8(told).ok()?, 16).ok());
    match told {
        Some(told) if told == sum(rest) => Ok(()),
        None if !needed => Ok(()),
        _ => Err("a line is not as it was written".into()),
    }
}
