//! The rule that is being written: as a form, or as text with its faults where they are; and whether the draft holds.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr;

use crate::message::inquiry::Fault;
use crate::message::rules::{Field, shown};
use crate::state::AppState;
use crate::state::editing::{Editing, Mode};
use crate::state::rules::EMBEDDED;
use crate::state::view::{Overlay, Pane};
use crate::ui::theme::{Meaning, Theme};
use crate::ui::widgets::frame::{pane, select};
use crate::ui::widgets::list;
use crate::ui::widgets::text::{column, fit, wrap};

/// Columns of the names of fields.
const LABEL: usize = 14;

/// Lines that what is wrong takes at most.
const FAULTS: usize = 4;

/// Draws the pane.
pub fn render(frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    let focused = state.view.focus() == Pane::Editor;
    let Some(editing) = &state.editing else {
        let inner = pane(frame, area, Pane::Editor.title(), Vec::new(), focused, theme);
        let text = if state.status.health.is_some() { "e edits the chosen rule" } else { "the rules are being read" };
        return frame.render_widget(Paragraph::new(Line::styled(text, theme.style(Meaning::Muted))), inner);
    };
    let inner = pane(frame, area, Pane::Editor.title(), title(editing, state, theme), focused, theme);
    let below = verdict(editing, state, usize::from(inner.width), theme);
    let height = (below.len() as u16).min(inner.height / 2);
    let body = Rect { height: inner.height - height, ..inner };
    frame.render_widget(Paragraph::new(below), Rect { y: body.bottom(), height, ..inner });
    match editing.mode {
        Mode::Form { field } => form(frame, body, editing, (field, focused), theme),
        Mode::Text => text(frame, body, editing, state, theme),
    }
}

/// Which rule of which file, and how it is written.
fn title<'a>(editing: &Editing, state: &AppState, theme: &Theme) -> Vec<Span<'a>> {
    let name = editing.draft.files().get(editing.file).map_or("", |file| &file.name);
    let name = name.rsplit('/').next().unwrap_or(name).trim_end_matches(EMBEDDED).trim_end();
    let rule = editing.rule.as_deref().unwrap_or("–");
    let how = match editing.mode {
        Mode::Form { .. } => "form, Ctrl-T text",
        Mode::Text if state.is_writing() => "text, Esc leaves",
        Mode::Text => "text, Enter writes",
    };
    let text = format!(
        "{} {} {} {} ",
        crate::sanitize::line(rule),
        theme.symbols.dot,
        crate::sanitize::line(name),
        theme.symbols.dot
    );
    vec![Span::styled(text, theme.style(Meaning::Muted)), Span::styled(how, theme.style(Meaning::Key))]
}

/// Whether the draft holds; what is wrong first.
fn verdict<'a>(editing: &Editing, state: &AppState, width: usize, theme: &Theme) -> Vec<Line<'a>> {
    let muted = theme.style(Meaning::Muted);
    let Some(report) = editing.current() else {
        return vec![Line::styled(format!("being checked{}", theme.symbols.ellipsis), muted)];
    };
    if let Some(fault) = report.faults.first() {
        let more = match report.faults.len() {
            1 => String::new(),
            n => format!("  (and {} more)", n - 1),
        };
        let help = fault.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        let name = fault.file.rsplit('/').next().unwrap_or(&fault.file);
        let text =
            format!("{} {name}:{}:{}: {}{help}{more}", theme.symbols.critical, fault.line, fault.column, fault.message);
        let lines = wrap(&text, width.max(1), FAULTS).into_iter();
        return lines.map(|line| Line::styled(line, theme.style(Meaning::Critical))).collect();
    }
    let (hold, tests) = report.tests;
    let tests = if tests > 0 { format!(", {hold} of {tests} tests hold") } else { String::new() };
    let mut spans = vec![Span::styled(format!("{} holds{tests}", theme.symbols.ok), theme.style(Meaning::Ok))];
    if editing.draft.is_changed() {
        let word = match (editing.saving.is_some(), state.options.read_only) {
            (true, _) => "being written",
            (false, true) => "changed; --read-only: :export-patch",
            (false, false) => "changed: Ctrl-S applies, u undoes",
        };
        spans.push(Span::styled(format!("  {word}"), theme.style(Meaning::Key)));
    }
    vec![Line::from(spans)]
}

fn form(frame: &mut Frame<'_>, area: Rect, editing: &Editing, (chosen, focused): (usize, bool), theme: &Theme) {
    let Some(form) = &editing.form else {
        let text = "this rule can't be shown as a form: Ctrl-T shows its text";
        return frame.render_widget(Paragraph::new(Line::styled(text, theme.style(Meaning::Muted))), area);
    };
    let (width, room) = (usize::from(area.width), usize::from(area.height));
    let first = list::first(chosen, form.fields.len(), room);
    let rows = form.fields.iter().skip(first).take(room);
    let lines: Vec<Line<'_>> = rows.map(|field| field_line(field, width, theme)).collect();
    frame.render_widget(Paragraph::new(lines), area);
    let line = chosen.checked_sub(first).filter(|_| focused);
    select(frame, area, line, theme);
    // How the chosen field is changed stands at the end of its line.
    if let (Some(line), Some(field)) = (line, form.fields.get(chosen)) {
        let hint = format!(" {}", how(field));
        let used = LABEL + 1 + field.value.as_ref().map_or(1, |value| shown(value).width());
        if used + hint.width() < width {
            let at = Rect {
                x: area.right() - hint.width() as u16,
                y: area.y + line as u16,
                width: hint.width() as u16,
                height: 1,
            };
            frame.render_widget(Paragraph::new(Span::styled(hint, theme.style(Meaning::Key))), at.intersection(area));
        }
    }
}

/// How a field is changed.
fn how(field: &Field) -> &'static str {
    use crate::message::rules::Kind;
    match field.kind {
        Kind::Number | Kind::Duration => "h l step, H L far, Enter types",
        Kind::Switch | Kind::Choice(_) => "h l, Enter",
        Kind::Text => "Enter types",
    }
}

fn field_line<'a>(field: &'a Field, width: usize, theme: &Theme) -> Line<'a> {
    let label =
        Span::styled(format!("{} ", column(&field.label, LABEL, theme.symbols.ellipsis)), theme.style(Meaning::Muted));
    let room = width.saturating_sub(LABEL + 1);
    let value = match &field.value {
        Some(value) => Span::styled(column(&shown(value), room, theme.symbols.ellipsis), theme.style(Meaning::Text)),
        None => Span::styled(
            column(&format!("–  {}", field.help), room, theme.symbols.ellipsis),
            theme.style(Meaning::Muted),
        ),
    };
    Line::from(vec![label, value])
}

fn text(frame: &mut Frame<'_>, area: Rect, editing: &Editing, state: &AppState, theme: &Theme) {
    let (row, place) = editing.cursor();
    let lines = editing.lines();
    let numbers = lines.len().max(1).to_string().len() + 1;
    let width = usize::from(area.width).saturating_sub(numbers + 1);
    let room = usize::from(area.height);
    if width == 0 || room == 0 {
        return;
    }
    let first = list::first(row, lines.len(), room);
    // What is before the cursor, as it is shown: tabs and control characters are wider or narrower than they are long.
    let before: String = lines.get(row).map(|line| line.chars().take(place).collect()).unwrap_or_default();
    let before = crate::sanitize::line(&before).width();
    let left = before.saturating_sub(width.saturating_sub(1));
    let name = editing.draft.files().get(editing.file).map_or("", |file| &file.name);
    let faults: &[Fault] = editing.current().map_or(&[], |report| &report.faults);
    let shown = lines.iter().enumerate().skip(first).take(room).map(|(index, line)| {
        let fault = faults.iter().find(|fault| fault.line == index + 1 && fault.file == *name);
        let number = format!("{:>width$} ", index + 1, width = numbers);
        let style = theme.style(if fault.is_some() { Meaning::Critical } else { Meaning::Muted });
        let mut spans = vec![Span::styled(number, style)];
        spans.extend(code(line, fault, (left, width), theme));
        Line::from(spans)
    });
    let shown: Vec<Line<'_>> = shown.collect();
    frame.render_widget(Paragraph::new(shown), area);
    if state.is_writing() && state.view.overlay == Overlay::None {
        let x = area.x + (numbers + 1 + before - left).min(usize::from(area.width) - 1) as u16;
        frame.set_cursor_position(Position::new(x, area.y + (row - first) as u16));
    }
}

/// A line of the text: comments and keys are told apart, what is wrong is marked.
fn code<'a>(line: &str, fault: Option<&Fault>, (left, width): (usize, usize), theme: &Theme) -> Vec<Span<'a>> {
    let plain = theme.style(Meaning::Text);
    let marked: Vec<(String, Style)> = match fault {
        Some(fault) => {
            let at = fault.column.saturating_sub(1);
            let part =
                |from: usize, to: usize| line.chars().skip(from).take(to.saturating_sub(from)).collect::<String>();
            let end = at + fault.width.max(1);
            vec![(part(0, at), plain), (part(at, end), theme.style(Meaning::Mark)), (part(end, usize::MAX), plain)]
        }
        None => {
            let comment = line.find(" #").map(|at| at + 1).or_else(|| line.starts_with('#').then_some(0));
            let (body, comment) = line.split_at(comment.unwrap_or(line.len()));
            let key = body.find(':').filter(|at| body[*at + 1..].starts_with(' ') || body.len() == at + 1);
            let (key, rest) = body.split_at(key.map_or(0, |at| at + 1));
            let styles = [theme.style(Meaning::Key), plain, theme.style(Meaning::Muted)];
            [key, rest, comment].map(str::to_owned).into_iter().zip(styles).collect()
        }
    };
    // What is left of the window goes, what is right of it is cut.
    let (mut skip, mut room) = (left, width);
    let mut spans = Vec::new();
    for (text, style) in marked {
        let text = crate::sanitize::line(&text).into_owned();
        let mut kept = &text[..];
        while skip > 0 && !kept.is_empty() {
            let first = kept.chars().next().map_or(0, char::len_utf8);
            skip = skip.saturating_sub(kept[..first].width());
            kept = &kept[first..];
        }
        let cut = fit(kept, room, "").into_owned();
        room -= cut.width().min(room);
        spans.push(Span::styled(cut, style));
    }
    spans
}
