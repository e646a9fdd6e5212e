//! How much of the traffic was compared: the share of records that should have had their answers compared and had.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Share;
use crate::verdict::{Outcome, Severity};

/// Seconds over which the share is taken.
const WINDOW_S: i64 = 60;

/// Less than this share, and nothing can be said of what the answers were like.
const CRITICAL: f64 = 50.0;

/// Reasons that are told apart.
const REASONS: usize = 16;

/// What became of the records of one second.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Second {
    at: i64,
    share: Share,
    why: BTreeMap<Arc<str>, u64>,
}

/// The share of the last minute.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Coverage {
    seconds: VecDeque<Second>,
}

impl Coverage {
    /// Takes in how far the comparison of a record's answers came. What had nothing to compare does not count.
    pub fn add(&mut self, at: Timestamp, outcome: &Outcome) {
        let why = match outcome {
            Outcome::Scored => None,
            Outcome::Partial(why) | Outcome::Failed(why) => Some(why),
            Outcome::Skipped(_) => return,
        };
        let at = at.as_second();
        let newest = self.seconds.back().map(|second| second.at);
        if newest.is_none_or(|newest| newest < at) {
            self.seconds.push_back(Second { at, share: Share::default(), why: BTreeMap::new() });
        }
        self.forget(at);
        if let Some(second) = self.seconds.back_mut() {
            second.share.add(why.is_none());
            if let Some(why) = why.filter(|why| second.why.len() < REASONS || second.why.contains_key(*why)) {
                *second.why.entry(Arc::clone(why)).or_default() += 1;
            }
        }
    }

    fn forget(&mut self, now: i64) {
        while self.seconds.front().is_some_and(|second| second.at <= now - WINDOW_S) {
            self.seconds.pop_front();
        }
    }

    /// The alert that the last minute is worth: how bad, and "checked 71% of 1,204 in the last minute: overload 340".
    pub fn alert(&mut self, now: Timestamp) -> Option<(Severity, String)> {
        self.forget(now.as_second());
        let mut share = Share::default();
        let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
        for second in &self.seconds {
            (share.of, share.part) = (share.of + second.share.of, share.part + second.share.part);
            second.why.iter().for_each(|(why, count)| *reasons.entry(why).or_default() += count);
        }
        let percent = share.percent().filter(|_| share.part < share.of)?;
        let mut reasons: Vec<(&str, u64)> = reasons.into_iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let reasons: Vec<String> = reasons.iter().take(3).map(|(why, count)| format!("{why} {count}")).collect();
        let severity = if percent < CRITICAL { Severity::Critical } else { Severity::Warning };
        let of = crate::humanize::number(share.of as f64);
        // Never rounded up to all of them.
        let text = format!("checked {:.0}% of {of} in the last minute: {}", percent.floor(), reasons.join(", "));
        Some((severity, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_minute_counts_and_says_why() {
        let mut coverage = Coverage::default();
        let at = |s| Timestamp::from_second(s).unwrap();
        for s in 0..10 {
            coverage.add(at(s), &Outcome::Scored);
            coverage.add(at(s), &Outcome::Skipped("one_sample".into()));
        }
        assert_eq!(coverage.alert(at(10)), None);
        (0..5).for_each(|s| coverage.add(at(20 + s), &Outcome::Partial("overload".into())));
        coverage.add(at(30), &Outcome::Failed("timeout".into()));
        let text = "checked 62% of 16 in the last minute: overload 5, timeout 1";
        assert_eq!(coverage.alert(at(31)), Some((Severity::Warning, text.to_owned())));
        assert_eq!(coverage.alert(at(85)).map(|(severity, _)| severity), Some(Severity::Critical));
        assert_eq!(coverage.alert(at(91)), None);
    }
}
