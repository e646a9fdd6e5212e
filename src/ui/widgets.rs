//! Small things that panes are made of.

pub mod frame;
pub mod plot;
pub mod spark;
pub mod text;
