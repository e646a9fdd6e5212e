//! Bytes to lines, bounded: a line over the limit is counted and not held.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use memchr::memchr;

use super::{LineBatch, Place, Span};

/// Bytes kept of a line that is too long, to show which one it was.
const EXCERPT: usize = 256;

/// Lines a batch has at most: a loud source yields so often, and a record waits for so few others.
const BATCH_LINES: usize = 256;

/// Whole lines, cut off a stream.
#[derive(Debug, Clone)]
pub struct Cut {
    /// Their bytes.
    pub data: Bytes,
    /// Where each stands.
    pub lines: Vec<Span>,
    /// The place behind the last.
    pub end: Place,
}

/// Cuts a stream into lines.
#[derive(Debug)]
pub struct Splitter {
    limit: usize,
    /// Complete lines of the batch being built, then the line being read.
    data: BytesMut,
    lines: Vec<Span>,
    /// Where in `data` the line being read starts.
    line_start: usize,
    /// Offset in the file of the line being read.
    offset: u64,
    /// Bytes of the line being read, held or not.
    length: u64,
    /// NUL bytes before it: what a log begins with when it was cut short under a writer that did not notice.
    nuls: u64,
    number: Option<u64>,
}

impl Splitter {
    /// A splitter that starts at `offset`, on line `number` if that is known.
    pub fn new(limit: usize, offset: u64, number: Option<u64>) -> Self {
        Self { limit, data: BytesMut::new(), lines: Vec::new(), line_start: 0, offset, length: 0, nuls: 0, number }
    }

    /// Offset behind the last complete line.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The place behind the last complete line, and how many lines there were.
    pub fn place(&self) -> Place {
        Place { offset: self.offset, line: self.number, before: None }
    }

    /// Takes bytes in; calls `emit` for every full batch.
    pub fn push(&mut self, mut bytes: &[u8], mut emit: impl FnMut(Cut)) {
        while let Some(at) = memchr(b'\n', bytes) {
            self.hold(&bytes[..at]);
            self.end_line(1);
            bytes = &bytes[at + 1..];
            if self.lines.len() >= BATCH_LINES {
                self.take(&mut emit);
            }
        }
        self.hold(bytes);
    }

    /// Hands over what is complete.
    pub fn flush(&mut self, mut emit: impl FnMut(Cut)) {
        if !self.lines.is_empty() {
            self.take(&mut emit);
        }
    }

    /// At the end of the input: the last line needs no newline.
    pub fn finish(&mut self, emit: impl FnMut(Cut)) {
        if self.length > 0 {
            self.end_line(0);
        }
        self.flush(emit);
    }

    fn hold(&mut self, mut bytes: &[u8]) {
        if self.length == 0 {
            let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
            self.nuls += start as u64;
            bytes = &bytes[start..];
        }
        self.length += bytes.len() as u64;
        let held = self.data.len() - self.line_start;
        if self.length <= self.limit as u64 {
            self.data.extend_from_slice(bytes);
        } else if held > EXCERPT {
            self.data.truncate(self.line_start + EXCERPT);
        } else {
            self.data.extend_from_slice(&bytes[..bytes.len().min(EXCERPT - held)]);
        }
    }

    fn end_line(&mut self, newline: u64) {
        let too_long = (self.length > self.limit as u64).then_some(self.length);
        let mut line = &self.data[self.line_start..];
        let mut start = self.line_start;
        if self.offset == 0 && line.starts_with(b"\xef\xbb\xbf") {
            start += 3;
            line = &line[3..];
        }
        let blank = line.trim_ascii().is_empty() && too_long.is_none();
        let end = if too_long.is_none() && line.ends_with(b"\r") { self.data.len() - 1 } else { self.data.len() };
        if blank {
            self.data.truncate(self.line_start);
        } else {
            self.lines.push(Span { start, end, offset: self.offset, line: self.number, too_long });
        }
        self.offset += self.nuls + self.length + newline;
        (self.length, self.nuls) = (0, 0);
        self.number = self.number.map(|n| n + 1);
        self.line_start = self.data.len();
    }

    fn take(&mut self, emit: &mut impl FnMut(Cut)) {
        let data = self.data.split_to(self.line_start).freeze();
        self.line_start = 0;
        emit(Cut { data, lines: std::mem::take(&mut self.lines), end: self.place() });
    }
}

/// Puts a source's name and the time to what a splitter hands over.
pub fn batch(source: &Arc<str>, file: &Arc<str>, cut: Cut, read_at: Duration, read_ts: Timestamp) -> LineBatch {
    let Cut { data, lines, end } = cut;
    LineBatch { source: Arc::clone(source), file: Arc::clone(file), data, lines, end, read_at, read_ts }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Line = (Vec<u8>, u64, u64, Option<u64>);

    fn split(input: &[u8], pieces: usize, limit: usize) -> Vec<Line> {
        let mut splitter = Splitter::new(limit, 0, Some(1));
        let mut seen = Vec::new();
        let mut emit = |cut: Cut| {
            let text = |l: &Span| cut.data[l.start..l.end].to_vec();
            seen.extend(cut.lines.iter().map(|l| (text(l), l.offset, l.line.unwrap(), l.too_long)));
        };
        for piece in input.chunks(pieces.max(1)) {
            splitter.push(piece, &mut emit);
        }
        splitter.finish(&mut emit);
        seen
    }

    #[test]
    fn ends_blanks_and_marks() {
        let lines = split(b"\xef\xbb\xbfone\r\n\n  \ntwo\nlast", 3, 100);
        let want: Vec<Line> =
            vec![(b"one".into(), 0, 1, None), (b"two".into(), 12, 4, None), (b"last".into(), 16, 5, None)];
        assert_eq!(lines, want);
    }

    #[test]
    fn nul_bytes_before_a_line_are_no_part_of_it() {
        let lines = split(b"\0\0\0\0{}\n\0\n{\0}\n", 3, 4);
        let want: Vec<Line> = vec![(b"{}".into(), 0, 1, None), (b"{\0}".into(), 9, 3, None)];
        assert_eq!(lines, want);
    }

    #[test]
    fn a_long_line_is_not_held() {
        let mut input = vec![b'x'; 10_000];
        input.extend(b"\nok\n");
        let mut splitter = Splitter::new(1_000, 0, Some(1));
        let mut seen = Vec::new();
        for piece in input.chunks(100) {
            splitter.push(piece, |cut| seen.push(cut));
            assert!(splitter.data.len() <= 1_000);
        }
        splitter.finish(|cut| seen.push(cut));
        let spans: Vec<_> = seen.iter().flat_map(|cut| &cut.lines).map(|l| (l.end - l.start, l.too_long)).collect();
        assert_eq!(spans, [(EXCERPT, Some(10_000)), (2, None)]);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter_to_lines_that_are_too_long(lengths in proptest::collection::vec(0usize..1_200, 1..8), a in 1usize..400, b in 1usize..400) {
            let input: Vec<u8> = lengths.iter().flat_map(|n| std::iter::repeat_n(b'x', *n).chain([b'\n'])).collect();
            prop_assert_eq!(split(&input, a, 500), split(&input, b, 500));
        }

        #[test]
        fn pieces_do_not_matter(input in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b' '), any::<u8>()], 0..400), a in 1usize..40, b in 1usize..40) {
            prop_assert_eq!(split(&input, a, 20), split(&input, b, 20));
        }
    }
}
