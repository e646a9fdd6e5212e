//! The second engine: constraint rules over a record and over what the other engines found.
//!
//! `projection` turns a record into numbered slots; `plan` says which rules have their turn when; `executor` compares;
//! `checks` looks at one rule; `state`, `windows` and `keyed` are what rules remember, `saved` takes it across the end of
//! the process. On top of it: `testing` runs the tests of rule files, `explain` shows a rule at work on a record,
//! `backtest` judges the past by other rules. [`check`] is the one door through which rules come into force.

pub mod backtest;
mod checks;
mod executor;
pub mod explain;
pub mod filter;
mod keyed;
mod plan;
mod projection;
mod saved;
mod state;
pub mod testing;
mod windows;

pub use crate::stats::rule_count::RuleCount;
pub use executor::Constraints;
pub use saved::Saved;
pub use state::no_data;

use crate::rules::RuleSet;
use crate::rules::schema::{self, Source};
use crate::yaml::Diagnostic;

/// Rules that are sound, and how their tests came out.
#[derive(Debug)]
pub struct Checked {
    /// The rules.
    pub rules: RuleSet,
    /// Their tests.
    pub report: testing::Report,
}

/// Reads, compiles and tests rules: what start, `rules check`, a reload and an editor all go through.
///
/// # Errors
/// Every fault of every file. That a test fails is none: it is in the report.
pub fn check(sources: &[Source]) -> Result<Checked, Vec<Diagnostic>> {
    let rules = schema::load(sources)?;
    let report = testing::run(&rules);
    Ok(Checked { rules, report })
}

/// The same for whoever is to put the rules in force: a test that fails is a fault like any other.
///
/// # Errors
/// Every fault, or every test that fails, with its place.
pub fn accept(sources: &[Source]) -> Result<RuleSet, Vec<Diagnostic>> {
    let checked = check(sources)?;
    let failed = checked.report.faults(&checked.rules);
    if !failed.is_empty() {
        return Err(failed);
    }
    // They have done their work: what is in force need not carry them along.
    Ok(RuleSet { tests: Vec::new(), ..checked.rules })
}
