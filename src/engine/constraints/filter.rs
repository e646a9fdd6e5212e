//! What of the records somebody wants to see: a text, a regular expression, `field:value`, or an expression of the rule
//! language.

use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use super::Constraints;
use super::backtest::evidence;
use crate::engine::Engine;
use crate::history::Row;
use crate::rules::Stage;
use crate::rules::expr;
use crate::rules::schema::{Source, load};

/// Most that a pattern may take, compiled, bytes.
const PATTERN: usize = 1 << 20;

/// A filter.
pub struct Filter {
    text: String,
    kind: Kind,
}

enum Kind {
    Text(Regex),
    Field(String, String),
    Expression(Box<Constraints>),
}

impl Filter {
    /// Reads what was written.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let kind = match pattern(text) {
            _ if text.is_empty() => return Err("there is nothing to look for".to_owned()),
            Some(pattern) => Kind::Text(compile(pattern)?),
            None => match field(text) {
                Some((field, value)) => Kind::Field(field.to_owned(), value.to_owned()),
                None if is_expression(text) => Kind::Expression(Box::new(expression(text)?)),
                None => Kind::Text(compile(&regex::escape(text))?),
            },
        };
        Ok(Self { text: text.to_owned(), kind })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a record fits.
    pub fn fits(&mut self, row: &Row) -> bool {
        match &mut self.kind {
            Kind::Text(pattern) => has_text(row, pattern),
            Kind::Field(field, value) => has_value(row, field, value),
            Kind::Expression(rules) => {
                let mut evidence = evidence(row);
                // The engine of rules refuses nothing.
                Stage::ALL.iter().for_each(|stage| drop(rules.run(*stage, &mut evidence)));
                !evidence.violations.is_empty()
            }
        }
    }
}

/// `/…/`
fn pattern(text: &str) -> Option<&str> {
    text.strip_prefix('/')?.strip_suffix('/').filter(|pattern| !pattern.is_empty())
}

fn compile(pattern: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(pattern).case_insensitive(true).size_limit(PATTERN).build();
    built.map_err(|error| format!("not a regular expression: {}", error.to_string().replace('\n', " ")))
}

/// `field:value`, without spaces before the colon; the value may stand in quotes.
fn field(text: &str) -> Option<(&str, &str)> {
    let (field, value) = text.split_once(':')?;
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '@' | '[' | ']' | '"');
    let value = value.trim();
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    (!field.is_empty() && field.chars().all(plain) && !value.is_empty()).then_some((field, value))
}

/// Whether a text means something in the rule language, beyond a word or two.
fn is_expression(text: &str) -> bool {
    let signs = ["<", ">", "==", "!=", "&&", "||", "(", " in ", "!"];
    signs.iter().any(|sign| text.contains(sign)) && expr::parse(text).is_ok()
}

fn expression(text: &str) -> Result<Constraints, String> {
    let quoted = serde_json::Value::from(text).to_string();
    let rule = format!("version: 1\nrules:\n  - {{id: filter, severity: info, alert_if: {quoted}}}\n");
    let rules = load(&[Source { name: "filter".to_owned(), text: rule }]);
    let rules = rules.map_err(|faults| faults.first().map(|fault| fault.message.clone()).unwrap_or_default())?;
    Ok(Constraints::new(Arc::new(rules)))
}

fn has_text(row: &Row, pattern: &Regex) -> bool {
    let (record, verdict) = (&row.record, &row.verdict);
    let texts = record.samples.iter().chain(&record.prompt).chain([&record.id, &verdict.key]);
    let labels = record.labels.iter().map(|(_, value)| value);
    let said = verdict.violations.iter().flat_map(|v| [&*v.rule, v.message.as_str()]);
    texts.chain(labels).map(|text| &**text).chain(said).any(|text| pattern.is_match(text))
        || pattern.is_match(verdict.advice.action.word())
}

fn has_value(row: &Row, field: &str, value: &str) -> bool {
    let (record, verdict) = (&row.record, &row.verdict);
    let same = |found: &str| found.eq_ignore_ascii_case(value);
    let here = match field {
        "action" => same(verdict.advice.action.word()),
        "level" => same(verdict.confidence.level.word()),
        "key" => &*verdict.key == value,
        "id" => &*record.id == value,
        "rule" => verdict.violations.iter().any(|violation| &*violation.rule == value),
        "series" => verdict.drift.iter().any(|report| report.state.is_notable() && &*report.series == value),
        _ => false,
    };
    let number = value.parse::<f64>().ok();
    here || record.labels.iter().any(|(name, label)| name.as_str() == field && &**label == value)
        || number.is_some_and(|number| {
            record.numbers.iter().any(|(name, found)| name.as_str() == field && *found == number)
                || (field == "latency_ms" && record.latency_ms == Some(number))
        })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::record::native::Parser;
    use crate::record::{Limits, Origin, Seq};
    use crate::verdict::Verdict;

    fn row() -> Row {
        let line = br#"{"id":"r1","agent_id":"agent-7","desk":"hedge","prompt":"Sell?","samples":["Sell 5,000 shares"],"latency_ms":812,"metrics":{"cost":0.5}}"#;
        let mut parser = Parser::new(Limits::default(), &[]);
        let record = parser.parse(Seq(0), Origin::nowhere(), Bytes::from_static(line)).unwrap();
        let verdict = Arc::new(Verdict::unjudged(&record));
        Row { record: Arc::new(record), verdict, other: None }
    }

    #[test]
    fn every_kind_finds_and_leaves_out() {
        let row = row();
        let fits = |text: &str| Filter::parse(text).unwrap().fits(&row);
        for text in [
            "5,000 SHARES",
            "/sell \\d/",
            "desk:hedge",
            "agent_id:agent-7",
            "key:agent-7",
            "action:allow",
            "latency_ms:812",
            "metrics.cost > 0.4 && desk == \"hedge\"",
            "latency_ms > 800",
            "id:\"r1\"",
        ] {
            assert!(fits(text), "{text}");
        }
        for text in
            ["6,000", "/^x/", "desk:equity", "rule:slow", "latency_ms < 800", "metrics.absent > 1", "action:BLOCK"]
        {
            assert!(!fits(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_filter_is_said() {
        for wrong in ["", "  ", "/(/"] {
            assert!(Filter::parse(wrong).is_err(), "{wrong:?}");
        }
        // What is no expression is looked for as it stands.
        assert!(Filter::parse("a > ").is_ok());
    }
}
