//! Langfuse observations: rows of its export (snake_case) and objects of its API (camelCase).
//!
//! Only generations are answers of a model; other observations are counted and left out. What an answer took is the
//! difference of its two times: the unit of the field `latency` has changed over Langfuse's versions.

use super::draft::{Entry, Pieces};
use super::json::Json;
use super::messages;
use super::time;

/// What an observation may be.
const TYPES: [&str; 10] =
    ["GENERATION", "SPAN", "EVENT", "AGENT", "TOOL", "CHAIN", "RETRIEVER", "EVALUATOR", "EMBEDDING", "GUARDRAIL"];

/// Texts that are the samples or the prompt.
const SKIPPED: [&str; 5] = ["input", "output", "metadata", "modelParameters", "model_parameters"];

/// What shows that a value is of this format.
pub fn signature(json: &Json<'_>) -> Option<&'static str> {
    if let Some(first) = page(json).and_then(<[_]>::first) {
        return signature(first).map(|_| "`data[]` or `observations[]` of Langfuse");
    }
    if batch(json).is_some() {
        return Some("`batch[]` of a Langfuse ingestion");
    }
    let kind = json.get("type").and_then(Json::text)?;
    let known = TYPES.iter().any(|known| known.eq_ignore_ascii_case(kind));
    let camel = json.get("traceId").is_some() && json.get("startTime").is_some();
    let snake = json.get("trace_id").is_some() && json.get("start_time").is_some();
    match (known, camel, snake) {
        (true, true, _) => Some("`type`, `traceId` and `startTime` of Langfuse observations"),
        (true, _, true) => Some("`type`, `trace_id` and `start_time` of Langfuse observations"),
        _ => None,
    }
}

/// The observations of an answer of the API, which holds a page of them, or a trace with its own.
fn page<'j, 'a>(json: &'j Json<'a>) -> Option<&'j [Json<'a>]> {
    json.first(&["data", "observations"]).map(Json::items).filter(|items| items.iter().any(Json::is_object))
}

/// The events of an ingestion: what stands in `body` is of the kind that the event's `type` names.
fn batch<'j, 'a>(json: &'j Json<'a>) -> Option<&'j [Json<'a>]> {
    let is_event = |event: &Json<'_>| {
        let kind = event.get("type").and_then(Json::text).unwrap_or_default();
        event.get("body").is_some() && (kind.ends_with("-create") || kind.ends_with("-update"))
    };
    json.get("batch").map(Json::items).filter(|items| items.iter().any(is_event))
}

/// Reads one value.
pub fn read(json: &Json<'_>, into: &mut Pieces<'_>) {
    if json.get("type").is_none()
        && let Some(page) = page(json)
    {
        return page.iter().for_each(|observation| read(observation, into));
    }
    if let Some(events) = batch(json) {
        for event in events {
            match event.get("type").and_then(Json::text) {
                Some("generation-create") => generation(event.get("body").unwrap_or(&Json::Null), into),
                _ => into.skipped += 1,
            }
        }
        return;
    }
    let kind = json.get("type").and_then(Json::text).unwrap_or_default();
    if !kind.eq_ignore_ascii_case("GENERATION") {
        into.skipped += 1;
        return;
    }
    generation(json, into);
}

fn generation(json: &Json<'_>, into: &mut Pieces<'_>) {
    let mut entry = into.entry();
    entry.leaves(&[], json, &SKIPPED);
    if let Some(metadata) = json.get("metadata") {
        messages::embedded(metadata, |metadata| entry.leaves(&["metadata"], metadata, &[]));
    }
    observation(&mut entry, json);
    let draft = entry.done();
    into.whole(draft);
}

fn observation(entry: &mut Entry<'_>, json: &Json<'_>) {
    let text = |keys: &[&str]| json.first(keys).and_then(Json::text);
    text(&["id"]).into_iter().for_each(|id| entry.id(id));
    let start = json.first(&["startTime", "start_time"]).and_then(time::of);
    let end = json.first(&["endTime", "end_time"]).and_then(time::of);
    entry.time(end.or(start));
    if let (Some(start), Some(end)) = (start, end) {
        entry.latency_ms(end.duration_since(start).as_secs_f64() * 1e3);
    }
    let model = text(&["model", "provided_model_name", "providedModelName", "internalModel", "internal_model"]);
    model.into_iter().for_each(|model| entry.label(&["model"], model));
    text(&["traceId", "trace_id"]).into_iter().for_each(|id| entry.label(&["trace_id"], id));
    let agent = json.at(&["metadata", "agent_id"]).and_then(Json::text);
    agent.into_iter().for_each(|agent| entry.label(&["agent_id"], agent));
    usage(entry, json);
    if text(&["level"]) == Some("ERROR") {
        entry.label(&["error"], "true");
    }
    if let Some(input) = json.get("input") {
        messages::embedded(input, |input| {
            messages::asked(input).into_iter().for_each(|prompt| entry.prompt(&prompt));
        });
    }
    if let Some(output) = json.get("output") {
        messages::embedded(output, |output| {
            messages::answers(output).iter().for_each(|answer| entry.sample(answer));
        });
    }
}

/// Tokens and cost, under the names that all formats share.
fn usage(entry: &mut Entry<'_>, json: &Json<'_>) {
    let details = json.first(&["usageDetails", "usage_details"]);
    let costs = json.first(&["costDetails", "cost_details"]);
    let tokens = [
        ("input_tokens", ["input", "promptTokens", "prompt_tokens"]),
        ("output_tokens", ["output", "completionTokens", "completion_tokens"]),
        ("total_tokens", ["total", "totalTokens", "total_tokens"]),
    ];
    for (name, keys) in tokens {
        let found = details.into_iter().chain(json.get("usage")).find_map(|usage| {
            let mut found = None;
            messages::embedded(usage, |usage| found = usage.first(&keys).and_then(Json::lenient_number));
            found
        });
        found.into_iter().for_each(|tokens| entry.number(&["metrics", name], tokens));
    }
    let mut cost = json.first(&["totalCost", "total_cost", "calculatedTotalCost"]).and_then(Json::lenient_number);
    if let (None, Some(costs)) = (cost, costs) {
        messages::embedded(costs, |costs| cost = costs.get("total").and_then(Json::lenient_number));
    }
    cost.into_iter().for_each(|cost| entry.number(&["metrics", "cost_usd"], cost));
}

#[cfg(test)]
mod tests {
    use super::super::draft::Maker;
    use super::super::{Limits, Record};
    use super::*;

    fn records(text: &str) -> (Vec<Record>, u64) {
        let mut maker = Maker::new(Limits::default(), &[]);
        let json = Json::parse(text).unwrap();
        assert!(signature(&json).is_some(), "{text}");
        let mut into = Pieces::new(&mut maker);
        read(&json, &mut into);
        let Pieces { found, skipped, .. } = into;
        let record = |piece: super::super::draft::Piece| {
            Maker::new(Limits::default(), &[]).record(piece.draft, super::super::Origin::nowhere(), "".into())
        };
        (found.into_iter().map(record).collect(), skipped)
    }

    #[test]
    fn rows_and_objects_say_the_same() {
        let camel = r#"{"id":"o1","traceId":"t1","type":"GENERATION","startTime":"2026-02-17T12:34:55.000Z","endTime":"2026-02-17T12:34:56.250Z",
            "model":"gpt-4o","input":[{"role":"system","content":"s"},{"role":"user","content":"why?"}],"output":{"role":"assistant","content":"because"},
            "usage":{"input":7,"output":5,"total":12,"unit":"TOKENS"},"latency":1250,"totalCost":0.01}"#;
        let snake = r#"{"id":"o1","trace_id":"t1","type":"GENERATION","start_time":"2026-02-17 12:34:55.000000","end_time":"2026-02-17 12:34:56.250000",
            "provided_model_name":"gpt-4o","input":"[{\"role\":\"user\",\"content\":\"why?\"}]","output":"because",
            "usage_details":"{\"input\":7,\"output\":5,\"total\":12}","latency":1.25,"cost_details":{"total":0.01}}"#;
        for text in [camel, snake] {
            let (records, _) = records(text);
            let record = &records[0];
            assert_eq!((&*record.id, &*record.key, record.latency_ms), ("o1", "gpt-4o", Some(1250.0)), "{text}");
            assert_eq!(record.ts.unwrap().to_string(), "2026-02-17T12:34:56.25Z");
            assert_eq!((record.prompt.as_deref(), &*record.samples[0]), (Some("why?"), "because"));
            assert_eq!(record.number("metrics.output_tokens"), Some(5.0));
            assert_eq!(record.number("metrics.cost_usd"), Some(0.01));
            assert_eq!(record.label("trace_id").map(|l| &**l), Some("t1"));
        }
    }

    #[test]
    fn traces_and_ingestions_hold_generations() {
        let one = r#"{"id":"g","traceId":"t","type":"GENERATION","startTime":"2026-02-17T12:34:55Z","output":"a"}"#;
        for (text, others) in [
            (format!(r#"{{"id":"t","name":"n","output":"the trace's own","observations":[{one}]}}"#), 0),
            (
                format!(
                    r#"{{"batch":[{{"type":"trace-create","body":{{"id":"t"}}}},{{"type":"generation-create","body":{one}}}]}}"#
                ),
                1,
            ),
        ] {
            let (found, skipped) = records(&text);
            assert_eq!((found.len(), &*found[0].samples[0], skipped), (1, "a", others), "{text}");
        }
    }

    #[test]
    fn other_observations_are_left_out() {
        let span = r#"{"id":"s","traceId":"t","type":"SPAN","startTime":"2026-02-17T12:34:55Z"}"#;
        let (none, skipped) = records(span);
        assert_eq!((none.len(), skipped), (0, 1));
        let generation = span.replace("SPAN", "GENERATION");
        let (some, skipped) = records(&format!("{{\"data\":[{span},{generation}],\"meta\":{{\"page\":1}}}}"));
        assert_eq!((some.len(), skipped), (1, 1));
        assert_eq!((some[0].samples.len(), some[0].latency_ms), (0, None));
    }
}
