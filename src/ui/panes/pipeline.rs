//! The way of a record as a row a stage: how fast, how much waits, how long, what was dropped.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::humanize;
use crate::state::AppState;
use crate::state::view::Pane;
use crate::ui::panes::latency::own;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::frame::pane;
use crate::ui::widgets::text::column;

/// What the queues are called by what they feed.
const STAGES: [(&str, &str); 3] = [("lines", "parse"), ("records", "judge"), ("updates", "screen")];

/// Draws the pane.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    let status = &state.status;
    let muted = theme.style(Meaning::Muted);
    let focused = state.view.focus() == Pane::Pipeline;
    let right = match status.left() {
        Some(left) => format!("catching up: {}", humanize::backlog(status.behind(), state.age(), left)),
        None if status.caught_up => "live".to_owned(),
        None => "reading what is there".to_owned(),
    };
    let right = vec![Span::styled(right, muted)];
    let inner = pane(frame, area, Pane::Pipeline.title(), right, focused, theme);
    let mut lines = vec![Line::styled(row(["stage", "a second", "waits", "in queue", "dropped"]), muted)];
    lines.push(reading(state, theme));
    for stage in &status.rates.stages {
        let name = STAGES.iter().find(|(queue, _)| *queue == stage.now.name).map_or(stage.now.name, |(_, name)| name);
        let rate = stage.rate.map_or("–".into(), |rate| format!("{} batches", humanize::short(rate)));
        let wait = stage.wait_ms.map_or("–".into(), |ms| format!("{} ms", humanize::short(ms)));
        let depth = format!("{} of {}", stage.now.depth.min(stage.now.capacity), stage.now.capacity);
        let style = if stage.now.blocked > 0 { theme.style(Meaning::Warning) } else { theme.style(Meaning::Text) };
        lines.push(Line::styled(row([name, &rate, &wait, &depth, &humanize::count(stage.now.dropped)]), style));
        if stage.now.name == "lines" {
            lines.push(embedding(state, theme));
        }
    }
    lines.extend(output(state, theme));
    lines.push(Line::raw(""));
    lines.push(own(&state.board().latency, theme));
    // A heading alone says nothing.
    if inner.height < 2 {
        lines.remove(0);
    }
    lines.truncate(usize::from(inner.height));
    frame.render_widget(Paragraph::new(lines), inner);
}

fn row(cells: [&str; 5]) -> String {
    let [stage, rate, wait, depth, dropped] = cells;
    format!("{} {rate:>16} {wait:>12} {depth:>12} {dropped:>10}", column(stage, 12, ""))
}

fn reading<'a>(state: &AppState, theme: &Theme) -> Line<'a> {
    let status = &state.status;
    let rate = status.backlog.rate_at(state.now).map_or("–".into(), |rate| humanize::bytes(rate as u64));
    let behind = humanize::bytes(status.behind());
    Line::styled(row(["read", &rate, "", &behind, "0"]), theme.style(Meaning::Text))
}

fn embedding<'a>(state: &AppState, theme: &Theme) -> Line<'a> {
    let status = &state.status;
    let pool = status.health.as_ref().map(|health| health.pool).unwrap_or_default();
    let rate = status.rates.texts.map_or("–".into(), |rate| format!("{} texts", humanize::short(rate)));
    let depth = format!("{} waiting", humanize::count(pool.records));
    let shed = status.rates.shed.is_some_and(|shed| shed > 0.0);
    let style: Style = theme.style(if shed { Meaning::Warning } else { Meaning::Text });
    Line::styled(row(["embed", &rate, "", &depth, &format!("{} part", humanize::count(pool.shed))]), style)
}

fn output<'a>(state: &AppState, theme: &Theme) -> Option<Line<'a>> {
    let status = &state.status;
    if let Some(why) = status.output_failed.as_ref().or(status.output_waits.as_ref()) {
        let text = format!("{} output waits: {}", theme.symbols.critical, crate::sanitize::line(why));
        return Some(Line::styled(text, theme.style(Meaning::Critical)));
    }
    let health = status.health.as_ref()?;
    let bytes = health.bounds.iter().find(|bound| bound.name == "output")?.used;
    let saved = health.checkpoint.map(|at| state.now.duration_since(at).unsigned_abs());
    let saved = saved.map_or("no checkpoint".to_owned(), |age| format!("checkpoint {} ago", humanize::span(age)));
    let text = format!("{} {} written, {saved}", column("output", 12, ""), humanize::bytes(bytes));
    Some(Line::styled(text, theme.style(Meaning::Text)))
}
