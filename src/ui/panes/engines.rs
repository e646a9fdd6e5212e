//! The engines: what each runs with and how it fares; memory and disk against their bounds.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::humanize;
use crate::message::{Bound, EngineState, HealthReport};
use crate::state::AppState;
use crate::state::view::Pane;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::frame::pane;
use crate::ui::widgets::text::{column, fit};
use crate::verdict::EngineKind;

/// A bound that is used up so far is worth a colour.
const NEARLY: f64 = 0.95;

/// Draws the pane.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    let focused = state.view.focus() == Pane::Engines;
    let inner = pane(frame, area, Pane::Engines.title(), Vec::new(), focused, theme);
    let width = usize::from(inner.width);
    let mut lines: Vec<Line<'_>> = [EngineKind::Embedding, EngineKind::Constraints, EngineKind::Drift]
        .into_iter()
        .map(|kind| engine(kind, state, width, theme))
        .collect();
    // Why it is not the backend that was asked for.
    let warnings = state.status.warnings.iter().map(|warning| crate::sanitize::line(warning).into_owned());
    let warning = |text: String| {
        let text = format!("  {} {text}", theme.symbols.warning);
        Line::styled(fit(&text, width, theme.symbols.ellipsis).into_owned(), theme.style(Meaning::Warning))
    };
    lines.splice(1..1, warnings.map(warning));
    let bounds = state.status.health.as_ref().map_or(&[][..], |health| &health.bounds);
    lines.extend(bounds.iter().map(|bound| bound_line(bound, theme)));
    let scroll = if focused { state.view.scroll.min(lines.len().saturating_sub(1)) } else { 0 };
    let lines: Vec<Line<'_>> = lines.into_iter().skip(scroll).take(usize::from(inner.height)).collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

fn engine<'a>(kind: EngineKind, state: &AppState, width: usize, theme: &Theme) -> Line<'a> {
    let status = &state.status;
    if status.only_given() {
        let text = format!("{} {}: verdicts are shown as they were given", theme.symbols.none, kind.name());
        return Line::styled(fit(&text, width, theme.symbols.ellipsis).into_owned(), theme.style(Meaning::Muted));
    }
    let (symbol, style, text) = match (status.failed.get(&kind), kind, &status.embedding) {
        (Some((why, _)), ..) => (theme.symbols.critical, Meaning::Critical, format!("failed: {why}")),
        (None, EngineKind::Embedding, None | Some(EngineState::Loading)) => {
            (theme.symbols.none, Meaning::Muted, "loading".to_owned())
        }
        (None, EngineKind::Embedding, Some(EngineState::Running { label, .. })) => {
            let used = status.health.as_ref().map(pool).unwrap_or_default();
            (theme.symbols.ok, Meaning::Ok, format!("{label}{used}"))
        }
        (None, EngineKind::Constraints, _) => {
            let rules = status.health.as_ref().map_or(String::new(), |health| {
                format!("{} rules, {} without data yet", health.rules.rules.len(), health.no_data.len())
            });
            (theme.symbols.ok, Meaning::Ok, rules)
        }
        (None, ..) => (theme.symbols.ok, Meaning::Ok, drift(status.health.as_ref())),
    };
    let name = format!("{symbol} {} ", column(kind.name(), 11, ""));
    let room = width.saturating_sub(14);
    Line::from(vec![
        Span::styled(name, theme.style(style)),
        Span::styled(column(&text, room, theme.symbols.ellipsis), theme.style(Meaning::Text)),
    ])
}

fn drift(health: Option<&HealthReport>) -> String {
    let Some(watched) = health.map(|health| &health.watched) else { return String::new() };
    let number = |n: u64| humanize::number(n as f64);
    let also = |n: u64, what: &str| if n > 0 { format!(", {} {what}", number(n)) } else { String::new() };
    format!(
        "{} series of {} keys{}{}{}; a false alarm in {} rows",
        number(watched.series),
        number(watched.keys),
        also(watched.meanings, "in meaning"),
        also(watched.skipped.len() as u64, "not watched"),
        also(watched.evicted, "keys made room"),
        humanize::short(watched.rows_per_alarm)
    )
}

fn pool(health: &HealthReport) -> String {
    let pool = &health.pool;
    let asked = pool.hits + pool.misses;
    let hits = if asked > 0 {
        format!(", {:.0}% from the cache", 100.0 * pool.hits as f64 / asked as f64)
    } else {
        String::new()
    };
    let replaced = match pool.replaced {
        0 => String::new(),
        1 => ", 1 worker replaced".to_owned(),
        n => format!(", {n} workers replaced"),
    };
    format!("{hits}{replaced}")
}

fn bound_line<'a>(bound: &Bound, theme: &Theme) -> Line<'a> {
    let show = |value: u64| if bound.bytes { humanize::bytes(value) } else { humanize::number(value as f64) };
    let most = bound.most.map_or("no bound".to_owned(), |most| format!("of {}", show(most)));
    let share = bound.most.filter(|most| *most > 0).map(|most| bound.used as f64 / most as f64);
    let percent = share.map_or(String::new(), |share| format!("  {:>3.0}%", 100.0 * share));
    // A cache and a history are full as a rule; only a disk must not be.
    let alarming = bound.name == "its disk" && share.is_some_and(|share| share > NEARLY);
    let style = theme.style(if alarming { Meaning::Warning } else { Meaning::Text });
    Line::from(vec![
        Span::styled(format!("  {} ", column(bound.name, 11, "")), theme.style(Meaning::Muted)),
        Span::styled(format!("{:>9} {most}{percent}", show(bound.used)), style),
    ])
}
