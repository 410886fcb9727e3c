//! In which form a stream of events goes out, and which of them.

use axum::body::Bytes;
use partita_core::event::{self, Event};
use partita_core::time::rfc3339;
use partita_core::{Millis, RunId};
use serde_json::{Map, Value, json};

use super::sse;

/// The name of an event that only says that the stream is alive, in formats that have no comments.
const HEARTBEAT: &str = "heartbeat";

/// A form of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum StreamFormat {
    /// Server-sent events.
    #[default]
    Sse,
    /// One JSON object per line.
    Ndjson,
}

/// How much an event matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Importance {
    #[default]
    Low,
    Medium,
    High,
}

/// Which events a reader wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamFilter {
    pub(crate) include_tool_calls: bool,
    pub(crate) include_thoughts: bool,
    pub(crate) min_importance: Importance,
}

impl Default for StreamFilter {
    fn default() -> Self {
        Self { include_tool_calls: true, include_thoughts: false, min_importance: Importance::Low }
    }
}

/// The form and the choice together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Framing {
    pub(crate) format: StreamFormat,
    pub(crate) filter: StreamFilter,
}

/// How much an event matters, by its name. Ends, errors and questions always go out.
fn importance(name: &str) -> Importance {
    match name {
        event::name::STEP_OUTPUT | "thought" => Importance::Low,
        event::name::EXECUTION_START
        | event::name::EXECUTION_COMPLETE
        | event::name::APPROVAL_REQUESTED
        | event::name::ROLLBACK_START
        | event::name::ROLLBACK_COMPLETE
        | event::name::ERROR
        | "workflow"
        | "phase_start"
        | "phase_complete" => Importance::High,
        _ => Importance::Medium,
    }
}

impl StreamFilter {
    fn admits(self, name: &str) -> bool {
        let is_wanted = match name {
            "tool_call" | "tool_result" => self.include_tool_calls,
            "thought" => self.include_thoughts,
            _ => true,
        };
        is_wanted && importance(name) >= self.min_importance
    }
}

impl Framing {
    /// The content type of the stream.
    pub(crate) fn content_type(self) -> &'static str {
        match self.format {
            StreamFormat::Sse => sse::CONTENT_TYPE,
            StreamFormat::Ndjson => "application/x-ndjson",
        }
    }

    /// The first bytes of the stream, so that nobody waits for its head.
    pub(crate) fn opening(self) -> Option<Bytes> {
        (self.format == StreamFormat::Sse).then(|| Bytes::from_static(sse::OPENING))
    }

    /// Says "I am alive".
    pub(crate) fn heartbeat(self, at: Millis) -> Bytes {
        match self.format {
            StreamFormat::Sse => Bytes::from_static(sse::HEARTBEAT),
            StreamFormat::Ndjson => Bytes::from(format!("{}\n", sse::fitting(dressed(HEARTBEAT, Map::new(), at)))),
        }
    }

    /// An event of a run; `None` when this reader does not want it.
    pub(crate) fn run_event(self, event: &Event, run_id: &RunId) -> Option<Bytes> {
        if !self.filter.admits(event.name) {
            return None;
        }
        let mut data = event.data.clone();
        data.insert("event".to_owned(), json!(event.name));
        data.insert("type".to_owned(), json!(event.name));
        data.insert("run_id".to_owned(), json!(run_id.as_str()));
        data.insert("seq".to_owned(), json!(event.seq));
        data.insert("timestamp".to_owned(), json!(rfc3339(event.at)));
        Some(self.frame(Some(event.seq), event.name, data))
    }

    /// An event that comes before a run: it has no number and can't be resumed.
    pub(crate) fn early_event(self, name: &str, data: Map<String, Value>, at: Millis) -> Option<Bytes> {
        self.filter.admits(name).then(|| self.frame(None, name, dressed(name, data, at)))
    }

    fn frame(self, seq: Option<u64>, name: &str, data: Map<String, Value>) -> Bytes {
        let text = sse::fitting(data);
        match self.format {
            StreamFormat::Sse => sse::frame(seq, name, &text),
            StreamFormat::Ndjson => Bytes::from(format!("{text}\n")),
        }
    }
}

/// Adds what every event has.
fn dressed(name: &str, mut data: Map<String, Value>, at: Millis) -> Map<String, Value> {
    data.insert("event".to_owned(), json!(name));
    data.insert("type".to_owned(), json!(name));
    data.insert("timestamp".to_owned(), json!(rfc3339(at)));
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(filter: StreamFilter) -> Vec<&'static str> {
        let names = [
            "text",
            "thought",
            "tool_call",
            "tool_result",
            "validation",
            "workflow",
            "step_start",
            "step_output",
            "execution_complete",
            "error",
        ];
        names.into_iter().filter(|name| filter.admits(name)).collect()
    }

    #[test]
    fn a_filter_leaves_out_what_is_not_wanted_and_never_the_end() {
        let all = StreamFilter::default();
        assert_eq!(check(all).len(), 9, "thoughts are asked for");
        let without_tools = StreamFilter { include_tool_calls: false, include_thoughts: true, ..all };
        assert!(!check(without_tools).contains(&"tool_call") && check(without_tools).contains(&"thought"));
        let important = StreamFilter { min_importance: Importance::High, ..all };
        assert_eq!(check(important), ["workflow", "execution_complete", "error"]);
        let medium = StreamFilter { min_importance: Importance::Medium, ..all };
        assert!(!check(medium).contains(&"step_output") && check(medium).contains(&"step_start"));
    }

    #[test]
    fn a_line_of_ndjson_is_one_object() {
        let framing = Framing { format: StreamFormat::Ndjson, ..Framing::default() };
        let data = Map::from_iter([("content".to_owned(), json!("two\nlines"))]);
        let bytes = framing.early_event("text", data, 0).unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        assert_eq!(text.matches('\n').count(), 1);
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!((&value["event"], &value["content"]), (&json!("text"), &json!("two\nlines")));
        assert!(framing.opening().is_none() && framing.heartbeat(0).ends_with(b"\n"));
    }
}
