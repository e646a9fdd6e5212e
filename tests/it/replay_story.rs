//! One story from end to end in a real terminal: something is seen, captured, replayed, compared, and handed over.

use std::path::{Path, PathBuf};

use crate::support::{Home, repo};
use crate::terminal::Session;

/// The same rules as in the capture, but for one that allows more.
fn other_rules() -> String {
    let text = std::fs::read_to_string(repo("sample-data/rules/watcher-protocol.yaml")).unwrap();
    assert!(text.contains("limit: {field: loss, min: -10000}"));
    let untested = text.split("\ntests:").next().unwrap();
    untested.replace("limit: {field: loss, min: -10000}", "limit: {field: loss, min: -1e12}")
}

fn only_file(folder: &Path) -> PathBuf {
    let found: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

/// `record N of M`, as the bar has it; `None` while something is still judged or looked for.
fn place(screen: &str) -> Option<(u64, u64)> {
    let (_, rest) = screen.split_once("record ")?;
    let (number, rest) = rest.split_once(" of ")?;
    let digits: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == ',').collect();
    let parse = |text: &str| text.replace(',', "").parse().ok();
    parse(number).zip(parse(&digits))
}

fn quit(mut session: Session) -> Home {
    session.press("q");
    assert_eq!(session.end(), 0);
    session.assert_restored();
    session.home
}

/// A replay that is judged to its end and stands there: how many records it has.
fn opened(home: Home, command: &str) -> (Session, u64) {
    let mut session = Session::start(home, command, 45, 160);
    session.wait_for("the last record", |screen| {
        place(screen).is_some_and(|(at, of)| at == of && of > 0) && screen.contains("100%")
    });
    let records = place(&session.text()).unwrap().1;
    (session, records)
}

/// Watches the demo with a capture from a key on until a rule has broken.
fn captured_demo() -> (Home, PathBuf) {
    let mut session = Session::start(Home::new(), "exec \"$WATCHER\" demo --backend lexical", 45, 160);
    session.wait_for_text("ALLOW");
    session.press("C");
    session.wait_for("the question", |screen| screen.contains("apture") && screen.contains("Enter"));
    session.press("\r");
    session.wait_for_text("capturing to");
    // A breach, and a few records behind it: the list grows at its lower end.
    session.wait_for("a breach of a limit", |screen| {
        screen.lines().skip_while(|line| !line.contains("BLOCK")).count() >= 10
    });
    session.press("C");
    session.wait_for_text("captured:");
    let home = quit(session);
    let file = only_file(&home.path(".local/state/watcher/captures"));
    (home, file)
}

#[test]
fn an_incident_is_captured_replayed_compared_and_handed_over() {
    let (home, file) = captured_demo();
    home.write("b.yaml", other_rules());
    std::fs::copy(repo("sample-data/rules/watcher-protocol.yaml"), home.path("a.yaml")).unwrap();
    let replay = format!("exec \"$WATCHER\" replay {} --backend lexical", file.display());

    let (mut session, records) = opened(home, &replay);
    assert!(session.text().contains("REPLAY"));
    session.press("v");
    session.wait_for("the first violation", |screen| place(screen).is_some_and(|(at, of)| at < of));
    let (violation, _) = place(&session.text()).unwrap();
    session.press(",");
    session.wait_for("a step back", |screen| place(screen) == Some((violation - 1, records)));
    let home = quit(session);

    let (mut session, _) = opened(home, &format!("{replay} --rules a.yaml --compare b.yaml"));
    session.wait_for_text("differ");
    session.press("c");
    session.wait_for_text("/ differs");
    session.press("c");
    session.wait_for("all again", |screen| !screen.contains("/ differs"));
    session.press("o");
    session.wait_for("the other judgement", |screen| screen.contains("b.yaml"));
    session.press("o");
    session.press("v");
    session.wait_for("a violation", |screen| place(screen).is_some_and(|(at, of)| at < of));
    let home = quit(session);
    hand_over(home, &replay, records);
}

/// Writes a report at a place, and opens that place again by the report's own command.
fn hand_over(home: Home, replay: &str, records: u64) {
    let (mut session, _) = opened(home, replay);
    session.press("v");
    session.wait_for("a violation", |screen| place(screen).is_some_and(|(at, of)| at < of));
    let here = place(&session.text()).unwrap();
    session.press("R");
    session.wait_for("the question", |screen| screen.contains("Enter"));
    session.press("\r");
    session.wait_for_text("handover-");
    let home = quit(session);
    let report = std::fs::read_to_string(only_file(&home.path(".local/state/watcher/reports"))).unwrap();
    let block = report.rsplit("```").find(|part| part.starts_with("sh\n")).unwrap();
    let command = block.trim_start_matches("sh\n").trim();
    assert!(command.starts_with("watcher replay "), "{command}");
    let again = command.replacen("watcher", "exec \"$WATCHER\"", 1);
    let mut session = Session::start(home, &again, 45, 160);
    session.wait_for("a place", |screen| place(screen).is_some_and(|(at, of)| at > 0 && of == records));
    assert_eq!(place(&session.text()), Some(here), "{command}");
    quit(session);
}

/// Two limits on the same number: each judgement is explained by its own.
#[test]
fn each_judgement_is_explained_by_its_own_rules() {
    let home = Home::new();
    for (name, max) in [("a.yaml", 100), ("b.yaml", 140)] {
        home.write(
            name,
            format!("version: 1\nrules:\n  - {{id: slow, limit: {{field: latency_ms, max: {max}}}}}\n").as_str(),
        );
    }
    home.write("log", "{\"id\":\"r1\",\"latency_ms\":150}\n");
    let run = "exec \"$WATCHER\" replay log --backend none --rules a.yaml --compare b.yaml";
    let mut session = Session::start(home, run, 45, 160);
    session.wait_for_text("record 1 of 1");
    session.press("2");
    session.wait_for("the limit of the first", |screen| screen.contains("latency_ms ≤ 100"));
    session.press("o");
    session.wait_for("the limit of the second", |screen| {
        screen.contains("latency_ms ≤ 140") && !screen.contains("latency_ms ≤ 100")
    });
    // `q` goes back from a screen first.
    session.press("1");
    quit(session);
}
