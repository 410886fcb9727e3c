//! Schemas in the dialects that vendors hold their models to.

use serde_json::{Map, Value, json};

/// Deeper schemas come from nowhere honest, or refer to themselves.
const DEPTH_MAX: usize = 32;

/// The rules of a vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strictness {
    /// Every object is closed and every property required; what was optional may be null instead.
    OpenAi,
    /// Every object is closed, nothing refers to other places, and sizes are not limited.
    Anthropic,
}

/// The schema, closed at every level; or nothing when it can't be said that way (an object of which the
/// names are not known beforehand, a combination that the vendor does not know).
pub(super) fn closed(schema: &Value, strictness: Strictness) -> Option<Value> {
    let is_object = schema.get("type").is_some_and(|kind| kind == "object");
    if is_object { close(schema, strictness, 0) } else { None }
}

fn close(schema: &Value, strictness: Strictness, depth: usize) -> Option<Value> {
    const UNSAYABLE: &[&str] = &[
        "allOf",
        "not",
        "if",
        "then",
        "else",
        "patternProperties",
        "propertyNames",
        "dependentSchemas",
        "dependentRequired",
        "prefixItems",
        "unevaluatedProperties",
    ];
    let map = schema.as_object()?;
    if depth > DEPTH_MAX || UNSAYABLE.iter().any(|key| map.contains_key(*key)) {
        return None;
    }
    if map.contains_key("$ref") && strictness == Strictness::Anthropic {
        return None;
    }
    let says_nothing = !["type", "anyOf", "oneOf", "enum", "const", "$ref"].iter().any(|key| map.contains_key(*key));
    if says_nothing {
        return None;
    }
    let mut out = Map::new();
    for (key, value) in map {
        let closed = match key.as_str() {
            "properties" | "$defs" | "definitions" => each(value, strictness, depth)?,
            "items" => close(value, strictness, depth + 1)?,
            "anyOf" | "oneOf" => {
                let choices = value.as_array()?.iter().map(|choice| close(choice, strictness, depth + 1));
                out.insert("anyOf".to_owned(), Value::Array(choices.collect::<Option<_>>()?));
                continue;
            }
            "additionalProperties" if value != &Value::Bool(false) => return None,
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" | "minLength"
            | "maxLength" | "minItems" | "maxItems" | "uniqueItems" | "pattern"
                if strictness == Strictness::Anthropic =>
            {
                continue;
            }
            "$schema" | "$id" => continue,
            _ => value.clone(),
        };
        out.insert(key.clone(), closed);
    }
    if includes_type(map.get("type"), "object") || map.contains_key("properties") {
        close_object(&mut out, strictness)?;
    }
    if includes_type(map.get("type"), "array") && !map.contains_key("items") {
        return None;
    }
    Some(Value::Object(out))
}

fn includes_type(kind: Option<&Value>, wanted: &str) -> bool {
    match kind {
        Some(Value::String(kind)) => kind == wanted,
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == wanted),
        _ => false,
    }
}

fn each(value: &Value, strictness: Strictness, depth: usize) -> Option<Value> {
    let closed =
        value.as_object()?.iter().map(|(name, schema)| Some((name.clone(), close(schema, strictness, depth + 1)?)));
    closed.collect::<Option<Map<_, _>>>().map(Value::Object)
}

fn close_object(out: &mut Map<String, Value>, strictness: Strictness) -> Option<()> {
    if !out.contains_key("properties") {
        // An object of which nothing is said is open, unless it says that it is empty.
        return out.contains_key("additionalProperties").then_some(());
    }
    if strictness == Strictness::OpenAi {
        let required: Vec<Value> = out.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        let properties = out.get_mut("properties")?.as_object_mut()?;
        for (name, property) in properties.iter_mut() {
            if !required.iter().any(|one| one == name) {
                make_nullable(property);
            }
        }
        let names = properties.keys().cloned().map(Value::String).collect();
        out.insert("required".to_owned(), Value::Array(names));
    }
    out.insert("additionalProperties".to_owned(), Value::Bool(false));
    Some(())
}

/// Lets a schema also be met by `null`, which readers of documents take for absent.
fn make_nullable(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else { return };
    if map.contains_key("$ref") || map.contains_key("const") {
        let inner = Value::Object(std::mem::take(map));
        *schema = json!({ "anyOf": [inner, { "type": "null" }] });
        return;
    }
    if let Some(Value::Array(choices)) = map.get_mut("anyOf") {
        choices.push(json!({ "type": "null" }));
        return;
    }
    match map.get_mut("type") {
        Some(Value::Array(kinds)) if !kinds.contains(&json!("null")) => kinds.push(json!("null")),
        Some(kind @ Value::String(_)) if kind != "null" => *kind = json!([kind.clone(), "null"]),
        _ => {}
    }
    if let Some(Value::Array(values)) = map.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workflow() -> Value {
        json!({
            "type": "object",
            "required": ["name", "steps"],
            "properties": {
                "name": { "type": "string", "minLength": 1 },
                "kind": { "type": "string", "enum": ["chain", "graph"] },
                "steps": { "type": "array", "items": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {
                        "name": { "type": "string" },
                        "retry": { "type": "object", "properties": { "limit": { "type": "integer" } } },
                    },
                } },
            },
        })
    }

    #[test]
    fn every_level_is_closed_and_what_was_optional_may_be_null() {
        let expected = json!({
            "type": "object",
            "required": ["name", "kind", "steps"],
            "additionalProperties": false,
            "properties": {
                "name": { "type": "string", "minLength": 1 },
                "kind": { "type": ["string", "null"], "enum": ["chain", "graph", null] },
                "steps": { "type": "array", "items": {
                    "type": "object",
                    "required": ["name", "retry"],
                    "additionalProperties": false,
                    "properties": {
                        "name": { "type": "string" },
                        "retry": {
                            "type": ["object", "null"],
                            "required": ["limit"],
                            "additionalProperties": false,
                            "properties": { "limit": { "type": ["integer", "null"] } },
                        },
                    },
                } },
            },
        });
        assert_eq!(closed(&workflow(), Strictness::OpenAi), Some(expected));
    }

    #[test]
    fn anthropic_keeps_what_is_optional_and_takes_no_sizes() {
        let closed = closed(&workflow(), Strictness::Anthropic).unwrap();
        assert_eq!(closed["required"], json!(["name", "steps"]));
        assert_eq!(closed["properties"]["name"], json!({ "type": "string" }));
        assert_eq!(
            closed.pointer("/properties/steps/items/properties/retry/additionalProperties"),
            Some(&json!(false))
        );
    }

    #[test]
    fn what_can_not_be_closed_is_said() {
        let with = |property: Value| json!({ "type": "object", "properties": { "x": property } });
        for open in [
            json!({ "type": "object" }),
            json!({ "type": "object", "additionalProperties": { "type": "string" }, "properties": {} }),
            json!({}),
            json!({ "type": "array" }),
            json!({ "allOf": [{ "type": "string" }] }),
        ] {
            assert_eq!(closed(&with(open.clone()), Strictness::OpenAi), None, "{open}");
        }
        assert_eq!(closed(&json!({ "type": "string" }), Strictness::OpenAi), None);
        assert_eq!(closed(&with(json!({ "$ref": "#" })), Strictness::Anthropic), None);
    }

    #[test]
    fn optional_choices_may_be_null_too() {
        let schema = json!({ "type": "object", "properties": {
            "either": { "oneOf": [{ "type": "string" }, { "type": "integer" }] },
            "again": { "$ref": "#" },
        } });
        let closed = closed(&schema, Strictness::OpenAi).unwrap();
        let either = json!({ "anyOf": [{ "type": "string" }, { "type": "integer" }, { "type": "null" }] });
        assert_eq!(closed["properties"]["either"], either);
        assert_eq!(closed["properties"]["again"], json!({ "anyOf": [{ "$ref": "#" }, { "type": "null" }] }));
    }
}
