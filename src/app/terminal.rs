//! The terminal: taken over once, given back in every case — at the end, on an error, on a panic, while suspended.

pub mod writer;

use std::io::{self, Write};
use std::mem::ManuallyDrop;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use crossterm::{cursor, execute};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use crate::message::notice::Rings;
use rustix::process::{Signal, getpid, kill_process};
use writer::{Pump, Writer};

/// How long a terminal is waited for when it is given back: one that takes nothing by then is left as it is.
const LAST: Duration = Duration::from_millis(500);

/// Holds the terminal while it lives.
pub struct Guard {
    /// Never dropped: ratatui would show the cursor, which happens here, and panic where there is no terminal any more.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<Writer>>>,
    writer: Writer,
    taken: Arc<AtomicBool>,
    mouse: bool,
}

/// Bytes that are sent to the clipboard at most: terminals refuse more, or take long.
const CLIPBOARD: usize = 74_000;

impl Guard {
    /// Takes the terminal over, and its mouse if that is wanted. From here on a panic of this thread gives it back before it is printed; panics of
    /// other threads are caught by those who started them and go to the log.
    ///
    /// `start` starts the thread that writes to it.
    ///
    /// # Errors
    /// When there is no terminal.
    pub fn new(mouse: bool, start: impl FnOnce(Pump) -> io::Result<()>) -> anyhow::Result<Self> {
        let taken = Arc::new(AtomicBool::new(false));
        let (writer, pump) = Writer::stdout().context("opening the terminal")?;
        start(pump).context("starting a thread")?;
        let (hook_taken, hook_writer) = (Arc::clone(&taken), writer.clone());
        let screen = thread::current().id();
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            tracing::error!("{info}");
            if thread::current().id() == screen {
                restore(&hook_taken, &hook_writer);
                before(info);
            }
        }));
        let terminal = Terminal::new(CrosstermBackend::new(writer.clone())).context("opening the terminal")?;
        let mut guard = Self { terminal: ManuallyDrop::new(terminal), writer, taken, mouse };
        guard.take()?;
        Ok(guard)
    }

    fn take(&mut self) -> anyhow::Result<()> {
        self.taken.store(true, Ordering::SeqCst);
        enable_raw_mode().context("switching the terminal to raw mode")?;
        execute!(self.writer, EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)
            .context("switching to the alternate screen")?;
        if self.mouse {
            execute!(self.writer, EnableMouseCapture).context("asking for the mouse")?;
        }
        Ok(())
    }

    /// Asks for the mouse, or gives it back.
    ///
    /// # Errors
    /// When the terminal does not take it.
    pub fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        self.mouse = on;
        if on { execute!(self.writer, EnableMouseCapture) } else { execute!(self.writer, DisableMouseCapture) }
    }

    /// Columns and lines.
    pub fn size(&self) -> (u16, u16) {
        self.terminal.size().map_or((0, 0), |size| (size.width, size.height))
    }

    /// Sends a text to the terminal's clipboard (OSC 52). Whether it was short enough.
    ///
    /// # Errors
    /// When the terminal does not take it.
    pub fn copy(&mut self, text: &str) -> io::Result<bool> {
        if text.len() > CLIPBOARD {
            return Ok(false);
        }
        // In letters and digits only: whatever is in the text can't reach the terminal as anything else.
        let out = &mut self.writer;
        write!(out, "\x1b]52;c;{}\x07", STANDARD.encode(text))?;
        out.flush()?;
        Ok(true)
    }

    /// Has the terminal tell of an alert: its bell, and its own notification (OSC 9).
    ///
    /// # Errors
    /// When the terminal does not take it.
    pub fn ring(&mut self, rings: &Rings) -> io::Result<()> {
        let out = &mut self.writer;
        if rings.bell {
            write!(out, "\x07")?;
        }
        if let Some(title) = &rings.title {
            // What a title says is no command: nothing in it can end the sequence.
            write!(out, "\x1b]9;{}\x07", crate::sanitize::line(title))?;
        }
        out.flush()
    }

    /// The terminal, to draw on.
    pub fn terminal(&mut self) -> &mut Terminal<CrosstermBackend<Writer>> {
        &mut self.terminal
    }

    /// What is on its way to the terminal.
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Gives the terminal back, stops the process until it is continued, and takes the terminal again.
    ///
    /// # Errors
    /// When the terminal has gone meanwhile.
    pub fn suspend(&mut self) -> anyhow::Result<()> {
        restore(&self.taken, &self.writer);
        kill_process(getpid(), Signal::TSTP).context("suspending")?;
        self.take()?;
        self.terminal.clear().context("clearing the screen")
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore(&self.taken, &self.writer);
    }
}

/// Gives the terminal back, once.
fn restore(taken: &AtomicBool, writer: &Writer) {
    if !taken.swap(false, Ordering::SeqCst) {
        return;
    }
    // Each step is tried whatever became of the others: there is nobody left to tell.
    let mut out = writer.clone();
    let _ = execute!(out, DisableMouseCapture);
    let _ = execute!(out, DisableBracketedPaste);
    let _ = execute!(out, LeaveAlternateScreen);
    let _ = execute!(out, cursor::Show);
    writer.wait(LAST);
    let _ = disable_raw_mode();
}
