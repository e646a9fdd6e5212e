//! Which alerts are told, when, and to whom: once when one begins, again when it gets worse or has lasted long, and when
//! it is over; never more than people can read, and what was held back is counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::history::Row;
use crate::message::notice::{Notice, NoticeKind};
use crate::verdict::Severity;

/// Alerts, and sets of targets, that are remembered; past it the oldest go.
const MOST: usize = 4_096;

/// An alert that is over is remembered for this long: until then its next critical is not the first.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Who is told of what no rule sends elsewhere.
    pub default: Vec<Arc<str>>,
    /// The mildest that is told.
    pub least: Severity,
    /// What still fires after so long is told again.
    pub repeat: Option<SignedDuration>,
    /// Notices a minute to the same targets.
    pub per_minute: u32,
    /// Whether it is told that an alert is over.
    pub resolved: bool,
    /// What the program does: `LIVE`, `DEMO`, `REPLAY`.
    pub mode: Arc<str>,
}

/// An alert as it is.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// Whether it fires or is over.
    pub kind: NoticeKind,
    /// A rule's id, or `@…`.
    pub cause: &'a Arc<str>,
    /// Whose behaviour it is.
    pub key: &'a Arc<str>,
    /// The worst so far.
    pub severity: Severity,
    /// Since when.
    pub since: Timestamp,
    /// When this is so; of a resolved one, its end.
    pub at: Timestamp,
    /// How often since then.
    pub count: u64,
    /// The newest case, in words.
    pub text: &'a str,
    /// Who is told, where its rule says so.
    pub targets: Option<&'a [Arc<str>]>,
    /// The record that it is about.
    pub row: Option<&'a Row>,
    /// Nobody is to be told. That an alert is over, whoever took it on still wants to know: then only a silence mutes.
    pub muted: bool,
    /// The wall clock.
    pub now: Timestamp,
}

/// What became of an alert so far.
#[derive(Debug)]
struct Known {
    since: Timestamp,
    /// How bad it was when it was last to be told; `None` while it never was.
    told: Option<Severity>,
    /// When that was.
    at: Timestamp,
    /// Somebody was told, not only the count of what is held back.
    sent: bool,
    /// It was critical, in this hour.
    was_critical: bool,
    over: bool,
    /// When it was last heard of.
    heard: Timestamp,
}

/// How much the same targets are told.
#[derive(Debug)]
struct Bucket {
    /// Notices that may go; below zero for what was let through beyond.
    tokens: f64,
    filled: Timestamp,
    /// Held back since the last that went.
    held_back: u64,
}

type Id = (Arc<str>, Arc<str>);

/// Decides what is told.
#[derive(Debug)]
pub struct Notices {
    options: Options,
    known: BTreeMap<Id, Known>,
    buckets: BTreeMap<Vec<Arc<str>>, Bucket>,
    held_back: u64,
}

impl Notices {
    /// Nothing was told yet.
    pub fn new(options: Options) -> Self {
        Self { options, known: BTreeMap::new(), buckets: BTreeMap::new(), held_back: 0 }
    }

    /// Notices that were held back so far, because there were too many.
    pub fn held_back(&self) -> u64 {
        self.held_back
    }

    /// An alert has begun or is over: what is told of it.
    pub fn change(&mut self, told: Told<'_>) -> Option<Notice> {
        match told.kind {
            NoticeKind::Firing => self.firing(&told),
            NoticeKind::Resolved => self.resolved(&told),
        }
    }

    /// Goes over all alerts that fire: what got worse, has lasted long, or is muted no more. Where things have calmed
    /// down, the worst of what was held back is told too, and how many there were.
    pub fn due<'a>(&mut self, now: Timestamp, firing: impl Iterator<Item = Told<'a>>) -> Vec<Notice> {
        self.known.retain(|_, known| !known.over || now.duration_since(known.heard) < REMEMBERED);
        let mut out = Vec::new();
        let mut calm: BTreeMap<Vec<Arc<str>>, Told<'a>> = BTreeMap::new();
        for told in firing {
            match self.firing(&told) {
                Some(notice) => out.push(notice),
                None => self.keep_worst(&mut calm, told),
            }
        }
        for (targets, told) in calm {
            let Some(bucket) = self.buckets.get_mut(&targets) else { continue };
            bucket.fill(now, self.options.per_minute);
            if bucket.held_back == 0 || bucket.tokens < f64::from(self.options.per_minute).max(1.0) {
                continue;
            }
            // It is one of those that were held back, and not now.
            bucket.tokens -= 1.0;
            let held_back = std::mem::take(&mut bucket.held_back) - 1;
            if let Some(known) = self.known.get_mut(&id(&told)) {
                (known.sent, known.at) = (true, now);
            }
            out.push(self.notice(&told, targets, held_back));
        }
        out
    }

    /// Of the alerts that were held back, the worst for each set of targets.
    fn keep_worst<'a>(&self, calm: &mut BTreeMap<Vec<Arc<str>>, Told<'a>>, told: Told<'a>) {
        let held = self.known.get(&id(&told)).is_some_and(|known| known.told.is_some() && !known.sent && !known.over);
        if !held || told.muted {
            return;
        }
        let place = calm.entry(self.targets(&told)).or_insert(told);
        if told.severity > place.severity {
            *place = told;
        }
    }

    fn firing(&mut self, told: &Told<'_>) -> Option<Notice> {
        let targets = self.targets(told);
        if told.severity < self.options.least || targets.is_empty() {
            return None;
        }
        let repeat = self.options.repeat;
        let known = self.known(told);
        if told.muted {
            return None;
        }
        let again = repeat.is_some_and(|repeat| told.now.duration_since(known.at) >= repeat);
        if known.told.is_some_and(|severity| told.severity <= severity) && !again {
            return None;
        }
        let first = told.severity == Severity::Critical && !known.was_critical;
        known.told = Some(known.told.map_or(told.severity, |severity| severity.max(told.severity)));
        known.at = told.now;
        known.was_critical |= first;
        let held_back = self.pass(&targets, told.now, first)?;
        if let Some(known) = self.known.get_mut(&id(told)) {
            known.sent = true;
        }
        Some(self.notice(told, targets, held_back))
    }

    fn resolved(&mut self, told: &Told<'_>) -> Option<Notice> {
        let known = self.known.get_mut(&id(told)).filter(|known| !known.over)?;
        let sent = std::mem::take(&mut known.sent);
        (known.over, known.told, known.heard) = (true, None, told.now);
        if !sent || told.muted || !self.options.resolved {
            return None;
        }
        let targets = self.targets(told);
        if targets.is_empty() {
            return None;
        }
        let held_back = self.pass(&targets, told.now, false)?;
        Some(self.notice(told, targets, held_back))
    }

    /// What is known of an alert that fires.
    fn known(&mut self, told: &Told<'_>) -> &mut Known {
        let id = id(told);
        if self.known.len() >= MOST && !self.known.contains_key(&id) {
            let oldest =
                self.known.iter().min_by_key(|(_, known)| (!known.over, known.heard)).map(|(id, _)| id.clone());
            oldest.and_then(|oldest| self.known.remove(&oldest));
        }
        let known = self.known.entry(id).or_insert_with(|| Known {
            since: told.since,
            told: None,
            at: told.now,
            sent: false,
            was_critical: false,
            over: false,
            heard: told.now,
        });
        // One that begins later than the one that is known is another, though nobody said that the first was over.
        if known.over || told.since > known.since {
            (known.over, known.since, known.told, known.sent) = (false, told.since, None, false);
        }
        known.heard = told.now;
        known
    }

    /// Whether one more may go to these targets, and how many were held back before it.
    fn pass(&mut self, targets: &[Arc<str>], now: Timestamp, first_critical: bool) -> Option<u64> {
        let rate = f64::from(self.options.per_minute);
        if self.buckets.len() >= MOST && !self.buckets.contains_key(targets) {
            let oldest = self.buckets.iter().min_by_key(|(_, bucket)| bucket.filled).map(|(id, _)| id.clone());
            oldest.and_then(|oldest| self.buckets.remove(&oldest));
        }
        let new = Bucket { tokens: rate, filled: now, held_back: 0 };
        let bucket = self.buckets.entry(targets.to_vec()).or_insert(new);
        bucket.fill(now, self.options.per_minute);
        let least = if first_critical { 1.0 - rate } else { 1.0 };
        if bucket.tokens < least {
            bucket.held_back += 1;
            self.held_back += 1;
            return None;
        }
        bucket.tokens -= 1.0;
        Some(std::mem::take(&mut bucket.held_back))
    }

    /// Who is told, each once.
    fn targets(&self, told: &Told<'_>) -> Vec<Arc<str>> {
        let mut targets = told.targets.unwrap_or(&self.options.default).to_vec();
        targets.sort();
        targets.dedup();
        targets
    }

    fn notice(&self, told: &Told<'_>, targets: Vec<Arc<str>>, held_back: u64) -> Notice {
        Notice {
            kind: told.kind,
            cause: Arc::clone(told.cause),
            key: Arc::clone(told.key),
            severity: told.severity,
            since: told.since,
            at: told.at,
            count: told.count,
            text: told.text.to_owned(),
            held_back,
            mode: Arc::clone(&self.options.mode),
            targets,
            row: told.row.cloned(),
        }
    }
}

impl Bucket {
    /// What has become free since it was last looked at. A clock that goes back frees nothing.
    fn fill(&mut self, now: Timestamp, per_minute: u32) {
        let rate = f64::from(per_minute);
        let passed = now.duration_since(self.filled).as_secs_f64().max(0.0);
        self.tokens = (self.tokens + passed * rate / 60.0).min(rate);
        self.filled = now;
    }
}

fn id(told: &Told<'_>) -> Id {
    (Arc::clone(told.cause), Arc::clone(told.key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn options() -> Options {
        Options {
            default: vec!["pager".into()],
            least: Severity::Warning,
            repeat: None,
            per_minute: 20,
            resolved: true,
            mode: "LIVE".into(),
        }
    }

    /// An alert, with what its fields borrow.
    struct Case {
        cause: Arc<str>,
        key: Arc<str>,
        targets: Option<Vec<Arc<str>>>,
        severity: Severity,
        since: i64,
        muted: bool,
    }

    fn case(cause: &str) -> Case {
        let severity = Severity::Warning;
        Case { cause: cause.into(), key: "k".into(), targets: None, severity, since: 0, muted: false }
    }

    impl Case {
        fn told(&self, kind: NoticeKind, now: i64) -> Told<'_> {
            Told {
                kind,
                cause: &self.cause,
                key: &self.key,
                severity: self.severity,
                since: at(self.since),
                at: at(now),
                count: 1,
                text: "words",
                targets: self.targets.as_deref(),
                row: None,
                muted: self.muted,
                now: at(now),
            }
        }

        fn fires(&self, now: i64) -> Told<'_> {
            self.told(NoticeKind::Firing, now)
        }

        fn ends(&self, now: i64) -> Told<'_> {
            self.told(NoticeKind::Resolved, now)
        }
    }

    fn due(notices: &mut Notices, now: i64, cases: &[&Case]) -> Vec<String> {
        let told = notices.due(at(now), cases.iter().map(|case| case.fires(now)));
        told.iter().map(|notice| format!("{} +{}", notice.title(), notice.held_back)).collect()
    }

    #[test]
    fn an_alert_is_told_once_until_it_is_over() {
        let mut notices = Notices::new(options());
        let slow = case("slow");
        let first = notices.change(slow.fires(1)).unwrap();
        assert_eq!((first.title().as_str(), &first.targets[..]), ("WARN slow k", &["pager".into()][..]));
        assert_eq!(notices.change(slow.fires(2)), None);
        assert_eq!(due(&mut notices, 3, &[&slow]), [""; 0]);
        assert_eq!(notices.change(slow.ends(4)).unwrap().kind, NoticeKind::Resolved);
        assert_eq!(notices.change(slow.ends(5)), None);
        assert!(notices.change(slow.fires(6)).is_some());
        // It begins anew though nobody said that it was over.
        assert!(notices.change(Case { since: 7, ..case("slow") }.fires(8)).is_some());
    }

    #[test]
    fn what_gets_worse_or_lasts_is_told_again() {
        let mut notices = Notices::new(Options { repeat: Some(SignedDuration::from_secs(100)), ..options() });
        let (slow, worse) = (case("slow"), Case { severity: Severity::Critical, ..case("slow") });
        notices.change(slow.fires(0)).unwrap();
        assert_eq!(due(&mut notices, 10, &[&worse]), ["CRIT slow k +0"]);
        assert_eq!(due(&mut notices, 11, &[&worse]), [""; 0]);
        assert_eq!(due(&mut notices, 12, &[&slow]), [""; 0], "milder is no news");
        assert_eq!(due(&mut notices, 109, &[&worse]), [""; 0]);
        assert_eq!(due(&mut notices, 110, &[&worse]), ["CRIT slow k +0"]);
        let mild = Case { severity: Severity::Info, ..case("mild") };
        assert_eq!(notices.change(mild.fires(0)), None);
        assert_eq!(notices.change(mild.ends(1)), None);
    }

    #[test]
    fn what_is_muted_is_told_when_it_is_no_more() {
        let mut notices = Notices::new(options());
        let (open, muted) = (case("slow"), Case { muted: true, ..case("slow") });
        assert_eq!(notices.change(muted.fires(0)), None);
        assert_eq!(due(&mut notices, 1, &[&muted]), [""; 0]);
        assert_eq!(due(&mut notices, 2, &[&open]), ["WARN slow k +0"]);
        assert_eq!(due(&mut notices, 3, &[&muted]), [""; 0]);
        assert_eq!(due(&mut notices, 4, &[&open]), [""; 0], "it was told before");
        assert_eq!(notices.change(muted.ends(5)), None);
        // Nobody was told that it began, so nobody is told that it is over.
        assert_eq!(notices.change(muted.fires(6)), None);
        assert_eq!(notices.change(open.ends(7)), None);
        let quiet = Options { resolved: false, ..options() };
        let mut notices = Notices::new(quiet);
        assert!(notices.change(open.fires(0)).is_some());
        assert_eq!(notices.change(open.ends(1)), None);
    }

    #[test]
    fn what_is_too_much_is_held_back_and_counted() {
        let mut notices = Notices::new(options());
        let cases: Vec<Case> = (0..50).map(|n| case(&format!("r{n:02}"))).collect();
        let told = cases.iter().filter_map(|case| notices.change(case.fires(0))).count();
        assert_eq!((told, notices.held_back()), (20, 30));
        // A minute has room for 20: one every three seconds.
        let late = case("late");
        assert_eq!(notices.change(late.fires(3)).unwrap().held_back, 30);
        assert_eq!(notices.change(case("later").fires(3)), None);
        assert_eq!(notices.held_back(), 31);
        assert_eq!(notices.change(cases[49].ends(4)), None, "nobody knows that it began");
        // Other targets have their own room.
        let other = Case { targets: Some(vec!["bell".into(), "pager".into(), "bell".into()]), ..case("other") };
        assert_eq!(notices.change(other.fires(3)).unwrap().targets, ["bell".into(), "pager".into()]);
        let nobody = Case { targets: Some(Vec::new()), ..case("nobody") };
        assert_eq!(notices.change(nobody.fires(3)), None);
        assert_eq!(notices.held_back(), 31);
    }

    #[test]
    fn when_it_is_calm_the_worst_that_was_held_back_is_told() {
        let mut notices = Notices::new(Options { per_minute: 2, ..options() });
        let cases: Vec<Case> = (0..6).map(|n| case(&format!("r{n}"))).collect();
        let told = cases.iter().filter_map(|case| notices.change(case.fires(0))).count();
        assert_eq!((told, notices.held_back()), (2, 4));
        let all: Vec<&Case> = cases.iter().collect();
        assert_eq!(due(&mut notices, 59, &all), [""; 0]);
        assert_eq!(due(&mut notices, 60, &all), ["WARN r2 k +3"]);
        assert_eq!(due(&mut notices, 200, &all), [""; 0]);
        assert!(notices.change(cases[2].ends(201)).is_some());
        assert_eq!(notices.held_back(), 4);
    }

    #[test]
    fn the_first_critical_has_room_beyond() {
        let mut notices = Notices::new(options());
        let told = (0..20).filter_map(|n| notices.change(case(&format!("w{n}")).fires(0))).count();
        let critical = |n: i32| Case { severity: Severity::Critical, ..case(&format!("c{n}")) };
        let urgent = (0..30).filter_map(|n| notices.change(critical(n).fires(0))).count();
        assert_eq!((told, urgent, notices.held_back()), (20, 20, 10));
        // Not the first of its kind within the hour: its end and its next beginning wait like all.
        let mut notices = Notices::new(Options { per_minute: 1, ..options() });
        assert!(notices.change(critical(0).fires(0)).is_some());
        assert_eq!(notices.change(critical(0).ends(1)), None);
        assert_eq!(notices.change(critical(0).fires(2)), None);
        assert!(notices.change(critical(1).fires(2)).is_some());
        assert_eq!(notices.held_back(), 2);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut notices = Notices::new(Options { per_minute: 1, ..options() });
        for n in 0..MOST + 10 {
            let targets = Some(vec![Arc::from(format!("t{n}"))]);
            assert!(notices.change(Case { targets, ..case(&format!("r{n}")) }.fires(n as i64)).is_some());
        }
        assert_eq!((notices.known.len(), notices.buckets.len()), (MOST, MOST));
        for n in 10..MOST + 10 {
            let targets = Some(vec![Arc::from(format!("t{n}"))]);
            notices.change(Case { targets, ..case(&format!("r{n}")) }.ends(5_000));
        }
        assert_eq!(due(&mut notices, 5_001, &[]), [""; 0]);
        assert_eq!(notices.known.len(), MOST);
        assert_eq!(due(&mut notices, 9_000, &[]), [""; 0]);
        assert_eq!(notices.known.len(), 0);
    }
}
