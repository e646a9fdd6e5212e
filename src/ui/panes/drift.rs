//! The series that moves most, against its baseline; all others as a line each.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::humanize;
use crate::sanitize;
use crate::state::AppState;
use crate::state::drift::Series;
use crate::state::view::Pane;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::frame::pane;
use crate::ui::widgets::plot::Plot;
use crate::ui::widgets::spark;
use crate::ui::widgets::text::column;
use crate::verdict::Direction;

/// Half the width of the band that counts as usual, in deviations.
const BAND: f64 = 3.0;

/// Draws the pane.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    let drift = &state.board().drift;
    let focused = state.view.focus == Pane::Drift;
    let Some(shown) = drift.shown() else {
        let inner = pane(frame, area, Pane::Drift.title(), Vec::new(), focused, theme);
        let text = match (state.board().total, state.status.only_given()) {
            (0, _) => "no records yet",
            (_, true) => "no series moved; all of them are in verdicts that are written with --full",
            (_, false) => "no series yet",
        };
        return frame.render_widget(Paragraph::new(Line::styled(text, theme.style(Meaning::Muted))), inner);
    };
    let inner = pane(frame, area, Pane::Drift.title(), vec![headline(shown, theme)], focused, theme);
    if inner.height == 0 || inner.width < 10 {
        return;
    }
    // A focused list is scrolled; the chart gives way when the pane is low.
    let lists = if inner.height < 6 { inner.height } else { (inner.height / 3).max(3) };
    let chart = Rect { height: inner.height - lists, ..inner };
    if chart.height > 0 {
        draw_chart(frame, chart, shown, theme);
    }
    // What is not watched is said where the list ends.
    let skipped = state.status.health.as_ref().map(|health| health.watched.skipped.as_slice()).unwrap_or_default();
    let scroll = if focused { state.view.scroll.min(drift.len().saturating_sub(1)) } else { 0 };
    for (line, series) in drift.iter().skip(scroll).take(usize::from(lists)).enumerate() {
        let row = Rect { y: chart.bottom() + line as u16, height: 1, ..inner };
        frame.render_widget(Paragraph::new(series_line(series, usize::from(inner.width), theme)), row);
    }
    let used = drift.len().saturating_sub(scroll).min(usize::from(lists)) as u16;
    if used < lists && !skipped.is_empty() {
        let row = Rect { y: chart.bottom() + used, height: 1, ..inner };
        frame.render_widget(Paragraph::new(skipped_line(skipped, usize::from(inner.width), theme)), row);
    }
}

fn short_name(series: &Series) -> &str {
    let name = &series.name;
    name.strip_prefix("divergence.").or_else(|| name.strip_prefix("metrics.")).unwrap_or(name)
}

fn headline<'a>(series: &Series, theme: &Theme) -> Span<'a> {
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

fn draw_chart(frame: &mut Frame<'_>, area: Rect, series: &Series, theme: &Theme) {
    let values: Vec<f64> = series.values.iter().map(|(_, value)| *value).collect();
    let band = series.report.baseline.zip(series.report.spread).map(|(mean, sd)| (mean - BAND * sd, mean + BAND * sd));
    let (mut low, mut high) = values.iter().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
    if let Some((from, to)) = band {
        (low, high) = (low.min(from), high.max(to));
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
        let meaning = if outside(*value) { Meaning::Alarm } else { Meaning::Value };
        plot.point(index as f64 / last, scale(*value), theme.style(meaning));
    }
    let onset = series.onset().map(|onset| chart.x + plot.column(onset as f64 / last));
    plot.draw(frame.buffer_mut());
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
    let figures = match report.baseline {
        Some(baseline) => {
            format!("{:>7} now {:>6} {:+6.1}σ", humanize::short(baseline), humanize::short(report.value), report.z)
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
