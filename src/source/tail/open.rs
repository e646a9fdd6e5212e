//! One open file, and how far it was read.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::source::content::Content;
use crate::source::identity::{BEFORE_BYTES, FIRST_BYTES, Fingerprint, Identity};
use crate::source::ledger::{Known, Ledger, Mark};
use crate::source::lines::{Cut, Splitter};
use crate::source::{From, Place, entry};

use super::{FORMER, REMOVED};

/// Bytes read at one look: a loud file yields to the others so often.
pub const LOOK: usize = 256 << 10;

/// Takes whole lines, with the identity of their file.
pub type Emit<'a> = &'a mut dyn FnMut(&Arc<str>, Cut);

/// What is known of an open file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identified {
    /// All that is needed to read it.
    Yes,
    /// Too little of it is there.
    NotYet,
    /// It is, or will be, read by somebody else.
    Elsewhere,
    /// It may be a copy, but there is too little of it to tell.
    Unclear,
}

/// An open file.
pub struct Open {
    content: Content,
    pub inode: (u64, u64),
    /// Where it lay when it was opened.
    real: PathBuf,
    pub identity: Option<Identity>,
    from: From,
    position: u64,
    /// The last bytes that were read.
    recent: Vec<u8>,
    splitter: Splitter,
    /// Behind the last whole line.
    place: Place,
    /// Since when it was rotated away, or has given nothing new after that.
    pub silent: Option<Duration>,
    /// It is read, to the last line without an end.
    pub finished: bool,
    limit: usize,
    /// How it was when there was too little of it to know it by.
    beginning: Option<Beginning>,
    /// What it was before it was cut short or written anew.
    earlier: Vec<Arc<str>>,
}

/// A file of which there is not yet a whole line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Beginning {
    bytes: Fingerprint,
    modified: (i64, i64),
}

impl Beginning {
    fn of(content: &mut Content) -> io::Result<Self> {
        let modified = content.modified()?;
        let mut first = [0u8; FIRST_BYTES];
        let read = content.fill_at(&mut first, 0)?;
        Ok(Self { bytes: Fingerprint::of(&first[..read]), modified })
    }

    /// Whether a file that began so may have become this one by growing. Changed, and yet as short as it was, it was
    /// written and cut short in between.
    fn grew_to(&self, content: &mut Content) -> io::Result<bool> {
        let changed = content.modified()? != self.modified;
        let grew = content.size()? > u64::from(self.bytes.bytes);
        Ok((grew || !changed) && self.bytes.holds(content, 0)?)
    }
}

impl Open {
    /// Opens a file that is to be read from somewhere on.
    pub fn new(path: &Path, from: From, limit: usize, bound: u64) -> io::Result<Self> {
        let content = Content::open(path, bound)?;
        let inode = content.inode()?;
        Ok(Self {
            content,
            inode,
            real: path.canonicalize().unwrap_or_else(|_| path.to_owned()),
            identity: None,
            from,
            position: 0,
            recent: Vec::new(),
            splitter: Splitter::new(limit, 0, Some(1)),
            place: Place { offset: 0, line: Some(1), before: None },
            silent: None,
            finished: false,
            limit,
            beginning: None,
            earlier: Vec::new(),
        })
    }

    /// The same open file from its first byte on, as if it were another.
    pub fn anew(mut self) -> Self {
        let mut earlier = std::mem::take(&mut self.earlier);
        earlier.extend(self.identity.take().map(|identity| identity.hash));
        Self {
            identity: None,
            from: From::Start,
            position: 0,
            recent: Vec::new(),
            splitter: Splitter::new(self.limit, 0, Some(1)),
            place: Place { offset: 0, line: Some(1), before: None },
            silent: None,
            finished: false,
            beginning: None,
            earlier,
            ..self
        }
    }

    /// This file, with the content of its copy from here on.
    pub fn continued_in(&mut self, copy: Content, real: &Path) -> io::Result<Self> {
        Ok(Self {
            inode: copy.inode()?,
            content: copy,
            real: real.to_owned(),
            identity: self.identity.clone(),
            from: From::Start,
            position: self.position,
            recent: std::mem::take(&mut self.recent),
            splitter: std::mem::replace(&mut self.splitter, Splitter::new(self.limit, 0, None)),
            place: self.place.clone(),
            silent: None,
            finished: false,
            limit: self.limit,
            beginning: None,
            earlier: Vec::new(),
        })
    }

    /// The file of a mark, from the mark on.
    pub fn resumed(&mut self, mark: &Mark) -> io::Result<()> {
        self.identity = Some(mark.identity.clone());
        self.begin(mark.place.clone())
    }

    fn begin(&mut self, place: Place) -> io::Result<()> {
        self.position = place.offset;
        self.splitter = Splitter::new(self.limit, place.offset, place.line);
        self.recent.clear();
        if self.content.is_packed() {
            // To look back would mean to unpack it from the start once more.
            self.place = place;
            return Ok(());
        }
        self.recent.resize(place.offset.min(BEFORE_BYTES as u64) as usize, 0);
        let start = place.offset - self.recent.len() as u64;
        let read = self.content.fill_at(&mut self.recent, start)?;
        self.recent.truncate(read);
        self.place = Place { before: Some(Fingerprint::of(&self.recent)), ..place };
        Ok(())
    }

    /// Whether a file that was rotated away has been silent for long enough.
    pub fn is_over(&mut self, now: Duration) -> bool {
        let since = *self.silent.get_or_insert(now);
        let patience = if self.content.is_removed() { REMOVED } else { FORMER };
        now - since > patience
    }

    /// Whether it was silent from beginning to end.
    pub fn is_abandoned(&self, now: Duration) -> bool {
        self.identity.is_none() && self.silent.is_some_and(|since| now - since > FORMER)
    }

    /// The hash of its identity, once that is known.
    pub fn hash(&self) -> Option<&Arc<str>> {
        self.identity.as_ref().map(|identity| &identity.hash)
    }

    /// Where it lay when it was opened.
    pub fn real(&self) -> &Path {
        &self.real
    }

    /// The file with the place behind its last whole line.
    pub fn mark(&self, source: &Arc<str>) -> Option<Mark> {
        let identity = self.identity.clone()?;
        Some(Mark { source: Arc::clone(source), real: self.real.clone(), identity, place: self.place.clone() })
    }

    /// The same with the place that reading has come to.
    pub fn reading_mark(&self, source: &Arc<str>) -> Option<Mark> {
        let place = Place { offset: self.position, line: None, before: Some(Fingerprint::of(&self.recent)) };
        self.mark(source).map(|mark| Mark { place, ..mark })
    }

    /// Bytes that are there and not read yet.
    pub fn behind(&self) -> u64 {
        if self.finished { 0 } else { self.content.behind(self.position) }
    }

    /// Bytes on disk.
    pub fn size(&self) -> io::Result<u64> {
        self.content.size()
    }

    /// Whether there is nothing in it yet.
    pub fn is_empty(&self) -> bool {
        self.size().is_ok_and(|size| size == 0)
    }

    pub fn is_packed(&self) -> bool {
        self.content.is_packed()
    }

    pub fn content(&mut self) -> &mut Content {
        &mut self.content
    }

    /// Whether what was read of it is still there: not cut short, and not written over.
    pub fn is_intact(&mut self) -> io::Result<bool> {
        let Some(identity) = &self.identity else {
            return self.beginning.map_or(Ok(true), |beginning| beginning.grew_to(&mut self.content));
        };
        if self.content.is_packed() {
            return Ok(true);
        }
        Ok(self.content.size()? >= self.position
            && identity.holds(&mut self.content)?
            && Fingerprint::of(&self.recent).holds_before(&mut self.content, self.position)?)
    }

    /// Finds out which file it is and where to begin. `whole`: it will not grow.
    pub fn identify(
        &mut self,
        whole: bool,
        source: &Arc<str>,
        path: &Path,
        ledger: &mut Ledger,
    ) -> io::Result<Identified> {
        if self.identity.is_some() {
            return Ok(Identified::Yes);
        }
        self.beginning = Some(Beginning::of(&mut self.content)?);
        let whole = whole || self.content.is_packed();
        let Some(mut identity) = Identity::of(&mut self.content, whole)? else {
            if self.is_empty() {
                // Whatever is written into an empty file comes after the start of watching.
                self.from = From::Start;
            }
            return Ok(Identified::NotYet);
        };
        let place = loop {
            match ledger.known(path, &identity, &mut self.content) {
                Known::New => break entry::place(&mut self.content, self.from)?,
                // The rest of what it was is read from a copy: this is another file, though it begins alike.
                Known::Held if self.earlier.contains(&identity.hash) => identity = identity.again(),
                Known::Held | Known::Copy => return Ok(Identified::Elsewhere),
                Known::Unclear => return Ok(Identified::Unclear),
                Known::To(place) if self.holds_place(&place)? => break place,
                // It begins as it did and goes on differently: it was written anew.
                Known::To(_) => {
                    identity = identity.again();
                    self.from = From::Start;
                }
            }
        };
        self.identity = Some(identity);
        self.begin(place)?;
        if let Some(mark) = self.mark(source) {
            ledger.hold(mark);
        }
        Ok(Identified::Yes)
    }

    /// Whether the bytes before a place are what they were when the place was noted.
    pub fn holds_place(&mut self, place: &Place) -> io::Result<bool> {
        if self.content.is_packed() {
            return Ok(true);
        }
        let held = place.before.map_or(Ok(true), |before| before.holds_before(&mut self.content, place.offset))?;
        Ok(held && self.content.size()? >= place.offset)
    }

    /// Reads what is there, up to a bound; bytes read.
    pub fn read(&mut self, buffer: &mut Vec<u8>, ledger: &mut Ledger, emit: Emit<'_>) -> io::Result<usize> {
        let (Some(hash), false) = (self.hash().cloned(), self.finished) else { return Ok(0) };
        // The bytes read before stand in front, so that the last ones before any new line are at hand.
        buffer.resize(BEFORE_BYTES + LOOK, 0);
        let have = self.recent.len();
        let buffer = &mut buffer[BEFORE_BYTES - have..];
        buffer[..have].copy_from_slice(&self.recent);
        let start = self.position;
        let read = self.content.fill_at(&mut buffer[have..], start)?;
        if read == 0 {
            return Ok(0);
        }
        let known = &buffer[..have + read];
        let before = |place: &Place| {
            let end = have + (place.offset - start) as usize;
            let bytes = &known[end.saturating_sub(BEFORE_BYTES)..end];
            Place { before: Some(Fingerprint::of(bytes)), ..place.clone() }
        };
        let mut hand_over = |cut: Cut| emit(&hash, Cut { end: before(&cut.end), ..cut });
        self.splitter.push(&known[have..], &mut hand_over);
        self.splitter.flush(&mut hand_over);
        let place = self.splitter.place();
        if place.offset > start {
            self.place = before(&place);
            ledger.reached(&hash, self.place.clone());
        }
        self.position += read as u64;
        self.recent = known[known.len().saturating_sub(BEFORE_BYTES)..].to_vec();
        Ok(read)
    }

    /// At its end: the last line needs no newline.
    pub fn finish(&mut self, ledger: &mut Ledger, emit: Emit<'_>) {
        let Some(hash) = self.hash().cloned() else { return };
        let before = Some(Fingerprint::of(&self.recent));
        self.splitter.finish(|cut| emit(&hash, Cut { end: Place { before, ..cut.end.clone() }, ..cut }));
        self.place = Place { before, ..self.splitter.place() };
        self.finished = true;
        ledger.reached(&hash, self.place.clone());
        ledger.release(&hash);
    }
}
