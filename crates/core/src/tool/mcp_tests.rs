//! Steps with tools of MCP servers: what their arguments must be, and what is bound.

use serde_json::{Map, Value, json};

use crate::id::RunId;
use crate::plan::PlannedAction;
use crate::run::{RunStatus, StepStatus};
use crate::task::{TaskAction, TaskValue, Text, TextPiece};
use crate::tool::{ArgumentSchema, Catalogue, McpForm, Runs, Tool};
use crate::workflow::binding::{self, Results, RunFacts, Scope, StepResult};
use crate::workflow::document::{Action, Effects, Step};
use crate::workflow::{PlanRequest, Planned, Purpose, Workflow, plan};

fn catalogue() -> Catalogue {
    let schema = json!({
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": "where it goes"},
            "count": {"type": "integer", "minimum": 1, "maximum": 9},
            "mode": {"enum": ["fast", "careful"]},
            "tags": {"type": "array", "items": {"type": "string"}},
            "deep": {"type": "object", "properties": {"on": {"type": "boolean"}}, "required": ["on"]},
        },
        "required": ["path"],
        "additionalProperties": false,
    });
    let mut catalogue = Catalogue::builtin();
    for (name, schema) in
        [("put", schema), ("loose", json!({"type": "object", "properties": {"path": {"type": "string"}}}))]
    {
        let schema = ArgumentSchema::new(schema).unwrap();
        let runs = Runs::Mcp(McpForm { server: "files".to_owned(), tool: name.to_owned(), schema: schema.clone() });
        let mut tool = catalogue.get("http").unwrap().clone();
        tool = Tool {
            name: format!("files/{name}"),
            parameters: schema.as_value().clone(),
            effects: Effects::Unknown,
            runs,
            ..tool
        };
        catalogue.insert(tool);
    }
    catalogue.set_absent("gone", "it can't be started");
    catalogue
}

fn planned(tool: &str, parameters: Value, values: Value) -> Planned {
    let parameters = parameters.as_object().cloned().unwrap();
    let action = Action::Tool { tool: tool.to_owned(), parameters };
    let made = Step {
        name: "made".to_owned(),
        output: Some("OUT".to_owned()),
        action: Some(Action::Command { command: "true".to_owned(), shell: None }),
        ..Step::default()
    };
    let step = Step { name: "step".to_owned(), action: Some(action), ..Step::default() };
    let workflow = Workflow { name: "mcp".to_owned(), steps: vec![made, step], ..Workflow::default() };
    let values = values.as_object().cloned().unwrap();
    plan(&workflow, &PlanRequest { parameters: &values, ..PlanRequest::lenient(&catalogue(), Purpose::Execute) })
}

/// Code, path and help of every finding about the call.
fn findings(tool: &str, parameters: Value) -> Vec<(String, String, String)> {
    let planned = planned(tool, parameters, json!({"p": 1}));
    let about = planned.issues.into_iter().filter(|one| one.path.starts_with("/steps/1"));
    about.map(|one| (one.code, one.path, one.help.unwrap_or_default())).collect()
}

#[test]
fn arguments_are_checked_with_path_and_help() {
    let table = [
        (json!({}), "missing_parameter", "", "add `path`: where it goes"),
        (json!({"path": "a", "cuont": 1}), "unknown_parameter", "/cuont", "did you mean `count`?"),
        (json!({"path": ["a"]}), "parameter_type", "/path", "it is: where it goes"),
        (json!({"path": "a", "count": "many"}), "parameter_type", "/count", ""),
        (json!({"path": "a", "count": 10}), "parameter_value", "/count", ""),
        (json!({"path": "a", "mode": "carefull"}), "parameter_value", "/mode", "did you mean `careful`?"),
        (json!({"path": "a", "tags": ["x", 3]}), "parameter_type", "/tags/1", ""),
        (json!({"path": "a", "deep": {"on": "perhaps"}}), "parameter_type", "/deep/on", ""),
        (json!({"path": "a", "deep": {}}), "missing_parameter", "/deep", "add `on` to `parameters`"),
        (json!({"path": "a", "count": "x${params.p}"}), "parameter_type", "/count", ""),
    ];
    for (parameters, code, path, help) in table {
        let wanted = (code.to_owned(), format!("/steps/1/parameters{path}"), help.to_owned());
        assert_eq!(findings("files/put", parameters.clone()), [wanted], "{parameters}");
    }
    let fine = json!({"path": "a", "count": "3", "mode": "fast", "tags": "[\"x\"]", "deep": {"on": true}});
    assert_eq!(findings("files/put", fine), []);
    // A reference alone takes any type; what is known around it is checked all the same.
    assert_eq!(
        findings("files/put", json!({"path": "${params.p}", "count": "${params.p}", "deep": {"on": "${params.p}"}})),
        []
    );
    let loose = findings("files/loose", json!({"pth": "a"}));
    assert_eq!(loose[0].2, "did you mean `path`?");
    assert!(
        planned("files/loose", json!({"pth": "a"}), json!({})).is_valid(),
        "an open schema takes it with a warning"
    );
}

#[test]
fn names_that_nothing_has_are_told_apart() {
    let help = |tool: &str| findings(tool, json!({}))[0].2.clone();
    assert_eq!(help("files/putt"), "did you mean `files/put`?");
    assert_eq!(help("files/nothing_like_it"), "the MCP server `files` has: files/loose, files/put");
    assert_eq!(
        help("gone/tool"),
        "the MCP server `gone` is configured, but its tools are not known: it can't be started"
    );
    assert_eq!(help("xyz/tool"), "there is no MCP server `xyz`; configured are: files");
}

struct Printed(&'static str, Map<String, Value>);

impl Results for Printed {
    fn result(&self, _step: u32) -> Option<StepResult<'_>> {
        Some(StepResult { status: StepStatus::Success, output: Some(self.0), exit_code: Some(0), outputs: &self.1 })
    }
}

#[test]
fn values_keep_their_types_and_secrets_stay_references() {
    let parameters = json!({
        "path": "dir/${params.name}", "count": "${params.count}", "tags": ["${secrets.TOKEN}", "a${secrets.TOKEN}b"],
        "deep": {"on": "${OUT.on}"},
    });
    let values = json!({"name": "\"; rm -rf / #${x}", "count": 3});
    let plan = planned("files/put", parameters, values).plan.unwrap();
    // The plan of a run is read back by later versions.
    let action: PlannedAction = serde_json::from_value(serde_json::to_value(&plan.steps[1].action).unwrap()).unwrap();
    assert_eq!(action, plan.steps[1].action);
    let run_id: RunId = "exec_01jz0000000000000000000000".parse().unwrap();
    let run = RunFacts { id: &run_id, status: RunStatus::Running, error: None, started_at: None };
    let results = Printed("{\"on\": true}", Map::new());
    let scope = Scope { plan: &plan, results: &results, step: Some(&plan.steps[1]), item: None, own: None, run };
    let TaskAction::Mcp(task) = binding::task(&action, &scope).unwrap().action else { panic!() };
    assert_eq!((task.server.as_str(), task.tool.as_str()), ("files", "put"));
    let secret = || TextPiece::Secret("TOKEN".to_owned());
    let plain = |text: &str| TextPiece::Plain(text.to_owned());
    let wanted = [
        ("path", TaskValue::Text(Text::plain("dir/\"; rm -rf / #${x}"))),
        ("count", TaskValue::Plain(json!(3))),
        (
            "tags",
            TaskValue::List(vec![
                TaskValue::Text(Text { pieces: vec![secret()] }),
                TaskValue::Text(Text { pieces: vec![plain("a"), secret(), plain("b")] }),
            ]),
        ),
        ("deep", TaskValue::Object(vec![("on".to_owned(), TaskValue::Plain(json!(true)))])),
    ];
    assert_eq!(task.arguments, wanted.map(|(name, value)| (name.to_owned(), value)));
}

#[test]
fn effects_are_unknown_unless_somebody_says_otherwise() {
    let planned = planned("files/put", json!({"path": "a"}), json!({}));
    assert_eq!(planned.risk[1].effects, Effects::Unknown);
}

#[test]
fn a_journal_with_such_a_step_stays_readable() {
    // As this version writes it; never rewritten.
    let written = r#"{"mcp":{"server":"files","tool":"put","arguments":{"object":[["path",{"text":[{"text":"dir/"},{"reference":{"root":{"param":"name"}}}]}],["count",{"literal":3}]]}}}"#;
    let action: PlannedAction = serde_json::from_str(written).unwrap();
    assert_eq!(serde_json::to_string(&action).unwrap(), written);
}
