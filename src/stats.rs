//! Small pure statistics: running moments, bounded series with gaps, and histograms over time.

pub mod backlog;
pub mod bitmap;
pub mod ring;
pub mod rule_count;
pub mod summary;
pub mod timeline;
pub mod welford;
pub mod window;
