//! What was usual of the series in front against what is: two histograms over the same bins, in shares, and figures.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::humanize;
use crate::message::inquiry::series::{Part, SeriesReport};
use crate::state::AppState;
use crate::state::view::Pane;
use crate::ui::panes::records::clock;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::bars;
use crate::ui::widgets::frame::pane;
use crate::ui::widgets::text::column;

/// Lines that the figures and the axis take.
const FIGURES: u16 = 4;

/// Draws the pane.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    let focused = state.view.focus() == Pane::Baseline;
    let muted = theme.style(Meaning::Muted);
    let Some(report) = state.series_report() else {
        let inner = pane(frame, area, Pane::Baseline.title(), Vec::new(), focused, theme);
        let text = if state.shown_series().is_some() {
            "being counted"
        } else {
            "choose a series: its past is compared with now here"
        };
        return frame.render_widget(Paragraph::new(Line::styled(text, muted)), inner);
    };
    let what = if report.onset.is_some() { "since the onset" } else { "the newest" };
    let right = vec![Span::styled(format!("before {} {what}", theme.symbols.dot), muted)];
    let inner = pane(frame, area, Pane::Baseline.title(), right, focused, theme);
    let mut lines = vec![head(theme)];
    lines.push(figures("before", &report.before, state, Meaning::Muted, theme));
    lines.push(figures("now", &report.now, state, Meaning::Value, theme));
    if inner.height >= FIGURES + 2 && report.edges.len() > 1 {
        lines.extend(histograms(report, inner, theme));
    }
    lines.truncate(usize::from(inner.height));
    frame.render_widget(Paragraph::new(lines), inner);
}

fn head<'a>(theme: &Theme) -> Line<'a> {
    let text = format!("{:<7}{:>8}{:>9}{:>9}{:>9}{:>9}  {}", "", "n", "mean", "p50", "p95", "sd", "from – to");
    Line::styled(text, theme.style(Meaning::Muted))
}

fn figures<'a>(name: &str, part: &Part, state: &AppState, meaning: Meaning, theme: &Theme) -> Line<'a> {
    let number = |value: Option<f64>| value.map_or("–".to_owned(), humanize::short);
    let span = part.span.map(|(from, to)| format!("{} – {}", clock(state, from, false), clock(state, to, false)));
    let text = format!(
        "{:>8}{:>9}{:>9}{:>9}{:>9}  {}",
        humanize::count(part.n),
        number(part.mean),
        number(part.p50),
        number(part.p95),
        number(part.sd),
        span.unwrap_or_else(|| "no time".to_owned())
    );
    Line::from(vec![
        Span::styled(format!("{name:<7}"), theme.style(meaning)),
        Span::styled(text, theme.style(Meaning::Text)),
    ])
}

fn histograms<'a>(report: &SeriesReport, inner: Rect, theme: &Theme) -> Vec<Line<'a>> {
    let shares = |part: &Part| -> Vec<f64> {
        let total = part.bins.iter().sum::<u64>().max(1) as f64;
        part.bins.iter().map(|count| *count as f64 / total).collect()
    };
    let (before, now) = (shares(&report.before), shares(&report.now));
    let top = before.iter().chain(&now).copied().fold(0.0, f64::max);
    let room = usize::from(inner.height - FIGURES);
    let (upper, width) = (room / 2, usize::from(inner.width).saturating_sub(8));
    let rows = |name: &str, shares: &[f64], height: usize, meaning: Meaning| {
        let style = theme.style(meaning);
        let named = |(index, row): (usize, String)| {
            let name = if index + 1 == height { name } else { "" };
            Line::from(vec![Span::styled(column(name, 7, ""), theme.style(Meaning::Muted)), Span::styled(row, style)])
        };
        bars::columns(&theme.symbols, shares, top, height, width).into_iter().enumerate().map(named).collect::<Vec<_>>()
    };
    let mut lines = rows("before", &before, upper, Meaning::Muted);
    lines.extend(rows("now", &now, room - upper, Meaning::Value));
    let bins = before.len().max(1);
    let length = (width / bins).max(1) * bins;
    let (low, high) = (humanize::short(report.edges[0]), humanize::short(report.edges[report.edges.len() - 1]));
    let gap = length.saturating_sub(low.chars().count() + high.chars().count()).max(1);
    lines.push(Line::styled(format!("       {low}{}{high}", " ".repeat(gap)), theme.style(Meaning::Muted)));
    lines
}
