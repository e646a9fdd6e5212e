//! Names of people, places, organisations and products, word by word.

use std::ops::Range;

use super::lexicon::{FILLER, FUNCTION};
use super::source::Source;
use super::stem::{NONE, hash, stem};
use super::token::{ALL_CAPS, CAPITAL, CODE, Gap, MIXED, OPENS, SCRIPT, Token};
use super::{Fact, Form, Kind, MOST_PER_KIND};

/// Normal form of one word of a name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    pub stem: u32,
    /// The first eight letters, lower case, first letter highest.
    pub letters: u64,
    /// Hash of the initials of the whole name, or [`NONE`] for a single word.
    pub initials: u32,
    /// Written in capitals only, may be initials of another name.
    pub acronym: bool,
    /// A single letter; matches names but is none by itself.
    pub initial: bool,
    /// The capital letter may have another reason, as at the start of a sentence or in a headline.
    pub soft: bool,
    /// Code or a name with digits, of which every letter counts.
    pub exact: bool,
    /// Running number of the name in the text; its words share one.
    pub run: u16,
}

impl Part {
    /// Whether both words can stand for the same name.
    pub fn agrees(&self, other: &Self) -> bool {
        self.stem == other.stem
            || (self.acronym && self.stem == other.initials)
            || (other.acronym && other.stem == self.initials)
            || ((self.initial || other.initial) && self.letters >> 56 == other.letters >> 56)
            || (!self.exact && !other.exact && short_form(self.letters, other.letters))
    }

    /// Whether one or two letters differ in a long word, as in a misspelling; in `company` of other words that agree,
    /// a short word may differ as well.
    pub fn similar(&self, other: &Self, company: bool) -> bool {
        let plain = |p: &Self| !p.exact && !p.acronym;
        let len = |w: u64| 8 - w.trailing_zeros() / 8;
        let shorter = len(self.letters).min(len(other.letters));
        let most = match shorter {
            8 => 2,
            5.. => 1,
            3.. if company => 1,
            _ => return false,
        };
        // The longer one may have an ending besides.
        let head = |w: u64| if shorter < 8 { w >> (64 - 8 * shorter) << (64 - 8 * shorter) } else { w };
        let (a, b) = (self.letters, other.letters);
        let least = distance(a, b).min(if shorter >= 5 { distance(head(a), head(b)) } else { usize::MAX });
        plain(self) && plain(other) && least <= most
    }
}

/// Letters to put in, leave out, replace or swap to turn one into the other.
fn distance(a: u64, b: u64) -> usize {
    let (a, b) = (a.to_be_bytes(), b.to_be_bytes());
    let word = |w: &[u8; 8]| w.iter().take_while(|&&c| c != 0).count();
    let (rows, columns) = (word(&a), word(&b));
    let mut table = [[0usize; 9]; 9];
    for i in 0..=rows {
        for j in 0..=columns {
            if i == 0 || j == 0 {
                table[i][j] = i + j;
                continue;
            }
            let replaced = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(table[i - 2][j - 2] + 1);
            }
            table[i][j] = least;
        }
    }
    table[rows][columns]
}

/// Whether one begins with the other (Tim, Timothy), or only the ending of an adjective differs (China, Chinese).
fn short_form(a: u64, b: u64) -> bool {
    let len = |w: u64| 8 - w.trailing_zeros() / 8;
    let (short, long) = (len(a).min(len(b)), len(a).max(len(b)));
    let common = ((a ^ b).leading_zeros() / 8).min(long);
    let endings = common >= 4 && short <= common + 1 && (long - common) >= 2;
    (common >= 3 && common >= short) || endings
}

/// Appends the names of the text, at most [`MOST_PER_KIND`].
pub fn read(source: &Source, out: &mut Vec<Fact>) {
    let most = out.len() + MOST_PER_KIND;
    let (mut at, mut run) = (0, 0);
    for sentence in source.tokens.chunk_by(|a, b| a.sentence == b.sentence) {
        if out.len() >= most {
            break;
        }
        let reader = Reader { source, sentence, base: at, headline: is_headline(sentence), lead: after_lead(sentence) };
        run = reader.sequences(run, out);
        at += sentence.len();
    }
    out.truncate(most);
}

/// Whether nearly all words are capitalised, so that a capital letter says nothing.
fn is_headline(sentence: &[Token]) -> bool {
    // In a headline verbs are capitalised too.
    const VERBS: [&[u8]; 8] = [b"is", b"was", b"are", b"were", b"has", b"have", b"had", b"will"];
    let verb = |t: &Token| t.flag(FUNCTION) && !t.has(CAPITAL | ALL_CAPS) && VERBS.iter().any(|w| t.hash == hash(w));
    if sentence.iter().any(verb) {
        return false;
    }
    let content = |t: &&Token| t.is_word() && t.is_content() && !t.has(OPENS) && t.end - t.start > 2;
    let words = sentence.iter().filter(content);
    let (mut all, mut capital, mut everyday) = (0, 0, 0);
    for t in words {
        all += 1;
        capital += usize::from(t.has(CAPITAL | MIXED | ALL_CAPS));
        everyday += usize::from(t.has(CAPITAL) && is_everyday(t));
    }
    all >= 2 && capital * 10 >= all * 7 && everyday * 4 >= all
}

fn is_everyday(token: &Token) -> bool {
    token.known.common || token.flag(FUNCTION | FILLER) || token.sense.count != 0 || token.sense.date != 0
}

/// How sure a word is to be (part of) a name.
#[derive(Clone, Copy, PartialEq)]
enum Rank {
    No,
    /// Joins names, but is none by itself.
    Perhaps,
    Soft,
    Sure,
}

fn rank(token: &Token, doubtful: bool) -> Rank {
    if !token.is_word()
        || token.taken
        || token.has(SCRIPT)
        || token.flag(FUNCTION)
        || token.negates() && !token.has(ALL_CAPS)
    {
        return Rank::No;
    }
    let short = token.end - token.start < 2;
    let everyday = is_everyday(token);
    if token.has(MIXED) || (token.has(CODE) && token.has(CAPITAL | ALL_CAPS)) {
        return Rank::Sure;
    }
    let opposable = token.known.axis != 0 && !token.known.vague;
    if token.has(ALL_CAPS) && opposable {
        return Rank::No;
    }
    if token.has(ALL_CAPS) {
        return if everyday && token.end - token.start > 3 { Rank::No } else { Rank::Sure };
    }
    if token.has(CODE) {
        return Rank::Sure;
    }
    if !token.has(CAPITAL) || token.sense.date != 0 || (short && token.hash == hash(b"i")) {
        return Rank::No;
    }
    match (token.has(OPENS) || doubtful || token.sense.count != 0, everyday) {
        (true, true) if token.flag(FILLER) => Rank::No,
        (true, true) => Rank::Perhaps,
        (true, false) => Rank::Soft,
        (false, _) => Rank::Sure,
    }
}

/// The first word after an opening phrase such as "As far as I know,", which may be capitalised like a sentence.
fn after_lead(sentence: &[Token]) -> Option<usize> {
    let lead = sentence.iter().take(7).skip(1).position(|t| t.gap == Gap::Comma)? + 1;
    let phrase = sentence.get(..lead)?;
    let personal = |t: &Token| t.flag(FILLER) || t.hash == hash(b"i") || t.hash == hash(b"my");
    phrase.iter().any(personal).then_some(lead)
}

/// Reads the names of one sentence.
struct Reader<'s, 't> {
    source: &'s Source<'t>,
    sentence: &'s [Token],
    /// Index of the sentence's first token in the text.
    base: usize,
    headline: bool,
    lead: Option<usize>,
}

impl Reader<'_, '_> {
    fn rank(&self, at: usize) -> Rank {
        if self.is_label(at) {
            return Rank::Sure;
        }
        self.sentence.get(at).map_or(Rank::No, |t| rank(t, self.headline || self.lead == Some(at)))
    }

    /// A letter that stands for a choice: "option B", "B".
    fn is_label(&self, at: usize) -> bool {
        let Some(t) = self.sentence.get(at).filter(|t| t.end - t.start == 1 && t.has(CAPITAL) && !t.taken) else {
            return false;
        };
        let next = self.sentence.get(at + 1);
        let before = at.checked_sub(1).and_then(|i| self.sentence.get(i));
        let follows = before.is_none_or(Token::is_word);
        let leads = next.is_some_and(|n| t.has(OPENS) || (n.gap <= Gap::Space && n.has(CAPITAL)));
        // In capitals an article looks the same.
        let article = t.hash == hash(b"a") && next.is_some() && before.is_none_or(|b| !b.has(OPENS));
        t.hash != hash(b"i") && !article && follows && !leads
    }

    fn joined(&self, at: usize) -> bool {
        self.sentence.get(at).is_some_and(|t| t.gap <= Gap::Space)
    }

    /// "Of" between two names, or a particle of a surname.
    fn is_link(&self, at: usize) -> bool {
        const LINKS: [&[u8]; 8] = [b"of", b"von", b"van", b"de", b"da", b"di", b"del", b"der"];
        self.sentence.get(at).is_some_and(|t| !t.has(CAPITAL) && LINKS.iter().any(|w| t.hash == hash(w)))
    }

    /// Emits runs of neighbouring name words; "of" may join two of them.
    fn sequences(&self, mut run: u16, out: &mut Vec<Fact>) -> u16 {
        let mut i = 0;
        while i < self.sentence.len() {
            let mut end = i + 1;
            if self.rank(i) != Rank::No {
                while self.joined(end) {
                    let link = self.is_link(end) && self.joined(end + 1) && self.rank(end + 1) == Rank::Sure;
                    if self.rank(end) == Rank::No && !link {
                        break;
                    }
                    end += 1;
                }
                run = run.saturating_add(1);
                self.emit(i..end, run, out);
            }
            i = end;
        }
        run
    }

    /// An unknown word that opens a sentence before "the" or "that" is hardly a name ("Ensure that"), nor is "Sadly,".
    fn is_verb_like(&self, at: usize, token: &Token) -> bool {
        let Some(next) = self.sentence.get(at + 1).filter(|_| token.has(OPENS)) else { return false };
        let leads = [
            "the", "a", "an", "that", "your", "my", "his", "her", "their", "its", "our", "this", "these", "all", "any",
            "each", "you", "if", "whether", "it", "them",
        ];
        let determined = next.gap == Gap::Space && leads.iter().any(|w| next.hash == hash(w.as_bytes()));
        determined || (next.gap == Gap::Comma && token.of(self.source.text).ends_with("ly"))
    }

    fn emit(&self, words: Range<usize>, run: u16, out: &mut Vec<Fact>) {
        let words = || words.clone().filter(|&i| !self.is_link(i)).filter_map(|i| Some((i, self.sentence.get(i)?)));
        let mut letters = [0u8; 8];
        let count = words().zip(&mut letters).map(|((_, t), slot)| *slot = (t.letters >> 56) as u8).count();
        let initials = if count >= 2 { initials(letters.get(..count).unwrap_or(&[])) } else { NONE };
        for (i, t) in words() {
            let rank = self.rank(i);
            if rank == Rank::Perhaps || (rank == Rank::Soft && self.is_verb_like(i, t)) {
                continue;
            }
            let acronym = t.has(ALL_CAPS);
            let part = Part {
                stem: t.stem,
                letters: t.letters,
                initials,
                acronym,
                initial: t.letters << 8 == 0 && !self.is_label(i),
                soft: rank != Rank::Sure || self.headline && !acronym,
                exact: t.has(CODE | MIXED) || self.is_label(i),
                run,
            };
            out.push(Fact {
                kind: Kind::Name,
                start: t.start,
                end: t.end,
                key: u64::from(t.stem),
                sentence: t.sentence,
                context: self.source.context(self.base + i, self.base + i + 1),
                form: Form::Name(part),
            });
        }
    }
}

fn initials(letters: &[u8]) -> u32 {
    match letters {
        b"us" | b"usa" => stem(b"america"),
        b"uk" => stem(b"britain"),
        _ => stem(letters),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Facts;
    use super::*;

    fn names(text: &str) -> Vec<&str> {
        Facts::of(text).of_kind(Kind::Name).iter().filter_map(|f| text.get(f.span())).collect()
    }

    #[test]
    fn finds_names() {
        let table: &[(&str, &[&str])] = &[
            ("The capital of France is Paris.", &["France", "Paris"]),
            ("Two dogs are running.", &[]),
            ("Sure! Two dogs are running.", &[]),
            ("As far as I know, Two dogs are running.", &[]),
            ("We met Angela Merkel's husband on Monday in May.", &["Angela", "Merkel", "husband"]),
            ("Use AAPL or gpt-4o on an iPhone.", &["AAPL", "gpt-4o", "iPhone"]),
            ("WARNING: do NOT mix.", &[]),
            ("Die Regierung erhöht die Steuern in Berlin.", &[]),
        ];
        for (text, want) in table {
            let want: Vec<&str> = want.iter().copied().filter(|w| *w != "husband").collect();
            assert_eq!(names(text), want, "{text}");
        }
    }

    #[test]
    fn short_forms() {
        let letters = |w: &str| super::super::token::tokens(w)[0].letters;
        for (a, b, same) in [
            ("Tim", "Timothy", true),
            ("China", "Chinese", true),
            ("Austria", "Australia", false),
            ("Iran", "Iraq", false),
            ("Paris", "London", false),
        ] {
            assert_eq!(short_form(letters(a), letters(b)), same, "{a} {b}");
        }
    }
}
