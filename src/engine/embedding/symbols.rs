//! What letters and words do not tell: operators of code and formulas, arrows and emoji.
//!
//! `status = 'open'` and `status != 'open'` have the same words, and so have 👍 and 👎. Only texts of the same words are
//! compared by their symbols; marks of layout (`*`, `#`, `` ` ``, bullets, quotes, brackets) are none.

/// Symbols of a text that are kept.
const MOST: usize = 256;

/// The symbols of a text, each with its place in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Symbols(Box<[(u32, u8, Kind)]>);

/// The characters of a symbol, packed; at most two.
type Kind = u64;

impl Symbols {
    /// Reads the symbols of a text.
    pub fn of(text: &str) -> Self {
        let mut found = Vec::new();
        let mut letters = text.char_indices().peekable();
        let mut before = '\n';
        while let Some((at, letter)) = letters.next() {
            let next = letters.peek().map_or('\n', |(_, next)| *next);
            let mut end = at + letter.len_utf8();
            let kind = match letter {
                '!' | '<' | '>' | '=' if next == '=' => {
                    letters.next();
                    end += 1;
                    pack(letter, next)
                }
                // A denial in front of a word; at its end it is an exclamation.
                '!' if next.is_alphanumeric() || next == '(' => pack(letter, ' '),
                '<' | '>' | '=' | '+' | '~' => pack(letter, ' '),
                // Between two spaces: neither a bullet nor a hyphen.
                '-' | '−' if before == ' ' && next == ' ' => pack('-', ' '),
                _ if is_picture(letter) => pack(letter, ' '),
                _ => 0,
            };
            before = letter;
            if kind != 0 {
                found.push((at as u32, (end - at) as u8, kind));
                if found.len() >= MOST {
                    break;
                }
            }
        }
        Self(found.into())
    }

    /// Bytes of memory held.
    pub fn footprint(&self) -> usize {
        size_of_val(&*self.0)
    }

    /// Where two texts of the same words have different symbols in the same place, or one has symbols and the other has
    /// none but denials: the bytes in each.
    pub fn conflict(&self, other: &Self) -> Option<[Option<std::ops::Range<usize>>; 2]> {
        let span = |(at, bytes, _): &(u32, u8, Kind)| *at as usize..*at as usize + usize::from(*bytes);
        if self.0.len() == other.0.len() {
            let (a, b) = self.0.iter().zip(&other.0).find(|(a, b)| a.2 != b.2)?;
            return Some([Some(span(a)), Some(span(b))]);
        }
        let denial = |symbols: &Self| symbols.0.iter().find(|symbol| symbol.2 == pack('!', ' ')).map(span);
        let (mine, theirs) = (denial(self), denial(other));
        (mine.is_some() != theirs.is_some()).then_some([mine, theirs])
    }
}

fn pack(first: char, second: char) -> Kind {
    u64::from(u32::from(first)) << 32 | u64::from(u32::from(second))
}

/// Arrows, signs such as ✓ and ✗, and emoji.
fn is_picture(c: char) -> bool {
    matches!(u32::from(c), 0x2190..=0x21FF | 0x2600..=0x27BF | 0x2B00..=0x2BFF | 0x1F300..=0x1FAFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conflicts(a: &str, b: &str) -> bool {
        let (left, right) = (Symbols::of(a), Symbols::of(b));
        assert_eq!(left.conflict(&right).is_some(), right.conflict(&left).is_some());
        left.conflict(&right).is_some()
    }

    #[test]
    fn operators_and_pictures() {
        for (a, b) in [
            ("WHERE status = 'open'", "WHERE status != 'open'"),
            ("if a < 5 {}", "if a > 5 {}"),
            ("balance + 100", "balance - 100"),
            ("if (admin)", "if (!admin)"),
            ("👍", "👎"),
            ("price ↑", "price ↓"),
            ("✅ done", "❌ done"),
        ] {
            assert!(conflicts(a, b), "{a} | {b}");
        }
    }

    #[test]
    fn layout_is_no_symbol() {
        for (a, b) in [
            ("**Sell** 100.", "- Sell 100!"),
            ("Yes - sell", "Yes, sell"),
            ("`a = 1`", "a = 1"),
            ("Done! 🎉", "Done!"),
            ("# Plan\n* one", "Plan: one"),
        ] {
            assert!(!conflicts(a, b), "{a} | {b}");
        }
        assert_eq!(Symbols::of("a\u{301} != b").conflict(&Symbols::of("a\u{301} = b")), Some([Some(4..6), Some(4..5)]));
    }
}
