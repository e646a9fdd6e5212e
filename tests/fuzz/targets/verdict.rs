//! Lines of verdicts.
#![no_main]

#[path = "../log_checks.rs"]
#[allow(dead_code)]
mod log_checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    log_checks::verdict(data);
});
