//! A text prepared for reading facts: its tokens, whether it looks English, and the words around a place.

use super::lexicon::{self, AVERSE, BEFORE_YEAR, FOREIGN, FOREIGN_NOT, FUNCTION, HEDGE, LESSENING};
use super::stem::NONE;
use super::token::{ACCENT, CAPITAL, Gap, SCRIPT, Token, tokens};
use super::{Fact, Kind, MOST_PER_KIND, date, number};

/// Stands for the edge of a sentence among neighbours.
pub const EDGE: u32 = 1;
/// Stands among the mentions for a word that refuses or rules out.
pub const RULED_OUT: u32 = 2;
/// The same for a negation or a word that may stand for one.
pub const NEGATED: u32 = 3;

/// Stems of the words around a fact, by which its role is compared.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Context {
    /// The words directly before and after, of any kind; [`EDGE`] at the edge of a sentence.
    pub near: [u32; 2],
    /// The next content words before and after within the sentence.
    pub content: [u32; 4],
}

impl Context {
    /// Share of the content words around one that also are around the other; 1 if neither has any.
    pub fn overlap(&self, other: &Self) -> f64 {
        let of = |c: &Self| c.content.iter().filter(|&&s| s != NONE).count();
        let fewer = of(self).min(of(other));
        if fewer == 0 {
            return if of(self) == of(other) { 1.0 } else { 0.0 };
        }
        let shared = self.content.iter().filter(|&&s| s != NONE && other.content.contains(&s)).count();
        shared.min(fewer) as f64 / fewer as f64
    }

    /// How many of the content words around are on the same side of both, and how many on the other side.
    pub fn sides(&self, other: &Self) -> [usize; 2] {
        let (before, after) = self.content.split_at(2);
        let (theirs_before, theirs_after) = other.content.split_at(2);
        let shared = |a: &[u32], b: &[u32]| a.iter().filter(|&&s| s != NONE && b.contains(&s)).count();
        [
            shared(before, theirs_before) + shared(after, theirs_after),
            shared(before, theirs_after) + shared(after, theirs_before),
        ]
    }

    /// Whether the same content word stands nearest before both.
    pub fn same_subject(&self, other: &Self) -> bool {
        self.content[0] != NONE && self.content[0] == other.content[0]
    }

    /// Whether both stand between the same two words; the edge of a sentence may be one of them.
    pub fn same_frame(&self, other: &Self) -> bool {
        self.near == other.near && self.near.iter().any(|&s| s != EDGE && s != NONE)
    }

    /// How many of the direct neighbours are equal: 0 to 2.
    pub fn near(&self, other: &Self) -> u32 {
        self.near.iter().zip(other.near).map(|(&a, b)| u32::from(a == b && a != NONE)).sum()
    }
}

/// Tokens and language of a text.
pub struct Source<'t> {
    pub text: &'t str,
    pub tokens: Vec<Token>,
    pub english: bool,
}

impl<'t> Source<'t> {
    pub fn new(text: &'t str) -> Self {
        let tokens = tokens(text);
        let english = looks_english(&tokens);
        Self { text, tokens, english }
    }

    pub fn token(&self, at: usize) -> Option<&Token> {
        self.tokens.get(at)
    }

    pub fn before(&self, at: usize) -> Option<&Token> {
        self.tokens.get(at.checked_sub(1)?)
    }

    /// The token if it is in the same clause as the one before it, at most this far apart.
    pub fn next_within(&self, at: usize, widest: Gap) -> Option<&Token> {
        self.tokens.get(at).filter(|t| t.gap <= widest)
    }

    /// Words around the tokens `from..to`.
    pub fn context(&self, from: usize, to: usize) -> Context {
        let sentence = self.tokens.get(from).map_or(0, |t| t.sentence);
        let same = |t: &&Token| t.sentence == sentence;
        let neighbour = |t: Option<&Token>| t.filter(same).map_or(EDGE, |t| t.stem);
        let near = [neighbour(self.before(from)), neighbour(self.tokens.get(to))];
        let mut content = [NONE; 4];
        let head = self.tokens.get(from.saturating_sub(8)..from).unwrap_or(&[]);
        let tail = self.tokens.get(to..).unwrap_or(&[]);
        let before = head.iter().rev().take_while(same).filter(|t| t.is_content()).take(2);
        let after = tail.iter().take(8).take_while(same).filter(|t| t.is_content()).take(2);
        let (left, right) = content.split_at_mut(2);
        before.zip(left).for_each(|(t, slot)| *slot = t.stem);
        after.zip(right).for_each(|(t, slot)| *slot = t.stem);
        Context { near, content }
    }

    /// Reads dates and numbers; their tokens are taken.
    pub fn quantities(&mut self, numbers: &mut Vec<Fact>, dates: &mut Vec<Fact>) {
        let mut at = 0;
        while let Some(token) = self.tokens.get(at) {
            let (word, start) = (token.is_word() && token.sense.count == 0 && token.sense.date == 0, token.start);
            let date = if word { None } else { date::read(self, at) };
            let Some((fact, to)) = date.or_else(|| if word { None } else { number::read(self, at) }) else {
                at += 1;
                continue;
            };
            // A currency code may stand before.
            let from = if fact.start < start { at.saturating_sub(1) } else { at };
            let to = to.max(at + 1);
            self.tokens.get_mut(from..to).unwrap_or_default().iter_mut().for_each(|t| t.taken = true);
            let list = if fact.kind == Kind::Date { &mut *dates } else { &mut *numbers };
            if list.len() < MOST_PER_KIND {
                list.push(fact);
            }
            at = to;
        }
    }

    /// Stem and sentence of each content word, packed, sorted, without repetition.
    ///
    /// [`RULED_OUT`] and [`NEGATED`] mark the sentences with such words.
    pub fn mentions(&self, most: usize) -> Box<[u64]> {
        // In other languages grammar words are all words that are known, and "n'" stands before a verb.
        let grammar =
            |t: &Token| t.flag(FOREIGN | FOREIGN_NOT) || t.letters >> 48 == u64::from(u16::from_be_bytes(*b"n'"));
        let content = |t: &Token| t.is_content() && (self.english || !grammar(t));
        let mut packed = Vec::with_capacity(self.tokens.len().min(most));
        for t in &self.tokens {
            let mut add = |stem: u32| packed.push(u64::from(stem) << 16 | u64::from(t.sentence));
            if content(t) || t.flag(HEDGE | BEFORE_YEAR) {
                add(t.stem);
            }
            if t.flag(AVERSE) {
                add(RULED_OUT);
            }
            if t.flag(LESSENING) || t.negates() {
                add(NEGATED);
            }
            if packed.len() >= most {
                break;
            }
        }
        packed.sort_unstable();
        packed.dedup();
        packed.into_boxed_slice()
    }
}

/// English unless another script, foreign grammar words or too few known words tell otherwise.
fn looks_english(tokens: &[Token]) -> bool {
    let (mut words, mut plain, mut grammar, mut common, mut foreign, mut script) = (0, 0, 0, 0, 0, 0);
    let mut named = false;
    for (t, next) in
        tokens.iter().zip(tokens.iter().skip(1).map(Some).chain([None])).filter(|(t, _)| t.is_word()).take(400)
    {
        words += 1;
        // Names are of no language.
        let particle = named && next.is_some_and(|n| n.has(CAPITAL));
        named = t.has(CAPITAL);
        plain += usize::from(!named || t.known.common || t.flag(FUNCTION));
        grammar += usize::from(t.flag(FUNCTION | lexicon::NEGATOR));
        common += usize::from(t.known.common || t.sense.canon != NONE || t.sense.count | t.sense.date != 0);
        foreign += usize::from((t.flag(FOREIGN) && !particle) || (t.has(ACCENT) && !t.has(CAPITAL)));
        script += usize::from(t.has(SCRIPT));
    }
    let known = (grammar + common) * 100 >= plain * 25;
    script * 10 <= words * 3 && foreign <= grammar && (words < 5 || known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_english_from_other_languages() {
        let english = [
            "The cat sat on the mat.",
            "Paris",
            "Rolling Stones add second Hyde Park date",
            "",
            "42",
            "Gu Kailai murder trial ends in China",
            "Yes, Müller is right about the naïve estimate.",
        ];
        let other = [
            "Die Katze sitzt auf dem Tisch.",
            "Le chat est sur la table.",
            "El gato está en la mesa.",
            "猫はテーブルの上にいます。",
            "Кошка сидит на столе.",
            "القط على الطاولة",
            "Die Regierung erhöht die Steuern.",
        ];
        for text in english {
            assert!(Source::new(text).english, "{text}");
        }
        for text in other {
            assert!(!Source::new(text).english, "{text}");
        }
    }
}
