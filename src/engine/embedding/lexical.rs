//! Divergence by words: what is left when no model runs, and a second opinion when one does.
//!
//! Mean pairwise Jensen–Shannon divergence, base 2, of the word distributions (J. Lin, "Divergence measures based on
//! the Shannon entropy", IEEE Trans. Inf. Theory 37(1), 1991). Words are `[a-zA-Z0-9']+`, lower-cased.

use std::hash::{DefaultHasher, Hasher};

/// How often each word occurs in a text: (hash of the word, count), sorted by hash.
///
/// A hash of 64 bits stands for the word. Two of the few hundred words of a record collide once in 10¹⁵ records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words {
    counts: Box<[(u64, u32)]>,
    total: u32,
}

impl Words {
    /// Counts the words of a text.
    pub fn of(text: &str) -> Self {
        let is_word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'\'';
        let words = text.as_bytes().split(|b| !is_word(b)).filter(|word| !word.is_empty());
        let mut hashes: Vec<u64> = words.map(hash).collect();
        hashes.sort_unstable();
        let counts: Box<[(u64, u32)]> =
            hashes.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u32)).collect();
        Self { counts, total: hashes.len() as u32 }
    }

    /// Bytes of memory held.
    pub fn footprint(&self) -> usize {
        size_of_val(&*self.counts)
    }
}

fn hash(word: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut buffer = [0u8; 64];
    for part in word.chunks(buffer.len()) {
        let lower = &mut buffer[..part.len()];
        lower.copy_from_slice(part);
        lower.make_ascii_lowercase();
        hasher.write(lower);
    }
    hasher.finish()
}

/// Jensen–Shannon divergence of two texts, bits, in [0, 1]. A text without words has no distribution: against
/// another such text the divergence is 0, against one with words 0.5.
pub fn jensen_shannon(a: &Words, b: &Words) -> f64 {
    let (mut left, mut right) = (a.counts.iter().peekable(), b.counts.iter().peekable());
    let (total_a, total_b) = (f64::from(a.total.max(1)), f64::from(b.total.max(1)));
    // A word that only one text has adds half its share: p/2·log₂(p / (p/2)). Only shared words need logarithms.
    let mut alone = 0.0;
    let mut shared = 0.0;
    loop {
        let order = match (left.peek(), right.peek()) {
            (None, None) => break,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some((l, _)), Some((r, _))) => l.cmp(r),
        };
        match order {
            std::cmp::Ordering::Less => alone += left.next().map_or(0.0, |(_, n)| f64::from(*n)) / total_a,
            std::cmp::Ordering::Greater => alone += right.next().map_or(0.0, |(_, n)| f64::from(*n)) / total_b,
            std::cmp::Ordering::Equal => {
                if let (Some((_, n)), Some((_, m))) = (left.next(), right.next()) {
                    let (p, q) = (f64::from(*n) / total_a, f64::from(*m) / total_b);
                    if p != q {
                        shared += p * (2.0 * p / (p + q)).log2() + q * (2.0 * q / (p + q)).log2();
                    }
                }
            }
        }
    }
    ((alone + shared) / 2.0).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn js(a: &str, b: &str) -> f64 {
        jensen_shannon(&Words::of(a), &Words::of(b))
    }

    #[test]
    fn known_values() {
        assert_eq!(js("a b", "B a"), 0.0);
        assert_eq!(js("a", "b"), 1.0);
        assert_eq!(js("...", "!!!"), 0.0);
        assert_eq!(js("", "word"), 0.5);
        // P = (1/2, 1/2), Q = (1, 0): JS = h(3/4, 1/4) - 1/2 = 0.311278…
        assert!((js("a b", "a") - 0.311_278_124_459_132_8).abs() < 1e-12);
    }

    #[test]
    fn long_words_and_case() {
        let long = "Xy".repeat(100);
        assert_eq!(js(&long, &long.to_lowercase()), 0.0);
        assert_eq!(js("don't", "dont"), 1.0);
    }
}
