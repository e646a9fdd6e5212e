//! The rules in force: how each stands, on how many records it was evaluated, and what is wrong with a newer version.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::humanize;
use crate::message::{HealthReport, RuleCount};
use crate::state::AppState;
use crate::state::rules::{Entry, Standing, standing};
use crate::state::view::Pane;
use crate::ui::panes::records::clock;
use crate::ui::theme::{Meaning, Symbols, Theme};
use crate::ui::widgets::frame::{pane, select};
use crate::ui::widgets::text::{column, wrap};
use crate::ui::widgets::{list, spark};

/// Draws the pane.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    let focused = state.view.focus() == Pane::Rules;
    let Some(health) = &state.status.health else {
        let inner = pane(frame, area, Pane::Rules.title(), Vec::new(), focused, theme);
        let text = Line::styled("the rules are being read", theme.style(Meaning::Muted));
        return frame.render_widget(Paragraph::new(text), inner);
    };
    let entries = state.rule_entries();
    let changed = entries.iter().filter(|entry| entry.drafted.is_some_and(|drafted| drafted.changed)).count();
    let text = format!("{} in force {} {}", health.rules.rules.len(), theme.symbols.dot, health.rules.short_revision());
    let mut right = vec![Span::styled(text, theme.style(Meaning::Muted))];
    if changed > 0 {
        right.push(Span::styled(
            format!(" {} {changed} changed in the draft", theme.symbols.dot),
            theme.style(Meaning::Note),
        ));
    }
    let inner = pane(frame, area, Pane::Rules.title(), right, focused, theme);
    let width = usize::from(inner.width);
    let mut lines: Vec<Line<'_>> = Vec::new();
    if let Some((text, meaning)) = news(state, &theme.symbols) {
        let most = NEWS.min(usize::from(inner.height / 2));
        lines.extend(wrap(&text, width, most).into_iter().map(|line| Line::styled(line, theme.style(meaning))));
    }
    if entries.is_empty() {
        lines.push(Line::styled("no rules: name a file with --rules (README, Rules)", theme.style(Meaning::Muted)));
        return frame.render_widget(Paragraph::new(lines), inner);
    }
    let columns = Columns::of(&entries, width);
    lines.push(columns.head(state, theme));
    let above = lines.len();
    let room = usize::from(inner.height).saturating_sub(above);
    let chosen = state.rule_index();
    let first = list::first(chosen, entries.len(), room);
    lines.extend(entries.iter().skip(first).take(room).map(|entry| columns.row(entry, health, state, theme)));
    frame.render_widget(Paragraph::new(lines), inner);
    select(frame, inner, chosen.checked_sub(first).map(|line| line + above), theme);
}

/// Lines of the pane, from its top, above the list.
pub fn lines_above(state: &AppState, inner: Rect) -> usize {
    let width = usize::from(inner.width);
    let news = news(state, &Symbols::UNICODE).map_or(0, |(text, _)| wrap(&text, width, NEWS).len());
    news.min(usize::from(inner.height / 2)) + 1
}

/// Lines of what has become of the files, at most.
const NEWS: usize = 8;

/// What has become of the files since the start, if they changed.
fn news(state: &AppState, symbols: &Symbols) -> Option<(String, Meaning)> {
    let report = state.status.rules.as_ref()?;
    let at = clock(state, report.at, true);
    Some(match (&report.fault, &report.change) {
        (Some(fault), _) => {
            let text = format!(
                "{} the files were changed and do not hold; these rules stay in force: {fault}",
                symbols.critical
            );
            (text, Meaning::Critical)
        }
        (None, Some(change)) => (format!("{} in force since {at}: {change}", symbols.ok), Meaning::Ok),
        (None, None) => (format!("{} the files hold again since {at}", symbols.ok), Meaning::Ok),
    })
}

/// Widths of the columns.
struct Columns {
    id: usize,
    width: usize,
    /// There is room for what it costs and how often it rang.
    costs: bool,
    /// There is room for the words, not only for the numbers.
    wide: bool,
}

impl Columns {
    fn of(entries: &[Entry<'_>], width: usize) -> Self {
        let longest = entries.iter().map(|entry| entry.id.chars().count()).max().unwrap_or(4);
        Self { id: longest.clamp(4, (width / 4).max(4)), width, costs: width >= 70, wide: width >= 130 }
    }

    fn head<'a>(&self, state: &AppState, theme: &Theme) -> Line<'a> {
        let costs = if self.costs { format!(" {:<8} {:>7}", "a minute", "cost") } else { String::new() };
        let also = if self.wide { format!(" {:<22}", "also") } else { String::new() };
        let id = self.id;
        let text = format!(
            "  {:<id$} {:<4} {:>6}  {:<13}{costs}{also} {}",
            "rule", "sev", "hits", "evaluated on", "what it says"
        );
        // By which column they are in order.
        let by = state.view.rule_order.column();
        let marked = format!("{}{by}", theme.symbols.down);
        let text = if by.is_empty() { text } else { text.replacen(&format!(" {by}"), &marked, 1) };
        Line::styled(column(&text, self.width, ""), theme.style(Meaning::Title))
    }

    fn row<'a>(&self, entry: &Entry<'_>, health: &HealthReport, state: &AppState, theme: &Theme) -> Line<'a> {
        let (text, muted) = (theme.style(Meaning::Text), theme.style(Meaning::Muted));
        let id = |style| Span::styled(column(&entry.id, self.id, theme.symbols.ellipsis), style);
        let Some((index, rule)) = entry.in_force else {
            let word = match entry.drafted {
                Some(drafted) if drafted.off => "off",
                _ => "in the draft only: Ctrl-S applies it",
            };
            let mark = if entry.drafted.is_some_and(|drafted| drafted.changed) {
                theme.symbols.mark
            } else {
                theme.symbols.none
            };
            return Line::from(vec![
                Span::styled(format!("{mark} "), muted),
                id(muted),
                Span::styled(format!(" {word}"), muted),
            ]);
        };
        let count = health.counts.get(index).copied().unwrap_or_default();
        let no_data = health.no_data.iter().find(|found| found.rule == index);
        let standing = standing(&rule.id, &count, no_data.is_some(), &state.board().alerts);
        let (_, word, severity) = theme.severity(Some(rule.severity));
        let (symbol, style) = match standing {
            Standing::Firing => (theme.severity(Some(rule.severity)).0, severity),
            Standing::Pending => (theme.symbols.none, severity),
            Standing::Quiet if rule.shadow => (theme.symbols.none, muted),
            Standing::Quiet => (theme.symbols.ok, theme.style(Meaning::Ok)),
            Standing::NoData => (theme.symbols.none, muted),
        };
        let hits = if count.records == 0 { "–".to_owned() } else { humanize::count(count.hits) };
        let share = if count.records == 0 {
            "–".to_owned()
        } else {
            format!("{} of {}", humanize::count(count.evaluated), humanize::count(count.records))
        };
        let mut spans = vec![
            Span::styled(format!("{symbol} "), style),
            id(text),
            Span::styled(format!(" {word:<4}"), if standing == Standing::NoData { muted } else { severity }),
            Span::styled(format!(" {hits:>6}"), text),
            Span::styled(format!("  {share:<13}"), muted),
        ];
        if self.costs {
            let bars: Vec<f64> = state.rule_bars(&rule.id).into_iter().map(|count| count as f64).collect();
            let top = bars.iter().copied().fold(0.0, f64::max);
            let bars = spark::bars(&theme.symbols, bars.into_iter().map(Some), top, true);
            let cost = match state.rule_cost(index) {
                None => "–".to_owned(),
                // Less than the clock can tell.
                Some(ns) if ns < 1.0 => "< 1 ns".to_owned(),
                Some(ns) => format!("{} ns", humanize::short(ns)),
            };
            spans.push(Span::styled(format!(" {bars:<8}"), theme.style(Meaning::Spark)));
            spans.push(Span::styled(format!(" {cost:>7}"), muted));
        }
        if self.wide {
            spans.push(Span::styled(format!(" {}", column(&also(&count), 22, theme.symbols.ellipsis)), muted));
        }
        let used: usize = spans.iter().map(Span::width).sum();
        let (says, style) = self.says(entry, rule, no_data.map(|found| found.why.as_str()), theme);
        let room = self.width.saturating_sub(used + 1);
        spans.push(Span::styled(format!(" {}", column(&says, room, theme.symbols.ellipsis)), style));
        Line::from(spans)
    }

    /// What the draft does to it, why nothing can be said of it, else what it is for.
    fn says(
        &self,
        entry: &Entry<'_>,
        rule: &crate::message::Rule,
        no_data: Option<&str>,
        theme: &Theme,
    ) -> (String, Style) {
        let (text, muted) = (theme.style(Meaning::Text), theme.style(Meaning::Muted));
        let shadow = if rule.shadow { "shadow: " } else { "" };
        match (entry.drafted, no_data) {
            (Some(drafted), _) if drafted.off => {
                (format!("{} off in the draft", theme.symbols.mark), theme.style(Meaning::Key))
            }
            (Some(drafted), _) if drafted.changed => {
                (format!("{} changed in the draft", theme.symbols.mark), theme.style(Meaning::Key))
            }
            (_, Some(why)) => (format!("{shadow}no data: {why}"), muted),
            _ => (format!("{shadow}{}", rule.desc), if rule.shadow { muted } else { text }),
        }
    }
}

/// What else became of it.
fn also(count: &RuleCount) -> String {
    let partial = if count.present < count.evaluated { count.present } else { 0 };
    let parts = [
        (count.pending, "pending"),
        (count.excepted, "excepted"),
        (count.errors, "errors"),
        (count.evicted + count.cut, "forgotten"),
        (count.groups, "groups"),
        (partial, "with all fields"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{} {word}", humanize::count(*count)))
        .collect();
    parts.join(", ")
}
