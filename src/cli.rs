//! The command line: one file a subcommand. The only place that prints.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod alert;
mod args;
mod bench;
mod captures;
mod compare;
mod comparison;
mod couriers;
mod dashboard;
mod doctor;
mod drift;
mod fail_on;
mod headless;
mod info;
mod inspect;
mod journal;
mod listen;
mod outputs;
mod replay;
mod report;
mod rules;
mod runtimes;
mod setup;
mod watchman;

use std::ffi::OsString;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use args::{Args, Command};

/// Why a command ended, and with which code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Findings of `--fail-on`: said already.
    Findings,
    /// The command line, the configuration or the rules are at fault.
    Usage(String),
    /// The input can't be read, or the output can't be written.
    Input(String),
    /// A bug, or the machine is at fault.
    Internal(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}

/// Runs the command that the arguments name.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = args::with_default_command(arguments.collect());
    if arguments.len() <= 1 {
        let _ = say(info::SHORT_HELP);
        return ExitCode::SUCCESS;
    }
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => {
            // Help and version are no errors; clap knows where each is printed.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    more_open_files();
    // The panic itself was printed by then, after the terminal was given back.
    let outcome = catch_unwind(AssertUnwindSafe(|| command(args)));
    let outcome = outcome.unwrap_or_else(|_| Err(Failure::Internal(anyhow::anyhow!("this is a bug in watcher"))));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Findings) => ExitCode::from(1),
        Err(Failure::Usage(why)) => fail(&why, 2),
        Err(Failure::Input(why)) => fail(&why, 3),
        Err(Failure::Internal(error)) => {
            let log = crate::config::paths::Paths::find().map(|paths| paths.log().display().to_string());
            let log = log.map(|log| format!("\nthe log is in {log}")).unwrap_or_default();
            fail(&format!("{error:#}{log}"), 70)
        }
    }
}

/// A pattern may match more files than the usual limit of open ones: it is raised as far as the system allows.
fn more_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// Writes to standard output. That nobody reads it any more is no fault.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::Input(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a line to standard error. That it is gone, as with a terminal that was closed, is no fault.
pub(crate) fn note_line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn fail(why: &str, code: u8) -> ExitCode {
    let lines: Vec<_> = crate::sanitize::lines(why).collect();
    let _ = writeln!(std::io::stderr(), "watcher: {}", lines.join("\n"));
    ExitCode::from(code)
}

fn command(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Watch(watch) => {
            let setup = setup::Setup::read(&args.common)?;
            if watch.run.headless { headless::watch(&setup, &watch) } else { dashboard::watch(setup, &watch) }
        }
        Command::Replay(replay) => {
            let setup = setup::Setup::read(&args.common)?;
            match (replay.run.headless, &replay.compare) {
                (true, Some(other)) => compare::run(&setup, &replay, other),
                (true, None) => headless::replay(&setup, &replay),
                (false, _) => replay::run(setup, &replay),
            }
        }
        Command::Inspect(what) => inspect::run(&setup::Setup::read(&args.common)?, &what),
        Command::Demo(demo) => dashboard::demo(setup::Setup::read(&args.common)?, &demo),
        Command::Setup(what) => runtimes::run(&setup::Setup::read(&args.common)?, &what),
        Command::Rules { what } => rules::run(&args.common, &what),
        Command::Drift(drift) => drift::run(&setup::Setup::read(&args.common)?, &drift),
        Command::Bench(bench) => bench::run(&setup::Setup::read(&args.common)?, &bench),
        Command::Config { what } => info::config(&setup::Setup::read(&args.common)?, what.as_ref()),
        Command::Alert { what } => {
            let setup = setup::Setup::read(&args.common)?;
            match what {
                args::AlertWhat::Test { targets } => alert::test(&setup, &targets),
                args::AlertWhat::List => alert::list(&setup),
            }
        }
        Command::Doctor { json } => doctor::run(&args.common, json),
        Command::Completions { shell } => info::completions(shell),
        Command::Man => info::man(),
    }
}
