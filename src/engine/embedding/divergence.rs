//! Scores of one record from the features of its samples.
//!
//! Semantic divergence = (1 − mean pairwise cosine) / 2, clamped to [0, 1]. All samples blank: 0; some blank: 1; the
//! same for the lexical one.

use std::sync::Arc;

use ndarray::{Array2, ArrayView1, Axis};

use super::TextFeatures;
use super::lexical::jensen_shannon;
use crate::record::trim;
use crate::verdict::{Divergence, Outcome};

/// An outlier is named when its mean likeness to the others is lower than the next one's by at least this.
const OUTLIER_MARGIN: f64 = 0.05;

/// Scores the samples of a record, of which there are at least two.
///
/// # Errors
/// When the features do not belong together (vectors of different lengths).
pub fn score(samples: &[Arc<str>], texts: &[&TextFeatures], backend: &Arc<str>) -> Result<Divergence, Arc<str>> {
    if texts.len() != samples.len() {
        return Err("texts are missing".into());
    }
    let lexical_likeness = pairwise(texts.len(), |i, j| 1.0 - jensen_shannon(&texts[i].words, &texts[j].words));
    let lexical = 1.0 - mean_of_pairs(&lexical_likeness);
    let vectors: Option<Vec<&[f32]>> = texts.iter().map(|text| text.vector.as_deref()).collect();
    let (semantic, likeness) = match &vectors {
        Some(vectors) => {
            let cosines = cosines(vectors)?;
            (((1.0 - mean_of_pairs(&cosines)) / 2.0).clamp(0.0, 1.0), cosines)
        }
        None => (lexical, lexical_likeness),
    };
    let blank = samples.iter().filter(|sample| trim(sample).is_empty()).count();
    let (semantic, lexical) = match blank {
        0 => (semantic, lexical.clamp(0.0, 1.0)),
        n if n == samples.len() => (0.0, 0.0),
        _ => (1.0, 1.0),
    };
    Ok(Divergence {
        semantic: Some(semantic),
        lexical: Some(lexical),
        risk: Some(semantic),
        outlier: outlier(&likeness),
        ..Divergence::none(Outcome::Scored, Arc::clone(backend))
    })
}

/// A symmetric matrix with ones on the diagonal.
fn pairwise(count: usize, likeness: impl Fn(usize, usize) -> f64) -> Array2<f64> {
    let mut matrix = Array2::ones((count, count));
    for i in 0..count {
        for j in i + 1..count {
            let value = likeness(i, j);
            matrix[[i, j]] = value;
            matrix[[j, i]] = value;
        }
    }
    matrix
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

/// The sample that is least like the others; none with two samples, or when they are all about as like.
fn outlier(likeness: &Array2<f64>) -> Option<usize> {
    if likeness.nrows() < 3 {
        return None;
    }
    let others = (likeness.nrows() - 1) as f64;
    let mut means: Vec<(f64, usize)> =
        likeness.sum_axis(Axis(1)).iter().map(|sum| (sum - 1.0) / others).zip(0..).collect();
    means.sort_by(|a, b| a.0.total_cmp(&b.0));
    (means[1].0 - means[0].0 >= OUTLIER_MARGIN).then_some(means[0].1)
}

#[cfg(test)]
mod tests {
    use super::super::lexical::Words;
    use super::*;

    fn scored(samples: &[&str], vectors: &[&[f32]]) -> Divergence {
        let features: Vec<TextFeatures> = samples
            .iter()
            .enumerate()
            .map(|(i, text)| TextFeatures {
                vector: vectors.get(i).map(|v| (*v).into()),
                words: Words::of(text),
                cost_us: 0,
            })
            .collect();
        let samples: Vec<Arc<str>> = samples.iter().map(|s| (*s).into()).collect();
        score(&samples, &features.iter().collect::<Vec<_>>(), &"test".into()).unwrap()
    }

    #[test]
    fn by_meaning() {
        let (x, y, minus): (&[f32], &[f32], &[f32]) = (&[1.0, 0.0], &[0.0, 1.0], &[-1.0, 0.0]);
        assert_eq!(scored(&["a", "a"], &[x, x]).semantic, Some(0.0));
        assert_eq!(scored(&["a", "b"], &[x, y]).semantic, Some(0.5));
        assert_eq!(scored(&["a", "b"], &[x, minus]).semantic, Some(1.0));
        let three = scored(&["a", "b", "c"], &[x, x, y]);
        assert_eq!((three.outlier, three.lexical), (Some(2), Some(1.0)));
    }

    #[test]
    fn blanks_have_their_own_rule() {
        let x: &[f32] = &[1.0, 0.0];
        assert_eq!(scored(&[" ", "\u{1c}"], &[x, x]).semantic, Some(0.0));
        assert_eq!(scored(&["a", "\t"], &[x, x]).semantic, Some(1.0));
    }

    #[test]
    fn without_vectors_words_decide() {
        let d = scored(&["buy now", "sell now"], &[]);
        assert_eq!(d.semantic, d.lexical);
        assert_eq!(d.risk, d.lexical);
    }

    #[test]
    fn vectors_that_do_not_fit_are_an_error() {
        let text = |v: &[f32]| TextFeatures { vector: Some(v.into()), words: Words::default(), cost_us: 0 };
        let (a, b) = (text(&[1.0]), text(&[1.0, 2.0]));
        assert!(score(&["a".into(), "b".into()], &[&a, &b], &"t".into()).is_err());
    }
}
