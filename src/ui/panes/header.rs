//! The top line: is anything wrong, where, since when; how much comes in, and what runs.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::humanize;
use crate::message::EngineState;
use crate::state::AppState;
use crate::state::telling::SOON;
use crate::ui::panes::records::clock;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::text::fit;
use crate::verdict::Severity;

/// A part of the line; the higher its rank, the earlier it gives way on a narrow screen.
struct Part<'a> {
    rank: u8,
    spans: Vec<Span<'a>>,
}

/// Draws the line.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    let mut parts = parts(state, theme, area.width < NARROW);
    let width =
        |parts: &[Part<'_>]| parts.iter().flat_map(|p| &p.spans).map(Span::width).sum::<usize>() + 2 * parts.len();
    while width(&parts) > usize::from(area.width) {
        let Some(last) = parts.iter().enumerate().max_by_key(|(_, part)| part.rank).map(|(index, _)| index) else {
            break;
        };
        if parts[last].rank == 0 {
            break;
        }
        parts.remove(last);
    }
    let free = usize::from(area.width).saturating_sub(width(&parts));
    let mut line = vec![Span::raw(" ")];
    let count = parts.len();
    for (index, part) in parts.into_iter().enumerate() {
        if index + 1 == count {
            line.push(Span::raw(" ".repeat(free)));
        }
        line.extend(part.spans);
        line.push(Span::raw("  "));
    }
    frame.render_widget(Paragraph::new(Line::from(line)).style(theme.style(Meaning::Header)), area);
}

/// Texts that may wait for the model before the header says so: more than a busy second brings.
const BACKLOG: u64 = 200;

/// Below this many columns the backend is named without its model.
const NARROW: u16 = 130;

fn parts<'a>(state: &'a AppState, theme: &Theme, narrow: bool) -> Vec<Part<'a>> {
    let (muted, text) = (theme.style(Meaning::Muted), theme.style(Meaning::Text));
    let board = state.board();
    let one = |rank: u8, text: String, style: Style| Part { rank, spans: vec![Span::styled(text, style)] };
    let mut parts = vec![mode(state, theme)];
    if !state.status.failed.is_empty() {
        let names: Vec<_> = state.status.failed.keys().map(|kind| kind.name()).collect();
        let text = format!("{} engine failed: {}", theme.symbols.critical, names.join(", "));
        parts.push(one(0, text, theme.style(Meaning::Critical)));
    }
    parts.extend(capture(state, theme));
    parts.extend(firing(state, theme));
    parts.extend(silenced(state, theme));
    let rate: f64 = board.agents.iter().map(|agent| agent.rate).sum();
    parts.push(one(1, format!("{} rec/s", humanize::short(rate)), text));
    parts.push(one(2, lag(state), text));
    if let Some(percent) = board.checked.percent() {
        parts.push(one(5, format!("checked {percent:.0}%"), text));
    }
    parts.push(one(8, format!("dropped {}", state.status.dropped()), muted));
    let rejected = state.status.rejected_total;
    let style = if rejected > 0 { theme.style(Meaning::Warning) } else { muted };
    parts.push(one(if rejected > 0 { 4 } else { 8 }, format!("rejected {}", humanize::number(rejected as f64)), style));
    if let Some(health) = &state.status.health {
        let rules = format!("rules {}{}{}", health.rules.short_revision(), theme.symbols.dot, health.rules.rules.len());
        // A version that is not in force is news, and stays in sight.
        let fault = state.status.rules.as_ref().and_then(|report| report.fault.as_ref());
        parts.push(match fault {
            Some(_) => {
                let rules = if narrow { String::new() } else { format!("{rules} ") };
                let text = format!("{rules}{} new rules do not hold", theme.symbols.critical);
                one(0, text, theme.style(Meaning::Critical))
            }
            None => one(7, rules, muted),
        });
    }
    parts.push(backend(state, theme, narrow));
    parts.push(one(6, clock(state, state.now, true), muted));
    parts
}

fn mode<'a>(state: &AppState, theme: &Theme) -> Part<'a> {
    let (word, style) = match (state.frozen_since(), &state.status) {
        (Some(new), _) => (format!("FROZEN +{} new", humanize::number(new as f64)), theme.style(Meaning::Note)),
        (_, status) if status.output_waits.is_some() => ("OUTPUT WAITS".into(), theme.style(Meaning::Critical)),
        (_, status) if status.output_failed.is_some() => ("OUTPUT FAILED".into(), theme.style(Meaning::Critical)),
        (_, status) if status.finished.is_some() => ("ENDED".into(), theme.style(Meaning::Info)),
        (_, status)
            if !state.is_replay()
                && status.waiting().next().is_some()
                && status.waiting().count() == status.sources.len() =>
        {
            ("WAITING".into(), theme.style(Meaning::Warning))
        }
        _ => (state.options.mode.to_owned(), theme.style(Meaning::Ok)),
    };
    Part { rank: 0, spans: vec![Span::styled(format!("{} {word}", theme.symbols.ok), style)] }
}

/// What is being captured, and why nothing more is.
fn capture<'a>(state: &AppState, theme: &Theme) -> Option<Part<'a>> {
    let report = &state.status.capture;
    let one = |text: String, meaning: Meaning| Part { rank: 1, spans: vec![Span::styled(text, theme.style(meaning))] };
    if let Some(active) = report.own.as_ref().or(report.of_rule.as_ref()) {
        let text = format!("{} REC {}", theme.symbols.ok, humanize::bytes(active.bytes));
        return Some(one(text, Meaning::Critical));
    }
    report.stopped.as_ref().map(|_| one(format!("{} stopped capturing", theme.symbols.warning), Meaning::Warning))
}

/// How much is silenced, and when the next silence ends.
fn silenced<'a>(state: &AppState, theme: &Theme) -> Option<Part<'a>> {
    let (count, next) = state.silenced()?;
    let soon = next.duration_since(state.now) < SOON;
    let left = humanize::span(next.duration_since(state.now).unsigned_abs());
    let text =
        format!("{} {count} silenced, {left} left", if soon { theme.symbols.warning } else { theme.symbols.none });
    let meaning = if soon { Meaning::Warning } else { Meaning::Note };
    Some(Part { rank: 3, spans: vec![Span::styled(text, theme.style(meaning))] })
}

/// How many alerts fire; then since when and whose, which gives way first.
fn firing<'a>(state: &AppState, theme: &Theme) -> Vec<Part<'a>> {
    let one = |text: String, style: Style| vec![Part { rank: 0, spans: vec![Span::styled(text, style)] }];
    let alerts: Vec<_> = state.loud().collect();
    let Some(worst) = alerts.iter().max_by_key(|alert| alert.severity) else {
        let seen = state.board().total > 0;
        let (symbol, word) =
            if seen { (theme.symbols.ok, "nothing firing") } else { (theme.symbols.none, "no records yet") };
        let style = theme.style(if seen { Meaning::Ok } else { Meaning::Muted });
        return one(format!("{symbol} {word}"), style);
    };
    let critical = alerts.iter().filter(|alert| alert.severity == Severity::Critical).count();
    let (symbol, _, style) = theme.severity(Some(worst.severity));
    let since = clock(state, worst.since, false);
    let crit = if critical > 0 { format!(" ({critical} crit)") } else { String::new() };
    let mut parts = one(format!("{symbol} {} firing{crit}", alerts.len()), style);
    let key = fit(&crate::sanitize::line(&worst.key), 16, theme.symbols.ellipsis).into_owned();
    let whose = if key.is_empty() { String::new() } else { format!(" {} {key}", theme.symbols.dot) };
    let tail = Span::styled(format!("since {since}{whose}"), theme.style(Meaning::Muted));
    parts.push(Part { rank: 4, spans: vec![tail] });
    parts
}

/// How far behind: bytes while catching up, else the age of the newest record.
fn lag(state: &AppState) -> String {
    let behind = state.status.behind();
    if let Some(left) = state.status.left() {
        return humanize::backlog(behind, state.age(), left);
    }
    if behind > 1 << 20 {
        return format!("{} behind", humanize::bytes(behind));
    }
    let waiting = state.status.health.as_ref().map_or(0, |health| health.pool.waiting);
    if waiting > BACKLOG {
        return format!("catching up, {} texts wait", humanize::count(waiting));
    }
    match state.age() {
        Some(age) if state.options.live => format!("lag {}", humanize::span(age)),
        _ => "lag –".to_owned(),
    }
}

/// What compares the answers: always on the screen.
fn backend<'a>(state: &'a AppState, theme: &Theme, narrow: bool) -> Part<'a> {
    let (label, style) = match &state.status.embedding {
        _ if state.status.only_given() => ("verdicts as given".to_owned(), Meaning::Muted),
        None => ("starting".to_owned(), Meaning::Muted),
        Some(EngineState::Loading) => (format!("model loading{}", theme.symbols.ellipsis), Meaning::Warning),
        Some(EngineState::Running { label, .. }) if state.status.warnings.is_empty() => (label.clone(), Meaning::Text),
        Some(EngineState::Running { label, .. }) => (format!("{} {label}", theme.symbols.warning), Meaning::Warning),
        Some(EngineState::Failed(_)) => ("embedding failed".to_owned(), Meaning::Critical),
    };
    let label = crate::sanitize::line(&label).into_owned();
    let label = match label.rsplit_once(" · ") {
        Some((_, name)) if narrow && state.status.warnings.is_empty() => name.to_owned(),
        Some((_, name)) if narrow => format!("{} {name}", theme.symbols.warning),
        _ => label,
    };
    Part {
        rank: 0,
        spans: vec![Span::styled(fit(&label, 32, theme.symbols.ellipsis).into_owned(), theme.style(style))],
    }
}
