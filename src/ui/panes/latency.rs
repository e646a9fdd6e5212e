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
use crate::ui::panes::records::clock;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::frame::pane;
use crate::ui::widgets::plot::Plot;
use crate::ui::widgets::spark;

/// Columns for the names of the lines at their ends.
const NAMES: u16 = 11;

type Line3 = (&'static str, Meaning, fn(&Percentiles) -> f64);

const LINES: [Line3; 3] =
    [("p50", Meaning::P50, |p| p.p50), ("p95", Meaning::P95, |p| p.p95), ("p99", Meaning::P99, |p| p.p99)];

/// What is drawn: what is kept ready, or the time that was asked for.
struct Shown {
    points: Vec<Option<Percentiles>>,
    total: Percentiles,
}

impl Shown {
    fn of(state: &AppState) -> Option<Self> {
        if let Some(chart) = state.chart() {
            return Some(Self { points: chart.latency.clone(), total: chart.total_ms? });
        }
        let latency = &state.board().latency;
        let points = latency.slices().iter().map(|slice| slice.latency_ms).collect();
        Some(Self { points, total: latency.total_ms? })
    }
}

/// Draws the pane.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    let focused = state.view.focus() == Pane::Latency;
    let mut right = Vec::new();
    if let Some(key) = state.sift.key() {
        right.push(Span::styled(format!("{} ", crate::sanitize::line(key)), theme.style(Meaning::Note)));
    }
    right.push(Span::styled("agents' ", theme.style(Meaning::Muted)));
    right.extend(LINES.iter().map(|(name, meaning, _)| Span::styled(format!("{name} "), theme.style(*meaning))));
    right.push(Span::styled(format!("{} ms", theme.symbols.dot), theme.style(Meaning::Muted)));
    let inner = pane(frame, area, Pane::Latency.title(), right, focused, theme);
    if inner.height == 0 || inner.width < 10 {
        return;
    }
    let Some(shown) = Shown::of(state) else {
        let text = match (state.board().total, state.chart_waits()) {
            (0, _) => "no records yet",
            (_, true) => "being put together",
            _ if state.chart().is_some() => "no record of this time has a latency_ms",
            _ => "no record has a latency_ms yet",
        };
        return frame.render_widget(Paragraph::new(Line::styled(text, theme.style(Meaning::Muted))), inner);
    };
    if inner.height < 4 {
        return strip(frame, inner, &shown, theme);
    }
    let below = Rect { y: inner.bottom() - 1, height: 1, ..inner };
    frame.render_widget(Paragraph::new(own(&state.board().latency, theme)), below);
    let axis = Rect { y: inner.bottom() - 2, height: 1, ..inner };
    frame.render_widget(Paragraph::new(span(&shown, state, theme)), axis);
    chart(frame, plot(inner), &shown, theme);
    cursor(frame, plot(inner), state, theme);
}

/// Where in the pane time goes from left to right.
pub fn plot(inner: Rect) -> Rect {
    Rect { width: inner.width.saturating_sub(NAMES), height: inner.height.saturating_sub(2), ..inner }
}

/// One line: the figures and how the 95th percentile went.
fn strip(frame: &mut Frame<'_>, inner: Rect, shown: &Shown, theme: &Theme) {
    let mut spans: Vec<Span<'_>> = LINES
        .iter()
        .map(|(name, meaning, value)| {
            Span::styled(format!("{name} {}  ", humanize::short(value(&shown.total))), theme.style(*meaning))
        })
        .collect();
    let room = usize::from(inner.width).saturating_sub(spans.iter().map(Span::width).sum());
    let values: Vec<_> = shown.points.iter().map(|point| point.map(|p| p.p95)).collect();
    let top = values.iter().flatten().copied().fold(0.0, f64::max);
    let first = values.len().saturating_sub(room);
    let bars = spark::bars(&theme.symbols, values[first..].iter().copied(), top, false);
    spans.push(Span::styled(bars, theme.style(Meaning::P95)));
    frame.render_widget(Paragraph::new(Line::from(spans)), inner);
}

fn chart(frame: &mut Frame<'_>, area: Rect, shown: &Shown, theme: &Theme) {
    let points = &shown.points;
    let top = points.iter().flatten().map(|p| p.p99).fold(0.0, f64::max).max(f64::MIN_POSITIVE) * 1.05;
    let mut plot = Plot::new(area, theme.symbols.braille);
    let last = points.len().saturating_sub(1).max(1) as f64;
    let mut ends: Vec<(u16, String, Style)> = Vec::new();
    // The median last, on top: where lines meet, the calmer one is seen.
    for (name, meaning, value) in LINES.into_iter().rev() {
        let style = theme.style(meaning);
        let line = points.iter().enumerate().map(|(i, p)| p.as_ref().map(|p| (i as f64 / last, value(p) / top)));
        plot.line(line, style);
        if let Some(newest) = points.iter().rev().flatten().next() {
            let value = value(newest);
            ends.push((plot.row(value / top), format!("{name} {}", humanize::short(value)), style));
        }
    }
    plot.draw(frame.buffer_mut());
    names(frame, area, ends);
}

/// The time of the selected record, from top to bottom.
fn cursor(frame: &mut Frame<'_>, chart: Rect, state: &AppState, theme: &Theme) {
    let Some((at, window)) = state.time_cursor().zip(state.window()) else { return };
    let share = at.duration_since(window.from).as_secs_f64() / window.to.duration_since(window.from).as_secs_f64();
    if !(0.0..=1.0).contains(&share) || chart.width == 0 {
        return;
    }
    let x = chart.x + (share * f64::from(chart.width - 1)).round() as u16;
    let style = theme.style(Meaning::Key);
    for y in chart.y..chart.bottom() {
        let cell = &mut frame.buffer_mut()[(x, y)];
        if cell.symbol() == " " {
            cell.set_symbol(theme.symbols.cursor).set_style(style);
        }
    }
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

/// From when to when, and how long a point is.
fn span<'a>(shown: &Shown, state: &AppState, theme: &Theme) -> Line<'a> {
    let points = shown.points.len().max(1) as u32;
    let length = match (state.chart(), state.board().latency.slices()) {
        (Some(chart), _) => chart.window.to.duration_since(chart.window.from).unsigned_abs(),
        (None, slices) => std::time::Duration::from_secs(slices.span_s().unsigned_abs()),
    };
    let dot = theme.symbols.dot;
    let what = match (state.charts.is_back(), state.window()) {
        (true, Some(window)) => format!("{} to {}", clock(state, window.from, false), clock(state, window.to, true)),
        _ => format!("last {}", humanize::span(length)),
    };
    let cursor = state.time_cursor().map(|at| format!(" {dot} cursor {}", clock(state, at, false))).unwrap_or_default();
    let text = format!(
        "{what} {dot} one point {} {dot} n = {}{cursor}",
        humanize::span(length / points),
        humanize::number(shown.total.n as f64)
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
