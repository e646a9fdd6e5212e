//! The engines against what the Python engines of the Watcher Protocol answer on the same 200 records.
//!
//! With `ORT_DYLIB_PATH` set both backends are held to it; without, the embedded one.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use watcher::engine::drift::budget::Thresholds;
use watcher::engine::drift::zscore::ZScore;
use watcher::engine::drift::{Detector, Row};
use watcher::engine::embedding::Mode;
use watcher::engine::embedding::model::ModelFiles;
use watcher::engine::embedding::pool::Ready;
use watcher::engine::embedding::select::{Choice, Options, select};
use watcher::engine::embedding::tokenize::TextTokenizer;
use watcher::record::{Record, Seq};
use watcher::verdict::policy::Policy;

use crate::support::{json_lines, judge_all, parse_all, protocol_rules, repo};

const GOLDEN: &str = include_str!("../data/golden_public.ndjson");

fn golden() -> Vec<Value> {
    json_lines(GOLDEN.as_bytes())
}

/// The requests as they stand: the order of their fields is the order of the violations.
fn requests() -> Vec<Record> {
    #[derive(serde::Deserialize)]
    struct Row<'a> {
        #[serde(borrow)]
        request: &'a serde_json::value::RawValue,
    }
    let raw = |line: &'static str| serde_json::from_str::<Row<'_>>(line).unwrap().request.get();
    parse_all(GOLDEN.lines().map(raw))
}

fn ready(backend: Choice, onnxruntime: Option<PathBuf>) -> Ready {
    let selected = select(&Options { backend, onnxruntime, model: None });
    assert_eq!(selected.warnings, [""; 0]);
    selected.ready
}

/// The embedded backend, and ONNX Runtime where there is one.
pub fn neural() -> Vec<Ready> {
    let library = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    if library.is_none() {
        eprintln!("ORT_DYLIB_PATH is not set: testing the embedded backend alone");
    }
    let fast = library.map(|library| ready(Choice::OnnxRuntime, Some(library)));
    std::iter::once(ready(Choice::Portable, None)).chain(fast).collect()
}

fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * q).round() as usize]
}

#[test]
fn lexical_divergence_is_the_same() {
    let golden = golden();
    let records = requests();
    let ready = Ready::without_model(Mode::Lexical);
    let judged = judge_all(&records, ready, protocol_rules(), Policy::protocol());
    let mut compared = 0;
    for (row, judgement) in golden.iter().zip(&judged) {
        let Some(lexical) = judgement.verdict.divergence.lexical else { continue };
        let want = row["expected"]["lexical"].as_f64().unwrap();
        assert!((lexical - want).abs() < 1e-6, "{}: {lexical} instead of {want}", row["id"]);
        compared += 1;
    }
    assert!(compared >= 190, "only {compared} were compared");
}

#[test]
fn meaning_rules_confidence_and_action_are_the_same_within_bounds() {
    let golden = golden();
    let records = requests();
    for ready in neural() {
        let name = Arc::clone(&ready.name);
        let judged = judge_all(&records, ready, protocol_rules(), Policy::protocol());
        let mut errors = Vec::new();
        let mut decided = 0;
        for (row, judgement) in golden.iter().zip(&judged) {
            let (expected, verdict) = (&row["expected"], &judgement.verdict);
            let id = &row["id"];
            if let Some(semantic) = verdict.divergence.semantic {
                errors.push((semantic - expected["semantic"].as_f64().unwrap()).abs());
            }
            if expected.get("skip_violations").is_some() {
                continue;
            }
            let want: Vec<&str> =
                expected["violations"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
            let found: Vec<&str> = verdict.violations.iter().map(|v| &*v.rule).collect();
            assert_eq!(found, want, "{id}");
            if expected["margin"].as_f64().unwrap() > 0.03 && verdict.divergence.semantic.is_some() {
                let confidence = verdict.confidence.score.unwrap();
                let want = expected["confidence"]["score"].as_f64().unwrap();
                assert!((confidence - want).abs() < 0.03, "{id}: confidence {confidence} instead of {want}");
                assert_eq!(verdict.confidence.level.word(), expected["confidence"]["level"], "{id}");
                assert_eq!(verdict.advice.action.word(), expected["action"], "{id}");
                decided += 1;
            }
        }
        assert!(errors.len() >= 190 && decided >= 100, "{name}: {} compared, {decided} decided", errors.len());
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        let p99 = quantile(&mut errors, 0.99);
        eprintln!("{name}: semantic off by {mean:.5} on average, {p99:.5} at p99, {decided} decisions equal");
        assert!(mean < 0.006, "{name}: off by {mean} on average");
        assert!(p99 < 0.02, "{name}: off by {p99} at p99");
    }
}

#[test]
fn tokens_are_equal_and_vectors_close() {
    let rows: Value =
        serde_json::from_slice(&std::fs::read(repo("tests/data/embeddings_public.json")).unwrap()).unwrap();
    let rows = rows["sentences"].as_array().unwrap();
    assert_eq!(rows.len(), 30);
    let tokenizer = TextTokenizer::from_bytes(&ModelFiles::embedded().unwrap().tokenizer).unwrap();
    for ready in neural() {
        let (backend, _) = ready.model.as_ref().unwrap();
        let mut session = backend.session().unwrap();
        for row in rows {
            let text = row["text"].as_str().unwrap();
            let want: Vec<u32> = numbers(&row["token_ids"]).iter().map(|n| *n as u32).collect();
            let ids = tokenizer.ids(text).unwrap();
            assert_eq!(ids, want, "{text}");
            let vector = session.embed(&ids).unwrap();
            let reference = numbers(&row["embedding"]);
            assert_eq!(vector.len(), reference.len());
            let cosine: f64 = vector.iter().zip(&reference).map(|(a, b)| f64::from(*a) * b).sum();
            assert!(cosine >= 0.97, "{}: {text}: {cosine}", ready.name);
        }
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect()
}

#[test]
fn token_counts_are_equal() {
    let tokenizer = TextTokenizer::from_bytes(&ModelFiles::embedded().unwrap().tokenizer).unwrap();
    for row in golden() {
        let samples = row["request"]["samples"].as_array().unwrap();
        let counts: Vec<usize> = samples.iter().map(|s| tokenizer.ids(s.as_str().unwrap()).unwrap().len()).collect();
        let want: Vec<usize> = numbers(&row["expected"]["token_counts"]).iter().map(|n| *n as usize).collect();
        assert_eq!(counts, want, "{}", row["id"]);
    }
}

#[test]
fn the_z_score_is_the_same_on_the_same_values() {
    let mut detector = ZScore::default();
    let mut compared = 0;
    for (row, seq) in golden().iter().zip(0..) {
        let expected = &row["expected"];
        let reading = detector.observe(
            Row { seq: Seq(seq), at: None, value: expected["semantic"].as_f64().unwrap() },
            &Thresholds::default(),
        );
        if let Some(want) = expected["zscore"].as_f64() {
            // The file's values have seven decimals; the deviation of a few of them carries that on.
            assert!((reading.z - want).abs() < 1e-4, "{}: {} instead of {want}", row["id"], reading.z);
            compared += 1;
        }
    }
    assert!(compared >= 190);
}

#[test]
fn a_text_has_one_vector_whoever_computes_it() {
    let texts = ["Sell 930 shares of AAPL.", "Do not sell.", "x"];
    let tokenizer = TextTokenizer::from_bytes(&ModelFiles::embedded().unwrap().tokenizer).unwrap();
    for ready in neural() {
        let (backend, _) = ready.model.as_ref().unwrap();
        let (mut one, mut other) = (backend.session().unwrap(), backend.session().unwrap());
        let forward: Vec<_> = texts.iter().map(|t| one.embed(&tokenizer.ids(t).unwrap()).unwrap()).collect();
        let backward: Vec<_> = texts.iter().rev().map(|t| other.embed(&tokenizer.ids(t).unwrap()).unwrap()).collect();
        assert!(forward.iter().eq(backward.iter().rev()), "{}", ready.name);
    }
}
