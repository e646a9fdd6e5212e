//! Standard input and named pipes, each in a thread of its own.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read as IoRead};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Read;
use crate::clock::Clock;
use crate::message::channel::Sender;
use crate::message::{SourceReport, SourceState, Update};
use crate::pipeline::{Input, Shared, spawn};
use crate::source::stdin;

/// What a pipe holds when it is opened is a backlog; after so long, the first time that it is empty, what comes is live.
const SETTLED: Duration = Duration::from_secs(1);

/// How often a pipe that speaks is reported on.
const REPORT: Duration = Duration::from_millis(500);

/// Starts reading a stream; files are none. `asked`: it says when it has given what there was at the start.
pub(super) fn start(input: Input, shared: Shared, limit: usize, lines: Sender<Read>, asked: bool) -> io::Result<()> {
    match input {
        Input::Stdin => {
            let read = move || Stream::new("-", shared, asked).read(|| Ok(io::stdin()), limit, &lines);
            spawn("stdin", read).map(drop)
        }
        Input::Stream(path) => {
            let name = path.to_string_lossy().into_owned();
            // Opened in its own thread: that waits until somebody writes.
            let read = move || Stream::new(&name, shared, asked).read(|| File::open(&path), limit, &lines);
            spawn("stream", read).map(drop)
        }
        Input::Files(_) | Input::Capture(_) => Ok(()),
    }
}

struct Stream {
    name: Arc<str>,
    shared: Shared,
    asked: bool,
    total: Cell<u64>,
    reported: Cell<Option<Duration>>,
}

impl Stream {
    fn new(name: &str, shared: Shared, asked: bool) -> Self {
        Self { name: name.into(), shared, asked, total: Cell::new(0), reported: Cell::new(None) }
    }

    fn report(&self, state: SourceState) {
        let at = self.shared.clock.now();
        let report = SourceReport { name: Arc::clone(&self.name), state, read: self.total.get(), behind: 0, at };
        let _ = self.shared.updates.send(Update::Source(report));
        self.reported.set(Some(self.shared.clock.elapsed()));
    }

    fn is_due(&self) -> bool {
        self.reported.get().is_none_or(|at| self.shared.clock.elapsed() - at >= REPORT)
    }

    fn read<R: IoRead + AsFd>(self, open: impl FnOnce() -> io::Result<R>, limit: usize, lines: &Sender<Read>) {
        let shared = &self.shared;
        let result = open().and_then(|input| {
            let settled = || {
                self.report(SourceState::Following);
                if self.asked {
                    let _ = lines.send(Read::CaughtUp);
                }
            };
            let since = shared.clock.elapsed();
            let mut input = Pausing { input, since, clock: &*shared.clock, settled: Some(settled) };
            let result = stdin::read(&self.name, &mut input, limit, &*shared.clock, |batch, read| {
                self.total.set(read);
                let wanted = !shared.stopped() && lines.send(Read::Lines(batch)).is_ok();
                if self.is_due() {
                    self.report(SourceState::Reading);
                }
                wanted
            });
            let _ = lines.send(Read::Ended(Arc::clone(&self.name)));
            // At its end it has given what there was, too.
            if let Some(settled) = input.settled.take() {
                settled();
            }
            result
        });
        self.report(result.map_or_else(|error| SourceState::Failed(error.to_string()), |()| SourceState::Ended));
    }
}

/// Says once when what a pipe held at the start has been read: the first time that it is empty after a while.
struct Pausing<'a, R, F> {
    input: R,
    since: Duration,
    clock: &'a dyn Clock,
    settled: Option<F>,
}

impl<R: IoRead + AsFd, F: FnOnce()> IoRead for Pausing<'_, R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.settled.is_some() {
            let left = SETTLED.saturating_sub(self.clock.elapsed() - self.since);
            let mut fd = [PollFd::new(&self.input, PollFlags::IN)];
            let wait = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
            let empty = poll(&mut fd, Some(&wait)) == Ok(0);
            if empty && let Some(settled) = self.settled.take() {
                settled();
            }
        }
        self.input.read(buffer)
    }
}
