//! Tests of the window against a plain model, and its timing.
//!
//! The model keeps what was pushed in a Vec, sorts it by time and computes everything afresh. It says what the window
//! must do: see [`Model::push`].

use super::{Aggregate, LATE_IN_A_ROW, Span, Window};
use proptest::prelude::*;

pub(super) const ALL: [Aggregate; 12] = [
    Aggregate::Count,
    Aggregate::Rate,
    Aggregate::Mean,
    Aggregate::Min,
    Aggregate::Max,
    Aggregate::Quantile(0.0),
    Aggregate::Quantile(0.5),
    Aggregate::Quantile(0.95),
    Aggregate::Quantile(1.0),
    Aggregate::Stddev,
    Aggregate::Ratio,
    Aggregate::Distinct,
];

struct Model {
    aggregate: Aggregate,
    span: Span,
    most: usize,
    newest: Option<i64>,
    late: u32,
    cut: u64,
    /// In order of arrival.
    held: Vec<(i64, f64)>,
}

impl Model {
    /// Whether a value of this time is a span old or more.
    fn old(&self, at: i64) -> bool {
        match (self.span, self.newest) {
            (Span::Over(length), Some(newest)) => i128::from(at) <= i128::from(newest) - i128::from(length),
            _ => false,
        }
    }

    fn advance(&mut self, now: i64) {
        self.newest = self.newest.max(Some(now));
        let all = std::mem::take(&mut self.held);
        self.held = all.into_iter().filter(|(at, _)| !self.old(*at)).collect();
    }

    fn push(&mut self, at: Option<i64>, value: f64) -> bool {
        if !value.is_finite() {
            return false;
        }
        if let Span::Last(records) = self.span {
            self.newest = self.newest.max(at);
            self.held.push((0, value));
            let extra = self.held.len().saturating_sub(records);
            self.held.drain(..extra);
        } else {
            let Some(at) = at else { return false };
            if self.old(at) {
                self.late += 1;
                if self.late < LATE_IN_A_ROW {
                    return false;
                }
                (self.newest, self.held) = (None, Vec::new());
            }
            self.late = 0;
            self.advance(at);
            self.held.push((at, value));
        }
        let arrived = self.held.len() - 1;
        if self.held.len() <= self.most {
            return true;
        }
        // The first of the least time goes.
        let oldest = (0..self.held.len()).min_by_key(|i| self.held[*i].0).unwrap();
        self.held.remove(oldest);
        self.cut += 1;
        oldest != arrived
    }

    fn value(&self) -> Option<f64> {
        let mut values: Vec<f64> = self.held.iter().map(|(_, value)| *value).collect();
        values.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let n = values.len() as f64;
        let (least, greatest) = (*values.first()?, *values.last()?);
        // Taken from the least value, a mean near 1e9 is as good as one near 0.
        let mean = least + values.iter().map(|v| v - least).sum::<f64>() / n;
        match (self.aggregate, self.span) {
            (Aggregate::Count, _) => Some(n),
            (Aggregate::Rate, Span::Over(length)) => Some(n / (length as f64 / 1e9)),
            (Aggregate::Rate, Span::Last(_)) => None,
            (Aggregate::Mean | Aggregate::Ratio, _) => Some(mean),
            (Aggregate::Min, _) => Some(least),
            (Aggregate::Max, _) => Some(greatest),
            (Aggregate::Quantile(q), _) => Some(values[((q * n).ceil() as usize).max(1) - 1]),
            (Aggregate::Stddev, _) if values.len() < 2 => None,
            (Aggregate::Stddev, _) => {
                // In shares of the range, so that no square is out of the range of floats.
                let range = if greatest > least { greatest - least } else { 1.0 };
                let off: Vec<f64> = values.iter().map(|v| (v - least) / range).collect();
                let mean = off.iter().sum::<f64>() / n;
                Some(range * (off.iter().map(|o| (o - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt())
            }
            (Aggregate::Distinct, _) => {
                values.dedup();
                Some(values.len() as f64)
            }
        }
    }
}

fn near(one: Option<f64>, two: Option<f64>, size: f64) -> bool {
    match (one, two) {
        (Some(one), Some(two)) => (one - two).abs() <= 1e-9 * one.abs().max(size),
        (one, two) => one == two,
    }
}

#[derive(Clone, Debug)]
enum Step {
    Push(Option<i64>, f64),
    /// A time from the newest on (or back), as records come in life.
    Near(i64, f64),
    Advance(i64),
    /// So many values at once, to fill blocks.
    Many(u16, i64),
    Save,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let value = prop_oneof![
        6 => (-5_i8..5).prop_map(f64::from),
        4 => -1.0..1.0,
        3 => (-1e-3..1e-3).prop_map(|v| v + 1e9),
        1 => prop_oneof![Just(1e300), Just(-1e-300), Just(0.0), Just(-0.0), Just(f64::NAN), Just(f64::INFINITY)],
    ];
    let value = value.boxed();
    let step = prop_oneof![
        4 => (prop::option::weighted(0.9, -50_i64..150), value.clone()).prop_map(|(at, v)| Step::Push(at, v)),
        12 => (-40_i64..6, value.clone()).prop_map(|(by, v)| Step::Near(by, v)),
        1 => (prop_oneof![Just(i64::MAX), Just(i64::MIN), Just(5000_i64)], value).prop_map(|(at, v)| Step::Push(Some(at), v)),
        1 => (-50_i64..200).prop_map(Step::Advance),
        1 => (1_u16..700, 0_i64..40).prop_map(|(n, back)| Step::Many(n, back)),
        1 => Just(Step::Save),
    ];
    prop::collection::vec(step, 1..80)
}

fn step(window: &mut Window, model: &mut Model, step: &Step) -> Result<(), TestCaseError> {
    let newest = model.newest.unwrap_or(0);
    match *step {
        Step::Push(at, value) => prop_assert_eq!(window.push(at, value), model.push(at, value)),
        Step::Near(by, value) => {
            let at = Some(newest.saturating_add(by));
            prop_assert_eq!(window.push(at, value), model.push(at, value));
        }
        Step::Advance(now) => {
            window.advance(now);
            model.advance(now);
        }
        Step::Many(count, back) => {
            for i in 0..i64::from(count) {
                let at = Some(newest.saturating_sub(i * 7919 % (back + 1)));
                let value = (i * 31 % 101) as f64 * 0.1;
                prop_assert_eq!(window.push(at, value), model.push(at, value));
            }
        }
        Step::Save => {
            let again: Window = serde_json::from_str(&serde_json::to_string(&*window).unwrap()).unwrap();
            prop_assert!(again == *window);
            *window = again;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 768, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn as_the_model(
        aggregate in prop::sample::select(ALL.to_vec()),
        span in prop_oneof![
            (1_i64..60).prop_map(Span::Over), Just(Span::Over(i64::MAX)),
            (1_usize..12).prop_map(Span::Last), (200_usize..900).prop_map(Span::Last),
        ],
        most in prop_oneof![1_usize..8, 200_usize..1000, Just(100_000)],
        all in steps(),
    ) {
        let mut window = Window::new(aggregate, span, most);
        let mut model = Model { aggregate, span, most, newest: None, late: 0, cut: 0, held: Vec::new() };
        for (i, one) in all.iter().enumerate() {
            step(&mut window, &mut model, one)?;
            prop_assert_eq!((window.len(), window.cut()), (model.held.len(), model.cut), "after step {}", i);
            prop_assert_eq!(window.newest(), model.newest);
            prop_assert_eq!(window.is_empty(), model.held.is_empty());
            // A mean that cancels out is measured by the size of the values, all else by itself.
            let size = model.held.iter().fold(0.0_f64, |size, (_, value)| size.max(value.abs()));
            let size = if matches!(aggregate, Aggregate::Mean | Aggregate::Ratio) { size } else { 0.0 };
            let (one, two) = (window.value(), model.value());
            prop_assert!(near(one, two, size), "{:?} is {:?}, wanted {:?} after step {}", aggregate, one, two, i);
        }
    }
}

#[test]
fn hashes() {
    let mut window = Window::new(Aggregate::Distinct, Span::Last(3), 10);
    for (hash, wanted) in [(u64::MAX, 1.0), (7, 2.0), (7, 2.0), (7, 1.0), (8, 2.0)] {
        assert!(window.push_hash(None, hash));
        assert_eq!(window.value(), Some(wanted));
    }
}

#[test]
fn what_left_leaves_no_trace() {
    for (aggregate, wanted) in [(Aggregate::Mean, 0.2), (Aggregate::Stddev, 0.1)] {
        let mut window = Window::new(aggregate, Span::Last(3), 10);
        for value in [1e300, -1e17, 0.1, 0.2, 0.3] {
            assert!(window.push(None, value));
        }
        assert!(window.value().is_some_and(|value| (value - wanted).abs() < 1e-15), "{:?}", window.value());
    }
}

/// Run with: cargo test --release -- --ignored --nocapture timing
#[test]
#[ignore = "prints times, proves nothing"]
#[allow(clippy::disallowed_methods, reason = "measures the real time it takes")]
fn timing() {
    const HELD: i64 = 65_536;
    for (name, disorder) in [("in order", 1_i64), ("out of order", 30_000)] {
        for aggregate in ALL {
            let mut window = Window::new(aggregate, Span::Over(HELD), usize::MAX);
            let mut random = 1_u64;
            let mut next = |i: i64| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (Some(i - (random >> 33) as i64 % disorder), (random >> 40) as f64)
            };
            for i in 0..HELD * 2 {
                let (at, value) = next(i);
                window.push(at, value);
            }
            let start = std::time::Instant::now();
            // Not a multiple of a block, so that the first block must be summed for each value.
            for i in HELD * 2..HELD * 6 + 100 {
                let (at, value) = next(i);
                std::hint::black_box(window.push(at, value));
            }
            let push = start.elapsed().as_nanos() as f64 / (HELD * 4) as f64;
            let start = std::time::Instant::now();
            for _ in 0..10_000 {
                std::hint::black_box(std::hint::black_box(&window).value());
            }
            let value = start.elapsed().as_nanos() as f64 / 10_000.0;
            println!("{aggregate:?} {name}: {} held, push {push:.0} ns, value {value:.0} ns", window.len());
        }
    }
}
