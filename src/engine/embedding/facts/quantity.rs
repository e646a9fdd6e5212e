//! The normal form of a number, and when two of them agree.

use super::stem::Hasher;
use super::unit::{Class, POUND};

/// Normal form of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantity {
    /// In the base unit of the class.
    pub value: f64,
    /// As written, with sign and scale, before the unit.
    pub raw: f64,
    /// Half a unit of the last digit written, in the base unit; 0 for exact.
    pub step: f64,
    pub class: Class,
    /// "About" or the like stands before.
    pub hedged: bool,
    /// Says little by itself, as "one" and "first".
    pub weak: bool,
    /// Stands first (1) or second (2) in a hyphenated pair.
    pub place: u8,
}

/// Largest relative difference that rounding can explain.
const ROUNDING: f64 = 0.05;
/// The same next to "about".
const HEDGED: f64 = 0.1;

impl Quantity {
    /// Whether both can mean the same number.
    pub fn agrees(&self, other: &Self) -> bool {
        if self.place != other.place && self.place > 0 && other.place > 0 {
            return false;
        }
        let bare = |q: &Self| matches!(q.class, Class::Bare | Class::Ordinal);
        match (self.class, other.class) {
            (Class::Clock | Class::HalfClock, Class::Clock | Class::HalfClock) => {
                let half = self.class != other.class;
                self.value == other.value || (half && (self.value - other.value).abs() == 720.0)
            }
            (Class::Opaque, Class::Opaque) => self.value == other.value,
            (Class::Clock | Class::HalfClock, Class::Bare) => other.is_pointed_clock(self.value),
            (Class::Bare, Class::Clock | Class::HalfClock) => self.is_pointed_clock(other.value),
            (Class::Percent, Class::Bare) if other.is_share() => other.raw * 100.0 == self.raw,
            (Class::Bare, Class::Percent) if self.is_share() => self.raw * 100.0 == other.raw,
            (Class::Opaque, _) | (_, Class::Opaque) => false,
            (a, b) if a == b => close(self, other, self.value, other.value, self.step, other.step),
            (Class::Mass, Class::Currency(3)) if self.in_pounds() => self.raw == other.raw,
            (Class::Currency(3), Class::Mass) if other.in_pounds() => self.raw == other.raw,
            _ if bare(self) || bare(other) => close(self, other, self.raw, other.raw, 0.0, 0.0),
            _ => false,
        }
    }

    /// Whether a bare number is this time of day, in minutes, with a point: 9.15.
    fn is_pointed_clock(&self, minutes: f64) -> bool {
        let hours = self.raw.floor();
        let digits = (self.step - 0.005).abs() < 1e-9 || (self.step - 0.01).abs() < 1e-9;
        digits && (0.0..25.0).contains(&self.raw) && hours * 60.0 + ((self.raw - hours) * 100.0).round() == minutes
    }

    /// A part of a whole: half, 1/2.
    fn is_share(&self) -> bool {
        self.step == 0.0 && self.raw > 0.0 && self.raw < 1.0
    }

    /// Whether the unit is the word "pound", of weight or of money.
    fn in_pounds(&self) -> bool {
        (self.value - self.raw * POUND).abs() <= 1e-9 * self.value.abs()
    }

    /// How strongly two different numbers contradict each other in the same place, in [0,1].
    pub fn severity(&self, other: &Self) -> f64 {
        let same = self.class == other.class;
        let (a, b) =
            if same && self.class != Class::Temperature { (self.value, other.value) } else { (self.raw, other.raw) };
        let apart = |class: Class| class == Class::Opaque || class.is_clock();
        if apart(self.class) || apart(other.class) || a == b {
            return 0.9;
        }
        // In a result such as 2-1 one is as wrong as ten.
        if self.place > 0 && other.place > 0 {
            return 0.95;
        }
        if (a < 0.0) != (b < 0.0) || a == 0.0 || b == 0.0 {
            return 0.97;
        }
        let decades = (a / b).abs().log10().abs();
        (0.86 + 0.11 * decades / 0.65).min(0.97)
    }

    /// Hash of the normal form.
    pub fn key(&self) -> u64 {
        // The lowest bits are dropped so that different orders of multiplication meet.
        let bits = self.value.to_bits().wrapping_add(0x800) & !0xfff;
        let class = match self.class {
            Class::Currency(n) => 100 + u64::from(n),
            Class::Bare => 0,
            _ => self.class.number(),
        };
        Hasher::new().number(class).number(bits).wide()
    }
}

impl Class {
    fn number(self) -> u64 {
        const ORDER: [Class; 19] = [
            Class::Percent,
            Class::Ordinal,
            Class::Opaque,
            Class::Clock,
            Class::HalfClock,
            Class::Length,
            Class::Mass,
            Class::Time,
            Class::Data,
            Class::Power,
            Class::Energy,
            Class::Voltage,
            Class::Current,
            Class::Pressure,
            Class::Temperature,
            Class::Volume,
            Class::Speed,
            Class::Frequency,
            Class::Area,
        ];
        ORDER.iter().position(|&c| c == self).map_or(0, |p| p as u64 + 1)
    }
}

fn close(p: &Quantity, q: &Quantity, a: f64, b: f64, step_a: f64, step_b: f64) -> bool {
    let (difference, size) = ((a - b).abs(), a.abs().max(b.abs()));
    if difference <= 1e-9 * size {
        return true;
    }
    if (a < 0.0) != (b < 0.0) {
        return false;
    }
    // Only the coarser of the two may be a rounding of the other.
    let rounded = step_a != step_b && difference <= step_a.max(step_b) * 1.000_001 && difference <= ROUNDING * size;
    let loose = |q: &Quantity, value: f64, other: f64| {
        q.hedged && roundness(value) > roundness(other) && difference <= roundness(value) / 2.0
    };
    rounded || (difference <= HEDGED * size && (loose(p, a, b) || loose(q, b, a)))
}

/// The largest power of ten that divides a whole number; 1 for others.
fn roundness(value: f64) -> f64 {
    let mut unit = 1.0;
    while unit < 1e15 && value != 0.0 && value % (unit * 10.0) == 0.0 {
        unit *= 10.0;
    }
    unit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: f64, step: f64, hedged: bool) -> Quantity {
        Quantity { value, raw: value, step, class: Class::Bare, hedged, weak: false, place: 0 }
    }

    #[test]
    fn rounding_agrees_but_a_change_does_not() {
        let agrees = |a: (f64, f64, bool), b: (f64, f64, bool)| of(a.0, a.1, a.2).agrees(&of(b.0, b.1, b.2));
        assert!(agrees((5.0, 0.5, false), (5.02, 0.005, false)));
        assert!(agrees((5000.0, 0.5, true), (5012.0, 0.5, false)));
        assert!(!agrees((5000.0, 0.5, false), (5012.0, 0.5, false)));
        assert!(!agrees((80.0, 0.5, true), (87.0, 0.5, true)));
        assert!(!agrees((-5.0, 0.5, false), (5.0, 0.5, false)));
    }

    #[test]
    fn a_sign_or_an_order_of_magnitude_is_worse() {
        let severity = |a: f64, b: f64| of(a, 0.5, false).severity(&of(b, 0.5, false));
        assert!(severity(5.0, 6.0) < severity(5.0, 50.0));
        assert!(severity(5.0, 6.0) < severity(5.0, -5.0));
    }
}
