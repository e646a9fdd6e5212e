//! What log shippers put around a line: taken off, so that the payload is read as if it stood alone.

mod json;
mod log_line;
mod prefix;
mod stamp;
mod stamped;
mod syslog;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use log_line::is_log_line;

/// What stands around the payload of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Envelope {
    /// `{"log":"…\n","stream":"stdout","time":"…"}`: the files of Docker's json-file driver.
    Docker,
    /// `2026-02-17T12:34:56.789Z stdout F …`: the files of containerd and CRI-O.
    Cri,
    /// `[pod/name/container] …`.
    Kubectl,
    /// `web-1  | …`.
    Compose,
    /// `{"MESSAGE":"…","__CURSOR":"…"}`: `journalctl -o json`.
    Journald,
    /// RFC 5424, RFC 3164, and what `journalctl` writes by itself.
    Syslog,
    /// A time or a level, and an object behind it.
    Stamped,
}

impl Envelope {
    /// All of them, in the order in which [`sniff`] asks: the one with the plainest mark first.
    pub const ALL: [Self; 7] =
        [Self::Docker, Self::Journald, Self::Kubectl, Self::Cri, Self::Syslog, Self::Compose, Self::Stamped];

    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => "Docker json-file",
            Self::Cri => "CRI (containerd, CRI-O)",
            Self::Kubectl => "kubectl logs --prefix",
            Self::Compose => "docker compose logs",
            Self::Journald => "journald (JSON)",
            Self::Syslog => "syslog",
            Self::Stamped => "lines with a time in front",
        }
    }

    /// Takes the envelope off a line; `None` when the line is not in it.
    pub fn unwrap(self, line: &[u8]) -> Option<Payload<'_>> {
        match self {
            Self::Docker => json::docker(line),
            Self::Cri => prefix::cri(line),
            Self::Kubectl => prefix::kubectl(line),
            Self::Compose => prefix::compose(line),
            Self::Journald => json::journald(line),
            Self::Syslog => syslog::syslog(line),
            Self::Stamped => stamped::stamped(line),
        }
    }
}

/// The envelope of this one line, if the line bears its mark. A prefix that plain text may have too needs more than
/// its form here; where the envelope is known, [`Envelope::unwrap`] takes the form alone.
pub fn sniff(line: &[u8]) -> Option<Envelope> {
    Envelope::ALL.into_iter().find(|envelope| match envelope {
        Envelope::Compose => prefix::is_surely_compose(line),
        _ => envelope.unwrap(line).is_some(),
    })
}

/// A line without its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload<'a> {
    /// What the program wrote.
    pub bytes: Cow<'a, [u8]>,
    /// Where it begins in the line, when it is the line's end: a column within it is then one of the line.
    pub start: Option<usize>,
    /// More of it follows on the next line of the same stream.
    pub partial: bool,
    /// Which of several streams in one file it belongs to: parts are joined within one only. Empty if there is one.
    pub stream: Cow<'a, str>,
    /// When the shipper saw it.
    pub ts: Option<Timestamp>,
    /// What the envelope says about where it is from, under the names of OpenTelemetry.
    pub labels: Vec<(&'static str, Cow<'a, str>)>,
}

impl<'a> Payload<'a> {
    /// The rest of a line from `start` on, with nothing known about it.
    fn rest(line: &'a [u8], start: usize) -> Option<Self> {
        Some(Self { start: Some(start), ..Self::of(Cow::Borrowed(line.get(start..)?)) })
    }

    fn of(bytes: Cow<'a, [u8]>) -> Self {
        Self { bytes, start: None, partial: false, stream: Cow::Borrowed(""), ts: None, labels: Vec::new() }
    }
}

/// Text for a label: what is not UTF-8 in it is replaced, for a label is only shown and compared.
fn label(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// Cuts a text behind the first word: the word, and what follows the space.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b' ', text)?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

/// Bytes of the ANSI colour codes that `text` begins with.
fn ansi(text: &[u8]) -> usize {
    let mut rest = text;
    while let Some(code) = rest.strip_prefix(b"\x1b[") {
        let inner = code.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
        match code.get(inner..).and_then(|end| end.strip_prefix(b"m")) {
            Some(behind) => rest = behind,
            None => break,
        }
    }
    text.len() - rest.len()
}
