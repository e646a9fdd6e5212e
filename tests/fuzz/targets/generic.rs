//! Lines of any JSON, behind a `--map` text or not.
#![no_main]

#[path = "../log_checks.rs"]
#[allow(dead_code)]
mod log_checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    log_checks::generic(data);
});
