//! The cockpit: what an operator does with it, on a screen that is drawn into memory and answered at once.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use watcher::app::App;
use watcher::message::inquiry::Inquiry;
use watcher::state::view::{Overlay, Pane, Screen};
use watcher::verdict::Action;

use crate::screens::{press, screen, settled, with_traffic_of};

/// Types a text key by key.
fn write(app: &mut App, text: &str) {
    for c in text.chars() {
        app.key(&KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
    }
}

fn enter(app: &mut App) {
    press(app, "Enter");
}

/// Runs a command of the palette.
fn run(app: &mut App, command: &str) {
    press(app, ":");
    write(app, command);
    enter(app);
}

fn ctrl(app: &mut App, c: char) -> Option<watcher::app::update::Effect> {
    app.key(&KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL))
}

#[test]
fn five_screens_with_their_panes() {
    let mut app = with_traffic_of(1_650);
    for (key, screen, titles) in [
        ("2", Screen::Records, &["Records", "Samples", "Rules"][..]),
        ("3", Screen::Rules, &["Rules", "Editor", "Backtest"]),
        ("4", Screen::Drift, &["Drift", "Baseline", "Moved"]),
        ("5", Screen::Health, &["Pipeline", "Engines", "Sources", "Rejected", "Log"]),
        ("1", Screen::Overview, &["Latency", "Drift", "Violations", "Agents", "Records"]),
    ] {
        press(&mut app, key);
        assert_eq!(app.state.view.screen, screen);
        for (width, height) in [(160, 45), (80, 24)] {
            let text = settled(&mut app, width, height);
            let shown = if height == 24 && screen == Screen::Overview { &["Latency", "Violations"] } else { titles };
            for title in shown {
                assert!(text.contains(&format!(" {title} ")), "{title} at {width}x{height}:\n{text}");
            }
        }
    }
}

#[test]
fn a_filter_counts_what_it_hides_while_it_is_typed_and_comes_back() {
    let mut app = with_traffic_of(1_650);
    let all = app.state.listing().len();
    press(&mut app, "/");
    write(&mut app, "action:BLOCK");
    let text = settled(&mut app, 160, 45);
    let fits = app.state.listing().len();
    assert!(fits > 0 && fits < all, "{fits} of {all}");
    assert!(text.contains(&format!("{fits} fit")) && text.contains("hidden"), "{text}");
    enter(&mut app);
    settled(&mut app, 160, 45);
    let rows: Vec<_> = (0..fits).filter_map(|at| app.state.listing().get(at)).collect();
    assert!(rows.iter().all(|row| row.verdict.advice.action == Action::Block));
    press(&mut app, "\\");
    settled(&mut app, 160, 45);
    assert_eq!(app.state.listing().len(), all, "off");
    press(&mut app, "\\");
    settled(&mut app, 160, 45);
    assert_eq!(app.state.listing().len(), fits, "and on again");
    // What was given up leaves the list as it was.
    press(&mut app, "/");
    write(&mut app, "x");
    press(&mut app, "Esc");
    settled(&mut app, 160, 45);
    assert_eq!(app.state.listing().len(), fits);
    press(&mut app, "Esc");
    settled(&mut app, 160, 45);
    assert_eq!(app.state.listing().len(), all);
    // An expression, a pattern, and one that is none.
    for (filter, some) in
        [("latency_ms > 500 && divergence.risk > 0.3", true), ("/safe|sell/", true), ("key:nobody", false)]
    {
        run(&mut app, &format!("filter {filter}"));
        settled(&mut app, 160, 45);
        let (fits, looked) = app.state.sift.counts();
        assert!(looked == all as u64 && (fits > 0) == some, "{filter}: {fits} of {looked}");
    }
    run(&mut app, "filter /(/");
    assert!(settled(&mut app, 160, 45).contains("regular expression"), "a fault is told");
}

#[test]
fn one_agent_is_everything_until_esc() {
    let mut app = with_traffic_of(1_650);
    settled(&mut app, 160, 45);
    app.state.view.set_focus(Pane::Agents);
    press(&mut app, "j Enter");
    let text = settled(&mut app, 160, 45);
    let key = app.state.sift.key().unwrap().clone();
    assert!(text.contains(&format!("only {key}")), "{text}");
    let listing = app.state.listing();
    assert!(!listing.is_empty() && (0..listing.len()).all(|at| listing.get(at).unwrap().verdict.key == key));
    assert!(app.state.alerts().all(|alert| alert.key == key) && app.state.series().all(|series| series.key == key));
    assert!(app.state.chart().is_some_and(|chart| chart.n == listing.len() as u64), "the charts are of it too");
    press(&mut app, "Esc");
    assert!(app.state.sift.key().is_none());
}

#[test]
fn the_time_cursor_is_the_selection_and_charts_zoom_and_go_back() {
    let mut app = with_traffic_of(1_650);
    settled(&mut app, 160, 45);
    press(&mut app, "k k h h h");
    let text = settled(&mut app, 160, 45);
    let at = app.state.time_cursor().unwrap();
    assert_eq!(app.state.listing().row().unwrap().verdict.ts, Some(at));
    assert!(text.contains("cursor "), "{text}");
    press(&mut app, "(");
    let text = settled(&mut app, 160, 45);
    assert!(text.contains("last 1m 00s") || text.contains("last 60s") || text.contains("last 1m"), "{text}");
    press(&mut app, "H");
    assert!(settled(&mut app, 160, 45).contains(" to "), "back in time the ends are named");
    run(&mut app, "range all");
    settled(&mut app, 160, 45);
    assert!(app.state.chart().is_some_and(|chart| chart.n == app.state.listing().len() as u64));
    press(&mut app, "G");
    assert!(!app.state.charts.is_back() && app.state.time_cursor().is_none());
}

#[test]
fn an_alert_leads_to_its_records() {
    let mut app = with_traffic_of(1_650);
    settled(&mut app, 160, 45);
    app.state.view.set_focus(Pane::Violations);
    while app.state.alert().is_none_or(|alert| alert.cause.starts_with('@')) {
        press(&mut app, "j");
    }
    let (cause, key) = app.state.alert().map(|alert| (alert.cause.clone(), alert.key.clone())).unwrap();
    enter(&mut app);
    settled(&mut app, 160, 45);
    let listing = app.state.listing();
    assert!(!listing.is_empty());
    for at in 0..listing.len() {
        let row = listing.get(at).unwrap();
        assert!(row.verdict.key == key && row.verdict.violations.iter().any(|violation| violation.rule == cause));
    }
}

#[test]
fn why_a_rule_says_so_stands_beside_the_record() {
    let mut app = with_traffic_of(1_650);
    press(&mut app, "V Enter");
    let text = settled(&mut app, 160, 45);
    let rule = app.state.listing().row().unwrap().verdict.violations[0].rule.clone();
    assert!(text.contains(&*rule), "{text}");
    let explained = app.state.explained().unwrap();
    assert!(
        explained
            .rules
            .iter()
            .any(|found| found.rule == rule && found.lines.iter().any(|line| line.holds == Some(false)))
    );
    press(&mut app, "p");
    assert!(settled(&mut app, 160, 45).contains("\"samples\": ["), "the raw record");
    press(&mut app, "p e");
    assert_eq!((app.state.view.screen, app.state.view.focus()), (Screen::Rules, Pane::Editor));
    assert_eq!(app.state.editing.as_ref().unwrap().rule.as_ref(), Some(&rule));
}

/// The limit of `max-loss`, in the form.
fn editing_max_loss() -> App {
    let mut app = with_traffic_of(1_650);
    press(&mut app, "3");
    settled(&mut app, 160, 45);
    run(&mut app, "edit-rule max-loss");
    settled(&mut app, 160, 45);
    assert_eq!(app.state.editing.as_ref().unwrap().field().unwrap().path, ["limit", "min"]);
    app
}

#[test]
fn a_limit_is_changed_with_arrows_and_the_backtest_follows() {
    let mut app = editing_max_loss();
    let before = app.state.editing.as_ref().unwrap().current().unwrap().front.clone().unwrap();
    assert!(before.trial.before > 0 && before.trial.new + before.trial.gone == 0);
    // Up to where nothing may be lost.
    (0..12).for_each(|_| drop(press(&mut app, "L")));
    let text = settled(&mut app, 160, 45);
    let report = app.state.editing.as_ref().unwrap().current().unwrap().clone();
    let front = report.front.unwrap();
    assert!(front.trial.new > 0 && front.trial.gone == 0, "{:?}", front.trial);
    assert!(text.contains(&format!("+{} new", front.trial.new)) && text.contains("records over"), "{text}");
    // The first records that differ open.
    press(&mut app, "Tab Enter");
    settled(&mut app, 160, 45);
    assert_eq!(app.state.view.screen, Screen::Records);
    assert_eq!(app.state.listing().row().unwrap().verdict.seq, front.first[0].0);
    // Undone, it is as it was.
    press(&mut app, "3");
    (0..200).for_each(|_| drop(press(&mut app, "u")));
    settled(&mut app, 160, 45);
    assert!(!app.state.has_unsaved());
    let front = app.state.editing.as_ref().unwrap().current().unwrap().front.clone().unwrap();
    assert_eq!(front.trial, before.trial);
}

#[test]
fn precision_counts_what_was_called_right_or_wrong() {
    let mut app = with_traffic_of(1_650);
    settled(&mut app, 160, 45);
    press(&mut app, "V -");
    run(&mut app, "edit-rule max-loss");
    let rule = app.state.listing().row().unwrap().verdict.violations.iter().any(|found| &*found.rule == "max-loss");
    let text = settled(&mut app, 160, 45);
    assert!(text.contains("precision") && text.contains("called wrong"), "{text}");
    let front = app.state.editing.as_ref().unwrap().current().unwrap().front.clone().unwrap();
    assert_eq!((front.marked_now.wrong, front.marked_now.hits), (1, u64::from(rule)));
}

#[test]
fn a_wrong_edit_can_t_be_applied() {
    let mut app = editing_max_loss();
    ctrl(&mut app, 't');
    assert!(app.state.is_writing());
    write(&mut app, "nonsense: [");
    let text = settled(&mut app, 160, 45);
    assert!(text.contains("✖ protocol:"), "where it is wrong: {text}");
    ctrl(&mut app, 's');
    let text = settled(&mut app, 160, 45);
    assert!(text.contains("not applied"), "{text}");
    assert_eq!(app.state.view.overlay, Overlay::None);
    // q is a letter here, and ends nothing.
    let before = app.state.editing.as_ref().unwrap().lines().join("\n").len();
    press(&mut app, "q");
    assert!(app.state.editing.as_ref().unwrap().lines().join("\n").len() > before);
    press(&mut app, "Esc q");
    assert_eq!(app.state.view.screen, Screen::Overview);
    press(&mut app, "q");
    assert!(matches!(app.state.view.overlay, Overlay::Ask(_)), "unsaved rules are asked for");
}

#[test]
fn read_only_allows_everything_but_writing() {
    let mut app = editing_max_loss();
    app.state.options.read_only = true;
    press(&mut app, "l");
    settled(&mut app, 160, 45);
    ctrl(&mut app, 's');
    assert!(settled(&mut app, 160, 45).contains("--read-only"));
    let effect = {
        press(&mut app, ":");
        write(&mut app, "export-patch");
        press(&mut app, "Enter")
    };
    let Some(watcher::app::update::Effect::Write { text, .. }) = effect else { panic!("{effect:?}") };
    assert!(text.contains("--- a/") && text.contains("-    limit: {field: loss, min: -10000}"), "{text}");
}

#[test]
fn a_bound_is_suggested_from_what_is_kept() {
    let mut app = editing_max_loss();
    run(&mut app, "suggest 5%");
    let asked = settled(&mut app, 160, 45);
    let front = app.state.editing.as_ref().unwrap().current().unwrap().front.clone().unwrap();
    let share = front.trial.now as f64 / front.evaluated as f64;
    assert!(share > 0.0 && share <= 0.05, "{share}: {asked}");
    let note = app.state.view.note.clone().unwrap();
    assert!(note.contains("quantile") && note.contains("of"), "{note}");
}

#[test]
fn a_test_is_made_of_a_record() {
    let mut app = with_traffic_of(1_650);
    settled(&mut app, 160, 45);
    press(&mut app, "V");
    run(&mut app, "test-from-record a loss that was too much");
    settled(&mut app, 160, 45);
    let editing = app.state.editing.as_ref().unwrap();
    let report = editing.current().unwrap();
    assert!(report.faults.is_empty(), "{:?}", report.faults);
    assert_eq!(report.tests, (15, 15), "the new one holds");
    assert!(editing.draft.files()[0].text.contains("a loss that was too much"));
}

#[test]
fn a_test_of_a_record_keeps_no_texts_where_none_are_kept() {
    let mut app = with_traffic_of(1_650);
    app.state.view.never_text = true;
    settled(&mut app, 160, 45);
    press(&mut app, "V");
    settled(&mut app, 160, 45);
    let record = app.state.listing().row().unwrap().record.clone();
    run(&mut app, "test-from-record a loss that was too much");
    let text = &app.state.editing.as_ref().unwrap().draft.files()[0].text;
    assert!(text.contains("a loss that was too much") && !record.samples.is_empty());
    assert!(record.samples.iter().chain(&record.prompt).all(|told| !text.contains(&**told)), "{text}");
}

#[test]
fn what_differs_is_told() {
    let mut app = with_traffic_of(1_650);
    settled(&mut app, 160, 45);
    run(&mut app, "filter action:BLOCK");
    settled(&mut app, 160, 45);
    press(&mut app, "D");
    let text = settled(&mut app, 160, 45);
    assert!(text.contains("What differs") && text.contains("lift") && text.contains("rule "), "{text}");
    press(&mut app, "Esc");
    assert_eq!(app.state.view.overlay, Overlay::None);
}

#[test]
fn marks_and_the_history_of_commands() {
    let mut app = with_traffic_of(1_650);
    settled(&mut app, 160, 45);
    press(&mut app, "k k");
    run(&mut app, "mark look at this");
    let marked = app.state.listing().row().unwrap().verdict.seq;
    press(&mut app, "G '");
    assert!(screen(&mut app, 160, 45).contains("look at this"));
    enter(&mut app);
    assert_eq!(app.state.listing().row().unwrap().verdict.seq, marked);
    press(&mut app, ":");
    app.key(&KeyEvent::new(KeyCode::Up, KeyModifiers::NONE));
    assert!(screen(&mut app, 160, 45).contains(":mark look at this"));
}

#[test]
fn copying_says_where_to() {
    let mut app = with_traffic_of(1_650);
    settled(&mut app, 160, 45);
    let effect = press(&mut app, "Y");
    let Some(watcher::app::update::Effect::Copy { text, content: true, .. }) = effect else { panic!("{effect:?}") };
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
}

#[test]
fn the_help_is_searched() {
    let mut app = with_traffic_of(40);
    press(&mut app, "? /");
    write(&mut app, "baseline");
    let text = screen(&mut app, 160, 45);
    assert!(text.contains(":pin-baseline") && !text.contains(":freeze"), "{text}");
}

#[test]
fn nothing_is_asked_while_nothing_changes() {
    let mut app = with_traffic_of(400);
    for key in ["1", "2", "3", "4", "5"] {
        press(&mut app, key);
        settled(&mut app, 160, 45);
        screen(&mut app, 160, 45);
        let asked: Vec<Inquiry> = app.state.take_inquiries();
        assert!(asked.is_empty(), "on screen {key}: {asked:?}");
    }
}

#[test]
fn an_alert_is_taken_on_and_one_is_silenced() {
    let mut app = with_traffic_of(1_650);
    settled(&mut app, 160, 45);
    app.state.telling.who = "ann@desk".into();
    app.state.view.set_focus(Pane::Violations);
    let firing = app.state.loud().count();
    press(&mut app, "a");
    let text = settled(&mut app, 160, 45);
    assert!(text.contains("ACK") && text.contains("1 kept quiet"), "{text}");
    assert_eq!(app.state.loud().count(), firing - 1);
    press(&mut app, "j S");
    write(&mut app, "planned work");
    enter(&mut app);
    let text = settled(&mut app, 160, 45);
    assert!(text.contains("SIL") && text.contains("1 silenced") && text.contains("2 kept quiet"), "{text}");
    run(&mut app, "silences");
    let text = settled(&mut app, 160, 45);
    assert!(text.contains("by ann@desk  planned work") && text.contains("1h 00m"), "{text}");
    press(&mut app, "x Esc");
    settled(&mut app, 160, 45);
    assert_eq!(app.state.loud().count(), firing - 1);
    let orders = app.orders.take();
    assert_eq!(orders.len(), 3, "the others hear of each: {orders:?}");
}

#[test]
fn texts_are_hidden_and_what_differs_stays() {
    let mut app = with_traffic_of(1_650);
    settled(&mut app, 160, 45);
    run(&mut app, "filter divergence.facts > 0.5");
    settled(&mut app, 160, 45);
    press(&mut app, "k");
    let row = app.state.listing().row().unwrap().clone();
    let found = row.verdict.divergence.contradictions.first().unwrap().clone();
    let word =
        row.record.samples[0].split(' ').find(|word| word.len() > 5 && word.chars().all(char::is_alphabetic)).unwrap();
    enter(&mut app);
    assert!(settled(&mut app, 160, 45).contains(word));
    press(&mut app, "M");
    let text = settled(&mut app, 160, 45);
    let said = found.sides.iter().find_map(|(index, span)| row.record.samples.get(*index)?.get(span.clone()?)).unwrap();
    assert!(!text.contains(word) && text.contains("xxxx"), "{text}");
    assert!(text.contains(said), "what contradicts is a fact: {said}\n{text}");
    press(&mut app, "p");
    assert!(!settled(&mut app, 160, 45).contains(word));
    app.state.view.never_text = true;
    press(&mut app, "M");
    assert!(app.state.view.masked && settled(&mut app, 160, 45).contains("content: off"));
}

#[test]
fn a_theme_is_shown_while_it_is_chosen_and_given_up() {
    let mut app = with_traffic_of(40);
    app.state.view.themes = app.themes.names();
    app.state.view.theme = "dark".into();
    run(&mut app, "theme");
    assert!(screen(&mut app, 160, 45).contains("high-contrast"));
    assert_eq!(press(&mut app, "j"), Some(watcher::app::update::Effect::Theme("light".into())));
    assert_eq!(press(&mut app, "Esc"), Some(watcher::app::update::Effect::Theme("dark".into())));
    app.choose_theme("nord");
    assert_eq!((app.state.view.theme.as_str(), app.themes.current()), ("nord", "nord"));
    app.choose_theme("nope");
    assert!(app.state.view.note.as_ref().unwrap().contains("there is no theme `nope`"));
}

#[test]
fn a_time_is_marked_with_the_mouse_and_the_rules_are_put_in_order() {
    use crossterm::event::{Event, MouseButton, MouseEvent, MouseEventKind};
    let mut app = with_traffic_of(1_650);
    let size = (160, 45);
    settled(&mut app, 160, 45);
    let mouse = |app: &mut App, kind, column, row| {
        app.event(&Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }), size);
    };
    let before = app.state.window().unwrap();
    mouse(&mut app, MouseEventKind::Down(MouseButton::Left), 20, 5);
    assert!(app.state.time_cursor().is_some(), "a click moves the time cursor");
    mouse(&mut app, MouseEventKind::Drag(MouseButton::Left), 40, 5);
    mouse(&mut app, MouseEventKind::Up(MouseButton::Left), 50, 5);
    settled(&mut app, 160, 45);
    let after = app.state.window().unwrap();
    assert!(after.from > before.from && after.to < before.to, "{before:?} {after:?}");
    press(&mut app, "3");
    settled(&mut app, 160, 45);
    let first = |app: &App| app.state.rule_entries()[0].id.to_string();
    let by_file = first(&app);
    for _ in 0..3 {
        mouse(&mut app, MouseEventKind::Down(MouseButton::Left), 10, 2);
    }
    assert_eq!(app.state.view.rule_order, watcher::state::view::RuleOrder::Name);
    assert_eq!((first(&app).as_str(), by_file.as_str()), ("energy-balance", "energy-balance"));
    let names: Vec<String> = app.state.rule_entries().iter().map(|entry| entry.id.to_string()).collect();
    assert!(names.is_sorted() && settled(&mut app, 160, 45).contains("▼rule"));
    assert_eq!(press(&mut app, ": m o u s e Enter"), Some(watcher::app::update::Effect::Mouse(true)));
}
