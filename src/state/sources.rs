//! The sources as their records show them: how often they speak, whether they have stopped, how their clocks go.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::pace::Pace;
use crate::stats::ring::Ring;

/// Sources that are known; further ones are not watched.
const MOST: usize = 512;

/// Records over which a clock is judged.
const RECENT: usize = 64;

/// A source.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Source {
    /// How often it speaks, and whether it has stopped.
    pub pace: Pace,
    /// Records.
    pub total: u64,
    /// How far its clock is ahead of this machine's, s, as far as its records show; negative: its newest came so late.
    /// `None` before there is a record with a time of its own that was read as it was written.
    pub ahead_s: Option<f64>,
    offsets: Ring<f64>,
}

/// All sources.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Sources {
    by_name: BTreeMap<Arc<str>, Source>,
    returned: Vec<Arc<str>>,
}

impl Sources {
    /// Takes a record in: its event time, the event time of all, and by how much its time is ahead of when it was read,
    /// s, where both are known.
    pub fn add(&mut self, name: &Arc<str>, at: Timestamp, heard: Timestamp, ahead_s: Option<f64>) {
        if self.by_name.len() >= MOST && !self.by_name.contains_key(name) {
            return;
        }
        let new = || Source { pace: Pace::new(at), total: 0, ahead_s: None, offsets: Ring::new(RECENT) };
        let source = self.by_name.entry(Arc::clone(name)).or_insert_with(new);
        if source.pace.add(at, heard) {
            self.returned.push(Arc::clone(name));
        }
        source.total += 1;
        if let Some(ahead) = ahead_s {
            source.offsets.push(ahead);
            // A record can come late for many reasons, but early only for one.
            source.ahead_s = source.offsets.iter().copied().reduce(f64::max);
        }
    }

    /// A source has ended: nobody waits for it.
    pub fn end(&mut self, name: &str) {
        if self.by_name.remove(name).is_some_and(|source| source.pace.quiet) {
            self.returned.push(name.into());
        }
    }

    /// Brings silences up to event time `at`.
    pub fn refresh(&mut self, at: Timestamp) {
        self.by_name.values_mut().for_each(|source| source.pace.refresh(at));
    }

    /// Makes ready what is shown and follows from the rest.
    pub fn measure(&mut self) {
        self.by_name.values_mut().for_each(|source| source.pace.measure());
    }

    /// Whether no more are held than can be: what is read of a store may be anything.
    pub fn is_sound(&self) -> bool {
        self.by_name.len() <= MOST
    }

    /// A source, by its name.
    pub fn get(&self, name: &str) -> Option<&Source> {
        self.by_name.get(name)
    }

    /// The sources that are quiet, and how.
    pub fn quiet(&self, at: Timestamp) -> impl Iterator<Item = (&Arc<str>, String)> {
        self.by_name.iter().filter(|(_, source)| source.pace.quiet).map(move |(name, s)| (name, s.pace.text(at)))
    }

    /// The sources that were quiet and have spoken since this was last asked.
    pub fn returned(&mut self) -> Vec<Arc<str>> {
        std::mem::take(&mut self.returned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_judged_by_the_record_that_came_earliest() {
        let mut sources = Sources::default();
        let (name, at): (Arc<str>, _) = ("log".into(), Timestamp::UNIX_EPOCH);
        sources.add(&name, at, at, None);
        assert_eq!(sources.get("log").unwrap().ahead_s, None, "a backlog says nothing of a clock");
        for ahead in [-3.0, 12.0, -0.5] {
            sources.add(&name, at, at, Some(ahead));
        }
        assert_eq!(sources.get("log").unwrap().ahead_s, Some(12.0));
        for _ in 0..RECENT {
            sources.add(&name, at, at, Some(-2.0));
        }
        assert_eq!((sources.get("log").unwrap().ahead_s, sources.get("log").unwrap().total), (Some(-2.0), 68));
    }

    #[test]
    fn a_source_that_has_ended_is_not_waited_for() {
        let mut sources = Sources::default();
        let name: Arc<str> = "log".into();
        let at = |s| Timestamp::from_second(s).unwrap();
        (0..40).for_each(|s| sources.add(&name, at(s), at(s), None));
        sources.refresh(at(100));
        assert_eq!(sources.quiet(at(100)).count(), 1);
        sources.end("log");
        assert_eq!((sources.quiet(at(100)).count(), sources.returned()), (0, vec![name]));
    }
}
