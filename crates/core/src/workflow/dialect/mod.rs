//! Every accepted spelling of a document, normalised into the one model.
//!
//! Three dialects are read: ours, the camelCase of the original SDK and of Dagu, and the spellings of
//! their documentation. A key is known by all its names; one that no dialect knows gives a warning with
//! the nearest that is known, never silence.

mod action;
mod object;
mod params;
mod policy;
mod step;
mod workflow;

use serde_json::{Map, Value};

use super::parse::Loaded;
use crate::Diagnostic;
use object::Object;

/// What is collected while a document is read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Whether a spelling was met that only an imported dialect has.
    pub(super) imported: bool,
    /// Runtime values that the document carries.
    pub(super) parameters: Map<String, Value>,
}

impl Reading {
    fn wrong_type(&mut self, path: &str, expected: &str, found: &Value) {
        let message = format!("expected {expected}, found {}", described(found));
        self.diagnostics.push(Diagnostic::error("wrong_type", path, message));
    }

    fn error(&mut self, code: &str, path: &str, message: impl Into<String>) -> &mut Diagnostic {
        self.diagnostics.push(Diagnostic::error(code, path, message));
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }

    fn warning(&mut self, code: &str, path: &str, message: impl Into<String>) -> &mut Diagnostic {
        self.diagnostics.push(Diagnostic::warning(code, path, message));
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }
}

/// A value in a few words, for messages.
fn described(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => format!("`{value}`"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => {
            let cut = if text.chars().count() > 40 { "…" } else { "" };
            format!("the text `{}{cut}`", text.chars().take(40).collect::<String>())
        }
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// Reads a document in any dialect.
pub(super) fn normalise(value: &Value) -> Loaded {
    let mut reading = Reading::default();
    let Value::Object(map) = value else {
        let help = "a workflow is an object with `name` and `steps`";
        let message = format!("expected a workflow, found {}", described(value));
        return Loaded {
            diagnostics: vec![Diagnostic::error("not_a_workflow", "", message).help(help)],
            ..Loaded::default()
        };
    };
    let workflow = workflow::read(&mut reading, Object::new(map, ""));
    Loaded {
        workflow: Some(workflow),
        diagnostics: reading.diagnostics,
        parameters: reading.parameters,
        ..Loaded::default()
    }
}
