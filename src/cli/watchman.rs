//! Who stands in for an operator where there is no screen: takes in what happens, tells whoever is to be told, and
//! answers those who ask how things are.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use super::couriers::{self, Couriers};

use super::listen::{self, Firing, Gauges, Sent};
use super::setup::Setup;
use super::{Failure, alert, note_line};
use crate::clock::SharedClock;
use crate::message::notice::Courier;
use crate::message::{Orders, Update};
use crate::pipeline::spawn;
use crate::sanitize;
use crate::state::{AppState, Options};

/// What is on its way when all ends has so long to arrive.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// The stand-in.
pub(super) struct Watchman {
    state: Option<AppState>,
    couriers: Option<Couriers>,
    gauges: Option<Gauges>,
    clock: SharedClock,
    reopen: Arc<AtomicBool>,
}

impl Watchman {
    /// One who tells and answers as the configuration and the command line say. A bad address is found before anything
    /// is started.
    pub fn new(
        setup: &Setup,
        live: bool,
        tells: bool,
        address: Option<&str>,
        clock: SharedClock,
    ) -> Result<Self, Failure> {
        let gauges = address.map(|address| listening(setup, live, address, &clock)).transpose()?;
        let mut state = None;
        let mut couriers = None;
        if tells {
            let options =
                Options { review_score: setup.config.policy().review_score, mode: "LIVE", live: true, read_only: true };
            let mut own = AppState::new(options, clock.now());
            own.telling.who = alert::who();
            own.telling.begin(couriers::options(setup, if live { "LIVE" } else { "REPLAY" }));
            state = Some(own);
            couriers = Some(Couriers::start(setup, &clock)?);
        }
        Ok(Self { state, couriers, gauges, clock, reopen: Arc::clone(&setup.reopen_log) })
    }

    /// Takes in what has happened.
    pub fn take(&mut self, update: &Update) {
        if let Some(gauges) = &self.gauges {
            gauges.apply(update);
        }
        if let Some(state) = &mut self.state {
            state.apply(update.clone());
        }
    }

    /// Time goes on: what is due is told.
    pub fn tick(&mut self, orders: &Orders) {
        let (Some(state), Some(couriers)) = (&mut self.state, &self.couriers) else { return };
        state.tick(self.clock.now());
        state.take_orders().into_iter().for_each(|order| orders.give(order));
        for notice in state.take_notices() {
            let rings = couriers.send(&notice);
            // The terminal that it was started from, if there is one.
            let mut terminal = std::io::stderr();
            if terminal.is_terminal() && (rings.bell || rings.title.is_some()) {
                let title = rings.title.map(|title| format!("\x1b]9;{}\x07", sanitize::line(&title)));
                let _ = write!(terminal, "{}{}", if rings.bell { "\x07" } else { "" }, title.unwrap_or_default());
            }
            tracing::info!("told: {}", notice.title());
        }
        if let Some(gauges) = &self.gauges {
            let firing = state.board().alerts.firing();
            let mut counts: Vec<Firing> = Vec::new();
            for alert in firing {
                let known =
                    counts.iter_mut().find(|held| held.cause == *alert.cause && held.severity == alert.severity);
                match known {
                    Some(held) => held.count += 1,
                    None => counts.push(Firing { cause: alert.cause.to_string(), severity: alert.severity, count: 1 }),
                }
            }
            gauges.set_alerts(counts);
            let sent = couriers.report().into_iter().flat_map(|report| {
                [("sent", report.sent), ("failed", report.failed), ("dropped", report.dropped)]
                    .map(|(result, count)| Sent { target: report.name.to_string(), result: result.to_owned(), count })
            });
            gauges.set_notices(sent.collect());
        }
    }

    /// The log is opened anew: somebody has given its file another name.
    pub fn reopen_log(&self) {
        self.reopen.store(true, Ordering::Relaxed);
    }

    /// Whether there is anything to do as time goes on.
    pub fn is_idle(&self) -> bool {
        self.state.is_none()
    }

    /// What is on its way arrives, if that does not take long.
    pub fn finish(self, orders: &Orders) {
        let mut own = self;
        own.tick(orders);
        if let Some(couriers) = own.couriers {
            couriers.finish(LAST_WORDS);
        }
    }
}

/// Listens on a thread of its own: whoever asks never waits for what is judged.
fn listening(setup: &Setup, live: bool, address: &str, clock: &SharedClock) -> Result<Gauges, Failure> {
    let gauges = Gauges::new(SharedClock::clone(clock), live, setup.config.keeping.redact());
    let (bound, is_bound) = sync_channel(1);
    let (own, address) = (gauges.clone(), address.to_owned());
    let failed = |error: std::io::Error| Failure::Internal(anyhow::anyhow!("starting a thread: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    spawn("listen", move || {
        runtime.block_on(async {
            match listen::bind(&address).await {
                Ok(listener) => {
                    let _ = bound.send(Ok(listener.local_addr()));
                    match listen::serve(listener, own).await {}
                }
                Err(failure) => drop(bound.send(Err(failure))),
            }
        });
    })
    .map_err(failed)?;
    let address = is_bound.recv().map_err(|_| Failure::Internal(anyhow::anyhow!("nobody listens: a bug")))??;
    if let Ok(address) = address {
        note_line(&format!("watcher: listening on http://{address}: /healthz and /metrics"));
    }
    Ok(gauges)
}
