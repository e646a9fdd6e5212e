//! What another text says to a claim: the same, the opposite, or nothing.

use super::polarity::Claim;
use super::stem::NONE;
use super::tally::Outcome;
use super::{Fact, Facts, Form, Kind, foreign, prefix};

/// The fact of `b` that answers a polarity fact of `a`, if it has one, and what it makes of it; `None` where the
/// absence of an answer means nothing.
pub fn opposed<'f>(fact: &Fact, a: &Facts, b: &'f Facts) -> Option<(Option<&'f Fact>, Outcome)> {
    let Form::Polarity(claim) = fact.form else { return None };
    match claim {
        Claim::Answer(yes) => answer(yes, b),
        Claim::Denied => foreign::denied(fact, a, b),
        _ if !b.english => None,
        Claim::Prefixed { own, rest } => Some((None, prefix::opposed(fact, own, rest, a, b)?)),
        Claim::Axis { .. } => axis(fact, claim, b),
        Claim::Negated(scope) => Some((None, negated(fact, scope, b))),
    }
}

fn claims(facts: &Facts) -> impl Iterator<Item = (&Fact, Claim)> {
    facts.of_kind(Kind::Polarity).iter().filter_map(|f| match f.form {
        Form::Polarity(claim) => Some((f, claim)),
        _ => None,
    })
}

fn answer(yes: bool, b: &Facts) -> Option<(Option<&Fact>, Outcome)> {
    claims(b).find_map(|(other, claim)| match claim {
        Claim::Answer(theirs) if theirs == yes => Some((Some(other), Outcome::Match)),
        Claim::Answer(_) => Some((Some(other), Outcome::Conflict(0.95))),
        _ => None,
    })
}

/// Looks for the word of the same axis whose surroundings fit best; equal sides win ties.
fn axis<'f>(fact: &Fact, claim: Claim, b: &'f Facts) -> Option<(Option<&'f Fact>, Outcome)> {
    let Claim::Axis { axis, positive, vague } = claim else { return None };
    let mut best: Option<(f64, bool, bool, &Fact)> = None;
    for (other, theirs) in claims(b) {
        let Claim::Axis { axis: same, positive: side, vague: loose } = theirs else { continue };
        if same != axis {
            continue;
        }
        let fit = fact.context.overlap(&other.context) + f64::from(fact.context.near(&other.context)) / 4.0;
        // A text may well have vague words of both sides: stop this, then start that.
        let fit = if side == positive && vague && loose { fit + 0.5 } else { fit };
        if best.is_none_or(|(f, agrees, ..)| (fit, side == positive) > (f, agrees)) {
            best = Some((fit, side == positive, loose, other));
        }
    }
    let (fit, agrees, loose, other) = best?;
    if agrees {
        return Some((Some(other), Outcome::Match));
    }
    let strength = 0.6 + 0.35 * fit.min(1.0);
    let sure = if vague || loose { fit >= 0.75 } else { fit > 0.0 || b.of_kind(Kind::Polarity).len() < 4 };
    sure.then_some((Some(other), Outcome::Conflict(strength)))
}

/// A negation against a text that may affirm the same, negate it as well, or not speak of it.
fn negated(fact: &Fact, scope: [u32; 3], b: &Facts) -> Outcome {
    let shared = |theirs: [u32; 3]| {
        (scope[0] != NONE && theirs.contains(&scope[0])) || (theirs[0] != NONE && scope.contains(&theirs[0]))
    };
    let same = |claim: Claim| match claim {
        Claim::Negated(theirs) => shared(theirs),
        Claim::Prefixed { rest, .. } => scope[0] == rest,
        _ => false,
    };
    if claims(b).any(|(_, claim)| same(claim)) {
        return Outcome::Match;
    }
    // What surrounds the negated word: the rest of its scope and the words before the negation.
    let mut around = [scope[1], scope[2], fact.context.content[0], fact.context.content[1]];
    around.iter_mut().filter(|w| **w == scope[0]).for_each(|w| *w = NONE);
    let known = around.iter().filter(|&&w| w != NONE).count();
    let support = |sentence: u16| {
        let found = around.iter().filter(|&&w| w != NONE && b.mentions_in(w, sentence)).count();
        if known == 0 { 1.0 } else { found as f64 / known as f64 }
    };
    let alike = |(other, claim): (&Fact, Claim)| match claim {
        Claim::Negated(theirs) => overlapping(scope, theirs) || common_words(fact, scope, other, theirs) >= 2,
        _ => false,
    };
    if claims(b).any(alike) {
        return Outcome::Match;
    }
    let affirmed = b.sentences_with(scope[0]).map(support).reduce(f64::max);
    if let Some(support) = affirmed {
        return if support > 0.0 { Outcome::Conflict(0.7 + 0.27 * support) } else { Outcome::Omission };
    }
    // Another word may stand for the negated one in an otherwise equal sentence.
    let elsewhere =
        around.iter().filter(|&&w| w != NONE).flat_map(|&w| b.sentences_with(w)).map(support).fold(0.0, f64::max);
    if known >= 2 && elsewhere > 0.6 { Outcome::Conflict(0.25 * elsewhere) } else { Outcome::Omission }
}

/// Whether two negations bear on a common word.
fn overlapping(a: [u32; 3], b: [u32; 3]) -> bool {
    a.iter().any(|&s| s != NONE && b.contains(&s))
}

/// Words that are in or around both negations.
fn common_words(fact: &Fact, scope: [u32; 3], other: &Fact, theirs: [u32; 3]) -> usize {
    let words =
        |fact: &Fact, scope: [u32; 3]| [scope[0], scope[1], scope[2], fact.context.content[0], fact.context.content[1]];
    let their = words(other, theirs);
    words(fact, scope).iter().filter(|&&w| w != NONE && their.contains(&w)).count()
}
