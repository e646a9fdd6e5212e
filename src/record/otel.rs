//! OpenTelemetry: lines of the file exporter (OTLP as JSON) with spans or log records of generative models.
//!
//! Three conventions are read: the GenAI semantic conventions from 1.37 on (`gen_ai.output.messages`, an attribute),
//! those up to 1.36 (`gen_ai.choice`, an event of the span or of the log), and OpenInference
//! (`llm.output_messages.N…`, one attribute a field). What is no call of a model is counted and left out.

mod attributes;
mod logs;
mod spans;

use super::draft::Pieces;
use super::json::Json;
use attributes::Attributes;
use jiff::Timestamp;

/// What shows that a value is of this format.
pub fn signature(json: &Json<'_>) -> Option<&'static str> {
    let has = |keys: &[&str]| json.first(keys).is_some_and(|list| matches!(list, Json::List(_)));
    match () {
        () if has(&["resourceSpans", "resource_spans"]) => Some("`resourceSpans` of OTLP"),
        () if has(&["resourceLogs", "resource_logs"]) => Some("`resourceLogs` of OTLP"),
        () if has(&["resourceMetrics", "resource_metrics"]) => Some("`resourceMetrics` of OTLP"),
        () => None,
    }
}

/// Reads one value.
pub fn read(json: &Json<'_>, into: &mut Pieces<'_>) {
    let lists = |json: &Json<'_>, keys: &[&str]| json.first(keys).map(Json::items).unwrap_or_default().len();
    for resource in json.first(&["resourceSpans", "resource_spans"]).map(Json::items).unwrap_or_default() {
        let scopes = resource.first(&["scopeSpans", "scope_spans", "instrumentationLibrarySpans"]);
        let about = Attributes::of_resource(resource);
        for span in scopes.map(Json::items).unwrap_or_default().iter().filter_map(|s| s.get("spans")) {
            span.items().iter().for_each(|span| spans::read(&about, span, into));
        }
    }
    for resource in json.first(&["resourceLogs", "resource_logs"]).map(Json::items).unwrap_or_default() {
        let scopes = resource.first(&["scopeLogs", "scope_logs", "instrumentationLibraryLogs"]);
        let scopes = scopes.map(Json::items).unwrap_or_default();
        let about = Attributes::of_resource(resource);
        for log in scopes.iter().filter_map(|scope| scope.first(&["logRecords", "log_records"])) {
            log.items().iter().for_each(|log| logs::read(&about, log, into));
        }
    }
    into.skipped += lists(json, &["resourceMetrics", "resource_metrics"]) as u64;
}

/// A time in nanoseconds, which OTLP writes as a text; 0 is none.
fn nanos(json: Option<&Json<'_>>) -> Option<i64> {
    let nanos = match json? {
        Json::Whole(nanos) => *nanos,
        Json::Text(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (nanos > 0).then_some(nanos)
}

fn timestamp(nanos: i64) -> Option<Timestamp> {
    Timestamp::from_nanosecond(i128::from(nanos)).ok()
}

/// The key under which the parts of one span find one another.
fn span_key(json: &Json<'_>) -> Option<String> {
    let id = |keys: &[&str]| json.first(keys).and_then(Json::text).filter(|id| !id.is_empty());
    let span = id(&["spanId", "span_id"])?;
    Some(format!("span {}:{span}", id(&["traceId", "trace_id"]).unwrap_or_default()))
}

#[cfg(test)]
mod tests;
