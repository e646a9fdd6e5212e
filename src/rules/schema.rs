//! Rule files: from YAML to a [`RuleSet`], with every fault of every file and its place.
//!
//! `scope` is what a file says for all its rules (lists, macros, aliases, defaults) and gives fields their slots; `rule`
//! reads one rule, `limit`, `condition` and `window` its parts; `given` the tests.

mod condition;
mod given;
mod limit;
mod rule;
mod scope;
mod window;

use std::collections::HashSet;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::ruleset::{Missing, RuleFile, RuleSet};
use super::slots::Findings;
use crate::verdict::Severity;
use crate::yaml::{Diagnostic, Doc, Node};

use scope::FileScope;
pub use scope::{impossible, known as known_type};

/// A rule file: its name as it is shown, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Path, or the name of an embedded file.
    pub name: String,
    /// Text.
    pub text: String,
}

/// Most rules, and most tests, of all files together.
const MOST: usize = 5_000;

/// JSON Schema of a rule file, for editors.
pub const JSON_SCHEMA: &str = include_str!("schema/rules.schema.json");

/// Keys of a file.
pub const FILE_KEYS: [&str; 7] = ["version", "fields", "lists", "macros", "defaults", "rules", "tests"];

/// Keys of a rule.
pub const RULE_KEYS: [&str; 18] = [
    "id",
    "desc",
    "severity",
    "tags",
    "enabled",
    "message",
    "missing",
    "limit",
    "require",
    "alert_if",
    "window",
    "for",
    "keep_firing",
    "cooldown",
    "mode",
    "exceptions",
    "notify",
    "capture",
];

/// Keys of `limit`.
pub const LIMIT_KEYS: [&str; 10] =
    ["field", "min", "max", "exclusive", "warn_min", "warn_max", "one_of", "not_in", "max_step", "unit"];

/// Keys of `window`.
pub const WINDOW_KEYS: [&str; 7] = ["agg", "field", "when", "over", "last", "by", "min_count"];

/// Keys of `defaults`.
pub const DEFAULT_KEYS: [&str; 7] = ["severity", "missing", "enabled", "cooldown", "for", "keep_firing", "mode"];

/// Keys of an exception.
pub const EXCEPTION_KEYS: [&str; 3] = ["when", "until", "reason"];

/// Keys of `capture`.
pub const CAPTURE_KEYS: [&str; 2] = ["before", "after"];

/// Keys of a test.
pub const TEST_KEYS: [&str; 3] = ["name", "given", "expect"];

const SEVERITIES: [(&str, Severity); 3] =
    [("info", Severity::Info), ("warning", Severity::Warning), ("critical", Severity::Critical)];

const MISSING: [(&str, Missing); 3] = [("skip", Missing::Skip), ("warn", Missing::Warn), ("violate", Missing::Violate)];

/// Whether a rule is a shadow.
const MODES: [(&str, bool); 2] = [("enforce", false), ("shadow", true)];

/// Reads and compiles all files as one rule set. Their tests are read, and run by `engine::constraints::check`.
///
/// # Errors
/// Every fault of every file.
pub fn load(sources: &[Source]) -> Result<RuleSet, Vec<Diagnostic>> {
    let mut building = Building { set: RuleSet::empty(), ids: HashSet::new(), tests: Vec::new() };
    let mut faults = Vec::new();
    let mut hash = Sha256::new();
    let mut docs = Vec::new();
    for source in sources {
        // The text alone: the same rules have the same revision wherever the file lies.
        hash.update((source.text.len() as u64).to_le_bytes());
        hash.update(source.text.as_bytes());
        let file = RuleFile { name: source.name.as_str().into(), text: source.text.as_str().into() };
        building.set.files.push(file);
        match Doc::parse(&source.name, &source.text) {
            Ok(doc) => docs.push((building.set.files.len() - 1, doc)),
            Err(fault) => faults.push(fault),
        }
    }
    docs.iter().for_each(|(file, doc)| building.file(*file, &doc.root()));
    // A test may expect something of a rule in another file.
    docs.iter().for_each(|(file, doc)| building.read_tests(*file, &doc.root()));
    for (_, doc) in &docs {
        faults.extend(doc.finish(()).err().into_iter().flatten());
        building.set.notes.extend(doc.notes());
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut set = building.set;
    set.revision = format!("sha256:{digest}").into();
    set.tests = building.tests;
    link(&mut set);
    Ok(set)
}

/// Puts the registers of all programs behind the slots, now that all slots are known.
fn link(set: &mut RuleSet) {
    use super::ruleset::Check;
    let (numbers, texts) = (set.numbers.len() as u32, set.texts.len() as u32);
    for rule in &mut set.rules {
        if let Check::Condition(condition) = &mut rule.check {
            condition.program.link(numbers, texts);
            for about in &mut condition.about {
                about.other.link(numbers);
            }
        }
        rule.window.iter_mut().filter_map(|window| window.when.as_mut()).for_each(|when| when.link(numbers, texts));
        rule.exceptions.iter_mut().for_each(|exception| exception.when.link(numbers, texts));
    }
    set.findings = Findings::new(&set.numbers, &set.texts);
}

struct Building {
    set: RuleSet,
    ids: HashSet<String>,
    tests: Vec<super::unit_test::Test>,
}

impl Building {
    fn file(&mut self, file: usize, root: &Node<'_>) {
        if root.value().as_mapping().is_none() {
            let help = "begin with `version: 1`, then `rules:` with a list of rules".to_owned();
            return root.fault("the file is no mapping of keys to values", Some(help));
        }
        root.only(&FILE_KEYS);
        match root.get("version").map(|node| (node.value().as_u64(), node)) {
            Some((Some(1), _)) => {}
            Some((_, node)) => node.fault("unknown version of the rule language", Some("this is version 1".into())),
            None => root.fault("the file does not name its version", Some("add `version: 1`".into())),
        }
        let scope = FileScope::read(file, root);
        scope.check_macros();
        let Some(rules) = root.get("rules") else {
            return root.fault("the file has no `rules`", Some("add a list of rules".into()));
        };
        let rules = rules.list().unwrap_or_default();
        for (index, rule) in rules.iter().enumerate() {
            if self.ids.len() >= MOST {
                return rule.fault(format!("{} rules more than the {MOST} that are read", rules.len() - index), None);
            }
            self.rule(rule, &scope);
        }
    }

    fn id(&mut self, node: &Node<'_>) -> Option<Arc<str>> {
        let Some(at) = node.get("id") else {
            node.fault("the rule has no `id`", Some("add one, such as `id: max-loss`".into()));
            return None;
        };
        let id = at.string()?;
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let kebab = id.split('-').all(|part| !part.is_empty() && part.bytes().all(plain));
        if !kebab || id.len() > 100 {
            let help = "lower-case letters, digits and single `-`, at most 100".to_owned();
            at.fault(format!("`{}` is not kebab-case", crate::record::prefix(id, 100)), Some(help));
            return None;
        }
        if !self.ids.insert(id.to_owned()) {
            // What else is wrong with it is told all the same.
            at.fault(format!("a second rule `{id}`"), Some("ids are unique over all files".into()));
        }
        Some(id.into())
    }
}
