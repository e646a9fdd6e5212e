//! The bar of a replay: where it is, how fast it goes on, what is marked where, and what two judgements differ in.

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::humanize;
use crate::message::replay::{COLUMNS, Pass, ReplayReport, marks};
use crate::sanitize;
use crate::state::AppState;
use crate::ui::panes::records::clock;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::text::fit;

/// Columns for the names of the lines of marks, where there are two.
const NAMES: u16 = 14;

/// Columns from which on the day is told.
const WITH_DAY: u16 = 100;

/// Lines that it takes.
pub fn height(state: &AppState) -> u16 {
    match state.replay() {
        None => u16::from(state.is_replay()) * 2,
        Some(report) => 2 + u16::from(report.other.is_some()),
    }
}

/// Draws the bar.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    if area.height == 0 {
        return;
    }
    let line = |number: u16| Rect { y: area.y + number, height: 1, ..area };
    let Some(report) = state.replay() else {
        let text = format!(" the log is being judged{}", theme.symbols.ellipsis);
        return frame.render_widget(Paragraph::new(Line::styled(text, theme.style(Meaning::Muted))), line(0));
    };
    frame.render_widget(Paragraph::new(facts(report, state, area.width, theme)), line(0));
    if area.height > 1 {
        let named = report.marked.1.as_ref().map(|_| &*report.marked.0);
        marked(frame, line(1), report, (named, marks::VIOLATION, marks::DRIFT), theme);
    }
    if let (true, Some(other)) = (area.height > 2, &report.marked.1) {
        marked(frame, line(2), report, (Some(other), marks::OTHER_VIOLATION, marks::OTHER_DRIFT), theme);
    }
}

/// What is said in words; what matters least gives way first.
fn facts<'a>(report: &ReplayReport, state: &AppState, width: u16, theme: &Theme) -> Line<'a> {
    let (text, muted, note) = (theme.style(Meaning::Text), theme.style(Meaning::Muted), theme.style(Meaning::Note));
    let number = |n: u64| humanize::number(n as f64);
    let mut parts: Vec<(u8, String, Style)> = Vec::new();
    let ended = report.position >= report.indexed && !matches!(report.pass, Pass::Running(_));
    let state_word = match (report.playing, ended) {
        (true, _) => format!("playing {}", report.speed),
        (false, true) => "at the end".to_owned(),
        (false, false) => format!("paused {}", report.speed),
    };
    parts.push((0, state_word, theme.style(Meaning::Title)));
    if let Some(looking) = &report.looking {
        parts.push((0, format!("looking for {looking}"), note));
    }
    let day = |at: Timestamp| if width < WITH_DAY { String::new() } else { at.strftime("%Y-%m-%d ").to_string() };
    let at = report.at.map(|at| format!("{}{}", day(at), clock(state, at, true)));
    let at = at.unwrap_or_else(|| "no time".to_owned());
    // On a narrow screen the number of the record says where it is.
    parts.push((if width < WITH_DAY { 2 } else { 1 }, at, text));
    let percent = 100.0 * report.position as f64 / report.indexed.max(1) as f64;
    parts.push((1, format!("record {} of {}", number(report.position), number(report.indexed)), text));
    match &report.pass {
        Pass::Running(Some(share)) => parts.push((1, format!("judged {:.0}%", (share * 100.0).floor()), note)),
        Pass::Running(None) => parts.push((1, "being judged".to_owned(), note)),
        Pass::Stopped(why) => {
            let style = theme.style(Meaning::Warning);
            parts.push((1, format!("{} ends early", theme.symbols.warning), style));
            parts.push((8, why.to_string(), style));
        }
        Pass::Done { reused } => {
            parts.push((3, format!("{:.0}%", percent.floor()), text));
            if *reused {
                parts.push((7, "judged before".to_owned(), muted));
            }
        }
    }
    if report.other.is_some() {
        let found = &report.differences;
        let why: Vec<String> = found.reasons.iter().take(3).map(|(why, count)| format!("{why} {count}")).collect();
        let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(", ")) };
        let differ = format!("{} of {} differ", number(found.count), number(found.of));
        parts.push((1, format!("{differ}{why}"), if found.count > 0 { note } else { text }));
    }
    if let Some(filter) = &report.filter {
        let fits = format!("{} of {} fit", number(filter.fits), number(filter.of));
        // A list that leaves something out says so at any width.
        parts.push((0, format!("/ {}  {fits}", sanitize::line(&filter.text)), note));
    }
    if report.gaps_skipped {
        parts.push((5, "gaps skipped".to_owned(), muted));
    }
    if let Some(event) = report.timeline.last().filter(|event| event.kind != "mark" || !event.text.is_empty()) {
        parts.push((
            6,
            format!("{} {} {}", clock(state, event.at, false), event.kind, sanitize::line(&event.text)),
            muted,
        ));
    }
    in_width(parts, report.playing, usize::from(width), theme)
}

/// The parts that fit, what matters least left out.
fn in_width<'a>(mut parts: Vec<(u8, String, Style)>, playing: bool, width: usize, theme: &Theme) -> Line<'a> {
    let used = |parts: &[(u8, String, Style)]| -> usize {
        parts.iter().map(|(_, text, _)| unicode_width::UnicodeWidthStr::width(text.as_str()) + 2).sum::<usize>() + 3
    };
    while used(&parts) > width && parts.len() > 1 {
        let least = parts.iter().enumerate().max_by_key(|(at, (rank, ..))| (*rank, *at)).map_or(0, |(at, _)| at);
        parts.remove(least);
    }
    let symbol = if playing { theme.symbols.play } else { theme.symbols.pause };
    let mut spans = vec![Span::styled(format!(" {symbol} "), theme.style(Meaning::Key))];
    for (_, text, style) in parts {
        let room = width.saturating_sub(4);
        spans.push(Span::styled(fit(&text, room, theme.symbols.ellipsis).into_owned(), style));
        spans.push(Span::raw("  "));
    }
    Line::from(spans)
}

/// A line of marks over the whole log, with the place that is shown.
fn marked(
    frame: &mut Frame<'_>,
    area: Rect,
    report: &ReplayReport,
    (name, violation, drift): (Option<&str>, u8, u8),
    theme: &Theme,
) {
    let mut area = area;
    if let Some(name) = name {
        let names = NAMES.min(area.width / 4);
        let text = fit(name, usize::from(names.saturating_sub(2)), theme.symbols.ellipsis).into_owned();
        // The one that is shown stands out.
        let style = theme.style(if name == &*report.track { Meaning::Title } else { Meaning::Muted });
        let text = Line::styled(format!(" {}", sanitize::line(&text)), style);
        frame.render_widget(Paragraph::new(text), Rect { width: names, ..area });
        area = Rect { x: area.x + names, width: area.width - names, ..area };
    }
    let width = usize::from(area.width.saturating_sub(2));
    if width == 0 || report.columns.len() < COLUMNS {
        return;
    }
    let share = match &report.pass {
        Pass::Running(share) => share.unwrap_or(0.0),
        _ => 1.0,
    };
    let known = ((width as f64 * share) as usize).min(width);
    let place = report.position.saturating_sub(1) as f64 / report.indexed.saturating_sub(1).max(1) as f64;
    let place = ((place * known.saturating_sub(1) as f64).round() as usize).min(width - 1);
    let mut spans = vec![Span::raw(" ")];
    for column in 0..width {
        let range = column * COLUMNS / width..((column + 1) * COLUMNS / width).max(column * COLUMNS / width + 1);
        let mark = report.columns[range].iter().fold(0, |all, mark| all | mark);
        let severe = if mark & marks::CRITICAL != 0 { Meaning::Critical } else { Meaning::Warning };
        let (symbol, meaning) = match mark {
            mark if mark & marks::OWN != 0 => (theme.symbols.mark, Meaning::Key),
            mark if mark & drift != 0 => (theme.symbols.onset, Meaning::Alarm),
            mark if mark & violation != 0 => (theme.symbols.critical, severe),
            _ if column < known => (theme.symbols.line, Meaning::Muted),
            _ => (theme.symbols.dot, Meaning::Muted),
        };
        let style = theme.style(meaning);
        let style = if column == place { style.patch(theme.style(Meaning::Selection)) } else { style };
        let symbol = if column == place && mark == 0 { theme.symbols.bars[7] } else { symbol };
        spans.push(Span::styled(symbol, style));
    }
    frame.render_widget(Paragraph::new(Line::from(spans)), area);
}
