//! Commands that only tell: `config`, `completions`, `man`, and the short help.

use clap::CommandFactory;

use super::Failure;
use super::args::{Args, ConfigWhat};
use super::setup::Setup;
use crate::app::keymap::Keymap;

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
            if let Some(file) = setup.paths.as_ref().map(|paths| paths.config.join("config.yaml")) {
                let state = if file.is_file() { "read" } else { "not there" };
                println!("# {} ({state})", file.display());
            }
            print!("{}", setup.config.to_yaml());
        }
        Some(ConfigWhat::Keys) => {
            let keymap = Keymap::new(&setup.config.keys).map_err(Failure::Usage)?;
            for hint in keymap.hints.iter() {
                println!("{:<20} {:<14} {}", hint.name, hint.keys, hint.help);
            }
        }
        Some(ConfigWhat::Theme) => {
            let (name, text) = setup.theme_text()?;
            setup.theme()?;
            println!("# {name}");
            print!("{text}");
        }
    }
    Ok(())
}

/// `watcher completions SHELL`
pub(super) fn completions(shell: clap_complete::Shell) {
    clap_complete::generate(shell, &mut Args::command(), "watcher", &mut std::io::stdout());
}

/// `watcher man`
pub(super) fn man() -> Result<(), Failure> {
    let page = clap_mangen::Man::new(Args::command());
    page.render(&mut std::io::stdout()).map_err(|error| Failure::Internal(error.into()))
}
