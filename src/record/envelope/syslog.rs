//! Syslog: RFC 5424, RFC 3164 and the short forms of `journalctl`.

use memchr::memchr2;

use super::log_line::level;
use super::stamp::{Stamp, stamp, strict};
use super::{Payload, label, word};

/// Takes the head of a syslog line off.
pub(super) fn syslog(line: &[u8]) -> Option<Payload<'_>> {
    match priority(line) {
        Some(rest) => structured(line, rest).or_else(|| classic(line, rest, true)),
        None => classic(line, line, false),
    }
}

/// What follows `<13>`.
fn priority(line: &[u8]) -> Option<&[u8]> {
    let inner = line.strip_prefix(b"<")?;
    let digits = inner.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = inner.split_at_checked(digits)?;
    let value = number.iter().fold(0u32, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    rest.strip_prefix(b">").filter(|_| (1..=3).contains(&digits) && value <= 191)
}

/// RFC 5424: `1 TIME HOST APP PROCID MSGID DATA MSG`.
fn structured<'a>(line: &'a [u8], rest: &'a [u8]) -> Option<Payload<'a>> {
    let (time, rest) = word(rest.strip_prefix(b"1 ")?)?;
    let stamp = match time {
        b"-" => None,
        _ => Some(strict(time).filter(|stamp| stamp.len == time.len())?),
    };
    let head = rest;
    let (host, rest) = word(rest)?;
    let (app, rest) = word(rest)?;
    let (process, rest) = word(rest)?;
    let (_, rest) = word(rest)?;
    let rest = behind_data(rest)?;
    let message = rest.strip_prefix(b" ").unwrap_or(rest);
    let message = message.strip_prefix(b"\xef\xbb\xbf").unwrap_or(message);
    let stream = head.get(..host.len() + app.len() + process.len() + 2)?;
    payload(line, message, stamp, [host, app], stream)
}

/// What follows the structured data: `-`, or `[id name="value" …]` as often as it comes.
fn behind_data(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    if let Some(none) = rest.strip_prefix(b"-") {
        rest = none;
    } else {
        while let Some(inner) = rest.strip_prefix(b"[") {
            rest = behind_element(inner)?;
        }
    }
    let ends = rest.is_empty() || rest.starts_with(b" ");
    (ends && rest.len() < text.len()).then_some(rest)
}

/// What follows the `]` that ends an element. A value in quotes may have one too, behind a backslash or not.
fn behind_element(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let at = memchr2(b'"', b']', rest)?;
        let behind = rest.get(at + 1..)?;
        if rest.get(at) == Some(&b']') {
            return Some(behind);
        }
        rest = behind;
        loop {
            let at = memchr2(b'"', b'\\', rest)?;
            let escaped = rest.get(at) == Some(&b'\\');
            rest = rest.get(at + 1 + usize::from(escaped)..)?;
            if !escaped {
                break;
            }
        }
    }
}

/// RFC 3164: `Feb 17 12:34:56 HOST TAG[pid]: MSG`, or the same with an RFC 3339 time. Without a host only behind a
/// priority.
fn classic<'a>(line: &'a [u8], rest: &'a [u8], marked: bool) -> Option<Payload<'a>> {
    let stamp = stamp(rest)?;
    // A time without a date, or with one in digits but no offset, is what a program writes for itself.
    if !stamp.strict && !rest.first()?.is_ascii_alphabetic() {
        return None;
    }
    // So is what begins like glog, `I0217`.
    if rest.get(1)?.is_ascii_digit() && !stamp.strict {
        return None;
    }
    let head = rest.get(stamp.len..)?.strip_prefix(b" ")?;
    let (host, after) = word(head)?;
    let named = !host.is_empty() && level(host).is_none() && host.iter().all(|b| b.is_ascii_graphic());
    let tagged = if named && !host.ends_with(b":") { tag(after) } else { None };
    let (host, (app, message), skipped) = match tagged {
        Some(parts) => (host, parts, host.len() + 1),
        None if marked => (b"-".as_slice(), tag(head)?, 0),
        None => return None,
    };
    // As far as the colon: the process is part of it.
    let stream = head.get(..skipped + tag_length(head.get(skipped..)?)?)?;
    payload(line, message, Some(stamp), [host, app], stream)
}

/// `TAG[pid]: MSG`: the tag, and the message.
fn tag(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let name = text.get(..text.iter().position(|byte| !is_tag(*byte))?)?;
    let rest = text.get(tag_length(text)?..)?.strip_prefix(b":")?;
    (!name.is_empty()).then_some((name, rest.strip_prefix(b" ").unwrap_or(rest)))
}

/// Bytes of `TAG[pid]`.
fn tag_length(text: &[u8]) -> Option<usize> {
    let name = text.iter().position(|byte| !is_tag(*byte))?;
    let rest = text.get(name..)?;
    let Some(inner) = rest.strip_prefix(b"[") else { return Some(name) };
    let digits = inner.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (digits > 0 && inner.get(digits) == Some(&b']')).then_some(name + digits + 2)
}

fn is_tag(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/' | b'@' | b'(' | b')')
}

fn payload<'a>(
    line: &'a [u8],
    message: &[u8],
    stamp: Option<Stamp>,
    [host, app]: [&'a [u8]; 2],
    stream: &'a [u8],
) -> Option<Payload<'a>> {
    let mut payload = Payload::rest(line, line.len() - message.len())?;
    payload.ts = stamp.and_then(|stamp| stamp.ts);
    payload.stream = label(stream);
    let named = [("host.name", host), ("service.name", app)];
    payload.labels = named.into_iter().filter(|(_, text)| *text != b"-").map(|(n, t)| (n, label(t))).collect();
    Some(payload)
}
