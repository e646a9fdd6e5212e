//! The frame of the product: help, exit codes, configuration, errors that name what, where and what to do.

use crate::support::{Home, repo, stderr};

fn stdout(output: &std::process::Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn without_arguments_there_is_short_help() {
    let home = Home::new();
    let output = home.watcher().output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = stdout(&output);
    assert!(text.lines().count() <= 12, "{text}");
    for command in ["watcher demo", "watcher agents.ndjson", "watcher replay"] {
        assert!(text.contains(command), "{text}");
    }
}

#[test]
fn wrong_command_lines_end_with_2_and_a_way_out() {
    let home = Home::new();
    home.write("log", "{}\n");
    home.write("there", "precious\n");
    let cases = [
        ("replay log --headless --backend lexcal", "did you mean `lexical`?"),
        ("replay log --headles", "--headless"),
        ("replay log --headless --fail-on crit", "critical, warning"),
        ("watch log --headless --output there", "exists already"),
        ("watch", "SOURCE"),
        ("watch x[ --headless", "neither a file nor a pattern"),
        ("log", "--headless"),
        ("demo", "--headless"),
        ("replay log", "--headless"),
        ("replay log --headless --rules none.yaml", "none.yaml"),
        ("replay log --headless --config none.yaml", "none.yaml"),
        ("config theme --theme drak", "did you mean `dark`?"),
        ("config theme --theme ../../etc/passwd", "there is no theme"),
    ];
    for (arguments, hint) in cases {
        let text = stderr(&home.run(arguments, 2));
        assert!(text.contains(hint), "watcher {arguments}: {text}");
    }
    assert_eq!(std::fs::read_to_string(home.path("there")).unwrap(), "precious\n");
}

#[test]
fn input_that_can_t_be_read_ends_with_3() {
    let home = Home::new();
    assert!(stderr(&home.run("replay nowhere.ndjson --headless", 3)).contains("nowhere.ndjson"));
    home.write("folder/x", "");
    assert!(stderr(&home.run("replay folder --headless", 3)).contains("folder"));
}

#[test]
fn faulty_rules_stop_the_start_with_the_place_and_the_mend() {
    let home = Home::new();
    home.write("log", "{}\n");
    home.write("old", "kept\n");
    home.write("r.yaml", "version: 1\nrules:\n  - id: loss\n    limit: {field: financial.proposed_loss, mni: -10000}\n    severity: critcal\n");
    let text = stderr(&home.run("replay log --headless --rules r.yaml --output old", 2));
    for part in
        ["r.yaml:4:45: unknown key `mni`", "did you mean `min`?", "r.yaml:5:15", "did you mean `critical`?", "2 faults"]
    {
        assert!(text.contains(part), "{part} in:\n{text}");
    }
    // An output is not replaced by a run that does not start.
    assert_eq!(std::fs::read_to_string(home.path("old")).unwrap(), "kept\n");
}

#[test]
fn odd_characters_in_a_faulty_rule_are_no_trouble() {
    let home = Home::new();
    home.write("log", "{}\n");
    home.write("r.yaml", "version: 1\nrules:\n  - id: a\n    limit: {field: x, max: 1}\n    message: \"\\tééééé{x\"\n");
    let text = stderr(&home.run("replay log --headless --rules r.yaml", 2));
    assert!(text.contains("the placeholder does not end"), "{text}");
}

#[test]
fn the_configuration_is_read_checked_and_shown() {
    let home = Home::new();
    home.write(".config/watcher/config.yaml", "backend: lexical\npolicy: {preset: protocol}\nkeys: {freeze: [P]}\n");
    let text = stdout(&home.run("config show", 0));
    assert!(
        text.contains("backend: lexical") && text.contains("review_score: 0.4") && text.contains("(read)"),
        "{text}"
    );
    let text = stdout(&home.run("config show --backend none", 0));
    assert!(text.contains("backend: none"), "{text}");
    let shown = home.write("shown.yaml", text);
    home.run(&format!("config show --config {}", shown.display()), 0);
    let keys = stdout(&home.run("config keys", 0));
    assert!(keys.lines().any(|line| line.starts_with("freeze ") && line.contains(" P ")), "{keys}");
    assert!(stdout(&home.run("config theme", 0)).contains("severity.critical"));
    home.write(".config/watcher/config.yaml", "bakend: lexical\n");
    let text = stderr(&home.run("config show", 2));
    assert!(
        text.contains("config.yaml:1:1: unknown key `bakend`") && text.contains("did you mean `backend`?"),
        "{text}"
    );
    home.write(".config/watcher/config.yaml", "keys: {freeze: [q]}\n");
    assert!(stderr(&home.run("config keys", 2)).contains("bound twice"));
}

#[test]
fn the_environment_stands_between_command_line_and_file() {
    let home = Home::new();
    home.write("c.yaml", "backend: lexical\n");
    let show = |backend: Option<&str>, more: &[&str]| {
        let mut command = home.watcher();
        command.args(["config", "show", "--config", "c.yaml"]).args(more);
        if let Some(backend) = backend {
            command.env("WATCHER_BACKEND", backend);
        }
        stdout(&command.output().unwrap())
    };
    assert!(show(None, &[]).contains("backend: lexical"));
    assert!(show(Some("none"), &[]).contains("backend: none"));
    assert!(show(Some("none"), &["--backend", "portable"]).contains("backend: portable"));
}

#[test]
fn completions_and_the_manual_are_printed() {
    let home = Home::new();
    assert!(stdout(&home.run("completions bash", 0)).contains("complete -F _watcher"));
    assert!(stdout(&home.run("man", 0)).contains(".TH watcher"));
    assert!(stdout(&home.run("--version", 0)).starts_with("watcher "));
}

#[test]
fn shipped_rules_and_samples_go_together() {
    let home = Home::new();
    for rules in ["watcher-protocol.yaml", "llm-service.yaml"] {
        let rules = repo("sample-data/rules").join(rules);
        let live = repo("sample-data/live.ndjson");
        let arguments = format!(
            "replay {} --headless --backend none --rules {} --fail-on rejected>0",
            live.display(),
            rules.display()
        );
        home.run(&arguments, 0);
    }
    let own = home
        .write(".config/watcher/rules/mine.yaml", "version: 1\nrules:\n  - id: mine\n    limit: {field: x, max: 1}\n");
    home.write("log", "{\"x\":2}\n");
    let text = stderr(&home.run("replay log --headless --backend none", 0));
    assert!(text.contains("1 mine"), "{text}");
    std::fs::remove_file(own).unwrap();
    let text = stderr(&home.run("replay log --headless --backend none", 0));
    assert!(text.contains("using llm-service.yaml"), "{text}");
}
