//! What was written is read back, and what is no verdict is refused with its key.

use proptest::prelude::*;

use super::super::json::{self, Options};
use super::super::{Contradiction, Moved};
use super::*;

fn name(text: &str) -> Arc<str> {
    text.into()
}

fn line(verdict: &Verdict, options: Options) -> String {
    let mut out = Vec::new();
    json::write(&mut out, verdict, options);
    String::from_utf8(out).unwrap()
}

fn parse(line: &str) -> Result<Verdict, String> {
    read(&Json::parse(line).unwrap())
}

/// Reads a line and checks that writing what was read gives it again, in all forms.
fn check(verdict: &Verdict) -> Verdict {
    let full = line(verdict, Options { timing: true, full: true, ..Options::default() });
    let back = parse(&full).unwrap_or_else(|error| panic!("{error}: {full}"));
    assert_eq!(line(&back, Options { timing: true, full: true, ..Options::default() }), full);
    for options in [Options::default(), Options { timing: false, full: false, ..Options::default() }] {
        let short = line(verdict, options);
        assert_eq!(line(&parse(&short).unwrap(), options), short);
        assert_eq!(line(&back, options), short);
    }
    back
}

fn violation(severity: Severity, state: ViolationState, observed: Observed, limit: Option<f64>) -> Violation {
    let message = format!("{} {}", severity.word(), state.word());
    Violation {
        rule: name("energy-balance"),
        severity,
        field: name("metrics[\"a b\"]"),
        message,
        observed,
        limit,
        state,
        silenced_by: None,
    }
}

fn full() -> Verdict {
    let reports = DriftState::ALL.into_iter().map(|state| DriftReport {
        score: 0.25,
        z: -1.5,
        value: 2.5,
        baseline: Some(3.0),
        ..DriftReport::absent(name("metrics.x"), state)
    });
    let drifts = Direction::ALL.into_iter().map(|direction| DriftReport {
        score: 0.98,
        z: 4.1,
        baseline: Some(0.18),
        direction: Some(direction),
        size: Some(0.31),
        onset: Some(Seq(11)),
        ..DriftReport::absent(name("divergence.risk"), DriftState::Drift)
    });
    let states = ViolationState::ALL
        .into_iter()
        .map(|state| violation(Severity::Warning, state, Observed::Text("a\u{1b}b".into()), None));
    let severities =
        Severity::ALL.into_iter().map(|s| violation(s, ViolationState::Firing, Observed::Number(-1.25e17), Some(0.3)));
    let missing = violation(Severity::Critical, ViolationState::Error, Observed::Missing, Some(0.0));
    Verdict {
        seq: Seq(17),
        id: name("req\"17\u{202e}"),
        ts: Some("2026-02-17T12:34:56.789Z".parse().unwrap()),
        at: None,
        origin: Origin { source: name("live.ndjson"), file: name("8f3a"), offset: 10_233, line: Some(3), part: 2 },
        key: name("agent-7"),
        advice: Advice { action: Action::Block, status_code: 424 },
        confidence: Confidence { score: Some(0.0404), level: Level::Red },
        divergence: Divergence {
            semantic: Some(0.269_700_04),
            risk: Some(1.0 / 3.0),
            outlier: Some(2),
            ..Divergence::none(Outcome::Scored, name("portable"))
        },
        violations: states.chain(severities).chain([missing]).collect(),
        severity: 7.0 / 3.0,
        drift: reports.chain(drifts).collect(),
        timing: Timing { queue: 41, embedding: 3421, constraints: 2, drift: 1, total: 3470 },
        rules: name("sha256:00"),
    }
}

#[test]
fn every_word_comes_back() {
    let verdict = full();
    let back = check(&verdict);
    assert_eq!((back.seq, &back.id, back.at), (verdict.seq, &verdict.id, verdict.ts));
    assert_eq!((back.violations, back.timing), (verdict.violations, verdict.timing));
    for (action, level) in Action::ALL.into_iter().zip(Level::ALL) {
        let advice = Advice { action, status_code: 200 };
        let back = check(&Verdict { advice, confidence: Confidence { score: None, level }, ts: None, ..full() });
        assert_eq!((back.advice, back.confidence.level, back.ts, back.at), (advice, level, None, None));
    }
    let why = || name("overload");
    for outcome in [Outcome::Partial(why()), Outcome::Skipped(why()), Outcome::Failed(name("")), Outcome::Scored] {
        let basis = Basis::History(Arc::new([]));
        let divergence = Divergence { basis, ..Divergence::none(outcome, name("none")) };
        assert_eq!(check(&Verdict { divergence: divergence.clone(), ..full() }).divergence, divergence);
    }
}

#[test]
fn outside_a_drift_the_value_comes_back() {
    let back = check(&full());
    let states: Vec<_> = back.drift.iter().map(|report| (report.state, report.value, report.direction)).collect();
    assert_eq!(states[1], (DriftState::Stable, 2.5, None));
    assert!(states[3].1.is_nan() && states[3].0 == DriftState::Drift && states[3].2 == Some(Direction::Down));
    assert_eq!(back.drift[12].direction, Some(Direction::Shape));
}

const LEAST: &str = concat!(
    r#"{"v":1,"seq":0,"id":"i","source":"s","file":"f","offset":0,"part":0,"key":"k","action":"ALLOW","status_code":200,"#,
    r#""confidence":{"level":"UNSCORED"},"divergence":{"state":"skipped"},"violations":[],"drift":[],"rules":"none"}"#
);

#[test]
fn what_may_be_missing_is_neutral_and_what_is_unknown_is_passed_over() {
    let verdict = parse(LEAST).unwrap();
    assert_eq!((verdict.ts, verdict.timing, verdict.severity), (None, Timing::default(), 0.0));
    assert_eq!(verdict.divergence, Divergence::none(Outcome::Skipped("".into()), "none".into()));
    assert!(parse(&LEAST.replacen("\"v\":1", "\"v\":1,\"silenced_by\":{\"who\":[1]}", 1)).is_ok());
    let breach = r#""violations":[{"rule":"r","severity":"warning","state":"firing"}]"#;
    let verdict = parse(&LEAST.replacen("\"violations\":[]", breach, 1)).unwrap();
    assert_eq!((verdict.severity, &verdict.violations[0].observed), (2.0, &Observed::Missing));
}

#[test]
fn faults_name_the_key_and_what_was_expected() {
    let cases = [
        ("\"v\":1", "\"v\":2", "`v`: expected 1, the version that is known here, found 2"),
        ("\"ALLOW\"", "\"NOPE\"", "`action`: expected one of ALLOW, CAUTION, REVIEW, BLOCK, found \"NOPE\""),
        ("\"seq\":0", "\"seq\":-1", "`seq`: expected a whole number from 0 up, of 64 bits at most, found -1"),
        (":200", ":70000", "`status_code`: expected a whole number from 0 up, of 16 bits at most, found 70000"),
        ("\"part\":0", "\"part\":1.5", "`part`: expected a whole number from 0 up, of 32 bits at most, found 1.5"),
        ("\"id\":\"i\"", "\"id\":null", "`id`: expected a text, found null"),
        ("\"rules\":\"none\"", "\"ruled\":1", "`rules`: expected a text, found nothing"),
        ("{\"level\":\"UNSCORED\"}", "[]", "`confidence`: expected an object, found a list"),
        ("\"UNSCORED\"", "1", "`confidence.level`: expected one of GREEN, YELLOW, RED, UNSCORED, found 1"),
        ("\"violations\":[]", "\"violations\":{}", "`violations`: expected a list, found an object"),
        ("\"drift\":[]", "\"drift\":[{},7]", "`drift[0].state`: expected one of warm_up, stable, suspect, drift"),
        ("\"violations\":[]", "\"violations\":[7]", "`violations[0]`: expected an object, found 7"),
        ("\"v\":1", "\"v\":1,\"ts\":\"soon\"", "`ts`: expected a time such as 2026-02-17T12:34:56Z, found \"soon\""),
        ("\"skipped\"", "\"scored\",\"basis\":\"tea\"", "`divergence.basis`: expected history, found \"tea\""),
        ("\"skipped\"", "\"scored\",\"risk\":\"0.5\"", "`divergence.risk`: expected a number or null, found \"0.5\""),
    ];
    for (old, new, want) in cases {
        let error = parse(&LEAST.replacen(old, new, 1)).unwrap_err();
        assert!(error.starts_with(want), "{error}");
    }
    assert_eq!(parse("[1]").unwrap_err(), "the line: expected an object, found a list");
    let Json::Object(entries) = Json::parse(LEAST).unwrap() else { panic!("an object") };
    for left_out in 0..entries.len() {
        let mut fewer = entries.clone();
        let (key, _) = fewer.remove(left_out);
        assert!(read(&Json::Object(fewer)).unwrap_err().starts_with(&format!("`{key}`: expected ")));
    }
}

#[test]
fn what_is_read_is_bounded() {
    let breach = violation(Severity::Info, ViolationState::Firing, Observed::Missing, None);
    let long = Verdict {
        id: "é".repeat(1_000).into(),
        violations: vec![Violation { message: "m".repeat(10_000), ..breach }; 300],
        drift: vec![DriftReport::absent("s".repeat(5_000).into(), DriftState::Stuck); 300],
        ..full()
    };
    let back = parse(&line(&long, Options::default())).unwrap();
    assert_eq!((back.id.len(), back.violations.len(), back.drift.len()), (256, 256, 256));
    assert_eq!((back.violations[0].message.len(), back.drift[0].series.len()), (4_096, 1_024));
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -1e3..1e3f64,
        1 => (-1_000_000i64..1_000_000).prop_map(|n| n as f64 / 1e3),
        1 => proptest::num::f64::ANY,
        1 => Just(0.0),
    ]
}

fn score() -> impl Strategy<Value = Option<f64>> {
    proptest::option::of(0.0..=1.0f64)
}

fn any_violation() -> impl Strategy<Value = Violation> {
    let observed = prop_oneof![
        number().prop_map(Observed::Number),
        ".{0,20}".prop_map(|text| Observed::Text(text.into())),
        Just(Observed::Missing)
    ];
    let words = (proptest::sample::select(&Severity::ALL[..]), proptest::sample::select(&ViolationState::ALL[..]));
    (words, ".{0,12}", ".{0,12}", ".{0,40}", observed, proptest::option::of(number())).prop_map(
        |((severity, state), rule, field, message, observed, limit)| Violation {
            silenced_by: message.len().is_multiple_of(3).then(|| message.as_str().into()),
            rule: rule.into(),
            severity,
            field: field.into(),
            message,
            observed,
            limit,
            state,
        },
    )
}

fn any_report() -> impl Strategy<Value = DriftReport> {
    // Past these sizes the writer's own rounding to six decimals is not stable to the last bit.
    let number = || number().prop_map(|n| if n.is_finite() { n.clamp(-1e9, 1e9) } else { n });
    let words = (
        proptest::sample::select(&DriftState::ALL[..]),
        proptest::option::of(proptest::sample::select(&Direction::ALL[..])),
    );
    let figures = (0.0..=1.0f64, number(), number(), proptest::option::of(number()), proptest::option::of(number()));
    (words, ".{0,12}", figures, proptest::option::of(0..1_000_000u64)).prop_map(
        |((state, direction), series, (score, z, value, baseline, size), onset)| DriftReport {
            series: series.into(),
            state,
            alarm: true,
            score,
            z,
            value,
            baseline,
            spread: Some(1.0),
            direction,
            size,
            onset: onset.map(Seq),
            moved: None,
        },
    )
}

fn any_divergence() -> impl Strategy<Value = Divergence> {
    let outcome = (0..4u8, ".{0,12}").prop_map(|(which, why)| match which {
        0 => Outcome::Scored,
        1 => Outcome::Partial(why.into()),
        2 => Outcome::Skipped(why.into()),
        _ => Outcome::Failed(why.into()),
    });
    let scores = (score(), score(), score(), score(), score(), score());
    (outcome, scores, proptest::option::of(0..16usize), any::<bool>(), ".{0,12}").prop_map(
        |(outcome, (semantic, answer, lexical, facts, entropy, risk), outlier, history, backend)| Divergence {
            outcome,
            semantic,
            cosines: Vec::new(),
            answer,
            lexical,
            facts,
            entropy,
            risk,
            outlier,
            basis: if history { Basis::History(Arc::new([])) } else { Basis::Samples },
            contradictions: Vec::new(),
            backend: backend.into(),
        },
    )
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    let ts = proptest::option::of(-1_000_000_000_000i64..4_000_000_000_000);
    let place = (0..=i64::MAX as u64, ".{0,20}", ts, 0..=i64::MAX as u64, any::<u32>(), ".{0,20}");
    let words = (proptest::sample::select(&Action::ALL[..]), proptest::sample::select(&Level::ALL[..]), any::<u16>());
    let lists = (
        proptest::collection::vec(any_violation(), 0..6),
        proptest::collection::vec(any_report(), 0..6),
        proptest::array::uniform5(0..=i64::MAX as u64),
    );
    (place, words, score(), any_divergence(), lists, 0.0..4.0f64).prop_map(
        |((seq, id, ts, offset, part, key), (action, level, status_code), score, divergence, lists, severity)| {
            let [queue, embedding, constraints, drift, total] = lists.2;
            Verdict {
                seq: Seq(seq),
                ts: ts.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
                at: None,
                origin: Origin { source: id.as_str().into(), file: name("f"), offset, line: None, part },
                id: id.into(),
                key: key.into(),
                advice: Advice { action, status_code },
                confidence: Confidence { score, level },
                divergence,
                violations: lists.0,
                severity,
                drift: lists.1,
                timing: Timing { queue, embedding, constraints, drift, total },
                rules: name("sha256:1"),
            }
        },
    )
}

/// A verdict with what a line of an output does not hold.
fn whole_verdict() -> impl Strategy<Value = Verdict> {
    let span = || proptest::option::of((any::<usize>(), any::<usize>()).prop_map(|(start, end)| start..end));
    let contradiction = (proptest::sample::select(&Contradiction::KINDS[..]), 0..16usize, span(), span());
    let contradiction = contradiction.prop_map(|(kind, i, a, b)| Contradiction { kind, sides: [(i, a), (i + 1, b)] });
    let moved = proptest::collection::vec(any::<u64>().prop_map(Seq), 0..4);
    let beside = (proptest::option::of(any::<i64>()), proptest::collection::vec(contradiction, 0..4), moved, ".{0,9}");
    (any_verdict(), beside).prop_map(|(mut verdict, (at, contradictions, moved, earlier))| {
        verdict.at = at.and_then(|ns| Timestamp::from_nanosecond(ns.into()).ok());
        verdict.divergence.contradictions = contradictions;
        if let Basis::History(texts) = &mut verdict.divergence.basis {
            *texts = Arc::new([earlier.into(), name("yes")]);
        }
        for (index, report) in verdict.drift.iter_mut().enumerate() {
            report.spread = (index % 2 == 0).then_some(f64::NAN);
            report.moved = (index % 3 == 0).then(|| Arc::new(Moved { before: moved.clone(), after: Vec::new() }));
        }
        verdict
    })
}

#[test]
fn a_kind_that_nobody_writes_is_refused() {
    let known = Contradiction { kind: "symbol", sides: [(0, None), (1, Some(2..3))] };
    let bytes = postcard::to_allocvec(&known).unwrap();
    assert_eq!(postcard::from_bytes(&bytes), Ok(known));
    let text = String::from_utf8(bytes).unwrap().replace("symbol", "cymbal");
    assert!(postcard::from_bytes::<Contradiction>(text.as_bytes()).is_err());
}

proptest! {
    #[test]
    fn what_is_written_is_read(verdict in any_verdict()) {
        check(&verdict);
    }

    #[test]
    fn what_is_stored_is_read_to_the_last_bit(verdict in whole_verdict()) {
        let bytes = postcard::to_allocvec(&verdict).unwrap();
        let back: Verdict = postcard::from_bytes(&bytes).unwrap();
        prop_assert_eq!(format!("{back:?}"), format!("{verdict:?}"));
        prop_assert_eq!(postcard::to_allocvec(&back).unwrap(), bytes);
    }

    #[test]
    fn a_damaged_store_is_refused_or_read(verdict in whole_verdict(), at in any::<usize>(), with in any::<u8>()) {
        let mut bytes = postcard::to_allocvec(&verdict).unwrap();
        let at = at % bytes.len();
        prop_assert!(postcard::from_bytes::<Verdict>(&bytes[..at]).is_err());
        bytes[at] = with;
        let _ = postcard::from_bytes::<Verdict>(&bytes);
    }

    #[test]
    fn cut_and_changed_lines_are_refused_or_read(at in 0..2_000usize, with in any::<u8>()) {
        let whole = line(&full(), Options { timing: true, full: true, ..Options::default() });
        let mut bytes = whole.into_bytes();
        let at = at % bytes.len();
        bytes[at] = with;
        if let Ok(text) = std::str::from_utf8(&bytes) && let Ok(json) = Json::parse(text) {
            let _ = read(&json);
        }
        prop_assert!(Json::parse(&String::from_utf8_lossy(&bytes[..at])).is_err());
    }

    #[test]
    fn foreign_objects_never_panic(text in r#"\{("(v|seq|id|drift|violations|confidence)":(1|-1|"x"|null|\[\{\}\]|\{"score":1e400?\}),){0,6}"key":1e3\}"#) {
        if let Ok(json) = Json::parse(&text) {
            prop_assert!(read(&json).is_err());
        }
    }
}
