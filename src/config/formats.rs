//! How lines are read, and which of them make one record: `format`, `map`, `group` and `stream`.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use super::{set, span};
use crate::record::Names;
use crate::record::format::Format;
use crate::record::join::Group;
use crate::record::reader::Options;
use crate::yaml::Node;

/// The words of `format`; `None` is `auto`.
pub const WORDS: [(&str, Option<Format>); 7] = [
    ("auto", None),
    ("native", Some(Format::Native)),
    ("generic", Some(Format::Generic)),
    ("openai", Some(Format::Openai)),
    ("otel", Some(Format::Otel)),
    ("langfuse", Some(Format::Langfuse)),
    ("verdict", Some(Format::Verdict)),
];

/// How records with one answer each are joined, whether or not they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Grouping {
    /// A label, a number, or `prompt`.
    pub by: Option<String>,
    /// A group is closed with so many answers.
    pub count: usize,
    /// Or so long after its last one.
    pub gap: Duration,
}

/// What a configuration says of formats.
#[derive(Debug, Clone, PartialEq)]
pub struct Formats {
    /// Format and mapping.
    pub options: Options,
    /// The mapping as it was written.
    pub map: String,
    /// What is joined.
    pub group: Grouping,
}

impl Default for Formats {
    fn default() -> Self {
        let group = Grouping { by: None, count: 16, gap: Duration::from_secs(30) };
        Self { options: Options::default(), map: String::new(), group }
    }
}

impl Formats {
    /// What a reader needs.
    pub fn options(&self) -> Options {
        let mut options = self.options.clone();
        options.join.group = self.group.by.as_ref().map(|by| Group {
            by: Names::canonical(by),
            count: self.group.count.max(2),
            gap: SignedDuration::try_from(self.group.gap).unwrap_or(SignedDuration::MAX),
        });
        options
    }

    /// Fields of a log of any shape.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn set_map(&mut self, text: &str) -> Result<(), String> {
        self.options.mapping = Some(Arc::new(text.parse()?));
        // Fields that stand somewhere else are of no known format.
        self.options.format = self.options.format.or(Some(Format::Generic));
        self.map = text.to_owned();
        Ok(())
    }

    pub(super) fn read(&mut self, root: &Node<'_>) {
        set(&mut self.options.format, root.get("format").and_then(|n| n.word(&WORDS)));
        let entries = root.get("map").map(|n| n.entries()).unwrap_or_default();
        let fields: Vec<String> =
            entries.iter().filter_map(|(field, path)| Some(format!("{field}={}", path.string()?))).collect();
        if let (false, Some(node)) = (fields.is_empty(), root.get("map"))
            && let Err(why) = self.set_map(&fields.join(","))
        {
            node.fault(why, None);
        }
        if let Some(group) = root.get("group") {
            group.only(&["by", "count", "gap"]);
            if let Some(by) = group.get("by") {
                self.group.by = by.string().map(str::to_owned);
            }
            set(&mut self.group.count, group.get("count").and_then(|n| n.whole(2..=64)).map(|n| n as usize));
            set(&mut self.group.gap, group.get("gap").and_then(|n| span(&n)));
        }
        if let Some(stream) = root.get("stream") {
            stream.only(&["gap"]);
            let gap = stream.get("gap").and_then(|n| span(&n));
            set(&mut self.options.join.gap, gap.and_then(|gap| SignedDuration::try_from(gap).ok()));
        }
    }

    pub(super) fn to_yaml(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let format = WORDS.iter().find(|(_, format)| *format == self.options.format).map_or("auto", |(word, _)| word);
        let map: Vec<String> = crate::record::mapping::split(&self.map)
            .into_iter()
            .filter_map(|field| field.split_once('='))
            .map(|(field, path)| format!("{}: {}", quoted(field.trim()), quoted(path.trim())))
            .collect();
        format!(
            "format: {format}\nmap: {{{}}}\ngroup:\n  by: {}\n  count: {}\n  gap: {}ms\nstream:\n  gap: {}ms\n",
            map.join(", "),
            self.group.by.as_deref().map_or("null".to_owned(), quoted),
            self.group.count,
            self.group.gap.as_millis(),
            self.options.join.gap.as_millis(),
        )
    }
}
