//! What the program says of itself: the newest lines of its log.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

/// Lines that are kept.
const LINES: usize = 500;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When, by the wall clock.
    pub at: Timestamp,
    /// `error`, `warn` or `info`.
    pub level: &'static str,
    /// What.
    pub text: String,
}

/// Where the log is written to, for the screen to read.
#[derive(Debug, Clone, Default)]
pub struct Journal(Arc<Mutex<VecDeque<LogLine>>>);

impl Journal {
    /// Adds a line; the oldest goes when there are many.
    pub fn add(&self, line: LogLine) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// Takes what has come since this was last asked.
    pub fn take(&self) -> Vec<LogLine> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }
}

/// The newest lines, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Log(VecDeque<LogLine>);

impl Log {
    /// Takes lines in.
    pub fn add(&mut self, lines: Vec<LogLine>) {
        self.0.extend(lines);
        let surplus = self.0.len().saturating_sub(LINES);
        self.0.drain(..surplus);
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &LogLine> + ExactSizeIterator {
        self.0.iter()
    }
}
