//! A target that takes JSON over HTTP. What it is told of errors never has the address in it: the path, the query and
//! the name before the host may be what keeps strangers out.

use std::time::Duration;

use ureq::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use ureq::http::{HeaderMap, Uri};
use ureq::{Agent, Body, Error};

use super::outbox::{Deliver, DeliverError, Parcel, Stop};
use crate::sanitize;

/// Longest pause that a server can ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Longest head of an answer that is read, bytes. The body is not read at all.
const HEAD_BYTES: usize = 16 << 10;

/// What the connection itself is made of can't be set.
const RESERVED: [&str; 7] =
    ["host", "connection", "content-length", "transfer-encoding", "expect", "upgrade", "proxy-authorization"];

/// A server.
pub struct Webhook {
    agent: Agent,
    url: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Webhook {
    /// The server at `url`, which gets `headers` with each request and has `timeout` for all of it. It is reached
    /// directly: proxies that the environment names are not asked, and no redirect is followed.
    ///
    /// # Errors
    /// What is wrong with the address or a header, without its text.
    pub fn new(url: &str, headers: &[(String, String)], timeout: Duration) -> Result<Self, String> {
        let url: Uri = url.parse().map_err(|_| "the address is no URL".to_owned())?;
        if !matches!(url.scheme_str(), Some("http" | "https")) {
            return Err("the address has to begin with http:// or https://".into());
        }
        if url.host().is_none_or(str::is_empty) {
            return Err("the address has no host".into());
        }
        let header = |(name, value): &(String, String)| {
            let known = HeaderName::try_from(name.as_str()).ok().filter(|name| !RESERVED.contains(&name.as_str()));
            let known = known.ok_or_else(|| format!("the header `{}` can't be set", sanitize::line(name)))?;
            let value = HeaderValue::try_from(value.as_str());
            let value = value.map_err(|_| format!("the value of the header `{known}` can't be sent"))?;
            Ok::<_, String>((known, value))
        };
        let headers = headers.iter().map(header).collect::<Result<_, _>>()?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(timeout))
            .max_response_header_size(HEAD_BYTES)
            .max_idle_connections(0)
            .user_agent(concat!("watcher/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { agent: config.into(), url, headers })
    }

    /// Who is meant, as it may be shown.
    fn place(&self) -> String {
        let port = self.url.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{port}", self.url.host().unwrap_or_default())
    }

    fn answer(&self, status: u16, headers: &HeaderMap) -> Result<(), DeliverError> {
        let place = self.place();
        match status {
            200..=299 => Ok(()),
            300..=399 => {
                let to = headers.get(LOCATION).and_then(|to| to.to_str().ok()).and_then(|to| to.parse::<Uri>().ok());
                let host = to.and_then(|to| to.host().map(|host| sanitize::line(host).into_owned()));
                let host = host.unwrap_or_else(|| "another place of its own".into());
                Err(DeliverError::last(format!("{place} answers {status} and points to {host}: not followed")))
            }
            408 | 425 | 429 | 500..=599 => {
                let pause = headers.get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.trim().parse().ok());
                let after = pause.map(Duration::from_secs).map(|pause| pause.min(LONGEST_PAUSE));
                Err(DeliverError { after, ..DeliverError::passing(format!("{place} answers {status}")) })
            }
            _ => Err(DeliverError::last(format!("{place} answers {status}"))),
        }
    }

    /// In words of its own: those of the library may have the address in them.
    fn failed(&self, error: &Error) -> DeliverError {
        let place = self.place();
        let passing = |why: &str| DeliverError::passing(format!("{place} {why}"));
        match error {
            Error::Timeout(_) => passing("does not answer in time"),
            Error::HostNotFound => passing("is not found"),
            Error::ConnectionFailed => passing("can't be reached"),
            Error::Protocol(_) | Error::LargeResponseHeader(..) => passing("answers something that is no HTTP"),
            Error::Io(error) => passing(&format!("can't be reached: {}", sanitize::line(&error.to_string()))),
            Error::Tls(_) | Error::Rustls(_) | Error::Pem(_) | Error::TlsRequired => {
                DeliverError::last(format!("{place} has no connection that can be trusted"))
            }
            _ => DeliverError::last(format!("{place} can't be asked")),
        }
    }
}

impl Deliver for Webhook {
    fn deliver(&mut self, parcel: &Parcel) -> Result<(), DeliverError> {
        let mut request = self.agent.post(self.url.clone());
        if !self.headers.iter().any(|(name, _)| name == CONTENT_TYPE) {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let answer: ureq::http::Response<Body> = request.send(&parcel.body).map_err(|error| self.failed(&error))?;
        self.answer(answer.status().as_u16(), answer.headers())
    }

    fn stop(&mut self) -> Option<Stop> {
        let agent = self.agent.clone();
        Some(Box::new(move || agent.clone().shutdown()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::outbox::{Outbox, OutboxOptions};
    use super::*;
    use crate::clock::SystemClock;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::sync::mpsc::{Receiver, sync_channel};
    use std::thread;

    /// A server that gives one answer to each request, hangs where there is none, and tells what it was asked.
    fn server(answers: &'static [Option<&'static str>]) -> (String, Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let (asked, requests) = sync_channel(100);
        thread::spawn(move || {
            let mut held = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut request = String::new();
                while !request.ends_with("\r\n\r\n") {
                    assert!(reader.read_line(&mut request).unwrap() > 0, "{request}");
                }
                let length = request.lines().find_map(|line| {
                    let (name, value) = line.split_once(": ")?;
                    name.eq_ignore_ascii_case("content-length").then(|| value.parse().unwrap())
                });
                let mut body = vec![0; length.unwrap_or(0)];
                reader.read_exact(&mut body).unwrap();
                let _ = asked.send(request + std::str::from_utf8(&body).unwrap());
                match answer {
                    Some(answer) => stream.write_all(answer.as_bytes()).unwrap(),
                    // Held open until whoever asked has gone.
                    None => held.push(stream),
                }
            }
            for mut stream in held {
                let _ = stream.read(&mut [0]);
            }
        });
        (place, requests)
    }

    fn parcel() -> Parcel {
        Parcel { body: b"{\"v\":1}".to_vec(), env: Vec::new() }
    }

    fn webhook(place: &str, timeout: u64) -> Webhook {
        let url = format!("http://ann:hidden-name@{place}/hidden-path?hidden=query");
        let headers = [("X-Token".to_owned(), "hidden-token".to_owned())];
        Webhook::new(&url, &headers, Duration::from_millis(timeout)).unwrap()
    }

    #[test]
    fn it_posts_json_once() {
        let (place, requests) = server(&[Some("HTTP/1.1 204 No Content\r\n\r\n")]);
        assert_eq!(webhook(&place, 60_000).deliver(&parcel()), Ok(()));
        let request = requests.recv().unwrap();
        assert!(request.starts_with("POST /hidden-path?hidden=query HTTP/1.1\r\n"), "{request}");
        assert!(request.ends_with("\r\n\r\n{\"v\":1}"), "{request}");
        let lower = request.to_lowercase();
        let agent = concat!("user-agent: watcher/", env!("CARGO_PKG_VERSION"), "\r\n");
        for header in
            ["content-type: application/json\r\n", "x-token: hidden-token\r\n", "authorization: basic ", agent]
        {
            assert_eq!(lower.matches(header).count(), 1, "{header} in {request}");
        }
        assert!(requests.recv().is_err());
    }

    #[test]
    fn answers_say_whether_it_is_worth_trying_again() {
        let cases = [
            ("500 Oops", "", true, None, "answers 500"),
            ("503 Later", "Retry-After: 7\r\n", true, Some(7), "answers 503"),
            ("429 Slow", "Retry-After: 86400\r\n", true, Some(300), "answers 429"),
            ("408 Slow", "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n", true, None, "answers 408"),
            ("404 No", "", false, None, "answers 404"),
            ("401 No", "Retry-After: 7\r\n", false, None, "answers 401"),
            ("302 There", "Location: http://evil.example/x?hidden\r\n", false, None, "points to evil.example: not"),
            ("307 There", "Location: /hidden\r\n", false, None, "points to another place of its own"),
            ("304 Same", "", false, None, "answers 304"),
        ];
        for (status, header, retry, after, words) in cases {
            let answer = format!("HTTP/1.1 {status}\r\n{header}Content-Length: 6\r\n\r\nhidden");
            let answers: &'static [Option<&'static str>] = vec![Some(&*answer.leak())].leak();
            let (place, requests) = server(answers);
            let error = webhook(&place, 60_000).deliver(&parcel()).unwrap_err();
            assert_eq!((error.retry, error.after.map(|after| after.as_secs())), (retry, after), "{status}");
            assert!(error.why.contains(words) && error.why.contains(&place), "{error:?}");
            assert!(!error.why.contains("hidden"), "{error:?}");
            assert_eq!(requests.iter().count(), 1, "{status} was followed");
        }
    }

    #[test]
    fn a_server_that_hangs_or_is_gone_costs_no_more_than_the_timeout() {
        let (place, _requests) = server(&[None]);
        let error = webhook(&place, 50).deliver(&parcel()).unwrap_err();
        assert_eq!((error.why.as_str(), error.retry), (&*format!("{place} does not answer in time"), true));
        // A head that does not end, and a body that does not.
        let (place, _requests) = server(&[Some("garbage\r\n\r\n")]);
        let error = webhook(&place, 60_000).deliver(&parcel()).unwrap_err();
        assert!(error.retry && !error.why.contains("hidden"), "{error:?}");
        let (place, _requests) = server(&[Some("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nx"), None]);
        assert_eq!(webhook(&place, 60_000).deliver(&parcel()), Ok(()));
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let error = webhook(&closed, 60_000).deliver(&parcel()).unwrap_err();
        assert!(error.retry && error.why.contains("can't be reached") && !error.why.contains("hidden"), "{error:?}");
    }

    #[test]
    fn an_outbox_tries_again_and_ends_a_request_that_hangs() {
        let (place, requests) = server(&[
            Some("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"),
            Some("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
            None,
        ]);
        let pause = Duration::from_millis(1);
        let options = OutboxOptions { first: pause, most: pause, ..OutboxOptions::default() };
        let target = Box::new(webhook(&place, 600_000));
        let (outbox, worker) = Outbox::new("hook", target, options, &SystemClock::shared());
        let worker = thread::spawn(move || worker.run());
        outbox.offer(parcel());
        assert!(outbox.drained(Duration::from_secs(60)));
        let stats = outbox.stats();
        assert_eq!((stats.sent, stats.retried, stats.failed), (1, 1, 0));
        outbox.offer(parcel());
        (0..3).for_each(|_| drop(requests.recv().unwrap()));
        outbox.close();
        worker.join().unwrap();
        assert_eq!((outbox.stats().sent, outbox.stats().failed), (1, 1));
    }

    #[test]
    fn what_can_t_be_an_address_or_a_header_is_refused_without_quoting_it() {
        let none: &[(String, String)] = &[];
        for url in ["ftp://hidden/", "/hidden", "http:///hidden", "hidden", "http://hidden/a b", "", "file:///hidden"] {
            let why = Webhook::new(url, none, Duration::from_secs(1)).err().unwrap();
            assert!(!why.contains("hidden"), "{url}: {why}");
        }
        for (name, value) in [("a b", "x"), ("Host", "x"), ("Content-Length", "1"), ("X-A", "hidden\r\nX-B: 1")] {
            let header = [(name.to_owned(), value.to_owned())];
            let why = Webhook::new("http://localhost/", &header, Duration::from_secs(1)).err().unwrap();
            assert!(!why.contains("hidden"), "{name}: {why}");
        }
    }
}
