//! Numbers, spans and sizes as people read them.

use std::fmt::Write;
use std::time::Duration;

use jiff::Timestamp;

/// A number with thousands separators and its shortest decimals: `-12,000`, `0.25`, `1.5e300`.
pub fn number(value: f64) -> String {
    let plain = if value.abs() >= 1e15 || (value != 0.0 && value.abs() < 1e-4) {
        return format!("{value:e}");
    } else {
        format!("{value}")
    };
    let (whole, decimals) = plain.split_once('.').map_or((plain.as_str(), None), |(w, d)| (w, Some(d)));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut out = String::from(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(decimals) = decimals {
        let _ = write!(out, ".{decimals}");
    }
    out
}

/// About four significant characters: `0.081`, `12.3`, `812`, `1.2k`, `3.4M`.
pub fn short(value: f64) -> String {
    let magnitude = value.abs();
    match magnitude {
        m if !m.is_finite() => "–".into(),
        m if m >= 1e12 => format!("{value:.1e}"),
        m if m >= 999.5e6 => format!("{:.1}G", value / 1e9),
        m if m >= 999.5e3 => format!("{:.1}M", value / 1e6),
        m if m >= 9_999.5 => format!("{:.0}k", value / 1e3),
        m if m >= 999.5 => format!("{:.1}k", value / 1e3),
        m if m >= 99.95 => format!("{value:.0}"),
        m if m >= 9.995 => format!("{value:.1}"),
        0.0 => "0".into(),
        m if m >= 0.0995 => format!("{value:.2}"),
        m if m >= 0.000_5 => format!("{value:.3}"),
        _ => format!("{value:.0e}"),
    }
}

/// A count in at most five columns: `7`, `9999`, `12k`.
pub fn count(count: u64) -> String {
    if count < 10_000 { count.to_string() } else { short(count as f64) }
}

/// Time of day in UTC: 02:57:10.
pub fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S UTC").to_string()
}

/// A span of time as people write it: `2s`, `500ms`, `2h 30m`, `1d` (of 24 hours). `None` for anything else.
pub fn parse_span(text: &str) -> Option<Duration> {
    let span: jiff::Span = text.trim().parse().ok()?;
    let span = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(span).ok()
}

/// "2 d behind, 40 min left": the age of the newest record where that is known, else bytes.
pub fn backlog(bytes: u64, age: Option<Duration>, left: Duration) -> String {
    let behind = age.filter(|age| *age >= Duration::from_secs(1)).map_or_else(|| self::bytes(bytes), span);
    format!("{behind} behind, {} left", span(left))
}

/// A difference, short, with its sign: `+310`, `-0.08`.
pub fn signed(value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "+" };
    format!("{sign}{}", short(value.abs()))
}

/// A score in [0, 1] as in the record list: `.81`, `1.0`.
pub fn score(value: f64) -> String {
    let text = format!("{value:.2}");
    match text.strip_prefix('0') {
        Some(rest) => rest.to_owned(),
        None => "1.0".to_owned(),
    }
}

/// A span: `0.2s`, `42s`, `3m 20s`, `2h 05m`, `3d 04h`.
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..10 => format!("{:.1}s", span.as_secs_f64()),
        10..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d {:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// A size: `512 B`, `1.5 KiB`, `64 MiB`.
pub fn bytes(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            return if value.fract() == 0.0 || value >= 100.0 {
                format!("{value:.0} {unit}")
            } else {
                format!("{value:.1} {unit}")
            };
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_they_are_written() {
        let ms = |text| parse_span(text).map(|span| span.as_millis());
        assert_eq!(
            (ms("2s"), ms("500ms"), ms("2h 30m"), ms("1d")),
            (Some(2_000), Some(500), Some(9_000_000), Some(86_400_000))
        );
        assert_eq!((ms("-1s"), ms("2"), ms("soon"), ms("")), (None, None, None, None));
    }

    #[test]
    fn people_can_read_it() {
        assert_eq!(number(-12000.0), "-12,000");
        assert_eq!(number(1234567.25), "1,234,567.25");
        assert_eq!(number(999.0), "999");
        assert_eq!(number(5e-324), "5e-324");
        assert_eq!(
            (short(0.0814), short(12.34), short(812.4), short(1234.0)),
            ("0.081".into(), "12.3".into(), "812".into(), "1.2k".into())
        );
        assert_eq!((score(0.814), score(1.0), score(0.0)), (".81".into(), "1.0".into(), ".00".into()));
        assert_eq!(span(Duration::from_secs(7_500)), "2h 05m");
        assert_eq!((bytes(512), bytes(64 << 20), bytes(1536)), ("512 B".into(), "64 MiB".into(), "1.5 KiB".into()));
    }
}
