//! What a reader has begun and not finished, so that it can be begun again by another process.
//!
//! A checkpoint says how far a file was read, and which parts before that belong to no verdict yet. The next process
//! reads from the first of these on and leaves out all others: nothing is lost, and nothing is there twice.

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Choice, Layout, Reader};
use crate::record::Origin;
use crate::record::join::Memory;
use crate::record::values::Scanner;

/// All parts of a line.
pub(super) const WHOLE_LINE: u32 = u32::MAX;

/// A part that belongs to no closed record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    /// Identity of its file.
    pub file: Arc<str>,
    /// Offset of its line.
    pub offset: u64,
    /// Number of its line, if it is known.
    pub line: Option<u64>,
    /// Index in its line.
    pub part: u32,
    /// What was read of it is kept: it is not to be read again.
    pub carried: bool,
}

/// What of a file belongs to verdicts that were written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Resumed {
    /// All before this offset,
    pub through: u64,
    /// but these: offsets of lines, and indices in them.
    pub open: HashSet<(u64, u32)>,
    /// Beyond that offset, these.
    pub done: HashSet<(u64, u32)>,
}

impl Resumed {
    fn has(&self, offset: u64, part: u32) -> bool {
        if offset >= self.through {
            return self.done.contains(&(offset, part));
        }
        !self.open.contains(&(offset, part)) && !self.open.contains(&(offset, WHOLE_LINE))
    }

    fn is_over(&self, offset: u64) -> bool {
        offset >= self.through && self.done.iter().all(|(done, _)| *done < offset)
    }
}

/// What a reader knows, without the texts that it can read again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// What was found out.
    pub choice: Choice,
    /// The value that is being read, where values do not keep to lines.
    pub scanner: Option<Scanner>,
    /// What is known of times.
    #[serde(default)]
    pub times: Memory,
}

impl Saved {
    /// Whether it says no more than what was found out at the start.
    pub fn is_plain(&self) -> bool {
        self.scanner.is_none() && self.times == Memory::default()
    }
}

impl Reader {
    /// Goes on from what was saved.
    pub fn restore(&mut self, saved: Saved) {
        self.joining.restore(saved.times);
        self.amid = Some(false);
        if saved.choice.layout == Layout::Values {
            self.scanner = saved.scanner.or(self.scanner.take());
        }
    }

    /// What a new process needs; `None` where this is no place to go on from.
    pub fn save(&self) -> Option<Saved> {
        let open = !self.joining.is_empty() || !self.partial.is_empty();
        // Lines that are read again would meet a scanner that has seen them.
        let choice = || (*self.choice).clone();
        (self.scanner.is_none() || !open).then(|| Saved {
            choice: choice(),
            scanner: self.scanner.clone(),
            times: self.joining.save(),
        })
    }

    /// Where everything stands that belongs to no record yet.
    pub fn unfinished(&self) -> impl Iterator<Item = Unfinished> {
        let of = |origin: &Origin, part| Unfinished {
            file: Arc::clone(&origin.file),
            offset: origin.offset,
            line: origin.line,
            part,
            carried: false,
        };
        let partial = self.partial.values().map(move |partial| of(&partial.origin, WHOLE_LINE));
        let begun = self.scanner.as_ref().and_then(Scanner::unfinished).zip(self.last.as_ref());
        let begun = begun.map(move |(offset, last)| Unfinished { offset, carried: true, ..of(last, WHOLE_LINE) });
        partial.chain(begun).chain(self.joining.parts().map(move |origin| of(origin, origin.part)))
    }

    /// Leaves out what a former run has judged of a file.
    pub fn resume(&mut self, file: Arc<str>, resumed: Resumed) {
        self.resumed.insert(file, resumed);
    }

    /// By file, what a former run has judged and reading has not come to yet.
    pub fn resumed(&self) -> impl Iterator<Item = (&Arc<str>, &Resumed)> {
        self.resumed.iter()
    }

    /// Whether a former run has judged what stands here.
    pub(super) fn is_known(&self, origin: &Origin) -> bool {
        !self.resumed.is_empty()
            && self.resumed.get(&origin.file).is_some_and(|resumed| resumed.has(origin.offset, origin.part))
    }

    /// Reading has come to this line: what was judged before it is of no use any more.
    pub(super) fn pass(&mut self, origin: &Origin) {
        if !self.resumed.is_empty() && self.resumed.get(&origin.file).is_some_and(|r| r.is_over(origin.offset)) {
            self.resumed.remove(&origin.file);
        }
        let again = self.resumed.get(&origin.file).is_some_and(|resumed| origin.offset < resumed.through);
        self.joining.read_again(again);
    }
}
