//! The screen's side: one loop that owns the state, takes keys first, drains what the pipeline says, and draws when
//! something changed, at most 30 times a second.

pub mod action;
pub mod keymap;
pub mod terminal;
pub mod update;

use std::time::Duration;

use anyhow::Context;
use crossterm::event::{Event, EventStream, KeyEvent, KeyEventKind};
use futures_util::StreamExt;
use ratatui::backend::Backend;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::clock::SharedClock;
use crate::message::channel::Receiver;
use crate::message::{Orders, Update};
use crate::state::AppState;
use crate::ui;
use crate::ui::theme::Theme;

use keymap::Keymap;
use update::Effect;

/// Shortest time between two frames.
const FRAME: Duration = Duration::from_millis(33);

/// The same when the terminal takes its time (a slow line): four frames a second.
const SLOW_FRAME: Duration = Duration::from_millis(250);

/// A frame that took longer than this to write is a sign of a slow line.
const SLOW: Duration = Duration::from_millis(60);

/// Bytes a second that a remote terminal is sent at most, on average.
const REMOTE_BYTES: f64 = 20_000.0;

/// Ages and rates move on without news.
const TICK: Duration = Duration::from_secs(1);

/// Updates taken in between two looks at the keys.
const DRAIN: usize = 64;

/// How the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The user, or a signal, asked for it.
    Quit,
    /// The pipeline ended without being asked: a bug.
    Lost,
}

/// What the loop needs.
pub struct App {
    /// The state.
    pub state: AppState,
    /// The theme.
    pub theme: Theme,
    /// The keys.
    pub keymap: Keymap,
    /// The clock.
    pub clock: SharedClock,
    /// Where the operator's wishes go.
    pub orders: Orders,
    /// The terminal is reached over a line that others use too (SSH, tmux).
    pub remote: bool,
}

impl App {
    /// Takes a key. What it does beyond the state is returned.
    pub fn key(&mut self, key: &KeyEvent) -> Option<Effect> {
        self.state.view.note = None;
        update::key(&mut self.state, &self.keymap, key)
    }

    /// Draws a frame.
    ///
    /// # Errors
    /// When the terminal does not take it.
    pub fn draw<B: Backend>(&mut self, terminal: &mut ratatui::Terminal<B>) -> Result<(), B::Error> {
        self.state.tick(self.clock.now());
        terminal.draw(|frame| ui::draw(frame, &self.state, &self.theme)).map(|_| ())
    }

    /// Takes in an update and all others that are ready.
    fn drain(&mut self, first: Update, updates: &Receiver<Update>) {
        self.state.apply(first);
        for _ in 0..DRAIN {
            match updates.try_recv() {
                Ok(Some(update)) => self.state.apply(update),
                _ => return,
            }
        }
    }

    /// Runs until the user leaves.
    ///
    /// # Errors
    /// When the terminal can't be read or written.
    pub async fn run(mut self, guard: &mut terminal::Guard, mut updates: Receiver<Update>) -> anyhow::Result<End> {
        let mut events = EventStream::new();
        let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
        let mut hangup = signal(SignalKind::hangup()).context("listening for SIGHUP")?;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut dirty, mut next_frame, mut open) = (true, Instant::now(), true);
        loop {
            tokio::select! {
                biased;
                _ = terminate.recv() => return Ok(End::Quit),
                _ = interrupt.recv() => return Ok(End::Quit),
                _ = hangup.recv() => return Ok(End::Quit),
                event = events.next() => match event {
                    Some(event) => {
                        if let Some(effect) = self.event(&event.context("reading the terminal")?) {
                            match effect {
                                Effect::Quit => return Ok(End::Quit),
                                Effect::Suspend => guard.suspend()?,
                                Effect::Baseline(order) => self.orders.give(order),
                                Effect::Redraw => guard.terminal().clear().context("clearing the screen")?,
                            }
                        }
                        dirty = true;
                    }
                    // The terminal has gone.
                    None => return Ok(End::Quit),
                },
                () = sleep_until(next_frame), if dirty => {
                    let (start, before) = (Instant::now(), guard.written());
                    self.draw(guard.terminal()).context("drawing")?;
                    next_frame = Instant::now() + self.pause(start.elapsed(), guard.written() - before);
                    dirty = false;
                }
                update = updates.recv_async(), if open => match update {
                    Some(update) => {
                        self.drain(update, &updates);
                        dirty = true;
                    }
                    None if self.state.status.finished.is_some() || self.state.status.output_failed.is_some() => {
                        open = false;
                    }
                    None => return Ok(End::Lost),
                },
                _ = tick.tick() => dirty = true,
            }
        }
    }

    /// How long to wait after a frame that took so long and sent so many bytes.
    fn pause(&self, took: Duration, sent: u64) -> Duration {
        let least = if took > SLOW { SLOW_FRAME } else { FRAME };
        if !self.remote {
            return least;
        }
        // At most a second: a full repaint must not freeze the screen.
        Duration::from_secs_f64(sent as f64 / REMOTE_BYTES).clamp(least, TICK)
    }

    fn event(&mut self, event: &Event) -> Option<Effect> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(key),
            Event::Paste(text) => {
                update::paste(&mut self.state, text);
                None
            }
            _ => None,
        }
    }
}
