//! Messages of a conversation, in the forms that tracing tools write them: a text, an object with a role and a content,
//! a list of such, or any of these as JSON inside a text.

use super::json::Json;

/// Nesting of a content that is looked into.
const DEPTH: usize = 8;

/// Hands over what a text holds as JSON, or the value itself.
pub fn embedded(json: &Json<'_>, mut then: impl FnMut(&Json<'_>)) {
    let inner = json.text().map(str::trim).filter(|text| text.starts_with(['{', '[', '"']));
    match inner.and_then(|text| Json::parse(text).ok()) {
        Some(inner) => then(&inner),
        None => then(json),
    }
}

/// Whether a message calls a tool.
pub fn calls(message: &Json<'_>) -> bool {
    message.first(&["tool_calls", "function_call", "toolCalls"]).is_some_and(|call| match call {
        Json::List(calls) => !calls.is_empty(),
        other => other.is_object(),
    })
}

/// The text of a content: a text, the texts of its parts, or what an object calls its text.
pub fn content(json: &Json<'_>) -> Option<String> {
    content_at(json, 0)
}

fn content_at(json: &Json<'_>, depth: usize) -> Option<String> {
    if depth > DEPTH {
        return None;
    }
    match json {
        Json::Text(text) => Some(text.to_string()),
        Json::List(parts) => {
            let texts: Vec<String> = parts.iter().filter_map(|part| content_at(part, depth + 1)).collect();
            (!texts.is_empty()).then(|| texts.join("\n"))
        }
        Json::Object(_) => {
            // What a model thought is not what it answered, nor is the call of a tool.
            let kind = json.get("type").and_then(Json::text);
            if kind.is_some_and(|kind| !matches!(kind, "text" | "output_text" | "input_text" | "message" | "refusal")) {
                return None;
            }
            let inner = json.first(&["content", "text", "parts", "refusal", "value", "output_text"])?;
            content_at(inner, depth + 1).filter(|text| !text.trim().is_empty() || !calls(json))
        }
        _ => None,
    }
}

fn role<'j>(json: &'j Json<'_>) -> Option<&'j str> {
    json.get("role").and_then(Json::text)
}

/// The question in an input: the user's last message, or the text that is all of it.
pub fn asked(input: &Json<'_>) -> Option<String> {
    let messages = input.get("messages").unwrap_or(input);
    let of_user = messages.items().iter().rev().find(|message| matches!(role(message), Some("user" | "human")));
    match (of_user, messages) {
        (Some(message), _) => content(message),
        (None, Json::List(items)) => items.last().and_then(content),
        (None, Json::Object(_)) => {
            let inner = messages.first(&["content", "prompt", "question", "query", "input", "text"])?;
            content(inner)
        }
        (None, other) => content(other),
    }
}

/// The answers in an output: each assistant message, each choice, or the text that is all of it.
pub fn answers(output: &Json<'_>) -> Vec<String> {
    if let Some(choices) = output.get("choices") {
        let answer = |choice: &Json<'_>| content(choice.get("message").unwrap_or(choice));
        return choices.items().iter().filter_map(answer).collect();
    }
    let messages = output.get("messages").unwrap_or(output);
    match messages {
        Json::List(items) if items.iter().any(|item| role(item).is_some()) => {
            let of_model = |item: &&Json<'_>| matches!(role(item), None | Some("assistant" | "model" | "ai"));
            items.iter().filter(of_model).filter_map(content).collect()
        }
        // Parts of one answer, or several answers that are plain texts.
        Json::List(items) if items.iter().all(|item| item.text().is_some()) => {
            items.iter().filter_map(content).collect()
        }
        Json::Object(_) if messages.first(&["content", "text", "parts", "refusal", "role", "type"]).is_none() => {
            let inner = messages.first(&["output", "completion", "answer", "response", "result", "generation"]);
            inner.and_then(content).into_iter().collect()
        }
        other => content(other).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked_in(text: &str) -> Option<String> {
        asked(&Json::parse(text).unwrap())
    }

    fn answers_in(text: &str) -> Vec<String> {
        answers(&Json::parse(text).unwrap())
    }

    #[test]
    fn questions() {
        for text in [
            r#""why?""#,
            r#"[{"role":"user","content":"no"},{"role":"user","content":"why?"},{"role":"assistant","content":"x"}]"#,
            r#"{"messages":[{"role":"user","parts":[{"type":"text","content":"why?"}]}]}"#,
            r#"{"question":"why?"}"#,
            r#"[{"role":"user","content":[{"type":"text","text":"why?"},{"type":"image_url","image_url":{"url":"u"}}]}]"#,
        ] {
            assert_eq!(asked_in(text).as_deref(), Some("why?"), "{text}");
        }
        assert_eq!(asked_in("{}"), None);
    }

    #[test]
    fn answers_of_all_forms() {
        for (text, want) in [
            (r#""a""#, vec!["a"]),
            (r#"["a","b"]"#, vec!["a", "b"]),
            (r#"{"role":"assistant","content":"a"}"#, vec!["a"]),
            (
                r#"[{"role":"assistant","content":"a"},{"role":"tool","content":"t"},{"role":"assistant","content":"b"}]"#,
                vec!["a", "b"],
            ),
            (r#"{"choices":[{"message":{"content":"a"}},{"text":"b"}]}"#, vec!["a", "b"]),
            (r#"{"completion":"a"}"#, vec!["a"]),
            (r#"{"role":"assistant","content":null,"tool_calls":[{"id":"c"}]}"#, vec![]),
            (
                r#"{"role":"assistant","parts":[{"type":"reasoning","content":"hm"},{"type":"text","content":"a"}]}"#,
                vec!["a"],
            ),
            (r#"{"role":"assistant","parts":[{"type":"tool_call","name":"f","arguments":{}}]}"#, vec![]),
            ("null", vec![]),
        ] {
            assert_eq!(answers_in(text), want, "{text}");
        }
    }

    #[test]
    fn json_inside_a_text_is_opened() {
        let mut found = None;
        embedded(&Json::Text(r#"{"content":"a"}"#.into()), |json| found = content(json));
        assert_eq!(found.as_deref(), Some("a"));
        embedded(&Json::Text("{not json".into()), |json| found = content(json));
        assert_eq!(found.as_deref(), Some("{not json"));
    }
}
