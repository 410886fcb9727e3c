//! A plan as a person reads it before it runs: steps in order, what each does, its risk and how it is
//! taken back; then what is still missing.

use serde_json::Value;

use crate::output::{Output, Tone};
use crate::render::graph::Graph;

/// Prints a composed workflow with its validation and risk.
pub(crate) fn print(output: &Output, workflow: &Value, risk: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    output.line(&output.paint(Tone::Strong, &text(&workflow["name"])));
    let description = text(&workflow["description"]);
    if !description.is_empty() {
        output.line(&format!("  {description}"));
    }
    let graph = Graph::of(workflow);
    let steps = workflow["steps"].as_array().cloned().unwrap_or_default();
    for (index, step) in steps.iter().enumerate() {
        let effects = effects_of(risk, &text(&step["name"]));
        let (tone, mark) = match effects.as_str() {
            "read" => (Tone::Good, "reads"),
            "write" => (Tone::Warn, "writes"),
            "destructive" => (Tone::Bad, "destroys"),
            _ => (Tone::Warn, "unknown"),
        };
        let head = format!("  {}{}  {}", graph.rail(index), text(&step["name"]), action(step));
        let taken_back =
            if step.get("rollback").is_some_and(|rollback| !rollback.is_null()) { ", can be taken back" } else { "" };
        output.line(&format!("{head}  {}", output.paint(tone, &format!("[{mark}{taken_back}]"))));
    }
    print_parameters(output, workflow);
    if let Some(schedule) = workflow["schedule"].as_str() {
        output.line(&format!("  schedule: {schedule}"));
    }
}

/// The names of parameters that need a value and have none.
pub(crate) fn missing_parameters(workflow: &Value, given: &serde_json::Map<String, Value>) -> Vec<String> {
    let params = workflow["params"].as_object().into_iter().flatten();
    let missing = params.filter(|(name, param)| {
        param["required"].as_bool() == Some(true)
            && param.get("default").is_none_or(Value::is_null)
            && !given.contains_key(*name)
    });
    missing.map(|(name, _)| name.clone()).collect()
}

/// The risk of a step by name, as the API tells it.
fn effects_of(risk: &Value, step: &str) -> String {
    let entries = risk.as_array().or_else(|| risk["steps"].as_array()).into_iter().flatten();
    let found = entries.into_iter().find(|entry| entry["step"].as_str() == Some(step));
    found.and_then(|entry| entry["effects"].as_str()).unwrap_or("unknown").to_owned()
}

/// The names of steps that may not run unseen.
pub(crate) fn risky_steps(workflow: &Value, risk: &Value) -> Vec<(String, String)> {
    let names = workflow["steps"].as_array().into_iter().flatten().filter_map(|step| step["name"].as_str());
    let with_effects = names.map(|name| (name.to_owned(), effects_of(risk, name)));
    with_effects.filter(|(_, effects)| effects == "destructive" || effects == "unknown").collect()
}

fn print_parameters(output: &Output, workflow: &Value) {
    let Some(params) = workflow["params"].as_object().filter(|params| !params.is_empty()) else { return };
    output.line(&output.paint(Tone::Faint, "  parameters:"));
    for (name, param) in params {
        let default = if param.is_object() { param.get("default") } else { Some(param) };
        let value = match default.filter(|value| !value.is_null()) {
            Some(value) => value.to_string(),
            None if param["required"].as_bool() == Some(true) => output.paint(Tone::Warn, "needed: -p name=value"),
            None => "none".to_owned(),
        };
        let description = param["description"].as_str().map(|text| format!("  {text}")).unwrap_or_default();
        output.line(&format!("    {name} = {value}{}", output.paint(Tone::Faint, &description)));
    }
}

/// What a step does, on one line.
pub(crate) fn action(step: &Value) -> String {
    let short = |text: &str| {
        let line = text.trim().lines().next().unwrap_or_default();
        let cut: String = line.chars().take(60).collect();
        if cut.len() < text.trim().len() { format!("{cut}…") } else { cut }
    };
    let text = |key: &str| step[key].as_str();
    if let Some(tool) = text("tool") {
        let parameters = step["parameters"].as_object();
        let command = parameters.and_then(|parameters| parameters.get("command")).and_then(Value::as_str);
        return match (command, parameters) {
            (Some(command), _) => format!("{tool} {}", short(command)),
            (None, Some(parameters)) if !parameters.is_empty() => {
                let parts: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("{tool} {}", short(&parts.join(" ")))
            }
            _ => tool.to_owned(),
        };
    }
    if let Some(command) = text("command") {
        return format!("$ {}", short(command));
    }
    if let Some(script) = text("script") {
        return format!("script: {}", short(script));
    }
    if let Some(url) = step["http"]["url"].as_str() {
        return format!("{} {}", step["http"]["method"].as_str().unwrap_or("GET"), short(url));
    }
    if !step["approval"].is_null() {
        return format!("asks a person: {}", short(step["approval"]["message"].as_str().unwrap_or("go on?")));
    }
    String::new()
}
