//! The one door for foreign text: what a terminal would obey is shown and not sent.
//!
//! Control characters become their visible symbols, bidirectional overrides and other invisible format characters
//! their code points. Everything foreign goes through here: records, file names, labels, messages of rules and errors.

use std::borrow::Cow;
use std::fmt::Write;

/// Text for one line: safe, with line breaks and tabs shown as symbols.
pub fn line(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| is_unsafe(c) || is_composing(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        // Terminals do not agree on the width of a picture that is put together: each of its parts has one.
        if !(is_composing(c) && out.chars().next_back().is_some_and(is_picture)) {
            push(&mut out, c);
        }
    }
    Cow::Owned(out)
}

/// What makes one picture of several, or another picture of one: the joiner, the selector, the colours of skin.
fn is_composing(c: char) -> bool {
    matches!(c, '\u{200d}' | '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')
}

/// Whether a character may be a part of such a picture: scripts need their joiners, and keep them.
fn is_picture(c: char) -> bool {
    c >= '\u{203c}' && !c.is_alphabetic()
}

/// Text for several lines: split at line breaks, tabs as spaces, the rest as in [`line`].
pub fn lines(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    text.split('\n').map(|part| {
        let part = part.strip_suffix('\r').unwrap_or(part);
        if part.contains('\t') { Cow::Owned(line(&part.replace('\t', "    ")).into_owned()) } else { line(part) }
    })
}

/// Whether a character must not reach a terminal as it is.
pub fn is_unsafe(c: char) -> bool {
    c.is_control() || is_invisible(c)
}

/// Format characters that reorder or hide text: bidirectional controls, line separators, tags, the byte order mark.
/// The joiners that many scripts are written with stay.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{061c}' | '\u{180e}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn push(out: &mut String, c: char) {
    match c {
        '\0'..='\u{1f}' => out.extend(char::from_u32(0x2400 + c as u32)),
        '\u{7f}' => out.push('\u{2421}'),
        c if is_unsafe(c) => {
            let _ = write!(out, "<U+{:04X}>", c as u32);
        }
        c => out.push(c),
    }
}

/// JSON in which every character that a terminal would act on is written as an escape: it stands in texts only.
pub fn json(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut units = [0u16; 2];
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unsafe(c) {
            c.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(line("a\u{1b}[2Jb\u{7}\u{9b}31m\u{7f}"), "a␛[2Jb␇<U+009B>31m␡");
        assert_eq!(line("pay \u{202e}001"), "pay <U+202E>001");
        assert_eq!(line("plain — ümlaut"), "plain — ümlaut");
        // Pictures one by one: 👩‍💻 is two columns here and four there. Letters keep their joiners.
        assert_eq!(line("👩\u{200d}💻 👍🏽 ❤\u{fe0f} ک\u{200d}ت"), "👩💻 👍 ❤ ک\u{200d}ت");
        // Written out, not asked of the code: C0, DEL, C1, and what Unicode calls bidirectional or invisible.
        let odd = [
            "\u{0}",
            "\u{1b}",
            "\u{1f}",
            "\u{7f}",
            "\u{80}",
            "\u{90}",
            "\u{9b}",
            "\u{9d}",
            "\u{9f}",
            "\u{61c}",
            "\u{200b}",
            "\u{200e}",
            "\u{200f}",
            "\u{2028}",
            "\u{2029}",
            "\u{202a}",
            "\u{202d}",
            "\u{202e}",
            "\u{2066}",
            "\u{2069}",
            "\u{feff}",
            "\u{e0041}",
        ];
        for odd in odd {
            assert!(!line(&format!("a{odd}b")).contains(odd), "{odd:?}");
        }
    }

    #[test]
    fn several_lines() {
        let got: Vec<_> = lines("a\r\n\tb\u{1b}").collect();
        assert_eq!(got, ["a", "    b␛"]);
    }
}
