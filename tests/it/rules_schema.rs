//! The JSON Schema of rule files says what the program reads: the same keys, and the same files.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use watcher::rules::schema::{
    CAPTURE_KEYS, DEFAULT_KEYS, EXCEPTION_KEYS, FILE_KEYS, JSON_SCHEMA, LIMIT_KEYS, RULE_KEYS, TEST_KEYS, WINDOW_KEYS,
};

use crate::support::{Home, repo};

fn schema() -> Value {
    serde_json::from_str(JSON_SCHEMA).unwrap()
}

/// Follows `$ref`.
fn resolved<'a>(schema: &'a Value, part: &'a Value) -> &'a Value {
    match part["$ref"].as_str().and_then(|path| path.strip_prefix('#')) {
        Some(path) => schema.pointer(path).unwrap(),
        None => part,
    }
}

fn keys_of<'a>(schema: &'a Value, part: &'a Value) -> BTreeSet<&'a str> {
    let part = resolved(schema, part);
    assert_eq!(part["additionalProperties"], false, "{part}");
    let properties = part["properties"].as_object().unwrap();
    for (key, property) in properties {
        let told = resolved(schema, property);
        assert!(property["description"].is_string() || told["description"].is_string(), "{key} is not described");
    }
    properties.keys().map(String::as_str).collect()
}

fn set<'a>(keys: &[&'a str]) -> BTreeSet<&'a str> {
    keys.iter().copied().collect()
}

#[test]
fn the_schema_has_the_keys_that_are_read() {
    let schema = schema();
    assert_eq!(keys_of(&schema, &schema), set(&FILE_KEYS));
    let at = |part: &Value, key: &str| resolved(&schema, &resolved(&schema, part)["properties"][key]).clone();
    let items = |part: Value| resolved(&schema, &part["items"]).clone();
    let rule = items(at(&schema, "rules"));
    assert_eq!(keys_of(&schema, &rule), set(&RULE_KEYS));
    assert_eq!(keys_of(&schema, &at(&rule, "limit")), set(&LIMIT_KEYS));
    assert_eq!(keys_of(&schema, &at(&rule, "window")), set(&WINDOW_KEYS));
    assert_eq!(keys_of(&schema, &at(&rule, "capture")), set(&CAPTURE_KEYS));
    assert_eq!(keys_of(&schema, &items(at(&rule, "exceptions"))), set(&EXCEPTION_KEYS));
    assert_eq!(keys_of(&schema, &at(&schema, "defaults")), set(&DEFAULT_KEYS));
    assert_eq!(keys_of(&schema, &items(at(&schema, "tests"))), set(&TEST_KEYS));
}

#[test]
fn sound_files_fit_the_schema_and_misspelt_keys_do_not() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let mut count = 0;
    for dir in ["tests/rules/valid", "sample-data/rules"] {
        for entry in fs::read_dir(repo(dir)).unwrap() {
            let path = entry.unwrap().path();
            let file: Value = serde_yaml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            let wrong: Vec<String> =
                validator.iter_errors(&file).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert!(wrong.is_empty(), "{}: {wrong:?}", path.display());
            count += 1;
        }
    }
    assert!(count > 12);
    let rule = |rule: Value| json!({"version": 1, "rules": [rule]});
    assert!(validator.is_valid(&rule(json!({"id": "a", "limit": {"field": "x", "max": 1}, "for": "1h 30m"}))));
    for wrong in [
        json!({"id": "a", "limit": {"field": "x", "mx": 1}}),
        json!({"id": "A b", "limit": {"field": "x", "max": 1}}),
        json!({"id": "a", "require": "x > 1", "alert_if": "x > 1"}),
        json!({"id": "a"}),
        json!({"id": "a", "severity": "critcal", "require": "x > 1"}),
        json!({"id": "a", "require": "x > 1", "for": "two minutes"}),
        json!({"id": "a", "window": {"agg": "mean", "field": "x", "over": "1m", "last": 3}, "limit": {"max": 1}}),
    ] {
        assert!(!validator.is_valid(&rule(wrong.clone())), "{wrong}");
    }
}

#[test]
fn the_program_prints_it() {
    let output = Home::new().run("rules schema", 0);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), JSON_SCHEMA);
}
