//! Drawing: `draw(frame, &AppState, &Theme)`. Reads the state, changes nothing, computes no statistics.
//!
//! ```text
//! 1 Overview, from 100x30                  2 Records                                3 Rules
//! ┌ header ──────────────────────────┐     ┌ header ──────────────────────────┐     ┌ header ──────────────────────────┐
//! │ Latency        │ Drift           │     │ Records    │ Samples             │     │ Rules          │ Editor          │
//! ├────────────────┼─────────────────┤     │ (the list) │ (facts, prompt,     │     │ (how each      │ (form or text)  │
//! │ Violations     │ Agents          │     │            │  answers, cosines)  │     │  stands)       ├─────────────────┤
//! ├────────────────┴─────────────────┤     │            ├─────────────────────┤     │                │ Backtest        │
//! │ Records                          │     │            │ Rules (why?)        │     │                │                 │
//! └ footer ──────────────────────────┘     └ footer ──────────────────────────┘     └ footer ──────────────────────────┘
//!
//! 4 Drift                                  5 Health                                 From 60x15: the panes of a screen
//! ┌ header ──────────────────────────┐     ┌ header ──────────────────────────┐     stand under one another, and the
//! │ Drift                            │     │ Pipeline                         │     focused one has the room. Overview:
//! │ (the series over time, the list) │     ├────────────────┬─────────────────┤     Latency is a strip, Drift takes its
//! │                                  │     │ Engines        │ Sources         │     place while it has the focus.
//! ├────────────────┬─────────────────┤     ├────────────────┼─────────────────┤     Smaller: the focused pane alone.
//! │ Baseline       │ Moved           │     │ Rejected       │ Log             │
//! └ footer ──────────────────────────┘     └ footer ──────────────────────────┘     A replay has its bar above the footer.
//! ```

pub mod layout;
pub mod panes;
pub mod theme;
pub mod widgets;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::Block;

use crate::state::AppState;
use crate::state::view::{Overlay, Pane};

use theme::{Meaning, Theme};

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, state: &AppState, theme: &Theme) {
    let area = frame.area();
    if area.width == 0 || area.height == 0 {
        return;
    }
    frame.render_widget(Block::new().style(theme.style(Meaning::Background)), area);
    let (header, body, footer) = layout::frame(area);
    let (body, bar) = layout::with_bar(body, panes::replay::height(state));
    panes::header::render(frame, header, state, theme);
    panes::replay::render(frame, bar, state, theme);
    for (pane, area) in layout::panes(state.view.screen, body, state.view.focus(), state.view.full) {
        panes::render(pane, frame, area, state, theme);
    }
    panes::footer::render(frame, footer, state, theme);
    overlay(frame, area, footer, state, theme);
}

/// What stands in front.
fn overlay(frame: &mut Frame<'_>, area: Rect, footer: Rect, state: &AppState, theme: &Theme) {
    match &state.view.overlay {
        Overlay::None => {}
        Overlay::Ask(ask) => panes::ask::render(frame, area, ask, theme),
        Overlay::Help { scroll, search } => {
            panes::help::render(frame, area, state, theme, (*scroll, search.as_deref()))
        }
        Overlay::Palette { text, choice, .. } => {
            let at = Rect { y: footer.y.saturating_sub(9).max(area.y), height: 10.min(area.height), ..area };
            panes::palette::render(frame, at, state, theme, (text, *choice));
        }
        Overlay::Prompt { what, text } => panes::prompt::render(frame, area, state, theme, (what, text)),
        Overlay::Differs { scroll } => panes::differs::render(frame, area, state, theme, *scroll),
        Overlay::Marks { choice } => panes::marks::render(frame, area, state, theme, *choice),
        Overlay::Silences { choice } => panes::silences::render(frame, area, state, theme, *choice),
        Overlay::Themes { choice, .. } => panes::themes::render(frame, area, state, theme, *choice),
        Overlay::Conflict { scroll } => panes::conflict::render(frame, area, state, theme, *scroll),
    }
}

/// The panes of the screen that is shown with their places.
pub fn places(area: Rect, state: &AppState) -> Vec<(Pane, Rect)> {
    let (_, body, _) = layout::frame(area);
    let (body, _) = layout::with_bar(body, panes::replay::height(state));
    layout::panes(state.view.screen, body, state.view.focus(), state.view.full)
}
