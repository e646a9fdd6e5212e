//! Constraint rules: from YAML to a compiled, immutable [`RuleSet`].
//!
//! `schema` reads the files and reports every fault with its place; `expr` is the expression language; `ruleset` is
//! what comes out: a flat table of limits and compiled expressions over numbered slots; `message` fills in texts.
//! State that rules have from record to record (steps, windows) lives in `engine::constraints`, not here.

pub mod expr;
pub mod message;
pub mod ruleset;
pub mod schema;

pub use ruleset::{Rule, RuleSet, Stage};
