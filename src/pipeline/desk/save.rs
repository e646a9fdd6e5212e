//! Rules that were written in the dashboard, on their way to the disk.

use crate::message::inquiry::{NotSaved, Save};
use crate::pipeline::audit::Reasons;
use crate::pipeline::rule_saving::{self, Change, SaveError};

/// Writes the files, all or none; the reason is for whoever writes the change down when they are put in force.
pub(super) fn save(save: &Save, reasons: &Reasons) -> Result<(), NotSaved> {
    let changes: Vec<Change> = save
        .files
        .iter()
        .map(|(path, base, text)| Change { path: path.clone(), base: base.clone(), text: text.clone() })
        .collect();
    if let Some(reason) = &save.reason {
        reasons.remember(changes.iter().map(|change| change.text.as_str()), reason);
    }
    rule_saving::save(&changes).map_err(|error| match error {
        SaveError::Changed { path, theirs, now } => NotSaved::Changed { path, now, difference: theirs },
        other => NotSaved::Failed(other.to_string()),
    })
}
