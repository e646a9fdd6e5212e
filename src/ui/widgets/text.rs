//! Text that fits its columns.

use std::borrow::Cow;

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

/// Lines of at most `width` columns, broken at spaces where there are any; at most `most` lines.
pub fn wrap(text: &str, width: usize, most: usize) -> Vec<String> {
    let mut out = Vec::new();
    for part in sanitize::lines(text) {
        let mut line = String::new();
        let mut used = 0;
        for word in part.split_word_bounds() {
            let columns = word.width();
            if used + columns > width && used > 0 {
                out.push(std::mem::take(&mut line));
                used = 0;
                if word.trim().is_empty() {
                    continue;
                }
            }
            if columns <= width {
                line.push_str(word);
                used += columns;
                continue;
            }
            // A word longer than a line is cut where the line ends.
            for grapheme in word.graphemes(true) {
                if used + grapheme.width() > width && used > 0 {
                    out.push(std::mem::take(&mut line));
                    used = 0;
                }
                line.push_str(grapheme);
                used += grapheme.width();
            }
        }
        out.push(line);
        if out.len() >= most {
            out.truncate(most);
            return out;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
