//! What the operators mean, on one pair of values. Both machines, over one record and over columns, call this.
//!
//! A number that is not there is a NaN; one that can't be computed is a NaN with a mark. Truths are three-valued, and may
//! be errors: `false && x` is false and `true || x` is true whatever `x` is (as in CEL), else an error wins over what is
//! missing, and what is missing over the rest.

use super::program::{Change, Order, Sum};

/// The truths.
pub const FALSE: u8 = 0;
/// It holds.
pub const TRUE: u8 = 1;
/// A field that it needs is not there.
pub const MISSING: u8 = 2;
/// It was divided by zero.
pub const BY_ZERO: u8 = 3;
/// A sum has no value, such as infinity less infinity.
pub const NO_NUMBER: u8 = 4;

/// A number that is not there.
pub const ABSENT: f64 = f64::from_bits(0x7ff8_0000_0000_0000);
/// A quotient by zero.
pub const ZERO_DIVISION: f64 = f64::from_bits(0x7ff8_0000_0000_0003);
/// A sum without a value.
pub const UNDEFINED: f64 = f64::from_bits(0x7ff8_0000_0000_0004);

/// Why a NaN is one.
#[cold]
pub fn status(value: f64) -> u8 {
    match value.to_bits() & 0xff {
        3 => BY_ZERO,
        4 => NO_NUMBER,
        _ => MISSING,
    }
}

/// The NaN that two operands come to, of which at least one is one, or whose sum is undefined.
#[cold]
fn neither(a: f64, b: f64) -> f64 {
    let of = |value: f64| if value.is_nan() { status(value) } else { FALSE };
    match (of(a), of(b)) {
        (FALSE, FALSE) => UNDEFINED,
        (BY_ZERO, _) => ZERO_DIVISION,
        (NO_NUMBER, _) => UNDEFINED,
        (_, BY_ZERO) => ZERO_DIVISION,
        (_, NO_NUMBER) => UNDEFINED,
        _ => ABSENT,
    }
}

/// `a op b`.
#[inline(always)]
pub fn sum(op: Sum, a: f64, b: f64) -> f64 {
    let value = match op {
        Sum::Add => a + b,
        Sum::Subtract => a - b,
        Sum::Multiply => a * b,
        Sum::Divide | Sum::Remainder if b == 0.0 => return if a.is_nan() { neither(a, b) } else { ZERO_DIVISION },
        Sum::Divide => a / b,
        Sum::Remainder => a % b,
        // `f64::min` would take the one that is there.
        Sum::Min | Sum::Max if a.is_nan() || b.is_nan() => f64::NAN,
        Sum::Min => a.min(b),
        Sum::Max => a.max(b),
    };
    if value.is_nan() { neither(a, b) } else { value }
}

/// The same of one number; a NaN stays what it is.
#[inline(always)]
pub fn change(op: Change, a: f64) -> f64 {
    if a.is_nan() {
        return a;
    }
    match op {
        Change::Negate => -a,
        Change::Abs => a.abs(),
        Change::Round => a.round(),
    }
}

/// `a op b`, as a truth.
#[inline(always)]
pub fn order(op: Order, a: f64, b: f64) -> u8 {
    if a.is_nan() || b.is_nan() {
        let value = neither(a, b);
        return status(value);
    }
    u8::from(match op {
        Order::Equal => a == b,
        Order::NotEqual => a != b,
        Order::Less => a < b,
        Order::LessEqual => a <= b,
        Order::Greater => a > b,
        Order::GreaterEqual => a >= b,
    })
}

/// What is to be said of two truths of which neither decides: an error, else missing, else nothing.
#[inline(always)]
fn undecided(a: u8, b: u8) -> Option<u8> {
    if a > MISSING {
        Some(a)
    } else if b > MISSING {
        Some(b)
    } else if a == MISSING || b == MISSING {
        Some(MISSING)
    } else {
        None
    }
}

/// `a && b`
#[inline(always)]
pub fn and(a: u8, b: u8) -> u8 {
    if a == FALSE || b == FALSE { FALSE } else { undecided(a, b).unwrap_or(TRUE) }
}

/// `a || b`
#[inline(always)]
pub fn or(a: u8, b: u8) -> u8 {
    if a == TRUE || b == TRUE { TRUE } else { undecided(a, b).unwrap_or(FALSE) }
}

/// `!a`
#[inline(always)]
pub fn not(a: u8) -> u8 {
    if a <= TRUE { 1 - a } else { a }
}

/// `a == b`
#[inline(always)]
pub fn equal(a: u8, b: u8) -> u8 {
    undecided(a, b).unwrap_or(u8::from(a == b))
}

/// `condition ? a : b`
#[inline(always)]
pub fn choose(condition: u8, a: u8, b: u8) -> u8 {
    match condition {
        TRUE => a,
        FALSE => b,
        other => other,
    }
}

/// The same for numbers.
#[inline(always)]
pub fn choose_number(condition: u8, a: f64, b: f64) -> f64 {
    match condition {
        TRUE => a,
        FALSE => b,
        MISSING => ABSENT,
        BY_ZERO => ZERO_DIVISION,
        _ => UNDEFINED,
    }
}

/// Whether a number is in a sorted list.
pub fn among(value: f64, list: &[f64]) -> u8 {
    if value.is_nan() {
        return status(value);
    }
    u8::from(list.binary_search_by(|item| item.total_cmp(&(value + 0.0))).is_ok())
}
