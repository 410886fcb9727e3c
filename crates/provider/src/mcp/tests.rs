//! What the provider makes of tasks, over tools such as real servers have.

use std::sync::{LazyLock, Mutex};

use partita_core::tool::{ArgumentSchema, McpForm};
use partita_core::workflow::document::{Action, Effects};
use partita_core::workflow::{PlanRequest, Planned, Purpose, Workflow, plan, to_value};
use serde_json::{Map, Value, json};

use super::*;
use crate::provider::Content;

fn tool(server: &str, name: &str, description: &str, schema: Value) -> Tool {
    let schema = ArgumentSchema::new(schema).unwrap();
    Tool {
        name: format!("{server}/{name}"),
        description: description.to_owned(),
        parameters: schema.as_value().clone(),
        effects: Effects::Unknown,
        program: None,
        install_hint: None,
        rollback_hint: None,
        examples: Vec::new(),
        commands: Vec::new(),
        commands_complete: 0,
        flags: Vec::new(),
        value_flags: Vec::new(),
        runs_code: false,
        through: None,
        runs: Runs::Mcp(McpForm { server: server.to_owned(), tool: name.to_owned(), schema }),
    }
}

fn tools() -> Vec<Tool> {
    let path = || json!({"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]});
    vec![
        tool(
            "files",
            "write_file",
            "Create a new file or completely overwrite an existing file with new content.",
            json!({"type": "object", "properties": {"path": {"type": "string"}, "content": {"type": "string"}}, "required": ["path", "content"]}),
        ),
        tool("files", "read_text_file", "Read the complete contents of a file from the file system as text.", path()),
        tool("files", "read_file", "Read the complete contents of a file as text.", path()),
        tool(
            "files",
            "list_directory",
            "Get a detailed listing of all files and directories in a specified path.",
            path(),
        ),
        tool("files", "create_directory", "Create a new directory or ensure a directory exists.", path()),
        tool(
            "files",
            "move_file",
            "Move or rename files and directories.",
            json!({"type": "object", "properties": {"source": {"type": "string"}, "destination": {"type": "string"}}, "required": ["source", "destination"]}),
        ),
        tool(
            "everything",
            "get-sum",
            "Returns the sum of two numbers",
            json!({"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}, "required": ["a", "b"]}),
        ),
        tool(
            "everything",
            "echo",
            "Echoes back the input string",
            json!({"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]}),
        ),
        tool(
            "tracker",
            "create_issue",
            "Creates an issue in the tracker",
            json!({"type": "object", "properties": {"title": {"type": "string"}, "priority": {"enum": ["low", "high"]}, "assignee": {"type": "string"}}, "required": ["title"]}),
        ),
        tool("partita", "kubernetes-validator", "Checks the Kubernetes manifests", json!({"type": "object"})),
    ]
}

/// Made once: reading the catalogue and the templates takes longer than all that is tested here.
static CALL: LazyLock<Call> = LazyLock::new(make_call);

fn call() -> Call {
    CALL.clone()
}

fn make_call() -> Call {
    let mut catalogue = Catalogue::builtin();
    tools().into_iter().for_each(|tool| catalogue.insert(tool));
    let surroundings = Surroundings { catalogue: Arc::new(catalogue), ..Surroundings::default() };
    Call { surroundings: Arc::new(surroundings), ..Call::default() }
}

fn checked(workflow: &Workflow, call: &Call) -> Planned {
    plan(workflow, &PlanRequest::lenient(&call.surroundings.catalogue, Purpose::Validate))
}

async fn drafted(provider: &McpProvider, task: &str, context: Value) -> (Workflow, Vec<String>) {
    let context = context.as_object().cloned().unwrap_or_default();
    let call = call();
    let draft =
        provider.draft(&DraftRequest { task: task.to_owned(), context, ..DraftRequest::default() }, &call).await;
    let draft = draft.unwrap_or_else(|error| panic!("{task}: {error:?}"));
    let Content::Workflow(workflow) = draft.content else { panic!("a workflow by rules") };
    let planned = checked(&workflow, &call);
    assert!(planned.is_valid(), "{task}: {:#?}\n{:#}", planned.issues, to_value(&workflow));
    (*workflow, draft.suggestions)
}

/// The tools of the steps, and the defaults of the parameters.
async fn read(task: &str, context: Value) -> (Vec<String>, Value) {
    let (workflow, _) = drafted(&McpProvider::default(), task, context).await;
    let of = |step: &partita_core::workflow::document::Step| match &step.action {
        Some(Action::Tool { tool, .. }) => tool.clone(),
        _ => "?".to_owned(),
    };
    let tools = workflow.steps.iter().map(of).collect();
    let defaults: Map<String, Value> = workflow
        .params
        .iter()
        .map(|(name, param)| (name.clone(), param.default.clone().unwrap_or(json!("(required)"))))
        .collect();
    (tools, Value::Object(defaults))
}

#[tokio::test]
async fn clauses_become_steps_with_the_values_that_they_say() {
    let table = [
        (
            "Write a file notes.txt with content \"hello world\"",
            json!({}),
            vec!["files/write_file"],
            json!({"path": "notes.txt", "content": "hello world"}),
        ),
        (
            "save the file /tmp/a.txt with content 'x; rm -rf /', then list the directory /tmp",
            json!({}),
            vec!["files/write_file", "files/list_directory"],
            json!({"path": "/tmp/a.txt", "content": "x; rm -rf /", "list_directory_path": "/tmp"}),
        ),
        ("Get the sum of 2 and 40", json!({}), vec!["everything/get-sum"], json!({"a": 2, "b": 40})),
        (
            "move the file from old.txt to archive/new.txt",
            json!({}),
            vec!["files/move_file"],
            json!({"source": "old.txt", "destination": "archive/new.txt"}),
        ),
        (
            "Create a folder reports/2026 and write a file reports/2026/a.md with content \"# A\"",
            json!({}),
            vec!["files/create_directory", "files/write_file"],
            json!({"path": "reports/2026", "write_file_path": "reports/2026/a.md", "content": "# A"}),
        ),
        (
            "create an issue \"Disk is full\" with priority high",
            json!({"assignee": "ann"}),
            vec!["tracker/create_issue"],
            json!({"title": "Disk is full", "priority": "high", "assignee": "ann"}),
        ),
        (
            "use everything/echo with message \"hi ${secrets.TOKEN}\"",
            json!({}),
            vec!["everything/echo"],
            json!({"message": "hi ${secrets.TOKEN}"}),
        ),
        ("Create an issue", json!({}), vec!["tracker/create_issue"], json!({"title": "(required)"})),
    ];
    for (task, context, tools, defaults) in table {
        assert_eq!(read(task, context).await, (tools.into_iter().map(str::to_owned).collect(), defaults), "{task}");
    }
}

#[tokio::test]
async fn what_no_tool_fits_goes_to_the_planner_in_its_place() {
    let task =
        "Write a file notes.txt with content \"go\", then restart the service nginx, then read the text file notes.txt";
    let (workflow, suggestions) = drafted(&McpProvider::default(), task, json!({})).await;
    let value = to_value(&workflow);
    let steps = value["steps"].as_array().unwrap();
    assert_eq!(steps.first().unwrap()["tool"], "files/write_file", "{value:#}");
    assert_eq!(steps.last().unwrap()["tool"], "files/read_text_file");
    assert!(steps.len() > 2 && value.to_string().contains("nginx"), "{value:#}");
    let said = suggestions.join("\n");
    assert!(
        said.contains("MCP tool files/write_file")
            && said.contains("built-in planner made the steps for “restart the service nginx”"),
        "{said}"
    );
}

#[tokio::test]
async fn a_limited_instance_sees_only_its_servers() {
    let provider = McpProvider::new("tickets").limited_to(["tracker".to_owned()]);
    assert_eq!(provider.name(), "tickets");
    let request = |task: &str| DraftRequest { task: task.to_owned(), ..DraftRequest::default() };
    let call = call();
    assert!(provider.draft(&request("create an issue \"x\""), &call).await.is_ok());
    let other = provider.draft(&request("use everything/echo with message \"hi\""), &call).await;
    assert!(matches!(other, Err(DraftError::NotUnderstood { .. })), "{other:?}");
}

#[tokio::test]
async fn nothing_understood_is_refused_and_a_tie_is_said() {
    let provider = McpProvider::default();
    let call = call();
    let request = DraftRequest { task: "florble the grumpf".to_owned(), ..DraftRequest::default() };
    assert!(matches!(provider.draft(&request, &call).await, Err(DraftError::NotUnderstood { .. })));
    let refused = provider.refine(&RefineRequest::default(), &call).await;
    assert!(matches!(refused, Err(DraftError::NotSupported { feature: "refinement", .. })));
}

/// An agent that notes which tools it was shown.
struct Agent(Mutex<Vec<String>>);

#[async_trait]
impl Provider for Agent {
    #[expect(clippy::unnecessary_literal_bound, reason = "the signature of the port")]
    fn name(&self) -> &str {
        "adk"
    }
    #[expect(clippy::unnecessary_literal_bound, reason = "the signature of the port")]
    fn title(&self) -> &str {
        "Agent"
    }
    fn features(&self) -> Features {
        McpProvider::default().features()
    }
    fn availability(&self) -> Availability {
        Availability::Available
    }
    fn models(&self) -> Vec<String> {
        vec!["a-model".to_owned()]
    }
    async fn draft(&self, _request: &DraftRequest, call: &Call) -> Result<Draft, DraftError> {
        *self.0.lock().unwrap() = call.surroundings.catalogue.iter().map(|tool| tool.name.clone()).collect();
        Ok(Draft {
            content: Content::Text("{}".to_owned()),
            model: "a-model".to_owned(),
            suggestions: Vec::new(),
            notes: Vec::new(),
        })
    }
    async fn refine(&self, _request: &RefineRequest, _call: &Call) -> Result<Refinement, DraftError> {
        Err(DraftError::NotSupported { provider: "adk".to_owned(), feature: "refinement" })
    }
}

#[tokio::test]
async fn an_agent_is_shown_the_tools_of_servers_only() {
    let agent = Arc::new(Agent(Mutex::default()));
    let shared: Arc<dyn Provider> = Arc::<Agent>::clone(&agent);
    let provider = McpProvider::default().with_agent(shared);
    assert_eq!(provider.models(), ["a-model"]);
    provider.draft(&DraftRequest::default(), &call()).await.unwrap();
    let shown = agent.0.lock().unwrap().clone();
    assert_eq!(shown.len(), tools().len() - 1);
    assert!(shown.iter().all(|name| name.contains('/') && !name.starts_with("partita/")), "{shown:?}");
}
