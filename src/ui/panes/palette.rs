//! The command line, with what fits.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};
use unicode_width::UnicodeWidthStr;

use crate::state::AppState;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::frame::pane;
use crate::ui::widgets::text::{column, foreign};

/// Draws the command line over the bottom of the screen.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme, (text, choice): (&str, usize)) {
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new("").style(theme.style(Meaning::Overlay)), area);
    let right = vec![Span::styled("Enter runs, Tab completes, Esc closes", theme.style(Meaning::Muted))];
    let inner = pane(frame, area, "Command", right, true, theme);
    if inner.height == 0 {
        return;
    }
    let input =
        Line::from(vec![Span::styled(":", theme.style(Meaning::Key)), foreign(text, theme.style(Meaning::Text))]);
    frame.render_widget(Paragraph::new(input), Rect { height: 1, ..inner });
    let cursor = inner.x + (1 + text.width()).min(usize::from(inner.width.saturating_sub(1))) as u16;
    frame.set_cursor_position(Position::new(cursor, inner.y));
    let completions = state.completions(text);
    if completions.is_empty() && inner.height > 1 {
        let none = Line::styled("no such command", theme.style(Meaning::Warning));
        return frame.render_widget(Paragraph::new(none), Rect { y: inner.y + 1, height: 1, ..inner });
    }
    let room = usize::from(inner.height).saturating_sub(1);
    let first = (choice + 1).saturating_sub(room);
    let longest = completions.iter().map(|completion| completion.line.width()).max().unwrap_or(0);
    let lines = longest.max(20).min(usize::from(inner.width) / 2);
    for (line, (index, completion)) in completions.iter().enumerate().skip(first).take(room).enumerate() {
        let row = Rect { y: inner.y + 1 + line as u16, height: 1, ..inner };
        let style = if index == choice { theme.style(Meaning::Selection) } else { theme.style(Meaning::Text) };
        let spans = vec![
            Span::styled(format!(" {} ", column(&completion.line, lines, theme.symbols.ellipsis)), style),
            Span::styled(format!("{:<14}", completion.keys), theme.style(Meaning::Key)),
            Span::styled(&completion.help, theme.style(Meaning::Muted)),
        ];
        frame.render_widget(Paragraph::new(Line::from(spans)), row);
    }
}
