//! Alerts that reach people: commands and servers that hang, fail and flood; silences that two instances share; and
//! nothing that leaves the process with what was to stay in it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use serde_json::Value;
use watcher::clock::{Clock, SystemClock};

use crate::support::{Home, json_lines, stderr};

/// Longest wait for anything: a bound for a test that fails.
const PATIENCE: Duration = Duration::from_secs(60);

const RULES: &str = "version: 1\nrules:\n  - {id: max-loss, limit: {field: loss, min: -10}, severity: critical}\n  - {id: slow, limit: {field: latency_ms, max: 100}, severity: warning, notify: [page]}\n";

/// A record that breaks `max-loss`, or holds.
fn record(id: &str, loss: i32) -> String {
    format!("{{\"id\":\"{id}\",\"agent_id\":\"a\",\"loss\":{loss},\"samples\":[\"yes, sell\",\"yes, sell\"]}}\n")
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let clock = SystemClock::new();
    while !done() {
        assert!(clock.elapsed() < PATIENCE, "{what} did not come");
        std::thread::yield_now();
    }
}

/// A script that can be run.
fn script(home: &Home, name: &str, text: &str) -> String {
    let path = home.write(name, format!("#!/bin/sh\n{text}\n"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

/// A headless instance that watches a log.
struct Watch(Child);

impl Watch {
    fn start(home: &Home, arguments: &str) -> Self {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("watcher"));
        command.current_dir(home.0.path()).env_clear().env("HOME", home.0.path()).env("PATH", "/usr/bin:/bin");
        let arguments = format!("watch log --headless --backend none --rules rules.yaml --from start {arguments}");
        command.args(arguments.split(' ').filter(|word| !word.is_empty())).stdin(Stdio::null());
        Self(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Ends it in order: what it said.
    fn end(mut self) -> String {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.0), rustix::process::Signal::TERM)
            .unwrap();
        let mut said = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(self.0.wait().unwrap().success(), "{said}");
        said
    }
}

fn append(home: &Home, text: &str) {
    let mut log = std::fs::File::options().append(true).create(true).open(home.path("log")).unwrap();
    log.write_all(text.as_bytes()).unwrap();
}

fn lines(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// A server that answers each request in turn with one of these, and hands over what was posted.
fn server(answers: &'static [&'static str]) -> (String, Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, posted) = sync_channel(64);
    std::thread::spawn(move || {
        for (index, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { return };
            let Some(request) = request(&mut stream) else { continue };
            let answer = answers[index.min(answers.len() - 1)];
            let _ = write!(stream, "HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            if sender.send((answer.to_owned(), request)).is_err() {
                return;
            }
        }
    });
    (address, posted)
}

fn request(stream: &mut TcpStream) -> Option<Value> {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut bytes = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if length.is_some_and(|length: usize| body.len() >= length) {
            return serde_json::from_str(body).ok();
        }
    }
}

#[test]
fn a_command_gets_the_record_and_a_rule_names_its_own_target() {
    let home = Home::new();
    home.write("rules.yaml", RULES);
    home.write("log", record("calm", 0));
    let page = script(
        &home,
        "page",
        "cat > got.json; echo \"$WATCHER_STATUS $WATCHER_CAUSE $WATCHER_KEY $WATCHER_SEVERITY\" >> paged",
    );
    let desk = script(&home, "desk", "echo \"$WATCHER_STATUS $WATCHER_CAUSE\" >> desked");
    let config = format!(
        "notify: {{to: [desk]}}\ntargets:\n  page: {{type: exec, command: [{page}]}}\n  desk: {{type: exec, command: [{desk}]}}\n"
    );
    home.write(".config/watcher/config.yaml", config);
    let watch = Watch::start(&home, "--output out");
    wait_until("the first verdict", || !lines(&home.path("out")).is_empty());
    append(&home, &record("bad", -20));
    wait_until("the desk to be told", || lines(&home.path("desked")).contains(&"firing max-loss".to_owned()));
    append(&home, "{\"id\":\"late\",\"agent_id\":\"b\",\"latency_ms\":500}\n");
    wait_until("the pager to be told", || lines(&home.path("paged")).contains(&"firing slow b warning".to_owned()));
    let got: Value = serde_json::from_str(&std::fs::read_to_string(home.path("got.json")).unwrap()).unwrap();
    assert_eq!(got["id"], "late", "the record is on standard input");
    // More of the same is the same alert.
    (0..5).for_each(|n| append(&home, &record(&format!("more-{n}"), -30)));
    wait_until("all verdicts", || lines(&home.path("out")).len() == 8);
    watch.end();
    assert_eq!(lines(&home.path("desked")), ["firing max-loss"], "and slow went to the pager alone");
}

#[test]
fn a_server_that_fails_is_asked_again_and_gets_no_samples() {
    let (address, posted) = server(&["503 Service Unavailable", "200 OK"]);
    let home = Home::new();
    home.write("rules.yaml", RULES);
    home.write("log", record("bad", -20));
    home.write(
        ".config/watcher/config.yaml",
        format!("notify: {{to: [desk]}}\ntargets:\n  desk: {{type: webhook, url: \"{address}\"}}\n"),
    );
    let watch = Watch::start(&home, "");
    let (answer, first) = posted.recv_timeout(PATIENCE).unwrap();
    let (again, second) = posted.recv_timeout(PATIENCE).unwrap();
    assert_eq!((&*answer, &*again), ("503 Service Unavailable", "200 OK"));
    assert_eq!(first, second);
    assert_eq!((&first["status"], &first["cause"], &first["key"]), (&"firing".into(), &"max-loss".into(), &"a".into()));
    assert!(!first.to_string().contains("yes, sell"), "{first}");
    watch.end();
}

#[test]
fn alertmanager_s_shape_is_an_option_and_a_redirect_is_not_followed() {
    let (address, posted) = server(&["302 Found\r\nLocation: http://127.0.0.1:1/elsewhere", "200 OK"]);
    let home = Home::new();
    let config = format!("targets:\n  am: {{type: webhook, url: \"{address}\", format: alertmanager}}\n");
    home.write(".config/watcher/config.yaml", config);
    let said = String::from_utf8(home.run("alert test", 1).stdout).unwrap();
    assert!(said.contains("am: not delivered") && said.contains("302"), "{said}");
    let (_, body) = posted.recv_timeout(PATIENCE).unwrap();
    assert_eq!((&body["version"], &body["alerts"][0]["labels"]["alertname"]), (&"4".into(), &"@test".into()));
    let said = String::from_utf8(home.run("alert test am", 0).stdout).unwrap();
    assert_eq!(said, "am: delivered\n");
    assert!(stderr(&home.run("alert test an", 2)).contains("did you mean `am`?"));
    assert_eq!(String::from_utf8(home.run("alert list", 0).stdout).unwrap(), "nothing is silenced\n");
}

#[test]
fn a_command_that_hangs_holds_nobody_up_and_counts_are_exact() {
    let home = Home::new();
    home.write("rules.yaml", RULES);
    home.write("log", record("calm", 0));
    let hang = script(&home, "hang", "sleep 1000 & wait");
    let quick = script(&home, "quick", "echo told >> told");
    let config = format!(
        "notify: {{to: [hang, quick], per_minute: 1000}}\ntargets:\n  hang: {{type: exec, command: [{hang}], timeout: 60s}}\n  quick: {{type: exec, command: [{quick}]}}\n"
    );
    home.write(".config/watcher/config.yaml", config);
    let watch = Watch::start(&home, "--output out --listen 127.0.0.1:0");
    wait_until("the first verdict", || !lines(&home.path("out")).is_empty());
    // A hundred agents break a rule at once: a queue holds 64.
    let flood = |n: usize| format!("{{\"id\":\"{n}\",\"agent_id\":\"a{n}\",\"loss\":-99}}\n");
    append(&home, &(0..100).map(flood).collect::<String>());
    wait_until("all verdicts", || lines(&home.path("out")).len() == 101);
    wait_until("the quick one to be told of all", || lines(&home.path("told")).len() >= 64);
    let clock = SystemClock::new();
    watch.end();
    assert!(clock.elapsed() < Duration::from_secs(20), "the end waits for nobody");
}

#[test]
fn two_instances_share_silences_and_verdicts_say_so() {
    use watcher::message::silences::{Silence, Silences};
    use watcher::verdict::Severity;
    let home = Home::new();
    home.write("rules.yaml", RULES);
    home.write("log", record("before", -20));
    let watch = Watch::start(&home, "--output out");
    wait_until("the first verdict", || !lines(&home.path("out")).is_empty());
    // As another instance writes it.
    let now = SystemClock::new().now();
    let hour = jiff::SignedDuration::from_hours(1);
    let mut silences = Silences::default();
    let silence = Silence {
        id: 0,
        cause: "max-loss".into(),
        key: "a".into(),
        label: None,
        from: now,
        until: now.checked_add(hour).unwrap(),
        reason: "planned".into(),
        who: "ann@desk".into(),
        severity: Severity::Critical,
    };
    silences.add(silence.identified()).unwrap();
    home.write(".local/state/watcher/silences.json", silences.to_text());
    let mut count = 1;
    wait_until("a verdict that says so", || {
        append(&home, &record("bad", -20));
        count += 1;
        wait_until("its verdict", || lines(&home.path("out")).len() >= count);
        // A line may be on its way.
        let text = std::fs::read(home.path("out")).unwrap();
        let end = text.iter().rposition(|byte| *byte == b'\n').unwrap();
        let all = json_lines(&text[..end]);
        let last = all.last().unwrap();
        assert_eq!(last["action"], "BLOCK", "a silence touches no verdict");
        last["violations"][0]["silenced_by"].as_str().is_some_and(|by| by.starts_with("ann@desk#"))
    });
    watch.end();
    let first = &json_lines(&std::fs::read(home.path("out")).unwrap())[0];
    assert!(first["violations"][0].get("silenced_by").is_none());
    assert!(String::from_utf8(home.run("alert list", 0).stdout).unwrap().contains("max-loss a  by ann@desk  planned"));
}

/// The answer to a request, head and body.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_headless_instance_says_how_it_is() {
    let home = Home::new();
    home.write("rules.yaml", RULES);
    home.write("log", record("bad", -20) + "broken\n");
    home.write(".config/watcher/config.yaml", "notify: {to: [bell]}\ntargets: {bell: {type: bell}}\n");
    let mut watch = Watch::start(&home, "--listen 127.0.0.1:0");
    let mut said = std::io::BufReader::new(watch.0.stderr.take().unwrap());
    let mut address = String::new();
    while !address.contains("listening on http://") {
        address.clear();
        std::io::BufRead::read_line(&mut said, &mut address).unwrap();
    }
    let address = address.split("http://").nth(1).unwrap().split(": ").next().unwrap().to_owned();
    wait_until("the counters", || {
        let metrics = get(&address, "/metrics");
        metrics.contains("watcher_records_total 1") && metrics.contains("watcher_alerts_firing{cause=\"max-loss\"")
    });
    let metrics = get(&address, "/metrics");
    for name in [
        "# TYPE watcher_rule_hits_total counter",
        "watcher_rule_hits_total{rule=\"max-loss\"} 1",
        "watcher_rejected_total 1",
    ] {
        assert!(metrics.contains(name), "{name} in\n{metrics}");
    }
    assert!(get(&address, "/healthz").starts_with("HTTP/1.1 200"));
    assert!(get(&address, "/nothing").starts_with("HTTP/1.1 404"));
    watch.0.stderr = None;
    watch.0.kill().unwrap();
    watch.0.wait().unwrap();
    assert!(stderr(&home.run("watch log --headless --listen example.org:80", 2)).contains("example.org"));
}

#[test]
fn doctor_says_what_works() {
    let home = Home::new();
    let output = home.watcher().args(["doctor", "--json"]).output().unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let about: Vec<&str> =
        found["checks"].as_array().unwrap().iter().filter_map(|check| check["about"].as_str()).collect();
    assert!(about.len() > 5 && matches!(output.status.code(), Some(0 | 1)), "{found}");
}

/// All files below a folder.
fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[test]
fn planted_secrets_are_in_no_file_and_in_nothing_that_is_sent() {
    const SECRET: &str = "zebra-4711";
    let (address, posted) = server(&["200 OK"]);
    let home = Home::new();
    let rules = "version: 1\nrules:\n  - id: max-loss\n    limit: {field: loss, min: -10}\n    severity: critical\n    message: '{note} cost {loss}'\n    capture: {before: 5, after: 2}\n";
    home.write("rules.yaml", rules);
    let page = script(&home, "page", "cat >> paged; env >> paged");
    home.write(
        ".config/watcher/config.yaml",
        format!(
            "content: show\nredact: ['zebra-\\d+']\nnotify: {{to: [page, desk], least: info}}\ntargets:\n  page: {{type: exec, command: [{page}]}}\n  desk: {{type: webhook, url: \"{address}\", text: true}}\n"
        ),
    );
    let line = |n: usize| {
        serde_json::json!({"id": format!("{SECRET}-{n}"), "agent_id": format!("agent {SECRET}"), "note": SECRET, "prompt": format!("is {SECRET} safe?"),
            "loss": -20, "samples": [format!("{SECRET} is safe")], "metrics": { (SECRET): n }}).to_string() + "\n"
    };
    home.write("log", (0..8).map(line).collect::<String>() + &format!("{{\"broken {SECRET}\n"));
    let watch = Watch::start(&home, "--output out");
    let (_, body) = posted.recv_timeout(PATIENCE).unwrap();
    wait_until("the pager", || home.path("paged").exists() && !lines(&home.path("paged")).is_empty());
    wait_until("all verdicts", || lines(&home.path("out")).len() == 8);
    let said = watch.end();
    assert!(!body.to_string().contains(SECRET) && body.to_string().contains("[redacted]"), "{body}");
    assert!(!said.contains(SECRET), "{said}");
    let mut all = Vec::new();
    files(home.0.path(), &mut all);
    let mut looked_at = 0;
    for path in all.into_iter().filter(|path| !path.ends_with("log") && !path.ends_with("page")) {
        let bytes = std::fs::read(&path).unwrap();
        let unpacked = zstd::decode_all(&bytes[..]).unwrap_or_default();
        for bytes in [bytes, unpacked] {
            assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()), "in {}", path.display());
        }
        looked_at += 1;
        let state = path.starts_with(home.path(".local")) || path.to_string_lossy().contains("/out");
        if state {
            assert_eq!(
                std::fs::metadata(&path).unwrap().mode() & 0o077,
                0,
                "{} is for its owner alone",
                path.display()
            );
        }
    }
    assert!(looked_at >= 6, "output, rejected lines, checkpoint, log, capture, what was paged: {looked_at}");
}

#[test]
fn who_rotates_logs_says_so_with_a_signal() {
    let home = Home::new();
    home.write("rules.yaml", RULES);
    home.write("log", record("one", 0));
    let watch = Watch::start(&home, "--output out");
    wait_until("the first verdict", || lines(&home.path("out")).len() == 1);
    std::fs::rename(home.path("out"), home.path("yesterday")).unwrap();
    let process = rustix::process::Pid::from_child(&watch.0);
    rustix::process::kill_process(process, rustix::process::Signal::HUP).unwrap();
    wait_until("a new file", || home.path("out").exists());
    append(&home, &record("two", 0));
    wait_until("the second verdict", || lines(&home.path("out")).len() == 1);
    watch.end();
    assert!(lines(&home.path("out"))[0].contains("\"id\":\"two\"") && lines(&home.path("yesterday")).len() == 1);
}
