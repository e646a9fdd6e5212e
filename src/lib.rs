//! `watcher`: a terminal dashboard for people who watch AI agents at work.
//!
//! The way of a record, from left to right; each name is a module:
//!
//! ```text
//! source ─► pipeline ──────────────────────────────────────────► sink      verdicts, one JSON object a line
//!  tail      parse ─► record     judge ─► engine, rules ─► verdict
//!  stdin        └─► engine::embedding::pool ─┘     │
//!                                                  └─► history ─► message ─► state ─► ui     drawn by app
//! ```
//!
//! - **What things are**: [`record`], [`verdict`], [`message`] (what pipeline and screen say to each other), [`history`].
//! - **What is found**: [`engine`] (embedding, constraints, drift), [`rules`] (the language), [`stats`]; [`analysis`] (what is
//!   made of what is kept, when somebody asks). Pure: no threads, no files.
//! - **What moves**: [`source`], [`pipeline`], [`sink`], [`capture`] (an incident as one file), [`replay`] (a log judged once,
//!   any place of it shown at once). Only `pipeline` and `replay` spawn.
//! - **What is seen**: [`state`] (numbers made ready), [`ui`] (drawing), [`app`] (the loop, keys, the terminal).
//! - **What starts it**: [`cli`], [`config`].
//! - **Small leaves that everything may use**: [`clock`], [`yaml`], [`humanize`], [`sanitize`], [`redact`].
//!
//! Who may import whom is held by `tests/it/architecture.rs`.

pub mod analysis;
pub mod app;
pub mod capture;
pub mod cli;
pub mod clock;
pub mod config;
pub mod engine;
pub mod history;
pub mod humanize;
pub mod message;
pub mod pipeline;
pub mod record;
pub mod redact;
pub mod replay;
pub mod rules;
pub mod sanitize;
pub mod sink;
pub mod source;
pub mod state;
pub mod stats;
pub mod ui;
pub mod verdict;
pub mod yaml;
