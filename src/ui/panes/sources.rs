//! The sources: what each does, how much of it is left, how often it speaks, how its clock goes.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::humanize;
use crate::message::{SourceReport, SourceState};
use crate::state::AppState;
use crate::state::view::Pane;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::frame::pane;
use crate::ui::widgets::text::{column, name_column};

/// A clock that is ahead by less than this is right, s.
const SKEW_S: f64 = 1.0;

/// Draws the pane.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    let sources = &state.status.sources;
    let focused = state.view.focus() == Pane::Sources;
    let right = vec![Span::styled(format!("{}", sources.len()), theme.style(Meaning::Muted))];
    let inner = pane(frame, area, Pane::Sources.title(), right, focused, theme);
    if sources.is_empty() {
        let text = Line::styled("no source has been looked at yet", theme.style(Meaning::Muted));
        return frame.render_widget(Paragraph::new(text), inner);
    }
    let scroll = if focused { state.view.scroll.min(sources.len().saturating_sub(1)) } else { 0 };
    let width = usize::from(inner.width);
    let rows = sources.values().skip(scroll).take(usize::from(inner.height));
    // Where there is room, what its lines are and why has a line of its own.
    let roomy = usize::from(inner.height) >= 2 * sources.len();
    let lines: Vec<Line<'_>> = rows
        .flat_map(|report| {
            let format = if roomy { format_line(report, state, width, theme) } else { None };
            std::iter::once(source(report, state, width, theme)).chain(format)
        })
        .take(usize::from(inner.height))
        .collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

/// What the lines of a source were found to be, and what shows it.
fn format_line<'a>(report: &SourceReport, state: &AppState, width: usize, theme: &Theme) -> Option<Line<'a>> {
    let choice = state.status.formats.get(&report.name)?;
    let text = format!("  {}: {}", choice.title(), choice.why);
    Some(Line::styled(column(&text, width, theme.symbols.ellipsis), theme.style(Meaning::Muted)))
}

fn source<'a>(report: &SourceReport, state: &AppState, width: usize, theme: &Theme) -> Line<'a> {
    let symbols = &theme.symbols;
    let (symbol, meaning, word) = match &report.state {
        SourceState::Following => (symbols.ok, Meaning::Ok, "following".to_owned()),
        SourceState::Reading => (symbols.ok, Meaning::Ok, "reading".to_owned()),
        SourceState::Ended => (symbols.none, Meaning::Muted, "ended".to_owned()),
        SourceState::Waiting(why) => (symbols.warning, Meaning::Warning, format!("waiting: {why}")),
        SourceState::Failed(why) => (symbols.critical, Meaning::Critical, format!("failed: {why}")),
    };
    let seen = state.board().sources.get(&report.name);
    let quiet = seen.filter(|source| source.pace.quiet);
    let (symbol, meaning) = if quiet.is_some() { (symbols.none, Meaning::Warning) } else { (symbol, meaning) };
    let word = quiet.map_or(word, |source| source.pace.text(state.event_time()));
    // What may be cut off comes last.
    let mut facts = vec![word];
    let format = state.status.formats.get(&report.name);
    facts.extend(format.map(|choice| choice.title()));
    if report.behind > 0 {
        facts.push(format!("{} behind", humanize::bytes(report.behind)));
    }
    let span = |seconds: f64| humanize::span(Duration::from_secs_f64(seconds.abs().min(1e9)));
    facts.extend(seen.and_then(|source| source.ahead_s).map(|ahead| match ahead {
        ahead if ahead > SKEW_S => format!("clock {} ahead", span(ahead)),
        ahead if ahead < -SKEW_S => format!("comes {} late", span(ahead)),
        _ => "clock right".to_owned(),
    }));
    facts.extend(seen.map(|source| format!("{} records", humanize::count(source.total))));
    facts.push(format!("{} read", humanize::bytes(report.read)));
    facts.extend(format.map(|choice| choice.why.clone()));
    let facts = facts.join(", ");
    let name = (width / 3).clamp(8, 40);
    Line::from(vec![
        Span::styled(format!("{symbol} "), theme.style(meaning)),
        Span::styled(format!("{} ", name_column(&report.name, name, symbols.ellipsis)), theme.style(Meaning::Text)),
        Span::styled(column(&facts, width.saturating_sub(name + 3), symbols.ellipsis), theme.style(Meaning::Muted)),
    ])
}
