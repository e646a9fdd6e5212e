//! The values of a window from the oldest to the newest, in blocks of at most [`BLOCK`].
//!
//! Values leave at the front only. They enter anywhere; a full block is split. Each block can keep the [`Moments`] of
//! its values, so that those of the whole are had from the blocks alone.

use super::moments::Moments;
use std::collections::VecDeque;

/// Most values of a block.
pub(super) const BLOCK: usize = 256;

/// What is kept of each value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keep {
    /// Its time (ns). Without times the order is that of arrival.
    pub(super) times: bool,
    /// Its 64 bits: of a number, or a hash.
    pub(super) bits: bool,
    /// The moments of the blocks; needs the bits, which then are those of finite numbers.
    pub(super) moments: bool,
}

#[derive(Clone, Debug)]
struct Block {
    len: usize,
    times: VecDeque<i64>,
    bits: VecDeque<u64>,
    /// Of all values here, unless `stale`.
    moments: Moments,
    /// Values have left since the moments were made. True of the first block at most, so it is summed when asked.
    stale: bool,
}

impl Block {
    const EMPTY: Self =
        Self { len: 0, times: VecDeque::new(), bits: VecDeque::new(), moments: Moments::EMPTY, stale: false };

    fn summed(&self) -> Moments {
        Moments::of(self.bits.iter().map(|bits| f64::from_bits(*bits)))
    }

    fn sum_anew(&mut self) {
        self.moments = self.summed();
        self.stale = false;
    }
}

/// The values in order. See the module.
#[derive(Clone, Debug)]
pub(super) struct Blocks {
    keep: Keep,
    len: usize,
    blocks: VecDeque<Block>,
}

impl Blocks {
    pub(super) fn new(keep: Keep) -> Self {
        Self { keep, len: 0, blocks: VecDeque::new() }
    }

    pub(super) fn keep(&self) -> Keep {
        self.keep
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
        self.blocks.clear();
    }

    /// The time of the first value (ns), if times are kept.
    pub(super) fn oldest_time(&self) -> Option<i64> {
        self.blocks.front()?.times.front().copied()
    }

    /// Puts a value at the end. With times, `at` must not be before the last; [`Blocks::insert`] sees to that.
    pub(super) fn push_back(&mut self, at: i64, bits: u64) {
        if self.blocks.back().is_none_or(|block| block.len >= BLOCK) {
            self.open();
        }
        let keep = self.keep;
        let Some(block) = self.blocks.back_mut() else { return };
        self.len += 1;
        block.len += 1;
        if keep.times {
            block.times.push_back(at);
        }
        if keep.bits {
            block.bits.push_back(bits);
        }
        if keep.moments && !block.stale && !block.moments.add(f64::from_bits(bits)) {
            block.sum_anew();
        }
    }

    /// Begins a new block at the end. Only to lay blocks as they were when they were saved.
    pub(super) fn open(&mut self) {
        self.blocks.push_back(Block::EMPTY);
    }

    /// Puts a value at its place in time (ns), after those of the same time.
    pub(super) fn insert(&mut self, at: i64, bits: u64) {
        let in_time = |block: &Block| block.times.back().is_none_or(|last| *last <= at);
        // Most values come in order: no need to search.
        if self.blocks.back().is_none_or(in_time) {
            return self.push_back(at, bits);
        }
        let index = self.blocks.partition_point(in_time);
        let Some(block) = self.blocks.get_mut(index) else { return self.push_back(at, bits) };
        let place = block.times.partition_point(|time| *time <= at);
        block.times.insert(place, at);
        if self.keep.bits {
            block.bits.insert(place, bits);
        }
        block.len += 1;
        self.len += 1;
        if block.len > BLOCK {
            self.split(index);
        } else if self.keep.moments {
            // Summed in order, so that the result depends on what is held and not on how it came.
            block.sum_anew();
        }
    }

    fn split(&mut self, index: usize) {
        let keep = self.keep;
        let Some(block) = self.blocks.get_mut(index) else { return };
        let half = block.len / 2;
        let mut later = Block { len: block.len - half, times: block.times.split_off(half), ..Block::EMPTY };
        block.len = half;
        if keep.bits {
            later.bits = block.bits.split_off(half);
        }
        if keep.moments {
            block.sum_anew();
            later.sum_anew();
        }
        self.blocks.insert(index + 1, later);
    }

    /// Takes the first value out; its bits (0 if not kept).
    pub(super) fn pop_front(&mut self) -> Option<u64> {
        let block = self.blocks.front_mut()?;
        block.times.pop_front();
        let bits = block.bits.pop_front();
        block.len -= 1;
        block.stale = true;
        self.len -= 1;
        if block.len == 0 {
            self.blocks.pop_front();
        }
        Some(bits.unwrap_or(0))
    }

    /// The moments of each block; of nothing when they are not kept.
    pub(super) fn moments(&self) -> impl Iterator<Item = Moments> + Clone + '_ {
        let stale = self.blocks.front().filter(|block| block.stale && self.keep.moments);
        let first = stale.map(Block::summed);
        first.into_iter().chain(self.blocks.iter().skip(usize::from(first.is_some())).map(|block| block.moments))
    }

    /// The times kept, in order (ns).
    pub(super) fn times(&self) -> impl Iterator<Item = i64> + '_ {
        self.blocks.iter().flat_map(|block| block.times.iter().copied())
    }

    /// The bits kept, in order.
    pub(super) fn bits(&self) -> impl Iterator<Item = u64> + '_ {
        self.blocks.iter().flat_map(|block| block.bits.iter().copied())
    }

    /// How many values each block holds.
    pub(super) fn sizes(&self) -> impl Iterator<Item = usize> + '_ {
        self.blocks.iter().map(|block| block.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Keep = Keep { times: true, bits: true, moments: true };

    /// The sums are those of the values, whatever happened.
    fn check(held: &Blocks) {
        let times: Vec<i64> = held.times().collect();
        assert!(times.is_sorted());
        assert_eq!((times.len(), held.bits().count(), held.sizes().sum()), (held.len(), held.len(), held.len()));
        assert!(held.sizes().all(|size| (1..=BLOCK).contains(&size)));
        let fresh: Vec<Moments> = held.blocks.iter().map(Block::summed).collect();
        assert_eq!(held.moments().collect::<Vec<_>>(), fresh);
        assert!(held.blocks.iter().skip(1).all(|block| !block.stale));
    }

    #[test]
    fn any_order() {
        let mut held = Blocks::new(ALL);
        for i in 0..5000_i64 {
            let at = i * 7919 % 1009;
            // Now and then a number of another scale.
            let value = if i % 301 == 0 { 1e200 } else { at as f64 * 0.1 };
            held.insert(at, value.to_bits());
            if i % 3 == 0 {
                assert!(held.pop_front().is_some());
            }
            if i % 50 == 0 {
                check(&held);
            }
        }
        check(&held);
        while held.pop_front().is_some() {}
        check(&held);
        assert_eq!((held.len(), held.oldest_time(), held.blocks.len()), (0, None, 0));
    }

    #[test]
    fn equal_times_keep_their_order() {
        let mut held = Blocks::new(Keep { moments: false, ..ALL });
        for i in 0..1000 {
            held.insert(5, i);
        }
        held.insert(4, 5000);
        assert_eq!(held.pop_front(), Some(5000));
        assert!(held.bits().eq(0..1000));
    }

    #[test]
    fn keeps_only_what_it_must() {
        let mut held = Blocks::new(Keep { times: false, bits: false, moments: false });
        for i in 0..300 {
            held.push_back(i, 7);
        }
        assert_eq!((held.len(), held.times().count(), held.bits().count()), (300, 0, 0));
        assert_eq!((held.pop_front(), held.len(), held.oldest_time()), (Some(0), 299, None));
        held.clear();
        assert_eq!((held.pop_front(), held.len()), (None, 0));
    }
}
