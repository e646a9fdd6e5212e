//! Everything at a glance.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::state::AppState;
use crate::state::view::Pane;
use crate::ui::layout;
use crate::ui::panes::{agents, drift, latency, records, violations};
use crate::ui::theme::Theme;

/// Draws the panes that have room.
pub fn render(frame: &mut Frame<'_>, body: Rect, state: &AppState, theme: &Theme) {
    for (pane, area) in layout::overview(body, state.view.focus, state.view.full) {
        match pane {
            Pane::Latency => latency::render(frame, area, state, theme),
            Pane::Drift => drift::render(frame, area, state, theme),
            Pane::Violations => violations::render(frame, area, state, theme),
            Pane::Agents => agents::render(frame, area, state, theme),
            Pane::Records => records::render(frame, area, state, theme),
        }
    }
}
