//! Whether one text tells another: what is to hold no answer must hold no label that repeats one.

use std::sync::Arc;

use memchr::memmem;

use super::trim;

/// Bytes that two texts have in common for one to quote the other. A message quotes a long answer only in part.
const QUOTE: usize = 24;

/// Longest text, bytes, that may stand within a word by chance.
const WORD: usize = 3;

/// Whether the value holds one of the texts, or stands in one.
pub fn quotes_any(value: &str, texts: &[Arc<str>]) -> bool {
    let value = trim(value);
    !value.is_empty() && texts.iter().any(|text| quotes(value, trim(text)))
}

/// Whether one holds the other, or both have a run of some length in common.
fn quotes(value: &str, text: &str) -> bool {
    let holds = |part: &[u8]| memmem::find(text.as_bytes(), part).is_some();
    holds(value.as_bytes()) || told(value, text) || value.as_bytes().chunks_exact(QUOTE).any(holds)
}

/// Whether `value` holds the text; one of few letters as a word: the answer `no` is not told by `node`.
fn told(value: &str, text: &str) -> bool {
    let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    memmem::find_iter(value.as_bytes(), text.as_bytes()).any(|at| {
        let around = (value[..at].chars().next_back(), value[at + text.len()..].chars().next());
        text.len() > WORD || !letter(around.0) && !letter(around.1)
    })
}
