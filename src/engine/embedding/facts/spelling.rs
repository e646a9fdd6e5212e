//! How a word is spelt: reads it byte by byte, folds case and diacritics, and notes its shape.

use super::token::{ACCENT, ALL_CAPS, CAPITAL, CODE, MIXED, SCRIPT};

const LONGEST: usize = 40;

/// Lower-cased, folded spelling of the word being read; what exceeds the buffer is left out.
pub struct Spelling {
    buffer: [u8; LONGEST],
    len: usize,
    upper: u16,
    letters: u16,
    flags: u8,
    last_lower: bool,
}

impl Default for Spelling {
    fn default() -> Self {
        Self { buffer: [0; LONGEST], len: 0, upper: 0, letters: 0, flags: 0, last_lower: false }
    }
}

impl Spelling {
    /// The spelling so far, lower case and without diacritics.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or(&[])
    }

    /// The first eight bytes, first byte highest.
    pub fn letters(&self) -> u64 {
        let head = self.buffer.first_chunk::<8>().copied().unwrap_or_default();
        let keep = self.len.min(8) as u32;
        if keep == 0 { 0 } else { u64::from_be_bytes(head) >> (64 - 8 * keep) << (64 - 8 * keep) }
    }

    /// Shape flags of the token.
    pub fn shape(&self) -> u8 {
        let caps = self.letters >= 2 && self.upper == self.letters;
        self.flags | if caps { ALL_CAPS } else { 0 }
    }

    /// Drops the last bytes.
    pub fn shorten(&mut self, by: usize) {
        self.len = self.len.saturating_sub(by);
    }

    fn put(&mut self, byte: u8) {
        if let Some(slot) = self.buffer.get_mut(self.len) {
            *slot = byte;
            self.len += 1;
        }
    }

    fn letter(&mut self, upper: bool) {
        if upper {
            if self.letters == 0 {
                self.flags |= CAPITAL;
            }
            if self.last_lower {
                self.flags |= MIXED;
            }
            self.upper = self.upper.saturating_add(1);
        }
        self.letters = self.letters.saturating_add(1);
        self.last_lower = !upper;
    }

    /// Reads the word at `start`; returns where it ends.
    pub fn read(&mut self, text: &str, start: usize) -> usize {
        let bytes = text.as_bytes();
        let at = |i: usize| bytes.get(i).copied().unwrap_or(0);
        let mut i = start;
        loop {
            match at(i) {
                b @ b'a'..=b'z' => {
                    self.letter(false);
                    self.put(b);
                    i += 1;
                }
                b @ b'A'..=b'Z' => {
                    self.letter(true);
                    self.put(b | 0x20);
                    i += 1;
                }
                b @ b'0'..=b'9' if self.flags & SCRIPT == 0 => {
                    self.flags |= CODE;
                    self.put(b);
                    i += 1;
                }
                b'_' if at(i + 1).is_ascii_alphanumeric() => {
                    self.flags |= CODE;
                    self.put(b'_');
                    i += 1;
                }
                b'\'' if at(i + 1).is_ascii_alphabetic() => {
                    self.put(b'\'');
                    i += 1;
                }
                b'.' if i - start == 1 && at(i + 1).is_ascii_alphabetic() && !at(i + 2).is_ascii_alphanumeric() => {
                    return self.dotted(bytes, i);
                }
                b'-' if self.joins_number(bytes, i) => {
                    self.put(b'-');
                    i += 1;
                }
                0x80.. => match text.get(i..).and_then(|rest| rest.chars().next()) {
                    Some('’') if at(i + 3).is_ascii_alphabetic() => {
                        self.put(b'\'');
                        i += 3;
                    }
                    Some(c) if c.is_alphabetic() => {
                        self.wide(c);
                        i += c.len_utf8();
                    }
                    _ => return i,
                },
                _ => return i,
            }
        }
    }

    /// Initials with full stops: U.S., p.m., e.g.
    fn dotted(&mut self, bytes: &[u8], mut i: usize) -> usize {
        let at = |i: usize| bytes.get(i).copied().unwrap_or(0);
        while at(i) == b'.' && at(i + 1).is_ascii_alphabetic() && !at(i + 2).is_ascii_alphanumeric() {
            self.letter(at(i + 1).is_ascii_uppercase());
            self.put(at(i + 1).to_ascii_lowercase());
            i += 2;
        }
        if at(i) == b'.' { i + 1 } else { i }
    }

    /// A hyphen inside an identifier such as COVID-19 or gpt-4o.
    fn joins_number(&self, bytes: &[u8], hyphen: usize) -> bool {
        let tail = bytes.get(hyphen + 1..).unwrap_or(&[]);
        let digits = tail.iter().take(8).take_while(|b| b.is_ascii_digit()).count();
        let caps = self.upper == self.letters && self.letters > 0;
        let more = tail.get(digits).is_some_and(u8::is_ascii_alphabetic);
        // "9am-5pm" and "5km-10km" are ranges.
        let unit = hyphen.checked_sub(self.len + 1).and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_digit);
        digits > 0 && !unit && self.flags & SCRIPT == 0 && (caps || (more && self.letters <= 6))
    }

    fn wide(&mut self, c: char) {
        self.flags |= ACCENT;
        if c > '\u{24f}' && !('\u{1e00}'..='\u{1eff}').contains(&c) {
            self.flags |= SCRIPT;
        }
        self.letter(c.is_uppercase());
        let folded = fold(c);
        if folded.is_empty() {
            let mut utf8 = [0; 4];
            for lower in c.to_lowercase() {
                lower.encode_utf8(&mut utf8).bytes().for_each(|b| self.put(b));
            }
        } else {
            folded.bytes().for_each(|b| self.put(b));
        }
    }
}

/// Latin letter without its diacritics, or nothing.
fn fold(c: char) -> &'static str {
    match c {
        'À'..='Å' | 'à'..='å' | 'Ā'..='ą' => "a",
        'Æ' | 'æ' => "ae",
        'Ç' | 'ç' | 'Ć'..='č' => "c",
        'È'..='Ë' | 'è'..='ë' | 'Ē'..='ě' => "e",
        'Ì'..='Ï' | 'ì'..='ï' | 'Ĩ'..='ı' => "i",
        'Ð' | 'ð' | 'Ď'..='đ' => "d",
        'Ñ' | 'ñ' | 'Ń'..='ň' => "n",
        'Ò'..='Ö' | 'Ø' | 'ò'..='ö' | 'ø' | 'Ō'..='ő' => "o",
        'Œ' | 'œ' => "oe",
        'Ù'..='Ü' | 'ù'..='ü' | 'Ũ'..='ų' => "u",
        'Ý' | 'ý' | 'ÿ' | 'Ÿ' => "y",
        'ß' => "ss",
        'Ĝ'..='ģ' => "g",
        'Ĺ'..='ł' => "l",
        'Ŕ'..='ř' => "r",
        'Ś'..='š' => "s",
        'Ţ'..='ŧ' => "t",
        'Ź'..='ž' => "z",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_and_notes_shape() {
        let table = [
            ("iPhone 5", "iphone", MIXED),
            ("NASA,", "nasa", CAPITAL | ALL_CAPS),
            ("García", "garcia", CAPITAL | ACCENT),
            ("U.S. is", "us", CAPITAL | ALL_CAPS),
            ("don’t", "don't", 0),
            ("well-known", "well", 0),
            ("COVID-19.", "covid-19", CAPITAL | ALL_CAPS | CODE),
        ];
        for (text, word, shape) in table {
            let mut spell = Spelling::default();
            spell.read(text, 0);
            assert_eq!((spell.bytes(), spell.shape()), (word.as_bytes(), shape), "{text}");
        }
    }
}
