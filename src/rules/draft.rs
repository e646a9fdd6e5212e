//! Rule files that are being changed: their texts, what the disk holds, and every step between.
//!
//! A step is a piece of one file that another took the place of. What the disk holds is no part of the steps: they go
//! on over a save. Nothing here reads or writes a disk.

use std::collections::VecDeque;

use serde_yaml::Value;
use similar::TextDiff;

use super::edit::{EditError, RuleText};
use super::schema::Source;

/// Most steps that can be taken back.
const MOST_STEPS: usize = 500;

/// Most bytes of text that the steps hold.
const MOST_BYTES: usize = 8 << 20;

/// Most edits of a group.
const MOST_EDITS: usize = 200;

/// Most changes that are remembered for a save that is under way.
const MOST_CHANGES: usize = 4_096;

/// Most earlier states of the disk that are remembered for it, of each file.
const MOST_BASES: usize = 8;

/// A file, as it is and as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDraft {
    /// Its name.
    pub name: String,
    /// What it is to hold.
    pub text: String,
    /// What it holds on the disk.
    pub base: String,
}

/// A piece of a file that another took the place of.
#[derive(Debug, Clone)]
struct Step {
    file: usize,
    at: usize,
    old: String,
    new: String,
}

impl Step {
    /// What differs between two texts.
    fn between(file: usize, old: &str, new: &str) -> Self {
        let same = |pair: &(u8, u8)| pair.0 == pair.1;
        let mut at = old.bytes().zip(new.bytes()).take_while(same).count();
        while !(old.is_char_boundary(at) && new.is_char_boundary(at)) {
            at -= 1;
        }
        let (was, is) = (&old[at..], &new[at..]);
        let mut tail = was.bytes().rev().zip(is.bytes().rev()).take_while(same).count();
        while !(was.is_char_boundary(was.len() - tail) && is.is_char_boundary(is.len() - tail)) {
            tail -= 1;
        }
        let (was, is) = (&was[..was.len() - tail], &is[..is.len() - tail]);
        Self { file, at, old: was.to_owned(), new: is.to_owned() }
    }

    fn back(&self) -> Self {
        Self { file: self.file, at: self.at, old: self.new.clone(), new: self.old.clone() }
    }

    fn take(&self, text: &mut String) {
        text.replace_range(self.at..self.at + self.old.len(), &self.new);
    }

    fn bytes(&self) -> usize {
        self.old.len() + self.new.len()
    }
}

/// Edits that are one step.
#[derive(Debug)]
struct Group {
    file: usize,
    /// The text before the first of them.
    before: String,
    edits: usize,
}

/// The files that are being changed.
#[derive(Debug)]
pub struct Draft {
    files: Vec<FileDraft>,
    revision: u64,
    undo: VecDeque<Step>,
    redo: Vec<Step>,
    group: Option<Group>,
    /// Every change, with the revision that it led to.
    changes: VecDeque<(u64, Step)>,
    /// The first revision whose texts can still be told.
    known_from: u64,
    /// By file, what the disk held before, and up to which revision.
    bases: Vec<VecDeque<(u64, String)>>,
}

impl Draft {
    /// Files as they are on the disk.
    pub fn new(sources: Vec<Source>) -> Self {
        let file = |source: Source| FileDraft { name: source.name, base: source.text.clone(), text: source.text };
        let files: Vec<FileDraft> = sources.into_iter().map(file).collect();
        Self {
            bases: vec![VecDeque::new(); files.len()],
            files,
            revision: 0,
            undo: VecDeque::new(),
            redo: Vec::new(),
            group: None,
            changes: VecDeque::new(),
            known_from: 0,
        }
    }

    /// The files, in their order.
    pub fn files(&self) -> &[FileDraft] {
        &self.files
    }

    /// The files as they are to be.
    pub fn sources(&self) -> Vec<Source> {
        self.files.iter().map(|file| Source { name: file.name.clone(), text: file.text.clone() }).collect()
    }

    /// Grows with every change, and with every one that is taken back.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether a file is to be other than it is on the disk.
    pub fn is_changed(&self) -> bool {
        self.files.iter().any(|file| file.text != file.base)
    }

    /// The file that a rule stands in; where it can't be read, the one that it stood in.
    pub fn file_of(&self, rule: &str) -> Option<usize> {
        let holds =
            |text: &str| text.contains(rule) && RuleText::parse("", text).is_ok_and(|read| read.ids().contains(&rule));
        let now = self.files.iter().position(|file| holds(&file.text));
        now.or_else(|| self.files.iter().position(|file| holds(&file.base)))
    }

    /// Gives a file another text. Edits of one file in a row that belong to a group are one step, until the group ends
    /// or a line does.
    pub fn set_text(&mut self, file: usize, text: String, group: bool) {
        let Some(held) = self.files.get(file).filter(|held| held.text != text) else { return };
        let step = Step::between(file, &held.text, &text);
        let line_ends = step.new.contains('\n');
        match self.group.take().filter(|open| group && open.file == file && open.edits < MOST_EDITS) {
            Some(mut open) => {
                self.undo.pop_back();
                let whole = Step::between(file, &open.before, &text);
                // What was written and deleted again is no step.
                if whole.bytes() > 0 {
                    self.undo.push_back(whole);
                    open.edits += 1;
                    self.group = Some(open).filter(|_| !line_ends);
                }
            }
            None => {
                self.undo.push_back(step.clone());
                let open = || Group { file, before: held.text.clone(), edits: 1 };
                self.group = (group && !line_ends).then(open);
            }
        }
        self.redo.clear();
        while self.undo.len() > MOST_STEPS
            || (self.undo.len() > 1 && self.undo.iter().map(Step::bytes).sum::<usize>() > MOST_BYTES)
        {
            self.undo.pop_front();
        }
        self.take(step);
    }

    /// What comes next is a step of its own.
    pub fn end_group(&mut self) {
        self.group = None;
    }

    /// Takes the last step back; whether there was one.
    pub fn undo(&mut self) -> bool {
        self.end_group();
        let Some(step) = self.undo.pop_back() else { return false };
        self.take(step.back());
        self.redo.push(step);
        true
    }

    /// Does again what was taken back last; whether there was anything.
    pub fn redo(&mut self) -> bool {
        self.end_group();
        let Some(step) = self.redo.pop() else { return false };
        self.take(step.clone());
        self.undo.push_back(step);
        true
    }

    fn take(&mut self, step: Step) {
        let Some(file) = self.files.get_mut(step.file) else { return };
        step.take(&mut file.text);
        self.revision += 1;
        self.changes.push_back((self.revision, step));
        let bytes = |changes: &VecDeque<(u64, Step)>| changes.iter().map(|(_, step)| step.bytes()).sum::<usize>();
        while self.changes.len() > MOST_CHANGES || bytes(&self.changes) > MOST_BYTES {
            let Some((revision, _)) = self.changes.pop_front() else { return };
            self.known_from = revision;
        }
    }

    /// The text that a file had at a revision, if that is still known.
    fn text_at(&self, file: usize, revision: u64) -> Option<String> {
        if revision < self.known_from {
            return None;
        }
        let mut text = self.files.get(file)?.text.clone();
        let later = self.changes.iter().rev().take_while(|(at, _)| *at > revision);
        later.filter(|(_, step)| step.file == file).for_each(|(_, step)| step.back().take(&mut text));
        Some(text)
    }

    /// The disk holds what a file was to hold at a revision.
    pub fn saved(&mut self, file: usize, revision: u64) {
        let Some(text) = self.text_at(file, revision) else { return };
        let base = self.bases[file].iter().find(|(until, _)| *until >= revision).map(|(_, base)| base);
        // A file that was as the disk had it was not written; it may have changed there since.
        if *base.unwrap_or(&self.files[file].base) != text {
            self.set_base(file, text);
        }
    }

    /// The disk holds another text of a file. A file that was not changed here follows it.
    pub fn reloaded(&mut self, file: usize, text: String) {
        let Some(held) = self.files.get(file).filter(|held| held.base != text) else { return };
        let follows = held.text == held.base;
        self.set_base(file, text.clone());
        let before = self.revision;
        if follows {
            self.end_group();
            self.set_text(file, text, false);
        }
        // What is changed is another question now, even where the text is the same.
        self.revision = self.revision.max(before + 1);
    }

    fn set_base(&mut self, file: usize, base: String) {
        let former = std::mem::replace(&mut self.files[file].base, base);
        let bases = &mut self.bases[file];
        bases.push_back((self.revision, former));
        if bases.len() > MOST_BASES {
            bases.pop_front();
        }
    }

    /// Changes the file that a rule stands in, as a step of its own.
    fn edit(
        &mut self,
        rule: &str,
        change: impl FnOnce(&RuleText) -> Result<String, EditError>,
    ) -> Result<(), EditError> {
        let file = self.file_of(rule).ok_or_else(|| EditError::NoRule(rule.to_owned()))?;
        self.edit_file(file, change)
    }

    fn edit_file(
        &mut self,
        file: usize,
        change: impl FnOnce(&RuleText) -> Result<String, EditError>,
    ) -> Result<(), EditError> {
        let text = change(&self.read(file)?)?;
        self.end_group();
        self.set_text(file, text, false);
        Ok(())
    }

    fn read(&self, file: usize) -> Result<RuleText, EditError> {
        let none = || EditError::Test("there is no such file".to_owned());
        let held = self.files.get(file).ok_or_else(none)?;
        RuleText::parse(&held.name, &held.text)
    }

    /// Switches a rule on or off; whether it is on now.
    ///
    /// # Errors
    /// When there is no such rule, or the layout of its file does not allow it.
    pub fn toggle_enabled(&mut self, rule: &str) -> Result<bool, EditError> {
        let mut on = false;
        self.edit(rule, |file| {
            let default = file.default("enabled").and_then(Value::as_bool).unwrap_or(true);
            let said = file.value(rule, &["enabled"]);
            on = !said.and_then(Value::as_bool).unwrap_or(default);
            // A rule that is as all are by default need not say so.
            if on == default && said.is_some() {
                file.remove(rule, &["enabled"]).or_else(|_| file.set(rule, &["enabled"], &on.into()))
            } else {
                file.set(rule, &["enabled"], &on.into())
            }
        })?;
        Ok(on)
    }

    /// Gives a field of a rule another value; a field that was not there is put in.
    ///
    /// # Errors
    /// When there is no such rule, or the layout of its file does not allow it.
    pub fn set_field(&mut self, rule: &str, path: &[&str], value: &Value) -> Result<(), EditError> {
        self.edit(rule, |file| file.set(rule, path, value))
    }

    /// Takes a field out of a rule.
    ///
    /// # Errors
    /// When there is no such rule or field, or the layout of its file does not allow it.
    pub fn remove_field(&mut self, rule: &str, path: &[&str]) -> Result<(), EditError> {
        self.edit(rule, |file| file.remove(rule, path))
    }

    /// Puts a changed rule beside what it was on the disk: that keeps its id and its place, and the changed one stands
    /// behind it as its shadow. A rule that was a shadow already stays one.
    ///
    /// # Errors
    /// When there is no such rule, it is new or as it was, or the layout of its file does not allow it.
    pub fn apply_as_shadow(&mut self, rule: &str) -> Result<(), EditError> {
        let file = self.file_of(rule).ok_or_else(|| EditError::NoRule(rule.to_owned()))?;
        let others = self.files.iter().enumerate().filter(|(at, _)| *at != file).map(|(_, held)| held);
        let bases = std::iter::once(&self.files[file]).chain(others).map(|held| &held.base);
        let old = bases.filter_map(|base| RuleText::parse("", base).ok()).find(|base| base.ids().contains(&rule));
        let old = old.ok_or_else(|| EditError::NoOld(rule.to_owned()))?;
        let now = self.read(file)?;
        if now.value(rule, &[]) == old.value(rule, &[]) {
            return Err(EditError::NoOld(rule.to_owned()));
        }
        if now.is_shadow(rule) && old.is_shadow(rule) {
            return Ok(());
        }
        let id = self.free_id(rule);
        self.edit_file(file, |file| file.beside(rule, &id, &old))
    }

    /// An id for a shadow that no rule has.
    fn free_id(&self, rule: &str) -> String {
        let read = |text: &String| RuleText::parse("", text).ok();
        let files: Vec<RuleText> =
            self.files.iter().flat_map(|file| [&file.text, &file.base]).filter_map(read).collect();
        let taken = |id: &String| files.iter().any(|file| file.ids().contains(&id.as_str()));
        let mut id = format!("{rule}-shadow");
        let mut number = 1;
        while taken(&id) {
            number += 1;
            id = format!("{rule}-shadow-{number}");
        }
        id
    }

    /// Puts a shadow in force: in the place of the rule that it is a shadow of. Of a rule that is no shadow, the last
    /// one beside it is meant. The id that it acts under from now on.
    ///
    /// # Errors
    /// When there is no such rule, there is no shadow, or the layout of its file does not allow it.
    pub fn promote(&mut self, rule: &str) -> Result<String, EditError> {
        let file = self.file_of(rule).ok_or_else(|| EditError::NoRule(rule.to_owned()))?;
        let read = self.read(file)?;
        let shadow = if read.is_shadow(rule) {
            rule.to_owned()
        } else {
            let beside = |id: &&&str| of_shadow(id) == Some(rule) && read.is_shadow(id);
            let last = read.ids().iter().rev().find(beside).map(|id| (*id).to_owned());
            last.ok_or_else(|| EditError::NoShadow(rule.to_owned()))?
        };
        let place = of_shadow(&shadow).filter(|id| read.ids().contains(id));
        if let (None, Some(rule)) = (place, of_shadow(&shadow))
            && self.file_of(rule).is_some_and(|at| at != file)
        {
            let why = format!("`{rule}`, which it is to take the place of, stands in another file");
            return Err(EditError::Layout(shadow.clone(), "mode".to_owned(), why));
        }
        self.edit_file(file, |file| file.promoted(&shadow, place))?;
        Ok(place.map_or_else(|| shadow.clone(), str::to_owned))
    }

    /// Adds a test to a file: what is given, and what is expected of which rules.
    ///
    /// # Errors
    /// When there is no such file, or its layout does not allow it.
    pub fn add_test(
        &mut self,
        file: usize,
        name: &str,
        given: &Value,
        expect: &[(&str, &str)],
    ) -> Result<(), EditError> {
        self.edit_file(file, |file| file.with_test(name, given, expect))
    }

    /// What is to change on the disk, as `diff -u` writes it; empty if nothing is.
    pub fn patch(&self) -> String {
        self.files.iter().map(|file| difference(&file.name, &file.base, &file.text)).collect()
    }
}

/// The rule that a shadow is one of, by its id: `max-loss` of `max-loss-shadow` and `max-loss-shadow-2`.
fn of_shadow(id: &str) -> Option<&str> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let id = id.rsplit_once('-').filter(|(_, number)| digits(number)).map_or(id, |(id, _)| id);
    id.strip_suffix("-shadow")
}

/// The difference between two texts of a file, as `diff -u` writes it; empty if there is none.
pub fn difference(name: &str, old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    // Tools that take a patch look below the folder that they run in.
    let name = name.trim_start_matches("./").trim_start_matches('/');
    TextDiff::from_lines(old, new).unified_diff().header(&format!("a/{name}"), &format!("b/{name}")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "version: 1\nrules:\n  # how much may be lost\n  - id: max-loss  # agreed in May\n    limit: {field: loss, min: -10000}\n    severity: critical  # by the desk\n\n  - id: ratio\n    require: a <= b\n";

    fn draft() -> Draft {
        let source = |name: &str, text: &str| Source { name: name.into(), text: text.into() };
        Draft::new(vec![source("./a.yaml", FILE), source("b.yaml", "version: 1\nrules: []\n")])
    }

    fn text(draft: &Draft) -> &str {
        &draft.files()[0].text
    }

    #[test]
    fn steps_go_back_over_a_save_and_forward_again() {
        let mut draft = draft();
        draft.set_field("max-loss", &["limit", "min"], &(-7500).into()).unwrap();
        let saved = draft.revision();
        draft.set_field("ratio", &["for"], &"2m".into()).unwrap();
        let after = text(&draft).to_owned();
        draft.saved(0, saved);
        draft.saved(1, saved);
        assert_eq!(draft.files()[0].base, FILE.replace("-10000", "-7500"));
        assert!(draft.undo() && !draft.is_changed());
        assert!(draft.undo() && text(&draft) == FILE && draft.is_changed());
        assert!(!draft.undo() && draft.redo() && draft.redo() && !draft.redo());
        assert_eq!((text(&draft), draft.revision()), (after.as_str(), 6));
    }

    #[test]
    fn letters_are_one_step_until_the_group_or_the_line_ends() {
        let mut draft = draft();
        let write = |draft: &mut Draft, letters: &str| {
            for letter in letters.chars() {
                let text = format!("{}{letter}", text(draft));
                draft.set_text(0, text, true);
            }
        };
        write(&mut draft, "# é\n# two");
        draft.end_group();
        write(&mut draft, "!");
        assert_eq!(text(&draft), format!("{FILE}# é\n# two!"));
        for left in ["# é\n# two", "# é\n", ""] {
            assert!(draft.undo());
            assert_eq!(text(&draft), format!("{FILE}{left}"));
        }
        assert!(!draft.undo());
        draft.set_text(0, format!("{FILE}x"), true);
        draft.set_text(0, FILE.to_owned(), true);
        assert!(!draft.undo() && text(&draft) == FILE);
        (0..2 * MOST_STEPS).for_each(|n| draft.set_text(0, n.to_string(), false));
        assert_eq!(std::iter::from_fn(|| draft.undo().then_some(())).count(), MOST_STEPS);
    }

    #[test]
    fn what_the_disk_holds_is_followed_unless_it_was_changed_here() {
        let mut draft = draft();
        draft.reloaded(0, format!("{FILE}# theirs\n"));
        assert!(!draft.is_changed() && text(&draft).ends_with("# theirs\n"));
        assert!(draft.undo() && draft.is_changed());
        let mine = text(&draft).to_owned();
        let asked = draft.revision();
        draft.reloaded(0, "version: 1\n".to_owned());
        assert_eq!((text(&draft), draft.files()[0].base.as_str()), (mine.as_str(), "version: 1\n"));
        draft.reloaded(1, "other".to_owned());
        // The second file was not written: it stays as the disk was found to have it since.
        draft.saved(0, asked);
        draft.saved(1, asked);
        assert_eq!((draft.files()[0].base.as_str(), draft.files()[1].base.as_str()), (FILE, "other"));
        assert!(!draft.is_changed());
    }

    #[test]
    fn switching_back_leaves_no_trace() {
        let mut draft = draft();
        assert!(!draft.toggle_enabled("max-loss").unwrap());
        assert!(text(&draft).contains("  # by the desk\n    enabled: false\n\n"), "{}", text(&draft));
        assert!(draft.toggle_enabled("max-loss").unwrap() && text(&draft) == FILE);
        draft.remove_field("max-loss", &["limit", "min"]).unwrap();
        assert!(text(&draft).contains("limit: {field: loss}"));
        let none = draft.toggle_enabled("none").unwrap_err();
        assert_eq!(none.to_string(), "there is no rule `none` in the file");
    }

    #[test]
    fn a_shadow_goes_all_the_way() {
        let mut draft = draft();
        assert!(matches!(draft.apply_as_shadow("max-loss"), Err(EditError::NoOld(_))));
        assert!(matches!(draft.promote("max-loss"), Err(EditError::NoShadow(_))));
        for (bound, id) in [(-7500, "max-loss-shadow"), (-5000, "max-loss-shadow-2")] {
            draft.set_field("max-loss", &["limit", "min"], &bound.into()).unwrap();
            draft.apply_as_shadow("max-loss").unwrap();
            let read = RuleText::parse("", text(&draft)).ok().unwrap();
            assert!(read.is_shadow(id) && !read.is_shadow("max-loss"));
            assert_eq!(read.value("max-loss", &["limit", "min"]), Some(&Value::from(-10000)));
            draft.saved(0, draft.revision());
        }
        draft.promote("max-loss-shadow-2").unwrap();
        let read = RuleText::parse("", text(&draft)).ok().unwrap();
        assert_eq!(read.ids(), ["max-loss", "max-loss-shadow", "ratio"]);
        draft.promote("max-loss").unwrap();
        assert_eq!(text(&draft), FILE.replace("-10000", "-7500"));
        draft.set_field("ratio", &["mode"], &"shadow".into()).unwrap();
        draft.promote("ratio").unwrap();
        assert_eq!(text(&draft), FILE.replace("-10000", "-7500"));
    }

    #[test]
    fn the_difference_is_a_patch() {
        let mut draft = draft();
        assert_eq!(draft.patch(), "");
        draft.set_field("ratio", &["require"], &"a < b".into()).unwrap();
        let patch = draft.patch();
        assert!(patch.starts_with("--- a/a.yaml\n+++ b/a.yaml\n@@ "), "{patch}");
        assert!(patch.contains("\n-    require: a <= b\n+    require: a < b\n") && !patch.contains("b.yaml\n@@ -1"));
    }
}
