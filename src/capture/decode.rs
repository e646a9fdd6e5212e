//! Lines back into what they were written of. Whoever made the file may have put anything into it.

mod verdict;

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use foldhash::HashMap;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Captured, Event, Head, Refused, RulesChange, State, VERSION, privacy};
use crate::record::json::Json;
use crate::record::names::MAX_NAMES;
use crate::record::{LABEL_BYTES, Name, Origin, Record, Seq, prefix};
use crate::verdict::read::fields::{Fields, Within};

/// Values of a state: each takes some 32 bytes of memory.
pub(super) const STATE_VALUES: usize = 8 << 20;

/// Values of any other line that is read into a tree.
const VALUES: usize = 500_000;

/// Numbers, and labels, of one record.
const LEAVES: usize = 1 << 16;

/// Samples of one record, and earlier answers.
const SAMPLES: usize = 1 << 12;

/// Bytes of a fault that are shown.
const FAULT: usize = 300;

/// Whether a line of JSON holds at most so many values, whatever it is.
pub(super) fn bounded(line: &[u8], values: usize) -> bool {
    let (mut quoted, mut escaped, mut found) = (false, false, 0);
    for byte in line {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b',' | b'[' | b'{' if !quoted => found += 1,
            _ => {}
        }
    }
    found <= values
}

/// What a line is.
pub(super) fn kind(line: &[u8]) -> Result<String, String> {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(borrow)]
        t: Cow<'a, str>,
    }
    let kind: Kind<'_> = serde_json::from_str(text(line)?).map_err(fault)?;
    Ok(kind.t.into_owned())
}

/// The first line.
pub(super) fn head(line: &[u8]) -> Result<Head, Refused> {
    #[derive(Deserialize)]
    struct First {
        t: String,
        version: serde_json::Value,
    }
    let first: First = tree(line, VALUES).map_err(|fault| Refused::Damaged(format!("its head: {fault}")))?;
    if first.t != "head" {
        return Err(Refused::Damaged("it does not begin with its head".into()));
    }
    if first.version != VERSION {
        return Err(Refused::Version(first.version.to_string()));
    }
    tree(line, VALUES).map_err(|fault| Refused::Damaged(format!("its head: {fault}")))
}

/// What the engines knew.
pub(super) fn state(line: &[u8]) -> Result<State, String> {
    #[derive(Deserialize)]
    struct Line {
        #[serde(default)]
        empty: bool,
        /// Null is something that engines may know.
        #[serde(default, deserialize_with = "present")]
        state: Option<serde_json::Value>,
    }
    fn present<'de, D: serde::Deserializer<'de>>(json: D) -> Result<Option<serde_json::Value>, D::Error> {
        Deserialize::deserialize(json).map(Some)
    }
    let line: Line = tree(line, STATE_VALUES)?;
    match (line.empty, line.state) {
        (true, None) => Ok(State::Empty),
        (false, Some(state)) => Ok(State::Known(state)),
        _ => Err("its state says neither what it is nor that it is empty".into()),
    }
}

/// A change of the rules.
pub(super) fn rules(line: &[u8]) -> Result<RulesChange, String> {
    tree(line, VALUES)
}

/// Something on the timeline.
pub(super) fn event(line: &[u8]) -> Result<Event, String> {
    tree(line, VALUES)
}

/// The last line, of a capture that so many records were read of.
pub(super) fn end(line: &[u8], records: u64) -> Result<(), String> {
    #[derive(Deserialize)]
    struct Line {
        records: u64,
        #[serde(rename = "why")]
        _why: String,
    }
    let told = tree::<Line>(line, VALUES)?.records;
    if told == records { Ok(()) } else { Err(format!("{told} records were written, and {records} are there")) }
}

fn tree<T: DeserializeOwned>(line: &[u8], values: usize) -> Result<T, String> {
    if !bounded(line, values) {
        return Err(format!("a line of more than {values} values"));
    }
    serde_json::from_str(text(line)?).map_err(fault)
}

fn text(line: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(line).map_err(|_| "a line is not UTF-8".into())
}

fn fault(error: serde_json::Error) -> String {
    // It quotes what it found, however long that is.
    format!("a line is not as expected: {}", prefix(&error.to_string(), FAULT))
}

/// What the lines of records have in common.
#[derive(Default)]
pub(super) struct Records {
    /// Paths that were met: every record has the same few dozen.
    names: HashMap<Arc<str>, Name>,
    last: Option<Seq>,
    raw: Bytes,
    count: u64,
}

impl Records {
    /// Records read.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Reads the line of a record.
    pub fn read(&mut self, line: &[u8]) -> Result<Captured, String> {
        let json = Json::parse(text(line)?).map_err(|reject| format!("a record: {}", reject.reason))?;
        let captured = self.captured(&json).map_err(|fault| format!("a record: {fault}"))?;
        if self.last.is_some_and(|last| captured.record.seq <= last) {
            return Err(format!("record {} is out of order", captured.record.seq));
        }
        self.last = Some(captured.record.seq);
        self.count += 1;
        Ok(captured)
    }

    fn captured(&mut self, json: &Json<'_>) -> Result<Captured, String> {
        let line = Fields::of(json)?;
        let record = self.record(&line)?;
        let verdict = line.get("verdict").ok_or_else(|| line.fault("verdict", "an object"))?;
        let verdict = verdict::read(verdict, &line.object("more")?, &record)?;
        Ok(Captured { record, verdict })
    }

    fn record(&mut self, line: &Fields<'_, '_>) -> Result<Record, String> {
        let samples = match line.get("sizes") {
            Some(_) => sizes(line, "sizes")?,
            None => texts(line, "samples")?,
        };
        let prompt = match line.get("prompt") {
            Some(_) => Some(line.text("prompt", usize::MAX)?),
            None => line.maybe_whole("prompt_size")?.map(|size| privacy::placeholder(size).into()),
        };
        let pairs = |key| leaves(line, key);
        let number = |json: &Json<'_>| json.number().ok_or_else(|| "`numbers`: expected a number".to_owned());
        let label = |json: &Json<'_>| json.text().map(Arc::from).ok_or_else(|| "`labels`: expected a text".to_owned());
        Ok(Record {
            seq: Seq(line.whole("seq")?),
            id: line.text("id", usize::MAX)?,
            ts: time(line, "ts")?,
            key: line.text("key", usize::MAX)?,
            prompt,
            samples,
            latency_ms: line.number("latency_ms")?,
            numbers: pairs("numbers")?
                .map(|(path, value)| Ok((self.name(path?), number(value)?)))
                .collect::<Result<_, String>>()?,
            labels: pairs("labels")?
                .map(|(path, value)| Ok((self.name(path?), label(value)?)))
                .collect::<Result<_, String>>()?,
            truncated: flag(line, "truncated")?,
            lossy: flag(line, "lossy")?,
            origin: origin(&line.object("origin")?)?,
            raw: self.raw(line)?,
        })
    }

    fn name(&mut self, path: &str) -> Name {
        if let Some(name) = self.names.get(path) {
            return name.clone();
        }
        let text: Arc<str> = path.into();
        let name = Name::foreign(Arc::clone(&text));
        if self.names.len() < MAX_NAMES && path.len() <= LABEL_BYTES {
            self.names.insert(text, name.clone());
        }
        name
    }

    fn raw(&mut self, line: &Fields<'_, '_>) -> Result<Bytes, String> {
        let wrong = || line.fault("raw", "a text, base64, or that of the record before");
        let raw: Bytes = match line.get("raw") {
            None => return Ok(Bytes::new()),
            Some(Json::Text(text)) => text.as_bytes().to_vec().into(),
            Some(other) => match (other.get("base64").and_then(Json::text), other.get("as").and_then(Json::text)) {
                (Some(text), None) => STANDARD.decode(text).map_err(|_| wrong())?.into(),
                (None, Some("before")) if !self.raw.is_empty() => return Ok(self.raw.clone()),
                _ => return Err(wrong()),
            },
        };
        if !raw.is_empty() {
            self.raw = raw.clone();
        }
        Ok(raw)
    }
}

fn origin(found: &Fields<'_, '_>) -> Result<Origin, String> {
    Ok(Origin {
        source: found.text("source", usize::MAX)?,
        file: found.text("file", usize::MAX)?,
        offset: found.whole("offset")?,
        line: found.maybe_whole("line")?,
        part: found.whole("part")?,
    })
}

fn flag(line: &Fields<'_, '_>, key: &str) -> Result<bool, String> {
    match line.get(key) {
        Some(Json::Bool(value)) => Ok(*value),
        _ => Err(line.fault(key, "true or false")),
    }
}

fn time(line: &Fields<'_, '_>, key: &str) -> Result<Option<Timestamp>, String> {
    let Some(found) = line.get(key) else { return Ok(None) };
    let time = found.text().and_then(|text| text.parse().ok());
    time.map(Some).ok_or_else(|| line.fault(key, "a time such as 2026-02-17T12:34:56Z"))
}

fn few<'j, 'a>(line: &Fields<'j, 'a>, key: &str, most: usize) -> Result<&'j [Json<'a>], String> {
    let items = line.list(key)?;
    if items.len() <= most { Ok(items) } else { Err(line.fault(key, format_args!("at most {most} items"))) }
}

fn texts(line: &Fields<'_, '_>, key: &str) -> Result<Vec<Arc<str>>, String> {
    let text = |item: &Json<'_>| item.text().map(Arc::from).ok_or_else(|| line.fault(key, "a list of texts"));
    few(line, key, SAMPLES)?.iter().map(text).collect()
}

/// What stands for texts that were left out.
fn sizes(line: &Fields<'_, '_>, key: &str) -> Result<Vec<Arc<str>>, String> {
    let size = |item: &Json<'_>| match item {
        Json::Whole(size) if *size >= 0 => Ok(privacy::placeholder(*size as u64).into()),
        _ => Err(line.fault(key, "a list of sizes")),
    };
    few(line, key, SAMPLES)?.iter().map(size).collect()
}

/// Pairs of a path and something.
#[allow(clippy::type_complexity)]
fn leaves<'j, 'a: 'j>(
    line: &Fields<'j, 'a>,
    key: &'static str,
) -> Result<impl Iterator<Item = (Result<&'j str, String>, &'j Json<'a>)>, String> {
    Ok(few(line, key, LEAVES)?.iter().map(move |pair| match pair.items() {
        [Json::Text(path), value] => (Ok(&**path), value),
        _ => (Err(format!("`{key}`: expected pairs of a path and a value")), pair),
    }))
}

/// The entries of an object in the line.
fn entries<'j, 'a>(line: &Fields<'j, 'a>, key: &'static str) -> Result<&'j [(Cow<'a, str>, Json<'a>)], String> {
    let found = line.get(key).ok_or_else(|| line.fault(key, "an object"))?;
    Fields::within(found, Within::Key(key))?;
    Ok(found.entries())
}
