//! The times that logs write in front of a line. They are read where they begin, so that what follows needs no mark.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

const WEEKDAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];

/// A time that stands at the beginning of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Its bytes.
    pub(super) len: usize,
    /// `None` when it has no year, or no zone and none of the forms that may be taken as UTC.
    pub(super) ts: Option<Timestamp>,
    /// Whether it is RFC 3339 to the letter: a `T` and an offset. Shippers write no other form.
    pub(super) strict: bool,
}

/// The time at the beginning of `text`. Behind it there is no letter and no digit.
pub(super) fn stamp(text: &[u8]) -> Option<Stamp> {
    let first = *text.first()?;
    let (rest, ts, strict) = if first.is_ascii_digit() {
        dated(text).or_else(|| access(text)).or_else(|| bare(short_date(text).unwrap_or(text)))?
    } else {
        bare(glog(text).or_else(|| month_day(text))?)?
    };
    let ends = rest.first().is_none_or(|byte| !byte.is_ascii_alphanumeric());
    ends.then_some(Stamp { len: text.len() - rest.len(), ts, strict })
}

/// The strict form alone, for shippers that write nothing else.
pub(super) fn strict(text: &[u8]) -> Option<Stamp> {
    stamp(text).filter(|stamp| stamp.strict)
}

type Read<'a> = (&'a [u8], Option<Timestamp>, bool);

/// `2026-02-17T12:34:56.789+01:00` and its kin: a space for the `T`, slashes, a comma, an offset that is missing.
fn dated(text: &[u8]) -> Option<Read<'_>> {
    let (year, rest) = number(text, 4)?;
    let (dash, rest) = one_of(rest, b"-/")?;
    let (month, rest) = number(rest, 2)?;
    let (_, rest) = one_of(rest, &[dash])?;
    let (day, rest) = number(rest, 2)?;
    let (between, rest) = one_of(rest, b"Tt ")?;
    let (time, rest) = clock(rest)?;
    let date = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let civil = date.to_datetime(time);
    if let Some((offset, rest, spaced)) = zone(rest) {
        let strict = between != b' ' && dash == b'-' && !spaced;
        return Some((rest, offset.to_timestamp(civil).ok(), strict));
    }
    let ts = if dash == b'-' { Offset::UTC.to_timestamp(civil).ok() } else { None };
    Some((rest, ts, false))
}

/// `17/Feb/2026:12:34:56 +0100`, as web servers write it.
fn access(text: &[u8]) -> Option<Read<'_>> {
    let (day, rest) = number(text, 2)?;
    let (_, rest) = one_of(rest, b"/")?;
    let (month, rest) = name(rest, &MONTHS)?;
    let (_, rest) = one_of(rest, b"/")?;
    let (year, rest) = number(rest, 4)?;
    let (_, rest) = one_of(rest, b":")?;
    let (time, rest) = clock(rest)?;
    let (offset, rest, _) = zone(rest)?;
    let date = Date::new(i16::try_from(year).ok()?, i8::try_from(month + 1).ok()?, i8::try_from(day).ok()?).ok()?;
    Some((rest, offset.to_timestamp(DateTime::from_parts(date, time)).ok(), false))
}

/// A time of day, without a year before it.
fn bare(text: &[u8]) -> Option<Read<'_>> {
    clock(text).map(|(_, rest)| (rest, None, false))
}

/// Behind the `02-17 ` of `02-17 12:34:56`.
fn short_date(text: &[u8]) -> Option<&[u8]> {
    let (_, rest) = number(text, 2)?;
    let (_, rest) = one_of(rest, b"-/")?;
    let (_, rest) = number(rest, 2)?;
    one_of(rest, b" ").map(|(_, rest)| rest)
}

/// Behind the `I0217 ` of `I0217 12:34:56.789`.
fn glog(text: &[u8]) -> Option<&[u8]> {
    let (_, rest) = one_of(text, b"IWEFD")?;
    let (_, rest) = number(rest, 4)?;
    one_of(rest, b" ").map(|(_, rest)| rest)
}

/// Behind the `Feb 17 ` of `Feb 17 12:34:56` or of `Tue Feb 17 12:34:56`.
fn month_day(text: &[u8]) -> Option<&[u8]> {
    let weekday = name(text, &WEEKDAYS).and_then(|(_, rest)| one_of(rest, b" "));
    let (_, rest) = name(weekday.map_or(text, |(_, rest)| rest), &MONTHS)?;
    let (_, rest) = one_of(rest, b" ")?;
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let (_, rest) = number(rest, 2).or_else(|| number(rest, 1))?;
    one_of(rest, b" ").map(|(_, rest)| rest)
}

/// `12:34:56`, with a fraction behind a dot or a comma.
fn clock(text: &[u8]) -> Option<(Time, &[u8])> {
    let (hour, rest) = number(text, 2)?;
    let (_, rest) = one_of(rest, b":")?;
    let (minute, rest) = number(rest, 2)?;
    let (_, rest) = one_of(rest, b":")?;
    let (second, rest) = number(rest, 2)?;
    let (nanos, rest) = fraction(rest).unwrap_or((0, rest));
    // A leap second has no place of its own: it is read as the one before it.
    let second = if second == 60 { 59 } else { second };
    let small = |value: i32| i8::try_from(value).ok();
    Some((Time::new(small(hour)?, small(minute)?, small(second)?, nanos).ok()?, rest))
}

/// Nanoseconds. Digits beyond them are read over.
fn fraction(text: &[u8]) -> Option<(i32, &[u8])> {
    let (_, rest) = one_of(text, b".,")?;
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = rest.split_at_checked(count).filter(|(digits, _)| !digits.is_empty())?;
    let nanos = (0..9).fold(0, |sum, at| sum * 10 + digits.get(at).map_or(0, |digit| i32::from(digit - b'0')));
    Some((nanos, rest))
}

/// An offset, what follows, and whether a space stands before it.
fn zone(text: &[u8]) -> Option<(Offset, &[u8], bool)> {
    let (rest, spaced) = text.strip_prefix(b" ").map_or((text, false), |rest| (rest, true));
    for name in [b"UTC".as_slice(), b"GMT", b"Z", b"z"] {
        if let Some(rest) = rest.strip_prefix(name)
            && rest.first().is_none_or(|byte| !byte.is_ascii_alphanumeric())
        {
            return Some((Offset::UTC, rest, spaced || name.len() > 1));
        }
    }
    let (sign, rest) = one_of(rest, b"+-")?;
    let (hours, rest) = number(rest, 2)?;
    let minutes = number(rest.strip_prefix(b":").unwrap_or(rest), 2);
    // Behind a space, two digits are as likely a number of something else.
    if spaced && minutes.is_none() {
        return None;
    }
    let (minutes, rest) = minutes.unwrap_or((0, rest));
    let seconds = hours * 3600 + minutes * 60;
    let offset = Offset::from_seconds(if sign == b'-' { -seconds } else { seconds }).ok()?;
    Some((offset, rest, spaced))
}

/// A number of so many digits. Whether more of them follow is seen by what must come next.
fn number(text: &[u8], digits: usize) -> Option<(i32, &[u8])> {
    let (number, rest) = text.split_at_checked(digits)?;
    let value = number.iter().fold(0, |sum: i32, digit| sum * 10 + i32::from(digit.wrapping_sub(b'0')));
    number.iter().all(u8::is_ascii_digit).then_some((value, rest))
}

fn one_of<'a>(text: &'a [u8], bytes: &[u8]) -> Option<(u8, &'a [u8])> {
    text.split_first().filter(|(first, _)| bytes.contains(first)).map(|(first, rest)| (*first, rest))
}

/// The place of a name in a list, counted from 0.
fn name<'a>(text: &'a [u8], names: &[&[u8]]) -> Option<(usize, &'a [u8])> {
    names.iter().enumerate().find_map(|(at, name)| Some((at, text.strip_prefix(*name)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(&str, Option<String>, bool)> {
        let stamp = stamp(text.as_bytes())?;
        Some((&text[stamp.len..], stamp.ts.map(|ts| ts.to_string()), stamp.strict))
    }

    #[test]
    fn forms_with_a_date() {
        for (text, want, strict) in [
            ("2026-02-17T12:34:56.789Z x", Some("2026-02-17T12:34:56.789Z"), true),
            ("2026-02-17T12:34:56.123456789+01:00 x", Some("2026-02-17T11:34:56.123456789Z"), true),
            ("2026-02-17T12:34:56+0100 x", Some("2026-02-17T11:34:56Z"), true),
            ("2026-02-17T12:34:56-05 x", Some("2026-02-17T17:34:56Z"), true),
            ("2026-02-17T12:34:56 x", Some("2026-02-17T12:34:56Z"), false),
            ("2026-02-17 12:34:56,789 x", Some("2026-02-17T12:34:56.789Z"), false),
            ("2026-02-17 12:34:56.7890123456789 x", Some("2026-02-17T12:34:56.789012345Z"), false),
            ("2026-02-17 12:34:56 +0100 x", Some("2026-02-17T11:34:56Z"), false),
            ("2026-02-17 12:34:56.789 UTC x", Some("2026-02-17T12:34:56.789Z"), false),
            ("2026-02-17 23:59:60 x", Some("2026-02-17T23:59:59Z"), false),
            ("2026/02/17 12:34:56 x", None, false),
            ("17/Feb/2026:12:34:56 +0100 x", Some("2026-02-17T11:34:56Z"), false),
        ] {
            assert_eq!(read(text), Some((" x", want.map(ToOwned::to_owned), strict)), "{text}");
        }
    }

    #[test]
    fn forms_without_a_year() {
        for text in [
            "Feb 17 12:34:56 x",
            "Feb  7 12:34:56 x",
            "Feb 7 12:34:56.123 x",
            "Tue Feb 17 12:34:56 x",
            "12:34:56,789 x",
            "02-17 12:34:56 x",
            "I0217 12:34:56.789012 x",
        ] {
            assert_eq!(read(text), Some((" x", None, false)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time() {
        for text in [
            "",
            "42",
            "2026-02-17",
            "2026-13-17T12:34:56Z",
            "2026-02-17T25:34:56Z",
            "2026-02-17T12:34:56Zulu",
            "2026-02-17x12:34:56Z",
            "12:34",
            "12:34:567",
            "Feb 12:34:56",
            "I02171 12:34:56",
            "x2026-02-17T12:34:56Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn what_follows_a_time_is_not_its_zone() {
        for (text, rest) in [
            ("2026-02-17 12:34:56 UTCx", " UTCx"),
            ("2026-02-17 12:34:56 -1 x", " -1 x"),
            ("2026-02-17 12:34:56 +12 x", " +12 x"),
            ("2026-02-17 12:34:56, x", ", x"),
            ("2026-02-17 12:34:56] x", "] x"),
        ] {
            assert_eq!(read(text), Some((rest, Some("2026-02-17T12:34:56Z".into()), false)), "{text}");
        }
    }
}
