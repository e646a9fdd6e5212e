//! All keys, by group, made from the keymap; those that fit what is looked for.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use crate::state::AppState;
use crate::state::view::Hint;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::sheet;
use crate::ui::widgets::text::wrap;

/// Columns of the box.
const WIDTH: u16 = 120;

/// Columns of an action's name.
const NAME: usize = 21;

/// Most lines that say what an action does.
const LINES: usize = 4;

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
        let room = usize::from(WIDTH.min(area.width)).saturating_sub(keys + NAME + 8);
        let mut helps = wrap(hint.help, room.max(1), LINES).into_iter();
        lines.push(Line::from(vec![
            Span::styled(format!("  {}{}", hint.keys, " ".repeat(padding)), theme.style(Meaning::Key)),
            Span::styled(format!("  {:<NAME$}", format!(":{}", hint.name)), muted),
            Span::styled(helps.next().unwrap_or_default(), theme.style(Meaning::Text)),
        ]));
        let below = |help| Line::styled(format!("{}{help}", " ".repeat(keys + NAME + 4)), theme.style(Meaning::Text));
        lines.extend(helps.map(below));
    }
    if group.is_empty() {
        lines.push(Line::styled("nothing fits", muted));
    }
    sheet::render(frame, ("Help", "/ search, j k scroll, Esc closes"), lines, (WIDTH.min(area.width), scroll), theme);
}
