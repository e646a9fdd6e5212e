//! Lines as shippers write them.

use proptest::prelude::*;

use super::*;

/// The parts of a payload that most tests look at: bytes, stream, whether more follows, time, labels.
type Parts = (String, String, bool, Option<String>, Vec<(&'static str, String)>);

fn unwrap(envelope: Envelope, line: &[u8]) -> Option<Parts> {
    let payload = envelope.unwrap(line)?;
    if let Some(start) = payload.start {
        assert_eq!(&line[start..], &*payload.bytes);
    }
    let labels = payload.labels.iter().map(|(name, text)| (*name, text.to_string())).collect();
    let text = String::from_utf8_lossy(&payload.bytes).into_owned();
    Some((text, payload.stream.to_string(), payload.partial, payload.ts.map(|ts| ts.to_string()), labels))
}

fn parts(text: &str, stream: &str, partial: bool, ts: &str, labels: &[(&'static str, &str)]) -> Option<Parts> {
    let labels = labels.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
    Some((text.into(), stream.into(), partial, (!ts.is_empty()).then(|| ts.to_owned()), labels))
}

const TS: &str = "2026-02-17T12:34:56.789Z";

#[test]
fn docker() {
    let line = br#"{"log":"{\"id\":\"a\",\"text\":\"Gr\u00fc\u00dfe \\n\"}\n","stream":"stdout","time":"2026-02-17T12:34:56.789Z"}"#;
    let want = parts(r#"{"id":"a","text":"Grüße \n"}"#, "stdout", false, TS, &[("log.iostream", "stdout")]);
    assert_eq!(unwrap(Envelope::Docker, line), want);
    assert_eq!(sniff(line), Some(Envelope::Docker));
    let line = br#"{"log":"{\"id\":","stream":"stderr","attrs":{"tag":"x"},"time":"2026-02-17T12:34:56.789Z"}"#;
    let want = parts(r#"{"id":"#, "stderr", true, TS, &[("log.iostream", "stderr")]);
    assert_eq!(unwrap(Envelope::Docker, line), want);
    let terminal = br#"{"log":"listening\r\n","stream":"stdout"}"#;
    let want = parts("listening", "stdout", false, "", &[("log.iostream", "stdout")]);
    assert_eq!(unwrap(Envelope::Docker, terminal), want);
    assert_eq!(unwrap(Envelope::Docker, br#" {"log":"\n","time":"x"} "#), parts("", "", false, "", &[]));
    assert_eq!(unwrap(Envelope::Docker, br#"{"log":"","stream":null,"time":"x"}"#), parts("", "", true, "", &[]));
}

#[test]
fn docker_borrows_and_keeps_bytes_that_are_no_utf8() {
    let line = b"{\"log\":\"caf\xe9\",\"stream\":\"stdout\"}";
    let payload = Envelope::Docker.unwrap(line).unwrap();
    assert!(matches!(payload.bytes, Cow::Borrowed(b"caf\xe9")));
    let line = b"{\"log\":\"caf\xe9 \\ud800\\n\",\"stream\":\"stdout\"}";
    assert!(Envelope::Docker.unwrap(line).unwrap().bytes.starts_with(b"caf\xe9 "));
}

#[test]
fn a_record_with_a_field_of_that_name_is_no_envelope() {
    for line in [
        r#"{"log":"x\n","stream":"stdout","time":"2026-02-17T12:34:56Z","samples":["a","b"]}"#,
        r#"{"samples":["a","b"],"log":"x","stream":"stdout"}"#,
        r#"{"log":"x\n"}"#,
        r#"{"log":{"a":1},"stream":"stdout"}"#,
        r#"{"log":[1,2],"stream":"stdout"}"#,
        r#"{"log":"x","log":"y","stream":"stdout"}"#,
        r#"{"log":"x","stream":"stdout"} x"#,
        r#"["x","stdout","x",null]"#,
        r#"{"stream":"stdout","time":"2026-02-17T12:34:56Z"}"#,
        r#"{"MESSAGE":"x","id":"a"}"#,
        r#"{"MESSAGE":{"a":1},"_BOOT_ID":"a"}"#,
        r#"{"message":"x","_BOOT_ID":"a"}"#,
        r#"{"id":"a","samples":["MESSAGE"]}"#,
        "{",
        "",
    ] {
        assert_eq!(sniff(line.as_bytes()), None, "{line}");
    }
}

#[test]
fn journald() {
    let line = br#"{"__CURSOR":"s=1;i=2","__REALTIME_TIMESTAMP":"1771331696999000","_SOURCE_REALTIME_TIMESTAMP":"1771331696789000","_HOSTNAME":"box","_SYSTEMD_UNIT":"llm.service","SYSLOG_IDENTIFIER":"llm","PRIORITY":"6","MESSAGE":"{\"id\":1}"}"#;
    let labels = [("host.name", "box"), ("systemd.unit", "llm.service"), ("service.name", "llm")];
    assert_eq!(unwrap(Envelope::Journald, line), parts(r#"{"id":1}"#, "", false, TS, &labels));
    assert_eq!(sniff(line), Some(Envelope::Journald));
    let line = br#"{"MESSAGE":[123,34,195,188,255,34,125],"__REALTIME_TIMESTAMP":"1771331696789000"}"#;
    let payload = Envelope::Journald.unwrap(line).unwrap();
    assert_eq!(&*payload.bytes, b"{\"\xc3\xbc\xff\"}");
    assert_eq!(payload.ts, Some(TS.parse().unwrap()));
    let line = br#"{"MESSAGE":"","_BOOT_ID":"1","_HOSTNAME":null,"__REALTIME_TIMESTAMP":1771331696789000}"#;
    assert_eq!(unwrap(Envelope::Journald, line), parts("", "", false, TS, &[]));
    let line = br#"{"MESSAGE":"x","_BOOT_ID":"1","_SYSTEMD_UNIT":["a.service","b.service"]}"#;
    assert_eq!(unwrap(Envelope::Journald, line), parts("x", "", false, "", &[]));
    assert_eq!(unwrap(Envelope::Journald, br#"{"MESSAGE":null,"_BOOT_ID":"1"}"#), None);
    assert_eq!(unwrap(Envelope::Journald, br#"{"MESSAGE":[1,256],"_BOOT_ID":"1"}"#), None);
}

#[test]
fn cri() {
    let out = [("log.iostream", "stdout")];
    let err = [("log.iostream", "stderr")];
    for (line, want) in [
        (r#"2026-02-17T12:34:56.789Z stdout F {"id":"ü"}"#, parts(r#"{"id":"ü"}"#, "stdout", false, TS, &out)),
        (r#"2026-02-17T13:34:56.789+01:00 stderr P {"id"#, parts(r#"{"id"#, "stderr", true, TS, &err)),
        ("2026-02-17T12:34:56.789Z stdout F:x:y Listening", parts("Listening", "stdout", false, TS, &out)),
        ("2026-02-17T12:34:56.789Z stdout F  two", parts(" two", "stdout", false, TS, &out)),
        ("2026-02-17T12:34:56.789Z stdout F ", parts("", "stdout", false, TS, &out)),
        ("2026-02-17T12:34:56.789Z stdout F", parts("", "stdout", false, TS, &out)),
    ] {
        assert_eq!(unwrap(Envelope::Cri, line.as_bytes()), want, "{line}");
        assert_eq!(sniff(line.as_bytes()), Some(Envelope::Cri), "{line}");
    }
    for line in [
        "2026-02-17 12:34:56.789 stdout F x",
        "2026-02-17T12:34:56.789Z stdlog F x",
        "2026-02-17T12:34:56.789Z stdout X x",
        "2026-02-17T12:34:56.789Z stdout",
        "stdout F x",
    ] {
        assert_eq!(unwrap(Envelope::Cri, line.as_bytes()), None, "{line}");
    }
    assert_eq!(&*Envelope::Cri.unwrap(b"2026-02-17T12:34:56Z stdout F \xff{").unwrap().bytes, b"\xff{");
}

#[test]
fn kubectl() {
    let labels = [("k8s.pod.name", "llm-7d9f-x2"), ("k8s.container.name", "app")];
    for (line, text, ts) in [
        (r#"[pod/llm-7d9f-x2/app] {"id":1}"#, r#"{"id":1}"#, ""),
        (r#"[pod/llm-7d9f-x2/app] 2026-02-17T12:34:56.789Z {"id":1}"#, r#"{"id":1}"#, TS),
        ("[pod/llm-7d9f-x2/app] 2026-02-17 12:34:56 INFO x", "2026-02-17 12:34:56 INFO x", ""),
        ("[pod/llm-7d9f-x2/app] ", "", ""),
        ("[pod/llm-7d9f-x2/app]", "", ""),
        ("[pod/llm-7d9f-x2/app] 2026-02-17T12:34:56.789Z", "", TS),
    ] {
        let want = parts(text, "llm-7d9f-x2/app", false, ts, &labels);
        assert_eq!(unwrap(Envelope::Kubectl, line.as_bytes()), want, "{line}");
        assert_eq!(sniff(line.as_bytes()), Some(Envelope::Kubectl), "{line}");
    }
    for line in ["[pod/x] y", "[pod//c] y", "[pod/x/] y", "[pod/x/c]y", "[pod/x/c y", "[svc/x/c] y", "[pod/x/c/d] y"] {
        assert_eq!(unwrap(Envelope::Kubectl, line.as_bytes()), None, "{line}");
    }
}

#[test]
fn compose() {
    for (line, name, text, ts) in [
        (r#"llm-1  | {"id":1}"#, "llm-1", r#"{"id":1}"#, ""),
        (r#"project_llm_1      | {"id":1}"#, "project_llm_1", r#"{"id":1}"#, ""),
        (r#"ollama  | {"id":1}"#, "ollama", r#"{"id":1}"#, ""),
        ("llm-1  |  indented", "llm-1", " indented", ""),
        ("llm-1  | ", "llm-1", "", ""),
        ("llm-1  |", "llm-1", "", ""),
        (r#"llm-1  | 2026-02-17T12:34:56.789Z {"id":1}"#, "llm-1", r#"{"id":1}"#, TS),
        ("\x1b[36mllm-1  | \x1b[0m{\"id\":1}", "llm-1", r#"{"id":1}"#, ""),
        ("\x1b[36;1mllm_1  |\x1b[0m {\"id\":1}", "llm_1", r#"{"id":1}"#, ""),
        ("\x1b[36mllm-1\x1b[0m  | {\"id\":1}", "llm-1", r#"{"id":1}"#, ""),
        ("llm-1  | \x1b[32mINFO\x1b[0m: x", "llm-1", "\x1b[32mINFO\x1b[0m: x", ""),
    ] {
        let want = parts(text, name, false, ts, &[("container.name", name)]);
        assert_eq!(unwrap(Envelope::Compose, line.as_bytes()), want, "{line}");
        assert_eq!(sniff(line.as_bytes()), Some(Envelope::Compose), "{line}");
    }
    assert!(unwrap(Envelope::Compose, b"ollama  | Listening on :11434").is_some());
    for line in ["ollama  | Listening on :11434", "a | b", "| a | b |"] {
        assert_eq!(sniff(line.as_bytes()), None, "{line}");
    }
    for line in [
        "INFO     | app:main:1 - x",
        "warning | {}",
        "2026-02-17 | x",
        "llm-1| x",
        "llm-1  |x",
        "llm 1 | x",
        "  | x",
        "",
    ] {
        assert_eq!(unwrap(Envelope::Compose, line.as_bytes()), None, "{line}");
    }
}

#[test]
fn syslog() {
    let labels = [("host.name", "box"), ("service.name", "llm")];
    for (line, text, stream, ts) in [
        (r#"<165>1 2026-02-17T12:34:56.789Z box llm 42 ID47 - {"id":1}"#, r#"{"id":1}"#, "box llm 42", TS),
        (
            r#"<13>1 2026-02-17T12:34:56.789Z box llm 42 - [a@1 k="v\"]\\" e="]"][b x=""] {"id":1}"#,
            r#"{"id":1}"#,
            "box llm 42",
            TS,
        ),
        ("<13>1 - box llm - - - \u{feff}{}", "{}", "box llm -", ""),
        ("<13>1 - box llm - - -", "", "box llm -", ""),
        (r#"<13>Feb 17 12:34:56 box llm[42]: {"id":1}"#, r#"{"id":1}"#, "box llm[42]", ""),
        (r#"Feb  7 12:34:56 box llm[42]: {"id":1}"#, r#"{"id":1}"#, "box llm[42]", ""),
        ("Feb  7 12:34:56 box llm: Grüße", "Grüße", "box llm", ""),
        ("Feb  7 12:34:56 box llm[42]:", "", "box llm[42]", ""),
        (r#"2026-02-17T13:34:56.789+0100 box llm[42]: {"id":1}"#, r#"{"id":1}"#, "box llm[42]", TS),
        (r#"2026-02-17T13:34:56.789+01:00 box llm[42]: {"id":1}"#, r#"{"id":1}"#, "box llm[42]", TS),
    ] {
        assert_eq!(unwrap(Envelope::Syslog, line.as_bytes()), parts(text, stream, false, ts, &labels), "{line}");
        assert_eq!(sniff(line.as_bytes()), Some(Envelope::Syslog), "{line}");
    }
    let want = parts("{}", "llm[42]", false, "", &[("service.name", "llm")]);
    assert_eq!(unwrap(Envelope::Syslog, b"<13>Feb 17 12:34:56 llm[42]: {}"), want);
    let want = parts("a: {}", "llm", false, "", &[("service.name", "llm")]);
    assert_eq!(unwrap(Envelope::Syslog, b"<13>Feb 17 12:34:56 llm: a: {}"), want);
    for line in [
        "<192>1 - box llm - - - x",
        "<13>1 - box llm - - [a x",
        "<13>1 - box llm - - [a]x",
        "<13>1 - box llm - -",
        "<13>1 2026-02-17 box llm - - - x",
        "Feb 17 12:34:56 box said: nothing: more".trim_end_matches(": nothing: more"),
        "Feb 17 12:34:56 llm: x",
        "I0217 12:34:56.789 box llm: x",
        "12:34:56 box llm: x",
        "2026-02-17T12:34:56 box llm: x",
        "2026-02-17T12:34:56Z INFO llm: x",
        "Feb 17 12:34:56 box llm[x]: y",
    ] {
        assert_eq!(unwrap(Envelope::Syslog, line.as_bytes()), None, "{line}");
    }
}

#[test]
fn stamped() {
    for (line, ts) in [
        (r#"2026-02-17T12:34:56.789Z {"id":"ü"}"#, TS),
        (r#"2026-02-17T13:34:56.789+01:00 {"id":"ü"}"#, TS),
        (r#"2026-02-17 12:34:56,789 INFO name - {"id":"ü"}"#, TS),
        (r#"[2026-02-17 12:34:56.789] {"id":"ü"}"#, TS),
        (r#"[2026-02-17 12:34:56,789: INFO/MainProcess] {"id":"ü"}"#, TS),
        (r#"2026-02-17 12:34:56.789 | INFO     | app:main:12 - {"id":"ü"}"#, TS),
        (r#"INFO 2026-02-17 12:34:56,789 app {"id":"ü"}"#, TS),
        ("\x1b[32m2026-02-17 12:34:56.789\x1b[0m | \x1b[1mINFO\x1b[0m | {\"id\":\"ü\"}", TS),
        ("\x1b[32mINFO\x1b[0m:     {\"id\":\"ü\"}", ""),
        (r#"INFO:name:{"id":"ü"}"#, ""),
        (r#"[info] {"id":"ü"}"#, ""),
        (r#"WARNING {"id":"ü"}"#, ""),
        (r#"2026/02/17 12:34:56 {"id":"ü"}"#, ""),
        (r#"I0217 12:34:56.789012   1 main.go:12] {"id":"ü"}"#, ""),
        (r#"INFO 02-17 12:34:56 [engine.py:12] {"id":"ü"}"#, ""),
        (r#"12:34:56 {"id":"ü"}"#, ""),
    ] {
        let want = parts(r#"{"id":"ü"}"#, "", false, ts, &[]);
        assert_eq!(unwrap(Envelope::Stamped, line.as_bytes()), want, "{line}");
        assert_eq!(sniff(line.as_bytes()), Some(Envelope::Stamped), "{line}");
    }
    for line in [
        "",
        "{}",
        r#"{"id":1}"#,
        r#"  {"id":1}"#,
        r#"[{"id":1}"#,
        r#""info": {"id":1}"#,
        r#"information {"id":1}"#,
        r#"name {"id":1}"#,
        "2026-02-17T12:34:56Z Listening",
        r#"2026-02-17T12:34:56Z {"id":1"#,
        r#"2026-02-17T12:34:56Z {"id":1} and more"#,
        r#"2026-02-17 {"id":1}"#,
        r#"INFO: 127.0.0.1 - "POST /v1/{id} HTTP/1.1" 200"#,
    ] {
        assert_eq!(unwrap(Envelope::Stamped, line.as_bytes()), None, "{line}");
    }
    assert_eq!(&*Envelope::Stamped.unwrap(b"INFO \xff {\xfe}").unwrap().bytes, b"{\xfe}");
}

#[test]
fn lines_of_a_log() {
    for line in [
        "2026-02-17 12:34:56,789 something",
        "[2026-02-17 12:34:56 +0000] [7] something",
        "Feb 17 12:34:56 something",
        "12:34:56 something",
        "I0304 09:00:01.123 something",
        "INFO:     127.0.0.1:40000 - \"POST /v1/chat HTTP/1.1\" 200 OK",
        "127.0.0.1 - - [17/Feb/2026:12:34:56 +0000] \"GET / HTTP/1.1\" 200",
        "[WARN] low memory",
        "llm | ERROR | bad",
        "(EngineCore pid=7) INFO 02-17 12:34:56 [core.py:1] x",
        "time=\"x\" level=info msg=y",
        "\x1b[1mBold",
        "=========",
        "──────  ──────",
        "---",
        "Listening on 0.0.0.0:8000",
        "* Running on http://127.0.0.1:5000",
        "🚀 Server started",
        "llama_model_loader: loaded meta data",
        "Uvicorn running on http://0.0.0.0:8000 (Press CTRL+C to quit)",
        "Traceback (most recent call last):",
        "  File \"/app/main.py\", line 3, in <module>",
        "    at foo (/app/main.js:1:2)",
        "    at com.example.Main.run(Main.java:3)",
        "ValueError: bad",
    ] {
        assert!(is_log_line(line.as_bytes()), "{line}");
    }
    assert!(is_log_line(b"2026-02-17 12:34:56 caf\xe9"));
}

#[test]
fn lines_that_were_meant_to_be_records_or_are_nothing() {
    for line in [
        "{",
        "{\"id\": 1, \"level\": \"info\"",
        "  {\"id\": 1",
        "{'id': 1, 'level': 'info'}",
        "[{\"id\": info}",
        "[ {",
        "[\"info\", ",
        "\"info\"",
        "42",
        "null",
        "true",
        "garbage",
        "not json",
        "this is not JSON",
        "this is no record",
        "nonsense",
        "",
        "   ",
        "}",
        "  },",
        "],",
        "\x1b[32m{\"id\": 1",
        "at foo(",
        "\0\u{1}\u{2}info",
    ] {
        assert!(!is_log_line(line.as_bytes()), "{line}");
    }
    assert!(!is_log_line(b"\xff\xfe\xfd"));
    assert!(!is_log_line(b"\x89PNG\x1a"));
}

#[test]
fn names_and_their_saved_form() {
    for envelope in Envelope::ALL {
        assert!(!envelope.name().is_empty());
        let saved = serde_json::to_string(&envelope).unwrap();
        assert_eq!(serde_json::from_str::<Envelope>(&saved).unwrap(), envelope);
    }
}

/// One line of each form, to be cut and changed.
const LINES: [&str; 12] = [
    r#"{"log":"{\"id\":\"a\\u00fc\"}\n","stream":"stdout","attrs":{"a":"b"},"time":"2026-02-17T12:34:56.789Z"}"#,
    r#"{"MESSAGE":[123,125],"__REALTIME_TIMESTAMP":"1771331696789000","_HOSTNAME":"box"}"#,
    r#"2026-02-17T12:34:56.123456789+01:00 stderr P:x {"id":1}"#,
    r#"[pod/llm-7d9f-x2/app] 2026-02-17T12:34:56.789Z {"id":1}"#,
    "\x1b[36mllm-1  | \x1b[0m2026-02-17T12:34:56.789Z {\"id\":1}",
    r#"<165>1 2026-02-17T12:34:56.789Z box llm 42 ID47 [a@1 k="v\"]"] {"id":1}"#,
    "<13>Feb 17 12:34:56 box llm[42]: {\"id\":1}",
    "2026-02-17 12:34:56,789 INFO name - {\"id\":1}",
    "INFO 02-17 12:34:56 [engine.py:12] {\"id\":1}",
    "17/Feb/2026:12:34:56 +0100 {}",
    "I0217 12:34:56.789012 {}",
    "    at foo(\x1b[0m:1)",
];

fn all(line: &[u8]) {
    sniff(line);
    is_log_line(line);
    for envelope in Envelope::ALL {
        if let Some(payload) = envelope.unwrap(line)
            && let Some(start) = payload.start
        {
            assert_eq!(&line[start..], &*payload.bytes);
            assert!(matches!(payload.bytes, Cow::Borrowed(_)));
        }
    }
}

#[test]
fn every_prefix_and_every_end() {
    for line in LINES {
        for at in 0..=line.len() {
            all(&line.as_bytes()[..at]);
            all(&line.as_bytes()[at..]);
        }
    }
}

#[test]
fn work_is_linear() {
    // Each would take minutes if anything were looked at again.
    let n = 100_000;
    for (head, piece) in [
        ("", "\x1b[0m"),
        ("", "\x1b[1;"),
        ("", "[ (\t"),
        ("INFO", "| [\x1b[0m"),
        ("12:34:56", "."),
        ("[pod/", "a/"),
        ("\x1b[36m", "a-1 "),
        ("<13>1 - a b c d ", "[a=\"\\\"]\"]"),
        ("<13>1 - a b c d [", "\"\\"),
        ("<13>Feb 17 12:34:56 ", "a["),
        ("Feb 17 12:34:56 a b[", "1"),
        ("", "=== "),
        ("", "-error- "),
        (r#"{"log":""#, r"\n"),
        (r#"{"log":"","attrs":"#, "["),
        (r#"{"MESSAGE":["#, "1,"),
    ] {
        all(format!("{head}{}", piece.repeat(n)).as_bytes());
        all(format!("{head}{}{{}}", piece.repeat(n)).as_bytes());
    }
}

proptest! {
    #[test]
    fn any_bytes(line in proptest::collection::vec(any::<u8>(), 0..300)) {
        all(&line);
    }

    #[test]
    fn changed_lines(
        at in 0..LINES.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..3), 1..6),
    ) {
        let mut line = LINES[at].as_bytes().to_vec();
        for (place, byte, how) in changes {
            let place = place.index(line.len().max(1));
            match how {
                0 if place < line.len() => line[place] = byte,
                1 if place < line.len() => drop(line.remove(place)),
                _ => line.insert(place.min(line.len()), byte),
            }
        }
        all(&line);
    }

    #[test]
    fn pieces_of_lines(pieces in proptest::collection::vec((0..LINES.len(), any::<prop::sample::Index>()), 1..6)) {
        let line: Vec<u8> =
            pieces.iter().flat_map(|(at, end)| &LINES[*at].as_bytes()[..end.index(LINES[*at].len())]).copied().collect();
        all(&line);
    }
}

#[test]
fn what_a_shipper_has_put_beside_dockers_fields_is_left_aside() {
    let line = br#"{"log":"{\"samples\":[\"a\"]}","stream":"stdout","time":"2026-03-04T09:00:01Z","kubernetes":{"pod_name":"p"}}"#;
    let payload = Envelope::Docker.unwrap(line).unwrap();
    assert_eq!((&*payload.bytes, payload.partial), (&br#"{"samples":["a"]}"#[..], false));
}
