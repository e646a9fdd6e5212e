//! The pool: texts in, features out, in any order, on as many threads as call [`Pool::work`].
//!
//! The pool spawns nothing. The pipeline gives it threads, and a [`Ready`] backend once one is loaded; until then
//! texts wait in the queue. Who asks while the queue is full waits, or, once the traffic is live, makes another record
//! give way: that one goes without its vectors ([`Answer::Shed`]). A text that takes too long fails, and whoever was at
//! it is replaced. A backend that dies is replaced by the next one, and what it left is done again.

mod lanes;
mod ready;
mod request;
mod workers;

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use super::cache::TextCache;
use crate::clock::SharedClock;

pub use ready::{Event, Fallback, Generation, InUse, Ready};
pub use request::{Answer, Ask, Request, Slot};
pub use workers::TRIAL;

use lanes::Lanes;
use request::Ticket;

/// Texts that one job takes when there is no model to run: words cost microseconds, a queue entry should not.
const CHEAP_CHUNK: usize = 64;

/// Workers that may hang at once; past it no more are replaced and every further text fails.
const HANGING: usize = 64;

/// Whoever waits for a text looks at the clock this often.
const LOOK: Duration = Duration::from_millis(50);

/// Bounds of the pool.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Bytes of the cache of texts.
    pub cache_bytes: u64,
    /// Records that wait for a worker at most.
    pub queue: usize,
    /// How long a live record waits for a worker at most.
    pub max_wait: Duration,
    /// How long a text takes at most.
    pub deadline: Duration,
}

impl Default for Options {
    fn default() -> Self {
        let s = Duration::from_secs;
        Self { cache_bytes: 16 << 20, queue: 256, max_wait: s(2), deadline: s(5) }
    }
}

type Text = (Arc<str>, Arc<Slot>);

#[derive(Default)]
struct Queue {
    lanes: Lanes<Text>,
    /// Texts that cost little, in pieces, in the order of asking.
    cheap: VecDeque<Vec<Text>>,
    /// Records that may have to give way, by id.
    shed: HashMap<u64, (Arc<AtomicBool>, Vec<Ticket>)>,
    next_id: u64,
    closed: bool,
}

/// A text that a worker is at.
struct Busy {
    text: Arc<str>,
    slot: Arc<Slot>,
    /// How long, as far as the process ran at all.
    ran: Duration,
    /// It was begun once before, by a worker that hung.
    again: bool,
}

/// What the pool has done, for the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolCounts {
    /// Texts waiting.
    pub waiting: u64,
    /// Records with a text that nobody has begun on.
    pub records: u64,
    /// Texts computed.
    pub done: u64,
    /// Texts that failed.
    pub failed: u64,
    /// Records that went without their vectors.
    pub shed: u64,
    /// Workers that hung and were replaced.
    pub replaced: u64,
    /// Texts found in the cache.
    pub hits: u64,
    /// Texts not found in it.
    pub misses: u64,
    /// Bytes in the cache.
    pub cache_bytes: u64,
}

/// The pool.
pub struct Pool {
    options: Options,
    queue: Mutex<Queue>,
    /// A job was queued, or the pool closed.
    work: Condvar,
    /// There is room in the queue, or the pool closed.
    room: Condvar,
    /// A slot was filled, a record shed, a backend became ready, or the pool closed.
    done: Condvar,
    /// Guards nothing but the sleep of those who wait for `done`.
    sleep: Mutex<()>,
    busy: Mutex<HashMap<u64, Busy>>,
    /// The backend in use, and how many were before it.
    ready: RwLock<Option<InUse>>,
    /// Held while a backend is replaced.
    replacing: Mutex<()>,
    /// Texts in a row that the backend could not do.
    in_a_row: AtomicUsize,
    cheap: bool,
    live: AtomicBool,
    cache: TextCache,
    workers: AtomicU64,
    hanging: AtomicUsize,
    waiting: AtomicU64,
    finished: AtomicU64,
    failed: AtomicU64,
    shed: AtomicU64,
    replaced: AtomicU64,
    clock: SharedClock,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A worker that panics holds no lock while it computes; what is behind the lock is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    /// An empty pool. `cheap` says that no model is expected, so that texts are queued in larger pieces.
    pub fn new(options: Options, cheap: bool, clock: SharedClock) -> Self {
        Self {
            options,
            queue: Mutex::default(),
            work: Condvar::new(),
            room: Condvar::new(),
            done: Condvar::new(),
            sleep: Mutex::new(()),
            busy: Mutex::default(),
            ready: RwLock::default(),
            replacing: Mutex::default(),
            in_a_row: AtomicUsize::new(0),
            cheap,
            live: AtomicBool::new(false),
            cache: TextCache::new(options.cache_bytes),
            workers: AtomicU64::new(0),
            hanging: AtomicUsize::new(0),
            waiting: AtomicU64::new(0),
            finished: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            shed: AtomicU64::new(0),
            replaced: AtomicU64::new(0),
            clock,
        }
    }

    /// Says which backend the workers use. The first call counts.
    pub fn set_ready(&self, ready: Ready) {
        let mut held = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            *held = Some((Arc::new(ready), 0));
        }
        drop(held);
        self.wake_waiters();
    }

    /// The backend in use, and its generation.
    fn in_use(&self) -> Option<InUse> {
        self.ready.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on records come as they happen: rather than to fall behind, some go without their vectors.
    pub fn go_live(&self) {
        self.live.store(true, Ordering::Release);
        // Whoever waits for room makes it now.
        self.room.notify_all();
    }

    /// The backend, once it is known; `None` when the pool was closed before.
    pub fn wait_ready(&self) -> Option<InUse> {
        self.wait_for(|| self.in_use())
    }

    /// Asks for the features of texts, where there are several to compare.
    pub fn submit<'a, A: Into<Ask<'a>>>(&self, asks: impl IntoIterator<Item = A>) -> Vec<Request> {
        let asks = asks.into_iter().map(Into::into);
        if self.cheap { self.submit_cheap(asks) } else { asks.map(|ask| self.submit_one(&ask)).collect() }
    }

    fn submit_cheap<'a>(&self, asks: impl Iterator<Item = Ask<'a>>) -> Vec<Request> {
        let mut texts: Vec<Text> = Vec::new();
        let request = |ask: Ask<'a>| {
            let tickets: Vec<Ticket> = compared(&ask).iter().map(|text| self.ticket(text)).collect();
            texts.extend(tickets.iter().filter(|t| t.fresh).map(Ticket::to_do));
            Request { tickets, ..Request::default() }
        };
        let requests = asks.map(request).collect();
        if !texts.is_empty() {
            self.waiting.fetch_add(texts.len() as u64, Ordering::Relaxed);
            let mut queue = lock(&self.queue);
            let mut texts = texts.into_iter().peekable();
            while texts.peek().is_some() {
                queue.cheap.push_back(texts.by_ref().take(CHEAP_CHUNK).collect());
            }
            drop(queue);
            self.work.notify_all();
        }
        requests
    }

    fn submit_one(&self, ask: &Ask<'_>) -> Request {
        let samples = compared(ask);
        if samples.is_empty() {
            return Request::default();
        }
        let mut queue = lock(&self.queue);
        // What is left of the backlog is waited for, also after the traffic is live.
        let live = || self.live.load(Ordering::Acquire);
        let full = |queue: &Queue| queue.lanes.waiting() >= self.options.queue;
        while full(&queue) && (!live() || queue.lanes.backlog() > 0) && !queue.closed {
            queue = self.room.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let tickets: Vec<Ticket> = samples.iter().map(|text| self.ticket(text)).collect();
        let mut texts: Vec<Text> = tickets.iter().filter(|ticket| ticket.fresh).map(Ticket::to_do).collect();
        // The longest first: it would be the one that all others of the record wait for.
        texts.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        for ticket in tickets.iter().filter(|ticket| ticket.slot.result.get().is_none()) {
            ticket.slot.wanted.fetch_add(1, Ordering::Relaxed);
        }
        let id = queue.next_id;
        queue.next_id += 1;
        let live = live();
        let request = Request { id, key: Some(Arc::clone(ask.key)), tickets, shed: Arc::default(), live };
        if texts.is_empty() {
            return request;
        }
        self.waiting.fetch_add(texts.len() as u64, Ordering::Relaxed);
        queue.lanes.push(ask.key, id, texts.into(), live);
        queue.shed.insert(id, (Arc::clone(&request.shed), request.tickets.clone()));
        let mut gave_up = false;
        while live && queue.lanes.waiting() > self.options.queue {
            let Some((key, victim)) = queue.lanes.victim() else { break };
            gave_up |= self.give_up(&mut queue, &key, victim);
        }
        drop(queue);
        if gave_up {
            self.wake_waiters();
        }
        self.work.notify_all();
        request
    }

    fn ticket(&self, text: &Arc<str>) -> Ticket {
        if let Some(slot) = self.cache.get(text) {
            return Ticket { text: Arc::clone(text), slot, fresh: false };
        }
        let slot = Arc::new(Slot::default());
        if self.hanging.load(Ordering::Relaxed) > HANGING {
            let _ = slot.result.set(Err("timeout: no worker is left".into()));
            return Ticket { text: Arc::clone(text), slot, fresh: false };
        }
        self.cache.insert(text, Arc::clone(&slot));
        Ticket { text: Arc::clone(text), slot, fresh: true }
    }

    /// Lets a record go without its vectors.
    fn give_up(&self, queue: &mut Queue, key: &Arc<str>, id: u64) -> bool {
        let Some((shed, tickets)) = queue.shed.remove(&id) else { return false };
        self.abandon(queue, key, id, &tickets);
        shed.store(true, Ordering::Release);
        true
    }

    fn abandon(&self, queue: &mut Queue, key: &Arc<str>, id: u64, tickets: &[Ticket]) {
        self.shed.fetch_add(1, Ordering::Relaxed);
        for Ticket { text, slot, .. } in tickets {
            let open = slot.result.get().is_none();
            if open && slot.wanted.fetch_sub(1, Ordering::Relaxed) == 1 && !slot.begun.load(Ordering::Relaxed) {
                // Nobody will fill it: whoever asks for the text again must queue it anew.
                self.cache.remove(text);
                self.waiting.fetch_sub(1, Ordering::Relaxed);
            }
        }
        queue.lanes.give_up(key, id, |(_, slot)| slot.wanted.load(Ordering::Relaxed) > 0);
    }

    /// What was asked for, once it is there; `None` when the pool was closed before. `read_at` is when the record was
    /// read: a live one does not wait longer than `max_wait` from then on for somebody to begin on it.
    pub fn wait(&self, request: &Request, read_at: Duration) -> Option<Answer> {
        if !request.is_done() {
            self.wait_for(|| (request.is_done() || self.is_late(request, read_at)).then_some(()))?;
        }
        if let Some(id) = request.key.is_some().then_some(request.id) {
            lock(&self.queue).shed.remove(&id);
        }
        if request.shed.load(Ordering::Acquire) {
            return Some(Answer::Shed);
        }
        let (tickets, in_use) = self.renewed(&request.tickets)?;
        let mut cost = 0;
        let mut texts = Vec::with_capacity(tickets.len());
        for ticket in &*tickets {
            let text = ticket.slot.result.get()?.clone();
            if let (Ok(features), true) = (&text, ticket.fresh) {
                cost += features.cost_us;
            }
            texts.push(text);
        }
        Some(Answer::Texts(texts, cost, in_use))
    }

    /// The tickets, after texts that were done by a backend that is no more were done again: scores are of one kind, and
    /// once they are of the next kind they stay so.
    fn renewed<'a>(&self, tickets: &'a [Ticket]) -> Option<(Cow<'a, [Ticket]>, InUse)> {
        let mut tickets = Cow::Borrowed(tickets);
        loop {
            let (ready, generation) = self.in_use()?;
            let is_old = |slot: &Slot| {
                let result = slot.result.get();
                result.is_some_and(|result| result.as_ref().is_ok_and(|features| features.generation != generation))
            };
            if !tickets.iter().any(|ticket| is_old(&ticket.slot)) {
                return Some((tickets, (ready, generation)));
            }
            // As in `submit`: nobody gives up what is taken here.
            let mut queue = lock(&self.queue);
            let mut again = Vec::new();
            for ticket in tickets.to_mut().iter_mut().filter(|ticket| is_old(&ticket.slot)) {
                if self.cache.get(&ticket.text).is_some_and(|slot| is_old(&slot)) {
                    self.cache.remove(&ticket.text);
                }
                let renewed = self.ticket(&ticket.text);
                renewed.slot.wanted.fetch_add(1, Ordering::Relaxed);
                if renewed.fresh {
                    renewed.slot.begun.store(true, Ordering::Relaxed);
                    again.push(renewed.to_do());
                }
                *ticket = renewed;
            }
            self.waiting.fetch_add(again.len() as u64, Ordering::Relaxed);
            queue.cheap.extend(again.into_iter().map(|text| vec![text]));
            drop(queue);
            self.work.notify_all();
            self.wait_for(|| tickets.iter().all(|ticket| ticket.slot.result.get().is_some()).then_some(()))?;
        }
    }

    /// Gives a live record up that has waited too long for somebody to begin on it.
    fn is_late(&self, request: &Request, read_at: Duration) -> bool {
        let late = || self.clock.elapsed().saturating_sub(read_at) > self.options.max_wait;
        let Some(key) = &request.key else { return false };
        if !request.live || !late() {
            return false;
        }
        let mut queue = lock(&self.queue);
        let open = |ticket: &Ticket| !ticket.slot.begun.load(Ordering::Relaxed) && ticket.slot.result.get().is_none();
        if request.shed.load(Ordering::Acquire) || !request.tickets.iter().any(open) {
            return false;
        }
        queue.shed.remove(&request.id);
        self.abandon(&mut queue, key, request.id, &request.tickets);
        request.shed.store(true, Ordering::Release);
        true
    }

    fn wait_for<T>(&self, ask: impl Fn() -> Option<T>) -> Option<T> {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        let mut sleep = lock(&self.sleep);
        loop {
            if let Some(answer) = ask() {
                return Some(answer);
            }
            if lock(&self.queue).closed {
                return None;
            }
            sleep = self.done.wait_timeout(sleep, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn wake_waiters(&self) {
        // Taking the lock makes sure that nobody is between asking and going to sleep. Never with another lock held:
        // who asks takes the queue's.
        drop(lock(&self.sleep));
        self.done.notify_all();
    }

    /// Ends all waiting: workers return, who waits for a text gets `None`.
    pub fn close(&self) {
        lock(&self.queue).closed = true;
        self.work.notify_all();
        self.room.notify_all();
        self.wake_waiters();
    }

    /// Empties the cache.
    pub fn forget(&self) {
        self.cache.clear();
    }

    /// What the pool has done.
    pub fn counts(&self) -> PoolCounts {
        let (hits, misses) = self.cache.counts();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PoolCounts {
            waiting: read(&self.waiting),
            records: lock(&self.queue).lanes.waiting() as u64,
            done: read(&self.finished),
            failed: read(&self.failed),
            shed: read(&self.shed),
            replaced: read(&self.replaced),
            hits,
            misses,
            cache_bytes: self.cache.bytes(),
        }
    }
}

/// The texts whose features are needed: one alone is not compared.
fn compared<'a>(ask: &'a Ask<'_>) -> &'a [Arc<str>] {
    if ask.texts.len() < 2 { &[] } else { &ask.texts }
}

/// The words of a panic, if it has any.
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests;
