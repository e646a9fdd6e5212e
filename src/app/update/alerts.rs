//! Who is told of alerts, what is silenced, and how the screen looks.

use crossterm::event::{KeyCode, KeyEvent};

use super::Effect;
use crate::app::action::Action;
use crate::state::AppState;
use crate::state::view::{Overlay, Prompt};

/// Carries out an action on alerts or on looks; `None` if it is none.
pub(super) fn apply(state: &mut AppState, action: Action) -> Option<Option<Effect>> {
    match action {
        Action::Acknowledge | Action::Silence if state.is_replay() => {
            state.view.note = Some("a replay tells nobody: there is nothing to silence".to_owned());
        }
        Action::Acknowledge => state.acknowledge(),
        Action::Silence if state.alert().is_none() => {
            state.view.note = Some("there is no alert to silence".to_owned());
        }
        Action::Silence => {
            state.view.overlay = Overlay::Prompt { what: Prompt::Silence, text: "1h ".to_owned() };
        }
        Action::Silences => state.view.overlay = Overlay::Silences { choice: 0 },
        Action::Mask if state.view.never_text => {
            state.view.note = Some("`content: off` hides prompts and answers, whoever asks".to_owned());
        }
        Action::Mask => {
            state.view.masked = !state.view.masked;
            let word = if state.view.masked { "hidden" } else { "shown" };
            state.view.note = Some(format!("prompts and answers are {word}"));
        }
        Action::Mouse => {
            state.view.mouse = !state.view.mouse;
            let word = if state.view.mouse { "watcher's: Shift selects text" } else { "the terminal's" };
            state.view.note = Some(format!("the mouse is {word}"));
            return Some(Some(Effect::Mouse(state.view.mouse)));
        }
        Action::Theme => {
            let choice = state.view.themes.iter().position(|name| *name == state.view.theme).unwrap_or(0);
            state.view.overlay = Overlay::Themes { choice, before: state.view.theme.clone() };
        }
        Action::Sort => state.view.rule_order = state.view.rule_order.next(),
        _ => return None,
    }
    Some(None)
}

/// A key in the list of silences.
pub(super) fn silences(state: &mut AppState, key: &KeyEvent, action: Option<Action>) -> Option<Effect> {
    let Overlay::Silences { mut choice } = std::mem::take(&mut state.view.overlay) else { return None };
    let ids: Vec<u64> = state.active_silences().into_iter().map(|silence| silence.id).collect();
    let last = ids.len().saturating_sub(1);
    match (key.code, action) {
        (KeyCode::Delete | KeyCode::Char('x'), _) => {
            if let Some(id) = ids.get(choice.min(last)) {
                state.end_silence(*id);
            }
        }
        (_, Some(Action::Up)) => choice = choice.saturating_sub(1),
        (_, Some(Action::Down)) => choice = (choice + 1).min(last),
        _ => return None,
    }
    state.view.overlay = Overlay::Silences { choice };
    None
}

/// A key in the list of themes: the chosen one is shown at once.
pub(super) fn themes(state: &mut AppState, key: &KeyEvent, action: Option<Action>) -> Option<Effect> {
    let Overlay::Themes { mut choice, before } = std::mem::take(&mut state.view.overlay) else { return None };
    let last = state.view.themes.len().saturating_sub(1);
    match (key.code, action) {
        (KeyCode::Enter, _) => return None,
        (_, Some(Action::Up)) => choice = choice.saturating_sub(1),
        (_, Some(Action::Down)) => choice = (choice + 1).min(last),
        _ => return Some(Effect::Theme(before)),
    }
    let name = state.view.themes.get(choice)?.clone();
    state.view.overlay = Overlay::Themes { choice, before };
    Some(Effect::Theme(name))
}
