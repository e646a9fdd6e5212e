//! Events of a model's call: log records of their own, or events of the span.

use super::attributes::{Attributes, any};
use super::{nanos, span_key, timestamp};
use crate::record::draft::{Answer, Part, Pieces};
use crate::record::json::Json;
use crate::record::messages;

/// Reads one log record.
pub fn read(about: &Attributes<'_>, log: &Json<'_>, into: &mut Pieces<'_>) {
    let attributes = Attributes::of(Some(log));
    let name = log.first(&["eventName", "event_name"]).and_then(Json::text).filter(|name| !name.is_empty());
    let name = name.or_else(|| attributes.text(&["event.name"])).unwrap_or_default();
    if !name.starts_with("gen_ai.") {
        into.skipped += 1;
        return;
    }
    let body = log.get("body").map(|body| any(body, 0));
    let (asked, answers) = (asked(name, &attributes, body.as_ref()), answers(name, &attributes, body.as_ref()));
    if asked.is_none() && answers.is_empty() {
        // What the system said and what tools gave back: no question, and no answer.
        return;
    }
    let mut entry = into.entry();
    attributes.leaves(&mut entry);
    about.leaves(&mut entry);
    let stamp = nanos(log.first(&["timeUnixNano", "time_unix_nano"]))
        .or_else(|| nanos(log.first(&["observedTimeUnixNano", "observed_time_unix_nano"])));
    entry.time(stamp.and_then(timestamp));
    for (name, keys) in [("trace_id", ["traceId", "trace_id"]), ("span_id", ["spanId", "span_id"])] {
        let id = log.first(&keys).and_then(Json::text).filter(|id| !id.is_empty());
        id.into_iter().for_each(|id| entry.label(&[name], id));
    }
    log.first(&["spanId", "span_id"]).and_then(Json::text).into_iter().for_each(|id| entry.id(id));
    let model = attributes.text(&["gen_ai.request.model", "gen_ai.response.model"]);
    model.into_iter().for_each(|model| entry.label(&["model"], model));
    let agent = attributes.text(&["gen_ai.agent.id", "gen_ai.agent.name"]);
    agent.into_iter().for_each(|agent| entry.label(&["agent_id"], agent));
    if let Some(prompt) = asked {
        entry.prompt(&prompt);
    }
    match span_key(log) {
        Some(key) => {
            let draft = entry.done();
            into.part(draft, Part { key: key.into(), answers, last: false, alone: false });
        }
        None => {
            answers.iter().filter_map(|answer| answer.text.as_deref()).for_each(|text| entry.sample(text));
            let draft = entry.done();
            into.whole(draft);
        }
    }
}

/// A field of an event: in its body, or among its attributes.
fn field<'s>(attributes: &'s Attributes<'_>, body: Option<&'s Json<'_>>, key: &str) -> Option<&'s Json<'s>> {
    body.and_then(|body| body.get(key)).or_else(|| attributes.get(key))
}

/// The question that an event holds.
pub fn asked(name: &str, attributes: &Attributes<'_>, body: Option<&Json<'_>>) -> Option<String> {
    let value = match name {
        "gen_ai.user.message" => field(attributes, body, "content").or(body),
        "gen_ai.client.inference.operation.details" => field(attributes, body, "gen_ai.input.messages"),
        "gen_ai.content.prompt" => field(attributes, body, "gen_ai.prompt"),
        _ => None,
    };
    let mut found = None;
    messages::embedded(value?, |value| found = messages::asked(value));
    found
}

/// The answers that an event holds.
pub fn answers(name: &str, attributes: &Attributes<'_>, body: Option<&Json<'_>>) -> Vec<Answer> {
    let list = match name {
        "gen_ai.choice" => {
            let message = field(attributes, body, "message").or_else(|| field(attributes, body, "content"));
            let index = field(attributes, body, "index").and_then(Json::lenient_number).unwrap_or(0.0) as u32;
            let mut text = None;
            if let Some(message) = message {
                messages::embedded(message, |message| text = messages::content(message));
            }
            return vec![Answer { index, text, done: true, called: false }];
        }
        "gen_ai.client.inference.operation.details" => field(attributes, body, "gen_ai.output.messages"),
        "gen_ai.content.completion" => field(attributes, body, "gen_ai.completion"),
        _ => None,
    };
    let mut texts = Vec::new();
    if let Some(list) = list {
        messages::embedded(list, |list| texts = messages::answers(list));
    }
    (0..).zip(texts).map(|(index, text)| Answer { index, text: Some(text), done: true, called: false }).collect()
}
