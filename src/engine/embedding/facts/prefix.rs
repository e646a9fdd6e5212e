//! Words that a prefix turns into their opposite: unenforceable, non-refundable.

use super::polarity::Claim;
use super::source::Source;
use super::stem::{NONE, stem};
use super::tally::Outcome;
use super::token::{CAPITAL, OPENS, Token};
use super::{Fact, Facts, Form, Kind};

/// Longest word that is looked at.
const LONGEST: usize = 24;

/// Stem of the word behind a negating prefix. Many other words begin alike; whether it is a negation shows only in a
/// text that has the word without the prefix.
pub fn without(source: &Source, token: &Token) -> Option<u32> {
    let head = (token.letters >> 48) as u16;
    let plausible = [*b"un", *b"in", *b"im", *b"ir", *b"il", *b"di"].iter().any(|p| head == u16::from_be_bytes(*p));
    if !plausible || !token.is_content() || token.known.common || (token.has(CAPITAL) && !token.has(OPENS)) {
        return None;
    }
    let text = token.of(source.text).as_bytes();
    let mut buffer = [0u8; LONGEST];
    let word = buffer.get_mut(..text.len())?;
    word.copy_from_slice(text);
    word.make_ascii_lowercase();
    let (rest, least) = match word {
        [b'u', b'n', rest @ ..] => (rest, 4),
        [b'd', b'i', b's', rest @ ..] => (rest, 6),
        [b'i', _, rest @ ..] => (rest, 6),
        _ => return None,
    };
    (rest.len() >= least).then(|| stem(rest))
}

/// What the other text says to a word with a prefix: the same, or the word without it.
pub fn opposed(fact: &Fact, own: u32, rest: u32, a: &Facts, b: &Facts) -> Option<Outcome> {
    if b.mentions(own) || is_negated(b, rest) {
        return Some(Outcome::Match);
    }
    if a.mentions(rest) {
        return None;
    }
    let around = fact.context.content.iter().filter(|&&w| w != NONE);
    let known = around.clone().count();
    let support = |s: u16| around.clone().filter(|&&w| b.mentions_in(w, s)).count() as f64 / known.max(1) as f64;
    let support = b.sentences_with(rest).map(support).reduce(f64::max)?;
    (support > 0.0 || known == 0).then_some(Outcome::Conflict(0.75 + 0.2 * support))
}

/// Whether a negation bears on the word.
fn is_negated(facts: &Facts, word: u32) -> bool {
    let negates = |f: &Fact| matches!(f.form, Form::Polarity(Claim::Negated(scope)) if scope.contains(&word));
    facts.of_kind(Kind::Polarity).iter().any(negates)
}

#[cfg(test)]
mod tests {
    use super::super::pairs::within;

    #[test]
    fn a_prefix_negates_what_the_other_text_affirms() {
        within(
            0.7,
            1.0,
            &[
                ("The ticket is non-refundable.", "The ticket is refundable."),
                ("The form is incomplete.", "The form is complete."),
                ("The clause is unenforceable.", "The clause is enforceable."),
            ],
        );
        within(
            0.0,
            0.1,
            &[
                ("The clause is unenforceable.", "The clause is not enforceable."),
                ("The disk is unusable.", "The disk can't be used."),
                ("The inspection is over.", "The inspection has ended."),
                ("Enter the instance name.", "Enter the name of the instance."),
            ],
        );
    }
}
