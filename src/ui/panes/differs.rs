//! What the records in question have that the others have not, the most telling first.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::humanize;
use crate::message::inquiry::contrast::{Contrast, Difference};
use crate::state::AppState;
use crate::ui::panes::records::clock;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::sheet;
use crate::ui::widgets::text::{column, wrap};

/// Columns of the box.
const WIDTH: u16 = 108;

/// Draws the box.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme, scroll: usize) {
    let (text, muted) = (theme.style(Meaning::Text), theme.style(Meaning::Muted));
    let width = usize::from(WIDTH.min(area.width).saturating_sub(2));
    let Some((which, contrast)) = &state.found.differs else { return };
    let against = format!("{}, against those before", which.in_words());
    let mut lines: Vec<Line<'_>> = wrap(&against, width, 4).into_iter().map(|line| Line::styled(line, text)).collect();
    match contrast {
        None => lines.push(Line::styled(format!("being compared{}", theme.symbols.ellipsis), muted)),
        Some(contrast) => lines.extend(found(contrast, state, width, theme)),
    }
    sheet::render(frame, ("What differs", "j k scroll, Esc closes"), lines, (WIDTH, scroll), theme);
}

fn found<'a>(contrast: &Contrast, state: &AppState, width: usize, theme: &Theme) -> Vec<Line<'a>> {
    let (text, muted) = (theme.style(Meaning::Text), theme.style(Meaning::Muted));
    let number = |n: u64| humanize::number(n as f64);
    let counts = format!("{} in question, {} before", number(contrast.bad), number(contrast.good));
    let mut lines = vec![Line::styled(counts, muted), Line::raw("")];
    if contrast.bad == 0 || contrast.good == 0 {
        let side = if contrast.bad == 0 { "in question" } else { "before them" };
        lines.push(Line::styled(format!("no record {side} is kept any more: there is nothing to compare"), text));
        return lines;
    }
    if contrast.found.is_empty() {
        lines.push(Line::styled("nothing differs notably: labels, versions and numbers are alike", text));
        return lines;
    }
    let what = width.saturating_sub(48).clamp(12, 52);
    let head = format!("{:<what$} {:>8} {:>8} {:>8}  {}", "what", "these", "others", "lift", "first seen");
    lines.push(Line::styled(head, theme.style(Meaning::Title)));
    lines.extend(contrast.found.iter().map(|difference| row(difference, contrast, state, what, theme)));
    lines
}

fn row<'a>(found: &Difference, contrast: &Contrast, state: &AppState, what: usize, theme: &Theme) -> Line<'a> {
    let share = |part: u64, of: u64| format!("{:.0} %", 100.0 * part as f64 / of.max(1) as f64);
    let first = found.first.map(|(seq, at)| match at {
        Some(at) => format!("{}, record {}", clock(state, at, false), seq.0 + 1),
        None => format!("record {}", seq.0 + 1),
    });
    let figures = format!(
        " {:>8} {:>8} {:>8}  ",
        share(found.bad, contrast.bad),
        share(found.good, contrast.good),
        format!("{}x", humanize::short(found.lift))
    );
    Line::from(vec![
        Span::styled(column(&found.what, what, theme.symbols.ellipsis), theme.style(Meaning::Text)),
        Span::styled(figures, theme.style(Meaning::Key)),
        Span::styled(first.unwrap_or_default(), theme.style(Meaning::Muted)),
    ])
}
