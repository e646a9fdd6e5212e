//! What the program says of itself, newest last.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::state::AppState;
use crate::state::log::LogLine;
use crate::state::view::Pane;
use crate::ui::panes::records::clock;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::frame::pane;
use crate::ui::widgets::text::column;

/// Draws the pane.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    let focused = state.view.focus() == Pane::Log;
    let count = state.log.lines().len();
    let bad = state.log.lines().filter(|line| line.level != "info").count();
    let right = if bad > 0 { format!("{bad} warnings and errors") } else { String::new() };
    let inner =
        pane(frame, area, Pane::Log.title(), vec![Span::styled(right, theme.style(Meaning::Muted))], focused, theme);
    if count == 0 {
        let text = format!("{} nothing to tell", theme.symbols.ok);
        return frame.render_widget(Paragraph::new(Line::styled(text, theme.style(Meaning::Muted))), inner);
    }
    let (width, room) = (usize::from(inner.width), usize::from(inner.height));
    // The newest at the foot; scrolling goes back from there.
    let back = if focused { state.view.scroll.min(count.saturating_sub(room)) } else { 0 };
    let first = count.saturating_sub(room + back);
    let lines: Vec<Line<'_>> =
        state.log.lines().skip(first).take(room).map(|entry| line(entry, state, width, theme)).collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

fn line<'a>(entry: &LogLine, state: &AppState, width: usize, theme: &Theme) -> Line<'a> {
    let meaning = match entry.level {
        "error" => Meaning::Critical,
        "warn" => Meaning::Warning,
        _ => Meaning::Muted,
    };
    let head = format!("{} {:<5} ", clock(state, entry.at, false), entry.level);
    let room = width.saturating_sub(head.len());
    Line::from(vec![
        Span::styled(head, theme.style(meaning)),
        Span::styled(column(&entry.text, room, theme.symbols.ellipsis), theme.style(Meaning::Text)),
    ])
}
