//! `limit`: bounds on a number, or a label against a list.

use super::LIMIT_KEYS;
use super::scope::{Fields, FileScope, field_path, read_list};
use crate::rules::expr::program::TextList;
use crate::rules::expr::{List, Scope, Type};
use crate::rules::ruleset::{Check, Limit, Step, Values, Words};
use crate::yaml::{Node, did_you_mean};

const BOUNDS: [&str; 4] = ["min", "max", "warn_min", "warn_max"];

pub(super) fn read(
    node: &Node<'_>,
    rule: usize,
    unit: &mut String,
    fields: &mut Fields<'_, '_>,
    scope: &FileScope<'_>,
) -> Option<Check> {
    if node.value().as_mapping().is_none() {
        let help = "such as limit: {field: metrics.pressure, min: 0}".to_owned();
        node.fault("a limit is a mapping of a field and its bounds", Some(help));
        return None;
    }
    let sound = node.only(&LIMIT_KEYS);
    let path = field(node, sound, fields)?;
    *unit = node.get("unit").and_then(|n| n.string()).unwrap_or_default().to_owned();
    if let (Some(_), Some(second)) = (node.get("one_of"), node.get("not_in")) {
        second.fault("a limit has either `one_of` or `not_in`, not both", None);
        return None;
    }
    let words = node.get("one_of").map(|n| (n, true)).or_else(|| node.get("not_in").map(|n| (n, false)));
    match words {
        Some((list, allowed)) => members(node, &list, allowed, &path, fields, scope),
        None => bounds(node, rule, sound, &path, fields),
    }
}

/// The field, or the window's value in a rule that has one.
fn field(node: &Node<'_>, sound: bool, fields: &Fields<'_, '_>) -> Option<String> {
    match (node.get("field"), fields.window) {
        (None, Some(_)) => Some("window.value".into()),
        (Some(at), Some(_)) => {
            let help = "name the field in the window, and leave it out here".to_owned();
            at.fault("the limit of a rule with a `window` is on the window's value", Some(help));
            None
        }
        // A key that is misspelt was reported already.
        (None, None) if !sound => None,
        (None, None) => {
            node.fault("the limit names no `field`", Some("add one, such as `field: metrics.pressure`".into()));
            None
        }
        (Some(at), None) => field_path(&at, fields.window),
    }
}

fn members(
    node: &Node<'_>,
    list: &Node<'_>,
    allowed: bool,
    path: &str,
    fields: &mut Fields<'_, '_>,
    scope: &FileScope<'_>,
) -> Option<Check> {
    if let Some(exclusive) = node.get("exclusive") {
        exclusive.fault("only bounds of numbers can be exclusive", Some("remove it".into()));
        return None;
    }
    if BOUNDS.iter().any(|key| node.get(key).is_some()) || node.get("max_step").is_some() {
        list.fault("a limit is on a number or on a label, not on both", Some("make two rules of it".into()));
        return None;
    }
    let items = match list.value().as_str() {
        Some(name) => match scope.list_named(name) {
            Some(items) => items.clone(),
            None => {
                let names = scope.list_names();
                let near = did_you_mean(name, names.iter().map(String::as_str));
                let help = near.unwrap_or_else(|| "give it under `lists`, or write it out: [a, b]".into());
                list.fault(format!("there is no list `{name}`"), Some(help));
                return None;
            }
        },
        None => read_list(list)?,
    };
    let (want, is) = match items {
        List::Numbers(_) => (Type::Number, "numbers"),
        List::Texts(_) => (Type::Text, "strings"),
    };
    if let Some(known) = fields.known(path).filter(|known| *known != want) {
        list.fault(format!("expected a list of {}s, found {is}: `{path}` is a {0}", known.name()), None);
        return None;
    }
    Some(match items {
        List::Numbers(values) => Check::Values(Values { slot: fields.number_slot(path), values, allowed }),
        List::Texts(words) => {
            Check::Words(Words { slot: fields.text_slot(path), words: TextList::new(words), allowed })
        }
    })
}

fn bounds(node: &Node<'_>, rule: usize, sound: bool, path: &str, fields: &mut Fields<'_, '_>) -> Option<Check> {
    let bound = |key: &str, otherwise: f64| node.get(key).map_or(Some(otherwise), |n| n.number());
    let (low, high) = (bound("min", f64::NEG_INFINITY), bound("max", f64::INFINITY));
    let (warn_low, warn_high) = (bound("warn_min", f64::NEG_INFINITY), bound("warn_max", f64::INFINITY));
    let max_step = node.get("max_step").map(|n| {
        let max = n.number()?;
        if max < 0.0 {
            n.fault("a step is a distance: it can't be negative", None);
            return None;
        }
        Some(max)
    });
    let exclusive = node.get("exclusive").map_or(Some(false), |n| n.boolean());
    let (low, high, warn_low, warn_high, exclusive) = (low?, high?, warn_low?, warn_high?, exclusive?);
    let bounded = BOUNDS.iter().any(|key| node.get(key).is_some());
    if !bounded && max_step.is_none() {
        // A bound that is misspelt was reported already.
        if sound {
            let help = "add one of min, max, warn_min, warn_max, max_step, one_of, not_in";
            node.fault("the limit has no bound", Some(help.into()));
        }
        return None;
    }
    if let (Some(at), Some(_)) = (node.get("exclusive"), max_step.filter(|_| !bounded)) {
        at.fault("a step has no bounds that could be exclusive", Some("remove it".into()));
        return None;
    }
    let bounds = Bounds { low, high, warn_low, warn_high, exclusive };
    if !bounds.make_sense(node) {
        return None;
    }
    if let Some(known) = fields.known(path).filter(|known| *known != Type::Number) {
        let at = node.get("field").unwrap_or_else(|| node.clone());
        let help = "compare labels with `one_of` or `not_in`".to_owned();
        at.fault(format!("expected number, found {}: `{path}` is a {0}", known.name()), Some(help));
        return None;
    }
    if let (Some(at), Some(_)) = (node.get("max_step"), fields.window) {
        at.fault("a window's value has no steps", Some("bound it by `min` and `max`".into()));
        return None;
    }
    let slot = fields.number_slot(path);
    if bounded {
        fields.set.limits.push(Limit { slot, rule, low, high, warn_low, warn_high, exclusive });
    }
    if let Some(max) = max_step {
        fields.set.steps.push(Step { slot, rule, max: max? });
    }
    Some(Check::Limit)
}

/// Bounds as they are given; infinite where none is.
struct Bounds {
    low: f64,
    high: f64,
    warn_low: f64,
    warn_high: f64,
    exclusive: bool,
}

impl Bounds {
    /// Whether they leave room for a sound value, and each can be reached; if not, that is reported.
    fn make_sense(&self, node: &Node<'_>) -> bool {
        let Self { low, high, warn_low, warn_high, .. } = *self;
        let pairs = [
            ("min", low, "max", high),
            ("warn_min", warn_low, "warn_max", warn_high),
            ("warn_min", warn_low, "max", high),
            ("min", low, "warn_max", warn_high),
        ];
        for (lower, a, upper, b) in pairs {
            if let (Some(at), true) = (node.get(lower), a > b || (self.exclusive && a == b)) {
                let sign = if a > b { "above" } else { "not below" };
                at.fault(format!("{lower} {a} is {sign} {upper} {b}: every value would breach"), None);
                return false;
            }
        }
        for (key, useless, hard) in [("warn_min", warn_low < low, "min"), ("warn_max", warn_high > high, "max")] {
            if let (Some(at), true) = (node.get(key), useless) {
                let help = "a warning comes before the limit".to_owned();
                at.fault(format!("`{key}` lies beyond `{hard}`: it would never be reached"), Some(help));
                return false;
            }
        }
        true
    }
}
