//! The records that are kept, and which of them is selected.

use crate::history::{Row, View};
use crate::record::Seq;

/// The records.
#[derive(Debug, Clone, Default)]
pub struct Records {
    history: View,
    /// The selection sticks to the record, not to the row; `None` follows the newest.
    selected: Option<Seq>,
}

impl Records {
    /// Puts in what is kept now. A selected record that has gone gives way to the oldest that is left.
    pub fn set_history(&mut self, history: View) {
        let oldest = history.get(0).map(|row| row.verdict.seq);
        self.selected = self.selected.map(|seq| oldest.map_or(seq, |oldest| seq.max(oldest)));
        self.history = history;
    }

    /// What is kept.
    pub fn history(&self) -> &View {
        &self.history
    }

    /// Whether the list follows the newest record.
    pub fn follows(&self) -> bool {
        self.selected.is_none()
    }

    /// The selected record; `None` when the list follows the newest.
    pub fn selected(&self) -> Option<Seq> {
        self.selected
    }

    /// Follows the newest record.
    pub fn follow(&mut self) {
        self.selected = None;
    }

    /// Selects what another view of the same records has selected, if it is still kept.
    pub fn select_as(&mut self, other: &Self) {
        self.selected = other.selected;
        self.set_history(self.history.clone());
    }

    /// Selects a record.
    pub fn select(&mut self, seq: Seq) {
        self.selected = Some(seq);
    }

    /// The list of all of them, or of those that fit.
    pub fn listing<'a>(&'a self, fits: Option<&'a [Seq]>) -> Listing<'a> {
        // What fitted and has gone since, and what a frozen list does not know yet, is not listed.
        let fits = fits.map(|fits| {
            let ends = self.history.get(0).zip(self.history.len().checked_sub(1).and_then(|at| self.history.get(at)));
            let Some((oldest, newest)) = ends.map(|(first, last)| (first.verdict.seq, last.verdict.seq)) else {
                return &[][..];
            };
            let from = fits.partition_point(|seq| *seq < oldest);
            &fits[from..fits.partition_point(|seq| *seq <= newest).max(from)]
        });
        Listing { records: self, fits }
    }
}

/// The list as it is shown.
#[derive(Debug, Clone, Copy)]
pub struct Listing<'a> {
    records: &'a Records,
    /// Only these; all without.
    fits: Option<&'a [Seq]>,
}

impl<'a> Listing<'a> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.fits.map_or_else(|| self.records.history.len(), <[Seq]>::len)
    }

    /// Whether there is nothing to list.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row at an index, oldest first.
    pub fn get(&self, index: usize) -> Option<&'a Row> {
        let history = &self.records.history;
        match self.fits {
            None => history.get(index),
            Some(fits) => history.get(history.position(*fits.get(index)?)),
        }
    }

    /// Index of the first row whose Seq is not below `seq`.
    pub fn position(&self, seq: Seq) -> usize {
        match self.fits {
            None => self.records.history.position(seq),
            Some(fits) => fits.partition_point(|held| *held < seq),
        }
    }

    /// Index of the selected row, the newest when following; `None` of an empty list. A record that does not fit has
    /// the place of the next one that does.
    pub fn index(&self) -> Option<usize> {
        let last = self.len().checked_sub(1)?;
        Some(self.records.selected.map_or(last, |seq| self.position(seq).min(last)))
    }

    /// The selected row.
    pub fn row(&self) -> Option<&'a Row> {
        self.get(self.index()?)
    }

    /// The row so many rows on, negative towards older ones; `None` past the newest, where the list follows.
    pub fn beside(&self, by: isize) -> Option<Seq> {
        let index = self.index()?;
        let last = self.len() - 1;
        if index == last && by > 0 {
            return None;
        }
        self.get(index.saturating_add_signed(by).min(last)).map(|row| row.verdict.seq)
    }

    /// The next row, newer or older, that is wanted. Who follows the newest and asks for the next wants the latest.
    pub fn next(&self, newer: bool, wanted: impl Fn(&Row) -> bool) -> Option<Seq> {
        let index = self.index()?;
        let follows = self.records.follows();
        let found = |at: &usize| self.get(*at).is_some_and(&wanted);
        let at = if newer && !follows {
            (index + 1..self.len()).find(found)
        } else {
            (0..index + usize::from(follows)).rev().find(found)
        };
        at.and_then(|at| self.get(at)).map(|row| row.verdict.seq)
    }
}
