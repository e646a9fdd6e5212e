//! A rule file that has changed on the disk since it was read: what is different, and what can be done.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::message::inquiry::NotSaved;
use crate::state::AppState;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::sheet;
use crate::ui::widgets::text::wrap;

/// Columns of the box.
const WIDTH: u16 = 100;

/// Lines that one line of the difference takes at most.
const EACH: usize = 3;

/// Draws the box.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme, scroll: usize) {
    let conflict = state.editing.as_ref().and_then(|editing| editing.conflict.as_ref());
    let Some(NotSaved::Changed { path, now, difference }) = conflict else { return };
    let width = usize::from(WIDTH.min(area.width).saturating_sub(2)).max(1);
    let said = match now {
        Some(_) => format!("{} has changed on the disk since it was read: nothing was saved.", path.display()),
        None => format!("{} is gone: nothing was saved.", path.display()),
    };
    let mut lines: Vec<Line<'_>> =
        wrap(&said, width, 4).into_iter().map(|line| Line::styled(line, theme.style(Meaning::Warning))).collect();
    let words = "r takes what is on the disk (u brings your version back), Esc keeps your draft; :export-patch writes it elsewhere";
    lines.extend(wrap(words, width, 4).into_iter().map(|line| Line::styled(line, theme.style(Meaning::Muted))));
    lines.push(Line::raw(""));
    for text in difference.lines() {
        let meaning = match text.as_bytes().first() {
            Some(b'+') => Meaning::Ok,
            Some(b'-') => Meaning::Critical,
            Some(b'@') => Meaning::Key,
            _ => Meaning::Text,
        };
        lines.extend(wrap(text, width, EACH).into_iter().map(|line| Line::styled(line, theme.style(meaning))));
    }
    sheet::render(frame, ("Changed on the disk", "j k scroll, r reload, Esc closes"), lines, (WIDTH, scroll), theme);
}
