//! In which form a caller wants a stream.

use utoipa::ToSchema;

use crate::wire::fields::Fields;
use crate::wire::framing::{Framing, Importance, StreamFilter, StreamFormat};

/// Which events of a stream to send.
#[derive(Clone, Debug, Default, ToSchema)]
#[schema(as = StreamFilter)]
pub(crate) struct StreamFilterPart {
    /// `tool_call` and `tool_result`. True when absent.
    #[expect(dead_code, reason = "describes the field for the API's documentation")]
    pub(crate) include_tool_calls: Option<bool>,
    /// `thought`, where a model shows what it thinks. False when absent.
    #[expect(dead_code, reason = "describes the field for the API's documentation")]
    pub(crate) include_thoughts: Option<bool>,
    /// `low` (when absent), `medium` (no `step_output`) or `high` (beginnings, ends, questions, errors).
    #[schema(value_type = Option<String>, example = "medium")]
    #[expect(dead_code, reason = "describes the field for the API's documentation")]
    pub(crate) min_importance: Option<String>,
}

const FORMATS: [(&str, StreamFormat); 2] = [("sse", StreamFormat::Sse), ("ndjson", StreamFormat::Ndjson)];
const IMPORTANCE: [(&str, Importance); 3] =
    [("low", Importance::Low), ("medium", Importance::Medium), ("high", Importance::High)];

/// Reads `stream_format` and `stream_filter`. `accepted`: the form that the caller accepts, which counts
/// when the body says nothing.
pub(super) fn framing(fields: &mut Fields) -> Framing {
    let format = match fields.peek_text("stream_format") {
        Some(later @ ("vercel" | "vercel-v4" | "adk")) => {
            let detail = format!("`{later}` is not there yet in this version; use sse or ndjson");
            fields.wrong("stream_format", detail);
            let _ = fields.value("stream_format");
            None
        }
        _ => fields.choice("stream_format", &FORMATS),
    };
    let mut nested = fields.nested("stream_filter");
    let default = StreamFilter::default();
    let filter = StreamFilter {
        include_tool_calls: nested.boolean("include_tool_calls").unwrap_or(default.include_tool_calls),
        include_thoughts: nested.boolean("include_thoughts").unwrap_or(default.include_thoughts),
        min_importance: nested.choice("min_importance", &IMPORTANCE).unwrap_or(default.min_importance),
    };
    fields.absorb(nested);
    Framing { format: format.unwrap_or_default(), filter }
}
