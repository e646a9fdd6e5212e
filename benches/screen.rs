//! What a frame costs, of the Overview and of the other screens, with a full history behind it; and what an edit of a rule
//! costs from the key to the frame with the new backtest, over 100,000 records and 50 rules.
//!
//! `cargo bench --bench screen`. Bounds: 2 ms for an Overview of 160x45, 100 ms for an edit.
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use watcher::app::keymap::Keymap;
use watcher::clock::{Clock, SystemClock};
use watcher::engine::drift;
use watcher::engine::embedding::Mode;
use watcher::history::{History, Retention, Row};
use watcher::message::desk::{Desk, Lane, Work};
use watcher::message::rules::Value;
use watcher::message::{HealthReport, Update};
use watcher::pipeline::demo;
use watcher::pipeline::desk::Clerk;
use watcher::pipeline::judge::{Arrival, Judge, Setup, Texts};
use watcher::record::native::Parser;
use watcher::record::{Limits, Origin, Seq};
use watcher::rules::schema::{Source, load};
use watcher::state::view::Screen;
use watcher::state::{AppState, Options};
use watcher::ui;
use watcher::ui::theme::Theme;
use watcher::verdict::policy::Policy;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The sample traffic so many times over, judged by these rules.
fn state(text: &str, times: usize) -> AppState {
    let rules = Arc::new(load(&[Source { name: "rules.yaml".into(), text: text.into() }]).unwrap());
    let in_force = Arc::clone(&rules);
    let setup = Setup {
        earlier: None,
        rules,
        policy: Policy::calibrated(),
        drift: drift::Options::default(),
        embedding: (Mode::None, "none".into()),
        live: false,
    };
    let mut judge = Judge::new(setup, SystemClock::shared());
    let mut parser = Parser::new(Limits::default(), &[]);
    let mut history = History::new(Retention { bytes: 2 << 30, rows: 100_000 });
    let options = Options { review_score: 0.5, mode: "REPLAY", live: false, read_only: true };
    let mut state = AppState::new(options, SystemClock::new().now());
    state.view.hints = Keymap::new(&[], watcher::app::keymap::Keys::Live).unwrap().hints;
    let arrival = Arrival { read_at: Duration::ZERO, embedding_us: 0, otherwise: None, shed: false };
    let lines: Vec<&str> = demo::TRAFFIC.lines().collect();
    for (batch, lines) in std::iter::repeat_n(&lines, times).flat_map(|lines| lines.chunks(100)).enumerate() {
        let row = |(index, line): (usize, &&str)| {
            let origin = Origin { source: "s".into(), file: "f".into(), offset: 0, line: None, part: 0 };
            let seq = Seq((batch * 100 + index) as u64);
            let record = parser.parse(seq, origin, Bytes::copy_from_slice(line.as_bytes())).unwrap();
            let verdict = judge.judge(&record, Texts::default(), arrival).verdict;
            Row { record: Arc::new(record), verdict: Arc::new(verdict), other: None }
        };
        let rows: Vec<Row> = lines.iter().enumerate().map(row).collect();
        history.append(rows.clone());
        state.apply(Update::Judged { rows, history: history.view(), read_ts: SystemClock::new().now() });
    }
    state.apply(Update::Health(HealthReport {
        stages: Vec::new(),
        pool: Default::default(),
        counts: vec![Default::default(); in_force.rules.len()],
        rules: in_force,
        no_data: Vec::new(),
        watched: Default::default(),
        bounds: Vec::new(),
        judged: 0,
        given: 0,
        skipped: Default::default(),
        event: None,
        checkpoint: None,
        at: SystemClock::new().now(),
    }));
    state
}

/// Fifty rules: limits and numeric expressions over the fields of the sample traffic.
fn fifty() -> String {
    let fields = ["loss", "metrics.leverage_ratio", "latency_ms", "metrics.temperature", "metrics.pressure"];
    let mut text = "version: 1\nfields: {loss: [financial.proposed_loss]}\nrules:\n".to_owned();
    for n in 0..50 {
        let field = fields[n % fields.len()];
        text += &match n % 3 {
            0 => format!("  - id: rule-{n}\n    alert_if: '{field} > {n} * 100 && latency_ms > {n}'\n"),
            _ => format!("  - id: rule-{n}\n    limit: {{field: {field}, max: {}}}\n", 1_000 * (n + 1)),
        };
    }
    text
}

/// A step of a bound, and all up to the frame that shows what it comes to.
fn edits(c: &mut Criterion) {
    let clock = SystemClock::shared();
    let mut state = state(&fifty(), 40);
    let theme = Theme::shipped("dark").unwrap();
    let mut terminal = Terminal::new(TestBackend::new(160, 45)).unwrap();
    let mut clerk = Clerk::new(Default::default(), Arc::clone(&clock));
    let kept = state.board().records.history().len();
    assert!(kept >= 90_000, "{kept}");
    state.view.show(Screen::Rules);
    state.edit(Some("rule-1".into()));
    let mut shown = |state: &mut AppState| {
        let desk = Desk::default();
        state.take_inquiries().into_iter().for_each(|inquiry| desk.ask(inquiry));
        for lane in Lane::ALL {
            while let Work::Do(taken) = desk.take(lane) {
                let found = clerk.answer(*taken).unwrap();
                state.apply(Update::Found(Box::new(found)));
            }
        }
        state.tick(clock.now());
        terminal.draw(|frame| ui::draw(frame, state, &theme)).unwrap();
    };
    // The past is laid out at the first key.
    shown(&mut state);
    let mut bound = 2_000.0;
    c.bench_function("edit to frame, 100,000 records x 50 rules", |b| {
        b.iter(|| {
            bound += 100.0;
            let editing = state.editing.as_mut().unwrap();
            editing.draft.set_field("rule-1", &["limit", "max"], &Value::from(bound)).unwrap();
            editing.refresh();
            shown(&mut state);
            assert!(state.editing.as_ref().unwrap().current().is_some());
        });
    });
}

fn frames(c: &mut Criterion) {
    let mut state = state(demo::RULES, 10);
    let theme = Theme::shipped("dark").unwrap();
    let mut group = c.benchmark_group("overview frame");
    for (width, height) in [(80, 24), (160, 45), (200, 60)] {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        group.bench_function(format!("{width}x{height}"), |b| {
            b.iter(|| {
                state.tick(SystemClock::new().now());
                terminal.draw(|frame| ui::draw(frame, &state, &theme)).unwrap();
            });
        });
    }
    group.finish();
    let mut group = c.benchmark_group("frame 160x45");
    for (screen, name) in Screen::ALL.into_iter().zip(["overview", "records", "rules", "drift", "health"]) {
        state.view.show(screen);
        let mut terminal = Terminal::new(TestBackend::new(160, 45)).unwrap();
        group.bench_function(name, |b| {
            b.iter(|| {
                state.tick(SystemClock::new().now());
                terminal.draw(|frame| ui::draw(frame, &state, &theme)).unwrap();
            });
        });
    }
    group.finish();
}

criterion_group!(benches, frames, edits);
criterion_main!(benches);
