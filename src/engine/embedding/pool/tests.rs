//! The pool with an embedder that does as it is told.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use bytes::Bytes;
use jiff::Timestamp;

use super::super::model::{Backend, Embedder, ModelError, Vector};
use super::super::tokenize::TextTokenizer;
use super::super::{Mode, TextResult};
use super::*;
use crate::clock::{ManualClock, SystemClock};
use crate::record::native::Parser;
use crate::record::{Limits, Origin, Record, Seq};

/// Embeds a text as its number of tokens; panics on one word, fails on another.
struct Fake(Arc<AtomicUsize>);
struct FakeSession(Arc<AtomicUsize>);

impl Backend for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }
    fn session(&self) -> Result<Box<dyn Embedder>, ModelError> {
        Ok(Box::new(FakeSession(Arc::clone(&self.0))))
    }
}

impl Embedder for FakeSession {
    fn embed(&mut self, ids: &[u32]) -> Result<Vector, ModelError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        match ids.len() {
            3 => panic!("three tokens"),
            4 => Err(ModelError::Run("four tokens".into())),
            n => Ok(vec![n as f32].into()),
        }
    }
}

const TOKENIZER: &str = r###"{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":null,
    "pre_tokenizer":{"type":"Whitespace"},"post_processor":null,"decoder":null,
    "model":{"type":"WordLevel","vocab":{"[UNK]":0},"unk_token":"[UNK]"}}"###;

fn record(samples: &[&str]) -> Record {
    record_of("default", samples)
}

fn record_of(key: &str, samples: &[&str]) -> Record {
    let line = serde_json::json!({ "agent_id": key, "samples": samples }).to_string();
    let origin = Origin { source: "s".into(), file: "f".into(), offset: 0, line: None, part: 0 };
    Parser::new(Limits::default(), &[]).parse(Seq(0), origin, Bytes::from(line)).unwrap()
}

fn run(samples: &[&str]) -> (Vec<Result<f32, String>>, usize, Vec<String>) {
    let pool = Pool::new(Options::default(), false, SystemClock::shared());
    let calls = Arc::new(AtomicUsize::new(0));
    let failures = Mutex::new(Vec::new());
    let tokenizer = TextTokenizer::from_bytes(TOKENIZER.as_bytes()).unwrap();
    let results = std::thread::scope(|scope| {
        let worker = || pool.work(&|event| lock(&failures).push(format!("{event:?}")));
        scope.spawn(worker);
        scope.spawn(worker);
        let tickets = pool.submit([&record(samples)]);
        pool.set_ready(Ready {
            mode: Mode::Neural,
            name: "fake".into(),
            model: Some((Arc::new(Fake(Arc::clone(&calls))), Arc::new(tokenizer))),
            fallback: None,
        });
        let Some(Answer::Texts(texts, ..)) = pool.wait(&tickets[0], Duration::ZERO) else { panic!("shed") };
        let read = |t: TextResult| t.map(|f| f.vector.as_ref().unwrap()[0]).map_err(|e| e.to_string());
        let results = texts.into_iter().map(read).collect();
        pool.close();
        results
    });
    (results, calls.load(Ordering::Relaxed), failures.into_inner().unwrap())
}

#[test]
fn a_text_is_embedded_once_however_often_it_is_asked_for() {
    let (results, calls, _) = run(&["a b", "a", "a b", "a b"]);
    assert_eq!(results, [Ok(2.0), Ok(1.0), Ok(2.0), Ok(2.0)]);
    assert_eq!(calls, 2);
}

#[test]
fn failures_and_panics_are_named_and_the_rest_goes_on() {
    let (results, _, failures) = run(&["a b c", "a b c d", "a", "b"]);
    assert_eq!(results[0], Err("panicked: three tokens".to_owned()));
    assert_eq!(results[1], Err("inference failed: four tokens".to_owned()));
    assert_eq!(results[2..], [Ok(1.0), Ok(1.0)]);
    assert_eq!(failures.len(), 2);
}

#[test]
fn closing_ends_all_waiting() {
    let pool = Pool::new(Options::default(), false, SystemClock::shared());
    let tickets = pool.submit([&record(&["a", "b"])]);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| pool.wait(&tickets[0], Duration::ZERO).is_none());
        pool.close();
        assert!(waiter.join().unwrap());
    });
    assert!(pool.wait_ready().is_none());
}

/// An embedder that says when it begins, and ends when it is told.
struct Gate {
    begun: SyncSender<()>,
    go: Arc<Mutex<Receiver<()>>>,
}
type GateEnds = (Receiver<()>, SyncSender<()>);

impl Gate {
    fn ready() -> (Ready, GateEnds) {
        let ((begun, has_begun), (let_go, go)) = (sync_channel(128), sync_channel(128));
        let gate = Gate { begun, go: Arc::new(Mutex::new(go)) };
        let tokenizer = Arc::new(TextTokenizer::from_bytes(TOKENIZER.as_bytes()).unwrap());
        let ready =
            Ready { mode: Mode::Neural, name: "gate".into(), model: Some((Arc::new(gate), tokenizer)), fallback: None };
        (ready, (has_begun, let_go))
    }
}

impl Backend for Gate {
    fn name(&self) -> &'static str {
        "gate"
    }
    fn session(&self) -> Result<Box<dyn Embedder>, ModelError> {
        Ok(Box::new(Gate { begun: self.begun.clone(), go: Arc::clone(&self.go) }))
    }
}

impl Embedder for Gate {
    fn embed(&mut self, ids: &[u32]) -> Result<Vector, ModelError> {
        self.begun.send(()).map_err(|e| ModelError::Run(e.to_string()))?;
        self.go.lock().unwrap().recv().map_err(|e| ModelError::Run(e.to_string()))?;
        Ok(vec![ids.len() as f32].into())
    }
}

fn manual() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH))
}

fn name(pool: &Pool, request: &Request, read_at: Duration) -> &'static str {
    match pool.wait(request, read_at) {
        Some(Answer::Shed) => "shed",
        Some(Answer::Texts(texts, ..)) if texts.iter().all(Result::is_ok) => "scored",
        Some(Answer::Texts(..)) => "failed",
        None => "closed",
    }
}

/// One worker that stands still; eight records may wait. Twenty come from one key, three from each of two others.
#[test]
fn a_full_queue_sheds_of_the_loudest_key_and_an_exact_number() {
    let pool = Pool::new(Options { queue: 8, ..Options::default() }, false, manual());
    let (ready, (begun, go)) = Gate::ready();
    pool.set_ready(ready);
    pool.go_live();
    std::thread::scope(|scope| {
        scope.spawn(|| pool.work(&|event| panic!("{event:?}")));
        let first = pool.submit([&record(&["a", "b"])]);
        // Both texts of the first record are taken: it does not wait any more.
        begun.recv().unwrap();
        go.send(()).unwrap();
        begun.recv().unwrap();
        let text = |key: &str, n: usize| [format!("{key} {n} x"), format!("{key} {n} y z")];
        let mut requests = Vec::new();
        let keys = std::iter::repeat_n("loud", 20).chain(["quiet", "calm", "quiet", "calm", "quiet", "calm"]);
        for (n, key) in keys.enumerate() {
            let [a, b] = text(key, n);
            requests.push((key, pool.submit([&record_of(key, &[&a, &b])]).remove(0)));
        }
        assert_eq!((pool.counts().shed, pool.counts().records), (18, 8));
        for _ in 0..17 {
            go.send(()).unwrap();
        }
        let mut seen: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (key, request) in &requests {
            seen.entry(key).or_default().push(name(&pool, request, Duration::ZERO));
        }
        assert_eq!((&seen["quiet"], &seen["calm"]), (&vec!["scored"; 3], &vec!["scored"; 3]));
        assert_eq!(seen["loud"], [vec!["shed"; 18], vec!["scored"; 2]].concat(), "the newest stay");
        assert_eq!(name(&pool, &first[0], Duration::ZERO), "scored");
        assert_eq!(pool.counts().waiting, 0);
        pool.close();
    });
}

#[test]
fn who_catches_up_waits_for_room_and_sheds_nothing() {
    let pool = Pool::new(Options { queue: 2, max_wait: Duration::ZERO, ..Options::default() }, false, manual());
    let (ready, (begun, go)) = Gate::ready();
    pool.set_ready(ready);
    let records: Vec<Record> = (0..9).map(|n| record(&[&format!("{n} a"), &format!("{n} b")])).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| pool.work(&|event| panic!("{event:?}")));
        let asked = scope.spawn(|| pool.submit(&records));
        for _ in 0..18 {
            begun.recv().unwrap();
            assert!(pool.counts().records <= 2);
            go.send(()).unwrap();
        }
        let requests = asked.join().unwrap();
        assert!(requests.iter().all(|request| name(&pool, request, Duration::ZERO) == "scored"));
        assert_eq!(pool.counts().shed, 0);
        pool.close();
    });
}

#[test]
fn a_live_record_that_nobody_begins_on_in_time_is_shed() {
    let clock = manual();
    let pool = Pool::new(Options::default(), false, Arc::clone(&clock) as SharedClock);
    let (ready, (begun, go)) = Gate::ready();
    pool.set_ready(ready);
    pool.go_live();
    std::thread::scope(|scope| {
        scope.spawn(|| pool.work(&|event| panic!("{event:?}")));
        let begun_on = pool.submit([&record(&["a", "b"])]).remove(0);
        begun.recv().unwrap();
        go.send(()).unwrap();
        begun.recv().unwrap();
        let late = pool.submit([&record(&["c", "d"])]).remove(0);
        let shares_a_text = pool.submit([&record(&["c", "e"])]).remove(0);
        clock.advance(Duration::from_secs(3));
        assert_eq!(name(&pool, &late, Duration::ZERO), "shed");
        // It was read later, and wants a text that the first one had asked for.
        for _ in 0..3 {
            go.send(()).unwrap();
        }
        assert_eq!(name(&pool, &shares_a_text, Duration::from_secs(2)), "scored");
        assert_eq!(name(&pool, &begun_on, Duration::ZERO), "scored", "what was begun on is finished");
        assert_eq!(pool.counts().waiting, 0);
        pool.close();
    });
}

#[test]
fn a_text_that_takes_too_long_fails_and_its_worker_is_replaced() {
    let pool = Pool::new(Options::default(), false, manual());
    let (ready, (begun, go)) = Gate::ready();
    pool.set_ready(ready);
    std::thread::scope(|scope| {
        let hanging = scope.spawn(|| pool.work(&|_| {}));
        let request = pool.submit([&record(&["a", "b"])]).remove(0);
        begun.recv().unwrap();
        assert_eq!(pool.supervise(Duration::from_secs(4), false, &|_| {}), 0);
        assert_eq!(
            pool.supervise(Duration::from_secs(2), false, &|event| assert_eq!(event, Event::Failed("timeout"))),
            1
        );
        // The one that hung is let go and ends; the other takes what is left.
        go.send(()).unwrap();
        hanging.join().unwrap();
        scope.spawn(|| pool.work(&|_| {}));
        begun.recv().unwrap();
        go.send(()).unwrap();
        let Some(Answer::Texts(texts, ..)) = pool.wait(&request, Duration::ZERO) else { panic!("shed") };
        assert_eq!(texts[0].as_ref().unwrap_err().as_ref(), "timeout");
        assert!(texts[1].is_ok());
        assert_eq!((pool.counts().replaced, pool.counts().waiting), (1, 0));
        pool.close();
    });
}

#[test]
fn a_replay_tries_once_more() {
    let pool = Pool::new(Options::default(), false, manual());
    let (ready, (begun, go)) = Gate::ready();
    pool.set_ready(ready);
    std::thread::scope(|scope| {
        let hanging = scope.spawn(|| pool.work(&|event| panic!("{event:?}")));
        let request = pool.submit([&record(&["a", "a"])]).remove(0);
        begun.recv().unwrap();
        assert_eq!(pool.supervise(Duration::from_secs(6), true, &|event| panic!("{event:?}")), 1);
        go.send(()).unwrap();
        hanging.join().unwrap();
        scope.spawn(|| pool.work(&|event| panic!("{event:?}")));
        begun.recv().unwrap();
        go.send(()).unwrap();
        assert_eq!(name(&pool, &request, Duration::ZERO), "scored");
        pool.close();
    });
}

#[test]
fn when_all_hang_nobody_waits() {
    let pool = Pool::new(Options::default(), false, manual());
    let (ready, (begun, go)) = Gate::ready();
    pool.set_ready(ready);
    std::thread::scope(|scope| {
        let records: Vec<Record> = (0..40).map(|n| record(&[&format!("{n} a"), &format!("{n} b")])).collect();
        let requests = pool.submit(&records);
        let mut workers = vec![scope.spawn(|| pool.work(&|_| {}))];
        for _ in 0..HANGING {
            begun.recv().unwrap();
            assert_eq!(pool.supervise(Duration::from_secs(6), false, &|_| {}), 1);
            workers.push(scope.spawn(|| pool.work(&|_| {})));
        }
        begun.recv().unwrap();
        assert_eq!(pool.supervise(Duration::from_secs(6), false, &|_| {}), 0);
        assert!(requests.iter().all(|request| name(&pool, request, Duration::ZERO) == "failed"));
        let later = pool.submit([&record(&["x", "y"])]).remove(0);
        assert_eq!(name(&pool, &later, Duration::ZERO), "failed");
        for _ in 0..=HANGING {
            go.send(()).unwrap();
        }
        pool.close();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
}

#[test]
fn what_waits_when_the_traffic_becomes_live_is_not_shed() {
    let clock = manual();
    let pool = Pool::new(Options { queue: 4, ..Options::default() }, false, Arc::clone(&clock) as SharedClock);
    let (ready, (begun, go)) = Gate::ready();
    pool.set_ready(ready);
    std::thread::scope(|scope| {
        scope.spawn(|| pool.work(&|event| panic!("{event:?}")));
        let records: Vec<Record> = (0..3).map(|n| record(&[&format!("{n} a"), &format!("{n} b")])).collect();
        let backlog = pool.submit(&records);
        begun.recv().unwrap();
        pool.go_live();
        clock.advance(Duration::from_secs(60));
        for _ in 0..6 {
            go.send(()).unwrap();
        }
        assert!(backlog.iter().all(|request| name(&pool, request, Duration::ZERO) == "scored"));
        assert_eq!(pool.counts().shed, 0);
        pool.close();
    });
}

/// A backend that does so many texts and is dead from then on, by a panic or by errors.
struct Mortal {
    left: Arc<AtomicUsize>,
    panics: bool,
    mark: f32,
}

impl Mortal {
    fn ready(texts: usize, panics: bool, mark: f32, fallback: Option<Fallback>) -> Ready {
        let tokenizer = Arc::new(TextTokenizer::from_bytes(TOKENIZER.as_bytes()).unwrap());
        let mortal = Self { left: Arc::new(AtomicUsize::new(texts)), panics, mark };
        Ready { mode: Mode::Neural, name: "mortal".into(), model: Some((Arc::new(mortal), tokenizer)), fallback }
    }
}

impl Backend for Mortal {
    fn name(&self) -> &'static str {
        "mortal"
    }
    fn session(&self) -> Result<Box<dyn Embedder>, ModelError> {
        Ok(Box::new(Self { left: Arc::clone(&self.left), ..*self }))
    }
}

impl Embedder for Mortal {
    fn embed(&mut self, ids: &[u32]) -> Result<Vector, ModelError> {
        let alive = self.left.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
        match alive {
            true => Ok(vec![self.mark, ids.len() as f32].into()),
            false if self.panics => panic!("died"),
            false => Err(ModelError::Run("died".into())),
        }
    }
}

#[test]
fn a_backend_that_dies_is_replaced_and_nothing_is_lost() {
    for panics in [false, true] {
        let next: Fallback = Arc::new(|| (Mortal::ready(usize::MAX, false, 2.0, None), "the next".to_owned()));
        let pool = Pool::new(Options::default(), false, SystemClock::shared());
        pool.set_ready(Mortal::ready(25, panics, 1.0, Some(next)));
        let records: Vec<Record> =
            (0..20).map(|n| record(&[&format!("{n}"), "shared text", &format!("{n} b c d e")])).collect();
        let events = Mutex::new(Vec::new());
        let mut generations = Vec::new();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| pool.work(&|event| lock(&events).push(format!("{event:?}"))));
            }
            for (n, request) in pool.submit(&records).iter().enumerate() {
                let Some(Answer::Texts(texts, _, (_, generation))) = pool.wait(request, Duration::ZERO) else {
                    panic!("shed")
                };
                let vectors: Vec<_> = texts.into_iter().map(|text| text.unwrap().vector.clone().unwrap()).collect();
                assert!(vectors.iter().all(|vector| vector[0] == 1.0 + generation as f32), "record {n}: of one kind");
                generations.push(generation);
            }
            pool.close();
        });
        assert!(generations.is_sorted() && generations.last() == Some(&1), "{generations:?}");
        assert_eq!((pool.counts().failed, pool.counts().waiting), (0, 0));
        let events = events.into_inner().unwrap();
        assert!(events.len() == 1 && events[0].contains("the next") && events[0].contains("died"), "{events:?}");
    }
}

#[test]
fn the_last_backend_is_followed_by_words() {
    let words: Fallback = Arc::new(|| (Ready::without_model(Mode::Lexical), "words".to_owned()));
    let pool = Pool::new(Options::default(), false, SystemClock::shared());
    pool.set_ready(Mortal::ready(0, false, 1.0, Some(words)));
    std::thread::scope(|scope| {
        scope.spawn(|| pool.work(&|event| assert!(matches!(event, Event::Replaced { .. }))));
        let request = pool.submit([&record(&["a", "b"])]).remove(0);
        let Some(Answer::Texts(texts, ..)) = pool.wait(&request, Duration::ZERO) else { panic!("shed") };
        assert!(texts.iter().all(|text| text.as_ref().unwrap().vector.is_none()));
        assert_eq!(pool.wait_ready().unwrap().0.mode, Mode::Lexical);
        pool.close();
    });
}
