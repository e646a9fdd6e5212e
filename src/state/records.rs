//! The list of records: what is kept, what is selected, and whether the list follows.

use crate::history::{Row, View};
use crate::record::Seq;

/// The list.
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

    /// Follows the newest record.
    pub fn follow(&mut self) {
        self.selected = None;
    }

    /// Index of the selected row, the newest when following; `None` of an empty list.
    pub fn index(&self) -> Option<usize> {
        let last = self.history.len().checked_sub(1)?;
        Some(self.selected.map_or(last, |seq| self.history.position(seq).min(last)))
    }

    /// The selected row.
    pub fn row(&self) -> Option<&Row> {
        self.history.get(self.index()?)
    }

    /// Moves the selection by so many rows, negative towards older ones. Moving past the newest follows it.
    pub fn step(&mut self, by: isize) {
        let Some(index) = self.index() else { return };
        let last = self.history.len() - 1;
        if index == last && by > 0 {
            return self.follow();
        }
        self.select(index.saturating_add_signed(by).min(last));
    }

    /// Selects what another view of the same records has selected, if it is still kept.
    pub fn select_as(&mut self, other: &Self) {
        self.selected = other.selected;
        self.set_history(self.history.clone());
    }

    /// Selects the row at `index`.
    pub fn select(&mut self, index: usize) {
        self.selected = self.history.get(index).map(|row| row.verdict.seq);
    }

    /// Selects the next row, older or newer, that has a violation. Whether there was one.
    pub fn next_violation(&mut self, newer: bool) -> bool {
        let Some(index) = self.index() else { return false };
        let breached = |i: &usize| self.history.get(*i).is_some_and(|row| !row.verdict.violations.is_empty());
        // Who follows the newest and asks for the next one wants to see the latest.
        let found = if newer && !self.follows() {
            (index + 1..self.history.len()).find(breached)
        } else {
            (0..index + usize::from(self.follows())).rev().find(breached)
        };
        if let Some(index) = found {
            self.select(index);
        }
        found.is_some()
    }
}
