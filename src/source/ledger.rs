//! Which files were read, and how far: so that no byte is read twice under another name, and none is left out.
//!
//! The reading thread writes it. Who makes a checkpoint asks it for the files, and puts to each how far it was judged.

use std::collections::{HashMap, HashSet};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::content::Content;
use super::identity::{Fingerprint, Identity};
use super::{Place, siblings};

/// Files that are remembered after they were let go; past it the oldest are forgotten.
const FILES: usize = 4_096;

/// Files beside a log that are remembered as no part of it.
const STRANGERS: usize = 65_536;

/// A file and a place in it, as a checkpoint keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// The path it was read under, as the user named it.
    pub source: Arc<str>,
    /// Where it lay.
    pub real: PathBuf,
    /// Which file.
    pub identity: Identity,
    /// Everything before it is done.
    pub place: Place,
}

/// What a checkpoint keeps of the sources.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Marks {
    /// Paths that were watched, with a file or without: one that comes under them later is new.
    pub watched: Vec<Arc<str>>,
    /// Oldest first.
    pub files: Vec<Mark>,
    /// Files beside a log that are no part of it: inode and first bytes.
    pub strangers: Vec<((u64, u64), Fingerprint)>,
}

struct Entry {
    mark: Mark,
    /// Where reading began; what a checkpoint says until something of it is done.
    start: Place,
    order: u64,
    /// The content of another file, held by an entry of its own.
    copy: bool,
    held: bool,
}

/// All files.
#[derive(Default)]
pub struct Ledger {
    files: HashMap<Arc<str>, Entry>,
    watched: HashSet<Arc<str>>,
    strangers: HashMap<(u64, u64), Fingerprint>,
    order: u64,
    /// Files that are written here: never read.
    own: Vec<PathBuf>,
    patterns: Vec<glob::Pattern>,
}

/// What is known of a file that is about to be read.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// Nothing.
    New,
    /// It was read to here.
    To(Place),
    /// It is being read already, under this name or another.
    Held,
    /// It is a copy of a file that is or was read.
    Copy,
    /// It may be a copy, and there is too little of it to tell.
    Unclear,
}

impl Ledger {
    /// A ledger that begins where a checkpoint was made. `own` are the outputs, `patterns` what the user named.
    pub fn new(marks: Marks, own: &[PathBuf], patterns: &[PathBuf]) -> Self {
        let mut ledger = Self {
            watched: marks.watched.into_iter().collect(),
            strangers: marks.strangers.into_iter().collect(),
            own: own.iter().map(|path| resolved(path)).collect(),
            patterns: patterns.iter().filter_map(|p| glob::Pattern::new(&absolute(p).to_string_lossy()).ok()).collect(),
            ..Self::default()
        };
        for mark in marks.files {
            ledger.put(mark, false);
        }
        ledger
    }

    fn put(&mut self, mark: Mark, held: bool) {
        self.order += 1;
        let start = mark.place.clone();
        let entry = Entry { start, order: self.order, copy: false, held, mark };
        self.files.insert(Arc::clone(&entry.mark.identity.hash), entry);
        if self.files.len() > FILES {
            let oldest = self.files.values().filter(|entry| !entry.held).min_by_key(|entry| entry.order);
            if let Some(hash) = oldest.map(|entry| Arc::clone(&entry.mark.identity.hash)) {
                self.files.remove(&hash);
            }
        }
    }

    /// The files of a source that a checkpoint knew, oldest first.
    pub fn marks_of(&self, source: &str) -> Vec<Mark> {
        let mut found: Vec<&Entry> =
            self.files.values().filter(|entry| *entry.mark.source == *source && !entry.copy).collect();
        found.sort_by_key(|entry| entry.order);
        found.into_iter().map(|entry| entry.mark.clone()).collect()
    }

    /// A path is watched from now on; whether it was before.
    pub fn watch(&mut self, source: &Arc<str>) -> bool {
        !self.watched.insert(Arc::clone(source))
    }

    /// What is known of a file.
    pub fn known(&self, path: &Path, identity: &Identity, content: &mut Content) -> Known {
        if let Some(entry) = self.files.get(&identity.hash) {
            return match entry {
                Entry { copy: true, .. } => Known::Copy,
                Entry { held: true, .. } => Known::Held,
                _ => Known::To(entry.mark.place.clone()),
            };
        }
        let mut unclear = false;
        for entry in self.files.values().filter(|entry| entry.mark.place.offset > 0) {
            if is_sibling_name(Path::new(&*entry.mark.source), path) {
                match is_copy(&entry.mark, identity, content) {
                    Ok(true) => return Known::Copy,
                    Ok(false) => {}
                    Err(_) => unclear = true,
                }
            }
        }
        if unclear { Known::Unclear } else { Known::New }
    }

    /// Whether a file of this identity was or is read.
    pub fn knows(&self, hash: &str) -> bool {
        self.files.contains_key(hash)
    }

    /// A file is being read from `mark` on.
    pub fn hold(&mut self, mark: Mark) {
        match self.files.get_mut(&mark.identity.hash) {
            Some(entry) => (entry.held, entry.mark) = (true, mark),
            None => self.put(mark, true),
        }
    }

    /// A file has been read to here.
    pub fn reached(&mut self, hash: &str, place: Place) {
        if let Some(entry) = self.files.get_mut(hash) {
            entry.mark.place = place;
        }
    }

    /// A file is not being read any more.
    pub fn release(&mut self, hash: &str) {
        if let Some(entry) = self.files.get_mut(hash) {
            entry.held = false;
        }
    }

    /// A file whose content is, or will be, read from another one.
    pub fn copied(&mut self, source: &Arc<str>, real: &Path, identity: Identity) {
        let mark = Mark { source: Arc::clone(source), real: real.to_owned(), identity, place: Place::default() };
        let hash = Arc::clone(&mark.identity.hash);
        self.put(mark, false);
        if let Some(entry) = self.files.get_mut(&hash) {
            entry.copy = true;
        }
    }

    /// A file beside a log that is no part of it.
    pub fn estrange(&mut self, inode: (u64, u64), first: Fingerprint) {
        // Forgotten, a stranger would be taken for a part of the log: past the bound the newest are not noted.
        if self.strangers.len() < STRANGERS {
            self.strangers.insert(inode, first);
        }
    }

    /// Whether a file beside a log is known to be no part of it.
    pub fn is_stranger(&self, inode: (u64, u64), content: &mut Content) -> bool {
        self.strangers.get(&inode).is_some_and(|first| first.holds(content, 0).unwrap_or(true))
    }

    /// Whether a path is one of the outputs, or has come from one by rotation.
    pub fn is_own(&self, path: &Path) -> bool {
        if self.own.is_empty() {
            return false;
        }
        let inode = |path: &Path| std::fs::metadata(path).map(|meta| (meta.dev(), meta.ino())).ok();
        let (resolved, found) = (resolved(path), inode(path));
        self.own
            .iter()
            .any(|own| *own == resolved || is_rotation(own, &resolved) || (found.is_some() && found == inode(own)))
    }

    /// Whether a path is among what the user named.
    pub fn is_named(&self, path: &Path) -> bool {
        let path = absolute(path);
        let text = path.to_string_lossy();
        self.patterns.iter().any(|pattern| pattern.matches(&text))
    }

    /// Whether a watched path still means anything: it is there, or a file of it is remembered.
    fn is_alive(&self, path: &Arc<str>) -> bool {
        self.watched.len() < FILES
            || Path::new(&**path).exists()
            || self.files.values().any(|entry| entry.mark.source == *path)
    }

    /// Files that a pattern has matched and that have gone on under another name since: their paths.
    pub fn left_behind(&self) -> Vec<PathBuf> {
        let unread = |mark: &Mark| {
            let path = Path::new(&*mark.source);
            let found = siblings::of_inode(path, &mark.real, mark.identity.inode);
            found.and_then(|found| std::fs::metadata(found).ok()).is_none_or(|meta| meta.len() > mark.place.offset)
        };
        let mut paths: Vec<PathBuf> = Vec::new();
        for entry in self.files.values().filter(|entry| !entry.copy) {
            let path = PathBuf::from(&*entry.mark.source);
            if !path.exists() && self.is_named(&path) && !paths.contains(&path) && unread(&entry.mark) {
                paths.push(path);
            }
        }
        paths
    }

    /// For a checkpoint: every file with how far it is done, by the identities in `done`.
    pub fn marks(&self, done: &HashMap<Arc<str>, Place>) -> Marks {
        let mut files: Vec<&Entry> = self.files.values().filter(|entry| !entry.copy).collect();
        files.sort_by_key(|entry| entry.order);
        let place = |entry: &Entry| done.get(&entry.mark.identity.hash).unwrap_or(&entry.start).clone();
        Marks {
            watched: self.watched.iter().filter(|path| self.is_alive(path)).cloned().collect(),
            files: files.iter().map(|entry| Mark { place: place(entry), ..entry.mark.clone() }).collect(),
            strangers: self.strangers.iter().map(|(inode, first)| (*inode, *first)).collect(),
        }
    }
}

/// Whether a file with this content is a copy of the marked one: it begins alike, and has the bytes before the place. Of
/// a file that is still there, a copy is as long as it: files whose lines are all alike have the same bytes anywhere.
///
/// # Errors
/// When that can't be read (yet): a packed file may still be being written.
pub fn is_copy(mark: &Mark, identity: &Identity, content: &mut Content) -> io::Result<bool> {
    if identity.inode == mark.identity.inode || !mark.identity.holds(content)? {
        return Ok(false);
    }
    let original = intact_size(mark)?;
    if !content.is_packed() && original.is_some_and(|size| content.size().is_ok_and(|copy| copy != size)) {
        return Ok(false);
    }
    if mark.place.offset <= u64::from(mark.identity.first.bytes) + 2 {
        // A first line that is the same in every file (a heading) says nothing; one that is a record does. But where the
        // original was cut short or is gone, what begins like it is what was made of it.
        let mut byte = [0u8; 1];
        return Ok(original.is_none() || (content.read_at(&mut byte, 0)? == 1 && byte[0] == b'{'));
    }
    match &mark.place.before {
        Some(before) => before.holds_before(content, mark.place.offset),
        None => Ok(true),
    }
}

/// Length of the marked file, if it is still there and still holds what was read of it.
fn intact_size(mark: &Mark) -> io::Result<Option<u64>> {
    let Some(path) = siblings::of_inode(Path::new(&*mark.source), &mark.real, mark.identity.inode) else {
        return Ok(None);
    };
    let mut original = Content::open(&path, u64::MAX)?;
    let before = mark.place.before.map_or(Ok(true), |before| before.holds_before(&mut original, mark.place.offset))?;
    let size = original.size()?;
    let intact = before && size >= mark.place.offset && mark.identity.holds(&mut original)?;
    Ok(intact.then_some(size))
}

/// Whether `path` is called as files are that were rotated away from `log`: `<name>.*`, or `<name>-` and a date or number.
pub fn is_sibling_name(log: &Path, path: &Path) -> bool {
    let (Some(log), Some(name)) = (log.file_name(), path.file_name()) else { return false };
    let rest = name.as_encoded_bytes().strip_prefix(log.as_encoded_bytes());
    // `app.log-errors` is another log.
    let numbered = |rest: &[u8]| rest.iter().any(u8::is_ascii_digit);
    rest.is_some_and(|rest| rest.len() > 1 && (rest[0] == b'.' || (rest[0] == b'-' && numbered(rest))))
}

/// Whether an output was renamed to `path` when it had become large: `<name>.<number>`.
fn is_rotation(own: &Path, path: &Path) -> bool {
    let (Some(name), Some(file)) = (own.file_name(), path.file_name()) else { return false };
    let rest = file.as_encoded_bytes().strip_prefix(name.as_encoded_bytes());
    let number = rest.and_then(|rest| rest.strip_prefix(b"."));
    own.parent() == path.parent() && number.is_some_and(|n| !n.is_empty() && n.iter().all(u8::is_ascii_digit))
}

/// The path from the root, as it is written.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The path with its folder resolved: the file itself may not be there yet.
fn resolved(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}
