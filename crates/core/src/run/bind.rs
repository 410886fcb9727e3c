//! What attempts do: the plan's templates with the run's values.

use serde_json::Value;

use super::record::{AttemptId, AttemptKind};
use super::state::{Run, WORKFLOW};
use crate::plan::{PlannedAction, PlannedPrecondition, PlannedStep};
use crate::task::{Outcome, Task};
use crate::workflow::binding::{self, BindError, Results, RunFacts, Scope, StepResult};

impl Run {
    /// What an attempt does, with values bound.
    ///
    /// # Errors
    ///
    /// When a value can't be bound: the driver then feeds `Finished` with `NotStarted`.
    pub fn task(&self, id: AttemptId) -> Result<Task, BindError> {
        let step = self.step_of(id);
        let action = match id.kind {
            AttemptKind::Check => return self.check_task(id, step),
            AttemptKind::Undo => step.rollback.as_ref().map(|rollback| &rollback.action),
            AttemptKind::Do | AttemptKind::Handler => Some(&step.action),
        };
        let Some(action) = action else { return Err(nothing_to_do(id)) };
        if let PlannedAction::Approval { .. } = action {
            return Err(nothing_to_do(id));
        }
        let item = if id.kind == AttemptKind::Handler { None } else { self.item_of(id.step, id.item) };
        binding::task(action, &self.scope(Some(step), item, None))
    }

    fn check_task(&self, id: AttemptId, step: &PlannedStep) -> Result<Task, BindError> {
        let (preconditions, step) =
            if id.step == WORKFLOW { (&self.plan.preconditions, None) } else { (&step.preconditions, Some(step)) };
        match preconditions.get(id.item as usize) {
            Some(PlannedPrecondition::Command { script }) => binding::check_task(script, &self.scope(step, None, None)),
            _ => Err(nothing_to_do(id)),
        }
    }

    /// Everything that references and expressions can see now.
    pub(super) fn scope<'a>(
        &'a self,
        step: Option<&'a PlannedStep>,
        item: Option<(&'a Value, u32)>,
        own: Option<&'a Outcome>,
    ) -> Scope<'a> {
        let error = self.failure.and_then(|step| self.steps.get(step as usize)?.result.as_deref()?.error.as_deref());
        let status = if self.is_forward_over() { self.fate().into() } else { self.status() };
        let run = RunFacts { id: &self.run_id, status, error, started_at: self.started_at };
        Scope { plan: &self.plan, results: self, step, item, own, run }
    }
}

fn nothing_to_do(id: AttemptId) -> BindError {
    BindError { message: format!("attempt {id:?} has nothing that a runner could carry out") }
}

impl Results for Run {
    fn result(&self, step: u32) -> Option<StepResult<'_>> {
        let end = self.steps.get(step as usize)?.result.as_deref()?;
        let (output, exit_code, outputs) = (end.output.as_deref(), end.exit_code, &end.outputs);
        Some(StepResult { status: end.status, output, exit_code, outputs })
    }
}
