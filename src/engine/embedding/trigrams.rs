//! Likeness of two texts by their letters: cosine of the counts of character trigrams.
//!
//! For answers of a few words it tells more than their meaning does: "Canberra" and "Sydney" mean much the same to a
//! sentence model. Texts are compared as lower-cased words with one space between them, so that punctuation and layout
//! do not count.

/// Letters of a text whose trigrams are kept, for they matter for short texts; of long ones the beginning will do.
const LETTERS: usize = 384;

/// How often each trigram occurs in a text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trigrams {
    /// (three characters of 21 bits each, count), sorted.
    counts: Box<[(u64, u32)]>,
    /// Euclidean length of the counts.
    length: f64,
    /// Words of the whole text.
    words: u32,
}

impl Trigrams {
    /// Counts the trigrams of a text.
    pub fn of(text: &str) -> Self {
        let mut grams = Vec::with_capacity(text.len().min(LETTERS) + 2);
        let mut words = 0;
        let mut last = (u64::from(b' '), u64::from(b' '));
        let mut push = |letter: char, last: &mut (u64, u64)| {
            let letter = u64::from(u32::from(letter));
            // What begins with two spaces tells no more than the letter that follows.
            if (last.0, last.1) != (u64::from(b' '), u64::from(b' ')) {
                grams.push(last.0 << 42 | last.1 << 21 | letter);
            }
            *last = (last.1, letter);
        };
        let mut inside = false;
        for (index, letter) in text.chars().enumerate() {
            if letter.is_alphanumeric() {
                words += u32::from(!inside);
                inside = true;
                if index >= LETTERS {
                    continue;
                }
                push(letter.to_lowercase().next().unwrap_or(letter), &mut last);
            } else if std::mem::take(&mut inside) && index < LETTERS {
                push(' ', &mut last);
            }
        }
        if inside {
            push(' ', &mut last);
        }
        grams.sort_unstable();
        let counts: Box<[(u64, u32)]> =
            grams.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u32)).collect();
        let length = counts.iter().map(|(_, n)| f64::from(*n).powi(2)).sum::<f64>().sqrt();
        Self { counts, length, words }
    }

    /// Words of the text.
    pub fn words(&self) -> u32 {
        self.words
    }

    /// Bytes of memory held.
    pub fn footprint(&self) -> usize {
        size_of_val(&*self.counts)
    }

    /// Cosine of the counts of two texts, in [0, 1]. Texts without letters are alike.
    pub fn likeness(&self, other: &Self) -> f64 {
        if self.counts.is_empty() || other.counts.is_empty() {
            return f64::from(u8::from(self.counts.len() == other.counts.len()));
        }
        let (mut left, mut right) = (&*self.counts, &*other.counts);
        let mut dot = 0.0;
        while let (Some((a, n)), Some((b, m))) = (left.first(), right.first()) {
            if a == b {
                dot += f64::from(*n) * f64::from(*m);
            }
            if a <= b {
                left = &left[1..];
            }
            if b <= a {
                right = &right[1..];
            }
        }
        (dot / (self.length * other.length)).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likeness(a: &str, b: &str) -> f64 {
        Trigrams::of(a).likeness(&Trigrams::of(b))
    }

    #[test]
    fn layout_does_not_count() {
        assert_eq!(likeness("**New York**, NY.", "new york ny"), 1.0);
        assert_eq!(likeness("", "?!"), 1.0);
        assert_eq!(likeness("", "a"), 0.0);
        assert_eq!(likeness("Canberra", "Sydney"), 0.0);
    }

    #[test]
    fn shared_parts_count() {
        // " ca", "cat", "at " against " ca", "car", "ar ".
        assert!((likeness("cat", "car") - 1.0 / 3.0).abs() < 1e-12);
        assert!(likeness("Winston Churchill", "Churchill") > 0.6);
        assert!(likeness("東京タワー", "東京") > 0.2);
    }

    #[test]
    fn words_are_counted() {
        assert_eq!(Trigrams::of("It's 3.5 km").words(), 5);
        assert_eq!(Trigrams::of(" … ").words(), 0);
    }
}
