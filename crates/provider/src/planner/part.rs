//! The parts that a workflow is put together from.

use serde_json::{Map, Value, json};

/// Steps that belong together, and the parameters that they need.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    /// What it is called in notes, and what the workflow is named after: `host-health`.
    pub(super) name: String,
    pub(super) params: Map<String, Value>,
    /// In their order. A step without `depends` follows the one before it; `depends: []` means the
    /// beginning of the part.
    pub(super) steps: Vec<Value>,
    /// What the author of the task should know.
    pub(super) suggestions: Vec<String>,
    /// Whether it asks for `on_failure: rollback`.
    pub(super) rollback: bool,
}

impl Part {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Declares a parameter with a value that is known, or that is harmless.
    pub(super) fn param(&mut self, name: &str, kind: &str, description: &str, default: impl Into<Value>) {
        let declared = json!({"type": kind, "description": description, "default": default.into()});
        self.params.entry(name).or_insert(declared);
    }

    /// Declares a parameter: with its value when it is known, else as required.
    pub(super) fn needed(&mut self, name: &str, description: &str, value: Option<String>) {
        let declared = match value {
            Some(value) => json!({"type": "string", "description": description, "default": value}),
            None => json!({"type": "string", "description": description, "required": true}),
        };
        self.params.entry(name).or_insert(declared);
    }

    pub(super) fn step(&mut self, step: Value) {
        self.steps.push(step);
    }

    pub(super) fn suggest(&mut self, text: impl Into<String>) {
        self.suggestions.push(text.into());
    }
}

/// The name of a thing as a part of a step's name.
pub(super) fn slug(text: &str) -> String {
    let mut slug = String::new();
    for character in text.chars().take(40) {
        if character.is_ascii_alphanumeric() {
            slug.push(character.to_ascii_lowercase());
        } else if !slug.ends_with('_') && !slug.is_empty() {
            slug.push('_');
        }
    }
    slug.trim_end_matches('_').to_owned()
}

/// Puts parts together, one after the other. Steps that would have the same name get a number;
/// parameters of the same name are one.
pub(super) fn assemble(name: &str, description: &str, parts: Vec<Part>) -> (Value, Vec<String>) {
    let (mut params, mut steps, mut suggestions) = (Map::new(), Vec::<Value>::new(), Vec::new());
    let mut rollback = false;
    let mut ends: Vec<String> = Vec::new();
    for part in parts {
        for (name, declared) in part.params {
            params.entry(name).or_insert(declared);
        }
        suggestions.extend(part.suggestions);
        rollback |= part.rollback;
        let (renamed, part_ends) = place(part.steps, &steps, &ends);
        steps.extend(renamed);
        if !part_ends.is_empty() {
            ends = part_ends;
        }
    }
    let mut workflow = json!({"name": name, "description": description});
    if !params.is_empty() {
        workflow["params"] = Value::Object(params);
    }
    if rollback {
        workflow["on_failure"] = json!("rollback");
    }
    workflow["steps"] = Value::Array(steps);
    (workflow, suggestions)
}

/// Names and orders the steps of one part after what is there; gives them and the names of those that
/// nothing in the part waits for.
fn place(steps: Vec<Value>, before: &[Value], ends: &[String]) -> (Vec<Value>, Vec<String>) {
    let taken = |name: &str, placed: &[Value]| before.iter().chain(placed).any(|step| step["name"] == name);
    let mut placed: Vec<Value> = Vec::new();
    let mut renamed: Vec<(String, String)> = Vec::new();
    for mut step in steps {
        let wished = step["name"].as_str().unwrap_or("step").to_owned();
        let mut name = wished.clone();
        let mut number = 2;
        while taken(&name, &placed) {
            name = format!("{wished}_{number}");
            number += 1;
        }
        step["name"] = json!(name);
        let known = |dependency: &str| {
            renamed.iter().rev().find(|(wished, _)| wished == dependency).map(|(_, name)| name.clone())
        };
        let depends = match step.get("depends").and_then(Value::as_array) {
            Some(list) if list.is_empty() => ends.to_vec(),
            Some(list) => list.iter().filter_map(|name| known(name.as_str()?)).collect(),
            None => placed
                .last()
                .map_or_else(|| ends.to_vec(), |last| vec![last["name"].as_str().unwrap_or_default().to_owned()]),
        };
        step["depends"] = json!(depends);
        renamed.push((wished, name));
        placed.push(step);
    }
    let needed = |name: &str| {
        placed.iter().any(|step| step["depends"].as_array().is_some_and(|list| list.iter().any(|it| it == name)))
    };
    let names: Vec<String> = placed.iter().filter_map(|step| step["name"].as_str().map(str::to_owned)).collect();
    let part_ends = names.iter().filter(|name| !needed(name)).cloned().collect();
    (placed, part_ends)
}
