//! The screen's side: one loop that owns the state, takes keys first, drains what the pipeline says, and draws when
//! something changed, at most 30 times a second.

pub mod action;
pub mod files;
pub mod handover;
pub mod keymap;
pub mod terminal;
pub mod themes;
pub mod update;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use crossterm::event::{Event, EventStream, KeyEvent, KeyEventKind};
use futures_util::StreamExt;
use ratatui::backend::Backend;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::clock::SharedClock;
use crate::message::channel::Receiver;
use crate::message::desk::Desk;
use crate::message::notice::{Courier, Rings};
use crate::message::{Command, Orders, Update};
use crate::state::AppState;
use crate::state::log::Journal;
use crate::ui;
use crate::ui::theme::Theme;

use keymap::Keymap;
use themes::Themes;
use update::Effect;

/// Shortest time between two frames.
const FRAME: Duration = Duration::from_millis(33);

/// The same when the terminal takes its time (a slow line): four frames a second.
const SLOW_FRAME: Duration = Duration::from_millis(250);

/// The same when a key was pressed, unless the line is slow: as fast as keys repeat, and a third of what there is to do.
const KEY_FRAME: Duration = Duration::from_millis(8);

/// The same for those whom motion disturbs.
const CALM_FRAME: Duration = Duration::from_millis(500);

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
    /// Those that can be chosen.
    pub themes: Themes,
    /// The keys.
    pub keymap: Keymap,
    /// The clock.
    pub clock: SharedClock,
    /// Where the operator's wishes go.
    pub orders: Orders,
    /// Where questions about what is kept go.
    pub desk: Desk,
    /// What the program says of itself.
    pub journal: Journal,
    /// The terminal is reached over a line that others use too (SSH, tmux).
    pub remote: bool,
    /// The mouse is asked for.
    pub mouse: bool,
    /// The screen changes by itself at most twice a second.
    pub reduced_motion: bool,
    /// Where the session is kept; `None` if it is not.
    pub session: Option<PathBuf>,
    /// How reports are written.
    pub reports: handover::Options,
    /// Who takes notices to those that are to hear of them.
    pub courier: Option<Box<dyn Courier>>,
    /// What the terminal is still to do about them.
    pub rings: Rings,
}

impl App {
    /// Takes a key. What it does beyond the state is returned.
    pub fn key(&mut self, key: &KeyEvent) -> Option<Effect> {
        self.state.view.note = None;
        if let Some(editing) = &mut self.state.editing {
            // Whoever goes on does not wait any more.
            editing.apply_asked = false;
        }
        update::key(&mut self.state, &self.keymap, key)
    }

    /// Draws a frame.
    ///
    /// # Errors
    /// When the terminal does not take it.
    pub fn draw<B: Backend>(&mut self, terminal: &mut ratatui::Terminal<B>) -> Result<(), B::Error> {
        self.work();
        terminal.draw(|frame| ui::draw(frame, &self.state, &self.theme)).map(|_| ())
    }

    /// Moves on with the time: what is asked, told and ordered, whether or not anybody looks.
    fn work(&mut self) {
        self.state.tick(self.clock.now());
        update::editing::when_checked(&mut self.state);
        self.state.log.add(self.journal.take());
        self.state.take_inquiries().into_iter().for_each(|inquiry| self.desk.ask(inquiry));
        self.tell();
        self.state.take_happenings().into_iter().for_each(|found| self.orders.give(Command::Happened(found)));
    }

    /// Hands over what is to be told, and what is to be silenced.
    fn tell(&mut self) {
        self.state.take_orders().into_iter().for_each(|order| self.orders.give(order));
        let notices = self.state.take_notices();
        let Some(courier) = &self.courier else { return };
        for notice in &notices {
            let rings = courier.send(notice);
            self.rings.bell |= rings.bell;
            self.rings.title = rings.title.or(self.rings.title.take());
        }
        self.state.telling.targets = courier.report();
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
    pub async fn run(
        mut self,
        guard: &mut terminal::Guard,
        updates: Receiver<Update>,
        answers: Receiver<Update>,
    ) -> anyhow::Result<End> {
        let end = self.turns(guard, updates, answers).await;
        if let Some(path) = &self.session {
            let mut saved = self.state.session();
            saved.theme = Some(self.themes.current().to_owned());
            let text = self.reports.redact.json(saved.to_text().as_bytes());
            if let Err(error) = files::replace(path, &text) {
                tracing::warn!("the session is not kept: {}: {error}", path.display());
            }
        }
        end
    }

    async fn turns(
        &mut self,
        guard: &mut terminal::Guard,
        mut updates: Receiver<Update>,
        mut answers: Receiver<Update>,
    ) -> anyhow::Result<End> {
        let mut events = EventStream::new();
        let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
        let mut hangup = signal(SignalKind::hangup()).context("listening for SIGHUP")?;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut dirty, mut next_frame, mut open) = (true, Instant::now(), true);
        let mut drawn = Instant::now();
        let mut writing: JoinSet<Result<String, String>> = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                _ = terminate.recv() => return Ok(End::Quit),
                _ = interrupt.recv() => return Ok(End::Quit),
                _ = hangup.recv() => return Ok(End::Quit),
                event = events.next() => match event {
                    Some(event) => {
                        let effect = self.event(&event.context("reading the terminal")?, guard.size());
                        if let Some(end) = self.carry_out(effect, guard, &mut writing)? {
                            return Ok(end);
                        }
                        dirty = true;
                        if !self.remote {
                            // What was asked for is shown at once.
                            next_frame = next_frame.min(drawn + KEY_FRAME);
                        }
                    }
                    // The terminal has gone.
                    None => return Ok(End::Quit),
                },
                () = sleep_until(next_frame), if dirty => {
                    let (drew, pause) = self.frame(guard)?;
                    let now = Instant::now();
                    if drew {
                        (dirty, drawn) = (false, now);
                    }
                    next_frame = now + pause;
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
                Some(answer) = answers.recv_async() => {
                    self.state.apply(answer);
                    dirty = true;
                }
                Some(written) = writing.join_next() => {
                    self.state.view.note = Some(match written {
                        Ok(Ok(said) | Err(said)) => said,
                        Err(error) => format!("not written: {error}"),
                    });
                    dirty = true;
                }
                _ = tick.tick() => {
                    self.follow_theme();
                    dirty = true;
                }
            }
        }
    }

    /// Draws a frame, unless the terminal has not taken the last one: then all goes on but that. Whether it drew, and how
    /// long to wait for the next.
    fn frame(&mut self, guard: &mut terminal::Guard) -> anyhow::Result<(bool, Duration)> {
        if guard.writer().is_busy() {
            self.work();
            return Ok((false, FRAME));
        }
        let before = guard.writer().sent();
        self.draw(guard.terminal()).context("drawing")?;
        guard.ring(&std::mem::take(&mut self.rings)).context("writing to the terminal")?;
        Ok((true, self.pause(guard.writer().took(), guard.writer().sent() - before)))
    }

    /// Does what an action asks for beyond the state; how the loop ends, if it is to end.
    fn carry_out(
        &mut self,
        effect: Option<Effect>,
        guard: &mut terminal::Guard,
        writing: &mut JoinSet<Result<String, String>>,
    ) -> anyhow::Result<Option<End>> {
        match effect {
            None => {}
            Some(Effect::Quit) => return Ok(Some(End::Quit)),
            Some(Effect::Suspend) => guard.suspend()?,
            Some(Effect::Order(order)) => self.orders.give(order),
            Some(Effect::Report(wanted)) => self.report(wanted, writing),
            Some(Effect::Redraw) => guard.terminal().clear().context("clearing the screen")?,
            Some(Effect::Copy { what, text, content }) => {
                if content && self.reports.never_text {
                    self.state.view.note = Some("not copied: `content: off` keeps texts here".to_owned());
                    return Ok(None);
                }
                let text = self.reports.redact.text(&text).into_owned();
                let sent = guard.copy(&text).context("writing to the terminal")?;
                let folder = self.reports.folder.clone();
                writing.spawn_blocking(move || files::copied(&what, &text, sent, folder.as_deref()));
            }
            Some(Effect::Mouse(on)) => guard.set_mouse(on).context("asking for the mouse")?,
            Some(Effect::Theme(name)) => self.choose_theme(&name),
            Some(Effect::Write { what, path, text }) => {
                let text = self.reports.redact.text(&text).into_owned();
                writing.spawn_blocking(move || files::write_new(what, &path, &text));
            }
        }
        Ok(None)
    }

    /// Puts a theme in force; the old one stays if it can't be.
    pub fn choose_theme(&mut self, name: &str) {
        match self.themes.choose(name) {
            Ok(theme) => {
                self.theme = theme;
                name.clone_into(&mut self.state.view.theme);
            }
            Err(why) => self.state.view.note = Some(why),
        }
    }

    /// Takes the theme in anew, if its file was saved.
    fn follow_theme(&mut self) {
        match self.themes.changed() {
            None => {}
            Some(Ok(theme)) => self.theme = theme,
            Some(Err(why)) => self.state.view.note = Some(format!("the theme stays as it was: {why}")),
        }
    }

    /// Has a report written, beside the screen: a log that it is about may be long.
    fn report(&mut self, wanted: handover::Wanted, writing: &mut JoinSet<Result<String, String>>) {
        match handover::Handover::of(&self.state, &self.reports, wanted, self.clock.now()) {
            Ok(report) => drop(writing.spawn_blocking(move || match report.write() {
                Ok(path) => Ok(format!("the report is in {}", path.display())),
                Err(why) => Err(format!("no report: {why}")),
            })),
            Err(why) => self.state.view.note = Some(why),
        }
    }

    /// How long to wait after a frame that took so long and sent so many bytes.
    fn pause(&self, took: Duration, sent: u64) -> Duration {
        let least = match (self.reduced_motion, took > SLOW) {
            (true, _) => CALM_FRAME,
            (false, true) => SLOW_FRAME,
            (false, false) => FRAME,
        };
        if !self.remote {
            return least;
        }
        // At most a second: a full repaint must not freeze the screen.
        Duration::from_secs_f64(sent as f64 / REMOTE_BYTES).clamp(least, TICK)
    }

    /// Takes what the terminal says, on a screen of this size.
    pub fn event(&mut self, event: &Event, size: (u16, u16)) -> Option<Effect> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(key),
            Event::Paste(text) => {
                update::paste(&mut self.state, text);
                None
            }
            Event::Mouse(mouse) => update::mouse(&mut self.state, mouse, size),
            _ => None,
        }
    }
}
