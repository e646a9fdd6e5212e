//! JSON gone through from left to right, without a tree: order, doubled keys and white space stay as they are.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::{MARK, Redact};

/// How often JSON within a text of JSON is looked into; a container's log in a collector's has two levels.
const LEVELS: usize = 4;

/// JSON, several lines of it, or text.
pub(super) fn bytes(redact: &Redact, bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    if is_json(&text) {
        return rewritten(redact, &text, 0).into_bytes();
    }
    let mut out = String::with_capacity(text.len());
    // Lines that are no JSON are one text: a match may go over several of them.
    let mut plain = String::new();
    for line in text.split_inclusive('\n') {
        let (content, end) = line.strip_suffix('\n').map_or((line, ""), |content| (content, "\n"));
        match embedded(redact, content, 0) {
            Some(done) => {
                out.push_str(&redact.text(&plain));
                plain.clear();
                out.push_str(&done);
                out.push_str(end);
            }
            None => {
                plain.push_str(&unescaped(redact, content));
                plain.push_str(end);
            }
        }
    }
    out.push_str(&redact.text(&plain));
    out.into_bytes()
}

/// Without a tree and without recursion: nesting costs nothing.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// A text that is JSON, or ends with a JSON object or list, gone through.
fn embedded(redact: &Redact, text: &str, level: usize) -> Option<String> {
    if is_json(text) {
        return Some(rewritten(redact, text, level));
    }
    let at = text.find(['{', '['])?;
    // A bracket may stand before the object: a host, a process.
    let object = text.find('{').filter(|object| *object > at);
    let at = [Some(at), object].into_iter().flatten().find(|at| is_json(&text[*at..]))?;
    Some(redact.text(&text[..at]).into_owned() + &rewritten(redact, &text[at..], level))
}

/// Text that is no JSON. If something shows only when escapes are decoded, nothing of the text is left.
fn unescaped<'a>(redact: &Redact, text: &'a str) -> Cow<'a, str> {
    let done = redact.text(text);
    if done.contains('\\') && redact.finds(&decoded(&done)) { Cow::Borrowed(MARK) } else { done }
}

/// What stands in a text of JSON, gone through.
fn leaf<'a>(redact: &Redact, text: &'a str, level: usize) -> Cow<'a, str> {
    let inner = if level < LEVELS && text.contains(['{', '[']) { embedded(redact, text, level + 1) } else { None };
    match inner {
        Some(inner) => Cow::Owned(redact.text(&inner).into_owned()),
        None => unescaped(redact, text),
    }
}

/// Sound JSON, gone through.
fn rewritten(redact: &Redact, json: &str, level: usize) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = if rest.starts_with('"') { text_end(rest) } else { number_end(rest) };
        let (token, behind) = rest.split_at(end);
        if token.starts_with('"') {
            text(&mut out, redact, token, level)
        } else {
            number(&mut out, redact, token)
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// Where the text ends that begins with the first quote.
fn text_end(json: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in json.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    json.len()
}

fn number_end(json: &str) -> usize {
    json.find(|c: char| !c.is_ascii_digit() && !matches!(c, '+' | '-' | '.' | 'e' | 'E')).unwrap_or(json.len())
}

fn text(out: &mut String, redact: &Redact, token: &str, level: usize) {
    let inner = &token[1..token.len().saturating_sub(1).max(1)];
    let content = if inner.contains('\\') { Cow::Owned(decoded(inner)) } else { Cow::Borrowed(inner) };
    let done = leaf(redact, &content, level);
    if done == content { out.push_str(token) } else { out.push_str(&serde_json::Value::from(&*done).to_string()) }
}

/// A number matches as it is written, and as the number that it is: `4.1e3` is 4100.
fn number(out: &mut String, redact: &Redact, token: &str) {
    let value = token.parse::<f64>().ok().filter(|value| value.is_finite()).map(|value| value.to_string());
    if redact.finds(token) || value.is_some_and(|value| redact.finds(&value)) {
        out.push('"');
        out.push_str(MARK);
        out.push('"');
    } else {
        out.push_str(token);
    }
}

/// The inside of a JSON text with its escapes decoded; halves of surrogate pairs become U+FFFD.
fn decoded(inner: &str) -> String {
    let mut units: Vec<u16> = Vec::with_capacity(inner.len());
    let mut chars = inner.chars();
    let mut pair = [0u16; 2];
    while let Some(c) = chars.next() {
        let c = if c == '\\' {
            chars.next().unwrap_or(c)
        } else {
            units.extend(&*c.encode_utf16(&mut pair));
            continue;
        };
        let plain = match c {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let digits = chars.as_str().get(..4).and_then(|digits| u16::from_str_radix(digits, 16).ok());
                if let Some(unit) = digits {
                    units.push(unit);
                    chars = chars.as_str()[4..].chars();
                    continue;
                }
                c
            }
            other => other,
        };
        units.extend(&*plain.encode_utf16(&mut pair));
    }
    String::from_utf16_lossy(&units)
}
