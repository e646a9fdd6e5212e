//! The program's log for the screen to read: the lines that go to the log file, from `info` on.

use std::fmt::{Debug, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::clock::{Clock, SystemClock};
use crate::state::log::{Journal, LogLine};

/// Puts what is logged into the journal.
pub(super) struct ToJournal {
    journal: Journal,
    clock: SystemClock,
}

impl ToJournal {
    pub fn new(journal: Journal) -> Self {
        Self { journal, clock: SystemClock::new() }
    }
}

impl<S: Subscriber> Layer<S> for ToJournal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warn",
            Level::INFO => "info",
            _ => return,
        };
        let mut said = Said::default();
        event.record(&mut said);
        let text = if said.fields.is_empty() { said.message } else { format!("{} ({})", said.message, said.fields) };
        self.journal.add(LogLine { at: self.clock.now(), level, text });
    }
}

/// The message of an event, and its other fields.
#[derive(Default)]
struct Said {
    message: String,
    fields: String,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing into a text can't fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name if self.fields.is_empty() => write!(self.fields, "{name}={value:?}"),
            name => write!(self.fields, ", {name}={value:?}"),
        };
    }
}
