//! Requests that make workflows of words.

use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::running::RunOptions;
use super::streaming;
use super::{Read, TASK, workflow_source};
use crate::app::WorkflowSource;
use crate::wire::fields::{Fields, kind};
use crate::wire::framing::Framing;

/// In which form a workflow is handed back besides JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum OutputFormat {
    #[default]
    Json,
    /// Adds `workflow_yaml`.
    Yaml,
    /// Adds `diagram`.
    Mermaid,
}

/// Most rounds that a request can ask for; each may be a request to a model.
const ITERATIONS_MAX: u64 = 10;

const FORMATS: [(&str, OutputFormat); 3] =
    [("json", OutputFormat::Json), ("yaml", OutputFormat::Yaml), ("mermaid", OutputFormat::Mermaid)];

/// How to turn words into a workflow.
#[derive(Clone, Debug, Default, ToSchema)]
pub(crate) struct AuthoringOptions {
    /// Whether the answer has a `validation`. True when absent.
    pub(crate) include_validation: Option<bool>,
    pub(crate) format: Option<OutputFormat>,
    /// The model to ask; the provider's own choice when absent.
    pub(crate) model: Option<String>,
    /// Whether to answer with a stream of events. False when absent.
    pub(crate) stream: Option<bool>,
    /// Rounds that the author gets to make the workflow valid. 3 when absent, 10 at most.
    pub(crate) max_iterations: Option<u32>,
}

impl AuthoringOptions {
    pub(super) fn read(fields: &mut Fields) -> Self {
        let mut options = fields.nested("options");
        let read = Self::of(&mut options);
        fields.absorb(options);
        read
    }

    /// Reads them from among other options.
    pub(super) fn of(options: &mut Fields) -> Self {
        Self {
            include_validation: options.boolean("include_validation"),
            format: options.choice("format", &FORMATS),
            model: options.text("model"),
            stream: options.boolean("stream"),
            max_iterations: iterations(options),
        }
    }
}

/// The options of a request that may go on to a run.
pub(super) fn both_options(fields: &mut Fields) -> (AuthoringOptions, RunOptions) {
    let mut options = fields.nested("options");
    // `stream` belongs to the authoring, which comes first.
    let authoring = AuthoringOptions::of(&mut options);
    let run_options = RunOptions::read(&mut options);
    fields.absorb(options);
    (authoring, run_options)
}

/// Rounds of an author, within bounds.
pub(super) fn iterations(fields: &mut Fields) -> Option<u32> {
    let asked = fields.positive("max_iterations", "rounds")?;
    if asked > ITERATIONS_MAX {
        fields.wrong("max_iterations", format!("expected 1 to {ITERATIONS_MAX}, got {asked}"));
        return None;
    }
    u32::try_from(asked).ok()
}

/// Asks for a workflow in plain words.
#[derive(Clone, Debug, ToSchema)]
#[schema(example = json!({
    "task": "Check disk space on this host and warn above 80%",
    "context": {"environment": "staging"},
    "options": {"include_validation": true, "format": "yaml"},
}))]
pub(crate) struct GenerateRequest {
    /// What should happen. `message` and `prompt` mean the same.
    pub(crate) task: String,
    /// Facts to go by: environment, namespace, services, …
    #[schema(value_type = Option<Object>)]
    pub(crate) context: Map<String, Value>,
    /// The provider to ask; the default one when absent.
    pub(crate) provider: Option<String>,
    #[schema(value_type = Option<AuthoringOptions>)]
    pub(crate) options: AuthoringOptions,
    /// `stream_format` (`sse` or `ndjson`) and `stream_filter`.
    #[schema(ignore)]
    pub(crate) framing: Framing,
}

impl GenerateRequest {
    /// Reads the request.
    pub(crate) fn read(body: Value) -> Read<Self> {
        let mut fields = Fields::of(body)?;
        let request = Self {
            task: fields.required_text(&TASK),
            context: fields.map("context"),
            provider: fields.text("provider"),
            options: AuthoringOptions::read(&mut fields),
            framing: streaming::framing(&mut fields),
        };
        Ok((request, fields.finish()?))
    }
}

/// Asks for a better workflow.
#[derive(Clone, Debug, ToSchema)]
#[schema(example = json!({
    "workflow": {"name": "deploy-app", "steps": [{"name": "deploy", "tool": "kubectl", "parameters": {"command": "apply -f app.yaml"}}]},
    "requirements": ["Add health checks after deployment", "Include rollback strategy"],
    "context": {"previous_errors": ["Deployment failed due to missing health check"]},
}))]
pub(crate) struct RefineRequest {
    /// The workflow as an object, or as a text in JSON or YAML. `workflow_code` means the same.
    #[schema(value_type = Object)]
    pub(crate) workflow: WorkflowSource,
    /// What must be true of the new workflow, in plain words.
    #[schema(value_type = Option<Vec<String>>)]
    pub(crate) requirements: Vec<String>,
    /// Facts to go by; `previous_errors` is a list of what went wrong before.
    #[schema(value_type = Option<Object>)]
    pub(crate) context: Map<String, Value>,
    /// What went wrong before: `context.previous_errors`, or `errors`.
    #[schema(ignore)]
    pub(crate) previous_errors: Vec<String>,
    pub(crate) provider: Option<String>,
    #[schema(value_type = Option<AuthoringOptions>)]
    pub(crate) options: AuthoringOptions,
    /// `stream_format` and `stream_filter`.
    #[schema(ignore)]
    pub(crate) framing: Framing,
}

impl RefineRequest {
    /// Reads the request.
    pub(crate) fn read(body: Value) -> Read<Self> {
        let mut fields = Fields::of(body)?;
        let workflow = workflow_source(&mut fields, &["workflow", "workflow_code"]);
        let requirements = fields.texts("requirements");
        let mut previous_errors = fields.texts("errors");
        let context = fields.map("context");
        match context.get("previous_errors") {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => previous_errors.push(text.clone()),
            Some(Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    match item {
                        Value::String(text) => previous_errors.push(text.clone()),
                        other => fields.wrong(
                            &format!("context/previous_errors/{index}"),
                            format!("expected a string, got {}", kind(other)),
                        ),
                    }
                }
            }
            Some(other) => {
                fields.wrong("context/previous_errors", format!("expected a list of strings, got {}", kind(other)));
            }
        }
        if requirements.is_empty() && previous_errors.is_empty() && !fields.is_wrong() {
            fields.wrong("requirements", "is empty; say what the workflow should do that it does not");
        }
        let request = Self {
            workflow: workflow.unwrap_or_default(),
            requirements,
            context,
            previous_errors,
            provider: fields.text("provider"),
            options: AuthoringOptions::read(&mut fields),
            framing: streaming::framing(&mut fields),
        };
        Ok((request, fields.finish()?))
    }
}

/// Whether a composed workflow is only shown or also run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum Mode {
    #[default]
    Plan,
    Act,
}

/// Asks for a workflow in plain words and, in mode `act`, for a run of it.
#[derive(Clone, Debug, ToSchema)]
#[schema(example = json!({
    "task": "Check disk space on this host and warn above 80%",
    "mode": "act",
    "stream": true,
    "options": {"allow": ["unknown"]},
}))]
pub(crate) struct ComposeRequest {
    /// What should happen. `message` and `prompt` mean the same.
    pub(crate) task: String,
    #[schema(value_type = Option<Object>)]
    pub(crate) context: Map<String, Value>,
    /// Values for the workflow's parameters; in mode `act`.
    #[schema(value_type = Option<Object>)]
    pub(crate) parameters: Map<String, Value>,
    #[schema(value_type = Option<Mode>)]
    pub(crate) mode: Mode,
    /// Whether to answer with a stream of events. True when absent.
    #[schema(value_type = Option<bool>)]
    pub(crate) stream: bool,
    /// `stream_format` (`sse` or `ndjson`) and `stream_filter`.
    #[schema(ignore)]
    pub(crate) framing: Framing,
    /// A session (`sess_…`) whose workflow this goes on with; any other id is kept in the answer's metadata.
    pub(crate) session_id: Option<String>,
    /// Kept in the answer's metadata.
    pub(crate) user_id: Option<String>,
    pub(crate) provider: Option<String>,
    #[schema(value_type = Option<RunOptions>)]
    pub(crate) options: RunOptions,
    /// `options.model`.
    #[schema(ignore)]
    pub(crate) authoring: AuthoringOptions,
}

impl ComposeRequest {
    /// Reads the request.
    pub(crate) fn read(body: Value) -> Read<Self> {
        let mut fields = Fields::of(body)?;
        let task = fields.required_text(&TASK);
        let (authoring, run_options) = both_options(&mut fields);
        let framing = streaming::framing(&mut fields);
        let request = Self {
            task,
            context: fields.map("context"),
            parameters: fields.map("parameters"),
            mode: fields.choice("mode", &[("plan", Mode::Plan), ("act", Mode::Act)]).unwrap_or_default(),
            stream: fields.boolean("stream").or(authoring.stream).unwrap_or(true),
            framing,
            session_id: fields.text("session_id"),
            user_id: fields.text("user_id"),
            provider: fields.text("provider"),
            options: run_options,
            authoring,
        };
        Ok((request, fields.finish()?))
    }
}
