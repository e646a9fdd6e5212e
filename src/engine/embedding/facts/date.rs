//! Calendar dates, whole or partial.

use super::lexicon::BEFORE_YEAR;
use super::literal::Form as Written;
use super::source::Source;
use super::stem::{Hasher, hash};
use super::token::{CAPITAL, Gap, OPENS, Token};
use super::{Fact, Form, Kind, unit};

/// Normal form of a date; 0 stands for a part that is not given.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Day {
    pub year: u16,
    pub month: u8,
    pub day: u8,
    /// 1 Monday to 7 Sunday.
    pub weekday: u8,
    /// 1 yesterday, 2 today, 3 tomorrow.
    pub relative: u8,
    /// Month and day may be the other way round.
    pub unsure: bool,
    /// The year is the first of a decade that is meant as a whole.
    pub decade: bool,
}

impl Day {
    /// Whether no part that both give differs.
    pub fn agrees(&self, other: &Self) -> bool {
        let part = |a: u8, b: u8| a == 0 || b == 0 || a == b;
        let years = match (self.decade, other.decade) {
            (false, false) => self.year == other.year,
            _ => self.year / 10 == other.year / 10,
        };
        let turned = |a: &Self, b: &Self| a.unsure && part(a.day, b.month) && part(a.month, b.day);
        let days = part(self.month, other.month) && part(self.day, other.day);
        (years || self.year == 0 || other.year == 0)
            && part(self.weekday, other.weekday)
            && part(self.relative, other.relative)
            && (days || turned(self, other) || turned(other, self))
    }

    /// Whether both give at least one common part.
    pub fn comparable(&self, other: &Self) -> bool {
        (self.year > 0 && other.year > 0)
            || (self.month > 0 && other.month > 0)
            || (self.weekday > 0 && other.weekday > 0)
            || (self.relative > 0 && other.relative > 0)
    }

    /// Whether only the year is given.
    pub fn year_only(&self) -> bool {
        self.month == 0 && self.weekday == 0 && self.relative == 0 && !self.decade
    }

    fn key(&self) -> u64 {
        let parts = [u64::from(self.year), u64::from(self.month), u64::from(self.day), u64::from(self.weekday)];
        let last = u64::from(self.unsure) + 2 * u64::from(self.relative);
        parts.iter().fold(Hasher::new(), |h, &p| h.number(p)).number(last).wide()
    }
}

/// Reads the date that begins at this token; returns it and the token after it.
pub fn read(source: &Source, at: usize) -> Option<(Fact, usize)> {
    let token = source.token(at)?;
    let (day, to) = match token.literal {
        Some(literal) => match literal.form {
            Written::Date { year, month, day, sure } => {
                (Day { year, month, day, unsure: !sure, ..Day::default() }, at + 1)
            }
            Written::Decade(year) => (Day { year, decade: true, ..Day::default() }, at + 1),
            _ => ideographic(source, at).or_else(|| day_first(source, at)).or_else(|| year_alone(source, at))?,
        },
        None if token.sense.date > 30 => (Day { relative: token.sense.date - 30, ..Day::default() }, at + 1),
        None => weekday(source, at).or_else(|| month_first(source, at))?,
    };
    let end = source.token(to - 1).map_or(token.end, |t| t.end);
    let context = source.context(at, to);
    let form = Form::Date(day);
    Some((
        Fact { kind: Kind::Date, start: token.start, end, key: day.key(), sentence: token.sentence, context, form },
        to,
    ))
}

/// Chinese and Japanese: 2026年5月3日, 2026年5月, 5月3日.
fn ideographic(source: &Source, at: usize) -> Option<(Day, usize)> {
    let marked =
        |at: usize, mark: char| source.next_within(at, Gap::Glued).is_some_and(|t| t.of(source.text).starts_with(mark));
    let alone = |at: usize, mark: char| {
        marked(at, mark) && source.token(at).is_some_and(|t| (t.end - t.start) as usize == mark.len_utf8())
    };
    let year = source.token(at).and_then(year_of).filter(|_| alone(at + 1, '年'));
    let month_at = if year.is_some() { at + 2 } else { at };
    let month = source.token(month_at).and_then(day_of).filter(|&m| m <= 12 && marked(month_at + 1, '月'))?;
    let day = source.token(month_at + 2).and_then(day_of).filter(|_| alone(month_at + 1, '月'));
    let day = day.filter(|_| marked(month_at + 3, '日') || marked(month_at + 3, '号') || marked(month_at + 3, '號'));
    if year.is_none() && day.is_none() {
        return None;
    }
    // What is glued behind the last mark belongs to the sentence.
    let to = month_at + if day.is_some() { 3 } else { 1 };
    Some((Day { year: year.unwrap_or(0), month, day: day.unwrap_or(0), ..Day::default() }, to))
}

/// The month a word names; English ones are capitalised, and the planet is no month.
fn month_of(source: &Source, token: &Token) -> Option<u8> {
    let named = (1..=12).contains(&token.sense.date) && (token.has(CAPITAL) || !source.english);
    (token.is_word() && named && !(source.english && token.hash == hash(b"mars"))).then_some(token.sense.date)
}

/// A day of the month in digits.
fn day_of(token: &Token) -> Option<u8> {
    match token.literal?.form {
        Written::Plain(v) | Written::Ordinal(v) if v.fract() == 0.0 && (1.0..=31.0).contains(&v) => {
            (token.end - token.start <= 4).then_some(v as u8)
        }
        _ => None,
    }
}

fn year_of(token: &Token) -> Option<u16> {
    let literal = token.literal.filter(|l| l.maybe_year && !l.negative)?;
    match literal.form {
        Written::Plain(v) => Some(v as u16),
        _ => None,
    }
}

/// "Monday", "Monday, March 5, 2024".
fn weekday(source: &Source, at: usize) -> Option<(Day, usize)> {
    let token = source.token(at)?;
    let number = token.sense.date.checked_sub(20)?;
    let long = token.end - token.start > 5;
    if !(token.has(CAPITAL) || long) || number == 0 {
        return None;
    }
    let rest = source.next_within(at + 1, Gap::Comma).and_then(|t| match t.literal {
        Some(_) => day_first(source, at + 1),
        None => month_first(source, at + 1),
    });
    let (day, to) = rest.unwrap_or((Day::default(), at + 1));
    Some((Day { weekday: number, ..day }, to))
}

/// "March", "March 5", "March 5th, 2024", "March of 2024".
fn month_first(source: &Source, at: usize) -> Option<(Day, usize)> {
    let token = source.token(at)?;
    let month = month_of(source, token)?;
    let mut to = at + 1;
    let next = source.next_within(to, Gap::Space);
    let number = next.is_some_and(|t| t.literal.is_some());
    if !number && doubtful_month(source, at, token) {
        return None;
    }
    let mut day = 0;
    if let Some(d) = next.and_then(day_of).filter(|_| !measured(source, to)) {
        (day, to) = (d, to + 1);
    }
    let (year, to) = year_behind(source, to);
    Some((Day { year, month, day, ..Day::default() }, to))
}

/// "May" and "March" and "Mar" alone are months only after a preposition.
fn doubtful_month(source: &Source, at: usize, token: &Token) -> bool {
    let doubtful = [hash(b"may"), hash(b"march"), hash(b"mar"), hash(b"august"), hash(b"dec"), hash(b"jan")];
    let prepared = source.before(at).is_some_and(|t| t.flag(BEFORE_YEAR)) && !token.has(OPENS);
    doubtful.contains(&token.hash) && !prepared
}

/// "5 March 2024", "5th of March".
fn day_first(source: &Source, at: usize) -> Option<(Day, usize)> {
    let token = source.token(at)?;
    let day = day_of(token)?;
    let to = at + 1 + usize::from(source.next_within(at + 1, Gap::Space).is_some_and(is_of));
    let month = source.next_within(to, Gap::Sentence).and_then(|t| Some((month_of(source, t)?, t.gap)));
    let ((month, gap), (year, end)) = (month?, year_behind(source, to + 1));
    // Some languages write "5. März", which in English ends a sentence.
    let stopped = gap == Gap::Sentence && (!source.english || year > 0);
    (gap <= Gap::Space || stopped).then_some((Day { year, month, day, ..Day::default() }, end))
}

fn is_of(token: &Token) -> bool {
    token.hash == hash(b"of") || token.hash == hash(b"de")
}

/// The year at the token, after an optional comma or "of"; 0 if none.
fn year_behind(source: &Source, at: usize) -> (u16, usize) {
    let to = at + usize::from(source.next_within(at, Gap::Space).is_some_and(is_of));
    match source.next_within(to, Gap::Comma).and_then(year_of) {
        Some(year) if !measured(source, to) => (year, to + 1),
        _ => (0, at),
    }
}

/// A year that stands alone: after a preposition, or where no counted noun follows.
fn year_alone(source: &Source, at: usize) -> Option<(Day, usize)> {
    let token = source.token(at)?;
    let year = year_of(token).filter(|y| (1500..=2100).contains(y))?;
    if measured(source, at) {
        return None;
    }
    let prepared = token.gap <= Gap::Space && source.before(at).is_some_and(|t| t.flag(BEFORE_YEAR));
    let next = source.next_within(at + 1, Gap::Space);
    let free = next.is_none_or(|t| !t.is_content() && t.literal.is_none());
    (prepared || free).then_some((Day { year, ..Day::default() }, at + 1))
}

/// Whether a currency stands before or a unit behind the number.
fn measured(source: &Source, at: usize) -> bool {
    let Some(token) = source.token(at) else { return false };
    let before = source.text.get(..token.start as usize).and_then(|t| t.chars().next_back());
    let tail = source.text.get(token.end as usize..).unwrap_or("");
    let behind = tail.trim_start_matches(' ').chars().next();
    let sign = |c: Option<char>| c.is_some_and(|c| unit::sign(c).is_some() || matches!(c, '%' | '°'));
    let word = source.next_within(at + 1, Gap::Space).filter(|t| t.is_word()).map(|t| t.of(source.text));
    sign(before)
        || sign(behind)
        || word.is_some_and(|w| unit::of(w).is_some() || unit::scale(w, false, false).is_some())
}

#[cfg(test)]
mod tests {
    use super::super::Facts;
    use super::*;

    type Ymd = (u16, u8, u8);

    fn day(text: &str) -> Vec<Ymd> {
        let facts = Facts::of(text);
        let days = facts.of_kind(Kind::Date).iter().filter_map(|f| match f.form {
            Form::Date(d) => Some((d.year, d.month, d.day)),
            _ => None,
        });
        days.collect()
    }

    #[test]
    fn reads_one_date_in_many_notations() {
        let notations = [
            "2024-03-05",
            "March 5, 2024",
            "5 March 2024",
            "5th of March 2024",
            "Mar. 5 2024",
            "March 5th, 2024",
            "on March 5, 2024.",
            "5.3.2024",
            "Tuesday, March 5, 2024",
            "会议在2024年3月5日举行",
        ];
        for text in notations {
            assert_eq!(day(text), [(2024, 3, 5)], "{text}");
        }
    }

    #[test]
    fn reads_partial_dates() {
        let table: &[(&str, &[Ymd])] = &[
            ("In March 2024 it rained.", &[(2024, 3, 0)]),
            ("He was born in 1945.", &[(1945, 0, 0)]),
            ("It costs $2000 now.", &[]),
            ("It costs $2000 today.", &[(0, 0, 0)]),
            ("It has 2000 MB of memory.", &[]),
            ("You may go.", &[]),
            ("May I ask?", &[]),
            ("They met in May.", &[(0, 5, 0)]),
        ];
        for (text, want) in table {
            assert_eq!(day(text), *want, "{text}");
        }
    }
}
