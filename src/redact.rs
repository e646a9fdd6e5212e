//! What the user wants to be seen nowhere: patterns, and texts and JSON with every match of them taken out.

mod json;

use std::borrow::Cow;
use std::ops::Range;

use regex::{Regex, RegexBuilder};

/// What stands in place of a match.
pub const MARK: &str = "[redacted]";

/// Memory that one compiled pattern may take, bytes.
const PATTERN_BYTES: usize = 1 << 20;

/// Shortest text, bytes, that may be packed bytes.
const PACKED: usize = 32;

/// Most times that one text is looked through. Taking a match out may bring about another one, as `\b` sees the mark.
const ROUNDS: usize = 16;

/// A compiled list of patterns; by default an empty one.
#[derive(Debug, Clone, Default)]
pub struct Redact {
    patterns: Vec<Regex>,
}

impl Redact {
    /// Compiles the patterns.
    ///
    /// # Errors
    /// The index of the first pattern that is no regular expression or too large, and why.
    pub fn new(patterns: &[String]) -> Result<Self, (usize, String)> {
        let compile = |(index, pattern): (usize, &String)| {
            let built = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES).build();
            built.map_err(|error| (index, error.to_string()))
        };
        Ok(Self { patterns: patterns.iter().enumerate().map(compile).collect::<Result<_, _>>()? })
    }

    /// Whether there is no pattern: everything stays as it is.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether [`Redact::text`] would change the text.
    pub fn finds(&self, text: &str) -> bool {
        !self.matches(text).is_empty()
    }

    /// Whether something in a tree would be redacted, also in what is packed into a text (base64). Numbers are not asked:
    /// they are no texts of the user's.
    pub fn finds_in(&self, value: &serde_json::Value) -> bool {
        use base64::Engine;
        match value {
            serde_json::Value::String(text) => {
                let packed = text.len() >= PACKED && !self.is_empty();
                let unpacked = packed.then(|| base64::engine::general_purpose::STANDARD.decode(text).ok()).flatten();
                self.finds(text) || unpacked.is_some_and(|bytes| self.finds(&String::from_utf8_lossy(&bytes)))
            }
            serde_json::Value::Array(items) => items.iter().any(|item| self.finds_in(item)),
            serde_json::Value::Object(entries) => {
                entries.iter().any(|(key, value)| self.finds(key) || self.finds_in(value))
            }
            _ => false,
        }
    }

    /// The text with `[redacted]` in place of every match; matches that overlap become one. An empty match is none.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for _ in 0..ROUNDS {
            let found = self.matches(&text);
            if found.is_empty() {
                break;
            }
            let mut out = String::with_capacity(text.len() + found.len() * MARK.len());
            let mut from = 0;
            for range in found {
                out.push_str(&text[from..range.start]);
                out.push_str(MARK);
                from = range.end;
            }
            out.push_str(&text[from..]);
            text = Cow::Owned(out);
        }
        text
    }

    /// JSON with every text, key and number in it gone through: decoded, so that escapes hide nothing. A number that
    /// matches becomes a text. Everything else keeps its bytes. JSON inside a text is looked into too. What is no JSON
    /// is taken line by line: as JSON, as JSON behind other text, or as text.
    pub fn json(&self, bytes: &[u8]) -> Vec<u8> {
        if self.is_empty() { bytes.to_vec() } else { json::bytes(self, bytes) }
    }

    /// What is to be taken out, in order and without overlaps. A mark that is there already counts as one piece, and
    /// what lies within it is no match.
    fn matches(&self, text: &str) -> Vec<Range<usize>> {
        let all = self.patterns.iter().flat_map(|pattern| pattern.find_iter(text)).map(|found| found.range());
        let mut found: Vec<_> = all.filter(|range| !range.is_empty()).collect();
        if found.is_empty() {
            return found;
        }
        let marks: Vec<_> = text.match_indices(MARK).map(|(at, mark)| at..at + mark.len()).collect();
        if !marks.is_empty() {
            let reaching = |place: usize| marks.partition_point(|mark| mark.end <= place);
            found.retain(|range| {
                marks.get(reaching(range.start)).is_none_or(|mark| range.start < mark.start || range.end > mark.end)
            });
            for range in &mut found {
                if let Some(mark) = marks.get(reaching(range.start)).filter(|mark| mark.start < range.start) {
                    range.start = mark.start;
                }
                if let Some(mark) = marks.get(reaching(range.end)).filter(|mark| mark.start < range.end) {
                    range.end = mark.end;
                }
            }
        }
        found.sort_by_key(|range| range.start);
        let mut merged: Vec<Range<usize>> = Vec::with_capacity(found.len());
        for range in found {
            match merged.last_mut().filter(|last| range.start < last.end) {
                Some(last) => last.end = last.end.max(range.end),
                None => merged.push(range),
            }
        }
        merged
    }
}

#[cfg(test)]
mod tests;
