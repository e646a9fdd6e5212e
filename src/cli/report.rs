//! Faults of files as rustc would show them: place, line, caret, mend.

use std::ops::Range;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report};

use crate::sanitize;
use crate::yaml::Diagnostic;

/// All faults of some files, as one text, for whoever wanted to start something.
pub(super) fn faults(found: &[Diagnostic]) -> String {
    let count = found.len();
    all(found) + &format!("{count} fault{}; nothing was started", if count == 1 { "" } else { "s" })
}

/// All that is to be said of some files, as one text.
pub(super) fn all(found: &[Diagnostic]) -> String {
    found.iter().map(|fault| one(fault) + "\n").collect()
}

/// The same for programs.
pub(super) fn json(found: &[Diagnostic]) -> serde_json::Value {
    let one = |fault: &Diagnostic| {
        let (line, column) = fault.position();
        let (end_line, end_column) = Diagnostic { span: fault.span.end..fault.span.end, ..fault.clone() }.position();
        serde_json::json!({
            "file": &*fault.file,
            "line": line,
            "column": column,
            "end_line": end_line,
            "end_column": end_column,
            "message": fault.message,
            "help": fault.help,
        })
    };
    found.iter().map(one).collect()
}

fn one(fault: &Diagnostic) -> String {
    let (line, column) = fault.position();
    let place = sanitize::line(&fault.file).into_owned();
    let message = sanitize::line(&fault.message).into_owned();
    let head = format!("{place}:{line}:{column}: {message}");
    let mut diagnostic = MietteDiagnostic::new(head.clone());
    if let Some(help) = &fault.help {
        diagnostic = diagnostic.with_help(sanitize::line(help).into_owned());
    }
    if fault.text.is_empty() {
        return plain(&head, fault.help.as_deref());
    }
    let (shown, span) = near(&fault.text, &fault.span);
    // The source keeps its length, so that spans fit: what a terminal would obey becomes as many question marks.
    let mut text = String::with_capacity(shown.len());
    for c in shown.chars() {
        match c {
            '\n' => text.push(c),
            c if sanitize::is_unsafe(c) => (0..c.len_utf8()).for_each(|_| text.push('?')),
            c => text.push(c),
        }
    }
    let diagnostic = diagnostic.with_label(LabeledSpan::underline(span));
    let report = Report::new(diagnostic).with_source_code(NamedSource::new(&place, text));
    let mut out = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_context_lines(1);
    match handler.render_report(&mut out, report.as_ref()) {
        Ok(()) => out.trim_matches('\n').to_owned() + "\n",
        Err(_) => plain(&head, fault.help.as_deref()),
    }
}

/// Longest line of a file that is shown, bytes.
const LINE: usize = 400;

/// What of a text is shown of a fault: all of it, or a piece of the line if that is longer than any screen.
fn near<'t>(text: &'t str, span: &Range<usize>) -> (&'t str, Range<usize>) {
    let start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[span.start..].find('\n').map_or(text.len(), |at| span.start + at);
    let around = |line: &str| line.len() <= LINE;
    let before = text[..start].trim_end_matches('\n').rsplit('\n').next().unwrap_or_default();
    let after = text[end..].trim_start_matches('\n').split('\n').next().unwrap_or_default();
    if end - start <= LINE && around(before) && around(after) {
        return (text, span.clone());
    }
    let from = text.floor_char_boundary(span.start.saturating_sub(LINE / 2).max(start));
    let to = text.ceil_char_boundary((span.start + LINE / 2).min(end));
    (&text[from..to], span.start - from..span.end.min(to) - from)
}

fn plain(head: &str, help: Option<&str>) -> String {
    match help {
        Some(help) => format!("{head}\n  help: {}\n", sanitize::line(help)),
        None => format!("{head}\n"),
    }
}
