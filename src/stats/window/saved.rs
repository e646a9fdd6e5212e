//! How a [`Window`] is written down and made again.
//!
//! Values are saved as their 64 bits, for not every format gives a float back to the last bit. The sizes of the blocks
//! go along, so that sums come out the same to the last bit. What can be derived is left out.

use super::blocks::BLOCK;
use super::{Aggregate, LATE_IN_A_ROW, Span, Window};
use serde::{Deserialize, Serialize, Serializer};

/// The written form. Lists that the window does not need are empty.
#[derive(Serialize, Deserialize)]
pub(super) struct Saved {
    aggregate: Aggregate,
    span: Span,
    most: usize,
    newest: Option<i64>,
    late: u32,
    cut: u64,
    sizes: Vec<usize>,
    times: Vec<i64>,
    bits: Vec<u64>,
}

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let saved = Saved {
            aggregate: self.aggregate,
            span: self.span,
            most: self.most,
            newest: self.newest,
            late: self.late,
            cut: self.cut,
            sizes: self.held.sizes().collect(),
            times: self.held.times().collect(),
            bits: self.held.bits().collect(),
        };
        saved.serialize(serializer)
    }
}

impl TryFrom<Saved> for Window {
    type Error = &'static str;

    fn try_from(saved: Saved) -> Result<Self, Self::Error> {
        let mut window = Self::new(saved.aggregate, saved.span, saved.most);
        window.newest = saved.newest;
        window.late = saved.late;
        window.cut = saved.cut;
        saved.check(&window)?;
        let (mut times, mut bits) = (saved.times.into_iter(), saved.bits.into_iter());
        for size in saved.sizes {
            window.held.open();
            for _ in 0..size {
                let (at, bits) = (times.next().unwrap_or(0), bits.next().unwrap_or(0));
                window.held.push_back(at, bits);
                window.index(bits);
            }
        }
        Ok(window)
    }
}

impl Saved {
    /// That a window like this one could have been saved so.
    fn check(&self, window: &Window) -> Result<(), &'static str> {
        let keep = window.held.keep();
        let room = match window.span {
            Span::Over(_) => window.most,
            Span::Last(records) => window.most.min(records),
        };
        let count = self.sizes.iter().fold(0_usize, |sum, size| sum.saturating_add(*size));
        if self.sizes.iter().any(|size| !(1..=BLOCK).contains(size)) || count > room {
            return Err("saved window: more values than it has room for");
        }
        let wanted = |kept: bool| if kept { count } else { 0 };
        if self.times.len() != wanted(keep.times) || self.bits.len() != wanted(keep.bits) {
            return Err("saved window: a list is too short or too long");
        }
        let too_old = self.times.first().zip(window.floor()).is_some_and(|(first, floor)| *first <= floor);
        let too_new = self.times.last().copied() > self.newest;
        if !self.times.is_sorted() || too_old || too_new || self.late >= LATE_IN_A_ROW {
            return Err("saved window: times out of order or out of the span");
        }
        let numbers = self.aggregate != Aggregate::Distinct;
        if numbers && self.bits.iter().any(|bits| !f64::from_bits(*bits).is_finite()) {
            return Err("saved window: a value is not a finite number");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_str, from_value, json, to_string, to_value};

    fn filled(aggregate: Aggregate, span: Span) -> Window {
        let mut window = Window::new(aggregate, span, 700);
        for i in 0..2000_i64 {
            window.push(Some(i + i * 7919 % 97), (i * 31 % 1009) as f64 * 0.1 - 20.0);
        }
        window
    }

    #[test]
    fn the_same_future() {
        for span in [Span::Over(650), Span::Over(5000), Span::Last(600)] {
            for aggregate in super::super::model::ALL {
                let mut one = filled(aggregate, span);
                let mut two: Window = from_str(&to_string(&one).unwrap()).unwrap();
                assert_eq!(one, two);
                for i in 0..1500_i64 {
                    let (at, value) = (Some(2000 + i - i * 7919 % 97), 1.0 / (i + 1) as f64);
                    assert_eq!(one.push(at, value), two.push(at, value));
                    assert_eq!(one.value().map(f64::to_bits), two.value().map(f64::to_bits), "{aggregate:?} {span:?}");
                }
                assert_eq!(one, two);
                assert_eq!(one.cut(), two.cut());
            }
        }
    }

    #[test]
    fn damage_is_refused() {
        let good = to_value(filled(Aggregate::Mean, Span::Over(650))).unwrap();
        assert!(from_value::<Window>(good.clone()).is_ok());
        let damage = [
            ("sizes", json!([0])),
            ("sizes", json!([257])),
            ("sizes", json!([u64::MAX, 5])),
            ("times", json!([])),
            ("bits", json!([])),
            ("newest", json!(null)),
            ("newest", json!(5)),
            ("newest", json!(i64::MAX)),
            ("late", json!(8)),
            ("most", json!(3)),
            ("aggregate", json!("Sum")),
        ];
        for (field, value) in damage {
            let mut bad = good.clone();
            bad[field] = value.clone();
            assert!(from_value::<Window>(bad).is_err(), "{field} {value}");
        }
        let mut bad = good.clone();
        bad["bits"][0] = json!(f64::NAN.to_bits());
        assert!(from_value::<Window>(bad).is_err());
        let mut bad = good;
        bad["times"].as_array_mut().unwrap().reverse();
        assert!(from_value::<Window>(bad).is_err());
    }
}
