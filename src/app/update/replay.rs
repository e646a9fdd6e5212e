//! Actions of a replay: wishes to the player, which says what comes of them.

use jiff::SignedDuration;

use super::Effect;
use crate::app::action::Action;
use crate::message::replay::{MarkKind, Speed, Target};
use crate::message::{Command, ReplayOrder};
use crate::state::AppState;

/// What the keys for seconds move by, s.
const SECONDS: i64 = 5;

/// Whether an action of a replay needs words behind its name.
pub(super) fn takes_text(state: &AppState, action: Action) -> bool {
    state.is_replay() && matches!(action, Action::Seek | Action::Filter | Action::Speed | Action::Mark)
}

/// Carries out an action with its words.
pub(super) fn with_text(state: &mut AppState, action: Action, text: &str) -> Option<Effect> {
    let order = match action {
        Action::Seek => text.parse::<Target>().map(|target| match target {
            Target::Clock { time, .. } => ReplayOrder::Seek(Target::Clock { time, local: state.view.local_time }),
            other => ReplayOrder::Seek(other),
        }),
        Action::Speed => text.parse::<Speed>().map(ReplayOrder::Speed),
        Action::Filter => Ok(ReplayOrder::Filter((!text.is_empty()).then(|| text.to_owned()))),
        Action::Mark => Ok(ReplayOrder::Mark(text.to_owned())),
        _ => return None,
    };
    match order {
        Ok(order) => Some(Effect::Order(Command::Replay(order))),
        Err(why) => {
            state.view.note = Some(why);
            None
        }
    }
}

/// Carries out an action of a replay; `None` if it is none of its own.
pub(super) fn apply(state: &mut AppState, action: Action) -> Option<Option<Effect>> {
    if !state.is_replay() {
        return None;
    }
    let seconds = |by: i64| ReplayOrder::Seek(Target::By(SignedDuration::from_secs(by)));
    let order = match action {
        Action::Seek | Action::Filter | Action::Speed => {
            // The words come by the command line.
            let name = match action {
                Action::Seek => "seek ",
                Action::Filter => "filter ",
                _ => "speed ",
            };
            state.view.overlay = super::lines::palette_of(name);
            return Some(None);
        }
        Action::Play => ReplayOrder::Toggle,
        Action::StepForward => ReplayOrder::Step(1),
        Action::StepBack => ReplayOrder::Step(-1),
        Action::Forward => seconds(SECONDS),
        Action::Back => seconds(-SECONDS),
        Action::NextMark => ReplayOrder::Jump(MarkKind::Any, true),
        Action::PreviousMark => ReplayOrder::Jump(MarkKind::Any, false),
        Action::NextViolation => ReplayOrder::Jump(MarkKind::Violation, true),
        Action::PreviousViolation => ReplayOrder::Jump(MarkKind::Violation, false),
        Action::NextDrift => ReplayOrder::Jump(MarkKind::Drift, true),
        Action::PreviousDrift => ReplayOrder::Jump(MarkKind::Drift, false),
        Action::Faster => ReplayOrder::Faster,
        Action::Slower => ReplayOrder::Slower,
        Action::SkipGaps => ReplayOrder::Gaps,
        Action::Judgement => ReplayOrder::Track,
        Action::Differing => ReplayOrder::Differing,
        Action::Mark => ReplayOrder::Mark(String::new()),
        _ => return None,
    };
    state.view.record_scroll = 0;
    Some(Some(Effect::Order(Command::Replay(order))))
}
