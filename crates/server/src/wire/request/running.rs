//! Requests about runs.

use partita_core::workflow::document::{Effects, OnFailure};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{Read, bare_workflow, streaming, workflow_source};
use crate::app::WorkflowSource;
use crate::wire::fields::Fields;
use crate::wire::framing::Framing;

/// How a run should go.
#[derive(Clone, Debug, Default, PartialEq, ToSchema)]
pub(crate) struct RunOptions {
    /// Whether to answer with a stream of events. By `Accept` when absent.
    pub(crate) stream: Option<bool>,
    /// A limit for the whole run, in milliseconds.
    pub(crate) timeout: Option<u64>,
    /// What a failing step does to the run: `stop` (when absent), `continue` or `rollback`.
    #[schema(value_type = Option<String>, example = "rollback")]
    pub(crate) on_failure: Option<OnFailure>,
    /// Says what would run, and starts nothing.
    pub(crate) dry_run: Option<bool>,
    /// Where steps run that don't say it themselves.
    pub(crate) runner: Option<String>,
    /// Which effects may happen though nobody has seen the plan: `destructive`, `unknown`.
    #[schema(value_type = Option<Vec<String>>, example = json!(["unknown"]))]
    pub(crate) allow: Vec<Effects>,
}

impl RunOptions {
    pub(super) fn read(options: &mut Fields) -> Self {
        let mut allow = Vec::new();
        for (index, effects) in options.texts("allow").into_iter().enumerate() {
            match effects.as_str() {
                "destructive" => allow.push(Effects::Destructive),
                "unknown" => allow.push(Effects::Unknown),
                "read" | "write" => {}
                other => {
                    let other: String = other.chars().take(40).collect();
                    options.wrong(&format!("allow/{index}"), format!("expected destructive or unknown, got `{other}`"));
                }
            }
        }
        let on_failure =
            [("stop", OnFailure::Stop), ("continue", OnFailure::Continue), ("rollback", OnFailure::Rollback)];
        Self {
            stream: options.boolean("stream"),
            timeout: options.positive("timeout", "milliseconds"),
            on_failure: options.choice("on_failure", &on_failure),
            dry_run: options.boolean("dry_run"),
            runner: options.text("runner"),
            allow,
        }
    }
}

/// What to run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RunSource {
    Workflow(WorkflowSource),
    /// A template by its id or name.
    Name(String),
    /// One step of one tool.
    Tool {
        tool: String,
        parameters: Map<String, Value>,
    },
}

/// Asks for a run.
#[derive(Clone, Debug, ToSchema)]
#[schema(example = json!({
    "workflow": {"name": "hello", "steps": [{"name": "greet", "command": "echo \"Hello ${who}\""}]},
    "parameters": {"who": "world"},
    "options": {"stream": true, "timeout": 300_000, "on_failure": "rollback"},
}))]
pub(crate) struct ExecuteRequest {
    /// The workflow as an object, or as a text in JSON or YAML; instead, `name` runs a template, and
    /// `tool` with `parameters` runs one step.
    #[schema(value_type = Option<Object>)]
    pub(crate) workflow: RunSource,
    /// Values for the workflow's parameters.
    #[schema(value_type = Option<Object>)]
    pub(crate) parameters: Map<String, Value>,
    /// Facts that expressions see as `context`.
    #[schema(value_type = Option<Object>)]
    pub(crate) context: Map<String, Value>,
    #[schema(value_type = Option<RunOptions>)]
    pub(crate) options: RunOptions,
    /// `stream_format` (`sse` or `ndjson`) and `stream_filter`.
    #[schema(ignore)]
    pub(crate) framing: Framing,
}

impl ExecuteRequest {
    /// Reads the request. `text`: what it came as, for a body that is a workflow itself.
    pub(crate) fn read(body: Value, text: &str) -> Read<Self> {
        let bare = bare_workflow(&body);
        let mut fields = Fields::of(body)?;
        if bare {
            let request = Self {
                workflow: RunSource::Workflow(WorkflowSource::Text(text.to_owned())),
                parameters: Map::new(),
                context: Map::new(),
                options: RunOptions::default(),
                framing: Framing::default(),
            };
            return Ok((request, Vec::new()));
        }
        let mut options = fields.nested("options");
        let read_options = RunOptions::read(&mut options);
        let framing = streaming::framing(&mut fields);
        fields.absorb(options);
        let context = fields.map("context");
        let mut parameters = fields.map("parameters");
        let given: Vec<&str> = ["workflow", "name", "tool"].into_iter().filter(|name| fields.has(name)).collect();
        let workflow = match given[..] {
            ["workflow"] => workflow_source(&mut fields, &["workflow"]).map(RunSource::Workflow),
            ["name"] => fields.text("name").map(RunSource::Name),
            ["tool"] => {
                let parameters = std::mem::take(&mut parameters);
                fields.text("tool").map(|tool| RunSource::Tool { tool, parameters })
            }
            [] => {
                fields.wrong("workflow", "is missing; expected a workflow, or `name` of a template, or `tool`");
                None
            }
            _ => {
                fields.wrong(given[1], format!("can't stand beside `{}`: give one of them", given[0]));
                None
            }
        };
        let warnings = fields.finish()?;
        let workflow = workflow.unwrap_or_else(|| RunSource::Name(String::new()));
        Ok((Self { workflow, parameters, context, options: read_options, framing }, warnings))
    }
}

/// Asks whether a workflow is valid.
#[derive(Clone, Debug, ToSchema)]
#[schema(example = json!({
    "workflow": "name: hello\nsteps:\n  - name: greet\n    command: echo hello\n",
    "parameters": {},
}))]
pub(crate) struct ValidateRequest {
    /// The workflow as an object, or as a text in JSON or YAML. A body that is a workflow itself will do.
    #[schema(value_type = Object)]
    pub(crate) workflow: WorkflowSource,
    /// Values to validate with; parameters without a value are not held against the workflow when this
    /// is absent.
    #[schema(value_type = Option<Object>)]
    pub(crate) parameters: Option<Map<String, Value>>,
    #[schema(value_type = Option<RunOptions>)]
    pub(crate) options: RunOptions,
}

impl ValidateRequest {
    /// Reads the request. `text`: what it came as, for a body that is a workflow itself.
    pub(crate) fn read(body: Value, text: &str) -> Read<Self> {
        if bare_workflow(&body) {
            let workflow = WorkflowSource::Text(text.to_owned());
            return Ok((Self { workflow, parameters: None, options: RunOptions::default() }, Vec::new()));
        }
        let mut fields = Fields::of(body)?;
        let workflow = workflow_source(&mut fields, &["workflow", "workflow_code"]);
        let parameters = fields.has("parameters").then(|| fields.map("parameters"));
        let mut options = fields.nested("options");
        let read_options = RunOptions::read(&mut options);
        fields.absorb(options);
        let warnings = fields.finish()?;
        Ok((Self { workflow: workflow.unwrap_or_default(), parameters, options: read_options }, warnings))
    }
}

/// Asks for the end of a run.
#[derive(Clone, Debug, Default, ToSchema)]
pub(crate) struct CancelRequest {
    /// Whether to take back what succeeded. False when absent.
    #[schema(value_type = Option<bool>)]
    pub(crate) rollback: bool,
    pub(crate) reason: Option<String>,
}

impl CancelRequest {
    /// Reads the request; an absent body asks for a plain end.
    pub(crate) fn read(body: Value) -> Read<Self> {
        if body.is_null() {
            return Ok((Self::default(), Vec::new()));
        }
        let mut fields = Fields::of(body)?;
        let request = Self { rollback: fields.boolean("rollback").unwrap_or_default(), reason: fields.text("reason") };
        Ok((request, fields.finish()?))
    }
}

/// A person's answer to a question of a run.
#[derive(Clone, Debug, ToSchema)]
pub(crate) struct DecideRequest {
    /// `approve` or `reject`.
    #[schema(value_type = String, example = "approve")]
    pub(crate) decision: partita_core::run::Decision,
    pub(crate) comment: Option<String>,
}

impl DecideRequest {
    /// Reads the request.
    pub(crate) fn read(body: Value) -> Read<Self> {
        use partita_core::run::Decision::{Approve, Reject};
        let mut fields = Fields::of(body)?;
        let words = [("approve", Approve), ("approved", Approve), ("reject", Reject), ("rejected", Reject)];
        if !fields.has("decision") {
            fields.wrong("decision", "is missing; expected approve or reject");
        }
        let decision = fields.choice("decision", &words).unwrap_or(Reject);
        let request = Self { decision, comment: fields.text("comment") };
        Ok((request, fields.finish()?))
    }
}
