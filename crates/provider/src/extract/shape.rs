//! Gets a document out of what it is wrapped in.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::lenient;
use super::repair::Repair;

/// Wrappings around wrappings that are taken off.
const WRAPPINGS_MAX: usize = 4;
/// Keys under which a tool call holds what it is called with.
const ARGUMENTS: [&str; 4] = ["arguments", "parameters", "input", "args"];

/// Whether a value is a workflow, or holds one that can be taken out.
pub(super) fn is_document(value: &Value) -> bool {
    is_plain(value) || taken_out(value).is_some()
}

fn is_plain(value: &Value) -> bool {
    let is_workflow = |value: &Value| value.is_object() || value.as_str().is_some_and(|text| text.contains("steps"));
    value.get("steps").is_some()
        || value.get("workflow").is_some_and(is_workflow)
        || value.get("changes").is_some_and(Value::is_object)
}

/// A document without its wrappings.
pub(super) fn unwrapped(mut value: Value, repairs: &mut BTreeSet<Repair>) -> Value {
    for _ in 0..WRAPPINGS_MAX {
        let Some((inner, repair)) = taken_out(&value) else { break };
        repairs.insert(repair);
        value = inner;
    }
    if let Some(read) = value.get("workflow").and_then(Value::as_str).and_then(in_text) {
        repairs.insert(Repair::InText);
        value["workflow"] = read;
    }
    let inner = ["workflow", "changes"].into_iter().find(|key| value.get(key).is_some_and(Value::is_object));
    let document = match inner.and_then(|key| value.get_mut(key)) {
        Some(inner) => inner,
        None => &mut value,
    };
    if name_params(document) {
        repairs.insert(Repair::ParamsList);
    }
    if drop_nulls(document) {
        repairs.insert(Repair::Nulls);
    }
    value
}

/// What one wrapping holds, when it holds a document.
fn taken_out(value: &Value) -> Option<(Value, Repair)> {
    if is_plain(value) {
        return None;
    }
    match value {
        Value::String(text) => in_text(text).map(|inner| (inner, Repair::InText)),
        Value::Array(list) => match list.as_slice() {
            [only] if is_plain(only) => Some((only.clone(), Repair::InList)),
            _ => None,
        },
        Value::Object(entries) => in_object(entries),
        _ => None,
    }
}

fn in_object(entries: &Map<String, Value>) -> Option<(Value, Repair)> {
    let plain = |value: &Value| match value {
        Value::String(text) => in_text(text),
        value => is_plain(value).then(|| value.clone()),
    };
    if let Some(held) = ARGUMENTS.iter().find_map(|key| entries.get(*key)) {
        return plain(held).map(|inner| (inner, Repair::InCall));
    }
    match entries.values().next() {
        Some(only) if entries.len() == 1 => plain(only).map(|inner| (inner, Repair::Wrapped)),
        _ => None,
    }
}

/// A document that a text holds, as JSON in JSON.
fn in_text(text: &str) -> Option<Value> {
    let text = text.trim();
    if !text.contains("steps") {
        return None;
    }
    let value = if text.starts_with('{') {
        lenient::read(text).ok().filter(|read| text[read.end..].trim().is_empty())?.value
    } else {
        partita_core::workflow::read_text(text, None).ok()?
    };
    is_plain(&value).then_some(value)
}

/// Makes a list of named parameters an object, as which it is written down; the schema that vendors hold
/// models to can only say it as a list.
fn name_params(document: &mut Value) -> bool {
    let Some(Value::Array(list)) = document.get("params") else { return false };
    let mut named = Map::new();
    for param in list {
        let Some(Value::String(name)) = param.get("name") else { return false };
        let rest = param.as_object().into_iter().flatten().filter(|(key, _)| *key != "name");
        let mut rest: Map<_, _> = rest.map(|(key, value)| (key.clone(), value.clone())).collect();
        default_of_its_type(&mut rest);
        if named.insert(name.clone(), Value::Object(rest)).is_some() {
            return false;
        }
    }
    document["params"] = Value::Object(named);
    true
}

/// Reads a default as the type that its param has: in a list of params models like to write all defaults
/// as text.
fn default_of_its_type(param: &mut Map<String, Value>) {
    let Some(text) = param.get("default").and_then(Value::as_str).map(str::trim) else { return };
    let read: Option<Value> = serde_json::from_str(text).ok();
    let read = read.filter(|value| match param.get("type").and_then(Value::as_str) {
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        _ => false,
    });
    if let Some(value) = read {
        param.insert("default".to_owned(), value);
    }
}

/// Leaves out keys that are null, where null can only mean absent.
fn drop_nulls(document: &mut Value) -> bool {
    let mut dropped = without_nulls(document);
    for key in ["steps", "handlers", "params"] {
        for part in parts(document.get_mut(key)) {
            dropped |= without_nulls(part);
            for inner in ["parameters", "rollback", "retry", "continue_on"] {
                if let Some(inner) = part.get_mut(inner) {
                    dropped |= without_nulls(inner);
                    dropped |= inner.get_mut("parameters").is_some_and(without_nulls);
                }
            }
        }
    }
    dropped
}

fn parts(value: Option<&mut Value>) -> Vec<&mut Value> {
    match value {
        Some(Value::Array(list)) => list.iter_mut().collect(),
        Some(Value::Object(entries)) => entries.values_mut().collect(),
        _ => Vec::new(),
    }
}

fn without_nulls(value: &mut Value) -> bool {
    let Value::Object(entries) = value else { return false };
    let before = entries.len();
    entries.retain(|_, value| !value.is_null());
    entries.len() < before
}
