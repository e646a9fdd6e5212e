//! Second stage: lines to records. Texts go to the embedding pool as soon as they are known.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::{Options, Shared};
use crate::engine::embedding::pool::Ticket;
use crate::engine::embedding::select::Choice;
use crate::message::channel::{Receiver, Sender};
use crate::record::native::Parser;
use crate::record::{Origin, Record, Reject, Rejected, Seq, prefix};
use crate::source::LineBatch;

/// Bytes of a refused line that are shown.
const EXCERPT: usize = 200;

/// What became of a batch of lines.
pub(super) struct ParsedBatch {
    /// Records in Seq order, with the features that were asked for.
    pub records: Vec<(Arc<Record>, Vec<Ticket>)>,
    /// Lines that were refused.
    pub rejected: Vec<Rejected>,
    /// When the batch was read.
    pub read_at: Duration,
    /// The same by the wall clock.
    pub read_ts: Timestamp,
}

pub(super) struct Stage {
    parser: Parser,
    limit: usize,
    embeds: bool,
    /// Records are kept for the screen.
    kept: bool,
    shared: Shared,
}

impl Stage {
    pub fn new(options: &Options, shared: Shared) -> Self {
        Self {
            parser: Parser::new(options.limits, &options.key_paths),
            limit: options.limits.line_bytes,
            embeds: options.embedding.backend != Choice::None,
            kept: options.retention.is_some(),
            shared,
        }
    }

    pub fn run(mut self, lines: &Receiver<LineBatch>, records: &Sender<ParsedBatch>) {
        let mut seq = Seq(0);
        while let Some(batch) = lines.recv() {
            if self.shared.stopped() || records.send(self.parse(&batch, &mut seq)).is_err() {
                return;
            }
        }
    }

    fn parse(&mut self, batch: &LineBatch, seq: &mut Seq) -> ParsedBatch {
        let mut records = Vec::with_capacity(batch.lines.len());
        let mut rejected = Vec::new();
        for span in &batch.lines {
            let origin = Origin {
                source: Arc::clone(&batch.source),
                file: Arc::clone(&batch.file),
                offset: span.offset,
                line: span.line,
                part: 0,
            };
            // A slice would keep the whole buffer it was read into, refused neighbours and all, as long as the record.
            let line = span.start..span.end;
            let raw = if self.kept { Bytes::copy_from_slice(&batch.data[line]) } else { batch.data.slice(line) };
            let result = match span.too_long {
                Some(bytes) => {
                    let reason = format!("the line has {bytes} bytes, at most {} are read", self.limit);
                    Err(Reject { column: 1, reason })
                }
                None => self.parser.parse(*seq, origin.clone(), raw.clone()),
            };
            match result {
                Ok(record) => {
                    seq.0 += 1;
                    records.push(Arc::new(record));
                }
                Err(reject) => {
                    let text = String::from_utf8_lossy(&raw[..raw.len().min(4 * EXCERPT)]);
                    rejected.push(Rejected { origin, reject, excerpt: prefix(&text, EXCERPT).to_owned() });
                }
            }
        }
        let tickets = if self.embeds {
            self.shared.pool.submit(records.iter().map(|record| &**record))
        } else {
            vec![Vec::new(); records.len()]
        };
        ParsedBatch {
            records: records.into_iter().zip(tickets).collect(),
            rejected,
            read_at: batch.read_at,
            read_ts: batch.read_ts,
        }
    }
}
