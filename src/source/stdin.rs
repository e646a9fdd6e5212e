//! Standard input or another stream, read to its end.

use std::io::{ErrorKind, Read};
use std::sync::Arc;

use super::LineBatch;
use super::lines::{Splitter, batch};
use crate::clock::Clock;

/// Reads `input`, called `name`, until it ends or `emit` says that nobody wants more. Lines are handed over as soon as they are complete.
///
/// # Errors
/// What reading failed with.
pub fn read(
    name: &str,
    mut input: impl Read,
    limit: usize,
    clock: &dyn Clock,
    mut emit: impl FnMut(LineBatch, u64) -> bool,
) -> std::io::Result<()> {
    let name: Arc<str> = name.into();
    let mut splitter = Splitter::new(limit, 0, Some(1));
    let mut buffer = vec![0u8; 64 << 10];
    let mut total = 0;
    loop {
        let read = match input.read(&mut buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            other => other?,
        };
        total += read as u64;
        let mut ready = Vec::new();
        let mut collect = |cut| ready.push(cut);
        if read == 0 {
            splitter.finish(&mut collect);
        } else {
            splitter.push(&buffer[..read], &mut collect);
            splitter.flush(&mut collect);
        }
        for cut in ready {
            if !emit(batch(&name, &name, cut, clock.elapsed(), clock.now()), total) {
                return Ok(());
            }
        }
        if read == 0 {
            return Ok(());
        }
    }
}
