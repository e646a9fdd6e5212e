//! The input formats, and what tells them apart.

use serde::{Deserialize, Serialize};

use super::draft::Pieces;
use super::json::Json;
use super::mapping::Mapping;
use super::{generic, langfuse, mapping, openai, otel};

/// An input format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The contract's own records.
    Native,
    /// Objects with fields of the usual names, or of those that `--map` tells.
    Generic,
    /// OpenAI chat completions.
    Openai,
    /// OpenTelemetry.
    Otel,
    /// Langfuse observations.
    Langfuse,
    /// Verdicts of another instance.
    Verdict,
}

impl Format {
    /// The contract's words.
    pub const WORDS: [(&str, Self); 6] = [
        ("native", Self::Native),
        ("generic", Self::Generic),
        ("openai", Self::Openai),
        ("otel", Self::Otel),
        ("langfuse", Self::Langfuse),
        ("verdict", Self::Verdict),
    ];

    /// The contract's word.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, format)| *format == self).map_or("native", |(word, _)| word)
    }

    /// What it is called by people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Native => "native records",
            Self::Generic => "generic JSON",
            Self::Openai => "OpenAI chat completions",
            Self::Otel => "OpenTelemetry (OTLP)",
            Self::Langfuse => "Langfuse observations",
            Self::Verdict => "verdicts of watcher",
        }
    }
}

/// The format that a value can be nothing else of, and what shows it.
pub fn signature(json: &Json<'_>) -> Option<(Format, &'static str)> {
    let list = |key: &str| matches!(json.get(key), Some(Json::List(_)));
    let object = |key: &str| json.get(key).is_some_and(Json::is_object);
    if list("samples") {
        return Some((Format::Native, "`samples`"));
    }
    if json.get("v").is_some() && json.get("seq").is_some() && object("confidence") && object("divergence") {
        return Some((Format::Verdict, "`seq`, `confidence` and `divergence` of a verdict"));
    }
    if json.get("v").is_some() && object("summary") && json.entries().len() == 2 {
        return Some((Format::Verdict, "`summary` of an output of verdicts"));
    }
    let foreign = otel::signature(json).map(|why| (Format::Otel, why));
    let foreign = foreign.or_else(|| langfuse::signature(json).map(|why| (Format::Langfuse, why)));
    let foreign = foreign.or_else(|| openai::signature(json).map(|why| (Format::Openai, why)));
    let native = [("physics", "`physics`"), ("financial", "`financial`"), ("metrics", "`metrics`")];
    let own = || native.iter().find(|(key, _)| object(key)).map(|(_, why)| (Format::Native, *why));
    foreign.or_else(own)
}

/// Reads a value of a format that is neither native nor verdicts.
pub fn read(format: Format, json: &Json<'_>, map: Option<&Mapping>, into: &mut Pieces<'_>) {
    match (format, map) {
        (Format::Openai, _) => openai::read(json, into),
        (Format::Otel, _) => otel::read(json, into),
        (Format::Langfuse, _) => langfuse::read(json, into),
        (_, Some(map)) => mapping::read(json, map, into),
        (_, None) => generic::read(json, into),
    }
}
