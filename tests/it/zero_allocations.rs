//! What must not allocate, does not: counted by an allocator of the test's own thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::sync::Arc;

use watcher::engine::constraints::Constraints;
use watcher::engine::drift::auto::{Auto, Setting};
use watcher::engine::drift::budget::Thresholds;
use watcher::engine::drift::{Detector, Row};
use watcher::engine::{Engine, Evidence};
use watcher::record::Seq;
use watcher::rules::Stage;
use watcher::rules::schema::{Source, load};
use watcher::verdict::{Divergence, Outcome};

use crate::support::parse_all;

struct Counting;

thread_local! {
    /// Allocations of this thread; the others do not matter.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending has no counter any more.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: everything is handed to the system's allocator as it came.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const RULES: &str = r#"version: 1
fields: {temperature: [metrics.temperature, metrics.temp, metrics.kelvin]}
lists: {trusted: [a, b, c, d, e, f, g, h, i, gpt-4o], codes: [1, 2, 3]}
macros: {large: 'size > 100 || latency_ms > 2s'}
rules:
  - {id: limit, limit: {field: latency_ms, max: 5000, warn_max: 4000}}
  - {id: alias, limit: {field: temperature, min: 0}}
  - {id: step, limit: {field: size, max_step: 1000}}
  - {id: code, limit: {field: code, one_of: codes}}
  - {id: model, limit: {field: model, one_of: trusted}}
  - {id: sum, require: 'physics.energy_out <= physics.energy_in * 1.05 + 2 / 1 - 0 % 3'}
  - {id: choice, alert_if: '(large ? size : 0) > 1e9 && !(code in [7, 8]) && min(size, code) < -1'}
  - {id: text, alert_if: 'lower(model).contains("mini") || model.matches(r"^x\d+$") || model == desk'}
  - {id: answers, alert_if: 'samples.exists(s, size(s) == 0) || samples.all(s, s.startsWith("Sorry"))'}
  - {id: found, alert_if: 'divergence.risk > 0.5 || confidence.score < 0.2'}
  - {id: held, limit: {field: latency_ms, max: 5000}, for: 1m}
  - {id: exempt, limit: {field: latency_ms, max: 5000}, exceptions: [{when: 'desk == "hedge"', reason: r}]}
  - {id: must, limit: {field: code, max: 100}, missing: violate}
"#;

const WINDOWS: &str = r#"version: 1
rules:
  - {id: window, window: {agg: p95, field: latency_ms, last: 100, by: [model, desk]}, limit: {max: 9000}}
  - {id: rate, window: {agg: ratio, when: 'code == 3', over: 60s}, limit: {max: 0.99}}
  - {id: many, window: {agg: distinct, field: desk, over: 60s}, limit: {max: 9}, for: 1m}
"#;

#[test]
fn judging_a_sound_record_allocates_nothing() {
    assert_eq!(allocations(RULES), 0);
}

/// A window moves on by taking up and letting go blocks of a few hundred values.
#[test]
fn windows_allocate_once_in_hundreds_of_records() {
    assert!(allocations(WINDOWS) <= 30, "{}", allocations(WINDOWS));
}

/// A series that has warmed up takes no more memory, whatever it is like.
#[test]
fn watching_a_series_allocates_nothing() {
    let mut random = crate::streams::Random(3);
    let limits = Thresholds::new(1e12);
    for kind in 0..3 {
        let values: Vec<f64> = (0..6_000)
            .map(|_| match kind {
                0 => random.uniform() + random.uniform() + random.uniform(),
                1 => f64::from(u8::from(random.uniform() < 0.1)),
                _ => (random.uniform() * 5.0).floor(),
            })
            .collect();
        let mut detector = Auto::new(Setting::default());
        let mut row = |seq: usize| {
            let at = Some(1_700_000_000_000 + seq as i64 * 1_000);
            black_box(detector.observe(Row { seq: Seq(seq as u64), at, value: values[seq] }, &limits));
        };
        (0..3_000).for_each(&mut row);
        let before = COUNT.get();
        (3_000..6_000).for_each(&mut row);
        assert_eq!(COUNT.get() - before, 0, "{kind}");
    }
}

/// Allocations while 1,000 sound records are judged.
fn allocations(rules: &str) -> u64 {
    let line = |n: u64| {
        format!(
            r#"{{"ts":{},"model":"gpt-4o","desk":"d{}","latency_ms":{},"size":{n},"code":{},"physics":{{"energy_in":100,
            "energy_out":90}},"metrics":{{"temp":3,"kelvin":4}},"samples":["Yes, do.","Yes."]}}"#,
            1_000_000 + n,
            n % 3,
            500 + n % 700,
            1 + n % 3
        )
        .replace('\n', " ")
    };
    let lines: Vec<String> = (0..3_000).map(line).collect();
    let records = parse_all(lines.iter().map(String::as_str));
    let rules = load(&[Source { name: "r".into(), text: rules.into() }]).unwrap();
    let mut engine = Constraints::new(Arc::new(rules));
    let mut evidence: Vec<Evidence<'_>> = records
        .iter()
        .map(|record| {
            let mut divergence = Divergence::none(Outcome::Scored, "lexical".into());
            divergence.risk = Some(0.1);
            Evidence::new(record, &[], divergence)
        })
        .collect();
    let (warm, measured) = evidence.split_at_mut(2_000);
    let mut judge =
        |evidence: &mut Evidence<'_>| Stage::ALL.iter().for_each(|stage| engine.run(*stage, evidence).unwrap());
    // Windows fill, scratch space grows, names are looked up once.
    warm.iter_mut().for_each(&mut judge);
    let before = COUNT.get();
    measured.iter_mut().for_each(&mut judge);
    let allocations = COUNT.get() - before;
    assert!(measured.iter().all(|evidence| evidence.violations.is_empty()));
    allocations
}
