//! Which records fit a filter.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::engine::constraints::filter::Filter;
use crate::history::View;
use crate::message::inquiry::Sifted;
use crate::record::Seq;

/// Records between two looks at whether the answer is still wanted.
const PATIENCE: usize = 256;

/// The filter that was used last: an expression need not be read anew for each batch of records.
#[derive(Default)]
pub(super) struct Sifting {
    filter: Option<(String, Result<Filter, String>)>,
}

impl Sifting {
    /// Those from `from` on that fit the filter and are of the key; `None` if nobody waits for it any more.
    pub fn sift(
        &mut self,
        number: u64,
        (filter, key): (Option<String>, Option<Arc<str>>),
        from: Seq,
        view: &View,
        cancel: &AtomicBool,
    ) -> Option<Sifted> {
        let mut found = Sifted { number, next: from, ..Sifted::default() };
        let mut filter = match filter {
            None => None,
            Some(text) => match self.parsed(text) {
                Ok(filter) => Some(filter),
                Err(why) => {
                    found.fault = Some(why.clone());
                    return Some(found);
                }
            },
        };
        for (index, row) in view.rows_from(from).enumerate() {
            if index % PATIENCE == 0 && cancel.load(Ordering::Relaxed) {
                return None;
            }
            let own = key.as_ref().is_none_or(|key| row.verdict.key == *key);
            if own && filter.as_mut().is_none_or(|filter| filter.fits(row)) {
                found.fits.push(row.verdict.seq);
            }
            found.looked += 1;
            found.next = Seq(row.verdict.seq.0 + 1);
        }
        Some(found)
    }

    fn parsed(&mut self, text: String) -> &mut Result<Filter, String> {
        let known = self.filter.take().filter(|(held, _)| *held == text);
        let (_, filter) = self.filter.insert(known.unwrap_or_else(|| {
            let parsed = Filter::parse(&text);
            (text, parsed)
        }));
        filter
    }
}
