//! Words of the expression language.

use std::ops::Range;

use super::Fault;

/// A word.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    /// `12`, `1e3`, `.5`
    Number(f64),
    /// `"…"`, `'…'`, `r"…"`
    Text(String),
    /// A name or a part of a path.
    Name(String),
    /// `$`: the record itself, for names that are no words.
    Root,
    /// An operator or a bracket.
    Symbol(&'static str),
}

/// Longest first, so that `<=` is not read as `<`.
const SYMBOLS: [&str; 24] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "*", "/", "%", "(", ")", "[", "]", ",", ".", "?", ":",
    "{", "}",
];

/// What people write out of habit from other languages, and what it is here.
const HABITS: [(&str, &str); 6] = [
    ("=", "compare with `==`"),
    ("&", "write `&&`"),
    ("|", "write `||`"),
    ("~", "write `matches(text, r'regex')`"),
    ("^", "there is no power: multiply"),
    (";", "one rule has one expression"),
];

/// Units of durations, ms each: the unit of `latency_ms`.
const UNITS: [(&str, f64); 7] =
    [("ns", 1e-6), ("us", 1e-3), ("µs", 1e-3), ("ms", 1.0), ("s", 1e3), ("m", 60e3), ("h", 3_600e3)];

const DAY_MS: f64 = 86_400e3;

/// Splits a text into words with their places.
pub fn lex(text: &str) -> Result<Vec<(Token, Range<usize>)>, Fault> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let raw = rest.starts_with("r'") || rest.starts_with("r\"");
        let (token, length) = if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        } else if c.is_ascii_digit() || (c == '.' && rest[1..].starts_with(|d: char| d.is_ascii_digit())) {
            number(rest, at)?
        } else if c == '"' || c == '\'' || raw {
            string(rest, at, raw)?
        } else if c == '$' {
            (Token::Root, 1)
        } else if c.is_alphabetic() || c == '_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            (Token::Name(rest[..length].to_owned()), length)
        } else if let Some(symbol) = SYMBOLS.iter().find(|s| rest.starts_with(**s)) {
            (Token::Symbol(symbol), symbol.len())
        } else {
            let span = at..at + c.len_utf8();
            let help = HABITS.iter().find(|(habit, _)| rest.starts_with(habit)).map(|(_, help)| (*help).to_owned());
            return Err(Fault { help, ..Fault::new(&span, format!("`{c}` has no meaning here")) });
        };
        tokens.push((token, at..at + length));
        at += length;
    }
    Ok(tokens)
}

/// A number, or a duration such as `500ms`, which is a number of ms.
fn number(rest: &str, at: usize) -> Result<(Token, usize), Fault> {
    let mut end = 0;
    let mut before = ' ';
    for c in rest.chars() {
        let digit_follows = || rest[end + 1..].starts_with(|d: char| d.is_ascii_digit());
        let sign = matches!(c, '+' | '-') && matches!(before, 'e' | 'E') && digit_follows();
        if !(c.is_alphanumeric() || c == '.' || sign) {
            break;
        }
        end += c.len_utf8();
        before = c;
    }
    let text = &rest[..end];
    let plain = text.parse::<f64>().ok();
    let value = plain.or_else(|| {
        let (digits, unit) = text.split_at(text.find(|c: char| c.is_alphabetic())?);
        let ms = UNITS.iter().chain([&("d", DAY_MS)]).find(|(name, _)| *name == unit)?.1;
        Some(digits.parse::<f64>().ok()? * ms)
    });
    match value {
        Some(value) if value.is_finite() => Ok((Token::Number(value), end)),
        _ => Err(Fault::new(&(at..at + end), format!("`{text}` is neither a number nor a duration such as 500ms"))),
    }
}

fn string(rest: &str, at: usize, raw: bool) -> Result<(Token, usize), Fault> {
    let body = usize::from(raw);
    let quote = rest[body..].chars().next();
    let mut text = String::new();
    let mut chars = rest[body + 1..].char_indices();
    while let Some((offset, c)) = chars.next() {
        if Some(c) == quote {
            return Ok((Token::Text(text), body + 1 + offset + 1));
        }
        if c != '\\' || raw {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some((_, 'n')) => text.push('\n'),
            Some((_, 't')) => text.push('\t'),
            Some((_, 'r')) => text.push('\r'),
            Some((_, c @ ('\\' | '"' | '\''))) => text.push(c),
            _ => {
                let from = at + body + 1 + offset;
                let help = "known are \\n \\t \\r \\\\ \\\" \\'; in r'…' a backslash is itself";
                return Err(Fault { help: Some(help.into()), ..Fault::new(&(from..from + 1), "unknown escape") });
            }
        }
    }
    Err(Fault::new(&(at..at + rest.len()), "the string does not end"))
}
