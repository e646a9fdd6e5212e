//! Records of a capture: they were read once, and are only judged again.

use std::sync::Arc;

use super::{How, Made, ParsedBatch, Stage};
use crate::pipeline::reading::Records;
use crate::record::Seq;
use crate::stats::summary::Skipped;

impl Stage {
    /// Records that were read before, with the numbers that they had.
    pub(super) fn records(&mut self, records: Records) -> ParsedBatch {
        let Records { records, source, read_at, read_ts } = records;
        let made = records.into_iter().map(|(record, known)| {
            self.seq = Seq(record.seq.0 + 1);
            Made::Record(Arc::new(record), How { known: known.map(Box::new), ..How::default() })
        });
        let made = made.collect();
        ParsedBatch {
            items: self.with_requests(made, read_ts),
            file: source,
            end: None,
            joined: false,
            carry: None,
            skipped: Skipped::default(),
            muted: false,
            read_at,
            read_ts,
            rules: self.shared.rules.get(),
        }
    }
}
