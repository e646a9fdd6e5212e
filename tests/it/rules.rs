//! Rule files: what is sound says what its tests expect; what is not is refused with the exact place and mend.

use std::fs;
use std::path::{Path, PathBuf};

use watcher::engine::constraints::{Checked, accept, check};
use watcher::rules::schema::Source;
use watcher::yaml::Diagnostic;

use crate::support::repo;

fn files(dir: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(repo(dir)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    files.sort();
    files
}

fn read(path: &Path) -> Result<Checked, Vec<Diagnostic>> {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    check(&[Source { name, text: fs::read_to_string(path).unwrap() }])
}

fn told(faults: &[Diagnostic]) -> String {
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}

#[test]
fn sound_files_say_what_their_tests_expect() {
    let mut tests = 0;
    let mut wrong = String::new();
    for path in files("tests/rules/valid").into_iter().chain(files("sample-data/rules")) {
        match read(&path) {
            Ok(checked) => {
                tests += checked.report.tests.len();
                wrong.push_str(&told(&checked.report.faults(&checked.rules)));
            }
            Err(faults) => wrong.push_str(&told(&faults)),
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(tests > 300, "{tests}");
}

#[test]
fn every_rule_that_ships_is_tested_in_all_its_branches() {
    for path in files("sample-data/rules") {
        let checked = read(&path).unwrap();
        for coverage in &checked.report.coverage {
            assert!(coverage.tested, "{}: {}", path.display(), coverage.rule);
            assert!(coverage.untouched.is_empty(), "{}: {coverage:?}", path.display());
        }
    }
}

/// One mistake a file, and one fault: where the file's first line says, and in these words.
#[test]
fn every_mistake_is_told_with_its_place_and_mend() {
    let files = files("tests/rules/invalid");
    assert!(files.len() >= 60);
    let mut all = String::new();
    for path in files {
        let source = Source {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            text: fs::read_to_string(&path).unwrap(),
        };
        let faults = accept(std::slice::from_ref(&source)).err().unwrap_or_default();
        assert_eq!(faults.len(), 1, "{}: {}", path.display(), told(&faults));
        let place = source.text.lines().next().and_then(|line| line.strip_prefix("# expect: ")).unwrap();
        let (line, column) = faults[0].position();
        assert_eq!(format!("{line}:{column}"), place, "{}", path.display());
        for fault in &faults {
            let (line, column) = fault.position();
            let text = source.text.lines().nth(line - 1).unwrap_or_default();
            let width = fault.text[fault.span.clone()].chars().count().max(1);
            let help = fault.help.as_ref().map(|help| format!("  = {help}\n")).unwrap_or_default();
            all.push_str(&format!(
                "{}:{line}:{column}: {}\n  {text}\n  {}{}\n{help}\n",
                source.name,
                fault.message,
                " ".repeat(column - 1),
                "^".repeat(width)
            ));
        }
    }
    insta::assert_snapshot!(all);
}

/// What the README shows is sound, and its test passes.
#[test]
fn the_example_of_the_readme_holds() {
    let readme = fs::read_to_string(repo("README.md")).unwrap();
    let (_, rest) = readme.split_once("```yaml\nversion: 1\n").unwrap();
    let text = format!("version: 1\n{}", rest.split_once("```").unwrap().0);
    let checked =
        check(&[Source { name: "README.md".into(), text }]).unwrap_or_else(|faults| panic!("{}", told(&faults)));
    assert_eq!((checked.rules.rules.len(), checked.report.tests.len(), checked.report.failed()), (6, 1, 0));
}

#[test]
fn rules_of_several_files_are_one_set() {
    let file = |name: &str, text: &str| Source { name: name.into(), text: text.into() };
    let one = file("a.yaml", "version: 1\nrules:\n  - {id: a, limit: {field: x, max: 1}}\n");
    let two = file(
        "b.yaml",
        "version: 1\nrules: []\ntests:\n  - {name: of another file, given: {x: 2}, expect: {a: warning}}\n",
    );
    let checked = check(&[one.clone(), two]).unwrap();
    let counts = (checked.rules.rules.len(), checked.report.tests.len(), checked.rules.files.len());
    assert_eq!((counts, checked.report.failed()), ((1, 1, 2), 0));
    let faults = accept(&[one.clone(), file("b.yaml", &one.text), file("c.yaml", "version: 3\nrules: []\n")]);
    let told: Vec<String> = faults.unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "b.yaml:3:10: a second rule `a` (ids are unique over all files)",
            "c.yaml:1:10: unknown version of the rule language (this is version 1)"
        ]
    );
}
