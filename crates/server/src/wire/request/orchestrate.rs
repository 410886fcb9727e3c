//! Asks for a workflow whose parts are made by different providers.

use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::authoring::{AuthoringOptions, both_options, iterations};
use super::running::RunOptions;
use super::{Read, TASK, streaming};
use crate::app::orchestrate::{Execution, Order, Part, Strategy, Validation};
use crate::wire::fields::Fields;
use crate::wire::framing::Framing;

/// Who writes: for `generation` and `refinement`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the fields for the API's documentation")]
pub(crate) struct WritingPart {
    /// The default one when absent.
    pub(crate) provider: Option<String>,
    pub(crate) model: Option<String>,
    /// Rounds at most: of `generation` to make a valid workflow, of `refinement` to mend what validators find.
    pub(crate) max_iterations: Option<u32>,
}

/// Who checks.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the fields for the API's documentation")]
pub(crate) struct ValidationPart {
    pub(crate) provider: Option<String>,
    /// Tools of MCP servers: `kubernetes-validator`, `prometheus-validator`, `server/tool`.
    pub(crate) tools: Option<Vec<String>>,
}

/// Where it runs.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the fields for the API's documentation")]
pub(crate) struct ExecutionPart {
    pub(crate) provider: Option<String>,
    /// A runner, or a name that the configuration maps to one.
    pub(crate) runner: Option<String>,
}

/// Who does what.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the fields for the API's documentation")]
pub(crate) struct StrategyParts {
    pub(crate) generation: Option<WritingPart>,
    pub(crate) validation: Option<ValidationPart>,
    pub(crate) refinement: Option<WritingPart>,
    /// Nothing runs when absent.
    pub(crate) execution: Option<ExecutionPart>,
}

/// Asks for a workflow whose parts are made by different providers, and maybe for a run of it.
#[derive(ToSchema)]
#[schema(as = OrchestrateRequest, example = json!({
    "task": "Set up monitoring for the services",
    "strategy": {
        "generation": {"provider": "adk"},
        "validation": {"provider": "mcp", "tools": ["kubernetes-validator", "prometheus-validator"]},
        "execution": {"provider": "adk", "runner": "local"},
    },
    "context": {"services": ["api", "web"], "monitoring_stack": "prometheus+grafana"},
    "options": {"stream": true, "allow": ["unknown"]},
}))]
#[expect(dead_code, reason = "describes the fields for the API's documentation")]
pub(crate) struct OrchestrateFields {
    /// What should happen. `message` and `prompt` mean the same.
    pub(crate) task: String,
    pub(crate) strategy: Option<StrategyParts>,
    #[schema(value_type = Option<Object>)]
    pub(crate) context: Option<Map<String, Value>>,
    /// Values for the workflow's parameters.
    #[schema(value_type = Option<Object>)]
    pub(crate) parameters: Option<Map<String, Value>>,
    /// Those of `/generate` count, too.
    #[schema(value_type = Option<RunOptions>)]
    pub(crate) options: Option<Value>,
}

/// The same, read.
#[derive(Clone, Debug)]
pub(crate) struct OrchestrateRequest {
    pub(crate) order: Order,
    pub(crate) authoring: AuthoringOptions,
    pub(crate) framing: Framing,
}

impl OrchestrateRequest {
    /// Reads the request.
    pub(crate) fn read(body: Value) -> Read<Self> {
        let mut fields = Fields::of(body)?;
        let task = fields.required_text(&TASK);
        let strategy = strategy(&mut fields);
        let (authoring, run_options) = both_options(&mut fields);
        let parameters = fields.map("parameters");
        let context: Map<String, Value> = fields.map("context");
        let framing = streaming::framing(&mut fields);
        let order = Order { task, context, parameters, strategy, options: run_options };
        let warnings = fields.finish()?;
        Ok((Self { order, authoring, framing }, warnings))
    }
}

fn strategy(fields: &mut Fields) -> Strategy {
    let mut parts = fields.nested("strategy");
    let generation = writing(&mut parts, "generation");
    let refinement = writing(&mut parts, "refinement");
    let has_execution = parts.has("execution");
    let mut nested = parts.nested("validation");
    let validation = Validation { provider: nested.text("provider"), tools: nested.texts("tools") };
    parts.absorb(nested);
    let mut nested = parts.nested("execution");
    let execution = Execution { provider: nested.text("provider"), runner: nested.text("runner") };
    parts.absorb(nested);
    fields.absorb(parts);
    Strategy { generation, validation, refinement, execution: has_execution.then_some(execution) }
}

fn writing(parts: &mut Fields, name: &'static str) -> Part {
    let mut nested = parts.nested(name);
    let part = Part {
        provider: nested.text("provider"),
        model: nested.text("model"),
        iterations_max: iterations(&mut nested),
    };
    parts.absorb(nested);
    part
}
