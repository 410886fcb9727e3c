//! Answers as streams of events: those of a run, and those of a workflow that comes about and may then run.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures::future::BoxFuture;
use futures::{Stream, StreamExt as _, stream};
use partita_core::{RunId, event};
use partita_provider::{Progress, ProgressEvent};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::caller::Caller;
use crate::App;
use crate::app::runs::{self, Entries};
use crate::app::{AppError, Principal};
use crate::wire::framing::{Framing, StreamFormat};
use crate::wire::{problem, progress};

/// Events that may wait for a slow reader before the work waits, too.
const PROGRESS_QUEUE: usize = 64;

/// What composing leads to: the run that begins with it, if any.
pub(super) type Composing = BoxFuture<'static, Result<Option<RunId>, AppError>>;

/// The head that every stream has.
fn respond(framing: Framing, body: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let headers = [
        (header::CONTENT_TYPE, framing.content_type()),
        (header::CACHE_CONTROL, "no-cache, no-transform"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let opening = stream::iter(framing.opening());
    let body = Body::from_stream(opening.chain(body).map(Ok::<Bytes, Infallible>));
    (StatusCode::OK, headers, body).into_response()
}

/// A stream that is being sent.
struct Sending {
    app: Arc<App>,
    principal: Principal,
    request_id: Arc<str>,
    framing: Framing,
    stage: Stage,
}

/// What a stream waits for.
enum Stage {
    /// The workflow comes about.
    Composing {
        told: mpsc::Receiver<ProgressEvent>,
        work: AbortOnDropHandle<Result<Option<RunId>, AppError>>,
    },
    /// The workflow's run has begun.
    Beginning {
        run: RunId,
    },
    /// The run goes on.
    Following {
        run: RunId,
        entries: Entries,
    },
    Ended,
}

/// The events of a run until it ends, the server stops, or nobody reads any more.
pub(super) fn follow(app: Arc<App>, caller: &Caller, framing: Framing, (run, entries): (RunId, Entries)) -> Response {
    send(app, caller, framing, Stage::Following { run, entries })
}

/// What is told while `work` goes on, then the events of the run that it leads to. When nobody reads any
/// more, the work is dropped (a run that began goes on).
pub(super) fn compose(
    app: Arc<App>,
    caller: &Caller,
    framing: Framing,
    work: impl FnOnce(Progress) -> Composing,
) -> Response {
    let (tx, told) = mpsc::channel(PROGRESS_QUEUE);
    let work = AbortOnDropHandle::new(tokio::spawn(work(Progress::to(tx))));
    send(app, caller, framing, Stage::Composing { told, work })
}

fn send(app: Arc<App>, caller: &Caller, framing: Framing, stage: Stage) -> Response {
    let (principal, request_id) = (caller.principal.clone(), Arc::clone(&caller.request_id));
    let sending = Sending { app, principal, request_id, framing, stage };
    respond(
        framing,
        stream::unfold(sending, |mut sending| async move {
            let bytes = sending.next().await?;
            Some((bytes, sending))
        }),
    )
}

impl Sending {
    /// The next bytes to send; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        let closing = self.app.closing.clone();
        let heartbeat_every = self.app.parts.options.heartbeat_every;
        let silence = tokio::time::sleep(heartbeat_every);
        tokio::pin!(silence);
        loop {
            let bytes = tokio::select! {
                biased;
                bytes = self.advance() => bytes,
                () = &mut silence => Some(self.framing.heartbeat((self.app.parts.now)())),
                () = closing.cancelled() => return None,
            };
            if bytes.is_some() || matches!(self.stage, Stage::Ended) {
                return bytes;
            }
        }
    }

    /// Waits for what comes next; nothing when this reader does not want it. May be dropped while it waits.
    async fn advance(&mut self) -> Option<Bytes> {
        match &mut self.stage {
            Stage::Ended => None,
            Stage::Composing { told, work } => {
                if let Some(event) = told.recv().await {
                    let (name, data) = progress::event(event);
                    return self.framing.early_event(name, data, (self.app.parts.now)());
                }
                let outcome = work.await.unwrap_or_else(|error| Err(AppError::Internal(error.to_string())));
                match outcome {
                    Ok(Some(run)) => self.stage = Stage::Beginning { run },
                    Ok(None) => self.stage = Stage::Ended,
                    Err(error) => return self.fail(&error),
                }
                None
            }
            Stage::Beginning { run } => match runs::follow(&self.app, &self.principal, run, 0).await {
                Ok(Some(entries)) => {
                    self.stage = Stage::Following { run: run.clone(), entries };
                    None
                }
                Ok(None) => {
                    self.stage = Stage::Ended;
                    None
                }
                Err(error) => self.fail(&error),
            },
            Stage::Following { run, entries } => {
                let entry = match entries.next().await {
                    Some(Ok(entry)) => entry,
                    Some(Err(error)) => {
                        tracing::error!(%run, "a stream broke off: {error}");
                        self.stage = Stage::Ended;
                        return None;
                    }
                    None => {
                        self.stage = Stage::Ended;
                        return None;
                    }
                };
                let event = event::project(&entry)?;
                let bytes = self.framing.run_event(&event, run);
                if event.name == event::name::EXECUTION_COMPLETE {
                    self.stage = Stage::Ended;
                }
                bytes
            }
        }
    }

    /// The last event of a stream that leads to no run.
    fn fail(&mut self, error: &AppError) -> Option<Bytes> {
        self.stage = Stage::Ended;
        if let AppError::Internal(cause) = error {
            tracing::error!(request_id = &*self.request_id, cause, "a request failed");
        }
        let mut data = problem::document(error, &self.request_id);
        data.insert("message".to_owned(), data["detail"].clone());
        self.framing.early_event(event::name::ERROR, data, (self.app.parts.now)())
    }
}

/// Where a client wants to go on: `Last-Event-ID`, or `?starting_after=`.
pub(super) fn starting_after(headers: &HeaderMap, query: Option<u64>) -> u64 {
    let header = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.trim().parse().ok());
    header.or(query).unwrap_or(0)
}

/// The form of a stream that a client asks for by what it accepts, if it asks for one.
pub(super) fn accepted(headers: &HeaderMap) -> Option<StreamFormat> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.split(',').find_map(|kind| match kind.split(';').next().unwrap_or_default().trim() {
        "text/event-stream" => Some(StreamFormat::Sse),
        "application/x-ndjson" | "application/ndjson" => Some(StreamFormat::Ndjson),
        _ => None,
    })
}
