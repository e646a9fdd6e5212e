//! Small things that panes are made of.

pub mod bars;
pub mod frame;
pub mod list;
pub mod plot;
pub mod sheet;
pub mod spark;
pub mod text;
