//! What a row of a series costs with all scalar layers, beside the all-time z-score; allocations after the warm-up, and
//! bytes a series. `cargo bench --bench drift`; bounds: 300 ns a row, no allocation.
//!
//! `cargo bench --bench drift -- thresholds` makes the table of `engine/drift/budget.rs` anew by simulation, and compares.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use criterion::Criterion;
use watcher::engine::drift::auto::{Auto, Setting};
use watcher::engine::drift::budget::Thresholds;
use watcher::engine::drift::space::Space;
use watcher::engine::drift::zscore::ZScore;
use watcher::engine::drift::{Detector, Row};
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

/// Numbers that look random and are the same every time (splitmix64).
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().max(f64::MIN_POSITIVE).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// Rows of a kind without any change.
fn rows(kind: &str, count: usize, seed: u64) -> Vec<f64> {
    let mut random = Random(seed);
    let mut last = 0.0;
    let mut row = |_| {
        let z = random.normal();
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
        let mut vector: Vec<f32> = (0..384).map(|_| random.normal() as f32).collect();
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

fn main() {
    if std::env::args().any(|argument| argument == "thresholds") {
        return thresholds();
    }
    let mut criterion = Criterion::default().configure_from_args();
    cost(&mut criterion);
    memory();
    criterion.final_summary();
}
