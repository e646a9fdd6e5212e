//! A target that is a command: it is started without a shell, reads what it is given, and has a limit of time that
//! holds for all that it starts in turn.

use std::io::{ErrorKind, PipeReader, Read, Write, pipe};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process_group, test_kill_process_group, waitid, waitpgid,
};

use super::outbox::{Deliver, DeliverError, Parcel, Stop};
use crate::clock::{Clock, SystemClock};
use crate::record::prefix;
use crate::sanitize;

/// What of the own environment a command finds in its own.
const KEPT: [&str; 3] = ["PATH", "HOME", "LANG"];

/// Longest value in its environment, bytes: the system refuses to start a command with more than it can hold.
const VALUE_BYTES: usize = 8 << 10;

/// Bytes of what it says of errors that are kept.
const SAID_BYTES: usize = 1 << 10;

/// Time between being asked to end and being ended.
const GRACE: Duration = Duration::from_millis(500);

/// Longest wait for what was killed: it may hang in the system, or wait for an init that does not look after orphans.
const KILLED: Duration = Duration::from_millis(500);

/// Nothing tells that a process of the group has ended: it is looked at this often.
const TICK: Duration = Duration::from_millis(10);

/// A command.
pub struct Exec {
    command: Vec<String>,
    timeout: Duration,
    /// Ends what runs once its other end is gone.
    stop: Option<PipeReader>,
    /// Children that were killed and did not go.
    stuck: Vec<Child>,
}

/// A command that runs.
struct Running<'a> {
    child: Child,
    group: Option<Pid>,
    stdin: Option<ChildStdin>,
    stderr: Option<ChildStderr>,
    body: &'a [u8],
    said: Vec<u8>,
    /// How it ended, once it was reaped.
    status: Option<ExitStatus>,
    stop: Option<BorrowedFd<'a>>,
    stopped: bool,
    clock: SystemClock,
}

impl Exec {
    /// The program and its arguments; it and all that it starts have `timeout`.
    pub fn new(command: Vec<String>, timeout: Duration) -> Self {
        Self { command, timeout, stop: None, stuck: Vec::new() }
    }

    fn start<'a>(&'a self, parcel: &'a Parcel) -> Result<Running<'a>, DeliverError> {
        let Some((program, arguments)) = self.command.split_first() else {
            return Err(DeliverError::last("there is no command"));
        };
        let own = KEPT.iter().filter_map(|&name| Some((name, std::env::var_os(name)?)));
        let sound = |name: &str| !name.is_empty() && !name.contains(['=', '\0']);
        let given = parcel.env.iter().filter(|(name, _)| sound(name));
        // A null character would end the value, and starting would fail.
        let given = given.map(|(name, value)| (name, prefix(value, VALUE_BYTES).replace('\0', "␀")));
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(given).envs(own).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| {
            let why = format!("`{}` can't be started: {error}", sanitize::line(program));
            // Out of processes or memory: that may pass.
            let retry = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::OutOfMemory);
            DeliverError { retry, ..DeliverError::last(why) }
        })?;
        let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let stop = self.stop.as_ref().map(AsFd::as_fd);
        let (body, clock) = (&parcel.body[..], SystemClock::new());
        Ok(Running { child, group, stdin, stderr, body, said: Vec::new(), status: None, stop, stopped: false, clock })
    }

    /// The program without its folder.
    fn name(&self) -> String {
        let program = self.command.first().map_or("", |program| program.rsplit('/').next().unwrap_or(program));
        sanitize::line(program).into_owned()
    }

    /// What came of it; without a status it did not end by itself in time.
    fn outcome(&self, status: Option<ExitStatus>, stopped: bool, said: &[u8]) -> Result<(), String> {
        let name = self.name();
        let why = match status {
            Some(status) if status.success() => return Ok(()),
            Some(status) => match (status.code(), status.signal()) {
                (Some(code), _) => format!("`{name}` ended with code {code}"),
                (None, Some(signal)) => format!("`{name}` was ended by signal {signal}"),
                (None, None) => format!("`{name}` ended"),
            },
            None if stopped => format!("`{name}` was ended early"),
            None => format!("`{name}` took longer than {} and was ended", crate::humanize::span(self.timeout)),
        };
        let said = String::from_utf8_lossy(said);
        let said = sanitize::line(said.trim());
        Err(if said.is_empty() { why } else { format!("{why}: {said}") })
    }
}

impl Deliver for Exec {
    fn deliver(&mut self, parcel: &Parcel) -> Result<(), DeliverError> {
        self.stuck.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        let mut running = self.start(parcel)?;
        let in_time = running.until(self.timeout, |running| running.has_ended());
        if in_time {
            running.reap();
        }
        // What it has left behind has the rest of the time.
        let left = !in_time || !running.until(self.timeout, |running| !running.group_lives());
        let stopped = running.stopped;
        if left {
            running.end();
        }
        let Running { child, status, said, .. } = running;
        if status.is_none() {
            self.stuck.push(child);
        }
        self.outcome(status.filter(|_| in_time), stopped, &said).map_err(DeliverError::last)
    }

    fn stop(&mut self) -> Option<Stop> {
        let (reader, writer) = pipe().ok()?;
        self.stop = Some(reader);
        let writer = Mutex::new(Some(writer));
        Some(Box::new(move || drop(writer.lock().unwrap_or_else(PoisonError::into_inner).take())))
    }
}

impl Running<'_> {
    /// Serves the pipes until `done`, but not beyond `most` since the start, nor once it is stopped; whether it is done.
    fn until(&mut self, most: Duration, done: impl Fn(&mut Self) -> bool) -> bool {
        loop {
            if done(self) {
                return true;
            }
            let left = most.saturating_sub(self.clock.elapsed());
            if left.is_zero() || self.stopped {
                return false;
            }
            self.serve(left.min(TICK));
        }
    }

    /// Waits for a pipe, but not longer than `most`, and writes or reads what there is.
    fn serve(&mut self, most: Duration) {
        if self.body.is_empty() {
            self.stdin = None;
        }
        let idle = |fd: &PollFd<'_>| fd.revents().is_empty();
        let (mut writable, mut readable) = (false, false);
        {
            let stdin = self.stdin.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::OUT));
            let stderr = self.stderr.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN));
            let stop = self.stop.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN));
            let (has_stdin, has_stderr) = (stdin.is_some(), stderr.is_some());
            let mut fds: Vec<PollFd<'_>> = [stdin, stderr, stop].into_iter().flatten().collect();
            let wait = Timespec { tv_sec: most.as_secs() as i64, tv_nsec: most.subsec_nanos().into() };
            // Interrupted: whoever calls looks again.
            if poll(&mut fds, Some(&wait)).is_ok() {
                let mut ready = fds.iter().map(|fd| !idle(fd));
                writable = has_stdin && ready.next() == Some(true);
                readable = has_stderr && ready.next() == Some(true);
                self.stopped |= ready.next() == Some(true);
            }
        }
        if writable {
            self.write();
        }
        if readable {
            self.read();
        }
    }

    fn write(&mut self) {
        let Some(pipe) = &mut self.stdin else { return };
        // A pipe takes at least a page where it says that there is room, and then does not block: not relied upon.
        let written = nonblocking(&*pipe).and_then(|()| pipe.write(self.body));
        match written {
            Ok(written) => self.body = &self.body[written..],
            Err(error) if is_passing(&error) => {}
            // It does not want to read: no fault of its own.
            Err(_) => self.stdin = None,
        }
    }

    fn read(&mut self) {
        let Some(pipe) = &mut self.stderr else { return };
        let mut buffer = [0; 4 << 10];
        match nonblocking(&*pipe).and_then(|()| pipe.read(&mut buffer)) {
            Ok(0) => self.stderr = None,
            Ok(read) => {
                let room = SAID_BYTES - self.said.len();
                self.said.extend_from_slice(&buffer[..read.min(room)]);
            }
            Err(error) if is_passing(&error) => {}
            Err(_) => self.stderr = None,
        }
    }

    /// Whether the command itself has ended. It is not reaped: until then nobody else gets its number.
    fn has_ended(&self) -> bool {
        let Some(pid) = self.group.filter(|_| self.status.is_none()) else { return true };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(pid), options), Ok(None) | Err(rustix::io::Errno::INTR))
    }

    /// Reaps the command, if it has ended, and takes in what it said last; whether it was reaped.
    fn reap(&mut self) -> bool {
        if self.status.is_none() {
            self.status = self.child.try_wait().ok().flatten();
            // A pipe holds 64 KiB, and less is kept.
            if self.status.is_some() && self.said.is_empty() {
                self.read();
            }
        }
        self.status.is_some()
    }

    /// Whether anything of the group is left. Where orphans become the program's own children they are reaped, but not
    /// the command itself: how that ended is for [`Running::reap`] to learn.
    fn group_lives(&mut self) -> bool {
        let Some(group) = self.group else { return false };
        while self.reap() && matches!(waitpgid(group, WaitOptions::NOHANG), Ok(Some(_))) {}
        test_kill_process_group(group).is_ok()
    }

    /// Ends the whole group: first it is asked to.
    fn end(&mut self) {
        let Some(group) = self.group else { return };
        (self.stdin, self.stop, self.stopped) = (None, None, false);
        let _ = kill_process_group(group, Signal::TERM);
        let most = self.clock.elapsed() + GRACE;
        if !self.until(most, |running| !running.group_lives()) {
            let _ = kill_process_group(group, Signal::KILL);
            let most = self.clock.elapsed() + KILLED;
            self.until(most, |running| running.reap() && !running.group_lives());
        }
    }
}

fn is_passing(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn nonblocking(pipe: impl AsFd) -> std::io::Result<()> {
    let flags = fcntl_getfl(&pipe)?;
    if !flags.contains(OFlags::NONBLOCK) {
        fcntl_setfl(&pipe, flags | OFlags::NONBLOCK)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::outbox::{Outbox, OutboxOptions};
    use super::*;
    use crate::clock::SystemClock;
    use std::path::Path;
    use std::thread;

    const LONG: Duration = Duration::from_secs(60);

    /// Long enough for a script to get going, whatever else the machine does.
    const SHORT: Duration = Duration::from_secs(1);

    fn script(text: &str, timeout: Duration) -> Exec {
        Exec::new(["/bin/sh", "-c", text].map(str::to_owned).to_vec(), timeout)
    }

    fn parcel(body: &[u8], env: &[(&str, &str)]) -> Parcel {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Parcel { body: body.to_vec(), env }
    }

    /// Runs the script in a folder of its own, which is `$D`.
    fn run(text: &str, timeout: Duration, body: &[u8]) -> (tempfile::TempDir, Result<(), DeliverError>) {
        let dir = tempfile::tempdir().unwrap();
        let parcel = parcel(body, &[("D", dir.path().to_str().unwrap())]);
        let done = script(text, timeout).deliver(&parcel);
        (dir, done)
    }

    /// Whether the process whose number stands in the file runs. One that has ended may wait to be reaped by whoever
    /// looks after orphans here; `of_ours` is whether that is us.
    fn runs(file: &Path, of_ours: bool) -> bool {
        let pid = std::fs::read_to_string(file).unwrap();
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        stat.is_ok_and(|stat| of_ours || !stat.contains(") Z "))
    }

    #[test]
    fn it_reads_the_parcel_and_finds_its_variables_alone() {
        let dir = tempfile::tempdir().unwrap();
        let body: Vec<u8> = (0..4 << 20).map(|n: u32| (n % 251) as u8).collect();
        let folder = dir.path().to_str().unwrap().to_owned();
        let text = "cat > \"$D/body\"; env > \"$D/env\"";
        let given = [("D", &*folder), ("CAUSE", "a\0b; rm -rf x"), ("PATH", "/nowhere"), ("=", "x"), ("", "y")];
        assert_eq!(script(text, LONG).deliver(&parcel(&body, &given)), Ok(()));
        assert!(std::fs::read(dir.path().join("body")).unwrap() == body);
        let env = std::fs::read_to_string(dir.path().join("env")).unwrap();
        let known = ["PATH", "HOME", "LANG", "D", "CAUSE", "PWD", "OLDPWD", "SHLVL", "_"];
        for line in env.lines() {
            assert!(known.contains(&line.split('=').next().unwrap()), "{line}");
        }
        assert!(env.contains("CAUSE=a␀b; rm -rf x\n") && !env.contains("/nowhere"), "{env}");
    }

    #[test]
    fn no_shell_looks_at_the_arguments() {
        let command = ["test", "$HOME;exit 1", "=", "$HOME;exit 1"].map(str::to_owned).to_vec();
        assert_eq!(Exec::new(command, LONG).deliver(&parcel(b"", &[])), Ok(()));
        for command in [vec!["/nowhere/at all".to_owned()], Vec::new()] {
            assert!(!Exec::new(command, LONG).deliver(&parcel(b"", &[])).unwrap_err().retry);
        }
    }

    #[test]
    fn a_command_that_fails_says_why_and_is_not_tried_again() {
        let (_dir, done) = run("cat >/dev/null; printf 'no\\033[31m way\\n' >&2; exit 7", LONG, b"x");
        let error = done.unwrap_err();
        assert_eq!((error.retry, error.after), (false, None));
        assert!(error.why.starts_with("`sh` ended with code 7: no") && !error.why.contains('\u{1b}'), "{error:?}");
        let (_dir, done) = run("kill -9 $$", LONG, b"x");
        assert_eq!(done.unwrap_err().why, "`sh` was ended by signal 9");
    }

    #[test]
    fn one_that_hangs_ends_with_all_that_it_has_started() {
        let text = "echo $$ > $D/self; (trap '' TERM; exec sleep 1000) & echo $! > $D/child; wait";
        let (dir, done) = run(text, SHORT, b"x");
        let error = done.unwrap_err();
        assert_eq!((error.why.as_str(), error.retry), ("`sh` took longer than 1.0s and was ended", false));
        assert!(!runs(&dir.path().join("self"), true), "left as a zombie");
        assert!(!runs(&dir.path().join("child"), false));
    }

    #[test]
    fn one_that_deafens_itself_is_killed() {
        let text = "trap '' TERM; echo $$ > $D/self; while :; do sleep 0.01; done";
        let (dir, done) = run(text, SHORT, b"x");
        assert!(done.unwrap_err().why.contains("took longer"));
        assert!(!runs(&dir.path().join("self"), true), "left as a zombie");
    }

    #[test]
    fn what_it_leaves_behind_has_the_same_limit() {
        // It holds the pipes open.
        let clock = SystemClock::new();
        let (dir, done) = run("sleep 1000 & echo $! > $D/child; echo well >&2", SHORT, b"x");
        assert_eq!(done, Ok(()));
        assert!(!runs(&dir.path().join("child"), false));
        // What needs less is left to end.
        let text = "mkfifo $D/go; (read line < $D/go; echo > $D/done) >/dev/null 2>&1 & (echo > $D/go) &";
        let (dir, done) = run(text, LONG, b"");
        assert_eq!(done, Ok(()));
        assert!(dir.path().join("done").exists());
        assert!(clock.elapsed() < LONG);
    }

    #[test]
    fn one_that_does_not_read_or_says_too_much_is_served() {
        let body = vec![b'x'; 4 << 20];
        let (_dir, done) = run("exit 0", LONG, &body);
        assert_eq!(done, Ok(()));
        let (_dir, done) = run("exec sleep 1000", Duration::from_millis(100), &body);
        assert!(done.unwrap_err().why.contains("took longer"));
        let flood = "head -c 3000000 /dev/zero | tr '\\0' 'e' >&2; head -c 3000000 /dev/zero; exit 3";
        let (_dir, done) = run(flood, LONG, &body);
        let why = done.unwrap_err().why;
        assert!(why.starts_with("`sh` ended with code 3: eee") && why.len() < SAID_BYTES + 100, "{}", why.len());
    }

    #[test]
    fn closing_the_outbox_ends_it_early() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        let text = "echo $$ > $D/self; mkfifo $D/fifo; echo > $D/ready; exec cat $D/fifo";
        let target = Box::new(script(text, Duration::from_secs(600)));
        let (outbox, worker) = Outbox::new("cmd", target, OutboxOptions::default(), &SystemClock::shared());
        let worker = thread::spawn(move || worker.run());
        outbox.offer(parcel(b"", &[("D", dir.path().to_str().unwrap())]));
        // Opening waits until the other side has, so that it runs by now.
        let clock = SystemClock::new();
        while !dir.path().join("ready").exists() && clock.elapsed() < LONG {
            thread::yield_now();
        }
        let held = std::fs::OpenOptions::new().write(true).open(&fifo).unwrap();
        outbox.close();
        worker.join().unwrap();
        assert_eq!(outbox.stats().last_error.as_deref(), Some("`sh` was ended early"));
        assert!(!runs(&dir.path().join("self"), true), "left as a zombie");
        drop(held);
    }
}
