//! The meaning of texts.

use super::{End, Input, Output};
use crate::cli::args::Drift;
use crate::cli::setup::Setup;
use crate::engine::drift::budget::Thresholds;

/// later
pub(super) fn run(
    _setup: &Setup,
    _args: &Drift,
    _field: &str,
    _input: Input,
    _out: &mut Output,
    _limits: &Thresholds,
) -> Result<Vec<String>, End> {
    Ok(Vec::new())
}
