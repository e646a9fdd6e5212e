//! The series in front over time against its baseline, and all others as a line each.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::drift;
use crate::humanize;
use crate::state::AppState;
use crate::state::drift::Series;
use crate::state::view::Pane;
use crate::ui::panes::records::clock;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::frame::pane;

/// Lines below which there is a list and no chart.
const LOW: u16 = 7;

/// Draws the pane.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    let focused = state.view.focus() == Pane::Series;
    let Some(shown) = state.shown_series() else {
        return drift::nothing(frame, area, Pane::Series, state, theme);
    };
    let right = vec![drift::headline(shown, theme)];
    let inner = pane(frame, area, Pane::Series.title(), right, focused, theme);
    if inner.height == 0 || inner.width < 10 {
        return;
    }
    let chart = if inner.height < LOW { 0 } else { inner.height / 2 };
    let top = Rect { height: chart, ..inner };
    let mut y = inner.y;
    if chart > 0 {
        drift::draw_chart(frame, Rect { height: chart - 1, ..top }, shown, state, theme);
        let axis = Rect { y: top.bottom() - 1, height: 1, ..inner };
        frame.render_widget(Paragraph::new(since(shown, state, theme)), axis);
        y = top.bottom();
    }
    let below = Rect { y, height: inner.bottom() - y, ..inner };
    let used = drift::list(frame, below, state, true, theme);
    drift::skipped(frame, Rect { y: y + used, height: below.height - used, ..inner }, state, theme);
}

/// Since when it drifts, by how much, and of which time the chart is.
fn since<'a>(series: &Series, state: &AppState, theme: &Theme) -> Line<'a> {
    let (report, dot) = (&series.report, theme.symbols.dot);
    let mut parts = Vec::new();
    if let Some(onset) = report.onset {
        let history = state.board().records.history();
        let at =
            history.get(history.position(onset)).filter(|row| row.verdict.seq == onset).and_then(|row| row.verdict.ts);
        let at = at.map_or_else(|| "before what is kept".to_owned(), |at| clock(state, at, true));
        parts.push(format!("{} onset {at}, record {}", theme.symbols.onset, onset.0 + 1));
    }
    if let Some(size) = report.size {
        let spreads = crate::state::drift::in_spreads(report);
        let sigma = if spreads > 0.0 { format!(" ({spreads:.1} σ)") } else { String::new() };
        parts.push(format!("{} by {}{sigma}", report.direction(), humanize::short(size.abs())));
    }
    parts.push(match state.chart() {
        Some(chart) => {
            format!("{} shown", humanize::span(chart.window.to.duration_since(chart.window.from).unsigned_abs()))
        }
        None => format!("last {} values", series.values.len()),
    });
    let style = theme.style(if report.onset.is_some() { Meaning::Text } else { Meaning::Muted });
    Line::from(Span::styled(parts.join(&format!(" {dot} ")), style))
}
