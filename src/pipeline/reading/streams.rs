//! Standard input and named pipes, each in a thread of its own.

use std::fs::File;
use std::io::{self, Read as IoRead};
use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Read;
use crate::message::channel::Sender;
use crate::message::{SourceReport, SourceState, Update};
use crate::pipeline::{Input, Shared, spawn};
use crate::source::stdin;

/// A pipe that has said something and then nothing for this long has given what there was: what comes now is live, s.
const QUIET_S: i64 = 1;

/// Starts reading a stream; files are none.
pub(super) fn start(input: Input, shared: Shared, limit: usize, lines: Sender<Read>) -> io::Result<()> {
    match input {
        Input::Stdin => {
            let read = move || read_stream("-", || Ok(io::stdin()), &shared, limit, &lines);
            spawn("stdin", read).map(drop)
        }
        Input::Stream(path) => {
            let name = path.to_string_lossy().into_owned();
            // Opened in its own thread: that waits until somebody writes.
            let read = move || read_stream(&name, || File::open(&path), &shared, limit, &lines);
            spawn("stream", read).map(drop)
        }
        Input::Files(_) => Ok(()),
    }
}

fn read_stream<R: IoRead + AsFd>(
    name: &str,
    open: impl FnOnce() -> io::Result<R>,
    shared: &Shared,
    limit: usize,
    lines: &Sender<Read>,
) {
    let name: Arc<str> = name.into();
    let report = |state, read| {
        let at = shared.clock.now();
        let report = SourceReport { name: Arc::clone(&name), state, read, behind: 0, at };
        let _ = shared.updates.send(Update::Source(report));
    };
    let mut total = 0;
    let result = open().and_then(|input| {
        let on_quiet = || {
            report(SourceState::Following, 0);
            let _ = lines.send(Read::CaughtUp);
        };
        let mut input = Pausing { input, begun: false, on_quiet: Some(on_quiet) };
        let result = stdin::read(&name, &mut input, limit, &*shared.clock, |batch, read| {
            total = read;
            !shared.stopped() && lines.send(Read::Lines(batch)).is_ok()
        });
        // At its end it has given what there was, too.
        if let Some(on_quiet) = input.on_quiet.take() {
            on_quiet();
        }
        result
    });
    report(result.map_or_else(|error| SourceState::Failed(error.to_string()), |()| SourceState::Ended), total);
}

/// Says once when nothing has come for a while after something did.
struct Pausing<R, F> {
    input: R,
    begun: bool,
    on_quiet: Option<F>,
}

impl<R: IoRead + AsFd, F: FnOnce()> IoRead for Pausing<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.begun && self.on_quiet.is_some() {
            let mut fd = [PollFd::new(&self.input, PollFlags::IN)];
            let ready = poll(&mut fd, Some(&Timespec { tv_sec: QUIET_S, tv_nsec: 0 }));
            if ready == Ok(0)
                && let Some(on_quiet) = self.on_quiet.take()
            {
                on_quiet();
            }
        }
        self.begun = true;
        self.input.read(buffer)
    }
}
