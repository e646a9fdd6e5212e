//! Attributes of OTLP: lists of keys and typed values, turned into JSON values that can be asked like any other.

use std::borrow::Cow;

use crate::record::draft::Entry;
use crate::record::json::Json;

/// Nesting of a value that is looked into.
const DEPTH: usize = 24;

/// Attributes of a resource that are looked at.
const MOST: usize = 1_100;

/// Attributes that hold the texts which are the samples or the prompt, or what nobody asks for: left out of the leaves.
const TEXTS: [&str; 14] = [
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.definitions",
    "gen_ai.prompt",
    "gen_ai.completion",
    "llm.input_messages",
    "llm.output_messages",
    "llm.prompts",
    "llm.tools",
    "llm.invocation_parameters",
    "input.value",
    "output.value",
    "embedding.embeddings",
];

/// The attributes of a span, a log record or a resource.
pub struct Attributes<'j>(Vec<(&'j str, Json<'j>)>);

impl<'j> Attributes<'j> {
    /// Those of `json`, by its key `attributes`.
    pub fn of(json: Option<&'j Json<'_>>) -> Self {
        let list = json.and_then(|json| json.get("attributes")).map(Json::items).unwrap_or_default();
        Self(
            list.iter()
                .filter_map(|attribute| Some((attribute.get("key")?.text()?, any(attribute.get("value")?, 0))))
                .collect(),
        )
    }

    /// Those of a resource, which all that it has made bears: so many that a record is full of them, and no more.
    pub fn of_resource(resource: &'j Json<'_>) -> Self {
        let mut attributes = Self::of(resource.get("resource"));
        attributes.0.truncate(MOST);
        attributes
    }

    /// The value of one.
    pub fn get(&self, key: &str) -> Option<&Json<'j>> {
        self.0.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// The first of several that is a text.
    pub fn text(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| self.get(key)?.text()).filter(|text| !text.is_empty())
    }

    /// The first of several that is a number.
    pub fn number(&self, keys: &[&str]) -> Option<f64> {
        keys.iter().find_map(|key| self.get(key)?.lenient_number())
    }

    /// Whether any begins so.
    pub fn any_below(&self, prefix: &str) -> bool {
        self.0.iter().any(|(name, _)| name.starts_with(prefix))
    }

    /// Those that begin so: the rest of their names, and the values.
    pub fn below<'s>(&'s self, prefix: &'s str) -> impl Iterator<Item = (&'j str, &'s Json<'j>)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value)))
    }

    /// Puts all that are numbers or labels under their own names.
    pub fn leaves(&self, entry: &mut Entry<'_>) {
        let is_text = |name: &str| {
            TEXTS
                .iter()
                .any(|text| name.strip_prefix(text).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
        };
        for (name, value) in self.0.iter().filter(|(name, _)| !is_text(name)) {
            let path: Vec<&str> = name.split('.').collect();
            entry.leaves(&path, value, &[]);
        }
    }
}

/// A typed value as the JSON value that it stands for.
pub fn any<'j>(json: &'j Json<'_>, depth: usize) -> Json<'j> {
    let Some((kind, value)) = json.entries().first().filter(|_| depth < DEPTH) else { return Json::Null };
    match (&**kind, value) {
        ("stringValue" | "string_value" | "bytesValue" | "bytes_value", Json::Text(text)) => {
            Json::Text(Cow::Borrowed(text))
        }
        ("boolValue" | "bool_value", Json::Bool(value)) => Json::Bool(*value),
        ("intValue" | "int_value", value) => match value {
            Json::Whole(value) => Json::Whole(*value),
            Json::Text(text) => text.trim().parse().map_or(Json::Null, Json::Whole),
            other => other.number().map_or(Json::Null, Json::Number),
        },
        // What is not finite stands there as a text, and is no number here.
        ("doubleValue" | "double_value", value) => value.lenient_number().map_or(Json::Null, Json::Number),
        ("arrayValue" | "array_value", list) => {
            let items = list.get("values").map(Json::items).unwrap_or_default();
            Json::List(items.iter().map(|item| any(item, depth + 1)).collect())
        }
        ("kvlistValue" | "kvlist_value", list) => {
            let items = list.get("values").map(Json::items).unwrap_or_default();
            let pair = |item: &'j Json<'_>| {
                Some((Cow::Borrowed(item.get("key")?.text()?), any(item.get("value")?, depth + 1)))
            };
            Json::Object(items.iter().filter_map(pair).collect())
        }
        _ => Json::Null,
    }
}
