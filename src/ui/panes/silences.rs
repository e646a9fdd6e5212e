//! What is silenced: until when, by whom, and why; and how those who are told of the rest fare.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::humanize;
use crate::message::notice::TargetReport;
use crate::message::silences::Silence;
use crate::state::AppState;
use crate::state::telling::SOON;
use crate::ui::panes::records::clock;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::sheet;
use crate::ui::widgets::text::column;

/// Columns of the box.
const WIDTH: u16 = 100;

/// Draws the box.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme, choice: usize) {
    let muted = theme.style(Meaning::Muted);
    let width = usize::from(WIDTH.min(area.width).saturating_sub(2));
    let active = state.active_silences();
    let mut lines: Vec<Line<'_>> = Vec::new();
    if active.is_empty() {
        lines.push(Line::styled("nothing is silenced: S on an alert silences it, a takes it on", muted));
    }
    lines.extend(active.iter().enumerate().map(|(index, silence)| line(silence, index == choice, state, width, theme)));
    let taken_on = state.telling.silences().acknowledged.len();
    let held_back = state.telling.held_back();
    let said = format!("{taken_on} alerts taken on this week, {held_back} notices held back: too many at once");
    lines.push(Line::raw(""));
    lines.push(Line::styled(said, muted));
    lines.extend(state.telling.targets.iter().map(|target| target_line(target, width, theme)));
    sheet::render(frame, ("Silences", "x ends one, Esc closes"), lines, (WIDTH, 0), theme);
}

fn line<'a>(silence: &Silence, chosen: bool, state: &AppState, width: usize, theme: &Theme) -> Line<'a> {
    let left = silence.until.duration_since(state.now);
    let soon = left < SOON;
    let meaning = if chosen { Meaning::Selection } else { Meaning::Text };
    let mark = if soon { theme.symbols.warning } else { " " };
    let left = format!("{mark} {:>8} left", humanize::span(left.unsigned_abs()));
    let label = silence.label.iter().map(|(path, value)| format!(" {path}={value}")).collect::<String>();
    let text = format!(
        "{}  until {}  by {}  {}",
        column(&format!("{} {}{label}", silence.cause, silence.key), 32, theme.symbols.ellipsis),
        clock(state, silence.until, false),
        silence.who,
        silence.reason
    );
    let room = width.saturating_sub(17);
    Line::from(vec![
        Span::styled(format!("{left:<16} "), theme.style(if soon { Meaning::Warning } else { Meaning::Muted })),
        Span::styled(column(&text, room, theme.symbols.ellipsis), theme.style(meaning)),
    ])
}

fn target_line<'a>(target: &TargetReport, width: usize, theme: &Theme) -> Line<'a> {
    let failed = target.failed + target.dropped > 0;
    let why = target.last_error.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let text = format!(
        "{} {} delivered, {} on their way, {} failed, {} dropped{why}",
        column(&target.name, 16, theme.symbols.ellipsis),
        target.sent,
        target.waiting,
        target.failed,
        target.dropped
    );
    let meaning = if failed { Meaning::Warning } else { Meaning::Muted };
    Line::styled(column(&text, width, theme.symbols.ellipsis), theme.style(meaning))
}
