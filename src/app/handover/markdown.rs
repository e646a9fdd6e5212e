//! The words of a report. Everything foreign is redacted, made safe for terminals and escaped for Markdown.

use std::fmt::Write;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Options, Range};
use crate::history::Row;
use crate::humanize;
use crate::message::EngineState;
use crate::sanitize;
use crate::state::AppState;
use crate::state::alerts::AlertState;
use crate::stats::ring::quantile;
use crate::verdict::{Action, Outcome};

/// Records that are listed.
const LISTED: usize = 50;

/// Records whose texts are written out.
const TEXTS: usize = 10;

/// Columns of the charts.
const COLUMNS: usize = 48;

/// Rows in which a text is looked for that is not to be quoted.
const LOOKED: usize = 2_000;

/// Shortest text that counts as quoted, bytes.
const QUOTED: usize = 4;

/// Heights of the charts.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A line of the charts: its name, and what it says of the records of one column; nothing is no zero.
type Chart<'a> = (&'a str, &'a dyn Fn(&[&Row]) -> Option<f64>);

/// What is told.
pub(super) struct Told<'a> {
    pub state: &'a AppState,
    pub rows: &'a [&'a Row],
    pub range: &'a Range,
    pub text: bool,
    pub options: &'a Options,
    pub now: Timestamp,
}

/// Text for Markdown: nothing of it is obeyed.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in sanitize::line(text).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~' | '!' | '&' | '$') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Text as code: a fence that is longer than any run of backticks in it.
fn code(text: &str) -> String {
    let plain = sanitize::line(text);
    let runs = plain.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(runs + 1);
    let pad = if plain.starts_with('`') || plain.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", plain.replace('|', "\\|"))
}

/// A word of a shell command.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | ':' | '=' | '%' | '+' | ',');
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

pub(super) fn file_line(path: &str, hash: &str) -> String {
    format!("- {}: {hash}\n", code(path))
}

pub(super) fn part_line(source: &str, file: &str, (from, to): (u64, u64), hash: &str) -> String {
    format!("- {}, file {}, bytes {from} to {to}: {hash}\n", code(source), code(file))
}

impl Told<'_> {
    /// The report but for the hashes: what stands before them, and behind.
    pub fn text(&self) -> (String, String) {
        let mut head = String::new();
        let (from, to) = self.span();
        let _ = writeln!(head, "# Hand-over: {from} to {to}\n");
        let _ =
            writeln!(head, "{}, written {:.0} by watcher {}.\n", self.range.name, self.now, env!("CARGO_PKG_VERSION"));
        self.glance(&mut head);
        self.versions(&mut head);
        head.push_str("## Logs\n\n");
        let mut tail = "\n".to_owned();
        self.alerts(&mut tail);
        self.charts(&mut tail);
        self.timeline(&mut tail);
        self.records(&mut tail);
        self.command(&mut tail, &to);
        (head, tail)
    }

    fn redacted(&self, text: &str) -> String {
        self.options.redact.text(text).into_owned()
    }

    fn foreign(&self, text: &str) -> String {
        escaped(&self.redacted(text))
    }

    fn times(&self) -> impl Iterator<Item = Timestamp> + '_ {
        self.rows.iter().filter_map(|row| row.verdict.ts)
    }

    fn span(&self) -> (String, String) {
        let shown = |at: Option<Timestamp>| at.map_or("(no time)".to_owned(), |at| at.to_string());
        (shown(self.times().min()), shown(self.times().max()))
    }

    fn glance(&self, out: &mut String) {
        let number = |n: usize| humanize::number(n as f64);
        let with = |action: Action| self.rows.iter().filter(|row| row.verdict.advice.action == action).count();
        let actions: Vec<String> =
            Action::ALL.iter().rev().map(|action| format!("{} {action}", number(with(*action)))).collect();
        let asked = self.rows.iter().filter(|row| !row.record.samples.is_empty());
        let asked: Vec<_> = asked.map(|row| row.verdict.divergence.outcome == Outcome::Scored).collect();
        let scored = asked.iter().filter(|scored| **scored).count();
        let firing = self.state.board().alerts.firing().count();
        let _ = writeln!(
            out,
            "- {} records: {}\n- {} of {} with answers had them compared\n- {firing} alerts fire at the end",
            number(self.rows.len()),
            actions.join(", "),
            number(scored),
            number(asked.len()),
        );
        if !self.text {
            out.push_str("- without prompts and answers\n");
        }
        if let Some(replay) = self.state.replay()
            && let Some(other) = &replay.other
        {
            let found = &replay.differences;
            let why: Vec<String> = found.reasons.iter().map(|(why, count)| format!("{why} {count}")).collect();
            let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(", ")) };
            let _ = writeln!(
                out,
                "- shown: {}; {} differs in {} of {} records{why}",
                self.foreign(&replay.track),
                self.foreign(other),
                found.count,
                found.of
            );
        }
        out.push('\n');
    }

    fn versions(&self, out: &mut String) {
        out.push_str("## Versions\n\n");
        let _ = writeln!(out, "- watcher {}", env!("CARGO_PKG_VERSION"));
        let mut seen: Vec<(&Arc<str>, usize)> = Vec::new();
        for row in self.rows {
            match seen.iter_mut().find(|(rules, _)| **rules == row.verdict.rules) {
                Some((_, count)) => *count += 1,
                None => seen.push((&row.verdict.rules, 1)),
            }
        }
        for (rules, count) in seen {
            let _ = writeln!(out, "- rules {} ({count} records)", self.foreign(rules));
        }
        if let Some(health) = &self.state.status.health {
            for file in &health.rules.files {
                let _ = writeln!(out, "- rule file {}", self.foreign(&file.name));
            }
        }
        if let Some(EngineState::Running { label, .. }) = &self.state.status.embedding {
            let _ = writeln!(out, "- answers compared by {}", self.foreign(label));
        }
        out.push('\n');
    }

    fn alerts(&self, out: &mut String) {
        out.push_str("## Alerts\n\n| state | severity | cause | whose | since | until | times | |\n|---|---|---|---|---|---|---:|---|\n");
        for alert in self.state.board().alerts.iter() {
            let (state, until) = match alert.state {
                AlertState::Firing => ("firing", "still".to_owned()),
                AlertState::Pending => ("pending", "–".to_owned()),
                AlertState::Resolved => ("over", format!("{:.0}", alert.last)),
            };
            let text = if self.is_quoting(&alert.text) || alert.cause.starts_with("@disagree") && !self.text {
                String::new()
            } else {
                self.foreign(&alert.text)
            };
            let _ = writeln!(
                out,
                "| {state} | {} | {} | {} | {:.0} | {until} | {} | {text} |",
                alert.severity.word(),
                self.foreign(&alert.cause),
                self.foreign(&alert.key),
                alert.since,
                alert.count,
            );
        }
        for rule in &self.state.board().alerts.no_data {
            let _ = writeln!(out, "| no data | | {} | | | | | {} |", self.foreign(&rule.rule), self.foreign(&rule.why));
        }
        out.push('\n');
    }

    /// Whether a text says what a prompt or an answer says, and must not.
    fn is_quoting(&self, text: &str) -> bool {
        let quotes = |row: &&&Row| {
            let texts = row.record.samples.iter().chain(&row.record.prompt).map(|text| text.trim());
            texts.filter(|found| found.len() >= QUOTED).any(|found| text.contains(found))
        };
        !self.text && self.rows.iter().rev().take(LOOKED).any(|row| quotes(&row))
    }

    fn charts(&self, out: &mut String) {
        let (Some(first), Some(last)) = (self.times().min(), self.times().max()) else { return };
        let width = (last.duration_since(first).as_secs_f64() / COLUMNS as f64).max(1e-3);
        let mut columns: Vec<Vec<&Row>> = vec![Vec::new(); COLUMNS];
        for row in self.rows {
            let Some(at) = row.verdict.ts else { continue };
            let column = (at.duration_since(first).as_secs_f64() / width) as usize;
            columns[column.min(COLUMNS - 1)].push(row);
        }
        let lines: [Chart<'_>; 4] = [
            ("records", &|rows| Some(rows.len() as f64)),
            ("violations", &|rows| {
                (!rows.is_empty()).then(|| rows.iter().filter(|row| row.verdict.worst().is_some()).count() as f64)
            }),
            ("risk, mean", &|rows| {
                let risks: Vec<f64> = rows.iter().filter_map(|row| row.verdict.divergence.risk).collect();
                (!risks.is_empty()).then(|| risks.iter().sum::<f64>() / risks.len() as f64)
            }),
            ("latency p95, ms", &|rows| quantile(rows.iter().filter_map(|row| row.record.latency_ms), 0.95)),
        ];
        let span = std::time::Duration::from_secs_f64(width);
        let _ =
            writeln!(out, "## Charts\n\nFrom {first:.0} to {last:.0}, one column {}.\n\n```text", humanize::span(span));
        for (name, value) in lines {
            let values: Vec<Option<f64>> = columns.iter().map(|rows| value(rows)).collect();
            let top = values.iter().flatten().copied().fold(0.0, f64::max);
            let bar = |value: &Option<f64>| match value {
                None => ' ',
                Some(_) if top <= 0.0 => BARS[0],
                Some(value) => BARS[((value / top * 7.0).round() as usize).min(7)],
            };
            let line: String = values.iter().map(bar).collect();
            let _ = writeln!(out, "{name:<16} {line} most {}", humanize::short(top));
        }
        out.push_str("```\n\n");
    }

    fn timeline(&self, out: &mut String) {
        out.push_str("## Marks, silences, edits\n\n");
        let before = out.len();
        let own = self.state.marks.own.iter().map(|mark| (mark.at, "mark", mark.text.as_str()));
        let entries = self.state.replay().map(|replay| &*replay.timeline).unwrap_or_default();
        let replayed = entries.iter().map(|entry| (entry.at, entry.kind.as_str(), entry.text.as_str()));
        for (at, kind, text) in own.chain(replayed).filter(|(at, ..)| self.range.from.is_none_or(|from| *at >= from)) {
            let text = if self.is_quoting(text) { String::new() } else { self.foreign(text) };
            let _ = writeln!(out, "- {at:.0} {} {text}", escaped(kind));
        }
        if let Some(rules) = &self.state.status.rules {
            let what = rules.change.as_deref().or(rules.fault.as_deref()).unwrap_or("the rule files hold again");
            let _ = writeln!(out, "- {:.0} rules {}: {}", rules.at, rules.rules.short_revision(), self.foreign(what));
        }
        if out.len() == before {
            out.push_str("none\n");
        }
        out.push('\n');
    }

    fn records(&self, out: &mut String) {
        let in_question = |row: &&&Row| row.verdict.advice.action >= Action::Review || row.verdict.worst().is_some();
        let found: Vec<&&Row> = self.rows.iter().filter(in_question).collect();
        let _ = writeln!(out, "## Records in question\n\n{} of {}.\n", found.len(), self.rows.len());
        if found.is_empty() {
            return;
        }
        out.push_str("| time | advice | whose | record | place | risk | why |\n|---|---|---|---|---|---:|---|\n");
        // The newest are the likeliest to be asked about.
        let shown = &found[found.len().saturating_sub(LISTED)..];
        for row in shown {
            let (verdict, origin) = (&row.verdict, &row.record.origin);
            let mut why: Vec<String> = verdict
                .violations
                .iter()
                .map(|v| match self.is_quoting(&v.message) {
                    true => self.foreign(&v.rule),
                    false => format!("{}: {}", self.foreign(&v.rule), self.foreign(&v.message)),
                })
                .collect();
            if why.is_empty() {
                let asked = verdict.divergence.risk.is_some();
                why.push(if asked { "the answers disagree" } else { "the answers were not compared" }.to_owned());
            }
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {}#{} | {} | {} |",
                verdict.ts.map_or("–".to_owned(), |at| at.to_string()),
                verdict.advice.action,
                self.foreign(&verdict.key),
                self.foreign(&row.record.id),
                self.foreign(&origin.source),
                origin.offset,
                verdict.divergence.risk.map_or("–".to_owned(), humanize::score),
                why.join("; "),
            );
        }
        if found.len() > LISTED {
            let _ = writeln!(out, "\nThe newest {LISTED}.");
        }
        out.push('\n');
        if self.text {
            shown.iter().rev().take(TEXTS).for_each(|row| self.texts(out, row));
        }
    }

    fn texts(&self, out: &mut String, row: &Row) {
        let _ = writeln!(out, "### {}\n", self.foreign(&row.record.id));
        let texts = row.record.prompt.iter().map(|text| ("prompt".to_owned(), text));
        let samples = row.record.samples.iter().enumerate().map(|(at, text)| (format!("answer {}", at + 1), text));
        for (name, text) in texts.chain(samples) {
            let _ = writeln!(out, "{name}:\n");
            let text = self.redacted(text);
            // Indented: no text can end a block that has no end.
            for line in sanitize::lines(&text) {
                let _ = writeln!(out, "    {line}");
            }
            out.push('\n');
        }
    }

    fn command(&self, out: &mut String, to: &str) {
        out.push_str("## Open it again\n\n```sh\n");
        let capture = self.state.status.capture.own.as_ref().map(|capture| capture.path.clone());
        let source = self.rows.last().map(|row| row.record.origin.source.to_string());
        let file = self.options.file.clone().or(capture).map(|path| path.to_string_lossy().into_owned()).or(source);
        let mut command = format!("watcher replay {}", quoted(&file.unwrap_or_default()));
        for word in &self.options.words {
            let _ = write!(command, " {}", quoted(word));
        }
        match self.state.replay() {
            // Several records may have the same time: the number says which one was in front.
            Some(replay) => command.push_str(&format!(" --at '#{}'", replay.position)),
            None if to.starts_with(|c: char| c.is_ascii_digit()) => {
                command.push_str(&format!(" --at {}", quoted(to)));
            }
            None => {}
        }
        if let Some(filter) = self.state.replay().and_then(|replay| replay.filter.as_ref()) {
            let _ = write!(command, " --filter {}", quoted(&filter.text));
        }
        let _ = writeln!(out, "{}\n```", sanitize::line(&command));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_foreign_is_obeyed() {
        assert_eq!(
            escaped("a|b\n# c <i> `d` *e* [f](g) \u{1b}[31m"),
            "a\\|b␊\\# c \\<i\\> \\`d\\` \\*e\\* \\[f\\](g) ␛\\[31m"
        );
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`"), "`` ` ``");
    }

    #[test]
    fn commands_can_be_pasted() {
        assert_eq!(quoted("logs/a.wcap"), "logs/a.wcap");
        assert_eq!(quoted("it's $(rm)"), "'it'\\''s $(rm)'");
        assert_eq!(quoted(""), "''");
    }
}
