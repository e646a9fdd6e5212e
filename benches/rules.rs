//! What rules cost a record, beside the `cel` crate on the same conditions; and what a backtest of them costs.
//! `cargo bench --bench rules`; bounds: 100 limits < 1 µs, an expression of five terms < 60 ns, the five protocol rules
//! < 100 ns over a projected record, 100,000 records × 50 rules < 50 ms.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use cel::{Context, Program};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use watcher::engine::constraints::Constraints;
use watcher::engine::constraints::backtest::Past;
use watcher::engine::{Engine, Evidence};
use watcher::history::{History, Retention, Row};
use watcher::pipeline::demo;
use watcher::record::native::Parser;
use watcher::record::{Limits, Origin, Record, Seq};
use watcher::rules::condition::Condition;
use watcher::rules::schema::{Source, load};
use watcher::rules::{RuleSet, Stage};
use watcher::verdict::{Divergence, Outcome, Verdict};

const FIVE: &str = r#"{"physics":{"energy_in":100,"energy_out":90},"financial":{"proposed_loss":-5},
"metrics":{"temperature":300,"pressure":90000,"leverage_ratio":2,"a":1,"b":2}}"#;

const FIVE_TERMS: &str = "a * 2.0 + b - c / d <= e";

fn origin() -> Origin {
    Origin { source: "bench".into(), file: "0".into(), offset: 0, line: None, part: 0 }
}

fn record(parser: &mut Parser, seq: u64, line: &str) -> Record {
    parser.parse(Seq(seq), origin(), Bytes::copy_from_slice(line.as_bytes())).unwrap()
}

fn rules(text: &str) -> Arc<RuleSet> {
    Arc::new(load(&[Source { name: "bench".into(), text: text.into() }]).unwrap())
}

/// All the engine does with a record at its first stage; `projected` leaves out the way from the record to the slots.
fn engine(c: &mut Criterion, name: &str, rules: Arc<RuleSet>, record: &Record) {
    let mut engine = Constraints::new(rules);
    let mut evidence = Evidence::new(record, &[], Divergence::none(Outcome::Scored, "bench".into()));
    c.bench_function(&format!("{name}, from the record"), |b| {
        b.iter(|| black_box(engine.run(Stage::Record, &mut evidence)));
    });
    c.bench_function(&format!("{name}, over a projected record"), |b| {
        b.iter(|| engine.check_projected(Stage::Record, black_box(&mut evidence)));
    });
    assert!(evidence.violations.is_empty());
}

fn limits(count: usize) -> String {
    let limit = |n: usize| format!("  - id: r{n}\n    limit: {{field: metrics.m{}, max: {}}}\n", n % 10, 100 + n);
    format!("version: 1\nrules:\n{}", (0..count).map(limit).collect::<String>())
}

fn one_record(c: &mut Criterion) {
    let mut parser = Parser::new(Limits::default(), &[]);
    let five = record(&mut parser, 0, FIVE);
    engine(c, "five protocol rules", rules(demo::RULES), &five);
    let metrics: Vec<String> = (0..10).map(|n| format!("\"m{n}\":{n}")).collect();
    let ten = record(&mut parser, 0, &format!("{{\"metrics\":{{{}}}}}", metrics.join(",")));
    engine(c, "100 limits", rules(&limits(100)), &ten);

    let terms = record(&mut parser, 0, r#"{"a":1,"b":2,"c":3,"d":4,"e":5}"#);
    let mut condition = Condition::parse(FIVE_TERMS).unwrap();
    c.bench_function("five terms, from the record", |b| b.iter(|| black_box(condition.truth(black_box(&terms)))));
    c.bench_function("five terms, over a projected record", |b| {
        b.iter(|| black_box(condition.again(black_box(&terms))))
    });
    // The same in the crate, with its variables set once.
    let program = Program::compile(FIVE_TERMS).unwrap();
    let mut context = Context::default();
    for (name, value) in [("a", 1.0), ("b", 2.0), ("c", 3.0), ("d", 4.0), ("e", 5.0)] {
        context.add_variable_from_value(name, value);
    }
    c.bench_function("five terms, the cel crate", |b| b.iter(|| black_box(program.execute(&context).unwrap())));
    // The protocol's five rules as the crate would have them: one spelling each.
    let texts =
        ["energy_out <= energy_in", "loss >= -10000.0", "temperature >= 0.0", "pressure >= 0.0", "leverage <= 10.0"];
    let programs: Vec<Program> = texts.iter().map(|text| Program::compile(text).unwrap()).collect();
    let values = [
        ("energy_in", 100.0),
        ("energy_out", 90.0),
        ("loss", -5.0),
        ("temperature", 300.0),
        ("pressure", 9e4),
        ("leverage", 2.0),
    ];
    for (name, value) in values {
        context.add_variable_from_value(name, value);
    }
    c.bench_function("five protocol rules, the cel crate", |b| {
        b.iter(|| programs.iter().for_each(|program| drop(black_box(program.execute(&context).unwrap()))));
    });
}

/// 100,000 records and 50 rules: half limits, half numeric expressions.
fn backtest(c: &mut Criterion) {
    const ROWS: u64 = 100_000;
    let mut parser = Parser::new(Limits::default(), &[]);
    let mut history = History::new(Retention { bytes: usize::MAX, rows: usize::MAX });
    let row = |n: u64| {
        let metrics: Vec<String> = (0..10).map(|m| format!("\"m{m}\":{}", (n * (m + 7)) % 1_000)).collect();
        let record = record(&mut parser, n, &format!("{{\"ts\":{n},\"metrics\":{{{}}}}}", metrics.join(",")));
        let verdict = Verdict::unjudged(&record);
        Row { record: Arc::new(record), verdict: Arc::new(verdict), other: None }
    };
    history.append((0..ROWS).map(row).collect());
    let expression = |n: usize| {
        let field = |k: usize| format!("metrics.m{}", (n + k) % 10);
        format!(
            "  - {{id: e{n}, alert_if: '{} * 2 + {} - {} / 3 > {} && {} < 990'}}\n",
            field(0),
            field(1),
            field(2),
            2_500 + n,
            field(3)
        )
    };
    let text = limits(25) + &(0..25).map(expression).collect::<String>();
    let set = rules(&text);
    let go = AtomicBool::new(false);
    let mut group = c.benchmark_group("backtest of 100,000 records");
    group.sample_size(20);
    group.bench_function("50 rules, nothing prepared", |b| {
        b.iter_batched(
            || Past::new(history.view()),
            |mut past| black_box(past.run(&set, |_| true, &go).unwrap()),
            BatchSize::LargeInput,
        );
    });
    let mut past = Past::new(history.view());
    past.run(&set, |_| true, &go).unwrap();
    group.bench_function("50 rules, at a further keystroke", |b| {
        b.iter(|| black_box(past.run(&set, |_| true, &go).unwrap()))
    });
    group.bench_function("one rule, at a further keystroke", |b| {
        b.iter(|| black_box(past.run(&set, |rule| &*rule.id == "e7", &go).unwrap()))
    });
    group.finish();
}

criterion_group!(benches, one_record, backtest);
criterion_main!(benches);
