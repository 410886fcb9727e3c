//! From the model back to a document with the canonical keys.

use serde_json::Value;

use super::Workflow;

/// The canonical document: reading it again gives an equal workflow.
#[must_use]
pub fn to_value(workflow: &Workflow) -> Value {
    serde_json::json!({"name": workflow.name})
}

/// The canonical document as YAML.
#[must_use]
pub fn to_yaml(workflow: &Workflow) -> String {
    format!("name: {}\n", workflow.name)
}
