//! A rule as a form: the fields that make sense for it, what may stand in them, and what a step changes.

use serde_yaml::Value;

use super::edit::{RuleText, flow, whole};
use crate::humanize::parse_span;

/// Severities, the default among them.
const SEVERITIES: &[&str] = &["info", "warning", "critical"];

/// What a rule does with a breach.
const MODES: &[&str] = &["enforce", "shadow"];

/// What a missing field means.
const MISSING: &[&str] = &["skip", "warn", "violate"];

/// What a window says of its values.
const AGGS: &[&str] = &["count", "rate", "mean", "min", "max", "p50", "p95", "p99", "stddev", "ratio", "distinct"];

/// Spans that a step goes to, s.
const SPANS: [(&str, u64); 13] = [
    ("10s", 10),
    ("30s", 30),
    ("1m", 60),
    ("2m", 120),
    ("5m", 300),
    ("10m", 600),
    ("15m", 900),
    ("30m", 1_800),
    ("1h", 3_600),
    ("2h", 7_200),
    ("6h", 21_600),
    ("12h", 43_200),
    ("1d", 86_400),
];

/// Most steps at once.
const MOST_STEPS: u64 = 1_000;

/// What may stand in a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A number.
    Number,
    /// Yes or no.
    Switch,
    /// One of these.
    Choice(&'static [&'static str]),
    /// A span of time.
    Duration,
    /// Words.
    Text,
}

/// A field of a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// What it is called.
    pub label: String,
    /// Where it stands in the rule.
    pub path: Vec<String>,
    /// What stands there, if anything does.
    pub value: Option<Value>,
    /// What may stand there.
    pub kind: Kind,
    /// What it is for.
    pub help: &'static str,
}

impl Field {
    fn key(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    /// Whether it counts records.
    fn counts(&self) -> bool {
        matches!(self.key(), "last" | "min_count")
    }
}

/// A rule as a form.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// Its fields, in order.
    pub fields: Vec<Field>,
}

impl Form {
    /// Whether the rule is a limit.
    pub fn is_limit(&self) -> bool {
        self.fields.iter().any(|field| field.path.first().is_some_and(|key| key == "limit"))
    }
}

/// Makes a form.
struct Making<'a> {
    file: &'a RuleText,
    rule: &'a str,
    fields: Vec<Field>,
}

impl Making<'_> {
    fn add(&mut self, path: &[&str], kind: Kind, help: &'static str) {
        self.fields.push(Field {
            label: path.last().map_or_else(String::new, |key| (*key).to_owned()),
            path: path.iter().map(|key| (*key).to_owned()).collect(),
            value: self.file.value(self.rule, path).cloned(),
            kind,
            help,
        });
    }

    fn has(&self, path: &[&str]) -> bool {
        self.file.value(self.rule, path).is_some()
    }

    fn limit(&mut self) {
        let window = self.has(&["window"]);
        if !window || self.has(&["limit", "field"]) {
            self.add(&["limit", "field"], Kind::Text, "the field that is bounded, such as metrics.pressure");
        }
        let words = ["one_of", "not_in"].into_iter().find(|key| self.has(&["limit", key]));
        if let Some(key) = words {
            self.add(&["limit", key], Kind::Text, "the name of a list, or a list such as [a, b]");
        } else {
            self.add(&["limit", "min"], Kind::Number, "the smallest value that is allowed");
            self.add(&["limit", "warn_min"], Kind::Number, "below this it is a breach one step milder");
            self.add(&["limit", "warn_max"], Kind::Number, "above this it is a breach one step milder");
            self.add(&["limit", "max"], Kind::Number, "the largest value that is allowed");
            if !window || self.has(&["limit", "max_step"]) {
                self.add(&["limit", "max_step"], Kind::Number, "the largest change from one record to the next");
            }
            let bounds = ["min", "max", "warn_min", "warn_max", "exclusive"];
            if bounds.iter().any(|key| self.has(&["limit", key])) {
                self.add(&["limit", "exclusive"], Kind::Switch, "whether the bounds themselves are forbidden");
            }
        }
        self.add(&["limit", "unit"], Kind::Text, "the unit of the bounds, for whoever reads a message");
    }

    fn window(&mut self) {
        self.add(&["window", "agg"], Kind::Choice(AGGS), "what the window says of its values");
        let agg = self.file.value(self.rule, &["window", "agg"]).and_then(Value::as_str).unwrap_or_default();
        let (counts, ratio) = (matches!(agg, "count" | "rate"), agg == "ratio");
        if !counts && (!ratio || !self.has(&["window", "when"])) || self.has(&["window", "field"]) {
            self.add(&["window", "field"], Kind::Text, "the field whose values it holds");
        }
        if counts || (ratio && !self.has(&["window", "field"])) || self.has(&["window", "when"]) {
            self.add(&["window", "when"], Kind::Text, "which records count");
        }
        let (over, last) = (self.has(&["window", "over"]), self.has(&["window", "last"]));
        if over || !last {
            self.add(&["window", "over"], Kind::Duration, "how far it reaches, by event time");
        }
        if last || !(over || counts) {
            self.add(&["window", "last"], Kind::Number, "how many records it reaches over");
        }
        self.add(&["window", "min_count"], Kind::Number, "how many values it needs before it has one itself");
    }
}

/// A rule as a form; `None` if there is no such rule.
pub fn form(file: &RuleText, rule: &str) -> Option<Form> {
    file.value(rule, &[])?.as_mapping()?;
    let mut making = Making { file, rule, fields: Vec::new() };
    if file.value(rule, &["limit"]).is_some_and(Value::is_mapping) {
        making.limit();
    }
    if making.has(&["require"]) {
        making.add(&["require"], Kind::Text, "what must be true");
    }
    if making.has(&["alert_if"]) {
        making.add(&["alert_if"], Kind::Text, "what must not be true");
    }
    if file.value(rule, &["window"]).is_some_and(Value::is_mapping) {
        making.window();
    }
    making.add(&["severity"], Kind::Choice(SEVERITIES), "how bad a breach is");
    making.add(&["mode"], Kind::Choice(MODES), "whether it acts, or only says what it would do");
    making.add(&["enabled"], Kind::Switch, "whether it is evaluated at all");
    making.add(&["for"], Kind::Duration, "how long it must be violated before it fires");
    making.add(&["keep_firing"], Kind::Duration, "how long it goes on firing after it holds again");
    making.add(&["cooldown"], Kind::Duration, "how long after an alert it raises no other");
    making.add(&["missing"], Kind::Choice(MISSING), "what happens if a field that it needs is not there");
    making.add(&["message"], Kind::Text, "the text of a breach, with {path} for a value");
    making.add(&["desc"], Kind::Text, "what the rule is for, in a sentence");
    Some(Form { fields: making.fields })
}

/// What was typed for a field, as a value.
///
/// # Errors
/// What is expected, in words.
pub fn parsed(field: &Field, text: &str) -> Result<Value, String> {
    let text = text.trim();
    let expected = |what: &str| format!("{}: expected {what}, found `{text}`", field.label);
    match &field.kind {
        Kind::Number => {
            let plain = text.replace('_', "");
            let number = plain.parse::<f64>().ok().filter(|number| number.is_finite());
            let number = number.ok_or_else(|| expected("a number, such as 2500 or -0.5"))?;
            if field.counts() && (number < 1.0 || number.fract() != 0.0) {
                return Err(expected("a whole number of records"));
            }
            if field.key() == "max_step" && number < 0.0 {
                return Err(expected("a distance, which can't be negative"));
            }
            Ok(whole(&number.into()))
        }
        Kind::Switch => match text.to_lowercase().as_str() {
            "true" | "yes" | "on" => Ok(true.into()),
            "false" | "no" | "off" => Ok(false.into()),
            _ => Err(expected("yes or no")),
        },
        Kind::Choice(words) => {
            let word = words.iter().find(|word| word.eq_ignore_ascii_case(text));
            word.map(|word| (*word).into()).ok_or_else(|| expected(&format!("one of {}", words.join(", "))))
        }
        Kind::Duration => match parse_span(text).filter(|span| !span.is_zero()) {
            Some(_) => Ok(text.into()),
            None => Err(expected("a span of time, such as 30s, 2m or 1h 30m")),
        },
        Kind::Text if text.is_empty() => Err(expected("a text")),
        Kind::Text if matches!(field.key(), "one_of" | "not_in") && text.starts_with('[') => {
            let list = serde_yaml::from_str::<Value>(text).ok().filter(Value::is_sequence);
            list.ok_or_else(|| expected("a list, such as [a, b]"))
        }
        Kind::Text => Ok(text.into()),
    }
}

/// A field's value so many steps on; `None` where there are no steps. From nothing, a choice begins at what holds by
/// default; from zero, a number goes by `scale`.
pub fn stepped(field: &Field, steps: i64, scale: Option<f64>) -> Option<Value> {
    match &field.kind {
        Kind::Number => {
            let value = match &field.value {
                Some(value) => value.as_f64()?,
                None => 0.0,
            };
            let stepped = number(value, steps, scale.filter(|scale| scale.is_finite() && *scale > 0.0), field.counts());
            let least = match field.key() {
                _ if field.counts() => 1.0,
                "max_step" => 0.0,
                _ => f64::MIN,
            };
            Some(whole(&stepped.max(least).into()))
        }
        Kind::Switch => {
            let default = field.key() == "enabled";
            let value = field.value.as_ref().and_then(Value::as_bool).unwrap_or(default);
            Some((value ^ (steps != 0)).into())
        }
        Kind::Choice(words) => {
            let default = match field.key() {
                "severity" => "warning",
                "mode" => "enforce",
                "missing" => "skip",
                _ => "",
            };
            let held = field.value.as_ref().and_then(Value::as_str).unwrap_or(default);
            let at = words.iter().position(|word| *word == held).unwrap_or(0) as i64;
            let at = at.wrapping_add(steps).rem_euclid((words.len() as i64).max(1));
            words.get(at as usize).map(|word| (*word).into())
        }
        Kind::Duration => span(field.value.as_ref().and_then(Value::as_str), steps),
        Kind::Text => None,
    }
}

/// A number so many steps on, each a unit of its second digit: what many steps do is what single ones do.
fn number(mut value: f64, steps: i64, scale: Option<f64>, counts: bool) -> f64 {
    let up = steps > 0;
    for _ in 0..steps.unsigned_abs().min(MOST_STEPS) {
        let step = if value == 0.0 {
            scale.unwrap_or(1.0)
        } else {
            let digit = value.abs().log10();
            // Powers of ten are where they are, whatever the logarithm makes of them.
            let nearest = digit.round();
            let digit = if (digit - nearest).abs() < 1e-9 { nearest } else { digit.floor() };
            10f64.powi(digit as i32 - 1)
        };
        let step = if counts { step.max(1.0).round() } else { step };
        let at = value / step;
        let on = (at - at.round()).abs() < 1e-6;
        let at = match (on, up) {
            (true, true) => at.round() + 1.0,
            (true, false) => at.round() - 1.0,
            (false, true) => at.ceil(),
            (false, false) => at.floor(),
        };
        let next = clean(at * step);
        if !next.is_finite() {
            return value;
        }
        value = next;
    }
    value
}

/// Without the digits that come of counting in twos.
fn clean(value: f64) -> f64 {
    format!("{value:.11e}").parse().unwrap_or(value)
}

/// The next span that people would take.
fn span(value: Option<&str>, steps: i64) -> Option<Value> {
    let mut held = match value {
        Some(text) => parse_span(text)?.as_secs_f64(),
        None if steps > 0 => 0.0,
        None => return None,
    };
    let mut text = value;
    for _ in 0..steps.unsigned_abs().min(MOST_STEPS) {
        let next = if steps > 0 {
            SPANS.iter().find(|(_, s)| *s as f64 > held)
        } else {
            SPANS.iter().rev().find(|(_, s)| (*s as f64) < held)
        };
        let Some((word, s)) = next else { break };
        (held, text) = (*s as f64, Some(*word));
    }
    text.map(Into::into)
}

/// A value as it stands in a form.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => flow(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(key: &str, value: impl Into<Value>, kind: Kind) -> Field {
        let value = Some(value.into()).filter(|value| !value.is_null());
        Field { label: key.into(), path: vec![key.into()], value, kind, help: "" }
    }

    fn labels(rule: &str) -> Vec<String> {
        let text = format!("rules:\n  - {rule}\n");
        let file = RuleText::parse("f", &text).ok().unwrap();
        let form = form(&file, "a").unwrap();
        assert_eq!(form.is_limit(), rule.contains("limit"));
        form.fields.iter().take_while(|field| field.label != "severity").map(|field| field.path.join(".")).collect()
    }

    #[test]
    fn a_form_has_what_makes_sense() {
        let limit = labels("{id: a, limit: {field: x, max: 1}}");
        let want = ["field", "min", "warn_min", "warn_max", "max", "max_step", "exclusive", "unit"];
        assert_eq!(limit, want.map(|key| format!("limit.{key}")));
        assert_eq!(labels("{id: a, limit: {field: x, one_of: [b]}}"), ["limit.field", "limit.one_of", "limit.unit"]);
        let window = labels("{id: a, window: {agg: p95, field: x, over: 60s}, alert_if: window.value > 1}");
        assert_eq!(window, ["alert_if", "window.agg", "window.field", "window.over", "window.min_count"]);
        let count = labels("{id: a, window: {agg: count, over: 60s}, limit: {max: 5}}");
        assert!(!count.contains(&"limit.field".into()) && !count.contains(&"window.field".into()), "{count:?}");
        let names: Vec<&str> = crate::rules::ruleset::Agg::ALL.iter().map(|(name, _)| *name).collect();
        assert_eq!(AGGS, names);
    }

    #[test]
    fn numbers_go_by_their_second_digit() {
        let step = |value: Value, steps: i64| {
            let max = field("max", value, Kind::Number);
            shown(&stepped(&max, steps, None).unwrap())
        };
        let whole = [(-10000, 1, "-9000"), (-7500, 1, "-7400"), (-7512, 1, "-7500"), (812, -1, "810"), (95, 10, "150")];
        for (value, steps, want) in whole {
            assert_eq!(step(value.into(), steps), want, "{value} {steps}");
        }
        for (value, steps, want) in [(0.3, 1, "0.31"), (0.07, 3, "0.073"), (1.0, -1, "0.9"), (1000.0, -1, "900")] {
            assert_eq!(step(value.into(), steps), want, "{value} {steps}");
        }
        assert_eq!((step(Value::Null, 1), step(0.into(), -2)), ("1".into(), "-1.1".into()));
        let scaled = stepped(&field("max", 0, Kind::Number), 1, Some(0.3)).unwrap();
        assert_eq!(shown(&scaled), "0.3");
        assert_eq!(stepped(&field("min_count", 2, Kind::Number), -5, None), Some(1.into()));
        assert_eq!(stepped(&field("max", "text", Kind::Number), 1, None), None);
    }

    #[test]
    fn words_and_spans_have_steps_and_texts_have_none() {
        let choice = |value: Value, steps| stepped(&field("severity", value, Kind::Choice(SEVERITIES)), steps, None);
        assert_eq!(choice(Value::Null, 1), Some("critical".into()));
        assert_eq!(
            (choice("critical".into(), 1), choice("info".into(), -1)),
            (Some("info".into()), Some("critical".into()))
        );
        assert_eq!(stepped(&field("enabled", Value::Null, Kind::Switch), 1, None), Some(false.into()));
        let span = |value: Value, steps| stepped(&field("for", value, Kind::Duration), steps, None);
        assert_eq!((span(Value::Null, 1), span(Value::Null, -1)), (Some("10s".into()), None));
        assert_eq!((span("45s".into(), 1), span("45s".into(), -1)), (Some("1m".into()), Some("30s".into())));
        assert_eq!((span("10s".into(), -1), span("2d".into(), 1)), (Some("10s".into()), Some("2d".into())));
        assert_eq!(stepped(&field("desc", "a", Kind::Text), 1, None), None);
    }

    #[test]
    fn what_is_typed_is_read_or_told_to_be_wrong() {
        let read = |key: &str, kind: Kind, text: &str| parsed(&field(key, Value::Null, kind), text);
        assert_eq!(read("max", Kind::Number, " 12_500 "), Ok(12_500.into()));
        assert_eq!(read("max", Kind::Number, "0.5"), Ok(0.5.into()));
        let why = read("max", Kind::Number, "12,500").unwrap_err();
        assert_eq!(why, "max: expected a number, such as 2500 or -0.5, found `12,500`");
        for (key, text) in [("max", "nan"), ("max", "inf"), ("min_count", "0"), ("last", "1.5"), ("max_step", "-1")] {
            assert!(read(key, Kind::Number, text).is_err(), "{key} {text}");
        }
        assert_eq!(read("enabled", Kind::Switch, "Yes"), Ok(true.into()));
        assert_eq!(read("mode", Kind::Choice(MODES), "Shadow"), Ok("shadow".into()));
        assert!(read("mode", Kind::Choice(MODES), "on").unwrap_err().contains("one of enforce, shadow"));
        assert_eq!(read("for", Kind::Duration, "1h 30m"), Ok("1h 30m".into()));
        assert!(read("for", Kind::Duration, "0s").is_err() && read("for", Kind::Duration, "soon").is_err());
        let list = read("one_of", Kind::Text, "[a, 'b c']").unwrap();
        assert_eq!((shown(&list), shown(&"x".into())), ("[a, b c]".into(), "x".into()));
    }
}
