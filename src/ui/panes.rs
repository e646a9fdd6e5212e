//! One pane, one file.

pub mod agents;
pub mod ask;
pub mod backtest;
pub mod baseline;
pub mod conflict;
pub mod differs;
pub mod drift;
pub mod editor;
pub mod engines;
pub mod footer;
pub mod header;
pub mod help;
pub mod latency;
pub mod log;
pub mod marks;
pub mod moved;
pub mod palette;
pub mod pipeline;
pub mod prompt;
pub mod records;
pub mod rejected;
pub mod replay;
pub mod rules;
pub mod samples;
pub mod series;
pub mod silences;
pub mod sources;
pub mod themes;
pub mod violations;
pub mod why;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::theme::Theme;
use crate::state::AppState;
use crate::state::view::Pane;

/// Draws a pane of the screen that is shown.
pub fn render(pane: Pane, frame: &mut Frame<'_>, area: Rect, state: &AppState, theme: &Theme) {
    if area.width == 0 || area.height == 0 {
        return;
    }
    let draw = match pane {
        Pane::Latency => latency::render,
        Pane::Drift => drift::render,
        Pane::Violations => violations::render,
        Pane::Agents => agents::render,
        Pane::Records | Pane::List => records::render,
        Pane::Samples => samples::render,
        Pane::Why => why::render,
        Pane::Rules => rules::render,
        Pane::Editor => editor::render,
        Pane::Backtest => backtest::render,
        Pane::Series => series::render,
        Pane::Baseline => baseline::render,
        Pane::Moved => moved::render,
        Pane::Pipeline => pipeline::render,
        Pane::Engines => engines::render,
        Pane::Sources => sources::render,
        Pane::Rejected => rejected::render,
        Pane::Log => log::render,
    };
    draw(frame, area, state, theme);
}
