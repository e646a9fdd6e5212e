//! Changes to a rule file that keep its comments, its order and its layout: a value is replaced where it stands.
//!
//! Everything here goes from text to text; nothing is written to a disk. After every change the new text is read again,
//! and refused unless it says exactly what the old one said, but for what was to be changed.

use std::ops::Range;

use serde_yaml::{Mapping, Value};
use thiserror::Error;
use yamlpatch::{Op, Patch, apply_yaml_patches};
use yamlpath::{Component, Document, Route};

use crate::yaml::{Diagnostic, Doc};

/// Why a file could not be changed.
#[derive(Debug, Error)]
pub enum EditError {
    /// The text is no YAML.
    #[error("{0}")]
    Unreadable(Box<Diagnostic>),
    /// There is no such rule.
    #[error("there is no rule `{0}` in the file")]
    NoRule(String),
    /// There is no such field.
    #[error("the rule `{0}` has no `{1}`")]
    NoField(String, String),
    /// The layout of the file does not allow it.
    #[error("`{1}` of the rule `{0}` can't be changed without changing more: {2}")]
    Layout(String, String, String),
}

/// A rule file, to be changed.
pub struct RuleText {
    text: String,
    value: Value,
    places: Document,
}

impl RuleText {
    /// Reads a text. It need not be sound as a rule file, only as YAML.
    ///
    /// # Errors
    /// Where it is no YAML.
    pub fn parse(name: &str, text: &str) -> Result<Self, EditError> {
        // The bounds on size and depth are those of every file.
        Doc::parse(name, text).map_err(|fault| EditError::Unreadable(Box::new(fault)))?;
        let unreadable = |message: String| {
            let (file, text) = (name.into(), text.into());
            EditError::Unreadable(Box::new(Diagnostic { file, text, span: 0..0, message, help: None }))
        };
        let value = serde_yaml::from_str(text).map_err(|error| unreadable(error.to_string()))?;
        let places = Document::new(text).map_err(|error| unreadable(error.to_string()))?;
        Ok(Self { text: text.to_owned(), value, places })
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The ids of its rules, in order.
    pub fn ids(&self) -> Vec<&str> {
        self.rules().iter().filter_map(|rule| rule.get("id")?.as_str()).collect()
    }

    fn rules(&self) -> &[Value] {
        self.value.get("rules").and_then(Value::as_sequence).map_or(&[], Vec::as_slice)
    }

    fn index(&self, rule: &str) -> Result<usize, EditError> {
        let at = self.rules().iter().position(|held| held.get("id").and_then(Value::as_str) == Some(rule));
        at.ok_or_else(|| EditError::NoRule(rule.to_owned()))
    }

    /// The bytes of a rule's field, such as `["limit", "max"]`; of the whole rule, if no field is named. `None` if the
    /// rule or the field is not there.
    pub fn span(&self, rule: &str, field: &[&str]) -> Option<Range<usize>> {
        let feature = self.places.query_exact(&self.route(rule, field).ok()?).ok()??;
        let (start, end) = feature.location.byte_span;
        let mut text = self.text.get(start..end)?.trim_end();
        // Comments behind it belong to what comes next.
        while let Some((before, last)) = text.rsplit_once('\n')
            && last.trim_start().starts_with('#')
        {
            text = before.trim_end();
        }
        Some(start..start + text.len())
    }

    /// The value of a rule's field.
    pub fn value(&self, rule: &str, field: &[&str]) -> Option<&Value> {
        let rule = self.rules().get(self.index(rule).ok()?)?;
        field.iter().try_fold(rule, |value, key| value.get(*key))
    }

    fn route(&self, rule: &str, field: &[&str]) -> Result<Route<'static>, EditError> {
        let keys = field.iter().map(|key| Component::Key((*key).to_owned().into()));
        let start = [Component::Key("rules".into()), Component::Index(self.index(rule)?)];
        Ok(Route::from(start.into_iter().chain(keys).collect::<Vec<_>>()))
    }

    /// The text with another value in a rule's field, which is put in if it was not there.
    ///
    /// # Errors
    /// When there is no such rule, or the layout of the file does not allow it.
    pub fn set(&self, rule: &str, field: &[&str], value: &Value) -> Result<String, EditError> {
        let layout = |why: String| EditError::Layout(rule.to_owned(), field.join("."), why);
        let Some((last, parents)) = field.split_last() else { return Err(layout("no field is named".into())) };
        let value = &whole(value);
        let wanted = self.with(rule, field, Some(value))?;
        let scalar = !value.is_mapping() && !value.is_sequence();
        let old = self.value(rule, field);
        if let (Some(span), true) = (self.span(rule, field).filter(|_| old.is_some()), scalar)
            && old.is_some_and(|old| !old.is_mapping() && !old.is_sequence())
        {
            let text = format!("{}{}{}", &self.text[..span.start], written(value), &self.text[span.end..]);
            if says(&text, &wanted) {
                return Ok(text);
            }
        }
        let value: yaml_serde::Value =
            yaml_serde::from_str(&written(value)).map_err(|error| layout(error.to_string()))?;
        let patch = match old {
            Some(_) => Patch { route: self.route(rule, field)?, operation: Op::Replace(value) },
            None if self.value(rule, parents).is_some() => {
                Patch { route: self.route(rule, parents)?, operation: Op::Add { key: (*last).to_owned(), value } }
            }
            None => return Err(EditError::NoField(rule.to_owned(), parents.join("."))),
        };
        self.patched(patch, &wanted).map_err(layout)
    }

    /// The text without a rule's field; without the rule itself, if no field is named.
    ///
    /// # Errors
    /// When there is no such rule or field, or the layout of the file does not allow it.
    pub fn remove(&self, rule: &str, field: &[&str]) -> Result<String, EditError> {
        if self.value(rule, field).is_none() {
            self.index(rule)?;
            return Err(EditError::NoField(rule.to_owned(), field.join(".")));
        }
        let wanted = self.with(rule, field, None)?;
        let patch = Patch { route: self.route(rule, field)?, operation: Op::Remove };
        let layout = |why: String| EditError::Layout(rule.to_owned(), field.join("."), why);
        self.patched(patch, &wanted).map_err(layout)
    }

    fn patched(&self, patch: Patch<'_>, wanted: &Value) -> Result<String, String> {
        let text = apply_yaml_patches(&self.places, &[patch]).map_err(|error| error.to_string())?.source().to_owned();
        if says(&text, wanted) { Ok(text) } else { Err("something else would change with it".to_owned()) }
    }

    /// What the file is to say: the value changed, or taken out.
    fn with(&self, rule: &str, field: &[&str], value: Option<&Value>) -> Result<Value, EditError> {
        let index = self.index(rule)?;
        let mut whole = self.value.clone();
        let rules = whole.get_mut("rules").and_then(Value::as_sequence_mut);
        let Some(rules) = rules else { return Ok(whole) };
        let Some((last, parents)) = field.split_last() else {
            rules.remove(index);
            return Ok(whole);
        };
        let parent = parents.iter().try_fold(&mut rules[index], |at, key| at.get_mut(*key));
        if let Some(map) = parent.and_then(Value::as_mapping_mut) {
            put(map, last, value);
        }
        Ok(whole)
    }
}

fn put(map: &mut Mapping, key: &str, value: Option<&Value>) {
    match value {
        Some(value) => drop(map.insert(key.into(), value.clone())),
        None => drop(map.remove(key)),
    }
}

/// Whether a text says so, whatever the order of its keys.
fn says(text: &str, wanted: &Value) -> bool {
    serde_yaml::from_str::<Value>(text).is_ok_and(|value| value == *wanted)
}

/// A whole number without a point, as people write it; any other value as it is.
fn whole(value: &Value) -> Value {
    match value.as_f64().filter(|number| value.is_f64() && number.fract() == 0.0 && number.abs() < 1e15) {
        Some(number) => Value::from(number as i64),
        None => value.clone(),
    }
}

/// A value as YAML.
fn written(value: &Value) -> String {
    serde_yaml::to_string(value).unwrap_or_default().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# The desk's rules\nversion: 1\nrules:\n  # how much may be lost\n  - id: max-loss   # agreed in May\n    limit: {field: financial.proposed_loss, min: -10000, unit: USD}  # see memo\n    severity: critical\n  - id: ratio\n    require: >-\n      a <=\n      b * 2\n    limits: \"kept\"   \n";

    fn file() -> RuleText {
        RuleText::parse("f.yaml", FILE).ok().unwrap()
    }

    fn number(value: f64) -> Value {
        Value::from(value)
    }

    #[test]
    fn a_value_is_replaced_where_it_stands() {
        let file = file();
        assert_eq!(file.ids(), ["max-loss", "ratio"]);
        let span = file.span("max-loss", &["limit", "min"]).unwrap();
        assert_eq!(&FILE[span], "-10000");
        assert_eq!(file.set("max-loss", &["limit", "min"], &number(-7500.0)).unwrap(), FILE.replace("-10000", "-7500"));
        let text = file.set("max-loss", &["severity"], &"warning".into()).unwrap();
        assert_eq!(text, FILE.replace("critical", "warning"));
        let text = file.set("max-loss", &["desc"], &"a: b # c".into()).unwrap();
        assert!(text.contains("# agreed in May") && text.contains("# see memo"), "{text}");
        assert_eq!(RuleText::parse("f", &text).ok().unwrap().value("max-loss", &["desc"]), Some(&"a: b # c".into()));
        let text = file.set("max-loss", &["limit", "max"], &number(0.5)).unwrap();
        assert!(text.contains("max: 0.5") && text.contains("# see memo"), "{text}");
        let folded = file.set("ratio", &["require"], &"a <= b".into()).unwrap();
        assert_eq!(RuleText::parse("f", &folded).ok().unwrap().value("ratio", &["require"]), Some(&"a <= b".into()));
    }

    #[test]
    fn fields_and_rules_can_go() {
        let file = file();
        let text = file.remove("max-loss", &["severity"]).unwrap();
        assert!(!text.contains("severity") && text.contains("# how much may be lost"), "{text}");
        let text = file.remove("ratio", &[]).unwrap();
        assert_eq!(RuleText::parse("f", &text).ok().unwrap().ids(), ["max-loss"]);
        assert!(text.starts_with("# The desk's rules\n"));
    }

    #[test]
    fn what_is_not_there_is_said() {
        let file = file();
        let why = |result: Result<String, EditError>| result.unwrap_err().to_string();
        assert_eq!(why(file.set("none", &["a"], &number(1.0))), "there is no rule `none` in the file");
        assert_eq!(why(file.remove("ratio", &["desc"])), "the rule `ratio` has no `desc`");
        assert_eq!(why(file.set("ratio", &["limit", "max"], &number(1.0))), "the rule `ratio` has no `limit`");
        assert!(RuleText::parse("f", "a: [").is_err());
        assert_eq!((file.span("ratio", &["desc"]), file.span("none", &[])), (None, None));
    }
}
