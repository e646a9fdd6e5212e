//! What was found on the samples of a record: the scores, what the first answer was held against, what contradicts what.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use super::Outcome;

/// What the first answer is held against.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum Basis {
    /// The other samples of the record.
    #[default]
    Samples,
    /// Earlier answers of this key to the same prompt, the newest first.
    History(Arc<[Arc<str>]>),
}

/// By this name `Deserialize` does not take the word for one that it could borrow from what is read.
type Kind = &'static str;

/// A place where two of the answers contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contradiction {
    /// In what: one of [`Contradiction::KINDS`].
    #[serde(deserialize_with = "known_kind")]
    pub kind: Kind,
    /// The two answers, by index, and the bytes in question; `None` where one says nothing of the kind.
    pub sides: [(usize, Option<Range<usize>>); 2],
}

impl Contradiction {
    /// In what answers can contradict each other.
    pub const KINDS: [&'static str; 5] = ["number", "date", "name", "polarity", "symbol"];

    /// In words, with the answers that were compared: `number: “-5,000 USD” (1) | “-50,000 USD” (3)`.
    pub fn in_words(&self, texts: &[&str]) -> String {
        let side = |(index, span): &(usize, Option<Range<usize>>)| {
            let said = span.as_ref().and_then(|span| texts.get(*index)?.get(span.clone()));
            format!("{} ({})", said.map_or("–".to_owned(), |said| format!("“{said}”")), index.saturating_add(1))
        };
        format!("{}: {} | {}", self.kind, side(&self.sides[0]), side(&self.sides[1]))
    }
}

/// The word of the program's own that was written: a kind lives as long as the program, and none is made up.
fn known_kind<'de, D: Deserializer<'de>>(from: D) -> Result<Kind, D::Error> {
    let word = String::deserialize(from)?;
    let known = Contradiction::KINDS.into_iter().find(|kind| **kind == word);
    known.ok_or_else(|| serde::de::Error::unknown_variant(&word, &Contradiction::KINDS))
}

/// Disagreement of the samples; scores in [0, 1], 0 = they agree, `None` = not computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Divergence {
    /// How far the engine got.
    pub outcome: Outcome,
    /// All pairs, by meaning: (1 − mean pairwise cosine) / 2.
    pub semantic: Option<f64>,
    /// The cosine of each pair: of the first text with the second, the third, …, of the second with the third, …;
    /// empty where no meanings were compared, or of more texts than [`Divergence::PAIRED`].
    pub cosines: Vec<f32>,
    /// How little the other samples support the first.
    pub answer: Option<f64>,
    /// All pairs, by words: mean pairwise Jensen–Shannon divergence, base 2.
    pub lexical: Option<f64>,
    /// Disagreement in numbers, dates, names, polarity.
    pub facts: Option<f64>,
    /// Normalised entropy of the clusters of agreeing samples.
    pub entropy: Option<f64>,
    /// The one number to sort by.
    pub risk: Option<f64>,
    /// Index of the sample that disagrees most.
    pub outlier: Option<usize>,
    /// What the first answer was held against.
    pub basis: Basis,
    /// What the facts differ in, for the screen to point at; bounded, the first answer's first.
    pub contradictions: Vec<Contradiction>,
    /// The backend that computed it.
    pub backend: Arc<str>,
}

impl Divergence {
    /// Texts whose pairs are kept one by one.
    pub const PAIRED: usize = 16;

    /// The cosine of two texts, by index.
    pub fn cosine(&self, i: usize, j: usize) -> Option<f32> {
        // n (n - 1) / 2 pairs.
        let count = (1 + 8 * self.cosines.len()).isqrt().div_ceil(2);
        let (low, high) = (i.min(j), i.max(j));
        if low == high || high >= count {
            return None;
        }
        self.cosines.get(low * (2 * count - low - 1) / 2 + high - low - 1).copied()
    }

    /// The texts that were compared: the samples of the record, or its one answer and the earlier ones.
    pub fn texts<'a>(&'a self, samples: &'a [Arc<str>]) -> Vec<&'a str> {
        let earlier = match &self.basis {
            Basis::Samples => &[][..],
            Basis::History(earlier) => earlier,
        };
        samples.iter().chain(earlier).map(|text| &**text).collect()
    }

    /// A divergence without scores.
    pub fn none(outcome: Outcome, backend: Arc<str>) -> Self {
        Self {
            outcome,
            semantic: None,
            cosines: Vec::new(),
            answer: None,
            lexical: None,
            facts: None,
            entropy: None,
            risk: None,
            outlier: None,
            basis: Basis::Samples,
            contradictions: Vec::new(),
            backend,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_found_in_either_order() {
        let none = Divergence::none(Outcome::Scored, "t".into());
        let found = Divergence { cosines: vec![0.1, 0.2, 0.3, 1.2, 1.3, 2.3], ..none.clone() };
        for (i, j, cosine) in [(0, 1, 0.1), (0, 3, 0.3), (2, 1, 1.2), (3, 2, 2.3)] {
            assert_eq!(found.cosine(i, j), Some(cosine), "{i} {j}");
        }
        assert_eq!((found.cosine(1, 1), found.cosine(0, 4), none.cosine(0, 1)), (None, None, None));
    }

    #[test]
    fn what_the_engine_finds_is_of_a_known_kind() {
        let found = crate::engine::embedding::facts::KINDS.map(|kind| kind.word());
        assert!(found.iter().all(|kind| Contradiction::KINDS.contains(kind)));
    }
}
