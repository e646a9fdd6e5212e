//! What the operator has marked, and what was called right or wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::AppState;
use crate::history::Row;
use crate::message::{Happening, HappeningKind};
use crate::record::Seq;

/// Marks of the operator that are kept.
const MARKS: usize = 1_000;

/// Records called right or wrong that are kept.
const LABELS: usize = 100_000;

/// A record that the operator has marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnMark {
    /// The record.
    pub seq: Seq,
    /// Its event time, or that of the screen when it has none.
    pub at: Timestamp,
    /// Its id.
    pub id: Arc<str>,
    /// Why.
    pub text: String,
}

/// Marks, and what was called right or wrong.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    /// Oldest record first.
    pub own: Vec<OwnMark>,
    /// Right or not, by record.
    pub labels: Arc<BTreeMap<Seq, bool>>,
}

impl Marks {
    /// Whether a record is marked.
    pub fn has(&self, seq: Seq) -> bool {
        self.own.iter().any(|mark| mark.seq == seq)
    }

    /// Right or wrong; `None` if it was called neither.
    pub fn label(&self, seq: Seq) -> Option<bool> {
        self.labels.get(&seq).copied()
    }

    /// Calls a record right or wrong; the same once more takes it back. What it is called now.
    pub fn call(&mut self, seq: Seq, right: bool) -> Option<bool> {
        let labels = Arc::make_mut(&mut self.labels);
        if labels.get(&seq) == Some(&right) {
            labels.remove(&seq);
            return None;
        }
        if labels.len() >= LABELS {
            labels.pop_first();
        }
        labels.insert(seq, right);
        Some(right)
    }

    /// Records called right, and records called wrong.
    pub fn called(&self) -> (usize, usize) {
        let right = self.labels.values().filter(|right| **right).count();
        (right, self.labels.len() - right)
    }
}

impl AppState {
    /// Marks the selected record, or takes that back; what a capture is told of it.
    pub fn toggle_mark(&mut self, text: &str) -> Option<Happening> {
        let row: Row = self.listing().row()?.clone();
        let (seq, at) = (row.verdict.seq, row.verdict.ts.unwrap_or_else(|| self.event_time()));
        if let Some(known) = self.marks.own.iter().position(|mark| mark.seq == seq) {
            if text.is_empty() {
                self.marks.own.remove(known);
                self.view.note = Some("no mark any more".to_owned());
            } else {
                text.clone_into(&mut self.marks.own[known].text);
                self.view.note = Some("the mark says so now".to_owned());
            }
            return None;
        }
        if self.marks.own.len() >= MARKS {
            self.marks.own.remove(0);
        }
        let place = self.marks.own.partition_point(|mark| mark.seq < seq);
        let id = Arc::clone(&row.record.id);
        self.marks.own.insert(place, OwnMark { seq, at, id, text: text.to_owned() });
        self.waiting.note(&row);
        self.view.note = Some(format!("marked {}", row.record.id));
        Some(Happening {
            at,
            seq: Some(seq.0),
            kind: HappeningKind::Mark,
            cause: String::new(),
            key: row.verdict.key.to_string(),
            text: text.to_owned(),
        })
    }

    /// Calls the selected record right or wrong, or takes that back.
    pub fn call(&mut self, right: bool) {
        let Some(row) = self.listing().row() else {
            self.view.note = Some("there is no record to call right or wrong yet".to_owned());
            return;
        };
        let (seq, id) = (row.verdict.seq, Arc::clone(&row.record.id));
        let row = row.clone();
        self.waiting.note(&row);
        let called = self.marks.call(seq, right);
        let (rights, wrongs) = self.marks.called();
        let word = match called {
            Some(true) => "right",
            Some(false) => "wrong",
            None => "neither right nor wrong",
        };
        self.view.note = Some(format!("{id} is {word} ({rights} right, {wrongs} wrong)"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_called_twice_is_called_no_more() {
        let mut marks = Marks::default();
        assert_eq!((marks.call(Seq(1), true), marks.call(Seq(2), false)), (Some(true), Some(false)));
        assert_eq!((marks.called(), marks.label(Seq(2))), ((1, 1), Some(false)));
        assert_eq!((marks.call(Seq(1), false), marks.call(Seq(2), false)), (Some(false), None));
        assert_eq!(marks.called(), (0, 1));
    }
}
