//! The fast backend: an installed ONNX Runtime, found at run time. The only file that names `ort`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ndarray::ArrayView2;
use ort::environment::Environment;
use ort::session::Session as OrtSession;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::{DynValue, TensorRef};

use super::model::{Backend, Embedder, Feed, ModelError, ModelFiles, Vector, pool_output};
use super::tokenize::MAX_TOKENS;

/// A library and a model. Each session is built anew: a session is single-threaded and owned by one worker.
pub struct OnnxRuntime {
    files: Arc<ModelFiles>,
    environment: Environment,
    id: String,
}

/// A process holds one ONNX Runtime; asking for another later would silently get the first.
static LIBRARY: OnceLock<Result<(PathBuf, Environment), String>> = OnceLock::new();

/// The version of the loaded library, such as `1.22.0`; `None` before one is loaded. The library tells no more of
/// itself than where it was built from, so this is what its file is called.
pub fn version() -> Option<String> {
    let (path, _) = LIBRARY.get()?.as_ref().ok()?;
    let path = path.canonicalize().ok()?;
    let name = path.file_name()?.to_string_lossy();
    let (_, version) = name.split_once(".so.").or_else(|| name.split_once("onnxruntime."))?;
    let version = version.trim_end_matches(".dylib");
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
}

impl OnnxRuntime {
    /// Loads the library and opens the model once.
    ///
    /// # Errors
    /// A library that can't be loaded, or a model that it can't run.
    pub fn load(library: &Path, files: &Arc<ModelFiles>) -> Result<Self, ModelError> {
        let wrong = |why: String| ModelError::Unreadable { what: "ONNX Runtime", why };
        if !library.is_file() {
            return Err(wrong(format!("{} is not a file", library.display())));
        }
        let loaded = LIBRARY.get_or_init(|| {
            let builder = ort::init_from(library).map_err(|e| e.to_string())?;
            let environment = builder.with_telemetry(false).build().map_err(|e| e.to_string())?;
            Ok((library.to_owned(), environment))
        });
        let environment = match loaded {
            Ok((path, environment)) if path == library => environment.clone(),
            Ok((path, _)) => return Err(wrong(format!("{} is loaded already", path.display()))),
            Err(why) => return Err(wrong(format!("{}: {why}", library.display()))),
        };
        let backend = Self { files: Arc::clone(files), environment, id: files.id() };
        backend.open()?;
        Ok(backend)
    }

    fn open(&self) -> Result<Session, ModelError> {
        let wrong = |e: ort::Error| ModelError::Unreadable { what: "model.onnx", why: e.to_string() };
        let build = || -> ort::Result<OrtSession> {
            OrtSession::builder(&self.environment)?
                .with_optimization_level(GraphOptimizationLevel::All)?
                .with_intra_threads(1)?
                .with_inter_threads(1)?
                .with_intra_op_spinning(false)?
                .commit_from_memory(&self.files.onnx)
        };
        let session = build().map_err(wrong)?;
        Ok(Session { session, files: Arc::clone(&self.files), feed: Feed::new(MAX_TOKENS) })
    }
}

impl Backend for OnnxRuntime {
    fn name(&self) -> &'static str {
        "onnxruntime"
    }

    fn model_id(&self) -> &str {
        &self.id
    }

    fn session(&self) -> Result<Box<dyn Embedder>, ModelError> {
        Ok(Box::new(self.open()?))
    }
}

struct Session {
    session: OrtSession,
    files: Arc<ModelFiles>,
    feed: Feed<i64>,
}

impl Embedder for Session {
    fn embed(&mut self, ids: &[u32]) -> Result<Vector, ModelError> {
        let wrong = |e: ort::Error| ModelError::Run(e.to_string());
        self.feed.set(ids, i64::from);
        let interface = &self.files.interface;
        let mut inputs = Vec::with_capacity(interface.inputs.len());
        for name in &interface.inputs {
            let values = self.feed.input(name);
            let view = ArrayView2::from_shape((1, ids.len()), values).map_err(|e| ModelError::Run(e.to_string()))?;
            let tensor = TensorRef::from_array_view(view).map_err(wrong)?;
            inputs.push((*name, tensor));
        }
        let outputs = self.session.run(inputs).map_err(wrong)?;
        let output: &DynValue = outputs
            .get(interface.output.as_str())
            .ok_or_else(|| ModelError::Run(format!("it gave no `{}`", interface.output)))?;
        let (shape, values) = output.try_extract_tensor::<f32>().map_err(wrong)?;
        let shape: Vec<usize> = shape.iter().map(|d| usize::try_from(*d).unwrap_or(0)).collect();
        pool_output(&shape, values, interface.pooling)
    }
}
