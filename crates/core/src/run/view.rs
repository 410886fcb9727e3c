//! What readers of a run are told about its present state.

use serde_json::{Map, Value};

use super::record::Origin;
use super::state::{Run, StepState};
use super::status::{RunStatus, StepStatus};
use crate::id::{ApprovalId, RunId};
use crate::plan::{ComposedBy, PlannedStep};
use crate::time::Millis;

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
    /// Who composed its workflow, when it was begun from words.
    pub composed: Option<ComposedBy>,
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

impl Run {
    /// The run as readers see it.
    #[must_use]
    pub fn view(&self) -> RunView {
        let started_at = self.started_at;
        let latest_at = self.ended.as_ref().map_or(self.latest_at, |ended| ended.at);
        let going = started_at.map(|started_at| latest_at.saturating_sub(started_at));
        let steps = (0u32..).zip(self.plan.steps.iter().zip(&self.steps));
        RunView {
            run_id: self.run_id.clone(),
            workflow: self.plan.name.clone(),
            status: self.status(),
            created_at: self.created_at,
            started_at,
            completed_at: self.ended.as_ref().map(|ended| ended.at),
            duration_ms: self.ended.as_ref().map(|ended| ended.duration_ms).or(going),
            parameters: self.plan.parameters.clone(),
            outputs: self.ended.as_ref().map(|ended| ended.outputs.clone()).unwrap_or_default(),
            error: match &self.ended {
                Some(ended) => ended.error.clone(),
                None => self.run_error(),
            },
            origin: self.origin.clone(),
            composed: self.plan.composed.clone(),
            steps: steps.map(|(index, (planned, state))| self.step_view(index, planned, state)).collect(),
            approvals: self.open_approvals(),
        }
    }

    fn step_view(&self, index: u32, planned: &PlannedStep, state: &StepState) -> StepView {
        let undone = self.rollback.as_ref().and_then(|rollback| rollback.results.get(&index));
        let end = state.result.as_deref();
        StepView {
            name: planned.name.clone(),
            index,
            status: undone.map_or_else(|| state.status(), |(status, _)| *status),
            attempts: state.attempts,
            started_at: state.started_at,
            completed_at: end.map(|end| end.at),
            duration_ms: end.map(|end| end.duration_ms),
            output: end.and_then(|end| end.output.clone()),
            outputs: end.map(|end| end.outputs.clone()).unwrap_or_default(),
            exit_code: end.and_then(|end| end.exit_code),
            error: undone.and_then(|(_, error)| error.clone()).or_else(|| end.and_then(|end| end.error.clone())),
        }
    }

    /// Questions that wait for a person, in the order in which they were asked.
    #[must_use]
    pub fn open_approvals(&self) -> Vec<ApprovalView> {
        let view = |step: &u32| {
            let state = self.steps.get(*step as usize)?;
            let open = state.active.as_deref()?.approval.as_ref().filter(|open| open.answer.is_none())?;
            Some(ApprovalView {
                approval: open.id.clone(),
                step: *step,
                name: self.plan.steps.get(*step as usize)?.name.clone(),
                message: open.message.clone(),
                requested_at: open.requested_at,
                expires_at: open.expires_at,
            })
        };
        let mut open: Vec<ApprovalView> = self.active.iter().filter_map(view).collect();
        open.sort_by_key(|open| open.requested_at);
        open
    }
}
