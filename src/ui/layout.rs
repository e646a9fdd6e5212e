//! Where things stand: pure arithmetic on rectangles.

use ratatui::layout::Rect;

use crate::state::view::{Pane, Screen};

/// From here on all panes of a screen are shown beside one another.
const WIDE: (u16, u16) = (100, 30);

/// From here on panes are stacked; below, one is shown.
const STACKED: (u16, u16) = (60, 15);

/// Header, body, footer. On a screen of a few lines the body comes first.
pub fn frame(area: Rect) -> (Rect, Rect, Rect) {
    let header = u16::from(area.height >= 4);
    let footer = u16::from(area.height >= 6);
    let line = |y, height| Rect { y, height, ..area };
    (line(area.y, header), line(area.y + header, area.height - header - footer), line(area.bottom() - footer, footer))
}

/// The body, and the bar of a replay at its foot, where there is room for both.
pub fn with_bar(body: Rect, height: u16) -> (Rect, Rect) {
    let height = if body.height >= 2 * height + 3 { height } else { 0 };
    let rest = body.height - height;
    (Rect { height: rest, ..body }, Rect { y: body.y + rest, height, ..body })
}

/// The panes of a screen with their places.
pub fn panes(screen: Screen, body: Rect, focus: Pane, full: bool) -> Vec<(Pane, Rect)> {
    if full || body.width < STACKED.0 || body.height + 2 < STACKED.1 {
        return vec![(focus, body)];
    }
    let wide = body.width >= WIDE.0 && body.height + 2 >= WIDE.1;
    match (screen, wide) {
        (Screen::Overview, true) => overview(body),
        (Screen::Overview, false) => overview_stacked(body, focus),
        (Screen::Records, true) => records(body),
        (Screen::Rules, true) => rules(body),
        (Screen::Drift, true) => drift(body),
        (Screen::Health, true) => health(body),
        // What has the focus gets the room; the others keep their titles and a line or two.
        // Beside a list that is moved in, the record has the room: it is what one looks at.
        (Screen::Records, false) if focus == Pane::List => stacked(body, screen, Pane::Samples, 6),
        (Screen::Records, false) => stacked(body, screen, focus, 5),
        (Screen::Rules, false) => stacked(body, screen, focus, 5),
        (Screen::Drift, false) => stacked(body, screen, focus, 5),
        (Screen::Health, false) => stacked(body, screen, focus, 3),
    }
}

/// The left part of a row, and what is right of it.
fn split(row: Rect, left: u16) -> (Rect, Rect) {
    let left = left.min(row.width);
    (Rect { width: left, ..row }, Rect { x: row.x + left, width: row.width - left, ..row })
}

/// Rows of these heights, and one of what is left.
fn rows<const N: usize>(body: Rect, heights: [u16; N]) -> ([Rect; N], Rect) {
    let mut y = body.y;
    let places = heights.map(|height| {
        let height = height.min(body.bottom() - y);
        let area = Rect { y, height, ..body };
        y += height;
        area
    });
    (places, Rect { y, height: body.bottom() - y, ..body })
}

fn overview(body: Rect) -> Vec<(Pane, Rect)> {
    let ([charts, lists], records) = rows(body, [(body.height * 3 / 10).max(10), (body.height / 4).max(7)]);
    let (latency, drift) = split(charts, body.width / 2);
    let (violations, agents) = split(lists, body.width / 2);
    vec![
        (Pane::Latency, latency),
        (Pane::Drift, drift),
        (Pane::Violations, violations),
        (Pane::Agents, agents),
        (Pane::Records, records),
    ]
}

/// Latency as a strip, and the lists; Drift takes the place of the first two while it has the focus.
fn overview_stacked(body: Rect, focus: Pane) -> Vec<(Pane, Rect)> {
    let strip = 3;
    let list = (body.height - strip) * 3 / 10;
    let upper = if focus == Pane::Drift {
        vec![(Pane::Drift, strip + list)]
    } else {
        vec![(Pane::Latency, strip), (Pane::Violations, list)]
    };
    let lower = [(Pane::Agents, list), (Pane::Records, body.height - strip - 2 * list)];
    in_rows(body, upper.into_iter().chain(lower))
}

fn in_rows(body: Rect, heights: impl Iterator<Item = (Pane, u16)>) -> Vec<(Pane, Rect)> {
    let mut y = body.y;
    heights
        .map(|(pane, height)| {
            let area = Rect { y, height, ..body };
            y += height;
            (pane, area)
        })
        .collect()
}

fn stacked(body: Rect, screen: Screen, focus: Pane, small: u16) -> Vec<(Pane, Rect)> {
    let all = screen.panes();
    let others = all.len() as u16 - 1;
    let small = small.min(body.height / (others + 2));
    let large = body.height - others * small;
    in_rows(body, all.iter().map(|pane| (*pane, if *pane == focus { large } else { small })))
}

/// The list, and beside it the record: its texts, and what the rules say of it.
fn records(body: Rect) -> Vec<(Pane, Rect)> {
    let (list, record) = split(body, (body.width * 2 / 5).min(64));
    let ([samples], why) = rows(record, [record.height * 3 / 5]);
    vec![(Pane::List, list), (Pane::Samples, samples), (Pane::Why, why)]
}

/// The list, beside it the editor, under that what its rule would have found.
fn rules(body: Rect) -> Vec<(Pane, Rect)> {
    let (list, right) = split(body, body.width / 2);
    let ([editor], backtest) = rows(right, [right.height * 11 / 20]);
    vec![(Pane::Rules, list), (Pane::Editor, editor), (Pane::Backtest, backtest)]
}

/// The series, under them what was usual against what is, and the records that moved.
fn drift(body: Rect) -> Vec<(Pane, Rect)> {
    let ([series], lower) = rows(body, [body.height * 11 / 20]);
    let (baseline, moved) = split(lower, body.width / 2);
    vec![(Pane::Series, series), (Pane::Baseline, baseline), (Pane::Moved, moved)]
}

fn health(body: Rect) -> Vec<(Pane, Rect)> {
    let ([pipeline, middle], lower) = rows(body, [12, 12]);
    let (engines, sources) = split(middle, body.width / 2);
    let (rejected, log) = split(lower, body.width / 2);
    vec![
        (Pane::Pipeline, pipeline),
        (Pane::Engines, engines),
        (Pane::Sources, sources),
        (Pane::Rejected, rejected),
        (Pane::Log, log),
    ]
}

/// What is inside a frame.
pub fn inside(area: Rect) -> Rect {
    let border = |length: u16| length.saturating_sub(2);
    Rect {
        x: area.x + area.width.min(1),
        y: area.y + area.height.min(1),
        width: border(area.width),
        height: border(area.height),
    }
}

/// A box of at most this size in the middle of the screen.
pub fn centered(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_is_covered_without_overlap() {
        for (width, height) in [(0, 0), (1, 1), (20, 5), (60, 15), (61, 16), (80, 24), (100, 30), (160, 45), (300, 100)]
        {
            let area = Rect::new(0, 0, width, height);
            let (header, body, footer) = frame(area);
            assert_eq!(header.height + body.height + footer.height, height);
            for screen in Screen::ALL {
                for focus in screen.panes() {
                    let places = panes(screen, body, *focus, false);
                    let covered: u32 = places.iter().map(|(_, r)| u32::from(r.width) * u32::from(r.height)).sum();
                    assert_eq!(covered, u32::from(body.width) * u32::from(body.height), "{screen:?} {width}x{height}");
                    assert!(places.iter().any(|(pane, _)| pane == focus), "{screen:?} {focus:?} {width}x{height}");
                    assert!(places.iter().all(|(_, r)| body.union(*r) == body));
                    assert_eq!(panes(screen, body, *focus, true), [(*focus, body)]);
                }
            }
        }
    }
}
