//! What the texts of a record cost: the model, one text in one session; and all that is derived without it.
//!
//! `cargo bench --bench embedding`, with `ORT_DYLIB_PATH` set for ONNX Runtime beside the embedded backend. Records,
//! queues and the cache: `watcher bench`.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use watcher::engine::embedding::TextFeatures;
use watcher::engine::embedding::claims::Claims;
use watcher::engine::embedding::divergence::score;
use watcher::engine::embedding::facts::{Facts, compare};
use watcher::engine::embedding::lexical::Words;
use watcher::engine::embedding::select::{Choice, Options, select};
use watcher::engine::embedding::trigrams::Trigrams;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Three answers of each length.
fn texts() -> BTreeMap<String, Vec<Arc<str>>> {
    serde_json::from_str(include_str!("../sample-data/bench_texts.json")).unwrap()
}

fn models(c: &mut Criterion) {
    let library = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    let backends = [Some(Choice::Portable), library.as_ref().map(|_| Choice::OnnxRuntime)];
    let mut group = c.benchmark_group("three answers, one thread");
    for backend in backends.into_iter().flatten() {
        let selected = select(&Options { backend, onnxruntime: library.clone(), model: None });
        let (model, tokenizer) = selected.ready.model.unwrap();
        let mut session = model.session().unwrap();
        for (length, texts) in texts() {
            let ids: Vec<Vec<u32>> = texts.iter().map(|text| tokenizer.ids(text).unwrap()).collect();
            group.sample_size(20).throughput(Throughput::Elements(3));
            group.bench_function(format!("{}, {length}", model.name()), |b| {
                b.iter(|| ids.iter().for_each(|ids| drop(black_box(session.embed(ids).unwrap()))));
            });
            if backend == Choice::Portable {
                group.bench_function(format!("tokens, {length}"), |b| {
                    b.iter(|| texts.iter().for_each(|text| drop(black_box(tokenizer.ids(text).unwrap()))));
                });
            }
        }
    }
    group.finish();
}

fn words(c: &mut Criterion) {
    let mut group = c.benchmark_group("three answers without a model");
    for (length, texts) in texts() {
        let features: Vec<TextFeatures> = texts.iter().map(|text| TextFeatures::of_words(text)).collect();
        let features: Vec<&TextFeatures> = features.iter().collect();
        let each = |derive: &dyn Fn(&str)| texts.iter().for_each(|text| derive(text));
        group.bench_function(format!("words, {length}"), |b| b.iter(|| each(&|text| drop(black_box(Words::of(text))))));
        group.bench_function(format!("letters, {length}"), |b| {
            b.iter(|| each(&|text| drop(black_box(Trigrams::of(text)))));
        });
        group.bench_function(format!("claims, {length}"), |b| {
            b.iter(|| each(&|text| drop(black_box(Claims::of(text)))))
        });
        group.bench_function(format!("facts, {length}"), |b| b.iter(|| each(&|text| drop(black_box(Facts::of(text))))));
        group.bench_function(format!("facts of a pair, {length}"), |b| {
            b.iter(|| black_box(compare(&features[0].facts, &features[1].facts)));
        });
        let name: Arc<str> = "lexical".into();
        group
            .bench_function(format!("all scores, {length}"), |b| b.iter(|| black_box(score(&texts, &features, &name))));
    }
    group.finish();
}

criterion_group!(benches, models, words);
criterion_main!(benches);
