//! Whom an alert is told, and what keeps it quiet: silences, and alerts that somebody has taken on.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::AppState;
use super::alerts::{Alert, AlertChange, AlertState};
use super::notices::{Notices, Options, Told};
use crate::history::Row;
use crate::humanize;
use crate::message::notice::{Notice, NoticeKind, TargetReport};
use crate::message::silences::{Acknowledged, Silence, Silences};
use crate::message::{Command, SilenceOrder};
use crate::record::Seq;

/// How long a silence lasts that does not say so.
const SILENCE: SignedDuration = SignedDuration::from_hours(1);

/// Silences that end within this are said to expire soon.
pub const SOON: SignedDuration = SignedDuration::from_mins(10);

/// What keeps an alert quiet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mute<'a> {
    /// Somebody has taken it on.
    Acknowledged(&'a Acknowledged),
    /// It is silenced.
    Silenced(&'a Silence),
}

/// Whom alerts are told, and what is silenced.
#[derive(Debug, Default)]
pub struct Telling {
    notices: Option<Notices>,
    outgoing: Vec<Notice>,
    orders: Vec<Command>,
    silences: Arc<Silences>,
    /// Whose silences are made here: `user@host`.
    pub who: String,
    /// How those who are told fare.
    pub targets: Vec<TargetReport>,
}

impl Telling {
    /// Alerts are told from now on.
    pub fn begin(&mut self, options: Options) {
        self.notices = Some(Notices::new(options));
    }

    /// Notices that were held back so far, because there were too many.
    pub fn held_back(&self) -> u64 {
        self.notices.as_ref().map_or(0, Notices::held_back)
    }

    /// What is silenced, and who has taken on what.
    pub fn silences(&self) -> &Silences {
        &self.silences
    }

    /// Takes in what another instance has said.
    pub(super) fn set(&mut self, silences: Arc<Silences>) {
        self.silences = silences;
    }
}

/// The row of a record, if it is kept.
fn row_of(state: &AppState, seq: Option<Seq>) -> Option<&Row> {
    let history = state.live.records.history();
    let seq = seq?;
    history.get(history.position(seq)).filter(|row| row.verdict.seq == seq)
}

impl AppState {
    /// What keeps an alert quiet; `None` if nothing does.
    pub fn mute(&self, alert: &Alert) -> Option<Mute<'_>> {
        let row = row_of(self, alert.seq);
        let label = |path: &str| row.and_then(|row| row.record.label(path)).map(ToString::to_string);
        let silences = &self.telling.silences;
        if let Some(silence) = silences.find(&alert.cause, &alert.key, &label, alert.severity, self.now) {
            return Some(Mute::Silenced(silence));
        }
        silences.acknowledgement(&alert.cause, &alert.key, alert.since, alert.severity).map(Mute::Acknowledged)
    }

    /// The alerts that fire and that nothing keeps quiet.
    pub fn loud(&self) -> impl Iterator<Item = &Alert> {
        self.board().alerts.firing().filter(|alert| self.mute(alert).is_none())
    }

    /// Decides what is told of what became of the alerts.
    pub(super) fn notify(&mut self, changes: &[AlertChange]) {
        self.end_what_got_worse();
        let Some(mut notices) = self.telling.notices.take() else { return };
        let rules = self.rule_set().cloned();
        let targets_of = |cause: &str| -> Option<Vec<Arc<str>>> {
            let (_, rule) = rules.as_ref()?.find(cause)?;
            (!rule.notify.is_empty()).then(|| rule.notify.iter().map(|name| name.as_str().into()).collect())
        };
        let now = self.now;
        let mut out = Vec::new();
        for change in changes.iter().filter(|change| change.state == AlertState::Resolved) {
            let targets = targets_of(&change.cause);
            let row = row_of(self, change.seq);
            let label = |path: &str| row.and_then(|row| row.record.label(path)).map(ToString::to_string);
            let silenced = self.telling.silences.find(&change.cause, &change.key, &label, change.severity, now);
            out.extend(notices.change(Told {
                kind: NoticeKind::Resolved,
                cause: &change.cause,
                key: &change.key,
                severity: change.severity,
                since: change.since,
                at: change.at,
                count: change.count,
                text: &change.text,
                targets: targets.as_deref(),
                row,
                muted: silenced.is_some(),
                now,
            }));
        }
        // What has begun is among what fires; so is what has got worse, or is muted no more.
        let firing: Vec<(&Alert, Option<Vec<Arc<str>>>)> =
            self.live.alerts.firing().map(|alert| (alert, targets_of(&alert.cause))).collect();
        let told = firing.iter().map(|(alert, targets)| Told {
            kind: NoticeKind::Firing,
            cause: &alert.cause,
            key: &alert.key,
            severity: alert.severity,
            since: alert.since,
            at: now,
            count: alert.count,
            text: &alert.text,
            targets: targets.as_deref(),
            row: row_of(self, alert.seq),
            muted: self.mute(alert).is_some(),
            now,
        });
        out.extend(notices.due(now, told));
        self.telling.outgoing.extend(out);
        self.telling.notices = Some(notices);
    }

    /// A silence that covers something milder ends early.
    fn end_what_got_worse(&mut self) {
        if self.telling.silences.silences.is_empty() {
            return;
        }
        let mut silences = Silences::clone(&self.telling.silences);
        let mut ended = Vec::new();
        for alert in self.live.alerts.firing() {
            let row = row_of(self, alert.seq);
            let label = |path: &str| row.and_then(|row| row.record.label(path)).map(ToString::to_string);
            ended.extend(silences.escalate(&alert.cause, &alert.key, &label, alert.severity, self.now));
        }
        for silence in &ended {
            self.telling.orders.push(Command::Silence(SilenceOrder::End(silence.id)));
            self.view.note =
                Some(format!("the silence of {} {} has ended early: it got worse", silence.cause, silence.key));
        }
        if !ended.is_empty() {
            self.telling.silences = Arc::new(silences);
        }
    }

    /// What is to be told.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.telling.outgoing)
    }

    /// What the pipeline is to do about silences.
    pub fn take_orders(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.telling.orders)
    }

    fn say(&mut self, order: SilenceOrder) {
        // It acts at once here; the others hear of it through the file.
        let mut silences = Silences::clone(&self.telling.silences);
        match &order {
            SilenceOrder::Add(silence) => {
                if let Err(why) = silences.add(silence.clone()) {
                    self.view.note = Some(format!("not silenced: {why}"));
                    return;
                }
            }
            SilenceOrder::End(id) => drop(silences.end(*id, self.now)),
            SilenceOrder::Acknowledge(ack) => silences.acknowledge(ack.clone()),
        }
        self.telling.silences = Arc::new(silences);
        self.telling.orders.push(Command::Silence(order));
    }

    /// Takes the chosen alert on: nobody is told of it until it gets worse or begins anew.
    pub fn acknowledge(&mut self) {
        let Some(alert) = self.alert() else {
            self.view.note = Some("there is no alert to take on".to_owned());
            return;
        };
        let ack = Acknowledged {
            cause: Arc::clone(&alert.cause),
            key: Arc::clone(&alert.key),
            since: alert.since,
            severity: alert.severity,
            who: self.telling.who.clone(),
            at: self.now,
        };
        self.view.note = Some(format!("{} {} is yours until it gets worse or begins anew", ack.cause, ack.key));
        self.say(SilenceOrder::Acknowledge(ack));
    }

    /// Silences the chosen alert: `1h planned work`, `30m model=x-1120 why`.
    pub fn silence(&mut self, text: &str) {
        let Some(alert) = self.alert() else {
            self.view.note = Some("there is no alert to silence".to_owned());
            return;
        };
        let (cause, key, severity) = (Arc::clone(&alert.cause), Arc::clone(&alert.key), alert.severity);
        let mut words = text.split_whitespace().peekable();
        let span = match words.peek().map(|word| humanize::parse_span(word)) {
            Some(Some(span)) => {
                words.next();
                SignedDuration::try_from(span).unwrap_or(SILENCE)
            }
            _ => SILENCE,
        };
        let label = words.peek().and_then(|word| word.split_once('=')).map(|(path, value)| (path.into(), value.into()));
        if label.is_some() {
            words.next();
        }
        let reason = words.collect::<Vec<_>>().join(" ");
        let Some(until) = self.now.checked_add(span).ok().filter(|_| !span.is_zero()) else {
            self.view.note = Some(format!("`{text}` is no time: write 30m, 2h, 1d and why"));
            return;
        };
        let who = self.telling.who.clone();
        let from = self.now;
        let silence = Silence { id: 0, cause, key, label, from, until, reason, who, severity };
        self.view.note = Some(format!(
            "{} {} is silenced for {}; verdicts say so, and it ends early if it gets worse",
            silence.cause,
            silence.key,
            humanize::span(span.unsigned_abs())
        ));
        self.say(SilenceOrder::Add(silence.identified()));
    }

    /// Ends a silence.
    pub fn end_silence(&mut self, id: u64) {
        self.say(SilenceOrder::End(id));
    }

    /// The silences that act now, those that end first first.
    pub fn active_silences(&self) -> Vec<&Silence> {
        let mut active: Vec<&Silence> = self.telling.silences.active(self.now).collect();
        active.sort_by_key(|silence| silence.until);
        active
    }

    /// How many silences act, and when the next one ends.
    pub fn silenced(&self) -> Option<(usize, Timestamp)> {
        let next = self.telling.silences.next_to_expire(self.now)?.until;
        Some((self.telling.silences.active(self.now).count(), next))
    }
}
