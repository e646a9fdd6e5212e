//! Opposites that show only in a phrase - turn left or right, at least or at most, from here to there - and those whose
//! words already stand on another axis or belong to other languages.

use super::lexicon::FUNCTION;
use super::polarity::Claim;
use super::source::Source;
use super::stem::hash;
use super::tally::Outcome;
use super::token::{Gap, Token};
use super::{Fact, Facts, Form, Kind};

/// Axes of this module begin above those of the word lists.
pub const FIRST: u8 = 200;
const TURN: u8 = FIRST;
const BOUND: u8 = FIRST + 1;
const DEGREE: u8 = FIRST + 2;
const OPTION: u8 = FIRST + 3;
const MONTHLY: u8 = FIRST + 4;
const HOURLY: u8 = FIRST + 5;
const GAIN: u8 = FIRST + 6;
const GRANT: u8 = FIRST + 7;
const TRADE: u8 = FIRST + 8;

const fn one_of<const N: usize>(words: [&[u8]; N]) -> [u32; N] {
    let mut hashes = [0; N];
    let mut i = 0;
    while i < N {
        hashes[i] = hash(words[i]);
        i += 1;
    }
    hashes
}

const LEFT: u32 = hash(b"left");
const RIGHT: u32 = hash(b"right");
const LEAST: u32 = hash(b"least");
const MOST: u32 = hash(b"most");
const CALL: u32 = hash(b"call");
const PUT: u32 = hash(b"put");
const PER: u32 = hash(b"per");
const FROM: u32 = hash(b"from");
const STEER: [u32; 10] =
    one_of([b"turn", b"turns", b"turning", b"go", b"keep", b"veer", b"bear", b"swipe", b"bottom", b"top"]);
const OPTIONS: [u32; 4] = one_of([b"option", b"options", b"contract", b"contracts"]);
const PERIODS: [u32; 4] = one_of([b"month", b"year", b"hour", b"day"]);
const GAINS: [u32; 4] = one_of([b"gain", b"gains", b"gained", b"gaining"]);
const LOSSES: [u32; 4] = one_of([b"lose", b"loses", b"lost", b"losing"]);
const ALLOWS: [u32; 5] = one_of([b"allow", b"allows", b"allowed", b"permit", b"permits"]);
const DENIES: [u32; 4] = one_of([b"deny", b"denies", b"denied", b"denying"]);
const BUY: [u32; 9] =
    one_of([b"kaufen", b"kaufe", b"kauft", b"comprar", b"compre", b"compra", b"acheter", b"achetez", b"achat"]);
const SELL: [u32; 9] =
    one_of([b"verkaufen", b"verkaufe", b"verkauft", b"vender", b"venda", b"venta", b"vendre", b"vendez", b"vente"]);

/// What the word at this place claims by its phrase.
pub fn read(source: &Source, at: usize, token: &Token) -> Option<Claim> {
    let claim = |axis: u8, positive: bool| Some(Claim::Axis { axis, positive, vague: false });
    let next = || source.next_within(at + 1, Gap::Space);
    let before = || source.before(at).filter(|_| token.gap <= Gap::Space);
    match token.hash {
        LEFT | RIGHT if before().is_some_and(|t| STEER.contains(&t.hash)) => claim(TURN, token.hash == LEFT),
        LEAST | MOST if before().is_some_and(|t| t.hash == const { hash(b"at") }) => claim(BOUND, token.hash == LEAST),
        LEAST | MOST if next().is_some_and(|t| t.is_content() && !t.flag(FUNCTION)) => {
            claim(DEGREE, token.hash == MOST)
        }
        CALL | PUT if next().is_some_and(|t| OPTIONS.contains(&t.hash)) => claim(OPTION, token.hash == CALL),
        PER if before().is_some_and(|t| t.taken) => {
            let period = next().and_then(|t| PERIODS.iter().position(|&p| p == t.hash))?;
            claim(if period < 2 { MONTHLY } else { HOURLY }, period % 2 == 0)
        }
        FROM => route(source, at),
        _ => None,
    }
}

/// What a word claims besides what it does on its axis.
pub fn second(token: &Token) -> Option<Claim> {
    let (axis, positive) = match token.hash {
        word if GAINS.contains(&word) => (GAIN, true),
        word if LOSSES.contains(&word) => (GAIN, false),
        word if ALLOWS.contains(&word) => (GRANT, true),
        word if DENIES.contains(&word) => (GRANT, false),
        _ => return None,
    };
    Some(Claim::Axis { axis, positive, vague: true })
}

/// Opposites of other languages.
pub fn foreign(token: &Token) -> Option<Claim> {
    let buys = BUY.contains(&token.hash);
    (buys || SELL.contains(&token.hash)).then_some(Claim::Axis { axis: TRADE, positive: buys, vague: false })
}

/// "From Paris to London": where it begins and where it ends.
fn route(source: &Source, at: usize) -> Option<Claim> {
    let is_to = |t: &Token| t.hash == const { hash(b"to") };
    let to = (at + 2..at + 6).find(|&i| source.token(i).is_some_and(is_to))?;
    let end = |from: usize| {
        let tokens = (from..from + 3).map_while(|i| source.next_within(i, Gap::Space));
        let name = tokens.into_iter().find(|t| t.literal.is_some() || t.is_content())?;
        Some(if name.literal.is_some() { hash(name.of(source.text).as_bytes()) } else { name.stem })
    };
    let within = (at + 1..=to).all(|i| source.next_within(i, Gap::Space).is_some());
    let (from, to) = (end(at + 1).filter(|_| within)?, end(to + 1)?);
    (from != to).then_some(Claim::Route { from, to })
}

/// A route of the other text that goes the opposite way, unless one goes the same way.
pub fn reversed(from: u32, to: u32, b: &Facts) -> Option<(Option<&Fact>, Outcome)> {
    let find = |wanted: Claim| {
        b.of_kind(Kind::Polarity).iter().find(|f| matches!(f.form, Form::Polarity(claim) if claim == wanted))
    };
    if find(Claim::Route { from, to }).is_some() {
        return None;
    }
    find(Claim::Route { from: to, to: from }).map(|f| (Some(f), Outcome::Conflict(0.9)))
}

#[cfg(test)]
mod tests {
    use super::super::pairs::within;

    #[test]
    fn opposite_phrases_conflict() {
        within(
            0.75,
            1.0,
            &[
                ("The team lost two points.", "The team gained two points."),
                ("Turn left at the lights.", "Turn right at the lights."),
                ("Take at least 200 mg.", "Take at most 200 mg."),
                ("It is the most expensive plan.", "It is the least expensive plan."),
                ("The firewall should allow the request.", "The firewall should deny the request."),
                ("Debit the cash account.", "Credit the cash account."),
                ("Add the user to the group.", "Remove the user from the group."),
                ("Buy a call option.", "Buy a put option."),
                ("It costs $10 per month.", "It costs $10 per year."),
                ("The flight goes from Paris to London.", "The flight goes from London to Paris."),
                ("Der Rat: Verkaufen Sie die Aktie.", "Der Rat: Kaufen Sie die Aktie."),
                ("Hay que comprar las acciones.", "Hay que vender las acciones."),
                ("Il faut acheter les actions.", "Il faut vendre les actions."),
                ("The mushroom is safe to eat.", "The mushroom is poisonous."),
            ],
        );
    }

    #[test]
    fn the_same_phrases_agree() {
        within(
            0.0,
            0.15,
            &[
                ("Turn left, the right lane is closed.", "Turn left as the right lane is closed."),
                ("It costs $10 per month ($120 per year).", "It costs $120 per year, or $10 per month."),
                ("Most people like it, at least here.", "At least here, most people like it."),
                ("The train runs from Paris to London.", "From Paris to London there is a train."),
                ("Only two seats are left.", "Two seats are left, right?"),
                ("Il faut acheter les actions.", "Il faut acheter ces actions."),
            ],
        );
    }
}
