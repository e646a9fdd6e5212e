//! The themes; the chosen one is shown while it is chosen.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::state::AppState;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::sheet;
use crate::ui::widgets::text::column;

/// Columns of the box.
const WIDTH: u16 = 40;

/// Draws the box.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme, choice: usize) {
    let width = usize::from(WIDTH.min(area.width).saturating_sub(4));
    let line = |(index, name): (usize, &String)| {
        let meaning = if index == choice { Meaning::Selection } else { Meaning::Text };
        let mark = if *name == state.view.theme { theme.symbols.ok } else { " " };
        Line::styled(format!("{mark} {}", column(name, width, theme.symbols.ellipsis)), theme.style(meaning))
    };
    let lines = state.view.themes.iter().enumerate().map(line).collect();
    let scroll = (choice + 1).saturating_sub(usize::from(area.height.saturating_sub(4)).max(1));
    sheet::render(frame, ("Theme", "Enter keeps, Esc goes back"), lines, (WIDTH, scroll), theme);
}
