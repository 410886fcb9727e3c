//! The server that Partita brings: static validators as MCP tools, in this process. It speaks the protocol
//! like any other, so that whatever works with it works with all.

use std::collections::BTreeMap;
use std::sync::Arc;

use partita_core::Diagnostic;
use partita_core::workflow::document::Effects;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, Implementation, ListToolsResult, PaginatedRequestParams,
    ServerCapabilities, ServerConfig as ServerDescription, Tool, ToolAnnotations,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt as _};
use serde_json::{Map, Value, json};
use tokio::io::DuplexStream;

use crate::config::{BUILTIN_SERVER, ServerConfig, Transport};
use crate::pool::Lists;
use crate::tool::ToolInfo;
use crate::validators::{kubernetes, prometheus};

/// Checks a workflow, or one text.
type Check = fn(Subject<'_>) -> Vec<Diagnostic>;

/// What a validator looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<'a> {
    /// A whole workflow, as canonical JSON.
    Workflow(&'a Value),
    /// One YAML text; paths of findings are those of its documents.
    Text(&'a str),
}

/// The tools: name, description, check.
const TOOLS: [(&str, &str, Check); 2] = [
    (
        "kubernetes-validator",
        "Checks the Kubernetes manifests and the kubectl and helm commands of a workflow without a cluster: \
         removed API versions, selectors and labels, resources and limits, probes, image tags, namespaces, \
         rollouts that nobody waits for or can take back.",
        kubernetes::check,
    ),
    (
        "prometheus-validator",
        "Checks the Prometheus configurations, alert and recording rules and PromQL expressions of a workflow: \
         syntax, durations, duplicate names, missing `for` and `severity`.",
        prometheus::check,
    ),
];

/// The server itself; `/mcp` and `partita mcp` may serve it to others, too.
#[derive(Clone, Copy, Debug, Default)]
pub struct BuiltinServer;

impl ServerHandler for BuiltinServer {
    fn get_info(&self) -> ServerDescription {
        let mut description = ServerDescription::new(ServerCapabilities::builder().enable_tools().build());
        description.server_info = Implementation::new(BUILTIN_SERVER, env!("CARGO_PKG_VERSION"));
        description
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let found = TOOLS.iter().find(|(name, ..)| *name == request.name);
        let Some((_, _, check)) = found else {
            return Err(ErrorData::invalid_params(format!("there is no tool `{}`", request.name), None));
        };
        let arguments = request.arguments.unwrap_or_default();
        let check = *check;
        let checked = tokio::task::spawn_blocking(move || run(check, &arguments)).await;
        let findings = match checked {
            Ok(Ok(findings)) => findings,
            Ok(Err(problem)) => return Ok(CallToolResult::error(vec![rmcp::model::ContentBlock::text(problem)]).into()),
            Err(error) => return Err(ErrorData::internal_error(error.to_string(), None)),
        };
        Ok(CallToolResult::structured(report(findings)).into())
    }
}

fn run(check: Check, arguments: &Map<String, Value>) -> Result<Vec<Diagnostic>, String> {
    match (arguments.get("workflow"), arguments.get("document").and_then(Value::as_str)) {
        (Some(workflow @ Value::Object(_)), None) => Ok(check(Subject::Workflow(workflow))),
        (None, Some(text)) => Ok(check(Subject::Text(text))),
        _ => Err("give either `workflow`, an object, or `document`, a text".to_owned()),
    }
}

/// `{valid, issues}`.
fn report(mut findings: Vec<Diagnostic>) -> Value {
    let valid = !findings.iter().any(Diagnostic::is_error);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    json!({"valid": valid, "issues": findings})
}

fn tools() -> Vec<Tool> {
    let object = |value: Value| if let Value::Object(object) = value { object } else { Map::new() };
    let input = Arc::new(object(json!({
        "type": "object",
        "properties": {
            "workflow": {"type": "object", "description": "A workflow, in the form that Partita answers in."},
            "document": {"type": "string", "description": "One YAML text, which may hold several documents."},
        },
        "additionalProperties": false,
    })));
    let output = Arc::new(object(json!({
        "type": "object",
        "required": ["valid", "issues"],
        "properties": {
            "valid": {"type": "boolean"},
            "issues": {"type": "array", "items": {
                "type": "object",
                "required": ["code", "severity", "message", "path"],
                "properties": {
                    "code": {"type": "string"}, "severity": {"enum": ["error", "warning", "info"]},
                    "message": {"type": "string"}, "path": {"type": "string"}, "help": {"type": "string"},
                },
            }},
        },
    })));
    let tool = |(name, description, _): &(&'static str, &'static str, Check)| {
        Tool::new(*name, *description, Arc::clone(&input))
            .with_raw_output_schema(Arc::clone(&output))
            .with_annotations(ToolAnnotations::new().read_only(true).idempotent(true).open_world(false))
    };
    TOOLS.iter().map(tool).collect()
}

/// How the pool knows this server; its tools are known before it is connected.
pub(crate) fn server() -> (ServerConfig, Lists) {
    let effects = TOOLS.iter().map(|(name, ..)| ((*name).to_owned(), Effects::Read)).collect::<BTreeMap<_, _>>();
    let config = ServerConfig { effects, ..ServerConfig::new(BUILTIN_SERVER, Transport::Builtin) };
    let read = |tool: &Tool| ToolInfo::read(tool, &config).ok().map(Arc::new);
    let lists = Lists { tools: tools().iter().filter_map(read).collect(), ..Lists::default() };
    (config, lists)
}

/// Serves one connection to its end.
pub(crate) async fn serve(stream: DuplexStream) {
    match BuiltinServer.serve(stream).await {
        Ok(service) => drop(service.waiting().await),
        Err(error) => tracing::debug!("the built-in MCP server: {error}"),
    }
}
