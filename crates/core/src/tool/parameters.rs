//! Checking the parameters of a call against the tool's JSON Schema, with a path for every finding.
//! A string with a reference in it is accepted wherever a scalar is.

use serde_json::{Map, Value};

use super::call::Reader;
use super::definition::{Tool, is_literal};
use super::split;
use crate::Diagnostic;
use crate::workflow::planning::nearest;

/// Checks a call's parameters; gives whether there was no error.
pub(super) fn check(tool: &Tool, parameters: &Map<String, Value>, path: &str, reader: &mut dyn Reader) -> bool {
    let mut findings = Vec::new();
    object(
        &Place { what: &format!("`{}`", tool.name), path },
        &tool.parameters,
        parameters,
        &|text| reader.knows(text),
        &mut findings,
    );
    let is_fine = findings.is_empty();
    for finding in findings {
        reader.report(finding);
    }
    is_fine
}

struct Place<'a> {
    what: &'a str,
    path: &'a str,
}

type Findings = Vec<Diagnostic>;

fn object(
    place: &Place<'_>,
    schema: &Value,
    given: &Map<String, Value>,
    knows: split::Knows<'_>,
    findings: &mut Findings,
) {
    let empty = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let is_open = schema.get("additionalProperties").and_then(Value::as_bool).unwrap_or(properties.is_empty());
    for (name, value) in given {
        let path = format!("{}/{}", place.path, escape(name));
        match properties.get(name) {
            Some(schema) => {
                self::value(&Place { what: &format!("`{name}`"), path: &path }, schema, value, knows, findings)
            }
            None if is_open => {}
            None => findings.push(unknown(place, name, path, properties)),
        }
    }
    for name in names(schema.get("required")) {
        if given.get(name).is_none_or(Value::is_null) {
            findings.push(missing(place, &format!("`{name}`"), properties.get(name)));
        }
    }
    if let Some(alternatives) = schema.get("anyOf").and_then(Value::as_array) {
        let lists: Vec<Vec<&str>> = alternatives.iter().map(|one| names(one.get("required")).collect()).collect();
        let has_all = |list: &Vec<&str>| list.iter().all(|name| given.get(*name).is_some_and(|value| !value.is_null()));
        if !lists.is_empty() && !lists.iter().any(has_all) {
            let ways: Vec<String> = lists.iter().map(|list| format!("`{}`", list.join("` with `"))).collect();
            findings.push(missing(place, &ways.join(" or "), None));
        }
    }
}

fn names(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn unknown(place: &Place<'_>, name: &str, path: String, properties: &Map<String, Value>) -> Diagnostic {
    let finding = Diagnostic::error("unknown_parameter", path, format!("{} has no parameter `{name}`", place.what));
    match nearest(name, properties.keys().map(String::as_str)) {
        Some(other) => finding.help(format!("did you mean `{other}`?")),
        None => {
            let all: Vec<&str> = properties.keys().map(String::as_str).collect();
            finding.help(format!("it has: {}", all.join(", ")))
        }
    }
}

fn missing(place: &Place<'_>, what: &str, schema: Option<&Value>) -> Diagnostic {
    let finding = Diagnostic::error("missing_parameter", place.path, format!("{} needs {what}", place.what));
    match schema.and_then(|schema| schema.get("description")).and_then(Value::as_str) {
        Some(description) => finding.help(format!("add {what}: {description}")),
        None => finding.help(format!("add {what} to `parameters`")),
    }
}

fn value(place: &Place<'_>, schema: &Value, given: &Value, knows: split::Knows<'_>, findings: &mut Findings) {
    if given.is_null() {
        return;
    }
    let mut kinds: Vec<&str> = match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if let Value::String(text) = given {
        if text.contains('\0') {
            findings.push(Diagnostic::error(
                "nul_in_value",
                place.path,
                format!("{} holds a NUL character", place.what),
            ));
            return;
        }
        let reference = split::segments(text, knows).into_iter().find_map(|part| match part {
            split::Segment::Reference(reference) => Some(reference),
            split::Segment::Literal(_) => None,
        });
        let has_reference = reference.is_some();
        if let Some(reference) = reference.filter(|_| is_literal(schema)) {
            let message = format!("{} is read as code, so it can't hold the reference `{reference}`", place.what);
            let finding = Diagnostic::error("reference_in_code", place.path, message);
            let help = format!(
                "write the value itself instead of `{reference}`, or use a `script` that reads it from its environment"
            );
            findings.push(finding.help(help));
            return;
        }
        if has_reference {
            if !kinds.is_empty() && kinds.iter().all(|kind| matches!(*kind, "array" | "object" | "boolean")) {
                let message =
                    format!("{} must be {} that is written out, not a reference", place.what, kinds.join(" or "));
                findings.push(Diagnostic::error("parameter_type", place.path, message));
            }
            return;
        }
    }
    kinds.retain(|kind| is_kind(kind, given));
    if kinds.is_empty() && schema.get("type").is_some() {
        findings.push(wrong_type(place, schema, given));
        return;
    }
    bounds(place, schema, given, findings);
    match given {
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else { return };
            for (index, item) in items.iter().enumerate() {
                let path = format!("{}/{index}", place.path);
                value(
                    &Place { what: &format!("item {index} of {}", place.what), path: &path },
                    schema,
                    item,
                    knows,
                    findings,
                );
            }
        }
        Value::Object(map) => object(place, schema, map, knows, findings),
        _ => {}
    }
}

/// Whether a value has a type, or is a text or number that says the same.
fn is_kind(kind: &str, given: &Value) -> bool {
    match (kind, given) {
        ("string", Value::String(_) | Value::Number(_) | Value::Bool(_))
        | ("number", Value::Number(_))
        | ("boolean", Value::Bool(_))
        | ("array", Value::Array(_))
        | ("object", Value::Object(_)) => true,
        ("integer", Value::Number(number)) => number.is_i64() || number.is_u64(),
        ("integer", Value::String(text)) => text.parse::<i64>().is_ok(),
        ("number", Value::String(text)) => text.parse::<f64>().is_ok_and(f64::is_finite),
        _ => false,
    }
}

fn wrong_type(place: &Place<'_>, schema: &Value, given: &Value) -> Diagnostic {
    let wanted = match &schema["type"] {
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => String::new(),
    };
    let message = format!("{} must be {wanted}, not {}", place.what, kind_of(given));
    let finding = Diagnostic::error("parameter_type", place.path, message);
    match schema.get("description").and_then(Value::as_str) {
        Some(description) => finding.help(format!("it is: {description}")),
        None => finding,
    }
}

/// The word for a value's type.
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn bounds(place: &Place<'_>, schema: &Value, given: &Value, findings: &mut Findings) {
    let what = place.what;
    let mut wrong = |message: String| findings.push(Diagnostic::error("parameter_value", place.path, message));
    if let Some(choices) = schema.get("enum").and_then(Value::as_array)
        && !choices.iter().any(|choice| choice == given || text_of(choice) == text_of(given))
    {
        let all: Vec<String> = choices.iter().map(text_of).collect();
        wrong(format!("{what} is `{}`, not one of: {}", shortened(&text_of(given)), all.join(", ")));
    }
    let number = given.as_f64().or_else(|| given.as_str()?.parse().ok());
    let limit = |key: &str| schema.get(key).and_then(Value::as_f64);
    if let (Some(number), Some(minimum)) = (number, limit("minimum"))
        && number < minimum
    {
        wrong(format!("{what} is {number}, which is less than {minimum}"));
    }
    if let (Some(number), Some(maximum)) = (number, limit("maximum"))
        && number > maximum
    {
        wrong(format!("{what} is {number}, which is more than {maximum}"));
    }
    if let (Some(pattern), Some(text)) = (schema.get("pattern").and_then(Value::as_str), given.as_str())
        && regex::Regex::new(pattern).is_ok_and(|pattern| !pattern.is_match(text))
    {
        wrong(format!("{what} is `{}`, which doesn't match `{pattern}`", shortened(text)));
    }
}

/// A scalar as text, anything else as JSON.
pub(crate) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A value as far as it fits into a message.
pub(crate) fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 64;
    let mut short: String = text.chars().take(CHARS_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// A key as a part of a JSON pointer.
pub(crate) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
