//! Beginning runs of workflows that nobody has seen.

use std::sync::Arc;

use partita_core::RunId;
use partita_core::workflow::document::Effects;
use partita_core::workflow::{Purpose, Workflow};

use super::execute::{self, Envelope};
use super::planning::{self, Wishes};
use super::{App, AppError, Principal};

/// Begins the run of a workflow that was just composed: only if nothing in it could hurt, or that is
/// allowed.
pub(crate) async fn begin_unseen(
    app: &Arc<App>,
    principal: &Principal,
    workflow: &Workflow,
    (wishes, allow): (&Wishes, &[Effects]),
    envelope: Envelope,
) -> Result<RunId, AppError> {
    let planned = planning::prove_workflow(app, workflow, wishes, Purpose::Execute, None);
    planning::gate(workflow, &planned, allow)?;
    let (plan, _) = planning::demand(planned)?;
    planning::permit(app, principal, &plan)?;
    execute::submit(app, principal, plan, envelope).await
}
