//! Word hashes and a light English stemmer, usable at compile time so that the lexicon and the texts meet in one form.

/// Hash of nothing; no word has it in practice, and it marks "absent" in normal forms.
pub const NONE: u32 = 0;

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// Running FNV-1a state over lower-cased bytes.
#[derive(Clone, Copy)]
pub struct Hasher(u64);

impl Hasher {
    pub const fn new() -> Self {
        Self(OFFSET)
    }

    pub const fn byte(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(PRIME))
    }

    pub const fn number(self, mut value: u64) -> Self {
        let mut state = self;
        while value > 0 {
            state = state.byte(value as u8);
            value >>= 8;
        }
        state.byte(0xff)
    }

    pub const fn wide(self) -> u64 {
        self.0
    }

    /// Folds the state to 32 bits, never [`NONE`].
    pub const fn narrow(self) -> u32 {
        let mixed = (self.0 ^ (self.0 >> 32)) as u32;
        if mixed == NONE { 1 } else { mixed }
    }
}

/// Hash of a word that is already lower case.
pub const fn hash(word: &[u8]) -> u32 {
    let mut state = Hasher::new();
    let mut i = 0;
    while i < word.len() {
        state = state.byte(word[i]);
        i += 1;
    }
    state.narrow()
}

/// Hash of the stem of a word that is already lower case: `dances`, `danced` and `dancing` share one.
pub const fn stem(word: &[u8]) -> u32 {
    let len = stem_len(word);
    let mut state = Hasher::new();
    let mut i = 0;
    while i < len {
        let last_y = i + 1 == len && word[i] == b'y' && len > 2;
        state = state.byte(if last_y { b'i' } else { word[i] });
        i += 1;
    }
    state.narrow()
}

/// How many leading bytes of the word are its stem.
const fn stem_len(word: &[u8]) -> usize {
    let n = word.len();
    if n < 3 {
        return n;
    }
    let n = if n == 3 { n } else { without_plural(word, n) };
    let n = without_participle(word, n);
    let n = if n > 5 && word[n - 1] == b'y' && word[n - 2] == b'l' { n - 2 } else { n };
    let silent = n > 2 && word[n - 1] == b'e' && (n > 3 || !matches!(word[n - 2], b'a' | b'e' | b'i' | b'o' | b'u'));
    if silent { n - 1 } else { n }
}

const fn without_plural(word: &[u8], n: usize) -> usize {
    if word[n - 1] != b's' {
        return n;
    }
    match (word[n - 3], word[n - 2]) {
        (_, b's' | b'u' | b'i') => n,
        (b'i', b'e') if n > 4 => n - 2,
        (b's' | b'x' | b'z' | b'h' | b'o', b'e') => n - 2,
        _ => n - 1,
    }
}

const fn without_participle(word: &[u8], n: usize) -> usize {
    if n >= 5 && word[n - 1] == b'g' && word[n - 2] == b'n' && word[n - 3] == b'i' && has_vowel(word, n - 3) {
        return undoubled(word, n - 3);
    }
    if n >= 4 && word[n - 1] == b'd' && word[n - 2] == b'e' && word[n - 3] != b'e' && has_vowel(word, n - 2) {
        return undoubled(word, n - 2);
    }
    n
}

const fn has_vowel(word: &[u8], n: usize) -> bool {
    let mut i = 0;
    while i < n {
        if matches!(word[i], b'a' | b'e' | b'i' | b'o' | b'u' | b'y') {
            return true;
        }
        i += 1;
    }
    false
}

const fn undoubled(word: &[u8], n: usize) -> usize {
    let doubled = n > 3 && word[n - 1] == word[n - 2] && !matches!(word[n - 1], b'l' | b's' | b'z');
    if doubled { n - 1 } else { n }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inflections_share_a_stem() {
        let groups: &[&[&str]] = &[
            &["dance", "dances", "danced", "dancing"],
            &["run", "runs", "running"],
            &["eat", "eats", "eating"],
            &["carry", "carries", "carried"],
            &["investigate", "investigated", "investigating"],
            &["box", "boxes"],
            &["use", "uses", "used", "using"],
            &["clear", "clearly"],
        ];
        for group in groups {
            for word in *group {
                assert_eq!(stem(word.as_bytes()), stem(group[0].as_bytes()), "{word}");
            }
        }
    }

    #[test]
    fn different_words_keep_different_stems() {
        for (a, b) in [("safe", "unsafe"), ("bus", "bu"), ("king", "kick"), ("press", "pres"), ("need", "ne")] {
            assert_ne!(stem(a.as_bytes()), stem(b.as_bytes()), "{a} {b}");
        }
    }
}
