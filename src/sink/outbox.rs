//! A queue before a target that may be slow, down, or gone: nothing waits for it, and what becomes of everything that
//! was offered is counted.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::SharedClock;

/// Something to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parcel {
    /// The body of a request, or what a command reads.
    pub body: Vec<u8>,
    /// Variables that a command finds in its environment.
    pub env: Vec<(String, String)>,
}

/// Why a parcel did not arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliverError {
    /// In words, without anything secret.
    pub why: String,
    /// It may arrive later.
    pub retry: bool,
    /// Not before this.
    pub after: Option<Duration>,
}

impl DeliverError {
    /// It never arrives.
    pub fn last(why: impl Into<String>) -> Self {
        Self { why: why.into(), retry: false, after: None }
    }

    /// It may arrive later.
    pub fn passing(why: impl Into<String>) -> Self {
        Self { why: why.into(), retry: true, after: None }
    }
}

/// What ends a delivery that is under way, from another thread and for good.
pub type Stop = Box<dyn Fn() + Send + Sync>;

/// A target.
pub trait Deliver: Send {
    /// Delivers one parcel; comes back within the target's own limit of time.
    ///
    /// # Errors
    /// Why it did not arrive.
    fn deliver(&mut self, parcel: &Parcel) -> Result<(), DeliverError>;

    /// How to end a delivery before its time; `None` where it can't be.
    fn stop(&mut self) -> Option<Stop> {
        None
    }
}

/// Bounds of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxOptions {
    /// Parcels that may wait, the one under way among them.
    pub queue: usize,
    /// Attempts for each.
    pub attempts: u32,
    /// Pause after the first attempt; it doubles with each.
    pub first: Duration,
    /// Longest pause.
    pub most: Duration,
    /// After so long since it was offered, a parcel is not tried again. It is tried once in any case.
    pub deadline: Duration,
}

impl Default for OutboxOptions {
    fn default() -> Self {
        Self {
            queue: 64,
            attempts: 6,
            first: Duration::from_secs(1),
            most: Duration::from_secs(60),
            deadline: Duration::from_secs(15 * 60),
        }
    }
}

/// What became of what was offered: `offered = sent + failed + dropped + waiting`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutboxStats {
    /// The target's name.
    pub name: Arc<str>,
    /// Parcels so far.
    pub offered: u64,
    /// Not delivered yet.
    pub waiting: u64,
    /// Delivered.
    pub sent: u64,
    /// Attempts after the first.
    pub retried: u64,
    /// Given up.
    pub failed: u64,
    /// There was no room, or no more time.
    pub dropped: u64,
    /// Why the last attempt that failed did.
    pub last_error: Option<String>,
}

/// The offering end.
#[derive(Clone)]
pub struct Outbox(Arc<Shared>);

/// The delivering end, for a thread of its own.
pub struct Worker {
    shared: Arc<Shared>,
    deliver: Box<dyn Deliver>,
    options: OutboxOptions,
}

struct Shared {
    state: Mutex<State>,
    news: Condvar,
    clock: SharedClock,
    queue: usize,
    stop: Option<Stop>,
}

#[derive(Default)]
struct State {
    /// With the time at which each was offered.
    parcels: VecDeque<(Duration, Parcel)>,
    /// One is under way.
    busy: bool,
    /// No more is taken, and what waits is delivered.
    finishing: bool,
    /// It is over.
    closed: bool,
    stats: OutboxStats,
}

impl Outbox {
    /// A queue before a target, and what works it off.
    pub fn new(
        name: &str,
        mut deliver: Box<dyn Deliver>,
        options: OutboxOptions,
        clock: &SharedClock,
    ) -> (Self, Worker) {
        let stats = OutboxStats { name: name.into(), ..OutboxStats::default() };
        let shared = Arc::new(Shared {
            state: Mutex::new(State { stats, ..State::default() }),
            news: Condvar::new(),
            clock: Arc::clone(clock),
            queue: options.queue.max(1),
            stop: deliver.stop(),
        });
        (Self(Arc::clone(&shared)), Worker { shared, deliver, options })
    }

    /// Puts a parcel to those that wait; whether there was room. Never waits.
    pub fn offer(&self, parcel: Parcel) -> bool {
        let now = self.0.clock.elapsed();
        let mut state = self.0.lock();
        state.stats.offered += 1;
        let room = !state.closed && !state.finishing && state.waiting() < self.0.queue;
        if room {
            state.parcels.push_back((now, parcel));
            self.0.news.notify_all();
        } else {
            state.stats.dropped += 1;
        }
        room
    }

    /// What became of all so far.
    pub fn stats(&self) -> OutboxStats {
        let state = self.0.lock();
        OutboxStats { waiting: state.waiting() as u64, ..state.stats.clone() }
    }

    /// Takes nothing more; the worker ends when what waits has been delivered or given up.
    pub fn finish(&self) {
        self.0.lock().finishing = true;
        self.0.news.notify_all();
    }

    /// Waits until nothing waits any more, but not for longer than `most`; whether it came to that.
    pub fn drained(&self, most: Duration) -> bool {
        let busy = |state: &mut State| state.waiting() > 0;
        let waited = self.0.news.wait_timeout_while(self.0.lock(), most, busy);
        waited.unwrap_or_else(PoisonError::into_inner).0.waiting() == 0
    }

    /// Ends it at once: what waits is dropped, and a delivery that is under way is broken off where it can be.
    pub fn close(&self) {
        self.0.close();
        if let Some(stop) = &self.0.stop {
            stop();
        }
    }
}

impl State {
    fn waiting(&self) -> usize {
        self.parcels.len() + usize::from(self.busy)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let left = std::mem::take(&mut state.parcels).len() as u64;
        state.stats.dropped += left;
        drop(state);
        self.news.notify_all();
    }

    /// The next parcel; `None` when there will be none.
    fn next(&self) -> Option<(Duration, Parcel)> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(next) = state.parcels.pop_front() {
                state.busy = true;
                return Some(next);
            }
            if state.finishing {
                return None;
            }
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until the clock has reached `until`; whether it did, and was not closed before.
    fn pause(&self, until: Duration) -> bool {
        let mut state = self.lock();
        loop {
            let left = until.saturating_sub(self.clock.elapsed());
            if state.closed || left.is_zero() {
                return !state.closed;
            }
            let waited = self.news.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Worker {
    /// Delivers until the queue is closed, or finished and empty.
    pub fn run(mut self) {
        while let Some((offered, parcel)) = self.shared.next() {
            let arrived = self.attempts(offered, &parcel);
            let mut state = self.shared.lock();
            state.busy = false;
            *(if arrived { &mut state.stats.sent } else { &mut state.stats.failed }) += 1;
            drop(state);
            self.shared.news.notify_all();
        }
    }

    /// Whether the parcel has arrived.
    fn attempts(&mut self, offered: Duration, parcel: &Parcel) -> bool {
        for attempt in 1.. {
            let Err(error) = self.deliver.deliver(parcel) else { return true };
            let after = self.backoff(offered, attempt).max(error.after.unwrap_or_default());
            let next = self.shared.clock.elapsed() + after;
            let mut state = self.shared.lock();
            let name = Arc::clone(&state.stats.name);
            tracing::warn!("{name}: {}", error.why);
            state.stats.last_error = Some(error.why);
            drop(state);
            let late = next.saturating_sub(offered) > self.options.deadline;
            if !error.retry || attempt >= self.options.attempts || late || !self.shared.pause(next) {
                break;
            }
            self.shared.lock().stats.retried += 1;
        }
        false
    }

    /// The pause after an attempt: from half to the whole of what doubles with each, so that several instances whose
    /// target comes back do not all come at once.
    fn backoff(&self, offered: Duration, attempt: u32) -> Duration {
        let doubled = self.options.first.saturating_mul(1 << (attempt - 1).min(20)).min(self.options.most);
        let mut hasher = DefaultHasher::new();
        (&self.shared.lock().stats.name, offered, attempt, std::process::id()).hash(&mut hasher);
        let share = (hasher.finish() >> 32) as f64 / f64::from(u32::MAX);
        doubled.mul_f64(0.5 + share / 2.0)
    }
}

impl Drop for Worker {
    /// Nobody delivers any more, whatever the reason: what is offered from here on is counted as dropped.
    fn drop(&mut self) {
        self.shared.close();
        let mut state = self.shared.lock();
        if std::mem::take(&mut state.busy) {
            state.stats.failed += 1;
        }
        drop(state);
        self.shared.news.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, ManualClock, SystemClock};
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
    use std::thread;

    /// A target that says when a parcel is there, and answers what it is told to.
    struct Scripted {
        came: SyncSender<Vec<u8>>,
        answers: Receiver<Result<(), DeliverError>>,
    }

    impl Deliver for Scripted {
        fn deliver(&mut self, parcel: &Parcel) -> Result<(), DeliverError> {
            self.came.send(parcel.body.clone()).unwrap();
            self.answers.recv().unwrap_or(Ok(()))
        }
    }

    struct Target {
        outbox: Outbox,
        came: Receiver<Vec<u8>>,
        answer: SyncSender<Result<(), DeliverError>>,
        thread: thread::JoinHandle<()>,
    }

    fn target(options: OutboxOptions, clock: &SharedClock) -> Target {
        let (came, comes) = sync_channel(100);
        let (answer, answers) = sync_channel(100);
        let (outbox, worker) = Outbox::new("pager", Box::new(Scripted { came, answers }), options, clock);
        Target { outbox, came: comes, answer, thread: thread::spawn(move || worker.run()) }
    }

    fn quick() -> OutboxOptions {
        let pause = Duration::from_micros(1);
        OutboxOptions { queue: 3, attempts: 3, first: pause, most: pause, deadline: Duration::from_secs(600) }
    }

    fn parcel(name: &str) -> Parcel {
        Parcel { body: name.into(), env: Vec::new() }
    }

    fn adds_up(stats: &OutboxStats) {
        assert_eq!(stats.offered, stats.sent + stats.failed + stats.dropped + stats.waiting, "{stats:?}");
    }

    #[test]
    fn what_finds_no_room_is_dropped_and_counted() {
        let target = target(quick(), &SystemClock::shared());
        assert!(target.outbox.offer(parcel("a")));
        assert_eq!(target.came.recv().unwrap(), b"a");
        let offered: Vec<bool> = ["b", "c", "d", "e"].iter().map(|name| target.outbox.offer(parcel(name))).collect();
        assert_eq!(offered, [true, true, false, false]);
        let stats = target.outbox.stats();
        assert_eq!((stats.waiting, stats.dropped), (3, 2));
        adds_up(&stats);
        drop(target.answer);
        target.outbox.finish();
        target.thread.join().unwrap();
        assert!(!target.outbox.offer(parcel("f")), "nobody is there any more");
        let stats = target.outbox.stats();
        assert_eq!((stats.sent, stats.dropped, stats.waiting), (3, 3, 0));
        adds_up(&stats);
        assert_eq!(target.came.iter().collect::<Vec<_>>(), [b"b", b"c"]);
    }

    #[test]
    fn what_fails_is_tried_again_and_given_up() {
        let target = target(quick(), &SystemClock::shared());
        let passing = || Err(DeliverError::passing("busy"));
        let last = || Err(DeliverError::last("unknown"));
        for answer in [passing(), Ok(()), passing(), passing(), passing(), last(), Ok(())] {
            target.answer.send(answer).unwrap();
        }
        for name in ["retried", "given up", "refused"] {
            assert!(target.outbox.offer(parcel(name)));
        }
        assert!(target.outbox.drained(Duration::from_secs(60)));
        target.outbox.offer(parcel("well"));
        target.outbox.finish();
        target.thread.join().unwrap();
        let stats = target.outbox.stats();
        assert_eq!((stats.sent, stats.retried, stats.failed, stats.dropped), (2, 3, 2, 0));
        assert_eq!(stats.last_error.as_deref(), Some("unknown"));
        adds_up(&stats);
    }

    #[test]
    fn closing_ends_the_pause_before_the_next_attempt() {
        let options = OutboxOptions { first: Duration::from_secs(500), most: Duration::from_secs(500), ..quick() };
        let target = target(options, &SystemClock::shared());
        let mut wait = DeliverError::passing("busy");
        wait.after = Some(Duration::from_secs(400));
        target.answer.send(Err(wait)).unwrap();
        for name in ["a", "b"] {
            target.outbox.offer(parcel(name));
        }
        target.came.recv().unwrap();
        target.outbox.close();
        target.thread.join().unwrap();
        let stats = target.outbox.stats();
        assert_eq!((stats.failed, stats.dropped, stats.waiting, stats.retried), (1, 1, 0, 0));
        adds_up(&stats);
    }

    #[test]
    fn the_pause_is_measured_by_the_clock() {
        let clock = Arc::new(ManualClock::new(jiff::Timestamp::UNIX_EPOCH));
        let shared: SharedClock = Arc::clone(&clock) as SharedClock;
        let pause = Duration::from_secs(100);
        let target = target(OutboxOptions { first: pause, most: pause, ..quick() }, &shared);
        target.answer.send(Err(DeliverError::passing("busy"))).unwrap();
        target.outbox.offer(parcel("a"));
        target.came.recv().unwrap();
        assert_eq!(target.outbox.stats().waiting, 1);
        // The worker asks the clock, whenever it comes to that, and when something is offered.
        clock.advance(Duration::from_secs(100));
        target.outbox.offer(parcel("b"));
        let mut came = Vec::new();
        while came.len() < 2 {
            match target.came.recv_timeout(Duration::from_millis(1)) {
                Ok(body) => came.push(body),
                Err(_) => clock.advance(Duration::from_secs(100)),
            }
            target.outbox.finish();
            let _ = target.answer.try_send(Ok(()));
        }
        assert_eq!(came, [b"a", b"b"]);
        target.thread.join().unwrap();
        assert_eq!((target.outbox.stats().sent, target.outbox.stats().retried), (2, 1));
        assert!(clock.elapsed() >= pause);
    }

    #[test]
    fn what_would_come_too_late_is_not_tried_again() {
        let options = OutboxOptions { deadline: Duration::from_secs(60), ..quick() };
        let target = target(options, &SystemClock::shared());
        let answer = DeliverError { why: "busy".into(), retry: true, after: Some(Duration::from_secs(61)) };
        target.answer.send(Err(answer)).unwrap();
        target.outbox.offer(parcel("a"));
        target.outbox.finish();
        target.thread.join().unwrap();
        assert_eq!((target.outbox.stats().failed, target.outbox.stats().retried), (1, 0));
    }

    #[test]
    fn pauses_double_within_their_bounds() {
        struct Never;
        impl Deliver for Never {
            fn deliver(&mut self, _: &Parcel) -> Result<(), DeliverError> {
                Ok(())
            }
        }
        let (_, worker) = Outbox::new("t", Box::new(Never), OutboxOptions::default(), &SystemClock::shared());
        let mut jitter = std::collections::BTreeSet::new();
        for (attempt, whole) in [(1, 1), (2, 2), (3, 4), (7, 60), (70, 60)] {
            let whole = Duration::from_secs(whole);
            let pauses = (0..20).map(|n| worker.backoff(Duration::from_secs(n), attempt));
            for pause in pauses {
                assert!(pause >= whole / 2 && pause <= whole, "{attempt}: {pause:?}");
                jitter.insert(pause);
            }
        }
        assert!(jitter.len() > 90);
    }

    #[test]
    fn a_target_that_panics_loses_nothing_uncounted() {
        struct Faulty;
        impl Deliver for Faulty {
            fn deliver(&mut self, _: &Parcel) -> Result<(), DeliverError> {
                panic!("a fault of the test's own")
            }
        }
        let (outbox, worker) = Outbox::new("t", Box::new(Faulty), quick(), &SystemClock::shared());
        outbox.offer(parcel("a"));
        outbox.offer(parcel("b"));
        assert!(thread::spawn(move || worker.run()).join().is_err());
        let stats = outbox.stats();
        assert_eq!((stats.failed, stats.dropped, stats.waiting), (1, 1, 0));
        adds_up(&stats);
        assert!(!outbox.offer(parcel("c")));
    }
}
