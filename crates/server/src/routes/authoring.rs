//! `POST /generate`, `/refine`, `/compose` and `/orchestrate`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use partita_core::RunId;
use partita_core::id::SessionId;
use partita_provider::{Composed, Progress, ProgressEvent};
use serde_json::{Value, json};

use super::body::Document;
use super::caller::Caller;
use super::{execution, sessions, stream};
use crate::App;
use crate::app::author::{self, Author, Improvement, Wish};
use crate::app::execute::{self, Envelope};
use crate::app::planning::Wishes;
use crate::app::{AppError, Principal, act, orchestrate as parts, runs};
use crate::wire::framing::{Framing, StreamFormat};
use crate::wire::request::{
    AuthoringOptions, ComposeRequest, GenerateRequest, Mode, OrchestrateRequest, RefineRequest,
};
use crate::wire::{padding, response};

type Answer = Result<Response, AppError>;

/// What a request for a workflow leads to: the answer, and the run that begins with it, if any.
pub(super) type Made = Result<(Value, Option<RunId>), AppError>;

/// Answers with what `work` makes: with events while it goes on, or with JSON when it is done (and the
/// run, if there is one, has ended, under the name `execution_key`).
pub(super) async fn answer<F, W>(
    app: Arc<App>,
    caller: Caller,
    framing: Option<Framing>,
    execution_key: &'static str,
    work: W,
) -> Response
where
    F: Future<Output = Made> + Send + 'static,
    W: FnOnce(Progress) -> F + Send + 'static,
{
    if let Some(framing) = framing {
        return stream::compose(app, &caller, framing, move |progress| {
            Box::pin(async move { Ok(work(progress).await?.1) })
        });
    }
    let Caller { principal, request_id, patience, .. } = caller;
    let made = Box::pin(async move {
        let (mut answer, run) = work(Progress::default()).await?;
        if let Some(run) = run {
            answer[execution_key] = response::run(&runs::ended(&app, &principal, &run).await?);
        }
        Ok(answer)
    });
    padding::respond(made, patience, request_id).await
}

/// The form of the stream, when there is to be one: by the body, else by what the caller accepts.
pub(super) fn framing(headers: &HeaderMap, asked: Option<bool>, framing: Framing) -> Option<Framing> {
    let accepted = stream::accepted(headers);
    let streams = asked.unwrap_or(accepted.is_some());
    let format = match (framing.format, accepted) {
        (StreamFormat::Sse, Some(accepted)) => accepted,
        (format, _) => format,
    };
    streams.then_some(Framing { format, ..framing })
}

/// Adds what the sender should know about the request.
fn note(answer: &mut Value, notes: Vec<String>) {
    if !notes.is_empty() {
        answer["metadata"]["warnings"] = json!(notes);
    }
}

/// Tells the workflow, in the shape of the answer.
pub(super) async fn tell(progress: &Progress, answer: &Value) {
    progress.tell(ProgressEvent::Workflow { answer: answer.clone() }).await;
}

/// The answer to a request that began a run before, under the same idempotency key: that run, and the workflow
/// that it carries out. Nothing is composed again.
pub(super) async fn repeated(
    app: &App,
    principal: &Principal,
    envelope: &Envelope,
    progress: &Progress,
) -> Result<Option<(Value, Option<RunId>)>, AppError> {
    let Some(run) = execute::begun_before(app, principal, envelope).await? else { return Ok(None) };
    let answer = json!({"workflow": runs::workflow(app, &run).await?, "metadata": {"idempotent_replayed": true}});
    tell(progress, &answer).await;
    Ok(Some((answer, Some(run))))
}

/// Who is asked, by a request.
pub(super) fn author(provider: Option<String>, options: &AuthoringOptions) -> Author {
    Author { provider, model: options.model.clone(), iterations_max: options.max_iterations, session_usage: None }
}

pub(super) async fn generate(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    document: Document,
) -> Answer {
    let (request, notes) = GenerateRequest::read(document.value)?;
    let GenerateRequest { task, context, provider, options, framing: wanted } = request;
    let framing = framing(&headers, options.stream, wanted);
    let wish = Wish { task, context, author: author(provider, &options), ..Wish::default() };
    let (asked, principal) = (Arc::clone(&app), caller.principal.clone());
    let work = move |progress: Progress| async move {
        let composed = author::generate(&asked, &principal, wish, &progress).await?;
        let mut answer = Value::Object(response::composed(&composed, &options, (asked.parts.now)()));
        note(&mut answer, notes);
        tell(&progress, &answer).await;
        Ok((answer, None))
    };
    Ok(self::answer(app, caller, framing, "execution", work).await)
}

pub(super) async fn refine(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    document: Document,
) -> Answer {
    let (request, notes) = RefineRequest::read(document.value)?;
    let options = request.options;
    let framing = framing(&headers, options.stream, request.framing);
    let improvement = Improvement {
        source: request.workflow,
        requirements: request.requirements,
        previous_errors: request.previous_errors,
        context: request.context,
        author: author(request.provider, &options),
    };
    let (asked, principal) = (Arc::clone(&app), caller.principal.clone());
    let work = move |progress: Progress| async move {
        let refined = author::improve(&asked, &principal, improvement, &progress).await?;
        let mut answer = Value::Object(response::refined(&refined, &options, (asked.parts.now)()));
        note(&mut answer, notes);
        tell(&progress, &answer).await;
        Ok((answer, None))
    };
    Ok(self::answer(app, caller, framing, "execution", work).await)
}

pub(super) async fn compose(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    document: Document,
) -> Answer {
    let envelope = execution::envelope(&caller, &headers, "/compose", &document.text)?;
    let (request, notes) = ComposeRequest::read(document.value)?;
    let framing = framing(&headers, Some(request.stream), request.framing);
    let (asked, principal) = (Arc::clone(&app), caller.principal.clone());
    let work = move |progress: Progress| async move {
        if let Some(made) = repeated(&asked, &principal, &envelope, &progress).await? {
            return Ok(made);
        }
        let is_ours = |id: &String| id.starts_with(SessionId::PREFIX);
        if let Some(session) = request.session_id.clone().filter(is_ours) {
            return sessions::turn(&asked, &principal, (session, request.into()), envelope, &progress).await;
        }
        let (composed, mut answer) = draft(&asked, &principal, &request, &progress).await?;
        note(&mut answer, notes);
        progress.tell(ProgressEvent::Text { content: said(&composed) }).await;
        tell(&progress, &answer).await;
        if request.mode == Mode::Plan {
            return Ok((answer, None));
        }
        let wishes = wishes(&request.parameters, &request.context, &request.options);
        let allowed = (&wishes, request.options.allow.as_slice());
        let of = (&composed.workflow, act::composed_by(&composed.metadata, composed.metadata.usage));
        let run = act::begin_unseen(&asked, &principal, of, allowed, envelope).await?;
        Ok((answer, Some(run)))
    };
    Ok(self::answer(app, caller, framing, "execution_result", work).await)
}

/// What a plan is made with, by a request.
pub(super) fn wishes(
    parameters: &serde_json::Map<String, Value>,
    context: &serde_json::Map<String, Value>,
    options: &crate::wire::request::RunOptions,
) -> Wishes {
    Wishes {
        parameters: parameters.clone(),
        context: context.clone(),
        on_failure: options.on_failure,
        timeout_ms: options.timeout,
        runner: options.runner.clone(),
    }
}

/// Makes the workflow, and the answer that shows it.
async fn draft(
    app: &Arc<App>,
    principal: &Principal,
    request: &ComposeRequest,
    progress: &Progress,
) -> Result<(Composed, Value), AppError> {
    let wish = Wish {
        task: request.task.clone(),
        context: request.context.clone(),
        parameters: request.parameters.clone(),
        author: author(request.provider.clone(), &request.authoring),
    };
    let composed = author::generate(app, principal, wish, progress).await?;
    let mut answer = Value::Object(response::composed(&composed, &request.authoring, (app.parts.now)()));
    answer["mode"] = json!(if request.mode == Mode::Act { "act" } else { "plan" });
    // An id of the caller's own is theirs to keep track of.
    for (name, value) in [("session_id", &request.session_id), ("user_id", &request.user_id)] {
        if let Some(value) = value {
            answer["metadata"][name] = json!(value);
        }
    }
    Ok((composed, answer))
}

/// What came of the words, in a sentence.
pub(super) fn said(composed: &Composed) -> String {
    let steps = composed.workflow.steps.len();
    let name = &composed.workflow.name;
    let mut text = format!("Made the workflow `{name}` with {steps} steps.");
    for suggestion in &composed.planned.suggestions {
        text.push_str(&format!(" {suggestion}"));
    }
    text
}

pub(super) async fn orchestrate(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    document: Document,
) -> Answer {
    let envelope: Envelope = execution::envelope(&caller, &headers, "/orchestrate", &document.text)?;
    let (request, notes) = OrchestrateRequest::read(document.value)?;
    let OrchestrateRequest { order, authoring, framing: wanted } = request;
    let framing = framing(&headers, authoring.stream, wanted);
    let (asked, principal) = (Arc::clone(&app), caller.principal.clone());
    let work = move |progress: Progress| async move {
        if let Some(made) = repeated(&asked, &principal, &envelope, &progress).await? {
            return Ok(made);
        }
        let orchestrated = parts::orchestrate(&asked, &principal, &order, &progress).await?;
        let mut answer = Value::Object(response::orchestrated(&orchestrated, &authoring, (asked.parts.now)()));
        note(&mut answer, notes);
        tell(&progress, &answer).await;
        let run = parts::begin(&asked, &principal, (&order, &orchestrated), envelope, &progress).await?;
        Ok((answer, run))
    };
    Ok(self::answer(app, caller, framing, "execution", work).await)
}
