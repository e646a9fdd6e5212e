//! Envelopes that are a prefix of fixed form: the payload is the rest of the line.

use super::log_line::level;
use super::stamp::strict;
use super::{Payload, ansi, label, word};

/// `<time> <stdout|stderr> <P|F>[:more] <payload>`.
pub(super) fn cri(line: &[u8]) -> Option<Payload<'_>> {
    let stamp = strict(line)?;
    let (stream, rest) = word(line.get(stamp.len..)?.strip_prefix(b" ")?)?;
    if stream != b"stdout" && stream != b"stderr" {
        return None;
    }
    // Behind the tags of an empty line, some writers leave the space out.
    let (tags, rest) = word(rest).unwrap_or((rest, &[]));
    let partial = match tags.split(|byte| *byte == b':').next()? {
        b"P" => true,
        b"F" => false,
        _ => return None,
    };
    let mut payload = Payload::rest(line, line.len() - rest.len())?;
    payload.partial = partial;
    payload.stream = label(stream);
    payload.ts = stamp.ts;
    payload.labels.push(("log.iostream", label(stream)));
    Some(payload)
}

/// `[pod/<pod>/<container>] <payload>`, with a time before the payload if it was asked for.
pub(super) fn kubectl(line: &[u8]) -> Option<Payload<'_>> {
    let inner = line.strip_prefix(b"[pod/")?;
    let pod_end = inner.iter().position(|byte| !is_name(*byte))?;
    let (pod, rest) = inner.split_at_checked(pod_end)?;
    let rest = rest.strip_prefix(b"/")?;
    let container_end = rest.iter().position(|byte| !is_name(*byte))?;
    let (container, rest) = rest.split_at_checked(container_end)?;
    let rest = rest.strip_prefix(b"]")?;
    if pod.is_empty() || container.is_empty() {
        return None;
    }
    let mut payload = behind_time(line, behind_space(rest)?)?;
    payload.stream = label(inner.get(..pod.len() + 1 + container.len())?);
    payload.labels = vec![("k8s.pod.name", label(pod)), ("k8s.container.name", label(container))];
    Some(payload)
}

/// `name-1  | <payload>`, with colours around the name, and a time before the payload if it was asked for.
pub(super) fn compose(line: &[u8]) -> Option<Payload<'_>> {
    let (name, rest) = compose_parts(line)?;
    let mut payload = behind_time(line, rest)?;
    payload.stream = label(name);
    payload.labels.push(("container.name", label(name)));
    Some(payload)
}

/// Whether a line is compose's beyond doubt. `a | b` may be a table: the name must end with the number that compose
/// gives, or an object must follow.
pub(super) fn is_surely_compose(line: &[u8]) -> bool {
    let Some(payload) = compose(line) else { return false };
    let name = payload.stream.as_bytes();
    let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let before = name.len().checked_sub(digits + 1).and_then(|at| name.get(at));
    let numbered = digits > 0 && matches!(before, Some(b'-' | b'_'));
    numbered || payload.bytes.first() == Some(&b'{')
}

/// The name, and what follows the space behind the bar.
fn compose_parts(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let coloured = ansi(line);
    let text = line.get(coloured..)?;
    let length = text.iter().position(|byte| !is_name(*byte))?;
    let (name, rest) = text.split_at_checked(length)?;
    // Loggers write `INFO | …`, and a date is no name.
    if level(name).is_some() || !name.iter().any(u8::is_ascii_alphabetic) {
        return None;
    }
    let before = skip_ansi(rest);
    let spaces = before.iter().take_while(|byte| **byte == b' ').count();
    let bar = skip_ansi(before.get(spaces..)?).strip_prefix(b"|").filter(|_| spaces > 0)?;
    if coloured == 0 {
        return Some((name, behind_space(bar)?));
    }
    // The colour of the name ends behind the bar or behind the space. Colours that the program wrote stay.
    let closed = without_reset(bar);
    let rest = behind_space(closed)?;
    Some((name, if closed.len() < bar.len() { rest } else { without_reset(rest) }))
}

fn skip_ansi(text: &[u8]) -> &[u8] {
    text.get(ansi(text)..).unwrap_or_default()
}

fn without_reset(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\x1b[0m").or_else(|| text.strip_prefix(b"\x1b[m")).unwrap_or(text)
}

/// The payload at the end of `line`, of which `rest` is the end; without the time that it begins with.
fn behind_time<'a>(line: &'a [u8], rest: &[u8]) -> Option<Payload<'a>> {
    let stamp = strict(rest).and_then(|stamp| Some((stamp, behind_space(rest.get(stamp.len..)?)?)));
    let (ts, rest) = stamp.map_or((None, rest), |(stamp, rest)| (stamp.ts, rest));
    Some(Payload { ts, ..Payload::rest(line, line.len() - rest.len())? })
}

/// What follows one space. Behind the end of a line there is nothing, and no space is needed for it.
fn behind_space(text: &[u8]) -> Option<&[u8]> {
    if text.is_empty() { Some(text) } else { text.strip_prefix(b" ") }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}
