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
    /// An operator or a bracket.
    Symbol(&'static str),
}

/// Longest first, so that `<=` is not read as `<`.
const SYMBOLS: [&str; 24] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "*", "/", "%", "(", ")", "[", "]", ",", ".", "?", ":",
    "{", "}",
];

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
        } else if c.is_alphabetic() || c == '_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            (Token::Name(rest[..length].to_owned()), length)
        } else if let Some(symbol) = SYMBOLS.iter().find(|s| rest.starts_with(**s)) {
            (Token::Symbol(symbol), symbol.len())
        } else {
            return Err(Fault::new(&(at..at + c.len_utf8()), format!("`{c}` has no meaning here")));
        };
        tokens.push((token, at..at + length));
        at += length;
    }
    Ok(tokens)
}

fn number(rest: &str, at: usize) -> Result<(Token, usize), Fault> {
    let bytes = rest.as_bytes();
    let mut end = 0;
    while end < bytes.len() {
        let exponent_sign = matches!(bytes[end], b'+' | b'-') && end > 0 && matches!(bytes[end - 1], b'e' | b'E');
        if !(bytes[end].is_ascii_alphanumeric() || bytes[end] == b'.' || exponent_sign) {
            break;
        }
        end += 1;
    }
    match rest[..end].parse::<f64>() {
        Ok(value) if value.is_finite() => Ok((Token::Number(value), end)),
        _ => Err(Fault::new(&(at..at + end), format!("`{}` is not a number", &rest[..end]))),
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
                return Err(Fault::new(&(from..from + 1), "unknown escape; known: \\n \\t \\r \\\\ \\\" \\'"));
            }
        }
    }
    Err(Fault::new(&(at..at + rest.len()), "the string does not end"))
}
