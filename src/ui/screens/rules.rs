//! The rules in force.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::state::AppState;
use crate::ui::panes::rules;
use crate::ui::theme::Theme;

/// Draws the pane.
pub fn render(frame: &mut Frame<'_>, body: Rect, state: &AppState, theme: &Theme) {
    rules::render(frame, body, state, theme);
}
