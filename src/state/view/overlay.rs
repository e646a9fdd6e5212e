//! What stands in front of a screen: help, command line, questions.

use std::path::PathBuf;
use std::sync::Arc;

/// Something in front of the screen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Overlay {
    /// Nothing.
    #[default]
    None,
    /// The keys.
    Help {
        /// Lines scrolled.
        scroll: usize,
        /// What is looked for, while it is written; only what fits is shown.
        search: Option<String>,
    },
    /// The command line.
    Palette {
        /// What was typed.
        text: String,
        /// Which suggestion is chosen.
        choice: usize,
        /// How far back in what was run before.
        back: usize,
    },
    /// A line to be filled in.
    Prompt {
        /// What it is for.
        what: Prompt,
        /// What was typed.
        text: String,
    },
    /// A question before something is written.
    Ask(Ask),
    /// What differs, scrolled by so many lines.
    Differs {
        /// Lines scrolled.
        scroll: usize,
    },
    /// The marks.
    Marks {
        /// Which is chosen.
        choice: usize,
    },
    /// What is silenced.
    Silences {
        /// Which is chosen.
        choice: usize,
    },
    /// The themes.
    Themes {
        /// Which is chosen, and shown.
        choice: usize,
        /// The one that comes back when this is given up.
        before: String,
    },
    /// How a file on the disk differs from what was read of it.
    Conflict {
        /// Lines scrolled.
        scroll: usize,
    },
}

/// What a line is to be filled in for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompt {
    /// What to list. What it was before comes back when this is given up.
    Filter {
        /// What it was before.
        before: Option<String>,
    },
    /// The value of the chosen field of the form.
    Field {
        /// As it is called.
        label: String,
    },
    /// For how long the chosen alert is silenced, and why.
    Silence,
    /// Why the rules are changed.
    Reason {
        /// Beside the old ones, as shadows.
        shadow: bool,
    },
    /// Where to write the rules that belong to no file.
    SaveAs,
}

/// What is asked before something is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// What is to be written.
    pub what: Asked,
    /// With prompts and answers. Without is the default: what is written may be handed on.
    pub text: bool,
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A capture.
    Capture,
    /// A report of one of these ranges: what each is, in words.
    Report {
        /// The ranges.
        ranges: Vec<String>,
        /// Which is chosen.
        chosen: usize,
    },
    /// The rules that were changed.
    Rules {
        /// What is different, in words.
        change: String,
        /// The rule that could be put beside the old one as a shadow.
        shadow: Option<Arc<str>>,
        /// The files that are written.
        files: Vec<PathBuf>,
    },
    /// Whether to end though rules were changed and not saved.
    Quit,
}
