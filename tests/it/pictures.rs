//! The pictures of the README, made from the running program:
//! `WATCHER_PICTURES=sample-data/pictures cargo test --release --test it -- pictures`
//!
//! Without the variable the scenes are only reached, so that a picture that can't be taken any more is found.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::support::{Home, repo};
use crate::terminal::Session;

/// Where pictures go, if any are wanted.
fn folder() -> Option<std::path::PathBuf> {
    std::env::var_os("WATCHER_PICTURES").map(|folder| repo(&folder.to_string_lossy()))
}

/// The demo, compared by meaning for a picture, by words (which is quick) for a test.
fn demo(more: &str, rows: u16, cols: u16) -> Session {
    let home = Home::new();
    home.write("rules.yaml", RULES);
    let backend = if folder().is_some() { "" } else { "--backend lexical" };
    let mut session = Session::start(home, &format!("exec \"$WATCHER\" demo {backend} {more}"), rows, cols);
    session.wait_for_text("ALLOW");
    session
}

const RULES: &str = "# The desk's rules\nversion: 1\nrules:\n  - id: max-loss\n    desc: A proposed loss stays inside the limit (a loss is negative)\n    limit: {field: financial.proposed_loss, min: -10000, unit: USD}\n    severity: critical\n  - id: leverage\n    desc: Leverage stays at ten or below\n    limit: {field: metrics.leverage_ratio, max: 10}\n  - id: energy-balance\n    desc: No more energy comes out than went in\n    require: 'physics.energy_out <= physics.energy_in'\n    severity: critical\n  - id: samples-disagree\n    desc: The answers contradict each other\n    alert_if: 'divergence.risk > 0.5'\n  - id: slow-p95\n    desc: The agents answer in time\n    window: {agg: p95, field: latency_ms, over: 60s, by: [agent_id], min_count: 20}\n    limit: {max: 4000, unit: ms}\n";

/// Writes the picture, if one is wanted, and ends the program.
fn take(mut session: Session, name: &str) {
    let svg = svg(session.screen.screen());
    assert!(svg.contains("<svg") && svg.len() < 400_000, "{} bytes", svg.len());
    if let Some(folder) = folder() {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.svg")), svg).unwrap();
    }
    session.press("\x03");
    assert_eq!(session.end(), 0);
    session.assert_restored();
}

/// The burst of contradicting answers, the run of breaches and the drift behind them are on the screen by then.
fn incident(session: &mut Session) {
    session.wait_for_text("@disagree");
    if folder().is_some() {
        session.wait_for("a run of breaches", |screen| screen.matches("max-loss").count() >= 3);
        session.wait_for_text("drift");
    }
}

#[test]
fn overview() {
    let mut session = demo("", 45, 160);
    incident(&mut session);
    take(session, "overview");
}

#[test]
fn records() {
    let mut session = demo("", 45, 160);
    incident(&mut session);
    session.press("/");
    session.wait_for_text("Filter");
    session.press("divergence.facts > 0.5");
    session.wait_for("some that fit", |screen| screen.contains(" fit, ") && !screen.contains(" 0 fit"));
    session.press("\r");
    session.press("k\r");
    session.wait_for("the answers and the rules", |screen| {
        screen.contains("answer 1, the one in use") && screen.contains("5 rules")
    });
    take(session, "records");
}

#[test]
fn rules() {
    let mut session = demo("--rules rules.yaml", 45, 160);
    incident(&mut session);
    session.press(":edit-rule max-loss\r");
    session.wait_for_text("form, Ctrl-T text");
    session.press("LLLLLLLLLL");
    session.wait_for("new ones", |screen| screen.contains("+ new") && screen.contains("Ctrl-S applies"));
    take(session, "rules");
}

#[test]
fn drift() {
    let mut session = demo("", 45, 160);
    incident(&mut session);
    session.press("4");
    session.wait_for("a series against its past", |screen| screen.contains("from – to"));
    if folder().is_some() {
        session.wait_for("what moved", |screen| screen.contains("since   ") || screen.contains("Enter opens one"));
    }
    take(session, "drift");
}

#[test]
fn health() {
    let mut session = demo("", 45, 160);
    session.wait_for_text("BLOCK");
    session.press("5");
    session.wait_for_text("╭ Rejected");
    take(session, "health");
}

#[test]
fn themes() {
    for theme in ["light", "high-contrast", "terminal", "nord"] {
        let mut session = demo(&format!("--theme {theme}"), 35, 120);
        session.wait_for_text("BLOCK");
        if folder().is_some() {
            incident(&mut session);
        }
        take(session, &format!("theme-{theme}"));
    }
}

const CELL: (usize, usize) = (9, 19);

/// The 16 colours as most terminals have them.
const NAMED: [&str; 16] = [
    "#000000", "#cd3131", "#0dbc79", "#e5e510", "#2472c8", "#bc3fbc", "#11a8cd", "#e5e5e5", "#666666", "#f14c4c",
    "#23d18b", "#f5f543", "#3b8eea", "#d670d6", "#29b8db", "#ffffff",
];

fn colour(colour: vt100::Color, otherwise: &str) -> String {
    match colour {
        vt100::Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
        vt100::Color::Idx(index) => NAMED.get(usize::from(index)).map_or(otherwise, |named| named).to_owned(),
        vt100::Color::Default => otherwise.to_owned(),
    }
}

/// Colour of the letters, of what is behind them, bold, underlined.
type Look = (String, String, bool, bool);

fn look(cell: &vt100::Cell) -> Look {
    let (fg, bg) = (colour(cell.fgcolor(), "#d0d4dc"), colour(cell.bgcolor(), "#16181c"));
    let (fg, bg) = if cell.inverse() { (bg, fg) } else { (fg, bg) };
    (fg, bg, cell.bold(), cell.underline())
}

/// The screen as an SVG: runs of equal style, each held to its columns.
fn svg(screen: &vt100::Screen) -> String {
    let (rows, cols) = screen.size();
    let (rows, cols) = (rows.get(), cols.get());
    let (width, height) = (usize::from(cols) * CELL.0, usize::from(rows) * CELL.1);
    let mut grounds: BTreeMap<String, usize> = BTreeMap::new();
    for (row, col) in (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col))) {
        *grounds.entry(look(screen.cell(row, col).unwrap()).1).or_default() += 1;
    }
    let (ground, _) = grounds.into_iter().max_by_key(|(_, count)| *count).unwrap();
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"15\" xml:space=\"preserve\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"{ground}\"/>\n"
    );
    for row in 0..rows {
        let mut col = 0;
        while col < cols {
            let start = col;
            let own = look(screen.cell(row, col).unwrap());
            let mut text = String::new();
            while col < cols && look(screen.cell(row, col).unwrap()) == own {
                let contents = screen.cell(row, col).unwrap().contents();
                text.push_str(if contents.is_empty() { " " } else { contents });
                col += 1;
            }
            let (x, y) = (usize::from(start) * CELL.0, usize::from(row) * CELL.1);
            run(&mut out, (x, y), usize::from(col - start) * CELL.0, &text, &own, &ground);
        }
    }
    out + "</svg>\n"
}

fn run(out: &mut String, (x, y): (usize, usize), columns: usize, text: &str, look: &Look, ground: &str) {
    let (fg, bg, bold, underline) = look;
    if bg != ground {
        let _ = writeln!(out, "<rect x=\"{x}\" y=\"{y}\" width=\"{columns}\" height=\"{}\" fill=\"{bg}\"/>", CELL.1);
    }
    if text.trim().is_empty() {
        return;
    }
    let weight = if *bold { " font-weight=\"bold\"" } else { "" };
    let line = if *underline { " text-decoration=\"underline\"" } else { "" };
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{}\" textLength=\"{columns}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{fg}\"{weight}{line}>{text}</text>",
        y + 14
    );
}
