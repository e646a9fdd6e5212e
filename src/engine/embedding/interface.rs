//! What a model asks for and gives: read from the ONNX file before anything runs it, so that a model that is no sentence
//! model is refused with its inputs, outputs and opset named.

use std::collections::BTreeMap;
use std::path::Path;

use rten_onnx::onnx::{DataLocation, DataType, ModelProto, ValueInfoProto};
use serde::Deserialize;

use super::model::ModelError;
use super::tokenize::MAX_TOKENS;

/// Names of the inputs that a sentence model may ask for: ids, mask, types.
pub const INPUTS: [&str; 3] = ["input_ids", "attention_mask", "token_type_ids"];

/// Names of outputs, the best first: a vector of the text, or one of each token.
const OUTPUTS: [&str; 5] = ["sentence_embedding", "embedding", "embeddings", "last_hidden_state", "token_embeddings"];

/// How the vectors of the tokens become one of the text, where the model does not do that itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pooling {
    /// Their mean.
    #[default]
    Mean,
    /// That of the first token.
    First,
}

/// What a model asks for and gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// The inputs, of [`INPUTS`].
    pub inputs: Vec<&'static str>,
    /// The output that is read.
    pub output: String,
    /// What to do with one vector per token.
    pub pooling: Pooling,
    /// Tokens of a text that are read, with those that frame it.
    pub tokens: usize,
}

/// `1_Pooling/config.json` of sentence-transformers: a switch for each way, of which several make a longer vector.
type PoolingConfig = BTreeMap<String, serde_json::Value>;

/// `sentence_bert_config.json` of sentence-transformers.
#[derive(Deserialize)]
struct LengthConfig {
    max_seq_length: Option<usize>,
}

impl Interface {
    /// That of the embedded model.
    pub fn of_minilm() -> Self {
        Self { inputs: INPUTS.to_vec(), output: "embedding".into(), pooling: Pooling::Mean, tokens: MAX_TOKENS }
    }

    /// Reads it from an ONNX file.
    ///
    /// # Errors
    /// What is not as a sentence model has it.
    pub fn read(onnx: &[u8]) -> Result<Self, ModelError> {
        let unreadable = |why: String| ModelError::Unreadable { what: "model.onnx", why };
        let model = ModelProto::parse_buf(onnx).map_err(|e| unreadable(format!("it is no ONNX file: {e}")))?;
        let standard = |domain: &Option<String>| domain.as_deref().unwrap_or_default().is_empty();
        let opset = model.opset_import.iter().find(|set| standard(&set.domain)).and_then(|set| set.version);
        let opset = opset.map_or("no opset".to_owned(), |version| format!("opset {version}"));
        let graph = model.graph.ok_or_else(|| unreadable("it holds no graph".into()))?;
        if graph.initializer.iter().any(|tensor| tensor.data_location == Some(DataLocation::EXTERNAL)) {
            return Err(unreadable("its weights lie in another file; export it as one file".into()));
        }
        let given = |name: &str| graph.initializer.iter().any(|tensor| tensor.name.as_deref() == Some(name));
        let asked: Vec<&str> = names(&graph.input).filter(|name| !given(name)).collect();
        let wrong = |why: String| ModelError::Shape(format!("{why} ({opset})"));
        let known = |name: &&str| INPUTS.iter().find(|known| *known == name).copied();
        let inputs = asked.iter().map(|name| {
            let known_ones = INPUTS.join(", ");
            known(name).ok_or_else(|| wrong(format!("it asks for the input `{name}`; known are {known_ones}")))
        });
        let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
        if !inputs.contains(&INPUTS[0]) {
            return Err(wrong(format!("it does not ask for `{}`, but for: {}", INPUTS[0], asked.join(", "))));
        }
        let output = best_output(&graph.output).ok_or_else(|| {
            let outputs: Vec<&str> = names(&graph.output).collect();
            wrong(format!("it gives {}; one of {} is needed", list(&outputs), OUTPUTS.join(", ")))
        })?;
        check_type(output).map_err(wrong)?;
        let output = output.name.clone().unwrap_or_default();
        Ok(Self { inputs, output, pooling: Pooling::Mean, tokens: MAX_TOKENS })
    }

    /// Takes in how sentence-transformers would pool the tokens and how many it would read, where the folder says so.
    ///
    /// # Errors
    /// A file that can't be read, or a way of pooling that is not known.
    pub fn with_folder(mut self, dir: &Path) -> Result<Self, ModelError> {
        if let Some(config) = json::<PoolingConfig>(dir, "1_Pooling/config.json")? {
            let on = |(name, value): &(String, serde_json::Value)| name.starts_with("pooling_mode_") && *value == true;
            let ways: Vec<String> = config.into_iter().filter(on).map(|(name, _)| name).collect();
            self.pooling = match ways.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                ["pooling_mode_mean_tokens"] => Pooling::Mean,
                ["pooling_mode_cls_token"] => Pooling::First,
                _ => {
                    let known = "known are pooling_mode_mean_tokens or pooling_mode_cls_token, alone";
                    let ways = format!("1_Pooling/config.json pools by [{}]; {known}", ways.join(", "));
                    return Err(ModelError::Shape(ways));
                }
            };
        }
        if let Some(most) = json::<LengthConfig>(dir, "sentence_bert_config.json")?.and_then(|c| c.max_seq_length) {
            self.tokens = most.clamp(8, MAX_TOKENS);
        }
        Ok(self)
    }
}

fn json<T: for<'a> Deserialize<'a>>(dir: &Path, name: &'static str) -> Result<Option<T>, ModelError> {
    let wrong =
        |why: String| ModelError::Unreadable { what: name, why: format!("{}: {why}", dir.join(name).display()) };
    let bytes = match std::fs::read(dir.join(name)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(error.to_string())),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| wrong(error.to_string()))
}

fn names(values: &[ValueInfoProto]) -> impl Iterator<Item = &str> {
    values.iter().map(|value| value.name.as_deref().unwrap_or_default())
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "no output".to_owned() } else { format!("the outputs {}", names.join(", ")) }
}

/// The output with the best name; one alone may be called anything.
fn best_output(outputs: &[ValueInfoProto]) -> Option<&ValueInfoProto> {
    let called = |name: &&str| outputs.iter().find(|output| output.name.as_deref() == Some(*name));
    let alone = || if let [output] = outputs { Some(output) } else { None };
    OUTPUTS.iter().find_map(called).or_else(alone)
}

/// An output must be float32, `[texts, dim]` or `[texts, tokens, dim]`, as far as the file says what it is.
fn check_type(output: &ValueInfoProto) -> Result<(), String> {
    let name = output.name.as_deref().unwrap_or_default();
    let Some(tensor) = output.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref()) else { return Ok(()) };
    if let Some(kind) = tensor.elem_type.filter(|kind| *kind != DataType::FLOAT) {
        return Err(format!("its output `{name}` is {kind}, not FLOAT"));
    }
    let Some(shape) = tensor.shape.as_ref().filter(|shape| !matches!(shape.dim.len(), 2 | 3)) else { return Ok(()) };
    let dim = |dim: &rten_onnx::onnx::Dimension| {
        dim.dim_value.map_or_else(|| dim.dim_param.clone().unwrap_or("?".into()), |value| value.to_string())
    };
    let dims: Vec<String> = shape.dim.iter().map(dim).collect();
    Err(format!("its output `{name}` is [{}], not [texts, dim] or [texts, tokens, dim]", dims.join(", ")))
}

#[cfg(test)]
mod tests {
    use rten_onnx::onnx::{Dimension, GraphProto, OperatorSetIdProto, TensorShapeProto, TypeProto, TypeProtoTensor};

    use super::*;

    fn value(name: &str, kind: DataType, dims: &[i64]) -> ValueInfoProto {
        let dim = dims.iter().map(|dim| Dimension { dim_value: Some(*dim), dim_param: None }).collect();
        let tensor = TypeProtoTensor { elem_type: Some(kind), shape: Some(TensorShapeProto { dim }) };
        ValueInfoProto {
            name: Some(name.into()),
            r#type: Some(TypeProto { tensor_type: Some(tensor), sequence: None }),
        }
    }

    fn read(inputs: &[&str], outputs: &[(&str, &[i64])]) -> Result<Interface, String> {
        let graph = GraphProto {
            input: inputs.iter().map(|name| value(name, DataType::INT64, &[1, 8])).collect(),
            output: outputs.iter().map(|(name, dims)| value(name, DataType::FLOAT, dims)).collect(),
            ..GraphProto::default()
        };
        let opset = OperatorSetIdProto { domain: None, version: Some(14) };
        let model = ModelProto { graph: Some(graph), opset_import: vec![opset], ..ModelProto::default() };
        Interface::read(&model.write_buf().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_embedded_model_is_as_it_is_said_to_be() {
        let Some(files) = super::super::model::ModelFiles::embedded() else { return };
        assert_eq!(Interface::read(&files.onnx).unwrap(), Interface::of_minilm());
    }

    #[test]
    fn usual_exports_are_understood() {
        let three: &[i64] = &[1, 8, 4];
        let bert = read(&["input_ids", "attention_mask"], &[("pooler_output", &[1, 4]), ("last_hidden_state", three)]);
        let bert = bert.unwrap();
        assert_eq!((bert.inputs, bert.output.as_str()), (vec!["input_ids", "attention_mask"], "last_hidden_state"));
        let both = read(&INPUTS, &[("token_embeddings", three), ("sentence_embedding", &[1, 4])]).unwrap();
        assert_eq!(both.output, "sentence_embedding");
        assert_eq!(read(&["input_ids"], &[("out", three)]).unwrap().output, "out");
    }

    #[test]
    fn what_is_no_sentence_model_is_refused_by_name() {
        let error = |inputs: &[&str], outputs: &[(&str, &[i64])]| read(inputs, outputs).unwrap_err();
        let known = "known are input_ids, attention_mask, token_type_ids";
        assert_eq!(
            error(&["pixel_values"], &[("x", &[1, 4])]),
            format!("not a sentence model: it asks for the input `pixel_values`; {known} (opset 14)")
        );
        assert!(error(&["attention_mask"], &[("x", &[1, 4])]).contains("does not ask for `input_ids`"));
        assert!(error(&["input_ids"], &[("logits", &[1, 4]), ("scores", &[1])]).contains("the outputs logits, scores"));
        assert!(error(&["input_ids"], &[("embedding", &[1, 2, 3, 4])]).contains("`embedding` is [1, 2, 3, 4]"));
        assert!(Interface::read(b"GIF89a").unwrap_err().to_string().contains("no ONNX file"));
    }

    #[test]
    fn the_folder_says_how_tokens_are_pooled() {
        let dir = tempfile::tempdir().unwrap();
        let with = || Interface::of_minilm().with_folder(dir.path());
        assert_eq!(with().unwrap(), Interface::of_minilm());
        std::fs::create_dir(dir.path().join("1_Pooling")).unwrap();
        let pooling = |text: &str| std::fs::write(dir.path().join("1_Pooling/config.json"), text).unwrap();
        pooling(r#"{"pooling_mode_cls_token": true}"#);
        std::fs::write(dir.path().join("sentence_bert_config.json"), r#"{"max_seq_length": 128}"#).unwrap();
        let found = with().unwrap();
        assert_eq!((found.pooling, found.tokens), (Pooling::First, 128));
        pooling(r#"{"pooling_mode_max_tokens": true}"#);
        assert!(with().unwrap_err().to_string().contains("pools by [pooling_mode_max_tokens]"));
        pooling(r#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true}"#);
        assert!(with().is_err(), "both make a vector of twice the length");
        pooling("{");
        assert!(with().unwrap_err().to_string().contains("1_Pooling/config.json"));
    }
}
