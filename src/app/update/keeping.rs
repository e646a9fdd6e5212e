//! What an operator keeps: captures, reports, marks; and the questions before something is written.

mod copying;

use crossterm::event::{KeyCode, KeyEvent};

use super::{Effect, editing};
use crate::app::action::Action;
use crate::app::handover::{self, Wanted};
use crate::message::{CaptureOrder, Command};
use crate::state::AppState;
use crate::state::view::{Ask, Asked, Overlay, Prompt};

/// Carries out an action that keeps something; `None` if it is none.
pub(super) fn apply(state: &mut AppState, action: Action) -> Option<Option<Effect>> {
    let what = match action {
        Action::Capture if state.status.capture.own.is_some() => return Some(Some(Effect::Order(Command::EndCapture))),
        Action::Capture if state.status.finished.is_some() => {
            state.view.note = Some("the input has ended: there is nothing more to capture".to_owned());
            return Some(None);
        }
        Action::Capture => Asked::Capture,
        Action::Report => {
            let ranges = handover::ranges(state).into_iter().map(|range| range.name).collect();
            Asked::Report { ranges, chosen: 0 }
        }
        Action::Mark => return Some(mark(state, "")),
        Action::CallRight | Action::CallWrong => {
            state.call(action == Action::CallRight);
            return Some(None);
        }
        Action::CopyValue => return Some(copying::value(state)),
        Action::CopyRecord => return Some(copying::record(state)),
        _ => return None,
    };
    state.view.overlay = Overlay::Ask(Ask { what, text: false });
    Some(None)
}

/// Marks the selected record, or takes that back.
pub(super) fn mark(state: &mut AppState, text: &str) -> Option<Effect> {
    state.toggle_mark(text).map(|found| Effect::Order(Command::Happened(found)))
}

/// Takes a key as the answer to a question.
pub(super) fn answer(state: &mut AppState, mut ask: Ask, key: &KeyEvent) -> Option<Effect> {
    match key.code {
        KeyCode::Char('q') if ask.what == Asked::Quit => return Some(Effect::Quit),
        KeyCode::Esc | KeyCode::Char('q') => {
            state.view.overlay = Overlay::None;
            return None;
        }
        KeyCode::Char('s') if matches!(ask.what, Asked::Rules { shadow: Some(_), .. }) => {
            state.view.overlay = Overlay::None;
            return editing::apply_draft(state, true, None);
        }
        KeyCode::Char('r') if matches!(ask.what, Asked::Rules { .. }) => {
            state.view.overlay = Overlay::Prompt { what: Prompt::Reason { shadow: false }, text: String::new() };
            return None;
        }
        KeyCode::Char('t') if matches!(ask.what, Asked::Capture | Asked::Report { .. }) => ask.text = !ask.text,
        KeyCode::Char('r') | KeyCode::Tab | KeyCode::Down | KeyCode::Up => {
            if let Asked::Report { ranges, chosen } = &mut ask.what {
                let by = if key.code == KeyCode::Up { ranges.len().saturating_sub(1) } else { 1 };
                *chosen = (*chosen + by) % ranges.len().max(1);
            }
        }
        KeyCode::Enter => {
            state.view.overlay = Overlay::None;
            let text = ask.text;
            return match ask.what {
                Asked::Capture => Some(Effect::Order(Command::Capture(CaptureOrder { text }))),
                Asked::Report { chosen, .. } => Some(Effect::Report(Wanted { range: chosen, text })),
                Asked::Rules { .. } => editing::apply_draft(state, false, None),
                Asked::Quit => Some(Effect::Quit),
            };
        }
        _ => {}
    }
    state.view.overlay = Overlay::Ask(ask);
    None
}
