//! Tools of MCP servers: their arguments are checked against the schema that the server gave, and stay a
//! tree of data.

use std::fmt;
use std::sync::Arc;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::{Map, Value};

use super::call::{Caller, json_template};
use super::parameters::{escape, kind_of, shortened, text_of};
use super::split::{self, Segment};
use crate::Diagnostic;
use crate::plan::PlannedAction;
use crate::workflow::planning::nearest;

/// Most findings about the arguments of one call; a value that fits nowhere in a large schema has many.
const FINDINGS_MAX: usize = 20;

/// A tool of an MCP server.
#[derive(Clone, Debug, PartialEq)]
pub struct McpForm {
    pub server: String,
    pub tool: String,
    pub schema: ArgumentSchema,
}

/// A JSON Schema that was compiled once.
#[derive(Clone)]
pub struct ArgumentSchema {
    schema: Value,
    validator: Arc<Validator>,
}

impl fmt::Debug for ArgumentSchema {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("ArgumentSchema").field(&self.schema).finish()
    }
}

impl PartialEq for ArgumentSchema {
    fn eq(&self, other: &Self) -> bool {
        self.schema == other.schema
    }
}

impl ArgumentSchema {
    /// Compiles a schema. Nothing is fetched: a `$ref` that leads out of the schema is refused.
    ///
    /// # Errors
    ///
    /// What is wrong with the schema.
    pub fn new(schema: Value) -> Result<Self, String> {
        let validator = jsonschema::options().build(&schema).map_err(|error| error.to_string())?;
        Ok(Self { schema, validator: Arc::new(validator) })
    }

    /// The schema itself.
    #[must_use]
    pub fn as_value(&self) -> &Value {
        &self.schema
    }

    /// Turns texts that say a number, a truth value, a list or an object into one where the schema takes only
    /// that, and numbers and truth values into text where it takes only text. What a step printed is always
    /// text, and YAML makes `2.1` a number.
    pub fn fit(&self, arguments: &mut Map<String, Value>) {
        let properties = self.schema.get("properties").and_then(Value::as_object);
        for (name, value) in arguments {
            let kind = properties.and_then(|all| all.get(name)?.get("type")?.as_str());
            match (kind, &*value) {
                (Some("string"), Value::Number(_) | Value::Bool(_)) => *value = Value::String(text_of(value)),
                (Some(kind), Value::String(text)) if kind != "string" => {
                    if let Ok(read) = serde_json::from_str::<Value>(text.trim())
                        && is_kind(kind, &read)
                    {
                        *value = read;
                    }
                }
                _ => {}
            }
        }
    }

    /// What is wrong with arguments that hold no references any more: `path: message`, at most a few.
    #[must_use]
    pub fn problems(&self, arguments: &Value) -> Vec<String> {
        let tell = |error: ValidationError<'_>| {
            let place = error.instance_path().to_string();
            if place.is_empty() { shortened_line(&error) } else { format!("{place}: {}", shortened_line(&error)) }
        };
        self.validator.iter_errors(arguments).take(3).map(tell).collect()
    }

    fn properties_at<'a>(&'a self, place: &str) -> Vec<&'a str> {
        let mut schema = &self.schema;
        for part in place.split('/').skip(1) {
            let inner = schema.get("properties").and_then(|all| all.get(part)).or_else(|| schema.get("items"));
            let Some(inner) = inner else { return Vec::new() };
            schema = inner;
        }
        let all = schema.get("properties").and_then(Value::as_object);
        all.into_iter().flat_map(Map::keys).map(String::as_str).collect()
    }

    fn description_at(&self, place: &str, name: Option<&str>) -> Option<String> {
        let mut schema = &self.schema;
        for part in place.split('/').skip(1).chain(name) {
            schema = schema.get("properties").and_then(|all| all.get(part)).or_else(|| schema.get("items"))?;
        }
        schema.get("description")?.as_str().map(str::to_owned)
    }
}

fn is_kind(kind: &str, value: &Value) -> bool {
    match (kind, value) {
        ("integer", Value::Number(number)) => number.is_i64() || number.is_u64(),
        ("number", Value::Number(_))
        | ("boolean", Value::Bool(_))
        | ("array", Value::Array(_))
        | ("object", Value::Object(_)) => true,
        _ => false,
    }
}

fn shortened_line(error: &ValidationError<'_>) -> String {
    const CHARS_MAX: usize = 200;
    error.to_string().chars().take(CHARS_MAX).collect()
}

/// Reads the arguments of a call and checks them as far as they are known.
pub(super) fn call(form: &McpForm, caller: &mut Caller<'_>) -> Option<PlannedAction> {
    let mut arguments = caller.parameters.clone();
    let required = form.schema.as_value().get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|one| one == name));
    arguments.retain(|name, value| !value.is_null() || is_required(name));
    form.schema.fit(&mut arguments);
    let arguments = Value::Object(arguments);
    let (path, tool_name) = (caller.path.to_owned(), caller.tool.name.clone());
    let mut findings = Vec::new();
    for error in form.schema.validator.iter_errors(&arguments) {
        if findings.len() >= FINDINGS_MAX {
            break;
        }
        let place = error.instance_path().to_string();
        let value = arguments.pointer(&place).unwrap_or(&Value::Null);
        if !is_open(value, error.kind(), &|text| caller.reader.knows(text)) {
            findings.push(finding(&form.schema, &error, (&path, &tool_name), value));
        }
    }
    findings.extend(undeclared(&form.schema, &arguments, (&path, &tool_name)));
    let is_wrong = findings.iter().any(Diagnostic::is_error);
    for one in findings {
        caller.reader.report(one);
    }
    let arguments = json_template(&arguments, &path, caller.reader);
    let (server, tool) = (form.server.clone(), form.tool.clone());
    (!is_wrong).then_some(PlannedAction::Mcp { server, tool, arguments })
}

/// Whether a value's own references decide if the complaint holds.
fn is_open(value: &Value, kind: &ValidationErrorKind, knows: split::Knows<'_>) -> bool {
    match value {
        Value::String(text) => match split::segments(text, knows).as_slice() {
            [Segment::Reference(_)] => true,
            parts => {
                let has_reference = parts.iter().any(|part| matches!(part, Segment::Reference(_)));
                has_reference && !matches!(kind, ValidationErrorKind::Type { .. })
            }
        },
        Value::Array(_) | Value::Object(_) => {
            let is_about_itself = matches!(
                kind,
                ValidationErrorKind::Required { .. }
                    | ValidationErrorKind::AdditionalProperties { .. }
                    | ValidationErrorKind::Type { .. }
            );
            !is_about_itself && holds_reference(value, knows)
        }
        _ => false,
    }
}

fn holds_reference(value: &Value, knows: split::Knows<'_>) -> bool {
    match value {
        Value::String(text) => split::segments(text, knows).iter().any(|part| matches!(part, Segment::Reference(_))),
        Value::Array(items) => items.iter().any(|item| holds_reference(item, knows)),
        Value::Object(entries) => entries.values().any(|entry| holds_reference(entry, knows)),
        _ => false,
    }
}

fn finding(
    schema: &ArgumentSchema,
    error: &ValidationError<'_>,
    (path, tool): (&str, &str),
    value: &Value,
) -> Diagnostic {
    let place = error.instance_path().to_string();
    let whole = format!("{path}{place}");
    let what = match place.rsplit('/').next() {
        Some(name) if !name.is_empty() => format!("`{}`", name.replace("~1", "/").replace("~0", "~")),
        _ => format!("`{tool}`"),
    };
    let with_description = |finding: Diagnostic, name: Option<&str>| match schema.description_at(&place, name) {
        Some(text) => finding.help(format!("it is: {}", shortened_help(&text))),
        None => finding,
    };
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = text_of(property);
            let finding = Diagnostic::error("missing_parameter", whole, format!("{what} needs `{name}`"));
            match schema.description_at(&place, Some(&name)) {
                Some(text) => finding.help(format!("add `{name}`: {}", shortened_help(&text))),
                None => finding.help(format!("add `{name}` to `parameters`")),
            }
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            let name = unexpected.first().cloned().unwrap_or_default();
            let message = format!("{what} has no parameter `{}`", shortened(&name));
            let at = format!("{whole}/{}", escape(&name));
            Diagnostic::error("unknown_parameter", at, message).help(nearest_help(&name, &schema.properties_at(&place)))
        }
        ValidationErrorKind::Type { .. } => {
            let message = format!("{what} can't be {}: {}", kind_of(value), shortened_line(error));
            with_description(Diagnostic::error("parameter_type", whole, message), None)
        }
        ValidationErrorKind::Enum { options } => {
            let all: Vec<String> = options.as_array().into_iter().flatten().map(text_of).take(20).collect();
            let message = format!("{what} is `{}`, not one of: {}", shortened(&text_of(value)), all.join(", "));
            let finding = Diagnostic::error("parameter_value", whole, message);
            match nearest(&text_of(value), all.iter().map(String::as_str)) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding,
            }
        }
        _ => {
            let message = format!("{what} doesn't fit the tool's schema: {}", shortened_line(error));
            with_description(Diagnostic::error("parameter_value", whole, message), None)
        }
    }
}

/// A schema that doesn't close itself takes any further argument, and servers then ignore it: nearly always
/// a slip of the pen, so it is worth a warning.
fn undeclared(schema: &ArgumentSchema, arguments: &Value, (path, tool): (&str, &str)) -> Vec<Diagnostic> {
    let declared = schema.properties_at("");
    let is_silent = schema.as_value().get("additionalProperties").is_none() && !declared.is_empty();
    let given = arguments.as_object().filter(|_| is_silent);
    let unknown = given.into_iter().flat_map(Map::keys).filter(|name| !declared.contains(&name.as_str()));
    unknown
        .take(FINDINGS_MAX)
        .map(|name| {
            let message = format!("`{tool}` doesn't declare a parameter `{}`", shortened(name));
            let at = format!("{path}/{}", escape(name));
            Diagnostic::warning("unknown_parameter", at, message).help(nearest_help(name, &declared))
        })
        .collect()
}

fn nearest_help(name: &str, declared: &[&str]) -> String {
    match nearest(name, declared.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if declared.is_empty() => "it takes none".to_owned(),
        None => format!("it has: {}", declared.join(", ")),
    }
}

fn shortened_help(text: &str) -> String {
    const CHARS_MAX: usize = 160;
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(CHARS_MAX).collect()
}
