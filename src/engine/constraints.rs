//! The second engine: rules against records.

pub mod executor;
mod projection;
mod saved;

pub use executor::{Constraints, RuleCount};
pub use saved::Saved;
