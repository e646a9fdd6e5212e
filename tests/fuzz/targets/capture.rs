//! A capture, or the lines of one.
#![no_main]

#[path = "../capture_checks.rs"]
#[allow(dead_code)]
mod capture_checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    capture_checks::capture(data);
});
