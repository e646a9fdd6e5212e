//! What an answer took, in the many ways that logs say it.

use super::json::Json;
use crate::humanize;

/// A `duration` or `elapsed` below this is in seconds, from here on in milliseconds: no model answers within 0.1 s, and
/// hardly any takes 100 s.
const SECONDS_BELOW: f64 = 100.0;

/// Names that say that the number is in milliseconds.
const IN_MS: [&str; 9] = [
    "latency_ms",
    "duration_ms",
    "elapsed_ms",
    "response_ms",
    "took_ms",
    "response_time_ms",
    "latencyMs",
    "durationMs",
    "ms",
];

/// Names that say that it is in seconds.
const IN_S: [&str; 4] = ["duration_s", "elapsed_s", "latency_s", "latency_seconds"];

/// Names that do not say it.
const EITHER: [&str; 5] = ["duration", "elapsed", "latency", "response_time", "took"];

/// The latency among the fields of an object, ms: of a name with a unit, else a number whose unit its size tells, or a
/// text such as `1.2s`.
pub fn of(json: &Json<'_>) -> Option<f64> {
    if let Some(ms) = json.first(&IN_MS).and_then(Json::lenient_number) {
        return Some(ms);
    }
    if let Some(seconds) = json.first(&IN_S).and_then(Json::lenient_number) {
        return Some(seconds * 1e3);
    }
    let value = json.first(&EITHER)?;
    match value.lenient_number() {
        Some(number) if number.abs() < SECONDS_BELOW => Some(number * 1e3),
        Some(number) => Some(number),
        None => humanize::parse_span(value.text()?).map(|span| span.as_secs_f64() * 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_by_name_and_by_size() {
        for (text, want) in [
            (r#"{"latency_ms":12}"#, Some(12.0)),
            (r#"{"duration":0.5}"#, Some(500.0)),
            (r#"{"elapsed":"1200"}"#, Some(1200.0)),
            (r#"{"latency":"1.5s"}"#, Some(1500.0)),
            (r#"{"latency_s":200}"#, Some(200_000.0)),
            (r#"{"duration":"soon"}"#, None),
            (r#"{"duration":null}"#, None),
        ] {
            assert_eq!(of(&Json::parse(text).unwrap()), want, "{text}");
        }
    }
}
