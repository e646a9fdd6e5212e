//! Rule files: from YAML to a [`RuleSet`], with every fault of every file and its place.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

use super::expr::{self, Ast, Binary, Fault, Kind, Resolve};
use super::message::Template;
use super::ruleset::{Check, Limit, Missing, Requirement, Rule, RuleSet, Stage, Step, Words};
use crate::verdict::Severity;
use crate::yaml::{Diagnostic, Doc, Node, did_you_mean};

/// A rule file: its name as it is shown, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Path, or the name of an embedded file.
    pub name: String,
    /// Text.
    pub text: String,
}

const FILE_KEYS: [&str; 4] = ["version", "fields", "defaults", "rules"];
const RULE_KEYS: [&str; 9] = ["id", "desc", "severity", "tags", "enabled", "message", "missing", "limit", "require"];
const LIMIT_KEYS: [&str; 10] =
    ["field", "min", "max", "exclusive", "warn_min", "warn_max", "one_of", "not_in", "max_step", "unit"];
const DEFAULT_KEYS: [&str; 3] = ["severity", "missing", "enabled"];

/// Parts of the language that this version knows of and does not run.
const LATER: [&str; 12] = [
    "lists",
    "macros",
    "tests",
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

const SEVERITIES: [(&str, Severity); 3] =
    [("info", Severity::Info), ("warning", Severity::Warning), ("critical", Severity::Critical)];

const MISSING: [(&str, Missing); 3] = [("skip", Missing::Skip), ("warn", Missing::Warn), ("violate", Missing::Violate)];

/// What the engines find, for rules to read.
const FOUND: [&str; 8] = [
    "divergence.risk",
    "divergence.semantic",
    "divergence.answer",
    "divergence.lexical",
    "divergence.facts",
    "divergence.entropy",
    "divergence.outlier",
    "confidence.score",
];

/// Reads and compiles all files as one rule set.
///
/// # Errors
/// Every fault of every file.
pub fn load(sources: &[Source]) -> Result<RuleSet, Vec<Diagnostic>> {
    let mut building = Building { set: RuleSet::empty(), ids: HashSet::new() };
    let mut faults = Vec::new();
    let mut hash = Sha256::new();
    for source in sources {
        // The text alone: the same rules have the same revision wherever the file lies.
        hash.update((source.text.len() as u64).to_le_bytes());
        hash.update(source.text.as_bytes());
        match Doc::parse(&source.name, &source.text) {
            Ok(doc) => {
                building.file(&doc.root());
                faults.extend(doc.finish(()).err().into_iter().flatten());
            }
            Err(fault) => faults.push(fault),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut set = building.set;
    set.revision = format!("sha256:{digest}").into();
    set.limits.sort_by_key(|limit| limit.slot);
    set.limits_of = (0..set.numbers.len())
        .map(|slot| {
            let first = set.limits.partition_point(|limit| limit.slot < slot);
            first..set.limits.partition_point(|limit| limit.slot <= slot)
        })
        .collect();
    Ok(set)
}

struct Building {
    set: RuleSet,
    ids: HashSet<String>,
}

/// What a file says for all its rules.
struct FileScope {
    aliases: HashMap<String, Vec<String>>,
    severity: Severity,
    missing: Missing,
    enabled: bool,
}

fn known_keys(node: &Node<'_>, keys: &[&str]) {
    for (key, value) in node.entries() {
        if LATER.contains(&key) {
            value.fault(format!("`{key}` is not supported by this version"), Some("remove it".into()));
        }
    }
    let all: Vec<&str> = keys.iter().chain(&LATER).copied().collect();
    node.only(&all);
}

impl Building {
    fn file(&mut self, root: &Node<'_>) {
        known_keys(root, &FILE_KEYS);
        match root.get("version").map(|node| (node.value().as_u64(), node)) {
            Some((Some(1), _)) => {}
            Some((_, node)) => node.fault("unknown version of the rule language", Some("this is version 1".into())),
            None => root.fault("the file does not name its version", Some("add `version: 1`".into())),
        }
        let defaults = root.get("defaults");
        if let Some(defaults) = &defaults {
            known_keys(defaults, &DEFAULT_KEYS);
        }
        let default = |key: &str| defaults.as_ref().and_then(|d| d.get(key));
        let scope = FileScope {
            aliases: root.get("fields").map(|node| aliases(&node)).unwrap_or_default(),
            severity: default("severity").and_then(|n| n.word(&SEVERITIES)).unwrap_or(Severity::Warning),
            missing: default("missing").and_then(|n| n.word(&MISSING)).unwrap_or(Missing::Skip),
            enabled: default("enabled").and_then(|n| n.boolean()).unwrap_or(true),
        };
        let rules = root.get("rules");
        if rules.is_none() {
            root.fault("the file has no `rules`", Some("add a list of rules".into()));
        }
        for rule in rules.and_then(|node| node.list()).unwrap_or_default() {
            self.rule(&rule, &scope);
        }
    }

    fn rule(&mut self, node: &Node<'_>, scope: &FileScope) {
        known_keys(node, &RULE_KEYS);
        let Some(id) = self.id(node) else { return };
        let severity = node.get("severity").and_then(|n| n.word(&SEVERITIES)).unwrap_or(scope.severity);
        let missing = node.get("missing").and_then(|n| n.word(&MISSING)).unwrap_or(scope.missing);
        let enabled = node.get("enabled").and_then(|n| n.boolean()).unwrap_or(scope.enabled);
        let tags = node.get("tags").and_then(|n| n.list()).unwrap_or_default();
        let mut rule = Rule {
            id: id.into(),
            desc: node.get("desc").and_then(|n| n.string()).unwrap_or_default().to_owned(),
            severity,
            tags: tags.iter().filter_map(|n| n.string()).map(str::to_owned).collect(),
            message: None,
            missing,
            stage: Stage::Record,
            unit: String::new(),
            numbers: Vec::new(),
            texts: Vec::new(),
            check: Check::Limit,
        };
        // A disabled rule is checked like any other, against a table of its own that is thrown away.
        let mut aside = RuleSet::empty();
        let set = if enabled { &mut self.set } else { &mut aside };
        let index = set.rules.len();
        let mut fields = Fields { set, aliases: &scope.aliases, stage: Stage::Record, numbers: vec![], texts: vec![] };
        let check = match (node.get("limit"), node.get("require")) {
            (Some(limit), None) => read_limit(&limit, index, &mut rule.unit, &mut fields),
            (None, Some(require)) => read_requirement(&require, &mut fields),
            (Some(_), Some(second)) => {
                second.fault("a rule has either `limit` or `require`, not both", None);
                None
            }
            (None, None) => {
                let at = node.get("id").unwrap_or_else(|| node.clone());
                at.fault("the rule has no condition", Some("add `limit` or `require`".into()));
                None
            }
        };
        (rule.stage, rule.numbers, rule.texts) = (fields.stage, fields.numbers.clone(), fields.texts.clone());
        if let Some(message) = node.get("message") {
            rule.message = message.string().and_then(|text| match Template::parse(text, &mut fields) {
                Ok(template) => Some(template),
                Err(fault) => {
                    report(&message, &fault);
                    None
                }
            });
            // A text may name what is found after the rule is evaluated; it is filled in with what is known by then.
        }
        if let Some(check) = check {
            rule.check = check;
            fields.set.rules.push(rule);
        }
    }

    fn id(&mut self, node: &Node<'_>) -> Option<String> {
        let Some(at) = node.get("id") else {
            node.fault("the rule has no `id`", Some("add one, such as `id: max-loss`".into()));
            return None;
        };
        let id = at.string()?;
        let kebab = !id.is_empty()
            && id
                .split('-')
                .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        if !kebab {
            at.fault(format!("`{id}` is not kebab-case"), Some("lower-case letters, digits and single `-`".into()));
            return None;
        }
        if !self.ids.insert(id.to_owned()) {
            at.fault(format!("a second rule `{id}`"), Some("ids are unique over all files".into()));
            return None;
        }
        Some(id.to_owned())
    }
}

/// `fields:` names for several paths, in canonical form.
fn aliases(node: &Node<'_>) -> HashMap<String, Vec<String>> {
    let mut aliases = HashMap::new();
    for (alias, paths) in node.entries() {
        let paths = paths.list().unwrap_or_default();
        let canonical = paths.iter().filter_map(|path| field_path(path)).collect();
        aliases.insert(alias.to_owned(), canonical);
    }
    aliases
}

fn field_path(node: &Node<'_>) -> Option<String> {
    match expr::parse(node.string()?) {
        Ok(Ast { kind: Kind::Field(path), .. }) => match impossible(&path) {
            Some(why) => {
                node.fault(why, None);
                None
            }
            None => Some(path),
        },
        Ok(_) => {
            node.fault("expected a field, such as metrics.pressure", None);
            None
        }
        Err(fault) => {
            report(node, &fault);
            None
        }
    }
}

fn report(node: &Node<'_>, fault: &Fault) {
    node.fault_within(fault.span.clone(), fault.message.clone(), fault.help.clone());
}

/// Gives slots to the fields that a rule reads, and notes its stage.
struct Fields<'a> {
    set: &'a mut RuleSet,
    aliases: &'a HashMap<String, Vec<String>>,
    stage: Stage,
    numbers: Vec<usize>,
    texts: Vec<usize>,
}

impl Fields<'_> {
    fn paths(&self, path: &str) -> (String, Vec<String>) {
        match self.aliases.get(path) {
            // Two files may use one alias for different fields: the slot is called by what it stands for.
            Some(paths) => (paths.join(" | "), paths.clone()),
            None => (path.to_owned(), vec![path.to_owned()]),
        }
    }
}

impl Resolve for Fields<'_> {
    fn number_slot(&mut self, path: &str) -> usize {
        let (name, paths) = self.paths(path);
        self.stage = paths.iter().map(|path| Stage::of(path)).fold(self.stage, Stage::max);
        let slot = self.set.numbers.slot(&name, &paths);
        self.numbers.push(slot);
        slot
    }

    fn text_slot(&mut self, path: &str) -> usize {
        let (name, paths) = self.paths(path);
        self.stage = paths.iter().map(|path| Stage::of(path)).fold(self.stage, Stage::max);
        let slot = self.set.texts.slot(&name, &paths);
        self.texts.push(slot);
        slot
    }

    fn impossible(&self, path: &str) -> Option<String> {
        impossible(path)
    }
}

/// Why no engine finds what a path of theirs names; `None` for what they find, and for fields of records.
fn impossible(path: &str) -> Option<String> {
    let drift = path.starts_with("drift.") && path.ends_with(".score");
    if Stage::of(path) == Stage::Record || FOUND.contains(&path) || drift {
        return None;
    }
    let help = did_you_mean(path, FOUND.into_iter())
        .unwrap_or_else(|| format!("the engines find {} and drift.<series>.score", FOUND.join(", ")));
    Some(format!("no engine finds `{path}`: {help}"))
}

fn read_limit(node: &Node<'_>, rule: usize, unit: &mut String, fields: &mut Fields<'_>) -> Option<Check> {
    let sound = node.only(&LIMIT_KEYS);
    let Some(at) = node.get("field") else {
        node.fault("the limit names no `field`", Some("add one, such as `field: metrics.pressure`".into()));
        return None;
    };
    let path = field_path(&at)?;
    *unit = node.get("unit").and_then(|n| n.string()).unwrap_or_default().to_owned();
    let words = node.get("one_of").map(|n| (n, true)).or_else(|| node.get("not_in").map(|n| (n, false)));
    let bound = |key: &str, otherwise: f64| node.get(key).map_or(Some(otherwise), |n| n.number());
    let (low, high) = (bound("min", f64::NEG_INFINITY)?, bound("max", f64::INFINITY)?);
    let (warn_low, warn_high) = (bound("warn_min", f64::NEG_INFINITY)?, bound("warn_max", f64::INFINITY)?);
    let bounded = ["min", "max", "warn_min", "warn_max"].iter().any(|key| node.get(key).is_some());
    if let (Some(_), Some(second)) = (node.get("one_of"), node.get("not_in")) {
        second.fault("a limit has either `one_of` or `not_in`, not both", None);
        return None;
    }
    if let Some((list, allowed)) = words {
        if let Some(exclusive) = node.get("exclusive") {
            exclusive.fault("only bounds of numbers can be exclusive", Some("remove it".into()));
            return None;
        }
        if bounded || node.get("max_step").is_some() {
            list.fault("a limit is on a number or on a label, not on both", None);
            return None;
        }
        let words = list.list()?.iter().filter_map(|n| n.string()).map(Into::into).collect();
        return Some(Check::Words(Words { slot: fields.text_slot(&path), words, allowed }));
    }
    let max_step = node.get("max_step").map(|n| {
        let max = n.number()?;
        if max < 0.0 {
            n.fault("a step is a distance: it can't be negative", None);
            return None;
        }
        Some(max)
    });
    if !bounded && max_step.is_none() {
        // A bound that is misspelt was reported already.
        if !sound {
            return None;
        }
        node.fault(
            "the limit has no bound",
            Some("add one of min, max, warn_min, warn_max, max_step, one_of, not_in".into()),
        );
        return None;
    }
    if low > high {
        node.fault(format!("min {low} is above max {high}: every value would breach"), None);
        return None;
    }
    let exclusive = node.get("exclusive").map_or(Some(false), |n| n.boolean())?;
    let slot = fields.number_slot(&path);
    if bounded {
        fields.set.limits.push(Limit { slot, rule, low, high, warn_low, warn_high, exclusive });
    }
    if let Some(max) = max_step {
        fields.set.steps.push(Step { slot, rule, max: max? });
    }
    Some(Check::Limit)
}

fn read_requirement(node: &Node<'_>, fields: &mut Fields<'_>) -> Option<Check> {
    let text = node.string()?;
    let compiled = expr::parse(text).and_then(|ast| Ok((expr::compile(&ast, fields)?, ast)));
    let (expr, ast) = match compiled {
        Ok(compiled) => compiled,
        Err(fault) => {
            report(node, &fault);
            return None;
        }
    };
    let about = reported(&ast);
    let field = about.as_ref().map(|about| about.field.clone()).or_else(|| first_field(&ast));
    let slot = field.as_ref().map(|path| fields.number_slot(path));
    let limit = about.as_ref().and_then(|about| compile_number(about.other, fields));
    let other = about.as_ref().map(|about| about.other).filter(|other| !matches!(other.kind, Kind::Number(_)));
    Some(Check::Require(Box::new(Requirement {
        expr,
        text: text.to_owned(),
        field: field.unwrap_or_default().into(),
        slot,
        limit,
        breached: about.as_ref().map_or("", |about| about.breached),
        other: other.map(|other| text[other.span.clone()].to_owned()),
    })))
}

/// What a condition is about.
struct About<'a> {
    field: String,
    breached: &'static str,
    other: &'a Ast,
}

/// The field that a condition compares, and with what.
fn reported(ast: &Ast) -> Option<About<'_>> {
    use Binary::{Equal, Greater, GreaterEqual, Less, LessEqual};
    let Kind::Binary(op, left, right) = &ast.kind else { return None };
    // The opposite, read from the left side, and from the right one.
    let (from_left, from_right) = match op {
        Less => ("≥", "≤"),
        LessEqual => (">", "<"),
        Greater => ("≤", "≥"),
        GreaterEqual => ("<", ">"),
        Equal => ("≠", "≠"),
        _ => return None,
    };
    match (&left.kind, &right.kind) {
        (Kind::Field(path), _) => Some(About { field: path.clone(), breached: from_left, other: right.as_ref() }),
        (_, Kind::Field(path)) => Some(About { field: path.clone(), breached: from_right, other: left.as_ref() }),
        _ => None,
    }
}

fn first_field(ast: &Ast) -> Option<String> {
    match &ast.kind {
        Kind::Field(path) => Some(path.clone()),
        Kind::Number(_) | Kind::Text(_) | Kind::Bool(_) => None,
        Kind::Not(part) | Kind::Negate(part) => first_field(part),
        Kind::Binary(_, left, right) => first_field(left).or_else(|| first_field(right)),
        Kind::Choose(a, b, c) => [a, b, c].into_iter().find_map(|part| first_field(part)),
        Kind::List(parts) | Kind::Call(_, parts) => parts.iter().find_map(first_field),
    }
}

/// Compiles a part as a number by comparing it with one; `None` for a part that is none.
fn compile_number(ast: &Ast, fields: &mut Fields<'_>) -> Option<expr::Expr> {
    let zero = Ast { kind: Kind::Number(0.0), span: ast.span.clone() };
    let whole = Ast { kind: Kind::Binary(Binary::Less, Box::new(ast.clone()), Box::new(zero)), span: ast.span.clone() };
    match expr::compile(&whole, fields) {
        Ok(expr::Expr::Binary(_, pair)) => Some(pair.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(text: &str) -> Result<RuleSet, Vec<String>> {
        let source = Source { name: "r.yaml".into(), text: text.into() };
        load(&[source]).map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn all_faults_of_a_file_come_at_once_with_their_places() {
        let faults = load_text(
            "version: 1\nrules:\n  - id: a\n    limit: {field: metrics.p, mni: 2}\n  - id: a\n    require: 'x > 1'\n  - id: B c\n    require: 'x'\n  - id: d\n  - id: e\n    require: 'physics.energy_out <= physics.energy_in * \"x\"'\n  - id: f\n    severity: critcal\n    require: 'divergence.rsk < 1'\n  - id: g\n    window: {agg: p95}\n    limit: {field: x, max: 1}\n",
        )
        .unwrap_err();
        assert_eq!(
            faults,
            [
                "r.yaml:4:31: unknown key `mni` (did you mean `min`?)",
                "r.yaml:5:9: a second rule `a` (ids are unique over all files)",
                "r.yaml:7:9: `B c` is not kebab-case (lower-case letters, digits and single `-`)",
                "r.yaml:9:9: the rule has no condition (add `limit` or `require`)",
                "r.yaml:11:57: expected number, found string",
                "r.yaml:13:15: `critcal` is none of info, warning, critical (did you mean `critical`?)",
                "r.yaml:14:15: no engine finds `divergence.rsk`: did you mean `divergence.risk`?",
                "r.yaml:16:13: `window` is not supported by this version (remove it)",
            ]
        );
    }

    #[test]
    fn version_and_rules_are_needed() {
        assert_eq!(
            load_text("rules: []").unwrap_err(),
            ["r.yaml:1:1: the file does not name its version (add `version: 1`)"]
        );
        assert!(load_text("version: 2\nrules: []").is_err());
        assert!(load_text("version: 1").is_err());
    }

    #[test]
    fn the_revision_follows_the_text() {
        let text = "version: 1\nrules: []\n";
        let a = load(&[Source { name: "a".into(), text: text.into() }]).unwrap();
        let b = load(&[Source { name: "b".into(), text: text.into() }]).unwrap();
        assert_eq!(a.revision, b.revision);
        assert_ne!(a.revision, load_text("version: 1\nrules: [] \n").unwrap().revision);
    }
}
