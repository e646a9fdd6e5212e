use super::*;
use crate::record::draft::{Maker, Piece};
use crate::record::{Limits, Origin, Record};

fn pieces(text: &str) -> (Vec<Piece>, u64) {
    let mut maker = Maker::new(Limits::default(), &[]);
    let json = Json::parse(text).unwrap();
    assert!(signature(&json).is_some(), "{text}");
    let mut into = Pieces::new(&mut maker);
    read(&json, &mut into);
    (into.found, into.skipped)
}

fn record(piece: Piece) -> Record {
    Maker::new(Limits::default(), &[]).record(piece.draft, Origin::nowhere(), "".into())
}

fn span(attributes: &str, more: &str) -> String {
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}}]}},
        "scopeSpans":[{{"scope":{{"name":"s"}},"spans":[{{"traceId":"t1","spanId":"s1","name":"chat gpt-4o","kind":3,
        "startTimeUnixNano":"1771331695000000000","endTimeUnixNano":"1771331696250000000","attributes":[{attributes}]{more}}}]}}]}}]}}"#
    )
}

fn text(key: &str, value: &str) -> String {
    format!(r#"{{"key":"{key}","value":{{"stringValue":{}}}}}"#, serde_json::Value::from(value))
}

const BASE: &str = r#"{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}},{"key":"gen_ai.response.model","value":{"stringValue":"gpt-4o"}},{"key":"gen_ai.usage.input_tokens","value":{"intValue":"120"}},{"key":"gen_ai.request.temperature","value":{"doubleValue":0.7}}"#;

#[test]
fn choices_of_a_span_stand_in_the_order_of_their_indices() {
    let event = |index: u32, said: &str| {
        let message = text("message", &format!(r#"{{"content":"{said}"}}"#));
        format!(
            r#"{{"name":"gen_ai.choice","attributes":[{{"key":"index","value":{{"intValue":"{index}"}}}},{message}]}}"#
        )
    };
    let events = format!(r#","events":[{},{}]"#, event(1, "b"), event(0, "a"));
    let (mut found, _) = pieces(&span(BASE, &events));
    assert_eq!(record(found.remove(0)).samples.iter().map(|s| &**s).collect::<Vec<_>>(), ["a", "b"]);
    let output = text("gen_ai.output.messages", r#"[{"role":"assistant","content":"a"}]"#);
    let (mut found, _) = pieces(&span(&format!("{BASE},{output}"), &events));
    assert_eq!(record(found.remove(0)).samples.len(), 1, "what stands in both places is there once");
}

#[test]
fn messages_as_a_text_and_as_structure() {
    let parts = |text: &str| {
        format!(
            r#"{{"kvlistValue":{{"values":[{{"key":"role","value":{{"stringValue":"assistant"}}}},{{"key":"parts","value":{{"arrayValue":{{"values":[{{"kvlistValue":{{"values":[{{"key":"type","value":{{"stringValue":"text"}}}},{{"key":"content","value":{{"stringValue":"{text}"}}}}]}}}}]}}}}}}]}}}}"#
        )
    };
    let structure = format!(
        r#"{{"key":"gen_ai.output.messages","value":{{"arrayValue":{{"values":[{},{}]}}}}}}"#,
        parts("a"),
        parts("b")
    );
    let written = text(
        "gen_ai.output.messages",
        r#"[{"role":"assistant","parts":[{"type":"text","content":"a"}],"finish_reason":"stop"},{"role":"assistant","parts":[{"type":"text","content":"b"}]}]"#,
    );
    let asked = text("gen_ai.input.messages", r#"[{"role":"user","parts":[{"type":"text","content":"why?"}]}]"#);
    for output in [structure, written] {
        let (mut found, _) = pieces(&span(&format!("{BASE},{output},{asked}"), ""));
        assert!(found[0].part.is_none());
        let record = record(found.remove(0));
        assert_eq!(record.samples.iter().map(|s| &**s).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((record.prompt.as_deref(), record.latency_ms), (Some("why?"), Some(1250.0)));
        assert_eq!((&*record.id, &*record.key), ("s1", "gpt-4o"));
        assert_eq!(record.ts.unwrap().to_string(), "2026-02-17T12:34:56.25Z");
        assert_eq!(record.number("metrics.input_tokens"), Some(120.0));
        assert_eq!(record.number("gen_ai.request.temperature"), Some(0.7));
        assert_eq!(record.label("service.name").map(|l| &**l), Some("shop"));
    }
}

#[test]
fn other_spans_are_counted() {
    let tool = span(r#"{"key":"gen_ai.operation.name","value":{"stringValue":"execute_tool"}}"#, "");
    let http = span(r#"{"key":"http.request.method","value":{"stringValue":"GET"}}"#, "");
    let chain = span(r#"{"key":"openinference.span.kind","value":{"stringValue":"CHAIN"}}"#, "");
    for text in [tool, http, chain, r#"{"resourceMetrics":[{}]}"#.to_owned()] {
        let (found, skipped) = pieces(&text);
        assert_eq!((found.len(), skipped), (0, 1), "{text}");
    }
}

#[test]
fn without_content_there_are_numbers() {
    let (found, _) = pieces(&span(BASE, r#","status":{"code":2}"#));
    let part = found[0].part.clone().unwrap();
    assert_eq!((&*part.key, part.alone), ("span t1:s1", true));
    let record = record(found[0].clone());
    assert_eq!((record.samples.len(), record.number("latency_ms")), (0, Some(1250.0)));
    assert_eq!(record.label("error").map(|l| &**l), Some("true"));
}

#[test]
fn events_of_a_span() {
    let choice = |index: u32, message: &str| {
        format!(
            r#"{{"name":"gen_ai.choice","timeUnixNano":"1","attributes":[{{"key":"index","value":{{"intValue":"{index}"}}}},{}]}}"#,
            text("message", message)
        )
    };
    let user = format!(r#"{{"name":"gen_ai.user.message","attributes":[{}]}}"#, text("content", "why?"));
    let events = [user, choice(0, r#"{"role":"assistant","content":"a"}"#), choice(1, r#"{"content":"b"}"#)].join(",");
    let (mut found, _) = pieces(&span(BASE, &format!(",\"events\":[{events}]")));
    let record = record(found.remove(0));
    assert_eq!(record.samples.len(), 2);
    assert_eq!((&*record.samples[1], record.prompt.as_deref()), ("b", Some("why?")));
}

#[test]
fn events_of_the_log_are_parts_of_their_span() {
    let log = |name: &str, body: &str| {
        format!(
            r#"{{"resourceLogs":[{{"resource":{{}},"scopeLogs":[{{"logRecords":[{{"timeUnixNano":"1771331696000000000","eventName":"{name}",
            "traceId":"t1","spanId":"s1","body":{{"kvlistValue":{{"values":[{body}]}}}}}}]}}]}}]}}"#
        )
    };
    let message = text("message", r#"{"role":"assistant","content":"b"}"#);
    let body = format!(r#"{{"key":"index","value":{{"intValue":1}}}},{message}"#);
    let (found, _) = pieces(&log("gen_ai.choice", &body));
    let part = found[0].part.as_ref().unwrap();
    assert_eq!(
        part.answers,
        [crate::record::draft::Answer { index: 1, text: Some("b".into()), done: true, called: false }]
    );
    assert_eq!((&*part.key, part.alone), ("span t1:s1", false));
    let (found, _) = pieces(&log("gen_ai.user.message", &text("content", "why?")));
    assert_eq!(found[0].draft.prompt.as_ref().map(|(_, p)| &**p), Some("why?"));
    assert_eq!(pieces(&log("gen_ai.system.message", &text("content", "x"))).0.len(), 0);
    assert_eq!(pieces(&log("some.other", "")).1, 1);
}

#[test]
fn openinference() {
    let attributes = [
        text("openinference.span.kind", "LLM"),
        text("llm.model_name", "m"),
        text("llm.input_messages.0.message.role", "system"),
        text("llm.input_messages.0.message.content", "be kind"),
        text("llm.input_messages.1.message.role", "user"),
        text("llm.input_messages.1.message.content", "why?"),
        text("llm.output_messages.1.message.content", "b"),
        text("llm.output_messages.0.message.role", "assistant"),
        text("llm.output_messages.0.message.content", "a"),
        text("output.value", "never used"),
        r#"{"key":"llm.token_count.prompt","value":{"intValue":"7"}}"#.to_owned(),
    ];
    let (mut found, _) = pieces(&span(&attributes.join(","), ""));
    let record = record(found.remove(0));
    assert_eq!(record.samples.iter().map(|s| &**s).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!((record.prompt.as_deref(), &*record.key), (Some("why?"), "m"));
    assert_eq!(record.number("metrics.input_tokens"), Some(7.0));
}
