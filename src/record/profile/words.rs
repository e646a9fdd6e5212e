//! What names of fields say.

use crate::record::names::NO_BEHAVIOUR;

/// The words of a name, in lower case: `agentId`, `agent_id` and `agent-id` are `agent` and `id`.
pub(super) fn of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before_lower) {
            words.push(String::new());
        }
        before_lower = c.is_lowercase() || c.is_ascii_digit();
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn has(name: &str, known: &[&str]) -> bool {
    of(name).iter().any(|word| known.contains(&word.as_str()))
}

/// Names of what only holds a text.
pub(super) fn is_container(key: &str) -> bool {
    const CONTAINERS: [&str; 12] = [
        "text",
        "content",
        "value",
        "message",
        "parts",
        "output_text",
        "refusal",
        "body",
        "data",
        "delta",
        "string",
        "raw",
    ];
    CONTAINERS.contains(&key)
}

/// Whether it is about answers.
pub(super) fn of_answers(name: &str) -> bool {
    const ANSWERS: [&str; 14] = [
        "answer",
        "answers",
        "response",
        "responses",
        "output",
        "outputs",
        "completion",
        "completions",
        "reply",
        "replies",
        "sample",
        "samples",
        "generation",
        "generations",
    ];
    has(name, &ANSWERS)
}

/// Whether it is about questions.
pub(super) fn of_prompts(name: &str) -> bool {
    has(
        name,
        &["prompt", "prompts", "question", "questions", "query", "input", "inputs", "instruction", "instructions"],
    )
}

/// Whether it is about a text that is neither.
pub(super) fn is_other(name: &str) -> bool {
    const OTHER: [&str; 26] = [
        "system",
        "template",
        "version",
        "error",
        "errors",
        "exception",
        "stack",
        "trace",
        "traceback",
        "log",
        "url",
        "uri",
        "path",
        "context",
        "document",
        "documents",
        "chunk",
        "description",
        "reason",
        "agent",
        "header",
        "headers",
        "reasoning",
        "thinking",
        "tool",
        "status",
    ];
    has(name, &OTHER)
}

/// Whether it is that of an id, a time, a place in a list, a version: of no behaviour.
pub(super) fn is_no_behaviour(name: &str) -> bool {
    of(name).last().is_some_and(|word| NO_BEHAVIOUR.contains(&word.as_str()))
}

/// How well a label serves as the group key by its name; `None` if it does not.
pub(super) fn key_rank(name: &str) -> Option<u8> {
    const OUTCOMES: [&str; 29] = [
        "level",
        "severity",
        "status",
        "finish",
        "role",
        "type",
        "object",
        "error",
        "state",
        "stream",
        "kind",
        "outcome",
        "prompt",
        "reason",
        "trace",
        "request",
        "session",
        "conversation",
        "thread",
        "correlation",
        "sample",
        "index",
        "fingerprint",
        "version",
        "hash",
        "tier",
        "parent",
        "observation",
        "span",
    ];
    let last = name.rsplit('.').next().unwrap_or(name);
    if has(last, &OUTCOMES) || name.contains('[') && !name.starts_with("[\"") {
        return None;
    }
    // `agent.name` is about an agent too.
    let last = name.rmatch_indices('.').nth(1).map_or(name, |(at, _)| &name[at..]);
    Some(match () {
        () if name == "agent_id" => 0,
        () if has(last, &["agent", "bot", "assistant"]) => 1,
        () if has(last, &["service", "app", "application", "component", "worker"]) => 2,
        () if name == "model" => 3,
        () if has(last, &["model", "deployment", "engine"]) => 4,
        () if has(last, &["tenant", "customer", "team", "org", "project"]) => 5,
        () => 6,
    })
}

/// Whether it is a duration of the answer, in whatever unit: the record's `latency_ms` is made of it.
pub(super) fn is_latency(name: &str) -> bool {
    const LATENCY: [&str; 5] = ["latency", "duration", "elapsed", "took", "ms"];
    !name.contains('.') && (has(name, &LATENCY) || of(name) == ["response", "time"])
}

/// How well a label tells by its name which answers belong together; `None` if it does not.
pub(super) fn group_rank(name: &str) -> Option<u8> {
    if key_rank(name).is_some_and(|rank| rank < 6) {
        return None;
    }
    let words = of(name.rsplit('.').next().unwrap_or(name));
    let has = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
    Some(match () {
        () if has(&["user", "customer", "tenant", "team"]) => return None,
        () if has(&["trace"]) => 0,
        () if has(&["request", "group", "correlation", "batch", "run", "parent"]) => 1,
        () if has(&["conversation", "session", "thread"]) => 2,
        () if is_no_behaviour(name) && !has(&["id", "uuid", "uid"]) => return None,
        () => 3,
    })
}

/// The unit of a number, where its name says it.
pub(super) fn unit(name: &str) -> Option<&'static str> {
    let words = of(name.rsplit('.').next().unwrap_or(name));
    let last = words.last()?.as_str();
    let has = |known: &str| words.iter().any(|word| word == known);
    match last {
        "ms" | "millis" | "milliseconds" => Some("ms"),
        "s" | "sec" | "secs" | "seconds" => Some("s"),
        "usd" => Some("USD"),
        "eur" => Some("EUR"),
        "bytes" => Some("bytes"),
        "pct" | "percent" => Some("%"),
        "tokens" => Some("tokens"),
        _ if has("tokens") && !has("per") => Some("tokens"),
        _ => None,
    }
}

/// Whether a number is a share of something by its name: it can't be above 1 if none was.
pub(super) fn is_share(name: &str) -> bool {
    let words = of(name);
    let known = ["score", "share", "ratio", "probability", "prob", "confidence", "similarity", "rate", "risk"];
    words.last().is_some_and(|word| known.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fall_into_words() {
        assert_eq!(of("metrics.agentId-x_2"), ["metrics", "agent", "id", "x", "2"]);
        assert_eq!(of("metrics[\"value at risk\"]"), ["metrics", "value", "at", "risk"]);
        assert!(of("").is_empty() && of("..").is_empty());
    }

    #[test]
    fn names_say_what_they_are() {
        assert_eq!(
            (unit("latency_ms"), unit("metrics.cost_usd"), unit("usage.promptTokens")),
            (Some("ms"), Some("USD"), Some("tokens"))
        );
        assert_eq!((unit("tokens_out"), unit("tokens_per_s"), unit("x")), (Some("tokens"), Some("s"), None));
        assert!(is_no_behaviour("a.createdAt") && is_no_behaviour("request_id") && !is_no_behaviour("latency_ms"));
        assert!(key_rank("agent_id") < key_rank("metadata.bot") && key_rank("metadata.bot") < key_rank("model"));
        assert_eq!((key_rank("finish_reason"), key_rank("choices[0].name")), (None, None));
        assert!(
            group_rank("trace_id") < group_rank("ref")
                && group_rank("agent_id").is_none()
                && group_rank("ts").is_none()
        );
    }
}
