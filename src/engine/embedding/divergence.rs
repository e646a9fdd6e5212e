//! Scores of one record from the features of its samples.
//!
//! | score | of | what it is |
//! |---|---|---|
//! | `semantic` | all pairs | (1 − mean cosine) / 2 |
//! | `lexical` | all pairs | mean Jensen–Shannon divergence of the words |
//! | `facts` | the sample that contradicts most | mean contradiction with the others in numbers, dates, names, polarity |
//! | `entropy` | all | of the clusters of agreeing samples, over ln n |
//! | `answer` | the first against the others | 1 − mean likeness; of long texts the claims that no other makes |
//! | `risk` | | `risk.rs` |
//!
//! All samples blank: 0; some blank: `semantic`, `lexical` and `entropy` by rule, since nothing was said.

use std::ops::Range;
use std::sync::Arc;

use ndarray::{Array2, ArrayView1};

use super::TextFeatures;
use super::facts;
use super::lexical::jensen_shannon;
use super::risk::{Scores, gravity, risk};
use crate::record::trim;
use crate::verdict::{Contradiction, Divergence, Outcome};

/// An outlier is named when its mean agreement with the others is lower than the next one's by at least this.
const OUTLIER_MARGIN: f64 = 0.05;

/// Two samples agree from this likeness on, if their facts do.
const AGREE: f64 = 0.75;

/// Facts contradict from this score on.
const CONTRADICT: f64 = 0.5;

/// How much texts contradict each other that differ in a symbol alone.
const SYMBOLS: f64 = 0.9;

/// Contradictions that are kept.
const CONTRADICTIONS: usize = 8;

/// Words of two samples, on average, up to which letters tell as much as meaning, and from which on they tell nothing.
const BY_LETTERS: (f64, f64) = (3.0, 6.0);

/// What letters count at most.
const LETTERS: f64 = 0.5;

/// Words of the longer side from which on claims begin to count, and from which on nothing else does.
const BY_CLAIMS: (f64, f64) = (30.0, 60.0);

/// Different claims of the first answer up to which its likeness still counts: a word is no passage.
const CLAIMED: (f64, f64) = (0.0, 4.0);

/// Where `x` lies between two bounds, in [0, 1].
fn ramp(x: f64, (low, high): (f64, f64)) -> f64 {
    ((x - low) / (high - low)).clamp(0.0, 1.0)
}

/// Scores the samples of a record, of which there are at least two; the first is the one that will be used.
///
/// # Errors
/// When the features do not belong together (vectors of different lengths).
pub fn score(samples: &[Arc<str>], texts: &[&TextFeatures], backend: &Arc<str>) -> Result<Divergence, Arc<str>> {
    if texts.len() != samples.len() {
        return Err("texts are missing".into());
    }
    let count = texts.len();
    let blank: Vec<bool> = samples.iter().map(|sample| trim(sample).is_empty()).collect();
    let blanks = blank.iter().filter(|blank| **blank).count();
    let none = Divergence::none(Outcome::Scored, Arc::clone(backend));
    let vectors: Option<Vec<&[f32]>> = texts.iter().map(|text| text.vector.as_deref()).collect();
    if blanks == count {
        let zero = Some(0.0);
        return Ok(Divergence {
            semantic: zero,
            answer: zero,
            lexical: zero,
            facts: zero,
            entropy: zero,
            risk: zero,
            ..none
        });
    }
    let said = |i: usize, j: usize| !blank[i] && !blank[j];
    let lexical_likeness = pairwise(count, |i, j| 1.0 - jensen_shannon(&texts[i].words, &texts[j].words));
    let lexical = if blanks > 0 { 1.0 } else { (1.0 - mean_of_pairs(&lexical_likeness)).clamp(0.0, 1.0) };
    let cosines = vectors.map(|vectors| cosines(&vectors)).transpose()?;
    let semantic = match &cosines {
        _ if blanks > 0 => 1.0,
        Some(cosines) => ((1.0 - mean_of_pairs(cosines)) / 2.0).clamp(0.0, 1.0),
        None => lexical,
    };
    let likeness = pairwise(count, |i, j| if said(i, j) { likeness(texts, cosines.as_ref(), i, j) } else { 0.0 });
    // What two blanks, or a blank and a text, contradict each other in is nothing.
    let mut weighed = Array2::ones((count, count));
    let mut harmony = Array2::ones((count, count));
    for (i, j) in pairs(count).filter(|(i, j)| said(*i, *j)) {
        let mut found = facts::compare(&texts[i].facts, &texts[j].facts);
        if symbols_differ(texts, i, j).is_some() {
            found.polarity = found.polarity.max(SYMBOLS);
        }
        for pair in [[i, j], [j, i]] {
            harmony[pair] = 1.0 - found.score();
            weighed[pair] = 1.0 - gravity(&found);
        }
    }
    let agreement = &likeness * &harmony;
    let answer = answer(texts, &likeness);
    let scores = Scores {
        answer,
        contradicted: 1.0 - mean_to_others(&weighed, 0),
        contradicting: 1.0 - mean_of_pairs(&weighed),
        count,
    };
    // Nothing was answered, or nothing to hold the answer against: there is no support at all.
    let unanswered = blank[0] || blanks == count - 1;
    Ok(Divergence {
        semantic: Some(semantic),
        cosines: cosines.as_ref().filter(|_| count <= Divergence::PAIRED).map_or_else(Vec::new, kept),
        answer: Some(if unanswered { 1.0 } else { answer }),
        lexical: Some(lexical),
        facts: Some((0..count).map(|i| 1.0 - mean_to_others(&harmony, i)).fold(0.0, f64::max).clamp(0.0, 1.0)),
        entropy: Some(entropy(count, |i, j| likeness[[i, j]] >= AGREE && harmony[[i, j]] > 1.0 - CONTRADICT)),
        risk: Some(if unanswered { 1.0 } else { risk(scores, cosines.is_some()) }),
        outlier: outlier(&agreement),
        contradictions: contradictions(samples, texts, &harmony),
        ..none
    })
}

/// What the facts differ in: of pairs that contradict each other, the first answer's before the others'.
fn contradictions(samples: &[Arc<str>], texts: &[&TextFeatures], harmony: &Array2<f64>) -> Vec<Contradiction> {
    let count = texts.len();
    let mut found = Vec::new();
    for (i, j) in pairs(count).filter(|pair| harmony[*pair] <= 1.0 - CONTRADICT) {
        if found.len() >= CONTRADICTIONS {
            break;
        }
        // Facts were read from the trimmed text.
        let place = |sample: usize, span: Option<Range<usize>>| {
            let text: &str = &samples[sample];
            let leading = text.find(trim(text)).unwrap_or(0);
            (sample, span.map(|span| span.start + leading..span.end + leading))
        };
        if let Some([in_a, in_b]) = symbols_differ(texts, i, j) {
            found.push(Contradiction { kind: "symbol", sides: [place(i, in_a), place(j, in_b)] });
        }
        let mut differences = facts::explain(&texts[i].facts, &texts[j].facts);
        // What only one of them says, such as a denial, comes after what they say differently.
        differences.sort_by_key(|found| found.in_a.is_none() || found.in_b.is_none());
        found.extend(differences.into_iter().map(|difference| Contradiction {
            kind: difference.kind.word(),
            sides: [place(i, difference.in_a), place(j, difference.in_b)],
        }));
    }
    found.truncate(CONTRADICTIONS);
    found
}

/// Where two samples of the same words have different symbols.
fn symbols_differ(texts: &[&TextFeatures], i: usize, j: usize) -> Option<[Option<Range<usize>>; 2]> {
    let same_words = texts[i].words == texts[j].words && texts[i].trigrams == texts[j].trigrams;
    same_words.then(|| texts[i].symbols.conflict(&texts[j].symbols)).flatten()
}

/// How alike two samples are: by meaning, and the shorter they are the more by their letters.
fn likeness(texts: &[&TextFeatures], cosines: Option<&Array2<f64>>, i: usize, j: usize) -> f64 {
    let (a, b) = (&texts[i].trigrams, &texts[j].trigrams);
    let by_letters = a.likeness(b);
    let Some(cosines) = cosines else { return by_letters };
    let words = f64::from(a.words() + b.words()) / 2.0;
    let weight = LETTERS * (1.0 - ramp(words, BY_LETTERS));
    ((1.0 - weight) * cosines[[i, j]] + weight * by_letters).clamp(0.0, 1.0)
}

/// How little the others support the first answer, in [0, 1]. Sentences are compared as wholes; passages by their
/// claims, since two of them about the same thing are alike whatever they say of it.
fn answer(texts: &[&TextFeatures], likeness: &Array2<f64>) -> f64 {
    let others = &texts[1..];
    let by_likeness = 1.0 - mean_to_others(likeness, 0);
    let words = |text: &TextFeatures| f64::from(text.trigrams.words());
    let longer = others.iter().map(|text| words(text)).sum::<f64>() / others.len() as f64;
    let weight = ramp(longer.max(words(texts[0])), BY_CLAIMS) * ramp(texts[0].claims.len() as f64, CLAIMED);
    if weight == 0.0 {
        return by_likeness;
    }
    let claims: Vec<_> = others.iter().map(|text| &text.claims).collect();
    (1.0 - weight) * by_likeness + weight * texts[0].claims.unsupported(&claims)
}

/// Entropy of the sizes of the clusters of samples that all agree with one another, over ln n: 0 = all in one cluster,
/// 1 = each alone.
fn entropy(count: usize, agree: impl Fn(usize, usize) -> bool) -> f64 {
    let mut clusters: Vec<Vec<usize>> = Vec::new();
    for sample in 0..count {
        match clusters.iter_mut().find(|cluster| cluster.iter().all(|other| agree(*other, sample))) {
            Some(cluster) => cluster.push(sample),
            None => clusters.push(vec![sample]),
        }
    }
    let share = |cluster: &Vec<usize>| cluster.len() as f64 / count as f64;
    let entropy: f64 = clusters.iter().map(|cluster| -share(cluster) * share(cluster).ln()).sum();
    // One cluster has an entropy of -0.
    (entropy / (count as f64).ln()).clamp(0.0, 1.0) + 0.0
}

/// All pairs, those of the first before the others'.
fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).flat_map(move |i| (i + 1..count).map(move |j| (i, j)))
}

/// A symmetric matrix with ones on the diagonal.
fn pairwise(count: usize, likeness: impl Fn(usize, usize) -> f64) -> Array2<f64> {
    let mut matrix = Array2::ones((count, count));
    for (i, j) in pairs(count) {
        let value = likeness(i, j);
        matrix[[i, j]] = value;
        matrix[[j, i]] = value;
    }
    matrix
}

/// The cosines of all pairs, for the screen.
fn kept(cosines: &Array2<f64>) -> Vec<f32> {
    pairs(cosines.nrows()).map(|(i, j)| cosines[[i, j]] as f32).collect()
}

/// Cosines of all pairs, in [−1, 1].
fn cosines(vectors: &[&[f32]]) -> Result<Array2<f64>, Arc<str>> {
    if vectors.iter().any(|v| v.len() != vectors[0].len()) {
        return Err("vectors of different lengths".into());
    }
    let views: Vec<ArrayView1<f32>> = vectors.iter().map(|v| ArrayView1::from(*v)).collect();
    let norms: Vec<f64> = views.iter().map(|v| f64::from(v.dot(v)).sqrt()).collect();
    Ok(pairwise(views.len(), |i, j| {
        let norm = norms[i] * norms[j];
        if norm == 0.0 { 0.0 } else { (f64::from(views[i].dot(&views[j])) / norm).clamp(-1.0, 1.0) }
    }))
}

fn mean_of_pairs(matrix: &Array2<f64>) -> f64 {
    let count = matrix.nrows() as f64;
    (matrix.sum() - count) / (count * (count - 1.0))
}

fn mean_to_others(matrix: &Array2<f64>, index: usize) -> f64 {
    (matrix.row(index).sum() - 1.0) / (matrix.nrows() - 1) as f64
}

/// The sample that agrees least with the others; none with two samples, or when they all agree about as much.
fn outlier(agreement: &Array2<f64>) -> Option<usize> {
    if agreement.nrows() < 3 {
        return None;
    }
    let mut means: Vec<(f64, usize)> = (0..agreement.nrows()).map(|i| (mean_to_others(agreement, i), i)).collect();
    means.sort_by(|a, b| a.0.total_cmp(&b.0));
    (means[1].0 - means[0].0 >= OUTLIER_MARGIN).then_some(means[0].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(samples: &[&str], vectors: &[&[f32]]) -> Divergence {
        let vector = |i: usize| vectors.get(i).map(|vector| (*vector).into());
        let texts = samples.iter().enumerate();
        let texts: Vec<TextFeatures> =
            texts.map(|(i, text)| TextFeatures { vector: vector(i), ..TextFeatures::of_words(trim(text)) }).collect();
        let samples: Vec<Arc<str>> = samples.iter().map(|s| (*s).into()).collect();
        score(&samples, &texts.iter().collect::<Vec<_>>(), &"test".into()).unwrap()
    }

    const X: &[f32] = &[1.0, 0.0];
    const Y: &[f32] = &[0.0, 1.0];

    #[test]
    fn by_meaning() {
        assert_eq!(scored(&["a", "a"], &[X, X]).semantic, Some(0.0));
        assert_eq!(scored(&["a", "b"], &[X, Y]).semantic, Some(0.5));
        assert_eq!(scored(&["a", "b"], &[X, &[-1.0, 0.0]]).semantic, Some(1.0));
        let three = scored(&["a", "b", "c"], &[X, X, Y]);
        assert_eq!((three.outlier, three.lexical), (Some(2), Some(1.0)));
    }

    #[test]
    fn equal_answers_agree_in_everything() {
        let text = "Sell 400 shares of NVDA at 131.20. Then wait until Monday, and do not buy.";
        for vectors in [&[X, X, X][..], &[]] {
            let d = scored(&[text, text, text], vectors);
            let scores = [d.semantic, d.answer, d.lexical, d.facts, d.entropy].map(Option::unwrap);
            assert!(scores.iter().all(|score| score.abs() < 1e-9), "{scores:?}");
            assert!(d.risk.unwrap() < 0.05 && d.outlier.is_none() && d.contradictions.is_empty(), "{d:?}");
        }
    }

    #[test]
    fn what_cosine_cannot_see() {
        let (five, fifty) = ("The expected loss is -5,000 USD.", "  The expected loss is -50,000 USD.");
        let d = scored(&[five, five, fifty], &[X, X, X]);
        assert_eq!((d.semantic, d.outlier), (Some(0.0), Some(2)));
        assert!(d.facts.unwrap() > 0.5 && d.entropy.unwrap() > 0.5, "{d:?}");
        let [(0, Some(one)), (2, Some(other))] = &d.contradictions[0].sides else { panic!("{d:?}") };
        assert!(five[one.clone()].contains("5,000") && fifty[other.clone()].contains("50,000"));
        let odd_first = scored(&[fifty, five, five], &[X, X, X]);
        assert!(odd_first.risk > d.risk, "the one in use is the odd one");
    }

    #[test]
    fn blanks_have_their_own_rule() {
        assert_eq!(scored(&[" ", "\u{1c}"], &[X, X]).semantic, Some(0.0));
        assert_eq!(scored(&[" ", ""], &[X, X]).risk, Some(0.0));
        let some = scored(&["a", "\t"], &[X, X]);
        assert_eq!((some.semantic, some.answer, some.risk), (Some(1.0), Some(1.0), Some(1.0)));
        assert!(scored(&["a b c", "a b c", ""], &[X, X, X]).risk.unwrap() < 1.0);
    }

    #[test]
    fn a_short_answer_is_not_supported_by_long_ones_that_say_something_else() {
        let long = "The shipment left the warehouse in Rotterdam on Monday and is due in Oslo on Friday. ".repeat(6);
        for short in ["No.", "…", "🙂", "I will not.", "Bananas.", "Yes."] {
            let d = scored(&[short, &long, &long], &[Y, X, X]);
            assert!(d.answer.unwrap() > 0.6 && d.risk.unwrap() > 0.5, "{short}: {d:?}");
            assert!(scored(&[short, &long, &long], &[]).risk.unwrap() > 0.5, "{short}, by words");
        }
        assert_eq!(scored(&["", &long, &long], &[Y, X, X]).answer, Some(1.0));
    }

    #[test]
    fn without_vectors_words_decide() {
        let d = scored(&["buy now", "sell now"], &[]);
        assert_eq!(d.semantic, d.lexical);
        assert!(d.risk.unwrap() > 0.5, "{d:?}");
    }

    #[test]
    fn entropy_of_clusters() {
        let half = entropy(4, |i, j| i / 2 == j / 2);
        assert!((half - 0.5).abs() < 1e-12);
        assert_eq!(entropy(3, |_, _| true), 0.0);
        assert!((entropy(3, |_, _| false) - 1.0).abs() < 1e-12);
        // 0 agrees with 1 and 1 with 2, but not 0 with 2: agreement is mutual within a cluster.
        let chain = entropy(3, |i, j| i.abs_diff(j) == 1);
        assert!((chain - (3f64.ln() - 2f64.ln() * 2.0 / 3.0) / 3f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn every_number_of_answers_is_scored() {
        for count in 2..=16 {
            let samples: Vec<String> = (0..count).map(|n| format!("answer {n}")).collect();
            let samples: Vec<&str> = samples.iter().map(String::as_str).collect();
            let d = scored(&samples, &vec![X; count]);
            for score in [d.semantic, d.answer, d.lexical, d.facts, d.entropy, d.risk] {
                assert!((0.0..=1.0).contains(&score.unwrap()), "{d:?}");
            }
        }
    }

    #[test]
    fn vectors_that_do_not_fit_are_an_error() {
        let text = |v: &[f32]| TextFeatures { vector: Some(v.into()), ..TextFeatures::of_words("") };
        let (a, b) = (text(&[1.0]), text(&[1.0, 2.0]));
        assert!(score(&["a".into(), "b".into()], &[&a, &b], &"t".into()).is_err());
    }
}
