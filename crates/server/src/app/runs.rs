//! Looking at runs and telling them things.

use std::sync::Arc;

use futures::stream::BoxStream;
use partita_core::run::record::{Entry, EntryBody, Record};
use partita_core::run::{AttemptKind, Decision, RunStatus, RunView};
use partita_core::{ApprovalId, RunId};
use partita_engine::Command;
use partita_store::{EntryQuery, Page, RunFilter, RunSummary, StoreError};
use serde_json::Value;

use super::{App, AppError, Principal, Scope};

/// Entries of a run, the stored ones and then the live ones.
pub(crate) type Entries = BoxStream<'static, Result<Arc<Entry>, StoreError>>;

/// Bytes of a step's log that one page holds at most.
const LOG_PAGE: usize = 1_000;

/// Reads the id of a run; one that can't be a run's is as good as unknown.
pub(crate) fn run_id(text: &str) -> Result<RunId, AppError> {
    text.parse().map_err(|_| AppError::not_found("run", text.chars().take(64).collect::<String>()))
}

/// Which runs to list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    pub(crate) status: Option<String>,
    pub(crate) workflow: Option<String>,
    pub(crate) limit: Option<usize>,
    pub(crate) cursor: Option<String>,
}

/// Runs of the caller's tenant, newest first.
pub(crate) async fn list(app: &App, principal: &Principal, listing: Listing) -> Result<Page<RunSummary>, AppError> {
    principal.need(Scope::Read)?;
    let status = match &listing.status {
        None => None,
        Some(name) => {
            let status: Result<RunStatus, _> = serde_json::from_value(Value::String(name.clone()));
            Some(status.map_err(|_| {
                let shown: String = name.chars().take(40).collect();
                AppError::field("?status", format!("`{shown}` is no status of a run"))
            })?)
        }
    };
    let limit = listing.limit.unwrap_or(50).clamp(1, 500);
    let tenant = principal.tenant.clone();
    let filter = RunFilter { tenant, status, workflow: listing.workflow, limit, cursor: listing.cursor };
    Ok(app.parts.log.list(filter).await?)
}

/// A run as it is now.
pub(crate) async fn get(app: &App, principal: &Principal, run: &RunId) -> Result<RunView, AppError> {
    principal.need(Scope::Read)?;
    Ok(app.parts.engine.view(&principal.tenant, run).await?)
}

/// The workflow that a run carries out.
pub(crate) async fn workflow(app: &App, run: &RunId) -> Result<Value, AppError> {
    let first = app.parts.log.replay(run).await?.into_iter().next();
    match first.map(|stored| stored.record) {
        Some(Record::Created { plan, .. }) => Ok(plan.document.clone()),
        _ => Err(AppError::Internal(format!("the run {run} has no first record"))),
    }
}

/// Waits until a run has ended, and shows it.
pub(crate) async fn ended(app: &App, principal: &Principal, run: &RunId) -> Result<RunView, AppError> {
    app.parts.engine.wait(&principal.tenant, run).await?;
    Ok(app.parts.engine.view(&principal.tenant, run).await?)
}

/// The entries of a run after a `seq`; `None` when the run has ended and nothing comes after it.
pub(crate) async fn follow(
    app: &App,
    principal: &Principal,
    run: &RunId,
    after: u64,
) -> Result<Option<Entries>, AppError> {
    let summary = app.parts.log.get(&principal.tenant, run).await?;
    let summary = summary.ok_or_else(|| AppError::not_found("run", run.as_str()))?;
    if summary.status.is_terminal() && after >= summary.last_seq {
        return Ok(None);
    }
    Ok(Some(app.parts.engine.follow(&principal.tenant, run, after).await?))
}

/// Tells a run something.
pub(crate) async fn tell(app: &App, principal: &Principal, run: &RunId, command: Command) -> Result<RunView, AppError> {
    principal.need(Scope::Execute)?;
    app.parts.engine.command(&principal.tenant, run, command).await?;
    Ok(app.parts.engine.view(&principal.tenant, run).await?)
}

/// Answers a question of a run.
pub(crate) async fn decide(
    app: &App,
    principal: &Principal,
    (run, approval): (&RunId, &str),
    (decision, comment): (Decision, Option<String>),
) -> Result<RunView, AppError> {
    principal.need(Scope::Approve)?;
    let unknown = || AppError::not_found("open approval", approval.chars().take(64).collect::<String>());
    let approval: ApprovalId = approval.parse().map_err(|_| unknown())?;
    let command = Command::Decide { approval, decision, comment, by: principal.name.clone() };
    app.parts.engine.command(&principal.tenant, run, command).await?;
    Ok(app.parts.engine.view(&principal.tenant, run).await?)
}

/// A part of the log of one step.
pub(crate) struct Log {
    pub(crate) entries: Vec<Entry>,
    pub(crate) next_after: Option<u64>,
}

/// What a step printed, from a `seq` on.
pub(crate) async fn log(
    app: &App,
    principal: &Principal,
    (run, step): (&RunId, &str),
    after: u64,
) -> Result<Log, AppError> {
    let view = get(app, principal, run).await?;
    let found = view.steps.iter().find(|known| known.name == step || known.index.to_string() == step);
    let step = found.ok_or_else(|| AppError::not_found("step", step.chars().take(128).collect::<String>()))?.index;
    let query = EntryQuery { run_id: run.clone(), after, limit: LOG_PAGE, output_of: Some(step) };
    let mut entries = app.parts.log.entries(query).await?;
    let next_after = if entries.len() == LOG_PAGE { entries.last().map(|entry| entry.seq) } else { None };
    entries.retain(|entry| matches!(&entry.body, EntryBody::Chunk(chunk) if chunk.id.kind != AttemptKind::Handler));
    Ok(Log { entries, next_after })
}
