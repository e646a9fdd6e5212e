//! A bounded series that forgets its oldest values and keeps gaps as gaps.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Longest ring that is read from a store.
const MOST: usize = 4_096;

/// The last `capacity` values; `None` is a gap, which is drawn as a gap and never as zero.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Saved<T>")]
pub struct Ring<T = Option<f64>> {
    capacity: usize,
    values: VecDeque<T>,
}

/// What a store says of a ring, before it is known to be one.
#[derive(Deserialize)]
struct Saved<T> {
    capacity: usize,
    values: VecDeque<T>,
}

impl<T> TryFrom<Saved<T>> for Ring<T> {
    type Error = &'static str;

    fn try_from(saved: Saved<T>) -> Result<Self, Self::Error> {
        let Saved { capacity, values } = saved;
        let sound = (1..=MOST).contains(&capacity) && values.len() <= capacity;
        if sound { Ok(Self { capacity, values }) } else { Err("a ring holds more than it can") }
    }
}

impl<T> Ring<T> {
    /// An empty ring; a capacity of 0 is taken as 1.
    pub fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), values: VecDeque::new() }
    }

    /// Adds a value, dropping the oldest when full.
    pub fn push(&mut self, value: T) {
        if self.values.len() == self.capacity {
            self.values.pop_front();
        }
        self.values.push_back(value);
    }

    /// Oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        self.values.iter()
    }

    /// The newest value, to be changed in place.
    pub fn last_mut(&mut self) -> Option<&mut T> {
        self.values.back_mut()
    }

    /// The newest value.
    pub fn last(&self) -> Option<&T> {
        self.values.back()
    }

    /// Number of values held.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// The value below which a share `q` of the finite ones lies; `None` without any.
pub fn quantile(values: impl Iterator<Item = f64>, q: f64) -> Option<f64> {
    let mut values: Vec<f64> = values.filter(|v| v.is_finite()).collect();
    if values.is_empty() {
        return None;
    }
    let rank = ((values.len() - 1) as f64 * q).round() as usize;
    Some(*values.select_nth_unstable_by(rank, f64::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_the_oldest() {
        let mut ring = Ring::new(2);
        [Some(1.0), None, Some(3.0)].into_iter().for_each(|v| ring.push(v));
        assert_eq!(ring.iter().copied().collect::<Vec<_>>(), [None, Some(3.0)]);
    }
}
