//! Whether a plan carries out code that its author wrote, which needs the scope `execute:code`.

use crate::plan::{Plan, PlannedAction, PlannedPrecondition, PlannedStep};
use crate::tool::Catalogue;

/// Whether anything in a plan is a command, a script, or a tool that runs code (such as `python` or
/// `ssh`). A tool that is not in the catalogue counts as one.
#[must_use]
pub fn needs_code(plan: &Plan, catalogue: &Catalogue) -> bool {
    let handlers = &plan.handlers;
    let handlers = [&handlers.success, &handlers.failure, &handlers.cancel, &handlers.exit];
    let mut steps = plan.steps.iter().chain(handlers.into_iter().flatten());
    is_any_command(&plan.preconditions) || steps.any(|step| step_needs_code(step, catalogue))
}

fn step_needs_code(step: &PlannedStep, catalogue: &Catalogue) -> bool {
    let rollback = step.rollback.as_ref().map(|rollback| &rollback.action);
    is_any_command(&step.preconditions)
        || std::iter::once(&step.action).chain(rollback).any(|action| match action {
            PlannedAction::Script { .. } => true,
            PlannedAction::Program { tool, .. } => catalogue.get(tool).is_none_or(|tool| tool.runs_code),
            _ => false,
        })
}

fn is_any_command(preconditions: &[PlannedPrecondition]) -> bool {
    preconditions.iter().any(|precondition| matches!(precondition, PlannedPrecondition::Command { .. }))
}
