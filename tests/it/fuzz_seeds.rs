//! The seeds of the fuzz targets, and what the targets found: whatever once was a fault is tried in every run.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use crate::support::repo;

#[path = "../fuzz/capture_checks.rs"]
mod capture_checks;
#[path = "../fuzz/checks.rs"]
mod checks;
#[path = "../fuzz/log_checks.rs"]
mod log_checks;

/// Whether the input was sound; it panics when something does not hold.
type Check = fn(&[u8]) -> bool;

/// What a thread of the program has.
const STACK: usize = 2 << 20;

/// Far more than any of them takes, even unoptimized on a busy machine.
const LONGEST: Duration = Duration::from_secs(180);

/// How deep and how long the inputs are that are made here.
const MANY: usize = 10_000;

/// Puts every input through a check, in a thread of its own that has to come to its end.
fn all_hold(check: Check, inputs: impl IntoIterator<Item = (String, Vec<u8>)>) {
    let mut wrong = Vec::new();
    for (name, input) in inputs {
        let (done, end) = sync_channel(1);
        let sound = name.starts_with("sound-");
        let run = move || {
            let found = check(&input);
            assert!(found || !sound, "it is no longer sound");
            let _ = done.send(());
        };
        // The thread has the input's name, so that an overflow of its stack has one too.
        let thread = thread::Builder::new().name(name.clone()).stack_size(STACK).spawn(run).unwrap();
        match end.recv_timeout(LONGEST) {
            Ok(()) => thread.join().unwrap(),
            // It goes on, and is left behind.
            Err(RecvTimeoutError::Timeout) => wrong.push(format!("{name}: no end in {LONGEST:?}")),
            Err(RecvTimeoutError::Disconnected) => wrong.push(format!("{name}: see what it said above")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The files in a folder, by name.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = repo("tests/fuzz/seeds").join(target);
    let mut files: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 30, "seeds are missing in {}", folder.display());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    files.iter().map(|path| (name(path), std::fs::read(path).unwrap())).collect()
}

/// Expressions of more than 2 KB, most of them too deep or too long.
fn large_expressions() -> Vec<(String, Vec<u8>)> {
    let many = |part: &str| part.repeat(MANY);
    let around = |open: &str, inner: &str, close: &str, times: usize| {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    let mut texts = vec![
        ("brackets", around("(", "b", ")", MANY)),
        ("open-brackets", many("(")),
        ("closed-brackets", many(")")),
        ("lists", format!("x in {}", around("[", "1", "]", MANY))),
        ("indices", format!("x{} > 1", many("[0]"))),
        ("indices-in-indices", around("x[", "0", "]", MANY)),
        ("nots", format!("{}b", many("!"))),
        ("minuses", format!("1 > {}x", many("-"))),
        ("nots-and-brackets", around("!(", "b", ")", MANY)),
        ("choices-to-the-right", format!("{}b", many("a ? b : "))),
        ("choices-within", around("a ? ", "b", " : b", MANY)),
        ("conditions-of-choices", around("(", "a", " ? b : b)", MANY)),
        ("question-marks", format!("a{}", many("?"))),
        ("calls", around("abs(", "x", ")", MANY)),
        ("methods", format!("x{} > 1", many(".abs()"))),
        ("methods-of-texts", format!("s{} == s", many(".lower()"))),
        ("methods-with-arguments", format!("x{} > 1", many(".max(y)"))),
        ("samples", around("samples.all(s, ", "b", ")", MANY)),
        ("and", format!("{}b", many("b && "))),
        ("or-and-and", format!("{}b", many("b || b && "))),
        ("sum", format!("1 > {}x", many("x + "))),
        ("powers-without-end", format!("1 > {}x", many("x * (y - "))),
        ("comparisons", format!("x{}", many(" == x"))),
        ("sound-path", format!("x{} > 1", many(".y"))),
        ("sound-quoted-path", format!("$[\"{}\"] > 1", many("é."))),
        ("sound-name", format!("{} > 1", many("é"))),
        ("sound-list", format!("x in [{}1]", many("1, "))),
        ("sound-texts", format!("s in [{}'']", many("\"é\", "))),
        ("list-of-fields", format!("x in [{}y]", many("y, "))),
        ("list-of-many-fields", format!("x in [{}y]", (0..MANY).map(|i| format!("y{i}, ")).collect::<String>())),
        ("arguments", format!("max({}x) > 1", many("y, "))),
        ("arguments-without-end", format!("max({}", many("x, "))),
        ("sound-text", format!("s == \"{}\"", many("\\\\é"))),
        ("text-without-end", format!("s == \"{}", many("\\\""))),
        ("number", format!("x > {}", many("1"))),
        ("sound-fraction", format!("x > 0.{}", many("1"))),
        ("exponent", format!("x > 1e{}", many("9"))),
        ("unit", format!("x > 1{}", many("s"))),
        ("dots", format!("x{}", many("."))),
        ("sound-space", format!("x{} > 1", many("\u{3000}"))),
        ("nul-bytes", many("\0")),
        ("quotes", many("'\"")),
        ("regex", format!("matches(s, r'{}')", many("(a?"))),
        ("regex-of-brackets", format!("matches(s, r'{}')", around("(", "a", ")", MANY))),
        ("regex-of-classes", format!("matches(s, r'{}')", many("\\w"))),
        ("regexes", format!("{}b", "matches(s, r'\\w{60}') || ".repeat(99))),
    ];
    // Just within, and just beyond what is allowed.
    for times in [95, 97, 98, 99, 100, 101, 199, 200] {
        texts.push(("some-brackets", around("(", "b", ")", times)));
        texts.push(("some-nots", format!("{}b", "!".repeat(times))));
        texts.push(("some-operators", format!("{}b", "b && ".repeat(times))));
        texts.push(("some-choices", format!("{}b", "a ? b : ".repeat(times))));
        texts.push(("some-methods", format!("x{} > 1", ".abs()".repeat(times))));
    }
    for times in [1_000, 2_046, 2_047, 2_048, 4_094, 4_095, 4_096] {
        texts.push(("some-arguments", format!("max(x{}) > 1", ", y".repeat(times))));
        texts.push(("some-items", format!("x in [y{}]", ", z".repeat(times))));
    }
    texts.into_iter().map(|(name, text)| (name.to_owned(), text.into_bytes())).collect()
}

/// The same with a record behind each, and records that are large themselves.
fn large_evaluations() -> Vec<(String, Vec<u8>)> {
    let small = r#"{"x": 5, "y": 2, "a": true, "b": false, "s": "é", "samples": ["a", ""]}"#;
    let behind = |text: &[u8], record: &str| [text, b"\0", record.as_bytes()].concat();
    let named = |(name, text): (String, Vec<u8>)| (name, behind(&text, small));
    let mut all: Vec<(String, Vec<u8>)> = large_expressions().into_iter().map(named).collect();
    let fields: String = (0..MANY).map(|i| format!("\"f{i}\": {i}, ")).collect();
    let records = [
        ("record-of-lists", format!("{{\"x\": {}{}}}", "[".repeat(MANY), "]".repeat(MANY))),
        ("record-of-records", format!("{}1{}", "{\"x\": ".repeat(MANY), "}".repeat(MANY))),
        ("sound-some-levels", format!("{}1{}", "{\"x\": ".repeat(100), "}".repeat(100))),
        ("sound-fields", format!("{{{fields}\"x\": 1}}")),
        ("sound-items", format!("{{\"items\": [{}1]}}", "1, ".repeat(MANY))),
        ("sound-answers", format!("{{\"samples\": [{}\"\"]}}", "\"é\", ".repeat(MANY))),
        ("sound-answer", format!("{{\"samples\": [\"{}\"]}}", "é".repeat(MANY))),
        ("sound-text", format!("{{\"s\": \"{}\"}}", "é".repeat(MANY))),
        ("sound-name", format!("{{\"{}\": 1}}", "é.".repeat(MANY))),
    ];
    let text = b"x > 1 || x.x.x > 1 || f9 == f8 || size(s) > 1 || samples.exists(t, samples.all(u, u == t || matches(u, r'(.*)*x')))";
    all.extend(records.map(|(name, record)| (name.to_owned(), behind(text, &record))));
    all
}

/// Rule files of more than 2 KB.
fn large_rule_files() -> Vec<(String, Vec<u8>)> {
    let file = |rest: String| format!("version: 1\n{rest}");
    let rules = |count: usize, rule: fn(usize) -> String| {
        let rules: String = (0..count).map(|i| format!("  - {{id: r{i}, {}}}\n", rule(i))).collect();
        file(format!("rules:\n{rules}"))
    };
    let macros = |count: usize, first: &str, next: fn(usize) -> String, rules: &str| {
        let macros: String = (1..count).map(|i| format!("  m{i}: '{}'\n", next(i - 1))).collect();
        file(format!("macros:\n  m0: '{first}'\n{macros}rules: [{rules}]\n"))
    };
    let blocks: String = (0..300).map(|i| format!("{}- é:\n", " ".repeat(i))).collect();
    let padded = format!("({}x)", " ".repeat(30_000));
    let texts = [
        ("lists", file(format!("rules: {}{}", "[".repeat(MANY), "]".repeat(MANY)))),
        ("open-lists", "[".repeat(MANY)),
        ("mappings", format!("{}1{}", "{é: ".repeat(MANY), "}".repeat(MANY))),
        ("open-mappings", "{a: ".repeat(MANY)),
        ("dashes", "- ".repeat(MANY)),
        ("questions", "? ".repeat(MANY)),
        ("blocks", blocks),
        ("anchors", "&a ".repeat(MANY)),
        ("tags", "!a ".repeat(MANY)),
        ("aliases", file(format!("a: &a [é]\nrules: [{}]", "*a , ".repeat(MANY)))),
        ("documents", "---\n".repeat(MANY)),
        ("keys", (0..MANY).map(|i| format!("k{i}: é\n")).collect()),
        ("key", format!("{}: 1\n", "é".repeat(MANY))),
        ("line", file(format!("rules: [{{id: a, desc: {}, require: 'x = 1'}}]", "é".repeat(100_000)))),
        ("comment", file(format!("#{}\nrules: [{{id: a, require: 'é ='}}]", "é#".repeat(100_000)))),
        ("too-large", format!("#{}", "é".repeat(1 << 19))),
        ("sound-rules", rules(500, |i| format!("limit: {{field: metrics.f{i}, min: 0, max_step: {i}}}"))),
        ("faults", rules(500, |_| "require: 'é = 1', limit: {mni: 😀}, mesage: x".into())),
        ("too-many-rules", rules(5_001, |_| "require: 'x > 1'".into())),
        ("sound-macros", macros(100, "x > 1", |i| format!("m{i}"), "{id: a, require: m99}")),
        ("chain-of-macros", macros(MANY, "x > 1", |i| format!("m{i}"), "{id: a, require: m9999}")),
        ("ring-of-macros", macros(MANY, "m9999", |i| format!("m{i}"), "{id: a, require: m9999}")),
        ("doubling-macros", macros(100, "x > 1", |i| format!("m{i} || m{i}"), "{id: a, require: m99}")),
        ("choosing-macros", macros(100, "x", |i| format!("b ? m{i} : m{i}"), "{id: a, require: 'm99 == m98'}")),
        ("equal-macros", macros(100, "x", |i| format!("m{i} == m{i}"), "{id: a, require: m99}")),
        (
            "wide-macros",
            macros(9, "x", |i| format!("max({})", vec![format!("m{i}"); 9].join(", ")), "{id: a, require: 'm8 > 1'}"),
        ),
        (
            "long-macro",
            macros(
                2,
                &padded,
                |i| format!("max({})", vec![format!("m{i}"); 2_000].join(", ")),
                "{id: a, require: 'm1 > 1'}",
            ),
        ),
    ];
    let mut all: Vec<(String, Vec<u8>)> =
        texts.into_iter().map(|(name, text)| (name.to_owned(), text.into_bytes())).collect();
    let written = |text: &[u8]| serde_json::to_string(&String::from_utf8_lossy(text)).unwrap();
    all.extend(large_expressions().into_iter().map(|(name, text)| {
        // What is sound by itself is not always a rule: it may read no field.
        let name = name.trim_start_matches("sound-").to_owned();
        (name, file(format!("rules: [{{id: a, require: {}}}]", written(&text))).into_bytes())
    }));
    all
}

#[test]
fn rule_files() {
    all_hold(checks::rule_file, seeds("rule_file"));
}

#[test]
fn large_rule_files_hold() {
    all_hold(checks::rule_file, large_rule_files());
}

#[test]
fn expressions() {
    all_hold(checks::expression, seeds("expression"));
}

#[test]
fn large_expressions_hold() {
    all_hold(checks::expression, large_expressions());
}

#[test]
fn evaluations() {
    all_hold(checks::evaluator, seeds("evaluator"));
}

#[test]
fn large_evaluations_hold() {
    all_hold(checks::evaluator, large_evaluations());
}

#[test]
fn logs_of_every_format() {
    let targets: [(&str, Check); 7] = [
        ("native", log_checks::native),
        ("generic", log_checks::generic),
        ("openai", log_checks::openai),
        ("otel", log_checks::otel),
        ("langfuse", log_checks::langfuse),
        ("envelope", log_checks::envelope),
        ("verdict", log_checks::verdict),
    ];
    for (target, check) in targets {
        all_hold(check, seeds(target));
    }
}

#[test]
fn captures() {
    all_hold(capture_checks::capture, seeds("capture"));
}
