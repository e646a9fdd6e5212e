//! What is written is read, whatever happens to the file in between.

mod hostile;
mod private;

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::record::{Name, Origin, Seq};
use crate::redact::Redact;
use crate::verdict::json::{self, Options};
use crate::verdict::{
    Action, Advice, Basis, Confidence, Contradiction, Direction, Divergence, DriftReport, DriftState, Level, Moved,
    Observed, Outcome, Severity, Timing, Violation, ViolationState,
};

const BOUNDS: Bounds = Bounds { bytes: 64 << 20, line_bytes: 1 << 20 };

fn name(text: &str) -> Arc<str> {
    text.into()
}

fn moment() -> Timestamp {
    "2026-02-17T12:34:56.789Z".parse().unwrap()
}

fn head() -> Head {
    let text = |text: &str| text.to_owned();
    Head {
        watcher: text("0.1.0"),
        made: moment(),
        why: text("rule max-loss"),
        mode: text("LIVE"),
        text: true,
        redacted: false,
        config: text("limits:\n  samples: 4\n"),
        key: vec![text("agent_id")],
        rules: vec![RuleText { name: text("rules.yaml"), text: text("version: 1\n") }],
        revision: text("sha256:00"),
        policy: text("default"),
        backend: text("portable"),
        scores: text("portable mini"),
        sources: vec![text("live.ndjson")],
    }
}

fn record(seq: u64) -> Record {
    let text = format!("Send {seq} EUR\u{1b} to \"Müller\"");
    Record {
        seq: Seq(seq),
        id: format!("req-{seq}").into(),
        ts: Some(moment()),
        key: name("agent-7"),
        prompt: Some(name("What is to be done?")),
        samples: vec![text.as_str().into(), name("Send nothing"), name("")],
        latency_ms: Some(812.5),
        numbers: vec![(Name::foreign("metrics.pressure"), -0.0), (Name::foreign("a[\"b\"]"), 1e300)],
        labels: vec![(Name::foreign("env"), name("prod")), (Name::foreign("note"), name("\u{202e}"))],
        truncated: true,
        lossy: false,
        origin: Origin { source: name("live.ndjson"), file: name("8f3a"), offset: seq * 100, line: Some(seq), part: 0 },
        raw: Bytes::from(format!("{{\"samples\":[{}]}}", serde_json::Value::from(text))),
    }
}

fn verdict(record: &Record) -> Verdict {
    let report = |series: &str, state| DriftReport {
        value: 2.000_000_6,
        baseline: Some(2.000_000_4),
        spread: Some(0.25),
        score: 0.25,
        z: -1.5,
        alarm: true,
        ..DriftReport::absent(name(series), state)
    };
    let violation = |observed| Violation {
        rule: name("max-loss"),
        severity: Severity::Critical,
        field: name("financial.proposed_loss"),
        message: "the loss is too large".into(),
        observed,
        limit: Some(100.0),
        state: ViolationState::Firing,
        silenced_by: None,
    };
    Verdict {
        advice: Advice { action: Action::Block, status_code: 424 },
        confidence: Confidence { score: Some(0.04), level: Level::Red },
        divergence: Divergence {
            risk: Some(1.0 / 3.0),
            outlier: Some(1),
            basis: Basis::History(vec![name("Send it all"), name("earlier")].into()),
            contradictions: vec![Contradiction { kind: "number", sides: [(0, Some(5..8)), (1, None)] }],
            ..Divergence::none(Outcome::Partial(name("overload")), name("portable"))
        },
        violations: vec![violation(Observed::Number(150.0)), violation(Observed::Text(name("much")))],
        severity: 2.0,
        drift: vec![
            report("latency_ms", DriftState::Stable),
            DriftReport {
                direction: Some(Direction::Wider),
                size: Some(0.5),
                onset: Some(Seq(3)),
                moved: Some(Arc::new(Moved { before: vec![Seq(1)], after: vec![Seq(4), Seq(5)] })),
                ..report("meaning", DriftState::Drift)
            },
            DriftReport { alarm: false, ..report("x", DriftState::Suspect) },
            DriftReport::absent(name("gone"), DriftState::Missing),
        ],
        timing: Timing { queue: 41, embedding: 3421, constraints: 2, drift: 1, total: 3470 },
        rules: name("sha256:00"),
        at: Some(Timestamp::UNIX_EPOCH),
        ..Verdict::unjudged(record)
    }
}

fn event(kind: EventKind) -> Event {
    let text = |text: &str| text.to_owned();
    let (cause, key, by) = (text("max-loss"), text("agent-7"), text("op"));
    Event { at: moment(), seq: Some(2), kind, cause, key, text: text("seen\u{1b}"), by }
}

fn whole() -> Privacy {
    Privacy { text: true, redact: Arc::default() }
}

fn all() -> Vec<Entry> {
    let mut all: Vec<Entry> = EventKind::ALL.into_iter().map(|kind| Entry::Event(event(kind))).collect();
    all.push(Entry::Rules(RulesChange { at: moment(), revision: "sha256:01".into(), rules: head().rules }));
    all.extend((1..6).map(|seq| captured(record(seq))));
    all
}

fn captured(record: Record) -> Entry {
    let verdict = verdict(&record);
    Entry::Record(Box::new(Captured { record, verdict }))
}

/// A capture of these entries, with a frame ended behind every one if so wanted.
fn written(entries: &[Entry], state: &State, privacy: Privacy, flush: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, &head(), state, privacy).unwrap();
    for entry in entries {
        match entry {
            Entry::Record(captured) => writer.record(&captured.record, &captured.verdict).unwrap(),
            Entry::Rules(change) => writer.rules(change).unwrap(),
            Entry::Event(event) => writer.event(event).unwrap(),
        }
        if flush {
            writer.flush().unwrap();
        }
    }
    let bytes = writer.finish("by hand").unwrap();
    assert_eq!(bytes, out.len() as u64);
    out
}

fn read(bytes: &[u8]) -> (Vec<Entry>, Reader<io::Cursor<Vec<u8>>>) {
    let mut reader = Reader::open(io::Cursor::new(bytes.to_vec()), BOUNDS).unwrap();
    let entries = reader.by_ref().collect();
    (entries, reader)
}

/// In words that can be compared: NaN is NaN there.
fn told(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|entry| format!("{entry:?}")).collect()
}

fn contract(verdict: &Verdict) -> String {
    let mut out = Vec::new();
    json::write(&mut out, verdict, Options { timing: true, full: true, findings: false });
    String::from_utf8(out).unwrap()
}

fn unpacked(bytes: &[u8]) -> String {
    String::from_utf8(zstd::decode_all(bytes).unwrap()).unwrap()
}

/// What comes back of a record with the text is the same, but for the decimals that the contract rounds.
fn same(entry: &Entry, back: &Entry) {
    let (Entry::Record(one), Entry::Record(other)) = (entry, back) else {
        return assert_eq!(format!("{entry:?}"), format!("{back:?}"));
    };
    assert_eq!(format!("{:?}", one.record), format!("{:?}", other.record));
    let (one, other) = (&one.verdict, &other.verdict);
    assert_eq!(contract(one), contract(other));
    assert_eq!((one.at, &one.origin, &one.divergence.basis), (other.at, &other.origin, &other.divergence.basis));
    assert_eq!(one.divergence.contradictions, other.divergence.contradictions);
    let more = |report: &DriftReport| {
        format!("{:?}", (&report.series, report.alarm, report.value, report.spread, &report.moved))
    };
    assert!(one.drift.iter().map(more).eq(other.drift.iter().map(more)), "{:?}\n{:?}", one.drift, other.drift);
}

#[test]
fn everything_comes_back() {
    let entries = all();
    let state = State::Known(serde_json::json!({"t": null, "rows": [1.5, -0.25], "deep": {"a": [[]]}}));
    for flush in [false, true] {
        let bytes = written(&entries, &state, whole(), flush);
        assert!(is_capture(&bytes) && is_capture(&bytes[..24]) && !is_capture(&bytes[..23]));
        let (back, reader) = read(&bytes);
        assert_eq!(reader.damage(), None);
        assert_eq!((reader.head(), reader.state(), reader.ended()), (&head(), &state, true));
        assert_eq!(back.len(), entries.len());
        entries.iter().zip(&back).for_each(|(one, other)| same(one, other));
        // What was read is written as the very same lines.
        assert_eq!(unpacked(&written(&back, &state, whole(), false)), unpacked(&bytes));
    }
    for state in [State::Empty, State::Unknown, State::Known(serde_json::Value::Null)] {
        let bytes = written(&[], &state, whole(), false);
        let mut reader = Reader::open(&bytes[..], BOUNDS).unwrap();
        assert_eq!((reader.take_state(), reader.state()), (state, &State::Unknown));
        assert!(reader.next().is_none() && reader.damage().is_none());
    }
}

#[test]
fn lines_are_json_that_can_be_looked_at() {
    let text = unpacked(&written(&all(), &State::Empty, whole(), false));
    assert_eq!(text.lines().count(), 3 + all().len());
    for line in text.lines() {
        assert_eq!(crate::sanitize::line(line), line);
        assert!(serde_json::from_str::<serde_json::Value>(line).unwrap()["t"].is_string());
    }
    let line = text.lines().find(|line| line.contains("req-1")).unwrap();
    let verdict = contract(&verdict(&record(1)));
    assert!(line.contains(&format!(",\"verdict\":{},\"more\":", verdict.trim_end())), "{line}");
}

#[test]
fn lines_of_logs_come_back_as_bytes() {
    let raws = [&b"\xff\xfe"[..], b"", &[0; 1000], "é\u{9b}\n{}".as_bytes(), b"shared", b"shared", b"", b"shared"];
    let with =
        |(seq, raw): (usize, &&[u8])| captured(Record { raw: Bytes::copy_from_slice(raw), ..record(seq as u64) });
    let entries: Vec<Entry> = raws.iter().enumerate().map(with).collect();
    let bytes = written(&entries, &State::Empty, whole(), false);
    let (back, reader) = read(&bytes);
    assert_eq!((told(&back).len(), reader.damage()), (entries.len(), None));
    entries.iter().zip(&back).for_each(|(one, other)| same(one, other));
    assert_eq!(unpacked(&bytes).matches("\"raw\":\"shared\"").count(), 1);
}

#[test]
fn long_texts_and_many_findings_come_back_whole() {
    let record = Record { id: "i".repeat(5_000).into(), ..record(1) };
    let mut verdict = verdict(&record);
    verdict.violations = vec![Violation { message: "m".repeat(9_000), ..verdict.violations[0].clone() }; 300];
    let entry = Entry::Record(Box::new(Captured { record, verdict }));
    let (back, _) = read(&written(std::slice::from_ref(&entry), &State::Empty, whole(), false));
    same(&entry, &back[0]);
}

#[test]
fn a_frame_is_handed_over_when_it_is_full() {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, &head(), &State::Empty, whole()).unwrap();
    let begun = writer.bytes();
    let mut seq = 0;
    while writer.written() == begun {
        seq += 1;
        writer.record(&record(seq), &verdict(&record(seq))).unwrap();
        assert!(writer.bytes() > begun && writer.records() == seq);
    }
    assert!((50..1_000).contains(&seq), "{seq}");
    assert!(writer.record(&record(seq), &verdict(&record(seq))).is_err(), "records come in order");
    drop(writer);
    // As of a process that was killed.
    let (back, reader) = read(&out);
    assert_eq!(back.len() as u64, seq);
    assert!(!reader.ended() && reader.damage().unwrap().starts_with("it was not closed"), "{:?}", reader.damage());
}

#[test]
fn a_capture_is_its_owners_and_takes_the_place_of_none() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wcap");
    let file = create(&path).unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(create(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
}

fn any_record() -> impl Strategy<Value = Entry> {
    let text = || prop_oneof!["[a-c\"\\\\é\u{202e}\u{0}]{0,12}", any::<String>()];
    let finite = || any::<f64>().prop_filter("finite", |value| value.is_finite());
    let raw = prop::collection::vec(any::<u8>(), 0..40);
    let texts = (prop::collection::vec(text(), 0..4), prop::option::of(text()), text(), text(), text());
    let pairs = (prop::collection::vec((text(), finite()), 0..4), prop::collection::vec((text(), text()), 0..4));
    let found =
        (prop::option::of(0..1_000_000i64), finite(), finite(), finite(), prop::sample::select(&DriftState::ALL[..]));
    (texts, pairs, found, raw).prop_map(|(texts, pairs, found, raw)| {
        let (samples, prompt, id, key, message) = texts;
        let record = Record {
            samples: samples.iter().map(|text| name(text)).collect(),
            prompt: prompt.map(Into::into),
            id: id.into(),
            key: key.into(),
            ts: found.0.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
            numbers: pairs.0.into_iter().map(|(path, value)| (Name::foreign(path), value)).collect(),
            labels: pairs.1.into_iter().map(|(path, value)| (Name::foreign(path), value.into())).collect(),
            raw: raw.into(),
            ..record(7)
        };
        let mut verdict = verdict(&record);
        let report = &mut verdict.drift[0];
        (report.value, report.baseline, report.spread, report.state) = (found.1, Some(found.2), Some(found.3), found.4);
        verdict.violations[0].message = message;
        Entry::Record(Box::new(Captured { record, verdict }))
    })
}

proptest! {
    #[test]
    fn any_record_comes_back(entry in any_record()) {
        let (back, reader) = read(&written(std::slice::from_ref(&entry), &State::Unknown, whole(), false));
        prop_assert_eq!((back.len(), reader.damage()), (1, None));
        same(&entry, &back[0]);
    }
}
