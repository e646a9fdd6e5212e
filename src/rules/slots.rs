//! Which fields the rules read: every field has a numbered slot, and a path says which slots it fills.

use std::sync::Arc;

use foldhash::HashMap;

use super::ruleset::Stage;
use crate::verdict::{Confidence, Divergence};

/// Slots and the paths that fill them. A path may fill several (its own, and those of aliases), and a slot may be
/// filled from several paths (an alias).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SlotMap {
    by_path: HashMap<Arc<str>, Vec<usize>>,
    by_name: HashMap<Arc<str>, usize>,
    names: Vec<Arc<str>>,
    first_paths: Vec<Arc<str>>,
}

impl SlotMap {
    /// The slot called `name`, filled from `paths`; made if there is none.
    pub fn slot(&mut self, name: &str, paths: &[String]) -> usize {
        if let Some(slot) = self.by_name.get(name) {
            return *slot;
        }
        let slot = self.names.len();
        let name: Arc<str> = name.into();
        self.by_name.insert(Arc::clone(&name), slot);
        self.first_paths.push(paths.first().map_or_else(|| Arc::clone(&name), |path| path.as_str().into()));
        self.names.push(name);
        for path in paths {
            self.by_path.entry(path.as_str().into()).or_default().push(slot);
        }
        slot
    }

    /// The slots that a path fills.
    pub fn of(&self, path: &str) -> &[usize] {
        self.by_path.get(path).map_or(&[], Vec::as_slice)
    }

    /// The slots that a field of a record fills. What the engines find (`divergence.*`, …) cannot be forged by a record.
    pub fn of_record(&self, path: &str) -> &[usize] {
        if Stage::of(path) == Stage::Record { self.of(path) } else { &[] }
    }

    /// The same, with the path as the map keeps it.
    pub fn entry(&self, path: &str) -> Option<(&Arc<str>, &[usize])> {
        self.by_path.get_key_value(path).map(|(path, slots)| (path, slots.as_slice()))
    }

    /// The first of the paths that fill a slot: what to call it when none of them is there.
    pub fn first_path(&self, slot: usize) -> &Arc<str> {
        &self.first_paths[slot]
    }

    /// All paths that any slot is filled from.
    pub fn paths(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_path.keys()
    }

    /// The name of a slot.
    pub fn name(&self, slot: usize) -> &Arc<str> {
        &self.names[slot]
    }

    /// Number of slots.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether no rule reads anything.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// A finding of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Finding {
    Risk,
    Semantic,
    Answer,
    Lexical,
    Facts,
    Entropy,
    Outlier,
    Confidence,
}

impl Finding {
    /// Its value, if it was found.
    pub fn of(self, divergence: &Divergence, confidence: Option<Confidence>) -> Option<f64> {
        match self {
            Self::Risk => divergence.risk,
            Self::Semantic => divergence.semantic,
            Self::Answer => divergence.answer,
            Self::Lexical => divergence.lexical,
            Self::Facts => divergence.facts,
            Self::Entropy => divergence.entropy,
            Self::Outlier => divergence.outlier.map(|index| index as f64),
            Self::Confidence => confidence.and_then(|confidence| confidence.score),
        }
    }
}

/// What the engines find, for rules to read.
pub const FOUND: [(&str, Finding); 8] = [
    ("divergence.risk", Finding::Risk),
    ("divergence.semantic", Finding::Semantic),
    ("divergence.answer", Finding::Answer),
    ("divergence.lexical", Finding::Lexical),
    ("divergence.facts", Finding::Facts),
    ("divergence.entropy", Finding::Entropy),
    ("divergence.outlier", Finding::Outlier),
    ("confidence.score", Finding::Confidence),
];

/// What of a drifting series a path names, if it names one: `drift.latency_ms.score`, `drift.latency_ms.state`.
pub fn drift_path(path: &str) -> Option<(&str, &'static str)> {
    let rest = path.strip_prefix("drift.")?;
    let what = |word: &'static str| {
        let series = rest.strip_suffix(word)?.strip_suffix('.')?;
        (!series.is_empty()).then_some((series, word))
    };
    what("score").or_else(|| what("state"))
}

/// The slots of what the engines find: looked up once, not on every record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings {
    /// Numbers of the divergence, and the confidence.
    pub numbers: Vec<(Finding, Arc<str>, Vec<usize>)>,
    /// By series: slots of its score, slots of its state.
    pub drift: Vec<(Arc<str>, Vec<usize>, Vec<usize>)>,
    /// `samples.n`
    pub samples: Vec<usize>,
    /// `key`
    pub key: Vec<usize>,
}

impl Findings {
    /// The slots of numbers that are no fields of the record.
    pub fn number_slots(&self) -> impl Iterator<Item = usize> + '_ {
        let found = self.numbers.iter().flat_map(|(_, _, slots)| slots);
        let drift = self.drift.iter().flat_map(|(_, scores, _)| scores);
        found.chain(drift).chain(&self.samples).copied()
    }

    /// Of what these slots are filled with.
    pub fn new(numbers: &SlotMap, texts: &SlotMap) -> Self {
        let mut found = Self::default();
        for (path, finding) in FOUND {
            if let Some((path, slots)) = numbers.entry(path) {
                found.numbers.push((finding, Arc::clone(path), slots.to_vec()));
            }
        }
        let mut paths: Vec<(&Arc<str>, bool)> =
            numbers.paths().map(|path| (path, true)).chain(texts.paths().map(|path| (path, false))).collect();
        paths.sort();
        for (path, is_number) in paths {
            match (drift_path(path), is_number) {
                (Some((series, "score")), true) => {
                    found.drift.push((series.into(), numbers.of(path).to_vec(), Vec::new()))
                }
                (Some((series, "state")), false) => {
                    found.drift.push((series.into(), Vec::new(), texts.of(path).to_vec()))
                }
                _ => {}
            }
        }
        found.samples = numbers.of("samples.n").to_vec();
        found.key = texts.of("key").to_vec();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_named_whole() {
        assert_eq!(drift_path("drift.metrics.a.score"), Some(("metrics.a", "score")));
        assert_eq!(drift_path("drift.metrics[\"a b\"].state"), Some(("metrics[\"a b\"]", "state")));
        assert_eq!(drift_path("drift.a.score.score"), Some(("a.score", "score")));
        assert_eq!((drift_path("drift.score"), drift_path("drift.a.size"), drift_path("a.score")), (None, None, None));
    }

    #[test]
    fn one_name_one_slot() {
        let mut map = SlotMap::default();
        let both = ["a".to_owned(), "b".to_owned()];
        assert_eq!((map.slot("a | b", &both), map.slot("a", &both[..1]), map.slot("a | b", &both)), (0, 1, 0));
        assert_eq!((map.of("a"), map.of("b"), &**map.first_path(0)), (&[0, 1][..], &[0][..], "a"));
    }
}
