//! A file that grows by whole lines: nothing is lost when the disk is full, and it makes room when it is large.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::lock::try_lock;

/// How far a file was written: device and inode, and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FileMark {
    /// Device and inode: it may have another name by now.
    pub inode: (u64, u64),
    /// Length, bytes.
    pub bytes: u64,
}

enum Target {
    File {
        file: File,
        path: PathBuf,
        inode: (u64, u64),
    },
    /// A file that is made when there is something to write.
    Later(PathBuf),
    Stream(Box<dyn Write + Send>),
}

/// A file, or another place that takes lines.
pub struct Lines {
    target: Target,
    /// Lines that the system does not have yet; the first `done` bytes it has.
    pending: Vec<u8>,
    done: usize,
    /// Length of the file.
    bytes: u64,
    max_bytes: Option<u64>,
}

/// What opening does with a file that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Its content goes.
    Replace,
    /// It is written on.
    Continue,
}

impl Lines {
    /// A file that is not there yet, and is made with its first line.
    pub fn later(path: &Path, max_bytes: Option<u64>) -> Self {
        Self { target: Target::Later(path.to_owned()), pending: Vec::new(), done: 0, bytes: 0, max_bytes }
    }

    /// Anything that takes bytes.
    pub fn stream(out: Box<dyn Write + Send>) -> Self {
        Self { target: Target::Stream(out), pending: Vec::new(), done: 0, bytes: 0, max_bytes: None }
    }

    /// A file, for its owner alone and for one writer at a time. Past `max_bytes` it is renamed to `<name>.<number>`,
    /// counting up, and begun anew.
    ///
    /// # Errors
    /// When it can't be opened, or another process is writing it (`WouldBlock`).
    pub fn open(path: &Path, existing: Existing, max_bytes: Option<u64>) -> io::Result<Self> {
        // Appending: whoever cuts the file short from outside finds no gap in it.
        let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path);
        let file = match file {
            // A pipe may be for writing alone.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                OpenOptions::new().write(true).open(path)?
            }
            other => other?,
        };
        let meta = file.metadata()?;
        // Pipes and devices have no length, no mode of their own and nothing to lock.
        if !meta.is_file() {
            return Ok(Self::stream(Box::new(file)));
        }
        if !try_lock(&file)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        file.set_permissions(Permissions::from_mode(0o600))?;
        let bytes = match existing {
            Existing::Replace => 0,
            Existing::Continue => whole_lines(&file, meta.len())?,
        };
        file.set_len(bytes)?;
        let target = Target::File { inode: (meta.dev(), meta.ino()), file, path: path.to_owned() };
        Ok(Self { target, pending: Vec::new(), done: 0, bytes, max_bytes })
    }

    /// Where it is a file: which one, and its length with all that was flushed.
    pub fn mark(&self) -> Option<FileMark> {
        match &self.target {
            Target::File { inode, .. } => Some(FileMark { inode: *inode, bytes: self.bytes }),
            Target::Stream(_) | Target::Later(_) => None,
        }
    }

    /// Size past which it rotates.
    pub fn max_bytes(&self) -> Option<u64> {
        self.max_bytes
    }

    /// Puts a line to those that wait.
    pub fn push(&mut self, line: &[u8]) {
        self.pending.extend_from_slice(line);
    }

    /// Room for lines that are written directly.
    pub fn pending(&mut self) -> &mut Vec<u8> {
        &mut self.pending
    }

    /// Bytes that wait.
    pub fn waiting(&self) -> usize {
        self.pending.len() - self.done
    }

    /// Hands what waits to the system. What could not be handed over still waits after an error.
    ///
    /// # Errors
    /// When the system does not take it.
    pub fn flush(&mut self) -> io::Result<()> {
        while self.done < self.pending.len() {
            let rest = &self.pending[self.done..];
            let written = match &mut self.target {
                Target::File { file, .. } => file.write(rest),
                Target::Stream(out) => out.write(rest),
                Target::Later(path) => {
                    let opened = Self::open(path, Existing::Continue, self.max_bytes)?;
                    (self.target, self.bytes) = (opened.target, opened.bytes);
                    continue;
                }
            };
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.done += written;
                    self.bytes += written as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.pending.clear();
        self.done = 0;
        match &mut self.target {
            Target::Stream(out) => out.flush()?,
            Target::File { file, .. } => self.bytes = file.metadata()?.len(),
            Target::Later(_) => {}
        }
        if self.max_bytes.is_some_and(|most| self.bytes >= most)
            && let Err(error) = self.rotate()
        {
            tracing::warn!("the output can't be rotated, it grows on: {error}");
            self.max_bytes = None;
        }
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        let Target::File { file, path, inode } = &mut self.target else { return Ok(()) };
        let number = rotated(path).last().map_or(1, |(number, _)| number + 1);
        let mut aside = path.as_os_str().to_owned();
        aside.push(format!(".{number}"));
        fs::rename(&*path, &aside)?;
        let new = OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(&*path)?;
        try_lock(&new)?;
        let meta = new.metadata()?;
        (*file, *inode, self.bytes) = (new, (meta.dev(), meta.ino()), 0);
        Ok(())
    }

    /// Goes on in a new file, if somebody has given the one that is written another name.
    ///
    /// # Errors
    /// When what waits can't be written, or the new file can't be opened; the old one is written on then.
    pub fn reopen(&mut self) -> io::Result<()> {
        self.flush()?;
        let Target::File { path, inode, .. } = &self.target else { return Ok(()) };
        let there = fs::metadata(path).is_ok_and(|meta| (meta.dev(), meta.ino()) == *inode);
        if !there {
            let opened = Self::open(&path.clone(), Existing::Continue, self.max_bytes)?;
            (self.target, self.bytes) = (opened.target, opened.bytes);
        }
        Ok(())
    }

    /// Gives up what waits, and a line that was written in part.
    pub fn abandon(&mut self) {
        self.pending.clear();
        self.done = 0;
        if let Target::File { file, .. } = &self.target
            && let Ok(bytes) = whole_lines(file, self.bytes)
            && file.set_len(bytes).is_ok()
        {
            self.bytes = bytes;
        }
    }

    /// Makes sure that what was flushed outlives a loss of power.
    ///
    /// # Errors
    /// When the system can't.
    pub fn sync(&self) -> io::Result<()> {
        match &self.target {
            Target::File { file, .. } => file.sync_data(),
            Target::Stream(_) | Target::Later(_) => Ok(()),
        }
    }
}

/// Whether an error means that there is no room: it may pass.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Bytes up to the end of the last whole line.
fn whole_lines(file: &File, length: u64) -> io::Result<u64> {
    let mut buffer = vec![0u8; 64 << 10];
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(buffer.len() as u64);
        let piece = &mut buffer[..(end - start) as usize];
        file.read_exact_at(piece, start)?;
        if let Some(at) = memchr::memrchr(b'\n', piece) {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// What a file was rotated to, with the numbers, oldest first.
pub fn rotated(path: &Path) -> Vec<(u64, PathBuf)> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { return Vec::new() };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let number = |file: &str| file.strip_prefix(&*name)?.strip_prefix('.')?.parse().ok();
    let mut found: Vec<(u64, PathBuf)> =
        entries.filter_map(|entry| Some((number(&entry.file_name().to_string_lossy())?, entry.path()))).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_cut_off_goes_when_it_is_continued() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        for (text, want) in [("a\nb\nto", "a\nb\nnew\n"), ("torn", "new\n"), ("a\n", "a\nnew\n"), ("", "new\n")] {
            fs::write(&path, text).unwrap();
            let mut lines = Lines::open(&path, Existing::Continue, None).unwrap();
            lines.push(b"new\n");
            lines.flush().unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), want);
        }
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn it_rotates_between_lines_and_keeps_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let mut lines = Lines::open(&path, Existing::Replace, Some(10)).unwrap();
        for n in 0..7 {
            lines.push(format!("line {n}\n").as_bytes());
            lines.flush().unwrap();
        }
        let mut all: String = rotated(&path).iter().map(|(_, file)| fs::read_to_string(file).unwrap()).collect();
        assert_eq!(rotated(&path).len(), 3);
        all += &fs::read_to_string(&path).unwrap();
        assert_eq!(all, (0..7).map(|n| format!("line {n}\n")).collect::<String>());
        assert_eq!(lines.mark().unwrap().bytes, 7);
    }

    #[test]
    fn what_is_abandoned_leaves_whole_lines() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let mut lines = Lines::open(&path, Existing::Replace, None).unwrap();
        // As far as there was room.
        lines.push(b"one\ntw");
        lines.flush().unwrap();
        lines.push(b"o\nthree\n");
        lines.abandon();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\n");
        lines.push(b"four\n");
        lines.flush().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\nfour\n");
        assert_eq!(lines.mark().unwrap().bytes, 9);
    }

    #[test]
    fn what_was_renamed_is_left_and_a_new_one_is_begun() {
        let dir = tempfile::tempdir().unwrap();
        let (path, aside) = (dir.path().join("out"), dir.path().join("out-yesterday"));
        let mut lines = Lines::open(&path, Existing::Replace, None).unwrap();
        lines.push(b"one\n");
        lines.reopen().unwrap();
        fs::rename(&path, &aside).unwrap();
        lines.push(b"two\n");
        lines.reopen().unwrap();
        lines.push(b"three\n");
        lines.flush().unwrap();
        assert_eq!(fs::read_to_string(aside).unwrap(), "one\ntwo\n");
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), lines.mark().unwrap().bytes), ("three\n", 6));
    }

    #[test]
    fn a_second_writer_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let _first = Lines::open(&path, Existing::Replace, None).unwrap();
        let second = Lines::open(&path, Existing::Replace, None).err().unwrap();
        assert_eq!(second.kind(), io::ErrorKind::WouldBlock);
    }
}
