//! `watcher rules test`: the tests in rule files, and what none of them touched.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use quick_junit::{NonSuccessKind, Report as JunitReport, TestCase, TestCaseStatus, TestSuite};

use super::{checked, sources};
use crate::cli::args::RulesTest;
use crate::cli::setup::Setup;
use crate::cli::{Failure, report, say};
use crate::engine::constraints::Checked;
use crate::engine::constraints::testing::TestReport;
use crate::sanitize;

pub(super) fn run(setup: &Setup, what: &RulesTest) -> Result<(), Failure> {
    let checked = checked(&sources(setup, &what.paths)?, what.json)?;
    if let Some(path) = &what.junit {
        let wrong = |error: &dyn std::fmt::Display| Failure::Input(format!("{}: {error}", path.display()));
        let text = junit(&checked).to_string().map_err(|error| wrong(&error))?;
        write(path, &text).map_err(|error| wrong(&error))?;
    }
    say(&if what.json { format!("{}\n", json(&checked)) } else { text(&checked) })?;
    if checked.report.failed() == 0 { Ok(()) } else { Err(Failure::Findings) }
}

/// Reports may hold what records hold.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

/// What went wrong with one test, a line each.
fn failures(checked: &Checked, test: &TestReport) -> Vec<String> {
    let one = |failed: &crate::engine::constraints::testing::Failed| {
        let rule = &checked.rules.rules[failed.expected.rule].id;
        let detail = failed.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
        let expected = failed.expected.outcome;
        format!("record {}: expected {rule} to be {expected}, found {}{detail}", failed.record + 1, failed.found)
    };
    test.failures.iter().map(one).collect()
}

fn text(checked: &Checked) -> String {
    let report = &checked.report;
    let mut out = String::new();
    for test in &report.tests {
        let word = if test.failures.is_empty() { "ok  " } else { "FAIL" };
        out.push_str(&format!("{word}  {}\n", sanitize::line(&test.name)));
    }
    let faults = report.faults(&checked.rules);
    if !faults.is_empty() {
        out.push_str(&format!("\n{}", report::all(&faults)));
    }
    let (tested, ways) = (report.coverage.iter().filter(|rule| rule.tested).count(), &report.coverage);
    let branches: usize = ways.iter().map(|rule| rule.branches).sum();
    let untouched: usize = ways.iter().map(|rule| rule.untouched.len()).sum();
    out.push_str(&format!(
        "\n{} tests, {} failed; {tested} of {} rules and {} of {branches} branches tested\n",
        report.tests.len(),
        report.failed(),
        ways.len(),
        branches - untouched,
    ));
    for rule in ways.iter().filter(|rule| !rule.untouched.is_empty()) {
        let what = if rule.tested { rule.untouched.join(", ") } else { "no test expects anything of it".to_owned() };
        out.push_str(&format!("  not tested: {}: {}\n", rule.rule, sanitize::line(&what)));
    }
    out
}

fn json(checked: &Checked) -> serde_json::Value {
    let report = &checked.report;
    let tests: Vec<_> = report
        .tests
        .iter()
        .map(|test| {
            serde_json::json!({
                "name": test.name,
                "file": &*checked.rules.files[test.file].name,
                "ok": test.failures.is_empty(),
                "failures": failures(checked, test),
            })
        })
        .collect();
    let coverage: Vec<_> = report
        .coverage
        .iter()
        .map(|rule| {
            serde_json::json!({
                "rule": &*rule.rule, "tested": rule.tested, "branches": rule.branches, "untouched": rule.untouched,
            })
        })
        .collect();
    serde_json::json!({
        "ok": report.failed() == 0,
        "tests": tests,
        "failed": report.failed(),
        "faults": report::json(&report.faults(&checked.rules)),
        "coverage": coverage,
    })
}

fn junit(checked: &Checked) -> JunitReport {
    let mut report = JunitReport::new("watcher rules test");
    for (index, file) in checked.rules.files.iter().enumerate() {
        let mut suite = TestSuite::new(&*file.name);
        for test in checked.report.tests.iter().filter(|test| test.file == index) {
            let failures = failures(checked, test);
            let status = match failures.first() {
                None => TestCaseStatus::success(),
                Some(first) => {
                    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                    status.set_message(first.as_str()).set_description(failures.join("\n"));
                    status
                }
            };
            let mut case = TestCase::new(test.name.as_str(), status);
            case.set_classname(&*file.name);
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    }
    report
}
