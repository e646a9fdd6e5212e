//! The functions: what they take, and what they yield.

use super::Type;

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Function {
    Has,
    Size,
    Abs,
    Min,
    Max,
    Round,
    Lower,
    Contains,
    StartsWith,
    EndsWith,
    Matches,
    All,
    Exists,
    Duration,
}

use Function::*;

/// Names, and how each is called.
const ALL: [(&str, Function, &str); 14] = [
    ("has", Has, "has(metrics.pressure)"),
    ("size", Size, "size(model) or size(samples)"),
    ("abs", Abs, "abs(x)"),
    ("min", Min, "min(x, y)"),
    ("max", Max, "max(x, y)"),
    ("round", Round, "round(x)"),
    ("lower", Lower, "lower(model)"),
    ("contains", Contains, "contains(model, \"mini\")"),
    ("startsWith", StartsWith, "startsWith(model, \"gpt-\")"),
    ("endsWith", EndsWith, "endsWith(model, \"-mini\")"),
    ("matches", Matches, "matches(model, r'^gpt-\\d')"),
    ("all", Function::All, "samples.all(s, size(s) > 0)"),
    ("exists", Exists, "samples.exists(s, size(s) == 0)"),
    ("duration", Duration, "duration(\"2s\")"),
];

/// Names of other languages, and what they are here.
const HABITS: [(&str, &str); 12] = [
    ("len", "size"),
    ("length", "size"),
    ("count", "size"),
    ("tolower", "lower"),
    ("lowercase", "lower"),
    ("lowerascii", "lower"),
    ("starts_with", "startsWith"),
    ("ends_with", "endsWith"),
    ("any", "exists"),
    ("match", "matches"),
    ("exist", "has"),
    ("defined", "has"),
];

impl Function {
    /// The function of this name.
    pub fn named(name: &str) -> Option<Self> {
        ALL.iter().find(|(known, ..)| *known == name).map(|(_, function, _)| *function)
    }

    /// All names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ALL.iter().map(|(name, ..)| *name)
    }

    /// What somebody who wrote `name` may have meant.
    pub fn near(name: &str) -> String {
        let lower = name.to_lowercase();
        let habit =
            HABITS.iter().find(|(habit, _)| *habit == lower).map(|(_, known)| format!("did you mean `{known}`?"));
        habit
            .or_else(|| crate::yaml::did_you_mean(name, Self::names()))
            .unwrap_or_else(|| format!("known here: {}", Self::names().collect::<Vec<_>>().join(", ")))
    }

    /// How it is called.
    pub fn usage(self) -> &'static str {
        ALL.iter().find(|(_, function, _)| *function == self).map_or("", |(_, _, usage)| usage)
    }

    /// What it yields.
    pub fn yields(self) -> Type {
        match self {
            Size | Abs | Min | Max | Round | Duration => Type::Number,
            Lower => Type::Text,
            Has | Contains | StartsWith | EndsWith | Matches | Function::All | Exists => Type::Bool,
        }
    }

    /// Whether it can take so many arguments.
    pub fn takes(self, arguments: usize) -> bool {
        match self {
            Has | Size | Abs | Round | Lower | Duration => arguments == 1,
            Min | Max => arguments >= 1,
            Contains | StartsWith | EndsWith | Matches => arguments == 2,
            Function::All | Exists => arguments == 3,
        }
    }
}
