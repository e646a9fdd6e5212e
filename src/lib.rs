//! `watcher`: a terminal dashboard for people who watch AI agents at work.
pub mod clock;
pub mod record;
pub mod stats;
pub mod verdict;
pub mod yaml;
pub mod rules;
pub mod humanize;
pub mod engine;
