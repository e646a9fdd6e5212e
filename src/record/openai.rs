//! OpenAI chat completions: bare, as lines of a Batch output, inside what a gateway logs (`request`, `response`, a
//! duration), and streamed as chunks.
//!
//! Shapes after the public API reference (chat completion object, chat completion chunk object, Batch output file,
//! response object). `opened` undoes what gateways do to them.

mod opened;

use std::collections::BTreeMap;

use super::draft::{Answer, Draft, Entry, Part, Pieces};
use super::json::Json;
use super::messages::{self, calls, content};
use super::{latency, time};

/// Texts that are the samples or the prompt, and lists of thousands of numbers.
const SKIPPED: [&str; 9] =
    ["content", "refusal", "messages", "logprobs", "tool_calls", "function_call", "tools", "text", "delta"];

/// What shows that a value is of this format.
pub fn signature(json: &Json<'_>) -> Option<&'static str> {
    match opened::opened(json) {
        Some(opened) => signature_of(&opened),
        None => signature_of(json),
    }
}

fn signature_of(json: &Json<'_>) -> Option<&'static str> {
    if chunks(json).is_some() {
        return Some("`response` with chat completion chunks");
    }
    if let Some(body) = completion(json) {
        if is_response(&body) {
            return Some("`object: response` with `output[]`");
        }
        let chunk = body.get("object").and_then(Json::text) == Some("chat.completion.chunk") || delta(body).is_some();
        return Some(match (chunk, std::ptr::eq(body, json)) {
            (true, _) => "`choices[].delta` of chat completion chunks",
            (false, true) => "`choices[].message` of chat completions",
            (false, false) => "`response` with `choices[].message` of a chat completion",
        });
    }
    if json.get("custom_id").is_some() && (json.get("response").is_some() || json.get("error").is_some()) {
        return Some("`custom_id` and `response` of a Batch output");
    }
    let asked = json.at(&["request", "messages"]).is_some_and(|messages| !messages.items().is_empty());
    asked.then_some("`request.messages` of a chat completion")
}

/// Reads one value.
pub fn read(json: &Json<'_>, into: &mut Pieces<'_>) {
    match opened::opened(json) {
        Some(opened) => read_opened(&opened, into),
        None => read_opened(json, into),
    }
}

fn read_opened(json: &Json<'_>, into: &mut Pieces<'_>) {
    let body = completion(json);
    let chunk = body.filter(|body| {
        body.get("object").and_then(Json::text) == Some("chat.completion.chunk") || delta(body).is_some()
    });
    if body.is_some_and(is_preamble) {
        into.skipped += 1;
        return;
    }
    let mut entry = into.entry();
    entry.leaves(&[], json, &SKIPPED);
    common(&mut entry, json, body);
    if let Some(chunk) = chunk {
        let draft = entry.done();
        let part = part(chunk, &draft);
        return into.part(draft, part);
    }
    match (chunks(json), body) {
        (Some(chunks), _) => said(chunks).iter().for_each(|text| entry.sample(text)),
        (None, Some(body)) if is_response(&body) => {
            let messages = body.get("output").map(Json::items).unwrap_or_default().iter();
            let of_model = messages.filter(|item| item.get("type").and_then(Json::text) == Some("message"));
            of_model.filter_map(content).for_each(|text| entry.sample(&text));
        }
        (None, body) => {
            let choices = body.and_then(|body| body.get("choices")).map(Json::items).unwrap_or_default();
            let mut choices: Vec<&Json<'_>> = choices.iter().collect();
            // The first one is the one that will be used: its index says which that is.
            choices.sort_by_key(|choice| choice.get("index").and_then(Json::number).map_or(0, |index| index as i64));
            choices.into_iter().filter_map(answer).for_each(|text| entry.sample(&text));
        }
    }
    let draft = entry.done();
    into.whole(draft);
}

/// The object that has the `choices`, wherever it lies.
fn completion<'j, 'a>(json: &'j Json<'a>) -> Option<&'j Json<'a>> {
    let has_choices = |body: &&'j Json<'a>| match body.get("choices") {
        // The last chunk of a stream has usage alone.
        Some(Json::List(choices)) if choices.is_empty() => body.get("object").is_some() || body.get("usage").is_some(),
        Some(Json::List(choices)) => choices.iter().any(|c| c.first(&["message", "delta", "text"]).is_some()),
        _ => false,
    };
    let places: [&[&str]; 6] = [&[], &["response", "body"], &["response"], &["body"], &["completion"], &["output"]];
    places.iter().filter_map(|path| json.at(path)).find(|body| has_choices(body) || is_response(body))
}

/// Whether it is a response object, which has its answer in `output[]`.
fn is_response(body: &&Json<'_>) -> bool {
    body.get("object").and_then(Json::text) == Some("response") && matches!(body.get("output"), Some(Json::List(_)))
}

/// The chunks of a stream that were kept in one field.
fn chunks<'j, 'a>(json: &'j Json<'a>) -> Option<&'j [Json<'a>]> {
    let lists = [json.get("response"), json.at(&["response", "body"]), json.get("output")];
    lists.into_iter().flatten().map(Json::items).find(|items| items.iter().any(|chunk| delta(chunk).is_some()))
}

/// The answers that chunks say together, in the order of their indices.
fn said(chunks: &[Json<'_>]) -> Vec<String> {
    let mut answers: BTreeMap<i64, Option<String>> = BTreeMap::new();
    for choice in chunks.iter().filter_map(|chunk| chunk.get("choices")).flat_map(Json::items) {
        let index = choice.get("index").and_then(Json::number).map_or(0, |index| index as i64);
        let held = answers.entry(index).or_default();
        let text = choice.get("delta").and_then(|delta| delta.first(&["content", "refusal"])).and_then(content);
        if let Some(text) = text {
            held.get_or_insert_default().push_str(&text);
        }
    }
    answers.into_values().flatten().collect()
}

/// Whether it is what Azure sends before a stream: what its filters say of the prompt, and no identity.
fn is_preamble(body: &Json<'_>) -> bool {
    let blank = |key: &str| body.get(key).and_then(Json::text).is_none_or(str::is_empty);
    let choices = body.get("choices").map(Json::items).unwrap_or_default();
    choices.is_empty() && blank("id") && body.get("prompt_filter_results").is_some() && body.first(&["usage"]).is_none()
}

fn delta<'j, 'a>(body: &'j Json<'a>) -> Option<&'j Json<'a>> {
    body.get("choices")?.items().first()?.get("delta")
}

/// What all shapes have.
fn common(entry: &mut Entry<'_>, json: &Json<'_>, body: Option<&Json<'_>>) {
    let texts = |keys: &[&str]| json.first(keys).and_then(Json::text).map(str::to_owned);
    if let Some(id) = texts(&["custom_id", "request_id"]) {
        entry.id(&id);
    }
    let own = json.first(&["id"]).filter(|_| body.is_none_or(|body| !std::ptr::eq(body, json)));
    for id in own.into_iter().chain(body.and_then(|body| body.get("id"))) {
        id.text().into_iter().for_each(|id| entry.id(id));
    }
    let stamp = json.first(&["ts", "timestamp", "time", "created_at", "start_time"]).and_then(time::of);
    let first = chunks(json).and_then(<[_]>::first);
    let created = body.or(first).and_then(|body| body.first(&["created", "created_at"])).and_then(time::of);
    entry.time(stamp.or(created));
    if let Some(ms) = latency::of(json) {
        entry.latency_ms(ms);
    }
    // What was asked for: a request that failed has no other, and the answer's own stays at its path.
    let own_model = || body.or(first).and_then(|body| body.get("model"));
    let model = json.at(&["request", "model"]).or_else(|| json.at(&["request", "body", "model"])).or_else(own_model);
    if let Some(model) = model.and_then(Json::text) {
        entry.label(&["model"], model);
    }
    if let Some(agent) = json.at(&["metadata", "agent_id"]).or_else(|| json.at(&["request", "metadata", "agent_id"])) {
        agent.text().into_iter().for_each(|agent| entry.label(&["agent_id"], agent));
    }
    let usage = body.and_then(|body| body.get("usage"));
    for (name, key) in [("input_tokens", "prompt_tokens"), ("output_tokens", "completion_tokens")] {
        if let Some(tokens) = usage.and_then(|usage| usage.first(&[key, name])).and_then(Json::number) {
            entry.number(&["metrics", name], tokens);
        }
    }
    if let Some(tokens) = usage.and_then(|usage| usage.get("total_tokens")).and_then(Json::number) {
        entry.number(&["metrics", "total_tokens"], tokens);
    }
    failure(entry, json);
    let messages = [&["request", "messages"][..], &["messages"], &["request", "body", "messages"]];
    let sent = messages.iter().find_map(|path| json.at(path)).map(Json::items).unwrap_or_default();
    let asked = sent.iter().rev().find(|message| message.get("role").and_then(Json::text) == Some("user"));
    let asked = asked.and_then(|message| message.get("content")).and_then(content);
    let input = [&["request", "input"][..], &["request", "body", "input"]];
    let input = || input.iter().find_map(|path| json.at(path)).and_then(messages::asked);
    if let Some(prompt) = asked.or_else(|| json.at(&["request", "prompt"]).and_then(content)).or_else(input) {
        entry.prompt(&prompt);
    }
}

/// A request that failed has a `status` and `error: true`, which rules can read whatever the wrapper called them.
fn failure(entry: &mut Entry<'_>, json: &Json<'_>) {
    let status = json.at(&["response", "status_code"]).or_else(|| json.first(&["status_code", "status"]));
    if let Some(status) = status.and_then(Json::number) {
        entry.number(&["status"], status);
    }
    let places: [&[&str]; 3] = [&["error"], &["response", "error"], &["response", "body", "error"]];
    let failed = places.iter().filter_map(|path| json.at(path)).any(|error| match error {
        Json::Null | Json::Bool(false) => false,
        Json::Text(text) => !text.is_empty(),
        _ => true,
    });
    if failed {
        entry.label(&["error"], "true");
    }
}

/// The text of a finished choice; a call of a tool is none.
fn answer(choice: &Json<'_>) -> Option<String> {
    let message = choice.get("message").unwrap_or(choice);
    let said = message.get("content").and_then(content);
    let other = || message.first(&["refusal", "text"]).and_then(content);
    match said.filter(|text| !text.trim().is_empty() || !calls(message)) {
        Some(text) if text.is_empty() => other().or(Some(text)),
        said => said.or_else(other),
    }
}

/// What a chunk adds to its stream.
fn part(chunk: &Json<'_>, draft: &Draft) -> Part {
    let piece = |(at, choice): (u32, &Json<'_>)| Answer {
        index: choice.get("index").and_then(Json::number).map_or(at, |index| index as u32),
        text: choice.get("delta").and_then(|delta| delta.first(&["content", "refusal"])).and_then(content),
        // Some servers write an empty reason while there is none.
        done: choice.get("finish_reason").and_then(Json::text).is_some_and(|reason| !reason.is_empty()),
        called: choice.get("delta").is_some_and(calls),
    };
    let choices = chunk.get("choices").map(Json::items).unwrap_or_default();
    let answers: Vec<Answer> = (0..).zip(choices).map(piece).collect();
    let id = chunk.get("id").and_then(Json::text).or(draft.id.as_ref().map(|(_, id)| &**id));
    // Some servers count in every chunk: then the usage says nothing of the end.
    let last = chunk.first(&["usage"]).is_some() && answers.iter().all(|answer| answer.done);
    Part { key: format!("stream {}", id.unwrap_or_default()).into(), answers, last, alone: false }
}

#[cfg(test)]
mod tests {
    use super::super::draft::{Maker, Piece};
    use super::super::{Limits, Record};
    use super::*;

    fn pieces(text: &str) -> Vec<Piece> {
        let mut maker = Maker::new(Limits::default(), &[]);
        let json = Json::parse(text).unwrap();
        assert!(signature(&json).is_some(), "{text}");
        let mut into = Pieces::new(&mut maker);
        read(&json, &mut into);
        into.found
    }

    fn one(text: &str) -> Record {
        let mut found = pieces(text);
        assert_eq!(found.len(), 1);
        Maker::new(Limits::default(), &[]).record(found.remove(0).draft, super::super::Origin::nowhere(), "".into())
    }

    fn samples(record: &Record) -> Vec<&str> {
        record.samples.iter().map(|text| &**text).collect()
    }

    #[test]
    fn a_completion() {
        let record = one(r#"{"id":"chatcmpl-1","object":"chat.completion","created":1771331696,"model":"gpt-4o",
            "choices":[{"index":0,"message":{"role":"assistant","content":"a"},"logprobs":{"content":[{"logprob":-1}]},"finish_reason":"stop"},
            {"index":1,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"c"}]},"finish_reason":"tool_calls"},
            {"index":2,"message":{"role":"assistant","content":[{"type":"text","text":"b"},{"type":"text","text":"c"}]}},
            {"index":3,"message":{"role":"assistant","content":null,"refusal":"no"}}],
            "usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}}"#);
        assert_eq!((&*record.id, &*record.key, samples(&record)), ("chatcmpl-1", "gpt-4o", vec!["a", "b\nc", "no"]));
        assert_eq!(record.ts.unwrap().to_string(), "2026-02-17T12:34:56Z");
        assert_eq!(record.number("metrics.input_tokens"), Some(7.0));
        assert_eq!(record.number("usage.completion_tokens"), Some(5.0));
        assert_eq!(record.label("choices[0].finish_reason").map(|l| &**l), Some("stop"));
        assert!(record.numbers.iter().all(|(name, _)| !name.as_str().contains("logprob")));
    }

    #[test]
    fn a_wrapper_with_its_duration_in_any_form() {
        for (latency, want) in [
            (r#""latency_ms":812.5"#, 812.5),
            (r#""duration":0.8125"#, 812.5),
            (r#""elapsed":1200"#, 1200.0),
            (r#""duration":"1.2s""#, 1200.0),
        ] {
            let record = one(&format!(
                r#"{{"timestamp":"2026-02-17T12:34:56Z","request":{{"model":"m","temperature":0.2,"messages":[{{"role":"user","content":"first"}},
                {{"role":"user","content":[{{"type":"text","text":"why?"}},{{"type":"image_url"}}]}},{{"role":"assistant","content":"x"}}]}},
                "response":{{"id":"c","created":1,"choices":[{{"message":{{"content":"because"}}}}]}},{latency}}}"#
            ));
            assert_eq!((record.latency_ms, record.prompt.as_deref()), (Some(want), Some("why?")), "{latency}");
            assert_eq!(record.number("latency_ms"), Some(want));
            assert_eq!((record.ts.unwrap().as_second(), &*record.id), (1_771_331_696, "c"));
            assert_eq!(record.number("request.temperature"), Some(0.2));
        }
    }

    #[test]
    fn a_batch_and_its_failures() {
        let done = one(
            r#"{"id":"batch_req_1","custom_id":"case-1","response":{"status_code":200,"body":{"id":"x","choices":[{"message":{"content":"a"}}]}},"error":null}"#,
        );
        assert_eq!((&*done.id, samples(&done), done.number("status")), ("case-1", vec!["a"], Some(200.0)));
        assert_eq!(done.label("error"), None);
        for failed in [
            r#"{"custom_id":"case-2","response":{"status_code":400,"body":{"error":{"message":"too long"}}},"error":null}"#,
            r#"{"custom_id":"case-2","response":null,"error":{"code":"batch_expired","message":"late"}}"#,
        ] {
            let failed = one(failed);
            assert_eq!((&*failed.id, failed.samples.len()), ("case-2", 0));
            assert_eq!(failed.label("error").map(|l| &**l), Some("true"));
        }
    }

    #[test]
    fn what_servers_of_other_makers_write_in_chunks() {
        let part = |text: &str| pieces(text).remove(0).part.unwrap();
        let empty_reason =
            r#"{"id":"s","choices":[{"delta":{"content":"a"},"finish_reason":""}],"usage":{"total_tokens":1}}"#;
        assert!(!part(empty_reason).last && !part(empty_reason).answers[0].done);
        let no_index = r#"{"id":"s","choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"}}]}"#;
        assert_eq!(part(no_index).answers.iter().map(|answer| answer.index).collect::<Vec<_>>(), [0, 1]);
        let filters = r#"{"choices":[],"created":0,"id":"","object":"","prompt_filter_results":[]}"#;
        assert!(pieces(filters).is_empty());
    }

    #[test]
    fn gateways_are_seen_through() {
        let body =
            r#"{"id":"c","choices":[{"index":1,"message":{"content":"b"}},{"index":0,"message":{"content":"a"}}]}"#;
        let text = serde_json::Value::from(body);
        let request = serde_json::Value::from(r#"{"model":"m","messages":[{"role":"user","content":"why?"}]}"#);
        let chunk = |text: &str| format!(r#"{{"id":"c","choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}"#);
        let events = serde_json::Value::from(format!("data: {}\n\ndata: {}\n\ndata: [DONE]", chunk("a"), chunk("b")));
        for (line, want) in [
            (format!(r#"{{"request":{request},"response":{text}}}"#), vec!["a", "b"]),
            (format!(r#"{{"req":{{"body":{request}}},"res":{{"body":{text}}}}}"#), vec!["a", "b"]),
            (format!(r#"{{"request_body":{request},"response_body":{body}}}"#), vec!["a", "b"]),
            (format!(r#"{{"request":{request},"response":{events}}}"#), vec!["ab"]),
            (format!(r#"{{"request":{request},"response":[{},{}]}}"#, chunk("a"), chunk("b")), vec!["ab"]),
        ] {
            let record = one(&line);
            assert_eq!((samples(&record), record.prompt.as_deref()), (want, Some("why?")), "{line}");
        }
        let response = r#"{"object":"response","id":"r","created_at":5,"model":"m","output":[{"type":"reasoning","summary":[]},
            {"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"}]}],"usage":{"input_tokens":3}}"#;
        for line in [response.to_owned(), format!(r#"{{"custom_id":"k","response":{{"body":{response}}}}}"#)] {
            let record = one(&line);
            assert_eq!((samples(&record), record.number("metrics.input_tokens")), (vec!["a"], Some(3.0)), "{line}");
        }
    }

    #[test]
    fn chunks_are_parts() {
        let found = pieces(
            r#"{"id":"s1","object":"chat.completion.chunk","created":5,"model":"m","choices":[{"index":1,"delta":{"content":"he"},"finish_reason":null}],"usage":null}"#,
        );
        let part = found[0].part.as_ref().unwrap();
        assert_eq!((&*part.key, part.last), ("stream s1", false));
        assert_eq!(part.answers, [Answer { index: 1, text: Some("he".into()), done: false, called: false }]);
        let found = pieces(
            r#"{"id":"s1","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":3,"total_tokens":9}}"#,
        );
        assert!(found[0].part.as_ref().unwrap().last);
        assert_eq!(found[0].draft.numbers.len(), 4);
        let found = pieces(
            r#"{"id":"s1","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{}]},"finish_reason":"tool_calls"}]}"#,
        );
        assert_eq!(found[0].part.as_ref().unwrap().answers[0].text, None);
    }
}
