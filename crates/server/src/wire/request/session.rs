//! Requests about sessions.

use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::authoring::{AuthoringOptions, Mode, both_options};
use super::running::RunOptions;
use super::{Read, TASK, streaming};
use crate::app::sessions::Preferences;
use crate::wire::fields::Fields;
use crate::wire::framing::Framing;

/// What a session prefers; what a request says wins.
#[derive(ToSchema)]
#[schema(as = SessionPreferences)]
#[expect(dead_code, reason = "describes the fields for the API's documentation")]
pub(crate) struct PreferencesPart {
    pub(crate) provider: Option<String>,
    pub(crate) model: Option<String>,
    /// Whether turns are answered with streams of events.
    pub(crate) streaming: Option<bool>,
}

/// Begins a session.
#[derive(Clone, Debug, Default, ToSchema)]
#[schema(example = json!({
    "context": {"project": "microservices-deployment", "environment": "production"},
    "preferences": {"provider": "adk", "streaming": true},
}))]
pub(crate) struct CreateSessionRequest {
    /// Facts that every turn goes by.
    #[schema(value_type = Option<Object>)]
    pub(crate) context: Map<String, Value>,
    #[schema(value_type = Option<PreferencesPart>)]
    pub(crate) preferences: Preferences,
}

impl CreateSessionRequest {
    /// Reads the request; an absent body begins a session without context.
    pub(crate) fn read(body: Value) -> Read<Self> {
        if body.is_null() {
            return Ok((Self::default(), Vec::new()));
        }
        let mut fields = Fields::of(body)?;
        let mut nested = fields.nested("preferences");
        let preferences = Preferences {
            provider: nested.text("provider"),
            model: nested.text("model"),
            streaming: nested.boolean("streaming"),
        };
        fields.absorb(nested);
        let request = Self { context: fields.map("context"), preferences };
        Ok((request, fields.finish()?))
    }
}

/// Says something in a session.
#[derive(Clone, Debug, ToSchema)]
#[schema(example = json!({"message": "Deploy web:v2 to the namespace shop", "mode": "plan"}))]
pub(crate) struct ContinueSessionRequest {
    /// What should happen, or what should be different. `task` and `prompt` mean the same.
    pub(crate) message: String,
    /// Several changes, each met or listed as unmet by itself; the message is one when absent.
    #[schema(value_type = Option<Vec<String>>)]
    pub(crate) requirements: Vec<String>,
    /// Merged into the session's context; `null` takes a fact away.
    #[schema(value_type = Option<Object>)]
    pub(crate) context: Map<String, Value>,
    /// Values for the workflow's parameters; in mode `act`.
    #[schema(value_type = Option<Object>)]
    pub(crate) parameters: Map<String, Value>,
    #[schema(value_type = Option<Mode>)]
    pub(crate) mode: Mode,
    /// Whether to answer with a stream of events; as the session prefers when absent.
    pub(crate) stream: Option<bool>,
    /// The session's when absent.
    pub(crate) provider: Option<String>,
    #[schema(value_type = Option<RunOptions>)]
    pub(crate) options: RunOptions,
    #[schema(ignore)]
    pub(crate) authoring: AuthoringOptions,
    #[schema(ignore)]
    pub(crate) framing: Framing,
}

impl ContinueSessionRequest {
    /// Reads the request.
    pub(crate) fn read(body: Value) -> Read<Self> {
        let mut fields = Fields::of(body)?;
        let [task, message, prompt] = TASK;
        let message = fields.required_text(&[message, task, prompt]);
        let (authoring, run_options) = both_options(&mut fields);
        let request = Self {
            message,
            requirements: fields.texts("requirements"),
            context: fields.map("context"),
            parameters: fields.map("parameters"),
            mode: fields.choice("mode", &[("plan", Mode::Plan), ("act", Mode::Act)]).unwrap_or_default(),
            stream: fields.boolean("stream").or(authoring.stream),
            provider: fields.text("provider"),
            framing: streaming::framing(&mut fields),
            options: run_options,
            authoring,
        };
        Ok((request, fields.finish()?))
    }
}
