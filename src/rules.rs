//! Constraint rules: from YAML to a compiled, immutable [`RuleSet`].
//!
//! `schema` reads the files and reports every fault with its place; `expr` is the expression language; `ruleset` is
//! what comes out: bounds and programs over the numbered slots of `slots`; `message` fills in texts; `unit_test` is
//! what the files' own tests say; `condition` is an expression by itself. `edit` changes a file and keeps its comments,
//! `draft` holds the files that are being changed and every step of it, `form` is a rule field by field, `given` makes
//! a test of a record.
//! State that rules have from record to record (steps, windows) lives in `engine::constraints`, and so does whatever
//! runs rules: tests, explanations, backtests.

pub mod condition;
pub mod draft;
pub mod edit;
pub mod expr;
pub mod form;
pub mod given;
pub mod message;
pub mod ruleset;
pub mod schema;
pub mod slots;
pub mod unit_test;

pub use ruleset::{Rule, RuleSet, Stage};
