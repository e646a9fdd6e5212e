//! Event times, in the forms that logs write them.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::json::Json;

/// Reads RFC 3339, the same without an offset (taken as UTC), or a number in a string.
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(ts) = text.parse::<Timestamp>() {
        return Some(ts);
    }
    if let Ok(civil) = text.parse::<DateTime>() {
        return civil.to_zoned(TimeZone::UTC).ok().map(|z| z.timestamp());
    }
    text.parse::<f64>().ok().and_then(from_epoch)
}

/// Reads a JSON value that is a time: a text as [`parse`] does, a number as an epoch.
pub fn of(json: &Json<'_>) -> Option<Timestamp> {
    match json {
        Json::Text(text) => parse(text),
        Json::Whole(value) => from_epoch_int(*value),
        Json::Number(value) => from_epoch(*value),
        _ => None,
    }
}

/// Reads an epoch in seconds, milliseconds, microseconds or nanoseconds, told apart by magnitude: each unit covers
/// the years 1973 to 5138 of its own reading.
pub fn from_epoch(value: f64) -> Option<Timestamp> {
    let magnitude = value.abs();
    // NaN fails every comparison and falls through to the duration, which refuses it.
    let per_second = match magnitude {
        m if m < 1e11 => 1.0,
        m if m < 1e14 => 1e3,
        m if m < 1e17 => 1e6,
        _ => 1e9,
    };
    let (whole, rest) = (value / per_second).floor_and_rest();
    if !whole.is_finite() || whole.abs() > 4e11 {
        return None;
    }
    // A double holds no more than microseconds of a present-day epoch: finer digits would be noise.
    let nanos = ((rest * 1e6).round() * 1e3) as i32;
    Timestamp::from_second(whole as i64).ok()?.checked_add(SignedDuration::new(0, nanos)).ok()
}

trait FloorAndRest {
    fn floor_and_rest(self) -> (f64, f64);
}

impl FloorAndRest for f64 {
    fn floor_and_rest(self) -> (f64, f64) {
        let whole = self.floor();
        (whole, self - whole)
    }
}

/// Reads an integer epoch without losing its last digits to a double.
pub fn from_epoch_int(value: i64) -> Option<Timestamp> {
    match value.unsigned_abs() {
        m if m < 100_000_000_000 => Timestamp::from_second(value),
        m if m < 100_000_000_000_000 => Timestamp::from_millisecond(value),
        m if m < 100_000_000_000_000_000 => Timestamp::from_microsecond(value),
        _ => Timestamp::from_nanosecond(i128::from(value)),
    }
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_of_one_moment() {
        let want: Timestamp = "2026-02-17T12:34:56.789Z".parse().unwrap();
        assert_eq!(parse("2026-02-17T12:34:56.789Z"), Some(want));
        assert_eq!(parse("2026-02-17T13:34:56.789+01:00"), Some(want));
        assert_eq!(parse("2026-02-17 12:34:56.789"), Some(want));
        assert_eq!(parse("1771331696.789"), Some(want));
        assert_eq!(from_epoch(1_771_331_696.789), Some(want));
        assert_eq!(from_epoch_int(1_771_331_696_789), Some(want));
        assert_eq!(from_epoch_int(1_771_331_696_789_000), Some(want));
        assert_eq!(from_epoch_int(1_771_331_696_789_000_000), Some(want));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "NaN", "1e400"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(from_epoch(f64::INFINITY), None);
    }
}
