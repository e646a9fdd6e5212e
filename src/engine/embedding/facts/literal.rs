//! Numeric literals as written: integers, decimals, fractions, clock times, dates, versions and identifiers.

use super::measure::duration;
use super::pattern::{Group, Pattern, char_at};
use super::stem::Hasher;
use super::unit;

/// What the literal is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// A quantity.
    Plain(f64),
    /// An ordinal such as 1st.
    Ordinal(f64),
    /// Minutes since midnight.
    Clock(u16),
    /// Year (0 unknown), then day and month in the order found; `sure` when that order is certain.
    Date { year: u16, month: u8, day: u8, sure: bool },
    /// Seconds, in parts of several units such as 2h15m.
    Duration(f64),
    /// A decade such as 1990s.
    Decade(u16),
    /// Version, telephone number, identifier: only equality has a meaning.
    Opaque(u32),
}

/// A numeric literal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Literal {
    pub form: Form,
    /// Half a unit of the last digit written.
    pub step: f64,
    /// Where it ends in the text.
    pub end: u32,
    /// The minus sign stands directly before.
    pub negative: bool,
    /// One point and three digits, as in 1.234: thousands in many languages.
    pub maybe_grouped: bool,
    /// Four digits without any separator: may be a year.
    pub maybe_year: bool,
}

/// The value of a fraction character.
pub fn vulgar(c: char) -> Option<f64> {
    Some(match c {
        '½' => 0.5,
        '⅓' => 1.0 / 3.0,
        '⅔' => 2.0 / 3.0,
        '¼' => 0.25,
        '¾' => 0.75,
        '⅕' => 0.2,
        '⅛' => 0.125,
        '⅜' => 0.375,
        '⅝' => 0.625,
        '⅞' => 0.875,
        _ => return None,
    })
}

/// Reads the literal that starts at this byte (a digit or a fraction character).
pub fn scan(text: &str, start: usize) -> Literal {
    if let Some((c, value)) = char_at(text, start).and_then(|c| Some((c, vulgar(c)?))) {
        return finish(text, start, start + c.len_utf8(), Form::Plain(value), 0.0);
    }
    let mut p = Pattern::read(text, start);
    let (form, step) = classify(text, start, &mut p);
    let mut lit = finish(text, start, p.end, form, step);
    let g = p.groups();
    lit.maybe_grouped = p.count == 2 && p.all('.') && g[1].len == 3 && g[0].len <= 3 && g[0].value > 0;
    lit.maybe_year = p.count == 1 && g[0].len == 4 && (1000..=2199).contains(&g[0].value);
    lit
}

fn classify(text: &str, start: usize, p: &mut Pattern) -> (Form, f64) {
    if p.count == 1 {
        let g = p.groups[0];
        return if g.len > 15 { (Form::Opaque(p.hash()), 0.0) } else { (Form::Plain(g.value as f64), 0.5) };
    }
    if let Some(form) = calendar(p) {
        return (form, 0.0);
    }
    if p.all('-') && p.count >= 3 {
        return (Form::Opaque(p.hash()), 0.0);
    }
    if let Some(hyphen) = p.separators().iter().position(|&s| s == '-') {
        // A range: this literal ends before the hyphen.
        p.cut(text, start, hyphen + 1);
        return classify(text, start, p);
    }
    if p.all(':') {
        let (h, m) = (p.groups[0].value, p.groups[1].value);
        let clock = h <= 24 && m < 60 && p.groups[1].len == 2;
        let minutes = u16::try_from(h.saturating_mul(60).saturating_add(m));
        return (minutes.ok().filter(|_| clock).map_or(Form::Opaque(p.hash()), Form::Clock), 0.0);
    }
    if p.all('/') && p.count == 2 && p.groups[1].value > 0 {
        return (Form::Plain(p.groups[0].value as f64 / p.groups[1].value as f64), 0.0);
    }
    decimal(text, start, p)
}

/// Dates: 2024-03-05, 5.3.2024, 03/05/2024.
fn calendar(p: &Pattern) -> Option<Form> {
    let [a, b, c] = p.groups() else { return None };
    let separator = p.separators[0];
    if !p.all(separator) || !matches!(separator, '-' | '/' | '.') || b.len > 2 {
        return None;
    }
    let date = |y: Group, m: Group, d: Group, sure: bool| {
        let valid = (1..=12).contains(&m.value) && (1..=31).contains(&d.value);
        (valid && m.len <= 2 && d.len <= 2).then_some(Form::Date {
            year: u16::try_from(y.value).unwrap_or(0),
            month: m.value as u8,
            day: d.value as u8,
            sure,
        })
    };
    if a.len == 4 {
        return date(*a, *b, *c, true);
    }
    let year = match c.len {
        4 => *c,
        2 if separator == '/' => Group { value: 2000 + c.value - if c.value > 50 { 100 } else { 0 }, len: 4 },
        _ => return None,
    };
    // Points mean day first; otherwise only a day above 12 tells.
    match (separator == '.' || a.value > 12, b.value > 12) {
        (true, _) => date(year, *b, *a, true),
        (_, true) => date(year, *a, *b, true),
        _ => date(year, *a, *b, a.value == b.value),
    }
}

/// Thousands separators and the decimal mark, in either convention.
fn decimal(text: &str, start: usize, p: &mut Pattern) -> (Form, f64) {
    let separators = p.separators();
    let last = separators.last().copied().unwrap_or('.');
    let n = p.count;
    let alone = separators.iter().filter(|&&s| s == last).count() == 1;
    let marks_thousands = p.grouped() && (last != '.' || n > 2) && p.all(last) && last != '/';
    if marks_thousands || p.grouped_indian() {
        return (Form::Plain(p.joined(n)), 0.5);
    }
    let head_grouped = n == 2 || p.groups().iter().take(n - 1).skip(1).all(|g| g.len == 3);
    if alone && matches!(last, '.' | ',') && head_grouped {
        let places = i32::from(p.groups[n - 1].len).min(300);
        let scale = 10f64.powi(places);
        return (Form::Plain(p.joined(n) / scale), 0.5 / scale);
    }
    if p.all('.') {
        return (Form::Opaque(p.hash()), 0.0);
    }
    // A list without blanks, "1,2,3": one number at a time.
    p.cut(text, start, 1);
    classify(text, start, p)
}

/// The exponent in "e-3" or "e+3" and its length.
fn signed_exponent(tail: &[u8]) -> Option<(i32, u32)> {
    let [_, sign @ (b'-' | b'+'), rest @ ..] = tail else { return None };
    let digits = rest.iter().take(4).take_while(|b| b.is_ascii_digit());
    let (power, count) = digits.fold((0i32, 0), |(p, n), d| (p * 10 + i32::from(d - b'0'), n + 1));
    (1..4).contains(&count).then_some((if *sign == b'-' { -power } else { power }, 2 + count))
}

/// Sign before and letters glued behind: ordinals, exponents, decades, identifiers. Units are left for later.
fn finish(text: &str, start: usize, end: usize, form: Form, step: f64) -> Literal {
    let mut lit = Literal {
        form,
        step,
        end: u32::try_from(end).unwrap_or(u32::MAX),
        negative: negative(text, start) || bracketed(text, start, end),
        maybe_grouped: false,
        maybe_year: false,
    };
    let bytes = text.as_bytes();
    let tail = bytes.get(end..).unwrap_or(&[]);
    if let (Form::Plain(value), Some(c)) = (form, char_at(text, end).and_then(vulgar_behind)) {
        lit.form = Form::Plain(value + c.1);
        lit.end += c.0;
        lit.step = 0.0;
        return lit;
    }
    let letters = tail.iter().take(24).take_while(|b| b.is_ascii_alphanumeric()).count();
    let Form::Plain(value) = form else { return lit };
    let Some(suffix) = tail.get(..letters).filter(|s| !s.is_empty()) else { return lit };
    let lower = suffix.to_ascii_lowercase_array();
    match lower.as_slice() {
        b"st" | b"nd" | b"rd" | b"th" => {
            lit.form = Form::Ordinal(value);
            lit.end += 2;
        }
        b"s" if (1000.0..2200.0).contains(&value) && value % 10.0 == 0.0 => {
            lit.form = Form::Decade(value as u16);
            lit.end += 1;
        }
        [b'e', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            let power = digits.iter().fold(0i32, |p, d| (p * 10 + i32::from(d - b'0')).min(300));
            lit.form = Form::Plain(value * 10f64.powi(power));
            lit.step = step * 10f64.powi(power);
            lit.end += letters as u32;
        }
        b"e" => {
            if let Some((power, len)) = signed_exponent(tail) {
                let factor = 10f64.powi(power);
                (lit.form, lit.step, lit.end) = (Form::Plain(value * factor), step * factor, lit.end + len);
            }
        }
        // A time of day: 14h30.
        [b'h', ten @ b'0'..=b'5', one @ b'0'..=b'9'] if value <= 24.0 => {
            lit.form = Form::Clock(value as u16 * 60 + u16::from(ten - b'0') * 10 + u16::from(one - b'0'));
            lit.end += 3;
        }
        // A duration such as 2h15m or an identifier such as 4o or 0x1f; plain letters may still be a unit.
        mixed if mixed.iter().any(u8::is_ascii_digit) => {
            let state = mixed.iter().fold(Hasher::new().number(value.to_bits()), |h, &b| h.byte(b));
            lit.form = duration(value, mixed).map_or(Form::Opaque(state.narrow()), Form::Duration);
            lit.end += letters as u32;
        }
        _ => {}
    }
    lit
}

fn vulgar_behind(c: char) -> Option<(u32, f64)> {
    vulgar(c).map(|v| (c.len_utf8() as u32, v))
}

/// A short lower-cased copy without allocation.
trait LowerArray {
    fn to_ascii_lowercase_array(&self) -> Short;
}

struct Short {
    bytes: [u8; 24],
    len: usize,
}

impl Short {
    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }
}

impl LowerArray for [u8] {
    fn to_ascii_lowercase_array(&self) -> Short {
        let mut short = Short { bytes: [0; 24], len: self.len().min(24) };
        for (to, from) in short.bytes.iter_mut().zip(self) {
            *to = from.to_ascii_lowercase();
        }
        short
    }
}

/// Whether a minus sign, not a hyphen, stands before the number (a currency sign may lie between).
fn negative(text: &str, start: usize) -> bool {
    let mut before = text.get(..start).unwrap_or("").chars().rev();
    let mut sign = before.next();
    if matches!(sign, Some('$' | '€' | '£' | '¥')) {
        sign = before.next();
    }
    let outside = before.next();
    match sign {
        Some('\u{2212}') => true,
        Some('-' | '–') => outside.is_none_or(|c| !(c.is_alphanumeric() || matches!(c, ')' | '%' | '-' | '.' | ']'))),
        _ => false,
    }
}

/// Whether the number stands in parentheses next to a currency, which in accounts makes it negative: $(5), (5) USD.
fn bracketed(text: &str, start: usize, end: usize) -> bool {
    let Some(head) = text.get(..start).and_then(|t| t.strip_suffix('(')) else { return false };
    let sign = |c: char| unit::sign(c).is_some();
    if head.ends_with(sign) {
        return true;
    }
    let Some(tail) = text.get(end..).and_then(|t| t.strip_prefix(')')) else { return false };
    let tail = tail.trim_start_matches(' ');
    let code = tail.get(..3).filter(|c| c.bytes().all(|b| b.is_ascii_uppercase()) && unit::currency(c).is_some());
    let Some(rest) = code.map(|_| 3).and_then(|n| tail.get(n..)).or_else(|| tail.strip_prefix(sign)) else {
        return false;
    };
    // In "(1) USD 5" the currency belongs to the next number.
    !rest.trim_start_matches(' ').starts_with(|c: char| c.is_alphanumeric() || c == '-')
        || rest.starts_with(' ') && rest.trim_start_matches(' ').starts_with(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::super::pattern::digit;
    use super::*;

    fn value(text: &str) -> Option<f64> {
        match scan(text, text.find(|c| digit(c).is_some() || vulgar(c).is_some()).unwrap()) {
            Literal { form: Form::Plain(v), negative, .. } => Some(if negative { -v } else { v }),
            _ => None,
        }
    }

    #[test]
    fn reads_quantities() {
        let table = [
            ("1,000", 1000.0),
            ("1 000", 1000.0),
            ("1\u{a0}000", 1000.0),
            ("1\u{2009}000 000", 1e6),
            ("1e3", 1000.0),
            ("1'000", 1000.0),
            ("1.234,56", 1234.56),
            ("1,234.56", 1234.56),
            ("3,5", 3.5),
            ("1.234.567", 1234567.0),
            ("-5", -5.0),
            ("\u{2212}5", -5.0),
            ("-$5", -5.0),
            ("5-10", 5.0),
            ("a-5", 5.0),
            ("1/2", 0.5),
            ("½", 0.5),
            ("2½", 2.5),
            ("１２３", 123.0),
            ("١٢٣", 123.0),
            ("7.", 7.0),
            ("395,000", 395000.0),
            ("1,2,3", 1.0),
            ("5,00,000", 5e5),
            ("1,23,45,678", 12_345_678.0),
        ];
        for (text, want) in table {
            assert_eq!(value(text), Some(want), "{text}");
        }
    }

    #[test]
    fn reads_other_forms() {
        assert_eq!(scan("14:30", 0).form, Form::Clock(870));
        assert_eq!(scan("2024-03-05", 0).form, Form::Date { year: 2024, month: 3, day: 5, sure: true });
        assert_eq!(scan("03/05/2024", 0).form, Form::Date { year: 2024, month: 3, day: 5, sure: false });
        assert_eq!(scan("5.3.2024", 0).form, Form::Date { year: 2024, month: 3, day: 5, sure: true });
        assert_eq!(scan("1st", 0).form, Form::Ordinal(1.0));
        assert_eq!(scan("1990s", 0).form, Form::Decade(1990));
        for text in ["1.2.3", "555-123-4567", "4o4", "12345678901234567890"] {
            assert!(matches!(scan(text, 0).form, Form::Opaque(_)), "{text}");
        }
    }
}
