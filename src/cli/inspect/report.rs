//! What `inspect` tells: for people, and for programs.

use std::fmt::Write;

use super::Inspected;
use crate::humanize;
use crate::record::format::Format;
use crate::record::profile::{Guess, LabelField, NumberField, Preview, TextField};
use crate::sanitize;

/// Fields of a kind that are listed.
const LISTED: usize = 12;

/// Characters of a name and of an example in a table.
const NAME: usize = 38;
const EXAMPLE: usize = 60;

/// For people.
pub fn text(found: &Inspected) -> String {
    let mut out = String::new();
    head(&mut out, found);
    if found.sample.is_empty() || nothing(&mut out, found) {
        return out;
    }
    answers(&mut out, found);
    times(&mut out, found);
    keys(&mut out, found);
    for rejected in &found.refused {
        let place = rejected.origin.line.map_or(String::new(), |line| format!("line {line}: "));
        line(
            &mut out,
            "rejected",
            &format!("{place}{}: {}", rejected.reject.reason, short(&rejected.excerpt, EXAMPLE)),
        );
    }
    if !found.findings.texts.is_empty() {
        texts(&mut out, &found.findings.texts);
    }
    if !found.findings.numbers.is_empty() {
        numbers(&mut out, &found.findings.numbers);
    }
    if !found.findings.labels.is_empty() {
        labels(&mut out, &found.findings.labels);
    }
    if !found.findings.previews.is_empty() {
        out.push_str("\nthe first records\n");
        found.findings.previews.iter().enumerate().for_each(|(index, record)| preview(&mut out, index + 1, record));
    }
    next(&mut out, found);
    out
}

fn line(out: &mut String, head: &str, text: &str) {
    // Writing to a String can't fail.
    let _ = writeln!(out, "{head:<10} {}", sanitize::line(text));
}

fn count(n: u64) -> String {
    humanize::number(n as f64)
}

fn percent(part: u64, of: u64) -> String {
    if of == 0 { "–".into() } else { format!("{:.0} %", 100.0 * part as f64 / of as f64) }
}

fn short(text: &str, most: usize) -> String {
    let text = sanitize::line(text);
    let mut kept: String = text.chars().take(most).collect();
    if kept.len() < text.len() {
        kept.push('…');
    }
    kept
}

fn head(out: &mut String, found: &Inspected) {
    let sample = &found.sample;
    let read = match sample.size {
        _ if sample.is_empty() => "nothing in it yet".to_owned(),
        Some(size) if size > sample.read() => format!(
            "{}, of which {} were read: the beginning and the end",
            humanize::bytes(size),
            humanize::bytes(sample.read())
        ),
        Some(size) => format!("{}, all of it read", humanize::bytes(size)),
        None if sample.packed => {
            format!("packed; the first {} of its content were read", humanize::bytes(sample.read()))
        }
        None => format!("the first {} were read", humanize::bytes(sample.read())),
    };
    line(out, "log", &format!("{}: {read}", found.name));
    if sample.is_empty() {
        line(out, "next", &format!("watcher {} waits for records and shows them as they come", quoted(&found.name)));
        return;
    }
    let known = found.choice.sure || found.findings.records > 0;
    let title = if known { found.choice.title() } else { "not known".to_owned() };
    line(out, "format", &format!("{title}: {}", found.choice.why));
    let mut parts = vec![format!("{} of {} lines", count(found.findings.records + found.verdicts), count(found.lines))];
    if found.joined > 0 {
        parts.push(format!("{} put together from several", count(found.joined)));
    }
    parts.extend(found.skipped.in_words());
    parts.push(format!("{} rejected", count(found.rejected)));
    if found.findings.truncated > 0 {
        parts.push(format!("{} cut by the limits", count(found.findings.truncated)));
    }
    line(out, "records", &parts.join(", "));
}

/// Says what is to be said where there is no record; whether that is all.
fn nothing(out: &mut String, found: &Inspected) -> bool {
    if found.verdicts > 0 {
        line(
            out,
            "verdicts",
            &format!("{} of another instance: they are shown as given, no engine runs", count(found.verdicts)),
        );
        line(out, "next", &format!("watcher {}", quoted(&found.name)));
        return found.findings.records == 0;
    }
    if found.findings.records > 0 {
        return false;
    }
    if let Some(kind) = found.sample.kind() {
        line(out, "content", &format!("this is {kind}: there is nothing in it to watch"));
        return true;
    }
    for rejected in &found.refused {
        line(out, "rejected", &format!("{}: {}", rejected.reject.reason, short(&rejected.excerpt, EXAMPLE)));
    }
    line(out, "next", "watcher reads JSON: one object a line, an array, or an export of a tool it knows (--format)");
    true
}

fn answers(out: &mut String, found: &Inspected) {
    let findings = &found.findings;
    let (records, several) = (findings.records, findings.with_several);
    let text = if findings.with_answers == 0 {
        "no record has an answer: rules and drift work on its numbers, nothing is compared".to_owned()
    } else if several == 0 {
        format!(
            "{} of {} have one, none has two and more: each is compared with earlier answers to the same prompt",
            count(findings.with_answers),
            count(records)
        )
    } else {
        format!(
            "{} of {} have one and more, {} have two and more ({}): these are compared",
            count(findings.with_answers),
            count(records),
            count(several),
            percent(several, records)
        )
    };
    line(out, "answers", &text);
}

fn times(out: &mut String, found: &Inspected) {
    let findings = &found.findings;
    let (Some(first), Some(last)) = (findings.first, findings.last) else {
        return line(out, "time", "no record tells when it was: live, the time of reading is taken");
    };
    let mut text = format!("{first:.0} to {last:.0} ({})", humanize::span(last.duration_since(first).unsigned_abs()));
    match found.sample.before_end(last) {
        Some((true, span)) if span.as_secs() > 1 => {
            text.push_str(&format!("; the newest is {} ahead of the clock here", humanize::span(span)));
        }
        Some((false, span)) if span.as_secs() > 1 => {
            text.push_str(&format!("; the file was written {} after the newest", humanize::span(span)));
        }
        _ => {}
    }
    if findings.without_time > 0 {
        text.push_str(&format!("; {} without a time", count(findings.without_time)));
    }
    line(out, "time", &text);
}

fn keys(out: &mut String, found: &Inspected) {
    let findings = &found.findings;
    if !findings.keys.is_empty() {
        let keys: Vec<String> =
            findings.keys.iter().take(4).map(|key| values(findings.labels.as_slice(), key)).collect();
        line(out, "key", &format!("records can be told apart by {}", keys.join("; ")));
    }
    if !findings.groups.is_empty() {
        let groups: Vec<&str> = findings.groups.iter().take(3).map(String::as_str).collect();
        line(out, "group", &format!("single answers can be joined by --group-by {}", groups.join(" or ")));
    }
}

/// "agent_id (support-eu, sql-1)"
fn values(labels: &[LabelField], name: &str) -> String {
    let Some(label) = labels.iter().find(|label| label.name == name) else { return name.to_owned() };
    let mut shown: Vec<String> = label.most.iter().map(|(value, _)| short(value, 24)).collect();
    if label.distinct > shown.len() as u64 {
        shown.push("…".into());
    }
    format!("{name} ({})", shown.join(", "))
}

fn texts(out: &mut String, texts: &[TextField]) {
    let _ = writeln!(
        out,
        "\n{:<NAME$} {:>7} {:>6} {:>7}  example",
        "texts (as --map names them)", "objects", "each", "chars"
    );
    for field in texts.iter().take(LISTED) {
        let guess = match field.guess {
            Some(Guess::Samples) => " samples?",
            Some(Guess::Prompt) => " prompt?",
            None => "",
        };
        let example = field.examples.first().map(|text| short(text, EXAMPLE)).unwrap_or_default();
        let _ = writeln!(
            out,
            "{:<NAME$} {:>7} {:>6} {:>7.0}  {example}",
            short(&format!("{}{guess}", field.path), NAME - 1),
            count(field.objects),
            field.most,
            field.mean_chars,
        );
    }
    more(out, texts.len());
}

fn numbers(out: &mut String, numbers: &[NumberField]) {
    let heads = ["records", "min", "p1", "p50", "p99", "max"];
    let _ = write!(out, "\n{:<NAME$}", "numbers");
    for head in heads {
        let _ = write!(out, " {head:>9}");
    }
    out.push('\n');
    for field in numbers.iter().take(LISTED) {
        let _ = write!(out, "{:<NAME$} {:>9}", short(&field.name, NAME - 1), count(field.count));
        for value in [field.min, field.p1, field.p50, field.p99, field.max] {
            let _ = write!(out, " {:>9}", humanize::short(value));
        }
        out.push('\n');
    }
    more(out, numbers.len());
}

fn labels(out: &mut String, labels: &[LabelField]) {
    let _ = writeln!(out, "\n{:<NAME$} {:>9} {:>9}  most frequent", "labels", "records", "values");
    for field in labels.iter().take(LISTED) {
        let most: Vec<String> =
            field.most.iter().map(|(value, n)| format!("{} ({})", short(value, 24), count(*n))).collect();
        let _ = writeln!(
            out,
            "{:<NAME$} {:>9} {:>9}  {}",
            short(&field.name, NAME - 1),
            count(field.count),
            count(field.distinct),
            most.join(", ")
        );
    }
    more(out, labels.len());
}

fn more(out: &mut String, fields: usize) {
    if fields > LISTED {
        let _ = writeln!(out, "… and {} more: --json lists all", fields - LISTED);
    }
}

fn preview(out: &mut String, number: usize, record: &Preview) {
    let at = record.ts.as_deref().unwrap_or("no time");
    let _ = writeln!(out, "{number}  {at}  {}  id {}", short(&record.key, 32), short(&record.id, 48));
    if let Some(prompt) = &record.prompt {
        let _ = writeln!(out, "   asked    {}", short(prompt, 100));
    }
    let rest = record.samples.saturating_sub(record.answers.len());
    for (index, answer) in record.answers.iter().enumerate() {
        let head = if index == 0 { "answered" } else { "" };
        let behind = if index + 1 == record.answers.len() && rest > 0 { format!("  (+{rest})") } else { String::new() };
        let _ = writeln!(out, "   {head:<8} {}{behind}", short(answer, 100));
    }
    if !record.numbers.is_empty() {
        let _ = writeln!(out, "   numbers  {}", short(&record.numbers.join("  "), 110));
    }
}

/// What to type next.
fn next(out: &mut String, found: &Inspected) {
    let name = quoted(&found.name);
    let group = match found.findings.groups.first() {
        Some(group) if found.findings.with_several == 0 => format!(" --group-by {}", quoted(group)),
        _ => String::new(),
    };
    out.push('\n');
    line(out, "next", &format!("watcher {name}{}{group}", mapping(found)));
    line(out, "", &format!("watcher inspect {name} --starter-rules rules.yaml     limits from these quantiles"));
    line(out, "", &format!("watcher inspect {name} --starter-config config.yaml   key and series for this log"));
}

/// The `--map` that the candidates suggest, where no answers were found by name.
fn mapping(found: &Inspected) -> String {
    let known = matches!(found.choice.format, Format::Openai | Format::Otel | Format::Langfuse);
    if known || found.findings.with_answers > 0 {
        return String::new();
    }
    let best = |wanted| found.findings.texts.iter().find(|field| field.guess == Some(wanted));
    let fields = [("samples", best(Guess::Samples)), ("prompt", best(Guess::Prompt))];
    let fields: Vec<String> =
        fields.iter().filter_map(|(name, field)| Some(format!("{name}={}", field.as_ref()?.path))).collect();
    if fields.iter().any(|field| field.starts_with("samples")) {
        format!(" --map {}", quoted(&fields.join(",")))
    } else {
        String::new()
    }
}

/// A word as a shell takes it.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | ':' | ',' | '=');
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// For programs.
pub fn json(found: &Inspected) -> serde_json::Value {
    let findings = &found.findings;
    let text = |field: &TextField| {
        let guess = field.guess.map(|guess| match guess {
            Guess::Samples => "samples",
            Guess::Prompt => "prompt",
        });
        serde_json::json!({
            "path": field.path, "objects": field.objects, "each": field.most, "mean_chars": field.mean_chars,
            "distinct": field.distinct, "guess": guess, "examples": field.examples,
        })
    };
    let number = |field: &NumberField| {
        serde_json::json!({
            "name": field.name, "count": field.count, "min": field.min, "p1": field.p1, "p50": field.p50,
            "p99": field.p99, "max": field.max, "distinct": field.distinct,
        })
    };
    let label = |field: &LabelField| serde_json::json!({ "name": field.name, "count": field.count, "distinct": field.distinct, "most": field.most });
    let preview = |record: &Preview| {
        serde_json::json!({
            "id": record.id, "ts": record.ts, "key": record.key, "prompt": record.prompt,
            "samples": record.samples, "answers": record.answers, "numbers": record.numbers,
        })
    };
    serde_json::json!({
        "file": found.name,
        "bytes": found.sample.size,
        "bytes_read": found.sample.read(),
        "format": found.choice.format.word(),
        "recognised": found.choice.sure,
        "why": found.choice.why,
        "envelope": found.choice.envelope.map(|envelope| envelope.name()),
        "lines": found.lines,
        "records": findings.records,
        "verdicts": found.verdicts,
        "joined": found.joined,
        "rejected": found.rejected,
        "skipped": { "lines": found.skipped.lines, "others": found.skipped.others },
        "with_answers": findings.with_answers,
        "with_several": findings.with_several,
        "first": findings.first.map(|ts| ts.to_string()),
        "last": findings.last.map(|ts| ts.to_string()),
        "without_time": findings.without_time,
        "keys": findings.keys,
        "groups": findings.groups,
        "texts": findings.texts.iter().map(text).collect::<Vec<_>>(),
        "numbers": findings.numbers.iter().map(number).collect::<Vec<_>>(),
        "labels": findings.labels.iter().map(label).collect::<Vec<_>>(),
        "records_preview": findings.previews.iter().map(preview).collect::<Vec<_>>(),
    })
}
