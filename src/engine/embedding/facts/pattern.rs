//! Runs of digits with single separators between them, before it is known what they mean.

use super::stem::Hasher;

/// The value of a decimal digit of a common script.
pub fn digit(c: char) -> Option<u8> {
    let zero = match c {
        '0'..='9' => '0',
        '٠'..='٩' => '٠',
        '۰'..='۹' => '۰',
        '०'..='९' => '०',
        '০'..='৯' => '০',
        '๐'..='๙' => '๐',
        '０'..='９' => '０',
        _ => return None,
    };
    u8::try_from(c as u32 - zero as u32).ok()
}

/// A run of digits.
#[derive(Clone, Copy, Default)]
pub struct Group {
    pub value: u64,
    /// Digits written.
    pub len: u8,
}

const GROUPS: usize = 8;

/// Digit groups with the separators between them.
pub struct Pattern {
    pub groups: [Group; GROUPS],
    pub separators: [char; GROUPS],
    pub count: usize,
    /// Where the last group ends in the text.
    pub end: usize,
}

/// The character at this byte.
pub fn char_at(text: &str, at: usize) -> Option<char> {
    match text.as_bytes().get(at) {
        Some(b) if b.is_ascii() => Some(char::from(*b)),
        Some(_) => text.get(at..).and_then(|rest| rest.chars().next()),
        None => None,
    }
}

/// Where the terminal escape sequence that begins at this byte ends.
pub fn escape_end(text: &str, at: usize) -> usize {
    let tail = text.as_bytes().get(at + 1..).unwrap_or(&[]);
    let [b'[', rest @ ..] = tail else { return at + 1 };
    let parameters = rest.iter().take(32).take_while(|b| matches!(b, b' '..=b'?')).count();
    let closed = rest.get(parameters).is_some_and(|b| matches!(b, b'@'..=b'~'));
    if closed { at + 3 + parameters } else { at + 1 }
}

/// Whether a number with a point stands at this byte, as behind the "v" of a version.
pub fn is_version(text: &str, at: usize) -> bool {
    let tail = text.as_bytes().get(at..).unwrap_or(&[]);
    let digits = tail.iter().take(5).take_while(|b| b.is_ascii_digit()).count();
    digits > 0 && matches!(tail.get(digits..), Some([b'.', b'0'..=b'9', ..]))
}

fn group(text: &str, at: usize) -> (Group, usize) {
    let (mut group, mut i) = (Group::default(), at);
    while let Some((c, d)) = char_at(text, i).and_then(|c| Some((c, digit(c)?))) {
        group.value = group.value.saturating_mul(10).saturating_add(u64::from(d));
        group.len = group.len.saturating_add(1);
        i += c.len_utf8();
    }
    (group, i)
}

impl Pattern {
    pub fn read(text: &str, start: usize) -> Self {
        let (first, end) = group(text, start);
        let mut p = Self { groups: [Group::default(); GROUPS], separators: ['\0'; GROUPS], count: 1, end };
        p.groups[0] = first;
        while p.count < GROUPS {
            let Some(separator) = char_at(text, p.end).map(same_separator) else { break };
            if !matches!(separator, '.' | ',' | ':' | '/' | '-' | '\'' | ' ') {
                break;
            }
            let (next, end) = group(text, p.end + char_at(text, p.end).map_or(1, char::len_utf8));
            if next.len == 0 || !p.continues(separator, next) {
                break;
            }
            p.separators[p.count - 1] = separator;
            p.groups[p.count] = next;
            p.count += 1;
            p.end = end;
        }
        p
    }

    /// Whether the separator and group belong to the literal so far.
    fn continues(&self, separator: char, next: Group) -> bool {
        let first = self.groups[0].len <= 3 && self.groups[0].value > 0;
        let before = self.separators().last().copied();
        match separator {
            ' ' | '\'' => next.len == 3 && first && before.is_none_or(|s| s == separator),
            ',' => next.len != 3 || first || before == Some(','),
            ':' => before.is_none_or(|s| s == ':') && next.len <= 2,
            '/' => before.is_none_or(|s| s == '/'),
            _ => true,
        }
    }

    pub fn separators(&self) -> &[char] {
        self.separators.get(..self.count - 1).unwrap_or(&[])
    }

    pub fn groups(&self) -> &[Group] {
        self.groups.get(..self.count).unwrap_or(&[])
    }

    pub fn all(&self, separator: char) -> bool {
        self.separators().iter().all(|&s| s == separator)
    }

    /// Every group after the first has three digits.
    pub fn grouped(&self) -> bool {
        self.groups[0].len <= 3 && self.groups().iter().skip(1).all(|g| g.len == 3)
    }

    /// Thousands, then hundreds of thousands and so on, as in India: 5,00,000.
    pub fn grouped_indian(&self) -> bool {
        let [first, middle @ .., last] = self.groups() else { return false };
        let pairs = !middle.is_empty() && middle.iter().all(|g| g.len == 2);
        pairs && self.all(',') && last.len == 3 && first.len <= 2 && first.value > 0
    }

    /// Keeps only the first groups, ending at that byte.
    pub fn cut(&mut self, text: &str, start: usize, count: usize) {
        let mut at = start;
        for i in 0..count {
            let (_, end) = group(text, at);
            self.end = end;
            at = end + if i + 1 < count { char_at(text, end).map_or(1, char::len_utf8) } else { 0 };
        }
        self.count = count;
    }

    pub fn hash(&self) -> u32 {
        let mut state = Hasher::new();
        for g in self.groups() {
            state = state.number(g.value).byte(g.len);
        }
        state.narrow()
    }

    /// The groups joined to one integer.
    pub fn joined(&self, count: usize) -> f64 {
        self.groups().iter().take(count).fold(0.0, |sum, g| sum * 10f64.powi(i32::from(g.len)) + g.value as f64)
    }
}

fn same_separator(c: char) -> char {
    match c {
        '\u{a0}' | '\u{2009}' | '\u{202f}' => ' ',
        '’' => '\'',
        '٬' => ',',
        '٫' | '．' => '.',
        '，' => ',',
        '：' => ':',
        '\u{2011}' => '-',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_groups() {
        let table = [("1,234.5 km", 3, 7), ("12 345", 2, 6), ("12 34", 1, 2), ("2024-03-05", 3, 10), ("7.", 1, 2 - 1)];
        for (text, count, end) in table {
            let p = Pattern::read(text, 0);
            assert_eq!((p.count, p.end), (count, end), "{text}");
        }
    }

    #[test]
    fn knows_digits_of_other_scripts() {
        assert_eq!((digit('７'), digit('٣'), digit('x')), (Some(7), Some(3), None));
    }
}
