//! What the list is narrowed to: a filter, one key, or both. Which records fit is found out beside the screen; this
//! holds what is known of it so far.

use std::sync::Arc;

use super::AppState;
use super::records::Listing;
use crate::message::inquiry::{Inquiry, Sifted};
use crate::record::Seq;

/// What the list is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Sift {
    filter: Option<String>,
    /// The filter is kept and does not act for now.
    off: bool,
    key: Option<Arc<str>>,
    /// Grows with every change: what was found for another filter is not taken in.
    number: u64,
    fits: Vec<Seq>,
    /// First record that was not looked at yet.
    next: Seq,
    looked: u64,
    asked: bool,
    fault: Option<String>,
}

impl Sift {
    /// The filter as it was written, acting or not.
    pub fn filter(&self) -> Option<&str> {
        self.filter.as_deref()
    }

    /// The filter acts.
    pub fn filters(&self) -> bool {
        self.filter.is_some() && !self.off
    }

    /// The one key.
    pub fn key(&self) -> Option<&Arc<str>> {
        self.key.as_ref()
    }

    /// Whether anything is left out.
    pub fn narrows(&self) -> bool {
        self.filters() || self.key.is_some()
    }

    /// What is wrong with the filter.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// Those that fit, in order.
    pub fn fits(&self) -> &[Seq] {
        &self.fits
    }

    /// Records that fit, and records that were looked at.
    pub fn counts(&self) -> (u64, u64) {
        (self.fits.len() as u64, self.looked)
    }

    /// Something is being looked through.
    pub fn is_busy(&self) -> bool {
        self.asked && self.looked == 0
    }

    fn restart(&mut self) {
        let Self { filter, off, key, number, .. } = std::mem::take(self);
        *self = Self { filter, off, key, number: number + 1, ..Self::default() };
    }

    /// Narrows the list to what fits a filter; to everything without.
    pub fn set_filter(&mut self, filter: Option<String>) {
        let filter = filter.filter(|text| !text.trim().is_empty());
        if filter != self.filter || self.off {
            (self.filter, self.off) = (filter, false);
            self.restart();
        }
    }

    /// Lets the filter act, or not. Whether there is one.
    pub fn toggle(&mut self) -> bool {
        self.off = !self.off;
        self.restart();
        self.filter.is_some()
    }

    /// Narrows the list to one key.
    pub fn set_key(&mut self, key: Option<Arc<str>>) {
        if key != self.key {
            self.key = key;
            self.restart();
        }
    }

    /// Takes in what was found.
    pub fn take(&mut self, found: Sifted) {
        if found.number != self.number {
            return;
        }
        self.asked = false;
        self.fault = found.fault;
        self.fits.extend(found.fits);
        self.next = found.next;
        self.looked += found.looked;
    }
}

impl AppState {
    /// The list as it is shown.
    pub fn listing(&self) -> Listing<'_> {
        // The player of a replay lists what fits by itself.
        let narrows = self.sift.narrows() && !self.is_replay() && self.sift.fault.is_none();
        self.board().records.listing(narrows.then_some(&self.sift.fits))
    }

    /// Asks which of the records that came since fit.
    pub(super) fn ask_to_sift(&mut self) -> Option<Inquiry> {
        if !self.sift.narrows() || self.is_replay() || self.sift.asked || self.sift.fault.is_some() {
            return None;
        }
        let view = self.board().records.history();
        let newest = view.len().checked_sub(1).and_then(|at| view.get(at))?.verdict.seq;
        if newest < self.sift.next {
            return None;
        }
        // What has gone need not be remembered.
        let oldest = view.get(0).map_or(Seq(0), |row| row.verdict.seq);
        let view = view.clone();
        let gone = self.sift.fits.partition_point(|seq| *seq < oldest);
        if gone > self.sift.fits.len() / 2 {
            self.sift.fits.drain(..gone);
        }
        self.sift.asked = true;
        let Sift { number, key, next, .. } = &self.sift;
        let filter = self.sift.filter.clone().filter(|_| self.sift.filters());
        Some(Inquiry::Sift { number: *number, filter, key: key.clone(), from: *next, view })
    }
}
