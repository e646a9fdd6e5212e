//! The records behind a drift: those most typical of what is gone, and those most typical of what came.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::humanize;
use crate::record::Seq;
use crate::state::AppState;
use crate::state::view::Pane;
use crate::ui::panes::records::clock;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::frame::{pane, select};
use crate::ui::widgets::list;
use crate::ui::widgets::text::{column, masked};

/// Draws the pane.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    let focused = state.view.focus() == Pane::Moved;
    let muted = theme.style(Meaning::Muted);
    let moved = state.series_report().and_then(|report| report.moved.as_ref());
    let Some(moved) = moved else {
        let inner = pane(frame, area, Pane::Moved.title(), Vec::new(), focused, theme);
        let text = match state.shown_series() {
            Some(series) if series.report.onset.is_some() => "being looked for",
            _ => "no drift in this series: the records that moved most are listed here",
        };
        return frame.render_widget(Paragraph::new(Line::styled(text, muted)), inner);
    };
    let right = vec![Span::styled("Enter opens one, D says what differs", muted)];
    let inner = pane(frame, area, Pane::Moved.title(), right, focused, theme);
    let (width, room) = (usize::from(inner.width), usize::from(inner.height));
    let before = moved.before.iter().map(|seq| (*seq, "before", Meaning::Muted));
    let after = moved.after.iter().map(|seq| (*seq, "since", Meaning::Alarm));
    let all: Vec<(Seq, &str, Meaning)> = before.chain(after).collect();
    let chosen = if focused { state.view.scroll.min(all.len().saturating_sub(1)) } else { 0 };
    let first = list::first(chosen, all.len(), room);
    let lines: Vec<Line<'_>> = all
        .iter()
        .skip(first)
        .take(room)
        .map(|(seq, word, meaning)| line(*seq, word, *meaning, state, width, theme))
        .collect();
    frame.render_widget(Paragraph::new(lines), inner);
    select(frame, inner, chosen.checked_sub(first).filter(|_| focused), theme);
}

fn line<'a>(seq: Seq, word: &str, meaning: Meaning, state: &AppState, width: usize, theme: &Theme) -> Line<'a> {
    let muted = theme.style(Meaning::Muted);
    let word = Span::styled(format!("{word:<7}"), theme.style(meaning));
    let history = state.board().records.history();
    let Some(row) = history.get(history.position(seq)).filter(|row| row.verdict.seq == seq) else {
        return Line::from(vec![word, Span::styled(format!("record {} is not kept any more", seq.0 + 1), muted)]);
    };
    let at = row.verdict.ts.map_or_else(|| "--:--:--".to_owned(), |at| clock(state, at, false));
    let series = state.shown_series();
    let report = series.and_then(|series| row.verdict.drift.iter().find(|report| report.series == series.name));
    let value = report
        .filter(|report| report.value.is_finite())
        .map_or("–".to_owned(), |report| humanize::short(report.value));
    let about = row.record.samples.first().or(row.record.prompt.as_ref()).map(|text| &**text).unwrap_or(&row.record.id);
    let about = if state.view.masked { masked(about) } else { about.to_owned() };
    let head = format!("{at} {value:>8}  ");
    let room = width.saturating_sub(7 + head.chars().count());
    Line::from(vec![
        word,
        Span::styled(head, muted),
        Span::styled(column(&about, room, theme.symbols.ellipsis), theme.style(Meaning::Text)),
    ])
}
