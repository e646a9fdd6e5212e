//! The rules that are being written: the draft of their files, the form or the text of the rule in front, and what was
//! found out about them. Nothing here is in force before it is saved.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use ratatui_textarea::{CursorMove, TextArea};

use super::AppState;
use super::view::{Pane, Screen};
use crate::history::View;
use crate::humanize;
use crate::message::inquiry::suggest::{Bound, Suggestion};
use crate::message::inquiry::{Inquiry, NotSaved, Save, Trial, TrialReport};
use crate::message::rules::{Draft, Field, Form, RuleText, Source, Value};
use crate::message::{RuleSet, RulesReport};

/// Bars of the sparklines of a backtest.
const BARS: usize = 60;

/// The past that is tried on is that of the first keystroke for this long, s: laid out once, it serves them all.
const PAST_S: i64 = 10;

/// How a rule is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Field by field.
    Form {
        /// Which is chosen.
        field: usize,
    },
    /// As text.
    Text,
}

/// A rule of the draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drafted {
    /// Its id.
    pub id: Arc<str>,
    /// Its file.
    pub file: usize,
    /// Not as it is on the disk.
    pub changed: bool,
    /// Not on the disk at all.
    pub new: bool,
    /// Switched off in the draft.
    pub off: bool,
}

/// The rules that are being written.
#[derive(Debug)]
pub struct Editing {
    /// The files.
    pub draft: Draft,
    /// The file in front.
    pub file: usize,
    /// The rule in front.
    pub rule: Option<Arc<str>>,
    /// How it is written.
    pub mode: Mode,
    /// The text of the file in front.
    area: TextArea<'static>,
    /// Revision that the text is of.
    area_of: u64,
    /// The rules of the draft as far as it can be read.
    pub rules: Vec<Drafted>,
    /// The rule in front as a form, if it is one.
    pub form: Option<Form>,
    read_of: Option<(u64, Option<Arc<str>>)>,
    /// What was found out last.
    pub report: Option<Arc<TrialReport>>,
    asked: Option<(u64, Option<Arc<str>>)>,
    past: Option<(View, Timestamp)>,
    /// Which of the records that differ is chosen.
    pub choice: usize,
    /// It is to be asked for applying as soon as the draft has been checked.
    pub apply_asked: bool,
    /// Revision that is being saved, and what is done once it is.
    pub saving: Option<u64>,
    /// Why it could not be saved.
    pub conflict: Option<NotSaved>,
}

impl Editing {
    /// The files of the rules in force, to be changed.
    pub fn new(rules: &RuleSet) -> Self {
        let source = |file: &crate::message::rules::RuleFile| Source {
            name: file.name.to_string(),
            text: file.text.to_string(),
        };
        let draft = Draft::new(rules.files.iter().map(source).collect());
        let mut editing = Self {
            draft,
            file: 0,
            rule: None,
            mode: Mode::Form { field: 0 },
            area: TextArea::default(),
            area_of: u64::MAX,
            rules: Vec::new(),
            form: None,
            read_of: None,
            report: None,
            asked: None,
            past: None,
            choice: 0,
            apply_asked: false,
            saving: None,
            conflict: None,
        };
        editing.refresh();
        editing
    }

    /// Puts a rule in front: as a form if it is a limit, else as text.
    pub fn open(&mut self, rule: &Arc<str>) {
        if self.rule.as_ref() == Some(rule) {
            return;
        }
        self.rule = Some(Arc::clone(rule));
        if let Some(file) = self.draft.file_of(rule) {
            self.file = file;
        }
        self.choice = 0;
        self.area_of = u64::MAX;
        self.refresh();
        let is_limit = self.form.as_ref().is_some_and(|form| form.is_limit());
        self.mode = if is_limit { Mode::Form { field: self.first_bound() } } else { Mode::Text };
        self.find_rule();
    }

    fn first_bound(&self) -> usize {
        let fields = self.form.iter().flat_map(|form| &form.fields);
        let bound = |field: &Field| {
            field.value.is_some()
                && field.path.first().is_some_and(|key| key == "limit")
                && field.path.last().is_some_and(|key| key.ends_with("max") || key.ends_with("min"))
        };
        fields.enumerate().find(|(_, field)| bound(field)).map_or(0, |(at, _)| at)
    }

    /// The cursor goes to where the rule in front begins.
    fn find_rule(&mut self) {
        let Some(rule) = &self.rule else { return };
        let text = &self.draft.files()[self.file].text;
        let Some(span) = RuleText::parse("", text).ok().and_then(|read| read.span(rule, &[])) else { return };
        let row = text[..span.start].matches('\n').count();
        let column = text[..span.start].rsplit('\n').next().map_or(0, |line| line.chars().count());
        self.jump(row, column);
    }

    fn jump(&mut self, row: usize, column: usize) {
        let to = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        self.area.move_cursor(CursorMove::Jump(to(row), to(column)));
    }

    /// The text of the file in front, as lines.
    pub fn lines(&self) -> &[String] {
        self.area.lines()
    }

    /// Row and column of the cursor, both from 0, in characters.
    pub fn cursor(&self) -> (usize, usize) {
        let at = self.area.cursor();
        (at.0, at.1)
    }

    /// Changes the text as the text area understands it.
    pub fn write(&mut self, change: impl FnOnce(&mut TextArea<'static>)) {
        change(&mut self.area);
        let text = self.area.lines().join("\n");
        if text != self.draft.files()[self.file].text {
            self.draft.set_text(self.file, text, true);
            self.area_of = self.draft.revision();
        }
        self.refresh();
    }

    /// Takes in what has changed in the draft.
    pub fn refresh(&mut self) {
        let revision = self.draft.revision();
        if self.area_of != revision {
            self.area_of = revision;
            let (row, column) = self.cursor();
            let text = &self.draft.files().get(self.file).map_or("", |file| &file.text);
            self.area = TextArea::new(text.split('\n').map(str::to_owned).collect());
            self.jump(row, column);
        }
        let state = (revision, self.rule.clone());
        if self.read_of.as_ref() == Some(&state) {
            return;
        }
        self.read_of = Some(state);
        let mut rules = Vec::new();
        let mut form = None;
        for (file, held) in self.draft.files().iter().enumerate() {
            let Ok(now) = RuleText::parse(&held.name, &held.text) else {
                // What can't be read stays in the list as it was.
                rules.extend(self.rules.iter().filter(|rule| rule.file == file).cloned());
                continue;
            };
            let base = RuleText::parse(&held.name, &held.base).ok();
            for id in now.ids() {
                let was = base.as_ref().and_then(|base| base.value(id, &[]));
                let is = now.value(id, &[]);
                rules.push(Drafted {
                    id: id.into(),
                    file,
                    changed: was != is,
                    new: was.is_none(),
                    off: now.value(id, &["enabled"]) == Some(&Value::Bool(false)),
                });
            }
            if let Some(rule) = self.rule.as_ref().filter(|_| file == self.file) {
                form = crate::message::rules::form(&now, rule).or(form);
            }
        }
        self.rules = rules;
        self.form = form;
        if let (Mode::Form { field }, Some(form)) = (&mut self.mode, &self.form) {
            *field = (*field).min(form.fields.len().saturating_sub(1));
        }
    }

    /// The chosen field of the form.
    pub fn field(&self) -> Option<&Field> {
        match self.mode {
            Mode::Form { field } => self.form.as_ref()?.fields.get(field),
            Mode::Text => None,
        }
    }

    /// What was found out, if it is of the draft as it is now.
    pub fn current(&self) -> Option<&TrialReport> {
        self.report.as_deref().filter(|report| report.revision == self.draft.revision())
    }

    /// Whether the draft as it is now may be saved: it was looked at, and holds.
    pub fn holds(&self) -> bool {
        self.current().is_some_and(|report| report.faults.is_empty())
    }

    /// The record of the backtest that is chosen.
    pub fn chosen_record(&self) -> Option<crate::record::Seq> {
        let first = &self.report.as_ref()?.front.as_ref()?.first;
        first.get(self.choice.min(first.len().saturating_sub(1))).map(|(seq, _)| *seq)
    }

    /// What is to be written for the draft to be in force.
    pub fn save(&mut self, reason: Option<String>) -> Save {
        self.draft.end_group();
        let revision = self.draft.revision();
        self.saving = Some(revision);
        let changed = self.draft.files().iter().filter(|file| file.text != file.base);
        let files = changed.map(|file| (PathBuf::from(&file.name), file.base.clone(), file.text.clone())).collect();
        Save { revision, files, reason }
    }

    /// The ids of the rules that are not as they are on the disk.
    pub fn changed(&self) -> Vec<Arc<str>> {
        self.rules.iter().filter(|rule| rule.changed).map(|rule| Arc::clone(&rule.id)).collect()
    }
}

impl AppState {
    /// Begins to write rules, or goes on with it. Whether there are any to write.
    pub fn edit(&mut self, rule: Option<Arc<str>>) -> bool {
        if self.editing.is_none() {
            let Some(rules) = self.status.health.as_ref().map(|health| Arc::clone(&health.rules)) else { return false };
            self.editing = Some(Box::new(Editing::new(&rules)));
        }
        if let (Some(editing), Some(rule)) = (&mut self.editing, rule) {
            editing.open(&rule);
        }
        true
    }

    /// Whether rules were changed and not saved.
    pub fn has_unsaved(&self) -> bool {
        self.editing.as_ref().is_some_and(|editing| editing.draft.is_changed())
    }

    /// Takes in that other rules are in force, or that their files have changed.
    pub(super) fn rules_changed(&mut self, report: &RulesReport) {
        let Some(editing) = self.editing.as_mut().filter(|_| report.change.is_some()) else { return };
        for file in &report.rules.files {
            let at = editing.draft.files().iter().position(|held| held.name == *file.name);
            // A file that is being changed here keeps what it was read as: saving it then shows what is different on the
            // disk, rather than writing over it.
            let follows = |at: &usize| {
                let held = &editing.draft.files()[*at];
                held.base != *file.text && (held.text == held.base || held.text == *file.text)
            };
            match at {
                Some(at) if follows(&at) => editing.draft.reloaded(at, file.text.to_string()),
                _ => {}
            }
        }
        // What fired before is another question now.
        editing.asked = None;
        editing.refresh();
    }

    /// Asks what the draft is worth, whenever it has changed.
    pub(super) fn ask_for_trial(&mut self) -> Option<Inquiry> {
        if self.view.screen == Screen::Rules && self.editing.is_none() {
            let chosen = self.rule_entry().map(|entry| entry.id);
            self.edit(chosen);
        }
        let base = Arc::clone(&self.status.health.as_ref()?.rules);
        let labels = Arc::clone(&self.marks.labels);
        let now = self.now;
        let editing = self.editing.as_mut()?;
        let wanted = (editing.draft.revision(), editing.rule.clone());
        let old = |taken: Timestamp| now.duration_since(taken).as_secs() >= PAST_S;
        let outdated = editing.past.take_if(|(_, taken)| old(*taken)).is_some();
        // Whoever only looks holds nothing that has gone; whoever looks at the rules sees what has come since.
        let again = outdated && self.view.screen == Screen::Rules;
        if editing.asked.as_ref() == Some(&wanted) && !again {
            return None;
        }
        let board = self.frozen.as_deref().unwrap_or(&self.live);
        let (view, _) = editing.past.get_or_insert_with(|| (board.records.history().clone(), now));
        let trial = Trial {
            revision: wanted.0,
            sources: editing.draft.sources(),
            base,
            rule: wanted.1.clone(),
            view: view.clone(),
            labels,
            bars: BARS,
        };
        editing.asked = Some(wanted);
        Some(Inquiry::Trial(Box::new(trial)))
    }

    /// Takes in what the draft is worth.
    pub(super) fn tried(&mut self, report: Arc<TrialReport>) {
        if let Some(editing) = &mut self.editing {
            editing.report = Some(report);
        }
    }

    /// Takes in the bound that would have fired at a rate: the draft has it now, and the backtest says the rest.
    pub(super) fn suggested(&mut self, rule: &Arc<str>, bound: Bound, rate: f64, found: Option<Suggestion>) {
        let Some(editing) = self.editing.as_mut().filter(|editing| editing.rule.as_ref() == Some(rule)) else { return };
        let Some(found) = found else {
            self.view.note = Some(format!("{rule}: no record that is kept has a value to suggest a bound from"));
            return;
        };
        let names = match bound {
            Bound::Min => ["min", "warn_min"],
            Bound::Max => ["max", "warn_max"],
        };
        let of_bound = |field: &&Field| field.path.last().is_some_and(|name| names.contains(&name.as_str()));
        let Some(path) = editing.field().filter(of_bound).map(|field| field.path.clone()) else { return };
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let result = editing.draft.set_field(rule, &path, &Value::from(found.value));
        editing.refresh();
        self.view.note = Some(match result {
            Ok(()) => format!(
                "{} {}: fires on {} of {} records, {} % were asked for; it is their {:.5} quantile",
                path.join("."),
                humanize::number(found.value),
                humanize::number(found.fires as f64),
                humanize::number(found.of as f64),
                humanize::number(100.0 * rate),
                found.quantile
            ),
            Err(error) => error.to_string(),
        });
    }

    /// Takes in what became of the files.
    pub(super) fn saved(&mut self, revision: u64, result: Result<(), NotSaved>) {
        let replay = self.is_replay();
        let Some(editing) = &mut self.editing else { return };
        editing.saving = None;
        match result {
            Ok(()) => {
                for file in 0..editing.draft.files().len() {
                    editing.draft.saved(file, revision);
                }
                editing.read_of = None;
                editing.refresh();
                let then = match replay {
                    true => "this replay keeps the rules of its start, the next one has them",
                    false => "the rules are in force in a moment",
                };
                self.view.note = Some(format!("saved: {then}"));
            }
            Err(NotSaved::Failed(why)) => self.view.note = Some(format!("not saved: {why}")),
            Err(conflict) => {
                editing.conflict = Some(conflict);
                self.view.overlay = super::view::Overlay::Conflict { scroll: 0 };
            }
        }
    }

    /// Whether keys are letters now: the text of a rule is being written.
    pub fn is_writing(&self) -> bool {
        let text = self.editing.as_ref().is_some_and(|editing| editing.mode == Mode::Text);
        text && self.view.focus() == Pane::Editor && self.writing
    }
}
