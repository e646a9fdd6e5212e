//! Negations that claim nothing by themselves: concessions and conditions.

use super::source::Source;
use super::stem::{NONE, hash};
use super::token::{Gap, Token};

/// Whether a negation leaves open what it bears on: "with or without", "even if there is no match".
pub fn is_open(source: &Source, at: usize, token: &Token) -> bool {
    let hash_at = |i: usize| source.token(i).filter(|t| t.sentence == token.sentence).map_or(NONE, |t| t.hash);
    let word = |back: usize| at.checked_sub(back).map_or(NONE, hash_at);
    let either = word(1) == hash(b"or") && (word(2) == hash(b"with") || word(2) == hash(b"whether"));
    let conceded = |back: usize| {
        let (this, next) = (word(back), word(back - 1));
        let even = this == hash(b"even") && (next == hash(b"if") || next == hash(b"when") || next == token.hash);
        let listed = this == hash(b"including") && back <= 3;
        even || listed || this == hash(b"whether") || this == hash(b"regardless")
    };
    either || (1..=6).any(conceded)
}

/// Whether another negation turns this one into a condition: "without a signature it is not binding".
pub fn is_condition(source: &Source, at: usize, token: &Token) -> bool {
    let without = |t: &Token| t.hash == hash(b"without");
    let same = |t: &&Token| t.sentence == token.sentence && t.gap <= Gap::Comma;
    let tail = source.tokens.get(at + 1..).unwrap_or(&[]).iter().take(12).take_while(same);
    let head =
        source.tokens.get(..at).unwrap_or(&[]).iter().rev().take(12).take_while(|t| t.sentence == token.sentence);
    if without(token) {
        let first = source.before(at).is_none_or(|t| t.sentence != token.sentence);
        return first && tail.clone().any(Token::negates) || head.clone().any(|t| t.negates() && !without(t));
    }
    let led = head.last().is_some_and(|t| without(t) && t.gap == Gap::Sentence);
    led || tail.clone().any(without)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_concessions_and_conditions_from_claims() {
        let read = |text: &str| {
            let source = Source::new(text);
            let found = source.tokens.iter().enumerate().find(|(_, t)| t.negates());
            found.map(|(at, t)| (is_open(&source, at, t), is_condition(&source, at, t)))
        };
        let table = [
            ("It works with or without a key.", (true, false)),
            ("It works whether or not you have a key.", (true, false)),
            ("It works even if there is no key.", (true, false)),
            ("Without a key it does not work.", (false, true)),
            ("It does not work without a key.", (false, true)),
            ("It does not work, even though it is new.", (false, false)),
            ("It works without a key.", (false, false)),
        ];
        for (text, want) in table {
            assert_eq!(read(text), Some(want), "{text}");
        }
    }
}
