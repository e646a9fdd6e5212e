//! Polarity of claims: negated words, words on an antonym axis, and a leading yes or no.

use super::concede::{is_condition, is_open};
use super::lexicon::{NEGATOR_TO, PHRASE};
use super::source::{Context, Source};
use super::stem::{Hasher, NONE, hash};
use super::token::{ALL_CAPS, Gap, Token};
use super::{Fact, Form, Kind, MOST_PER_KIND, foreign, phrase, prefix};

/// Normal form of a claim's polarity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Claim {
    /// The text begins with yes (true) or no.
    Answer(bool),
    /// A negation and the stems of the words it bears on, nearest first.
    Negated([u32; 3]),
    /// What a negation bears on that claims nothing.
    Open([u32; 3]),
    /// A word on one side of an antonym axis; `vague` words need the same context.
    Axis { axis: u8, positive: bool, vague: bool },
    /// The stem of a word with a prefix that may negate it, and of the word without it.
    Prefixed { own: u32, rest: u32 },
    /// A sentence of another language that is negated.
    Denied,
    /// Stems of where something begins and ends: from, to.
    Route { from: u32, to: u32 },
}

impl Claim {
    pub fn key(self) -> u64 {
        let h = Hasher::new();
        match self {
            Self::Answer(yes) => h.number(1).number(u64::from(yes)).wide(),
            Self::Prefixed { own, .. } => h.number(4).number(u64::from(own)).wide(),
            Self::Route { from, to } => h.number(7).number(u64::from(from)).number(u64::from(to)).wide(),
            Self::Denied => h.number(5).wide(),
            Self::Open(scope) => h.number(6).number(u64::from(scope[0])).wide(),
            Self::Negated(scope) => h.number(2).number(u64::from(scope[0])).wide(),
            Self::Axis { axis, positive, .. } => h.number(3).number(u64::from(axis)).number(u64::from(positive)).wide(),
        }
    }
}

/// Appends the claims of the text, at most [`MOST_PER_KIND`].
pub fn read(source: &Source, out: &mut Vec<Fact>) {
    let most = out.len() + MOST_PER_KIND;
    answer(source, out);
    if !source.english {
        return foreign::read(source, out);
    }
    // Tokens before this one are already flipped by a negation.
    let mut flipped = 0;
    for (at, token) in source.tokens.iter().enumerate() {
        if out.len() >= most {
            break;
        }
        if at < flipped {
            continue;
        }
        if negates(source, at, token) {
            let from = out.len();
            flipped = flipped.max(negation(source, at, token, out));
            if is_open(source, at, token) {
                out.get_mut(from..).unwrap_or_default().iter_mut().for_each(leave_open);
            }
        } else if let Some(claim) = token.flag(PHRASE).then(|| phrase::read(source, at, token)).flatten() {
            out.push(fact(source, at, at + 1, token.start, token.end, claim));
        } else if token.known.axis != 0 && token.is_content() && !is_name_like(token) {
            out.push(axis(source, at, at, token, false));
        } else if let Some(rest) = prefix::without(source, token) {
            let claim = Claim::Prefixed { own: token.stem, rest };
            out.push(fact(source, at, at + 1, token.start, token.end, claim));
        }
        if let Some(claim) = token.flag(PHRASE).then(|| phrase::second(token)).flatten() {
            out.push(fact(source, at, at + 1, token.start, token.end, claim));
        }
    }
}

/// "Up" in a name or an abbreviation is no direction.
fn is_name_like(token: &Token) -> bool {
    token.has(ALL_CAPS) && token.end - token.start <= 3 && token.known.vague
}

fn answer(source: &Source, out: &mut Vec<Fact>) {
    // "Answer: no."
    let at = usize::from(source.token(0).is_some_and(|t| t.hash == hash(b"answer")));
    let Some((first, next)) = source.token(at).map(|t| (t, source.token(at + 1))) else { return };
    let is = |words: &[&[u8]]| words.iter().any(|w| first.hash == hash(w));
    let yes = is(&[b"yes", b"yeah", b"yep", b"ja", b"oui", b"si", b"sim"]);
    let no = is(&[b"no", b"nope", b"nein", b"nee", b"non"]);
    // "No dogs" is a claim, "No, dogs" an answer.
    if (yes || no) && next.is_none_or(|t| t.gap >= Gap::Comma) {
        out.push(fact(source, at, at + 1, first.start, first.end, Claim::Answer(yes)));
    }
}

/// Whether the token really negates: idioms do not.
fn negates(source: &Source, at: usize, token: &Token) -> bool {
    let next = source.next_within(at + 1, Gap::Space);
    let follows = |words: &[&[u8]]| next.is_some_and(|n| words.iter().any(|w| n.hash == hash(w)));
    let behind = |word: &[u8]| source.before(at).is_some_and(|t| t.hash == hash(word));
    if token.hash == hash(b"than") {
        return behind(b"rather");
    }
    if token.hash == hash(b"of") {
        return behind(b"instead") || behind(b"out") && follows(&[b"stock", b"order", b"service", b"date"]);
    }
    if token.flag(NEGATOR_TO) {
        let doubled = source.before(at).is_some_and(Token::negates);
        return follows(&[b"to"]) && !doubled;
    }
    if token.hash == hash(b"non") {
        return next.is_some_and(|t| t.gap == Gap::Hyphen);
    }
    if !token.negates() || is_quoted(source, token) || is_condition(source, at, token) {
        return false;
    }
    if at == 0 && next.is_none() {
        return false;
    }
    let previous = source.before(at).filter(|_| token.gap <= Gap::Space).map_or(NONE, |t| t.hash);
    if previous == hash(b"why") || previous == hash(b"or") && next.is_none() {
        return false;
    }
    let opens = |first: &[&[u8]], second: &[u8]| follows(first) && is(source, at + 2, second);
    let idiom = match token.hash {
        h if h == hash(b"no") => {
            let numbered = source.token(at + 1).is_some_and(|t| t.literal.is_some());
            numbered || follows(NO_IDIOMS) || opens(&[b"more"], b"than")
        }
        h if h == hash(b"nothing") || h == hash(b"none") => follows(&[b"but", b"other"]),
        h if h == hash(b"never") => follows(&[b"mind"]),
        h if h == hash(b"without") => follows(&[b"doubt"]) || opens(&[b"a"], b"doubt"),
        _ => follows(NOT_IDIOMS) || opens(&[b"to"], b"mention"),
    };
    !idiom
}

/// Turns a negation into one that claims nothing.
fn leave_open(fact: &mut Fact) {
    let scope = match fact.form {
        Form::Polarity(Claim::Negated(scope)) => scope,
        _ => [NONE; 3],
    };
    let claim = Claim::Open(scope);
    (fact.form, fact.key) = (Form::Polarity(claim), claim.key());
}

/// A word quoted by itself, as in: they said "no".
fn is_quoted(source: &Source, token: &Token) -> bool {
    let quote = |c: Option<char>| c.is_some_and(|c| matches!(c, '"' | '“' | '”'));
    let before = source.text.get(..token.start as usize).and_then(|t| t.chars().next_back());
    let after = source.text.get(token.end as usize..).and_then(|t| t.chars().next());
    quote(before) && quote(after)
}

/// Words after "no" that make it no negation of a claim: "no doubt", "no later than".
const NO_IDIOMS: &[&[u8]] =
    &[b"doubt", b"matter", b"wonder", b"problem", b"sooner", b"less", b"later", b"other", b"worries"];

/// The same after "not" and its contractions: "not only", "don't hesitate".
const NOT_IDIOMS: &[&[u8]] = &[
    b"only",
    b"just",
    b"merely",
    b"simply",
    b"solely",
    b"least",
    b"until",
    b"hesitate",
    b"worry",
    b"forget",
    b"help",
    b"wait",
    b"matter",
];

fn is(source: &Source, at: usize, word: &[u8]) -> bool {
    source.token(at).is_some_and(|t| t.hash == hash(word))
}

/// Reads what a negation bears on; returns the token after the part it has used up.
fn negation(source: &Source, at: usize, token: &Token, out: &mut Vec<Fact>) -> usize {
    let mut scope = [NONE; 3];
    let (mut found, mut to, mut end, mut used) = (0, at + 1, token.end, at + 1);
    // In "with no default", "without default" and "non-compete" the verb that follows is not negated.
    let with = source.before(at).is_some_and(|t| t.hash == hash(b"with"));
    let of_noun = with || token.hash == hash(b"without") || token.hash == hash(b"non");
    while let Some(next) = source.next_within(to, Gap::Space).filter(|_| to <= at + 8) {
        if next.negates() && next.literal.is_none() && found == 0 {
            // Two negations cancel: "not without".
            return to + 1;
        }
        if found > 0 && (breaks_scope(next) || next.negates() || of_noun) {
            break;
        }
        if next.known.axis != 0 && (found == 0 || of_subject(token)) && next.is_content() && !next.known.vague {
            out.push(axis(source, at, to, next, true));
            return to + 1;
        }
        if next.is_content() && !is_filler(next) {
            if let Some(slot) = scope.get_mut(found) {
                *slot = next.stem;
            }
            // A vague word that is negated takes no side by itself.
            if found == 0 && next.known.axis != 0 {
                used = to + 1;
            }
            (found, end) = (found + 1, next.end);
            if found == scope.len() {
                break;
            }
        }
        to += 1;
    }
    // Nothing follows: the negation bears on what came before ("No, he does not.").
    let mut from = at;
    while found == 0 && from > 0 {
        from -= 1;
        let Some(previous) = source.token(from).filter(|t| t.sentence == token.sentence && from + 6 > at) else {
            break;
        };
        if previous.is_content() {
            scope[0] = previous.stem;
            found = 1;
        }
    }
    if found > 0 {
        out.push(fact(source, at, to.max(at + 1), token.start, end, Claim::Negated(scope)));
    }
    used
}

/// A negation of the subject reaches its verb: "neither party accepted".
fn of_subject(token: &Token) -> bool {
    [&b"neither"[..], b"no", b"nobody", b"none", b"nothing"].iter().any(|w| token.hash == hash(w))
}

/// Words that end the reach of a negation.
fn breaks_scope(token: &Token) -> bool {
    [&b"but"[..], b"because", b"and", b"or", b"although", b"while", b"if", b"unless", b"since", b"so", b"who", b"which"]
        .iter()
        .any(|w| token.hash == hash(w))
}

/// Adverbs and verbs through which a negation reaches the next word: "not considered safe".
fn is_filler(token: &Token) -> bool {
    [
        &b"longer"[..],
        b"yet",
        b"necessarily",
        b"actually",
        b"currently",
        b"directly",
        b"considered",
        b"expected",
        b"deemed",
        b"believed",
        b"known",
        b"seem",
        b"appear",
        b"going",
        b"look",
        b"anyone",
        b"anybody",
        b"anything",
    ]
    .iter()
    .any(|w| token.hash == hash(w))
}

/// The axis fact of a word; `from` is the negation before it, or the word itself.
fn axis(source: &Source, from: usize, at: usize, token: &Token, negated: bool) -> Fact {
    let positive = (token.known.axis > 0) != negated;
    let claim = Claim::Axis { axis: token.known.axis.unsigned_abs(), positive, vague: token.known.vague };
    let start = source.token(from).map_or(token.start, |t| t.start);
    let mut fact = fact(source, from, at + 1, start, token.end, claim);
    // Between the negation and the word may be what it is about: "no data was lost".
    fact.context.content = source.context(at, at + 1).content;
    fact
}

fn fact(source: &Source, from: usize, to: usize, start: u32, end: u32, claim: Claim) -> Fact {
    let sentence = source.token(from).map_or(0, |t| t.sentence);
    let context: Context = source.context(from, to);
    Fact { kind: Kind::Polarity, start, end, key: claim.key(), sentence, context, form: Form::Polarity(claim) }
}

#[cfg(test)]
mod tests {
    use super::super::Facts;
    use super::*;

    fn negations(text: &str) -> usize {
        let facts = Facts::of(text);
        facts.of_kind(Kind::Polarity).iter().filter(|f| matches!(f.form, Form::Polarity(Claim::Negated(_)))).count()
    }

    #[test]
    fn idioms_do_not_negate() {
        let table = [
            ("He is not eating.", 1),
            ("He isn't eating.", 1),
            ("Nobody came to the party.", 1),
            ("It is not only cheap.", 0),
            ("There is no doubt about the result.", 0),
            ("See no. 5 of the list.", 0),
            ("Why not try the soup?", 0),
            ("It came not without merit.", 0),
            ("He refuses to pay the bill.", 1),
            ("The policy no longer covers it.", 1),
            ("Please do not hesitate to ask.", 0),
            ("It works.", 0),
            ("No", 0),
        ];
        for (text, want) in table {
            assert_eq!(negations(text), want, "{text}");
        }
    }

    #[test]
    fn a_negated_axis_word_flips() {
        let sides = |text: &str| -> Vec<bool> {
            let facts = Facts::of(text);
            let claims = facts.of_kind(Kind::Polarity).iter().filter_map(|f| match f.form {
                Form::Polarity(Claim::Axis { positive, .. }) => Some(positive),
                _ => None,
            });
            claims.collect()
        };
        assert_eq!(sides("It is safe."), [true]);
        assert_eq!(sides("It is not safe."), [false]);
        assert_eq!(sides("It is unsafe."), [false]);
        assert_eq!(sides("It is not impossible."), [true]);
    }
}
