//! What comes in: the requests, read by hand so that every wrong field is named at once.
//!
//! The structs say what is documented; each is made by its `read`, from a body in JSON or YAML.

use partita_core::workflow::document::{Effects, OnFailure};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::fields::{Fields, kind};
use crate::app::{AppError, WorkflowSource};

/// A request, and what its sender should know about it.
pub(crate) type Read<T> = Result<(T, Vec<String>), AppError>;

/// The words that stand for a task: the page's own, and those of older clients.
const TASK: [&str; 3] = ["task", "message", "prompt"];

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
}

impl AuthoringOptions {
    fn read(fields: &mut Fields) -> Self {
        let mut options = fields.nested("options");
        let read = Self {
            include_validation: options.boolean("include_validation"),
            format: options.choice("format", &FORMATS),
            model: options.text("model"),
            stream: options.boolean("stream"),
        };
        fields.absorb(options);
        read
    }
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
        };
        Ok((request, fields.finish()?))
    }
}

fn workflow_source(fields: &mut Fields, names: &[&'static str]) -> Option<WorkflowSource> {
    let given = names.iter().find_map(|name| fields.value(name).map(|value| (*name, value)));
    match given {
        Some((_, Value::String(text))) => Some(WorkflowSource::Text(text)),
        Some((_, value @ Value::Object(_))) => Some(WorkflowSource::Value(value)),
        Some((name, other)) => {
            let got = kind(&other);
            fields.wrong(name, format!("expected an object, or a string with JSON or YAML, got {got}"));
            None
        }
        None => {
            fields.wrong(names[0], "is missing; expected an object, or a string with JSON or YAML");
            None
        }
    }
}

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
    fn read(options: &mut Fields) -> Self {
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
            };
            return Ok((request, Vec::new()));
        }
        let mut options = fields.nested("options");
        let read_options = RunOptions::read(&mut options);
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
        Ok((Self { workflow, parameters, context, options: read_options }, warnings))
    }
}

/// Whether a body is a workflow itself instead of holding one.
fn bare_workflow(body: &Value) -> bool {
    body.get("steps").is_some() && body.get("workflow").is_none()
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
    /// Kept in the answer's metadata.
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
        let mut options = fields.nested("options");
        let authoring = AuthoringOptions {
            include_validation: options.boolean("include_validation"),
            format: options.choice("format", &FORMATS),
            model: options.text("model"),
            stream: None,
        };
        let run_options = RunOptions::read(&mut options);
        fields.absorb(options);
        stream_format(&mut fields);
        let request = Self {
            task,
            context: fields.map("context"),
            parameters: fields.map("parameters"),
            mode: fields.choice("mode", &[("plan", Mode::Plan), ("act", Mode::Act)]).unwrap_or_default(),
            stream: fields.boolean("stream").or(run_options.stream).unwrap_or(true),
            session_id: fields.text("session_id"),
            user_id: fields.text("user_id"),
            provider: fields.text("provider"),
            options: run_options,
            authoring,
        };
        Ok((request, fields.finish()?))
    }
}

fn stream_format(fields: &mut Fields) {
    match fields.text("stream_format").as_deref() {
        None | Some("sse") => {}
        Some(later @ ("vercel" | "vercel-v4" | "adk" | "ndjson")) => {
            fields.wrong("stream_format", format!("`{later}` is not there yet in this version; use `sse`"));
        }
        Some(other) => {
            let other: String = other.chars().take(40).collect();
            fields.wrong(
                "stream_format",
                format!("expected `sse` (vercel, vercel-v4, adk and ndjson come later), got `{other}`"),
            );
        }
    }
}

/// Asks for a workflow from a template.
#[derive(Clone, Debug, ToSchema)]
#[schema(example = json!({"parameters": {"url": "https://example.com"}, "name": "uptime-of-example"}))]
pub(crate) struct InstantiateRequest {
    /// Values for the template's parameters.
    #[schema(value_type = Option<Object>)]
    pub(crate) parameters: Map<String, Value>,
    /// A name for the workflow; the template's own when absent.
    pub(crate) name: Option<String>,
    #[schema(value_type = Option<AuthoringOptions>)]
    pub(crate) options: AuthoringOptions,
}

impl InstantiateRequest {
    /// Reads the request; an absent body asks for the template as it is.
    pub(crate) fn read(body: Value) -> Read<Self> {
        let body = if body.is_null() { Value::Object(Map::new()) } else { body };
        let mut fields = Fields::of(body)?;
        let request = Self {
            parameters: fields.map("parameters"),
            name: fields.text("name"),
            options: AuthoringOptions::read(&mut fields),
        };
        Ok((request, fields.finish()?))
    }
}

/// A workflow to keep as a template.
#[derive(Clone, Debug, ToSchema)]
#[schema(example = json!({
    "name": "greeting",
    "description": "Says hello",
    "tags": ["example"],
    "workflow": {"name": "greeting", "params": {"who": "world"}, "steps": [{"name": "greet", "command": "echo \"Hello ${who}\""}]},
}))]
pub(crate) struct SaveTemplateRequest {
    /// The workflow's own when absent.
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) category: Option<String>,
    #[schema(value_type = Option<Vec<String>>)]
    pub(crate) tags: Vec<String>,
    #[schema(value_type = Object)]
    pub(crate) workflow: WorkflowSource,
}

impl SaveTemplateRequest {
    /// Reads the request. `text`: what it came as, for a body that is a workflow itself.
    pub(crate) fn read(body: Value, text: &str) -> Read<Self> {
        if bare_workflow(&body) {
            let workflow = WorkflowSource::Text(text.to_owned());
            let request = Self { name: None, description: None, category: None, tags: Vec::new(), workflow };
            return Ok((request, Vec::new()));
        }
        let mut fields = Fields::of(body)?;
        let request = Self {
            name: fields.text("name"),
            description: fields.text("description"),
            category: fields.text("category"),
            tags: fields.texts("tags"),
            workflow: workflow_source(&mut fields, &["workflow"]).unwrap_or_default(),
        };
        Ok((request, fields.finish()?))
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

/// A key to make.
#[derive(Clone, Debug, ToSchema)]
#[schema(example = json!({"name": "ci", "scopes": ["read", "execute"], "expires_in_days": 90}))]
pub(crate) struct CreateKeyRequest {
    pub(crate) name: String,
    /// `read`, `generate`, `execute`, `execute:code`, `approve`, `admin`, or `*` for all.
    pub(crate) scopes: Vec<String>,
    /// The caller's own when absent.
    pub(crate) tenant: Option<String>,
    /// It never expires when absent.
    pub(crate) expires_in_days: Option<u64>,
}

impl CreateKeyRequest {
    /// Reads the request.
    pub(crate) fn read(body: Value) -> Read<Self> {
        let mut fields = Fields::of(body)?;
        let request = Self {
            name: fields.required_text(&["name"]),
            scopes: fields.texts("scopes"),
            tenant: fields.text("tenant"),
            expires_in_days: fields.positive("expires_in_days", "days"),
        };
        Ok((request, fields.finish()?))
    }
}

/// Names the provider that is asked when nobody says.
#[derive(Clone, Debug, ToSchema)]
#[schema(example = json!({"provider": "adk", "config": {"timeout": 60_000, "max_retries": 3}}))]
pub(crate) struct SwitchProviderRequest {
    pub(crate) provider: String,
    /// `timeout` in milliseconds, `max_retries`, `model`.
    #[schema(value_type = Option<Object>)]
    pub(crate) config: Map<String, Value>,
}

impl SwitchProviderRequest {
    /// Reads the request.
    pub(crate) fn read(body: Value) -> Read<Self> {
        let mut fields = Fields::of(body)?;
        let request = Self { provider: fields.required_text(&["provider"]), config: fields.map("config") };
        Ok((request, fields.finish()?))
    }
}
