//! One pass over a text: words and numeric literals with what is known about each, and the gaps between them.

use super::lexicon::{self, Sense, Trait};
use super::literal::{self, Literal};
use super::pattern;
use super::spelling::Spelling;
use super::stem::{hash, stem};

/// What separates a token from the one before, from tight to loose.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Gap {
    Glued,
    Hyphen,
    Slash,
    Space,
    Comma,
    Clause,
    Sentence,
}

/// First letter is upper case.
pub const CAPITAL: u8 = 1;
/// At least two letters, all upper case.
pub const ALL_CAPS: u8 = 2;
/// An upper-case letter follows a lower-case one.
pub const MIXED: u8 = 4;
/// A digit or an underscore is part of the word, or its place marks it as code.
pub const CODE: u8 = 8;
/// Ends with a contracted "not".
pub const NOT: u8 = 16;
/// A letter is not ASCII.
pub const ACCENT: u8 = 32;
/// Written in a script other than Latin.
pub const SCRIPT: u8 = 64;
/// Stands where a capital letter says nothing: start of a sentence, quotation, list item or emphasis.
pub const OPENS: u8 = 128;

/// A word or a numeric literal.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    pub start: u32,
    pub end: u32,
    /// Hash of the lower-cased word without diacritics and possessive; 0 for literals.
    pub hash: u32,
    pub stem: u32,
    /// The first eight bytes of the same form, first byte highest.
    pub letters: u64,
    pub sense: Sense,
    pub known: Trait,
    pub shape: u8,
    pub gap: Gap,
    /// Running number of the sentence, saturating.
    pub sentence: u16,
    pub literal: Option<Literal>,
    /// Belongs to a number or a date that has been read.
    pub taken: bool,
}

impl Token {
    pub fn is_word(&self) -> bool {
        self.literal.is_none()
    }

    pub fn has(&self, shape: u8) -> bool {
        self.shape & shape != 0
    }

    pub fn flag(&self, flag: u16) -> bool {
        self.sense.flags & flag != 0
    }

    /// A word that carries meaning of its own.
    pub fn is_content(&self) -> bool {
        self.is_word() && (!self.flag(lexicon::FUNCTION) || self.known.axis != 0) && !self.negates()
    }

    pub fn negates(&self) -> bool {
        self.has(NOT) || self.flag(lexicon::NEGATOR)
    }

    /// The source text of the token.
    pub fn of<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.start as usize..self.end as usize).unwrap_or("")
    }
}

/// Abbreviations whose full stop ends no sentence.
const TITLES: [&str; 15] =
    ["Mr", "Mrs", "Ms", "Dr", "Prof", "St", "Jr", "Sr", "vs", "etc", "eg", "ie", "Gen", "Sen", "approx"];

/// Splits the text.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut scan = Scanner { text, at: 0, gap: Gap::Sentence, opens: true, sentence: 0, tokens: Vec::new() };
    scan.tokens.reserve(text.len() / 6 + 4);
    scan.run();
    scan.tokens
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
    gap: Gap,
    opens: bool,
    sentence: u16,
    tokens: Vec<Token>,
}

impl Scanner<'_> {
    fn run(&mut self) {
        while let Some(&byte) = self.text.as_bytes().get(self.at) {
            match byte {
                b'v' | b'V' if self.gap > Gap::Glued && pattern::is_version(self.text, self.at + 1) => self.at += 1,
                b'a'..=b'z' | b'A'..=b'Z' => self.word(),
                b'0'..=b'9' => self.literal(),
                0x80.. => self.wide(),
                _ => self.separator(byte),
            }
        }
    }

    fn byte(&self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or(0)
    }

    fn widen(&mut self, gap: Gap) {
        self.gap = self.gap.max(gap);
    }

    /// A character outside ASCII.
    fn wide(&mut self) {
        let Some(c) = self.text.get(self.at..).and_then(|rest| rest.chars().next()) else {
            self.at += 1;
            return;
        };
        if pattern::digit(c).is_some() || literal::vulgar(c).is_some() {
            return self.literal();
        }
        if c.is_alphabetic() {
            return self.word();
        }
        match c {
            '–' | '—' if self.byte(self.at + c.len_utf8()).is_ascii_digit() => self.widen(Gap::Hyphen),
            '\u{2010}' | '\u{2011}' => self.widen(Gap::Hyphen),
            '–' | '—' => self.widen(Gap::Clause),
            '“' | '„' | '«' | '•' | '●' | '‘' => {
                self.widen(Gap::Space);
                self.opens = true;
            }
            '。' | '！' | '？' | '؟' | '।' => self.widen(Gap::Sentence),
            '、' | '，' | '،' => self.widen(Gap::Comma),
            // Joiners and variation selectors belong to the characters around them.
            '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' | '’' => {}
            _ => self.widen(Gap::Space),
        }
        self.at += c.len_utf8();
    }

    fn separator(&mut self, byte: u8) {
        let next = self.byte(self.at + 1);
        match byte {
            b' ' | b'\t' | b'\r' => self.widen(Gap::Space),
            b'\n' | b'!' | b'?' => self.widen(Gap::Sentence),
            b'.' if self.ends_sentence(next) => self.widen(Gap::Sentence),
            b'.' if next <= b' ' => self.widen(Gap::Space),
            b',' => self.widen(Gap::Comma),
            b':' | b'"' | b'*' | b'#' | b'`' | b'|' | b'_' => {
                self.widen(if byte == b':' { Gap::Clause } else { Gap::Space });
                self.opens = true;
            }
            b'\'' if next.is_ascii_alphabetic() && self.gap >= Gap::Space => self.opens = true,
            b')' if self.tokens.last().is_some_and(|t| self.in_brackets(t)) => self.widen(Gap::Space),
            b';' | b'(' | b')' | b'[' | b']' => self.widen(Gap::Clause),
            b'-' if self.gap == Gap::Glued && next.is_ascii_alphanumeric() => self.widen(Gap::Hyphen),
            b'-' if next == b' ' || next == b'-' => self.widen(Gap::Clause),
            b'/' => self.widen(Gap::Slash),
            0x1b => return self.at = pattern::escape_end(self.text, self.at),
            _ => {}
        }
        self.at += 1;
    }

    /// Whether the token is a negative amount in parentheses.
    fn in_brackets(&self, token: &Token) -> bool {
        let negative = token.literal.is_some_and(|l| l.negative) && token.end as usize == self.at;
        negative && self.byte((token.start as usize).saturating_sub(1)) == b'('
    }

    /// Whether a full stop here ends a sentence rather than an abbreviation.
    fn ends_sentence(&self, next: u8) -> bool {
        if !(next <= b' ' || matches!(next, b'"' | b'\'' | b')' | b'*' | 0x80..)) {
            return false;
        }
        let Some(last) = self.tokens.last() else { return true };
        if self.gap != Gap::Glued || !last.is_word() {
            return true;
        }
        let word = last.of(self.text);
        let initial = word.len() == 1 && last.has(CAPITAL) && word != "I";
        let month = last.sense.date != 0 && word.len() <= 4 && last.hash != hash(b"may");
        let number = last.hash == hash(b"no") && self.byte(self.at + 2).is_ascii_digit();
        let title = TITLES.contains(&word);
        !(initial || month || number || title)
    }

    fn literal(&mut self) {
        let literal = literal::scan(self.text, self.at);
        let (start, end) = (self.at, literal.end as usize);
        self.push(start, end.max(start + 1), 0, 0, 0, 0, Some(literal));
    }

    fn word(&mut self) {
        let start = self.at;
        let mut spell = Spelling::default();
        self.at = spell.read(self.text, start);
        let stripped = self.strip_possessive(&mut spell);
        let bytes = spell.bytes();
        let (word, mut root) = (hash(bytes), stem(bytes));
        let mut shape = spell.shape();
        if bytes.ends_with(b"n't") {
            shape |= NOT;
        }
        if shape & ALL_CAPS != 0 && matches!(bytes, b"us" | b"usa") {
            root = stem(b"america");
            let end = self.at;
            return self.push(start, end, root, root, spell.letters(), shape, None);
        }
        if shape & (CAPITAL | ALL_CAPS) == 0 && self.marks_code(start) {
            shape |= CODE;
        }
        let end = if stripped > 0 { self.at - stripped } else { self.at };
        let after = self.at;
        self.push(start, end, word, root, spell.letters(), shape, None);
        self.at = after;
    }

    /// Whether the lower-case word that has been read from here is code by its place: alone between backticks, joined
    /// to the word before by a point, or after a keyword of a query.
    fn marks_code(&mut self, start: usize) -> bool {
        let before = start.checked_sub(1).map_or(0, |i| self.byte(i));
        match before {
            b'`' | b'-' | b'/' if self.in_backticks(start) => true,
            b'.' if self.gap == Gap::Glued => {
                let Some(last) = self.tokens.last_mut() else { return false };
                let joined = last.is_word() && !last.has(CAPITAL | ALL_CAPS) && last.end as usize + 1 == start;
                last.shape |= if joined { CODE } else { 0 };
                joined
            }
            b' ' if self.gap == Gap::Space => {
                const KEYWORDS: [&[u8]; 6] = [b"table", b"into", b"join", b"view", b"from", b"update"];
                let is = |t: &Token, word: &[u8]| t.has(ALL_CAPS) && t.hash == hash(word);
                let last = self.tokens.last().filter(|t| KEYWORDS.iter().any(|w| is(t, w)));
                // A join may also be spoken about outside of queries.
                let query = || self.tokens.iter().rev().take(64).any(|t| is(t, b"from"));
                last.is_some_and(|t| t.hash != hash(b"join") || query())
            }
            _ => false,
        }
    }

    /// Whether the word is part of a name between backticks, as in `check-api`; with blanks it may be any phrase.
    fn in_backticks(&self, start: usize) -> bool {
        let part = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b':');
        let bytes = self.text.as_bytes();
        let head = bytes.get(start.saturating_sub(40)..start).unwrap_or(&[]);
        let tail = bytes.get(self.at..).unwrap_or(&[]);
        let opens = head.iter().rev().find(|b| !part(b)) == Some(&b'`');
        opens && tail.iter().take(40).find(|b| !part(b)) == Some(&b'`')
    }

    /// Takes a possessive 's off the word unless it belongs to a grammar word; returns its length in the text.
    fn strip_possessive(&self, spell: &mut Spelling) -> usize {
        if !spell.bytes().ends_with(b"'s") || lexicon::sense(hash(spell.bytes())).flags & lexicon::FUNCTION != 0 {
            return 0;
        }
        spell.shorten(2);
        if self.text.get(..self.at).is_some_and(|t| t.ends_with("\'s") || t.ends_with("\'S")) { 2 } else { 4 }
    }

    #[allow(clippy::too_many_arguments)]
    fn push(&mut self, start: usize, end: usize, word: u32, root: u32, letters: u64, shape: u8, lit: Option<Literal>) {
        if self.gap == Gap::Sentence && !self.tokens.is_empty() {
            self.sentence = self.sentence.saturating_add(1);
        }
        let sense = lexicon::sense(word);
        let root = if sense.canon != 0 { sense.canon } else { root };
        let opens = if self.opens || self.gap == Gap::Sentence { OPENS } else { 0 };
        self.tokens.push(Token {
            start: start as u32,
            end: end as u32,
            hash: word,
            stem: root,
            letters,
            sense,
            known: lexicon::stem_trait(root),
            shape: shape | opens,
            gap: self.gap,
            sentence: self.sentence,
            literal: lit,
            taken: false,
        });
        self.at = end;
        (self.gap, self.opens) = (Gap::Glued, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        tokens(text).iter().map(|t| t.of(text)).collect()
    }

    #[test]
    fn splits_words_and_numbers() {
        let table: &[(&str, &[&str])] = &[
            ("It doesn't work.", &["It", "doesn't", "work"]),
            ("Dynes’ and Musharraf's", &["Dynes", "and", "Musharraf"]),
            ("U.S. troops", &["U.S.", "troops"]),
            ("COVID-19 and gpt-4o", &["COVID-19", "and", "gpt-4o"]),
            ("twenty-five 3-year", &["twenty", "five", "3", "year"]),
            ("\u{1b}[31m500 USD\u{1b}[0m", &["500", "USD"]),
            ("v2.4.1", &["2.4.1"]),
            ("9am-5pm", &["9", "am", "5", "pm"]),
            ("价格是5元", &["价格是", "5", "元"]),
            ("", &[]),
        ];
        for (text, want) in table {
            assert_eq!(words(text), *want);
        }
    }

    #[test]
    fn folds_diacritics_and_case() {
        let (a, b) = (tokens("Gabriel GARCÍA"), tokens("gabriel garcia"));
        assert_eq!(a[1].hash, b[1].hash);
        assert!(a[1].has(ALL_CAPS) && a[1].has(ACCENT) && !a[1].has(SCRIPT));
    }

    #[test]
    fn knows_sentences() {
        let t = tokens("Mr. Smith met S. Jones on Jan. 5. He left! Then\n- item");
        let ends: Vec<u16> = t.iter().map(|t| t.sentence).collect();
        assert_eq!(ends, [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3]);
        assert!(t[8].has(OPENS) && !t[1].has(OPENS));
    }
}
