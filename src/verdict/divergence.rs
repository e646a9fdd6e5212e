//! What was found on the samples of a record: the scores, what the first answer was held against, what contradicts what.

use std::ops::Range;
use std::sync::Arc;

use super::Outcome;

/// What the first answer is held against.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Basis {
    /// The other samples of the record.
    #[default]
    Samples,
    /// Earlier answers of this key to the same prompt, the newest first.
    History(Arc<[Arc<str>]>),
}

/// A place where two of the answers contradict each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// In what: `number`, `date`, `name`, `polarity`.
    pub kind: &'static str,
    /// The two answers, by index, and the bytes in question; `None` where one says nothing of the kind.
    pub sides: [(usize, Option<Range<usize>>); 2],
}

impl Contradiction {
    /// In words, with the answers that were compared: `number: “-5,000 USD” (1) | “-50,000 USD” (3)`.
    pub fn in_words(&self, texts: &[&str]) -> String {
        let side = |(index, span): &(usize, Option<Range<usize>>)| {
            let said = span.as_ref().and_then(|span| texts.get(*index)?.get(span.clone()));
            format!("{} ({})", said.map_or("–".to_owned(), |said| format!("“{said}”")), index + 1)
        };
        format!("{}: {} | {}", self.kind, side(&self.sides[0]), side(&self.sides[1]))
    }
}

/// Disagreement of the samples; scores in [0, 1], 0 = they agree, `None` = not computed.
#[derive(Debug, Clone, PartialEq)]
pub struct Divergence {
    /// How far the engine got.
    pub outcome: Outcome,
    /// All pairs, by meaning: (1 − mean pairwise cosine) / 2.
    pub semantic: Option<f64>,
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
