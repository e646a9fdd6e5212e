//! A path that is followed, or a file that is read to its end.
//!
//! Looking is the truth: each look compares the open file with what the path names now. A notification only wakes.
//!
//! ```text
//! before        after           what it was                    what is read
//! log = A       log = B         rename (or a switched link)    the rest of A, files between A and B, then B
//! log = A       log = A, other  cut short, or written anew     the rest of A from its copy if there is one, then A
//! log = A       log missing     a rotation under way           A, for a minute more
//! (not running) log = B         the same, at the start         by the marks of the checkpoint
//! ```

mod open;
mod search;

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::From;
use super::content::Content;
use super::identity::Identity;
use super::ledger::{Known, Ledger, absolute};
use super::lines::Cut;
use super::siblings;

use open::{Emit, Identified, LOOK, Open};

/// A file that was rotated away is let go after so long without news: its writer knows by then.
const FORMER: Duration = Duration::from_secs(60);

/// The same for one that was removed: held on to, it keeps its space.
const REMOVED: Duration = Duration::from_secs(10);

/// Files that are looked at again after a restart although all of them was read: their writers may not know yet.
const RESUMED: usize = 8;

/// A folder that has changed is looked at again for so long.
const SETTLED: Duration = Duration::from_millis(150);

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

/// How a path is read.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Where to begin.
    pub from: From,
    /// Go on when the end is reached.
    pub follow: bool,
    /// Longest line, bytes.
    pub line_bytes: usize,
    /// Most that a packed file may unpack to, bytes.
    pub unpacked_bytes: u64,
}

/// One path.
pub struct Tail {
    path: PathBuf,
    name: Arc<str>,
    /// The path as the ledger knows it, however it was written.
    key: Arc<str>,
    options: Options,
    current: Option<Open>,
    /// Files that the path no longer names, oldest first. Their writers may not know yet: they are read on for a while.
    former: Vec<Open>,
    /// Where to begin in the file that the path names next.
    from: From,
    started: bool,
    /// How the folder was when the files in it were looked at last.
    folder: Vec<(i64, i64)>,
    /// Until then it is looked at as if it had changed.
    settled_at: Duration,
    /// Since when the path names nothing.
    gone: Option<Duration>,
    /// When this look takes place, by the steady clock.
    now: Duration,
    buffer: Vec<u8>,
    read: u64,
    caught_up: bool,
    notices: Vec<String>,
    /// Of a file beside the path it could not be told whether it has come from it.
    unclear: bool,
}

impl Tail {
    /// A tail that has not looked yet.
    pub fn new(path: PathBuf, name: Arc<str>, options: Options) -> Self {
        let key = absolute(&path).to_string_lossy().into();
        Self {
            path,
            name,
            key,
            options,
            current: None,
            former: Vec::new(),
            from: options.from,
            started: false,
            folder: Vec::new(),
            settled_at: Duration::ZERO,
            gone: None,
            now: Duration::ZERO,
            buffer: Vec::new(),
            read: 0,
            caught_up: false,
            notices: Vec::new(),
            unclear: false,
        }
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

    /// Whether the path is not there any more and nothing of it is being read.
    pub fn is_gone(&self) -> bool {
        self.gone.is_some_and(|since| self.now - since > FORMER) && self.current.is_none() && self.former.is_empty()
    }

    /// Bytes that are there and not read yet.
    pub fn behind(&self) -> u64 {
        self.former.iter().chain(&self.current).map(Open::behind).sum()
    }

    /// Whether everything that was there has been read once.
    pub fn is_caught_up(&self) -> bool {
        self.caught_up
    }

    /// What the operator should know, once.
    pub fn notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// The content of a file that is being read, by its identity.
    pub fn content_of(&mut self, hash: &str) -> Option<&mut Content> {
        let is_it = |open: &&mut Open| open.hash().is_some_and(|held| **held == *hash);
        self.former.iter_mut().chain(&mut self.current).find(is_it).map(Open::content)
    }

    /// Finds the files to read without reading them: those that a checkpoint knew, and what came between.
    pub fn prepare(&mut self, ledger: &mut Ledger) {
        let mut nothing = |_: &Arc<str>, _: Cut| {};
        if self.options.follow {
            // What is wrong is said by the first look.
            let _ = self.arrange(ledger, &mut nothing);
        }
    }

    /// Reads what is there, up to a bound, and hands over whole lines with the file's identity. `now` is the time by the
    /// steady clock.
    pub fn look(&mut self, now: Duration, ledger: &mut Ledger, mut emit: impl FnMut(&Arc<str>, Cut)) -> Look {
        self.now = now;
        let look = if self.options.follow { self.follow(ledger, &mut emit) } else { self.replay(ledger, &mut emit) };
        let look = look.unwrap_or_else(|error| {
            Look::Waiting(match error.kind() {
                io::ErrorKind::NotFound if self.read > 0 => "the file is not there".to_owned(),
                io::ErrorKind::NotFound => "the file does not exist yet".to_owned(),
                io::ErrorKind::PermissionDenied => "no permission to read it".to_owned(),
                _ => error.to_string(),
            })
        });
        self.caught_up |= !matches!(look, Look::More);
        look
    }

    fn replay(&mut self, ledger: &mut Ledger, emit: Emit<'_>) -> io::Result<Look> {
        if self.current.is_none() {
            self.current = Some(self.open(&self.path, self.options.from)?);
        }
        let Some(open) = &mut self.current else { return Ok(Look::Ended) };
        if open.identify(true, &self.key, &self.path, ledger)? != Identified::Yes {
            return Ok(Look::Ended);
        }
        let read = open.read(&mut self.buffer, ledger, emit)?;
        self.read += read as u64;
        if read > 0 {
            return Ok(Look::More);
        }
        open.finish(ledger, emit);
        Ok(Look::Ended)
    }

    fn follow(&mut self, ledger: &mut Ledger, emit: Emit<'_>) -> io::Result<Look> {
        let named = self.arrange(ledger, emit);
        if self.read_former(ledger, emit) {
            return Ok(Look::More);
        }
        let read = match &mut self.current {
            Some(open) => read_current(open, &self.key, &self.path, &mut self.buffer, ledger, emit)?,
            None => 0,
        };
        self.read += read as u64;
        if read > 0 {
            return Ok(Look::More);
        }
        named.map(|()| Look::Idle)
    }

    fn open(&self, path: &Path, from: From) -> io::Result<Open> {
        Open::new(path, from, self.options.line_bytes, self.options.unpacked_bytes)
    }

    /// Brings the files to be read in line with what the path names.
    fn arrange(&mut self, ledger: &mut Ledger, emit: Emit<'_>) -> io::Result<()> {
        if !std::mem::replace(&mut self.started, true) {
            self.start(ledger);
        }
        if let Some(open) = &mut self.current
            && !open.is_intact()?
        {
            self.begin_anew(ledger, emit);
        }
        let named = fs::metadata(&self.path).map(|meta| (meta.dev(), meta.ino()));
        match (&self.current, named) {
            (Some(open), Ok(inode)) if open.inode == inode => {
                self.gone = None;
                if open.identity.is_none() || self.unclear {
                    // Nothing of it is known yet: it may have been written, copied and cut short unseen, so nothing
                    // beside it is strange.
                    self.take_between(ledger);
                } else {
                    self.note_strangers(ledger);
                }
                Ok(())
            }
            (_, Ok(_)) => {
                self.former.extend(self.current.take());
                self.gone = None;
                self.enter(ledger)
            }
            (_, Err(error)) => {
                if error.kind() == io::ErrorKind::NotFound {
                    self.vanished(ledger);
                }
                Err(error)
            }
        }
    }

    /// The path names nothing, perhaps only for the moment of a rotation. What it named is read on for a while: held on
    /// to for ever, it would keep its space.
    fn vanished(&mut self, ledger: &mut Ledger) {
        self.gone.get_or_insert(self.now);
        self.from = From::Start;
        self.former.extend(self.current.take());
        self.take_between(ledger);
    }

    /// Whether anything was made, renamed or removed beside the path since this was last asked. File systems count time in
    /// steps of milliseconds: what happens within one step leaves no trace, so after a change it is asked once more.
    pub(super) fn folder_changed(&mut self) -> bool {
        let folder = siblings::folder_changes(&self.path);
        if folder != self.folder {
            self.folder = folder;
            self.settled_at = self.now + SETTLED;
            return true;
        }
        self.now <= self.settled_at
    }

    /// Takes what has come and gone unseen, if the folder has changed.
    fn take_between(&mut self, ledger: &mut Ledger) {
        if self.folder_changed() || self.unclear {
            let between = self.between(self.current.as_ref().map(|open| open.inode), ledger);
            self.former.extend(between);
        }
    }

    /// Opens what the path names now, after what was rotated away between the last file and this one.
    fn enter(&mut self, ledger: &mut Ledger) -> io::Result<()> {
        let mut open = self.open(&self.path, self.from)?;
        if let Some(index) = self.former.iter().position(|former| former.inode == open.inode) {
            // It has its name back.
            self.current = Some(self.former.remove(index));
            return Ok(());
        }
        let between = self.between(Some(open.inode), ledger);
        self.former.extend(between);
        // A file that another path reads under its own name is left to it, until it lets go.
        if !matches!(open.identify(false, &self.key, &self.path, ledger)?, Identified::Elsewhere | Identified::Unclear)
        {
            self.current = Some(open);
            self.from = From::Start;
            if self.current.as_ref().is_some_and(|open| open.identity.is_some()) {
                self.folder.clear();
                self.note_strangers(ledger);
            }
        }
        Ok(())
    }

    /// The open file was cut short or written anew: what was not read of it may stand in a copy; then it is read from
    /// its start.
    fn begin_anew(&mut self, ledger: &mut Ledger, emit: Emit<'_>) {
        let Some(mut open) = self.current.take() else { return };
        let copy = open.reading_mark(&self.key).and_then(|mark| self.find_copy(&mark, ledger));
        match copy.map(|(copy, path)| open.continued_in(copy, &path)) {
            Some(Ok(copy)) => self.former.push(copy),
            _ => open.finish(ledger, emit),
        }
        // It may have happened more than once.
        let between = self.between(Some(open.inode), ledger);
        self.former.extend(between);
        let mut anew = open.anew();
        if let Err(error) = anew.identify(false, &self.key, &self.path, ledger) {
            tracing::warn!("{}: {error}", self.path.display());
        }
        self.current = Some(anew);
    }

    /// Reads on in the files that were rotated away; lets go of those that are silent. Whether there is more.
    fn read_former(&mut self, ledger: &mut Ledger, emit: Emit<'_>) -> bool {
        let (mut busy, now) = (false, self.now);
        for open in &mut self.former {
            let path = open.real().to_owned();
            let over = open.is_over(now);
            let identified = open.identify(over, &self.key, &path, ledger);
            let read = identified.and_then(|_| open.read(&mut self.buffer, ledger, emit));
            match read {
                Ok(read) => {
                    self.read += read as u64;
                    busy |= read > 0;
                    if read > 0 {
                        open.silent = None;
                    } else if over || open.is_packed() {
                        open.finish(ledger, emit);
                    }
                    if read == LOOK {
                        // There is more of it, and it comes before the others.
                        break;
                    }
                }
                // It may be being written still, as a file that is packed just now.
                Err(error) if over => {
                    self.notices.push(format!("{}: was not read to its end: {error}", path.display()));
                    open.finish(ledger, emit);
                }
                Err(error) => tracing::debug!("{}: {error}", path.display()),
            }
        }
        self.former.retain(|open| !open.finished && !open.is_abandoned(now));
        busy
    }
}

fn read_current(
    open: &mut Open,
    name: &Arc<str>,
    path: &Path,
    buffer: &mut Vec<u8>,
    ledger: &mut Ledger,
    emit: Emit<'_>,
) -> io::Result<usize> {
    if open.identify(false, name, path, ledger)? != Identified::Yes {
        return Ok(0);
    }
    let read = open.read(buffer, ledger, emit)?;
    if read == 0 && open.is_packed() && !open.finished {
        open.finish(ledger, emit);
    }
    Ok(read)
}

/// What is known of the file that a path names now.
pub fn known(path: &Path, whole: bool, ledger: &Ledger) -> Known {
    let Ok(mut content) = Content::open(path, u64::MAX) else { return Known::New };
    match Identity::of(&mut content, whole) {
        Ok(Some(identity)) => ledger.known(path, &identity, &mut content),
        _ => Known::New,
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
