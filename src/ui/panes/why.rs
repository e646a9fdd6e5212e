//! What the rules say of the record in front, and why: each rule with the values of its parts; and the series that moved.

use std::collections::BTreeSet;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::history::Row;
use crate::humanize;
use crate::message::inquiry::{Explained, Explanation};
use crate::state::AppState;
use crate::state::view::Pane;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::frame::pane;
use crate::ui::widgets::text::{column, foreign};
use crate::verdict::{DriftState, Verdict, Violation, ViolationState};

/// Draws the pane.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    let focused = state.view.focus() == Pane::Why;
    let listing = state.listing();
    let Some(row) = listing.row() else {
        let inner = pane(frame, area, Pane::Why.title(), Vec::new(), focused, theme);
        let none = Line::styled("what the rules say of a record stands here", theme.style(Meaning::Muted));
        return frame.render_widget(Paragraph::new(none), inner);
    };
    let width = usize::from(area.width.saturating_sub(2));
    let explained = state.explained();
    let lines = lines(row, explained, state, width, theme);
    let height = usize::from(area.height.saturating_sub(2));
    let scroll = if focused { state.view.scroll.min(lines.len().saturating_sub(height)) } else { 0 };
    let right = match explained {
        None if state.status.health.is_some() => format!("why?{}", theme.symbols.ellipsis),
        None => String::new(),
        Some(_) if lines.len() > height => format!("lines {}-{} of {}", scroll + 1, scroll + height, lines.len()),
        Some(explained) => format!("{} rules", explained.rules.len()),
    };
    let inner =
        pane(frame, area, Pane::Why.title(), vec![Span::styled(right, theme.style(Meaning::Muted))], focused, theme);
    let lines: Vec<Line<'_>> = lines.into_iter().skip(scroll).take(height).collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

fn lines<'a>(
    row: &'a Row,
    explained: Option<&Explained>,
    state: &AppState,
    width: usize,
    theme: &Theme,
) -> Vec<Line<'a>> {
    let mut lines: Vec<Line<'a>> = Vec::new();
    let other = state.replay().and_then(|replay| replay.other.as_deref()).zip(row.other.as_deref());
    lines.extend(other.map(|(name, other)| other_line(name, other, row, theme)));
    let explained: &[Explanation] = explained.map_or(&[], |explained| &explained.rules);
    let mut shown: Vec<&str> = Vec::new();
    for violation in &row.verdict.violations {
        lines.push(broken(violation, theme));
        // The parts stand once, under the first breach of their rule.
        if !shown.contains(&&*violation.rule) {
            shown.push(&violation.rule);
            let own = explained.iter().find(|explanation| explanation.rule == violation.rule);
            lines.extend(own.into_iter().flat_map(|explanation| parts(explanation, width, theme)));
        }
    }
    if row.verdict.violations.is_empty() {
        lines.push(Line::styled(format!("{} no rule was broken", theme.symbols.ok), theme.style(Meaning::Ok)));
    }
    lines.extend(row.verdict.drift.iter().filter(|report| report.state == DriftState::Drift).map(|report| {
        let (symbol, style) = theme.drift(report.state);
        let baseline = report.baseline.map(humanize::short).unwrap_or_default();
        let against = format!("  {} against {baseline} ({:+.1}σ)", humanize::short(report.value), report.z);
        Line::from(vec![
            Span::styled(format!("{symbol} drift "), style),
            foreign(&report.series, theme.style(Meaning::Title)),
            Span::styled(against, theme.style(Meaning::Text)),
        ])
    }));
    for explanation in explained.iter().filter(|explanation| !shown.contains(&&*explanation.rule)) {
        lines.push(calm(explanation, theme));
        lines.extend(parts(explanation, width, theme));
    }
    lines
}

fn broken<'a>(violation: &'a Violation, theme: &Theme) -> Line<'a> {
    let (symbol, word, style) = theme.severity(Some(violation.severity));
    let over = violation.over_pct().map(|pct| format!("  {} % over", humanize::short(pct))).unwrap_or_default();
    let state = match violation.state {
        ViolationState::Firing => String::new(),
        other => format!("  {}: does not count", other.word()),
    };
    Line::from(vec![
        Span::styled(format!("{symbol} {word} "), style),
        foreign(&violation.rule, theme.style(Meaning::Title)),
        Span::raw("  "),
        foreign(&violation.message, theme.style(Meaning::Text)),
        Span::styled(format!("{over}{state}"), theme.style(Meaning::Muted)),
    ])
}

/// A rule that stands in no violation.
fn calm<'a>(explanation: &Explanation, theme: &Theme) -> Line<'a> {
    use crate::message::inquiry::Says;
    let (symbol, style) = match explanation.outcome {
        Says::Ok => (theme.symbols.ok, theme.style(Meaning::Ok)),
        _ => (theme.symbols.none, theme.style(Meaning::Muted)),
    };
    Line::from(vec![
        Span::styled(format!("{symbol} {} ", explanation.outcome), style),
        Span::styled(crate::sanitize::line(&explanation.rule).into_owned(), theme.style(Meaning::Text)),
    ])
}

/// The parts of a rule with their values.
fn parts<'a>(explanation: &Explanation, width: usize, theme: &Theme) -> impl Iterator<Item = Line<'a>> {
    explanation.lines.iter().map(move |part| {
        let (mark, style) = match part.holds {
            Some(true) => (theme.symbols.ok, theme.style(Meaning::Ok)),
            Some(false) => (theme.symbols.critical, theme.style(Meaning::Critical)),
            None => (" ", theme.style(Meaning::Muted)),
        };
        let value = if part.value.is_empty() { String::new() } else { format!(" = {}", part.value) };
        let indent = "  ".repeat(2 + part.level.min(12));
        let room = width.saturating_sub(indent.len() + 2);
        let text = column(&format!("{}{value}", part.text), room, theme.symbols.ellipsis);
        Line::from(vec![
            Span::styled(format!("{indent}{mark} "), style),
            Span::styled(text.trim_end().to_owned(), theme.style(Meaning::Muted)),
        ])
    })
}

/// What the other judgement of the record came to.
fn other_line<'a>(name: &str, other: &Verdict, row: &Row, theme: &Theme) -> Line<'a> {
    let (symbol, style) = theme.action(other.advice.action);
    let rules = |verdict: &Verdict| -> BTreeSet<String> {
        let acting = verdict.violations.iter().filter(|violation| violation.state == ViolationState::Firing);
        acting.map(|violation| violation.rule.to_string()).collect()
    };
    let (here, there) = (rules(&row.verdict), rules(other));
    let list = |found: Vec<&String>| found.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let (more, less) = (list(there.difference(&here).collect()), list(here.difference(&there).collect()));
    let mut said = Vec::new();
    said.extend((!more.is_empty()).then(|| format!("also {more}")));
    said.extend((!less.is_empty()).then(|| format!("without {less}")));
    let risk = |verdict: &Verdict| verdict.divergence.risk.map_or("–".to_owned(), humanize::score);
    if risk(other) != risk(&row.verdict) {
        said.push(format!("risk {} by {}", risk(other), other.divergence.backend));
    }
    let moved = |verdict: &Verdict| -> BTreeSet<(String, &'static str)> {
        let notable = verdict.drift.iter().filter(|report| report.state.is_notable());
        notable.map(|report| (report.series.to_string(), report.state.word())).collect()
    };
    for (series, state) in moved(other).difference(&moved(&row.verdict)) {
        said.push(format!("{series} {state}"));
    }
    if other.advice == row.verdict.advice && moved(other) == moved(&row.verdict) && said.is_empty() {
        said.push("the same".to_owned());
    }
    let said = crate::sanitize::line(&said.join("; ")).into_owned();
    Line::from(vec![
        Span::styled(format!("{}: ", crate::sanitize::line(name)), theme.style(Meaning::Title)),
        Span::styled(format!("{symbol} {} {}", other.advice.action, other.advice.status_code), style),
        Span::styled(format!("  {said}"), theme.style(Meaning::Text)),
    ])
}
