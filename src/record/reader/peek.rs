//! The time of one line, whatever it is written in: for a search by time in a log that nothing was read of.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::{Found, Line, Options, Reader, Sniffer};
use crate::record::draft::Maker;
use crate::record::{Limits, Origin, native};

/// The event time of a line that holds a record, or a part of one.
pub fn time_of(line: &[u8]) -> Option<Timestamp> {
    let own = native::time_of(line);
    if own.is_some() {
        return own;
    }
    let (options, limits) = (Options::default(), Limits::default());
    let mut sniffer = Sniffer::new(&options, limits.line_bytes);
    let choice = sniffer.line(line).unwrap_or_else(|| sniffer.settle());
    let mut reader = Reader::new(Arc::new(options), Arc::new(choice), limits.line_bytes);
    let mut maker = Maker::new(limits, &[]);
    let mut found = None;
    let mut take = |what: Found| match what {
        Found::Record(record, _) => found = found.or(record.ts),
        Found::Verdict(verdict, ..) => found = found.or(verdict.ts),
        Found::Rejected(_) | Found::NotARecord | Found::Skipped(_) => {}
    };
    let line = Line { raw: Bytes::copy_from_slice(line), origin: Origin::nowhere(), read_ts: None };
    reader.line(&mut maker, line, &mut take);
    reader.finish(&mut maker, &mut take);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_tells_its_time() {
        for line in [
            r#"{"ts":1771331696}"#,
            r#"{"choices":[{"delta":{"content":"a"}}],"created":1771331696}"#,
            r#"{"log":"{\"samples\":[]}\n","stream":"stdout","time":"2026-02-17T12:34:56Z"}"#,
            r#"2026-02-17T12:34:56Z stdout F {"samples":["a"]}"#,
            r#"{"answers":["a"],"time":"2026-02-17 12:34:56"}"#,
        ] {
            assert_eq!(time_of(line.as_bytes()).map(Timestamp::as_second), Some(1_771_331_696), "{line}");
        }
        assert_eq!(time_of(b"no time"), None);
    }
}
