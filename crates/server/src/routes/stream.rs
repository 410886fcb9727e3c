//! Answers as streams of events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures::{Stream, StreamExt as _, stream};
use partita_core::{RunId, event};
use serde_json::{Map, Value, json};

use crate::App;
use crate::app::AppError;
use crate::app::runs::Entries;
use crate::wire::{problem, sse};

/// The head that every stream has.
fn respond(body: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let headers = [
        (header::CONTENT_TYPE, sse::CONTENT_TYPE),
        (header::CACHE_CONTROL, "no-cache, no-transform"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let body = Body::from_stream(body.map(Ok::<Bytes, Infallible>));
    (StatusCode::OK, headers, body).into_response()
}

/// What a stream of a run holds between two events.
struct Following {
    app: Arc<App>,
    run: RunId,
    entries: Entries,
    /// What goes out before the run's own events.
    early: VecDeque<Bytes>,
    ended: bool,
}

/// The events of a run until it ends, the server stops, or nobody reads any more; after whatever came
/// before the run.
pub(crate) fn follow(app: Arc<App>, run: RunId, entries: Entries, early: Vec<Bytes>) -> Response {
    let mut first = VecDeque::from([Bytes::from_static(sse::OPENING)]);
    first.extend(early);
    let following = Following { app, run, entries, early: first, ended: false };
    respond(stream::unfold(following, |mut following| async move {
        let bytes = following.next().await?;
        Some((bytes, following))
    }))
}

impl Following {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(early) = self.early.pop_front() {
            return Some(early);
        }
        let closing = self.app.closing.clone();
        while !self.ended {
            let entry = tokio::select! {
                biased;
                entry = self.entries.next() => entry,
                () = tokio::time::sleep(self.app.parts.options.heartbeat_every) => {
                    return Some(Bytes::from_static(sse::HEARTBEAT));
                }
                () = closing.cancelled() => return None,
            };
            match entry? {
                Ok(entry) => {
                    let Some(event) = event::project(&entry) else { continue };
                    self.ended = event.name == event::name::EXECUTION_COMPLETE;
                    return Some(sse::run_event(&event, &self.run));
                }
                Err(error) => {
                    tracing::error!(run = %self.run, "a stream broke off: {error}");
                    return None;
                }
            }
        }
        None
    }
}

/// A stream of events that lead to no run.
pub(crate) fn finite(events: Vec<Bytes>) -> Response {
    let opening = Bytes::from_static(sse::OPENING);
    respond(stream::iter(std::iter::once(opening).chain(events)))
}

/// An event that comes before a run, or without one.
pub(crate) fn early(app: &App, name: &str, data: Value) -> Bytes {
    let data = match data {
        Value::Object(data) => data,
        other => Map::from_iter([("value".to_owned(), other)]),
    };
    sse::early_event(name, data, (app.parts.now)())
}

/// The last event of a stream that leads to no run.
pub(crate) fn failure(app: &App, error: &AppError, request_id: &str) -> Bytes {
    let mut data = problem::document(error, request_id);
    data.insert("message".to_owned(), json!(error.to_string()));
    sse::early_event(event::name::ERROR, data, (app.parts.now)())
}

/// Where a client wants to go on: `Last-Event-ID`, or `?starting_after=`.
pub(crate) fn starting_after(headers: &HeaderMap, query: Option<u64>) -> u64 {
    let header = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.trim().parse().ok());
    header.or(query).unwrap_or(0)
}

/// Whether a client asks for a stream by what it accepts.
pub(crate) fn accepts_events(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|kind| kind.trim().starts_with("text/event-stream"))
}
