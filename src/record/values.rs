//! JSON values that do not keep to lines: over many lines, several on one, or as elements of an array.
//!
//! Only brackets and strings are followed; whether a value is JSON is for the parser to say. A value that is broken
//! ends where the next one is seen to begin, so that one fault does not take the rest of a file with it.

mod nest;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use memchr::memchr2;
use serde::{Deserialize, Serialize};

use nest::{Nest, Step, is_end, scalar_length, string_end};

/// Bytes kept of a value that is broken or too long, to show which one it was.
const EXCERPT: usize = 256;

const CUT_OFF: &str = "the value has no end: another one begins before it";

/// A value, or what stands in the place of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<'a> {
    /// Its bytes, with a newline between its lines. An excerpt if `fault` is about a value.
    pub bytes: Cow<'a, [u8]>,
    /// Offset of the line on which it begins.
    pub offset: u64,
    /// Number of that line, if lines are counted.
    pub line: Option<u64>,
    /// Its place among what begins on that line: with `offset`, it says which value this is.
    pub part: u32,
    /// Why it is not a value.
    pub fault: Option<String>,
}

/// Cuts lines into values. Its state has a bound and may be saved between two lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scanner {
    limit: usize,
    open: Option<Open>,
    /// The array at top level whose elements are being read.
    array: Option<Array>,
    /// A value was broken, and where the next begins is not seen yet.
    lost: bool,
}

/// A value that has begun on an earlier line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Open {
    offset: u64,
    line: Option<u64>,
    part: u32,
    #[serde(with = "held")]
    held: Vec<u8>,
    /// Bytes of it so far, held or not.
    length: u64,
    nest: Nest,
    /// The last byte that is not blank.
    last: u8,
    /// Whether all its lines behind the first are indented; `None` if there are none.
    indented: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Array {
    /// The indentation of the last element that began a line.
    indent: Option<usize>,
    /// An element may follow: nothing or a comma stands before it.
    ready: bool,
}

/// The line that is being read.
struct Here<'a, 'e> {
    line: &'a [u8],
    offset: u64,
    number: Option<u64>,
    /// Bytes before its first that is not blank; counted once, for a line may hold many values.
    indent: usize,
    part: u32,
    emit: &'e mut dyn FnMut(Found<'_>),
}

impl Here<'_, '_> {
    fn emit(&mut self, from: usize, to: usize, fault: Option<String>) {
        let bytes = Cow::Borrowed(self.line.get(from..to).unwrap_or_default());
        (self.emit)(Found { bytes, offset: self.offset, line: self.number, part: self.part, fault });
        self.part += 1;
    }
}

impl Scanner {
    /// A scanner that holds no value of more than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, open: None, array: None, lost: false }
    }

    /// Takes the next line, without its newline, that begins at `offset`. Calls `emit` for each value that ends on it.
    pub fn line(&mut self, line: &[u8], offset: u64, number: Option<u64>, emit: &mut dyn FnMut(Found<'_>)) {
        let mut at = Some(0);
        if self.lost {
            at = self.resume(line);
        } else if let Some(open) = self.open.take_if(|open| restarts(open, self.array.as_ref(), line)) {
            open.emit(Some(CUT_OFF.to_owned()), emit);
            self.element_ended();
            if line.first() == Some(&b'[') {
                self.array = None;
            }
        }
        if let Some(open) = self.open.take() {
            at = self.go_on(open, line, emit);
        }
        let mut here = Here { line, offset, number, indent: indentation(line), part: 0, emit };
        while let Some(from) = at {
            at = self.next(from, &mut here);
        }
    }

    /// The input has ended: a value that has not is a fault.
    pub fn finish(&mut self, emit: &mut dyn FnMut(Found<'_>)) {
        if let Some(open) = self.open.take() {
            open.emit(Some("the value that begins here has no end".to_owned()), emit);
        }
        (self.array, self.lost) = (None, false);
    }

    /// Whether no value has begun: a line of text would be no part of one.
    pub fn is_between(&self) -> bool {
        self.open.is_none() && !self.lost
    }

    /// Whether elements of an array are being read.
    pub fn in_array(&self) -> bool {
        self.array.is_some()
    }

    /// Offset of the line on which the value begins that is not finished: who reads again from there misses nothing.
    pub fn unfinished(&self) -> Option<u64> {
        self.open.as_ref().map(|open| open.offset)
    }

    /// Goes on with a value that began on an earlier line. Gives the place behind its end.
    fn go_on(&mut self, mut open: Open, line: &[u8], emit: &mut dyn FnMut(Found<'_>)) -> Option<usize> {
        open.hold(b"\n", self.limit);
        let step = open.nest.walk(line, 0);
        let end = if let Step::Ended(end) = step { end } else { line.len() };
        open.hold(line.get(..end).unwrap_or_default(), self.limit);
        match step {
            Step::Ended(end) => {
                let fault = (open.length > self.limit as u64).then(|| too_long(self.limit));
                open.emit(fault, emit);
                self.element_ended();
                return Some(end);
            }
            Step::Open => {
                if let Some(first) = line.first() {
                    let so_far = open.indented.unwrap_or(true);
                    open.indented = Some(so_far && matches!(first, b' ' | b'\t'));
                }
                open.ends_with(line);
                self.open = Some(open);
            }
            broken => {
                open.emit(Some(why(broken)), emit);
                self.lose();
            }
        }
        None
    }

    /// Reads what stands between values from `from` on, and the value behind it. Gives the place behind that.
    fn next(&mut self, from: usize, here: &mut Here<'_, '_>) -> Option<usize> {
        let rest = here.line.get(from..)?;
        let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let at = from + blanks;
        let rest = rest.get(blanks..)?;
        match rest.first()? {
            b',' => {
                if let Some(array) = &mut self.array {
                    array.ready = true;
                }
                Some(at + 1)
            }
            b'{' => self.begin(at, here),
            b'[' if self.is_element(at) => self.begin(at, here),
            b'[' if may_begin_array(rest) => {
                self.array = Some(Array { indent: None, ready: true });
                Some(at + 1)
            }
            b']' if self.array.is_some() => {
                self.array = None;
                Some(at + 1)
            }
            b'"' => match string_end(here.line, at + 1) {
                Some(end) if is_end(here.line.get(end)) => self.ended(at, end, here),
                Some(_) => self.no_json(at, here),
                None => self.broken(at, Step::Text, here),
            },
            _ => match scalar_length(rest) {
                Some(length) => self.ended(at, at + length, here),
                None => self.no_json(at, here),
            },
        }
    }

    /// An object, or an array that is no more taken apart, begins at `at`.
    fn begin(&mut self, at: usize, here: &mut Here<'_, '_>) -> Option<usize> {
        if let Some(array) = &mut self.array
            && here.indent == at
        {
            array.indent = Some(at);
        }
        let mut nest = Nest::default();
        match nest.walk(here.line, at) {
            Step::Ended(end) => self.ended(at, end, here),
            Step::Open => {
                self.open = Some(Open::new(here, at, nest, self.limit));
                None
            }
            broken => self.broken(at, broken, here),
        }
    }

    /// A value stands between two places of the line.
    fn ended(&mut self, at: usize, end: usize, here: &mut Here<'_, '_>) -> Option<usize> {
        let fault = (end - at > self.limit).then(|| too_long(self.limit));
        let shown = if fault.is_some() { end.min(at + EXCERPT) } else { end };
        here.emit(at, shown, fault);
        self.element_ended();
        Some(end)
    }

    /// A value begins at `at` that is broken on the same line. Nothing that follows there can be told from it.
    fn broken(&mut self, at: usize, step: Step, here: &mut Here<'_, '_>) -> Option<usize> {
        here.emit(at, here.line.len().min(at + EXCERPT), Some(why(step)));
        self.lose();
        None
    }

    /// What no value begins with: the rest of the line. Within the line of an array, as far as the next element.
    fn no_json(&mut self, at: usize, here: &mut Here<'_, '_>) -> Option<usize> {
        let behind = here.line.get(at + 1..)?;
        let next = if self.array.is_some() && here.indent < at { memchr2(b',', b']', behind) } else { None };
        let end = next.map_or(here.line.len(), |next| at + 1 + next);
        here.emit(at, end, Some("not JSON".to_owned()));
        self.element_ended();
        Some(end)
    }

    /// Whether the `[` at this place begins an element of the array that is being read. It is another array's if no
    /// comma stands before it, or if it stands at the margin while elements are indented: then the first was cut off.
    fn is_element(&self, at: usize) -> bool {
        let outdented = |array: &Array| at == 0 && array.indent.is_some_and(|indent| indent > 0);
        self.array.as_ref().is_some_and(|array| array.ready && !outdented(array))
    }

    fn element_ended(&mut self) {
        if let Some(array) = &mut self.array {
            array.ready = false;
        }
    }

    fn lose(&mut self) {
        self.lost = true;
        self.element_ended();
    }

    /// Where reading goes on in a line behind a value that was broken, if it does.
    fn resume(&mut self, line: &[u8]) -> Option<usize> {
        let mut at = 0;
        match line.first()? {
            b'{' => {}
            b'[' => self.array = None,
            b'}' | b']' => {
                // The brackets that end the broken value, and its array.
                at = line.iter().take_while(|byte| b"}], \t".contains(byte)).count();
                if line.get(..at)?.contains(&b']') {
                    self.array = None;
                }
            }
            _ if self.array.as_ref().is_some_and(|array| array.is_at_element(line)) => {}
            _ => return None,
        }
        self.lost = false;
        Some(at)
    }
}

impl Array {
    /// Whether a line begins as earlier elements did.
    fn is_at_element(&self, line: &[u8]) -> bool {
        self.indent.is_some_and(|indent| indent == indentation(line) && line.get(indent) == Some(&b'{'))
    }
}

impl Open {
    fn new(here: &mut Here<'_, '_>, at: usize, nest: Nest, limit: usize) -> Self {
        let text = here.line.get(at..).unwrap_or_default();
        let (offset, line, part) = (here.offset, here.number, here.part);
        here.part += 1;
        let mut open = Self { offset, line, part, held: Vec::new(), length: 0, nest, last: 0, indented: None };
        open.hold(text, limit);
        open.ends_with(text);
        open
    }

    fn hold(&mut self, bytes: &[u8], limit: usize) {
        self.length += bytes.len() as u64;
        if self.length <= limit as u64 {
            self.held.extend_from_slice(bytes);
        } else if self.held.len() >= EXCERPT {
            self.held.truncate(EXCERPT);
            self.held.shrink_to_fit();
        } else {
            let room = EXCERPT - self.held.len();
            self.held.extend(bytes.iter().take(room));
        }
    }

    fn ends_with(&mut self, text: &[u8]) {
        self.last = text.trim_ascii_end().last().copied().unwrap_or(self.last);
    }

    fn emit(mut self, fault: Option<String>, emit: &mut dyn FnMut(Found<'_>)) {
        if fault.is_some() {
            self.held.truncate(EXCERPT);
        }
        let bytes = Cow::Owned(self.held);
        emit(Found { bytes, offset: self.offset, line: self.line, part: self.part, fault });
    }
}

/// Whether a line begins a new value although the one before has no end: it begins like one where none may stand, or
/// it stands at the margin while that value's own lines are indented.
fn restarts(open: &Open, array: Option<&Array>, line: &[u8]) -> bool {
    let at_margin = matches!(line.first(), Some(b'{' | b'['));
    if !at_margin && !array.is_some_and(|array| array.is_at_element(line)) {
        return false;
    }
    !open.nest.awaits(open.last) || (at_margin && open.indented == Some(true))
}

/// Whether an element, the end, or nothing follows the `[`. It is not so for `[INFO] …` and for `[2026-02-17 …`.
fn may_begin_array(text: &[u8]) -> bool {
    let inner = text.get(1..).unwrap_or_default().trim_ascii_start();
    matches!(inner.first(), None | Some(b'{' | b'[' | b']' | b'"')) || scalar_length(inner).is_some()
}

fn indentation(line: &[u8]) -> usize {
    line.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

fn too_long(limit: usize) -> String {
    format!("the value has more than {limit} bytes")
}

fn why(step: Step) -> String {
    match step {
        Step::Bracket { found } => format!("not JSON: `{found}` closes a bracket of the other kind"),
        _ => "not JSON: a string has no end on its line".to_owned(),
    }
}

/// Held bytes in a checkpoint: as text where they are text, for an array of numbers is four times as long.
mod held {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    enum Saved<'a> {
        Text(Cow<'a, str>),
        Bytes(Cow<'a, [u8]>),
    }

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        let bytes_only = |_| Saved::Bytes(Cow::Borrowed(bytes));
        std::str::from_utf8(bytes).map_or_else(bytes_only, |text| Saved::Text(Cow::Borrowed(text))).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        Ok(match Saved::deserialize(from)? {
            Saved::Text(text) => text.into_owned().into_bytes(),
            Saved::Bytes(bytes) => bytes.into_owned(),
        })
    }
}
