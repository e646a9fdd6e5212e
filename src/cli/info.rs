//! Commands that only tell: `config`, `completions`, `man`, and the short help.

use clap::CommandFactory;

use super::args::{Args, ConfigWhat};
use super::setup::Setup;
use super::{Failure, say};
use crate::app::keymap::{Keymap, Keys};
use crate::state::view::Hint;

/// What a newcomer wants.
pub(super) const SHORT_HELP: &str = "\
watcher shows what AI agents are about to do: do their answers agree, do they stay inside the limits, did they change?

  watcher demo                                    sample traffic, nothing to set up
  watcher agents.ndjson                           watch a log as it grows (also patterns, and - for standard input)
  watcher replay agents.ndjson --headless --output verdicts.ndjson
                                                  judge a whole log, as fast as it goes

  watcher --help                                  all commands and options
";

/// `watcher config …`
pub(super) fn config(setup: &Setup, what: Option<&ConfigWhat>) -> Result<(), Failure> {
    match what {
        None | Some(ConfigWhat::Show) => {
            let file = match (&setup.file, &setup.paths) {
                (Some(file), _) => format!("# {} (read)\n", file.display()),
                (None, Some(paths)) => format!("# {} (not there)\n", paths.config.join("config.yaml").display()),
                (None, None) => String::new(),
            };
            say(&(file + &setup.config.to_yaml()))
        }
        Some(ConfigWhat::Keys) => {
            let keymap = |which| Keymap::new(&setup.config.keys, which).map_err(Failure::Usage);
            let (live, replay) = (keymap(Keys::Live)?, keymap(Keys::Replay)?);
            let line = |hint: &Hint| format!("{:<20} {:<14} {}\n", hint.name, hint.keys, hint.help);
            let only = replay.hints.iter().filter(|hint| live.hints.iter().all(|known| known.name != hint.name));
            let lines: String = live.hints.iter().map(line).collect();
            say(&format!("{lines}\nIn a replay:\n{}", only.map(line).collect::<String>()))
        }
        Some(ConfigWhat::Theme) => {
            let (name, text) = setup.theme_text()?;
            setup.theme()?;
            say(&format!("# {name}\n{text}"))
        }
    }
}

/// `watcher completions SHELL`
pub(super) fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "watcher", &mut script);
    say(&String::from_utf8_lossy(&script))
}

/// `watcher man`
pub(super) fn man() -> Result<(), Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Args::command()).render(&mut page).map_err(|error| Failure::Internal(error.into()))?;
    say(&String::from_utf8_lossy(&page))
}
