//! An action and what it changes. Changes of the state happen here; what reaches beyond it is an [`Effect`].
//!
//! `alerts` is about who is told and how it all looks, `moving` is about where the operator looks, `lines` about what is typed, `editing` about rules, `keeping` about what
//! is kept of an incident, `replay` about a log that is played.

mod alerts;
pub(super) mod editing;
mod keeping;
mod lines;
mod moving;
mod replay;

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent};

use super::action::Action;
use super::handover::Wanted;
use super::keymap::Keymap;
use crate::message::Command;
use crate::state::AppState;
use crate::state::sift::Sift;
use crate::state::view::{Ask, Asked, Overlay, Screen};

/// What an action does beyond the state.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// End.
    Quit,
    /// To the shell.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// To the pipeline, or to the player.
    Order(Command),
    /// A report is to be written.
    Report(Wanted),
    /// To the clipboard, and to a file.
    Copy {
        /// What it is, for the note.
        what: String,
        /// It.
        text: String,
        /// It holds a prompt or answers.
        content: bool,
    },
    /// The mouse is asked for, or not any more.
    Mouse(bool),
    /// Another theme, by its name.
    Theme(String),
    /// To a file that the operator named, or one beside the reports.
    Write {
        /// What it is, for the note.
        what: &'static str,
        /// Where; a name alone goes beside the reports.
        path: PathBuf,
        /// It.
        text: String,
    },
}

/// Takes a key, as what is in front understands it.
pub fn key(state: &mut AppState, keymap: &Keymap, key: &KeyEvent) -> Option<Effect> {
    let action = keymap.action(key);
    if action == Some(Action::QuitNow) {
        return apply(state, Action::QuitNow);
    }
    match &state.view.overlay {
        Overlay::Palette { .. } => return lines::palette(state, keymap, key),
        Overlay::Prompt { .. } => return lines::prompt(state, key),
        Overlay::Ask(ask) => {
            let ask = ask.clone();
            return keeping::answer(state, ask, key);
        }
        Overlay::Help { .. } => return lines::help(state, key, action),
        Overlay::Marks { .. } => return moving::marks(state, key, action),
        Overlay::Silences { .. } => return alerts::silences(state, key, action),
        Overlay::Themes { .. } => return alerts::themes(state, key, action),
        Overlay::Differs { .. } | Overlay::Conflict { .. } => return moving::read(state, key, action),
        Overlay::None => {}
    }
    if state.is_writing() {
        return editing::write(state, key, action);
    }
    apply(state, action?)
}

/// Text that the terminal pasted.
pub fn paste(state: &mut AppState, pasted: &str) {
    if state.is_writing() {
        return editing::paste(state, pasted);
    }
    lines::paste(state, pasted);
}

/// Takes what the mouse did, on a screen of this size.
pub fn mouse(state: &mut AppState, event: &MouseEvent, size: (u16, u16)) -> Option<Effect> {
    moving::mouse(state, event, size)
}

/// Whether a key is typed as a character.
fn is_plain(key: &KeyEvent) -> bool {
    !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) && matches!(key.code, KeyCode::Char(_))
}

/// Carries an action out.
pub fn apply(state: &mut AppState, action: Action) -> Option<Effect> {
    let own = alerts::apply(state, action)
        .or_else(|| replay::apply(state, action))
        .or_else(|| editing::apply(state, action))
        .or_else(|| keeping::apply(state, action))
        .or_else(|| moving::apply(state, action));
    if let Some(effect) = own {
        return effect;
    }
    match action {
        Action::QuitNow => return Some(Effect::Quit),
        Action::Quit if state.view.screen == Screen::Overview && !state.view.full && !state.sift.narrows() => {
            if !state.has_unsaved() {
                return Some(Effect::Quit);
            }
            state.view.overlay = Overlay::Ask(Ask { what: Asked::Quit, text: false });
        }
        Action::Suspend => return Some(Effect::Suspend),
        Action::Redraw => return Some(Effect::Redraw),
        Action::Quit | Action::Out | Action::Escape => moving::out(state, action),
        Action::Help => state.view.overlay = Overlay::Help { scroll: 0, search: None },
        Action::Palette => state.view.overlay = lines::palette_of(""),
        Action::Filter => lines::begin_filter(state),
        Action::ToggleFilter if state.is_replay() => {
            return Some(Effect::Order(Command::Replay(crate::message::ReplayOrder::Filter(None))));
        }
        Action::ToggleFilter => toggle_filter(state),
        Action::Freeze => state.toggle_freeze(),
        Action::Differs => state.ask_differs(),
        Action::TimeZone => state.view.local_time = !state.view.local_time,
        Action::Wrap => state.view.cut = !state.view.cut,
        Action::Raw => {
            state.view.raw = !state.view.raw;
            state.view.record_scroll = 0;
        }
        #[allow(clippy::panic)]
        Action::Panic => panic!("asked for by debug-panic"),
        // Of a replay, of rules, and what is written: carried out above.
        _ => {}
    }
    None
}

fn toggle_filter(state: &mut AppState) {
    let there = Sift::toggle(&mut state.sift);
    state.view.note = Some(match (there, state.sift.filters()) {
        (false, _) => "there is no filter: / begins one".to_owned(),
        (true, true) => "the filter acts again".to_owned(),
        (true, false) => "the filter is off".to_owned(),
    });
}
