//! One pane, one file.

pub mod agents;
pub mod drift;
pub mod footer;
pub mod header;
pub mod help;
pub mod latency;
pub mod palette;
pub mod record;
pub mod records;
pub mod violations;
