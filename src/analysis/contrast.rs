//! What differs: what some records have more often than the others.
//!
//! Three passes over the rows. The first counts both groups. The second gathers what may tell them apart: labels, what
//! is there at all, numbers, rules. It keeps within bounds, so its counts may fall short. The third counts exactly what
//! looked telling, and finds where it came up first.
//!
//! Over 500 lines with its tests: the passes have their kinds of differences in common, and are of no use apart.

use std::fmt;
use std::sync::atomic::AtomicBool;

use foldhash::HashMap;
use jiff::Timestamp;

use super::{Cancelled, go_on};
use crate::history::{Row, View};
use crate::humanize;
use crate::record::Seq;
use crate::record::names::NO_BEHAVIOUR;
use crate::verdict::ViolationState;

/// Index of the records in question.
const BAD: usize = 0;

/// Index of the others.
const GOOD: usize = 1;

/// One count a group.
type Counts = [u64; 2];

/// Most differences that are told.
const MOST: usize = 50;

/// Most that look telling and are counted exactly. More than are told: exact counts may refute some.
const SHORTLIST: usize = 4 * MOST;

/// By how much the shares of the groups that have something differ at least.
const LEAST_GAIN: f64 = 0.1;

/// Standard errors of the difference of two proportions above which it is no accident.
const SURE: f64 = 3.0;

/// Records in question that have it, at least; all where there are fewer.
const LEAST_BAD: u64 = 3;

/// Up to this many records in both groups, standard errors say nothing: all in question have it, and no other.
const TINY: u64 = 10;

/// Added to counts and totals, so that what no other record has is not infinitely more frequent.
const SMOOTHING: f64 = 0.5;

/// Most names that are looked at; further ones are not.
const MAX_NAMES: usize = 4_096;

/// Most values that are counted of a label.
const MAX_VALUES: usize = 256;

/// Of a label with more values than this, those that came once are left out: it is text, or an id.
const MANY_VALUES: usize = 200;

/// About how many numbers are kept of a name and group: those of every k-th record.
const SAMPLES: u64 = 20_000;

/// Parts that the numbers of a group are cut into: a range may begin where they meet, and at the ends.
const PARTS: usize = 10;

/// Steps one way before which nothing is called a counter.
const MANY_STEPS: u64 = 8;

/// Steps that a counter goes one way for each one back, at least.
const ONE_WAY: u64 = 20;

/// A bound is written with as few digits as leave this share of how well it parts the groups, with at least two digits.
const ROUND: f64 = 0.98;

/// Digits of a bound at most, if rounding does it no harm.
const DIGITS: usize = 6;

/// Last words of names that hold questions: they say what was asked, not how it went.
const QUESTIONS: [&str; 5] = ["prompt", "prompts", "question", "query", "input"];

/// Of the names of no behaviour, the one that is: a new version is what one looks for.
const VERSION: &str = "version";

/// A record and its time.
type Place = (Seq, Option<Timestamp>);

/// The records in question, and those that they are held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Since(Seq),
    /// In order.
    Among(Vec<Seq>),
}

/// All records from this one on, against those before it.
pub fn since(onset: Seq) -> Selection {
    Selection(Kind::Since(onset))
}

/// These records, in any order, against all others up to the last of them. Those that are not kept any more are left
/// out.
pub fn among(view: &View, selected: &[Seq]) -> Selection {
    let first = view.rows().next().map(|row| row.verdict.seq);
    let kept = |seq: &Seq| first.is_some_and(|first| *seq >= first);
    let mut selected: Vec<Seq> = selected.iter().copied().filter(kept).collect();
    selected.sort_unstable();
    selected.dedup();
    Selection(Kind::Among(selected))
}

impl Selection {
    /// Which group a record belongs to; `None` if it is after all that were selected.
    fn group(&self, seq: Seq) -> Option<usize> {
        let bad = match &self.0 {
            Kind::Since(onset) => seq >= *onset,
            Kind::Among(selected) if seq <= *selected.last()? => selected.binary_search(&seq).is_ok(),
            Kind::Among(_) => return None,
        };
        Some(if bad { BAD } else { GOOD })
    }
}

/// What differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrast {
    /// Records in question.
    pub bad: u64,
    /// Those that they are held against.
    pub good: u64,
    /// What tells them apart, the most telling first. Nothing if one of the groups is empty.
    pub found: Vec<Difference>,
}

/// Something that the records in question have more often.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// What, in words: `model = x-1120`, `latency_ms > 812`, `desk is missing`, `rule max-loss fires`.
    pub what: String,
    /// Records in question that have it.
    pub bad: u64,
    /// Others that have it.
    pub good: u64,
    /// The first record of either group that has it, and its time.
    pub first: Option<(Seq, Option<Timestamp>)>,
    /// How many times as frequent it is among those in question.
    pub lift: f64,
}

/// What tells the records in question from the others.
///
/// # Errors
/// When `cancel` is set meanwhile.
pub fn contrast(view: &View, selection: &Selection, cancel: &AtomicBool) -> Result<Contrast, Cancelled> {
    let mut of: Counts = [0; 2];
    each(view, selection, cancel, |_, group| of[group] += 1)?;
    let mut found = Vec::new();
    if !of.contains(&0) {
        let mut gathered = Gathered::new(of);
        each(view, selection, cancel, |row, group| gathered.take(row, group))?;
        let mut counting = Counting::new(gathered.telling());
        each(view, selection, cancel, |row, group| counting.take(row, group))?;
        found = counting.found(of);
    }
    Ok(Contrast { bad: of[BAD], good: of[GOOD], found })
}

/// Looks at all rows that belong to a group.
fn each<'a>(
    view: &'a View,
    selection: &Selection,
    cancel: &AtomicBool,
    mut look: impl FnMut(&'a Row, usize),
) -> Result<(), Cancelled> {
    for (index, row) in view.rows().enumerate() {
        go_on(index, cancel)?;
        if let Some(group) = selection.group(row.verdict.seq) {
            look(row, group);
        }
    }
    Ok(())
}

/// What stands in a field.
#[derive(Clone, Copy)]
enum Leaf<'a> {
    Text(&'a str),
    Number(f64),
}

/// All fields of a record, and the number that its answers are judged by. A name can come more than once.
fn leaves(row: &Row) -> impl Iterator<Item = (&str, Leaf<'_>)> {
    let record = &row.record;
    let labels = record.labels.iter().map(|(name, value)| (name.as_str(), Leaf::Text(value)));
    let numbers = record.numbers.iter().map(|(name, value)| (name.as_str(), Leaf::Number(*value)));
    // Not every format has the latency in a field of its own.
    let own = [("latency_ms", record.latency_ms), ("divergence.risk", row.verdict.divergence.risk)];
    let own = own.into_iter().filter_map(|(name, value)| Some((name, Leaf::Number(value?))));
    labels.chain(numbers).chain(own)
}

/// The rules that fire on a record; one can come more than once.
fn firing(row: &Row) -> impl Iterator<Item = &str> {
    let fires = row.verdict.violations.iter().filter(|violation| violation.state == ViolationState::Firing);
    fires.map(|violation| &*violation.rule)
}

/// Something that a record has or has not.
#[derive(Debug, Clone, Copy, PartialEq)]
enum What<'a> {
    Is(&'a str, &'a str),
    Present(&'a str),
    Missing(&'a str),
    Above(&'a str, f64),
    Below(&'a str, f64),
    Fires(&'a str),
}

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(name, value) => write!(f, "{name} = {value}"),
            Self::Present(name) => write!(f, "{name} is present"),
            Self::Missing(name) => write!(f, "{name} is missing"),
            Self::Above(name, bound) => write!(f, "{name} > {}", humanize::number(*bound)),
            Self::Below(name, bound) => write!(f, "{name} < {}", humanize::number(*bound)),
            Self::Fires(rule) => write!(f, "rule {rule} fires"),
        }
    }
}

/// What may tell the groups apart, counted within bounds.
struct Gathered<'a> {
    of: Counts,
    /// Records so far.
    seen: Counts,
    /// Those of them whose numbers are kept: every so-manieth.
    every: Counts,
    sampled: Counts,
    fields: HashMap<&'a str, Field<'a>>,
    rules: HashMap<&'a str, Field<'a>>,
}

impl<'a> Gathered<'a> {
    fn new(of: Counts) -> Self {
        let every = of.map(|count| count.div_ceil(SAMPLES).max(1));
        let (fields, rules) = (HashMap::default(), HashMap::default());
        Self { of, seen: [0; 2], every, sampled: [0; 2], fields, rules }
    }

    fn take(&mut self, row: &'a Row, group: usize) {
        let sampled = self.seen[group].is_multiple_of(self.every[group]);
        self.seen[group] += 1;
        self.sampled[group] += u64::from(sampled);
        let turn = self.seen[BAD] + self.seen[GOOD];
        for (name, leaf) in leaves(row) {
            let Some(field) = enter(&mut self.fields, name, turn, group) else { continue };
            // Whose records they are is worth knowing, though it is an id.
            let key = |value: &str| *value == *row.record.key;
            let prompt = |value: &str| row.record.prompt.as_deref() == Some(value);
            match leaf {
                Leaf::Text(value) if (field.telling || key(value)) && !prompt(value) => field.count(value, group),
                Leaf::Number(value) if field.telling => field.number(value, sampled.then_some(group)),
                _ => {}
            }
        }
        for rule in firing(row) {
            enter(&mut self.rules, rule, turn, group);
        }
    }

    /// What looks telling, the most telling first.
    fn telling(self) -> Vec<What<'a>> {
        let mut found: Vec<(f64, What<'a>)> = Vec::new();
        let mut offer = |what, counts, of| found.extend(Weight::of(counts, of).map(|weight| (weight.score, what)));
        let of = self.of;
        for (rule, field) in self.rules {
            offer(What::Fires(rule), field.present, of);
        }
        for (name, mut field) in self.fields {
            // A long question is no label: that it is missing would be said of many that have it.
            if !is_question(name) {
                offer(What::Present(name), field.present, of);
                offer(What::Missing(name), [of[BAD] - field.present[BAD], of[GOOD] - field.present[GOOD]], of);
            }
            let many = field.crowded || field.values.len() > MANY_VALUES;
            for (&value, &counts) in &field.values {
                if !many || counts[BAD] + counts[GOOD] > 1 {
                    offer(What::Is(name, value), counts, of);
                }
            }
            if let Some(cut) = field.cut(self.sampled) {
                offer(cut.of(name), cut.counts(&field.numbers), self.sampled);
            }
        }
        found.sort_by(|(a, one), (b, other)| b.total_cmp(a).then_with(|| one.to_string().cmp(&other.to_string())));
        found.into_iter().take(SHORTLIST).map(|(_, what)| what).collect()
    }
}

/// The field of this name on a row with this turn; `None` if the row had it already, or there are too many.
fn enter<'f, 'a>(
    fields: &'f mut HashMap<&'a str, Field<'a>>,
    name: &'a str,
    turn: u64,
    group: usize,
) -> Option<&'f mut Field<'a>> {
    if fields.len() >= MAX_NAMES && !fields.contains_key(name) {
        return None;
    }
    let field = fields.entry(name).or_insert_with(|| Field { telling: is_telling(name), ..Field::default() });
    if std::mem::replace(&mut field.turn, turn) == turn {
        return None;
    }
    field.present[group] += 1;
    Some(field)
}

/// What is known of a name.
#[derive(Default)]
struct Field<'a> {
    /// The last row that had it, from 1.
    turn: u64,
    /// Whether its values say how it went.
    telling: bool,
    present: Counts,
    values: HashMap<&'a str, Counts>,
    /// It has had more values than there is room for.
    crowded: bool,
    numbers: [Vec<f64>; 2],
    last: Option<f64>,
    steps: u64,
    rises: u64,
    falls: u64,
}

impl<'a> Field<'a> {
    fn count(&mut self, value: &'a str, group: usize) {
        if self.values.len() >= MAX_VALUES && !self.values.contains_key(value) {
            // Else those that came first would keep out what is new, which is what one looks for.
            self.crowded = true;
            self.values.retain(|_, counts| counts[BAD] + counts[GOOD] > 1);
            if self.values.len() >= MAX_VALUES {
                return;
            }
        }
        self.values.entry(value).or_default()[group] += 1;
    }

    /// Takes in a number; it is kept if a group is named.
    fn number(&mut self, value: f64, keep: Option<usize>) {
        if !value.is_finite() {
            return;
        }
        if let Some(last) = self.last.replace(value) {
            self.steps += 1;
            self.rises += u64::from(value > last);
            self.falls += u64::from(value < last);
        }
        if let Some(group) = keep {
            self.numbers[group].push(value);
        }
    }

    /// Whether it hardly ever turns back: a counter or a clock, which is different at any two times.
    fn is_counter(&self) -> bool {
        let (most, least) = (self.rises.max(self.falls), self.rises.min(self.falls));
        most >= MANY_STEPS && least * ONE_WAY <= most && 2 * (most + least) >= self.steps
    }

    /// The range of numbers that parts the groups best, of so many sampled records each.
    fn cut(&mut self, sampled: Counts) -> Option<Cut> {
        if self.is_counter() {
            return None;
        }
        self.numbers.iter_mut().for_each(|numbers| numbers.sort_unstable_by(f64::total_cmp));
        let numbers = &self.numbers;
        let bounds = numbers.iter().flat_map(|of| {
            // The ends too: between them the groups may part.
            (0..=PARTS).filter_map(move |part| of.get(of.len().checked_sub(1)? * part / PARTS))
        });
        let cuts = bounds.flat_map(|bound| [true, false].map(|above| Cut { bound: *bound, above }));
        let (best, gain) = cuts.map(|cut| (cut, cut.gain(numbers, sampled))).max_by(|(_, a), (_, b)| a.total_cmp(b))?;
        let rounded = (1..DIGITS).filter_map(|decimals| format!("{:.decimals$e}", best.bound).parse::<f64>().ok());
        let mut rounded = rounded.map(|bound| Cut { bound, ..best });
        Some(rounded.find(|cut| cut.gain(numbers, sampled) >= ROUND * gain).unwrap_or(best))
    }
}

/// All numbers on one side of a bound, which is not among them.
#[derive(Clone, Copy)]
struct Cut {
    bound: f64,
    above: bool,
}

impl Cut {
    fn of(self, name: &str) -> What<'_> {
        if self.above { What::Above(name, self.bound) } else { What::Below(name, self.bound) }
    }

    /// How many of each group are in it; the numbers are sorted.
    fn counts(self, numbers: &[Vec<f64>; 2]) -> Counts {
        [BAD, GOOD].map(|group| {
            let of = &numbers[group];
            let count = if self.above {
                of.len() - of.partition_point(|number| *number <= self.bound)
            } else {
                of.partition_point(|number| *number < self.bound)
            };
            count as u64
        })
    }

    /// By how much more frequent it is among the records in question.
    fn gain(self, numbers: &[Vec<f64>; 2], of: Counts) -> f64 {
        let counts = self.counts(numbers);
        counts[BAD] as f64 / of[BAD] as f64 - counts[GOOD] as f64 / of[GOOD] as f64
    }
}

/// The last word of a name, places in lists aside.
fn last_word(name: &str) -> &str {
    let mut words = name.rsplit(|c: char| !c.is_alphanumeric());
    words.find(|word| word.contains(char::is_alphabetic)).unwrap_or_default()
}

fn is_question(name: &str) -> bool {
    QUESTIONS.iter().any(|known| last_word(name).eq_ignore_ascii_case(known))
}

/// Whether the values of a name can say how it went: they are no ids, times, places or questions.
fn is_telling(name: &str) -> bool {
    let last = last_word(name);
    let camel = last.rfind(char::is_uppercase).map_or(last, |at| &last[at..]);
    let is = |word: &str| NO_BEHAVIOUR.iter().any(|known| *known != VERSION && known.eq_ignore_ascii_case(word));
    let no_behaviour = is(last) || is(camel) || last.ends_with("ID");
    !no_behaviour && !is_question(name)
}

/// How telling it is that so many of each group have something.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Weight {
    lift: f64,
    /// To sort by: the logarithm of the lift, times by how much the shares differ. Without the logarithm, what a tenth
    /// has and no other would stand before what nearly all have and few others.
    score: f64,
}

impl Weight {
    /// `None` if it is not telling: `counts` of the records `of` each group have it.
    fn of(counts: Counts, of: Counts) -> Option<Self> {
        let ([bad, good], [all_bad, all_good]) = (counts.map(|count| count as f64), of.map(|count| count as f64));
        let gain = bad / all_bad - good / all_good;
        let pooled = (bad + good) / (all_bad + all_good);
        let error = (pooled * (1.0 - pooled) * (1.0 / all_bad + 1.0 / all_good)).sqrt();
        let parted = of[BAD] + of[GOOD] <= TINY && counts == [of[BAD], 0];
        let sure = gain > SURE * error || parted;
        if !(sure && gain >= LEAST_GAIN && counts[BAD] >= LEAST_BAD.min(of[BAD])) {
            return None;
        }
        let share = |count: f64, all: f64| (count + SMOOTHING) / (all + SMOOTHING);
        let lift = share(bad, all_bad) / share(good, all_good);
        Some(Self { lift, score: lift.log2() * gain })
    }
}

/// Counts exactly how many records have what.
struct Counting<'a> {
    whats: Vec<What<'a>>,
    /// Indices of those that are of a field, by its name.
    fields: HashMap<&'a str, Vec<usize>>,
    /// Indices of those that are of a rule.
    rules: HashMap<&'a str, Vec<usize>>,
    /// Whether the row in hand has it.
    has: Vec<bool>,
    counts: Vec<Counts>,
    first: Vec<Option<Place>>,
}

impl<'a> Counting<'a> {
    fn new(whats: Vec<What<'a>>) -> Self {
        let (mut fields, mut rules) = (HashMap::default(), HashMap::default());
        for (index, what) in whats.iter().enumerate() {
            let (by, name): (&mut HashMap<&'a str, Vec<usize>>, _) = match *what {
                What::Fires(rule) => (&mut rules, rule),
                What::Is(name, _) | What::Present(name) | What::Missing(name) => (&mut fields, name),
                What::Above(name, _) | What::Below(name, _) => (&mut fields, name),
            };
            by.entry(name).or_default().push(index);
        }
        let n = whats.len();
        Self { whats, fields, rules, has: vec![false; n], counts: vec![[0; 2]; n], first: vec![None; n] }
    }

    fn take(&mut self, row: &Row, group: usize) {
        for (has, what) in self.has.iter_mut().zip(&self.whats) {
            *has = matches!(what, What::Missing(_));
        }
        for (name, leaf) in leaves(row) {
            for &index in self.fields.get(name).into_iter().flatten() {
                let has = &mut self.has[index];
                match (self.whats[index], leaf) {
                    (What::Missing(_), _) => *has = false,
                    (What::Present(_), _) => *has = true,
                    (What::Is(_, wanted), Leaf::Text(value)) => *has |= wanted == value,
                    (What::Above(_, bound), Leaf::Number(value)) => *has |= value > bound,
                    (What::Below(_, bound), Leaf::Number(value)) => *has |= value < bound,
                    _ => {}
                }
            }
        }
        for rule in firing(row) {
            self.rules.get(rule).into_iter().flatten().for_each(|index| self.has[*index] = true);
        }
        for index in (0..self.has.len()).filter(|index| self.has[*index]) {
            self.counts[index][group] += 1;
            self.first[index].get_or_insert((row.verdict.seq, row.verdict.ts));
        }
    }

    /// What is telling of records `of` each group.
    fn found(self, of: Counts) -> Vec<Difference> {
        let found = self.whats.iter().zip(self.counts).zip(self.first).filter_map(|((what, counts), first)| {
            let Weight { lift, score } = Weight::of(counts, of)?;
            Some((score, Difference { what: what.to_string(), bad: counts[BAD], good: counts[GOOD], first, lift }))
        });
        let mut found: Vec<(f64, Difference)> = found.collect();
        found.sort_by(|(a, one), (b, other)| b.total_cmp(a).then_with(|| one.what.cmp(&other.what)));
        found.truncate(MOST);
        found.into_iter().map(|(_, difference)| difference).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, breach, row};
    use super::*;

    /// 200 records; from the 100th on another model answers, slower, without a desk, and a rule fires.
    fn view() -> View {
        let rows = (0..200u64).map(|n| {
            let (model, desk, slow) = if n < 100 { ("a", r#","desk":"fx""#, 0) } else { ("b", "", 700) };
            let (latency, kind) = (100 + slow + n * 7 % 50, n % 3);
            let usual = format!(r#""latency_ms":{latency},"count":{n},"kind":"k{kind}","trace":"t{n}""#);
            let line = format!(r#"{{"request_id":"r{n}","model":"{model}"{desk},{usual}}}"#);
            row(n, &line, |verdict| {
                let state = if n < 100 { ViolationState::Shadow } else { ViolationState::Firing };
                verdict.violations.extend([breach("late", state), breach("late", state)]);
                verdict.divergence.risk = Some(if n < 100 { 0.1 } else { 0.9 });
            })
        });
        View::default().with(rows.collect())
    }

    fn found(selection: &Selection) -> Contrast {
        contrast(&view(), selection, &AtomicBool::new(false)).unwrap()
    }

    #[test]
    fn what_came_with_the_onset_is_found_and_nothing_else() {
        let found = found(&since(Seq(100)));
        assert_eq!((found.bad, found.good), (100, 100));
        let mut whats: Vec<&str> = found.found.iter().map(|difference| &*difference.what).collect();
        whats.sort_unstable();
        let [desk, risk, latency, model, rule] = whats[..] else { panic!("{whats:?}") };
        assert_eq!((desk, model, rule), ("desk is missing", "model = b", "rule late fires"));
        assert!(risk.starts_with("divergence.risk > ") && latency.starts_with("latency_ms > "), "{whats:?}");
        for difference in &found.found {
            assert_eq!((difference.bad, difference.good), (100, 0), "{}", difference.what);
            assert_eq!(difference.first, Some((Seq(100), Some(at(100)))), "{}", difference.what);
            assert!(difference.lift > 100.0);
        }
    }

    #[test]
    fn selected_records_are_held_against_the_others_up_to_the_last() {
        // The third kind, up to the 90th.
        let selected: Vec<Seq> = (0..30).rev().map(|n| Seq(3 * n + 2)).collect();
        let found = found(&among(&view(), &selected));
        assert_eq!((found.bad, found.good), (30, 60));
        let difference = found.found.first().unwrap();
        assert_eq!((&*difference.what, difference.bad, difference.good), ("kind = k2", 30, 0));
        assert_eq!(difference.first, Some((Seq(2), Some(at(2)))));
    }

    #[test]
    fn accidents_are_not_told() {
        assert_eq!(Weight::of([6, 5], [10, 10]), None);
        assert_eq!(Weight::of([2, 0], [10, 4_000]), None);
        assert!(Weight::of([9, 1], [10, 100]).is_some());
        assert!(Weight::of([1, 0], [1, 5]).is_some() && Weight::of([1, 1], [1, 5]).is_none());
        assert_eq!(Weight::of([10, 0], [10, 0]), None);
        let (usual, rare) = (Weight::of([98, 1_000], [100, 100_000]), Weight::of([12, 0], [100, 100_000]));
        assert!(usual.unwrap().score > rare.unwrap().score);
    }

    #[test]
    fn names_of_ids_times_and_questions_are_not_looked_at() {
        for name in ["id", "request_id", "user.orderId", "buildID", "ts", "items[3].id", "prompt", "a[\"the query\"]"] {
            assert!(!is_telling(name), "{name}");
        }
        for name in ["model", "model_version", "humidity", "latency_ms", "scores[0]", "paid", "modelVersion"] {
            assert!(is_telling(name), "{name}");
        }
    }

    #[test]
    fn what_is_new_is_counted_among_values_without_end() {
        let ids: Vec<String> = (0..1_000).map(|n| format!("t{n}")).collect();
        let mut field = Field::default();
        ids.iter().for_each(|id| field.count(id, GOOD));
        (0..5).for_each(|_| field.count("timeout", BAD));
        assert!(field.crowded && field.values.len() <= MAX_VALUES);
        assert_eq!(field.values.get("timeout"), Some(&[5, 0]));
    }

    #[test]
    fn nothing_to_hold_against_and_no_patience() {
        let all = found(&since(Seq(0)));
        assert_eq!((all.bad, all.good, all.found.len()), (200, 0, 0));
        assert_eq!(found(&among(&view(), &[])).bad, 0);
        assert_eq!(contrast(&view(), &since(Seq(9)), &AtomicBool::new(true)), Err(Cancelled));
    }
}
