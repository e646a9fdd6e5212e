//! Two histograms over the same bins, one under the other, with shares: counts of different totals are no comparison.

use crate::ui::theme::Symbols;

/// A column of bars as high as `height` rows, from the top; each is a share of `top`.
pub fn columns(symbols: &Symbols, shares: &[f64], top: f64, height: usize, width: usize) -> Vec<String> {
    let bins = shares.len().max(1);
    // As wide as the room allows, the same for all.
    let each = (width / bins).max(1);
    let mut rows = vec![String::new(); height];
    for share in shares.iter().take(width / each) {
        let eighths = if top > 0.0 { (share / top * (height * 8) as f64).ceil() as usize } else { 0 };
        for (row, text) in rows.iter_mut().enumerate() {
            let below = (height - 1 - row) * 8;
            let symbol = match eighths.saturating_sub(below) {
                0 => " ",
                n => symbols.bars[n.min(8) - 1],
            };
            (0..each).for_each(|_| text.push_str(symbol));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_have_their_height() {
        let rows = columns(&Symbols::UNICODE, &[0.0, 0.5, 1.0, 0.01], 1.0, 2, 8);
        assert_eq!(rows, ["    ██  ", "  ████▁▁"]);
        assert_eq!(columns(&Symbols::UNICODE, &[], 1.0, 1, 5), [""]);
        assert_eq!(columns(&Symbols::UNICODE, &[0.0], 0.0, 1, 1), [" "]);
    }
}
