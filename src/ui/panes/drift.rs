//! The series that moves most, against its baseline; all others as a line each.

use std::sync::Arc;

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::humanize;
use crate::sanitize;
use crate::state::AppState;
use crate::state::drift::{MOST_SIGMA, Series};
use crate::state::view::Pane;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::frame::{pane, select};
use crate::ui::widgets::plot::Plot;
use crate::ui::widgets::text::column;
use crate::ui::widgets::{list, spark};
use crate::verdict::Direction;

/// Half the width of the band that counts as usual, in deviations.
const BAND: f64 = 3.0;

/// Draws the pane.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    let focused = state.view.focus() == Pane::Drift;
    let Some(shown) = state.shown_series() else { return nothing(frame, area, Pane::Drift, state, theme) };
    let inner = pane(frame, area, Pane::Drift.title(), vec![headline(shown, theme)], focused, theme);
    if inner.height == 0 || inner.width < 10 {
        return;
    }
    // A focused list is scrolled; the chart gives way when the pane is low.
    let lists = if inner.height < 6 { inner.height } else { (inner.height / 3).max(3) };
    let chart = Rect { height: inner.height - lists, ..inner };
    if chart.height > 0 {
        draw_chart(frame, chart, shown, state, theme);
    }
    let below = Rect { y: chart.bottom(), height: lists, ..inner };
    let used = list(frame, below, state, focused, theme);
    skipped(frame, Rect { y: below.y + used, height: lists - used, ..inner }, state, theme);
}

/// Why there is no series to show.
pub(super) fn nothing(frame: &mut Frame<'_>, area: Rect, which: Pane, state: &AppState, theme: &Theme) {
    let inner = pane(frame, area, which.title(), Vec::new(), state.view.focus() == which, theme);
    let text = match (state.board().total, state.status.only_given(), state.sift.key()) {
        (0, ..) => "no records yet",
        (_, true, _) => "no series moved; all of them are in verdicts that are written with --full",
        (_, _, Some(_)) => "this agent has no series yet",
        (_, false, None) => "no series yet",
    };
    frame.render_widget(Paragraph::new(Line::styled(text, theme.style(Meaning::Muted))), inner);
}

/// What is not watched is said where the list ends.
pub(super) fn skipped(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    let skipped = state.status.health.as_ref().map(|health| health.watched.skipped.as_slice()).unwrap_or_default();
    if area.height > 0 && !skipped.is_empty() {
        let row = Rect { height: 1, ..area };
        frame.render_widget(Paragraph::new(skipped_line(skipped, usize::from(area.width), theme)), row);
    }
}

/// A line each series; how many lines that takes.
pub(super) fn list(frame: &mut Frame<'_>, area: Rect, state: &AppState, focused: bool, theme: &Theme) -> u16 {
    let (count, chosen, room) = (state.series().count(), state.series_index(), usize::from(area.height));
    let first = if focused { list::first(chosen, count, room) } else { 0 };
    let lines: Vec<Line<'_>> = state
        .series()
        .skip(first)
        .take(room)
        .map(|series| series_line(series, usize::from(area.width), theme))
        .collect();
    let used = lines.len() as u16;
    frame.render_widget(Paragraph::new(lines), area);
    select(frame, area, chosen.checked_sub(first).filter(|_| focused), theme);
    used
}

fn short_name(series: &Series) -> &str {
    let name = &series.name;
    name.strip_prefix("divergence.").or_else(|| name.strip_prefix("metrics.")).unwrap_or(name)
}

pub(super) fn headline<'a>(series: &Series, theme: &Theme) -> Span<'a> {
    let report = &series.report;
    let (symbol, style) = theme.drift(report.state);
    let mark = match report.direction {
        Some(Direction::Up) => theme.symbols.up,
        Some(Direction::Down) => theme.symbols.down,
        _ => symbol,
    };
    let size = report.size.map(|size| format!(" {}", humanize::signed(size))).unwrap_or_default();
    let what = match report.direction {
        Some(Direction::Wider | Direction::Narrower | Direction::Shape) => format!(" {}", report.direction()),
        _ => String::new(),
    };
    let text = format!(
        "{} {} {} {mark} {}{what}{size}",
        sanitize::line(short_name(series)),
        theme.symbols.dot,
        sanitize::line(&series.key),
        report.state.word().replace('_', " ")
    );
    Span::styled(text, style)
}

/// The values that are drawn, with gaps: the newest ones, or those of the time that was asked for.
fn values(series: &Series, state: &AppState) -> Vec<Option<f64>> {
    match state.chart() {
        Some(chart) => chart.series.clone(),
        None => series.values.iter().map(|(_, value)| Some(*value)).collect(),
    }
}

/// Which of the values are at the onset and at the time cursor.
fn places(series: &Series, state: &AppState, count: usize) -> (Option<usize>, Option<usize>) {
    if let Some(chart) = state.chart() {
        let length = chart.window.to.duration_since(chart.window.from).as_secs_f64();
        let place = |at: Timestamp| {
            let share = at.duration_since(chart.window.from).as_secs_f64() / length;
            (0.0..=1.0).contains(&share).then(|| ((share * count as f64) as usize).min(count.saturating_sub(1)))
        };
        let history = state.board().records.history();
        let onset = series.report.onset.and_then(|seq| history.get(history.position(seq))?.verdict.ts);
        return (onset.and_then(place), state.time_cursor().and_then(place));
    }
    let selected = state.time_cursor().and_then(|_| state.listing().row()).map(|row| row.verdict.seq);
    let cursor = selected.and_then(|seq| series.values.iter().position(|(of, _)| *of >= seq));
    (series.onset(), cursor)
}

pub(super) fn draw_chart(frame: &mut Frame<'_>, area: Rect, series: &Series, state: &AppState, theme: &Theme) {
    let values = values(series, state);
    let band = series.report.baseline.zip(series.report.spread).map(|(mean, sd)| (mean - BAND * sd, mean + BAND * sd));
    let (mut low, mut high) = values.iter().flatten().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
    if let Some((from, to)) = band {
        (low, high) = (low.min(from), high.max(to));
    }
    if low > high {
        let text = if state.chart_waits() { "being put together" } else { "no value in this time" };
        return frame.render_widget(Paragraph::new(Line::styled(text, theme.style(Meaning::Muted))), area);
    }
    let room = ((high - low) * 0.05).max(f64::MIN_POSITIVE);
    let (low, high) = (low - room, high + room);
    let scale = |v: f64| (v - low) / (high - low);
    let labels = 8.min(area.width / 4);
    let chart = Rect { width: area.width - labels, ..area };
    let mut plot = Plot::new(chart, theme.symbols.braille);
    if let Some((from, to)) = band {
        let (top, bottom) = (plot.row(scale(to)), plot.row(scale(from)));
        let shaded = Rect { y: chart.y + top, height: bottom - top + 1, ..chart };
        frame.buffer_mut().set_style(shaded.intersection(chart), theme.style(Meaning::Baseline));
    }
    let last = values.len().saturating_sub(1).max(1) as f64;
    let outside = |v: f64| band.is_some_and(|(from, to)| v < from || v > to);
    for (index, value) in values.iter().enumerate() {
        let Some(value) = value else { continue };
        let meaning = if outside(*value) { Meaning::Alarm } else { Meaning::Value };
        plot.point(index as f64 / last, scale(*value), theme.style(meaning));
    }
    let (onset, cursor) = places(series, state, values.len());
    let x = |index: usize| chart.x + plot.column(index as f64 / last);
    let (onset, cursor) = (onset.map(x), cursor.map(x));
    plot.draw(frame.buffer_mut());
    if let Some(x) = cursor {
        for y in chart.y..chart.bottom() {
            let cell = &mut frame.buffer_mut()[(x, y)];
            if cell.symbol() == " " {
                cell.set_symbol(theme.symbols.cursor).set_style(theme.style(Meaning::Key));
            }
        }
    }
    if let Some(x) = onset {
        frame.buffer_mut()[(x, chart.y)].set_symbol(theme.symbols.onset).set_style(theme.style(Meaning::Alarm));
    }
    let label = |value: f64, y: u16| {
        let text = Line::styled(format!(" {}", humanize::short(value)), theme.style(Meaning::Muted));
        (Paragraph::new(text), Rect { x: chart.right(), y, width: labels, height: 1 })
    };
    for (paragraph, place) in [label(high, chart.y), label(low, chart.bottom() - 1)] {
        frame.render_widget(paragraph, place);
    }
}

fn skipped_line<'a>(skipped: &[(Arc<str>, &'static str)], width: usize, theme: &Theme) -> Line<'a> {
    let each: Vec<String> = skipped.iter().map(|(name, why)| format!("{name} ({why})")).collect();
    let text = format!("{} not watched: {}", theme.symbols.none, each.join(", "));
    Line::styled(column(&text, width, theme.symbols.ellipsis), theme.style(Meaning::Muted))
}

fn series_line<'a>(series: &Series, width: usize, theme: &Theme) -> Line<'a> {
    let report = &series.report;
    let (symbol, style) = theme.drift(report.state);
    let name = format!("{} {} {}", short_name(series), theme.symbols.dot, series.key);
    let names = (width / 3).clamp(12, 34);
    let state = report.state.word().replace('_', " ");
    // What was all but constant moves by any number of deviations; more than so many say no more.
    let z = report.z.clamp(-MOST_SIGMA, MOST_SIGMA);
    let figures = match report.baseline {
        Some(baseline) => {
            format!("{:>7} now {:>6} {:+6.1}σ", humanize::short(baseline), humanize::short(report.value), z)
        }
        None => format!("{:>7} now {:>6}        ", "–", humanize::short(report.value)),
    };
    let room = width.saturating_sub(names + figures.chars().count() + 15);
    let skip = series.values.len().saturating_sub(room);
    let (low, high) =
        series.values.iter().skip(skip).fold((f64::MAX, f64::MIN), |(l, h), (_, v)| (l.min(*v), h.max(*v)));
    let bars =
        spark::bars(&theme.symbols, series.values.iter().skip(skip).map(|(_, v)| Some(v - low)), high - low, false);
    Line::from(vec![
        Span::styled(format!("{symbol} "), style),
        Span::styled(column(&name, names, theme.symbols.ellipsis), theme.style(Meaning::Text)),
        Span::styled(format!(" {state:<10}"), style),
        Span::styled(figures, theme.style(Meaning::Muted)),
        Span::raw("  "),
        Span::styled(bars, theme.style(Meaning::Spark)),
    ])
}
