//! What a row of a series costs with all scalar layers, beside the all-time z-score; allocations after the warm-up, and
//! bytes a series. `cargo bench --bench drift`; bounds: 300 ns a row, no allocation.
//!
//! `cargo bench --bench drift -- meaning` counts false alarms and changes found in streams of texts.
//!
//! `cargo bench --bench drift -- thresholds` makes the table of `engine/drift/budget.rs` anew by simulation, and compares.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

#[path = "../tests/it/streams.rs"]
mod streams;

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use criterion::Criterion;
use streams::{Answer, CHANGE, CHANGES, Random, calm, changed, pool};
use watcher::engine::drift::auto::{Auto, Setting};
use watcher::engine::drift::budget::Thresholds;
use watcher::engine::drift::meaning::Meaning;
use watcher::engine::drift::space::Space;
use watcher::engine::drift::zscore::ZScore;
use watcher::engine::drift::{Detector, Row};
use watcher::engine::embedding::model::Vector;
use watcher::engine::embedding::select::{Choice, Options, select};
use watcher::record::Seq;

/// Counts what is allocated.
struct Counting;

static COUNT: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is handed to the system's allocator as it came.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(layout.size() as u64, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size() as u64, Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A standard Gaussian number (Box and Muller).
fn normal(random: &mut Random) -> f64 {
    let radius = (-2.0 * random.uniform().max(f64::MIN_POSITIVE).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.uniform()).cos()
}

/// Rows of a kind without any change.
fn rows(kind: &str, count: usize, seed: u64) -> Vec<f64> {
    let mut random = Random(seed);
    let mut last = 0.0;
    let mut row = |_| {
        let z = normal(&mut random);
        last = 0.7 * last + z;
        match kind {
            "lognormal" => (0.6 * z).exp(),
            "dependent" => last,
            "0/1, 5 %" => f64::from(u8::from(random.uniform() < 0.05)),
            _ => z,
        }
    };
    (0..count).map(&mut row).collect()
}

fn run(detector: &mut impl Detector, values: &[f64], limits: &Thresholds, time: bool) -> u32 {
    let mut alarms = 0;
    for (seq, value) in (0..).zip(values) {
        let at = time.then_some(1_700_000_000_000 + seq as i64 * 60_000);
        let reading = detector.observe(Row { seq: Seq(seq), at, value: *value }, limits);
        alarms += u32::from(reading.alarm);
    }
    alarms
}

fn cost(c: &mut Criterion) {
    let limits = Thresholds::new(1e9);
    let mut group = c.benchmark_group("a row");
    group.throughput(criterion::Throughput::Elements(10_000));
    for kind in ["Gaussian", "lognormal", "dependent", "0/1, 5 %"] {
        let values = rows(kind, 10_000, 7);
        let mut warm = Auto::new(Setting::default());
        run(&mut warm, &values, &limits, false);
        group.bench_function(format!("all layers, {kind}"), |b| {
            b.iter(|| run(&mut warm, black_box(&values), &limits, false))
        });
    }
    let values = rows("Gaussian", 10_000, 7);
    let mut timed = Auto::new(Setting::default());
    run(&mut timed, &values, &limits, true);
    group.bench_function("all layers and the course of the day", |b| {
        b.iter(|| run(&mut timed, black_box(&values), &limits, true));
    });
    let mut welford = ZScore::default();
    group.bench_function("the all-time z-score", |b| b.iter(|| run(&mut welford, black_box(&values), &limits, false)));
    group.finish();
}

fn memory() {
    let limits = Thresholds::new(1e9);
    let values = rows("Gaussian", 20_000, 7);
    for (what, time) in [("without a clock", false), ("with the course of the day", true)] {
        let before = BYTES.load(Ordering::Relaxed);
        let mut detector = Box::new(Auto::new(Setting::default()));
        run(detector.as_mut(), &values[..10_000], &limits, time);
        let bytes = BYTES.load(Ordering::Relaxed) - before;
        let count = COUNT.load(Ordering::Relaxed);
        run(detector.as_mut(), &values[10_000..], &limits, time);
        let more = COUNT.load(Ordering::Relaxed) - count;
        println!("a series {what}: {bytes} bytes; {more} allocations in 10,000 rows after the first 10,000");
    }
    let before = BYTES.load(Ordering::Relaxed);
    let mut space = Space::new();
    let mut random = Random(3);
    for seq in 0..1_000 {
        let mut vector: Vec<f32> = (0..384).map(|_| normal(&mut random) as f32).collect();
        let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        vector.iter_mut().for_each(|x| *x /= norm);
        space.observe(seq, &vector, 1e4);
    }
    println!("the meaning of a key's answers: {} bytes", BYTES.load(Ordering::Relaxed) - before);
}

/// Rows of the simulation at each threshold.
const SIMULATED: usize = 3_000_000;

/// Rows of a series of it.
const SERIES: usize = 5_000;

/// Rows per alarm of one layer alone at a threshold, and how many alarms there were.
fn rows_per_alarm(layer: usize, threshold: f32) -> (f64, u32) {
    let mut limits = Thresholds {
        level: f32::INFINITY,
        spread: f32::INFINITY,
        rates: f32::INFINITY,
        shape: f32::INFINITY,
        ..Thresholds::new(1e300)
    };
    let kind = if layer == 2 { "0/1, 5 %" } else { "Gaussian" };
    *[&mut limits.level, &mut limits.spread, &mut limits.rates, &mut limits.shape][layer] = threshold;
    let alarms = (0..SIMULATED / SERIES).map(|seed| {
        run(&mut Auto::new(Setting::default()), &rows(kind, SERIES, seed as u64 * 7919 + 1), &limits, false)
    });
    let alarms: u32 = alarms.sum();
    (SIMULATED as f64 / f64::from(alarms.max(1)), alarms)
}

fn thresholds() {
    // Which share of the budget each layer has: see the table.
    let layers =
        [("level", 6.0, 13.0, 1.5), ("spread", 6.0, 12.0, 1.5), ("rates", 3.0, 11.0, 1.5), ("shape", 6.0, 1.0, 0.75)];
    println!("{:8}{:>14}{:>10}{:>10}", "layer", "rows/alarm", "made now", "shipped");
    for (index, (name, share, first, step)) in layers.into_iter().enumerate() {
        // The logarithm of the rows per alarm is about straight in the threshold.
        let points: Vec<(f64, f64)> = (0..6)
            .map(|k| (first + f64::from(k) * step, rows_per_alarm(index, (first + f64::from(k) * step) as f32)))
            .filter(|(_, (_, alarms))| *alarms >= 10)
            .map(|(threshold, (rows, _))| (rows.ln(), threshold))
            .collect();
        let n = points.len() as f64;
        let (mx, my) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
        let slope = points.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum::<f64>()
            / points.iter().map(|p| (p.0 - mx).powi(2)).sum::<f64>();
        for rows in [1e3f64, 1e4, 1e5, 1e6] {
            let made = my + slope * ((rows * share).ln() - mx);
            let shipped = Thresholds::new(rows);
            let shipped = [shipped.level, shipped.spread, shipped.rates, shipped.shape][index];
            let far =
                if (made - f64::from(shipped)).abs() > 0.1 * f64::from(shipped) + 0.5 { "  <- differs" } else { "" };
            println!("{name:8}{rows:>14.0}{made:>10.1}{shipped:>10.1}{far}");
        }
    }
}

/// Streams of texts: false alarms and changes found.
fn meaning() {
    let pool = pool(include_str!("../tests/data/text_streams.yaml"), 420, |_| true);
    let (backend, tokenizer) =
        select(&Options { backend: Choice::Portable, onnxruntime: None, model: None }).ready.model.unwrap();
    let lists: Vec<&streams::Texts> =
        [&pool.topics, &pool.refusals, &pool.templates, &pool.languages, &pool.short].into_iter().flatten().collect();
    let embed = |lists: &[&streams::Texts]| -> Vec<(String, Vec<Vector>)> {
        let mut session = backend.session().unwrap();
        let mut vector = |text: &String| session.embed(&tokenizer.ids(text).unwrap()).unwrap();
        lists.iter().map(|list| (list.name.clone(), list.texts.iter().map(&mut vector).collect())).collect()
    };
    let (one, two) = lists.split_at(lists.len() / 3);
    let vectors: HashMap<String, Vec<Vector>> = std::thread::scope(|scope| {
        let other = scope.spawn(|| embed(two));
        embed(one).into_iter().chain(other.join().unwrap()).collect()
    });
    let limits = Thresholds::default();
    let first_alarm = |stream: &[Answer<'_>]| {
        let mut meaning = Meaning::new(true);
        stream.iter().position(|(list, index)| {
            let words = list.texts[*index].split(' ').count();
            meaning.observe(Seq(*index as u64), &vectors[&list.name][*index], words, &limits).alarm
        })
    };
    let topics = pool.topics.len();
    let streams = 480;
    let alarmed =
        (0..streams).filter(|seed| first_alarm(&calm(&pool.topics[seed % topics], 1_000 + *seed as u64)).is_some());
    println!("{:20} {:.1} % of {streams} alarmed", "no change", 100.0 * alarmed.count() as f64 / streams as f64);
    let (mut all, mut all_found, mut all_delay) = (0, 0, 0);
    for kind in CHANGES {
        let start = if kind == "topic, gradual" { CHANGE - 50 } else { CHANGE };
        let (mut count, mut found, mut delay) = (0, 0, 0);
        for seed in 0..128 {
            let Some(stream) = changed(&pool, seed % topics, kind, 9_000 + seed as u64) else { continue };
            count += 1;
            if let Some(row) = first_alarm(&stream).filter(|row| *row >= start) {
                (found, delay) = (found + 1, delay + row - start);
            }
        }
        println!(
            "{kind:20} {:.1} % of {count} found after {:.1} texts",
            100.0 * f64::from(found) / f64::from(count),
            delay as f64 / f64::from(found)
        );
        (all, all_found, all_delay) = (all + count, all_found + found, all_delay + delay);
    }
    println!(
        "{:20} {:.1} % of {all} found after {:.1} texts",
        "all changes",
        100.0 * f64::from(all_found) / f64::from(all),
        all_delay as f64 / f64::from(all_found)
    );
}

fn main() {
    if std::env::args().any(|argument| argument == "meaning") {
        return meaning();
    }
    if std::env::args().any(|argument| argument == "thresholds") {
        return thresholds();
    }
    let mut criterion = Criterion::default().configure_from_args();
    cost(&mut criterion);
    memory();
    criterion.final_summary();
}
