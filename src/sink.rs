//! Where verdicts go: `ndjson` writes them, `file` is a growing file that rotates, `past` what a former run has written,
//! `lock` keeps a second writer away.

pub mod file;
pub mod lock;
pub mod ndjson;
pub mod past;
