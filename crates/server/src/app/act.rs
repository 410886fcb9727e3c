//! Beginning runs of workflows that nobody has seen.

use std::sync::Arc;

use partita_core::RunId;
use partita_core::plan::ComposedBy;
use partita_core::workflow::document::Effects;
use partita_core::workflow::{Purpose, Workflow};
use partita_provider::{Metadata, Usage};

use super::execute::{self, Envelope};
use super::planning::{self, Wishes};
use super::{App, AppError, Principal};

/// What a run keeps of how its workflow came about.
pub(crate) fn composed_by(metadata: &Metadata, usage: Usage) -> ComposedBy {
    ComposedBy {
        provider: metadata.provider.clone(),
        model: metadata.model.clone(),
        calls: usage.calls,
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        cost_usd: usage.cost_usd,
    }
}

/// Begins the run of a workflow that was just composed: only if nothing in it could hurt, or that is
/// allowed.
pub(crate) async fn begin_unseen(
    app: &Arc<App>,
    principal: &Principal,
    (workflow, composed): (&Workflow, ComposedBy),
    (wishes, allow): (&Wishes, &[Effects]),
    envelope: Envelope,
) -> Result<RunId, AppError> {
    let planned = planning::prove_workflow(app, workflow, wishes, Purpose::Execute, None);
    planning::gate(workflow, &planned, allow)?;
    let (mut plan, _) = planning::demand(planned)?;
    plan.composed = Some(composed);
    planning::permit(app, principal, &plan)?;
    execute::submit(app, principal, plan, envelope).await
}
