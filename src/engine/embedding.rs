//! The first engine: how far the samples of one request diverge.
//!
//! Per text, once, in the pool: words and, with a neural backend, a vector (`model`, `tokenize`, `portable`,
//! `onnxruntime`, kept in `cache`). Per record, in Seq order: the scores (`divergence`, `lexical`).

pub mod cache;
pub mod divergence;
pub mod lexical;
pub mod model;
pub mod onnxruntime;
pub mod pool;
pub mod portable;
pub mod select;
pub mod tokenize;

use std::sync::Arc;

use crate::engine::{Engine, Evidence};
use crate::rules::Stage;
use crate::verdict::{Divergence, EngineKind, Outcome};

use lexical::Words;
use model::Vector;

/// All that is derived from one text.
#[derive(Debug)]
pub struct TextFeatures {
    /// Its meaning, with a neural backend.
    pub vector: Option<Vector>,
    /// Its words.
    pub words: Words,
    /// What the vector took, µs; 0 when the text was in the cache.
    pub cost_us: u64,
}

impl TextFeatures {
    /// What is cheap to derive.
    pub fn of_words(text: &str) -> Self {
        Self { vector: None, words: Words::of(text), cost_us: 0 }
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
        let skipped = match (self.mode, evidence.record.samples.len()) {
            (Mode::None, _) => Some("disabled"),
            (_, 0) => Some("no_samples"),
            (_, 1) => Some("one_sample"),
            _ => None,
        };
        if let Some(why) = skipped {
            evidence.divergence = Divergence::none(Outcome::Skipped(why.into()), Arc::clone(&self.backend));
            return Ok(());
        }
        let texts: Result<Vec<&TextFeatures>, Arc<str>> =
            evidence.texts.iter().map(|text| text.as_deref().map_err(Arc::clone)).collect();
        match texts.and_then(|texts| divergence::score(&evidence.record.samples, &texts, &self.backend)) {
            Ok(found) if evidence.shed => {
                let outcome = Outcome::Partial("overload".into());
                evidence.divergence = Divergence { outcome, semantic: None, ..found };
                Ok(())
            }
            Ok(found) => {
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
