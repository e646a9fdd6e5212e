//! What is there again next time: screen, layout, theme, the command line's past, marks, and what was called right or
//! wrong. Filters and freezes are not: who comes back must not overlook what they hide.
//!
//! Records are numbered anew each time. A mark is therefore saved with the place of its record in the input, and waits
//! until a record comes from there again.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::AppState;
use super::marks::OwnMark;
use super::view::{Pane, Screen};
use crate::history::Row;
use crate::record::{Seq, prefix};
use crate::sanitize;

/// The version of what is written.
const VERSION: u32 = 1;

/// Bytes that a session takes at most.
const LARGEST: usize = 1 << 20;

/// Commands that are saved, the newest.
const COMMANDS: usize = 100;

/// Marks that are saved, the newest.
const MARKS: usize = 200;

/// Records called right or wrong that are saved, the newest.
const LABELS: usize = 2_000;

/// Bytes of an id by which a record is known again; and of a mark's text.
const TEXT: usize = 512;

/// Places of marked records that are remembered: more than are saved, for some are taken back.
const PLACES: usize = 4 * LABELS;

/// A record in the input, wherever it stands in the order of judgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The source as the user named it.
    pub source: Arc<str>,
    /// Byte offset of the line.
    pub offset: u64,
    /// Index within the line.
    pub part: u32,
    /// The record's id, or its beginning: another record may stand there by then.
    pub id: String,
    /// Its event time: a log of the same name elsewhere may have no ids of its own.
    #[serde(default)]
    pub ts: Option<Timestamp>,
}

impl Place {
    /// Where a row stands; `None` of what can't come from there again.
    fn of(row: &Row) -> Option<Self> {
        let origin = &row.record.origin;
        // A pipe's bytes are other ones each time.
        if matches!(&*origin.source, "" | "-") {
            return None;
        }
        let id = prefix(&row.record.id, TEXT).to_owned();
        let ts = row.record.ts;
        Some(Self { source: Arc::clone(&origin.source), offset: origin.offset, part: origin.part, id, ts })
    }

    fn spot(&self) -> Spot {
        (Arc::clone(&self.source), self.offset, self.part)
    }
}

/// Source, offset, part.
type Spot = (Arc<str>, u64, u32);

/// A mark that waits for its record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedMark {
    /// The record.
    #[serde(flatten)]
    pub place: Place,
    /// Its event time, or that of the screen when it had none.
    pub at: Timestamp,
    /// Why it was marked.
    pub text: String,
}

/// A record that was called right or wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedLabel {
    /// The record.
    #[serde(flatten)]
    pub place: Place,
    /// Right or not.
    pub right: bool,
}

/// What is there again next time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSession {
    /// The version of what is written.
    v: u32,
    /// The screen, by its name: `overview`.
    #[serde(default)]
    pub screen: String,
    /// The focused pane of each screen, by their names.
    #[serde(default)]
    pub focus: Vec<(String, String)>,
    /// One pane fills the screen.
    #[serde(default)]
    pub full: bool,
    /// The theme that was picked. The state knows none: who saves fills it in, and puts it on again.
    #[serde(default)]
    pub theme: Option<String>,
    /// Times are shown in the machine's zone.
    #[serde(default)]
    pub local_time: bool,
    /// Long lines are cut.
    #[serde(default)]
    pub cut: bool,
    /// What was run from the command line, oldest first.
    #[serde(default)]
    pub commands: Vec<String>,
    /// Marks, oldest first.
    #[serde(default)]
    pub marks: Vec<SavedMark>,
    /// What was called right or wrong, oldest first.
    #[serde(default)]
    pub labels: Vec<SavedLabel>,
}

/// Read by itself: of another version nothing else is known.
#[derive(Deserialize)]
struct Version {
    v: u32,
}

impl SavedSession {
    /// Reads a session. Screens and panes that are not known are passed over when it is restored.
    ///
    /// # Errors
    /// Says what is wrong with a text that is none, is too long, or is of another version.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LARGEST {
            return Err(format!("the session takes {} bytes, at most {LARGEST} are read", text.len()));
        }
        let fault = |error: serde_json::Error| format!("the session can't be read: {error}");
        let Version { v } = serde_json::from_str(text).map_err(fault)?;
        if v != VERSION {
            return Err(format!("the session is of version {v}, this program knows version {VERSION}"));
        }
        let mut saved: Self = serde_json::from_str(text).map_err(fault)?;
        keep_newest(&mut saved.commands, COMMANDS);
        keep_newest(&mut saved.marks, MARKS);
        keep_newest(&mut saved.labels, LABELS);
        Ok(saved)
    }

    /// The session as a text that can be read again: the oldest marks go until it is short enough.
    pub fn to_text(&self) -> String {
        let mut fits = self.clone();
        loop {
            let text = serde_json::to_string(&fits).unwrap_or_default();
            let longest = [fits.labels.len(), fits.marks.len(), fits.commands.len()].into_iter().max().unwrap_or(0);
            if text.len() < LARGEST || longest == 0 {
                return text + "\n";
            }
            let half = longest / 2;
            keep_newest(&mut fits.labels, half);
            keep_newest(&mut fits.marks, half);
            keep_newest(&mut fits.commands, half);
        }
    }
}

fn keep_newest<T>(list: &mut Vec<T>, most: usize) {
    list.drain(..list.len().saturating_sub(most));
}

/// What waits for its record, and where the records stand that are marked.
#[derive(Debug, Clone, Default)]
pub struct Waiting {
    marks: Vec<SavedMark>,
    labels: Vec<SavedLabel>,
    /// Where these stand: each record that comes in is looked up here.
    spots: HashSet<Spot>,
    /// A marked record may leave the history before the session is saved.
    places: BTreeMap<Seq, Place>,
}

impl Waiting {
    /// Remembers where a record stands that is marked, or called right or wrong.
    pub fn note(&mut self, row: &Row) {
        let Some(place) = Place::of(row) else { return };
        self.places.insert(row.verdict.seq, place);
        if self.places.len() > PLACES {
            self.places.pop_first();
        }
    }

    /// What has waited for this row.
    fn take(&mut self, row: &Row) -> Option<(Option<SavedMark>, Option<SavedLabel>)> {
        let origin = &row.record.origin;
        if !self.spots.contains(&(Arc::clone(&origin.source), origin.offset, origin.part)) {
            return None;
        }
        let place = Place::of(row)?;
        let mark = self.marks.iter().position(|mark| mark.place == place).map(|at| self.marks.remove(at));
        let label = self.labels.iter().position(|label| label.place == place).map(|at| self.labels.remove(at));
        let spot = place.spot();
        let others = self.marks.iter().map(|mark| &mark.place).chain(self.labels.iter().map(|label| &label.place));
        if !others.into_iter().any(|other| other.spot() == spot) {
            self.spots.remove(&spot);
        }
        Some((mark, label))
    }
}

/// The name of a screen or a pane in a session.
fn name(what: impl std::fmt::Debug) -> String {
    format!("{what:?}").to_lowercase()
}

fn screen(wanted: &str) -> Option<Screen> {
    Screen::ALL.into_iter().find(|screen| name(screen) == wanted)
}

fn pane(on: &str, wanted: &str) -> Option<Pane> {
    screen(on)?.panes().iter().copied().find(|pane| name(pane) == wanted)
}

impl AppState {
    /// What is to be there next time. The theme is left open.
    pub fn session(&self) -> SavedSession {
        let mut view = self.view.clone();
        let focus = Screen::ALL.map(|screen| {
            view.screen = screen;
            (name(screen), name(view.focus()))
        });
        let mut marks = self.waiting.marks.clone();
        marks.extend(self.marks.own.iter().filter_map(|mark| {
            let text = prefix(&mark.text, TEXT).to_owned();
            Some(SavedMark { place: self.place(mark.seq)?, at: mark.at, text })
        }));
        let mut labels = self.waiting.labels.clone();
        let newest = self.marks.labels.len().saturating_sub(LABELS);
        labels.extend(self.marks.labels.iter().skip(newest).filter_map(|(seq, right)| {
            let place = self.place(*seq)?;
            Some(SavedLabel { place, right: *right })
        }));
        keep_newest(&mut marks, MARKS);
        keep_newest(&mut labels, LABELS);
        let mut commands = view.history;
        keep_newest(&mut commands, COMMANDS);
        SavedSession {
            v: VERSION,
            screen: name(self.view.screen),
            focus: focus.into(),
            full: self.view.full,
            theme: None,
            local_time: self.view.local_time,
            cut: self.view.cut,
            commands,
            marks,
            labels,
        }
    }

    /// Where a marked record stands.
    fn place(&self, seq: Seq) -> Option<Place> {
        self.waiting.places.get(&seq).cloned().or_else(|| {
            let row = self.live.records.history().rows_from(seq).next()?;
            Place::of(row).filter(|_| row.verdict.seq == seq)
        })
    }

    /// Takes in what was there last time. Marks wait until their records come in.
    pub fn restore(&mut self, saved: SavedSession) {
        let shown = screen(&saved.screen);
        let before = self.view.screen;
        for pane in saved.focus.iter().filter_map(|(on, wanted)| pane(on, wanted)) {
            self.view.set_focus(pane);
        }
        self.view.show(shown.unwrap_or(before));
        self.view.full = saved.full && shown.is_some();
        self.view.local_time = saved.local_time;
        self.view.cut = saved.cut;
        // The file may have been written by others.
        saved.commands.iter().for_each(|command| self.view.remember(&sanitize::line(command)));
        let (marks, labels) = (saved.marks, saved.labels);
        let places = marks.iter().map(|mark| &mark.place).chain(labels.iter().map(|label| &label.place));
        self.waiting.spots = places.map(Place::spot).collect();
        self.waiting.marks = marks;
        self.waiting.labels = labels;
    }

    /// Gives records that have come in the marks that waited for them.
    pub(super) fn recognise<'a>(&mut self, rows: impl IntoIterator<Item = &'a Row>) {
        if self.waiting.spots.is_empty() {
            return;
        }
        for row in rows {
            let Some((mark, label)) = self.waiting.take(row) else { continue };
            let seq = row.verdict.seq;
            self.waiting.note(row);
            if let Some(SavedMark { at, text, .. }) = mark.filter(|_| !self.marks.has(seq)) {
                let place = self.marks.own.partition_point(|mark| mark.seq < seq);
                let text = sanitize::line(&text).into_owned();
                self.marks.own.insert(place, OwnMark { seq, at, id: Arc::clone(&row.record.id), text });
            }
            // Calling it the same once more would take it back.
            if let Some(label) = label.filter(|_| self.marks.label(seq).is_none()) {
                self.marks.call(seq, label.right);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Chunk, View};
    use crate::record::{Origin, Record};
    use crate::state::Options;
    use crate::verdict::Verdict;

    fn state() -> AppState {
        let options = Options { review_score: 0.5, mode: "LIVE", live: true, read_only: false };
        AppState::new(options, Timestamp::UNIX_EPOCH)
    }

    /// A record as it stands in a log, by its number and its offset.
    fn row(seq: u64, source: &str, offset: u64, id: &str) -> Row {
        let record = Record {
            seq: Seq(seq),
            id: id.into(),
            ts: Timestamp::from_second(offset as i64).ok(),
            key: "agent".into(),
            origin: Origin { source: source.into(), offset, ..Origin::nowhere() },
            ..Record::blank()
        };
        let verdict = Arc::new(Verdict::unjudged(&record));
        Row { record: Arc::new(record), verdict, other: None }
    }

    fn keep(state: &mut AppState, rows: Vec<Row>) {
        state.live.records.set_history(View::of(vec![Arc::new(Chunk::new(rows))]));
    }

    /// Of five records the second is marked, the fourth is called wrong and the fifth right.
    fn marked() -> AppState {
        let mut state = state();
        keep(&mut state, (0..5).map(|seq| row(seq, "log", 10 * seq, &format!("id-{seq}"))).collect());
        state.live.records.select(Seq(1));
        state.toggle_mark("look here");
        state.marks.call(Seq(3), false);
        state.marks.call(Seq(4), true);
        state
    }

    fn again(state: &AppState) -> AppState {
        let mut next = self::state();
        next.restore(SavedSession::parse(&state.session().to_text()).unwrap());
        next
    }

    #[test]
    fn layout_is_there_again_and_a_filter_is_not() {
        let mut state = state();
        state.view.set_focus(Pane::Agents);
        state.view.set_focus(Pane::Baseline);
        state.view.full = true;
        (state.view.local_time, state.view.cut) = (true, true);
        state.view.remember("range 5m");
        state.view.remember("range 1h");
        let text = SavedSession { theme: Some("nord".into()), ..state.session() }.to_text();
        assert!(text.contains("\"screen\":\"drift\"") && text.contains("[\"overview\",\"agents\"]"), "{text}");
        let saved = SavedSession::parse(&text).unwrap();
        assert_eq!(saved.theme.as_deref(), Some("nord"));
        let mut next = self::state();
        next.restore(saved);
        assert_eq!((next.view.screen, next.view.focus(), next.view.full), (Screen::Drift, Pane::Baseline, true));
        assert!(next.view.local_time && next.view.cut);
        assert_eq!(next.view.history, ["range 5m", "range 1h"]);
        next.view.show(Screen::Overview);
        assert_eq!(next.view.focus(), Pane::Agents);
    }

    #[test]
    fn marks_are_found_again_whatever_their_number_is() {
        let mut next = again(&marked());
        assert!(next.marks.own.is_empty());
        let rows: Vec<Row> = (1..5).map(|seq| row(seq + 70, "log", 10 * seq, &format!("id-{seq}"))).collect();
        next.recognise(&rows);
        let own: Vec<_> = next.marks.own.iter().map(|mark| (mark.seq, &*mark.id, &*mark.text)).collect();
        assert_eq!(own, [(Seq(71), "id-1", "look here")]);
        assert_eq!((next.marks.label(Seq(73)), next.marks.label(Seq(74))), (Some(false), Some(true)));
        assert!(next.waiting.spots.is_empty() && next.waiting.marks.is_empty() && next.waiting.labels.is_empty());
        // They are saved again although the history does not hold them any more; and once more changes nothing.
        assert_eq!(next.session(), marked().session());
        next.recognise(&rows);
        assert_eq!((next.marks.own.len(), next.marks.called()), (1, (1, 1)));
    }

    #[test]
    fn another_record_at_the_place_is_not_taken_for_it() {
        let mut next = again(&marked());
        let mut later = row(1, "log", 10, "id-1");
        Arc::make_mut(&mut later.record).ts = Timestamp::from_second(99).ok();
        next.recognise(&[row(1, "log", 10, "other"), row(2, "other", 10, "id-1"), row(3, "log", 30, "new"), later]);
        assert!(next.marks.own.is_empty() && next.marks.labels.is_empty());
        // What does not come this time waits on.
        assert_eq!(next.session(), marked().session());
    }

    #[test]
    fn records_of_a_pipe_can_t_come_again() {
        let mut state = state();
        keep(&mut state, vec![row(0, "-", 0, "a"), row(1, "", 0, "b")]);
        state.toggle_mark("");
        state.marks.call(Seq(0), true);
        assert!(state.session().marks.is_empty() && state.session().labels.is_empty());
    }

    #[test]
    fn a_place_outlasts_the_history() {
        let mut state = marked();
        let rows: Vec<Row> = [1, 3, 4].map(|seq| row(seq, "log", 10 * seq, &format!("id-{seq}"))).into();
        rows.iter().for_each(|row| state.waiting.note(row));
        keep(&mut state, vec![row(9, "log", 90, "id-9")]);
        assert_eq!((state.session().marks.len(), state.session().labels.len()), (1, 2));
    }

    #[test]
    fn what_is_not_known_is_passed_over_or_refused_in_words() {
        let text =
            r#"{"v":1,"screen":"cellar","focus":[["overview","agents"],["overview","why"],["attic","list"]],"new":1}"#;
        let mut state = state();
        state.restore(SavedSession { full: true, ..SavedSession::parse(text).unwrap() });
        assert_eq!((state.view.screen, state.view.focus(), state.view.full), (Screen::Overview, Pane::Agents, false));
        let refused = |text: &str| SavedSession::parse(text).unwrap_err();
        assert_eq!(refused(r#"{"v":2,"screen":7}"#), "the session is of version 2, this program knows version 1");
        assert!(refused("").starts_with("the session can't be read: ") && refused("{}").contains("missing field `v`"));
        assert!(refused(&" ".repeat(LARGEST + 1)).contains("at most 1048576 are read"));
    }

    #[test]
    fn it_is_bounded() {
        let place = |offset| Place { source: "s".repeat(900).into(), offset, part: 0, id: "i".repeat(TEXT), ts: None };
        let mut saved = state().session();
        saved.labels = (0..9_000).map(|offset| SavedLabel { place: place(offset), right: true }).collect();
        let text = saved.to_text();
        let read = SavedSession::parse(&text).unwrap();
        assert!(text.len() <= LARGEST && read.labels.len() > 100);
        assert_eq!(read.labels.last(), saved.labels.last(), "the newest stay");
        let mark = |offset| SavedMark { place: place(offset), at: Timestamp::UNIX_EPOCH, text: String::new() };
        let commands = (0..999).map(|n| format!("c\u{1b}{n}")).collect();
        let saved = SavedSession { commands, marks: (0..500).map(mark).collect(), labels: Vec::new(), ..saved };
        let read = SavedSession::parse(&saved.to_text()).unwrap();
        assert_eq!((read.commands.len(), read.marks.len()), (COMMANDS, MARKS));
        let mut state = state();
        state.restore(read);
        assert_eq!(state.view.history.len(), COMMANDS);
        assert!(state.view.history.iter().all(|command| !command.contains('\u{1b}')));
    }
}
