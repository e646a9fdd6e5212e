//! One pane, one file.

pub mod agents;
pub mod drift;
pub mod engines;
pub mod footer;
pub mod header;
pub mod help;
pub mod latency;
pub mod palette;
pub mod pipeline;
pub mod record;
pub mod records;
pub mod rejected;
pub mod rules;
pub mod sources;
pub mod violations;
