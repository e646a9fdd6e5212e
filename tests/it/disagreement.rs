//! A record whose answers disagree, on the screen.

use std::sync::Arc;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Cell;
use ratatui::style::Modifier;
use watcher::engine::embedding::divergence::score;
use watcher::engine::embedding::pool::Ready;
use watcher::engine::embedding::{Mode, TextFeatures};
use watcher::verdict::policy::Policy;
use watcher::verdict::{Basis, Divergence, Timing};

use crate::screens::{app, press, running, screen, show};
use crate::support::{judge_all, parse_all, protocol_rules};

/// What contradicts what is said in words, and marked in the answers.
#[test]
fn contradictions_are_pointed_at() {
    let mut app = app();
    running(&mut app);
    let line = serde_json::json!({
        "id": "r", "ts": "2026-02-17T12:31:05Z", "agent_id": "agent-7", "prompt": "Loss, and close before the auction?",
        "samples": [
            "The expected loss is -5,000 USD. Yes, close it before the auction on March 3.",
            "Expected loss: -5,000 USD. Close the position before the auction on 3 March.",
            "The expected loss is -50,000 USD. No, do not close it before the auction on March 3.",
        ]
    });
    let records = parse_all([line.to_string().as_str()].into_iter());
    let mut judged = judge_all(&records, Ready::without_model(Mode::Lexical), protocol_rules(), Policy::calibrated());
    judged[0].verdict.timing = Timing { queue: 41, embedding: 3421, constraints: 2, drift: 1, total: 3470 };
    assert!(judged[0].verdict.divergence.risk.unwrap() > 0.3, "{:?}", judged[0].verdict.divergence);
    show(&mut app, records, judged);
    press(&mut app, "Enter");
    let text = screen(&mut app, 160, 45);
    assert!(text.contains("number: “-5,000 USD” (1) | “-50,000 USD” (3)"), "{text}");
    insta::assert_snapshot!("contradictions_160x45", text);
    let mut terminal = Terminal::new(TestBackend::new(160, 45)).unwrap();
    app.draw(&mut terminal).unwrap();
    let marked = |cell: &&Cell| cell.modifier.contains(Modifier::UNDERLINED);
    let marked: String = terminal.backend().buffer().content.iter().filter(marked).map(|cell| cell.symbol()).collect();
    assert!(marked.contains("-5,000 USD") && marked.contains("-50,000 USD"), "{marked}");
    insta::assert_snapshot!("contradictions_80x24", screen(&mut app, 80, 24));
}

/// One answer stands beside the earlier ones it was compared with.
#[test]
fn earlier_answers_stand_beside_the_one() {
    let mut app = app();
    running(&mut app);
    let line =
        r#"{"id":"r","ts":"2026-02-17T12:31:05Z","agent_id":"a","prompt":"Price?","samples":["It is 200 EUR."]}"#;
    let records = parse_all([line].into_iter());
    let earlier: Vec<Arc<str>> = vec!["It is 20 EUR.".into(), "The price is 20 EUR.".into()];
    let mut judged = judge_all(&records, Ready::without_model(Mode::Lexical), protocol_rules(), Policy::calibrated());
    assert_eq!(judged[0].verdict.divergence.risk, None, "alone it is not checked");
    let samples = [records[0].samples.clone(), earlier.clone()].concat();
    let features: Vec<TextFeatures> = samples.iter().map(|text| TextFeatures::of_words(text)).collect();
    let found = score(&samples, &features.iter().collect::<Vec<_>>(), &"lexical".into()).unwrap();
    judged[0].verdict.divergence = Divergence { basis: Basis::History(earlier.into()), ..found };
    show(&mut app, records, judged);
    press(&mut app, "Enter");
    let text = screen(&mut app, 160, 45);
    for said in [
        "1 answer, compared with 2 earlier",
        "earlier answer 2",
        "The price is 20 EUR.",
        "“200 EUR” (1) | “20 EUR” (2)",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
}
