//! What readers of a run are told about its present state.

use serde_json::{Map, Value};

use super::record::Origin;
use super::status::{RunStatus, StepStatus};
use crate::Millis;
use crate::id::{ApprovalId, RunId};

/// A run as it is now. Plain data: the edges give it their own shapes.
#[derive(Clone, Debug, PartialEq)]
pub struct RunView {
    pub run_id: RunId,
    pub workflow: String,
    pub status: RunStatus,
    pub created_at: Millis,
    pub started_at: Option<Millis>,
    pub completed_at: Option<Millis>,
    /// From the start to the end, or to the latest record of a run that goes on.
    pub duration_ms: Option<Millis>,
    /// Without secret ones.
    pub parameters: Map<String, Value>,
    /// The declared outputs; empty until the run ends.
    pub outputs: Map<String, Value>,
    pub error: Option<String>,
    pub origin: Option<Origin>,
    /// In document order.
    pub steps: Vec<StepView>,
    /// Open ones, in the order in which they were asked for.
    pub approvals: Vec<ApprovalView>,
}

/// A step as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct StepView {
    pub name: String,
    pub index: u32,
    pub status: StepStatus,
    /// Attempts started to carry it out: all tries, items and rounds together.
    pub attempts: u32,
    pub started_at: Option<Millis>,
    pub completed_at: Option<Millis>,
    pub duration_ms: Option<Millis>,
    pub output: Option<String>,
    /// Declared outputs, evaluated.
    pub outputs: Map<String, Value>,
    pub exit_code: Option<i32>,
    pub error: Option<String>,
}

/// A question that waits for a person.
#[derive(Clone, Debug, PartialEq)]
pub struct ApprovalView {
    pub approval: ApprovalId,
    pub step: u32,
    pub name: String,
    pub message: String,
    pub requested_at: Millis,
    pub expires_at: Option<Millis>,
}
