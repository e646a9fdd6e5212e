//! Texts of rules: `{path:.2}` stands for a value of the record.

use std::fmt::Write;

use super::expr::{Ast, Kind};
use super::expr::{Fault, Resolve, Slots, parse};
use crate::humanize;

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
    pub fn parse(text: &str, resolve: &mut dyn Resolve) -> Result<Self, Fault> {
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
                    return Err(Fault::new(&(at..text.len()), "the placeholder does not end with `}`"));
                };
                parts.push(Part::Text(std::mem::take(&mut plain)));
                parts.push(placeholder(&rest[1..length], at + 1, resolve)?);
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
    pub fn fill(&self, slots: Slots<'_>) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Value { number, text, decimals } => {
                    let value = slots.numbers.get(*number).copied().unwrap_or(f64::NAN);
                    let label = slots.texts.get(*text).copied().flatten();
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

fn placeholder(inner: &str, at: usize, resolve: &mut dyn Resolve) -> Result<Part, Fault> {
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
            if let Some(why) = resolve.impossible(&path) {
                return Err(Fault::new(&span, why));
            }
            Ok(Part::Value { number: resolve.number_slot(&path), text: resolve.text_slot(&path), decimals })
        }
        _ => Err(Fault::new(&span, format!("`{path}` is not a field"))),
    }
}
