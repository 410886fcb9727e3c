//! What the tests of the planner share.

use std::fmt::Write as _;
use std::sync::LazyLock;

use partita_core::tool::Catalogue;
use partita_core::workflow::{PlanRequest, Planned, Purpose, Workflow, plan, to_value};
use serde_json::{Map, Value};

pub(crate) fn planned(workflow: &Workflow, parameters: &Map<String, Value>, purpose: Purpose) -> Planned {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::builtin);
    let request = PlanRequest { parameters, ..PlanRequest::lenient(&CATALOGUE, purpose) };
    plan(workflow, &request)
}

/// A workflow on a few lines.
pub(crate) fn summary(workflow: &Workflow, suggestions: &[String]) -> String {
    let value = to_value(workflow);
    let mut text = format!("  {}", workflow.name);
    for key in ["on_failure", "timeout"] {
        if let Some(set) = value.get(key) {
            let _ = write!(text, " {key}={}", bare(set));
        }
    }
    text.push('\n');
    for step in value["steps"].as_array().into_iter().flatten() {
        let _ = writeln!(text, "  - {}", step_line(step));
    }
    for (name, handler) in value["handlers"].as_object().into_iter().flatten() {
        let _ = writeln!(text, "  at {name}: {}", step_line(handler));
    }
    if let Some(params) = value["params"].as_object() {
        let params: Vec<String> = params.iter().map(|(name, param)| param_word(name, param)).collect();
        let _ = writeln!(text, "  params: {}", params.join(" "));
    }
    for suggestion in suggestions {
        let _ = writeln!(text, "  says: {suggestion}");
    }
    text
}

fn param_word(name: &str, param: &Value) -> String {
    let default = if param.is_object() { param.get("default") } else { Some(param) };
    match default {
        Some(default) => format!("{name}={default}"),
        None if param["required"] == true => format!("{name}!"),
        None => format!("{name}?"),
    }
}

fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn step_line(step: &Value) -> String {
    let mut line = bare(&step["name"]);
    if let Some(depends) = step.get("depends").and_then(Value::as_array) {
        let names: Vec<String> = depends.iter().map(bare).collect();
        let _ = write!(line, " <- [{}]", names.join(" "));
    }
    let _ = write!(line, ": {}", action(step));
    for key in ["if", "foreach", "retry", "timeout", "dir", "continue_on", "repeat"] {
        if let Some(set) = step.get(key) {
            let _ = write!(line, " {key}={}", bare(set));
        }
    }
    if let Some(rollback) = step.get("rollback") {
        let _ = write!(line, " undo({})", action(rollback));
    }
    line
}

fn action(step: &Value) -> String {
    let first_line = |text: String| text.lines().next().unwrap_or_default().chars().take(60).collect::<String>();
    if let Some(tool) = step.get("tool") {
        let parameters = &step["parameters"];
        return match parameters.get("command").filter(|_| parameters.as_object().is_some_and(|it| it.len() == 1)) {
            Some(command) => format!("{} {}", bare(tool), bare(command)),
            None => format!("{} {}", bare(tool), first_line(parameters.to_string())),
        };
    }
    for (key, mark) in [("command", "$"), ("script", "script"), ("http", "http"), ("approval", "approval")] {
        if let Some(found) = step.get(key) {
            return format!("{mark} {}", first_line(bare(found)));
        }
    }
    "nothing".to_owned()
}
