//! One record in full: its facts, its samples, the rules it broke.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::history::Row;
use crate::state::AppState;
use crate::ui::layout;
use crate::ui::panes::record;
use crate::ui::theme::Theme;
use crate::verdict::DriftState;

/// Draws the selected record.
pub fn render(frame: &mut Frame<'_>, body: Rect, state: &AppState, theme: &Theme) {
    let row = state.board().records.row();
    // As many lines as the pane below has to say, no more: the texts need the room.
    let moved = |row: &Row| row.verdict.drift.iter().filter(|report| report.state == DriftState::Drift).count();
    let rules = row.map_or(1, |row| row.verdict.violations.len().max(1) + moved(row));
    let [facts, samples, checks] = layout::record(body, u16::try_from(rules).unwrap_or(u16::MAX));
    record::facts(frame, facts, row, state, theme);
    record::samples(frame, samples, row, state, theme);
    record::rules(frame, checks, row, theme);
}
