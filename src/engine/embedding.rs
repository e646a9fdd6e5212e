//! The first engine: how far the samples of one request diverge.
//!
//! Per text, once, in the pool: its words, letters, claims and facts (`lexical`, `trigrams`, `claims`, `facts`) and,
//! with a neural backend, a vector (`model`, `tokenize`, `portable`, `onnxruntime`), kept in `cache`. Per record, in Seq
//! order: the scores (`divergence`) and what they amount to (`risk`). A record with one answer is compared with the
//! earlier answers to the same prompt (`earlier`).

pub mod cache;
pub mod claims;
pub mod divergence;
pub mod earlier;
pub mod facts;
pub mod interface;
pub mod lexical;
pub mod model;
pub mod onnxruntime;
pub mod pool;
pub mod portable;
pub mod risk;
pub mod select;
pub mod symbols;
pub mod tokenize;
pub mod trigrams;

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::engine::{Engine, Evidence};
use crate::rules::Stage;
use crate::verdict::{Basis, Divergence, EngineKind, Outcome};

use claims::Claims;
use facts::Facts;
use lexical::Words;
use model::Vector;
use pool::Generation;
use symbols::Symbols;
use trigrams::Trigrams;

/// All that is derived from one text.
#[derive(Debug)]
pub struct TextFeatures {
    /// Its meaning, with a neural backend.
    pub vector: Option<Vector>,
    /// Its words.
    pub words: Words,
    /// Its letters.
    pub trigrams: Trigrams,
    /// Its operators and pictures.
    pub symbols: Symbols,
    /// What it claims, sentence by sentence.
    pub claims: Claims,
    /// Its numbers, dates, names and polarity.
    pub facts: Facts,
    /// What all that took, µs; 0 when the text was in the cache.
    pub cost_us: u64,
    /// Which backend made the vector, by the number of those before it.
    pub generation: Generation,
}

impl TextFeatures {
    /// What is cheap to derive; a text that is too much for one of the readers fails alone.
    ///
    /// # Errors
    /// What the reader said when it panicked.
    pub fn derive(text: &str) -> Result<Self, String> {
        let derived = catch_unwind(AssertUnwindSafe(|| Self::of_words(text)));
        derived.map_err(|panic| format!("panicked: {}", pool::panic_text(&*panic)))
    }

    /// What is cheap to derive.
    pub fn of_words(text: &str) -> Self {
        Self {
            vector: None,
            words: Words::of(text),
            trigrams: Trigrams::of(text),
            symbols: Symbols::of(text),
            claims: Claims::of(text),
            facts: Facts::of(text),
            cost_us: 0,
            generation: 0,
        }
    }
}

/// What became of a text in the pool.
pub type TextResult = Result<Arc<TextFeatures>, Arc<str>>;

/// Which kind of divergence is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// By meaning, with words beside it.
    Neural,
    /// By words alone.
    Lexical,
    /// Not at all.
    None,
}

/// The engine: scores from what the pool derived.
#[derive(Debug)]
pub struct Embedding {
    mode: Mode,
    backend: Arc<str>,
}

impl Embedding {
    /// An engine that reports `backend` as the source of its scores.
    pub fn new(mode: Mode, backend: Arc<str>) -> Self {
        Self { mode, backend }
    }

    /// Divergence before anything was computed.
    pub fn pending(&self) -> Divergence {
        Divergence::none(Outcome::Failed("not computed".into()), Arc::clone(&self.backend))
    }
}

impl Engine for Embedding {
    fn kind(&self) -> EngineKind {
        EngineKind::Embedding
    }

    fn run(&mut self, stage: Stage, evidence: &mut Evidence<'_>) -> Result<(), Arc<str>> {
        if stage != Stage::Divergence {
            return Ok(());
        }
        let samples = &evidence.record.samples;
        let compared = if evidence.earlier.is_empty() {
            Cow::Borrowed(&**samples)
        } else {
            Cow::Owned([samples, evidence.earlier].concat())
        };
        let skipped = match (self.mode, samples.len(), compared.len()) {
            (Mode::None, ..) => Some("disabled"),
            (_, 0, _) => Some("no_samples"),
            (.., 1) => Some("one_sample"),
            _ => None,
        };
        if let Some(why) = skipped {
            evidence.divergence = Divergence::none(Outcome::Skipped(why.into()), Arc::clone(&self.backend));
            return Ok(());
        }
        let texts: Result<Vec<&TextFeatures>, Arc<str>> =
            evidence.texts.iter().map(|text| text.as_deref().map_err(Arc::clone)).collect();
        match texts.and_then(|texts| divergence::score(&compared, &texts, &self.backend)) {
            Ok(mut found) => {
                if evidence.shed {
                    found = Divergence {
                        outcome: Outcome::Partial("overload".into()),
                        semantic: None,
                        cosines: Vec::new(),
                        ..found
                    };
                }
                if !evidence.earlier.is_empty() {
                    found.basis = Basis::History(evidence.earlier.into());
                    // Of the answers that are compared the record holds only the first.
                    found.outlier = found.outlier.filter(|index| *index == 0);
                }
                evidence.divergence = found;
                Ok(())
            }
            Err(why) => {
                evidence.divergence = Divergence::none(Outcome::Failed(Arc::clone(&why)), Arc::clone(&self.backend));
                Err(why)
            }
        }
    }
}
