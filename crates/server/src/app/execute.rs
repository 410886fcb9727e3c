//! Beginning runs.

use std::sync::Arc;

use partita_core::RunId;
use partita_core::workflow::{Purpose, to_value};
use partita_engine::Submission;
use partita_store::Idempotency;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::planning::{self, Wishes};
use super::{App, AppError, Principal, WorkflowSource, templates};
use crate::wire::request::{RunOptions, RunSource};

/// What surrounds a request that starts work.
#[derive(Clone, Debug, Default)]
pub(crate) struct Envelope {
    /// The caller's idempotency key, with a digest of the request.
    pub(crate) idempotency: Option<(String, String)>,
    pub(crate) traceparent: Option<String>,
}

impl Envelope {
    /// The idempotency key, scoped by its caller.
    fn idempotency_of(&self, principal: &Principal) -> Option<Idempotency> {
        let (key, fingerprint) = self.idempotency.clone()?;
        Some(Idempotency { scope: format!("{}:execute", principal.id), key, fingerprint })
    }
}

/// What became of a request for a run.
pub(crate) enum Executed {
    Run(RunId),
    /// What would run; nothing was started.
    Dry(Value),
}

/// What to run, and how.
#[derive(Clone, Debug)]
pub(crate) struct Execution {
    pub(crate) source: RunSource,
    pub(crate) parameters: Map<String, Value>,
    pub(crate) context: Map<String, Value>,
    pub(crate) options: RunOptions,
}

/// Begins a run of a workflow that the caller has seen. Nothing is begun when anything is wrong.
pub(crate) async fn execute(
    app: &Arc<App>,
    principal: &Principal,
    execution: Execution,
    envelope: Envelope,
) -> Result<Executed, AppError> {
    let source = match execution.source {
        RunSource::Workflow(source) => source,
        RunSource::Name(name) => WorkflowSource::Value(templates::workflow(app, principal, &name).await?),
        RunSource::Tool { tool, parameters } => WorkflowSource::Value(json!({
            "name": tool, "steps": [{"name": tool, "tool": tool, "parameters": parameters}],
        })),
    };
    let options = execution.options;
    let wishes = Wishes {
        parameters: execution.parameters,
        context: execution.context,
        on_failure: options.on_failure,
        timeout_ms: options.timeout,
        runner: options.runner.clone(),
    };
    let dry = options.dry_run == Some(true);
    let (workflow, planned) = {
        let app = Arc::clone(app);
        off_the_loop(move || planning::prove(&app, source.load(), wishes, Purpose::Execute)).await?
    };
    if dry {
        let Some(workflow) = workflow.filter(|_| planned.is_valid()) else {
            return planning::demand(planned).map(|_| Executed::Dry(Value::Null));
        };
        let validation = planning::validation(&planned);
        return Ok(Executed::Dry(json!({
            "dry_run": true, "workflow": to_value(&workflow), "validation": validation, "risk": planned.risk,
        })));
    }
    let (plan, _) = planning::demand(planned)?;
    planning::permit(app, principal, &plan)?;
    submit(app, principal, plan, envelope).await.map(Executed::Run)
}

/// The run that the same request under the same idempotency key began earlier: nothing is composed again
/// for it.
pub(crate) async fn begun_before(
    app: &App,
    principal: &Principal,
    envelope: &Envelope,
) -> Result<Option<RunId>, AppError> {
    match envelope.idempotency_of(principal) {
        Some(idempotency) => Ok(app.parts.log.begun_under(&principal.tenant, &idempotency).await?),
        None => Ok(None),
    }
}

/// Hands a plan to the engine. Durable when this returns.
pub(crate) async fn submit(
    app: &App,
    principal: &Principal,
    plan: partita_core::plan::Plan,
    envelope: Envelope,
) -> Result<RunId, AppError> {
    let idempotency = envelope.idempotency_of(principal);
    let accepted = app
        .parts
        .engine
        .submit(Submission {
            tenant: principal.tenant.clone(),
            principal: principal.id.clone(),
            plan,
            origin: None,
            idempotency,
            traceparent: envelope.traceparent,
        })
        .await?;
    tracing::info!(run = %accepted.run_id, by = principal.id, existing = accepted.existing, "a run was asked for");
    Ok(accepted.run_id)
}

/// A digest of a request, to tell a repetition from another request under the same key.
pub(crate) fn fingerprint(endpoint: &str, body: &str) -> String {
    let mut digest = Sha256::new();
    digest.update(endpoint.as_bytes());
    digest.update([0]);
    digest.update(body.as_bytes());
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Does work that may take a while for large documents where it holds nobody up.
pub(crate) async fn off_the_loop<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, AppError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| AppError::Internal(error.to_string()))
}
