//! Which time the charts show, and what is known of it beyond what is kept ready anyway.
//!
//! There is one time cursor: the time of the selected record. Whoever moves it moves the selection, and the other way.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::AppState;
use super::view::Screen;
use crate::message::inquiry::Inquiry;
use crate::message::inquiry::chart::{Chart, Window};

/// Ranges to choose from, s: from a minute to a day; beyond them is all that is kept.
const RANGES: [i64; 7] = [60, 5 * 60, 15 * 60, 3_600, 3 * 3_600, 6 * 3_600, 86_400];

/// Most points, and least.
const POINTS: (usize, usize) = (30, 160);

/// How often a chart follows what comes, ms.
const REFRESH_MS: i128 = 400;

/// How long a time is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Range {
    /// As long as is kept ready.
    #[default]
    Recent,
    /// So many seconds.
    Seconds(i64),
    /// All that is kept.
    All,
}

/// The time that the charts show.
#[derive(Debug, Clone, Default)]
pub struct Charts {
    range: Range,
    /// Where it ends; `None` follows what comes.
    end: Option<Timestamp>,
    /// Where the mouse began to mark a time.
    pub drag: Option<Timestamp>,
    /// Grows with every change.
    number: u64,
    found: Option<Arc<Chart>>,
    /// Of which change that was asked, and at which time.
    asked: Option<(u64, Timestamp)>,
    waits: bool,
}

impl Charts {
    /// How long a time is shown.
    pub fn range(&self) -> Range {
        self.range
    }

    /// Whether the charts end in the past.
    pub fn is_back(&self) -> bool {
        self.end.is_some()
    }

    fn changed(&mut self) {
        self.number += 1;
    }

    /// What has been asked for is of another selection now.
    pub fn restart(&mut self) {
        self.found = None;
        self.changed();
    }

    /// Takes in a chart.
    pub fn take(&mut self, number: u64, found: Arc<Chart>) {
        self.waits = false;
        if number == self.number {
            self.found = Some(found);
        }
    }
}

impl AppState {
    /// Whether the charts need more than what is kept ready.
    fn charts_ask(&self) -> bool {
        self.charts.range != Range::Recent || self.charts.end.is_some() || self.sift.key().is_some()
    }

    /// What was found for the time that is shown; `None` while that is what is kept ready, or nothing is known yet.
    pub fn chart(&self) -> Option<&Chart> {
        self.charts.found.as_deref().filter(|_| self.charts_ask())
    }

    /// Whether a chart is being made that nothing is known of yet.
    pub fn chart_waits(&self) -> bool {
        self.charts_ask() && self.charts.found.is_none()
    }

    /// Event time of the first and of the last record that are kept.
    fn kept(&self) -> Option<(Timestamp, Timestamp)> {
        let history = self.board().records.history();
        let first = history.rows().take(1_000).find_map(|row| row.verdict.ts)?;
        Some((first, history.rows().rev().take(1_000).find_map(|row| row.verdict.ts)?))
    }

    /// From when to when the charts show.
    pub fn window(&self) -> Option<Window> {
        let recent = || {
            let slices = self.board().latency.slices();
            let from = slices.start()?;
            Some((from, from.checked_add(SignedDuration::from_secs(slices.span_s())).ok()?))
        };
        let to = match self.charts.end {
            Some(end) => end,
            None => self.kept().map(|(_, last)| last)?,
        };
        let (from, to) = match self.charts.range {
            Range::Recent => recent()?,
            Range::All => (self.kept()?.0, to),
            Range::Seconds(seconds) => (to.checked_sub(SignedDuration::from_secs(seconds)).ok()?, to),
        };
        // The last record belongs to it.
        let to = to.checked_add(SignedDuration::from_millis(1)).ok()?;
        Some(Window { from: from.min(to), to })
    }

    /// Shows a longer or a shorter time.
    pub fn zoom(&mut self, longer: bool) {
        let shown = self.window().map_or(60, |window| window.to.duration_since(window.from).as_secs());
        let kept = self.kept().map_or(0, |(first, last)| last.duration_since(first).as_secs());
        self.charts.range = match (self.charts.range, longer) {
            (Range::All, true) => Range::All,
            (_, true) => {
                RANGES.into_iter().find(|range| *range > shown && *range < kept).map_or(Range::All, Range::Seconds)
            }
            (_, false) => {
                let shorter = RANGES.into_iter().rev().find(|range| *range < shown - 1);
                Range::Seconds(shorter.unwrap_or(RANGES[0]))
            }
        };
        self.charts.changed();
    }

    /// Shows so long a time, or what is kept ready.
    pub fn set_range(&mut self, range: Range) {
        self.charts.range = range;
        self.charts.end = None;
        self.charts.changed();
    }

    /// Shows just this time.
    pub fn show_span(&mut self, from: Timestamp, to: Timestamp) {
        let (from, to) = (from.min(to), from.max(to));
        let seconds = to.duration_since(from).as_secs().max(1);
        self.charts.range = Range::Seconds(seconds);
        self.charts.end = Some(to);
        self.charts.changed();
    }

    /// Scrolls by half of what is shown, back in time or forth; at the end the charts follow again.
    pub fn scroll_time(&mut self, back: bool) {
        let Some((window, (first, last))) = self.window().zip(self.kept()) else { return };
        let shown = window.to.duration_since(window.from);
        if self.charts.range == Range::Recent {
            self.charts.range = Range::Seconds(shown.as_secs().max(RANGES[0]));
        }
        let by = if back { -(shown / 2) } else { shown / 2 };
        let end = window.to.checked_add(by).unwrap_or(window.to).max(first);
        self.charts.end = (end < last).then_some(end);
        self.charts.changed();
    }

    /// The charts follow what comes again.
    pub fn follow_time(&mut self) {
        if self.charts.end.take().is_some() {
            self.charts.changed();
        }
    }

    /// The one time cursor: of the selected record, when the list does not follow, and of the place of a replay.
    pub fn time_cursor(&self) -> Option<Timestamp> {
        if self.board().records.follows() && !self.is_replay() {
            return None;
        }
        self.listing().row()?.verdict.ts
    }

    /// The record nearest to a time among those that are listed.
    pub fn record_at(&self, at: Timestamp) -> Option<crate::record::Seq> {
        let listing = self.listing();
        // Times rise with the rows but for late ones: near enough for a cursor.
        let (mut low, mut high) = (0, listing.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            let ts = (middle..high).find_map(|at| Some((at, listing.get(at)?.verdict.ts?)));
            match ts {
                Some((found, ts)) if ts < at => low = found + 1,
                Some((_, _)) => high = middle,
                None => high = middle,
            }
        }
        let last = listing.len().checked_sub(1)?;
        listing.get(low.min(last)).map(|row| row.verdict.seq)
    }

    /// Asks for the chart that is shown, if what is known of it is of another time.
    pub(super) fn ask_for_chart(&mut self) -> Option<Inquiry> {
        let visible = matches!(self.view.screen, Screen::Overview | Screen::Drift);
        if !visible || !self.charts_ask() || self.charts.waits {
            return None;
        }
        let number = self.charts.number;
        let due = match self.charts.asked {
            Some((of, at)) if of == number => {
                let still = self.frozen_since().is_some() || self.charts.end.is_some() || self.is_replay();
                !still && self.now.duration_since(at).as_millis() >= REFRESH_MS
            }
            _ => true,
        };
        let window = self.window().filter(|_| due)?;
        self.charts.asked = Some((number, self.now));
        self.charts.waits = true;
        let known = self.charts.found.as_ref().map_or(POINTS.1 as u64 * 4, |chart| chart.n);
        let columns = usize::try_from(known / 4).unwrap_or(POINTS.1).clamp(POINTS.0, POINTS.1);
        let series = self.shown_series().map(|series| (Arc::clone(&series.key), Arc::clone(&series.name)));
        Some(Inquiry::Chart {
            number,
            window,
            columns,
            key: self.sift.key().cloned(),
            series,
            view: self.board().records.history().clone(),
        })
    }
}
