//! How a command line can go on: names of actions, and what can stand behind them.

use super::AppState;
use super::view::Hint;

/// Ways to go on that are offered.
const MOST: usize = 200;

/// A way to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The whole line.
    pub line: String,
    /// The keys of the action, if it has any.
    pub keys: String,
    /// What it does.
    pub help: String,
}

impl AppState {
    /// The lines that begin as what was typed, or are near it.
    pub fn completions(&self, typed: &str) -> Vec<Completion> {
        if let Some((name, rest)) = typed.trim_start().split_once(' ')
            && let Some(hint) = self.view.hints.iter().find(|hint| hint.name == name)
        {
            return self.arguments(hint, rest.trim());
        }
        let own = |hint: &Hint| Completion {
            line: hint.name.to_owned(),
            keys: hint.keys.clone(),
            help: hint.help.to_owned(),
        };
        self.view.suggestions(typed).map(own).collect()
    }

    /// What can stand behind an action's name.
    fn arguments(&self, hint: &Hint, rest: &str) -> Vec<Completion> {
        let words: Vec<String> = match hint.name {
            "scope" => self.board().agents.iter().map(|agent| agent.key.to_string()).collect(),
            "edit-rule" => self.rule_entries().iter().map(|entry| entry.id.to_string()).collect(),
            "range" => ["1m", "5m", "15m", "1h", "6h", "all", "recent"].map(str::to_owned).into(),
            "speed" => ["0.1", "1", "10", "100", "max"].map(str::to_owned).into(),
            "seek" => ["start", "end", "40%", "+5m", "-5m", "#1", "mark"].map(str::to_owned).into(),
            "suggest" => ["0.1%", "1%", "0.01%"].map(str::to_owned).into(),
            "theme" => self.view.themes.clone(),
            "silence" => ["30m ", "1h ", "4h ", "1d "].map(str::to_owned).into(),
            "filter" => self.fields(),
            _ => Vec::new(),
        };
        let fits = words.into_iter().filter(|word| word.contains(rest)).take(MOST);
        let line = |word: String| Completion {
            line: format!("{} {word}", hint.name),
            keys: String::new(),
            help: hint.help.to_owned(),
        };
        let mut found: Vec<Completion> = fits.map(line).collect();
        // What was typed counts, unless something of the list is chosen.
        let typed = format!("{} {rest}", hint.name);
        if !found.iter().any(|completion| completion.line == typed) {
            found.insert(0, Completion { line: typed, keys: String::new(), help: hint.help.to_owned() });
        }
        found
    }

    /// Ways to begin a filter: the fields of the selected record.
    fn fields(&self) -> Vec<String> {
        let fixed = ["action:BLOCK", "rule:", "key:", "drift:any", "divergence.risk > 0.5", "latency_ms > "];
        let row = self.listing().row();
        let labels = row.iter().flat_map(|row| row.record.labels.iter().map(|(name, value)| format!("{name}:{value}")));
        let numbers =
            row.iter().flat_map(|row| row.record.numbers.iter().map(|(name, value)| format!("{name} > {value}")));
        fixed.into_iter().map(str::to_owned).chain(labels).chain(numbers).collect()
    }
}
