//! The agents' latency as percentiles over time, and watcher's own cost below.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::humanize;
use crate::state::AppState;
use crate::state::latency::Latency;
use crate::state::view::Pane;
use crate::stats::summary::Percentiles;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::frame::pane;
use crate::ui::widgets::plot::Plot;
use crate::ui::widgets::spark;

/// Columns for the names of the lines at their ends.
const NAMES: u16 = 11;

type Line3 = (&'static str, Meaning, fn(&Percentiles) -> f64);

const LINES: [Line3; 3] =
    [("p50", Meaning::P50, |p| p.p50), ("p95", Meaning::P95, |p| p.p95), ("p99", Meaning::P99, |p| p.p99)];

/// Draws the pane.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    let latency = &state.board().latency;
    let focused = state.view.focus == Pane::Latency;
    let mut right = vec![Span::styled("agents' ", theme.style(Meaning::Muted))];
    right.extend(LINES.iter().map(|(name, meaning, _)| Span::styled(format!("{name} "), theme.style(*meaning))));
    right.push(Span::styled(format!("{} ms", theme.symbols.dot), theme.style(Meaning::Muted)));
    let inner = pane(frame, area, Pane::Latency.title(), right, focused, theme);
    if inner.height == 0 || inner.width < 10 {
        return;
    }
    let Some(total) = latency.total_ms else {
        let text = if state.board().total == 0 { "no records yet" } else { "no record has a latency_ms yet" };
        return frame.render_widget(Paragraph::new(Line::styled(text, theme.style(Meaning::Muted))), inner);
    };
    if inner.height < 4 {
        return strip(frame, inner, latency, total, theme);
    }
    let below = Rect { y: inner.bottom() - 1, height: 1, ..inner };
    frame.render_widget(Paragraph::new(own(latency, theme)), below);
    let axis = Rect { y: inner.bottom() - 2, height: 1, ..inner };
    frame.render_widget(Paragraph::new(span(latency, theme)), axis);
    chart(frame, Rect { height: inner.height - 2, ..inner }, latency, theme);
}

/// One line: the figures and how the 95th percentile went.
fn strip(frame: &mut Frame<'_>, inner: Rect, latency: &Latency, total: Percentiles, theme: &Theme) {
    let mut spans: Vec<Span<'_>> = LINES
        .iter()
        .map(|(name, meaning, value)| {
            Span::styled(format!("{name} {}  ", humanize::short(value(&total))), theme.style(*meaning))
        })
        .collect();
    let room = usize::from(inner.width).saturating_sub(spans.iter().map(Span::width).sum());
    let values: Vec<_> = latency.slices().iter().map(|slice| slice.latency_ms.map(|p| p.p95)).collect();
    let top = values.iter().flatten().copied().fold(0.0, f64::max);
    let first = values.len().saturating_sub(room);
    let bars = spark::bars(&theme.symbols, values[first..].iter().copied(), top, false);
    spans.push(Span::styled(bars, theme.style(Meaning::P95)));
    frame.render_widget(Paragraph::new(Line::from(spans)), inner);
}

fn chart(frame: &mut Frame<'_>, area: Rect, latency: &Latency, theme: &Theme) {
    let width = area.width.saturating_sub(NAMES);
    let area = Rect { width, ..area };
    let slices: Vec<Option<Percentiles>> = latency.slices().iter().map(|slice| slice.latency_ms).collect();
    let top = slices.iter().flatten().map(|p| p.p99).fold(0.0, f64::max).max(f64::MIN_POSITIVE) * 1.05;
    let mut plot = Plot::new(area, theme.symbols.braille);
    let last = slices.len().saturating_sub(1).max(1) as f64;
    let mut ends: Vec<(u16, String, Style)> = Vec::new();
    // The median last, on top: where lines meet, the calmer one is seen.
    for (name, meaning, value) in LINES.into_iter().rev() {
        let style = theme.style(meaning);
        let points = slices.iter().enumerate().map(|(i, p)| p.as_ref().map(|p| (i as f64 / last, value(p) / top)));
        plot.line(points, style);
        if let Some(newest) = slices.iter().rev().flatten().next() {
            let value = value(newest);
            ends.push((plot.row(value / top), format!("{name} {}", humanize::short(value)), style));
        }
    }
    plot.draw(frame.buffer_mut());
    names(frame, area, ends);
}

/// Names of the lines at their ends, one below the other where they would meet.
fn names(frame: &mut Frame<'_>, chart: Rect, mut ends: Vec<(u16, String, Style)>) {
    ends.sort_by_key(|(row, ..)| *row);
    let mut free = 0;
    let count = ends.len() as u16;
    for (index, (row, text, style)) in ends.into_iter().enumerate() {
        let latest = chart.height.saturating_sub(count - index as u16);
        let row = row.max(free).min(latest);
        free = row + 1;
        let place = Rect { x: chart.right() + 1, y: chart.y + row, width: NAMES - 1, height: 1 };
        frame.render_widget(Paragraph::new(Line::styled(text, style)), place.intersection(frame.area()));
    }
}

fn span<'a>(latency: &Latency, theme: &Theme) -> Line<'a> {
    let seconds = latency.slices().span_s().unsigned_abs();
    let text = format!(
        "last {} {} one point {}",
        humanize::span(std::time::Duration::from_secs(seconds)),
        theme.symbols.dot,
        humanize::span(std::time::Duration::from_secs(latency.slices().width_s().unsigned_abs()))
    );
    Line::styled(text, theme.style(Meaning::Muted))
}

pub(super) fn own<'a>(latency: &Latency, theme: &Theme) -> Line<'a> {
    let muted = theme.style(Meaning::Own);
    let Some(own) = latency.own_us else { return Line::styled("watcher's own cost: nothing judged yet", muted) };
    let ms = |us: f64| humanize::short(us / 1e3);
    Line::styled(
        format!(
            "watcher's own cost a record: p50 {}  p95 {}  p99 {} ms (n = {})",
            ms(own.p50),
            ms(own.p95),
            ms(own.p99),
            humanize::number(own.n as f64)
        ),
        muted,
    )
}
