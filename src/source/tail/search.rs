//! What lies beside the path, and what of it belongs to the log: files that came and went unseen, copies, the files that
//! a checkpoint knew.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::open::{Identified, Open};
use super::{RESUMED, Tail};
use crate::source::From;
use crate::source::content::Content;
use crate::source::identity::Identity;
use crate::source::ledger::{Ledger, Mark, is_copy};
use crate::source::siblings::{self, Sibling};

impl Tail {
    /// Files that have come and gone under the path unseen: rotated away before anybody looked.
    pub(super) fn between(&mut self, current: Option<(u64, u64)>, ledger: &mut Ledger) -> Vec<Open> {
        let (mut found, mut unclear) = (Vec::new(), false);
        for sibling in siblings::rotated(&self.path) {
            let held = Some(sibling.inode) == current || self.former.iter().any(|open| open.inode == sibling.inode);
            if held || ledger.is_own(&sibling.path) || ledger.is_named(&sibling.path) {
                continue;
            }
            let Ok(mut open) = self.open(&sibling.path, From::Start) else { continue };
            if ledger.is_stranger(sibling.inode, open.content()) {
                continue;
            }
            match open.identify(true, &self.key, &sibling.path, ledger) {
                // An empty one may still be written to by who has not noticed.
                Ok(Identified::Yes | Identified::NotYet) => found.push(open),
                Ok(Identified::Elsewhere) => {}
                // It can't be told yet what it is: it is looked at again.
                Ok(Identified::Unclear) => unclear = true,
                Err(error) => {
                    tracing::debug!("{}: {error}", sibling.path.display());
                    unclear = true;
                }
            }
        }
        self.unclear = unclear;
        found
    }

    /// Remembers the files beside the path, as long as it names what it did: none of them has come from it unseen.
    pub(super) fn note_strangers(&mut self, ledger: &mut Ledger) {
        let folder = siblings::folder_changes(&self.path);
        if folder == self.folder {
            return;
        }
        let found = siblings::rotated(&self.path);
        // Looked at after the files beside it: a rotation in between is found by the next look.
        let still = fs::metadata(&self.path)
            .is_ok_and(|meta| self.current.as_ref().is_some_and(|open| open.inode == (meta.dev(), meta.ino())));
        if !still {
            return;
        }
        self.folder = folder;
        self.estrange(found, ledger);
    }

    pub(super) fn estrange(&self, found: Vec<Sibling>, ledger: &mut Ledger) {
        for sibling in found {
            let Ok(mut content) = Content::open(&sibling.path, self.options.unpacked_bytes) else { continue };
            if ledger.is_own(&sibling.path) || ledger.is_stranger(sibling.inode, &mut content) {
                continue;
            }
            let Ok(Some(identity)) = Identity::of(&mut content, true) else { continue };
            if !ledger.knows(&identity.hash) {
                ledger.estrange(sibling.inode, identity.first);
            }
        }
    }

    /// A file beside the path that has all that was read of the marked one, and perhaps more.
    pub(super) fn find_copy(&self, mark: &Mark, ledger: &mut Ledger) -> Option<(Content, PathBuf)> {
        for sibling in siblings::rotated(&self.path).into_iter().rev() {
            if ledger.is_own(&sibling.path) {
                continue;
            }
            let Ok(mut content) = Content::open(&sibling.path, self.options.unpacked_bytes) else { continue };
            let Ok(Some(identity)) = Identity::of(&mut content, true) else { continue };
            if is_copy(mark, &identity, &mut content).unwrap_or(false) {
                ledger.copied(&self.key, &sibling.path, identity);
                return Some((content, sibling.path));
            }
        }
        None
    }

    /// A path that is new is read without what lies beside it; one that was watched before goes on where it was: finds
    /// the files that a checkpoint knew, whatever they are called by now.
    pub(super) fn start(&mut self, ledger: &mut Ledger) {
        if !ledger.watch(&self.key) {
            self.folder = siblings::folder_changes(&self.path);
            return self.estrange(siblings::rotated(&self.path), ledger);
        }
        self.from = From::Start;
        let marks = ledger.marks_of(&self.key);
        for (index, mark) in marks.iter().enumerate() {
            match self.locate(mark, marks.len() - index, ledger) {
                Ok(Some(open)) => {
                    ledger.hold(mark.clone());
                    self.former.push(open);
                }
                Ok(None) => {}
                Err(error) => self.notices.push(format!("{}: {error}", mark.real.display())),
            }
        }
        let named = fs::metadata(&self.path).ok().map(|meta| (meta.dev(), meta.ino()));
        if self.former.last().is_some_and(|open| Some(open.inode) == named) {
            self.current = self.former.pop();
        }
    }

    /// The file of a mark, the `nth` newest, if there is anything left to read of it, or if it may grow.
    pub(super) fn locate(&mut self, mark: &Mark, nth: usize, ledger: &mut Ledger) -> io::Result<Option<Open>> {
        if let Some(path) = siblings::of_inode(&self.path, &mark.real, mark.identity.inode) {
            let mut open = self.open(&path, From::Start)?;
            if mark.identity.holds(open.content())? && open.holds_place(&mark.place)? {
                let unread = open.is_packed() || open.size()? > mark.place.offset;
                open.resumed(mark)?;
                return Ok((nth <= RESUMED || unread).then_some(open));
            }
        }
        let copy = if nth <= RESUMED { self.find_copy(mark, ledger) } else { None };
        if let Some((copy, path)) = copy {
            let mut open = self.open(&path, From::Start)?;
            open.resumed(mark)?;
            return open.continued_in(copy, &path).map(Some);
        }
        if nth == 1 {
            let name = &self.name;
            let text = format!("{name}: what was read last is gone or was written anew; lines of it may be lost");
            self.notices.push(text);
        }
        Ok(None)
    }
}
