//! Where the operator looks: screens, panes, lists, the time cursor.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use jiff::{SignedDuration, Timestamp};
use ratatui::layout::{Position, Rect};

use super::Effect;
use crate::app::action::Action;
use crate::history::Row;
use crate::message::replay::Target;
use crate::message::{BaselineOrder, BaselineWish, Command, ReplayOrder};
use crate::state::AppState;
use crate::state::charts::Range;
use crate::state::drift::is_news;
use crate::state::view::{Overlay, Pane, Screen};
use crate::ui::places;

/// Lines of a page, for moving.
const PAGE: isize = 20;

/// Lines of a turn of the wheel.
const WHEEL: isize = 3;

/// Columns of a chart that a step of the cursor passes over.
const STEPS: i32 = 80;

/// Carries out an action that moves; `None` if it is none.
pub(super) fn apply(state: &mut AppState, action: Action) -> Option<Option<Effect>> {
    match action {
        Action::Overview => state.view.show(Screen::Overview),
        Action::Records => show_records(state),
        Action::Rules => state.view.show(Screen::Rules),
        Action::Drift => state.view.show(Screen::Drift),
        Action::Health => state.view.show(Screen::Health),
        Action::NextPane | Action::PreviousPane => state.view.focus_beside(action == Action::NextPane),
        Action::FullPane => state.view.full = !state.view.full,
        Action::Up => step(state, -1),
        Action::Down => step(state, 1),
        Action::HalfUp => page(state, -PAGE / 2),
        Action::HalfDown => page(state, PAGE / 2),
        Action::PageUp => page(state, -PAGE),
        Action::PageDown => page(state, PAGE),
        Action::Top => top(state),
        Action::Follow => follow(state),
        Action::Left | Action::Right => return Some(cursor(state, action == Action::Right)),
        Action::Earlier | Action::Later => state.scroll_time(action == Action::Earlier),
        Action::Longer | Action::Shorter => state.zoom(action == Action::Longer),
        Action::Range => state.set_range(Range::Recent),
        Action::Open => return Some(open(state)),
        Action::Scope => toggle_scope(state),
        Action::NextMatch | Action::PreviousMatch => next(state, action == Action::NextMatch, "fits", |_| true),
        Action::NextViolation | Action::PreviousViolation => {
            let breached = |row: &Row| !row.verdict.violations.is_empty();
            next(state, action == Action::NextViolation, "has a violation", breached);
        }
        Action::NextDrift | Action::PreviousDrift => {
            let drifts = |row: &Row| row.verdict.drift.iter().any(|report| report.alarm && is_news(report.state));
            next(state, action == Action::NextDrift, "begins a drift", drifts);
        }
        Action::Marks => state.view.overlay = Overlay::Marks { choice: 0 },
        Action::PinBaseline => return Some(baseline(state, BaselineWish::Pin)),
        Action::ResetBaseline => return Some(baseline(state, BaselineWish::Reset)),
        _ => return None,
    }
    Some(None)
}

fn select(state: &mut AppState, seq: crate::record::Seq) {
    state.view.record_scroll = 0;
    state.board_mut().records.select(seq);
}

/// The next record, newer or older, that is so.
fn next(state: &mut AppState, newer: bool, what: &str, wanted: impl Fn(&Row) -> bool) {
    match state.listing().next(newer, wanted) {
        Some(seq) => select(state, seq),
        None => state.view.note = Some(format!("no further record {what}")),
    }
}

/// What the focused pane scrolls by itself, without a choice.
fn is_text(pane: Pane) -> bool {
    matches!(pane, Pane::Samples | Pane::Why | Pane::Baseline)
}

fn step(state: &mut AppState, by: isize) {
    match state.view.focus() {
        Pane::Records | Pane::List => move_list(state, by),
        Pane::Violations | Pane::Agents | Pane::Drift | Pane::Series | Pane::Rules => state.choose(by),
        Pane::Editor => super::editing::choose_field(state, by),
        Pane::Backtest | Pane::Moved => super::editing::choose_record(state, by),
        pane if is_text(pane) => scroll_text(state, by),
        // From the newest line, which is at the foot.
        Pane::Log => scroll(state, Pane::Log, -by),
        pane => scroll(state, pane, by),
    }
}

fn page(state: &mut AppState, by: isize) {
    match (state.view.screen, state.view.focus()) {
        // A page on the screen of the record is one of its texts: j and k go to others.
        (Screen::Records, Pane::List) => scroll_text(state, by / 2),
        _ => step(state, by),
    }
}

fn move_list(state: &mut AppState, by: isize) {
    if state.listing().is_empty() {
        return;
    }
    match state.listing().beside(by) {
        Some(seq) => select(state, seq),
        None if !state.is_replay() => state.board_mut().records.follow(),
        None => {}
    }
}

/// Moves within the texts of the record in full.
fn scroll_text(state: &mut AppState, by: isize) {
    let pane = state.view.focus();
    if matches!(pane, Pane::Why | Pane::Baseline) {
        state.view.scroll = state.view.scroll.saturating_add_signed(by).min(10_000);
        return;
    }
    // No text has more lines than bytes; the pane shows its end for whatever is beyond.
    let most = state.listing().row().map_or(0, |row| row.record.raw.len());
    state.view.record_scroll = state.view.record_scroll.min(most).saturating_add_signed(by).min(most);
}

fn scroll(state: &mut AppState, pane: Pane, by: isize) {
    let most = match pane {
        Pane::Rejected => state.status.rejected.len(),
        Pane::Sources => state.status.sources.len(),
        Pane::Engines => 3 + state.status.health.as_ref().map_or(0, |health| health.bounds.len()),
        Pane::Log => state.log.lines().len(),
        _ => 1,
    };
    state.view.scroll = state.view.scroll.saturating_add_signed(by).min(most.saturating_sub(1));
}

fn top(state: &mut AppState) {
    state.view.scroll = 0;
    state.view.record_scroll = 0;
    match state.view.focus() {
        Pane::Records | Pane::List => {
            if let Some(row) = state.listing().get(0) {
                let seq = row.verdict.seq;
                select(state, seq);
            }
        }
        Pane::Violations | Pane::Agents | Pane::Drift | Pane::Series | Pane::Rules => state.choose(isize::MIN / 2),
        _ => {}
    }
}

fn follow(state: &mut AppState) {
    match state.view.focus() {
        Pane::Violations | Pane::Agents | Pane::Drift | Pane::Series | Pane::Rules
            if state.board().records.follows() && state.frozen_since().is_none() =>
        {
            state.choose(isize::MAX / 2);
        }
        Pane::Rejected | Pane::Sources | Pane::Engines => {
            let pane = state.view.focus();
            scroll(state, pane, isize::MAX / 2);
        }
        Pane::Log => state.view.scroll = 0,
        _ => {}
    }
    state.thaw();
    state.follow_time();
    state.view.record_scroll = 0;
    if !state.is_replay() {
        state.board_mut().records.follow();
    }
}

/// Moves the time cursor by a point of the charts; the selection goes with it.
fn cursor(state: &mut AppState, right: bool) -> Option<Effect> {
    let window = state.window()?;
    let step = (window.to.duration_since(window.from) / STEPS).max(SignedDuration::from_millis(1));
    let from = state.time_cursor().unwrap_or(window.to);
    let to = from.checked_add(if right { step } else { -step }).ok()?;
    go_to(state, to, Some(right))
}

/// The time cursor to a time. `right` says which way, where the record nearest to it is the same.
fn go_to(state: &mut AppState, at: Timestamp, right: Option<bool>) -> Option<Effect> {
    if state.is_replay() {
        return Some(Effect::Order(Command::Replay(ReplayOrder::Seek(Target::At(at)))));
    }
    let found = state.record_at(at)?;
    let stuck = state.listing().row().is_some_and(|row| row.verdict.seq == found);
    match (stuck, right) {
        (true, Some(right)) => move_list(state, if right { 1 } else { -1 }),
        _ => select(state, found),
    }
    None
}

/// Out of what is in front, step by step.
pub(super) fn out(state: &mut AppState, action: Action) {
    let view = &mut state.view;
    if view.screen == Screen::Rules && matches!(view.focus(), Pane::Editor | Pane::Backtest) && action != Action::Quit {
        view.set_focus(Pane::Rules);
    } else if view.raw && view.screen == Screen::Records {
        view.raw = false;
    } else if view.full {
        view.full = false;
    } else if view.screen != Screen::Overview {
        view.show(Screen::Overview);
    } else if state.sift.filters() {
        state.sift.set_filter(None);
        state.view.note = Some("all records are listed".to_owned());
    } else if state.sift.key().is_some() {
        state.scope(None);
    } else if state.charts.is_back() {
        state.follow_time();
    } else if state.frozen_since().is_some() {
        state.thaw();
    }
}

/// Into what is chosen.
fn open(state: &mut AppState) -> Option<Effect> {
    match state.view.focus() {
        Pane::Violations => return open_alert(state),
        Pane::Agents => toggle_scope(state),
        Pane::Drift => state.view.set_focus(Pane::Series),
        Pane::Series => state.view.set_focus(Pane::Baseline),
        Pane::Baseline | Pane::Latency | Pane::Records | Pane::List => show_records(state),
        Pane::Rules | Pane::Editor => return super::editing::enter(state),
        Pane::Backtest => open_record(state, super::editing::chosen_record),
        Pane::Moved => open_record(state, moved_record),
        Pane::Samples | Pane::Why => state.view.full = !state.view.full,
        Pane::Pipeline | Pane::Engines | Pane::Sources | Pane::Rejected | Pane::Log => state.view.full = true,
    }
    None
}

fn open_record(state: &mut AppState, which: fn(&AppState) -> Option<crate::record::Seq>) {
    let Some(seq) = which(state) else {
        state.view.note = Some("there is no record to open".to_owned());
        return;
    };
    let kept = state.board().records.history();
    let there = kept.get(kept.position(seq)).is_some_and(|row| row.verdict.seq == seq);
    if !there {
        state.view.note = Some(format!("record {} is not kept any more", seq.0 + 1));
        return;
    }
    // What was asked for is shown, whatever the list is narrowed to.
    if state.listing().get(state.listing().position(seq)).is_none_or(|row| row.verdict.seq != seq) {
        state.sift.set_filter(None);
        state.scope(None);
    }
    select(state, seq);
    show_records(state);
}

fn moved_record(state: &AppState) -> Option<crate::record::Seq> {
    let moved = state.series_report()?.moved.as_ref()?;
    moved.before.iter().chain(&moved.after).nth(state.view.scroll).copied()
}

/// The records behind an alert.
fn open_alert(state: &mut AppState) -> Option<Effect> {
    let Some((cause, key)) = state.alert().map(|alert| (Arc::clone(&alert.cause), Arc::clone(&alert.key))) else {
        state.view.note = Some("there is no alert".to_owned());
        return None;
    };
    let filter = match &*cause {
        "@rejected" => {
            state.view.set_focus(Pane::Rejected);
            return None;
        }
        "@engine" => {
            state.view.set_focus(Pane::Engines);
            return None;
        }
        "@disagree" => Some(format!("divergence.risk > {}", state.options.review_score)),
        "@drift" => Some("drift:any".to_owned()),
        "@unscored" => Some("outcome:unscored".to_owned()),
        "@quiet" => None,
        rule => Some(format!("rule:{rule}")),
    };
    let own = state.board().agents.iter().any(|agent| agent.key == key);
    state.view.show(Screen::Overview);
    state.view.set_focus(Pane::Records);
    if state.is_replay() {
        return Some(Effect::Order(Command::Replay(ReplayOrder::Filter(filter))));
    }
    if own {
        state.scope(Some(key));
    }
    state.sift.set_filter(filter);
    None
}

fn toggle_scope(state: &mut AppState) {
    let Some(key) = state.agent().map(|agent| Arc::clone(&agent.key)) else {
        state.view.note = Some("no agent was seen yet".to_owned());
        return;
    };
    let off = state.sift.key() == Some(&key);
    let note = if off { "all agents are shown".to_owned() } else { format!("only {key} is shown; Esc shows all") };
    state.scope((!off).then_some(key));
    state.view.note = Some(note);
}

/// Shows one key by its name; all, without one.
pub(super) fn scope(state: &mut AppState, name: &str) {
    if name.is_empty() {
        return state.scope(None);
    }
    let known = state.board().agents.iter().find(|agent| &*agent.key == name).map(|agent| Arc::clone(&agent.key));
    match known {
        Some(key) => state.scope(Some(key)),
        None => state.view.note = Some(format!("no agent `{name}` was seen")),
    }
}

/// Shows so long a time: `5m`, `1h`, `all`, `recent`.
pub(super) fn range(state: &mut AppState, text: &str) {
    let parsed = match text {
        "all" => Some(Range::All),
        "recent" => Some(Range::Recent),
        _ => text.parse::<SignedDuration>().ok().map(|time| time.as_secs()).filter(|s| *s > 0).map(Range::Seconds),
    };
    match parsed {
        Some(range) => state.set_range(range),
        None => state.view.note = Some(format!("`{text}` is no range: write 90s, 5m, 1h, all or recent")),
    }
}

fn show_records(state: &mut AppState) {
    let Some(seq) = state.listing().row().map(|row| row.verdict.seq) else {
        state.view.show(Screen::Records);
        state.view.note = Some("there is no record to open yet".into());
        return;
    };
    if !state.is_replay() {
        state.board_mut().records.select(seq);
    }
    state.view.show(Screen::Records);
}

/// The wish for the series in front.
fn baseline(state: &mut AppState, wish: BaselineWish) -> Option<Effect> {
    let Some(series) = state.shown_series() else {
        state.view.note = Some("there is no series yet".into());
        return None;
    };
    let (key, series) = (Arc::clone(&series.key), Arc::clone(&series.name));
    if state.status.finished.is_some() {
        state.view.note = Some("all is judged: a baseline can't change any more".into());
        return None;
    }
    Some(Effect::Order(Command::Baseline(BaselineOrder { key, series, wish })))
}

/// A key in the list of marks.
pub(super) fn marks(state: &mut AppState, key: &KeyEvent, action: Option<Action>) -> Option<Effect> {
    let Overlay::Marks { mut choice } = std::mem::take(&mut state.view.overlay) else { return None };
    let last = state.marks.own.len().saturating_sub(1);
    match (key.code, action) {
        (KeyCode::Enter, _) => {
            let seq = state.marks.own.get(choice)?.seq;
            if state.is_replay() {
                let target = Target::Record(seq.0 + 1);
                return Some(Effect::Order(Command::Replay(ReplayOrder::Seek(target))));
            }
            select(state, seq);
            return None;
        }
        (KeyCode::Delete, _) | (_, Some(Action::Mark)) if !state.marks.own.is_empty() => {
            state.marks.own.remove(choice.min(last));
            choice = choice.min(last.saturating_sub(1));
        }
        (_, Some(Action::Up)) => choice = choice.saturating_sub(1),
        (_, Some(Action::Down)) => choice = (choice + 1).min(last),
        _ => return None,
    }
    state.view.overlay = Overlay::Marks { choice };
    None
}

/// A key in a text in front of the screen.
pub(super) fn read(state: &mut AppState, key: &KeyEvent, action: Option<Action>) -> Option<Effect> {
    let by = match action {
        Some(Action::Up) => -1,
        Some(Action::Down) => 1,
        Some(Action::HalfUp | Action::PageUp) => -PAGE / 2,
        Some(Action::HalfDown | Action::PageDown) => PAGE / 2,
        _ => 0,
    };
    match &mut state.view.overlay {
        Overlay::Conflict { .. } if key.code == KeyCode::Char('r') => {
            state.view.overlay = Overlay::None;
            super::editing::take_theirs(state);
        }
        Overlay::Differs { scroll } | Overlay::Conflict { scroll } if by != 0 => {
            *scroll = scroll.saturating_add_signed(by).min(10_000);
        }
        _ => {
            state.view.overlay = Overlay::None;
            state.found.differs = None;
        }
    }
    None
}

/// What the mouse did: a click focuses and chooses, on a chart it moves the time cursor; the wheel scrolls.
pub(super) fn mouse(state: &mut AppState, event: &MouseEvent, (width, height): (u16, u16)) -> Option<Effect> {
    if state.view.overlay != Overlay::None {
        return None;
    }
    let at = Position { x: event.column, y: event.row };
    let places = places(Rect::new(0, 0, width, height), state);
    let (pane, area) = places.into_iter().find(|(_, area)| area.contains(at))?;
    match event.kind {
        MouseEventKind::Down(MouseButton::Left) => {
            state.writing = false;
            state.view.set_focus(pane);
            click(state, pane, area, at)
        }
        MouseEventKind::Drag(MouseButton::Left) | MouseEventKind::Up(MouseButton::Left) => {
            drag(state, time_at(state, pane, area, at), event.kind == MouseEventKind::Up(MouseButton::Left));
            None
        }
        MouseEventKind::ScrollUp | MouseEventKind::ScrollDown => {
            state.view.set_focus(pane);
            step(state, if event.kind == MouseEventKind::ScrollUp { -WHEEL } else { WHEEL });
            None
        }
        _ => None,
    }
}

/// The time under the mouse, on the chart of latency.
fn time_at(state: &AppState, pane: Pane, area: Rect, at: Position) -> Option<Timestamp> {
    let chart = crate::ui::panes::latency::plot(crate::ui::layout::inside(area));
    let window = state.window().filter(|_| pane == Pane::Latency && chart.contains(at))?;
    let share = f64::from(at.x - chart.x) / f64::from(chart.width.max(2) - 1);
    let by = window.to.duration_since(window.from).as_secs_f64() * share;
    window.from.checked_add(SignedDuration::try_from_secs_f64(by).ok()?).ok()
}

/// A time is marked with the mouse: when it is let go, the charts show just that.
fn drag(state: &mut AppState, at: Option<Timestamp>, ends: bool) {
    let from = state.charts.drag;
    match (from, at, ends) {
        (Some(from), Some(to), true) if to.duration_since(from).abs() > SignedDuration::from_secs(1) => {
            state.charts.drag = None;
            state.show_span(from, to);
        }
        (_, _, true) => state.charts.drag = None,
        (None, Some(at), false) => state.charts.drag = Some(at),
        _ => {}
    }
}

fn click(state: &mut AppState, pane: Pane, area: Rect, at: Position) -> Option<Effect> {
    let inside = crate::ui::layout::inside(area);
    if !inside.contains(at) {
        return None;
    }
    let line = usize::from(at.y - inside.y);
    match pane {
        Pane::Latency => {
            let to = time_at(state, pane, area, at)?;
            state.charts.drag = Some(to);
            go_to(state, to, None)
        }
        Pane::Records | Pane::List => {
            let first = crate::ui::panes::records::first_line(state, usize::from(inside.height));
            let seq = state.listing().get(first + line)?.verdict.seq;
            if !state.is_replay() {
                select(state, seq);
            }
            None
        }
        Pane::Violations | Pane::Agents | Pane::Rules => {
            let head = if pane == Pane::Rules { crate::ui::panes::rules::lines_above(state, inside) } else { 0 };
            let (index, count) = match pane {
                Pane::Violations => (state.alert_index(), state.alerts().count()),
                Pane::Agents => (state.agent_index(), state.board().agents.len()),
                _ => (state.rule_index(), state.rule_entries().len()),
            };
            let first = crate::ui::widgets::list::first(index, count, usize::from(inside.height).saturating_sub(head));
            if pane == Pane::Rules && line + 1 == head {
                state.view.rule_order = state.view.rule_order.next();
                return None;
            }
            let line = line.checked_sub(head)?;
            state.choose((first + line) as isize - index as isize);
            None
        }
        _ => None,
    }
}
