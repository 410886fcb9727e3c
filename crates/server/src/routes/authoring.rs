//! `POST /generate`, `/refine` and `/compose`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use partita_core::workflow::{Purpose, to_value};
use partita_provider::Composed;
use serde_json::{Value, json};

use super::body::Document;
use super::caller::Caller;
use super::{execution, stream};
use crate::App;
use crate::app::author::{self, Improvement, Wish};
use crate::app::execute::{self, Envelope};
use crate::app::planning::{self, Wishes};
use crate::app::{AppError, Principal, providers, runs};
use crate::wire::request::{ComposeRequest, GenerateRequest, Mode, RefineRequest};
use crate::wire::{padding, response};

type Answer = Result<Response, AppError>;

/// The provider that a request names, else the one that was set for the tenant.
async fn named(app: &App, principal: &Principal, provider: Option<String>) -> Result<Option<String>, AppError> {
    match provider {
        Some(provider) => Ok(Some(provider)),
        None => Ok(Some(providers::default(app, principal).await?.0).filter(|name| !name.is_empty())),
    }
}

pub(super) async fn generate(State(app): State<Arc<App>>, caller: Caller, document: Document) -> Answer {
    let (request, notes) = GenerateRequest::read(document.value)?;
    let streams = request.options.stream == Some(true);
    let Caller { principal, request_id, patience, .. } = caller;
    let provider = named(&app, &principal, request.provider).await?;
    let options = request.options;
    let model = options.model.clone();
    let wish = Wish { task: request.task, context: request.context, provider, model, ..Wish::default() };
    let asked = Arc::clone(&app);
    let work = async move {
        let composed = author::generate(&asked, &principal, wish).await?;
        let mut answer = Value::Object(response::composed(&composed, &options, (asked.parts.now)()));
        note(&mut answer, notes);
        Ok(answer)
    };
    if !streams {
        return Ok(padding::respond(Box::pin(work), patience, request_id).await);
    }
    Ok(match work.await {
        Ok(answer) => stream::finite(vec![stream::early(&app, "workflow", answer)]),
        Err(error) => stream::finite(vec![stream::failure(&app, &error, &request_id)]),
    })
}

/// Adds what the sender should know about the request.
fn note(answer: &mut Value, notes: Vec<String>) {
    if !notes.is_empty() {
        answer["metadata"]["warnings"] = json!(notes);
    }
}

pub(super) async fn refine(State(app): State<Arc<App>>, caller: Caller, document: Document) -> Answer {
    let (request, notes) = RefineRequest::read(document.value)?;
    let Caller { principal, request_id, patience, .. } = caller;
    let provider = named(&app, &principal, request.provider).await?;
    let options = request.options;
    let improvement = Improvement {
        source: request.workflow,
        requirements: request.requirements,
        previous_errors: request.previous_errors,
        context: request.context,
        provider,
        model: options.model.clone(),
    };
    let work = Box::pin(async move {
        let refined = author::improve(&app, &principal, improvement).await?;
        let mut answer = Value::Object(response::refined(&refined, &options, (app.parts.now)()));
        note(&mut answer, notes);
        Ok(answer)
    });
    Ok(padding::respond(work, patience, request_id).await)
}

pub(super) async fn compose(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    document: Document,
) -> Answer {
    let envelope = execution::envelope(&caller, &headers, "/compose", &document.text)?;
    let (request, _) = ComposeRequest::read(document.value)?;
    let streams = request.stream;
    if streams {
        return Ok(compose_as_events(app, caller, request, envelope).await);
    }
    let Caller { principal, request_id, patience, .. } = caller;
    let work = Box::pin(async move {
        let (composed, mut answer) = draft(&app, &principal, &request).await?;
        if request.mode == Mode::Act {
            let run = begin(&app, &principal, (&composed, &request), envelope).await?;
            answer["execution"] = response::run(&runs::ended(&app, &principal, &run).await?);
        }
        Ok(answer)
    });
    Ok(padding::respond(work, patience, request_id).await)
}

/// Makes the workflow, and the answer that shows it.
async fn draft(app: &Arc<App>, principal: &Principal, request: &ComposeRequest) -> Result<(Composed, Value), AppError> {
    let wish = Wish {
        task: request.task.clone(),
        context: request.context.clone(),
        parameters: request.parameters.clone(),
        provider: named(app, principal, request.provider.clone()).await?,
        model: request.authoring.model.clone(),
    };
    let composed = author::generate(app, principal, wish).await?;
    let mut answer = Value::Object(response::composed(&composed, &request.authoring, (app.parts.now)()));
    answer["mode"] = json!(if request.mode == Mode::Act { "act" } else { "plan" });
    for (name, value) in [("session_id", &request.session_id), ("user_id", &request.user_id)] {
        if let Some(value) = value {
            answer["metadata"][name] = json!(value);
        }
    }
    Ok((composed, answer))
}

/// Begins the run of a workflow that nobody has seen: only if nothing in it could hurt, or that is
/// allowed.
async fn begin(
    app: &Arc<App>,
    principal: &Principal,
    (composed, request): (&Composed, &ComposeRequest),
    envelope: Envelope,
) -> Result<partita_core::RunId, AppError> {
    let wishes = Wishes {
        parameters: request.parameters.clone(),
        context: request.context.clone(),
        on_failure: request.options.on_failure,
        timeout_ms: request.options.timeout,
        runner: request.options.runner.clone(),
    };
    let planned = planning::prove_workflow(app, &composed.workflow, &wishes, Purpose::Execute, None);
    planning::gate(&composed.workflow, &planned, &request.options.allow)?;
    let (plan, _) = planning::demand(planned)?;
    planning::permit(app, principal, &plan)?;
    execute::submit(app, principal, plan, envelope).await
}

/// Shows how a workflow comes about as it does, then, in mode `act`, the run.
async fn compose_as_events(app: Arc<App>, caller: Caller, request: ComposeRequest, envelope: Envelope) -> Response {
    let mut events: Vec<Bytes> = Vec::new();
    let outcome = async {
        let (composed, answer) = draft(&app, &caller.principal, &request).await?;
        let text = said(&composed);
        events.push(stream::early(&app, "text", json!({"content": text})));
        events.push(stream::early(&app, "validation", planning::validation(&composed.planned)));
        events.push(stream::early(&app, "workflow", answer));
        if request.mode == Mode::Plan {
            return Ok(None);
        }
        begin(&app, &caller.principal, (&composed, &request), envelope).await.map(Some)
    };
    let run = match outcome.await {
        Ok(Some(run)) => run,
        Ok(None) => return stream::finite(events),
        Err(error) => {
            events.push(stream::failure(&app, &error, &caller.request_id));
            return stream::finite(events);
        }
    };
    match execution::stream_run(Arc::clone(&app), &caller, run, 0, events).await {
        Ok(response) => response,
        Err(error) => stream::finite(vec![stream::failure(&app, &error, &caller.request_id)]),
    }
}

/// What came of the words, in a sentence.
fn said(composed: &Composed) -> String {
    let steps = to_value(&composed.workflow)["steps"].as_array().map_or(0, Vec::len);
    let name = &composed.workflow.name;
    let mut text = format!("Made the workflow `{name}` with {steps} steps.");
    for suggestion in &composed.planned.suggestions {
        text.push_str(&format!(" {suggestion}"));
    }
    text
}
