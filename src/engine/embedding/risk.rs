//! From scores to one number: the probability that the first answer is not supported by the others.
//!
//! A logistic model of two features, risk = 1 / (1 + e^−z):
//!
//! z = bias + w₁·a + w₂·c, where
//!
//! - a = `answer`, how little the others support the first answer;
//! - c = (1 − a) · (1 − 0.9/n) · (k₁ + max(k₁, k))/2 with k₁ the mean contradiction of the first answer with the others,
//!   k that of all pairs, and n the number of samples. Contradictions in facts tell most where the answers look alike, since
//!   where they do not `answer` says so already; and the fewer samples there are, the less they tell which one is wrong.
//!
//! Names weigh less than numbers, dates and polarity: of short answers `answer` compares the letters, and a name may be
//! put in many ways.
//!
//! Fitted by logistic regression (each set with equal weight, 5-fold cross-validation that never splits a question) on
//! answers that are known to be right or wrong: 1,507 triples and 503 tens of sampled TriviaQA answers, 414 sentences of
//! generated biographies with ten sampled passages each (WikiBio, labelled by people), and 212 triples of which half had
//! a number, a negation or a name edited. The weights are rounded, and lie between what the fits with and without the
//! last set give, so that a plain contradiction of the first answer reaches 0.5. The area under the ROC curve, in the
//! order of these sets: 0.92, 0.96, 0.84, 0.97 (the free fit in cross-validation: 0.92, 0.95, 0.77, 0.98); mean risk where
//! 0.42, 0.45 and 0.74 of the answers are wrong: 0.51, 0.52 and 0.73. It errs on the side of asking a person: in the middle
//! of the scale it says 0.5 where 0.3 are wrong. What it can't see is an answer that is wrong the same way every time.

use super::facts::Disagreement;

/// What was found on a record, each in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores {
    /// How little the others support the first answer.
    pub answer: f64,
    /// How much the first answer contradicts the others, by [`gravity`].
    pub contradicted: f64,
    /// How much all contradict one another.
    pub contradicting: f64,
    /// Samples.
    pub count: usize,
}

/// Weights of the model.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Weights {
    bias: f64,
    answer: f64,
    contradiction: f64,
}

/// With vectors.
const BY_MEANING: Weights = Weights { bias: -3.5, answer: 7.2, contradiction: 6.4 };

/// With words alone.
const BY_WORDS: Weights = Weights { bias: -3.8, answer: 6.8, contradiction: 6.8 };

/// What a contradiction of names weighs beside one of numbers, dates or polarity.
const NAMES: f64 = 0.57;

/// How much less a contradiction tells the fewer samples there are.
const FEW: f64 = 0.9;

/// How grave it is what two samples contradict each other in.
pub fn gravity(found: &Disagreement) -> f64 {
    let hard = 1.0 - (1.0 - found.number) * (1.0 - found.date) * (1.0 - found.polarity);
    NAMES * found.score() + (1.0 - NAMES) * hard
}

/// The probability that the first answer is not supported; `by_meaning` says that vectors were compared.
pub fn risk(scores: Scores, by_meaning: bool) -> f64 {
    let weights = if by_meaning { BY_MEANING } else { BY_WORDS };
    let count = scores.count.max(1) as f64;
    let mean = (scores.contradicted + scores.contradicted.max(scores.contradicting)) / 2.0;
    let contradiction = (1.0 - scores.answer) * mean * (1.0 - FEW / count);
    let z = weights.bias + weights.answer * scores.answer + weights.contradiction * contradiction;
    1.0 / (1.0 + (-z).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(answer: f64, contradicted: f64, contradicting: f64, count: usize) -> f64 {
        risk(Scores { answer, contradicted, contradicting, count }, true)
    }

    #[test]
    fn grows_with_what_it_is_made_of() {
        assert!(of(0.0, 0.0, 0.0, 3) < 0.05);
        assert!(of(1.0, 0.0, 0.0, 3) > 0.9);
        let alike = [of(0.05, 0.0, 0.0, 3), of(0.05, 0.475, 0.63, 3), of(0.05, 0.95, 0.63, 3)];
        assert!(alike.is_sorted() && alike[2] > 0.5, "{alike:?}");
        assert!(of(0.05, 0.95, 0.95, 2) >= 0.5, "of two that contradict each other nobody knows which is wrong");
    }

    #[test]
    fn names_weigh_less() {
        let name = Disagreement { name: 0.9, ..Disagreement::default() };
        let number = Disagreement { number: 0.9, ..Disagreement::default() };
        assert!(gravity(&name) < gravity(&number));
        assert!((gravity(&number) - 0.9).abs() < 1e-12);
    }
}
