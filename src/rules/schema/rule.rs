//! One rule.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::scope::{Fields, FileScope, canonical, misspelt, stable_hash};
use super::{Building, CAPTURE_KEYS, EXCEPTION_KEYS, MISSING, MODES, RULE_KEYS, SEVERITIES, condition, limit, window};
use crate::rules::expr::Type;
use crate::rules::message::Template;
use crate::rules::ruleset::{Check, Exception, Rule, RuleSet, Stage};
use crate::yaml::Node;

/// Most records that are kept on either side of a breach.
const MOST_CAPTURED: u64 = 100_000;

/// Longest name of a target.
const TARGET_BYTES: usize = 64;

impl Building {
    pub(super) fn rule(&mut self, node: &Node<'_>, scope: &FileScope<'_>) {
        node.only(&RULE_KEYS);
        let Some(id) = self.id(node) else { return };
        let enabled = node.get("enabled").map_or(Some(scope.defaults.enabled), |n| n.boolean()).unwrap_or(true);
        // A disabled rule is checked like any other, against a table of its own that is thrown away.
        let mut aside = RuleSet::empty();
        let set = if enabled { &mut self.set } else { &mut aside };
        let index = set.rules.len();
        let mut fields = Fields::new(set, scope);
        let mut rule = outline(node, scope, id);
        let spec = node.get("window");
        let window = spec.as_ref().and_then(|node| window::read(node, &rule.id, &mut fields, scope));
        // What a window at fault would have been is not reported once more.
        if spec.is_some() && window.is_none() {
            fields.window = Some(usize::MAX);
        }
        let conditions: Vec<Node<'_>> =
            ["limit", "require", "alert_if"].iter().filter_map(|key| node.get(key)).collect();
        let check = match &conditions[..] {
            [one] => match (node.get("limit"), node.get("require")) {
                (Some(limit), _) => limit::read(&limit, index, &mut rule.unit, &mut fields, scope),
                (_, must_hold) => condition::read(one, must_hold.is_some(), &mut fields, scope),
            },
            [] => {
                let at = node.get("id").unwrap_or_else(|| node.clone());
                at.fault("the rule has no condition", Some("add `limit`, `require` or `alert_if`".into()));
                None
            }
            [_, second, ..] => {
                second.fault(
                    "a rule has one of `limit`, `require` and `alert_if`, not two",
                    Some("make two rules of it".into()),
                );
                None
            }
        };
        if let (Some(Check::Condition(condition)), Some(window)) = (&check, &window)
            && !condition.reads(window.value)
        {
            conditions[0]
                .fault("the condition does not use the window", Some("compare `window.value` with something".into()));
        }
        // What only its exceptions read is nothing that the rule needs.
        (rule.numbers, rule.texts) = (fields.numbers.clone(), fields.texts.clone());
        rule.exceptions = exceptions(node, &mut fields, scope);
        rule.stage = fields.stage;
        rule.optional = condition::only_asked_for(&check, &fields);
        for path in std::mem::take(&mut fields.paths) {
            if let Some(near) = misspelt(&path).filter(|_| !scope.aliases.contains_key(&path)) {
                let at = conditions.first().cloned().unwrap_or_else(|| node.clone());
                at.note(format!("records hardly have a field `{path}`"), Some(near));
            }
        }
        // A text may name what is found after the rule is evaluated; it is filled in with what is known by then.
        rule.message = node.get("message").and_then(|at| message(&at, &mut fields));
        rule.window = window;
        if let Some(check) = check {
            rule.check = check;
            fields.set.rules.push(rule);
        }
        if !enabled {
            let id = node.get("id").and_then(|id| id.string()).unwrap_or_default();
            self.set.disabled.push(id.to_owned());
        }
    }
}

/// The rule without its condition.
fn outline(node: &Node<'_>, scope: &FileScope<'_>, id: Arc<str>) -> Rule {
    let defaults = &scope.defaults;
    let span = |key: &str, otherwise: Duration| node.get(key).map_or(otherwise, |n| n.time_span().unwrap_or_default());
    let tags = node.get("tags").and_then(|n| n.list()).unwrap_or_default();
    Rule {
        fingerprint: fingerprint(node, scope),
        id,
        desc: node.get("desc").and_then(|n| n.string()).unwrap_or_default().to_owned(),
        severity: node.get("severity").and_then(|n| n.word(&SEVERITIES)).unwrap_or(defaults.severity),
        tags: tags.iter().filter_map(|n| n.string()).map(str::to_owned).collect(),
        message: None,
        missing: node.get("missing").and_then(|n| n.word(&MISSING)).unwrap_or(defaults.missing),
        stage: Stage::Record,
        unit: String::new(),
        numbers: Vec::new(),
        texts: Vec::new(),
        optional: Vec::new(),
        check: Check::Limit,
        window: None,
        hold: span("for", defaults.hold),
        keep_firing: span("keep_firing", defaults.keep_firing),
        cooldown: span("cooldown", defaults.cooldown),
        shadow: node.get("mode").and_then(|n| n.word(&MODES)).unwrap_or(defaults.shadow),
        exceptions: Vec::new(),
        notify: notify(node),
        capture: capture(node),
        file: scope.file,
    }
}

/// Equal for rules that say the same: the rule's own text, the defaults, and whatever its words mean in the file.
fn fingerprint(node: &Node<'_>, scope: &FileScope<'_>) -> u64 {
    let own = canonical(node.value());
    let d = &scope.defaults;
    stable_hash(&format!(
        "{own}\n{:?} {:?} {} {:?} {:?} {:?}\n{}",
        d.severity,
        d.missing,
        d.shadow,
        d.hold,
        d.keep_firing,
        d.cooldown,
        scope.meaning_of(&own)
    ))
}

fn notify(node: &Node<'_>) -> Vec<String> {
    let Some(at) = node.get("notify") else { return Vec::new() };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let name = |node: &Node<'_>| {
        let name = node.string()?;
        if name.is_empty() || name.len() > TARGET_BYTES || !name.chars().all(plain) {
            let help = "name a target; its address or command stands in your own configuration alone";
            node.fault("a rule can name neither an address nor a command", Some(help.into()));
            return None;
        }
        Some(name.to_owned())
    };
    at.list().unwrap_or_default().iter().filter_map(name).collect()
}

fn capture(node: &Node<'_>) -> Option<(u64, u64)> {
    let at = node.get("capture")?;
    at.only(&CAPTURE_KEYS);
    let records = |key: &str| at.get(key).map_or(Some(0), |n| n.whole(0..=MOST_CAPTURED));
    Some((records("before")?, records("after")?))
}

fn message(at: &Node<'_>, fields: &mut Fields<'_, '_>) -> Option<Template> {
    match Template::parse(at.string()?, fields) {
        Ok(template) => Some(template),
        Err(fault) => {
            super::scope::report(at, &fault);
            None
        }
    }
}

fn exceptions(node: &Node<'_>, fields: &mut Fields<'_, '_>, scope: &FileScope<'_>) -> Vec<Exception> {
    let items = node.get("exceptions").and_then(|n| n.list()).unwrap_or_default();
    items.iter().filter_map(|item| exception(item, fields, scope)).collect()
}

fn exception(item: &Node<'_>, fields: &mut Fields<'_, '_>, scope: &FileScope<'_>) -> Option<Exception> {
    item.only(&EXCEPTION_KEYS);
    let need = |key: &str, help: &str| {
        let found = item.get(key);
        if found.is_none() {
            item.fault(format!("the exception has no `{key}`"), Some(help.into()));
        }
        found
    };
    let when = need("when", "say on which records, such as when: 'desk == \"hedge\"'");
    let reason = need("reason", "say why, such as reason: \"risk memo 114\"");
    let until = match item.get("until") {
        None => None,
        // Over at the end of that day.
        Some(node) => {
            let next = node.date()?.checked_add(1.day()).and_then(|next| next.to_zoned(TimeZone::UTC));
            // Behind the last day that there is, there is no end.
            Some(next.map_or(Timestamp::MAX, |next| next.timestamp()))
        }
    };
    let (when, reason) = (when?, reason?.string()?.to_owned());
    let when_text = when.string()?.to_owned();
    let program = condition::compile(&when, &when_text, Type::Bool, fields, scope)?;
    Some(Exception { when: program, text: when_text, until, reason })
}
