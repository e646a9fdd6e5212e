//! A bound that fires at a rate: the roundest that does.

/// Digits of a bound beyond which none is rounder.
const DIGITS: i32 = 17;

/// What a share of a count may be short of a whole number by rounding alone: 0.29 of 100 is 28.999….
const SLACK: f64 = 1e-9;

/// How far beyond all values a bound may lie, as a share of how far they are apart.
const ROOM: f64 = 0.1;

/// Which of a field's bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// A value below it fires.
    Min,
    /// A value above it fires.
    Max,
}

/// A bound and what it comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Suggestion {
    /// The bound.
    pub value: f64,
    /// The quantile that it is: of a `Max` the share of the values up to it, of a `Min` of those below it.
    pub quantile: f64,
    /// Values on which it fires.
    pub fires: u64,
    /// Values that there are.
    pub of: u64,
}

/// The roundest bound that fires on a share of at most `rate`, in [0, 1], of the values, and on as many of them as that
/// allows. Between two neighbouring values all bounds fire alike, so the one with the fewest digits is taken, nearest
/// to the middle. `None` without a finite value.
pub fn suggest(values: &[f64], bound: Bound, rate: f64) -> Option<Suggestion> {
    // A lower bound is an upper one of what is mirrored.
    let sign = match bound {
        Bound::Max => 1.0,
        Bound::Min => -1.0,
    };
    let mut sorted: Vec<f64> = values.iter().filter(|value| value.is_finite()).map(|value| value * sign).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let (least, most) = (*sorted.first()?, *sorted.last()?);
    let of = sorted.len();
    let may = ((rate.clamp(0.0, 1.0) * of as f64 + SLACK) as usize).min(of);
    let (low, high) = match (of - may).checked_sub(1) {
        Some(at) => {
            let low = sorted[at];
            let next = sorted.get(sorted.partition_point(|value| *value <= low));
            (low, next.copied().unwrap_or_else(|| low + room(low, most - least)))
        }
        None => (least - room(least, most - least), least),
    };
    let value = roundest(low, high);
    let below = sorted.partition_point(|other| *other <= value);
    let share = match bound {
        Bound::Max => below,
        Bound::Min => of - below,
    };
    Some(Suggestion {
        // Adding 0.0 makes -0.0 to 0.0.
        value: value * sign + 0.0,
        quantile: share as f64 / of as f64,
        fires: (of - below) as u64,
        of: of as u64,
    })
}

/// How far from the outermost value a bound may lie.
fn room(outermost: f64, spread: f64) -> f64 {
    let room = ROOM * if spread > 0.0 { spread } else { outermost.abs() };
    if room > 0.0 && room.is_finite() { room } else { 1.0 }
}

/// The number with the fewest digits in `low..high`; `low` where there is nothing between.
fn roundest(low: f64, high: f64) -> f64 {
    if low >= high {
        return low;
    }
    if low <= 0.0 && 0.0 < high {
        return 0.0;
    }
    let middle = low / 2.0 + high / 2.0;
    let largest = low.abs().max(high.abs()).log10().floor() as i32 + 1;
    // Multiples of the greatest power of ten that has any here have the fewest digits.
    let found = (largest - DIGITS..=largest).rev().find_map(|exponent| {
        let step = 10f64.powi(exponent);
        let near = [(low / step).ceil(), (middle / step).round(), (high / step).ceil() - 1.0];
        near.into_iter()
            // Read as it would be written: a product would end in 0000001.
            .filter_map(|times| format!("{times:.0}e{exponent}").parse::<f64>().ok())
            .filter(|value| (low..high).contains(value))
            .min_by(|a, b| (a - middle).abs().total_cmp(&(b - middle).abs()))
    });
    found.unwrap_or(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to_thousand() -> Vec<f64> {
        (1..=1_000).map(f64::from).collect()
    }

    #[test]
    fn fires_on_as_many_as_the_rate_allows() {
        let found = suggest(&to_thousand(), Bound::Max, 0.01).unwrap();
        assert_eq!(found, Suggestion { value: 990.0, quantile: 0.99, fires: 10, of: 1_000 });
        let found = suggest(&to_thousand(), Bound::Min, 0.01).unwrap();
        assert_eq!(found, Suggestion { value: 11.0, quantile: 0.01, fires: 10, of: 1_000 });
        assert_eq!(suggest(&to_thousand()[..100], Bound::Max, 0.29).unwrap().fires, 29);
    }

    #[test]
    fn is_as_round_as_the_gap_allows() {
        let value = |values: &[f64], rate| suggest(values, Bound::Max, rate).unwrap().value;
        assert_eq!(value(&[1.0, 2.0, 3.0, 100.0], 0.25), 50.0);
        assert_eq!(value(&[0.1234, 0.1312, 9.0], 0.5), 5.0);
        assert_eq!(value(&[0.1234, 0.1312], 0.5), 0.13);
        assert_eq!(value(&[-3.0, 5.0], 0.5), 0.0);
        assert_eq!(suggest(&[-0.3, 0.3, 0.4], Bound::Min, 0.4).unwrap().value, 0.0);
    }

    #[test]
    fn ties_never_fire_more_than_the_rate() {
        let values = [1.0, 1.0, 5.0, 5.0, 5.0, 5.0];
        assert_eq!(suggest(&values, Bound::Max, 0.5).unwrap().fires, 0);
        let found = suggest(&values, Bound::Min, 0.5).unwrap();
        assert_eq!((found.fires, found.value), (2, 3.0));
    }

    #[test]
    fn the_ends_stay_near_the_values() {
        let quiet = suggest(&to_thousand(), Bound::Max, 0.0).unwrap();
        assert_eq!((quiet.value, quiet.fires, quiet.quantile), (1_000.0, 0, 1.0));
        let loud = suggest(&[812.0, 913.0], Bound::Max, 1.0).unwrap();
        assert!(loud.fires == 2 && loud.value >= 800.0 && loud.value < 812.0, "{loud:?}");
        assert_eq!(suggest(&[7.0], Bound::Min, 0.0).unwrap().fires, 0);
        assert_eq!(suggest(&[f64::NAN, f64::INFINITY], Bound::Max, 0.1), None);
        assert_eq!(suggest(&[f64::MAX, f64::MIN], Bound::Max, f64::NAN).unwrap().fires, 0);
    }
}
