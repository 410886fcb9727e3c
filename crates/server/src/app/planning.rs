//! From a workflow to a plan, with everything this server knows: its tools, its runners, what is
//! installed.

use std::collections::BTreeSet;

use partita_core::plan::Plan;
use partita_core::workflow::document::{Effects, OnFailure};
use partita_core::workflow::{Loaded, PlanRequest, Planned, Purpose, Workflow, plan, planning, to_value};
use partita_core::{Diagnostic, Severity};
use serde_json::{Map, Value, json};

use super::{App, AppError, Principal, Scope};

/// What a plan is made with, besides the workflow.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    pub(crate) parameters: Map<String, Value>,
    pub(crate) context: Map<String, Value>,
    pub(crate) on_failure: Option<OnFailure>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) runner: Option<String>,
}

/// Proves a workflow that was read; findings of reading and planning come together.
pub(crate) fn prove(
    app: &App,
    mut loaded: Loaded,
    mut wishes: Wishes,
    purpose: Purpose,
) -> (Option<Workflow>, Planned) {
    for (name, value) in std::mem::take(&mut loaded.parameters) {
        wishes.parameters.entry(name).or_insert(value);
    }
    let Some(workflow) = &loaded.workflow else {
        return (None, Planned { issues: loaded.diagnostics, ..Planned::default() });
    };
    let mut planned = prove_workflow(app, workflow, &wishes, purpose, Some(&loaded));
    let unsound = loaded.diagnostics.iter().any(Diagnostic::is_error);
    planned.issues.splice(0..0, loaded.diagnostics);
    if unsound {
        planned.plan = None;
    }
    (loaded.workflow, planned)
}

/// Proves a workflow.
pub(crate) fn prove_workflow(
    app: &App,
    workflow: &Workflow,
    wishes: &Wishes,
    purpose: Purpose,
    loaded: Option<&Loaded>,
) -> Planned {
    let parts = &app.parts;
    let runners: BTreeSet<String> =
        parts.runners.iter().flat_map(|(alias, name)| [alias.clone(), name.clone()]).collect();
    let catalogue = parts.tools.current();
    let request = PlanRequest {
        catalogue: &catalogue,
        parameters: &wishes.parameters,
        context: &wishes.context,
        runners: &runners,
        installed: &*parts.installed,
        visible_env: &parts.visible_env,
        on_failure: wishes.on_failure,
        timeout_ms: wishes.timeout_ms,
        runner: wishes.runner.as_deref(),
        places: loaded.map(|loaded| &loaded.places),
        purpose,
    };
    plan(workflow, &request)
}

/// The plan, or the refusal that lists every issue.
pub(crate) fn demand(planned: Planned) -> Result<(Plan, Vec<Diagnostic>), AppError> {
    let Planned { plan, issues, suggestions, .. } = planned;
    match plan {
        Some(plan) => Ok((plan, issues)),
        None => Err(AppError::InvalidWorkflow { issues, suggestions }),
    }
}

/// Refuses a plan that this caller may not run.
pub(crate) fn permit(app: &App, principal: &Principal, plan: &Plan) -> Result<(), AppError> {
    principal.need(Scope::Execute)?;
    if planning::needs_code(plan, &app.parts.tools.current()) {
        principal.need(Scope::ExecuteCode)?;
    }
    Ok(())
}

/// Refuses a plan that nobody has seen and that could hurt, unless its effects are allowed.
pub(crate) fn gate(workflow: &Workflow, planned: &Planned, allow: &[Effects]) -> Result<(), AppError> {
    let hurts = |effects: Effects| matches!(effects, Effects::Destructive | Effects::Unknown);
    if planned.risk.iter().all(|step| !hurts(step.effects) || allow.contains(&step.effects)) {
        return Ok(());
    }
    let unseen = json!({"workflow": to_value(workflow), "risk": planned.risk, "validation": validation(planned)});
    Err(AppError::NeedsApproval { unseen: Box::new(unseen) })
}

/// `{valid, issues, suggestions}`.
pub(crate) fn validation(planned: &Planned) -> Value {
    let mut issues: Vec<&Diagnostic> = planned.issues.iter().collect();
    issues.sort_by_key(|issue| std::cmp::Reverse(issue.severity));
    let valid = planned.is_valid() && !issues.iter().any(|issue| issue.severity == Severity::Error);
    json!({"valid": valid, "issues": issues, "suggestions": planned.suggestions})
}
