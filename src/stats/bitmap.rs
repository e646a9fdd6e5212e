//! A set of rows, a bit each.

/// A set of rows out of so many.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bitmap {
    words: Vec<u64>,
    len: usize,
}

impl Bitmap {
    /// None of so many rows.
    pub fn new(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(64)], len }
    }

    /// Rows that could be in it.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no rows at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts a row in.
    pub fn set(&mut self, row: usize) {
        debug_assert!(row < self.len);
        if let Some(word) = self.words.get_mut(row / 64) {
            *word |= 1 << (row % 64);
        }
    }

    /// Puts the rows `from..` in whose values are such, one value a row; `from` is a multiple of 64.
    pub fn extend<T>(&mut self, from: usize, values: &[T], is_in: impl Fn(&T) -> bool) {
        debug_assert!(from.is_multiple_of(64));
        for (word, values) in self.words.iter_mut().skip(from / 64).zip(values.chunks(64)) {
            let bits = values.iter().enumerate();
            *word |= bits.fold(0, |bits, (bit, value)| bits | u64::from(is_in(value)) << bit);
        }
    }

    /// Whether a row is in it.
    pub fn has(&self, row: usize) -> bool {
        self.words.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// Number of rows in it.
    pub fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// The rows that are in this and not in the other one.
    pub fn without(&self, other: &Self) -> Self {
        let held = |at: usize| other.words.get(at).copied().unwrap_or(0);
        let words = self.words.iter().enumerate().map(|(at, word)| word & !held(at)).collect();
        Self { words, len: self.len }
    }

    /// The rows in it, in order.
    pub fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
                left &= left - 1;
                Some(at * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_in_order() {
        let mut a = Bitmap::new(200);
        [0, 63, 64, 199].into_iter().for_each(|row| a.set(row));
        let mut b = Bitmap::new(200);
        b.extend(64, &(64..200).collect::<Vec<_>>(), |row| row % 2 == 0);
        assert_eq!((a.count(), b.count(), b.has(64), b.has(65), b.has(0)), (4, 68, true, false, false));
        assert_eq!(a.without(&b).rows().collect::<Vec<_>>(), [0, 63, 199]);
        assert_eq!(Bitmap::new(0).rows().count(), 0);
    }
}
