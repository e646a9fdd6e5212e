//! A file that is followed, or read to its end.
//!
//! Looking is the truth: each look compares the open file with what the path names now. A notification only wakes.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::identity::Identity;
use super::lines::Splitter;
use super::{From, Span};

/// Bytes read at one look: a loud file yields to the others so often.
const LOOK: usize = 256 << 10;

/// Files up to this size have their lines counted when they are entered in the middle.
const COUNT_LINES: u64 = 256 << 20;

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// Bytes were read, and there may be more.
    More,
    /// Everything that is there was read.
    Idle,
    /// The file is not there or can't be read, and why.
    Waiting(String),
    /// The file was read to its end and is not followed.
    Ended,
}

impl Open {
    /// Reads what is there, up to a bound; bytes read.
    fn read(&mut self, buffer: &mut Vec<u8>, emit: &mut impl FnMut(&Arc<str>, Bytes, Vec<Span>)) -> io::Result<u64> {
        buffer.resize(LOOK, 0);
        let read = self.file.read_at(buffer, self.position)?;
        self.position += read as u64;
        let file = Arc::clone(&self.identity.hash);
        self.splitter.push(&buffer[..read], |data, lines| emit(&file, data, lines));
        self.splitter.flush(|data, lines| emit(&file, data, lines));
        Ok(read as u64)
    }
}

struct Open {
    file: File,
    identity: Identity,
    position: u64,
    splitter: Splitter,
}

/// One path.
pub struct Tail {
    path: PathBuf,
    name: Arc<str>,
    from: From,
    follow: bool,
    limit: usize,
    open: Option<Open>,
    /// Files that the path no longer names. Their writers may not know yet: they are read on for a while.
    former: Vec<(Open, u32)>,
    /// Looks since the path was last there.
    gone: u32,
    buffer: Vec<u8>,
    read: u64,
}

/// Looks without news after which a file that was rotated away is let go: ten seconds at ten looks a second.
const FORMER_LOOKS: u32 = 100;

impl Tail {
    /// A tail that has not looked yet.
    pub fn new(path: PathBuf, name: Arc<str>, from: From, follow: bool, limit: usize) -> Self {
        Self { path, name, from, follow, limit, open: None, former: Vec::new(), gone: 0, buffer: Vec::new(), read: 0 }
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The source's name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Bytes read so far, over all files that the path has named.
    pub fn read_bytes(&self) -> u64 {
        self.read
    }

    /// The files being read, and how far.
    pub fn positions(&self) -> impl Iterator<Item = (&Arc<str>, u64)> {
        let former = self.former.iter().map(|(open, _)| open);
        self.open.iter().chain(former).map(|open| (&open.identity.hash, open.position))
    }

    /// Whether the path is not there any more and nothing of it is being read.
    pub fn is_gone(&self) -> bool {
        self.gone > FORMER_LOOKS && self.open.is_none() && self.former.is_empty()
    }

    /// Bytes that are there and not read yet.
    pub fn behind(&self) -> u64 {
        let size = self.open.as_ref().and_then(|open| open.file.metadata().ok()).map_or(0, |meta| meta.len());
        size.saturating_sub(self.open.as_ref().map_or(0, |open| open.position))
    }

    /// Reads what is there, up to a bound, and hands over whole lines with the file's identity.
    pub fn look(&mut self, mut emit: impl FnMut(&Arc<str>, Bytes, Vec<Span>)) -> Look {
        let busy = self.look_at_former(&mut emit);
        match self.try_look(&mut emit) {
            Ok(Look::Idle) if busy => Look::More,
            Ok(look) => look,
            Err(error) => {
                let why = match error.kind() {
                    io::ErrorKind::NotFound => "the file does not exist yet".to_owned(),
                    io::ErrorKind::PermissionDenied => "no permission to read the file".to_owned(),
                    _ => error.to_string(),
                };
                Look::Waiting(why)
            }
        }
    }

    /// Reads on in the files that were rotated away; lets go of those that are silent.
    fn look_at_former(&mut self, emit: &mut impl FnMut(&Arc<str>, Bytes, Vec<Span>)) -> bool {
        let mut busy = false;
        let mut former = std::mem::take(&mut self.former);
        for (open, silent) in &mut former {
            let read = open.read(&mut self.buffer, emit).unwrap_or_else(|error| {
                tracing::warn!("{}: a file that was rotated away: {error}", self.path.display());
                0
            });
            self.read += read;
            busy |= read > 0;
            *silent = if read > 0 { 0 } else { *silent + 1 };
            if *silent > FORMER_LOOKS {
                let file = Arc::clone(&open.identity.hash);
                open.splitter.finish(|data, lines| emit(&file, data, lines));
            }
        }
        former.retain(|(_, silent)| *silent <= FORMER_LOOKS);
        self.former = former;
        busy
    }

    fn try_look(&mut self, emit: &mut impl FnMut(&Arc<str>, Bytes, Vec<Span>)) -> io::Result<Look> {
        if self.open.is_none() {
            match self.enter()? {
                Some(open) => self.open = Some(open),
                None if self.follow => return Ok(Look::Idle),
                None => return Ok(Look::Ended),
            }
        }
        let Some(open) = &mut self.open else { return Ok(Look::Idle) };
        // Cut short where it stands (a copy was taken), or rewritten: either way it starts anew.
        if self.follow && (open.file.metadata()?.len() < open.position || !open.identity.holds(&open.file)?) {
            let file = Arc::clone(&open.identity.hash);
            open.splitter.finish(|data, lines| emit(&file, data, lines));
            self.open = None;
            self.from = From::Start;
            return Ok(Look::More);
        }
        let read = open.read(&mut self.buffer, emit)?;
        self.read += read;
        if read > 0 {
            return Ok(Look::More);
        }
        if !self.follow {
            let file = Arc::clone(&open.identity.hash);
            open.splitter.finish(|data, lines| emit(&file, data, lines));
            return Ok(Look::Ended);
        }
        let replaced = std::fs::metadata(&self.path).map(|meta| (meta.dev(), meta.ino()) != open.identity.inode);
        match replaced {
            Ok(true) => {}
            Ok(false) => {
                self.gone = 0;
                return Ok(Look::Idle);
            }
            Err(error) => {
                // Deleted, perhaps only for the moment of a rotation. Held on to for ever, it would keep its space.
                self.gone += 1;
                if self.gone > FORMER_LOOKS {
                    let file = Arc::clone(&open.identity.hash);
                    open.splitter.finish(|data, lines| emit(&file, data, lines));
                    self.open = None;
                    self.from = From::Start;
                }
                return Err(error);
            }
        }
        // The new file is read from its start, the old one to its end.
        self.former.extend(self.open.take().map(|open| (open, 0)));
        self.from = From::Start;
        Ok(Look::More)
    }

    /// Opens the path and finds the place to start from; `None` while the file is empty.
    fn enter(&mut self) -> io::Result<Option<Open>> {
        // Asked before opening: to open a pipe would wait for its writer.
        let meta = std::fs::metadata(&self.path)?;
        if !meta.is_file() && !meta.is_dir() {
            return Err(io::Error::other("it is no regular file; pipe it in: watcher - < PATH"));
        }
        if meta.is_dir() {
            return Err(io::Error::other("it is a folder; name the files in it, or a pattern such as folder/*.ndjson"));
        }
        let file = File::open(&self.path)?;
        let meta = file.metadata()?;
        let Some(identity) = Identity::of(&file, !self.follow)? else {
            // Whatever is written into an empty file comes after the start of watching.
            self.from = From::Start;
            return Ok(None);
        };
        let offset = match self.from {
            From::Start => 0,
            From::At(offset) => offset.min(meta.len()),
            From::End => last_lines(&file, meta.len(), 0)?,
            From::Last(count) => last_lines(&file, meta.len(), count)?,
        };
        let number = if offset <= COUNT_LINES { Some(1 + count_lines(&file, offset)?) } else { None };
        let splitter = Splitter::new(self.limit, offset, number);
        Ok(Some(Open { file, identity, position: offset, splitter }))
    }
}

/// Offset of the first of the last `count` complete lines; with 0, of the line being written.
fn last_lines(file: &File, size: u64, count: u64) -> io::Result<u64> {
    let mut buffer = vec![0u8; 64 << 10];
    let mut end = size;
    let mut seen = 0;
    while end > 0 {
        let start = end.saturating_sub(buffer.len() as u64);
        let piece = &mut buffer[..(end - start) as usize];
        file.read_exact_at(piece, start)?;
        for at in memchr::memrchr_iter(b'\n', piece) {
            // The newline that ends the last complete line comes first.
            if seen == count {
                return Ok(start + at as u64 + 1);
            }
            seen += 1;
        }
        end = start;
    }
    Ok(0)
}

fn count_lines(file: &File, until: u64) -> io::Result<u64> {
    let mut buffer = vec![0u8; 256 << 10];
    let (mut at, mut lines) = (0, 0);
    while at < until {
        let most = buffer.len().min((until - at) as usize);
        let read = file.read_at(&mut buffer[..most], at)?;
        if read == 0 {
            break;
        }
        lines += memchr::memchr_iter(b'\n', &buffer[..read]).count() as u64;
        at += read as u64;
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    struct Bench {
        dir: tempfile::TempDir,
        tail: Tail,
        seen: Vec<(String, Option<u64>)>,
    }

    impl Bench {
        fn new(from: From, follow: bool, text: Option<&str>) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("log");
            if let Some(text) = text {
                fs::write(&path, text).unwrap();
            }
            Self { dir, tail: Tail::new(path, "log".into(), from, follow, 1000), seen: vec![] }
        }

        fn append(&self, text: &str) {
            let path = self.dir.path().join("log");
            fs::OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
        }

        /// Looks until nothing more is found; the new lines.
        fn lines(&mut self) -> (Vec<String>, Look) {
            loop {
                let mut got = Vec::new();
                let look = self.tail.look(|_, data, lines| {
                    got.extend(lines.iter().map(|l| (String::from_utf8_lossy(&data[l.start..l.end]).into(), l.line)));
                });
                self.seen.extend(got);
                if look != Look::More {
                    return (std::mem::take(&mut self.seen).into_iter().map(|(line, _)| line).collect(), look);
                }
            }
        }
    }

    #[test]
    fn follows_what_is_appended_and_waits_for_the_newline() {
        let mut bench = Bench::new(From::Start, true, None);
        assert!(matches!(bench.lines().1, Look::Waiting(why) if why.contains("does not exist")));
        bench.append("a\nb");
        assert_eq!(bench.lines(), (vec!["a".into()], Look::Idle));
        bench.append("c\n");
        assert_eq!(bench.lines().0, ["bc"]);
    }

    #[test]
    fn starts_where_it_was_told() {
        let text = "1\n2\n3\n4\npart";
        for (from, want) in [(From::Start, 4), (From::End, 0), (From::Last(2), 2), (From::Last(99), 4)] {
            let mut bench = Bench::new(from, true, Some(text));
            assert_eq!(bench.lines().0.len(), want, "{from:?}");
            bench.append("ial\n");
            assert_eq!(bench.lines().0, ["partial"], "{from:?}");
        }
        let mut bench = Bench::new(From::Last(1), true, Some(text));
        bench.tail.look(|_, _, lines| assert_eq!(lines[0].line, Some(4)));
    }

    #[test]
    fn a_replay_ends_and_needs_no_last_newline() {
        let mut bench = Bench::new(From::Start, false, Some("a\nb"));
        assert_eq!(bench.lines(), (vec!["a".into(), "b".into()], Look::Ended));
    }

    #[test]
    fn a_renamed_file_is_read_to_its_end_and_the_new_one_from_its_start() {
        let mut bench = Bench::new(From::End, true, Some("old\n"));
        assert!(bench.lines().0.is_empty());
        bench.append("late\n");
        fs::rename(bench.dir.path().join("log"), bench.dir.path().join("log.1")).unwrap();
        bench.append("new\n");
        assert_eq!(bench.lines().0, ["late", "new"]);
    }

    #[test]
    fn a_writer_that_does_not_know_of_the_rotation_is_still_heard() {
        let mut bench = Bench::new(From::Start, true, Some("old\n"));
        let path = bench.dir.path().join("log");
        let mut writer = fs::OpenOptions::new().append(true).open(&path).unwrap();
        assert_eq!(bench.lines().0, ["old"]);
        fs::rename(&path, bench.dir.path().join("log.1")).unwrap();
        bench.append("new\n");
        assert_eq!(bench.lines().0, ["new"]);
        writer.write_all(b"late\nlast without end").unwrap();
        assert_eq!(bench.lines().0, ["late"]);
        let rest: Vec<String> = (0..=FORMER_LOOKS).flat_map(|_| bench.lines().0).collect();
        assert_eq!(rest, ["last without end"]);
        assert!(bench.tail.former.is_empty());
    }

    #[test]
    fn a_file_that_was_cut_short_starts_anew() {
        let mut bench = Bench::new(From::Start, true, Some("a long line\n"));
        assert_eq!(bench.lines().0.len(), 1);
        fs::write(bench.dir.path().join("log"), "b\n").unwrap();
        assert_eq!(bench.lines().0, ["b"]);
    }

    #[test]
    fn a_file_that_was_rewritten_longer_starts_anew() {
        let mut bench = Bench::new(From::Start, true, Some("first line\n"));
        assert_eq!(bench.lines().0.len(), 1);
        fs::write(bench.dir.path().join("log"), "other line\nand one more\n").unwrap();
        assert_eq!(bench.lines().0, ["other line", "and one more"]);
    }

    #[test]
    fn an_unfinished_first_line_is_waited_for() {
        let mut bench = Bench::new(From::Start, true, Some("{\"a"));
        assert_eq!(bench.lines(), (vec![], Look::Idle));
        bench.append("\":1}\n");
        assert_eq!(bench.lines().0, ["{\"a\":1}"]);
    }

    #[test]
    fn a_folder_is_named_as_such() {
        let mut bench = Bench::new(From::Start, true, None);
        bench.tail.path = bench.dir.path().to_owned();
        assert!(matches!(bench.lines().1, Look::Waiting(why) if why.contains("folder")));
    }
}
