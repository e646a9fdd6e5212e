//! Spans: what a call of a model took and used, and, where content is switched on, what was asked and answered.

use std::collections::BTreeMap;

use super::attributes::Attributes;
use super::{logs, nanos, span_key, timestamp};
use crate::record::draft::{Entry, Part, Pieces};
use crate::record::json::Json;
use crate::record::messages;

/// Operations of the GenAI conventions that are no answer of a model to a question.
const OTHER_OPERATIONS: [&str; 5] = ["execute_tool", "embeddings", "create_agent", "invoke_agent", "invoke_workflow"];

/// Answers of one span that are looked for by their index.
const MOST: usize = 64;

/// Reads one span.
pub fn read(about: &Attributes<'_>, span: &Json<'_>, into: &mut Pieces<'_>) {
    let attributes = Attributes::of(Some(span));
    if !is_call(&attributes) {
        into.skipped += 1;
        return;
    }
    let mut entry = into.entry();
    attributes.leaves(&mut entry);
    about.leaves(&mut entry);
    facts(&mut entry, span, &attributes);
    if let Some(prompt) = asked(&attributes) {
        entry.prompt(&prompt);
    }
    let mut answers = answers(&attributes);
    let mut of_events = Vec::new();
    for event in span.get("events").map(Json::items).unwrap_or_default() {
        let name = event.get("name").and_then(Json::text).unwrap_or_default();
        let of_event = Attributes::of(Some(event));
        if let Some(prompt) = logs::asked(name, &of_event, None) {
            entry.prompt(&prompt);
        }
        of_events.extend(logs::answers(name, &of_event, None));
    }
    if answers.is_empty() {
        of_events.sort_by_key(|answer| answer.index);
        answers.extend(of_events.into_iter().filter_map(|answer| answer.text));
    }
    answers.iter().for_each(|answer| entry.sample(answer));
    let draft = entry.done();
    match span_key(span).filter(|_| draft.samples.is_empty()) {
        // Its content may stand in log records.
        Some(key) => into.part(draft, Part { key: key.into(), answers: Vec::new(), last: false, alone: true }),
        None => into.whole(draft),
    }
}

/// Whether a span is the call of a model.
fn is_call(attributes: &Attributes<'_>) -> bool {
    if let Some(kind) = attributes.text(&["openinference.span.kind"]) {
        return kind.eq_ignore_ascii_case("LLM");
    }
    if let Some(operation) = attributes.text(&["gen_ai.operation.name"]) {
        return !OTHER_OPERATIONS.contains(&operation);
    }
    let known = ["gen_ai.request.model", "gen_ai.response.model", "llm.model_name", "llm.request.type"];
    known.iter().any(|key| attributes.get(key).is_some())
}

/// Identity, times, model, tokens.
fn facts(entry: &mut Entry<'_>, span: &Json<'_>, attributes: &Attributes<'_>) {
    let text = |keys: &[&str]| span.first(keys).and_then(Json::text).filter(|text| !text.is_empty());
    text(&["spanId", "span_id"]).into_iter().for_each(|id| entry.id(id));
    let labels = [
        ("trace_id", text(&["traceId", "trace_id"])),
        ("span_id", text(&["spanId", "span_id"])),
        ("span_name", text(&["name"])),
        ("model", attributes.text(&["gen_ai.request.model", "gen_ai.response.model", "llm.model_name"])),
        ("agent_id", attributes.text(&["gen_ai.agent.id", "gen_ai.agent.name", "agent.name"])),
    ];
    for (name, value) in labels {
        value.into_iter().for_each(|value| entry.label(&[name], value));
    }
    let start = nanos(span.first(&["startTimeUnixNano", "start_time_unix_nano"]));
    let end = nanos(span.first(&["endTimeUnixNano", "end_time_unix_nano"]));
    entry.time(end.or(start).and_then(timestamp));
    if let (Some(start), Some(end)) = (start, end) {
        entry.latency_ms((i128::from(end) - i128::from(start)) as f64 / 1e6);
    }
    let tokens = [
        ("input_tokens", ["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt"]),
        (
            "output_tokens",
            ["gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion"],
        ),
        ("total_tokens", ["gen_ai.usage.total_tokens", "llm.usage.total_tokens", "llm.token_count.total"]),
    ];
    for (name, keys) in tokens {
        attributes.number(&keys).into_iter().for_each(|tokens| entry.number(&["metrics", name], tokens));
    }
    let cost = attributes.number(&["gen_ai.usage.cost", "llm.cost.total"]);
    cost.into_iter().for_each(|cost| entry.number(&["metrics", "cost_usd"], cost));
    let failed = span.get("status").and_then(|status| status.get("code")).is_some_and(|code| match code {
        Json::Text(word) => word == "STATUS_CODE_ERROR",
        other => other.number() == Some(2.0),
    });
    if failed {
        entry.label(&["error"], "true");
    }
}

/// The question, in whichever convention it stands.
fn asked(attributes: &Attributes<'_>) -> Option<String> {
    if let Some(input) = attributes.get("gen_ai.input.messages") {
        let mut found = None;
        messages::embedded(input, |input| found = messages::asked(input));
        return found;
    }
    let of_user = |prefix: &str| {
        let messages = indexed(attributes, prefix);
        let is_user = |message: &&Message| message.role.is_none() || message.role.as_deref() == Some("user");
        messages.into_values().rev().find(|message| is_user(&message)).and_then(|message| message.text)
    };
    of_user("llm.input_messages.").or_else(|| of_user("gen_ai.prompt.")).or_else(|| {
        let mut found = None;
        messages::embedded(attributes.get("input.value")?, |input| found = messages::asked(input));
        found
    })
}

/// The answers, in whichever convention they stand.
fn answers(attributes: &Attributes<'_>) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(output) = attributes.get("gen_ai.output.messages") {
        messages::embedded(output, |output| found = messages::answers(output));
        return found;
    }
    for prefix in ["llm.output_messages.", "gen_ai.completion."] {
        let of_model = |message: &Message| matches!(message.role.as_deref(), None | Some("assistant" | "model" | "ai"));
        let messages = indexed(attributes, prefix).into_values().filter(of_model);
        found.extend(messages.filter_map(Message::answer));
    }
    if let (true, Some(output)) = (found.is_empty(), attributes.get("output.value")) {
        // An answer that only calls a tool has its call there, and no text.
        if !attributes.any_below("llm.output_messages.") {
            messages::embedded(output, |output| found = messages::answers(output));
        }
    }
    found
}

/// A message put together from attributes of its own.
#[derive(Debug, Default)]
struct Message {
    role: Option<String>,
    text: Option<String>,
    called: bool,
}

impl Message {
    /// The answer; a call of a tool that says nothing is none.
    fn answer(self) -> Option<String> {
        self.text.filter(|text| !self.called || !text.trim().is_empty())
    }
}

/// Messages by their index, of attributes such as `llm.output_messages.0.message.content`.
fn indexed(attributes: &Attributes<'_>, prefix: &str) -> BTreeMap<usize, Message> {
    let mut messages: BTreeMap<usize, Message> = BTreeMap::new();
    for (rest, value) in attributes.below(prefix) {
        let Some((index, field)) = rest.split_once('.') else { continue };
        let Some(index) = index.parse().ok().filter(|index| *index < MOST || messages.len() < MOST) else { continue };
        let message = messages.entry(index).or_default();
        let field = field.strip_prefix("message.").unwrap_or(field);
        message.called |= field.starts_with("tool_calls") || field.starts_with("function_call");
        let Some(text) = value.text() else { continue };
        match field {
            "role" => message.role = Some(text.to_owned()),
            "content" => message.text = Some(text.to_owned()),
            // `contents.0.message_content.text`: parts, in their order.
            part if part.starts_with("contents.") && part.ends_with("message_content.text") => {
                match &mut message.text {
                    Some(held) => {
                        held.push('\n');
                        held.push_str(text);
                    }
                    none => *none = Some(text.to_owned()),
                }
            }
            _ => {}
        }
    }
    messages
}
