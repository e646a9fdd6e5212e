//! Which facts of two texts agree, and which stand in each other's place.

use super::unit::Class;
use super::{Fact, Facts, Form, Kind};

/// Positions of the set bits.
pub fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let at = set.trailing_zeros() as usize;
        set &= set.wrapping_sub(1);
        (at < 64).then_some(at)
    })
}

/// The facts of `a` that `b` neither shares nor mentions, as a bit set.
pub fn lone(a: &Facts, b: &Facts, kind: Kind) -> u64 {
    let others = b.of_kind(kind);
    let mut set = 0;
    for (i, fact) in a.of_kind(kind).iter().enumerate().take(64) {
        let shared = others.iter().any(|other| agree(fact, other)) || elsewhere(fact, b);
        set |= u64::from(!shared) << i;
    }
    set
}

pub fn agree(a: &Fact, b: &Fact) -> bool {
    match (a.form, b.form) {
        (Form::Number(p), Form::Number(q)) => p.agrees(&q),
        (Form::Date(p), Form::Date(q)) => p.agrees(&q) && p.comparable(&q),
        (Form::Name(p), Form::Name(q)) => p.agrees(&q),
        _ => false,
    }
}

/// Whether the fact occurs in the other text as a fact of another kind, or as a plain word.
fn elsewhere(fact: &Fact, other: &Facts) -> bool {
    match fact.form {
        Form::Number(q) if q.class == Class::Bare => other
            .of_kind(Kind::Date)
            .iter()
            .any(|f| matches!(f.form, Form::Date(d) if f64::from(d.year) == q.raw && d.year > 0)),
        Form::Date(d) if d.year_only() => {
            other.of_kind(Kind::Number).iter().any(|f| matches!(f.form, Form::Number(q) if q.raw == f64::from(d.year)))
        }
        Form::Name(part) => part.initial || other.mentions(part.stem),
        _ => false,
    }
}

/// Facts that say too little for their absence to mean anything.
pub fn is_weak(fact: &Fact) -> bool {
    match fact.form {
        Form::Number(q) => q.weak,
        Form::Date(d) => d.relative > 0,
        Form::Name(part) => part.soft,
        _ => false,
    }
}

/// Whether two lone facts stand in each other's place: how well the places fit, and how strongly the facts conflict.
/// Where a text has `few` such facts, they need no common surroundings.
pub fn rivals(a: &Fact, b: &Fact, few: bool) -> Option<(f64, f64)> {
    let (near, overlap) = (f64::from(a.context.near(&b.context)), a.context.overlap(&b.context));
    let fit = near / 2.0 + overlap;
    let placed = few || fit > 0.0;
    match (a.form, b.form) {
        (Form::Number(p), Form::Number(q)) => {
            let same = p.class == q.class || (p.class.is_clock() && q.class.is_clock());
            let bare = p.class == Class::Bare || q.class == Class::Bare;
            // A measure and a bare count are told apart by their classes unless the same words are around them.
            let physical = |class: Class| class.is_physical() || class.is_clock();
            if bare && (physical(p.class) || physical(q.class)) && a.context.sides(&b.context)[0] == 0 {
                return None;
            }
            let needed = match () {
                () if p.weak || q.weak => 1.0,
                () if same => 0.0,
                () if physical(p.class) && physical(q.class) && p.raw != q.raw => return None,
                () if bare || p.raw == q.raw => 0.25,
                () => 1.0,
            };
            (placed && fit >= needed)
                .then(|| (fit + f64::from(u8::from(same)), p.severity(&q) * (0.92 + 0.08 * fit.min(1.0))))
        }
        (Form::Date(p), Form::Date(q)) => (placed && p.comparable(&q)).then_some((fit, 0.75 + 0.2 * fit.min(1.0))),
        (Form::Name(_), Form::Name(_)) => (near >= 2.0).then_some((fit, 0.95)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_set_bits() {
        assert_eq!(bits(0b1010).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(bits(0).count(), 0);
        assert_eq!(bits(u64::MAX).count(), 64);
    }

    #[test]
    fn a_fact_mentioned_as_a_plain_word_is_not_lone() {
        let (a, b) = (Facts::of("We met the British Museum staff."), Facts::of("the british museum has a staff"));
        assert_eq!(lone(&a, &b, Kind::Name), 0);
    }
}
