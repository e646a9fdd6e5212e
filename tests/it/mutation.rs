//! Nothing that comes from outside makes the program panic: real inputs with random damage.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use watcher::config::Config;
use watcher::engine::embedding::Mode;
use watcher::engine::embedding::pool::Ready;
use watcher::record::native::Parser;
use watcher::record::{Limits, Origin, Record, Seq};
use watcher::rules::schema::{Source, load};
use watcher::ui::theme::{SHIPPED, Theme};
use watcher::verdict::json;
use watcher::verdict::policy::Policy;

use crate::support::{judge_all, protocol_rules};

const LIVE: &str = include_str!("../../sample-data/live.ndjson");
const BAD: &str = include_str!("../../sample-data/bad.ndjson");
const RULES: [&str; 2] = [
    include_str!("../../sample-data/rules/watcher-protocol.yaml"),
    include_str!("../../sample-data/rules/llm-service.yaml"),
];

/// Bytes to put in the place of others: what parsers stumble over.
fn splinter() -> impl Strategy<Value = Vec<u8>> {
    let odd: Vec<&[u8]> = vec![
        b"",
        b"\"",
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b",",
        b"\\",
        b"\\u",
        b"\\ud800",
        b"\0",
        b"\xff",
        b"\xc3",
        b"\n",
        b"\t",
        b"1e999",
        b"-",
        b".5",
        b"null",
        b"'",
        b"#",
        b"&a",
        b"*a",
        b"!!binary",
        b"|",
        b">",
        b"%",
        b"{x:.9}",
        b"==",
        b"in",
        "é\u{202e}\u{1b}".as_bytes(),
        b"\xef\xbb\xbf",
        b"9223372036854775808",
        b"(((((((((",
        b"samples",
        b"metrics",
    ];
    prop_oneof![proptest::sample::select(odd).prop_map(<[u8]>::to_vec), proptest::collection::vec(any::<u8>(), 0..6)]
}

fn damage(text: &str, edits: &[(prop::sample::Index, usize, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (at, length, splinter) in edits {
        let start = at.index(bytes.len() + 1);
        let end = (start + length).min(bytes.len());
        bytes.splice(start..end, splinter.iter().copied());
    }
    bytes
}

fn edits() -> impl Strategy<Value = Vec<(prop::sample::Index, usize, Vec<u8>)>> {
    proptest::collection::vec((any::<prop::sample::Index>(), 0usize..8, splinter()), 1..5)
}

fn parse(line: Vec<u8>) -> Option<Record> {
    let origin = Origin { source: "s".into(), file: "f".into(), offset: 0, line: Some(1), part: 0 };
    Parser::new(Limits::default(), &[]).parse(Seq(0), origin, Bytes::from(line)).ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(400)))]

    #[test]
    fn records(line in any::<prop::sample::Index>(), edits in edits()) {
        let lines: Vec<&str> = LIVE.lines().take(200).chain(BAD.lines()).collect();
        let line = damage(lines[line.index(lines.len())], &edits);
        if let Some(record) = parse(line) {
            let ready = Ready::without_model(Mode::Lexical);
            let judged = judge_all(&[record], ready, protocol_rules(), Policy::calibrated());
            let mut out = Vec::new();
            json::write(&mut out, &judged[0].verdict, json::Options { timing: true, full: true, findings: false });
            prop_assert!(judged[0].failures.is_empty());
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&out).is_ok(), "{}", String::from_utf8_lossy(&out));
        }
    }

    #[test]
    fn rules(which in 0usize..2, edits in edits()) {
        let text = String::from_utf8_lossy(&damage(RULES[which], &edits)).into_owned();
        match load(&[Source { name: "r.yaml".into(), text }]) {
            Ok(rules) => {
                let record = parse(LIVE.lines().next().unwrap().into()).unwrap();
                let ready = Ready::without_model(Mode::None);
                judge_all(&[record], ready, Arc::new(rules), Policy::protocol());
            }
            Err(faults) => {
                for fault in faults {
                    prop_assert!(fault.position().0 >= 1 && !fault.to_string().is_empty());
                }
            }
        }
    }

    #[test]
    fn configuration_and_themes(edits in edits()) {
        let text = String::from_utf8_lossy(&damage(watcher::config::BUILT_IN, &edits)).into_owned();
        let _ = Config::built_in().unwrap().overlaid("c.yaml", &text);
        for (name, text) in SHIPPED {
            let _ = Theme::parse(name, &String::from_utf8_lossy(&damage(text, &edits)));
        }
    }
}
