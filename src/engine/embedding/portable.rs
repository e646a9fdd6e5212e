//! The embedded backend: `rten`, pure Rust, nothing to install. The only file that names it.

use std::borrow::Cow;
use std::sync::Arc;

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, ValueOrView};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use super::model::{Backend, Embedder, INPUTS, ModelError, ModelFiles, Vector, feed, pool_output};

/// A loaded model. Its weights are shared by all sessions.
pub struct Portable {
    model: Arc<Model>,
    inputs: Vec<(NodeId, &'static str)>,
    output: NodeId,
    id: String,
}

impl Portable {
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
            match INPUTS.iter().find(|known| **known == name) {
                Some(known) => inputs.push((*id, *known)),
                None => return Err(ModelError::Shape(format!("it asks for the input `{name}`"))),
            }
        }
        let output = *model.output_ids().first().ok_or_else(|| ModelError::Shape("it has no output".into()))?;
        Ok(Self { model: Arc::new(model), inputs, output, id: files.id() })
    }
}

impl Backend for Portable {
    fn name(&self) -> &'static str {
        "portable"
    }

    fn model_id(&self) -> &str {
        &self.id
    }

    fn session(&self) -> Result<Box<dyn Embedder>, ModelError> {
        Ok(Box::new(Session {
            model: Arc::clone(&self.model),
            inputs: self.inputs.clone(),
            output: self.output,
            threads: Arc::new(ThreadPool::with_num_threads(1)),
        }))
    }
}

struct Session {
    model: Arc<Model>,
    inputs: Vec<(NodeId, &'static str)>,
    output: NodeId,
    threads: Arc<ThreadPool>,
}

impl Embedder for Session {
    fn embed(&mut self, ids: &[u32]) -> Result<Vector, ModelError> {
        let mut inputs: Vec<(NodeId, ValueOrView)> = Vec::with_capacity(self.inputs.len());
        for (node, name) in &self.inputs {
            let values = feed(name, ids).unwrap_or_default();
            // rten holds all integers as 32 bits; ids of a vocabulary fit.
            let values: Vec<i32> = values.into_iter().map(|v| v as i32).collect();
            inputs.push((*node, NdTensor::from_data([1, ids.len()], values).into()));
        }
        let mut options = RunOptions::default();
        options.thread_pool = Some(Arc::clone(&self.threads));
        let mut outputs =
            self.model.run(inputs, &[self.output], Some(options)).map_err(|e| ModelError::Run(e.to_string()))?;
        let output = outputs.pop().ok_or_else(|| ModelError::Run("no output".into()))?;
        let tensor =
            output.into_tensor::<f32>().ok_or_else(|| ModelError::Shape("its output is not float32".into()))?;
        let shape = tensor.shape().to_vec();
        match tensor.data() {
            Some(values) => pool_output(&shape, values),
            None => pool_output(&shape, &tensor.to_vec()),
        }
    }
}
