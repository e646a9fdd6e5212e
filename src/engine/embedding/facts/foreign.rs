//! Negations in other languages than English, by sentence.

use super::lexicon::{FOREIGN_NOT, PHRASE};
use super::phrase;
use super::polarity::Claim;
use super::source::Source;
use super::stem::hash;
use super::tally::Outcome;
use super::token::Token;
use super::{Fact, Facts, Form, Kind, MOST_PER_KIND};

/// Sentences that are compared; later ones are left out.
const MOST_SENTENCES: usize = 64;

/// Appends one claim for each sentence with a negation.
pub fn read(source: &Source, out: &mut Vec<Fact>) {
    // "No" is a negation in Spanish, but "in the" in Portuguese.
    const SPANISH: [&[u8]; 6] = [b"el", b"los", b"las", b"una", b"es", b"del"];
    let spanish = source.tokens.iter().take(400).any(|t| SPANISH.iter().any(|w| t.hash == hash(w)));
    let most = out.len() + MOST_PER_KIND;
    let mut last = None;
    for (at, token) in source.tokens.iter().enumerate() {
        if let Some(claim) = token.flag(PHRASE).then(|| phrase::foreign(token)).flatten().filter(|_| out.len() < most) {
            out.push(claimed(source, at, token, claim));
        }
        let negates = token.flag(FOREIGN_NOT) || (spanish && token.hash == hash(b"no"));
        if !negates || last == Some(token.sentence) || out.len() >= most {
            continue;
        }
        last = Some(token.sentence);
        out.push(claimed(source, at, token, Claim::Denied));
    }
}

fn claimed(source: &Source, at: usize, token: &Token, claim: Claim) -> Fact {
    Fact {
        kind: Kind::Polarity,
        start: token.start,
        end: token.end,
        key: claim.key(),
        sentence: token.sentence,
        context: source.context(at, at + 1),
        form: Form::Polarity(claim),
    }
}

/// What the most similar sentence of `b` makes of a negated sentence of `a`.
pub fn denied<'f>(fact: &Fact, a: &Facts, b: &'f Facts) -> Option<(Option<&'f Fact>, Outcome)> {
    if a.english || b.english {
        return None;
    }
    let mut sizes = [0u16; MOST_SENTENCES];
    let mut shared = [0u16; MOST_SENTENCES];
    let count = |slots: &mut [u16; MOST_SENTENCES], sentence: u16| {
        if let Some(slot) = slots.get_mut(sentence as usize) {
            *slot += 1;
        }
    };
    b.mentions.iter().for_each(|&m| count(&mut sizes, m as u16));
    let mut size = 0;
    for &mention in a.mentions.iter().filter(|&&m| m as u16 == fact.sentence) {
        size += 1;
        b.sentences_with((mention >> 16) as u32).for_each(|s| count(&mut shared, s));
    }
    let alike = |s: usize| f64::from(shared[s]) / f64::from(sizes[s].max(size).max(1));
    let best = (0..MOST_SENTENCES).reduce(|s, t| if alike(t) > alike(s) { t } else { s })?;
    let likeness = alike(best);
    if likeness < 0.6 || (shared[best] < 2 && likeness < 1.0) {
        return None;
    }
    let answer = b
        .of_kind(Kind::Polarity)
        .iter()
        .find(|f| f.sentence as usize == best && matches!(f.form, Form::Polarity(Claim::Denied)));
    Some(match answer {
        Some(answer) => (Some(answer), Outcome::Match),
        None => (None, Outcome::Conflict(0.7 + 0.25 * likeness)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::pairs::within;

    #[test]
    fn negations_of_other_languages() {
        within(
            0.7,
            1.0,
            &[
                ("La clave no es correcta.", "La clave es correcta."),
                ("Der Antrag wurde nicht genehmigt.", "Der Antrag wurde genehmigt."),
                ("Ce billet n'est pas remboursable.", "Le billet est remboursable."),
                ("Nein.", "Ja, die Rechnung ist bezahlt."),
                ("Oui.", "Non."),
            ],
        );
        within(
            0.0,
            0.1,
            &[
                ("Die Rückgabe ist nicht möglich.", "Eine Rückgabe ist leider nicht möglich."),
                ("O livro está no armazém.", "O livro está em um armazém."),
                ("Sí.", "Sí, la factura está pagada."),
                ("Der Zug ist nicht pünktlich.", "Die Rechnung wurde bezahlt."),
            ],
        );
    }
}
