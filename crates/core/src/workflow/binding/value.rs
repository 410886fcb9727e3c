//! The value that a reference names.

use serde_json::Value;

use super::{BindError, Scope, text};
use crate::task::{Text, TextPiece, parse_output};
use crate::time::rfc3339;
use crate::workflow::reference::{Reference, ReferenceRoot};

/// What a reference leads to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Found {
    Value(Value),
    /// The name of a secret: its value is the runner's business.
    Secret(String),
}

/// The value of a reference, or its default when there is none.
pub(crate) fn found(reference: &Reference, scope: &Scope<'_>) -> Result<Found, BindError> {
    let found = root(reference, scope)?;
    let empty = match &found {
        None => true,
        Some(Found::Value(value)) => value.is_null() || value.as_str() == Some(""),
        Some(Found::Secret(_)) => false,
    };
    match (&reference.default, found) {
        (Some(default), _) if empty => Ok(Found::Value(Value::String(default.clone()))),
        (_, Some(found)) => Ok(found),
        (None, None) => Err(absent(reference, scope)),
        (Some(default), None) => Ok(Found::Value(Value::String(default.clone()))),
    }
}

fn root(reference: &Reference, scope: &Scope<'_>) -> Result<Option<Found>, BindError> {
    let path = &reference.path;
    let value = match &reference.root {
        ReferenceRoot::Secret(name) => return Ok(Some(Found::Secret(name.clone()))),
        ReferenceRoot::Param(name) if scope.plan.secret_parameters.contains(name) => {
            return Ok(Some(Found::Secret(name.clone())));
        }
        ReferenceRoot::Param(name) => scope.plan.parameters.get(name).and_then(|value| walk(value, path)),
        ReferenceRoot::Env(name) => return variable(name, scope),
        ReferenceRoot::Output(step) => output(*step, path, scope),
        ReferenceRoot::StepOutput(step, name) => {
            scope.results.result(*step).and_then(|result| walk(result.outputs.get(name)?, path))
        }
        ReferenceRoot::ExitCode(step) => {
            scope.results.result(*step).and_then(|result| result.exit_code).map(Value::from)
        }
        ReferenceRoot::StepStatus(step) => {
            scope.results.result(*step).map(|result| Value::String(result.status.to_string()))
        }
        ReferenceRoot::Item => scope.item.and_then(|(item, _)| walk(item, path)),
        ReferenceRoot::ItemIndex => scope.item.map(|(_, index)| Value::from(index)),
        ReferenceRoot::Run(fact) => run_fact(fact, scope),
    };
    Ok(value.map(Found::Value))
}

/// The output of a step, or what stands at a path in it when it is JSON.
fn output(step: u32, path: &[String], scope: &Scope<'_>) -> Option<Value> {
    let output = scope.results.result(step)?.output?;
    if path.is_empty() {
        return Some(Value::String(output.to_owned()));
    }
    walk(&parse_output(output), path)
}

/// A declared variable, with its own references filled in.
fn variable(name: &str, scope: &Scope<'_>) -> Result<Option<Found>, BindError> {
    let of_step = scope.step.and_then(|step| step.env.get(name));
    let outer = Scope { step: None, ..*scope };
    let (template, scope) = match of_step {
        Some(template) => (Some(template), scope),
        None => (scope.plan.env.get(name), &outer),
    };
    let Some(template) = template else { return Ok(None) };
    // A variable that is made of itself (`PATH=${PATH}:…`) means the one outside, never a circle.
    let itself = template.references().any(|reference| matches!(&reference.root, ReferenceRoot::Env(_)));
    if itself && of_step.is_none() {
        return Err(BindError::new(format!("the variable `{name}` can't be made of other variables of the workflow")));
    }
    let bound = if itself { text(template, &Scope { step: None, ..*scope })? } else { text(template, scope)? };
    Ok(Some(match bound.pieces.as_slice() {
        [TextPiece::Secret(name)] => Found::Secret(name.clone()),
        _ => match bound.as_plain() {
            Some(plain) => Found::Value(Value::String(plain)),
            None => {
                let message =
                    format!("the variable `{name}` holds a secret among other text: refer to the secret itself");
                return Err(BindError::new(message));
            }
        },
    }))
}

fn run_fact(fact: &str, scope: &Scope<'_>) -> Option<Value> {
    let run = scope.run;
    Some(match fact {
        "id" => run.id.to_string().into(),
        "name" => scope.plan.name.clone().into(),
        "status" => run.status.to_string().into(),
        "error" => run.error.unwrap_or_default().into(),
        "started_at" => rfc3339(run.started_at?).into(),
        "dir" => ".".into(),
        _ => return None,
    })
}

/// What stands at a path in a value.
pub(super) fn walk(value: &Value, path: &[String]) -> Option<Value> {
    let mut place = value.clone();
    for part in path {
        // Text that is JSON can be walked into, too.
        if let Value::String(text) = &place {
            place = parse_output(text);
        }
        place = match (&place, part.parse::<usize>()) {
            (Value::Array(list), Ok(index)) => list.get(index)?.clone(),
            (Value::Object(object), _) => object.get(part)?.clone(),
            _ => return None,
        };
    }
    Some(place)
}

/// The text of a reference: text as it is, numbers and truth values as JSON writes them, lists and
/// objects as JSON.
pub(super) fn text_of(reference: &Reference, scope: &Scope<'_>) -> Result<Text, BindError> {
    Ok(match found(reference, scope)? {
        Found::Secret(name) => Text { pieces: vec![TextPiece::Secret(name)] },
        Found::Value(Value::String(text)) => Text::plain(text),
        Found::Value(Value::Null) => return Err(absent(reference, scope)),
        Found::Value(value) => Text::plain(value.to_string()),
    })
}

fn absent(reference: &Reference, scope: &Scope<'_>) -> BindError {
    let step_name = |step: u32| scope.plan.steps.get(step as usize).map_or("?", |step| step.name.as_str());
    let path: String = reference.path.iter().map(|part| format!(".{part}")).collect();
    let what = match &reference.root {
        ReferenceRoot::Param(name) => format!("the parameter `{name}{path}` has no value"),
        ReferenceRoot::Env(name) => format!("the variable `{name}` is not set"),
        ReferenceRoot::Secret(name) => format!("the secret `{name}` is not set"),
        ReferenceRoot::Output(step) if path.is_empty() => format!("step `{}` has no output", step_name(*step)),
        ReferenceRoot::Output(step) => format!("the output of step `{}` has no `{path}`", step_name(*step)),
        ReferenceRoot::StepOutput(step, name) => format!("step `{}` has no output `{name}{path}`", step_name(*step)),
        ReferenceRoot::ExitCode(step) => format!("step `{}` has no exit code", step_name(*step)),
        ReferenceRoot::StepStatus(step) => format!("step `{}` has not ended", step_name(*step)),
        ReferenceRoot::Item | ReferenceRoot::ItemIndex => format!("the item has no `{path}`"),
        ReferenceRoot::Run(fact) => format!("the run has no `{fact}` yet"),
    };
    BindError::new(format!("{what}; give the reference a default (`${{…:-default}}`) if it may be absent"))
}
