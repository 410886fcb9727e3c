//! Values in calls of MCP tools: data items of a JSON tree, with their types.

use serde_json::Value;

use super::value::{Found, found};
use super::{BindError, Scope, text};
use crate::plan::JsonTemplate;
use crate::task::{McpTask, TaskValue, Text, TextPiece};
use crate::workflow::reference::{Template, TemplatePiece};

/// Binds a call.
pub(super) fn bind(
    server: &str,
    tool: &str,
    arguments: &JsonTemplate,
    scope: &Scope<'_>,
) -> Result<McpTask, BindError> {
    let arguments = match value(arguments, scope)? {
        TaskValue::Object(arguments) => arguments,
        TaskValue::Plain(Value::Object(arguments)) => {
            arguments.into_iter().map(|(name, value)| (name, TaskValue::Plain(value))).collect()
        }
        _ => return Err(BindError::new(format!("the arguments of `{server}/{tool}` are no object"))),
    };
    Ok(McpTask { server: server.to_owned(), tool: tool.to_owned(), arguments })
}

/// A text that is one whole reference takes the value with its type; what a step printed counts as JSON
/// where it is a list, an object, a number or a truth value.
fn value(template: &JsonTemplate, scope: &Scope<'_>) -> Result<TaskValue, BindError> {
    Ok(match template {
        JsonTemplate::Literal(value) => TaskValue::Plain(value.clone()),
        JsonTemplate::Text(Template { pieces }) if let [TemplatePiece::Reference(reference)] = pieces.as_slice() => {
            match found(reference, scope)? {
                Found::Value(value) => TaskValue::Plain(value),
                Found::Secret(name) => TaskValue::Text(Text { pieces: vec![TextPiece::Secret(name)] }),
            }
        }
        JsonTemplate::Text(template) => TaskValue::Text(text(template, scope)?),
        JsonTemplate::List(list) => {
            TaskValue::List(list.iter().map(|item| value(item, scope)).collect::<Result<_, _>>()?)
        }
        JsonTemplate::Object(object) => {
            let field = |(name, field): &(String, JsonTemplate)| Ok((name.clone(), value(field, scope)?));
            TaskValue::Object(object.iter().map(field).collect::<Result<_, BindError>>()?)
        }
    })
}
