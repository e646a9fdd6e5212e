//! The verdict as one line of NDJSON: keys in the contract's order, numbers rounded as it says.

use std::io::Write;

use crate::record::Rejected;
use crate::sanitize;

use super::{Basis, DriftReport, Observed, Verdict, Violation};

/// What a line holds beside what it always holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Write `timing_us`.
    pub timing: bool,
    /// List every series under `drift`, not only those that moved.
    pub full: bool,
    /// Write only verdicts with a finding, and the counts of all once a minute.
    pub findings: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { timing: true, full: false, findings: false }
    }
}

/// Appends the verdict and a newline.
pub fn write(out: &mut Vec<u8>, verdict: &Verdict, options: Options) {
    let v = verdict;
    raw(out, "{\"v\":1,\"seq\":");
    whole(out, v.seq.0);
    raw(out, ",\"id\":");
    string(out, &v.id);
    match v.ts {
        Some(ts) => put(out, format_args!(",\"ts\":\"{ts}\"")),
        None => raw(out, ",\"ts\":null"),
    }
    raw(out, ",\"source\":");
    string(out, &v.origin.source);
    raw(out, ",\"file\":");
    string(out, &v.origin.file);
    raw(out, ",\"offset\":");
    whole(out, v.origin.offset);
    raw(out, ",\"part\":");
    whole(out, v.origin.part.into());
    raw(out, ",\"key\":");
    string(out, &v.key);
    raw(out, ",\"action\":\"");
    raw(out, v.advice.action.word());
    raw(out, "\",\"status_code\":");
    whole(out, v.advice.status_code.into());
    raw(out, ",\"confidence\":{\"score\":");
    optional(out, v.confidence.score.map(|score| rounded(score, 1e3)));
    raw(out, ",\"level\":\"");
    raw(out, v.confidence.level.word());
    raw(out, "\"}");
    divergence(out, verdict);
    raw(out, ",\"violations\":[");
    list(out, v.violations.iter(), violation);
    raw(out, "],\"severity\":{\"overall\":");
    number(out, rounded(v.severity, 1e6));
    raw(out, "},\"drift\":[");
    let shown = v.drift.iter().filter(|report| options.full || report.state.is_notable());
    list(out, shown, |out, report| drift(out, report, &v.key));
    raw(out, "]");
    if options.timing {
        let t = &v.timing;
        let spans = [
            (",\"timing_us\":{\"queue\":", t.queue),
            (",\"embedding\":", t.embedding),
            (",\"constraints\":", t.constraints),
            (",\"drift\":", t.drift),
            (",\"total\":", t.total),
        ];
        for (name, micros) in spans {
            raw(out, name);
            whole(out, micros);
        }
        raw(out, "}");
    }
    raw(out, ",\"rules\":");
    string(out, &v.rules);
    raw(out, "}\n");
}

/// Appends a rejected line's report and a newline.
pub fn write_rejected(out: &mut Vec<u8>, rejected: &Rejected) {
    raw(out, "{\"source\":");
    string(out, &rejected.origin.source);
    match rejected.origin.line {
        Some(line) => put(out, format_args!(",\"line\":{line}")),
        None => raw(out, ",\"line\":null"),
    }
    put(out, format_args!(",\"column\":{},\"reason\":", rejected.reject.column));
    string(out, &rejected.reject.reason);
    raw(out, ",\"excerpt\":");
    string(out, &rejected.excerpt);
    raw(out, "}\n");
}

fn divergence(out: &mut Vec<u8>, verdict: &Verdict) {
    let d = &verdict.divergence;
    raw(out, ",\"divergence\":{\"state\":\"");
    raw(out, d.outcome.word());
    raw(out, "\"");
    if let Some(why) = d.outcome.why() {
        raw(out, ",\"why\":");
        string(out, why);
    }
    if let Basis::History(_) = d.basis {
        raw(out, ",\"basis\":\"history\"");
    }
    let scores = [
        (",\"semantic\":", d.semantic),
        (",\"answer\":", d.answer),
        (",\"lexical\":", d.lexical),
        (",\"facts\":", d.facts),
        (",\"entropy\":", d.entropy),
        (",\"risk\":", d.risk),
    ];
    for (name, score) in scores {
        raw(out, name);
        optional(out, score.map(|score| rounded(score, 1e6)));
    }
    match d.outlier {
        Some(index) => put(out, format_args!(",\"outlier\":{index}")),
        None => raw(out, ",\"outlier\":null"),
    }
    raw(out, ",\"backend\":");
    string(out, &d.backend);
    raw(out, "}");
}

fn violation(out: &mut Vec<u8>, v: &Violation) {
    raw(out, "{\"rule\":");
    string(out, &v.rule);
    put(out, format_args!(",\"severity\":\"{}\",\"field\":", v.severity.word()));
    string(out, &v.field);
    raw(out, ",\"message\":");
    string(out, &v.message);
    raw(out, ",\"observed\":");
    match &v.observed {
        Observed::Number(value) => number(out, *value),
        Observed::Text(text) => string(out, text),
        Observed::Missing => raw(out, "null"),
    }
    raw(out, ",\"limit\":");
    optional(out, v.limit);
    raw(out, ",\"over_pct\":");
    optional(out, v.over_pct().map(|pct| rounded(pct, 1e6)));
    put(out, format_args!(",\"weight\":{},\"state\":\"{}\"", v.weight(), v.state.word()));
    if let Some(by) = &v.silenced_by {
        raw(out, ",\"silenced_by\":");
        string(out, by);
    }
    raw(out, "}");
}

fn drift(out: &mut Vec<u8>, report: &DriftReport, key: &str) {
    raw(out, "{\"series\":");
    string(out, &report.series);
    raw(out, ",\"key\":");
    string(out, key);
    put(out, format_args!(",\"state\":\"{}\",\"score\":", report.state.word()));
    number(out, rounded(report.score, 1e6));
    raw(out, ",\"z\":");
    number(out, rounded(report.z, 1e6));
    put(out, format_args!(",\"direction\":\"{}\",\"size\":", report.direction()));
    optional(out, report.size().map(|size| rounded(size, 1e6)));
    raw(out, ",\"baseline\":");
    optional(out, report.baseline.map(|baseline| rounded(baseline, 1e6)));
    match report.onset {
        Some(seq) => put(out, format_args!(",\"onset_seq\":{seq}}}")),
        None => raw(out, ",\"onset_seq\":null}"),
    }
}

fn list<T>(out: &mut Vec<u8>, items: impl Iterator<Item = T>, mut write: impl FnMut(&mut Vec<u8>, T)) {
    for (index, item) in items.enumerate() {
        if index > 0 {
            raw(out, ",");
        }
        write(out, item);
    }
}

fn raw(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// Writing to a `Vec` cannot fail.
fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

/// A JSON string. What a terminal would obey and JSON would let pass (C1 controls, bidirectional overrides) is escaped
/// too: the output may well be looked at.
pub fn string(out: &mut Vec<u8>, text: &str) {
    let plain = |b: u8| (b' '..=b'~').contains(&b) && b != b'"' && b != b'\\';
    if text.bytes().all(plain) {
        out.reserve(text.len() + 2);
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return;
    }
    if !text.contains(sanitize::is_unsafe) {
        let _ = serde_json::to_writer(out, text);
        return;
    }
    raw(out, "\"");
    for part in text.split_inclusive(|c: char| c > '\u{7e}' && sanitize::is_unsafe(c)) {
        let odd = part.chars().next_back().filter(|c| *c > '\u{7e}' && sanitize::is_unsafe(*c));
        let plain = &part[..part.len() - odd.map_or(0, char::len_utf8)];
        let quoted = serde_json::Value::from(plain).to_string();
        raw(out, &quoted[1..quoted.len() - 1]);
        let mut units = [0u16; 2];
        for unit in odd.iter().flat_map(|c| c.encode_utf16(&mut units).to_vec()) {
            put(out, format_args!("\\u{unit:04x}"));
        }
    }
    raw(out, "\"");
}

fn whole(out: &mut Vec<u8>, value: u64) {
    raw(out, itoa::Buffer::new().format(value));
}

fn optional(out: &mut Vec<u8>, value: Option<f64>) {
    match value {
        Some(value) => number(out, value),
        None => raw(out, "null"),
    }
}

/// Digits that a double keeps of any decimal number.
const DIGITS: f64 = 1e15;

/// The value with as many decimals as `places`, a power of ten, has zeros. What is rounded stays as it is when it is rounded
/// once more.
pub fn rounded(value: f64, places: f64) -> f64 {
    let scaled = value * places;
    if scaled.abs() < DIGITS {
        return scaled.round() / places;
    }
    // A value so large has no decimals to cut, and scaling it would change its last bit.
    if scaled.abs() >= (1u64 << 53) as f64 {
        return value;
    }
    // Between the two scaling may change the last bit: its decimals are cut where they are exact.
    format!("{value:.*}", places.log10() as usize).parse().unwrap_or(value)
}

/// Shortest form that reads back as the same double; whole numbers without a point.
pub fn number(out: &mut Vec<u8>, value: f64) {
    if !value.is_finite() {
        raw(out, "null");
    } else if value.fract() == 0.0 && value.abs() < 1e16 {
        raw(out, itoa::Buffer::new().format(value as i64));
    } else if (1e-4..1e16).contains(&value.abs()) {
        raw(out, ryu::Buffer::new().format_finite(value));
    } else {
        put(out, format_args!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::*;
    use super::*;

    fn text(value: f64) -> String {
        let mut out = Vec::new();
        number(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_short_and_read_back() {
        assert_eq!(text(150.0), "150");
        assert_eq!(text(-0.0), "0");
        assert_eq!(text(0.1), "0.1");
        assert_eq!(text(5e-324), "5e-324");
        assert_eq!(text(1e300), "1e300");
        assert_eq!(
            (text(1e15), text(9e15), text(1e16)),
            ("1000000000000000".into(), "9000000000000000".into(), "1e16".into())
        );
        for value in [5e-5, 1e-4, 1.5e-4, 0.1 + 0.2, -123.456, 1e-7, 1.2e17, 123_456_789_012_345.6] {
            assert_eq!(text(value), format!("{value:?}"), "one form, whoever writes it");
        }
        for value in [1.0 / 3.0, 1e15, 123_456_789.123, f64::MAX, f64::MIN_POSITIVE] {
            assert_eq!(text(value).parse::<f64>().unwrap(), value);
        }
    }

    #[test]
    fn what_is_rounded_stays() {
        // Scaled by itself it would lose a digit each time.
        assert_eq!(rounded(-4_371_614_227.271_668, 1e6), -4_371_614_227.271_668);
        assert_eq!(
            (rounded(1.000_000_5, 1e6), rounded(1e300, 1e6), rounded(f64::MAX, 1e6)),
            (1.000_001, 1e300, f64::MAX)
        );
        for power in -30..320 {
            let value = 1.234_567_890_123_456_7 * 10f64.powi(power);
            let once = rounded(value, 1e6);
            assert_eq!(rounded(once, 1e6), once, "{value:?}");
            assert!(value.is_infinite() || (once - value).abs() <= 5.000_001e-7, "{value:?} {once:?}");
        }
    }

    #[test]
    fn strings_are_json_and_safe_to_look_at() {
        for text in ["plain", "q\"\\\n\u{1b}", "\u{9b}31m\u{202e}x\u{7f}", "\u{e0001}end", "日本 👩‍💻"] {
            let mut out = Vec::new();
            string(&mut out, text);
            let written = String::from_utf8(out).unwrap();
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
            assert_eq!(sanitize::json(&written), written, "nothing in it is unsafe to look at");
        }
    }

    #[test]
    fn a_verdict_is_written_as_the_contract_says() {
        let name: fn(&str) -> Arc<str> = |s| s.into();
        let verdict = Verdict {
            seq: Seq(17),
            id: name("req\"17"),
            at: None,
            ts: Some("2026-02-17T12:34:56.789Z".parse().unwrap()),
            origin: Origin { source: name("live.ndjson"), file: name("8f3a"), offset: 10_233, line: Some(3), part: 0 },
            key: name("agent-7"),
            advice: Advice { action: Action::Block, status_code: 424 },
            confidence: Confidence { score: Some(0.0404), level: Level::Red },
            divergence: Divergence {
                semantic: Some(0.269_700_04),
                risk: Some(0.81),
                outlier: Some(2),
                ..Divergence::none(Outcome::Scored, name("portable"))
            },
            violations: vec![Violation {
                rule: name("energy-balance"),
                severity: Severity::Critical,
                field: name("physics.energy_out"),
                message: "m".into(),
                observed: Observed::Number(150.0),
                limit: Some(100.0),
                state: ViolationState::Firing,
                silenced_by: None,
            }],
            severity: 2.0,
            drift: vec![DriftReport {
                series: name("divergence.risk"),
                state: DriftState::Drift,
                score: 0.98,
                z: 4.1,
                value: 0.49,
                baseline: Some(0.18),
                spread: Some(0.1),
                alarm: false,
                direction: Some(Direction::Up),
                size: Some(0.31),
                onset: Some(Seq(11)),
                moved: None,
            }],
            timing: Timing { queue: 41, embedding: 3421, constraints: 2, drift: 1, total: 3470 },
            rules: name("sha256:00"),
        };
        let mut out = Vec::new();
        write(&mut out, &verdict, Options::default());
        assert_eq!(
            String::from_utf8(out).unwrap(),
            concat!(
                r#"{"v":1,"seq":17,"id":"req\"17","ts":"2026-02-17T12:34:56.789Z","source":"live.ndjson","file":"8f3a","offset":10233,"#,
                r#""part":0,"key":"agent-7","action":"BLOCK","status_code":424,"confidence":{"score":0.04,"level":"RED"},"#,
                r#""divergence":{"state":"scored","semantic":0.2697,"answer":null,"lexical":null,"facts":null,"entropy":null,"#,
                r#""risk":0.81,"outlier":2,"backend":"portable"},"violations":[{"rule":"energy-balance","severity":"critical","#,
                r#""field":"physics.energy_out","message":"m","observed":150,"limit":100,"over_pct":50,"weight":2,"state":"firing"}],"#,
                r#""severity":{"overall":2},"drift":[{"series":"divergence.risk","key":"agent-7","state":"drift","score":0.98,"#,
                r#""z":4.1,"direction":"up","size":0.31,"baseline":0.18,"onset_seq":11}],"#,
                r#""timing_us":{"queue":41,"embedding":3421,"constraints":2,"drift":1,"total":3470},"rules":"sha256:00"}"#,
                "\n"
            )
        );
    }
}
