//! Word lists turned at compile time into two hash tables: by exact word and by stem.

use super::stem::{NONE, hash, stem};
use super::{common, words};

/// What is known about one exact lower-case word.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sense {
    /// Any of the flag constants of this module.
    pub flags: u16,
    /// Number word: see [`Count`]; 0 for none.
    pub count: u8,
    /// 1 to 12 a month, 21 to 27 Monday to Sunday, 31 to 33 yesterday to tomorrow, 0 none.
    pub date: u8,
    /// Stem to use instead of the regular one (irregular form, nationality), or [`NONE`].
    pub canon: u32,
}

/// Grammar word without content of its own.
pub const FUNCTION: u16 = 1;
/// Grammar word of another language.
pub const FOREIGN: u16 = 2;
/// Negates what follows.
pub const NEGATOR: u16 = 4;
/// Negates the verb after a following "to" ("fails to").
pub const NEGATOR_TO: u16 = 8;
/// Makes the following number approximate.
pub const HEDGE: u16 = 16;
/// Opening word of an answer without content ("Sure", "Certainly").
pub const FILLER: u16 = 32;
/// Preposition that often stands before a year.
pub const BEFORE_YEAR: u16 = 64;

/// Negates a sentence of another language.
pub const FOREIGN_NOT: u16 = 128;

/// Refuses or rules out what its sentence speaks of ("excluded", "avoid").
pub const AVERSE: u16 = 256;
/// May say in other words what another text denies ("stale" for "not fresh").
pub const LESSENING: u16 = 512;

/// May be part of a phrase that has an opposite.
pub const PHRASE: u16 = 1024;

const NOTHING: Sense = Sense { flags: 0, count: 0, date: 0, canon: NONE };

/// What is known about a stem.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trait {
    pub common: bool,
    /// Number of an antonym axis, positive or negative side; 0 for none.
    pub axis: i8,
    /// The word has everyday meanings off its axis, so that its context must agree as well.
    pub vague: bool,
}

const PLAIN: Trait = Trait { common: false, axis: 0, vague: false };

/// Meaning of [`Sense::count`].
pub enum Count {
    Value(f64),
    Scale(f64),
    Ordinal(f64),
    Half,
    /// Minutes since midnight.
    Clock(f64),
}

impl Count {
    pub fn of(code: u8) -> Option<Self> {
        Some(match code {
            0 => return None,
            1..=100 => Self::Value(f64::from(code - 1)),
            101 => Self::Scale(100.0),
            102 => Self::Scale(1e3),
            103 => Self::Scale(1e6),
            104 => Self::Scale(1e9),
            105 => Self::Scale(1e12),
            106 => Self::Scale(12.0),
            107 => Self::Half,
            110 => Self::Clock(720.0),
            111 => Self::Clock(0.0),
            _ => Self::Ordinal(f64::from(code.saturating_sub(120))),
        })
    }
}

const SIZE: usize = 8192;

struct Table<T: Copy + 'static> {
    keys: [u32; SIZE],
    values: [T; SIZE],
}

/// Slot of the key, or the free slot where it belongs.
const fn slot(keys: &[u32; SIZE], key: u32) -> usize {
    let mut at = (key.wrapping_mul(0x9e37_79b1) >> 19) as usize % SIZE;
    while keys[at] != NONE && keys[at] != key {
        at = (at + 1) % SIZE;
    }
    at
}

/// The next space-separated word of the list at or after `from`, as a byte range.
const fn word_at(list: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut start = from;
    while start < list.len() && list[start] <= b' ' {
        start += 1;
    }
    let mut end = start;
    while end < list.len() && list[end] > b' ' {
        end += 1;
    }
    if end > start { Some((start, end)) } else { None }
}

const fn cut(list: &[u8], start: usize, end: usize) -> &[u8] {
    list.split_at(end).0.split_at(start).1
}

const fn exact_table() -> Table<Sense> {
    let mut table = Table { keys: [NONE; SIZE], values: [NOTHING; SIZE] };
    let mut i = 0;
    while i < words::FLAGGED.len() {
        let (flags, list) = words::FLAGGED[i];
        let list = list.as_bytes();
        let mut at = 0;
        while let Some((start, end)) = word_at(list, at) {
            let to = slot(&table.keys, hash(cut(list, start, end)));
            table.keys[to] = hash(cut(list, start, end));
            table.values[to].flags |= flags;
            at = end;
        }
        i += 1;
    }
    let mut i = 0;
    while i < words::NUMBERED.len() {
        let (count, date, list) = words::NUMBERED[i];
        let (mut count, mut date) = (count, date);
        let list = list.as_bytes();
        let mut at = 0;
        while let Some((start, end)) = word_at(list, at) {
            let to = slot(&table.keys, hash(cut(list, start, end)));
            table.keys[to] = hash(cut(list, start, end));
            table.values[to].count = count;
            table.values[to].date = date;
            (count, date) = (words::following(count), words::following(date));
            at = end;
        }
        i += 1;
    }
    let mut i = 0;
    while i < words::SAME.len() {
        let list = words::SAME[i].as_bytes();
        let mut canon = NONE;
        let mut at = 0;
        while let Some((start, end)) = word_at(list, at) {
            let word = cut(list, start, end);
            if canon == NONE {
                canon = stem(word);
            }
            let to = slot(&table.keys, hash(word));
            table.keys[to] = hash(word);
            table.values[to].canon = canon;
            at = end;
        }
        i += 1;
    }
    table
}

const fn stem_table() -> Table<Trait> {
    let mut table = Table { keys: [NONE; SIZE], values: [PLAIN; SIZE] };
    let mut i = 0;
    while i < common::COMMON.len() {
        let list = common::COMMON[i].as_bytes();
        let mut at = 0;
        while let Some((start, end)) = word_at(list, at) {
            let key = stem(cut(list, start, end));
            let to = slot(&table.keys, key);
            table.keys[to] = key;
            table.values[to].common = true;
            at = end;
        }
        i += 1;
    }
    let mut i = 0;
    while i < words::AXES.len() {
        let lists = words::AXES[i];
        let mut side = 0;
        while side < 4 {
            let list = lists[side].as_bytes();
            let mut at = 0;
            while let Some((start, end)) = word_at(list, at) {
                let key = stem(cut(list, start, end));
                let to = slot(&table.keys, key);
                table.keys[to] = key;
                let axis = i as i8 + 1;
                let positive = side % 2 == 0;
                table.values[to] = Trait { common: true, axis: if positive { axis } else { -axis }, vague: side > 1 };
                at = end;
            }
            side += 1;
        }
        i += 1;
    }
    table
}

#[allow(long_running_const_eval)]
static EXACT: Table<Sense> = exact_table();
#[allow(long_running_const_eval)]
static STEMS: Table<Trait> = stem_table();

/// What is known about the word with this [`hash`].
pub fn sense(word: u32) -> Sense {
    EXACT.values[slot(&EXACT.keys, word)]
}

/// What is known about words with this [`stem`].
pub fn stem_trait(stem: u32) -> Trait {
    STEMS.values[slot(&STEMS.keys, stem)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_at_most_half_full() {
        for keys in [&EXACT.keys, &STEMS.keys] {
            let used = keys.iter().filter(|&&k| k != NONE).count();
            assert!(used > 100 && used < SIZE / 2, "{used}");
        }
    }

    #[test]
    fn looks_words_up() {
        assert_eq!(sense(hash(b"march")).date, 3);
        assert_eq!(sense(hash(b"sunday")).date, 27);
        assert!(sense(hash(b"the")).flags & FUNCTION != 0);
        assert_eq!(sense(hash(b"zzyzx")), NOTHING);
        assert_eq!(sense(hash(b"ran")).canon, stem(b"run"));
        assert!(matches!(Count::of(sense(hash(b"ninety")).count), Some(Count::Value(90.0))));
        assert!(matches!(Count::of(sense(hash(b"third")).count), Some(Count::Ordinal(3.0))));
        assert!(matches!(Count::of(sense(hash(b"thirtieth")).count), Some(Count::Ordinal(30.0))));
    }

    #[test]
    fn axes_have_two_sides() {
        let safe = stem_trait(stem(b"safe")).axis;
        assert!(safe > 0);
        assert_eq!(stem_trait(stem(b"dangerous")).axis, -safe);
        assert!(stem_trait(stem(b"up")).vague);
    }
}
