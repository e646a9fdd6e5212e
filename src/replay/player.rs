//! The player: where in the log the screen is, how fast it goes on, and what it is told to do. What is shown at a place
//! is looked up, so it is the same however it was reached.

mod listing;
mod places;
mod telling;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::chunks::{Chunk, Chunks};
use super::index::Shared;
use crate::clock::SharedClock;
use crate::engine::constraints::filter::Filter;
use crate::history::{Row, View};
use crate::message::replay::{MarkKind, Pass, Shown, Speed, Target, marks};
use crate::message::{Command, Orders, ReplayOrder, Update};
use crate::rules::RuleSet;

use listing::Listing;

/// While it plays it looks at the time this often: one frame at 30 a second.
const TURN: Duration = Duration::from_millis(33);

/// While it stands still it looks about this often, for news of the first pass.
const IDLE: Duration = Duration::from_millis(250);

/// While the log is being judged the screen is brought up to it this often: the two share the machine.
const CATCH_UP: Duration = Duration::from_millis(200);

/// A wait longer than this, by the clock, is a gap.
const GAP: Duration = Duration::from_secs(2);

/// What is left of a gap that is skipped.
const LEFT: Duration = Duration::from_millis(500);

/// Rows that are handed over at once at most: the screen is not to be held up.
const BATCH: u64 = 8_192;

/// The filter of what two judgements differ in, as it is written.
const DIFFERS: &str = "differs";

/// Why there is nothing to switch to.
const ONE_JUDGEMENT: &str = "there is one judgement only: add --compare RULES, or open a capture";

/// Entries of the timeline that the screen is told of.
const TIMELINE: usize = 200;

/// What a replay begins with.
#[derive(Debug, Clone)]
pub struct Start {
    /// How fast.
    pub speed: Speed,
    /// Where, and then it stands still.
    pub at: Option<Target>,
    /// What is listed.
    pub filter: Option<String>,
    /// Long gaps are skipped.
    pub skip_gaps: bool,
}

/// A judgement that can be shown.
#[derive(Debug, Clone)]
pub struct Track {
    /// Its name.
    pub name: Arc<str>,
    /// Its rules.
    pub rules: Arc<RuleSet>,
}

/// Takes what the screen is to be told.
pub type Out<'a> = &'a mut dyn FnMut(Update);

/// What is looked for until the first pass has come to it.
#[derive(Debug, Clone, PartialEq)]
struct Pending {
    target: Target,
    text: String,
}

/// The player.
pub struct Player {
    shared: Shared,
    orders: Orders,
    clock: SharedClock,
    chunks: Chunks,
    listing: Listing,
    tracks: Vec<Track>,
    track: usize,
    /// Rows that are shown.
    position: u64,
    /// The track whose rows the screen has, up to `position`; `None` when it has to begin anew.
    shown: Option<usize>,
    speed: Speed,
    playing: bool,
    skip_gaps: bool,
    /// When, by the clock, it was so late in the log.
    anchor: Option<(Duration, Timestamp)>,
    pending: Option<Pending>,
    filter: Option<Filtering>,
    /// When the screen was brought up to the first pass, and told of it, by the clock.
    caught_up_at: Duration,
    told_at: Duration,
    /// Counts of the first pass and of the filter that the screen was told last.
    told: Option<(u64, u64)>,
    columns: Arc<[u8]>,
    /// For how many rows, and for which expectation, the columns were made.
    columns_of: (u64, u64),
}

/// What is listed.
enum Filtering {
    Differing,
    By(Box<Filter>),
}

impl Player {
    /// A player at the beginning.
    ///
    /// # Errors
    /// When the filter is none; in words.
    pub fn new(
        shared: Shared,
        tracks: Vec<Track>,
        start: Start,
        orders: Orders,
        clock: SharedClock,
    ) -> Result<Self, String> {
        let filter = filtering(start.filter.as_deref().unwrap_or_default(), &tracks)?;
        let pending = start.at.map(|target| Pending { target, text: "the place to begin at".to_owned() });
        Ok(Self {
            chunks: Chunks::new(shared.clone()),
            listing: Listing::default(),
            shared,
            orders,
            clock,
            tracks,
            track: 0,
            position: 0,
            shown: None,
            speed: start.speed,
            playing: pending.is_none(),
            skip_gaps: start.skip_gaps,
            anchor: None,
            pending,
            filter,
            caught_up_at: Duration::ZERO,
            told_at: Duration::ZERO,
            told: None,
            columns: Arc::new([]),
            columns_of: (u64::MAX, 0),
        })
    }

    /// Where wishes come from.
    pub fn orders(&self) -> &Orders {
        &self.orders
    }

    /// Rows that are shown.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Does what there is to do, and says how long nothing more has to be done unless somebody calls.
    pub fn turn(&mut self, out: Out<'_>) -> Duration {
        for order in self.orders.take() {
            match order {
                Command::Replay(order) => self.obey(order, out),
                Command::Baseline(_) => {
                    out(Update::Notice("a replay is judged: its baselines stay as they are".into()))
                }
                Command::Capture(_) | Command::EndCapture => {
                    out(Update::Notice("a replay is captured already: it can be opened again at any time".into()));
                }
                Command::Silence(_) => {
                    out(Update::Notice("a replay tells nobody: there is nothing to silence".into()));
                }
                Command::Happened(_) | Command::Reopen => {}
            }
        }
        self.look_for_pending(out);
        let wait = if self.playing { self.play(out) } else { IDLE };
        self.tell(out);
        if self.look_on() { Duration::ZERO } else { wait }
    }

    fn rows(&self) -> u64 {
        self.shared.lock().rows()
    }

    fn is_whole(&self) -> bool {
        !matches!(self.shared.lock().pass, Pass::Running(_))
    }

    /// The judgement that is shown, and the one beside it.
    fn pair(&self) -> (usize, usize) {
        let other = if self.track == 0 { 1 } else { 0 };
        (self.track, other)
    }

    fn obey(&mut self, order: ReplayOrder, out: Out<'_>) {
        self.told = None;
        match order {
            ReplayOrder::Toggle => self.toggle(out),
            ReplayOrder::Step(by) => {
                self.pause();
                self.step(by, out);
            }
            ReplayOrder::Seek(target) => {
                self.playing &= matches!(target, Target::By(_));
                self.pending = None;
                self.seek(target, out);
            }
            ReplayOrder::Jump(kind, forward) => {
                self.pause();
                self.jump(kind, forward, out);
            }
            ReplayOrder::Speed(speed) => self.set_speed(speed),
            ReplayOrder::Faster => self.set_speed(self.speed.faster()),
            ReplayOrder::Slower => self.set_speed(self.speed.slower()),
            ReplayOrder::Gaps => {
                self.skip_gaps = !self.skip_gaps;
                self.anchor = None;
            }
            ReplayOrder::Track => self.next_track(out),
            ReplayOrder::Filter(text) => self.set_filter(text, out),
            ReplayOrder::Differing => {
                if self.tracks.len() < 2 {
                    return out(Update::Notice(ONE_JUDGEMENT.into()));
                }
                let differing = matches!(self.filter, Some(Filtering::Differing));
                self.filter = (!differing).then_some(Filtering::Differing);
                self.refiltered(out);
            }
            ReplayOrder::Mark(text) => self.mark(&text, out),
        }
    }

    fn pause(&mut self) {
        self.playing = false;
        self.anchor = None;
        self.pending = None;
    }

    fn toggle(&mut self, out: Out<'_>) {
        self.pending = None;
        self.anchor = None;
        self.playing = !self.playing;
        if self.playing && self.is_whole() && self.position >= self.rows() {
            // Once more from the start, at a pace that can be followed.
            if self.speed.is_max() {
                self.speed = Speed::NORMAL;
            }
            self.show(1, out);
        }
    }

    fn set_speed(&mut self, speed: Speed) {
        self.speed = speed;
        self.anchor = None;
    }

    fn next_track(&mut self, out: Out<'_>) {
        if self.tracks.len() < 2 {
            return out(Update::Notice(ONE_JUDGEMENT.into()));
        }
        self.track = (self.track + 1) % self.tracks.len();
        self.shown = None;
        self.refiltered(out);
    }

    fn set_filter(&mut self, text: Option<String>, out: Out<'_>) {
        match filtering(text.as_deref().unwrap_or_default(), &self.tracks) {
            Ok(filter) => self.filter = filter,
            Err(why) => return out(Update::Notice(why)),
        }
        self.refiltered(out);
    }

    fn refiltered(&mut self, out: Out<'_>) {
        self.listing.forget();
        let position = self.position;
        self.shown = None;
        self.show(position, out);
    }

    /// Marks the row in front.
    fn mark(&mut self, text: &str, out: Out<'_>) {
        let Some(row) = self.position.checked_sub(1) else { return };
        let mut progress = self.shared.lock();
        let own = |found: &&mut super::index::Happened| found.row == row && found.kind == "mark";
        if let Some(known) = progress.index.timeline.iter_mut().find(own).filter(|_| !text.is_empty()) {
            text.clone_into(&mut known.text);
            progress.revision += 1;
            drop(progress);
            out(Update::Notice(format!("record {}: the mark says so now", row + 1)));
            return;
        }
        let marked = progress.index.toggle(row);
        let at = self.listing.at.unwrap_or(Timestamp::UNIX_EPOCH);
        if marked {
            let happened = super::index::Happened { row, at, kind: "mark".to_owned(), text: text.to_owned() };
            let place = progress.index.timeline.partition_point(|found| found.row <= row);
            progress.index.timeline.insert(place, happened);
        }
        progress.revision += 1;
        drop(progress);
        let word = if marked { "marked" } else { "no mark any more" };
        out(Update::Notice(format!("record {}: {word}", row + 1)));
    }

    /// Goes on playing; how long until the next record is due.
    fn play(&mut self, out: Out<'_>) -> Duration {
        let rows = self.rows();
        if self.position >= rows {
            if self.is_whole() {
                self.pause();
                self.told = None;
            }
            // It waits for the first pass.
            self.anchor = None;
            return IDLE;
        }
        if self.speed.is_max() {
            let now = self.clock.elapsed();
            let next = self.caught_up_at + CATCH_UP;
            if !self.is_whole() && self.position > 0 && now < next {
                return next - now;
            }
            self.caught_up_at = now;
            // Where it is looked up, the way there need not be shown.
            self.show(rows, out);
            return TURN;
        }
        let now = self.clock.elapsed();
        let until = match self.anchor {
            Some((then, at)) => {
                let passed = now.saturating_sub(then).as_secs_f64() * self.speed.factor();
                let passed = jiff::SignedDuration::try_from_secs_f64(passed).unwrap_or(jiff::SignedDuration::MAX);
                at.checked_add(passed).unwrap_or(Timestamp::MAX)
            }
            None => match self.listing.at.or_else(|| self.time_of(self.position)) {
                Some(at) => {
                    self.anchor = Some((now, at));
                    at
                }
                // What comes before the first time has no pace.
                None => {
                    let (to, _) = self.due(Timestamp::MIN);
                    self.show(to, out);
                    return TURN;
                }
            },
        };
        let (to, next) = self.due(until);
        if to > self.position {
            self.show(to, out);
        }
        let Some(next) = next else { return TURN };
        let wait = next.duration_since(until).max(jiff::SignedDuration::ZERO).as_secs_f64() / self.speed.factor();
        let wait = Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX);
        if self.skip_gaps && wait > GAP {
            let ahead = jiff::SignedDuration::try_from_secs_f64(LEFT.as_secs_f64() * self.speed.factor());
            let from = next.checked_sub(ahead.unwrap_or_default()).unwrap_or(next);
            self.anchor = Some((now, from));
            return TURN;
        }
        wait.clamp(TURN, IDLE)
    }

    /// How far the rows go that are due, and when the next one is.
    fn due(&mut self, until: Timestamp) -> (u64, Option<Timestamp>) {
        let mut to = self.position;
        loop {
            let Ok(Some(chunk)) = self.chunks.with(to) else { return (to, None) };
            let skip = (to - chunk.first) as usize;
            for at in chunk.times().skip(skip) {
                match at {
                    Some(at) if at > until => return (to, Some(at)),
                    _ => to += 1,
                }
            }
            if to - self.position >= BATCH {
                return (to, None);
            }
        }
    }

    /// Shows so many rows of the log.
    pub(super) fn show(&mut self, to: u64, out: Out<'_>) {
        let to = to.min(self.rows());
        let last = to.saturating_sub(1);
        let chunk = match self.chunks.with(last) {
            Ok(chunk) => chunk,
            Err(why) => {
                self.pause();
                return out(Update::Notice(why));
            }
        };
        let Some(chunk) = chunk else {
            self.told = None;
            return;
        };
        let from = self.position;
        let goes_on = self.shown == Some(self.track) && from <= to && from >= chunk.first;
        // One chunk back it is as quick to add the rows as to begin anew, and nothing flickers.
        let behind = match self.shown == Some(self.track) && from < to && from < chunk.first {
            true => self.chunks.with(from).ok().flatten().filter(|before| before.end() == chunk.first),
            false => None,
        };
        let pair = self.pair();
        let rows_of = |chunk: &Chunk, from: u64, to: u64| -> Vec<Row> {
            let range = (from - chunk.first) as usize..(to.min(chunk.end()) - chunk.first) as usize;
            range.filter_map(|index| chunk.row(index, pair)).collect()
        };
        let (keyframe, rows) = match (goes_on, behind) {
            (true, _) => (None, rows_of(&chunk, from, to)),
            (false, Some(before)) => {
                let mut rows = rows_of(&before, from, before.end());
                rows.extend(rows_of(&chunk, chunk.first, to));
                (None, rows)
            }
            (false, None) => (Some(chunk.keyframe(self.track)), rows_of(&chunk, chunk.first, to)),
        };
        self.position = to;
        self.shown = Some(self.track);
        let history = self.list(&chunk, to);
        self.listing.at = chunk.times().nth((last - chunk.first) as usize).flatten();
        let report = self.report();
        let rules = Arc::clone(&self.tracks[self.track].rules);
        out(Update::Shown(Box::new(Shown { keyframe, rules, rows, history, report })));
        self.told = Some(self.news());
    }

    /// What the list holds when so many rows are shown, the last of which is in `chunk`.
    fn list(&mut self, chunk: &Arc<Chunk>, to: u64) -> View {
        let pair = self.pair();
        let shared = self.shared.clone();
        let filter = &mut self.filter;
        let mut fits = |chunk: &Chunk, index: usize| match filter {
            None => true,
            Some(Filtering::Differing) => is_differing(&shared, chunk.first + index as u64),
            Some(Filtering::By(filter)) => chunk.row(index, pair).is_some_and(|row| filter.fits(&row)),
        };
        self.listing.view(&mut self.chunks, chunk, to, pair, &mut fits)
    }

    /// Looks through one more chunk for what fits the filter; whether there was one.
    fn look_on(&mut self) -> bool {
        let pair = self.pair();
        let Some(Filtering::By(filter)) = &mut self.filter else { return false };
        let stored = self.shared.lock().index.chunks.len();
        let mut fits = |chunk: &Chunk, index: usize| chunk.row(index, pair).is_some_and(|row| filter.fits(&row));
        let Some(number) = self.listing.unseen(stored) else { return false };
        match self.chunks.get(number) {
            Ok(Some(chunk)) => {
                self.listing.fits_of(&chunk, &mut fits);
                true
            }
            _ => false,
        }
    }
}

fn is_differing(shared: &Shared, row: u64) -> bool {
    let progress = shared.lock();
    progress.index.marks.get(row as usize).is_some_and(|mark| mark & marks::DIFFERENT != 0)
}

/// What a text asks to be listed; all, if it is empty.
fn filtering(text: &str, tracks: &[Track]) -> Result<Option<Filtering>, String> {
    match text.trim() {
        "" => Ok(None),
        DIFFERS if tracks.len() > 1 => Ok(Some(Filtering::Differing)),
        text => Ok(Some(Filtering::By(Box::new(Filter::parse(text)?)))),
    }
}

/// The bits of what is looked for.
fn bits(kind: MarkKind, track: usize) -> u8 {
    let (violation, drift) = match track {
        0 => (marks::VIOLATION, marks::DRIFT),
        _ => (marks::OTHER_VIOLATION, marks::OTHER_DRIFT),
    };
    match kind {
        MarkKind::Violation => violation,
        MarkKind::Drift => drift,
        MarkKind::Own => marks::OWN,
        MarkKind::Difference => marks::DIFFERENT,
        MarkKind::Any => violation | drift | marks::OWN | marks::DIFFERENT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_asked_for_in_one_word_where_there_are_two_judgements() {
        let track = |name: &str| Track { name: name.into(), rules: Arc::new(RuleSet::empty()) };
        let (one, two) = (vec![track("a")], vec![track("a"), track("b")]);
        assert!(matches!(filtering(" differs ", &two), Ok(Some(Filtering::Differing))));
        assert!(matches!(filtering("differs", &one), Ok(Some(Filtering::By(_)))));
        assert!(matches!(filtering("key:a", &two), Ok(Some(Filtering::By(_)))));
        assert!(matches!(filtering("  ", &two), Ok(None)));
        assert!(filtering("/(/", &two).is_err());
    }
}
