//! What a text claims, word by word and sentence by sentence, and how much of it other texts carry.
//!
//! Sampled passages about the same thing differ in wording and agree in what the model knows; what it made up, each
//! sample makes up anew (P. Manakul et al., "SelfCheckGPT", EMNLP 2023). So each sentence is held against the best
//! matching sentence of every other sample, and above all: names, numbers and rare words are looked for that no other
//! sample has at all.

use std::hash::{DefaultHasher, Hasher};

/// Sentences of a text that are looked at.
const SENTENCES: usize = 256;

/// A name or a number weighs as much as this many other words.
const SPECIFIC: f64 = 2.0;

/// Added to the weight of a sentence, so that a sentence of one or two words is no stronger evidence than a long one.
const DAMPING: f64 = 2.0;

/// What the best matching sentence counts, beside the words that nobody has.
const MATCHING: f64 = 0.1;

/// Words that carry grammar, not claims; sorted.
const FUNCTION_WORDS: [&str; 118] = [
    "a", "about", "after", "again", "against", "all", "also", "an", "and", "any", "are", "as", "at", "be", "because",
    "been", "before", "being", "between", "both", "but", "by", "can", "could", "d", "did", "do", "does", "down",
    "during", "each", "few", "for", "from", "had", "has", "have", "having", "he", "her", "here", "him", "his", "how",
    "i", "if", "in", "into", "is", "it", "its", "just", "ll", "m", "may", "me", "might", "more", "most", "my", "no",
    "nor", "not", "of", "off", "on", "only", "or", "other", "our", "out", "over", "own", "re", "s", "same", "she",
    "should", "so", "some", "such", "t", "than", "that", "the", "their", "them", "then", "there", "these", "they",
    "this", "those", "through", "to", "too", "under", "until", "up", "ve", "very", "was", "we", "were", "what", "when",
    "where", "which", "while", "who", "whom", "whose", "will", "with", "would", "you", "your", "yours",
];

/// A word by the hash of its stem; the lowest bit says whether it is a name or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Word(u64);

impl Word {
    fn new(hash: u64, specific: bool) -> Self {
        Self(hash & !1 | u64::from(specific))
    }

    fn stem(self) -> u64 {
        self.0 & !1
    }

    fn weight(self) -> f64 {
        if self.0 & 1 == 1 { SPECIFIC } else { 1.0 }
    }
}

/// The words of a text that carry claims.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Claims {
    /// Of each sentence in turn, sorted, each once.
    words: Box<[Word]>,
    /// Where each sentence ends in `words`.
    ends: Box<[u32]>,
    /// The stems of all, sorted, each once.
    stems: Box<[u64]>,
}

impl Claims {
    /// Takes a text apart.
    pub fn of(text: &str) -> Self {
        let (mut words, mut ends) = (Vec::new(), Vec::new());
        for sentence in sentences(text).take(SENTENCES) {
            let from = words.len();
            words_of(sentence, |word| words.push(word));
            words[from..].sort_unstable_by_key(|word| (word.stem(), !word.0));
            let mut kept = from;
            for index in from..words.len() {
                if kept == from || words[kept - 1].stem() != words[index].stem() {
                    words[kept] = words[index];
                    kept += 1;
                }
            }
            words.truncate(kept);
            if words.len() > from {
                ends.push(words.len() as u32);
            }
        }
        let mut stems: Vec<u64> = words.iter().map(|word| word.stem()).collect();
        stems.sort_unstable();
        stems.dedup();
        Self { words: words.into(), ends: ends.into(), stems: stems.into() }
    }

    /// Different words that carry claims.
    pub fn len(&self) -> usize {
        self.stems.len()
    }

    /// Whether nothing is claimed.
    pub fn is_empty(&self) -> bool {
        self.stems.is_empty()
    }

    /// Bytes of memory held.
    pub fn footprint(&self) -> usize {
        size_of_val(&*self.words) + size_of_val(&*self.ends) + size_of_val(&*self.stems)
    }

    fn sentences(&self) -> impl Iterator<Item = &[Word]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(self.ends.iter()).map(|(start, end)| &self.words[start as usize..*end as usize])
    }

    /// How little `others` support what is claimed here, in [0, 1]: mean over the sentences; 0 without any claim.
    pub fn unsupported(&self, others: &[&Self]) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        for sentence in self.sentences() {
            let lone = |word: &&Word| !others.iter().any(|other| other.stems.binary_search(&word.stem()).is_ok());
            let weight: f64 = sentence.iter().map(|word| word.weight()).sum();
            let alone: f64 = sentence.iter().filter(lone).map(|word| word.weight()).sum();
            let matched: f64 = others.iter().map(|other| other.best_match(sentence)).sum();
            let unmatched = 1.0 - matched / others.len().max(1) as f64;
            sum += (1.0 - MATCHING) * alone / (weight + DAMPING) + MATCHING * unmatched;
            count += 1.0;
        }
        if count == 0.0 { 0.0 } else { sum / count }
    }

    /// The share of a sentence's words that the sentence here has that shares most of them.
    fn best_match(&self, wanted: &[Word]) -> f64 {
        let best = self.sentences().map(|sentence| shared(wanted, sentence)).max().unwrap_or(0);
        best as f64 / wanted.len().max(1) as f64
    }
}

fn shared(mut a: &[Word], mut b: &[Word]) -> usize {
    let mut count = 0;
    while let (Some(x), Some(y)) = (a.first(), b.first()) {
        count += usize::from(x.stem() == y.stem());
        (a, b) = match x.stem().cmp(&y.stem()) {
            std::cmp::Ordering::Less => (&a[1..], b),
            std::cmp::Ordering::Greater => (a, &b[1..]),
            std::cmp::Ordering::Equal => (&a[1..], &b[1..]),
        };
    }
    count
}

/// The sentences of a text: up to a mark that ends one and is followed by a space, or to the end of a line.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        if rest.is_empty() {
            return None;
        }
        let (sentence, behind) = rest.split_at(sentence_end(rest));
        rest = behind;
        Some(sentence)
    })
}

fn sentence_end(text: &str) -> usize {
    let mut word = 0;
    for (at, letter) in text.char_indices() {
        let end = at + letter.len_utf8();
        match letter {
            '\n' | '。' | '！' | '？' | '؟' | '।' => return end,
            // "J. Smith", "Dr. Smith", "St. Louis": a mark behind a word of one or two letters ends no sentence.
            '.' | '!' | '?' if word > 2 || letter != '.' => {
                let closes = |c: char| matches!(c, '"' | '\'' | ')' | ']' | '”' | '’' | '*');
                let behind = text[end..].trim_start_matches(closes);
                if behind.starts_with(char::is_whitespace) {
                    return text.len() - behind.len();
                }
            }
            _ => {}
        }
        word = if letter.is_alphanumeric() { word + 1 } else { 0 };
    }
    text.len()
}

/// Hands over the words of a sentence that are no function words. Scripts without spaces give a word a letter.
fn words_of(sentence: &str, mut give: impl FnMut(Word)) {
    let mut first = true;
    for run in sentence.split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '-')) {
        if !run.contains(char::is_alphanumeric) {
            continue;
        }
        let leads = std::mem::take(&mut first);
        if run.chars().any(is_unspaced) {
            let mut letter_bytes = [0; 4];
            for letter in run.chars() {
                give(Word::new(hash(letter.encode_utf8(&mut letter_bytes)), letter.is_numeric()));
            }
            continue;
        }
        let digit = run.starts_with(|c: char| c.is_ascii_digit());
        let capital = run.starts_with(char::is_uppercase);
        let mut lower = [0; 64];
        match lowered(run, &mut lower) {
            Some(word) if FUNCTION_WORDS.binary_search(&word).is_ok() => {}
            Some(word) => give(Word::new(hash(stem(word)), digit || capital && !leads)),
            None => give(Word::new(hash(stem(&run.to_lowercase())), digit || capital && !leads)),
        }
    }
}

/// An ASCII word in lower case without leaving the stack; `None` for a long or a foreign one.
fn lowered<'a>(word: &str, buffer: &'a mut [u8; 64]) -> Option<&'a str> {
    if !word.is_ascii() {
        return None;
    }
    let lower = buffer.get_mut(..word.len())?;
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    std::str::from_utf8(lower).ok()
}

/// Chinese, Japanese, Thai, Lao, Khmer and Burmese are written without spaces between words.
fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c), 0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF | 0x3400..=0x9FFF
        | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

/// A word without its English ending, so that "joined" and "joins" are one. Whatever it makes of other languages, it
/// makes of all their texts.
fn stem(word: &str) -> &str {
    let word = word.strip_suffix("'s").unwrap_or(word);
    let cut = |ending: &str| word.strip_suffix(ending).filter(|rest| rest.len() >= 4);
    ["ing", "ed", "es", "s", "ly"].into_iter().find_map(cut).unwrap_or(word)
}

fn hash(word: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(word.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unsupported(first: &str, others: &[&str]) -> f64 {
        let others: Vec<Claims> = others.iter().map(|text| Claims::of(text)).collect();
        Claims::of(first).unsupported(&others.iter().collect::<Vec<_>>())
    }

    #[test]
    fn the_table_is_sorted() {
        assert!(FUNCTION_WORDS.is_sorted());
    }

    #[test]
    fn sentences_end_where_they_do() {
        let split = |text| sentences(text).map(str::trim).collect::<Vec<_>>();
        assert_eq!(
            split("It is 3.5 km. Dr. Li (b. 1950) said: \"No.\" Then\nhe left"),
            ["It is 3.5 km. Dr. Li (b. 1950) said: \"No.\" Then", "he left",]
        );
        assert_eq!(split("He left. She stayed! Why?"), ["He left.", "She stayed!", "Why?"]);
        assert_eq!(split("東京です。大阪です。"), ["東京です。", "大阪です。"]);
        assert_eq!(split(" \n "), [""; 0]);
    }

    #[test]
    fn what_all_say_is_supported() {
        let text = "Rick Mahler was born in Austin. He pitched for the Braves.";
        assert_eq!(unsupported(text, &[text, text]), 0.0);
        assert_eq!(
            unsupported(text, &["He was pitching for the Braves. Rick Mahler was born in Austin in 1953."]),
            0.0
        );
        assert_eq!(unsupported("", &["words"]), 0.0);
    }

    #[test]
    fn what_nobody_else_says_is_not() {
        let others = ["Rick Mahler was born in Austin, Texas.", "Mahler was born in Austin in 1953."];
        let right = unsupported("Rick Mahler was born in Austin.", &others);
        let wrong = unsupported("Rick Mahler was born in Boston.", &others);
        let worse = unsupported("Anna Kessler died near Boston.", &others);
        assert!(right < 0.1 && right < wrong && wrong < worse && worse > 0.6, "{right} {wrong} {worse}");
    }

    #[test]
    fn names_and_numbers_weigh_more() {
        let other = ["The fund grew by 4 percent under Weber."];
        let name = unsupported("The fund grew by 4 percent under Meier.", &other);
        let word = unsupported("The asset grew by 4 percent under Weber.", &other);
        assert!(name > word, "{name} {word}");
    }
}
