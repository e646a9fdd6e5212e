//! One screen, one file: which panes it has.

pub mod health;
pub mod overview;
pub mod record;
pub mod rules;
