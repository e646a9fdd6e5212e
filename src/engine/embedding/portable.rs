//! The embedded backend: `rten`, pure Rust, nothing to install. The only file that names it.

use std::borrow::Cow;
use std::sync::Arc;

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, ValueOrView};
use rten_tensor::NdTensorView;
use rten_tensor::prelude::*;

use super::interface::Pooling;
use super::model::{Backend, Embedder, Feed, ModelError, ModelFiles, Vector, pool_output};
use super::tokenize::MAX_TOKENS;

/// A loaded model. Its weights are shared by all sessions.
pub struct Portable {
    model: Arc<Model>,
    inputs: Vec<(NodeId, &'static str)>,
    output: NodeId,
    pooling: Pooling,
    id: String,
}

impl Portable {
    /// The contract's word for it.
    pub const NAME: &'static str = "portable";

    /// Loads a model, with its weights packed once for the matrix kernels (three times as fast as packing them anew in each run).
    ///
    /// # Errors
    /// A file that is no ONNX model, or a graph that is no sentence model.
    pub fn load(files: &ModelFiles) -> Result<Self, ModelError> {
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let loaded = match &files.onnx {
            Cow::Borrowed(bytes) => options.load_static_slice(bytes),
            Cow::Owned(bytes) => options.load(bytes.clone()),
        };
        let model = loaded.map_err(|e| ModelError::Unreadable { what: "model.onnx", why: e.to_string() })?;
        let mut inputs = Vec::new();
        for id in model.input_ids() {
            let name = model.node_info(*id).and_then(|info| info.name().map(str::to_owned)).unwrap_or_default();
            inputs.extend(files.interface.inputs.iter().find(|known| **known == name).map(|known| (*id, *known)));
        }
        let output = model.find_node(&files.interface.output);
        let output = output.ok_or_else(|| ModelError::Shape(format!("it gives no `{}`", files.interface.output)))?;
        Ok(Self { model: Arc::new(model), inputs, output, pooling: files.interface.pooling, id: files.id() })
    }
}

impl Backend for Portable {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn model_id(&self) -> &str {
        &self.id
    }

    fn session(&self) -> Result<Box<dyn Embedder>, ModelError> {
        Ok(Box::new(Session {
            model: Arc::clone(&self.model),
            inputs: self.inputs.clone(),
            output: self.output,
            pooling: self.pooling,
            feed: Feed::new(MAX_TOKENS),
            threads: Arc::new(ThreadPool::with_num_threads(1)),
        }))
    }
}

struct Session {
    model: Arc<Model>,
    inputs: Vec<(NodeId, &'static str)>,
    output: NodeId,
    pooling: Pooling,
    /// rten holds all integers as 32 bits; ids of a vocabulary fit.
    feed: Feed<i32>,
    threads: Arc<ThreadPool>,
}

impl Embedder for Session {
    fn embed(&mut self, ids: &[u32]) -> Result<Vector, ModelError> {
        self.feed.set(ids, |id| id as i32);
        let view = |name| NdTensorView::from_data([1, ids.len()], self.feed.input(name));
        let inputs: Vec<(NodeId, ValueOrView)> =
            self.inputs.iter().map(|(node, name)| (*node, view(name).into())).collect();
        let mut options = RunOptions::default();
        options.thread_pool = Some(Arc::clone(&self.threads));
        let mut outputs =
            self.model.run(inputs, &[self.output], Some(options)).map_err(|e| ModelError::Run(e.to_string()))?;
        let output = outputs.pop().ok_or_else(|| ModelError::Run("no output".into()))?;
        let tensor =
            output.into_tensor::<f32>().ok_or_else(|| ModelError::Shape("its output is not float32".into()))?;
        let shape = tensor.shape().to_vec();
        match tensor.data() {
            Some(values) => pool_output(&shape, values, self.pooling),
            None => pool_output(&shape, &tensor.to_vec(), self.pooling),
        }
    }
}
