//! What is wrong: one row a cause and key.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::humanize;
use crate::state::AppState;
use crate::state::alerts::{Alert, AlertState, NoData};
use crate::state::telling::Mute;
use crate::state::view::Pane;
use crate::ui::panes::records::clock;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::frame::{pane, select};
use crate::ui::widgets::text::{column, name_column};
use crate::ui::widgets::{list, spark};

/// Draws the pane.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    let alerts = &state.board().alerts;
    let focused = state.view.focus() == Pane::Violations;
    let firing = state.alerts().filter(|alert| alert.state == AlertState::Firing).count();
    let mut right = vec![Span::styled(format!("{firing} firing"), theme.style(Meaning::Muted))];
    let quiet = state.alerts().filter(|alert| alert.state == AlertState::Firing && state.mute(alert).is_some()).count();
    if quiet > 0 {
        right.push(Span::styled(format!(" {} {quiet} kept quiet", theme.symbols.dot), theme.style(Meaning::Note)));
    }
    let inner = pane(frame, area, "Violations & alerts", right, focused, theme);
    let width = usize::from(inner.width);
    let rows: Vec<Line<'_>> = state
        .alerts()
        .map(|alert| alert_line(alert, state, width, theme))
        .chain(alerts.no_data.iter().map(|rule| no_data_line(rule, width, theme)))
        .collect();
    if rows.is_empty() {
        return frame.render_widget(Paragraph::new(empty(state, theme)), inner);
    }
    let chosen = state.alert_index();
    let room = usize::from(inner.height);
    let first = if focused { list::first(chosen, rows.len(), room) } else { 0 };
    let rows: Vec<Line<'_>> = rows.into_iter().skip(first).take(room).collect();
    frame.render_widget(Paragraph::new(rows), inner);
    select(frame, inner, chosen.checked_sub(first).filter(|_| focused), theme);
}

fn empty<'a>(state: &AppState, theme: &Theme) -> Line<'a> {
    let board = state.board();
    if board.total == 0 {
        return Line::styled("no records yet: nothing was checked", theme.style(Meaning::Muted));
    }
    let text = format!("{} no violations in {} records", theme.symbols.ok, humanize::number(board.total as f64));
    Line::styled(text, theme.style(Meaning::Ok))
}

fn alert_line<'a>(alert: &Alert, state: &AppState, width: usize, theme: &Theme) -> Line<'a> {
    let ellipsis = theme.symbols.ellipsis;
    let (symbol, word, style) = theme.severity(Some(alert.severity));
    let mute = state.mute(alert);
    let (symbol, style, text_style, word) = match alert.state {
        AlertState::Firing if mute.is_some() => {
            let word = if matches!(mute, Some(Mute::Silenced(_))) { "SIL" } else { "ACK" };
            (theme.symbols.none, style, theme.style(Meaning::Muted), word)
        }
        AlertState::Firing => (symbol, style, theme.style(Meaning::Text), word),
        AlertState::Pending => (theme.symbols.none, style, theme.style(Meaning::Muted), "PEND"),
        AlertState::Resolved => (theme.symbols.ok, theme.style(Meaning::Muted), theme.style(Meaning::Muted), "over"),
    };
    let since = clock(state, alert.since, false);
    let since = since.get(..5).unwrap_or(&since);
    let bars: Vec<f64> = alert.bars(state.event_time()).iter().map(|n| *n as f64).collect();
    let top = bars.iter().copied().fold(0.0, f64::max);
    let spark = spark::bars(&theme.symbols, bars.into_iter().map(Some), top, true);
    let cause = 15.min(width / 4);
    let key = 12.min(width / 5);
    let mut spans = vec![
        Span::styled(format!("{symbol} "), style),
        Span::styled(column(&alert.cause, cause, ellipsis), text_style),
        Span::styled(format!(" {word:<4} "), style),
        Span::styled(name_column(&alert.key, key, ellipsis), text_style),
        Span::styled(format!(" since {since} {:>5} ", humanize::count(alert.count)), theme.style(Meaning::Muted)),
    ];
    let used: usize = spans.iter().map(Span::width).sum();
    if width >= used + spark.chars().count() + 16 {
        spans.push(Span::styled(format!("{spark} "), theme.style(Meaning::Spark)));
    }
    let used: usize = spans.iter().map(Span::width).sum();
    let text = plain_words(&alert.text);
    spans.push(Span::styled(column(text, width.saturating_sub(used), ellipsis), text_style));
    Line::from(spans)
}

/// The text without the path before the field's own name: the row has little room, the record shows it in full.
fn plain_words(text: &str) -> &str {
    let field = text.split(' ').next().unwrap_or_default();
    match field.rfind('.') {
        Some(dot) if dot + 1 < field.len() => &text[dot + 1..],
        _ => text,
    }
}

fn no_data_line<'a>(rule: &NoData, width: usize, theme: &Theme) -> Line<'a> {
    let muted = theme.style(Meaning::Muted);
    let text = format!(
        "{} {} no data: {}",
        theme.symbols.none,
        column(&rule.rule, 16.min(width / 4), theme.symbols.ellipsis),
        rule.why
    );
    Line::styled(column(&text, width, theme.symbols.ellipsis), muted)
}
