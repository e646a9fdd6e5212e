//! Bounded YAML with places: what rules, configuration and themes are read with, so that all of them name the line,
//! the column and the mend of every fault, and all faults of a file at once.

mod volume;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use serde_yaml::Value;
use yamlpath::{Component, Document, Route};

/// Largest file that is read, bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// Deepest nesting that is read.
pub const MAX_DEPTH: usize = 32;

/// Faults of a file that are told: finding the place of each takes time, and nobody reads more at once.
const MOST_FAULTS: usize = 100;

/// A fault in a file, with its place and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file as it was named.
    pub file: Arc<str>,
    /// The file's text.
    pub text: Arc<str>,
    /// The faulty bytes of the text.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Line and column of the fault, both from 1; the column counts characters.
    pub fn position(&self) -> (usize, usize) {
        let before = &self.text[..self.text.floor_char_boundary(self.span.start)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.position();
        write!(f, "{}:{line}:{column}: {}", self.file, self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Diagnostic {}

/// A parsed file.
pub struct Doc {
    file: Arc<str>,
    text: Arc<str>,
    value: Value,
    places: Option<Document>,
    found: RefCell<Vec<Diagnostic>>,
    /// Faults beyond those.
    more: Cell<usize>,
    notes: RefCell<Vec<Diagnostic>>,
}

impl Doc {
    /// Parses the text of `file`.
    ///
    /// # Errors
    /// The first fault of the YAML itself, or a bound that is exceeded.
    pub fn parse(file: &str, text: &str) -> Result<Self, Diagnostic> {
        // What some editors put before the text is no part of it.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let fault = |span: Range<usize>, message: String, help: Option<String>| Diagnostic {
            file: file.into(),
            text: text.into(),
            span,
            message,
            help,
        };
        if text.len() > MAX_BYTES {
            return Err(fault(0..0, format!("the file has {} bytes, at most {MAX_BYTES} are read", text.len()), None));
        }
        if volume::is_too_large(text) {
            let help = "write out what the aliases (`*name`) stand for, or make the file smaller".to_owned();
            return Err(fault(0..0, "with its aliases put in the file has too many values".to_owned(), Some(help)));
        }
        let value: Value = serde_yaml::from_str(text).map_err(|error| {
            let at = error.location().map_or(0, |l| l.index().min(text.len()));
            let words = error.to_string();
            let message = words.split(" at line ").next().unwrap_or(&words).to_owned();
            match repeated_key(&message, text, at) {
                Some((key, span)) => {
                    fault(span, format!("a second `{key}` in one mapping"), Some("keep one of them".into()))
                }
                None if message.contains("repetition limit") => {
                    let help = "write out what the aliases (`*name`) stand for".to_owned();
                    fault(at..at, "its aliases repeat one another too often".to_owned(), Some(help))
                }
                None => fault(at..at, message, None),
            }
        })?;
        if depth(&value) > MAX_DEPTH {
            return Err(fault(0..0, format!("nested deeper than {MAX_DEPTH} levels"), None));
        }
        let places = Document::new(text).ok();
        Ok(Self {
            file: file.into(),
            text: text.into(),
            value,
            places,
            found: RefCell::default(),
            more: Cell::new(0),
            notes: RefCell::default(),
        })
    }

    /// The whole of it.
    pub fn root(&self) -> Node<'_> {
        Node { doc: self, value: &self.value, path: Vec::new() }
    }

    /// `Ok` if nothing was found wrong so far, else all that was, in the order of the file.
    ///
    /// # Errors
    /// Every fault that was reported on a node of this file.
    pub fn finish<T>(&self, good: T) -> Result<T, Vec<Diagnostic>> {
        let mut found = self.found.take();
        if found.is_empty() {
            return Ok(good);
        }
        found.sort_by_key(|d| d.span.start);
        // A macro that is used twice is at fault once.
        found.dedup_by(|a, b| a.span == b.span && a.message == b.message);
        let more = self.more.take();
        if more > 0 {
            let text = Arc::clone(&self.text);
            let message = format!("and {more} more faults");
            found.push(Diagnostic {
                file: Arc::clone(&self.file),
                span: text.len()..text.len(),
                text,
                message,
                help: None,
            });
        }
        Err(found)
    }

    /// What is no fault and should be known, in the order of the file.
    pub fn notes(&self) -> Vec<Diagnostic> {
        let mut notes = self.notes.take();
        notes.sort_by_key(|d| d.span.start);
        notes
    }

    /// Whether nothing was found wrong so far.
    pub fn is_sound(&self) -> bool {
        self.found.borrow().is_empty()
    }

    fn span(&self, path: &[Component<'static>], key: bool) -> Range<usize> {
        let Some(places) = &self.places else { return 0..0 };
        let route = Route::from(path.to_vec());
        let feature = match path.split_last() {
            None => places.top_feature().ok(),
            Some(_) if key => places.query_key_only(&route).ok(),
            Some(_) => places.query_exact(&route).ok().flatten().or_else(|| places.query_key_only(&route).ok()),
        };
        match (feature, path.split_last()) {
            (Some(feature), _) => feature.location.byte_span.0..feature.location.byte_span.1,
            // A key that is written with escapes is not found: what it stands in is near enough.
            (None, Some((_, parent))) => self.span(parent, false),
            (None, None) => 0..0,
        }
    }

    /// The bytes of the value at a place that was taken from the same text.
    pub fn range_of(&self, place: &Place) -> Range<usize> {
        let span = self.span(&place.0, false);
        let line_end = self.text[span.start..].find('\n').map_or(self.text.len(), |at| span.start + at);
        span.start..span.end.min(line_end).max(span.start)
    }
}

/// The second place of a key that a mapping has twice. The parser only tells where the mapping begins.
fn repeated_key(message: &str, text: &str, mapping: usize) -> Option<(String, Range<usize>)> {
    let key = message.split_once("duplicate entry with key \"")?.1.strip_suffix('"')?;
    let is_key = |at: &usize| {
        let before = text[..*at].chars().next_back().is_none_or(|c| c.is_whitespace() || "{,\"'".contains(c));
        let after = text[*at + key.len()..].trim_start_matches(['"', '\'', ' ']);
        before && after.starts_with(':')
    };
    let rest = text.get(mapping..)?;
    let mut places = rest.match_indices(key).map(|(at, _)| mapping + at).filter(is_key);
    let first = places.next()?;
    // Between the two may stand a mapping within this one that has the key too: then the first of them is told.
    let second = places.next().unwrap_or(first);
    Some((key.to_owned(), second..second + key.len()))
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Sequence(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Mapping(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        Value::Tagged(tagged) => 1 + depth(&tagged.value),
        _ => 0,
    }
}

/// Where a value stands in a file: how to find it, since finding takes time and is seldom needed.
#[derive(Debug, Clone, PartialEq)]
pub struct Place(Vec<Component<'static>>);

/// A value of a file, with its place. Readers report what is wrong to the file and return `None`.
#[derive(Clone)]
pub struct Node<'d> {
    doc: &'d Doc,
    value: &'d Value,
    path: Vec<Component<'static>>,
}

impl<'d> Node<'d> {
    /// Reports a fault at this value.
    pub fn fault(&self, message: impl Into<String>, help: Option<String>) {
        if !self.has_room() {
            return;
        }
        self.report(self.doc.span(&self.path, false), message.into(), help);
    }

    /// Reports a fault at the key of this value.
    pub fn fault_at_key(&self, message: impl Into<String>, help: Option<String>) {
        if self.has_room() {
            self.report(self.doc.span(&self.path, true), message.into(), help);
        }
    }

    /// Reports a fault at `within`, bytes of this value's text.
    pub fn fault_within(&self, within: Range<usize>, message: impl Into<String>, help: Option<String>) {
        if !self.has_room() {
            return;
        }
        let span = self.doc.span(&self.path, false);
        let quote = usize::from(self.doc.text[span.clone()].starts_with(['"', '\'']));
        let start = (span.start + quote + within.start).min(span.end);
        // In a folded or escaped text the offset may miss by a few characters; it never leaves the value.
        let end = (span.start + quote + within.end.max(within.start + 1)).min(span.end);
        self.report(start..end, message.into(), help);
    }

    /// Says something about this value that is no fault.
    pub fn note(&self, message: impl Into<String>, help: Option<String>) {
        if self.doc.notes.borrow().len() < MOST_FAULTS {
            let note = self.diagnostic(self.doc.span(&self.path, false), message.into(), help);
            self.doc.notes.borrow_mut().push(note);
        }
    }

    fn report(&self, span: Range<usize>, message: String, help: Option<String>) {
        let fault = self.diagnostic(span, message, help);
        self.doc.found.borrow_mut().push(fault);
    }

    /// Whether one more fault is told; else it is counted.
    fn has_room(&self) -> bool {
        let room = self.doc.found.borrow().len() < MOST_FAULTS;
        if !room {
            self.doc.more.set(self.doc.more.get() + 1);
        }
        room
    }

    fn diagnostic(&self, span: Range<usize>, message: String, help: Option<String>) -> Diagnostic {
        // The caret belongs on the first line of a value that spans several.
        let text = &self.doc.text;
        // Offsets into escaped or folded text may miss by a few bytes: never into the middle of a character.
        let span = text.floor_char_boundary(span.start)..text.ceil_char_boundary(span.end);
        let line_end = text[span.start..].find('\n').map_or(text.len(), |at| span.start + at);
        Diagnostic {
            file: Arc::clone(&self.doc.file),
            text: Arc::clone(text),
            span: span.start..span.end.min(line_end).max(span.start),
            message,
            help,
        }
    }

    /// Where this value stands.
    pub fn place(&self) -> Place {
        Place(self.path.clone())
    }

    /// The bytes of this value in the file's text.
    pub fn range(&self) -> Range<usize> {
        self.doc.span(&self.path, false)
    }

    /// The value as it is.
    pub fn value(&self) -> &'d Value {
        self.value
    }

    fn below(&self, component: Component<'static>, value: &'d Value) -> Self {
        let mut path = self.path.clone();
        path.push(component);
        Self { doc: self.doc, value, path }
    }

    /// The field of this mapping, if it has it and it is not null.
    pub fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.as_mapping()?.get(key)?;
        (!value.is_null()).then(|| self.below(Component::Key(key.to_owned().into()), value))
    }

    /// The fields of this mapping, in order. Reports a value that is no mapping, and keys that are no strings.
    pub fn entries(&self) -> Vec<(&'d str, Self)> {
        let Some(map) = self.value.as_mapping() else {
            if !self.value.is_null() {
                self.fault(format!("expected a mapping, found {}", kind(self.value)), None);
            }
            return Vec::new();
        };
        let named = |(key, value): (&'d Value, &'d Value)| match key.as_str() {
            Some(key) => Some((key, self.below(Component::Key(key.to_owned().into()), value))),
            None => {
                self.fault("keys must be strings", None);
                None
            }
        };
        map.iter().filter_map(named).collect()
    }

    /// Reports every key of this mapping that is not among `known`, with the nearest that is. Whether there was none.
    pub fn only(&self, known: &[&str]) -> bool {
        let mut sound = true;
        for (key, node) in self.entries() {
            if !known.contains(&key) && node.has_room() {
                let span = self.doc.span(&node.path, true);
                let help = did_you_mean(key, known.iter().copied())
                    .unwrap_or_else(|| format!("known here: {}", known.join(", ")));
                node.report(span, format!("unknown key `{}`", crate::record::prefix(key, 60)), Some(help));
            }
            sound &= known.contains(&key);
        }
        sound
    }

    /// The elements of this list.
    pub fn list(&self) -> Option<Vec<Self>> {
        let Some(items) = self.value.as_sequence() else {
            self.fault(format!("expected a list, found {}", kind(self.value)), None);
            return None;
        };
        Some(items.iter().enumerate().map(|(index, value)| self.below(Component::Index(index), value)).collect())
    }

    /// A string.
    pub fn string(&self) -> Option<&'d str> {
        let text = self.value.as_str();
        if text.is_none() {
            self.fault(format!("expected a string, found {}", kind(self.value)), None);
        }
        text
    }

    /// A finite number.
    pub fn number(&self) -> Option<f64> {
        let number = self.value.as_f64().filter(|n| n.is_finite());
        if number.is_none() {
            self.fault(format!("expected a number, found {}", kind(self.value)), None);
        }
        number
    }

    /// A boolean.
    pub fn boolean(&self) -> Option<bool> {
        let value = self.value.as_bool();
        if value.is_none() {
            self.fault(format!("expected true or false, found {}", kind(self.value)), None);
        }
        value
    }

    /// One of `words`.
    pub fn word<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let text = self.string()?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let help = did_you_mean(text, known.iter().copied());
        self.fault(format!("`{text}` is none of {}", known.join(", ")), help);
        None
    }

    /// A span of time longer than none, such as `2m` or `1h 30m`.
    pub fn time_span(&self) -> Option<Duration> {
        let span = self.value.as_str().and_then(crate::humanize::parse_span).filter(|span| !span.is_zero());
        if span.is_none() {
            let message = format!("expected a span of time, found {}", kind(self.value));
            self.fault(message, Some("such as 500ms, 30s, 2m, 1h 30m".into()));
        }
        span
    }

    /// A day, such as `2027-06-30`.
    pub fn date(&self) -> Option<Date> {
        let date = self.value.as_str().and_then(|text| text.parse().ok());
        if date.is_none() {
            self.fault(format!("expected a day, found {}", kind(self.value)), Some("such as 2027-06-30".into()));
        }
        date
    }

    /// A whole number within `range`.
    pub fn whole(&self, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let number = self.value.as_u64().filter(|n| range.contains(n));
        if number.is_none() {
            let (low, high) = (range.start(), range.end());
            self.fault(format!("expected a whole number from {low} to {high}, found {}", kind(self.value)), None);
        }
        number
    }
}

fn kind(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::Bool(value) => format!("`{value}`"),
        Value::Number(value) => format!("the number {value}"),
        Value::String(text) => format!("the text `{}`", crate::record::prefix(text, 40)),
        Value::Sequence(_) => "a list".into(),
        Value::Mapping(_) => "a mapping".into(),
        Value::Tagged(_) => "a tagged value".into(),
    }
}

/// "did you mean …?", when one of `known` is near enough to `word`: at most a third of its letters differ.
pub fn did_you_mean<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let lower = word.to_lowercase();
    let allowed = (word.chars().count() / 3).max(1);
    known
        .map(|k| (strsim::damerau_levenshtein(&lower, &k.to_lowercase()), k))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| format!("did you mean `{k}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_have_places_and_mends() {
        let doc = Doc::parse("f.yaml", "a: 1\nlist:\n  - min: low\n    mni: 2\n").unwrap();
        let root = doc.root();
        root.only(&["a", "list"]);
        let item = root.get("list").unwrap().list().unwrap().remove(0);
        item.only(&["min", "max"]);
        assert_eq!(item.get("min").unwrap().number(), None);
        let found = doc.finish(()).unwrap_err();
        let text: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            text,
            [
                "f.yaml:3:10: expected a number, found the text `low`",
                "f.yaml:4:5: unknown key `mni` (did you mean `min`?)"
            ]
        );
    }

    #[test]
    fn broken_yaml_has_a_place_too() {
        let fault = Doc::parse("f.yaml", "a: 1\nb: [1,\n").err().unwrap();
        assert!(fault.position().0 >= 2, "{fault}");
        let twice = Doc::parse("f.yaml", "a: 1\na: 2\n").err().unwrap();
        assert_eq!(twice.to_string(), "f.yaml:2:1: a second `a` in one mapping (keep one of them)");
    }

    #[test]
    fn bounds_hold() {
        let deep = format!("a: {}{}", "[".repeat(60), "]".repeat(60));
        assert!(Doc::parse("f", &deep).is_err());
        let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for (i, c) in ('b'..='k').enumerate() {
            let p = char::from(b'a' + i as u8);
            bomb.push_str(&format!("{c}: &{c} [*{p},*{p},*{p},*{p},*{p},*{p},*{p},*{p},*{p}]\n"));
        }
        assert!(Doc::parse("f", &bomb).is_err());
    }
}
