//! What an answer is held to: the part of the workflow language that authors need, with the tools that
//! the prompt shows. Every object says all of its keys, since vendors only enforce schemas that do.

use std::sync::Arc;

use partita_core::tool::Tool;
use serde_json::{Map, Value, json};

use crate::call::Surroundings;
use crate::model::AnswerSchema;

/// What an answer is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Workflow,
    /// Changes to a workflow, for so many requirements.
    Refinement(usize),
}

/// A schema that is made when it is asked for: with all its tools it takes hundreds of kilobytes, and most chats wait for
/// their model without it.
pub(super) struct Holding {
    pub around: Arc<Surroundings>,
    /// The names of the tools that the prompt shows.
    pub tools: Vec<String>,
    pub shape: Shape,
}

impl Holding {
    pub(super) fn schema(&self) -> AnswerSchema {
        let tools: Vec<&Tool> = self.tools.iter().filter_map(|name| self.around.catalogue.get(name)).collect();
        match self.shape {
            Shape::Workflow => workflow(&tools),
            Shape::Refinement(requirements) => refinement(&tools, requirements),
        }
    }
}

/// Keys of a tool's parameters that vendors understand; the rest stays with the check.
const KEYS: [&str; 5] = ["type", "description", "enum", "items", "properties"];

/// The schema of a workflow whose steps call these tools.
fn workflow(tools: &[&Tool]) -> AnswerSchema {
    AnswerSchema { name: "workflow".to_owned(), schema: of_workflow(tools) }
}

/// The schema of changes to a workflow, with what was done for each requirement.
///
/// Its lists have an end: models that may go on do so.
fn refinement(tools: &[&Tool], requirements: usize) -> AnswerSchema {
    let claim = object(
        json!({
            "number": {"type": "integer"}, "met": {"type": "boolean"}, "summary": {"type": "string"},
            "steps": list(json!({"type": "string"}), 12),
        }),
        &["number", "met", "summary", "steps"],
    );
    let schema = object(
        json!({"changes": of_changes(tools, requirements), "requirements": list(claim, requirements)}),
        &["changes", "requirements"],
    );
    AnswerSchema { name: "refinement".to_owned(), schema }
}

fn of_workflow(tools: &[&Tool]) -> Value {
    object(
        json!({
            "name": {"type": "string"},
            "description": {"type": "string"},
            "params": params(),
            "on_failure": on_failure(),
            "schedule": {"type": "string", "description": "a cron phrase"},
            "steps": {"type": "array", "minItems": 1, "items": {"anyOf": steps(tools, &Map::new())}},
        }),
        &["name", "description", "params", "steps"],
    )
}

fn list(items: Value, most: usize) -> Value {
    json!({"type": "array", "maxItems": most, "items": items})
}

fn of_changes(tools: &[&Tool], requirements: usize) -> Value {
    let text = || json!({"type": "string"});
    let places = Map::from_iter([("after".to_owned(), text()), ("before".to_owned(), text())]);
    object(
        json!({
            "params": params(),
            "on_failure": on_failure(),
            "schedule": {"type": "string", "description": "a cron phrase"},
            "timeout": text(),
            "steps": list(json!({"anyOf": steps(tools, &places)}), 4 + 4 * requirements),
            "remove": list(text(), 12),
        }),
        &["steps"],
    )
}

fn params() -> Value {
    let param = object(
        json!({
            "name": {"type": "string"},
            "type": {"type": "string", "enum": ["string", "integer", "number", "boolean"]},
            // Held to text alone, a model that is about to write a number writes some other text.
            "default": {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]},
            "required": {"type": "boolean"},
        }),
        &["name"],
    );
    json!({"type": "array", "items": param})
}

fn on_failure() -> Value {
    json!({"type": "string", "enum": ["stop", "continue", "rollback"]})
}

/// A step for each tool, with the keys of every step and those of `places`.
fn steps(tools: &[&Tool], places: &Map<String, Value>) -> Vec<Value> {
    let rollbacks: Vec<Value> = tools.iter().map(|tool| call(tool, json!({}))).collect();
    let mut keys = Value::Object(places.clone());
    if let (Some(keys), Value::Object(own)) = (keys.as_object_mut(), step_keys(&rollbacks)) {
        keys.extend(own);
    }
    tools.iter().map(|tool| call(tool, keys.clone())).collect()
}

fn step_keys(rollbacks: &[Value]) -> Value {
    json!({
        "depends": {"type": "array", "items": {"type": "string"}},
        "if": {"type": "string"},
        "output": {"type": "string"},
        "retry": object(json!({"max_attempts": {"type": "integer"}, "delay": {"type": "string"}}), &["max_attempts"]),
        "timeout": {"type": "string"},
        "rollback": {"anyOf": rollbacks},
    })
}

/// An object that calls one tool, with further keys if it is a step.
fn call(tool: &Tool, more: Value) -> Value {
    let is_step = more.as_object().is_some_and(|more| !more.is_empty());
    let mut keys = Map::new();
    if is_step {
        keys.insert("name".to_owned(), json!({"type": "string"}));
    }
    keys.insert("tool".to_owned(), json!({"type": "string", "enum": [tool.name]}));
    keys.insert("parameters".to_owned(), parameters(&tool.parameters));
    if let Value::Object(more) = more {
        keys.extend(more);
    }
    let required: &[&str] = if is_step { &["name", "tool", "parameters"] } else { &["tool", "parameters"] };
    object(Value::Object(keys), required)
}

fn parameters(schema: &Value) -> Value {
    let properties = schema["properties"].as_object();
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    // One object with names that nobody knows beforehand, and vendors hold the model to nothing at all.
    let is_kept = |name: &str, schema: &Value| required.contains(&name) || !is_open(schema);
    let properties = properties.into_iter().flatten().filter(|(name, schema)| is_kept(name, schema));
    let properties: Map<String, Value> = properties.map(|(name, schema)| (name.clone(), narrowed(schema))).collect();
    object(Value::Object(properties), &required)
}

/// Whether a schema allows objects of which it does not say the keys.
fn is_open(schema: &Value) -> bool {
    let kind = &schema["type"];
    let is =
        |wanted: &str| kind == wanted || kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == wanted));
    is("object") && !schema["properties"].is_object() || is("array") && is_open(&schema["items"])
}

/// A parameter's schema with what vendors understand; values of any type are written as text. Where
/// there are several types each is a choice of its own: held to text alone, a model could neither write
/// the number that the check wants nor mend what it wrote.
fn narrowed(schema: &Value) -> Value {
    let mut narrow: Map<String, Value> = schema
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| KEYS.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let kind = narrow.get("type").and_then(Value::as_str).map(str::to_owned);
    match kind.as_deref() {
        _ if is_open(schema) => {
            narrow = Map::from_iter([("type".to_owned(), json!("string"))]);
        }
        Some("array") => {
            let items = narrow
                .get("items")
                .filter(|items| items.is_object())
                .map_or_else(|| json!({"type": "string"}), narrowed);
            narrow.insert("items".to_owned(), items);
        }
        Some("object") if narrow.contains_key("properties") => return parameters(schema),
        Some(_) => {}
        None if schema["type"].is_array() => return one_of(schema),
        None => {
            narrow.insert("type".to_owned(), json!("string"));
            narrow.remove("enum");
            narrow.remove("items");
        }
    }
    Value::Object(narrow)
}

/// A choice between the types of a schema that has several.
fn one_of(schema: &Value) -> Value {
    let kinds = schema["type"].as_array().into_iter().flatten().filter(|kind| *kind != "object" && *kind != "null");
    let mut choices: Vec<Value> = kinds
        .map(|kind| {
            let mut choice = schema.clone();
            choice["type"] = kind.clone();
            if let Some(keys) = choice.as_object_mut() {
                // Its values are of all types together.
                keys.remove("enum");
                if kind != "array" {
                    keys.remove("items");
                }
            }
            narrowed(&choice)
        })
        .collect();
    match (choices.len(), choices.pop()) {
        (1, Some(only)) => only,
        (_, Some(last)) => {
            choices.push(last);
            json!({"anyOf": choices})
        }
        (_, None) => json!({"type": "string"}),
    }
}

fn object(properties: Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_of_several_types_can_be_written_as_each_of_them() {
        let catalogue = partita_core::tool::Catalogue::builtin();
        let http = catalogue.iter().find(|tool| tool.name == "http").unwrap();
        let schema = workflow(&[http]).schema;
        let step = &schema["properties"]["steps"]["items"]["anyOf"][0];
        let status = &step["properties"]["parameters"]["properties"]["expect_status"]["anyOf"];
        assert_eq!((&status[0]["type"], &status[1]["type"]), (&json!("integer"), &json!("array")), "{step}");
        assert!(status[1]["items"].is_object() && status[0].get("items").is_none(), "{status}");
        let default = &schema["properties"]["params"]["items"]["properties"]["default"]["anyOf"];
        assert!(default.as_array().unwrap().contains(&json!({"type": "number"})), "{default}");
        assert_eq!(narrowed(&json!({"type": ["string", "null"]})), json!({"type": "string"}));
        assert_eq!(narrowed(&json!({"type": ["object", "null"]})), json!({"type": "string"}));
        assert_eq!(narrowed(&json!({})), json!({"type": "string"}));
    }
}
