//! `--listen ADDR`: how a headless instance is, for whatever looks after it. `/healthz` says in words whether it does
//! its work, `/metrics` counts in Prometheus' text format. Nothing that a record holds is shown, nothing can be changed.
//!
//! A client that is slow, silent or one of very many costs a bounded amount of memory and time: [`HEAD`], [`PATIENCE`],
//! [`CLIENTS`].

mod metrics;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::net::{TcpListener, TcpStream};

use super::Failure;
use crate::clock::SharedClock;
use crate::message::{EngineState, HealthReport, SourceReport, SourceState, Update};
use crate::redact::Redact;
use crate::sanitize;
use crate::verdict::{Action, EngineKind, Severity};

/// What a request may take up before its body, bytes. It is the least that the library allows.
const HEAD: usize = 8 << 10;

/// How long a connection may last.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connections at once. Further ones wait for their turn.
const CLIENTS: usize = 32;

/// How long nothing is accepted after that has failed: without open files left it would fail as fast as it can.
const BREATH: Duration = Duration::from_millis(200);

/// How long a name may take to look up.
const LOOK_UP: Duration = Duration::from_secs(5);

/// An engine that has not failed for this long counts as well again, s.
const FORGIVEN_AFTER_S: i64 = 60;

/// Where there is something to read, counters come several times a second. So long without any means that it is stuck.
const STUCK: Duration = Duration::from_secs(30);

/// Sources that are remembered. Those that have ended make room for others.
const SOURCES: usize = 1_000;

/// What `/healthz` and `/metrics` tell. Clones share it.
#[derive(Clone)]
pub(super) struct Gauges {
    held: Arc<Mutex<Held>>,
    clock: SharedClock,
}

/// What is known of the run.
struct Held {
    /// The input goes on growing: a run that stands still is at fault.
    live: bool,
    redact: Redact,
    /// What computes the divergence.
    backend: Option<String>,
    /// The model is being loaded, which takes its time.
    loading: bool,
    /// Engines that failed lately, why and when.
    failed: BTreeMap<EngineKind, (Arc<str>, Timestamp)>,
    sources: BTreeMap<Arc<str>, SourceReport>,
    health: Option<HealthReport>,
    /// When the pipeline last showed that it goes on.
    moved: Duration,
    rejected: u64,
    /// Records by action, where they are known.
    actions: Option<[u64; 4]>,
    output_waits: Option<String>,
    output_failed: Option<String>,
    finished: bool,
    alerts: Vec<Firing>,
    notices: Vec<Sent>,
    /// Whether all was well when last looked at, and since when it is as it is.
    standing: (bool, Timestamp),
}

/// Alerts that fire, of one cause and severity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Firing {
    /// A rule's id, or one of the others such as `@drift`.
    pub cause: String,
    pub severity: Severity,
    pub count: u64,
}

/// Notices to one target that came to the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    pub target: String,
    /// In a word: `sent`, `failed`, `held`.
    pub result: String,
    pub count: u64,
}

impl Gauges {
    /// Nothing is known yet. Patterns of what must not leave the process hold here too.
    pub fn new(clock: SharedClock, live: bool, redact: Redact) -> Self {
        let held = Held {
            live,
            redact,
            backend: None,
            loading: false,
            failed: BTreeMap::new(),
            sources: BTreeMap::new(),
            health: None,
            moved: clock.elapsed(),
            rejected: 0,
            actions: None,
            output_waits: None,
            output_failed: None,
            finished: false,
            alerts: Vec::new(),
            notices: Vec::new(),
            standing: (true, clock.now()),
        };
        Self { held: Arc::new(Mutex::new(held)), clock }
    }

    /// Takes in what the pipeline tells. Every update has to come by here.
    pub fn apply(&self, update: &Update) {
        let (now, elapsed) = (self.clock.now(), self.clock.elapsed());
        let mut held = self.held();
        held.apply(update, now, elapsed);
        held.reasons(now, elapsed);
    }

    /// What fires now, instead of what fired before.
    pub fn set_alerts(&self, alerts: Vec<Firing>) {
        self.held().alerts = alerts;
    }

    /// How many notices there have been since the start.
    pub fn set_notices(&self, notices: Vec<Sent>) {
        self.held().notices = notices;
    }

    /// The counters in Prometheus' text format 0.0.4.
    pub fn metrics(&self) -> String {
        let (now, elapsed) = (self.clock.now(), self.clock.elapsed());
        let mut held = self.held();
        let up = held.reasons(now, elapsed).is_empty();
        metrics::text(&held, up)
    }

    /// Whether all is well, and the same as JSON with since when, and why not.
    pub fn health(&self) -> (bool, String) {
        let (now, elapsed) = (self.clock.now(), self.clock.elapsed());
        let mut held = self.held();
        let reasons = held.reasons(now, elapsed);
        let shown = |reason: &String| held.shown(reason);
        let told = serde_json::json!({
            "status": if reasons.is_empty() { "ok" } else { "failing" },
            "since": held.standing.1.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            "reasons": reasons.iter().map(shown).collect::<Vec<_>>(),
        });
        (reasons.is_empty(), format!("{told}\n"))
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn apply(&mut self, update: &Update, now: Timestamp, elapsed: Duration) {
        match update {
            Update::Engine(report) => {
                self.moved = elapsed;
                match &report.state {
                    EngineState::Loading => self.loading = true,
                    EngineState::Running { label, .. } => {
                        self.loading = false;
                        self.backend = Some(label.clone());
                        // Another one has taken over.
                        self.failed.remove(&report.kind);
                    }
                    EngineState::Failed(why) => drop(self.failed.insert(report.kind, (Arc::clone(why), now))),
                }
            }
            Update::Source(report) => self.source(report, elapsed),
            Update::Health(report) => {
                self.moved = elapsed;
                self.health = Some(report.clone());
            }
            Update::Rejected { count, .. } => self.rejected += count,
            Update::Judged { rows, .. } => {
                let actions = self.actions.get_or_insert_default();
                rows.iter().for_each(|row| actions[row.verdict.advice.action as usize] += 1);
            }
            Update::OutputWaits(why) => {
                self.moved = elapsed;
                self.output_waits.clone_from(why);
            }
            // That whoever read the output has gone is the end of the run, and no fault.
            Update::OutputFailed { closed: true, .. } => self.finished = true,
            Update::OutputFailed { why, .. } => self.output_failed = Some(why.clone()),
            Update::Finished(summary) => {
                self.finished = true;
                self.rejected = summary.rejected;
                self.actions = Some(Action::ALL.map(|action| summary.with_action(action)));
            }
            _ => {}
        }
    }

    fn source(&mut self, report: &SourceReport, elapsed: Duration) {
        // What has lain idle has nothing to show for itself: only from here on it may be stuck.
        if !self.is_reading() {
            self.moved = elapsed;
        }
        if self.sources.len() >= SOURCES && !self.sources.contains_key(&report.name) {
            let ended = self.sources.iter().find(|(_, source)| source.state == SourceState::Ended);
            match ended.map(|(name, _)| Arc::clone(name)) {
                Some(ended) => drop(self.sources.remove(&ended)),
                None => return,
            }
        }
        self.sources.insert(Arc::clone(&report.name), report.clone());
    }

    fn is_reading(&self) -> bool {
        self.sources.values().any(|source| source.state == SourceState::Reading)
    }

    /// Why all is not well, in words. Keeps in mind since when.
    fn reasons(&mut self, now: Timestamp, elapsed: Duration) -> Vec<String> {
        self.failed.retain(|_, (_, at)| now.duration_since(*at).as_secs() < FORGIVEN_AFTER_S);
        let mut reasons: Vec<String> =
            self.failed.iter().map(|(kind, (why, _))| format!("the {} engine failed: {why}", kind.name())).collect();
        if let Some(why) = &self.output_failed {
            reasons.push(format!("the output can't be written: {why}"));
        }
        if let Some(why) = &self.output_waits {
            reasons.push(format!("the output can't take more: {why}; waiting for room"));
        }
        for source in self.sources.values() {
            if let SourceState::Failed(why) = &source.state {
                reasons.push(format!("{} can't be read: {why}", source.name));
            }
        }
        // While the output has no room, or the model is being loaded, it is known what is waited for.
        let known = self.finished || self.loading || self.output_waits.is_some();
        let still = elapsed.saturating_sub(self.moved);
        if self.live && !known && self.is_reading() && still >= STUCK {
            reasons.push(format!("nothing was judged for {} s though there is more to read", still.as_secs()));
        }
        if self.standing.0 != reasons.is_empty() {
            self.standing = (reasons.is_empty(), now);
        }
        reasons
    }

    /// Foreign text as it may leave the process.
    fn shown(&self, text: &str) -> String {
        sanitize::line(&self.redact.text(text)).into_owned()
    }
}

/// Opens the place that was asked for: `9464` and `:9464` are of the loopback, any other address as it is given. A name
/// is taken where it means the loopback only: whoever wants others to come in says so by the address.
///
/// # Errors
/// Usage: what is no address, and an address that can't be had.
pub(super) async fn bind(text: &str) -> Result<TcpListener, Failure> {
    let text = text.trim();
    let shown = sanitize::line(text).into_owned();
    let wrong = |why: &str| Failure::Usage(format!("--listen {shown}: {why}"));
    let at = address(text, wrong).await?;
    TcpListener::bind(at).await.map_err(|error| {
        use std::io::ErrorKind::{AddrInUse, AddrNotAvailable, PermissionDenied};
        let free = "name another port, or 0 for any that is free";
        let why = match error.kind() {
            AddrInUse => format!("{at} is in use by another program; {free}"),
            PermissionDenied => format!("no permission to listen on port {}; take one above 1023", at.port()),
            AddrNotAvailable => {
                format!("{} is no address of this machine; `ip address` shows which there are", at.ip())
            }
            _ => format!("{at}: {error}"),
        };
        wrong(&why)
    })
}

/// What the text means.
async fn address(text: &str, wrong: impl Fn(&str) -> Failure) -> Result<SocketAddr, Failure> {
    let example = "write it as 127.0.0.1:9464, [::1]:9464 or :9464";
    if let Ok(port) = text.strip_prefix(':').unwrap_or(text).parse::<u16>() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if let Ok(address) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Err(wrong(&format!("there is no port; write {}", SocketAddr::new(address, 9464))));
    }
    let (name, port) =
        text.rsplit_once(':').ok_or_else(|| wrong(&format!("this is no address with a port; {example}")))?;
    let port = port.parse::<u16>().map_err(|_| wrong(&format!("the port is a number from 0 to 65535; {example}")))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if name.is_empty() || !name.chars().all(plain) {
        return Err(wrong(&format!("this is no address; {example}")));
    }
    let found = tokio::time::timeout(LOOK_UP, tokio::net::lookup_host((name, port))).await;
    let found = found.map_err(|_| wrong("looking up the name takes too long; write the address itself"))?;
    let found = found.map_err(|error| wrong(&format!("this name is not known ({error}); {example}")))?;
    let found: Vec<SocketAddr> = found.collect();
    match (found.iter().find(|address| !address.ip().is_loopback()), found.first()) {
        (Some(outside), _) => Err(wrong(&format!(
            "this name means {}, where others can reach it; if that is wanted, write --listen {outside}",
            outside.ip()
        ))),
        (None, Some(first)) => Ok(*first),
        (None, None) => Err(wrong(&format!("this name has no address; {example}"))),
    }
}

/// Answers until it is dropped, which ends all connections too. It must be polled by a thread that nothing else holds
/// up for long.
pub(super) async fn serve(listener: TcpListener, gauges: Gauges) -> Infallible {
    serve_within(listener, gauges, PATIENCE).await
}

async fn serve_within(listener: TcpListener, gauges: Gauges, patience: Duration) -> Infallible {
    let mut open = FuturesUnordered::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if open.len() < CLIENTS => match accepted {
                Ok((stream, _)) => open.push(connection(stream, &gauges, patience)),
                // Those that are connected go on meanwhile.
                Err(error) => {
                    tracing::warn!("listening: {error}");
                    let others = async { while open.next().await.is_some() {} ; std::future::pending::<()>().await };
                    let _ = tokio::time::timeout(BREATH, others).await;
                }
            },
            Some(()) = open.next(), if !open.is_empty() => {}
        }
    }
}

/// One request and its answer. What goes wrong with it is the client's affair.
async fn connection(stream: TcpStream, gauges: &Gauges, patience: Duration) {
    let service = service_fn(|request: Request<hyper::body::Incoming>| {
        let response = answer(gauges, request.method(), request.uri().path());
        async move { Ok::<_, Infallible>(response) }
    });
    let mut server = http1::Builder::new();
    server.keep_alive(false).max_buf_size(HEAD).header_read_timeout(None);
    let _ = tokio::time::timeout(patience, server.serve_connection(TokioIo::new(stream), service)).await;
}

fn answer(gauges: &Gauges, method: &Method, path: &str) -> Response<Full<Bytes>> {
    const TEXT: &str = "text/plain; charset=utf-8";
    let known = matches!(path, "/healthz" | "/metrics");
    let (status, form, body) = match path {
        _ if known && !matches!(*method, Method::GET | Method::HEAD) => {
            (StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n".to_owned())
        }
        "/healthz" => {
            let (well, told) = gauges.health();
            let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            (status, "application/json", told)
        }
        "/metrics" => (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", gauges.metrics()),
        _ => (StatusCode::NOT_FOUND, TEXT, "there are /healthz and /metrics\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(form));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::clock::{Clock, ManualClock};
    use crate::message::EngineReport;

    fn gauges() -> (Gauges, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new("2026-02-17T12:00:00Z".parse().unwrap()));
        (Gauges::new(clock.clone(), true, Redact::new(&["hunter2".into()]).unwrap()), clock)
    }

    fn source(clock: &ManualClock, state: SourceState) -> Update {
        Update::Source(SourceReport { name: "a.ndjson".into(), state, read: 7, behind: 3, at: clock.now() })
    }

    fn engine(state: EngineState) -> Update {
        Update::Engine(EngineReport { kind: EngineKind::Drift, state })
    }

    /// Why all is not well.
    fn reasons(gauges: &Gauges) -> Vec<String> {
        let (well, told) = gauges.health();
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told["status"], if well { "ok" } else { "failing" });
        let reasons: Vec<String> = serde_json::from_value(told["reasons"].clone()).unwrap();
        assert_eq!(well, reasons.is_empty());
        reasons
    }

    #[test]
    fn what_has_failed_is_told_until_it_is_mended() {
        let (gauges, clock) = gauges();
        assert_eq!(
            gauges.health(),
            (true, "{\"reasons\":[],\"since\":\"2026-02-17T12:00:00.000Z\",\"status\":\"ok\"}\n".to_owned())
        );
        clock.advance(Duration::from_secs(5));
        gauges.apply(&engine(EngineState::Failed("at hunter2\n".into())));
        clock.advance(Duration::from_secs(50));
        assert_eq!(reasons(&gauges), ["the drift engine failed: at [redacted]␊"]);
        assert!(gauges.health().1.contains("12:00:05.000Z"), "{}", gauges.health().1);
        clock.advance(Duration::from_secs(10));
        assert!(reasons(&gauges).is_empty(), "it is forgiven");
        assert!(gauges.health().1.contains("12:01:05.000Z"));

        gauges.apply(&Update::OutputWaits(Some("disk full".into())));
        assert_eq!(reasons(&gauges), ["the output can't take more: disk full; waiting for room"]);
        gauges.apply(&Update::OutputWaits(None));
        gauges.apply(&source(&clock, SourceState::Waiting("not there".into())));
        assert!(reasons(&gauges).is_empty(), "a log may come later");
        gauges.apply(&source(&clock, SourceState::Failed("gone".into())));
        gauges.apply(&Update::OutputFailed { why: "closed".into(), closed: true });
        assert_eq!(reasons(&gauges), ["a.ndjson can't be read: gone"]);
        gauges.apply(&Update::OutputFailed { why: "no disk".into(), closed: false });
        assert_eq!(reasons(&gauges).len(), 2);
    }

    #[test]
    fn standing_still_is_a_fault_only_where_there_is_something_to_read() {
        let (gauges, clock) = gauges();
        gauges.apply(&source(&clock, SourceState::Following));
        clock.advance(Duration::from_secs(3_600));
        assert!(reasons(&gauges).is_empty());
        gauges.apply(&source(&clock, SourceState::Reading));
        assert!(reasons(&gauges).is_empty(), "it has only begun");
        clock.advance(STUCK);
        gauges.apply(&source(&clock, SourceState::Reading));
        assert_eq!(reasons(&gauges), ["nothing was judged for 30 s though there is more to read"]);
        gauges.apply(&engine(EngineState::Loading));
        clock.advance(STUCK);
        assert!(reasons(&gauges).is_empty(), "a model may take long to load");
    }

    #[test]
    fn sources_do_not_add_up_without_end() {
        let (gauges, clock) = gauges();
        for index in 0..SOURCES + 5 {
            let state = if index == 3 { SourceState::Ended } else { SourceState::Following };
            let name = format!("{index}").into();
            gauges.apply(&Update::Source(SourceReport { name, state, read: 0, behind: 0, at: clock.now() }));
        }
        assert_eq!(gauges.held().sources.len(), SOURCES);
        assert!(!gauges.held().sources.contains_key("3"));
    }

    async fn asked(at: SocketAddr, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(at).await.unwrap();
        // The server may hang up before it has read all of what is too long.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    /// Runs a client beside a server.
    fn with_server<F: Future<Output = ()>>(gauges: &Gauges, patience: Duration, client: impl FnOnce(SocketAddr) -> F) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = bind("0").await.unwrap();
            let at = listener.local_addr().unwrap();
            assert!(at.ip().is_loopback());
            tokio::select! {
                never = serve_within(listener, gauges.clone(), patience) => match never {},
                () = client(at) => {}
            }
        });
    }

    #[test]
    fn requests_are_answered() {
        let (gauges, _clock) = gauges();
        let shared = gauges.clone();
        with_server(&gauges, PATIENCE, |at| async move {
            let well = asked(at, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
            assert!(well.starts_with("HTTP/1.1 200 OK\r\n") && well.contains("\"status\":\"ok\""), "{well}");
            assert!(well.contains("connection: close"), "{well}");
            shared.apply(&engine(EngineState::Failed("x".into())));
            let ill = asked(at, b"GET /healthz?full HTTP/1.1\r\nHost: x\r\n\r\n").await;
            assert!(ill.starts_with("HTTP/1.1 503 ") && ill.contains("the drift engine failed: x"), "{ill}");
            let counters = asked(at, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
            assert!(counters.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{counters}");
            assert!(counters.ends_with(&shared.metrics()), "{counters}");
            let head = asked(at, b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
            assert!(head.contains(&format!("content-length: {}\r\n", shared.metrics().len())), "{head}");
            let post = asked(at, b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx").await;
            assert!(post.starts_with("HTTP/1.1 405 ") && post.contains("allow: GET, HEAD\r\n"), "{post}");
            let other = asked(at, b"GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n").await;
            assert!(other.starts_with("HTTP/1.1 404 "), "{other}");
            let long = format!("GET /healthz HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(2 * HEAD));
            let long = asked(at, long.as_bytes()).await;
            assert!(!long.contains(" 200 "), "{long}");
        });
    }

    #[test]
    fn silent_clients_keep_nobody_out_for_long() {
        let (gauges, _clock) = gauges();
        with_server(&gauges, Duration::from_millis(100), |at| async move {
            let mut silent = Vec::new();
            for _ in 0..CLIENTS {
                silent.push(TcpStream::connect(at).await.unwrap());
            }
            // This one is answered when the first of them has had its time.
            let answer = asked(at, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
            assert_eq!(silent[0].read(&mut [0]).await.unwrap_or(0), 0, "it was hung up on");
        });
    }

    #[test]
    fn addresses() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let read = |text: &str| {
            runtime.block_on(address(text, |why| Failure::Usage(why.to_owned()))).map(|at| at.to_string()).map_err(
                |failure| {
                    let Failure::Usage(why) = failure else { panic!("{failure:?}") };
                    why
                },
            )
        };
        for (text, meant) in [
            ("9464", "127.0.0.1:9464"),
            (":9464", "127.0.0.1:9464"),
            ("0.0.0.0:1", "0.0.0.0:1"),
            ("[::]:1", "[::]:1"),
            ("[::1]:9464", "[::1]:9464"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(meant), "{text}");
        }
        assert!(read("localhost:9464").unwrap().ends_with(":9464"));
        for (text, why) in [
            ("127.0.0.1", "there is no port; write 127.0.0.1:9464"),
            ("::1", "there is no port; write [::1]:9464"),
            ("here", "this is no address with a port"),
            ("localhost:70000", "the port is a number"),
            ("a b:1", "this is no address; "),
            ("", "this is no address with a port"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.starts_with(why), "{text}: {said}");
        }
        let held = runtime.block_on(bind(":0")).unwrap();
        let taken = runtime.block_on(bind(&held.local_addr().unwrap().to_string())).unwrap_err();
        let Failure::Usage(why) = taken else { panic!("{taken:?}") };
        assert!(why.contains("is in use by another program; name another port"), "{why}");
        let Failure::Usage(why) = runtime.block_on(bind("192.0.2.1:0")).unwrap_err() else { panic!() };
        assert!(why.contains("192.0.2.1 is no address of this machine"), "{why}");
    }
}
