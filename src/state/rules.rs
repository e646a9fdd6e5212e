//! How the rules stand, for their list.

use std::sync::Arc;

use super::alerts::{AlertState, Alerts};
use crate::message::RuleCount;

/// How a rule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is breached now, somewhere.
    Firing,
    /// It is breached, and not for long enough.
    Pending,
    /// It is evaluated and holds.
    Quiet,
    /// Nothing can be said of it.
    NoData,
}

/// How a rule stands, by its counters and its alerts.
pub fn standing(id: &Arc<str>, count: &RuleCount, no_data: bool, alerts: &Alerts) -> Standing {
    let worst = alerts.iter().filter(|alert| alert.cause == *id).map(|alert| alert.state).max();
    match worst {
        Some(AlertState::Firing) => Standing::Firing,
        Some(AlertState::Pending) => Standing::Pending,
        _ if no_data || count.records == 0 || count.evaluated == 0 => Standing::NoData,
        _ => Standing::Quiet,
    }
}
