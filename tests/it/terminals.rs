//! The program on terminals of every kind: few colours, no Unicode, tiny, resized, slow, remote, and inside tmux.

use std::process::Command;
use std::time::Duration;

use watcher::clock::{Clock, SystemClock};

use crate::support::{Home, repo};
use crate::terminal::Session;

const DEMO: &str = "exec \"$WATCHER\" demo --backend lexical";

fn quit(mut session: Session) -> Vec<u8> {
    let written = session.written().to_vec();
    session.press("\x03");
    assert_eq!(session.end(), 0);
    session.assert_restored();
    written
}

/// The numbers of all SGR sequences that were written.
fn styles(written: &[u8]) -> Vec<Vec<u16>> {
    let text = String::from_utf8_lossy(written);
    let parts = text.split("\x1b[").skip(1);
    let numbers = parts.filter_map(|part| {
        let end = part.find(|c: char| !c.is_ascii_digit() && c != ';' && c != ':')?;
        part[end..].starts_with('m').then(|| part[..end].split([';', ':']).filter_map(|n| n.parse().ok()).collect())
    });
    numbers.collect()
}

fn demo(env: &[(&str, &str)], size: (u16, u16)) -> Vec<u8> {
    let mut session = Session::with_env(Home::new(), DEMO, size, env);
    session.wait_for_text("ALLOW");
    session.press("3");
    session.wait_for_text("Editor");
    session.press("5");
    session.wait_for_text("Pipeline");
    quit(session)
}

#[test]
fn colours_are_those_that_the_terminal_has() {
    let plain = demo(&[("NO_COLOR", "1")], (45, 160));
    let colours = |n: &u16| (30..=38).contains(n) || (40..=48).contains(n) || (90..=107).contains(n);
    let coloured: Vec<_> = styles(&plain).into_iter().filter(|style| style.iter().any(colours)).collect();
    assert!(coloured.is_empty(), "with NO_COLOR: {coloured:?}");
    let few = demo(&[("COLORTERM", "")], (45, 160));
    let true_colour: Vec<_> =
        styles(&few).into_iter().filter(|style| style.windows(2).any(|pair| pair == [38, 2])).collect();
    assert!(true_colour.is_empty() && styles(&few).iter().any(|style| style.contains(&5)), "256 of them");
    let sixteen = demo(&[("COLORTERM", ""), ("TERM", "xterm")], (45, 160));
    assert!(styles(&sixteen).iter().all(|style| !style.windows(2).any(|pair| pair == [38, 2])));
}

#[test]
fn without_unicode_there_is_none() {
    for env in [[("TERM", "linux"), ("LANG", "C.UTF-8")], [("TERM", "xterm"), ("LANG", "C")]] {
        let mut session = Session::with_env(Home::new(), DEMO, (35, 120), &env);
        session.wait_for_text("ALLOW");
        let text = session.text();
        assert!(!text.contains(['╭', '│', '✖', '●', '▲']) && text.contains("+ Latency"), "{text}");
        quit(session);
    }
}

#[test]
fn every_size_can_be_had_and_changed() {
    for size in [(24, 80), (15, 60), (5, 20), (1, 1)] {
        let mut session = Session::start(Home::new(), DEMO, size.0, size.1);
        session.wait_for("something", |screen| !screen.trim().is_empty());
        quit(session);
    }
    let mut session = Session::start(Home::new(), DEMO, 45, 160);
    session.wait_for_text("╭ Agents");
    for (rows, cols) in [(1, 1), (5, 20), (24, 80), (15, 60), (60, 200)] {
        session.resize(rows, cols);
        session.wait_for("a frame of the new size", |screen| !screen.trim().is_empty());
    }
    session.wait_for_text("╭ Agents");
    quit(session);
}

/// Seconds of the header's clock, which moves on by itself.
fn clock(screen: &str) -> Option<u64> {
    let time = screen.lines().next()?.rsplit(' ').find(|word| word.len() == 8 && word.matches(':').count() == 2)?;
    let parts: Vec<u64> = time.split(':').filter_map(|part| part.parse().ok()).collect();
    (parts.len() == 3).then(|| parts[0] * 3_600 + parts[1] * 60 + parts[2])
}

/// Bytes that are written while the clock on the screen moves on by so many seconds, and how many they were.
fn bytes_in(session: &mut Session, seconds: u64) -> (usize, u64) {
    session.wait_for("a clock", |screen| clock(screen).is_some());
    let (start, before) = (clock(&session.text()).unwrap(), session.written().len());
    // Midnight comes once a day.
    session.wait_for("time", |screen| clock(screen).is_some_and(|now| now < start || now >= start + seconds));
    let passed = clock(&session.text()).unwrap().saturating_sub(start).max(seconds);
    (session.written().len() - before, passed)
}

#[test]
fn over_a_slow_line_little_is_sent_and_of_a_quiet_screen_almost_nothing() {
    let remote = [("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22")];
    let mut session = Session::with_env(Home::new(), DEMO, (45, 160), &remote);
    session.wait_for_text("BLOCK");
    let (bytes, seconds) = bytes_in(&mut session, 5);
    // One frame may be under way at either end.
    assert!(bytes as u64 <= 20_000 * seconds + 30_000, "{bytes} bytes in {seconds} s");
    quit(session);
    let home = Home::new();
    home.write("log", "{\"id\":\"a\",\"ts\":1700000000,\"samples\":[\"yes\",\"yes\"]}\n");
    let mut session = Session::with_env(home, "exec \"$WATCHER\" replay log --backend lexical", (45, 160), &remote);
    session.wait_for_text("at the end");
    bytes_in(&mut session, 1);
    let (bytes, seconds) = bytes_in(&mut session, 3);
    assert!(bytes as u64 <= 400 * (seconds + 1), "{bytes} bytes in {seconds} s of nothing but the clock");
    quit(session);
}

/// Longest wait: a bound for a test that fails, not a pause.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal of which nothing is read until it is asked for.
struct Held {
    master: Box<dyn portable_pty::MasterPty + Send>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
}

impl Held {
    fn start(home: &Home, arguments: &str, (rows, cols): (u16, u16)) -> Self {
        let size = portable_pty::PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        let pty = portable_pty::native_pty_system().openpty(size).unwrap();
        let mut command = portable_pty::CommandBuilder::new(assert_cmd::cargo::cargo_bin("watcher"));
        command.args(arguments.split(' '));
        command.env_clear();
        command.cwd(home.0.path());
        for (name, value) in [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")] {
            command.env(name, value);
        }
        command.env("HOME", home.0.path());
        let child = pty.slave.spawn_command(command).unwrap();
        Self { master: pty.master, child }
    }

    /// Reads on, and takes what is read as a screen, until `done`.
    fn read_until(&mut self, (rows, cols): (u16, u16), what: &str, mut done: impl FnMut(&str) -> bool) {
        let mut reader = self.master.try_clone_reader().unwrap();
        let (sender, bytes) = std::sync::mpsc::sync_channel(1_024);
        std::thread::spawn(move || {
            let mut buffer = [0u8; 4_096];
            while let Ok(read @ 1..) = std::io::Read::read(&mut reader, &mut buffer) {
                // Who waits no longer still lets the program write its last words.
                let _ = sender.send(buffer[..read].to_vec());
            }
        });
        let cells = |n| std::num::NonZeroU16::new(n).unwrap();
        let mut screen = vt100::Parser::new(cells(rows), cells(cols), 0);
        let clock = SystemClock::new();
        while !done(&screen.screen().contents()) {
            match bytes.recv_timeout(PATIENCE.saturating_sub(clock.elapsed())) {
                Ok(bytes) => screen.process(&bytes),
                Err(error) => panic!("{what} did not come ({error}):\n{}", screen.screen().contents()),
            }
        }
    }
}

/// A log of 20,000 records, watched on a terminal that is full already.
fn held_log() -> (Home, Held, std::path::PathBuf) {
    let home = Home::new();
    let traffic = std::fs::read_to_string(repo("sample-data/live.ndjson")).unwrap();
    home.write("log", traffic.lines().cycle().take(RECORDS).flat_map(|line| [line, "\n"]).collect::<String>());
    let held = Held::start(&home, "watch log --from start --backend none --output v.ndjson", (45, 160));
    let verdicts = home.path("v.ndjson");
    (home, held, verdicts)
}

const RECORDS: usize = 20_000;

/// Verdicts in a file; it tells how far the judging has come while nobody looks at the screen.
fn judged(verdicts: &std::path::Path) -> usize {
    std::fs::read(verdicts).map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count())
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let clock = SystemClock::new();
    while !done() {
        assert!(clock.elapsed() < PATIENCE, "{what} did not come");
        std::thread::yield_now();
    }
}

#[test]
fn a_terminal_that_takes_nothing_holds_up_nothing() {
    let (_home, mut held, verdicts) = held_log();
    until("the last verdict", || judged(&verdicts) == RECORDS);
    held.read_until((45, 160), "the screen", |screen| screen.contains("following"));
    std::io::Write::write_all(&mut held.master.take_writer().unwrap(), b"q").unwrap();
    assert_eq!(held.child.wait().unwrap().exit_code(), 0);
    assert_eq!(judged(&verdicts), RECORDS);
}

#[test]
fn who_is_told_to_end_ends_on_a_terminal_that_takes_nothing() {
    let (_home, mut held, verdicts) = held_log();
    until("a verdict", || judged(&verdicts) > 0);
    let pid = rustix::process::Pid::from_raw(held.child.process_id().unwrap().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let mut code = None;
    until("the end", || {
        code = held.child.try_wait().unwrap().map(|status| status.exit_code());
        code.is_some()
    });
    assert_eq!(code, Some(0));
}

/// tmux on a socket of its own.
struct Tmux(String);

impl Tmux {
    fn run(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux").args(["-L", &self.0, "-f", "/dev/null"]).args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn wait_for(&self, text: &str) -> String {
        let clock = SystemClock::new();
        loop {
            let screen = self.run(&["capture-pane", "-p"]);
            if screen.contains(text) {
                return screen;
            }
            assert!(clock.elapsed() < Duration::from_secs(60), "{text} did not come:\n{screen}");
            std::thread::yield_now();
        }
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

#[test]
fn it_works_inside_tmux() {
    if Command::new("tmux").arg("-V").output().is_err() {
        println!("tmux is not installed: nothing was tried inside it");
        return;
    }
    let home = Home::new();
    let tmux = Tmux(format!("watcher-{}", std::process::id()));
    let bin = assert_cmd::cargo::cargo_bin("watcher");
    let command = format!(
        "HOME={} LANG=C.UTF-8 {} demo --backend lexical; echo ended $?; cat",
        home.0.path().display(),
        bin.display()
    );
    tmux.run(&["new-session", "-d", "-x", "120", "-y", "35", &command]);
    let screen = tmux.wait_for("ALLOW");
    assert!(screen.contains("Latency") && screen.contains("Agents"), "{screen}");
    tmux.run(&["send-keys", "?"]);
    tmux.wait_for("Actions are advice");
    tmux.run(&["send-keys", "Escape"]);
    tmux.run(&["resize-window", "-x", "80", "-y", "24"]);
    tmux.wait_for("Records");
    tmux.run(&["send-keys", "C-c"]);
    let screen = tmux.wait_for("ended 0");
    assert!(!screen.contains("Latency"), "the screen was given back: {screen}");
}

#[test]
fn what_was_there_last_time_is_there_again_but_no_filter() {
    let home = Home::new();
    let line = |n: usize| {
        format!("{{\"id\":\"r{n}\",\"ts\":{},\"agent_id\":\"a\",\"samples\":[\"yes\",\"yes\"]}}\n", 1_700_000_000 + n)
    };
    home.write("log", (0..9).map(line).collect::<String>());
    let watch = "exec \"$WATCHER\" log --backend lexical";
    let mut session = Session::start(home, watch, 45, 160);
    session.wait_for_text("9 kept");
    session.press("kk:mark look here\r");
    session.wait_for_text("marked r");
    session.press(":theme light\r");
    session.press("/r1\r");
    session.wait_for_text("hidden");
    session.press("4");
    session.wait_for_text("╭ Baseline");
    session.press("\x03");
    assert_eq!(session.end(), 0);
    let mut session = Session::start(session.home, watch, 45, 160);
    session.wait_for_text("╭ Baseline");
    session.press("'");
    session.wait_for_text("look here");
    session.press("\x1b");
    session.wait_for("the list", |screen| !screen.contains("look here"));
    session.press("1");
    session.wait_for_text("9 kept");
    assert!(!session.text().contains("hidden"), "a filter is not there again");
    session.press(":");
    session.wait_for_text("Command");
    session.press("\x1b[A");
    session.wait_for_text(":theme light");
    quit(session);
}
