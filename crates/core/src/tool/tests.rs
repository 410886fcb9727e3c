//! Every tool with hostile values in every place: a value stays one item, or the call is refused.

use serde_json::{Map, Value, json};

use crate::id::RunId;
use crate::plan::PlannedAction;
use crate::run::RunStatus;
use crate::task::{Task, TaskAction};
use crate::tool::{Catalogue, Runs, Tool};
use crate::workflow::binding::{self, Results, RunFacts, Scope, StepResult};
use crate::workflow::document::{Action, Step};
use crate::workflow::{PlanRequest, Planned, Purpose, Workflow, plan};

struct NoResults;

impl Results for NoResults {
    fn result(&self, _step: u32) -> Option<StepResult<'_>> {
        None
    }
}

fn planned(catalogue: &Catalogue, tool: &str, parameters: Map<String, Value>, values: &Value) -> Planned {
    let action = Action::Tool { tool: tool.to_owned(), parameters };
    let step = Step { name: "step".to_owned(), action: Some(action), ..Step::default() };
    let workflow = Workflow { name: "hostile".to_owned(), steps: vec![step], ..Workflow::default() };
    let request =
        PlanRequest { parameters: values.as_object().unwrap(), ..PlanRequest::lenient(catalogue, Purpose::Execute) };
    plan(&workflow, &request)
}

/// The bound task; `None` when planning or binding refuses.
fn bound(catalogue: &Catalogue, tool: &Tool, parameters: &Map<String, Value>, values: &Value) -> Option<Task> {
    let plan = planned(catalogue, &tool.name, parameters.clone(), values).plan?;
    let run_id: RunId = "exec_01jz0000000000000000000000".parse().unwrap();
    let run = RunFacts { id: &run_id, status: RunStatus::Running, error: None, started_at: None };
    let scope = Scope { plan: &plan, results: &NoResults, step: Some(&plan.steps[0]), item: None, own: None, run };
    binding::task(&plan.steps[0].action, &scope).ok()
}

const HOSTILE: [&str; 12] = [
    "$(touch x)",
    "`touch x`",
    "a; touch x",
    "it's \"quoted\"",
    "two words",
    "first\nsecond",
    "-oProxyCommand=touch x",
    "--help",
    "'; drop table users; --",
    "${params.other}",
    "*",
    "\\",
];

fn texts(action: &TaskAction) -> Vec<String> {
    match action {
        TaskAction::Program { program, args, .. } => {
            let args = args.iter().map(|arg| arg.as_plain().unwrap_or_else(|| "<secret>".to_owned()));
            std::iter::once(program.clone()).chain(args).collect()
        }
        _ => Vec::new(),
    }
}

/// The words that differ between a benign and a hostile value hold the value and nothing else of it.
fn assert_one_item(what: &str, value: &str, benign: &TaskAction, hostile: &TaskAction) {
    let (benign, hostile) = (texts(benign), texts(hostile));
    assert_eq!(benign.len(), hostile.len(), "{what} with {value:?}: {hostile:?}");
    for (before, after) in benign.iter().zip(&hostile) {
        assert_eq!(before.replace("benign", value), *after, "{what} with {value:?}");
    }
    if hostile.first().is_some_and(|program| program == "sh") {
        assert_eq!(benign[2], hostile[2], "{what}: the fixed text of the shell changed");
    }
}

#[test]
fn a_reference_in_any_parameter_stays_one_item() {
    let catalogue = Catalogue::builtin();
    let mut seen = 0;
    for tool in catalogue.iter() {
        for example in &tool.examples {
            for (name, value) in example.as_object().unwrap() {
                if !value.is_string() {
                    continue;
                }
                let mut parameters = example.as_object().unwrap().clone();
                let is_command = name == "command" || name == "query" || name == "filter" || name == "code";
                let text =
                    if is_command { format!("{} ${{evil}}", value.as_str().unwrap()) } else { "${evil}".to_owned() };
                parameters.insert(name.clone(), Value::String(text));
                let Some(benign) = bound(&catalogue, tool, &parameters, &json!({"evil": "benign"})) else { continue };
                for hostile in HOSTILE.iter().copied().chain([&*"x".repeat(100_000)]) {
                    let values = json!({"evil": hostile, "other": "no"});
                    if let Some(task) = bound(&catalogue, tool, &parameters, &values) {
                        assert_one_item(&format!("{}.{name}", tool.name), hostile, &benign.action, &task.action);
                        let stdin_is_clean = !matches!(&task.action, TaskAction::Program { stdin: Some(stdin), .. }
                            if hostile.len() > 1 && matches!(name.as_str(), "query" | "filter") && stdin.as_plain().unwrap_or_default().contains(hostile));
                        assert!(stdin_is_clean, "{}.{name}: {hostile:?} became text of the language", tool.name);
                        if let TaskAction::Script { script, .. } = &task.action {
                            let text = script.as_plain().unwrap_or_default();
                            assert!(
                                !text.contains(hostile) || hostile.len() < 3,
                                "{}: {hostile:?} became code",
                                tool.name
                            );
                        }
                        seen += 1;
                    }
                }
                assert!(planned(&catalogue, &tool.name, parameters, &json!({"evil": "a\u{0}b"})).plan.is_none());
            }
        }
    }
    assert!(seen > 400, "only {seen} calls were looked at");
}

#[test]
fn a_literal_value_stays_one_item() {
    let catalogue = Catalogue::builtin();
    for tool in catalogue.iter().filter(|tool| matches!(tool.runs, Runs::Program { .. })) {
        for name in tool.parameter_names().filter(|name| !["command", "query", "filter"].contains(name)) {
            if tool.parameter(name).and_then(|schema| schema["type"].as_str()) != Some("string") {
                continue;
            }
            let mut parameters = tool.examples[0].as_object().unwrap().clone();
            parameters.insert(name.to_owned(), json!("benign"));
            let Some(benign) = bound(&catalogue, tool, &parameters, &json!({})) else { continue };
            for hostile in HOSTILE.iter().filter(|text| !text.contains("${")) {
                parameters.insert(name.to_owned(), json!(hostile));
                if let Some(task) = bound(&catalogue, tool, &parameters, &json!({})) {
                    assert_one_item(&format!("{}.{name}", tool.name), hostile, &benign.action, &task.action);
                }
            }
        }
    }
}

#[test]
fn options_can_not_be_smuggled_in() {
    let catalogue = Catalogue::builtin();
    for text in ["get pods ${evil}", "get pods \"${evil}\"", "get pods ''${evil}", "get pods ${empty}${evil}"] {
        let parameters = json!({"command": text}).as_object().unwrap().clone();
        let tool = catalogue.get("kubectl").unwrap();
        let values = json!({"evil": "--kubeconfig=/tmp/x", "empty": ""});
        assert!(bound(&catalogue, tool, &parameters, &values).is_none(), "{text}");
        assert!(bound(&catalogue, tool, &parameters, &json!({"evil": "web", "empty": ""})).is_some(), "{text}");
    }
}

#[test]
fn code_without_a_way_to_take_values_takes_no_references() {
    let catalogue = Catalogue::builtin();
    for (tool, parameters) in [
        ("sqlite3", json!({"database": "x.db", "query": "select ${evil}"})),
        ("make", json!({"target": "${evil}"})),
        ("mysql", json!({"query": "select 'a ${evil}'"})),
        ("kubectl", json!({"command": "exec web -- sh -c 'echo ${evil}'"})),
    ] {
        let planned = planned(&catalogue, tool, parameters.as_object().unwrap().clone(), &json!({"evil": "x"}));
        let codes: Vec<&str> = planned.issues.iter().map(|issue| issue.code.as_str()).collect();
        assert!(planned.plan.is_none() && codes.contains(&"reference_in_code"), "{tool}: {codes:?}");
    }
}

#[test]
fn a_command_that_no_program_has_is_told_with_what_was_meant() {
    let catalogue = Catalogue::builtin();
    for (tool, command, expected) in [
        ("kubectl", "rollback deployment/web", Some("did you mean `rollout")),
        ("kubectl", "-n shop rollout status deployment/web", None),
        ("kubectl", "rollout undone deployment/web", Some("did you mean `rollout undo`?")),
        ("kubectl", "apply deployment", None),
        ("kubectl", "${x} pods", None),
        ("kubectl", "--unheard-of thing get pods", None),
        ("helm", "upgrad web ./chart", Some("did you mean `upgrade`?")),
        ("systemctl", "xyzzy nginx", Some("there is status")),
        ("aws", "whatever list", None),
    ] {
        let parameters = json!({"command": command});
        let planned = planned(&catalogue, tool, parameters.as_object().unwrap().clone(), &json!({"x": "get"}));
        let found = planned.issues.iter().find(|issue| issue.code == "unknown_command");
        let help = found.and_then(|issue| issue.help.as_deref());
        assert_eq!(help.is_some(), expected.is_some(), "{tool} {command}: {found:?}");
        assert!(expected.is_none_or(|expected| help.unwrap().contains(expected)), "{tool} {command}: {help:?}");
        assert!(planned.plan.is_some(), "{tool} {command}: only a warning");
    }
}

#[test]
fn every_example_is_a_plan() {
    let catalogue = Catalogue::builtin();
    assert!(catalogue.iter().count() >= 40);
    for tool in catalogue.iter() {
        assert!(!tool.examples.is_empty(), "{} has no example", tool.name);
        for example in &tool.examples {
            let planned = planned(&catalogue, &tool.name, example.as_object().unwrap().clone(), &json!({}));
            assert!(planned.plan.is_some(), "{} {example}: {:?}", tool.name, planned.issues);
            assert!(!planned.issues.iter().any(|issue| issue.code == "unknown_command"), "{:?}", planned.issues);
        }
    }
}

#[test]
fn code_of_other_languages_gets_values_as_variables() {
    let catalogue = Catalogue::builtin();
    let action = |tool: &str, parameters: Value| {
        let planned = planned(&catalogue, tool, parameters.as_object().unwrap().clone(), &json!({"x": "v"}));
        planned.plan.unwrap_or_else(|| panic!("{:?}", planned.issues)).steps.remove(0).action
    };
    let words = |action: &PlannedAction| match action {
        PlannedAction::Program { args, stdin, .. } => {
            let args = args.iter().map(|argument| argument.value.as_text().unwrap_or_else(|| "<value>".to_owned()));
            (args.collect::<Vec<_>>(), stdin.as_ref().and_then(|stdin| stdin.as_text()))
        }
        other => panic!("{other:?}"),
    };
    let (args, stdin) = words(&action("psql", json!({"query": "select ${x}"})));
    assert_eq!(args, ["-X", "-v", "ON_ERROR_STOP=1", "-v", "<value>"]);
    assert_eq!(stdin.as_deref(), Some("select :'partita_1'"));
    let (args, _) = words(&action("jq", json!({"filter": ".[${x}]"})));
    assert_eq!(args, ["--arg", "partita_1", "<value>", ".[$partita_1]", "--"]);
    let (args, _) = words(&action("ssh", json!({"host": "h", "command": "echo ${x}"})));
    assert_eq!(args[3..], ["", "", "h", "", "echo \"${partita_1}\"", "partita_1", "<value>"]);
}

#[test]
fn a_catalogue_file_reports_everything_at_its_place() {
    let mut catalogue = Catalogue::default();
    let text = "tools:\n  - name: greet\n    description: says hello\n    effects: reed\n    program: echo\n    runs: { argv: [\"<who>\"] }\n  - nam: x\n";
    let findings = catalogue.add_yaml(text, "tools.yaml").unwrap_err();
    let shown: Vec<String> = findings
        .iter()
        .map(|finding| format!("{}:{} {}", finding.line.unwrap_or(0), finding.path, finding.message))
        .collect();
    assert!(shown.iter().any(|line| line.contains("`reed` is no effect") && line.starts_with("4:")), "{shown:#?}");
    assert!(shown.iter().any(|line| line.contains("names the parameter `who`")), "{shown:#?}");
    assert!(shown.iter().any(|line| line.contains("a tool has no key `nam`")), "{shown:#?}");
    assert_eq!(catalogue.iter().count(), 0);
    let good = "tools:\n  - name: greet\n    description: says hello\n    effects: read\n    program: echo\n    runs: { argv: [hello] }\n";
    catalogue.add_yaml(good, "tools.yaml").unwrap();
    assert!(catalogue.get("greet").is_some());
}
