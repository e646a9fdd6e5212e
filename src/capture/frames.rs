//! The file as frames: each is unpacked as a whole, and what is wrong with it has its place.

use std::io::{self, ErrorKind, Read};

use zstd::stream::raw::{DParameter, Decoder, Operation};

use super::{MAGIC, NAME, Refused, VERSION};

/// How a frame of zstd begins.
const ZSTD: u32 = 0xFD2F_B528;

/// How a skippable frame begins; the last four bits are free.
const SKIPPABLE: u32 = 0x184D_2A50;

/// Largest window that a frame may ask for, as a power of two: 128 MiB of memory.
const WINDOW: u32 = 27;

/// Bytes read, and unpacked, in one go.
const CHUNK: usize = 64 << 10;

/// Longest content of the first frame: name and version.
const FIRST: usize = 64;

/// A frame, unpacked.
pub(super) struct Frame {
    /// Whole lines, and at the end of a frame that is cut off perhaps a part of one.
    pub lines: Vec<u8>,
    /// Where it begins in the file.
    pub at: u64,
    /// Why it is not whole: it was not checked then.
    pub cut: Option<String>,
}

/// The frames of a file, one after the other.
pub(super) struct Frames<R> {
    input: R,
    buffer: Vec<u8>,
    /// What of the buffer has been taken.
    taken: usize,
    /// Bytes of the file that have been taken.
    offset: u64,
    decoder: Decoder<'static>,
    unpacked: Vec<u8>,
    /// Bytes that may still be unpacked.
    left: u64,
}

impl<R: Read> Frames<R> {
    /// Reads the first frame, which says what the file is.
    pub fn open(input: R, bytes: u64) -> Result<Self, Refused> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW))?;
        let unpacked = vec![0; CHUNK];
        let mut frames = Self { input, buffer: Vec::new(), taken: 0, offset: 0, decoder, unpacked, left: bytes };
        let first = frames.peek(8)?;
        let start = MAGIC.to_le_bytes();
        if !first.starts_with(&start) && (first.is_empty() || !start.starts_with(first)) {
            return Err(Refused::Foreign);
        }
        let cut = || Refused::Damaged("it is cut off in its first bytes".into());
        let length = u32_at(first, 4).ok_or_else(cut)? as usize;
        let named = frames.peek(8 + length.min(FIRST))?.get(8..).unwrap_or_default();
        if !named.starts_with(&NAME[..named.len().min(NAME.len())]) || length > FIRST {
            return Err(Refused::Foreign);
        }
        let version = named.get(NAME.len()..length).ok_or_else(cut)?;
        let version = String::from_utf8_lossy(version).trim_end().to_owned();
        if version != VERSION.to_string() {
            return Err(Refused::Version(version.escape_debug().to_string()));
        }
        frames.take(8 + length);
        Ok(frames)
    }

    /// The next frame that holds something, of at most `most` bytes; none at the end of the file.
    pub fn next(&mut self, most: usize) -> Result<Option<Frame>, String> {
        loop {
            let at = self.offset;
            let cut = || format!("it is cut off at byte {at}");
            let first = self.peek(8).map_err(|error| format!("can't be read at byte {at}: {error}"))?;
            if first.is_empty() {
                return Ok(None);
            }
            match u32_at(first, 0).ok_or_else(cut)? {
                ZSTD => {
                    // Without its checksum a frame that was damaged would pass.
                    if first.get(4).ok_or_else(cut)? & 4 == 0 {
                        return Err(format!("the frame at byte {at} has no checksum"));
                    }
                    let frame = self.unpack(at, most)?;
                    if !frame.lines.is_empty() || frame.cut.is_some() {
                        return Ok(Some(frame));
                    }
                }
                magic if magic & !0xf == SKIPPABLE => {
                    let length = u32_at(first, 4).ok_or_else(cut)?;
                    self.take(8);
                    if !self.skip(u64::from(length)).map_err(|error| error.to_string())? {
                        return Err(cut());
                    }
                }
                _ => return Err(format!("what stands at byte {at} is no part of a capture")),
            }
        }
    }

    /// Where in the file the next frame begins.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    fn unpack(&mut self, at: u64, most: usize) -> Result<Frame, String> {
        let wrong = |error: io::Error| format!("the frame at byte {at} is damaged: {error}");
        self.decoder.reinit().map_err(wrong)?;
        let mut lines = Vec::new();
        loop {
            let there = !self.peek(1).map_err(wrong)?.is_empty();
            let input = &self.buffer[self.taken..];
            let done = self.decoder.run_on_buffers(input, &mut self.unpacked).map_err(wrong)?;
            self.take(done.bytes_read);
            self.left = self.left.checked_sub(done.bytes_written as u64).ok_or_else(|| {
                format!("up to the frame at byte {at} it unpacks to more than is allowed; allow more if it is yours")
            })?;
            lines.extend_from_slice(&self.unpacked[..done.bytes_written]);
            if lines.len() > most {
                return Err(format!("the frame at byte {at} unpacks to more than {most} bytes"));
            }
            if done.remaining == 0 {
                return Ok(Frame { lines, at, cut: None });
            }
            if !there && done.bytes_written == 0 {
                let cut = format!("the frame at byte {at} is cut off");
                return Ok(Frame { lines, at, cut: Some(cut) });
            }
        }
    }

    /// Skips bytes; false when the file ends before.
    fn skip(&mut self, mut bytes: u64) -> io::Result<bool> {
        while bytes > 0 {
            let there = self.peek(1)?.len() as u64;
            if there == 0 {
                return Ok(false);
            }
            let step = there.min(bytes);
            self.take(step as usize);
            bytes -= step;
        }
        Ok(true)
    }

    fn take(&mut self, bytes: usize) {
        self.taken += bytes;
        self.offset += bytes as u64;
    }

    /// What comes next: at least so many bytes, unless the file ends.
    fn peek(&mut self, bytes: usize) -> io::Result<&[u8]> {
        if self.buffer.len() - self.taken < bytes {
            self.buffer.drain(..self.taken);
            self.taken = 0;
            while self.buffer.len() < bytes {
                let held = self.buffer.len();
                self.buffer.resize(held + CHUNK, 0);
                let read = self.input.read(&mut self.buffer[held..]);
                self.buffer.truncate(held + read.as_ref().map_or(0, |read| *read));
                match read {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(&self.buffer[self.taken..])
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_le_bytes)
}
