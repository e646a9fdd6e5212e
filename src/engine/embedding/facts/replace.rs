//! Names that stand in for each other: neighbouring words of a name that the other text lacks, paired as wholes.
//!
//! Names move within a sentence when it is re-worded, so that their neighbours alone do not tell their role. Where each
//! text has one lone name and the words besides are the same, one replaces the other wherever they stand.

use super::name::Part;
use super::place::bits;
use super::source::{Context, NEGATED};
use super::{Fact, Facts, Form, Kind};

/// Neighbouring lone words of one name.
pub struct Unit<'f> {
    pub first: &'f Fact,
    pub last: &'f Fact,
    /// Positions of its words among the names of the text.
    pub set: u64,
    context: Context,
    head: Part,
    words: u32,
    soft: bool,
    /// No word of the name is shared.
    whole: bool,
    /// The next word of the name is shared.
    leads: bool,
}

/// A pair of units and how strongly they conflict.
pub struct Pair {
    pub strength: f64,
    pub at: [usize; 2],
}

/// Joins lone name words that stand next to each other in one name.
pub fn units(facts: &Facts, lone: u64) -> Vec<Unit<'_>> {
    let list = facts.of_kind(Kind::Name);
    let part = |at: usize| match list.get(at)?.form {
        Form::Name(part) => Some(part),
        _ => None,
    };
    let mut all: Vec<Unit> = Vec::new();
    for at in bits(lone) {
        let Some((fact, this)) = list.get(at).zip(part(at)) else { continue };
        let before = at.checked_sub(1).and_then(part).is_some_and(|p| p.run == this.run);
        let behind = part(at + 1).is_some_and(|p| p.run == this.run);
        let shared_behind = behind && lone >> (at + 1) & 1 == 0;
        if before
            && let Some(unit) = all.last_mut()
            && unit.set >> (at - 1) & 1 == 1
        {
            unit.last = fact;
            unit.set |= 1 << at;
            unit.words += 1;
            unit.soft &= this.soft;
            unit.whole &= !shared_behind;
            unit.leads = shared_behind;
            let [.., c, d] = fact.context.content;
            (unit.context.content[2], unit.context.content[3]) = (c, d);
            unit.context.near[1] = fact.context.near[1];
            continue;
        }
        all.push(Unit {
            first: fact,
            last: fact,
            set: 1 << at,
            context: fact.context,
            head: this,
            words: 1,
            soft: this.soft,
            whole: !before && !shared_behind,
            leads: shared_behind,
        });
    }
    all
}

/// The two units that fit each other's place best, with a mask of those that are still open.
pub fn best(a: (&Facts, &[Unit]), b: (&Facts, &[Unit]), open: [u64; 2]) -> Option<Pair> {
    let clear = single(a.1).zip(single(b.1));
    let mut found: Option<((f64, f64), Pair)> = None;
    for i in bits(open[0]) {
        for j in bits(open[1]) {
            let Some((p, q)) = a.1.get(i).zip(b.1.get(j)) else { continue };
            let placed = rivals(p, q);
            let moved = if clear == Some((i, j)) && placed.is_none_or(|(_, s)| s < 0.8) {
                moved((a.0, p), (b.0, q))
            } else {
                None
            };
            let Some((fit, strength)) = placed.into_iter().chain(moved).reduce(|x, y| if y.1 > x.1 { y } else { x })
            else {
                continue;
            };
            let rank = (fit, strength);
            if found.as_ref().is_none_or(|(r, _)| rank > *r) {
                found = Some((rank, Pair { strength: strength.min(ceiling(p, q)), at: [i, j] }));
            }
        }
    }
    found.map(|(_, pair)| pair)
}

/// The only unit that surely is a name; if there is none, the only unit.
fn single(units: &[Unit]) -> Option<usize> {
    let mut sure = units.iter().enumerate().filter(|(_, u)| !u.soft);
    match (sure.next(), sure.next(), units.len()) {
        (Some((at, _)), None, _) => Some(at),
        (None, _, 1) => Some(0),
        _ => None,
    }
}

/// By the words around: how well the places fit, and how strong the conflict is.
fn rivals(p: &Unit, q: &Unit) -> Option<(f64, f64)> {
    let (near, overlap) = (p.context.near(&q.context), p.context.overlap(&q.context));
    let strength = match near {
        2 => 0.95,
        1 if overlap >= 0.5 => 0.8,
        1 => 0.5,
        _ if overlap >= 0.5 => 0.45,
        _ => return None,
    };
    // Of a name that both texts give, one may leave the first word out.
    let unsure = p.soft || q.soft || p.leads != q.leads;
    (!unsure || near >= 2).then_some((f64::from(near) / 2.0 + overlap, strength))
}

/// By the rest of the sentence, or of the whole text, which must be about the same.
fn moved((a, p): (&Facts, &Unit), (b, q): (&Facts, &Unit)) -> Option<(f64, f64)> {
    if p.soft && q.soft || p.whole != q.whole {
        return None;
    }
    let sentences = Some((p.first.sentence, q.first.sentence));
    let alike = likeness((a, p), (b, q), sentences).max(likeness((a, p), (b, q), None));
    // Two codes or two abbreviations are more likely to be of the same sort.
    let same_sort = p.head.exact && q.head.exact || p.head.acronym && q.head.acronym;
    let strength = match alike {
        0.75.. => 0.9,
        0.6.. => 0.85,
        0.45.. => 0.8,
        0.3.. if same_sort => 0.8,
        _ => return None,
    };
    Some((alike, strength))
}

/// Share of the content words besides the two names that both have, in one sentence of each or in all.
fn likeness((a, p): (&Facts, &Unit), (b, q): (&Facts, &Unit), sentences: Option<(u16, u16)>) -> f64 {
    let of = |facts: &Facts, unit: &Unit, sentence: Option<u16>, other: Option<(&Facts, Option<u16>)>| {
        let names = facts.of_kind(Kind::Name);
        let own = |stem: u32| bits(unit.set).any(|i| names.get(i).is_some_and(|f| f.key == u64::from(stem)));
        let (mut all, mut shared, mut last) = (0u32, 0u32, None);
        for &mention in &facts.mentions {
            let stem = (mention >> 16) as u32;
            // Marks of negation are no words.
            let counts = stem > NEGATED && last != Some(stem) && !own(stem);
            if !counts || sentence.is_some_and(|s| s != mention as u16) {
                continue;
            }
            last = Some(stem);
            all += 1;
            shared +=
                u32::from(other.is_some_and(|(f, s)| s.map_or_else(|| f.mentions(stem), |s| f.mentions_in(stem, s))));
        }
        (all, shared)
    };
    let (here, shared) = of(a, p, sentences.map(|s| s.0), Some((b, sentences.map(|s| s.1))));
    let (there, _) = of(b, q, sentences.map(|s| s.1), None);
    let most = here.max(there);
    if shared >= 2 || (shared == 1 && most == 1) { f64::from(shared) / f64::from(most) } else { 0.0 }
}

/// The most that two units may conflict: little if one may be another spelling or a short form of the other.
fn ceiling(p: &Unit, q: &Unit) -> f64 {
    let (one, other) = (&p.head, &q.head);
    let short = |x: &Part, y: &Unit| x.acronym && y.words >= 2 && x.letters >> 56 == y.head.letters >> 56;
    if p.words == 1 && q.words == 1 && one.similar(other, !p.whole && !q.whole) {
        0.2
    } else if short(one, q) || short(other, p) {
        0.3
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::pairs::within;

    #[test]
    fn names_move_within_a_sentence() {
        within(
            0.7,
            1.0,
            &[
                ("The CEO of Apple is Tim Cook.", "The CEO of Apple is Satya Nadella."),
                ("Lisbon hosts the summit.", "The summit is hosted by Madrid."),
                ("Option A is correct.", "Option B is correct."),
                ("Tim Cook is the CEO of Apple.", "The CEO of Apple is Satya Nadella."),
                ("Call getUserById to load the record.", "Call getUserByName to load the record."),
                ("Read the column `user_id`.", "Read the column `group_id`."),
                ("The fix is in module auth.session.", "The fix is in module auth.token."),
                ("SELECT * FROM users;", "SELECT * FROM orders;"),
            ],
        );
        within(
            0.0,
            0.1,
            &[
                ("The CEO of Apple is Tim Cook.", "Tim Cook is Apple's CEO."),
                ("President Obama signed the bill.", "Barack Obama signed the bill."),
                ("The company is based in New York City.", "The company is based in NYC."),
                ("Use `git rebase` to clean up.", "Clean up with git rebase."),
                ("Luckily, the pump runs again.", "Fortunately, the pump runs again."),
            ],
        );
        within(
            0.0,
            0.35,
            &[
                ("The novel was written by Iain Banks.", "Ian Banks wrote the novel."),
                ("They met in Kitzbühel.", "They met in Kitzbuehel."),
                ("They flew to NOLA.", "They flew to New Orleans."),
            ],
        );
    }
}
