//! Where the operator is: screen, focused pane, overlays. Nothing here changes with the traffic.

mod overlay;

use std::sync::Arc;

pub use overlay::{Ask, Asked, Overlay, Prompt};

/// A screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Screen {
    /// Everything at a glance.
    #[default]
    Overview,
    /// The records, and one of them in full.
    Records,
    /// The rules in force, and those that are being written.
    Rules,
    /// The series, and what became of one of them.
    Drift,
    /// How the machinery is.
    Health,
}

impl Screen {
    /// All, in the order of their keys.
    pub const ALL: [Self; 5] = [Self::Overview, Self::Records, Self::Rules, Self::Drift, Self::Health];

    /// Its panes, in the order of Tab.
    pub fn panes(self) -> &'static [Pane] {
        match self {
            Self::Overview => &[Pane::Latency, Pane::Drift, Pane::Violations, Pane::Agents, Pane::Records],
            Self::Records => &[Pane::List, Pane::Samples, Pane::Why],
            Self::Rules => &[Pane::Rules, Pane::Editor, Pane::Backtest],
            Self::Drift => &[Pane::Series, Pane::Baseline, Pane::Moved],
            Self::Health => &[Pane::Pipeline, Pane::Engines, Pane::Sources, Pane::Rejected, Pane::Log],
        }
    }

    /// The pane that has the focus at first.
    fn home(self) -> Pane {
        match self {
            Self::Overview => Pane::Records,
            _ => self.panes()[0],
        }
    }
}

/// A pane of a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pane {
    /// Latency over time.
    Latency,
    /// Drift at a glance.
    Drift,
    /// Violations and alerts.
    Violations,
    /// The keys.
    Agents,
    /// The record list.
    Records,
    /// The record list beside the record in full.
    List,
    /// Prompt and answers.
    Samples,
    /// The rules on the record, with the values of their parts.
    Why,
    /// The rules and how they stand.
    Rules,
    /// The rule that is being written.
    Editor,
    /// What it would have found.
    Backtest,
    /// The series.
    Series,
    /// What was usual against what is.
    Baseline,
    /// The records behind a drift.
    Moved,
    /// The stages.
    Pipeline,
    /// The engines, memory and disk.
    Engines,
    /// The sources.
    Sources,
    /// Refused lines.
    Rejected,
    /// What the program says of itself.
    Log,
}

impl Pane {
    /// The pane's name, which is contract.
    pub fn title(self) -> &'static str {
        match self {
            Self::Latency => "Latency",
            Self::Drift | Self::Series => "Drift",
            Self::Violations => "Violations",
            Self::Agents => "Agents",
            Self::Records | Self::List => "Records",
            Self::Samples => "Samples",
            Self::Why | Self::Rules => "Rules",
            Self::Editor => "Editor",
            Self::Backtest => "Backtest",
            Self::Baseline => "Baseline",
            Self::Moved => "Moved",
            Self::Pipeline => "Pipeline",
            Self::Engines => "Engines",
            Self::Sources => "Sources",
            Self::Rejected => "Rejected",
            Self::Log => "Log",
        }
    }
}

/// A command as the operator meets it: in the footer, the help and the palette. Made from the keymap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Its keys, as they are written on them.
    pub keys: String,
    /// Its name in the palette.
    pub name: &'static str,
    /// What it does.
    pub help: &'static str,
    /// A word for the footer; empty when it is not shown there.
    pub footer: &'static str,
    /// The heading it stands under in the help.
    pub group: &'static str,
    /// The screens on whose footer it stands; on all, if none is named.
    pub screens: &'static [Screen],
}

/// What is chosen in the lists. It sticks to what it is, wherever that goes in the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chosen {
    /// Cause and key.
    pub alert: Option<(Arc<str>, Arc<str>)>,
    /// A key.
    pub agent: Option<Arc<str>>,
    /// Key and series.
    pub series: Option<(Arc<str>, Arc<str>)>,
    /// A rule's id.
    pub rule: Option<Arc<str>>,
}

/// In which order the rules are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RuleOrder {
    /// As they stand in the files.
    #[default]
    File,
    /// Those that hit most first.
    Hits,
    /// Those that cost most first.
    Cost,
    /// By their names.
    Name,
}

impl RuleOrder {
    /// The next one.
    pub fn next(self) -> Self {
        match self {
            Self::File => Self::Hits,
            Self::Hits => Self::Cost,
            Self::Cost => Self::Name,
            Self::Name => Self::File,
        }
    }

    /// The heading of the column that it is by.
    pub fn column(self) -> &'static str {
        match self {
            Self::File => "",
            Self::Hits => "hits",
            Self::Cost => "cost",
            Self::Name => "rule",
        }
    }
}

/// Where the operator is.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// The screen.
    pub screen: Screen,
    /// The focused pane of each screen that was visited.
    focus: [Option<Pane>; Screen::ALL.len()],
    /// One pane fills the screen.
    pub full: bool,
    /// In front of it.
    pub overlay: Overlay,
    /// What is chosen in the lists.
    pub chosen: Chosen,
    /// Lines scrolled in the focused pane, where it is no list of chosen things.
    pub scroll: usize,
    /// Lines scrolled in the record in full.
    pub record_scroll: usize,
    /// The record in full is shown as it was read.
    pub raw: bool,
    /// Long lines are cut instead of broken.
    pub cut: bool,
    /// Prompts and answers are hidden.
    pub masked: bool,
    /// They are, whoever asks.
    pub never_text: bool,
    /// The mouse is asked for.
    pub mouse: bool,
    /// Themes to choose from.
    pub themes: Vec<String>,
    /// The name of the one in force.
    pub theme: String,
    /// In which order the rules are listed.
    pub rule_order: RuleOrder,
    /// A word to the operator, until the next key.
    pub note: Option<String>,
    /// The commands, in the order of the help.
    pub hints: Arc<[Hint]>,
    /// Times are shown in the machine's zone instead of UTC.
    pub local_time: bool,
    /// What was run from the command line, oldest first.
    pub history: Vec<String>,
}

/// Commands that are remembered.
const HISTORY: usize = 100;

impl View {
    /// The focused pane.
    pub fn focus(&self) -> Pane {
        self.focus[self.screen as usize].unwrap_or(self.screen.home())
    }

    /// Gives the focus to a pane, and shows its screen.
    pub fn set_focus(&mut self, pane: Pane) {
        let screen = Screen::ALL.into_iter().find(|screen| screen.panes().contains(&pane)).unwrap_or_default();
        if screen != self.screen || self.focus() != pane {
            self.scroll = 0;
        }
        self.screen = screen;
        self.focus[screen as usize] = Some(pane);
    }

    /// Shows a screen.
    pub fn show(&mut self, screen: Screen) {
        self.screen = screen;
        self.full = false;
        self.scroll = 0;
        self.record_scroll = 0;
    }

    /// The pane beside the focused one.
    pub fn focus_beside(&mut self, forward: bool) {
        let panes = self.screen.panes();
        let at = panes.iter().position(|pane| *pane == self.focus()).unwrap_or(0);
        let step = if forward { 1 } else { panes.len() - 1 };
        self.set_focus(panes[(at + step) % panes.len()]);
    }

    /// Remembers a command.
    pub fn remember(&mut self, command: &str) {
        if command.is_empty() {
            return;
        }
        self.history.retain(|held| held != command);
        self.history.push(command.to_owned());
        let surplus = self.history.len().saturating_sub(HISTORY);
        self.history.drain(..surplus);
    }

    /// The commands that fit what was typed into the palette: those that begin with it first.
    pub fn suggestions<'a>(&'a self, typed: &'a str) -> impl Iterator<Item = &'a Hint> {
        let typed = typed.trim();
        let typed = typed.split_once(' ').map_or(typed, |(name, _)| name);
        let starts = self.hints.iter().filter(move |hint| hint.name.starts_with(typed));
        let contains = move |hint: &&Hint| {
            !hint.name.starts_with(typed)
                && (hint.name.contains(typed) || hint.help.to_lowercase().contains(&typed.to_lowercase()))
        };
        starts.chain(self.hints.iter().filter(contains))
    }
}
