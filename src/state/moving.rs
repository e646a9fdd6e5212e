//! What is chosen in the lists, and moving in them. A choice sticks to what was chosen: new data never moves it.

use std::sync::Arc;

use super::AppState;
use super::agents::Agent;
use super::alerts::Alert;
use super::drift::Series;
use super::view::Pane;

/// Key and name of a series, or cause and key of an alert.
type Pair = (Arc<str>, Arc<str>);

impl AppState {
    /// The alerts of the list: all, or those of the one key.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        let key = self.sift.key();
        self.board().alerts.iter().filter(move |alert| key.is_none_or(|key| alert.key == *key))
    }

    /// The series of the list: all, or those of the one key.
    pub fn series(&self) -> impl Iterator<Item = &Series> {
        let key = self.sift.key();
        self.board().drift.iter().filter(move |series| key.is_none_or(|key| series.key == *key))
    }

    /// The series shown large: the one that was chosen, else the one that moves most.
    pub fn shown_series(&self) -> Option<&Series> {
        let chosen = self.view.chosen.series.as_ref();
        let chosen =
            chosen.and_then(|(key, name)| self.series().find(|series| series.key == *key && series.name == *name));
        chosen.or_else(|| match self.sift.key() {
            Some(_) => self.series().next(),
            None => self.board().drift.shown(),
        })
    }

    /// Index of the chosen alert; the first without a choice.
    pub fn alert_index(&self) -> usize {
        let chosen = self.view.chosen.alert.as_ref();
        chosen.and_then(|(cause, key)| self.alerts().position(|a| a.cause == *cause && a.key == *key)).unwrap_or(0)
    }

    /// Index of the chosen agent.
    pub fn agent_index(&self) -> usize {
        let chosen = self.view.chosen.agent.as_ref();
        chosen.and_then(|key| self.board().agents.iter().position(|agent| agent.key == *key)).unwrap_or(0)
    }

    /// Index of the chosen series.
    pub fn series_index(&self) -> usize {
        let shown = self.shown_series().map(|series| (&series.key, &series.name));
        shown.and_then(|shown| self.series().position(|s| (&s.key, &s.name) == shown)).unwrap_or(0)
    }

    /// The chosen alert.
    pub fn alert(&self) -> Option<&Alert> {
        self.alerts().nth(self.alert_index())
    }

    /// The chosen agent.
    pub fn agent(&self) -> Option<&Agent> {
        self.board().agents.iter().nth(self.agent_index())
    }

    /// Moves the choice in the focused list by so many rows.
    pub fn choose(&mut self, by: isize) {
        let moved = |index: usize, len: usize| index.saturating_add_signed(by).min(len.saturating_sub(1));
        match self.view.focus() {
            Pane::Violations => {
                let at = moved(self.alert_index(), self.alerts().count());
                let found: Option<Pair> = self.alerts().nth(at).map(|a| (Arc::clone(&a.cause), Arc::clone(&a.key)));
                self.view.chosen.alert = found;
            }
            Pane::Agents => {
                let at = moved(self.agent_index(), self.board().agents.len());
                let found = self.board().agents.iter().nth(at).map(|agent| Arc::clone(&agent.key));
                self.view.chosen.agent = found;
            }
            Pane::Drift | Pane::Series => {
                let at = moved(self.series_index(), self.series().count());
                let found: Option<Pair> = self.series().nth(at).map(|s| (Arc::clone(&s.key), Arc::clone(&s.name)));
                if found != self.view.chosen.series {
                    self.view.chosen.series = found;
                    self.charts.restart();
                }
            }
            Pane::Rules => {
                let entries = self.rule_entries();
                let at = moved(self.rule_index(), entries.len());
                let found = entries.get(at).map(|entry| Arc::clone(&entry.id));
                self.choose_rule(found);
            }
            _ => {}
        }
    }

    /// Chooses a rule: the editor and the backtest beside the list show it.
    pub fn choose_rule(&mut self, rule: Option<Arc<str>>) {
        self.view.chosen.rule.clone_from(&rule);
        if let (Some(editing), Some(rule)) = (&mut self.editing, rule) {
            editing.open(&rule);
        }
    }

    /// Shows one key only; all, without one.
    pub fn scope(&mut self, key: Option<Arc<str>>) {
        self.sift.set_key(key);
        self.charts.restart();
        self.view.chosen.alert = None;
        self.view.chosen.series = None;
    }
}
