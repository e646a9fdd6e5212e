//! What a board shows follows from its rows, however one comes to them.

use std::sync::Arc;

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::alerts::{AlertChange, AlertState};
use super::*;
use crate::record::{Origin, Record, Seq};
use crate::verdict::{Action, Divergence, DriftState, Observed, Timing, Violation, ViolationState};

const REPLAYED: Seen = Seen { now: Timestamp::MAX, review_score: 0.5, live: false, read_ts: None };

/// A row of a key, and how long after the one before.
#[derive(Debug, Clone)]
struct Step {
    gap_ms: Option<i64>,
    key: u8,
    source: u8,
    outcome: Outcome,
    risk: Option<f64>,
    latency_ms: Option<f64>,
    breaches: Vec<(u8, Severity, ViolationState)>,
    reports: Vec<(u8, DriftState, bool, f64)>,
    action: Action,
}

fn any_step() -> impl Strategy<Value = Step> {
    let gap_ms = prop_oneof![
        12 => (0..900i64).prop_map(Some),
        6 => (900..4_000i64).prop_map(Some),
        2 => (10_000..200_000i64).prop_map(Some),
        1 => (1_000_000..200_000_000i64).prop_map(Some),
        2 => (-90_000..0i64).prop_map(Some),
        1 => Just(None),
    ];
    let outcome = prop_oneof![
        4 => Just(Outcome::Scored),
        1 => select(&["overload", "timeout"][..]).prop_map(|why| Outcome::Partial(why.into())),
        1 => Just(Outcome::Failed("timeout".into())),
        1 => Just(Outcome::Skipped("one_sample".into())),
    ];
    let breach = (0..4u8, select(&Severity::ALL[..]), select(&ViolationState::ALL[..]));
    let value = prop_oneof![9 => -1e3..1e3f64, 1 => Just(f64::NAN)];
    let report = (0..3u8, select(&DriftState::ALL[..]), any::<bool>(), value);
    let whose = (gap_ms, prop_oneof![3 => 0..2u8, 1 => 2..6u8], 0..2u8, select(&Action::ALL[..]));
    let judged = (outcome, option::of(0.0..1.0f64), option::of(-1.0..5e4f64), vec(breach, 0..2), vec(report, 0..3));
    (whose, judged).prop_map(|((gap_ms, key, source, action), (outcome, risk, latency_ms, breaches, reports))| Step {
        gap_ms,
        key,
        source,
        outcome,
        risk,
        latency_ms,
        breaches,
        reports,
        action,
    })
}

fn row(step: &Step, seq: u64, ts: Option<Timestamp>) -> Row {
    let record = Record {
        seq: Seq(seq),
        ts,
        key: format!("key-{}", step.key).into(),
        samples: vec!["yes".into(), "no".into()],
        latency_ms: step.latency_ms,
        origin: Origin { source: format!("log-{}", step.source).into(), ..Origin::nowhere() },
        ..Record::blank()
    };
    let violation = |(rule, severity, state): &(u8, Severity, ViolationState)| Violation {
        rule: format!("rule-{rule}").into(),
        severity: *severity,
        field: "x".into(),
        message: format!("breach {seq}"),
        observed: Observed::Missing,
        limit: None,
        state: *state,
        silenced_by: None,
    };
    let report = |(series, state, alarm, value): &(u8, DriftState, bool, f64)| DriftReport {
        alarm: *alarm,
        value: *value,
        size: Some(*value),
        spread: Some(1.0),
        onset: Some(Seq(seq / 2)),
        ..DriftReport::absent(format!("series-{series}").into(), *state)
    };
    let mut verdict = Verdict::unjudged(&record);
    verdict.divergence = Divergence { risk: step.risk, ..Divergence::none(step.outcome.clone(), "lexical".into()) };
    verdict.violations = step.breaches.iter().map(violation).collect();
    verdict.drift = step.reports.iter().map(report).collect();
    verdict.advice.action = step.action;
    verdict.timing = Timing { embedding: 100 * seq, drift: 7, ..Timing::default() };
    Row { record: Arc::new(record), verdict: Arc::new(verdict), other: None }
}

fn rows(steps: &[Step]) -> Vec<Row> {
    let mut now: Timestamp = "2026-02-17T12:00:00Z".parse().unwrap();
    let row = |(seq, step): (usize, &Step)| {
        now += jiff::SignedDuration::from_millis(step.gap_ms.unwrap_or(0));
        row(step, seq as u64, step.gap_ms.map(|_| now))
    };
    steps.iter().enumerate().map(row).collect()
}

fn fresh() -> Board {
    let mut board = Board::new();
    board.alerts.set_pause("rule-1", Some(5), 0);
    board.alerts.set_pause("rule-2", Some(300), 600);
    board
}

/// Everything that is drawn of a board, and its bytes.
fn shown(board: &mut Board) -> String {
    let at = board.event_now.unwrap_or_default();
    board.arrange(at);
    let agents: Vec<_> = board.agents.iter().collect();
    let alerts: Vec<_> = board.alerts.iter().map(|alert| (alert, alert.bars(at))).collect();
    let slices: Vec<_> = board.latency.slices().iter().map(|slice| (slice.latency_ms, slice.own_us)).collect();
    let latency = (board.latency.total_ms, board.latency.own_us, slices, board.latency.slices().start());
    let series: Vec<_> = board.drift.iter().map(|series| (&series.key, &series.name, &series.report)).collect();
    let large = board.drift.shown().map(|series| (&series.key, &series.name));
    let sources = (board.sources.get("log-0"), board.sources.get("log-1"));
    format!("{agents:?}\n{alerts:?}\n{latency:?}\n{series:?} {large:?}\n{sources:?}\n{:?}", board.save())
}

fn play(rows: &[Row], drawn: &[bool]) -> (Board, Vec<AlertChange>) {
    let (mut board, mut changes) = (fresh(), Vec::new());
    for (row, drawn) in rows.iter().zip(drawn.iter().cycle()) {
        board.add(row, &REPLAYED);
        changes.extend(board.take_changes());
        if *drawn {
            board.arrange(board.event_now.unwrap_or_default());
        }
    }
    (board, changes)
}

proptest! {
    #[test]
    fn drawing_leads_to_nothing(steps in vec(any_step(), 1..160), drawn in vec(any::<bool>(), 1..9)) {
        let rows = rows(&steps);
        let (mut often, changes) = play(&rows, &drawn);
        let (mut never, same) = play(&rows, &[false]);
        prop_assert_eq!(changes, same);
        prop_assert_eq!(never.save(), often.save());
        prop_assert_eq!(shown(&mut never), shown(&mut often));
    }

    #[test]
    fn a_saved_board_goes_on_as_if_nothing_was(steps in vec(any_step(), 1..160), at in any::<usize>()) {
        let rows = rows(&steps);
        let at = at % (rows.len() + 1);
        let (mut whole, changes) = play(&rows, &[false]);
        let (first, mut before) = play(&rows[..at], &[true]);
        let mut again = Board::load(&first.save()).unwrap();
        prop_assert_eq!(again.save(), first.save());
        for row in &rows[at..] {
            again.add(row, &REPLAYED);
            before.extend(again.take_changes());
        }
        prop_assert_eq!(before, changes);
        prop_assert_eq!(shown(&mut again), shown(&mut whole));
    }

    #[test]
    fn a_damaged_board_is_refused(steps in vec(any_step(), 1..40), at in any::<usize>(), with in 1..=255u8) {
        let mut bytes = play(&rows(&steps), &[false]).0.save();
        let at = at % bytes.len();
        prop_assert!(Board::load(&bytes[..at]).is_err());
        bytes[at] ^= with;
        prop_assert!(Board::load(&bytes).is_err());
        // Somebody who knows about the checksum gets a board or none, and can show it.
        let body = bytes.len() - 4;
        let sum = saved::sum(&bytes[..body]).to_le_bytes();
        bytes[body..].copy_from_slice(&sum);
        if let Ok(mut board) = Board::load(&bytes) {
            board.arrange(Timestamp::UNIX_EPOCH);
            board.save();
        }
    }

    /// Each change is one, and together they tell how the alerts stand.
    #[test]
    fn changes_tell_how_alerts_stand(steps in vec(any_step(), 1..160)) {
        let (mut board, changes) = play(&rows(&steps), &[false]);
        board.arrange(Timestamp::UNIX_EPOCH);
        let mut told = std::collections::BTreeMap::new();
        for change in &changes {
            let before = told.insert((change.cause.clone(), change.key.clone()), change.state);
            prop_assert_ne!(before.unwrap_or(AlertState::Resolved), change.state, "{:?}", change);
        }
        for alert in board.alerts.iter() {
            prop_assert_eq!(told.remove(&(alert.cause.clone(), alert.key.clone())), Some(alert.state));
        }
        // The others are forgotten.
        prop_assert!(told.values().all(|state| *state == AlertState::Resolved));
    }
}

fn calm(gap_ms: i64, key: u8) -> Step {
    let (outcome, latency_ms) = (Outcome::Scored, Some(10.0));
    let (breaches, reports) = (Vec::new(), Vec::new());
    Step {
        gap_ms: Some(gap_ms),
        key,
        source: 0,
        outcome,
        risk: Some(0.1),
        latency_ms,
        breaches,
        reports,
        action: Action::Allow,
    }
}

/// Who falls silent is named at the first second that is long enough, and forgiven with the first word.
#[test]
fn silence_is_noticed_as_time_goes_on() {
    let mut steps: Vec<Step> = (0..80).map(|i| calm(500, i % 2)).collect();
    steps.extend((0..60).map(|_| calm(500, 0)));
    steps.push(calm(100, 1));
    let (_, changes) = play(&rows(&steps), &[false]);
    let told: Vec<_> = changes.iter().map(|c| (&*c.cause, &*c.key, c.state, c.at.strftime("%T").to_string())).collect();
    assert_eq!(
        told,
        [
            ("@quiet", "key-1", AlertState::Firing, "12:00:46".to_owned()),
            ("@quiet", "key-1", AlertState::Resolved, "12:01:10".to_owned())
        ]
    );
}

/// After a gap an alert is over, and that is told as of the end of the gap, before what comes then.
#[test]
fn a_gap_is_settled_once() {
    let breach = vec![(0, Severity::Critical, ViolationState::Firing)];
    let steps = [Step { breaches: breach.clone(), ..calm(0, 0) }, Step { breaches: breach, ..calm(3_000_000, 0) }];
    let (mut board, changes) = play(&rows(&steps), &[false]);
    let told: Vec<_> = changes.iter().map(|c| (c.state, c.at.strftime("%T").to_string())).collect();
    let (start, end) = ("12:00:00".to_owned(), "12:50:00".to_owned());
    assert_eq!(told, [(AlertState::Firing, start), (AlertState::Resolved, end.clone()), (AlertState::Firing, end)]);
    board.arrange(Timestamp::UNIX_EPOCH);
    assert_eq!(board.alerts.firing().map(|alert| alert.count).collect::<Vec<_>>(), [1]);
}

/// A log without times is settled too: what was not compared is told.
#[test]
fn a_log_without_times_has_alerts() {
    let step = Step { gap_ms: None, outcome: Outcome::Failed("timeout".into()), ..calm(0, 0) };
    let (_, changes) = play(&rows(&vec![step; 300]), &[false]);
    assert!(changes.iter().any(|change| &*change.cause == "@unscored" && change.state == AlertState::Firing));
}

#[test]
fn changes_nobody_asks_for_are_bounded() {
    let mut board = fresh();
    let breach = vec![(0, Severity::Warning, ViolationState::Firing)];
    let steps = vec![Step { breaches: breach, ..calm(90_000, 0) }; 1_000];
    rows(&steps).iter().for_each(|row| board.add(row, &REPLAYED));
    assert_eq!(board.take_changes().len(), 1_024);
    assert!(board.take_changes().is_empty());
}
