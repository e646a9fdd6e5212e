//! The lines that were refused, newest first: where, why, and how they begin.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::humanize;
use crate::record::Rejected;
use crate::state::AppState;
use crate::state::status::place;
use crate::state::view::Pane;
use crate::stats::summary::Skipped;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::frame::pane;
use crate::ui::widgets::text::column;

/// Draws the pane.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    let status = &state.status;
    let focused = state.view.focus() == Pane::Rejected;
    let total = humanize::number(status.rejected_total as f64);
    let skipped = status.skipped().in_words().map(|skipped| format!("beside them {skipped} {} ", theme.symbols.dot));
    let right = format!("{}{total} in all", skipped.unwrap_or_default());
    let right = vec![Span::styled(right, theme.style(Meaning::Muted))];
    let inner = pane(frame, area, Pane::Rejected.title(), right, focused, theme);
    if status.rejected.is_empty() {
        let sound =
            if status.skipped() == Skipped::default() { "every line was a record" } else { "no line was broken" };
        let text = format!("{} {sound}", theme.symbols.ok);
        let style = theme.style(if state.board().total > 0 { Meaning::Ok } else { Meaning::Muted });
        let text = if state.board().total > 0 { text } else { "no line has come yet".to_owned() };
        return frame.render_widget(Paragraph::new(Line::styled(text, style)), inner);
    }
    let scroll = if focused { state.view.scroll.min(status.rejected.len().saturating_sub(1)) } else { 0 };
    let width = usize::from(inner.width);
    let rows = status.rejected.iter().rev().skip(scroll).take(usize::from(inner.height));
    let lines: Vec<Line<'_>> = rows.map(|rejected| line(rejected, width, theme)).collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

fn line<'a>(rejected: &Rejected, width: usize, theme: &Theme) -> Line<'a> {
    let ellipsis = theme.symbols.ellipsis;
    let (place_width, why) = ((width / 4).clamp(8, 36), width / 3);
    let rest = width.saturating_sub(place_width + why + 2);
    Line::from(vec![
        Span::styled(format!("{} ", column(&place(rejected), place_width, ellipsis)), theme.style(Meaning::Warning)),
        Span::styled(format!("{} ", column(&rejected.reject.reason, why, ellipsis)), theme.style(Meaning::Text)),
        Span::styled(column(&rejected.excerpt, rest, ellipsis), theme.style(Meaning::Muted)),
    ])
}
