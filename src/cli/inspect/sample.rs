//! The part of a log that is looked at: its beginning, and of a long one its end.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use crate::cli::Failure;
use crate::source::content::Content;

/// Bytes read of the beginning.
const HEAD: usize = 16 << 20;

/// Bytes read of the end of what is longer.
const TAIL: usize = 4 << 20;

/// Bytes that a packed file may unpack to while it is looked at.
const UNPACKED: u64 = 64 << 20;

/// Beginnings of files that are no logs, and what they are.
const KINDS: [(&[u8], &str); 12] = [
    // Files are unpacked; what comes through a pipe is taken as it is.
    (b"\x1f\x8b", "packed with gzip: name the file, or unpack it before the pipe (zcat)"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd: name the file, or unpack it before the pipe (zstdcat)"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"SQLite format 3", "an SQLite database"),
    (b"PAR1", "a Parquet file: export it as JSON lines"),
    (b"\x7fELF", "a program"),
    (b"\xff\xfe", "UTF-16 text: convert it to UTF-8"),
    (b"BZh", "packed with bzip2: .gz and .zst are unpacked here"),
];

/// What was read of a log.
#[derive(Default)]
pub(super) struct Sample {
    bytes: Vec<u8>,
    /// Bytes of the beginning; the rest is of the end.
    pub head: u64,
    /// Offset in the file of the part of the end.
    tail_at: u64,
    /// Bytes of the file; unknown of a pipe or a packed file.
    pub size: Option<u64>,
    /// It is packed.
    pub packed: bool,
    /// When it was written last.
    pub modified: Option<Timestamp>,
}

impl Sample {
    /// Reads it.
    pub fn take(path: &Path) -> Result<Self, Failure> {
        let wrong = |error: std::io::Error| Failure::Input(format!("{}: {error}", path.display()));
        let meta = if path.as_os_str() == "-" { None } else { Some(std::fs::metadata(path).map_err(wrong)?) };
        if meta.as_ref().is_some_and(std::fs::Metadata::is_dir) {
            return Err(Failure::Input(format!(
                "{} is a folder: name a file in it, such as {}/*.ndjson",
                path.display(),
                path.display()
            )));
        }
        let mut sample = Self::default();
        match meta.filter(std::fs::Metadata::is_file) {
            Some(meta) => {
                let modified = meta.modified().ok().and_then(|at| Timestamp::try_from(at).ok());
                sample.modified = modified;
                sample.of_file(path).map_err(wrong)?;
            }
            None if path.as_os_str() == "-" => sample.of_stream(std::io::stdin().lock()).map_err(wrong)?,
            None => sample.of_stream(std::fs::File::open(path).map_err(wrong)?).map_err(wrong)?,
        }
        Ok(sample)
    }

    fn of_file(&mut self, path: &Path) -> std::io::Result<()> {
        let mut content = Content::open(path, UNPACKED)?;
        self.packed = content.is_packed();
        self.bytes.resize(HEAD, 0);
        let read = content.fill_at(&mut self.bytes, 0)?;
        self.bytes.truncate(read);
        self.head = read as u64;
        if self.packed {
            return Ok(());
        }
        let size = content.size()?;
        self.size = Some(size);
        if size <= self.head {
            return Ok(());
        }
        self.whole_lines();
        // The end tells of the newest records, and of what the writer does now.
        self.tail_at = size.saturating_sub(TAIL as u64).max(self.head);
        let mut tail = vec![0; (size - self.tail_at) as usize];
        let read = content.fill_at(&mut tail, self.tail_at)?;
        tail.truncate(read);
        let begin = memchr::memchr(b'\n', &tail).map_or(tail.len(), |newline| newline + 1);
        self.tail_at += begin as u64;
        self.bytes.extend_from_slice(tail.get(begin..).unwrap_or_default());
        Ok(())
    }

    fn of_stream(&mut self, stream: impl Read) -> std::io::Result<()> {
        stream.take(HEAD as u64).read_to_end(&mut self.bytes)?;
        if self.bytes.len() == HEAD {
            self.whole_lines();
        }
        self.head = self.bytes.len() as u64;
        Ok(())
    }

    /// Leaves out the line that the beginning was cut in.
    fn whole_lines(&mut self) {
        let end = memchr::memrchr(b'\n', &self.bytes).map_or(self.bytes.len(), |newline| newline + 1);
        self.bytes.truncate(end);
        self.head = end as u64;
    }

    /// The lines with their offsets, without blank ones.
    pub fn lines(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let head = self.head;
        let mut at = 0u64;
        self.bytes.split(|byte| *byte == b'\n').filter_map(move |line| {
            let offset = if at < head { at } else { self.tail_at + (at - head) };
            at += line.len() as u64 + 1;
            let line = if offset == 0 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            (!line.trim_ascii().is_empty()).then_some((offset, line))
        })
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.bytes.trim_ascii().is_empty()
    }

    /// Bytes that were read.
    pub fn read(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// What the file is, if its first bytes say that it is no log.
    pub fn kind(&self) -> Option<&'static str> {
        let known = KINDS.iter().find(|(magic, _)| self.bytes.starts_with(magic)).map(|(_, kind)| *kind);
        let binary = self.bytes.iter().take(4_096).filter(|byte| **byte == 0).count() > 8;
        known.or(binary.then_some("binary data"))
    }

    /// How long before the file was written last a time was; negative when it was later.
    pub fn before_end(&self, newest: Timestamp) -> Option<(bool, Duration)> {
        let span = self.modified?.duration_since(newest);
        Some((span.is_negative(), span.unsigned_abs()))
    }
}
