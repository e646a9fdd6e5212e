//! Whether a line that is no JSON is one that a program wrote about itself: such a line is passed over in silence,
//! while one that was meant to be a record is a fault.

use memchr::{memchr, memchr2};

use super::ansi;
use super::stamp::stamp;

/// The levels of all loggers that are in use, in lower case.
const LEVELS: [&[u8]; 10] =
    [b"trace", b"debug", b"info", b"notice", b"warn", b"warning", b"error", b"err", b"fatal", b"critical"];

/// How the words begin with which programs say that they come and go.
const BEGINNINGS: [&[u8]; 22] = [
    b"start",
    b"listen",
    b"load",
    b"init",
    b"connect",
    b"ready",
    b"running",
    b"boot",
    b"version",
    b"using",
    b"serving",
    b"launch",
    b"uvicorn",
    b"gunicorn",
    b"application",
    b"worker",
    b"welcome",
    b"copyright",
    b"shutting",
    b"stopping",
    b"finished",
    b"traceback",
];

/// Bytes of a line in which its words are looked for.
const HEAD: usize = 512;

/// Whether a line reads like one of a program's own log. Never so for what begins like JSON or is binary.
pub fn is_log_line(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    let head = text.get(..HEAD).unwrap_or(text);
    let coloured = ansi(head);
    let plain = head.get(coloured..).unwrap_or_default();
    if head.is_empty() || begins_like_json(plain) || is_binary(head) {
        return false;
    }
    if coloured > 0 || stamp(open(head)).is_some() || has_bracketed_time(head) || is_trace(line) {
        return true;
    }
    let mut words = head.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).take(4).enumerate();
    words.any(|(at, word)| (at < 3 && has_level(word)) || has_beginning(word)) || is_banner(text)
}

/// `127.0.0.1 - - [17/Feb/2026:12:34:56 +0000] …`: an access log.
fn has_bracketed_time(text: &[u8]) -> bool {
    memchr(b'[', text).and_then(|at| stamp(text.get(at + 1..)?)).is_some()
}

fn begins_like_json(text: &[u8]) -> bool {
    let inner = text.strip_prefix(b"[").unwrap_or(text).trim_ascii_start();
    text.starts_with(b"\"") || matches!(inner.first(), Some(b'{' | b'"' | b'['))
}

fn is_binary(text: &[u8]) -> bool {
    text.iter().any(|byte| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\r' | b'\x1b'))
}

/// A line of a stack trace, which is indented and says where; or the last one, which names the error.
fn is_trace(line: &[u8]) -> bool {
    let text = line.trim_ascii_start();
    let place = text.strip_prefix(b"at ").is_some_and(|text| memchr2(b'(', b':', text).is_some());
    let indented = text.len() < line.len() && (place || text.starts_with(b"File \""));
    let name = text.split(|byte| *byte == b' ').next().unwrap_or_default();
    indented || name.ends_with(b"Error:") || name.ends_with(b"Exception:")
}

/// A rule or a frame: no letter and no digit in it, and not the end of a JSON value.
fn is_banner(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    !text.contains(char::is_alphanumeric) && !text.chars().all(|c| c.is_whitespace() || "{}[]\",:".contains(c))
}

fn has_level(word: &[u8]) -> bool {
    let word = without_marks(word);
    // logfmt writes `level=info`.
    let value = [b"level=".as_slice(), b"lvl="].iter().find_map(|key| word.strip_prefix(*key));
    level(without_marks(value.unwrap_or(word))).is_some()
}

fn has_beginning(word: &[u8]) -> bool {
    let word = without_marks(word);
    BEGINNINGS.iter().any(|begin| word.get(..begin.len()).is_some_and(|w| w.eq_ignore_ascii_case(begin)))
}

/// A word without what stands before its first letter or digit.
fn without_marks(word: &[u8]) -> &[u8] {
    let marks = word.iter().take_while(|byte| byte.is_ascii_punctuation()).count();
    word.get(marks..).unwrap_or_default()
}

/// A text without the colours and brackets that it begins with.
pub(super) fn open(mut text: &[u8]) -> &[u8] {
    loop {
        let skipped = ansi(text) + usize::from(matches!(text.first(), Some(b'[' | b'(' | b' ' | b'\t')));
        if skipped == 0 {
            return text;
        }
        text = text.get(skipped..).unwrap_or_default();
    }
}

/// Bytes of the level that `text` begins with, in any case, alone or before a mark.
pub(super) fn level(text: &[u8]) -> Option<usize> {
    let length = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (name, rest) = text.split_at_checked(length)?;
    let mark =
        rest.first().is_none_or(|byte| matches!(byte, b' ' | b'\t' | b':' | b']' | b')' | b'|' | b',' | b'\x1b'))
            || rest.iter().take_while(|byte| !byte.is_ascii_whitespace()).all(u8::is_ascii_punctuation);
    (mark && LEVELS.iter().any(|level| level.eq_ignore_ascii_case(name))).then_some(length)
}
