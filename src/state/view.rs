//! Where the operator is: screen, focused pane, overlays. Nothing here changes with the traffic.

use std::sync::Arc;

/// A screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Screen {
    /// Everything at a glance.
    #[default]
    Overview,
    /// One record in full.
    Record,
    /// The rules in force.
    Rules,
    /// How the machinery is.
    Health,
}

/// A pane of the health screen, in the order of Tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HealthPane {
    /// The stages.
    #[default]
    Pipeline,
    /// The engines, memory and disk.
    Engines,
    /// The sources.
    Sources,
    /// Refused lines.
    Rejected,
}

impl HealthPane {
    /// All, in the order of Tab.
    pub const ALL: [Self; 4] = [Self::Pipeline, Self::Engines, Self::Sources, Self::Rejected];

    /// The pane's name, which is contract.
    pub fn title(self) -> &'static str {
        match self {
            Self::Pipeline => "Pipeline",
            Self::Engines => "Engines",
            Self::Sources => "Sources",
            Self::Rejected => "Rejected",
        }
    }
}

/// A pane of the overview, in the order of Tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pane {
    /// Latency over time.
    Latency,
    /// Drift.
    Drift,
    /// Violations and alerts.
    Violations,
    /// The keys.
    Agents,
    /// The record list.
    #[default]
    Records,
}

impl Pane {
    /// All, in the order of Tab.
    pub const ALL: [Self; 5] = [Self::Latency, Self::Drift, Self::Violations, Self::Agents, Self::Records];

    /// The pane's name, which is contract.
    pub fn title(self) -> &'static str {
        match self {
            Self::Latency => "Latency",
            Self::Drift => "Drift",
            Self::Violations => "Violations",
            Self::Agents => "Agents",
            Self::Records => "Records",
        }
    }
}

/// Something in front of the screen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Overlay {
    /// Nothing.
    #[default]
    None,
    /// The keys, scrolled by so many lines.
    Help {
        /// Lines scrolled.
        scroll: usize,
    },
    /// The command line.
    Palette {
        /// What was typed.
        text: String,
        /// Which suggestion is chosen.
        choice: usize,
    },
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
}

/// Where the operator is.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// The screen.
    pub screen: Screen,
    /// The focused pane of the overview.
    pub focus: Pane,
    /// The focused pane of the health screen.
    pub health: HealthPane,
    /// One pane fills the screen.
    pub full: bool,
    /// In front of it.
    pub overlay: Overlay,
    /// Lines scrolled in the focused list (not the records, which follow their selection).
    pub scroll: usize,
    /// Lines scrolled in the record in full.
    pub record_scroll: usize,
    /// A word to the operator, until the next key.
    pub note: Option<String>,
    /// The commands, in the order of the help.
    pub hints: Arc<[Hint]>,
    /// Times are shown in the machine's zone instead of UTC.
    pub local_time: bool,
}

impl View {
    /// The commands that fit what was typed into the palette: those that begin with it first.
    pub fn suggestions<'a>(&'a self, typed: &'a str) -> impl Iterator<Item = &'a Hint> {
        let typed = typed.trim();
        let starts = self.hints.iter().filter(move |hint| hint.name.starts_with(typed));
        let contains = move |hint: &&Hint| {
            !hint.name.starts_with(typed)
                && (hint.name.contains(typed) || hint.help.to_lowercase().contains(&typed.to_lowercase()))
        };
        starts.chain(self.hints.iter().filter(contains))
    }
}
