//! What a record costs, stage by stage, beside what plain `serde_json` takes to read it; and a whole headless replay.
//!
//! `cargo bench --bench pipeline`
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use watcher::clock::SystemClock;
use watcher::engine::drift;
use watcher::engine::embedding::Mode;
use watcher::engine::embedding::lexical::{Words, jensen_shannon};
use watcher::engine::embedding::pool;
use watcher::engine::embedding::select::Choice;
use watcher::message::Update;
use watcher::pipeline::judge::{Arrival, Judge, Setup, Texts};
use watcher::pipeline::{Options, Pipeline, demo};
use watcher::record::native::Parser;
use watcher::record::{Limits, Origin, Record, Seq};
use watcher::rules::RuleSet;
use watcher::rules::schema::{Source, load};
use watcher::sink::file::Existing;
use watcher::sink::ndjson::{NdjsonSink, Opening};
use watcher::verdict::json;
use watcher::verdict::policy::Policy;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn rules() -> Arc<RuleSet> {
    Arc::new(load(&[Source { name: "protocol".into(), text: demo::RULES.into() }]).unwrap())
}

fn origin() -> Origin {
    Origin { source: "live.ndjson".into(), file: "0".into(), offset: 0, line: Some(1), part: 0 }
}

fn records() -> Vec<Record> {
    let mut parser = Parser::new(Limits::default(), &[]);
    let parse = |(seq, line): (usize, &str)| {
        parser.parse(Seq(seq as u64), origin(), Bytes::copy_from_slice(line.as_bytes())).unwrap()
    };
    demo::TRAFFIC.lines().enumerate().map(parse).collect()
}

fn stages(c: &mut Criterion) {
    let lines: Vec<Bytes> = demo::TRAFFIC.lines().map(|line| Bytes::copy_from_slice(line.as_bytes())).collect();
    let mut group = c.benchmark_group("a pass over live.ndjson");
    group.throughput(Throughput::Elements(lines.len() as u64)).sample_size(20);
    group.bench_function("baseline: serde_json::Value", |b| {
        b.iter(|| {
            for line in &lines {
                black_box(serde_json::from_slice::<serde_json::Value>(line).unwrap());
            }
        });
    });
    let mut parser = Parser::new(Limits::default(), &[]);
    group.bench_function("parse", |b| {
        b.iter(|| {
            for line in &lines {
                black_box(parser.parse(Seq(0), origin(), line.clone()).unwrap());
            }
        });
    });
    let records = records();
    let setup = || Setup {
        rules: rules(),
        policy: Policy::calibrated(),
        drift: drift::Options::default(),
        earlier: None,
        embedding: (Mode::None, "none".into()),
        live: false,
    };
    let arrival = Arrival { read_at: Duration::ZERO, embedding_us: 0, otherwise: None, shed: false };
    let mut judge = Judge::new(setup(), SystemClock::shared());
    group.bench_function("judge: rules and drift", |b| {
        b.iter(|| {
            for record in &records {
                black_box(judge.judge(record, Texts::default(), arrival));
            }
        });
    });
    let mut judge = Judge::new(setup(), SystemClock::shared());
    let verdicts: Vec<_> =
        records.iter().map(|record| judge.judge(record, Texts::default(), arrival).verdict).collect();
    let mut out = Vec::new();
    group.bench_function("write verdicts", |b| {
        b.iter(|| {
            for verdict in &verdicts {
                out.clear();
                json::write(&mut out, verdict, json::Options::default());
                black_box(&out);
            }
        });
    });
    group.bench_function("words of all samples", |b| {
        b.iter(|| {
            for record in &records {
                record.samples.iter().for_each(|sample| drop(black_box(Words::of(sample))));
            }
        });
    });
    let words: Vec<Vec<Words>> =
        records.iter().map(|record| record.samples.iter().map(|sample| Words::of(sample)).collect()).collect();
    group.bench_function("Jensen-Shannon of all pairs", |b| {
        b.iter(|| {
            for words in &words {
                for i in 0..words.len() {
                    for j in i + 1..words.len() {
                        black_box(jensen_shannon(&words[i], &words[j]));
                    }
                }
            }
        });
    });
    group.finish();
}

fn replay(path: PathBuf, backend: Choice, output: &Path) -> u64 {
    let opening = Opening { existing: Existing::Replace, max_bytes: None, options: json::Options::default() };
    let options = Options {
        pool: pool::Options { cache_bytes: 32 << 20, ..pool::Options::default() },
        threads: 2,
        sink: Some(NdjsonSink::open(output, opening).unwrap()),
        ..Options::of_log(path, rules(), backend)
    };
    let (updates, handle) = Pipeline::start(options, SystemClock::shared()).unwrap().split();
    loop {
        if let Update::Finished(summary) = updates.recv().unwrap() {
            // The output is given back.
            handle.finish(Duration::from_secs(1));
            return summary.records;
        }
    }
}

/// Bounds: at least 300,000 records a second without divergence, 50,000 with lexical divergence, on two cores; records
/// of about 500 bytes from the page cache, verdicts written to a file. Beside it, what reading the same file with
/// `serde_json` alone takes, on one core.
fn whole(c: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let (path, output) = (dir.path().join("log.ndjson"), dir.path().join("verdicts.ndjson"));
    let traffic: String =
        demo::TRAFFIC.lines().filter(|line| line.len() < 900).map(|line| format!("{line}\n")).collect();
    let repeated = 60;
    std::fs::write(&path, traffic.repeat(repeated)).unwrap();
    let count = (repeated * traffic.lines().count()) as u64;
    let mut group = c.benchmark_group("headless replay of a log");
    group.throughput(Throughput::Elements(count)).sample_size(20);
    group.bench_function("baseline: serde_json::Value of every line", |b| {
        b.iter(|| {
            let text = std::fs::read(&path).unwrap();
            for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                black_box(serde_json::from_slice::<serde_json::Value>(line).unwrap());
            }
        });
    });
    for (name, backend) in [("none", Choice::None), ("lexical", Choice::Lexical)] {
        group.bench_function(name, |b| b.iter(|| assert_eq!(replay(path.clone(), backend, &output), count)));
    }
    group.finish();
    println!("records of {} bytes on average", traffic.len() / traffic.lines().count());
}

/// One request with its three answers, in every format: as many bytes of text, the same records.
fn written(format: &str, n: usize) -> String {
    let answers = [
        format!("The parcel {n} was handed over on 3 March and arrives on Friday."),
        format!("Parcel {n} arrives on Friday; it was handed over on 3 March."),
        format!("It arrives on Friday, the parcel {n}, and was handed over on 3 March."),
    ];
    let (model, asked) = (["gpt-4o", "gpt-4o-mini", "claude-sonnet-4"][n % 3], format!("Where is parcel {n}?"));
    let (at, nanos) = (1_772_614_800 + n as i64 / 50, 1_772_614_800_000_000_000 + n as i64 * 20_000_000);
    let took = 300 + n as i64 % 700;
    let native = serde_json::json!({"id": format!("r{n}"), "ts": at, "model": model, "prompt": asked, "samples": answers,
        "latency_ms": took, "metrics": {"input_tokens": 120, "output_tokens": 60}});
    let text = |key: &str, value: String| serde_json::json!({"key": key, "value": {"stringValue": value}});
    let value = match format {
        "generic" => serde_json::json!({"request": format!("r{n}"), "time": at, "model": model, "question": asked,
            "answers": answers, "ms": took, "input_tokens": 120, "output_tokens": 60}),
        "openai" => {
            let choice = |(index, text): (usize, &String)| {
                serde_json::json!({"index": index, "finish_reason": "stop",
                "message": {"role": "assistant", "content": text}})
            };
            let choices: Vec<_> = answers.iter().enumerate().map(choice).collect();
            serde_json::json!({"request": {"model": model, "messages": [{"role": "user", "content": asked}]},
                "response": {"id": format!("r{n}"), "object": "chat.completion", "created": at, "model": model,
                    "choices": choices, "usage": {"prompt_tokens": 120, "completion_tokens": 60, "total_tokens": 180}},
                "latency_ms": took})
        }
        "otel" => {
            let message = |text: &String| {
                serde_json::json!({"role": "assistant", "finish_reason": "stop",
                "parts": [{"type": "text", "content": text}]})
            };
            let output = serde_json::Value::from(answers.iter().map(message).collect::<Vec<_>>()).to_string();
            let input =
                serde_json::json!([{"role": "user", "parts": [{"type": "text", "content": asked}]}]).to_string();
            serde_json::json!({"resourceSpans": [{"resource": {"attributes": [text("service.name", "shop".into())]},
                "scopeSpans": [{"spans": [{"traceId": format!("{n:032x}"), "spanId": format!("{n:016x}"),
                    "name": "chat", "startTimeUnixNano": nanos.to_string(),
                    "endTimeUnixNano": (nanos + took * 1_000_000).to_string(),
                    "attributes": [text("gen_ai.operation.name", "chat".into()),
                        text("gen_ai.response.model", model.into()),
                        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "120"}},
                        text("gen_ai.input.messages", input), text("gen_ai.output.messages", output)]}]}]}]})
        }
        "langfuse" => serde_json::json!({"id": format!("r{n}"), "trace_id": format!("t{n}"), "type": "GENERATION",
            "start_time": "2026-03-04 09:00:00.000000", "end_time": "2026-03-04 09:00:00.812000",
            "provided_model_name": model, "input": asked, "output": answers,
            "usage_details": {"input": 120, "output": 60}}),
        "docker" => serde_json::json!({"log": format!("{native}\n"), "stream": "stdout",
            "time": "2026-03-04T09:00:00.123456789Z"}),
        "cri" => return format!("2026-03-04T09:00:00.123456789Z stdout F {native}\n"),
        "pretty" => return format!("{native:#}\n"),
        "chunks" => {
            let chunk = |index: usize, text: &str, done: bool| {
                serde_json::json!({"id": format!("r{n}"),
                "object": "chat.completion.chunk", "created": at, "model": model, "usage": null,
                "choices": [{"index": index, "delta": {"content": text}, "finish_reason": done.then_some("stop")}]})
            };
            let of_answer = |(index, text): (usize, &String)| {
                let (head, tail) = text.split_at(text.len() / 2);
                format!("{}\n{}\n", chunk(index, head, false), chunk(index, tail, true))
            };
            let usage = serde_json::json!({"id": format!("r{n}"), "object": "chat.completion.chunk", "created": at,
                "choices": [], "usage": {"prompt_tokens": 120, "completion_tokens": 60}});
            return answers.iter().enumerate().map(of_answer).collect::<String>() + &format!("{usage}\n");
        }
        _ => native,
    };
    format!("{value}\n")
}

/// The same requests in each format, read and judged to the end without divergence; native first, as the baseline.
fn formats(c: &mut Criterion) {
    const COUNT: usize = 60_000;
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("verdicts.ndjson");
    let mut group = c.benchmark_group("headless replay of the same requests as");
    group.throughput(Throughput::Elements(COUNT as u64)).sample_size(10);
    for format in ["native", "generic", "openai", "otel", "langfuse", "chunks", "docker", "cri", "pretty"] {
        let path = dir.path().join(format!("{format}.log"));
        let text: String = (0..COUNT).map(|n| written(format, n)).collect();
        let name = format!("{format}, {} bytes each", text.len() / COUNT);
        std::fs::write(&path, text).unwrap();
        group.bench_function(name, |b| {
            b.iter(|| assert_eq!(replay(path.clone(), Choice::None, &output), COUNT as u64));
        });
    }
    group.finish();
}

criterion_group!(benches, stages, whole, formats);
criterion_main!(benches);
