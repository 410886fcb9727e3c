//! References where a tool takes none, since it reads the place as code. Where the reference is to a
//! parameter with a default, what was meant is that default.

use partita_core::tool::Catalogue;
use serde_json::{Map, Value};

/// Writes such defaults out, and says where.
pub(crate) fn written_out(document: &mut Value, catalogue: &Catalogue) -> Vec<String> {
    let defaults = defaults(&document["params"]);
    let mut notes = Vec::new();
    // Never by index, which would add what is not there, and fail where there is no object.
    for step in document.get_mut("steps").and_then(Value::as_array_mut).into_iter().flatten() {
        write_out(step, catalogue, &defaults, &mut notes);
        if let Some(rollback) = step.get_mut("rollback") {
            write_out(rollback, catalogue, &defaults, &mut notes);
        }
    }
    notes
}

fn write_out(step: &mut Value, catalogue: &Catalogue, defaults: &Map<String, Value>, notes: &mut Vec<String>) {
    let Some(tool) = step["tool"].as_str().and_then(|name| catalogue.get(name)) else { return };
    for (name, value) in step.get_mut("parameters").and_then(Value::as_object_mut).into_iter().flatten() {
        let Value::String(text) = value else { continue };
        if !tool.is_literal(name) {
            continue;
        }
        for (param, default) in defaults {
            for reference in [format!("${{{param}}}"), format!("${{params.{param}}}")] {
                if text.contains(&reference) {
                    let written = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
                    *text = text.replace(&reference, &written);
                    notes.push(format!("`{name}` of {} takes no reference: `{reference}` was written out", tool.name));
                }
            }
        }
    }
}

/// The defaults of parameters, written as an object or as a list. A default that is itself a reference is none.
pub(super) fn defaults(params: &Value) -> Map<String, Value> {
    let default = |param: &Value| match param {
        Value::Object(entry) => entry.get("default").cloned(),
        Value::Array(_) | Value::Null => None,
        plain => Some(plain.clone()),
    };
    let named: Vec<(String, Option<Value>)> = match params {
        Value::Object(params) => params.iter().map(|(name, param)| (name.clone(), default(param))).collect(),
        Value::Array(params) => {
            params.iter().filter_map(|param| Some((param["name"].as_str()?.to_owned(), default(param)))).collect()
        }
        _ => Vec::new(),
    };
    let is_plain = |default: &Value| match default {
        Value::String(text) => !text.is_empty() && !text.contains("${"),
        other => other.is_number(),
    };
    named.into_iter().filter_map(|(name, default)| Some((name, default.filter(is_plain)?))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_a_default_stands_for_is_written_out() {
        let step = |tool: &str, key: &str, text: &str| json!({"name": "s", "tool": tool, "parameters": {key: text}});
        let steps = [
            step("make", "target", "${target}"),
            step("make", "target", "${params.count}"),
            step("make", "target", "${open}"),
            step("kubectl", "command", "get ${target}"),
        ];
        for params in [
            json!({"target": {"default": "test"}, "open": {"required": true}, "count": 3}),
            json!([{"name": "target", "default": "test"}, {"name": "open"}, {"name": "count", "default": 3}]),
        ] {
            let mut document = json!({"params": params, "steps": steps});
            let notes = written_out(&mut document, &Catalogue::builtin());
            let texts: Vec<&Value> =
                document["steps"].as_array().unwrap().iter().map(|step| &step["parameters"]).collect();
            assert_eq!(texts[0]["target"], "test");
            assert_eq!(texts[1]["target"], "3");
            assert_eq!(texts[2]["target"], "${open}");
            assert_eq!(texts[3]["command"], "get ${target}");
            assert_eq!(notes.len(), 2, "{notes:?}");
        }
        for other in [json!([1]), json!("text"), json!({"steps": [{"tool": "ps"}, 7]}), json!({"params": 1})] {
            let mut document = other.clone();
            assert!(written_out(&mut document, &Catalogue::builtin()).is_empty());
            assert_eq!(document, other);
        }
    }
}
