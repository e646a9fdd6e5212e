//! An action and what it changes. Changes of the state happen here; what reaches beyond it is an [`Effect`].

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::Action;
use super::keymap::Keymap;
use crate::message::{BaselineOrder, BaselineWish};
use crate::state::AppState;
use crate::state::view::{HealthPane, Overlay, Pane, Screen};

/// What an action does beyond the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// End.
    Quit,
    /// To the shell.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// To the drift engine.
    Baseline(BaselineOrder),
}

/// Lines of a page, for moving.
const PAGE: usize = 20;

/// Longest command line, bytes.
const COMMAND: usize = 256;

/// Takes a key, as what is in front understands it.
pub fn key(state: &mut AppState, keymap: &Keymap, key: &KeyEvent) -> Option<Effect> {
    if let Overlay::Palette { .. } = state.view.overlay
        && keymap.action(key) != Some(Action::QuitNow)
    {
        return palette(state, keymap, key);
    }
    let action = keymap.action(key)?;
    if let Overlay::Help { scroll } = &mut state.view.overlay {
        match action {
            Action::Up => *scroll = scroll.saturating_sub(1),
            Action::Down => *scroll += 1,
            Action::PageUp | Action::HalfUp => *scroll = scroll.saturating_sub(PAGE / 2),
            Action::PageDown | Action::HalfDown => *scroll += PAGE / 2,
            Action::Top => *scroll = 0,
            Action::Palette | Action::QuitNow | Action::Suspend => return apply(state, action),
            _ => state.view.overlay = Overlay::None,
        }
        return None;
    }
    apply(state, action)
}

/// Text that the terminal pasted.
pub fn paste(state: &mut AppState, pasted: &str) {
    if let Overlay::Palette { text, choice } = &mut state.view.overlay {
        let room = COMMAND.saturating_sub(text.len());
        let clean = pasted.chars().filter(|c| !c.is_control()).collect::<String>();
        text.push_str(crate::record::prefix(&clean, room));
        *choice = 0;
    }
}

fn palette(state: &mut AppState, keymap: &Keymap, key: &KeyEvent) -> Option<Effect> {
    let Overlay::Palette { mut text, choice } = std::mem::take(&mut state.view.overlay) else { return None };
    let count = state.view.suggestions(&text).count();
    let chosen = state.view.suggestions(&text).nth(choice).map(|hint| hint.name);
    let mut choice = choice;
    let plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    match key.code {
        KeyCode::Esc => return None,
        KeyCode::Enter => {
            // What was typed in full counts, else what is chosen.
            let action = keymap.by_name(text.trim()).or_else(|| chosen.and_then(|name| keymap.by_name(name)));
            if action.is_none() {
                state.view.note = Some(format!("there is no command `{}`", text.trim()));
            }
            return action.and_then(|action| apply(state, action));
        }
        KeyCode::Tab => {
            if let Some(name) = chosen {
                (text, choice) = (name.to_owned(), 0);
            }
        }
        KeyCode::Down => choice = (choice + 1).min(count.saturating_sub(1)),
        KeyCode::Up => choice = choice.saturating_sub(1),
        KeyCode::Backspace if text.is_empty() => return None,
        KeyCode::Backspace => {
            text.pop();
            choice = 0;
        }
        KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => (text, choice) = (String::new(), 0),
        KeyCode::Char(c) if plain && text.len() < COMMAND => {
            text.push(c);
            choice = 0;
        }
        _ => {}
    }
    state.view.overlay = Overlay::Palette { text, choice };
    None
}

/// Carries an action out.
pub fn apply(state: &mut AppState, action: Action) -> Option<Effect> {
    match action {
        Action::QuitNow => return Some(Effect::Quit),
        Action::Quit if state.view.screen == Screen::Overview && !state.view.full => return Some(Effect::Quit),
        Action::Suspend => return Some(Effect::Suspend),
        Action::Redraw => return Some(Effect::Redraw),
        Action::Quit | Action::Out | Action::Escape => out(state),
        Action::Help => state.view.overlay = Overlay::Help { scroll: 0 },
        Action::Palette => state.view.overlay = Overlay::Palette { text: String::new(), choice: 0 },
        Action::Overview => {
            state.view.screen = Screen::Overview;
            state.view.full = false;
            state.view.scroll = 0;
        }
        Action::Record => show_record(state),
        Action::Rules => {
            state.view.screen = Screen::Rules;
            state.view.full = false;
            state.view.scroll = 0;
        }
        Action::Health => {
            state.view.screen = Screen::Health;
            state.view.full = false;
            state.view.scroll = 0;
        }
        Action::Freeze => state.toggle_freeze(),
        Action::Follow => {
            state.thaw();
            state.board_mut().records.follow();
            state.view.scroll = usize::MAX / 2;
            if state.view.focus != Pane::Records {
                state.view.scroll = 0;
            }
        }
        Action::NextPane | Action::PreviousPane => focus(state, action == Action::NextPane),
        Action::FullPane if state.view.screen != Screen::Record => state.view.full = !state.view.full,
        Action::FullPane => {}
        Action::Open => open(state),
        Action::NextViolation | Action::PreviousViolation => {
            state.view.record_scroll = 0;
            if !state.board_mut().records.next_violation(action == Action::NextViolation) {
                state.view.note = Some("no further record with a violation".into());
            }
        }
        Action::PinBaseline => return baseline(state, BaselineWish::Pin),
        Action::ResetBaseline => return baseline(state, BaselineWish::Reset),
        Action::TimeZone => state.view.local_time = !state.view.local_time,
        Action::Up => scroll(state, -1),
        Action::Down => scroll(state, 1),
        Action::HalfUp | Action::PageUp | Action::HalfDown | Action::PageDown | Action::Top
            if state.view.screen == Screen::Record =>
        {
            scroll_text(state, action);
        }
        Action::HalfUp => scroll(state, -(PAGE as isize) / 2),
        Action::HalfDown => scroll(state, PAGE as isize / 2),
        Action::PageUp => scroll(state, -(PAGE as isize)),
        Action::PageDown => scroll(state, PAGE as isize),
        Action::Top => top(state),
        #[allow(clippy::panic)]
        Action::Panic => panic!("asked for by debug-panic"),
    }
    None
}

/// The wish for the series in sight: the first of the list when that was scrolled, else the one shown large.
fn baseline(state: &mut AppState, wish: BaselineWish) -> Option<Effect> {
    let drift = &state.board().drift;
    let scrolled = state.view.focus == Pane::Drift && state.view.scroll > 0;
    let chosen = if scrolled { drift.iter().nth(state.view.scroll.min(drift.len().saturating_sub(1))) } else { None };
    let Some(series) = chosen.or_else(|| drift.shown()) else {
        state.view.note = Some("there is no series yet".into());
        return None;
    };
    let (key, series) = (Arc::clone(&series.key), Arc::clone(&series.name));
    if state.status.finished.is_some() {
        state.view.note = Some("all is judged: a baseline can't change any more".into());
        return None;
    }
    Some(Effect::Baseline(BaselineOrder { key, series, wish }))
}

fn out(state: &mut AppState) {
    if state.view.screen == Screen::Record {
        state.view.screen = Screen::Overview;
    } else if state.view.full {
        state.view.full = false;
    } else if matches!(state.view.screen, Screen::Health | Screen::Rules) {
        state.view.screen = Screen::Overview;
        state.view.scroll = 0;
    } else if state.frozen_since().is_some() {
        state.thaw();
    }
}

fn open(state: &mut AppState) {
    if state.view.screen == Screen::Rules {
        return;
    }
    let other = state.view.focus != Pane::Records && state.view.screen == Screen::Overview;
    if (other || state.view.screen == Screen::Health) && !state.view.full {
        state.view.full = true;
        return;
    }
    if state.view.screen != Screen::Health {
        show_record(state);
    }
}

fn show_record(state: &mut AppState) {
    if state.board().records.index().is_none() {
        state.view.note = Some("there is no record to open yet".into());
        return;
    }
    if let Some(index) = state.board().records.index() {
        state.board_mut().records.select(index);
    }
    state.view.screen = Screen::Record;
    state.view.full = false;
    state.view.record_scroll = 0;
}

fn focus(state: &mut AppState, forward: bool) {
    match state.view.screen {
        Screen::Health => state.view.health = beside(&HealthPane::ALL, state.view.health, forward),
        Screen::Rules => return,
        _ => state.view.focus = beside(&Pane::ALL, state.view.focus, forward),
    }
    state.view.scroll = 0;
}

fn beside<P: Copy + PartialEq>(all: &[P], at: P, forward: bool) -> P {
    let index = all.iter().position(|pane| *pane == at).unwrap_or(0);
    let step = if forward { 1 } else { all.len() - 1 };
    all[(index + step) % all.len()]
}

fn scroll(state: &mut AppState, by: isize) {
    match (state.view.screen, state.view.focus) {
        (Screen::Record, _) => {
            state.board_mut().records.step(by);
            state.view.record_scroll = 0;
        }
        (Screen::Health, _) => {
            let most = match state.view.health {
                HealthPane::Rejected => state.status.rejected.len(),
                HealthPane::Sources => state.status.sources.len(),
                HealthPane::Engines => 3 + state.status.health.as_ref().map_or(0, |health| health.bounds.len()),
                HealthPane::Pipeline => 1,
            };
            state.view.scroll = state.view.scroll.saturating_add_signed(by).min(most.saturating_sub(1));
        }
        (Screen::Rules, _) => {
            let most = state.status.health.as_ref().map_or(0, |health| health.rules.rules.len());
            state.view.scroll = state.view.scroll.saturating_add_signed(by).min(most.saturating_sub(1));
        }
        (Screen::Overview, Pane::Records) => state.board_mut().records.step(by),
        (Screen::Overview, pane) => {
            let board = state.board();
            let most = match pane {
                Pane::Violations => board.alerts.order.len() + board.alerts.no_data.len(),
                Pane::Agents => board.agents.len(),
                Pane::Drift => board.drift.len(),
                Pane::Latency | Pane::Records => 1,
            };
            let scroll = state.view.scroll.saturating_add_signed(by);
            state.view.scroll = scroll.min(most.saturating_sub(1));
        }
    }
}

/// Moves within the texts of the record in full; `j` and `k` go to other records there.
fn scroll_text(state: &mut AppState, action: Action) {
    // No text has more lines than bytes; the pane shows its end for whatever is beyond.
    let most = state.board().records.row().map_or(0, |row| row.record.raw.len());
    let at = state.view.record_scroll.min(most);
    state.view.record_scroll = match action {
        Action::HalfUp => at.saturating_sub(PAGE / 4),
        Action::PageUp => at.saturating_sub(PAGE / 2),
        Action::HalfDown => (at + PAGE / 4).min(most),
        Action::PageDown => (at + PAGE / 2).min(most),
        _ => 0,
    };
}

fn top(state: &mut AppState) {
    state.view.scroll = 0;
    state.view.record_scroll = 0;
    let records = state.view.focus == Pane::Records && state.view.screen == Screen::Overview;
    if records || state.view.screen == Screen::Record {
        state.board_mut().records.select(0);
    }
}
