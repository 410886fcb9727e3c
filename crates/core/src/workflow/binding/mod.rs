//! Binding: from the templates of a plan and the values of a run to a [`Task`], in which a value is
//! always one data item and never code.

mod http;
mod mcp;
mod script;
mod value;

use serde_json::{Map, Value};

use crate::Millis;
use crate::id::RunId;
use crate::limits;
use crate::plan::{Argument, ItemSource, JsonTemplate, Plan, PlannedAction, PlannedStep, Script};
use crate::run::{RunStatus, StepStatus};
use crate::task::{Outcome, Task, TaskAction, Text, TextPiece};
use crate::time::parse_duration;
use crate::workflow::expression;
use crate::workflow::reference::{Template, TemplatePiece};
pub(crate) use value::{Found, found};

/// Everything that references and expressions can see at one point of a run.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub plan: &'a Plan,
    /// What the steps gave so far.
    pub results: &'a dyn Results,
    /// The step whose `env`, `dir`, limits … are in force.
    pub step: Option<&'a PlannedStep>,
    /// The item of a `foreach` and its 0-based index.
    pub item: Option<(&'a Value, u32)>,
    /// The step's own last outcome, for `repeat` and `outputs`: `output`, `exit_code`, `json`.
    pub own: Option<&'a Outcome>,
    pub run: RunFacts<'a>,
}

/// Facts about the run as a whole.
#[derive(Clone, Copy)]
pub struct RunFacts<'a> {
    pub id: &'a RunId,
    pub status: RunStatus,
    /// Why the run fails, when it does.
    pub error: Option<&'a str>,
    pub started_at: Option<Millis>,
}

/// Gives the results of steps by index.
pub trait Results {
    /// What a step gave; `None` while it has not ended.
    fn result(&self, step: u32) -> Option<StepResult<'_>>;
}

/// What an ended step gave.
#[derive(Clone, Copy)]
pub struct StepResult<'a> {
    pub status: StepStatus,
    pub output: Option<&'a str>,
    pub exit_code: Option<i32>,
    pub outputs: &'a Map<String, Value>,
}

/// A value could not be bound; the attempt fails with this text instead of starting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BindError {
    pub message: String,
}

impl BindError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// Binds a step's action (or that of its rollback).
///
/// # Errors
///
/// When a value is missing, has the wrong type, or could be taken for code.
pub fn task(action: &PlannedAction, scope: &Scope<'_>) -> Result<Task, BindError> {
    let mut env = environment(scope)?;
    let action = match action {
        PlannedAction::Script { interpreter, script } => {
            let script = script::bind(script, scope, &mut env)?;
            TaskAction::Script { interpreter: interpreter.clone(), script }
        }
        PlannedAction::Program { tool, program, args, stdin, install_hint } => TaskAction::Program {
            tool: tool.clone(),
            program: program.clone(),
            args: arguments(tool, args, scope)?,
            stdin: stdin.as_ref().map(|stdin| text(stdin, scope)).transpose()?,
            install_hint: install_hint.clone(),
        },
        PlannedAction::Http(request) => TaskAction::Http(http::bind(request, scope)?),
        PlannedAction::Wait { duration } => {
            let text = text(duration, scope)?.as_plain().unwrap_or_default();
            let duration_ms = parse_duration(text.trim()).map_err(|error| BindError::new(error.to_string()))?;
            TaskAction::Wait { duration_ms }
        }
        PlannedAction::File { operation, path, content, to } => TaskAction::File {
            operation: *operation,
            path: text(path, scope)?,
            content: content.as_ref().map(|content| text(content, scope)).transpose()?,
            to: to.as_ref().map(|to| text(to, scope)).transpose()?,
        },
        PlannedAction::Mcp { server, tool, arguments } => TaskAction::Mcp(mcp::bind(server, tool, arguments, scope)?),
        PlannedAction::Approval { .. } => return Err(BindError::new("a question to a person is no work for a runner")),
    };
    whole_task(action, env, scope)
}

/// Binds a shell precondition.
///
/// # Errors
///
/// As [`task`].
pub fn check_task(script: &Script, scope: &Scope<'_>) -> Result<Task, BindError> {
    let mut env = environment(scope)?;
    let script = script::bind(script, scope, &mut env)?;
    whole_task(TaskAction::Script { interpreter: vec!["sh".to_owned()], script }, env, scope)
}

type Environment = std::collections::BTreeMap<String, Text>;

/// The variables that the workflow and the step declare.
fn environment(scope: &Scope<'_>) -> Result<Environment, BindError> {
    let step = scope.step.map(|step| &step.env).into_iter().flatten();
    let mut env = Environment::new();
    for (name, template) in scope.plan.env.iter().chain(step) {
        let value = text(template, scope).map_err(|error| BindError::new(format!("the variable `{name}`: {error}")))?;
        env.insert(name.clone(), value);
    }
    Ok(env)
}

fn whole_task(action: TaskAction, env: Environment, scope: &Scope<'_>) -> Result<Task, BindError> {
    let default = PlannedStep::default();
    let step = scope.step.unwrap_or(&default);
    let optional = |template: &Option<Template>| template.as_ref().map(|template| text(template, scope)).transpose();
    Ok(Task {
        action,
        env,
        dir: optional(&step.dir)?,
        stdout: optional(&step.stdout)?,
        stderr: optional(&step.stderr)?,
        output_bytes_max: step.output_bytes_max,
        log_bytes_max: limits::LOG_BYTES_MAX,
        grace_ms: step.grace_ms,
        stop_signal: step.stop_signal,
    })
}

/// Arguments, each one item: a value that a program would take for an option is refused.
fn arguments(tool: &str, args: &[Argument], scope: &Scope<'_>) -> Result<Vec<Text>, BindError> {
    let mut bound = Vec::with_capacity(args.len());
    for Argument { value, dash_allowed, optional } in args {
        let argument = match text(value, scope) {
            Ok(argument) => argument,
            Err(_) if *optional => continue,
            Err(error) => return Err(error),
        };
        let is_empty = argument.pieces.iter().all(|piece| matches!(piece, TextPiece::Plain(text) if text.is_empty()));
        if *optional && is_empty {
            continue;
        }
        let from_value = matches!(value.pieces.first(), Some(TemplatePiece::Reference(_)));
        let dash = matches!(argument.pieces.first(), Some(TextPiece::Plain(text)) if text.starts_with('-'));
        if from_value && dash && !dash_allowed {
            let shown: String = argument.as_plain().unwrap_or_default().chars().take(60).collect();
            return Err(BindError::new(format!(
                "the value `{shown}` begins with `-`, so `{tool}` would take it for an option; write `./{shown}` if it is a file"
            )));
        }
        bound.push(argument);
    }
    Ok(bound)
}

/// Binds a template.
///
/// # Errors
///
/// As [`task`].
pub fn text(template: &Template, scope: &Scope<'_>) -> Result<Text, BindError> {
    let mut pieces: Vec<TextPiece> = Vec::with_capacity(template.pieces.len());
    for piece in &template.pieces {
        match piece {
            TemplatePiece::Text(text) => push(&mut pieces, text),
            TemplatePiece::Reference(reference) => {
                for piece in value::text_of(reference, scope)?.pieces {
                    match piece {
                        TextPiece::Plain(text) => push(&mut pieces, &text),
                        secret @ TextPiece::Secret(_) => pieces.push(secret),
                    }
                }
            }
        }
    }
    Ok(Text { pieces })
}

fn push(pieces: &mut Vec<TextPiece>, text: &str) {
    match pieces.last_mut() {
        Some(TextPiece::Plain(plain)) => plain.push_str(text),
        _ => pieces.push(TextPiece::Plain(text.to_owned())),
    }
}

/// The items of a `foreach`.
///
/// # Errors
///
/// When the value is no list, or longer than [`limits::ITEMS_MAX`].
pub fn items(source: &ItemSource, scope: &Scope<'_>) -> Result<Vec<Value>, BindError> {
    let items = match source {
        ItemSource::List(list) => list.iter().map(|item| json(item, scope)).collect::<Result<Vec<Value>, _>>()?,
        ItemSource::Reference(reference) => match found(reference, scope)? {
            Found::Value(Value::Array(items)) => items,
            Found::Value(Value::String(text)) => text_items(&text),
            Found::Value(Value::Object(object)) => {
                object.into_iter().map(|(key, value)| serde_json::json!({"key": key, "value": value})).collect()
            }
            Found::Value(value) => vec![value],
            Found::Secret(_) => return Err(BindError::new("the items of a `foreach` can't be a secret")),
        },
        ItemSource::Expression(source) => {
            let value = expression::evaluate(source, scope).map_err(|error| BindError::new(error.message))?;
            match value {
                Value::Array(items) => items,
                other => return Err(BindError::new(format!("`{source}` gives {}, not a list", kind(&other)))),
            }
        }
    };
    if items.len() > limits::ITEMS_MAX {
        let (count, most) = (items.len(), limits::ITEMS_MAX);
        return Err(BindError::new(format!("{count} items are more than the {most} that one step may have")));
    }
    Ok(items)
}

/// The items that a text stands for: a JSON list, or words.
fn text_items(text: &str) -> Vec<Value> {
    match serde_json::from_str(text) {
        Ok(Value::Array(items)) => items,
        _ => text.split_whitespace().map(|word| Value::String(word.to_owned())).collect(),
    }
}

/// What a value is, for messages.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Binds a JSON value. A text that is one whole reference takes the value with its JSON type.
fn json(template: &JsonTemplate, scope: &Scope<'_>) -> Result<Value, BindError> {
    Ok(match template {
        JsonTemplate::Literal(value) => value.clone(),
        JsonTemplate::Text(Template { pieces }) if let [TemplatePiece::Reference(reference)] = pieces.as_slice() => {
            match found(reference, scope)? {
                Found::Value(value) => value,
                Found::Secret(_) => return Err(secret_in_json()),
            }
        }
        JsonTemplate::Text(template) => Value::String(text(template, scope)?.as_plain().ok_or_else(secret_in_json)?),
        JsonTemplate::List(list) => list.iter().map(|item| json(item, scope)).collect::<Result<Vec<_>, _>>()?.into(),
        JsonTemplate::Object(object) => {
            let field = |(name, value): &(String, JsonTemplate)| Ok((name.clone(), json(value, scope)?));
            Value::Object(object.iter().map(field).collect::<Result<Map<_, _>, BindError>>()?)
        }
    })
}

fn secret_in_json() -> BindError {
    BindError::new("a secret can't be part of a list of items")
}

/// A JSON text whose secrets are still references.
fn json_text(template: &JsonTemplate, scope: &Scope<'_>, pieces: &mut Vec<TextPiece>) -> Result<(), BindError> {
    match template {
        JsonTemplate::Literal(value) => push(pieces, &value.to_string()),
        JsonTemplate::Text(Template { pieces: parts })
            if let [TemplatePiece::Reference(reference)] = parts.as_slice() =>
        {
            match found(reference, scope)? {
                Found::Value(value) => push(pieces, &value.to_string()),
                Found::Secret(name) => {
                    push(pieces, "\"");
                    pieces.push(TextPiece::Secret(name));
                    push(pieces, "\"");
                }
            }
        }
        JsonTemplate::Text(template) => {
            push(pieces, "\"");
            for piece in text(template, scope)?.pieces {
                match piece {
                    TextPiece::Plain(plain) => {
                        let quoted = Value::String(plain).to_string();
                        push(pieces, &quoted[1..quoted.len() - 1]);
                    }
                    secret @ TextPiece::Secret(_) => pieces.push(secret),
                }
            }
            push(pieces, "\"");
        }
        JsonTemplate::List(list) => {
            push(pieces, "[");
            for (index, item) in list.iter().enumerate() {
                push(pieces, if index > 0 { "," } else { "" });
                json_text(item, scope, pieces)?;
            }
            push(pieces, "]");
        }
        JsonTemplate::Object(object) => {
            push(pieces, "{");
            for (index, (name, value)) in object.iter().enumerate() {
                push(pieces, if index > 0 { "," } else { "" });
                push(pieces, &Value::String(name.clone()).to_string());
                push(pieces, ":");
                json_text(value, scope, pieces)?;
            }
            push(pieces, "}");
        }
    }
    Ok(())
}
