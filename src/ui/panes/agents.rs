//! The keys: how busy, how slow, how far their answers agree, who is quiet.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::humanize;
use crate::state::AppState;
use crate::state::agents::Agent;
use crate::state::view::Pane;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::frame::{pane, select};
use crate::ui::widgets::text::{column, name_column};
use crate::ui::widgets::{list, spark};

/// Draws the pane.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    let agents = &state.board().agents;
    let focused = state.view.focus() == Pane::Agents;
    let right = match state.sift.key() {
        Some(key) => {
            let text = format!("only {} {} Esc shows all", crate::sanitize::line(key), theme.symbols.dot);
            Span::styled(text, theme.style(Meaning::Note))
        }
        None => Span::styled(format!("{} seen", agents.len()), theme.style(Meaning::Muted)),
    };
    let inner = pane(frame, area, Pane::Agents.title(), vec![right], focused, theme);
    if agents.is_empty() {
        let text = Line::styled("no records yet", theme.style(Meaning::Muted));
        return frame.render_widget(Paragraph::new(text), inner);
    }
    let (width, room) = (usize::from(inner.width), usize::from(inner.height));
    let chosen = state.agent_index();
    let marks = focused || state.sift.key().is_some();
    let first = if marks { list::first(chosen, agents.len(), room) } else { 0 };
    let lines: Vec<Line<'_>> =
        agents.iter().skip(first).take(room).map(|agent| agent_line(agent, state, width, theme)).collect();
    frame.render_widget(Paragraph::new(lines), inner);
    select(frame, inner, chosen.checked_sub(first).filter(|_| marks), theme);
}

fn agent_line<'a>(agent: &Agent, state: &AppState, width: usize, theme: &Theme) -> Line<'a> {
    let ellipsis = theme.symbols.ellipsis;
    let (text, muted) = (theme.style(Meaning::Text), theme.style(Meaning::Muted));
    let (mut symbol, _, mut style) = theme.severity(agent.severity);
    if agent.pace.quiet {
        (symbol, style) = (theme.symbols.none, theme.style(Meaning::Warning));
    } else if agent.checked.part == 0 && agent.severity.is_none() {
        // Nothing is green that was not looked at.
        (symbol, style) = (theme.symbols.none, muted);
    }
    let name = 12.min(width / 5);
    let mut spans =
        vec![Span::styled(format!("{symbol} "), style), Span::styled(name_column(&agent.key, name, ellipsis), text)];
    if agent.pace.quiet {
        let note = format!(" {}", agent.pace.text(state.event_time()));
        spans
            .push(Span::styled(column(&note, width.saturating_sub(name + 2), ellipsis), theme.style(Meaning::Warning)));
        return Line::from(spans);
    }
    let seen = humanize::span(std::time::Duration::from_secs_f64(agent.pace.silent_s(state.event_time()).min(1e9)));
    spans.push(Span::styled(format!(" {:>4}/s", humanize::short(agent.rate)), text));
    spans.push(Span::styled(format!(" seen {seen:>5}"), muted));
    let p95 = agent.p95_ms.map_or("–".into(), humanize::short);
    spans.push(Span::styled(format!("  p95 {p95:>4} ms"), text));
    let risk = agent.risk.map_or(" – ".into(), humanize::score);
    let bars = spark::bars(&theme.symbols, agent.risks.iter().copied(), 0.5, false);
    let tail = match agent.checked.percent() {
        Some(percent) => format!("  checked {percent:>3.0}%"),
        None => "  not checked".to_owned(),
    };
    let used: usize = spans.iter().map(Span::width).sum();
    let wanted = 11 + tail.len();
    let room = width.saturating_sub(used + wanted).min(24);
    let bars: String = bars.chars().skip(bars.chars().count().saturating_sub(room)).collect();
    if width >= used + wanted {
        spans.push(Span::styled(format!("  risk {bars:>room$} "), theme.style(Meaning::Spark)));
        spans.push(Span::styled(risk, text));
        spans.push(Span::styled(tail, muted));
    } else if width >= used + 11 {
        spans.push(Span::styled(format!("  risk {risk}"), text));
    }
    Line::from(spans)
}
