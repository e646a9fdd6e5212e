//! What stands around a number and says what it counts: currencies before, units behind, parentheses.

use super::number::Mantissa;
use super::source::Source;
use super::stem::hash;
use super::token::{ALL_CAPS, Gap, Token};
use super::unit::{self, Class, Unit};

/// The currency before the number and where it begins: a sign or a code.
pub fn currency_before(source: &Source, at: usize) -> Option<(Unit, u32)> {
    let token = source.token(at)?;
    let head = source.text.get(..token.start as usize)?;
    let open = head.strip_suffix('(').filter(|h| token.literal.is_some() && h.ends_with(|c| unit::sign(c).is_some()));
    let head = open.unwrap_or(head);
    let bare = head.trim_end_matches(['-', '\u{2212}', ' ', '\u{a0}']);
    if let Some(c) = bare.chars().next_back().filter(|_| head.len() - bare.len() <= 4)
        && let Some(unit) = unit::sign(c)
    {
        return Some((unit, (bare.len() - c.len_utf8()) as u32));
    }
    let code = source.before(at).filter(|t| token.gap <= Gap::Space && t.is_word() && t.end - t.start == 3)?;
    let unit = unit::currency(code.of(source.text)).filter(|_| code.has(ALL_CAPS))?;
    Some((unit, code.start))
}

/// Whether the token is a currency.
pub fn currency_at(source: &Source, at: usize) -> bool {
    let Some(token) = source.next_within(at, Gap::Space).filter(|t| t.is_word()) else { return false };
    // Shorter names in lower case may be other words, as "won".
    (token.has(ALL_CAPS) || token.end - token.start > 3) && unit::currency(token.of(source.text)).is_some()
}

/// The unit after the number, as a sign or as a word; moves the mantissa past it.
pub fn unit_behind(source: &Source, m: &mut Mantissa) -> Option<Unit> {
    let tail = source.text.get(m.end as usize..)?;
    let trimmed = tail.trim_start_matches([' ', '\u{a0}', '\u{202f}']);
    let blanks = tail.len() - trimmed.len();
    let c = trimmed.chars().next().filter(|_| blanks <= 2)?;
    let sign = match c {
        '%' | '％' | '٪' => Some(unit::PERCENT),
        '‰' => Some(unit::PER_MILLE),
        '°' | 'º' => return Some(degrees(source, m)),
        '℃' => Some(unit::CELSIUS),
        _ if blanks > 0 && c == '$' => None,
        _ => unit::sign(c),
    };
    if sign.is_some() {
        m.end += (blanks + c.len_utf8()) as u32;
        return sign;
    }
    let word = source.next_within(m.to, Gap::Space).filter(|t| t.is_word())?;
    let text = word.of(source.text);
    let second = source.next_within(m.to + 1, Gap::Space);
    let pair = |t: &Token| (word.hash, t.hash);
    let (unit, words) = match second.map(pair) {
        Some((a, b)) if a == hash(b"per") && b == hash(b"cent") => (unit::PERCENT, 2),
        Some((a, b)) if a == hash(b"basis") && (b == hash(b"points") || b == hash(b"point")) => (unit::of("bps")?, 2),
        Some((a, b)) if (a == hash(b"percentage") || a == hash(b"degrees")) && b != 0 => {
            let points = a == hash(b"percentage");
            (if points { unit::PERCENT } else { unit::of(second?.of(source.text))? }, 2)
        }
        _ => (unit::of(text)?, 1),
    };
    let spaced = word.gap == Gap::Space;
    // After a blank these are more often words than units.
    let alone = source.token(m.to + 1).is_none_or(|t| t.gap >= Gap::Space);
    if spaced && (matches!(text, "us" | "mi" | "ha" | "F" | "C") || text == "t" && !alone) {
        return None;
    }
    m.to += words;
    m.end = source.token(m.to - 1).map_or(m.end, |t| t.end);
    Some(per_hour(source, m, unit))
}

/// "km/h" and "m/s" after the length has been read.
fn per_hour(source: &Source, m: &mut Mantissa, unit: Unit) -> Unit {
    let Some(per) = source.token(m.to).filter(|t| t.gap == Gap::Slash && unit.class == Class::Length) else {
        return unit;
    };
    let seconds = match per.of(source.text) {
        "h" | "hr" | "hour" => 3600.0,
        "s" | "sec" => 1.0,
        _ => return unit,
    };
    (m.to, m.end) = (m.to + 1, per.end);
    Unit { class: Class::Speed, factor: unit.factor / seconds, offset: 0.0 }
}

/// After a degree sign: Celsius unless Fahrenheit is named.
fn degrees(source: &Source, m: &mut Mantissa) -> Unit {
    let named = source.token(m.to).filter(|t| t.gap <= Gap::Space && matches!(t.of(source.text), "C" | "F"));
    let fahrenheit = named.is_some_and(|t| t.of(source.text) == "F");
    if let Some(t) = named {
        (m.to, m.end) = (m.to + 1, t.end);
    }
    if fahrenheit { unit::FAHRENHEIT } else { unit::CELSIUS }
}

/// Parentheses around an amount of money: a negative one in accounts.
pub fn accounting(source: &Source, start: u32, end: u32) -> bool {
    let bytes = source.text.as_bytes();
    let open = (start as usize).checked_sub(1).and_then(|i| bytes.get(i)) == Some(&b'(');
    let blank = (start as usize).checked_sub(2).and_then(|i| bytes.get(i)).is_none_or(|&b| b == b' ' || b == b'|');
    open && blank && bytes.get(end as usize) == Some(&b')')
}

/// The seconds of a value whose letters behind it go on in smaller units: 2h15m.
pub fn duration(value: f64, letters: &[u8]) -> Option<f64> {
    let (mut total, mut part, mut last, mut at, mut count) = (0.0, value, f64::INFINITY, 0, 0);
    while let Some(rest) = letters.get(at..).filter(|r| !r.is_empty()) {
        let word = rest.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        let seconds = match rest.get(..word)? {
            b"d" => 86_400.0,
            b"h" | b"hr" => 3600.0,
            b"m" | b"min" => 60.0,
            b"s" | b"sec" => 1.0,
            _ => return None,
        };
        let digits = rest.iter().skip(word).take(4).take_while(|b| b.is_ascii_digit());
        let (next, len) = digits.fold((0.0, 0), |(v, n), &d| (v * 10.0 + f64::from(d - b'0'), n + 1));
        if seconds >= last {
            return None;
        }
        total += part * seconds;
        (part, last, at, count) = (next, seconds, at + word + len, if len > 0 { count + 1 } else { count });
    }
    // The last part needs a unit as well.
    (count > 0 && letters.last().is_some_and(u8::is_ascii_alphabetic)).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::super::{Facts, Form, Kind};

    /// Value of the first number in its base unit.
    fn value(text: &str) -> Option<f64> {
        match Facts::of(text).of_kind(Kind::Number).first()?.form {
            Form::Number(q) => Some(q.value),
            _ => None,
        }
    }

    #[test]
    fn measures() {
        let table = [
            ("It costs $5.", 5.0),
            ("A loss of ($5) was booked.", -5.0),
            ("A loss of $(2.4) million was booked.", -2.4e6),
            ("A loss of (5) USD was booked.", -5.0),
            ("It is (1) USD 5.", 1.0),
            ("It takes 2h15m.", 8100.0),
            ("It costs 40m EUR.", 4e7),
            ("It costs $3.2mm.", 3.2e6),
            ("Half a million came.", 5e5),
            ("It costs USD 5.", 5.0),
            ("It ran at 36 km/h.", 10.0),
            ("It fell by 50 basis points.", 0.5),
            ("It fell by 5 per cent.", 5.0),
            ("It fell by 5 percentage points.", 5.0),
            ("It is 0 °C.", 273.15),
            ("It is 32°F.", 273.15),
            ("It is 0 degrees Celsius.", 273.15),
            ("A 3-minute egg.", 180.0),
            ("It costs 5 € now.", 5.0),
            ("A 5 kW heater.", 5000.0),
        ];
        for (text, want) in table {
            assert!(value(text).is_some_and(|v| (v - want).abs() < 1e-9), "{text}: {:?}", value(text));
        }
    }
}
