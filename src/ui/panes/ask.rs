//! A question before something is written: what, of which range, with texts or without.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::state::view::{Ask, Asked};
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::sheet;
use crate::ui::widgets::text::wrap;

/// Columns of the box.
const WIDTH: u16 = 72;

/// Draws the question.
pub fn render(frame: &mut Frame<'_>, area: Rect, ask: &Ask, theme: &Theme) {
    let muted = theme.style(Meaning::Muted);
    let (title, mut lines) = about(&ask.what, theme);
    lines.push(Line::raw(""));
    if matches!(ask.what, Asked::Capture | Asked::Report { .. }) {
        let texts = if ask.text { "with prompts and answers" } else { "without prompts and answers" };
        let meaning = if ask.text { Meaning::Warning } else { Meaning::Text };
        lines.push(Line::styled(texts, theme.style(meaning)));
        lines.push(Line::raw(""));
    }
    let keys = keys(&ask.what).iter().flat_map(|(key, word)| {
        [Span::styled(*key, theme.style(Meaning::Key)), Span::styled(format!(" {word}   "), muted)]
    });
    lines.push(Line::from(keys.collect::<Vec<_>>()));
    sheet::render(frame, (title, ""), lines, (WIDTH.min(area.width), 0), theme);
}

/// What is asked, in words.
fn about<'a>(what: &Asked, theme: &Theme) -> (&'static str, Vec<Line<'a>>) {
    let (text, muted) = (theme.style(Meaning::Text), theme.style(Meaning::Muted));
    let wrapped = |words: &str, style| {
        let lines = wrap(words, usize::from(WIDTH) - 2, 6);
        lines.into_iter().map(move |line| Line::styled(line, style)).collect::<Vec<_>>()
    };
    match what {
        Asked::Capture => (
            "Capture",
            wrapped(
                "Keeps records, verdicts, alerts and rules in a file that `watcher replay` opens: what led here, and what follows.",
                text,
            ),
        ),
        Asked::Report { ranges, chosen } => {
            let line = |(index, name): (usize, &String)| match index == *chosen {
                true => Line::styled(format!("{} {name}", theme.symbols.ok), theme.style(Meaning::Title)),
                false => Line::styled(format!("  {name}"), muted),
            };
            ("Report", ranges.iter().enumerate().map(line).collect())
        }
        Asked::Rules { change, files, .. } => {
            let mut lines = wrapped(&format!("Applies the change of {change}: writes"), text);
            lines.extend(files.iter().flat_map(|file| wrapped(&format!("  {}", file.display()), muted)));
            ("Apply", lines)
        }
        Asked::Quit => ("Quit", wrapped("Rules were changed and not saved. End all the same?", text)),
    }
}

/// The keys that answer it.
fn keys(what: &Asked) -> &'static [(&'static str, &'static str)] {
    match what {
        Asked::Capture => &[("Enter", "writes"), ("t", "texts"), ("Esc", "closes")],
        Asked::Report { .. } => &[("Enter", "writes"), ("t", "texts"), ("r", "range"), ("Esc", "closes")],
        Asked::Rules { shadow: Some(_), .. } => {
            &[("Enter", "in force"), ("s", "beside, as a shadow"), ("r", "with a reason"), ("Esc", "closes")]
        }
        Asked::Rules { .. } => &[("Enter", "in force"), ("r", "with a reason"), ("Esc", "closes")],
        Asked::Quit => &[("Enter", "ends"), ("Esc", "stays")],
    }
}
