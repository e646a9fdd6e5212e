//! What becomes of the alerts, one event after the other.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Alert, AlertState};
use crate::record::Seq;
use crate::verdict::Severity;

/// Changes that are kept for who asks; past it the oldest go: the board of a live view is never asked.
const MOST: usize = 1_024;

/// An alert's state became another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertChange {
    /// When, by event time.
    pub at: Timestamp,
    /// A rule's id, or `@…`.
    pub cause: Arc<str>,
    /// Whose behaviour it is; empty for what belongs to nobody.
    pub key: Arc<str>,
    /// The worst so far.
    pub severity: Severity,
    /// What it became. What was pending and came to nothing is resolved.
    pub state: AlertState,
    /// The newest case, in words.
    pub text: String,
    /// Since when.
    pub since: Timestamp,
    /// How often since then.
    pub count: u64,
    /// The record of the newest case.
    pub seq: Option<Seq>,
}

/// The newest changes, in the order in which they happened.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes(VecDeque<AlertChange>);

impl Changes {
    /// The alert has changed to what it is now.
    pub(super) fn tell(&mut self, at: Timestamp, alert: &Alert) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(AlertChange {
            at,
            cause: Arc::clone(&alert.cause),
            key: Arc::clone(&alert.key),
            severity: alert.severity,
            state: alert.state,
            text: alert.text.clone(),
            since: alert.since,
            count: alert.count,
            seq: alert.seq,
        });
    }

    /// All of them; from here on only what comes later.
    pub(super) fn take(&mut self) -> Vec<AlertChange> {
        std::mem::take(&mut self.0).into()
    }
}
