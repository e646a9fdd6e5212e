//! The second engine: rules against records.

pub mod executor;

pub use executor::{Constraints, RuleCount};
