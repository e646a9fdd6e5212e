//! Bounded channels with a named policy and counters that the screen shows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::{TryRecvError, TrySendError};

use crate::clock::SharedClock;
use crate::message::StageReport;

/// What a sender does when there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// Wait.
    Block,
    /// Drop what it wanted to send, and count it.
    DropNewest,
}

/// The other end is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

/// Counters of a channel.
#[derive(Debug)]
pub struct Stats {
    name: &'static str,
    capacity: usize,
    depth: AtomicUsize,
    passed: AtomicU64,
    dropped: AtomicU64,
    /// Time that values have spent in the channel, µs.
    waited: AtomicU64,
    /// Senders that wait for room.
    blocked: AtomicUsize,
}

impl Stats {
    /// The counters now.
    pub fn report(&self) -> StageReport {
        StageReport {
            name: self.name,
            depth: self.depth.load(Ordering::Relaxed),
            capacity: self.capacity,
            passed: self.passed.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            waited_us: self.waited.load(Ordering::Relaxed),
            blocked: self.blocked.load(Ordering::Relaxed),
        }
    }
}

/// The sending end.
pub struct Sender<T> {
    inner: mpsc::Sender<(Duration, T)>,
    stats: Arc<Stats>,
    when_full: WhenFull,
    clock: SharedClock,
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        let Self { inner, stats, when_full, clock } = self;
        Self { inner: inner.clone(), stats: Arc::clone(stats), when_full: *when_full, clock: Arc::clone(clock) }
    }
}

/// The receiving end.
pub struct Receiver<T> {
    inner: std::cell::RefCell<mpsc::Receiver<(Duration, T)>>,
    stats: Arc<Stats>,
    clock: SharedClock,
}

/// A channel for at most `capacity` values.
pub fn channel<T>(
    name: &'static str,
    capacity: usize,
    when_full: WhenFull,
    clock: &SharedClock,
) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = mpsc::channel(capacity.max(1));
    let stats = Arc::new(Stats {
        name,
        capacity: capacity.max(1),
        depth: AtomicUsize::new(0),
        passed: AtomicU64::new(0),
        dropped: AtomicU64::new(0),
        waited: AtomicU64::new(0),
        blocked: AtomicUsize::new(0),
    });
    let sender = Sender { inner: sender, stats: Arc::clone(&stats), when_full, clock: Arc::clone(clock) };
    (sender, Receiver { inner: receiver.into(), stats, clock: Arc::clone(clock) })
}

impl<T> Sender<T> {
    /// Sends from a thread of the pipeline, as the policy says. Must not be called inside an async task.
    ///
    /// # Errors
    /// When nobody will receive it.
    pub fn send(&self, value: T) -> Result<(), Closed> {
        self.stats.depth.fetch_add(1, Ordering::Relaxed);
        let value = (self.clock.elapsed(), value);
        let sent = match self.inner.try_send(value) {
            Err(TrySendError::Full(value)) if self.when_full == WhenFull::Block => {
                self.stats.blocked.fetch_add(1, Ordering::Relaxed);
                let sent = self.inner.blocking_send(value).map_err(|_| TrySendError::Closed(()));
                self.stats.blocked.fetch_sub(1, Ordering::Relaxed);
                sent
            }
            Err(TrySendError::Full(_)) => Err(TrySendError::Full(())),
            Err(TrySendError::Closed(_)) => Err(TrySendError::Closed(())),
            Ok(()) => Ok(()),
        };
        match sent {
            Ok(()) => {
                self.stats.passed.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(TrySendError::Full(())) => {
                self.stats.depth.fetch_sub(1, Ordering::Relaxed);
                self.stats.dropped.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(TrySendError::Closed(())) => {
                self.stats.depth.fetch_sub(1, Ordering::Relaxed);
                Err(Closed)
            }
        }
    }

    /// The counters, shared.
    pub fn stats(&self) -> Arc<Stats> {
        Arc::clone(&self.stats)
    }
}

impl<T> Receiver<T> {
    fn took(&self, value: Option<(Duration, T)>) -> Option<T> {
        let (sent_at, value) = value?;
        let waited = self.clock.elapsed().saturating_sub(sent_at);
        self.stats.waited.fetch_add(waited.as_micros() as u64, Ordering::Relaxed);
        self.stats.depth.fetch_sub(1, Ordering::Relaxed);
        Some(value)
    }

    /// Waits for the next value in a thread; `None` when all senders are gone.
    pub fn recv(&self) -> Option<T> {
        let value = self.inner.borrow_mut().blocking_recv();
        self.took(value)
    }

    /// Waits for the next value in a thread, but not longer than `most`.
    ///
    /// # Errors
    /// When all senders are gone.
    pub fn recv_within(&self, most: Duration) -> Result<Option<T>, Closed> {
        // Without a clock of its own the wait could not end: the runtime is there for that alone.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(|_| Closed)?;
        let mut inner = self.inner.borrow_mut();
        let received = runtime.block_on(async { tokio::time::timeout(most, inner.recv()).await });
        drop(inner);
        match received {
            Ok(Some(value)) => Ok(self.took(Some(value))),
            Ok(None) => Err(Closed),
            Err(_) => Ok(None),
        }
    }

    /// The next value if one is there.
    ///
    /// # Errors
    /// When all senders are gone.
    pub fn try_recv(&self) -> Result<Option<T>, Closed> {
        let taken = self.inner.borrow_mut().try_recv();
        match taken {
            Ok(value) => Ok(self.took(Some(value))),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(Closed),
        }
    }

    /// Waits for the next value in an async task; `None` when all senders are gone.
    pub async fn recv_async(&mut self) -> Option<T> {
        let value = self.inner.get_mut().recv().await;
        self.took(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn drops_are_counted() {
        let (sender, receiver) = channel("t", 1, WhenFull::DropNewest, &SystemClock::shared());
        assert_eq!((sender.send(1), sender.send(2)), (Ok(()), Ok(())));
        let report = sender.stats().report();
        assert_eq!((report.depth, report.passed, report.dropped), (1, 1, 1));
        assert_eq!(receiver.try_recv(), Ok(Some(1)));
        assert_eq!(receiver.try_recv(), Ok(None));
        assert_eq!(sender.stats().report().depth, 0);
    }

    #[test]
    fn blocking_holds_back_and_loses_nothing() {
        let (sender, receiver) = channel("t", 2, WhenFull::Block, &SystemClock::shared());
        let thread = std::thread::spawn(move || (0..100).try_for_each(|n| sender.send(n)));
        let got: Vec<i32> = std::iter::from_fn(|| receiver.recv()).collect();
        assert_eq!(got, (0..100).collect::<Vec<_>>());
        assert_eq!(thread.join().unwrap(), Ok(()));
    }

    #[test]
    fn a_closed_channel_says_so() {
        let (sender, receiver) = channel::<u8>("t", 1, WhenFull::Block, &SystemClock::shared());
        drop(receiver);
        assert_eq!(sender.send(1), Err(Closed));
    }
}
