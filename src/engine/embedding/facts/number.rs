//! Numbers with unit and sign, in digits or in words.

use super::lexicon::{Count, HEDGE};
use super::literal::{Form as Written, Literal};
use super::measure::{accounting, currency_at, currency_before, unit_behind};
use super::quantity::Quantity;
use super::source::Source;
use super::stem::hash;
use super::token::{Gap, OPENS, Token};
use super::unit::{self, Class, Unit};
use super::{Fact, Form, Kind};

/// Part of a number that has been read.
pub struct Mantissa {
    value: f64,
    step: f64,
    /// The token after it.
    pub to: usize,
    /// The byte after it.
    pub end: u32,
    weak: bool,
    ordinal: bool,
}

/// Reads the number that begins at this token; returns it and the token after it.
pub fn read(source: &Source, at: usize) -> Option<(Fact, usize)> {
    let token = source.token(at)?;
    let mantissa = match &token.literal {
        Some(literal) => {
            if list_marker(source, token, literal) {
                return None;
            }
            match literal.form {
                Written::Plain(value) => match spaced_clock(source, at, value) {
                    Some(minutes) => return Some(clock(source, at, at + 3, minutes, token)),
                    None => digits(source, at, token, literal, value),
                },
                Written::Ordinal(value) => {
                    Mantissa { value, step: 0.0, to: at + 1, end: token.end, weak: false, ordinal: true }
                }
                Written::Clock(minutes) => return Some(clock(source, at, at + 1, f64::from(minutes), token)),
                Written::Opaque(id) => return Some(fact(source, at, at + 1, token.start, token.end, opaque(id))),
                Written::Duration(value) => {
                    let q = Quantity { value, raw: value / 60.0, ..exact(Class::Time) };
                    return Some(fact(source, at, at + 1, token.start, token.end, q));
                }
                Written::Decade(_) | Written::Date { .. } => return None,
            }
        }
        None => match Count::of(token.sense.count)? {
            Count::Clock(minutes) => {
                let q = Quantity { value: minutes, raw: minutes, weak: true, ..exact(Class::Clock) };
                return Some(fact(source, at, at + 1, token.start, token.end, q));
            }
            _ => spelled(source, at)?,
        },
    };
    if token.literal.is_some() && !mantissa.ordinal && mantissa.value <= 12.0 && half_day(source, mantissa.to).is_some()
    {
        return Some(clock(source, at, mantissa.to, mantissa.value * 60.0, token));
    }
    Some(measured(source, at, token, mantissa))
}

/// "14 h 30", a time of day unless minutes follow.
fn spaced_clock(source: &Source, at: usize, hours: f64) -> Option<f64> {
    source.next_within(at + 1, Gap::Space).filter(|t| t.of(source.text) == "h" && hours <= 24.0)?;
    let token = source.next_within(at + 2, Gap::Space).filter(|t| t.end - t.start == 2)?;
    let Written::Plain(minutes) = token.literal?.form else { return None };
    let lasts = source.next_within(at + 3, Gap::Space).is_some_and(|t| unit::of(t.of(source.text)).is_some());
    (minutes < 60.0 && hours.fract() == 0.0 && !lasts).then_some(hours * 60.0 + minutes)
}

/// "1. " or "1) " at the start of a line numbers a list.
fn list_marker(source: &Source, token: &Token, literal: &Literal) -> bool {
    let Written::Plain(value) = literal.form else { return false };
    if !token.has(OPENS) || value > 99.0 {
        return false;
    }
    let tail = source.text.as_bytes().get(token.end as usize..).unwrap_or(&[]);
    // Only blanks and marks may stand before it in its line, and not many.
    let head = source.text.as_bytes().get(..token.start as usize).unwrap_or(&[]);
    if literal.negative && head.last() == Some(&b'(') {
        return false;
    }
    let line = head.iter().rev().take(12).take_while(|&&b| b != b'\n');
    let begins = line.clone().count() < 12 && !line.clone().any(|b| b.is_ascii_alphanumeric() || !b.is_ascii());
    begins && matches!(tail, [b'.' | b')', b' ' | b'*' | b'\n', ..])
}

/// Digits, an optional mixed fraction and scale words: 5, 2 1/2, 1.5 million, 5k.
fn digits(source: &Source, at: usize, token: &Token, literal: &Literal, value: f64) -> Mantissa {
    let mut m = Mantissa { value, step: literal.step, to: at + 1, end: token.end, weak: false, ordinal: false };
    if literal.maybe_grouped && !source.english {
        (m.value, m.step) = (value * 1000.0, 0.5);
    }
    if let Some(next) = source.next_within(m.to, Gap::Space)
        && let Some(Literal { form: Written::Plain(part), step: 0.0, .. }) = next.literal
        && part < 1.0
        && value.fract() == 0.0
    {
        (m.value, m.to, m.end, m.step) = (value + part, m.to + 1, next.end, 0.0);
    }
    if literal.negative || worded_minus(source, at) {
        m.value = -m.value;
    }
    let money = currency_before(source, at).is_some() || currency_at(source, m.to + 1);
    while let Some(next) = source.next_within(m.to, Gap::Space) {
        let Some(factor) =
            next.is_word().then(|| unit::scale(next.of(source.text), next.gap == Gap::Glued, money)).flatten()
        else {
            break;
        };
        // "5 m" is metres, "$5m" millions; "5 K" is kelvin.
        m.value *= factor;
        m.step *= factor;
        (m.to, m.end) = (m.to + 1, next.end);
    }
    m
}

fn worded_minus(source: &Source, at: usize) -> bool {
    source.before(at).is_some_and(|t| {
        source.token(at).is_some_and(|n| n.gap <= Gap::Space)
            && (t.hash == hash(b"minus") || t.hash == hash(b"negative"))
    })
}

/// Bytes of the minus sign before the literal.
fn sign_before(source: &Source, token: &Token) -> u32 {
    let head = source.text.get(..token.start as usize).unwrap_or("");
    let negative = token.literal.is_some_and(|l| l.negative);
    let sign = head.chars().next_back().filter(|&c| negative && matches!(c, '-' | '–' | '\u{2212}'));
    sign.map_or(0, |c| c.len_utf8() as u32)
}

/// Number words: twenty-five, three hundred and two, a dozen, half.
fn spelled(source: &Source, at: usize) -> Option<Mantissa> {
    let (mut total, mut current, mut last) = (0.0, 0.0, f64::INFINITY);
    let mut m = Mantissa { value: 0.0, step: 0.0, to: at, end: 0, weak: false, ordinal: false };
    let mut words = 0;
    while let Some(token) = source.token(m.to) {
        if words > 0 && token.gap > Gap::Space {
            break;
        }
        let joins = words > 0 && last >= 100.0 && token.hash == hash(b"and");
        let ahead = if joins { source.next_within(m.to + 1, Gap::Space) } else { None };
        let (token, skip) = ahead.map_or((token, 0), |t| (t, 1));
        match token.is_word().then(|| Count::of(token.sense.count)).flatten() {
            Some(Count::Value(v)) if last.is_infinite() || fits(last, v) => (current, last) = (current + v, v),
            Some(Count::Scale(s)) if s >= 1000.0 => {
                total += if current == 0.0 { s } else { current * s };
                (current, last) = (0.0, s);
            }
            Some(Count::Scale(s)) if last.is_infinite() || last < 100.0 => {
                current = if current == 0.0 { s } else { current * s };
                last = s;
            }
            Some(Count::Ordinal(v)) if last.is_infinite() || fits(last, v) => {
                (current, m.ordinal, m.weak) = (current + v, true, words == 0);
                (m.to, m.end) = (m.to + 1 + skip, token.end);
                break;
            }
            Some(Count::Half) if words == 0 => {
                let article = source.next_within(m.to + 1, Gap::Space).is_some_and(|t| is_article(t.hash));
                (m.value, m.to, m.end, m.weak) = (0.5, m.to + 1 + usize::from(article), token.end, true);
                if let Some(next) = source.next_within(m.to, Gap::Space)
                    && let Some(Count::Scale(scale)) = Count::of(next.sense.count)
                {
                    (m.value, m.to, m.end, m.weak) = (0.5 * scale, m.to + 1, next.end, false);
                }
                return Some(m);
            }
            _ => break,
        }
        (m.to, m.end, words) = (m.to + 1 + skip, token.end, words + 1);
    }
    m.value = total + current;
    m.weak |= words == 1 && m.value == 1.0;
    (m.to > at).then_some(m)
}

/// The article in "half an hour".
fn is_article(word: u32) -> bool {
    word == hash(b"a") || word == hash(b"an")
}

/// Whether a number word can follow one of this value within the same number.
fn fits(last: f64, value: f64) -> bool {
    last >= 100.0 || (last >= 20.0 && value < 10.0 && value > 0.0)
}

/// Whether "am" (false) or "pm" (true) stands at the token.
fn half_day(source: &Source, at: usize) -> Option<bool> {
    let t = source.next_within(at, Gap::Space)?;
    let dotted = t.of(source.text).contains('.');
    match t.hash {
        h if h == hash(b"pm") => Some(true),
        h if h == hash(b"am") && (dotted || t.gap == Gap::Glued || t.hash == hash(b"am")) => Some(false),
        _ => None,
    }
}

fn clock(source: &Source, at: usize, to: usize, minutes: f64, token: &Token) -> (Fact, usize) {
    let (half, past) = (half_day(source, to), minutes % 720.0);
    // 04:00 is written on a clock of 24 hours.
    let zero_first = token.of(source.text).starts_with('0');
    let (value, class) = match half {
        Some(true) => (past + 720.0, Class::Clock),
        Some(false) => (past, Class::Clock),
        None if (60.0..780.0).contains(&minutes) && !zero_first => (minutes, Class::HalfClock),
        None => (minutes, Class::Clock),
    };
    let to = to + usize::from(half.is_some());
    let end = source.token(to - 1).map_or(token.end, |t| t.end);
    fact(source, at, to, token.start, end, Quantity { value, raw: value, ..exact(class) })
}

/// Nothing of the class, exactly.
fn exact(class: Class) -> Quantity {
    Quantity { value: 0.0, raw: 0.0, step: 0.0, class, hedged: false, weak: false, place: 0 }
}

fn opaque(id: u32) -> Quantity {
    let value = f64::from(id);
    Quantity { value, raw: value, ..exact(Class::Opaque) }
}

/// Adds unit, currency, sign and hedge to a mantissa.
fn measured(source: &Source, at: usize, token: &Token, mut m: Mantissa) -> (Fact, usize) {
    let before = currency_before(source, at);
    let mut start = token.start - sign_before(source, token);
    let mut found = None;
    if let Some((unit, from)) = before {
        (found, start) = (Some(unit), from);
    }
    if found.is_none() && !m.ordinal {
        found = unit_behind(source, &mut m);
    }
    if found.is_none() && !m.ordinal && token.literal.is_some() {
        found = range_unit(source, m.to);
    }
    let value = if accounting(source, start, m.end) && before.is_some() { -m.value } else { m.value };
    let ordinary = if m.ordinal { Class::Ordinal } else { Class::Bare };
    let mut unit = found.unwrap_or(Unit { class: ordinary, factor: 1.0, offset: 0.0 });
    let mut value = value;
    while let Some((next, smaller)) = smaller_part(source, &m, unit) {
        // "1 h 30 min" counts in the smaller unit.
        value = value * unit.factor / smaller.factor + next.value;
        (m.to, m.end, m.step, unit) = (next.to, next.end, next.step, smaller);
    }
    let previous = at.checked_sub(1).and_then(|i| source.token(i)).filter(|_| token.gap == Gap::Hyphen);
    let second = previous.is_some_and(|t| t.literal.is_some());
    let first = source.next_within(m.to, Gap::Hyphen).is_some_and(|t| t.gap == Gap::Hyphen && t.literal.is_some());
    let q = Quantity {
        value: value * unit.factor + unit.offset,
        raw: value,
        step: m.step * unit.factor,
        class: unit.class,
        hedged: hedged(source, at, start),
        weak: m.weak && found.is_none(),
        place: if first { 1 } else { u8::from(second) * 2 },
    };
    fact(source, at, m.to, start, m.end, q)
}

/// The unit of measure that a range names only behind its end: "200 to 400 mg", "5-10 km".
fn range_unit(source: &Source, at: usize) -> Option<Unit> {
    let next = source.next_within(at, Gap::Space)?;
    let at = at + usize::from(next.hash == hash(b"to"));
    let end = source.next_within(at, Gap::Space).filter(|t| t.gap == Gap::Hyphen || next.is_word())?;
    let Written::Plain(value) = end.literal?.form else { return None };
    let mut last = Mantissa { value, step: 0.0, to: at + 1, end: end.end, weak: false, ordinal: false };
    unit_behind(source, &mut last).filter(|u| u.class.is_physical())
}

/// The part in a smaller unit that a compound measure goes on with: "30 min" after "1 h".
fn smaller_part(source: &Source, m: &Mantissa, unit: Unit) -> Option<(Mantissa, Unit)> {
    if !matches!(unit.class, Class::Time | Class::Length | Class::Mass) {
        return None;
    }
    let joins = source.next_within(m.to, Gap::Space).is_some_and(|t| t.hash == hash(b"and"));
    let at = m.to + usize::from(joins);
    let token = source.next_within(at, Gap::Space)?;
    let mut next = match &token.literal {
        Some(Literal { form: Written::Plain(value), negative: false, step, .. }) => {
            Mantissa { value: *value, step: *step, to: at + 1, end: token.end, weak: false, ordinal: false }
        }
        None => spelled(source, at).filter(|n| !n.ordinal)?,
        _ => return None,
    };
    let smaller = unit_behind(source, &mut next)?;
    (smaller.class == unit.class && next.value * smaller.factor < unit.factor).then_some((next, smaller))
}

fn hedged(source: &Source, at: usize, start: u32) -> bool {
    let sign = source.text.get(..start as usize).and_then(|t| t.chars().next_back());
    let word = |back: usize| at.checked_sub(back).and_then(|i| source.token(i)).is_some_and(|t| t.flag(HEDGE));
    matches!(sign, Some('~' | '≈' | '∼')) || word(1) || word(2)
}

fn fact(source: &Source, from: usize, to: usize, start: u32, end: u32, q: Quantity) -> (Fact, usize) {
    let sentence = source.token(from).map_or(0, |t| t.sentence);
    let context = source.context(from, to);
    (Fact { kind: Kind::Number, start, end, key: q.key(), sentence, context, form: Form::Number(q) }, to)
}

#[cfg(test)]
mod tests {
    use super::super::Facts;
    use super::*;

    #[test]
    fn reads_words_and_signs() {
        let table: &[(&str, &[f64])] = &[
            ("There are twenty-five dogs.", &[25.0]),
            ("Two hundred and five people.", &[205.0]),
            ("It has a hundred parts.", &[100.0]),
            ("It is one thousand two hundred.", &[1200.0]),
            ("He came third.", &[3.0]),
            ("It lost 5-10 points.", &[5.0, 10.0]),
            ("It was minus 5.", &[-5.0]),
            ("It was 1.5 million.", &[1.5e6]),
            ("It was 10k.", &[10e3]),
            ("It was 55bn.", &[55e9]),
            ("1. Stop\n2. Go", &[]),
            ("No numbers here.", &[]),
        ];
        for (text, want) in table {
            let facts = Facts::of(text);
            let values = facts.of_kind(Kind::Number).iter().filter_map(|f| match f.form {
                Form::Number(q) => Some(q.value),
                _ => None,
            });
            assert_eq!(values.collect::<Vec<_>>(), *want, "{text}");
        }
    }

    #[test]
    fn spans_hold_sign_and_unit() {
        for (text, want) in [("It is -5 °C.", "-5 °C"), ("It costs $5 million.", "$5 million"), ("at 3 pm", "3 pm")] {
            let facts = Facts::of(text);
            assert_eq!(facts.of_kind(Kind::Number).first().and_then(|f| text.get(f.span())), Some(want));
        }
    }
}
