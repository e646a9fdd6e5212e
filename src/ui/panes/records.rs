//! The list of records: when, what is advised, whose, and why.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::history::Row;
use crate::humanize;
use crate::state::AppState;
use crate::state::view::Pane;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::frame::pane;
use crate::ui::widgets::list;
use crate::ui::widgets::text::{column, masked, name_column};
use crate::verdict::{Outcome, ViolationState};

/// Draws the pane.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    let (records, listing) = (&state.board().records, state.listing());
    let focused = matches!(state.view.focus(), Pane::Records | Pane::List);
    let muted = theme.style(Meaning::Muted);
    let count = humanize::number(listing.len() as f64);
    let mut right = match (state.frozen_since(), records.follows()) {
        (Some(new), _) => {
            Span::styled(format!("frozen, +{} new", humanize::number(new as f64)), theme.style(Meaning::Note))
        }
        (None, true) => {
            Span::styled(format!("{count} kept {} following {}", theme.symbols.dot, theme.symbols.down), muted)
        }
        (None, false) => {
            let place = listing.index().map_or(0, |index| index + 1);
            Span::styled(
                format!("{} of {count} {} G follows", humanize::number(place as f64), theme.symbols.dot),
                muted,
            )
        }
    };
    if let Some(said) = sifted(state, theme) {
        right = Span::styled(said, theme.style(Meaning::Note));
    }
    let inner = pane(frame, area, Pane::Records.title(), vec![right], focused, theme);
    let Some(selected) = listing.index() else {
        let lines: Vec<Line<'_>> = nothing(state).into_iter().map(|text| Line::styled(text, muted)).collect();
        return frame.render_widget(Paragraph::new(lines), inner);
    };
    let height = usize::from(inner.height);
    let first = first_line(state, height);
    for line in 0..height {
        let Some(row) = listing.get(first + line) else { break };
        let place = Rect { y: inner.y + line as u16, height: 1, ..inner };
        frame.render_widget(Paragraph::new(record_line(row, state, usize::from(inner.width), theme)), place);
        if first + line == selected && (focused || !records.follows()) {
            frame.buffer_mut().set_style(place, theme.style(Meaning::Selection));
        }
    }
}

/// Index of the row at the top: the newest is at the bottom while following; else the selection keeps to the middle.
pub fn first_line(state: &AppState, height: usize) -> usize {
    let listing = state.listing();
    let last = listing.len().saturating_sub(height);
    if state.board().records.follows() {
        last
    } else {
        list::first(listing.index().unwrap_or(0), listing.len(), height)
    }
}

/// What the list is narrowed to, and how much that hides.
fn sifted(state: &AppState, theme: &Theme) -> Option<String> {
    let sift = &state.sift;
    if !sift.narrows() || state.is_replay() {
        return None;
    }
    if let Some(fault) = sift.fault() {
        return Some(format!("{} / {}: {fault}", theme.symbols.warning, sift.filter().unwrap_or_default()));
    }
    let (fits, looked) = sift.counts();
    let filter = sift.filter().filter(|_| sift.filters()).map(|text| format!("/ {text}"));
    let parts: Vec<String> = filter.into_iter().chain(sift.key().map(|key| format!("only {key}"))).collect();
    let hidden = humanize::number(looked.saturating_sub(fits) as f64);
    let busy = if sift.is_busy() { theme.symbols.ellipsis } else { "" };
    let text = format!(
        "{} {} {} fit, {hidden} hidden{busy}",
        parts.join(" "),
        theme.symbols.dot,
        humanize::number(fits as f64)
    );
    Some(crate::sanitize::line(&text).into_owned())
}

/// Why nothing is listed, and what to do.
fn nothing(state: &AppState) -> Vec<String> {
    if state.sift.narrows() && !state.board().records.history().is_empty() {
        let (_, looked) = state.sift.counts();
        let found = format!("none of {} records fits", humanize::number(looked as f64));
        return vec![found, "Esc lists all; / changes the filter".to_owned()];
    }
    empty(state)
}

/// What to do when nothing comes.
fn empty(state: &AppState) -> Vec<String> {
    let mut lines: Vec<String> = state
        .status
        .waiting()
        .map(|(name, why)| format!("nothing from {}: {}", crate::sanitize::line(name), crate::sanitize::line(why)))
        .collect();
    if state.status.finished.is_some() {
        lines.push("the input has ended without a record".into());
    }
    if let Some(skipped) = state.status.skipped().in_words() {
        lines.push(format!("beside records there were {skipped}"));
    }
    for (name, choice) in state.status.strange() {
        let name = crate::sanitize::line(name);
        lines.push(format!("{name}: {}", crate::sanitize::line(&choice.why)));
        lines.push(format!("  watcher inspect {name}   shows what is in it, and how it could be read"));
    }
    if state.status.rejected_total > 0 {
        lines.push(format!("{} lines were rejected: none was a record", state.status.rejected_total));
    }
    if lines.is_empty() {
        lines.push("no records yet: they appear as the agents write them".into());
    }
    lines
}

fn record_line<'a>(row: &Row, state: &AppState, width: usize, theme: &Theme) -> Line<'a> {
    let verdict = &row.verdict;
    let (symbol, style) = theme.action(verdict.advice.action);
    let at = verdict.ts.map_or_else(|| "--:--:--".into(), |at| clock(state, at, false));
    let risk = verdict.divergence.risk.map_or("  –".into(), humanize::score);
    // Where there is room, agents of several hosts are told apart at a glance.
    let key = if width >= 120 { 18 } else { 12.min(width / 5) };
    let (mark, meaning) = mark(row, state, theme);
    let mut spans = vec![
        Span::styled(format!("{:<8}", at), theme.style(Meaning::Muted)),
        Span::styled(format!("{mark} "), theme.style(meaning)),
        Span::styled(format!("{symbol} {:<8}", verdict.advice.action.word()), style),
        Span::styled(
            format!("{}  ", name_column(&verdict.key, key, theme.symbols.ellipsis)),
            theme.style(Meaning::Text),
        ),
        Span::styled(format!("risk {risk}  "), theme.style(Meaning::Text)),
    ];
    let used: usize = spans.iter().map(Span::width).sum();
    let (reason, meaning) = reason(row, state.options.review_score, state.view.masked);
    spans.push(Span::styled(column(&reason, width.saturating_sub(used), theme.symbols.ellipsis), theme.style(meaning)));
    Line::from(spans)
}

/// What the operator has made of the record, in a column of its own.
fn mark<'a>(row: &Row, state: &AppState, theme: &'a Theme) -> (&'a str, Meaning) {
    let seq = row.verdict.seq;
    match (state.marks.label(seq), state.marks.has(seq)) {
        (Some(true), _) => ("+", Meaning::Ok),
        (Some(false), _) => ("-", Meaning::Critical),
        (None, true) => (theme.symbols.mark, Meaning::Key),
        (None, false) => (" ", Meaning::Muted),
    }
}

/// Why the advice is what it is; for a calm record what it was about.
fn reason(row: &Row, review_score: f64, hidden: bool) -> (String, Meaning) {
    let verdict = &row.verdict;
    // Rules in the shadow are on trial: they are no reason of any advice.
    let acting = verdict.violations.iter().filter(|violation| violation.state != ViolationState::Shadow);
    let mut reasons: Vec<String> =
        acting.map(|violation| format!("{}: {}", violation.rule, violation.message)).collect();
    // The first contradiction says most: it is of the answer in use, if that one has any.
    let texts = verdict.divergence.texts(&row.record.samples);
    let found = verdict.divergence.contradictions.first().map(|found| found.in_words(&texts));
    match found {
        Some(found) => reasons.insert(0, found),
        None if verdict.divergence.risk.is_some_and(|risk| risk > review_score) => {
            reasons.push("the answers disagree".into());
        }
        None => {}
    }
    let unchecked = unchecked(&verdict.divergence.outcome);
    if !reasons.is_empty() {
        reasons.extend(unchecked);
        return (reasons.join("; "), Meaning::Text);
    }
    let about = row.record.prompt.as_deref().or(row.record.samples.first().map(|sample| &**sample));
    let about = about.map(|about| if hidden { masked(about) } else { about.to_owned() }).unwrap_or_default();
    match unchecked {
        Some(why) => (format!("{why}  {about}"), Meaning::Muted),
        None => (about, Meaning::Muted),
    }
}

/// Why the answers were not compared.
pub fn unchecked(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Scored => None,
        Outcome::Skipped(why) => Some(match &**why {
            "one_sample" => "not checked (1 answer)".into(),
            "no_samples" => "not checked (no answer)".into(),
            "disabled" => "not checked (divergence is off)".into(),
            why => format!("not checked ({why})"),
        }),
        Outcome::Partial(why) => Some(format!("partly checked ({why})")),
        Outcome::Failed(why) => Some(format!("not checked: {why}")),
    }
}

/// A time of day; with the zone where there is room for it.
pub fn clock(state: &AppState, at: Timestamp, zone: bool) -> String {
    let tz = if state.view.local_time { TimeZone::system() } else { TimeZone::UTC };
    let zoned = at.to_zoned(tz);
    let format = if zone { "%H:%M:%S %Z" } else { "%H:%M:%S" };
    zoned.strftime(format).to_string()
}
