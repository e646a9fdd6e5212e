//! Those who are told of alerts: a queue to each, and what goes into it. Nothing leaves without passing `redact`.

use std::sync::Arc;
use std::time::Duration;

use super::Failure;
use super::setup::Setup;
use crate::clock::SharedClock;
use crate::config::keeping::Content;
use crate::config::notify::{TargetKind, WebhookFormat};
use crate::message::notice::{Courier, Notice, NoticeKind, Rings, TargetReport};
use crate::pipeline::spawn;
use crate::redact::Redact;
use crate::sink::exec::Exec;
use crate::sink::outbox::{Deliver, Outbox, OutboxOptions, Parcel};
use crate::sink::webhook::Webhook;
use crate::state::notices;

/// Everybody who can be told.
pub(super) struct Couriers {
    targets: Vec<(Arc<str>, Way)>,
    redact: Redact,
    /// Prompts and answers never leave.
    never_text: bool,
}

/// How somebody is told.
enum Way {
    Bell,
    Title,
    Post { outbox: Outbox, format: WebhookFormat, text: bool },
    Run(Outbox),
}

impl Couriers {
    /// Those of the configuration; each has a thread, so that none waits for another.
    pub fn start(setup: &Setup, clock: &SharedClock) -> Result<Self, Failure> {
        let mut targets = Vec::new();
        for target in &setup.config.notify.targets {
            let name: Arc<str> = target.name.as_str().into();
            let queue = |deliver: Box<dyn Deliver>| -> Result<Outbox, Failure> {
                let (outbox, worker) = Outbox::new(&name, deliver, OutboxOptions::default(), clock);
                spawn("courier", move || worker.run())
                    .map_err(|error| Failure::Internal(anyhow::anyhow!("starting a thread: {error}")))?;
                Ok(outbox)
            };
            let way = match &target.kind {
                TargetKind::Bell => Way::Bell,
                TargetKind::Osc9 => Way::Title,
                TargetKind::Webhook { url, format, text, headers, timeout } => {
                    let headers: Vec<(String, String)> =
                        headers.iter().map(|(name, value)| (name.clone(), value.reveal().to_owned())).collect();
                    let webhook = Webhook::new(url.reveal(), &headers, *timeout)
                        .map_err(|why| Failure::Usage(format!("targets: {name}: {why}")))?;
                    Way::Post { outbox: queue(Box::new(webhook))?, format: *format, text: *text }
                }
                TargetKind::Exec { command, timeout } => {
                    Way::Run(queue(Box::new(Exec::new(command.clone(), *timeout)))?)
                }
            };
            targets.push((name, way));
        }
        let never_text = setup.config.keeping.content == Content::Off;
        Ok(Self { targets, redact: setup.config.keeping.redact(), never_text })
    }

    /// Tells one target; what is left for the terminal to do. False if the queue was full.
    fn tell(&self, way: &Way, notice: &Notice, rings: &mut Rings) -> bool {
        match way {
            Way::Bell => rings.bell = true,
            Way::Title => rings.title = Some(self.redact.text(&notice.title()).into_owned()),
            Way::Post { outbox, format, text } => {
                let text = *text && !self.never_text;
                let json = match format {
                    WebhookFormat::Watcher => {
                        let record = notice.row.as_ref().filter(|_| text).map(|row| &*row.record);
                        notice.json(text, record)
                    }
                    WebhookFormat::Alertmanager => notice.alertmanager(text),
                };
                let body = self.redact.json(json.to_string().as_bytes());
                return outbox.offer(Parcel { body, env: Vec::new() });
            }
            Way::Run(outbox) => return outbox.offer(self.parcel(notice)),
        }
        true
    }

    /// The record for a command's standard input, and what has happened beside it.
    fn parcel(&self, notice: &Notice) -> Parcel {
        let record = notice.row.as_ref().filter(|_| !self.never_text).map(|row| row.record.raw.as_ref());
        let body = record.map(|raw| self.redact.json(raw)).unwrap_or_default();
        let said = [
            ("WATCHER_STATUS", notice.kind.word().to_owned()),
            ("WATCHER_CAUSE", notice.cause.to_string()),
            ("WATCHER_KEY", notice.key.to_string()),
            ("WATCHER_SEVERITY", notice.severity.word().to_owned()),
            ("WATCHER_SINCE", notice.since.to_string()),
            ("WATCHER_COUNT", notice.count.to_string()),
            ("WATCHER_TEXT", notice.words(false).to_owned()),
            ("WATCHER_HELD_BACK", notice.held_back.to_string()),
            ("WATCHER_RECORD", notice.row.as_ref().map(|row| row.record.id.to_string()).unwrap_or_default()),
        ];
        let env = said.map(|(name, value)| (name.to_owned(), self.redact.text(&value).into_owned())).into();
        Parcel { body, env }
    }

    /// What is on its way is delivered, but not for longer than `most`.
    pub fn finish(&self, most: Duration) {
        let boxes: Vec<&Outbox> = self.boxes().collect();
        boxes.iter().for_each(|outbox| outbox.finish());
        for outbox in &boxes {
            // What has not arrived by then is counted as dropped.
            let _ = outbox.drained(most);
        }
        boxes.iter().for_each(|outbox| outbox.close());
    }

    fn boxes(&self) -> impl Iterator<Item = &Outbox> {
        self.targets.iter().filter_map(|(_, way)| match way {
            Way::Post { outbox, .. } | Way::Run(outbox) => Some(outbox),
            Way::Bell | Way::Title => None,
        })
    }

    /// The targets' names.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.targets.iter().map(|(name, _)| Arc::clone(name)).collect()
    }
}

impl Courier for Couriers {
    fn send(&self, notice: &Notice) -> Rings {
        let mut rings = Rings::default();
        for (name, way) in self.targets.iter().filter(|(name, _)| notice.targets.contains(name)) {
            if !self.tell(way, notice, &mut rings) {
                tracing::warn!("{name}: too many notices wait, one was dropped");
            }
        }
        for name in notice.targets.iter().filter(|name| self.targets.iter().all(|(known, _)| known != *name)) {
            // A rule may name who is known elsewhere only: it is said where nobody is told.
            tracing::warn!("{}: there is no target `{name}` in the configuration", notice.cause);
        }
        rings
    }

    fn report(&self) -> Vec<TargetReport> {
        let of = |outbox: &Outbox| {
            let stats = outbox.stats();
            TargetReport {
                name: stats.name,
                waiting: stats.waiting,
                sent: stats.sent,
                failed: stats.failed,
                dropped: stats.dropped,
                last_error: stats.last_error,
            }
        };
        self.boxes().map(of).collect()
    }
}

/// What is told, by the configuration.
pub(super) fn options(setup: &Setup, mode: &'static str) -> notices::Options {
    let notify = &setup.config.notify;
    notices::Options {
        default: notify.to.iter().map(|name| name.as_str().into()).collect(),
        least: notify.least,
        repeat: notify.repeat.and_then(|span| span.try_into().ok()),
        per_minute: notify.per_minute,
        resolved: notify.resolved,
        mode: mode.into(),
    }
}

/// A notice that says of itself that it is none.
pub(super) fn test_notice(now: jiff::Timestamp, targets: Vec<Arc<str>>) -> Notice {
    Notice {
        kind: NoticeKind::Firing,
        cause: "@test".into(),
        key: "watcher".into(),
        severity: crate::verdict::Severity::Info,
        since: now,
        at: now,
        count: 1,
        text: "this is a test: nothing is wrong".to_owned(),
        held_back: 0,
        mode: "TEST".into(),
        targets,
        row: None,
    }
}
