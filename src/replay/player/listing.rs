//! The list of a replay: the rows before the place that is shown, all or what fits a filter.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::history::{Chunk as Rows, View};
use crate::replay::chunks::{Chunk, Chunks};

/// Rows that a narrowed list should have at least, if there are so many.
const LISTED: usize = 200;

/// Chunks that are looked through for them at once: somebody waits.
const LOOKED: usize = 6;

/// Whether a row of a chunk fits.
pub type Fits<'a> = &'a mut dyn FnMut(&Chunk, usize) -> bool;

/// What is known of the list.
#[derive(Debug, Default)]
pub struct Listing {
    /// Event time of the last row that is shown.
    pub at: Option<Timestamp>,
    /// Rows that were looked at, in whole chunks.
    pub seen: u64,
    /// Those of them that fit.
    pub fit: u64,
    /// By number of the chunk, the rows that fit.
    known: HashMap<usize, Arc<[u32]>>,
    /// The rows of the chunk before the one in front, by its number and judgement.
    before: Option<(usize, (usize, usize), Arc<Rows>)>,
}

impl Listing {
    /// Something else is listed.
    pub fn forget(&mut self) {
        *self = Self { at: self.at, ..Self::default() };
    }

    /// The first of so many chunks that was not looked through.
    pub fn unseen(&self, stored: usize) -> Option<usize> {
        if self.known.len() >= stored { None } else { (0..stored).find(|number| !self.known.contains_key(number)) }
    }

    /// The rows of a chunk that fit.
    pub fn fits_of(&mut self, chunk: &Chunk, fits: Fits<'_>) -> Arc<[u32]> {
        if let Some(known) = self.known.get(&chunk.number).filter(|_| !chunk.open) {
            return Arc::clone(known);
        }
        let found: Arc<[u32]> = (0..chunk.rows.len()).filter(|row| fits(chunk, *row)).map(|row| row as u32).collect();
        if !chunk.open {
            self.seen += chunk.rows.len() as u64;
            self.fit += found.len() as u64;
            self.known.insert(chunk.number, Arc::clone(&found));
        }
        found
    }

    /// The list, when rows up to `to` are shown, the last of them in `chunk`.
    pub fn view(
        &mut self,
        chunks: &mut Chunks,
        chunk: &Arc<Chunk>,
        to: u64,
        pair: (usize, usize),
        fits: Fits<'_>,
    ) -> View {
        let shown = (to - chunk.first) as usize;
        let found = self.fits_of(chunk, fits);
        let rows = found.iter().map(|row| *row as usize).filter(|row| *row < shown);
        let front: Vec<_> = rows.filter_map(|row| chunk.row(row, pair)).collect();
        let (mut count, mut parts) = (front.len(), vec![Arc::new(Rows::new(front))]);
        let mut number = chunk.number;
        for looked in 0..LOOKED {
            // What is not narrowed has enough in the chunk before.
            if number == 0 || (looked > 0 && count >= LISTED) {
                break;
            }
            number -= 1;
            let Some(part) = self.part(chunks, number, pair, fits) else { break };
            count += part.rows().len();
            parts.push(part);
        }
        parts.reverse();
        View::of(parts)
    }

    fn part(&mut self, chunks: &mut Chunks, number: usize, pair: (usize, usize), fits: Fits<'_>) -> Option<Arc<Rows>> {
        if let Some((_, _, part)) = self.before.as_ref().filter(|(held, of, _)| (*held, *of) == (number, pair)) {
            return Some(Arc::clone(part));
        }
        let known_empty = self.known.get(&number).is_some_and(|found| found.is_empty());
        if known_empty {
            return Some(Arc::new(Rows::new(Vec::new())));
        }
        let chunk = chunks.get(number).ok().flatten()?;
        let found = self.fits_of(&chunk, fits);
        let rows = found.iter().filter_map(|row| chunk.row(*row as usize, pair)).collect();
        let part = Arc::new(Rows::new(rows));
        self.before = Some((number, pair, Arc::clone(&part)));
        Some(part)
    }
}
