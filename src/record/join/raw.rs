//! The values that open records are read from. A line of an exporter holds parts of hundreds of them: it is kept, and
//! counted, once.

use std::collections::HashMap;

use bytes::Bytes;

/// A value longer than this may hold parts of many records, and is not put behind or before others.
const LONG: usize = 64 << 10;

/// What one record keeps.
#[derive(Debug, Default)]
pub(super) struct Held {
    values: Vec<Bytes>,
    bytes: usize,
}

/// What is kept of all that is open.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// The last value, as it was given and as it is kept.
    last: Option<(Bytes, Bytes)>,
    /// By its place in memory, how many records keep a value.
    users: HashMap<usize, usize>,
    /// Bytes of all values that are kept.
    pub(super) bytes: usize,
}

impl Shared {
    /// Keeps a value for a record, unless it has it already or has no room for it.
    pub(super) fn hold(&mut self, held: &mut Held, raw: &Bytes, limit: usize) {
        // Past the bound of a line the rest is not kept: the places say where it stands.
        let long = held.values.first().is_some_and(|first| first.len().max(raw.len()) > LONG);
        let fits = held.values.is_empty() || (!long && held.bytes + raw.len() < limit);
        if raw.is_empty() || !fits {
            return;
        }
        let kept = self.keep(raw);
        if held.values.last().is_some_and(|last| last.as_ptr() == kept.as_ptr()) {
            return;
        }
        let users = self.users.entry(kept.as_ptr().addr()).or_default();
        *users += 1;
        if *users == 1 {
            self.bytes += kept.len();
        }
        held.bytes += kept.len() + 1;
        held.values.push(kept);
    }

    /// Gives up what a record kept: all of it, a line each.
    pub(super) fn join(&mut self, held: Held) -> Bytes {
        for value in &held.values {
            let place = value.as_ptr().addr();
            match self.users.get_mut(&place) {
                Some(users) if *users > 1 => *users -= 1,
                _ => {
                    self.users.remove(&place);
                    self.bytes = self.bytes.saturating_sub(value.len());
                }
            }
        }
        match <[Bytes; 1]>::try_from(held.values) {
            Ok([only]) => only,
            Err(several) => several.join(&b'\n').into(),
        }
    }

    /// The value as it is kept: what it was given in may be a piece of something larger.
    fn keep(&mut self, raw: &Bytes) -> Bytes {
        if let Some((given, kept)) = &self.last
            && (given.as_ptr(), given.len()) == (raw.as_ptr(), raw.len())
        {
            return kept.clone();
        }
        let kept = Bytes::copy_from_slice(raw);
        self.last = Some((raw.clone(), kept.clone()));
        kept
    }
}
