//! Drawing: `draw(frame, &AppState, &Theme)`. Reads the state, changes nothing, computes no statistics.
//!
//! ```text
//! Overview, from 100x30                         Overview, 60x15 and up       Record
//! ┌ header ───────────────────────────┐         ┌ header ─────────┐          ┌ header ──────────────┐
//! │ Latency        │ Drift            │         │ Latency (strip) │          │ Records (its facts)  │
//! ├────────────────┼──────────────────┤         │ Violations      │          ├──────────────────────┤
//! │ Violations     │ Agents           │         │ Agents          │          │ Samples              │
//! ├────────────────┴──────────────────┤         │ Records         │          ├──────────────────────┤
//! │ Records                           │         └ footer ─────────┘          │ Rules                │
//! └ footer ───────────────────────────┘         smaller: the focused pane    └ footer ──────────────┘
//!
//! Health, from 100x30                           Health, 60x15 and up         Rules
//! ┌ header ───────────────────────────┐         ┌ header ─────────┐          ┌ header ──────────────┐
//! │ Pipeline                          │         │ Pipeline        │          │ Rules                │
//! ├────────────────┬──────────────────┤         │ Engines         │          │ (what is wrong with  │
//! │ Engines        │ Sources          │         │ Sources         │          │  a newer version,    │
//! ├────────────────┴──────────────────┤         │ Rejected        │          │  a line each rule)   │
//! │ Rejected                          │         └ footer ─────────┘          └ footer ──────────────┘
//! └ footer ───────────────────────────┘         (the focused one has the room, the others a line each)
//! ```

pub mod layout;
pub mod panes;
pub mod screens;
pub mod theme;
pub mod widgets;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::Block;

use crate::state::AppState;
use crate::state::view::{Overlay, Screen};

use theme::{Meaning, Theme};

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, state: &AppState, theme: &Theme) {
    let area = frame.area();
    if area.width == 0 || area.height == 0 {
        return;
    }
    frame.render_widget(Block::new().style(theme.style(Meaning::Background)), area);
    let (header, body, footer) = layout::frame(area);
    panes::header::render(frame, header, state, theme);
    match state.view.screen {
        Screen::Overview => screens::overview::render(frame, body, state, theme),
        Screen::Record => screens::record::render(frame, body, state, theme),
        Screen::Rules => screens::rules::render(frame, body, state, theme),
        Screen::Health => screens::health::render(frame, body, state, theme),
    }
    panes::footer::render(frame, footer, state, theme);
    match &state.view.overlay {
        Overlay::None => {}
        Overlay::Help { scroll } => panes::help::render(frame, area, state, theme, *scroll),
        Overlay::Palette { text, choice } => {
            let at = Rect { y: footer.y.saturating_sub(9).max(area.y), height: 10.min(area.height), ..area };
            panes::palette::render(frame, at, state, theme, (text, *choice));
        }
    }
}
