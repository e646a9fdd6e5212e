//! Logs of one's own making: the usual names of an answer, a question, a time and a duration are looked for at the top
//! of an object. What has other names is told by `--map`.

use super::draft::{Entry, Pieces};
use super::json::Json;
use super::messages;
use super::{LABEL_BYTES, latency, time};

/// Names of a list of answers.
pub const ANSWERS: [&str; 13] = [
    "samples",
    "answers",
    "responses",
    "outputs",
    "completions",
    "candidates",
    "generations",
    "generated_texts",
    "choices",
    "predictions",
    "replies",
    "results",
    "texts",
];

/// Names of the one answer.
pub const ANSWER: [&str; 11] = [
    "answer",
    "response",
    "output",
    "completion",
    "generation",
    "generated_text",
    "reply",
    "prediction",
    "model_output",
    "assistant",
    "result",
];

/// Names of the question.
pub const PROMPT: [&str; 9] =
    ["prompt", "input", "question", "query", "user_input", "user_message", "instruction", "messages", "user"];

const ID: [&str; 9] =
    ["id", "request_id", "requestId", "uuid", "_id", "event_id", "message_id", "correlation_id", "request"];
const TIME: [&str; 10] =
    ["ts", "timestamp", "created_at", "@timestamp", "time", "datetime", "event_time", "start_time", "created", "date"];
const AGENT: [&str; 7] = ["agent_id", "agent", "bot", "assistant_id", "agent_name", "service", "app"];
const MODEL: [&str; 5] = ["model", "model_name", "model_id", "deployment", "engine"];
const COST: [&str; 5] = ["cost_usd", "cost", "total_cost", "price_usd", "usd"];
const TOKENS: [(&str, [&str; 4]); 3] = [
    ("input_tokens", ["input_tokens", "prompt_tokens", "tokens_in", "inputTokens"]),
    ("output_tokens", ["output_tokens", "completion_tokens", "tokens_out", "outputTokens"]),
    ("total_tokens", ["total_tokens", "tokens", "totalTokens", "token_count"]),
];

/// Texts that are the samples or the prompt.
const SKIPPED: [&str; 4] = ["logprobs", "embedding", "embeddings", "messages"];

/// The field that holds the answers of an object, if one of the usual names has texts.
pub fn signature(json: &Json<'_>) -> Option<&'static str> {
    let list = ANSWERS.iter().find(|name| json.get(name).is_some_and(|list| !texts(list).is_empty()));
    list.or_else(|| ANSWER.iter().find(|name| json.get(name).is_some_and(|one| one.text().is_some()))).copied()
}

/// Reads one value.
pub fn read(json: &Json<'_>, into: &mut Pieces<'_>) {
    let mut entry = into.entry();
    leaves(&mut entry, json);
    fields(&mut entry, json, &[]);
    let draft = entry.done();
    into.whole(draft);
}

/// All numbers and labels; texts that are answers are left out.
pub fn leaves(entry: &mut Entry<'_>, json: &Json<'_>) {
    let answers = signature(json);
    let skipped: Vec<&str> = SKIPPED.into_iter().chain(answers).collect();
    entry.leaves(&[], json, &skipped);
}

/// What the usual names say of fields that were not told elsewhere.
pub fn fields(entry: &mut Entry<'_>, json: &Json<'_>, told: &[&str]) {
    let open = |field: &str| !told.contains(&field);
    match json.first(&ID).filter(|_| open("id")) {
        // Some name of the list may hold a whole request: that is nobody's identity.
        Some(Json::Text(id)) if id.len() <= LABEL_BYTES => entry.id(id),
        Some(Json::Whole(id)) => entry.id(&id.to_string()),
        _ => {}
    }
    if open("ts") {
        entry.time(TIME.iter().find_map(|name| json.get(name).and_then(time::of)));
    }
    if let Some(ms) = latency::of(json).filter(|_| open("latency_ms")) {
        entry.latency_ms(ms);
    }
    for (name, keys) in [("agent_id", &AGENT[..]), ("model", &MODEL)] {
        let value = keys.iter().find_map(|key| json.get(key)?.text()).filter(|_| open(name));
        value.into_iter().for_each(|value| entry.label(&[name], value));
    }
    let mut metric = |name: &str, value: Option<f64>| {
        let value = value.filter(|_| open(&format!("metrics.{name}")));
        value.into_iter().for_each(|value| entry.number(&["metrics", name], value));
    };
    metric("cost_usd", json.first(&COST).and_then(Json::number));
    for (name, keys) in TOKENS {
        let holder = json.get("usage").filter(|usage| usage.is_object());
        metric(name, json.first(&keys).or_else(|| holder?.first(&keys)).and_then(Json::number));
    }
    if let Some(prompt) =
        PROMPT.iter().find_map(|name| json.get(name).and_then(messages::asked)).filter(|_| open("prompt"))
    {
        entry.prompt(&prompt);
    }
    if open("samples") {
        answers(json).iter().for_each(|answer| entry.sample(answer));
    }
}

fn answers(json: &Json<'_>) -> Vec<String> {
    let Some(name) = signature(json) else { return Vec::new() };
    let value = json.get(name).unwrap_or(&Json::Null);
    match value {
        Json::List(_) => texts(value),
        other => messages::content(other).into_iter().collect(),
    }
}

/// The texts of a list: of each element that is one, or holds one.
pub fn texts(list: &Json<'_>) -> Vec<String> {
    let text = |item: &Json<'_>| messages::content(item.get("message").unwrap_or(item));
    list.items().iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::super::draft::Maker;
    use super::super::{Limits, Origin, Record};
    use super::*;

    fn record(text: &str) -> Record {
        let mut maker = Maker::new(Limits::default(), &[]);
        let json = Json::parse(text).unwrap();
        let mut into = Pieces::new(&mut maker);
        read(&json, &mut into);
        let draft = into.found.remove(0).draft;
        maker.record(draft, Origin::nowhere(), "".into())
    }

    #[test]
    fn usual_names_are_known() {
        let record = record(
            r#"{"time":"2026-03-04T09:00:00Z","request":"r-1","question":"why?","answers":["a","b"],"bot":"support-eu","ms":812,"score":0.5,"cost":0.0021}"#,
        );
        assert_eq!((&*record.id, &*record.key, record.prompt.as_deref()), ("r-1", "support-eu", Some("why?")));
        assert_eq!((record.samples.len(), record.latency_ms), (2, Some(812.0)));
        assert_eq!((record.number("score"), record.number("metrics.cost_usd")), (Some(0.5), Some(0.0021)));
        assert!(record.labels.iter().all(|(name, _)| !name.as_str().starts_with("answers")));
    }

    #[test]
    fn one_answer_and_lists_of_objects() {
        assert_eq!(record(r#"{"answer":"a"}"#).samples.len(), 1);
        assert_eq!(record(r#"{"candidates":[{"text":"a"},{"content":"b"}]}"#).samples.len(), 2);
        assert_eq!(record(r#"{"text":"a log line","level":"info"}"#).samples.len(), 0);
    }
}
