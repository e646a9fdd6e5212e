//! Where things stand: pure arithmetic on rectangles.

use ratatui::layout::Rect;

use crate::state::view::{HealthPane, Pane};

/// From here on all five panes are shown.
const WIDE: (u16, u16) = (100, 30);

/// From here on four panes are stacked; below, one is shown.
const STACKED: (u16, u16) = (60, 15);

/// Header, body, footer. On a screen of a few lines the body comes first.
pub fn frame(area: Rect) -> (Rect, Rect, Rect) {
    let header = u16::from(area.height >= 4);
    let footer = u16::from(area.height >= 6);
    let line = |y, height| Rect { y, height, ..area };
    (line(area.y, header), line(area.y + header, area.height - header - footer), line(area.bottom() - footer, footer))
}

/// The panes of the overview with their places.
pub fn overview(body: Rect, focus: Pane, full: bool) -> Vec<(Pane, Rect)> {
    if full || body.width < STACKED.0 || body.height + 2 < STACKED.1 {
        return vec![(focus, body)];
    }
    if body.width >= WIDE.0 && body.height + 2 >= WIDE.1 { wide(body) } else { stacked(body, focus) }
}

fn wide(body: Rect) -> Vec<(Pane, Rect)> {
    let charts = (body.height * 3 / 10).max(10);
    let lists = (body.height / 4).max(7);
    let left = body.width / 2;
    let row = |y: u16, height: u16| {
        (Rect { y, height, width: left, ..body }, Rect { y, height, x: body.x + left, width: body.width - left })
    };
    let (latency, drift) = row(body.y, charts);
    let (violations, agents) = row(body.y + charts, lists);
    let records = Rect { y: body.y + charts + lists, height: body.height - charts - lists, ..body };
    vec![
        (Pane::Latency, latency),
        (Pane::Drift, drift),
        (Pane::Violations, violations),
        (Pane::Agents, agents),
        (Pane::Records, records),
    ]
}

/// Latency as a strip, and the lists; Drift takes the place of the first two while it has the focus.
fn stacked(body: Rect, focus: Pane) -> Vec<(Pane, Rect)> {
    let strip = 3;
    let list = (body.height - strip) * 3 / 10;
    let upper = if focus == Pane::Drift {
        vec![(Pane::Drift, strip + list)]
    } else {
        vec![(Pane::Latency, strip), (Pane::Violations, list)]
    };
    let lower = [(Pane::Agents, list), (Pane::Records, body.height - strip - 2 * list)];
    let heights = upper.into_iter().chain(lower);
    let mut y = body.y;
    heights
        .map(|(pane, height)| {
            let area = Rect { y, height, ..body };
            y += height;
            (pane, area)
        })
        .collect()
}

/// The panes of the health screen with their places.
pub fn health(body: Rect, focus: HealthPane, full: bool) -> Vec<(HealthPane, Rect)> {
    if full || body.width < STACKED.0 || body.height + 2 < STACKED.1 {
        return vec![(focus, body)];
    }
    let line = |y: u16, height: u16| Rect { y, height, ..body };
    if body.width >= WIDE.0 && body.height + 2 >= WIDE.1 {
        let (upper, middle) = (12, 12);
        let left = body.width / 2;
        let (engines, sources) = (line(body.y + upper, middle), line(body.y + upper, middle));
        return vec![
            (HealthPane::Pipeline, line(body.y, upper)),
            (HealthPane::Engines, Rect { width: left, ..engines }),
            (HealthPane::Sources, Rect { x: body.x + left, width: body.width - left, ..sources }),
            (HealthPane::Rejected, line(body.y + upper + middle, body.height - upper - middle)),
        ];
    }
    // What has the focus gets the room; the others keep their titles and a line or two.
    let small = 3;
    let large = body.height - 3 * small;
    let mut y = body.y;
    HealthPane::ALL
        .into_iter()
        .map(|pane| {
            let area = line(y, if pane == focus { large } else { small });
            y += area.height;
            (pane, area)
        })
        .collect()
}

/// The facts, the samples and the rules of one record.
pub fn record(body: Rect, rules: u16) -> [Rect; 3] {
    let facts = 6.min(body.height / 3);
    let rules = (rules + 2).clamp(3, 10).min((body.height - facts) / 2);
    let line = |y, height| Rect { y, height, ..body };
    [line(body.y, facts), line(body.y + facts, body.height - facts - rules), line(body.bottom() - rules, rules)]
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
        for (width, height) in [(0, 0), (1, 1), (20, 5), (60, 15), (80, 24), (100, 30), (160, 45), (300, 100)] {
            let area = Rect::new(0, 0, width, height);
            let (header, body, footer) = frame(area);
            assert_eq!(header.height + body.height + footer.height, height);
            assert!(overview(body, Pane::Drift, false).iter().any(|(pane, _)| *pane == Pane::Drift));
            let panes = overview(body, Pane::Agents, false);
            let covered: u32 = panes.iter().map(|(_, r)| u32::from(r.width) * u32::from(r.height)).sum();
            assert_eq!(covered, u32::from(body.width) * u32::from(body.height), "{width}x{height}");
            assert!(panes.iter().all(|(_, r)| body.union(*r) == body));
            assert!(record(body, 3).iter().all(|r| body.union(*r) == body));
            assert_eq!(overview(body, Pane::Drift, true), [(Pane::Drift, body)]);
            let panes = health(body, HealthPane::Sources, false);
            let covered: u32 = panes.iter().map(|(_, r)| u32::from(r.width) * u32::from(r.height)).sum();
            assert_eq!(covered, u32::from(body.width) * u32::from(body.height), "{width}x{height}");
            assert!(panes.iter().any(|(pane, _)| *pane == HealthPane::Sources));
        }
    }
}
