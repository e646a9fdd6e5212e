//! The second engine: rules against records.

pub mod executor;
mod projection;

pub use executor::{Constraints, RuleCount};
