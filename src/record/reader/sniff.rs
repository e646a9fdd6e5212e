//! What the lines of a source are, found out from the first of them.
//!
//! The first line with the mark of a format decides at once. Without any, the source is looked at for [`LOOK`] lines, to
//! its end, or until nothing more comes for now; then fields with usual names make it generic, and else it is native, in
//! which every JSON object is a record.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::Options;
use super::inner::{begins_json, unwrap};
use crate::record::envelope::{self, Envelope};
use crate::record::format::{self, Format};
use crate::record::generic;
use crate::record::json::Json;
use crate::record::values::Scanner;

/// Lines that are looked at, at most, but for those of a value that has begun.
pub const LOOK: usize = 64;

/// How values stand in the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// One a line.
    Lines,
    /// Over several lines, several on one, or in an array.
    Values,
}

/// What the lines of a source are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The format.
    pub format: Format,
    /// What shows it, in words.
    pub why: String,
    /// What stands around it.
    pub envelope: Option<Envelope>,
    /// How values stand in the lines.
    pub layout: Layout,
    /// Anything was recognised.
    pub sure: bool,
}

impl Choice {
    /// Whether its records may be put together from several lines.
    pub fn joins(&self) -> bool {
        matches!(self.format, Format::Openai | Format::Otel) || self.envelope.is_some() || self.layout == Layout::Values
    }

    /// Whether these are the contract's own records, one a line, and nothing is to be said of it.
    pub fn is_plain(&self) -> bool {
        self.format == Format::Native && self.envelope.is_none() && self.layout == Layout::Lines && self.sure
    }

    /// "OpenAI chat completions in Docker json-file lines".
    pub fn title(&self) -> String {
        let layout = if self.layout == Layout::Values { ", values over several lines or in an array" } else { "" };
        match self.envelope {
            Some(envelope) => format!("{} in {}{layout}", self.format.title(), envelope.name()),
            None => format!("{}{layout}", self.format.title()),
        }
    }
}

/// Looks at the first lines.
#[derive(Debug)]
pub struct Sniffer {
    format: Option<Format>,
    mapped: bool,
    lines: usize,
    /// Bytes that may still be looked at.
    room: usize,
    scanner: Scanner,
    /// Inside a line that comes in parts.
    partial: bool,
    envelopes: HashMap<Envelope, usize>,
    layout: Option<Layout>,
    objects: usize,
    generic: HashMap<&'static str, usize>,
}

impl Sniffer {
    /// Nothing was seen yet.
    pub fn new(options: &Options, line_bytes: usize) -> Self {
        Self {
            format: options.format,
            mapped: options.mapping.is_some(),
            lines: 0,
            room: line_bytes,
            scanner: Scanner::new(line_bytes),
            partial: false,
            envelopes: HashMap::new(),
            layout: None,
            objects: 0,
            generic: HashMap::new(),
        }
    }

    /// Looks at a line; what the source is, once that is clear.
    pub fn line(&mut self, line: &[u8]) -> Option<Choice> {
        self.lines += 1;
        self.room = self.room.saturating_sub(line.len());
        let usual = self.envelope();
        let inner = unwrap(line, usual);
        if let Some(envelope) = usual.filter(|usual| usual.unwrap(line).is_some()).or_else(|| envelope::sniff(line)) {
            *self.envelopes.entry(envelope).or_default() += 1;
        }
        // A line in parts says what its envelope is; its text is told by the others.
        if inner.partial || std::mem::replace(&mut self.partial, inner.partial) {
            self.partial = inner.partial;
            return self.lines_are_enough();
        }
        let trimmed = inner.bytes.trim_ascii();
        if self.scanner.is_between() && !begins_json(trimmed) {
            return self.lines_are_enough();
        }
        let in_array = self.scanner.in_array();
        let mut values = Vec::new();
        self.scanner.line(&inner.bytes, self.lines as u64, None, &mut |found| {
            if found.fault.is_none() {
                values.push(found.bytes.into_owned());
            }
        });
        for value in values {
            let text = String::from_utf8_lossy(&value);
            let Ok(json) = Json::parse(&text) else { continue };
            if !json.is_object() {
                continue;
            }
            let whole = !in_array && value.trim_ascii() == trimmed;
            self.layout.get_or_insert(if whole { Layout::Lines } else { Layout::Values });
            self.objects += 1;
            if let Some((found, why)) = format::signature(&json) {
                return Some(self.signed(found, why));
            }
            if let Some(field) = generic::signature(&json) {
                *self.generic.entry(field).or_default() += 1;
            }
        }
        self.lines_are_enough()
    }

    /// What the source is, as far as can be told by now.
    pub fn settle(&self) -> Choice {
        if let Some(format) = self.format {
            return self.choice(format, self.told(), true);
        }
        let best = self.generic.iter().max_by_key(|(field, count)| (**count, std::cmp::Reverse(**field)));
        let objects = self.objects;
        match best {
            Some((field, count)) if 2 * count > objects => {
                self.choice(Format::Generic, format!("`{field}` holds texts in {count} of {objects} objects"), true)
            }
            _ if objects > 0 => {
                let why = format!("every JSON object is a record; {objects} were seen without the mark of a format");
                self.choice(Format::Native, why, false)
            }
            _ => self.choice(Format::Native, format!("nothing was recognised; lines seen: {}", self.lines), false),
        }
    }

    fn lines_are_enough(&self) -> Option<Choice> {
        // A value that has begun is looked at to its end, unless that is far away.
        let within = self.scanner.unfinished().is_some() && self.room > 0;
        (self.lines >= LOOK && !within).then(|| self.settle())
    }

    fn signed(&self, found: Format, why: &'static str) -> Choice {
        match self.format {
            Some(format) => self.choice(format, self.told(), true),
            None => self.choice(found, format!("line {} has {why}", self.lines), true),
        }
    }

    fn told(&self) -> String {
        if self.mapped { "--map says where its fields stand".into() } else { "--format says so".into() }
    }

    fn choice(&self, format: Format, why: String, sure: bool) -> Choice {
        let begun = self.scanner.unfinished().is_some() || self.scanner.in_array();
        let layout = self.layout.unwrap_or(if begun { Layout::Values } else { Layout::Lines });
        Choice { format, why, envelope: self.envelope(), layout, sure }
    }

    /// What most lines are in.
    fn envelope(&self) -> Option<Envelope> {
        let most = self.envelopes.iter().max_by_key(|(envelope, count)| (**count, std::cmp::Reverse(envelope.name())));
        most.map(|(envelope, _)| *envelope)
    }
}
