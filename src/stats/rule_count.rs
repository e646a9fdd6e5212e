//! How a rule has fared.

use serde::{Deserialize, Serialize};

/// How a rule has fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RuleCount {
    /// Records since the rule is in force.
    pub records: u64,
    /// Records on which it was evaluated.
    pub evaluated: u64,
    /// Records on which all fields that it names were there.
    pub present: u64,
    /// Records on which it was breached, and that counts (a shadow's breaches too).
    pub hits: u64,
    /// Records on which it was breached, inside its `for`.
    pub pending: u64,
    /// Records on which it had no value (a division by zero).
    pub errors: u64,
    /// Records on which it would have been breached, but for an exception.
    pub excepted: u64,
    /// Groups of its window now.
    pub groups: u64,
    /// Keys and groups that had to go for want of room.
    pub evicted: u64,
    /// Values that its windows let go early for want of room.
    pub cut: u64,
}
