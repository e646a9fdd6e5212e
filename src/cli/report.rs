//! Faults of files as rustc would show them: place, line, caret, mend.

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
    // The source keeps its length, so that spans fit: what a terminal would obey becomes as many question marks.
    let mut text = String::with_capacity(fault.text.len());
    for c in fault.text.chars() {
        match c {
            '\n' => text.push(c),
            c if sanitize::is_unsafe(c) => (0..c.len_utf8()).for_each(|_| text.push('?')),
            c => text.push(c),
        }
    }
    let diagnostic = diagnostic.with_label(LabeledSpan::underline(fault.span.clone()));
    let report = Report::new(diagnostic).with_source_code(NamedSource::new(&place, text));
    let mut out = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_context_lines(1);
    match handler.render_report(&mut out, report.as_ref()) {
        Ok(()) => out.trim_matches('\n').to_owned() + "\n",
        Err(_) => plain(&head, fault.help.as_deref()),
    }
}

fn plain(head: &str, help: Option<&str>) -> String {
    match help {
        Some(help) => format!("{head}\n  help: {}\n", sanitize::line(help)),
        None => format!("{head}\n"),
    }
}
