//! The tests of a file: `given` records, `expect`ed outcomes.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_yaml::Value;

use super::{Building, MOST, TEST_KEYS};
use crate::record::native::Parser;
use crate::record::{Limits, Origin, Record, Seq};
use crate::rules::unit_test::{Expectation, Outcome, Test};
use crate::yaml::{Node, did_you_mean};

/// Most records of one test.
const MOST_GIVEN: usize = 1_000;

impl Building {
    pub(super) fn read_tests(&mut self, file: usize, root: &Node<'_>) {
        let Some(tests) = root.get("tests") else { return };
        let ids: HashMap<Arc<str>, usize> =
            self.set.rules.iter().enumerate().map(|(index, rule)| (Arc::clone(&rule.id), index)).collect();
        let mut parser = Parser::new(Limits::default(), &[]);
        for test in tests.list().unwrap_or_default() {
            if self.tests.len() >= MOST {
                return test.fault(format!("more than {MOST} tests"), None);
            }
            let read = self.test(file, &test, &ids, &mut parser);
            self.tests.extend(read);
        }
    }

    fn test(&self, file: usize, node: &Node<'_>, ids: &HashMap<Arc<str>, usize>, parser: &mut Parser) -> Option<Test> {
        node.only(&TEST_KEYS);
        let need = |key: &str, help: &str| {
            let found = node.get(key);
            if found.is_none() {
                node.fault(format!("the test has no `{key}`"), Some(help.into()));
            }
            found
        };
        let name = need("name", "say what it shows")?.string()?.to_owned();
        let given = need("given", "a record, or a list of records with times")?;
        let expect = need("expect", "such as expect: {max-loss: critical}")?;
        let records = if given.value().is_sequence() { given.list()? } else { vec![given.clone()] };
        if records.is_empty() || records.len() > MOST_GIVEN {
            given.fault(format!("a test has 1 to {MOST_GIVEN} records"), None);
            return None;
        }
        let parsed: Vec<Option<Record>> =
            records.iter().enumerate().map(|(index, node)| record(node, index, parser)).collect();
        let mut expected: Vec<Vec<Expectation>> = vec![Vec::new(); records.len()];
        let all = if expect.value().is_sequence() { expect.list()? } else { vec![expect.clone()] };
        if expect.value().is_sequence() && all.len() != records.len() {
            let message = format!("{} expectations for {} records", all.len(), records.len());
            expect.fault(message, Some("a list has one mapping for each record; a mapping is for the last".into()));
            return None;
        }
        // One mapping is what holds after the last record.
        let first = records.len() - all.len();
        for (index, node) in all.iter().enumerate() {
            expected[first + index] = self.expectations(node, ids);
        }
        if all.iter().all(|node| node.value().as_mapping().is_none_or(|map| map.is_empty())) {
            expect.fault("the test expects nothing", Some("name at least one rule".into()));
        }
        let given = parsed.into_iter().map(|record| record.map(Arc::new)).collect::<Option<Vec<_>>>()?;
        Some(Test { name, given, expect: expected, file })
    }

    fn expectations(&self, node: &Node<'_>, ids: &HashMap<Arc<str>, usize>) -> Vec<Expectation> {
        let mut found = Vec::new();
        for (id, node) in node.entries() {
            match ids.get(id) {
                Some(rule) => {
                    let outcome = node.word(&Outcome::ALL);
                    found.extend(outcome.map(|outcome| Expectation { rule: *rule, outcome, place: node.place() }));
                }
                // A rule at fault is no rule yet, and was reported itself.
                None if self.ids.contains(id) && !self.set.disabled.iter().any(|off| off == id) => {}
                None if self.ids.contains(id) => {
                    node.fault_at_key(
                        format!("the rule `{id}` is disabled"),
                        Some("enable it, or leave it out here".into()),
                    );
                }
                None => {
                    let near = did_you_mean(id, self.ids.iter().map(String::as_str));
                    node.fault_at_key(format!("there is no rule `{id}`"), near);
                }
            }
        }
        found
    }
}

/// Whether all numbers are such as JSON has.
fn is_finite(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_f64().is_none_or(f64::is_finite),
        Value::Sequence(items) => items.iter().all(is_finite),
        Value::Mapping(map) => map.values().all(is_finite),
        _ => true,
    }
}

/// A record of a test, read as one of a log is.
fn record(node: &Node<'_>, index: usize, parser: &mut Parser) -> Option<Record> {
    if node.value().as_mapping().is_none() {
        node.fault("a record is a mapping", Some("such as given: {latency_ms: 812}".into()));
        return None;
    }
    if !is_finite(node.value()) {
        node.fault("a number of the record is too large, or none", Some("records hold finite numbers alone".into()));
        return None;
    }
    let line = match serde_json::to_vec(node.value()) {
        Ok(line) => line,
        Err(error) => {
            node.fault(format!("can't be a record: {error}"), None);
            return None;
        }
    };
    let origin = Origin { source: "test".into(), file: "test".into(), offset: index as u64, line: None, part: 0 };
    match parser.parse(Seq(index as u64), origin, Bytes::from(line)) {
        Ok(record) => Some(record),
        Err(reject) => {
            node.fault(format!("can't be a record: {}", reject.reason), None);
            None
        }
    }
}
