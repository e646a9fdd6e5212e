//! Looks after the embedding workers: one that is at a text for too long is replaced.

use std::time::Duration;

use super::{Options, Shared, spawn, worker};

/// How often it looks.
const LOOK: Duration = Duration::from_millis(250);

/// Time that a look counts at most: a process that was stopped, or a machine that slept, has not kept a text waiting.
const COUNTED: Duration = Duration::from_millis(500);

pub(super) fn start(shared: &Shared, options: &Options) -> std::io::Result<()> {
    if options.embedding.backend.is_cheap() {
        return Ok(());
    }
    let shared = shared.clone();
    let patient = !options.live;
    let supervise = move || {
        let mut seen = shared.clock.elapsed();
        while !shared.stop.wait(LOOK) {
            let now = shared.clock.elapsed();
            let ran = (now - seen).min(COUNTED);
            seen = now;
            let replace = shared.pool.supervise(ran, patient, &|event| tracing::error!("embedding: {event:?}"));
            for _ in 0..replace {
                tracing::error!("an embedding worker hangs: another takes its place");
                if let Err(error) = worker(&shared, None) {
                    tracing::error!("no thread for it: {error}");
                }
            }
        }
    };
    spawn("supervise", supervise).map(drop)
}
