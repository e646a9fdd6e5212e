//! Replay: what is shown at a place is the same however it was reached, and a second opening need not judge again.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::Value;
use watcher::clock::{Clock, ManualClock, SystemClock};
use watcher::history::{Retention, Row};
use watcher::message::replay::{MarkKind, Pass, ReplayReport, Speed, Target};
use watcher::message::{Command, Orders, ReplayOrder, Update};
use watcher::pipeline;
use watcher::replay::first_pass::{CHUNK_ROWS, Other, Told};
use watcher::replay::index::{Index, Shared};
use watcher::replay::player::{Player, Start, Track};
use watcher::replay::{self, Kept, Options, Replay, store};
use watcher::rules::RuleSet;
use watcher::rules::schema::{Source, load};
use watcher::state::board::{Board, Seen};
use watcher::state::{self, AppState};
use watcher::verdict::json;

use crate::pressure;
use crate::support::{Home, json_lines};

/// Longest wait for anything: a bound for a test that fails, not a pause.
const PATIENCE: Duration = Duration::from_secs(60);

/// Score above which the answers disagree.
const REVIEW: f64 = 0.5;

/// Every record with a cost over 3 breaks a rule.
const RULES: &str = "version: 1\nrules:\n  - id: dear\n    limit: {field: metrics.cost, max: 3}\n";

/// Records of the long log: two whole chunks, and one that is not full.
const LONG: u64 = 9_000;

fn began() -> Timestamp {
    "2026-02-17T02:00:00Z".parse().unwrap()
}

/// When a record came: ten a second, and every 50 records nothing for a minute.
fn time(record: u64) -> Timestamp {
    began() + SignedDuration::from_millis(100 * record as i64) + SignedDuration::from_secs(60 * (record / 50) as i64)
}

/// Three keys; every 40th record is too dear, and from the middle on all answers take longer.
fn log(records: u64) -> String {
    let line = |n: u64| {
        let key = ["a", "b", "c"][(n % 3) as usize];
        let cost = if n % 40 == 17 { 9.5 } else { 1.0 };
        let latency = 100 + n * 7 % 13 + if n * 2 > records { 400 } else { 0 };
        format!(
            "{{\"id\":\"r{n}\",\"ts\":\"{}\",\"agent_id\":\"{key}\",\"latency_ms\":{latency},\"metrics\":{{\"cost\":{cost}}}}}\n",
            time(n)
        )
    };
    (0..records).map(line).collect()
}

fn rules(text: &str) -> Arc<RuleSet> {
    Arc::new(load(&[Source { name: "rules.yaml".into(), text: text.into() }]).unwrap())
}

fn start(speed: Speed) -> Start {
    Start { speed, at: None, filter: None, skip_gaps: false }
}

fn tracks() -> Vec<Track> {
    vec![Track { name: "judged today".into(), rules: rules(RULES) }]
}

fn options(home: &Home, start: Start) -> Options {
    let retention = Some(Retention { bytes: 64 << 20, rows: 100_000 });
    let input = pressure::options(home, Box::new(std::io::sink()));
    Options {
        input: pipeline::Options { retention, sink: None, rules: rules(RULES), ..input },
        kept: Kept { folder: home.path("replays"), name: "log".into(), bytes: 1 << 30, reuse: true, lasting: true },
        seen: Other::None,
        compare: None,
        tracks: tracks(),
        review_score: REVIEW,
        start,
    }
}

fn screen() -> AppState {
    AppState::new(
        state::Options { review_score: REVIEW, mode: "REPLAY", live: false, read_only: false },
        Timestamp::UNIX_EPOCH,
    )
}

/// Waits for something that another thread does.
fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let clock = SystemClock::new();
    while !done() {
        assert!(clock.elapsed() < PATIENCE, "{what} did not come");
        std::thread::yield_now();
    }
}

/// A replay with its threads, and the screen that it is shown on.
struct Running {
    replay: Replay,
    screen: AppState,
}

impl Running {
    fn new(options: Options) -> Self {
        Self { replay: replay::start(options, SystemClock::shared()).unwrap(), screen: screen() }
    }

    fn wait_for(&mut self, what: &str, wanted: impl Fn(&ReplayReport) -> bool) -> ReplayReport {
        let clock = SystemClock::new();
        loop {
            if let Some(report) = self.screen.replay().filter(|report| wanted(report)) {
                return report.clone();
            }
            let left = PATIENCE.saturating_sub(clock.elapsed());
            assert!(!left.is_zero(), "{what} did not come: {:?}", self.screen.replay());
            if let Some(update) = self.replay.updates.recv_within(left).unwrap() {
                self.screen.apply(update);
            }
        }
    }

    fn give(&self, order: ReplayOrder) {
        self.replay.orders.give(Command::Replay(order));
    }

    /// To the end of the log; how the pass has ended.
    fn play_to_the_end(&mut self) -> Pass {
        let ended = |report: &ReplayReport| {
            !matches!(report.pass, Pass::Running(_)) && report.position == report.indexed && report.indexed > 0
        };
        self.wait_for("the end", ended).pass
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.replay.handle.iter().for_each(watcher::pipeline::Handle::stop);
    }
}

/// A log that was judged to its end, with its store.
struct Judged {
    home: Home,
    /// What stood on the screen at the end of the first pass.
    end: Shown,
    /// All of it, as it is stored.
    rows: Vec<Row>,
}

/// What there is to see at a place: the verdict in front, and the board.
#[derive(PartialEq, Eq)]
struct Shown {
    verdict: Vec<u8>,
    board: Vec<u8>,
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (a board of {} bytes)", String::from_utf8_lossy(&self.verdict), self.board.len())
    }
}

fn written(row: &Row) -> Vec<u8> {
    let mut out = Vec::new();
    json::write(&mut out, &row.verdict, json::Options { timing: false, ..json::Options::default() });
    out
}

/// A verdict without what tells one home from another: where the log stands, and what the file of rules is called.
fn plain(mut verdict: Value) -> Value {
    let fields = verdict.as_object_mut().unwrap();
    for field in ["source", "file", "rules"] {
        fields.remove(field);
    }
    verdict
}

fn verdict(shown: &Shown) -> Value {
    plain(json_lines(&shown.verdict).remove(0))
}

fn shown(screen: &AppState) -> Shown {
    let mut board = screen.board().clone();
    // What the rules lack is told of the whole log, not of a place.
    board.alerts.no_data.clear();
    let verdict = screen.board().records.history().rows().next_back().map(written).unwrap_or_default();
    Shown { verdict, board: board.save() }
}

fn opened(home: &Home) -> (Shared, Vec<Row>) {
    let mut found = None;
    wait_until("the store", || {
        found = store::open::<(Index, Told)>(&home.path("replays"), "log", Timestamp::UNIX_EPOCH);
        found.is_some()
    });
    let (reader, (index, _)) = found.unwrap();
    let judged = index.chunks.iter().flat_map(|chunk| reader.rows(chunk.place).unwrap());
    let rows = judged.map(|found| Row { record: found.record, verdict: Arc::clone(&found.verdicts[0]), other: None });
    let rows = rows.collect();
    (Shared::whole(index, reader), rows)
}

impl Judged {
    fn new(records: u64) -> Self {
        let home = Home::new();
        home.write("log", log(records));
        let mut running = Running::new(options(&home, start(Speed::MAX)));
        assert_eq!(running.play_to_the_end(), Pass::Done { reused: false });
        let (_, rows) = opened(&home);
        assert_eq!(rows.len() as u64, records);
        Self { end: shown(&running.screen), home, rows }
    }

    /// What there is to see at a place, without any replay: the rows up to it, one after the other.
    fn at(&self, position: u64) -> Shown {
        let mut board = Board::new();
        board.set_pauses(&rules(RULES));
        let rows = &self.rows[..position as usize];
        rows.iter().for_each(|row| board.add(row, &Seen::replayed(REVIEW)));
        Shown { verdict: rows.last().map(written).unwrap_or_default(), board: board.save() }
    }

    fn player(&self, start: Start) -> Hand {
        let clock = Arc::new(ManualClock::new(began()));
        let (shared, _) = opened(&self.home);
        let orders = Orders::default();
        let player = Player::new(shared, tracks(), start, orders.clone(), Arc::clone(&clock) as _).unwrap();
        Hand { player, orders, clock, screen: screen(), notices: Vec::new() }
    }
}

/// A player whose clock is moved by hand, and its screen.
struct Hand {
    player: Player,
    orders: Orders,
    clock: Arc<ManualClock>,
    screen: AppState,
    notices: Vec<String>,
}

impl Hand {
    fn turn(&mut self) -> Duration {
        let (screen, notices) = (&mut self.screen, &mut self.notices);
        self.player.turn(&mut |update| match update {
            Update::Notice(text) => notices.push(text),
            other => screen.apply(other),
        })
    }

    fn give(&mut self, order: ReplayOrder) -> u64 {
        self.orders.give(Command::Replay(order));
        self.turn();
        self.player.position()
    }

    fn seek(&mut self, place: &str) -> u64 {
        self.give(ReplayOrder::Seek(place.parse().unwrap()))
    }

    fn report(&self) -> &ReplayReport {
        self.screen.replay().unwrap()
    }

    fn listed(&self) -> Vec<u64> {
        self.screen.board().records.history().rows().map(|row| row.verdict.seq.0 + 1).collect()
    }

    fn note(&mut self) -> String {
        self.notices.pop().unwrap_or_default()
    }
}

/// The log that most tests look at, judged once.
fn short() -> &'static Judged {
    static JUDGED: OnceLock<Judged> = OnceLock::new();
    JUDGED.get_or_init(|| Judged::new(300))
}

fn long() -> &'static Judged {
    static JUDGED: OnceLock<Judged> = OnceLock::new();
    JUDGED.get_or_init(|| Judged::new(LONG))
}

fn wander(records: u64) -> impl Strategy<Value = ReplayOrder> {
    prop_oneof![
        (1..=records).prop_map(|number| ReplayOrder::Seek(Target::Record(number))),
        (0.0..=100.0).prop_map(|percent| ReplayOrder::Seek(Target::Percent(percent))),
        (-400i64..400).prop_map(|by| ReplayOrder::Seek(Target::By(SignedDuration::from_secs(by)))),
        (-60i64..60).prop_map(ReplayOrder::Step),
        (any::<bool>(), 0..3usize).prop_map(|(forward, kind)| {
            ReplayOrder::Jump([MarkKind::Violation, MarkKind::Drift, MarkKind::Any][kind], forward)
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_place_shows_the_same_however_it_was_reached(
        orders in proptest::collection::vec(wander(300), 1..25),
        place in 1u64..=300,
    ) {
        let judged = short();
        let mut hand = judged.player(Start { at: Some(Target::Record(1)), ..start(Speed::MAX) });
        hand.turn();
        for order in orders {
            let position = hand.give(order.clone());
            prop_assert_eq!(shown(&hand.screen), judged.at(position), "{:?}", order);
        }
        prop_assert_eq!(hand.seek(&format!("#{place}")), place);
        prop_assert_eq!(shown(&hand.screen), judged.at(place));
    }
}

#[test]
fn what_was_played_is_what_was_sought() {
    let judged = short();
    let mut hand = judged.player(start("10".parse().unwrap()));
    hand.turn();
    assert_eq!(hand.player.position(), 1, "it begins with the first record");
    let mut seen = Vec::new();
    while hand.report().playing {
        hand.clock.advance(Duration::from_millis(100));
        hand.turn();
        let position = hand.player.position();
        if seen.last() != Some(&position) {
            assert_eq!(shown(&hand.screen), judged.at(position), "{position}");
            seen.push(position);
        }
    }
    assert_eq!(seen.last(), Some(&300));
    assert!(seen.len() > 25 && seen.is_sorted(), "it came bit by bit: {seen:?}");
    assert_eq!(shown(&hand.screen), judged.end, "as at the end of the first pass");
}

#[test]
fn the_speed_is_that_of_the_records() {
    let mut hand = short().player(start("10".parse().unwrap()));
    hand.turn();
    // Ten times as fast: records come every 10 ms, and the minute's gap behind the 50th takes six seconds.
    for (step_ms, wanted) in [(10, 2), (480, 50), (5_000, 50), (1_010, 51)] {
        hand.clock.advance(Duration::from_millis(step_ms));
        hand.turn();
        assert_eq!(hand.player.position(), wanted, "{step_ms} ms on");
    }
    hand.give(ReplayOrder::Toggle);
    hand.clock.advance(Duration::from_secs(600));
    hand.turn();
    assert_eq!((hand.player.position(), hand.report().playing), (51, false), "a pause lasts");
}

#[test]
fn gaps_are_skipped_when_that_is_asked_for() {
    let mut hand = short().player(Start { skip_gaps: true, ..start(Speed::NORMAL) });
    hand.turn();
    hand.clock.advance(Duration::from_secs(5));
    hand.turn();
    assert_eq!(hand.player.position(), 50);
    hand.clock.advance(Duration::from_millis(600));
    hand.turn();
    assert!(hand.player.position() > 50, "of a minute half a second is left: {}", hand.player.position());
    hand.give(ReplayOrder::Gaps);
    assert!(!hand.report().gaps_skipped);
}

#[test]
fn a_long_log_shows_the_same_over_the_borders_of_its_chunks() {
    let judged = long();
    assert_eq!(judged.end, judged.at(LONG), "the first pass");
    let (shared, _) = opened(&judged.home);
    assert_eq!(shared.lock().index.chunks.len() as u64, LONG.div_ceil(CHUNK_ROWS as u64));
    let mut hand = judged.player(Start { at: Some(Target::Record(4_098)), ..start(Speed::MAX) });
    hand.turn();
    for (by, wanted) in [(-1, 4_097), (-1, 4_096), (-1, 4_095), (2, 4_097), (5_000, 9_000), (-8_999, 1), (-1, 1)] {
        assert_eq!(hand.give(ReplayOrder::Step(by)), wanted);
        assert_eq!(shown(&hand.screen), judged.at(wanted), "{by} to {wanted}");
    }
    for place in ["#8193", "#8192", "#1", "#4096", "100%", "#4097", "50%"] {
        let position = hand.seek(place);
        assert_eq!(shown(&hand.screen), judged.at(position), "{place}");
    }
    hand.give(ReplayOrder::Toggle);
    assert_eq!(hand.player.position(), LONG, "as fast as it goes");
    assert_eq!(shown(&hand.screen), judged.end);
}

#[test]
fn a_log_that_is_judged_still_can_be_wandered_in() {
    let home = Home::new();
    home.write("log", log(LONG));
    let at = Some(Target::Record(5_000));
    let mut running =
        Running::new(Options { start: Start { at, ..start(Speed::MAX) }, ..options(&home, start(Speed::MAX)) });
    running.wait_for("record 5000", |report| report.position == 5_000);
    assert_eq!(verdict(&shown(&running.screen)), verdict(&long().at(5_000)));
    running.give(ReplayOrder::Step(-1_000));
    running.wait_for("record 4000", |report| report.position == 4_000);
    assert_eq!(verdict(&shown(&running.screen)), verdict(&long().at(4_000)));
    running.give(ReplayOrder::Seek(Target::Percent(100.0)));
    running.wait_for("the last record", |report| report.position == LONG && report.looking.is_none());
    assert_eq!(verdict(&shown(&running.screen)), verdict(&long().end));
}

#[test]
fn a_replay_without_a_screen_writes_the_same_verdicts() {
    let judged = short();
    let home = Home::new();
    home.write("log", log(300));
    home.write("rules.yaml", RULES);
    home.run("replay log --headless --backend none --rules rules.yaml --no-timing --output v", 0);
    let lines = json_lines(&std::fs::read(home.path("v")).unwrap());
    let mut hand = judged.player(Start { at: Some(Target::Record(1)), ..start(Speed::MAX) });
    hand.turn();
    for (number, line) in (1..).zip(lines) {
        assert_eq!(hand.seek(&format!("#{number}")), number);
        assert_eq!(verdict(&shown(&hand.screen)), plain(line), "record {number}");
    }
    assert_eq!(hand.player.position(), 300);
}

#[test]
fn places_are_found_by_time_share_number_and_mark() {
    let mut hand = short().player(Start { at: Some(Target::Percent(0.0)), ..start(Speed::MAX) });
    hand.turn();
    assert_eq!(hand.player.position(), 1, "a start at a place stands still there");
    assert!(!hand.report().playing);
    let at = time(120).to_string();
    // The 50 records of the second burst, from 02:01:05 on.
    for (place, wanted) in
        [("50%", 150), ("#7", 7), (at.as_str(), 121), ("02:00:01", 11), ("02:01:05", 51), ("start", 1)]
    {
        assert_eq!(hand.seek(place), wanted, "{place}");
    }
    assert_eq!((hand.seek("#9999"), hand.note().contains("the log has 300 records")), (1, true));
    assert_eq!((hand.seek("+1s"), hand.seek("+4s"), hand.seek("-2s")), (11, 50, 30));
    assert_eq!((hand.seek("2020-01-01T00:00:00Z"), hand.seek("2030-01-01T00:00:00Z")), (1, 300));
    assert_eq!((hand.seek("mark"), hand.note().contains("there is no mark 1")), (300, true));
    hand.seek("#42");
    hand.give(ReplayOrder::Mark("look here".into()));
    hand.seek("#99");
    hand.give(ReplayOrder::Mark(String::new()));
    assert_eq!((hand.seek("mark 1"), hand.seek("mark 2")), (42, 99));
    let told: Vec<_> = hand.report().timeline.iter().map(|entry| (entry.row, entry.text.clone())).collect();
    assert_eq!(told, [(41, "look here".to_owned()), (98, String::new())]);
    hand.give(ReplayOrder::Mark(String::new()));
    assert_eq!((hand.seek("mark 2"), hand.note().contains("there is no mark 2")), (99, true), "taken back");
}

#[test]
fn the_next_violation_and_the_next_drift_go_round() {
    let mut hand = short().player(Start { at: Some(Target::Record(1)), ..start(Speed::MAX) });
    hand.turn();
    let dear: Vec<u64> = (1..=300).filter(|number| (number - 1) % 40 == 17).collect();
    let violation = |forward| ReplayOrder::Jump(MarkKind::Violation, forward);
    for wanted in &dear {
        assert_eq!(hand.give(violation(true)), *wanted);
    }
    assert_eq!(hand.give(violation(true)), dear[0]);
    assert_eq!(hand.note(), "no further violation: from the start again");
    assert_eq!(hand.give(violation(false)), *dear.last().unwrap());
    assert_eq!(hand.note(), "no further violation: from the end again");
    hand.give(ReplayOrder::Jump(MarkKind::Difference, true));
    assert_eq!(hand.note(), "there is no difference in this log");
    let mut hand = long().player(Start { at: Some(Target::Record(1)), ..start(Speed::MAX) });
    hand.turn();
    let drifts = |row: &&Row| row.verdict.drift.iter().any(|report| report.alarm);
    let wanted: Vec<u64> = long().rows.iter().filter(drifts).map(|row| row.verdict.seq.0 + 1).collect();
    assert!(!wanted.is_empty(), "the latency rises fivefold");
    for number in &wanted {
        assert_eq!(hand.give(ReplayOrder::Jump(MarkKind::Drift, true)), *number);
    }
    assert_eq!(hand.give(ReplayOrder::Jump(MarkKind::Drift, true)), wanted[0]);
}

#[test]
fn a_filter_narrows_the_list_and_the_steps() {
    let filters = [
        ("agent_id:b", (|n| n % 3 == 1) as fn(u64) -> bool),
        ("/^r1[0-9]$/", |n| (10..20).contains(&n)),
        ("metrics.cost > 3", |n| n % 40 == 17),
    ];
    for (text, fits) in filters {
        let wanted: Vec<u64> = (0..300).filter(|n| fits(*n)).map(|n| n + 1).collect();
        let at = Some(Target::Record(300));
        let mut hand = short().player(Start { filter: Some(text.into()), at, ..start(Speed::MAX) });
        while hand.turn().is_zero() {}
        assert_eq!(hand.listed(), wanted, "{text}");
        let filter = hand.report().filter.clone().unwrap();
        assert_eq!((filter.text.as_str(), filter.fits, filter.of), (text, wanted.len() as u64, 300));
        hand.seek("#1");
        let first = wanted.iter().find(|number| **number > 1).unwrap();
        assert_eq!(hand.give(ReplayOrder::Step(1)), *first, "{text}");
        assert_eq!(hand.give(ReplayOrder::Step(999)), *wanted.last().unwrap(), "{text}");
        assert_eq!(hand.note(), "no further record behind this one fits");
        assert_eq!(hand.give(ReplayOrder::Step(-1)), wanted[wanted.len() - 2], "{text}");
        hand.give(ReplayOrder::Filter(None));
        assert_eq!(hand.give(ReplayOrder::Step(1)), wanted[wanted.len() - 2] + 1, "all again");
    }
    let mut hand = short().player(Start { at: Some(Target::Record(9)), ..start(Speed::MAX) });
    hand.give(ReplayOrder::Filter(Some("/(/".into())));
    assert!(!hand.note().is_empty() && hand.report().filter.is_none(), "what is none changes nothing");
}

#[test]
fn steps_of_a_filter_go_over_chunk_borders() {
    let mut hand = long().player(Start { filter: Some("metrics.cost > 3".into()), ..start(Speed::MAX) });
    while hand.turn().is_zero() || hand.report().playing {}
    let wanted: Vec<u64> = (0..LONG).filter(|n| n % 40 == 17).map(|n| n + 1).collect();
    assert_eq!(hand.report().filter.as_ref().unwrap().fits, wanted.len() as u64);
    assert_eq!(hand.listed().last(), wanted.last());
    for number in wanted.iter().rev().take(130) {
        assert_eq!(hand.give(ReplayOrder::Step(-1)), *number);
    }
    assert_eq!(shown(&hand.screen).board, long().at(hand.player.position()).board);
}

/// Judges a log once more in the same home: how the pass ended.
fn again(home: &Home, change: impl FnOnce(&mut Options)) -> (Pass, Shown) {
    let mut options = options(home, start(Speed::MAX));
    change(&mut options);
    let mut running = Running::new(options);
    (running.play_to_the_end(), shown(&running.screen))
}

fn stored(home: &Home) -> PathBuf {
    let path = home.path("replays/log.store");
    wait_until("the store", || path.exists());
    path
}

#[test]
fn a_second_opening_need_not_judge_and_shows_the_same() {
    let judged = Judged::new(300);
    let (pass, end) = again(&judged.home, |_| {});
    assert_eq!((pass, &end), (Pass::Done { reused: true }, &judged.end));
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(stored(&judged.home)), mode(judged.home.path("replays"))), (0o600, 0o700));
    let (pass, _) = again(&judged.home, |options| options.kept.reuse = false);
    assert_eq!(pass, Pass::Done { reused: false });
}

#[test]
fn a_store_that_is_damaged_is_judged_again() {
    let home = Home::new();
    home.write("log", log(300));
    let damages: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes.truncate(bytes.len() - 1),
        |bytes| bytes.clear(),
        |bytes| bytes[0] ^= 1,
        // In the index.
        |bytes| {
            let at = bytes.len() - 80;
            bytes[at] ^= 0x10;
        },
    ];
    assert_eq!(again(&home, |_| {}).0, Pass::Done { reused: false });
    for (number, damage) in damages.into_iter().enumerate() {
        let path = stored(&home);
        let mut bytes = std::fs::read(&path).unwrap();
        damage(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(again(&home, |_| {}).0, Pass::Done { reused: false }, "damage {number}");
        assert_eq!(again(&home, |options| options.kept.name = "other".into()).0, Pass::Done { reused: number > 0 });
        std::fs::remove_file(home.path("replays/log.store")).ok();
        assert_eq!(again(&home, |_| {}).0, Pass::Done { reused: false });
    }
}

#[test]
fn a_store_whose_rows_are_damaged_says_so_and_the_next_opening_judges_again() {
    let home = Home::new();
    home.write("log", log(300));
    assert_eq!(again(&home, |_| {}).0, Pass::Done { reused: false });
    let path = stored(&home);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 0x10;
    std::fs::write(&path, bytes).unwrap();
    let mut running = Running::new(options(&home, start(Speed::MAX)));
    let clock = SystemClock::new();
    while !running.screen.view.note.as_deref().is_some_and(|note| note.contains("the verdict store is damaged")) {
        let left = PATIENCE.saturating_sub(clock.elapsed());
        assert!(!left.is_zero(), "{:?}", running.screen.view.note);
        if let Some(update) = running.replay.updates.recv_within(left).unwrap() {
            running.screen.apply(update);
        }
    }
    drop(running);
    assert_eq!(again(&home, |_| {}).0, Pass::Done { reused: false });
}

#[test]
fn a_store_that_is_too_small_shows_what_fits_and_says_so() {
    let home = Home::new();
    home.write("log", log(LONG));
    let whole = std::fs::metadata(stored(&long().home)).unwrap().len();
    let (pass, end) = again(&home, |options| options.kept.bytes = whole / 2);
    let Pass::Stopped(why) = pass else { panic!("{pass:?}") };
    assert!(why.contains("`replay.store_bytes`") && why.contains("the rest of the log is not shown"), "{why}");
    let rows = verdict(&end)["seq"].as_u64().unwrap() + 1;
    assert!(rows < LONG && rows.is_multiple_of(CHUNK_ROWS as u64), "the chunk that found no room is the last: {rows}");
    assert_eq!(verdict(&end), verdict(&long().at(rows)));
    assert!(!home.path("replays/log.store").exists(), "it is no whole store");
}
