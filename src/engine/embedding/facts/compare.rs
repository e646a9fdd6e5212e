//! What two texts disagree about, and how much.
//!
//! Facts of one text that the other does not share are paired by role: a lone fact with a different lone fact in its
//! place is a conflict, one without a counterpart an omission. [`compare`] and [`explain`] walk the same pairs.

use std::cmp::Reverse;
use std::ops::Range;

use super::oppose::opposed;
use super::place::{agree, bits, is_weak, lone, rivals};
use super::replace::{best, units};
use super::tally::{Outcome, Tally};
use super::{Fact, Facts, KINDS, Kind};

/// How far two texts contradict each other, by kind of fact, each in [0,1]; 0 where nothing contradicts.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Disagreement {
    /// In numbers.
    pub number: f64,
    /// In dates and times.
    pub date: f64,
    /// In names.
    pub name: f64,
    /// In claims and their opposites.
    pub polarity: f64,
}

impl Disagreement {
    /// All kinds in one, in [0,1]: the chance that at least one is a contradiction if each were an independent one
    /// (`1 - product of (1 - kind)`).
    pub fn score(&self) -> f64 {
        1.0 - (1.0 - self.number) * (1.0 - self.date) * (1.0 - self.name) * (1.0 - self.polarity)
    }

    fn of(&mut self, kind: Kind) -> &mut f64 {
        match kind {
            Kind::Number => &mut self.number,
            Kind::Date => &mut self.date,
            Kind::Name => &mut self.name,
            Kind::Polarity => &mut self.polarity,
        }
    }
}

/// One place where two texts differ, in bytes of each; `None` where the text has no counterpart.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// What they differ in.
    pub kind: Kind,
    /// Where in the first text, bytes.
    pub in_a: Option<Range<usize>>,
    /// Where in the second.
    pub in_b: Option<Range<usize>>,
}

/// How far two texts contradict each other. Symmetric; 0 for equal texts.
pub fn compare(a: &Facts, b: &Facts) -> Disagreement {
    let mut tallies = [Tally::default(); KINDS.len()];
    visit(a, b, &mut |event| {
        if let Some(tally) = tallies.get_mut(event.kind as usize) {
            tally.add(event.outcome);
        }
    });
    let mut result = Disagreement::default();
    for (kind, tally) in KINDS.iter().zip(&tallies) {
        *result.of(*kind) = tally.score(*kind);
    }
    result
}

/// Every difference that [`compare`] counts, conflicts before omissions.
pub fn explain(a: &Facts, b: &Facts) -> Vec<Difference> {
    let (mut conflicts, mut omissions) = (Vec::new(), Vec::new());
    visit(a, b, &mut |event| {
        let span = |f: Option<&Fact>, last: Option<&Fact>| f.map(|f| f.span().start..last.unwrap_or(f).span().end);
        let [last_a, last_b] = event.last;
        let difference = Difference { kind: event.kind, in_a: span(event.a, last_a), in_b: span(event.b, last_b) };
        match event.outcome {
            Outcome::Conflict(_) => conflicts.push(difference),
            Outcome::Omission => omissions.push(difference),
            Outcome::Match => {}
        }
    });
    conflicts.append(&mut omissions);
    conflicts
}

struct Event<'f> {
    kind: Kind,
    a: Option<&'f Fact>,
    b: Option<&'f Fact>,
    outcome: Outcome,
    /// The last words of names of several words.
    last: [Option<&'f Fact>; 2],
}

impl<'f> Event<'f> {
    fn new(kind: Kind, a: Option<&'f Fact>, b: Option<&'f Fact>, outcome: Outcome) -> Self {
        Self { kind, a, b, outcome, last: [None; 2] }
    }
}

/// Facts of one kind that still lack a counterpart, as bit sets.
type Lone = [u64; 2];

/// Tells all events; which text comes first makes no difference, as ties are resolved in one order of the two.
fn visit<'f>(a: &'f Facts, b: &'f Facts, tell: &mut impl FnMut(Event<'f>)) {
    let order = |f: &'f Facts| f.list.iter().map(|fact| (fact.key, fact.start, fact.sentence));
    if order(a).le(order(b)) {
        visit_ordered(a, b, tell);
    } else {
        visit_ordered(b, a, &mut |event| {
            let [p, q] = event.last;
            tell(Event { a: event.b, b: event.a, last: [q, p], ..event });
        });
    }
}

fn visit_ordered<'f>(a: &'f Facts, b: &'f Facts, tell: &mut impl FnMut(Event<'f>)) {
    let english = a.english && b.english;
    let kinds = if english { &KINDS[..3] } else { &KINDS[..2] };
    let mut lone = [Lone::default(); 3];
    for (&kind, rest) in kinds.iter().zip(&mut lone) {
        *rest = pairs(a, b, kind, tell);
    }
    if english {
        let [_, dates, names] = &mut lone;
        across(a, b, dates, names, tell);
    }
    polarity(a, b, tell);
    for (&kind, &[lone_a, lone_b]) in kinds.iter().zip(&lone) {
        let missing =
            |facts: &'f Facts, set| bits(set).filter_map(move |i| facts.of_kind(kind).get(i)).filter(|f| !is_weak(f));
        missing(a, lone_a).for_each(|f| tell(Event::new(kind, Some(f), None, Outcome::Omission)));
        missing(b, lone_b).for_each(|f| tell(Event::new(kind, None, Some(f), Outcome::Omission)));
    }
}

/// Finds the facts without an equal in the other text and pairs them; returns those left over.
fn pairs<'f>(a: &'f Facts, b: &'f Facts, kind: Kind, tell: &mut impl FnMut(Event<'f>)) -> Lone {
    let [mut lone_a, mut lone_b] = [lone(a, b, kind), lone(b, a, kind)];
    let (in_a, in_b) = (a.of_kind(kind), b.of_kind(kind));
    let total = (in_a.len() + in_b.len()) as u32 - lone_a.count_ones() - lone_b.count_ones();
    for _ in 0..total {
        tell(Event::new(kind, None, None, Outcome::Match));
    }
    if kind == Kind::Name {
        whole_names(a, b, [&mut lone_a, &mut lone_b], tell);
    } else {
        by_place(kind, [in_a, in_b], [&mut lone_a, &mut lone_b], tell);
    }
    // A fact that elsewhere in the other text has an equal may still stand in the place of a lone one.
    for i in bits(lone_a) {
        if let Some((p, q, strength)) = replaced(in_a, in_b, i) {
            lone_a &= !(1 << i);
            tell(Event::new(kind, Some(p), Some(q), Outcome::Conflict(strength)));
        }
    }
    for j in bits(lone_b) {
        if let Some((q, p, strength)) = replaced(in_b, in_a, j) {
            lone_b &= !(1 << j);
            tell(Event::new(kind, Some(p), Some(q), Outcome::Conflict(strength)));
        }
    }
    [lone_a, lone_b]
}

/// Pairs lone facts one by one.
fn by_place<'f>(
    kind: Kind,
    [in_a, in_b]: [&'f [Fact]; 2],
    [lone_a, lone_b]: [&mut u64; 2],
    tell: &mut impl FnMut(Event<'f>),
) {
    // The best pair first, so that a good pair is not lost to a bad one; with very many, one fact after the other.
    let mut open = *lone_a;
    while open != 0 && *lone_b != 0 {
        let many = open.count_ones() * lone_b.count_ones() > 256;
        let choice = if many { open & open.wrapping_neg() } else { open };
        let Some((strength, i, j)) = best_pair(in_a, in_b, choice, *lone_b) else {
            open &= !choice;
            continue;
        };
        open &= !(1 << i);
        *lone_a &= !(1 << i);
        *lone_b &= !(1 << j);
        tell(Event::new(kind, in_a.get(i), in_b.get(j), Outcome::Conflict(strength)));
    }
}

/// Pairs lone names, of one or several words.
fn whole_names<'f>(a: &'f Facts, b: &'f Facts, [lone_a, lone_b]: [&mut u64; 2], tell: &mut impl FnMut(Event<'f>)) {
    if *lone_a == 0 || *lone_b == 0 {
        return;
    }
    let (names_a, names_b) = (units(a, *lone_a), units(b, *lone_b));
    let all = |count: usize| if count < 64 { (1 << count) - 1 } else { u64::MAX };
    let mut open = [all(names_a.len()), all(names_b.len())];
    while open[0] != 0 && open[1] != 0 {
        // With very many, one name after the other.
        let many = open[0].count_ones() * open[1].count_ones() > 256;
        let choice = if many { open[0] & open[0].wrapping_neg() } else { open[0] };
        let found = best((a, &names_a), (b, &names_b), [choice, open[1]]);
        let Some((pair, p, q)) =
            found.and_then(|f| Some((names_a.get(f.at[0])?, names_b.get(f.at[1])?, f))).map(|(p, q, f)| (f, p, q))
        else {
            open[0] &= !choice;
            continue;
        };
        open = [open[0] & !(1 << pair.at[0]), open[1] & !(1 << pair.at[1])];
        (*lone_a, *lone_b) = (*lone_a & !p.set, *lone_b & !q.set);
        let event = Event::new(Kind::Name, Some(p.first), Some(q.first), Outcome::Conflict(pair.strength));
        tell(Event { last: [Some(p.last), Some(q.last)], ..event });
    }
}

/// Fit, strength and nearness of places.
type Rank = (f64, f64, Reverse<usize>);

/// The lone facts that fit each other's place best.
fn best_pair(in_a: &[Fact], in_b: &[Fact], lone_a: u64, lone_b: u64) -> Option<(f64, usize, usize)> {
    let few = in_a.len().min(in_b.len()) <= 2;
    let mut best: Option<(Rank, usize, usize)> = None;
    for i in bits(lone_a) {
        for j in bits(lone_b) {
            let Some((fit, strength)) = in_a.get(i).zip(in_b.get(j)).and_then(|(p, q)| rivals(p, q, few)) else {
                continue;
            };
            let rank = (fit, strength, Reverse(i.abs_diff(j)));
            let better = best.is_none_or(|(r, ..)| rank > r);
            if better {
                best = Some((rank, i, j));
            }
        }
    }
    best.map(|((_, strength, ..), i, j)| (strength, i, j))
}

/// The fact of the other text between exactly the same words as this one.
fn replaced<'f>(own: &'f [Fact], others: &'f [Fact], at: usize) -> Option<(&'f Fact, &'f Fact, f64)> {
    let fact = own.get(at).filter(|f| !is_weak(f))?;
    let framed = |other: &&Fact| {
        // "In 1519." and "in 1522." at the end of sentences about different things share their frame by chance.
        let same = fact.context.same_frame(&other.context) && fact.context.overlap(&other.context) > 0.0;
        same && !agree(fact, other)
    };
    let other = others.iter().find(framed)?;
    let (_, strength) = rivals(fact, other, false)?;
    Some((fact, other, strength))
}

/// A name in the place of a date: "said Monday" against "said Smith".
fn across<'f>(a: &'f Facts, b: &'f Facts, dates: &mut Lone, names: &mut Lone, tell: &mut impl FnMut(Event<'f>)) {
    const STRENGTH: Outcome = Outcome::Conflict(0.85);
    let kind = Kind::Name;
    let find = |date: &Fact, named: &'f Facts, set: u64| {
        let mut lone = bits(set).filter_map(|j| Some((j, named.of_kind(Kind::Name).get(j)?)));
        lone.find(|(_, name)| date.context.same_frame(&name.context))
    };
    for i in bits(dates[0]) {
        let Some(date) = a.of_kind(Kind::Date).get(i) else { continue };
        if let Some((j, name)) = find(date, b, names[1]) {
            (dates[0], names[1]) = (dates[0] & !(1 << i), names[1] & !(1 << j));
            tell(Event::new(kind, Some(date), Some(name), STRENGTH));
        }
    }
    for i in bits(dates[1]) {
        let Some(date) = b.of_kind(Kind::Date).get(i) else { continue };
        if let Some((j, name)) = find(date, a, names[0]) {
            (dates[1], names[0]) = (dates[1] & !(1 << i), names[0] & !(1 << j));
            tell(Event::new(kind, Some(name), Some(date), STRENGTH));
        }
    }
}

/// Compares negations, antonyms and leading answers; a pair found from both sides is told once.
fn polarity<'f>(a: &'f Facts, b: &'f Facts, tell: &mut impl FnMut(Event<'f>)) {
    let kind = Kind::Polarity;
    for fact in a.of_kind(kind) {
        if let Some((partner, outcome)) = opposed(fact, a, b) {
            tell(Event::new(kind, Some(fact), partner, outcome));
        }
    }
    for fact in b.of_kind(kind) {
        let Some((partner, outcome)) = opposed(fact, b, a) else { continue };
        let told = |p: &Fact| opposed(p, a, b).and_then(|(back, _)| back).is_some_and(|back| std::ptr::eq(back, fact));
        if matches!(outcome, Outcome::Match) || !partner.is_some_and(told) {
            tell(Event::new(kind, partner, Some(fact), outcome));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explains_what_differs() {
        let (a, b) = ("Anna paid $5 in Rome.", "Anna paid $7 in Rome on Monday.");
        let found = explain(&Facts::of(a), &Facts::of(b));
        let spans: Vec<_> =
            found.iter().map(|d| (d.kind, d.in_a.clone().map(|r| &a[r]), d.in_b.clone().map(|r| &b[r]))).collect();
        assert_eq!(spans, [(Kind::Number, Some("$5"), Some("$7")), (Kind::Date, None, Some("Monday"))]);
    }

    #[test]
    fn the_score_joins_the_kinds() {
        let d = Disagreement { number: 0.5, date: 0.0, name: 0.5, polarity: 0.0 };
        assert!((d.score() - 0.75).abs() < 1e-12);
        assert_eq!(Disagreement::default().score(), 0.0);
    }
}
