//! What the rule that is being written would have found in what is kept: before, now, and the records that differ.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::humanize;
use crate::message::inquiry::{FrontTrial, Marked, TrialReport};
use crate::record::Seq;
use crate::state::AppState;
use crate::state::view::Pane;
use crate::ui::panes::records::clock;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::frame::{pane, select};
use crate::ui::widgets::text::column;
use crate::ui::widgets::{list, spark};

/// Draws the pane.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    let focused = state.view.focus() == Pane::Backtest;
    let muted = theme.style(Meaning::Muted);
    let report = state.editing.as_ref().and_then(|editing| editing.report.as_deref());
    let right = report.map(|report| Span::styled(over(report, state, theme), muted));
    let inner = pane(frame, area, Pane::Backtest.title(), right.into_iter().collect(), focused, theme);
    let Some(report) = report else {
        let text =
            if state.editing.is_some() { "being counted" } else { "what an edited rule would have found stands here" };
        return frame.render_widget(Paragraph::new(Line::styled(text, muted)), inner);
    };
    if !report.counted {
        let text = "the draft can't be read as rules: nothing was counted";
        return frame.render_widget(Paragraph::new(Line::styled(text, muted)), inner);
    }
    let width = usize::from(inner.width);
    let mut lines = Vec::new();
    match &report.front {
        Some(front) => lines.extend(figures(front, width, theme)),
        None => lines.push(Line::styled("this rule is off, or not in the draft: it fires on nothing", muted)),
    }
    lines.extend(others(report, theme));
    let above = lines.len();
    let first: &[(Seq, bool)] = report.front.as_ref().map_or(&[], |front| &front.first);
    let room = usize::from(inner.height).saturating_sub(above);
    let chosen = state.editing.as_ref().map_or(0, |editing| editing.choice.min(first.len().saturating_sub(1)));
    let top = list::first(chosen, first.len(), room);
    lines.extend(first.iter().skip(top).take(room).map(|(seq, new)| differing(*seq, *new, state, width, theme)));
    frame.render_widget(Paragraph::new(lines), inner);
    let line = (focused && !first.is_empty()).then(|| chosen - top + above);
    select(frame, inner, line, theme);
}

/// Over how many records of which time.
fn over(report: &TrialReport, state: &AppState, theme: &Theme) -> String {
    let records = humanize::number(report.rows as f64);
    let current = state.editing.as_ref().is_some_and(|editing| editing.current().is_some());
    let busy = if current { "" } else { theme.symbols.ellipsis };
    let span =
        report.span.map(|(from, to)| format!(" over {}", humanize::span(to.duration_since(from).unsigned_abs())));
    format!(
        "{records} records{} {} {} ms{busy}",
        span.unwrap_or_default(),
        theme.symbols.dot,
        humanize::short(report.took_us as f64 / 1e3)
    )
}

fn figures<'a>(front: &FrontTrial, width: usize, theme: &Theme) -> Vec<Line<'a>> {
    let (text, muted, spark_style) =
        (theme.style(Meaning::Text), theme.style(Meaning::Muted), theme.style(Meaning::Spark));
    let number = |n: u64| humanize::number(n as f64);
    let trial = &front.trial;
    let top = front.bars_before.iter().chain(&front.bars_now).copied().max().unwrap_or(0) as f64;
    let bars = |values: &[u64]| {
        // As wide as there is room for.
        let room = width.saturating_sub(24).clamp(1, values.len().max(1));
        let each = values.len().div_ceil(room).max(1);
        let values: Vec<f64> = values.chunks(each).map(|chunk| chunk.iter().sum::<u64>() as f64).collect();
        spark::bars(&theme.symbols, values.into_iter().map(Some), top * each as f64, true)
    };
    let line = |word: &str, count: u64, values: &[u64]| {
        let head = format!("{word:<12} {:>9} ", number(count));
        Line::from(vec![Span::styled(head, text), Span::styled(bars(values), spark_style)])
    };
    let change = |sign: &str, count: u64, meaning: Meaning| {
        Span::styled(format!("{sign}{} ", number(count)), if count > 0 { theme.style(meaning) } else { muted })
    };
    let errors = if front.errors > 0 { format!(", no value on {}", number(front.errors)) } else { String::new() };
    let mut lines = vec![
        line("fired before", trial.before, &front.bars_before),
        line("fires now", trial.now, &front.bars_now),
        Line::from(vec![
            change("+", trial.new, Meaning::Warning),
            Span::styled("new  ", muted),
            change("-", trial.gone, Meaning::Ok),
            Span::styled(
                format!("gone  {} evaluated on {}{errors}", theme.symbols.dot, number(front.evaluated)),
                muted,
            ),
        ]),
    ];
    lines.extend(precision(front.marked_before, front.marked_now, theme));
    lines
}

/// How it agrees with what the operator called right or wrong, before and now.
fn precision<'a>(before: Marked, now: Marked, theme: &Theme) -> Option<Line<'a>> {
    if before.wrong == 0 && now.hits + now.false_alarms + before.hits + before.false_alarms == 0 {
        return None;
    }
    let said = |marked: Marked| match marked.precision() {
        Some(share) => format!("{:.0}% ({} of {})", 100.0 * share, marked.hits, marked.hits + marked.false_alarms),
        None => "–".to_owned(),
    };
    let text = format!(
        "precision {} before, {} now; finds {} of {} called wrong (+ - on a record)",
        said(before),
        said(now),
        now.hits,
        now.wrong.max(before.wrong)
    );
    Some(Line::styled(text, theme.style(Meaning::Text)))
}

/// Other rules that fire otherwise by the draft.
fn others<'a>(report: &TrialReport, theme: &Theme) -> Option<Line<'a>> {
    let front = report.front.as_ref().map(|front| &front.trial.rule);
    let others: Vec<String> = report
        .changes
        .iter()
        .filter(|change| Some(&change.rule) != front)
        .map(|change| format!("{} +{} -{}", change.rule, change.new, change.gone))
        .collect();
    let text = format!("also {}", others.join(", "));
    (!others.is_empty()).then(|| Line::styled(crate::sanitize::line(&text).into_owned(), theme.style(Meaning::Key)))
}

/// A record on which it fires otherwise.
fn differing<'a>(seq: Seq, new: bool, state: &AppState, width: usize, theme: &Theme) -> Line<'a> {
    let (mark, meaning) = if new { ("+ new ", Meaning::Warning) } else { ("- gone", Meaning::Ok) };
    let mark = Span::styled(mark, theme.style(meaning));
    let history = state.board().records.history();
    let Some(row) = history.get(history.position(seq)).filter(|row| row.verdict.seq == seq) else {
        let text = format!("  record {} is not kept any more", seq.0 + 1);
        return Line::from(vec![mark, Span::styled(text, theme.style(Meaning::Muted))]);
    };
    let at = row.verdict.ts.map_or_else(|| "--:--:--".to_owned(), |at| clock(state, at, false));
    let called = match state.marks.label(seq) {
        Some(true) => "+",
        Some(false) => "-",
        None => " ",
    };
    let numbers = row.record.numbers.iter().take(6).map(|(name, value)| {
        let name = name.as_str();
        format!("{} {}", name.rsplit('.').next().unwrap_or(name), humanize::short(*value))
    });
    let said = format!("{}  {}", row.verdict.key, numbers.collect::<Vec<_>>().join(", "));
    let head = format!("  {at} {called} ");
    let room = width.saturating_sub(6 + head.chars().count());
    Line::from(vec![
        mark,
        Span::styled(head, theme.style(Meaning::Muted)),
        Span::styled(column(&said, room, theme.symbols.ellipsis), theme.style(Meaning::Text)),
    ])
}
