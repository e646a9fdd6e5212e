//! Brackets and strings: all of JSON that must be known to find where a value ends.

use memchr::memchr2;
use serde::{Deserialize, Serialize};

/// Levels whose kind of bracket is known. Below them brackets are only counted: no parser goes as deep.
const KNOWN: u64 = 128;

/// How a walk through a line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The value ends before this byte of the line.
    Ended(usize),
    /// It goes on in the next line.
    Open,
    /// A string has no end on the line.
    Text,
    /// A bracket is closed by one of the other kind.
    Bracket {
        /// The one that stands there.
        found: char,
    },
}

/// The brackets that are open, in a size that does not grow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Nest {
    depth: u64,
    /// A bit for each level, set for `[`.
    square: [u64; 2],
}

impl Nest {
    /// Follows the value through `line` from byte `at` on, which is in no string.
    pub(super) fn walk(&mut self, line: &[u8], mut at: usize) -> Step {
        loop {
            let rest = line.get(at..).unwrap_or_default();
            let Some(skipped) = rest.iter().position(|byte| matches!(byte, b'"' | b'{' | b'}' | b'[' | b']')) else {
                return Step::Open;
            };
            at += skipped + 1;
            match rest.get(skipped) {
                Some(b'"') => match string_end(line, at) {
                    Some(end) => at = end,
                    None => return Step::Text,
                },
                Some(b'{') => self.push(false),
                Some(b'[') => self.push(true),
                found => {
                    let square = found == Some(&b']');
                    if !self.pop(square) {
                        return Step::Bracket { found: if square { ']' } else { '}' } };
                    }
                    if self.depth == 0 {
                        return Step::Ended(at);
                    }
                }
            }
        }
    }

    /// Whether a value may follow a line that ended with this byte, outside of a string.
    pub(super) fn awaits(&self, last: u8) -> bool {
        // In an object, a comma is followed by a name.
        matches!(last, b':' | b'[') || (last == b',' && self.is_square().unwrap_or(true))
    }

    fn push(&mut self, square: bool) {
        if let Some((word, bit)) = self.slot(self.depth) {
            *word = if square { *word | bit } else { *word & !bit };
        }
        self.depth += 1;
    }

    /// Whether a bracket of this kind is open.
    fn pop(&mut self, square: bool) -> bool {
        if self.depth == 0 || self.is_square().is_some_and(|open| open != square) {
            return false;
        }
        self.depth -= 1;
        true
    }

    /// The kind of the innermost bracket, if it is known.
    fn is_square(&self) -> Option<bool> {
        let level = self.depth.checked_sub(1).filter(|level| *level < KNOWN)?;
        self.square.get((level / 64) as usize).map(|word| word & (1 << (level % 64)) != 0)
    }

    fn slot(&mut self, level: u64) -> Option<(&mut u64, u64)> {
        if level >= KNOWN {
            return None;
        }
        self.square.get_mut((level / 64) as usize).map(|word| (word, 1 << (level % 64)))
    }
}

/// Where the string ends whose first byte, behind the quote, is `at`.
pub(super) fn string_end(line: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let found = at + memchr2(b'"', b'\\', line.get(at..)?)?;
        if line.get(found) == Some(&b'"') {
            return Some(found + 1);
        }
        at = found + 2;
    }
}

/// Bytes of the number, `true`, `false` or `null` that `text` begins with, if something ends it that may.
pub(super) fn scalar_length(text: &[u8]) -> Option<usize> {
    let literals = [b"true".as_slice(), b"false", b"null"];
    let literal = literals.iter().find(|literal| text.starts_with(literal)).map(|literal| literal.len());
    literal.or_else(|| number_length(text)).filter(|length| is_end(text.get(*length)))
}

/// Whether a value that is no object and no array may end before this byte.
pub(super) fn is_end(next: Option<&u8>) -> bool {
    next.is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b',' | b']' | b'[' | b'{' | b'"'))
}

fn number_length(text: &[u8]) -> Option<usize> {
    let digits = |at: usize| text.iter().skip(at).take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(text.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || (whole > 1 && text.get(at) == Some(&b'0')) {
        return None;
    }
    at += whole;
    if text.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        at += 1 + fraction;
        if fraction == 0 {
            return None;
        }
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at);
        at += exponent;
        if exponent == 0 {
            return None;
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars() {
        for (text, length) in
            [("0", 1), ("-12.5e+3,", 8), ("1E9]", 3), ("true ", 4), ("null", 4), ("false{", 5), ("42\t", 2)]
        {
            assert_eq!(scalar_length(text.as_bytes()), Some(length), "{text}");
        }
        for text in ["", "-", "01", "1.", "1e", "1.e3", "2026-02-17", "12:34", "trueish", "this", "nul", "1}", "+1"] {
            assert_eq!(scalar_length(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn brackets_below_the_known_levels_are_counted() {
        let deep = [vec![b'['; 1_000], vec![b']'; 1_000]].concat();
        assert_eq!(Nest::default().walk(&deep, 0), Step::Ended(2_000));
        let mixed = [b"[{".repeat(500), b"}]".repeat(500)].concat();
        assert_eq!(Nest::default().walk(&mixed, 0), Step::Ended(2_000));
        let wrong = [b"[{".repeat(64), b"]".to_vec()].concat();
        assert_eq!(Nest::default().walk(&wrong, 0), Step::Bracket { found: ']' });
    }

    #[test]
    fn brackets_in_strings_are_text() {
        assert_eq!(Nest::default().walk(br#"{"}\"]\\":"["} x"#, 0), Step::Ended(14));
        assert_eq!(Nest::default().walk(br#"{"a\"}"#, 0), Step::Text);
        assert_eq!(Nest::default().walk(br#"{"a\"#, 0), Step::Text);
        assert_eq!(Nest::default().walk(b"{[", 0), Step::Open);
    }
}
