//! A workflow as a caller sends it.

use partita_core::workflow::{self, Loaded};
use serde_json::Value;

/// A workflow as an object, or as a text in JSON or YAML, whose findings then have places.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum WorkflowSource {
    Value(Value),
    Text(String),
}

impl Default for WorkflowSource {
    fn default() -> Self {
        Self::Value(Value::Null)
    }
}

impl WorkflowSource {
    /// Reads the workflow.
    pub(crate) fn load(&self) -> Loaded {
        match self {
            Self::Value(value) => workflow::from_value(value),
            Self::Text(text) => workflow::parse(text, None),
        }
    }
}
