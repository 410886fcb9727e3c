//! What providers may look up for a caller: tools, templates, runners, past runs.

use std::sync::Arc;

use async_trait::async_trait;
use partita_core::TenantId;
use partita_core::event::seconds;
use partita_provider::{PastRuns, Surroundings};
use partita_store::RunFilter;
use serde_json::{Value, json};

use super::{App, AppError, Principal, templates};

/// Gathers what a provider may look up.
pub(crate) async fn gather(app: &Arc<App>, principal: &Principal) -> Result<Arc<Surroundings>, AppError> {
    let past_runs = TenantRuns { app: Arc::clone(app), tenant: principal.tenant.clone() };
    Ok(Arc::new(Surroundings {
        catalogue: app.parts.tools.current(),
        templates: templates::shared(app, principal).await?,
        runners: app.parts.runners.keys().cloned().collect(),
        past_runs: Arc::new(past_runs),
    }))
}

/// The runs of one tenant.
struct TenantRuns {
    app: Arc<App>,
    tenant: TenantId,
}

#[async_trait]
impl PastRuns for TenantRuns {
    async fn of(&self, workflow: Option<&str>, limit: usize) -> Vec<Value> {
        let (tenant, workflow) = (self.tenant.clone(), workflow.map(str::to_owned));
        let filter = RunFilter { tenant, status: None, workflow, limit, cursor: None };
        let runs = match self.app.parts.log.list(filter).await {
            Ok(page) => page.items,
            Err(error) => {
                tracing::warn!("past runs could not be looked up: {error}");
                return Vec::new();
            }
        };
        let mut shown = Vec::with_capacity(runs.len());
        for run in runs {
            let duration = run.started_at.zip(run.completed_at).map(|(from, to)| seconds(to.saturating_sub(from)));
            let mut one = json!({"workflow": run.workflow, "status": run.status, "duration": duration});
            let view = if run.status.is_terminal() {
                self.app.parts.engine.view(&self.tenant, &run.run_id).await.ok()
            } else {
                None
            };
            let failed = view.iter().flat_map(|view| &view.steps).filter(|step| step.error.is_some());
            let failed: Vec<Value> = failed.map(|step| json!({"step": step.name, "error": step.error})).collect();
            if !failed.is_empty() {
                one["failed"] = Value::Array(failed);
            }
            shown.push(one);
        }
        shown
    }
}
