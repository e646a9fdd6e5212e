//! The rules in force: how each stands, on how many records it was evaluated, and what is wrong with a newer version.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::humanize;
use crate::message::{HealthReport, RuleCount};
use crate::state::AppState;
use crate::state::rules::{Standing, standing};
use crate::ui::panes::records::clock;
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::frame::pane;
use crate::ui::widgets::text::{column, wrap};

/// Draws the pane.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    let Some(health) = &state.status.health else {
        let inner = pane(frame, area, "Rules", Vec::new(), true, theme);
        let text = Line::styled("the rules are being read", theme.style(Meaning::Muted));
        return frame.render_widget(Paragraph::new(text), inner);
    };
    let count = health.rules.rules.len();
    let right = format!("{count} in force {} revision {}", theme.symbols.dot, health.rules.short_revision());
    let right = vec![Span::styled(right, theme.style(Meaning::Muted))];
    let inner = pane(frame, area, "Rules", right, true, theme);
    let width = usize::from(inner.width);
    let mut lines = news(state, width, theme);
    lines.truncate(usize::from(inner.height / 2));
    if count == 0 {
        lines.push(Line::styled("no rules: see README, Rules", theme.style(Meaning::Muted)));
        return frame.render_widget(Paragraph::new(lines), inner);
    }
    let columns = Columns::of(health, width);
    lines.push(columns.head(theme));
    let room = usize::from(inner.height).saturating_sub(lines.len());
    let first = state.view.scroll.min(count.saturating_sub(room));
    lines.extend((first..count).take(room).map(|index| columns.row(index, health, state, theme)));
    frame.render_widget(Paragraph::new(lines), inner);
}

/// What has become of the files since the start, if they changed.
fn news<'a>(state: &AppState, width: usize, theme: &Theme) -> Vec<Line<'a>> {
    let Some(report) = &state.status.rules else { return Vec::new() };
    let at = clock(state, report.at, true);
    let (text, meaning) = match (&report.fault, &report.change) {
        (Some(fault), _) => {
            let text = format!(
                "{} the files were changed and do not hold; these rules stay in force: {fault}",
                theme.symbols.critical
            );
            (text, Meaning::Critical)
        }
        (None, Some(change)) => (format!("{} in force since {at}: {change}", theme.symbols.ok), Meaning::Ok),
        (None, None) => (format!("{} the files hold again since {at}", theme.symbols.ok), Meaning::Ok),
    };
    wrap(&text, width, 8).into_iter().map(|line| Line::styled(line, theme.style(meaning))).collect()
}

/// Widths of the columns.
struct Columns {
    id: usize,
    width: usize,
    /// There is room for the words, not only for the numbers.
    wide: bool,
}

impl Columns {
    fn of(health: &HealthReport, width: usize) -> Self {
        let longest = health.rules.rules.iter().map(|rule| rule.id.chars().count()).max().unwrap_or(4);
        Self { id: longest.clamp(4, (width / 4).max(4)), width, wide: width >= 110 }
    }

    fn head<'a>(&self, theme: &Theme) -> Line<'a> {
        let also = if self.wide { format!(" {:<22}", "also") } else { String::new() };
        let text = format!(
            "  {:<id$} {:<4} {:>6} {:<17}{also} {}",
            "rule",
            "sev",
            "hits",
            " evaluated on",
            "what it says",
            id = self.id
        );
        Line::styled(column(&text, self.width, ""), theme.style(Meaning::Title))
    }

    fn row<'a>(&self, index: usize, health: &HealthReport, state: &AppState, theme: &Theme) -> Line<'a> {
        let (text, muted) = (theme.style(Meaning::Text), theme.style(Meaning::Muted));
        let rule = &health.rules.rules[index];
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
            Span::styled(column(&rule.id, self.id, theme.symbols.ellipsis), text),
            Span::styled(format!(" {word:<4}"), if standing == Standing::NoData { muted } else { severity }),
            Span::styled(format!(" {hits:>6}"), text),
            Span::styled(format!("  {share:<16}"), muted),
        ];
        if self.wide {
            spans.push(Span::styled(format!(" {}", column(&also(&count), 22, theme.symbols.ellipsis)), muted));
        }
        let used: usize = spans.iter().map(Span::width).sum();
        let (says, style) = self.says(rule, no_data.map(|found| found.why.as_str()), (text, muted));
        spans.push(Span::styled(
            format!(" {}", column(&says, self.width.saturating_sub(used + 1), theme.symbols.ellipsis)),
            style,
        ));
        Line::from(spans)
    }

    /// Why nothing can be said of a rule, else what it is for.
    fn says(&self, rule: &crate::message::Rule, no_data: Option<&str>, styles: (Style, Style)) -> (String, Style) {
        let shadow = if rule.shadow { "shadow: " } else { "" };
        match no_data {
            Some(why) => (format!("{shadow}no data: {why}"), styles.1),
            None => (format!("{shadow}{}", rule.desc), if rule.shadow { styles.1 } else { styles.0 }),
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
