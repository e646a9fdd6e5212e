//! From the lines of one source to records, whatever they are written in.
//!
//! ```text
//! line ─► envelope off ─► parts put together ─► values ─► format ─► pieces ─► joined ─► records
//! ```
//!
//! What the lines are is found out from the first of them (`sniff`), and said. After that a line may still be of
//! another format, if it bears that format's mark; it is never guessed at again.

mod inner;
mod open;
mod peek;
mod sniff;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::draft::{Draft, Entry, Maker, Part, Pieces};
use super::envelope;
use super::format::{self, Format};
use super::join::{self, Closed, Joining};
use super::json::Json;
use super::mapping::Mapping;
use super::values::Scanner;
use super::{Origin, Record, Reject, Rejected, native};
use crate::verdict::{self, Verdict};

use inner::{Inner, begins_json, is_hinted, is_strong, unwrap};
use open::WHOLE_LINE;
pub use open::{Resumed, Saved, Unfinished};
pub use peek::time_of;
pub use sniff::{Choice, LOOK, Layout, Sniffer};

/// Envelopes that may lie in one another.
const NESTED: usize = 3;

/// Streams of one source whose lines come in parts.
const STREAMS: usize = 256;

/// Bytes kept of a line in parts that is too long, and of the name of a stream.
const EXCERPT: usize = 256;

/// What the user wants of the formats.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Options {
    /// Read as this; `None` to find out.
    pub format: Option<Format>,
    /// Where the fields of a generic log stand.
    pub mapping: Option<Arc<Mapping>>,
    /// What is joined.
    pub join: join::Options,
}

/// A line, and where it stands.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its bytes.
    pub raw: Bytes,
    /// Where it stands; its part is 0.
    pub origin: Origin,
    /// When it was read, if that is the time of what has none.
    pub read_ts: Option<Timestamp>,
}

/// What came of a line.
#[derive(Debug)]
pub enum Found {
    /// A record; where all its parts stand, if it was not there at once but put together.
    Record(Record, Option<Vec<Origin>>),
    /// The verdict of another instance, and where it stands.
    Verdict(Box<Verdict>, Bytes, Origin),
    /// It is broken.
    Rejected(Rejected),
    /// It is sound, and no record: what a program says of itself, between its records.
    NotARecord,
    /// Things in it that are sound and are no answers of a model.
    Skipped(u64),
}

/// Takes what is found.
pub type Out<'a> = &'a mut dyn FnMut(Found);

/// Reads one source.
#[derive(Debug)]
pub struct Reader {
    options: Arc<Options>,
    choice: Arc<Choice>,
    /// Lines that came in parts, by their stream.
    partial: HashMap<String, Partial>,
    scanner: Option<Scanner>,
    joining: Joining,
    /// By file, what was judged of it in a former run.
    resumed: HashMap<Arc<str>, Resumed>,
    /// Where the last line stood, while values do not keep to lines.
    last: Option<Origin>,
    /// The source was entered amid a value, and none has begun since; `None` before its first line.
    amid: Option<bool>,
}

#[derive(Debug)]
struct Partial {
    origin: Origin,
    bytes: Vec<u8>,
    /// The bound that was exceeded; of such a line only the beginning is held.
    too_long: Option<usize>,
    ts: Option<Timestamp>,
    labels: Vec<(&'static str, String)>,
}

impl Partial {
    fn at(origin: &Origin) -> Self {
        Self { origin: origin.clone(), bytes: Vec::new(), too_long: None, ts: None, labels: Vec::new() }
    }

    fn cut(&mut self, bound: usize) {
        self.too_long = self.too_long.or(Some(bound));
        self.bytes.truncate(EXCERPT);
        self.bytes.shrink_to_fit();
    }
}

/// A value with what is known of it from outside.
struct Value<'a> {
    bytes: Bytes,
    origin: Origin,
    otherwise: Option<Timestamp>,
    inner: &'a Inner<'a>,
}

impl Reader {
    /// A reader of what was found out.
    pub fn new(options: Arc<Options>, choice: Arc<Choice>, line_bytes: usize) -> Self {
        let scanner = (choice.layout == Layout::Values).then(|| Scanner::new(line_bytes));
        let joining = Joining::new(options.join.clone());
        Self {
            options,
            choice,
            partial: HashMap::new(),
            scanner,
            joining,
            resumed: HashMap::new(),
            last: None,
            amid: None,
        }
    }

    /// Whether records may be put together from several lines: then one line does not say what came of it.
    pub fn joins(&self) -> bool {
        self.options.join.group.is_some() || self.choice.joins() || !self.joining.is_empty()
    }

    /// Something is begun that time may close.
    pub fn is_open(&self) -> bool {
        !self.joining.is_empty()
    }

    /// What was found out.
    pub fn choice(&self) -> &Arc<Choice> {
        &self.choice
    }

    /// Reads one line.
    pub fn line(&mut self, maker: &mut Maker, line: Line, out: Out<'_>) {
        self.pass(&line.origin);
        let bare = self.choice.envelope.is_none() && self.scanner.is_none();
        if !bare || self.choice.format != Format::Native {
            self.any(maker, &line, out);
        } else if let Some(line) = self.native(maker, line, out) {
            self.any(maker, &line, out);
        }
    }

    /// Event time goes on by so much without a line.
    pub fn advance(&mut self, maker: &mut Maker, by: SignedDuration, out: Out<'_>) {
        let mut closed = Vec::new();
        self.joining.advance(maker, by, &mut |record| closed.push(record));
        closed.into_iter().for_each(|record| finished(maker, record, out));
    }

    /// The source has ended.
    pub fn finish(&mut self, maker: &mut Maker, out: Out<'_>) {
        let mut unread: Vec<Partial> = self.partial.drain().map(|(_, partial)| partial).collect();
        unread.sort_by(|a, b| (&a.origin.file, a.origin.offset).cmp(&(&b.origin.file, b.origin.offset)));
        let reason = "the line's last part is missing";
        for partial in unread {
            let Partial { origin, bytes, ts, labels, .. } = partial;
            // Docker's last line has no end while its program has not written one.
            if !Json::parse(&String::from_utf8_lossy(&bytes)).is_ok_and(|json| json.is_object()) {
                out(Found::Rejected(Rejected::of(origin, Reject::at_start(reason), &bytes)));
                continue;
            }
            let inner = Inner { enveloped: true, ts, labels, ..Inner::of(b"") };
            self.value(maker, Value { bytes: bytes.into(), origin, otherwise: None, inner: &inner }, out);
        }
        if let (Some(scanner), Some(last)) = (&mut self.scanner, self.last.take()) {
            scanner.finish(&mut |found| {
                let origin = Origin { offset: found.offset, line: found.line, part: found.part, ..last.clone() };
                let fault = found.fault.unwrap_or_default();
                out(Found::Rejected(Rejected::of(origin, Reject::at_start(&fault), &found.bytes)));
            });
        }
        let mut closed = Vec::new();
        self.joining.finish(maker, &mut |record| closed.push(record));
        closed.into_iter().for_each(|record| finished(maker, record, out));
    }

    /// Reads a line of a native log the short way; gives it back when it may be something else.
    fn native(&mut self, maker: &mut Maker, line: Line, out: Out<'_>) -> Option<Line> {
        let auto = self.options.format.is_none();
        match native::read(maker, &line.raw) {
            Ok(draft) if auto && draft.samples.is_empty() && is_hinted(&line.raw) => return Some(line),
            Ok(draft) if self.is_plain() => {
                // The common case: nothing is copied.
                out(Found::Record(maker.record(draft, line.origin, line.raw), None));
            }
            Ok(draft) => self.whole(maker, draft, &line.raw, &line.origin, line.read_ts, out),
            Err(_) if auto && !line.raw.trim_ascii_start().starts_with(b"{") && is_strong(&line.raw) => {
                return Some(line);
            }
            Err(_) if auto && envelope::is_log_line(&line.raw) => self.tell(&line.origin, Found::NotARecord, out),
            Err(reject) => self.reject(line.origin, reject, &line.raw, out),
        }
        None
    }

    /// Nothing is joined and nothing was judged before.
    fn is_plain(&self) -> bool {
        self.options.join.group.is_none() && self.joining.is_empty() && self.resumed.is_empty()
    }

    /// Reads a line of any kind.
    fn any(&mut self, maker: &mut Maker, line: &Line, out: Out<'_>) {
        let mut inner = unwrap(&line.raw, self.choice.envelope);
        let mut origin = line.origin.clone();
        if inner.partial || !self.partial.is_empty() {
            let Some(begun) = self.put_together(&mut inner, &origin, maker.limits.line_bytes, out) else { return };
            origin = begun;
        }
        let bytes = inner.bytes.trim_ascii();
        if let Some(scanner) = &mut self.scanner {
            self.amid.get_or_insert(origin.offset > 0 && scanner.is_between());
            if scanner.is_between() && !begins_json(bytes) {
                return self.text(&inner, &line.raw, origin, out);
            }
            self.last = Some(origin.clone());
            let mut values = Vec::new();
            // Not trimmed: indentation tells where a broken value ends.
            scanner.line(&inner.bytes, origin.offset, origin.line, &mut |found| {
                values.push((Bytes::copy_from_slice(&found.bytes), found.offset, found.line, found.part, found.fault));
            });
            for (bytes, offset, number, part, fault) in values {
                let origin = Origin { offset, line: number, part, ..origin.clone() };
                match fault {
                    Some(_) if self.amid == Some(true) => self.tell(&origin, Found::NotARecord, out),
                    Some(fault) => self.reject(origin, Reject::at_start(&fault), &bytes, out),
                    // A fragment of a number or a text is a value too: only an object is a beginning.
                    None if self.amid == Some(true) && !bytes.starts_with(b"{") => {
                        self.tell(&origin, Found::NotARecord, out);
                    }
                    None => {
                        self.amid = Some(false);
                        self.value(maker, Value { bytes, origin, otherwise: line.read_ts, inner: &inner }, out);
                    }
                }
            }
            return;
        }
        if !bytes.starts_with(b"{") {
            return self.text(&inner, &line.raw, origin, out);
        }
        let bytes = match &inner.bytes {
            Cow::Borrowed(_) if !inner.enveloped => line.raw.clone(),
            _ => Bytes::copy_from_slice(bytes),
        };
        self.value(maker, Value { bytes, origin, otherwise: line.read_ts, inner: &inner }, out);
    }

    /// Puts a line to the parts before it; `None` while more of them follow, else where the first one stands.
    fn put_together(&mut self, inner: &mut Inner<'_>, origin: &Origin, limit: usize, out: Out<'_>) -> Option<Origin> {
        if !inner.partial && !self.partial.contains_key(&inner.stream) {
            return Some(origin.clone());
        }
        if self.partial.len() >= STREAMS && !self.partial.contains_key(&inner.stream) {
            let reject = Reject::at_start(&format!("more than {STREAMS} streams have unfinished lines"));
            self.reject(origin.clone(), reject, &inner.bytes, out);
            return None;
        }
        let all: usize = self.partial.values().map(|partial| partial.bytes.len()).sum();
        let held = self.partial.entry(inner.stream.clone()).or_insert_with(|| Partial::at(origin));
        if held.bytes.len() + inner.bytes.len() > limit {
            held.cut(limit);
        } else if all + inner.bytes.len() > self.options.join.bytes {
            held.cut(self.options.join.bytes);
        } else if held.too_long.is_none() {
            held.bytes.extend_from_slice(&inner.bytes);
        }
        if inner.partial {
            (held.ts, held.labels) = (inner.ts, std::mem::take(&mut inner.labels));
            return None;
        }
        let whole = self.partial.remove(&inner.stream)?;
        if let Some(bound) = whole.too_long {
            let reject = Reject::at_start(&format!("the parts of unfinished lines have more than {bound} bytes"));
            self.reject(whole.origin, reject, &whole.bytes, out);
            return None;
        }
        inner.bytes = Cow::Owned(whole.bytes);
        Some(whole.origin)
    }

    /// What does not begin as JSON does.
    fn text(&mut self, inner: &Inner<'_>, raw: &Bytes, origin: Origin, out: Out<'_>) {
        let auto = self.options.format.is_none();
        let expected = auto && self.choice.format != Format::Native;
        if inner.enveloped || expected || self.amid == Some(true) || (auto && envelope::is_log_line(&inner.bytes)) {
            return self.tell(&origin, Found::NotARecord, out);
        }
        let reject = Json::parse(&String::from_utf8_lossy(raw)).err();
        self.reject(origin, reject.unwrap_or_else(|| Reject::at_start("expected a JSON object")), raw, out);
    }

    fn value(&mut self, maker: &mut Maker, value: Value<'_>, out: Out<'_>) {
        let auto = self.options.format.is_none();
        if self.choice.format == Format::Native {
            match native::read(maker, &value.bytes) {
                Ok(draft) if auto && draft.samples.is_empty() && is_hinted(&value.bytes) => {}
                Ok(draft) => {
                    let draft = labelled(maker, draft, value.inner);
                    return self.whole(maker, draft, &value.bytes, &value.origin, value.otherwise, out);
                }
                Err(reject) => return self.reject(value.origin, reject, &value.bytes, out),
            }
        }
        let text = String::from_utf8_lossy(&value.bytes);
        let lossy = matches!(text, Cow::Owned(_));
        let json = match Json::parse(&text) {
            Ok(json) if json.is_object() => json,
            Ok(_) => return self.reject(value.origin, Reject::at_start("expected a JSON object"), &value.bytes, out),
            Err(reject) => return self.reject(value.origin, reject, &value.bytes, out),
        };
        let signed = format::signature(&json).map(|(format, _)| format);
        let format = match (self.options.format, signed, self.choice.format) {
            (Some(wanted @ (Format::Native | Format::Generic)), ..) => wanted,
            (Some(wanted), signed, _) if signed == Some(wanted) => wanted,
            (Some(wanted), ..) => {
                let reject = Reject::at_start(&format!("nothing in it is of {}", wanted.title()));
                return self.reject(value.origin, reject, &value.bytes, out);
            }
            (None, Some(signed), _) => signed,
            (None, None, own @ (Format::Native | Format::Generic)) => own,
            (None, None, _) => return self.tell(&value.origin, Found::NotARecord, out),
        };
        match format {
            Format::Native => match native::read(maker, &value.bytes) {
                Ok(draft) => {
                    let draft = labelled(maker, draft, value.inner);
                    self.whole(maker, draft, &value.bytes, &value.origin, value.otherwise, out);
                }
                Err(reject) => self.reject(value.origin, reject, &value.bytes, out),
            },
            Format::Verdict => self.verdict(&json, &value, out),
            foreign => self.pieces(maker, (foreign, &json, lossy), &value, out),
        }
    }

    fn verdict(&mut self, json: &Json<'_>, value: &Value<'_>, out: Out<'_>) {
        if json.get("summary").is_some() {
            return self.tell(&value.origin, Found::Skipped(1), out);
        }
        match verdict::read::read(json) {
            Ok(verdict) if !self.is_known(&value.origin) => {
                out(Found::Verdict(Box::new(verdict), value.bytes.clone(), value.origin.clone()))
            }
            Ok(_) => {}
            Err(reason) => self.reject(value.origin.clone(), Reject::at_start(&reason), &value.bytes, out),
        }
    }

    fn pieces(
        &mut self,
        maker: &mut Maker,
        (format, json, lossy): (Format, &Json<'_>, bool),
        value: &Value<'_>,
        out: Out<'_>,
    ) {
        let mut pieces = Pieces::new(maker);
        format::read(format, json, self.options.mapping.as_deref(), &mut pieces);
        let Pieces { found, skipped, .. } = pieces;
        if skipped > 0 {
            // Told with the line: of its parts some may be open.
            self.tell(&Origin { part: WHOLE_LINE - 1, ..value.origin.clone() }, Found::Skipped(skipped), out);
        }
        let several = found.len() > 1 && self.scanner.is_some();
        for (index, mut piece) in (0u32..).zip(found) {
            piece.draft.lossy |= lossy;
            // A line of several values, one of which holds several records: the upper half counts the values.
            let part = if several { ((value.origin.part + 1) << 16) | index } else { value.origin.part + index };
            let origin = Origin { part, ..value.origin.clone() };
            let draft = labelled(maker, piece.draft, value.inner);
            self.piece(maker, (draft, piece.part), &value.bytes, &origin, value.otherwise, out);
        }
    }

    fn whole(
        &mut self,
        maker: &mut Maker,
        draft: Draft,
        raw: &Bytes,
        origin: &Origin,
        otherwise: Option<Timestamp>,
        out: Out<'_>,
    ) {
        if self.options.join.group.is_some() || !self.joining.is_empty() {
            self.piece(maker, (draft, None), raw, origin, otherwise, out);
        } else if !self.is_known(origin) {
            out(Found::Record(maker.record(draft, origin.clone(), raw.clone()), None));
        }
    }

    fn piece(
        &mut self,
        maker: &mut Maker,
        piece: (Draft, Option<Part>),
        raw: &Bytes,
        origin: &Origin,
        otherwise: Option<Timestamp>,
        out: Out<'_>,
    ) {
        let mut closed = Vec::new();
        let at = piece.0.ts.as_ref().map(|(_, ts)| *ts).or(otherwise);
        self.joining.come_to(maker, at, &mut |record| closed.push(record));
        if self.is_known(origin) {
            return closed.into_iter().for_each(|record| finished(maker, record, out));
        }
        let at_once = piece.1.is_none() && self.options.join.group.is_none();
        if at_once {
            closed.into_iter().for_each(|record| finished(maker, record, out));
            return out(Found::Record(maker.record(piece.0, origin.clone(), raw.clone()), None));
        }
        self.joining.add(maker, piece, (origin.clone(), raw), &mut |record| closed.push(record));
        closed.into_iter().for_each(|record| finished(maker, record, out));
    }

    fn reject(&mut self, origin: Origin, reject: Reject, raw: &[u8], out: Out<'_>) {
        if !self.is_known(&origin) {
            out(Found::Rejected(Rejected::of(origin, reject, raw)));
        }
    }

    fn tell(&mut self, origin: &Origin, found: Found, out: Out<'_>) {
        if !self.is_known(origin) {
            out(found);
        }
    }
}

fn finished(maker: &mut Maker, closed: Closed, out: Out<'_>) {
    let Closed { draft, origin, parts, raw, .. } = closed;
    out(Found::Record(maker.record(draft, origin, raw), Some(parts)));
}

/// What the envelope says of a record that does not say it itself.
fn labelled(maker: &mut Maker, draft: Draft, inner: &Inner<'_>) -> Draft {
    if inner.ts.is_none() && inner.labels.is_empty() {
        return draft;
    }
    let has_time = draft.ts.is_some();
    let mut entry = Entry::resume(maker, draft);
    entry.time(inner.ts.filter(|_| !has_time));
    for (name, value) in &inner.labels {
        let path: Vec<&str> = name.split('.').collect();
        entry.label(&path, value);
    }
    entry.done()
}

#[cfg(test)]
mod tests;
