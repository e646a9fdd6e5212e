//! What goes to the terminal, sent by a thread of its own: one that takes nothing (a frozen connection, a paused pane) holds
//! up that thread and nobody else.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, SystemClock};

/// Collects what is written, and hands it over when it is flushed. Clones write to the same terminal.
pub struct Writer {
    line: Arc<Line>,
    /// What was not flushed yet.
    unsent: Vec<u8>,
}

#[derive(Default)]
struct Line {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Flushed, and not taken by the thread yet.
    waiting: Vec<u8>,
    /// The thread is writing.
    writing: bool,
    /// What became of the last write that failed.
    failed: Option<io::Error>,
    /// How long the last write took.
    took: Duration,
    /// Bytes that were handed over so far.
    sent: u64,
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes to the terminal what the writers hand over: the work of a thread, which ends with the process.
pub struct Pump {
    line: Arc<Line>,
    out: Box<dyn Write + Send>,
}

impl Pump {
    /// Writes, as long as the terminal takes it.
    pub fn run(mut self) {
        let clock = SystemClock::new();
        let line = self.line;
        let mut state = line.lock();
        loop {
            state = line
                .changed
                .wait_while(state, |state| state.waiting.is_empty())
                .unwrap_or_else(PoisonError::into_inner);
            let bytes = std::mem::take(&mut state.waiting);
            state.writing = true;
            drop(state);
            let start = clock.elapsed();
            let result = self.out.write_all(&bytes).and_then(|()| self.out.flush());
            state = line.lock();
            state.writing = false;
            state.took = clock.elapsed().saturating_sub(start);
            if let Err(error) = result {
                state.failed = Some(error);
            }
            line.changed.notify_all();
        }
    }
}

impl Writer {
    /// To the standard output, once the pump runs.
    ///
    /// # Errors
    /// When there is no standard output.
    pub fn stdout() -> io::Result<(Self, Pump)> {
        // Not by the library's own handle: its lock would be held for as long as the terminal takes nothing.
        Ok(Self::to(File::from(rustix::io::dup(rustix::stdio::stdout())?)))
    }

    fn to(out: impl Write + Send + 'static) -> (Self, Pump) {
        let line = Arc::new(Line::default());
        let pump = Pump { line: Arc::clone(&line), out: Box::new(out) };
        (Self { line, unsent: Vec::new() }, pump)
    }

    /// Whether something is still on its way.
    pub fn is_busy(&self) -> bool {
        let state = self.line.lock();
        state.writing || !state.waiting.is_empty()
    }

    /// How long the terminal took for what it was last sent.
    pub fn took(&self) -> Duration {
        self.line.lock().took
    }

    /// Bytes that were sent so far.
    pub fn sent(&self) -> u64 {
        self.line.lock().sent
    }

    /// Waits until everything has been written, for so long at most; whether it has.
    pub fn wait(&self, most: Duration) -> bool {
        let busy = |state: &mut State| state.writing || !state.waiting.is_empty();
        let waited = self.line.changed.wait_timeout_while(self.line.lock(), most, busy);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Clone for Writer {
    fn clone(&self) -> Self {
        Self { line: Arc::clone(&self.line), unsent: Vec::new() }
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unsent.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Hands over what was written. It fails if what was handed over before could not be written.
    fn flush(&mut self) -> io::Result<()> {
        let mut state = self.line.lock();
        state.sent += self.unsent.len() as u64;
        state.waiting.append(&mut self.unsent);
        self.line.changed.notify_all();
        state.failed.take().map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    /// Takes a byte whenever it is let.
    struct Gate(Receiver<io::Result<()>>, SyncSender<u8>);

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.recv().unwrap()?;
            self.1.send(bytes[0]).unwrap();
            Ok(1)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_writes_never_waits_and_hears_of_what_failed() {
        let ((open, gate), (sender, taken)) = (sync_channel(8), sync_channel(8));
        let (mut writer, pump) = Writer::to(Gate(gate, sender));
        std::thread::spawn(move || pump.run());
        assert!(!writer.is_busy() && writer.wait(Duration::ZERO));
        for part in [&b"a"[..], b"bc"] {
            writer.write_all(part).unwrap();
        }
        assert!(!writer.is_busy(), "nothing was flushed");
        writer.flush().unwrap();
        assert!(writer.is_busy() && !writer.wait(Duration::ZERO) && writer.sent() == 3);
        let mut other = writer.clone();
        other.write_all(b"d").unwrap();
        other.flush().unwrap();
        for _ in 0..4 {
            open.send(Ok(())).unwrap();
        }
        assert!(writer.wait(Duration::from_secs(60)));
        assert_eq!(taken.try_iter().collect::<Vec<u8>>(), b"abcd");
        writer.write_all(b"e").unwrap();
        writer.flush().unwrap();
        open.send(Err(io::ErrorKind::BrokenPipe.into())).unwrap();
        assert!(writer.wait(Duration::from_secs(60)));
        assert_eq!(writer.flush().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
