//! Numbers in ascending order, with the k-th at hand.
//!
//! A list of sorted blocks of at most [`BLOCK`]: putting in, taking out and the k-th each cost about the square root of
//! the number held. Equal numbers are all kept. Only finite numbers, and no -0.0.

/// Most numbers of a block.
const BLOCK: usize = 512;
/// A block that has fewer joins the next, if both then fill at most half a block.
const SPARSE: usize = BLOCK / 8;

/// The list. See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Sorted {
    /// None of them empty.
    blocks: Vec<Vec<f64>>,
    len: usize,
}

impl Sorted {
    pub(super) fn clear(&mut self) {
        self.blocks.clear();
        self.len = 0;
    }

    /// The first block whose last number is not below `value`.
    fn block_of(&self, value: f64) -> usize {
        self.blocks.partition_point(|block| block.last().is_none_or(|last| *last < value))
    }

    /// Puts a number in its place.
    pub(super) fn insert(&mut self, value: f64) {
        self.len += 1;
        // Beyond all others: at the end of the last block.
        let index = self.block_of(value).min(self.blocks.len().saturating_sub(1));
        let Some(block) = self.blocks.get_mut(index) else {
            self.blocks.push(vec![value]);
            return;
        };
        block.insert(block.partition_point(|held| *held < value), value);
        if block.len() > BLOCK {
            let later = block.split_off(BLOCK / 2);
            self.blocks.insert(index + 1, later);
        }
    }

    /// Takes out one number equal to `value`. False when there is none.
    pub(super) fn remove(&mut self, value: f64) -> bool {
        let index = self.block_of(value);
        let Some(block) = self.blocks.get_mut(index) else { return false };
        let place = block.partition_point(|held| *held < value);
        if block.get(place) != Some(&value) {
            return false;
        }
        block.remove(place);
        self.len -= 1;
        if block.len() < SPARSE {
            self.join(index);
        }
        true
    }

    /// Joins a sparse block with the one after it (the last with the one before it), lest many tiny blocks remain.
    fn join(&mut self, index: usize) {
        let first = if index + 1 < self.blocks.len() { index } else { index.saturating_sub(1) };
        if let Some([left, right]) = self.blocks.get_mut(first..).and_then(|rest| rest.first_chunk_mut::<2>())
            && left.len() + right.len() <= BLOCK / 2
        {
            left.append(right);
            self.blocks.remove(first + 1);
        }
        if self.blocks.get(index).is_some_and(Vec::is_empty) {
            self.blocks.remove(index);
        }
    }

    /// The number of this rank, the least being of rank 1.
    pub(super) fn ranked(&self, rank: usize) -> Option<f64> {
        let mut before = rank.checked_sub(1)?;
        for block in &self.blocks {
            match block.get(before) {
                Some(value) => return Some(*value),
                None => before -= block.len(),
            }
        }
        None
    }

    /// The quantile `q` by the nearest rank: the number of rank ⌈q·n⌉ (Hyndman and Fan 1996, definition 1). `q` is
    /// held to 0..=1; rank 0 counts as 1. None when empty, or when `q` is not a number.
    pub(super) fn quantile(&self, q: f64) -> Option<f64> {
        if q.is_nan() {
            return None;
        }
        let exact = q.clamp(0.0, 1.0) * self.len as f64;
        // 0.07 · 100 gives 7.000000000000001 in floating point: a hair above a whole number is that number.
        let whole = exact.round();
        let rank = if (exact - whole).abs() <= 1e-12 * exact { whole } else { exact.ceil() };
        self.ranked((rank as usize).clamp(1, self.len.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(list: &Sorted, model: &[f64]) {
        assert_eq!(list.blocks.concat(), model);
        assert_eq!(list.len, model.len());
        assert!(list.blocks.iter().all(|block| !block.is_empty() && block.len() <= BLOCK));
    }

    #[test]
    fn nearest_rank() {
        let mut list = Sorted::default();
        assert_eq!(list.quantile(0.5), None);
        for value in [15.0, 20.0, 35.0, 40.0, 50.0] {
            list.insert(value);
        }
        // The example of the encyclopedias for the nearest rank.
        let wanted = [(0.05, 15.0), (0.3, 20.0), (0.4, 20.0), (0.5, 35.0), (1.0, 50.0)];
        for (q, value) in wanted {
            assert_eq!(list.quantile(q), Some(value), "q {q}");
        }
        assert_eq!((list.quantile(-1.0), list.quantile(0.0), list.quantile(9.0)), (Some(15.0), Some(15.0), Some(50.0)));
        assert_eq!(list.quantile(f64::NAN), None);
        assert_eq!((list.ranked(0), list.ranked(6)), (None, None));
    }

    #[test]
    fn ranks_of_every_hundredth() {
        let mut list = Sorted::default();
        for n in 1..=100 {
            list.insert(f64::from(n));
        }
        for n in 1..=100 {
            assert_eq!(list.quantile(f64::from(n) / 100.0), Some(f64::from(n)), "of {n}");
        }
    }

    #[test]
    fn grows_and_shrinks() {
        let mut list = Sorted::default();
        let values: Vec<f64> = (0..20_000_u32).map(|i| f64::from(i * 7919 % 10_007)).collect();
        values.iter().for_each(|value| list.insert(*value));
        let mut model = values.clone();
        model.sort_by(f64::total_cmp);
        check(&list, &model);
        assert!(!list.remove(0.5) && !list.remove(1e9) && !list.remove(-1.0));
        for value in &values[..19_900] {
            assert!(list.remove(*value));
        }
        let mut model = values[19_900..].to_vec();
        model.sort_by(f64::total_cmp);
        check(&list, &model);
        assert!(list.blocks.len() <= 20, "{} blocks for 100 numbers", list.blocks.len());
        assert!(values[19_900..].iter().all(|value| list.remove(*value)));
        check(&list, &[]);
    }

    proptest! {
        #[test]
        fn as_a_sorted_vec(steps in prop::collection::vec((any::<bool>(), -20_i32..20), 0..300), equal in 0_usize..1500) {
            let mut list = Sorted::default();
            let mut model = vec![3.0; equal];
            model.iter().for_each(|value| list.insert(*value));
            for (put, value) in steps {
                let value = f64::from(value);
                let place = model.partition_point(|held| *held < value);
                if put {
                    list.insert(value);
                    model.insert(place, value);
                } else {
                    let held = model.get(place) == Some(&value);
                    prop_assert_eq!(list.remove(value), held);
                    if held {
                        model.remove(place);
                    }
                }
            }
            check(&list, &model);
            for rank in 0..=model.len() + 1 {
                prop_assert_eq!(list.ranked(rank), rank.checked_sub(1).and_then(|i| model.get(i)).copied());
            }
        }
    }
}
