//! What was changed in the rules: one line a change, for whoever asks later.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::json;

use crate::rules::RuleSet;
use crate::rules::edit::RuleText;

/// The file that changes are written to.
#[derive(Debug, Clone)]
pub(super) struct Audit(PathBuf);

/// What is different between two revisions, by the rules' ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Change {
    added: Vec<String>,
    changed: Vec<String>,
    removed: Vec<String>,
}

impl Change {
    pub fn between(old: &RuleSet, new: &RuleSet) -> Self {
        let mut change = Self::default();
        for rule in &new.rules {
            match old.find(&rule.id) {
                None => change.added.push(rule.id.to_string()),
                Some((_, before)) if before.fingerprint != rule.fingerprint => change.changed.push(rule.id.to_string()),
                Some(_) => {}
            }
        }
        let gone = old.rules.iter().filter(|rule| new.find(&rule.id).is_none());
        change.removed = gone.map(|rule| rule.id.to_string()).collect();
        change
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [("added", &self.added), ("changed", &self.changed), ("removed", &self.removed)];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(_, ids)| !ids.is_empty())
            .map(|(word, ids)| match &ids[..] {
                ids if ids.len() > 3 => format!("{} {word}", ids.len()),
                ids => format!("{} {word}", ids.join(", ")),
            })
            .collect();
        f.write_str(&if parts.is_empty() { "no rule is different".to_owned() } else { parts.join("; ") })
    }
}

impl Audit {
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Writes a change down: when, who, which rules, their old and new text, both revisions, and why.
    pub fn write(
        &self,
        old: &RuleSet,
        new: &RuleSet,
        change: &Change,
        from: &Path,
        at: Timestamp,
    ) -> std::io::Result<()> {
        let read = |set: &RuleSet| -> Vec<Option<RuleText>> {
            set.files.iter().map(|file| RuleText::parse("", &file.text).ok()).collect()
        };
        let (old_files, new_files) = (read(old), read(new));
        let text = |set: &RuleSet, files: &[Option<RuleText>], id: &str| {
            let (_, rule) = set.find(id)?;
            let file = files.get(rule.file)?.as_ref()?;
            Some(file.text()[file.span(id, &[])?].to_owned())
        };
        let ids = change.added.iter().chain(&change.changed).chain(&change.removed);
        let rules: Vec<_> = ids
            .map(|id| json!({"rule": id, "old": text(old, &old_files, id), "new": text(new, &new_files, id)}))
            .collect();
        let line = json!({
            "ts": at.to_string(),
            "who": who(),
            "what": "rules",
            "reason": format!("{} has changed", from.display()),
            "from": &*old.revision,
            "to": &*new.revision,
            "rules": rules,
        });
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.0)?;
        file.write_all(format!("{line}\n").as_bytes())
    }
}

/// `user@host`
fn who() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    let user = user.unwrap_or_else(|_| rustix::process::getuid().as_raw().to_string());
    format!("{user}@{}", rustix::system::uname().nodename().to_string_lossy())
}
