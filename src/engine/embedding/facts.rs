//! Facts in a text that sentence embeddings hardly see - numbers, dates, names and the polarity of claims - and how far
//! two texts contradict each other in them.
//!
//! A *conflict* is a fact for which the other text has a different one in its place; an *omission* is a fact of which
//! the other text says nothing. Conflicts weigh much, omissions little. Names and polarity need English and are left
//! out of texts that do not look English, save for negated sentences and a leading yes or no in a few other languages;
//! numbers and dates work in any language.

#[cfg(test)]
mod answers;
mod common;
mod compare;
mod concede;
mod date;
mod foreign;
mod lexicon;
mod literal;
mod measure;
mod name;
mod number;
mod oppose;
#[cfg(test)]
mod pairs;
mod pattern;
mod phrase;
mod place;
mod polarity;
mod prefix;
mod quantity;
mod replace;
mod source;
mod spelling;
mod stem;
mod tally;
mod token;
mod unit;
mod words;

use std::ops::Range;

pub use compare::{Difference, Disagreement, compare, explain};

/// Facts of one kind that are kept per text; later ones are left out.
pub const MOST_PER_KIND: usize = 64;
/// Different word positions that are kept per text for negations and lower-case names.
const MOST_MENTIONS: usize = 4096;
/// Bytes of a text that are read; the rest is ignored.
pub const MOST_BYTES: usize = 64 * 1024;

/// What a fact is about; also the order of facts in a text's list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Kind {
    /// A number with its unit.
    Number,
    /// A date or a time of day.
    Date,
    /// A name.
    Name,
    /// A claim or its opposite.
    Polarity,
}

impl Kind {
    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Date => "date",
            Self::Name => "name",
            Self::Polarity => "polarity",
        }
    }
}

/// All kinds, in order.
pub const KINDS: [Kind; 4] = [Kind::Number, Kind::Date, Kind::Name, Kind::Polarity];

/// One fact and where it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fact {
    /// What it is about.
    pub kind: Kind,
    /// First byte in the text.
    pub start: u32,
    /// Byte after the last one.
    pub end: u32,
    /// Hash of the normal form: equal facts in different notation have equal keys, as far as hashing allows.
    pub key: u64,
    sentence: u16,
    context: source::Context,
    form: Form,
}

/// Normal form of a fact.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Number(quantity::Quantity),
    Date(date::Day),
    Name(name::Part),
    Polarity(polarity::Claim),
}

impl Fact {
    /// Where the fact stands in its text, in bytes.
    pub fn span(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// The facts of one text.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    list: Box<[Fact]>,
    /// Where each kind begins in the list, and the end.
    bounds: [u16; 5],
    /// Stem and sentence of the content words, packed and sorted.
    mentions: Box<[u64]>,
    english: bool,
}

impl Facts {
    /// Reads the facts of a text, in time linear in its length.
    pub fn of(text: &str) -> Self {
        let text = text.get(..text.floor_char_boundary(MOST_BYTES)).unwrap_or(text);
        let mut source = source::Source::new(text);
        let mut list = Vec::with_capacity(8);
        let mut bounds = [0; 5];
        let (mut numbers, mut dates) = (Vec::new(), Vec::new());
        source.quantities(&mut numbers, &mut dates);
        for (kind, bound) in KINDS.iter().zip(1..) {
            let from = list.len();
            match kind {
                Kind::Number => list.append(&mut numbers),
                Kind::Date => list.append(&mut dates),
                Kind::Name if source.english => name::read(&source, &mut list),
                Kind::Polarity => polarity::read(&source, &mut list),
                _ => {}
            }
            list.truncate(from + MOST_PER_KIND);
            if let Some(end) = bounds.get_mut(bound) {
                *end = list.len() as u16;
            }
        }
        let mentions = source.mentions(MOST_MENTIONS);
        Self { list: list.into_boxed_slice(), bounds, mentions, english: source.english }
    }

    /// The facts, by kind and within a kind in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = &Fact> {
        self.list.iter()
    }

    /// Bytes of memory in use, including the value itself.
    pub fn footprint(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.list) + size_of_val(&*self.mentions)
    }

    /// Whether the text looks English, so that names and polarity were read.
    pub fn is_english(&self) -> bool {
        self.english
    }

    fn of_kind(&self, kind: Kind) -> &[Fact] {
        let at = kind as usize;
        let (from, to) = (self.bounds[at] as usize, self.bounds[at + 1] as usize);
        self.list.get(from..to).unwrap_or(&[])
    }

    /// The sentences in which a content word with this stem occurs.
    fn sentences_with(&self, stem: u32) -> impl Iterator<Item = u16> {
        let low = u64::from(stem) << 16;
        let from = self.mentions.partition_point(|&m| m < low);
        let rest = self.mentions.get(from..).unwrap_or(&[]);
        rest.iter().take_while(move |&&m| m >> 16 == u64::from(stem)).map(|&m| m as u16)
    }

    fn mentions(&self, stem: u32) -> bool {
        self.sentences_with(stem).next().is_some()
    }

    fn mentions_in(&self, stem: u32, sentence: u16) -> bool {
        self.mentions.binary_search(&(u64::from(stem) << 16 | u64::from(sentence))).is_ok()
    }
}
