//! Expressions: CEL over `params env steps run context item item_index output exit_code json` and the
//! names under which steps capture their output. Limits see to it that none can run away: CEL has no
//! loops but its macros, so their number and their nesting are bounded, and so is whatever can make a
//! value grow.

use std::collections::HashMap;
use std::sync::Arc;

use cel::objects::{Key, Map as CelMap};
use cel::{Context, Program, Value as Cel};
use serde_json::{Map, Number, Value};

use super::binding::{Found, Scope, StepResult, found};
use super::reference::{Reference, ReferenceRoot};
use crate::limits::EXPRESSION_CHARS_MAX;
use crate::task::parse_output;
use crate::time::rfc3339;

/// Deepest nesting of brackets.
const DEPTH_MAX: usize = 32;
/// Most macros that go through a list (`map`, `filter`, `all`, `exists`, `exists_one`).
const MACROS_MAX: usize = 4;
/// Most additions: each can at most double what there is.
const ADDITIONS_MAX: usize = 16;

/// An expression is malformed, refers to something absent, or has the wrong type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    pub message: String,
}

fn error(message: impl Into<String>) -> ExpressionError {
    ExpressionError { message: message.into() }
}

/// Whether an expression is well-formed and within the limits.
///
/// # Errors
///
/// When it is not.
pub fn check(source: &str) -> Result<(), ExpressionError> {
    compile(source).map(drop)
}

/// The variables that an expression refers to (`params`, `steps`, …), in no order.
///
/// # Errors
///
/// As [`check`].
pub fn variables(source: &str) -> Result<Vec<String>, ExpressionError> {
    let program = compile(source)?;
    Ok(program.references().variables().into_iter().map(str::to_owned).collect())
}

/// Names that stand between `steps.` and what comes after it. `None` when the expression looks steps
/// up in another way, so that it may mean any of them.
#[must_use]
pub fn steps_named(source: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find("steps") {
        let before = rest[..at].chars().next_back();
        rest = &rest[at + "steps".len()..];
        if before.is_some_and(|before| before.is_alphanumeric() || before == '_' || before == '.') {
            continue;
        }
        if rest.starts_with(|next: char| next.is_alphanumeric() || next == '_') {
            continue;
        }
        let name = if let Some(field) = rest.strip_prefix('.') {
            let end = field.find(|next: char| !next.is_alphanumeric() && next != '_').unwrap_or(field.len());
            field[..end].to_owned()
        } else {
            let key = rest.strip_prefix('[')?;
            let quote = key.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
            let end = key[1..].find(quote)?;
            key[1..=end].to_owned()
        };
        names.push(name);
    }
    Some(names)
}

fn compile(source: &str) -> Result<Program, ExpressionError> {
    if source.chars().count() > EXPRESSION_CHARS_MAX {
        return Err(error(format!("the expression is longer than {EXPRESSION_CHARS_MAX} characters")));
    }
    within_limits(source)?;
    Program::compile(source).map_err(|errors| {
        let shown = errors.to_string();
        let first = shown.lines().find(|line| !line.trim().is_empty()).unwrap_or("it is malformed");
        error(format!("`{source}` is no expression: {}", first.trim()))
    })
}

/// Counts what could make an expression run away, outside of its quotes.
fn within_limits(source: &str) -> Result<(), ExpressionError> {
    let (mut depth, mut macros, mut additions) = (0usize, 0usize, 0usize);
    let mut inside_macro: Vec<usize> = Vec::new();
    let mut word = String::new();
    let mut quote: Option<char> = None;
    let mut escaped = false;
    for character in source.chars() {
        if let Some(open) = quote {
            if escaped {
                escaped = false;
            } else if character == '\\' {
                escaped = true;
            } else if character == open {
                quote = None;
            }
            continue;
        }
        match character {
            '"' | '\'' => quote = Some(character),
            '(' | '[' | '{' => {
                depth += 1;
                let is_macro = matches!(word.as_str(), "map" | "filter" | "all" | "exists" | "exists_one");
                if character == '(' && is_macro {
                    macros += 1;
                    inside_macro.push(depth);
                }
            }
            ')' | ']' | '}' => {
                if inside_macro.last() == Some(&depth) {
                    inside_macro.pop();
                }
                depth = depth.saturating_sub(1);
            }
            '+' => additions += 1,
            _ => {}
        }
        if depth > DEPTH_MAX {
            return Err(error(format!("the expression is nested deeper than {DEPTH_MAX}")));
        }
        if macros > MACROS_MAX || inside_macro.len() > 1 {
            return Err(error(format!(
                "the expression goes through lists more than {MACROS_MAX} times, or through one inside another"
            )));
        }
        if additions > ADDITIONS_MAX {
            return Err(error(format!("the expression adds more than {ADDITIONS_MAX} times")));
        }
        if character.is_alphanumeric() || character == '_' {
            word.push(character);
        } else if !character.is_whitespace() {
            word.clear();
        }
    }
    Ok(())
}

/// The value of an expression.
///
/// # Errors
///
/// When it can't be evaluated.
pub fn evaluate(source: &str, scope: &Scope<'_>) -> Result<Value, ExpressionError> {
    let program = compile(source)?;
    let mut context = Context::default();
    for name in program.references().variables() {
        if let Some(value) = variable(name, source, scope)? {
            context.add_variable_from_value(name, to_cel(&value));
        }
    }
    let value = program.execute(&context).map_err(|failure| error(format!("`{source}`: {failure}")))?;
    from_cel(&value).ok_or_else(|| error(format!("`{source}` gives something that JSON has no form for")))
}

/// Whether an expression holds.
///
/// # Errors
///
/// When it can't be evaluated or gives no boolean.
pub fn holds(source: &str, scope: &Scope<'_>) -> Result<bool, ExpressionError> {
    match evaluate(source, scope)? {
        Value::Bool(holds) => Ok(holds),
        other => Err(error(format!("`{source}` gives {other}, not true or false"))),
    }
}

/// The value of a variable; `None` for those that CEL has itself.
fn variable(name: &str, source: &str, scope: &Scope<'_>) -> Result<Option<Value>, ExpressionError> {
    Ok(Some(match name {
        "params" => Value::Object(scope.plan.parameters.clone()),
        "env" => env(scope),
        "steps" => steps(source, scope),
        "run" => run(scope),
        "context" => Value::Object(scope.plan.context.clone()),
        "item" | "ITEM" => scope.item.map(|(item, _)| item.clone()).unwrap_or_default(),
        "item_index" => scope.item.map(|(_, index)| Value::from(index)).unwrap_or_default(),
        "output" => own_output(scope).into(),
        "json" => parse_output(&own_output(scope)),
        "exit_code" => scope.own.and_then(|own| own.exit_code).map(Value::from).unwrap_or_default(),
        _ => {
            let mut steps = (0u32..).zip(&scope.plan.steps);
            let Some((step, _)) = steps.find(|(_, step)| step.output.as_deref() == Some(name)) else { return Ok(None) };
            let output = scope.results.result(step).and_then(|result| result.output);
            output.map(parse_output).unwrap_or_default()
        }
    }))
}

fn own_output(scope: &Scope<'_>) -> String {
    scope.own.and_then(|own| own.output.clone()).unwrap_or_default()
}

/// The declared variables that have a value and hold no secret.
fn env(scope: &Scope<'_>) -> Value {
    let names = scope.plan.env.keys().chain(scope.step.map(|step| step.env.keys()).into_iter().flatten());
    let value = |name: &String| match found(&Reference::to(ReferenceRoot::Env(name.clone())), scope) {
        Ok(Found::Value(value)) => Some((name.clone(), value)),
        _ => None,
    };
    Value::Object(names.filter_map(value).collect())
}

/// The results of the steps that an expression names; of all when it can't be told which.
fn steps(source: &str, scope: &Scope<'_>) -> Value {
    let named = steps_named(source);
    let mut steps = Map::new();
    for (index, step) in (0u32..).zip(&scope.plan.steps) {
        if named.as_ref().is_some_and(|named| !named.contains(&step.name)) {
            continue;
        }
        steps.insert(step.name.clone(), scope.results.result(index).map_or_else(pending, |result| ended(&result)));
    }
    Value::Object(steps)
}

fn pending() -> Value {
    serde_json::json!({"status": "pending", "output": "", "json": null, "exit_code": null, "outputs": {}})
}

fn ended(result: &StepResult<'_>) -> Value {
    let output = result.output.unwrap_or_default();
    serde_json::json!({
        "status": result.status, "output": output, "json": parse_output(output), "exit_code": result.exit_code,
        "outputs": result.outputs,
    })
}

fn run(scope: &Scope<'_>) -> Value {
    let run = scope.run;
    serde_json::json!({
        "id": run.id, "name": scope.plan.name, "status": run.status, "error": run.error.unwrap_or_default(),
        "started_at": run.started_at.map(rfc3339),
    })
}

fn to_cel(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(value) => Cel::Bool(*value),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), _, _) => Cel::Int(number),
            (None, Some(number), _) => Cel::UInt(number),
            (None, None, number) => Cel::Float(number.unwrap_or(f64::NAN)),
        },
        Value::String(text) => Cel::String(Arc::new(text.clone())),
        Value::Array(list) => Cel::List(Arc::new(list.iter().map(to_cel).collect())),
        Value::Object(object) => {
            let entry = |(key, value): (&String, &Value)| (Key::String(Arc::new(key.clone())), to_cel(value));
            Cel::Map(CelMap { map: Arc::new(object.iter().map(entry).collect::<HashMap<_, _>>()) })
        }
    }
}

fn from_cel(value: &Cel) -> Option<Value> {
    Some(match value {
        Cel::Null => Value::Null,
        Cel::Bool(value) => Value::Bool(*value),
        Cel::Int(number) => Value::from(*number),
        Cel::UInt(number) => Value::from(*number),
        Cel::Float(number) => Number::from_f64(*number).map(Value::Number)?,
        Cel::String(text) => Value::String(text.to_string()),
        Cel::List(list) => Value::Array(list.iter().map(from_cel).collect::<Option<_>>()?),
        Cel::Map(map) => {
            let entry = |(key, value): (&Key, &Cel)| Some((key.to_string(), from_cel(value)?));
            let mut entries: Vec<(String, Value)> = map.map.iter().map(entry).collect::<Option<_>>()?;
            entries.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(entries.into_iter().collect())
        }
        _ => return None,
    })
}
