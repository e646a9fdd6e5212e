//! What gateways make of requests and responses: bodies as texts, other names for the two, a stream's chunks in one field.

use std::borrow::Cow;

use crate::record::json::Json;

/// Other names that gateways give to a request and to a response.
const NAMES: [(&str, &str); 4] =
    [("req", "request"), ("request_body", "request"), ("res", "response"), ("response_body", "response")];

/// Fields whose texts may be bodies.
const BODIES: [&str; 4] = ["request", "response", "body", "output"];

/// The value with its bodies opened and named as usual; `None` where there is nothing to open.
pub fn opened<'j>(json: &'j Json<'_>) -> Option<Json<'j>> {
    let mut changed = false;
    let mut entries: Vec<(Cow<'j, str>, Json<'j>)> = Vec::new();
    for (key, value) in json.entries() {
        let usual = NAMES.iter().find(|(other, usual)| other == key && json.get(usual).is_none());
        let name = usual.map_or(&**key, |(_, usual)| usual);
        let inner = if BODIES.contains(&name) { body(value) } else { None };
        changed |= inner.is_some() || (usual.is_some() && value.is_object());
        entries.push((Cow::Borrowed(name), inner.unwrap_or_else(|| value.clone())));
    }
    changed.then_some(Json::Object(entries))
}

/// A body that is a text, or has one as its own `body`.
fn body<'j>(value: &'j Json<'_>) -> Option<Json<'j>> {
    match value {
        Json::Text(text) => text_body(text),
        Json::Object(_) => {
            let inner = text_body(value.get("body")?.text()?)?;
            let rest = value.entries().iter().filter(|(key, _)| key != "body");
            let mut entries: Vec<(Cow<'j, str>, Json<'j>)> =
                rest.map(|(key, value)| (Cow::Borrowed(&**key), value.clone())).collect();
            entries.push((Cow::Borrowed("body"), inner));
            Some(Json::Object(entries))
        }
        _ => None,
    }
}

/// JSON in a text, or the events of a stream in one.
fn text_body(text: &str) -> Option<Json<'_>> {
    let text = text.trim();
    if text.starts_with(['{', '[']) {
        return Json::parse(text).ok();
    }
    if !text.starts_with("data:") {
        return None;
    }
    let events = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let chunks: Vec<Json<'_>> = events.filter_map(|event| Json::parse(event.trim()).ok()).collect();
    (!chunks.is_empty()).then_some(Json::List(chunks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_opened_wherever_they_lie() {
        for (text, path) in [
            (r#"{"response":"{\"id\":7}"}"#, &["response", "id"][..]),
            (r#"{"res":{"id":7}}"#, &["response", "id"]),
            (r#"{"response":{"body":"{\"id\":7}","status":200}}"#, &["response", "body", "id"]),
            (r#"{"request_body":"{\"id\":7}"}"#, &["request", "id"]),
        ] {
            let json = Json::parse(text).unwrap();
            let opened = opened(&json).unwrap();
            assert_eq!(opened.at(path), Some(&Json::Whole(7)), "{text}");
        }
        let events = Json::parse(r#"{"response":"data: {\"id\":1}\n\ndata: {\"id\":2}\n\ndata: [DONE]\n"}"#).unwrap();
        assert_eq!(opened(&events).unwrap().get("response").unwrap().items().len(), 2);
        for plain in [r#"{"response":"an answer"}"#, r#"{"response":{"id":7}}"#, r#"{"body":"{no json"}"#, "7"] {
            assert!(opened(&Json::parse(plain).unwrap()).is_none(), "{plain}");
        }
    }
}
