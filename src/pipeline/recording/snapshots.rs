//! What the engines knew at some moments of the past, for captures that begin there.

use std::collections::VecDeque;
use std::time::Duration;

use super::Here;
use crate::capture::State;
use crate::history::View;
use crate::record::Seq;

/// Time between two of them at least.
const EVERY: Duration = Duration::from_secs(5);

/// They take at most one part in so many of the time.
const SHARE: u32 = 50;

/// Bytes of all of them together, packed. At the bound every second one goes.
const BYTES: usize = 2 << 20;

/// The moments.
#[derive(Default)]
pub(super) struct Snapshots {
    /// The number of the next record, and the engines' state, packed; oldest first.
    taken: VecDeque<(u64, Vec<u8>)>,
    at: Duration,
    took: Duration,
}

impl Snapshots {
    /// Takes one, if it is time.
    pub fn take(&mut self, here: Here<'_>, next: u64) {
        let due = here.elapsed.saturating_sub(self.at) >= EVERY.max(self.took * SHARE);
        if !due || self.taken.back().is_some_and(|(seq, _)| *seq == next) {
            return;
        }
        let start = here.clock.elapsed();
        let pack = || -> std::io::Result<Vec<u8>> {
            let mut packed = zstd::Encoder::new(Vec::new(), 1)?;
            here.judge.save_to(here.scores, &mut packed)?;
            packed.finish()
        };
        let packed = pack().ok();
        self.took = here.clock.elapsed().saturating_sub(start);
        self.at = here.elapsed;
        let Some(packed) = packed.filter(|packed| packed.len() < BYTES / 4) else { return };
        self.taken.push_back((next, packed));
        if self.taken.iter().map(|(_, packed)| packed.len()).sum::<usize>() > BYTES {
            let mut keep = false;
            self.taken.retain(|_| {
                keep = !keep;
                keep
            });
        }
    }

    /// What is known of the engines where a capture of these rows is to begin, and the row that it begins with: at
    /// `wanted`, or a little before, where that is known. `fresh`: nothing was known before the record of this number.
    pub fn before(&self, rows: &View, wanted: usize, fresh: Option<u64>) -> (State, usize) {
        let seq_of = |index: usize| rows.get(index).map(|row| row.verdict.seq.0);
        // At most twice as many rows as were asked for, so as to begin where the engines' state is known.
        let from = wanted.saturating_sub(rows.len() - wanted.min(rows.len()));
        if fresh.is_some_and(|first| from == 0 && seq_of(0).is_none_or(|seq| seq == first)) {
            return (State::Empty, 0);
        }
        let limit = seq_of(wanted).unwrap_or(u64::MAX);
        let known = self.taken.iter().rev().find(|(seq, _)| *seq <= limit);
        if let Some((seq, packed)) = known {
            let index = rows.position(Seq(*seq));
            // The record before it is kept too, or it is the first one: none is missing in between.
            let whole = seq_of(index) == Some(*seq) || index == rows.len();
            let unpacked = zstd::stream::decode_all(&packed[..]).ok();
            let state = unpacked.and_then(|text| serde_json::from_slice(&text).ok());
            if let (true, true, Some(state)) = (whole, index >= from, state) {
                return (State::Known(state), index);
            }
        }
        (State::Unknown, wanted)
    }
}
