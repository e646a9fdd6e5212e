//! Where verdicts go: `ndjson` writes them, `file` is a growing file that rotates, `past` what a former run has written,
//! `tally` counts what is not written one by one, `lock` keeps a second writer away.

pub mod file;
pub mod lock;
pub mod ndjson;
pub mod past;
pub mod tally;
