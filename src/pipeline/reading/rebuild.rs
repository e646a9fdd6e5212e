//! Records that have their verdict from a former run, beyond its last checkpoint: read again by their places, in the
//! order in which they were judged, so that the engines know what they knew.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::{Files, Read};
use crate::message::Update;
use crate::message::channel::Sender;
use crate::sink::past::Judged;
use crate::source::content::Content;
use crate::source::tail::Tail;
use crate::source::{LineBatch, Place, Span};

/// Bytes looked through at once for the end of a line.
const PIECE: usize = 16 << 10;

impl Files {
    /// Finds the files, and sends the records on; `None` when nobody wants them.
    pub(super) fn rebuild(&mut self, judged: VecDeque<Judged>, lines: &Sender<Read>) -> Option<()> {
        let mut ledger = self.shared.ledger();
        self.tails.iter_mut().for_each(|tail| tail.prepare(&mut ledger));
        drop(ledger);
        let mut missing = 0u64;
        for Judged { seq, file, offset, part } in judged {
            if self.shared.stopped() {
                return None;
            }
            match self.line(&file, offset) {
                Some(batch) => lines.send(Read::Known(batch, seq, part)).ok()?,
                None => missing += 1,
            }
        }
        if missing > 0 {
            let text = format!("{missing} records that were judged are gone: the engines' baselines lack them");
            self.shared.updates.send(Update::Notice(text)).ok()?;
        }
        lines.send(Read::Rebuilt).ok()
    }

    fn line(&mut self, file: &Arc<str>, offset: u64) -> Option<LineBatch> {
        let limit = self.options.line_bytes;
        let found =
            |tail: &'_ mut Tail| Some((Arc::clone(tail.name()), read_line(tail.content_of(file)?, offset, limit)?));
        let (source, line) = self.tails.iter_mut().find_map(found)?;
        let length = line.len();
        let clock = &self.shared.clock;
        Some(LineBatch {
            source,
            file: Arc::clone(file),
            data: Bytes::from(line),
            lines: vec![Span { start: 0, end: length, offset, line: None, too_long: None }],
            end: Place { offset: offset + length as u64 + 1, ..Place::default() },
            read_at: clock.elapsed(),
            read_ts: clock.now(),
        })
    }
}

fn read_line(content: &mut Content, offset: u64, limit: usize) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    let mut piece = vec![0u8; PIECE];
    while line.len() <= limit {
        let read = content.fill_at(&mut piece, offset + line.len() as u64).ok()?;
        let end = memchr::memchr(b'\n', &piece[..read]);
        line.extend_from_slice(&piece[..end.unwrap_or(read)]);
        if end.is_some() || read < PIECE {
            let start = line.iter().position(|byte| *byte != 0).unwrap_or(line.len());
            line.drain(..start);
            if offset == 0 && line.starts_with(b"\xef\xbb\xbf") {
                line.drain(..3);
            }
            return Some(line);
        }
    }
    None
}
