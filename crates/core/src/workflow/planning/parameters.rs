//! The values of a workflow's parameters: given ones, defaults, types and bounds.

use serde_json::{Map, Number, Value};

use super::findings::{Findings, nearest};
use super::names::{is_dangerous, is_variable};
use super::request::{PlanRequest, Purpose};
use crate::Diagnostic;
use crate::tool::{escape, kind_of, shortened, text_of};
use crate::workflow::Workflow;
use crate::workflow::document::{Param, ParamType};

/// What a plan keeps of the parameters.
#[derive(Default)]
pub(super) struct Resolved {
    pub(super) values: Map<String, Value>,
    pub(super) secret: Vec<String>,
}

/// Gives every parameter its value, and reports what is wrong with the declarations and the values.
pub(super) fn resolve(workflow: &Workflow, request: &PlanRequest<'_>, findings: &mut Findings<'_>) -> Resolved {
    let mut resolved = Resolved::default();
    for (name, param) in &workflow.params {
        let path = format!("/params/{}", escape(name));
        check_name(name, &path, findings);
        check_declaration(name, param, &path, findings);
        let given = request.parameters.get(name).filter(|value| !value.is_null());
        if param.secret {
            resolved.secret.push(name.clone());
        }
        let value = match (given, &param.default) {
            (Some(given), _) => checked(name, param, given, &path, findings),
            (None, Some(default)) if !default.is_null() => {
                coerced(param.kind, default).or_else(|| Some(default.clone()))
            }
            (None, _) => {
                if param.required && request.purpose == Purpose::Execute {
                    let message = format!("the parameter `{name}` has no value");
                    let help = match &param.description {
                        Some(description) => format!("pass it in `parameters`: {description}"),
                        None => "pass it in `parameters`, or give it a `default`".to_owned(),
                    };
                    findings.error("missing_value", path, message, help);
                }
                None
            }
        };
        if let Some(value) = value.filter(|_| !param.secret) {
            resolved.values.insert(name.clone(), value);
        }
    }
    undeclared(workflow, request, &mut resolved, findings);
    resolved
}

fn undeclared(workflow: &Workflow, request: &PlanRequest<'_>, resolved: &mut Resolved, findings: &mut Findings<'_>) {
    let mut names = Vec::new();
    for (name, value) in request.parameters.iter().filter(|(name, _)| !workflow.params.contains_key(*name)) {
        check_name(name, "/params", findings);
        check_text(name, value, "/params", findings);
        names.push(name.as_str());
        resolved.values.insert(name.clone(), value.clone());
    }
    if names.is_empty() {
        return;
    }
    let near = names.iter().find_map(|name| Some((name, nearest(name, workflow.params.keys().map(String::as_str))?)));
    let help = match near {
        Some((name, other)) => {
            format!("did you mean `{other}` instead of `{name}`? otherwise declare it under `params`")
        }
        None => "they can be used as any other; declare them under `params` to have them checked".to_owned(),
    };
    let shown: Vec<String> = names.iter().take(10).map(|name| format!("`{}`", shortened(name))).collect();
    let message = format!("the workflow declares no parameter {}", shown.join(", "));
    findings.warning("undeclared_parameter", "/params", message, help);
}

fn check_name(name: &str, path: &str, findings: &mut Findings<'_>) {
    let with_dashes = name.replace(['-', '.'], "_");
    if !is_variable(&with_dashes) {
        let message = format!("`{}` can't be the name of a parameter", shortened(name));
        findings.error("invalid_name", path, message, "use letters, digits, `_` and `-`, and begin with a letter");
    } else if is_dangerous(name) {
        let message = format!("`{name}` steers the programs that a step starts; a parameter can't be called so");
        findings.error("reserved_name", path, message, "give the parameter another name, such as one in lower case");
    }
}

fn check_declaration(name: &str, param: &Param, path: &str, findings: &mut Findings<'_>) {
    if let Some(pattern) = &param.pattern
        && let Err(error) = regex::Regex::new(pattern)
    {
        let reason = error.to_string().lines().last().unwrap_or_default().trim().to_owned();
        findings.error(
            "invalid_pattern",
            format!("{path}/pattern"),
            format!("`{pattern}` is no regular expression: {reason}"),
            "mend the pattern of the parameter",
        );
    }
    if let (Some(min), Some(max)) = (param.min, param.max)
        && min > max
    {
        let message = format!("`{name}` can have no value: `min` {min} is more than `max` {max}");
        findings.error("invalid_bounds", path, message, "exchange the two");
    }
    if let Some(default) = param.default.as_ref().filter(|default| !default.is_null()) {
        checked(name, param, default, &format!("{path}/default"), findings);
    }
}

/// What is wrong with a value for a declared parameter, if something is.
#[must_use]
pub fn misfit(name: &str, param: &Param, value: &Value) -> Option<Diagnostic> {
    let mut findings = Findings::new(None);
    checked(name, param, value, "", &mut findings);
    findings.into_list().into_iter().next()
}

/// The value in the declared type, or a finding.
fn checked(name: &str, param: &Param, given: &Value, path: &str, findings: &mut Findings<'_>) -> Option<Value> {
    let shown = if param.secret { "a secret value".to_owned() } else { format!("`{}`", shortened(&text_of(given))) };
    let Some(value) = coerced(param.kind, given) else {
        let wanted = param.kind.map_or("", type_name);
        let message = format!("`{name}` must be {wanted}, and {shown} is a {}", kind_of(given));
        findings.error("invalid_value", path, message, format!("give it a value of type `{wanted}`"));
        return None;
    };
    check_text(name, &value, path, findings);
    if !param.choices.is_empty() && !param.choices.iter().any(|choice| same(choice, &value)) {
        let all: Vec<String> = param.choices.iter().map(text_of).collect();
        let message = format!("`{name}` can't be {shown}");
        let near = value.as_str().and_then(|text| nearest(text, all.iter().map(String::as_str)));
        let help = match near {
            Some(near) => format!("did you mean `{near}`? it is one of: {}", all.join(", ")),
            None => format!("it is one of: {}", all.join(", ")),
        };
        findings.error("invalid_value", path, message, help);
    }
    let measured = match &value {
        Value::Number(number) => number.as_f64(),
        _ => None,
    };
    for (bound, is_wrong, word) in [
        (param.min, measured.zip(param.min).is_some_and(|(value, min)| value < min), "less"),
        (param.max, measured.zip(param.max).is_some_and(|(value, max)| value > max), "more"),
    ] {
        if let Some(bound) = bound.filter(|_| is_wrong) {
            let message = format!("`{name}` is {shown}, which is {word} than {bound}");
            findings.error("invalid_value", path, message, "choose a value within the bounds");
        }
    }
    if let (Some(pattern), Some(text)) = (&param.pattern, value.as_str())
        && regex::Regex::new(pattern).is_ok_and(|pattern| !pattern.is_match(text))
    {
        let message = format!("`{name}` is {shown}, which doesn't match `{pattern}`");
        findings.error("invalid_value", path, message, "choose a value that matches the pattern");
    }
    Some(value)
}

fn check_text(name: &str, value: &Value, path: &str, findings: &mut Findings<'_>) {
    if has_nul(value) {
        let message = format!("the value of `{}` holds a NUL character", shortened(name));
        findings.error("nul_in_value", path, message, "remove it: no program can be given one");
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(entries) => entries.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}

fn same(one: &Value, other: &Value) -> bool {
    one == other
        || one.as_f64().zip(other.as_f64()).is_some_and(|(one, other)| one == other)
        || (!one.is_object() && !one.is_array() && text_of(one) == text_of(other))
}

fn type_name(kind: ParamType) -> &'static str {
    match kind {
        ParamType::String => "string",
        ParamType::Integer => "integer",
        ParamType::Number => "number",
        ParamType::Boolean => "boolean",
        ParamType::Array => "array",
        ParamType::Object => "object",
    }
}

/// The value in a type, when there is only one way to read it so.
fn coerced(kind: Option<ParamType>, value: &Value) -> Option<Value> {
    let Some(kind) = kind else { return Some(value.clone()) };
    match (kind, value) {
        (ParamType::String, Value::String(_))
        | (ParamType::Number, Value::Number(_))
        | (ParamType::Boolean, Value::Bool(_))
        | (ParamType::Array, Value::Array(_))
        | (ParamType::Object, Value::Object(_)) => Some(value.clone()),
        (ParamType::String, Value::Number(_) | Value::Bool(_)) => Some(Value::String(text_of(value))),
        (ParamType::Integer, Value::Number(number)) => whole(number),
        (ParamType::Integer, Value::String(text)) => text.trim().parse::<i64>().ok().map(Value::from),
        (ParamType::Number, Value::String(text)) => {
            let number = serde_json::from_str::<Number>(text.trim()).ok()?;
            Some(Value::Number(number))
        }
        (ParamType::Boolean, Value::String(text)) => match text.trim() {
            "true" | "True" | "TRUE" => Some(Value::Bool(true)),
            "false" | "False" | "FALSE" => Some(Value::Bool(false)),
            _ => None,
        },
        (ParamType::Array, Value::String(text)) => parsed(text).filter(Value::is_array),
        (ParamType::Object, Value::String(text)) => parsed(text).filter(Value::is_object),
        _ => None,
    }
}

fn parsed(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

/// A number without a fraction, `3.0` included.
fn whole(number: &Number) -> Option<Value> {
    if number.is_i64() || number.is_u64() {
        return Some(Value::Number(number.clone()));
    }
    let float = number.as_f64()?;
    let text = format!("{float:.0}");
    (float.fract() == 0.0).then(|| text.parse::<i64>().ok().map(Value::from))?
}
