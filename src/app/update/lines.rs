//! What is typed into a line: the command line, the filter, a value, a search in the help.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{Effect, apply, editing, is_plain, keeping, replay};
use crate::app::action::Action;
use crate::app::keymap::Keymap;
use crate::state::AppState;
use crate::state::view::{Overlay, Prompt};

/// Longest line, bytes.
const LINE: usize = 512;

/// Lines of a page in the help.
const PAGE: usize = 10;

/// Changes a line at its end; false if the key does not write.
fn write(text: &mut String, key: &KeyEvent) -> bool {
    match key.code {
        KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => text.clear(),
        KeyCode::Char('w') if key.modifiers.contains(KeyModifiers::CONTROL) => {
            let kept = text.trim_end().rfind(' ').map_or(0, |at| at + 1);
            text.truncate(kept);
        }
        KeyCode::Backspace => drop(text.pop()),
        KeyCode::Char(c) if is_plain(key) && text.len() + c.len_utf8() <= LINE => text.push(c),
        _ => return false,
    }
    true
}

/// Text that the terminal pasted, into the line that is in front.
pub(super) fn paste(state: &mut AppState, pasted: &str) {
    let clean: String = pasted.chars().filter(|c| !c.is_control()).collect();
    let add = |text: &mut String| text.push_str(crate::record::prefix(&clean, LINE.saturating_sub(text.len())));
    match &mut state.view.overlay {
        Overlay::Palette { text, choice, .. } => {
            add(text);
            *choice = 0;
        }
        Overlay::Prompt { what, text } => {
            add(text);
            if let Prompt::Filter { .. } = what {
                let text = text.clone();
                preview(state, text);
            }
        }
        _ => {}
    }
}

/// The command line, with this in it.
pub(super) fn palette_of(text: &str) -> Overlay {
    Overlay::Palette { text: text.to_owned(), choice: 0, back: 0 }
}

/// A key in the command line.
pub(super) fn palette(state: &mut AppState, keymap: &Keymap, key: &KeyEvent) -> Option<Effect> {
    let Overlay::Palette { mut text, mut choice, mut back } = std::mem::take(&mut state.view.overlay) else {
        return None;
    };
    let completions = state.completions(&text);
    let history = state.view.history.len();
    let alt = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Esc => return None,
        KeyCode::Backspace if text.is_empty() => return None,
        KeyCode::Enter => {
            let chosen = completions.get(choice).map(|completion| completion.line.clone());
            return run(state, keymap, text.trim(), chosen);
        }
        KeyCode::Tab => {
            if let Some(completion) = completions.get(choice) {
                (text, choice) = (completion.line.clone(), 0);
            }
        }
        // What was run before: Ctrl-p and Ctrl-n, or up and down in an empty line.
        KeyCode::Up if back > 0 || text.is_empty() => (text, back) = recalled(state, (back + 1).min(history)),
        KeyCode::Down if back > 0 => (text, back) = recalled(state, back - 1),
        KeyCode::Char('p') if alt => (text, back) = recalled(state, (back + 1).min(history)),
        KeyCode::Char('n') if alt => (text, back) = recalled(state, back.saturating_sub(1)),
        KeyCode::Down => choice = (choice + 1).min(completions.len().saturating_sub(1)),
        KeyCode::Up => choice = choice.saturating_sub(1),
        _ if write(&mut text, key) => (choice, back) = (0, 0),
        _ => {}
    }
    state.view.overlay = Overlay::Palette { text, choice, back };
    None
}

fn recalled(state: &AppState, back: usize) -> (String, usize) {
    let history = &state.view.history;
    let text = back.checked_sub(1).and_then(|at| history.iter().rev().nth(at));
    (text.cloned().unwrap_or_default(), back)
}

/// Runs a command line: what was typed in full counts, else what is chosen.
fn run(state: &mut AppState, keymap: &Keymap, typed: &str, chosen: Option<String>) -> Option<Effect> {
    let (name, rest) = typed.split_once(' ').unwrap_or((typed, ""));
    let line = if keymap.by_name(name).is_some() { typed.to_owned() } else { chosen.unwrap_or_default() };
    let (name, rest) =
        if line == typed { (name.to_owned(), rest.trim().to_owned()) } else { (line.trim().to_owned(), String::new()) };
    let Some(action) = keymap.by_name(&name) else {
        state.view.note = Some(format!("there is no command `{typed}`"));
        return None;
    };
    state.view.remember(&line);
    with_text(state, action, &rest).unwrap_or_else(|| apply(state, action))
}

/// Carries out an action with words behind its name; `None` if it takes none.
fn with_text(state: &mut AppState, action: Action, text: &str) -> Option<Option<Effect>> {
    if replay::takes_text(state, action) {
        return Some(replay::with_text(state, action, text));
    }
    if text.is_empty() && action != Action::Scope {
        return None;
    }
    match action {
        Action::Filter => state.sift.set_filter(Some(text.to_owned())),
        Action::Mark => return Some(keeping::mark(state, text)),
        Action::Scope => super::moving::scope(state, text),
        Action::Silence => state.silence(text),
        Action::Theme => return Some(Some(Effect::Theme(text.to_owned()))),
        Action::Range => super::moving::range(state, text),
        _ => return editing::with_text(state, action, text),
    }
    Some(None)
}

/// Begins to write a filter: the list follows what is typed.
pub(super) fn begin_filter(state: &mut AppState) {
    if state.is_replay() {
        state.view.overlay = palette_of("filter ");
        return;
    }
    let before = state.sift.filter().map(str::to_owned);
    let text = before.clone().unwrap_or_default();
    state.view.overlay = Overlay::Prompt { what: Prompt::Filter { before }, text };
}

fn preview(state: &mut AppState, text: String) {
    state.sift.set_filter(Some(text));
}

/// A key in a line that is filled in.
pub(super) fn prompt(state: &mut AppState, key: &KeyEvent) -> Option<Effect> {
    let Overlay::Prompt { what, mut text } = std::mem::take(&mut state.view.overlay) else { return None };
    match key.code {
        KeyCode::Esc => {
            if let Prompt::Filter { before } = what {
                state.sift.set_filter(before);
            }
            return None;
        }
        KeyCode::Enter => {
            return match what {
                Prompt::Filter { .. } => {
                    state.sift.set_filter(Some(text));
                    None
                }
                other => editing::answered(state, other, &text),
            };
        }
        _ if write(&mut text, key) => {
            if let Prompt::Filter { .. } = what {
                preview(state, text.clone());
            }
        }
        _ => {}
    }
    state.view.overlay = Overlay::Prompt { what, text };
    None
}

/// A key in the help.
pub(super) fn help(state: &mut AppState, key: &KeyEvent, action: Option<Action>) -> Option<Effect> {
    let Overlay::Help { mut scroll, mut search } = std::mem::take(&mut state.view.overlay) else { return None };
    if let Some(text) = &mut search {
        match key.code {
            KeyCode::Esc => search = None,
            KeyCode::Down => scroll += 1,
            KeyCode::Up => scroll = scroll.saturating_sub(1),
            KeyCode::Enter => {}
            _ if write(text, key) => scroll = 0,
            _ => {}
        }
        state.view.overlay = Overlay::Help { scroll, search };
        return None;
    }
    match action {
        Some(Action::Filter) => search = Some(String::new()),
        _ if key.code == KeyCode::Char('/') => search = Some(String::new()),
        Some(Action::Up) => scroll = scroll.saturating_sub(1),
        Some(Action::Down) => scroll += 1,
        Some(Action::PageUp | Action::HalfUp) => scroll = scroll.saturating_sub(PAGE),
        Some(Action::PageDown | Action::HalfDown) => scroll += PAGE,
        Some(Action::Top) => scroll = 0,
        Some(action @ (Action::Palette | Action::Suspend)) => return apply(state, action),
        _ => return None,
    }
    state.view.overlay = Overlay::Help { scroll, search };
    None
}
