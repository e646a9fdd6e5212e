//! What a file says for all its rules, and what names mean in it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::Duration;

use serde_yaml::Value;

use super::{DEFAULT_KEYS, MISSING, MODES, SEVERITIES};
use crate::record::names::is_plain;
use crate::rules::expr::{self, Ast, Fault, Kind, List, Macro, Scope, Type};
use crate::rules::ruleset::{Missing, RuleSet, Stage};
use crate::rules::slots::{FOUND, drift_path};
use crate::verdict::Severity;
use crate::yaml::{Node, did_you_mean};

/// Words that can't be names of macros, lists and aliases.
const RESERVED: [&str; 12] =
    ["true", "false", "in", "null", "samples", "window", "divergence", "drift", "confidence", "key", "and", "or"];

/// What a file says for all its rules.
pub(super) struct FileScope<'d> {
    pub file: usize,
    pub aliases: HashMap<String, Vec<String>>,
    lists: HashMap<String, List>,
    macros: HashMap<String, (Arc<Macro>, Node<'d>)>,
    /// Their names, as the file has them.
    in_order: Vec<String>,
    /// What was defined: a rule that uses it changes with it.
    written: BTreeMap<String, Written>,
    pub defaults: Defaults,
}

/// A definition, by what it says.
struct Written {
    hash: u64,
    /// The words in it, which may be names.
    words: BTreeSet<String>,
}

/// What holds for a rule that does not say otherwise.
pub(super) struct Defaults {
    pub severity: Severity,
    pub missing: Missing,
    pub enabled: bool,
    pub shadow: bool,
    pub hold: Duration,
    pub keep_firing: Duration,
    pub cooldown: Duration,
}

impl Defaults {
    fn read(node: Option<&Node<'_>>) -> Self {
        if let Some(node) = node {
            node.only(&DEFAULT_KEYS);
        }
        let get = |key: &str| node.and_then(|node| node.get(key));
        let span = |key: &str| get(key).and_then(|node| node.time_span()).unwrap_or_default();
        Self {
            severity: get("severity").and_then(|n| n.word(&SEVERITIES)).unwrap_or(Severity::Warning),
            missing: get("missing").and_then(|n| n.word(&MISSING)).unwrap_or(Missing::Skip),
            enabled: get("enabled").and_then(|n| n.boolean()).unwrap_or(true),
            shadow: get("mode").and_then(|n| n.word(&MODES)).unwrap_or(false),
            hold: span("for"),
            keep_firing: span("keep_firing"),
            cooldown: span("cooldown"),
        }
    }
}

impl<'d> FileScope<'d> {
    pub fn read(file: usize, root: &Node<'d>) -> Self {
        let mut scope = Self {
            file,
            aliases: HashMap::new(),
            lists: HashMap::new(),
            macros: HashMap::new(),
            in_order: Vec::new(),
            written: BTreeMap::new(),
            defaults: Defaults::read(root.get("defaults").as_ref()),
        };
        for (section, read) in
            [("fields", Self::alias as fn(&mut Self, &str, &Node<'d>)), ("lists", Self::list), ("macros", Self::named)]
        {
            let Some(node) = root.get(section) else { continue };
            for (name, node) in node.entries() {
                if scope.is_free(name, &node) {
                    let text = canonical(node.value());
                    // Words of lists and aliases are no names.
                    let words =
                        if section == "macros" { words(&text).map(str::to_owned).collect() } else { BTreeSet::new() };
                    scope.written.insert(name.to_owned(), Written { hash: stable_hash(&text), words });
                    read(&mut scope, name, &node);
                }
            }
        }
        scope.refuse_cycles();
        scope
    }

    /// Whether a name can be given to something of the file.
    fn is_free(&self, name: &str, node: &Node<'_>) -> bool {
        let why = if !is_plain(name) {
            format!("`{name}` can't be used in expressions")
        } else if RESERVED.contains(&name) || expr::is_function(name) {
            format!("`{name}` has a meaning of its own in expressions")
        } else if self.written.contains_key(name) {
            format!("a second meaning for `{name}`")
        } else {
            return true;
        };
        node.fault_at_key(why, Some("use another name: letters, digits and `_`".into()));
        false
    }

    /// A name for several paths, in canonical form.
    fn alias(&mut self, name: &str, node: &Node<'d>) {
        let Some(paths) = node.list() else { return };
        if paths.is_empty() {
            node.fault(format!("`{name}` stands for no field"), Some("name at least one".into()));
        }
        let canonical = paths.iter().filter_map(|path| field_path(path, None)).collect();
        self.aliases.insert(name.to_owned(), canonical);
    }

    fn list(&mut self, name: &str, node: &Node<'d>) {
        let list = read_list(node).unwrap_or_else(|| {
            // What is wrong with it was told; that it is there is true all the same.
            let first = node.value().as_sequence().and_then(|items| items.first());
            if first.is_some_and(Value::is_number) { List::Numbers(Vec::new()) } else { List::Texts(Vec::new()) }
        });
        self.lists.insert(name.to_owned(), list);
    }

    fn named(&mut self, name: &str, node: &Node<'d>) {
        let Some(text) = node.string() else { return };
        match expr::parse(text) {
            Ok(ast) => {
                let named = Arc::new(Macro { ast, text: text.to_owned() });
                self.in_order.push(name.to_owned());
                self.macros.insert(name.to_owned(), (named, node.clone()));
            }
            Err(fault) => report(node, &fault),
        }
    }

    /// A macro that uses itself would never end: it is reported and forgotten.
    fn refuse_cycles(&mut self) {
        let uses: BTreeMap<String, Vec<String>> = self
            .macros
            .iter()
            .map(|(name, (named, _))| {
                let mut names = Vec::new();
                names_in(&named.ast, &mut names);
                names.retain(|used| self.macros.contains_key(used));
                (name.clone(), names)
            })
            .collect();
        // What is left when all that rests on sound macros alone is taken away rests on a cycle.
        let mut open: BTreeMap<&str, usize> = uses.iter().map(|(name, names)| (name.as_str(), names.len())).collect();
        let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, used) in uses.iter().flat_map(|(name, names)| names.iter().map(move |used| (name, used))) {
            users.entry(used).or_default().push(name);
        }
        let mut sound: Vec<&str> = open.iter().filter(|(_, names)| **names == 0).map(|(name, _)| *name).collect();
        while let Some(name) = sound.pop() {
            for user in users.get(name).into_iter().flatten() {
                if let Some(names) = open.get_mut(user) {
                    *names -= 1;
                    sound.extend((*names == 0).then_some(*user));
                }
            }
        }
        let left: BTreeMap<String, Vec<String>> = uses
            .iter()
            .filter(|(name, _)| open[name.as_str()] > 0)
            .map(|(name, names)| (name.clone(), names.clone()))
            .collect();
        if let Some(name) = self.in_order.iter().find(|name| left.contains_key(*name)) {
            let way = way_round(name, &left);
            let node = &self.macros[name].1;
            node.fault(format!("the macro `{name}` uses itself: {way}"), Some("write one of them out".into()));
        }
        left.keys().for_each(|name| drop(self.macros.remove(name)));
    }

    /// Compiles every macro by itself, so that one that nobody uses is checked too.
    pub fn check_macros(&self) {
        for (name, (named, node)) in &self.macros {
            let mut aside = RuleSet::empty();
            let mut fields = Fields::new(&mut aside, self);
            fields.window = Some(fields.set.numbers.slot("window.value", &[]));
            let want = expr::type_of(&named.ast, &fields).unwrap_or(Type::Number);
            let mut layout = expr::Layout::default();
            if want == Type::List {
                node.fault(format!("`{name}` is a list"), Some("lists stand under `lists`".into()));
            } else if let Err(fault) = expr::compile(&named.ast, &named.text, want, &mut fields, &mut layout) {
                self.report(node, &fault);
            }
        }
    }

    /// Reports a fault where it is: in the value, or in the macro that the value uses.
    pub fn report(&self, node: &Node<'_>, fault: &Fault) {
        match fault.inside.as_ref().and_then(|name| self.macros.get(name)) {
            Some((_, at)) => report(at, fault),
            None => report(node, fault),
        }
    }

    /// The list of this name.
    pub fn list_named(&self, name: &str) -> Option<&List> {
        self.lists.get(name)
    }

    /// The names of all lists.
    pub fn list_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.lists.keys().cloned().collect();
        names.sort();
        names
    }

    /// All that the words of a text may mean in this file, by name and by what it says.
    pub fn meaning_of(&self, text: &str) -> String {
        let mut found: BTreeSet<&str> = BTreeSet::new();
        let mut open: Vec<&str> = words(text).collect();
        while let Some(word) = open.pop() {
            if let Some((name, written)) = self.written.get_key_value(word)
                && found.insert(name)
            {
                open.extend(written.words.iter().map(String::as_str));
            }
        }
        found.iter().filter_map(|name| Some(format!("{name}={}\n", self.written.get(*name)?.hash))).collect()
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// Not seeded by chance: a checkpoint compares it with that of another process.
pub(super) fn stable_hash(text: &str) -> u64 {
    let mut hasher = foldhash::fast::FixedState::default().build_hasher();
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// A value in one form, whatever its layout was.
pub(super) fn canonical(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| format!("{value:?}"))
}

fn way_round(start: &str, uses: &BTreeMap<String, Vec<String>>) -> String {
    let mut way = vec![start];
    let mut at = start;
    while let Some(next) = uses.get(at).and_then(|names| names.iter().find(|name| uses.contains_key(*name))) {
        let seen = way.contains(&next.as_str());
        way.push(next);
        if seen {
            break;
        }
        at = next;
    }
    way.join(" → ")
}

fn names_in(ast: &Ast, names: &mut Vec<String>) {
    match &ast.kind {
        Kind::Field(path) => names.push(path.clone()),
        Kind::Number(_) | Kind::Text(_) | Kind::Bool(_) => {}
        Kind::Not(part) | Kind::Negate(part) => names_in(part, names),
        Kind::Binary(_, left, right) => [left, right].into_iter().for_each(|part| names_in(part, names)),
        Kind::Choose(a, b, c) => [a, b, c].into_iter().for_each(|part| names_in(part, names)),
        Kind::List(parts) | Kind::Call(_, parts) => parts.iter().for_each(|part| names_in(part, names)),
    }
}

/// A list of strings, or of numbers.
pub(super) fn read_list(node: &Node<'_>) -> Option<List> {
    let items = node.list()?;
    if items.iter().all(|item| item.value().is_number()) && !items.is_empty() {
        return items.iter().map(|item| item.number()).collect::<Option<_>>().map(List::Numbers);
    }
    if let Some(number) = items.iter().find(|item| item.value().is_number()) {
        number.fault("a list has either numbers or strings, not both", Some("put it in quotes".into()));
        return None;
    }
    let texts = items.iter().map(|item| item.string().map(Into::into));
    // Every item at fault is told, not only the first.
    let texts: Vec<Option<Box<str>>> = texts.collect();
    texts.into_iter().collect::<Option<_>>().map(List::Texts)
}

/// The path that a value names, in canonical form.
pub(super) fn field_path(node: &Node<'_>, window: Option<usize>) -> Option<String> {
    let text = node.string()?;
    let path = match expr::parse(text) {
        Ok(Ast { kind: Kind::Field(path), .. }) => path,
        Ok(_) => {
            let plain = text.chars().all(|c| c.is_alphanumeric() || "_-. /:@".contains(c));
            let odd = if plain { format!("$[\"{text}\"]") } else { "$[\"agent-id\"]".into() };
            let help = format!("such as metrics.pressure; a name that is no word is written {odd}");
            node.fault("expected a field", Some(help));
            return None;
        }
        Err(fault) => {
            report(node, &fault);
            return None;
        }
    };
    if path == "samples" {
        node.fault("`samples` is a list", Some("did you mean `samples.n`, their number?".into()));
        return None;
    }
    if let Some((why, help)) = impossible(&path, window.is_some()) {
        node.fault(why, Some(help));
        return None;
    }
    Some(path)
}

pub(super) fn report(node: &Node<'_>, fault: &Fault) {
    node.fault_within(fault.span.clone(), fault.message.clone(), fault.help.clone());
}

/// Gives slots to the fields that a rule reads, and notes its stage.
pub(super) struct Fields<'a, 'd> {
    pub set: &'a mut RuleSet,
    scope: &'a FileScope<'d>,
    pub stage: Stage,
    pub numbers: Vec<usize>,
    pub texts: Vec<usize>,
    /// Paths that the rule names.
    pub paths: Vec<String>,
    /// Slot of the window's value, in a rule with a window.
    pub window: Option<usize>,
}

impl<'a, 'd> Fields<'a, 'd> {
    pub fn new(set: &'a mut RuleSet, scope: &'a FileScope<'d>) -> Self {
        Self { set, scope, stage: Stage::Record, numbers: vec![], texts: vec![], paths: vec![], window: None }
    }

    fn meant(&mut self, path: &str) -> (String, Vec<String>) {
        if !self.paths.iter().any(|known| known == path) {
            self.paths.push(path.to_owned());
        }
        let (name, paths) = match self.scope.aliases.get(path) {
            // Two files may use one alias for different fields: the slot is called by what it stands for.
            Some(paths) => (paths.join(" | "), paths.clone()),
            None => (path.to_owned(), vec![path.to_owned()]),
        };
        self.stage = paths.iter().map(|path| Stage::of(path)).fold(self.stage, Stage::max);
        (name, paths)
    }
}

impl Scope for Fields<'_, '_> {
    fn number_slot(&mut self, path: &str) -> usize {
        if let (Some(slot), "window.value") = (self.window, path) {
            return slot;
        }
        let (name, paths) = self.meant(path);
        let slot = self.set.numbers.slot(&name, &paths);
        if !self.numbers.contains(&slot) {
            self.numbers.push(slot);
        }
        slot
    }

    fn text_slot(&mut self, path: &str) -> usize {
        let (name, paths) = self.meant(path);
        let slot = self.set.texts.slot(&name, &paths);
        if !self.texts.contains(&slot) {
            self.texts.push(slot);
        }
        slot
    }

    fn known(&self, path: &str) -> Option<Type> {
        match self.scope.aliases.get(path) {
            Some(paths) => paths.first().and_then(|path| known(path)),
            None => known(path),
        }
    }

    fn impossible(&self, path: &str) -> Option<(String, String)> {
        impossible(path, self.window.is_some())
    }

    fn macro_named(&self, name: &str) -> Option<Arc<Macro>> {
        self.scope.macros.get(name).map(|(named, _)| Arc::clone(named))
    }

    fn list_named(&self, name: &str) -> Option<List> {
        self.scope.lists.get(name).cloned()
    }

    fn list_names(&self) -> Vec<String> {
        self.scope.list_names()
    }
}

/// What a field of the catalogue holds.
pub fn known(path: &str) -> Option<Type> {
    const LABELS: [&str; 7] = ["id", "agent_id", "model", "tenant_id", "intent", "prompt_version", "key"];
    const MEASURED: [&str; 5] = ["physics.", "financial.", "metrics.", "divergence.", "confidence."];
    if LABELS.contains(&path) || drift_path(path).is_some_and(|(_, what)| what == "state") {
        return Some(Type::Text);
    }
    let number = MEASURED.iter().any(|group| path.starts_with(group))
        || ["latency_ms", "samples.n", "window.value"].contains(&path)
        || path.starts_with("metrics[")
        || drift_path(path).is_some();
    number.then_some(Type::Number)
}

/// Why no record and no engine has a field, and what may have been meant; `None` for what they may have.
pub fn impossible(path: &str, window: bool) -> Option<(String, String)> {
    if path == "window.value" && !window {
        let help = "add a `window` to the rule, such as window: {agg: p95, field: latency_ms, over: 60s}";
        return Some(("there is no `window.value` in a rule without a `window`".into(), help.into()));
    }
    if Stage::of(path) == Stage::Record || FOUND.iter().any(|(known, _)| *known == path) || drift_path(path).is_some() {
        return None;
    }
    let why = format!("no engine finds `{path}`");
    let names = || FOUND.iter().map(|(known, _)| *known);
    let (group, last) = path.rsplit_once('.').unwrap_or((path, ""));
    let near = names().filter_map(|known| known.strip_prefix(group)?.strip_prefix('.'));
    let help = match did_you_mean(last, near) {
        Some(_) => did_you_mean(path, names()).unwrap_or_default(),
        None if path.starts_with("drift") => "such as drift.latency_ms.score, drift.latency_ms.state".into(),
        None => format!("the engines find {}, drift.<series>.score and .state", names().collect::<Vec<_>>().join(", ")),
    };
    Some((why, help))
}

/// Fields of records by their usual names, to find what was misspelt.
const USUAL: [&str; 12] = [
    "physics.energy_in",
    "physics.energy_out",
    "financial.proposed_loss",
    "latency_ms",
    "agent_id",
    "tenant_id",
    "prompt_version",
    "prompt",
    "model",
    "intent",
    "samples.n",
    "samples",
];

/// What a field that records hardly have was meant to be.
pub fn misspelt(path: &str) -> Option<String> {
    const GROUPS: [&str; 6] = ["physics", "financial", "metrics", "divergence", "confidence", "drift"];
    if USUAL.contains(&path) || Stage::of(path) > Stage::Record {
        return None;
    }
    // Of short names many are near to one another by chance.
    let near = did_you_mean(path, USUAL.into_iter()).filter(|_| path.len() > 5 && path.contains(['.', '_']));
    if near.is_some() {
        return near;
    }
    let (group, rest) = path.split_once('.')?;
    if GROUPS.contains(&group) || rest.is_empty() {
        return None;
    }
    let meant = GROUPS.iter().find(|known| did_you_mean(group, std::iter::once(**known)).is_some())?;
    Some(format!("did you mean `{meant}.{rest}`?"))
}
