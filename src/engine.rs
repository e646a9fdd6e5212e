//! The three engines. Each is synchronous and pure: it reads the evidence on one record and adds to it; threads,
//! queues and time belong to the pipeline.

pub mod constraints;
pub mod drift;
pub mod embedding;

use std::sync::Arc;

use jiff::Timestamp;

use crate::record::Record;
use crate::rules::Stage;
use crate::verdict::{Confidence, Divergence, DriftReport, EngineKind, Violation};

use embedding::TextResult;

/// What is known about one record so far.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// The record.
    pub record: &'a Record,
    /// Event time, where any is known.
    pub at: Option<Timestamp>,
    /// What the embedding pool derived from each sample; empty where nothing had to be derived.
    pub texts: &'a [TextResult],
    /// Earlier answers to the same prompt, when the record's one answer is compared with them.
    pub earlier: &'a [Arc<str>],
    /// There was no time for the record: only what is cheap was derived.
    pub shed: bool,
    /// Disagreement of the samples, once the embedding engine has run.
    pub divergence: Divergence,
    /// Breaches so far, each with the index of its field in the record.
    pub violations: Vec<(usize, Violation)>,
    /// Series so far.
    pub drift: Vec<DriftReport>,
    /// Confidence, once it is known.
    pub confidence: Option<Confidence>,
}

impl<'a> Evidence<'a> {
    /// Nothing known beyond the record and its texts.
    pub fn new(record: &'a Record, texts: &'a [TextResult], divergence: Divergence) -> Self {
        Self {
            record,
            at: record.ts,
            texts,
            earlier: &[],
            shed: false,
            divergence,
            violations: Vec::new(),
            drift: Vec::new(),
            confidence: None,
        }
    }
}

/// An engine.
pub trait Engine: Send {
    /// Which of the three it is.
    fn kind(&self) -> EngineKind;

    /// Looks at one record and adds what it finds. Called in Seq order, for `stage` after `stage` where the engine
    /// takes part in several.
    ///
    /// # Errors
    /// Why it could not look. The rest of the judgement goes on without it.
    fn run(&mut self, stage: Stage, evidence: &mut Evidence<'_>) -> Result<(), Arc<str>>;
}
