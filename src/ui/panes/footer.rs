//! The bottom line: a word to the operator, or the keys, made from the keymap.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::state::AppState;
use crate::state::view::Hint;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::text::{fit, foreign};

/// Draws the line.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    if let Some(note) = &state.view.note {
        let text = fit(note, usize::from(area.width).saturating_sub(2), theme.symbols.ellipsis);
        let line = Line::from(vec![Span::raw(" "), foreign(&text, theme.style(Meaning::Note)), Span::raw(" ")]);
        return frame.render_widget(Paragraph::new(line), area);
    }
    let mut spans = vec![Span::raw(" ")];
    let mut used = 1;
    let here = |hint: &&Hint| hint.screens.is_empty() || hint.screens.contains(&state.view.screen);
    // What belongs to this screen comes first: the rest is in the help.
    let all = || state.view.hints.iter().filter(|hint| !hint.footer.is_empty() && !hint.keys.is_empty()).filter(here);
    let own = all().filter(|hint| !hint.screens.is_empty());
    let (help, rest): (Vec<&Hint>, Vec<&Hint>) =
        all().filter(|hint| hint.screens.is_empty()).partition(|hint| hint.name == "help");
    for hint in help.into_iter().chain(own).chain(rest) {
        let key = hint.keys.split(' ').next().unwrap_or_default();
        let (key, word) = (Span::styled(key.to_owned(), theme.style(Meaning::Key)), format!(" {}   ", hint.footer));
        let word = Span::styled(word, theme.style(Meaning::Footer));
        used += key.width() + word.width();
        if used > usize::from(area.width) + 3 {
            break;
        }
        spans.extend([key, word]);
    }
    frame.render_widget(Paragraph::new(Line::from(spans)), area);
}
