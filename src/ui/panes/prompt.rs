//! A line to be filled in: a filter, a value, a reason, a path.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};
use unicode_width::UnicodeWidthStr;

use crate::humanize;
use crate::state::AppState;
use crate::state::view::Prompt;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::frame::pane;
use crate::ui::widgets::text::foreign;

/// Lines of the box.
const HEIGHT: u16 = 4;

/// Draws the line over the bottom of the screen: what it is about stays in sight.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme, (what, text): (&Prompt, &str)) {
    let height = HEIGHT.min(area.height);
    let at = Rect { y: area.bottom() - height, height, ..area };
    frame.render_widget(Clear, at);
    frame.render_widget(Paragraph::new("").style(theme.style(Meaning::Overlay)), at);
    let (title, mark, said) = match what {
        Prompt::Filter { .. } => ("Filter".to_owned(), "/", filter(state, text, theme)),
        Prompt::Field { label } => {
            (label.clone(), theme.symbols.play, ("an empty line takes it out".to_owned(), Meaning::Muted))
        }
        Prompt::Silence => {
            let alert = state.alert().map(|alert| format!("{} {}", alert.cause, alert.key)).unwrap_or_default();
            let words = "for how long, and why: 1h planned; 30m model=x why. It ends early if it gets worse";
            (
                format!("Silence {}", crate::sanitize::line(&alert)),
                theme.symbols.play,
                (words.to_owned(), Meaning::Muted),
            )
        }
        Prompt::Reason { .. } => (
            "Why".to_owned(),
            theme.symbols.play,
            ("stands in the audit log beside the change".to_owned(), Meaning::Muted),
        ),
        Prompt::SaveAs => {
            let words = "these rules are the program's own: they go into a file of yours";
            ("Write rules to".to_owned(), theme.symbols.play, (words.to_owned(), Meaning::Muted))
        }
    };
    let right = vec![Span::styled("Enter takes it, Esc closes", theme.style(Meaning::Muted))];
    let inner = pane(frame, at, &title, right, true, theme);
    if inner.height == 0 {
        return;
    }
    // The end of a long line is where it is written.
    let room = usize::from(inner.width).saturating_sub(3);
    let mut shown = text;
    while crate::sanitize::line(shown).width() > room {
        let first = shown.chars().next().map_or(0, char::len_utf8);
        shown = &shown[first..];
    }
    let input = Line::from(vec![
        Span::styled(format!("{mark} "), theme.style(Meaning::Key)),
        foreign(shown, theme.style(Meaning::Text)),
    ]);
    frame.render_widget(Paragraph::new(input), Rect { height: 1, ..inner });
    if inner.height > 1 {
        let line = Line::from(foreign(&said.0, theme.style(said.1)));
        frame.render_widget(Paragraph::new(line), Rect { y: inner.y + 1, height: 1, ..inner });
    }
    let used = 2 + crate::sanitize::line(shown).width();
    let x = inner.x + used.min(usize::from(inner.width.saturating_sub(1))) as u16;
    frame.set_cursor_position(Position::new(x, inner.y));
}

/// How many fit and how many are hidden, while it is written.
fn filter(state: &AppState, text: &str, theme: &Theme) -> (String, Meaning) {
    if let Some(fault) = state.sift.fault() {
        return (format!("{} {fault}", theme.symbols.warning), Meaning::Warning);
    }
    if text.trim().is_empty() {
        return (
            "text, /regex/, field:value, or an expression: latency_ms > 800 && model == \"x\"".to_owned(),
            Meaning::Muted,
        );
    }
    let (fits, looked) = state.sift.counts();
    let number = |n: u64| humanize::number(n as f64);
    let busy = if state.sift.is_busy() { theme.symbols.ellipsis } else { "" };
    (format!("{} fit, {} hidden{busy}", number(fits), number(looked.saturating_sub(fits))), Meaning::Text)
}
