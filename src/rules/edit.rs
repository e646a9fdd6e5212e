//! Changes to a rule file that keep its comments, its order and its layout: a value is replaced where it stands.
//!
//! Longer than other files: each change is a few lines, and all of them share the places, the layout and the check.
//! Everything here goes from text to text; nothing is written to a disk. After every change the new text is read again,
//! and refused unless it says exactly what the old one said, but for what was to be changed.

use std::ops::Range;

use serde_yaml::{Mapping, Value};
use thiserror::Error;
use yamlpatch::{Op, Patch, apply_yaml_patches};
use yamlpath::{Component, Document, Route};

use crate::yaml::{Diagnostic, Doc};

/// The mode of a rule that only says what it would do.
const SHADOW: &str = "shadow";

/// Most characters of a record of a test that stands in one line.
const LINE: usize = 100;

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
    /// There is no shadow that could be promoted.
    #[error("the rule `{0}` is not in shadow mode, and has no shadow beside it")]
    NoShadow(String),
    /// There is no other version of the rule to put it beside.
    #[error("the rule `{0}` is new or as it was: there is nothing to put it beside")]
    NoOld(String),
    /// A test can't be added.
    #[error("a test can't be added to the file: {0}")]
    Test(String),
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

    /// What the file says of all its rules that don't say it themselves.
    pub fn default(&self, key: &str) -> Option<&Value> {
        self.value.get("defaults")?.get(key)
    }

    /// Whether a rule only says what it would do.
    pub fn is_shadow(&self, rule: &str) -> bool {
        let mode = self.value(rule, &["mode"]).or_else(|| self.default("mode"));
        mode.and_then(Value::as_str) == Some(SHADOW)
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
        self.held(&self.route(rule, field).ok()?)
    }

    /// The bytes of what stands at a place.
    fn held(&self, route: &Route<'_>) -> Option<Range<usize>> {
        let (start, end) = self.places.query_exact(route).ok()??.location.byte_span;
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
        let scalar = |value: &Value| !value.is_mapping() && !value.is_sequence();
        let old = self.value(rule, field);
        // A list or a mapping may hold comments, which stay.
        if let (Some(span), Some(old)) = (self.span(rule, field), old)
            && (scalar(old) || !self.text[span.clone()].contains('#'))
        {
            let plain = Some(value).filter(|value| scalar(value) && scalar(old)).map(written);
            for new in plain.into_iter().chain([flow(value)]) {
                let text = format!("{}{new}{}", &self.text[..span.start], &self.text[span.end..]);
                if says(&text, &wanted) {
                    return Ok(text);
                }
            }
        }
        if old.is_none()
            && let Some(text) = self.added(rule, parents, last, value).filter(|text| says(text, &wanted))
        {
            return Ok(text);
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
        if let Some(text) = self.cut(rule, field).filter(|text| says(text, &wanted)) {
            return Ok(text);
        }
        let patch = Patch { route: self.route(rule, field)?, operation: Op::Remove };
        let layout = |why: String| EditError::Layout(rule.to_owned(), field.join("."), why);
        self.patched(patch, &wanted).map_err(layout)
    }

    /// The text with a key put behind the others of a mapping, in the layout that the mapping has.
    fn added(&self, rule: &str, parents: &[&str], key: &str, value: &Value) -> Option<String> {
        let span = self.span(rule, parents)?;
        let pair = format!("{}: {}", flow(&key.into()), flow(value));
        let held = &self.text[span.clone()];
        if let Some(inner) = held.strip_suffix('}').filter(|inner| inner.starts_with('{')) {
            let inner = inner.trim_end();
            let comma = match inner {
                "{" => "",
                _ if inner.ends_with(',') => " ",
                _ => ", ",
            };
            let at = span.start + inner.len();
            return Some(format!("{}{comma}{pair}{}", &self.text[..at], &self.text[at..]));
        }
        let at = line_end(&self.text, span.end);
        let indent = " ".repeat(column(&self.text, span.start));
        Some(format!("{}\n{indent}{pair}{}", &self.text[..at], &self.text[at..]))
    }

    /// The text without a key of a mapping in braces.
    fn cut(&self, rule: &str, field: &[&str]) -> Option<String> {
        let (key, parents) = field.split_last()?;
        if !self.text[self.span(rule, parents)?].starts_with('{') {
            return None;
        }
        let value = self.span(rule, field)?;
        let before = self.text[..value.start].trim_end().strip_suffix(':')?.trim_end();
        let before = before.strip_suffix(&quoted(key)).or_else(|| before.strip_suffix(key))?;
        let after = &self.text[value.end..];
        if let Some(rest) = after.trim_start().strip_prefix(',') {
            return Some(format!("{before}{}", rest.trim_start_matches(' ')));
        }
        let before = before.trim_end();
        Some(format!("{}{after}", before.strip_suffix(',').unwrap_or(before)))
    }

    /// The text with a rule as it was in another text in its place, and as it is now right behind it, as a shadow of
    /// this id.
    ///
    /// # Errors
    /// When the other text has no such rule, or the layout of the file does not allow it.
    pub fn beside(&self, rule: &str, id: &str, old: &Self) -> Result<String, EditError> {
        let layout = |why: &str| EditError::Layout(rule.to_owned(), "id".to_owned(), why.to_owned());
        let index = self.index(rule)?;
        let was = old.value(rule, &[]).ok_or_else(|| EditError::NoOld(rule.to_owned()))?;
        let shadow = Self::parse("", &self.set(rule, &["id"], &id.into())?)?;
        let shadow = Self::parse("", &shadow.set(id, &["mode"], &SHADOW.into())?)?;
        let mut wanted = shadow.value.clone();
        let places = shadow.span(id, &[]).zip(old.span(rule, &[])).zip(rules_of(&mut wanted));
        let Some(((to, mut from), rules)) = places else { return Err(layout("it has no place of its own")) };
        rules.insert(index, was.clone());
        let between = match dash(&shadow.text, to.start) {
            Some(dash) => {
                from.end = line_end(&old.text, from.end);
                format!("\n{dash}")
            }
            None => ", ".to_owned(),
        };
        let was = moved(&old.text, from, column(&shadow.text, to.start));
        let text = format!("{}{was}{between}{}", &shadow.text[..to.start], &shadow.text[to.start..]);
        if says(&text, &wanted) { Ok(text) } else { Err(layout("something else would change with it")) }
    }

    /// The text with a shadow in force: in the place of the rule that it is a shadow of, and under its id. A shadow of
    /// none stays where it is.
    ///
    /// # Errors
    /// When there is no such rule, or the layout of the file does not allow it.
    pub fn promoted(&self, shadow: &str, rule: Option<&str>) -> Result<String, EditError> {
        let layout = |why: &str| EditError::Layout(shadow.to_owned(), "mode".to_owned(), why.to_owned());
        let text = if self.default("mode").and_then(Value::as_str) == Some(SHADOW) {
            self.set(shadow, &["mode"], &"enforce".into())?
        } else if self.value(shadow, &["mode"]).is_some() {
            self.remove(shadow, &["mode"])?
        } else {
            self.text.clone()
        };
        let Some(rule) = rule else { return Ok(text) };
        let bare = Self::parse("", &text)?;
        let (at, to_at) = (bare.index(shadow)?, bare.index(rule)?);
        let mut wanted = bare.value.clone();
        if let Some(rules) = rules_of(&mut wanted) {
            let mut new = rules[at].clone();
            if let Some(map) = new.as_mapping_mut() {
                put(map, "id", Some(&rule.into()));
            }
            rules[to_at] = new;
            rules.remove(at);
        }
        let places = bare.span(shadow, &[]).zip(bare.span(shadow, &["id"])).zip(bare.span(rule, &[]));
        let Some(((mut from, id), mut to)) = places else { return Err(layout("it has no place of its own")) };
        if dash(&text, from.start).is_none() || dash(&text, to.start).is_none() {
            return Err(layout("the rules are no list with dashes"));
        }
        (from.end, to.end) = (line_end(&text, from.end), line_end(&text, to.end));
        let new = format!("{}{}{}", &text[from.start..id.start], written(&rule.into()), &text[id.end..from.end]);
        let new = shifted(&new, column(&text, from.start), column(&text, to.start));
        // The line of the shadow's dash goes with it.
        let gone = line_start(&text, from.start)..(from.end + 1).min(text.len());
        let mut parts = [(gone, ""), (to, new.as_str())];
        parts.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
        let mut text = text;
        for (range, part) in parts {
            text.replace_range(range, part);
        }
        if says(&text, &wanted) { Ok(text) } else { Err(layout("something else would change with it")) }
    }

    /// The text with another test behind the others.
    ///
    /// # Errors
    /// When the layout of the file does not allow it.
    pub fn with_test(&self, name: &str, given: &Value, expect: &[(&str, &str)]) -> Result<String, EditError> {
        let map = |pairs: &[(&str, Value)]| -> Value {
            Value::Mapping(pairs.iter().map(|(key, value)| ((*key).into(), value.clone())).collect())
        };
        let expect: Vec<(&str, Value)> = expect.iter().map(|(rule, word)| (*rule, (*word).into())).collect();
        let test = map(&[("name", name.into()), ("given", given.clone()), ("expect", map(&expect))]);
        let mut wanted = self.value.clone();
        let Some(file) = wanted.as_mapping_mut() else {
            return Err(EditError::Test("it is no mapping of keys to values".to_owned()));
        };
        let held = file.get("tests").and_then(Value::as_sequence).map_or(0, Vec::len);
        match file.get_mut("tests").filter(|tests| !tests.is_null()) {
            None => drop(file.insert("tests".into(), Value::Sequence(vec![test.clone()]))),
            Some(Value::Sequence(tests)) => tests.push(test.clone()),
            Some(_) => return Err(EditError::Test("its `tests` are no list".to_owned())),
        }
        let texts = [false, true].map(|wide| self.test_put_in(held, &test, wide));
        let text = texts.into_iter().flatten().find(|text| says(text, &wanted));
        text.ok_or_else(|| EditError::Test("something else would change with it".to_owned()))
    }

    /// The text with a test put in, whatever comes of it.
    fn test_put_in(&self, held: usize, test: &Value, wide: bool) -> Option<String> {
        let tests = Route::from(vec![Component::Key("tests".into())]);
        let last = Route::from(vec![Component::Key("tests".into()), Component::Index(held.saturating_sub(1))]);
        if let Some(last) = self.held(&last).filter(|_| held > 0) {
            let Some(dash) = dash(&self.text, last.start) else {
                return Some(format!("{}, {}{}", &self.text[..last.end], flow(test), &self.text[last.end..]));
            };
            let at = line_end(&self.text, last.end);
            return Some(format!(
                "{}\n{dash}{}{}",
                &self.text[..at],
                laid_out(test, dash.len(), wide),
                &self.text[at..]
            ));
        }
        let item = format!("\n  - {}", laid_out(test, 4, wide));
        if let Some(empty) = self.held(&tests).filter(|_| self.value.get("tests").is_some_and(Value::is_sequence)) {
            let before = self.text[..empty.start].trim_end();
            return Some(format!("{before}{item}{}", &self.text[empty.end..]));
        }
        let mut at = 0;
        for line in self.text.split_inclusive('\n') {
            if line.starts_with("tests:") {
                let at = at + line.trim_end().len();
                return Some(format!("{}{item}{}", &self.text[..at], &self.text[at..]));
            }
            at += line.len();
        }
        Some(format!("{}\ntests:{item}\n", self.text.trim_end()))
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

fn rules_of(file: &mut Value) -> Option<&mut Vec<Value>> {
    file.get_mut("rules").and_then(Value::as_sequence_mut)
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |line| line + 1)
}

/// The end of a line behind a value, if nothing but a comment stands between.
fn line_end(text: &str, at: usize) -> usize {
    let rest = text[at..].split('\n').next().unwrap_or_default();
    let behind = rest.trim();
    if behind.is_empty() || (behind.starts_with('#') && rest.starts_with([' ', '\t'])) {
        at + rest.trim_end().len()
    } else {
        at
    }
}

/// Blanks that a line would need to begin below this place.
fn column(text: &str, at: usize) -> usize {
    text[line_start(text, at)..at].chars().count()
}

/// What stands before an item of a list with dashes.
fn dash(text: &str, at: usize) -> Option<&str> {
    let before = &text[line_start(text, at)..at];
    (before.trim() == "-").then_some(before)
}

/// A piece of a text, its further lines moved as far as its first has to move to begin at a column.
fn moved(text: &str, range: Range<usize>, to: usize) -> String {
    shifted(&text[range.clone()], column(text, range.start), to)
}

fn shifted(piece: &str, from: usize, to: usize) -> String {
    let mut lines = Vec::new();
    for (at, line) in piece.split('\n').enumerate() {
        let blank = line.len() - line.trim_start_matches(' ').len();
        lines.push(match () {
            () if at == 0 || line.trim().is_empty() => line.to_owned(),
            () if to >= from => format!("{}{line}", " ".repeat(to - from)),
            () => line[blank.min(from - to)..].to_owned(),
        });
    }
    lines.join("\n")
}

/// A test as an item of a list whose keys stand at a column: a record in one line, unless that is a long one.
fn laid_out(test: &Value, at: usize, wide: bool) -> String {
    let indent = " ".repeat(at);
    let Some(test) = test.as_mapping() else { return flow(test) };
    let pairs = test.iter().map(|(key, value)| {
        let line = flow(value);
        if wide || !value.is_mapping() || line.chars().count() <= LINE {
            return format!("{}: {line}", flow(key));
        }
        let below: String = written(value).lines().map(|line| format!("\n{indent}  {line}")).collect();
        format!("{}:{below}", flow(key))
    });
    pairs.collect::<Vec<_>>().join(&format!("\n{indent}"))
}

/// A value in one line, as it can stand between braces.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::Sequence(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Mapping(map) => {
            let pairs = map.iter().map(|(key, value)| format!("{}: {}", flow(key), flow(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => {
            let plain = written(value);
            let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ' ' | '+' | '%');
            // Older readers take these words for a boolean.
            let boolean = ["y", "n", "yes", "no", "on", "off"].iter().any(|word| text.eq_ignore_ascii_case(word));
            if plain == *text && text.chars().all(inside) && !boolean { plain } else { quoted(text) }
        }
        _ => written(value),
    }
}

/// A text in double quotes.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
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
pub(super) fn whole(value: &Value) -> Value {
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
    fn keys_go_and_come_where_the_layout_has_its_place_for_them() {
        let text = file().remove("max-loss", &["limit", "unit"]).unwrap();
        assert_eq!(text, FILE.replace(", unit: USD", ""));
        assert_eq!(file().remove("max-loss", &["limit", "min"]).unwrap(), FILE.replace("min: -10000, ", ""));
        let text = file().set("max-loss", &["limit", "max"], &number(5.0)).unwrap();
        assert_eq!(text, FILE.replace("unit: USD", "unit: USD, max: 5"));
        let text = file().set("max-loss", &["limit", "unit"], &"a, b".into()).unwrap();
        assert_eq!(text, FILE.replace("USD", "\"a, b\""));
        let last = "rules:\n  - id: a\n    require: b  # why\n  # the next\n  - id: c\n    require: d\n";
        let read = RuleText::parse("f", last).ok().unwrap();
        let text = read.set("a", &["for"], &"2m".into()).unwrap();
        assert_eq!(text, last.replace("# why\n", "# why\n    for: 2m\n"));
        assert_eq!(RuleText::parse("f", &text).ok().unwrap().remove("a", &["for"]).unwrap(), last);
        let lines = "rules:\n  - id: a\n    limit: {\n      field: x,  # one\n      max: 2,\n    }\n";
        let read = RuleText::parse("f", lines).ok().unwrap();
        let text = read.set("a", &["limit", "min"], &number(1.0)).unwrap();
        assert_eq!(text, lines.replace("max: 2,", "max: 2, min: 1"));
    }

    #[test]
    fn a_shadow_stands_beside_the_rule_and_takes_its_place() {
        let old = file();
        let new = RuleText::parse("f", &FILE.replace("-10000", "-7500").replace("agreed in May", "agreed in June"));
        let text = new.ok().unwrap().beside("max-loss", "max-loss-shadow", &old).unwrap();
        let both = RuleText::parse("f", &text).ok().unwrap();
        assert_eq!(both.ids(), ["max-loss", "max-loss-shadow", "ratio"]);
        assert!(text.starts_with(FILE.split("  - id: ratio").next().unwrap()), "{text}");
        assert!(text.contains("  - id: max-loss-shadow   # agreed in June\n") && both.is_shadow("max-loss-shadow"));
        let text = both.promoted("max-loss-shadow", Some("max-loss")).unwrap();
        assert_eq!(text, FILE.replace("-10000", "-7500").replace("agreed in May", "agreed in June"));
        let alone = both.promoted("max-loss-shadow", None).unwrap();
        assert!(!RuleText::parse("f", &alone).ok().unwrap().is_shadow("max-loss-shadow"));
    }

    #[test]
    fn a_test_is_put_behind_the_others() {
        let given: Value = serde_yaml::from_str("{a: {b: -1, c d: 'yes'}, e: 'x, \"y\"'}").unwrap();
        let add = |text: &str| {
            let read = RuleText::parse("f", text).ok().unwrap();
            read.with_test("it: is #1", &given, &[("max-loss", "critical")]).unwrap()
        };
        let item = "  - name: \"it: is #1\"\n    given: {a: {b: -1, c d: \"yes\"}, e: \"x, \\\"y\\\"\"}\n    expect: {max-loss: critical}\n";
        let first = add(FILE);
        assert_eq!(first, format!("{}\ntests:\n{item}", FILE.trim_end()));
        let behind = format!("{first}  # the end\nlists: {{}}\n");
        assert_eq!(add(&behind), format!("{first}{item}  # the end\nlists: {{}}\n"));
        for empty in ["tests: []  # none\n", "tests:\n", "tests:  # none\n", "tests: [{name: a}]\n"] {
            let text = add(&format!("{empty}{FILE}"));
            assert!(text.ends_with(FILE) && (text.contains("# none") || !empty.contains('#')), "{text}");
        }
        let long: Value = Value::Mapping((0..40).map(|n| (format!("number_{n}").into(), n.into())).collect());
        let text = file().with_test("long", &long, &[("ratio", "ok")]).unwrap();
        assert!(text.contains("    given:\n      number_0: 0\n"), "{text}");
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
