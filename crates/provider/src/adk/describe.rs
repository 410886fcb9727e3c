//! Tools and templates in a few lines each, as prompts and look-ups show them.

use std::fmt::Write as _;

use partita_core::tool::Tool;
use serde_json::Value;

use crate::templates::Template;

/// Most of a description that is shown; those of MCP servers come from strangers.
const DESCRIPTION_CHARS_MAX: usize = 200;
/// Parameters of one tool that are shown.
const PARAMETERS_MAX: usize = 24;

/// A tool on one line: what it does, and what it takes. A `*` marks what must be there.
pub(super) fn tool(tool: &Tool) -> String {
    let mut line = format!("{} - {}. parameters:", tool.name, one_line(&tool.description));
    let required: Vec<&str> =
        tool.parameters["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for name in tool.parameter_names().take(PARAMETERS_MAX) {
        let Some(schema) = tool.parameter(name) else { continue };
        let mark = if required.contains(&name) { "*" } else { "" };
        let written_out = if tool.is_literal(name) { "written out, never with ${...}; " } else { "" };
        let _ = write!(line, " {name}{mark} ({written_out}{});", parameter(schema));
    }
    if let Some(hint) = &tool.rollback_hint {
        let _ = write!(line, " taken back by: {};", one_line(hint));
    }
    if let Some(example) = tool.examples.first() {
        let _ = write!(line, " example: {example}");
    }
    line
}

fn parameter(schema: &Value) -> String {
    let kind = match &schema["type"] {
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "any".to_owned(),
    };
    let choices: Vec<String> = schema["enum"].as_array().into_iter().flatten().map(Value::to_string).collect();
    match (choices.is_empty(), schema["description"].as_str()) {
        (false, _) => choices.join("|"),
        (true, Some(description)) => format!("{kind}: {}", one_line(description)),
        (true, None) => kind,
    }
}

/// A template on one line.
pub(super) fn template(template: &Template) -> String {
    format!("{} - {}", template.id, one_line(&template.description))
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(DESCRIPTION_CHARS_MAX).collect()
}
