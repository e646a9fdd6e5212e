//! Stories of an operator at the real program in a real terminal, each from its beginning to its end.

use std::path::PathBuf;

use crate::support::Home;
use crate::terminal::Session;

/// Rules with a comment that has to survive.
const RULES: &str = "# agreed with the desk in May\nversion: 1\nrules:\n  - id: max-loss  # see the memo\n    desc: A loss stays inside the limit\n    limit: {field: financial.proposed_loss, min: -10000, unit: USD}\n    severity: critical\n";

const UP: &str = "L";
const CTRL_S: &str = "\x13";
const CTRL_T: &str = "\x14";
const ESC: &str = "\x1b";

fn demo(home: Home, more: &str) -> Session {
    let mut session = Session::start(home, &format!("exec \"$WATCHER\" demo --backend lexical {more}"), 45, 160);
    session.wait_for_text("ALLOW");
    session
}

fn with_rules() -> (Session, PathBuf) {
    let home = Home::new();
    let rules = home.write("rules.yaml", RULES);
    (demo(home, "--rules rules.yaml"), rules)
}

fn quit(mut session: Session) -> Home {
    session.press("\x03");
    assert_eq!(session.end(), 0);
    session.assert_restored();
    session.home
}

/// The rule in the editor, once its backtest stands beside it.
fn editing(session: &mut Session) {
    session.press(":edit-rule max-loss\r");
    session.wait_for("the form", |screen| screen.contains("form, Ctrl-T text") && screen.contains("fired before"));
}

/// `1 in force · abcdefg`, as the list of rules has it.
fn revision(screen: &str) -> String {
    let (_, rest) = screen.split_once("in force · ").unwrap();
    format!("in force · {}", rest.split(' ').next().unwrap())
}

fn reads(path: &PathBuf) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_violation_is_found_and_one_sees_why() {
    let mut session = demo(Home::new(), "");
    session.wait_for_text("BLOCK");
    session.press("V\r");
    session.wait_for("the record and its rules", |screen| {
        screen.contains("╭ Samples") && screen.contains("✖ CRIT") && screen.contains("(min, critical) = ")
    });
    session.press("e");
    session
        .wait_for("the rule in the editor", |screen| screen.contains("╭ Backtest") && screen.contains("fired before"));
    quit(session);
}

#[test]
fn a_limit_is_edited_saved_and_undone_and_the_comment_is_still_there() {
    let (mut session, rules) = with_rules();
    session.wait_for_text("BLOCK");
    editing(&mut session);
    let revision = revision(&session.text());
    session.press(UP);
    session.wait_for("the change in the list", |screen| screen.contains("1 changed in the draft"));
    session.wait_for_text("Ctrl-S applies");
    assert_eq!(reads(&rules), RULES, "nothing is written before it is said");
    session.press(CTRL_S);
    session.wait_for_text("in force   ");
    session.press("\r");
    session.wait_for_text("in force since");
    let saved = reads(&rules);
    assert_ne!(saved, RULES);
    assert!(saved.contains("# agreed with the desk in May") && saved.contains("# see the memo"), "{saved}");
    // Undo reaches back over what was saved.
    session.press("u");
    session.wait_for_text("1 changed in the draft");
    session.wait_for_text("Ctrl-S applies");
    session.press(CTRL_S);
    session.wait_for_text("in force   ");
    session.press("r");
    session.wait_for_text("audit log");
    session.press("as it was\r");
    session.wait_for("the rules that were", |screen| screen.contains(&revision));
    let home = quit(session);
    assert_eq!(reads(&rules), RULES);
    let audit = std::fs::read_to_string(home.path(".local/state/watcher/audit.ndjson")).unwrap();
    assert!(audit.contains("as it was") && audit.lines().count() == 2, "{audit}");
}

#[test]
fn a_limit_is_tried_beside_the_old_one_and_promoted() {
    let (mut session, rules) = with_rules();
    session.wait_for_text("BLOCK");
    editing(&mut session);
    session.press(UP);
    session.wait_for_text("Ctrl-S applies");
    session.press(CTRL_S);
    session.wait_for_text("as a shadow");
    session.press("s");
    session.wait_for_text("max-loss-shadow");
    session.wait_for("both at work", |screen| screen.contains("in force since") && screen.contains("2 in force"));
    let both = reads(&rules);
    assert!(both.contains("min: -10000") && both.contains("mode: shadow"), "{both}");
    session.press(":edit-rule max-loss-shadow\r");
    session.wait_for_text("max-loss-shadow ·");
    session.press(":promote\r");
    session.wait_for_text("as its shadow was");
    session.wait_for_text("Ctrl-S applies");
    session.press(CTRL_S);
    session.wait_for_text("in force   ");
    session.press("\r");
    session.wait_for("one rule again", |screen| screen.contains("1 in force"));
    let _home = quit(session);
    let one = reads(&rules);
    assert!(!one.contains("shadow") && !one.contains("min: -10000") && one.contains("# agreed"), "{one}");
}

#[test]
fn a_wrong_edit_can_t_be_applied_and_the_old_rules_stay() {
    let (mut session, rules) = with_rules();
    editing(&mut session);
    session.press(CTRL_T);
    session.wait_for_text("text, Esc leaves");
    session.press("nonsense: [");
    session.wait_for("the fault with its place", |screen| screen.contains("✖ rules.yaml:"));
    session.press(CTRL_S);
    session.wait_for_text("not applied");
    let _home = quit(session);
    assert_eq!(reads(&rules), RULES);
}

#[test]
fn a_file_that_changed_on_the_disk_is_not_overwritten() {
    let (mut session, rules) = with_rules();
    editing(&mut session);
    session.press(UP);
    session.wait_for_text("Ctrl-S applies");
    // What does not hold is not taken in: the draft is of the old text still.
    let theirs = RULES.replace("severity: critical", "severity: terrible");
    std::fs::write(&rules, &theirs).unwrap();
    session.press(CTRL_S);
    session.wait_for_text("in force   ");
    session.press("\r");
    session.wait_for("the difference", |screen| {
        screen.contains("Changed on the disk") && screen.contains("+    severity: terrible")
    });
    let _home = quit(session);
    assert_eq!(reads(&rules), theirs);
}

#[test]
fn what_another_put_in_force_meanwhile_is_not_overwritten_either() {
    let (mut session, rules) = with_rules();
    editing(&mut session);
    session.press(UP);
    session.wait_for_text("Ctrl-S applies");
    let theirs = RULES.replace("A loss stays inside the limit", "What the desk may lose");
    std::fs::write(&rules, &theirs).unwrap();
    session.wait_for_text("in force since");
    session.press(CTRL_S);
    session.wait_for_text("in force   ");
    session.press("\r");
    session.wait_for("the difference", |screen| {
        screen.contains("Changed on the disk") && screen.contains("What the desk may lose")
    });
    let _home = quit(session);
    assert_eq!(reads(&rules), theirs);
}

#[test]
fn an_agent_contradicts_itself_what_since_when_and_what_differs() {
    let mut session = demo(Home::new(), "");
    session.wait_for_text("@disagree");
    session.press("/");
    session.wait_for_text("Filter");
    session.press("divergence.risk > 0.5");
    session.wait_for("how many it hides", |screen| screen.contains(" fit, ") && screen.contains(" hidden"));
    session.press("\r");
    session.press("D");
    session.wait_for("what differs", |screen| screen.contains("What differs") && screen.contains("in question"));
    session.press(ESC);
    session.wait_for("the list", |screen| !screen.contains("What differs"));
    session.press("k\r");
    session.wait_for("the answers side by side", |screen| screen.contains("answer 1, the one in use"));
    quit(session);
}

#[test]
fn a_source_is_lost_and_comes_back() {
    let home = Home::new();
    let line = |id: &str| format!("{{\"id\":\"{id}\",\"agent_id\":\"a\",\"samples\":[\"yes\",\"yes\"]}}\n");
    let log = home.write("log", line("first"));
    let mut session = Session::start(home, "exec \"$WATCHER\" log --backend lexical", 45, 160);
    session.wait_for_text("1 kept");
    session.press("5");
    session.wait_for_text("following");
    std::fs::remove_file(&log).unwrap();
    session.wait_for_text("waiting: ");
    std::fs::write(&log, line("second") + &line("third")).unwrap();
    session.wait_for("the source again", |screen| screen.contains("following") && screen.contains("3 records"));
    session.press("12");
    session.wait_for_text("third");
    quit(session);
}

#[test]
fn the_end_may_come_at_any_moment() {
    for keys in ["", "2p", "3", ":ed", "/x", "?", "3\rq", "4f", "5", "C", "R", "D", "'", "3\x14abc"] {
        let mut session = demo(Home::new(), "");
        session.press(keys);
        quit(session);
    }
}

#[test]
fn nothing_hostile_reaches_the_terminal() {
    let home = Home::new();
    // What a terminal would obey: titles, the clipboard, colours, a clearing, bidi overrides; and what bends columns.
    let evil = [
        "\u{1b}]52;c;aGFja2Vk\u{7}",
        "\u{1b}]0;owned\u{1b}\\",
        "\u{9b}31m\u{1b}[2J\u{1b}[?1049l",
        "\u{202e}desrever\u{200b}\u{feff}",
        "\t\ttabs\r\nlines\u{0}",
        "e\u{301}\u{301}\u{301}👩‍👩‍👧‍👦漢字",
    ];
    let long = "w".repeat(65_536);
    let mut lines = String::new();
    for (index, text) in evil.iter().chain([&long.as_str()]).enumerate() {
        let line = serde_json::json!({ "id": text, "agent_id": text, "model": text, "prompt": text,
            "samples": [text, format!("{text} not"), "b"], "metrics": { (*text): index, "pressure": -1 }, "latency_ms": 5 });
        lines += &format!("{line}\n");
    }
    lines += "{\"broken \u{1b}]52;c;aGFja2Vk\u{7}\n";
    home.write("log", lines);
    let mut session = Session::start(home, "exec \"$WATCHER\" log --backend lexical", 45, 160);
    session.wait_for_text("7 kept");
    let looks = [
        ("2", "╭ Samples"),
        ("p", "as it was read"),
        ("p", "confidence"),
        ("g", "1 of 7"),
        ("p", "as it was read"),
        ("jp", "2 of 7"),
        ("j", "3 of 7"),
        ("j", "4 of 7"),
        ("j", "5 of 7"),
        ("j", "6 of 7"),
        ("q", "╭ Latency"),
        ("4", "╭ Baseline"),
        ("5", "╭ Rejected"),
        ("1", "╭ Latency"),
        ("/w", " hidden"),
        ("\rD", "What differs"),
        (ESC, "╭ Latency"),
        (":scope ", "╭ Command"),
        (ESC, "╭ Latency"),
    ];
    for (keys, shown) in looks {
        session.press(keys);
        // What stood in front is gone before the next key: after Esc it would be another one.
        session.wait_for(shown, |screen| screen.contains(shown) && (keys != ESC || !screen.contains("Esc closes")));
        let text = session.text();
        assert!(text.lines().all(|line| unicode_width::UnicodeWidthStr::width(line) <= 160), "after {keys}:\n{text}");
    }
    let written = session.written().to_vec();
    quit(session);
    let has = |needle: &[u8]| written.windows(needle.len()).any(|window| window == needle);
    assert!(!has(b"\x1b]52;") && !has(b"\x1b]0;owned") && !has(b"\xc2\x9b") && !has(b"\x1b[?1049l"));
    assert!(!has("\u{202e}".as_bytes()) && !has("\u{feff}".as_bytes()) && !has(b"\x1b[2J\x1b[?1049l"));
}
