//! How each of the five screens looks in each state, at both sizes; and that colours and characters change nothing else.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use watcher::app::App;
use watcher::engine::embedding::Mode;
use watcher::engine::embedding::pool::Ready;
use watcher::message::EngineState;
use watcher::ui::theme::{Depth, SHIPPED, Symbols, Theme};
use watcher::verdict::Timing;
use watcher::verdict::policy::Policy;

use crate::screens::{
    NOW, app, engine, nothing_yet, press, running, screen, settled, show, with_health, with_traffic_of,
};
use crate::support::{judge_all, parse_all, protocol_rules};

const SIZES: [(u16, u16); 2] = [(160, 45), (80, 24)];

const SCREENS: [(&str, &str); 5] =
    [("1", "overview"), ("2", "records"), ("3", "rules"), ("4", "drift"), ("5", "health")];

fn engine_down() -> App {
    let mut app = with_traffic_of(400);
    engine(&mut app, EngineState::Failed("inference failed: out of memory".into()));
    app
}

/// Records with one answer, and without any of the fields that the rules look at.
fn no_data() -> App {
    let mut app = with_traffic_of(0);
    running(&mut app);
    let line = |n: usize| format!("{{\"id\":\"r{n}\",\"agent_id\":\"a\",\"ts\":\"{NOW}\",\"samples\":[\"yes {n}\"]}}");
    let lines: Vec<String> = (0..30).map(line).collect();
    let records = parse_all(lines.iter().map(String::as_str));
    let mut judged = judge_all(&records, Ready::without_model(Mode::Lexical), protocol_rules(), Policy::calibrated());
    // How long it took is another number at every run.
    for judgement in &mut judged {
        judgement.verdict.timing = Timing { queue: 405, embedding: 0, constraints: 0, drift: 3, total: 408 };
    }
    show(&mut app, records, judged);
    app
}

type Made = (&'static str, fn() -> App);

const STATES: [Made; 7] = [
    ("empty", app),
    ("loading", nothing_yet),
    ("normal", || with_traffic_of(400)),
    ("incident", || with_traffic_of(1_650)),
    ("overloaded", with_health),
    ("engine_down", engine_down),
    ("no_data", no_data),
];

#[test]
fn every_screen_in_every_state() {
    for (state, make) in STATES {
        let mut app = make();
        for (key, name) in SCREENS {
            press(&mut app, key);
            for (width, height) in SIZES {
                insta::assert_snapshot!(format!("{name}_{state}_{width}x{height}"), settled(&mut app, width, height));
            }
        }
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    let mut app = with_traffic_of(1_650);
    for (key, name) in SCREENS {
        press(&mut app, key);
        let text = settled(&mut app, 160, 45);
        for (theme, _) in SHIPPED {
            for depth in [Depth::None, Depth::Sixteen, Depth::Indexed, Depth::True] {
                app.theme = Theme::shipped(theme).unwrap().with_depth(depth);
                assert_eq!(screen(&mut app, 160, 45), text, "{name} in {theme}, {depth:?}");
            }
        }
        app.theme = Theme::shipped("dark").unwrap().with_depth(Depth::None);
        let mut terminal = Terminal::new(TestBackend::new(160, 45)).unwrap();
        app.draw(&mut terminal).unwrap();
        let colours = terminal
            .backend()
            .buffer()
            .content
            .iter()
            .filter(|cell| cell.fg != ratatui::style::Color::Reset || cell.bg != ratatui::style::Color::Reset);
        assert_eq!(colours.count(), 0, "{name} with NO_COLOR");
    }
}

#[test]
fn without_unicode_all_of_it_is_ascii() {
    for (state, make) in STATES {
        let mut app = make();
        app.theme = app.theme.with_symbols(Symbols::ASCII);
        for keys in ["1", "2", "3", "4", "5", "?", "Esc :", "Esc '", "Esc 1"] {
            press(&mut app, keys);
            let text = settled(&mut app, 160, 45);
            let foreign: String = text.chars().filter(|c| !c.is_ascii() && !is_said(*c)).collect();
            assert!(foreign.is_empty(), "{state} after {keys}: {foreign:?}\n{text}");
        }
    }
}

/// Letters that stand in texts, not in the picture: of records, of rules, and units.
fn is_said(c: char) -> bool {
    c.is_alphabetic() || "–—“”‘’°²³≥≤·€×σµ‹›…−→′″".contains(c)
}
