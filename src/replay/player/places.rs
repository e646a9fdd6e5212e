//! Going to places: by time, share, number and mark; a step, and to what fits a filter.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{Filtering, Out, Pending, Player, bits};
use crate::message::Update;
use crate::message::replay::{MarkKind, Pass, Target, marks};
use crate::replay::chunks::Chunk;

/// Where a place is.
enum Found {
    /// When so many rows are shown.
    Here(u64),
    /// In what was not judged yet.
    Beyond,
    /// Nowhere, and why.
    Nowhere(String),
}

impl Player {
    /// Goes to a place, now or when the first pass has come to it.
    pub(super) fn seek(&mut self, target: Target, out: Out<'_>) {
        // What is relative is so to this place, whenever it is reached.
        let target = match (target, self.listing.at) {
            (Target::By(by), Some(at)) => Target::At(at.checked_add(by).unwrap_or(at)),
            (Target::By(_), None) => return out(Update::Notice("no record so far has a time to count from".into())),
            (other, _) => other,
        };
        self.anchor = None;
        match self.find(target) {
            Found::Here(rows) => {
                self.pending = None;
                self.show(rows.max(1), out);
            }
            Found::Beyond => {
                let text = in_words(target);
                self.pending = Some(Pending { target, text });
            }
            Found::Nowhere(why) => {
                self.pending = None;
                out(Update::Notice(why));
            }
        }
    }

    /// Goes where it was to go, if that is there by now.
    pub(super) fn look_for_pending(&mut self, out: Out<'_>) {
        let Some(pending) = self.pending.clone() else { return };
        match self.find(pending.target) {
            Found::Beyond => {}
            Found::Here(_) | Found::Nowhere(_) => {
                self.told = None;
                self.seek(pending.target, out);
                // What was looked for is not there: all is shown, so that there is something to see.
                if self.position == 0 {
                    let rows = self.rows();
                    self.show(rows, out);
                }
            }
        }
    }

    fn find(&mut self, target: Target) -> Found {
        let (rows, whole) = {
            let progress = self.shared.lock();
            (progress.rows(), !matches!(progress.pass, Pass::Running(_)))
        };
        if rows == 0 {
            return if whole { Found::Nowhere("the log has no records".into()) } else { Found::Beyond };
        }
        let row = match target {
            Target::Percent(percent) => {
                // A share of an estimate would be another place each time.
                if !whole && percent > 0.0 {
                    return Found::Beyond;
                }
                (rows as f64 * percent / 100.0).round() as u64
            }
            Target::Record(number) => number,
            Target::Mark(number) => return self.marked(number, whole),
            Target::At(at) => return self.at_time(at, whole),
            Target::By(_) => return Found::Nowhere("no record so far has a time to count from".into()),
            Target::Clock { time, local } => {
                let zone = if local { TimeZone::system() } else { TimeZone::UTC };
                let Some(began) = self.shared.lock().index.began else {
                    return Found::Nowhere("no record has a time".into());
                };
                // The day that is shown, else the first on which it is so late in this log.
                let day = self.listing.at.unwrap_or(began);
                let date = day.to_zoned(zone.clone()).date();
                let at = date.to_datetime(time).to_zoned(zone).map_or(day, |zoned| zoned.timestamp());
                let next = at.checked_add(SignedDuration::from_hours(24)).unwrap_or(at);
                let (at, ends) = (if at < began { next } else { at }, self.ends());
                if whole && ends.is_some_and(|ends| at > ends) {
                    let (began, ends) = (began.strftime("%H:%M:%S"), ends.unwrap_or_default().strftime("%H:%M:%S"));
                    return Found::Nowhere(format!("{time} is not in this log, which goes from {began} to {ends} UTC"));
                }
                return self.at_time(at, whole);
            }
        };
        match row <= rows {
            true => Found::Here(row),
            false if whole => Found::Nowhere(format!("the log has {rows} records")),
            false => Found::Beyond,
        }
    }

    /// Event time of the last record.
    fn ends(&mut self) -> Option<Timestamp> {
        let last = self.rows().checked_sub(1)?;
        self.time_of(last)
    }

    fn marked(&self, number: u64, whole: bool) -> Found {
        let progress = self.shared.lock();
        let own = progress.index.marks.iter().enumerate().filter(|(_, mark)| **mark & marks::OWN != 0);
        match own.map(|(row, _)| row as u64 + 1).nth((number - 1) as usize) {
            Some(rows) => Found::Here(rows),
            None if whole => Found::Nowhere(format!("there is no mark {number}")),
            None => Found::Beyond,
        }
    }

    /// All records up to a time.
    fn at_time(&mut self, at: Timestamp, whole: bool) -> Found {
        let (number, rows) = {
            let progress = self.shared.lock();
            if progress.index.began.is_none() {
                return if whole { Found::Nowhere("no record has a time".into()) } else { Found::Beyond };
            }
            // The first chunk that ends later.
            let chunks = &progress.index.chunks;
            (chunks.partition_point(|chunk| chunk.times.1.is_none_or(|end| end <= at)), progress.rows())
        };
        let Ok(Some(chunk)) = self.chunks.get(number) else {
            return if whole { Found::Here(rows) } else { Found::Beyond };
        };
        match chunk.times().position(|time| time.is_some_and(|time| time > at)) {
            Some(row) => Found::Here(chunk.first + row as u64),
            None if whole => Found::Here(rows),
            None => Found::Beyond,
        }
    }

    /// Event time up to a row.
    pub(super) fn time_of(&mut self, row: u64) -> Option<Timestamp> {
        let chunk = self.chunks.with(row).ok().flatten()?;
        chunk.times().nth((row - chunk.first) as usize).flatten()
    }

    /// So many records forward or back; of a narrowed list, so many that fit.
    pub(super) fn step(&mut self, by: i64, out: Out<'_>) {
        if self.filter.is_none() {
            let to = self.position.saturating_add_signed(by).clamp(1, self.rows().max(1));
            return self.show(to, out);
        }
        for _ in 0..by.unsigned_abs() {
            match self.next_fitting(by > 0) {
                Some(row) => self.show(row + 1, out),
                None => return out(Update::Notice(format!("no further record {} fits", ahead(by > 0)))),
            }
        }
    }

    /// The next row that fits the filter, behind the one in front or before it.
    fn next_fitting(&mut self, forward: bool) -> Option<u64> {
        let front = self.position.checked_sub(1);
        if matches!(self.filter, Some(Filtering::Differing)) {
            return self.shared.lock().index.find(front, marks::DIFFERENT, forward);
        }
        let from = if forward { self.position } else { front?.checked_sub(1)? };
        let mut number = self.chunks.number_of(from)?;
        let pair = self.pair();
        loop {
            let chunk = self.chunks.get(number).ok().flatten()?;
            let Some(Filtering::By(filter)) = &mut self.filter else { return None };
            let mut fits = |chunk: &Chunk, index: usize| chunk.row(index, pair).is_some_and(|row| filter.fits(&row));
            let found = self.listing.fits_of(&chunk, &mut fits);
            let rows = found.iter().map(|row| chunk.first + u64::from(*row));
            let hit =
                if forward { rows.into_iter().find(|row| *row >= from) } else { rows.rev().find(|row| *row <= from) };
            if hit.is_some() {
                return hit;
            }
            number = if forward { number + 1 } else { number.checked_sub(1)? };
        }
    }

    /// To the next mark, or to the one before; past the end from the other one.
    pub(super) fn jump(&mut self, kind: MarkKind, forward: bool, out: Out<'_>) {
        let wanted = bits(kind, self.track);
        let (found, whole) = {
            let progress = self.shared.lock();
            let found = progress.index.find(self.position.checked_sub(1), wanted, forward);
            (found, !matches!(progress.pass, Pass::Running(_)))
        };
        if let Some(row) = found {
            return self.show(row + 1, out);
        }
        let what = name(kind);
        let around = match forward {
            true => self.shared.lock().index.find(None, wanted, true),
            false => self.shared.lock().index.find(Some(u64::MAX), wanted, false),
        };
        match around {
            None if whole => out(Update::Notice(format!("there is no {what} in this log"))),
            None => out(Update::Notice(format!("no {what} in what is judged so far"))),
            Some(_) if !whole && forward => out(Update::Notice(format!("no further {what} in what is judged so far"))),
            Some(row) => {
                let from = if forward { "the start" } else { "the end" };
                self.show(row + 1, out);
                out(Update::Notice(format!("no further {what}: from {from} again")));
            }
        }
    }
}

fn ahead(forward: bool) -> &'static str {
    if forward { "behind this one" } else { "before this one" }
}

fn name(kind: MarkKind) -> &'static str {
    match kind {
        MarkKind::Violation => "violation",
        MarkKind::Drift => "drift",
        MarkKind::Own => "mark of your own",
        MarkKind::Difference => "difference",
        MarkKind::Any => "mark",
    }
}

fn in_words(target: Target) -> String {
    match target {
        Target::At(at) => format!("{at:.0}"),
        Target::Clock { time, .. } => time.to_string(),
        Target::By(by) => format!("{by:#}"),
        Target::Percent(percent) => format!("{percent} %"),
        Target::Record(number) => format!("record {number}"),
        Target::Mark(number) => format!("mark {number}"),
    }
}
