//! The program: parses the command line, calls the library, turns the outcome into an exit code.

use std::process::ExitCode;

/// Records are made by one thread and dropped by another, by the hundred thousand a second.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc 3, which its Rust crate has no name for.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

fn main() -> ExitCode {
    // Memory that was needed for a backlog goes back to the system at once, not when its thread is next busy.
    // SAFETY: sets a number that the allocator reads; no other thread runs yet.
    #[allow(unsafe_code)]
    unsafe {
        libmimalloc_sys::mi_option_set(PURGE_DELAY, 0);
    }
    watcher::cli::run(std::env::args_os())
}
