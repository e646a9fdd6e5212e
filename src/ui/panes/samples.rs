//! One record in full: its facts, the prompt, its answers side by side with the places where they differ, and how near
//! they are to each other; or the record as it was read.

use std::ops::Range;

use jiff::tz::TimeZone;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::records::unchecked;
use crate::history::Row;
use crate::humanize;
use crate::state::AppState;
use crate::state::view::Pane;
use crate::ui::layout;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::frame::pane;
use crate::ui::widgets::text::{column, fit, foreign, masked, wrap, wrap_marked};
use crate::verdict::{Basis, Divergence, Outcome};

/// Columns below which answers stand under one another.
const SIDE_BY_SIDE: usize = 28;

/// Lines below which only a few contradictions are listed, and how many.
const LOW: u16 = 20;
const FEW: usize = 3;

/// Lines of one text that are laid out at most.
const MOST: usize = 2_000;

/// Answers whose cosines fit one line; those of more are a table.
const IN_A_LINE: usize = 4;

/// How a place of an answer is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Mark {
    #[default]
    None,
    /// The others have other words.
    Words,
    /// It contradicts another.
    Contradicts,
}

/// Draws the pane.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    let focused = state.view.focus() == Pane::Samples;
    let listing = state.listing();
    let Some(row) = listing.row() else {
        let inner = pane(frame, area, Pane::Samples.title(), Vec::new(), focused, theme);
        let none = Line::styled("no record yet: the newest is shown here", theme.style(Meaning::Muted));
        return frame.render_widget(Paragraph::new(none), inner);
    };
    let inside = layout::inside(area);
    let lines = if state.view.raw { raw(row, inside, state, theme) } else { in_full(row, inside, state, theme) };
    let height = usize::from(inside.height);
    let first = state.view.record_scroll.min(lines.len().saturating_sub(height));
    let mut right = vec![headline(row, state, theme)];
    if lines.len() > height {
        let text = format!("  lines {}-{} of {}, PgDn", first + 1, first + height, lines.len());
        right.push(Span::styled(text, theme.style(Meaning::Muted)));
    }
    let inner = pane(frame, area, Pane::Samples.title(), right, focused, theme);
    let lines: Vec<Line<'_>> = lines.into_iter().skip(first).take(height).collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

fn headline<'a>(row: &Row, state: &AppState, theme: &Theme) -> Span<'a> {
    let found = &row.verdict.divergence;
    match (state.view.raw, found.outlier, &found.basis) {
        (true, ..) => Span::styled("as it was read, p goes back", theme.style(Meaning::Note)),
        (_, Some(_), Basis::History(_)) => {
            Span::styled(format!("{}, and disagrees", answers(row)), theme.style(Meaning::Warning))
        }
        (_, Some(index), _) => {
            Span::styled(format!("answer {} disagrees most", index + 1), theme.style(Meaning::Warning))
        }
        (_, None, _) => Span::styled(answers(row), theme.style(Meaning::Muted)),
    }
}

/// How many answers there are, and what one alone was compared with.
fn answers(row: &Row) -> String {
    let count = row.record.samples.len();
    match &row.verdict.divergence.basis {
        Basis::History(earlier) => format!("1 answer, compared with {} earlier", earlier.len()),
        Basis::Samples if count == 1 => "1 answer".to_owned(),
        Basis::Samples => format!("{count} answers"),
    }
}

/// The record as it was read: JSON with a field a line, or the bytes as they are.
fn raw<'a>(row: &Row, area: Rect, state: &AppState, theme: &Theme) -> Vec<Line<'a>> {
    if state.view.masked {
        let said = "the record as it was read holds its prompt and answers, which are hidden: M shows them";
        return flow(said, usize::from(area.width), state, theme.style(Meaning::Muted), theme);
    }
    let text = String::from_utf8_lossy(&row.record.raw);
    let pretty = serde_json::from_str::<serde_json::Value>(&text).ok();
    let pretty = pretty.and_then(|value| serde_json::to_string_pretty(&value).ok());
    let text = pretty.as_deref().unwrap_or(&text);
    flow(text, usize::from(area.width), state, theme.style(Meaning::Text), theme)
}

/// A text as lines: broken, or cut where that is wanted.
fn flow<'a>(text: &str, width: usize, state: &AppState, style: Style, theme: &Theme) -> Vec<Line<'a>> {
    if !state.view.cut {
        return wrap(text, width.max(1), MOST).into_iter().map(|line| Line::styled(line, style)).collect();
    }
    let line = |line: std::borrow::Cow<'_, str>| fit(&line, width, theme.symbols.ellipsis).into_owned();
    crate::sanitize::lines(text).take(MOST).map(|text| Line::styled(line(text), style)).collect()
}

fn in_full<'a>(row: &'a Row, area: Rect, state: &AppState, theme: &Theme) -> Vec<Line<'a>> {
    let (title, muted) = (theme.style(Meaning::Title), theme.style(Meaning::Muted));
    let width = usize::from(area.width).max(1);
    let mut lines = facts(row, state, theme);
    lines.push(Line::raw(""));
    if let Some(prompt) = &row.record.prompt {
        lines.push(Line::styled("prompt", title));
        let prompt = if state.view.masked { masked(prompt).into() } else { std::sync::Arc::clone(prompt) };
        lines.extend(flow(&prompt, width, state, muted, theme));
        lines.push(Line::raw(""));
    }
    if row.record.samples.is_empty() {
        lines.extend(flow(&no_answers(row), width, state, muted, theme));
        return lines;
    }
    lines.extend(contradictions(row, area, theme));
    lines.extend(texts(row, width, state, theme));
    lines.extend(cosines(&row.verdict.divergence, width, theme));
    lines
}

/// The record's identity, advice, scores and cost.
fn facts<'a>(row: &'a Row, state: &AppState, theme: &Theme) -> Vec<Line<'a>> {
    let (record, verdict) = (&row.record, &row.verdict);
    let (text, muted) = (theme.style(Meaning::Text), theme.style(Meaning::Muted));
    let (symbol, style) = theme.action(verdict.advice.action);
    let tz = if state.view.local_time { TimeZone::system() } else { TimeZone::UTC };
    let at = verdict
        .ts
        .map_or_else(|| "no time".into(), |at| at.to_zoned(tz).strftime("%Y-%m-%d %H:%M:%S%.3f %Z").to_string());
    let line = record.origin.line.map_or_else(|| format!("#{}", record.origin.offset), |line| format!(":{line}"));
    let confidence = verdict.confidence.score.map_or("–".into(), |score| format!("{score:.3}"));
    let model = record.label("model").map(|model| format!("  {model}")).unwrap_or_default();
    let cut = match (record.truncated, record.lossy) {
        (false, false) => "",
        (true, false) => "  (cut at a limit)",
        (false, true) => "  (was not valid UTF-8)",
        (true, true) => "  (cut at a limit, was not valid UTF-8)",
    };
    let called = match state.marks.label(verdict.seq) {
        Some(true) => "  + right",
        Some(false) => "  - wrong",
        None => "",
    };
    let d = &verdict.divergence;
    let score = |value: Option<f64>| value.map_or("–".into(), humanize::score);
    let scores = unchecked(&d.outcome).unwrap_or_else(|| {
        let named = [
            ("risk", d.risk),
            ("answer", d.answer),
            ("facts", d.facts),
            ("entropy", d.entropy),
            ("semantic", d.semantic),
            ("lexical", d.lexical),
        ];
        let named = named.map(|(name, value)| format!("{name} {}", score(value))).join("  ");
        format!("{named}  by {}", d.backend)
    });
    let t = &verdict.timing;
    vec![
        Line::from(vec![
            Span::styled(format!("{symbol} {} {}", verdict.advice.action, verdict.advice.status_code), style),
            Span::styled(format!("  confidence {confidence} {}  ", verdict.confidence.level.word()), text),
            foreign(&record.id, text),
            Span::raw("  "),
            foreign(&record.key, muted),
            Span::styled(called, theme.style(Meaning::Key)),
        ]),
        Line::from(vec![
            Span::styled(format!("{at}  "), muted),
            foreign(&record.origin.source, muted),
            Span::styled(line, muted),
            Span::styled(crate::sanitize::line(&model).into_owned(), muted),
            Span::styled(cut, theme.style(Meaning::Warning)),
        ]),
        Line::styled(scores, text),
        Line::styled(
            format!(
                "took {} µs: queue {}, embedding {}, constraints {}, drift {}",
                t.total, t.queue, t.embedding, t.constraints, t.drift
            ),
            muted,
        ),
    ]
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

/// What the answers contradict each other in, in words.
fn contradictions<'a>(row: &Row, area: Rect, theme: &Theme) -> Vec<Line<'a>> {
    let found = &row.verdict.divergence.contradictions;
    if found.is_empty() {
        return Vec::new();
    }
    let texts = row.verdict.divergence.texts(&row.record.samples);
    // Where there is little room the answers need it more, and their marks say the same.
    let shown = if area.height < LOW { FEW.min(found.len()) } else { found.len() };
    let mut lines = Vec::new();
    for found in &found[..shown] {
        let said = crate::sanitize::line(&found.in_words(&texts)).into_owned();
        let said = format!("{} {said}", theme.symbols.warning);
        let said = wrap(&said, usize::from(area.width).max(1), MOST);
        lines.extend(said.into_iter().map(|line| Line::styled(line, theme.style(Meaning::Warning))));
    }
    if found.len() > shown {
        lines.push(Line::styled(format!("  and {} more", found.len() - shown), theme.style(Meaning::Muted)));
    }
    lines.push(Line::raw(""));
    lines
}

/// Where an answer contradicts the others, and where it only has other words.
fn marks(divergence: &Divergence, words: Option<&Vec<Range<usize>>>, index: usize) -> Vec<(Range<usize>, Mark)> {
    let sides = divergence.contradictions.iter().flat_map(|found| &found.sides);
    let mut strong: Vec<Range<usize>> =
        sides.filter(|side| side.0 == index).filter_map(|side| side.1.clone()).collect();
    strong.sort_by_key(|mark| (mark.start, std::cmp::Reverse(mark.end)));
    strong.dedup();
    let mut all: Vec<(Range<usize>, Mark)> = strong.iter().map(|mark| (mark.clone(), Mark::Contradicts)).collect();
    for word in words.into_iter().flatten() {
        let mut from = word.start;
        for taken in strong.iter().filter(|taken| taken.start < word.end && taken.end > word.start) {
            if from < taken.start {
                all.push((from..taken.start, Mark::Words));
            }
            from = from.max(taken.end);
        }
        if from < word.end {
            all.push((from..word.end, Mark::Words));
        }
    }
    all
}

fn heading(divergence: &Divergence, index: usize, own: usize) -> String {
    let odd = if divergence.outlier == Some(index) { ", disagrees most" } else { "" };
    match index {
        0 => format!("answer 1, the one in use{odd}"),
        _ if index >= own => format!("earlier answer {index}"),
        _ => format!("answer {}{odd}", index + 1),
    }
}

/// The answers: side by side where there is room, else one under the other.
fn texts<'a>(row: &Row, width: usize, state: &AppState, theme: &Theme) -> Vec<Line<'a>> {
    let divergence = &row.verdict.divergence;
    let texts = divergence.texts(&row.record.samples);
    let own = row.record.samples.len();
    let words = state.explained().map(|explained| &explained.words);
    let marks = |index: usize| marks(divergence, words.and_then(|words| words.get(index)), index);
    let title = theme.style(Meaning::Title);
    let spans = |line: Vec<(String, Mark)>| {
        let style = |mark: Mark| match mark {
            Mark::None => theme.style(Meaning::Text),
            Mark::Words => theme.style(Meaning::Differs),
            Mark::Contradicts => theme.style(Meaning::Mark),
        };
        // What contradicts is a fact, and stays.
        let hidden = |mark: Mark| state.view.masked && mark != Mark::Contradicts;
        let piece = |piece: String, mark| if hidden(mark) { masked(&piece) } else { piece };
        line.into_iter().map(|(text, mark)| Span::styled(piece(text, mark), style(mark))).collect::<Vec<_>>()
    };
    let count = texts.len();
    let each = width.saturating_sub(2 * (count - 1)) / count;
    let mut lines = Vec::new();
    if each < SIDE_BY_SIDE {
        for (index, sample) in texts.iter().enumerate() {
            lines.push(Line::styled(heading(divergence, index, own), title));
            let wrapped = wrap_marked(sample, &marks(index), width, MOST);
            lines.extend(wrapped.into_iter().map(|line| Line::from(spans(line))));
            lines.push(Line::raw(""));
        }
        return lines;
    }
    let wrapped = |(index, sample): (usize, &&str)| wrap_marked(sample, &marks(index), each, MOST);
    let mut columns: Vec<_> = texts.iter().enumerate().map(wrapped).collect();
    let cell = |index: usize| column(&heading(divergence, index, own), each + 2, theme.symbols.ellipsis);
    lines.push(Line::from((0..count).map(|index| Span::styled(cell(index), title)).collect::<Vec<_>>()));
    for at in 0..columns.iter().map(Vec::len).max().unwrap_or(0) {
        let mut line = Vec::new();
        for column in &mut columns {
            let cells = spans(column.get_mut(at).map(std::mem::take).unwrap_or_default());
            let used: usize = cells.iter().map(Span::width).sum();
            line.extend(cells);
            line.push(Span::raw(" ".repeat((each + 2).saturating_sub(used))));
        }
        lines.push(Line::from(line));
    }
    lines.push(Line::raw(""));
    lines
}

/// How near the answers are to each other by meaning: 1 is the same.
fn cosines<'a>(divergence: &Divergence, width: usize, theme: &Theme) -> Vec<Line<'a>> {
    let count =
        (0..Divergence::PAIRED).take_while(|index| *index == 0 || divergence.cosine(0, *index).is_some()).count();
    if count < 2 {
        return Vec::new();
    }
    let (text, muted) = (theme.style(Meaning::Text), theme.style(Meaning::Muted));
    let shown = |i: usize, j: usize| divergence.cosine(i, j).map_or("–".to_owned(), |cosine| format!("{cosine:.3}"));
    if count <= IN_A_LINE {
        let pairs = (0..count).flat_map(|i| (i + 1..count).map(move |j| (i, j)));
        let pairs: Vec<String> =
            pairs.map(|(i, j)| format!("{}{}{} {}", i + 1, theme.symbols.dot, j + 1, shown(i, j))).collect();
        return vec![Line::from(vec![Span::styled("cosine  ", muted), Span::styled(pairs.join("   "), text)])];
    }
    // As many columns as fit; a row each answer.
    let columns = count.min(width.saturating_sub(4) / 6);
    let head: String = (0..columns).map(|index| format!("{:>6}", index + 1)).collect();
    let row = |i: usize| {
        let cells: String = (0..columns.min(i)).map(|j| format!("{:>6}", shown(i, j))).collect();
        Line::from(vec![Span::styled(format!("{:>4}", i + 1), muted), Span::styled(cells, text)])
    };
    std::iter::once(Line::styled(format!("cosine{}", &head[2..]), muted)).chain((1..count).map(row)).collect()
}
