//! The parameters that a workflow declares.

use indexmap::IndexMap;
use serde_json::Value;

use super::Reading;
use super::object::{Field, Object, token};
use crate::workflow::document::{Param, ParamType};

/// Keys that make an object a declaration rather than a default.
const DECLARATION: [&str; 9] =
    ["type", "description", "default", "required", "enum", "min", "max", "pattern", "secret"];

/// Reads `params`: an object, a list, or text as `NAME=value NAME=value`.
pub(super) fn read(reading: &mut Reading, field: &Field<'_>) -> IndexMap<String, Param> {
    let mut params = IndexMap::new();
    for item in field.items() {
        match item.value {
            Value::Object(map) if named(map) && item.path != field.path => {
                reading.imported = true;
                let mut object = Object::new(map, item.path.clone());
                if let Some(name) = object.text(reading, &["name"], &[]) {
                    params.insert(name, declared(reading, object));
                }
            }
            Value::Object(map) => {
                for (name, value) in map {
                    let field = Field { value, path: format!("{}/{}", item.path, token(name)), key: name };
                    params.insert(name.clone(), param(reading, &field));
                }
            }
            Value::String(text) => {
                reading.imported = true;
                params.extend(from_text(text));
            }
            other => reading.wrong_type(&item.path, "parameters", other),
        }
    }
    params
}

fn named(map: &serde_json::Map<String, Value>) -> bool {
    map.get("name").is_some_and(Value::is_string)
        && map.keys().all(|key| key == "name" || DECLARATION.contains(&key.as_str()))
}

/// `A=1 B="two words"` or bare values, which become `1`, `2`, ….
fn from_text(text: &str) -> IndexMap<String, Param> {
    let words = crate::workflow::reference::split_arguments(text).unwrap_or_default();
    let numbered = (1..).zip(words);
    let param = |(number, word): (i32, String)| {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (number.to_string(), word),
        };
        (name, Param { default: Some(Value::String(value)), ..Param::default() })
    };
    numbered.map(param).collect()
}

fn param(reading: &mut Reading, field: &Field<'_>) -> Param {
    match field.value {
        Value::Object(map) if !map.is_empty() && map.keys().all(|key| DECLARATION.contains(&key.as_str())) => {
            declared(reading, Object::new(map, field.path.clone()))
        }
        // Mostly a declaration: its other keys are mistakes, not a value.
        Value::Object(map) if map.contains_key("type") || map.contains_key("default") => {
            declared(reading, Object::new(map, field.path.clone()))
        }
        Value::Null => Param::default(),
        value => Param { default: Some(value.clone()), ..Param::default() },
    }
}

fn declared(reading: &mut Reading, mut object: Object<'_>) -> Param {
    let kind = object.take(reading, &["type"], &[]).and_then(|field| param_type(reading, &field));
    let description = object.text(reading, &["description"], &[]);
    let default = object.take(reading, &["default"], &["value"]).map(|field| field.value.clone());
    let required = object.take(reading, &["required"], &[]).and_then(|field| field.boolean(reading)).unwrap_or(false);
    let choices = match object.take(reading, &["enum"], &["options", "choices"]) {
        Some(Field { value: Value::Array(values), .. }) => values.clone(),
        Some(field) => {
            reading.wrong_type(&field.path, "a list of values", field.value);
            Vec::new()
        }
        None => Vec::new(),
    };
    let min = object.take(reading, &["min"], &["minimum"]).and_then(|field| field.number(reading));
    let max = object.take(reading, &["max"], &["maximum"]).and_then(|field| field.number(reading));
    let pattern = object.text(reading, &["pattern"], &[]);
    let secret =
        object.take(reading, &["secret"], &["sensitive"]).and_then(|field| field.boolean(reading)).unwrap_or(false);
    object.finish(reading);
    Param { kind, description, default, required, choices, min, max, pattern, secret }
}

fn param_type(reading: &mut Reading, field: &Field<'_>) -> Option<ParamType> {
    let name = field.text(reading)?;
    Some(match name.to_lowercase().as_str() {
        "string" | "str" | "text" => ParamType::String,
        "integer" | "int" => ParamType::Integer,
        "number" | "float" => ParamType::Number,
        "boolean" | "bool" => ParamType::Boolean,
        "array" | "list" => ParamType::Array,
        "object" | "map" | "dict" => ParamType::Object,
        _ => {
            let help = "one of string, integer, number, boolean, array, object";
            reading.error("unknown_type", &field.path, format!("`{name}` is no type of a parameter")).help =
                Some(help.to_owned());
            return None;
        }
    })
}
