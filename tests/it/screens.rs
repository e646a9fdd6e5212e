//! What the screen shows: panes as text, at 160x45 and 80x24, and no panic at any size.

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use watcher::app::App;
use watcher::app::keymap::{Keymap, Keys};
use watcher::app::themes::Themes;
use watcher::app::update::Effect;
use watcher::clock::{Clock, ManualClock};
use watcher::engine::embedding::Mode;
use watcher::engine::embedding::pool::{PoolCounts, Ready};
use watcher::history::{History, Retention, Row};
use watcher::message::Orders;
use watcher::message::desk::{Desk, Lane, Work};
use watcher::message::{EngineReport, EngineState, HealthReport, SourceReport, SourceState, StageReport, Update};
use watcher::pipeline::demo;
use watcher::pipeline::judge::Judgement;
use watcher::record::{Origin, Record, Reject, Rejected};
use watcher::state::view::{Pane, Screen};
use watcher::state::{AppState, Options};
use watcher::ui::theme::{Depth, SHIPPED, Symbols, Theme};
use watcher::verdict::policy::Policy;
use watcher::verdict::{EngineKind, Timing};

use crate::support::{judge_all, parse_all, protocol_rules};

pub const NOW: &str = "2026-02-17T12:31:39Z";

pub fn app() -> App {
    let clock = Arc::new(ManualClock::new(NOW.parse().unwrap()));
    let keymap = Keymap::new(&[], Keys::Live).unwrap();
    let options = Options { review_score: 0.5, mode: "LIVE", live: true, read_only: false };
    let mut state = AppState::new(options, clock.now());
    state.view.hints = Arc::clone(&keymap.hints);
    App {
        state,
        theme: Theme::shipped("dark").unwrap(),
        themes: Themes::new(None, (Depth::True, Symbols::UNICODE), "dark".into()),
        keymap,
        clock,
        remote: false,
        orders: Orders::default(),
        desk: Desk::default(),
        journal: Default::default(),
        mouse: false,
        reduced_motion: false,
        reports: Default::default(),
        session: None,
        courier: None,
        rings: Default::default(),
    }
}

pub fn engine(app: &mut App, state: EngineState) {
    app.state.apply(Update::Engine(EngineReport { kind: EngineKind::Embedding, state }));
}

pub fn running(app: &mut App) {
    engine(app, EngineState::Running { label: "MiniLM int8 · portable".into(), warnings: vec![] });
}

/// The sample up to the run of breaches.
fn with_traffic() -> App {
    with_traffic_of(1_650)
}

/// The first records of the sample, judged by their words, with the same cost each.
pub fn with_traffic_of(count: usize) -> App {
    let mut app = app();
    running(&mut app);
    let records = parse_all(demo::TRAFFIC.lines().take(count));
    let rules = protocol_rules();
    let ready = Ready::without_model(Mode::Lexical);
    let judged = judge_all(&records, ready, Arc::clone(&rules), Policy::calibrated());
    let mut history = History::new(Retention { bytes: 64 << 20, rows: 10_000 });
    let rows: Vec<Row> = records
        .into_iter()
        .zip(judged)
        .map(|(record, mut judgement)| {
            judgement.verdict.timing = Timing { queue: 10, embedding: 3_400, constraints: 2, drift: 1, total: 3_413 };
            Row { record: Arc::new(record), verdict: Arc::new(judgement.verdict), other: None }
        })
        .collect();
    for rows in rows.chunks(50) {
        history.append(rows.to_vec());
        app.state.apply(Update::Judged { rows: rows.to_vec(), history: history.view(), read_ts: NOW.parse().unwrap() });
    }
    app.state.apply(Update::CaughtUp);
    let counts = vec![watcher::engine::constraints::RuleCount { records: 1, evaluated: 1, ..Default::default() }; 5];
    app.state.apply(Update::Health(HealthReport {
        watched: Default::default(),
        stages: vec![StageReport {
            name: "lines",
            depth: 0,
            capacity: 4,
            passed: 10,
            dropped: 0,
            waited_us: 900,
            blocked: 0,
        }],
        pool: PoolCounts::default(),
        rules,
        no_data: Vec::new(),
        counts,
        bounds: Vec::new(),
        judged: 10,
        given: 0,
        skipped: Default::default(),
        event: None,
        checkpoint: None,
        at: NOW.parse().unwrap(),
    }));
    app
}

/// What the pipeline would say of these records.
pub fn show(app: &mut App, records: Vec<Record>, judged: Vec<Judgement>) {
    let rows: Vec<Row> = records
        .into_iter()
        .zip(judged)
        .map(|(record, judgement)| Row { record: Arc::new(record), verdict: Arc::new(judgement.verdict), other: None })
        .collect();
    let mut history = History::new(Retention { bytes: 64 << 20, rows: 10_000 });
    history.append(rows.clone());
    app.state.apply(Update::Judged { rows, history: history.view(), read_ts: NOW.parse().unwrap() });
}

pub fn screen(app: &mut App, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    app.draw(&mut terminal).unwrap();
    terminal.backend().to_string()
}

/// Draws, and answers what the screen asks, until it asks nothing more; what it shows then.
pub fn settled(app: &mut App, width: u16, height: u16) -> String {
    let mut clerk = watcher::pipeline::desk::Clerk::new(Default::default(), Arc::clone(&app.clock));
    loop {
        let text = screen(app, width, height);
        let mut asked = false;
        for lane in Lane::ALL {
            while let Work::Do(taken) = app.desk.take(lane) {
                asked = true;
                if let Some(found) = clerk.answer(*taken) {
                    app.state.apply(Update::Found(Box::new(found)));
                }
            }
        }
        if !asked {
            return text;
        }
    }
}

pub fn press(app: &mut App, keys: &str) -> Option<Effect> {
    let mut effect = None;
    for key in keys.split(' ') {
        let (code, modifiers) = match key {
            "Enter" => (KeyCode::Enter, KeyModifiers::NONE),
            "Esc" => (KeyCode::Esc, KeyModifiers::NONE),
            "Tab" => (KeyCode::Tab, KeyModifiers::NONE),
            "Space" => (KeyCode::Char(' '), KeyModifiers::NONE),
            "Ctrl-c" => (KeyCode::Char('c'), KeyModifiers::CONTROL),
            key => (KeyCode::Char(key.chars().next().unwrap()), KeyModifiers::NONE),
        };
        effect = app.key(&KeyEvent::new(code, modifiers));
    }
    effect
}

/// Before the first record: the log is not there, the engine is being loaded.
pub fn nothing_yet() -> App {
    let mut app = app();
    engine(&mut app, EngineState::Loading);
    app.state.apply(Update::Source(SourceReport {
        name: "agents.ndjson".into(),
        state: SourceState::Waiting("the file does not exist yet".into()),
        read: 0,
        behind: 0,
        at: NOW.parse().unwrap(),
    }));
    app
}

#[test]
fn an_empty_screen_says_what_to_do() {
    let mut app = nothing_yet();
    insta::assert_snapshot!("empty_160x45", screen(&mut app, 160, 45));
    insta::assert_snapshot!("empty_80x24", screen(&mut app, 80, 24));
}

#[test]
fn traffic_fills_all_panes() {
    let mut app = with_traffic();
    insta::assert_snapshot!("normal_160x45", screen(&mut app, 160, 45));
    insta::assert_snapshot!("normal_80x24", screen(&mut app, 80, 24));
    app.theme = app.theme.with_symbols(Symbols::ASCII);
    insta::assert_snapshot!("ascii_120x35", screen(&mut app, 120, 35));
}

#[test]
fn an_engine_that_is_down_is_the_first_thing_seen() {
    let mut app = with_traffic();
    engine(&mut app, EngineState::Failed("inference failed: out of memory".into()));
    insta::assert_snapshot!("engine_down_160x45", screen(&mut app, 160, 45));
    insta::assert_snapshot!("engine_down_80x24", screen(&mut app, 80, 24));
}

#[test]
fn a_backend_that_was_not_asked_for_is_marked() {
    let mut app = app();
    engine(&mut app, EngineState::Running { label: "words only · lexical".into(), warnings: vec!["why".into()] });
    assert!(screen(&mut app, 80, 24).contains("lexical"));
    assert!(screen(&mut app, 160, 45).contains("▲ words only · lexical"));
    press(&mut app, "5");
    assert!(screen(&mut app, 160, 45).contains("▲ why"), "the health screen says why");
    press(&mut app, "Tab f");
    assert!(screen(&mut app, 80, 24).contains("▲ why"));
}

#[test]
fn one_record_in_full() {
    let mut app = with_traffic();
    press(&mut app, "V Enter");
    assert_eq!(app.state.view.screen, Screen::Records);
    insta::assert_snapshot!("record_160x45", settled(&mut app, 160, 45));
    insta::assert_snapshot!("record_80x24", settled(&mut app, 80, 24));
    press(&mut app, "q");
    assert_eq!(app.state.view.screen, Screen::Overview);
}

#[test]
fn help_and_palette_are_made_from_the_keymap() {
    let mut app = with_traffic();
    press(&mut app, "?");
    insta::assert_snapshot!("help_160x45", screen(&mut app, 160, 45));
    press(&mut app, "Esc : f r e");
    let text = screen(&mut app, 160, 45);
    assert!(text.contains("Command") && text.contains("freeze"), "{text}");
    press(&mut app, "Enter");
    assert_eq!(app.state.frozen_since(), Some(0));
    press(&mut app, ": n o p e x");
    assert!(screen(&mut app, 160, 45).contains("no such command"));
    press(&mut app, "Enter");
    assert!(screen(&mut app, 160, 45).contains("there is no command `nopex`"));
    press(&mut app, ":");
    assert_eq!(press(&mut app, "q u i t Enter"), Some(Effect::Quit));
}

#[test]
fn the_footer_is_there_and_q_and_ctrl_c_end() {
    let mut app = with_traffic();
    assert!(screen(&mut app, 80, 24).lines().last().unwrap().contains("? help"));
    assert_eq!(press(&mut app, "Esc"), None);
    assert_eq!(press(&mut app, "q"), Some(Effect::Quit));
    press(&mut app, "f");
    assert_eq!(press(&mut app, "q"), None);
    assert_eq!(press(&mut app, ": Ctrl-c"), Some(Effect::Quit));
}

#[test]
fn no_size_panics_and_every_pane_fits() {
    let mut app = with_traffic();
    for full in [false, true] {
        for pane in Screen::ALL.into_iter().flat_map(Screen::panes).copied() {
            app.state.view.set_focus(pane);
            app.state.view.full = full;
            for (width, height) in [(1, 1), (2, 2), (5, 3), (20, 5), (40, 10), (60, 15), (80, 24), (100, 30), (250, 80)]
            {
                let text = screen(&mut app, width, height);
                if full && width >= 60 {
                    assert!(text.contains(pane.title()), "{pane:?} {width}x{height}");
                }
            }
        }
    }
    for keys in ["?", "Esc :", "Esc Enter", "j", "k"] {
        press(&mut app, keys);
        for (width, height) in [(1, 1), (3, 20), (20, 5), (60, 15), (100, 4)] {
            screen(&mut app, width, height);
        }
    }
    app.state.view.set_focus(Pane::Records);
}

#[test]
fn at_80x24_the_first_pane_and_the_lists_have_their_titles() {
    let text = screen(&mut with_traffic(), 80, 24);
    for title in ["Latency", "Violations", "Agents", "Records"] {
        assert!(text.contains(title), "{title}");
    }
    assert!(text.lines().next().unwrap().contains("portable"), "the backend is always on the screen");
}

#[test]
fn a_frozen_view_stands_still_and_says_what_came() {
    let mut app = with_traffic();
    press(&mut app, "Space");
    let total = app.state.board().total;
    let records = parse_all(demo::TRAFFIC.lines().take(3));
    let ready = Ready::without_model(Mode::None);
    let judged = judge_all(&records, ready, protocol_rules(), Policy::calibrated());
    show(&mut app, records, judged);
    assert_eq!((app.state.board().total, app.state.frozen_since()), (total, Some(3)));
    assert!(screen(&mut app, 160, 45).contains("FROZEN +3 new"));
    press(&mut app, "Space");
    assert_eq!((app.state.board().total, app.state.frozen_since()), (total + 3, None));
}

#[test]
fn a_record_from_the_future_makes_nobody_look_old() {
    let mut app = app();
    running(&mut app);
    let line = |agent: &str, ts: &str, loss: i32| {
        serde_json::json!({ "agent_id": agent, "ts": ts, "financial": { "proposed_loss": loss } }).to_string()
    };
    let lines = [
        line("agent-1", "2026-02-17T12:31:05Z", -20_000),
        line("agent-2", "2026-02-18T12:31:05Z", 0),
        // The clock of this one is two minutes behind: its breaches fire all the same.
        line("agent-3", "2026-02-17T12:29:00Z", -30_000),
        line("agent-2", "2026-02-17T12:31:08Z", 0),
    ];
    let records = parse_all(lines.iter().map(String::as_str));
    let ready = Ready::without_model(Mode::None);
    let judged = judge_all(&records, ready, protocol_rules(), Policy::calibrated());
    show(&mut app, records, judged);
    let text = screen(&mut app, 160, 45);
    assert!(text.contains("2 firing (2 crit)"), "{text}");
    assert!(!text.contains("quiet"), "{text}");
}

#[test]
fn long_texts_can_be_scrolled() {
    let mut app = app();
    let answers: Vec<String> = (0..16).map(|i| format!("answer number {i} ").repeat(200)).collect();
    let line = serde_json::json!({ "samples": answers }).to_string();
    let records = parse_all([line.as_str()].into_iter());
    let ready = Ready::without_model(Mode::Lexical);
    let judged = judge_all(&records, ready, protocol_rules(), Policy::calibrated());
    show(&mut app, records, judged);
    press(&mut app, "Enter");
    assert!(screen(&mut app, 160, 45).contains("number 0"));
    for _ in 0..200 {
        app.key(&KeyEvent::new(KeyCode::PageDown, KeyModifiers::NONE));
    }
    assert!(screen(&mut app, 160, 45).contains("number 15"));
    press(&mut app, "g");
    assert!(screen(&mut app, 160, 45).contains("number 0"));
}

#[test]
fn thawing_keeps_the_selection() {
    let mut app = with_traffic();
    press(&mut app, "Space k k k");
    let selected = app.state.listing().row().unwrap().verdict.seq;
    press(&mut app, "Space");
    assert_eq!(app.state.listing().row().unwrap().verdict.seq, selected);
}

#[test]
fn many_series_keep_their_past() {
    let mut app = app();
    let line = |row: usize, agent: usize| {
        let metrics: serde_json::Map<String, serde_json::Value> =
            (0..20).map(|m| (format!("m{m}"), ((row * 7 + m) % 5).into())).collect();
        serde_json::json!({ "agent_id": format!("a{agent}"), "metrics": metrics }).to_string()
    };
    let lines: Vec<String> = (0..30).flat_map(|row| (0..20).map(move |agent| line(row, agent))).collect();
    let records = parse_all(lines.iter().map(String::as_str));
    let ready = Ready::without_model(Mode::None);
    let judged = judge_all(&records, ready, protocol_rules(), Policy::calibrated());
    show(&mut app, records, judged);
    screen(&mut app, 160, 45);
    assert!(app.state.board().drift.iter().all(|series| series.values.len() == 30));
}

#[test]
fn the_selection_sticks_to_its_record() {
    let mut app = with_traffic();
    press(&mut app, "k k k");
    let selected = app.state.listing().row().unwrap().verdict.seq;
    assert!(!app.state.board().records.follows());
    let history = app.state.board().records.history().clone();
    app.state.board_mut().records.set_history(history);
    assert_eq!(app.state.listing().row().unwrap().verdict.seq, selected);
    press(&mut app, "j j j j");
    assert!(app.state.board().records.follows());
}

#[test]
fn foreign_text_never_reaches_the_terminal_raw() {
    let mut app = app();
    running(&mut app);
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}";
    let line = serde_json::json!({ "id": evil, "agent_id": evil, "model": evil, "prompt": evil, "samples": [evil, "b"],
        "metrics": { evil: -1, "pressure": -1 } });
    let records = parse_all([line.to_string().as_str()].into_iter());
    let ready = Ready::without_model(Mode::Lexical);
    let judged = judge_all(&records, ready, protocol_rules(), Policy::calibrated());
    show(&mut app, records, judged);
    let origin = Origin { source: evil.into(), file: "f".into(), offset: 0, line: Some(1), part: 0 };
    let rejected = Rejected { origin, reject: Reject { column: 1, reason: evil.into() }, excerpt: evil.into() };
    app.state.apply(Update::Rejected { count: 1, shown: vec![rejected] });
    app.state.apply(Update::Source(SourceReport {
        name: evil.into(),
        state: SourceState::Waiting(evil.into()),
        read: 0,
        behind: 0,
        at: NOW.parse().unwrap(),
    }));
    engine(&mut app, EngineState::Failed(evil.into()));
    for keys in ["Tab", "f", "Tab", "Tab", "Tab", "Tab", "Enter", "?"] {
        let text = screen(&mut app, 160, 45);
        assert!(!text.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}'), "after {keys}");
        press(&mut app, keys);
    }
    assert!(screen(&mut app, 160, 45).contains('␛'));
}

#[test]
fn every_shipped_theme_draws_in_every_depth() {
    let mut app = with_traffic();
    for (name, _) in SHIPPED {
        for depth in [Depth::None, Depth::Sixteen, Depth::Indexed, Depth::True] {
            app.theme = Theme::shipped(name).unwrap().with_depth(depth);
            let mut terminal = Terminal::new(TestBackend::new(160, 45)).unwrap();
            app.draw(&mut terminal).unwrap();
        }
    }
}

#[test]
fn an_agent_that_falls_silent_is_named_and_forgiven() {
    let clock = Arc::new(ManualClock::new(NOW.parse().unwrap()));
    let mut app = with_traffic_of(2_000);
    app.clock = Arc::clone(&clock) as _;
    screen(&mut app, 160, 45);
    let quiet = |app: &App| app.state.board().alerts.firing().filter(|a| &*a.cause == "@quiet").count();
    // The sample's grid-2 has gone quiet; a minute later everybody has.
    assert_eq!(quiet(&app), 1);
    clock.advance(Duration::from_secs(55));
    screen(&mut app, 160, 45);
    assert!(quiet(&app) > 5);
}

/// Everything that the health screen can have to say.
pub fn with_health() -> App {
    let mut app = with_traffic();
    let at: jiff::Timestamp = NOW.parse().unwrap();
    let stage = |name, passed, depth, blocked| StageReport {
        name,
        depth,
        capacity: 4,
        passed,
        dropped: 0,
        waited_us: passed * 1_500,
        blocked,
    };
    let bound = |name, used, most, bytes| watcher::message::Bound { name, used, most, bytes };
    for tick in 0..5u64 {
        app.state.apply(Update::Health(HealthReport {
            stages: vec![
                stage("lines", 40 * tick, 4, 1),
                stage("records", 38 * tick, 2, 0),
                stage("updates", 30 * tick, 0, 0),
            ],
            pool: PoolCounts {
                waiting: 640,
                records: 213,
                done: 120 * tick,
                shed: 17 * tick,
                replaced: 1,
                hits: 300,
                misses: 700,
                ..PoolCounts::default()
            },
            rules: protocol_rules(),
            no_data: Vec::new(),
            counts: vec![watcher::engine::constraints::RuleCount { records: 1, evaluated: 1, ..Default::default() }; 5],
            watched: Default::default(),
            bounds: vec![
                bound("history", 48 << 20, Some(64 << 20), true),
                bound("text cache", 16 << 20, Some(16 << 20), true),
                bound("drift keys", 8, Some(4_096), false),
                bound("process", 181 << 20, None, true),
                bound("output", 12 << 20, Some(1 << 30), true),
                bound("its disk", 97 << 30, Some(100 << 30), true),
            ],
            judged: 10,
            given: 0,
            skipped: Default::default(),
            event: None,
            checkpoint: Some(at),
            at: at + jiff::SignedDuration::from_millis(250 * tick as i64),
        }));
    }
    let source = |name: &str, state, read, behind| SourceReport { name: name.into(), state, read, behind, at };
    for report in [
        source("live.ndjson", SourceState::Following, 3 << 20, 0),
        source("backlog.ndjson", SourceState::Reading, 40 << 20, 900 << 20),
        source("gone.ndjson", SourceState::Waiting("no permission to read it".into()), 0, 0),
    ] {
        app.state.apply(Update::Source(report));
    }
    let origin = |line| Origin { source: "live.ndjson".into(), file: "f".into(), offset: 0, line: Some(line), part: 0 };
    let rejected = |line, reason: &str, excerpt: &str| Rejected {
        origin: origin(line),
        reject: Reject { column: 3, reason: reason.into() },
        excerpt: excerpt.into(),
    };
    let shown = vec![
        rejected(17, "expected `:`", "{\"id\" 3}"),
        rejected(40, "the line has 5242880 bytes, at most 4194304 are read", "xxxxxxxxxxxxxxxxxxxxxxxx"),
    ];
    app.state.apply(Update::Rejected { count: 2, shown });
    press(&mut app, "5");
    app
}

#[test]
fn the_health_screen_shows_stages_engines_sources_and_refused_lines() {
    let mut app = with_health();
    insta::assert_snapshot!("health_160x45", screen(&mut app, 160, 45));
    insta::assert_snapshot!("health_80x24", screen(&mut app, 80, 24));
    for title in ["Pipeline", "Engines", "Sources", "Rejected"] {
        assert!(screen(&mut app, 80, 24).contains(&format!("╭ {title}")), "{title}");
        assert!(screen(&mut app, 40, 10).contains(&format!("╭ {title}")), "{title} alone");
        press(&mut app, "Tab");
    }
    press(&mut app, "q");
    assert!(screen(&mut app, 160, 45).contains("╭ Latency"));
}

#[test]
fn no_time_for_the_vectors_is_one_alert_with_the_share() {
    let mut app = app();
    running(&mut app);
    let lines: Vec<String> =
        (0..40).map(|n| format!("{{\"agent_id\":\"a\",\"ts\":\"{NOW}\",\"samples\":[\"{n}\",\"b\"]}}")).collect();
    let records = parse_all(lines.iter().map(String::as_str));
    let ready = Ready::without_model(Mode::Lexical);
    let mut judged = judge_all(&records, ready, protocol_rules(), Policy::calibrated());
    for judgement in judged.iter_mut().take(10) {
        judgement.verdict.divergence.outcome = watcher::verdict::Outcome::Partial("overload".into());
    }
    show(&mut app, records, judged);
    let text = screen(&mut app, 160, 45);
    let alerts: Vec<&str> = text.lines().filter(|line| line.contains("@unscored")).collect();
    assert_eq!(alerts.len(), 1, "{text}");
    assert!(alerts[0].contains("checked 75% of"), "{}", alerts[0]);
    assert!(text.contains("checked 75%"), "the header counts them as not checked");
}
