//! A configuration file for a start: only what the findings have an opinion on, with the reason above it.

use std::fmt::Write;

use super::Findings;
use super::fields::{LabelField, NumberField};
use super::rules::{Doubt, doubt, is_same, written};
use super::texts::Guess;
use crate::humanize;
use crate::sanitize;

/// Series that are named.
const SERIES: usize = 16;

/// Labels of the group key.
const KEYS: usize = 3;

/// Samples of a record that are read if nothing else is said, and the most that can be asked for.
const SAMPLES: (u64, u64) = (16, 64);

/// A configuration file for the log that the findings are of.
pub fn starter_config(findings: &Findings) -> String {
    let mut out = String::from(
        "# A start, from what one log holds. `watcher config show` lists every key with its value; what is not here keeps\n\
         # its default. Copy it to ~/.config/watcher/config.yaml, or name it with --config.\n",
    );
    hints(&mut out, findings);
    key(&mut out, findings);
    samples(&mut out, findings);
    single(&mut out, findings);
    series(&mut out, findings);
    out
}

/// What stands on the command line and not in the file.
fn hints(out: &mut String, findings: &Findings) {
    if findings.with_answers * 2 < findings.records.max(findings.objects) {
        let best = |guess: Guess| findings.texts.iter().find(|field| field.guess == Some(guess));
        let mapped = [("samples", best(Guess::Samples)), ("prompt", best(Guess::Prompt))];
        let mapped: Vec<String> =
            mapped.iter().filter_map(|(name, field)| Some(format!("{name}={}", field.as_ref()?.path))).collect();
        if !mapped.is_empty() {
            out.push_str("\n# Most objects gave no answer. On the command line:\n");
            let _ = writeln!(out, "#   --map {}", comment(&shell(&mapped.join(","))));
        }
    }
    if let Some((group, _)) = findings.groups.iter().find_map(|group| written(group)) {
        out.push_str("\n# Most records hold one answer, and several of them ask the same. On the command line:\n");
        let _ = writeln!(out, "#   --group-by {}", comment(&shell(&group)));
    }
}

fn key(out: &mut String, findings: &Findings) {
    out.push_str(
        "\n# Whose behaviour a record is: the first of these labels that it has. Drift is watched for each value.\n",
    );
    let mut chosen: Vec<(&LabelField, String)> = Vec::new();
    for name in &findings.keys {
        let Some((path, _)) = written(name) else { continue };
        // A further label counts only for records that have none of those before it.
        let complete = chosen.iter().any(|(label, _)| label.count >= findings.records);
        if !complete && chosen.len() < KEYS {
            chosen.extend(findings.labels.iter().find(|label| label.name == *name).map(|label| (label, path)));
        }
    }
    for (label, _) in &chosen {
        let most: Vec<String> =
            label.most.iter().map(|(value, count)| format!("{} ({})", comment(value), whole(*count))).collect();
        let (name, distinct, count) = (comment(&label.name), whole(label.distinct), whole(label.count));
        let _ = writeln!(
            out,
            "# {name}: {distinct} different values in {count} of {} records, such as {}",
            whole(findings.records),
            most.join(", ")
        );
    }
    if chosen.is_empty() {
        out.push_str(
            "# No label is in nearly all records with a few values that come back, so these are the defaults; records\n\
             # that have none of them are one group.\nkey: [agent_id, model, tenant_id]\n",
        );
        return;
    }
    let names: Vec<String> = chosen.iter().map(|(_, path)| scalar(path)).collect();
    let _ = writeln!(out, "key: [{}]", names.join(", "));
}

fn samples(out: &mut String, findings: &Findings) {
    let most = findings.texts.iter().filter(|field| field.guess == Some(Guess::Samples)).map(|field| field.most).max();
    let Some(most) = most.filter(|most| *most > SAMPLES.0) else { return };
    let _ = writeln!(
        out,
        "\nlimits:\n  # One object holds up to {} answers; the default of {} would leave some out.\n  samples: {}",
        whole(most),
        SAMPLES.0,
        most.min(SAMPLES.1)
    );
}

/// What is said of logs with one answer a record.
fn single(out: &mut String, findings: &Findings) {
    if findings.with_several > 0 || findings.with_answers == 0 || !findings.groups.is_empty() {
        return;
    }
    out.push_str(
        "\nembedding:\n  # Every record holds one answer: it is compared with so many earlier answers of its key to the same prompt, if\n  \
         # there are any in the window. 0: with none.\n  history_answers: 4\n  history_window: 24h\n",
    );
}

fn series(out: &mut String, findings: &Findings) {
    let mut rows: Vec<String> = Vec::new();
    // Of two names for one number that of the contract is watched.
    let contracts = |field: &NumberField| field.name == "latency_ms" || field.name.starts_with("metrics.");
    let twin = |field: &NumberField| findings.numbers.iter().find(|other| contracts(other) && is_same(other, field));
    for field in &findings.numbers {
        let why = match (doubt(field), twin(field).filter(|_| !contracts(field))) {
            (Some(Doubt::Constant | Doubt::Element), _) | (None, None) => continue,
            (None, Some(twin)) => format!("the same as {}", comment(&twin.name)),
            (Some(Doubt::Name), _) => "its name is that of an id, a time or a place in a list".into(),
            (Some(Doubt::Time), _) => "times".into(),
            (Some(Doubt::Id), _) => "whole numbers far apart, each another one: an id".into(),
            (Some(Doubt::Counter), _) => "it only grows: a counter".into(),
        };
        // Its own line says what is asked of it.
        if field.name == "latency_ms" {
            continue;
        }
        if rows.len() < SERIES {
            rows.push(format!("  # {why}\n  {}: {{watch: false}}\n", scalar(&field.name)));
        }
    }
    if findings.latency.is_some() {
        rows.push("  # Answers that become faster are no news.\n  latency_ms: {direction: up}\n".to_owned());
    }
    if rows.is_empty() {
        return;
    }
    out.push_str("\n# What is asked of single series.\nseries:\n");
    out.push_str(&rows.concat());
}

pub(super) fn whole(count: u64) -> String {
    humanize::number(count as f64)
}

/// Foreign text for a comment: on one line, and nothing in it that a terminal obeys.
pub(super) fn comment(text: &str) -> String {
    sanitize::line(text).into_owned()
}

/// A word for a shell; as it is where that is safe.
fn shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ',' | '=' | '/');
    if text.chars().all(plain) && !text.is_empty() {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// A text as a YAML scalar that is read back as this text.
pub(super) fn scalar(text: &str) -> String {
    // What would be read as a number, a truth value or nothing.
    const WORDS: [&str; 10] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan"];
    let mut chars = text.chars();
    let plain = chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
        && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(text));
    if plain {
        text.to_owned()
    } else if text.contains(|c: char| sanitize::is_unsafe(c)) {
        // Double quotes know escapes; what JSON leaves as it is is escaped too, so that the file is safe to look at.
        let mut out = String::from("\"");
        for c in text.chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                c if sanitize::is_unsafe(c) => {
                    let _ = write!(out, "\\U{:08x}", c as u32);
                }
                c => out.push(c),
            }
        }
        out.push('"');
        out
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}
