//! How a replay stands, and what of it happens on the operator's timeline.

use std::sync::Arc;

use super::alerts::{AlertChange, AlertState};
use super::{AppState, Board};
use crate::message::replay::{ReplayReport, Shown};
use crate::message::{CaptureReport, Happening, HappeningKind};

impl AppState {
    /// Shows what the player says.
    pub(super) fn show(&mut self, shown: Shown) {
        let Shown { keyframe, rules, rows, history, report } = shown;
        if let Some(saved) = keyframe {
            let records = std::mem::take(&mut self.live.records);
            self.live = match Board::load(&saved) {
                Ok(board) => board,
                Err(why) => {
                    self.view.note = Some(format!("what was kept of this place can't be read: {why}"));
                    Board::new()
                }
            };
            self.live.records = records;
            self.live.set_pauses(&rules);
            if let Some(health) = &self.status.health {
                self.live.alerts.set_rules(health);
            }
        }
        let seen = super::Seen::replayed(self.options.review_score);
        rows.iter().for_each(|row| self.live.add(row, &seen));
        // What was marked when the log was last looked at.
        self.recognise(&rows);
        // Whoever has moved in time looks at what is there now.
        self.live.take_changes();
        self.live.records.follow();
        self.live.records.set_history(history);
        self.replay = Some(report);
        self.replayed_by = Some(rules);
    }

    /// How the player of a replay stands.
    pub fn replay(&self) -> Option<&ReplayReport> {
        self.replay.as_ref()
    }

    /// Whether this is a replay: nothing new can come.
    pub fn is_replay(&self) -> bool {
        self.options.mode == "REPLAY"
    }

    /// Takes in how the captures stand.
    pub(super) fn capture(&mut self, report: CaptureReport) {
        let began = |of: &dyn Fn(&CaptureReport) -> bool| of(&report) && !of(&self.status.capture);
        // What fires already is told to a capture that begins.
        self.announce |= began(&|report| report.own.is_some()) || began(&|report| report.of_rule.is_some());
        if let Some(why) = report.stopped.as_ref().filter(|why| self.status.capture.stopped.as_ref() != Some(*why)) {
            self.view.note = Some(format!("stopped capturing: {why}"));
        }
        self.status.capture = report;
    }

    /// What has happened since this was last asked, for the captures that are being made.
    pub fn take_happenings(&mut self) -> Vec<Happening> {
        let mut changes = std::mem::take(&mut self.changes);
        changes.extend(self.live.take_changes());
        let capture = &self.status.capture;
        if capture.own.is_none() && capture.of_rule.is_none() {
            return Vec::new();
        }
        let mut found: Vec<Happening> = Vec::new();
        if std::mem::take(&mut self.announce) {
            found.extend(self.live.alerts.firing().map(|alert| Happening {
                at: alert.since,
                seq: None,
                kind: HappeningKind::AlertBegan,
                cause: alert.cause.to_string(),
                key: alert.key.to_string(),
                text: alert.text.clone(),
            }));
        }
        found.extend(changes.into_iter().filter_map(happening));
        found
    }
}

fn happening(change: AlertChange) -> Option<Happening> {
    let kind = match change.state {
        AlertState::Firing => HappeningKind::AlertBegan,
        AlertState::Resolved => HappeningKind::AlertEnded,
        AlertState::Pending => return None,
    };
    let (cause, key) = (Arc::clone(&change.cause), Arc::clone(&change.key));
    Some(Happening {
        at: change.at,
        seq: None,
        kind,
        cause: cause.to_string(),
        key: key.to_string(),
        text: change.text,
    })
}
