//! Who may import whom, read from the sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::repo;

/// For each module, what it may use of this crate; everything may use the leaves.
const ARROWS: [(&str, &[&str]); 18] = [
    ("main", &["cli"]),
    (
        "cli",
        &[
            "app", "pipeline", "replay", "capture", "config", "clock", "engine", "history", "message", "rules", "sink",
            "source", "state", "stats", "ui",
        ],
    ),
    ("app", &["ui", "state", "message", "config", "history", "stats"]),
    ("ui", &["state", "message", "stats", "history"]),
    ("state", &["message", "history", "stats"]),
    ("pipeline", &["source", "sink", "capture", "analysis", "engine", "rules", "history", "message", "stats"]),
    ("replay", &["pipeline", "state", "capture", "engine", "rules", "history", "message", "stats"]),
    ("message", &["analysis", "engine", "rules", "history", "stats"]),
    ("analysis", &["engine", "history", "stats"]),
    ("config", &["engine", "rules", "history"]),
    ("source", &[]),
    ("sink", &[]),
    ("capture", &[]),
    ("history", &["stats"]),
    ("engine", &["rules", "stats", "history"]),
    ("rules", &["stats"]),
    ("stats", &[]),
    ("verdict", &[]),
];

const LEAVES: [&str; 7] = ["record", "verdict", "clock", "yaml", "humanize", "sanitize", "redact"];

/// Crates that a module must not know.
const FOREIGN: [(&str, &[&str]); 13] = [
    ("analysis", &["tokio", "ratatui", "crossterm", "notify"]),
    ("record", &["tokio", "ratatui", "crossterm", "notify"]),
    ("verdict", &["tokio", "ratatui", "crossterm", "notify"]),
    ("stats", &["tokio", "ratatui", "crossterm", "notify"]),
    ("history", &["tokio", "ratatui", "crossterm", "notify"]),
    ("rules", &["tokio", "ratatui", "crossterm", "notify"]),
    ("capture", &["tokio", "ratatui", "crossterm", "notify"]),
    ("engine", &["tokio", "ratatui", "crossterm", "notify"]),
    ("message", &["ratatui", "crossterm"]),
    ("state", &["tokio", "ratatui", "crossterm"]),
    ("replay", &["ratatui", "crossterm", "tokio"]),
    ("ui", &["tokio", "crossterm", "ort", "rten"]),
    ("pipeline", &["ratatui", "crossterm"]),
];

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Each module's source without its tests, by the module's first name.
fn modules() -> BTreeMap<String, Vec<(PathBuf, String)>> {
    let src = repo("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut modules: BTreeMap<String, Vec<(PathBuf, String)>> = BTreeMap::new();
    for path in files {
        let relative = path.strip_prefix(&src).unwrap().to_owned();
        let first = relative.components().next().unwrap().as_os_str().to_string_lossy().replace(".rs", "");
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap().to_owned();
        modules.entry(first).or_default().push((relative, code));
    }
    modules
}

/// The first names of all paths below `crate::`, grouped imports (`crate::{a, b::c}`) among them.
fn used_modules(code: &str) -> Vec<String> {
    let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut used = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + 7..];
        let name =
            |text: &str| text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        match rest.strip_prefix('{') {
            None => used.push(name(rest)),
            Some(group) => {
                let mut depth = 0;
                let mut start = 0;
                for (index, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        ',' if depth == 0 => {
                            used.push(name(&group[start..index]));
                            start = index + 1;
                        }
                        '}' if depth == 0 => {
                            used.push(name(&group[start..index]));
                            break;
                        }
                        '}' => depth -= 1,
                        _ => {}
                    }
                }
            }
        }
    }
    used.retain(|name| !name.is_empty());
    used
}

#[test]
fn imports_are_read_in_every_form() {
    assert_eq!(
        used_modules("use crate::a::b;\nuse crate::{c, d::{e, f},\n g};\n// crate::no\nlet x = crate::h();"),
        ["a", "c", "d", "g", "h"]
    );
}

#[test]
fn no_arrow_runs_back() {
    let mut wrong = Vec::new();
    for (module, files) in modules() {
        let allowed = ARROWS.iter().find(|(name, _)| *name == module).map_or(&[][..], |(_, allowed)| *allowed);
        for (path, code) in files {
            for used in used_modules(&code) {
                let leaf = LEAVES.contains(&used.as_str());
                if used != module && !leaf && !allowed.contains(&used.as_str()) {
                    wrong.push(format!("{}: crate::{used}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "imports that run back:\n{}", wrong.join("\n"));
}

#[test]
fn pure_modules_know_no_terminal_and_no_runtime() {
    let modules = modules();
    let mut wrong = Vec::new();
    for (module, banned) in FOREIGN {
        for (path, code) in modules.get(module).into_iter().flatten() {
            for banned in banned {
                // (The text area of the rules' editor has another name, and may be a part of the state.)
                if code.contains(&format!("use {banned};")) || code.contains(&format!("{banned}::")) {
                    wrong.push(format!("{}: {banned}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn one_file_names_each_backend_and_two_modules_spawn() {
    for (module, files) in modules() {
        for (path, code) in files {
            let name = path.display().to_string();
            let code: String =
                code.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
            let names = |krate: &str| {
                let path = format!("{krate}::");
                let word_before = |at: usize| code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
                code.match_indices(&path).any(|(at, _)| !word_before(at))
            };
            assert!(name == "engine/embedding/onnxruntime.rs" || !names("ort"), "{name} names ort");
            assert!(name == "engine/embedding/portable.rs" || !names("rten"), "{name} names rten");
            if module != "pipeline" && module != "replay" {
                assert!(!code.contains("thread::spawn") && !code.contains("thread::Builder"), "{name} spawns");
            }
        }
    }
}

#[test]
fn modules_are_files_beside_their_folders() {
    let mut files = Vec::new();
    sources(&repo("src"), &mut files);
    assert!(files.iter().all(|path| !path.ends_with("mod.rs")));
}
