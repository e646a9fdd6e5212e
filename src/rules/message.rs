//! Texts of rules: `{path:.2}` stands for a value of the record.

use std::fmt::Write;

use super::expr::{Ast, Fault, Kind, Machine, Scope, Type, parse};
use crate::humanize;
use crate::record::Record;

/// A text with places for values.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Value { number: usize, text: usize, decimals: Option<usize> },
}

impl Template {
    /// Reads a text; `{{` and `}}` stand for braces.
    ///
    /// # Errors
    /// A placeholder that does not end or is no field.
    pub fn parse(text: &str, scope: &mut dyn Scope) -> Result<Self, Fault> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            let rest = &text[at..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                plain.push(c);
                at += 2;
            } else if c == '{' {
                let Some(length) = rest.find('}') else {
                    let fault = Fault::new(&(at..text.len()), "the placeholder does not end with `}`");
                    return Err(fault.with_help("a brace itself is written `{{`"));
                };
                parts.push(Part::Text(std::mem::take(&mut plain)));
                parts.push(placeholder(&rest[1..length], at + 1, scope)?);
                at += length + 1;
            } else {
                plain.push(c);
                at += c.len_utf8();
            }
        }
        parts.push(Part::Text(plain));
        Ok(Self { parts })
    }

    /// The text for one record.
    pub fn fill(&self, machine: &Machine, record: &Record) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Value { number, text, decimals } => {
                    let value = machine.numbers.get(*number).copied().unwrap_or(f64::NAN);
                    let label = machine.text(*text, record);
                    let _ = match (value.is_nan(), decimals, label) {
                        (false, Some(decimals), _) => write!(out, "{value:.decimals$}"),
                        (false, None, _) => write!(out, "{}", humanize::number(value)),
                        (true, _, Some(label)) => write!(out, "{label}"),
                        (true, _, None) => write!(out, "–"),
                    };
                }
            }
        }
        out
    }
}

fn placeholder(inner: &str, at: usize, scope: &mut dyn Scope) -> Result<Part, Fault> {
    let span = at..at + inner.len();
    let (path, decimals) = match inner.rsplit_once(":.") {
        Some((path, digits)) => {
            let digits = digits.parse().ok().filter(|d| *d <= 12);
            let wrong = || Fault::new(&span, "expected a number of decimals from 0 to 12, such as {path:.2}");
            (path, Some(digits.ok_or_else(wrong)?))
        }
        None => (inner, None),
    };
    match parse(path) {
        Ok(Ast { kind: Kind::Field(path), .. }) => {
            if let Some((why, help)) = scope.impossible(&path) {
                return Err(Fault::new(&span, why).with_help(help));
            }
            if scope.macro_named(&path).is_some() || scope.list_named(&path).is_some() {
                return Err(Fault::new(&span, format!("`{path}` is a name of the rule file, not a field")));
            }
            // What it is known to be is looked for there alone.
            let known = scope.known(&path);
            let number = if known == Some(Type::Text) { usize::MAX } else { scope.number_slot(&path) };
            let text = if known == Some(Type::Number) { usize::MAX } else { scope.text_slot(&path) };
            Ok(Part::Value { number, text, decimals })
        }
        _ => Err(Fault::new(&span, format!("`{path}` is not a field"))
            .with_help("such as {metrics.pressure:.2}; a brace itself is written {{")),
    }
}
