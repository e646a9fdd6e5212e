//! Lines out of their envelopes, and what can be told of a line without reading it.

use std::borrow::Cow;

use jiff::Timestamp;
use memchr::memmem;

use super::{EXCERPT, NESTED};
use crate::record::envelope::{self, Envelope, Payload};
use crate::record::prefix;

/// A line without its envelopes.
pub(super) struct Inner<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    pub(super) enveloped: bool,
    pub(super) partial: bool,
    pub(super) stream: String,
    pub(super) ts: Option<Timestamp>,
    pub(super) labels: Vec<(&'static str, String)>,
}

impl<'a> Inner<'a> {
    pub(super) fn of(line: &'a [u8]) -> Self {
        let bytes = Cow::Borrowed(line);
        Self { bytes, enveloped: false, partial: false, stream: String::new(), ts: None, labels: Vec::new() }
    }
}

/// Takes the envelopes off a line.
pub(super) fn unwrap(line: &[u8], usual: Option<Envelope>) -> Inner<'_> {
    let mut inner = Inner::of(line);
    for depth in 0..NESTED {
        let owned;
        let bytes: &[u8] = match &inner.bytes {
            Cow::Borrowed(bytes) => bytes,
            Cow::Owned(bytes) => {
                owned = bytes.clone();
                &owned
            }
        };
        let bare = bytes.starts_with(b"{") && !is_hinted(bytes);
        let sniffed = || if bare { None } else { envelope::sniff(bytes)?.unwrap(bytes) };
        let Some(found) = usual.filter(|_| depth == 0).and_then(|usual| usual.unwrap(bytes)).or_else(sniffed) else {
            break;
        };
        let Payload { bytes: payload, partial, stream, ts, labels, .. } = found;
        inner.partial |= partial;
        inner.stream.push_str(prefix(&stream, EXCERPT));
        // The inner one knows better when it was.
        inner.ts = ts.or(inner.ts);
        inner.labels.extend(labels.into_iter().map(|(name, value)| (name, value.into_owned())));
        let payload = match (payload, &inner.bytes) {
            (Cow::Borrowed(payload), Cow::Borrowed(line)) => Cow::Borrowed(again(line, payload)),
            (payload, _) => Cow::Owned(payload.into_owned()),
        };
        inner.bytes = payload;
        inner.enveloped = true;
    }
    if let Some(event) = inner.bytes.strip_prefix(b"data:") {
        // Server-sent events, as a stream was captured.
        inner.bytes = Cow::Owned(event.trim_ascii().to_vec());
        inner.enveloped = true;
    }
    inner
}

/// The same bytes, borrowed from the line itself, at whose end or in whose midst they stand.
fn again<'a>(line: &'a [u8], payload: &[u8]) -> &'a [u8] {
    let start = payload.as_ptr().addr().wrapping_sub(line.as_ptr().addr());
    line.get(start..).and_then(|rest| rest.get(..payload.len())).unwrap_or_default()
}

pub(super) fn begins_json(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(b'{' | b'[' | b']' | b',' | b'}'))
}

/// Whether a line may be of another format or in an envelope, as far as can be told without reading it.
pub(super) fn is_hinted(line: &[u8]) -> bool {
    const HINTS: [&[u8]; 10] = [
        b"\"choices\"",
        b"\"resource",
        b"\"traceId\"",
        b"\"trace_id\"",
        b"\"log\"",
        b"\"MESSAGE\"",
        b"\"divergence\"",
        b"\"custom_id\"",
        b"\"request\"",
        b"\"summary\"",
    ];
    HINTS.iter().any(|hint| memmem::find(line, hint).is_some())
}

/// Whether a line that is no JSON is in an envelope that nothing else looks like.
pub(super) fn is_strong(line: &[u8]) -> bool {
    matches!(envelope::sniff(line), Some(Envelope::Cri | Envelope::Kubectl | Envelope::Compose | Envelope::Syslog))
        || line.starts_with(b"data:")
}
