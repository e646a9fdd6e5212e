//! A record and its verdict as one line.

use std::collections::HashSet;
use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::record::Record;
use crate::verdict::json::{self, Options};
use crate::verdict::{Basis, Contradiction, DriftReport, Verdict};

/// All that the contract's line can hold.
const WHOLE: Options = Options { timing: true, full: true, findings: false };

/// How the log's line that a record was read from is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Raw {
    /// As it is.
    Whole,
    /// It is that of the record before: the records of one line share it.
    Before,
    /// Not at all, and neither are samples and prompt: only their sizes.
    Sizes,
}

/// Appends the record's line, without `sum` and the closing brace.
pub(super) fn record(out: &mut Vec<u8>, record: &Record, verdict: &Verdict, raw: Raw) {
    put(out, format_args!("{{\"t\":\"record\",\"seq\":{},\"id\":", record.seq));
    json::string(out, &record.id);
    match record.ts {
        Some(ts) => put(out, format_args!(",\"ts\":\"{ts}\",\"key\":")),
        None => put(out, format_args!(",\"ts\":null,\"key\":")),
    }
    json::string(out, &record.key);
    texts(out, record, raw != Raw::Sizes);
    put(out, format_args!(",\"latency_ms\":"));
    number(out, record.latency_ms.unwrap_or(f64::NAN));
    put(out, format_args!(",\"numbers\":"));
    list(out, record.numbers.iter().filter(|(_, value)| value.is_finite()), |out, (name, value)| {
        put(out, format_args!("["));
        json::string(out, name.as_str());
        put(out, format_args!(","));
        number(out, *value);
        put(out, format_args!("]"));
    });
    put(out, format_args!(",\"labels\":"));
    list(out, &record.labels, |out, (name, value)| list(out, [name.as_str(), value], json::string));
    put(out, format_args!(",\"truncated\":{},\"lossy\":{},\"origin\":{{\"source\":", record.truncated, record.lossy));
    let origin = &record.origin;
    json::string(out, &origin.source);
    put(out, format_args!(",\"file\":"));
    json::string(out, &origin.file);
    put(out, format_args!(",\"offset\":{},\"line\":", origin.offset));
    match origin.line {
        Some(line) => put(out, format_args!("{line}")),
        None => put(out, format_args!("null")),
    }
    put(out, format_args!(",\"part\":{}}}", origin.part));
    match raw {
        Raw::Whole => line(out, &record.raw),
        Raw::Before => put(out, format_args!(",\"raw\":{{\"as\":\"before\"}}")),
        Raw::Sizes => {}
    }
    put(out, format_args!(",\"verdict\":"));
    json::write(out, verdict, WHOLE);
    // It ends with a newline.
    out.pop();
    more(out, verdict, raw != Raw::Sizes);
}

fn texts(out: &mut Vec<u8>, record: &Record, text: bool) {
    if text {
        if let Some(prompt) = &record.prompt {
            put(out, format_args!(",\"prompt\":"));
            json::string(out, prompt);
        }
        put(out, format_args!(",\"samples\":"));
        list(out, &record.samples, |out, sample| json::string(out, sample));
    } else {
        if let Some(prompt) = &record.prompt {
            put(out, format_args!(",\"prompt_size\":{}", prompt.len()));
        }
        put(out, format_args!(",\"sizes\":"));
        list(out, &record.samples, |out, sample| put(out, format_args!("{}", sample.len())));
    }
}

/// The line as a text, or as base64 if it is none, or so full of control characters that this is shorter.
fn line(out: &mut Vec<u8>, raw: &Bytes) {
    put(out, format_args!(",\"raw\":"));
    let from = out.len();
    if let Ok(text) = std::str::from_utf8(raw) {
        json::string(out, text);
        if out.len() - from <= 64 + raw.len() * 2 {
            return;
        }
        out.truncate(from);
    }
    put(out, format_args!("{{\"base64\":\"{}\"}}", STANDARD.encode(raw)));
}

/// What the contract's line does not hold. Of reports with the same name, the first counts.
fn more(out: &mut Vec<u8>, verdict: &Verdict, text: bool) {
    match verdict.at {
        Some(at) => put(out, format_args!(",\"more\":{{\"at\":\"{at}\"")),
        None => put(out, format_args!(",\"more\":{{\"at\":null")),
    }
    let mut seen = HashSet::with_capacity(verdict.drift.len());
    let firsts: Vec<&DriftReport> = verdict.drift.iter().filter(|report| seen.insert(&report.series)).collect();
    put(out, format_args!(",\"alarms\":"));
    list(out, firsts.iter().filter(|report| report.alarm), |out, report| json::string(out, &report.series));
    put(out, format_args!(",\"values\":"));
    object(out, firsts.iter().filter(|report| report.value.is_finite()), |out, report| {
        json::string(out, &report.series);
        put(out, format_args!(":"));
        list(out, [report.value, report.spread.unwrap_or(f64::NAN)], number);
    });
    put(out, format_args!(",\"moved\":"));
    let moved = firsts.iter().filter_map(|report| report.moved.as_ref().map(|moved| (&report.series, moved)));
    object(out, moved, |out, (series, moved)| {
        json::string(out, series);
        put(out, format_args!(":"));
        list(out, [&moved.before, &moved.after], |out, seqs| {
            list(out, seqs, |out, seq| put(out, format_args!("{seq}")));
        });
    });
    match &verdict.divergence.basis {
        Basis::History(earlier) if text => {
            put(out, format_args!(",\"basis_texts\":"));
            list(out, earlier.iter(), |out, text| json::string(out, text));
        }
        Basis::History(earlier) => {
            put(out, format_args!(",\"basis_sizes\":"));
            list(out, earlier.iter(), |out, text| put(out, format_args!("{}", text.len())));
        }
        Basis::Samples => {}
    }
    put(out, format_args!(",\"contradictions\":"));
    list(out, &verdict.divergence.contradictions, |out, found| contradiction(out, found, text));
    put(out, format_args!("}}"));
}

/// Without the texts, places in them are of no use.
fn contradiction(out: &mut Vec<u8>, found: &Contradiction, text: bool) {
    put(out, format_args!("[\"{}\"", found.kind));
    for (index, span) in &found.sides {
        match span.as_ref().filter(|_| text) {
            Some(span) => put(out, format_args!(",[{index},[{},{}]]", span.start, span.end)),
            None => put(out, format_args!(",[{index},null]")),
        }
    }
    put(out, format_args!("]"));
}

/// As the contract writes numbers, but for the sign of zero: a rule may divide by it.
fn number(out: &mut Vec<u8>, value: f64) {
    if value == 0.0 && value.is_sign_negative() { put(out, format_args!("-0.0")) } else { json::number(out, value) }
}

fn list<T>(out: &mut Vec<u8>, items: impl IntoIterator<Item = T>, write: impl FnMut(&mut Vec<u8>, T)) {
    enclosed(out, "[", items, write, "]");
}

fn object<T>(out: &mut Vec<u8>, items: impl IntoIterator<Item = T>, write: impl FnMut(&mut Vec<u8>, T)) {
    enclosed(out, "{", items, write, "}");
}

fn enclosed<T>(
    out: &mut Vec<u8>,
    open: &str,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
    close: &str,
) {
    out.extend_from_slice(open.as_bytes());
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.extend_from_slice(close.as_bytes());
}

/// Writing to a `Vec` cannot fail.
fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}
