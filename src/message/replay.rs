//! What the screen and the player of a replay say to each other: places, speeds, and how it stands.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp};

use crate::history::{Row, View};
use crate::humanize;
use crate::record;
use crate::rules::RuleSet;

/// How fast records are shown, as a multiple of the pace at which they came.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Speed(f64);

impl Speed {
    /// As they came.
    pub const NORMAL: Self = Self(1.0);
    /// As fast as it goes.
    pub const MAX: Self = Self(f64::INFINITY);
    /// The steps of the keys.
    const STEPS: [f64; 14] =
        [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, f64::INFINITY];

    /// The factor; infinite for [`Speed::MAX`].
    pub fn factor(self) -> f64 {
        self.0
    }

    /// Whether time is no matter.
    pub fn is_max(self) -> bool {
        self.0.is_infinite()
    }

    /// The next step.
    pub fn faster(self) -> Self {
        Self(Self::STEPS.into_iter().find(|step| *step > self.0).unwrap_or(f64::INFINITY))
    }

    /// The step before.
    pub fn slower(self) -> Self {
        Self(Self::STEPS.into_iter().rev().find(|step| *step < self.0).unwrap_or(Self::STEPS[0]))
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_max() { f.write_str("max") } else { write!(f, "{}x", self.0) }
    }
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text == "max" {
            return Ok(Self::MAX);
        }
        let factor = text.strip_suffix('x').unwrap_or(text).parse().ok().filter(|f| (0.1..=1_000.0).contains(f));
        factor.map(Self).ok_or_else(|| format!("`{text}` is no speed: a number from 0.1 to 1000, or max"))
    }
}

/// A place in a log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// The first record of this time or later.
    At(Timestamp),
    /// The same by a time of day, of the day in front.
    Clock {
        /// So late.
        time: Time,
        /// By the clock of this machine, not UTC.
        local: bool,
    },
    /// So much later, or earlier, than here.
    By(SignedDuration),
    /// A share of all records, in per cent.
    Percent(f64),
    /// The record of this number in the log, from 1.
    Record(u64),
    /// The operator's mark of this number, from 1.
    Mark(u64),
}

/// What can be written for a place.
const PLACES: &str = "02:57, 02:57:10, 2026-02-17T02:57:00Z, 40%, +5m, -30s, #1200 (a record), mark 2, start or end";

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong = || format!("`{text}` is no place: write {PLACES}");
        let number = |text: &str| text.trim().parse::<u64>().ok().filter(|number| *number > 0).ok_or_else(wrong);
        if let Some(percent) = text.strip_suffix('%') {
            let percent = percent.trim().parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
            return percent.map(Self::Percent).ok_or_else(wrong);
        }
        if let Some(record) = text.strip_prefix('#') {
            return number(record).map(Self::Record);
        }
        if let Some(mark) = text.strip_prefix("mark") {
            return number(if mark.is_empty() { "1" } else { mark }).map(Self::Mark);
        }
        match text {
            "start" => return Ok(Self::Percent(0.0)),
            "end" => return Ok(Self::Percent(100.0)),
            _ => {}
        }
        if let Some(sign @ ('+' | '-')) = text.chars().next() {
            let span = humanize::parse_span(text[1..].trim()).and_then(|span| SignedDuration::try_from(span).ok());
            return span.map(|span| Self::By(if sign == '-' { -span } else { span })).ok_or_else(wrong);
        }
        let digits = |c: char| c.is_ascii_digit() || matches!(c, ':' | '.');
        if text.contains(':') && text.chars().all(digits) {
            return time_of_day(text).map(|time| Self::Clock { time, local: false }).ok_or_else(wrong);
        }
        record::time::parse(text).filter(|_| text.contains('-')).map(Self::At).ok_or_else(wrong)
    }
}

/// `2:57`, `02:57`, `02:57:10`, `02:57:10.25`
fn time_of_day(text: &str) -> Option<Time> {
    let mut parts = text.split(':');
    let (hour, minute) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let second: f64 = parts.next().map_or(Some(0.0), |second| second.parse().ok())?;
    if parts.next().is_some() || !(0.0..60.0).contains(&second) {
        return None;
    }
    Time::new(hour, minute, second as i8, (second.fract() * 1e9) as i32).ok()
}

/// What the bar of a replay has marks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkKind {
    /// A record that breaks a rule.
    Violation,
    /// A record by which a drift is known.
    Drift,
    /// What the operator has marked, and what happened on the operator's timeline.
    Own,
    /// A record on which the judgements differ.
    Difference,
    /// Any of them.
    Any,
}

/// Marks of a record, one bit each.
pub mod marks {
    /// Breaks a rule.
    pub const VIOLATION: u8 = 1;
    /// Breaks a critical one.
    pub const CRITICAL: u8 = 2;
    /// A drift is known by it.
    pub const DRIFT: u8 = 4;
    /// The other judgement: breaks a rule.
    pub const OTHER_VIOLATION: u8 = 8;
    /// The other judgement: a drift is known by it.
    pub const OTHER_DRIFT: u8 = 16;
    /// The judgements differ.
    pub const DIFFERENT: u8 = 32;
    /// Marked by the operator, or something happened here.
    pub const OWN: u8 = 64;
}

/// Columns of the marks in a report: the bar of the widest screen.
pub const COLUMNS: usize = 256;

/// How far the judgement of the whole log is.
#[derive(Debug, Clone, PartialEq)]
pub enum Pass {
    /// This share of the log, in [0, 1], if its size is known.
    Running(Option<f64>),
    /// All of it; whether an earlier opening had done so.
    Done {
        /// It was done by an earlier opening.
        reused: bool,
    },
    /// It ends early, and why.
    Stopped(String),
}

/// How the player stands.
#[derive(Debug, Clone)]
pub struct ReplayReport {
    /// Records up to here, this one with them.
    pub position: u64,
    /// Records judged so far.
    pub indexed: u64,
    /// Event time here.
    pub at: Option<Timestamp>,
    /// Event time of the first record and of the last so far.
    pub span: Option<(Timestamp, Timestamp)>,
    /// How fast.
    pub speed: Speed,
    /// It plays.
    pub playing: bool,
    /// Long gaps are skipped.
    pub gaps_skipped: bool,
    /// How far the judgement is.
    pub pass: Pass,
    /// What is looked for, while it takes time.
    pub looking: Option<String>,
    /// Which judgement is shown: its name.
    pub track: Arc<str>,
    /// What the other one is called; `None` when there is only one.
    pub other: Option<Arc<str>>,
    /// The two that have marks on the bar, whichever is shown.
    pub marked: (Arc<str>, Option<Arc<str>>),
    /// In how many records the two differ, and why.
    pub differences: Arc<Differences>,
    /// What is listed.
    pub filter: Option<FilterReport>,
    /// Marks over the expected length of the log, [`COLUMNS`] of them, each with bits of [`marks`].
    pub columns: Arc<[u8]>,
    /// Operator's marks and what happened, so far as it concerns this place and those before: newest last.
    pub timeline: Arc<[TimelineEntry]>,
}

/// Something on the operator's timeline, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct TimelineEntry {
    /// Index of the record from 0.
    pub row: u64,
    /// When, by event time.
    pub at: Timestamp,
    /// What: `mark`, `alert_began`, …
    pub kind: String,
    /// In words.
    pub text: String,
}

/// What two judgements of the same records differ in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Differences {
    /// Records that have both.
    pub of: u64,
    /// Those that differ.
    pub count: u64,
    /// Why, and how often; one record may have several reasons.
    pub reasons: Vec<(&'static str, u64)>,
}

/// What the list of a replay is narrowed to.
#[derive(Debug, Clone, PartialEq)]
pub struct FilterReport {
    /// As it was written; `differs` for what the judgements differ in.
    pub text: String,
    /// Records that fit.
    pub fits: u64,
    /// Records that were looked at.
    pub of: u64,
}

/// What is to be shown from now on.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Everything as it was before the rows below; `None` if they go on from what is shown.
    pub keyframe: Option<Arc<[u8]>>,
    /// The rules that the alerts go by.
    pub rules: Arc<RuleSet>,
    /// Records that are new.
    pub rows: Vec<Row>,
    /// The list.
    pub history: View,
    /// The player.
    pub report: ReplayReport,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let place = |text: &str| text.parse::<Target>();
        assert_eq!(place("40%"), Ok(Target::Percent(40.0)));
        assert_eq!(place("end"), Ok(Target::Percent(100.0)));
        assert_eq!(place(" #17 "), Ok(Target::Record(17)));
        assert_eq!((place("mark"), place("mark 3")), (Ok(Target::Mark(1)), Ok(Target::Mark(3))));
        assert_eq!(place("+5m"), Ok(Target::By(SignedDuration::from_secs(300))));
        assert_eq!(place("-30s"), Ok(Target::By(SignedDuration::from_secs(-30))));
        let clock = |h, m, s, ns| Ok(Target::Clock { time: Time::constant(h, m, s, ns), local: false });
        assert_eq!(place("2:57"), clock(2, 57, 0, 0));
        assert_eq!(place("02:57:10.5"), clock(2, 57, 10, 500_000_000));
        let time = "2026-02-17T02:57:00Z";
        assert_eq!(place(time), Ok(Target::At(time.parse().unwrap())));
        for wrong in ["", "x", "101%", "-1%", "#0", "#x", "25:00", "1:2:3:4", "1:61", "+", "+x", "12", "mark x", "é"] {
            assert!(place(wrong).unwrap_err().contains("is no place"), "{wrong}");
        }
    }

    #[test]
    fn speeds() {
        assert_eq!("max".parse(), Ok(Speed::MAX));
        assert_eq!("10x".parse::<Speed>().map(Speed::factor), Ok(10.0));
        for wrong in ["0", "0.05", "1001", "NaN", "fast", "inf", ""] {
            assert!(wrong.parse::<Speed>().is_err(), "{wrong}");
        }
        assert_eq!((Speed::NORMAL.faster(), Speed::NORMAL.slower()), (Speed(2.0), Speed(0.5)));
        assert_eq!(
            (Speed(1_000.0).faster(), Speed::MAX.faster(), Speed::MAX.slower()),
            (Speed::MAX, Speed::MAX, Speed(1_000.0))
        );
        assert_eq!((Speed(0.1).slower(), Speed(3.0).faster().to_string()), (Speed(0.1), "5x".to_owned()));
        assert_eq!(Speed::MAX.to_string(), "max");
    }
}
