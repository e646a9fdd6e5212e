//! The real program in a real terminal: records arrive, keys work, and the terminal is given back in every case.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use watcher::clock::{Clock, SystemClock};

use crate::support::{Home, repo};

/// Longest wait for anything on the screen: a bound for a test that fails, not a pause.
const PATIENCE: Duration = Duration::from_secs(60);

fn size(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).unwrap()
}

fn parser(rows: u16, cols: u16) -> vt100::Parser {
    vt100::Parser::new(size(rows), size(cols), 0)
}

pub(crate) struct Session {
    pub(crate) home: Home,
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    writer: Box<dyn Write + Send>,
    bytes: Receiver<Vec<u8>>,
    pub(crate) screen: vt100::Parser,
    written: Vec<u8>,
}

impl Session {
    pub(crate) fn start(home: Home, shell: &str, rows: u16, cols: u16) -> Self {
        Self::with_env(home, shell, (rows, cols), &[])
    }

    /// The same with more, or another, environment.
    pub(crate) fn with_env(home: Home, shell: &str, (rows, cols): (u16, u16), env: &[(&str, &str)]) -> Self {
        let pty = native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        let mut command = CommandBuilder::new("sh");
        command.args(["-c", shell]);
        command.env_clear();
        command.cwd(home.0.path());
        let bin = assert_cmd::cargo::cargo_bin("watcher");
        for (name, value) in
            [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8"), ("PATH", "/usr/bin:/bin")]
        {
            command.env(name, value);
        }
        command.env("HOME", home.0.path());
        command.env("WATCHER", bin);
        env.iter().for_each(|(name, value)| command.env(name, value));
        let child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let mut reader = pty.master.try_clone_reader().unwrap();
        let (sender, bytes) = sync_channel(1024);
        std::thread::spawn(move || {
            let mut buffer = [0u8; 65_536];
            while let Ok(read) = reader.read(&mut buffer) {
                if read == 0 || sender.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let writer = pty.master.take_writer().unwrap();
        Self { home, master: pty.master, child, writer, bytes, screen: parser(rows, cols), written: Vec::new() }
    }

    pub(crate) fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Changes the terminal's size.
    pub(crate) fn resize(&mut self, rows: u16, cols: u16) {
        self.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        self.screen = parser(rows, cols);
    }

    /// All bytes that were taken in.
    pub(crate) fn written(&self) -> &[u8] {
        &self.written
    }

    /// Takes in what the program writes until the screen is as wanted.
    pub(crate) fn wait_for(&mut self, what: &str, wanted: impl Fn(&str) -> bool) {
        let clock = SystemClock::new();
        while !wanted(&self.text()) {
            match self.bytes.recv_timeout(PATIENCE.saturating_sub(clock.elapsed())) {
                Ok(bytes) => {
                    self.screen.process(&bytes);
                    self.written.extend(bytes);
                }
                Err(error) => panic!("{what} did not come ({error}); the screen is\n{}", self.text()),
            }
        }
    }

    pub(crate) fn wait_for_text(&mut self, text: &str) {
        self.wait_for(text, |screen| screen.contains(text));
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    /// Waits for the program's end: its exit code, and everything it wrote.
    pub(crate) fn end(&mut self) -> u32 {
        let code = self.child.wait().unwrap().exit_code();
        while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(500)) {
            self.screen.process(&bytes);
        }
        code
    }

    pub(crate) fn assert_restored(&self) {
        let screen = self.screen.screen();
        assert!(!screen.alternate_screen(), "the alternate screen was left");
        assert!(!screen.hide_cursor(), "the cursor is shown");
        assert!(!screen.bracketed_paste(), "pasting is as it was");
        let modes = format!("{:?}", self.master.get_termios().unwrap().local_flags);
        assert!(modes.contains("ICANON") && modes.contains("ECHO"), "raw mode was left: {modes}");
    }
}

const DEMO: &str = "exec \"$WATCHER\" demo --backend lexical";

#[test]
fn the_demo_shows_records_and_a_violation_and_q_gives_the_terminal_back() {
    let mut session = Session::start(Home::new(), DEMO, 45, 160);
    session.wait_for_text("ALLOW");
    assert!(session.screen.screen().alternate_screen());
    session.wait_for_text("BLOCK");
    for title in ["Latency", "Violations", "Drift", "Agents", "Records", "lexical", "DEMO"] {
        assert!(session.text().contains(title), "{title}");
    }
    session.press("?");
    session.wait_for_text("Actions are advice");
    session.press("\x1b");
    session.wait_for("the end of the help", |screen| !screen.contains("Actions are advice"));
    session.press("q");
    assert_eq!(session.end(), 0);
    session.assert_restored();
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_is_printed() {
    let mut session = Session::start(Home::new(), DEMO, 24, 80);
    session.wait_for_text("ALLOW");
    session.press(":debug-panic\r");
    assert_eq!(session.end(), 70);
    session.assert_restored();
    assert!(session.text().contains("asked for by debug-panic"), "{}", session.text());
}

#[test]
fn ctrl_c_and_sigterm_end_with_0() {
    let mut session = Session::start(Home::new(), DEMO, 24, 80);
    session.wait_for_text("ALLOW");
    session.press("\x03");
    assert_eq!(session.end(), 0);
    session.assert_restored();

    let mut session = Session::start(Home::new(), DEMO, 24, 80);
    session.wait_for_text("ALLOW");
    let pid = session.child.process_id().unwrap().to_string();
    std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    assert_eq!(session.end(), 0);
    session.assert_restored();
}

#[test]
fn keys_come_from_the_terminal_while_records_come_from_a_pipe() {
    let home = Home::new();
    home.write("log", "{\"agent_id\":\"piped\",\"samples\":[\"yes\",\"no\"]}\n");
    let mut session = Session::start(home, "cat log | exec \"$WATCHER\" - --backend lexical", 24, 80);
    session.wait_for_text("piped");
    session.wait_for_text("REVIEW");
    session.press("q");
    assert_eq!(session.end(), 0);
    session.assert_restored();
}

#[test]
fn a_missing_file_is_waited_for_and_said() {
    let home = Home::new();
    let log = home.path("later.ndjson");
    let mut session = Session::start(home, "exec \"$WATCHER\" later.ndjson --backend lexical", 24, 80);
    session.wait_for_text("the file does not exist yet");
    std::fs::write(log, "{\"agent_id\":\"patient\",\"samples\":[\"a\",\"a\"]}\nbroken\n").unwrap();
    session.wait_for_text("patient");
    session.wait_for_text("@rejected");
    session.press("q");
    assert_eq!(session.end(), 0);
}

#[test]
fn a_resize_redraws() {
    let mut session = Session::start(Home::new(), DEMO, 45, 160);
    session.wait_for_text("ALLOW");
    session.master.resize(PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 }).unwrap();
    session.screen.screen_mut().set_size(size(24), size(80));
    session.wait_for("the narrow layout", |screen| {
        let lines: Vec<&str> = screen.lines().collect();
        lines.len() <= 24 && lines.iter().any(|line| line.contains("╭ Agents") && !line.contains("Violations"))
    });
    session.press("q");
    assert_eq!(session.end(), 0);
}

/// The story of an edit: a limit is changed in another window, is mistyped once, and the screen says what is in force.
#[test]
fn a_rule_is_edited_while_the_screen_is_up() {
    let home = Home::new();
    home.write("log", "{\"latency_ms\":150}\n{\"latncy_ms\":5}\n");
    let rules = home.write(
        "r.yaml",
        "version: 1\nrules:\n  - {id: slow, limit: {field: latency_ms, max: 100}}\n  - {id: cost, limit: {field: metrics.cost, max: 1}}\n",
    );
    let log = home.path("log");
    let mut session = Session::start(home, "exec $WATCHER log --from start --backend none --rules r.yaml", 30, 120);
    session.wait_for_text("latency_ms 150 > 100");
    session.press("3");
    session.wait_for("the list of rules", |screen| {
        screen.contains("slow") && screen.contains("1 of 2") && screen.contains("no data: metrics.cost n")
    });
    let edited = std::fs::read_to_string(&rules).unwrap().replace("max: 100", "mx: 200");
    std::fs::write(&rules, &edited).unwrap();
    session.wait_for("the fault", |screen| {
        screen.contains("new rules do not hold") && screen.contains("r.yaml:3:43: unknown key `mx`")
    });
    std::fs::write(&rules, edited.replace("mx: 200", "max: 200")).unwrap();
    session.wait_for_text("slow changed");
    std::fs::OpenOptions::new().append(true).open(log).unwrap().write_all(b"{\"latency_ms\":160}\n").unwrap();
    session.wait_for("the new rule at work", |screen| screen.contains("1 of 1"));
    session.press("q");
    session.wait_for_text("Violations");
    session.press("q");
    assert_eq!(session.end(), 0);
    session.assert_restored();
}

/// The story of a baseline: a drift is on the screen with what moved, and its present is made the baseline.
#[test]
fn a_baseline_is_pinned_and_reset_from_the_screen() {
    let home = Home::new();
    let line = |seq: u64, level: u64| {
        let latency = level + seq * seq * 13 % 40;
        format!("{{\"ts\":{},\"agent_id\":\"desk\",\"latency_ms\":{latency}}}\n", 1_700_000_000 + seq)
    };
    let text: String = (0..260).map(|seq| line(seq, if seq < 200 { 100 } else { 300 })).collect();
    let log = home.write("log", text);
    let mut session = Session::start(home, "exec $WATCHER log --from start --backend none", 40, 160);
    session.wait_for("the drift", |screen| {
        screen.contains("latency_ms · desk ▲ drift +") && screen.contains("latency_ms up")
    });
    session.press("b");
    session.wait_for_text("latency_ms of desk is pinned");
    session.press(":reset-baseline\r");
    session.wait_for_text("latency_ms of desk learns its baseline anew");
    std::fs::OpenOptions::new().append(true).open(log).unwrap().write_all(line(260, 300).as_bytes()).unwrap();
    session.wait_for("the warm-up", |screen| screen.contains("latency_ms · desk") && screen.contains("warm up"));
    session.press("q");
    assert_eq!(session.end(), 0);
}

#[test]
fn a_log_of_another_kind_opens_as_what_it_is() {
    let log = repo("sample-data/formats/docker.log");
    let shell = format!("\"$WATCHER\" {} --backend lexical", log.display());
    let mut session = Session::start(Home::new(), &shell, 45, 160);
    session.wait_for_text("docker.log: native records in Docker json-file");
    session.wait_for_text("24 kept");
    session.press("5");
    session.wait_for_text("9 not a record");
    session.press("q");
    session.press("q");
    assert_eq!(session.end(), 0);
    session.assert_restored();
}

#[test]
fn agents_of_several_hosts_are_one_screen() {
    let home = Home::new();
    let log = std::fs::read(repo("sample-data/formats/generic.ndjson")).unwrap();
    for host in ["host1", "host2"] {
        home.write(&format!("{host}/log.ndjson"), &log);
        let mut command = home.watcher();
        command.current_dir(home.path(host));
        command.args("replay log.ndjson --headless --backend lexical --output v.ndjson".split(' '));
        command.assert().success();
    }
    // Of one host the log is gone.
    std::fs::remove_file(home.path("host2/log.ndjson")).unwrap();
    let mut session = Session::start(home, "\"$WATCHER\" 'host*/v.ndjson'", 45, 160);
    session.wait_for_text("120 kept");
    session.wait_for_text("verdicts as given");
    session.wait_for("agents of both hosts", |text| text.contains("host1/sql-1") && text.contains("host2/sql-1"));
    // The oldest is of the first host, the newest of the other.
    session.press("g");
    session.press("2");
    session.wait_for_text("answer 1, the one in use");
    session.press("q");
    session.press("G");
    session.press("2");
    session.wait_for_text("its answers are not here");
    session.press("q");
    session.press("q");
    assert_eq!(session.end(), 0);
    session.assert_restored();
}

#[test]
fn where_nothing_is_recognised_the_screen_says_what_to_do() {
    let home = Home::new();
    home.write("letter.txt", "Dear all,\nthis is no log.\n");
    let mut session = Session::start(home, "\"$WATCHER\" letter.txt --backend lexical", 24, 80);
    session.wait_for_text("watcher inspect letter.txt");
    session.press("q");
    assert_eq!(session.end(), 0);
    session.assert_restored();
}
