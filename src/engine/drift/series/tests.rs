use bytes::Bytes;

use super::*;
use crate::engine::drift::Saved;
use crate::record::native::Parser;
use crate::record::{Limits, Origin};
use crate::verdict::{Divergence, Outcome};

fn engine() -> Drift {
    Drift::new(Options::default())
}

fn run(engine: &mut Drift, seq: u64, line: &str) -> Vec<DriftReport> {
    let origin = Origin { source: "s".into(), file: "f".into(), offset: 0, line: None, part: 0 };
    let mut parser = Parser::new(Limits::default(), &[]);
    let record = parser.parse(Seq(seq), origin, Bytes::copy_from_slice(line.as_bytes())).unwrap();
    let divergence = Divergence { risk: Some(0.1), ..Divergence::none(Outcome::Scored, "t".into()) };
    let mut evidence = Evidence::new(&record, &[], divergence);
    engine.run(Stage::Drift, &mut evidence).unwrap();
    evidence.drift
}

fn states(engine: &mut Drift, seq: u64, line: &str) -> Vec<String> {
    run(engine, seq, line).iter().map(|report| format!("{} {}", report.series, report.state.word())).collect()
}

#[test]
fn every_number_is_watched_once_a_record_unless_it_is_no_behaviour() {
    let mut engine = engine();
    let line = |seq: u64| {
        let noise = seq * seq * 7 % 31;
        format!(
            r#"{{"samples":["abc"],"latency_ms":5,"metrics":{{"Pa":{noise}," pa ":2,"temp":{noise}}},"other":{seq},"order_id":9}}"#
        )
    };
    let first = ["divergence.risk warm_up", "violation_rate warm_up", "latency_ms warm_up", "answer_length warm_up"];
    assert_eq!(states(&mut engine, 0, &line(0)), first);
    for seq in 1..60 {
        run(&mut engine, seq, &line(seq));
    }
    // By now it is known what the other numbers are.
    let seen = states(&mut engine, 60, &line(60));
    assert_eq!(
        (&seen[..4], &seen[4..]),
        (&first.map(String::from)[..], &["metrics.pa warm_up".to_owned(), "metrics.temp warm_up".into()][..])
    );
    assert_eq!(run(&mut engine, 61, &line(61))[3].value, 3.0);
    let skipped: Vec<&str> = engine.skipped().map(|(name, _)| &**name).collect();
    assert_eq!(skipped, ["order_id", "other"]);
}

#[test]
fn what_is_asked_of_a_series_by_name_is_done() {
    let named = |name: &str, watch, rows| Named { name: name.into(), watch, setting: Setting::default(), rows };
    let named = vec![named("order_id", true, Some(5e3)), named("latency_ms", false, None), named("never", true, None)];
    let mut engine = Drift::new(Options { named, ..Options::default() });
    let seen = states(&mut engine, 0, r#"{"latency_ms":5,"order_id":9}"#);
    assert_eq!(seen, ["divergence.risk warm_up", "violation_rate warm_up", "order_id warm_up", "never no_data"]);
    let seen = states(&mut engine, 1, "{}");
    assert_eq!(seen[2..], ["order_id missing", "never no_data"]);
    assert_eq!(engine.skipped().map(|(name, _)| &**name).collect::<Vec<_>>(), ["latency_ms"]);
    let told: Vec<_> = engine.watched().skipped.iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(told, ["latency_ms", "never"]);
}

#[test]
fn keys_and_series_are_bounded() {
    let mut engine = Drift::new(Options { keys: 8, series: 2, ..Options::default() });
    for seq in 0..100 {
        let line = format!(r#"{{"agent_id":"a{seq}","metrics":{{"m1":1,"m2":2,"m3":3}}}}"#);
        assert!(run(&mut engine, seq, &line).len() <= 2);
    }
    assert!(engine.len() <= 8 && engine.series() <= 16);
    assert!(engine.evicted() >= 92 && engine.refused() > 0);
    let mut engine = Drift::new(Options { total_series: 10, ..Options::default() });
    for seq in 0..100 {
        run(&mut engine, seq, &format!(r#"{{"agent_id":"a{seq}","metrics":{{"m1":1,"m2":2,"m3":3}}}}"#));
        assert!(engine.series() <= 10);
    }
    assert!(run(&mut engine, 100, r#"{"agent_id":"a100"}"#).len() == 2, "a new key finds room");
}

#[test]
fn series_that_are_gone_make_room_and_named_ones_always_have_some() {
    let named = vec![Named { name: "late".into(), watch: true, setting: Setting::default(), rows: None }];
    let mut engine = Drift::new(Options { series: 8, named, ..Options::default() });
    for seq in 0..20 {
        run(&mut engine, seq, &format!(r#"{{"m{seq}":1}}"#));
    }
    assert!(run(&mut engine, 20, r#"{"late":5}"#).iter().any(|report| &*report.series == "late"));
    let refused = engine.refused();
    for seq in 21..400 {
        run(&mut engine, seq, &format!(r#"{{"new":{}}}"#, seq * seq % 7));
    }
    assert!(refused > 0 && run(&mut engine, 400, r#"{"new":3}"#).iter().any(|report| &*report.series == "new"));
}

fn noisy(seq: u64, shift: f64) -> String {
    let noise = ((seq.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) % 1_000) as f64 / 100.0;
    let at = 1_700_000_000 + seq;
    format!(r#"{{"agent_id":"a{}","ts":{at},"latency_ms":{}}}"#, seq % 2, 100.0 + noise + shift)
}

#[test]
fn what_is_saved_goes_on_as_if_nothing_had_been() {
    let mut whole = engine();
    for seq in 0..400 {
        run(&mut whole, seq, &noisy(seq, 0.0));
    }
    let text = serde_json::to_string(&whole.save()).unwrap();
    let saved: Saved = serde_json::from_str(&text).unwrap();
    let mut again = engine();
    again.restore(saved.clone(), true).unwrap();
    assert_eq!(again.series(), whole.series());
    for seq in 400..800 {
        let line = noisy(seq, if seq > 500 { 30.0 } else { 0.0 });
        assert_eq!(run(&mut whole, seq, &line), run(&mut again, seq, &line), "{seq}");
    }
    let mut other = engine();
    other.restore(saved, false).unwrap();
    let seen = states(&mut other, 400, &noisy(400, 0.0));
    assert_eq!(seen, ["divergence.risk warm_up", "violation_rate stable", "latency_ms stable"]);
}

#[test]
fn a_state_of_another_version_or_a_damaged_one_is_refused() {
    let mut engine = engine();
    run(&mut engine, 0, "{}");
    let text = serde_json::to_string(&engine.save()).unwrap();
    for (from, to) in [("\"version\":2", "\"version\":1"), (",\"AA", ",\"!!")] {
        let broken = text.replacen(from, to, 1);
        assert_ne!(broken, text, "{text}");
        assert!(super::tests::engine().restore(serde_json::from_str(&broken).unwrap(), true).is_err());
    }
}

#[test]
fn each_key_has_its_own_past_and_a_drift_of_one_is_told_with_onset_and_size() {
    let mut engine = engine();
    let mut found = Vec::new();
    for seq in 0..700 {
        let shift = if seq >= 600 && seq % 2 == 0 { 40.0 } else { 0.0 };
        for report in run(&mut engine, seq, &noisy(seq, shift)) {
            if report.alarm {
                found.push((seq, report));
            }
        }
    }
    let [(seq, report)] = &found[..] else { panic!("{found:?}") };
    assert!(seq % 2 == 0 && *seq < 615, "{seq}");
    assert_eq!((&*report.series, report.state), ("latency_ms", DriftState::Drift));
    assert!((594..=604).contains(&report.onset.unwrap().0), "{:?}", report.onset);
    assert!((report.size.unwrap() - 40.0).abs() < 6.0, "{:?}", report.size);
}

#[test]
fn a_baseline_can_be_pinned_and_reset() {
    let mut engine = engine();
    for seq in 0..300 {
        run(&mut engine, seq, &noisy(seq, 0.0));
    }
    assert_eq!((engine.pin("a0", Some("latency_ms")), engine.pin("a0", Some("x")), engine.pin("b", None)), (1, 0, 0));
    let state = |engine: &mut Drift, seq, shift| {
        let reports = run(engine, seq, &noisy(seq, shift));
        reports.iter().find(|report| &*report.series == "latency_ms").unwrap().state
    };
    let mut last = DriftState::NoData;
    for seq in 300..6_000 {
        last = state(&mut engine, seq, 40.0);
    }
    assert_eq!(last, DriftState::Stable, "the odd key has another normal by now");
    assert_eq!(state(&mut engine, 6_000, 40.0), DriftState::Drift, "the pinned one has not");
    assert_eq!(engine.reset("a0", None), 3);
    assert_eq!(state(&mut engine, 6_002, 40.0), DriftState::WarmUp);
}

#[test]
fn thresholds_follow_the_rate_of_rows() {
    let mut engine = engine();
    let before = engine.rows_per_alarm();
    for seq in 0..1_024 {
        run(&mut engine, seq, &noisy(seq, 0.0));
    }
    // Three series a second: 1.8 million rows a week.
    assert!(before < 1e6 && (1.7e6..2.0e6).contains(&engine.rows_per_alarm()), "{}", engine.rows_per_alarm());
}
