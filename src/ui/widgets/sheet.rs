//! A box in front of the screen with lines in it.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

use super::frame::pane;
use crate::ui::layout::centered;
use crate::ui::theme::{Meaning, Theme};

/// Draws the box: as high as its lines, no higher than the screen, scrolled where that is too low.
pub fn render(
    frame: &mut Frame<'_>,
    (title, keys): (&str, &str),
    lines: Vec<Line<'_>>,
    (width, scroll): (u16, usize),
    theme: &Theme,
) {
    let at = centered(frame.area(), width, u16::try_from(lines.len() + 2).unwrap_or(u16::MAX));
    frame.render_widget(Clear, at);
    frame.render_widget(Paragraph::new("").style(theme.style(Meaning::Overlay)), at);
    let right = vec![Span::styled(keys.to_owned(), theme.style(Meaning::Muted))];
    let inner: Rect = pane(frame, at, title, right, true, theme);
    let most = lines.len().saturating_sub(usize::from(inner.height));
    let offset = u16::try_from(scroll.min(most)).unwrap_or(u16::MAX);
    frame.render_widget(Paragraph::new(lines).scroll((offset, 0)).style(theme.style(Meaning::Overlay)), inner);
}
