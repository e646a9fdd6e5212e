//! Text that fits its columns.

use std::borrow::Cow;
use std::ops::Range;

use ratatui::style::Style;
use ratatui::text::Span;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::sanitize;

/// Foreign text in a style.
pub fn foreign<'a>(text: &'a str, style: Style) -> Span<'a> {
    Span::styled(sanitize::line(text), style)
}

/// Foreign text in exactly `width` columns: cut with `ellipsis`, or filled with spaces.
pub fn column(text: &str, width: usize, ellipsis: &str) -> String {
    let cut = fit(&sanitize::line(text), width, ellipsis).into_owned();
    let missing = width.saturating_sub(cut.width());
    cut + &" ".repeat(missing)
}

/// A name in exactly `width` columns: what is cut goes from its middle, since names of one kind differ at their ends
/// (`host-3/support-eu`, `gpt-4o-2024-08-06`).
pub fn name_column(name: &str, width: usize, ellipsis: &str) -> String {
    let name = sanitize::line(name);
    let room = width.saturating_sub(ellipsis.width());
    if name.width() <= width || room < 4 {
        return column(&name, width, ellipsis);
    }
    let head = fit(&name, room / 2, "").into_owned();
    let mut tail = &name[..];
    for (at, _) in name.grapheme_indices(true) {
        tail = &name[at..];
        if head.width() + tail.width() <= room {
            break;
        }
    }
    column(&format!("{head}{ellipsis}{tail}"), width, ellipsis)
}

/// The longest beginning that fits `width` columns; what is cut ends with `ellipsis`.
pub fn fit<'a>(text: &'a str, width: usize, ellipsis: &str) -> Cow<'a, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let room = width.saturating_sub(ellipsis.width());
    let mut used = 0;
    let mut end = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        used += grapheme.width();
        if used > room {
            break;
        }
        end = at + grapheme.len();
    }
    if ellipsis.width() > width {
        return Cow::Borrowed("");
    }
    Cow::Owned(format!("{}{ellipsis}", &text[..end]))
}

/// A text that is not to be read: as long as it is, with its spaces and its punctuation.
pub fn masked(text: &str) -> String {
    text.chars().map(|c| if c.is_alphanumeric() { 'x' } else { c }).collect()
}

/// Lines of at most `width` columns, broken at spaces where there are any; at most `most` lines.
pub fn wrap(text: &str, width: usize, most: usize) -> Vec<String> {
    let whole = |line: Vec<(String, ())>| line.into_iter().map(|(text, ())| text).collect();
    wrap_marked(text, &[], width, most).into_iter().map(whole).collect()
}

/// The same with places of the text marked, given in bytes: each line in pieces, each with its mark; what is not marked
/// has the default.
pub fn wrap_marked<T: Copy + PartialEq + Default>(
    text: &str,
    marks: &[(Range<usize>, T)],
    width: usize,
    most: usize,
) -> Vec<Vec<(String, T)>> {
    let mut lines = Lines { width, done: Vec::new(), line: Vec::new(), used: 0 };
    for (part, marked) in pieces(text, marks) {
        for (index, piece) in sanitize::lines(part).enumerate() {
            if index > 0 {
                lines.end();
            }
            if lines.done.len() >= most {
                break;
            }
            piece.split_word_bounds().for_each(|word| lines.push(word, marked));
        }
    }
    lines.end();
    lines.done.truncate(most);
    lines.done
}

/// A text cut at the ends of its marks. Marks that overlap what came before, or that lie beside the text, are left out.
fn pieces<'a, T: Copy + Default>(text: &'a str, marks: &[(Range<usize>, T)]) -> Vec<(&'a str, T)> {
    let mut marks: Vec<&(Range<usize>, T)> = marks.iter().collect();
    marks.sort_by_key(|(mark, _)| mark.start);
    let mut pieces = Vec::new();
    let mut at = 0;
    for (mark, kind) in marks {
        let (Some(before), Some(inside)) = (text.get(at..mark.start), text.get(mark.start..mark.end)) else { continue };
        pieces.extend([(before, T::default()), (inside, *kind)]);
        at = mark.end;
    }
    pieces.push((&text[at..], T::default()));
    pieces.retain(|(piece, _)| !piece.is_empty());
    if pieces.is_empty() { vec![("", T::default())] } else { pieces }
}

/// Lines being filled.
struct Lines<T> {
    width: usize,
    done: Vec<Vec<(String, T)>>,
    line: Vec<(String, T)>,
    used: usize,
}

impl<T: Copy + PartialEq> Lines<T> {
    fn end(&mut self) {
        self.done.push(std::mem::take(&mut self.line));
        self.used = 0;
    }

    fn push(&mut self, word: &str, marked: T) {
        let columns = word.width();
        if self.used + columns > self.width && self.used > 0 {
            self.end();
            if word.trim().is_empty() {
                return;
            }
        }
        if columns <= self.width {
            return self.put(word, columns, marked);
        }
        // A word longer than a line is cut where the line ends.
        for grapheme in word.graphemes(true) {
            if self.used + grapheme.width() > self.width && self.used > 0 {
                self.end();
            }
            self.put(grapheme, grapheme.width(), marked);
        }
    }

    fn put(&mut self, text: &str, columns: usize, marked: T) {
        match self.line.last_mut() {
            Some((last, of)) if *of == marked => last.push_str(text),
            _ => self.line.push((text.to_owned(), marked)),
        }
        self.used += columns;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_both_ends() {
        for (name, width, want) in [
            ("agent-7", 12, "agent-7     "),
            ("host-b/support-eu", 12, "host-…ort-eu"),
            ("gpt-4o-2024-08-06", 12, "gpt-4…-08-06"),
            ("日本語のエージェント", 12, "日本…ェント "),
            ("abcdef", 3, "ab…"),
        ] {
            assert_eq!(name_column(name, width, "…"), want);
        }
    }

    #[test]
    fn columns_stay_straight() {
        for text in ["plain", "日本語テキスト", "e\u{301}toile", "👩‍💻 code", "\u{1b}[31m", ""] {
            assert_eq!(column(text, 6, "…").width(), 6, "{text}");
        }
        assert_eq!(fit("abcdef", 4, "…"), "abc…");
        assert_eq!(fit("日本語", 4, "…"), "日…");
        assert_eq!(fit("abc", 0, "…"), "");
    }

    #[test]
    fn wraps_at_words_and_never_beyond_the_width() {
        assert_eq!(wrap("one two three", 7, 9), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij", 4, 9), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("a\n\nb", 4, 9), ["a", "", "b"]);
        assert_eq!(wrap("a b c d", 1, 2).len(), 2);
    }

    #[test]
    fn marks_stay_where_they_are() {
        let at = |from, to| Range { start: from, end: to };
        let marked = |text: &str, marks: &[Range<usize>], width| {
            let piece = |(text, marked): (String, bool)| if marked { format!("[{text}]") } else { text };
            let line = |line: Vec<(String, bool)>| line.into_iter().map(piece).collect::<String>();
            let marks: Vec<(Range<usize>, bool)> = marks.iter().map(|mark| (mark.clone(), true)).collect();
            wrap_marked(text, &marks, width, 9).into_iter().map(line).collect::<Vec<_>>()
        };
        assert_eq!(marked("a loss of -50 USD", &[at(10, 13)], 40), ["a loss of [-50] USD"]);
        assert_eq!(marked("a loss of -50 USD", &[at(10, 17)], 13), ["a loss of [-50]", "[USD]"]);
        assert_eq!(marked("é b\nc d", &[0..2, 6..7], 9), ["[é] b", "c[ ]d"]);
        // Beside the text, inside a character, over one another.
        assert_eq!(marked("é b", &[1..2, 3..99, 0..3, 2..4], 9), ["[é ]b"]);
        assert_eq!(marked("", &[], 9), [""]);
    }
}
