//! What the workers compute with, what takes over when it dies, and what is said of that.

use std::fmt;
use std::sync::Arc;

use crate::engine::embedding::Mode;
use crate::engine::embedding::model::Backend;
use crate::engine::embedding::tokenize::TextTokenizer;

/// How many backends have been replaced: features of one generation belong together.
pub type Generation = u32;

/// A backend and its generation.
pub type InUse = (Arc<Ready>, Generation);

/// Loads the backend that comes next, and the label of it.
pub type Fallback = Arc<dyn Fn() -> (Ready, String) + Send + Sync>;

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").field("mode", &self.mode).field("name", &self.name).finish_non_exhaustive()
    }
}

/// A backend that can be worked with.
#[derive(Clone)]
pub struct Ready {
    /// What is computed.
    pub mode: Mode,
    /// The contract's word for it.
    pub name: Arc<str>,
    /// Model and tokenizer; `None` when words are enough.
    pub model: Option<(Arc<dyn Backend>, Arc<TextTokenizer>)>,
    /// What takes over when it dies.
    pub fallback: Option<Fallback>,
}

/// What those who run the workers should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A text failed, and why.
    Failed(&'a str),
    /// A backend died, and why, and the label of the one that took over.
    Replaced {
        /// Why.
        why: &'a str,
        /// The label.
        label: &'a str,
    },
}

impl Ready {
    /// No model: words alone, or nothing at all.
    pub fn without_model(mode: Mode) -> Self {
        let name = if mode == Mode::None { "none" } else { "lexical" };
        Self { mode, name: name.into(), model: None, fallback: None }
    }

    /// What makes two scores comparable: the backend and its model.
    pub fn scores(&self) -> String {
        let model = self.model.as_ref().map_or("", |(backend, _)| backend.model_id());
        format!("{} {model}", self.name).trim_end().to_owned()
    }
}
