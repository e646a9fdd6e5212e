//! One record in full: its facts, its samples side by side, the rules it broke.

use jiff::tz::TimeZone;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::records::unchecked;
use crate::history::Row;
use crate::humanize;
use crate::state::AppState;
use crate::ui::layout;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::frame::pane;
use crate::ui::widgets::text::{foreign, wrap, wrap_marked};
use crate::verdict::{Basis, Divergence, DriftState, Outcome, ViolationState};

/// Columns below which samples stand under one another.
const SIDE_BY_SIDE: u16 = 32;

/// Columns from which on the backend stands beside the scores; the header names it too.
const WITH_BACKEND: u16 = 90;

/// Lines below which only a few contradictions are listed, and how many.
const LOW: u16 = 20;
const FEW: usize = 3;

/// The record's identity, advice and scores.
pub fn facts(frame: &mut Frame<'_>, area: Rect, row: Option<&Row>, state: &AppState, theme: &Theme) {
    let inner =
        pane(frame, area, "Records", vec![Span::styled("q back, j k next", theme.style(Meaning::Muted))], false, theme);
    let Some(row) = row else {
        let none = Line::styled("no record is selected", theme.style(Meaning::Muted));
        return frame.render_widget(Paragraph::new(none), inner);
    };
    let (record, verdict) = (&row.record, &row.verdict);
    let (text, muted) = (theme.style(Meaning::Text), theme.style(Meaning::Muted));
    let (symbol, style) = theme.action(verdict.advice.action);
    let tz = if state.view.local_time { TimeZone::system() } else { TimeZone::UTC };
    let at = verdict
        .ts
        .map_or_else(|| "no time".into(), |at| at.to_zoned(tz).strftime("%Y-%m-%d %H:%M:%S%.3f %Z").to_string());
    let line = record.origin.line.map_or_else(|| format!("#{}", record.origin.offset), |line| format!(":{line}"));
    let model = record.label("model").map(|model| format!("  {model}")).unwrap_or_default();
    let confidence = verdict.confidence.score.map_or("–".into(), |score| format!("{score:.3}"));
    let d = &verdict.divergence;
    let score = |value: Option<f64>| value.map_or("–".into(), humanize::score);
    let scores = match unchecked(&d.outcome) {
        Some(why) => why,
        None => format!(
            "risk {}  answer {}  facts {}  entropy {}  semantic {}  lexical {}",
            score(d.risk),
            score(d.answer),
            score(d.facts),
            score(d.entropy),
            score(d.semantic),
            score(d.lexical)
        ),
    };
    let marks = match (record.truncated, record.lossy) {
        (false, false) => "",
        (true, false) => "  (cut at a limit)",
        (false, true) => "  (was not valid UTF-8)",
        (true, true) => "  (cut at a limit, was not valid UTF-8)",
    };
    let t = &verdict.timing;
    let lines = vec![
        Line::from(vec![
            Span::styled(format!("{symbol} {} {}", verdict.advice.action, verdict.advice.status_code), style),
            Span::styled(format!("  confidence {confidence} {}  ", verdict.confidence.level.word()), text),
            foreign(&record.id, text),
            foreign(&record.key, muted).patch_style(muted),
        ]),
        Line::from(vec![
            Span::styled(format!("{at}  "), muted),
            foreign(&record.origin.source, muted),
            Span::styled(line, muted),
            foreign(&model, muted),
            Span::styled(marks, theme.style(Meaning::Warning)),
        ]),
        Line::styled(if inner.width < WITH_BACKEND { scores } else { format!("{scores}  by {}", d.backend) }, text),
        Line::styled(
            format!(
                "took {} µs: queue {}, embedding {}, constraints {}, drift {}",
                t.total, t.queue, t.embedding, t.constraints, t.drift
            ),
            muted,
        ),
    ];
    let lines: Vec<Line<'_>> = lines.into_iter().map(|line| spaced(line, 3)).collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

/// Puts two spaces before the span at `index`, so that neighbours of foreign text do not touch it.
fn spaced(mut line: Line<'_>, index: usize) -> Line<'_> {
    if line.spans.len() == index + 1 {
        line.spans.insert(index, Span::raw("  "));
    }
    line
}

/// Prompt and samples.
pub fn samples(frame: &mut Frame<'_>, area: Rect, row: Option<&Row>, state: &AppState, theme: &Theme) {
    let divergence = row.map(|row| &row.verdict.divergence);
    let right = match divergence.and_then(|found| Some((found.outlier?, &found.basis))) {
        Some((_, Basis::History(_))) => {
            Span::styled(format!("{}, and disagrees", answers(row)), theme.style(Meaning::Warning))
        }
        Some((index, _)) => Span::styled(format!("answer {} disagrees most", index + 1), theme.style(Meaning::Warning)),
        None => Span::styled(answers(row), theme.style(Meaning::Muted)),
    };
    let lines = row.map(|row| text_lines(row, layout::inside(area), theme)).unwrap_or_default();
    let height = usize::from(layout::inside(area).height);
    let first = state.view.record_scroll.min(lines.len().saturating_sub(height));
    let mut title = vec![right];
    if lines.len() > height {
        let text = format!("  lines {}-{} of {}, PgDn", first + 1, first + height, lines.len());
        title.push(Span::styled(text, theme.style(Meaning::Muted)));
    }
    let inner = pane(frame, area, "Samples", title, true, theme);
    let lines: Vec<Line<'_>> = lines.into_iter().skip(first).take(height).collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

/// How many answers there are, and what one alone was compared with.
fn answers(row: Option<&Row>) -> String {
    let count = row.map_or(0, |row| row.record.samples.len());
    match row.map(|row| &row.verdict.divergence.basis) {
        Some(Basis::History(earlier)) => format!("1 answer, compared with {} earlier", earlier.len()),
        _ if count == 1 => "1 answer".to_owned(),
        _ => format!("{count} answers"),
    }
}

/// Where a text contradicts the others.
fn marks(divergence: &Divergence, index: usize) -> Vec<std::ops::Range<usize>> {
    let sides = divergence.contradictions.iter().flat_map(|found| &found.sides);
    let mut marks: Vec<_> = sides.filter(|side| side.0 == index).filter_map(|side| side.1.clone()).collect();
    marks.sort_by_key(|mark| (mark.start, std::cmp::Reverse(mark.end)));
    marks.dedup();
    marks
}

/// Why there are no answers to show.
fn no_answers(row: &Row) -> String {
    match row.verdict.divergence.outcome {
        // What was compared elsewhere had answers: only the log with them is not here.
        Outcome::Scored | Outcome::Partial(_) => format!(
            "its answers are not here: {} can't be read beside the verdicts or under its own path",
            crate::sanitize::line(&row.record.origin.source)
        ),
        Outcome::Skipped(_) | Outcome::Failed(_) => "the record has no answers".to_owned(),
    }
}

fn text_lines<'a>(row: &Row, area: Rect, theme: &Theme) -> Vec<Line<'a>> {
    const MOST: usize = 2_000;
    let (title, text, muted) = (theme.style(Meaning::Title), theme.style(Meaning::Text), theme.style(Meaning::Muted));
    let width = usize::from(area.width).max(1);
    let mut lines = Vec::new();
    if let Some(prompt) = &row.record.prompt {
        lines.push(Line::styled("prompt", title));
        lines.extend(wrap(prompt, width, MOST).into_iter().map(|line| Line::styled(line, muted)));
        lines.push(Line::raw(""));
    }
    if row.record.samples.is_empty() {
        let text = no_answers(row);
        lines.extend(wrap(&text, width, MOST).into_iter().map(|line| Line::styled(line, muted)));
        return lines;
    }
    let divergence = &row.verdict.divergence;
    let texts = divergence.texts(&row.record.samples);
    // Where there is little room the answers need it more, and their marks say the same.
    let shown = if area.height < LOW { FEW } else { divergence.contradictions.len() };
    for found in divergence.contradictions.iter().take(shown) {
        let said = crate::sanitize::line(&found.in_words(&texts)).into_owned();
        let said = format!("{} {said}", theme.symbols.warning);
        lines
            .extend(wrap(&said, width, MOST).into_iter().map(|line| Line::styled(line, theme.style(Meaning::Warning))));
    }
    if let Some(more @ 1..) = divergence.contradictions.len().checked_sub(shown) {
        lines.push(Line::styled(format!("  and {more} more"), muted));
    }
    if !divergence.contradictions.is_empty() {
        lines.push(Line::raw(""));
    }
    let own = row.record.samples.len();
    let heading = |index: usize| {
        let odd = if divergence.outlier == Some(index) { ", disagrees most" } else { "" };
        match index {
            0 => format!("answer 1, the one in use{odd}"),
            _ if index >= own => format!("earlier answer {index}"),
            _ => format!("answer {}{odd}", index + 1),
        }
    };
    let spans = |line: Vec<(String, bool)>| {
        let style = |marked: bool| if marked { theme.style(Meaning::Mark) } else { text };
        line.into_iter().map(|(piece, marked)| Span::styled(piece, style(marked))).collect::<Vec<_>>()
    };
    let count = texts.len();
    let each = (width.saturating_sub(2 * (count - 1))) / count;
    if each < usize::from(SIDE_BY_SIDE) {
        for (index, sample) in texts.iter().enumerate() {
            lines.push(Line::styled(heading(index), title));
            let wrapped = wrap_marked(sample, &marks(divergence, index), width, MOST);
            lines.extend(wrapped.into_iter().map(|line| Line::from(spans(line))));
            lines.push(Line::raw(""));
        }
        return lines;
    }
    let wrapped = |(index, sample): (usize, &&str)| wrap_marked(sample, &marks(divergence, index), each, MOST);
    let mut columns: Vec<_> = texts.iter().enumerate().map(wrapped).collect();
    let cell = |text: &str| crate::ui::widgets::text::column(text, each + 2, theme.symbols.ellipsis);
    lines.push(Line::from((0..count).map(|i| Span::styled(cell(&heading(i)), title)).collect::<Vec<_>>()));
    for row in 0..columns.iter().map(Vec::len).max().unwrap_or(0) {
        let mut line = Vec::new();
        for column in &mut columns {
            let cells = spans(column.get_mut(row).map(std::mem::take).unwrap_or_default());
            let used: usize = cells.iter().map(Span::width).sum();
            line.extend(cells);
            line.push(Span::raw(" ".repeat((each + 2).saturating_sub(used))));
        }
        lines.push(Line::from(line));
    }
    lines
}

/// The rules it broke, and the series that moved.
pub fn rules(frame: &mut Frame<'_>, area: Rect, row: Option<&Row>, theme: &Theme) {
    let inner = pane(frame, area, "Rules", Vec::new(), false, theme);
    let Some(row) = row else { return };
    let mut lines: Vec<Line<'_>> = Vec::new();
    for violation in &row.verdict.violations {
        let (symbol, word, style) = theme.severity(Some(violation.severity));
        let over = violation.over_pct().map(|pct| format!("  {} % over", humanize::short(pct))).unwrap_or_default();
        let state = match violation.state {
            ViolationState::Firing => String::new(),
            other => format!("  {}: does not count", other.word()),
        };
        lines.push(Line::from(vec![
            Span::styled(format!("{symbol} {word} "), style),
            foreign(&violation.rule, theme.style(Meaning::Title)),
            Span::raw("  "),
            foreign(&violation.message, theme.style(Meaning::Text)),
            Span::styled(format!("{over}{state}"), theme.style(Meaning::Muted)),
        ]));
    }
    if lines.is_empty() {
        lines.push(Line::styled(format!("{} no rule was broken", theme.symbols.ok), theme.style(Meaning::Ok)));
    }
    for report in row.verdict.drift.iter().filter(|report| report.state == DriftState::Drift) {
        let (symbol, style) = theme.drift(report.state);
        let baseline = report.baseline.map(humanize::short).unwrap_or_default();
        lines.push(Line::from(vec![
            Span::styled(format!("{symbol} drift "), style),
            foreign(&report.series, theme.style(Meaning::Title)),
            Span::styled(
                format!("  {} against {baseline} ({:+.1}σ)", humanize::short(report.value), report.z),
                theme.style(Meaning::Text),
            ),
        ]));
    }
    frame.render_widget(Paragraph::new(lines), inner);
}
