//! What another text says to a claim: the same, the opposite, or nothing.

use super::polarity::Claim;
use super::source::{NEGATED, RULED_OUT};
use super::stem::{NONE, stem};
use super::tally::Outcome;
use super::{Fact, Facts, Form, Kind, foreign, phrase, prefix};

/// The fact of `b` that answers a polarity fact of `a`, if it has one, and what it makes of it; `None` where the
/// absence of an answer means nothing.
pub fn opposed<'f>(fact: &Fact, a: &Facts, b: &'f Facts) -> Option<(Option<&'f Fact>, Outcome)> {
    let Form::Polarity(claim) = fact.form else { return None };
    match claim {
        Claim::Answer(yes) => answer(yes, b),
        Claim::Open(_) => None,
        Claim::Denied => foreign::denied(fact, a, b),
        Claim::Axis { .. } if !a.english && !b.english => axis(fact, claim, a, b),
        _ if !b.english => None,
        Claim::Route { from, to } => phrase::reversed(from, to, b),
        Claim::Prefixed { own, rest } => Some((None, prefix::opposed(fact, own, rest, a, b)?)),
        Claim::Axis { .. } => axis(fact, claim, a, b),
        Claim::Negated(scope) => Some((None, negated(fact, scope, a, b))),
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
fn axis<'f>(fact: &Fact, claim: Claim, a: &Facts, b: &'f Facts) -> Option<(Option<&'f Fact>, Outcome)> {
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
    let [straight, crossed] = fact.context.sides(&other.context);
    // "This is faster than that" says the same as "that is slower than this".
    let compared = |fact: &Fact| fact.context.near[1] == const { stem(b"than") };
    let turned = crossed > straight && compared(fact) && compared(other);
    let poles = |facts: &Facts, wanted: bool| {
        claims(facts)
            .any(|(_, c)| matches!(c, Claim::Axis { axis: same, positive: p, .. } if same == axis && p == wanted))
    };
    // "Per month" is no contradiction of "per month or per year".
    if axis >= phrase::FIRST && (poles(a, !positive) || poles(b, positive)) {
        return None;
    }
    // Where both texts say both, each word must be about the same thing: when rates rise, prices fall.
    let both = poles(a, !positive) && poles(b, positive);
    if turned || both && !fact.context.same_subject(&other.context) && !fact.context.same_frame(&other.context) {
        return None;
    }
    let strength = 0.6 + 0.35 * fit.min(1.0);
    let sure =
        if vague || loose { fit >= 0.75 || straight >= 2 } else { fit > 0.0 || b.of_kind(Kind::Polarity).len() < 4 };
    sure.then_some((Some(other), Outcome::Conflict(strength)))
}

/// A negation against a text that may affirm the same, negate it as well, or not speak of it.
fn negated(fact: &Fact, scope: [u32; 3], a: &Facts, b: &Facts) -> Outcome {
    let shared = |theirs: [u32; 3]| {
        (scope[0] != NONE && theirs.contains(&scope[0])) || (theirs[0] != NONE && scope.contains(&theirs[0]))
    };
    let alike = |claim: Claim| match claim {
        Claim::Negated(theirs) | Claim::Open(theirs) => shared(theirs) || overlapping(scope, theirs),
        Claim::Prefixed { rest, .. } => scope[0] == rest,
        _ => false,
    };
    let about = |(other, claim): (&Fact, Claim)| match claim {
        Claim::Negated(theirs) => common_words(fact, scope, other, theirs) >= 2,
        _ => false,
    };
    if claims(b).any(|(_, claim)| alike(claim)) || !b.mentions(scope[0]) && claims(b).any(about) {
        return Outcome::Match;
    }
    // What surrounds the negated word: the rest of its scope and the words before the negation, and those after it.
    let [before, second, after, last] = fact.context.content;
    let around = Words::new(scope[0], [scope[1], scope[2], before, second]);
    // Another text may say the same with words such as "excluded" or "avoid".
    let ruled_out = |sentence: u16| b.mentions_in(RULED_OUT, sentence) && !a.mentions_in(RULED_OUT, fact.sentence);
    let affirmed = b.sentences_with(scope[0]).map(|s| (around.support(b, s), ruled_out(s)));
    if let Some((support, out)) = affirmed.reduce(|x, y| if y.0 > x.0 { y } else { x }) {
        return match support {
            _ if out => Outcome::Match,
            0.0 => Outcome::Omission,
            _ => Outcome::Conflict(0.7 + 0.27 * support),
        };
    }
    // Another word may stand for the negated one in an otherwise equal sentence.
    let around = Words::new(scope[0], [scope[1], scope[2], before, second, after, last]);
    let sentences = around.iter().flat_map(|w| b.sentences_with(w)).map(|s| (around.support(b, s), s));
    let Some((support, sentence)) = sentences.reduce(|x, y| if y.0 > x.0 { y } else { x }) else {
        return Outcome::Omission;
    };
    let prefixed = |(f, c): (&Fact, Claim)| f.sentence == sentence && matches!(c, Claim::Prefixed { .. });
    let negative = b.mentions_in(NEGATED, sentence) || ruled_out(sentence) || claims(b).any(prefixed);
    match around.count() {
        _ if negative => Outcome::Omission,
        3.. if support >= 1.0 => Outcome::Conflict(0.59),
        2.. if support > 0.6 => Outcome::Conflict(0.25 * support),
        _ => Outcome::Omission,
    }
}

/// Different words around a negation, without the negated one.
struct Words<const N: usize>([u32; N]);

impl<const N: usize> Words<N> {
    fn new(own: u32, mut words: [u32; N]) -> Self {
        for i in 0..N {
            let (head, tail) = words.split_at_mut(i);
            if let Some(word) = tail.first_mut().filter(|w| **w == own || head.contains(w)) {
                *word = NONE;
            }
        }
        Self(words)
    }

    fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.iter().copied().filter(|&w| w != NONE)
    }

    fn count(&self) -> usize {
        self.iter().count()
    }

    /// Share of them that the sentence has; 1 if there are none.
    fn support(&self, facts: &Facts, sentence: u16) -> f64 {
        let found = self.iter().filter(|&w| facts.mentions_in(w, sentence)).count();
        if self.count() == 0 { 1.0 } else { found as f64 / self.count() as f64 }
    }
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
