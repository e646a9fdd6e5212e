//! How the player stands, as the screen is told.

use std::sync::Arc;

use super::{CATCH_UP, DIFFERS, Filtering, Out, Player, TIMELINE};
use crate::message::Update;
use crate::message::replay::{FilterReport, ReplayReport};
use crate::replay::index::Happened;

impl Player {
    /// What of the first pass and of the filter is news.
    pub(super) fn news(&self) -> (u64, u64) {
        (self.shared.lock().revision, self.listing.seen)
    }

    /// Tells how it stands, if that has changed.
    pub(super) fn tell(&mut self, out: Out<'_>) {
        let (news, now) = (self.news(), self.clock.elapsed());
        let soon = self.told.is_some() && !self.is_whole() && now < self.told_at + CATCH_UP;
        if self.told != Some(news) && !soon {
            (self.told, self.told_at) = (Some(news), now);
            let report = self.report();
            out(Update::Replay(Box::new(report)));
        }
    }

    pub(super) fn report(&mut self) -> ReplayReport {
        let shared = self.shared.clone();
        let progress = shared.lock();
        let (rows, expected) = (progress.rows(), progress.expected());
        let key = (progress.revision, expected);
        if self.columns_of != key {
            self.columns_of = key;
            self.columns = progress.index.columns(expected);
        }
        let end = progress.open.rows.iter().rev().find_map(|judged| judged.verdicts[0].ts);
        let end = end.or(progress.index.chunks.last().and_then(|chunk| chunk.times.1));
        let shown = progress.index.timeline.partition_point(|found| found.row < self.position);
        let timeline = progress.index.timeline[shown.saturating_sub(TIMELINE)..shown].iter();
        let filter = match &self.filter {
            None => None,
            Some(Filtering::Differing) => {
                Some(FilterReport { text: DIFFERS.to_owned(), fits: progress.index.differing, of: progress.index.of })
            }
            Some(Filtering::By(filter)) => {
                Some(FilterReport { text: filter.text().to_owned(), fits: self.listing.fit, of: self.listing.seen })
            }
        };
        let other = if self.tracks.len() > 1 { self.tracks.get(self.pair().1) } else { None };
        ReplayReport {
            position: self.position,
            indexed: rows,
            at: self.listing.at,
            span: progress.index.began.zip(end.or(progress.index.began)),
            speed: self.speed,
            playing: self.playing,
            gaps_skipped: self.skip_gaps,
            pass: progress.pass.clone(),
            looking: self.pending.as_ref().map(|pending| pending.text.clone()),
            track: Arc::clone(&self.tracks[self.track].name),
            other: other.map(|track| Arc::clone(&track.name)),
            marked: (Arc::clone(&self.tracks[0].name), self.tracks.get(1).map(|track| Arc::clone(&track.name))),
            differences: Arc::new(progress.index.differences()),
            filter,
            columns: Arc::clone(&self.columns),
            timeline: timeline.map(Happened::entry).collect(),
        }
    }
}
