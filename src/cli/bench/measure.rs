//! The measurements of `watcher bench`: each times what the pipeline itself calls.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;

use crate::cli::setup::Setup;
use crate::clock::{Clock, SharedClock, SystemClock};
use crate::engine::constraints::Constraints;
use crate::engine::drift::{self, Drift};
use crate::engine::embedding::TextFeatures;
use crate::engine::embedding::divergence::score;
use crate::engine::embedding::lexical::{Words, jensen_shannon};
use crate::engine::embedding::pool::{self, Answer, Ask, Pool, Ready};
use crate::engine::embedding::select::{self, Choice};
use crate::engine::{Engine, Evidence};
use crate::message::{EngineReport, EngineState, Update};
use crate::pipeline::{Options, Pipeline, demo, keep_to_core};
use crate::record::native::Parser;
use crate::record::{Limits, Origin, Record, Seq};
use crate::rules::schema::{self, Source};
use crate::rules::{RuleSet, Stage};
use crate::sink::file::Existing;
use crate::sink::ndjson::{NdjsonSink, Opening};
use crate::verdict::{Divergence, Outcome, json};

/// The texts: three answers to one question, of three lengths.
const TEXTS: &str = include_str!("../../../sample-data/bench_texts.json");

/// How long one number is measured for.
const SPAN: Duration = Duration::from_millis(1_500);

/// Runs of a short measurement between two looks at the clock.
const REPEATS: u32 = 2_000;

/// Three answers of each length.
#[derive(Deserialize)]
pub(super) struct Texts {
    short: [Arc<str>; 3],
    medium: [Arc<str>; 3],
    long: [Arc<str>; 3],
}

impl Texts {
    /// Something of each length.
    pub fn each<T>(&self, of: impl FnMut(&[Arc<str>; 3]) -> T) -> [T; 3] {
        [&self.short, &self.medium, &self.long].map(of)
    }
}

/// The texts that are measured with.
pub(super) fn texts() -> anyhow::Result<Texts> {
    Ok(serde_json::from_str(TEXTS)?)
}

/// Quantiles, ms.
pub(super) struct Spread {
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    pub runs: usize,
}

impl Spread {
    fn of(mut spans: Vec<Duration>) -> Self {
        spans.sort_unstable();
        let at = |q: f64| {
            let index = ((spans.len() as f64 * q).ceil() as usize).clamp(1, spans.len().max(1)) - 1;
            spans.get(index).map_or(f64::NAN, |span| span.as_secs_f64() * 1e3)
        };
        Self { p50: at(0.5), p95: at(0.95), p99: at(0.99), runs: spans.len() }
    }
}

/// A backend with texts of one length.
pub(super) struct Length {
    pub name: &'static str,
    /// Tokens of the longest answer.
    pub tokens: usize,
    /// A record that was never seen.
    pub cold: Spread,
    /// One that was.
    pub warm: Spread,
    /// Texts a second when many wait.
    pub texts_s: f64,
}

/// A backend.
pub(super) struct Embedding {
    pub lengths: Vec<Length>,
    /// Texts of all lengths a second, 72 at once.
    pub mixed_texts_s: f64,
}

/// Measures a backend by the pool that the pipeline uses.
pub(super) fn embedding(ready: &Ready, texts: &Texts, threads: usize, pinned: bool) -> Embedding {
    let clock = SystemClock::shared();
    let pool = Pool::new(pool::Options::default(), false, Arc::clone(&clock));
    pool.set_ready(ready.clone());
    std::thread::scope(|scope| {
        for index in 0..threads {
            let pool = &pool;
            scope.spawn(move || {
                if pinned {
                    keep_to_core(index);
                }
                pool.work(&|event| tracing::error!("bench: {event:?}"));
            });
        }
        let bench = Bench { pool: &pool, clock: &clock };
        let names = ["short", "medium", "long"];
        let mut lengths = texts.each(|texts| texts.clone()).into_iter().zip(names);
        let lengths = lengths.by_ref().map(|(texts, name)| bench.length(name, &texts, ready)).collect();
        let mixed: Vec<[Arc<str>; 3]> = (0..8).flat_map(|n| texts.each(|texts| variant(texts, n))).collect();
        let mixed_texts_s = bench.throughput(&mixed);
        pool.close();
        Embedding { lengths, mixed_texts_s }
    })
}

/// The same answers, told apart by a number.
fn variant(texts: &[Arc<str>; 3], number: usize) -> [Arc<str>; 3] {
    texts.each_ref().map(|text| format!("{text} {number}").into())
}

struct Bench<'a> {
    pool: &'a Pool,
    clock: &'a SharedClock,
}

impl Bench<'_> {
    fn length(&self, name: &'static str, texts: &[Arc<str>; 3], ready: &Ready) -> Length {
        let tokens = ready.model.as_ref().map_or(0, |(_, tokenizer)| {
            texts.iter().filter_map(|text| tokenizer.ids(text).ok()).map(|ids| ids.len()).max().unwrap_or(0)
        });
        let record = |cold: bool| {
            if cold {
                self.pool.forget();
            }
            let start = self.clock.elapsed();
            self.record(texts);
            self.clock.elapsed() - start
        };
        // The first runs build the sessions.
        for _ in 0..3 {
            record(true);
        }
        let cold = Spread::of(self.repeat(|| record(true)));
        record(false);
        let warm = Spread::of((0..REPEATS).map(|_| record(false)).collect());
        let many: Vec<[Arc<str>; 3]> = (0..8).map(|n| variant(texts, n)).collect();
        Length { name, tokens, cold, warm, texts_s: self.throughput(&many) }
    }

    fn repeat(&self, mut run: impl FnMut() -> Duration) -> Vec<Duration> {
        let start = self.clock.elapsed();
        let mut spans = Vec::new();
        while self.clock.elapsed() - start < SPAN || spans.len() < 5 {
            spans.push(run());
        }
        spans
    }

    /// One record, from its texts to its scores.
    fn record(&self, texts: &[Arc<str>; 3]) {
        let key = Arc::from("bench");
        let requests = self.pool.submit([Ask { key: &key, texts: texts.as_slice().into() }]);
        let Some(Answer::Texts(features, ..)) = self.pool.wait(&requests[0], Duration::ZERO) else { return };
        let features: Vec<&TextFeatures> = features.iter().filter_map(|f| f.as_deref().ok()).collect();
        let _ = black_box(score(texts, &features, &key));
    }

    /// Texts a second, all records waiting at once.
    fn throughput(&self, records: &[[Arc<str>; 3]]) -> f64 {
        let key = Arc::from("bench");
        let start = self.clock.elapsed();
        let mut texts = 0;
        while self.clock.elapsed() - start < SPAN {
            self.pool.forget();
            let asks = records.iter().map(|texts| Ask { key: &key, texts: texts.as_slice().into() });
            for request in self.pool.submit(asks) {
                let _ = self.pool.wait(&request, Duration::ZERO);
                texts += 3;
            }
        }
        f64::from(texts) / (self.clock.elapsed() - start).as_secs_f64()
    }
}

/// How long `run` takes, ns, over enough runs to be told from the clock.
fn nanos(mut run: impl FnMut()) -> f64 {
    let clock = SystemClock::new();
    run();
    let (start, mut runs) = (clock.elapsed(), 0u32);
    while clock.elapsed() - start < SPAN / 3 {
        (0..REPEATS).for_each(|_| run());
        runs += REPEATS;
    }
    (clock.elapsed() - start).as_nanos() as f64 / f64::from(runs)
}

/// Words of three answers and their mean divergence, µs.
pub(super) fn lexical(texts: &[Arc<str>; 3]) -> f64 {
    let run = || {
        let words = texts.each_ref().map(|text| Words::of(text));
        for (i, j) in [(0, 1), (0, 2), (1, 2)] {
            black_box(jensen_shannon(&words[i], &words[j]));
        }
    };
    nanos(run) / 1e3
}

fn record(seq: u64, line: &str) -> anyhow::Result<Record> {
    let origin = Origin { source: "bench".into(), file: "0".into(), offset: 0, line: None, part: 0 };
    let parsed = Parser::new(Limits::default(), &[]).parse(Seq(seq), origin, Bytes::copy_from_slice(line.as_bytes()));
    parsed.map_err(|reject| anyhow::anyhow!("{}", reject.reason))
}

fn compiled(text: &str) -> anyhow::Result<Arc<RuleSet>> {
    let faults = |faults: Vec<crate::yaml::Diagnostic>| anyhow::anyhow!("{}", faults[0]);
    schema::load(&[Source { name: "bench".into(), text: text.into() }]).map(Arc::new).map_err(faults)
}

/// What the five protocol rules take on a record with five metrics, and a hundred limits on one with ten, ns.
pub(super) fn rules() -> anyhow::Result<(f64, f64)> {
    let five = r#"{"physics":{"energy_in":100,"energy_out":90},"financial":{"proposed_loss":-5},
        "metrics":{"temperature":300,"pressure":90000,"leverage_ratio":2,"a":1,"b":2}}"#;
    let metrics: Vec<String> = (0..10).map(|n| format!("\"m{n}\":{n}")).collect();
    let ten = format!("{{\"metrics\":{{{}}}}}", metrics.join(","));
    let limit = |n: usize| format!("  - id: r{n}\n    limit: {{field: metrics.m{}, max: {}}}\n", n % 10, 100 + n);
    let hundred = format!("version: 1\nrules:\n{}", (0..100).map(limit).collect::<String>());
    let time = |rules: Arc<RuleSet>, record: &Record| {
        let mut engine = Constraints::new(rules);
        nanos(|| {
            let pending = Divergence::none(Outcome::Scored, Arc::clone(&record.key));
            let mut evidence = Evidence::new(record, &[], pending);
            let _ = black_box(engine.run(Stage::Record, &mut evidence));
        })
    };
    let five = time(compiled(demo::RULES)?, &record(0, five)?);
    Ok((five, time(compiled(&hundred)?, &record(0, &ten)?)))
}

/// What a series takes, of a row with three of them, ns.
pub(super) fn drift() -> f64 {
    let mut engine = Drift::new(drift::Options::default());
    let lines =
        (0..64).map(|n| format!("{{\"latency_ms\":{},\"metrics\":{{\"a\":{n},\"b\":{}}}}}", 100 + n % 7, n % 5));
    let records: Vec<Record> = lines.filter_map(|line| record(0, &line).ok()).collect();
    let mut next = 0;
    nanos(|| {
        let record = &records[next % records.len()];
        next += 1;
        let pending = Divergence::none(Outcome::Skipped("bench".into()), Arc::clone(&record.key));
        let _ = black_box(engine.run(Stage::Drift, &mut Evidence::new(record, &[], pending)));
    }) / 3.0
}

/// Records a second from a file to a file of verdicts. Cold: every text is new; `repeated`: the same three again and
/// again.
pub(super) fn pipeline(
    backend: Choice,
    setup: &Setup,
    texts: &Texts,
    threads: usize,
    repeated: bool,
) -> anyhow::Result<f64> {
    let dir = tempfile::tempdir()?;
    let count = if repeated || backend == Choice::None { 60_000 } else { 400 };
    let metrics =
        "\"physics\":{\"energy_in\":100,\"energy_out\":90},\"metrics\":{\"temperature\":300,\"leverage_ratio\":2}";
    let line = |n: usize| {
        let samples = if repeated { texts.short.clone() } else { variant(&texts.short, n) };
        let samples = serde_json::to_string(&samples).unwrap_or_default();
        format!(
            "{{\"id\":\"r{n}\",\"agent_id\":\"a{}\",\"latency_ms\":{},{metrics},\"samples\":{samples}}}\n",
            n % 5,
            n % 90
        )
    };
    let log = dir.path().join("log.ndjson");
    std::fs::write(&log, (0..count).map(line).collect::<String>())?;
    let opening = Opening { existing: Existing::Replace, max_bytes: None, options: json::Options::default() };
    let options = Options {
        embedding: select::Options {
            backend,
            onnxruntime: setup.config.onnxruntime.clone(),
            model: setup.config.model.clone(),
        },
        pool: setup.config.pool,
        threads,
        pinned: setup.config.pin_workers,
        sink: Some(NdjsonSink::open(&dir.path().join("verdicts.ndjson"), opening)?),
        ..Options::of_log(log, compiled(demo::RULES)?, backend)
    };
    let clock = SystemClock::shared();
    let (updates, handle) = Pipeline::start(options, Arc::clone(&clock))?.split();
    let mut start = clock.elapsed();
    while let Some(update) = updates.recv() {
        match update {
            // Loading a model is paid once, not by the record.
            Update::Engine(EngineReport { state: EngineState::Running { .. }, .. }) => start = clock.elapsed(),
            Update::Finished(summary) => {
                let took = clock.elapsed() - start;
                handle.finish(Duration::from_secs(1));
                return Ok(summary.records as f64 / took.as_secs_f64());
            }
            _ => {}
        }
    }
    anyhow::bail!("the pipeline ended without a summary")
}
