//! All keys, by group, made from the keymap; those that fit what is looked for.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use crate::state::AppState;
use crate::state::view::Hint;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::sheet;

/// Columns of the box.
const WIDTH: u16 = 120;

/// Draws the help, scrolled.
pub fn render(
    frame: &mut Frame<'_>,
    area: Rect,
    state: &AppState,
    theme: &Theme,
    (scroll, search): (usize, Option<&str>),
) {
    let muted = theme.style(Meaning::Muted);
    let mut lines = vec![match search {
        Some(search) => Line::from(vec![
            Span::styled("/ ", theme.style(Meaning::Key)),
            Span::styled(crate::sanitize::line(search).into_owned(), theme.style(Meaning::Text)),
        ]),
        None => Line::styled("Actions are advice: watcher stops nothing by itself.", muted),
    }];
    let wanted = search.unwrap_or_default().to_lowercase();
    let fits = |hint: &&Hint| {
        let held = [&hint.keys, hint.name, hint.help, hint.group];
        wanted.is_empty() || held.iter().any(|text| text.to_lowercase().contains(&wanted))
    };
    let mut group = "";
    let keys = state.view.hints.iter().map(|hint| hint.keys.width()).max().unwrap_or(0);
    for hint in state.view.hints.iter().filter(fits) {
        if hint.group != group {
            group = hint.group;
            lines.push(Line::raw(""));
            lines.push(Line::styled(group, theme.style(Meaning::Title)));
        }
        let padding = keys.saturating_sub(hint.keys.width());
        lines.push(Line::from(vec![
            Span::styled(format!("  {}{}", hint.keys, " ".repeat(padding)), theme.style(Meaning::Key)),
            Span::styled(format!("  {:<21}", format!(":{}", hint.name)), muted),
            Span::styled(hint.help, theme.style(Meaning::Text)),
        ]));
    }
    if group.is_empty() {
        lines.push(Line::styled("nothing fits", muted));
    }
    sheet::render(frame, ("Help", "/ search, j k scroll, Esc closes"), lines, (WIDTH.min(area.width), scroll), theme);
}
