//! `window`: what is checked is not the record's own value but that of the records before it.

use std::time::Duration;

use super::scope::{Fields, FileScope, field_path};
use super::{WINDOW_KEYS, condition};
use crate::rules::expr::{Scope, Type};
use crate::rules::ruleset::{Agg, Reach, WindowSpec};
use crate::yaml::Node;

/// Longest window.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// Most records of a window by count.
const MOST_RECORDS: u64 = 16_384;

/// Most labels of a group.
const MOST_LABELS: usize = 8;

pub(super) fn read(
    node: &Node<'_>,
    id: &str,
    fields: &mut Fields<'_, '_>,
    scope: &FileScope<'_>,
) -> Option<WindowSpec> {
    if node.value().as_mapping().is_none() {
        let help = "such as window: {agg: p95, field: latency_ms, over: 60s}".to_owned();
        node.fault("a window is a mapping", Some(help));
        return None;
    }
    node.only(&WINDOW_KEYS);
    let Some(at) = node.get("agg") else {
        let names: Vec<&str> = Agg::ALL.iter().map(|(name, _)| *name).collect();
        node.fault("the window does not say what it computes", Some(format!("add `agg`: one of {}", names.join(", "))));
        return None;
    };
    let agg = at.word(&Agg::ALL)?;
    let reach = reach(node, agg);
    let field_at = node.get("field");
    let when_at = node.get("when");
    let needs_field = !matches!(agg, Agg::Count | Agg::Rate | Agg::Ratio);
    if needs_field && field_at.is_none() {
        node.fault(format!("`{}` needs a `field`", agg.name()), Some("such as field: latency_ms".into()));
        return None;
    }
    if agg == Agg::Ratio && (field_at.is_none() == when_at.is_none()) {
        let help = "`when` counts the records for which it holds, `field` those where the field is true or not zero";
        node.fault("`ratio` needs either `when` or `field`", Some(help.into()));
        return None;
    }
    let path = match &field_at {
        Some(at) => Some(field_path(at, None)?),
        None => None,
    };
    let numeric = needs_field && agg != Agg::Distinct;
    if let (Some(at), Some(path), true) = (&field_at, &path, numeric)
        && fields.known(path) == Some(Type::Text)
    {
        at.fault(
            format!("expected number, found string: `{path}` is a string"),
            Some("count labels with `distinct`".into()),
        );
        return None;
    }
    // Of nothing there is a number, but no mean.
    let least = u64::from(!matches!(agg, Agg::Count | Agg::Rate | Agg::Distinct));
    let min_count = node.get("min_count").map_or(Some(least), |n| n.whole(1..=MOST_RECORDS))? as usize;
    let reach = reach?;
    if let (Reach::Last(records), Some(at)) = (reach, node.get("min_count"))
        && min_count > records
    {
        at.fault(format!("the window never holds {min_count} values: `last` is {records}"), None);
        return None;
    }
    let by = by(node, fields)?;
    let when = match &when_at {
        None => None,
        Some(at) => Some(Box::new(condition::compile(at, at.string()?, Type::Bool, fields, scope)?)),
    };
    let field = path.as_ref().map(|path| both_slots(path, numeric, fields));
    // Every rule has a value of its own.
    let value = fields.set.numbers.slot(&format!("window.value of {id}"), &[]);
    fields.window = Some(value);
    Some(WindowSpec { agg, field, path: path.unwrap_or_default(), when, reach, by, min_count, value })
}

/// The slots of a field that may be a number or a label.
fn both_slots(path: &str, numeric: bool, fields: &mut Fields<'_, '_>) -> (usize, usize) {
    match fields.known(path) {
        Some(Type::Text) => (usize::MAX, fields.text_slot(path)),
        _ if numeric => (fields.number_slot(path), usize::MAX),
        Some(_) => (fields.number_slot(path), usize::MAX),
        None => (fields.number_slot(path), fields.text_slot(path)),
    }
}

fn reach(node: &Node<'_>, agg: Agg) -> Option<Reach> {
    match (node.get("over"), node.get("last")) {
        (Some(_), Some(last)) => {
            last.fault(
                "a window reaches over a time or over records, not over both",
                Some("remove `over` or `last`".into()),
            );
            None
        }
        (None, None) => {
            let help = "add `over: 60s` (event time) or `last: 500` (records)".to_owned();
            node.fault("the window does not say how far it reaches", Some(help));
            None
        }
        (Some(over), None) => {
            let span = over.time_span()?;
            if span > LONGEST {
                over.fault("a window reaches over a week at most", None);
                return None;
            }
            Some(Reach::Over(span))
        }
        (None, Some(last)) if agg == Agg::Count => {
            let help = "take `ratio` for the share of them, or `over` for how many come in a time";
            last.fault("of the last records a count is always the same", Some(help.into()));
            None
        }
        (None, Some(last)) if agg == Agg::Rate => {
            last.fault("`rate` is per second: it needs `over`", Some("such as over: 60s".into()));
            None
        }
        (None, Some(last)) => last.whole(1..=MOST_RECORDS).map(|records| Reach::Last(records as usize)),
    }
}

fn by(node: &Node<'_>, fields: &mut Fields<'_, '_>) -> Option<Vec<(usize, usize, String)>> {
    let Some(at) = node.get("by") else { return Some(Vec::new()) };
    let items = at.list()?;
    if items.len() > MOST_LABELS {
        at.fault(format!("more than {MOST_LABELS} labels"), None);
        return None;
    }
    let paths: Vec<Option<String>> = items.iter().map(|item| field_path(item, None)).collect();
    let mut by: Vec<(usize, usize, String)> = Vec::new();
    for path in paths {
        let path = path?;
        let (number, text) = both_slots(&path, false, fields);
        by.push((number, text, path));
    }
    Some(by)
}
