//! All keys, by group, made from the keymap.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};
use unicode_width::UnicodeWidthStr;

use crate::state::AppState;
use crate::ui::layout::centered;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::frame::pane;

/// Draws the help, scrolled.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme, scroll: usize) {
    let mut lines =
        vec![Line::styled("Actions are advice: watcher stops nothing by itself.", theme.style(Meaning::Muted))];
    let mut group = "";
    let keys = state.view.hints.iter().map(|hint| hint.keys.width()).max().unwrap_or(0);
    for hint in state.view.hints.iter() {
        if hint.group != group {
            group = hint.group;
            lines.push(Line::raw(""));
            lines.push(Line::styled(group, theme.style(Meaning::Title)));
        }
        let padding = keys.saturating_sub(hint.keys.width());
        lines.push(Line::from(vec![
            Span::styled(format!("  {}{}", hint.keys, " ".repeat(padding)), theme.style(Meaning::Key)),
            Span::styled(format!("  {:<21}", format!(":{}", hint.name)), theme.style(Meaning::Muted)),
            Span::styled(hint.help, theme.style(Meaning::Text)),
        ]));
    }
    let at = centered(area, 96, u16::try_from(lines.len() + 2).unwrap_or(u16::MAX));
    frame.render_widget(Clear, at);
    frame.render_widget(Paragraph::new("").style(theme.style(Meaning::Overlay)), at);
    let right = vec![Span::styled("Esc closes", theme.style(Meaning::Muted))];
    let inner = pane(frame, at, "Help", right, true, theme);
    let most = lines.len().saturating_sub(usize::from(inner.height));
    let offset = u16::try_from(scroll.min(most)).unwrap_or(u16::MAX);
    frame.render_widget(Paragraph::new(lines).scroll((offset, 0)).style(theme.style(Meaning::Overlay)), inner);
}
