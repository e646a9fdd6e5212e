//! In which words texts differ: each is held against the first.

use std::ops::Range;

use foldhash::{HashMap, HashSet};
use similar::{Algorithm, DiffTag, capture_diff_slices};
use unicode_segmentation::UnicodeSegmentation;

use crate::record::is_space;

/// Longer texts, bytes, are not compared.
const MOST_BYTES: usize = 16 << 10;

/// Texts beyond this many are not compared.
const MOST_TEXTS: usize = 16;

/// Words of one text times words of the other up to which their order is looked at; a comparison takes about as many
/// steps at worst.
const MOST_STEPS: usize = 4_000_000;

/// A text in words; white space is none.
struct Words {
    places: Vec<Range<usize>>,
    /// The words as numbers, the same for the same word whatever its case.
    numbers: Vec<u32>,
    differs: Vec<bool>,
}

/// The byte ranges of each text's words that the others do not have in the same place: of the first, those that at
/// least half of the others do not have; of the others, those that the first does not have. Upper and lower case are
/// the same.
///
/// There is one list a text. Texts of more than 16 KiB and those after the sixteenth have no ranges.
pub fn differing(texts: &[&str]) -> Vec<Vec<Range<usize>>> {
    let mut known = HashMap::default();
    let compared = texts.iter().take(MOST_TEXTS).map(|text| (text.len() <= MOST_BYTES).then_some(*text));
    let mut all: Vec<Option<Words>> = compared.map(|text| text.map(|text| words(text, &mut known))).collect();
    if let Some((Some(first), others)) = all.split_first_mut() {
        let mut missing = vec![0usize; first.numbers.len()];
        let mut count = 0;
        for other in others.iter_mut().flatten() {
            let (here, there) = difference(&first.numbers, &other.numbers);
            here.into_iter().flatten().for_each(|at| missing[at] += 1);
            there.into_iter().flatten().for_each(|at| other.differs[at] = true);
            count += 1;
        }
        for (differs, missing) in first.differs.iter_mut().zip(missing) {
            *differs = count > 0 && 2 * missing >= count;
        }
    }
    let said =
        |text: &str, range: &Range<usize>| text.get(range.clone()).is_some_and(|words| !words.chars().all(is_pause));
    let found = all.into_iter().zip(texts).map(|(words, text)| {
        let mut ranges = words.map(Words::ranges).unwrap_or_default();
        ranges.retain(|range| said(text, range));
        ranges
    });
    found.chain(std::iter::repeat_with(Vec::new)).take(texts.len()).collect()
}

/// Where a sentence pauses is no difference by itself.
fn is_pause(c: char) -> bool {
    matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | '"' | '\'' | '(' | ')') || is_space(c)
}

fn words(text: &str, known: &mut HashMap<String, u32>) -> Words {
    let (mut places, mut numbers) = (Vec::new(), Vec::new());
    for (at, word) in text.split_word_bound_indices().filter(|(_, word)| !word.chars().all(is_space)) {
        let next = known.len() as u32;
        numbers.push(*known.entry(word.to_lowercase()).or_insert(next));
        places.push(at..at + word.len());
    }
    let differs = vec![false; numbers.len()];
    Words { places, numbers, differs }
}

/// Which words only the one has, and which only the other, as ranges of their indices.
fn difference(one: &[u32], other: &[u32]) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    if one.len().saturating_mul(other.len()) > MOST_STEPS {
        return (not_in(one, other), not_in(other, one));
    }
    let differ = capture_diff_slices(Algorithm::Myers, one, other);
    let differ = differ.iter().map(similar::DiffOp::as_tag_tuple).filter(|(tag, ..)| *tag != DiffTag::Equal);
    differ.map(|(_, here, there)| (here, there)).unzip()
}

/// The words that the other does not hold anywhere.
fn not_in(words: &[u32], other: &[u32]) -> Vec<Range<usize>> {
    let held: HashSet<u32> = other.iter().copied().collect();
    let missing = words.iter().enumerate().filter(|(_, word)| !held.contains(*word));
    missing.map(|(at, _)| at..at + 1).collect()
}

impl Words {
    /// The bytes of the words that differ; those of neighbours together.
    fn ranges(self) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        let mut joins = false;
        for (place, differs) in self.places.into_iter().zip(self.differs) {
            match ranges.last_mut() {
                Some(last) if differs && joins => last.end = place.end,
                _ if differs => ranges.push(place),
                _ => {}
            }
            joins = differs;
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words that differ, of each text.
    fn said<'a>(texts: &[&'a str]) -> Vec<Vec<&'a str>> {
        let found = differing(texts);
        texts.iter().zip(found).map(|(text, ranges)| ranges.into_iter().map(|range| &text[range]).collect()).collect()
    }

    #[test]
    fn words_that_the_others_do_not_have_in_the_same_place() {
        let found = said(&["Sell 5,000 shares now", "Sell 50,000 shares now", "SELL 5,000  shares now"]);
        assert_eq!(found, [vec!["5,000"], vec!["50,000"], vec![]]);
        assert_eq!(said(&["do it", "do not it"]), [vec![], vec!["not"]]);
        assert_eq!(said(&["größer als vorher", "kleiner als vorher"]), [["größer"], ["kleiner"]]);
    }

    #[test]
    fn the_first_is_marked_where_half_of_the_others_differ() {
        assert!(said(&["a b", "a x", "a b", "a b"])[0].is_empty());
        assert_eq!(said(&["a b", "a x", "a y", "a b"])[0], ["b"]);
        assert!(said(&["alone"])[0].is_empty());
        assert!(differing(&[]).is_empty());
    }

    #[test]
    fn punctuation_alone_is_no_difference() {
        assert_eq!(said(&["Safe. Nordic", "Safe Nordic"]), [Vec::<&str>::new(), Vec::new()]);
        assert_eq!(said(&["-5 USD", "5 USD"]), [vec!["-"], vec![]]);
    }

    #[test]
    fn neighbours_are_one_range() {
        assert_eq!(said(&["go left  now, please", "go right away, please"]), [["left  now"], ["right away"]]);
    }

    #[test]
    fn what_is_too_much_is_bounded() {
        let long = "word ".repeat(MOST_BYTES);
        assert_eq!(said(&["a", &long, "b"]), [vec!["a"], vec![], vec!["b"]]);
        let many = vec!["a"; MOST_TEXTS].into_iter().chain(["b", "c"]).collect::<Vec<_>>();
        assert!(differing(&many).len() == MOST_TEXTS + 2 && differing(&many).iter().all(Vec::is_empty));
        // Too many words for their order: what the other has anywhere is no difference.
        let dots = ". ".repeat(3_000);
        let (one, other) = (format!("first {dots}"), format!("{dots} last"));
        assert_eq!(said(&[&one, &other]), [["first"], ["last"]]);
    }
}
