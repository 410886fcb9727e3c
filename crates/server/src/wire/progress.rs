//! What is told while a workflow comes about, as events on the wire.

use partita_core::event::{self, seconds};
use partita_provider::ProgressEvent;
use serde_json::{Map, Value, json};

/// The name and the data of an event.
pub(crate) fn event(told: ProgressEvent) -> (&'static str, Map<String, Value>) {
    let (name, data) = match told {
        ProgressEvent::Text { content } => ("text", json!({"content": content})),
        ProgressEvent::Thought { content } => ("thought", json!({"content": content})),
        ProgressEvent::ToolCall { id, name, arguments } => {
            ("tool_call", json!({"id": id, "name": name, "arguments": arguments}))
        }
        ProgressEvent::ToolResult { id, name, result, is_error } => {
            ("tool_result", json!({"id": id, "name": name, "result": result, "is_error": is_error}))
        }
        ProgressEvent::Validation { iteration, valid, issues } => {
            ("validation", json!({"iteration": iteration, "valid": valid, "issues": issues}))
        }
        ProgressEvent::Warning { code, message } => (event::name::WARNING, json!({"code": code, "message": message})),
        ProgressEvent::PhaseStart { phase, provider, model } => {
            let mut data = json!({"phase": phase, "provider": provider});
            if let Some(model) = model {
                data["model"] = json!(model);
            }
            ("phase_start", data)
        }
        ProgressEvent::PhaseComplete { phase, status, duration_ms, details } => {
            let mut data = json!({"phase": phase, "status": status, "duration": seconds(duration_ms)});
            if let (Value::Object(data), Value::Object(details)) = (&mut data, details) {
                data.extend(details);
            }
            ("phase_complete", data)
        }
        ProgressEvent::Workflow { answer } => ("workflow", answer),
    };
    match data {
        Value::Object(data) => (name, data),
        other => (name, Map::from_iter([("value".to_owned(), other)])),
    }
}
