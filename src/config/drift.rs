//! What the drift engine is asked: `drift:`, and `series:` by name.

use std::fmt::Write;

use crate::engine::drift::auto::Setting;
use crate::engine::drift::budget::FalseAlarms;
use crate::engine::drift::{Named, Options, Which};
use crate::verdict::Direction;
use crate::yaml::Node;

/// Directions that a series may be asked for.
const DIRECTIONS: [(&str, Option<Direction>); 3] =
    [("up", Some(Direction::Up)), ("down", Some(Direction::Down)), ("both", None)];

/// Seasons that a series may have.
const SEASONS: [(&str, bool); 2] = [("daily", true), ("none", false)];

/// A budget of false alarms, as text or as what YAML takes `1/10000` for.
fn false_alarms(node: &Node<'_>) -> Option<FalseAlarms> {
    match node.string()?.parse() {
        Ok(budget) => Some(budget),
        Err(why) => {
            node.fault(why, None);
            None
        }
    }
}

/// Reads both sections.
pub(super) fn read(options: &mut Options, root: &Node<'_>) {
    if let Some(drift) = root.get("drift") {
        drift.only(&["detector", "false_alarms", "keys", "series", "total_series", "embedding_keys"]);
        let bound = |key: &str, range| drift.get(key).and_then(|node| node.whole(range)).map(|n| n as usize);
        if let Some(which) = drift.get("detector").and_then(|node| node.word(&Which::WORDS)) {
            options.detector = which;
        }
        if let Some(budget) = drift.get("false_alarms").and_then(|node| false_alarms(&node)) {
            options.false_alarms = budget;
        }
        options.keys = bound("keys", 8..=10_000_000).unwrap_or(options.keys);
        options.series = bound("series", 1..=1_024).unwrap_or(options.series);
        options.total_series = bound("total_series", 64..=10_000_000).unwrap_or(options.total_series);
        options.embedding_keys = bound("embedding_keys", 0..=65_536).unwrap_or(options.embedding_keys);
    }
    for (name, node) in root.get("series").map(|node| node.entries()).unwrap_or_default() {
        if let Some(named) = named(name, &node) {
            options.named.retain(|known| known.name != named.name);
            options.named.push(named);
        }
    }
}

fn named(name: &str, node: &Node<'_>) -> Option<Named> {
    node.only(&["watch", "direction", "season", "false_alarms"]);
    let only = node.get("direction").and_then(|node| node.word(&DIRECTIONS)).flatten();
    let season = node.get("season").and_then(|node| node.word(&SEASONS)).unwrap_or(true);
    let watch = node.get("watch").and_then(|node| node.boolean()).unwrap_or(true);
    let rows = match node.get("false_alarms") {
        None => None,
        Some(node) => match false_alarms(&node)? {
            FalseAlarms::Rows(rows) => Some(rows),
            FalseAlarms::Time { .. } => {
                node.fault("a series has its budget in rows, such as 1/100000", None);
                return None;
            }
        },
    };
    Some(Named { name: name.to_owned(), watch, setting: Setting { only, season }, rows })
}

/// Both sections, as a file would have them.
pub(super) fn to_yaml(options: &Options) -> String {
    let word = Which::WORDS.iter().find(|(_, which)| *which == options.detector).map_or("", |(word, _)| word);
    let mut out = format!(
        "drift:\n  detector: {word}\n  false_alarms: {}\n  keys: {}\n  series: {}\n  total_series: {}\n  embedding_keys: {}\n",
        options.false_alarms, options.keys, options.series, options.total_series, options.embedding_keys
    );
    if options.named.is_empty() {
        out += "series: {}\n";
        return out;
    }
    out += "series:\n";
    for named in &options.named {
        let direction = DIRECTIONS.iter().find(|(_, only)| *only == named.setting.only).map_or("", |(word, _)| word);
        let season = SEASONS.iter().find(|(_, season)| *season == named.setting.season).map_or("", |(word, _)| word);
        let budget = named.rows.map(|rows| format!(", false_alarms: {}", FalseAlarms::Rows(rows))).unwrap_or_default();
        let name = serde_json::Value::from(named.name.as_str());
        let watch = named.watch;
        let _ = writeln!(out, "  {name}: {{watch: {watch}, direction: {direction}, season: {season}{budget}}}");
    }
    out
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn faults_of_a_series_have_places() {
        let text = "series:\n  latency_ms: {direction: sideways, false_alarms: 1/week}\ndrift: {false_alarms: often}\n";
        let faults = Config::built_in().unwrap().overlaid("c.yaml", text).unwrap_err();
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(faults.len(), 3, "{faults:?}");
        for (place, part) in [("c.yaml:3:23", "1/week"), ("c.yaml:2:27", "sideways"), ("c.yaml:2:51", "in rows")] {
            assert!(faults.iter().any(|fault| fault.starts_with(place) && fault.contains(part)), "{place}: {faults:?}");
        }
    }
}
