//! The records that the operator has marked, to go to one.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::state::AppState;
use crate::state::marks::OwnMark;
use crate::ui::panes::records::clock;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::sheet;
use crate::ui::widgets::text::column;

/// Columns of the box.
const WIDTH: u16 = 76;

/// Columns of an id.
const ID: usize = 24;

/// Draws the box.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme, choice: usize) {
    let room = usize::from(area.height).saturating_sub(4).max(1);
    let (rights, wrongs) = state.marks.called();
    let mut lines: Vec<Line<'_>> = Vec::new();
    if state.marks.own.is_empty() {
        lines.push(Line::styled("no mark yet: m marks a record, :mark TEXT says why", theme.style(Meaning::Muted)));
    }
    let width = usize::from(WIDTH.min(area.width).saturating_sub(2));
    lines.extend(
        state.marks.own.iter().enumerate().map(|(index, mark)| line(mark, index == choice, state, width, theme)),
    );
    let called = format!("called right {rights}, called wrong {wrongs}");
    lines.push(Line::styled(called, theme.style(Meaning::Muted)));
    let scroll = (choice + 1).saturating_sub(room);
    sheet::render(frame, ("Marks", "Enter goes there, m takes it back, Esc closes"), lines, (WIDTH, scroll), theme);
}

fn line<'a>(mark: &OwnMark, chosen: bool, state: &AppState, width: usize, theme: &Theme) -> Line<'a> {
    let style = theme.style(if chosen { Meaning::Selection } else { Meaning::Text });
    let id = column(&mark.id, ID, theme.symbols.ellipsis);
    let head = format!("{} {} {id}  ", theme.symbols.mark, clock(state, mark.at, false));
    let room = width.saturating_sub(head.chars().count());
    Line::from(vec![Span::styled(head, style), Span::styled(column(&mark.text, room, theme.symbols.ellipsis), style)])
}
