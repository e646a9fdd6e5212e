//! What a frame of the Overview costs, with the history of the sample traffic behind it.
//!
//! `cargo bench --bench screen`. Bound: 2 ms for 160x45.
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
use watcher::message::Update;
use watcher::pipeline::demo;
use watcher::pipeline::judge::{Arrival, Judge, Setup, Texts};
use watcher::record::native::Parser;
use watcher::record::{Limits, Origin, Seq};
use watcher::rules::schema::{Source, load};
use watcher::state::{AppState, Options};
use watcher::ui;
use watcher::ui::theme::Theme;
use watcher::verdict::policy::Policy;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn state() -> AppState {
    let rules = Arc::new(load(&[Source { name: "protocol".into(), text: demo::RULES.into() }]).unwrap());
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
    let mut history = History::new(Retention { bytes: 64 << 20, rows: 200_000 });
    let options = Options { review_score: 0.5, mode: "REPLAY", live: false, read_only: true };
    let mut state = AppState::new(options, SystemClock::new().now());
    state.view.hints = Keymap::new(&[], watcher::app::keymap::Keys::Live).unwrap().hints;
    let arrival = Arrival { read_at: Duration::ZERO, embedding_us: 0, otherwise: None, shed: false };
    let lines: Vec<&str> = demo::TRAFFIC.lines().collect();
    for (batch, lines) in std::iter::repeat_n(&lines, 10).flat_map(|lines| lines.chunks(100)).enumerate() {
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
    state
}

fn frames(c: &mut Criterion) {
    let mut state = state();
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
}

criterion_group!(benches, frames);
criterion_main!(benches);
