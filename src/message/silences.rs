//! What the operator does not want to be told of: silences, and alerts that somebody has taken on. They mute what is
//! told and touch no verdict. Several instances share them through a file: what each knows can be put together in any
//! order and comes to the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::record::prefix;
use crate::verdict::Severity;

/// Version of the file.
const VERSION: u32 = 1;

/// Silences that are kept, those that are over among them.
const MOST_SILENCES: usize = 1_000;

/// Alerts that somebody has taken on, at most.
const MOST_ACKNOWLEDGED: usize = 10_000;

/// Longest text, bytes.
const MOST_BYTES: usize = 1_000;

/// Longest file, bytes: with every text as long as it can be and written in escapes.
const MOST_FILE: usize = 256 << 20;

/// A silence that is over is remembered for this long, so that another instance learns that it has ended.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

/// An acknowledgement counts for this long.
const ACKNOWLEDGED_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What stands for every cause, and for every key.
pub const EVERY: &str = "*";

/// Alerts that nobody is told of for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Which it is, in all instances.
    pub id: u64,
    /// A rule's id or `@…`, or `*`.
    pub cause: Arc<str>,
    /// Whose alerts, or `*`.
    pub key: Arc<str>,
    /// Only those of records with this label: its path and its value.
    #[serde(default)]
    pub label: Option<(String, String)>,
    /// From when on.
    pub from: Timestamp,
    /// Until when; it is over then.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
    /// Whose it is.
    pub who: String,
    /// The worst that it covers.
    pub severity: Severity,
}

impl Silence {
    /// With an id made of all that it says, so that two instances never give one id to two silences.
    pub fn identified(mut self) -> Self {
        self.id = 0;
        let text = serde_json::to_string(&self).unwrap_or_default();
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        // FNV-1a, cut to what every JSON reader keeps exactly.
        self.id = text.bytes().fold(0xcbf2_9ce4_8422_2325, step) >> 12;
        self
    }

    /// Whether it mutes something now.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }

    /// Whose it is, and which: as verdicts name it.
    pub fn signature(&self) -> Arc<str> {
        format!("{}#{:x}", self.who, self.id).into()
    }

    fn concerns(&self, cause: &str, key: &str, labels: &dyn Fn(&str) -> Option<String>) -> bool {
        let fits = |wanted: &str, found: &str| wanted == EVERY || wanted == found;
        fits(&self.cause, cause)
            && fits(&self.key, key)
            && self.label.as_ref().is_none_or(|(path, value)| labels(path).as_ref() == Some(value))
    }

    fn is_bounded(&self) -> bool {
        let label = self.label.iter().flat_map(|(path, value)| [path, value]);
        let mut texts = [&*self.cause, &*self.key, &*self.reason, &*self.who].into_iter().chain(label.map(|t| &**t));
        texts.all(|text| text.len() <= MOST_BYTES)
    }
}

/// An alert that somebody has taken on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// A rule's id, or `@…`.
    pub cause: Arc<str>,
    /// Whose behaviour it is.
    pub key: Arc<str>,
    /// When the alert began.
    pub since: Timestamp,
    /// How bad it was when it was taken on.
    pub severity: Severity,
    /// Who has.
    pub who: String,
    /// When, by the wall clock.
    pub at: Timestamp,
}

/// All of both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silences {
    /// Silences, by id; those that are over stay for a day.
    pub silences: Vec<Silence>,
    /// Alerts that somebody has taken on, by cause, key and beginning.
    pub acknowledged: Vec<Acknowledged>,
}

/// The file.
#[derive(Serialize, Deserialize)]
struct Saved<T> {
    v: u32,
    #[serde(flatten)]
    all: T,
}

/// What the file says before anything else is believed.
#[derive(Deserialize)]
struct Version {
    v: u32,
}

impl Silences {
    /// Reads what [`Silences::to_text`] has written; nothing at all is an empty list.
    ///
    /// # Errors
    /// What is wrong with it, or which bound it exceeds.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        if text.len() > MOST_FILE {
            return Err(format!("{} bytes, at most {MOST_FILE} are read", text.len()));
        }
        let Version { v } = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if v != VERSION {
            return Err(format!("version {v} is not known, {VERSION} is"));
        }
        let Saved::<Self> { all, .. } = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let (silences, taken_on) = (all.silences.len(), all.acknowledged.len());
        if silences > MOST_SILENCES || taken_on > MOST_ACKNOWLEDGED {
            let most = format!("at most {MOST_SILENCES} and {MOST_ACKNOWLEDGED} are read");
            return Err(format!("{silences} silences and {taken_on} acknowledgements, {most}"));
        }
        let short = |text: &str| text.len() <= MOST_BYTES;
        let sound = |ack: &Acknowledged| short(&ack.cause) && short(&ack.key) && short(&ack.who);
        if !all.silences.iter().all(Silence::is_bounded) || !all.acknowledged.iter().all(sound) {
            return Err(format!("a text of more than {MOST_BYTES} bytes"));
        }
        let mut out = Self::default();
        // What comes from a file may name one thing twice.
        out.merge(&all);
        Ok(out)
    }

    /// The file.
    pub fn to_text(&self) -> String {
        serde_json::to_string(&Saved { v: VERSION, all: self }).unwrap_or_default()
    }

    /// Adds a silence. Reason and name are cut to what is kept.
    ///
    /// # Errors
    /// Why it is not added: it would mute nothing, or there is no room.
    pub fn add(&mut self, mut silence: Silence) -> Result<(), String> {
        silence.reason = prefix(&silence.reason, MOST_BYTES).to_owned();
        silence.who = prefix(&silence.who, MOST_BYTES).to_owned();
        if silence.until <= silence.from {
            return Err("a silence has to end after it begins".into());
        }
        if !silence.is_bounded() {
            return Err(format!("cause, key and label may have {MOST_BYTES} bytes"));
        }
        let known = self.silences.iter().any(|known| known.id == silence.id);
        if !known && self.silences.len() >= MOST_SILENCES {
            return Err(format!("there are {MOST_SILENCES} silences already, those that ended today among them"));
        }
        self.merge(&Self { silences: vec![silence], acknowledged: Vec::new() });
        Ok(())
    }

    /// Ends a silence; whether there was one that had not ended.
    pub fn end(&mut self, id: u64, now: Timestamp) -> bool {
        let found = self.silences.iter_mut().find(|silence| silence.id == id && now < silence.until);
        found.map(|silence| silence.until = now).is_some()
    }

    /// Forgets silences that have been over for a day and acknowledgements that no longer count; whether there were any.
    pub fn expire(&mut self, now: Timestamp) -> bool {
        let before = (self.silences.len(), self.acknowledged.len());
        self.silences.retain(|silence| now.duration_since(silence.until) < REMEMBERED);
        self.acknowledged.retain(|ack| now.duration_since(ack.at) <= ACKNOWLEDGED_FOR);
        before != (self.silences.len(), self.acknowledged.len())
    }

    /// The silence that mutes an alert, the one that lasts longest where there are several. `labels` tells the label of
    /// its record at a path.
    pub fn find(
        &self,
        cause: &str,
        key: &str,
        labels: &dyn Fn(&str) -> Option<String>,
        severity: Severity,
        now: Timestamp,
    ) -> Option<&Silence> {
        let covers = |silence: &&Silence| severity <= silence.severity && silence.concerns(cause, key, labels);
        self.active(now).filter(covers).max_by_key(|silence| (silence.until, silence.id))
    }

    /// An alert is this bad now: ends the silences that concern it and cover less, and returns them.
    pub fn escalate(
        &mut self,
        cause: &str,
        key: &str,
        labels: &dyn Fn(&str) -> Option<String>,
        severity: Severity,
        now: Timestamp,
    ) -> Vec<Silence> {
        let less = |silence: &&mut Silence| {
            silence.is_active(now) && silence.severity < severity && silence.concerns(cause, key, labels)
        };
        let end = |silence: &mut Silence| {
            silence.until = now;
            silence.clone()
        };
        self.silences.iter_mut().filter(less).map(end).collect()
    }

    /// Somebody takes an alert on. Past the bound the oldest go.
    pub fn acknowledge(&mut self, mut ack: Acknowledged) {
        if ack.cause.len() > MOST_BYTES || ack.key.len() > MOST_BYTES {
            return;
        }
        ack.who = prefix(&ack.who, MOST_BYTES).to_owned();
        self.merge(&Self { silences: Vec::new(), acknowledged: vec![ack] });
    }

    /// Whether somebody has taken the alert on that began at `since`. One that began later is another, and a worse one
    /// has to be taken on anew. An instance that has read farther back sees the same alert begin earlier.
    pub fn is_acknowledged(&self, cause: &str, key: &str, since: Timestamp, severity: Severity) -> bool {
        self.acknowledgement(cause, key, since, severity).is_some()
    }

    /// As [`Silences::is_acknowledged`]: who and when.
    pub fn acknowledgement(
        &self,
        cause: &str,
        key: &str,
        since: Timestamp,
        severity: Severity,
    ) -> Option<&Acknowledged> {
        // They are in order, and the screen asks for each row.
        let from = self.acknowledged.partition_point(|ack| (&*ack.cause, &*ack.key, ack.since) < (cause, key, since));
        let of_it = self.acknowledged[from..].iter().take_while(|ack| (&*ack.cause, &*ack.key) == (cause, key));
        of_it.filter(|ack| severity <= ack.severity).max_by_key(|ack| ack.at)
    }

    /// The silences that mute something now.
    pub fn active(&self, now: Timestamp) -> impl Iterator<Item = &Silence> {
        self.silences.iter().filter(move |silence| silence.is_active(now))
    }

    /// Those of them that end within a span.
    pub fn expiring_soon(&self, now: Timestamp, within: SignedDuration) -> impl Iterator<Item = &Silence> {
        self.active(now).filter(move |silence| silence.until.duration_since(now) <= within)
    }

    /// The one of them that ends first.
    pub fn next_to_expire(&self, now: Timestamp) -> Option<&Silence> {
        self.active(now).min_by_key(|silence| (silence.until, silence.id))
    }

    /// Takes in what another instance knows. Of a silence that one of them has ended, the earlier end counts.
    pub fn merge(&mut self, other: &Self) {
        let mut silences: BTreeMap<u64, Silence> = BTreeMap::new();
        for silence in self.silences.iter().chain(&other.silences) {
            let known = silences.entry(silence.id).or_insert_with(|| silence.clone());
            known.until = known.until.min(silence.until);
        }
        let by_end = |silence: &Silence| (silence.until, silence.id);
        self.silences = newest(silences.into_values().collect(), MOST_SILENCES, by_end);
        self.silences.sort_by_key(|silence| silence.id);
        let mut taken_on: BTreeMap<(Arc<str>, Arc<str>, Timestamp), Acknowledged> = BTreeMap::new();
        for ack in self.acknowledged.iter().chain(&other.acknowledged) {
            let id = (Arc::clone(&ack.cause), Arc::clone(&ack.key), ack.since);
            let known = taken_on.entry(id).or_insert_with(|| ack.clone());
            let rank = |ack: &Acknowledged| (ack.severity, ack.at, ack.who.clone());
            if rank(ack) > rank(known) {
                *known = ack.clone();
            }
        }
        let place = |ack: &Acknowledged| (Arc::clone(&ack.cause), Arc::clone(&ack.key), ack.since);
        self.acknowledged = newest(taken_on.into_values().collect(), MOST_ACKNOWLEDGED, |ack| (ack.at, place(ack)));
        self.acknowledged.sort_by_key(place);
    }
}

/// At most so many, those with the highest rank.
fn newest<T, K: Ord>(mut all: Vec<T>, most: usize, rank: impl Fn(&T) -> K) -> Vec<T> {
    if all.len() > most {
        all.sort_by_key(|one| std::cmp::Reverse(rank(one)));
        all.truncate(most);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn silence(cause: &str, key: &str, until: i64) -> Silence {
        let (from, severity) = (at(0), Severity::Warning);
        let (reason, who) = ("a deploy".to_owned(), "ann".to_owned());
        let (cause, key) = (cause.into(), key.into());
        Silence { id: 0, cause, key, label: None, from, until: at(until), reason, who, severity }.identified()
    }

    fn ack(cause: &str, since: i64, severity: Severity, taken: i64) -> Acknowledged {
        let (cause, key, who) = (cause.into(), "k".into(), "ann".into());
        Acknowledged { cause, key, since: at(since), severity, who, at: at(taken) }
    }

    fn none(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn a_silence_covers_cause_key_label_time_and_severity() {
        let mut all = Silences::default();
        all.add(silence("slow", "a", 100)).unwrap();
        let found = |cause, key, severity, now| all.find(cause, key, &none, severity, at(now)).is_some();
        assert!(found("slow", "a", Severity::Warning, 0));
        assert!(found("slow", "a", Severity::Info, 99));
        for (cause, key, severity, now) in [
            ("slow", "b", Severity::Warning, 0),
            ("loss", "a", Severity::Warning, 0),
            ("slow", "a", Severity::Critical, 0),
            ("slow", "a", Severity::Warning, -1),
            ("slow", "a", Severity::Warning, 100),
        ] {
            assert!(!found(cause, key, severity, now), "{cause} {key} {severity:?} {now}");
        }
        let labelled = Silence { label: Some(("zone".into(), "eu".into())), ..silence(EVERY, EVERY, 50) }.identified();
        let mut all = Silences::default();
        all.add(labelled).unwrap();
        let zone = |zone: &'static str| move |path: &str| (path == "zone").then(|| zone.to_owned());
        assert!(all.find("x", "y", &zone("eu"), Severity::Info, at(1)).is_some());
        assert!(all.find("x", "y", &zone("us"), Severity::Info, at(1)).is_none());
        assert!(all.find("x", "y", &none, Severity::Info, at(1)).is_none());
    }

    #[test]
    fn it_ends_when_what_it_covers_gets_worse() {
        let mut all = Silences::default();
        all.add(silence("slow", EVERY, 100)).unwrap();
        all.add(silence("loss", "a", 100)).unwrap();
        assert_eq!(all.escalate("slow", "a", &none, Severity::Warning, at(5)), []);
        let ended = all.escalate("slow", "a", &none, Severity::Critical, at(5));
        assert_eq!(ended.iter().map(|s| &*s.cause).collect::<Vec<_>>(), ["slow"]);
        assert!(all.find("slow", "b", &none, Severity::Info, at(5)).is_none());
        assert!(all.find("loss", "a", &none, Severity::Info, at(5)).is_some());
        assert_eq!(all.escalate("slow", "a", &none, Severity::Critical, at(6)), [], "it has ended already");
    }

    #[test]
    fn what_two_instances_know_comes_to_the_same_in_any_order() {
        let (mut a, mut b) = (Silences::default(), Silences::default());
        let shared = silence("slow", "a", 1_000);
        a.add(shared.clone()).unwrap();
        b.merge(&a);
        assert!(a.end(shared.id, at(10)));
        assert!(!a.end(shared.id, at(11)), "it has ended");
        b.add(silence("loss", "a", 1_000)).unwrap();
        a.acknowledge(ack("slow", 0, Severity::Warning, 1));
        b.acknowledge(ack("slow", 0, Severity::Critical, 2));
        b.acknowledge(ack("slow", 5, Severity::Info, 6));
        let mut ab = a.clone();
        ab.merge(&b);
        let mut ba = b.clone();
        ba.merge(&a);
        assert_eq!(ab, ba);
        let again = ab.clone();
        ab.merge(&again);
        assert_eq!(ab, again);
        assert!(ab.find("slow", "a", &none, Severity::Info, at(20)).is_none(), "an ended one came back");
        // The memory of the end outlives what the other still believes for a day.
        assert!(!ab.expire(at(86_000)));
        assert_eq!((ab.silences.len(), ab.acknowledged.len()), (2, 2));
        assert!(ab.expire(at(87_500)));
        assert_eq!(ab.silences.len(), 0);
        assert!(ab.expire(at(7 * 86_400 + 10)));
        assert_eq!(ab, Silences::default());
    }

    #[test]
    fn an_acknowledgement_is_of_one_alert_as_bad_as_it_was() {
        let mut all = Silences::default();
        all.acknowledge(ack("slow", 10, Severity::Warning, 20));
        let taken = |since, severity| all.is_acknowledged("slow", "k", at(since), severity);
        assert!(taken(10, Severity::Warning) && taken(10, Severity::Info));
        assert!(taken(4, Severity::Warning), "who has read farther back sees it begin earlier");
        assert!(!taken(10, Severity::Critical));
        assert!(!taken(11, Severity::Warning));
        assert!(!all.is_acknowledged("slow", "other", at(10), Severity::Info));
        assert!(!all.is_acknowledged("slo", "k", at(10), Severity::Info));
    }

    #[test]
    fn the_next_to_expire_is_known() {
        let mut all = Silences::default();
        for (cause, until) in [("a", 500), ("b", 100), ("c", 50)] {
            all.add(silence(cause, "k", until)).unwrap();
        }
        let soon = |now| all.expiring_soon(at(now), SignedDuration::from_secs(60)).count();
        assert_eq!((soon(0), soon(45), soon(60), soon(440)), (1, 2, 1, 1));
        assert_eq!(all.next_to_expire(at(60)).map(|s| &*s.cause), Some("b"));
        assert_eq!(all.next_to_expire(at(500)), None);
    }

    #[test]
    fn a_file_is_bounded_and_of_a_known_version() {
        let mut all = Silences::default();
        all.add(Silence { label: Some(("l\"".into(), "\u{1b}v".into())), ..silence("slow", "a", 9) }).unwrap();
        all.acknowledge(ack("slow", 10, Severity::Warning, 20));
        assert_eq!(Silences::parse(&all.to_text()), Ok(all.clone()));
        assert_eq!(Silences::parse(" \n"), Ok(Silences::default()));
        let newer = all.to_text().replacen("\"v\":1", "\"v\":2", 1);
        assert_eq!(Silences::parse(&newer).unwrap_err(), "version 2 is not known, 1 is");
        assert!(Silences::parse("{").is_err());
        let long = all.to_text().replacen("a deploy", &"x".repeat(MOST_BYTES + 1), 1);
        assert_eq!(Silences::parse(&long).unwrap_err(), "a text of more than 1000 bytes");
        let many: Vec<Silence> = (0..=MOST_SILENCES as u64).map(|id| Silence { id, ..silence("a", "b", 1) }).collect();
        let many = Silences { silences: many, acknowledged: Vec::new() };
        assert!(Silences::parse(&many.to_text()).unwrap_err().contains("1001 silences"));
    }

    #[test]
    fn what_is_added_is_bounded() {
        let mut all = Silences::default();
        let long = "é".repeat(MOST_BYTES);
        all.add(Silence { reason: long.clone(), ..silence("a", "b", 5) }).unwrap();
        assert_eq!(all.silences[0].reason.len(), MOST_BYTES);
        assert!(all.add(Silence { key: long.into(), ..silence("a", "b", 6) }).is_err());
        assert!(all.add(silence("a", "b", 0)).is_err());
        for until in 0..MOST_SILENCES as i64 - 1 {
            all.add(silence("a", "b", 10 + until)).unwrap();
        }
        assert!(all.add(silence("b", "b", 10)).is_err());
        for since in 0..=MOST_ACKNOWLEDGED as i64 {
            all.acknowledged.push(ack("a", since, Severity::Info, since));
        }
        all.merge(&Silences::default());
        assert_eq!(all.acknowledged.len(), MOST_ACKNOWLEDGED);
        assert!(Silences::parse(&all.to_text()).is_ok());
        assert_eq!(all.acknowledged[0].since, at(1), "the oldest went");
    }
}
