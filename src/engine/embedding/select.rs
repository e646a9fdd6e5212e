//! Which backend runs: the one that was asked for, or the next that can, and what is said about it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use super::Mode;
use super::model::{Backend, ModelError, ModelFiles};
use super::onnxruntime::OnnxRuntime;
use super::pool::{Fallback, Ready, TRIAL};
use super::portable::Portable;
use super::tokenize::TextTokenizer;

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// ONNX Runtime if a library was chosen, else the embedded backend.
    Auto,
    /// ONNX Runtime.
    OnnxRuntime,
    /// The embedded backend.
    Portable,
    /// Words alone.
    Lexical,
    /// Nothing.
    None,
}

impl Choice {
    /// The contract's words.
    pub const WORDS: [(&str, Self); 5] = [
        ("auto", Self::Auto),
        ("onnxruntime", Self::OnnxRuntime),
        ("portable", Self::Portable),
        ("lexical", Self::Lexical),
        ("none", Self::None),
    ];

    /// Whether no model has to be loaded.
    pub fn is_cheap(self) -> bool {
        matches!(self, Self::Lexical | Self::None)
    }
}

/// What to run and where it lies.
#[derive(Debug, Clone)]
pub struct Options {
    /// The backend.
    pub backend: Choice,
    /// ONNX Runtime's library, if one was chosen.
    pub onnxruntime: Option<PathBuf>,
    /// A model's folder, if not the embedded model.
    pub model: Option<PathBuf>,
}

/// A backend, and how it came to be this one.
pub struct Selected {
    /// For the pool.
    pub ready: Ready,
    /// What the header shows: `MiniLM int8 · portable`.
    pub label: String,
    /// Why it is not the one that was asked for; one line for each that failed.
    pub warnings: Vec<String>,
}

/// Loads the first backend that works. Takes as long as the model takes to load; never fails, since words always work.
pub fn select(options: &Options) -> Selected {
    let mut warnings = Vec::new();
    if !options.backend.is_cheap() {
        let loaded = catch_unwind(AssertUnwindSafe(|| load(options, &mut warnings)));
        match loaded.unwrap_or_else(|_| Err(ModelError::Panicked)) {
            Ok(selected) => return Selected { warnings, ..selected },
            Err(why) => warnings.push(format!("no model runs, comparing words instead: {why}")),
        }
    }
    let mode = if options.backend == Choice::None { Mode::None } else { Mode::Lexical };
    let label = if mode == Mode::None { "divergence off" } else { "words only · lexical" };
    Selected { ready: Ready::without_model(mode), label: label.into(), warnings }
}

fn load(options: &Options, warnings: &mut Vec<String>) -> Result<Selected, ModelError> {
    let files = match &options.model {
        Some(dir) => ModelFiles::from_dir(dir)?,
        None => ModelFiles::embedded().ok_or_else(|| ModelError::Unreadable {
            what: "model",
            why: "this build carries none; name one with --model DIR".into(),
        })?,
    };
    let files = Arc::new(files);
    let tokenizer = Arc::new(TextTokenizer::with_length(&files.tokenizer, files.interface.tokens)?);
    let trial = tokenizer.ids(TRIAL)?;
    let backend = backend(options, &files, &trial, warnings)?;
    let label = format!("{} · {}", files.name, backend.name());
    let fallback = fallback(options, backend.name());
    let model = Some((Arc::clone(&backend), tokenizer));
    let ready = Ready { mode: Mode::Neural, name: backend.name().into(), model, fallback: Some(fallback) };
    Ok(Selected { ready, label, warnings: Vec::new() })
}

/// What takes over from the backend `name`: the embedded one from ONNX Runtime, words alone from that.
fn fallback(options: &Options, name: &str) -> Fallback {
    let next = if name == Portable::NAME { Choice::Lexical } else { Choice::Portable };
    let options = Options { backend: next, ..options.clone() };
    Arc::new(move || {
        let Selected { ready, label, .. } = select(&options);
        (ready, label)
    })
}

fn backend(
    options: &Options,
    files: &Arc<ModelFiles>,
    trial: &[u32],
    warnings: &mut Vec<String>,
) -> Result<Arc<dyn Backend>, ModelError> {
    // One text through the whole way: a model that loads and can't run is found here and not on the first record.
    let tried = |backend: Arc<dyn Backend>| backend.session()?.embed(trial).map(|_| backend);
    if options.backend != Choice::Portable {
        match &options.onnxruntime {
            Some(library) => match OnnxRuntime::load(library, files).and_then(|backend| tried(Arc::new(backend))) {
                Ok(backend) => return Ok(backend),
                Err(why) => warnings.push(format!("ONNX Runtime does not run, using the embedded backend: {why}")),
            },
            None if options.backend == Choice::OnnxRuntime => warnings.push(
                "no ONNX Runtime was chosen, using the embedded backend: name its library with --onnxruntime PATH or ORT_DYLIB_PATH"
                    .into(),
            ),
            None => {}
        }
    }
    tried(Arc::new(Portable::load(files)?))
}
