//! How the machinery is: the way of a record, the engines, the sources, the lines that were refused.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::state::AppState;
use crate::state::view::HealthPane;
use crate::ui::layout;
use crate::ui::panes::{engines, pipeline, rejected, sources};
use crate::ui::theme::Theme;

/// Draws the panes that have room.
pub fn render(frame: &mut Frame<'_>, body: Rect, state: &AppState, theme: &Theme) {
    for (pane, area) in layout::health(body, state.view.health, state.view.full) {
        match pane {
            HealthPane::Pipeline => pipeline::render(frame, area, state, theme),
            HealthPane::Engines => engines::render(frame, area, state, theme),
            HealthPane::Sources => sources::render(frame, area, state, theme),
            HealthPane::Rejected => rejected::render(frame, area, state, theme),
        }
    }
}
