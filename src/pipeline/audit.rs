//! What was changed in the rules: one line a change, for whoever asks later.

use std::collections::VecDeque;
use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::rules::RuleSet;
use crate::rules::edit::RuleText;

/// Most reasons that are remembered.
const MOST_REASONS: usize = 32;

/// Why rules were changed in the dashboard, until the files that it wrote are in force.
#[derive(Debug, Clone, Default)]
pub struct Reasons(Arc<Mutex<VecDeque<Reason>>>);

#[derive(Debug)]
struct Reason {
    /// Of the files' texts, which are large.
    digests: Vec<Vec<u8>>,
    words: String,
}

impl Reasons {
    /// Remembers why files with these texts were written.
    pub fn remember<'a>(&self, texts: impl Iterator<Item = &'a str>, reason: &str) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.push_back(Reason { digests: texts.map(digest).collect(), words: reason.to_owned() });
        if held.len() > MOST_REASONS {
            held.pop_front();
        }
    }

    /// The last reason for one of the files of a rule set; it, and those before it for these files, are forgotten then.
    pub fn take(&self, rules: &RuleSet) -> Option<String> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_empty() {
            return None;
        }
        let files: Vec<Vec<u8>> = rules.files.iter().map(|file| digest(&file.text)).collect();
        let mut last = None;
        held.retain(|reason| {
            let found = reason.digests.iter().any(|digest| files.contains(digest));
            if found {
                last = Some(reason.words.clone());
            }
            !found
        });
        last
    }
}

fn digest(text: &str) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(text.as_bytes());
    hash.finalize().iter().copied().collect()
}

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
        (old, new): (&RuleSet, &RuleSet),
        change: &Change,
        from: &Path,
        reason: Option<&str>,
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
            "reason": reason.map_or_else(|| format!("{} has changed", from.display()), str::to_owned),
            "from": &*old.revision,
            "to": &*new.revision,
            "rules": rules,
        });
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.0)?;
        file.write_all(format!("{line}\n").as_bytes())
    }
}

/// `user@host`
pub fn who() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    let user = user.unwrap_or_else(|_| rustix::process::getuid().as_raw().to_string());
    format!("{user}@{}", rustix::system::uname().nodename().to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::ruleset::RuleFile;

    #[test]
    fn a_reason_is_told_once_when_its_files_are_in_force() {
        let mut rules = RuleSet::empty();
        rules.files.push(RuleFile { name: "a".into(), text: "one".into() });
        let reasons = Reasons::default();
        reasons.clone().remember(["one", "other"].into_iter(), "first");
        reasons.remember(["one"].into_iter(), "second");
        reasons.remember(["three"].into_iter(), "third");
        assert_eq!((reasons.take(&rules).as_deref(), reasons.take(&rules)), (Some("second"), None));
        rules.files[0].text = "three".into();
        (1..MOST_REASONS).for_each(|n| reasons.remember([n.to_string().as_str()].into_iter(), "more"));
        assert_eq!(reasons.take(&rules).as_deref(), Some("third"));
        reasons.remember(["three"].into_iter(), "third");
        (0..MOST_REASONS).for_each(|n| reasons.remember([n.to_string().as_str()].into_iter(), "more"));
        assert_eq!(reasons.take(&rules), None);
    }
}
