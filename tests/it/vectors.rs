//! What the backends make of a text: the same whatever runs beside it, and something of sense of every text.
//!
//! With `ORT_DYLIB_PATH` set both backends are held to it; without, the embedded one.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRng, TestRunner};
use watcher::clock::SystemClock;
use watcher::engine::embedding::TextResult;
use watcher::engine::embedding::pool::{Answer, Ask, Options, Pool, Ready};

use crate::parity::neural;

/// Texts through a pool with so many workers, in records as `records` cuts them.
fn through_pool(ready: &Ready, workers: usize, cache_bytes: u64, records: &[Vec<Arc<str>>]) -> Vec<Vec<TextResult>> {
    let pool = Pool::new(Options { cache_bytes, ..Options::default() }, false, SystemClock::shared());
    pool.set_ready(ready.clone());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| pool.work(&|event| panic!("{event:?}")));
        }
        // The queue is bounded: who asks waits while another one takes the answers.
        let (sender, receiver) = std::sync::mpsc::sync_channel(records.len());
        scope.spawn(|| {
            let sender = sender;
            for (index, texts) in records.iter().enumerate() {
                let key = Arc::from(format!("key {}", index % 3));
                let ask = Ask { key: &key, texts: texts.as_slice().into() };
                sender.send(pool.submit([ask]).remove(0)).unwrap();
            }
        });
        let answer = |request| match pool.wait(&request, Duration::ZERO) {
            Some(Answer::Texts(texts, ..)) => texts,
            _ => panic!("shed"),
        };
        let answers = receiver.into_iter().map(answer).collect();
        pool.close();
        answers
    })
}

fn bits(text: &TextResult) -> Vec<u32> {
    text.as_ref().unwrap().vector.as_ref().unwrap().iter().map(|value| value.to_bits()).collect()
}

/// A text's vector is a function of the text: bit by bit the same in any company, order and pool.
#[test]
fn vectors_do_not_depend_on_their_company() {
    let texts: Vec<Arc<str>> = (0..24)
        .map(|n| {
            format!("{} answer {n}: sell {} shares of NVDA. ", "Well, ".repeat(n % 5), n * 37).repeat(1 + n % 3).into()
        })
        .collect();
    for ready in neural() {
        let (backend, tokenizer) = ready.model.clone().unwrap();
        let alone: Vec<Vec<u32>> = texts
            .iter()
            .map(|text| {
                // Each in a session of its own.
                let vector = backend.session().unwrap().embed(&tokenizer.ids(text).unwrap()).unwrap();
                vector.iter().map(|value| value.to_bits()).collect()
            })
            .collect();
        let pick = proptest::collection::vec(0..texts.len(), 2..6);
        let strategy = (1usize..5, proptest::bool::ANY, proptest::collection::vec(pick, 4..12));
        let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(Default::default()));
        for _ in 0..8 {
            let (workers, small, picks) = strategy.new_tree(&mut runner).unwrap().current();
            let records: Vec<Vec<Arc<str>>> =
                picks.iter().map(|pick| pick.iter().map(|index| Arc::clone(&texts[*index])).collect()).collect();
            let answers = through_pool(&ready, workers, if small { 16_384 } else { 16 << 20 }, &records);
            for (pick, answer) in picks.iter().zip(&answers) {
                for (index, text) in pick.iter().zip(answer) {
                    assert_eq!(bits(text), alone[*index], "{}: {}", ready.name, texts[*index]);
                }
            }
        }
    }
}

/// Whatever a model says, it becomes a vector of length 1, or the reason has a name.
#[test]
fn every_text_has_a_direction() {
    let mut texts: Vec<String> =
        ["", " ", "\t\n", "\0", "\u{200b}", "👩‍💻👩‍💻", "مرحبا بالعالم", "שלום", "\u{202e}abc", "\u{1b}[31m"]
            .iter()
            .map(|text| (*text).to_owned())
            .collect();
    texts.extend([
        " ".repeat(65_536),
        "x".repeat(65_536),
        "word ".repeat(13_107),
        "é".repeat(32_768),
        "\u{7}".repeat(9_000),
    ]);
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(Default::default()));
    let any = "\\PC{0,12}|[\\x00-\\x1f\\u{80}-\\u{9f}a ]{0,12}|(\\p{L}|\\p{So}|\\p{M}){0,10}";
    let strategy = proptest::string::string_regex(any).unwrap();
    texts.extend((0..10_000).map(|_| strategy.new_tree(&mut runner).unwrap().current()));
    let records: Vec<Vec<Arc<str>>> =
        texts.chunks(4).map(|chunk| chunk.iter().map(|text| Arc::from(text.as_str())).collect()).collect();
    for ready in neural() {
        for (texts, answers) in records.iter().zip(through_pool(&ready, 2, 16 << 20, &records)) {
            for (text, answer) in texts.iter().zip(answers) {
                match answer {
                    Ok(features) => {
                        let vector = features.vector.as_ref().unwrap();
                        let norm: f64 = vector.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
                        assert!((norm - 1.0).abs() < 1e-5, "{text:?}: {norm}");
                    }
                    Err(why) => assert!(!why.is_empty() && !why.contains("panicked"), "{text:?}: {why}"),
                }
            }
        }
    }
}
