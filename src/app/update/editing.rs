//! Rules that are being written: what a key changes in their draft, and how the draft comes into force.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::Effect;
use crate::app::action::Action;
use crate::message::RuleSet;
use crate::message::inquiry::suggest::Bound;
use crate::message::inquiry::{Inquiry, NotSaved, Suggest};
use crate::message::rules::{Kind, parsed, stepped};
use crate::record::Seq;
use crate::state::AppState;
use crate::state::editing::{Editing, Mode};
use crate::state::view::{Ask, Asked, Overlay, Pane, Prompt, Screen};

/// Steps that a key with Shift changes a bound by.
const FAR: i64 = 10;

/// Share of the records that a suggested bound fires on, if none is named.
const RATE: f64 = 0.001;

/// Carries out an action on rules; `None` if it is none, or not meant for them here.
pub(super) fn apply(state: &mut AppState, action: Action) -> Option<Option<Effect>> {
    let in_form = state.view.focus() == Pane::Editor;
    match action {
        Action::Edit => edit(state),
        Action::Left | Action::Right if in_form => change(state, if action == Action::Right { 1 } else { -1 }),
        Action::Earlier | Action::Later if in_form => {
            change(state, if action == Action::Later { FAR } else { -FAR });
        }
        Action::Enable => on_rule(state, |editing, rule| {
            let on = editing.draft.toggle_enabled(rule)?;
            Ok(format!("{rule} is {} in the draft", if on { "on" } else { "off" }))
        }),
        Action::Promote => on_rule(state, |editing, rule| {
            let acting = editing.draft.promote(rule)?;
            editing.refresh();
            editing.open(&acting.as_str().into());
            Ok(format!("{acting} is as its shadow was, in the draft: Ctrl-S applies it"))
        }),
        Action::Undo | Action::Redo => undo(state, action == Action::Redo),
        Action::Apply => ask_to_apply(state),
        Action::Discard => discard(state),
        Action::AsText => switch_mode(state),
        Action::ExportPatch => return Some(export(state, "")),
        Action::TestFromRecord => test_from_record(state, ""),
        Action::Suggest => suggest(state, ""),
        _ => return None,
    }
    Some(None)
}

/// Carries out an action with words behind its name; `None` if it takes none.
pub(super) fn with_text(state: &mut AppState, action: Action, text: &str) -> Option<Option<Effect>> {
    match action {
        Action::Edit => {
            let known = state.rule_entries().into_iter().find(|entry| &*entry.id == text).map(|entry| entry.id);
            match known {
                Some(id) => open(state, id),
                None => state.view.note = Some(format!("there is no rule `{text}`")),
            }
        }
        Action::ExportPatch => return Some(export(state, text)),
        Action::TestFromRecord => test_from_record(state, text),
        Action::Suggest => suggest(state, text),
        _ => return None,
    }
    Some(None)
}

/// Which rule is meant by where the operator looks.
fn meant(state: &AppState) -> Option<Arc<str>> {
    let broken = || {
        let row = state.listing().row()?;
        row.verdict.violations.first().map(|violation| Arc::clone(&violation.rule))
    };
    match state.view.screen {
        Screen::Rules if state.view.focus() != Pane::Rules => {
            state.editing.as_ref().and_then(|editing| editing.rule.clone()).or_else(|| chosen(state))
        }
        Screen::Rules => chosen(state),
        Screen::Records => broken(),
        _ if state.view.focus() == Pane::Violations => {
            state.alert().map(|alert| Arc::clone(&alert.cause)).filter(|cause| !cause.starts_with('@'))
        }
        _ => broken(),
    }
}

fn chosen(state: &AppState) -> Option<Arc<str>> {
    state.rule_entry().map(|entry| entry.id)
}

fn edit(state: &mut AppState) {
    match meant(state).or_else(|| chosen(state)) {
        Some(rule) => open(state, rule),
        None => state.view.note = Some("there is no rule to edit yet".to_owned()),
    }
}

fn open(state: &mut AppState, rule: Arc<str>) {
    if !state.edit(Some(Arc::clone(&rule))) {
        state.view.note = Some("the rules are being read".to_owned());
        return;
    }
    state.view.chosen.rule = Some(rule);
    if state.view.screen != Screen::Rules {
        state.view.show(Screen::Rules);
    }
    state.view.set_focus(Pane::Editor);
    state.writing = state.editing.as_ref().is_some_and(|editing| editing.mode == Mode::Text);
}

/// Enter in the list of rules or in the editor.
pub(super) fn enter(state: &mut AppState) -> Option<Effect> {
    let Some(editing) = state.editing.as_ref().filter(|_| state.view.focus() == Pane::Editor) else {
        edit(state);
        return None;
    };
    let Some(field) = editing.field() else {
        state.writing = editing.mode == Mode::Text;
        return None;
    };
    if matches!(field.kind, Kind::Switch | Kind::Choice(_)) {
        change(state, 1);
        return None;
    }
    let text = field.value.as_ref().map(crate::message::rules::shown).unwrap_or_default();
    let what = Prompt::Field { label: field.label.clone() };
    state.view.overlay = Overlay::Prompt { what, text };
    None
}

/// Another field of the form.
pub(super) fn choose_field(state: &mut AppState, by: isize) {
    let Some(editing) = &mut state.editing else { return };
    let most = editing.form.as_ref().map_or(0, |form| form.fields.len());
    match &mut editing.mode {
        Mode::Form { field } => *field = field.saturating_add_signed(by).min(most.saturating_sub(1)),
        Mode::Text => state.writing = true,
    }
}

/// Another record of those that differ, or that moved.
pub(super) fn choose_record(state: &mut AppState, by: isize) {
    if state.view.focus() == Pane::Moved {
        let moved = state.series_report().and_then(|report| report.moved.as_ref());
        let most = moved.map_or(0, |moved| moved.before.len() + moved.after.len());
        state.view.scroll = state.view.scroll.saturating_add_signed(by).min(most.saturating_sub(1));
        return;
    }
    let Some(editing) = &mut state.editing else { return };
    let front = editing.report.as_ref().and_then(|report| report.front.as_ref());
    let most = front.map_or(0, |front| front.first.len());
    editing.choice = editing.choice.saturating_add_signed(by).min(most.saturating_sub(1));
}

/// The record of the backtest that is chosen.
pub(super) fn chosen_record(state: &AppState) -> Option<Seq> {
    state.editing.as_ref()?.chosen_record()
}

/// Changes the chosen field by so many steps.
fn change(state: &mut AppState, steps: i64) {
    let Some(editing) = &mut state.editing else { return };
    let Some((field, rule)) = editing.field().cloned().zip(editing.rule.clone()) else { return };
    let scale = None;
    let Some(value) = stepped(&field, steps, scale) else {
        state.view.note = Some(format!("{} is written: Enter", field.label));
        return;
    };
    let path: Vec<&str> = field.path.iter().map(String::as_str).collect();
    let result = editing.draft.set_field(&rule, &path, &value);
    editing.refresh();
    if let Err(error) = result {
        state.view.note = Some(error.to_string());
    }
}

/// What was typed for something.
pub(super) fn answered(state: &mut AppState, what: Prompt, text: &str) -> Option<Effect> {
    match what {
        Prompt::Field { .. } => set_field(state, text),
        Prompt::Reason { shadow } => return apply_draft(state, shadow, Some(text.trim().to_owned())),
        Prompt::SaveAs => save_as(state, text.trim()),
        Prompt::Silence => state.silence(text),
        Prompt::Filter { .. } => {}
    }
    None
}

fn set_field(state: &mut AppState, text: &str) {
    let Some(editing) = &mut state.editing else { return };
    let Some((field, rule)) = editing.field().cloned().zip(editing.rule.clone()) else { return };
    let path: Vec<&str> = field.path.iter().map(String::as_str).collect();
    let result = if text.trim().is_empty() {
        if field.value.is_none() { Ok(()) } else { editing.draft.remove_field(&rule, &path).map_err(|e| e.to_string()) }
    } else {
        match parsed(&field, text) {
            Ok(value) => editing.draft.set_field(&rule, &path, &value).map_err(|error| error.to_string()),
            Err(why) => Err(why),
        }
    };
    editing.refresh();
    if let Err(why) = result {
        state.view.note = Some(why);
    }
}

/// A key while the text of a rule is written.
pub(super) fn write(state: &mut AppState, key: &KeyEvent, action: Option<Action>) -> Option<Effect> {
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    match (key.code, action) {
        (KeyCode::Esc, _) => state.writing = false,
        (KeyCode::F(_), Some(action)) => return super::apply(state, action),
        (KeyCode::Char('u'), _) if ctrl => undo(state, false),
        (_, Some(Action::Redo)) => undo(state, true),
        (_, Some(Action::Suspend | Action::Apply | Action::AsText | Action::Palette)) if ctrl => {
            return action.and_then(|action| super::apply(state, action));
        }
        _ => {
            let key = *key;
            // Two blanks are how these files are indented; a tab would be none.
            let editing = state.editing.as_mut()?;
            editing.write(|area| {
                if key.code == KeyCode::Tab {
                    area.insert_str("  ");
                } else {
                    area.input(key);
                }
            });
        }
    }
    None
}

/// Text that the terminal pasted, into the text of the rule.
pub(super) fn paste(state: &mut AppState, pasted: &str) {
    let text = pasted.replace("\r\n", "\n").replace('\r', "\n");
    if let Some(editing) = &mut state.editing {
        editing.draft.end_group();
        editing.write(|area| {
            area.insert_str(&text);
        });
        editing.draft.end_group();
    }
}

/// Does something to the rule that is meant, in the draft.
fn on_rule(
    state: &mut AppState,
    change: impl FnOnce(&mut Editing, &str) -> Result<String, crate::message::rules::EditError>,
) {
    let Some(rule) = meant(state) else {
        state.view.note = Some("no rule is chosen".to_owned());
        return;
    };
    if !state.edit(Some(Arc::clone(&rule))) {
        return;
    }
    let Some(editing) = &mut state.editing else { return };
    let result = change(editing, &rule);
    editing.refresh();
    state.view.note = Some(result.unwrap_or_else(|error| error.to_string()));
}

fn undo(state: &mut AppState, redo: bool) {
    let Some(editing) = &mut state.editing else {
        state.view.note = Some("nothing was changed".to_owned());
        return;
    };
    let done = if redo { editing.draft.redo() } else { editing.draft.undo() };
    editing.refresh();
    let word = if redo { "there is nothing to do again" } else { "there is nothing to undo" };
    if !done {
        state.view.note = Some(word.to_owned());
    } else if !editing.draft.is_changed() {
        state.view.note = Some("the draft is as it is on the disk".to_owned());
    }
}

fn discard(state: &mut AppState) {
    let Some(editing) = &mut state.editing else { return };
    for file in 0..editing.draft.files().len() {
        let base = editing.draft.files()[file].base.clone();
        editing.draft.end_group();
        editing.draft.set_text(file, base, false);
    }
    editing.refresh();
    state.view.note = Some("the draft is as it is on the disk; u brings it back".to_owned());
}

fn switch_mode(state: &mut AppState) {
    let Some(editing) = &mut state.editing else { return edit(state) };
    editing.mode = match editing.mode {
        Mode::Text if editing.form.is_some() => Mode::Form { field: 0 },
        Mode::Text => {
            state.view.note = Some("only what can be read as a rule can be a form".to_owned());
            Mode::Text
        }
        Mode::Form { .. } => Mode::Text,
    };
    state.writing = editing.mode == Mode::Text;
    state.view.set_focus(Pane::Editor);
}

/// Whether the draft may be saved; why not, in words.
fn may_save(state: &AppState) -> Result<(), String> {
    let Some(editing) = state.editing.as_ref().filter(|editing| editing.draft.is_changed()) else {
        return Err("nothing was changed: e edits a rule".to_owned());
    };
    if state.options.read_only {
        return Err("--read-only: nothing is written; :export-patch gives the difference".to_owned());
    }
    if editing.saving.is_some() {
        return Err("the files are being written".to_owned());
    }
    match editing.current() {
        None => Err("the rules are still being checked: in a moment".to_owned()),
        Some(report) => match report.faults.first() {
            Some(fault) => {
                Err(format!("not applied: {}:{}:{}: {}", fault.file, fault.line, fault.column, fault.message))
            }
            None => Ok(()),
        },
    }
}

/// Goes on with what was asked for before the draft had been checked.
pub(in crate::app) fn when_checked(state: &mut AppState) {
    let waits = |editing: &&mut Box<Editing>| editing.apply_asked && editing.current().is_some();
    let Some(editing) = state.editing.as_mut().filter(waits) else { return };
    editing.apply_asked = false;
    state.view.note = None;
    ask_to_apply(state);
}

fn ask_to_apply(state: &mut AppState) {
    let refused = may_save(state);
    if let Some(editing) = state.editing.as_mut() {
        editing.apply_asked = refused.is_err() && editing.current().is_none();
    }
    if let Err(why) = refused {
        state.view.note = Some(why);
        return;
    }
    let Some(editing) = &state.editing else { return };
    let changed = editing.changed();
    let shadow = editing
        .rule
        .clone()
        .filter(|rule| editing.rules.iter().any(|held| held.id == *rule && held.changed && !held.new && !held.off));
    let change = match &changed[..] {
        [] => "other parts of the files".to_owned(),
        ids if ids.len() > 4 => format!("{} rules", ids.len()),
        ids => ids.join(", "),
    };
    let files = editing.draft.files().iter().filter(|file| file.text != file.base);
    let files: Vec<PathBuf> = files.map(|file| PathBuf::from(&file.name)).collect();
    state.writing = false;
    state.view.overlay = Overlay::Ask(Ask { what: Asked::Rules { change, shadow, files }, text: false });
}

/// Applies the draft: in force, or its rule in front beside the old one as a shadow.
pub(super) fn apply_draft(state: &mut AppState, shadow: bool, reason: Option<String>) -> Option<Effect> {
    if state.embedded_rules() {
        state.view.overlay = Overlay::Prompt { what: Prompt::SaveAs, text: "rules.yaml".to_owned() };
        return None;
    }
    let editing = state.editing.as_mut()?;
    if shadow {
        let rule = editing.rule.clone()?;
        if let Err(error) = editing.draft.apply_as_shadow(&rule) {
            state.view.note = Some(error.to_string());
            return None;
        }
        editing.refresh();
    }
    let reason = reason.filter(|reason| !reason.is_empty());
    let save = editing.save(reason);
    state.ask(Inquiry::Save(Box::new(save)));
    None
}

/// The draft of rules that belong to no file goes into one.
fn save_as(state: &mut AppState, path: &str) {
    let Some(editing) = &mut state.editing else { return };
    if path.is_empty() {
        return;
    }
    let text = editing.draft.files().first().map(|file| file.text.clone()).unwrap_or_default();
    let mut save = editing.save(None);
    save.files = vec![(PathBuf::from(path), String::new(), text)];
    state.ask(Inquiry::Save(Box::new(save)));
    state.view.note = Some(format!("written to {path}: start with --rules {path}, and they are in force"));
}

/// What another has written in the meantime takes the place of what was read; the draft goes on beside it.
pub(super) fn take_theirs(state: &mut AppState) {
    let Some(editing) = &mut state.editing else { return };
    let Some(NotSaved::Changed { path, now, .. }) = editing.conflict.take() else { return };
    let file = editing.draft.files().iter().position(|file| Path::new(&file.name) == path);
    if let (Some(file), Some(now)) = (file, now) {
        editing.draft.end_group();
        editing.draft.set_text(file, now.clone(), false);
        editing.draft.reloaded(file, now);
        editing.refresh();
        state.view.note = Some("the file as it is on the disk; u brings your version back".to_owned());
    }
}

/// The difference between the draft and the disk, as a patch.
fn export(state: &mut AppState, path: &str) -> Option<Effect> {
    let patch = state.editing.as_ref().map(|editing| editing.draft.patch()).unwrap_or_default();
    if patch.is_empty() {
        state.view.note = Some("nothing was changed: there is no difference to export".to_owned());
        return None;
    }
    let path = if path.is_empty() { "rules.patch" } else { path };
    Some(Effect::Write { what: "the patch", path: PathBuf::from(path), text: patch })
}

/// A test of the file that says what the selected record comes to.
fn test_from_record(state: &mut AppState, name: &str) {
    let Some(row) = state.listing().row().cloned() else {
        state.view.note = Some("there is no record to make a test of".to_owned());
        return;
    };
    if !state.edit(meant(state)) {
        return;
    }
    let texts = !state.view.never_text;
    let in_force = state.status.health.as_ref().map(|health| Arc::clone(&health.rules));
    // A test gives one record: what a rule says of many is not in it.
    let remembers = |id: &str| {
        let of_many = |rules: &Arc<RuleSet>| rules.rules.iter().any(|rule| &*rule.id == id && rules.remembers(rule));
        in_force.as_ref().is_some_and(of_many)
    };
    let Some(editing) = &mut state.editing else { return };
    let here =
        |id: &str| editing.rules.iter().any(|rule| &*rule.id == id && rule.file == editing.file) && !remembers(id);
    let mut expect: Vec<(String, &str)> = Vec::new();
    for violation in row.verdict.violations.iter().filter(|found| here(&found.rule)) {
        if !expect.iter().any(|(rule, _)| **rule == *violation.rule) {
            expect.push((violation.rule.to_string(), violation.severity.word()));
        }
    }
    if let (true, Some(rule)) = (expect.is_empty(), editing.rule.as_deref().filter(|rule| !remembers(rule))) {
        expect.push((rule.to_owned(), "ok"));
    }
    if expect.is_empty() {
        state.view.note = Some("no test: what these rules say depends on the records before, too".to_owned());
        return;
    }
    let name = if name.is_empty() { format!("record {}", row.record.id) } else { name.to_owned() };
    let given = crate::message::rules::given(&row.record, texts);
    let expect: Vec<(&str, &str)> = expect.iter().map(|(rule, word)| (rule.as_str(), *word)).collect();
    let result = editing.draft.add_test(editing.file, &name, &given, &expect);
    editing.refresh();
    state.view.show(Screen::Rules);
    state.view.set_focus(Pane::Editor);
    state.view.note = Some(match result {
        Ok(()) => format!("a test `{name}` is in the draft: Ctrl-S applies it"),
        Err(error) => error.to_string(),
    });
}

/// Asks for the bound that would have fired at a rate.
fn suggest(state: &mut AppState, text: &str) {
    let rate = match text.trim().trim_end_matches('%').trim().parse::<f64>() {
        Ok(rate) if text.contains('%') => rate / 100.0,
        Ok(rate) => rate,
        Err(_) if text.trim().is_empty() => RATE,
        Err(_) => f64::NAN,
    };
    if !(0.0..=1.0).contains(&rate) {
        state.view.note = Some(format!("`{text}` is no rate: write 0.1% or 0.001"));
        return;
    }
    if state.editing.is_none() {
        edit(state);
    }
    let view = state.board().records.history().clone();
    let Some(editing) = &state.editing else { return };
    let bound = editing.field().and_then(|field| field.path.last()).map(String::as_str);
    let bound = match bound {
        Some("min" | "warn_min") => Bound::Min,
        Some("max" | "warn_max") => Bound::Max,
        _ => {
            state.view.note = Some("choose a bound of a limit in the form (min, max, warn_min, warn_max)".to_owned());
            return;
        }
    };
    let Some(rule) = editing.rule.clone() else { return };
    let sources = editing.draft.sources();
    state.ask(Inquiry::Suggest(Box::new(Suggest { sources, rule, bound, rate, view })));
}
