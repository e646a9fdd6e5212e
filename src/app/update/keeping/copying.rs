//! What is copied: a value by what is in front, or the record as it was read.

use super::Effect;
use crate::state::AppState;
use crate::state::view::{Pane, Screen};

/// The value in front: the id of a record, the name of an agent, a rule's line, a series with its value.
pub(super) fn value(state: &mut AppState) -> Option<Effect> {
    let found = match (state.view.screen, state.view.focus()) {
        (_, Pane::Agents) => state.agent().map(|agent| ("the agent".to_owned(), agent.key.to_string())),
        (_, Pane::Violations) => state
            .alert()
            .map(|alert| ("the alert".to_owned(), format!("{} {}: {}", alert.cause, alert.key, alert.text))),
        (_, Pane::Drift | Pane::Series | Pane::Baseline | Pane::Moved) => state.shown_series().map(|series| {
            let report = &series.report;
            let text = format!("{} {} {} {}", series.key, series.name, report.state.word(), report.value);
            ("the series".to_owned(), text)
        }),
        (Screen::Rules, _) => state.rule_entry().map(|entry| ("the rule's id".to_owned(), entry.id.to_string())),
        _ => state.listing().row().map(|row| ("the record's id".to_owned(), row.record.id.to_string())),
    };
    let Some((what, text)) = found else {
        state.view.note = Some("there is nothing to copy yet".to_owned());
        return None;
    };
    Some(Effect::Copy { what, text, content: false })
}

/// The record as it was read.
pub(super) fn record(state: &mut AppState) -> Option<Effect> {
    let Some(row) = state.listing().row() else {
        state.view.note = Some("there is no record to copy yet".to_owned());
        return None;
    };
    let text = String::from_utf8_lossy(&row.record.raw).trim_end().to_owned();
    Some(Effect::Copy { what: format!("record {}", row.record.id), text, content: true })
}
