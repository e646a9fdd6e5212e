//! Envelopes that are JSON objects: the payload is a text within, and its escapes are read.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use memchr::memmem;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Payload, label};
use crate::record::time;

/// A line of Docker's json-file driver. A key that is none of these makes the line something else: a record may well
/// have a field `log`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Docker<'a> {
    #[serde(borrow)]
    log: Raw<'a>,
    #[serde(borrow)]
    stream: Option<Raw<'a>>,
    #[serde(borrow)]
    time: Option<Raw<'a>>,
    #[serde(rename = "attrs")]
    _attrs: Option<IgnoredAny>,
    // What Fluent Bit and Fluentd put beside them.
    kubernetes: Option<IgnoredAny>,
    docker: Option<IgnoredAny>,
    #[serde(rename = "_p")]
    part: Option<IgnoredAny>,
    date: Option<IgnoredAny>,
    #[serde(rename = "@timestamp")]
    timestamp: Option<IgnoredAny>,
    #[serde(rename = "logtag")]
    tag: Option<IgnoredAny>,
    #[serde(rename = "container_id")]
    container: Option<IgnoredAny>,
    #[serde(rename = "container_name")]
    name: Option<IgnoredAny>,
    source: Option<IgnoredAny>,
}

/// Takes a line of Docker's json-file driver apart.
pub(super) fn docker(line: &[u8]) -> Option<Payload<'_>> {
    let docker: Docker<'_> = object(line, b"\"log\"")?;
    if docker.log.listed || (docker.stream.is_none() && docker.time.is_none()) {
        return None;
    }
    let (bytes, ended) = without_newline(docker.log.bytes);
    // A shipper has put the parts together, and taken the newline off.
    let shipped = [&docker.kubernetes, &docker.docker, &docker.part, &docker.date, &docker.timestamp, &docker.tag]
        .into_iter()
        .chain([&docker.container, &docker.name, &docker.source])
        .any(Option::is_some);
    let mut payload = Payload { partial: !ended && !shipped, ..Payload::of(bytes) };
    if let Some(stream) = docker.stream {
        payload.stream = stream.into_label();
        payload.labels.push(("log.iostream", payload.stream.clone()));
    }
    payload.ts = docker.time.and_then(|text| time::parse(&text.into_label()));
    Some(payload)
}

/// Takes the newline off that ends a line; with the carriage return that a terminal puts before it.
fn without_newline(bytes: Cow<'_, [u8]>) -> (Cow<'_, [u8]>, bool) {
    let Some(whole) = bytes.strip_suffix(b"\n") else { return (bytes, false) };
    let length = whole.strip_suffix(b"\r").unwrap_or(whole).len();
    let cut = match bytes {
        Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(..length).unwrap_or_default()),
        Cow::Owned(mut bytes) => {
            bytes.truncate(length);
            Cow::Owned(bytes)
        }
    };
    (cut, true)
}

#[derive(Deserialize)]
struct Journald<'a> {
    #[serde(rename = "MESSAGE", borrow)]
    message: Raw<'a>,
    #[serde(rename = "__REALTIME_TIMESTAMP", borrow, default)]
    received: Field<'a>,
    #[serde(rename = "_SOURCE_REALTIME_TIMESTAMP", borrow, default)]
    sent: Field<'a>,
    #[serde(rename = "__CURSOR")]
    cursor: Option<IgnoredAny>,
    #[serde(rename = "_BOOT_ID")]
    boot: Option<IgnoredAny>,
    #[serde(rename = "_HOSTNAME", borrow, default)]
    host: Field<'a>,
    #[serde(rename = "_SYSTEMD_UNIT", borrow, default)]
    unit: Field<'a>,
    #[serde(rename = "SYSLOG_IDENTIFIER", borrow, default)]
    service: Field<'a>,
}

/// Takes an entry of `journalctl -o json` apart.
pub(super) fn journald(line: &[u8]) -> Option<Payload<'_>> {
    let entry: Journald<'_> = object(line, b"\"MESSAGE\"")?;
    if entry.received.0.is_none() && entry.cursor.is_none() && entry.boot.is_none() {
        return None;
    }
    let mut payload = Payload::of(entry.message.bytes);
    // The program's own clock first: the journal's may be late.
    payload.ts = [entry.sent, entry.received].into_iter().find_map(|Field(micros)| {
        let micros = micros?.trim().parse::<i64>().ok()?;
        Timestamp::from_microsecond(micros).ok()
    });
    let named = [("host.name", entry.host), ("systemd.unit", entry.unit), ("service.name", entry.service)];
    payload.labels = named.into_iter().filter_map(|(name, Field(text))| Some((name, text?))).collect();
    Some(payload)
}

/// Reads an object, if `key` occurs in the line at all: most lines are told apart by that, without a walk.
fn object<'a, T: Deserialize<'a>>(line: &'a [u8], key: &[u8]) -> Option<T> {
    // A structure would be read from an array too.
    if line.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    memmem::find(line, key)?;
    serde_json::from_slice(line).ok()
}

/// A text, or the array of numbers that journald writes for bytes that are no UTF-8. Bytes that break UTF-8 stay as
/// they are: whoever reads the payload says what they mean.
struct Raw<'a> {
    bytes: Cow<'a, [u8]>,
    /// It was an array.
    listed: bool,
}

impl<'a> Raw<'a> {
    fn text(bytes: Cow<'a, [u8]>) -> Self {
        Self { bytes, listed: false }
    }

    fn into_label(self) -> Cow<'a, str> {
        match self.bytes {
            Cow::Borrowed(bytes) => label(bytes),
            Cow::Owned(bytes) => Cow::Owned(label(&bytes).into_owned()),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_bytes(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or an array of bytes")
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Raw<'de>, E> {
        Ok(Raw::text(Cow::Borrowed(bytes)))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Raw<'de>, E> {
        Ok(Raw::text(Cow::Owned(bytes.to_vec())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw<'de>, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element::<u8>()? {
            bytes.push(byte);
        }
        Ok(Raw { bytes: Cow::Owned(bytes), listed: true })
    }
}

/// A field that is of use when it is a text or a number. Whatever else it is does not make the entry unreadable:
/// journald writes null for what is too long, and arrays for what is there twice.
#[derive(Default)]
struct Field<'a>(Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Field<'de>, E> {
        Ok(Field(Some(Cow::Borrowed(text))))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Field<'de>, E> {
        Ok(Field(Some(Cow::Owned(text.to_owned()))))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Field<'de>, E> {
        Ok(Field(Some(Cow::Owned(value.to_string()))))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Field<'de>, E> {
        Ok(Field(None))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Field<'de>, E> {
        Ok(Field(None))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Field<'de>, E> {
        Ok(Field(None))
    }

    fn visit_unit<E: Error>(self) -> Result<Field<'de>, E> {
        Ok(Field(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Field<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Field<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field(None))
    }
}
