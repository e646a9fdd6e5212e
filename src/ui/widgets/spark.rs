//! A line of bars, one column each.

use crate::ui::theme::Symbols;

/// Bars for values from 0 to `top`; a gap is a space, and so is 0 when `zero_is_blank`.
pub fn bars(symbols: &Symbols, values: impl Iterator<Item = Option<f64>>, top: f64, zero_is_blank: bool) -> String {
    values
        .map(|value| match value {
            None => " ",
            Some(v) if v <= 0.0 && zero_is_blank => " ",
            Some(v) => {
                let height = if top > 0.0 { (v / top * 8.0).ceil() } else { 0.0 };
                symbols.bars[(height as usize).clamp(1, 8) - 1]
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_not_zero() {
        let values = [Some(0.0), None, Some(0.5), Some(1.0), Some(9.0)];
        assert_eq!(bars(&Symbols::UNICODE, values.into_iter(), 1.0, false), "▁ ▄██");
        assert_eq!(bars(&Symbols::UNICODE, [Some(0.0)].into_iter(), 0.0, true), " ");
    }
}
