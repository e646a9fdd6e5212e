use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::record::Limits;

mod resume;

/// The lines of a log; blank ones are left out, as the source does.
fn lines(text: &[u8]) -> Vec<Line> {
    let mut offset = 0;
    let all = text.split(|byte| *byte == b'\n').map(|raw| {
        let at = offset;
        offset += raw.len() as u64 + 1;
        let origin = Origin { source: "log".into(), file: "f".into(), offset: at, line: None, part: 0 };
        Line { raw: Bytes::copy_from_slice(raw), origin, read_ts: None }
    });
    all.filter(|line| !line.raw.trim_ascii().is_empty()).collect()
}

/// What the lines are.
fn choice(lines: &[Line], options: &Options) -> Choice {
    let mut sniffer = Sniffer::new(options, Limits::default().line_bytes);
    lines.iter().find_map(|line| sniffer.line(&line.raw)).unwrap_or_else(|| sniffer.settle())
}

/// Reads a text to its end.
fn read_all(text: &[u8], options: Options) -> (Choice, Vec<Found>) {
    let lines = lines(text);
    let choice = choice(&lines, &options);
    let limits = Limits::default();
    let mut reader = Reader::new(Arc::new(options), Arc::new(choice.clone()), limits.line_bytes);
    let mut maker = Maker::new(limits, &[]);
    let mut found = Vec::new();
    for line in lines {
        reader.line(&mut maker, line, &mut |what| found.push(what));
    }
    reader.finish(&mut maker, &mut |what| found.push(what));
    (choice, found)
}

/// The records of a text, of which nothing is broken.
fn records(text: &str) -> Vec<Record> {
    records_with(text, Options::default())
}

fn records_with(text: &str, options: Options) -> Vec<Record> {
    let record = |found| match found {
        Found::Record(record, _) => Some(record),
        Found::Rejected(rejected) => panic!("{rejected:?}"),
        _ => None,
    };
    read_all(text.as_bytes(), options).1.into_iter().filter_map(record).collect()
}

fn samples(record: &Record) -> Vec<&str> {
    record.samples.iter().map(|text| &**text).collect()
}

fn answers(text: &str) -> Vec<Vec<String>> {
    records(text).iter().map(|record| samples(record).into_iter().map(ToOwned::to_owned).collect()).collect()
}

/// In one line: what came of each line.
fn outline(text: &str, options: Options) -> String {
    let word = |found: &Found| match found {
        Found::Record(..) => "record".to_owned(),
        Found::Verdict(..) => "verdict".to_owned(),
        Found::Rejected(rejected) => rejected.reject.reason.clone(),
        Found::NotARecord => "-".to_owned(),
        Found::Skipped(count) => format!("{count} skipped"),
    };
    read_all(text.as_bytes(), options).1.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// A line of Docker with this payload.
fn docker(payload: &str, stream: &str) -> String {
    let payload = serde_json::Value::from(payload);
    format!(r#"{{"log":{payload},"stream":"{stream}","time":"2026-02-17T12:34:56Z"}}"#)
}

fn chunk(id: &str, choices: &str, more: &str) -> String {
    format!(r#"{{"id":"{id}","object":"chat.completion.chunk","choices":[{choices}]{more}}}"#)
}

fn says(index: u32, text: &str) -> String {
    format!(r#"{{"index":{index},"delta":{{"content":{}}},"finish_reason":null}}"#, serde_json::Value::from(text))
}

fn ends(index: u32) -> String {
    format!(r#"{{"index":{index},"delta":{{}},"finish_reason":"stop"}}"#)
}

const USAGE: &str = r#","usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}"#;

#[test]
fn every_sample_file_is_read_whole() {
    // Records, with several samples, with a latency, put together; rejected, not a record, skipped.
    let expected = [
        ("array.json", "native records, values over several lines or in an array", [27, 25, 27, 0, 0, 0, 0]),
        ("compose.log", "native records in docker compose logs", [28, 27, 28, 0, 0, 10, 0]),
        ("containerd.log", "native records in CRI (containerd, CRI-O)", [22, 21, 22, 0, 0, 9, 0]),
        ("docker.log", "native records in Docker json-file", [24, 23, 24, 0, 0, 9, 0]),
        ("generic.ndjson", "generic JSON", [60, 53, 60, 0, 0, 0, 0]),
        ("grouped.ndjson", "native records", [150, 0, 150, 0, 0, 0, 0]),
        ("journald.ndjson", "native records in journald (JSON)", [22, 19, 22, 0, 0, 10, 0]),
        ("kubectl.log", "native records in kubectl logs --prefix", [28, 28, 28, 0, 0, 10, 0]),
        ("langfuse-api.ndjson", "Langfuse observations", [45, 0, 45, 0, 0, 0, 8]),
        ("langfuse-export.ndjson", "Langfuse observations", [40, 0, 40, 0, 0, 0, 5]),
        ("openai-batch.ndjson", "OpenAI chat completions", [42, 36, 0, 0, 0, 0, 0]),
        ("openai-completions.ndjson", "OpenAI chat completions", [56, 49, 0, 0, 0, 0, 0]),
        ("openai-stream.ndjson", "OpenAI chat completions", [12, 12, 0, 12, 0, 0, 0]),
        ("openai-wrapped.ndjson", "OpenAI chat completions", [48, 40, 48, 0, 0, 0, 0]),
        ("otel-events.ndjson", "OpenTelemetry (OTLP)", [20, 18, 20, 14, 0, 0, 0]),
        ("otel-genai.ndjson", "OpenTelemetry (OTLP)", [22, 16, 22, 0, 0, 0, 34]),
        ("otel-openinference.ndjson", "OpenTelemetry (OTLP)", [18, 17, 18, 0, 0, 0, 21]),
        ("plain.log", "native records", [32, 30, 32, 0, 0, 10, 0]),
        ("pretty.json", "native records, values over several lines or in an array", [27, 26, 27, 0, 0, 8, 0]),
        ("syslog.log", "native records in syslog", [26, 26, 26, 0, 0, 13, 0]),
    ];
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data/formats");
    for (name, title, counts) in expected {
        let (choice, found) = read_all(&std::fs::read(folder.join(name)).unwrap(), Options::default());
        let mut seen = [0; 7];
        for what in &found {
            match what {
                Found::Record(record, parts) => {
                    seen[0] += 1;
                    seen[1] += usize::from(record.samples.len() > 1);
                    seen[2] += usize::from(record.latency_ms.is_some());
                    seen[3] += usize::from(parts.as_ref().is_some_and(|parts| parts.len() > 1));
                    assert!(!record.truncated && !record.lossy, "{name}: {}", record.id);
                }
                Found::Rejected(_) => seen[4] += 1,
                Found::NotARecord => seen[5] += 1,
                Found::Skipped(count) => seen[6] += *count as usize,
                Found::Verdict(..) => panic!("{name}: a verdict"),
            }
        }
        assert_eq!((choice.title().as_str(), seen), (title, counts), "{name}: {}", choice.why);
    }
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), expected.len(), "a sample file is not in the table");
}

#[test]
fn single_answers_are_grouped_as_they_are_told_to_be() {
    let group = join::Group { by: "trace_id".into(), count: 3, gap: SignedDuration::from_secs(60) };
    let options = Options { join: join::Options { group: Some(group), ..Default::default() }, ..Default::default() };
    let text = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/sample-data/formats/grouped.ndjson")).unwrap();
    let found = records_with(std::str::from_utf8(&text).unwrap(), options);
    assert_eq!(found.iter().map(|record| record.samples.len()).sum::<usize>(), 150);
    assert!(found.iter().filter(|record| record.samples.len() == 3).count() >= 45, "{}", found.len());
}

#[test]
fn a_line_of_docker_in_parts_keeps_every_byte_of_it() {
    let record = r#"{"id":"a","samples":["one two three four five six","second"]}"#;
    for size in 1..record.len() {
        let pieces: Vec<&[u8]> = record.as_bytes().chunks(size).collect();
        let text: Vec<String> = pieces
            .iter()
            .enumerate()
            .map(|(at, piece)| {
                let end = if at + 1 == pieces.len() { "\n" } else { "" };
                docker(&format!("{}{end}", std::str::from_utf8(piece).unwrap()), "stdout")
            })
            .collect();
        let text = format!("{}\n{}", docker("{\"samples\":[]}\n", "stdout"), text.join("\n"));
        assert_eq!(answers(&text)[1..], [["one two three four five six", "second"]], "in pieces of {size}");
    }
}

#[test]
fn parts_of_two_streams_of_docker_are_not_mixed() {
    let text = [
        docker("{\"samples\":[\"out\",", "stdout"),
        docker("{\"samples\":[\"err\",", "stderr"),
        docker("\"a\"]}\n", "stdout"),
        docker("\"b\"]}\n", "stderr"),
    ];
    assert_eq!(answers(&text.join("\n")), [["out", "a"], ["err", "b"]]);
}

#[test]
fn what_docker_cut_off_at_the_end_is_read_if_it_is_whole() {
    let whole = docker("{\"samples\":[\"a\",\"b\"]}", "stdout");
    assert_eq!(answers(&whole), [["a", "b"]]);
    let (_, found) = read_all(docker("{\"samples\":[\"a\",", "stdout").as_bytes(), Options::default());
    assert!(matches!(&found[..], [Found::Rejected(what)] if what.reject.reason.contains("last part is missing")));
}

#[test]
fn unfinished_lines_hold_no_more_than_a_few_long_ones() {
    let limits = Limits { line_bytes: 1_000, ..Limits::default() };
    let options = Options { join: join::Options { bytes: 4_000, ..Default::default() }, ..Default::default() };
    let choice = choice(&lines(docker("{\"samples\":[]}\n", "stdout").as_bytes()), &options);
    let mut reader = Reader::new(Arc::new(options), Arc::new(choice), limits.line_bytes);
    let mut maker = Maker::new(limits, &[]);
    for stream in 0..100 {
        let text = docker(&format!("\"{}", "x".repeat(900)), &format!("s{stream}"));
        reader.line(&mut maker, lines(text.as_bytes()).remove(0), &mut |_| {});
    }
    let held: usize = reader.partial.values().map(|partial| partial.bytes.len()).sum();
    assert!(held <= 4_000 + 100 * 256, "{held} bytes");
}

#[test]
fn a_value_of_more_lines_than_are_looked_at_is_one_value() {
    let long: String = (0..100).map(|at| format!("  \"n{at}\": {at},\n")).collect();
    let text = format!("{{\n{long}  \"answer\": \"a\"\n}}\n").repeat(2);
    assert_eq!(answers(&text), [["a"], ["a"]]);
    assert_eq!(answers(&format!("[\n{text}]").replace("}\n{", "},\n{")), [["a"], ["a"]]);
}

#[test]
fn line_ends_of_terminals_are_no_part_of_an_answer() {
    let text = [docker("{\"samples\":[\"a\",\r\n", "stdout"), docker("\"b\"]}\r\n", "stdout")];
    assert_eq!(answers(&text.join("\n")), [["a", "b"]]);
    let events = format!("data: {}\r\ndata: {}\r", chunk("s", &says(0, "a"), ""), chunk("s", &ends(0), USAGE));
    assert_eq!(answers(&events), [["a"]]);
}

#[test]
fn a_key_twice_is_refused_in_every_format() {
    let texts = [
        r#"{"samples":["a"],"samples":["b"]}"#,
        r#"{"answer":"a","answer":"b"}"#,
        r#"{"choices":[{"message":{"content":"a","content":"b"}}]}"#,
        r#"{"resourceSpans":[{"scopeSpans":[],"scopeSpans":[]}]}"#,
        r#"{"id":"o","id":"p","traceId":"t","type":"GENERATION","startTime":"2026-02-17T12:34:55Z"}"#,
        r#"{"v":1,"v":1,"seq":1,"confidence":{},"divergence":{}}"#,
    ];
    for (text, (word, format)) in texts.into_iter().zip([0, 1, 2, 3, 4, 5].map(|at| FORMATS[at])) {
        for format in [Some(format), None] {
            let found = outline(text, Options { format, ..Default::default() });
            assert!(found.contains("stands twice in one object"), "{word}: {found}");
        }
    }
}

const FORMATS: [(&str, Format); 6] = [
    ("native", Format::Native),
    ("generic", Format::Generic),
    ("openai", Format::Openai),
    ("otel", Format::Otel),
    ("langfuse", Format::Langfuse),
    ("verdict", Format::Verdict),
];

#[test]
fn limits_hold_in_every_format_and_are_marked() {
    let long = "x".repeat(70_000);
    let many = |item: &str, count: usize| vec![item; count].join(",");
    let numbers: String = (0..600).map(|at| format!("\"n{at}\":{at},")).collect();
    let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
    for text in [
        format!(r#"{{"samples":[{}]}}"#, many("\"a\"", 17)),
        format!(r#"{{"answers":[{}]}}"#, many("\"a\"", 17)),
        format!(r#"{{"choices":[{}]}}"#, many(r#"{"message":{"content":"a"}}"#, 17)),
        chunk("s", &(0..17).map(|at| says(at, "a")).collect::<Vec<_>>().join(","), ""),
        format!(r#"{{"samples":["{long}"]}}"#),
        format!(r#"{{"answer":"{long}"}}"#),
        format!("{}\n{}", chunk("s", &says(0, &long[..60_000]), ""), chunk("s", &says(0, &long[..10_000]), "")),
        format!(r#"{{{numbers}"samples":["a"]}}"#),
        format!(r#"{{{numbers}"choices":[{{"message":{{"content":"a"}}}}]}}"#),
        format!(r#"{{"samples":["a"],"deep":{deep}}}"#),
        format!(r#"{{"answer":"a","deep":{deep}}}"#),
    ] {
        let found = records(&text);
        assert_eq!(found.len(), 1, "{}", &text[..60]);
        let record = &found[0];
        let bounded = record.samples.len() <= 16 && record.samples.iter().all(|text| text.len() <= 64 << 10);
        assert!(bounded && record.numbers.len() <= 512 && record.truncated, "{}", &text[..60]);
    }
}

#[test]
fn what_is_long_or_deep_takes_time_in_proportion() {
    let wide = format!("[{}{{}}]", "{},".repeat(200_000));
    assert_eq!(read_all(wide.as_bytes(), Options::default()).1.len(), 200_001);
    for text in [
        "[".repeat(1 << 20),
        "{\"a\":".repeat(200_000),
        "{".repeat(1 << 20),
        format!("{{\"a\":\"{}", "\\".repeat(1 << 20)),
    ] {
        assert!(
            read_all(text.as_bytes(), Options::default()).1.iter().all(|found| matches!(found, Found::Rejected(_)))
        );
    }
    let resource = r#"{"key":"k","value":{"intValue":"1"}},"#.repeat(20_000);
    let span = r#"{"attributes":[{"key":"gen_ai.request.model","value":{"stringValue":"m"}}]},"#.repeat(10_000);
    let spans = format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{resource}{{}}]}},"scopeSpans":[{{"spans":[{span}{{}}]}}]}}]}}"#
    );
    assert_eq!(records(&spans).len(), 10_000);
}

#[test]
fn records_of_a_stream_do_not_depend_on_what_lies_between() {
    let alone = |id: &str| {
        [
            chunk(id, &says(1, "b"), ""),
            chunk(id, &says(0, "a"), ""),
            chunk(id, &ends(0), ""),
            chunk(id, &ends(1), USAGE),
        ]
    };
    let (one, two) = (alone("one"), alone("two"));
    let mixed: Vec<&str> = one.iter().zip(&two).flat_map(|(a, b)| [&**a, &**b]).collect();
    assert_eq!(answers(&mixed.join("\n")), [["a", "b"], ["a", "b"]]);
    assert_eq!(answers(&one.join("\n")), [["a", "b"]]);
}

#[test]
fn server_sent_events_are_a_stream_too() {
    let text = format!(
        "event: x\ndata: {}\n: ping\ndata:{}\ndata: [DONE]",
        chunk("s", &says(0, "a"), ""),
        chunk("s", &ends(0), USAGE)
    );
    assert_eq!(answers(&text), [["a"]]);
}

#[test]
fn a_mark_of_another_format_is_heeded_where_none_was_asked_for() {
    let text = format!("{{\"samples\":[\"a\"]}}\n{}", r#"{"choices":[{"message":{"content":"b"}}]}"#);
    assert_eq!(answers(&text), [["a"], ["b"]]);
    let native = Options { format: Some(Format::Native), ..Default::default() };
    assert_eq!(records_with(&text, native)[1].samples.len(), 0);
    let openai = Options { format: Some(Format::Openai), ..Default::default() };
    assert_eq!(outline(&text, openai), "nothing in it is of OpenAI chat completions, record");
}

#[test]
fn a_call_of_a_tool_is_no_answer_in_any_format() {
    let call = r#""tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}]"#;
    let message = format!(r#"{{"role":"assistant","content":"",{call}}}"#);
    let span = |key: &str, value: &str| format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#);
    let openinference = [
        span("openinference.span.kind", "LLM"),
        span("llm.output_messages.0.message.role", "assistant"),
        span("llm.output_messages.0.message.content", ""),
        span("llm.output_messages.0.message.tool_calls.0.tool_call.function.name", "f"),
    ];
    for text in [
        format!(r#"{{"choices":[{{"index":0,"message":{message},"finish_reason":"tool_calls"}}]}}"#),
        format!(
            "{}\n{}",
            chunk("s", r#"{"index":0,"delta":{"role":"assistant","content":""}}"#, ""),
            chunk("s", &format!(r#"{{"index":0,"delta":{{{call}}},"finish_reason":"tool_calls"}}"#), USAGE)
        ),
        format!(r#"{{"type":"GENERATION","traceId":"t","startTime":"2026-02-17T12:34:55Z","output":{message}}}"#),
        format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"attributes":[{}]}}]}}]}}]}}"#,
            openinference.join(",")
        ),
    ] {
        assert_eq!(answers(&text), [Vec::<String>::new()], "{text}");
    }
    let blank = r#"{"choices":[{"message":{"content":"a"}},{"message":{"content":""}}]}"#;
    assert_eq!(answers(blank), [["a", ""]]);
}

#[test]
fn what_is_open_is_closed_by_event_time_alone() {
    let at =
        |id: &str, second: u32, choices: &str| chunk(id, choices, &format!(r#","created":{}"#, 1_771_331_600 + second));
    let text = [at("a", 0, &says(0, "a")), at("a", 1, &ends(0)), at("b", 3, &says(0, "b")), at("a", 4, &says(0, "c"))];
    assert_eq!(answers(&text.join("\n")), [["a"], ["b"], ["c"]]);
    let mut reader =
        Reader::new(Arc::default(), Arc::new(choice(&lines(text[0].as_bytes()), &Options::default())), 1 << 20);
    let (mut maker, mut count) = (Maker::new(Limits::default(), &[]), 0);
    reader.line(&mut maker, lines(text[0].as_bytes()).remove(0), &mut |_| count += 1);
    reader.advance(&mut maker, SignedDuration::try_from(Duration::from_secs(30)).unwrap(), &mut |_| count += 1);
    assert_eq!(count, 0, "the gap is not over yet");
    reader.advance(&mut maker, SignedDuration::from_secs(31), &mut |_| count += 1);
    assert_eq!(count, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_are_read_the_same_twice(text in prop::collection::vec(any::<u8>(), 0..400)) {
        let once = format!("{:?}", read_all(&text, Options::default()).1);
        prop_assert_eq!(once, format!("{:?}", read_all(&text, Options::default()).1));
    }
}

#[test]
fn who_enters_amid_a_value_waits_for_the_next() {
    let value = "{\n  \"id\": \"r\",\n  \"metrics\": {\n    \"x\": 4\n  },\n  \"samples\": [\n    \"a\"\n  ]\n}\n";
    let text = value.repeat(3);
    let all = lines(text.as_bytes());
    let choice = choice(&all, &Options::default());
    for entered in 1..9 {
        let (mut reader, mut maker) = resume::reader(&Options::default(), &choice);
        let mut counts = [0; 3];
        let mut take = |found: Found| match found {
            Found::Record(..) => counts[0] += 1,
            Found::Rejected(_) => counts[1] += 1,
            _ => counts[2] += 1,
        };
        all[entered..].iter().for_each(|line| reader.line(&mut maker, line.clone(), &mut take));
        reader.finish(&mut maker, &mut take);
        assert_eq!((counts[0], counts[1]), (2, 0), "entered at line {entered}: {counts:?}");
    }
}
