//! Lines of a logger: a time or a level, text, and an object at the end.

use memchr::memchr;

use super::log_line::{level, open};
use super::stamp::stamp;
use super::{Payload, ansi};

/// `2026-02-17 12:34:56,789 INFO name - {…}`, `INFO:name:{…}` and their kin. The object must reach the line's end.
pub(super) fn stamped(line: &[u8]) -> Option<Payload<'_>> {
    let start = memchr(b'{', line)?;
    if line.trim_ascii_end().last() != Some(&b'}') {
        return None;
    }
    let mut text = open(line.get(..start)?);
    if let Some(length) = level(text) {
        text = behind_level(text.get(length..)?);
        let ts = stamp(text).and_then(|stamp| stamp.ts);
        return Some(Payload { ts, ..Payload::rest(line, start)? });
    }
    let stamp = stamp(text)?;
    Some(Payload { ts: stamp.ts, ..Payload::rest(line, start)? })
}

/// What follows the marks between a level and a time.
fn behind_level(mut text: &[u8]) -> &[u8] {
    loop {
        let marks = text.iter().take_while(|byte| b" \t:|-[](".contains(byte)).count();
        let skipped = marks + ansi(text.get(marks..).unwrap_or_default());
        if skipped == 0 {
            return text;
        }
        text = text.get(skipped..).unwrap_or_default();
    }
}
