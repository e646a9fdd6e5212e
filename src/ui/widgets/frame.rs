//! The frame around a pane: title on the left, what is measured on the right, the focus in the border.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Block;
use unicode_width::UnicodeWidthStr;

use super::text::fit;
use crate::ui::theme::{Meaning, Theme};

/// Shows which line of a list is chosen.
pub fn select(frame: &mut Frame<'_>, inner: Rect, line: Option<usize>, theme: &Theme) {
    let line = line.and_then(|line| u16::try_from(line).ok()).filter(|line| *line < inner.height);
    if let Some(line) = line {
        frame.buffer_mut().set_style(Rect { y: inner.y + line, height: 1, ..inner }, theme.style(Meaning::Selection));
    }
}

/// Draws the frame; returns what is inside.
pub fn pane(
    frame: &mut Frame<'_>,
    area: Rect,
    title: &str,
    right: Vec<Span<'_>>,
    focused: bool,
    theme: &Theme,
) -> Rect {
    let border = theme.style(if focused { Meaning::BorderFocused } else { Meaning::Border });
    let room = usize::from(area.width).saturating_sub(title.width() + 7);
    let right: Vec<Span<'_>> = if right.iter().map(Span::width).sum::<usize>() > room {
        let text: String = right.iter().map(|span| span.content.as_ref()).collect();
        let style = right.first().map_or(theme.style(Meaning::Muted), |span| span.style);
        vec![Span::styled(fit(&text, room, theme.symbols.ellipsis).into_owned(), style)]
    } else {
        right
    };
    let mut block = Block::bordered().border_set(theme.symbols.border).border_style(border);
    block = block.title_top(Line::from(vec![
        Span::raw(" "),
        Span::styled(title, theme.style(Meaning::Title)),
        Span::raw(" "),
    ]));
    if right.iter().any(|span| !span.content.is_empty()) {
        let mut line = vec![Span::raw(" ")];
        line.extend(right);
        line.push(Span::raw(" "));
        block = block.title_top(Line::from(line).right_aligned());
    }
    let inner = block.inner(area);
    frame.render_widget(block, area);
    inner
}
