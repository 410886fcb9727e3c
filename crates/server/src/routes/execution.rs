//! `POST /execute`, `POST /validate`, and everything about runs that exist.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use partita_core::RunId;
use partita_core::workflow::Purpose;
use partita_engine::Command;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::Document;
use super::caller::Caller;
use super::{authoring, stream};
use crate::App;
use crate::app::execute::{self, Envelope, Executed, Execution};
use crate::app::planning::{self, Wishes};
use crate::app::runs::{self, Listing};
use crate::app::{AppError, Scope};
use crate::wire::framing::{Framing, StreamFormat};
use crate::wire::padding;
use crate::wire::request::{CancelRequest, DecideRequest, ExecuteRequest, ValidateRequest};
use crate::wire::response;

type Answer = Result<Response, AppError>;

/// Longest idempotency key.
const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;

/// What surrounds a request that starts work.
pub(super) fn envelope(caller: &Caller, headers: &HeaderMap, endpoint: &str, text: &str) -> Result<Envelope, AppError> {
    let traceparent = caller.traceparent.clone();
    let Some(key) = headers.get("idempotency-key") else { return Ok(Envelope { idempotency: None, traceparent }) };
    let key = key.to_str().unwrap_or_default().trim();
    if key.is_empty() || key.len() > IDEMPOTENCY_KEY_CHARS_MAX {
        let detail = format!("Idempotency-Key: expected 1 to {IDEMPOTENCY_KEY_CHARS_MAX} ASCII characters");
        return Err(AppError::field("", detail));
    }
    let fingerprint = execute::fingerprint(endpoint, text);
    Ok(Envelope { idempotency: Some((key.to_owned(), fingerprint)), traceparent })
}

pub(super) async fn execute(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    document: Document,
) -> Answer {
    let envelope = envelope(&caller, &headers, "/execute", &document.text)?;
    let (request, _) = ExecuteRequest::read(document.value, &document.text)?;
    let framing = authoring::framing(&headers, request.options.stream, request.framing);
    let execution = Execution {
        source: request.workflow,
        parameters: request.parameters,
        context: request.context,
        options: request.options,
    };
    match execute::execute(&app, &caller.principal, execution, envelope).await? {
        Executed::Dry(answer) => Ok(Json(answer).into_response()),
        Executed::Run(run) => match framing {
            Some(framing) => {
                let after = stream::starting_after(&headers, None);
                stream_run(app, &caller, framing, (run, after)).await
            }
            None => Ok(wait_for(app, caller, run).await),
        },
    }
}

/// Answers with the events of a run after a `seq`.
async fn stream_run(app: Arc<App>, caller: &Caller, framing: Framing, (run, after): (RunId, u64)) -> Answer {
    match runs::follow(&app, &caller.principal, &run, after).await? {
        Some(entries) => Ok(stream::follow(app, caller, framing, (run, entries))),
        None => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

/// Answers with a run when it has ended.
async fn wait_for(app: Arc<App>, caller: Caller, run: RunId) -> Response {
    let Caller { principal, request_id, patience, .. } = caller;
    let work = Box::pin(async move { Ok(response::run(&runs::ended(&app, &principal, &run).await?)) });
    padding::respond(work, patience, request_id).await
}

pub(super) async fn validate(State(app): State<Arc<App>>, caller: Caller, document: Document) -> Answer {
    caller.principal.need(Scope::Read)?;
    let (request, _) = ValidateRequest::read(document.value, &document.text)?;
    let purpose = if request.parameters.is_some() { Purpose::Execute } else { Purpose::Validate };
    let wishes = Wishes {
        parameters: request.parameters.unwrap_or_default(),
        on_failure: request.options.on_failure,
        timeout_ms: request.options.timeout,
        runner: request.options.runner,
        ..Wishes::default()
    };
    let source = request.workflow;
    let planned = execute::off_the_loop(move || planning::prove(&app, source.load(), wishes, purpose).1).await?;
    let mut answer = planning::validation(&planned);
    answer["risk"] = json!(planned.risk);
    Ok(Json(answer).into_response())
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct ListQuery {
    status: Option<String>,
    workflow: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

pub(super) async fn list(State(app): State<Arc<App>>, caller: Caller, Query(query): Query<ListQuery>) -> Answer {
    let ListQuery { status, workflow, limit, cursor } = query;
    let page = runs::list(&app, &caller.principal, Listing { status, workflow, limit, cursor }).await?;
    let executions: Vec<Value> = page.items.iter().map(response::summary).collect();
    Ok(Json(json!({"executions": executions, "next_cursor": page.next_cursor})).into_response())
}

pub(super) async fn get(State(app): State<Arc<App>>, caller: Caller, Path(run): Path<String>) -> Answer {
    let view = runs::get(&app, &caller.principal, &runs::run_id(&run)?).await?;
    Ok(Json(response::run(&view)).into_response())
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct AfterQuery {
    starting_after: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct EventsQuery {
    starting_after: Option<u64>,
    /// `sse` or `ndjson`; by `Accept` when absent.
    format: Option<String>,
}

pub(super) async fn events(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    (Path(run), Query(query)): (Path<String>, Query<EventsQuery>),
) -> Answer {
    caller.principal.need(Scope::Read)?;
    let after = stream::starting_after(&headers, query.starting_after);
    let format = match query.format.as_deref() {
        None => stream::accepted(&headers).unwrap_or_default(),
        Some("sse") => StreamFormat::Sse,
        Some("ndjson") => StreamFormat::Ndjson,
        Some(other) => {
            let other: String = other.chars().take(40).collect();
            return Err(AppError::field("?format", format!("expected sse or ndjson, got `{other}`")));
        }
    };
    let framing = Framing { format, ..Framing::default() };
    stream_run(app, &caller, framing, (runs::run_id(&run)?, after)).await
}

pub(super) async fn log(
    State(app): State<Arc<App>>,
    caller: Caller,
    (Path((run, step)), Query(query)): (Path<(String, String)>, Query<AfterQuery>),
) -> Answer {
    let (run, after) = (runs::run_id(&run)?, query.starting_after.unwrap_or(0));
    let log = runs::log(&app, &caller.principal, (&run, &step), after).await?;
    Ok(Json(response::log(&step, &log)).into_response())
}

pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(run): Path<String>,
    document: Document,
) -> Answer {
    let (CancelRequest { rollback, reason }, _) = CancelRequest::read(document.value)?;
    let by = caller.principal.name.clone();
    tell(&app, &caller, &run, Command::Cancel { rollback, reason, by }).await
}

pub(super) async fn pause(State(app): State<Arc<App>>, caller: Caller, Path(run): Path<String>) -> Answer {
    let by = caller.principal.name.clone();
    tell(&app, &caller, &run, Command::Pause { by }).await
}

pub(super) async fn resume(State(app): State<Arc<App>>, caller: Caller, Path(run): Path<String>) -> Answer {
    let by = caller.principal.name.clone();
    tell(&app, &caller, &run, Command::Resume { by }).await
}

async fn tell(app: &App, caller: &Caller, run: &str, command: Command) -> Answer {
    let view = runs::tell(app, &caller.principal, &runs::run_id(run)?, command).await?;
    Ok(Json(response::run(&view)).into_response())
}

pub(super) async fn decide(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((run, approval)): Path<(String, String)>,
    document: Document,
) -> Answer {
    let (DecideRequest { decision, comment }, _) = DecideRequest::read(document.value)?;
    let run = runs::run_id(&run)?;
    let view = runs::decide(&app, &caller.principal, (&run, &approval), (decision, comment)).await?;
    Ok(Json(response::run(&view)).into_response())
}
