//! What an operator can do.

/// An action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Action {
    Quit,
    QuitNow,
    Suspend,
    Escape,
    Help,
    Palette,
    Overview,
    Record,
    Rules,
    Health,
    Freeze,
    Follow,
    Top,
    Up,
    Down,
    PageUp,
    PageDown,
    HalfUp,
    HalfDown,
    NextPane,
    PreviousPane,
    FullPane,
    Open,
    Out,
    NextViolation,
    PreviousViolation,
    PinBaseline,
    ResetBaseline,
    TimeZone,
    Redraw,
    Panic,
}
