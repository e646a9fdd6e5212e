//! The program: parses the command line, calls the library, turns the outcome into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    watcher::cli::run(std::env::args_os())
}
