//! Where verdicts go: `ndjson` writes them, `file` is a growing file that rotates, `past` what a former run has written,
//! `tally` counts what is not written one by one, `lock` keeps a second writer away. Who is told of alerts: `outbox` is a
//! queue to one of them, `webhook` and `exec` are how it gets there.

pub mod exec;
pub mod file;
pub mod lock;
pub mod ndjson;
pub mod outbox;
pub mod past;
pub mod tally;
pub mod webhook;
