//! The program: parses the command line, calls the library, turns the outcome into an exit code.

use std::process::ExitCode;

/// Records are made by one thread and dropped by another, by the hundred thousand a second.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    watcher::cli::run(std::env::args_os())
}
