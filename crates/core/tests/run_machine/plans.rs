//! Small plans, built by hand.

use std::sync::Arc;

use partita_core::plan::{Plan, PlannedAction, PlannedRollback, PlannedStep};
use partita_core::workflow::document::{Effects, OnFailure, Retry, RollbackWhen};
use partita_core::workflow::reference::Template;

pub(crate) fn retry(max_attempts: u32) -> Retry {
    Retry { max_attempts, delay_ms: 10, backoff: 2.0, max_delay_ms: None, jitter: 0.0, on: Vec::new() }
}

pub(crate) fn step(name: &str, needs: &[u32]) -> PlannedStep {
    PlannedStep { name: name.to_owned(), needs: needs.to_vec(), effects: Effects::Write, ..PlannedStep::default() }
}

pub(crate) fn undoable(name: &str, needs: &[u32]) -> PlannedStep {
    let action = PlannedAction::Wait { duration: Template::text("0") };
    let rollback = PlannedRollback { action, retry: retry(1), timeout_ms: None, when: RollbackWhen::Succeeded };
    PlannedStep { rollback: Some(rollback), ..step(name, needs) }
}

pub(crate) fn approval(name: &str, needs: &[u32], timeout_ms: Option<u64>) -> PlannedStep {
    PlannedStep {
        action: PlannedAction::Approval { message: Template::text("go on?"), timeout_ms },
        ..step(name, needs)
    }
}

pub(crate) fn plan(steps: Vec<PlannedStep>) -> Plan {
    Plan {
        name: "test".to_owned(),
        steps,
        max_active_steps: 8,
        on_failure: OnFailure::Stop,
        runner: "local".to_owned(),
        ..Plan::default()
    }
}

pub(crate) fn shared(plan: Plan) -> Arc<Plan> {
    Arc::new(plan)
}

/// Plans that together reach every corner of the machine, small enough to be searched through.
pub(crate) fn corners() -> Vec<(&'static str, Plan)> {
    let diamond = || vec![step("a", &[]), step("b", &[0]), step("c", &[0]), step("d", &[1, 2])];
    let undoable_diamond =
        || vec![undoable("a", &[]), undoable("b", &[0]), undoable("c", &[0]), undoable("d", &[1, 2])];
    let with = |change: &dyn Fn(&mut Plan), steps: Vec<PlannedStep>| {
        let mut plan = plan(steps);
        change(&mut plan);
        plan
    };
    let retried = PlannedStep { retry: retry(2), ..step("a", &[]) };
    let limited = PlannedStep { timeout_ms: Some(50), ..step("slow", &[]) };
    let excused = {
        let mut step = step("a", &[]);
        step.continue_on.failure = true;
        step
    };
    vec![
        ("chain", plan(vec![step("a", &[]), step("b", &[0])])),
        ("diamond", plan(diamond())),
        ("diamond that goes on", with(&|plan| plan.on_failure = OnFailure::Continue, diamond())),
        ("diamond that goes back", with(&|plan| plan.on_failure = OnFailure::Rollback, undoable_diamond())),
        ("one at a time", with(&|plan| plan.max_active_steps = 1, diamond())),
        ("retry", plan(vec![retried.clone(), step("b", &[0])])),
        ("time limits", with(&|plan| plan.timeout_ms = Some(80), vec![limited, step("b", &[0])])),
        ("excused", plan(vec![excused, step("b", &[0])])),
        (
            "handlers",
            with(
                &|plan| {
                    plan.handlers.failure = Some(step("on failure", &[]));
                    plan.handlers.exit = Some(step("on exit", &[]));
                },
                vec![step("a", &[])],
            ),
        ),
        ("approval", plan(vec![step("a", &[]), approval("ask", &[0], Some(100)), step("b", &[1])])),
        (
            "retry and back",
            with(&|plan| plan.on_failure = OnFailure::Rollback, {
                vec![undoable("a", &[]), PlannedStep { needs: vec![0], ..retried }]
            }),
        ),
    ]
}
