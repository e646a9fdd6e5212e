//! What a model is: files, a backend that runs them, and sessions that turn tokens into vectors.

use std::borrow::Cow;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::interface::{INPUTS, Interface, Pooling};

/// A text's meaning: L2-normalised, 384 dimensions for MiniLM.
pub type Vector = Box<[f32]>;

/// What can go wrong with a model.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A file is not there, is empty or can't be parsed.
    #[error("{what}: {why}")]
    Unreadable {
        /// The file.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The graph asks for inputs or gives outputs that are not those of a sentence model.
    #[error("not a sentence model: {0}")]
    Shape(String),
    /// One run failed.
    #[error("inference failed: {0}")]
    Run(String),
    /// Loading it panicked: the log says where.
    #[error("it panicked while it was loaded (see the log)")]
    Panicked,
}

/// A model's files in memory.
#[derive(Debug, Clone)]
pub struct ModelFiles {
    /// Where they come from, for the screen and the log.
    pub name: String,
    /// `model.onnx`
    pub onnx: Cow<'static, [u8]>,
    /// `tokenizer.json`
    pub tokenizer: Cow<'static, [u8]>,
    /// What the model asks for and gives.
    pub interface: Interface,
}

/// Where a model lies in its folder, in the Hugging Face layout.
const PLACES: [&str; 4] = ["onnx/model.onnx", "model.onnx", "onnx/model_quantized.onnx", "model_quantized.onnx"];

impl ModelFiles {
    /// The model that is compiled in; `None` without the feature `embedded-model`.
    pub fn embedded() -> Option<Self> {
        #[cfg(feature = "embedded-model")]
        return Some(Self {
            name: "MiniLM int8".into(),
            onnx: include_bytes!("../../../sample-data/models/all-MiniLM-L6-v2-int8/model.onnx").as_slice().into(),
            tokenizer: include_bytes!("../../../sample-data/models/all-MiniLM-L6-v2-int8/tokenizer.json")
                .as_slice()
                .into(),
            interface: Interface::of_minilm(),
        });
        #[cfg(not(feature = "embedded-model"))]
        None
    }

    /// A folder with a model and its `tokenizer.json`, in the Hugging Face layout.
    ///
    /// # Errors
    /// The file that is missing, unreadable or empty; a model that is no sentence model.
    pub fn from_dir(dir: &Path) -> Result<Self, ModelError> {
        let read = |what: &'static str, path: &Path| {
            let wrong = |why: String| ModelError::Unreadable { what, why: format!("{}: {why}", path.display()) };
            let bytes = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
            if bytes.is_empty() { Err(wrong("the file is empty".into())) } else { Ok(Cow::Owned(bytes)) }
        };
        let found = PLACES.iter().map(|place| dir.join(place)).find(|path| path.exists());
        let onnx = read("model.onnx", &found.unwrap_or_else(|| dir.join("model.onnx")))?;
        let name = dir.file_name().map_or_else(|| dir.display().to_string(), |n| n.to_string_lossy().into_owned());
        let tokenizer = read("tokenizer.json", &dir.join("tokenizer.json"))?;
        let interface = Interface::read(&onnx)?.with_folder(dir)?;
        Ok(Self { name, onnx, tokenizer, interface })
    }
}

impl ModelFiles {
    /// What tells models apart whatever they are called: the beginning of the SHA-256 of all that makes a vector.
    pub fn id(&self) -> String {
        let mut hash = Sha256::new();
        for part in [&*self.onnx, &*self.tokenizer, format!("{:?}", self.interface).as_bytes()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let hash = hash.finalize();
        hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A loaded model that can be run in several sessions at once.
pub trait Backend: Send + Sync {
    /// The contract's word: `portable`, `onnxruntime`.
    fn name(&self) -> &'static str;

    /// Which model it runs, as [`ModelFiles::id`] tells them apart.
    fn model_id(&self) -> &str {
        ""
    }

    /// A session for one worker.
    ///
    /// # Errors
    /// When the backend has no room for another.
    fn session(&self) -> Result<Box<dyn Embedder>, ModelError>;
}

/// Runs a model, one text at a time, on one thread.
///
/// One text, one run: an int8 model quantises activations over the whole tensor, so in a batch a text's vector would
/// depend on its neighbours. Alone and without padding it is a pure function of the text.
pub trait Embedder: Send {
    /// The vector of a text given as framed token ids, L2-normalised.
    ///
    /// # Errors
    /// When the run fails or its output is not a vector.
    fn embed(&mut self, ids: &[u32]) -> Result<Vector, ModelError>;
}

/// What is fed to a model, kept from run to run: a session makes no new tensors.
#[derive(Debug)]
pub struct Feed<T> {
    ids: Vec<T>,
    ones: Vec<T>,
    zeros: Vec<T>,
}

impl<T: Copy + From<u8>> Feed<T> {
    /// Room for texts of `tokens` tokens.
    pub fn new(tokens: usize) -> Self {
        let (zero, one) = (T::from(0), T::from(1));
        Self { ids: Vec::with_capacity(tokens), ones: vec![one; tokens], zeros: vec![zero; tokens] }
    }

    /// Takes the next text's ids.
    pub fn set(&mut self, ids: &[u32], number: impl Fn(u32) -> T) {
        self.ids.clear();
        self.ids.extend(ids.iter().map(|id| number(*id)));
        let tokens = self.ones.len().max(ids.len());
        self.ones.resize(tokens, T::from(1));
        self.zeros.resize(tokens, T::from(0));
    }

    /// For each token of the text what goes to the input called `name`: its id, 1 (nothing is padded), or type 0.
    pub fn input(&self, name: &str) -> &[T] {
        let values = match INPUTS.iter().position(|known| *known == name) {
            Some(0) => &self.ids,
            Some(1) => &self.ones,
            _ => &self.zeros,
        };
        &values[..self.ids.len()]
    }
}

/// Makes a vector of a model's output: `[1, dim]` as it is, `[1, tokens, dim]` pooled over the tokens; normalised.
///
/// # Errors
/// An output of another shape, or one without a direction.
pub fn pool_output(shape: &[usize], values: &[f32], pooling: Pooling) -> Result<Vector, ModelError> {
    let mut vector: Vec<f32> = match shape {
        [1, dim] if *dim == values.len() => values.to_vec(),
        [1, tokens, dim] if *tokens > 0 && tokens * dim == values.len() && pooling == Pooling::First => {
            values[..*dim].to_vec()
        }
        [1, tokens, dim] if *tokens > 0 && tokens * dim == values.len() => {
            let mut sum = vec![0f32; *dim];
            for row in values.chunks_exact(*dim) {
                sum.iter_mut().zip(row).for_each(|(s, v)| *s += v);
            }
            sum.iter().map(|s| s / *tokens as f32).collect()
        }
        _ => {
            return Err(ModelError::Shape(format!(
                "its output has the shape {shape:?}, not [1, dim] or [1, tokens, dim]"
            )));
        }
    };
    let norm = vector.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt();
    if !norm.is_finite() || norm == 0.0 {
        return Err(ModelError::Run("the vector has no direction".into()));
    }
    vector.iter_mut().for_each(|v| *v = (f64::from(*v) / norm) as f32);
    Ok(vector.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_of_both_layouts() {
        let mean = |shape: &[usize], values: &[f32]| pool_output(shape, values, Pooling::Mean);
        assert_eq!(&*mean(&[1, 2], &[3.0, 4.0]).unwrap(), [0.6, 0.8]);
        assert_eq!(&*mean(&[1, 2, 2], &[3.0, 0.0, 3.0, 8.0]).unwrap(), [0.6, 0.8]);
        assert_eq!(&*pool_output(&[1, 2, 2], &[0.0, 2.0, 3.0, 8.0], Pooling::First).unwrap(), [0.0, 1.0]);
        assert!(mean(&[2, 2], &[0.0; 4]).is_err());
        assert!(mean(&[1, 2], &[0.0; 2]).is_err());
        assert!(mean(&[1, 2], &[f32::NAN, 1.0]).is_err());
    }

    #[test]
    fn a_folder_names_the_file_that_is_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let error = ModelFiles::from_dir(dir.path()).unwrap_err().to_string();
        assert!(error.contains("model.onnx"), "{error}");
        std::fs::write(dir.path().join("model.onnx"), b"").unwrap();
        assert!(ModelFiles::from_dir(dir.path()).unwrap_err().to_string().contains("empty"));
    }
}
